"""Rounds of gradient boosting, compiled: gradients, trees, new sums.

`boost` runs as many rounds as it is asked for without going back to Python. What a
round has to do there (a callback, a score for early stopping, gradients of a user's own
loss) is done by calling it for one round.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._gradients import (
    LossCode,
    derive,
    is_searched,
    quantile_of,
    search_value,
)
from sklearn_dl._trees._grower import grow
from sklearn_dl._trees._histogram import (
    ROWS_A_BLOCK,
    choose_scale,
    mix,
    pack,
    uniform,
)
from sklearn_dl._trees._splitting import Penalties, Scales, leaf_value
from sklearn_dl._trees._threads import barrier, reset_next, take_next
from sklearn_dl.utils._kernel import inner_kernel, kernel

# A step of more in log odds, or in the logarithm of a mean, is no estimate but a
# Hessian that vanishes, and what goes so far does not come back.
_MAX_STEP = 100.0

# A node of a tree that is done. Children lie side by side: `left` and `left + 1`.
NODE = np.dtype(
    [
        ("value", np.float64),
        ("gain", np.float64),
        ("feature", np.int32),
        ("left", np.int32),
        ("count", np.int32),
        ("bin", np.int16),
        ("depth", np.int16),
        ("missing_left", np.bool_),
    ],
    align=True,
)


class Recipe(NamedTuple):
    """What a round does.

    Attributes
    ----------
    loss : int
        A `LossCode`.
    parameter : float
        The quantile of the quantile loss; of Huber's loss the quantile of the absolute
        residuals that is its delta.
    learning_rate : float
        Factor of the values of leaves.
    n_rows : int
        Rows that each round draws.
    seed : uint64
        For all that is drawn.
    """

    loss: int
    parameter: float
    learning_rate: float
    n_rows: int
    seed: np.uint64


class Forest(NamedTuple):
    """Takes the trees.

    Attributes
    ----------
    nodes : ndarray of shape (n_trees, max_nodes), NODE
        The nodes of each tree.
    bits : ndarray of shape (n_trees, max_nodes, 8) or (n_trees, 0, 8), uint32
        Categories that go left; empty if no feature is categorical.
    n_nodes : ndarray of shape (n_trees,), int64
        The number of nodes of each tree.
    status : ndarray of shape (1,), int64
        Becomes 1 when a loss is no longer finite; nothing is done after that.
    """

    nodes: np.ndarray
    bits: np.ndarray
    n_nodes: np.ndarray
    status: np.ndarray


class Sums(NamedTuple):
    """Space for what the threads add up.

    Attributes
    ----------
    of_blocks : ndarray of shape (n_blocks, n_trees, 2), float64
        Sums of absolute gradients and of Hessians over blocks of rows.
    delta : ndarray of shape (1,), float64
        The loss's parameter in this round.
    in_round : ndarray of shape (n_samples,) or (0,), bool
        The rows that this round has drawn; empty if it takes all.
    """

    of_blocks: np.ndarray
    delta: np.ndarray
    in_round: np.ndarray


def make_sums(n_samples, n_trees, n_rows):
    """Make space for what the threads add up.

    Parameters
    ----------
    n_samples : int
        Rows of the data.
    n_trees : int
        Trees of a round.
    n_rows : int
        Rows that each round draws.

    Returns
    -------
    sums : Sums
        The space.
    """
    n_blocks = -(-n_samples // ROWS_A_BLOCK)
    return Sums(
        np.zeros((n_blocks, n_trees, 2)),
        np.zeros(1),
        np.zeros(0 if n_rows == n_samples else n_samples, dtype=np.bool_),
    )


@kernel
def boost(
    thread, n_threads, sync, problem, limits, penalties, layout, recipe, target, tree,
    room, sums, forest, first_round, n_rounds,
):  # fmt: skip
    """Run some rounds.

    Parameters
    ----------
    thread, n_threads, sync : int, int, ndarray
        Which thread this is, of how many, and where they meet.
    problem : Problem
        The data, in bins.
    limits : Limits
        How far trees may grow.
    penalties : Penalties
        What splits have to satisfy.
    layout : Layout
        The fields of a packed sum.
    recipe : Recipe
        What a round does.
    target : Target
        What is fitted. Its sums are brought up to date.
    tree, room, sums : Tree, Room, Sums
        Space.
    forest : Forest
        Takes the trees of these rounds.
    first_round : int
        The rounds that were before these.
    n_rounds : int
        How many rounds.
    """
    n_samples = target.y.size
    n_trees = target.raw.shape[0]
    goes_on = barrier(n_threads, sync)
    for m in range(n_rounds):
        seed = mix(recipe.seed ^ mix(np.uint64(first_round + m)))
        if not goes_on:
            return
        if thread == 0:
            _begin_round(recipe, target, sums, seed)
        goes_on &= barrier(n_threads, sync)
        for block in range(thread, sums.of_blocks.shape[0], n_threads):
            first = block * ROWS_A_BLOCK
            last = min(first + ROWS_A_BLOCK, n_samples)
            derive(recipe.loss, sums.delta[0], target, first, last)
            _add_block(target, first, last, sums.of_blocks[block])
        goes_on &= barrier(n_threads, sync)
        for k in range(n_trees):
            scales = _choose_scales(sums.of_blocks, k, layout)
            if scales.gradient <= 0.0:
                forest.status[0] = 1
                return
            tree_seed = mix(seed + np.uint64(k))
            _pack_rows(
                thread, n_threads, recipe, target, k, layout, scales, tree_seed, room,
                sums,
            )  # fmt: skip
            goes_on &= barrier(n_threads, sync)
            floor = _gain_floor(penalties, layout, scales, sums.of_blocks, k, n_samples)
            n_nodes = grow(
                thread, n_threads, sync, problem, limits, floor, layout, scales,
                tree_seed, tree, room, recipe.n_rows,
            )  # fmt: skip
            if n_nodes < 0 or not goes_on:
                return
            if thread == 0:
                if is_searched(recipe.loss):
                    _search_bounds(problem, recipe, sums, target, tree, room, n_nodes)
                reset_next(sync)
            goes_on &= barrier(n_threads, sync)
            _set_leaves(sync, recipe, penalties, sums, target, k, tree, room, n_nodes)
            goes_on &= barrier(n_threads, sync)
            if sums.in_round.size:
                _predict_left_out(thread, n_threads, problem, target, k, tree, sums)
            if thread == 0:
                _store(tree, n_nodes, forest, m * n_trees + k)
            goes_on &= barrier(n_threads, sync)


@inner_kernel
def _begin_round(recipe, target, sums, seed):
    """Choose Huber's delta, and the rows of the round."""
    n = target.y.size
    sums.delta[0] = recipe.parameter
    if recipe.loss == LossCode.HUBER:
        residuals = np.abs(target.y - target.raw[0])
        sums.delta[0] = quantile_of(residuals, target.sample_weight, recipe.parameter)
    if sums.in_round.size:
        # Selection sampling (Knuth, volume 2, algorithm S): as many as wanted.
        wanted = recipe.n_rows
        for i in range(n):
            taken = uniform(seed + np.uint64(i)) * (n - i) < wanted
            sums.in_round[i] = taken
            wanted -= taken


