"""Prediction by many trees over nodes of 16 bytes.

A node is a threshold, a feature with two flags, and its left child, behind which the
right one lies. In a leaf the threshold is the value, and the child is negative.
"""

import numpy as np
from numba import njit

# A node that is ready to predict.
PACKED = np.dtype(
    [("threshold", np.float64), ("feature", np.int32), ("child", np.int32)]
)
_MISSING_LEFT = 1 << 30
_CATEGORICAL = 1 << 29
_FEATURE = _CATEGORICAL - 1
# Rows that go down a tree together.
_N_ROWS_A_BLOCK = 64


def pack_nodes(nodes, bins):
    """Make trees ready to predict.

    Parameters
    ----------
    nodes : ndarray of shape (n_nodes,), NODE
        The nodes of some trees, tree after tree; children are counted from the start
        of their tree.
    bins : Bins
        Where the bins are.

    Returns
    -------
    packed : ndarray of shape (n_nodes,), PACKED
        The nodes. The threshold of a set of categories is the place of the node.
    """
    packed = np.empty(len(nodes), dtype=PACKED)
    is_leaf = nodes["left"] < 0
    feature = np.where(is_leaf, 0, nodes["feature"])
    is_categorical = bins.is_categorical[feature] & ~is_leaf
    # The last bin has no upper end: all values go left, missing ones right.
    is_last = nodes["bin"] >= bins.n_values[feature] - 1
    place = bins.starts[feature] + nodes["bin"]
    thresholds = np.append(bins.thresholds, np.inf)
    inside = ~(is_leaf | is_last | is_categorical)
    packed["threshold"] = np.where(
        is_leaf,
        nodes["value"],
        thresholds[np.where(inside, place, len(thresholds) - 1)],
    )
    packed["threshold"][is_categorical] = np.flatnonzero(is_categorical)
    packed["feature"] = feature
    packed["feature"] += np.where(nodes["missing_left"], _MISSING_LEFT, 0)
    packed["feature"] += np.where(is_categorical, _CATEGORICAL, 0)
    packed["child"] = nodes["left"]
    return packed


@njit(cache=True, nogil=True, error_model="numpy")
def _descend(nodes, bits, start, x):
    """Return the leaf of a row in the tree that begins at `start`."""
    node = start
    child = np.int64(nodes[node].child)
    while child >= 0:
        entry = nodes[node]
        feature = np.int64(entry.feature)
        value = x[feature & _FEATURE]
        left = value <= entry.threshold
        if feature >= _CATEGORICAL:
            # A rare case in one branch: the flags, and missing values.
            if feature & _CATEGORICAL:
                known = (value >= 0) & (value < 256)
                c = np.int64(value) if known else 0
                word = bits[np.int64(entry.threshold), c >> 5]
                left = known & ((word >> np.uint32(c & 31)) & 1 == 1)
            if value != value:
                left = feature & _MISSING_LEFT != 0
        node = start + child + (0 if left else 1)
        child = np.int64(nodes[node].child)
    return node


@njit(cache=True, nogil=True, error_model="numpy")
def predict_raw(
    thread, n_threads, sync, X, nodes, bits, starts, first_tree, last_tree, out
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
    bits : ndarray of shape (n_nodes, 8) or (1, 8), uint32
        Categories that go left.
    starts : ndarray of shape (n_trees + 1,), int64
        Where each tree begins.
    first_tree, last_tree : int
        The trees to add.
    out : ndarray of shape (n_samples, n_outputs), float64
        Takes the sum; tree t adds to output ``t % n_outputs``.
    """
    n_samples, n_outputs = out.shape
    first = n_samples * thread // n_threads
    last = n_samples * (thread + 1) // n_threads
    for start in range(first, last, _N_ROWS_A_BLOCK):
        stop = min(start + _N_ROWS_A_BLOCK, last)
        for t in range(first_tree, last_tree):
            for i in range(start, stop):
                leaf = _descend(nodes, bits, starts[t], X[i])
                out[i, t % n_outputs] += nodes[leaf].threshold
