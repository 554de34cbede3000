"""Warnings and errors of the library.

::

    Exception
    └── ValueError
        └── CheckpointError
    Warning
    └── UserWarning
        └── InterruptedFitWarning

What scikit-learn has a class for is raised as scikit-learn's own:
:class:`~sklearn.exceptions.NotFittedError`,
:class:`~sklearn.exceptions.ConvergenceWarning`.
"""

__all__ = ["CheckpointError", "InterruptedFitWarning"]


class CheckpointError(ValueError):
    """A checkpoint file cannot be read, or belongs to something else."""


class InterruptedFitWarning(UserWarning):
    """``fit`` was interrupted from the keyboard and kept the best weights so far."""
