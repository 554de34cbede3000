"""Scorers by labels of the source, for when no target label exists."""

from inspect import signature

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_regressor
from sklearn.dummy import DummyClassifier
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_dl.domain_adaptation._packing import pack
from sklearn_dl.domain_adaptation._scorer_base import (
    PROBABILITIES,
    BaseDomainScorer,
    check_has_attribute,
    density_ratio,
    find_features,
    find_scorer,
    predict_by_domain,
)
from sklearn_dl.utils._sklearn import HasMethods, StrOptions

__all__ = [
    "CircularValidationScorer",
    "DeepEmbeddedValidationScorer",
    "ImportanceWeightedScorer",
]


class ImportanceWeightedScorer(BaseDomainScorer):
    """Score on source rows, weighted as if they were of the target.

    A row counts by how much more likely it is in the target than in the source. If
    only the distribution of X changes between domains and the source covers all of the
    target, this is the score on the target.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        A score of predictions that takes ``sample_weight``. None is "accuracy" for
        classifiers and "r2" for regressors. Weights are relative: a mean is divided
        by the sum of the weights.

    domain_classifier : estimator, default=None
        A classifier with `predict_proba`, which learns to tell source from target from
        what X is, such as texts. None is logistic regression on scaled numbers, with
        the penalty that predicts best; arrays of more than two dimensions are flattened
        for it.

    random_state : int, RandomState instance or None, default=0
        Determines the folds of the domain classifier. An integer gives the same to
        all candidates of a search.

    See Also
    --------
    DeepEmbeddedValidationScorer : Weights by features, with less variance.

    References
    ----------
    Sugiyama, Krauledat and Müller, "Covariate shift adaptation by importance weighted
    cross validation", Journal of Machine Learning Research 8, 2007.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import ImportanceWeightedScorer, pack
    >>> X, y = make_blobs(100, centers=[[0, 0], [6, 6]], random_state=0)
    >>> X, y, sample_domain = pack(X, y, X + 0.5)
    >>> model = LogisticRegression().fit(X[:100], y[:100])
    >>> ImportanceWeightedScorer()(model, X, y, sample_domain)
    1.0
    """

    _parameter_constraints: dict = {
        "scoring": [str, callable, None],
        "domain_classifier": [HasMethods(["fit", "predict_proba"]), None],
        "random_state": ["random_state"],
    }

    def __init__(self, *, scoring=None, domain_classifier=None, random_state=0):
        self.scoring = scoring
        self.domain_classifier = domain_classifier
        self.random_state = random_state

    def _score(self, estimator, rows):
        scorer = find_scorer(self.scoring, estimator)
        if not _takes_weights(scorer):
            raise ValueError(
                f"The 'scoring' parameter of {type(self).__name__} must take "
                f"sample_weight, got {self.scoring!r}, which does not."
            )
        weight = density_ratio(self, rows.X, rows.is_source)
        return scorer(estimator, rows.X_source, rows.y_source, sample_weight=weight)


def _takes_weights(scorer):
    if hasattr(scorer, "get_metadata_routing"):
        return "sample_weight" in scorer.get_metadata_routing().score.requests
    parameters = signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind == p.VAR_KEYWORD for p in parameters)


