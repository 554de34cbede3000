"""Building blocks in pure torch: layers, losses, activations, initial weights.

Nothing here knows of scikit-learn or skorch.
"""

from sklearn_dl.modules._activations import ACTIVATIONS, make_activation
from sklearn_dl.modules._dense import DenseNetwork
from sklearn_dl.modules._initialization import WEIGHT_INITS, initialize_
from sklearn_dl.modules._losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    HuberError,
    MultiTaskCrossEntropy,
    PinballError,
    PoissonDeviance,
    SquaredError,
    StandardizedSquaredError,
    WeightedLoss,
    weighted_mean,
)
from sklearn_dl.modules._tabular import (
    CategoryEmbedding,
    LearnedScale,
    NTKLinear,
    PeriodicEmbedding,
    TabularNetwork,
)

__all__ = [
    "ACTIVATIONS",
    "WEIGHT_INITS",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CategoryEmbedding",
    "CrossEntropy",
    "DenseNetwork",
    "HuberError",
    "LearnedScale",
    "MultiTaskCrossEntropy",
    "NTKLinear",
    "PeriodicEmbedding",
    "PinballError",
    "PoissonDeviance",
    "SquaredError",
    "StandardizedSquaredError",
    "TabularNetwork",
    "WeightedLoss",
    "initialize_",
    "make_activation",
    "weighted_mean",
]
