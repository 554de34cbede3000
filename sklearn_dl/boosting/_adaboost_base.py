"""What AdaBoost for classification and for regression share."""

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import validate_data

from sklearn_dl._trees._flat import FlatTrees
from sklearn_dl._trees._stumps import GOES_ON, NO_BETTER_THAN_CHANCE, OVERFLOW
from sklearn_dl._trees._weak_learner import WeakLearnerMixin
from sklearn_dl.boosting._stages import StagesMixin
from sklearn_dl.utils._sklearn import HasMethods, Interval, safe_indexing
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["BaseAdaBoost", "take_rows"]


class BaseAdaBoost(StagesMixin, WeakLearnerMixin, CallbackSupportMixin, BaseEstimator):
    """Base class of AdaBoost for classification and for regression."""

    _rounds = "n_estimators"
    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "max_bins": [None, Interval(Integral, 2, 255, closed="both")],
        "min_weight_fraction_leaf": [Interval(Real, 0, 0.5, closed="both")],
        "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "store_weights": ["boolean"],
    }

    @abstractmethod
    def __init__(
        self,
        estimator,
        n_estimators,
        learning_rate,
        random_state,
        max_depth,
        max_bins,
        min_weight_fraction_leaf,
        n_iter_no_change,
        validation_fraction,
        tol,
        store_weights,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.n_iter_no_change = n_iter_no_change
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.store_weights = store_weights

    # -- input -------------------------------------------------------------------------

    def _validate(self, X, y="no_validation", **options):
        """Check rows, in `fit` with their targets."""
        reset = not isinstance(y, str)
        # What does not fit in single precision is infinite, and refused.
        with np.errstate(over="ignore"):
            return validate_data(self, X, y, reset=reset, **self._options(), **options)

    def _split_rows(self, weights, classes, random_state):
        """Return the rows to learn from and those held out; rows of no weight are out.

        `classes` are the classes to hold out in equal shares, or None.
        """
        rows = np.flatnonzero(weights > 0)
        if self.n_iter_no_change is None:
            return rows, rows[:0]
        return train_test_split(
            rows,
            test_size=self.validation_fraction,
            stratify=None if classes is None else classes[rows],
            random_state=random_state,
        )

    # -- rounds ------------------------------------------------------------------------

    def _run(self, rounds, given, n_rows, train, validation):
        """Run the rounds of a fit and record what was learned.

        Parameters
        ----------
        rounds : Rounds
            The fit.
        given : tuple of array-like
            Rows and targets as the user gave them, for callbacks.
        n_rows : int
            How many there are.
        train : ndarray
            The numbers of the rows that are learned from.
        validation : object or None
            Its ``score_next`` scores the ensemble with one more member.
        """
        tasks = RoundTasks(self, *given, self.n_estimators)
        by_one = tasks.are_watched or self.store_weights
        n_at_once = 1 if by_one else rounds.n_at_once
        if validation is not None:
            n_at_once = min(n_at_once, self.n_iter_no_change)
        history, scores = [self._all_weights(rounds, n_rows, train)], []
        outcome = GOES_ON
        while outcome == GOES_ON and rounds.n_done < self.n_estimators:
            tasks.begin_round()
            first = rounds.n_done
            outcome = rounds.advance(min(n_at_once, self.n_estimators - first))
            self._check_outcome(rounds, outcome)
            if self.store_weights and rounds.n_done > first:
                history.append(self._all_weights(rounds, n_rows, train))
            stop = validation is not None and self._is_enough(
                rounds, first, validation, scores
            )
            if tasks.are_watched:
                # What callbacks see is an estimator that ends here.
                self._record(rounds, history, scores)
            if tasks.end_round() or stop:
                break
        if scores:
            rounds.n_done = int(np.argmax(scores)) + 1
        self._record(rounds, history, scores)
        tasks.end()

    def _all_weights(self, rounds, n_rows, train):
        """Return the weights of all rows, 0 for those that are not learned from."""
        if not self.store_weights:
            return None
        weights = np.zeros(n_rows)
        weights[train] = rounds.sample_weights()
        return weights

    def _check_outcome(self, rounds, outcome):
        """Warn of a boosting that ended early for a bad reason."""
        name, done = type(self).__name__, rounds.n_done
        if outcome == NO_BETTER_THAN_CHANCE:
            self._check_first_round(rounds)
            warnings.warn(
                f"{name} stopped after {done} of {self.n_estimators} rounds: the next "
                f"weak learner was no better than chance.",
                ConvergenceWarning,
                stacklevel=6,
            )
        elif outcome == OVERFLOW and done < self.n_estimators:
            warnings.warn(
                f"{name} stopped after {done} of {self.n_estimators} rounds: the "
                f"weights of the rows left the range of numbers. Try a lower "
                f"learning_rate, got {self.learning_rate!r}.",
                ConvergenceWarning,
                stacklevel=6,
            )

    @abstractmethod
    def _check_first_round(self, rounds):
        """Refuse what cannot be boosted at all."""

    def _is_enough(self, rounds, first, validation, scores):
        """Score the new members; return whether there was no progress for long."""
        n_new = rounds.n_done - first
        members = rounds.members(first) if n_new else None
        for t in range(n_new):
            score = validation.score_next(members, t, rounds.alphas[first + t])
            scores.append(score)
            patience = self.n_iter_no_change
            recent, before = scores[-patience:], scores[:-patience]
            if before and max(recent) <= max(before) + self.tol:
                return True
        return False

    def _record(self, rounds, history, scores):
        """Set the attributes of the rounds so far, in arrays that no round changes."""
        n_done = rounds.n_done
        self.n_estimators_ = n_done
        self._members = rounds.members()
        self.estimator_weights_ = np.zeros(self.n_estimators)
        self.estimator_errors_ = np.ones(self.n_estimators)
        self.estimator_weights_[:n_done] = rounds.alphas[:n_done]
        self.estimator_errors_[:n_done] = rounds.errors[:n_done]
        self.validation_scores_ = None
        if self.n_iter_no_change is not None:
            self.validation_scores_ = np.array(scores)
        self.sample_weights_ = None
        if self.store_weights:
            self.sample_weights_ = np.array(history[: n_done + 1])

    def _keep_rounds(self, n_rounds):
        kept = min(n_rounds, self.n_estimators_)
        if self.validation_scores_ is not None:
            self.validation_scores_ = self.validation_scores_[:n_rounds]
            if len(self.validation_scores_):
                kept = int(np.argmax(self.validation_scores_)) + 1
        self.n_estimators_ = kept
        members = self._members
        is_flat = isinstance(members, FlatTrees)
        self._members = members.head(kept) if is_flat else members[:kept]
        weights, errors = self.estimator_weights_, self.estimator_errors_
        self.estimator_weights_ = np.zeros(n_rounds)
        self.estimator_errors_ = np.ones(n_rounds)
        self.estimator_weights_[:kept] = weights[:kept]
        self.estimator_errors_[:kept] = errors[:kept]
        if self.store_weights:
            self.sample_weights_ = self.sample_weights_[: kept + 1]

    # -- predictions -------------------------------------------------------------------

    def staged_score(self, X, y, sample_weight=None):
        """Yield the score of the ensemble of each number of weak learners.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Yields
        ------
        score : float
            The accuracy, or R squared.
        """
        for predicted in self.staged_predict(X):
            yield self._score_of(y, predicted, sample_weight)


def take_rows(X, rows):
    """Return some rows of an array or a sparse matrix; all of them without a copy.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, ...)
        The rows.
    rows : ndarray of shape (n_taken,)
        Numbers of rows, ascending if they are all.

    Returns
    -------
    taken : {ndarray, sparse matrix} of shape (n_taken, ...)
        Those rows.
    """
    return X if len(rows) == X.shape[0] else safe_indexing(X, rows)
