"""Bins: real values become small integers, once for all trees.

The thresholds are those of scikit-learn's HistGradientBoosting: midpoints between
neighbouring values where a feature has few of them, quantiles where it has many. A
value x gets bin b if ``thresholds[b - 1] < x <= thresholds[b]``; a missing value gets
the bin behind all others; a category is its own bin.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklearn_dl._trees._threads import map_in_threads
from sklearn_dl.utils._kernel import kernel

# Quantiles of so many rows are those of all rows, for all that a tree can see.
_N_ROWS_FOR_QUANTILES = 200_000
# Rows of a sparse matrix that are made dense at a time.
N_ROWS_DENSE = 8192
# An infinite threshold would put missing values on its left.
_ALMOST_INFINITE = 1e300
_N_ROWS_A_BLOCK = 512


class Bins(NamedTuple):
    """Where the bins of each feature begin and end.

    Attributes
    ----------
    thresholds : ndarray of shape (n_thresholds,), float64
        The upper ends of all bins but each feature's last, feature after feature.
    starts : ndarray of shape (n_features + 1,), int64
        Where the thresholds of a feature begin.
    n_values : ndarray of shape (n_features,), int64
        Bins that hold values. Missing values have bin ``n_values[feature]``.
    is_categorical : ndarray of shape (n_features,), bool
        Whether the bins of a feature are categories 0, 1, ...
    """

    thresholds: np.ndarray
    starts: np.ndarray
    n_values: np.ndarray
    is_categorical: np.ndarray


def fit_bins(X, max_bins, n_categories=None, sample_weight=None, seed=0, n_threads=1):
    """Find the bins of each feature.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features), float64
        The rows. NaN is a missing value.
    max_bins : int
        At most so many bins of values a feature, 2 to 255.
    n_categories : ndarray of shape (n_features,), default=None
        How many categories a feature has; 0 for a numeric feature. None is 0 for all.
    sample_weight : ndarray of shape (n_samples,), default=None
        The weight of each row. A row of weight 2 counts as two, one of weight 0 not.
    seed : int, default=0
        Chooses the rows whose quantiles are taken, when there are very many.
    n_threads : int, default=1
        Features are handled by so many threads.

    Returns
    -------
    bins : Bins
        The bins.
    """
    n_samples, n_features = X.shape
    if n_categories is None:
        n_categories = np.zeros(n_features, dtype=np.int64)
    if n_samples > _N_ROWS_FOR_QUANTILES:
        rows = np.random.default_rng(seed).choice(
            n_samples, _N_ROWS_FOR_QUANTILES, replace=False, shuffle=False
        )
        X = X[rows]
        sample_weight = None if sample_weight is None else sample_weight[rows]

    is_sparse = sparse.issparse(X)
    columns = X.tocsc() if is_sparse else X

    def thresholds_of(feature):
        if n_categories[feature]:
            return np.empty(0)
        column = columns[:, [feature]].toarray()[:, 0] if is_sparse else X[:, feature]
        return _find_thresholds(column, max_bins, sample_weight)

    thresholds = map_in_threads(thresholds_of, range(n_features), n_threads)
    sizes = np.array([len(ends) for ends in thresholds], dtype=np.int64)
    return Bins(
        np.concatenate([*thresholds, np.empty(0)]),
        np.concatenate([[0], np.cumsum(sizes)]),
        np.where(n_categories > 0, n_categories, sizes + 1).astype(np.int64),
        np.asarray(n_categories) > 0,
    )


def _find_thresholds(column, max_bins, sample_weight):
    """Return the increasing thresholds of a numeric feature."""
    if sample_weight is None:
        values = np.sort(column)  # missing values go to the end
        values = values[: len(values) - np.isnan(values).sum()]
    else:
        present = np.flatnonzero(~np.isnan(column) & (sample_weight > 0))
        order = present[np.argsort(column[present], kind="stable")]
        values, sample_weight = column[order], sample_weight[order]
    if not len(values):
        return np.empty(0)
    changes = np.flatnonzero(values[1:] != values[:-1])
    if len(changes) < max_bins:
        ends = 0.5 * values[changes] + 0.5 * values[changes + 1]
    else:
        # Percentiles first, as scikit-learn has them: the last digits decide.
        shares = np.linspace(0, 100, max_bins + 1)[1:-1] / 100
        ends = np.unique(_quantiles_of_sorted(values, sample_weight, shares))
    return np.clip(ends, -_ALMOST_INFINITE, _ALMOST_INFINITE)


def _quantiles_of_sorted(values, sample_weight, shares):
    """Return quantiles by the averaged inverse of the distribution function."""
    if sample_weight is None:
        position = shares * len(values)
        above = np.floor(position).astype(np.int64)
        below = above - (position == above)
    else:
        # Sums of weights are as exact as rounding lets them be.
        total = np.cumsum(sample_weight)
        wanted = shares * total[-1]
        below = np.searchsorted(total, wanted * (1 - 1e-12))
        above = np.searchsorted(total, wanted * (1 + 1e-12), side="right")
    above = np.minimum(above, len(values) - 1)
    # Halves first: the sum of two large values may be infinite.
    return 0.5 * values[below] + 0.5 * values[above]


def apply_bins(X, bins, n_threads=1):
    """Return the bin of each value.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features), float64
        The rows.
    bins : Bins
        The bins.
    n_threads : int, default=1
        Features are handled by so many threads.

    Returns
    -------
    codes : ndarray of shape (n_features, n_samples), uint8
        The bins, feature-major: a tree reads one feature of many rows at a time.
    """
    n_samples, n_features = X.shape
    codes = np.empty((n_features, n_samples), dtype=np.uint8)
    n_parts = min(n_threads, n_features)
    edges = np.linspace(0, n_features, n_parts + 1).astype(np.int64)

    for first, block in dense_blocks(X):

        def code_part(part, first=first, block=block):
            _code(block, bins, codes, first, edges[part], edges[part + 1])

        map_in_threads(code_part, range(n_parts), n_threads)
    return codes


def dense_blocks(X):
    """Iterate over the rows of a matrix, made dense block by block if it is sparse.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The rows.

    Yields
    ------
    first : int
        The first row of the block.
    block : ndarray of shape (n_rows, n_features)
        The block; all of X if that is dense.
    """
    if not sparse.issparse(X):
        yield 0, X
        return
    X = X.tocsr()
    for first in range(0, X.shape[0], N_ROWS_DENSE):
        yield first, X[first : first + N_ROWS_DENSE].toarray()


@kernel
def _code(X, bins, codes, offset, first, last):
    """Write the bins of features first to last, from column `offset` on."""
    # Rows in blocks, so that a block of X stays in the cache for all features.
    n_samples = X.shape[0]
    column = np.empty(_N_ROWS_A_BLOCK)
    places = np.empty(_N_ROWS_A_BLOCK, dtype=np.int64)
    ends = np.empty(256)
    for start in range(0, n_samples, _N_ROWS_A_BLOCK):
        n = min(_N_ROWS_A_BLOCK, n_samples - start)
        for f in range(first, last):
            n_values = bins.n_values[f]
            out = codes[f, offset + start : offset + start + n]
            for i in range(n):
                column[i] = X[start + i, f]
            if bins.is_categorical[f]:
                for i in range(n):
                    known = (column[i] >= 0) and (column[i] < n_values)
                    out[i] = np.uint8(column[i]) if known else n_values
                continue
            n_ends = bins.starts[f + 1] - bins.starts[f]
            ends[:n_ends] = bins.thresholds[bins.starts[f] : bins.starts[f + 1]]
            ends[n_ends:] = np.inf
            _search(ends, n_ends, column[:n], places[:n])
            for i in range(n):
                out[i] = places[i] if column[i] == column[i] else n_values


@kernel
def _search(ends, n_ends, values, places):
    """Count the ends that are smaller than each value.

    A binary search whose steps are taken for all values together, which makes vector
    instructions of them. `ends` is padded to 256 with infinity.
    """
    places[:] = 0
    half = 128
    while half > n_ends:
        half >>= 1
    while half > 0:
        for i in range(values.size):
            places[i] += half if ends[places[i] + half - 1] < values[i] else 0
        half >>= 1