@inner_kernel
def _add_block(target, first, last, out):
    """Add up absolute gradients and Hessians of a block of rows."""
    for k in range(target.raw.shape[0]):
        total = 0.0
        for i in range(first, last):
            total += abs(target.gradients[k, i])
        out[k, 0] = total
        out[k, 1] = 0.0
        if target.hessians.size:
            total = 0.0
            for i in range(first, last):
                total += target.hessians[k, i]
            out[k, 1] = total


@inner_kernel
def _choose_scales(of_blocks, k, layout):
    """Return the units of packed sums; a gradient unit of 0 if they are not finite."""
    g = h = 0.0
    for block in range(of_blocks.shape[0]):
        g += of_blocks[block, k, 0]
        h += of_blocks[block, k, 1]
    # Gains are squares.
    if not (np.isfinite(g * g) and np.isfinite(h)):
        return Scales(0.0, 0.0, 0.0)
    g_unit = 1.0 / choose_scale(g, layout.gradient_bits)
    if layout.hessian_bits == 0:
        return Scales(g_unit, 0.0, 1.0)
    return Scales(g_unit, 1.0 / choose_scale(h, layout.hessian_bits), 0.0)


@inner_kernel
def _gain_floor(penalties, layout, scales, of_blocks, k, n_samples):
    """Return the penalties with a gain that is more than rounding."""
    g = h = 0.0
    for block in range(of_blocks.shape[0]):
        g += of_blocks[block, k, 0]
        h += of_blocks[block, k, 1]
    if not layout.hessian_bits:
        h = np.float64(n_samples)
    # That of float64 in sums; that of gradients, where it is random, in the variance
    # of a sum over one row.
    noise = 1e-12 * g * g / max(h, 1e-300)
    if layout.is_dithered:
        noise += 4.0 * scales.gradient * scales.gradient * n_samples / max(h, 1e-300)
    return Penalties(
        penalties.l1,
        penalties.l2,
        max(penalties.min_gain, noise),
        penalties.min_samples_leaf,
        penalties.min_hessian,
    )


@inner_kernel
def _pack_rows(
    thread, n_threads, recipe, target, k, layout, scales, seed, room, sums
):  # fmt: skip
    """Put the rows of the round and their gradients in place."""
    n = recipe.n_rows
    first, last = n * thread // n_threads, n * (thread + 1) // n_threads
    if sums.in_round.size:
        place = 0
        for i in range(sums.in_round.size):
            if sums.in_round[i]:
                if first <= place < last:
                    room.rows[place] = i
                place += 1
    else:
        for i in range(first, last):
            room.rows[i] = i
    hessians = target.hessians[k] if layout.hessian_bits else np.empty(0)
    factors = (
        1.0 / scales.gradient,
        1.0 / scales.hessian if layout.hessian_bits else 1.0,
    )
    pack(
        room.rows[first:last], target.gradients[k], hessians, factors, layout, seed,
        room.packed[first:last],
    )  # fmt: skip


