"""The compiled training of dense networks, and what it covers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sklearn_dl._numba import (
    Activation,
    Loss,
    Rule,
    Setting,
    Solver,
    scratch_size,
    train_epochs,
)
from sklearn_dl._skorch._data import Batches
from sklearn_dl._skorch._optimizers import SGD, Adam
from sklearn_dl.modules import (
    ACTIVATIONS,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    DenseNetwork,
    HuberError,
    PinballError,
    PoissonDeviance,
    SquaredError,
)

__all__ = ["DenseProgram", "NetProgram", "make_setting"]

_NEVER = Rule(best=np.inf, n_unimproved=0, tol=0.0, patience=np.inf)
_ACTIVATIONS = {kind.name.lower(): kind for kind in Activation}
_SOLVERS: dict[type[torch.optim.Optimizer], Solver] = {
    torch.optim.SGD: Solver.SGD,
    SGD: Solver.SGD,
    Adam: Solver.ADAM,
    torch.optim.AdamW: Solver.ADAMW,
}
# Losses with the one number that some of them depend on.
_LOSSES: dict[type[nn.Module], tuple[Loss, str | None]] = {
    CrossEntropy: (Loss.CROSS_ENTROPY, "label_smoothing"),
    BinaryCrossEntropy: (Loss.BINARY_CROSS_ENTROPY, "label_smoothing"),
    SquaredError: (Loss.SQUARED, None),
    PoissonDeviance: (Loss.POISSON, None),
    AbsoluteError: (Loss.ABSOLUTE, None),
    HuberError: (Loss.HUBER, "delta"),
    PinballError: (Loss.PINBALL, "quantile"),
}
# In which groups of parameters may differ.
_OF_A_GROUP = ("params", "weight_decay")
# What torch's optimisers can do beside what is compiled.
_UNUSED = {"amsgrad": False, "maximize": False, "dampening": 0}


def make_setting(
    activation: str,
    criterion: nn.Module,
    optimizer: type[torch.optim.Optimizer],
    options: dict[str, Any],
    *,
    decay: float = 0.0,
    penalty: Any = None,
    max_grad_norm: float | None = None,
) -> Setting | None:
    """Describe a training to the compiled code.

    Parameters
    ----------
    activation : str
        The activation of the hidden layers.
    criterion : WeightedLoss
        The loss.
    optimizer : type
        The optimiser's class.
    options : dict
        Its options, as torch names them.
    decay : float, default=0.0
        Decoupled decay of the weights.
    penalty : Penalty, default=None
        The elastic net.
    max_grad_norm : float, default=None
        Gradients are scaled down to this norm.

    Returns
    -------
    setting : Setting or None
        None where a part is not among those that are compiled.
    """
    known = (
        activation in _ACTIVATIONS
        and type(criterion) in _LOSSES
        and optimizer in _SOLVERS
        and not getattr(criterion, "focal_gamma", 0.0)
        and all(options.get(name, value) == value for name, value in _UNUSED.items())
    )
    if not known:
        return None
    loss, option = _LOSSES[type(criterion)]
    beta_1, beta_2 = options.get("betas", (0.0, 0.0))
    alpha, l1_ratio = (penalty.alpha, penalty.l1_ratio) if penalty else (0.0, 0.0)
    return Setting(
        activation=int(_ACTIVATIONS[activation]),
        loss=int(loss),
        solver=int(_SOLVERS[optimizer]),
        loss_option=float(getattr(criterion, option)) if option else 0.0,
        momentum=float(options.get("momentum", 0.0)),
        nesterov=bool(options.get("nesterov", False)),
        rate_in_velocity=optimizer is SGD,
        beta_1=float(beta_1),
        beta_2=float(beta_2),
        # Adam's own, before it is divided for torch.
        epsilon=float(options.get("epsilon", options.get("eps", 0.0))),
        decay=float(decay),
        squares=float(alpha * (1 - l1_ratio)),
        absolutes=float(alpha * l1_ratio),
        greatest_norm=float("inf") if max_grad_norm is None else float(max_grad_norm),
    )


class DenseProgram:
    """A dense network with its optimiser, as flat arrays that compiled code trains.

    Parameters
    ----------
    setting : Setting
        Activation, loss and solver.
    sizes : sequence of int
        Inputs, units of each hidden layer, outputs.
    dropout : sequence of float
        The probability to drop an output of each hidden layer.
    weights : sequence of ndarray of shape (n_out, n_in)
        Initial weights; they are copied.
    biases : sequence of ndarray of shape (n_out,)
        Initial biases; they are copied.
    dtype : numpy.dtype
        The type to compute in.
    """

    def __init__(
        self,
        setting: Setting,
        sizes: Sequence[int],
        dropout: Sequence[float],
        weights: Sequence[NDArray[Any]],
        biases: Sequence[NDArray[Any]],
        dtype: Any,
    ):
        self.setting = setting
        self.sizes = np.array(sizes, dtype=np.int64)
        self.dropout = np.array(dropout, dtype=np.float64)
        parts = [part.ravel() for part in (*weights, *biases)]
        n_params = sum(part.size for part in parts)
        self.params, self.first, self.second = (
            _aligned(n_params, np.dtype(dtype)) for _ in range(3)
        )
        np.concatenate(parts, out=self.params, casting="same_kind")
        self._scratch = np.empty(0, self.params.dtype)
        self.n_steps = 0
        self.last_rate = 0.0

    def views(self, flat: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return weight and bias of each layer, as views of a flat array."""
        pairs = list(pairwise(self.sizes.tolist()))
        ends = np.cumsum([a * b for a, b in pairs] + [b for _, b in pairs])
        parts = np.split(flat, ends[:-1])
        n = len(pairs)
        return [
            (part.reshape(b, a), bias)
            for part, bias, (a, b) in zip(parts[:n], parts[n:], pairs, strict=True)
        ]

    def run_epochs(
        self,
        batches: Batches,
        orders: NDArray[Any],
        rates: NDArray[Any],
        seeds: NDArray[Any],
        rule: Rule = _NEVER,
    ) -> NDArray[Any]:
        """Go through the rows, until the loss no longer improves.

        Parameters
        ----------
        batches : Batches
            The rows.
        orders : ndarray of shape (n_epochs, n_rows)
            Their order in each epoch.
        rates : ndarray of shape (n_epochs, n_batches)
            The learning rate of each batch.
        seeds : ndarray of shape (n_epochs,), dtype uint64
            Of the dropout in each epoch.
        rule : Rule, default=never
            When to stop.

        Returns
        -------
        losses : ndarray of shape (n_done,)
            The mean loss, with the penalty, of each epoch that was run.
        """
        n_values = scratch_size(self.sizes, np.diff(batches.starts).max())
        if len(self._scratch) != n_values:
            self._scratch = _aligned(n_values, self.params.dtype)
        losses = np.empty(len(orders))
        n_done = train_epochs(
            self.setting,
            self.sizes,
            self.dropout,
            *batches.arrays(),
            orders,
            batches.starts,
            rates,
            self.last_rate,
            self.params,
            self.first,
            self.second,
            self.n_steps,
            seeds,
            self._scratch,
            rule,
            losses,
        )
        self.n_steps += n_done * rates.shape[1]
        self.last_rate = float(rates[n_done - 1, -1])
        return losses[:n_done]


