"""Features that share a column give the trees that they give alone."""

import numpy as np
import pytest

from sklearn_dl._trees import _bundles
from sklearn_dl._trees._bundles import count_codes, make_bundles, unbundle
from sklearn_dl._trees._ensemble import Booster, TreeOptions, bin_rows
from sklearn_dl._trees._gradients import LossCode


def make_codes(rng, n_samples=500):
    """Two one-hot encodings, a constant, a feature of three bins and one of many."""
    first = np.eye(6, dtype=np.uint8)[rng.integers(0, 6, n_samples)].T
    second = np.eye(40, dtype=np.uint8)[rng.integers(0, 40, n_samples)].T
    # Mostly 1, and something else only where the second encoding has its first bin.
    third = np.ones(n_samples, dtype=np.uint8)
    third[np.flatnonzero(second[0])[::2]] = 0
    third[np.flatnonzero(second[0])[1::2]] = 2
    return np.vstack(
        [
            first,
            np.zeros((1, n_samples), dtype=np.uint8),
            second[1:],
            third[None],
            rng.integers(0, 200, (1, n_samples)).astype(np.uint8),
        ]
    )


def bundle(codes):
    n_bins = codes.max(axis=1).astype(np.int64) + 1
    return n_bins, make_bundles(codes, n_bins, count_codes(codes))


def test_features_that_exclude_one_another_share_a_column():
    codes = make_codes(np.random.default_rng(0))
    _, bundles = bundle(codes)
    assert len(bundles.columns) == 3
    sets = np.split(bundles.members, bundles.member_starts[1:-1])
    assert [members.tolist() for members in sets] == [
        list(range(6)),
        list(range(7, 47)),
        [47],
    ]


def test_the_bins_of_a_feature_are_read_back():
    rng = np.random.default_rng(0)
    codes = make_codes(rng)
    n_bins, bundles = bundle(codes)
    values = rng.integers(-1000, 1000, codes.shape[1])
    histogram = np.concatenate(
        [
            np.bincount(column, weights=values, minlength=size).astype(np.int64)
            for column, size in zip(
                bundles.columns, np.diff(bundles.offsets), strict=True
            )
        ]
    )
    for f in bundles.members:
        expected = np.bincount(codes[f], weights=values, minlength=n_bins[f])
        bins = histogram[bundles.starts[f] : bundles.starts[f] + n_bins[f]]
        if bundles.common[f] >= 0:
            room = np.concatenate([histogram, np.zeros(n_bins[f], dtype=np.int64)])
            start, common, end = bundles.starts[f], bundles.common[f], len(histogram)
            unbundle(room, start, common, n_bins[f], values.sum(), end)
            bins = room[end:]
        np.testing.assert_array_equal(bins, expected)


def test_a_column_has_room_for_256_codes():
    # 300 features of two bins each need two columns.
    codes = np.zeros((300, 1000), dtype=np.uint8)
    codes[np.arange(300), np.arange(300)] = 1
    _, bundles = bundle(codes)
    assert np.diff(bundles.member_starts).tolist() == [255, 45]
    assert bundles.columns.max() == 255


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("options", [{}, {"max_features": 0.5}], ids=str)
def test_trees_are_the_same_without_bundles(options, missing, monkeypatch):
    rng = np.random.default_rng(0)
    X = make_codes(rng, 2000).T.astype(float)
    X[:, -1] = rng.normal(size=2000)
    if missing:
        X[X[:, 3] == 1, 4] = np.nan
    y = X @ rng.normal(size=X.shape[1]) if not missing else np.nan_to_num(X)[:, 3]

    def boost():
        booster = Booster(
            bin_rows(X, 255, None, None, 3),
            y,
            None,
            np.zeros((2000, 1)),
            LossCode.SQUARED,
            0.0,
            TreeOptions(min_samples_leaf=5, **options),
            3,
        )
        return booster, booster.run(0, 10)

    booster, trees = boost()
    assert len(booster._problem.columns) < X.shape[1] / 5
    monkeypatch.setattr(_bundles, "_MAX_BINS_TO_BUNDLE", 0)
    booster, expected = boost()
    # The constant feature has no column.
    assert len(booster._problem.columns) == X.shape[1] - 1
    for name, array in vars(expected).items():
        np.testing.assert_array_equal(getattr(trees, name), array, err_msg=name)
