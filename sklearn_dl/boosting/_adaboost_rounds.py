"""The rounds of AdaBoost, for each kind of weak learner.

An object of one of these classes is one fit. ``advance`` fits more weak learners and
says how it ended; ``members`` are the weak learners so far.
"""

from abc import ABC, abstractmethod

import numpy as np

from sklearn_dl._trees._boosted_numbers import scaled_losses
from sklearn_dl._trees._columns import sort_columns
from sklearn_dl._trees._flat import trees_of_stumps
from sklearn_dl._trees._stumps import (
    CRITERIA,
    GOES_ON,
    NO_BETTER_THAN_CHANCE,
    OVERFLOW,
    PERFECT,
    Stumps,
    boost_stumps,
    empty_stumps,
    start_boosting,
)

__all__ = ["ClassifierRounds", "RegressorRounds", "StumpRounds"]

# Shares of the weight are kept above this, as scikit-learn keeps them.
_LEAST_SHARE = np.finfo(np.float64).eps
# An error as close to that of chance is that of chance.
_CHANCE = 1e-12
# Values to handle in one call of a kernel. An interruption waits for its end.
_WORK_OF_A_CALL = 3e8


class Rounds(ABC):
    """One fit of AdaBoost.

    Parameters
    ----------
    n_rounds : int
        Greatest number of rounds.

    Attributes
    ----------
    n_done : int
        Number of weak learners that were kept.
    alphas : ndarray of shape (n_rounds,)
        Their weights, in scikit-learn's unit.
    errors : ndarray of shape (n_rounds,)
        Their errors, 1 where there is none.
    n_at_once : int
        As many rounds take about a second at most.
    """

    n_at_once = 1

    def __init__(self, n_rounds):
        self.n_done = 0
        self.alphas = np.zeros(n_rounds)
        self.errors = np.ones(n_rounds)

    @abstractmethod
    def advance(self, n_rounds):
        """Run some rounds; return how the last one ended."""

    @abstractmethod
    def members(self, first=0):
        """Return the weak learners from a number on."""

    @abstractmethod
    def sample_weights(self):
        """Return the weights of the rows, which add up to 1."""


class StumpRounds(Rounds):
    """Stumps, boosted by one kernel.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), dtype float32
        The training rows.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows.
    n_rounds : int
        Greatest number of rounds.
    learning_rate : float
        Factor of the weights of the stumps.
    criterion : {"gini", "error"}
        What the best stump is.
    max_bins : int or None
        Number of bins; None keeps all thresholds.
    least_leaf : float
        The share of the weight that a leaf has at least.
    """

    def __init__(
        self,
        X,
        y,
        n_classes,
        weights,
        n_rounds,
        learning_rate,
        criterion,
        max_bins,
        least_leaf,
    ):
        super().__init__(n_rounds)
        self.y = y
        self.learning_rate = learning_rate
        self.criterion = criterion
        self.least_leaf = float(least_leaf)
        self.columns = sort_columns(X, weights, max_bins)
        self.state = start_boosting(self.columns, n_classes, weights)
        self.stumps = empty_stumps(n_rounds, n_classes)
        self.n_at_once = max(1, int(_WORK_OF_A_CALL / X.size))

    def advance(self, n_rounds):
        """Run some rounds; return how the last one ended."""
        first = self.n_done
        self.n_done, outcome = boost_stumps(
            self.columns,
            self.y,
            CRITERIA[self.criterion],
            self.least_leaf,
            float(self.learning_rate),
            self.state,
            self.stumps,
            first,
            first + n_rounds,
        )
        done = slice(first, self.n_done)
        self.alphas[done] = self.stumps.weight[done]
        self.errors[done] = self.stumps.error[done]
        return outcome

    def members(self, first=0):
        """Return the stumps from a number on as trees."""
        part = Stumps(*(array[first : self.n_done] for array in self.stumps))
        return trees_of_stumps(part, self.criterion)

    def sample_weights(self):
        """Return the weights of the rows, which add up to 1."""
        return self.state.weights / self.state.weights.sum()


