"""What scorers without target labels share."""

from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.metadata_routing import UNUSED

from sklearn_dl.domain_adaptation._domains import (
    CLASS_OF_MINUS_ONE,
    DomainAwareMixin,
    check_domains,
    is_masked,
    is_masked_alone,
)
from sklearn_dl.utils._sklearn import (
    MetadataRequester,
    num_samples,
    safe_indexing,
    validate_parameter_constraints,
)

__all__ = [
    "PROBABILITIES",
    "BaseDomainScorer",
    "ScoredRows",
    "check_has_attribute",
    "density_ratio",
    "find_features",
    "find_scorer",
    "flatten_rows",
    "predict_by_domain",
]

# Folds of the domain classifier, whose probabilities are for rows it has not seen.
_N_FOLDS = 5
# Strong to weak penalties of the default domain classifier.
_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
_N_SEEDS = np.iinfo(np.int32).max
# What to do without predict_proba.
PROBABILITIES = (
    "Take one that has it, calibrate this one (sklearn.calibration."
    "CalibratedClassifierCV), or score with MixValScorer, CircularValidationScorer or "
    "ImportanceWeightedScorer, which use predict only."
)


class ScoredRows(NamedTuple):
    """The rows to score with; there are no target labels among them.

    Parameters
    ----------
    X : array-like of shape (n_rows, ...)
        All rows.
    domains : ndarray of shape (n_rows,), dtype int64
        Their domains.
    is_source : ndarray of shape (n_rows,), dtype bool
        Which of them are of a source.
    X_source : array-like of shape (n_source, ...)
        Rows of the source.
    y_source : ndarray of shape (n_source,) or None
        Their labels, None if the scorer does not ask for them.
    X_target : array-like of shape (n_target, ...)
        Rows of the target.
    """

    X: Any
    domains: np.ndarray
    is_source: np.ndarray
    X_source: Any
    y_source: np.ndarray | None
    X_target: Any


class BaseDomainScorer(DomainAwareMixin, MetadataRequester):
    """A scorer that reads domains and never target labels."""

    # The estimator is no metadata, though an argument.
    __metadata_request__score = {"estimator": UNUSED}
    _parameter_constraints: dict = {}
    _needs_source = True

    def __call__(self, estimator, X, y=None, sample_domain=None):
        """Score as :meth:`score` does."""
        return self.score(estimator, X, y, sample_domain)

    def score(self, estimator, X, y=None, sample_domain=None):
        """Score a fitted estimator; searches call it through the scorer itself.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator.

        X : array-like of shape (n_samples, ...)
            Rows of source and target.

        y : array-like of shape (n_samples,), default=None
            Labels. Those of target rows are not looked at, but for their mask if
            `sample_domain` is None.

        sample_domain : array-like of shape (n_samples,), default=None
            Domains: 0 and above for sources, below 0 for targets. None makes rows
            without a label (-1 among integers, NaN among floating numbers, None among
            objects) the target and all others the source.

        Returns
        -------
        score : float
            The score; greater is better.

        Raises
        ------
        TypeError
            If the estimator lacks a method that the scorer needs.
        ValueError
            If there are no rows of the target or, where needed, of the source.
        """
        validate_parameter_constraints(
            self._parameter_constraints,
            self._get_parameters(),
            caller_name=type(self).__name__,
        )
        self._check_estimator(estimator)
        return float(self._score(estimator, self._read(estimator, X, y, sample_domain)))

    def __repr__(self):
        values = [f"{name}={value!r}" for name, value in self._get_parameters().items()]
        return f"{type(self).__name__}({', '.join(values)})"

    def _get_parameters(self):
        names = signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def _accept_sample_weight(self):
        """Tell searches that weights of rows are not for this scorer."""
        return False

    def _check_estimator(self, estimator):
        """Refuse an estimator that cannot be scored."""

    def _read(self, estimator, X, y, sample_domain):
        """Return the rows by domain."""
        name, n_rows = type(self).__name__, num_samples(X)
        labels = None if y is None else column_or_1d(y)
        if labels is not None and len(labels) != n_rows:
            raise ValueError(
                f"{name} expects a label for each of the {n_rows} rows of X, got "
                f"{len(labels)}."
            )
        masked = None
        if labels is not None:
            masked = _find_masked(estimator, labels, sample_domain)
        if sample_domain is not None:
            domains = check_domains(name, sample_domain, n_rows)
        elif masked is not None:
            domains = np.where(masked, -1, 0)
        else:
            raise ValueError(
                f"{name} expects sample_domain, or y with masked labels for target "
                f"rows (-1, NaN or None), to know source and target; got neither."
            )
        is_source = domains >= 0
        self._check_domains(is_source)
        source, target = np.flatnonzero(is_source), np.flatnonzero(~is_source)
        y_source = None
        if self._needs_source:
            y_source = self._read_source_labels(estimator, labels, masked, source)
        return ScoredRows(
            X,
            domains,
            is_source,
            safe_indexing(X, source),
            y_source,
            safe_indexing(X, target),
        )

    def _check_domains(self, is_source):
        name = type(self).__name__
        if is_source.all():
            missing, how = "target", "below 0, or a masked label"
        elif self._needs_source and not is_source.any():
            missing, how = "source", "of 0 or above, or a label"
        else:
            return
        raise ValueError(
            f"{name} expects rows of the {missing} (with a domain {how}) among those "
            f"that it scores, got none. In a search, use a splitter that keeps source "
            f"and target in its test folds, such as cv=list(StratifiedKFold(shuffle="
            f"True).split(X, sample_domain)), and either mask the labels of the target "
            f"or pass sample_domain with metadata routing on."
        )

    def _read_source_labels(self, estimator, labels, masked, source):
        name = type(self).__name__
        if labels is None:
            raise ValueError(
                f"{name} requires y to be passed, with the labels of the source rows, "
                f"but the target y is None."
            )
        if masked[source].any():
            row = int(source[masked[source]][0])
            way_out = "" if is_regressor(estimator) else CLASS_OF_MINUS_ONE
            raise ValueError(
                f"{name} expects a label for each row of a source domain, got "
                f"y[{row}]={labels[row]!r}, which marks target rows without a label."
                f"{way_out}"
            )
        labels = labels[source]
        # What is left without None need not be objects.
        return np.array(labels.tolist()) if labels.dtype.kind == "O" else labels


