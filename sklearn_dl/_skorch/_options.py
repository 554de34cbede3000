"""How a net is trained, in one object."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn_dl._skorch._net import Penalty
from sklearn_dl._skorch._schedules import Schedule

__all__ = ["TrainingOptions"]


@dataclass(frozen=True)
class TrainingOptions:
    """How a net is trained: what an estimator makes of its parameters.

    Parameters
    ----------
    solver : str
        ``"lbfgs"`` or one of ``SOLVERS``.
    solver_options : dict
        Keyword arguments of :func:`optimizer_options`.
    schedule : Schedule
        The learning rate.
    max_epochs : int
        Greatest number of epochs.
    batch_size : int or "auto"
        Rows in a batch; "auto" is 200, or all where there are fewer.
    shuffle : bool
        Whether the rows are permuted in every epoch.
    tol, patience : float
        See :class:`Convergence`.
    validation_fraction : float
        Share of the rows that is held out; 0 for none.
    best_by_loss : bool
        Whether the loss on the held-out rows decides which epoch is the best, rather
        than the estimator's score.
    adaptive : bool
        Whether the rate is divided where training would stop.
    warn_unconverged : bool
        Whether to warn when the last epoch is reached.
    penalty, decoupled_decay, max_grad_norm, ema_decay, mixed_precision
        See :class:`TensorNet`.
    max_fun : int
        Greatest number of evaluations of the loss by "lbfgs".
    callbacks : sequence of skorch.callbacks.Callback
        The user's own.
    checkpoint : str or path or None
        Folder of checkpoints.
    verbose : bool
        Whether to write the loss after every epoch.
    """

    solver: str
    schedule: Schedule
    max_epochs: int
    solver_options: dict[str, Any] = field(default_factory=dict)
    batch_size: int | str = "auto"
    shuffle: bool = True
    tol: float = 1e-4
    patience: float = 10
    validation_fraction: float = 0.0
    best_by_loss: bool = False
    adaptive: bool = False
    warn_unconverged: bool = True
    penalty: Penalty | None = None
    decoupled_decay: float = 0.0
    max_grad_norm: float | None = None
    ema_decay: float | None = None
    mixed_precision: str | None = None
    max_fun: int = 15000
    callbacks: Sequence[Any] = ()
    checkpoint: Any = None
    verbose: bool = False
