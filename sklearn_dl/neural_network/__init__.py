"""Networks as estimators."""

from sklearn_dl.neural_network._mlp_classifier import MLPClassifier
from sklearn_dl.neural_network._mlp_regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