def _find_masked(estimator, labels, sample_domain):
    """Return which labels are none."""
    numeric = is_regressor(estimator)
    # Without domains the classes may be -1 and 1. The estimator knows: a fold may well
    # have rows of one class and rows without a label.
    if sample_domain is None and any(
        known == -1 for known in getattr(estimator, "classes_", ())
    ):
        return is_masked_alone(labels, numeric=numeric)
    return is_masked(labels, numeric=numeric)


def check_has_attribute(scorer, estimator, attribute, way_out):
    """Refuse an estimator without a method or attribute.

    Parameters
    ----------
    scorer : BaseDomainScorer
        Who needs it, for errors.
    estimator : estimator
        What is scored.
    attribute : str
        Its name.
    way_out : str
        A sentence that says what to do.
    """
    if not hasattr(estimator, attribute):
        raise TypeError(
            f"{type(scorer).__name__} expects an estimator with {attribute}, got "
            f"{type(estimator).__name__}. {way_out}"
        )


def find_scorer(scoring, estimator):
    """Return a scorer for predictions.

    Parameters
    ----------
    scoring : str, callable or None
        What the user asks for.
    estimator : estimator
        What is scored; it decides what None is.

    Returns
    -------
    scorer : callable
        The scorer.
    """
    if scoring is None:
        # Not every pipeline of other libraries says that it is a classifier.
        scoring = "r2" if is_regressor(estimator) else "accuracy"
    return get_scorer(scoring)


def flatten_rows(X):
    """Return rows as vectors if they are arrays of more than one dimension.

    Parameters
    ----------
    X : array-like of shape (n_rows, ...)
        Rows.

    Returns
    -------
    X : array-like of shape (n_rows, n_features)
        The rows; whatever is no array of more dimensions is as it was.
    """
    if getattr(X, "ndim", 0) > 2:
        return np.asarray(X).reshape(len(X), -1)
    return X


