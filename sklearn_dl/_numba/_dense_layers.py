"""Activations and losses of dense networks, with their slopes."""

import math
from enum import IntEnum

import numpy as np

from sklearn_dl.utils._kernel import kernel

__all__ = ["Activation", "Loss", "activate", "loss_and_error"]


class Activation(IntEnum):
    """The activations that are compiled."""

    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3
    LEAKY_RELU = 4
    ELU = 5
    GELU = 6
    SWISH = 7


class Loss(IntEnum):
    """The losses that are compiled."""

    CROSS_ENTROPY = 0
    BINARY_CROSS_ENTROPY = 1
    SQUARED = 2
    POISSON = 3
    ABSOLUTE = 4
    HUBER = 5
    PINBALL = 6


@kernel
def exp(x):
    """Return e to the power of x, to the last digit or the one before.

    Unlike libm's this is a chain of multiplications, so that the compiler computes
    eight at once: x = k log 2 + r, a polynomial in r, and k goes to the exponent.
    """
    x = min(max(np.float64(x), -708.0), 709.0)
    k = np.rint(x * 1.4426950408889634)
    r = x - k * 6.93147180369123816490e-01
    r = r - k * 1.90821492927058770002e-10
    p = 1.0 / 479001600
    p = p * r + 1.0 / 39916800
    p = p * r + 1.0 / 3628800
    p = p * r + 1.0 / 362880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * np.int64((np.int64(k) + 1023) << 52).view(np.float64)


@kernel
def activate(kind, sums, bias, slope):
    """Turn the products of a layer into its outputs, and note the slopes there.

    Parameters
    ----------
    kind : int
        One of ``Activation``.
    sums : ndarray of shape (n_rows, n_units)
        Inputs times weights; the outputs take their place.
    bias : ndarray of shape (n_units,)
        Added before the activation.
    slope : ndarray of shape (n_rows, n_units)
        Receives the derivative of the activation.
    """
    n_rows, n_units = sums.shape
    for i in range(n_rows):
        if kind == Activation.RELU:
            for j in range(n_units):
                z = sums[i, j] + bias[j]
                # What is not a number stays so.
                sums[i, j] = 0 if z < 0 else z
                slope[i, j] = 1 if z > 0 else 0
        elif kind == Activation.TANH:
            for j in range(n_units):
                z = sums[i, j] + bias[j]
                fall = exp(-2 * abs(z))
                t = (1 - fall) / (1 + fall)
                sums[i, j] = t if z > 0 else -t
                slope[i, j] = 1 - t * t
        elif kind == Activation.LOGISTIC:
            for j in range(n_units):
                p = 1 / (1 + exp(-(sums[i, j] + bias[j])))
                sums[i, j] = p
                slope[i, j] = p * (1 - p)
        elif kind == Activation.LEAKY_RELU:
            for j in range(n_units):
                z = sums[i, j] + bias[j]
                slope[i, j] = 1 if z > 0 else 0.01
                sums[i, j] = z * slope[i, j]
        elif kind == Activation.ELU:
            for j in range(n_units):
                z = sums[i, j] + bias[j]
                low = exp(min(z, 0)) - 1
                sums[i, j] = z if z > 0 else low
                slope[i, j] = 1 if z > 0 else low + 1
        elif kind == Activation.GELU:
            for j in range(n_units):
                z = np.float64(sums[i, j] + bias[j])
                below = 0.5 * (1 + math.erf(z * 0.7071067811865476))
                sums[i, j] = z * below
                slope[i, j] = below + z * 0.3989422804014327 * exp(-0.5 * z * z)
        elif kind == Activation.SWISH:
            for j in range(n_units):
                z = sums[i, j] + bias[j]
                p = 1 / (1 + exp(-z))
                sums[i, j] = z * p
                slope[i, j] = p * (1 + z * (1 - p))
        else:
            for j in range(n_units):
                sums[i, j] += bias[j]
                slope[i, j] = 1


@kernel
def loss_and_error(kind, raw, rows, codes, values, option):
    """Turn the raw outputs of a batch into the derivatives of the loss by them.

    Parameters
    ----------
    kind : int
        One of ``Loss``.
    raw : ndarray of shape (n_rows, n_outputs)
        The raw outputs; the derivatives take their place.
    rows : ndarray of shape (n_rows,)
        The places of the batch's rows among all rows, in the order of `raw`.
    codes : ndarray of shape (n_all_rows,)
        The class of each row, for ``CROSS_ENTROPY``.
    values : ndarray of shape (n_all_rows, n_outputs)
        The targets, for all other losses.
    option : float
        Label smoothing of the cross-entropies, delta of ``HUBER``, quantile of
        ``PINBALL``.

    Returns
    -------
    losses : ndarray of shape (n_rows,)
        The loss of each row of the batch, in the same order.
    """
    n_rows, n_outputs = raw.shape
    losses = np.zeros(n_rows)
    if kind == Loss.CROSS_ENTROPY:
        _cross_entropy(raw, rows, codes, option, losses)
        return losses
    for i in range(n_rows):
        for j in range(n_outputs):
            z, t = np.float64(raw[i, j]), np.float64(values[rows[i], j])
            if kind == Loss.SQUARED:
                losses[i] += 0.5 * (z - t) ** 2
                raw[i, j] = z - t
            elif kind == Loss.BINARY_CROSS_ENTROPY:
                t = t * (1 - option) + option / 2
                fall = exp(-abs(z))
                losses[i] += max(z, 0.0) - z * t + math.log1p(fall)
                raw[i, j] = (1.0 if z >= 0 else fall) / (1 + fall) - t
            elif kind == Loss.POISSON:
                best = t * math.log(t) - t if t > 0 else 0.0
                mean = math.exp(z)
                losses[i] += best - t * z + mean
                raw[i, j] = mean - t
            elif kind == Loss.ABSOLUTE:
                losses[i] += abs(z - t)
                raw[i, j] = np.sign(z - t)
            elif kind == Loss.HUBER:
                off = abs(z - t)
                near = off <= option
                losses[i] += 0.5 * off**2 if near else option * (off - 0.5 * option)
                raw[i, j] = z - t if near else option * np.sign(z - t)
            else:
                above = t - z
                losses[i] += max(option * above, (option - 1) * above)
                raw[i, j] = 0.0 if above == 0 else -option + (above < 0)
    return losses


@kernel
def _cross_entropy(raw, rows, codes, smoothing, losses):
    """Softmax and its derivative; `losses` receives the loss of each row."""
    n_rows, n_classes = raw.shape
    share = smoothing / n_classes
    for i in range(n_rows):
        highest = raw[i, 0]
        for j in range(1, n_classes):
            highest = max(highest, raw[i, j])
        code = codes[rows[i]]
        wanted = (1 - smoothing) * np.float64(raw[i, code] - highest)
        for j in range(n_classes):
            raw[i, j] -= highest
            if share:
                wanted += share * raw[i, j]
        losses[i] = -wanted
    flat = raw.reshape(-1)
    for i in range(flat.size):
        flat[i] = exp(flat[i])
    for i in range(n_rows):
        total = 0.0
        for j in range(n_classes):
            total += raw[i, j]
        scale = raw.dtype.type(1 / total)
        for j in range(n_classes):
            raw[i, j] = raw[i, j] * scale - raw.dtype.type(share)
        raw[i, codes[rows[i]]] -= raw.dtype.type(1 - smoothing)
        losses[i] += math.log(total)
