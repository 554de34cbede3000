"""What the commands say: results on standard output, the rest on standard error."""

import sys
from typing import Any


class CommandError(Exception):
    """Something that the user has to change, told in one line.

    Parameters
    ----------
    message : str
        What is wrong and what was expected.
    """


def say(text: str = "") -> None:
    """Write a line to standard output.

    Parameters
    ----------
    text : str, default=""
        The line.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Write a line to standard error.

    Parameters
    ----------
    text : str
        The line.
    """
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class ProgressLines:
    """A line for each finished fold, for what is not a terminal.

    It is not propagated to the models, so only the comparison's own tasks are told.
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing before the comparison.

        Parameters
        ----------
        estimator : Comparison
            The comparison.

        context : CallbackContext
            Its task.
        """

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing after the comparison.

        Parameters
        ----------
        estimator : Comparison
            The comparison.

        context : CallbackContext
            Its task.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing when a task begins.

        Parameters
        ----------
        estimator : Comparison
            The comparison.

        context : CallbackContext
            The task.
        """

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Tell that a fold is done.

        Parameters
        ----------
        estimator : Comparison
            The comparison.

        context : CallbackContext
            The task.
        """
        if context.task_name == "fold":
            tell(f"{context.parent.task_name}: fold {context.task_id + 1} done")


def make_progress() -> Any:
    """Choose how to show progress.

    Returns
    -------
    callback : ProgressBar or ProgressLines
        Bars on a terminal if rich is installed, else lines.
    """
    if not sys.stdout.isatty():
        return ProgressLines()
    from sklearn.callback import ProgressBar

    try:
        # The bars of each search in each fold would not fit on a screen.
        return ProgressBar(max_propagation_depth=0)
    except ImportError:
        return ProgressLines()
