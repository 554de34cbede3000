"""Sequences of different lengths, as rows of a data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_dl._skorch._tensors import as_tensor
from sklearn_dl.modules import SequenceBatch

__all__ = ["Sequences"]


@dataclass(frozen=True)
class Sequences:
    """Rows that are sequences, end to end in one array.

    Rows are picked as from an array, which copies no steps.

    Parameters
    ----------
    values : ndarray or torch.Tensor of shape (n_steps, ...)
        The steps of all sequences.
    starts : ndarray of shape (n_rows,)
        Where each row begins.
    lengths : ndarray of shape (n_rows,)
        How many steps it has.
    """

    values: Any
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, parts: Iterable[np.ndarray]) -> "Sequences":
        """Join arrays of shape (n_steps, ...), one a row."""
        parts = list(parts)
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        return cls(np.concatenate(parts), starts, lengths)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of rows, as arrays have it first."""
        return (len(self),)

    @property
    def dtype(self) -> Any:
        """The type of a value."""
        return self.values.dtype

    def __getitem__(self, rows: Any) -> "Sequences":
        """Return some of the rows: a slice, indices or a mask."""
        return Sequences(self.values, self.starts[rows], self.lengths[rows])

    def to(self, dtype: torch.dtype, device: torch.device | str) -> "Sequences":
        """Return the rows as a tensor on a device; integers keep their type."""
        values = as_tensor(self.values, dtype, device)
        return Sequences(values, self.starts, self.lengths)

    def steps(self) -> np.ndarray:
        """Return where the steps of the rows are, one row behind the other."""
        ends = np.cumsum(self.lengths)
        offsets = np.repeat(self.starts - (ends - self.lengths), self.lengths)
        return offsets + np.arange(len(offsets))

    def flat(self) -> Tensor:
        """Return the steps of the rows, one row behind the other."""
        return self._pick(self.steps())

    def padded(self) -> SequenceBatch:
        """Return the rows side by side, with 0 behind the shorter ones."""
        steps = np.arange(self.lengths.max())
        valid = steps < self.lengths[:, None]
        values = self._pick((self.starts[:, None] + steps) * valid)
        if not valid.all():
            values[torch.from_numpy(~valid).to(values.device)] = 0
        return SequenceBatch(values, torch.from_numpy(self.lengths.copy()))

    def _pick(self, index: np.ndarray) -> Tensor:
        steps: Tensor = self.values[torch.from_numpy(index).to(self.values.device)]
        return steps
