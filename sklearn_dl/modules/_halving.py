"""The max pooling that halves the sides of an image, where they are to be halved."""

from collections.abc import Sequence

from torch import nn

from sklearn_dl.modules._convolution import make_pooling

__all__ = ["halving_pooling"]


def halving_pooling(
    stride: Sequence[int], padding: Sequence[int] | None = None
) -> nn.Module:
    """Return a max pooling with windows of 3 along the sides that have a stride of 2.

    The other sides stay as they are.

    Parameters
    ----------
    stride : sequence of int
        Stride along each side, 1 or 2.
    padding : sequence of int, default=None
        What is added at both ends of the sides with stride 2; None is 1.

    Returns
    -------
    pooling : torch.nn.Module
        The pooling; :class:`torch.nn.Identity` where all strides are 1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules._halving import halving_pooling
    >>> halving_pooling((2, 1))(torch.zeros(1, 1, 9, 9)).shape
    torch.Size([1, 1, 5, 9])
    """
    if max(stride) == 1:
        return nn.Identity()
    ends = [1] * len(stride) if padding is None else padding
    return make_pooling(
        "max",
        len(stride),
        [3 if step == 2 else 1 for step in stride],
        stride=stride,
        padding=[
            end if step == 2 else 0 for step, end in zip(stride, ends, strict=True)
        ],
    )
