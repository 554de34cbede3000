"""Covariate shift: estimators that learn from source rows by their importance."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import get_tags, indexable

from sklearn_dl.domain_adaptation._domains import check_domain_weights, read_domains
from sklearn_dl.domain_adaptation._importance import (
    discriminator_weights,
    kliep_weights,
    kmm_weights,
)
from sklearn_dl.domain_adaptation._meta_base import DomainMetaMixin
from sklearn_dl.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    safe_indexing,
)

__all__ = ["ImportanceWeightedClassifier", "ImportanceWeightedRegressor"]


class ImportanceWeightedMixin(DomainMetaMixin):
    """What the estimators share that weigh source rows by their importance."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "method": [StrOptions({"discriminator", "kmm", "kliep"}), callable],
        "gamma": [None, Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    # The estimator validates its own parameters.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Weigh the source rows, and fit a clone of the estimator on them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of source and target.

        y : array-like of shape (n_samples,)
            Labels or targets, of which those of the source are used. Rows of the target
            without one have -1 (integers of a classification), NaN (floats) or None
            (objects).

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row: 0 and above are sources, below are targets. With
            None the rows without a label are the target. Without such rows, too, all
            weigh the same.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Those of the source multiply `weights_`;
            of the target it counts only whether they are 0.

        Returns
        -------
        self : ImportanceWeightedMixin
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no source or no target, or if `estimator` takes no weights.
        """
        self._check_kind()
        self._check_takes_weights()
        y, domains = read_domains(
            self, X, y, sample_domain, numeric=isinstance(self, RegressorMixin)
        )
        if sample_domain is not None and not domains.has_target:
            raise ValueError(
                f"{type(self).__name__} expects rows of a target domain, got none: "
                f"sample_domain is 0 or above for all rows. Without sample_domain all "
                f"rows are of one domain and weigh the same."
            )
        in_domains = {"source": domains.is_source, "target": ~domains.is_source}
        weight = check_domain_weights(self, X, sample_weight, in_domains)
        source, target = (np.flatnonzero(rows) for rows in in_domains.values())
        self.weights_ = self._weigh(X, source, target, weight)
        total = weight.copy()
        total[source] *= self.weights_
        self._fit_on(X, y, source, total)
        return self

    def _check_kind(self):
        kind = "regressor" if isinstance(self, RegressorMixin) else "classifier"
        if get_tags(self.estimator).estimator_type != kind:
            raise TypeError(
                f"The 'estimator' parameter of {type(self).__name__} must be a {kind}, "
                f"got {self.estimator!r}."
            )

    def _weigh(self, X, source, target, weight):
        """Return weights of source rows; their mean is 1 where sample_weight is not 0.

        Rows of weight 0 have no say in the weights of the others.
        """
        if not len(target):
            return np.ones(len(source))
        (X,) = indexable(X)
        counts = weight[source] > 0
        X_source = safe_indexing(X, source[counts])
        X_target = safe_indexing(X, target[weight[target] > 0])
        if self.method == "kmm":
            found = kmm_weights(X_source, X_target, gamma=self.gamma)
        elif self.method == "kliep":
            found = kliep_weights(
                X_source, X_target, gamma=self.gamma, random_state=self.random_state
            )
        elif self.method == "discriminator":
            found = discriminator_weights(
                X_source, X_target, random_state=self.random_state
            )
        else:
            found = self._check_weights(self.method(X_source, X_target), counts.sum())
        weights = np.zeros(len(source))
        weights[counts] = found / found.mean()
        return weights

    def _check_weights(self, weights, n_rows):
        """Check what a function of the user's own returned."""
        weights = np.asarray(weights, dtype=np.float64)
        right = weights.shape == (n_rows,) and np.isfinite(weights).all()
        if not (right and (weights >= 0).all() and weights.any()):
            raise ValueError(
                f"The 'method' parameter of {type(self).__name__} must return a finite "
                f"weight of 0 or above for each of the {n_rows} source rows, not all "
                f"of them 0, got {weights} from {self.method!r}."
            )
        return weights

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The estimator may take them, but no weights are found for such rows.
        if not callable(self.method):
            tags.input_tags.allow_nan = False
        return tags


class ImportanceWeightedClassifier(
    ImportanceWeightedMixin, ClassifierMixin, BaseEstimator
):
    """Classifier for covariate shift: source rows count by how likely in the target.

    Where the inputs of the target are others than those of the source, but labels
    depend on inputs in the same way, source rows are weighted by the ratio of the
    target's density to the source's, and any classifier is trained on them.

    Parameters
    ----------
    estimator : estimator
        What is trained. Its `fit` takes ``sample_weight``. It is cloned and not
        changed.

    method : {'discriminator', 'kmm', 'kliep'} or callable, default='discriminator'
        How the weights are found: by :func:`discriminator_weights`,
        :func:`kmm_weights` or :func:`kliep_weights`. A function is called with the rows
        of the source and those of the target, and returns a weight for each of the
        former; with :func:`functools.partial` it may be one of the three with other
        parameters.

    gamma : float, default=None
        Width of the kernel of 'kmm' and 'kliep'. None lets them choose.

    random_state : int, RandomState instance, default=None
        Determines what is drawn at random by 'discriminator' and 'kliep'.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.

    weights_ : ndarray of shape (n_source,)
        The weights of the source rows, without `sample_weight`; their mean is 1.

    classes_ : ndarray of shape (n_classes,)
        The class labels.

    n_features_in_ : int
        Number of features seen in `fit`, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the estimator tells.

    See Also
    --------
    ImportanceWeightedRegressor : The same for regression.
    TrAdaBoostClassifier : Learns from labels of the target which rows count.

    Notes
    -----
    Labels of the target are not used. Several sources count as one, and so do several
    targets. Where the domains hardly overlap few rows have nearly all the weight, and
    a fit without weights may be better.

    References
    ----------
    - H. Shimodaira, "Improving predictive inference under covariate shift by weighting
      the log-likelihood function", Journal of Statistical Planning and Inference 90,
      2000.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import ImportanceWeightedClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (300, 1)), rng.normal(2, 0.5, (300, 1))])
    >>> y = (np.abs(X[:, 0]) > 1.5).astype(int)
    >>> y_masked = np.where(np.arange(600) < 300, y, -1)
    >>> model = ImportanceWeightedClassifier(LogisticRegression(), random_state=0)
    >>> model.fit(X, y_masked).score(X[300:], y[300:]) > 0.8
    True
    """

    def __init__(
        self, estimator, *, method="discriminator", gamma=None, random_state=None
    ):
        self.estimator = estimator
        self.method = method
        self.gamma = gamma
        self.random_state = random_state


class ImportanceWeightedRegressor(
    ImportanceWeightedMixin, RegressorMixin, BaseEstimator
):
    """Regressor for covariate shift: source rows count by how likely in the target.

    Where the inputs of the target are others than those of the source, but outputs
    depend on inputs in the same way, source rows are weighted by the ratio of the
    target's density to the source's, and any regressor is trained on them.

    Parameters
    ----------
    estimator : estimator
        What is trained. Its `fit` takes ``sample_weight``. It is cloned and not
        changed.

    method : {'discriminator', 'kmm', 'kliep'} or callable, default='discriminator'
        How the weights are found: by :func:`discriminator_weights`,
        :func:`kmm_weights` or :func:`kliep_weights`. A function is called with the rows
        of the source and those of the target, and returns a weight for each of the
        former; with :func:`functools.partial` it may be one of the three with other
        parameters.

    gamma : float, default=None
        Width of the kernel of 'kmm' and 'kliep'. None lets them choose.

    random_state : int, RandomState instance, default=None
        Determines what is drawn at random by 'discriminator' and 'kliep'.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.

    weights_ : ndarray of shape (n_source,)
        The weights of the source rows, without `sample_weight`; their mean is 1.

    n_features_in_ : int
        Number of features seen in `fit`, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the estimator tells.

    See Also
    --------
    ImportanceWeightedClassifier : The same for classification.
    TrAdaBoostRegressor : Learns from labels of the target which rows count.

    Notes
    -----
    Outputs of the target are not used. Several sources count as one, and so do several
    targets. Where the domains hardly overlap few rows have nearly all the weight, and
    a fit without weights may be better.

    References
    ----------
    - H. Shimodaira, "Improving predictive inference under covariate shift by weighting
      the log-likelihood function", Journal of Statistical Planning and Inference 90,
      2000.

    Examples
    --------
    A line is fitted to a curve, where the target is:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_dl.domain_adaptation import ImportanceWeightedRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (300, 1)), rng.normal(1, 0.5, (300, 1))])
    >>> y = X[:, 0] ** 2
    >>> y_masked = np.where(np.arange(600) < 300, y, np.nan)
    >>> model = ImportanceWeightedRegressor(LinearRegression(), method="kmm")
    >>> model.fit(X, y_masked).score(X[300:], y[300:]) > 0.7
    True
    >>> LinearRegression().fit(X[:300], y[:300]).score(X[300:], y[300:]) < 0.2
    True
    """

    def __init__(
        self, estimator, *, method="discriminator", gamma=None, random_state=None
    ):
        self.estimator = estimator
        self.method = method
        self.gamma = gamma
        self.random_state = random_state
