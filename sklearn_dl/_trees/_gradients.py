"""Gradients and Hessians of the losses, and the values of leaves that are searched for.

Losses are those of scikit-learn's gradient boosting, with the same factors: the squared
error, the Poisson and the gamma deviance are halved. `raw` is on the scale of the
ensemble's sum: a logarithm for the Poisson and gamma losses, half the log odds for the
exponential one, the log odds or logits of the classes for the logistic loss.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._histogram import uniform
from sklearn_dl.utils._kernel import inner_kernel, kernel


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


# Losses whose Hessian is 1.
CONSTANT_HESSIAN = (
    LossCode.SQUARED,
    LossCode.ABSOLUTE,
    LossCode.HUBER,
    LossCode.QUANTILE,
)


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


@inner_kernel
def is_searched(loss):
    """Return whether the second derivative of a loss says nothing about a leaf's value.

    Parameters
    ----------
    loss : int
        A `LossCode`.

    Returns
    -------
    is_searched : bool
        If so, the best constant is a quantile of the residuals, or near one.
    """
    return (
        loss == LossCode.ABSOLUTE or loss == LossCode.HUBER or loss == LossCode.QUANTILE
    )


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
    if loss == LossCode.OTHER:
        return
    y = target.y[first:last]
    if loss == LossCode.SOFTMAX:
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


@inner_kernel
def _derive_one(loss, parameter, y, raw, g, h):
    """Derive a loss of one output."""
    n = y.size
    if loss == LossCode.LOGISTIC:
        for i in range(n):
            p = 1.0 / (1.0 + exp(-raw[i]))
            g[i] = p - y[i]
            h[i] = p * (1.0 - p)
    elif loss == LossCode.SQUARED:
        for i in range(n):
            g[i] = raw[i] - y[i]
    elif loss == LossCode.ABSOLUTE:
        for i in range(n):
            g[i] = np.sign(raw[i] - y[i])
    elif loss == LossCode.HUBER:
        for i in range(n):
            g[i] = min(max(raw[i] - y[i], -parameter), parameter)
    elif loss == LossCode.QUANTILE:
        for i in range(n):
            g[i] = 1.0 - parameter if raw[i] > y[i] else -parameter
    elif loss == LossCode.POISSON:
        for i in range(n):
            h[i] = exp(raw[i])
            g[i] = h[i] - y[i]
    elif loss == LossCode.GAMMA:
        for i in range(n):
            h[i] = y[i] * exp(-raw[i])
            g[i] = 1.0 - h[i]
    else:
        for i in range(n):
            h[i] = exp(raw[i] - 2.0 * raw[i] * y[i])
            g[i] = h[i] * (1.0 - 2.0 * y[i])
    if loss <= LossCode.QUANTILE and h.size:
        h[:] = 1.0


@inner_kernel
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
        _select(values, above)
        if position > above or above == 0:
            return values[above]
        below = values[0]
        for i in range(1, above):
            below = max(below, values[i])
        return 0.5 * (below + values[above])
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


@inner_kernel
def _select(values, k):
    """Reorder values so that none before the k-th is larger and none behind smaller.

    Hoare's quickselect. numba's `np.partition` takes long to compile, and is slower for
    the few rows of a leaf.
    """
    low, high = 0, values.size - 1
    while low < high:
        # Drawn, since there are orders in which a fixed place is always the worst.
        pivot = values[low + np.int64(uniform(np.uint64(low ^ high)) * (high - low))]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return


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
    q = parameter if loss == LossCode.QUANTILE else 0.5
    value = quantile_of(residuals.copy(), weights, q)
    if loss != LossCode.HUBER:
        return value
    step = total = 0.0
    for i in range(n):
        w = weights[i] if weights.size else 1.0
        step += w * min(max(residuals[i] - value, -parameter), parameter)
        total += w
    return value + step / max(total, 1e-300)