class DeepEmbeddedValidationScorer(BaseDomainScorer):
    """Score by the loss on source rows, weighted by features, with a control variate.

    Weights are ratios of densities as in :class:`ImportanceWeightedScorer`, but of the
    features that the estimator has learned, where source and target are nearer. As the
    mean of the weights should be 1, what it is off by corrects the mean of the
    weighted losses, which makes the variance smaller.

    Parameters
    ----------
    loss : {"log_loss", "zero_one", "squared_error"}, default="log_loss"
        The loss of a row: by `predict_proba`, by `predict` of a classifier, or by
        `predict` of a regressor.

    domain_classifier : estimator, default=None
        A classifier with `predict_proba`, which learns to tell source from target.
        None is logistic regression on scaled features, with the penalty that predicts
        best; arrays of more than two dimensions are flattened for it.

    random_state : int, RandomState instance or None, default=0
        Determines the folds of the domain classifier. An integer gives the same to
        all candidates of a search.

    See Also
    --------
    ImportanceWeightedScorer : Weights by the rows themselves.

    Notes
    -----
    Features are those of ``estimator.predict_features(X)``; in a pipeline, those of
    the last step that has this method or, without one, what the last step is given.
    Without features, the rows themselves are used. What takes ``sample_domain`` gets
    it, so that source rows are mapped as source. The score is the negative risk.
    If the features of the domains do not overlap, no source row is like the target, and
    the score says little of it.

    References
    ----------
    You, Wang, Long and Jordan, "Towards accurate model selection in deep unsupervised
    domain adaptation", ICML 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import DeepEmbeddedValidationScorer, pack
    >>> X, y = make_blobs(100, centers=[[0, 0], [6, 6]], random_state=0)
    >>> X, y, sample_domain = pack(X, y, X + 0.5)
    >>> model = LogisticRegression().fit(X[:100], y[:100])
    >>> DeepEmbeddedValidationScorer()(model, X, y, sample_domain) > -0.1
    True
    """

    _parameter_constraints: dict = {
        "loss": [StrOptions({"log_loss", "zero_one", "squared_error"})],
        "domain_classifier": [HasMethods(["fit", "predict_proba"]), None],
        "random_state": ["random_state"],
    }

    def __init__(self, *, loss="log_loss", domain_classifier=None, random_state=0):
        self.loss = loss
        self.domain_classifier = domain_classifier
        self.random_state = random_state

    def _check_estimator(self, estimator):
        if self.loss == "log_loss":
            way_out = f"Other losses use predict only. {PROBABILITIES}"
            for name in ("predict_proba", "classes_"):
                check_has_attribute(self, estimator, name, way_out)

    def _score(self, estimator, rows):
        features = find_features(estimator, rows.X, rows.domains)
        weight = density_ratio(self, features, rows.is_source)
        weighted = weight * self._losses(estimator, rows)
        covariance = np.cov(weighted, weight)
        variance = covariance[1, 1]
        eta = -covariance[0, 1] / variance if variance > 0 else 0.0
        return -(weighted.mean() + eta * weight.mean() - eta)

    def _losses(self, estimator, rows):
        """Return the loss of each source row."""
        X, y, domains = rows.X_source, rows.y_source, rows.domains[rows.is_source]
        if self.loss == "log_loss":
            probability = predict_by_domain(estimator, "predict_proba", X, domains)
            truth = y[:, None] == np.asarray(estimator.classes_)
            # A class that the estimator does not know has the probability 0.
            tiny = np.finfo(probability.dtype).eps
            of_truth = np.where(truth, probability, 0).sum(axis=1, dtype=np.float64)
            return -np.log(np.clip(of_truth, tiny, 1))
        prediction = predict_by_domain(estimator, "predict", X, domains)
        if self.loss == "zero_one":
            return (prediction != y).astype(np.float64)
        return (prediction.astype(np.float64) - y) ** 2


class CircularValidationScorer(BaseDomainScorer):
    """Score on the source of a model that learned from predictions for the target.

    A clone of the estimator is fitted the other way round: with the target rows and
    their predicted labels for a source, and the source rows without labels for a
    target. If the labels lead back to those of the source, they were right.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        The score on the source. None is "accuracy" for classifiers and "r2" for
        regressors.

    See Also
    --------
    MixValScorer : Needs no fit.

    Notes
    -----
    The estimator is fitted once more for each score. One that takes no
    ``sample_domain``, such as those of scikit-learn, learns from the target rows alone.
    Several sources are one target then, and several targets one source. If all target
    rows have the same predicted label, so has the source.

    References
    ----------
    Bruzzone and Marconcini, "Domain adaptation problems: a DASVM classification
    technique and a circular validation strategy", IEEE Transactions on Pattern
    Analysis and Machine Intelligence 32(5), 2010.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import CircularValidationScorer, pack
    >>> X, y = make_blobs(100, centers=[[0, 0], [6, 6]], random_state=0)
    >>> X, y, sample_domain = pack(X, y, X + 0.5)
    >>> model = LogisticRegression().fit(X[:100], y[:100])
    >>> CircularValidationScorer()(model, X, y, sample_domain)
    1.0
    """

    _parameter_constraints: dict = {"scoring": [str, callable, None]}

    def __init__(self, *, scoring=None):
        self.scoring = scoring

    def _score(self, estimator, rows):
        pseudo_labels = np.asarray(estimator.predict(rows.X_target))
        if not is_regressor(estimator) and len(np.unique(pseudo_labels)) == 1:
            reverse = DummyClassifier().fit(rows.X_target, pseudo_labels)
        else:
            reverse = _fit_reverse(estimator, rows, pseudo_labels)
        scorer = find_scorer(self.scoring, estimator)
        return scorer(reverse, rows.X_source, rows.y_source)


def _fit_reverse(estimator, rows, pseudo_labels):
    """Return a clone for which the target is the source, and the other way round."""
    reverse = clone(estimator)
    takes_domains = get_routing_for_object(estimator).consumes("fit", ["sample_domain"])
    if not takes_domains:
        return reverse.fit(rows.X_target, pseudo_labels)
    X, y, sample_domain = pack(rows.X_target, pseudo_labels, rows.X_source)
    # Steps of a pipeline are reached by routing; without it, the masked labels tell.
    if get_config()["enable_metadata_routing"]:
        return reverse.fit(X, y, sample_domain=sample_domain)
    return reverse.fit(X, y)
