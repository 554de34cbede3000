"""Which parameter values are the same."""

from collections.abc import Hashable
from typing import Any

import numpy as np

__all__ = ["value_key"]


def value_key(value: Any) -> Hashable:
    """Return what is equal for values that are sure to lead to the same fit."""
    if isinstance(value, tuple | list):
        return type(value), tuple(map(value_key, value))
    if isinstance(value, dict):
        return type(value), value_key(list(value.items()))
    if isinstance(value, float | np.floating):
        # A nan is not equal to itself, and 0.0 is equal to -0.0.
        return type(value), repr(value)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value