def find_features(estimator, X, sample_domain=None, *, transforms=False):
    """Return what an estimator makes of rows before it predicts.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator. In a pipeline, features are those of the last step that
        has `predict_features` or, without one, what the last step is given.
    X : array-like of shape (n_rows, ...)
        Rows.
    sample_domain : array-like of shape (n_rows,), default=None
        Their domains; None treats all rows as target.
    transforms : bool, default=False
        Whether what the last step makes by `transform` are features, too.

    Returns
    -------
    features : array-like of shape (n_rows, ...)
        The features; X itself if the estimator has none.
    """
    steps = _list_steps(estimator)
    able = [k for k, step in enumerate(steps) if hasattr(step, "predict_features")]
    last = able[-1] if able else len(steps) - 1
    X = _transform(steps[:last], X, sample_domain)
    if able:
        return _apply(steps[last].predict_features, X, sample_domain)
    if transforms and hasattr(steps[last], "transform"):
        return _apply(steps[last].transform, X, sample_domain)
    return X


def predict_by_domain(estimator, method, X, sample_domain):
    """Return predictions for rows of which the domains are known.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator. Steps of a pipeline that take domains get them, whether
        metadata is routed or not.
    method : str
        The name of the method that predicts.
    X : array-like of shape (n_rows, ...)
        Rows.
    sample_domain : array-like of shape (n_rows,)
        Their domains.

    Returns
    -------
    predictions : ndarray of shape (n_rows, ...)
        What the method returns.
    """
    *first, last = _list_steps(estimator)
    X = _transform(first, X, sample_domain)
    return np.asarray(_apply(getattr(last, method), X, sample_domain))


def _list_steps(estimator):
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps]
    return [step for step in steps if step not in (None, "passthrough")]


def _transform(steps, X, sample_domain):
    for step in steps:
        X = _apply(step.transform, X, sample_domain)
    return X


def _apply(method, X, sample_domain):
    if sample_domain is not None and "sample_domain" in signature(method).parameters:
        return method(X, sample_domain=sample_domain)
    return method(X)


def density_ratio(scorer, features, is_source):
    """Return how much more likely source rows are in the target than in the source.

    A classifier tells source from target; its odds, times the ratio of the numbers of
    rows, are the ratio of the densities. Probabilities are for rows outside of the
    folds that it has learned from.

    Parameters
    ----------
    scorer : BaseDomainScorer
        Its `domain_classifier` and `random_state` are used.
    features : array-like of shape (n_rows, ...)
        Features of source and target.
    is_source : ndarray of shape (n_rows,), dtype bool
        Which rows are of a source.

    Returns
    -------
    ratio : ndarray of shape (n_source,)
        The ratio for each source row.
    """
    n_source = int(is_source.sum())
    n_target = len(is_source) - n_source
    if min(n_source, n_target) < 2:
        raise ValueError(
            f"{type(scorer).__name__} expects at least two rows of the source and two "
            f"of the target, to tell them apart by cross-validation, got {n_source} "
            f"and {n_target}."
        )
    features = flatten_rows(features)
    if scorer.domain_classifier is None:
        features = _as_numbers(scorer, features)
    folds = StratifiedKFold(
        min(_N_FOLDS, n_source, n_target),
        shuffle=True,
        random_state=check_random_state(scorer.random_state).randint(_N_SEEDS),
    )
    is_target = (~is_source).astype(int)
    probabilities = [
        cross_val_predict(
            classifier, features, is_target, cv=folds, method="predict_proba"
        )[:, 1].astype(np.float64)
        for classifier in _list_classifiers(scorer, features)
    ]
    # Odds are to be used, so probabilities have to be right, not classes.
    losses = [log_loss(is_target, candidate) for candidate in probabilities]
    probability = probabilities[int(np.argmin(losses))][is_source]
    # Neither weight may be infinite, nor all of them 0.
    tiny = np.finfo(np.float64).eps
    probability = np.clip(probability, tiny, 1 - tiny)
    return probability / (1 - probability) * n_source / n_target


def _as_numbers(scorer, features):
    """Return features as the default domain classifiers can read them."""
    try:
        return check_array(features, accept_sparse=["csr", "csc"])
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{type(scorer).__name__} tells source from target by features that are an "
            f"array of finite numbers, got other rows ({type(features).__name__}). "
            f"Pass a `domain_classifier` that reads them, such as a pipeline, or score "
            f"with DeepEmbeddedValidationScorer an estimator that has "
            f"`predict_features`."
        ) from error


def _list_classifiers(scorer, features):
    """Return the domain classifiers, of which the best is taken."""
    if scorer.domain_classifier is not None:
        return [scorer.domain_classifier]
    with_mean = not sparse.issparse(features)
    return [
        make_pipeline(
            StandardScaler(with_mean=with_mean), LogisticRegression(C=C, max_iter=1000)
        )
        for C in _PENALTIES
    ]
