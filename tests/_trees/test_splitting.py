"""The best split of a feature, against trying every split in float64."""

import numpy as np
import pytest

from sklearn_dl._trees._histogram import choose_layout, choose_scale, pack
from sklearn_dl._trees._splitting import (
    N_LANES,
    Penalties,
    Scales,
    Split,
    leaf_value,
    scan_bounded,
    scan_categories,
    scan_numeric,
    split_gain,
)

NO_SPLIT = Split(-1, -1, -1, False, 0)


def penalties(l1=0.0, l2=0.0, min_samples_leaf=1, min_hessian=1e-3):
    return Penalties(l1, l2, 0.0, min_samples_leaf, min_hessian)


def make_node(codes, gradients, hessians, n_bins):
    """Return the histogram of a node, and what its sums mean."""
    n = len(codes)
    is_constant = hessians is None
    layout = choose_layout(n, is_constant)
    g_scale = choose_scale(np.abs(gradients).sum(), layout.gradient_bits)
    h_scale = 1.0 if is_constant else choose_scale(hessians.sum(), layout.hessian_bits)
    packed = np.empty(n, dtype=np.int64)
    rows = np.arange(n, dtype=np.int32)
    given = np.empty(0) if is_constant else hessians
    pack(rows, gradients, given, (g_scale, h_scale), layout, np.uint64(0), packed)
    bins = np.zeros(n_bins, dtype=np.int64)
    np.add.at(bins, codes, packed)
    scales = Scales(
        1 / g_scale, 0.0 if is_constant else 1 / h_scale, 1.0 if is_constant else 0.0
    )
    return bins, layout, scales


def score(g, h, p):
    return max(abs(g) - p.l1, 0) ** 2 / (h + p.l2)


def gain_of(is_left, gradients, hessians, p):
    h = np.ones(len(gradients)) if hessians is None else hessians
    for side in (is_left, ~is_left):
        if side.sum() < p.min_samples_leaf or h[side].sum() < p.min_hessian:
            return -1.0
    parts = [score(gradients[s].sum(), h[s].sum(), p) for s in (is_left, ~is_left)]
    return sum(parts) - score(gradients.sum(), h.sum(), p)


def scan(bins, n_values, layout, scales, p):
    room = np.empty(256 + N_LANES, dtype=np.int64)
    sums = np.empty(256 + N_LANES, dtype=np.int64)
    return scan_numeric(
        0,
        bins,
        n_values,
        bins.sum(),
        layout,
        scales,
        p,
        sums,
        room.view(np.float32),
        room.view(np.int32),
        NO_SPLIT,
    )


@pytest.mark.parametrize("seed", range(30))
def test_the_best_split_is_that_of_trying_all(seed):
    rng = np.random.default_rng(seed)
    n, n_values = rng.integers(5, 200), rng.integers(2, 40)
    has_missing = seed % 2
    codes = rng.integers(0, n_values + has_missing, size=n)
    gradients = rng.normal(size=n) + 0.1 * codes
    hessians = None if seed % 3 == 0 else rng.random(n) + 0.1
    p = penalties(
        l1=[0.0, 0.5][seed % 2], l2=[0.0, 1.0][seed % 5 == 0], min_samples_leaf=3
    )
    bins, layout, scales = make_node(codes, gradients, hessians, n_values + has_missing)
    best = scan(bins, n_values, layout, scales, p)
    is_missing = codes == n_values
    gains = {
        (b, side): gain_of(
            np.where(is_missing, side, codes <= b), gradients, hessians, p
        )
        for b in range(n_values)
        for side in (False, True)
    }
    expected = max(gains.values())
    if expected < 0:
        assert best.score == -1
        return
    assert gains[best.bin, best.missing_left] == pytest.approx(expected, rel=1e-4)
    gain = split_gain(best, bins.sum(), layout, scales, p, -np.inf, np.inf)
    assert gain == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_the_bounded_scan_without_bounds_is_the_plain_one(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 31, size=150)
    gradients, hessians = rng.normal(size=150), rng.random(150) + 0.5
    bins, layout, scales = make_node(codes, gradients, hessians, 31)
    p = penalties(l2=0.3, min_samples_leaf=5)
    plain = scan(bins, 30, layout, scales, p)
    bounded = scan_bounded(
        0,
        bins,
        30,
        0,
        bins.sum(),
        layout,
        scales,
        p,
        -np.inf,
        np.inf,
        NO_SPLIT,
    )
    assert bounded[1:] == plain[1:]


@pytest.mark.parametrize("direction", [1, -1])
def test_a_monotonic_split_orders_the_values_of_its_sides(direction):
    # Values are minus the mean gradients: they fall with the feature.
    codes = np.repeat(np.arange(10), 20)
    gradients = codes.astype(float)
    bins, layout, scales = make_node(codes, gradients, None, 10)
    best = scan_bounded(
        0,
        bins,
        10,
        direction,
        bins.sum(),
        layout,
        scales,
        penalties(),
        -np.inf,
        np.inf,
        NO_SPLIT,
    )
    if direction == 1:
        assert best.score == -1
    else:
        assert best.bin == 4


def test_categories_are_split_by_their_means():
    rng = np.random.default_rng(0)
    means = np.array([5.0, -1.0, 5.0, -1.0, 5.0, -1.0, -1.0])
    codes = np.repeat(np.arange(7), 30)
    gradients = means[codes] + 0.01 * rng.normal(size=len(codes))
    bins, layout, scales = make_node(codes, gradients, None, 7)
    words = np.zeros(8, dtype=np.uint32)
    best = scan_categories(
        0,
        bins,
        7,
        bins.sum(),
        layout,
        scales,
        penalties(),
        -np.inf,
        np.inf,
        NO_SPLIT,
        words,
    )
    assert best.score > 0
    is_left = np.unpackbits(words.view(np.uint8), bitorder="little")[:7].astype(bool)
    # Either side may be called the left one.
    np.testing.assert_array_equal(is_left ^ is_left[0], means != means[0])


def test_rare_categories_go_right():
    codes = np.concatenate([np.repeat([0, 1, 2], 40), [3] * 9])
    gradients = np.where(codes == 0, -1.0, 1.0) - 50.0 * (codes == 3)
    bins, layout, scales = make_node(codes, gradients, None, 4)
    words = np.zeros(8, dtype=np.uint32)
    scan_categories(
        0,
        bins,
        4,
        bins.sum(),
        layout,
        scales,
        penalties(),
        -np.inf,
        np.inf,
        NO_SPLIT,
        words,
    )
    assert words[0] and not words[0] >> 3 & 1


@pytest.mark.parametrize(
    ("gradient", "expected"), [(-4.0, 1.5), (4.0, -1.5), (0.5, 0.0)]
)
def test_a_leaf_minimises_its_penalised_loss(gradient, expected):
    p = penalties(l1=1.0, l2=1.0)
    assert leaf_value(gradient, 1.0, p, -np.inf, np.inf) == expected
    assert leaf_value(gradient, 1.0, p, -1.0, 1.0) == np.clip(expected, -1, 1)
