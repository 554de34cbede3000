"""The proxy A-distance: 0 for what is alike, 2 for what is apart."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_dl.domain_adaptation import proxy_a_distance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))


def test_domains_far_apart_are_at_distance_2_and_equal_ones_near_0():
    assert proxy_a_distance(X[:200], X[200:] + 20, random_state=0) == 2
    assert 0 <= proxy_a_distance(X[:200], X[200:], random_state=0) < 0.3


def test_the_distance_is_that_of_the_best_linear_error():
    # Two normal distributions 2 apart: the error is that of the threshold between,
    # .1587, and the distance 2 (1 - 2 * .1587).
    rows = np.random.default_rng(1).normal(size=(20000, 1))
    distance = proxy_a_distance(rows[:10000], rows[10000:] + 2, random_state=0)
    assert distance == pytest.approx(2 * (1 - 2 * 0.15866), abs=0.03)


def test_errors_above_one_half_are_no_negative_distance():
    distances = [
        proxy_a_distance(X[:8], X[8:16], random_state=seed) for seed in range(10)
    ]
    assert min(distances) == 0


def test_two_known_errors_of_one_side_count_by_their_share():
    # A quarter of the source lies in the target and is always taken for it.
    source = np.repeat([[0.0], [1.0]], [300, 100], axis=0)
    target = np.ones((400, 1))
    expected = 2 * (1 - 2 * (0.25 + 0) / 2)
    assert proxy_a_distance(source, target, random_state=0) == expected
    assert proxy_a_distance(target, source, random_state=0) == expected


def test_sizes_of_the_domains_do_not_matter():
    rows = np.random.default_rng(2).normal(size=(4400, 2))
    alike = proxy_a_distance(rows[:200], rows[400:], random_state=0)
    assert alike < 0.3
    even = proxy_a_distance(rows[:2000], rows[2000:4000] + 1, random_state=0)
    uneven = proxy_a_distance(rows[:400], rows[400:] + 1, random_state=0)
    assert uneven == pytest.approx(even, abs=0.1)


def test_more_features_than_rows_are_no_distance():
    rows = np.random.default_rng(3).normal(size=(80, 300))
    assert proxy_a_distance(rows[:40], rows[40:], random_state=0) < 0.6


@pytest.mark.parametrize(
    "make",
    [
        sparse.csr_array,
        sparse.csc_matrix,
        pd.DataFrame,
        lambda rows: rows.tolist(),
        lambda rows: rows.reshape(-1, 3, 1),
    ],
    ids=["csr", "csc", "frame", "list", "3d"],
)
def test_rows_may_be_sparse_in_a_frame_or_of_more_dimensions(make):
    source, target = np.abs(X[:200]), np.abs(X[200:] + 1)
    expected = proxy_a_distance(source, target, random_state=0)
    found = proxy_a_distance(make(source), make(target), random_state=0)
    assert found == pytest.approx(expected, abs=0.06)
    assert 0 < found < 2


def test_a_seed_determines_the_halves_and_nothing_is_changed():
    source, target = X[:200].copy(), X[200:] + 0.5
    before = target.copy()
    distances = [
        proxy_a_distance(source, target, random_state=seed) for seed in (0, 0, 1, 2)
    ]
    assert distances[0] == distances[1]
    assert len(set(distances)) > 1
    np.testing.assert_array_equal(source, X[:200])
    np.testing.assert_array_equal(target, before)


def test_too_few_rows_and_features_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"4 rows of each domain, got 3 .* and 197"):
        proxy_a_distance(X[:3], X[3:200])
    with pytest.raises(ValueError, match="X_target must have the 3 features"):
        proxy_a_distance(X[:100], X[100:, :2])
    assert proxy_a_distance(X[:4], X[4:8] + 50, random_state=0) == 2


def test_a_frame_may_stand_beside_an_array():
    expected = proxy_a_distance(X[:100], X[100:200] + 1, random_state=0)
    frame = pd.DataFrame(X[:100], columns=["a", "b", "c"])
    assert proxy_a_distance(frame, X[100:200] + 1, random_state=0) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X_target": np.full((9, 3), np.nan)}, "Input X_target contains NaN"),
        ({"X_source": [["a"] * 3] * 9}, "could not convert string to float"),
        ({"Cs": 1.0}, "'Cs' parameter of proxy_a_distance must be an array-like"),
        ({"Cs": [1.0, -1.0]}, r"'Cs' .* above 0, got \[1.0, -1.0\]"),
        ({"Cs": [[1.0]]}, "'Cs' .* sequence of numbers"),
        ({"Cs": [np.nan]}, "Input Cs contains NaN"),
        ({"random_state": "a"}, "'random_state' parameter of proxy_a_distance"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"X_source": X[:9], "X_target": X[9:18], **changes}
    with pytest.raises(ValueError, match=message):
        proxy_a_distance(**arguments)
