"""
======================================
The loss of gradient boosting by stage
======================================

A boosted model of 400 trees contains the models of fewer trees: its stages. Their loss
on rows held out tells how many trees are good, for each learning rate.
"""

# %%
# Twelve thousand rows of two classes, whose border is curved, and a twentieth of whose
# labels are wrong. No model can do better than these allow.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sklearn_dl.boosting import GradientBoostingClassifier

X, y = make_classification(
    12_000, 20, n_informative=10, n_clusters_per_class=4, flip_y=0.1, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=4000, random_state=0
)


def stages(model, X, y):
    """Return the log loss of each stage."""
    return [log_loss(y, p) for p in model.staged_predict_proba(X)]


# %%
# Learning rates
# ==============
#
# All losses come from three fits. On the training rows each tree helps. On the others
# the loss has a minimum, after which the trees learn the wrong labels by heart. A
# smaller rate comes later to a slightly lower minimum, and stays there longer.

fig, ax = plt.subplots(layout="constrained")
for number, rate in enumerate((0.3, 0.1, 0.03)):
    model = GradientBoostingClassifier(
        learning_rate=rate, max_iter=400, early_stopping=False, random_state=0
    ).fit(X_train, y_train)
    test = stages(model, X_test, y_test)
    best = int(np.argmin(test))
    color = f"C{number}"
    ax.plot(stages(model, X_train, y_train), ":", color=color)
    ax.plot(test, color=color, label=f"learning rate {rate}")
    ax.plot(best, test[best], "o", color=color)
    print(f"rate {rate}: {best + 1} trees, test loss {test[best]:.4f}")
ax.set(
    xlabel="Trees", ylabel="Log loss", title="Test rows, and dotted the training rows"
)
ax.legend()
plt.show()

# %%
# Other ways to go slow
# =====================
#
# Smaller trees, trees that see half of the rows, and leaf values that are shrunk: each
# of these delays the minimum or lowers it.

variants = {
    "as above": {},
    "7 leaves": {"max_leaf_nodes": 7},
    "half of the rows": {"subsample": 0.5},
    "half of the columns": {"max_features": 0.5},
    "L2 penalty of 20": {"l2_regularization": 20.0},
}
fig, ax = plt.subplots(layout="constrained")
for name, parameters in variants.items():
    model = GradientBoostingClassifier(
        max_iter=400, early_stopping=False, random_state=0, **parameters
    ).fit(X_train, y_train)
    ax.plot(stages(model, X_test, y_test), label=name)
ax.set(
    xlabel="Trees", ylabel="Log loss on test rows", title="Learning rate 0.1, and more"
)
ax.set_ylim(top=0.5)
ax.legend(loc="upper right")
plt.show()

# %%
# Early stopping
# ==============
#
# In practice a part of the training rows takes the place of the test rows, and the
# training stops by itself.

model = GradientBoostingClassifier(
    max_iter=400, early_stopping=True, n_iter_no_change=20, random_state=0
).fit(X_train, y_train)
print(f"trees: {model.n_iter_}")
print(f"test loss: {log_loss(y_test, model.predict_proba(X_test)):.4f}")
