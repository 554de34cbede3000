"""Xception: Inception's idea carried to its end, a filter for each channel."""

from collections.abc import Sequence

from torch import Tensor, nn

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    SeparableConvolution,
    check_input_shape,
    make_batch_norm,
    plan_strides,
    with_pooled_head,
)
from sklearn_dl.modules._halving import halving_pooling

__all__ = ["SeparableResidual", "xception"]

N_MIDDLE = 8  # blocks that change neither size nor number of channels


def xception(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """Xception: 34 depthwise separable convolutions in 12 residual blocks [1]_.

    For images of 3 channels and 1000 classes it has 22,855,952 parameters, and
    22,910,480 numbers with the running means and variances of batch normalisation.

    The paper's images have 299 x 299 pixels. Sides of less than 97 positions go without
    the first strides, so that at least 4 positions are left where the input has them,
    and are padded where the paper lets them become shorter. Every size will do.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.5, as in the
        paper.

    Returns
    -------
    network : ConvolutionalNetwork
        The network; its head takes 2048 features.

    References
    ----------
    .. [1] F. Chollet, "Xception: deep learning with depthwise separable convolutions",
       CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import xception
    >>> xception((1, 16, 16), 10)(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2, 10])
    """
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    strides = plan_strides(spatial, 5)
    unchanged = (1,) * n_dims
    # Where a side is large enough for all strides it is not padded, as in the paper.
    padding = [2 - stride for stride in strides[0]]
    layers: list[nn.Module] = [
        ConvolutionUnit(n_dims, n_channels, 32, 3, stride=strides[0], padding=padding),
        ConvolutionUnit(n_dims, 32, 64, 3, padding=padding),
        SeparableResidual((64, 128, 128), strides[1], activated=False),
        SeparableResidual((128, 256, 256), strides[2]),
        SeparableResidual((256, 728, 728), strides[3]),
        *[SeparableResidual((728,) * 4, unchanged) for _ in range(N_MIDDLE)],
        SeparableResidual((728, 728, 1024), strides[4]),
    ]
    for in_channels, out_channels in ((1024, 1536), (1536, 2048)):
        layers += [
            SeparableConvolution(n_dims, in_channels, out_channels, 3),
            make_batch_norm(n_dims, out_channels),
            nn.ReLU(),
        ]
    rate = 0.5 if dropout is None else dropout
    return with_pooled_head(layers, 2048, n_outputs, rate)


class SeparableResidual(nn.Module):
    """Separable 3x3 convolutions, each behind an activation, around them a shortcut.

    The shortcut is a 1x1 convolution with batch normalisation where the number of
    channels changes, else the input itself. A stride is a max pooling at the end.

    Parameters
    ----------
    channels : sequence of int
        Number of channels of the input and behind each convolution.
    stride : sequence of int
        Stride along each side, 1 or 2.
    activated : bool, default=True
        Whether there is an activation in front of the first convolution too.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules._xception import SeparableResidual
    >>> SeparableResidual((8, 16, 16), (2, 2))(torch.zeros(1, 8, 9, 9)).shape
    torch.Size([1, 16, 5, 5])
    """

    def __init__(
        self, channels: Sequence[int], stride: Sequence[int], *, activated: bool = True
    ):
        super().__init__()
        n_dims = len(stride)
        self.shortcut: nn.Module = nn.Identity()
        if channels[0] != channels[-1]:
            self.shortcut = ConvolutionUnit(
                n_dims, channels[0], channels[-1], 1, stride=stride, activation=None
            )
        self.layers = nn.Sequential()
        for k in range(len(channels) - 1):
            if k > 0 or activated:
                self.layers.append(nn.ReLU())
            self.layers.append(
                SeparableConvolution(n_dims, channels[k], channels[k + 1], 3)
            )
            self.layers.append(make_batch_norm(n_dims, channels[k + 1]))
        self.layers.append(halving_pooling(stride))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels[0], ...)
            The inputs.

        Returns
        -------
        output : torch.Tensor of shape (n, channels[-1], *shorter)
            The outputs.
        """
        output: Tensor = self.layers(x) + self.shortcut(x)
        return output
