"""Checks that weights arrive, and count."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler

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

__all__ = ["check_metadata_routing"]

# The rows are weighed alike, but numbers may be added up in another order.
_SAME_WEIGHTS = 1e-6


def check_metadata_routing(estimator: BaseEstimator) -> None:
    """Check that ``sample_weight`` arrives through routing, and counts.

    With scikit-learn's routing of metadata enabled, an estimator that requests
    weights must learn behind a scaler in a ``Pipeline``, and in a ``GridSearchCV``,
    what it learns when it is given the same weights directly. Weights must make a
    difference. What stands in rows of weight zero must make none.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features) and ``sample_weight`` in fit. It
        is not changed. A ``random_state`` of None is replaced by 0.

    Raises
    ------
    AssertionError
        If weights get lost or do not weigh.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_dl.testing import check_metadata_routing
    >>> check_metadata_routing(Ridge())
    """
    name, problem = type(estimator).__name__, make_problem(estimator)
    scaled = Problem(MaxAbsScaler().fit_transform(problem.X), problem.y)
    weights = np.linspace(0.1, 2.0, len(problem.X))
    weights[::5] = 0.0
    with promise(estimator, "when it is fitted with sample_weight"):
        weighted = outputs(fitted(estimator, scaled, sample_weight=weights), scaled.X)
        unweighted = outputs(fitted(estimator, scaled), scaled.X)
    if all(np.array_equal(weighted[key], unweighted[key]) for key in weighted):
        raise AssertionError(f"{name} learns the same with sample_weight as without.")
    _check_zero_weights(estimator, scaled, weights, weighted)
    for situation, model, X in _routers(estimator, problem, scaled):
        with (
            config_context(enable_metadata_routing=True),
            promise(estimator, situation),
            quietly(),
        ):
            model.fit(X, problem.y, sample_weight=weights)
            actual = outputs(model, X)
        assert_same_outputs(name, actual, weighted, situation, tolerance=_SAME_WEIGHTS)


def _routers(
    estimator: BaseEstimator, problem: Problem, scaled: Problem
) -> list[tuple[str, Any, np.ndarray]]:
    with config_context(enable_metadata_routing=True):
        model = fresh(estimator).set_fit_request(sample_weight=True)
        if hasattr(model, "set_score_request"):
            model.set_score_request(sample_weight=True)
        pipeline = Pipeline([("scale", MaxAbsScaler()), ("model", model)])
        search = GridSearchCV(model, {}, cv=2, scoring=_no_score, error_score="raise")
    return [
        ("with sample_weight routed through a Pipeline", pipeline, problem.X),
        ("with sample_weight routed through a GridSearchCV", search, scaled.X),
    ]


def _no_score(estimator: Any, X: Any, y: Any = None) -> float:
    return 0.0


def _check_zero_weights(
    estimator: BaseEstimator,
    problem: Problem,
    weights: np.ndarray,
    expected: dict[str, np.ndarray],
) -> None:
    nothing = weights == 0
    X, y = problem.X.copy(), problem.y.copy()
    X[nothing] = np.roll(X[nothing], 1, axis=0) / 2
    y[nothing] = np.roll(y[nothing], 1, axis=0)
    situation = "when only rows of weight zero are others"
    with promise(estimator, situation):
        model = fitted(estimator, Problem(X, y), sample_weight=weights)
        actual = outputs(model, problem.X)
    assert_same_outputs(
        type(estimator).__name__, actual, expected, situation, tolerance=_SAME_WEIGHTS
    )
