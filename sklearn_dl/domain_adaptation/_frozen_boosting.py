"""AdaBoost.R2 in which the weights of source rows are frozen."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from sklearn_dl._trees._boosted_numbers import LOSSES, Boosting, boost_numbers
from sklearn_dl._trees._bootstrap import draw_uniforms
from sklearn_dl._trees._learners import FittedRegressors, TreeRegressors
from sklearn_dl._trees._threads import choose_n_threads, map_in_threads
from sklearn_dl._trees._weighted import WeightedTree, empty_trees
from sklearn_dl.domain_adaptation._tradaboost_base import (
    LEAST_SHARE,
    scaled_losses,
    shares_of_logs,
)
from sklearn_dl.utils._sklearn import safe_indexing, set_random_states

__all__ = ["Boosted", "BoostedTrees", "GivenRegressors"]

# Numbers to make room for in one call of a kernel.
_ROOM = 4_000_000


class Boosted(NamedTuple):
    """What a boosting has learned.

    Parameters
    ----------
    members, alphas, errors : list
        The weak learners, their weights in the median, and their errors.
    first_values : ndarray of shape (n_rows,)
        What the first one predicts for the training rows.
    values : ndarray of shape (n_held_out, n_members)
        What all of them predict for the rows held out.
    """

    members: list
    alphas: list
    errors: list
    first_values: np.ndarray
    values: np.ndarray


class _FrozenBoosting(ABC):
    """Boosts weak learners from given weights.

    Parameters
    ----------
    estimator : TwoStageTrAdaBoostRegressor
        Its parameters are looked at.
    rows : TrainingRows
        The training rows.
    random_state : RandomState
        Seeds the boostings.
    """

    def __init__(self, estimator, rows, random_state):
        self.rows = rows
        self.n_rounds = estimator.n_estimators
        self.learning_rate = estimator.learning_rate
        self.loss = estimator.loss
        self.random_state = random_state

    @abstractmethod
    def boost(self, tasks):
        """Boost from several weights.

        Parameters
        ----------
        tasks : list of tuple of ndarray
            Weights of the rows, which add up to 1, and the rows for which the
            predictions of all members are wanted. Rows of weight 0 have no say.

        Returns
        -------
        boosted : list of Boosted
            The weak learners of each.
        """

    def _random_states(self, n_tasks):
        """Return what each boosting draws from; the first as AdaBoost does."""
        seeds = self.random_state.randint(np.iinfo(np.int32).max, size=n_tasks - 1)
        return [self.random_state, *map(np.random.RandomState, seeds)]

    def _start(self, weights, held_out):
        """Return where a boosting begins."""
        used = weights > 0
        moving = used & ~self.rows.is_source
        return Boosting(
            weights=weights.copy(),
            used=np.flatnonzero(used),
            moving=np.flatnonzero(moving),
            # As logarithms, so that not all of them underflow.
            logs=np.log(weights[moving]),
            mass=float(weights[moving].sum()),
            held_out=np.asarray(held_out, dtype=np.int64),
            # AdaBoost goes on from these.
            least_share=0.0 if self.rows.transfers else float(LEAST_SHARE),
        )


class BoostedTrees(_FrozenBoosting):
    """Trees of the engine, boosted by one kernel, each boosting by one thread.

    Parameters
    ----------
    estimator, rows, random_state
        As above.
    X : ndarray of shape (n_rows, n_features), dtype float32
        The training rows.
    """

    def __init__(self, estimator, rows, X, random_state):
        super().__init__(estimator, rows, random_state)
        self.learner = TreeRegressors(
            X,
            rows.y,
            rows.scaled_weights,
            estimator.max_depth,
            estimator.max_bins,
            0.0,
            estimator.bootstrap,
            random_state,
        )
        n_nodes = empty_trees(0, len(X), estimator.max_depth).feature.shape[1]
        n_at_once = _ROOM // (2 * len(X) + len(WeightedTree._fields) * n_nodes)
        self.n_at_once = min(max(n_at_once, 1), self.n_rounds)
        self.n_threads = choose_n_threads(X.size * self.n_rounds)

    def boost(self, tasks):
        """Boost from several weights."""
        states = self._random_states(len(tasks))
        starts = [self._start(*task) for task in tasks]
        return map_in_threads(
            self._boost_one, zip(starts, states, strict=True), self.n_threads
        )

    def _boost_one(self, start_and_state):
        """Boost from the weights of one task."""
        boosting, random_state = start_and_state
        boosted = Boosted([], [], [], None, None)
        parts, goes_on = [], True
        while goes_on and len(boosted.members) < self.n_rounds:
            n_before = len(boosted.members)
            n = min(self.n_at_once, self.n_rounds - n_before)
            sizes, trees, values, goes_on = self._rounds(
                boosting, random_state, n_before, n, boosted
            )
            if n_before == 0:
                first_values = trees.value[0, trees.leaf[0], 0]
            parts.append(values[: len(sizes)])
            boosted.members.extend(
                WeightedTree(*(array[k, :size] for array in trees[:-1]), leaf=None)
                for k, size in enumerate(sizes)
            )
        values = np.ascontiguousarray(np.concatenate(parts).T)
        return boosted._replace(first_values=first_values, values=values)

    def _rounds(self, boosting, random_state, n_before, n, boosted):
        """Run some rounds."""
        learner, n_rows = self.learner, len(self.rows.y)
        uniforms = np.empty((0, 0))
        if learner.bootstrap:
            uniforms = draw_uniforms(random_state, n, n_rows)
        trees = empty_trees(n, n_rows, learner.max_depth)
        alphas, errors = np.zeros(n), np.zeros(n)
        values = np.empty((n, len(boosting.held_out)))
        sizes, goes_on = boost_numbers(
            learner.columns,
            learner.target,
            boosting,
            uniforms,
            learner.max_depth,
            learner.least_leaf,
            LOSSES[self.loss],
            float(self.learning_rate),
            n_before,
            trees,
            alphas,
            errors,
            values,
        )
        boosted.alphas.extend(alphas[: len(sizes)].tolist())
        boosted.errors.extend(errors[: len(sizes)].tolist())
        return sizes, trees, values, goes_on


class GivenRegressors(_FrozenBoosting):
    """Regressors of the user, one boosting after the other.

    Parameters
    ----------
    estimator, rows, random_state
        As above.
    unit : float
        The sum of the weights that they get if all rows have one.
    """

    def __init__(self, estimator, rows, unit, random_state):
        super().__init__(estimator, rows, random_state)
        self.unit = unit
        self.learner = FittedRegressors(
            estimator.estimator, rows.X, rows.y, estimator.bootstrap, random_state
        )

    def boost(self, tasks):
        """Boost from several weights."""
        boosted = []
        states = self._random_states(len(tasks))
        for task, random_state in zip(tasks, states, strict=True):
            self.learner.random_state = random_state
            boosted.append(self._boost_one(self._start(*task)))
        return boosted

    def _boost_one(self, boosting):
        """Boost from the weights of one task."""
        weights, used, moving, logs, mass, held_out, least_share = boosting
        y = self.rows.y[used]
        members, alphas, errors, values = [], [], [], []
        first_values = None
        while len(members) < self.n_rounds:
            if least_share > 0:
                weights = np.maximum(weights, least_share)
                logs = np.log(weights)
            member, predicted = self._fit(weights)
            if first_values is None:
                first_values = predicted
            losses = np.zeros(len(weights))
            losses[used] = scaled_losses(y, predicted[used], self.loss)
            error = float(weights @ losses)
            is_chance = error >= 0.5
            if is_chance and members:
                break
            members.append(member)
            errors.append(error)
            values.append(predicted[held_out])
            if is_chance or error <= 0:
                # Alone it predicts, whatever it is; a perfect one is the end.
                alphas.append(0.0 if is_chance else 1.0)
                break
            alphas.append(self.learning_rate * float(np.log((1 - error) / error)))
            logs = logs + alphas[-1] * losses[moving]
            weights[moving] = mass * shares_of_logs(logs)
        values = np.ascontiguousarray(np.transpose(values))
        return Boosted(members, alphas, errors, first_values, values)

    def _fit(self, weights):
        """Return a regressor and what it predicts for all rows."""
        learner = self.learner
        if learner.bootstrap:
            return learner.fit(weights)
        member = clone(learner.estimator)
        set_random_states(member, learner.random_state)
        used = np.flatnonzero(weights)
        X = learner.X if len(used) == len(weights) else safe_indexing(learner.X, used)
        scale = self.unit * len(used) / len(weights)
        member.fit(X, learner.y[used], sample_weight=scale * weights[used])
        return member, member.predict(learner.X)
