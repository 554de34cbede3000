"""Batches with rows of each of several groups."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_dl._skorch._data import Batch, Batches

__all__ = ["PairedBatches"]


class PairedBatches(Batches):
    """Rows on a device, in batches that hold rows of every group.

    The rows of a group stand together in a batch, those of the first group first. An
    epoch goes once through the group that takes the most batches; the others begin
    again where they end, in the same order.

    Parameters
    ----------
    X, y, weight, dtype, device
        As for :class:`Batches`.
    groups : ndarray of shape (n_rows,), dtype int64
        The group of each row, from 0.
    sizes : sequence of int
        Rows of each group in a batch, at most as many as the group has.
    """

    def __init__(
        self,
        X: Any,
        y: Tensor,
        weight: Any,
        *,
        groups: np.ndarray,
        sizes: Sequence[int],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        super().__init__(
            X, y, weight, batch_size=sum(sizes), dtype=dtype, device=device
        )
        self.groups = groups
        self.sizes = tuple(sizes)
        counts = np.bincount(groups, minlength=len(self.sizes))
        self._n_batches = int(np.max(-(-counts // np.array(self.sizes))))

    @property
    def n_batches(self) -> int:
        """The number of batches in an epoch."""
        return self._n_batches

    @property
    def n_drawn(self) -> int:
        """The number of rows in the batches of an epoch."""
        return self.n_batches * self.batch_size

    def ordered(self) -> Iterator[Batch]:
        """Yield the batches, with the rows of each group in their order."""
        return self.permuted(np.arange(len(self)))

    def permuted(self, permutation: np.ndarray) -> Iterator[Batch]:
        """Yield the batches in another order of the rows.

        Parameters
        ----------
        permutation : ndarray of shape (n_rows,)
            The order of all rows, of which each group has its own.
        """
        of_rows = self.groups[permutation]
        columns = [
            np.resize(permutation[of_rows == group], (self.n_batches, size))
            for group, size in enumerate(self.sizes)
        ]
        rows = np.hstack(columns)
        on_device = torch.from_numpy(rows).to(self.device)

        def pick(values: Any, k: int) -> Any:
            if isinstance(values, Tensor):
                return values.index_select(0, on_device[k])
            return None if values is None else values[rows[k]]

        for k in range(self.n_batches):
            yield self._batch(*(pick(v, k) for v in (self.X, self.y, self.weight)))
