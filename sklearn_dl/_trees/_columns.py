"""The columns of a table, sorted once and cut into blocks, for exact float64 trees."""

from typing import NamedTuple

import numpy as np

from sklearn_dl.utils._kernel import kernel

__all__ = ["MAX_BLOCKS", "SPACING", "SortedColumns", "sort_columns"]

# A block has a number of eight bits; one of them is left for missing values.
MAX_BLOCKS = 255
# Rows that a block has at least where an exact search looks into blocks: fewer cost
# more in blocks than they save in rows.
_ROWS_IN_BLOCK = 16
# scikit-learn's trees do not split between values that are as close as this.
SPACING = np.float32(1e-7)


class SortedColumns(NamedTuple):
    """Columns with their order and their blocks.

    A block is a run of rows in the order of a column. It ends where the value changes,
    so that every boundary between two blocks is a possible threshold.

    Parameters
    ----------
    values : ndarray of shape (n_features, n_rows), dtype float32
        The columns. Missing values are NaN.
    order : ndarray of shape (n_features, n_rows), dtype int32
        The rows by ascending value, those with missing values last.
    codes : ndarray of shape (n_features, n_rows), dtype uint8
        The block of each value. Missing values have the number of blocks.
    starts : ndarray of shape (n_features, 256), dtype int64
        Where each block begins in `order`, and at the end the number of values that are
        not missing.
    n_blocks : ndarray of shape (n_features,), dtype int64
        How many blocks each column has.
    inside : ndarray of shape (n_features, 255), dtype bool
        Whether there are thresholds to look at inside each block. Never, if the columns
        are binned.
    any_inside : ndarray of shape (n_features,), dtype bool
        Whether there are in any block of a column.
    splits : ndarray of shape (n_features, n_rows), dtype bool
        Whether a threshold may lie before each row in `order`.
    binned : bool
        Whether thresholds lie between blocks only.
    """

    values: np.ndarray
    order: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    n_blocks: np.ndarray
    inside: np.ndarray
    any_inside: np.ndarray
    splits: np.ndarray
    binned: bool


def sort_columns(X, weights, max_bins=None):
    """Sort the columns of a table and cut them into blocks.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), dtype float32
        The table. NaN is a missing value.
    weights : ndarray of shape (n_rows,), dtype float64
        Positive weights of the rows, for quantiles.
    max_bins : int, default=None
        Number of quantile bins, at most 255, between which thresholds lie. None keeps
        all thresholds.

    Returns
    -------
    columns : SortedColumns
        The sorted columns.
    """
    n_rows, n_features = X.shape
    exact = max_bins is None
    if exact:
        max_bins = min(MAX_BLOCKS, max(1, n_rows // _ROWS_IN_BLOCK))
    columns = SortedColumns(
        values=np.ascontiguousarray(X.T),
        order=np.empty((n_features, n_rows), dtype=np.int32),
        codes=np.empty((n_features, n_rows), dtype=np.uint8),
        starts=np.zeros((n_features, MAX_BLOCKS + 1), dtype=np.int64),
        n_blocks=np.empty(n_features, dtype=np.int64),
        inside=np.zeros((n_features, MAX_BLOCKS), dtype=np.bool_),
        any_inside=np.zeros(n_features, dtype=np.bool_),
        splits=np.zeros((n_features, n_rows), dtype=np.bool_),
        binned=not exact,
    )
    for f in range(n_features):
        # One column at a time: the order comes as eight bytes a row.
        columns.order[f] = np.argsort(columns.values[f])
        columns.n_blocks[f] = _cut(
            columns.values[f],
            columns.order[f],
            weights,
            max_bins,
            exact,
            columns.codes[f],
            columns.starts[f],
            columns.inside[f],
            columns.splits[f],
        )
    columns.any_inside[:] = columns.inside.any(axis=1)
    return columns


@kernel
def _cut(values, order, weights, max_blocks, exact, codes, starts, inside, splits):
    """Cut one column into blocks of about equal weight; return their number."""
    n_present, total, n_distinct = 0, 0.0, 0
    for p in range(len(order)):
        value = values[order[p]]
        if np.isnan(value):
            break
        splits[p] = p > 0 and value > values[order[p - 1]] + SPACING
        n_distinct += p == 0 or splits[p]
        total += weights[order[p]]
        n_present += 1
    # Few values have a block each, whatever they weigh.
    separate = n_distinct <= (MAX_BLOCKS if exact else max_blocks)
    # The quantiles stay where they are when weights are rounded otherwise.
    step = total / max_blocks * (1 - 1e-9)
    block, passed = 0, 0.0
    for p in range(n_present):
        row = order[p]
        if splits[p]:
            full = passed >= (block + 1) * step and block + 1 < max_blocks
            if separate or full:
                block += 1
                starts[block] = p
            else:
                inside[block] = exact
        passed += weights[row]
        codes[row] = block
    n_blocks = block + 1 if n_present else 0
    starts[n_blocks] = n_present
    for p in range(n_present, len(order)):
        codes[order[p]] = n_blocks
    return n_blocks
