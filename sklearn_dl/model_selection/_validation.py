"""Cross-validation with the folds of a network on threads."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.model_selection import cross_validate as sklearn_cross_validate
from sklearn.utils import indexable

from sklearn_dl.model_selection._joint_fit import JointGroup, plan_joint_fits
from sklearn_dl.model_selection._search_parallel import may_join, run_evaluations
from sklearn_dl.model_selection._search_tasks import Conditions, Evaluation
from sklearn_dl.utils._sklearn import (
    HasMethods,
    StrOptions,
    aggregate_score_dicts,
    insert_error_scores,
    normalize_score_results,
    validate_params,
    warn_or_raise_about_fit_failures,
)

__all__ = ["cross_val_score", "cross_validate"]

_CONSTRAINTS: dict[str, list] = {
    "estimator": [HasMethods("fit")],
    "X": ["array-like", "sparse matrix"],
    "y": ["array-like", None],
    "groups": ["array-like", None],
    "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    "cv": ["cv_object"],
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
    "params": [dict, None],
    "pre_dispatch": [Integral, str],
    "error_score": [StrOptions({"raise"}), Real],
}


@validate_params(
    {
        **_CONSTRAINTS,
        "scoring": [*_CONSTRAINTS["scoring"], list, tuple, dict],
        "return_train_score": ["boolean"],
        "return_estimator": ["boolean"],
        "return_indices": ["boolean"],
    },
    # The estimator validates its own.
    prefer_skip_nested_validation=False,
)
def cross_validate(
    estimator,
    X,
    y=None,
    *,
    groups=None,
    scoring=None,
    cv=None,
    n_jobs=None,
    verbose=0,
    params=None,
    pre_dispatch="2*n_jobs",
    return_train_score=False,
    return_estimator=False,
    return_indices=False,
    error_score=np.nan,
):
    """Score an estimator by cross-validation, with times.

    A drop-in for :func:`sklearn.model_selection.cross_validate`, with the same result.
    The folds of an estimator that implements
    :class:`~sklearn_dl.base.JointFitMixin`, such as a network, or of a pipeline that
    ends in one, are fitted on threads, which share the data and start at once. All
    else goes to scikit-learn.

    Read more in the :ref:`User Guide <joint_fits>`.

    Parameters
    ----------
    estimator : estimator
        What is scored. It is cloned and not changed.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets.

    groups : array-like of shape (n_samples,), default=None
        Groups of rows for the splitter.

    scoring : str, callable, list, tuple or dict, default=None
        What to measure on the held-out rows: a name that scikit-learn knows, a function
        ``scorer(estimator, X, y)`` which returns a number or a dictionary of numbers,
        or several of them. If None, the estimator's `score`.

    cv : int, splitter or iterable, default=None
        How to split the rows: a number of folds (stratified for a classifier), a
        splitter, or an iterable of pairs of training and test rows. None means 5 folds.

    n_jobs : int, default=None
        Number of folds at a time. None means 1 unless in a
        :func:`joblib.parallel_config` context, -1 all processors.

    verbose : int, default=0
        Above 0 joblib's progress is written, above 1 a line for each fit, above 2 its
        scores, above 9 a line for its beginning.

    params : dict, default=None
        What else the estimator's `fit` takes; with metadata routing also what the
        scorer and the splitter take.

    pre_dispatch : int or str, default="2*n_jobs"
        How many folds are handed to the workers ahead, where they are not threads.

    return_train_score : bool, default=False
        Whether to score the training rows too.

    return_estimator : bool, default=False
        Whether to return the fitted estimators.

    return_indices : bool, default=False
        Whether to return the rows of the folds.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, with a warning. With "raise" the error is raised.

    Returns
    -------
    scores : dict of str to array
        One value a fold under `fit_time`, `score_time` and `test_score`, or `test_`
        and the name of each score; under `train_*`, `estimator` and `indices` what was
        asked for.

    See Also
    --------
    cross_val_score : The scores alone.
    GridSearchCV : Search over parameters.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.model_selection import cross_validate
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((16,), learning_rate="cosine", random_state=0)
    >>> result = cross_validate(network, X, y, cv=3, n_jobs=2)
    >>> sorted(result)
    ['fit_time', 'score_time', 'test_score']
    >>> result["test_score"].shape
    (3,)
    """
    returns = {
        "return_train_score": return_train_score,
        "return_estimator": return_estimator,
    }
    options = {"n_jobs": n_jobs, "verbose": verbose, "pre_dispatch": pre_dispatch}
    joint = _groups_on_threads(estimator, y, params, groups)
    if not joint:
        return sklearn_cross_validate(
            estimator,
            X,
            y,
            groups=groups,
            scoring=scoring,
            cv=cv,
            params=params,
            return_indices=return_indices,
            error_score=error_score,
            **returns,
            **options,
        )
    X, y = indexable(X, y)
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    scorer = check_scoring(estimator, scoring, raise_exc=error_score == "raise")
    splits = [*splitter.split(X, y, groups=groups)]
    conditions = Conditions(
        clone(estimator),
        X,
        y,
        scorer,
        fit_params=params or {},
        score_params={},
        error_score=error_score,
        verbose=verbose,
        **returns,
    )
    results = _evaluate(conditions, splits, joint, options)
    warn_or_raise_about_fit_failures(results, error_score)
    if callable(scoring):
        insert_error_scores(results, error_score)
    indices = dict(zip(("train", "test"), zip(*splits, strict=True), strict=True))
    return _collect(results, {"indices": indices} if return_indices else {})


def _groups_on_threads(
    estimator: Any, y: Any, params: dict[str, Any] | None, groups: Any
) -> list[JointGroup]:
    """Return the plan of joint fits, empty where the folds gain nothing by threads."""
    # With metadata routing groups are not taken, which scikit-learn explains.
    metadata = {**(params or {}), **({} if groups is None else {"groups": groups})}
    if not may_join(estimator, y, metadata):
        return []
    joint = plan_joint_fits(estimator, [{}])
    return joint if any(group.threads for group in joint) else []


def _evaluate(
    conditions: Conditions,
    splits: list,
    joint: list[JointGroup],
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    evaluations = [
        Evaluation(k, 0, k, None, train, test) for k, (train, test) in enumerate(splits)
    ]
    results: dict[int, dict[str, Any]] = {}
    run_evaluations(conditions, evaluations, joint, results.update, **options)
    return [results[k] for k in range(len(splits))]


def _collect(results: list[dict[str, Any]], indices: dict[str, Any]) -> dict[str, Any]:
    """Turn results into columns, in scikit-learn's order."""
    columns = aggregate_score_dicts(results)
    kept = {
        name: columns[name]
        for name in ("fit_time", "score_time", "estimator")
        if name in columns
    }
    scores = {
        part: normalize_score_results(columns[f"{part}_scores"])
        for part in ("test", "train")
        if f"{part}_scores" in columns
    }
    named = {
        f"{part}_{name}": scores[part][name]
        for name in scores["test"]
        for part in scores
    }
    return {**kept, **indices, **named}


