"""Densely connected networks: each layer sees all that were computed before it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklearn_dl.modules._convolution import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    check_input_shape,
    make_batch_norm,
    make_convolution,
    make_pooling,
    plan_strides,
    with_pooled_head,
)
from sklearn_dl.modules._halving import halving_pooling

__all__ = ["DenselyConnectedLayer", "densenet121", "densenet169", "densenet201"]

GROWTH = 32  # channels that a layer adds
BOTTLENECK = 4 * GROWTH


def densenet121(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """DenseNet-121: four blocks of 6, 12, 24 and 16 densely connected layers [1]_.

    For images of 3 channels and 1000 classes it has 7,978,856 parameters, and 8,062,504
    numbers with the running means and variances of batch normalisation.

    Small inputs go without the first strides, so that at least 4 positions a side are
    left where the input has them. Every size will do.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0, as in the paper.

    Returns
    -------
    network : ConvolutionalNetwork
        The network; its head takes 1024 features.

    References
    ----------
    .. [1] G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, "Densely connected
       convolutional networks", CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import densenet121
    >>> densenet121((1, 16, 16), 10)(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2, 10])
    """
    return _densenet((6, 12, 24, 16), input_shape, n_outputs, dropout)


def densenet169(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """DenseNet-169: as :func:`densenet121`, with blocks of 6, 12, 32 and 32 layers.

    For images of 3 channels and 1000 classes it has 14,149,480 parameters, and
    14,307,880 numbers with the running means and variances of batch normalisation.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.

    Returns
    -------
    network : ConvolutionalNetwork
        The network; its head takes 1664 features.

    References
    ----------
    - G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, "Densely connected
      convolutional networks", CVPR 2017.

    Examples
    --------
    >>> from sklearn_dl.modules import densenet169
    >>> densenet169((1, 16, 16), 10).head
    Linear(in_features=1664, out_features=10, bias=True)
    """
    return _densenet((6, 12, 32, 32), input_shape, n_outputs, dropout)


def densenet201(
    input_shape: Sequence[int], n_outputs: int, *, dropout: float | None = None
) -> ConvolutionalNetwork:
    """DenseNet-201: as :func:`densenet121`, with blocks of 6, 12, 48 and 32 layers.

    For images of 3 channels and 1000 classes it has 20,013,928 parameters, and
    20,242,984 numbers with the running means and variances of batch normalisation.

    Parameters
    ----------
    input_shape : sequence of int
        Number of channels, then one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a feature in front of the head. None is 0.

    Returns
    -------
    network : ConvolutionalNetwork
        The network; its head takes 1920 features.

    References
    ----------
    - G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, "Densely connected
      convolutional networks", CVPR 2017.

    Examples
    --------
    >>> from sklearn_dl.modules import densenet201
    >>> densenet201((1, 16, 16), 10).head
    Linear(in_features=1920, out_features=10, bias=True)
    """
    return _densenet((6, 12, 48, 32), input_shape, n_outputs, dropout)


class DenselyConnectedLayer(nn.Module):
    """A bottleneck and a 3x3 convolution, put behind the channels they were made of.

    ``[x, conv3x3(relu(norm(conv1x1(relu(norm(x))))))]``

    Parameters
    ----------
    n_dims : {1, 2, 3}
        Number of spatial dimensions.
    n_channels : int
        Number of channels of the input; the output has 32 more.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules._densenet import DenselyConnectedLayer
    >>> DenselyConnectedLayer(2, 64)(torch.zeros(1, 64, 7, 7)).shape
    torch.Size([1, 96, 7, 7])
    """

    def __init__(self, n_dims: int, n_channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            make_batch_norm(n_dims, n_channels),
            nn.ReLU(),
            make_convolution(n_dims, n_channels, BOTTLENECK, 1, bias=False),
            make_batch_norm(n_dims, BOTTLENECK),
            nn.ReLU(),
            make_convolution(n_dims, BOTTLENECK, GROWTH, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            All that was computed before.

        Returns
        -------
        output : torch.Tensor of shape (n, n_channels + 32, ...)
            The same, and the new channels.
        """
        return torch.cat([x, self.layers(x)], dim=1)


def _densenet(
    n_layers: Sequence[int],
    input_shape: Sequence[int],
    n_outputs: int,
    dropout: float | None,
) -> ConvolutionalNetwork:
    """Return the network with so many layers in each of its blocks."""
    n_channels, *spatial = check_input_shape(input_shape)
    n_dims = len(spatial)
    first, pool, *strides = plan_strides(spatial, 5)
    layers: list[nn.Module] = [
        ConvolutionUnit(n_dims, n_channels, 64, 7, stride=first),
        halving_pooling(pool),
    ]
    n_channels = 64
    for k, n_in_block in enumerate(n_layers):
        if k > 0:
            layers += _transition(n_channels, strides[k - 1])
            n_channels //= 2
        for _ in range(n_in_block):
            layers.append(DenselyConnectedLayer(n_dims, n_channels))
            n_channels += GROWTH
    layers += [make_batch_norm(n_dims, n_channels), nn.ReLU()]
    return with_pooled_head(layers, n_channels, n_outputs, dropout)


def _transition(n_channels: int, stride: Sequence[int]) -> list[nn.Module]:
    """Return the layers between two blocks: half the channels, half the size."""
    n_dims = len(stride)
    return [
        make_batch_norm(n_dims, n_channels),
        nn.ReLU(),
        make_convolution(n_dims, n_channels, n_channels // 2, 1, bias=False),
        make_pooling("average", n_dims, stride) if max(stride) > 1 else nn.Identity(),
    ]
