"""Compiled kernels that are not trees."""

from sklearn_dl._numba._dense import Rule, Setting, scratch_size, train_epochs
from sklearn_dl._numba._dense_layers import Activation, Loss
from sklearn_dl._numba._dense_steps import Solver

__all__ = [
    "Activation",
    "Loss",
    "Rule",
    "Setting",
    "Solver",
    "scratch_size",
    "train_epochs",
]
