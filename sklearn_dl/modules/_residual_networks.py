"""Residual networks, for photographs and for small pictures."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    ResidualBlock,
    check_input_shape,
    plan_strides,
    with_pooled_head,
)
from sklearn_dl.modules._halving import halving_pooling

__all__ = [
    "SubsampledShortcut",
    "plain20",
    "resnet18",
    "resnet20",
    "resnet34",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet152",
]

# Blocks a stage, and whether a block is a bottleneck.
RESNETS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


class SubsampledShortcut(nn.Module):
    """Skips positions and appends channels of zeros: a shortcut without weights.

    Parameters
    ----------
    stride : sequence of int
        Step along each side.
    n_new_channels : int
        Number of channels to append.

    References
    ----------
    - K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
      recognition", CVPR 2016; option A.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules._residual_networks import SubsampledShortcut
    >>> SubsampledShortcut((2,), 1)(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[1., 3.],
             [0., 0.]]])
    """

    def __init__(self, stride: Sequence[int], n_new_channels: int):
        super().__init__()
        self.steps = (slice(None), slice(None), *(slice(None, None, s) for s in stride))
        self.n_new_channels = n_new_channels

    def forward(self, x: Tensor) -> Tensor:
        """Apply the shortcut.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        shortened : torch.Tensor of shape (n, n_channels + n_new_channels, *shortened)
            The outputs.
        """
        # F.pad begins with the last side; the channels come after all sides.
        ends = [0, 0] * (x.ndim - 2) + [0, self.n_new_channels]
        return F.pad(x[self.steps], ends)


def _resnet(
    depth: int, input_shape: Sequence[int], n_outputs: int, dropout: float | None
) -> ConvolutionalNetwork:
    """Return the network of `depth` layers for photographs."""
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    n_blocks, bottleneck = RESNETS[depth]
    first, pool, *strides = plan_strides(spatial, 5)
    layers: list[nn.Module] = [
        ConvolutionUnit(n_dims, n_channels, 64, 7, stride=first),
        halving_pooling(pool),
    ]
    n_channels = 64
    for stage, stride in enumerate([(1,) * n_dims, *strides]):
        width = 64 * 2**stage
        out_channels = 4 * width if bottleneck else width
        blocks = []
        for k in range(n_blocks[stage]):
            step = stride if k == 0 else (1,) * n_dims
            residual = (_bottleneck if bottleneck else _pair)(
                n_dims, n_channels, width, step
            )
            shortcut = None
            if k == 0 and (n_channels != out_channels or max(step) > 1):
                shortcut = ConvolutionUnit(
                    n_dims, n_channels, out_channels, 1, stride=step, activation=None
                )
            blocks.append(ResidualBlock(residual, shortcut))
            n_channels = out_channels
        layers.append(nn.Sequential(*blocks))
    return with_pooled_head(layers, n_channels, n_outputs, dropout)


def _pair(n_dims: int, n_in: int, width: int, stride: Sequence[int]) -> nn.Sequential:
    """Return two 3x3 convolutions."""
    return nn.Sequential(
        ConvolutionUnit(n_dims, n_in, width, 3, stride=stride),
        ConvolutionUnit(n_dims, width, width, 3, activation=None),
    )


def _bottleneck(
    n_dims: int, n_in: int, width: int, stride: Sequence[int]
) -> nn.Sequential:
    """Return a 3x3 convolution between two of 1x1, the last to four times the width."""
    return nn.Sequential(
        ConvolutionUnit(n_dims, n_in, width, 1),
        ConvolutionUnit(n_dims, width, width, 3, stride=stride),
        ConvolutionUnit(n_dims, width, 4 * width, 1, activation=None),
    )


def _small_resnet(
    depth: int,
    shortcuts: bool,
    input_shape: Sequence[int],
    n_outputs: int,
    dropout: float | None,
) -> ConvolutionalNetwork:
    """Return the network of `depth` layers for small pictures."""
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    layers: list[nn.Module] = [ConvolutionUnit(n_dims, n_channels, 16, 3)]
    n_channels = 16
    strides = [(1,) * n_dims, *plan_strides(spatial, 2)]
    for width, stride in zip((16, 32, 64), strides, strict=True):
        blocks: list[nn.Module] = []
        for k in range((depth - 2) // 6):
            step = stride if k == 0 else (1,) * n_dims
            residual = _pair(n_dims, n_channels, width, step)
            if not shortcuts:
                blocks.append(residual.append(nn.ReLU()))
            elif n_channels == width:
                blocks.append(ResidualBlock(residual))
            else:
                shortcut = SubsampledShortcut(step, width - n_channels)
                blocks.append(ResidualBlock(residual, shortcut))
            n_channels = width
        layers.append(nn.Sequential(*blocks))
    return with_pooled_head(layers, n_channels, n_outputs, dropout)


def resnet18(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 18 layers [1]_: 11,689,512 parameters for ImageNet.

    Four stages of blocks of two 3x3 convolutions, with 64, 128, 256 and 512 filters.

    It takes any input. Sides shorter than 97 positions go without the first of the five
    strides, so that at least 4 positions are left at the end: with 32x32 pixels the
    first convolution and the pooling keep the size.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import resnet18
    >>> with torch.device("meta"):
    ...     network = resnet18((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    11689512
    """
    return _resnet(18, input_shape, n_outputs, dropout)


