"""Compiled kernels that are not trees."""

from sklearn_dl._numba._dense import Setting, train_epoch
from sklearn_dl._numba._dense_layers import Activation, Loss
from sklearn_dl._numba._dense_steps import Solver

__all__ = ["Activation", "Loss", "Setting", "Solver", "train_epoch"]
