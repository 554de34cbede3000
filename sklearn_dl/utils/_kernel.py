"""How the library's numba kernels are compiled, and the arrays that they take."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

# What LLVM may do to sums: other orders, and products with them in one instruction.
_ANY_ORDER = {"reassoc", "contract", "nsz", "arcp"}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function when it is first called, and keep the result on disk.

    Kernels release the GIL and divide as numpy does. numba keeps them beside their
    source or, where that folder is read-only, in one of the user's. Where neither can
    be written, each process compiles them anew.

    Parameters
    ----------
    function : callable
        A function of a module, of arrays and numbers.

    Returns
    -------
    kernel : callable
        The same, compiled for the types that it is called with.

    Examples
    --------
    >>> from sklearn_dl.utils._kernel import kernel
    >>> @kernel
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    return _compile(function, counts_references=True)


def lean_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that makes no arrays, without counting references.

    numba counts the references to each array that a function is given, also to all
    those of a tuple, by atomic additions, on which several threads wait for each other.
    In the inner loops of the tree engine that is much of the time. Views of arrays are
    free; a copy of one is an error of the compiler.

    Parameters
    ----------
    function : callable
        A function of a module, of arrays and numbers, called by kernels.

    Returns
    -------
    kernel : callable
        The same, compiled for the types that it is called with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.utils._kernel import lean_kernel
    >>> @lean_kernel
    ... def first(x):
    ...     return x[0]
    >>> first(np.arange(3))
    0
    """
    return _compile(function, counts_references=False)


def inner_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function as a part of the kernels that call it.

    It has no entry for Python, which takes large tuples apart field by field, and no
    file of its own: both are much of the time that a small function takes to compile.

    Parameters
    ----------
    function : callable
        A function of a module, of arrays and numbers, called by kernels.

    Returns
    -------
    function : callable
        The same. Python runs it as it is written.

    Examples
    --------
    >>> from sklearn_dl.utils._kernel import inner_kernel, kernel
    >>> @inner_kernel
    ... def square(x):
    ...     return x * x
    >>> @kernel
    ... def length(x, y):
    ...     return (square(x) + square(y)) ** 0.5
    >>> length(3.0, 4.0)
    5.0
    """
    return _compile_within(function, counts_references=True)


def lean_inner_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Do as `inner_kernel` and as `lean_kernel`.

    Parameters
    ----------
    function : callable
        A function of a module, of arrays and numbers, that makes no arrays and is
        called by kernels only.

    Returns
    -------
    function : callable
        The same.
    """
    return _compile_within(function, counts_references=False)


def fast_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile as `lean_kernel` does, with sums in whatever order is fastest.

    Sums of products become vector instructions. Infinities and NaN stay what they are.

    Parameters
    ----------
    function : callable
        A function of a module, of arrays and numbers, that makes no arrays.

    Returns
    -------
    kernel : callable
        The same, compiled for the types that it is called with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.utils._kernel import fast_kernel
    >>> @fast_kernel
    ... def total(x):
    ...     result = 0.0
    ...     for k in range(x.shape[0]):
    ...         result += x[k]
    ...     return result
    >>> total(np.arange(4.0))
    6.0
    """
    return _compile(function, counts_references=False, fastmath=_ANY_ORDER)


def fast_inner_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Do as `inner_kernel` and as `fast_kernel`.

    Parameters
    ----------
    function : callable
        A function of a module, of arrays and numbers, that makes no arrays and is
        called by kernels only.

    Returns
    -------
    function : callable
        The same.
    """
    return _compile_within(function, counts_references=False, fastmath=_ANY_ORDER)


def own(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that kernels take without being compiled once more.

    Parameters
    ----------
    array : ndarray
        It may be read-only, or mapped into memory.

    Returns
    -------
    array : ndarray
        The same or a copy.
    """
    array = np.asarray(array)
    return array if array.flags.writeable else array.copy()


def _compile(
    function: Callable[..., Any], counts_references: bool, **options: Any
) -> Callable[..., Any]:
    compiled: Any = njit(nogil=True, **_options(counts_references), **options)(function)
    # Without a folder to write to, numba refuses to cache at all; with its compiler
    # switched off, by NUMBA_DISABLE_JIT, there is nothing to cache.
    with suppress(RuntimeError, AttributeError):
        compiled.enable_caching()
    return compiled


def _compile_within(
    function: Callable[..., Any], counts_references: bool, **options: Any
) -> Callable[..., Any]:
    register: Any = register_jitable(**_options(counts_references), **options)
    return register(function)


def _options(counts_references: bool) -> dict[str, Any]:
    return {
        "error_model": "numpy",
        # Nobody calls a kernel from C.
        "no_cfunc_wrapper": True,
        # Said of every kernel, since one that does not say takes it over from its
        # caller.
        "_nrt": counts_references,
    }
