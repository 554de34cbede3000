"""Whose code a method is."""

from typing import Any

__all__ = ["has_own_fit"]


def has_own_fit(estimator: Any) -> bool:
    """Return whether an estimator is fitted by this library's code.

    A class of the user's own that inherits from one of the library's and has a ``fit``
    of its own wants that one to be called.

    Parameters
    ----------
    estimator : estimator
        An estimator.

    Returns
    -------
    answer : bool
        Whether ``fit`` is the library's.

    Examples
    --------
    >>> from sklearn_dl.utils._origin import has_own_fit
    >>> from sklearn_dl.boosting import AdaBoostClassifier
    >>> has_own_fit(AdaBoostClassifier())
    True
    """
    # Not the function's module, which a decorator may have copied from ours.
    owner = next(cls for cls in type(estimator).__mro__ if "fit" in vars(cls))
    return owner.__module__.partition(".")[0] == __name__.partition(".")[0]
