"""Trees that are ready to predict, against walking down by hand."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_dl._trees._ensemble import (
    Booster,
    TreeOptions,
    Trees,
    bin_rows,
    join_trees,
    no_trees,
)
from sklearn_dl._trees._gradients import LossCode


def make_rows(n_samples, rng):
    X = rng.normal(size=(n_samples, 4))
    X[:, 3] = rng.integers(0, 9, size=n_samples)
    X[rng.random(n_samples) < 0.2, 1] = np.nan
    return X


@pytest.fixture(scope="module", params=[False, True], ids=["numbers", "categories"])
def boosted(request):
    rng = np.random.default_rng(0)
    X = make_rows(500, rng)
    y = X[:, 0] + np.sin(5 * X[:, 3]) + np.isnan(X[:, 1])
    booster = Booster(
        bin_rows(X, 255, np.array([0, 0, 0, 9 if request.param else 0]), None, 0),
        y,
        None,
        np.zeros((500, 1)),
        LossCode.SQUARED,
        0.0,
        TreeOptions(learning_rate=0.3),
        0,
    )
    return booster, [booster.run(0, 3), booster.run(3, 2)], X


def walk(trees, tree, bins, x):
    """Return the value that a tree gives to a row, from its nodes alone."""
    nodes = trees.nodes[trees.starts[tree] : trees.starts[tree + 1]]
    bits = trees.bits[trees.starts[tree] : trees.starts[tree + 1]]
    place = 0
    while nodes[place]["left"] >= 0:
        node = nodes[place]
        f = node["feature"]
        value = x[f]
        if np.isnan(value):
            is_left = node["missing_left"]
        elif bins.is_categorical[f]:
            c = int(value)
            is_left = 0 <= c < bins.n_values[f] and bits[place][c >> 5] >> (c & 31) & 1
            if not 0 <= c < bins.n_values[f]:
                is_left = False
        else:
            ends = bins.thresholds[bins.starts[f] : bins.starts[f + 1]]
            is_left = np.searchsorted(ends, value) <= node["bin"]
        place = node["left"] + (not is_left)
    return nodes[place]["value"]


@pytest.mark.parametrize("n_samples", [1, 7, 8, 9, 40])
def test_predictions_are_those_of_walking_down(boosted, n_samples):
    booster, parts, _ = boosted
    trees = join_trees(parts)
    X = make_rows(n_samples, np.random.default_rng(1))
    X[0, 0] = np.inf
    X[-1, 2] = -np.inf
    out = np.zeros((n_samples, 1))
    trees.add_to(out, X)
    expected = [
        sum(walk(trees, t, booster.bins, x) for t in range(len(trees))) for x in X
    ]
    np.testing.assert_allclose(out[:, 0], expected, rtol=1e-12)


def test_the_sums_of_training_are_predictions(boosted):
    booster, parts, X = boosted
    out = np.zeros((len(X), 1))
    for trees in parts:
        trees.add_to(out, X)
    np.testing.assert_allclose(out, booster.raw, rtol=1e-12, atol=1e-12)


def test_trees_may_be_joined_and_taken_apart(boosted):
    _, parts, X = boosted
    joined = join_trees([no_trees(), *parts])
    assert len(joined) == 5
    for first, last, part, a, b in (
        (0, 3, parts[0], 0, 3),
        (3, 5, parts[1], 0, 2),
        (4, 5, parts[1], 1, 2),
    ):
        left, right = np.zeros((len(X), 1)), np.zeros((len(X), 1))
        joined.add_to(left, X, first, last)
        part.add_to(right, X, a, b)
        np.testing.assert_array_equal(left, right)


def test_read_only_models_and_sparse_rows_predict_the_same(boosted):
    _, parts, X = boosted
    X = np.nan_to_num(X)
    expected = np.zeros((len(X), 1))
    parts[0].add_to(expected, X)
    locked = Trees(**{name: array.copy() for name, array in vars(parts[0]).items()})
    for array in vars(locked).values():
        array.flags.writeable = False
    out = np.zeros((len(X), 1))
    locked.add_to(out, sparse.csr_matrix(X))
    np.testing.assert_array_equal(out, expected)
