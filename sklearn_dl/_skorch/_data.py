"""Training data that lives on the device; a batch is a slice of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from sklearn_dl._skorch._sequences import Sequences
from sklearn_dl._skorch._tensors import as_tensor

__all__ = ["Batch", "Batches", "as_input"]

# Inputs, targets and weights. Of sequences, the inputs are a SequenceBatch.
Batch = tuple[Any, Tensor | None, Tensor | None]


def as_input(rows: Any, dtype: torch.dtype, device: torch.device | str) -> Any:
    """Return rows as a network takes them.

    Parameters
    ----------
    rows : ndarray, Sequences or sparse array of shape (n_rows, ...)
        The rows; sparse ones become dense.
    dtype : torch.dtype
        Floating type of the inputs.
    device : torch.device or str
        Where they are to live.

    Returns
    -------
    batch : torch.Tensor or SequenceBatch
        The rows as one batch.
    """
    if isinstance(rows, Sequences):
        return rows.to(dtype, device).padded()
    dense = rows.toarray() if sp.issparse(rows) else rows
    return as_tensor(dense, dtype, device)


class Batches:
    """Rows on a device, cut into batches.

    Parameters
    ----------
    X : ndarray, Sequences or sparse array of shape (n_rows, ...)
        The inputs. Dense inputs move to the device as a whole; sparse ones stay a CSR
        matrix and each batch becomes dense when its turn comes.
    y : torch.Tensor of shape (n_rows, ...) or Sequences, default=None
        The encoded targets. Of sequences, a batch has all steps, one row's behind the
        other's, and each step has the weight of its row.
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
        self.X: Any
        if sp.issparse(X):
            self.X = sp.csr_array(X)
        elif isinstance(X, Sequences):
            self.X = X.to(dtype, device)
        else:
            self.X = as_tensor(X, dtype, device)
        self.y: Any = y
        if y is not None:
            self.y = y.to(dtype, device) if isinstance(y, Sequences) else y.to(device)
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

    @property
    def n_drawn(self) -> int:
        """The number of rows in the batches of an epoch."""
        return len(self)

    def everything(self) -> Batch:
        """Return all rows as one batch."""
        return self._batch(self.X, self.y, self.weight)

    def targets(self) -> tuple[Tensor, Tensor | None]:
        """Return the targets and weights of all rows, as a batch has them."""
        y, weight = self._batch_targets(self.y, self.weight)
        assert y is not None
        return y, weight

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
            yield self._batch(
                self.X[rows],
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

        def pick(rows: Any, part: slice) -> Any:
            if isinstance(rows, Tensor):
                return rows.index_select(0, on_device[part])
            return None if rows is None else rows[permutation[part]]

        for part in self._parts:
            parts = (pick(rows, part) for rows in (self.X, self.y, self.weight))
            yield self._batch(*parts)

    def _batch(self, X: Any, y: Any, weight: Tensor | None) -> Batch:
        return self._dense(X), *self._batch_targets(y, weight)

    def _batch_targets(
        self, y: Any, weight: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        if not isinstance(y, Sequences):
            return y, weight
        if weight is not None:
            lengths = torch.from_numpy(y.lengths).to(self.device)
            weight = weight.repeat_interleave(lengths)
        return y.flat(), weight

    def _dense(self, X: Any) -> Any:
        if isinstance(X, Tensor):
            return X
        if isinstance(X, Sequences):
            return X.padded()
        return as_input(X, self.dtype, self.device)
