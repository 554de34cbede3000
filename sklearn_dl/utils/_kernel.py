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
    compiled: Any = njit(nogil=True, error_model="numpy")(function)
    # Without a folder to write to, numba refuses to cache at all.
    with suppress(RuntimeError):
        compiled.enable_caching()
    return compiled
