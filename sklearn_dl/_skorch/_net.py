"""A skorch net without the overhead: data on the device, hooks only where heard."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sklearn_dl._skorch._data import Batch, Batches
from sklearn_dl._skorch._dense_pass import DensePass
from sklearn_dl._skorch._schedules import Schedule

__all__ = ["Penalty", "TensorNet", "Turn"]


@dataclass(frozen=True)
class Penalty:
    """Elastic net: ``alpha / n * (l1_ratio |w|_1 + (1 - l1_ratio) |w|_2^2 / 2)``.

    ``n`` is the number of rows of a batch, or the sum of their weights, as in
    scikit-learn's networks.

    Parameters
    ----------
    alpha : float
        Strength.
    l1_ratio : float, default=0.0
        Share of the absolute values.
    """

    alpha: float
    l1_ratio: float = 0.0

    def add_gradient(self, weights: Iterable[Tensor], n: float) -> Tensor | float:
        """Add the penalty's gradient to that of each weight; return the penalty."""
        scale = self.alpha / n
        squares, absolutes = scale * (1 - self.l1_ratio), scale * self.l1_ratio
        total: Tensor | float = 0.0
        for weight in weights:
            data, grad = weight.detach(), weight.grad
            if grad is None:
                continue
            if squares:
                flat = data.reshape(-1)
                total = total + 0.5 * squares * torch.dot(flat, flat)
                grad.add_(data, alpha=squares)
            if absolutes:
                total = total + absolutes * data.abs().sum()
                grad.add_(data.sign(), alpha=absolutes)
        return total


@dataclass(frozen=True)
class Turn:
    """One optimiser's turn at a batch.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Steps after the backward pass.
    loss : callable
        Takes a batch ``(X, y, weight)``, returns a scalar to be minimised.
    name : str, default="train_loss"
        Under which the loss is kept in the history.
    backward : callable, default=None
        Takes a batch, sets the gradients and returns the loss; for losses whose
        gradient is written out. None is autograd on `loss`.
    """

    optimizer: torch.optim.Optimizer
    loss: Callable[[Batch], Tensor]
    name: str = "train_loss"
    backward: Callable[[Batch], Tensor] | None = None


