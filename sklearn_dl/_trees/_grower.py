"""Leaf-wise growth of one tree.

The rows of a node are a range of one array that every split reorders, so that a node is
two numbers. The leaf with the largest gain is split next. Of its two children the
smaller one gets a histogram of its own; that of the larger is the parent's less the
smaller's.

All functions here are run by one or several threads (`_threads`): choices are made by
thread 0, rows and features are shared out.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._bundles import unbundle
from sklearn_dl._trees._histogram import build, count_of, mix, uniform
from sklearn_dl._trees._splitting import (
    N_LANES,
    Split,
    leaf_value,
    scan_bounded,
    scan_categories,
    scan_numeric,
    split_gain,
    unpack,
)
from sklearn_dl._trees._threads import barrier
from sklearn_dl.utils._kernel import inner_kernel, lean_inner_kernel

# Columns that a thread handles at a time: the histogram takes four in one pass.
_N_COLUMNS_A_PIECE = 4
# Nodes of fewer rows are partitioned by one thread.
_MIN_ROWS_TO_SHARE = 8192

# Room at the end of a histogram, for each thread, where the bins of a feature that
# shares its column are read back.
_N_SPARE_BINS = 256

# What `Room.control` holds.
_NODE, _N_NODES, _N_LEAVES, _SMALL, _LARGE, _N_OPEN, _N_FREE = range(7)


class Problem(NamedTuple):
    """What all trees of a fit share.

    Attributes
    ----------
    codes : ndarray of shape (n_features, n_samples), uint8
        The bin of each value.
    n_values, n_bins : ndarray of shape (n_features,), int64
        How many bins hold values, and how many there are: one more holds missing
        values, if there are any.
    columns, offsets, members, member_starts, starts, common : ndarray
        The columns that histograms are built of: the fields of `Bundles`, which would
        cost more to reach one level deeper.
    is_categorical : ndarray of shape (n_features,), bool
        Whether bins are categories.
    directions : ndarray of shape (n_features,), int8
        Monotonic constraints: 1, -1 or 0.
    is_special : ndarray of shape (n_features,), bool
        Whether a feature has categories or a constraint.
    groups : ndarray of shape (n_groups, n_features), bool
        Sets of features that may interact; no rows if all may.
    group_members, group_starts : ndarray of int64
        The features of each set that have more than one bin, set after set, and where
        they begin.
    """

    codes: np.ndarray
    n_values: np.ndarray
    n_bins: np.ndarray
    columns: np.ndarray
    offsets: np.ndarray
    members: np.ndarray
    member_starts: np.ndarray
    starts: np.ndarray
    common: np.ndarray
    is_categorical: np.ndarray
    directions: np.ndarray
    is_special: np.ndarray
    groups: np.ndarray
    group_members: np.ndarray
    group_starts: np.ndarray


class Limits(NamedTuple):
    """How far a tree may grow.

    Attributes
    ----------
    max_leaves : int
        Leaves at most.
    is_best_first : bool
        Whether the leaf of the largest gain is split next. Where the number of leaves
        has no limit, the order does not matter, and the last one is.
    max_depth : int
        Splits on the way to a leaf at most.
    max_features : float
        Share of the features that each split chooses from.
    """

    max_leaves: int
    is_best_first: bool
    max_depth: int
    max_features: float


class Tree(NamedTuple):
    """The nodes of the tree that grows, one entry a node.

    Attributes
    ----------
    left : ndarray of int32
        The left child; the right one follows it. -1 in a leaf.
    feature, bin : ndarray of int32
        The best split of the node, made if it has children.
    missing_left : ndarray of bool
        Whether missing values go left.
    bits : ndarray of shape (n, 8), uint32
        Categories that go left.
    left_sum : ndarray of int64
        The packed sum of the left side.
    gain : ndarray of float64
        The gain of the split.
    start, stop : ndarray of int32
        The rows of the node in `Room.rows`.
    depth : ndarray of int32
        Splits above the node.
    total : ndarray of int64
        The packed sum of the node.
    lower, upper : ndarray of float64
        Bounds of its value.
    value : ndarray of float64
        The value of a leaf.
    slot : ndarray of int32
        Its histogram.
    groups : ndarray of shape (n, n_groups), bool
        The sets of features that the path allows.
    """

    left: np.ndarray
    feature: np.ndarray
    bin: np.ndarray
    missing_left: np.ndarray
    bits: np.ndarray
    left_sum: np.ndarray
    gain: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    depth: np.ndarray
    total: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    value: np.ndarray
    slot: np.ndarray
    groups: np.ndarray


class Room(NamedTuple):
    """Space that is used again for every tree.

    Attributes
    ----------
    rows : ndarray of shape (n_samples,), int32
        The rows, those of a node side by side.
    packed : ndarray of shape (n_samples,), int64
        Their gradients.
    other_rows, other_packed : ndarray
        The same again, for reordering.
    histograms : ndarray of shape (n_slots, n_bins), int64
        Of the nodes that may be split, with spare room at the end.
    free : ndarray of shape (n_slots,), int32
        Histograms that are not in use.
    open : ndarray of shape (max_leaves,), int32
        The nodes that may be split.
    control : ndarray of shape (7,), int64
        What thread 0 tells the others.
    goes_left : ndarray of shape (256,), uint8
        For each bin of the feature that is split.
    n_left : ndarray of shape (n_threads,), int64
        Rows that each thread has sent left.
    scanned : ndarray of shape (2, n_features), bool
        Features that the small and the large child may be split by.
    best : ndarray of shape (n_threads, 2, 5), int64
        The best split that each thread found for each child.
    best_bits : ndarray of shape (n_threads, 2, 8), uint32
        Its categories.
    scratch : ndarray of shape (n_threads, 2, 256 + N_LANES), int64
        Running sums and scores of one feature.
    """

    rows: np.ndarray
    packed: np.ndarray
    other_rows: np.ndarray
    other_packed: np.ndarray
    histograms: np.ndarray
    free: np.ndarray
    open: np.ndarray
    control: np.ndarray
    goes_left: np.ndarray
    n_left: np.ndarray
    scanned: np.ndarray
    best: np.ndarray
    best_bits: np.ndarray
    scratch: np.ndarray


def make_tree(max_leaves, n_groups):
    """Make room for the nodes of a tree.

    Parameters
    ----------
    max_leaves : int
        Leaves at most.
    n_groups : int
        Sets of features that may interact.

    Returns
    -------
    tree : Tree
        With entries that mean nothing yet.
    """
    n = 2 * max_leaves - 1

    def entries(dtype):
        return np.zeros(n, dtype=dtype)

    return Tree(
        entries(np.int32), entries(np.int32), entries(np.int32), entries(np.bool_),
        np.zeros((n, 8), dtype=np.uint32), entries(np.int64), entries(np.float64),
        entries(np.int32), entries(np.int32), entries(np.int32), entries(np.int64),
        entries(np.float64), entries(np.float64), entries(np.float64),
        entries(np.int32), np.zeros((n, n_groups), dtype=np.bool_),
    )  # fmt: skip


def make_room(n_samples, problem, limits, min_samples_leaf, n_threads):
    """Make the space that growing needs.

    Parameters
    ----------
    n_samples : int
        Rows of a tree.
    problem : Problem
        The data.
    limits : Limits
        How far trees may grow.
    min_samples_leaf : int
        Rows of a leaf.
    n_threads : int
        Threads that grow a tree together.

    Returns
    -------
    room : Room
        The space.
    """
    # Every open node has rows for two leaves, and one more histogram is being built.
    n_slots = min(limits.max_leaves, n_samples // (2 * min_samples_leaf)) + 2
    if not limits.is_best_first:
        n_slots = min(n_slots, n_samples.bit_length() + 2)
    n_bins = problem.offsets[-1] + n_threads * _N_SPARE_BINS
    return Room(
        np.empty(n_samples, dtype=np.int32),
        np.empty(n_samples, dtype=np.int64),
        np.empty(n_samples, dtype=np.int32),
        np.empty(n_samples, dtype=np.int64),
        # Memory is touched, and so taken, when a slot is used for the first time.
        np.empty((n_slots, n_bins), dtype=np.int64),
        np.empty(n_slots, dtype=np.int32),
        np.empty(limits.max_leaves + 1, dtype=np.int32),
        np.zeros(7, dtype=np.int64),
        np.zeros(256, dtype=np.uint8),
        np.zeros(n_threads, dtype=np.int64),
        np.zeros((2, len(problem.n_values)), dtype=np.bool_),
        np.zeros((n_threads, 2, 5), dtype=np.int64),
        np.zeros((n_threads, 2, 8), dtype=np.uint32),
        np.zeros((n_threads, 2, 256 + N_LANES), dtype=np.int64),
    )


@lean_inner_kernel
def grow(
    thread, n_threads, sync, problem, limits, penalties, layout, scales, seed, tree,
    room, n_rows,
):  # fmt: skip
    """Grow a tree on the packed gradients of `Room.rows`.

    Parameters
    ----------
    thread, n_threads, sync : int, int, ndarray
        Which thread this is, of how many, and where they meet.
    problem : Problem
        The data.
    limits : Limits
        How far the tree may grow.
    penalties : Penalties
        What a split has to satisfy.
    layout, scales : Layout, Scales
        What a packed sum means.
    seed : uint64
        For the features that a split chooses from.
    tree : Tree
        Takes the nodes, but for the values of leaves.
    room : Room
        Its first `n_rows` rows and gradients are those of the root.
    n_rows : int
        How many they are.

    Returns
    -------
    n_nodes : int
        The number of nodes; -1 if another thread has failed.
    """
    control = room.control
    if thread == 0:
        _plant(problem, limits, penalties, layout, scales, seed, tree, room, n_rows)
    goes_on = barrier(n_threads, sync)
    while goes_on:
        _evaluate(thread, n_threads, problem, penalties, layout, scales, tree, room)
        goes_on = barrier(n_threads, sync)
        if thread == 0:
            _open_children(problem, penalties, layout, scales, tree, room)
            _choose(problem, limits, tree, room)
        goes_on &= barrier(n_threads, sync)
        node = control[_NODE]
        if node < 0:
            break
        goes_on &= _partition(thread, n_threads, sync, problem, tree, room, node)
        if thread == 0:
            _make_children(
                problem, limits, penalties, layout, scales, seed, tree, room, node
            )
        goes_on &= barrier(n_threads, sync)
    return control[_N_NODES] if goes_on else -1


@lean_inner_kernel
def _plant(problem, limits, penalties, layout, scales, seed, tree, room, n_rows):
    """Set up the root, as the only child of nobody."""
    total = np.int64(0)
    for i in range(n_rows):
        total += room.packed[i]
    tree.left[0] = -1
    tree.start[0], tree.stop[0] = 0, n_rows
    tree.depth[0] = 0
    tree.total[0] = total
    tree.lower[0], tree.upper[0] = -np.inf, np.inf
    tree.groups[0] = True
    n_slots = room.free.size
    for i in range(n_slots):
        room.free[i] = n_slots - 1 - i
    control = room.control
    control[_N_NODES] = control[_N_LEAVES] = 1
    control[_N_OPEN] = 0
    control[_N_FREE] = n_slots
    control[_SMALL] = control[_LARGE] = -1
    if _may_split(0, limits, penalties, layout, scales, tree, room):
        control[_SMALL] = 0
        tree.slot[0] = _take_slot(room)
        _choose_features(0, 0, problem, limits, seed, tree, room)


@lean_inner_kernel
def _take_slot(room):
    """Return a histogram that is not in use."""
    room.control[_N_FREE] -= 1
    return room.free[room.control[_N_FREE]]


@lean_inner_kernel
def _give_slot(room, slot):
    """Take a histogram back."""
    room.free[room.control[_N_FREE]] = slot
    room.control[_N_FREE] += 1


@lean_inner_kernel
def _may_split(node, limits, penalties, layout, scales, tree, room):
    """Return whether a node is large enough to be split."""
    _, hessian = unpack(tree.total[node], layout, scales)
    return (
        room.control[_N_LEAVES] < limits.max_leaves
        and tree.depth[node] < limits.max_depth
        and count_of(tree.total[node], layout) >= 2 * penalties.min_samples_leaf
        and hessian >= 2 * penalties.min_hessian
    )


@lean_inner_kernel
def _choose_features(node, child, problem, limits, seed, tree, room):
    """Mark the features by which a node may be split."""
    scanned = room.scanned[child]
    scanned[:] = False
    n_groups = problem.groups.shape[0]
    for k in range(n_groups):
        if tree.groups[node, k]:
            first, last = problem.group_starts[k], problem.group_starts[k + 1]
            for f in problem.group_members[first:last]:
                scanned[f] = True
    if n_groups == 0:
        for f in problem.members:
            scanned[f] = True
    if limits.max_features < 1.0:
        _draw_features(node, limits.max_features, seed, scanned)


@inner_kernel
def _draw_features(node, share, seed, scanned):
    """Leave a share of the features: those with the smallest random keys."""
    candidates = np.flatnonzero(scanned)
    keys = np.empty(candidates.size)
    start = mix(np.uint64(seed) ^ mix(np.uint64(node)))
    for i in range(candidates.size):
        keys[i] = uniform(start + np.uint64(candidates[i]))
    order = np.argsort(keys)
    n_kept = np.int64(np.ceil(share * candidates.size))
    for i in range(n_kept, candidates.size):
        scanned[candidates[order[i]]] = False


@lean_inner_kernel
def _evaluate(thread, n_threads, problem, penalties, layout, scales, tree, room):
    """Build the histograms of the children and look for their best splits."""
    small, large = room.control[_SMALL], room.control[_LARGE]
    best_small = best_large = Split(-1, -1, -1, False, np.int64(0))
    if small >= 0:
        # Arrays are taken out of their tuples here: each time costs a few nanoseconds,
        # which is much for a scan of a hundred.
        columns, offsets = problem.columns, problem.offsets
        member_starts = problem.member_starts
        n_columns = columns.shape[0]
        rows = room.rows[tree.start[small] : tree.stop[small]]
        packed = room.packed[tree.start[small] : tree.stop[small]]
        histogram = room.histograms[tree.slot[small]]
        rest = room.histograms[tree.slot[large] if large >= 0 else 0]
        # The same columns go to the same thread, in whose cache their histograms are.
        own = n_columns * thread // n_threads
        end = n_columns * (thread + 1) // n_threads
        for first in range(own, end, _N_COLUMNS_A_PIECE):
            last = min(first + _N_COLUMNS_A_PIECE, end)
            build(columns, first, last, rows, packed, offsets, histogram)
            piece = problem.members[member_starts[first] : member_starts[last]]
            if large >= 0:
                _subtract(rest, histogram, offsets[first], offsets[last])
                best_large = _scan(
                    thread, 1, large, piece, rest, problem, penalties, layout, scales,
                    tree, room, best_large,
                )  # fmt: skip
            best_small = _scan(
                thread, 0, small, piece, histogram, problem, penalties, layout, scales,
                tree, room, best_small,
            )  # fmt: skip
    _write_split(room.best[thread, 0], best_small)
    _write_split(room.best[thread, 1], best_large)


@lean_inner_kernel
def _subtract(whole, part, first, last):
    """Leave the histogram of the larger child in that of the parent."""
    for b in range(first, last):
        whole[b] -= part[b]


@lean_inner_kernel
def _scan(
    thread, child, node, features, histogram, problem, penalties, layout, scales, tree,
    room, best,
):  # fmt: skip
    """Return the better of the best split by some features and another one."""
    total, lower, upper = tree.total[node], tree.lower[node], tree.upper[node]
    is_bounded = lower > -np.inf or upper < np.inf
    spare = histogram.size - _N_SPARE_BINS * (thread + 1)
    if not is_bounded:
        scores = room.scratch[thread, 1]
        best = _scan_plain(
            features, room.scanned[child], problem.is_special, problem.n_values,
            problem.n_bins, problem.starts, problem.common, histogram, spare, total,
            layout, scales, penalties, room.scratch[thread, 0],
            scores.view(np.float32), scores.view(np.int32), best,
        )  # fmt: skip
    for f in features:
        if not (room.scanned[child, f] and (is_bounded or problem.is_special[f])):
            continue
        n_values, n_bins = problem.n_values[f], problem.n_bins[f]
        start, common = problem.starts[f], problem.common[f]
        if common >= 0:
            unbundle(histogram, start, common, n_bins, total, spare)
            start = spare
        bins = histogram[start : start + n_bins]
        if problem.is_categorical[f]:
            best = scan_categories(
                f, bins, n_values, total, layout, scales, penalties, lower, upper,
                best, room.best_bits[thread, child],
            )  # fmt: skip
        else:
            best = scan_bounded(
                f, bins, n_values, problem.directions[f], total, layout, scales,
                penalties, lower, upper, best,
            )  # fmt: skip
    return best


@lean_inner_kernel
def _scan_plain(
    features, scanned, is_special, all_n_values, all_n_bins, starts, all_common,
    histogram, spare, total, layout, scales, penalties, sums, scores, bits, best,
):  # fmt: skip
    """Do the same for numeric features without constraints.

    This is where the time goes. Arrays come one by one, since taking them out of their
    tuples for each feature would cost a part of it.
    """
    for f in features:
        if is_special[f] or not scanned[f]:
            continue
        start, common, n_bins = starts[f], all_common[f], all_n_bins[f]
        if common >= 0:
            unbundle(histogram, start, common, n_bins, total, spare)
            start = spare
        best = scan_numeric(
            f, histogram[start : start + n_bins], all_n_values[f], total, layout,
            scales, penalties, sums, scores, bits, best,
        )  # fmt: skip
    return best


@lean_inner_kernel
def _write_split(entry, split):
    """Store a split as integers."""
    entry[0] = split.score
    entry[1] = split.feature
    entry[2] = split.bin
    entry[3] = split.missing_left
    entry[4] = split.left


@lean_inner_kernel
def _open_children(problem, penalties, layout, scales, tree, room):
    """Choose among the splits that the threads found, and open the children."""
    control = room.control
    # The small one last: where the last is split next, nodes wait only as often as a
    # number of rows can be halved.
    for child in (1, 0):
        node = control[_SMALL] if child == 0 else control[_LARGE]
        if node < 0:
            continue
        best = 0
        for thread in range(1, room.best.shape[0]):
            a, b = room.best[thread, child], room.best[best, child]
            if a[0] > b[0] or (a[0] == b[0] and a[1] < b[1]):
                best = thread
        entry = room.best[best, child]
        if entry[0] >= 0:
            split = Split(entry[0], entry[1], entry[2], entry[3] == 1, entry[4])
            gain = split_gain(
                split, tree.total[node], layout, scales, penalties, tree.lower[node],
                tree.upper[node],
            )  # fmt: skip
            if gain > penalties.min_gain:
                _note_split(node, split, gain, problem, layout, tree)
                for word in range(tree.bits.shape[1]):
                    tree.bits[node, word] = room.best_bits[best, child, word]
                room.open[control[_N_OPEN]] = node
                control[_N_OPEN] += 1
                continue
        _give_slot(room, tree.slot[node])


@lean_inner_kernel
def _note_split(node, split, gain, problem, layout, tree):
    """Write the best split of a node down."""
    f = split.feature
    tree.feature[node] = f
    tree.bin[node] = split.bin
    tree.left_sum[node] = split.left
    tree.gain[node] = gain
    tree.missing_left[node] = split.missing_left
    if problem.n_bins[f] == problem.n_values[f]:
        # No value was missing in training: later ones follow the majority.
        n_left = count_of(split.left, layout)
        tree.missing_left[node] = 2 * n_left > count_of(tree.total[node], layout)


@lean_inner_kernel
def _choose(problem, limits, tree, room):
    """Choose the node that is split next, and say which of its bins go left."""
    control = room.control
    n_open = control[_N_OPEN]
    if n_open == 0 or control[_N_LEAVES] >= limits.max_leaves:
        control[_NODE] = -1
        return
    chosen = n_open - 1
    if limits.is_best_first:
        chosen = 0
        for i in range(1, n_open):
            a, b = room.open[i], room.open[chosen]
            if tree.gain[a] > tree.gain[b] or (tree.gain[a] == tree.gain[b] and a < b):
                chosen = i
    node = room.open[chosen]
    room.open[chosen] = room.open[n_open - 1]
    control[_N_OPEN] -= 1
    control[_NODE] = node
    f = tree.feature[node]
    if problem.is_categorical[f]:
        for c in range(256):
            bit = tree.bits[node, c >> 5] >> np.uint32(c & 31)
            room.goes_left[c] = bit & np.uint32(1)
    else:
        room.goes_left[: tree.bin[node] + 1] = 1
        room.goes_left[tree.bin[node] + 1 :] = 0
    if problem.n_bins[f] > problem.n_values[f]:
        room.goes_left[problem.n_values[f]] = tree.missing_left[node]


@lean_inner_kernel
def _partition(thread, n_threads, sync, problem, tree, room, node):
    """Reorder the rows of a node: those that go left, then the others.

    Return whether to go on.
    """
    start, stop = np.int64(tree.start[node]), np.int64(tree.stop[node])
    n = stop - start
    n_parts = n_threads if n >= _MIN_ROWS_TO_SHARE else 1
    first = last = start
    if thread < n_parts:
        first = start + n * thread // n_parts
        last = start + n * (thread + 1) // n_parts
        room.n_left[thread] = _divide(
            problem.codes[tree.feature[node]], room, first, last
        )
    if not barrier(n_threads, sync):
        return False
    if thread >= n_parts:
        return True
    n_left = left_before = np.int64(0)
    for other in range(n_parts):
        n_left += room.n_left[other]
        left_before += room.n_left[other] if other < thread else 0
    own = room.n_left[thread]
    to = start + left_before
    for i in range(own):
        room.rows[to + i] = room.other_rows[first + i]
        room.packed[to + i] = room.other_packed[first + i]
    to = start + n_left + (first - start) - left_before
    for i in range(last - first - own):
        room.rows[to + i] = room.other_rows[last - 1 - i]
        room.packed[to + i] = room.other_packed[last - 1 - i]
    return n_parts == 1 or barrier(n_threads, sync)


@lean_inner_kernel
def _divide(column, room, first, last):
    """Copy rows that go left from the front, others from the back; count the former.

    Every row is written to both ends, and one of the ends moves: there is no branch
    that a processor could guess wrong.
    """
    low, high = first, last - 1
    for i in range(first, last):
        row = room.rows[i]
        value = room.packed[i]
        left = np.int64(room.goes_left[column[np.uint32(row)]])
        room.other_rows[low] = row
        room.other_packed[low] = value
        room.other_rows[high] = row
        room.other_packed[high] = value
        low += left
        high -= 1 - left
    return low - first


@lean_inner_kernel
def _make_children(
    problem, limits, penalties, layout, scales, seed, tree, room, node
):  # fmt: skip
    """Enter both children of a split, and plan their histograms."""
    control = room.control
    left = control[_N_NODES]
    right = left + 1
    tree.left[node] = left
    control[_N_NODES] += 2
    control[_N_LEAVES] += 1
    tree.total[left] = tree.left_sum[node]
    tree.total[right] = tree.total[node] - tree.left_sum[node]
    n_left = count_of(tree.total[left], layout)
    n_right = count_of(tree.total[right], layout)
    middle = tree.start[node] + n_left
    tree.start[left], tree.stop[left] = tree.start[node], middle
    tree.start[right], tree.stop[right] = middle, tree.stop[node]
    for child in (left, right):
        tree.left[child] = -1
        tree.depth[child] = tree.depth[node] + 1
        for k in range(problem.groups.shape[0]):
            in_group = problem.groups[k, tree.feature[node]]
            tree.groups[child, k] = tree.groups[node, k] & in_group
    _set_bounds(problem, penalties, layout, scales, tree, node)
    small, large = (left, right) if n_left <= n_right else (right, left)
    splits_small = _may_split(small, limits, penalties, layout, scales, tree, room)
    splits_large = _may_split(large, limits, penalties, layout, scales, tree, room)
    control[_SMALL] = control[_LARGE] = -1
    tree.slot[large] = tree.slot[node]
    if not splits_large:
        _give_slot(room, tree.slot[node])
    if splits_small or splits_large:
        control[_SMALL] = small
        tree.slot[small] = _take_slot(room)
        _choose_features(small, 0, problem, limits, seed, tree, room)
        if not splits_small:
            room.scanned[0] = False
    if splits_large:
        control[_LARGE] = large
        _choose_features(large, 1, problem, limits, seed, tree, room)


@lean_inner_kernel
def _set_bounds(problem, penalties, layout, scales, tree, node):
    """Hand on the bounds of a node; a monotonic split puts one between its children."""
    left = np.int64(tree.left[node])
    right = left + 1
    lower, upper = tree.lower[node], tree.upper[node]
    for child in (left, right):
        tree.lower[child], tree.upper[child] = lower, upper
    f = tree.feature[node]
    if problem.is_categorical[f] or problem.directions[f] == 0:
        return
    g, h = unpack(tree.total[left], layout, scales)
    middle = leaf_value(g, h, penalties, lower, upper)
    g, h = unpack(tree.total[right], layout, scales)
    middle = 0.5 * (middle + leaf_value(g, h, penalties, lower, upper))
    if problem.directions[f] > 0:
        tree.upper[left] = tree.lower[right] = middle
    else:
        tree.lower[left] = tree.upper[right] = middle
