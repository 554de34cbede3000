"""A short training in which the learning rate changes from batch to batch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from torch import Tensor

from sklearn_dl._skorch._estimator import BaseNeural
from sklearn_dl._skorch._runtime import limited_threads

__all__ = ["range_test"]


@dataclass(frozen=True)
class _RatePerBatch:
    """A schedule that is told the rate of each batch.

    Parameters
    ----------
    rates : sequence of float
        The learning rates.
    """

    rates: Sequence[float]

    def rate(self, elapsed: float, n_seen: int = 0, batch: float = 0.0) -> float:
        """Return the rate of the batch that begins after `elapsed` epochs."""
        return self.rates[round(elapsed / batch)]


class _RecordLosses(Callback):
    """Keep the loss of each batch, and end the training when there are enough.

    Parameters
    ----------
    n_steps : int
        Greatest number of batches.
    is_over : callable
        Takes the losses so far; returns whether to end.
    """

    def __init__(self, n_steps: int, is_over: Callable[[list[float]], bool]):
        self.n_steps = n_steps
        self.is_over = is_over

    def initialize(self) -> "_RecordLosses":
        """Forget what has been seen."""
        self.losses_: list[float] = []
        self.ended_ = False
        return self

    def on_batch_end(self, net: Any, loss: Tensor, **_: Any) -> None:
        """Note the loss of the batch, as it was before the step."""
        value = loss.item()
        if math.isfinite(value):
            self.losses_.append(value)
        self.ended_ = (
            not math.isfinite(value)
            or len(self.losses_) == self.n_steps
            or self.is_over(self.losses_)
        )
        if self.ended_:
            # What ends a training in the middle of an epoch.
            raise KeyboardInterrupt


def range_test(
    estimator: BaseNeural,
    X: Any,
    y: Any,
    sample_weight: Any,
    rates: Sequence[float],
    is_over: Callable[[list[float]], bool],
) -> np.ndarray:
    """Train with one rate after the other, a batch each.

    Parameters
    ----------
    estimator : BaseNeural
        An unfitted neural estimator. It is left with the spoilt network.
    X, y, sample_weight
        What its ``fit`` takes.
    rates : sequence of float
        The learning rates.
    is_over : callable
        Takes the losses so far; returns whether to end.

    Returns
    -------
    losses : ndarray of shape (n_steps,)
        The loss of each batch before the step with its rate. They end early when one
        is not finite, or with `is_over`.
    """
    name = type(estimator).__name__
    with estimator._prepared(X, y, sample_weight) as plan:
        net: Any = estimator.net_
        train = plan.train
        if plan.options.solver == "lbfgs":
            raise ValueError(f"solver='lbfgs' of {name} has no learning rate to test.")
        if not isinstance(plan.options.schedule.kind, str):
            raise ValueError(
                f"learning_rate of {name} must be a schedule's name, since only these "
                f"start from learning_rate_init; got {plan.options.schedule.kind!r}."
            )
        net.schedule = _RatePerBatch(rates)
        recorder = _RecordLosses(len(rates), is_over)
        net.callbacks = [recorder]
        net._initialize_callbacks()
        with limited_threads(train.device, estimator._batch_cost(train.batch_size)):
            net.fit_loop(train, epochs=math.ceil(len(rates) / train.n_batches))
    if net.interrupted_ and not recorder.ended_:
        raise KeyboardInterrupt
    return np.array(recorder.losses_)
