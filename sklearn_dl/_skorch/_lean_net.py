"""A dense network with nothing around it, for many short fits."""

from time import perf_counter
from typing import Any

import numpy as np
import torch
from skorch.history import History
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl._numba import Rule
from sklearn_dl._skorch._callbacks import Convergence
from sklearn_dl._skorch._data import Batches
from sklearn_dl._skorch._dense_program import DenseProgram, NetProgram
from sklearn_dl._skorch._progress import Progress, next_permutation
from sklearn_dl._skorch._schedules import Schedule

__all__ = ["LeanNet", "Orders"]

# Multiply-adds between two looks at Python: about a tenth of a second.
_WORK_AT_ONCE = 2_000_000_000
# Places of rows, of eight bytes, in the orders of as many epochs.
_INDICES_AT_ONCE = 1_000_000


class Orders:
    """The orders of the rows in all epochs.

    Networks of one seed and one shape draw the same permutations: they may share these.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        Draws them; it is copied.
    n_rows : int
        How many rows there are.
    shuffle : bool
        Whether the rows are permuted at all.
    is_kept : bool
        Whether all orders are kept, for others who begin from the first one.
    """

    def __init__(
        self,
        random_state: np.random.RandomState,
        n_rows: int,
        shuffle: bool,
        is_kept: bool,
    ):
        self.identity = self.identity_of(random_state, n_rows, shuffle)
        self._n_rows = n_rows
        self._shuffle = shuffle
        self._is_kept = is_kept
        self._random_state = np.random.RandomState(0)
        self._random_state.set_state(random_state.get_state())
        self._n_dropped = 0
        self._orders: list[np.ndarray] = []

    @staticmethod
    def identity_of(
        random_state: np.random.RandomState, n_rows: int, shuffle: bool
    ) -> tuple[Any, ...]:
        """Return what is equal for equal orders."""
        state: Any = random_state.get_state()
        return state[1].tobytes(), state[2], n_rows, shuffle

    def take(self, first: int, n_epochs: int) -> np.ndarray:
        """Return the orders of some epochs, of shape (n_epochs, n_rows)."""
        if not self._shuffle:
            return np.tile(np.arange(self._n_rows), (n_epochs, 1))
        first -= self._n_dropped
        while len(self._orders) < first + n_epochs:
            last = self._orders[-1] if self._orders else None
            order = next_permutation(self._random_state, self._n_rows, last)
            self._orders.append(order)
        taken = np.stack(self._orders[first : first + n_epochs])
        if not self._is_kept:
            self._n_dropped += len(self._orders) - 1
            self._orders = self._orders[-1:]
        return taken


class _Rows(list[dict[str, Any]]):
    """What a :class:`skorch.history.History` is to whoever writes to it."""

    def new_epoch(self) -> None:
        self.append({"epoch": len(self) + 1})

    def record(self, name: str, value: Any) -> None:
        self[-1][name] = value


