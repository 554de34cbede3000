"""What every neural estimator shares: fit, raw predictions, persistence."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from torch import Tensor

from sklearn_dl._skorch._callbacks import OwnCallback, PrintProgress, TaskPerEpoch
from sklearn_dl._skorch._data import Batches, as_input
from sklearn_dl._skorch._dense_program import NetProgram
from sklearn_dl._skorch._lbfgs import fit_lbfgs
from sklearn_dl._skorch._net import TensorNet
from sklearn_dl._skorch._planning import PlansTraining, TrainingPlan
from sklearn_dl._skorch._runtime import (
    limited_threads,
    one_thread_at_a_time,
    resolve_device,
    training_context,
)
from sklearn_dl._skorch._state import (
    arrays_to_tensors,
    load_net_state,
    net_state,
    tensors_to_arrays,
)
from sklearn_dl.exceptions import InterruptedFitWarning

__all__ = ["BaseNeural"]


class BaseNeural(PlansTraining):
    """Base class of the estimators that train a network with :class:`TensorNet`.

    A family says how its network is made (``_make_module``) and what its parameters
    mean for the training (``_training_options``). One of the mixins for classifiers
    and regressors says how targets are encoded, weighed and scored.
    """

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Any:
        # A joint fit is an earlier fit too.
        self._make_full_net()
        before = self.__dict__.get("net_")
        try:
            plan = self._plan(X, y, sample_weight, incremental)
            with self._context(plan):
                self._train(plan)
        except BaseException:
            # A net that was not trained to the end is not a fitted one.
            if self.__dict__.get("net_") is not before:
                del self.net_
            raise
        finally:
            if hasattr(self, "net_"):
                self.net_.module_.eval()
        return self

    @contextmanager
    def _prepared(
        self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Iterator[TrainingPlan]:
        """Plan a training, in a context where torch's generators are the fit's own."""
        plan = self._plan(X, y, sample_weight, incremental)
        with training_context(torch.device(self._device), plan.generator):
            yield plan

    def _context(self, plan: TrainingPlan) -> AbstractContextManager[None]:
        """Return the context of a training; compiled code needs none."""
        options = plan.options
        compiled = (
            options.solver != "lbfgs"
            and isinstance(plan.train.X, Tensor)
            and NetProgram.setting_of(self.net_) is not None
        )
        # Who looks on may draw random numbers, and a checkpoint keeps the generators.
        watched = (
            options.callbacks
            or options.checkpoint is not None
            or hasattr(self, "_skl_callbacks")
        )
        if compiled and not watched:
            return nullcontext()
        return training_context(torch.device(self._device), plan.generator)

    def _train(self, plan: TrainingPlan) -> None:
        net, options = self.net_, plan.options
        train, valid = plan.train, plan.valid
        epochs = 1 if plan.incremental else options.max_epochs
        context = self._init_callback_context(max_subtasks=epochs)
        X, y = plan.given
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        net.callbacks = [
            *([] if options.solver == "lbfgs" else [plan.convergence]),
            *(
                [TaskPerEpoch(self, context, X, y)]
                if hasattr(self, "_skl_callbacks")
                else []
            ),
            *([PrintProgress()] if options.verbose else []),
            *options.callbacks,
            *([] if plan.checkpoint is None else [plan.checkpoint]),
        ]
        self._check_callbacks(options.callbacks)
        net._initialize_callbacks()
        self._check_outputs(train)
        if plan.checkpoint is not None:
            plan.checkpoint.resume(net)
        with limited_threads(train.device, self._batch_cost(train.batch_size)):
            net.notify("on_train_begin", X=train, y=valid)
            if options.solver == "lbfgs":
                self.n_iter_ = fit_lbfgs(
                    net,
                    train,
                    max_iter=options.max_epochs,
                    max_fun=options.max_fun,
                    tol=options.tol,
                )
            else:
                done = 0 if plan.incremental else net.n_epochs_
                net.fit_loop(train, valid, epochs=epochs - done)
                self.n_iter_ = 1 if plan.incremental else net.n_epochs_
            net.notify("on_train_end", X=train, y=valid)
        net.callbacks = list(options.callbacks)
        net.callbacks_ = [
            pair for pair in net.callbacks_ if not isinstance(pair[1], OwnCallback)
        ]
        net.order_ = net.output_ = None
        self._record(plan)
        self._report(plan)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes=dict
        )

    def _record(self, plan: TrainingPlan) -> None:
        """Set the attributes that scikit-learn's networks have after a fit."""
        validated, convergence = plan.valid is not None, plan.convergence
        net = self._trained
        self.t_ = net.n_seen_
        if len(net.history):
            self.loss_ = net.history[-1]["train_loss"]
        if plan.options.solver == "lbfgs":
            rows = net.history[-self.n_iter_ :] if self.n_iter_ else []
            convergence.losses_ = [row["train_loss"] for row in rows]
            convergence.best_loss_ = min(convergence.losses_, default=np.inf)
        self.loss_curve_ = convergence.losses_
        self._n_unimproved = convergence.n_unimproved_
        self.validation_scores_ = convergence.scores_ if validated else None
        self.best_validation_score_ = convergence.best_score_ if validated else None
        self.best_loss_ = None if validated else convergence.best_loss_

    def _report(self, plan: TrainingPlan) -> None:
        """Warn of a fit that did not end well."""
        net, name, options = self._trained, type(self).__name__, plan.options
        if net.interrupted_:
            warnings.warn(
                f"The fit of {name} was interrupted after {self.n_iter_} epochs. The "
                f"best weights so far are kept.",
                InterruptedFitWarning,
                stacklevel=7,
            )
        elif (
            options.solver != "lbfgs"
            and options.warn_unconverged
            and not plan.incremental
            and not net.stop_training_
            and self.n_iter_ == options.max_epochs
        ):
            warnings.warn(
                f"{name}: max_iter={options.max_epochs} epochs are over and the "
                f"optimization has not converged yet.",
                ConvergenceWarning,
                stacklevel=7,
            )
        weights = net.weights().values()
        if not all(w.isfinite().all() for w in weights if w.is_floating_point()):
            raise ValueError(
                f"The solver of {name} produced non-finite weights. The input data may "
                f"contain large values and need to be preprocessed, or the learning "
                f"rate is too high."
            )

    def _batch_cost(self, n_rows: int) -> float:
        """Return a batch's multiply-adds: each weight forwards and twice backwards."""
        n_weights = sum(weight.numel() for weight in self._trained.weights().values())
        return 3.0 * n_weights * n_rows

    def _check_callbacks(self, callbacks: Any) -> None:
        for callback in callbacks:
            bare = callback[1] if isinstance(callback, tuple) else callback
            if not isinstance(bare, Callback) and not (
                isinstance(bare, type) and issubclass(bare, Callback)
            ):
                raise TypeError(
                    f"The 'callbacks' parameter of {type(self).__name__} must hold "
                    f"callbacks of skorch, got {callback!r}. Those of scikit-learn go "
                    f"to set_callbacks."
                )

    def _check_outputs(self, train: Batches) -> None:
        """Refuse a module of the user's own whose outputs do not fit the target."""
        if not callable(getattr(self, self._module_parameter, None)):
            return
        self.net_.module_.eval()
        with torch.no_grad():
            X, _, _ = next(train.ordered())
            shape = tuple(self.net_.module_(X[:2]).shape)
        expected = (len(X[:2]), self._n_raw_outputs)
        if shape != expected:
            raise ValueError(
                f"The {self._module_parameter!r} parameter of {type(self).__name__} "
                f"must make a network that maps {len(X[:2])} rows to outputs of shape "
                f"{expected}, got {shape}."
            )

    # -- prediction and persistence --------------------------------------------------

    def _raw_output(self, X: Any) -> Tensor:
        """Return the network's raw outputs, of shape (n_rows, n_raw_outputs)."""
        check_is_fitted(self)
        return self._output_of(self._check_predict_input(X))

    def _output_of(self, X: Any) -> Tensor:
        """Return the raw outputs for rows that are validated."""
        return self._through(self._trained.raw_outputs, X)

    def _through(self, function: Callable[[Any], Tensor], X: Any) -> Tensor:
        """Return what a function of batches makes of rows that are validated."""
        dtype = getattr(torch, self._dtype)
        device = torch.device(self._device)
        n_rows = self._rows_at_once()
        cost = self._batch_cost(min(X.shape[0], n_rows)) / 3
        outputs = []
        with torch.inference_mode(), limited_threads(device, cost):
            for start in range(0, X.shape[0], n_rows):
                part = as_input(X[start : start + n_rows], dtype, self._device)
                outputs.append(function(part))
            return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _prediction(self, X: Any) -> np.ndarray:
        """Return the outputs behind the loss's link, as an array."""
        raw = self._raw_output(X)
        with torch.inference_mode():
            return self._trained.criterion_.link(raw).cpu().numpy()

    @property
    def history_(self) -> list[dict[str, Any]]:
        """Losses, scores, learning rate and seconds, one dictionary an epoch."""
        return [
            {key: row[key] for key in row if key != "batches" and key[-5:] != "_best"}
            for row in self._trained.history
        ]

    def __getattr__(self, name: str) -> Any:
        """Make ``net_`` when it is first asked for, after a joint fit."""
        if name != "net_" or "_lean_net" not in vars(self):
            # Again, for the error that this ended with, perhaps that of a property.
            return object.__getattribute__(self, name)
        self._make_full_net()
        return self.net_

    def _make_full_net(self) -> None:
        """Put a skorch net in the place of a lean one, if there is one."""
        # Several threads may ask, and one of them does it.
        with one_thread_at_a_time():
            if "_lean_net" in vars(self):
                net = self._fitted_net()
                self._lean_net.fill(net)
                net.module_.eval()
                self.net_ = net
                del self._lean_net

    def _fitted_net(self) -> TensorNet:
        """Make the net that was fitted, without what it has learned."""
        # Parameters may have been set since the fit. A copy would be a pickle's.
        twin = type(self).__new__(type(self))
        params = self._fitted_params | {"callbacks": None, "checkpoint": None}
        twin.__dict__.update(vars(self) | params)
        device = torch.device(self._device)
        with training_context(device, torch.Generator().manual_seed(0)):
            return twin._build_net(twin._training_options(self._n_fitted_rows))

    def __sklearn_is_fitted__(self) -> bool:
        return "net_" in vars(self) or "_lean_net" in vars(self)

    def __getstate__(self) -> dict[str, Any]:
        self._make_full_net()
        # Plain arrays in place of the net: they need no torch device to be read, and
        # pickle, joblib and skops all take them.
        state = dict(super().__getstate__())
        if "net_" in state:
            state["_net_state"] = tensors_to_arrays(net_state(state.pop("net_")))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        plain = state.pop("_net_state", None)
        super().__setstate__(state)
        if plain is None:
            return
        device = resolve_device(self._device, strict=False)
        self._device = str(device)
        self.net_ = self._fitted_net()
        load_net_state(self.net_, arrays_to_tensors(plain))
        self.net_.module_.eval()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
