"""The rounds of a fit, as callbacks see them."""

from typing import Any

__all__ = ["RoundTasks"]


class RoundTasks:
    """The task of a fit, with a task for each round if callbacks watch it.

    Parameters
    ----------
    estimator : estimator
        What is fitted. Its fit begins here.
    X, y : array-like
        Rows and targets as the user gave them.
    n_rounds : int
        How many rounds there are at most.
    name : str, default="round"
        What they are called.

    Attributes
    ----------
    are_watched : bool
        Whether there are callbacks. Then rounds are run one by one.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, n_rounds: int, name: str = "round"
    ) -> None:
        self.are_watched = hasattr(estimator, "_skl_callbacks")
        self._arguments = {"estimator": estimator, "X": X, "y": y}
        self._fit = estimator._init_callback_context(max_subtasks=n_rounds)
        self._fit.call_on_fit_task_begin(**self._arguments)
        self._name = name
        self._round: Any = None

    def begin_round(self) -> None:
        """Say that a round begins."""
        if self.are_watched:
            self._round = self._fit.subcontext(task_name=self._name)
            self._round.call_on_fit_task_begin(**self._arguments)

    def end_round(self) -> bool:
        """Say that it has ended; return whether a callback stops the fit."""
        return self.are_watched and self._end(self._round)

    def end(self) -> None:
        """Say that the fit has ended."""
        self._end(self._fit)

    def _end(self, task: Any) -> bool:
        stop: bool = task.call_on_fit_task_end(
            **self._arguments, reconstruction_attributes=dict
        )
        return stop
