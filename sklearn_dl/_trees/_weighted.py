"""Shallow trees of float64 weights: Gini impurity, weighted error or squared error.

They are grown level by level over columns that were sorted once: one pass over a column
finds the best split of every node of a level.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._columns import SPACING
from sklearn_dl.utils._kernel import kernel

__all__ = ["CRITERIA", "WeightedTree", "best_tree"]

CRITERIA = {"gini": 0, "error": 1, "squared_error": 2}

_ERROR, _SQUARED = 1, 2
# Gains that differ by less than this share are equal, in one column by less than a
# tenth of it, see the stumps.
_TIE = 1e-14
_LIGHT = 1e-15
# scikit-learn's trees leave nodes alone that are as pure as this.
_PURE = np.finfo(np.float64).eps


class WeightedTree(NamedTuple):
    """A tree as flat arrays; node 0 is its root.

    Parameters
    ----------
    feature : ndarray of shape (n_nodes,), dtype int64
        The column that is split; -1 in a leaf.
    threshold : ndarray of shape (n_nodes,), dtype float64
        Rows up to this value go left.
    missing_left : ndarray of shape (n_nodes,), dtype bool
        Whether missing values go left.
    left, right : ndarray of shape (n_nodes,), dtype int64
        The children; -1 in a leaf.
    value : ndarray of shape (n_nodes, n_values), dtype float64
        The share of each class, or the mean of the target.
    impurity : ndarray of shape (n_nodes,), dtype float64
        The impurity of the node.
    weight : ndarray of shape (n_nodes,), dtype float64
        The weight of the rows in the node.
    leaf : ndarray of shape (n_rows,), dtype int64
        The leaf of each training row, also of those of weight 0.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    impurity: np.ndarray
    weight: np.ndarray
    leaf: np.ndarray


def best_tree(
    columns, target, n_classes, weights, max_depth, criterion, least_leaf=0.0
):
    """Grow a tree for given weights.

    Parameters
    ----------
    columns : SortedColumns
        The training rows.
    target : ndarray of shape (n_rows,), dtype float64
        The class of each row, from 0, or a number.
    n_classes : int
        Number of classes; 0 for numbers.
    weights : ndarray of shape (n_rows,), dtype float64
        Non-negative weights of the rows. Rows of weight 0 have no say.
    max_depth : int
        Greatest number of splits above a leaf.
    criterion : {"gini", "error", "squared_error"}
        What a split makes small. The first two are for classes.
    least_leaf : float, default=0.0
        The share of the weight that a leaf has at least.

    Returns
    -------
    tree : WeightedTree
        The tree, with the leaf of each row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl._trees._columns import sort_columns
    >>> from sklearn_dl._trees._weighted import best_tree
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32)
    >>> columns, weights = sort_columns(X, np.ones(4)), np.ones(4)
    >>> target = np.array([0.0, 1.0, 10.0, 11.0])
    >>> tree = best_tree(columns, target, 0, weights, 1, "squared_error")
    >>> tree.threshold[:1].tolist(), tree.value[tree.leaf, 0].tolist()
    ([2.5], [0.5, 0.5, 10.5, 10.5])
    """
    n_rows = len(target)
    depth = min(max_depth, n_rows)
    n_nodes = 2 * n_rows - 1 if depth > 40 else min(2 ** (depth + 1), 2 * n_rows) - 1
    n_values = max(n_classes, 1)
    tree = WeightedTree(
        feature=np.full(n_nodes, -1, dtype=np.int64),
        threshold=np.zeros(n_nodes),
        missing_left=np.zeros(n_nodes, dtype=np.bool_),
        left=np.full(n_nodes, -1, dtype=np.int64),
        right=np.full(n_nodes, -1, dtype=np.int64),
        value=np.zeros((n_nodes, n_values)),
        impurity=np.zeros(n_nodes),
        weight=np.zeros(n_nodes),
        leaf=np.zeros(n_rows, dtype=np.int64),
    )
    offset = 0.0
    if criterion == "squared_error":
        # Digits are lost to a large mean in sums of squares.
        offset = np.average(target, weights=weights)
        target = target - offset
    # A little less: either side of a split may be rounded.
    least = (least_leaf - _LIGHT - least_leaf * _TIE) * weights.sum()
    size = _grow(columns, target, weights, depth, CRITERIA[criterion], least, tree)
    tree.value[:] += offset
    return WeightedTree(*(array[:size] for array in tree[:-1]), leaf=tree.leaf)


