"""Images, signals and volumes as networks take them, from all that users have."""

import math

import numpy as np
from sklearn.utils.validation import validate_data

__all__ = ["channel_statistics", "check_images", "row_layout"]

# Values that are looked at together when statistics are computed.
_CHUNK = 2**24


def check_images(estimator, X, reset, **kwargs):
    """Validate rows and targets; bytes and floating numbers keep their types.

    Parameters
    ----------
    estimator : estimator
        Whose input it is.
    X : array-like of shape (n_samples, ...)
        The rows.
    reset : bool
        Whether this is the first data that the estimator sees.
    **kwargs
        Of :func:`sklearn.utils.validation.validate_data`, ``y`` among them.

    Returns
    -------
    checked : ndarray or tuple of ndarray
        X, and y if given.
    """
    _refuse_different_shapes(type(estimator).__name__, X)
    checked = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=(np.float64, np.float32, np.uint8),
        allow_nd=True,
        **kwargs,
    )
    rows, *y = checked if isinstance(checked, tuple) else (checked,)
    if reset:
        estimator._fitted_on_bytes = rows.dtype == np.uint8
    else:
        if rows.shape[1:] != estimator._row_shape:
            raise ValueError(
                f"{type(estimator).__name__} was fitted on rows of shape "
                f"{estimator._row_shape}, X has rows of shape {rows.shape[1:]}."
            )
        rows = _in_the_unit_of_fit(estimator, rows)
    return (rows, *y) if y else rows


def _in_the_unit_of_fit(estimator, rows):
    """Return bytes where those of `fit` were bytes, else floating numbers."""
    if not estimator._fitted_on_bytes:
        return rows.astype(np.float32) if rows.dtype == np.uint8 else rows
    if rows.dtype == np.uint8:
        return rows
    as_bytes = np.clip(rows, 0, 255).astype(np.uint8)
    if not np.array_equal(as_bytes, rows):
        raise ValueError(
            f"{type(estimator).__name__} was fitted on bytes and expects whole numbers "
            f"from 0 to 255, X has values from {rows.min()} to {rows.max()}."
        )
    return as_bytes


def _refuse_different_shapes(name, X):
    ragged = isinstance(X, np.ndarray) and X.dtype == object
    if not (isinstance(X, (list, tuple)) or ragged):
        return
    shapes = {getattr(row, "shape", None) for row in X}
    if len(shapes) > 1:
        raise ValueError(
            f"{name} expects rows of one shape, X has rows of the shapes "
            f"{sorted(shapes, key=str)[:4]}. Resize or crop the images first."
        )


def row_layout(name, row_shape, input_shape, n_dims):
    """Return the shape of a row with its channels at the end.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    row_shape : tuple of int
        Shape of a row of X.
    input_shape : tuple of int or None
        The shape that the user gives to flat rows.
    n_dims : {1, 2, 3} or None
        The number of spatial axes; None takes the number of axes for it, and a third
        one for channels.

    Returns
    -------
    layout : tuple of int
        The spatial axes, then the channels.

    Raises
    ------
    ValueError
        If the shapes do not go together.
    """
    shape = row_shape
    if input_shape is not None:
        shape = tuple(int(size) for size in input_shape)
        if min(shape, default=0) < 1 or math.prod(shape) != math.prod(row_shape):
            raise ValueError(
                f"input_shape of {name} must have as many values as a row of X, "
                f"{math.prod(row_shape)}, got {input_shape!r}."
            )
        if len(row_shape) > 1 and row_shape != shape:
            raise ValueError(
                f"input_shape of {name} must be the shape of a row of X, {row_shape}, "
                f"or X must have flat rows, got {input_shape!r}."
            )
    if n_dims is None:
        n_dims = {1: 1, 2: 2, 3: 2, 4: 3}.get(len(shape), 0)
    if len(shape) == n_dims:
        return (*shape, 1)
    if len(shape) == n_dims + 1:
        return shape
    raise ValueError(
        f"{name} expects rows that are signals (t,) or (t, c), images (h, w) or "
        f"(h, w, c), or volumes (d, h, w) or (d, h, w, c); with "
        f"n_dims={n_dims or 'auto'} a row cannot have the shape {shape}."
    )


def channel_statistics(X, n_channels, weight):
    """Return mean and standard deviation of each channel, as float64.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        The rows, with channels at the end; bytes count as 255ths.
    n_channels : int
        The number of channels.
    weight : ndarray of shape (n_samples,) or None
        The weights of the rows.

    Returns
    -------
    mean, scale : ndarray of shape (n_channels,)
        The scale is 1 for a channel that is constant.
    """
    values = X.reshape(len(X), -1, n_channels)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, np.float64)
    n_rows = max(1, _CHUNK // values[0].size)
    chunks = [slice(a, a + n_rows) for a in range(0, len(X), n_rows)]
    total = weight.sum() * values.shape[1]

    def mean_of(function):
        parts = (
            np.einsum("n,npc->c", weight[chunk], function(values[chunk]))
            for chunk in chunks
        )
        return sum(parts) / total

    mean = mean_of(lambda part: part.astype(np.float64))
    variance = mean_of(lambda part: (part - mean) ** 2)
    unit = 255.0 if X.dtype == np.uint8 else 1.0
    mean, scale = mean / unit, np.sqrt(variance) / unit
    # Rounding leaves a constant a little variance.
    constant = scale <= 1e-12 * np.abs(mean)
    return mean, np.where(constant, 1.0, scale)
