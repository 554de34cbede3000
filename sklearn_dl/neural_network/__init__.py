"""Networks as estimators."""

from sklearn_dl.neural_network._cnn_classifier import CNNClassifier
from sklearn_dl.neural_network._cnn_regressor import CNNRegressor
from sklearn_dl.neural_network._fine_tuner import FineTuner
from sklearn_dl.neural_network._fine_tuning_regressor import FineTuningRegressor
from sklearn_dl.neural_network._mlp_classifier import MLPClassifier
from sklearn_dl.neural_network._mlp_regressor import MLPRegressor
from sklearn_dl.neural_network._net_transformer import NetTransformer
from sklearn_dl.neural_network._pretrained import load_pretrained
from sklearn_dl.neural_network._rnn_classifier import RNNClassifier
from sklearn_dl.neural_network._rnn_regressor import RNNRegressor
from sklearn_dl.neural_network._rnn_tagger import RNNTagger
from sklearn_dl.neural_network._tabular_classifier import TabularMLPClassifier
from sklearn_dl.neural_network._tabular_regressor import TabularMLPRegressor
from sklearn_dl.neural_network._torch import TorchClassifier, TorchRegressor

__all__ = [
    "CNNClassifier",
    "CNNRegressor",
    "FineTuner",
    "FineTuningRegressor",
    "MLPClassifier",
    "MLPRegressor",
    "NetTransformer",
    "RNNClassifier",
    "RNNRegressor",
    "RNNTagger",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "TorchClassifier",
    "TorchRegressor",
    "load_pretrained",
]
