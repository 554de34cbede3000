"""Documents as one vector each, from those of their words."""

import numpy as np
import scipy.sparse as sp

from sklearn_dl._numba._counting import count_terms
from sklearn_dl.utils._kernel import own

__all__ = ["count_words", "maxima", "padded", "sums", "weighted_means"]


def count_words(tokens, stops, n_words):
    """Count the words of documents.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        The words of the documents, one behind the other; -1 for unknown ones.
    stops : ndarray of shape (n_documents,), int64
        Where each document ends.
    n_words : int
        How many words there are.

    Returns
    -------
    counts : sparse array of shape (n_documents, n_words), float32
        How often each document has each, in CSR format.
    """
    indices = np.empty(len(tokens), dtype=np.int32)
    counts = np.empty(len(tokens), dtype=np.int32)
    indptr = np.empty(len(stops) + 1, dtype=np.int64)
    columns = np.arange(n_words, dtype=np.int32)
    places = np.full(n_words, -1, dtype=np.int64)
    count_terms(own(tokens), own(stops), columns, places, indices, counts, indptr)
    n_entries = indptr[-1]
    return sp.csr_array(
        (counts[:n_entries].astype(np.float32), indices[:n_entries], indptr),
        shape=(len(stops), n_words),
    )


def sums(counts, vectors, weights=None, mean=True):
    """Add up, or average, the vectors of the words of documents.

    Parameters
    ----------
    counts : sparse array of shape (n_documents, n_words)
        How often each document has each word.
    vectors : ndarray of shape (n_words, n_components)
        The vectors of the words.
    weights : ndarray of shape (n_words,), default=None
        How much each word counts.
    mean : bool, default=True
        Whether the sum is divided by the sum of the weights.

    Returns
    -------
    X : ndarray of shape (n_documents, n_components)
        The documents; 0 for those without words.
    """
    if weights is not None:
        counts = counts @ sp.diags_array(weights.astype(vectors.dtype))
    totals = counts @ vectors
    if mean:
        masses = np.asarray(counts.sum(axis=1)).reshape(-1, 1)
        np.divide(totals, masses, out=totals, where=masses > 0)
        totals[masses[:, 0] <= 0] = 0
    return totals


def weighted_means(counts, vectors, weights):
    """Add up the weighted vectors of the words, and divide by the number of words.

    Parameters
    ----------
    counts : sparse array of shape (n_documents, n_words)
        How often each document has each word.
    vectors : ndarray of shape (n_words, n_components)
        The vectors of the words.
    weights : ndarray of shape (n_words,)
        How much each word counts.

    Returns
    -------
    X : ndarray of shape (n_documents, n_components)
        The documents; 0 for those without words.
    """
    weighted = (vectors * weights[:, None]).astype(vectors.dtype)
    return sums(counts, weighted)


def maxima(counts, vectors):
    """Return the largest value of each component among the words of documents.

    Parameters
    ----------
    counts : sparse array of shape (n_documents, n_words)
        How often each document has each word.
    vectors : ndarray of shape (n_words, n_components)
        The vectors of the words.

    Returns
    -------
    X : ndarray of shape (n_documents, n_components)
        The documents; 0 for those without words.
    """
    X = np.zeros((counts.shape[0], vectors.shape[1]), dtype=vectors.dtype)
    for row in range(counts.shape[0]):
        words = counts.indices[counts.indptr[row] : counts.indptr[row + 1]]
        if len(words):
            vectors[words].max(axis=0, out=X[row])
    return X


def padded(tokens, stops, length):
    """Return documents as rows of numbers of words.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        The words of the documents, one behind the other; -1 for unknown ones, which
        are left out.
    stops : ndarray of shape (n_documents,), int64
        Where each document ends.
    length : int
        Words that are kept of a document, its first ones.

    Returns
    -------
    X : ndarray of shape (n_documents, length), int64
        The numbers plus one; 0 behind the end of a document.
    """
    X = np.zeros((len(stops), length), dtype=np.int64)
    known = tokens >= 0
    ends = np.concatenate([[0], np.cumsum(known)])[stops]
    tokens = tokens[known]
    lengths = np.diff(ends, prepend=0)
    rows = np.repeat(np.arange(len(stops)), lengths)
    columns = np.arange(len(tokens)) - np.repeat(ends - lengths, lengths)
    kept = columns < length
    X[rows[kept], columns[kept]] = tokens[kept] + 1
    return X
