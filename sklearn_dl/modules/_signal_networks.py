"""Networks for time series: the fully convolutional one and InceptionTime."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    ResidualBlock,
    check_input_shape,
    make_convolution,
    make_pooling,
    with_pooled_head,
)

__all__ = ["InceptionTimeModule", "fcn", "inceptiontime"]

INCEPTION_KERNELS = (40, 20, 10)
INCEPTION_FILTERS = 32
INCEPTION_DEPTH = 6


def fcn(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Fully convolutional network [1]_: 264,450 parameters, one channel, 2 classes.

    Three convolutions with batch normalisation, of 128, 256 and 128 filters with
    kernels of 8, 5 and 3 positions and ``"same"`` padding; then the mean over all
    positions. It is meant for signals and takes any input.

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
    .. [1] Z. Wang, W. Yan and T. Oates, "Time series classification from scratch with
       deep neural networks: a strong baseline", IJCNN 2017.

    Examples
    --------
    >>> from sklearn_dl.modules import fcn
    >>> network = fcn((1, 96), 2)
    >>> sum(parameter.numel() for parameter in network.parameters())
    264450
    """
    n_channels, *spatial = check_input_shape(input_shape)
    layers: list[nn.Module] = []
    for filters, kernel_size in ((128, 8), (256, 5), (128, 3)):
        layers.append(
            ConvolutionUnit(
                len(spatial), n_channels, filters, kernel_size, padding="same"
            )
        )
        n_channels = filters
    return with_pooled_head(layers, n_channels, n_outputs, dropout)


class InceptionTimeModule(nn.Module):
    """Convolutions of three lengths and a pooling side by side [1]_.

    The convolutions see 32 mixtures of the channels, where there is more than one. The
    four outputs of 32 channels each are joined, normalised and rectified.

    Parameters
    ----------
    in_channels : int
        Number of channels before; 128 come out.

    References
    ----------
    .. [1] H. Ismail Fawaz et al., "InceptionTime: finding AlexNet for time series
       classification", Data Mining and Knowledge Discovery, 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules._signal_networks import InceptionTimeModule
    >>> InceptionTimeModule(3)(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 128, 50])
    """

    def __init__(self, in_channels: int):
        super().__init__()
        width = INCEPTION_FILTERS
        self.bottleneck: nn.Module = nn.Identity()
        n_mixtures = in_channels
        if in_channels > 1:
            n_mixtures = width
            self.bottleneck = make_convolution(1, in_channels, width, 1, bias=False)
        self.convolutions = nn.ModuleList(
            make_convolution(1, n_mixtures, width, length, padding="same", bias=False)
            for length in INCEPTION_KERNELS
        )
        self.pool = nn.Sequential(
            make_pooling("max", 1, 3, stride=1, padding="same"),
            make_convolution(1, in_channels, width, 1, bias=False),
        )
        self.norm = nn.BatchNorm1d(width * (len(INCEPTION_KERNELS) + 1))
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the module.

        Parameters
        ----------
        x : torch.Tensor of shape (n, in_channels, n_positions)
            The inputs.

        Returns
        -------
        mapped : torch.Tensor of shape (n, 128, n_positions)
            The outputs.
        """
        mixtures = self.bottleneck(x)
        branches = [convolution(mixtures) for convolution in self.convolutions]
        joined = torch.cat([*branches, self.pool(x)], dim=1)
        mapped: Tensor = self.activation(self.norm(joined))
        return mapped


def inceptiontime(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """One network of InceptionTime [1]_: 420,450 parameters, one channel, 2 classes.

    Six modules, each of convolutions over 40, 20 and 10 positions and a pooling over 3,
    with 32 filters each, behind a bottleneck of 32 channels; a shortcut around every
    three modules; then the mean over all positions. The published classifier is the
    mean of five such networks; average several estimators for it. It takes signals of
    any length.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and the length of a signal.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the head during training; None is 0, as
        published.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.

    Raises
    ------
    ValueError
        If the input is no signal.

    References
    ----------
    .. [1] H. Ismail Fawaz et al., "InceptionTime: finding AlexNet for time series
       classification", Data Mining and Knowledge Discovery, 2020.

    Examples
    --------
    >>> from sklearn_dl.modules import inceptiontime
    >>> network = inceptiontime((1, 96), 2)
    >>> sum(parameter.numel() for parameter in network.parameters())
    420450
    """
    n_channels, *spatial = check_input_shape(input_shape)
    if len(spatial) != 1:
        raise ValueError(
            "inceptiontime takes signals: input_shape must be (channels, length), got "
            f"{tuple(input_shape)!r}."
        )
    width = INCEPTION_FILTERS * (len(INCEPTION_KERNELS) + 1)
    layers: list[nn.Module] = []
    for _ in range(INCEPTION_DEPTH // 3):
        three = nn.Sequential(
            InceptionTimeModule(n_channels),
            InceptionTimeModule(width),
            InceptionTimeModule(width),
        )
        shortcut = ConvolutionUnit(1, n_channels, width, 1, activation=None)
        layers.append(ResidualBlock(three, shortcut))
        n_channels = width
    return with_pooled_head(layers, n_channels, n_outputs, dropout)
