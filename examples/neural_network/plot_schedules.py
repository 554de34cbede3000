"""
=======================
Learning-rate schedules
=======================

A high learning rate gets far, a low one gets precise. A schedule begins with the first
and ends with the second. Here are all schedules that the networks know, and what they
make of the loss.
"""

# %%
# A network notes the learning rate of every epoch, so the curves below are not formulas
# but what was done. All start from ``learning_rate_init=0.3``. Where a schedule has a
# strength, ``learning_rate_decay``, it is the default one unless the title says
# otherwise.

import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sklearn_dl.neural_network import MLPClassifier

X, y = load_digits(return_X_y=True)
X = X / 16
N_EPOCHS = 60


def train(**parameters):
    network = MLPClassifier(
        **{
            "hidden_layer_sizes": (30,),
            "solver": "sgd",
            "learning_rate_init": 0.3,
            "batch_size": 32,
            "max_iter": N_EPOCHS,
            "n_iter_no_change": N_EPOCHS,
            "random_state": 0,
            **parameters,
        }
    )
    with warnings.catch_warnings():
        # All epochs are wanted here, whether the network has converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(X, y)


schedules = {
    "constant": {"learning_rate": "constant"},
    "time": {"learning_rate": "time"},
    "exponential": {"learning_rate": "exponential"},
    "sqrt": {"learning_rate": "sqrt"},
    "step": {"learning_rate": "step"},
    "invscaling, power_t=0.2": {"learning_rate": "invscaling", "power_t": 0.2},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 2},
    "cosine": {"learning_rate": "cosine"},
    "one_cycle": {"learning_rate": "one_cycle"},
    "coslog4": {"learning_rate": "coslog4"},
    "cosine, warmup_epochs=10": {"learning_rate": "cosine", "warmup_epochs": 10},
    "a list": {"learning_rate": [0.3] * 20 + [0.1] * 20 + [0.02]},
}
networks = {name: train(**parameters) for name, parameters in schedules.items()}

# %%
# The rates
# =========
#
# Most of them know only the epoch; ``invscaling`` counts rows. ``adaptive`` looks at
# the loss, divides the rate by five whenever that stands still, and ends the training
# when the rate is next to nothing. ``cosine``, ``one_cycle`` and ``coslog4`` change
# from batch to batch and are planned for ``max_iter`` epochs: they end low when the
# training does. Drawn is the rate of the last batch of each epoch.

import matplotlib.pyplot as plt
import pandas as pd

fig, axes = plt.subplots(
    3, 4, figsize=(10, 6), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, network) in zip(axes.flat, networks.items(), strict=True):
    history = pd.DataFrame(network.history_)
    ax.plot(history["epoch"], history["learning_rate"])
    ax.set_title(name, fontsize="medium")
fig.supxlabel("Epoch")
fig.supylabel("Learning rate")
plt.show()

# %%
# The losses
# ==========
#
# The same axes, with the training loss. In grey lies the constant rate.

fig, axes = plt.subplots(
    3, 4, figsize=(10, 6), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, network) in zip(axes.flat, networks.items(), strict=True):
    for drawn, color in ((networks["constant"], "0.7"), (network, "C0")):
        history = pd.DataFrame(drawn.history_)
        ax.semilogy(history["epoch"], history["train_loss"], color=color)
    ax.set_title(name, fontsize="medium")
fig.supxlabel("Epoch")
fig.supylabel("Training loss")
plt.show()

# %%
# This rate is high for the network. It learns fast, and as long as the rate is that
# high the loss jumps. Where a schedule brings it below about 0.1, the loss falls to a
# tenth and comes to rest. ``invscaling`` is down after one epoch and only creeps from
# there: too cautious. ``adaptive`` waits until nothing happens, and is soon too low to
# go on. ``one_cycle`` jumps at the top of its wave and settles on the way down.
# ``coslog4`` does so on every wave.
