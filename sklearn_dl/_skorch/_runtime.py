"""Device, dtype, random numbers and threads of one fit or prediction."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import scipy.linalg.blas  # noqa: F401 (loads the BLAS that is to be limited)
import torch
from threadpoolctl import ThreadpoolController

__all__ = [
    "isolated_generators",
    "limited_blas",
    "limited_threads",
    "one_thread_at_a_time",
    "resolve_device",
    "resolve_dtype",
    "torch_generator",
    "training_context",
]

# Below this many multiply-adds a batch, waking a second thread costs more than it
# saves (measured with benchmarks/mlp.py).
_SERIAL_BATCH_COST = 5e7

# torch has one default generator and one default type a process: whoever borrows them
# keeps other threads out.
_borrowed = threading.RLock()


def _renew_lock() -> None:
    global _borrowed
    _borrowed = threading.RLock()


if hasattr(os, "register_at_fork"):
    # The thread that held the lock does not exist in a forked process.
    os.register_at_fork(after_in_child=_renew_lock)


def resolve_device(device: str, *, strict: bool = True) -> torch.device:
    """Return the device that `device` names.

    Parameters
    ----------
    device : str
        ``"auto"`` takes a CUDA GPU where there is one, else Apple's, else the CPU.
        Anything else is a name that torch knows.
    strict : bool, default=True
        Whether a GPU that is not there is an error. Otherwise the CPU stands in, so
        that a model that was fitted on a GPU loads anywhere.

    Returns
    -------
    device : torch.device
        The device.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        resolved = torch.device(device)
        if resolved.type != "cpu":
            torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        if not strict:
            return torch.device("cpu")
        raise ValueError(
            f"The 'device' parameter must be 'auto' or the name of a device that this "
            f"machine has, got {device!r}: {error}"
        ) from error
    return resolved


def resolve_dtype(dtype: str, data: np.dtype, device: torch.device) -> torch.dtype:
    """Return the floating type that a network computes in.

    Parameters
    ----------
    dtype : {"auto", "float32", "float64"}
        ``"auto"`` is the type of the data on a CPU and float32 on a GPU.
    data : numpy.dtype
        The type of the validated data.
    device : torch.device
        Where the network lives.

    Returns
    -------
    dtype : torch.dtype
        ``torch.float32`` or ``torch.float64``.
    """
    if dtype == "auto":
        double = device.type == "cpu" and data == np.float64
        return torch.float64 if double else torch.float32
    return getattr(torch, dtype)


def torch_generator(
    random_state: np.random.RandomState, salt: int = 0
) -> torch.Generator:
    """Return a torch generator that depends on `random_state` and leaves it alone.

    The state is copied before a seed is drawn: the numbers that `random_state` gives
    next stay those that scikit-learn would draw.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        The generator of the fit.
    salt : int, default=0
        Makes different generators of the same `random_state`.

    Returns
    -------
    generator : torch.Generator
        A generator on the CPU.
    """
    twin = np.random.RandomState(0)
    twin.set_state(random_state.get_state())
    return torch.Generator().manual_seed(int(twin.randint(2**31 - 1)) + salt)


@contextmanager
def one_thread_at_a_time() -> Iterator[None]:
    """Keep other threads out, of this and of :func:`isolated_generators`."""
    with _borrowed:
        yield


@contextmanager
def isolated_generators(
    device: torch.device, generator: torch.Generator | None = None
) -> Iterator[None]:
    """Seed torch's global generators for a while and put them back afterwards.

    Dropout and modules written by users draw from the global generators and take no
    other, so these are borrowed.

    Parameters
    ----------
    device : torch.device
        The device whose generator is borrowed beside the CPU's.
    generator : torch.Generator, default=None
        Where the seed comes from; None leaves the state as it is found.
    """
    index = device.index if device.index is not None else 0
    devices = [index] if device.type in ("cuda", "mps") else []
    device_type = device.type if devices else "cuda"
    with _borrowed, torch.random.fork_rng(devices, device_type=device_type):
        if generator is not None:
            seed = int(torch.randint(2**31 - 1, (), generator=generator))
            # Not torch.manual_seed, which seeds all devices there are.
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.default_generators[index].manual_seed(seed)
            elif device.type == "mps":
                torch.mps.manual_seed(seed)
        yield


@contextmanager
def training_context(
    device: torch.device, generator: torch.Generator | None = None
) -> Iterator[None]:
    """Make torch the same for every fit, whatever the user has set, for a while.

    Generators are isolated, gradients are on, and the default dtype, on which random
    numbers depend, is float32.

    Parameters
    ----------
    device, generator
        As for :func:`isolated_generators`.
    """
    with (
        isolated_generators(device, generator),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(default)


@contextmanager
def limited_threads(device: torch.device, batch_cost: float) -> Iterator[None]:
    """Use one thread while batches are small, and restore the number afterwards.

    So do fits that run in several Python threads, however large their batches are.

    Parameters
    ----------
    device : torch.device
        Where the network lives; the number of threads matters on a CPU only.
    batch_cost : float
        Multiply-adds that one batch takes.
    """
    if device.type != "cpu" or not _is_serial(batch_cost):
        yield
        return
    # torch counts threads for each Python thread by itself.
    n_threads = torch.get_num_threads()
    if n_threads > 1:
        torch.set_num_threads(1)
    try:
        with _serial_blas:
            yield
    finally:
        if n_threads > 1:
            torch.set_num_threads(n_threads)


@contextmanager
def limited_blas(batch_cost: float) -> Iterator[None]:
    """Do as :func:`limited_threads`, for compiled code alone.

    What torch computes around it is small. To set its number of threads, in many short
    fits side by side, would slow all of them down.

    Parameters
    ----------
    batch_cost : float
        Multiply-adds that one batch takes.
    """
    with _serial_blas if _is_serial(batch_cost) else nullcontext():
        yield


def _is_serial(batch_cost: float) -> bool:
    alone = threading.current_thread() is threading.main_thread()
    return not alone or batch_cost < _SERIAL_BATCH_COST


class _SerialBlas:
    """Keeps BLAS at one thread while somebody wants that.

    BLAS counts for the whole process, and fits in several Python threads begin and end
    in any order: the first one lowers the number, the last one restores it.
    """

    def __init__(self) -> None:
        self.before: list[tuple[Any, int]] = []
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Begin anew, in a process that was forked while somebody was using it."""
        for library, n_threads in self.before:
            library.set_num_threads(n_threads)
        self.lock = threading.Lock()
        self.n_users = 0
        self.before = []

    def __enter__(self) -> None:
        with self.lock:
            self.n_users += 1
            if self.n_users == 1:
                libraries = _blas_libraries()
                self.before = [(lib, lib.get_num_threads()) for lib in libraries]
                for library in libraries:
                    library.set_num_threads(1)

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.n_users -= 1
            if self.n_users == 0:
                for library, n_threads in self.before:
                    library.set_num_threads(n_threads)
                self.before = []


@cache
def _blas_libraries() -> list[Any]:
    """Return the handles of the BLAS that compiled code calls, which is scipy's."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


_serial_blas = _SerialBlas()
