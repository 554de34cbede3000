"""What a search asks of a worker: fit candidates on a fold, and score them."""

import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib.logger import short_format_time
from sklearn.base import clone

from sklearn_dl.model_selection._joint_fit import fit_jointly, scoring_parts
from sklearn_dl.model_selection._joint_steps import own
from sklearn_dl.utils._sklearn import (
    MultimetricScorer,
    PassthroughScorer,
    Scorer,
    check_method_params,
    fit_and_score,
    num_samples,
    safe_split,
    score_estimator,
)

# From these degrees of verbosity on there is a line for each evaluation, the line has
# its scores and its fold, and there is one when it begins.
_LINES, _SCORES, _BEGINNINGS = 2, 3, 10


@dataclass(frozen=True)
class Conditions:
    """What all evaluations of a search have in common.

    Parameters
    ----------
    estimator : estimator
        What is cloned for each evaluation.

    X, y : array-like
        All rows.

    scorer : callable
        What :func:`sklearn.metrics.check_scoring` returns, or the user's own.

    fit_params, score_params : dict
        What else `fit` and the scorer take, for all rows.

    return_train_score, return_estimator : bool
        What to return beside the scores.

    error_score : float or "raise"
        The score of a fit that failed.

    verbose : int
        How much to write.

    caller : estimator, default=None
        The search, for callbacks.

    n_candidates, n_splits : int, default=None
        How many there are, for the lines of a search.
    """

    estimator: Any
    X: Any
    y: Any
    scorer: Callable
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    return_train_score: bool
    return_estimator: bool
    error_score: Any
    verbose: int
    caller: Any = None
    n_candidates: int | None = None
    n_splits: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """One candidate on one fold.

    Parameters
    ----------
    number : int
        Place among the results, which are in the order of scikit-learn.

    candidate, split : int
        Which they are.

    parameters : dict or None
        What is set in the estimator.

    train, test : array-like of int or bool
        The rows.

    context : CallbackContext, default=None
        The task that callbacks are told of.
    """

    number: int
    candidate: int
    split: int
    parameters: dict[str, Any] | None
    train: Any
    test: Any
    context: Any = None


Numbered = tuple[int, dict[str, Any]]


def fit_alone(conditions: Conditions, evaluation: Evaluation) -> Numbered:
    """Fit and score one candidate as scikit-learn does.

    Parameters
    ----------
    conditions : Conditions
        What it has in common with others.

    evaluation : Evaluation
        The candidate and the fold.

    Returns
    -------
    number : int
        That of the evaluation.

    result : dict
        As scikit-learn has it.
    """
    c, e = conditions, evaluation
    result = fit_and_score(
        clone(c.estimator),
        c.X,
        c.y,
        scorer=c.scorer,
        train=e.train,
        test=e.test,
        verbose=c.verbose,
        parameters=e.parameters,
        fit_params=c.fit_params,
        score_params=c.score_params,
        return_train_score=c.return_train_score,
        return_n_test_samples=True,
        return_times=True,
        return_estimator=c.return_estimator,
        split_progress=None if c.n_splits is None else (e.split, c.n_splits),
        candidate_progress=(
            None if c.n_candidates is None else (e.candidate, c.n_candidates)
        ),
        error_score=c.error_score,
        caller=c.caller,
        callback_ctx=e.context,
    )
    return e.number, result


