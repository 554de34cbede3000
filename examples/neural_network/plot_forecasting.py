"""
====================
Forecasting a series
====================

A window that slides over a series makes rows of it: what is in the window is the input,
what follows is the target. Then a forecast is a regression, and all that scikit-learn
has for regression can be used. Here is a recurrent network one step ahead and many
steps ahead, and a search for how far it should look back.
"""

# %%
# The series
# ==========
#
# The Mackey-Glass equation has been made to describe how many blood cells there are:
# their growth depends on how many there were 17 time units ago, by a curve that first
# rises and then falls. That is enough to be chaotic. The series is measured every third
# time unit and scaled to mean 0 and variance 1, for the network scales its inputs by
# itself, but not the target. Then comes some noise, as of a measurement.

import numpy as np


def mackey_glass(n_values, delay=17, n_parts=10):
    """Follow x' = 0.2 x(t - delay) / (1 + x(t - delay)^10) - 0.1 x in small steps."""
    n_units = 3 * n_values + 200
    x = np.full(delay * n_parts + n_units * n_parts, 1.2)
    for k in range(delay * n_parts, len(x)):
        past = x[k - delay * n_parts]
        change = 0.2 * past / (1 + past**10) - 0.1 * x[k - 1]
        x[k] = x[k - 1] + change / n_parts
    measured = x[-3 * n_values * n_parts :: 3 * n_parts]
    return (measured - measured.mean()) / measured.std()


NOISE = 0.1
noise = np.random.default_rng(0).normal(scale=NOISE, size=2500)
series = (mackey_glass(2500) + noise).astype(np.float32)

# %%
# The windows
# ===========
#
# ``sliding_window_view`` of NumPy cuts them without copying a number. The first 30
# values of each are the input, the next 25 the target. Rows for the test come later
# than those for the training, with a gap between them, for otherwise the last windows
# of the one would overlap the first ones of the other.

import matplotlib.pyplot as plt
from numpy.lib.stride_tricks import sliding_window_view

N_BACK, N_AHEAD, N_TRAIN = 30, 25, 1600

windows = sliding_window_view(series, N_BACK + N_AHEAD)
X, Y = windows[:, :N_BACK], windows[:, N_BACK:]
X_train, Y_train = X[:N_TRAIN], Y[:N_TRAIN]
first = N_TRAIN + N_BACK + N_AHEAD
X_test, Y_test = X[first:], Y[first:]

_, ax = plt.subplots(figsize=(9, 3), layout="constrained")
ax.plot(series[:150], color="0.6")
for k, start in enumerate((10, 40, 85)):
    steps = start + np.arange(N_BACK + N_AHEAD)
    height = 2 + 0.45 * k
    ax.plot(steps[:N_BACK], np.full(N_BACK, height), color="C0", lw=5)
    ax.plot(steps[N_BACK:], np.full(N_AHEAD, height), color="C1", lw=5)
ax.plot([], [], color="C0", lw=5, label="input")
ax.plot([], [], color="C1", lw=5, label="target")
ax.legend(loc="lower right")
ax.set(xlabel="Step", title="Three of the windows", yticks=[-2, -1, 0, 1])
plt.show()

# %%
# One step ahead
# ==============
#
# The target is the first value behind the window. Beside the network stand two
# forecasts that cost next to nothing: that all stays as it is, and a linear function of
# the values in the window. The noise of the measurement is an error that nobody can
# avoid. In float32, the type of this series, ``"lstm"`` is the fastest cell with gates.

from sklearn.linear_model import Ridge

from sklearn_dl.neural_network import RNNRegressor

network = RNNRegressor(
    "lstm",
    batch_size=32,
    learning_rate="one_cycle",
    learning_rate_init=0.01,
    max_iter=20,
    random_state=0,
)
one_step = network.fit(X_train, Y_train[:, 0])
linear = Ridge(alpha=0.001).fit(X_train, Y_train)


def errors(forecast):
    """Return the root of the mean squared error, for each number of steps ahead."""
    return np.sqrt(np.mean((forecast - Y_test[:, : forecast.shape[1]]) ** 2, axis=0))


for name, forecast in {
    "as it is": X_test[:, -1:],
    "linear": linear.predict(X_test)[:, :1],
    "network": one_step.predict(X_test)[:, np.newaxis],
}.items():
    print(f"{name:8}  {errors(forecast)[0]:.2f}")

