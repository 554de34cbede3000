"""Counts of the terms of documents, as one sparse matrix."""

import re

import numpy as np
import scipy.sparse as sp

from sklearn_dl._numba._counting import (
    count_terms,
    enter_runs,
    find_grams,
    sort_columns,
    spread_grams,
)
from sklearn_dl._text._alphabet import Runs
from sklearn_dl._text._word_table import WordTable

__all__ = ["CharacterCounter", "TermCounter", "WordCounter"]

_BETWEEN_BLANKS = Runs("not blank", 1)
_BLANKS = re.compile(r"\s\s+")


class TermCounter:
    """Counts of terms, which are runs of symbols; what a symbol is, subclasses say.

    Parameters
    ----------
    ngram_range : tuple of (int, int)
        Symbols of the shortest and the longest terms.
    """

    # Whether a segment of less than `min_n` symbols is a term.
    _whole = False

    def __init__(self, ngram_range):
        self._min_n, self._max_n = ngram_range
        self._slots = np.full(1 << 14, -1, dtype=np.int32)
        self._keys = np.empty(1 << 13, dtype=np.uint64)
        self._n_nodes = 0
        # Symbols of the longest path that there is.
        self._depth = 0
        self._blocks = []

    def learn(self, texts):
        """Count the terms of texts, all of them.

        Parameters
        ----------
        texts : list of str
            Some more documents.
        """
        terms, stops = self._terms(texts, learn=True)
        n_terms = self._n_terms()
        columns = np.arange(n_terms, dtype=np.int32)
        self._blocks.append(_count(terms, stops, columns, n_terms))

    def count(self, texts, columns, n_columns):
        """Count those terms of texts that were prepared by `know`.

        Parameters
        ----------
        texts : list of str
            Some more documents.
        columns : ndarray of shape (n_terms,), int32
            What `know` returned.
        n_columns : int
            How many columns there are.
        """
        terms, stops = self._terms(texts, learn=False)
        self._blocks.append(_count(terms, stops, columns, n_columns))

    def learned(self, dtype):
        """Return what was learned, with the terms in alphabetical order.

        Parameters
        ----------
        dtype : dtype
            Type of the counts.

        Returns
        -------
        terms : list of str
            All terms.
        matrix : sparse matrix of shape (n_documents, n_terms)
            How often each document has each, in CSR format with sorted indices.
        """
        indices, counts, indptr = self._entries()
        names = self._names()
        # Only what was counted is a term: shorter runs may be mere parts of it.
        found = np.zeros(len(names), dtype=bool)
        found[indices] = True
        order = self._alphabetical(names)
        order = order[found[order]]
        columns = np.empty(len(names), dtype=np.int32)
        columns[order] = np.arange(len(order), dtype=np.int32)
        sort_columns(indices, counts, indptr, columns, len(order))
        matrix = _matrix(indices, counts, indptr, len(order), dtype)
        return [names[number] for number in order.tolist()], matrix

    def counted(self, n_columns, dtype):
        """Return what was counted.

        Parameters
        ----------
        n_columns : int
            How many columns there are.
        dtype : dtype
            Type of the counts.

        Returns
        -------
        matrix : sparse matrix of shape (n_documents, n_columns)
            How often each document has each term, in CSR format with sorted indices.
        """
        indices, counts, indptr = self._entries()
        sort_columns(
            indices, counts, indptr, np.arange(n_columns, dtype=np.int32), n_columns
        )
        return _matrix(indices, counts, indptr, n_columns, dtype)

    def _entries(self):
        if not self._blocks:
            return np.empty(0, np.int32), np.empty(0, np.int32), np.zeros(1, np.int64)
        indices, counts, lengths = zip(*self._blocks, strict=True)
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        return np.concatenate(indices), np.concatenate(counts), indptr

    def _enter(self, symbols, lengths, possible):
        """Enter runs of symbols into the tree and return the columns of its nodes."""
        self._spread(len(symbols))
        self._depth = max(self._depth, int(np.max(lengths, initial=0)))
        nodes = np.empty(len(lengths), dtype=np.int32)
        self._n_nodes = enter_runs(
            symbols,
            np.cumsum(lengths, dtype=np.int64),
            self._n_nodes,
            self._slots,
            self._keys,
            nodes,
        )
        columns = np.full(self._n_nodes, -1, dtype=np.int32)
        known = np.flatnonzero((nodes >= 0) & possible)
        columns[nodes[known]] = known
        return columns

    def _spread(self, n_more):
        """Make room in the tree for more nodes."""
        while 2 * (self._n_nodes + n_more) >= len(self._slots):
            self._slots = np.full(4 * len(self._slots), -1, dtype=np.int32)
        self._keys = np.resize(self._keys, len(self._slots) // 2)
        spread_grams(self._slots, self._keys, self._n_nodes)

    def _grams(self, symbols, stops, learn):
        """Return the nodes of all runs of symbols, and where each segment ends."""
        # No run is longer than its segment.
        max_n = min(self._max_n, int(np.diff(stops, prepend=0).max(initial=1)))
        self._depth = max(self._depth, max_n)
        width = max(max_n - self._min_n, 0) + 1
        grams = np.empty(len(symbols) * width + len(stops), dtype=np.int32)
        gram_stops = np.empty(len(stops), dtype=np.int64)
        state = np.array([0, 0, self._n_nodes], dtype=np.int64)
        while not find_grams(
            symbols,
            stops,
            self._min_n,
            max_n,
            self._whole,
            learn,
            self._slots,
            self._keys,
            state,
            grams,
            gram_stops,
        ):
            self._n_nodes = int(state[2])
            begin, end = (stops[k] if k >= 0 else 0 for k in (state[0] - 1, state[0]))
            self._spread(int(end - begin) * max_n)
        self._n_nodes = int(state[2])
        return grams[: state[1]], gram_stops

    def _parents_and_symbols(self):
        keys = self._keys[: self._n_nodes]
        parents = (keys >> np.uint64(32)).astype(np.int64) - 1
        return parents, (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)

    def _paths(self, joint):
        """Return what the nodes stand for, each name made from its parent's."""
        parents, symbols = self._parents_and_symbols()
        names = []
        for parent, symbol in zip(
            parents.tolist(), self._symbols(symbols), strict=True
        ):
            names.append(symbol if parent < 0 else names[parent] + joint + symbol)
        return names

    def _sort_paths(self, ranks):
        """Return the nodes in the order of their symbols, which have ranks."""
        parents, symbols = self._parents_and_symbols()
        paths = np.zeros((self._depth, self._n_nodes), dtype=np.int32)
        nodes = np.flatnonzero(parents < 0)
        for depth in range(self._depth):
            paths[:depth, nodes] = paths[:depth, parents[nodes]]
            # A run comes before those that begin with it.
            paths[depth, nodes] = ranks[symbols[nodes]] + 1
            above = np.zeros(self._n_nodes + 1, dtype=bool)
            above[nodes] = True
            nodes = np.flatnonzero(above[parents])
        return np.lexsort(paths[::-1])


class WordCounter(TermCounter):
    """Counts of words and of runs of words.

    Parameters
    ----------
    runs : Runs
        What a word is.
    ngram_range : tuple of (int, int)
        Words of the shortest and the longest terms.
    stop_words : iterable of str, default=()
        Words that are left out.
    """

    def __init__(self, runs, ngram_range, stop_words=()):
        super().__init__(ngram_range)
        self._runs = runs
        self._table = WordTable(skipped=stop_words)

    def know(self, terms):
        """Enter terms; all others will be unknown.

        Parameters
        ----------
        terms : list of str
            The terms, in the order of their columns.

        Returns
        -------
        columns : ndarray of shape (n_terms,), int32
            The columns, for `count`.
        """
        if self._max_n == 1:
            # Without a number are the empty term and stop words, which no text has.
            self._table.add(terms)
            columns = {term: column for column, term in enumerate(terms)}
            known = [columns[word] for word in self._table.words()]
            return np.array(known, dtype=np.int32)
        symbols, stops = self._table.scan(terms, _BETWEEN_BLANKS)
        lengths = np.diff(stops, prepend=0)
        n_blanks = np.array([term.count(" ") for term in terms])
        # Stop words have no number; and terms with other blanks than one between two
        # words are no runs of words.
        return self._enter(symbols, lengths, lengths == n_blanks + 1)

    def _terms(self, texts, learn):
        words, stops = self._table.scan(texts, self._runs, learn)
        return (words, stops) if self._max_n == 1 else self._grams(words, stops, learn)

    def _n_terms(self):
        return len(self._table) if self._max_n == 1 else self._n_nodes

    def _names(self):
        return self._table.words() if self._max_n == 1 else self._paths(" ")

    def _symbols(self, numbers):
        words = self._table.words()
        return [words[number] for number in numbers.tolist()]

    def _alphabetical(self, names):
        words = self._table.words()
        order = _sorted(words)
        # The blank between two words comes before all letters, if not before the
        # control characters that other tokens than words may have.
        if self._max_n == 1:
            return order
        if self._runs.kind != "word":
            return _sorted(names)
        ranks = np.empty(len(words), dtype=np.int32)
        ranks[order] = np.arange(len(words), dtype=np.int32)
        return self._sort_paths(ranks)


class CharacterCounter(TermCounter):
    """Counts of runs of characters.

    Parameters
    ----------
    ngram_range : tuple of (int, int)
        Characters of the shortest and the longest terms.
    within_words : bool
        Whether runs end at the ends of words, which have a blank there.
    """

    def __init__(self, ngram_range, within_words):
        super().__init__(ngram_range)
        self._whole = within_words

    def know(self, terms):
        """Enter terms; all others will be unknown.

        Parameters
        ----------
        terms : list of str
            The terms, in the order of their columns.

        Returns
        -------
        columns : ndarray of shape (n_terms,), int32
            The columns, for `count`.
        """
        lengths = [len(term) for term in terms]
        return self._enter(_code_points("".join(terms)), lengths, True)

    def _terms(self, texts, learn):
        if not self._whole:
            # As scikit-learn does: a single line feed stays what it is.
            texts = [_BLANKS.sub(" ", text) for text in texts]
            lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
            return self._grams(_code_points("".join(texts)), np.cumsum(lengths), learn)
        words = [[f" {word} " for word in text.split()] for text in texts]
        flat = [word for text in words for word in text]
        lengths = np.fromiter(map(len, flat), dtype=np.int64, count=len(flat))
        grams, stops = self._grams(
            _code_points("".join(flat)), np.cumsum(lengths), learn
        )
        n_words = np.cumsum([len(text) for text in words])
        return grams, np.concatenate([[0], stops])[n_words]

    def _n_terms(self):
        return self._n_nodes

    def _names(self):
        return self._paths("")

    def _symbols(self, numbers):
        return map(chr, numbers.tolist())

    def _alphabetical(self, names):
        return self._sort_paths(np.arange(0x110000, dtype=np.int32))


def _sorted(names):
    """Return the numbers of names in their alphabetical order."""
    order = sorted(range(len(names)), key=names.__getitem__)
    return np.array(order, dtype=np.int64)


def _code_points(text):
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.int32)


def _count(terms, stops, columns, n_columns):
    """Return columns, counts and numbers of entries of the rows of some documents."""
    indices = np.empty(len(terms), dtype=np.int32)
    counts = np.empty(len(terms), dtype=np.int32)
    indptr = np.empty(len(stops) + 1, dtype=np.int64)
    places = np.full(n_columns, -1, dtype=np.int64)
    count_terms(terms, stops, columns, places, indices, counts, indptr)
    # Copies, that do not hold on to the room for the longest possible result.
    n_entries = indptr[-1]
    return indices[:n_entries].copy(), counts[:n_entries].copy(), np.diff(indptr)


def _matrix(indices, counts, indptr, n_columns, dtype):
    if indptr[-1] <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)
    else:
        indices = indices.astype(np.int64)
    matrix = sp.csr_array(
        (counts.astype(dtype), indices, indptr), shape=(len(indptr) - 1, n_columns)
    )
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix
