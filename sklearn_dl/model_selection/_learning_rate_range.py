"""The learning-rate range test."""

import warnings
from copy import deepcopy
from itertools import accumulate
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._skorch._range_test import range_test
from sklearn_dl._skorch._unwrap import split_network
from sklearn_dl.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    check_matplotlib_support,
    fit_context,
)

__all__ = ["LearningRateRange"]

# A smoothed loss that fell by a smaller share than this has not shown a good rate.
_SMALLEST_FALL = 0.01


def _moving_average(values, decay):
    """Average exponentially, with the correction of the bias towards 0."""
    sums = accumulate(
        values, lambda total, value: decay * total + (1 - decay) * value, initial=0.0
    )
    return np.array([*sums][1:]) / (1 - decay ** np.arange(1, len(values) + 1))


def _memory(decay):
    """Return the number of steps that a moving average remembers."""
    return round(1 / (1 - decay))


def _lowest(losses, memory):
    """Return where the smoothed loss is lowest, or None if it hardly fell.

    The first steps do not count: averages over a few batches are noise.
    """
    if len(losses) <= memory:
        return None
    lowest = memory + int(np.argmin(losses[memory:]))
    before = np.median(losses[: lowest + 1])
    return lowest if before - losses[lowest] > _SMALLEST_FALL * abs(before) else None


