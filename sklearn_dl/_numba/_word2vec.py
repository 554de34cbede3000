"""Training of word vectors by the words around them.

All words around a centre share its outputs: the centre and the negatives, or the nodes
above it. What they have to do with each other is then a product of two small matrices,
which stay in the nearest cache until their gradients are added to the tables [1]_.
Rows of the tables come from memory that is far away. They are asked for one centre
ahead, so that they arrive while there is something else to do.

References
----------
.. [1] S. Ji, N. Satish, S. Li and P. Dubey, "Parallelizing word2vec in shared and
   distributed memory", IEEE Transactions on Parallel and Distributed Systems 30, 2019.
"""

import numpy as np

from sklearn_dl._numba._lanes import (
    LANES,
    clip,
    divide,
    load,
    multiply,
    multiply_add,
    prefetch,
    splat,
    store,
    store_totals,
    zeros,
)
from sklearn_dl.utils._kernel import fast_inner_kernel, fast_kernel, lean_inner_kernel

__all__ = ["HIERARCHY", "NEGATIVES", "SENTENCE", "SOFTMAX", "train_words"]

# What the outputs of a centre are: itself and words drawn at random, the inner nodes of
# a tree above it, or all words.
NEGATIVES, HIERARCHY, SOFTMAX = range(3)
# Words of a document are trained in pieces of so many.
SENTENCE = 10_000

# Where training is: the next token, its document and the state of the generator.
TOKEN, DOCUMENT, RANDOM = range(3)

_MULTIPLIER = np.uint64(6364136223846793005)
_INCREMENT = np.uint64(1442695040888963407)
_SHIFT = np.uint64(33)
_MIDDLE = np.uint64(9)
_HALF = np.float32(0.5)
_ONE = np.float32(1)


@lean_inner_kernel
def _next(state):
    """Return 31 random bits."""
    state[RANDOM] = state[RANDOM] * _MULTIPLIER + _INCREMENT
    return np.int64(state[RANDOM] >> _SHIFT)


@fast_inner_kernel
def _sigmoids(x):
    """Return 1 / (1 + exp(-x)), off by less than 2e-5, of each lane."""
    half, whole = splat(_HALF), splat(np.float32(135135))
    y = clip(multiply(half, x), np.float32(-4.97), np.float32(4.97))
    # The continued fraction of tanh, cut off.
    square = multiply(y, y)
    top = multiply_add(square, splat(_ONE), splat(np.float32(378)))
    top = multiply_add(square, top, splat(np.float32(17325)))
    top = multiply(y, multiply_add(square, top, whole))
    bottom = multiply_add(square, splat(np.float32(28)), splat(np.float32(3150)))
    bottom = multiply_add(square, bottom, splat(np.float32(62370)))
    bottom = multiply_add(square, bottom, whole)
    return multiply_add(half, divide(top, bottom), half)


@fast_inner_kernel
def _multiply_one(rows, outputs, n_outputs, scores):
    """Write the products of one row with all outputs, three at a time.

    With each three sums a fourth is written, to a place that is not used yet.
    """
    b = 0
    while b < n_outputs:
        b1, b2 = min(b + 1, n_outputs - 1), min(b + 2, n_outputs - 1)
        s0 = s1 = s2 = zeros()
        for d in range(0, rows.shape[1], LANES):
            x = load(rows, 0, d)
            s0 = multiply_add(x, load(outputs, b, d), s0)
            s1 = multiply_add(x, load(outputs, b1, d), s1)
            s2 = multiply_add(x, load(outputs, b2, d), s2)
        store_totals(scores, 0, b, s0, s1, s2, zeros())
        b += 3


