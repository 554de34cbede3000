"""Gradient boosting where numbers are far apart, or trees large."""

import itertools

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor


def make_numbers(n_rows, n_columns=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, n_columns))
    y = 3 * X[:, 0] + np.sin(4 * X[:, 1]) + 2 * X[:, 2] * X[:, 3]
    return X, y + rng.normal(scale=0.3, size=n_rows)


def weighted_squares(model, X, y, weight):
    return np.average((model.predict(X) - y) ** 2, weights=weight)


@pytest.mark.parametrize("seed", range(3))
def test_a_few_heavy_rows_are_fitted_as_well_as_by_scikit_learn(seed):
    X, y = make_numbers(20_000, seed=seed)
    weight = np.ones(len(y))
    # One row of a thousand, which together weigh a hundred times what the others do.
    # Rounded to the units of these, the gradients of the others would be nothing.
    heavy = np.random.default_rng(seed).choice(len(y), 20, replace=False)
    weight[heavy] = 1e5
    params = {"max_iter": 100, "early_stopping": False, "random_state": 0}
    mine = GradientBoostingRegressor(**params).fit(X, y, weight)
    theirs = HistGradientBoostingRegressor(**params).fit(X, y, weight)
    for w in (weight, np.where(weight > 1, 0.0, 1.0)):
        expected = weighted_squares(theirs, X, y, w)
        assert weighted_squares(mine, X, y, w) < 1.3 * expected
    # There was something to fit.
    assert weighted_squares(mine, X, y, weight) < 0.01 * np.var(y)


@pytest.mark.slow
@pytest.mark.parametrize("in_bin", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_leaves_of_a_rare_class_do_not_explode(seed, in_bin):
    # More rows than 65,536, from where on gradients are rounded at random. Column 0
    # separates two classes, so that little is left of their Hessians.
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(70_000, 5))
    y = (X[:, 0] > 0).astype(int)
    rare = rng.choice(len(y), 30, replace=False)
    y[rare] = 2
    if in_bin:
        # The 30 rows of the third are the largest of column 1, but share a bin of a
        # 255th of all rows, 274, with others.
        X[rare, 1] += 8
    else:
        # They have a mark, and so have ten others.
        X[:, 1] = 0
        X[rare, 1] = X[rng.choice(len(y), 10), 1] = 1
    model = GradientBoostingClassifier(
        max_iter=60, early_stopping=False, random_state=0
    ).fit(X, y)
    assert np.abs(model._trees["values"]).max() < 1e6
    assert np.mean(model.predict(X) == y) > 0.95


def test_targets_whose_squares_are_infinite_are_refused():
    X, y = make_numbers(300)
    with pytest.raises(ValueError, match=r"GradientBoostingRegressor.*Scale y"):
        GradientBoostingRegressor(max_iter=3).fit(X, y * 1e160)
    # Smaller ones are like any others.
    large = GradientBoostingRegressor(max_iter=3).fit(X, y * 1e100).predict(X)
    small = GradientBoostingRegressor(max_iter=3).fit(X, y).predict(X)
    np.testing.assert_allclose(large / 1e100, small, rtol=1e-6)


def test_numbers_of_numpy_are_parameters():
    X, y = make_numbers(300)
    plain = GradientBoostingRegressor(max_iter=3, max_leaf_nodes=7, learning_rate=0.5)
    numpys = GradientBoostingRegressor(
        max_iter=np.int32(3), max_leaf_nodes=np.int16(7), learning_rate=np.float32(0.5)
    )
    np.testing.assert_array_equal(
        plain.fit(X, y).predict(X), numpys.fit(X, y).predict(X)
    )
    assert numpys.n_iter_ == 3
    assert numpys.set_params(warm_start=True, max_iter=np.uint8(5)).fit(X, y)
    assert numpys.n_iter_ == 5


def features_on_ways(nodes, node=0, before=frozenset()):
    """Yield the features that are used on the way to each leaf of a tree."""
    if nodes[node]["left"] < 0:
        yield before
        return
    for child in (nodes[node]["left"], nodes[node]["left"] + 1):
        yield from features_on_ways(nodes, child, before | {nodes[node]["feature"]})


def test_pairs_of_many_features():
    # 19,900 sets of two.
    X, y = make_numbers(400, 200)
    model = GradientBoostingRegressor(
        max_iter=5, min_samples_leaf=5, random_state=0, interaction_cst="pairwise"
    ).fit(X, y)
    starts = model._trees["starts"]
    ways = [
        way
        for first, last in itertools.pairwise(starts)
        for way in features_on_ways(model._trees["nodes"][first:last])
    ]
    assert max(map(len, ways)) == 2
    assert len(set(ways)) > 5
    # Without the constraint there are more on the way.
    model.set_params(interaction_cst=None).fit(X, y)
    nodes = model._trees["nodes"][: model._trees["starts"][1]]
    assert max(map(len, features_on_ways(nodes))) > 2


@pytest.mark.parametrize("max_iter", [1, 3])
def test_trees_without_limits_have_pure_leaves(max_iter):
    # 20 columns of 255 bins tell all rows apart, and no target follows from them.
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(30_000, 20))
    y = rng.integers(10, size=len(X)).astype(float)
    model = GradientBoostingRegressor(
        learning_rate=1.0, max_iter=max_iter, max_leaf_nodes=None, max_depth=None,
        min_samples_leaf=1, early_stopping=False,
    ).fit(X, y)  # fmt: skip
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9)
    # Of ten values, neighbours have the same one now and then.
    nodes = model._trees["nodes"][: model._trees["starts"][1]]
    leaves = nodes[nodes["left"] < 0]
    assert leaves["count"].sum() == len(X)
    assert 10_000 < len(leaves) <= len(X)
