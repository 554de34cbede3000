"""Training of word vectors whose products are logarithms of counts.

A row of a table has a word's numbers and, behind them, the sums of the squares of their
steps, so that an update touches two runs of memory. The numbers are the vector, the
bias, and a one that meets the bias of the other word: all that there is to compute is
the product of two rows. The one stays, since its sum of squares is `FIXED`.

Pairs are dealt out to tiles, by the groups of their two words, and the tiles to rounds
in which no two have a group in common. Threads that share out a round do not disturb
one another, so that the result does not depend on them; and what a tile needs of the
tables stays in the cache [1]_.

References
----------
.. [1] R. Gemulla, E. Nijkamp, P. J. Haas and Y. Sismanis, "Large-scale matrix
   factorization with distributed stochastic gradient descent", KDD 2011.
"""

import numpy as np

from sklearn_dl._numba._lanes import (
    LANES,
    inverse_root,
    load,
    multiply_add,
    splat,
    store,
    total,
    zeros,
)
from sklearn_dl.utils._kernel import fast_kernel, lean_inner_kernel, lean_kernel

__all__ = ["FIXED", "deal_pairs", "train_pairs"]

# Steps are divided by its root, and are then none.
FIXED = 1e30

_MULTIPLIER = np.uint64(6364136223846793005)
_INCREMENT = np.uint64(1442695040888963407)
_SHIFT = np.uint64(32)


@lean_inner_kernel
def _draw(state, n):
    """Return a random number below `n`."""
    state[0] = state[0] * _MULTIPLIER + _INCREMENT
    return np.int64(((state[0] >> _SHIFT) * np.uint64(n)) >> _SHIFT)


@lean_inner_kernel
def _tile(row, column, n_groups):
    """Return the tile of a pair; those of a round are next to each other."""
    return (column - row) % n_groups * n_groups + row % n_groups


@lean_kernel
def deal_pairs(
    indptr, indices, values, x_max, alpha, n_groups, state, starts, rows, columns,
    logs, weights,
):  # fmt: skip
    """Deal out the entries of a sparse matrix to tiles, and shuffle each.

    Parameters
    ----------
    indptr, indices, values : ndarray, integer, int32 and float32
        The matrix, in CSR format.
    x_max : float
        From this value on the weight is one.
    alpha : float
        Below, it grows by this power.
    n_groups : int
        Into how many groups words are divided, by the remainders of their numbers.
    state : ndarray of shape (1,), uint64
        Of the random numbers.
    starts : ndarray of shape (n_groups**2 + 1,), int64
        Zeros. Receives where each tile begins.
    rows, columns, logs, weights : ndarray of shape (n_pairs,), int32 and float32
        Receive the pairs, the logarithms of their values and their weights.
    """
    for row in range(indptr.shape[0] - 1):
        for k in range(indptr[row], indptr[row + 1]):
            starts[_tile(row, indices[k], n_groups)] += 1
    n_tiles = n_groups * n_groups
    for tile in range(n_tiles):
        starts[tile + 1] += starts[tile]
    for row in range(indptr.shape[0] - 1):
        for k in range(indptr[row], indptr[row + 1]):
            tile = _tile(row, indices[k], n_groups)
            # Tiles are filled from their ends, so that the ends become beginnings.
            starts[tile] -= 1
            at = starts[tile]
            rows[at], columns[at] = row, indices[k]
            logs[at] = np.log(values[k])
            weights[at] = min((values[k] / x_max) ** alpha, np.float32(1))
    for tile in range(n_tiles):
        first = starts[tile]
        for k in range(starts[tile + 1] - 1, first, -1):
            other = first + _draw(state, k - first + 1)
            rows[k], rows[other] = rows[other], rows[k]
            columns[k], columns[other] = columns[other], columns[k]
            logs[k], logs[other] = logs[other], logs[k]
            weights[k], weights[other] = weights[other], weights[k]


@fast_kernel
def train_pairs(
    first, stop, starts, rows, columns, logs, weights, rate, words, contexts, losses
):
    """Take a step of AdaGrad for each pair of some tiles.

    As in the program of its authors, it is the steps, rates included, whose squares are
    added up.

    Parameters
    ----------
    first, stop : int
        The tiles.
    starts : ndarray, int64
        Where each tile begins.
    rows, columns, logs, weights : ndarray of shape (n_pairs,), int32 and float32
        The pairs.
    rate : float
        Learning rate.
    words, contexts : ndarray of shape (n_words, 2 * width), float32
        The tables, of numbers and sums of squares. They are changed. The width is a
        multiple of LANES; they are fastest where they begin at a multiple of 64 bytes.
    losses : ndarray, float64
        Receives the loss of each tile.
    """
    width = words.shape[1] // 2
    for tile in range(first, stop):
        loss = 0.0
        for k in range(starts[tile], starts[tile + 1]):
            i, j = rows[k], columns[k]
            products = zeros()
            for d in range(0, width, LANES):
                products = multiply_add(
                    load(words, i, d), load(contexts, j, d), products
                )
            error = total(products) - logs[k]
            weighted = weights[k] * error
            loss += weighted * error
            factor = splat(-rate * weighted)
            for d in range(0, width, LANES):
                x, y = load(words, i, d), load(contexts, j, d)
                p, q = load(words, i, width + d), load(contexts, j, width + d)
                u = multiply_add(factor, y, zeros())
                v = multiply_add(factor, x, zeros())
                store(words, i, d, multiply_add(u, inverse_root(p), x))
                store(contexts, j, d, multiply_add(v, inverse_root(q), y))
                store(words, i, width + d, multiply_add(u, u, p))
                store(contexts, j, width + d, multiply_add(v, v, q))
        losses[tile] = loss