@fast_inner_kernel
def _multiply(rows, n_rows, outputs, n_outputs, scores):
    """Write the products of all rows with all outputs, two by three at a time.

    Scores have at least three columns more than there are outputs.
    """
    if n_rows == 1:
        _multiply_one(rows, outputs, n_outputs, scores)
        return
    a = 0
    while a < n_rows:
        # At the ends the last ones are computed again.
        a1 = min(a + 1, n_rows - 1)
        b = 0
        while b < n_outputs:
            b1, b2 = min(b + 1, n_outputs - 1), min(b + 2, n_outputs - 1)
            s0 = s1 = s2 = t0 = t1 = t2 = zeros()
            for d in range(0, rows.shape[1], LANES):
                x, y = load(rows, a, d), load(rows, a1, d)
                z = load(outputs, b, d)
                s0, t0 = multiply_add(x, z, s0), multiply_add(y, z, t0)
                z = load(outputs, b1, d)
                s1, t1 = multiply_add(x, z, s1), multiply_add(y, z, t1)
                z = load(outputs, b2, d)
                s2, t2 = multiply_add(x, z, s2), multiply_add(y, z, t2)
            store_totals(scores, a, b, s0, s1, s2, zeros())
            store_totals(scores, a1, b, t0, t1, t2, zeros())
            b += 3
        a += 2


@fast_inner_kernel
def _accumulate(weights, n_lines, rows, n_rows, table, targets):
    """Add rows, times the weights of each line, to rows of a table."""
    width = rows.shape[1]
    last = width - LANES
    for line in range(n_lines):
        target = targets[line]
        d = 0
        while d + 3 * LANES < width:
            d1, d2, d3 = d + LANES, d + 2 * LANES, d + 3 * LANES
            s0, s1 = load(table, target, d), load(table, target, d1)
            s2, s3 = load(table, target, d2), load(table, target, d3)
            for k in range(n_rows):
                weight = splat(weights[line, k])
                s0 = multiply_add(weight, load(rows, k, d), s0)
                s1 = multiply_add(weight, load(rows, k, d1), s1)
                s2 = multiply_add(weight, load(rows, k, d2), s2)
                s3 = multiply_add(weight, load(rows, k, d3), s3)
            store(table, target, d, s0)
            store(table, target, d1, s1)
            store(table, target, d2, s2)
            store(table, target, d3, s3)
            d += 4 * LANES
        if d < width:
            # Three are left at most; of fewer, the last is computed again. One loop
            # that does too much is faster than two that do not.
            d1 = min(d + LANES, last)
            s0, s1 = load(table, target, d), load(table, target, d1)
            s2 = load(table, target, last)
            for k in range(n_rows):
                weight = splat(weights[line, k])
                s0 = multiply_add(weight, load(rows, k, d), s0)
                s1 = multiply_add(weight, load(rows, k, d1), s1)
                s2 = multiply_add(weight, load(rows, k, last), s2)
            store(table, target, d, s0)
            store(table, target, d1, s1)
            store(table, target, last, s2)


@lean_inner_kernel
def _choose_outputs(
    centre, objective, n_negatives, shares, aliases, starts, nodes, bits, labels,
    targets, state,
):  # fmt: skip
    """Write which outputs a centre has and what they should say; count them."""
    if objective == NEGATIVES:
        targets[0], labels[0] = centre, _ONE
        n_outputs = 1
        for _ in range(n_negatives):
            # The upper half of the bits finds a place, some of the lower ones decide
            # whether it is kept. Both words are read, since nobody can foresee which
            # it will be: a branch would often be the wrong one.
            place = _next(state) * shares.shape[0] >> 31
            part = np.float32(np.int64(state[RANDOM] >> _MIDDLE) & 0xFFFFFF)
            alias = np.int64(aliases[place])
            word = place if part * np.float32(2.0**-24) < shares[place] else alias
            # The centre is no example of what it is not.
            if word != centre:
                targets[n_outputs], labels[n_outputs] = word, np.float32(0)
                n_outputs += 1
        return n_outputs
    if objective == HIERARCHY:
        first = starts[centre]
        n_outputs = starts[centre + 1] - first
        for k in range(n_outputs):
            targets[k], labels[k] = nodes[first + k], bits[first + k]
        return n_outputs
    n_outputs = targets.shape[0]
    for k in range(n_outputs):
        targets[k], labels[k] = k, np.float32(0)
    labels[centre] = _ONE
    return n_outputs


@fast_inner_kernel
def _turn_into_errors(scores, n_rows, labels, side, n_outputs, objective, rate):
    """Replace scores by what each output should say minus what it says."""
    if objective == SOFTMAX:
        for a in range(n_rows):
            highest = scores[a, 0]
            for b in range(n_outputs):
                highest = max(highest, scores[a, b])
            sum_of_row = np.float32(0)
            for b in range(n_outputs):
                scores[a, b] = np.exp(scores[a, b] - highest)
                sum_of_row += scores[a, b]
            for b in range(n_outputs):
                scores[a, b] = rate * (labels[side, b] - scores[a, b] / sum_of_row)
        return
    for b in range(0, n_outputs, LANES):
        wanted = multiply(splat(rate), load(labels, side, b))
        for a in range(n_rows):
            said = _sigmoids(load(scores, a, b))
            store(scores, a, b, multiply_add(splat(-rate), said, wanted))


