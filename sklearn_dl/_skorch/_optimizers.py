"""Optimisers by name, with torch's classes and their options."""

import math
from typing import Any

import torch

__all__ = ["SGD", "SOLVERS", "Adam", "optimizer_options"]

# Solvers that step through batches; "lbfgs" is not among them.
SOLVERS = (
    "sgd",
    "adam",
    "adamw",
    "nadam",
    "rmsprop",
    "adagrad",
    "adadelta",
)


class Adam(torch.optim.Adam):
    """Adam with epsilon where scikit-learn has it, before the bias correction [1]_.

    The step is ``a_t m / (sqrt(v) + eps)``, ``a_t = a sqrt(1 - b2^t) / (1 - b1^t)``,
    the "efficient" order of the paper's section 2. torch corrects ``v`` first, which
    takes other steps where gradients are as small as epsilon: dividing epsilon by
    ``sqrt(1 - b2^t)`` makes up for it.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization",
       ICLR 2015.
    """

    def step(self, closure: Any = None) -> Any:
        """Take a step."""
        for group in self.param_groups:
            group["t"] = group.get("t", 0) + 1
            epsilon = group.setdefault("epsilon", group["eps"])
            group["eps"] = epsilon / math.sqrt(1 - group["betas"][1] ** group["t"])
        return super().step(closure)


class SGD(torch.optim.SGD):
    """SGD whose velocity keeps the learning rates that it was gathered with.

    This is scikit-learn's momentum, ``v = m v - a g``. torch gathers gradients and
    multiplies all of them with the rate of today, which is the same while the rate is
    constant.
    """

    def step(self, closure: Any = None) -> Any:
        """Take a step."""
        for group in self.param_groups:
            before = group.get("last_lr", group["lr"])
            if before != group["lr"]:
                for parameter in group["params"]:
                    buffer = self.state[parameter].get("momentum_buffer")
                    if buffer is not None:
                        buffer.mul_(before / group["lr"])
            group["last_lr"] = group["lr"]
        return super().step(closure)


def optimizer_options(
    solver: str,
    *,
    momentum: float = 0.9,
    nesterov: bool = True,
    rate_in_velocity: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    rho: float = 0.9,
) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return an optimiser's class and the keyword arguments to make it with.

    Parameters
    ----------
    solver : str
        One of ``SOLVERS``.
    momentum : float, default=0.9
        Momentum of ``"sgd"``.
    nesterov : bool, default=True
        Whether the momentum of ``"sgd"`` is Nesterov's.
    rate_in_velocity : bool, default=False
        Whether the momentum of ``"sgd"`` is :class:`SGD`'s rather than torch's.
    betas : tuple of two floats, default=(0.9, 0.999)
        Decay of the two moments of ``"adam"``, ``"adamw"`` and ``"nadam"``.
    epsilon : float, default=1e-8
        Added to denominators, by all but ``"sgd"``.
    rho : float, default=0.9
        Decay of the mean square of ``"rmsprop"`` and ``"adadelta"``.

    Returns
    -------
    optimizer : type
        A class of ``torch.optim``.
    options : dict
        Keyword arguments besides parameters and learning rate.
    """
    options: dict[str, Any]
    # torch takes no integers here.
    betas = float(betas[0]), float(betas[1])
    match solver:
        case "sgd":
            # torch refuses Nesterov's variant where there is no momentum.
            nesterov = nesterov and momentum > 0
            options = {"momentum": momentum, "nesterov": nesterov, "fused": True}
            return SGD if rate_in_velocity else torch.optim.SGD, options
        case "adam" | "adamw":
            options = {"betas": betas, "eps": epsilon, "fused": True}
            if solver == "adam":
                return Adam, options
            return torch.optim.AdamW, options | {"weight_decay": 0.0}
        case "nadam":
            return torch.optim.NAdam, {"betas": betas, "eps": epsilon}
        case "rmsprop":
            return torch.optim.RMSprop, {"alpha": rho, "eps": epsilon}
        case "adagrad":
            return torch.optim.Adagrad, {"eps": epsilon}
        case "adadelta":
            return torch.optim.Adadelta, {"rho": rho, "eps": epsilon}
    raise ValueError(f"solver must be one of {SOLVERS}, got {solver!r}.")