def _aligned(n_values: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return zeros that begin where a cache line does."""
    line = 64
    memory = np.zeros(n_values * dtype.itemsize + line, dtype=np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + n_values * dtype.itemsize].view(dtype)


class NetProgram(DenseProgram):
    """The program of a :class:`TensorNet`, whose tensors become views of its arrays.

    Parameters
    ----------
    net : TensorNet
        The net; see :meth:`of`.
    setting : Setting
        What it does.
    """

    def __init__(self, net: Any, setting: Setting):
        self.optimizer = net.optimizer_
        self.layers = net.module_.linear
        weights = [layer.weight.detach().numpy() for layer in self.layers]
        biases = [layer.bias.detach().numpy() for layer in self.layers]
        sizes = [weights[0].shape[1], *(len(weight) for weight in weights)]
        super().__init__(
            setting, sizes, net.module_.dropout, weights, biases, weights[0].dtype
        )
        self._share()

    @classmethod
    def of(cls, net: Any) -> "NetProgram | None":
        """Return the program of a net, or None where something is not compiled.

        Parameters
        ----------
        net : TensorNet
            An initialised net.
        """
        setting = cls.setting_of(net)
        return None if setting is None else cls(net, setting)

    @staticmethod
    def setting_of(net: Any) -> Setting | None:
        """Describe the training of a net, or return None."""
        module, optimizer = net.module_, net.optimizer_
        decays = _decays(module, optimizer)
        if (
            type(module) is not DenseNetwork
            or not _is_as_made(module)
            or decays is None
            or torch.device(net.device).type != "cpu"
            or net.mixed_precision is not None
            or net.ema_decay is not None
        ):
            return None
        of_weights, of_biases = decays
        decoupled = type(optimizer) is torch.optim.AdamW
        if of_biases or (of_weights and not decoupled):
            return None
        return make_setting(
            module.activation,
            net.criterion_,
            type(optimizer),
            optimizer.param_groups[0],
            decay=of_weights,
            penalty=net.penalty,
            max_grad_norm=net.max_grad_norm,
        )

    def take_over(self, other: DenseProgram) -> None:
        """Go on from where another program of the same network is."""
        for name in ("params", "first", "second"):
            getattr(self, name)[:] = getattr(other, name)
        self.n_steps, self.last_rate = other.n_steps, other.last_rate
        self._count()

    def _share(self) -> None:
        """Let the net's parameters and the optimiser's state be views."""
        moments = {"exp_avg": self.first, "exp_avg_sq": self.second}
        if self.setting.solver == Solver.SGD:
            moments = {"momentum_buffer": self.first} if self.setting.momentum else {}
        parameters = [p for layer in self.layers for p in (layer.weight, layer.bias)]
        known = self.optimizer.state
        for p, view in zip(parameters, self._flatten(self.params), strict=True):
            p.data = torch.from_numpy(view)
        for name, flat in moments.items():
            for p, view in zip(parameters, self._flatten(flat), strict=True):
                if known[p].get(name) is not None:
                    view[:] = known[p][name].numpy()
                known[p][name] = torch.from_numpy(view)
        group = self.optimizer.param_groups[0]
        self.last_rate = float(group.get("last_lr", group["lr"]))
        if self.setting.solver != Solver.SGD:
            count = known[parameters[0]].get("step")
            self.n_steps = 0 if count is None else int(count)
        elif any("last_lr" in group for group in self.optimizer.param_groups):
            self.n_steps = 1
        self._count()

    def _flatten(self, flat: NDArray[Any]) -> list[NDArray[Any]]:
        return [view for pair in self.views(flat) for view in pair]

    def _count(self) -> None:
        """Tell the optimiser how many steps it has taken."""
        for group in self.optimizer.param_groups:
            if self.setting.solver == Solver.ADAM:
                group["t"] = self.n_steps
                group["epsilon"] = self.setting.epsilon
            elif self.setting.rate_in_velocity and self.n_steps:
                group["last_lr"] = self.last_rate
            if self.setting.solver != Solver.SGD:
                for p in group["params"]:
                    self.optimizer.state[p]["step"] = torch.tensor(float(self.n_steps))

    def run_epochs(self, *args: Any, **options: Any) -> NDArray[Any]:
        """Go through the rows, see :meth:`DenseProgram.run_epochs`."""
        losses = super().run_epochs(*args, **options)
        self._count()
        return losses


def _is_as_made(module: DenseNetwork) -> bool:
    """Return whether nobody has a say in what a network computes."""
    hooks = (
        "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
    )  # fmt: skip
    if module.normalised or any(
        getattr(part, name) for part in module.modules() for name in hooks
    ):
        return False
    activation = ACTIVATIONS[module.activation]
    dropped = [[nn.Dropout] if rate else [] for rate in module.dropout]
    expected = [[activation, *behind] for behind in dropped]
    found = [
        [type(step) for step in after]
        if type(after) is nn.Sequential
        else [type(after)]
        for after in module.after
    ]
    return (
        found == expected
        and all(type(layer) is nn.Linear for layer in module.dense)
        and all(
            p.requires_grad
            and not p._backward_hooks
            and not getattr(p, "_post_accumulate_grad_hooks", None)
            for p in module.parameters()
        )
    )


def _decays(
    module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[float, float] | None:
    """Return the decay of weights and of biases; None where the groups are unusual."""
    groups = optimizer.param_groups
    kept = [p for group in groups for p in group["params"]]
    options = [
        {name: value for name, value in group.items() if name not in _OF_A_GROUP}
        for group in groups
    ]
    decays = {
        (p.ndim > 1, float(group.get("weight_decay", 0.0)))
        for group in groups
        for p in group["params"]
    }
    usual = (
        {id(p) for p in kept} == {id(p) for p in module.parameters()}
        and all(other == options[0] for other in options)
        and len(decays) == 2
        and not optimizer._optimizer_step_pre_hooks
        and not optimizer._optimizer_step_post_hooks
    )
    by_kind = dict(decays)
    return (by_kind[True], by_kind[False]) if usual else None
