"""Six students: gradient boosting by hand, with trees that are given."""

import numpy as np
import pytest

from sklearn_dl._trees._boosting import value_of_leaf
from sklearn_dl._trees._gradients import LossCode, Target, derive
from sklearn_dl._trees._splitting import Penalties
from sklearn_dl.boosting._losses import regression_loss

MARKS = np.array([90.0, 55, 84, 64, 78, 67])
FREE = Penalties(0.0, 0.0, 0.0, 1, 0.0)
RATE = 0.1


@pytest.fixture
def target():
    initial = regression_loss("squared_error", None, 0.9, "test").initial(
        MARKS, None, 1
    )
    assert initial == 73
    raw = np.full((1, 6), initial[0])
    return Target(MARKS, np.empty(0), raw, np.zeros((1, 6)), np.zeros((0, 0)))


def residuals(target):
    derive(int(LossCode.SQUARED), 0.0, target, 0, 6)
    return -target.gradients[0]


def add_tree(target, leaves):
    """Add the tree whose leaves hold these students."""
    values = {}
    for leaf in leaves:
        rows = np.array(leaf, dtype=np.int32) - 1
        value = value_of_leaf(
            int(LossCode.SQUARED), 0.0, FREE, target, 0, rows, -np.inf, np.inf
        )
        values[leaf] = value
        target.raw[0, rows] += RATE * value
    return values


def test_two_rounds(target):
    np.testing.assert_array_equal(residuals(target), [17, -18, 11, -9, 5, -6])
    first = add_tree(target, [(1, 3, 5), (2,), (4,), (6,)])
    assert list(first.values()) == pytest.approx([11, -18, -9, -6])
    assert target.raw[0] == pytest.approx([74.1, 71.2, 74.1, 72.1, 74.1, 72.4])
    assert residuals(target) == pytest.approx([15.9, -16.2, 9.9, -8.1, 3.9, -5.4])
    second = add_tree(target, [(1, 3, 5), (2,), (4, 6)])
    assert list(second.values()) == pytest.approx([9.9, -16.2, -6.75])
    expected = [75.09, 69.58, 75.09, 71.425, 75.09, 71.725]
    assert target.raw[0] == pytest.approx(expected)
    # A new student who falls with the first, third and fifth.
    new = 73 + RATE * (first[1, 3, 5] + second[1, 3, 5])
    assert new == pytest.approx(75.09)
