"""Features that look alike in two domains."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.domain_adaptation._dann_classifier import DANNClassifier
from sklearn_dl.domain_adaptation._dann_regressor import DANNRegressor
from sklearn_dl.domain_adaptation._domains import DomainAwareMixin, is_masked
from sklearn_dl.utils._input_names import copy_input_names
from sklearn_dl.utils._sklearn import HasMethods, fit_context, set_random_states

__all__ = ["DANNTransformer"]


class DANNTransformer(
    DomainAwareMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    MetaEstimatorMixin,
    BaseEstimator,
):
    """The features of a domain-adversarial network, for other estimators.

    Read more in the :ref:`User Guide <domain_adaptation>`.

    Parameters
    ----------
    estimator : estimator, default=None
        What learns the features and has a method ``predict_features``:
        :class:`DANNClassifier` or another network of this package. It is cloned. None
        is a :class:`DANNClassifier`, or a :class:`DANNRegressor` where the target is
        continuous.

    random_state : int, RandomState instance, default=None
        Seeds the network. None leaves the `estimator` its own `random_state`.

    Attributes
    ----------
    estimator_ : estimator
        The fitted network.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    DANNClassifier : The network, which predicts by itself.
    DomainSelector : Fits an estimator behind this one to the labelled rows.

    References
    ----------
    - Y. Ganin, E. Ustinova, H. Ajakan, P. Germain, H. Larochelle, F. Laviolette,
      M. Marchand and V. Lempitsky, "Domain-adversarial training of neural networks",
      JMLR 17 (59), 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn_dl.domain_adaptation import DANNClassifier, DANNTransformer
    >>> X, y = make_blobs(100, random_state=0)
    >>> y[50:] = -1
    >>> network = DANNClassifier(hidden_layer_sizes=(20, 5), random_state=0)
    >>> DANNTransformer(network).fit_transform(X, y).shape
    (100, 5)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict_features"]), None],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator=None, *, random_state=None):
        self.estimator = estimator
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of all domains.

        y : array-like of shape (n_samples,)
            The labels of the source; those of the target may be masked.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, see :class:`DANNClassifier`.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : DANNTransformer
            The fitted transformer.
        """
        network = self._new_network(y)
        network.fit(X, y, sample_domain=sample_domain, sample_weight=sample_weight)
        self.estimator_ = network
        copy_input_names(network, self)
        self._n_features_out = network.net_.module_.n_features
        return self

    def _new_network(self, y):
        """Return the network to fit."""
        if self.estimator is not None:
            network = clone(self.estimator)
            if self.random_state is not None:
                set_random_states(network, check_random_state(self.random_state))
            return network
        continuous = False
        if y is not None:
            labels = np.asarray(y)
            known = ~is_masked(labels) if labels.ndim == 1 else slice(None)
            continuous = type_of_target(labels[known]).startswith("continuous")
        kind = DANNRegressor if continuous else DANNClassifier
        return kind(random_state=self.random_state)

    def transform(self, X, sample_domain=None):
        """Compute the features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. The features do not depend on them.

        Returns
        -------
        features : ndarray of shape (n_samples, n_hidden)
            What the heads of the network see.
        """
        check_is_fitted(self)
        return self.estimator_.predict_features(X, sample_domain)

    def fit_transform(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the network and compute the features of the same rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of all domains.

        y : array-like of shape (n_samples,)
            The labels of the source; those of the target may be masked.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        features : ndarray of shape (n_samples, n_hidden)
            What the heads of the network see.
        """
        self.fit(X, y, sample_domain, sample_weight)
        return self.transform(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        network = DANNClassifier() if self.estimator is None else self.estimator
        tags.input_tags = get_tags(network).input_tags
        tags.target_tags.required = True
        return tags
