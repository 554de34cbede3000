"""Check that joint fits end where single fits do."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Number
from types import ModuleType
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from sklearn_dl.testing._problem import fresh, outputs, promise, quietly
from sklearn_dl.testing._reproducibility import _left_alone, _seeded_world

__all__ = ["check_joint_fit"]

Params = dict[str, Any]


def check_joint_fit(
    estimator: BaseEstimator,
    candidates: Sequence[Params],
    X: Any,
    y: Any,
    *,
    fit_params: Mapping[str, Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Check that an estimator ends a joint fit as it ends a fit by itself.

    Each candidate has to come once, with the parameters that it asked for. What it
    predicts and the arrays, whole numbers and lists of numbers in its attributes must
    be those of a single fit. Where a single fit raises, the joint one must give an
    exception of the same type. The estimator, X, y and the state of the process must
    stay as they are. It must do no harm to stop a joint fit half way.

    Parameters
    ----------
    estimator : estimator
        Has the methods of :class:`~sklearn_dl.base.JointFitMixin`, or is a ``Pipeline``
        or an ensemble whose candidates share steps or members. It is not changed. A
        ``random_state`` of None is replaced by 0.
    candidates : sequence of dict
        Parameters, as ``set_params`` takes them. Those that the estimator says it does
        not join are left out; there must be others.
    X : array-like of shape (n_samples, n_features)
        Training rows, for which the fits then also predict.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    fit_params : dict, default=None
        What else ``fit`` takes.
    rtol : float, default=None
        Greatest difference of two numbers, relative to that of the single fit. None
        means 1e-5 where X or the numbers are of type float32, and else 1e-12. Labels
        and whole numbers must be equal.
    atol : float, default=None
        Greatest difference that is allowed beyond that. None means the same as for
        `rtol`.

    Raises
    ------
    AssertionError
        If a joint fit ends otherwise. The message says what differs, and for which
        candidate.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_dl.testing import check_joint_fit
    >>> pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    >>> candidates = [{"logisticregression__C": C} for C in (0.1, 1.0)]
    >>> check_joint_fit(pipeline, candidates, *load_iris(return_X_y=True))
    """
    estimator, fit_params = fresh(estimator), dict(fit_params or {})
    candidates = [candidates[k] for k in _joined(estimator, candidates)]
    with _seeded_world(3), quietly():
        singles = [
            _single_fit(estimator, params, X, y, fit_params) for params in candidates
        ]
        with (
            _unchanged(estimator, X, y),
            _left_alone(estimator, "a joint fit"),
            promise(estimator, "in a joint fit"),
        ):
            next(_joint_fits(estimator, candidates, X, y, fit_params))
            pairs = list(_joint_fits(estimator, candidates, X, y, fit_params))
        outcomes = _outcomes(estimator, pairs, len(candidates))
        tolerances = _Tolerances(X, rtol, atol)
        for k, single in enumerate(singles):
            who = f"{type(estimator).__name__} with {candidates[k]}"
            _assert_same_end(who, outcomes[k], single, X, tolerances)


def _dispatch() -> ModuleType:
    # Not at the top: the searches load torch, which the other checks do without.
    return importlib.import_module("sklearn_dl.model_selection._joint_fit")


def _joined(estimator: Any, candidates: Sequence[Params]) -> list[int]:
    """Return the candidates in groups; raise unless the groups are valid."""
    name = type(estimator).__name__
    with promise(estimator, "when it groups candidates"):
        if hasattr(type(estimator), "joint_fit_groups"):
            groups = estimator.joint_fit_groups(candidates)
        else:
            plan = _dispatch().plan_joint_fits(estimator, candidates)
            groups = [group.candidates for group in plan]
        joined = [k for group in groups for k in group]
    if not joined:
        raise AssertionError(f"{name} joins none of the {len(candidates)} candidates.")
    whole = all(isinstance(k, Integral) for k in joined)
    if not whole or not set(joined) <= set(range(len(candidates))):
        raise AssertionError(
            f"{name} groups the candidates {groups}, expected are positions from 0 to "
            f"{len(candidates) - 1}."
        )
    if len(set(joined)) < len(joined):
        raise AssertionError(f"{name} puts a candidate into two groups: {groups}.")
    return joined