class _Level(NamedTuple):
    """What is known of the nodes of a level: (n_nodes, ...)."""

    # Sums over the rows of a node: the weight of each class, or of weight and target.
    total: np.ndarray
    # The same on the left in the pass over a column, and of missing values.
    left: np.ndarray
    missing: np.ndarray
    # Rows seen in the pass, rows missing, and the last row seen.
    n_seen: np.ndarray
    n_missing: np.ndarray
    previous: np.ndarray
    n_rows: np.ndarray
    # Whether the node may be split, and gains that are worth telling apart.
    is_open: np.ndarray
    tie: np.ndarray
    # The best split so far.
    best: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray


@kernel
def _new_level(n_nodes, n_sums):
    return _Level(
        np.zeros((n_nodes, n_sums)),
        np.empty((n_nodes, n_sums)),
        np.empty((n_nodes, n_sums)),
        np.empty(n_nodes, dtype=np.int64),
        np.empty(n_nodes, dtype=np.int64),
        np.empty(n_nodes, dtype=np.int64),
        np.zeros(n_nodes, dtype=np.int64),
        np.zeros(n_nodes, dtype=np.bool_),
        np.empty(n_nodes),
        np.full(n_nodes, -np.inf),
        np.full(n_nodes, -1, dtype=np.int64),
        np.zeros(n_nodes),
        np.zeros(n_nodes, dtype=np.bool_),
    )


@kernel
def _grow(columns, target, weights, max_depth, criterion, least, tree):
    """Grow a tree; return its number of nodes."""
    n_sums = 2 if criterion == _SQUARED else tree.value.shape[1]
    begin, end = 0, 1
    for depth in range(max_depth + 1):
        level = _new_level(end - begin, n_sums)
        _describe(target, weights, criterion, begin, level, tree)
        if depth == max_depth:
            break
        for f in range(len(columns.n_blocks)):
            _scan_column(
                columns, target, weights, criterion, least, f, begin, level, tree.leaf
            )
        size = end
        for n in range(end - begin):
            if level.feature[n] >= 0:
                tree.feature[begin + n] = level.feature[n]
                tree.threshold[begin + n] = level.threshold[n]
                tree.missing_left[begin + n] = level.missing_left[n]
                tree.left[begin + n], tree.right[begin + n] = size, size + 1
                size += 2
        if size == end:
            break
        _pass_down(columns.values, begin, tree)
        begin, end = end, size
    return end


@kernel
def _pass_down(values, begin, tree):
    """Move rows from the nodes of a level to their children."""
    feature, threshold, missing_left = tree.feature, tree.threshold, tree.missing_left
    left, right, leaf = tree.left, tree.right, tree.leaf
    for row in range(len(leaf)):
        node = leaf[row]
        if node >= begin and feature[node] >= 0:
            value = values[feature[node], row]
            if np.isnan(value):
                is_left = missing_left[node]
            else:
                is_left = value <= threshold[node]
            leaf[row] = left[node] if is_left else right[node]


@kernel
def _describe(target, weights, criterion, begin, level, tree):
    """Compute sums, value and impurity of the nodes of a level."""
    total, n_rows, leaf = level.total, level.n_rows, tree.leaf
    squares = np.zeros(len(total))
    for row in range(len(target)):
        weight, n = weights[row], leaf[row] - begin
        if weight == 0 or n < 0:
            continue
        n_rows[n] += 1
        if criterion == _SQUARED:
            total[n, 0] += weight
            total[n, 1] += weight * target[row]
            squares[n] += weight * target[row] * target[row]
        else:
            total[n, int(target[row])] += weight
    for n in range(len(total)):
        node, sums = begin + n, total[n]
        if criterion == _SQUARED:
            weight = sums[0]
            tree.value[node, 0] = sums[1] / weight
            impurity = squares[n] / weight - (sums[1] / weight) ** 2
            level.tie[n] = _TIE * squares[n]
        else:
            weight = sums.sum()
            tree.value[node] = sums / weight
            if criterion == _ERROR:
                impurity = 1 - tree.value[node].max()
            else:
                impurity = 1 - (tree.value[node] ** 2).sum()
            level.tie[n] = _TIE * weight
        tree.weight[node] = weight
        tree.impurity[node] = max(impurity, 0.0)
        level.is_open[n] = impurity > _PURE and n_rows[n] > 1


