"""The search for the best stump, against a search that tries everything."""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from sklearn_dl._trees._columns import MAX_BLOCKS, sort_columns
from sklearn_dl._trees._flat import StepTables, trees_of_stumps
from sklearn_dl._trees._stumps import (
    GOES_ON,
    best_stump,
    boost_stumps,
    empty_stumps,
    start_boosting,
)


def gain_of(left, total, criterion):
    right = total - left
    if criterion == "error":
        return left.max() + right.max()
    return (left**2).sum() / left.sum() + (right**2).sum() / right.sum()


def all_splits(X, y, n_classes, weights, criterion, least_leaf=0.0, thresholds=None):
    """Yield gain, feature, threshold and whether missing values go left."""
    classes = np.eye(n_classes)[y] * weights[:, None]
    total = classes.sum(axis=0)
    for f in range(X.shape[1]):
        values = np.unique(X[~np.isnan(X[:, f]), f]).astype(np.float64)
        candidates = list(values[:-1] / 2 + values[1:] / 2)
        missing = np.isnan(X[:, f])
        if missing.any() and len(values):
            candidates.append(np.inf)
        for threshold in candidates:
            if thresholds is not None and threshold not in thresholds[f]:
                continue
            alone = threshold == np.inf
            for missing_left in [False, True] if missing.any() and not alone else [0]:
                goes_left = np.where(missing, missing_left, X[:, f] <= threshold)
                left = classes[goes_left.astype(bool)].sum(axis=0)
                share = left.sum() / total.sum()
                if min(share, 1 - share) >= least_leaf - 1e-9:
                    gain = gain_of(left, total, criterion)
                    yield gain, f, threshold, bool(missing_left)


def assert_best(stump, splits):
    splits = list(splits)
    best = max(gain for gain, *_ in splits)
    ties = [split[1:] for split in splits if split[0] >= best - 1e-10]
    feature, threshold = min((f, threshold) for f, threshold, _ in ties)
    assert stump.feature[0] == feature
    assert stump.threshold[0] == threshold
    directions = {d for f, t, d in ties if (f, t) == (feature, threshold)}
    return directions


