"""Dense networks, trained by one compiled function.

Between two matrix products of a small network there is little to do, and much that is
not arithmetic: calls, allocations, the graph of autograd. Here an epoch is one call,
the products are BLAS's and the rest are loops over rows. The GIL is released, so that
several networks train at once in threads.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_dl._numba._dense_layers import activate, loss_and_error
from sklearn_dl._numba._dense_steps import penalize, scale_to_norm, step
from sklearn_dl.utils._kernel import kernel

__all__ = ["Rule", "Setting", "scratch_size", "train_epochs"]


# Up to so many outputs of a layer their gradient is not BLAS's.
_FEW_OUTPUTS = 16


class Setting(NamedTuple):
    """What stays the same during an epoch.

    Parameters
    ----------
    activation, loss, solver : int
        Of ``Activation``, ``Loss`` and ``Solver``.
    loss_option : float
        See ``loss_and_error``.
    momentum, nesterov, rate_in_velocity
        Of SGD; the latter is scikit-learn's momentum, whose velocity keeps the rates.
    beta_1, beta_2, epsilon, decay
        Of Adam; the decay is decoupled.
    squares, absolutes : float
        Strengths of the penalty, times the number of rows of a batch.
    greatest_norm : float
        Gradients are scaled down to this norm; inf leaves them.
    """

    activation: int
    loss: int
    solver: int
    loss_option: float
    momentum: float
    nesterov: bool
    rate_in_velocity: bool
    beta_1: float
    beta_2: float
    epsilon: float
    decay: float
    squares: float
    absolutes: float
    greatest_norm: float


class Rule(NamedTuple):
    """When a training stops, as ``Convergence`` has it for the loss.

    Parameters
    ----------
    best : float
        The lowest loss so far.
    n_unimproved : int
        Epochs since the last improvement.
    tol, patience : float
        An improvement is larger than `tol`; more than `patience` epochs without one
        are the end.
    """

    best: float
    n_unimproved: int
    tol: float
    patience: float


@kernel
def layer(params, sizes, k):
    """Return weight (n_out, n_in) and bias (n_out,) of a layer, as views.

    All weights come first, layer after layer, then all biases.
    """
    n_layers = sizes.size - 1
    at_weight = 0
    for j in range(k):
        at_weight += sizes[j] * sizes[j + 1]
    at_bias = 0
    for j in range(n_layers):
        at_bias += sizes[j] * sizes[j + 1]
    for j in range(k):
        at_bias += sizes[j + 1]
    n_in, n_out = sizes[k], sizes[k + 1]
    weight = params[at_weight : at_weight + n_in * n_out].reshape((n_out, n_in))
    return weight, params[at_bias : at_bias + n_out]


@kernel
def padded(n_values):
    """Return the next multiple of a cache line, in values of four bytes.

    BLAS reads small matrices where they are, and vectors that lie across two cache
    lines take twice as long.
    """
    return (n_values + 15) // 16 * 16


@kernel
def block(buffer, sizes, k, n_rows):
    """Return the part of a buffer that belongs to layer `k`, for `n_rows` rows."""
    start = 0
    for j in range(k):
        start += padded(n_rows * sizes[j])
    return buffer[start : start + n_rows * sizes[k]].reshape((n_rows, sizes[k]))


@kernel
def drop(outputs, slope, rate, seed):
    """Drop outputs at random and scale up what stays, here and in the slopes."""
    scale = outputs.dtype.type(1 / (1 - rate))
    zero = outputs.dtype.type(0)
    threshold = np.uint64(rate * 2.0**53)
    values, slopes = outputs.reshape(-1), slope.reshape(-1)
    for i in range(values.size):
        # The finaliser of splitmix64 makes random bits of a counter.
        bits = seed + np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = (bits ^ (bits >> np.uint64(31))) >> np.uint64(11)
        factor = zero if bits < threshold else scale
        values[i] *= factor
        slopes[i] *= factor


@kernel
def _outputs(setting, params, sizes, x, values, slopes, dropout, seed):
    """Compute the outputs of all layers into `values`; return the raw ones."""
    n_rows, n_layers = x.shape[0], sizes.size - 1
    inputs = x
    for k in range(n_layers):
        weight, bias = layer(params, sizes, k)
        sums = block(values, sizes, k + 1, n_rows)
        np.dot(inputs, weight.T, sums)
        if k == n_layers - 1:
            for i in range(n_rows):
                for j in range(bias.size):
                    sums[i, j] += bias[j]
            return sums
        slope = block(slopes, sizes, k + 1, n_rows)
        activate(setting.activation, sums, bias, slope)
        if dropout[k] > 0:
            salt = np.uint64(k + 1) * np.uint64(0xD1B54A32D192ED03)
            drop(sums, slope, dropout[k], seed + salt)
        inputs = sums
    return inputs


@kernel
def _outer_sum(error, inputs, out):
    """Compute ``error.T @ inputs`` for few columns of errors.

    BLAS is made for matrices that are large both ways; this takes half of its time.
    """
    n_rows, n_units = inputs.shape
    out[:] = 0
    whole = n_rows - n_rows % 4
    for i in range(0, whole, 4):
        for k in range(error.shape[1]):
            a, b, c, d = error[i, k], error[i + 1, k], error[i + 2, k], error[i + 3, k]
            for j in range(n_units):
                out[k, j] += (
                    a * inputs[i, j]
                    + b * inputs[i + 1, j]
                    + c * inputs[i + 2, j]
                    + d * inputs[i + 3, j]
                )
    for i in range(whole, n_rows):
        for k in range(error.shape[1]):
            a = error[i, k]
            for j in range(n_units):
                out[k, j] += a * inputs[i, j]


@kernel
def _gradients(params, gradient, sizes, x, values, slopes, errors):
    """Go back through the layers; the last errors are in the last block of values."""
    n_rows, n_layers = x.shape[0], sizes.size - 1
    error = block(values, sizes, n_layers, n_rows)
    for k in range(n_layers - 1, -1, -1):
        by_weight, by_bias = layer(gradient, sizes, k)
        inputs = x if k == 0 else block(values, sizes, k, n_rows)
        if 1 < error.shape[1] <= _FEW_OUTPUTS:
            _outer_sum(error, inputs, by_weight)
        else:
            np.dot(error.T, inputs, by_weight)
        by_bias[:] = 0
        for i in range(n_rows):
            for j in range(by_bias.size):
                by_bias[j] += error[i, j]
        if k == 0:
            break
        weight, _ = layer(params, sizes, k)
        behind = block(errors, sizes, k, n_rows)
        np.dot(error, weight, behind)
        flat = behind.reshape(-1)
        slope = block(slopes, sizes, k, n_rows).reshape(-1)
        for i in range(flat.size):
            flat[i] *= slope[i]
        error = behind


@kernel
def _average(losses, error, rows, weight):
    """Scale the errors for a weighted mean of the losses; return mean and weight."""
    number = error.dtype.type
    n_rows = rows.size
    if weight.size == 0:
        share = number(1.0 / n_rows)
        flat = error.reshape(-1)
        for i in range(flat.size):
            flat[i] *= share
        return losses.mean(), np.float64(n_rows)
    total = mean = 0.0
    for i in range(n_rows):
        total += weight[rows[i]]
        mean += weight[rows[i]] * losses[i]
    # A batch may hold nothing but rows of weight 0: it must not give 0 / 0.
    divisor = total if total > 0 else 1.0
    for i in range(n_rows):
        share = number(weight[rows[i]] / divisor)
        for j in range(error.shape[1]):
            error[i, j] *= share
    return mean / divisor, total


def scratch_size(sizes: NDArray[Any], n_rows: int) -> int:
    """Return how many values of room an epoch needs.

    Parameters
    ----------
    sizes : ndarray of shape (n_layers + 1,)
        Inputs, units of each hidden layer, outputs.
    n_rows : int
        Rows of the largest batch.

    Returns
    -------
    n_values : int
        For the gradient, and for inputs, outputs, slopes and errors of all layers.
    """
    n_params = int((sizes[:-1] * sizes[1:]).sum() + sizes[1:].sum())
    return padded(n_params) + 3 * sum(padded(int(n_rows * size)) for size in sizes)


@kernel
def train_epoch(
    setting,
    sizes,
    dropout,
    X,
    codes,
    values,
    weight,
    order,
    starts,
    rates,
    last_rate,
    params,
    first,
    second,
    t,
    seed,
    scratch,
):
    """Go once through the rows.

    Parameters
    ----------
    setting : Setting
        Network, loss and solver.
    sizes : ndarray of shape (n_layers + 1,)
        Inputs, units of each hidden layer, outputs.
    dropout : ndarray of shape (n_layers - 1,)
        The probability to drop an output of each hidden layer.
    X : ndarray of shape (n_rows, n_features)
        All rows.
    codes, values
        The targets, see ``loss_and_error``; the one that is not used is empty.
    weight : ndarray of shape (n_rows,) or (0,)
        The weights of the rows; empty weighs all alike.
    order : ndarray of shape (n_rows,)
        The order in which the rows come.
    starts : ndarray of shape (n_batches + 1,)
        Where the batches begin in `order`, and where the last ends.
    rates : ndarray of shape (n_batches,)
        The learning rate of each batch.
    last_rate : float
        The rate of the step before this epoch.
    params, first, second : ndarray of shape (n_params,)
        Parameters and moments; they change.
    t : int
        Steps that were taken before.
    seed : uint64
        Of this epoch's dropout.
    scratch : ndarray of shape (n_values,)
        Room to compute in, see ``scratch_size``; new memory for each epoch would take
        longer to come than what is computed in it.

    Returns
    -------
    total : float
        The sum over the batches of loss, with penalty, times rows.
    """
    n_weights = params.size - sizes[1:].sum()
    most = (starts[1:] - starts[:-1]).max()
    gradient, rest = scratch[: params.size], scratch[padded(params.size) :]
    size = 0
    for k in range(sizes.size):
        size += padded(most * sizes[k])
    outputs, slopes, errors = rest[:size], rest[size : 2 * size], rest[2 * size :]
    total = 0.0
    for b in range(rates.size):
        rows = order[starts[b] : starts[b + 1]]
        x = block(outputs, sizes, 0, rows.size)
        for i in range(rows.size):
            for j in range(sizes[0]):
                x[i, j] = X[rows[i], j]
        t += 1
        noise = seed + np.uint64(b) * np.uint64(0xA0761D6478BD642F)
        raw = _outputs(setting, params, sizes, x, outputs, slopes, dropout, noise)
        losses = loss_and_error(
            setting.loss, raw, rows, codes, values, setting.loss_option
        )
        loss, n = _average(losses, raw, rows, weight)
        _gradients(params, gradient, sizes, x, outputs, slopes, errors)
        if setting.squares or setting.absolutes:
            loss += penalize(
                params[:n_weights],
                gradient[:n_weights],
                setting.squares / n,
                setting.absolutes / n,
            )
        if setting.greatest_norm < np.inf:
            scale_to_norm(gradient, setting.greatest_norm)
        step(
            setting, params, n_weights, gradient, first, second, t, rates[b], last_rate
        )  # fmt: skip
        last_rate = rates[b]
        total += loss * rows.size
    return total


@kernel
def train_epochs(
    setting,
    sizes,
    dropout,
    X,
    codes,
    values,
    weight,
    orders,
    starts,
    rates,
    last_rate,
    params,
    first,
    second,
    t,
    seeds,
    scratch,
    rule,
    losses,
):
    """Go several times through the rows, until the loss no longer improves.

    Parameters
    ----------
    setting, sizes, dropout, X, codes, values, weight, starts, last_rate, params, \
            first, second, t, scratch
        See ``train_epoch``.
    orders : ndarray of shape (n_epochs, n_rows)
        The order of the rows in each epoch.
    rates : ndarray of shape (n_epochs, n_batches)
        The learning rate of each batch.
    seeds : ndarray of shape (n_epochs,), dtype uint64
        Of the dropout in each epoch.
    rule : Rule
        When to stop.
    losses : ndarray of shape (n_epochs,)
        Receives the mean loss of each epoch, with the penalty.

    Returns
    -------
    n_done : int
        How many epochs there were.
    """
    best, n_unimproved = rule.best, rule.n_unimproved
    for e in range(losses.size):
        losses[e] = (
            train_epoch(
                setting, sizes, dropout, X, codes, values, weight, orders[e], starts,
                rates[e], last_rate, params, first, second, t, seeds[e], scratch,
            )
            / X.shape[0]
        )  # fmt: skip
        last_rate = rates[e, -1]
        t += rates.shape[1]
        n_unimproved = n_unimproved + 1 if losses[e] > best - rule.tol else 0
        best = min(best, losses[e])
        if n_unimproved > rule.patience:
            return e + 1
    return losses.size
