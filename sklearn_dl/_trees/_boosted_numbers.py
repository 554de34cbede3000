"""AdaBoost.R2: the losses of its rows, and compiled rounds with trees of the engine."""

from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._bootstrap import count_draws
from sklearn_dl._trees._weighted import CRITERIA, WeightedTree, grow_tree
from sklearn_dl.utils._kernel import kernel

__all__ = ["LOSSES", "PERFECT", "Boosting", "boost_numbers", "scaled_losses"]

LOSSES = {"linear": 0, "square": 1, "exponential": 2}
# A smaller error is none: the odds of a tree would be infinite.
PERFECT = 1e-300

_SQUARED_ERROR = CRITERIA["squared_error"]


def scaled_losses(y, predicted, loss):
    """Return the losses of AdaBoost.R2, from 0 to 1.

    Parameters
    ----------
    y, predicted : ndarray of shape (n_rows,)
        What is right, and what was predicted.
    loss : {"linear", "square", "exponential"}
        How a loss grows with its residual.

    Returns
    -------
    losses : ndarray of shape (n_rows,)
        In units of the largest residual.
    """
    losses = np.abs(predicted - y)
    largest = losses.max()
    if largest > 0:
        losses /= largest
    if loss == "square":
        return losses**2
    if loss == "exponential":
        return 1 - np.exp(-losses)
    return losses


class Boosting(NamedTuple):
    """A boosting between two rounds. Its arrays are changed.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,), dtype float64
        The weights of the rows, which add up to 1.
    used : ndarray of shape (n_used,), dtype int64
        The rows that have a say.
    moving : ndarray of shape (n_moving,), dtype int64
        Those of them whose weights are boosted.
    logs : ndarray of shape (n_moving,), dtype float64
        The logarithms of their weights, to which one number may have been added.
    mass : float
        The sum of their weights, which stays.
    held_out : ndarray of shape (n_held_out,), dtype int64
        Rows for which predictions are wanted.
    least_share : float
        Weights are lifted to this before each round, if it is above 0.
    """

    weights: np.ndarray
    used: np.ndarray
    moving: np.ndarray
    logs: np.ndarray
    mass: float
    held_out: np.ndarray
    least_share: float


@kernel
def boost_numbers(
    columns,
    target,
    boosting,
    uniforms,
    max_depth,
    least_leaf,
    loss,
    learning_rate,
    n_before,
    trees,
    sizes,
    alphas,
    errors,
    values,
):
    """Run as many rounds as there are trees, or until one is the end.

    Parameters
    ----------
    columns : SortedColumns
        The training rows.
    target : ndarray of shape (n_rows,), dtype float64
        The targets.
    boosting : Boosting
        Where the rounds begin, and then where they end.
    uniforms : ndarray of shape (n_rounds, n_rows) or (0, 0), dtype float64
        By which rows are drawn; without them trees are fitted to weighted rows.
    max_depth : int
        Depth of the trees.
    least_leaf : float
        The share of the weight that a leaf has at least.
    loss : int
        A value of ``LOSSES``.
    learning_rate : float
        Factor of the weights of the trees.
    n_before : int
        How many rounds there were before these.
    trees : WeightedTree
        Room for the trees of n_rounds rounds.
    sizes : ndarray of shape (n_rounds,), dtype int64
        Room for the number of nodes of each tree.
    alphas, errors : ndarray of shape (n_rounds,), dtype float64
        Room for the weight of each tree in the median, and its error.
    values : ndarray of shape (n_rounds, n_held_out), dtype float64
        Room for what each tree predicts for the rows held out.

    Returns
    -------
    n_kept : int
        How many trees were kept.
    goes_on : bool
        Whether there may be another round.
    """
    for k in range(len(alphas)):
        if boosting.least_share > 0:
            _lift(boosting)
        weights = boosting.weights
        if len(uniforms):
            weights = count_draws(weights, uniforms[k])
        tree = WeightedTree(
            trees.feature[k],
            trees.threshold[k],
            trees.missing_left[k],
            trees.left[k],
            trees.right[k],
            trees.value[k],
            trees.impurity[k],
            trees.weight[k],
            trees.leaf[k],
        )
        sizes[k] = grow_tree(
            columns, target, weights, max_depth, _SQUARED_ERROR, least_leaf, tree
        )
        losses = _scaled_losses(boosting.used, target, tree, loss)
        error = 0.0
        for row in boosting.used:
            error += boosting.weights[row] * losses[row]
        if error >= 0.5 and n_before + k > 0:
            return k, False
        errors[k] = error
        for p in range(len(boosting.held_out)):
            values[k, p] = tree.value[tree.leaf[boosting.held_out[p]], 0]
        if error >= 0.5 or error < PERFECT:
            # Alone it predicts, whatever it is; a perfect one is the end.
            alphas[k] = 0.0 if error >= 0.5 else 1.0
            return k + 1, False
        alphas[k] = learning_rate * np.log((1 - error) / error)
        _boost(boosting, losses, alphas[k])
    return len(alphas), True


@kernel
def _lift(boosting):
    """Lift the weights that are too small."""
    weights, logs = boosting.weights, boosting.logs
    for p in range(len(boosting.moving)):
        row = boosting.moving[p]
        weights[row] = max(weights[row], boosting.least_share)
        logs[p] = np.log(weights[row])


@kernel
def _scaled_losses(used, target, tree, loss):
    """Return the losses of the rows that have a say, in units of the largest."""
    losses, largest = np.zeros(len(target)), 0.0
    for row in used:
        losses[row] = abs(tree.value[tree.leaf[row], 0] - target[row])
        largest = max(largest, losses[row])
    for row in used:
        if largest > 0:
            losses[row] /= largest
        if loss == 1:
            losses[row] *= losses[row]
        elif loss == 2:
            losses[row] = 1 - np.exp(-losses[row])
    return losses


@kernel
def _boost(boosting, losses, alpha):
    """Let rows gain by their losses."""
    weights, logs, moving = boosting.weights, boosting.logs, boosting.moving
    largest = -np.inf
    for p in range(len(moving)):
        logs[p] += alpha * losses[moving[p]]
        largest = max(largest, logs[p])
    total = 0.0
    for p in range(len(moving)):
        weights[moving[p]] = np.exp(logs[p] - largest)
        total += weights[moving[p]]
    for p in range(len(moving)):
        weights[moving[p]] *= boosting.mass / total
