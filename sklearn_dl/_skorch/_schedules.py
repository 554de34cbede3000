"""Learning rates over the course of a fit, as plain functions.

Epochs count from 1; ``progress`` runs from 0 at the first batch to 1 after the last.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = [
    "HORIZON_SCHEDULES",
    "SCHEDULES",
    "Schedule",
    "annealed_factor",
    "cosine_factor",
    "coslog4_factor",
    "exponential_factor",
    "one_cycle_factor",
    "sqrt_factor",
    "step_factor",
    "time_factor",
]


def time_factor(epoch: float, decay: float = 0.1) -> float:
    """Return ``1 / (1 + decay * epoch)``."""
    return 1 / (1 + decay * epoch)


def exponential_factor(epoch: float, decay: float = 0.95) -> float:
    """Return ``decay ** epoch``; ``exp(-k * epoch)`` is ``decay = exp(-k)``."""
    return decay**epoch


def sqrt_factor(epoch: float, decay: float = 1.0) -> float:
    """Return ``decay / sqrt(epoch)``."""
    return decay / math.sqrt(epoch)


def step_factor(epoch: float, decay: float = 0.5, step: int = 10) -> float:
    """Return a staircase: the factor `decay` after every `step` epochs."""
    return decay ** ((epoch - 1) // step)


def cosine_factor(progress: float) -> float:
    """Return half a cosine wave, from 1 down to 0 [1]_.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm
       restarts", ICLR 2017.
    """
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle_factor(
    progress: float, rise: float = 0.3, start: float = 25.0, end: float = 1e4
) -> float:
    """Return one cycle: up from ``1 / start`` to 1, then down to ``1 / (start * end)``.

    Both flanks are half cosine waves, the first takes the share `rise` [1]_.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural
       networks using large learning rates", 2019.
    """
    if progress < rise:
        low, share = 1 / start, 1 - progress / rise
    else:
        low, share = 1 / (start * end), (progress - rise) / (1 - rise)
    return low + (1 - low) * cosine_factor(share)


def coslog4_factor(progress: float) -> float:
    """Return four cosine waves, each twice as long as the one before [1]_.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024,
       arXiv 2407.04491.
    """
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


def annealed_factor(progress: float) -> float:
    """Return ``(1 + 10 progress) ** -0.75``, of adversarial adaptation [1]_.

    References
    ----------
    .. [1] Y. Ganin et al., "Domain-adversarial training of neural networks", JMLR 17
       (59), 2016.
    """
    return (1 + 10 * progress) ** -0.75


_EPOCH_FACTORS: dict[str, Callable[..., float]] = {
    "time": time_factor,
    "exponential": exponential_factor,
    "sqrt": sqrt_factor,
    "step": step_factor,
}
_PROGRESS_FACTORS: dict[str, Callable[[float], float]] = {
    "cosine": cosine_factor,
    "one_cycle": one_cycle_factor,
    "coslog4": coslog4_factor,
    "annealed": annealed_factor,
}
# What a network without another domain has no use for.
_OF_ADAPTATION = ("annealed",)

SCHEDULES = (
    "constant",
    "invscaling",
    "adaptive",
    *_EPOCH_FACTORS,
    *(name for name in _PROGRESS_FACTORS if name not in _OF_ADAPTATION),
)

# These are planned for a whole fit of max_iter epochs.
HORIZON_SCHEDULES = tuple(_PROGRESS_FACTORS)


@dataclass(frozen=True)
class Schedule:
    """The learning rate at every moment of a fit.

    Parameters
    ----------
    initial : float
        The rate that the schedule multiplies.
    kind : str, callable or sequence of float, default="constant"
        A name in ``SCHEDULES``; or a function of the epoch, counted from 1, that
        returns the rate; or the rates of the first epochs, the last of which holds
        from there on. ``"adaptive"`` is constant here: who watches the loss divides
        the rate.
    n_epochs : int, default=1
        The length of the fit that the cosine schedules are planned for.
    decay : float, default=None
        The strength of ``"time"``, ``"exponential"``, ``"sqrt"`` and ``"step"``; None
        takes the default of the function of that name.
    step : int, default=10
        Epochs between two steps of ``"step"``.
    power_t : float, default=0.5
        The exponent of ``"invscaling"``.
    warmup_epochs : float, default=0
        The rate rises linearly from 0 over this many epochs.
    """

    initial: float
    kind: str | Callable[[int], float] | Sequence[float] = "constant"
    n_epochs: int = 1
    decay: float | None = None
    step: int = 10
    power_t: float = 0.5
    warmup_epochs: float = 0.0

    @property
    def is_constant(self) -> bool:
        """Whether the rate is always the initial one."""
        return self.kind in ("constant", "adaptive") and not self.warmup_epochs

    def rate(self, elapsed: float, n_seen: int = 0, batch: float = 0.0) -> float:
        """Return the learning rate.

        Parameters
        ----------
        elapsed : float
            Epochs since the beginning; 2.5 is the middle of the third epoch.
        n_seen : int, default=0
            Rows seen in the epochs before this one, for ``"invscaling"``.
        batch : float, default=0.0
            The share of an epoch that the coming batch takes: the warm-up counts it,
            lest the first batch have rate 0.

        Returns
        -------
        rate : float
            The learning rate.
        """
        rate = self._planned(elapsed, n_seen)
        if elapsed + batch < self.warmup_epochs:
            rate *= (elapsed + batch) / self.warmup_epochs
        return rate

    def _planned(self, elapsed: float, n_seen: int) -> float:
        epoch = int(elapsed) + 1
        if callable(self.kind):
            return float(self.kind(epoch))
        if not isinstance(self.kind, str):
            return float(self.kind[min(epoch, len(self.kind)) - 1])
        if self.kind == "invscaling":
            return (
                self.initial / (n_seen + 1) ** self.power_t if n_seen else self.initial
            )
        if self.kind in _PROGRESS_FACTORS:
            progress = min(elapsed / self.n_epochs, 1.0)
            return self.initial * _PROGRESS_FACTORS[self.kind](progress)
        if self.kind in _EPOCH_FACTORS:
            options = {} if self.decay is None else {"decay": self.decay}
            if self.kind == "step":
                options["step"] = self.step
            return self.initial * _EPOCH_FACTORS[self.kind](epoch, **options)
        return self.initial
