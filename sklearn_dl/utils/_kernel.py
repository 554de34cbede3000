"""How the library's numba kernels are compiled."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit


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
    In the inner loops of the tree engine they were a third of the time. Views of arrays
    are free; a copy of one is an error of the compiler.

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


def _compile(
    function: Callable[..., Any], counts_references: bool
) -> Callable[..., Any]:
    # Said of every kernel, since one that does not say takes it over from its caller.
    options: dict[str, Any] = {"_nrt": counts_references}
    compiled: Any = njit(nogil=True, error_model="numpy", **options)(function)
    # Without a folder to write to, numba refuses to cache at all.
    with suppress(RuntimeError):
        compiled.enable_caching()
    return compiled