class LeanNet(Progress):
    """What a :class:`TensorNet` is to its estimator, around a compiled program alone.

    To make a skorch net, its module and its optimiser takes longer than to train a
    small network for some epochs. Of the many networks of a search all but the best
    are scored and forgotten: these need no more than this. :meth:`fill` hands
    everything on to a :class:`TensorNet` when somebody asks for one.

    Parameters
    ----------
    program : DenseProgram
        The network with its optimiser.
    activation : torch.nn.Module
        What follows each hidden layer.
    criterion : WeightedLoss
        The loss.
    schedule : Schedule
        The learning rate.
    random_state : numpy.random.RandomState
        Draws the permutations of the rows.
    shuffle : bool
        Whether the rows are permuted in every epoch.
    seed : int
        Of the dropout.
    """

    def __init__(
        self,
        program: DenseProgram,
        activation: nn.Module,
        criterion: nn.Module,
        *,
        schedule: Schedule,
        random_state: np.random.RandomState,
        shuffle: bool,
        seed: int,
    ):
        self.program = program
        self.activation = activation
        self.criterion_ = criterion
        self.schedule = schedule
        self.random_state = random_state
        self.shuffle = shuffle
        self.seed_ = seed
        self.history = _Rows()
        self.reset_progress()

    def train(
        self,
        batches: Batches,
        valid: Batches | None,
        convergence: Convergence,
        n_epochs: int,
        orders: Orders,
    ) -> None:
        """Train until the rule says stop, for `n_epochs` at most."""
        n_rows, n_batches = len(batches), batches.n_batches
        work = 3 * n_rows * len(self.program.params)
        n_at_once = max(1, min(_WORK_AT_ONCE // work, _INDICES_AT_ONCE // n_rows))
        if valid is not None or convergence.adaptive:
            # What comes after an epoch has a say in the next one.
            n_at_once = 1
        while self.n_epochs_ < n_epochs and not self.stop_training_:
            start = perf_counter()
            n = min(n_at_once, n_epochs - self.n_epochs_)
            rates = self._rates(n, n_batches, n_rows)
            losses = self.program.run_epochs(
                batches,
                orders.take(self.n_epochs_, n),
                rates,
                self.dropout_seeds(n),
                Rule(
                    float(convergence.best_loss_),
                    convergence.n_unimproved_,
                    float(convergence.tol),
                    float(convergence.patience),
                ),
            )
            seconds = (perf_counter() - start) / len(losses)
            for loss, rate in zip(losses.tolist(), rates[:, -1].tolist(), strict=False):
                self._last_rate = rate
                self.history.new_epoch()
                self.end_of_rows(n_rows, {"train_loss": loss}, rate)
                self.history.record("dur", seconds)
                convergence.on_epoch_end(self, dataset_valid=valid)
        convergence.on_train_end(self)

    def _rates(self, n_epochs: int, n_batches: int, n_rows: int) -> np.ndarray:
        """Return the learning rates of the next epochs."""
        if self.schedule.is_constant:
            return np.full((n_epochs, n_batches), self.scheduled_rate(0, n_batches))
        rates = [
            self.scheduled_rate(k, n_batches, epochs_ahead, n_rows)
            for epochs_ahead in range(n_epochs)
            for k in range(n_batches)
        ]
        return np.reshape(rates, (n_epochs, n_batches))

    def raw_outputs(self, X: Tensor) -> Tensor:
        """Return the raw outputs, of shape (n_rows, n_outputs)."""
        # The operations of DenseNetwork, for the same bits.
        *hidden, last = self.program.views(self.program.params)
        for weight, bias in hidden:
            X = F.linear(X, torch.from_numpy(weight), torch.from_numpy(bias))
            X = self.activation(X)
        return F.linear(X, *map(torch.from_numpy, last))

    def evaluate(self, batches: Batches) -> tuple[float, Tensor]:
        """Return the mean loss over all rows and the raw outputs."""
        with torch.inference_mode():
            output = self.raw_outputs(batches.X)
            loss = self.criterion_(output, batches.y, batches.weight)
        return loss.item(), output

    def weights(self) -> dict[str, Tensor]:
        """Return what has been learned, without a copy."""
        return {"params": torch.from_numpy(self.program.params)}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Put back what :meth:`weights` returned."""
        self.program.params[:] = weights["params"].numpy()

    def adopt_average(self) -> None:
        """Do nothing: there is no average of the weights."""

    def fill(self, net: Any) -> None:
        """Bring a new :class:`TensorNet` of the same network to where this one is."""
        twin = NetProgram.of(net)
        assert twin is not None
        twin.take_over(self.program)
        net.history = History({"batches": [], **row} for row in self.history)
        for name in ("n_epochs_", "n_seen_", "rate_scale_", "stop_training_", "seed_"):
            setattr(net, name, getattr(self, name))
        net.lowest_losses_ = self.lowest_losses_
        net._last_rate = self._last_rate
        for group in net.optimizer_.param_groups:
            group["lr"] = self._last_rate
