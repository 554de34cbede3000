"""Terms of documents and how often each occurs."""

import numpy as np

from sklearn_dl.utils._kernel import kernel, lean_inner_kernel, lean_kernel

__all__ = ["count_terms", "enter_runs", "find_grams", "sort_columns", "spread_grams"]

# Half of the digits of the golden ratio: multiplied by it, keys that lie close together
# come to lie far apart in the upper bits.
_GOLDEN = np.uint64(11400714819323198485)
_UPPER = np.uint64(32)
_ONE = np.uint64(1)

# What `find_grams` was doing: the segment, grams found, nodes known.
SEGMENT, N_GRAMS, N_NODES = range(3)


@lean_inner_kernel
def _slot(key, slots, keys):
    """Return the slot of a node, or the empty one where it belongs."""
    mask = np.uint64(slots.shape[0] - 1)
    place = (key * _GOLDEN >> _UPPER) & mask
    while slots[place] >= 0 and keys[slots[place]] != key:
        place = (place + _ONE) & mask
    return place


@lean_kernel
def spread_grams(slots, keys, n_nodes):
    """Enter nodes into empty slots.

    Parameters
    ----------
    slots : ndarray of shape (n_slots,), int32
        All -1, a power of two of them, more than nodes. Receives the nodes.
    keys : ndarray of shape (>= n_nodes,), uint64
        Their keys.
    n_nodes : int
        How many there are.
    """
    for node in range(n_nodes):
        slots[_slot(keys[node], slots, keys)] = node


@lean_kernel
def find_grams(
    symbols, stops, min_n, max_n, whole, learn, slots, keys, state, grams, gram_stops
):
    """Find all runs of n symbols, which may be words or characters, as numbers.

    Runs are nodes of a tree: the run without its last symbol is the parent.

    Parameters
    ----------
    symbols : ndarray of shape (n_symbols,), int32
        The segments one behind the other. No run contains a negative one.
    stops : ndarray of shape (n_segments,), int64
        Where each segment ends.
    min_n, max_n : int
        Symbols of the shortest and the longest runs.
    whole : bool
        Whether a segment that is shorter than the shortest run counts as one.
    learn : bool
        Whether new nodes are added.
    slots : ndarray of shape (n_slots,), int32
        The nodes, -1 where a slot is empty.
    keys : ndarray, uint64
        Of each node, its parent plus one in the upper and its symbol in the lower half.
    state : ndarray of shape (3,), int64
        The current segment, runs found so far, nodes known. The first two are 0 at
        first.
    grams : ndarray of shape (n_symbols * (max_n - min_n + 1),), int32
        Receives the nodes of the runs.
    gram_stops : ndarray of shape (n_segments,), int64
        Receives where each segment ends in `grams`.

    Returns
    -------
    done : bool
        If not, there is no room for the nodes of a segment.
    """
    segment, n_grams, n_nodes = state[SEGMENT], state[N_GRAMS], state[N_NODES]
    while segment < stops.shape[0]:
        start = stops[segment - 1] if segment > 0 else 0
        stop = stops[segment]
        if learn and 2 * (n_nodes + (stop - start) * max_n) >= slots.shape[0]:
            break
        shortest = min(min_n, stop - start) if whole else min_n
        for first in range(start, stop):
            node = -1
            for last in range(first, min(first + max_n, stop)):
                if symbols[last] < 0:
                    break
                key = np.uint64(node + 1) << _UPPER | np.uint64(symbols[last])
                place = _slot(key, slots, keys)
                if slots[place] < 0:
                    if not learn:
                        break
                    slots[place] = n_nodes
                    keys[n_nodes] = key
                    n_nodes += 1
                node = slots[place]
                length = last - first + 1
                if length >= min_n or (length == shortest and first == start):
                    grams[n_grams] = node
                    n_grams += 1
        gram_stops[segment] = n_grams
        segment += 1
    state[SEGMENT], state[N_GRAMS], state[N_NODES] = segment, n_grams, n_nodes
    return segment == stops.shape[0]


