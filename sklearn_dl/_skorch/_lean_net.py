"""A dense network with nothing around it, for many short fits."""

from time import perf_counter
from typing import Any

import numpy as np
import torch
from skorch.history import History
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl._skorch._callbacks import Convergence
from sklearn_dl._skorch._data import Batches
from sklearn_dl._skorch._dense_program import DenseProgram, NetProgram
from sklearn_dl._skorch._progress import Progress
from sklearn_dl._skorch._schedules import Schedule

__all__ = ["LeanNet"]


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

    average_ = None

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
    ) -> None:
        """Train until the rule says stop, for `n_epochs` at most."""
        n_batches = batches.n_batches
        rates = np.empty(n_batches)
        while self.n_epochs_ < n_epochs and not self.stop_training_:
            start = perf_counter()
            self.history.new_epoch()
            for k in range(n_batches):
                rates[k] = self.scheduled_rate(k, n_batches)
            self._last_rate = float(rates[-1])
            loss = self.compiled_epoch(self.program, batches, rates)
            self.end_of_rows(len(batches), {"train_loss": loss}, self._last_rate)
            self.history.record("dur", perf_counter() - start)
            convergence.on_epoch_end(self, dataset_valid=valid)
        convergence.on_train_end(self)
        self.order_ = None

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
