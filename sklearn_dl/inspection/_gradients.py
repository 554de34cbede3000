"""The gradient check."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from sklearn_dl._skorch._gradient_check import gradient_pairs
from sklearn_dl._skorch._unwrap import split_network
from sklearn_dl.inspection._front import transform_in_front
from sklearn_dl.utils._sklearn import HasMethods, Interval, validate_params

_FINE = 1e-7
_WRONG = 1e-3


@validate_params(
    {
        "estimator": [HasMethods(["fit"])],
        "sample_weight": ["array-like", None],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_checks": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def check_gradients(
    estimator, X, y, *, sample_weight=None, epsilon=1e-5, n_checks=30, random_state=None
):
    """Compare a network's gradients with differences of its loss.

    The gradient `a` that backpropagation gives is held against the central differences
    ``n = (J(w + epsilon) - J(w - epsilon)) / (2 epsilon)`` of the loss `J`, for each
    parameter of the network. A custom layer or loss with an error in its backward pass
    still trains, only worse than it should: this check finds it.

    Parameters
    ----------
    estimator : estimator
        A neural estimator, or a :class:`~sklearn.pipeline.Pipeline` that ends in one.
        A fitted one is checked at its weights, an unfitted one at its initial weights.
        It is not changed.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows; a few are enough.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    epsilon : float, default=1e-5
        The step of the differences.

    n_checks : int, default=30
        How many entries of each parameter are checked, at most. They are drawn at
        random.

    random_state : int, RandomState instance or None, default=None
        Draws the entries. Pass an int for the same entries each time.

    Returns
    -------
    table : pandas.DataFrame
        A row for each trained parameter, in the order in which the network lists them,
        with the columns:

        - parameter: its name in the network;
        - shape: its shape;
        - n_checked: how many of its entries were checked;
        - gradient_norm: Euclidean norm of the analytic gradient over these entries;
        - relative_error: ``|a - n| / (|a| + |n|)`` with Euclidean norms;
        - verdict: "fine" for an error of at most 1e-7, "wrong" for 1e-3 and above,
          "look" between these. It is "fine" too where ``|a - n|`` is no more than
          rounding makes of it, as for a bias before a batch normalisation, whose true
          gradient is 0.

    Raises
    ------
    TypeError
        If `estimator` is no neural estimator.

    See Also
    --------
    overfit_small_batch : Whether the network can learn at all.

    Notes
    -----
    Everything is computed in float64 on the CPU, on all rows in one batch, and with the
    penalty of the weights. Dropout is off. Batch normalisation uses the statistics of
    the batch, as in training. A decay of the weights that is left to the optimiser
    (``solver="adamw"``) is not part of the loss, nor are clipped gradients.

    An error in the backward pass of a layer reaches all layers in front of it. Where
    several parameters are wrong, look at the last of them.

    Where a gradient is exactly 0 nothing has been checked. That is so for all layers
    but the last of a network whose last layer begins with zeros: train it for an epoch
    before.

    The loss of a network with kinks, such as ReLU, has no derivative where a unit's
    input is 0. A difference across a kink is off, and gives "look" or even "wrong"
    where nothing is the matter. Few rows make it rare; a smooth activation such as
    "tanh" rules it out. The same holds for weights that an L1 penalty keeps at 0.

    References
    ----------
    - I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016,
      section 11.5.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.inspection import check_gradients
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((5,), activation="tanh", random_state=0)
    >>> table = check_gradients(network, X[::10], y[::10], random_state=0)
    >>> print(table[["parameter", "shape", "verdict"]])
            parameter   shape verdict
    0  dense.0.weight  (5, 4)    fine
    1    dense.0.bias    (5,)    fine
    2  dense.1.weight  (3, 5)    fine
    3    dense.1.bias    (3,)    fine
    """
    import pandas as pd

    front, network = split_network(estimator, "check_gradients")
    pairs = gradient_pairs(
        network,
        transform_in_front(front, X, y, fitted=hasattr(network, "net_")),
        y,
        sample_weight,
        epsilon,
        n_checks,
        check_random_state(random_state),
    )
    return pd.DataFrame([_row(pair) for pair in pairs])


def _row(pair):
    size = np.linalg.norm(pair.analytic)
    difference = np.linalg.norm(pair.analytic - pair.numeric)
    both = size + np.linalg.norm(pair.numeric)
    error = difference / both if both else 0.0
    if error <= _FINE or difference <= pair.rounding:
        verdict = "fine"
    else:
        # What is not a number is wrong.
        verdict = "look" if error < _WRONG else "wrong"
    return {
        "parameter": pair.name,
        "shape": pair.shape,
        "n_checked": len(pair.analytic),
        "gradient_norm": float(size),
        "relative_error": float(error),
        "verdict": verdict,
    }
