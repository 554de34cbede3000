"""How networks for images and sequences are fitted to classes and to numbers."""

from numbers import Real

import numpy as np
from sklearn.base import is_regressor
from sklearn.callback import with_callbacks
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if

from sklearn_dl._skorch import NeuralClassifierMixin, NeuralRegressorMixin
from sklearn_dl.modules import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    HuberError,
    MultiTaskCrossEntropy,
    PinballError,
    PoissonDeviance,
    SquaredError,
)
from sklearn_dl.utils._sklearn import Interval, StrOptions, fit_context

__all__ = [
    "CLASSIFICATION_CONSTRAINTS",
    "REGRESSION_CONSTRAINTS",
    "ClassificationLosses",
    "FitsClassifier",
    "FitsRegressor",
    "RegressionLosses",
    "check_target",
]

CLASSIFICATION_CONSTRAINTS: dict = {
    "loss": [StrOptions({"log_loss", "focal"})],
    "focal_gamma": [Interval(Real, 0, None, closed="left")],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    "class_weight": [None, StrOptions({"balanced"}), dict, list],
}
REGRESSION_CONSTRAINTS: dict = {
    "loss": [
        StrOptions({"squared_error", "absolute_error", "huber", "quantile", "poisson"})
    ],
    "huber_delta": [Interval(Real, 0, None, closed="neither")],
    "quantile": [Interval(Real, 0, 1, closed="neither")],
}


def check_target(estimator, y):
    """Check targets of rows that scikit-learn cannot check along with them.

    Parameters
    ----------
    estimator : estimator
        Whose targets they are.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.

    Returns
    -------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Numbers for regressors, else labels of any type.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is "
            f"None."
        )
    dtype = np.float64 if is_regressor(estimator) else None
    return check_array(
        y, accept_sparse="csr", ensure_2d=False, dtype=dtype, input_name="y"
    )


class ClassificationLosses(NeuralClassifierMixin):
    """The losses of networks for classification."""

    def _make_criterion(self):
        gamma = self.focal_gamma if self.loss == "focal" else 0.0
        options = {"label_smoothing": self.label_smoothing, "focal_gamma": gamma}
        if self._task == "multitask":
            return MultiTaskCrossEntropy([len(c) for c in self.classes_], **options)
        if self._task == "multiclass":
            return CrossEntropy(**options)
        return BinaryCrossEntropy(**options)


class RegressionLosses(NeuralRegressorMixin):
    """The losses of networks for regression."""

    def _encode_target(self, y, reset):
        if self.loss == "poisson" and np.any(np.asarray(y) < 0):
            raise ValueError(
                f"loss='poisson' of {type(self).__name__} expects y >= 0, the smallest "
                f"value of y is {np.min(y)}."
            )
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        return super()._encode_target(y, reset)

    def _make_criterion(self):
        match self.loss:
            case "absolute_error":
                return AbsoluteError()
            case "huber":
                return HuberError(self.huber_delta)
            case "quantile":
                return PinballError(self.quantile)
            case "poisson":
                return PoissonDeviance()
        return SquaredError()


class FitsClassifier(ClassificationLosses):
    """``fit`` and ``partial_fit`` of a classifier whose rows are no table."""

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or list
            The training rows; the class says which shapes they may have.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not what is expected, or if the weights did
            not stay finite.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._has_partial_fit())
    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go once through the given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or list
            The training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        classes : array-like of shape (n_classes,) or list of such, default=None
            All classes that will ever come; the first call needs them. A multi-task
            target needs a list with those of each task.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        with self._announced(y, classes):
            return self._fit(X, y, sample_weight, incremental=True)


class FitsRegressor(RegressionLosses):
    """``fit`` and ``partial_fit`` of a regressor whose rows are no table."""

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or list
            The training rows; the class says which shapes they may have.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not what is expected, or if the weights did
            not stay finite.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._has_partial_fit())
    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None):
        """Go once through the given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or list
            The training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)