class TensorNet(NeuralNet):
    """A :class:`skorch.NeuralNet` that trains on :class:`Batches`.

    Differences to its parent: a batch is a slice of a tensor; a batch-level hook is
    called when a callback defines it; losses are added up on the device and read once
    an epoch; rows can carry weights; a batch is a sequence of :meth:`turns`, one for
    each optimiser, which is where models with several networks come in.

    Parameters
    ----------
    module : type or callable
        Makes the network.
    criterion : WeightedLoss
        The loss, called with output, target and weight.
    schedule : Schedule
        The learning rate.
    random_state : numpy.random.RandomState, default=numpy.random
        Draws the permutations of the rows.
    shuffle : bool, default=True
        Whether the rows are permuted in every epoch.
    penalty : Penalty, default=None
        Added to the gradients of all parameters that have two or more dimensions.
    decoupled_decay : float, default=0.0
        Weight decay of these parameters, for optimisers that take ``weight_decay``.
    max_grad_norm : float, default=None
        Gradients are scaled down to this Euclidean norm.
    ema_decay : float, default=None
        Decay of an exponential moving average of the weights, which replaces the
        weights when the fit ends.
    mixed_precision : {"bfloat16", "float16"}, default=None
        Type of the matrix products.
    dtype : torch.dtype, default=torch.float32
        Type of the parameters.
    **kwargs
        The parameters of :class:`skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: Any,
        criterion: Any,
        *,
        schedule: Schedule,
        random_state: Any = np.random,
        shuffle: bool = True,
        penalty: Penalty | None = None,
        decoupled_decay: float = 0.0,
        max_grad_norm: float | None = None,
        ema_decay: float | None = None,
        mixed_precision: str | None = None,
        dtype: torch.dtype = torch.float32,
        **kwargs: Any,
    ):
        options = {"train_split": None, "verbose": 0, "lr": schedule.initial} | kwargs
        super().__init__(module, criterion, **options)
        self.schedule = schedule
        self.random_state = random_state
        self.shuffle = shuffle
        self.penalty = penalty
        self.decoupled_decay = decoupled_decay
        self.max_grad_norm = max_grad_norm
        self.ema_decay = ema_decay
        self.mixed_precision = mixed_precision
        self.dtype = dtype

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def initialize_module(self) -> "TensorNet":
        """Make the network, in the net's dtype."""
        super().initialize_module()
        self.module_.to(self.dtype)
        return self

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> Any:
        """Make the optimiser, with a group for each kind of parameter."""
        options = self.get_params_for("optimizer")
        self.optimizer_ = self.optimizer(self.parameter_groups(), self.lr, **options)
        self.reset_progress()
        return self

    def reset_progress(self) -> None:
        """Start counting epochs and rows anew."""
        self.n_epochs_ = 0
        self.n_seen_ = 0
        self.rate_scale_ = 1.0
        self.interrupted_ = False
        self.stop_training_ = False
        self.order_: np.ndarray | None = None
        self.average_: AveragedModel | None = None
        self.scaler_ = torch.amp.GradScaler(
            torch.device(self.device).type, enabled=self.mixed_precision == "float16"
        )
        self._last_rate = float("nan")

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameters, grouped by rate factor and decay.

        A module may have a method ``rate_factors`` that returns a dictionary from the
        names of parameters to factors of the learning rate.
        """
        factors: dict[str, float] = getattr(self.module_, "rate_factors", dict)()
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.module_.named_parameters():
            if parameter.requires_grad:
                decay = self.decoupled_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((factors.get(name, 1.0), decay), []).append(parameter)
        return [
            {"params": parameters, "rate_factor": factor}
            | ({"weight_decay": decay} if self.decoupled_decay else {})
            for (factor, decay), parameters in groups.items()
        ]

    def turns(self) -> list[Turn]:
        """Return what happens to each batch, one turn an optimiser.

        A model with several networks overrides this: each turn has an optimiser that
        holds the parameters which may change, and a loss.
        """
        plain = (
            self.mixed_precision is None
            and type(self).training_loss is TensorNet.training_loss
            and DensePass.covers(self.module_, self.criterion_)
        )
        backward = DensePass(self.module_, self.criterion_) if plain else None
        return [Turn(self.optimizer_, self.training_loss, backward=backward)]

    def training_loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch, without the penalty."""
        X, y, weight = batch
        return self.criterion_(self.module_(X), y, weight)

    def fit_loop(
        self, X: Batches, y: Batches | None = None, epochs: int | None = None, **_: Any
    ) -> "TensorNet":
        """Train for up to `epochs` epochs.

        Parameters
        ----------
        X : Batches
            The training rows.
        y : Batches, default=None
            The validation rows, for callbacks.
        epochs : int, default=None
            How many epochs; None is ``max_epochs``.
        """
        self.stop_training_ = self.interrupted_ = False
        self._prepare()
        data = {"dataset_train": X, "dataset_valid": y}
        try:
            for _epoch in range(self.max_epochs if epochs is None else epochs):
                start = perf_counter()
                self.notify("on_epoch_begin", **data)
                self._run_epoch(X)
                self.history.record("dur", perf_counter() - start)
                if self.callbacks_stop(data) or self.stop_training_:
                    break
        except KeyboardInterrupt:
            self.interrupted_ = True
            if "learning_rate" not in self.history[-1]:
                # The epoch did not come to its end.
                del self.history[-1]
        return self

    def callbacks_stop(self, data: dict[str, Any]) -> bool:
        """Tell the callbacks that an epoch is over; return whether one would stop."""
        try:
            self.notify("on_epoch_end", **data)
        except KeyboardInterrupt:
            # This is how a callback of skorch asks for the end of the training.
            return True
        return False

    def _prepare(self) -> None:
        hooks = ("on_batch_begin", "on_batch_end", "on_grad_computed")
        self._listeners = {
            hook: [
                callback
                for _, callback in self.callbacks_
                if getattr(type(callback), hook) is not getattr(Callback, hook)
            ]
            for hook in hooks
        }
        self._turns = self.turns()
        self._parameters = [
            [p for group in turn.optimizer.param_groups for p in group["params"]]
            for turn in self._turns
        ]
        self.start_average()

    def start_average(self) -> None:
        """Begin the moving average of the weights, where one is asked for."""
        if self.ema_decay is not None and self.average_ is None:
            average = get_ema_multi_avg_fn(self.ema_decay)
            # Past skorch's bookkeeping, for which a module is a part to be trained.
            averaged = AveragedModel(self.module_, multi_avg_fn=average)
            self.__dict__["average_"] = averaged

    def _run_epoch(self, batches: Batches) -> None:
        self._set_training(True)
        names = [turn.name for turn in self._turns]
        totals = [
            torch.zeros((), dtype=self.dtype, device=batches.device) for _ in names
        ]
        if self.shuffle:
            self.order_ = self._next_order(len(batches))
        if self.order_ is None:
            epoch = batches.ordered()
        else:
            epoch = batches.permuted(self.order_)
        for k, batch in enumerate(epoch):
            self._set_rate(k, batches.n_batches)
            losses = self._listened_step(batch)
            for total, loss in zip(totals, losses, strict=True):
                total.add_(loss, alpha=len(batch[0]))
        self.n_epochs_ += 1
        self.n_seen_ += len(batches)
        for name, total in zip(names, totals, strict=True):
            self.history.record(name, total.item() / len(batches))
        self.history.record("learning_rate", self._last_rate)

    def _next_order(self, n_rows: int) -> np.ndarray:
        """Draw a permutation on top of the last one.

        These are the calls that scikit-learn's networks make: both see the same
        batches.
        """
        index = np.arange(n_rows)
        self.random_state.shuffle(index)
        return index if self.order_ is None else self.order_[index]

    def _set_rate(self, k: int, n_batches: int) -> None:
        elapsed = self.n_epochs_ + k / n_batches
        rate = self.schedule.rate(elapsed, self.n_seen_, 1 / n_batches)
        rate *= self.rate_scale_
        # Left alone while it is constant, for a callback may have changed it.
        if rate != self._last_rate:
            self._last_rate = rate
            for turn in self._turns:
                for group in turn.optimizer.param_groups:
                    group["lr"] = rate * group.get("rate_factor", 1.0)

    def _listened_step(self, batch: Batch) -> list[Tensor]:
        listeners = self._listeners
        if not (listeners["on_batch_begin"] or listeners["on_batch_end"]):
            return self.train_step(batch)
        self.history.new_batch()
        pair = (batch[0], batch[1])
        for callback in listeners["on_batch_begin"]:
            callback.on_batch_begin(self, batch=pair, training=True)
        losses = self.train_step(batch)
        self.history.record_batch("train_loss", losses[0].item())
        self.history.record_batch("train_batch_size", len(batch[0]))
        for callback in listeners["on_batch_end"]:
            callback.on_batch_end(self, batch=pair, training=True, loss=losses[0])
        return losses

    def train_step(self, batch: Batch, **_: Any) -> list[Tensor]:
        """Give each optimiser its turn at a batch; return the losses."""
        losses = []
        for turn, parameters in zip(self._turns, self._parameters, strict=True):
            loss = self._set_gradients(turn, batch)
            losses.append(loss + self._finish_gradient(parameters, batch))
            if self.scaler_.is_enabled():
                self.scaler_.step(turn.optimizer)
                self.scaler_.update()
            else:
                turn.optimizer.step()
        if self.average_ is not None:
            self.average_.update_parameters(self.module_)
        return losses

    def _set_gradients(self, turn: Turn, batch: Batch) -> Tensor:
        if turn.backward is not None:
            return turn.backward(batch)
        turn.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            loss = turn.loss(batch)
        self.scaler_.scale(loss).backward()
        if self.scaler_.is_enabled():
            self.scaler_.unscale_(turn.optimizer)
        return loss.detach()

    def _finish_gradient(
        self, parameters: list[nn.Parameter], batch: Batch
    ) -> Tensor | float:
        penalty: Tensor | float = 0.0
        if self.penalty is not None:
            X, _, weight = batch
            # A batch may hold nothing but rows of weight 0.
            n = len(X) if weight is None else max(weight.sum().item(), 1e-12)
            matrices = (p for p in parameters if p.ndim > 1)
            penalty = self.penalty.add_gradient(matrices, n)
        if self.max_grad_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
        for callback in self._listeners["on_grad_computed"]:
            callback.on_grad_computed(
                self,
                named_parameters=list(self.module_.named_parameters()),
                batch=batch[:2],
                training=True,
            )
        return penalty

    def _autocast(self) -> Any:
        if self.mixed_precision is None:
            return nullcontext()
        dtype = getattr(torch, self.mixed_precision)
        return torch.autocast(torch.device(self.device).type, dtype=dtype)

    def evaluate(self, batches: Batches) -> tuple[float, Tensor]:
        """Return the mean loss over all rows and the raw outputs.

        The outputs are those of the averaged weights where there are any.
        """
        module = self.module_ if self.average_ is None else self.average_.module
        module.eval()
        with torch.inference_mode(), self._autocast():
            output = torch.cat([module(X) for X, _, _ in batches.ordered()])
            loss = self.criterion_(output, batches.y, batches.weight)
        return loss.item(), output

    @torch.no_grad()
    def adopt_average(self) -> None:
        """Replace the weights by their moving average, where there is one."""
        if self.average_ is not None:
            self.module_.load_state_dict(self.average_.module.state_dict())
