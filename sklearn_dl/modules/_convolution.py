"""What convolutional networks are made of, for signals, images and volumes.

Convolution here is what networks call so: the cross-correlation of an input with a
kernel, which is not mirrored. Along each side it turns ``I`` positions into

    ``O = floor((I - F + P_start + P_end) / S) + 1``

with the extent ``F = D (K - 1) + 1`` of a kernel of K values at dilation D, the stride
S, and zeros added before and after. ``"valid"`` padding adds none; ``"full"`` adds
``F - 1`` on both ends, so that every overlap counts; ``"same"`` adds
``S ceil(I / S) - I + F - S``, half of it before (rounded down), so that
``O = ceil(I / S)``.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl.modules._activations import make_activation

__all__ = [
    "ConvolutionUnit",
    "ConvolutionalNetwork",
    "GlobalPooling",
    "ResidualBlock",
    "SamePooling",
    "SeparableConvolution",
    "check_input_shape",
    "fit_window",
    "initialize_convolutions_",
    "initialize_layer_",
    "make_batch_norm",
    "make_convolution",
    "make_pooling",
    "output_size",
    "output_sizes",
    "plan_strides",
    "with_pooled_head",
]

ConvolutionClass = type[nn.Conv1d | nn.Conv2d | nn.Conv3d]
Sizes = int | Sequence[int]  # one for all spatial dimensions, or one each

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVERAGE_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
MAX_POOL_FUNCTIONS = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
AVERAGE_POOL_FUNCTIONS: tuple[Callable[..., Tensor], ...]
AVERAGE_POOL_FUNCTIONS = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
PADDINGS = ("valid", "same", "full")


def output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: str | int = "valid",
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Length of one side after a convolution or a pooling.

    Parameters
    ----------
    size : int
        Length of the side before.
    kernel_size : int
        Number of values of the kernel along this side.
    stride : int, default=1
        Step from one place of the kernel to the next.
    padding : {"valid", "same", "full"} or int, default="valid"
        What is added at the ends; a number is added at both.
    dilation : int, default=1
        Step from one value of the kernel to the next.
    ceil_mode : bool, default=False
        Whether a last place that reaches over the end counts, as long as it does not
        begin there.

    Returns
    -------
    size : int
        ``floor((I - F + P_start + P_end) / S) + 1``, or ``ceil`` with `ceil_mode`.

    Raises
    ------
    ValueError
        If the kernel does not fit into the padded side, or there is no such padding.

    References
    ----------
    - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning",
      arXiv:1603.07285, 2016.

    Examples
    --------
    >>> from sklearn_dl.modules import output_size
    >>> output_size(36, 11)
    26
    >>> output_size(28, 3, stride=2, padding="same")
    14
    """
    extent = dilation * (kernel_size - 1) + 1
    if isinstance(padding, str):
        _check_padding(padding)
        start, end = {
            "valid": (0, 0),
            "same": _same_padding(size, kernel_size, stride, dilation),
            "full": (extent - 1, extent - 1),
        }[padding]
    else:
        start = end = padding
    if size + start + end < extent:
        raise ValueError(
            f"a kernel that spans {extent} positions needs a side of at least "
            f"{extent - start - end}, got size={size!r} with padding={padding!r}."
        )
    steps = (size - extent + start + end) // stride
    reaches_end = (size - extent + start + end) % stride == 0
    if ceil_mode and not reaches_end and (steps + 1) * stride < size + start:
        steps += 1
    return steps + 1


