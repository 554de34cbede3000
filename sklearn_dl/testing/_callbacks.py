"""Checks that scikit-learn's callbacks see a fit as it goes."""

from __future__ import annotations

import importlib.util
import io
from contextlib import redirect_stdout
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

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

__all__ = ["check_callbacks"]


class _Recorder:
    """A callback that keeps what it sees; it can stop the fit at the first task."""

    def __init__(self, X: Any, stop: bool = False):
        self.X = X
        self.stop = stop
        self.events: list[str] = []
        self.tasks: list[int] = []
        self.begun: list[int] = []
        # An estimator as it was at the end of each task, and its outputs right then.
        self.snapshots: list[tuple[Any, dict[str, Any]]] = []
        self.last: dict[str, Any] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Note the beginning of the fit."""
        self.events.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Note the end of the fit."""
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Note the beginning of a task."""
        if context.parent is not None:
            self.begun.append(context.task_id)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        """Note the end of a task and predict with what has been learned so far."""
        if fitted_estimator is None:
            raise AssertionError(
                f"{type(estimator).__name__} gives callbacks no fitted_estimator at "
                f"the end of a task."
            )
        seen = outputs(fitted_estimator, self.X)
        if context.parent is None:
            self.last = seen
            return False
        self.tasks.append(context.task_id)
        self.snapshots.append((fitted_estimator, seen))
        return self.stop


def check_callbacks(estimator: BaseEstimator) -> None:
    """Check that scikit-learn's callbacks see one task an epoch.

    A callback must be set up and torn down once, see tasks that begin and end in
    turn, numbered from 0, and as many as ``n_iter_`` says where the estimator has
    that. The ``fitted_estimator`` that it is given must predict, must no longer change
    when the fit goes on, and must at the end be what the estimator is. Listening must
    not change the outcome, and a callback that asks for it must stop the fit. Where
    rich is installed, a ``ProgressBar`` on a ``GridSearchCV`` must show the
    estimator.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features) and has ``set_callbacks``. It is
        not changed. A ``random_state`` of None is replaced by 0.

    Raises
    ------
    AssertionError
        If callbacks are not told what they should be, or change the outcome.

    See Also
    --------
    sklearn.callback.FitCallback : What a callback has to have.

    Examples
    --------
    >>> from sklearn_dl.neural_network import MLPRegressor
    >>> from sklearn_dl.testing import check_callbacks
    >>> check_callbacks(MLPRegressor(max_iter=3))
    """
    name, problem = type(estimator).__name__, make_problem(estimator)
    recorder = _Recorder(problem.X)
    with promise(estimator, "with a callback"), quietly():
        model = fresh(estimator).set_callbacks(recorder).fit(problem.X, problem.y)
        expected = outputs(fitted(estimator, problem), problem.X)
        actual = outputs(model, problem.X)
    assert_same_outputs(name, actual, expected, "with a callback than without")
    _check_tasks(name, model, recorder)
    assert_same_outputs(name, recorder.last, actual, "for a callback at the end of fit")
    for copy, seen in recorder.snapshots:
        with promise(estimator, "when a callback predicts after the fit"):
            later = outputs(copy, problem.X)
        assert_same_outputs(
            name, later, seen, "for a callback after the fit than at its task's end"
        )
    if recorder.tasks:
        _check_stop(estimator, problem)
    if importlib.util.find_spec("rich"):
        _check_progress_bar(estimator, problem)


def _check_tasks(name: str, model: Any, recorder: _Recorder) -> None:
    if recorder.events != ["setup", "teardown"]:
        raise AssertionError(f"{name} calls {recorder.events} of a callback in fit.")
    if recorder.begun != recorder.tasks:
        raise AssertionError(
            f"{name} begins the tasks {recorder.begun} and ends {recorder.tasks}."
        )
    expected = getattr(model, "n_iter_", len(recorder.tasks))
    if recorder.tasks != list(range(expected)):
        raise AssertionError(
            f"{name} shows callbacks the tasks {recorder.tasks}, expected are "
            f"{expected} of them, numbered from 0."
        )


def _check_stop(estimator: BaseEstimator, problem: Problem) -> None:
    recorder = _Recorder(problem.X, stop=True)
    with promise(estimator, "when a callback stops it"), quietly():
        fresh(estimator).set_callbacks(recorder).fit(problem.X, problem.y)
    if recorder.tasks != [0]:
        raise AssertionError(
            f"{type(estimator).__name__} goes on when a callback asks it to stop: it "
            f"ends the tasks {recorder.tasks}."
        )


def _check_progress_bar(estimator: BaseEstimator, problem: Problem) -> None:
    from sklearn.callback import ProgressBar

    # The score plays no part; not every estimator has one.
    search = GridSearchCV(
        fresh(estimator), {}, cv=2, scoring=_no_score, error_score="raise"
    )
    with (
        promise(estimator, "under a ProgressBar on GridSearchCV"),
        quietly(),
        redirect_stdout(io.StringIO()) as screen,
    ):
        search.set_callbacks(ProgressBar()).fit(problem.X, problem.y)
    if type(estimator).__name__ not in screen.getvalue():
        raise AssertionError(
            f"A ProgressBar on GridSearchCV does not show {type(estimator).__name__}."
        )


def _no_score(estimator: Any, X: Any, y: Any = None) -> float:
    return 0.0