# %%
# Many steps ahead
# ================
#
# There are two ways. The **direct** one is a network with an output for each step: a
# target with 25 columns is all that it takes. The **recursive** one needs only the
# network above: its forecast is put at the end of the window, as if it had been seen,
# the first value drops out, and the next forecast is made. All windows go through it
# together.

from sklearn.base import clone

direct = clone(network).fit(X_train, Y_train)


def recursive_forecast(model, window, n_steps):
    """Forecast step by step, each from those before."""
    for _ in range(n_steps):
        window = np.column_stack([window[:, 1:], model.predict(window)])
    return window[:, -n_steps:]


forecasts = {
    "as it is": np.repeat(X_test[:, -1:], N_AHEAD, axis=1),
    "linear, direct": linear.predict(X_test),
    "network, recursive": recursive_forecast(one_step, X_test, N_AHEAD),
    "network, direct": direct.predict(X_test),
}

fig, axes = plt.subplots(
    3, 1, figsize=(9, 6), sharex=True, sharey=True, layout="constrained"
)
past, future = np.arange(1 - N_BACK, 1), np.arange(1, 1 + N_AHEAD)
for ax, row in zip(axes, (0, 300, 600), strict=True):
    ax.plot(past, X_test[row], color="0.3")
    ax.plot(future, Y_test[row], color="0.3", lw=4, alpha=0.3, label="what came")
    for name, color in (
        ("linear, direct", "C2"),
        ("network, recursive", "C0"),
        ("network, direct", "C1"),
    ):
        ax.plot(future, forecasts[name][row], color=color, label=name)
    ax.axvline(0.5, color="0.8", lw=1)
fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4)
axes[-1].set_xlabel("Steps ahead")
fig.supylabel("Series, at three places of the test")
plt.show()

# %%
# How the error grows
# ===================
#
# The recursive network is right at first, since one step is all that it has learned.
# From there on it builds on forecasts, and what is wrong with one goes into the next.
# The direct network shares its state among all steps. That costs something at the
# first ones, and pays at the last ones.

fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, forecast), color in zip(
    forecasts.items(), ("0.6", "C2", "C0", "C1"), strict=True
):
    ax.plot(future, errors(forecast), color=color, marker=".", label=name)
ax.axhline(NOISE, color="k", ls=":", label="noise of the measurement")
ax.set(xlabel="Steps ahead", ylabel="Root mean squared error", yscale="log")
fig.legend(loc="outside right upper")
plt.show()

# %%
# How far to look back
# ====================
#
# The length of the window is a parameter like others once a step of the pipeline cuts
# it. ``TimeSeriesSplit`` trains on what came before and scores on what came after; its
# ``gap`` keeps windows apart that overlap. The target here is the tenth step ahead.
#
# The equation looks 17 time units back, nearly six steps. A network that sees three
# does not see what decides, and one that sees six or more does. Much longer windows
# are of no use, and cost time.

import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_dl.model_selection import GridSearchCV


def last_steps(X, n_steps):
    """Return the end of each window."""
    return X[:, -n_steps:]


lengths = [1, 3, 6, 12, 24]
search = GridSearchCV(
    Pipeline([("cut", FunctionTransformer(last_steps)), ("network", clone(network))]),
    {
        "cut__kw_args": [{"n_steps": length} for length in lengths],
        "network__cell": ["rnn", "lstm"],
        "network__max_iter": [10],
    },
    cv=TimeSeriesSplit(n_splits=3, gap=N_BACK + N_AHEAD, test_size=300),
    refit=False,
).fit(X_train, Y_train[:, 9])

results = pd.DataFrame(search.cv_results_)
results["length"] = [cut["n_steps"] for cut in results["param_cut__kw_args"]]

_, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for cell, rows in results.groupby("param_network__cell"):
    ax.errorbar(
        rows["length"],
        rows["mean_test_score"],
        yerr=rows["std_test_score"],
        marker="o",
        capsize=3,
        label=cell,
    )
ax.axvline(17 / 3, color="0.8", zorder=0, label="delay of the equation")
ax.set(xlabel="Steps in the window", ylabel="$R^2$, ten steps ahead", xscale="log")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend(loc="lower right")
plt.show()
