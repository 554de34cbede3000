"""What an estimator has seen of its input, for one that wraps it."""

from typing import Any

__all__ = ["copy_input_names"]


def copy_input_names(source: Any, target: Any) -> None:
    """Take over the number and the names of features that a fitted one has seen.

    Parameters
    ----------
    source : estimator
        The fitted one.
    target : estimator
        What it had of both before is forgotten.
    """
    for name in ("n_features_in_", "feature_names_in_"):
        vars(target).pop(name, None)
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))
