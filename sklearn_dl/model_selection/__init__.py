"""Searches, comparison of models and tests of the learning rate."""

from sklearn_dl.model_selection._compare import compare_models
from sklearn_dl.model_selection._comparison import ModelComparison
from sklearn_dl.model_selection._learning_rate_range import LearningRateRange
from sklearn_dl.model_selection._search import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn_dl.model_selection._validation import cross_val_score, cross_validate

__all__ = [
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "LearningRateRange",
    "ModelComparison",
    "RandomizedSearchCV",
    "compare_models",
    "cross_val_score",
    "cross_validate",
]
