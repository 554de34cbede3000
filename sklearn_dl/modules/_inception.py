"""Inception: filters of several sizes side by side, and what they see put together.

The deep networks among them have auxiliary classifiers, which look at the features on
the way and bring the gradient nearer to the first layers. They work in training only.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    GlobalPooling,
    check_input_shape,
    initialize_convolutions_,
    make_pooling,
    output_sizes,
    plan_strides,
)
from sklearn_dl.modules._halving import halving_pooling

__all__ = [
    "AuxiliaryClassifier",
    "AuxiliaryNetwork",
    "Branches",
    "inception",
    "inception_v3",
]

unit = partial(ConvolutionUnit, eps=1e-3)

# The third version pads no convolution that has a stride. From this side length on, 3
# positions or more are left at the end.
UNPADDED = 139


def inception(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> "AuxiliaryNetwork":
    """Inception, also called GoogLeNet: nine modules of parallel convolutions [1]_.

    A module has four branches: a convolution of 1x1, one of 3x3 and one of 5x5, each
    behind a narrower one of 1x1, and a max pooling with one of 1x1 behind it. Two
    auxiliary classifiers stand behind the third module and the sixth; their losses
    count 0.3 each.

    It is the network of the paper, but for batch normalisation [2]_ behind each
    convolution in place of biases and of local response normalisation. For images of 3
    channels and 1000 classes it has 7,005,832 parameters, 13,385,816 with those of the
    auxiliary classifiers. torchvision's has 380,928 less: what is 5x5 here and in the
    paper is 3x3 there.

    Small inputs go without the first strides, so that at least 4 positions a side are
    left where the input has them. Every size will do.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.4, as in the
        paper. In the auxiliary classifiers it is 0.7.

    Returns
    -------
    network : AuxiliaryNetwork
        The network; its head takes 1024 features.

    References
    ----------
    .. [1] C. Szegedy, W. Liu, Y. Jia et al., "Going deeper with convolutions",
       CVPR 2015.
    .. [2] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import inception
    >>> network = inception((1, 16, 16), 10)
    >>> [output.shape for output in network(torch.zeros(2, 1, 16, 16))]
    [torch.Size([2, 10]), torch.Size([2, 10]), torch.Size([2, 10])]
    >>> network.eval()(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2, 10])
    """
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    strides = plan_strides(spatial, 5)
    module = partial(_inception_module, n_dims)
    # What the auxiliary classifiers see lies behind four of the five strides.
    factors = [math.prod(along) for along in zip(*strides[:4], strict=True)]
    sides = [-(-side // f) for side, f in zip(spatial, factors, strict=True)]
    layers = [
        unit(n_dims, n_channels, 64, 7, stride=strides[0]),
        halving_pooling(strides[1]),
        unit(n_dims, 64, 64, 1),
        unit(n_dims, 64, 192, 3),
        halving_pooling(strides[2]),
        module(192, 64, (96, 128), (16, 32), 32),
        module(256, 128, (128, 192), (32, 96), 64),
        halving_pooling(strides[3]),
        module(480, 192, (96, 208), (16, 48), 64),
        _inception_classifier(512, sides, n_outputs),
        module(512, 160, (112, 224), (24, 64), 64),
        module(512, 128, (128, 256), (24, 64), 64),
        module(512, 112, (144, 288), (32, 64), 64),
        _inception_classifier(528, sides, n_outputs),
        module(528, 256, (160, 320), (32, 128), 128),
        halving_pooling(strides[4]),
        module(832, 256, (160, 320), (32, 128), 128),
        module(832, 384, (192, 384), (48, 128), 128),
    ]
    return _network(layers, 1024, n_outputs, 0.4 if dropout is None else dropout)


def inception_v3(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> "AuxiliaryNetwork":
    """Inception v3: large filters factorised into rows, columns and small squares [1]_.

    A filter of 5x5 becomes two of 3x3; one of 7x7 becomes one of 1x7 and one of 7x1. An
    auxiliary classifier stands in front of the last reduction; its loss counts 0.3.

    For images of 3 channels and 1000 classes it has 23,834,568 parameters, 27,161,264
    with those of the auxiliary classifier.

    The paper's images have 299 x 299 pixels. Sides of less than 139 are padded where
    the paper lets them become shorter, and sides of less than 97 go without the first
    strides, so that at least 4 positions are left where the image has them. Every size
    will do.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, height, width.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.5.

    Returns
    -------
    network : AuxiliaryNetwork
        The network; its head takes 2048 features.

    Raises
    ------
    ValueError
        If the input has not two spatial dimensions: rows and columns are what the
        filters are factorised into.

    References
    ----------
    .. [1] C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the
       Inception architecture for computer vision", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import inception_v3
    >>> network = inception_v3((1, 16, 16), 10)
    >>> [output.shape for output in network(torch.zeros(2, 1, 16, 16))]
    [torch.Size([2, 10]), torch.Size([2, 10])]
    """
    n_channels, *spatial = check_input_shape(input_shape)
    if len(spatial) != 2:
        raise ValueError(
            "inception_v3 factorises its filters into rows and columns and needs "
            "images: input_shape must be (n_channels, height, width), got "
            f"{tuple(input_shape)!r}."
        )
    strides = plan_strides(spatial, 5)
    edge = tuple(0 if side >= UNPADDED else 1 for side in spatial)
    layers: list[nn.Module] = [
        unit(2, n_channels, 32, 3, stride=strides[0], padding=edge),
        unit(2, 32, 32, 3, padding=edge),
        unit(2, 32, 64, 3),
        halving_pooling(strides[1], edge),
        unit(2, 64, 80, 1),
        unit(2, 80, 192, 3, padding=edge),
        halving_pooling(strides[2], edge),
        _square_module(192, 32),
        _square_module(256, 64),
        _square_module(288, 64),
        _first_reduction(strides[3], edge),
        _factorised_module(128),
        _factorised_module(160),
        _factorised_module(160),
        _factorised_module(192),
        _v3_classifier(_reduced_sides(spatial, strides[:4], edge), n_outputs),
        _second_reduction(strides[4], edge),
        _expanded_module(1280),
        _expanded_module(2048),
    ]
    return _network(layers, 2048, n_outputs, 0.5 if dropout is None else dropout)


class AuxiliaryClassifier(nn.Sequential):
    """Layers from the features on the way to outputs of their own.

    It is a :class:`torch.nn.Sequential` that an :class:`AuxiliaryNetwork` knows for
    what it is.

    Parameters
    ----------
    *args : torch.nn.Module
        The layers in their order; the last returns the raw outputs.

    Examples
    --------
    >>> from torch import nn
    >>> from sklearn_dl.modules import AuxiliaryClassifier
    >>> len(AuxiliaryClassifier(nn.Flatten(), nn.Linear(8, 3)))
    2
    """


class AuxiliaryNetwork(ConvolutionalNetwork):
    """A convolutional network with auxiliary classifiers.

    Parameters
    ----------
    layers : sequence of torch.nn.Module
        Layers from the input to a vector a row. An :class:`AuxiliaryClassifier` among
        them looks at what comes out of the layer in front of it, which the next layer
        takes unchanged.
    head : torch.nn.Linear
        Takes the vectors, returns the raw outputs.
    auxiliary_weight : float, default=0.3
        What the losses of the auxiliary outputs are to be multiplied with.

    Attributes
    ----------
    features : torch.nn.ModuleList
        The layers.
    head : torch.nn.Linear
        As given.
    auxiliary_weight : float
        As given.

    References
    ----------
    - C. Szegedy, W. Liu, Y. Jia et al., "Going deeper with convolutions", CVPR 2015.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import AuxiliaryClassifier, AuxiliaryNetwork
    >>> side = AuxiliaryClassifier(nn.Linear(8, 3))
    >>> layers = [nn.Flatten(), nn.Linear(16, 8), side, nn.ReLU()]
    >>> network = AuxiliaryNetwork(layers, nn.Linear(8, 3))
    >>> len(network(torch.zeros(2, 1, 16)))
    2
    >>> network.eval()(torch.zeros(2, 1, 16)).shape
    torch.Size([2, 3])
    """

    features: nn.ModuleList

    def __init__(
        self,
        layers: Sequence[nn.Module],
        head: nn.Linear,
        auxiliary_weight: float = 0.3,
    ):
        super().__init__(nn.ModuleList(layers), head)
        self.auxiliary_weight = auxiliary_weight

    def forward_features(self, x: Tensor) -> Tensor:
        """Compute what the head takes.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features)
            One vector a row.
        """
        return self._features_and_sides(x, with_sides=False)[0]

    # A tuple where the other networks have a tensor: that is what it is for.
    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:  # type: ignore[override]
        """Compute the raw outputs.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        output : torch.Tensor of shape (n, n_outputs), or a tuple of such
            The raw outputs; in training with those of the auxiliary classifiers behind
            them, from the first to the last.
        """
        features, sides = self._features_and_sides(x, with_sides=self.training)
        output: Tensor = self.head(features)
        return (output, *sides) if self.training else output

    def _features_and_sides(
        self, x: Tensor, with_sides: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """Return what the head takes, and the auxiliary outputs if asked for."""
        sides = []
        for layer in self.features:
            if not isinstance(layer, AuxiliaryClassifier):
                x = layer(x)
            elif with_sides:
                sides.append(layer(x))
        return x, sides


class Branches(nn.ModuleList):
    """Modules side by side; what they return is concatenated along the channels.

    Parameters
    ----------
    modules : iterable of torch.nn.Module
        The branches, which take the same input and keep its size or change it alike.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import Branches
    >>> Branches([nn.Identity(), nn.Conv2d(3, 5, 1)])(torch.zeros(1, 3, 7, 7)).shape
    torch.Size([1, 8, 7, 7])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the branches.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        output : torch.Tensor of shape (n, sum of the channels, ...)
            The outputs, in the order of the branches.
        """
        return torch.cat([branch(x) for branch in self], dim=1)


def _network(
    layers: list[nn.Module], n_features: int, n_outputs: int, dropout: float
) -> AuxiliaryNetwork:
    """Return the network: the layers, global pooling, dropout, a dense layer."""
    layers = [*layers, GlobalPooling(), nn.Dropout(dropout)]
    network = AuxiliaryNetwork(layers, nn.Linear(n_features, n_outputs))
    initialize_convolutions_(network)
    return network


# Inception v1 -----------------------------------------------------------------


def _inception_module(
    n_dims: int,
    n_channels: int,
    single: int,
    triple: tuple[int, int],
    quintuple: tuple[int, int],
    pooled: int,
) -> Branches:
    """Return the branches of 1x1, 3x3, 5x5 and pooling; pairs begin with 1x1."""
    return Branches(
        [
            unit(n_dims, n_channels, single, 1),
            nn.Sequential(
                unit(n_dims, n_channels, triple[0], 1),
                unit(n_dims, triple[0], triple[1], 3),
            ),
            nn.Sequential(
                unit(n_dims, n_channels, quintuple[0], 1),
                unit(n_dims, quintuple[0], quintuple[1], 5),
            ),
            nn.Sequential(
                make_pooling("max", n_dims, 3, stride=1, padding=1),
                unit(n_dims, n_channels, pooled, 1),
            ),
        ]
    )


def _inception_classifier(
    n_channels: int, sides: Sequence[int], n_outputs: int
) -> AuxiliaryClassifier:
    """Return an auxiliary classifier for feature maps of the given size.

    At 14 positions a side the window has 5 and steps by 3, as in the paper; at others
    it is chosen so that the same 4 come out. Up to 4 positions stay as they are.
    """
    n_dims = len(sides)
    stride = [max(1, side // 4) for side in sides]
    kernel = [
        side - 3 * step if side > 4 else 1
        for side, step in zip(sides, stride, strict=True)
    ]
    n_positions = math.prod(min(4, side) for side in sides)
    return AuxiliaryClassifier(
        make_pooling("average", n_dims, kernel, stride=stride),
        unit(n_dims, n_channels, 128, 1),
        nn.Flatten(),
        nn.Linear(128 * n_positions, 1024),
        nn.ReLU(),
        nn.Dropout(0.7),
        nn.Linear(1024, n_outputs),
    )


# Inception v3 -----------------------------------------------------------------


def _square_module(n_channels: int, pooled: int) -> Branches:
    """Return branches of 1x1, 5x5, two of 3x3, and pooling."""
    return Branches(
        [
            unit(2, n_channels, 64, 1),
            nn.Sequential(unit(2, n_channels, 48, 1), unit(2, 48, 64, 5)),
            nn.Sequential(
                unit(2, n_channels, 64, 1), unit(2, 64, 96, 3), unit(2, 96, 96, 3)
            ),
            _pooled(n_channels, pooled),
        ]
    )


def _first_reduction(stride: Sequence[int], edge: Sequence[int]) -> Branches:
    """Return branches that halve the sides and turn 288 channels into 768."""
    reduction = partial(unit, stride=stride, padding=edge)
    return Branches(
        [
            reduction(2, 288, 384, 3),
            nn.Sequential(
                unit(2, 288, 64, 1), unit(2, 64, 96, 3), reduction(2, 96, 96, 3)
            ),
            halving_pooling(stride, edge),
        ]
    )


def _factorised_module(width: int) -> Branches:
    """Return branches of 1x1, 7x7, two of 7x7, and pooling; 7x7 is 1x7 and 7x1."""
    return Branches(
        [
            unit(2, 768, 192, 1),
            nn.Sequential(
                unit(2, 768, width, 1),
                unit(2, width, width, (1, 7)),
                unit(2, width, 192, (7, 1)),
            ),
            nn.Sequential(
                unit(2, 768, width, 1),
                unit(2, width, width, (7, 1)),
                unit(2, width, width, (1, 7)),
                unit(2, width, width, (7, 1)),
                unit(2, width, 192, (1, 7)),
            ),
            _pooled(768, 192),
        ]
    )


def _second_reduction(stride: Sequence[int], edge: Sequence[int]) -> Branches:
    """Return branches that halve the sides and turn 768 channels into 1280."""
    reduction = partial(unit, stride=stride, padding=edge)
    return Branches(
        [
            nn.Sequential(unit(2, 768, 192, 1), reduction(2, 192, 320, 3)),
            nn.Sequential(
                unit(2, 768, 192, 1),
                unit(2, 192, 192, (1, 7)),
                unit(2, 192, 192, (7, 1)),
                reduction(2, 192, 192, 3),
            ),
            halving_pooling(stride, edge),
        ]
    )


def _expanded_module(n_channels: int) -> Branches:
    """Return branches of 1x1, 3x3, two of 3x3, and pooling; 1x3 beside 3x1."""

    def row_and_column() -> Branches:
        return Branches([unit(2, 384, 384, (1, 3)), unit(2, 384, 384, (3, 1))])

    return Branches(
        [
            unit(2, n_channels, 320, 1),
            nn.Sequential(unit(2, n_channels, 384, 1), row_and_column()),
            nn.Sequential(
                unit(2, n_channels, 448, 1), unit(2, 448, 384, 3), row_and_column()
            ),
            _pooled(n_channels, 192),
        ]
    )


def _pooled(n_channels: int, n_filters: int) -> nn.Sequential:
    """Return the branch of a pooling and a 1x1 convolution."""
    return nn.Sequential(
        make_pooling("average", 2, 3, stride=1, padding=1),
        unit(2, n_channels, n_filters, 1),
    )


def _reduced_sides(
    spatial: Sequence[int], strides: Sequence[Sequence[int]], edge: Sequence[int]
) -> tuple[int, ...]:
    """Return the side lengths in front of the auxiliary classifier."""
    sides = output_sizes(spatial, 3, strides[0], edge)
    sides = output_sizes(sides, 3, 1, edge)
    sides = output_sizes(sides, 3, strides[1], edge)
    sides = output_sizes(sides, 3, 1, edge)
    sides = output_sizes(sides, 3, strides[2], edge)
    return output_sizes(sides, 3, strides[3], edge)


def _v3_classifier(sides: Sequence[int], n_outputs: int) -> AuxiliaryClassifier:
    """Return the auxiliary classifier for feature maps of the given size.

    At 17 positions a side it is the paper's: pooled to 5, then convolved to 1. Sides
    that are too short to be pooled to 5 are not; those shorter than 5 are padded.
    """
    pooled = [side >= 17 for side in sides]
    return AuxiliaryClassifier(
        make_pooling(
            "average",
            2,
            [5 if pool else 1 for pool in pooled],
            stride=[3 if pool else 1 for pool in pooled],
        ),
        unit(2, 768, 128, 1),
        unit(2, 128, 768, 5, padding=[0 if side >= 5 else 2 for side in sides]),
        GlobalPooling(),
        nn.Linear(768, n_outputs),
    )
