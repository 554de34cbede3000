"""One model on one fold: fitted, timed, scored and weighed."""

import pickle
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import numpy as np

from sklearn_dl.utils._sklearn import check_method_params, safe_split


def evaluate_fold(
    name: str,
    estimator: Any,
    X: Any,
    y: Any,
    *,
    fold: int,
    train: np.ndarray,
    test: np.ndarray,
    scorer: Callable,
    metric: str,
    fit_params: dict,
    score_params: dict,
    caller: Any,
    context: Any,
) -> dict[str, Any]:
    """Fit a model on the training part of a fold and score it on the test part.

    Parameters
    ----------
    name : str
        The name of the model in the comparison.

    estimator : estimator
        An unfitted clone; it is fitted here.

    X : array-like of shape (n_samples, ...)
        All samples.

    y : array-like of shape (n_samples, ...) or None
        All targets.

    fold : int
        The number of the fold.

    train, test : ndarray of int
        The rows of the fold.

    scorer : callable
        ``scorer(estimator, X, y)`` gives a number or a dict of numbers.

    metric : str
        The name of the score when the scorer gives a number.

    fit_params, score_params : dict
        Passed to ``fit`` and to the scorer; what has a value a sample is split.

    caller : CallbackSupportMixin
        The comparison, as callbacks see it.

    context : CallbackContext
        The task of this fold.

    Returns
    -------
    row : dict
        ``model``, ``fold``, ``n_train``, ``n_test``, ``scores``, ``fit_time``,
        ``predict_time`` and ``score_time`` in seconds, ``size`` in bytes and ``error``,
        the text of the error or None.
    """
    row: dict[str, Any] = {
        "model": name,
        "fold": fold,
        "n_train": len(train),
        "n_test": len(test),
        "scores": {},
        "fit_time": np.nan,
        "predict_time": np.nan,
        "score_time": np.nan,
        "size": np.nan,
        "error": None,
    }
    stage = "fit"
    try:
        X_train, y_train = safe_split(estimator, X, y, train)
        X_test, y_test = safe_split(estimator, X, y, test, train)
        fit_params = check_method_params(X, params=fit_params, indices=train)
        score_params = check_method_params(X, params=score_params, indices=test)
        start = perf_counter()
        _fit(estimator, X_train, y_train, fit_params, caller=caller, context=context)
        row["fit_time"] = perf_counter() - start

        stage = "predict"
        if hasattr(estimator, "predict"):
            start = perf_counter()
            estimator.predict(X_test)
            row["predict_time"] = perf_counter() - start

        stage = "score"
        targets = () if y_test is None else (y_test,)
        start = perf_counter()
        scores = scorer(estimator, X_test, *targets, **score_params)
        row["score_time"] = perf_counter() - start
        row["scores"], row["error"] = _check_scores(scores, metric)
    except Exception as error:
        row["error"] = f"{stage}: {_one_line(error)}"
        return row
    finally:
        context.call_on_fit_task_end(estimator=caller)
    row["size"] = _pickled_size(estimator)
    return row


def _fit(
    estimator: Any, X: Any, y: Any, params: dict, *, caller: Any, context: Any
) -> None:
    # scikit-learn warns at every fit of an estimator that cannot pass callbacks on;
    # a comparison shows such a model's folds and is silent.
    if hasattr(estimator, "set_callbacks"):
        propagation = context.propagate_callback_context(estimator)
    else:
        propagation = nullcontext()
    targets = () if y is None else (y,)
    with propagation:
        context.call_on_fit_task_begin(estimator=caller, X=X, y=y)
        estimator.fit(X, *targets, **params)


def _check_scores(scores: Any, metric: str) -> tuple[dict[str, float], str | None]:
    """Return scores as a dict of floats, and what went wrong with some of them."""
    if not isinstance(scores, dict):
        scores = {metric: scores}
    values, errors = {}, []
    for name, score in scores.items():
        # Of several metrics those that fail come back as the text of a traceback.
        if isinstance(score, str):
            values[name] = np.nan
            errors.append(f"score: {name}: {score.strip().splitlines()[-1]}")
        else:
            values[name] = float(score)
            if np.isnan(values[name]):
                errors.append(f"score: {name} is NaN")
    return values, "; ".join(errors) or None


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _ByteCounter:
    """A file that only counts what is written to it."""

    def __init__(self) -> None:
        self.n_bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.n_bytes += size
        return size


def _pickled_size(estimator: Any) -> float:
    counter = _ByteCounter()
    try:
        pickle.dump(estimator, counter, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # a lambda among the parameters, say
        return np.nan
    return counter.n_bytes
