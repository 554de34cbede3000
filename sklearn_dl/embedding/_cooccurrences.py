"""Matrices of how often words occur near each other, larger than memory if need be."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from sklearn_dl._numba._cooccurrence import BOUNDARY, count_rows, places_of_words

__all__ = ["WEIGHTINGS", "count_cooccurrences", "make_room", "window_weights"]

WEIGHTINGS = ("flat", "harmonic", "ramp")

# Bytes of an entry: its column and its value.
_BYTES = 8
# Weights are multiples of this, so that sums of them do not depend on the order.
_UNIT = 2.0**-28
# Rows are counted in so many parts a thread at least, since some take longer.
_N_PARTS = 8


def window_weights(window, weighting):
    """Return what a neighbour counts by its distance.

    Parameters
    ----------
    window : int
        The largest distance.
    weighting : {"flat", "harmonic", "ramp"}
        One each; one by the distance; or from `window` down to one.

    Returns
    -------
    weights : ndarray of shape (window,), float64
        The nearest one first.
    """
    distances = np.arange(1, window + 1)
    if weighting == "flat":
        return np.ones(window)
    if weighting == "ramp":
        return (window + 1.0) - distances
    return np.round(1 / (distances * _UNIT)) * _UNIT


def count_cooccurrences(
    corpus,
    n_words,
    weights,
    *,
    symmetric=True,
    n_columns=None,
    memory_limit=2**31,
    n_threads=1,
):
    """Count how often words occur near each other.

    Parameters
    ----------
    corpus : Corpus
        The documents. Windows end with them.
    n_words : int
        How many words there are.
    weights : ndarray of shape (window,), float64
        What a neighbour counts by its distance.
    symmetric : bool, default=True
        Whether words on the right are neighbours, too, and not those on the left alone.
    n_columns : int, default=None
        Words from this number on are not counted as neighbours. None is `n_words`.
    memory_limit : int, default=2**31
        Bytes. What goes beyond is kept in temporary files.
    n_threads : int, default=1
        How many count at once. The result is the same.

    Returns
    -------
    counts : csr_array of shape (n_words, n_columns), float32
        Its indices are sorted. It may be mapped into memory from temporary files, which
        are deleted with it.
    """
    n_columns = n_words if n_columns is None else min(n_columns, n_words)
    # Fits that read the documents together may have counted them before.
    key = "cooccurrences", n_words, tuple(weights), symmetric, n_columns
    if key not in corpus.shared:
        corpus.shared[key] = _count(
            corpus, n_words, weights, symmetric, n_columns, memory_limit, n_threads
        )
    return corpus.shared[key]


def _count(corpus, n_words, weights, symmetric, n_columns, memory_limit, n_threads):
    """Do what `count_cooccurrences` does."""
    ends = np.concatenate([[0], corpus.stops])
    tokens = np.insert(corpus.tokens, ends, BOUNDARY)
    word_counts = np.bincount(corpus.tokens, minlength=n_words)
    starts = np.concatenate([[0], np.cumsum(word_counts)])
    kind = np.int32 if len(tokens) < 2**31 else np.int64
    places = np.empty(starts[-1], dtype=kind)
    places_of_words(tokens, starts[:-1].copy(), places)
    # Of a row there is no more than all columns, or all words around its places.
    sides = 2 if symmetric else 1
    room = np.minimum(n_columns, word_counts * (sides * len(weights)))
    limit = memory_limit // (4 * n_threads * _BYTES)
    sizes = np.zeros(n_words, np.int64)

    def count(part):
        first, stop = part
        size = room[first:stop].sum()
        columns, values = np.empty(size, np.int32), np.empty(size, np.float32)
        n_written = count_rows(
            tokens, places, starts, first, stop, weights, symmetric, n_columns, sizes,
            columns, values,
        )  # fmt: skip
        return columns[:n_written].copy(), values[:n_written].copy()

    parts = _parts(room, limit, n_threads * _N_PARTS)
    with _Pairs(memory_limit // 2) as pairs, ThreadPoolExecutor(n_threads) as pool:
        # Not all parts at once, since they may be more than memory holds.
        for k in range(0, len(parts), n_threads):
            for columns, values in pool.map(count, parts[k : k + n_threads]):
                pairs.append(columns, values)
        columns, values = pairs.joined()
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    if indptr[-1] < 2**31:
        indptr = indptr.astype(np.int32)
    counts = sp.csr_array((values, columns, indptr), shape=(n_words, n_columns))
    counts.has_canonical_format = True
    return counts


def make_room(n, dtypes, memory_limit):
    """Return arrays to be filled, in temporary files if memory is too small.

    Parameters
    ----------
    n : int
        The length of all.
    dtypes : sequence of dtype
        The type of each.
    memory_limit : int
        Bytes.

    Returns
    -------
    arrays : list of ndarray of shape (n,)
        Of any values. The files are deleted with them.
    """
    if n * sum(np.dtype(dtype).itemsize for dtype in dtypes) <= memory_limit:
        return [np.empty(n, dtype) for dtype in dtypes]
    arrays = []
    for dtype in dtypes:
        with tempfile.TemporaryFile() as file:
            # Kernels take plain arrays.
            arrays.append(np.asarray(np.memmap(file, dtype, mode="w+", shape=(n,))))
    return arrays


def _parts(room, limit, n_parts):
    """Return ranges of rows with little enough room, of about as much each."""
    ends = np.cumsum(room)
    limit = min(limit, ends[-1] / n_parts)
    bounds = [0]
    while bounds[-1] < len(room):
        before = ends[bounds[-1] - 1] if bounds[-1] else 0
        stop = int(np.searchsorted(ends, before + limit, side="right"))
        bounds.append(max(stop, bounds[-1] + 1))
    return list(pairwise(bounds))


class _Pairs(ExitStack):
    """Columns and values of a matrix, in memory while they are few.

    Parameters
    ----------
    limit : int
        Bytes that are kept in memory.
    """

    def __init__(self, limit):
        super().__init__()
        self._limit = limit
        self._chunks = []
        self._files = []
        self._n_kept = self._n_written = 0

    def append(self, columns, values):
        """Add the next ones."""
        self._chunks.append((columns, values))
        self._n_kept += len(columns)
        if self._n_kept * _BYTES > self._limit:
            self._spill()

    def joined(self):
        """Return all columns and all values; they are not kept here."""
        if self._n_written:
            self._spill()
            return [
                np.asarray(np.memmap(file, dtype, "r+", shape=(self._n_written,)))
                for file, dtype in zip(self._files, (np.int32, np.float32), strict=True)
            ]
        columns, values = zip(*self._chunks, strict=True)
        self._chunks = []
        return np.concatenate(columns), np.concatenate(values)

    def _spill(self):
        if not self._files:
            self._files = [
                self.enter_context(tempfile.TemporaryFile()) for _ in range(2)
            ]
        for chunk in self._chunks:
            for array, file in zip(chunk, self._files, strict=True):
                array.tofile(file)
        self._chunks = []
        self._n_written += self._n_kept
        self._n_kept = 0
