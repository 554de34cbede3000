"""AdaBoost.R2 in which the weights of source rows are frozen."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from sklearn_dl._trees._boosted_numbers import (
    LOSSES,
    PERFECT,
    Boosting,
    boost_numbers,
    scaled_losses,
)
from sklearn_dl._trees._bootstrap import draw_uniforms
from sklearn_dl._trees._learners import FittedRegressors, TreeRegressors
from sklearn_dl._trees._threads import choose_n_threads
from sklearn_dl._trees._weighted import WeightedTree, empty_trees
from sklearn_dl.domain_adaptation._tradaboost_base import (
    LEAST_SHARE,
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
        The weak learners, their weights in the median, and their errors. Trees are not
        kept where rows are held out.
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
    learner : object
        Fits the weak learners.
    random_state : RandomState
        Seeds the boostings.
    n_threads : int
        How many threads share the boostings.
    """

    def __init__(self, estimator, rows, learner, random_state, n_threads):
        self.rows = rows
        self.learner = learner
        self.n_rounds = estimator.n_estimators
        self.learning_rate = estimator.learning_rate
        self.loss = estimator.loss
        self.random_state = random_state
        self.n_threads = n_threads
        # Tells the other threads that nobody waits for them any more.
        self.is_stopped = False

    def boost(self, tasks, map_):
        """Boost from several weights.

        Parameters
        ----------
        tasks : list of tuple of ndarray
            Weights of the rows, which add up to 1, and the rows for which the
            predictions of all members are wanted. Rows of weight 0 have no say.
        map_ : callable
            ``map``, or what shares the calls among threads.

        Returns
        -------
        boosted : list of Boosted
            The weak learners of each.
        """
        # The first draws as AdaBoost does.
        seeds = self.random_state.randint(np.iinfo(np.int32).max, size=len(tasks) - 1)
        states = [self.random_state]
        states += [np.random.RandomState(np.random.MT19937(seed)) for seed in seeds]
        starts = [self._start(*task) for task in tasks]
        try:
            return list(map_(self._boost, starts, states))
        except BaseException:
            self.is_stopped = True
            raise

    @abstractmethod
    def _boost(self, boosting, random_state):
        """Boost from where a boosting begins."""

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
        learner = TreeRegressors(
            X,
            rows.y,
            rows.scaled_weights,
            estimator.max_depth,
            estimator.max_bins,
            0.0,
            estimator.bootstrap,
            random_state,
        )
        n_threads = choose_n_threads(X.size * estimator.n_estimators)
        super().__init__(estimator, rows, learner, random_state, n_threads)
        self.max_depth = min(estimator.max_depth, len(X))
        n_nodes = empty_trees(0, len(X), self.max_depth).feature.shape[1]
        n_at_once = _ROOM // (2 * len(X) + len(WeightedTree._fields) * n_nodes)
        self.n_at_once = min(max(n_at_once, 1), self.n_rounds)

    def _boost(self, boosting, random_state):
        """Boost from where a boosting begins."""
        boosted = Boosted([], [], [], None, None)
        parts, goes_on = [], True
        while goes_on and not self.is_stopped and len(boosted.alphas) < self.n_rounds:
            is_first = not boosted.alphas
            n = min(self.n_at_once, self.n_rounds - len(boosted.alphas))
            trees = empty_trees(n, len(self.rows.y), self.max_depth)
            values = np.empty((n, len(boosting.held_out)))
            sizes, goes_on = self._rounds(
                boosting, random_state, trees, values, boosted
            )
            parts.append(values[: len(sizes)])
            if is_first:
                first_values = trees.value[0, trees.leaf[0], 0]
            if not len(boosting.held_out):
                boosted.members.extend(
                    WeightedTree(*(array[k, :size] for array in trees[:-1]), leaf=None)
                    for k, size in enumerate(sizes)
                )
        values = np.ascontiguousarray(np.concatenate(parts).T)
        return boosted._replace(first_values=first_values, values=values)

    def _rounds(self, boosting, random_state, trees, values, boosted):
        """Run as many rounds as there are values; return the sizes of the trees."""
        learner, n = self.learner, len(values)
        uniforms = np.empty((0, 0))
        if learner.bootstrap:
            uniforms = draw_uniforms(random_state, n, len(self.rows.y))
        sizes, alphas, errors = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
        # It returns numbers alone: with arrays, Ctrl-C would be another error.
        n_kept, goes_on = boost_numbers(
            learner.columns,
            learner.target,
            boosting,
            uniforms,
            self.max_depth,
            learner.least_leaf,
            LOSSES[self.loss],
            float(self.learning_rate),
            len(boosted.alphas),
            trees,
            sizes,
            alphas,
            errors,
            values,
        )
        boosted.alphas.extend(alphas[:n_kept].tolist())
        boosted.errors.extend(errors[:n_kept].tolist())
        return sizes[:n_kept], goes_on


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
        learner = FittedRegressors(
            estimator.estimator, rows.X, rows.y, estimator.bootstrap, random_state
        )
        super().__init__(estimator, rows, learner, random_state, 1)
        self.unit = unit

    def _boost(self, boosting, random_state):
        """Boost from where a boosting begins."""
        self.learner.random_state = random_state
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
            if is_chance or error < PERFECT:
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