def fit_together(
    conditions: Conditions, evaluations: list[Evaluation], stop: list
) -> list[Numbered]:
    """Fit several candidates of one fold together, and score each as it comes.

    Candidates that the joint fit did not come to, because it broke down, are fitted
    one by one.

    Parameters
    ----------
    conditions : Conditions
        What they have in common with others.

    evaluations : list of Evaluation
        The candidates, of the same fold.

    stop : list
        Nobody waits for the results any more once there is anything in it.

    Returns
    -------
    results : list of (int, dict)
        The numbers of the evaluations, and results as scikit-learn has them.
    """
    if stop:
        return []
    fold = _Fold(conditions, evaluations[0])
    messages = [_Message(conditions, evaluation) for evaluation in evaluations]
    for message in messages:
        message.tell_beginning()
    results: dict[int, dict[str, Any]] = {}
    fit_time, failure = 0.0, None
    outcomes = iter(
        fit_jointly(
            conditions.estimator,
            [evaluation.parameters or {} for evaluation in evaluations],
            fold.X_train,
            fold.y_train,
            fold.fit_params,
        )
    )
    while len(results) < len(evaluations):
        begun = time.perf_counter()
        try:
            position, outcome = next(outcomes)
        except Exception as error:
            failure = repr(error)
            break
        took = time.perf_counter() - begun
        result = fold.evaluate(evaluations[position], outcome)
        # Its memory is needed by the next one.
        del outcome
        messages[position].tell_end(result, took)
        results[position] = result
        fit_time += took
        if stop:
            return []
    for result in results.values():
        result["fit_time"] = fit_time / len(results)
    left = [e for k, e in enumerate(evaluations) if k not in results]
    return [
        *(
            (evaluations[position].number, result)
            for position, result in results.items()
        ),
        *_fit_the_rest(conditions, left, failure, stop),
    ]


def _fit_the_rest(
    conditions: Conditions,
    evaluations: list[Evaluation],
    failure: str | None,
    stop: list,
) -> list[Numbered]:
    results = []
    for evaluation in evaluations:
        if stop:
            return []
        results.append(fit_alone(conditions, evaluation))
    if any(result["fit_error"] is None for _, result in results):
        warnings.warn(
            f"The joint fit of {type(conditions.estimator).__name__} ended with "
            f"{failure} before {len(results)} of its candidates came. They were "
            "fitted one by one.",
            RuntimeWarning,
            stacklevel=2,
        )
    return results


class _Fold:
    """The rows of one fold, and how candidates that were fitted to them are scored."""

    def __init__(self, conditions: Conditions, evaluation: Evaluation) -> None:
        c = self.conditions = conditions
        train, test = np.asarray(evaluation.train), np.asarray(evaluation.test)
        self.X_train, self.y_train = safe_split(c.estimator, c.X, c.y, train)
        X_test, y_test = safe_split(c.estimator, c.X, c.y, test, train)
        self.fit_params = check_method_params(c.X, params=c.fit_params, indices=train)
        of_train = check_method_params(c.X, params=c.score_params, indices=train)
        of_test = check_method_params(c.X, params=c.score_params, indices=test)
        self.n_test_samples = num_samples(X_test)
        self._parts = {
            "train": (self.X_train, self.y_train, of_train),
            "test": (X_test, y_test, of_test),
        }
        self._skips_front = not c.score_params and _is_of_predictions(c.scorer)
        # The rows behind the front that the last candidate had.
        self._front: tuple = ()
        self._behind: dict[str, Any] = {}

    def evaluate(self, evaluation: Evaluation, outcome: Any) -> dict[str, Any]:
        """Score what a joint fit handed out, with the callbacks told of it.

        Parameters
        ----------
        evaluation : Evaluation
            What was fitted.

        outcome : estimator or Exception
            What came of it.

        Returns
        -------
        result : dict
            As scikit-learn has it, without the time of the fit.
        """
        c, told = self.conditions, {}
        if evaluation.context is not None:
            weight = self.fit_params.get("sample_weight")
            metadata = None if weight is None else {"sample_weight": weight}
            told = {"X": self.X_train, "y": self.y_train, "metadata": metadata}
            evaluation.context.call_on_fit_task_begin(estimator=c.caller, **told)
        try:
            if isinstance(outcome, Exception):
                result = self._failure(outcome)
            else:
                result = self._scores(outcome)
        finally:
            if evaluation.context is not None:
                evaluation.context.call_on_fit_task_end(estimator=c.caller, **told)
        if c.return_estimator:
            failed = isinstance(outcome, Exception)
            result["estimator"] = clone(c.estimator) if failed else outcome
        return result

    def _failure(self, error: Exception) -> dict[str, Any]:
        c = self.conditions
        if c.error_score == "raise":
            raise error
        parts = ["test_scores", *(["train_scores"] if c.return_train_score else [])]
        scores = {part: c.error_score for part in parts}
        if isinstance(c.scorer, MultimetricScorer):
            scores = {
                part: dict.fromkeys(c.scorer._scorers, c.error_score) for part in parts
            }
        return {
            "fit_error": "".join(traceback.format_exception(error)),
            **scores,
            "n_test_samples": self.n_test_samples,
            "score_time": 0.0,
        }

    def _scores(self, model: Any) -> dict[str, Any]:
        begun = time.perf_counter()
        scores = {"test_scores": self._score(model, "test")}
        score_time = time.perf_counter() - begun
        if self.conditions.return_train_score:
            scores["train_scores"] = self._score(model, "train")
        return {
            "fit_error": None,
            **scores,
            "n_test_samples": self.n_test_samples,
            "score_time": score_time,
        }

    def _score(self, model: Any, part: str) -> Any:
        c = self.conditions
        X, y, params = self._parts[part]
        if self._skips_front:
            model, X = self._behind_front(model, part, X)
        # What a model or a scorer writes into its rows is not for the next candidate.
        X, y = own(X), own(y)
        return score_estimator(model, X, y, c.scorer, params, c.error_score)

    def _behind_front(self, model: Any, part: str, X: Any) -> tuple[Any, Any]:
        """Return the last step and its rows, which candidates of one front share."""
        front, last = scoring_parts(model)
        if not front:
            return model, X
        if [*map(id, front)] != [*map(id, self._front)]:
            self._front, self._behind = front, {}
        if part not in self._behind:
            try:
                rows = own(X)
                for step in front:
                    rows = step.transform(rows)
            except Exception:
                # The pipeline fails likewise, where it is reported as ever.
                return model, X
            self._behind[part] = rows
        return last, self._behind[part]


