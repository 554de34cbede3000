"""Checks that an estimator depends on its seed alone and leaves the world alone."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import sklearn
from sklearn.base import BaseEstimator

from sklearn_dl.testing._problem import (
    Problem,
    assert_same_outputs,
    fitted,
    fresh,
    make_problem,
    outputs,
    promise,
    quietly,
)

__all__ = ["check_global_state", "check_reproducible"]

# What the second process runs, with a file to read and one to write.
_CHILD = """
import pickle, sys
from sklearn_dl.testing._problem import outputs, quietly
with open(sys.argv[1], "rb") as file:
    estimator, X, y = pickle.load(file)
with quietly():
    estimator.fit(X, y)
with open(sys.argv[2], "wb") as file:
    pickle.dump(outputs(estimator, X), file)
"""
_CHILD_SECONDS = 300


def check_reproducible(estimator: BaseEstimator) -> None:
    """Check that ``random_state`` determines what is learned, bit by bit.

    The estimator is fitted twice in this process, with the global generators of
    Python, numpy and torch in different states, and once in a second process whose
    strings have other hashes.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed. A
        ``random_state`` of None is replaced by 0.

    Raises
    ------
    AssertionError
        If two of the fits differ.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_dl.testing import check_reproducible
    >>> check_reproducible(DecisionTreeClassifier())
    """
    name, problem = type(estimator).__name__, make_problem(estimator)
    results = []
    for seed in (1, 2):
        with promise(estimator, "when it is fitted"), _seeded_world(seed):
            results.append(outputs(fitted(estimator, problem), problem.X))
    assert_same_outputs(
        name,
        results[1],
        results[0],
        "when it is fitted again with the same random_state",
    )
    assert_same_outputs(
        name,
        _outputs_elsewhere(estimator, problem),
        results[0],
        "when it is fitted in another process with the same random_state",
    )


def _outputs_elsewhere(estimator: BaseEstimator, problem: Problem) -> Any:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONHASHSEED": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        task, result = Path(folder, "task"), Path(folder, "result")
        # cloudpickle also takes classes that were defined in a function.
        task.write_bytes(cloudpickle.dumps((fresh(estimator), problem.X, problem.y)))
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(task), str(result)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_CHILD_SECONDS,
            check=False,
        )
        if done.returncode:
            raise AssertionError(
                f"{type(estimator).__name__} fails in another process: "
                f"{done.stderr.strip()}"
            )
        return pickle.loads(result.read_bytes())


def check_global_state(estimator: BaseEstimator) -> None:
    """Check that fit and predict leave the state of the process as they find it.

    That is the global generators of Python, numpy and torch, torch's number of
    threads, default type, gradient mode and determinism, the filters of warnings,
    numpy's error handling, scikit-learn's configuration and the environment. It holds
    after a fit that succeeds and after fits that raise: for bad data and, where the
    estimator takes callbacks, in the middle. A fit goes before, since what libraries
    do when a process first uses them is not the estimator's.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed. A
        ``random_state`` of None is replaced by 0.

    Raises
    ------
    AssertionError
        If anything is left changed.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn_dl.testing import check_global_state
    >>> check_global_state(SGDClassifier())
    """
    problem = make_problem(estimator)
    broken = np.full_like(problem.X, np.inf)
    with promise(estimator, "when it is fitted"):
        # What libraries set up when they load their last parts, torch in the first
        # optimiser of a process, is theirs.
        fitted(estimator, problem)
    with _seeded_world(3), _unusual_torch(), quietly():
        with _left_alone(estimator, "fit"), promise(estimator, "when it is fitted"):
            model = fresh(estimator).fit(problem.X, problem.y)
        with _left_alone(estimator, "predict"), promise(estimator, "after fit"):
            outputs(model, problem.X)
        with _left_alone(estimator, "a fit of infinite values"), suppress(ValueError):
            fresh(estimator).fit(broken, problem.y)
        if hasattr(estimator, "set_callbacks"):
            model = fresh(estimator).set_callbacks(_Interruption())
            with (
                _left_alone(estimator, "a fit that a callback ends with an error"),
                suppress(_InterruptedError),
            ):
                model.fit(problem.X, problem.y)


class _InterruptedError(Exception):
    """What :class:`_Interruption` raises."""


class _Interruption:
    """A callback that raises at the end of the first task inside a fit."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Raise."""
        raise _InterruptedError


@contextmanager
def _left_alone(estimator: BaseEstimator, action: str) -> Iterator[None]:
    before = _world()
    yield
    after = _world()
    changed = [key for key, value in before.items() if after[key] != value]
    if changed:
        raise AssertionError(
            f"{type(estimator).__name__} changes {' and '.join(changed)} in {action}."
        )


def _world() -> dict[str, Any]:
    """Return the state that everything in this process shares."""
    state = {
        "Python's global generator": random.getstate(),
        "numpy's global generator": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "numpy's error handling": np.geterr(),
        "the filters of warnings": list(warnings.filters),
        "scikit-learn's configuration": sklearn.get_config(),
        "the environment": dict(os.environ),
    }
    if torch := sys.modules.get("torch"):
        state |= {
            "torch's global generator": torch.get_rng_state().numpy().tobytes(),
            "torch's number of threads": torch.get_num_threads(),
            "torch's default dtype": torch.get_default_dtype(),
            "torch's default device": torch.get_default_device(),
            "torch's gradient mode": torch.is_grad_enabled(),
            "torch's inference mode": torch.is_inference_mode_enabled(),
            "torch's determinism": (
                torch.are_deterministic_algorithms_enabled(),
                torch.get_deterministic_debug_mode(),
                torch.backends.cudnn.deterministic,
                torch.backends.cudnn.benchmark,
            ),
            "torch's matmul precision": torch.get_float32_matmul_precision(),
        }
        if torch.cuda.is_available():
            state["the GPUs' generators"] = [
                device_state.numpy().tobytes()
                for device_state in torch.cuda.get_rng_state_all()
            ]
    return state


@contextmanager
def _seeded_world(seed: int) -> Iterator[None]:
    """Seed the global generators for a while and put them back afterwards."""
    # NPY002 asks for generators of one's own; here the global one is the subject.
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch else None
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    if torch:
        torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        if torch:
            torch.set_rng_state(torch_state)


@contextmanager
def _unusual_torch() -> Iterator[None]:
    """Give torch settings that nobody would restore by guessing."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    n_threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(n_threads + 1)
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
        torch.set_default_dtype(dtype)
