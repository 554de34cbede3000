"""Activation functions by name."""

from torch import nn

__all__ = ["ACTIVATIONS", "make_activation"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "relu6": nn.ReLU6,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "swish": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "hardswish": nn.Hardswish,
}


def make_activation(name: str) -> nn.Module:
    """Return a new module that computes the activation function `name`.

    Parameters
    ----------
    name : str
        A key of ``ACTIVATIONS``. ``"leaky_relu"`` has slope 0.01 below zero;
        ``"prelu"`` learns one slope a layer, starting at 0.25.

    Returns
    -------
    module : torch.nn.Module
        The activation. Only ``"prelu"`` has a parameter.

    Raises
    ------
    ValueError
        If there is no activation of that name.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import make_activation
    >>> make_activation("leaky_relu")(torch.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"name must be one of {sorted(ACTIVATIONS)}, got {name!r}.")
    return ACTIVATIONS[name]()
