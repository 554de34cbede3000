"""Joint fits of dense networks."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import clone

from sklearn_dl._numba import Setting
from sklearn_dl._skorch._dense_program import DenseProgram, make_setting
from sklearn_dl._skorch._estimator import BaseNeural
from sklearn_dl._skorch._lean_net import LeanNet, Orders
from sklearn_dl._skorch._optimizers import optimizer_options
from sklearn_dl._skorch._options import TrainingOptions
from sklearn_dl._skorch._runtime import limited_blas, resolve_device
from sklearn_dl.base import JointFitMixin
from sklearn_dl.modules import SquaredError, make_activation
from sklearn_dl.utils._origin import has_own_fit
from sklearn_dl.utils._sklearn import (
    InvalidParameterError,
    validate_parameter_constraints,
)

__all__ = ["BaseDense"]

# Places of rows, of eight bytes, in the orders of all epochs of a fit.
_INDICES_KEPT = 4_000_000


class BaseDense(JointFitMixin, BaseNeural):
    """Base class of the estimators whose network is dense, with joint fits.

    On a CPU each network trains by itself, in compiled code that leaves nothing to be
    gained from a batch of networks. What candidates share are the checked data, and
    what they are spared is all that a net needs beyond its weights. The weights are the
    same, bit by bit, as those of a fit alone.
    """

    module: Any
    activation: str
    batch_norm: bool
    layer_norm: bool
    device: str
    warm_start: bool

    @abstractmethod
    def _dense_network(self) -> tuple[list[int], list[float]]:
        """Return units and dropout of the hidden layers."""

    @abstractmethod
    def _draw_parameters(
        self, sizes: Sequence[int], random_state: np.random.RandomState, seed: int
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw initial weights (n_out, n_in) and biases (n_out,) of each layer."""

    def joint_fit_groups(self, candidates: Sequence[dict[str, Any]]) -> list[list[int]]:
        """Say which candidates are fitted together.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        Returns
        -------
        groups : list of list of int
            Positions of the candidates whose training is compiled, each by itself:
            any of them can share a call of :meth:`fit_candidates`. Not compiled are
            networks of the user's own, normalised layers, an average of the weights,
            some solvers and activations, a GPU, callbacks and checkpoints.
        """
        if hasattr(self, "_skl_callbacks") or not has_own_fit(self):
            return []
        check = self._parameter_check()
        return [
            [k]
            for k, params in enumerate(candidates)
            if self._is_compiled(params, check)
        ]

    def _parameter_check(self) -> Callable[[dict[str, Any]], None]:
        """Return a check of a candidate's parameters; all others are checked here."""
        name, others = type(self).__name__, self.get_params(deep=False)
        constraints = self._parameter_constraints
        with suppress(InvalidParameterError):
            validate_parameter_constraints(constraints, others, name)
            others = {}

        def check(params: dict[str, Any]) -> None:
            if not get_config()["skip_parameter_validation"]:
                validate_parameter_constraints(constraints, others | params, name)

        return check

    def _is_compiled(
        self, params: dict[str, Any], check: Callable[[dict[str, Any]], None]
    ) -> bool:
        """Return whether these parameters are valid, and all of them compiled."""
        try:
            check(params)
            twin = type(self)(**(self.get_params(deep=False) | params))
            # Which loss it is, the target says; any will do here.
            return twin._is_plain(twin._training_options(n_rows=1), SquaredError())
        except Exception:
            # Whoever fits it says what is wrong.
            return False

    def _is_plain(self, options: TrainingOptions, criterion: Any) -> bool:
        """Return whether the network and its training are compiled throughout."""
        unusual = (
            self.module is not None
            or self.batch_norm
            or self.layer_norm
            or self.warm_start
            or options.verbose
            or options.callbacks
            or options.checkpoint is not None
            or options.ema_decay is not None
            or options.mixed_precision is not None
            or options.solver == "lbfgs"
            or getattr(self, "loss", None) == "focal"
            or resolve_device(self.device).type != "cpu"
        )
        return not unusual and self._setting(options, criterion) is not None

    def fit_candidates(  # type: ignore[override]
        self,
        candidates: Sequence[dict[str, Any]],
        X: Any,
        y: Any,
        sample_weight: Any = None,
    ) -> Iterator[tuple[int, Any]]:
        """Fit a clone of this estimator with each set of parameters.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Yields
        ------
        position : int
            Position in `candidates`.
        outcome : estimator or Exception
            The fitted estimator, or the exception that its fit ended with.
        """
        shared = _CheckedRows(X, y)
        check = self._parameter_check()
        for k, params in enumerate(candidates):
            # No name for the outcome, which would keep it while the next one is fitted.
            yield k, self._outcome(params, check, shared, sample_weight)

    def _outcome(self, *args: Any) -> Any:
        try:
            return self._fit_candidate(*args)
        except Exception as error:
            return error

    def _fit_candidate(
        self,
        params: dict[str, Any],
        check: Callable[[dict[str, Any]], None],
        shared: "_CheckedRows",
        sample_weight: Any,
    ) -> Any:
        twin: Any = clone(self).set_params(**clone(params, safe=False))
        if not has_own_fit(twin):
            return twin.fit(*shared.given, sample_weight=sample_weight)
        check(params)
        return twin._fit_lean(shared, sample_weight)

    def _fit_lean(self, shared: "_CheckedRows", sample_weight: Any) -> Any:
        """Fit without a skorch net."""
        before = vars(self).copy()
        X, y, target = shared.check_for(self)
        options = self._training_options(X.shape[0])
        if issparse(X) or not self._is_plain(options, self._make_criterion()):
            self.__dict__ = before
            return self.fit(*shared.given, sample_weight=sample_weight)
        rows = X, y, target, sample_weight
        plan = self._plan_rows(shared.given, rows, True, False, lean=True)
        net, n_epochs = self._lean_net, options.max_epochs
        orders = shared.orders_for(net, len(plan.train), n_epochs)
        with limited_blas(self._batch_cost(plan.train.batch_size)):
            net.train(plan.train, plan.valid, plan.convergence, n_epochs, orders)
        self.n_iter_ = net.n_epochs_
        self._record(plan)
        self._report(plan)
        return self

    def _setting(self, options: TrainingOptions, criterion: Any) -> Setting | None:
        optimizer, solver_options = optimizer_options(
            options.solver, **options.solver_options
        )
        return make_setting(
            self.activation,
            criterion,
            optimizer,
            solver_options,
            decay=options.decoupled_decay,
            penalty=options.penalty,
            max_grad_norm=options.max_grad_norm,
        )

    def _make_lean_net(
        self, options: TrainingOptions, random_state: np.random.RandomState, seed: int
    ) -> LeanNet:
        """Make the network with its optimiser, and nothing else."""
        hidden, dropout = self._dense_network()
        sizes = [self.n_features_in_, *hidden, self._n_raw_outputs]
        weights, biases = self._draw_parameters(sizes, random_state, seed)
        criterion = self._make_criterion()
        setting = self._setting(options, criterion)
        assert setting is not None
        program = DenseProgram(setting, sizes, dropout, weights, biases, self._dtype)
        return LeanNet(
            program,
            make_activation(self.activation),
            criterion,
            schedule=options.schedule,
            random_state=random_state,
            shuffle=options.shuffle,
            seed=seed,
        )


