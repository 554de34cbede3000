"""Shallow trees of float64 weights: Gini impurity, weighted error or squared error.

They are grown level by level over columns that were sorted once. Of each column every
node has its rows side by side, in their order, and one pass over them finds its best
split; then the rows part, and stay in order.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._columns import SPACING
from sklearn_dl.utils._kernel import kernel, lean_inner_kernel, lean_kernel

__all__ = ["CRITERIA", "WeightedTree", "best_tree", "empty_trees", "grow_tree"]

CRITERIA = {"gini": 0, "error": 1, "squared_error": 2}

_ERROR, _SQUARED = 1, 2
# Gains that differ by less than this share are equal, in one column by less than a
# tenth of it, see the stumps.
_TIE = 1e-14
_LIGHT = 1e-15
# Products that differ by less than this may be equal but for rounding.
_ROUNDED = 1 - 1e-12
_TINY = 1e-290
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
    trees = empty_trees(1, len(target), max_depth, max(n_classes, 1))
    tree = WeightedTree(*(array[0] for array in trees))
    depth = min(max_depth, len(target))
    size = grow_tree(
        columns, target, weights, depth, CRITERIA[criterion], least_leaf, tree
    )
    return WeightedTree(*(array[:size] for array in tree[:-1]), leaf=tree.leaf)


def empty_trees(n_trees, n_rows, max_depth, n_values=1):
    """Make room for trees.

    Parameters
    ----------
    n_trees : int
        How many trees.
    n_rows : int
        Number of training rows.
    max_depth : int
        Greatest number of splits above a leaf.
    n_values : int, default=1
        How many values a node has.

    Returns
    -------
    trees : WeightedTree
        Each array has one more axis than that of a tree, the first.
    """
    # Of a greater depth the power is larger than any number of rows.
    n_nodes = min(2 ** (min(max_depth, 62) + 1), 2 * n_rows) - 1
    return WeightedTree(
        feature=np.full((n_trees, n_nodes), -1, dtype=np.int64),
        threshold=np.zeros((n_trees, n_nodes)),
        missing_left=np.zeros((n_trees, n_nodes), dtype=np.bool_),
        left=np.full((n_trees, n_nodes), -1, dtype=np.int64),
        right=np.full((n_trees, n_nodes), -1, dtype=np.int64),
        value=np.zeros((n_trees, n_nodes, n_values)),
        impurity=np.zeros((n_trees, n_nodes)),
        weight=np.zeros((n_trees, n_nodes)),
        leaf=np.zeros((n_trees, n_rows), dtype=np.int64),
    )


@kernel
def grow_tree(columns, target, weights, max_depth, criterion, least_leaf, tree):
    """Grow a tree in arrays that are empty.

    Parameters
    ----------
    columns, target, weights, max_depth, least_leaf
        As for :func:`best_tree`.
    criterion : int
        A value of ``CRITERIA``.
    tree : WeightedTree
        One of :func:`empty_trees`. It is changed.

    Returns
    -------
    n_nodes : int
        How many nodes the tree has.
    """
    total = weights.sum()
    offset = 0.0
    if criterion == _SQUARED:
        # Digits are lost to a large mean in sums of squares.
        offset = (weights * target).sum() / total
        target = target - offset
    # A little less: either side of a split may be rounded.
    least = (least_leaf - _LIGHT - least_leaf * _TIE) * total
    size = _grow(columns, target, weights, max_depth, criterion, least, tree)
    tree.value[:size] += offset
    return size


class _Level(NamedTuple):
    """What is known of the nodes of a level: (n_nodes, ...)."""

    # Sums over the rows of a node: the weight of each class, or of weight and target.
    total: np.ndarray
    # Where its rows are in each column of `_Rows.order`.
    first: np.ndarray
    last: np.ndarray
    # Whether the node may be split, and gains that are worth telling apart.
    is_open: np.ndarray
    tie: np.ndarray
    # The best split so far.
    best: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray


class _Column(NamedTuple):
    """One of the sorted columns."""

    values: np.ndarray
    order: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    binned: bool


class _Rows(NamedTuple):
    """The rows that have a weight, as many columns of them."""

    # Ascending.
    used: np.ndarray
    # (n_features, n_used): node by node, and in each by the value of the column.
    order: np.ndarray
    # The same of the next level.
    next_order: np.ndarray
    # (n_rows, 2): the weight, and that times the target, or the class.
    terms: np.ndarray
    # (n_rows,): whether they went to the left last.
    is_left: np.ndarray


@kernel
def _new_level(n_nodes, n_sums):
    return _Level(
        np.zeros((n_nodes, n_sums)),
        np.zeros(n_nodes, dtype=np.int64),
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
    rows = _used_rows(columns, target, weights, criterion)
    sums = np.empty((2, n_sums))
    level = _new_level(1, n_sums)
    level.last[0] = len(rows.used)
    begin, end = 0, 1
    for depth in range(max_depth + 1):
        _describe(rows, target, criterion, begin, level, tree)
        if depth == max_depth:
            break
        _find_splits(columns, rows, criterion, least, sums, level)
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
        _pass_down(columns.values, begin, tree, rows.is_left)
        following = _new_level(size - end, n_sums)
        if depth + 1 < max_depth:
            _part(rows, begin, end, level, following, tree)
            rows = _next_rows(rows)
        level, begin, end = following, end, size
    return end


@kernel
def _used_rows(columns, target, weights, criterion):
    """Return the rows that have a weight, and their order in each column."""
    n_features, n_rows = columns.order.shape
    used = np.flatnonzero(weights).astype(np.int32)
    order = np.empty((n_features, len(used)), dtype=np.int32)
    for f in range(n_features):
        source, goal, k = columns.order[f], order[f], 0
        for p in range(n_rows):
            if k == len(used):
                break
            # Written over by the next row if this one has no weight.
            goal[k] = source[p]
            k += weights[source[p]] != 0
    terms = np.empty((n_rows, 2))
    for row in range(n_rows):
        terms[row, 0] = weights[row]
        factor = weights[row] if criterion == _SQUARED else 1.0
        terms[row, 1] = factor * target[row]
    is_left = np.empty(n_rows, dtype=np.bool_)
    return _Rows(used, order, np.empty_like(order), terms, is_left)


@kernel
def _next_rows(rows):
    return _Rows(rows.used, rows.next_order, rows.order, rows.terms, rows.is_left)


@lean_kernel
def _pass_down(values, begin, tree, went_left):
    """Move rows from the nodes of a level to their children."""
    feature, threshold, missing_left = tree.feature, tree.threshold, tree.missing_left
    left, right, leaf = tree.left, tree.right, tree.leaf
    for row in range(len(leaf)):
        node = leaf[row]
        if node >= begin and feature[node] >= 0:
            value = values[feature[node], row]
            is_left = value <= threshold[node]
            is_left |= np.isnan(value) & missing_left[node]
            went_left[row] = is_left
            leaf[row] = left[node] if is_left else right[node]


@lean_kernel
def _part(rows, begin, end, level, following, tree):
    """Part the rows of the nodes of a level, in the order that they have."""
    for node in range(begin, end):
        if tree.feature[node] < 0:
            continue
        first, last = level.first[node - begin], level.last[node - begin]
        middle = first
        for row in rows.order[0, first:last]:
            middle += rows.is_left[row]
        for f in range(len(rows.order)):
            _part_column(
                rows.order[f], rows.next_order[f], first, middle, last, rows.is_left
            )
        child = tree.left[node] - end
        following.first[child], following.last[child] = first, middle
        following.first[child + 1], following.last[child + 1] = middle, last


@lean_inner_kernel
def _part_column(order, next_order, first, middle, last, is_left):
    """Move rows to the places of their nodes."""
    for p in range(first, last):
        row = order[p]
        here = is_left[row]
        next_order[first if here else middle] = row
        first += here
        middle += not here


@kernel
def _describe(rows, target, criterion, begin, level, tree):
    """Compute sums, value and impurity of the nodes of a level."""
    total, leaf, terms = level.total, tree.leaf, rows.terms
    squares = np.zeros(len(total))
    n_rows = np.zeros(len(total), dtype=np.int64)
    for row in rows.used:
        n = leaf[row] - begin
        if n < 0:
            continue
        n_rows[n] += 1
        if criterion == _SQUARED:
            total[n, 0] += terms[row, 0]
            total[n, 1] += terms[row, 1]
            squares[n] += terms[row, 1] * target[row]
        else:
            total[n, int(terms[row, 1])] += terms[row, 0]
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


@lean_kernel
def _find_splits(columns, rows, criterion, least, sums, level):
    """Find the best split of each node of a level."""
    for f in range(len(rows.order)):
        column = _Column(
            columns.values[f],
            columns.order[f],
            columns.codes[f],
            columns.starts[f],
            columns.binned,
        )
        for n in range(len(level.best)):
            if not level.is_open[n]:
                continue
            here = rows.order[f, level.first[n] : level.last[n]]
            if criterion == _SQUARED:
                _scan_numbers(column, here, rows.terms, least, f, n, level)
            else:
                _scan_classes(
                    column, here, rows.terms, criterion, least, f, n, sums, level
                )


@lean_inner_kernel
def _scan_numbers(column, rows, terms, least, f, n, level):
    """Look for a better split of a node in one column, of numbers."""
    values, total, n_present = column.values, level.total[n], len(rows)
    missing_weight, missing_moment = 0.0, 0.0
    while n_present > 0 and np.isnan(values[rows[n_present - 1]]):
        n_present -= 1
        missing_weight += terms[rows[n_present], 0]
        missing_moment += terms[rows[n_present], 1]
    has_missing = n_present < len(rows)
    weight, moment, limit = 0.0, 0.0, _worth_keeping(level, n, f)
    # So many rows are on the left; if all that have a value, the others are not.
    for p in range(1, n_present + has_missing):
        row = rows[p - 1]
        weight += terms[row, 0]
        moment += terms[row, 1]
        is_end = p == n_present
        if not is_end and not _lies_between(column, row, rows[p]):
            continue
        gain = _gain_of_numbers(weight, moment, total, least, limit)
        if gain > limit:
            limit = _keep(column, rows, p, n_present, gain, False, f, n, level)
        if has_missing and not is_end:
            gain = _gain_of_numbers(
                weight + missing_weight, moment + missing_moment, total, least, limit
            )
            if gain > limit:
                limit = _keep(column, rows, p, n_present, gain, True, f, n, level)


@lean_inner_kernel
def _scan_classes(column, rows, terms, criterion, least, f, n, sums, level):
    """Look for a better split of a node in one column, of classes."""
    values, total, n_present = column.values, level.total[n], len(rows)
    left, missing = sums
    left[:] = 0.0
    missing[:] = 0.0
    while n_present > 0 and np.isnan(values[rows[n_present - 1]]):
        n_present -= 1
        row = rows[n_present]
        missing[int(terms[row, 1])] += terms[row, 0]
    has_missing = n_present < len(rows)
    limit = _worth_keeping(level, n, f)
    # So many rows are on the left; if all that have a value, the others are not.
    for p in range(1, n_present + has_missing):
        row = rows[p - 1]
        left[int(terms[row, 1])] += terms[row, 0]
        is_end = p == n_present
        if not is_end and not _lies_between(column, row, rows[p]):
            continue
        gain = _gain_of_classes(left, missing, 0, total, criterion, least)
        if gain > limit:
            limit = _keep(column, rows, p, n_present, gain, False, f, n, level)
        if has_missing and not is_end:
            gain = _gain_of_classes(left, missing, 1, total, criterion, least)
            if gain > limit:
                limit = _keep(column, rows, p, n_present, gain, True, f, n, level)


@lean_inner_kernel
def _lies_between(column, row, following):
    """Return whether a threshold may lie between two rows."""
    values, codes = column.values, column.codes
    apart = values[following] > values[row] + SPACING
    return apart and (not column.binned or codes[following] != codes[row])


@lean_inner_kernel
def _worth_keeping(level, n, f):
    """Return what the gain of a split has to be above to be the best."""
    tie = level.tie[n] if level.feature[n] != f else level.tie[n] / 10
    return level.best[n] + tie


@lean_inner_kernel
def _keep(column, rows, p, n_present, gain, missing_left, f, n, level):
    """Keep the split in front of a row as the best of its node so far.

    Return what the gain of a better one has to be above.
    """
    level.best[n] = gain
    level.feature[n] = f
    if p == n_present:
        level.threshold[n] = np.inf
    else:
        below, above = column.values[rows[p - 1]], column.values[rows[p]]
        if column.binned:
            # Where the bin ends, whatever rows the node has.
            end = column.starts[column.codes[rows[p - 1]] + 1]
            below = column.values[column.order[end - 1]]
            above = column.values[column.order[end]]
        # Halves in double precision, as scikit-learn's trees compute it.
        level.threshold[n] = np.float64(below) / 2.0 + np.float64(above) / 2.0
    if n_present < len(rows):
        level.missing_left[n] = missing_left
    else:
        # Never seen, they go where most rows go.
        level.missing_left[n] = 2 * p > len(rows)
    return _worth_keeping(level, n, f)


@lean_inner_kernel
def _gain_of_numbers(weight, moment, total, least, limit):
    """Return the gain of a split with these sums of weight and target on its left.

    Or return less, if it is below a limit.
    """
    other_weight, other_moment = total[0] - weight, total[1] - moment
    if weight < least or other_weight < least:
        return -np.inf
    light = _LIGHT * total[0]
    weight, other_weight = max(weight, light), max(other_weight, light)
    square, other_square = moment * moment, other_moment * other_moment
    # Divisions would be most of the time, and few splits are worth one. Numbers as
    # small as they can be have too few digits to tell.
    product = square * other_weight + other_square * weight
    if _TINY < product < limit * weight * other_weight * _ROUNDED:
        return -np.inf
    return square / weight + other_square / other_weight


@lean_inner_kernel
def _gain_of_classes(left, missing, with_missing, total, criterion, least):
    """Return the gain of a split with these weights of the classes on its left."""
    left_weight, weight, left_purity, right_purity = 0.0, 0.0, 0.0, 0.0
    for k in range(len(total)):
        here = left[k] + with_missing * missing[k]
        there = total[k] - here
        weight += total[k]
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
