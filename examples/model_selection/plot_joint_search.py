"""
======================================
The same grid, together and one by one
======================================

A search fits nearly the same network to the same rows over and over.
:class:`~sklearn_dl.model_selection.GridSearchCV` fits the candidates of a fold
together. Here it takes turns with scikit-learn's class of that name: the scores are the
same, the time is not.
"""

# %%
# Eighteen hundred images of handwritten digits, and networks with one hidden layer of
# 64 units. Seven learning rates and five penalties make 35 candidates, each fitted on
# three folds.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV as OneByOne
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.neural_network import MLPClassifier

X, y = load_digits(return_X_y=True)
rates = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
penalties = [0.001, 0.01, 0.1, 1.0, 10.0]
grid = {"network__alpha": penalties, "network__learning_rate_init": rates}
# Twenty epochs are fewer than the slow networks need.
warnings.filterwarnings("ignore", category=ConvergenceWarning)


def make_model(network):
    return Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("network", network((64,), max_iter=20, tol=0.0, random_state=0)),
        ]
    )


# %%
# Both ways
# =========
#
# ``joint_groups_`` tells who was fitted with whom: all 35, behind a scaler that is
# fitted once a fold. A network's weights do not depend on the way it was fitted in, and
# so the scores are equal to the last digit.

# What is compiled at the first fit is not part of the comparison.
model = make_model(MLPClassifier).fit(X, y)


def timed(search):
    start = time.perf_counter()
    search.fit(X, y)
    return search, time.perf_counter() - start


together, joint_time = timed(GridSearchCV(model, grid, cv=3, refit=False))
one_by_one, single_time = timed(OneByOne(model, grid, cv=3, refit=False))

for group in together.joint_groups_:
    print(f"{len(group['candidates'])} candidates: {group['how']}")
scores = together.cv_results_["mean_test_score"]
np.testing.assert_array_equal(scores, one_by_one.cv_results_["mean_test_score"])

# %%
# The time
# ========
#
# Most of what is gained is gained by single fits too, since they run the same compiled
# code; scikit-learn's own network, in the third bar, does not. The joint search saves
# what surrounds an epoch: checks of the data, scalers, copies. All bars are of one job.
# With ``n_jobs`` the joint search runs in threads, which start at once.

peer = make_model(SklearnMLPClassifier)
_, peer_time = timed(OneByOne(peer, grid, cv=3, refit=False))

times = {
    "MLPClassifier,\ntogether": joint_time,
    "MLPClassifier,\none by one": single_time,
    "scikit-learn's,\none by one": peer_time,
}
fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
bars = ax.barh(list(times), list(times.values()), color=["C0", "C1", "C7"])
ax.bar_label(bars, fmt="%.1f s", padding=3)
ax.invert_yaxis()
ax.margins(x=0.12)
ax.set(xlabel="Seconds", title="35 networks on three folds")
plt.show()

# %%
# The scores
# ==========
#
# Rates matter more than penalties, as a rule. The best rates are in the middle, and a
# penalty that is too strong spoils what any of them reaches.

table = scores.reshape(len(penalties), len(rates))
fig, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
# The networks that fail are far below; the colours are for the others.
image = ax.imshow(table, vmin=0.85, aspect="auto", cmap="viridis", origin="lower")
for (row, column), score in np.ndenumerate(table):
    ax.text(
        column, row, f"{score:.3f}", ha="center", va="center",
        color="white" if score < 0.9 else "black",
    )  # fmt: skip
ax.set_xticks(range(len(rates)), rates)
ax.set_yticks(range(len(penalties)), penalties)
ax.set(xlabel="Learning rate", ylabel="Penalty (alpha)", title="Mean accuracy")
fig.colorbar(image, extend="min", label="Accuracy on the folds held out")
plt.show()