@pytest.mark.parametrize("criterion", ["gini", "error"])
@pytest.mark.parametrize("n_classes", [2, 3, 11])
@pytest.mark.parametrize("n_values", [4, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_best_stump_is_the_best(criterion, n_classes, n_values, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(n_values, size=(400, 3)).astype(np.float32)
    y = (X[:, 1] * n_classes / n_values + rng.normal(size=400)).astype(np.int64)
    y = np.clip(y, 0, n_classes - 1)
    weights = rng.exponential(size=400) ** 3
    stump = best_stump(sort_columns(X, weights), y, n_classes, weights, criterion)
    assert_best(stump, all_splits(X, y, n_classes, weights, criterion))
    f, threshold = stump.feature[0], stump.threshold[0]
    left = np.eye(n_classes)[y] * weights[:, None] * (X[:, f] <= threshold)[:, None]
    np.testing.assert_allclose(stump.left[0], left.sum(axis=0) / weights.sum())


@pytest.mark.parametrize("criterion", ["gini", "error"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_missing_values_go_to_the_better_side(criterion, n_classes, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    y = rng.integers(n_classes, size=300)
    X[rng.random(X.shape) < 0.1 + 0.5 * (y == seed % n_classes)[:, None]] = np.nan
    weights = rng.exponential(size=300)
    stump = best_stump(sort_columns(X, weights), y, n_classes, weights, criterion)
    splits = all_splits(X, y, n_classes, weights, criterion)
    assert bool(stump.missing_left[0]) in assert_best(stump, splits)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_leaves_of_too_little_weight_are_not_made(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    y = rng.integers(n_classes, size=300)
    weights = rng.exponential(size=300)
    columns = sort_columns(X, weights)
    for least in (0.05, 0.3, 0.45):
        stump = best_stump(columns, y, n_classes, weights, "gini", least)
        assert_best(stump, all_splits(X, y, n_classes, weights, "gini", least))
    stump = best_stump(columns, y, n_classes, weights, "gini", 0.5)
    assert stump.feature[0] == -1


def edges_of(columns, f):
    order, values = columns.order[f], columns.values[f].astype(np.float64)
    starts = columns.starts[f, 1 : columns.n_blocks[f]]
    return values[order[starts - 1]] / 2 + values[order[starts]] / 2


@pytest.mark.parametrize("n_classes", [2, 3])
def test_binned_columns_are_split_between_bins(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3)).astype(np.float32)
    y = rng.integers(n_classes, size=500)
    weights = rng.exponential(size=500)
    columns = sort_columns(X, weights, max_bins=8)
    assert columns.n_blocks.tolist() == [8, 8, 8]
    # The quantiles are those of the weights.
    in_bin = np.bincount(columns.codes[0], weights=weights) / weights.sum()
    np.testing.assert_allclose(in_bin, 1 / 8, atol=0.02)
    thresholds = [edges_of(columns, f) for f in range(3)]
    stump = best_stump(columns, y, n_classes, weights)
    assert_best(
        stump, all_splits(X, y, n_classes, weights, "gini", thresholds=thresholds)
    )


@pytest.mark.parametrize("max_bins", [None, 2, 255])
@pytest.mark.parametrize("n_rows", [1, 2, 30, 5000])
def test_blocks_are_runs_of_the_order(max_bins, n_rows):
    rng = np.random.default_rng(0)
    continuous = rng.normal(size=n_rows)
    skewed = np.where(rng.random(n_rows) < 0.7, 0.0, continuous)
    missing = np.where(rng.random(n_rows) < 0.5, np.nan, continuous)
    nothing = np.full(n_rows, np.nan)
    X = np.stack([continuous, skewed, missing, nothing], axis=1).astype(np.float32)
    columns = sort_columns(X, rng.exponential(size=n_rows) ** 8, max_bins)
    for f in range(4):
        order, n_blocks = columns.order[f], columns.n_blocks[f]
        starts = columns.starts[f, : n_blocks + 1]
        assert n_blocks <= MAX_BLOCKS
        assert (np.diff(starts) > 0).all()
        assert starts[-1] == (~np.isnan(X[:, f])).sum()
        np.testing.assert_array_equal(
            columns.codes[f][order],
            np.searchsorted(starts, np.arange(n_rows), side="right") - 1,
        )
        values = X[order, f]
        inner = starts[1:-1]
        assert (values[inner] > values[inner - 1]).all()
        if max_bins is not None:
            assert not columns.any_inside[f]


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 1.0 + 2**-23, 2.0],
        [0.0, 5e-8, 1.2e-7, 1.9e-7, 3e-7],
        [1e-9, 2e-9, 3e-9],
        [3e38, -3e38, 1.0],
        [-0.0, 0.0, 1e-45],
        [16777216.0, 16777218.0, 16777220.0],
    ],
)
def test_neighbouring_floats_are_split_as_by_scikit_learn(values):
    X = np.array(values, dtype=np.float32)[:, None]
    weights = np.linspace(1, 2, len(X))
    for k in range(1, len(X)):
        y = (np.arange(len(X)) >= k).astype(np.int64)
        tree = DecisionTreeClassifier(max_depth=1, random_state=0)
        tree.fit(X, y, sample_weight=weights / weights.sum())
        stump = best_stump(sort_columns(X, weights), y, 2, weights)
        if tree.tree_.node_count == 1:
            assert stump.feature[0] == -1
        else:
            assert stump.threshold[0] == tree.tree_.threshold[0]


def boosted(X, y, weights, steps):
    n_classes, n_rounds = y.max() + 1, sum(steps)
    columns = sort_columns(X, weights)
    state = start_boosting(columns, n_classes, weights)
    stumps = empty_stumps(n_rounds, n_classes)
    done = 0
    for step in steps:
        done, outcome = boost_stumps(
            columns, y, 0, 0.0, 1.0, state, stumps, done, done + step
        )
        assert outcome == GOES_ON
    return stumps, state


@pytest.mark.parametrize("n_classes", [2, 3])
def test_rounds_can_be_interrupted(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)).astype(np.float32)
    y = rng.integers(n_classes, size=200)
    at_once, state = boosted(X, y, np.ones(200), [60])
    in_steps, other = boosted(X, y, np.ones(200), [1, 20, 39])
    for one, another in zip((*at_once, *state), (*in_steps, *other), strict=True):
        np.testing.assert_array_equal(one, another)


def test_sums_that_are_kept_stay_those_of_the_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    y = (rng.random(300) < 0.5).astype(np.int64)
    _, state = boosted(X, y, np.ones(300), [200])
    columns = sort_columns(X, np.ones(300))
    for f in range(3):
        place = y * 256 + columns.codes[f]
        expected = np.bincount(place, weights=state.weights, minlength=512)
        np.testing.assert_allclose(state.sums[f], expected, rtol=1e-12, atol=0)
    np.testing.assert_allclose(state.total, state.weights.sum(), rtol=1e-12)


def test_step_tables_give_the_votes_of_the_stumps():
    rng = np.random.default_rng(0)
    X = rng.integers(5, size=(300, 4)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = rng.integers(3, size=300)
    stumps, _ = boosted(X, y, np.ones(300), [40])
    trees, weights = trees_of_stumps(stumps, "gini"), rng.random(40)
    expected = np.zeros((300, 3))
    trees.add_votes(X, weights, expected, 0, 40)
    np.testing.assert_allclose(StepTables(trees, weights)(X), expected)
