"""Features that exclude one another share a column.

Of the columns of a one-hot encoding at most one is not zero, so that one column can
hold them all: code 0 where each has its most common bin, else the bin of the one that
has another. A histogram is then built of one column in place of many. The bins of a
feature are read back from it: the sum of the most common one is what the others leave.
Sums are integers, so that trees are the same with and without bundles.

References
----------
G. Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS,
2017 ("exclusive feature bundling", here without conflicts).
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl.utils._kernel import kernel, lean_kernel

# Features of more bins would fill a column alone.
_MAX_BINS_TO_BUNDLE = 32
# Columns that a feature is tried in before it gets one of its own.
_MAX_TRIES = 16
_MAX_CODES = 256


class Bundles(NamedTuple):
    """The columns of which histograms are built.

    Attributes
    ----------
    columns : ndarray of shape (n_columns, n_samples), uint8
        The codes of each row.
    offsets : ndarray of shape (n_columns + 1,), int64
        Where the bins of a column begin in a histogram.
    members : ndarray of shape (k,), int64
        The features of each column; those of one bin are left out.
    member_starts : ndarray of shape (n_columns + 1,), int64
        Where the features of a column begin.
    starts : ndarray of shape (n_features,), int64
        Where the bins of a feature begin in a histogram.
    common : ndarray of shape (n_features,), int64
        The most common bin of a feature that shares its column, which has no place in
        the histogram; -1 if it has a column of its own.
    """

    columns: np.ndarray
    offsets: np.ndarray
    members: np.ndarray
    member_starts: np.ndarray
    starts: np.ndarray
    common: np.ndarray


@kernel
def count_codes(codes):
    """Count the rows of each bin.

    Parameters
    ----------
    codes : ndarray of shape (n_features, n_samples), uint8
        The bins.

    Returns
    -------
    counts : ndarray of shape (n_features, 256), int64
        The counts.
    """
    n_features, n_samples = codes.shape
    counts = np.zeros((n_features, _MAX_CODES), dtype=np.int64)
    for f in range(n_features):
        column, row = codes[f], counts[f]
        for i in range(n_samples):
            row[column[i]] += 1
    return counts


def make_bundles(codes, n_bins, counts):
    """Find features that exclude one another, and make columns of them.

    Parameters
    ----------
    codes : ndarray of shape (n_features, n_samples), uint8
        The bin of each value.
    n_bins : ndarray of shape (n_features,), int64
        How many bins a feature has.
    counts : ndarray of shape (n_features, 256), int64
        The rows of each bin.

    Returns
    -------
    bundles : Bundles
        The columns.
    """
    n_features, n_samples = codes.shape
    modes = counts.argmax(axis=1)
    n_others = n_samples - counts.max(axis=1, initial=0)
    usable = np.flatnonzero(n_bins > 1)
    may_share = (n_bins <= _MAX_BINS_TO_BUNDLE) & (2 * n_others <= n_samples)
    sets = _find_sets(codes, n_bins, modes, n_others, usable[may_share[usable]])
    shared = {f for members in sets for f in members}
    sets += [[f] for f in usable if f not in shared]
    sets.sort()
    common = np.full(n_features, -1)
    starts = np.zeros(n_features, dtype=np.int64)
    offsets = np.zeros(len(sets) + 1, dtype=np.int64)
    for k, members in enumerate(sets):
        if len(members) == 1:
            starts[members] = offsets[k]
            offsets[k + 1] = offsets[k] + n_bins[members[0]]
            continue
        common[members] = modes[members]
        # Code 0 is that of rows where all have their most common bin.
        ends = 1 + np.cumsum(n_bins[members] - 1)
        starts[members] = offsets[k] + ends - (n_bins[members] - 1)
        offsets[k + 1] = offsets[k] + ends[-1]
    lengths = [len(members) for members in sets]
    members = np.array([f for members in sets for f in members], dtype=np.int64)
    member_starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = codes
    if len(sets) < n_features:
        columns = np.zeros((len(sets), n_samples), dtype=np.uint8)
        _fill(codes, columns, offsets, members, member_starts, starts, common)
    return Bundles(columns, offsets, members, member_starts, starts, common)


def _find_sets(codes, n_bins, modes, n_others, candidates):
    """Return sets of two or more features of which a row has at most one unusual."""
    sets, taken, rows, sizes = [], [], [], []
    n_samples = codes.shape[1]
    for f in candidates:
        for k in range(len(sets) - 1, max(len(sets) - _MAX_TRIES, 0) - 1, -1):
            if (
                rows[k] + n_others[f] <= n_samples
                and sizes[k] + n_bins[f] - 1 <= _MAX_CODES
                and not _overlaps(codes[f], modes[f], taken[k])
            ):
                break
        else:
            k = len(sets)
            sets.append([])
            taken.append(np.zeros(n_samples, dtype=np.bool_))
            rows.append(0)
            sizes.append(1)
        sets[k].append(int(f))
        taken[k] |= codes[f] != modes[f]
        rows[k] += n_others[f]
        sizes[k] += n_bins[f] - 1
    return [members for members in sets if len(members) > 1]


@kernel
def _overlaps(column, mode, taken):
    """Return whether a row has an unusual bin here and one in the set already."""
    for i in range(column.size):
        if taken[i] and column[i] != mode:
            return True
    return False


@kernel
def _fill(codes, columns, offsets, members, member_starts, starts, common):
    """Write the codes of shared columns; copy the others."""
    for k in range(columns.shape[0]):
        column = columns[k]
        for f in members[member_starts[k] : member_starts[k + 1]]:
            code = codes[f]
            if common[f] < 0:
                column[:] = code
                continue
            first = starts[f] - offsets[k]
            for i in range(code.size):
                if code[i] != common[f]:
                    column[i] = first + code[i] - (1 if code[i] > common[f] else 0)


@lean_kernel
def unbundle(histogram, start, common, n_bins, total, to):
    """Read the bins of a feature from a column that it shares.

    Parameters
    ----------
    histogram : ndarray of shape (n_bins_of_all,), int64
        The packed sums of a node.
    start : int
        Where the bins of the feature begin.
    common : int
        The bin that has no place in the histogram.
    n_bins : int
        How many bins the feature has.
    total : int
        The packed sum of the node.
    to : int
        The place in `histogram` that takes the packed sums of the feature.
    """
    rest = total
    for b in range(n_bins):
        if b != common:
            value = histogram[start + b - (1 if b > common else 0)]
            histogram[to + b] = value
            rest -= value
    histogram[to + common] = rest
