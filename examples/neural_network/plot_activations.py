"""
=======================================
What the activation does to a boundary
=======================================

Between its layers a network bends what it computes; the function that bends is the
activation. Without one, the deepest network draws a straight line. With one, its shape
shows in the boundary between the classes.
"""

# %%
# Two half moons that reach into each other. The same network learns them with each
# activation: two hidden layers of 20 units, the same initial random numbers, the same
# number of steps.

from sklearn.datasets import make_moons
from sklearn.preprocessing import StandardScaler

from sklearn_dl.modules import ACTIVATIONS
from sklearn_dl.neural_network import MLPClassifier

X, y = make_moons(n_samples=300, noise=0.25, random_state=0)
X = StandardScaler().fit_transform(X)

networks = {
    activation: MLPClassifier(
        hidden_layer_sizes=(20, 20),
        activation=activation,
        weight_init="glorot_normal",
        learning_rate_init=0.01,
        learning_rate="cosine",
        max_iter=100,
        batch_size=50,
        random_state=0,
    ).fit(X, y)
    for activation in ACTIVATIONS
}

# %%
# The boundaries
# ==============
#
# The colour is the probability of the orange class; it is one half on the black line.
# In the corner stands the accuracy on the training rows.

import math

import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap
from sklearn.inspection import DecisionBoundaryDisplay

N_COLUMNS = 4
POINTS = ListedColormap(["C0", "C1"])


def draw(axes):
    """Draw the boundary of each network on an axes of its own."""
    for ax, (activation, network) in zip(axes, networks.items(), strict=False):
        common = {
            "X": X,
            "response_method": "predict_proba",
            "grid_resolution": 80,
            "ax": ax,
        }
        DecisionBoundaryDisplay.from_estimator(
            network, **common, cmap="RdBu_r", alpha=0.4, vmin=0, vmax=1
        )
        DecisionBoundaryDisplay.from_estimator(
            network, **common, plot_method="contour", levels=[0.5], colors="black"
        )
        ax.scatter(*X.T, c=y, cmap=POINTS, s=10, linewidths=0.3, edgecolors="white")
        ax.set(title=activation, xticks=[], yticks=[], xlabel="", ylabel="")
        ax.text(
            0.97,
            0.04,
            f"{network.score(X, y):.2f}",
            transform=ax.transAxes,
            horizontalalignment="right",
        )


n_rows = math.ceil(len(networks) / N_COLUMNS)
fig, axes = plt.subplots(
    n_rows, N_COLUMNS, figsize=(9, 2.3 * n_rows), layout="constrained"
)
draw(axes.ravel())
plt.show()

# %%
# ``identity`` is no activation at all: the network is a logistic regression. Those with
# a kink (``relu`` and its kin) have boundaries of straight pieces with corners; smooth
# ones (``tanh``, ``gelu``, ``swish``, ``mish``) have round ones. ``logistic`` and
# ``softplus`` are close to a straight line around 0. With small initial weights it
# takes them longer than these hundred epochs to leave it.
#
# How fast they learn
# ===================
#
# The loss at the start of the training tells activations apart more than their
# boundaries do. An activation whose slope is small, such as the logistic function's of
# at most one quarter, passes little of the gradient on to the layers below.

_, ax = plt.subplots(layout="constrained")
for name in ("identity", "logistic", "tanh", "relu", "selu", "mish"):
    ax.plot(networks[name].loss_curve_, label=name)
ax.set(xlabel="Epoch", ylabel="Training loss")
ax.legend()
plt.show()
