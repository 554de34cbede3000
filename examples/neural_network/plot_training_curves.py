"""
========================
Reading training curves
========================

A network keeps a diary: its loss, its score and its learning rate after every epoch.
Drawn, it tells whether the training was too short, too long or at the wrong rate.
"""

# %%
# Diagnoses of breast tumours from 30 measurements. A part of the training rows is held
# out by the network itself (``early_stopping=True``), to look at itself from outside.

import warnings

from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.neural_network import MLPClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)


def train(**parameters):
    network = MLPClassifier(
        early_stopping=True,
        validation_fraction=0.3,
        **{"max_iter": 60, "n_iter_no_change": 60, "random_state": 1, **parameters},
    )
    with warnings.catch_warnings():
        # All sixty epochs are wanted here, whether the network has converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), network).fit(X_train, y_train)


# %%
# One training
# ============
#
# The display finds the network in a pipeline or in a search. Losses are on the axis on
# the left, the score is on the right. The dotted line marks the epoch with the highest
# validation score: the weights that the network has kept.

import matplotlib.pyplot as plt

from sklearn_dl.inspection import TrainingCurveDisplay

model = train()
_, ax = plt.subplots(layout="constrained")
TrainingCurveDisplay.from_estimator(model, ax=ax)
ax.set_title(f"Accuracy on the test set: {model.score(X_test, y_test):.3f}")
plt.show()

# %%
# Three that went wrong, or not
# =============================
#
# A rate that is too low: both losses still fall when the training ends. A rate that is
# too high: they jump in the first epochs, and the validation loss ends a hundred times
# as high as it could. And a network that learns its rows by heart: the training loss
# goes on towards 0, while the validation loss turns and rises.

cases = {
    "too slow": {"learning_rate_init": 1e-4},
    "too fast": {"learning_rate_init": 0.3},
    "by heart": {"learning_rate_init": 0.01, "alpha": 0.0},
}

fig, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for ax, (name, parameters) in zip(axes, cases.items(), strict=True):
    TrainingCurveDisplay.from_estimator(
        train(**parameters), metrics=["train_loss", "valid_loss"], ax=ax
    )
    ax.set(title=name, ylim=(0, None))
plt.show()

# %%
# Early stopping protects from the third: whatever came later, the weights of the best
# epoch are kept. With ``n_iter_no_change`` the network does not even wait for the end.

stopped = train(**cases["by heart"], n_iter_no_change=10)
print(f"epochs: {stopped[-1].n_iter_}")
print(f"accuracy on the test set: {stopped.score(X_test, y_test):.3f}")

# %%
# The numbers
# ===========
#
# The diary is a list with one dictionary for each epoch, ready for a table.

import pandas as pd

pd.DataFrame(model[-1].history_).set_index("epoch").tail().round(4)
