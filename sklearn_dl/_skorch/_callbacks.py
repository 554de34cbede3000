"""What happens at the end of an epoch, one callback each."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from torch import Tensor

from sklearn_dl._skorch._data import Batches

__all__ = ["Convergence", "OwnCallback", "PrintProgress", "TaskPerEpoch"]

# scikit-learn's "adaptive" rate is divided by this, and no further than down to that.
_ADAPTIVE_DIVISOR = 5.0
_ADAPTIVE_SMALLEST = 1e-6


class OwnCallback(Callback):
    """A callback of this library.

    It stops a training by ``net.stop_training_``, so that a KeyboardInterrupt that
    meets it is the user's.
    """


class Convergence(OwnCallback):
    """Stop when the loss, or a score on validation rows, no longer improves.

    The rules are those of scikit-learn's networks, with the best weights restored at
    the end where there are validation rows.

    Parameters
    ----------
    tol : float
        The smallest improvement that counts.
    patience : int or float
        Epochs without improvement after which training stops; inf never stops.
    score : callable, default=None
        Takes raw outputs on the validation rows, returns a score; higher is better.
        None is the loss there, times -1. Without validation rows, the training loss is
        watched.
    adaptive : bool, default=False
        Divide the learning rate by 5 instead of stopping, down to 1e-6.

    Attributes
    ----------
    losses_, scores_, valid_losses_ : list of float
        One value an epoch; the latter two are empty without validation rows.
    best_loss_, best_score_ : float
        The lowest training loss and the highest score.
    """

    def __init__(
        self,
        tol: float,
        patience: float,
        score: Callable[[Tensor], float] | None = None,
        adaptive: bool = False,
    ):
        self.tol = tol
        self.patience = patience
        self.score = score
        self.adaptive = adaptive
        self.losses_: list[float] = []
        self.scores_: list[float] = []
        self.best_loss_ = np.inf
        self.best_score_ = -np.inf
        self.n_unimproved_ = 0
        self.best_weights_: dict[str, Tensor] | None = None

    def on_epoch_end(
        self, net: Any, dataset_valid: Batches | None = None, **_: Any
    ) -> None:
        """Note loss and score; stop or slow down when neither gets better."""
        self.losses_.append(net.history[-1]["train_loss"])
        if dataset_valid is None:
            improved = self._loss_improved()
        else:
            improved = self._score_improved(net, dataset_valid)
        self.n_unimproved_ = 0 if improved else self.n_unimproved_ + 1
        if self.n_unimproved_ > self.patience:
            if self.adaptive and net._last_rate > _ADAPTIVE_SMALLEST:
                net.rate_scale_ /= _ADAPTIVE_DIVISOR
                self.n_unimproved_ = 0
            else:
                net.stop_training_ = True

    def _loss_improved(self) -> bool:
        loss = self.losses_[-1]
        improved = not loss > self.best_loss_ - self.tol
        self.best_loss_ = min(self.best_loss_, loss)
        return improved

    def _score_improved(self, net: Any, valid: Batches) -> bool:
        loss, output = net.evaluate(valid)
        if not output.isfinite().all():
            score = float("nan")
        else:
            score = -loss if self.score is None else self.score(output)
        self.scores_.append(score)
        net.record_loss("valid_loss", loss)
        net.history.record("valid_score", score)
        improved = not score < self.best_score_ + self.tol
        if score > self.best_score_ or self.best_weights_ is None:
            self.best_score_ = max(self.best_score_, score)
            self.best_weights_ = {
                name: value.clone() for name, value in net.weights().items()
            }
        return improved

    def on_train_end(self, net: Any, **_: Any) -> None:
        """Leave the weights to predict with in the network."""
        if self.best_weights_ is not None:
            net.load_weights(self.best_weights_)
        else:
            net.adopt_average()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep."""
        return {name: value for name, value in vars(self).items() if name[-1] == "_"}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        self.__dict__.update(state)


class TaskPerEpoch(OwnCallback):
    """Tell scikit-learn's callbacks of every epoch.

    Parameters
    ----------
    estimator : estimator
        The estimator that is being fitted.
    context : sklearn.callback.CallbackContext
        The context of its fit.
    X, y : array-like
        The training data as the user gave them, which callbacks may score.
    """

    def __init__(self, estimator: Any, context: Any, X: Any, y: Any):
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        """Open a task."""
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Close the task; stop when a callback says so."""
        # Nothing has to be added to a copy of the estimator to make it predict: copies
        # go through its pickled state, which holds the weights.
        stop = self.task_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=dict,
        )
        if stop:
            net.stop_training_ = True


class PrintProgress(OwnCallback):
    """Write the loss, and the score where there is one, after every epoch."""

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Write one or two lines, in scikit-learn's words."""
        last = net.history[-1]
        sys.stdout.write(
            f"Iteration {net.n_epochs_}, loss = {last['train_loss']:.8f}\n"
        )
        if "valid_score" in last:
            sys.stdout.write(f"Validation score: {last['valid_score']:f}\n")
