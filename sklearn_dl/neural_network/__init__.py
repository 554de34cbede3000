"""Networks as estimators."""

from sklearn_dl.neural_network._mlp_classifier import MLPClassifier
from sklearn_dl.neural_network._mlp_regressor import MLPRegressor
from sklearn_dl.neural_network._tabular_classifier import TabularMLPClassifier
from sklearn_dl.neural_network._tabular_regressor import TabularMLPRegressor
from sklearn_dl.neural_network._torch import TorchClassifier, TorchRegressor

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "TorchClassifier",
    "TorchRegressor",
]
