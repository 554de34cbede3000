"""
==============================================
What TrAdaBoost believes of the old, by rounds
==============================================

Many old rows have labels, some of which have become wrong. A few new rows have labels
that are right. TrAdaBoost finds out which of the old rows go with the new ones: in
every round, old rows that are misclassified get lighter, and new ones heavier.
"""

# %%
# Two rules
# =========
#
# The old data, the source, has 400 rows. Half of them follow the rule of the new data,
# the target, :math:`x_1 + x_2 > 0`; for the others a row is positive where
# :math:`x_1 > x_2`. Where the two rules disagree, such a row contradicts the target. Of
# the target 40 rows have a label, and 2,000 are kept for a test.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression

from sklearn_dl.domain_adaptation import (
    DomainSelector,
    TrAdaBoostClassifier,
    pack,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(2440, 2))
rule = (X.sum(axis=1) > 0).astype(int)
y = rule.copy()
y[:200] = X[:200, 0] > X[:200, 1]
X_test, y_test = X[440:], y[440:]
X, y, domain = pack(X[:400], y[:400], X[400:440], y[400:440])
contradicts = y != rule[:440]
print(f"{contradicts[:400].mean():.0%} of the source contradict the target")

# %%
# The weights
# ===========
#
# The weak learner is a logistic regression, one straight line. The area of a point is
# its weight before the round (up to a limit), crosses are rows of the target. The line
# is that of the round's learner. At the start the target has half of the weight. In the
# end the old rows that contradict are gone, and the new rows that are heavy lie at the
# border.

model = TrAdaBoostClassifier(LogisticRegression(), n_estimators=50, store_weights=True)
model.fit(X, y, sample_domain=domain)

source = domain >= 0
corners = np.array([-3.2, 3.2])
fig, axes = plt.subplots(1, 4, figsize=(12, 3.5), sharey=True, layout="constrained")
for ax, t in zip(axes, (0, 5, 15, 49), strict=True):
    weights = model.sample_weights_[t]
    colors = np.where(y == 1, "tab:blue", "tab:red")
    for rows, marker, style in (
        (source, "o", {"alpha": 0.5, "linewidths": 0}),
        (~source, "x", {"linewidths": 1}),
    ):
        area = np.minimum(8000 * weights[rows], 250)
        ax.scatter(*X[rows].T, s=area, c=colors[rows], marker=marker, **style)
    (a, b), c = model.estimators_[t].coef_[0], model.estimators_[t].intercept_[0]
    ax.plot(corners, -(a * corners + c) / b, color="black", linewidth=1)
    ax.set(title=f"Round {t + 1}", xlabel="$x_1$", xlim=corners, ylim=corners)
    ax.set_aspect("equal")
axes[0].set_ylabel("$x_2$")
plt.show()

# %%
# Who has the weight
# ==================
#
# The share of rows that contradict falls from round to round. What becomes of those
# that agree depends on the update: in the paper of 2007 source rows can but lose, and
# beside a target that grows even those lose that are always right. With
# ``dynamic=True``, the default, the source grows with the target, and what agrees keeps
# its share.

variants = {
    "Paper of 2007": {"init": "uniform", "dynamic": False},
    "Default": {"init": "balanced", "dynamic": True},
}
groups = {
    "source that contradicts": (source & contradicts, "tab:red"),
    "source that agrees": (source & ~contradicts, "tab:blue"),
    "target": (~source, "black"),
}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, (name, params) in zip(axes, variants.items(), strict=True):
    variant = TrAdaBoostClassifier(LogisticRegression(), store_weights=True, **params)
    variant.fit(X, y, sample_domain=domain)
    for label, (rows, color) in groups.items():
        ax.plot(variant.sample_weights_[:, rows].sum(axis=1), color=color, label=label)
    accuracy = variant.score(X_test, y_test)
    ax.set(title=f"{name}: accuracy {accuracy:.3f}", xlabel="Round", ylim=(0, 1))
axes[0].set_ylabel("Share of the weight")
axes[1].legend(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)
plt.show()

# %%
# Without it
# ==========
#
# What the same learner reaches with the source alone, with the 40 rows of the target
# alone, and with both.

for train_on in ("source", "target", "both"):
    plain = DomainSelector(LogisticRegression(), train_on=train_on)
    plain.fit(X, y, sample_domain=domain)
    print(f"{train_on:7} {plain.score(X_test, y_test):.3f}")
