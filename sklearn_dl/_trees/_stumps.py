"""Decision stumps of float64 weights, and a whole boosting of them, compiled.

The weights of AdaBoost are too skewed to be quantised, so sums stay in float64. What
makes a round fast is that only the weights of misclassified rows change: the sums of
the blocks of each column are kept from round to round and take the differences. They
only ever grow, so no digits cancel; the unit of the weights is set back when it gets
large.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._stump_search import (
    CRITERIA,
    LEAST_SHARE,
    PLANE,
    TIE,
    find_stump,
    minimum,
    new_scan,
)
from sklearn_dl.utils._kernel import kernel

__all__ = [
    "CRITERIA",
    "GOES_ON",
    "NO_BETTER_THAN_CHANCE",
    "OVERFLOW",
    "PERFECT",
    "BoostingState",
    "Stumps",
    "best_stump",
    "boost_stumps",
    "empty_stumps",
    "start_boosting",
]

# How a round of boosting ended.
GOES_ON, PERFECT, NO_BETTER_THAN_CHANCE, OVERFLOW = range(4)

# The unit of the weights is set back above this sum, and after so many rounds, so that
# rounding errors of the sums stay below what a row of little weight decides.
_LARGE_SUM = 1e100
_ROUNDS_OF_A_UNIT = 32


class Stumps(NamedTuple):
    """Stumps in the order in which they were fitted.

    Parameters
    ----------
    feature : ndarray of shape (n_stumps,), dtype int64
        The column that is split; -1 if there was none to split.
    threshold : ndarray of shape (n_stumps,), dtype float64
        Rows up to this value go left.
    missing_left : ndarray of shape (n_stumps,), dtype bool
        Whether missing values go left.
    left, right : ndarray of shape (n_stumps, n_classes), dtype float64
        The weight of each class on either side. All is right without a split.
    error : ndarray of shape (n_stumps,), dtype float64
        The share of the weight that is misclassified.
    weight : ndarray of shape (n_stumps,), dtype float64
        The weight of the stump in the vote.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    error: np.ndarray
    weight: np.ndarray


class BoostingState(NamedTuple):
    """What a round of boosting hands on to the next.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,), dtype float64
        The weights of the rows, in a unit of their own.
    sums : ndarray of shape (n_features + 1, 256 * n_classes), dtype float64
        The weight of each class in each block: block b of class k at 256 * k + b. The
        last row means nothing.
    total : ndarray of shape (1,), dtype float64
        The sum of the weights.
    age : ndarray of shape (1,), dtype int64
        The rounds since `sums` was counted from the rows; -1 if it has not been.
    """

    weights: np.ndarray
    sums: np.ndarray
    total: np.ndarray
    age: np.ndarray


def empty_stumps(n_stumps, n_classes):
    """Return room for stumps.

    Parameters
    ----------
    n_stumps : int
        Number of stumps.
    n_classes : int
        Number of classes.

    Returns
    -------
    stumps : Stumps
        Arrays of zeros.
    """
    return Stumps(
        feature=np.zeros(n_stumps, dtype=np.int64),
        threshold=np.zeros(n_stumps),
        missing_left=np.zeros(n_stumps, dtype=np.bool_),
        left=np.zeros((n_stumps, n_classes)),
        right=np.zeros((n_stumps, n_classes)),
        error=np.ones(n_stumps),
        weight=np.zeros(n_stumps),
    )


def start_boosting(columns, n_classes, weights):
    """Return the state before the first round.

    Parameters
    ----------
    columns : SortedColumns
        The training rows.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_rows,), dtype float64
        Positive weights of the rows. They are copied.

    Returns
    -------
    state : BoostingState
        The state, with weights that add up to 1.
    """
    n_features = len(columns.n_blocks)
    return BoostingState(
        weights=weights / weights.sum(),
        sums=np.empty((n_features + 1, PLANE * n_classes)),
        total=np.ones(1),
        age=np.full(1, -1, dtype=np.int64),
    )


def best_stump(columns, y, n_classes, weights, criterion="gini", least_leaf=0.0):
    """Find the best stump for given weights.

    Ties are decided by the lowest feature, then the lowest threshold.

    Parameters
    ----------
    columns : SortedColumns
        The training rows.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_rows,), dtype float64
        Non-negative weights of the rows.
    criterion : {"gini", "error"}, default="gini"
        What is best: the least Gini impurity or the least weighted error.
    least_leaf : float, default=0.0
        The share of the weight that a leaf has at least.

    Returns
    -------
    stumps : Stumps
        One stump, with its error and no weight.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl._trees._columns import sort_columns
    >>> from sklearn_dl._trees._stumps import best_stump
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32)
    >>> weights = np.array([0.1, 0.2, 0.3, 0.4])
    >>> columns = sort_columns(X, weights)
    >>> stump = best_stump(columns, np.array([0, 0, 1, 1]), 2, weights)
    >>> float(stump.threshold[0]), float(stump.error[0])
    (2.5, 0.0)
    """
    stumps = empty_stumps(1, n_classes)
    state = start_boosting(columns, n_classes, weights)
    _count_sums(columns, y, state)
    scan = new_scan(len(columns.n_blocks), n_classes)
    find_stump(columns, y, state, CRITERIA[criterion], least_leaf, scan, stumps, 0)
    left, right = stumps.left[0], stumps.right[0]
    stumps.error[0] = 1 - (left.max() + right.max()) / (left.sum() + right.sum())
    return stumps


