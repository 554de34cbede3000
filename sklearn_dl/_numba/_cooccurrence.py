"""Counting of words that occur near each other.

The matrix is made row by row: all places of a word are looked up, and what is around
them is added to one dense row, which stays in the cache. The rows come out complete and
in order, so that none has to be found again in a table of pairs, and none to be merged.
"""

import numpy as np

from sklearn_dl.utils._kernel import kernel, lean_kernel

__all__ = ["BLOCK", "BOUNDARY", "count_rows", "places_of_words"]

# Stands between two documents.
BOUNDARY = -1
# Columns that are looked through together.
BLOCK = 16


@lean_kernel
def places_of_words(tokens, next_places, places):
    """Write where each word is, the places of one behind those of the other.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        Documents, with a BOUNDARY before, between and behind them.
    next_places : ndarray of shape (n_words,), int64
        Where the places of each word begin. Receives where they end.
    places : ndarray, integer
        Receives the places.
    """
    for place in range(tokens.shape[0]):
        word = tokens[place]
        if word >= 0:
            places[next_places[word]] = place
            next_places[word] += 1


@kernel
def count_rows(
    tokens, places, starts, first, stop, weights, symmetric, n_columns, sizes, columns,
    values,
):  # fmt: skip
    """Count what is around some of the words.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        Documents, with a BOUNDARY before, between and behind them.
    places : ndarray, integer
        Where each word is.
    starts : ndarray of shape (n_words + 1,), int64
        Where the places of each word begin.
    first, stop : int
        The words.
    weights : ndarray of shape (window,), float64
        What a word counts by its distance, the nearest one first.
    symmetric : bool
        Whether words on the right are counted, too.
    n_columns : int
        Words from this number on are not counted.
    sizes : ndarray of shape (n_words,), int64
        Receives how many different words there are around each.
    columns : ndarray, int32
        Receives these, row by row and in order.
    values : ndarray, float32
        Receives their counts.

    Returns
    -------
    n_written : int
        How many there are in all rows.
    """
    n_blocks = -(-n_columns // BLOCK)
    row = np.zeros(n_blocks * BLOCK, np.float64)
    seen = np.zeros(n_blocks, np.bool_)
    blocks = np.empty(n_blocks, np.int32)
    n_written = 0
    for word in range(first, stop):
        n_seen = 0
        for k in range(starts[word], starts[word + 1]):
            place = places[k]
            for side in range(2 if symmetric else 1):
                step = 2 * side - 1
                other = place
                for distance in range(weights.shape[0]):
                    other += step
                    column = tokens[other]
                    if column < 0:
                        break
                    if column < n_columns:
                        row[column] += weights[distance]
                        block = column // BLOCK
                        if not seen[block]:
                            seen[block] = True
                            blocks[n_seen] = block
                            n_seen += 1
        blocks[:n_seen].sort()
        before = n_written
        for k in range(n_seen):
            begin = blocks[k] * BLOCK
            seen[blocks[k]] = False
            for column in range(begin, begin + BLOCK):
                if row[column] > 0:
                    columns[n_written] = column
                    values[n_written] = row[column]
                    row[column] = 0
                    n_written += 1
        sizes[word] = n_written - before
    return n_written