class LearnerRounds(Rounds):
    """Weak learners that are fitted one by one.

    Parameters
    ----------
    learner : object
        Its ``fit`` takes weights and returns a member and what it predicts.
    y : ndarray of shape (n_rows,)
        The targets, or the classes from 0.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows.
    n_rounds : int
        Greatest number of rounds.
    learning_rate : float
        Factor of the weights of the members.
    """

    def __init__(self, learner, y, weights, n_rounds, learning_rate):
        super().__init__(n_rounds)
        self.learner = learner
        self.y = y
        self.weights = weights / weights.sum()
        self.learning_rate = learning_rate
        self.kept = []

    def advance(self, n_rounds):
        """Run some rounds; return how the last one ended."""
        for _ in range(n_rounds):
            outcome = self._run_round(np.maximum(self.weights, _LEAST_SHARE))
            if outcome != GOES_ON:
                return outcome
        return GOES_ON

    @abstractmethod
    def _run_round(self, weights):
        """Fit one weak learner to weights that may be changed."""

    def _keep(self, member, alpha, error):
        """Keep a weak learner."""
        self.kept.append(member)
        self.alphas[self.n_done], self.errors[self.n_done] = alpha, error
        self.n_done += 1

    def members(self, first=0):
        """Return the weak learners from a number on."""
        return self.learner.join(self.kept[first : self.n_done])

    def sample_weights(self):
        """Return the weights of the rows, which add up to 1."""
        return self.weights / self.weights.sum()


class ClassifierRounds(LearnerRounds):
    """Discrete AdaBoost, in the form of SAMME for several classes.

    Parameters
    ----------
    learner : object
        Its ``fit`` takes weights and returns a member and the classes that it predicts.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows.
    n_rounds : int
        Greatest number of rounds.
    learning_rate : float
        Factor of the weights of the members.
    """

    def __init__(self, learner, y, n_classes, weights, n_rounds, learning_rate):
        super().__init__(learner, y, weights, n_rounds, learning_rate)
        self.n_classes = n_classes

    def _run_round(self, weights):
        member, predicted = self.learner.fit(weights)
        wrong = predicted != self.y
        error = weights[wrong].sum() / weights.sum()
        if error <= 0:
            self._keep(member, 1.0, 0.0)
            return PERFECT
        if error >= 1 - 1 / self.n_classes - _CHANCE:
            return NO_BETTER_THAN_CHANCE
        odds = np.log((1 - error) / error) + np.log(self.n_classes - 1)
        alpha = self.learning_rate * odds
        self._keep(member, alpha, error)
        with np.errstate(over="ignore"):
            weights[wrong] *= np.exp(alpha)
            total = weights.sum()
        if not np.isfinite(total):
            return OVERFLOW
        self.weights = weights / total
        return GOES_ON


class RegressorRounds(LearnerRounds):
    """AdaBoost.R2.

    Parameters
    ----------
    learner : object
        Its ``fit`` takes weights and returns a member and the values that it predicts.
    y : ndarray of shape (n_rows,), dtype float64
        The targets.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows.
    n_rounds : int
        Greatest number of rounds.
    learning_rate : float
        Factor of the weights of the members.
    loss : {"linear", "square", "exponential"}
        How the error of a row grows with its residual.
    """

    def __init__(self, learner, y, weights, n_rounds, learning_rate, loss):
        super().__init__(learner, y, weights, n_rounds, learning_rate)
        self.loss = loss

    def _run_round(self, weights):
        member, predicted = self.learner.fit(weights)
        losses = scaled_losses(self.y, predicted, self.loss)
        error = (weights * losses).sum()
        if error <= 0:
            self._keep(member, 1.0, 0.0)
            return PERFECT
        if error >= 0.5:
            if not self.kept:
                # Better than nothing: it has no weight, but predicts alone.
                self._keep(member, 0.0, error)
            return NO_BETTER_THAN_CHANCE
        beta = error / (1 - error)
        self._keep(member, self.learning_rate * np.log(1 / beta), error)
        weights *= beta ** ((1 - losses) * self.learning_rate)
        total = weights.sum()
        if not total > 0:
            return OVERFLOW
        self.weights = weights / total
        return GOES_ON