@fast_inner_kernel
def _copy_row(table, source, rows, a):
    for d in range(0, rows.shape[1], LANES):
        store(rows, a, d, load(table, source, d))


@fast_inner_kernel
def _add_row(rows, a, weight, table, target):
    for d in range(0, rows.shape[1], LANES):
        changed = multiply_add(splat(weight), load(rows, a, d), load(table, target, d))
        store(table, target, d, changed)


@fast_inner_kernel
def _collect(inputs, pieces, bounds, n_rows, rows):
    """Write the means of the input rows that words, or several, are made of."""
    for a in range(n_rows):
        first, stop = bounds[a], bounds[a + 1]
        _copy_row(inputs, pieces[first], rows, a)
        if stop - first > 1:
            for k in range(first + 1, stop):
                _add_row(inputs, pieces[k], _ONE, rows, a)
            share = splat(_ONE / np.float32(stop - first))
            for d in range(0, rows.shape[1], LANES):
                store(rows, a, d, multiply(share, load(rows, a, d)))


@fast_inner_kernel
def _spread(rows, n_rows, inputs, pieces, bounds, cbow):
    """Add changes to the input rows that words, or several, are made of."""
    for a in range(n_rows):
        first, stop = bounds[a], bounds[a + 1]
        share = _ONE if cbow else _ONE / np.float32(stop - first)
        for k in range(first, stop):
            _add_row(rows, a, share, inputs, pieces[k])


@fast_inner_kernel
def _learn(
    n_rows, n_outputs, objective, rate, inputs, pieces, bounds, cbow, outputs, targets,
    labels, side, rows, columns, scores, everyone,
):  # fmt: skip
    """Take one step for rows that share their outputs."""
    for b in range(n_outputs):
        _copy_row(outputs, targets[b], columns, b)
    _multiply(rows, n_rows, columns, n_outputs, scores)
    _turn_into_errors(scores, n_rows, labels, side, n_outputs, objective, rate)
    _accumulate(scores.T, n_outputs, rows, n_rows, outputs, targets)
    if bounds[n_rows] == n_rows:
        _accumulate(scores, n_rows, columns, n_outputs, inputs, pieces)
        return
    # From here on rows are how much the means change.
    for a in range(n_rows):
        for d in range(0, rows.shape[1], LANES):
            store(rows, a, d, zeros())
    _accumulate(scores, n_rows, columns, n_outputs, rows, everyone)
    _spread(rows, n_rows, inputs, pieces, bounds, cbow)


@lean_inner_kernel
def _next_sentence(tokens, stop, stops, keep, sentence, state):
    """Fill a sentence with the next words that are kept; return its length.

    Sentences end with their document.
    """
    at, document = np.int64(state[TOKEN]), np.int64(state[DOCUMENT])
    while stops[document] <= at:
        document += 1
    end = min(stops[document], stop)
    length = 0
    while at < end and length < sentence.shape[0]:
        word = tokens[at]
        at += 1
        if keep[word] < _ONE and (
            np.float32(_next(state)) * np.float32(2.0**-31) >= keep[word]
        ):
            continue
        sentence[length] = word
        length += 1
    state[TOKEN], state[DOCUMENT] = np.uint64(at), np.uint64(document)
    return length


@lean_inner_kernel
def _ask_for(table, row):
    """Let a row be on its way to the nearest cache."""
    for d in range(0, table.shape[1], LANES):
        prefetch(table, row, d)


@lean_inner_kernel
def _look_around(
    position, reach, sentence, length, piece_starts, pieces, plain, cbow, used, bounds
):
    """Write the input rows of the words around a centre; return their number.

    For `cbow` they count as one word.
    """
    n_used = n_rows = 0
    bounds[0] = 0
    for other in range(max(position - reach, 0), min(position + reach + 1, length)):
        if other == position:
            continue
        word = sentence[other]
        if plain:
            used[n_used] = word
            n_used += 1
        else:
            for k in range(piece_starts[word], piece_starts[word + 1]):
                used[n_used] = pieces[k]
                n_used += 1
        n_rows += 1
        bounds[n_rows] = n_used
    if cbow:
        n_rows = 1
        bounds[1] = n_used
    return n_rows


