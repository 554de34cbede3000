"""Scorers by predictions for the target alone, for when it has no labels."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import entr, logsumexp
from sklearn.base import is_regressor
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state, gen_batches

from sklearn_dl.domain_adaptation._scorer_base import (
    PROBABILITIES,
    BaseDomainScorer,
    check_has_attribute,
)
from sklearn_dl.utils._sklearn import Interval, StrOptions, num_samples

__all__ = ["MixValScorer", "PredictionEntropyScorer", "SoftNeighborhoodDensityScorer"]

# Similarities that are in memory at once.
_N_SIMILARITIES = 2**21


class PredictionEntropyScorer(BaseDomainScorer):
    """Score by how sure predictions for the target are.

    The score is the negative mean entropy of the predicted probabilities. A model
    whose boundary runs through sparse regions of the target scores high; but so does
    one that is sure of something wrong, or that gives all rows to one class.

    See Also
    --------
    SoftNeighborhoodDensityScorer : Looks at how predictions lie together, too.

    References
    ----------
    Morerio, Cavazza and Murino, "Minimal-entropy correlation alignment for
    unsupervised deep domain adaptation", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import PredictionEntropyScorer, pack
    >>> X, y = make_blobs(100, centers=[[0, 0], [6, 6]], random_state=0)
    >>> X, y, sample_domain = pack(X, y, X + 0.5)
    >>> model = LogisticRegression().fit(X[:100], y[:100])
    >>> PredictionEntropyScorer()(model, X, y, sample_domain) > -0.1
    True
    """

    _needs_source = False

    def _check_estimator(self, estimator):
        check_has_attribute(self, estimator, "predict_proba", PROBABILITIES)

    def _score(self, estimator, rows):
        probability = np.asarray(estimator.predict_proba(rows.X_target))
        return -entr(probability.astype(np.float64)).sum(axis=1).mean()


class SoftNeighborhoodDensityScorer(BaseDomainScorer):
    """Score by how dense the neighbourhoods of the target's predictions are.

    The predicted probabilities of a row, of length 1, have similarities to those of
    all other rows, which a softmax makes a distribution. The more neighbours are near,
    the larger its entropy; the score is the mean of these entropies. A model that
    splits what belongs together scores low.

    Parameters
    ----------
    temperature : float, default=0.05
        Similarities are divided by it; the paper's value is 0.05.

    See Also
    --------
    PredictionEntropyScorer : Looks at each row alone.

    Notes
    -----
    The time grows with the square of the number of target rows. Scores are comparable
    for one and the same set of target rows only.

    References
    ----------
    Saito, Kim, Teterwak, Sclaroff, Darrell and Saenko, "Tune it the right way:
    unsupervised validation of domain adaptation via soft neighborhood density",
    ICCV 2021.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import SoftNeighborhoodDensityScorer, pack
    >>> X, y = make_blobs(100, centers=[[0, 0], [6, 6]], random_state=0)
    >>> X, y, sample_domain = pack(X, y, X + 0.5)
    >>> model = LogisticRegression().fit(X[:100], y[:100])
    >>> SoftNeighborhoodDensityScorer()(model, X, y, sample_domain) > 3
    True
    """

    _parameter_constraints: dict = {
        "temperature": [Interval(Real, 0, None, closed="neither")]
    }
    _needs_source = False

    def __init__(self, *, temperature=0.05):
        self.temperature = temperature

    def _check_estimator(self, estimator):
        check_has_attribute(self, estimator, "predict_proba", PROBABILITIES)

    def _score(self, estimator, rows):
        probability = np.asarray(estimator.predict_proba(rows.X_target))
        vectors = normalize(probability.astype(np.float64))
        n_rows = len(vectors)
        _check_two_rows(self, n_rows)
        total = 0.0
        for batch in gen_batches(n_rows, max(1, _N_SIMILARITIES // n_rows)):
            similarity = vectors[batch] @ vectors.T / self.temperature
            # A row is no neighbour of itself.
            own = np.arange(batch.start, batch.stop)
            similarity[own - batch.start, own] = -np.inf
            log_share = similarity - logsumexp(similarity, axis=1, keepdims=True)
            total += entr(np.exp(log_share)).sum()
        return total / n_rows


class MixValScorer(BaseDomainScorer):
    """Score by how a classifier labels mixtures of target rows.

    A mixture of two rows should get the label that is predicted for the one of larger
    share. For pairs of one predicted class this tells whether classes are dense, for
    pairs of two whether the boundary runs between them; the score is the mean of both
    accuracies.

    Parameters
    ----------
    mix_ratio : float, default=0.55
        The share of the first row, between 0.5 and 1.

    pairs : {"both", "intra", "inter"}, default="both"
        Whether to mix rows of one class and of two, of one class only ("intra"), or of
        two only ("inter").

    n_repeats : int, default=1
        How often all target rows get a partner.

    random_state : int, RandomState instance or None, default=0
        Determines the pairs. An integer gives the same to all candidates of a search.

    See Also
    --------
    PredictionEntropyScorer : Looks at each row alone.

    Notes
    -----
    Rows have to be numbers; mixtures of bytes (``uint8``) are rounded to bytes, unless
    all are 0 or 1. Where all rows are given to one class there are no pairs of
    two classes, which counts as an accuracy of 0, so that such a model does not win.

    References
    ----------
    Hu, Liang, Liew, Xue, Bai and Wang, "Mixed samples as probes for unsupervised model
    selection in domain adaptation", NeurIPS 2023.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import MixValScorer, pack
    >>> X, y = make_blobs(100, centers=[[0, 0], [6, 6]], random_state=0)
    >>> X, y, sample_domain = pack(X, y, X + 0.5)
    >>> model = LogisticRegression().fit(X[:100], y[:100])
    >>> MixValScorer()(model, X, y, sample_domain) > 0.5
    True
    """

    _parameter_constraints: dict = {
        "mix_ratio": [Interval(Real, 0.5, 1, closed="neither")],
        "pairs": [StrOptions({"both", "intra", "inter"})],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
    _needs_source = False

    def __init__(self, *, mix_ratio=0.55, pairs="both", n_repeats=1, random_state=0):
        self.mix_ratio = mix_ratio
        self.pairs = pairs
        self.n_repeats = n_repeats
        self.random_state = random_state

    def _check_estimator(self, estimator):
        if is_regressor(estimator):
            raise TypeError(
                f"{type(self).__name__} expects a classifier, got "
                f"{type(estimator).__name__}. For a regressor there are "
                f"ImportanceWeightedScorer, CircularValidationScorer and "
                f"DeepEmbeddedValidationScorer(loss='squared_error')."
            )

    def _score(self, estimator, rows):
        n_rows = num_samples(rows.X_target)
        _check_two_rows(self, n_rows)
        labels = np.asarray(estimator.predict(rows.X_target))
        random_state = check_random_state(self.random_state)
        same, agrees = [], []
        for _ in range(self.n_repeats):
            partner = _draw_partners(n_rows, random_state)
            mixed = _mix(self, rows.X_target, partner)
            same.append(labels == labels[partner])
            agrees.append(np.asarray(estimator.predict(mixed)) == labels)
        same, agrees = np.concatenate(same), np.concatenate(agrees)
        inter = agrees[~same].mean() if not same.all() else 0.0
        if self.pairs == "inter" or not same.any():
            return inter
        intra = agrees[same].mean()
        return intra if self.pairs == "intra" else (intra + inter) / 2


def _draw_partners(n_rows, random_state):
    """Return another row for each row, each of them once."""
    order = random_state.permutation(n_rows)
    partner = np.empty(n_rows, dtype=np.intp)
    partner[order] = np.roll(order, 1)
    return partner


def _mix(scorer, X, partner):
    """Return mixtures of rows with their partners."""
    if isinstance(X, pd.DataFrame):
        mixed = _mix(scorer, X.to_numpy(), partner)
        return pd.DataFrame(mixed, index=X.index, columns=X.columns)
    X = X.tocsr() if sparse.issparse(X) else _as_array(scorer, X)
    if X.dtype.kind not in "biuf":
        raise TypeError(
            f"{type(scorer).__name__} mixes rows, which have to be numbers, got "
            f"{X.dtype}. Put what makes numbers of them in front of the search."
        )
    mixed = scorer.mix_ratio * X + (1 - scorer.mix_ratio) * X[partner]
    # What is fitted on bytes may take nothing else. Zeros and ones are indicators, and
    # rounding would undo their mixtures.
    if X.dtype == np.uint8 and X.max() > 1:
        mixed = np.rint(mixed).astype(X.dtype)
    return mixed


def _as_array(scorer, X):
    try:
        return np.asarray(X)
    except ValueError as error:
        raise TypeError(
            f"{type(scorer).__name__} mixes rows, which have to be numbers in an array "
            f"of one shape, got sequences of different lengths. Put what makes such "
            f"an array of them in front of the search, or take a scorer that mixes "
            f"nothing, such as PredictionEntropyScorer."
        ) from error


def _check_two_rows(scorer, n_rows):
    if n_rows < 2:
        raise ValueError(
            f"{type(scorer).__name__} compares target rows and expects two at least, "
            f"got {n_rows}."
        )
