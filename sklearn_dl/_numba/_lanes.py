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
    "inverse_root",
    "load",
    "multiply_add",
    "prefetch",
    "splat",
    "store",
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
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, arguments[0], ir.IntType(32)(0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return builder.shuffle_vector(first, undefined, places)

    return _LANES(types.float32), codegen


@intrinsic
def multiply_add(typingctx, x, y, z):
    """Return ``x * y + z``."""

    def codegen(context, builder, signature, arguments):
        x, y, z = arguments
        return builder.fadd(builder.fmul(x, y, flags=_FAST), z, flags=_FAST)

    return _LANES(_LANES, _LANES, _LANES), codegen


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
