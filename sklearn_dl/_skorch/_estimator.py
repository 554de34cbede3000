"""What every neural estimator shares: fit, raw predictions, persistence."""

import numbers
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator, is_regressor
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import Callback
from torch import Tensor, nn

from sklearn_dl._skorch._callbacks import (
    Convergence,
    OwnCallback,
    PrintProgress,
    TaskPerEpoch,
)
from sklearn_dl._skorch._data import Batches, as_tensor
from sklearn_dl._skorch._dense_program import NetProgram
from sklearn_dl._skorch._lbfgs import fit_lbfgs
from sklearn_dl._skorch._lean_net import LeanNet
from sklearn_dl._skorch._net import TensorNet
from sklearn_dl._skorch._optimizers import optimizer_options
from sklearn_dl._skorch._options import TrainingOptions
from sklearn_dl._skorch._runtime import (
    limited_threads,
    resolve_device,
    resolve_dtype,
    torch_generator,
    training_context,
)
from sklearn_dl._skorch._state import (
    CheckpointFile,
    arrays_to_tensors,
    load_net_state,
    net_state,
    tensors_to_arrays,
)
from sklearn_dl.exceptions import InterruptedFitWarning

__all__ = ["BaseNeural", "TrainingPlan"]

_making_full_nets = threading.RLock()
# Rows that go through the network at once outside of training.
_PREDICT_ROWS = 8192


@dataclass
class TrainingPlan:
    """All that one training needs beside the net.

    Parameters
    ----------
    options : TrainingOptions
        How to train.
    given : tuple
        X and y as the user gave them.
    train : Batches
        The training rows.
    valid : Batches or None
        The rows that are held out.
    convergence : Convergence
        When to stop.
    checkpoint : CheckpointFile or None
        Where the state is kept.
    incremental : bool
        Whether this is one epoch of ``partial_fit``.
    generator : torch.Generator
        Seeds torch's generators for the training.
    """

    options: TrainingOptions
    given: tuple[Any, Any]
    train: Batches
    valid: Batches | None
    convergence: Convergence
    checkpoint: CheckpointFile | None
    incremental: bool
    generator: torch.Generator