class _CheckedRows:
    """The training rows of several candidates, checked and encoded once.

    Parameters
    ----------
    X, y
        As the user gave them.
    """

    def __init__(self, X: Any, y: Any):
        self.given = X, y
        self._orders: Orders | None = None
        # By what the encoding of a target depends on.
        self._known: dict[Any, tuple[Any, dict[str, Any]]] = {}

    def orders_for(self, net: LeanNet, n_rows: int, n_epochs: int) -> Orders:
        """Return the orders of the rows, the last network's if they are the same."""
        start = net.random_state, n_rows, net.shuffle
        if n_epochs * n_rows > _INDICES_KEPT:
            return Orders(*start, is_kept=False)
        if self._orders is None or self._orders.identity != Orders.identity_of(*start):
            self._orders = Orders(*start, is_kept=True)
        return self._orders

    def check_for(self, estimator: Any) -> tuple[Any, Any, torch.Tensor]:
        """Return checked X, y and the encoded target; set what the checks learn."""
        loss = getattr(estimator, "loss", None)
        if loss not in self._known:
            before = set(vars(estimator))
            X, y = estimator._check_fit_input(*self.given, reset=True)
            rows = X, y, estimator._encode_target(y, reset=True)
            learned = {k: v for k, v in vars(estimator).items() if k not in before}
            self._known[loss] = rows, learned
        rows, learned = self._known[loss]
        vars(estimator).update(learned)
        return rows