def output_sizes(
    spatial: Sequence[int],
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: str | Sizes = "valid",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> tuple[int, ...]:
    """Lengths of all sides after a convolution or a pooling.

    Parameters
    ----------
    spatial : sequence of int
        The lengths before.
    kernel_size, stride, padding, dilation : int or sequence of int
        As in :func:`output_size`, one for all sides or one each.
    ceil_mode : bool, default=False
        As in :func:`output_size`.

    Returns
    -------
    spatial : tuple of int
        The lengths after.

    Raises
    ------
    ValueError
        If the kernel does not fit into a padded side, or there is no such padding.
    """
    n = len(spatial)
    kernel, strides = _each(kernel_size, n, "kernel_size"), _each(stride, n, "stride")
    dilations = _each(dilation, n, "dilation")
    paddings: Sequence[str | int]
    paddings = (
        [padding] * n if isinstance(padding, str) else _each(padding, n, "padding")
    )
    return tuple(
        output_size(
            spatial[k], kernel[k], strides[k], paddings[k], dilations[k], ceil_mode
        )
        for k in range(n)
    )


def make_convolution(
    n_dims: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    *,
    stride: Sizes = 1,
    padding: str | Sizes = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
) -> nn.Conv1d | nn.Conv2d | nn.Conv3d:
    """Return torch's convolution for signals, images or volumes.

    Parameters
    ----------
    n_dims : {1, 2, 3}
        Number of spatial dimensions.
    in_channels, out_channels : int
        Number of channels before and after.
    kernel_size : int or sequence of int
        Number of values of the kernel along each side.
    stride : int or sequence of int, default=1
        Step from one place of the kernel to the next.
    padding : {"valid", "same", "full"}, int or sequence of int, default="valid"
        Zeros at the ends, see the formulas in :func:`output_size`; a number is added
        at both ends of a side.
    dilation : int or sequence of int, default=1
        Step from one value of the kernel to the next.
    groups : int, default=1
        Groups of channels that do not see each other; `in_channels` of them make the
        convolution depthwise.
    bias : bool, default=True
        Whether a learned constant is added to each output channel.

    Returns
    -------
    convolution : torch.nn.Conv1d, torch.nn.Conv2d or torch.nn.Conv3d
        The layer. With ``"same"`` padding and a stride or an even extent it is a
        subclass that pads by what the size of its input asks for.

    Raises
    ------
    ValueError
        If `n_dims` or `padding` is none of the above.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import make_convolution
    >>> convolution = make_convolution(2, 3, 9, 11)
    >>> convolution(torch.zeros(1, 3, 36, 36)).shape
    torch.Size([1, 9, 26, 26])
    >>> sum(parameter.numel() for parameter in convolution.parameters())
    3276
    """
    kernel = _each(kernel_size, n_dims, "kernel_size")
    strides = _each(stride, n_dims, "stride")
    dilations = _each(dilation, n_dims, "dilation")
    spans = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    layer = CONVOLUTIONS[n_dims - 1]
    pad: Sequence[int] = [0] * n_dims
    if not isinstance(padding, str):
        pad = _each(padding, n_dims, "padding")
    elif _check_padding(padding) == "full":
        pad = spans
    elif padding == "same" and _is_symmetric(spans, strides):
        pad = [span // 2 for span in spans]
    elif padding == "same":
        layer = SAME_CONVOLUTIONS[n_dims - 1]
    # One class of three: torch's stubs want tuples of exactly one length.
    return layer(
        in_channels,
        out_channels,
        kernel,  # type: ignore[arg-type]
        stride=strides,  # type: ignore[arg-type]
        padding=tuple(pad),  # type: ignore[arg-type]
        dilation=dilations,  # type: ignore[arg-type]
        groups=groups,
        bias=bias,
    )


class SameConv1d(nn.Conv1d):
    """Pads by what the size of the input asks for, as the two below."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(_pad_same(input, self))


class SameConv2d(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(_pad_same(input, self))


class SameConv3d(nn.Conv3d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(_pad_same(input, self))


CONVOLUTIONS: tuple[ConvolutionClass, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
SAME_CONVOLUTIONS: tuple[ConvolutionClass, ...]
SAME_CONVOLUTIONS = (SameConv1d, SameConv2d, SameConv3d)


def make_pooling(
    kind: str,
    n_dims: int,
    kernel_size: Sizes,
    *,
    stride: Sizes | None = None,
    padding: str | Sizes = "valid",
    ceil_mode: bool = False,
) -> nn.Module:
    """Return a layer that keeps the largest or the mean value of each window.

    Parameters
    ----------
    kind : {"max", "average"}
        What is kept of a window. Padding is never part of it.
    n_dims : {1, 2, 3}
        Number of spatial dimensions.
    kernel_size : int or sequence of int
        Size of the window along each side.
    stride : int or sequence of int, default=None
        Step from one window to the next; None is the size of the window.
    padding : {"valid", "same"}, int or sequence of int, default="valid"
        What is added at the ends; a number is added at both ends of a side, and is at
        most half of the window.
    ceil_mode : bool, default=False
        Whether windows that reach over the end count too.

    Returns
    -------
    pooling : torch.nn.Module
        A pooling layer of torch; a :class:`SamePooling` where ``"same"`` padding
        depends on the size of the input; the identity for windows of one position.

    Raises
    ------
    ValueError
        If `kind`, `n_dims` or `padding` is none of the above, or there is more padding
        than half of the window.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import make_pooling
    >>> make_pooling("max", 1, 2)(torch.tensor([[1.0, 3.0, 2.0, 5.0]]))
    tensor([[3., 5.]])
    """
    if kind not in ("max", "average"):
        raise ValueError(f"kind must be 'max' or 'average', got {kind!r}.")
    kernel = _each(kernel_size, n_dims, "kernel_size")
    strides = kernel if stride is None else _each(stride, n_dims, "stride")
    if not isinstance(padding, str):
        pad = _each(padding, n_dims, "padding")
    elif _check_padding(padding) == "full":
        raise ValueError("padding of a pooling must be 'valid', 'same' or a number.")
    elif padding == "valid":
        pad = (0,) * n_dims
    else:
        spans = [k - 1 for k in kernel]
        if not _is_symmetric(spans, strides):
            return SamePooling(kind, kernel, strides)
        pad = tuple(span // 2 for span in spans)
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise ValueError(
            "padding of a pooling must be at most half of its window, got "
            f"padding={padding!r} with kernel_size={kernel_size!r}."
        )
    if kernel == strides == (1,) * n_dims and not any(pad):
        return nn.Identity()
    if kind == "max":
        return MAX_POOLS[n_dims - 1](kernel, strides, pad, ceil_mode=ceil_mode)
    # torch's classes differ in which keywords they take, but not in these.
    return AVERAGE_POOLS[n_dims - 1](
        kernel,  # type: ignore[arg-type]
        strides,  # type: ignore[arg-type]
        pad,  # type: ignore[arg-type]
        ceil_mode=ceil_mode,
        count_include_pad=False,
    )


class SamePooling(nn.Module):
    """Pooling whose output has ``ceil(I / S)`` positions a side.

    Parameters
    ----------
    kind : {"max", "average"}
        What is kept of a window. Padding is never part of it.
    kernel_size, stride : sequence of int
        Size of the window, and step from one to the next, along each side.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import SamePooling
    >>> SamePooling("average", (2,), (2,))(torch.tensor([[[1.0, 3.0, 2.0]]]))
    tensor([[[2., 2.]]])
    """

    def __init__(self, kind: str, kernel_size: Sequence[int], stride: Sequence[int]):
        super().__init__()
        self.kind = kind
        self.kernel_size = tuple(kernel_size)
        self.stride = tuple(stride)
        self.dilation = (1,) * len(self.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Pool.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        pooled : torch.Tensor of shape (n, n_channels, ...)
            The outputs.
        """
        n_dims = len(self.kernel_size)
        window = self.kernel_size, self.stride
        if self.kind == "max":
            padded = _pad_same(x, self, -math.inf)
            pooled: Tensor = MAX_POOL_FUNCTIONS[n_dims - 1](padded, *window)
            return pooled
        average = AVERAGE_POOL_FUNCTIONS[n_dims - 1]
        share = average(_pad_same(torch.ones_like(x[:1, :1]), self), *window)
        mean: Tensor = average(_pad_same(x, self), *window) / share
        return mean

    def extra_repr(self) -> str:
        """Return the parameters as text.

        Returns
        -------
        text : str
            What stands between the brackets of the representation.
        """
        return f"{self.kind}, kernel_size={self.kernel_size}, stride={self.stride}"


class GlobalPooling(nn.Module):
    """The mean or the largest value of each channel.

    Parameters
    ----------
    kind : {"average", "max"}, default="average"
        What is kept.

    Raises
    ------
    ValueError
        If `kind` is neither.

    References
    ----------
    - M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import GlobalPooling
    >>> GlobalPooling()(torch.tensor([[[1.0, 3.0], [5.0, 5.0]]]))
    tensor([[2., 5.]])
    """

    def __init__(self, kind: str = "average"):
        super().__init__()
        if kind not in ("average", "max"):
            raise ValueError(f"kind must be 'average' or 'max', got {kind!r}.")
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """Pool over all positions.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        pooled : torch.Tensor of shape (n, n_channels)
            The outputs.
        """
        spatial = tuple(range(2, x.ndim))
        return x.mean(spatial) if self.kind == "average" else x.amax(spatial)

    def extra_repr(self) -> str:
        """Return the parameter as text.

        Returns
        -------
        text : str
            What stands between the brackets of the representation.
        """
        return self.kind


def make_batch_norm(
    n_dims: int, n_channels: int, *, eps: float = 1e-5, momentum: float = 0.1
) -> nn.Module:
    """Return torch's batch normalisation for signals, images or volumes.

    Parameters
    ----------
    n_dims : {1, 2, 3}
        Number of spatial dimensions.
    n_channels : int
        Number of channels.
    eps : float, default=1e-5
        What is added to the variance.
    momentum : float, default=0.1
        Weight of a batch in the running statistics.

    Returns
    -------
    normalisation : torch.nn.BatchNorm1d, BatchNorm2d or BatchNorm3d
        The layer.
    """
    return BATCH_NORMS[n_dims - 1](n_channels, eps=eps, momentum=momentum)


class ConvolutionUnit(nn.Sequential):
    """Convolution without bias, batch normalisation, activation.

    Parameters
    ----------
    n_dims : {1, 2, 3}
        Number of spatial dimensions.
    in_channels, out_channels : int
        Number of channels before and after.
    kernel_size : int or sequence of int
        Number of values of the kernel along each side.
    stride : int or sequence of int, default=1
        Step from one place of the kernel to the next.
    padding : str, int or sequence of int, default=None
        As in :func:`make_convolution`. None adds half of the kernel's extent (rounded
        down) at both ends, with a stride too; that is how most published networks pad.
    dilation : int or sequence of int, default=1
        Step from one value of the kernel to the next.
    groups : int, default=1
        Groups of channels that do not see each other.
    activation : str, default="relu"
        Name of the activation, see :func:`make_activation`; None for none.
    eps : float, default=1e-5
        What batch normalisation adds to the variance.

    References
    ----------
    - S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training
      by reducing internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import ConvolutionUnit
    >>> ConvolutionUnit(2, 3, 8, 3, stride=2)(torch.zeros(4, 3, 9, 9)).shape
    torch.Size([4, 8, 5, 5])
    """

    def __init__(
        self,
        n_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        stride: Sizes = 1,
        padding: str | Sizes | None = None,
        dilation: Sizes = 1,
        groups: int = 1,
        activation: str | None = "relu",
        eps: float = 1e-5,
    ):
        if padding is None:
            kernel = _each(kernel_size, n_dims, "kernel_size")
            dilations = _each(dilation, n_dims, "dilation")
            padding = [d * (k - 1) // 2 for k, d in zip(kernel, dilations, strict=True)]
        convolution = make_convolution(
            n_dims,
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        super().__init__(convolution, make_batch_norm(n_dims, out_channels, eps=eps))
        if activation is not None:
            self.append(make_activation(activation))


class SeparableConvolution(nn.Sequential):
    """Each channel is convolved by itself; a 1x1 convolution then mixes the channels.

    It has ``C F F + C K`` weights where a convolution has ``C K F F``.

    Parameters
    ----------
    n_dims : {1, 2, 3}
        Number of spatial dimensions.
    in_channels, out_channels : int
        Number of channels before and after.
    kernel_size : int or sequence of int
        Number of values of the kernel along each side.
    stride : int or sequence of int, default=1
        Step from one place of the kernel to the next.
    padding : str, int or sequence of int, default="same"
        As in :func:`make_convolution`.
    dilation : int or sequence of int, default=1
        Step from one value of the kernel to the next.
    bias : bool, default=False
        Whether the second of the two convolutions adds a constant.

    References
    ----------
    - F. Chollet, "Xception: deep learning with depthwise separable convolutions",
      CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import SeparableConvolution
    >>> SeparableConvolution(2, 4, 8, 3)(torch.zeros(1, 4, 9, 9)).shape
    torch.Size([1, 8, 9, 9])
    """

    def __init__(
        self,
        n_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        stride: Sizes = 1,
        padding: str | Sizes = "same",
        dilation: Sizes = 1,
        bias: bool = False,
    ):
        super().__init__(
            make_convolution(
                n_dims,
                in_channels,
                in_channels,
                kernel_size,
                stride=stride,
                padding=padding,
                dilation=dilation,
                groups=in_channels,
                bias=False,
            ),
            make_convolution(n_dims, in_channels, out_channels, 1, bias=bias),
        )


class ResidualBlock(nn.Module):
    """What layers compute is added to what they are given: ``g(f(x) + s(x))``.

    Parameters
    ----------
    residual : torch.nn.Module
        The layers f.
    shortcut : torch.nn.Module, default=None
        What makes the input's shape that of the layers' output; None where it is.
    activation : str, default="relu"
        Name of the activation g, see :func:`make_activation`.

    References
    ----------
    - K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image
      recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import ResidualBlock
    >>> ResidualBlock(nn.Tanh())(torch.zeros(1, 2))
    tensor([[0., 0.]])
    """

    def __init__(
        self,
        residual: nn.Module,
        shortcut: nn.Module | None = None,
        *,
        activation: str = "relu",
    ):
        super().__init__()
        self.residual = residual
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        mapped : torch.Tensor of shape (n, n_mapped, ...)
            The outputs.
        """
        mapped: Tensor = self.activation(self.residual(x) + self.shortcut(x))
        return mapped


class ConvolutionalNetwork(nn.Module):
    """Layers that turn an input into a vector, and a dense layer behind them.

    Parameters
    ----------
    features : torch.nn.Module
        Takes a tensor (n, n_channels, ...), returns one (n, n_features).
    head : torch.nn.Linear
        Takes the vectors, returns the raw outputs.

    Attributes
    ----------
    features : torch.nn.Module
        As given.
    head : torch.nn.Linear
        As given.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import ConvolutionalNetwork
    >>> network = ConvolutionalNetwork(nn.Flatten(), nn.Linear(16, 3))
    >>> network(torch.zeros(2, 1, 4, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, features: nn.Module, head: nn.Linear):
        super().__init__()
        self.features = features
        self.head = head

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
        features: Tensor = self.features(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Compute the raw outputs.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, ...)
            The inputs.

        Returns
        -------
        output : torch.Tensor of shape (n, n_outputs)
            The raw outputs.
        """
        output: Tensor = self.head(self.forward_features(x))
        return output


def with_pooled_head(
    layers: Sequence[nn.Module],
    n_channels: int,
    n_outputs: int,
    dropout: float | None,
) -> ConvolutionalNetwork:
    """Return layers, their mean over all positions and a head as a network.

    The weights of its convolutions are drawn by :func:`initialize_convolutions_`.

    Parameters
    ----------
    layers : sequence of torch.nn.Module
        The layers in their order.
    n_channels : int
        Number of channels that come out of the last of them.
    n_outputs : int
        Number of outputs.
    dropout : float or None
        Probability to drop an input of the head during training; None is 0.

    Returns
    -------
    network : ConvolutionalNetwork
        The network.
    """
    features = nn.Sequential(*layers, GlobalPooling())
    if dropout:
        features.append(nn.Dropout(dropout))
    network = ConvolutionalNetwork(features, nn.Linear(n_channels, n_outputs))
    initialize_convolutions_(network)
    return network


@torch.no_grad()
def initialize_convolutions_(module: nn.Module) -> None:
    """Draw the weights of all convolutions anew, in place: normal, with He's variance.

    The variance is ``2 / (K F F / groups)``, which keeps the size of the gradients from
    layer to layer; biases are 0. All other layers are left as they are. It is meant for
    networks with batch normalisation; for others see :func:`initialize_layer_`.

    Parameters
    ----------
    module : torch.nn.Module
        A network or a part of one.

    References
    ----------
    - K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            area = math.prod(layer.kernel_size)
            fan_out = layer.out_channels * area / layer.groups
            nn.init.normal_(layer.weight, std=(2 / fan_out) ** 0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@torch.no_grad()
def initialize_layer_(
    layer: nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear, spatial: Sequence[int] = ()
) -> None:
    """Draw the weights of a layer anew, in place, by He's rule.

    They are normal with variance ``2 / n_in`` for the `n_in` values that a unit sees,
    which keeps the size of the signals from layer to layer; biases are 0. Padding is no
    value: of an image of one pixel a 3x3 kernel sees a ninth. Without batch
    normalisation, deep networks on small images would else begin with outputs that
    hardly depend on the input.

    Parameters
    ----------
    layer : torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d or torch.nn.Linear
        The layer.
    spatial : sequence of int, default=()
        Side lengths of the input of a convolution.

    References
    ----------
    - K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    n_in = float(layer.weight.shape[1])
    if not isinstance(layer, nn.Linear):
        same = isinstance(layer, (SameConv1d, SameConv2d, SameConv3d))
        for k, size in enumerate(spatial):
            window = layer.kernel_size[k], layer.stride[k], layer.dilation[k]
            pad = int(layer.padding[k])
            start, end = _same_padding(size, *window) if same else (pad, pad)
            n_in *= _mean_overlap(size, *window, start, end)
    nn.init.normal_(layer.weight, std=(2 / n_in) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _mean_overlap(
    size: int, kernel_size: int, stride: int, dilation: int, start: int, end: int
) -> float:
    """Return how many values of a kernel lie on the input, at its mean place."""
    n_places = (size + start + end - dilation * (kernel_size - 1) - 1) // stride + 1
    total = 0
    for k in range(kernel_size):
        offset = start - dilation * k  # place p puts this value on p stride - offset
        first = max(0, -(-offset // stride))
        last = min(n_places - 1, (size - 1 + offset) // stride)
        total += max(0, last - first + 1)
    return total / n_places


def check_input_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of one input as a tuple, or say what is wrong with it.

    Parameters
    ----------
    input_shape : sequence of int
        The number of channels and one to three side lengths.

    Returns
    -------
    input_shape : tuple of int
        The same.

    Raises
    ------
    ValueError
        If it is no such shape.
    """
    shape = tuple(int(size) for size in input_shape)
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise ValueError(
            "input_shape must be the number of channels and one to three side "
            f"lengths, all at least 1, got {input_shape!r}."
        )
    return shape


def plan_strides(
    spatial: Sequence[int], n_strides: int, *, smallest: int = 4
) -> list[tuple[int, ...]]:
    """Choose which of a network's strides of 2 an input is large enough for.

    A side that all of them would make shorter than `smallest` goes without the first
    ones; this is how networks for large photographs are made to fit small pictures.

    Parameters
    ----------
    spatial : sequence of int
        Side lengths of the input.
    n_strides : int
        Number of layers of the network that have a stride of 2.
    smallest : int, default=4
        The shortest side that is to come out of the last of them.

    Returns
    -------
    strides : list of tuple of int
        For each of these layers its strides along each side, 1 or 2.

    Examples
    --------
    >>> from sklearn_dl.modules._convolution import plan_strides
    >>> plan_strides((224, 32), 5)
    [(2, 1), (2, 1), (2, 2), (2, 2), (2, 2)]
    """
    kept = []
    for side in spatial:
        n_kept = n_strides
        while n_kept and -(-side // 2**n_kept) < smallest:
            n_kept -= 1
        kept.append(n_kept)
    return [
        tuple(2 if k >= n_strides - n_kept else 1 for n_kept in kept)
        for k in range(n_strides)
    ]


def fit_window(
    spatial: Sequence[int], kernel_size: Sizes, stride: Sizes, padding: Sizes = 0
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Leave a pooling out along the sides that are shorter than its window.

    Parameters
    ----------
    spatial : sequence of int
        Side lengths of the input.
    kernel_size, stride : int or sequence of int
        The window and its step.
    padding : int or sequence of int, default=0
        What is added at both ends of a side.

    Returns
    -------
    kernel_size, stride, padding : tuple of int
        As given, but 1, 1 and 0 along a side that is shorter than the window.

    Examples
    --------
    >>> from sklearn_dl.modules._convolution import fit_window
    >>> fit_window((9, 1), 2, 2)
    ((2, 1), (2, 1), (0, 0))
    """
    n_dims = len(spatial)
    windows = zip(
        _each(kernel_size, n_dims, "kernel_size"),
        _each(stride, n_dims, "stride"),
        _each(padding, n_dims, "padding"),
        strict=True,
    )
    fitting = [
        window if side >= window[0] else (1, 1, 0)
        for side, window in zip(spatial, windows, strict=True)
    ]
    kernel, strides, paddings = zip(*fitting, strict=True)
    return kernel, strides, paddings


def _each(value: Sizes, n_dims: int, name: str) -> tuple[int, ...]:
    """Return one value a side."""
    if n_dims not in (1, 2, 3):
        raise ValueError(f"n_dims must be 1, 2 or 3, got {n_dims!r}.")
    if not isinstance(value, Sequence):
        return (int(value),) * n_dims
    if len(value) != n_dims:
        raise ValueError(f"{name} must have {n_dims} values, got {value!r}.")
    return tuple(int(item) for item in value)


def _check_padding(padding: str) -> str:
    if padding not in PADDINGS:
        raise ValueError(
            f"padding must be one of {PADDINGS} or a number, got {padding!r}."
        )
    return padding


def _same_padding(
    size: int, kernel_size: int, stride: int, dilation: int
) -> tuple[int, int]:
    """Return what "same" padding adds before and after."""
    extent = dilation * (kernel_size - 1) + 1
    total = max(0, -(-size // stride) * stride - size + extent - stride)
    return total // 2, total - total // 2


def _is_symmetric(spans: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether "same" padding adds as much before as after, at any size of the input."""
    return all(s == 1 for s in strides) and all(span % 2 == 0 for span in spans)


def _pad_same(x: Tensor, layer: Any, value: float = 0.0) -> Tensor:
    """Pad the sides of `x` for a layer with kernel, stride and dilation."""
    sides = zip(
        x.shape[2:], layer.kernel_size, layer.stride, layer.dilation, strict=True
    )
    pads = [_same_padding(*side) for side in sides]
    # F.pad begins with the last side.
    flat = [end for pad in reversed(pads) for end in pad]
    return F.pad(x, flat, value=value) if any(flat) else x
