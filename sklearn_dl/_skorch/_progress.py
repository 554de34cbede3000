"""How far a training has come: orders of rows, learning rates, losses."""

from typing import Any

import numpy as np

from sklearn_dl._skorch._schedules import Schedule

__all__ = ["Progress", "next_permutation"]


def next_permutation(
    random_state: np.random.RandomState, n_rows: int, last: np.ndarray | None
) -> np.ndarray:
    """Draw a permutation of the rows on top of the last one, if there is one.

    These are the calls that scikit-learn's networks make: both see the same batches.
    """
    index = np.arange(n_rows)
    random_state.shuffle(index)
    return index if last is None else last[index]


class Progress:
    """The part of a net that is the same however a batch is computed.

    Attributes
    ----------
    n_epochs_, n_seen_ : int
        Epochs of this fit; rows over all epochs.
    rate_scale_ : float
        Factor of the schedule's rates.
    order_ : ndarray of shape (n_rows,) or None
        The last permutation of the rows.
    stop_training_, interrupted_ : bool
        Whether no further epoch is wanted; whether that was the user's wish.
    lowest_losses_ : dict
        The lowest loss of each name.
    seed_ : int
        Of the dropout in compiled epochs.
    """

    schedule: Schedule
    random_state: Any
    shuffle: bool
    history: Any
    seed_ = 0

    def reset_progress(self) -> None:
        """Start counting epochs and rows anew."""
        self.n_epochs_ = 0
        self.n_seen_ = 0
        self.rate_scale_ = 1.0
        self.interrupted_ = False
        self.stop_training_ = False
        self.order_: np.ndarray | None = None
        self.lowest_losses_: dict[str, float] = {}
        self._last_rate = float("nan")

    def next_order(self, n_rows: int) -> np.ndarray | None:
        """Draw a permutation on top of the last one; None without shuffling."""
        if self.shuffle:
            self.order_ = next_permutation(self.random_state, n_rows, self.order_)
        return self.order_

    def scheduled_rate(
        self, k: int, n_batches: int, epochs_ahead: int = 0, n_rows: int = 0
    ) -> float:
        """Return the learning rate of a batch.

        Parameters
        ----------
        k, n_batches : int
            Which batch of an epoch, counted from 0, and of how many.
        epochs_ahead : int, default=0
            Epochs between the one that runs and the batch's.
        n_rows : int, default=0
            Rows of each of these epochs.

        Returns
        -------
        rate : float
            The learning rate.
        """
        elapsed = self.n_epochs_ + epochs_ahead + k / n_batches
        n_seen = self.n_seen_ + epochs_ahead * n_rows
        rate = self.schedule.rate(elapsed, n_seen, 1 / n_batches)
        return rate * self.rate_scale_

    def dropout_seeds(self, n_epochs: int) -> np.ndarray:
        """Return the seeds of the dropout in the next epochs.

        Each epoch has its own, so that a fit that goes on from a checkpoint drops the
        same units.
        """
        epochs = range(self.n_epochs_, self.n_epochs_ + n_epochs)
        seeds = [(self.seed_ + k * 0x9FB21C651E98DF25) % 2**64 for k in epochs]
        return np.array(seeds, dtype=np.uint64)

    def end_of_rows(self, n_rows: int, losses: dict[str, float], rate: float) -> None:
        """Note that all rows of an epoch are through."""
        self.n_epochs_ += 1
        self.n_seen_ += n_rows
        for name, loss in losses.items():
            self.record_loss(name, loss)
        self.history.record("learning_rate", rate)

    def record_loss(self, name: str, loss: float) -> None:
        """Note a loss of this epoch, and whether it is the lowest so far."""
        lowest = self.lowest_losses_.get(name, float("inf"))
        self.history.record(name, loss)
        self.history.record(f"{name}_best", loss <= lowest)
        self.lowest_losses_[name] = min(loss, lowest)
