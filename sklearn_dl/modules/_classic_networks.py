"""LeNet-5, AlexNet and the VGG networks: convolutions and poolings in a row.

They have no batch normalisation, so that much depends on their initial weights: those
of all hidden layers are drawn by He's rule.
"""

from collections.abc import Sequence

from torch import nn

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    check_input_shape,
    fit_window,
    initialize_layer_,
    make_convolution,
    make_pooling,
    output_sizes,
)

__all__ = ["alexnet", "lenet5", "vgg11", "vgg13", "vgg16", "vgg19"]

ADAPTIVE_POOLS = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)

# Filters of the 3x3 convolutions between the poolings.
VGG_STAGES: dict[int, list[tuple[int, ...]]] = {
    11: [(64,), (128,), (256, 256), (512, 512), (512, 512)],
    13: [(64, 64), (128, 128), (256, 256), (512, 512), (512, 512)],
    16: [(64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3],
    19: [(64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4],
}


class _Stack:
    """Layers in a row, and the shape of what comes out of the last of them."""

    def __init__(self, input_shape: Sequence[int]):
        n_channels, *spatial = check_input_shape(input_shape)
        self.layers: list[nn.Module] = []
        self.n_channels = n_channels
        self.spatial = tuple(spatial)
        self.n_dims = len(spatial)

    def convolve(
        self,
        filters: int,
        kernel_size: int,
        stride: Sequence[int] | int = 1,
        padding: Sequence[int] | int = 0,
    ) -> None:
        """Add a convolution and a rectifier."""
        convolution = make_convolution(
            self.n_dims,
            self.n_channels,
            filters,
            kernel_size,
            stride=stride,
            padding=padding,
        )
        initialize_layer_(convolution, self.spatial)
        self.layers += [convolution, nn.ReLU()]
        self.n_channels = filters
        self.spatial = output_sizes(self.spatial, kernel_size, stride, padding)

    def pool(self, kernel_size: int, stride: int) -> None:
        """Add max pooling along the sides that are long enough."""
        kernel, strides, _ = fit_window(self.spatial, kernel_size, stride)
        self.layers.append(make_pooling("max", self.n_dims, kernel, stride=strides))
        self.spatial = output_sizes(self.spatial, kernel, strides)

    def shrink(self, longest: int) -> None:
        """Average what is longer than `longest` down to it."""
        shrunk = tuple(min(side, longest) for side in self.spatial)
        if shrunk != self.spatial:
            self.layers.append(ADAPTIVE_POOLS[self.n_dims - 1](shrunk))
            self.spatial = shrunk

    def flatten(self) -> None:
        """Add what makes one vector of all positions."""
        self.layers.append(nn.Flatten())
        for side in self.spatial:
            self.n_channels *= side
        self.spatial = ()

    def connect(self, units: int, dropout: float | None, *, drop_input: bool) -> None:
        """Add dense units and a rectifier, with dropout before or behind them."""
        dense = nn.Linear(self.n_channels, units)
        initialize_layer_(dense)
        layers: list[nn.Module] = [dense, nn.ReLU()]
        if dropout:
            layers.insert(0 if drop_input else 2, nn.Dropout(dropout))
        self.layers += layers
        self.n_channels = units

    def network(self, n_outputs: int) -> ConvolutionalNetwork:
        """Return the layers and a head as a network."""
        head = nn.Linear(self.n_channels, n_outputs)
        return ConvolutionalNetwork(nn.Sequential(*self.layers), head)


def lenet5(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """LeNet-5 [1]_, with rectifiers and max pooling: 61,706 parameters for digits.

    Two 5x5 convolutions with 6 and 16 filters, each with 2x2 pooling, and dense layers
    of 120 and 84 units. The published network has the hyperbolic tangent, learned
    means in place of the largest value, convolutions that leave out some pairs of
    channels, and radial units at the end.

    It takes any input. Where a side is shorter than in the published network (32
    positions at the first convolution, 14 at the second) the convolution pads, so that
    the side stays as it is: digits of 28x28 pixels give the same network as digits with
    a border. Sides of one position are not pooled. Inputs that are larger make the
    first dense layer larger.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an output of the two dense layers during training; None is
        0, as published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
       applied to document recognition", Proceedings of the IEEE, 1998.

    Examples
    --------
    >>> from sklearn_dl.modules import lenet5
    >>> network = lenet5((1, 28, 28), 10)
    >>> sum(parameter.numel() for parameter in network.parameters())
    61706
    """
    stack = _Stack(input_shape)
    for filters, published in ((6, 32), (16, 14)):
        padding = [0 if side >= published else 2 for side in stack.spatial]
        stack.convolve(filters, 5, padding=padding)
        stack.pool(2, 2)
    stack.flatten()
    stack.connect(120, dropout, drop_input=False)
    stack.connect(84, dropout, drop_input=False)
    return stack.network(n_outputs)


def alexnet(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """AlexNet: 61,100,840 parameters for 224x224 colour pictures and 1000 classes.

    This is the form of [2]_ for one device, whose weights are published: 64, 192, 384,
    256 and 256 filters, no normalisation of neighbouring channels. The network of the
    competition [1]_ had 60,965,224 parameters.

    It takes any input. The first convolution has stride 4 along sides of 63 positions
    or more, else 2 from 32 on, else 1; poolings are left out along sides shorter than
    their window of 3. What is longer than 6 positions before the dense layers is
    averaged down to 6.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the two dense layers during training; None is
        0.5, as published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with
       deep convolutional neural networks", NeurIPS 2012.
    .. [2] A. Krizhevsky, "One weird trick for parallelizing convolutional neural
       networks", arXiv:1404.5997, 2014.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import alexnet
    >>> with torch.device("meta"):
    ...     network = alexnet((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    61100840
    """
    stack = _Stack(input_shape)
    stride = [4 if side >= 63 else 2 if side >= 32 else 1 for side in stack.spatial]
    stack.convolve(64, 11, stride, [2 if s == 4 else 5 for s in stride])
    stack.pool(3, 2)
    stack.convolve(192, 5, padding=2)
    stack.pool(3, 2)
    stack.convolve(384, 3, padding=1)
    stack.convolve(256, 3, padding=1)
    stack.convolve(256, 3, padding=1)
    stack.pool(3, 2)
    stack.shrink(6)
    stack.flatten()
    rate = 0.5 if dropout is None else dropout
    stack.connect(4096, rate, drop_input=True)
    stack.connect(4096, rate, drop_input=True)
    return stack.network(n_outputs)


def _vgg(
    depth: int, input_shape: Sequence[int], n_outputs: int, dropout: float | None
) -> ConvolutionalNetwork:
    """Return the VGG network with `depth` layers that have weights."""
    stack = _Stack(input_shape)
    for stage in VGG_STAGES[depth]:
        for filters in stage:
            stack.convolve(filters, 3, padding=1)
        stack.pool(2, 2)
    stack.shrink(7)
    stack.flatten()
    rate = 0.5 if dropout is None else dropout
    stack.connect(4096, rate, drop_input=False)
    stack.connect(4096, rate, drop_input=False)
    return stack.network(n_outputs)


def vgg11(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """VGG network of 11 layers [1]_: 132,863,336 parameters for ImageNet.

    3x3 convolutions, 2x2 pooling after each of five stages, two dense layers of 4096
    units. It takes any input: poolings are left out along sides of one position, and
    what is longer than 7 positions before the dense layers is averaged down to 7.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an output of the two dense layers during training; None is
        0.5, as published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman, "Very deep convolutional networks for
       large-scale image recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import vgg11
    >>> with torch.device("meta"):
    ...     network = vgg11((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    132863336
    """
    return _vgg(11, input_shape, n_outputs, dropout)


def vgg13(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """VGG network of 13 layers [1]_: 133,047,848 parameters for ImageNet.

    3x3 convolutions, 2x2 pooling after each of five stages, two dense layers of 4096
    units. It takes any input: poolings are left out along sides of one position, and
    what is longer than 7 positions before the dense layers is averaged down to 7.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an output of the two dense layers during training; None is
        0.5, as published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman, "Very deep convolutional networks for
       large-scale image recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import vgg13
    >>> with torch.device("meta"):
    ...     network = vgg13((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    133047848
    """
    return _vgg(13, input_shape, n_outputs, dropout)


def vgg16(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """VGG network of 16 layers [1]_: 138,357,544 parameters for ImageNet.

    3x3 convolutions, 2x2 pooling after each of five stages, two dense layers of 4096
    units. It takes any input: poolings are left out along sides of one position, and
    what is longer than 7 positions before the dense layers is averaged down to 7.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an output of the two dense layers during training; None is
        0.5, as published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman, "Very deep convolutional networks for
       large-scale image recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import vgg16
    >>> with torch.device("meta"):
    ...     network = vgg16((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    138357544
    """
    return _vgg(16, input_shape, n_outputs, dropout)


def vgg19(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """VGG network of 19 layers [1]_: 143,667,240 parameters for ImageNet.

    3x3 convolutions, 2x2 pooling after each of five stages, two dense layers of 4096
    units. It takes any input: poolings are left out along sides of one position, and
    what is longer than 7 positions before the dense layers is averaged down to 7.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an output of the two dense layers during training; None is
        0.5, as published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. Simonyan and A. Zisserman, "Very deep convolutional networks for
       large-scale image recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import vgg19
    >>> with torch.device("meta"):
    ...     network = vgg19((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    143667240
    """
    return _vgg(19, input_shape, n_outputs, dropout)
