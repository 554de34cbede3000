"""
=================================
Finding the learning rate by test
=================================

The learning rate matters more than any other parameter of a network, and no default is
right for all data. A range test finds a good one in the time of a few epochs: train
with a rate that grows from batch to batch, and look where the loss falls.
"""

# %%
# Sixteen hundred images of handwritten digits, 8 x 8 pixels each. The network stands
# behind a scaler; a pipeline can be tested as a whole.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.neural_network import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)


def make_model(**parameters):
    network = MLPClassifier(
        hidden_layer_sizes=(50, 50),
        solver="sgd",
        batch_size=32,
        max_iter=15,
        learning_rate="cosine",
        random_state=0,
        **parameters,
    )
    return make_pipeline(StandardScaler(), network)


# %%
# The test
# ========
#
# :class:`~sklearn_dl.model_selection.LearningRateRange` is an estimator around another.
# Its ``fit`` first tests the rates, then trains a network with the one that the test
# suggests. From there on it predicts like any classifier.

import matplotlib.pyplot as plt

from sklearn_dl.model_selection import LearningRateRange

model = LearningRateRange(make_model()).fit(X_train, y_train)

_, ax = plt.subplots(layout="constrained")
model.plot(ax=ax)
ax.set_title("A rate that grows from batch to batch")
plt.show()

# %%
# Far to the left nothing happens: the steps are too small. Then the loss falls, and at
# the right end the network falls apart. The suggestion lies between the steepest point
# of the smoothed curve and its lowest. Each point of that curve is an average over some
# ten batches around it, so it rises before the loss itself does: the suggestion keeps
# its distance from the cliff.

# %%
# Is it a good rate?
# ==================
#
# Here the whole training is repeated with other rates. That takes ten trainings; the
# test took the time of two and a half epochs.

import numpy as np

rates = np.geomspace(1e-4, 3, 10)
scores = [
    make_model(learning_rate_init=rate).fit(X_train, y_train).score(X_test, y_test)
    for rate in rates
]

_, ax = plt.subplots(layout="constrained")
ax.semilogx(rates, scores, "o-", label="trained with this rate")
ax.axvline(
    model.suggested_rate_, color="C1", linestyle="--", label="suggested by the test"
)
ax.set(
    xlabel="Learning rate",
    ylabel="Accuracy on the test set",
    title="Fifteen epochs with each rate",
)
ax.legend(loc="upper right")
plt.show()

# %%
# In a search
# ===========
#
# The best rate changes with the network: a wider layer or another solver wants another
# one. In a search over these, the test spares the rate as a further dimension. It runs
# anew for every candidate, on the training rows of each fold.

from sklearn_dl.model_selection import GridSearchCV

search = GridSearchCV(
    LearningRateRange(make_model()),
    {"estimator__mlpclassifier__solver": ["sgd", "adam", "rmsprop"]},
    cv=3,
).fit(X_train, y_train)

for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{parameters['estimator__mlpclassifier__solver']:>8}  {score:.3f}")
print(f"rate of the best: {search.best_estimator_.suggested_rate_:.2g}")