@kernel
def _scan_column(columns, target, weights, criterion, least, f, begin, level, leaf):
    """Look for better splits of the nodes of a level in one column."""
    n_present = columns.starts[f, columns.n_blocks[f]]
    # Taken out of their tuples here: in the loop, that would cost more than all else.
    order, values, codes = columns.order[f], columns.values[f], columns.codes[f]
    binned, is_open, total, tie = columns.binned, level.is_open, level.total, level.tie
    left, missing, n_missing = level.left, level.missing, level.n_missing
    n_seen, previous = level.n_seen, level.previous
    best, feature = level.best, level.feature
    is_squared = criterion == _SQUARED
    left[:] = 0.0
    n_seen[:] = 0
    _count_missing(order[n_present:], target, weights, is_squared, begin, level, leaf)
    for p in range(n_present):
        row = order[p]
        n, weight = leaf[row] - begin, weights[row]
        if weight == 0 or n < 0 or not is_open[n]:
            continue
        before = previous[n]
        apart = n_seen[n] > 0 and values[row] > values[before] + SPACING
        if apart and (not binned or codes[row] != codes[before]):
            for direction in range(2 if n_missing[n] > 0 else 1):
                if is_squared:
                    gain = _gain_squared(left, missing, direction, total, n, least)
                else:
                    gain = _gain(left, missing, direction, total, n, criterion, least)
                if gain > best[n] + (tie[n] if feature[n] != f else tie[n] / 10):
                    below, above = values[before], values[row]
                    if binned:
                        # Where the bin ends, whatever rows the node has.
                        end = columns.starts[f, codes[before] + 1]
                        below, above = values[order[end - 1]], values[order[end]]
                    # Halves in double precision, as scikit-learn's trees compute it.
                    threshold = np.float64(below) / 2.0 + np.float64(above) / 2.0
                    _keep(level, f, n, gain, threshold, direction)
        previous[n] = row
        n_seen[n] += 1
        if is_squared:
            left[n, 0] += weight
            left[n, 1] += weight * target[row]
        else:
            left[n, int(target[row])] += weight
    for n in range(len(left)):
        if n_missing[n] > 0 and n_seen[n] > 0:
            # Missing values alone are on the right.
            if is_squared:
                gain = _gain_squared(left, missing, 0, total, n, least)
            else:
                gain = _gain(left, missing, 0, total, n, criterion, least)
            if gain > best[n] + (tie[n] if feature[n] != f else tie[n] / 10):
                _keep(level, f, n, gain, np.inf, 0)


@kernel
def _count_missing(rows, target, weights, is_squared, begin, level, leaf):
    """Add up the rows whose value is missing."""
    level.missing[:] = 0.0
    level.n_missing[:] = 0
    for row in rows:
        n, weight = leaf[row] - begin, weights[row]
        if weight == 0 or n < 0:
            continue
        level.n_missing[n] += 1
        if is_squared:
            level.missing[n, 0] += weight
            level.missing[n, 1] += weight * target[row]
        else:
            level.missing[n, int(target[row])] += weight


@kernel
def _keep(level, f, n, gain, threshold, direction):
    """Keep a split of a node as the best so far."""
    level.best[n] = gain
    level.feature[n] = f
    level.threshold[n] = threshold
    if level.n_missing[n] > 0:
        level.missing_left[n] = direction == 1
    else:
        # Never seen, they go where most rows go.
        level.missing_left[n] = 2 * level.n_seen[n] > level.n_rows[n]


@kernel
def _gain_squared(left, missing, direction, total, n, least):
    """Return the gain of a split with these sums of weight and target on its left."""
    weight = left[n, 0] + direction * missing[n, 0]
    moment = left[n, 1] + direction * missing[n, 1]
    other_weight, other_moment = total[n, 0] - weight, total[n, 1] - moment
    if weight < least or other_weight < least:
        return -np.inf
    light = _LIGHT * total[n, 0]
    gain = moment * moment / max(weight, light)
    return gain + other_moment * other_moment / max(other_weight, light)


@kernel
def _gain(left, missing, direction, total, n, criterion, least):
    """Return the gain of a split with these weights of the classes on its left."""
    left_weight, weight, left_purity, right_purity = 0.0, 0.0, 0.0, 0.0
    for k in range(total.shape[1]):
        here = left[n, k] + direction * missing[n, k]
        there = total[n, k] - here
        weight += total[n, k]
        left_weight += here
        if criterion == _ERROR:
            left_purity = max(left_purity, here)
            right_purity = max(right_purity, there)
        else:
            left_purity += here * here
            right_purity += there * there
    if left_weight < least or weight - left_weight < least:
        return -np.inf
    if criterion == _ERROR:
        return left_purity + right_purity
    light = _LIGHT * weight
    left_purity /= max(left_weight, light)
    return left_purity + right_purity / max(weight - left_weight, light)