@lean_kernel
def enter_runs(symbols, stops, n_nodes, slots, keys, nodes):
    """Enter runs as nodes of the tree that `find_grams` looks into.

    Parameters
    ----------
    symbols : ndarray of shape (n_symbols,), int32
        The runs one behind the other. One with a negative symbol is not entered.
    stops : ndarray of shape (n_runs,), int64
        Where each run ends.
    n_nodes : int
        Nodes known; there is room for one more per symbol.
    slots, keys : ndarray
        See `find_grams`.
    nodes : ndarray of shape (n_runs,), int32
        Receives the node of each run, -1 where it was not entered.

    Returns
    -------
    n_nodes : int
        Nodes known.
    """
    start = 0
    for run in range(stops.shape[0]):
        node = -1
        for k in range(start, stops[run]):
            if symbols[k] < 0:
                node = -1
                break
            key = np.uint64(node + 1) << _UPPER | np.uint64(symbols[k])
            place = _slot(key, slots, keys)
            if slots[place] < 0:
                slots[place] = n_nodes
                keys[n_nodes] = key
                n_nodes += 1
            node = slots[place]
        nodes[run] = node
        start = stops[run]
    return n_nodes


@lean_kernel
def count_terms(terms, stops, columns, places, indices, counts, indptr):
    """Count the terms of each document.

    Parameters
    ----------
    terms : ndarray of shape (n_terms,), int32
        The terms of the documents one behind the other; negative ones are not counted.
    stops : ndarray of shape (n_documents,), int64
        Where each document ends.
    columns : ndarray of shape (>= terms.max() + 1,), int32
        The column of each term; terms with a negative one are not counted.
    places : ndarray of shape (>= columns.max() + 1,), int64
        All -1. It is overwritten.
    indices : ndarray of shape (n_terms,), int32
        Receives the columns of each document, in the order of their first term.
    counts : ndarray of shape (n_terms,), int32
        Receives how often each occurs.
    indptr : ndarray of shape (n_documents + 1,), int64
        Receives where each document begins in both.
    """
    n_entries = 0
    start = 0
    for document in range(stops.shape[0]):
        begin = n_entries
        indptr[document] = begin
        for k in range(start, stops[document]):
            if terms[k] < 0:
                continue
            column = columns[terms[k]]
            if column < 0:
                continue
            place = places[column]
            if place >= begin:
                counts[place] += 1
            else:
                places[column] = n_entries
                indices[n_entries] = column
                counts[n_entries] = 1
                n_entries += 1
        start = stops[document]
    indptr[stops.shape[0]] = n_entries


@kernel
def sort_columns(indices, counts, indptr, columns, n_columns):
    """Give columns their final numbers, and put the entries of each row into order.

    Two passes in linear time: into columns and back into rows.

    Parameters
    ----------
    indices, counts : ndarray of shape (n_entries,)
        The entries of a CSR matrix. They are overwritten.
    indptr : ndarray of shape (n_rows + 1,), int64
        Where each row begins.
    columns : ndarray, int32
        The final number of each column that occurs.
    n_columns : int
        How many there are.
    """
    n_rows = indptr.shape[0] - 1
    starts = np.zeros(n_columns + 1, dtype=np.int64)
    for entry in range(indptr[n_rows]):
        starts[columns[indices[entry]] + 1] += 1
    for column in range(n_columns):
        starts[column + 1] += starts[column]
    rows = np.empty(indptr[n_rows], dtype=np.int32)
    values = np.empty(indptr[n_rows], dtype=counts.dtype)
    ends = starts[:-1].copy()
    for row in range(n_rows):
        for entry in range(indptr[row], indptr[row + 1]):
            column = columns[indices[entry]]
            rows[ends[column]] = row
            values[ends[column]] = counts[entry]
            ends[column] += 1
    places = indptr[:-1].copy()
    for column in range(n_columns):
        for entry in range(starts[column], starts[column + 1]):
            place = places[rows[entry]]
            indices[place] = column
            counts[place] = values[entry]
            places[rows[entry]] += 1
