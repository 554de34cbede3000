"""Bins, against scikit-learn's and by hand."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_dl._trees._binning import apply_bins, fit_bins


def thresholds(bins, feature):
    return bins.thresholds[bins.starts[feature] : bins.starts[feature + 1]]


def test_few_values_are_split_at_their_midpoints():
    X = np.array([[3.0], [1.0], [2.0], [2.0], [10.0]])
    bins = fit_bins(X, 255)
    np.testing.assert_array_equal(thresholds(bins, 0), [1.5, 2.5, 6.5])
    np.testing.assert_array_equal(apply_bins(X, bins), [[2, 0, 1, 1, 3]])


def test_a_value_on_a_threshold_belongs_to_the_lower_bin():
    bins = fit_bins(np.array([[0.0], [1.0]]), 255)
    X = np.array([[0.5], [np.nextafter(0.5, 1)], [-np.inf], [np.inf]])
    np.testing.assert_array_equal(apply_bins(X, bins), [[0, 1, 0, 1]])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("max_bins", [2, 7, 128, 255])
def test_many_values_are_split_as_scikit_learn_splits_them(max_bins, weighted):
    mapper = pytest.importorskip("sklearn.ensemble._hist_gradient_boosting.binning")
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.normal(size=1000),
            rng.integers(0, 30, size=1000),
            np.exp(3 * rng.normal(size=1000)),
            np.ones(1000),
        ]
    )
    X[rng.random(X.shape) < 0.1] = np.nan
    weight = rng.integers(0, 3, size=1000).astype(float) if weighted else None
    expected = mapper._BinMapper(n_bins=max_bins + 1, random_state=0)
    expected.fit(X, sample_weight=weight)
    bins = fit_bins(X, max_bins, sample_weight=weight)
    for feature, ends in enumerate(expected.bin_thresholds_):
        np.testing.assert_allclose(thresholds(bins, feature), ends, rtol=1e-15)


def test_weights_are_repetitions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    weight = rng.integers(0, 4, size=600)
    once = fit_bins(X, 20, sample_weight=weight.astype(float))
    repeated = fit_bins(np.repeat(X, weight, axis=0), 20)
    np.testing.assert_allclose(once.thresholds, repeated.thresholds, rtol=1e-15)


def test_missing_values_have_the_bin_behind_all_others():
    X = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]])
    bins = fit_bins(X, 255)
    np.testing.assert_array_equal(bins.n_values, [2, 1])
    np.testing.assert_array_equal(apply_bins(X, bins), [[0, 2, 1], [1, 1, 1]])


def test_categories_are_bins_and_unknown_ones_are_missing():
    X = np.array([[0.0], [2.0], [1.0]])
    bins = fit_bins(X, 255, n_categories=np.array([3]))
    more = np.array([[2.0], [3.0], [-1.0], [np.nan]])
    np.testing.assert_array_equal(apply_bins(more, bins), [[2, 3, 3, 3]])


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_threads_and_sparse_rows_change_nothing(n_threads):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9000, 3))
    X[rng.random(X.shape) < 0.7] = 0
    bins = fit_bins(X, 16)
    other = fit_bins(sparse.csr_matrix(X), 16, n_threads=n_threads)
    np.testing.assert_array_equal(other.thresholds, bins.thresholds)
    codes = apply_bins(X, bins)
    np.testing.assert_array_equal(
        apply_bins(sparse.csr_matrix(X), bins, n_threads), codes
    )
    np.testing.assert_array_equal(apply_bins(X, bins, n_threads), codes)


def test_huge_values_have_finite_thresholds():
    X = np.array([[-1.7e308], [1.7e308], [0.0]])
    bins = fit_bins(X, 255)
    assert np.isfinite(bins.thresholds).all()
    np.testing.assert_array_equal(apply_bins(X, bins), [[0, 2, 1]])
