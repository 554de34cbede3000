"""The losses of gradient boosting: constants to begin with, means, links.

Gradients of the losses that have a name are computed by the engine. The values here
come from scikit-learn's losses, or from an object that the user gave.
"""

import numpy as np
from scipy.special import expit, softmax

from sklearn_dl._trees._gradients import LossCode, is_searched, quantile_of
from sklearn_dl.utils._sklearn import (
    AbsoluteError,
    ExponentialLoss,
    HalfBinomialLoss,
    HalfGammaLoss,
    HalfMultinomialLoss,
    HalfPoissonLoss,
    HalfSquaredError,
    HuberLoss,
    PinballLoss,
)

# Constructor of the reference, and what the engine calls the loss.
_REGRESSION = {
    "squared_error": (HalfSquaredError, LossCode.SQUARED),
    "absolute_error": (AbsoluteError, LossCode.ABSOLUTE),
    "poisson": (HalfPoissonLoss, LossCode.POISSON),
    "gamma": (HalfGammaLoss, LossCode.GAMMA),
}


class NamedLoss:
    """A loss that the engine knows.

    Parameters
    ----------
    reference : sklearn._loss.loss.BaseLoss
        scikit-learn's loss of the same name.
    code : LossCode
        What the engine calls it.
    parameter : float, default=0.0
        The quantile of the quantile loss or of Huber's.
    """

    def __init__(self, reference, code, parameter=0.0):
        self.reference = reference
        self.code = code
        self.parameter = parameter

    def initial(self, y, sample_weight, n_outputs):
        """Return the best constant, of shape (n_outputs,)."""
        if is_searched(self.code):
            weights = np.empty(0) if sample_weight is None else sample_weight
            q = self.parameter if self.code == LossCode.QUANTILE else 0.5
            value = quantile_of(y.copy(), weights, q)
            if self.code == LossCode.HUBER:
                # Rounds have a delta each; means are compared by that of the start.
                self.reference.closs.delta = max(
                    quantile_of(np.abs(y - value), weights, self.parameter), 1e-300
                )
        else:
            value = self.reference.fit_intercept_only(y, sample_weight)
        return np.full(n_outputs, value, dtype=np.float64)

    def mean(self, y, raw, sample_weight):
        """Return the mean loss."""
        raw = np.ascontiguousarray(raw[:, 0] if raw.shape[1] == 1 else raw)
        return self.reference(y_true=y, raw_prediction=raw, sample_weight=sample_weight)

    def respond(self, raw):
        """Return predictions of a regressor."""
        return self.reference.link.inverse(raw[:, 0])

    def probabilities(self, raw):
        """Return probabilities of the classes."""
        if raw.shape[1] > 1:
            return self.reference.predict_proba(np.ascontiguousarray(raw))
        return self.reference.predict_proba(np.ascontiguousarray(raw[:, 0]))


class GivenLoss:
    """A loss that the user gave.

    Parameters
    ----------
    loss : object
        With a method ``gradient_hessian(y, raw)``.
    owner : str
        The estimator, for errors.
    """

    code = LossCode.OTHER
    parameter = 0.0

    def __init__(self, loss, owner):
        self.loss = loss
        self.owner = owner

    def initial(self, y, sample_weight, n_outputs):
        """Return what the loss says, or zeros."""
        if not hasattr(self.loss, "initial_value"):
            return np.zeros(n_outputs)
        weight = None if sample_weight is None else sample_weight.copy()
        value = np.atleast_1d(self.loss.initial_value(y.copy(), weight))
        return np.broadcast_to(value, n_outputs).astype(np.float64)

    def mean(self, y, raw, sample_weight):
        """Return the mean loss."""
        if not hasattr(self.loss, "loss"):
            raise ValueError(
                f"Early stopping of {self.owner} by scoring='loss' needs a method "
                f"loss(y, raw) of the given loss; {self.loss!r} has none. Choose "
                "another scoring, or early_stopping=False."
            )
        # The user's code may write where it likes.
        raw = raw[:, 0] if raw.shape[1] == 1 else raw
        values = self.loss.loss(y.copy(), raw.copy())
        return float(np.average(values, weights=sample_weight))

    def derive(self, target):
        """Write gradients and Hessians of all rows."""
        raw = target.raw.T
        raw = raw[:, 0] if raw.shape[1] == 1 else raw
        pair = self.loss.gradient_hessian(target.y.copy(), raw.copy())
        for name, out, values in zip(
            ("gradient", "Hessian"), (target.gradients, target.hessians), pair,
            strict=True,
        ):  # fmt: skip
            values = np.asarray(values, dtype=np.float64)
            if values.shape != raw.shape:
                raise ValueError(
                    f"The {name} that loss={self.loss!r} of {self.owner} returns has "
                    f"shape {values.shape}; expected is that of raw, {raw.shape}."
                )
            out[:] = values.T
            if target.sample_weight.size:
                out *= target.sample_weight
        if np.any(target.hessians < 0):
            raise ValueError(
                f"The Hessian that loss={self.loss!r} of {self.owner} returns has "
                "negative values; use an upper bound, or 1."
            )

    def respond(self, raw):
        """Return predictions of a regressor."""
        if hasattr(self.loss, "inverse_link"):
            return np.asarray(self.loss.inverse_link(raw[:, 0].copy()))
        return raw[:, 0].copy()

    def probabilities(self, raw):
        """Return probabilities of the classes."""
        if raw.shape[1] > 1:
            if hasattr(self.loss, "inverse_link"):
                return np.asarray(self.loss.inverse_link(raw.copy()))
            return softmax(raw, axis=1)
        link = getattr(self.loss, "inverse_link", expit)
        positive = np.asarray(link(raw[:, 0].copy()))
        return np.column_stack([1 - positive, positive])


def regression_loss(loss, quantile, alpha, owner):
    """Return the loss of a regressor.

    Parameters
    ----------
    loss : str or object
        Its name, or a loss of the user's.
    quantile : float or None
        Of the quantile loss.
    alpha : float
        The quantile of absolute residuals that is Huber's delta.
    owner : str
        The estimator, for errors.

    Returns
    -------
    loss : NamedLoss or GivenLoss
        The loss.
    """
    if not isinstance(loss, str):
        return GivenLoss(loss, owner)
    if loss == "quantile":
        return NamedLoss(PinballLoss(quantile=quantile), LossCode.QUANTILE, quantile)
    if loss == "huber":
        return NamedLoss(HuberLoss(), LossCode.HUBER, alpha)
    reference, code = _REGRESSION[loss]
    return NamedLoss(reference(), code)


def classification_loss(loss, n_classes, owner):
    """Return the loss of a classifier.

    Parameters
    ----------
    loss : str or object
        Its name, or a loss of the user's.
    n_classes : int
        The number of classes.
    owner : str
        The estimator, for errors.

    Returns
    -------
    loss : NamedLoss or GivenLoss
        The loss.

    Raises
    ------
    ValueError
        If the loss is for two classes and there are more.
    """
    if not isinstance(loss, str):
        return GivenLoss(loss, owner)
    if loss == "exponential":
        if n_classes > 2:
            raise ValueError(
                "Only binary classification is supported by loss='exponential' of "
                f"{owner}; y has {n_classes} classes. Use loss='log_loss'."
            )
        return NamedLoss(ExponentialLoss(), LossCode.EXPONENTIAL)
    if n_classes <= 2:
        return NamedLoss(HalfBinomialLoss(), LossCode.LOGISTIC)
    return NamedLoss(HalfMultinomialLoss(n_classes=n_classes), LossCode.SOFTMAX)