@kernel
def boost_stumps(
    columns, y, criterion, least_leaf, learning_rate, state, stumps, first, last
):
    """Fit stumps of the numbers `first` to `last`, each to what the others got wrong.

    Parameters
    ----------
    columns : SortedColumns
        The training rows.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    criterion : int
        A value of `CRITERIA`.
    least_leaf : float
        The share of the weight that a leaf has at least.
    learning_rate : float
        Factor of the weights of the stumps.
    state : BoostingState
        Brought forward by each round.
    stumps : Stumps
        Filled.
    first, last : int
        The first stump, and the one at which to stop.

    Returns
    -------
    n_stumps : int
        How many stumps there are now.
    outcome : int
        How the last round ended. A stump that is no better than chance is not counted.
    """
    n_classes = stumps.left.shape[1]
    # Without a sign, an index is not checked for counting from the end.
    wrong = np.empty(len(y), dtype=np.uint32)
    added = np.empty(len(y))
    scan = new_scan(len(columns.n_blocks), n_classes)
    for t in range(first, last):
        if state.age[0] < 0 or state.age[0] >= _ROUNDS_OF_A_UNIT:
            _count_sums(columns, y, state)
        find_stump(columns, y, state, criterion, least_leaf, scan, stumps, t)
        n_wrong, weight_wrong = _misclassified(columns, y, state, stumps, t, wrong)
        if n_wrong == 0:
            stumps.error[t], stumps.weight[t] = 0.0, 1.0
            return t + 1, PERFECT
        error = weight_wrong / state.total[0]
        if error >= 1 - 1 / n_classes - TIE:
            stumps.error[t] = error
            return t, NO_BETTER_THAN_CHANCE
        alpha = learning_rate * (np.log((1 - error) / error) + np.log(n_classes - 1.0))
        stumps.error[t], stumps.weight[t] = error, alpha
        factor = np.exp(alpha)
        # What is added to a sum is never more than an eps of it can take up later.
        if not state.total[0] * factor < _LARGE_SUM:
            state.weights[:] /= state.total[0]
            weight_wrong /= state.total[0]
            state.total[0] = 1.0
            state.age[0] = -1
            if not factor < np.inf:
                return t + 1, OVERFLOW
        _reweigh(columns, y, state, factor, weight_wrong, wrong[:n_wrong], added)
    return last, GOES_ON


@kernel
def _count_sums(columns, y, state):
    """Count the weight of each class in each block."""
    state.total[0] = state.weights.sum()
    if state.total[0] > 0:
        state.weights[:] /= state.total[0]
        state.total[0] = 1.0
    state.age[0] = 0
    state.sums[:] = 0.0
    for f in range(len(columns.n_blocks)):
        sums, codes = state.sums[f], columns.codes[f]
        for i in range(len(y)):
            sums[y[i] * PLANE + codes[i]] += state.weights[i]


@kernel
def _misclassified(columns, y, state, stumps, t, wrong):
    """Write down the rows that a stump gets wrong; return their number and weight."""
    left_class, right_class = _heaviest(stumps.left[t]), _heaviest(stumps.right[t])
    threshold, missing_left = stumps.threshold[t], stumps.missing_left[t]
    n_wrong, weight_wrong = 0, 0.0
    feature = stumps.feature[t]
    values = columns.values[max(feature, 0)]
    for i in range(len(y)):
        value = values[i]
        left = value <= threshold or (missing_left and np.isnan(value))
        predicted = left_class if left and feature >= 0 else right_class
        if predicted != y[i]:
            wrong[n_wrong] = i
            n_wrong += 1
            weight_wrong += state.weights[i]
    return n_wrong, weight_wrong


@kernel
def _heaviest(class_weights):
    """Return the heaviest class, the first of those that are equal but for rounding."""
    best, tolerance = 0, TIE * class_weights.sum()
    for k in range(1, len(class_weights)):
        if class_weights[k] > class_weights[best] + tolerance:
            best = k
    return best


@kernel
def _reweigh(columns, y, state, factor, weight_wrong, wrong, added):
    """Multiply the weights of misclassified rows and carry it over to the sums."""
    weights = state.weights
    for j in range(len(wrong)):
        i = wrong[j]
        added[j] = weights[i] * (factor - 1)
        weights[i] += added[j]
    state.total[0] += weight_wrong * (factor - 1)
    least = LEAST_SHARE * state.total[0]
    if state.age[0] >= 0:
        planes = np.empty(len(wrong), dtype=np.uint32)
        for j in range(len(wrong)):
            planes[j] = y[wrong[j]] * PLANE
        _add_to_sums(columns.codes, wrong, planes, added, state.sums)
        state.age[0] += 1
    if minimum(weights) < least:
        _lift(columns, y, state, least)


@kernel
def _add_to_sums(codes, rows, planes, added, sums):
    """Add to the sums of the blocks in which some rows lie."""
    n_features = len(codes)
    # Two columns at a time, so that a row is looked up once for both. Behind the last
    # one there is room for a partner.
    for f in range(0, n_features, 2):
        partner = min(f + 1, n_features - 1)
        sums_here, codes_here = sums[f], codes[f]
        sums_there, codes_there = sums[f + 1], codes[partner]
        for j in range(len(rows)):
            row, plane, weight = rows[j], planes[j], added[j]
            sums_here[plane + codes_here[row]] += weight
            sums_there[plane + codes_there[row]] += weight


@kernel
def _lift(columns, y, state, least):
    """Lift the weights that have become too light."""
    for i in range(len(y)):
        if state.weights[i] < least:
            for f in range(len(columns.n_blocks)):
                block = y[i] * PLANE + columns.codes[f, i]
                state.sums[f, block] += least - state.weights[i]
            state.total[0] += least - state.weights[i]
            state.weights[i] = least
