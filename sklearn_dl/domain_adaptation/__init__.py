"""Learning for a target domain from labels of other domains."""

from sklearn_dl.domain_adaptation._cdan import CDANClassifier
from sklearn_dl.domain_adaptation._dan import DANClassifier
from sklearn_dl.domain_adaptation._dann_classifier import DANNClassifier
from sklearn_dl.domain_adaptation._dann_regressor import DANNRegressor
from sklearn_dl.domain_adaptation._dann_transformer import DANNTransformer
from sklearn_dl.domain_adaptation._ddc import DDCClassifier
from sklearn_dl.domain_adaptation._deep_coral import DeepCORALClassifier
from sklearn_dl.domain_adaptation._mcd import MCDClassifier

__all__ = [
    "CDANClassifier",
    "DANClassifier",
    "DANNClassifier",
    "DANNRegressor",
    "DANNTransformer",
    "DDCClassifier",
    "DeepCORALClassifier",
    "MCDClassifier",
]
