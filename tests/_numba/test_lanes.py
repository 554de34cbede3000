import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_dl._numba._lanes import (
    LANES,
    load,
    multiply_add,
    prefetch,
    splat,
    store,
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
