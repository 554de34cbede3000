"""Arrays as tensors."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["as_tensor"]


def as_tensor(
    array: Any, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Tensor:
    """Turn an array into a tensor, without a copy where that is possible.

    Integers keep their type: bytes of images, which become numbers batch by batch, and
    numbers of tokens.

    Parameters
    ----------
    array : ndarray
        Any layout, byte order and writability.
    dtype : torch.dtype
        The type of the tensor, where the array has floating numbers.
    device : torch.device or str, default="cpu"
        Where the tensor is to live.

    Returns
    -------
    tensor : torch.Tensor
        Shares memory with `array` when that is writable, C-contiguous and of the
        right type; it must not be written to.
    """
    native = array.dtype.newbyteorder("=")
    array = np.ascontiguousarray(array, dtype=native)
    if not array.flags.writeable:
        # torch warns of memory that it may not write to, and has no read-only tensors.
        array = array.copy()
    tensor = torch.from_numpy(array)
    return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)
