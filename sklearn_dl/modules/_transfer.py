"""What a trained network is made of, and a network that goes on from it."""

import copy
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from torch import Tensor, nn

from sklearn_dl.modules._image_model import ImageModel
from sklearn_dl.modules._inception import AuxiliaryClassifier
from sklearn_dl.modules._sequence_model import SequenceModel
from sklearn_dl.modules._tabular import NTKLinear

__all__ = [
    "LayerProbe",
    "TunedNetwork",
    "find_blocks",
    "find_output_layer",
    "inner_path",
]

# What the output layer is called in published networks, or what holds it.
_OUTPUT_NAMES = ("head", "fc", "classifier")


def inner_path(module: nn.Module) -> str:
    """Return where in a module the network itself is.

    Parameters
    ----------
    module : torch.nn.Module
        A network, perhaps behind what prepares rows for it.

    Returns
    -------
    path : str
        A dotted name with a dot behind it; empty where the module is the network.
    """
    if isinstance(module, (ImageModel, SequenceModel)):
        return "network." + inner_path(module.network)
    if isinstance(module, TunedNetwork):
        return "model." + inner_path(module.model)
    return ""


def find_output_layer(module: nn.Module) -> str:
    """Return the dotted name of a network's output layer.

    It is the last dense layer in what is called ``head``, ``fc`` or ``classifier``, or
    else in the whole network.

    Parameters
    ----------
    module : torch.nn.Module
        A network, perhaps behind what prepares rows for it.

    Returns
    -------
    name : str
        As :meth:`torch.nn.Module.get_submodule` takes it.

    Raises
    ------
    ValueError
        If there is no dense layer.

    Examples
    --------
    >>> from sklearn_dl.modules import DenseNetwork
    >>> from sklearn_dl.modules._transfer import find_output_layer
    >>> find_output_layer(DenseNetwork(4, [8, 8], 3))
    'dense.2'
    """
    prefix = inner_path(module)
    network = module.get_submodule(prefix.rstrip("."))
    named = [
        f"{prefix}{name}"
        for name in _OUTPUT_NAMES
        if isinstance(getattr(network, name, None), nn.Module)
    ]
    for start in (*named, prefix.rstrip(".")):
        dense = [
            name
            for name, layer in module.get_submodule(start).named_modules()
            if isinstance(layer, (nn.Linear, NTKLinear))
        ]
        if dense:
            return ".".join(filter(None, (start, dense[-1])))
    raise ValueError(
        f"{type(network).__name__} has no dense layer that could be its output layer."
    )


class _Reached(Exception):
    """Carries what a layer was given or has returned out of a network."""

    def __init__(self, value: Any):
        self.value = value


class LayerProbe:
    """What a layer of a network is given, or what it returns.

    The network is left alone, so that others may use it at the same time: the modules
    on the way to the layer are copies, which share all weights. What comes behind the
    layer is not computed.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    name : str
        Dotted name of the layer.
    of_input : bool, default=False
        Whether what the layer takes is wanted, and not what it returns.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules._transfer import LayerProbe
    >>> network = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(2, 1))
    >>> LayerProbe(network, "1")(torch.tensor([[-1.0, 2.0]]))
    tensor([[0., 2.]])
    """

    def __init__(self, module: nn.Module, name: str, *, of_input: bool = False):
        self.name = name
        self.module = layer = _sharing_copy(module)
        for step in name.split("."):
            parent, layer = layer, _sharing_copy(layer.get_submodule(step))
            parent._modules[step] = layer
        if isinstance(self.module, ImageModel):
            # The row itself, not views of it.
            self.module.n_views = 1
        if of_input:
            layer.register_forward_pre_hook(_stop_before)
        else:
            layer.register_forward_hook(_stop_behind)

    def __call__(self, X: Any) -> Any:
        """Return the activations for a batch, at the first time that it gets there.

        Raises
        ------
        ValueError
            If the network does not use the layer.
        """
        try:
            self.module(X)
        except _Reached as reached:
            return reached.value
        raise ValueError(f"the network does not use its layer {self.name!r}.")


