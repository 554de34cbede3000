"""Checks that what comes in may lie in memory as it likes, and stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from sklearn_dl.testing._problem import (
    Problem,
    assert_same_outputs,
    fitted,
    make_problem,
    outputs,
    promise,
)

__all__ = ["check_input_unchanged_and_layouts", "check_set_output_pandas"]

# Sums in another order and, for float16, a network that computes in float32.
_SAME_NUMBERS = 1e-6
_FEWER_DIGITS = 1e-2


def check_input_unchanged_and_layouts(estimator: BaseEstimator) -> None:
    """Check that inputs are not changed and that their layout does not matter.

    X, y and ``sample_weight`` must be the same after fit and predict as before. The
    outputs must be those for an ordinary array when X, and y with it, is read-only
    and mapped into memory, in Fortran's order, negatively strided, big-endian, a
    DataFrame, a list, of float16 or float32, of integers and, where the tags say that
    sparse input is welcome, sparse in each format.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed. A
        ``random_state`` of None is replaced by 0.

    Raises
    ------
    AssertionError
        If an input is changed or a layout makes a difference.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_dl.testing import check_input_unchanged_and_layouts
    >>> check_input_unchanged_and_layouts(StandardScaler())
    """
    name, problem = type(estimator).__name__, make_problem(estimator)
    _check_unchanged(estimator, problem)
    with promise(estimator, "when it is fitted"):
        model = fitted(estimator, problem)
        expected = outputs(model, problem.X)
    whole = Problem(np.round(problem.X), problem.y)
    with tempfile.TemporaryDirectory() as folder:
        for layout, other, tolerance in _layouts(estimator, problem, folder):
            situation = f"when X is {layout}"
            with promise(estimator, f"to predict {situation}"):
                # A model that has seen no names would be right to warn of them, and
                # one that has seen dense rows may refuse sparse ones.
                if not (hasattr(other.X, "columns") or sp.issparse(other.X)):
                    actual = outputs(model, other.X)
                    assert_same_outputs(
                        name,
                        actual,
                        expected,
                        f"{situation} in predict",
                        tolerance=tolerance,
                    )
            with promise(estimator, f"to fit {situation}"):
                actual = outputs(fitted(estimator, other), other.X)
            assert_same_outputs(
                name, actual, expected, f"{situation} in fit", tolerance=tolerance
            )
            # An open file cannot be deleted on some systems.
            del other
    with promise(estimator, "when it is fitted"):
        expected = outputs(fitted(estimator, whole), whole.X)
    for dtype in (np.int64, np.int32, np.int8):
        integers = Problem(whole.X.astype(dtype), whole.y)
        situation = f"when X is of {dtype.__name__}"
        with promise(estimator, situation):
            actual = outputs(fitted(estimator, integers), integers.X)
        assert_same_outputs(name, actual, expected, situation, tolerance=_FEWER_DIGITS)


def _check_unchanged(estimator: BaseEstimator, problem: Problem) -> None:
    inputs = {"X": problem.X, "y": problem.y}
    weights = {}
    if has_fit_parameter(estimator, "sample_weight"):
        weights["sample_weight"] = np.linspace(0.5, 1.5, len(problem.X))
    before = joblib.hash(inputs | weights)
    with promise(estimator, "when it is fitted"):
        model = fitted(estimator, problem, **weights)
        if joblib.hash(inputs | weights) != before:
            raise AssertionError(
                f"{type(estimator).__name__} changes its input in fit."
            )
        outputs(model, problem.X)
    if joblib.hash(inputs | weights) != before:
        raise AssertionError(
            f"{type(estimator).__name__} changes its input in predict."
        )


def _layouts(
    estimator: BaseEstimator, problem: Problem, folder: str
) -> Iterator[tuple[str, Problem, float]]:
    """Yield names of layouts, the problem in that layout, and a tolerance."""
    import pandas as pd

    X, y = problem.X, problem.y

    def both(change: Any) -> Problem:
        return Problem(change(X), change(y))

    def mapped(array: np.ndarray) -> np.ndarray:
        path = Path(folder, f"{joblib.hash(array)}.joblib")
        joblib.dump(array, path)
        return joblib.load(path, mmap_mode="r")

    def reversed_twice(array: np.ndarray) -> np.ndarray:
        backwards = (slice(None, None, -1),) * array.ndim
        return np.ascontiguousarray(array[backwards])[backwards]

    def swapped(array: np.ndarray) -> np.ndarray:
        return array.astype(array.dtype.newbyteorder(">"))

    def in_frame(array: np.ndarray) -> Any:
        # Labels of rows that are neither sorted nor numbers from 0.
        index = np.arange(len(array))[::-1] * 2 + 1
        if array.ndim == 1:
            return pd.Series(array, index=index, name="target")
        columns = [f"column {k}" for k in range(array.shape[1])]
        return pd.DataFrame(array, index=index, columns=columns)

    yield "read-only and mapped into memory", both(mapped), _SAME_NUMBERS
    yield "in Fortran's order", both(np.asfortranarray), _SAME_NUMBERS
    yield "negatively strided", both(reversed_twice), _SAME_NUMBERS
    yield "big-endian", both(swapped), _SAME_NUMBERS
    yield "a DataFrame", both(in_frame), _SAME_NUMBERS
    yield "a list", both(np.ndarray.tolist), _SAME_NUMBERS
    yield "of float32", Problem(X.astype(np.float32), y), _FEWER_DIGITS
    yield "of float16", Problem(X.astype(np.float16), y), _FEWER_DIGITS
    if is_regressor(estimator):
        yield "like y of float32", both(lambda a: a.astype(np.float32)), _FEWER_DIGITS
    if get_tags(estimator).input_tags.sparse:
        for kind in ("csr", "csc", "coo"):
            for container in (f"{kind}_array", f"{kind}_matrix"):
                matrix = getattr(sp, container)(X)
                yield f"a {container}", Problem(matrix, y), _SAME_NUMBERS


def check_set_output_pandas(estimator: BaseEstimator) -> None:
    """Check that a transformer gives DataFrames when it is asked to.

    One whose result is a sparse matrix is not asked: scikit-learn refuses to make a
    DataFrame of it.

    Parameters
    ----------
    estimator : transformer
        Takes arrays of shape (n_samples, n_features). It is not changed.

    Raises
    ------
    AssertionError
        If the DataFrame has other values than the array, other columns than
        ``get_feature_names_out`` says, or not the rows of its input.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_dl.testing import check_set_output_pandas
    >>> check_set_output_pandas(StandardScaler())
    """
    import pandas as pd

    name, problem = type(estimator).__name__, make_problem(estimator)
    frame = pd.DataFrame(
        problem.X,
        index=[f"row {k}" for k in range(len(problem.X))],
        columns=[f"column {k}" for k in range(problem.X.shape[1])],
    )
    in_frame = Problem(frame, problem.y)
    with promise(estimator, "with set_output(transform='pandas')"):
        expected = fitted(estimator, in_frame).transform(frame)
        if sp.issparse(expected):
            return
        model = fitted(estimator, in_frame).set_output(transform="pandas")
        actual = model.transform(frame)
        names = list(model.get_feature_names_out())
    if not isinstance(actual, pd.DataFrame):
        raise AssertionError(
            f"{name} returns {type(actual).__name__} and not DataFrame with "
            f"set_output(transform='pandas')."
        )
    if list(actual.columns) != names:
        raise AssertionError(
            f"{name} returns the columns {list(actual.columns)}, "
            f"get_feature_names_out says {names}."
        )
    if not actual.index.equals(frame.index):
        raise AssertionError(f"{name} loses the index of its input.")
    assert_same_outputs(
        name,
        {"transform": actual.to_numpy()},
        {"transform": np.asarray(expected)},
        "with set_output(transform='pandas')",
        tolerance=_SAME_NUMBERS,
    )