def _steepest(log_rates, losses, lowest, memory):
    """Return where the smoothed loss falls fastest.

    Slopes are taken over as many steps as the average remembers, and only from where
    a tenth of the fall is done: on the plateau before it slopes are noise.
    """
    plateau = np.median(losses[: lowest + 1])
    threshold = plateau - 0.1 * (plateau - losses[lowest])
    start = np.flatnonzero(losses[: lowest + 1] >= threshold)[-1]
    steps = np.arange(start, lowest + 1)
    half = max(memory // 2, 1)
    left, right = np.maximum(steps - half, 0), np.minimum(steps + half, len(losses) - 1)
    slopes = (losses[right] - losses[left]) / (log_rates[right] - log_rates[left])
    return steps[slopes.argmin()]


def _estimator_has(name):
    """Say whether the network has a method, and tell why there is none to call."""

    def check(self):
        if not self.refit:
            raise AttributeError(
                f"{name} of {type(self).__name__} is available with refit=True only."
            )
        getattr(getattr(self, "best_estimator_", self.estimator), name)
        return True

    return check


class LearningRateRange(MetaEstimatorMixin, BaseEstimator):
    """Find the learning rate of a network by a range test, and train with it.

    A network is trained briefly while the learning rate grows geometrically from batch
    to batch [1]_. Where the rate is too low the loss stays where it is, then it falls,
    and in the end it diverges. A rate between the one of the fastest fall and the one
    of the lowest loss is suggested, and the network is trained with it.

    Parameters
    ----------
    estimator : estimator
        A neural estimator with a parameter `learning_rate_init`, or a
        :class:`~sklearn.pipeline.Pipeline` that ends in one. It is cloned and not
        changed.

    min_rate : float, default=1e-7
        The learning rate of the first batch.

    max_rate : float, default=10.0
        The learning rate of the last batch.

    n_steps : int, default=100
        Number of batches. Where an epoch has fewer, the test goes on with the next.

    smoothing : float, default=0.9
        Decay `b` of the moving average of the losses, in [0, 1). It remembers about
        ``1 / (1 - b)`` batches.

    divergence_factor : float, default=4.0
        The test ends early when the smoothed loss is above its lowest value by more
        than this many times the first loss.

    rule : {"middle", "steepest", "minimum"}, default="middle"
        What is suggested:

        - "steepest": the rate at which the smoothed loss falls fastest over the
          logarithm of the rate, which is a cautious choice;
        - "minimum": a tenth of the rate at which the smoothed loss is lowest;
        - "middle": the geometric mean of the rate of the fastest fall and the rate of
          the lowest loss.

    refit : bool, default=True
        Whether to train `best_estimator_` with the suggested rate. Without it there are
        no predictions.

    Attributes
    ----------
    rates_ : ndarray of shape (n_steps_done,)
        The learning rate of each batch.

    losses_ : ndarray of shape (n_steps_done,)
        The loss of each batch before its step, with the penalty.

    smoothed_rates_ : ndarray of shape (n_steps_done,)
        The geometric moving average of the rates, with the weights of
        `smoothed_losses_`. A moving average lags behind; put over this one instead of
        `rates_` it does not.

    smoothed_losses_ : ndarray of shape (n_steps_done,)
        The moving average of the losses: ``V_t / (1 - b^t)`` with
        ``V_t = b V_{t-1} + (1 - b) loss_t``.

    suggested_rate_ : float
        The suggested learning rate.

    best_estimator_ : estimator
        The clone of `estimator` that was trained with the suggested rate. Only with
        `refit=True`.

    classes_ : ndarray of shape (n_classes,) or list of such arrays
        The class labels of a classifier. Only with `refit=True`.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, where X has names that are all
        strings.

    See Also
    --------
    sklearn_dl.inspection.TrainingCurveDisplay : Losses over the epochs of a fit.
    sklearn.model_selection.RandomizedSearchCV : Search over rates by validation.

    Notes
    -----
    The steepest fall is looked for between the end of the plateau, where the smoothed
    loss has done a tenth of its fall, and its lowest point. Slopes are differences over
    ``1 / (1 - smoothing)`` steps.

    If the smoothed loss never falls by a hundredth, the network keeps its own
    `learning_rate_init` and a warning is given.

    The test uses the network's solver, penalty, batches and `random_state`; its
    schedule, its callbacks and its checkpoint wait for the training. It sees what the
    training sees, in a search the training rows of each fold, and no validation rows.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", WACV
       2017, arXiv 1506.01186.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn_dl.model_selection import LearningRateRange
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = make_classification(n_samples=500, random_state=0)
    >>> network = MLPClassifier(learning_rate="cosine", max_iter=30, random_state=0)
    >>> model = LearningRateRange(network).fit(X, y)
    >>> 1e-3 < model.suggested_rate_ < 1e-1
    True
    >>> model.best_estimator_.learning_rate_init == model.suggested_rate_
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"])],
        "min_rate": [Interval(Real, 0, None, closed="neither")],
        "max_rate": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
        "smoothing": [Interval(Real, 0, 1, closed="left")],
        "divergence_factor": [Interval(Real, 0, None, closed="neither")],
        "rule": [StrOptions({"middle", "steepest", "minimum"})],
        "refit": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        *,
        min_rate=1e-7,
        max_rate=10.0,
        n_steps=100,
        smoothing=0.9,
        divergence_factor=4.0,
        rule="middle",
        refit=True,
    ):
        self.estimator = estimator
        self.min_rate = min_rate
        self.max_rate = max_rate
        self.n_steps = n_steps
        self.smoothing = smoothing
        self.divergence_factor = divergence_factor
        self.rule = rule
        self.refit = refit

    # The network's parameters are validated by the network.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Test the rates, and train the network with the suggested one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows, of any kind that `estimator` takes.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for the network; steps in front of it do not get them.

        Returns
        -------
        self : LearningRateRange
            The fitted estimator.

        Raises
        ------
        TypeError
            If `estimator` is no neural estimator with a learning rate.
        ValueError
            If the rates are not in order, or the network has a solver or a schedule
            that does not use `learning_rate_init`.
        """
        if not self.min_rate < self.max_rate:
            raise ValueError(
                f"min_rate of {type(self).__name__} must be below max_rate, got "
                f"{self.min_rate} and {self.max_rate}."
            )
        model = clone(self.estimator)
        front, network = split_network(model, type(self).__name__)
        if "learning_rate_init" not in network.get_params():
            raise TypeError(
                f"The 'estimator' parameter of {type(self).__name__} must have a "
                f"parameter learning_rate_init, {network!r} has none."
            )
        inputs = X if front is None else front.fit_transform(X, y)
        tested = clone(network)
        self._test(tested, inputs, y, sample_weight)
        seen = tested if front is None else front
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(seen, name):
                setattr(self, name, getattr(seen, name))
        if self.refit:
            network.set_params(learning_rate_init=self.suggested_rate_)
            network.fit(inputs, y, sample_weight=sample_weight)
            if front is not None:
                # The steps are fitted copies where the pipeline has a memory.
                model.steps[:-1] = front.steps
            self.best_estimator_ = model
            if hasattr(network, "classes_"):
                self.classes_ = network.classes_
        return self

    def _test(self, network, X, y, sample_weight):
        own_rate = float(network.learning_rate_init)
        unused = {"callbacks", "checkpoint"} & network.get_params().keys()
        network.set_params(**dict.fromkeys(unused))
        rates = np.geomspace(self.min_rate, self.max_rate, self.n_steps)
        losses = range_test(
            network, X, y, sample_weight, rates.tolist(), self._diverged
        )
        self.losses_ = losses
        self.rates_ = rates[: len(losses)]
        self.smoothed_losses_ = _moving_average(losses, self.smoothing)
        log_rates = _moving_average(np.log(self.rates_), self.smoothing)
        self.smoothed_rates_ = np.exp(log_rates)
        memory = _memory(self.smoothing)
        lowest = _lowest(self.smoothed_losses_, memory)
        if lowest is None:
            warnings.warn(
                f"{type(self).__name__}: the loss of {type(network).__name__} does not "
                f"fall at any learning rate from {self.min_rate:g} to "
                f"{self.max_rate:g}. learning_rate_init={own_rate:g} is kept.",
                ConvergenceWarning,
                stacklevel=4,
            )
            self.suggested_rate_ = own_rate
            return
        of_lowest = self.smoothed_rates_[lowest]
        if self.rule == "minimum":
            self.suggested_rate_ = float(of_lowest / 10)
            return
        steepest = _steepest(log_rates, self.smoothed_losses_, lowest, memory)
        of_steepest = self.smoothed_rates_[steepest]
        middle = np.sqrt(of_steepest * of_lowest)
        self.suggested_rate_ = float(middle if self.rule == "middle" else of_steepest)

    def _diverged(self, losses):
        smoothed = _moving_average(losses, self.smoothing)
        rise = smoothed[-1] - smoothed.min()
        return rise > self.divergence_factor * abs(losses[0])

    @available_if(_estimator_has("predict"))
    def predict(self, X):
        """Predict with the network that was trained with the suggested rate.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        check_is_fitted(self)
        return self.best_estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), or list of such arrays
            The columns are in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.best_estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes), or list of such \
                arrays
            The logarithm of ``predict_proba``.
        """
        check_is_fitted(self)
        return self.best_estimator_.predict_log_proba(X)

    @available_if(_estimator_has("score"))
    def score(self, X, y, sample_weight=None):
        """Return the network's score: mean accuracy, or the coefficient R2.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The score.
        """
        check_is_fitted(self)
        return self.best_estimator_.score(X, y, sample_weight=sample_weight)

    def plot(self, ax=None):
        """Draw the losses over the learning rates, with the suggested one.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
            The axes that were drawn on.
        """
        check_is_fitted(self)
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        ax.plot(
            self.rates_, self.losses_, color="0.7", linewidth=1, label="loss of a batch"
        )
        ax.plot(
            self.smoothed_rates_, self.smoothed_losses_, color="C0", label="smoothed"
        )
        ax.axvline(
            self.suggested_rate_,
            color="C1",
            linestyle="--",
            label=f"suggested: {self.suggested_rate_:.2g}",
        )
        # The divergence at the end would flatten what matters.
        lowest, plateau = self.losses_.min(), np.median(self.smoothed_losses_)
        room = max(plateau - lowest, np.finfo(float).tiny)
        ax.set(
            xscale="log",
            xlabel="Learning rate",
            ylabel="Training loss",
            ylim=(lowest - 0.1 * room, plateau + room),
        )
        ax.legend()
        return ax

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.target_tags = deepcopy(inner.target_tags)
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.input_tags = deepcopy(inner.input_tags)
        return tags
