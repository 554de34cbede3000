"""Prediction by many trees over nodes of 16 bytes.

Where eight rows have no missing value, they go down a tree side by side, as many steps
as the tree is deep: a leaf is its own child, so that nobody has to ask who has arrived.
There is no branch that a processor could guess wrong, and there are eight chains of
loads to overlap.
"""

import numpy as np

from sklearn_dl._trees._threads import barrier
from sklearn_dl.utils._kernel import kernel

# A node that is ready to predict. A row goes to `child` or, if its value is larger than
# the threshold, to the node behind it. The threshold of a set of categories is the
# place of the node, where the table of sets has it.
PACKED = np.dtype(
    [("threshold", np.float64), ("feature", np.int32), ("child", np.int32)]
)
# What is asked only for missing values and categories.
MISSING_LEFT, CATEGORICAL = 1, 2


def pack_nodes(nodes, starts, bins):
    """Make trees ready to predict.

    Parameters
    ----------
    nodes : ndarray of shape (n_nodes,), NODE
        The nodes of some trees, tree after tree; children are counted from the start
        of their tree.
    starts : ndarray of shape (n_trees + 1,), int64
        Where each tree begins.
    bins : Bins
        Where the bins are.

    Returns
    -------
    packed : ndarray of shape (n_nodes,), PACKED
        The nodes, with children counted from the first node of all.
    flags : ndarray of shape (n_nodes,), uint8
        ``MISSING_LEFT`` and ``CATEGORICAL`` of each.
    """
    packed = np.empty(len(nodes), dtype=PACKED)
    is_leaf = nodes["left"] < 0
    feature = np.where(is_leaf, 0, nodes["feature"])
    is_categorical = bins.is_categorical[feature] & ~is_leaf
    # The last bin has no upper end: all values go left, missing ones right.
    is_last = nodes["bin"] >= bins.n_values[feature] - 1
    inside = ~(is_leaf | is_last | is_categorical)
    place = np.where(inside, bins.starts[feature] + nodes["bin"], -1)
    packed["threshold"] = np.append(bins.thresholds, np.inf)[place]
    packed["threshold"][is_categorical] = np.flatnonzero(is_categorical)
    packed["feature"] = feature
    first = np.repeat(starts[:-1], np.diff(starts))
    packed["child"] = np.where(is_leaf, np.arange(len(nodes)), first + nodes["left"])
    flags = MISSING_LEFT * nodes["missing_left"] + CATEGORICAL * is_categorical
    return packed, flags.astype(np.uint8)


@kernel
def _descend(nodes, flags, bits, node, x):
    """Return the leaf of a row that may have missing values."""
    while True:
        child = np.int64(nodes[node].child)
        if child == node:
            return node
        value = x[nodes[node].feature]
        right = value > nodes[node].threshold
        flag = flags[node]
        if flag & CATEGORICAL:
            known = (value >= 0) & (value < 256)
            c = np.int64(value) if known else 0
            word = bits[np.int64(nodes[node].threshold), c >> 5]
            right = not (known and (word >> np.uint32(c & 31)) & np.uint32(1))
        if value != value:
            right = flag & MISSING_LEFT == 0
        node = child + (1 if right else 0)


@kernel
def _step(nodes, node, x):
    """Return the next node of a row without missing values."""
    entry = nodes[node]
    return np.uint32(entry.child + (x[np.uint32(entry.feature)] > entry.threshold))


@kernel
def _predict_eight(X, row, nodes, values, starts, depths, first_tree, last_tree, out):
    """Add the values of trees to the sums of eight rows without missing values."""
    n_outputs = out.shape[1]
    x0, x1, x2, x3 = X[row], X[row + 1], X[row + 2], X[row + 3]
    x4, x5, x6, x7 = X[row + 4], X[row + 5], X[row + 6], X[row + 7]
    for t in range(first_tree, last_tree):
        a = b = c = d = e = f = g = h = np.uint32(starts[t])
        for _ in range(depths[t]):
            a, b = _step(nodes, a, x0), _step(nodes, b, x1)
            c, d = _step(nodes, c, x2), _step(nodes, d, x3)
            e, f = _step(nodes, e, x4), _step(nodes, f, x5)
            g, h = _step(nodes, g, x6), _step(nodes, h, x7)
        k = t % n_outputs
        out[row, k] += values[a]
        out[row + 1, k] += values[b]
        out[row + 2, k] += values[c]
        out[row + 3, k] += values[d]
        out[row + 4, k] += values[e]
        out[row + 5, k] += values[f]
        out[row + 6, k] += values[g]
        out[row + 7, k] += values[h]


@kernel
def _has_missing(X, first, last):
    """Return whether a value of some rows is missing."""
    # A sum would be one comparison, but infinities of both signs add up to NaN.
    n_missing = 0
    for i in range(first, last):
        for f in range(X.shape[1]):
            n_missing += X[i, f] != X[i, f]
    return n_missing > 0


@kernel
def predict_raw(
    thread, n_threads, sync, X, nodes, values, flags, bits, starts, depths, first_tree,
    last_tree, out,
):  # fmt: skip
    """Add the values of trees to a sum.

    Parameters
    ----------
    thread, n_threads, sync : int, int, ndarray
        Which thread this is, of how many; rows are shared out.
    X : ndarray of shape (n_samples, n_features), float64
        The rows.
    nodes : ndarray of shape (n_nodes,), PACKED
        The nodes of all trees.
    values : ndarray of shape (n_nodes,), float64
        The values of leaves.
    flags : ndarray of shape (n_nodes,), uint8
        What to do with missing values and categories.
    bits : ndarray of shape (n_nodes, 8) or (0, 8), uint32
        Categories that go left; empty if no feature is categorical.
    starts : ndarray of shape (n_trees + 1,), int64
        Where each tree begins.
    depths : ndarray of shape (n_trees,), int64
        How deep each tree is.
    first_tree, last_tree : int
        The trees to add.
    out : ndarray of shape (n_samples, n_outputs), float64
        Takes the sum; tree t adds to output ``t % n_outputs``.
    """
    if not barrier(n_threads, sync):
        return
    n_samples, n_outputs = out.shape
    row = n_samples * thread // n_threads
    last = n_samples * (thread + 1) // n_threads
    while row < last:
        is_plain = bits.shape[0] == 0 and row + 8 <= last
        if is_plain and not _has_missing(X, row, row + 8):
            _predict_eight(
                X, row, nodes, values, starts, depths, first_tree, last_tree, out
            )
            row += 8
            continue
        end = min(row + 8, last)
        for i in range(row, end):
            for t in range(first_tree, last_tree):
                leaf = _descend(nodes, flags, bits, starts[t], X[i])
                out[i, t % n_outputs] += values[leaf]
        row = end
