"""Weak learners that are fitted to weighted rows: trees of the engine, and others.

What they have in common: ``fit`` takes weights and returns a member and what it
predicts for the training rows; ``join`` makes of members what an ensemble keeps.
"""

import numpy as np
from sklearn.base import clone

from sklearn_dl._trees._bootstrap import count_draws, draw_uniforms
from sklearn_dl._trees._columns import sort_columns
from sklearn_dl._trees._flat import heaviest_classes, join_trees
from sklearn_dl._trees._weighted import best_tree
from sklearn_dl.utils._sklearn import safe_indexing, set_random_states

__all__ = [
    "FittedClassifiers",
    "FittedRegressors",
    "TreeClassifiers",
    "TreeRegressors",
]


class TreeClassifiers:
    """Trees of the engine that classify.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), dtype float32
        The training rows.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows, for quantiles.
    max_depth : int
        Depth of the trees.
    criterion : {"gini", "error"}
        What a split makes small.
    max_bins : int or None
        Number of bins; None keeps all thresholds.
    least_leaf : float
        The share of the weight that a leaf has at least.
    """

    def __init__(
        self, X, y, n_classes, weights, max_depth, criterion, max_bins, least_leaf
    ):
        self.columns = sort_columns(X, weights, max_bins)
        self.target = y.astype(np.float64)
        self.n_classes = n_classes
        self.max_depth = max_depth
        self.criterion = criterion
        self.least_leaf = least_leaf

    def fit(self, weights):
        """Return a tree and the classes that it predicts for the training rows."""
        tree = best_tree(
            self.columns,
            self.target,
            self.n_classes,
            weights,
            self.max_depth,
            self.criterion,
            self.least_leaf,
        )
        return tree, heaviest_classes(tree.value)[tree.leaf]

    def join(self, members):
        """Return the trees in flat arrays."""
        return join_trees(members)


class TreeRegressors:
    """Trees of the engine that predict numbers.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), dtype float32
        The training rows.
    y : ndarray of shape (n_rows,), dtype float64
        The targets.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows, for quantiles.
    max_depth : int
        Depth of the trees.
    max_bins : int or None
        Number of bins; None keeps all thresholds.
    least_leaf : float
        The share of the weight that a leaf has at least.
    bootstrap : bool
        Whether rows are drawn.
    random_state : RandomState
        Draws them.
    """

    def __init__(
        self,
        X,
        y,
        weights,
        max_depth,
        max_bins,
        least_leaf,
        bootstrap,
        random_state,
    ):
        self.columns = sort_columns(X, weights, max_bins)
        self.target = y
        self.max_depth = max_depth
        self.least_leaf = least_leaf
        self.bootstrap = bootstrap
        self.random_state = random_state

    def fit(self, weights):
        """Return a tree and what it predicts for the training rows."""
        if self.bootstrap:
            uniforms = draw_uniforms(self.random_state, 1, len(weights))
            weights = count_draws(weights, uniforms[0])
        tree = best_tree(
            self.columns,
            self.target,
            0,
            weights,
            self.max_depth,
            "squared_error",
            self.least_leaf,
        )
        return tree, tree.value[tree.leaf, 0]

    def join(self, members):
        """Return the trees in flat arrays."""
        return join_trees(members)


class FittedClassifiers:
    """Classifiers of the user.

    Parameters
    ----------
    estimator : estimator
        Cloned in each round.
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The training rows.
    y : ndarray of shape (n_rows,)
        The labels.
    classes : ndarray of shape (n_classes,)
        All labels, sorted.
    random_state : RandomState
        Seeds the clones.
    """

    def __init__(self, estimator, X, y, classes, random_state):
        self.estimator = estimator
        self.X = X
        self.y = y
        self.classes = classes
        self.random_state = random_state

    def fit(self, weights):
        """Return a classifier and the classes that it predicts, from 0."""
        member = clone(self.estimator)
        set_random_states(member, self.random_state)
        member.fit(self.X, self.y, sample_weight=weights)
        predicted = member.predict(self.X)
        codes = np.searchsorted(self.classes, predicted)
        codes = np.minimum(codes, len(self.classes) - 1)
        # What is no label is wrong.
        return member, np.where(self.classes[codes] == predicted, codes, -1)

    def join(self, members):
        """Return the classifiers."""
        return list(members)


class FittedRegressors:
    """Regressors of the user.

    Parameters
    ----------
    estimator : estimator
        Cloned in each round.
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The training rows.
    y : ndarray of shape (n_rows,)
        The targets.
    bootstrap : bool
        Whether rows are drawn, or else weighted.
    random_state : RandomState
        Draws them, and seeds the clones.
    """

    def __init__(self, estimator, X, y, bootstrap, random_state):
        self.estimator = estimator
        self.X = X
        self.y = y
        self.bootstrap = bootstrap
        self.random_state = random_state

    def fit(self, weights):
        """Return a regressor and what it predicts for the training rows."""
        member = clone(self.estimator)
        set_random_states(member, self.random_state)
        if self.bootstrap:
            rows = _draw_rows(weights, self.random_state)
            member.fit(safe_indexing(self.X, rows), self.y[rows])
        else:
            member.fit(self.X, self.y, sample_weight=weights)
        return member, member.predict(self.X)

    def join(self, members):
        """Return the regressors."""
        return list(members)


def _draw_rows(weights, random_state):
    """Draw as many rows as there are, with replacement, by their weights."""
    return random_state.choice(len(weights), size=len(weights), replace=True, p=weights)
