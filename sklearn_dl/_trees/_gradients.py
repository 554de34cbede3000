"""Gradients and Hessians of the losses, and the values of leaves that are searched for.

Losses are those of scikit-learn's gradient boosting, with the same factors: the squared
error, the Poisson and the gamma deviance are halved. `raw` is on the scale of the
ensemble's sum: a logarithm for the Poisson and gamma losses, half the log odds for the
exponential one, the log odds or logits of the classes for the logistic loss.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sklearn_dl.utils._kernel import kernel


class LossCode(IntEnum):
    """The losses that the engine knows; of `OTHER` somebody else computes gradients."""

    SQUARED = 0
    ABSOLUTE = 1
    HUBER = 2
    QUANTILE = 3
    POISSON = 4
    GAMMA = 5
    LOGISTIC = 6
    EXPONENTIAL = 7
    SOFTMAX = 8
    OTHER = 9


# The same numbers for the kernels, which take no enumerations.
_SQUARED, _ABSOLUTE, _HUBER, _QUANTILE = 0, 1, 2, 3
_POISSON, _GAMMA, _LOGISTIC, _EXPONENTIAL, _SOFTMAX, _OTHER = 4, 5, 6, 7, 8, 9

# Losses whose second derivative says nothing about the best value of a leaf.
SEARCHED = (LossCode.ABSOLUTE, LossCode.HUBER, LossCode.QUANTILE)
# Losses whose Hessian is 1.
CONSTANT_HESSIAN = (LossCode.SQUARED, *SEARCHED)


class Target(NamedTuple):
    """What is fitted.

    Attributes
    ----------
    y : ndarray of shape (n_samples,), float64
        The target; a class is its index.
    sample_weight : ndarray of shape (n_samples,) or (0,), float64
        The weight of each row; empty if all are 1.
    raw : ndarray of shape (n_trees, n_samples), float64
        The sum of the trees so far, a row for each tree of a round.
    gradients, hessians : ndarray of the same shape, float64
        Derivatives of the loss by `raw`. Constant Hessians are not stored.
    """

    y: np.ndarray
    sample_weight: np.ndarray
    raw: np.ndarray
    gradients: np.ndarray
    hessians: np.ndarray


@kernel
def exp(x):
    """Return e to the power of x, in steps that become vector instructions.

    Parameters
    ----------
    x : float
        The exponent. What exceeds 708 counts as 708.

    Returns
    -------
    y : float
        The power, to 1 unit in the last place or so.
    """
    x = min(max(x, -708.0), 708.0)
    k = np.floor(x * 1.4426950408889634 + 0.5)
    r = x - k * 6.93147180369123816490e-01
    r -= k * 1.90821492927058770002e-10
    # The Taylor series to the 13th power; |r| is at most half the logarithm of two.
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * np.int64((np.int64(k) + 1023) << 52).view(np.float64)


@kernel
def derive(loss, parameter, target, first, last):
    """Compute gradients and Hessians of some rows.

    Parameters
    ----------
    loss : int
        A `LossCode`.
    parameter : float
        The quantile, or Huber's delta.
    target : Target
        What is fitted.
    first, last : int
        The rows.
    """
    if loss == _OTHER:
        return
    y = target.y[first:last]
    if loss == _SOFTMAX:
        _derive_softmax(
            y,
            target.raw[:, first:last],
            target.gradients[:, first:last],
            target.hessians[:, first:last],
        )
    else:
        raw = target.raw[0, first:last]
        g = target.gradients[0, first:last]
        if target.hessians.size:
            h = target.hessians[0, first:last]
        else:
            h = np.empty(0)
        _derive_one(loss, parameter, y, raw, g, h)
    if target.sample_weight.size:
        w = target.sample_weight[first:last]
        for k in range(target.raw.shape[0]):
            target.gradients[k, first:last] *= w
            target.hessians[k, first:last] *= w


@kernel
def _derive_one(loss, parameter, y, raw, g, h):
    """Derive a loss of one output."""
    n = y.size
    if loss == _LOGISTIC:
        for i in range(n):
            p = 1.0 / (1.0 + exp(-raw[i]))
            g[i] = p - y[i]
            h[i] = p * (1.0 - p)
    elif loss == _SQUARED:
        for i in range(n):
            g[i] = raw[i] - y[i]
    elif loss == _ABSOLUTE:
        for i in range(n):
            g[i] = np.sign(raw[i] - y[i])
    elif loss == _HUBER:
        for i in range(n):
            g[i] = min(max(raw[i] - y[i], -parameter), parameter)
    elif loss == _QUANTILE:
        for i in range(n):
            g[i] = 1.0 - parameter if raw[i] > y[i] else -parameter
    elif loss == _POISSON:
        for i in range(n):
            h[i] = exp(raw[i])
            g[i] = h[i] - y[i]
    elif loss == _GAMMA:
        for i in range(n):
            h[i] = y[i] * exp(-raw[i])
            g[i] = 1.0 - h[i]
    else:
        for i in range(n):
            h[i] = exp(raw[i] - 2.0 * raw[i] * y[i])
            g[i] = h[i] * (1.0 - 2.0 * y[i])
    if loss <= _QUANTILE and h.size:
        h[:] = 1.0


@kernel
def _derive_softmax(y, raw, g, h):
    """Derive the logistic loss of several classes."""
    n_classes, n = raw.shape
    block = 256
    largest = np.empty(block)
    total = np.empty(block)
    for first in range(0, n, block):
        m = min(block, n - first)
        largest[:m] = raw[0, first : first + m]
        for k in range(1, n_classes):
            row = raw[k, first : first + m]
            for i in range(m):
                largest[i] = max(largest[i], row[i])
        total[:m] = 0.0
        for k in range(n_classes):
            row, out = raw[k, first : first + m], g[k, first : first + m]
            for i in range(m):
                out[i] = exp(row[i] - largest[i])
            for i in range(m):
                total[i] += out[i]
        for k in range(n_classes):
            out, out_h = g[k, first : first + m], h[k, first : first + m]
            for i in range(m):
                p = out[i] / total[i]
                out_h[i] = p * (1.0 - p)
                out[i] = p - (y[first + i] == k)


@kernel
def quantile_of(values, sample_weight, q):
    """Return a quantile by the averaged inverse of the distribution function.

    A value of weight 2 counts as two values.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        The values, n at least 1. They are reordered.
    sample_weight : ndarray of shape (n,) or (0,), float64
        Their weights; empty if all are 1.
    q : float
        Between 0 and 1.

    Returns
    -------
    quantile : float
        The quantile.
    """
    n = values.size
    if sample_weight.size == 0:
        position = q * n
        above = min(np.int64(np.floor(position)), n - 1)
        values = np.partition(values, above)
        if position > above or above == 0:
            return values[above]
        return 0.5 * (values[:above].max() + values[above])
    order = np.argsort(values)
    wanted = q * sample_weight.sum()
    running = 0.0
    for i in range(n):
        if sample_weight[order[i]] == 0.0:
            continue
        running += sample_weight[order[i]]
        # Sums of weights are as exact as rounding lets them be.
        if abs(running - wanted) <= 1e-12 * wanted:
            for j in range(i + 1, n):
                if sample_weight[order[j]] > 0.0:
                    return 0.5 * (values[order[i]] + values[order[j]])
        if running >= wanted:
            return values[order[i]]
    return values[order[n - 1]]


@kernel
def search_value(loss, parameter, target, rows):
    """Return the value of a leaf that minimises the loss of its rows.

    Parameters
    ----------
    loss : int
        The absolute, Huber's or the quantile loss.
    parameter : float
        The quantile, or Huber's delta.
    target : Target
        What is fitted.
    rows : ndarray of shape (n,), int32
        The rows of the leaf.

    Returns
    -------
    value : float
        The median or another quantile of the residuals; for Huber's loss Friedman's one
        step from the median.

    References
    ----------
    J. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of
    Statistics 29, 2001, algorithms 3 and 4.
    """
    n = rows.size
    residuals = np.empty(n)
    weights = np.empty(n if target.sample_weight.size else 0)
    for i in range(n):
        row = rows[i]
        residuals[i] = target.y[row] - target.raw[0, row]
        if weights.size:
            weights[i] = target.sample_weight[row]
    q = parameter if loss == _QUANTILE else 0.5
    value = quantile_of(residuals.copy(), weights, q)
    if loss != _HUBER:
        return value
    step = total = 0.0
    for i in range(n):
        w = weights[i] if weights.size else 1.0
        step += w * min(max(residuals[i] - value, -parameter), parameter)
        total += w
    return value + step / max(total, 1e-300)
