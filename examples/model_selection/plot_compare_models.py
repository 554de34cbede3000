"""
==================================
Comparing models on the same folds
==================================

Which of several models is best, and is the difference more than chance?
:func:`~sklearn_dl.model_selection.compare_models` fits each of them on the same folds
and answers both.
"""

# %%
# Three kinds of models
# ---------------------
# A model may be an estimator, a pipeline or a search. A search is run anew in each
# fold, so that its score is that of the whole procedure and not of parameters which
# have seen the test part.
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.model_selection import compare_models
from sklearn_dl.neural_network import MLPClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
models = {
    "linear": GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [0.01, 0.1, 1.0]},
    ),
    "boosting": HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "network": make_pipeline(
        StandardScaler(), MLPClassifier(alpha=0.1, tol=1e-3, random_state=0)
    ),
}
comparison = compare_models(
    models,
    X,
    y,
    cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0),
    scoring=["accuracy", "roc_auc"],
)

# %%
# The ranking
# -----------
# Beside means, times and sizes stands what the folds say about each model in comparison
# with the best: the p-value of the corrected resampled t-test, and the probabilities
# that it is better, equivalent within 0.01, and worse.
comparison.summary(rope=0.01).round(3)

# %%
# The folds
# ---------
# The boxes overlap more than the means suggest: this is why the table says how sure it
# is.
comparison.plot()

# %%
# Another metric ranks in another way.
comparison.plot(metric="roc_auc")

# %%
# Every pair
# ----------
comparison.pairwise(rope=0.01).round(3)
