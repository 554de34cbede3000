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
    smallest : int, default=1
        Fewer rows than that at the end of an epoch join the batch before them.

    Attributes
    ----------
    X, y, weight
        The data, as skorch's callbacks look for them.
    starts : ndarray of shape (n_batches + 1,)
        The first row of each batch, and the number of rows.
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
        smallest: int = 1,
    ):
        self.X = sp.csr_array(X) if sp.issparse(X) else as_tensor(X, dtype, device)
        self.y = None if y is None else y.to(device)
        self.weight = None if weight is None else as_tensor(weight, dtype, device)
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = torch.device(device)
        starts = [*range(0, len(self), batch_size)]
        if len(starts) > 1 and len(self) - starts[-1] < smallest:
            starts.pop()
        self.starts = np.array([*starts, len(self)], dtype=np.int64)
        ends = [*starts[1:], len(self)]
        self._parts = [slice(a, b) for a, b in zip(starts, ends, strict=True)]

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.X.shape[0])

    @property
    def n_batches(self) -> int:
        """The number of batches in an epoch."""
        return len(self._parts)

    def everything(self) -> Batch:
        """Return all rows as one batch."""
        return self._dense(self.X), self.y, self.weight

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what compiled code takes, sharing memory with the tensors.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
            The rows.
        codes : ndarray of shape (n_rows,) or (0,)
            The targets where they are classes.
        values : ndarray of shape (n_rows, n_outputs) or (0, 0)
            The targets where they are numbers.
        weight : ndarray of shape (n_rows,) or (0,)
            The weights; empty without any.
        """
        assert isinstance(self.X, Tensor)
        assert self.y is not None
        X, y = self.X.numpy(), self.y.numpy()
        classes = y.ndim == 1
        codes = y if classes else np.empty(0, dtype=np.int64)
        values = np.empty((0, 0), dtype=X.dtype) if classes else y
        weight = self.weight
        weights = np.empty(0, X.dtype) if weight is None else weight.numpy()
        return X, codes, values, weights

    def ordered(self) -> Iterator[Batch]:
        """Yield the batches in the order of the rows."""
        for rows in self._parts:
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
        for part in self._parts:
            index = on_device[part]
            if isinstance(self.X, Tensor):
                X = self.X.index_select(0, index)
            else:
                X = self._dense(self.X[permutation[part]])
            yield (
                X,
                None if self.y is None else self.y.index_select(0, index),
                None if self.weight is None else self.weight.index_select(0, index),
            )

    def _dense(self, X: Any) -> Tensor:
        if isinstance(X, Tensor):
            return X
        return as_tensor(X.toarray(), self.dtype, self.device)
