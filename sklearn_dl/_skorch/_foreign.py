"""Nets of the user's own: sizes, row weights and state of any skorch net."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from sklearn_dl._skorch._state import arrays_to_tensors, tensors_to_arrays
from sklearn_dl.modules import weighted_mean

__all__ = [
    "foreign_state",
    "load_foreign_state",
    "set_sizes",
    "weighted_rows",
]


def set_sizes(net: NeuralNet, sizes: dict[str, int]) -> None:
    """Tell a net's module its sizes, where it asks for them and nobody has.

    Parameters
    ----------
    net : skorch.NeuralNet
        A net that is not initialised.
    sizes : dict
        Values for arguments of the module, by name.
    """
    if isinstance(net.module, nn.Module):
        return
    arguments = inspect.signature(net.module).parameters
    given = net.get_params_for("module")
    missing = {
        f"module__{name}": size
        for name, size in sizes.items()
        if name in arguments and name not in given
    }
    net.set_params(**missing)


@contextmanager
def weighted_rows(net: NeuralNet) -> Iterator[None]:
    """Let a net take ``{"X": rows, "sample_weight": weights}`` for its X.

    Raises
    ------
    TypeError
        If the criterion cannot give one loss a row.
    """
    criterion = net.criterion_
    if not hasattr(criterion, "reduction"):
        raise TypeError(
            f"sample_weight needs a criterion with the attribute 'reduction', so that "
            f"it can give one loss a row; got {type(criterion).__name__}."
        )
    infer, reduction = net.infer, criterion.reduction

    def infer_rows(x: Any, **params: Any) -> Any:
        return infer(x["X"], **params)

    def weighted_loss(
        y_pred: Any, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        criterion.reduction = "none"
        try:
            losses = type(net).get_loss(net, y_pred, y_true, X=X, training=training)
        finally:
            criterion.reduction = reduction
        rows = losses.reshape(len(losses), -1).mean(dim=1)
        return weighted_mean(rows, X["sample_weight"].to(rows))

    net.infer, net.get_loss = infer_rows, weighted_loss
    try:
        yield
    finally:
        del net.infer, net.get_loss


def foreign_state(net: NeuralNet) -> dict[str, Any]:
    """Return the state of all modules, criteria and optimisers as plain data."""
    parts = [*net._modules, *net._criteria, *net._optimizers]
    return {
        "parts": {
            name: tensors_to_arrays(dict(getattr(net, f"{name}_").state_dict()))
            for name in parts
        },
        "history": [dict(row) for row in net.history],
    }


def load_foreign_state(net: NeuralNet, state: dict[str, Any]) -> None:
    """Put an initialised net where :func:`foreign_state` found its twin."""
    for name, part in state["parts"].items():
        part = arrays_to_tensors(part)
        with torch.no_grad():
            getattr(net, f"{name}_").load_state_dict(part)
    net.history.clear()
    net.history.extend(state["history"])
