"""Networks with weights that others have trained."""

import importlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sklearn_dl._skorch import isolated_generators
from sklearn_dl.modules import ARCHITECTURES, make_convolutional

__all__ = ["load_pretrained"]

LIBRARIES = ("timm", "torchvision", "transformers")
# Under which the weights are kept in files that have more than weights.
_KEYS = ("state_dict", "model_state_dict", "model", "net")
# Torch counts batches, and not all files say how many there were.
_COUNTER = "num_batches_tracked"
# How many names an error has.
_SHOWN = 5


def load_pretrained(network, source=None, *, input_shape=(224, 224, 3)):
    """Return a network with weights that were trained before.

    Weights come from a file, or from those that a library has published. What comes
    back can be given to :class:`FineTuner`.

    Read more in the :ref:`User Guide <transfer>`.

    Parameters
    ----------
    network : str or torch.nn.Module
        A module, which is filled with the weights; the name of an architecture that
        :class:`CNNClassifier` knows, with as many outputs as the file has; or the name
        of a library, ``"timm"``, ``"torchvision"`` or ``"transformers"``, and that of
        one of its models, as in ``"timm:resnet18"``. The library has to be installed.

    source : str, path-like or dict, default=None
        A file that :func:`torch.save` or safetensors has written, with tensors by
        name, or the tensors themselves. With the name of a library, None is what it
        has published, which it may download.

    input_shape : tuple of int, default=(224, 224, 3)
        Shape of an image, channels at the end, for the name of an architecture.

    Returns
    -------
    network : torch.nn.Module
        The network, in eval mode; it takes images with channels first. A module is the
        one that was given.

    Raises
    ------
    ValueError
        If the file cannot be read or its weights do not fit; the error lists what does
        not.
    TypeError
        If `network` is no module and no name, or a module comes without a `source`.
    ImportError
        If a library is not installed.

    See Also
    --------
    FineTuner : Trains the network for a task of your own.
    sklearn_dl.modules.ImageModel : Makes images with channels at the end, in bytes or
        not, what such a network takes.

    Notes
    -----
    Weights fit when the names are the same, perhaps behind a common prefix. Where names
    differ they are taken in their order, if all shapes and the ends of the names
    (``weight``, ``bias``, ``running_mean`` ...) agree: so torchvision's weights fit the
    residual networks here.

    A file is read without running code that may be in it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import torch
    >>> from sklearn_dl.neural_network import load_pretrained
    >>> trained = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "weights.pt")
    ...     torch.save(trained.state_dict(), path)
    ...     network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
    ...     network = load_pretrained(network, path)
    >>> torch.equal(network[0].weight, trained[0].weight)
    True
    """
    weights = None if source is None else _read_weights(source)
    if isinstance(network, str):
        # The weights that it begins with are drawn.
        with isolated_generators(torch.device("cpu")):
            library, _, model = network.partition(":")
            if model and library in LIBRARIES:
                network = _model_of(library, model, published=weights is None)
                if weights is None:
                    return network.eval()
            else:
                network = _architecture(network, weights, input_shape)
    if not isinstance(network, nn.Module) or weights is None:
        raise TypeError(
            f"load_pretrained expects a torch.nn.Module or the name of one as "
            f"'network' and a 'source', got {network!r} and {source!r}."
        )
    network.load_state_dict(_matched(network, weights), strict=False)
    return network.eval()


def _architecture(name, weights, input_shape):
    if name not in ARCHITECTURES:
        raise ValueError(
            f"The 'network' parameter of load_pretrained must be a module, one of "
            f"{sorted(ARCHITECTURES)}, or a model of {', '.join(LIBRARIES)} such as "
            f"'timm:resnet18', got {name!r}."
        )
    if weights is None:
        raise ValueError(
            f"load_pretrained needs a 'source' of weights for {name!r}, got None."
        )
    *spatial, n_channels = input_shape
    n_outputs = len(list(weights.values())[-1])
    return make_convolutional(name, (n_channels, *spatial), n_outputs)


