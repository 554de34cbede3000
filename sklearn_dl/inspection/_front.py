"""The steps of a pipeline in front of a network."""

from sklearn.base import clone


def transform_in_front(front, X, y, *, fitted):
    """Return what the network of a pipeline gets to see.

    Parameters
    ----------
    front : Pipeline or None
        The steps in front of the network.
    X, y
        What the pipeline takes.
    fitted : bool
        Whether the steps are fitted; clones of them are fitted otherwise.

    Returns
    -------
    X : array-like
        The transformed rows.
    """
    if front is None:
        return X
    return front.transform(X) if fitted else clone(front).fit_transform(X, y)
