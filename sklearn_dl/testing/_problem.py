"""A small problem for an estimator to learn, and what the estimator makes of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, get_tags

__all__ = [
    "Problem",
    "assert_same_outputs",
    "fitted",
    "fresh",
    "make_problem",
    "outputs",
    "promise",
    "quietly",
]

_N_ROWS = 60
# Methods whose results say what an estimator has learned.
_METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score_samples",
)


@dataclass(frozen=True)
class Problem:
    """Rows and targets that suit an estimator's tags.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows, float64. Every value is a multiple of 1/16 that float16 holds too.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Targets; labels of groups for estimators that do not ask for any.
    """

    X: np.ndarray
    y: np.ndarray


def make_problem(estimator: BaseEstimator) -> Problem:
    """Make a problem that suits an estimator's tags.

    Parameters
    ----------
    estimator : estimator
        Its tags say what it learns from.

    Returns
    -------
    problem : Problem
        60 rows with 5 features, the same in every call.

    Raises
    ------
    ValueError
        If the estimator does not take arrays of two dimensions.
    """
    tags = get_tags(estimator)
    if not tags.input_tags.two_d_array:
        raise ValueError(
            f"The 'estimator' parameter must take arrays of shape (n_samples, "
            f"n_features). Got {estimator!r}, whose tags say that it does not."
        )
    generator = np.random.default_rng(0)
    n_classes = _n_classes(tags)
    labels = np.arange(_N_ROWS) % n_classes
    generator.shuffle(labels)
    X = generator.normal(size=(_N_ROWS, 5))
    X[:, 0] += 3 * labels
    X[:, 1] -= 2 * (labels == 1)
    if tags.input_tags.positive_only:
        X = np.abs(X)
    X = np.round(X * 16) / 16
    return Problem(X, _make_target(tags, X, labels))


def _n_classes(tags: Tags) -> int:
    binary = tags.classifier_tags is not None and not tags.classifier_tags.multi_class
    return 2 if binary else 3


def _make_target(tags: Tags, X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    y = labels
    if tags.estimator_type == "regressor":
        y = X[:, 0] - np.abs(X[:, 2])
        y = np.round((y - y.mean()) / y.std() * 16) / 16
    if tags.target_tags.positive_only:
        y = np.abs(y) + 1
    return y if tags.target_tags.single_output else np.stack([y, y[::-1]], axis=1)


def fresh(estimator: BaseEstimator) -> Any:
    """Return an unfitted clone, in which a ``random_state`` of None is 0."""
    copy = clone(estimator)
    seeds = [
        name
        for name, value in copy.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return copy.set_params(**dict.fromkeys(seeds, 0))


def outputs(estimator: Any, X: Any) -> dict[str, Any]:
    """Return what each method of a fitted estimator gives for X, as arrays."""
    found: dict[str, Any] = {}
    for name in _METHODS:
        if hasattr(estimator, name):
            result = getattr(estimator, name)(X)
            # One array a task from classifiers with several targets.
            parts = result if isinstance(result, list) else [result]
            found |= {
                name if len(parts) == 1 else f"{name}[{k}]": _dense(part)
                for k, part in enumerate(parts)
            }
    if not found:
        raise AssertionError(
            f"{type(estimator).__name__} has none of the methods {', '.join(_METHODS)}."
        )
    return found


def _dense(array: Any) -> np.ndarray:
    return np.asarray(array.toarray() if hasattr(array, "toarray") else array)


def assert_same_outputs(
    name: str,
    actual: dict[str, Any],
    expected: dict[str, Any],
    situation: str,
    *,
    tolerance: float = 0.0,
) -> None:
    """Raise an AssertionError unless both have the same arrays.

    Parameters
    ----------
    name : str
        The name of the estimator.
    actual, expected : dict of str to ndarray
        What :func:`outputs` returned.
    situation : str
        When they should be the same; the sentence ends with it.
    tolerance : float, default=0.0
        Greatest difference of numbers, relative to 1 or to the larger of the expected
        values' magnitudes. With 0 the arrays are compared bit by bit.
    """
    if actual.keys() != expected.keys():
        raise AssertionError(
            f"{name} has the methods {sorted(actual)} and not {sorted(expected)} "
            f"{situation}."
        )
    for method, one in actual.items():
        other = expected[method]
        if one.shape != other.shape:
            raise AssertionError(
                f"{method} of {name} has shape {one.shape} and not {other.shape} "
                f"{situation}."
            )
        numbers = one.dtype.kind in "fc" and other.dtype.kind in "fc"
        if numbers:
            _assert_close(f"{method} of {name}", one, other, situation, tolerance)
        elif not np.array_equal(one, other):
            raise AssertionError(
                f"{method} of {name} differs in {(one != other).sum()} of {one.size} "
                f"values {situation}."
            )


def _assert_close(
    what: str, one: np.ndarray, other: np.ndarray, situation: str, tolerance: float
) -> None:
    if not tolerance:
        if one.dtype != other.dtype:
            raise AssertionError(
                f"{what} has dtype {one.dtype} and not {other.dtype} {situation}."
            )
        if np.array_equal(one, other, equal_nan=True):
            return
    finite = other[np.isfinite(other)]
    scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
    if not np.allclose(one, other, rtol=0, atol=tolerance * scale, equal_nan=True):
        difference = np.abs(one - other)
        raise AssertionError(
            f"{what} differs by up to {np.nanmax(difference):.3g} {situation}."
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Let fits that stop early pass without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@contextmanager
def promise(estimator: Any, action: str) -> Iterator[None]:
    """Turn an error into an AssertionError that names estimator and action."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(
            f"{type(estimator).__name__} fails {action}: "
            f"{type(error).__name__}: {error}"
        ) from error


def fitted(estimator: BaseEstimator, problem: Problem, **fit_params: Any) -> Any:
    """Return a fitted clone."""
    copy = fresh(estimator)
    with quietly():
        return copy.fit(problem.X, problem.y, **fit_params)
