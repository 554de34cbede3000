"""Checks that an estimator works inside those of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_clusterer, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils import get_tags

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

__all__ = ["check_meta_estimators"]

# A mean or an inverse may round otherwise than the reference here.
_ROUNDING = 1e-6


def check_meta_estimators(estimator: BaseEstimator) -> None:
    """Check that an estimator works inside scikit-learn's meta-estimators.

    Every estimator goes through ``Pipeline``, ``GridSearchCV``,
    ``RandomizedSearchCV``, ``HalvingGridSearchCV`` and ``cross_validate`` with two
    processes; those that predict also through ``learning_curve`` and
    ``permutation_importance``. Classifiers go through ``CalibratedClassifierCV``,
    ``StackingClassifier``, ``VotingClassifier``, ``BaggingClassifier`` and
    ``MultiOutputClassifier``; regressors through ``StackingRegressor``,
    ``VotingRegressor``, ``BaggingRegressor``, ``MultiOutputRegressor`` and
    ``TransformedTargetRegressor``. Where the outcome is known from fits of the
    estimator alone, it is compared with that.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed. A
        ``random_state`` of None is replaced by 0.

    Raises
    ------
    AssertionError
        If one of them fails or gives something else.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_dl.testing import check_meta_estimators
    >>> check_meta_estimators(GaussianNB())
    """
    problem = make_problem(estimator)
    for name, check in _checks_that_apply(estimator):
        with promise(estimator, f"in {name}"), quietly():
            check(estimator, problem)


def _checks_that_apply(
    estimator: BaseEstimator,
) -> Iterator[tuple[str, Callable[[Any, Problem], None]]]:
    yield "Pipeline", _check_pipeline
    yield "GridSearchCV", _check_grid_search
    yield "RandomizedSearchCV", _check_randomized_search
    yield "HalvingGridSearchCV", _check_halving_search
    yield "cross_validate", _check_cross_validate
    supervised = is_classifier(estimator) or is_regressor(estimator)
    if supervised:
        yield "learning_curve", _check_learning_curve
        yield "permutation_importance", _check_permutation_importance
    if not get_tags(estimator).target_tags.single_output:
        return
    if is_classifier(estimator):
        if hasattr(estimator, "predict_proba") or hasattr(
            estimator, "decision_function"
        ):
            yield "CalibratedClassifierCV", _check_calibration
        yield "StackingClassifier", _check_stacking
        yield "VotingClassifier", _check_voting_classifier
        yield "BaggingClassifier", _check_bagging
        yield "MultiOutputClassifier", _check_multi_output
    elif is_regressor(estimator):
        yield "StackingRegressor", _check_stacking
        yield "VotingRegressor", _check_voting_regressor
        yield "BaggingRegressor", _check_bagging
        yield "MultiOutputRegressor", _check_multi_output
        yield "TransformedTargetRegressor", _check_transformed_target


def _same(estimator: Any, one: Any, other: Any, X: Any, place: str) -> None:
    assert_same_outputs(
        type(estimator).__name__,
        outputs(one, X),
        outputs(other, X),
        f"in {place} than alone",
        tolerance=_ROUNDING,
    )


def _check_pipeline(estimator: Any, problem: Problem) -> None:
    steps = [("scale", MaxAbsScaler()), ("model", fresh(estimator))]
    pipeline = Pipeline(steps).fit(problem.X, problem.y)
    scaled = pipeline[0].transform(problem.X)
    alone = fitted(estimator, Problem(scaled, problem.y))
    _same(estimator, pipeline[-1], alone, scaled, "a Pipeline")
    for method, values in outputs(pipeline, problem.X).items():
        if not np.array_equal(values, outputs(pipeline[-1], scaled)[method]):
            raise AssertionError(f"{method} of a Pipeline differs from its last step.")


def _candidates(estimator: Any) -> dict[str, list[Any]]:
    """Return a grid of two candidates where there is a seed, else of one."""
    return {"random_state": [3, 4]} if hasattr(estimator, "random_state") else {}


def _scoring(estimator: Any) -> Any:
    return None if hasattr(estimator, "score") else _shape_score


def _shape_score(estimator: Any, X: Any, y: Any = None) -> float:
    """Score an estimator without a score by whether it keeps the number of rows."""
    return float(
        all(len(values) == len(X) for values in outputs(estimator, X).values())
    )


def _check_search(estimator: Any, problem: Problem, search: Any) -> None:
    search.fit(problem.X, problem.y)
    alone = fresh(estimator).set_params(**search.best_params_)
    alone.fit(problem.X, problem.y)
    _same(estimator, search.best_estimator_, alone, problem.X, type(search).__name__)


def _check_grid_search(estimator: Any, problem: Problem) -> None:
    search = GridSearchCV(
        fresh(estimator),
        _candidates(estimator),
        scoring=_scoring(estimator),
        cv=2,
        error_score="raise",
    )
    _check_search(estimator, problem, search)


def _check_randomized_search(estimator: Any, problem: Problem) -> None:
    grid = _candidates(estimator)
    search = RandomizedSearchCV(
        fresh(estimator),
        grid,
        n_iter=2 if grid else 1,
        scoring=_scoring(estimator),
        cv=2,
        random_state=0,
        error_score="raise",
    )
    _check_search(estimator, problem, search)


def _check_halving_search(estimator: Any, problem: Problem) -> None:
    grid = _candidates(estimator)
    if not grid:
        # Halving needs something to leave out.
        return
    search = HalvingGridSearchCV(
        fresh(estimator),
        grid,
        factor=2,
        min_resources=len(problem.X),
        scoring=_scoring(estimator),
        cv=2,
        random_state=0,
        error_score="raise",
    )
    # The first round has half of the rows, still enough of each class.
    twice = Problem(np.concatenate([problem.X] * 2), np.concatenate([problem.y] * 2))
    _check_search(estimator, twice, search)


def _check_cross_validate(estimator: Any, problem: Problem) -> None:
    results = [
        cross_validate(
            fresh(estimator),
            problem.X,
            problem.y,
            scoring=_scoring(estimator),
            cv=_folds(estimator),
            n_jobs=n_jobs,
            return_estimator=True,
            error_score="raise",
        )["estimator"]
        for n_jobs in (1, 2)
    ]
    for here, elsewhere in zip(*results, strict=True):
        _same(estimator, elsewhere, here, problem.X, "cross_validate(n_jobs=2)")


def _folds(estimator: Any) -> Any:
    return KFold(2) if is_clusterer(estimator) else 2


def _check_learning_curve(estimator: Any, problem: Problem) -> None:
    sizes, train, test = learning_curve(
        fresh(estimator),
        problem.X,
        problem.y,
        train_sizes=[0.7, 1.0],
        cv=2,
        shuffle=True,
        random_state=0,
        error_score="raise",
    )
    half = len(problem.X) // 2
    if list(sizes) != [int(0.7 * half), half]:
        raise AssertionError(f"learning_curve has the training sizes {sizes}.")
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise AssertionError(
            f"{type(estimator).__name__} has scores that are not finite in "
            f"learning_curve."
        )


def _check_permutation_importance(estimator: Any, problem: Problem) -> None:
    # Rows look the same when a constant is permuted.
    X = np.column_stack([problem.X, np.ones(len(problem.X))])
    model = fitted(estimator, Problem(X, problem.y))
    result = permutation_importance(model, X, problem.y, n_repeats=2, random_state=0)
    if result.importances_mean[-1] != 0:
        raise AssertionError(
            f"{type(estimator).__name__} gives a constant feature the importance "
            f"{result.importances_mean[-1]} and not 0 in permutation_importance."
        )


def _check_calibration(estimator: Any, problem: Problem) -> None:
    model = CalibratedClassifierCV(fresh(estimator), cv=2)
    model.fit(problem.X, problem.y)
    probabilities = model.predict_proba(problem.X)
    if not np.allclose(probabilities.sum(axis=1), 1):
        raise AssertionError(
            f"The probabilities of a calibrated {type(estimator).__name__} do not add "
            f"up to 1."
        )


def _check_stacking(estimator: Any, problem: Problem) -> None:
    if is_classifier(estimator):
        model = StackingClassifier(
            [("model", fresh(estimator))], LogisticRegression(), cv=2
        )
    else:
        model = StackingRegressor([("model", fresh(estimator))], Ridge(), cv=2)
    model.fit(problem.X, problem.y)
    alone = fitted(estimator, problem)
    # A stack of classifiers hands on codes, which are the labels here.
    _same(estimator, model.named_estimators_["model"], alone, problem.X, "a stack")


def _check_voting_classifier(estimator: Any, problem: Problem) -> None:
    soft = hasattr(estimator, "predict_proba")
    members = [("one", fresh(estimator)), ("other", fresh(estimator))]
    model = VotingClassifier(members, voting="soft" if soft else "hard")
    model.fit(problem.X, problem.y)
    alone = fitted(estimator, problem)
    methods = ("predict", "predict_proba") if soft else ("predict",)
    # Two members that are the same vote as one of them does.
    assert_same_outputs(
        type(estimator).__name__,
        {method: getattr(model, method)(problem.X) for method in methods},
        {method: getattr(alone, method)(problem.X) for method in methods},
        "in a VotingClassifier of two than alone",
        tolerance=_ROUNDING,
    )


def _check_voting_regressor(estimator: Any, problem: Problem) -> None:
    members = [("one", fresh(estimator)), ("other", fresh(estimator))]
    model = VotingRegressor(members).fit(problem.X, problem.y)
    assert_same_outputs(
        type(estimator).__name__,
        {"predict": model.predict(problem.X)},
        {"predict": fitted(estimator, problem).predict(problem.X)},
        "in a VotingRegressor of two than alone",
        tolerance=_ROUNDING,
    )


def _check_bagging(estimator: Any, problem: Problem) -> None:
    bag = BaggingClassifier if is_classifier(estimator) else BaggingRegressor
    predictions = [
        bag(fresh(estimator), n_estimators=2, random_state=0)
        .fit(problem.X, problem.y)
        .predict(problem.X)
        for _ in range(2)
    ]
    if not np.array_equal(*predictions):
        raise AssertionError(
            f"{type(estimator).__name__} in a {bag.__name__} predicts other values "
            f"with the same random_state."
        )


def _check_multi_output(estimator: Any, problem: Problem) -> None:
    targets = np.stack([problem.y, problem.y[::-1]], axis=1)
    several = (
        MultiOutputClassifier if is_classifier(estimator) else MultiOutputRegressor
    )
    model = several(fresh(estimator)).fit(problem.X, targets)
    columns = [
        fitted(estimator, Problem(problem.X, column)).predict(problem.X)
        for column in targets.T
    ]
    assert_same_outputs(
        type(estimator).__name__,
        {"predict": model.predict(problem.X)},
        {"predict": np.stack(columns, axis=1)},
        f"in a {several.__name__} than alone",
        tolerance=_ROUNDING,
    )


def _check_transformed_target(estimator: Any, problem: Problem) -> None:
    model = TransformedTargetRegressor(
        fresh(estimator), func=_double, inverse_func=_halve
    ).fit(problem.X, problem.y)
    alone = fitted(estimator, Problem(problem.X, _double(problem.y)))
    assert_same_outputs(
        type(estimator).__name__,
        {"predict": model.predict(problem.X)},
        {"predict": _halve(alone.predict(problem.X))},
        "in a TransformedTargetRegressor than alone",
        tolerance=_ROUNDING,
    )


def _double(y: np.ndarray) -> np.ndarray:
    return 2 * y


def _halve(y: np.ndarray) -> np.ndarray:
    return y / 2
