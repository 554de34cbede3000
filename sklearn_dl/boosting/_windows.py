"""Images as estimators of windows take them: stacked, or as flat rows."""

import math

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_dl._numba._haar import integrate, shrink

__all__ = [
    "check_window_size",
    "integrals",
    "make_windows",
    "read_rows",
    "shrunk",
]

# Rows that are made to float64 at once.
BLOCK = 1024
# What becomes float64 later, block by block.
_DTYPES = [np.float64, np.float32, np.uint8]


def read_rows(estimator, X, y="no_validation", *, reset):
    """Check images, and return them as flat rows with the shape of an image.

    Parameters
    ----------
    estimator : estimator
        Has `input_shape` and, unless `reset`, `image_shape_`.
    X : array-like
        Images (n, height, width) or flat rows (n, n_pixels).
    y : array-like of shape (n,) or "no_validation", default="no_validation"
        Targets, checked with X unless there are none to check.
    reset : bool
        Whether X says what the number of pixels is, as in `fit`.

    Returns
    -------
    rows : ndarray of shape (n, n_pixels)
    y : ndarray of shape (n,)
        Only if it was given.
    image_shape : tuple of int
        Height and width.
    """
    name = type(estimator).__name__
    stacked = X if hasattr(X, "shape") else _stack(X)
    image_shape = None
    if len(stacked.shape) > 3:
        raise ValueError(
            f"X of {name} must hold grey images (n, height, width) or flat rows "
            f"(n, height * width). Got shape {tuple(stacked.shape)} instead."
        )
    if len(stacked.shape) == 3:
        image_shape = tuple(stacked.shape[1:])
        if not reset and image_shape != tuple(estimator.image_shape_):
            raise ValueError(
                f"X has images of {image_shape[0]} x {image_shape[1]} pixels, but "
                f"{name} was fitted with images of {estimator.image_shape_[0]} x "
                f"{estimator.image_shape_[1]}."
            )
        X = np.asarray(stacked).reshape(len(stacked), -1)
    checked = validate_data(estimator, X, y, dtype=_DTYPES, order="C", reset=reset)
    unsupervised = isinstance(y, str)
    rows = checked if unsupervised else checked[0]
    if not reset:
        image_shape = tuple(estimator.image_shape_)
    else:
        image_shape = _resolve(estimator, rows.shape[1], image_shape)
    return (rows, image_shape) if unsupervised else (*checked, image_shape)


def _stack(X):
    """Return nested lists as an array where they are even, to see their depth."""
    try:
        return np.asarray(X)
    except ValueError:
        # Uneven: left to the common checks, which say so.
        return np.empty((0, 0))


def _resolve(estimator, n_pixels, image_shape):
    """Return the shape of an image from `input_shape`, the images or their pixels."""
    name, wanted = type(estimator).__name__, estimator.input_shape
    if wanted is None:
        if image_shape is not None:
            return image_shape
        side = math.isqrt(n_pixels)
        if side * side != n_pixels:
            raise ValueError(
                f"Rows of {n_pixels} pixels are no square images: the 'input_shape' "
                f"parameter of {name} must say which height and width they have."
            )
        return side, side
    shape = _two_numbers(estimator, "input_shape", lowest=-1)
    if shape.count(-1) == 1:
        known = max(shape)
        shape = tuple(n_pixels // known if n == -1 else n for n in shape)
    if min(shape) < 1 or shape[0] * shape[1] != n_pixels:
        raise ValueError(
            f"The 'input_shape' parameter of {name} must fit rows of {n_pixels} "
            f"pixels. Got {wanted!r} instead."
        )
    if image_shape is not None and shape != image_shape:
        raise ValueError(
            f"The 'input_shape' parameter of {name} must be None or that of the "
            f"images, {image_shape}. Got {wanted!r} instead."
        )
    return shape


def _two_numbers(estimator, parameter, lowest):
    value = getattr(estimator, parameter)
    numbers = tuple(value)
    whole = all(isinstance(n, int | np.integer) for n in numbers)
    if len(numbers) != 2 or not whole or min(numbers) < lowest or 0 in numbers:
        raise ValueError(
            f"The {parameter!r} parameter of {type(estimator).__name__} must be a "
            f"height and a width, two whole numbers of pixels. Got {value!r} instead."
        )
    return int(numbers[0]), int(numbers[1])


def check_window_size(estimator, image_shape):
    """Return the size of the windows, which images must not be smaller than.

    Parameters
    ----------
    estimator : estimator
        Has `window_size`.
    image_shape : tuple of int
        Height and width of the images.

    Returns
    -------
    window_size : tuple of int
        Height and width.
    """
    if estimator.window_size is None:
        return image_shape
    size = _two_numbers(estimator, "window_size", lowest=1)
    if size[0] > image_shape[0] or size[1] > image_shape[1]:
        raise ValueError(
            f"The 'window_size' parameter of {type(estimator).__name__} must fit in "
            f"images of {image_shape[0]} x {image_shape[1]} pixels. Got "
            f"{estimator.window_size!r} instead."
        )
    return size


def integrals(image):
    """Return the integral images of an image and of its square, both float64."""
    image = np.array(image, dtype=np.float64, order="C")
    shape = (image.shape[0] + 1, image.shape[1] + 1)
    sums, squares = np.empty(shape), np.empty(shape)
    integrate(image, sums, squares)
    return sums, squares


def shrunk(image, size):
    """Return an image of means over areas.

    Parameters
    ----------
    image : ndarray of shape (height, width)
    size : tuple of int
        Height and width of the result.

    Returns
    -------
    small : ndarray of shape `size`, float64
    """
    if tuple(size) == image.shape:
        return np.array(image, dtype=np.float64, order="C")
    small = np.empty(size)
    shrink(integrals(image)[0], small)
    return small


def make_windows(rows, image_shape, window_size):
    """Return flat rows as windows, shrunk where the images are larger.

    Parameters
    ----------
    rows : ndarray of shape (n, height * width)
    image_shape, window_size : tuple of int

    Returns
    -------
    windows : ndarray of shape (n, window_height, window_width), float64
        A copy.
    """
    images = rows.reshape(len(rows), *image_shape)
    if tuple(image_shape) == tuple(window_size):
        return np.array(images, dtype=np.float64, order="C")
    windows = np.empty((len(rows), *window_size))
    for window, image in zip(windows, images, strict=True):
        window[:] = shrunk(image, window_size)
    return windows
