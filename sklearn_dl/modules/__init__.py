"""Building blocks in pure torch: layers, losses, activations, initial weights.

Nothing here knows of scikit-learn or skorch.
"""

from sklearn_dl.modules._activations import ACTIVATIONS, make_activation
from sklearn_dl.modules._adaptation_losses import (
    classifier_discrepancy,
    coral_distance,
    mean_distance,
    mk_mmd,
    reverse_gradient,
)
from sklearn_dl.modules._adaptation_network import (
    AdaptationNetwork,
    AdversarialNetwork,
    BatchDomains,
    ConditionalAdversarialNetwork,
    DiscrepancyNetwork,
    DistanceNetwork,
)
from sklearn_dl.modules._architectures import ARCHITECTURES, make_convolutional
from sklearn_dl.modules._augmentation import Augmentation, measure_images
from sklearn_dl.modules._classic_networks import (
    alexnet,
    lenet5,
    vgg11,
    vgg13,
    vgg16,
    vgg19,
)
from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    GlobalPooling,
    ResidualBlock,
    SamePooling,
    SeparableConvolution,
    make_convolution,
    make_pooling,
    output_size,
)
from sklearn_dl.modules._dense import DenseNetwork
from sklearn_dl.modules._densenet import densenet121, densenet169, densenet201
from sklearn_dl.modules._image_model import ImageModel
from sklearn_dl.modules._inception import (
    AuxiliaryClassifier,
    AuxiliaryNetwork,
    Branches,
    inception,
    inception_v3,
)
from sklearn_dl.modules._initialization import WEIGHT_INITS, initialize_
from sklearn_dl.modules._layer_list import build_layers
from sklearn_dl.modules._layer_table import LayerRow, LayerTable, layer_table
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
from sklearn_dl.modules._mobilenet import mobilenet, mobilenet_v2
from sklearn_dl.modules._recurrent import RecurrentNetwork
from sklearn_dl.modules._recurrent_cells import SimplifiedGRU
from sklearn_dl.modules._residual_networks import (
    plain20,
    resnet18,
    resnet20,
    resnet34,
    resnet50,
    resnet56,
    resnet101,
    resnet152,
)
from sklearn_dl.modules._sequence_batch import SequenceBatch
from sklearn_dl.modules._sequence_model import SequenceModel
from sklearn_dl.modules._signal_networks import fcn, inceptiontime
from sklearn_dl.modules._tabular import (
    CategoryEmbedding,
    LearnedScale,
    NTKLinear,
    PeriodicEmbedding,
    TabularNetwork,
)
from sklearn_dl.modules._training_output import TrainingOutput
from sklearn_dl.modules._xception import xception

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "WEIGHT_INITS",
    "AbsoluteError",
    "AdaptationNetwork",
    "AdversarialNetwork",
    "Augmentation",
    "AuxiliaryClassifier",
    "AuxiliaryNetwork",
    "BatchDomains",
    "BinaryCrossEntropy",
    "Branches",
    "CategoryEmbedding",
    "ConditionalAdversarialNetwork",
    "ConvolutionUnit",
    "ConvolutionalNetwork",
    "CrossEntropy",
    "DenseNetwork",
    "DiscrepancyNetwork",
    "DistanceNetwork",
    "GlobalPooling",
    "HuberError",
    "ImageModel",
    "LayerRow",
    "LayerTable",
    "LearnedScale",
    "MultiTaskCrossEntropy",
    "NTKLinear",
    "PeriodicEmbedding",
    "PinballError",
    "PoissonDeviance",
    "RecurrentNetwork",
    "ResidualBlock",
    "SamePooling",
    "SeparableConvolution",
    "SequenceBatch",
    "SequenceModel",
    "SimplifiedGRU",
    "SquaredError",
    "StandardizedSquaredError",
    "TabularNetwork",
    "TrainingOutput",
    "WeightedLoss",
    "alexnet",
    "build_layers",
    "classifier_discrepancy",
    "coral_distance",
    "densenet121",
    "densenet169",
    "densenet201",
    "fcn",
    "inception",
    "inception_v3",
    "inceptiontime",
    "initialize_",
    "layer_table",
    "lenet5",
    "make_activation",
    "make_convolution",
    "make_convolutional",
    "make_pooling",
    "mean_distance",
    "measure_images",
    "mk_mmd",
    "mobilenet",
    "mobilenet_v2",
    "output_size",
    "plain20",
    "resnet18",
    "resnet20",
    "resnet34",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet152",
    "reverse_gradient",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "weighted_mean",
    "xception",
]
