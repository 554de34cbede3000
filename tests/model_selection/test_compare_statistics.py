"""The tests of a difference, against baycomp 1.0.3 and limits known in advance."""

import numpy as np
import pytest

from sklearn_dl.model_selection._comparison_statistics import compare_scores

TEN_FOLDS = (
    [0.92, 0.95, 0.91, 0.96, 0.94, 0.93, 0.97, 0.90, 0.95, 0.94],
    [0.90, 0.94, 0.92, 0.93, 0.93, 0.92, 0.94, 0.91, 0.93, 0.92],
)
TWICE_FIVE_FOLDS = (
    [0.90, 0.80, 0.85, 0.87, 0.90, 0.91, 0.70, 0.80, 0.83, 0.88],
    [0.85, 0.81, 0.80, 0.86, 0.90, 0.85, 0.75, 0.78, 0.80, 0.85],
)


def compare(scores, *, folds, rope=0.01):
    first, second = np.array(scores)
    return compare_scores(first, second, test_to_train=1 / (folds - 1), rope=rope)


@pytest.mark.parametrize(
    ("scores", "folds", "rope", "expected"),
    [
        # baycomp.single.CorrelatedTTest.probs(first, second, rope=rope, runs=runs)
        (
            TEN_FOLDS,
            10,
            0.01,
            (0.6719291708205883, 0.32486301977654075, 0.003207809402870909),
        ),
        (
            TWICE_FIVE_FOLDS,
            5,
            0.02,
            (0.48022343614218493, 0.48079223896053924, 0.03898432489727588),
        ),
        (
            ([0.81, 0.79, 0.84, 0.80, 0.78], [0.80, 0.80, 0.80, 0.79, 0.75]),
            5,
            0.01,
            (0.6649100133406094, 0.27624837909464683, 0.05884160756474377),
        ),
    ],
)
def test_bayesian_test_agrees_with_baycomp(scores, folds, rope, expected):
    found = compare(scores, folds=folds, rope=rope)
    np.testing.assert_allclose(
        (found.p_better, found.p_equivalent, found.p_worse), expected, rtol=1e-10
    )


def test_p_value_is_twice_the_posterior_tail_without_rope():
    # baycomp gives 0.03857848260835117 for the smaller tail with rope=0.
    found = compare(TEN_FOLDS, folds=10)
    assert found.p_value == pytest.approx(2 * 0.03857848260835117, rel=1e-10)


def test_correction_by_hand():
    # Differences 1, 2, 3: mean 2, variance 1. With n_test / n_train = 1 / 2 the
    # statistic is 2 / sqrt(1 / 3 + 1 / 2) = 2.19089. For two degrees of freedom the
    # two-sided tail of t is 1 - t / sqrt(2 + t^2).
    found = compare(([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]), folds=3)
    t = 2 / np.sqrt(1 / 3 + 1 / 2)
    assert found.p_value == pytest.approx(1 - t / np.sqrt(2 + t**2))


def test_swapped_models_swap_the_probabilities():
    there, back = compare(TEN_FOLDS, folds=10), compare(TEN_FOLDS[::-1], folds=10)
    assert back.mean == pytest.approx(-there.mean)
    assert back.p_value == pytest.approx(there.p_value)
    assert (back.p_better, back.p_worse) == pytest.approx(
        (there.p_worse, there.p_better)
    )


def test_equal_scores_are_surely_equivalent():
    found = compare(([0.9, 0.8, 0.7],) * 2, folds=3, rope=0.0)
    assert found == (0.0, 1.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("shift", "rope", "expected"),
    [
        (0.1, 0.01, (0.0, 1.0, 0.0, 0.0)),
        (-0.1, 0.01, (0.0, 0.0, 0.0, 1.0)),
        (0.1, 0.2, (0.0, 0.0, 1.0, 0.0)),
    ],
)
def test_constant_difference_up_to_rounding(shift, rope, expected):
    # 0.9 - 0.8 and 0.7 - 0.6 differ in the last bit.
    scores = np.array([0.8, 0.7, 0.6, 0.5])
    found = compare((scores + shift, scores), folds=4, rope=rope)
    assert found.mean == pytest.approx(shift)
    assert found[1:] == expected


def test_folds_that_one_model_lacks_are_left_out():
    full = compare(([0.9, 0.8, 0.75], [0.7, 0.75, 0.7]), folds=4)
    lacking = compare(([0.9, 0.8, np.nan, 0.75], [0.7, 0.75, 0.9, 0.7]), folds=4)
    assert lacking == full


@pytest.mark.parametrize("scores", [([np.nan], [0.5]), ([0.7], [0.5])])
def test_too_few_folds_give_nan(scores):
    assert np.isnan(compare(scores, folds=2)[1:]).all()


def test_false_alarms_of_repeated_splits():
    """Without the correction 45 % of these differences of nothing are found."""
    rng = np.random.default_rng(0)
    n_rows, n_test, n_splits, n_trials = 60, 20, 15, 300
    alarms = 0
    for _ in range(n_trials):
        # Two models whose errors on a row differ by noise alone.
        noise = rng.normal(size=n_rows)
        means = [
            noise[rng.permutation(n_rows)[:n_test]].mean() for _ in range(n_splits)
        ]
        found = compare_scores(
            np.array(means),
            np.zeros(n_splits),
            test_to_train=n_test / (n_rows - n_test),
            rope=0.0,
        )
        alarms += found.p_value < 0.05
    assert alarms / n_trials < 0.08