def _single_fit(
    estimator: Any, params: Params, X: Any, y: Any, fit_params: Params
) -> Any:
    """Return a clone fitted as scikit-learn does, or the exception that it raised."""
    X, y = copy.deepcopy((X, y))
    try:
        model = clone(estimator).set_params(**clone(params, safe=False))
        return model.fit(X, y, **fit_params)
    except Exception as error:
        return error


def _joint_fits(
    estimator: Any, candidates: list[Params], X: Any, y: Any, fit_params: Params
) -> Iterator[tuple[int, Any]]:
    if hasattr(type(estimator), "fit_candidates"):
        values = clone(candidates, safe=False)
        return iter(estimator.fit_candidates(values, X, y, **fit_params))
    return _dispatch().fit_jointly(estimator, candidates, X, y, fit_params)


def _outcomes(estimator: Any, pairs: list[tuple[int, Any]], n: int) -> dict[int, Any]:
    positions = [k for k, _ in pairs]
    if sorted(positions) != list(range(n)):
        raise AssertionError(
            f"{type(estimator).__name__} yields the candidates {positions} of a joint "
            f"fit, expected is each from 0 to {n - 1} once."
        )
    return dict(pairs)


# -- what may not change ---------------------------------------------------------------


@contextmanager
def _unchanged(estimator: Any, X: Any, y: Any) -> Iterator[None]:
    name, before = type(estimator).__name__, _state(estimator)
    copies = copy.deepcopy((X, y))
    yield
    if _state(estimator) != before:
        raise AssertionError(f"{name} is changed by a joint fit that it is asked for.")
    for what, now, then in zip("Xy", (X, y), copies, strict=True):
        if not _equal(now, then):
            raise AssertionError(f"{name} changes {what} in a joint fit.")


def _state(estimator: Any) -> dict[str, tuple[str, list[str]]]:
    """Return each part of an estimator in words, with the names of its attributes."""
    parts = {"": estimator, **estimator.get_params()}
    return {
        name: (repr(part), sorted(getattr(part, "__dict__", ())))
        for name, part in parts.items()
    }


def _equal(one: Any, other: Any) -> bool:
    if sparse.issparse(one):
        return (one != other).nnz == 0
    if hasattr(one, "equals"):
        # Data frames.
        return one.equals(other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    return one == other


# -- what must be the same -------------------------------------------------------------


class _Tolerances:
    """How far numbers may be apart."""

    def __init__(self, X: Any, rtol: float | None, atol: float | None):
        self.rtol = rtol
        self.atol = atol
        self.single_precision = getattr(X, "dtype", None) == np.float32

    def assert_close(self, what: str, one: Any, other: Any) -> None:
        """Raise an AssertionError unless two arrays are the same."""
        if one.shape != other.shape:
            raise AssertionError(
                f"{what} has shape {one.shape} after a joint fit and {other.shape} "
                f"after a single one."
            )
        if one.dtype.kind not in "fc" or other.dtype.kind not in "fc":
            if not np.array_equal(one, other):
                raise AssertionError(
                    f"{what} differs in {np.sum(one != other)} of {one.size} values "
                    f"between a joint fit and a single one."
                )
            return
        narrow = self.single_precision or np.float32 in (one.dtype, other.dtype)
        default = 1e-5 if narrow else 1e-12
        rtol = default if self.rtol is None else self.rtol
        atol = default if self.atol is None else self.atol
        if not np.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True):
            raise AssertionError(
                f"{what} differs by up to {np.nanmax(np.abs(one - other)):.3g} between "
                f"a joint fit and a single one, allowed are rtol={rtol} and "
                f"atol={atol}."
            )


