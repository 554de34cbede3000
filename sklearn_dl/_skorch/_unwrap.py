"""The network in what a user hands over."""

from typing import Any

from sklearn.pipeline import Pipeline

from sklearn_dl._skorch._estimator import BaseNeural

__all__ = ["split_network"]


def split_network(estimator: Any, caller: str) -> tuple[Pipeline | None, BaseNeural]:
    """Return the steps in front of a network, and the network.

    Parameters
    ----------
    estimator : estimator
        A neural estimator, or a pipeline whose last step is one. Nothing is cloned.
    caller : str
        Who asks, for the error.

    Returns
    -------
    front : Pipeline or None
        The steps before the network; None without any.
    network : BaseNeural
        The network.
    """
    front, network = None, estimator
    if isinstance(estimator, Pipeline):
        network = estimator.steps[-1][1]
        if len(estimator.steps) > 1:
            front = estimator[:-1]
    if not isinstance(network, BaseNeural):
        raise TypeError(
            f"The 'estimator' parameter of {caller} must be a neural estimator of "
            f"sklearn_dl or a Pipeline that ends in one, got {network!r}."
        )
    return front, network
