import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

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
    total,
    zeros,
)
from sklearn_dl.utils._kernel import fast_kernel


@fast_kernel
def scale(x, y, factor):
    """Write ``factor * x + 0`` to y, with what there is in lanes."""
    for row in range(x.shape[0]):
        for column in range(0, x.shape[1], LANES):
            prefetch(x, row, column)
            scaled = multiply_add(splat(factor), load(x, row, column), zeros())
            store(y, row, column, scaled)


@fast_kernel
def dot(x, y, row):
    result = zeros()
    for column in range(0, x.shape[1], LANES):
        result = multiply_add(load(x, row, column), load(y, row, column), result)
    return total(result)


@fast_kernel
def share(x, y, quotients, products, low, high):
    """Write ``x / y`` and ``x * y`` between two bounds."""
    a, b = load(x, 0, 0), load(y, 0, 0)
    store(quotients, 0, 0, clip(divide(a, b), low, high))
    store(products, 0, 0, clip(multiply(a, b), low, high))


@fast_kernel
def four_totals(x, totals, row, column):
    store_totals(
        totals, row, column, load(x, 0, 0), load(x, 1, 0), load(x, 2, 0), load(x, 3, 0)
    )


@pytest.mark.parametrize("offset", [0, 1, 5])
def test_lanes_are_the_numbers_of_a_row(offset):
    # Rows that begin anywhere, and are far apart.
    room = np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    x = room[:, offset : offset + 3 * LANES]
    y = np.full((3, 4 * LANES), np.nan, dtype=np.float32)[:, :-LANES]
    scale(x, y, np.float32(-1.5))
    assert_array_equal(y, np.float32(-1.5) * x)
    assert np.isnan(y.base[:, -LANES:]).all()
    for row in range(3):
        assert_allclose(dot(x, y, row), x[row] @ y[row], rtol=1e-5)


def test_infinities_stay_what_they_are():
    x = np.ones((1, LANES), dtype=np.float32)
    x[0, 3], x[0, 7] = np.inf, np.nan
    y = np.empty_like(x)
    scale(x, y, np.float32(2))
    assert y[0, 3] == np.inf and np.isnan(y[0, 7]) and y[0, 0] == 2


def test_quotients_and_products_between_bounds():
    x, y = np.random.default_rng(0).normal(size=(2, 1, LANES)).astype(np.float32)
    y[0, 2], y[0, 4], y[0, 5] = 0, np.nan, -np.inf
    quotients, products = np.empty_like(x), np.empty_like(x)
    share(x, y, quotients, products, np.float32(-0.5), np.float32(0.75))
    with np.errstate(divide="ignore"):
        assert_allclose(quotients, np.clip(x / y, -0.5, 0.75), rtol=1e-6)
    assert_allclose(products, np.clip(x * y, -0.5, 0.75), rtol=1e-6)
    assert np.isnan(products[0, 4]) and len(set(products[0])) > 3


def test_four_totals_are_written_and_nothing_else():
    x = np.random.default_rng(0).normal(size=(4, LANES)).astype(np.float32)
    totals = np.full((2, 9), 7, dtype=np.float32)
    four_totals(x, totals, 1, 3)
    assert_allclose(totals[1, 3:7], x.sum(axis=1), rtol=1e-5)
    assert (np.delete(totals, range(12, 16)) == 7).all()
