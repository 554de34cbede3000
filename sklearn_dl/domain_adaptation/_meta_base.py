"""What the estimators have in common that train another one on chosen rows."""

from copy import deepcopy

from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import get_tags, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sklearn_dl.domain_adaptation._domains import DomainAwareMixin, check_domains
from sklearn_dl.utils._sklearn import num_samples, safe_indexing

__all__ = ["DomainMetaMixin"]


def _estimator_has(name):
    """Say whether the inner estimator has a method, else let its own error tell."""

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class DomainMetaMixin(DomainAwareMixin, MetaEstimatorMixin):
    """Methods of estimators that predict with a clone of `estimator`."""

    def _fit_on(self, X, y, rows, sample_weight):
        """Fit a clone on the rows at some positions, with their weights or with None.

        What knows the names of the features, or the classes, says so afterwards.
        """
        fit_params = {}
        if sample_weight is not None:
            self._check_takes_weights()
            fit_params["sample_weight"] = sample_weight[rows]
        (X,) = indexable(X)
        self.estimator_ = clone(self.estimator)
        self.estimator_.fit(safe_indexing(X, rows), y[rows], **fit_params)
        for name in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
            elif hasattr(self, name):
                delattr(self, name)

    def _check_takes_weights(self):
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"The 'estimator' parameter of {type(self).__name__} must take "
                f"sample_weight in fit for weights to count, got {self.estimator!r}, "
                f"which does not."
            )

    def _check_predicted(self, X, sample_domain):
        check_is_fitted(self)
        if sample_domain is not None:
            check_domains(type(self).__name__, sample_domain, num_samples(X))

    @available_if(_estimator_has("predict"))
    def predict(self, X, sample_domain=None):
        """Predict with the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, which makes no difference here.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The predictions.
        """
        self._check_predicted(X, sample_domain)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X, sample_domain=None):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, which makes no difference here.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        self._check_predicted(X, sample_domain)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X, sample_domain=None):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, which makes no difference here.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        self._check_predicted(X, sample_domain)
        return self.estimator_.predict_log_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X, sample_domain=None):
        """Return how sure the fitted estimator is of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, which makes no difference here.

        Returns
        -------
        decisions : ndarray of shape (n_samples,) or (n_samples, n_classes)
            What the fitted estimator returns.
        """
        self._check_predicted(X, sample_domain)
        return self.estimator_.decision_function(X)

    @available_if(_estimator_has("score"))
    def score(self, X, y, sample_domain=None, sample_weight=None):
        """Return the score of the fitted estimator on all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            The true labels or targets. A mask counts as a label like another.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, which makes no difference here.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Mean accuracy of a classifier, the coefficient R2 of a regressor.
        """
        self._check_predicted(X, sample_domain)
        if sample_weight is None:
            return self.estimator_.score(X, y)
        return self.estimator_.score(X, y, sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.target_tags.required = True
        tags.target_tags.multi_output = False
        return tags
