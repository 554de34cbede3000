"""One program, run by one thread or by several.

A kernel that grows trees is called as ``kernel(thread, n_threads, sync, ...)`` in each
of `n_threads` Python threads; it releases the GIL, and its threads meet at barriers
that are words in the array `sync`. This needs neither OpenMP, which does not survive a
fork, nor numba's own pool, which two Python threads must not use at once; and those who
wait at a barrier do not sleep, so that even small nodes of a tree gain from a second
core.
"""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sklearn_dl.utils._kernel import kernel
from sklearn_dl.utils._sklearn import openmp_effective_n_threads

# The words of `sync`, each in a cache line of its own.
_ARRIVED, _PHASE, _NEXT, _ABORTED = 0, 16, 32, 48
# So many looks at a barrier before the thread offers its core to others.
_N_SPINS = 2_000
# Below so many values a second thread costs more than it brings.
_MIN_WORK = 60_000


def choose_n_threads(work):
    """Return how many threads to use.

    Parameters
    ----------
    work : int
        How many values there are to handle in one pass.

    Returns
    -------
    n_threads : int
        One if there is little to do, or if this is not the main thread of its process
        or a process of multiprocessing's pool: then it is a worker, and others want the
        other cores. Else what OMP_NUM_THREADS (which joblib sets for its processes),
        threadpoolctl and the cores of the process allow.
    """
    if work < _MIN_WORK or threading.current_thread() is not threading.main_thread():
        return 1
    if multiprocessing.current_process().daemon:
        return 1
    return openmp_effective_n_threads()


@contextmanager
def mapping_threads(n_threads):
    """Let several threads share the calls of a function.

    Parameters
    ----------
    n_threads : int
        How many threads.

    Yields
    ------
    map_ : callable
        As ``map``, but with threads it does not wait for anybody to look at results.
        Functions spend their time without the GIL, or there is nothing to gain.
    """
    if n_threads == 1:
        yield map
        return
    with ThreadPoolExecutor(n_threads) as pool:
        yield pool.map


def map_in_threads(function, items, n_threads):
    """Return the results of a function of each item, computed by several threads.

    Parameters
    ----------
    function : callable
        Spends its time without the GIL, or there is nothing to gain.
    items : iterable
        What it is called with.
    n_threads : int
        How many threads.

    Returns
    -------
    results : list
        In the order of the items.
    """
    with mapping_threads(n_threads) as map_:
        return list(map_(function, items))


def run_in_threads(kernel, n_threads, *arguments):
    """Call ``kernel(thread, n_threads, sync, *arguments)`` in each thread.

    The kernel meets the others at a barrier before it does anything, and returns where
    a barrier tells it to: then Ctrl-C and a thread that cannot be started do no harm.

    Parameters
    ----------
    kernel : callable
        A compiled function that releases the GIL.
    n_threads : int
        How many threads, this one included.
    *arguments : object
        What all of them share.
    """
    if n_threads > 1:
        try:
            _run_together(kernel, n_threads, arguments)
            return
        except _NoThreadError:
            # The system has no more threads. Nobody has begun.
            pass
    kernel(0, 1, np.zeros(64, dtype=np.int64), *arguments)


class _NoThreadError(Exception):
    """A thread could not be started."""


def _run_together(kernel, n_threads, arguments):
    """Call a kernel in each of several threads, and see to it that all return."""
    sync = np.zeros(64, dtype=np.int64)

    def work(thread):
        try:
            kernel(thread, n_threads, sync, *arguments)
        except BaseException:
            sync[_ABORTED] = 1
            raise

    with ThreadPoolExecutor(n_threads - 1) as pool:
        others = []
        try:
            try:
                for thread in range(1, n_threads):
                    others.append(pool.submit(work, thread))
            except RuntimeError as error:
                raise _NoThreadError from error
            work(0)
            for other in others:
                other.result()
        except BaseException:
            # Ctrl-C may come at any point here. Nobody may wait for this thread.
            sync[_ABORTED] = 1
            raise


@intrinsic
def _load(typingctx, array, index):
    """Read a word that another thread may write."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "seq_cst", 8, typ=ir.IntType(64))

    return types.int64(types.Array(types.int64, 1, "C"), types.intp), codegen


@intrinsic
def _fetch_add(typingctx, array, index, value):
    """Add to a word, in one step for all threads, and return what it was."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    signature = types.int64(types.Array(types.int64, 1, "C"), types.intp, types.int64)
    return signature, codegen


def _pointer(context, builder, signature, arguments):
    array_type = signature.args[0]
    array = context.make_array(array_type)(context, builder, arguments[0])
    return cgutils.get_item_pointer(
        context, builder, array_type, array, [arguments[1]], wraparound=False
    )


@kernel
def _keep_core():
    """Return at once, where there is no such call as `sched_yield`."""
    return 0


_offer_core = _keep_core
if os.name == "posix":
    _offer_core = types.ExternalFunction("sched_yield", types.int32())


@kernel
def barrier(n_threads, sync):
    """Wait until all threads have come here.

    Parameters
    ----------
    n_threads : int
        How many threads there are.
    sync : ndarray of shape (64,), int64
        The words by which they meet.

    Returns
    -------
    goes_on : bool
        False if another thread has failed: then the caller has to return.
    """
    if n_threads == 1:
        return True
    phase = _load(sync, _PHASE)
    if _fetch_add(sync, _ARRIVED, 1) == n_threads - 1:
        _fetch_add(sync, _ARRIVED, -n_threads)
        _fetch_add(sync, _PHASE, 1)
        return True
    spins = 0
    while _load(sync, _PHASE) == phase:
        if _load(sync, _ABORTED) != 0:
            return False
        spins += 1
        if spins > _N_SPINS:
            _offer_core()
    return True


@kernel
def take_next(sync):
    """Return 0, 1, 2, ...: each number goes to one thread.

    Parameters
    ----------
    sync : ndarray of shape (64,), int64
        The words by which the threads meet.

    Returns
    -------
    number : int
        The next piece of work.
    """
    return _fetch_add(sync, _NEXT, 1)


@kernel
def reset_next(sync):
    """Let `take_next` begin at 0. One thread calls this between two barriers.

    Parameters
    ----------
    sync : ndarray of shape (64,), int64
        The words by which the threads meet.
    """
    sync[_NEXT] = 0