@fast_kernel
def train_words(
    tokens, stop, stops, keep, piece_starts, pieces, inputs, outputs, cbow, objective,
    n_negatives, shares, aliases, starts, nodes, bits, window, dynamic, rates, state,
    sentence, used, bounds, targets, labels, rows, columns, scores, everyone,
):  # fmt: skip
    """Train the vectors on some of the tokens.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        The words of the documents, one behind the other.
    stop : int
        Training ends before this token.
    stops : ndarray of shape (n_documents,), int64
        Where each document ends.
    keep : ndarray of shape (n_words,), float32
        How probably a token of each word is trained on.
    piece_starts : ndarray of shape (n_words + 1,), int64
        Where each word begins in `pieces`.
    pieces : ndarray of shape (n_pieces,), int32
        The input rows that words are the mean of; in the plain case, their own.
    inputs, outputs : ndarray of shape (n_rows, width), float32
        The tables. They are changed.
    cbow : bool
        Whether the mean of the words around predicts the centre; else each of them
        does.
    objective : int
        NEGATIVES, HIERARCHY or SOFTMAX.
    n_negatives : int
        Words drawn for each centre.
    shares, aliases : ndarray of shape (n_words,), float32 and int32
        Table of the alias method, by which they are drawn.
    starts, nodes, bits : ndarray, int64, int32 and float32
        Paths from the root of the tree to each word, and what the nodes should say.
    window : int
        Words on either side.
    dynamic : bool
        Whether the window is smaller at random.
    rates : ndarray of shape (2,), float32
        Learning rate at the first token of this call, and how much it falls with each.
    state : ndarray of shape (3,), uint64
        The first token and its document, and the state of the generator. Receives them
        as they are at the end.
    sentence, used, bounds, targets, labels, rows, columns, scores : ndarray
        Room to work in. The width of tables is a multiple of LANES, also that of labels
        and of scores, which must be more than the outputs by three; they are fastest
        where they begin at a multiple of 64 bytes. Of targets and labels there are two
        rows, for the centre that is learned and the next.
    everyone : ndarray of shape (n_around,), int32
        The numbers from 0 on.
    """
    # All words have a row of their own; here they have no others.
    plain = pieces.shape[0] == piece_starts.shape[0] - 1
    first_token = np.int64(state[TOKEN])
    while np.int64(state[TOKEN]) < stop:
        trained = np.int64(state[TOKEN]) - first_token
        rate = max(rates[0] - np.float32(trained) * rates[1], np.float32(0))
        length = _next_sentence(tokens, stop, stops, keep, sentence, state)
        if length == 1:
            continue
        next_reach = n_next = 0
        for position in range(-1, length):
            reach, n_outputs = next_reach, n_next
            side = position & 1
            if position + 1 < length:
                next_reach = window
                if dynamic:
                    next_reach -= _next(state) * window // 2147483648
                n_next = _choose_outputs(
                    sentence[position + 1], objective, n_negatives, shares, aliases,
                    starts, nodes, bits, labels[1 - side], targets[1 - side], state,
                )  # fmt: skip
                if objective != SOFTMAX:
                    for b in range(n_next):
                        _ask_for(outputs, targets[1 - side, b])
            if window < length - 1 - position:
                # The centres before did not see that word.
                word = sentence[position + 1 + window]
                if plain:
                    _ask_for(inputs, word)
                else:
                    for k in range(piece_starts[word], piece_starts[word + 1]):
                        _ask_for(inputs, pieces[k])
            if position < 0:
                continue
            n_rows = _look_around(
                position, reach, sentence, length, piece_starts, pieces, plain, cbow,
                used, bounds,
            )  # fmt: skip
            _collect(inputs, used, bounds, n_rows, rows)
            _learn(
                n_rows, n_outputs, objective, rate, inputs, used, bounds, cbow, outputs,
                targets[side], labels, side, rows, columns, scores, everyone,
            )  # fmt: skip
