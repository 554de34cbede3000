"""Networks of depthwise separable convolutions, for small devices."""

from collections.abc import Sequence

from torch import nn

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    ResidualBlock,
    check_input_shape,
    plan_strides,
    with_pooled_head,
)

__all__ = ["mobilenet", "mobilenet_v2"]

# Channels and stride of each depthwise separable convolution.
SEPARABLE = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *[(512, 1)] * 5,
    *((1024, 2), (1024, 1)),
)

# Expansion, channels, number of blocks, stride of the first of them.
INVERTED = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

N_STRIDES = 5  # of 2, in either of the networks


def mobilenet(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """MobileNet: a 3x3 convolution a channel, then one of 1x1, thirteen times [1]_.

    For images of 3 channels and 1000 classes it has 4,231,976 parameters, and 4,253,864
    numbers with the running means and variances of batch normalisation. The activation
    is ``"relu6"``.

    Small inputs go without the first strides, so that at least 4 positions a side are
    left where the input has them. Every size will do.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.001, as in the
        authors' implementation.

    Returns
    -------
    network : ConvolutionalNetwork
        The network; its head takes 1024 features.

    References
    ----------
    .. [1] A. G. Howard et al., "MobileNets: efficient convolutional neural networks for
       mobile vision applications", arXiv:1704.04861, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import mobilenet
    >>> mobilenet((1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    halvings = iter(plan_strides(spatial, N_STRIDES))
    layers: list[nn.Module] = [
        ConvolutionUnit(
            n_dims, n_channels, 32, 3, stride=next(halvings), activation="relu6"
        )
    ]
    n_channels = 32
    for n_filters, stride in SEPARABLE:
        layers += [
            _depthwise(n_dims, n_channels, next(halvings) if stride == 2 else 1),
            ConvolutionUnit(n_dims, n_channels, n_filters, 1, activation="relu6"),
        ]
        n_channels = n_filters
    rate = 0.001 if dropout is None else dropout
    return with_pooled_head(layers, n_channels, n_outputs, rate)


def mobilenet_v2(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """MobileNetV2: seventeen inverted residuals, narrow between and wide within [1]_.

    For images of 3 channels and 1000 classes it has 3,504,872 parameters, and 3,538,984
    numbers with the running means and variances of batch normalisation. The activation
    is ``"relu6"``.

    Small inputs go without the first strides, so that at least 4 positions a side are
    left where the input has them. Every size will do.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.2.

    Returns
    -------
    network : ConvolutionalNetwork
        The network; its head takes 1280 features.

    References
    ----------
    .. [1] M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L.-C. Chen, "MobileNetV2:
       inverted residuals and linear bottlenecks", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import mobilenet_v2
    >>> mobilenet_v2((1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    halvings = iter(plan_strides(spatial, N_STRIDES))
    layers: list[nn.Module] = [
        ConvolutionUnit(
            n_dims, n_channels, 32, 3, stride=next(halvings), activation="relu6"
        )
    ]
    n_channels = 32
    for expansion, n_filters, n_blocks, first_stride in INVERTED:
        for k in range(n_blocks):
            halves = first_stride == 2 and k == 0
            stride = next(halvings) if halves else (1,) * n_dims
            layers.append(_inverted_residual(n_channels, n_filters, stride, expansion))
            n_channels = n_filters
    layers.append(ConvolutionUnit(n_dims, n_channels, 1280, 1, activation="relu6"))
    rate = 0.2 if dropout is None else dropout
    return with_pooled_head(layers, 1280, n_outputs, rate)


def _inverted_residual(
    in_channels: int, out_channels: int, stride: Sequence[int], expansion: int
) -> nn.Module:
    """Return 1x1 that widens, 3x3 for each channel, 1x1 that narrows.

    There is no activation behind the last. The input is added where it has the shape of
    the output.
    """
    n_dims = len(stride)
    width = expansion * in_channels
    layers = nn.Sequential()
    if expansion > 1:
        layers.append(
            ConvolutionUnit(n_dims, in_channels, width, 1, activation="relu6")
        )
    layers.append(_depthwise(n_dims, width, stride))
    layers.append(ConvolutionUnit(n_dims, width, out_channels, 1, activation=None))
    if in_channels == out_channels and max(stride) == 1:
        return ResidualBlock(layers, activation="identity")
    return layers


def _depthwise(
    n_dims: int, n_channels: int, stride: int | Sequence[int]
) -> ConvolutionUnit:
    """Return a unit that convolves each channel by itself."""
    return ConvolutionUnit(
        n_dims,
        n_channels,
        n_channels,
        3,
        stride=stride,
        groups=n_channels,
        activation="relu6",
    )
