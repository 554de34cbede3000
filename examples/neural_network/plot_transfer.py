"""
================================
Few labels and a trained network
================================

A network that has learned to see one thing learns the next from fewer examples. Here a
residual network knows the digits from 0 to 4 and is to tell 5 to 9 apart, of which only
a few are labelled.
"""

# %%
# Images of handwritten digits, 8 x 8 pixels, and the network that knows half of them.

import numpy as np
from sklearn.datasets import load_digits

from sklearn_dl.neural_network import CNNClassifier

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8).astype(np.float32) / 16
old = y < 5
X_new, y_new = X[~old], y[~old]

schedule = {"learning_rate": "one_cycle", "learning_rate_init": 0.01}
network = CNNClassifier("resnet20", max_iter=4, random_state=0, **schedule)
network.fit(X[old], y[old])

# %%
# From scratch, or from there on
# ==============================
#
# The new task has other classes, so that the network needs a new output layer. The rest
# of it trains as well, at a tenth of the rate ("none" is frozen), or only its last
# blocks do ("most"), or nothing does but the output layer ("all"). The network from
# scratch is the same, with nothing in it yet.

from sklearn.base import clone
from sklearn.model_selection import train_test_split

from sklearn_dl.neural_network import FineTuner

models = {"from scratch": clone(network).set_params(max_iter=30, batch_size=10)}
for freeze in ("all", "most", "none"):
    models[f"freeze='{freeze}'"] = FineTuner(
        network,
        freeze=freeze,
        max_iter=30,
        batch_size=10,
        random_state=0,
        learning_rate="one_cycle",
        learning_rate_init=0.03,
    )

numbers = [10, 20, 50]
accuracy = {name: [] for name in models}
for n_labels in numbers:
    scores = {name: [] for name in models}
    for seed in range(2):
        X_train, X_test, y_train, y_test = train_test_split(
            X_new, y_new, train_size=n_labels, stratify=y_new, random_state=seed
        )
        for name, model in models.items():
            scores[name].append(model.fit(X_train, y_train).score(X_test, y_test))
    for name, values in scores.items():
        accuracy[name].append(np.mean(values))

# %%

import matplotlib.pyplot as plt

fig, ax = plt.subplots(layout="constrained")
for name, values in accuracy.items():
    style = "k--" if name == "from scratch" else "-"
    ax.semilogx(numbers, values, style, marker="o", label=name)
ax.set(
    xlabel="Labelled images of the digits 5 to 9",
    ylabel="Accuracy on all others",
    xticks=numbers,
    xticklabels=numbers,
)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# With ten images, two a digit, the tuned network is far ahead; the more labels there
# are, the less there is to gain. What the last layers have learned is all about the old
# digits. Features that tell five of them apart are too few for five others, and the
# network that is frozen stays behind the one from scratch.

# %%
# Which layer has the best features
# =================================
#
# :class:`~sklearn_dl.neural_network.NetTransformer` hands the activations of a layer to
# any other estimator, here to a linear model. The layer is a parameter like others.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sklearn_dl.neural_network import NetTransformer

X_train, X_test, y_train, y_test = train_test_split(
    X_new, y_new, train_size=50, stratify=y_new, random_state=0
)
layers = {
    "first layer": "features.0",
    "first stage": "features.1",
    "second stage": "features.2",
    "third stage": "features.3",
    "what the output layer takes": None,
}
pipeline = Pipeline(
    [
        ("net", NetTransformer(network, prefit=True)),
        ("clf", LogisticRegression(max_iter=1000)),
    ]
)
for name, layer in layers.items():
    pipeline.set_params(net__layer=layer).fit(X_train, y_train)
    print(f"{name:28} {pipeline.score(X_test, y_test):.3f}")

# %%
# Up to the last stage the maps serve the new digits nearly as well as a tuned network
# does, and nothing had to be trained. What the output layer takes is the mean of each
# map: 64 numbers, made for five other digits.
