"""Trees of float64 weights, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_dl._trees._bootstrap import count_draws
from sklearn_dl._trees._columns import sort_columns
from sklearn_dl._trees._flat import join_trees, weighted_medians
from sklearn_dl._trees._weighted import best_tree


def with_missing(X, share, rng):
    X = X.astype(np.float32)
    X[rng.random(X.shape) < share] = np.nan
    return X


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_classification_tree_is_scikit_learns(n_classes, depth, missing):
    rng = np.random.default_rng(0)
    X, y = make_classification(
        2000, 10, n_informative=8, n_classes=n_classes, random_state=0
    )
    X, weights = with_missing(X, missing, rng), rng.exponential(size=2000)
    tree = best_tree(
        sort_columns(X, weights), y.astype(float), n_classes, weights, depth, "gini"
    )
    expected = DecisionTreeClassifier(max_depth=depth, random_state=0)
    expected.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(
        tree.value[tree.leaf], expected.predict_proba(X), atol=1e-12
    )
    assert sorted(tree.threshold[tree.feature >= 0]) == sorted(
        expected.tree_.threshold[expected.tree_.feature >= 0]
    )
    importances = join_trees([tree]).importances(10)[0]
    np.testing.assert_allclose(importances, expected.feature_importances_, atol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_regression_tree_is_scikit_learns(depth, missing, offset):
    rng = np.random.default_rng(0)
    X, y = make_regression(1500, 6, noise=3, random_state=0)
    y += offset
    X, weights = with_missing(X, missing, rng), rng.exponential(size=1500)
    tree = best_tree(sort_columns(X, weights), y, 0, weights, depth, "squared_error")
    expected = DecisionTreeRegressor(max_depth=depth, random_state=0)
    expected.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(tree.value[tree.leaf, 0], expected.predict(X))


def test_rows_of_weight_zero_only_fall_into_leaves():
    rng = np.random.default_rng(0)
    X, y = make_regression(300, 3, noise=3, random_state=0)
    X, weights = X.astype(np.float32), rng.integers(0, 3, size=300).astype(float)
    tree = best_tree(sort_columns(X, np.ones(300)), y, 0, weights, 3, "squared_error")
    kept = weights > 0
    without = best_tree(
        sort_columns(X[kept], weights[kept]),
        y[kept],
        0,
        weights[kept],
        3,
        "squared_error",
    )
    np.testing.assert_array_equal(tree.threshold, without.threshold)
    np.testing.assert_array_equal(tree.leaf[kept], without.leaf)
    leaves = join_trees([tree]).tree(0, 3).apply(X)
    np.testing.assert_array_equal(tree.leaf, leaves)


def test_least_weighted_error_level_by_level():
    # The corners of a square: no first split helps, the second ones are perfect.
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    target, weights = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.3, 0.2, 0.3, 0.2])
    columns = sort_columns(X, weights)
    tree = best_tree(columns, target, 2, weights, 2, "error")
    assert tree.feature[0] == 0
    assert tree.value[tree.leaf].argmax(axis=1).tolist() == [0, 1, 1, 0]


def test_binned_columns_are_split_between_bins():
    X, y = make_regression(1000, 4, random_state=0)
    X = X.astype(np.float32)
    columns = sort_columns(X, np.ones(1000), max_bins=4)
    tree = best_tree(columns, y, 0, np.ones(1000), 3, "squared_error")
    for f, threshold in zip(tree.feature, tree.threshold, strict=True):
        if f >= 0:
            below = columns.codes[f][X[:, f] <= threshold].max()
            assert below < columns.codes[f][X[:, f] > threshold].min()


@pytest.mark.parametrize("criterion", ["gini", "squared_error"])
def test_leaves_of_too_little_weight_are_not_made(criterion):
    X, y = make_classification(500, 6, random_state=0)
    X, weights = X.astype(np.float32), np.linspace(0.1, 1, 500)
    n_classes = 2 if criterion == "gini" else 0
    tree = best_tree(
        sort_columns(X, weights), y.astype(float), n_classes, weights, 4, criterion, 0.1
    )
    leaves = tree.feature < 0
    assert leaves.sum() > 2
    assert tree.weight[leaves].min() >= 0.1 * weights.sum()


def test_no_depth_is_too_great():
    X, y = make_regression(60, 2, random_state=0)
    X = X.astype(np.float32)
    tree = best_tree(
        sort_columns(X, np.ones(60)), y, 0, np.ones(60), 1000, "squared_error"
    )
    np.testing.assert_allclose(tree.value[tree.leaf, 0], y)


@pytest.mark.parametrize("n_rows", [1, 2, 7, 1000])
def test_rows_are_drawn_as_numpy_draws_them(n_rows):
    rng = np.random.RandomState(0)
    weights = rng.exponential(size=n_rows) ** 8
    weights[: n_rows // 3] = 0
    for seed in range(20):
        rows = np.random.RandomState(seed).choice(
            n_rows, n_rows, p=weights / weights.sum()
        )
        uniforms = np.random.RandomState(seed).random_sample(n_rows)
        np.testing.assert_array_equal(
            count_draws(weights / weights.sum(), uniforms),
            np.bincount(rows, minlength=n_rows),
        )


def test_weighted_medians():
    values = np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [5.0, 5.0, 0.0]])
    weights = np.array([0.5, 0.1, 0.4])
    assert weighted_medians(values, weights, 3).tolist() == [1.0, 2.0, 5.0]
    assert weighted_medians(values, weights, 1).tolist() == [1.0, 3.0, 5.0]
    assert weighted_medians(values, np.zeros(3), 3).tolist() == [1.0, 1.0, 0.0]