def _sharing_copy(module: nn.Module) -> nn.Module:
    twin: nn.Module = object.__new__(type(module))
    tables = ("_modules", "_forward_hooks", "_forward_pre_hooks")
    own = {name: copy.copy(vars(module)[name]) for name in tables}
    twin.__dict__.update(vars(module) | own)
    return twin


def _stop_before(_layer: nn.Module, inputs: Any) -> None:
    raise _Reached(inputs[0])


def _stop_behind(_layer: nn.Module, _inputs: Any, output: Any) -> None:
    raise _Reached(output)


def find_blocks(module: nn.Module, output_layer: str) -> list[list[str]]:
    """Cut a network into the blocks that are frozen or trained as a whole.

    A block is a layer, or a piece of several layers such as a residual block. Pieces
    without a matrix of weights (normalisations, activations, dropout) belong to the
    block before them. Sequences are opened, and so is what is the only block. Blocks
    are in the order in which the network lists them.

    Parameters
    ----------
    module : torch.nn.Module
        A network, perhaps behind what prepares rows for it.
    output_layer : str
        Dotted name of its output layer, which is in no block.

    Returns
    -------
    blocks : list of list of str
        Dotted names of the modules of each block, the block at the input first.

    Examples
    --------
    >>> from torch import nn
    >>> from sklearn_dl.modules._transfer import find_blocks
    >>> layers = [nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8)]
    >>> find_blocks(nn.Sequential(*layers, nn.Linear(8, 3)), "4")
    [['0', '1', '2'], ['3']]
    """
    start = inner_path(module).rstrip(".")
    while True:
        blocks = _grouped(module, _pieces(module, start, output_layer))
        if len(blocks) != 1:
            return blocks
        start = next(n for n in blocks[0] if _has_matrix(module.get_submodule(n)))
        if not any(True for _ in module.get_submodule(start).children()):
            return blocks


def _grouped(module: nn.Module, pieces: Iterator[str]) -> list[list[str]]:
    blocks: list[list[str]] = []
    waiting: list[str] = []
    for name in pieces:
        if _has_matrix(module.get_submodule(name)):
            blocks.append([*waiting, name])
            waiting = []
        elif blocks:
            blocks[-1].append(name)
        else:
            waiting.append(name)
    return blocks


def _pieces(module: nn.Module, start: str, output_layer: str) -> Iterator[str]:
    """Yield the names of the parts that are not opened."""
    for child in _in_order(module.get_submodule(start)):
        name = f"{start}.{child}" if start else child
        if name == output_layer:
            continue
        if output_layer.startswith(f"{name}.") or _is_list(module.get_submodule(name)):
            yield from _pieces(module, name, output_layer)
        else:
            yield name


def _in_order(parent: nn.Module) -> Iterator[str]:
    """Yield names of children; a list of what goes between layers among the layers."""
    lists = [n for n, part in parent.named_children() if type(part) is nn.ModuleList]
    between = [n for n in lists if not _has_matrix(parent.get_submodule(n))]
    layers = next((name for name in lists if name not in between), None)
    for name, _ in parent.named_children():
        if name == layers:
            columns = [
                [
                    f"{column}.{k}"
                    for k, _ in parent.get_submodule(column).named_children()
                ]
                for column in (layers, *between)
            ]
            for row in zip_longest(*columns):
                yield from filter(None, row)
        elif layers is None or name not in between:
            yield name


def _is_list(module: nn.Module) -> bool:
    """Return whether a module is no more than a list of others."""
    children = list(module.children())
    if len(children) == 1 and type(children[0]) is nn.ModuleList:
        return not list(module.parameters(recurse=False))
    return type(module) in (nn.Sequential, nn.ModuleList)


def _has_matrix(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters())


