"""Learning for a target domain from labels of other domains."""

from sklearn_dl.domain_adaptation._cdan import CDANClassifier
from sklearn_dl.domain_adaptation._coral import CORAL
from sklearn_dl.domain_adaptation._dan import DANClassifier
from sklearn_dl.domain_adaptation._dann_classifier import DANNClassifier
from sklearn_dl.domain_adaptation._dann_regressor import DANNRegressor
from sklearn_dl.domain_adaptation._dann_transformer import DANNTransformer
from sklearn_dl.domain_adaptation._ddc import DDCClassifier
from sklearn_dl.domain_adaptation._deep_coral import DeepCORALClassifier
from sklearn_dl.domain_adaptation._display import DomainDisplay
from sklearn_dl.domain_adaptation._distance import proxy_a_distance
from sklearn_dl.domain_adaptation._geodesic_flow import GeodesicFlowKernel
from sklearn_dl.domain_adaptation._importance import (
    discriminator_weights,
    kliep_weights,
    kmm_weights,
)
from sklearn_dl.domain_adaptation._importance_weighting import (
    ImportanceWeightedClassifier,
    ImportanceWeightedRegressor,
)
from sklearn_dl.domain_adaptation._mcd import MCDClassifier
from sklearn_dl.domain_adaptation._packing import pack, unpack
from sklearn_dl.domain_adaptation._scorers import (
    CircularValidationScorer,
    DeepEmbeddedValidationScorer,
    ImportanceWeightedScorer,
)
from sklearn_dl.domain_adaptation._selector import DomainSelector
from sklearn_dl.domain_adaptation._splitters import TargetKFold, TargetShuffleSplit
from sklearn_dl.domain_adaptation._subspace_alignment import SubspaceAlignment
from sklearn_dl.domain_adaptation._target_scorers import (
    MixValScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensityScorer,
)
from sklearn_dl.domain_adaptation._tradaboost import TrAdaBoostClassifier
from sklearn_dl.domain_adaptation._tradaboost_regressor import TrAdaBoostRegressor
from sklearn_dl.domain_adaptation._transfer_components import (
    TransferComponentAnalysis,
)
from sklearn_dl.domain_adaptation._two_stage_tradaboost import (
    TwoStageTrAdaBoostRegressor,
)

__all__ = [
    "CORAL",
    "CDANClassifier",
    "CircularValidationScorer",
    "DANClassifier",
    "DANNClassifier",
    "DANNRegressor",
    "DANNTransformer",
    "DDCClassifier",
    "DeepCORALClassifier",
    "DeepEmbeddedValidationScorer",
    "DomainDisplay",
    "DomainSelector",
    "GeodesicFlowKernel",
    "ImportanceWeightedClassifier",
    "ImportanceWeightedRegressor",
    "ImportanceWeightedScorer",
    "MCDClassifier",
    "MixValScorer",
    "PredictionEntropyScorer",
    "SoftNeighborhoodDensityScorer",
    "SubspaceAlignment",
    "TargetKFold",
    "TargetShuffleSplit",
    "TrAdaBoostClassifier",
    "TrAdaBoostRegressor",
    "TransferComponentAnalysis",
    "TwoStageTrAdaBoostRegressor",
    "discriminator_weights",
    "kliep_weights",
    "kmm_weights",
    "pack",
    "proxy_a_distance",
    "unpack",
]
