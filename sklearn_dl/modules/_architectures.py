"""Convolutional networks by name, from a list of layers, or from a function."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from sklearn_dl.modules._classic_networks import (
    alexnet,
    lenet5,
    vgg11,
    vgg13,
    vgg16,
    vgg19,
)
from sklearn_dl.modules._densenet import densenet121, densenet169, densenet201
from sklearn_dl.modules._inception import inception, inception_v3
from sklearn_dl.modules._layer_list import build_layers
from sklearn_dl.modules._mobilenet import mobilenet, mobilenet_v2
from sklearn_dl.modules._residual_networks import (
    plain20,
    resnet18,
    resnet20,
    resnet34,
    resnet50,
    resnet56,
    resnet101,
    resnet152,
)
from sklearn_dl.modules._signal_networks import fcn, inceptiontime
from sklearn_dl.modules._xception import xception

__all__ = ["ARCHITECTURES", "make_convolutional"]

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    function.__name__: function
    for function in (
        lenet5,
        alexnet,
        vgg11,
        vgg13,
        vgg16,
        vgg19,
        resnet18,
        resnet34,
        resnet50,
        resnet101,
        resnet152,
        resnet20,
        resnet56,
        plain20,
        inception,
        inception_v3,
        densenet121,
        densenet169,
        densenet201,
        mobilenet,
        mobilenet_v2,
        xception,
        fcn,
        inceptiontime,
    )
}


def make_convolutional(
    architecture: str
    | Sequence[str | Mapping[str, Any]]
    | Callable[[tuple[int, ...], int], nn.Module],
    input_shape: Sequence[int],
    n_outputs: int,
    *,
    dropout: float | None = None,
) -> nn.Module:
    """Return a convolutional network.

    Parameters
    ----------
    architecture : str, list or callable
        A key of ``ARCHITECTURES``; or a list of descriptions of layers, see
        :func:`build_layers`; or a function of `input_shape` and `n_outputs` that
        returns a module.
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop a value in front of the dense layers during training; None
        is what the architecture was published with.

    Returns
    -------
    network : torch.nn.Module
        The network. A named one and one from a list have ``head`` and
        ``forward_features``.

    Raises
    ------
    ValueError
        If there is no such architecture, if it cannot take inputs of this shape, or if
        `dropout` is given with a function.
    TypeError
        If `architecture` is none of the above, or the function returns no module.

    Examples
    --------
    >>> from sklearn_dl.modules import make_convolutional
    >>> make_convolutional("lenet5", (1, 28, 28), 10).head
    Linear(in_features=84, out_features=10, bias=True)
    """
    shape = tuple(int(size) for size in input_shape)
    if isinstance(architecture, str):
        if architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture must be one of {sorted(ARCHITECTURES)}, a list of "
                f"layers or a function, got {architecture!r}."
            )
        return ARCHITECTURES[architecture](shape, n_outputs, dropout=dropout)
    if isinstance(architecture, (list, tuple)):
        return build_layers(architecture, shape, n_outputs, dropout=dropout)
    if not callable(architecture):
        raise TypeError(
            "architecture must be a name, a list of layers or a function, got "
            f"{architecture!r}."
        )
    if dropout is not None:
        raise ValueError(
            "dropout must be None where architecture is a function, which decides on "
            f"its own layers, got {dropout!r}."
        )
    network = architecture(shape, n_outputs)
    if not isinstance(network, nn.Module):
        raise TypeError(
            "architecture, a function, must return a torch.nn.Module, got "
            f"{type(network).__name__}."
        )
    return network