class BaseNeural(CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the estimators that train a network with :class:`TensorNet`.

    A family says how its network is made (``_make_module``) and what its parameters
    mean for the training (``_training_options``). One of the mixins for classifiers
    and regressors says how targets are encoded, weighed and scored.
    """

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        # Five times a fit scikit-learn reads the signature, which has not changed.
        return list(super()._get_param_names())

    @abstractmethod
    def _training_options(self, n_rows: int) -> TrainingOptions:
        """Translate the parameters, after cross-checks between them."""

    @abstractmethod
    def _make_module(self, n_outputs: int) -> nn.Module:
        """Make the network; torch's global generator is seeded."""

    def _make_lean_net(
        self, options: TrainingOptions, random_state: np.random.RandomState, seed: int
    ) -> LeanNet:
        """Make a net without skorch, where a family knows how to."""
        raise NotImplementedError

    def _initialize_module(
        self, module: nn.Module, random_state: np.random.RandomState, seed: int
    ) -> None:
        """Draw initial weights, where torch's own are not wanted."""

    def _check_fit_input(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        return validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=is_regressor(self),
            dtype=(np.float64, np.float32),
            reset=reset,
        )

    def _check_predict_input(self, X: Any) -> Any:
        return validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=(np.float64, np.float32),
            reset=False,
        )

    def _learn_input(self, X: Any, target: Tensor, weight: Any, reset: bool) -> Any:
        """Learn from the data what precedes the network; return the network's input."""
        return X

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Any:
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
    ) -> Iterator["TrainingPlan"]:
        """Plan a training, in a context where torch's generators are the fit's own."""
        plan = self._plan(X, y, sample_weight, incremental)
        with training_context(torch.device(self._device), plan.generator):
            yield plan

    def _context(self, plan: "TrainingPlan") -> AbstractContextManager[None]:
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

    def _plan(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool
    ) -> "TrainingPlan":
        """Validate, encode and make the net: all that comes before the training."""
        given = X, y
        fresh = not hasattr(self, "net_") or not (self.warm_start or incremental)
        X, y = self._check_fit_input(X, y, reset=fresh)
        target = self._encode_target(y, reset=fresh)
        rows = X, y, target, sample_weight
        return self._plan_rows(given, rows, fresh, incremental, lean=False)

    def _plan_rows(
        self, given: Any, rows: Any, fresh: bool, incremental: bool, lean: bool
    ) -> "TrainingPlan":
        """Plan a training with rows that are validated; `lean` wants no skorch net."""
        X, y, target, sample_weight = rows
        weight = self._row_weights(X, y, sample_weight)
        if weight is not None and not weight.all():
            # A row that does not count is not there: it shall not have a share in the
            # validation part or in the statistics of a batch either.
            X, y, target, weight = (v[weight > 0] for v in (X, y, target, weight))
        options = self._training_options(X.shape[0])
        X = self._learn_input(X, target, weight, reset=fresh)
        random_state = check_random_state(self.random_state)
        # Dropout goes on from call to call of partial_fit.
        salt = self.net_.n_seen_ if incremental and not fresh else 0
        generator = torch_generator(random_state, salt)
        seed = int(torch.randint(2**62, (), generator=generator))
        if fresh:
            self._device = str(resolve_device(self.device))
            dtype = resolve_dtype(self.dtype, X.dtype, torch.device(self._device))
            self._dtype = str(dtype).removeprefix("torch.")
        if lean:
            self._lean_net = self._make_lean_net(options, random_state, seed)
        else:
            with training_context(torch.device(self._device), generator):
                self._prepare_net(options, random_state, fresh, incremental, seed)
        self._remember_parameters(X.shape[0])
        train, valid, score = self._split(X, y, target, weight, options)
        convergence = self._convergence(options, score, fresh)
        checkpoint = None
        if options.checkpoint is not None and not incremental:
            identity = self._identity(X, y, weight)
            checkpoint = CheckpointFile(
                options.checkpoint, identity, convergence, random_state
            )
        return TrainingPlan(
            options,
            given,
            train,
            valid,
            convergence,
            checkpoint,
            incremental,
            generator,
        )

    def _prepare_net(
        self,
        options: TrainingOptions,
        random_state: np.random.RandomState,
        fresh: bool,
        incremental: bool,
        seed: int,
    ) -> None:
        """Set ``net_`` to the net that is to be trained."""
        if fresh:
            net = self._build_net(options)
            self._initialize_module(net.module_, random_state, seed)
            self.net_ = net
        elif not incremental:
            self.net_ = self._build_net(options, warm=self.net_)
        self.net_.random_state = random_state
        self.net_.seed_ = seed
        self.net_.order_ = None
        self.net_.stop_training_ = False
        # What may change from one call of partial_fit to the next.
        self.net_.penalty = options.penalty
        self.net_.max_grad_norm = options.max_grad_norm

    def _remember_parameters(self, n_rows: int) -> None:
        """Keep what the net is built from, for parameters may be set after the fit."""
        self._n_fitted_rows = n_rows
        self._fitted_params = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in ("callbacks", "checkpoint")
        }

    def _build_net(
        self, options: TrainingOptions, warm: TensorNet | None = None
    ) -> TensorNet:
        # L-BFGS is scipy's and steps by itself; the net has an idle optimiser then.
        solver = "sgd" if options.solver == "lbfgs" else options.solver
        optimizer, solver_options = optimizer_options(solver, **options.solver_options)
        net = TensorNet(
            self._make_module,
            self._make_criterion(),
            module__n_outputs=self._n_raw_outputs,
            optimizer=optimizer,
            schedule=options.schedule,
            shuffle=options.shuffle,
            max_epochs=options.max_epochs,
            penalty=options.penalty,
            decoupled_decay=options.decoupled_decay,
            max_grad_norm=options.max_grad_norm,
            ema_decay=options.ema_decay,
            mixed_precision=options.mixed_precision,
            dtype=getattr(torch, self._dtype),
            device=self._device,
            **{f"optimizer__{name}": value for name, value in solver_options.items()},
        ).initialize()
        if warm is not None:
            try:
                net.module_.load_state_dict(warm.module_.state_dict())
            except RuntimeError as error:
                raise ValueError(
                    f"{type(self).__name__} with warm_start=True expects the network "
                    f"of the previous fit; the parameters now describe another: {error}"
                ) from error
            net.history = warm.history
            net.n_seen_ = warm.n_seen_
        return net

    def _split(
        self, X: Any, y: Any, target: Tensor, weight: Any, options: TrainingOptions
    ) -> tuple[Batches, Batches | None, Callable[[Tensor], float] | None]:
        """Return training rows, and validation rows and their score if asked for."""
        if target.is_floating_point():
            target = target.to(getattr(torch, self._dtype))

        def part(rows: Any, **sizes: int) -> Batches:
            return Batches(
                X[rows],
                target[rows],
                None if weight is None else weight[rows],
                dtype=getattr(torch, self._dtype),
                device=self._device,
                **sizes,
            )

        def training_sizes(n_rows: int) -> dict[str, int]:
            return {
                "batch_size": self._batch_size(options, n_rows),
                "smallest": self._smallest_batch(n_rows),
            }

        if not options.validation_fraction:
            return part(slice(None), **training_sizes(X.shape[0])), None, None
        try:
            train, held_out = train_test_split(
                np.arange(X.shape[0]),
                random_state=self._trained.random_state,
                test_size=options.validation_fraction,
                stratify=self._strata(y),
            )
        except ValueError as error:
            raise ValueError(
                f"{type(self).__name__} with early_stopping={self.early_stopping} "
                f"cannot hold out validation_fraction={options.validation_fraction} of "
                f"{X.shape[0]} rows: the validation set is too small. {error}"
            ) from error
        if len(held_out) < 2:
            raise ValueError(
                f"{type(self).__name__} holds out validation_fraction="
                f"{options.validation_fraction} of {X.shape[0]} rows: the validation "
                f"set is too small. Expected at least 2 rows."
            )
        y_valid = y[held_out]
        weight_valid = None if weight is None else weight[held_out]

        def score(output: Tensor) -> float:
            return self._validation_score(output, y_valid, weight_valid)

        return (
            part(train, **training_sizes(len(train))),
            part(held_out, batch_size=_PREDICT_ROWS),
            None if options.best_by_loss else score,
        )

    def _smallest_batch(self, n_rows: int) -> int:
        """Return how few rows a batch may have."""
        if isinstance(self._trained, LeanNet):
            return 1
        normalised = any(
            isinstance(part, nn.modules.batchnorm._BatchNorm)
            for part in self.net_.module_.modules()
        )
        if normalised and n_rows < 2:
            raise ValueError(
                f"{type(self).__name__} with batch normalisation, which has no "
                f"statistics of a single row, expects at least 2 rows, got 1 sample."
            )
        return 2 if normalised else 1

    def _batch_size(self, options: TrainingOptions, n_rows: int) -> int:
        if options.solver == "lbfgs":
            return n_rows
        if options.batch_size == "auto":
            return min(200, n_rows)
        if int(options.batch_size) > n_rows:
            warnings.warn(
                f"{type(self).__name__} got batch_size={options.batch_size} with "
                f"{n_rows} training rows. It is clipped to {n_rows}.",
                stacklevel=10,
            )
        return min(int(options.batch_size), n_rows)

    def _convergence(
        self,
        options: TrainingOptions,
        score: Callable[[Tensor], float] | None,
        fresh: bool,
    ) -> Convergence:
        rule = Convergence(options.tol, options.patience, score, options.adaptive)
        if not fresh and hasattr(self, "loss_curve_"):
            rule.losses_ = list(self.loss_curve_)
            rule.scores_ = list(self.validation_scores_ or [])
            rule.n_unimproved_ = self._n_unimproved
            if self.best_loss_ is not None:
                rule.best_loss_ = self.best_loss_
        return rule

    def _train(self, plan: "TrainingPlan") -> None:
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

    def _record(self, plan: "TrainingPlan") -> None:
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

    def _report(self, plan: "TrainingPlan") -> None:
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

    def _identity(self, X: Any, y: Any, weight: Any) -> tuple[Any, ...]:
        """Return what makes two fits the same fit, for the checkpoint."""
        params = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in ("callbacks", "checkpoint", "random_state", "verbose")
        }
        if not isinstance(self.random_state, numbers.Integral):
            raise ValueError(
                f"The 'checkpoint' parameter of {type(self).__name__} needs an int for "
                f"'random_state', by which fits are told apart, got "
                f"{self.random_state!r}."
            )
        start = tensors_to_arrays(dict(self.net_.module_.state_dict()))
        return type(self).__qualname__, params, self.random_state, start, X, y, weight

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
        if getattr(self, "module", None) is None:
            return
        self.net_.module_.eval()
        with torch.no_grad():
            X, _, _ = next(train.ordered())
            shape = tuple(self.net_.module_(X[:2]).shape)
        expected = (len(X[:2]), self._n_raw_outputs)
        if shape != expected:
            raise ValueError(
                f"The 'module' parameter of {type(self).__name__} must make a network "
                f"that maps {len(X[:2])} rows to outputs of shape {expected}, got "
                f"{shape}."
            )

    # -- prediction and persistence --------------------------------------------------

    def _raw_output(self, X: Any) -> Tensor:
        """Return the network's raw outputs, of shape (n_rows, n_raw_outputs)."""
        check_is_fitted(self)
        X = self._check_predict_input(X)
        dtype = getattr(torch, self._dtype)
        device = torch.device(self._device)
        cost = self._batch_cost(min(X.shape[0], _PREDICT_ROWS)) / 3
        outputs = []
        with torch.inference_mode(), limited_threads(device, cost):
            for start in range(0, X.shape[0], _PREDICT_ROWS):
                part = X[start : start + _PREDICT_ROWS]
                part = part.toarray() if sp.issparse(part) else part
                tensor = as_tensor(part, dtype, self._device)
                outputs.append(self._trained.raw_outputs(tensor))
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

    @property
    def _trained(self) -> Any:
        """The net, or what stands for it as long as nobody asks for a skorch net."""
        return vars(self).get("_lean_net") or self.net_

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
        with _making_full_nets:
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