class TunedNetwork(nn.Module):
    """A trained network with a new output layer, of which a part goes on training.

    What does not train is in eval mode even in training: batch normalisations keep
    their statistics, and dropout drops nothing.

    Parameters
    ----------
    model : torch.nn.Module
        The network. It is changed: its output layer is replaced, and auxiliary
        classifiers are left out.
    output_layer : str
        Dotted name of the output layer.
    n_outputs : int
        Number of new outputs.
    dropout : float, default=0.0
        Probability to drop an input of the new output layer during training.
    body_rate : float, default=0.1
        Factor of the learning rate for all but the new output layer.

    Attributes
    ----------
    blocks : list of list of str
        See :func:`find_blocks`.
    n_trained : int
        How many blocks train, counted from the output.
    takes_features : bool
        Whether the input is what the output layer takes.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import DenseNetwork
    >>> from sklearn_dl.modules._transfer import TunedNetwork
    >>> network = TunedNetwork(DenseNetwork(4, [8, 8], 3), "dense.2", 5)
    >>> network.train_blocks(1)
    >>> [name for name, p in network.named_parameters() if p.requires_grad]
    ['model.dense.1.weight', 'model.dense.1.bias', 'model.dense.2.weight',
    'model.dense.2.bias']
    """

    def __init__(
        self,
        model: nn.Module,
        output_layer: str,
        n_outputs: int,
        *,
        dropout: float = 0.0,
        body_rate: float = 0.1,
    ):
        super().__init__()
        for name, part in list(model.named_modules()):
            if isinstance(part, AuxiliaryClassifier):
                model.set_submodule(name, nn.Identity())
        old = model.get_submodule(output_layer)
        assert isinstance(old.weight, Tensor)
        head: nn.Module = nn.Linear(old.weight.shape[1], n_outputs)
        if dropout:
            head = nn.Sequential(nn.Dropout(dropout), head)
        model.set_submodule(output_layer, head)
        self.model = model
        self.output_layer = output_layer
        self.body_rate = body_rate
        self.blocks = find_blocks(model, output_layer)
        self.takes_features = False
        # What never trained does not begin to.
        self._fixed = {n for n, p in model.named_parameters() if not p.requires_grad}
        self.train_blocks(len(self.blocks))

    @property
    def head(self) -> nn.Module:
        """The output layer."""
        return self.model.get_submodule(self.output_layer)

    def forward(self, X: Any) -> Any:
        """Return the raw outputs, as the network that was given does."""
        output = self.head(X) if self.takes_features else self.model(X)
        return output[0] if isinstance(output, tuple) else output

    def features(self, X: Any) -> Tensor:
        """Return what the output layer takes, of shape (n, n_features)."""
        features: Tensor = LayerProbe(self.model, self.output_layer, of_input=True)(X)
        return features

    def train_blocks(self, n_trained: int) -> None:
        """Let the output layer and blocks next to it train, and nothing else.

        Parameters
        ----------
        n_trained : int
            How many blocks. All of them include what is in no block.
        """
        self.n_trained = n_trained
        everything = n_trained == len(self.blocks)
        free = [*self._trained_parts(), self.output_layer]
        for name, parameter in self.model.named_parameters():
            wanted = everything or any(name.startswith(f"{part}.") for part in free)
            parameter.requires_grad_(wanted and name not in self._fixed)

    def _trained_parts(self) -> list[str]:
        first = len(self.blocks) - self.n_trained
        return [name for block in self.blocks[first:] for name in block]

    def train(self, mode: bool = True) -> "TunedNetwork":
        """Set training or eval mode; what does not train stays in eval mode."""
        super().train(mode)
        if mode and self.n_trained < len(self.blocks):
            self.model.get_submodule(inner_path(self.model).rstrip(".")).eval()
            for name in (*self._trained_parts(), self.output_layer):
                self.model.get_submodule(name).train()
        return self

    def rate_factors(self) -> dict[str, float]:
        """Return the factors of the learning rate, by the names of parameters."""
        own: dict[str, float] = getattr(self.model, "rate_factors", dict)()
        return {
            f"model.{name}": self.body_rate * own.get(name, 1.0)
            for name, _ in self.model.named_parameters()
            if not name.startswith(f"{self.output_layer}.")
        }
