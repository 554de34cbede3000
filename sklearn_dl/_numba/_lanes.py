"""Sixteen floats at once, for kernels whose inner loops are too short to be vectorised.

numba leaves it to LLVM to turn loops into vector instructions. For rows of a hundred
numbers most of the time then goes into the beginnings and ends of loops. Here vectors
are values, which stay in registers; LLVM splits them on processors with narrower ones.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = [
    "LANES",
    "aligned",
    "clip",
    "divide",
    "inverse_root",
    "load",
    "multiply",
    "multiply_add",
    "prefetch",
    "splat",
    "store",
    "store_totals",
    "total",
    "zeros",
]

LANES = 16

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_FAST = ("reassoc", "contract", "nsz")


def aligned(n_rows, n_columns):
    """Return a table of zeros that begins with a cache line, as wide as lanes are.

    Parameters
    ----------
    n_rows, n_columns : int
        What is needed.

    Returns
    -------
    table : ndarray of shape (n_rows, width), float32
        Its width is the next multiple of `LANES`.
    """
    width = -(-n_columns // LANES) * LANES
    room = np.zeros(n_rows * width + LANES, dtype=np.float32)
    first = -(room.ctypes.data // 4) % LANES
    return room[first : first + n_rows * width].reshape(n_rows, width)


class _Lanes(types.Type):
    def __init__(self):
        super().__init__(name="Lanes")


_LANES = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _address(context, builder, signature, arguments):
    """Point to sixteen floats of a row of a C-contiguous array."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    row = builder.mul(arguments[1], builder.extract_value(array.strides, 0))
    start = builder.gep(
        builder.bitcast(array.data, cgutils.voidptr_t),
        [builder.add(row, builder.mul(arguments[2], ir.IntType(64)(4)))],
    )
    return builder.bitcast(start, _VECTOR.as_pointer())


def _splat(builder, number):
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.IntType(32)(0))
    return _shuffle(builder, first, undefined, [0] * LANES)


def _shuffle(builder, x, y, places):
    """Return some of the numbers of x and, from `LANES` on, of y."""
    number = ir.IntType(32)
    chosen = ir.Constant(
        ir.VectorType(number, len(places)), [number(k) for k in places]
    )
    return builder.shuffle_vector(x, y, chosen)


@intrinsic
def load(typingctx, array, row, column):
    """Return ``array[row, column:column + 16]`` of a two-dimensional float32 array."""

    def codegen(context, builder, signature, arguments):
        value = builder.load(_address(context, builder, signature, arguments))
        value.align = 4
        return value

    return _LANES(array, types.intp, types.intp), codegen


@intrinsic
def store(typingctx, array, row, column, value):
    """Write a vector to ``array[row, column:column + 16]``."""

    def codegen(context, builder, signature, arguments):
        place = _address(context, builder, signature, arguments)
        builder.store(arguments[3], place).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, _LANES), codegen


@intrinsic
def prefetch(typingctx, array, row, column):
    """Ask for ``array[row, column:column + 16]``, which will be needed soon."""

    def codegen(context, builder, signature, arguments):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, number, number, number]),
            "llvm.prefetch.p0",
        )
        place = _address(context, builder, signature, arguments)
        place = builder.bitcast(place, byte)
        # To be written, too; kept near; data and not code.
        builder.call(function, [place, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), codegen


@intrinsic
def zeros(typingctx):
    """Return a vector of zeros."""

    def codegen(context, builder, signature, arguments):
        return ir.Constant(_VECTOR, None)

    return _LANES(), codegen


@intrinsic
def splat(typingctx, number):
    """Return a vector that is the same number sixteen times."""

    def codegen(context, builder, signature, arguments):
        return _splat(builder, arguments[0])

    return _LANES(types.float32), codegen


@intrinsic
def multiply_add(typingctx, x, y, z):
    """Return ``x * y + z``."""

    def codegen(context, builder, signature, arguments):
        x, y, z = arguments
        return builder.fadd(builder.fmul(x, y, flags=_FAST), z, flags=_FAST)

    return _LANES(_LANES, _LANES, _LANES), codegen


@intrinsic
def multiply(typingctx, x, y):
    """Return ``x * y``."""

    def codegen(context, builder, signature, arguments):
        return builder.fmul(*arguments, flags=_FAST)

    return _LANES(_LANES, _LANES), codegen


@intrinsic
def divide(typingctx, x, y):
    """Return ``x / y``."""

    def codegen(context, builder, signature, arguments):
        return builder.fdiv(*arguments, flags=_FAST)

    return _LANES(_LANES, _LANES), codegen


@intrinsic
def clip(typingctx, x, low, high):
    """Return the nearest numbers from `low` to `high`; NaN stays NaN."""

    def codegen(context, builder, signature, arguments):
        x = arguments[0]
        for sign, number in zip("<>", arguments[1:], strict=True):
            bound = _splat(builder, number)
            x = builder.select(builder.fcmp_ordered(sign, x, bound), bound, x)
        return x

    return _LANES(_LANES, types.float32, types.float32), codegen


@intrinsic
def total(typingctx, x):
    """Return the sum of the sixteen numbers."""

    def codegen(context, builder, signature, arguments):
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR]),
            f"llvm.vector.reduce.fadd.v{LANES}f32",
        )
        return builder.call(function, [_FLOAT(0), arguments[0]], fastmath=_FAST)

    return types.float32(_LANES), codegen


@intrinsic
def store_totals(typingctx, array, row, column, x0, x1, x2, x3):
    """Write the sums of four vectors to ``array[row, column:column + 4]``.

    That takes fewer instructions than `total` of each.
    """

    def codegen(context, builder, signature, arguments):
        def fold(x, y, places, distance):
            """Add numbers of x and y to those so many places further on."""
            near = _shuffle(builder, x, y, places)
            far = _shuffle(builder, x, y, [place + distance for place in places])
            return builder.fadd(near, far, flags=_FAST)

        def everywhere(*places):
            """Do in each quarter as in the first."""
            return [first + k for first in range(0, LANES, 4) for k in places]

        x0, x1, x2, x3 = arguments[3:]
        # Quarters become two numbers of each of two vectors, then one of each of four.
        pairs = everywhere(0, LANES, 1, LANES + 1)
        pairs = fold(x0, x1, pairs, 2), fold(x2, x3, pairs, 2)
        sums = fold(*pairs, everywhere(0, 1, LANES, LANES + 1), 2)
        sums = fold(sums, sums, range(8), 8)
        sums = fold(sums, sums, range(4), 4)
        place = _address(context, builder, signature, arguments)
        builder.store(sums, builder.bitcast(place, sums.type.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, *[_LANES] * 4), codegen


@intrinsic
def inverse_root(typingctx, x):
    """Return ``1 / sqrt(x)``: an estimate, improved once."""

    def codegen(context, builder, signature, arguments):
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(_VECTOR, [_VECTOR]),
            f"llvm.sqrt.v{LANES}f32",
        )
        root = builder.call(function, [arguments[0]], fastmath=("fast",))
        ones = ir.Constant(_VECTOR, [_FLOAT(1)] * LANES)
        return builder.fdiv(ones, root, flags=("fast",))

    return _LANES(_LANES), codegen
