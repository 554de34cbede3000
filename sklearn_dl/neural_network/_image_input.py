"""Images, signals and volumes as networks take them, from all that users have."""

import math
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from sklearn_dl.utils._images import stack_images, values_as_fitted

__all__ = ["channel_statistics", "check_images", "fit_augmenter", "row_layout"]

# Values that are looked at together when statistics are computed.
_CHUNK = 2**24


def check_images(estimator, X, reset, *, keeps_bytes=True, **kwargs):
    """Validate rows and targets; bytes and floating numbers keep their types.

    Parameters
    ----------
    estimator : estimator
        Whose input it is.
    X : array-like of shape (n_samples, ...)
        The rows.
    reset : bool
        Whether this is the first data that the estimator sees.
    keeps_bytes : bool, default=True
        Whether bytes stay bytes; else they become floating numbers.
    **kwargs
        Of :func:`sklearn.utils.validation.validate_data`, ``y`` among them.

    Returns
    -------
    checked : ndarray or tuple of ndarray
        X, and y if given.
    """
    name = type(estimator).__name__
    X = stack_images(name, X)
    if not reset:
        _check_row_shape(estimator, getattr(X, "shape", ())[1:])
    checked = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=(np.float64, np.float32, *([np.uint8] if keeps_bytes else [])),
        allow_nd=True,
        **kwargs,
    )
    rows, *y = checked if isinstance(checked, tuple) else (checked,)
    if reset:
        estimator._row_shape = rows.shape[1:]
        estimator._fitted_on_bytes = rows.dtype == np.uint8
    else:
        rows = values_as_fitted(name, rows, estimator._fitted_on_bytes)
    return (rows, *y) if y else rows


def _check_row_shape(estimator, shape):
    """Refuse other shapes; of flat rows scikit-learn counts the features."""
    fitted = estimator._row_shape
    if shape != fitted and max(len(shape), len(fitted)) > 1:
        raise ValueError(
            f"{type(estimator).__name__} was fitted on rows of shape {fitted}, X has "
            f"rows of shape {shape}."
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
    elif _seems_channels_first(shape, n_dims):
        warnings.warn(
            f"{name} reads rows of shape {shape} as images of {shape[0]} x {shape[1]} "
            f"pixels with {shape[2]} channels each. If the channels come first, "
            f"transpose X with np.moveaxis(X, 1, -1); if not, say so with "
            f"input_shape={shape}.",
            UserWarning,
            stacklevel=2,
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


def _seems_channels_first(shape, n_dims):
    """Return whether a row looks like an image as torch has it."""
    return (
        n_dims in (None, 2)
        and len(shape) == 3
        and shape[0] in (1, 3)
        and min(shape[1:]) > 4
    )


def fit_augmenter(augment, X, shape):
    """Return a clone of an augmenter, fitted to rows that are images of a shape."""
    augmenter = clone(augment).set_params(input_shape=None)
    return augmenter.fit(X.reshape(len(X), *shape))


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
