"""Training data that lives on the device; a batch is a slice of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

__all__ = ["Batches", "as_tensor"]

Batch = tuple[Tensor, Tensor | None, Tensor | None]


def as_tensor(
    array: Any, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Tensor:
    """Turn an array into a tensor, without a copy where that is possible.

    Parameters
    ----------
    array : ndarray
        Any layout, byte order and writability.
    dtype : torch.dtype
        The type of the tensor.
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
    return torch.from_numpy(array).to(device=device, dtype=dtype)


class Batches:
    """Rows on a device, cut into batches.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_rows, ...)
        The inputs. Dense inputs move to the device as a whole; sparse ones stay a CSR
        matrix and each batch becomes dense when its turn comes.
    y : torch.Tensor of shape (n_rows, ...), default=None
        The encoded targets.
    weight : ndarray of shape (n_rows,), default=None
        The weight of each row.
    batch_size : int, default=200
        Rows in a batch; the last one of an epoch may have fewer.
    dtype : torch.dtype, default=torch.float32
        Floating type of inputs and weights.
    device : torch.device or str, default="cpu"
        Where the batches live.

    Attributes
    ----------
    X, y, weight
        The data, as skorch's callbacks look for them.
    """

    def __init__(
        self,
        X: Any,
        y: Tensor | None = None,
        weight: Any = None,
        *,
        batch_size: int = 200,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        self.X = sp.csr_array(X) if sp.issparse(X) else as_tensor(X, dtype, device)
        self.y = None if y is None else y.to(device)
        self.weight = None if weight is None else as_tensor(weight, dtype, device)
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = torch.device(device)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.X.shape[0])

    @property
    def n_batches(self) -> int:
        """The number of batches in an epoch."""
        return -(-len(self) // self.batch_size)

    def ordered(self) -> Iterator[Batch]:
        """Yield the batches in the order of the rows."""
        for start in range(0, len(self), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield (
                self._dense(self.X[rows]),
                None if self.y is None else self.y[rows],
                None if self.weight is None else self.weight[rows],
            )

    def permuted(self, permutation: np.ndarray) -> Iterator[Batch]:
        """Yield the batches in another order of the rows.

        Parameters
        ----------
        permutation : ndarray of shape (n_rows,)
            The order.
        """
        on_device = torch.from_numpy(permutation).to(self.device)
        for start in range(0, len(self), self.batch_size):
            index = on_device[start : start + self.batch_size]
            if isinstance(self.X, Tensor):
                X = self.X.index_select(0, index)
            else:
                rows = permutation[start : start + self.batch_size]
                X = self._dense(self.X[rows])
            yield (
                X,
                None if self.y is None else self.y.index_select(0, index),
                None if self.weight is None else self.weight.index_select(0, index),
            )

    def _dense(self, X: Any) -> Tensor:
        if isinstance(X, Tensor):
            return X
        return as_tensor(X.toarray(), self.dtype, self.device)
