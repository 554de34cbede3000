"""Gradients of a network's loss, by backpropagation and by differences."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from sklearn_dl._skorch._data import Batch
from sklearn_dl._skorch._estimator import BaseNeural
from sklearn_dl._skorch._net import TensorNet

__all__ = ["GradientPair", "gradient_pairs"]

# What has to be off for the loss to be one function of the weights and of all rows.
_PLAIN = {
    "callbacks": None,
    "checkpoint": None,
    "device": "cpu",
    "dtype": "float64",
    "early_stopping": False,
    "mixed_precision": None,
}


@dataclass(frozen=True)
class GradientPair:
    """Two gradients with respect to some entries of a parameter.

    Parameters
    ----------
    name : str
        The parameter's name in the network.
    shape : tuple of int
        The parameter's shape.
    analytic, numeric : ndarray of shape (n_entries,)
        The gradients by backpropagation and by central differences.
    rounding : float
        What rounding alone can make of the norm of their difference.
    """

    name: str
    shape: tuple[int, ...]
    analytic: np.ndarray
    numeric: np.ndarray
    rounding: float


def gradient_pairs(
    estimator: BaseNeural,
    X: Any,
    y: Any,
    sample_weight: Any,
    epsilon: float,
    n_checks: int,
    random_state: np.random.RandomState,
) -> list[GradientPair]:
    """Compute the gradient of each parameter twice.

    Parameters
    ----------
    estimator : BaseNeural
        With the weights of its fit, or unfitted with its initial ones.
    X, y, sample_weight
        What its ``fit`` takes.
    epsilon : float
        The step of the differences.
    n_checks : int
        Greatest number of entries of each parameter.
    random_state : numpy.random.RandomState
        Draws the entries.

    Returns
    -------
    pairs : list of GradientPair
        One for each parameter that is trained, in the network's order.
    """
    with _plain_net(estimator, X, y, sample_weight) as (net, batch):
        base, analytic = _backpropagated(net, batch)
        pairs = []
        for name, parameter in net.module_.named_parameters():
            if not parameter.requires_grad:
                continue
            n_entries = min(n_checks, parameter.numel())
            entries = random_state.choice(parameter.numel(), n_entries, replace=False)
            numeric = [
                _difference(net, batch, parameter, entry, epsilon) for entry in entries
            ]
            # Each loss is a sum with an error of some units in its last place.
            unit = 10 * np.finfo(np.float64).eps * max(abs(base), 1e-300) / epsilon
            pairs.append(
                GradientPair(
                    name,
                    tuple(parameter.shape),
                    analytic[name][entries],
                    np.array(numeric),
                    unit * np.sqrt(n_entries),
                )
            )
    return pairs


@contextmanager
def _plain_net(
    estimator: BaseNeural, X: Any, y: Any, sample_weight: Any
) -> Iterator[tuple[TensorNet, Batch]]:
    """Prepare a copy of the estimator's net in float64, and one batch of all rows."""
    fitted = hasattr(estimator, "net_")
    twin = deepcopy(estimator) if fitted else clone(estimator)
    names = _PLAIN.keys() & twin.get_params(deep=False).keys()
    twin.set_params(**{name: _PLAIN[name] for name in names})
    if fitted:
        twin._device, twin._dtype = "cpu", "float64"
        net = twin.net_
        net.set_params(device="cpu", dtype=torch.float64)
        net.module_.to("cpu", torch.float64)
        net.criterion_.to("cpu", torch.float64)
    with twin._prepared(X, y, sample_weight, incremental=fitted) as plan:
        batch = plan.train.everything()
        twin.net_._set_training(True)
        for module in twin.net_.module_.modules():
            if isinstance(module, _DropoutNd):
                module.eval()
        yield twin.net_, batch


def _loss(net: TensorNet, batch: Batch) -> torch.Tensor:
    # A module that draws random numbers draws the same ones each time.
    torch.default_generator.manual_seed(0)
    return net.training_loss(batch)


def _penalty(net: TensorNet, batch: Batch) -> float:
    """Add the penalty's gradient to the others; return its value."""
    if net.penalty is None:
        return 0.0
    X, _, weight = batch
    n = len(X) if weight is None else max(weight.sum().item(), 1e-12)
    matrices = (p for p in net.module_.parameters() if p.requires_grad and p.ndim > 1)
    return float(net.penalty.add_gradient(matrices, n))


def _backpropagated(
    net: TensorNet, batch: Batch
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the loss, and the flat gradient of each parameter."""
    net.module_.zero_grad(set_to_none=True)
    loss = _loss(net, batch)
    if loss.requires_grad:
        loss.backward()
    value = loss.item() + _penalty(net, batch)
    gradients = {
        name: np.zeros(p.numel()) if p.grad is None else p.grad.numpy().ravel().copy()
        for name, p in net.module_.named_parameters()
    }
    return value, gradients


@torch.no_grad()
def _difference(
    net: TensorNet, batch: Batch, parameter: nn.Parameter, entry: int, epsilon: float
) -> float:
    """Return the central difference of the loss in one entry of a parameter."""
    place = np.unravel_index(entry, parameter.shape)
    found = parameter[place].item()
    losses = []
    for step in (epsilon, -epsilon):
        parameter[place] = found + step
        losses.append(_loss(net, batch).item() + _penalty(net, batch))
    parameter[place] = found
    return (losses[0] - losses[1]) / (2 * epsilon)
