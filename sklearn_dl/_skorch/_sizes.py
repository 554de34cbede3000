"""The sizes of hidden layers, as a parameter gives them."""

from numbers import Integral
from typing import Any

import numpy as np

__all__ = ["layer_sizes"]


def layer_sizes(
    hidden_layer_sizes: Any, name: str, parameter: str = "hidden_layer_sizes"
) -> list[int]:
    """Return the sizes as a list.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The parameter.
    name : str
        Of the estimator, for the error.
    parameter : str, default="hidden_layer_sizes"
        Of the parameter, for the error.

    Returns
    -------
    sizes : list of int
        One size a hidden layer.

    Raises
    ------
    ValueError
        If a size is not a positive integer.
    """
    several = np.iterable(hidden_layer_sizes)
    sizes = list(hidden_layer_sizes) if several else [hidden_layer_sizes]
    if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes):
        raise ValueError(
            f"{parameter} of {name} must be > 0 and integers, got {sizes}."
        )
    return [int(size) for size in sizes]
