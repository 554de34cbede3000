"""The search for the best stump of float64 weights.

An exact search does not look at every threshold. The gain of a split is convex in the
weights of its left side, so within a block it is at most what it is at the corners of
the rectangle between the sums before and behind the block. Only blocks that could hold
the best threshold are searched inside.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from sklearn_dl._trees._columns import MAX_BLOCKS
from sklearn_dl.utils._kernel import kernel

__all__ = [
    "CRITERIA",
    "LEAST_SHARE",
    "PLANE",
    "TIE",
    "find_stump",
    "minimum",
    "new_scan",
]

CRITERIA = {"gini": 0, "error": 1}
# The sums of a class take so much room.
PLANE = MAX_BLOCKS + 1
# Gains of two columns that differ by less than this share of all weight are equal: the
# sums behind them are rounded in another order. In one column most of the sums are the
# same.
TIE = 1e-14
_TIE_IN_COLUMN = 1e-15
# scikit-learn keeps the share of a row above this, and leaves nodes alone whose
# impurity is no more.
LEAST_SHARE = np.finfo(np.float64).eps

_ERROR = 1
# Sides as light as this share are rounding errors of the other side.
_LIGHT = 1e-15
# Where there is no NaN, maxima are found eight at a time. These are parts of kernels,
# which are kept on disk with them.
_without_nan = njit(nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})


class Scan(NamedTuple):
    """What is known of the splits of each column.

    Split number b has b blocks on the left and block b on its right. Missing values go
    right in its gain of direction 0 and left in that of direction 1.
    """

    # The weight of each class on the left of each split if missing values go right, of
    # all, and of the missing values: (n_features, n_classes, ...).
    left: np.ndarray
    total: np.ndarray
    missing: np.ndarray
    # The gain of each split, and the most there can be in each block where there are
    # more than two classes: (n_features, 2, ...).
    gain: np.ndarray
    bound: np.ndarray
    # The highest gain of each column: (n_features,).
    highest: np.ndarray


@kernel
def new_scan(n_features, n_classes):
    return Scan(
        np.empty((n_features, n_classes, PLANE)),
        np.empty((n_features, n_classes)),
        np.empty((n_features, n_classes)),
        np.empty((n_features, 2, PLANE)),
        np.empty((n_features, 2, PLANE)),
        np.empty(n_features),
    )


@kernel
def find_stump(columns, y, state, criterion, least_leaf, scan, stumps, t):
    """Find the best stump and write it down under its number.

    Parameters
    ----------
    columns : SortedColumns
        The training rows.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    state : BoostingState
        The weights and their sums.
    criterion : int
        A value of `CRITERIA`.
    least_leaf : float
        The share of the weight that a leaf has at least.
    scan : Scan
        Room to work in.
    stumps : Stumps
        Where it is written down.
    t : int
        The number of the stump.
    """
    # A little less: either side may be rounded.
    least = (least_leaf - _LIGHT - least_leaf * TIE) * state.total[0]
    _scan_columns(columns, state, criterion, least, scan)
    shares = scan.total[0] / scan.total[0].sum()
    # As pure as this, a node is not split by scikit-learn's trees.
    pure = 1 - (shares * shares).sum() <= LEAST_SHARE
    tie = TIE * state.total[0]
    best = _search_inside(columns, y, state, criterion, least, tie, scan)
    for f in range(len(scan.highest)):
        if best > -np.inf and not pure and scan.highest[f] >= best - tie:
            enough = scan.highest[f] - _TIE_IN_COLUMN * state.total[0]
            _write_down(columns, y, state, criterion, least, f, enough, scan, stumps, t)
            return
    stumps.feature[t] = -1
    stumps.left[t] = 0.0
    stumps.right[t] = scan.total[0]


@kernel
def _scan_columns(columns, state, criterion, least, scan):
    """Compute the gain of each split between blocks."""
    # Taken out of their tuples here: in the loop, that would cost more than the sums.
    all_sums, all_blocks, starts = state.sums, columns.n_blocks, columns.starts
    all_left, all_total, all_missing = scan.left, scan.total, scan.missing
    all_gain, all_bound, highest = scan.gain, scan.bound, scan.highest
    n_rows, n_classes = len(state.weights), all_total.shape[1]
    for f in range(len(all_blocks)):
        n_blocks, sums = all_blocks[f], all_sums[f]
        left, total, missing = all_left[f], all_total[f], all_missing[f]
        if n_classes == 2:
            _add_up_two(sums, n_blocks, left)
        else:
            _add_up(sums, n_blocks, left)
        for k in range(n_classes):
            # Without missing values there is nothing behind the last block.
            missing[k] = sums[k * PLANE + n_blocks]
            total[k] = left[k, n_blocks] + missing[k]
        has_missing = starts[f, n_blocks] < n_rows
        highest[f] = -np.inf
        for direction in range(2 if has_missing else 1):
            gain, bound = all_gain[f, direction], all_bound[f, direction]
            if n_classes == 2:
                _gains_of_two(
                    left, missing, direction, total, n_blocks, criterion, least, gain
                )
            else:
                shifts = direction * missing
                _gains_of_many(
                    left, shifts, total, n_blocks, criterion, least, gain, bound
                )
            # The last split leaves missing values alone.
            end = n_blocks + 1 if has_missing and direction == 0 else n_blocks
            highest[f] = max(highest[f], _maximum(gain, 1, end))


@kernel
def _add_up(sums, n_blocks, left):
    """Add up the blocks of each class."""
    for k in range(len(left)):
        passed = 0.0
        left[k, 0] = 0.0
        for b in range(n_blocks):
            passed += sums[k * PLANE + b]
            left[k, b + 1] = passed


@kernel
def _add_up_two(sums, n_blocks, left):
    """Add up the blocks of two classes in one loop: neither waits for the other."""
    first, second = left
    one, other = 0.0, 0.0
    first[0], second[0] = one, other
    for b in range(n_blocks):
        one += sums[b]
        other += sums[PLANE + b]
        first[b + 1], second[b + 1] = one, other


@_without_nan
def minimum(values):
    """Return the minimum of an array.

    Parameters
    ----------
    values : ndarray of shape (n_values,), dtype float64
        Numbers, none of them NaN.

    Returns
    -------
    least : float
        The lowest of them.
    """
    least = np.inf
    for value in values:
        least = min(least, value)
    return least


@_without_nan
def _maximum(values, first, last):
    """Return the maximum of a part of an array."""
    best = -np.inf
    for b in range(first, last):
        best = max(best, values[b])
    return best


@_without_nan
def _ratio_of_two(first, second, total_first, total, least, is_error):
    """Return numerator and denominator of the gain of a split of two classes.

    The gain is the decrease of impurity, times the weight, or for the error the weight
    that is classified well. It is -inf if a side is too light.
    """
    left = first + second
    right = total - left
    allowed = (left >= least) & (right >= least)
    if is_error:
        right_first = total_first - first
        well = max(first, second) + max(right_first, right - right_first)
        return (well if allowed else -np.inf), 1.0
    light = _LIGHT * total
    # How much more of the first class is left than its share.
    excess = first - total_first / total * left
    above = 2 * total * excess * excess
    below = max(left, light) * max(right, light)
    return (above if allowed else -np.inf), below


@_without_nan
def _gains_of_two(left, missing, direction, total, n_blocks, criterion, least, gain):
    """Compute the gain of each split of two classes."""
    first, second = left
    shift_first, shift_second = direction * missing[0], direction * missing[1]
    total_first, weight = total[0], total[0] + total[1]
    is_error = criterion == _ERROR
    for b in range(n_blocks + 1):
        above, below = _ratio_of_two(
            first[b] + shift_first,
            second[b] + shift_second,
            total_first,
            weight,
            least,
            is_error,
        )
        gain[b] = above / below


@_without_nan
def _gains_of_many(left, shifts, total, n_blocks, criterion, least, gain, bound):
    """Compute the gain of each split of many classes and the bound in each block."""
    n_splits, weight = n_blocks + 1, total.sum()
    light = _LIGHT * weight
    left_weight, left_purity = np.zeros(n_splits), np.zeros(n_splits)
    right_purity = np.zeros(n_splits)
    for k in range(len(left)):
        for b in range(n_splits):
            here = left[k, b] + shifts[k]
            there = total[k] - here
            left_weight[b] += here
            if criterion == _ERROR:
                left_purity[b] = max(left_purity[b], here)
                right_purity[b] = max(right_purity[b], there)
            else:
                left_purity[b] += here * here
                right_purity[b] += there * there
    if criterion != _ERROR:
        for b in range(n_splits):
            left_purity[b] /= max(left_weight[b], light)
            right_purity[b] /= max(weight - left_weight[b], light)
    for b in range(n_splits):
        allowed = left_weight[b] >= least and weight - left_weight[b] >= least
        gain[b] = left_purity[b] + right_purity[b] if allowed else -np.inf
    for b in range(n_blocks):
        # At best, each side of a split in the block gets rows of its own class only.
        block = left_weight[b + 1] - left_weight[b]
        bound[b] = left_purity[b] + block + right_purity[b + 1]


@kernel
def _search_inside(columns, y, state, criterion, least, tie, scan):
    """Search the blocks that may hold a split as good as the best.

    The highest gains of the columns are brought up to date.

    Returns
    -------
    best : float
        The highest gain of all.
    """
    any_inside, inside, starts = columns.any_inside, columns.inside, columns.starts
    order, splits, weights = columns.order, columns.splits, state.weights
    all_left, all_total, all_missing = scan.left, scan.total, scan.missing
    all_bound, highest = scan.bound, scan.highest
    hopeful = np.empty(MAX_BLOCKS, dtype=np.bool_)
    # The most promising column first: what it holds may spare the others.
    first = highest.argmax()
    best = highest[first]
    for step in range(-1, len(highest)):
        f = first if step < 0 else step
        if not any_inside[f] or step == first:
            continue
        n_blocks = columns.n_blocks[f]
        left, total, missing = all_left[f], all_total[f], all_missing[f]
        has_missing = starts[f, n_blocks] < len(weights)
        for direction in range(2 if has_missing else 1):
            _mark_hopeful(
                left,
                missing,
                direction,
                total,
                criterion,
                best - tie,
                inside[f, :n_blocks],
                all_bound[f, direction],
                hopeful,
            )
            for b in range(n_blocks):
                if hopeful[b]:
                    gain, _ = _walk(
                        order[f],
                        splits[f],
                        weights,
                        y,
                        starts[f, b],
                        starts[f, b + 1],
                        left[:, b],
                        missing,
                        direction,
                        total,
                        criterion,
                        least,
                        np.inf,
                    )
                    highest[f] = max(highest[f], gain)
        best = max(best, highest[f])
    return best


@_without_nan
def _mark_hopeful(
    left, missing, direction, total, criterion, floor, inside, bound, hopeful
):
    """Mark the blocks in which there may be a gain above a floor."""
    if len(total) > 2:
        for b in range(len(inside)):
            # The bound that is known comes first, the one that is computed second.
            hopeful[b] = (
                inside[b]
                and bound[b] >= floor
                and _bound_of_many(left, missing, direction, total, b, criterion)
                >= floor
            )
        return
    first, second = left[0], left[1]
    shift_first, shift_second = direction * missing[0], direction * missing[1]
    total_first, weight = total[0], total[0] + total[1]
    is_error = criterion == _ERROR
    for b in range(len(inside)):
        low_first, high_first = first[b] + shift_first, first[b + 1] + shift_first
        low_second, high_second = second[b] + shift_second, second[b + 1] + shift_second
        # The corners that are not splits themselves, without a division: it would cost
        # the most here.
        above, below = _ratio_of_two(
            low_first, high_second, total_first, weight, -np.inf, is_error
        )
        one = above >= floor * below
        above, below = _ratio_of_two(
            high_first, low_second, total_first, weight, -np.inf, is_error
        )
        hopeful[b] = inside[b] & (one | (above >= floor * below))


@kernel
def _bound_of_many(left, missing, direction, total, b, criterion):
    """Bound the gain inside a block by its value and slope before the block.

    The second derivative of ``sum(a ** 2) / sum(a)`` along a step d, where nothing is
    negative, is at most ``2 * (sum(d ** 2) + (sum(d) / sum(a)) ** 2 * sum(a ** 2)) /
    sum(a)``; so is that of the other side.
    """
    n_classes, weight = len(total), total.sum()
    left_weight, left_squares, right_squares, step, step_squares = (
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    )
    left_most, right_most, squares_behind = 0.0, 0.0, 0.0
    for k in range(n_classes):
        here, behind = left[k, b], left[k, b + 1]
        here += direction * missing[k]
        behind += direction * missing[k]
        left_weight += here
        left_squares += here * here
        right_squares += (total[k] - here) ** 2
        step += behind - here
        step_squares += (behind - here) ** 2
        squares_behind += behind * behind
        left_most, right_most = max(left_most, behind), max(right_most, total[k] - here)
    if criterion == _ERROR:
        return left_most + right_most
    right_weight = weight - left_weight
    # The lightest that the sides can be.
    left_least = left_weight
    right_least = right_weight - step
    if min(left_least, right_least) <= step:
        return np.inf
    bound = left_squares / left_weight + right_squares / right_weight
    for k in range(n_classes):
        here = left[k, b] + direction * missing[k]
        slope = 2 * here / left_weight - left_squares / left_weight**2
        slope -= 2 * (total[k] - here) / right_weight - right_squares / right_weight**2
        bound += max(slope, 0.0) * (left[k, b + 1] - left[k, b])
    bound += (step_squares + (step / left_least) ** 2 * squares_behind) / left_least
    bound += (step_squares + (step / right_least) ** 2 * right_squares) / right_least
    return bound


@_without_nan
def _walk(
    order,
    splits,
    weights,
    y,
    start,
    end,
    left,
    missing,
    direction,
    total,
    criterion,
    least,
    enough,
):
    """Search a block for a gain that is enough.

    Returns
    -------
    gain : float
        The first gain that is enough, or else the highest; -inf if there is none.
    position : int
        How many of the rows that are not missing are left of its split.
    """
    if len(total) > 2:
        walk = left + direction * missing
        return _walk_many(
            order, splits, weights, y, start, end, walk, total, criterion, least, enough
        )
    total_first, weight = total[0], total[0] + total[1]
    first, second = left[0] + direction * missing[0], left[1] + direction * missing[1]
    is_error = criterion == _ERROR
    best_above, best_below, position = -1.0, 1.0, -1
    for p in range(start, end):
        if splits[p] and p > start:
            above, below = _ratio_of_two(
                first, second, total_first, weight, least, is_error
            )
            if above * best_below > best_above * below:
                best_above, best_below, position = above, below, p
                if above >= enough * below:
                    break
        row = order[p]
        if y[row] == 0:
            first += weights[row]
        else:
            second += weights[row]
    return (best_above / best_below if position >= 0 else -np.inf), position


@kernel
def _walk_many(
    order, splits, weights, y, start, end, left, total, criterion, least, enough
):
    """Do so for more than two classes, with the weights left of the block."""
    best, position = -np.inf, -1
    for p in range(start, end):
        if splits[p] and p > start:
            gain = _gain(left, total, criterion, least)
            if gain > best:
                best, position = gain, p
                if gain >= enough:
                    break
        left[y[order[p]]] += weights[order[p]]
    return best, position


@kernel
def _gain(left, total, criterion, least):
    """Return the gain of a split with these weights of the classes on its left."""
    left_weight, left_purity, right_purity = 0.0, 0.0, 0.0
    for k in range(len(total)):
        here, there = left[k], total[k] - left[k]
        left_weight += here
        if criterion == _ERROR:
            left_purity = max(left_purity, here)
            right_purity = max(right_purity, there)
        else:
            left_purity += here * here
            right_purity += there * there
    weight = total.sum()
    if left_weight < least or weight - left_weight < least:
        return -np.inf
    if criterion == _ERROR:
        return left_purity + right_purity
    light = _LIGHT * weight
    left_purity /= max(left_weight, light)
    return left_purity + right_purity / max(weight - left_weight, light)


@kernel
def _write_down(columns, y, state, criterion, least, f, enough, scan, stumps, t):
    """Write down the first split of a column whose gain is enough."""
    n_blocks, starts = columns.n_blocks[f], columns.starts[f]
    left, total, missing = scan.left[f], scan.total[f], scan.missing[f]
    has_missing = starts[n_blocks] < len(y)
    hopeful = np.zeros(n_blocks, dtype=np.bool_)
    for direction in range(2 if has_missing else 1):
        gain, bound = scan.gain[f, direction], scan.bound[f, direction]
        inside = columns.inside[f, :n_blocks]
        _mark_hopeful(
            left, missing, direction, total, criterion, enough, inside, bound, hopeful
        )
        last = n_blocks if has_missing and direction == 0 else n_blocks - 1
        for b in range(n_blocks):
            position = -1
            if hopeful[b]:
                found, position = _walk(
                    columns.order[f],
                    columns.splits[f],
                    state.weights,
                    y,
                    starts[b],
                    starts[b + 1],
                    left[:, b],
                    missing,
                    direction,
                    total,
                    criterion,
                    least,
                    enough,
                )
                position = position if found >= enough else -1
            if position < 0 and b < last and gain[b + 1] >= enough:
                position = starts[b + 1]
            if position >= 0:
                _set_stump(
                    columns, y, state, f, position, b, direction, scan, stumps, t
                )
                return


@kernel
def _set_stump(columns, y, state, f, position, b, direction, scan, stumps, t):
    """Write down the split of a column with so many rows on its left."""
    order, values = columns.order[f], columns.values[f]
    n_present = columns.starts[f, columns.n_blocks[f]]
    stumps.feature[t] = f
    if position == n_present:
        # Missing values alone are right of it.
        stumps.threshold[t] = np.inf
    else:
        # Halves in double precision, as scikit-learn's trees compute it.
        below = np.float64(values[order[position - 1]])
        above = np.float64(values[order[position]])
        stumps.threshold[t] = below / 2.0 + above / 2.0
    if n_present < len(order):
        stumps.missing_left[t] = direction == 1
    else:
        # Never seen, they go where most rows go.
        stumps.missing_left[t] = 2 * position > len(order)
    stumps.left[t] = scan.left[f, :, b] + direction * scan.missing[f]
    for p in range(columns.starts[f, b], position):
        stumps.left[t, y[order[p]]] += state.weights[order[p]]
    stumps.right[t] = scan.total[f] - stumps.left[t]
