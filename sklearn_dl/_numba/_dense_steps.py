"""What happens between the gradient of a batch and the next weights."""

import math
from enum import IntEnum

import numpy as np

from sklearn_dl.utils._kernel import kernel

__all__ = ["Solver", "penalize", "scale_to_norm", "step"]


class Solver(IntEnum):
    """The optimisers that are compiled."""

    SGD = 0
    ADAM = 1
    ADAMW = 2


@kernel
def penalize(weights, gradient, squares, absolutes):
    """Add an elastic net's gradient to that of the weights; return the penalty."""
    number = weights.dtype.type
    a, b = number(squares), number(absolutes)
    total_squares = total_absolutes = 0.0
    if squares:
        for i in range(weights.size):
            gradient[i] += a * weights[i]
        total_squares = np.float64(np.dot(weights, weights))
    if absolutes:
        for i in range(weights.size):
            gradient[i] += b * np.sign(weights[i])
            total_absolutes += abs(weights[i])
    return 0.5 * squares * total_squares + absolutes * total_absolutes


@kernel
def scale_to_norm(gradient, greatest):
    """Scale the gradient down to a Euclidean norm, as torch does."""
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) ** 2
    factor = gradient.dtype.type(min(greatest / (math.sqrt(total) + 1e-6), 1.0))
    for i in range(gradient.size):
        gradient[i] *= factor


@kernel
def step(setting, params, n_weights, gradient, first, second, t, rate, last_rate):
    """Take a step.

    Parameters
    ----------
    setting : Setting
        Solver and its options.
    params, gradient : ndarray of shape (n_params,)
        All parameters, those that decay first, and their gradient.
    n_weights : int
        How many of the parameters are weights.
    first, second : ndarray of shape (n_params,)
        Moments of Adam; `first` is the velocity of SGD.
    t : int
        Counts steps from 1.
    rate, last_rate : float
        Learning rate of this step and of the one before.
    """
    number = params.dtype.type
    if setting.solver == Solver.SGD:
        momentum = number(setting.momentum)
        ratio = last_rate / rate if setting.rate_in_velocity and t > 1 else 1.0
        kept = number(setting.momentum * ratio)
        ahead = number(rate)
        for i in range(params.size):
            velocity = kept * first[i] + gradient[i]
            first[i] = velocity
            if setting.nesterov:
                velocity = gradient[i] + momentum * velocity
            params[i] -= ahead * velocity
        return
    correction = math.sqrt(1 - setting.beta_2**t)
    epsilon = setting.epsilon
    if setting.solver == Solver.ADAMW:
        # torch corrects the second moment before it adds epsilon.
        epsilon *= correction
        kept = number(1 - rate * setting.decay)
        for i in range(n_weights):
            params[i] *= kept
    ahead = number(rate * correction / (1 - setting.beta_1**t))
    b1, c1 = number(setting.beta_1), number(1 - setting.beta_1)
    b2, c2 = number(setting.beta_2), number(1 - setting.beta_2)
    small = number(epsilon)
    for i in range(params.size):
        g = gradient[i]
        first[i] = b1 * first[i] + c1 * g
        second[i] = b2 * second[i] + c2 * g * g
        params[i] -= ahead * first[i] / (np.sqrt(second[i]) + small)
