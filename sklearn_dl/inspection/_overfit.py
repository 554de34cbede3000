"""The test that a network can learn a few rows by heart."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch, check_random_state, indexable

from sklearn_dl._skorch._unwrap import split_network
from sklearn_dl.inspection._front import transform_in_front
from sklearn_dl.utils._sklearn import (
    HasMethods,
    Interval,
    safe_indexing,
    validate_params,
)

# All that keeps a network from learning its training rows by heart, off.
_UNREGULARISED = {
    "alpha": 0.0,
    "callbacks": None,
    "checkpoint": None,
    "class_weight": None,
    "dropout": 0.0,
    "early_stopping": False,
    "ema_decay": None,
    "label_smoothing": 0.0,
    "learning_rate": "constant",
    "n_iter_no_change": np.inf,
    "tol": 0.0,
    "verbose": False,
    "warmup_epochs": 0,
    "weight_decay": 0.0,
}


@validate_params(
    {
        "estimator": [HasMethods(["fit"])],
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def overfit_small_batch(
    estimator, X, y, *, n_samples=10, max_iter=1000, tol=0.01, random_state=None
):
    """Train a network on a few rows, which it must be able to learn by heart.

    A network that cannot reproduce ten rows is broken: its loss, its layers or its
    learning rate are wrong, and more data will not help. The test takes a second.

    Parameters
    ----------
    estimator : estimator
        A neural estimator, or a :class:`~sklearn.pipeline.Pipeline` that ends in one.
        A clone with fresh weights is trained; the estimator is not changed.

    X : {array-like, sparse matrix} of shape (n_samples_total, n_features)
        Rows to choose from. Give them as they go into training, standardised where
        that is done.

    y : array-like of shape (n_samples_total,) or (n_samples_total, n_outputs)
        Their targets.

    n_samples : int, default=10
        How many rows are learned. Those of a classifier with one output come from as
        many classes as possible, evenly.

    max_iter : int, default=1000
        Number of epochs; each is one step on all of these rows.

    tol : float, default=0.01
        The score may lack this much of 1.

    random_state : int, RandomState instance or None, default=None
        Chooses the rows. Pass an int for the same rows each time.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the attributes:

        reached : bool
            Whether the score is at least ``1 - tol``.
        score : float
            The score of the network on the rows that it was trained on: accuracy or
            the coefficient R2.
        losses : ndarray of shape (n_epochs,)
            The loss after each epoch.
        rows : ndarray of shape (n_samples,)
            Indices of the chosen rows.
        estimator : estimator
            The trained network, without the steps in front of it.

    Raises
    ------
    TypeError
        If `estimator` is no neural estimator.
    ValueError
        If all chosen rows have the same target, or if the weights do not stay finite.

    See Also
    --------
    check_gradients : Whether backpropagation is right.
    sklearn_dl.model_selection.LearningRateRange : A learning rate to train with.

    Notes
    -----
    Penalty, dropout, smoothed labels, class weights, early stopping, averaging of the
    weights, schedules and callbacks are off. Architecture, loss, solver and
    `learning_rate_init` are those of the estimator.

    Not every failure is an error in the network. Rows that are alike and have different
    targets cannot be learned, a model without a hidden layer is not made for it, and a
    regressor whose targets are in the hundreds takes long to get there.

    References
    ----------
    - I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016,
      section 11.5.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.inspection import overfit_small_batch
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(random_state=0)
    >>> result = overfit_small_batch(network, X, y, random_state=0)
    >>> result.reached, result.score
    (True, 1.0)
    >>> bool(result.losses[-1] < result.losses[0] / 10)
    True
    """
    front, network = split_network(estimator, "overfit_small_batch")
    X, y = indexable(X, y.toarray() if issparse(y) else y)
    rows = _choose_rows(
        y, n_samples, is_classifier(network), check_random_state(random_state)
    )
    inputs = transform_in_front(front, X, y, fitted=hasattr(network, "net_"))
    inputs, targets = safe_indexing(inputs, rows), safe_indexing(y, rows)
    labels = np.asarray(targets)
    if (labels == labels[0]).all():
        raise ValueError(
            f"y of overfit_small_batch must have rows with different targets, the "
            f"{len(rows)} chosen rows have all {labels[0]!r}."
        )
    trained = clone(network)
    settings = {**_UNREGULARISED, "batch_size": len(rows), "max_iter": max_iter}
    names = settings.keys() & trained.get_params(deep=False).keys()
    trained.set_params(**{name: settings[name] for name in names})
    with warnings.catch_warnings():
        # It is to go on to the last epoch.
        warnings.simplefilter("ignore", ConvergenceWarning)
        trained.fit(inputs, targets)
    score = float(trained.score(inputs, targets))
    return Bunch(
        reached=score >= 1 - tol,
        score=score,
        losses=np.array([epoch["train_loss"] for epoch in trained.history_]),
        rows=rows,
        estimator=trained,
    )


def _choose_rows(y, n_samples, is_classification, random_state):
    """Draw rows without replacement, evenly from the classes where there are any."""
    y = np.asarray(y)
    order = random_state.permutation(len(y))
    if is_classification and y.ndim == 1:
        turn = np.empty(len(y), dtype=int)
        for label in np.unique(y):
            (members,) = np.nonzero(y[order] == label)
            turn[members] = np.arange(len(members))
        # First one row of each class, then a second one, and so on.
        order = order[np.argsort(turn, kind="stable")]
    return order[:n_samples]
