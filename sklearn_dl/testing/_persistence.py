"""Checks that copies of an estimator are what it is."""

from __future__ import annotations

import pickle
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

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

__all__ = ["check_clone", "check_joblib", "check_pickle", "check_skops"]


def check_clone(estimator: BaseEstimator) -> None:
    """Check that a clone is unfitted and learns what its original learns.

    The original is fitted before it is cloned, and a fit must leave the constructor's
    parameters alone.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed.

    Raises
    ------
    AssertionError
        If the clone is fitted, has other parameters or learns something else.

    See Also
    --------
    sklearn.base.clone : Makes an unfitted copy.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_dl.testing import check_clone
    >>> check_clone(Ridge())
    """
    name, problem = type(estimator).__name__, make_problem(estimator)
    unfitted = fresh(estimator)
    with promise(estimator, "when it is fitted and cloned"):
        original = fitted(estimator, problem)
        copy = clone(original)
    _assert_same_parameters(name, original, unfitted, "after fit")
    _assert_same_parameters(name, copy, unfitted, "in a clone of a fitted one")
    try:
        check_is_fitted(copy)
    except NotFittedError:
        pass
    else:
        if original.__sklearn_tags__().requires_fit:
            raise AssertionError(f"A clone of a fitted {name} is fitted.")
    with promise(estimator, "when its clone is fitted"), quietly():
        copy.fit(problem.X, problem.y)
        actual, expected = outputs(copy, problem.X), outputs(original, problem.X)
    assert_same_outputs(name, actual, expected, "in a clone")


def check_pickle(estimator: BaseEstimator) -> None:
    """Check that an estimator comes back from pickle as it went in.

    A fitted one has to have the same attributes, predict the same bits and, where it
    has ``partial_fit``, go on learning from the same state. An unfitted one has to
    learn the same.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed.

    Raises
    ------
    AssertionError
        If something is lost on the way.

    Examples
    --------
    >>> from sklearn.linear_model import Perceptron
    >>> from sklearn_dl.testing import check_pickle
    >>> check_pickle(Perceptron())
    """
    _check_round_trip(
        estimator,
        lambda original: pickle.loads(pickle.dumps(original)),
        "after pickle",
    )


def check_joblib(estimator: BaseEstimator) -> None:
    """Check that an estimator comes back from a file of joblib as it went in.

    The file is read as a whole and, once more, with its arrays mapped into memory,
    where they are read-only.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed.

    Raises
    ------
    AssertionError
        If something is lost on the way.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_dl.testing import check_joblib
    >>> check_joblib(StandardScaler())
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "estimator.joblib")

        def through_file(original: Any, mmap_mode: str | None = None) -> Any:
            joblib.dump(original, path)
            return joblib.load(path, mmap_mode=mmap_mode)

        _check_round_trip(estimator, through_file, "after joblib")
        problem = make_problem(estimator)
        with promise(estimator, "when it is mapped into memory by joblib"):
            original = fitted(estimator, problem)
            copy = through_file(original, mmap_mode="r")
            actual, expected = outputs(copy, problem.X), outputs(original, problem.X)
        assert_same_outputs(
            type(estimator).__name__, actual, expected, "mapped into memory by joblib"
        )
        # Open files cannot be deleted on some systems.
        del copy


def check_skops(estimator: BaseEstimator) -> None:
    """Check that an estimator comes back from skops as it went in.

    skops reads a file without running code from it. The types that it asks about are
    trusted here.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed.

    Raises
    ------
    AssertionError
        If something is lost on the way.
    ImportError
        If skops is not installed.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_dl.testing import check_skops
    >>> check_skops(Ridge())
    """
    import skops.io

    def through_skops(original: Any) -> Any:
        data = skops.io.dumps(original)
        return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))

    _check_round_trip(estimator, through_skops, "after skops")


def _check_round_trip(
    estimator: BaseEstimator, journey: Callable[[Any], Any], situation: str
) -> None:
    name, problem = type(estimator).__name__, make_problem(estimator)
    with promise(estimator, situation):
        original = fitted(estimator, problem)
        copy = journey(original)
        actual, expected = outputs(copy, problem.X), outputs(original, problem.X)
    _assert_same_parameters(name, copy, original, situation)
    missing = _learned(original) - _learned(copy)
    if missing:
        raise AssertionError(f"{name} has lost {sorted(missing)} {situation}.")
    assert_same_outputs(name, actual, expected, situation)
    if hasattr(original, "partial_fit"):
        _check_goes_on(name, copy, original, problem, situation)
    with promise(estimator, f"unfitted, {situation}"), quietly():
        copy = journey(fresh(estimator)).fit(problem.X, problem.y)
        actual = outputs(copy, problem.X)
    assert_same_outputs(name, actual, expected, f"unfitted, {situation}")


def _check_goes_on(
    name: str, copy: Any, original: Any, problem: Problem, situation: str
) -> None:
    with promise(original, f"when partial_fit goes on {situation}"), quietly():
        for _ in range(3):
            copy.partial_fit(problem.X, problem.y)
            original.partial_fit(problem.X, problem.y)
        actual, expected = outputs(copy, problem.X), outputs(original, problem.X)
    assert_same_outputs(name, actual, expected, f"when partial_fit goes on {situation}")


def _learned(estimator: Any) -> set[str]:
    with warnings.catch_warnings():
        # Attributes that are on their way out.
        warnings.simplefilter("ignore", FutureWarning)
        return {
            key
            for key in dir(estimator)
            if key.endswith("_") and key[0] != "_" and hasattr(estimator, key)
        }


def _assert_same_parameters(
    name: str, actual: Any, expected: Any, situation: str
) -> None:
    # Parameters may be arrays, functions and estimators: their hash compares them all.
    one, other = actual.get_params(deep=False), expected.get_params(deep=False)
    changed = [key for key in other if joblib.hash(one[key]) != joblib.hash(other[key])]
    if changed:
        raise AssertionError(f"{name} has other parameters {changed} {situation}.")
