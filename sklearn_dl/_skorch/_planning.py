"""What comes before a training: checks, encoding, the net, the rows held out."""

import numbers
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, is_regressor
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from torch import Tensor, nn

from sklearn_dl._skorch._callbacks import Convergence
from sklearn_dl._skorch._data import Batches
from sklearn_dl._skorch._lean_net import LeanNet
from sklearn_dl._skorch._net import TensorNet
from sklearn_dl._skorch._optimizers import optimizer_options
from sklearn_dl._skorch._options import TrainingOptions
from sklearn_dl._skorch._runtime import (
    resolve_device,
    resolve_dtype,
    torch_generator,
    training_context,
)
from sklearn_dl._skorch._state import CheckpointFile, tensors_to_arrays

__all__ = ["PlansTraining", "TrainingPlan"]

# Rows of a table that go through the network at once outside of training.
PREDICT_ROWS = 8192


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


class PlansTraining(CallbackSupportMixin, BaseEstimator, ABC):
    """The half of :class:`BaseNeural` that comes before a training."""

    # Where a user may give a function that makes the network.
    _module_parameter = "module"
    # What trains the network.
    _net_type: type[TensorNet] = TensorNet
    # Rows in a batch where the user does not say.
    _auto_batch_size = 200

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

    def _rows_at_once(self) -> int:
        """Return how many rows go through the network at once outside of training."""
        return PREDICT_ROWS

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

    def _plan(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool
    ) -> TrainingPlan:
        """Validate, encode and make the net: all that comes before the training."""
        given = X, y
        fresh = not hasattr(self, "net_") or not (self.warm_start or incremental)
        X, y = self._check_fit_input(X, y, reset=fresh)
        target = self._encode_target(y, reset=fresh)
        rows = X, y, target, sample_weight
        return self._plan_rows(given, rows, fresh, incremental, lean=False)

    def _plan_rows(
        self, given: Any, rows: Any, fresh: bool, incremental: bool, lean: bool
    ) -> TrainingPlan:
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
            self._dtype = str(self._resolve_dtype(X)).removeprefix("torch.")
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

    def _resolve_dtype(self, X: Any) -> torch.dtype:
        """Return the type to compute in; torch has no mixed precision of float64."""
        dtype = self.dtype
        if self.mixed_precision is not None:
            if dtype == "float64":
                raise ValueError(
                    f"mixed_precision={self.mixed_precision!r} of "
                    f"{type(self).__name__} needs dtype='float32' or 'auto', got "
                    f"'float64'."
                )
            dtype = "float32"
        return resolve_dtype(dtype, self._auto_dtype(X), torch.device(self._device))

    def _auto_dtype(self, X: Any) -> np.dtype:
        """Return the type that ``dtype="auto"`` stands for on a CPU."""
        return np.dtype(X.dtype)

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
        net = self._net_type(
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
        self, X: Any, y: Any, target: Any, weight: Any, options: TrainingOptions
    ) -> tuple[Batches, Batches | None, Callable[[Tensor], float] | None]:
        """Return training rows, and validation rows and their score if asked for."""
        if isinstance(target, Tensor) and target.is_floating_point():
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
            part(held_out, batch_size=self._rows_at_once()),
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
            return min(self._auto_batch_size, n_rows)
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

    @property
    def _trained(self) -> Any:
        """The net, or what stands for it as long as nobody asks for a skorch net."""
        return vars(self).get("_lean_net") or self.net_

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