@validate_params(
    {**_CONSTRAINTS, "pre_dispatch": [Integral, str, None]},
    prefer_skip_nested_validation=False,
)
def cross_val_score(
    estimator,
    X,
    y=None,
    *,
    groups=None,
    scoring=None,
    cv=None,
    n_jobs=None,
    verbose=0,
    params=None,
    pre_dispatch="2*n_jobs",
    error_score=np.nan,
):
    """Score an estimator by cross-validation.

    A drop-in for :func:`sklearn.model_selection.cross_val_score`, with the same result.
    See :func:`cross_validate` for what is different.

    Read more in the :ref:`User Guide <joint_fits>`.

    Parameters
    ----------
    estimator : estimator
        What is scored. It is cloned and not changed.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets.

    groups : array-like of shape (n_samples,), default=None
        Groups of rows for the splitter.

    scoring : str or callable, default=None
        What to measure on the held-out rows: a name that scikit-learn knows, or a
        function ``scorer(estimator, X, y)`` which returns a number. If None, the
        estimator's `score`.

    cv : int, splitter or iterable, default=None
        How to split the rows: a number of folds (stratified for a classifier), a
        splitter, or an iterable of pairs of training and test rows. None means 5 folds.

    n_jobs : int, default=None
        Number of folds at a time. None means 1 unless in a
        :func:`joblib.parallel_config` context, -1 all processors.

    verbose : int, default=0
        Above 0 joblib's progress is written, above 1 a line for each fit, above 2 its
        scores, above 9 a line for its beginning.

    params : dict, default=None
        What else the estimator's `fit` takes; with metadata routing also what the
        scorer and the splitter take.

    pre_dispatch : int or str, default="2*n_jobs"
        How many folds are handed to the workers ahead, where they are not threads.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, with a warning. With "raise" the error is raised.

    Returns
    -------
    scores : ndarray of shape (n_splits,)
        The score on the held-out rows of each fold.

    See Also
    --------
    cross_validate : Several scores, with times and more.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.model_selection import cross_val_score
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((16,), learning_rate="cosine", random_state=0)
    >>> cross_val_score(network, X, y, cv=3, n_jobs=2).shape
    (3,)
    """
    # A scorer under a name may not return several numbers.
    scorer = check_scoring(estimator, scoring)
    scores = cross_validate(
        estimator,
        X,
        y,
        groups=groups,
        scoring={"score": scorer},
        cv=cv,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
        error_score=error_score,
    )
    return scores["test_score"]
