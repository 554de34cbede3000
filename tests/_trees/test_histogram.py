"""Packed sums, against sums in float64."""

import numpy as np
import pytest

from sklearn_dl._trees._histogram import (
    build,
    choose_layout,
    choose_scale,
    count_of,
    pack,
    uniform,
)
from sklearn_dl._trees._splitting import Scales, unpack


@pytest.mark.parametrize("n_samples", [1, 10, 5000, 100_000, 3_000_000])
@pytest.mark.parametrize("is_constant", [False, True])
def test_sums_of_all_rows_fit_and_are_nearly_exact(n_samples, is_constant):
    rng = np.random.default_rng(0)
    gradients = rng.standard_exponential(n_samples) * rng.choice([-1, 1e-3], n_samples)
    hessians = rng.random(n_samples) ** 4
    layout = choose_layout(n_samples, is_constant)
    g_scale = choose_scale(np.abs(gradients).sum(), layout.gradient_bits)
    h_scale = choose_scale(hessians.sum(), layout.hessian_bits)
    packed = np.empty(n_samples, dtype=np.int64)
    rows = np.arange(n_samples, dtype=np.int32)
    pack(rows, gradients, hessians, (g_scale, h_scale), layout, np.uint64(1), packed)
    scales = Scales(
        1 / g_scale, 0.0 if is_constant else 1 / h_scale, 1.0 if is_constant else 0.0
    )
    total = packed.sum()
    assert count_of(total, layout) == n_samples
    g, h = unpack(total, layout, scales)
    # Random rounding adds up to the square root of the number of rows.
    noise = np.sqrt(n_samples) + 1
    assert abs(g - gradients.sum()) < noise / g_scale
    if is_constant:
        assert h == n_samples
    else:
        assert abs(h - hessians.sum()) < noise / h_scale


def test_random_rounding_has_no_bias():
    # A gradient of a tenth of a unit would vanish if it were rounded to the nearest.
    n = 200_000
    layout = choose_layout(n, True)
    assert layout.is_dithered
    packed = np.empty(n, dtype=np.int64)
    rows = np.arange(n, dtype=np.int32)
    pack(rows, np.full(n, 0.1), np.empty(0), (1.0, 1.0), layout, np.uint64(7), packed)
    g, _ = unpack(packed.sum(), layout, Scales(1.0, 0.0, 1.0))
    assert g == pytest.approx(0.1 * n, rel=0.02)


@pytest.mark.parametrize("n_features", [1, 3, 4, 9])
def test_a_histogram_is_the_sum_over_each_bin(n_features):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 12, size=(n_features, 300)).astype(np.uint8)
    offsets = 12 * np.arange(n_features + 1)
    rows = np.sort(rng.choice(300, 170, replace=False)).astype(np.int32)
    packed = rng.integers(-1000, 1000, size=170)
    histogram = np.full(12 * n_features, 99, dtype=np.int64)
    build(codes, 0, n_features, rows, packed, offsets, histogram)
    expected = [
        np.bincount(column[rows], weights=packed, minlength=12) for column in codes
    ]
    np.testing.assert_array_equal(histogram, np.concatenate(expected))


def test_a_scale_is_a_power_of_two_that_uses_its_bits():
    for total in (1e-30, 0.3, 1.0, 5e7, 1e200):
        scale = choose_scale(total, 20)
        assert np.log2(scale) == np.round(np.log2(scale))
        assert 2**17 < total * scale <= 2**18
    assert choose_scale(0.0, 20) == 1.0


def test_pseudo_random_numbers_are_uniform():
    u = np.array([uniform(np.uint64(i)) for i in range(20_000)])
    assert 0 <= u.min() and u.max() < 1
    counts, _ = np.histogram(u, bins=20, range=(0, 1))
    # Chi-squared with 19 degrees of freedom exceeds 44 once in a thousand times.
    assert ((counts - 1000) ** 2 / 1000).sum() < 44
