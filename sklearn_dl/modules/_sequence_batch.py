"""A batch of sequences of different lengths."""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["SequenceBatch"]


@dataclass(frozen=True)
class SequenceBatch:
    """Sequences side by side, the shorter ones padded with 0.

    Parameters
    ----------
    values : torch.Tensor of shape (n, t, c) or (n, t)
        Steps with `c` features each, or the numbers of tokens.
    lengths : torch.Tensor of shape (n,)
        How many steps are valid; int64, on the CPU.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import SequenceBatch
    >>> tokens = torch.tensor([[4, 2, 7], [1, 0, 0]])
    >>> len(SequenceBatch(tokens, torch.tensor([3, 1])))
    2
    """

    values: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.values)