def resnet34(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 34 layers [1]_: 21,797,672 parameters for ImageNet.

    Four stages of blocks of two 3x3 convolutions, with 64, 128, 256 and 512 filters.

    It takes any input. Sides shorter than 97 positions go without the first of the five
    strides, so that at least 4 positions are left at the end: with 32x32 pixels the
    first convolution and the pooling keep the size.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import resnet34
    >>> with torch.device("meta"):
    ...     network = resnet34((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    21797672
    """
    return _resnet(34, input_shape, n_outputs, dropout)


def resnet50(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 50 layers [1]_: 25,557,032 parameters for ImageNet.

    Four stages of blocks of 1x1, 3x3 and 1x1 convolutions, with 256, 512, 1024 and 2048
    channels between the blocks. A stride is in the 3x3 convolution, as in the networks
    whose weights are published, and not in the 1x1 convolution before it.

    Counted otherwise it has 25,636,712: with the 53,120 running means and variances of
    batch normalisation, and with 26,560 biases of the convolutions in front of it,
    which some implementations keep although they change nothing.

    It takes any input. Sides shorter than 97 positions go without the first of the five
    strides, so that at least 4 positions are left at the end: with 32x32 pixels the
    first convolution and the pooling keep the size.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import resnet50
    >>> with torch.device("meta"):
    ...     network = resnet50((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    25557032
    """
    return _resnet(50, input_shape, n_outputs, dropout)


def resnet101(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 101 layers [1]_: 44,549,160 parameters for ImageNet.

    Four stages of blocks of 1x1, 3x3 and 1x1 convolutions, with 256, 512, 1024 and 2048
    channels between the blocks. A stride is in the 3x3 convolution, as in the networks
    whose weights are published, and not in the 1x1 convolution before it.

    It takes any input. Sides shorter than 97 positions go without the first of the five
    strides, so that at least 4 positions are left at the end: with 32x32 pixels the
    first convolution and the pooling keep the size.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import resnet101
    >>> with torch.device("meta"):
    ...     network = resnet101((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    44549160
    """
    return _resnet(101, input_shape, n_outputs, dropout)


def resnet152(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 152 layers [1]_: 60,192,808 parameters for ImageNet.

    Four stages of blocks of 1x1, 3x3 and 1x1 convolutions, with 256, 512, 1024 and 2048
    channels between the blocks. A stride is in the 3x3 convolution, as in the networks
    whose weights are published, and not in the 1x1 convolution before it.

    It takes any input. Sides shorter than 97 positions go without the first of the five
    strides, so that at least 4 positions are left at the end: with 32x32 pixels the
    first convolution and the pooling keep the size.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import resnet152
    >>> with torch.device("meta"):
    ...     network = resnet152((3, 224, 224), 1000)
    >>> sum(parameter.numel() for parameter in network.parameters())
    60192808
    """
    return _resnet(152, input_shape, n_outputs, dropout)


def resnet20(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 20 layers, small images [1]_: 269,722 parameters on CIFAR-10.

    Three stages of 3 blocks of two 3x3 convolutions, with 16, 32 and 64 filters. Where
    a stage begins, the shortcut skips positions and appends channels of zeros (option A
    of the paper), so that shortcuts have no weights.

    It takes any input. Sides shorter than 13 positions go without the first of the two
    strides, so that at least 4 positions are left at the end.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> from sklearn_dl.modules import resnet20
    >>> network = resnet20((3, 32, 32), 10)
    >>> sum(parameter.numel() for parameter in network.parameters())
    269722
    """
    return _small_resnet(20, True, input_shape, n_outputs, dropout)


def resnet56(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Residual network of 56 layers, small images [1]_: 853,018 parameters on CIFAR-10.

    Three stages of 9 blocks of two 3x3 convolutions, with 16, 32 and 64 filters. Where
    a stage begins, the shortcut skips positions and appends channels of zeros (option A
    of the paper), so that shortcuts have no weights.

    It takes any input. Sides shorter than 13 positions go without the first of the two
    strides, so that at least 4 positions are left at the end.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> from sklearn_dl.modules import resnet56
    >>> network = resnet56((3, 32, 32), 10)
    >>> sum(parameter.numel() for parameter in network.parameters())
    853018
    """
    return _small_resnet(56, True, input_shape, n_outputs, dropout)


def plain20(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Network of 20 layers without shortcuts [1]_: 269,722 parameters on CIFAR-10.

    It is :func:`resnet20` without its shortcuts and has as many weights, so that the
    two show what shortcuts bring.

    It takes any input. Sides shorter than 13 positions go without the first of the two
    strides, so that at least 4 positions are left at the end.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
       recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> from sklearn_dl.modules import plain20
    >>> network = plain20((3, 32, 32), 10)
    >>> sum(parameter.numel() for parameter in network.parameters())
    269722
    """
    return _small_resnet(20, False, input_shape, n_outputs, dropout)
