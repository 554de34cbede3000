"""Convolutional networks from a list that describes their layers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from torch import nn

from sklearn_dl.modules._activations import ACTIVATIONS, make_activation
from sklearn_dl.modules._convolution import (
    PADDINGS,
    ConvolutionalNetwork,
    GlobalPooling,
    ResidualBlock,
    SeparableConvolution,
    check_input_shape,
    initialize_layer_,
    make_batch_norm,
    make_convolution,
    make_pooling,
    output_sizes,
)

__all__ = ["LAYERS", "build_layers"]

Shape = tuple[int, ...]
Built = tuple[list[nn.Module], Shape]


@dataclass(frozen=True)
class Option:
    """What an option of a layer may be, in words and as a test, and its default."""

    expected: str
    test: Callable[[Any], bool]
    default: Any = ...  # the option is required

    def with_default(self, default: Any) -> "Option":
        """Return the option with a default."""
        return Option(self.expected, self.test, default)


@dataclass(frozen=True)
class Layer:
    """The options of a layer, what builds it, and whether it needs positions."""

    build: Callable[[dict[str, Any], Shape], Built]
    options: Mapping[str, Option]
    needs_positions: bool = True


def build_layers(
    architecture: Sequence[str | Mapping[str, Any]],
    input_shape: Sequence[int],
    n_outputs: int,
    *,
    dropout: float | None = None,
) -> ConvolutionalNetwork:
    """Build a convolutional network from a list of descriptions of its layers.

    A description is a dictionary with the name of the layer under ``"layer"`` and its
    options, or the name alone for a layer whose options all have defaults:

    ======================= ===========================================================
    layer                   options (a value in brackets is the default)
    ======================= ===========================================================
    ``conv``                filters, kernel_size (3), stride (1), padding ("same"),
                            dilation (1), groups (1), activation ("relu"),
                            batch_norm (False)
    ``separable_conv``      the same without groups
    ``max_pool``,           kernel_size (2), stride (None: kernel_size), padding
    ``average_pool``        ("valid"), ceil_mode (False)
    ``global_average_pool`` none
    ``global_max_pool``     none
    ``batch_norm``          none
    an activation           none; see ``ACTIVATIONS``
    ``dropout``             rate (0.5)
    ``flatten``             none
    ``dense``               units, activation ("relu"), batch_norm (False)
    ``residual``            layers, a list of descriptions; activation ("relu")
    ======================= ===========================================================

    Kernel sizes, strides, dilations and paddings are one number, or one for each side.
    Batch normalisation, where asked for, stands before the activation and takes the
    place of the bias. Dense layers flatten what they are given. A residual adds what
    its layers compute to what they are given; where the two have different shapes, a
    1x1 convolution with a stride, or a dense layer, stands in the shortcut.

    Behind the layers of the list come a flatten, where it is needed, and the dense
    output layer. Weights of the layers of the list are drawn by He's rule.

    Parameters
    ----------
    architecture : sequence of dict or str
        The descriptions, from the input on.
    input_shape : sequence of int
        The number of channels and one to three side lengths.
    n_outputs : int
        Number of outputs.
    dropout : float, default=None
        Probability to drop an input of the output layer during training; None is 0.

    Returns
    -------
    network : ConvolutionalNetwork
        The network. Its ``features`` have one child a description.

    Raises
    ------
    ValueError
        If a description has an unknown layer or option, a value that the option cannot
        have, or a layer that does not fit what comes out of the one before.

    Examples
    --------
    >>> from sklearn_dl.modules import build_layers
    >>> network = build_layers(
    ...     [
    ...         {"layer": "conv", "filters": 8, "batch_norm": True},
    ...         "max_pool",
    ...         {"layer": "residual", "layers": [{"layer": "conv", "filters": 16}]},
    ...         "global_average_pool",
    ...     ],
    ...     input_shape=(1, 28, 28),
    ...     n_outputs=10,
    ... )
    >>> network.head
    Linear(in_features=16, out_features=10, bias=True)
    """
    shape = check_input_shape(input_shape)
    layers, shape = _build_all(architecture, shape, "architecture")
    if len(shape) > 1:
        layers.append(nn.Flatten())
    if dropout:
        layers.append(nn.Dropout(dropout))
    head = nn.Linear(math.prod(shape), n_outputs)
    return ConvolutionalNetwork(nn.Sequential(*layers), head)


def _build_all(descriptions: Any, shape: Shape, name: str) -> Built:
    """Build the layers of a list, each one module."""
    if isinstance(descriptions, (str, Mapping)) or not isinstance(
        descriptions, Sequence
    ):
        raise ValueError(
            f"{name} must be a list of descriptions of layers, got {descriptions!r}."
        )
    layers: list[nn.Module] = []
    for k, description in enumerate(descriptions):
        built, shape = _build_one(description, shape, f"{name}[{k}]")
        layers.append(built[0] if len(built) == 1 else nn.Sequential(*built))
    return layers, shape


def _build_one(description: Any, shape: Shape, place: str) -> Built:
    """Build the modules of one description; `place` says where it stands."""
    kind, given = _split(description, place)
    place = f"{place} ({kind!r})"
    layer = LAYERS[kind]
    options = _complete(given, layer.options, place)
    if layer.needs_positions and len(shape) == 1:
        raise ValueError(
            f"{place} needs an input with channels and sides, but the layers before it "
            f"return a vector of {shape[0]} values."
        )
    if "layers" in options:
        # The list inside is named by where it stands, which only this level knows.
        options["built"] = _build_all(options["layers"], shape, f"{place}['layers']")
    try:
        return layer.build(options, shape)
    except ValueError as error:
        raise ValueError(
            f"{place} does not fit its input of shape {shape}, channels first: {error}"
        ) from None


def _split(description: Any, place: str) -> tuple[str, dict[str, Any]]:
    """Return the name of a layer and the options that are given."""
    if isinstance(description, str):
        description = {"layer": description}
    if not isinstance(description, Mapping) or "layer" not in description:
        raise ValueError(
            f"{place} must be the name of a layer or a dict with the key 'layer', got "
            f"{description!r}."
        )
    given = dict(description)
    kind = given.pop("layer")
    if not isinstance(kind, str) or kind not in LAYERS:
        raise ValueError(
            f"{place}: 'layer' must be one of {sorted(LAYERS)}, got {kind!r}."
        )
    return kind, given


def _complete(
    given: Mapping[str, Any], options: Mapping[str, Option], place: str
) -> dict[str, Any]:
    """Return the values of all options of a layer."""
    unknown = [name for name in given if name not in options]
    if unknown:
        known = f"its options are {list(options)}" if options else "it has no options"
        raise ValueError(f"{place}: there is no option {unknown[0]!r}; {known}.")
    values = {}
    for name, option in options.items():
        value = given.get(name, option.default)
        if value is ...:
            raise ValueError(
                f"{place}: the option {name!r} is missing; it must be "
                f"{option.expected}."
            )
        if name in given and not option.test(value):
            raise ValueError(
                f"{place}: {name!r} must be {option.expected}, got {value!r}."
            )
        values[name] = value
    return values


def _is_count(value: Any, least: int = 1) -> bool:
    is_int = isinstance(value, Integral) and not isinstance(value, bool)
    return is_int and int(value) >= least


def _are_counts(value: Any, least: int = 1) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_count(item, least) for item in value)
    return _is_count(value, least)


def _is_rate(value: Any) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and 0 <= float(value) < 1


COUNT = Option("an int of at least 1", _is_count)
COUNTS = Option("an int of at least 1, or one for each side", _are_counts)
FLAG = Option("True or False", lambda value: isinstance(value, bool), False)
PADDING = Option(
    f"one of {PADDINGS}, an int of at least 0, or one for each side",
    lambda value: (
        value in PADDINGS if isinstance(value, str) else _are_counts(value, 0)
    ),
)
ACTIVATION = Option(
    f"None or one of {sorted(ACTIVATIONS)}",
    lambda value: value is None or (isinstance(value, str) and value in ACTIVATIONS),
    "relu",
)
RATE = Option("a number of at least 0 and below 1", _is_rate)
STRIDE_OF_POOL = Option(
    f"None, {COUNTS.expected}", lambda value: value is None or _are_counts(value), None
)


def _with_activation(
    layer: nn.Module, n_channels: int, n_dims: int, options: Mapping[str, Any]
) -> list[nn.Module]:
    """Return a layer with the normalisation and the activation that it is to have."""
    built = [layer]
    if options["batch_norm"]:
        built.append(make_batch_norm(n_dims, n_channels))
    if options["activation"] is not None:
        built.append(make_activation(options["activation"]))
    return built


def _convolve(options: dict[str, Any], shape: Shape) -> Built:
    n_channels, *spatial = shape
    window = {
        name: options[name] for name in ("kernel_size", "stride", "padding", "dilation")
    }
    filters = int(options["filters"])
    # The sizes come first, since their errors say most.
    sizes = output_sizes(spatial, **window)
    bias = not options["batch_norm"]
    n_dims = len(spatial)
    layer: Any
    if "groups" in options:
        groups = options["groups"]
        layer = make_convolution(
            n_dims, n_channels, filters, groups=groups, bias=bias, **window
        )
        initialize_layer_(layer, spatial)
    else:
        layer = SeparableConvolution(n_dims, n_channels, filters, bias=bias, **window)
        for part, sides in zip(layer, (spatial, sizes), strict=True):
            initialize_layer_(part, sides)
    built = _with_activation(layer, filters, n_dims, options)
    return built, (filters, *sizes)


def _pool(kind: str) -> Callable[[dict[str, Any], Shape], Built]:
    def build(options: dict[str, Any], shape: Shape) -> Built:
        n_channels, *spatial = shape
        stride = options["stride"]
        window = dict(options)
        window["stride"] = options["kernel_size"] if stride is None else stride
        layer = make_pooling(kind, len(spatial), **window)
        return [layer], (n_channels, *output_sizes(spatial, **window))

    return build


def _pool_globally(kind: str) -> Callable[[dict[str, Any], Shape], Built]:
    return lambda options, shape: ([GlobalPooling(kind)], shape[:1])


def _normalise(options: dict[str, Any], shape: Shape) -> Built:
    return [make_batch_norm(max(1, len(shape) - 1), shape[0])], shape


def _activate(name: str) -> Callable[[dict[str, Any], Shape], Built]:
    return lambda options, shape: ([make_activation(name)], shape)


def _drop(options: dict[str, Any], shape: Shape) -> Built:
    return [nn.Dropout(float(options["rate"]))], shape


def _flatten(options: dict[str, Any], shape: Shape) -> Built:
    return [nn.Flatten()], (math.prod(shape),)


def _connect(options: dict[str, Any], shape: Shape) -> Built:
    units = int(options["units"])
    flat: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
    dense = nn.Linear(math.prod(shape), units, bias=not options["batch_norm"])
    initialize_layer_(dense)
    return flat + _with_activation(dense, units, 1, options), (units,)


def _add_residual(options: dict[str, Any], shape: Shape) -> Built:
    layers, after = options["built"]
    block = ResidualBlock(
        nn.Sequential(*layers),
        _shortcut(shape, after),
        activation=options["activation"] or "identity",
    )
    return [block], after


def _shortcut(before: Shape, after: Shape) -> nn.Module | None:
    """Return what turns one shape into the other."""
    if before == after:
        return None
    if len(before) == len(after) == 1:
        return nn.Linear(before[0], after[0])
    if len(before) != len(after):
        raise ValueError(
            f"its layers return the shape {after}, which cannot be added to the input."
        )
    # A 1x1 kernel at stride S leaves ceil(I / S) positions.
    strides = []
    for side, wanted in zip(before[1:], after[1:], strict=True):
        stride = next((s for s in range(1, side + 1) if -(-side // s) == wanted), None)
        if stride is None:
            raise ValueError(
                f"its layers return the shape {after}, and no stride of a shortcut "
                f"turns {side} positions into {wanted}; padding='same' in the layers "
                "keeps the sides apart from strides."
            )
        strides.append(stride)
    return make_convolution(len(strides), before[0], after[0], 1, stride=strides)


_WINDOW = {
    "kernel_size": COUNTS.with_default(3),
    "stride": COUNTS.with_default(1),
    "padding": PADDING.with_default("same"),
    "dilation": COUNTS.with_default(1),
}
_POOL = {
    "kernel_size": COUNTS.with_default(2),
    "stride": STRIDE_OF_POOL,
    "padding": PADDING.with_default("valid"),
    "ceil_mode": FLAG,
}
_AFTER = {"activation": ACTIVATION, "batch_norm": FLAG}

LAYERS: dict[str, Layer] = {
    "conv": Layer(
        _convolve,
        {"filters": COUNT, **_WINDOW, "groups": COUNT.with_default(1), **_AFTER},
    ),
    "separable_conv": Layer(_convolve, {"filters": COUNT, **_WINDOW, **_AFTER}),
    "max_pool": Layer(_pool("max"), _POOL),
    "average_pool": Layer(_pool("average"), _POOL),
    "global_average_pool": Layer(_pool_globally("average"), {}),
    "global_max_pool": Layer(_pool_globally("max"), {}),
    "batch_norm": Layer(_normalise, {}, needs_positions=False),
    "dropout": Layer(_drop, {"rate": RATE.with_default(0.5)}, needs_positions=False),
    "flatten": Layer(_flatten, {}, needs_positions=False),
    "dense": Layer(_connect, {"units": COUNT, **_AFTER}, needs_positions=False),
    "residual": Layer(
        _add_residual,
        {
            "layers": Option("a list of layers", lambda value: True),
            "activation": ACTIVATION,
        },
        needs_positions=False,
    ),
    **{name: Layer(_activate(name), {}, needs_positions=False) for name in ACTIVATIONS},
}