def _is_of_predictions(scorer: Any) -> bool:
    """Say whether a scorer would not miss the steps in front of the last one."""
    if type(scorer) is MultimetricScorer:
        return all(map(_is_of_predictions, scorer._scorers.values()))
    return type(scorer) in (PassthroughScorer, Scorer)


class _Message:
    """The lines about one evaluation, which are those of scikit-learn."""

    def __init__(self, conditions: Conditions, evaluation: Evaluation) -> None:
        c = self._conditions = conditions
        self._place = ""
        if c.verbose >= _SCORES and c.n_splits is not None:
            self._place = f" {evaluation.split + 1}/{c.n_splits}"
            if c.verbose >= _BEGINNINGS:
                self._place += f"; {evaluation.candidate + 1}/{c.n_candidates}"
        self._parameters = ", ".join(
            f"{name}={value}"
            for name, value in sorted((evaluation.parameters or {}).items())
        )

    def tell_beginning(self) -> None:
        """Write the line of the beginning."""
        if self._conditions.verbose >= _BEGINNINGS:
            line = f"[CV{self._place}] START {self._parameters}"
            sys.stdout.write(f"{line:.<80}\n")

    def tell_end(self, result: dict[str, Any], fit_time: float) -> None:
        """Write the line of the end.

        Parameters
        ----------
        result : dict
            As scikit-learn has it.

        fit_time : float
            Seconds that this candidate took.
        """
        if self._conditions.verbose < _LINES:
            return
        text = self._parameters + ";" * bool(self._parameters)
        if self._conditions.verbose >= _SCORES:
            text += self._scores(result["test_scores"], result.get("train_scores"))
        seconds = short_format_time(fit_time + result["score_time"])
        text += f" total time={seconds}"
        head = f"[CV{self._place}] END "
        sys.stdout.write(f"{head}{text:.>{max(80 - len(head), 0)}}\n")

    def _scores(self, test: Any, train: Any) -> str:
        if not isinstance(test, dict):
            if train is None:
                return f", score={test:.3f}"
            return f", score=(train={train:.3f}, test={test:.3f})"
        return "".join(
            f" {name}: ("
            + (f"train={train[name]:.3f}, " if train is not None else "")
            + f"test={test[name]:.3f})"
            for name in sorted(test)
        )
