"""Fits and predictions of networks that adapt, for classes and for numbers."""

from sklearn.callback import with_callbacks

from sklearn_dl._skorch import NeuralClassifierMixin, NeuralRegressorMixin
from sklearn_dl.domain_adaptation._deep_base import RowFacts
from sklearn_dl.modules import BinaryCrossEntropy, CrossEntropy, SquaredError
from sklearn_dl.utils._sklearn import fit_context

__all__ = ["AdaptedClassifierMixin", "AdaptedRegressorMixin"]


class AdaptedClassifierMixin(NeuralClassifierMixin):
    """Classification: the source has labels, those of the target are not used."""

    def _make_criterion(self):
        return CrossEntropy() if self._task == "multiclass" else BinaryCrossEntropy()

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the network to the labels of the source and the rows of the target.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of all domains; with a `body`, as it takes them.

        y : array-like of shape (n_samples,)
            The class labels. Those of target rows are not used; they may be masked, by
            -1 among integers, NaN among floats and None among objects.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row: sources are 0 and above, targets below 0. With
            None, rows without a label are the target. Without such rows either, this
            is a network without adaptation.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no source or no target, if a source row has no label, or if a
            class of the target is not in the source.
        """
        facts = RowFacts(sample_domain, sample_weight)
        return self._fit(X, y, facts, incremental=False)

    def predict(self, X, sample_domain=None):
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. The prediction does not depend on them.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The labels.
        """
        self._check_given_domains(X, sample_domain)
        return super().predict(X)

    def predict_proba(self, X, sample_domain=None):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. The prediction does not depend on them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        self._check_given_domains(X, sample_domain)
        return super().predict_proba(X)

    def predict_log_proba(self, X, sample_domain=None):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. The prediction does not depend on them.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        self._check_given_domains(X, sample_domain)
        return super().predict_log_proba(X)

    def score(self, X, y, sample_domain=None, sample_weight=None):
        """Return the accuracy.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their labels.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. All rows count, of whichever domain.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        accuracy : float
            The share that is predicted right.
        """
        self._check_given_domains(X, sample_domain)
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


class AdaptedRegressorMixin(NeuralRegressorMixin):
    """Regression: the source has targets, those of the target domain are not used."""

    def _make_criterion(self):
        return SquaredError()

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the network to the values of the source and the rows of the target.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of all domains; with a `body`, as it takes them.

        y : array-like of shape (n_samples,)
            The values. Those of target rows are not used; they may be masked, by NaN.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row: sources are 0 and above, targets below 0. With
            None, rows without a value are the target. Without such rows either, this
            is a network without adaptation.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no source or no target, or if a source row has no value.
        """
        facts = RowFacts(sample_domain, sample_weight)
        return self._fit(X, y, facts, incremental=False)

    def predict(self, X, sample_domain=None):
        """Predict the values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. The prediction does not depend on them.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The predictions.
        """
        self._check_given_domains(X, sample_domain)
        return super().predict(X)

    def score(self, X, y, sample_domain=None, sample_weight=None):
        """Return the coefficient of determination, R squared.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their values.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains. All rows count, of whichever domain.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            R squared of the predictions.
        """
        self._check_given_domains(X, sample_domain)
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags
