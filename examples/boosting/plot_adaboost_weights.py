"""
======================================
What AdaBoost looks at, round by round
======================================

AdaBoost fits weak learners one after the other, each to what those before it got wrong:
in every round, the rows that were misclassified get heavier. Ten points and three
decision stumps show it by hand; two hundred rounds show what becomes of the margins.
"""

# %%
# Ten points
# ==========
#
# A decision stump compares one feature with a threshold. No stump is right everywhere.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_dl.boosting import AdaBoostClassifier

X = np.array(
    [(1, 2), (2, 7), (3, 4), (4, 1), (5, 6), (6, 3), (7, 5), (8, 9), (9, 8), (10, 10)]
)
y = np.array([1, 1, -1, -1, 1, -1, 1, 1, -1, -1])

model = AdaBoostClassifier(n_estimators=3, criterion="error", store_weights=True)
model.fit(X, y)
for t, stump in enumerate(model.estimators_):
    print(
        f"round {t + 1}: feature {stump.feature[0]}, threshold {stump.threshold[0]}, "
        f"error {model.estimator_errors_[t]:.4f}, alpha {model.alphas_[t]:.4f}"
    )

# %%
# The area of a point is its weight before the round, the crosses are those that the
# stump gets wrong. They are heavy in the next round. The last picture is the vote of
# all three: every point is on its side.

grid = np.stack(np.meshgrid(np.linspace(0, 11, 221), np.linspace(0, 11, 221)), axis=-1)
rows = grid.reshape(-1, 2)
fig, axes = plt.subplots(1, 4, figsize=(12, 3.3), sharey=True, layout="constrained")
panels = [
    (f"Round {t + 1}: $\\alpha$ = {alpha:.2f}", stump.predict, model.sample_weights_[t])
    for t, (stump, alpha) in enumerate(
        zip(model.estimators_, model.alphas_, strict=True)
    )
]
panels.append(("The vote", model.predict, np.full(10, 0.1)))
for ax, (title, predict, weights) in zip(axes, panels, strict=True):
    regions = predict(rows).reshape(grid.shape[:2])
    ax.contourf(*np.moveaxis(grid, -1, 0), regions, levels=1, cmap="RdBu", alpha=0.3)
    colors = np.where(y == 1, "tab:blue", "tab:red")
    ax.scatter(*X.T, s=1500 * weights, c=colors, edgecolor="black")
    wrong = predict(X) != y
    ax.scatter(*X[wrong].T, s=60, c="black", marker="x")
    ax.set(title=title, xlabel="$x_1$", xlim=(0, 11), ylim=(0, 11))
axes[0].set_ylabel("$x_2$")
plt.show()

# %%
# Two rings
# =========
#
# Points within a circle against those around it, with some labels wrong. The weights
# move to the border and to the wrong labels, which no stump can explain.

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 2))
y = np.where((X**2).sum(axis=1) < 1.4, 1, -1)
noisy = rng.random(600) < 0.04
y[noisy] *= -1

model = AdaBoostClassifier(n_estimators=200, store_weights=True).fit(X, y)

fig, axes = plt.subplots(1, 4, figsize=(12, 3.3), sharey=True, layout="constrained")
for ax, t in zip(axes, (0, 5, 30, 200), strict=True):
    area = 4000 * model.sample_weights_[t]
    ax.scatter(*X.T, s=area, c=np.where(y == 1, "tab:blue", "tab:red"), alpha=0.6)
    share = model.sample_weights_[t][noisy].sum()
    ax.set(title=f"After {t} rounds: {share:.0%} on wrong labels", xlim=(-3, 3))
    ax.set(ylim=(-3, 3), aspect="equal")
    ax.title.set_fontsize("medium")
plt.show()

# %%
# The margin of a row, ``y f(x)``, is the share of the vote for its class less the share
# against it. The training error counts rows left of 0. More rounds lift the smallest
# margins, at the expense of the largest.

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for n_estimators in (5, 20, 200):
    margins = AdaBoostClassifier(n_estimators=n_estimators).fit(X, y).margins(X, y)
    ax.plot(np.sort(margins), np.linspace(0, 1, 600), label=f"{n_estimators} stumps")
ax.axvline(0, color="black", linewidth=0.8)
ax.set(xlabel="Margin", ylabel="Share of rows with no greater margin")
ax.legend()
plt.show()