# -- files -----------------------------------------------------------------------------


def _read_weights(source):
    """Return tensors by name."""
    content = source
    if isinstance(source, (str, os.PathLike)):
        content = _read_file(Path(source))
    for key in _KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = isinstance(content, Mapping) and all(
        isinstance(value, Tensor) for value in content.values()
    )
    if not tensors or not content:
        raise ValueError(
            f"The 'source' parameter of load_pretrained must have tensors by name, or "
            f"have them under one of {_KEYS}; {source!s:.200} has not."
        )
    return dict(content)


def _read_file(path):
    if path.suffix == ".safetensors":
        return _import("safetensors.torch", path.name).load_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"The file {path} of load_pretrained cannot be read as weights: {error}"
        ) from error


# -- libraries -------------------------------------------------------------------------


def _import(module, wanted):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"load_pretrained needs the package {package} for {wanted!r}. Install it "
            f"with: pip install {package}"
        ) from error


def _model_of(library, name, published):
    """Return a model of a library, with the published weights or without."""
    package = _import(library, f"{library}:{name}")
    if library == "timm":
        return package.create_model(name, pretrained=published)
    if library == "torchvision":
        models = _import("torchvision.models", f"{library}:{name}")
        return models.get_model(name, weights="DEFAULT" if published else None)
    classes = package.AutoModelForImageClassification
    if published:
        return _Logits(classes.from_pretrained(name))
    return _Logits(classes.from_config(package.AutoConfig.from_pretrained(name)))


class _Logits(nn.Module):
    """A model of transformers that returns a tensor, as other networks do."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        """Return the raw outputs."""
        return self.model(x).logits


# -- which weight goes where -----------------------------------------------------------


def _matched(network, weights):
    """Return weights by the names that they have in the network."""
    own = _without_counters(network.state_dict())
    given = _without_counters(weights)
    starts = {name.partition(".")[0] for name in given}
    prefixes = ["", f"{starts.pop()}."] if len(starts) == 1 else [""]
    for prefix in prefixes:
        named = {name.removeprefix(prefix): value for name, value in given.items()}
        if own.keys() == named.keys():
            _check_shapes(own, named)
            return named
    if _kinds(own) != _kinds(given):
        raise ValueError(_misfit(type(network).__name__, own, given))
    return dict(zip(own, given.values(), strict=True))


def _without_counters(weights):
    return {n: value for n, value in weights.items() if not n.endswith(_COUNTER)}


def _kinds(weights):
    return [(n.rpartition(".")[2], tuple(v.shape)) for n, v in weights.items()]


def _check_shapes(own, named):
    wrong = [
        f"{name} has {tuple(named[name].shape)} in place of {tuple(value.shape)}"
        for name, value in own.items()
        if named[name].shape != value.shape
    ]
    if wrong:
        raise ValueError(
            f"load_pretrained: the weights do not fit the network. {_some(wrong)}."
        )


def _misfit(name, own, given):
    """Say what does not fit, by names and in order."""
    missing = [name for name in own if name not in given]
    unexpected = [name for name in given if name not in own]
    message = (
        f"load_pretrained: the weights do not fit the network {name}, neither by name "
        f"nor in order. Missing: {_some(missing) or 'nothing'}. Unexpected: "
        f"{_some(unexpected) or 'nothing'}."
    )
    pairs = zip(own.items(), given.items(), strict=False)
    for (here, mine), (there, theirs) in pairs:
        if mine.shape != theirs.shape:
            return (
                f"{message} In order, {here} of shape {tuple(mine.shape)} meets "
                f"{there} of shape {tuple(theirs.shape)} first."
            )
    return f"{message} There are {len(given)} tensors in place of {len(own)}."


def _some(things):
    rest = len(things) - _SHOWN
    shown = "; ".join(things[:_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown
