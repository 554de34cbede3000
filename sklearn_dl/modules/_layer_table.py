"""A table of the layers of a network: shapes, parameters, receptive fields, cost."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["LayerRow", "LayerTable", "layer_table"]

Sides = tuple[int, ...]


@dataclass(frozen=True)
class LayerRow:
    """One layer of a network, as a row of :func:`layer_table`.

    Parameters
    ----------
    name : str
        Where the layer is in the network, as in ``named_modules``.
    kind : str
        Name of its class.
    output_shape : tuple of int
        Shape of its output for one input; of several outputs, of the first. It is
        empty if there is no tensor among them.
    n_parameters : int
        Number of its parameters; 0 where a layer is used again.
    receptive_field : tuple of int
        For each side of the input, how many positions one value of the output can
        depend on.
    multiply_adds : int
        Multiplications with an addition that it takes for one input, in convolutions
        and products of matrices.

    Examples
    --------
    >>> from torch import nn
    >>> from sklearn_dl.modules import layer_table
    >>> layer_table(nn.Linear(3, 2), (3,))[0].multiply_adds
    6
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    n_parameters: int
    receptive_field: tuple[int, ...]
    multiply_adds: int


class LayerTable(list[LayerRow]):
    """A list of :class:`LayerRow` that is printed as a table with totals.

    Examples
    --------
    >>> from torch import nn
    >>> from sklearn_dl.modules import layer_table
    >>> layer_table(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (3,)).n_parameters
    8
    """

    @property
    def n_parameters(self) -> int:
        """Number of parameters of all layers."""
        return sum(row.n_parameters for row in self)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with an addition in all layers."""
        return sum(row.multiply_adds for row in self)

    def __str__(self) -> str:
        titles = ("layer", "kind", "output", "parameters", "sees", "multiply-adds")
        lines = [titles]
        for row in self:
            lines.append(
                (
                    row.name,
                    row.kind,
                    _times(row.output_shape),
                    f"{row.n_parameters:,}",
                    _times(row.receptive_field),
                    f"{row.multiply_adds:,}",
                )
            )
        total = ("total", "", "", f"{self.n_parameters:,}", "")
        lines.append((*total, f"{self.multiply_adds:,}"))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [_line(line, widths) for line in lines]
        rule = "-" * max(map(len, texts))
        return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])


def _times(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of the table: words to the left, numbers to the right."""
    aligned = [
        cell.ljust(width) if k < 2 else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def layer_table(module: nn.Module, input_shape: Sequence[int]) -> LayerTable:
    """Return what the layers of a network are and what they cost.

    A layer has a row for each time it is used, in the order of the computation; layers
    that work in training only (auxiliary classifiers) have none. Nothing is computed
    with numbers: shapes alone go through a copy of the network without weights, so that
    a network for photographs takes no memory. A network that asks for the values, to
    decide what to compute, has no table.

    The receptive field after layer k is, for the kernel sizes F (with the gaps of a
    dilation) and strides S of the layers before,

        ``R_k = 1 + sum_{j <= k} (F_j - 1) prod_{i < j} S_i``

    along each side. Where branches meet, the largest counts. A layer whose output has
    no positions any more sees the whole input, and so does, to be safe, what was made
    without the input, as an embedding of positions. Padding is not counted: near the
    border a value depends on less, and R can exceed the size of the input.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is not changed.
    input_shape : sequence of int
        The number of channels and the side lengths of one input.

    Returns
    -------
    table : LayerTable
        A list of :class:`LayerRow`; ``print`` shows it as a table.

    Raises
    ------
    ValueError
        If the network fails on an input of that shape, or without values.

    References
    ----------
    - A. Araujo, W. Norris and J. Sim, "Computing receptive fields of convolutional
      neural networks", Distill, 2019.

    Examples
    --------
    >>> from torch import nn
    >>> from sklearn_dl.modules import layer_table
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3))
    >>> print(layer_table(network, (1, 28, 28)))
    layer  kind         output  parameters   sees  multiply-adds
    ------------------------------------------------------------
    0      Conv2d  4 x 26 x 26          40  3 x 3         24,336
    1      Conv2d  8 x 24 x 24         296  5 x 5        165,888
    ------------------------------------------------------------
    total                              336               190,224
    """
    shape = tuple(int(size) for size in input_shape)
    try:
        return _traced(module, shape)
    except Exception as error:  # whatever a network of a user's own may raise
        raise ValueError(
            f"layer_table cannot follow {type(module).__name__} on an input of shape "
            f"{shape} that has no values: {type(error).__name__}: {error}"
        ) from error


def _traced(module: nn.Module, shape: Sides) -> LayerTable:
    """Return the table of a network that can be followed."""
    network = _without_weights(module).eval()
    dtype = next((p.dtype for p in network.parameters()), torch.float32)
    x = torch.empty((1, *shape), device="meta", dtype=dtype)
    fields = _FieldMode(shape[1:])
    fields.mark(x)
    cost = _CostMode()
    recorder = _Recorder(network, fields, cost)
    with torch.no_grad(), cost, fields:
        network(x)
    return recorder.rows


def _without_weights(module: nn.Module) -> nn.Module:
    """Return a copy whose parameters and buffers have shapes but no values."""
    # What the memo names is not copied, but replaced by the meta tensor.
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), False)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(module, memo)


