"""Training batch by batch: the parameters that all networks share."""

import os
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklearn_dl._skorch._net import Penalty
from sklearn_dl._skorch._optimizers import SOLVERS
from sklearn_dl._skorch._options import TrainingOptions
from sklearn_dl._skorch._schedules import HORIZON_SCHEDULES, SCHEDULES, Schedule
from sklearn_dl.utils._sklearn import Interval, Options, StrOptions

__all__ = ["NETWORK_CONSTRAINTS", "TRAINING_CONSTRAINTS", "StepTraining"]

# What each parameter may be; a family takes those that it has.
TRAINING_CONSTRAINTS: dict[str, list[Any]] = {
    "solver": [StrOptions(set(SOLVERS))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable, "array-like"],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "learning_rate_decay": [None, Interval(Real, 0, None, closed="neither")],
    "learning_rate_step": [Interval(Integral, 1, None, closed="left")],
    "warmup_epochs": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "rho": [Interval(Real, 0, 1, closed="left")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_grad_norm": [None, Interval(Real, 0, None, closed="neither")],
    "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
    "device": [str],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    "mixed_precision": [None, StrOptions({"bfloat16", "float16"})],
    "callbacks": [None, list, tuple],
    "checkpoint": [None, str, os.PathLike],
}


class StepTraining:
    """What the parameters of the training mean, and which go together."""

    # Parameters of every family.
    solver: str
    alpha: float
    batch_size: int | str
    learning_rate: Any
    learning_rate_init: float
    warmup_epochs: float
    max_iter: int
    shuffle: bool
    tol: float
    verbose: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    n_iter_no_change: float
    max_grad_norm: float | None
    ema_decay: float | None
    mixed_precision: str | None
    callbacks: Any
    checkpoint: Any

    # Whether the last epoch is one too early, as for scikit-learn's networks, or what
    # the user has planned.
    _warns_unconverged = False
    # A family without a parameter of that name has the usual value.
    l1_ratio = 0.0
    power_t = 0.5
    learning_rate_decay = None
    learning_rate_step = 10
    epsilon = 1e-8
    rho = 0.9

    def _check_parameters(self) -> None:
        """Check what one parameter's constraints cannot say."""
        name = type(self).__name__
        rates = self.learning_rate
        if not isinstance(rates, str) and not callable(rates):
            positive = all(isinstance(rate, Real) and float(rate) > 0 for rate in rates)
            if len(rates) == 0 or not positive:
                raise ValueError(
                    f"learning_rate of {name}, as a list, must hold at least one rate, "
                    f"all positive, got {rates!r}."
                )
        if self.early_stopping and self.validation_fraction == 0:
            raise ValueError(
                f"validation_fraction of {name} must be positive with "
                f"early_stopping=True, got {self.validation_fraction!r}."
            )

    def _training_options(self, n_rows: int) -> TrainingOptions:
        self._check_parameters()
        kind = self.learning_rate
        if isinstance(kind, str):
            if self.solver == "adam" and kind in ("invscaling", "adaptive"):
                kind = "constant"
        elif not callable(kind):
            kind = tuple(float(rate) for rate in kind)
        planned = isinstance(kind, str) and kind in HORIZON_SCHEDULES
        decoupled = self.solver == "adamw"
        alpha, l1_ratio = self.alpha, self.l1_ratio
        if decoupled:
            # The share of the squares is the optimiser's business.
            alpha, l1_ratio = alpha * l1_ratio, 1.0
        return TrainingOptions(
            solver=self.solver,
            solver_options={
                "momentum": self.momentum,
                "nesterov": self.nesterovs_momentum,
                "rate_in_velocity": kind in ("invscaling", "adaptive"),
                "betas": (self.beta_1, self.beta_2),
                "epsilon": self.epsilon,
                "rho": self.rho,
            },
            schedule=Schedule(
                self.learning_rate_init,
                kind,
                n_epochs=self.max_iter,
                decay=self.learning_rate_decay,
                step=self.learning_rate_step,
                power_t=self.power_t,
                warmup_epochs=self.warmup_epochs,
            ),
            max_epochs=self.max_iter,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            tol=self.tol,
            patience=np.inf
            if planned and not self.early_stopping
            else self.n_iter_no_change,
            validation_fraction=self.validation_fraction
            if self.early_stopping
            else 0.0,
            adaptive=kind == "adaptive",
            warn_unconverged=self._warns_unconverged and not planned,
            penalty=Penalty(alpha, l1_ratio) if alpha else None,
            decoupled_decay=self.alpha * (1 - self.l1_ratio) if decoupled else 0.0,
            max_grad_norm=self.max_grad_norm,
            ema_decay=self.ema_decay,
            mixed_precision=self.mixed_precision,
            callbacks=tuple(self.callbacks or ()),
            checkpoint=self.checkpoint,
            verbose=bool(self.verbose),
        )

    def _has_partial_fit(self) -> bool:
        for parameter, refused in (
            ("early_stopping", self.early_stopping),
            # The average stands in for the weights when a fit ends.
            ("ema_decay", self.ema_decay is not None),
        ):
            if refused:
                raise AttributeError(
                    f"{type(self).__name__} has no partial_fit with "
                    f"{parameter}={getattr(self, parameter)!r}."
                )
        return True


# Of a family that has all parameters of the training but these usual values.
NETWORK_CONSTRAINTS = {
    name: constraint
    for name, constraint in TRAINING_CONSTRAINTS.items()
    if not hasattr(StepTraining, name)
}
