"""One stage of a cascade: AdaBoost on stumps over features that are never all held."""

from typing import NamedTuple

import numpy as np

from sklearn_dl._numba._haar import (
    N_BINS,
    bin_features,
    feature_values,
    find_stump,
    integrate_windows,
)

__all__ = ["Sample", "Stage", "train_stage"]

# An error of 0 would have a weight without bound.
_LEAST_ERROR = 1e-10
# Votes that differ by less are the same, added up in another order.
_SAME_VOTES = 1e-9


class Sample(NamedTuple):
    """Windows to learn from.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, height, width), float64
        The windows.
    is_object : ndarray of shape (n_windows,), bool
        Whether each shows the object.
    weights : ndarray of shape (n_windows,), float64
        The weight of each, above 0.
    """

    windows: np.ndarray
    is_object: np.ndarray
    weights: np.ndarray

    def take(self, mask):
        """Return some of the windows."""
        return Sample(*(part[mask] for part in self))

    def with_background(self, windows):
        """Return the sample with windows of the background, of weight 1."""
        return Sample(
            np.concatenate([self.windows, windows]),
            np.concatenate([self.is_object, np.zeros(len(windows), dtype=bool)]),
            np.concatenate([self.weights, np.ones(len(windows))]),
        )


class Stage(NamedTuple):
    """A boosted stage.

    Parameters
    ----------
    features : list of int
        The feature of each stump.
    thresholds : list of float
        The threshold of each stump.
    votes : list of float
        The vote of a value above the threshold; below it the sign is the other.
    threshold : float
        What the sum of the votes must exceed.
    hit_rate : float
        Share of the weight of objects that passes, where the threshold was set.
    false_alarm_rate : float
        Share of the weight of other windows that passes.
    """

    features: list
    thresholds: list
    votes: list
    threshold: float
    hit_rate: float
    false_alarm_rate: float


class _Integrals:
    """Integral images of windows, and the values of features in them."""

    def __init__(self, windows, corners, normalize):
        n_windows, height, width = windows.shape
        self.sums = np.empty(((height + 1) * (width + 1), n_windows))
        self.means, self.scales = np.empty(n_windows), np.empty(n_windows)
        integrate_windows(windows, normalize, self.sums, self.means, self.scales)
        self._corners = corners.arguments(width + 1)

    def arguments(self):
        """Return what the kernels take of windows and features."""
        return self.sums, self.means, self.scales, *self._corners

    def values(self, feature):
        """Return the values of a feature in all windows."""
        values = np.empty((1, len(self.means)))
        feature_values(feature, *self.arguments(), values)
        return values[0]


class _StumpSearch:
    """The best stump for weights, among thresholds on the bins of features.

    The bins of as many features as there is room for are kept.
    """

    def __init__(self, sample, corners, normalize, cache_size):
        self.integrals = _Integrals(sample.windows, corners, normalize)
        self.signs = np.where(sample.is_object, 1.0, -1.0)
        n_features, n_windows = len(corners.kinds), len(sample.windows)
        n_kept = min(n_features, int(cache_size * 1e6) // n_windows)
        self.codes = np.empty((n_kept, n_windows), dtype=np.uint8)
        self.ranges = np.empty((n_features, 2))
        bin_features(*self.integrals.arguments(), self.ranges, self.codes)

    def find(self, weights):
        """Return feature, threshold and sign of the best stump, or None."""
        feature, code, sign, edge = find_stump(
            *self.integrals.arguments(), self.ranges, self.codes, weights * self.signs
        )
        if edge < _LEAST_ERROR:
            return None
        values = self.integrals.values(feature)
        return feature, _middle(values, code, *self.ranges[feature]), sign

    def answers(self, feature, threshold, sign):
        """Return what a stump says of each window, 1 or -1."""
        return np.where(self.integrals.values(feature) > threshold, sign, -sign)

    def drop(self, feature):
        """Leave a feature out from now on."""
        self.ranges[feature, 1] = 0.0


def _middle(values, code, low, per_unit):
    """Return the threshold half way between the values around the end of a bin."""
    codes = np.clip(((values - low) * per_unit).astype(np.int32), 0, N_BINS - 1)
    below, above = values[codes <= code].max(), values[codes > code].min()
    middle = 0.5 * (below + above)
    return middle if middle < above else below


def _pass_threshold(votes, weights, min_hit_rate, all_votes):
    """Return the threshold of a stage, at 0 or as far below as the hit rate asks for.

    It is half way between the votes of the last object that has to pass and the next
    lower votes of any window.
    """
    order = np.argsort(-votes, kind="stable")
    passed = np.cumsum(weights[order])
    needed = min_hit_rate * passed[-1] * (1 - _LEAST_ERROR)
    lowest = votes[order][np.searchsorted(passed, needed)]
    if lowest > _SAME_VOTES:
        return 0.0
    lower = all_votes[all_votes < lowest - _SAME_VOTES]
    return 0.5 * (lowest + lower.max()) if len(lower) else lowest - 1e3 * _SAME_VOTES


def _share(weights, mask):
    return float(weights[mask].sum() / weights.sum())


def train_stage(
    sample,
    judges,
    corners,
    *,
    n_estimators,
    min_hit_rate,
    max_false_alarm_rate,
    normalize,
    cache_size,
):
    """Add stumps until few enough windows without the object pass.

    Parameters
    ----------
    sample : Sample
        What the stumps are chosen on.
    judges : Sample
        Objects that the threshold is set on.
    corners : Corners
        Features to choose from.
    n_estimators : int
        Greatest number of stumps.
    min_hit_rate, max_false_alarm_rate : float
        The stage's goals.
    normalize : bool
        Whether features are those of the standardised window.
    cache_size : float
        Megabytes for the bins of features. Those for which there is no room are
        computed again for each stump.

    Returns
    -------
    stage : Stage or None
        None if no stump tells the classes apart.
    """
    search = _StumpSearch(sample, corners, normalize, cache_size)
    judged = _Integrals(judges.windows, corners, normalize)
    others = ~sample.is_object
    weights = sample.weights.copy()
    # Objects and others weigh the same, however many there are of each.
    for side in (sample.is_object, others):
        weights[side] *= 0.5 / weights[side].sum()
    votes, judged_votes = np.zeros(len(weights)), np.zeros(len(judges.windows))
    stumps = []
    for _ in range(n_estimators):
        stump = search.find(weights)
        if stump is None:
            break
        feature, threshold, sign = stump
        answers = search.answers(*stump)
        error = weights[answers != search.signs].sum() / weights.sum()
        if error < _LEAST_ERROR:
            # It changes no weights, and would be found again and again.
            error = _LEAST_ERROR
            search.drop(feature)
        size = 0.5 * np.log((1 - error) / error)
        votes += size * answers
        above = judged.values(feature) > threshold
        judged_votes += size * np.where(above, sign, -sign)
        weights *= np.exp(-size * search.signs * answers)
        weights /= weights.sum()
        stumps.append((feature, threshold, size * sign))
        everyone = np.concatenate([votes, judged_votes])
        limit = _pass_threshold(judged_votes, judges.weights, min_hit_rate, everyone)
        rate = _share(sample.weights[others], votes[others] > limit)
        if rate <= max_false_alarm_rate:
            break
    if not stumps:
        return None
    hit_rate = _share(judges.weights, judged_votes > limit)
    return Stage(*map(list, zip(*stumps, strict=True)), limit, hit_rate, rate)
