"""A skorch net without the overhead: data on the device, hooks only where heard."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sklearn_dl._skorch._callbacks import OwnCallback
from sklearn_dl._skorch._data import Batch, Batches
from sklearn_dl._skorch._dense_pass import DensePass
from sklearn_dl._skorch._dense_program import NetProgram
from sklearn_dl._skorch._progress import Progress
from sklearn_dl._skorch._schedules import Schedule
from sklearn_dl.modules import (
    BinaryCrossEntropy,
    CrossEntropy,
    MultiTaskCrossEntropy,
    TrainingOutput,
)

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
    penalised : bool, default=True
        Whether the penalty on the weights is added to this turn's gradient.
    """

    optimizer: torch.optim.Optimizer
    loss: Callable[[Batch], Tensor]
    name: str = "train_loss"
    backward: Callable[[Batch], Tensor] | None = None
    penalised: bool = True


class TensorNet(Progress, NeuralNet):
    """A :class:`skorch.NeuralNet` that trains on :class:`Batches`.

    Differences to its parent: a batch is a slice of a tensor; a batch-level hook is
    called when a callback defines it; losses are added up on the device and read once
    an epoch; rows can carry weights; a batch is a sequence of :meth:`turns`, one for
    each optimiser, which is where models with several networks come in. Epochs of plain
    dense networks on a CPU are compiled, see :class:`NetProgram`.

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
        super().reset_progress()
        self.average_: AveragedModel | None = None
        self.scaler_ = torch.amp.GradScaler(
            torch.device(self.device).type, enabled=self.mixed_precision == "float16"
        )
        self.output_: Tensor | None = None

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
        plain = self._has_plain_steps() and DensePass.covers(
            self.module_, self.criterion_
        )
        backward = DensePass(self.module_, self.criterion_) if plain else None
        return [Turn(self.optimizer_, self.training_loss, backward=backward)]

    def _has_plain_steps(self) -> bool:
        """Return whether nobody has a say in how a batch is computed."""
        return (
            self.mixed_precision is None
            # Who hears of the end of a batch is told the outputs.
            and not self._listeners["on_batch_end"]
            and type(self).training_loss is TensorNet.training_loss
        )

    def training_loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch, without the penalty."""
        X, y, weight = batch
        output = self.forward_rows(X)
        if isinstance(output, TrainingOutput):
            self.output_ = output.output
            assert y is not None
            return output.loss(self.criterion_, y, weight)
        self.output_ = output
        return self.criterion_(output, y, weight)

    def forward_rows(self, X: Any) -> Any:
        """Return the network's raw outputs, in the net's dtype.

        Only the network itself runs in mixed precision: losses and targets need the
        digits.
        """
        with self._autocast():
            output = self.module_(X)
        return output.to(self.dtype)

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
        if not isinstance(X, Batches):
            X, y = self._as_batches(X, y), None
        self.interrupted_ = False
        self._prepare()
        data = {"dataset_train": X, "dataset_valid": y}
        try:
            for _epoch in range(self.max_epochs if epochs is None else epochs):
                if self.stop_training_:
                    break
                start = perf_counter()
                self.notify("on_epoch_begin", **data)
                if self._heeds_others:
                    # Who listens may have frozen a part of the network.
                    self._prepare()
                self._run_epoch(X)
                self.history.record("dur", perf_counter() - start)
                self.end_epoch(data)
        except KeyboardInterrupt:
            self.interrupted_ = True
            if "learning_rate" not in self.history[-1]:
                # The epoch did not come to its end.
                del self.history[-1]
        return self

    def end_epoch(self, data: dict[str, Any]) -> None:
        """Tell the callbacks that an epoch is over, and note whether one would stop."""
        self.on_epoch_end(self, **data)
        for _, callback in self.callbacks_:
            try:
                callback.on_epoch_end(self, **data)
            except KeyboardInterrupt:
                if isinstance(callback, OwnCallback):
                    raise
                # This is how a callback of skorch asks for the end of the training.
                self.stop_training_ = True

    def _as_batches(self, X: Any, y: Any) -> Batches:
        """Return rows that a user hands to the net itself, with encoded targets."""
        target = torch.as_tensor(np.asarray(y))
        X = np.asarray(X)
        if not getattr(self.module_, "takes_integers", False):
            X = X.astype(np.float64) if X.dtype.kind in "biu" else X
        if not isinstance(self.criterion_, (CrossEntropy, MultiTaskCrossEntropy)):
            target = target.reshape(len(target), -1).to(self.dtype)
        return Batches(
            X,
            target,
            batch_size=self.batch_size,
            dtype=self.dtype,
            device=self.device,
        )

    def forward_iter(
        self, X: Any, training: bool = False, device: str = "cpu"
    ) -> Iterator[Tensor]:
        """Yield the raw outputs, batch by batch."""
        rows = X if isinstance(X, Batches) else self._as_batches(X, np.zeros(len(X)))
        self._set_training(training)
        with torch.set_grad_enabled(training):
            for batch, _, _ in rows.ordered():
                yield self.forward_rows(batch).to(device)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the outputs behind the link of the loss."""
        raw = torch.cat(list(self.forward_iter(X)))
        linked = self.criterion_.to(raw.device).link(raw).numpy()
        self.criterion_.to(self.device)
        return linked

    def predict(self, X: Any) -> np.ndarray:
        """Return numbers of classes, labels that are 0 or 1, or values."""
        outputs = self.predict_proba(X)
        if isinstance(self.criterion_, CrossEntropy):
            return outputs.argmax(axis=1)
        if isinstance(self.criterion_, BinaryCrossEntropy):
            return (outputs > 0.5).astype(int)
        return outputs

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
        self._heeds_others = not all(
            isinstance(callback, OwnCallback) for _, callback in self.callbacks_
        )
        plain = not any(self._listeners.values()) and self._has_plain_steps()
        plain = plain and type(self).turns is TensorNet.turns
        self._program = NetProgram.of(self) if plain else None
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
        if self._program is not None and isinstance(batches.X, Tensor):
            self._run_compiled(self._program, batches)
            return
        names = [turn.name for turn in self._turns]
        totals = [
            torch.zeros((), dtype=self.dtype, device=batches.device) for _ in names
        ]
        order = self.next_order(len(batches))
        epoch = batches.ordered() if order is None else batches.permuted(order)
        for k, batch in enumerate(epoch):
            self._set_rate(k, batches.n_batches)
            losses = self._listened_step(batch)
            for total, loss in zip(totals, losses, strict=True):
                total.add_(loss, alpha=len(batch[0]))
        group = self._turns[0].optimizer.param_groups[0]
        losses_by_name = {
            name: total.item() / batches.n_drawn
            for name, total in zip(names, totals, strict=True)
        }
        rate = group["lr"] / group["rate_factor"]
        self.end_of_rows(batches.n_drawn, losses_by_name, rate)

    def _run_compiled(self, program: NetProgram, batches: Batches) -> None:
        n_batches = batches.n_batches
        rates = np.empty((1, n_batches))
        for k in range(n_batches):
            self._set_rate(k, n_batches)
            rates[0, k] = self.optimizer_.param_groups[0]["lr"]
        order = self.next_order(len(batches))
        order = np.arange(len(batches)) if order is None else order
        seeds = self.dropout_seeds(1)
        (loss,) = program.run_epochs(batches, order[None], rates, seeds)
        rate = float(rates[0, -1])
        self.end_of_rows(len(batches), {"train_loss": float(loss)}, rate)

    def _set_rate(self, k: int, n_batches: int) -> None:
        rate = self.scheduled_rate(k, n_batches)
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
        if self.output_ is not None:
            self._tell_batch_end(pair, True, self.output_.detach(), losses[0])
        return losses

    def _tell_batch_end(
        self, batch: Any, training: bool, y_pred: Any, loss: Any
    ) -> None:
        for callback in self._listeners["on_batch_end"]:
            callback.on_batch_end(
                self, batch=batch, training=training, y_pred=y_pred, loss=loss
            )

    def train_step(self, batch: Batch, **_: Any) -> list[Tensor]:
        """Give each optimiser its turn at a batch; return the losses."""
        losses = []
        for turn, parameters in zip(self._turns, self._parameters, strict=True):
            loss = self._set_gradients(turn, batch)
            penalty = self.penalty if turn.penalised else None
            losses.append(loss + self._finish_gradient(parameters, batch, penalty))
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
        loss = turn.loss(batch)
        self.scaler_.scale(loss).backward()
        if self.scaler_.is_enabled():
            self.scaler_.unscale_(turn.optimizer)
        return loss.detach()

    def _finish_gradient(
        self,
        parameters: list[nn.Parameter],
        batch: Batch,
        rule: Penalty | None,
    ) -> Tensor | float:
        penalty: Tensor | float = 0.0
        if rule is not None:
            X, y, weight = batch
            n = len(X if y is None else y) if weight is None else weight.sum().item()
            matrices = (p for p in parameters if p.ndim > 1)
            penalty = rule.add_gradient(matrices, n)
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
        with self._averaged_weights(), torch.inference_mode():
            self.module_.eval()
            outputs = []
            for X, y, _ in batches.ordered():
                outputs.append(self.forward_rows(X))
                self._tell_batch_end((X, y), False, outputs[-1], None)
            output = torch.cat(outputs)
            loss = self.criterion_(output, *batches.targets())
        return loss.item(), output

    def raw_outputs(self, X: Any) -> Tensor:
        """Return the raw outputs, of shape (n_rows, n_outputs)."""
        output: Tensor = self.module_(X)
        return output

    def weights(self) -> dict[str, Tensor]:
        """Return what has been learned, the average where there is one; no copies."""
        module = self.module_ if self.average_ is None else self.average_.module
        return dict(module.state_dict())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Put back what :meth:`weights` returned."""
        self.module_.load_state_dict(weights)

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Let the averaged network stand in, where there is one."""
        if self.average_ is None:
            yield
            return
        trained = self.module_
        self.__dict__["module_"] = self.average_.module
        try:
            yield
        finally:
            self.__dict__["module_"] = trained

    @torch.no_grad()
    def adopt_average(self) -> None:
        """Replace the weights by their moving average, where there is one."""
        if self.average_ is not None:
            self.module_.load_state_dict(self.average_.module.state_dict())
