"""Searches, comparison of models and tests of the learning rate."""

from sklearn_dl.model_selection._compare import compare_models
from sklearn_dl.model_selection._comparison import ModelComparison
from sklearn_dl.model_selection._learning_rate_range import LearningRateRange

__all__ = ["LearningRateRange", "ModelComparison", "compare_models"]
