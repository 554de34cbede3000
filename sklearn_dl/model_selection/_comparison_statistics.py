"""Tests of the difference between two models scored on the same folds."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Difference(NamedTuple):
    """What the folds say about the difference of two models, first minus second."""

    mean: float
    p_value: float
    p_better: float
    p_equivalent: float
    p_worse: float


_UNKNOWN = (np.nan, np.nan, np.nan, np.nan)


def compare_scores(
    first: np.ndarray, second: np.ndarray, *, test_to_train: float, rope: float
) -> Difference:
    """Test whether one model scores higher than another on the same folds.

    Scores of cross-validation are not independent, as the training parts overlap.
    Both tests here widen the variance of the mean difference from ``1 / n`` to
    ``1 / n + n_test / n_train`` for that [1]_. The Bayesian test [2]_ reads the same
    Student distribution as the posterior of the mean difference.

    Parameters
    ----------
    first, second : ndarray of shape (n_folds,)
        The scores, greater is better. Folds in which one of them is NaN are left out.

    test_to_train : float
        Number of test rows divided by the number of training rows in a fold.

    rope : float
        Differences in ``[-rope, rope]`` count as equivalent.

    Returns
    -------
    difference : Difference
        The mean difference, the two-sided p-value of the corrected resampled t-test,
        and the probabilities that the first model is better than, equivalent to and
        worse than the second. NaN where fewer than two folds can be compared.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error",
       Machine Learning 52, 2003.
    .. [2] A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, "Time for a change: a
       tutorial for comparing multiple classifiers through Bayesian analysis",
       Journal of Machine Learning Research 18, 2017.
    """
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    n_folds = len(first)
    if n_folds == 0:
        return Difference(np.nan, *_UNKNOWN)
    differences = first - second
    mean = float(np.mean(differences))
    if n_folds == 1:
        return Difference(mean, *_UNKNOWN)

    # Scores that differ by a constant leave a standard deviation of rounding errors,
    # and a t statistic of noise.
    deviation = float(np.std(differences, ddof=1))
    rounding = 8 * np.finfo(np.float64).eps * np.max(np.abs([first, second]))
    if deviation <= rounding:
        certain = 0.0 if abs(mean) <= rounding else mean
        return Difference(
            certain,
            p_value=float(certain == 0.0),
            p_better=float(certain > rope),
            p_equivalent=float(-rope <= certain <= rope),
            p_worse=float(certain < -rope),
        )

    scale = deviation * np.sqrt(1.0 / n_folds + test_to_train)
    posterior = stats.t(df=n_folds - 1, loc=mean, scale=scale)
    p_better, p_worse = float(posterior.sf(rope)), float(posterior.cdf(-rope))
    return Difference(
        mean,
        p_value=float(2.0 * stats.t.sf(abs(mean) / scale, df=n_folds - 1)),
        p_better=p_better,
        p_equivalent=max(0.0, 1.0 - p_better - p_worse),
        p_worse=p_worse,
    )