def _assert_same_end(
    who: str, joint: Any, single: Any, X: Any, tolerances: _Tolerances
) -> None:
    if isinstance(joint, Exception) or isinstance(single, Exception):
        if type(joint) is not type(single):
            raise AssertionError(
                f"A joint fit of {who} ends with {_in_words(joint)}, a single one with "
                f"{_in_words(single)}."
            ) from (joint if isinstance(joint, Exception) else None)
        return
    if type(joint) is not type(single):
        raise AssertionError(
            f"A joint fit of {who} gives {_in_words(joint)} and not "
            f"{_in_words(single)}."
        )
    _assert_same_parameters(who, joint, single)
    for name, part in _parts(joint).items():
        _assert_same_attributes(
            f"of {name or who}", part, _parts(single)[name], tolerances
        )
    expected = outputs(single, X)
    with promise(joint, "after a joint fit"):
        actual = outputs(joint, X)
    for method, values in expected.items():
        tolerances.assert_close(f"{method} of {who}", actual[method], values)


def _in_words(outcome: Any) -> str:
    if isinstance(outcome, Exception):
        return f"{type(outcome).__name__}: {outcome}"
    return f"a fitted {type(outcome).__name__}"


def _parts(estimator: Any) -> dict[str, Any]:
    """Return an estimator and those in its parameters, by name."""
    parts = {"": estimator, **estimator.get_params()}
    return {
        name: part
        for name, part in parts.items()
        if hasattr(part, "get_params") and not isinstance(part, type)
    }


def _assert_same_parameters(who: str, joint: Any, single: Any) -> None:
    actual, expected = joint.get_params(), single.get_params()
    differing = [
        name
        for name in sorted(actual.keys() | expected.keys())
        if name not in actual
        or name not in expected
        or not _same_parameter(actual[name], expected[name])
    ]
    if differing:
        raise AssertionError(
            f"A joint fit of {who} ends with other values of the parameters "
            f"{', '.join(differing)} than a single one."
        )


def _same_parameter(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return _equal(one, other)
    if isinstance(one, str | Number):
        # A nan is not equal to itself.
        return one == other or repr(one) == repr(other)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same_parameter, one, other))
    # Objects have clones, which need not be equal.
    return True


def _assert_same_attributes(
    whose: str, joint: Any, single: Any, tolerances: _Tolerances
) -> None:
    names = [
        name
        for name in sorted({*dir(joint), *dir(single)})
        if name.endswith("_") and not name.startswith("_")
    ]
    actual, expected = _learned(joint, names), _learned(single, names)
    if actual.keys() != expected.keys():
        raise AssertionError(
            f"A joint fit leaves the attributes {sorted(actual)} {whose}, a single one "
            f"{sorted(expected)}."
        )
    for name, values in expected.items():
        if len(actual[name]) != len(values):
            raise AssertionError(
                f"{name} {whose} has {len(actual[name])} parts after a joint fit and "
                f"{len(values)} after a single one."
            )
        for one, other in zip(actual[name], values, strict=True):
            tolerances.assert_close(f"{name} {whose}", one, other)


def _learned(estimator: Any, names: list[str]) -> dict[str, list[np.ndarray]]:
    """Return those of the attributes that there are, as lists of arrays."""
    # Some are properties, or made when they are first asked for.
    return {
        name: _arrays(getattr(estimator, name))
        for name in names
        if hasattr(estimator, name)
    }


def _arrays(value: Any) -> list[np.ndarray]:
    if sparse.issparse(value):
        return [value.toarray()]
    if isinstance(value, np.ndarray | Integral):
        return [np.asarray(value)]
    if isinstance(value, list | tuple):
        return [
            np.asarray(part) for part in value if isinstance(part, np.ndarray | Number)
        ]
    # Objects and durations.
    return []