@inner_kernel
def _search_bounds(problem, recipe, sums, target, tree, room, n_nodes):
    """Bound leaves whose values are searched for, as monotonic constraints ask.

    The bounds that growing has set are in units of gradients. Here the value of every
    node is searched for, and the mean of two siblings is between their leaves.
    """
    if not np.any(problem.directions):
        return
    for node in range(n_nodes):
        left = np.int64(tree.left[node])
        if left < 0:
            continue
        lower, upper = tree.lower[node], tree.upper[node]
        middle = 0.0
        for child in (left, left + 1):
            tree.lower[child], tree.upper[child] = lower, upper
            rows = room.rows[tree.start[child] : tree.stop[child]]
            value = search_value(recipe.loss, sums.delta[0], target, rows)
            middle += 0.5 * min(max(value, lower), upper)
        f = tree.feature[node]
        if problem.directions[f] > 0:
            tree.upper[left] = tree.lower[left + 1] = middle
        elif problem.directions[f] < 0:
            tree.lower[left] = tree.upper[left + 1] = middle


@inner_kernel
def _set_leaves(sync, recipe, penalties, sums, target, k, tree, room, n_nodes):
    """Compute the values of leaves from exact sums, and add them to their rows."""
    while True:
        node = take_next(sync)
        if node >= n_nodes:
            return
        if tree.left[node] >= 0:
            continue
        rows = room.rows[tree.start[node] : tree.stop[node]]
        lower, upper = tree.lower[node], tree.upper[node]
        value = value_of_leaf(
            recipe.loss, sums.delta[0], penalties, target, k, rows, lower, upper
        )
        value *= recipe.learning_rate
        tree.value[node] = value
        raw = target.raw[k]
        for i in range(rows.size):
            raw[np.uint32(rows[i])] += value


@kernel
def value_of_leaf(loss, parameter, penalties, target, k, rows, lower, upper):
    """Return the value of a leaf.

    Parameters
    ----------
    loss : int
        A `LossCode`.
    parameter : float
        The loss's parameter.
    penalties : Penalties
        What the value is shrunk by.
    target : Target
        What is fitted.
    k : int
        Which tree of the round this is.
    rows : ndarray of shape (n,), int32
        The rows of the leaf.
    lower, upper : float
        Bounds of the value.

    Returns
    -------
    value : float
        The value, not yet multiplied by the learning rate.
    """
    if is_searched(loss):
        value = search_value(loss, parameter, target, rows)
        return min(max(value, lower), upper)
    gradients = target.gradients[k]
    g = 0.0
    for i in range(rows.size):
        g += gradients[np.uint32(rows[i])]
    h = np.float64(rows.size)
    if target.hessians.size:
        hessians = target.hessians[k]
        h = 0.0
        for i in range(rows.size):
            h += hessians[np.uint32(rows[i])]
    # Splits see to the least Hessian by rounded sums.
    h = max(h, penalties.min_hessian)
    if LossCode.POISSON <= loss <= LossCode.SOFTMAX:
        lower, upper = max(lower, -_MAX_STEP), min(upper, _MAX_STEP)
    return leaf_value(g, h, penalties, lower, upper)


@inner_kernel
def _predict_left_out(thread, n_threads, problem, target, k, tree, sums):
    """Add the tree to the rows that were not drawn."""
    n = sums.in_round.size
    for i in range(n * thread // n_threads, n * (thread + 1) // n_threads):
        if sums.in_round[i]:
            continue
        node = 0
        while tree.left[node] >= 0:
            f = tree.feature[node]
            code = np.int64(problem.codes[f, i])
            if code == problem.n_values[f]:
                left = tree.missing_left[node]
            elif problem.is_categorical[f]:
                left = (tree.bits[node, code >> 5] >> np.uint32(code & 31)) & 1 == 1
            else:
                left = code <= tree.bin[node]
            node = tree.left[node] + (0 if left else 1)
        target.raw[k, i] += tree.value[node]


@inner_kernel
def _store(tree, n_nodes, forest, place):
    """Copy a tree to the forest."""
    forest.n_nodes[place] = n_nodes
    nodes = forest.nodes[place]
    for i in range(n_nodes):
        split = tree.left[i] >= 0
        nodes[i].left = tree.left[i]
        nodes[i].value = 0.0 if split else tree.value[i]
        nodes[i].gain = tree.gain[i] if split else 0.0
        nodes[i].feature = tree.feature[i] if split else -1
        nodes[i].bin = tree.bin[i] if split else -1
        nodes[i].missing_left = tree.missing_left[i] if split else False
        nodes[i].count = tree.stop[i] - tree.start[i]
        nodes[i].depth = tree.depth[i]
    if forest.bits.shape[1] > 0:
        forest.bits[place, :n_nodes] = tree.bits[:n_nodes]
