"""What the TrAdaBoost estimators share: their rows, their weights and their rounds."""

import warnings
from abc import abstractmethod
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_dl._trees._flat import FlatTrees, weighted_medians
from sklearn_dl._trees._weak_learner import WeakLearnerMixin
from sklearn_dl.domain_adaptation._domains import (
    DomainAwareMixin,
    check_domain_weights,
    check_domains,
    is_masked,
    read_domains,
)
from sklearn_dl.utils._kernel import own
from sklearn_dl.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    num_samples,
    safe_indexing,
)
from sklearn_dl.utils._tasks import RoundTasks

__all__ = [
    "LEAST_SHARE",
    "BaseTrAdaBoost",
    "BaseWeighted",
    "MedianRegressorMixin",
    "TrainingRows",
    "TransferRounds",
    "shares_of_logs",
]

# Weak learners get no share of the weight below this, as in AdaBoost.
LEAST_SHARE = np.finfo(np.float64).eps
# Weights that are positive stay so beside far larger ones.
_LEAST_WEIGHT = np.finfo(np.float64).tiny
# An error as close to that of chance is that of chance; a smaller one than the other
# is as good as none.
_CHANCE = 1e-12
_LEAST_ERROR = 1e-10


class TrainingRows(NamedTuple):
    """The rows that are learned from: they have a label and a weight.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_used, ...)
        The rows.
    y : ndarray of shape (n_used,)
        Their targets.
    weights : ndarray of shape (n_used,)
        Their weights, not normalised.
    ids : ndarray of shape (n_used,)
        Their domains.
    is_source : ndarray of shape (n_used,), dtype bool
        Whether they are from a source. Where nothing is transferred, none are.
    used : ndarray of shape (n_used,)
        Their numbers among all rows.
    n_rows : int
        How many rows there are in all.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    ids: np.ndarray
    is_source: np.ndarray
    used: np.ndarray
    n_rows: int

    @property
    def scaled_weights(self):
        """The weights in units of the largest, so that none of their sums overflows."""
        return np.maximum(self.weights / self.weights.max(), _LEAST_WEIGHT)

    @property
    def transfers(self):
        """Whether there is a source that is not the target itself."""
        return bool(self.is_source.any())

    def spread(self, values):
        """Return values of these rows for all rows, 0 for the others."""
        spread = np.zeros(self.n_rows)
        spread[self.used] = values
        return spread


class BaseWeighted(
    DomainAwareMixin, WeakLearnerMixin, CallbackSupportMixin, BaseEstimator
):
    """Base class of ensembles of weak learners with weights of source rows."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "max_bins": [None, Interval(Integral, 2, 255, closed="both")],
        "store_weights": ["boolean"],
        "random_state": ["random_state"],
    }

    # -- input -------------------------------------------------------------------------

    def _read(self, X, y, sample_domain, sample_weight, *, numeric=False):
        """Check what fit was given; return the rows to learn from, and all labels."""
        if self.estimator is not None and not self._draws_rows():
            name = type(self).__name__
            self._check_takes_weights(
                f" Transformers go in front of {name} in a Pipeline; estimator=None "
                f"takes trees."
            )
        y, domains = read_domains(self, X, y, sample_domain, numeric=numeric)
        X = self._validate(X, reset=True)
        transfers = sample_domain is not None or domains.has_target
        on_target = ~domains.is_source & domains.is_labelled
        groups = {"source": domains.is_source}
        if transfers:
            self._check_target(on_target)
            groups["labelled target"] = on_target
        weight = check_domain_weights(self, X, sample_weight, groups)
        is_source = domains.is_source & transfers
        self._source_rows = np.flatnonzero(is_source)
        self._target_rows = np.flatnonzero(domains.is_labelled & ~is_source)
        used = np.flatnonzero(domains.is_labelled & (weight > 0))
        rows = TrainingRows(
            X if len(used) == len(y) else safe_indexing(X, used),
            y[used],
            weight[used],
            domains.ids[used],
            is_source[used],
            used,
            len(y),
        )
        return rows, y[domains.is_labelled]

    def _draws_rows(self):
        """Return whether weak learners get rows that were drawn by their weights."""
        return getattr(self, "bootstrap", False)

    def _check_target(self, on_target):
        """Refuse a target without a label."""
        if not on_target.any():
            raise ValueError(
                f"{type(self).__name__} expects some rows of the target domain with a "
                f"label, got none. Mark rows of the target by a sample_domain below 0 "
                f"and give some of them a label; without any, leave out sample_domain "
                f"and the rows that have no label (this is AdaBoost then), or use a "
                f"method that needs no label of the target, as DANNClassifier."
            )

    def _unit(self, rows):
        """Return the sum of the weights that weak learners get."""
        # Draws and AdaBoost have shares. Else the mean is 1, so that penalties mean
        # what they mean without weights.
        shares = self._draws_rows() or not rows.transfers
        return 1 if shares else len(rows.y)

    def _validate(self, X, *, reset=False):
        """Check rows."""
        # What does not fit in single precision is infinite, and refused.
        with np.errstate(over="ignore"):
            return validate_data(self, X, reset=reset, **self._options())

    def _asked(self, X, sample_domain=None):
        """Check rows to predict. Whatever their domain is, none is left out."""
        check_is_fitted(self)
        if sample_domain is not None:
            check_domains(type(self).__name__, sample_domain, num_samples(X))
        return self._validate(X)

    def _check_scored(self, y):
        """Refuse labels to score that are none."""
        y, classes = np.asarray(y), getattr(self, "classes_", None)
        if y.dtype.kind == "i" and classes is not None and (classes == -1).any():
            return
        masked = is_masked(y, numeric=classes is None)
        if masked.any():
            raise ValueError(
                f"{type(self).__name__} can score only rows that have a label, got "
                f"{int(masked.sum())} of {len(y)} rows whose y marks them as having "
                f"no label. Leave these rows out of X and y."
            )

    # -- what was learned --------------------------------------------------------------

    @property
    def source_weights_(self):
        """The columns of `sample_weights_` of the source rows."""
        return self._weights_of(self._source_rows)

    @property
    def target_weights_(self):
        """The columns of `sample_weights_` of the target rows with a label."""
        return self._weights_of(self._target_rows)

    def _weights_of(self, rows):
        return None if self.sample_weights_ is None else self.sample_weights_[:, rows]

    def _importance_weights(self):
        return self._vote_weights(self.n_estimators_)

    def _first_voter(self, n_rounds):
        """Return the first of some rounds that votes."""
        return 0

    def _vote_weights(self, n_rounds):
        """Return the weights in the vote after some rounds, 0 for who has none."""
        first = self._first_voter(n_rounds)
        weights = np.zeros(n_rounds)
        voters = self.estimator_weights_[first:n_rounds]
        # Those that are no better than chance are better than nothing.
        weights[first:] = voters if voters.any() else 1.0
        return weights

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class BaseTrAdaBoost(BaseWeighted):
    """Base class of TrAdaBoost for classification and for regression."""

    _parameter_constraints: dict = {
        **BaseWeighted._parameter_constraints,
        "init": [StrOptions({"balanced", "uniform"})],
        "dynamic": ["boolean"],
    }

    @abstractmethod
    def __init__(
        self,
        estimator,
        n_estimators,
        learning_rate,
        init,
        dynamic,
        max_depth,
        max_bins,
        store_weights,
        random_state,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.init = init
        self.dynamic = dynamic
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.store_weights = store_weights
        self.random_state = random_state

    # -- rounds ------------------------------------------------------------------------

    def _run(self, rounds, given):
        """Run the rounds of a fit and record what was learned."""
        self._all_vote = not rounds.rows.transfers
        tasks = RoundTasks(self, *given, self.n_estimators)
        history = [rounds.all_weights()] if self.store_weights else None
        while rounds.goes_on and len(rounds.members) < self.n_estimators:
            tasks.begin_round()
            n_before = len(rounds.members)
            rounds.run_round()
            self._check_first_round(rounds)
            if self.store_weights and len(rounds.members) > n_before:
                history.append(rounds.all_weights())
            if tasks.are_watched:
                # What callbacks see is an estimator that ends here.
                self._record(rounds, history)
            if tasks.end_round():
                break
        self._record(rounds, history)
        tasks.end()
        self._check_rounds(rounds)

    @abstractmethod
    def _check_first_round(self, rounds):
        """Refuse what cannot be boosted at all."""

    def _check_rounds(self, rounds):
        """Warn of weak learners that were no better than chance."""
        if rounds.n_chance == 0:
            return
        name, n_done = type(self).__name__, len(rounds.members)
        if rounds.rows.transfers:
            message = (
                f"In {rounds.n_chance} of the {n_done} rounds of {name} the weak "
                f"learner was no better than chance on the target (an error of at "
                f"least {rounds.chance:.3g}). These have no vote. The source may "
                f"contradict the target, or the weak learner be too simple for both."
            )
        else:
            message = (
                f"{name} stopped after {n_done} of {self.n_estimators} rounds: the "
                f"next weak learner was no better than chance."
            )
        # Behind fit and what is around it stands who called.
        warnings.warn(message, ConvergenceWarning, stacklevel=6)

    def _record(self, rounds, history):
        """Set the attributes of the rounds so far, in arrays that no round changes."""
        self.n_estimators_ = len(rounds.members)
        self._members = rounds.learner.join(rounds.members)
        self.estimator_weights_ = np.array(rounds.alphas)
        self.estimator_errors_ = np.array(rounds.errors)
        self.sample_weights_ = np.array(history) if self.store_weights else None

    def _first_voter(self, n_rounds):
        if self._all_vote:
            return 0
        half, weights = -(-n_rounds // 2) - 1, self.estimator_weights_[:n_rounds]
        # Without a voter in the second half those of the first are asked.
        return 0 if weights.any() and not weights[half:].any() else half

    def staged_score(self, X, y, sample_weight=None):
        """Yield the score after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Yields
        ------
        score : float
            The accuracy of `staged_predict`, or R squared.
        """
        self._check_scored(y)
        for predicted in self.staged_predict(X):
            yield self._score_of(y, predicted, sample_weight)


class MedianRegressorMixin(RegressorMixin):
    """Predictions by the weighted median of the weak learners."""

    def _member_values(self, X, first):
        """Yield what each weak learner from one on predicts, side by side."""
        if not isinstance(self._members, FlatTrees):
            predicted = [member.predict(X) for member in self._members[first:]]
            yield np.ascontiguousarray(np.transpose(predicted), dtype=np.float64)
            return
        for _, part in self._dense_blocks(X):
            yield self._members.values(part, first)

    def predict(self, X, sample_domain=None):
        """Predict the target of each row, as for the target domain.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The weighted median of what the weak learners with a vote predict.
        """
        X = self._asked(X, sample_domain)
        first = self._first_voter(self.n_estimators_)
        weights = own(self._vote_weights(self.n_estimators_)[first:])
        parts = [
            weighted_medians(values, weights, len(weights))
            for values in self._member_values(X, first)
        ]
        return np.concatenate(parts)

    def score(self, X, y, sample_domain=None, sample_weight=None):
        """Return R squared.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their targets.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            R squared of the predictions.
        """
        self._check_scored(y)
        return self._score_of(y, self.predict(X, sample_domain), sample_weight)

    def _score_of(self, y, predicted, sample_weight):
        return r2_score(y, predicted, sample_weight=sample_weight)


class TransferRounds:
    """One fit of TrAdaBoost, or of AdaBoost where nothing is transferred.

    Parameters
    ----------
    learner : object
        Its ``fit`` takes weights and returns a member and what it predicts.
    losses : callable
        Takes what a member predicts; returns the loss of each row, from 0 to 1.
    rows : TrainingRows
        The training rows.
    n_classes : int
        Number of classes; 2 in regression.
    estimator : BaseTrAdaBoost
        Its parameters are looked at.
    restarts : bool
        Whether target rows get their first weights again after a round no better than
        chance.

    Attributes
    ----------
    members, alphas, errors : list
        Weak learners, what they gain by, and their errors on the target.
    chance : float
        The error of who knows nothing.
    n_chance : int
        In how many rounds the weak learner was no better.
    goes_on : bool
        Whether there is another round.
    """

    def __init__(self, learner, losses, rows, n_classes, estimator, restarts):
        self.learner = learner
        self.losses = losses
        self.rows = rows
        self.chance = 1 - 1 / n_classes
        self.log_others = np.log(max(n_classes - 1, 1))
        self.learning_rate = estimator.learning_rate
        self.weights = TransferWeights(
            start_weights(rows, estimator.init),
            rows.is_source,
            estimator.n_estimators,
            estimator.learning_rate,
            estimator.dynamic,
        )
        self.unit = estimator._unit(rows)
        self.restarts = restarts
        self.members, self.alphas, self.errors = [], [], []
        self.n_chance, self.goes_on = 0, True
        # The weak learner of AdaBoost that was no better, and its error.
        self.rejected = None

    def run_round(self):
        """Fit one weak learner."""
        shares = np.maximum(self.weights.shares(), LEAST_SHARE)
        if not self.rows.transfers:
            # AdaBoost goes on from these.
            self.weights.log_target = np.log(shares)
        member, predicted = self.learner.fit(self.unit * shares)
        losses = self.losses(predicted)
        error = self.weights.target_error(losses)
        is_chance = 0 < error >= self.chance - _CHANCE
        self.n_chance += is_chance
        if self.rows.transfers:
            alpha = 0.0 if is_chance else self._gain(max(error, _LEAST_ERROR))
            self.keep(member, alpha, error)
        elif error <= 0:
            self.keep(member, 1.0, 0.0)
            self.goes_on = False
            return
        elif is_chance:
            self.rejected = member, error
            self.goes_on = False
            return
        else:
            alpha = self._gain(error)
            self.keep(member, alpha, error)
        self.weights.update(losses, alpha)
        if is_chance and self.restarts:
            self.weights.restart_target()

    def _gain(self, error):
        """Return by which power of e the weights of target rows grow."""
        odds = np.log1p(-error) - np.log(error)
        return float(self.learning_rate * (odds + self.log_others))

    def keep(self, member, alpha, error):
        """Keep a weak learner."""
        self.members.append(member)
        self.alphas.append(alpha)
        self.errors.append(error)

    def all_weights(self):
        """Return the weights of all rows, 0 for those that are not learned from."""
        return self.rows.spread(self.weights.shares())


class TransferWeights:
    """Weights of source and target rows, as logarithms, so that none underflows.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,)
        Positive weights before the first round.
    is_source : ndarray of shape (n_rows,), dtype bool
        Whether a row is from a source.
    n_rounds : int
        The number of rounds.
    learning_rate : float
        Factor of what source rows lose.
    dynamic : bool
        Whether source rows grow by as much as the target does in all.
    """

    def __init__(self, weights, is_source, n_rounds, learning_rate, dynamic):
        self.log_source = np.log(weights[is_source])
        self.log_target = np.log(weights[~is_source])
        self.log_first_shares = self.log_target - _log_sum(self.log_target)
        self.is_source = is_source
        self.dynamic = dynamic
        n_source = max(int(is_source.sum()), 1)
        self.loss_rate = learning_rate * np.log1p(
            np.sqrt(2 * np.log(n_source) / n_rounds)
        )

    def shares(self):
        """Return the weights of the rows, which add up to 1."""
        logs = np.empty(len(self.is_source))
        logs[self.is_source] = self.log_source
        logs[~self.is_source] = self.log_target
        return shares_of_logs(logs)

    def restart_target(self):
        """Share the weight of the target among its rows as before the first round."""
        self.log_target = self.log_first_shares + _log_sum(self.log_target)

    def target_error(self, losses):
        """Return the weighted mean loss of the target rows."""
        return float(shares_of_logs(self.log_target) @ losses[~self.is_source])

    def update(self, losses, alpha):
        """Let target rows gain and source rows lose by their losses."""
        before = _log_sum(self.log_target)
        self.log_target = self.log_target + alpha * losses[~self.is_source]
        self.log_source = self.log_source - self.loss_rate * losses[self.is_source]
        if self.dynamic:
            self.log_source += _log_sum(self.log_target) - before


def shares_of_logs(logs):
    """Return numbers that add up to 1, of their logarithms."""
    shares = np.exp(logs - logs.max())
    return shares / shares.sum()


def _log_sum(logs):
    """Return the logarithm of a sum, of the logarithms of its terms."""
    return logs.max() + np.log(np.exp(logs - logs.max()).sum())


def start_weights(rows, init):
    """Return the weights before the first round.

    Parameters
    ----------
    rows : TrainingRows
        The training rows.
    init : {"balanced", "uniform"}
        With "balanced" the target has half of the weight, and the sources share the
        other half equally.

    Returns
    -------
    weights : ndarray of shape (n_used,)
        Positive weights that add up to 1.
    """
    if init == "uniform" or not rows.transfers:
        return rows.scaled_weights / rows.scaled_weights.sum()
    # All targets are one.
    group = np.unique(np.where(rows.is_source, rows.ids, -1), return_inverse=True)[1]
    largest = np.zeros(group.max() + 1)
    np.maximum.at(largest, group, rows.weights)
    weights = np.maximum(rows.weights / largest[group], _LEAST_WEIGHT)
    totals = np.bincount(group, weights=weights)
    goals = np.append(0.5, np.full(len(totals) - 1, 0.5 / (len(totals) - 1)))
    return weights * (goals / totals)[group]