class _CostMode(TorchDispatchMode):
    """Counts the operations of the layers that are at work.

    ``FlopCounterMode`` puts hooks on the modules of all threads; this mode is seen by
    its own thread alone. `open` has a count for each layer that has begun, the
    innermost last; the first is of what is outside of all layers.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.open = [0]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        formula = flop_registry.get(func.overloadpacket)
        if formula is None:
            with self:  # in inference mode, products come here in one piece
                output = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if output is NotImplemented else output
        output = func(*args, **kwargs)
        self.open[-1] += formula(*args, **kwargs, out_val=output)
        return output


class _Recorder:
    """Collects a row for each layer that is used.

    Of modules that contain others, only those have a row that have parameters or a cost
    of their own, beside the layers inside.
    """

    def __init__(self, network: nn.Module, fields: "_FieldMode", cost: _CostMode):
        self.rows = LayerTable()
        self.fields = fields
        self.cost = cost
        self.counted: set[int] = set()
        for name, layer in network.named_modules():
            # What makes the weight of a layer is a part of that layer.
            if "parametrizations" in name.split(".") or isinstance(layer, nn.Identity):
                continue
            layer.register_forward_pre_hook(self._begin)
            layer.register_forward_hook(self._hook(name))

    def _begin(self, layer: nn.Module, inputs: Any) -> None:
        self.cost.open.append(0)

    def _hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            self._visit(name, layer, output)

        return hook

    def _visit(self, name: str, layer: nn.Module, output: Any) -> None:
        """Add the row of a layer that has been used, if it is to have one."""
        n_flops = self.cost.open.pop()
        is_leaf = all(name == "parametrizations" for name, _ in layer.named_children())
        # A container that has parameters may use layers inside without calling them.
        whole = is_leaf or any(True for _ in layer.parameters(recurse=False))
        new = [p for p in layer.parameters() if whole and id(p) not in self.counted]
        # Of a recurrent layer: the outputs, not the state.
        main = next(_tensors(output), None)
        if not (new or n_flops or (is_leaf and main is not None)):
            return
        self.rows.append(
            LayerRow(
                name=name,
                kind=type_before_parametrizations(layer).__name__,
                output_shape=() if main is None else tuple(main.shape[1:]),
                n_parameters=sum(p.numel() for p in new),
                receptive_field=self.fields.of(main).size,
                multiply_adds=n_flops // 2,
            )
        )
        self.counted.update(id(p) for p in new)


@dataclass(frozen=True)
class _Field:
    """What a value of a tensor sees of each side of the input.

    `step` is how far the fields of two neighbours lie apart.
    """

    size: Sides
    step: Sides

    def widened(self, kernel: Sides, stride: Sides, dilation: Sides) -> "_Field":
        """Return the field behind a window over neighbours."""
        size = tuple(
            r + d * (k - 1) * s
            for r, s, k, d in zip(self.size, self.step, kernel, dilation, strict=True)
        )
        step = tuple(s * t for s, t in zip(self.step, stride, strict=True))
        return _Field(size, step)


class _FieldMode(TorchFunctionMode):
    """Follows the receptive fields through all functions that are called meanwhile."""

    def __init__(self, sides: Sides):
        super().__init__()
        self.sides = sides

    def mark(self, x: Tensor, field: _Field | None = None) -> None:
        """Say what the values of `x` see; of the input: itself."""
        ones = (1,) * len(self.sides)
        x._field = field or _Field(ones, ones)  # type: ignore[attr-defined]

    def of(self, x: Tensor | None) -> _Field:
        """Return what the values of `x` see; if that is not known: the whole input."""
        field: _Field = getattr(x, "_field", _Field(self.sides, (1,) * len(self.sides)))
        return field

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        given = [x for x in _tensors([args, kwargs]) if hasattr(x, "_field")]
        sides_before = [tuple(x.shape[2:]) for x in given]  # some work in place
        output = func(*args, **kwargs)
        if isinstance(output, Tensor):
            output = output.to("meta")  # as of `arange`; others are there already
        if given:
            field = self._joined(given)
            for x in _tensors(output):
                after = self._after(field, func, args, kwargs, sides_before[0], x)
                self.mark(x, after)
        return output

    def _joined(self, tensors: list[Tensor]) -> _Field:
        """Return the largest field, side by side."""
        fields = [self.of(x) for x in tensors]
        sizes = zip(*[field.size for field in fields], strict=True)
        steps = zip(*[field.step for field in fields], strict=True)
        return _Field(tuple(map(max, sizes)), tuple(map(max, steps)))

    def _after(
        self,
        field: _Field,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        before: Sides,
        output: Tensor,
    ) -> _Field:
        """Return the field of an output of `func`."""
        n_dims = len(self.sides)
        name = getattr(func, "__name__", "")
        after = tuple(output.shape[2:])
        is_window = name in WINDOW_ARGUMENTS or name.startswith("adaptive_")
        if is_window and f"{n_dims}d" not in name:  # the positions are others by now
            return _Field(self.sides, field.step)
        if name in WINDOW_ARGUMENTS:
            values = dict(zip(WINDOW_ARGUMENTS[name], args, strict=False))
            values.update(kwargs)
            return field.widened(*_window(values, n_dims))
        if name.startswith("adaptive_"):
            stride = tuple(i // o for i, o in zip(before, after, strict=True))
            kernel = tuple(
                i - (o - 1) * s for i, o, s in zip(before, after, stride, strict=True)
            )
            return field.widened(kernel, stride, (1,) * n_dims)
        if output.ndim < n_dims + 2:
            return _Field(self.sides, field.step)
        # Where a mean or the like leaves one position of several.
        gone = [i > 1 == o for i, o in zip(before, after, strict=False)]
        size = [
            whole if k < len(gone) and gone[k] else r
            for k, (r, whole) in enumerate(zip(field.size, self.sides, strict=True))
        ]
        return _Field(tuple(size), field.step)


CONVOLUTION_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation")
MAX_POOL_ARGUMENTS = ("input", "kernel_size", "stride", "padding", "dilation")
AVERAGE_POOL_ARGUMENTS = ("input", "kernel_size", "stride")
WINDOW_ARGUMENTS = {
    f"{name}{n_dims}d": arguments
    for n_dims in (1, 2, 3)
    for name, arguments in (
        ("conv", CONVOLUTION_ARGUMENTS),
        ("max_pool", MAX_POOL_ARGUMENTS),
        ("avg_pool", AVERAGE_POOL_ARGUMENTS),
    )
}


def _window(values: Mapping[str, Any], n_dims: int) -> tuple[Sides, Sides, Sides]:
    """Return kernel size, stride and dilation from the arguments of a function."""
    weight = values.get("weight")
    kernel = values["kernel_size"] if weight is None else weight.shape[2:]
    stride = values.get("stride")
    if stride is None:
        stride = kernel if weight is None else 1
    dilation = values.get("dilation", 1)
    return _each(kernel, n_dims), _each(stride, n_dims), _each(dilation, n_dims)


def _each(value: int | Sequence[int], n_dims: int) -> Sides:
    """Return one value a side."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * n_dims if len(values) == 1 else values


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
