"""
====================================
Loss curves of the solvers on digits
====================================

The solvers take the same gradients and make different steps of them. To compare them at
the same learning rate would be unfair: a good rate for Adam is a poor one for Adadelta.
So each is drawn with the best of several rates of its own.
"""

# %%
# Images of handwritten digits, 8 x 8 pixels. The network, its initial weights and its
# batches are the same for all solvers. For all of them the rate falls on half a cosine
# wave.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_dl.neural_network import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, stratify=y, random_state=0
)

# Name, parameters, and the range in which rates are tried.
solvers = {
    "sgd": ({"solver": "sgd", "momentum": 0.0}, 0.1, 10),
    "momentum": ({"solver": "sgd", "nesterovs_momentum": False}, 0.01, 1),
    "nesterov": ({"solver": "sgd"}, 0.01, 1),
    "adagrad": ({"solver": "adagrad"}, 0.01, 1),
    # Its first steps are as long as the root of epsilon.
    "adadelta": ({"solver": "adadelta", "epsilon": 1e-4}, 0.3, 30),
    "rmsprop": ({"solver": "rmsprop"}, 0.003, 0.3),
    "adam": ({"solver": "adam"}, 0.003, 0.3),
    "adamw": ({"solver": "adamw", "alpha": 0.01}, 0.003, 0.3),
    "nadam": ({"solver": "nadam"}, 0.003, 0.3),
}


def train(parameters, lowest, highest):
    """Return the network whose rate leads to the lowest loss."""
    networks = [
        MLPClassifier(
            hidden_layer_sizes=(50,),
            batch_size=64,
            learning_rate="cosine",
            learning_rate_init=rate,
            max_iter=20,
            random_state=0,
            **parameters,
        ).fit(X_train, y_train)
        for rate in np.geomspace(lowest, highest, 5)
    ]
    return min(networks, key=lambda network: network.loss_)


networks = {name: train(*options) for name, options in solvers.items()}

# %%
# The losses
# ==========
#
# Left the solvers with one rate for all weights, right those that divide by the size of
# a weight's past gradients.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for name, network in networks.items():
    ax = axes[0] if network.solver == "sgd" else axes[1]
    ax.semilogy(range(1, network.n_iter_ + 1), network.loss_curve_, label=name)
titles = ("One rate for all weights", "A rate for each weight")
for ax, title in zip(axes, titles, strict=True):
    ax.set(xlabel="Epoch", title=title, xticks=range(0, 21, 5))
    ax.legend()
axes[0].set_ylabel("Training loss")
plt.show()

# %%
# The rates are far apart, the scores are not. With a rate of its own, and a schedule
# that ends low, every solver gets there.

import pandas as pd

pd.DataFrame(
    {
        name: {
            "best rate": f"{network.learning_rate_init:.2g}",
            "test accuracy": f"{network.score(X_test, y_test):.3f}",
        }
        for name, network in networks.items()
    }
).T

# %%
# All rows at once
# ================
#
# ``lbfgs`` is of another kind. It looks at all rows before each step, estimates the
# curvature from the last few, and searches along a line: it needs no learning rate. On
# small data it reaches a low loss in few iterations. It does not know when to stop;
# that is what the penalty ``alpha`` is for.

lbfgs = MLPClassifier(
    hidden_layer_sizes=(50,), solver="lbfgs", alpha=1.0, tol=1e-3, random_state=0
).fit(X_train, y_train)
print(f"iterations: {lbfgs.n_iter_}")
print(f"test accuracy: {lbfgs.score(X_test, y_test):.3f}")
