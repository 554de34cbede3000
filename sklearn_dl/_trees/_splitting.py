"""The best split of a node, feature by feature, from its histogram.

The gain of a split is XGBoost's: with G, H the sums of gradients and Hessians, T the
soft threshold of the L1 penalty alpha and lambda the L2 penalty, ::

    score(G, H) = T(G)**2 / (H + lambda),   T(G) = sign(G) * max(|G| - alpha, 0)
    gain = score(G_left, H_left) + score(G_right, H_right) - score(G, H)

Numeric features without monotonic constraints are what time goes to. Their scan has
three loops, each simple enough for the compiler to make vector instructions of it: the
running sums, the scores of all splits in float32, the largest of them. The gain of the
one that is chosen is computed again, in float64.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._histogram import count_of
from sklearn_dl.utils._kernel import kernel, lean_inner_kernel, lean_kernel

# Scores are compared in units in which sums of gradients are moderate numbers: float32
# would overflow for targets of 1e20.
_GRADIENT_UNIT = 2.0**-20
# The scan handles a multiple of so many splits: several vectors, and nothing left over.
N_LANES = 32
# Categories of fewer rows than this are not sorted but go to the right; scikit-learn
# and LightGBM ("cat_smooth") have the same number.
_MIN_CATEGORY_SUPPORT = 10.0
_NONE = -1


class Penalties(NamedTuple):
    """What a split has to satisfy, and what leaf values are shrunk by.

    Attributes
    ----------
    l1, l2 : float
        Penalties on the value of a leaf.
    min_gain : float
        A split is made if its gain is larger.
    min_samples_leaf : int
        Rows that each side keeps.
    min_hessian : float
        Sum of Hessians that each side keeps.
    """

    l1: float
    l2: float
    min_gain: float
    min_samples_leaf: int
    min_hessian: float


class Scales(NamedTuple):
    """From the integers of a packed sum back to gradients and Hessians.

    Attributes
    ----------
    gradient : float
        Value of one unit of the gradient field.
    hessian : float
        Value of one unit of the Hessian field; 0 if Hessians are constant.
    hessian_of_row : float
        What a row adds to the Hessian besides: 1 if Hessians are constant, else 0.
    """

    gradient: float
    hessian: float
    hessian_of_row: float


class Split(NamedTuple):
    """A split of a node.

    Attributes
    ----------
    score : int
        Sum of the scores of both sides, the bits of a float32, which have the order of
        the number; -1 if there is no split.
    feature : int
        The feature.
    bin : int
        The last bin that goes left; -1 for a set of categories.
    missing_left : bool
        Whether missing values go left.
    left : int
        The packed sum of the left side.
    """

    score: int
    feature: int
    bin: int
    missing_left: bool
    left: int


@lean_kernel
def unpack(packed, layout, scales):
    """Return the gradient and the Hessian of a packed sum.

    Parameters
    ----------
    packed : int
        The sum.
    layout : Layout
        Its fields.
    scales : Scales
        Their units.

    Returns
    -------
    gradient, hessian : float
        The sums.
    """
    count = count_of(packed, layout)
    hessian = (packed >> layout.count_bits) & ((1 << layout.hessian_bits) - 1)
    gradient = packed >> (layout.count_bits + layout.hessian_bits)
    return (
        gradient * scales.gradient,
        hessian * scales.hessian + count * scales.hessian_of_row,
    )


@lean_kernel
def leaf_value(gradient, hessian, penalties, lower, upper):
    """Return the value that minimises the penalised loss, within bounds.

    Parameters
    ----------
    gradient, hessian : float
        Their sums over the leaf.
    penalties : Penalties
        What the value is shrunk by.
    lower, upper : float
        Bounds that follow from monotonic constraints.

    Returns
    -------
    value : float
        ``-T(gradient) / (hessian + l2)``.
    """
    shrunk = max(abs(gradient) - penalties.l1, 0.0)
    # A Hessian of 0 is one of a leaf whose rows have no say.
    value = shrunk / max(hessian + penalties.l2, 1e-15)
    return min(max(-value if gradient > 0 else value, lower), upper)


@lean_inner_kernel
def _bounded_score(gradient, hessian, value, penalties):
    """Return twice the decrease of the loss by a value of a leaf."""
    return -(
        2.0 * (gradient * value + penalties.l1 * abs(value))
        + (hessian + penalties.l2) * value * value
    )


@lean_kernel
def split_gain(split, total, layout, scales, penalties, lower, upper):
    """Return the gain of a split, in float64.

    Parameters
    ----------
    split : Split
        The split.
    total : int
        The packed sum of the node.
    layout : Layout
        The fields of a packed sum.
    scales : Scales
        Their units.
    penalties : Penalties
        What leaf values are shrunk by.
    lower, upper : float
        Bounds of the values of both sides.

    Returns
    -------
    gain : float
        By how much the scores of both sides exceed that of the node.
    """
    gain = 0.0
    for sign, packed in (
        (1.0, split.left),
        (1.0, total - split.left),
        (-1.0, total),
    ):
        g, h = unpack(packed, layout, scales)
        value = leaf_value(g, h, penalties, lower, upper)
        gain += sign * _bounded_score(g, h, value, penalties)
    return gain


@lean_inner_kernel
def _score_by_counts(sums, offset, total, layout, l1, l2, penalties, scores):
    """Write the score of each split where Hessians are counts; -1 if not allowed.

    `offset` is the packed sum of what goes left besides: missing values, or nothing.
    Every field fits an int32, and differences of integers are exact.
    """
    f32, i32 = np.float32, np.int32
    shift = layout.count_bits
    mask = np.int64((1 << layout.count_bits) - 1)
    all_g, all_c = i32(total >> shift), i32(total & mask)
    g_unit = f32(_GRADIENT_UNIT)
    min_count = i32(penalties.min_samples_leaf)
    for b in range(sums.size):
        left = sums[b] + offset
        g, c = i32(left >> shift), i32(left & mask)
        rest = i32(all_c - c)
        g_left = max(abs(f32(g) * g_unit) - l1, f32(0))
        g_right = max(abs(f32(i32(all_g - g)) * g_unit) - l1, f32(0))
        score = g_left * g_left / (f32(c) + l2) + g_right * g_right / (f32(rest) + l2)
        scores[b] = score if min(c, rest) >= min_count else f32(-1)


@lean_inner_kernel
def _score_by_hessians(sums, offset, total, layout, h_unit, l1, l2, penalties, scores):
    """Write the score of each split where rows have Hessians; -1 if not allowed."""
    f32, i32 = np.float32, np.int32
    count_bits = layout.count_bits
    shift = layout.count_bits + layout.hessian_bits
    count_mask = np.int64((1 << layout.count_bits) - 1)
    hessian_mask = np.int64((1 << layout.hessian_bits) - 1)
    all_g = i32(total >> shift)
    all_h = i32((total >> count_bits) & hessian_mask)
    all_c = i32(total & count_mask)
    g_unit = f32(_GRADIENT_UNIT)
    min_count = i32(penalties.min_samples_leaf)
    min_hessian = f32(penalties.min_hessian)
    for b in range(sums.size):
        left = sums[b] + offset
        g = i32(left >> shift)
        h = i32((left >> count_bits) & hessian_mask)
        c = i32(left & count_mask)
        h_left = f32(h) * h_unit
        h_right = f32(i32(all_h - h)) * h_unit
        g_left = max(abs(f32(g) * g_unit) - l1, f32(0))
        g_right = max(abs(f32(i32(all_g - g)) * g_unit) - l1, f32(0))
        score = g_left * g_left / (h_left + l2) + g_right * g_right / (h_right + l2)
        allowed = min(c, i32(all_c - c)) >= min_count
        allowed &= min(h_left, h_right) >= min_hessian
        scores[b] = score if allowed else f32(-1)


@lean_inner_kernel
def _largest(bits, n):
    """Return the largest of some float32 that are seen as int32.

    Floats that are not negative have the order of their bits, and the largest integer
    of many is a vector instruction where the largest float, which may be NaN, is not.
    """
    largest = np.int32(-1)
    for i in range(n):
        largest = max(largest, bits[i])
    return np.int64(largest)


@lean_kernel
def scan_numeric(
    feature, bins, n_values, total, layout, scales, penalties, sums, scores, bits, best
):
    """Return the better of the best split of a numeric feature and another split.

    Parameters
    ----------
    feature : int
        The feature.
    bins : ndarray of shape (n_bins,), int64
        Its packed sums, that of missing values last if there is a bin for them.
    n_values : int
        How many bins hold values.
    total : int
        The packed sum of the node.
    layout : Layout
        The fields of a packed sum.
    scales : Scales
        Their units.
    penalties : Penalties
        What a split has to satisfy.
    sums : ndarray of shape (256 + N_LANES,), int64
        Room for running sums.
    scores : ndarray of shape (256 + N_LANES,), float32
        Room for scores.
    bits : ndarray of shape (256 + N_LANES,), int32
        The same room again.
    best : Split
        The best split of features before this one. Of equal splits that of the first
        feature is kept, and of one feature's the first.

    Returns
    -------
    best : Split
        The better one.
    """
    # Splits lie behind bins that hold rows of the node. In small nodes they are few.
    running = np.int64(0)
    n = 0
    for b in range(n_values):
        running += bins[b]
        sums[n] = running
        n += bins[b] != 0
    # Whole vectors: the last split is repeated, and the first of equals is taken.
    for i in range(n, n + N_LANES):
        sums[i] = running
    n = (n + N_LANES - 1) // N_LANES * N_LANES
    missing = total - running
    l1 = np.float32(penalties.l1 * (_GRADIENT_UNIT / scales.gradient))
    l2 = np.float32(penalties.l2)
    for missing_left in range(2 if missing != 0 else 1):
        offset = missing * missing_left
        if layout.hessian_bits == 0:
            _score_by_counts(sums[:n], offset, total, layout, l1, l2, penalties, scores)
        else:
            h_unit = np.float32(scales.hessian)
            _score_by_hessians(
                sums[:n], offset, total, layout, h_unit, l1, l2, penalties, scores
            )
        largest = _largest(bits, n)
        if largest > best.score or (largest == best.score and feature < best.feature):
            i = 0
            while bits[i] != largest:
                i += 1
            b = _find_filled(bins, i)
            left = sums[i] + offset
            best = Split(largest, feature, b, missing_left == 1, left)
    return best


@lean_inner_kernel
def _find_filled(bins, i):
    """Return the bin that holds rows and has i such bins before it."""
    b = 0
    while i > 0 or bins[b] == 0:
        i -= bins[b] != 0
        b += 1
    return b


@lean_inner_kernel
def _try_bounded(
    split, direction, total, layout, scales, penalties, lower, upper, best
):
    """Return the better of two splits, the first under bounds and a constraint."""
    right = total - split.left
    g_left, h_left = unpack(split.left, layout, scales)
    g_right, h_right = unpack(right, layout, scales)
    if (
        min(count_of(split.left, layout), count_of(right, layout))
        < penalties.min_samples_leaf
        or min(h_left, h_right) < penalties.min_hessian
    ):
        return best
    left_value = leaf_value(g_left, h_left, penalties, lower, upper)
    right_value = leaf_value(g_right, h_right, penalties, lower, upper)
    if direction * (right_value - left_value) < 0:
        return best
    score = _bounded_score(g_left, h_left, left_value, penalties)
    score += _bounded_score(g_right, h_right, right_value, penalties)
    score = max(score * (_GRADIENT_UNIT / scales.gradient) ** 2, 0.0)
    score = np.int64(np.float32(score).view(np.int32))
    if score > best.score or (score == best.score and split.feature < best.feature):
        return Split(score, split.feature, split.bin, split.missing_left, split.left)
    return best


@lean_kernel
def scan_bounded(
    feature, bins, n_values, direction, total, layout, scales, penalties, lower, upper,
    best,
):  # fmt: skip
    """Do as `scan_numeric` where values are bounded or the feature is monotonic.

    Parameters
    ----------
    feature : int
        The feature.
    bins : ndarray of shape (n_bins,), int64
        Its packed sums.
    n_values : int
        How many bins hold values.
    direction : int
        1 if predictions must not fall with the feature, -1 if they must not rise, else
        0.
    total : int
        The packed sum of the node.
    layout : Layout
        The fields of a packed sum.
    scales : Scales
        Their units.
    penalties : Penalties
        What a split has to satisfy.
    lower, upper : float
        Bounds of the values of both sides.
    best : Split
        The best split of features before this one.

    Returns
    -------
    best : Split
        The better one.
    """
    missing = total
    for b in range(n_values):
        missing -= bins[b]
    for missing_left in range(2 if missing != 0 else 1):
        left = missing * missing_left
        n_splits = n_values - 1
        if missing != 0 and not missing_left:
            n_splits = n_values
        for b in range(n_splits):
            left += bins[b]
            split = Split(0, feature, b, missing_left == 1, left)
            best = _try_bounded(
                split, direction, total, layout, scales, penalties, lower, upper, best
            )
    return best


@kernel
def scan_categories(
    feature, bins, n_values, total, layout, scales, penalties, lower, upper, best,
    left_bits,
):  # fmt: skip
    """Do as `scan_numeric` for sets of categories.

    Categories are sorted by gradient over Hessian and split as if that were a value,
    which for a convex loss contains the best partition (Fisher, 1958). Both ends of the
    order are tried as the left side, up to the middle, so that rare categories, which
    always go right, are with the majority. A missing value is one more category.

    Parameters
    ----------
    feature : int
        The feature.
    bins : ndarray of shape (n_bins,), int64
        Its packed sums.
    n_values : int
        How many categories there are.
    total : int
        The packed sum of the node.
    layout : Layout
        The fields of a packed sum.
    scales : Scales
        Their units.
    penalties : Penalties
        What a split has to satisfy.
    lower, upper : float
        Bounds of the values of both sides.
    best : Split
        The best split of features before this one.
    left_bits : ndarray of shape (8,), uint32
        Takes the categories of the left side if the split is the better one: bit c of
        the 256 is category c.

    Returns
    -------
    best : Split
        The better one.
    """
    n = bins.size
    _, all_hessian = unpack(total, layout, scales)
    factor = count_of(total, layout) / max(all_hessian, 1e-15)
    keys = np.empty(n)
    members = np.empty(n, dtype=np.int64)
    n_used = 0
    for b in range(n):
        gradient, hessian = unpack(bins[b], layout, scales)
        if hessian * factor >= _MIN_CATEGORY_SUPPORT:
            keys[n_used] = gradient / (hessian + _MIN_CATEGORY_SUPPORT)
            members[n_used] = b
            n_used += 1
    if n_used < 2:
        return best
    order = members[:n_used][np.argsort(keys[:n_used], kind="mergesort")]
    for backward in range(2):
        left = np.int64(0)
        missing_left = False
        for i in range((n_used + 1) // 2 - backward):
            b = order[n_used - 1 - i] if backward else order[i]
            left += bins[b]
            missing_left |= b == n_values
            split = Split(0, feature, _NONE, missing_left, left)
            better = _try_bounded(
                split, 0, total, layout, scales, penalties, lower, upper, best
            )
            if better.score != best.score or better.feature != best.feature:
                best = better
                left_bits[:] = 0
                for j in range(i + 1):
                    c = order[n_used - 1 - j] if backward else order[j]
                    left_bits[c >> 5] |= np.uint32(1) << np.uint32(c & 31)
    return best
