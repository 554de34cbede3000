"""Images as users have them."""

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["stack_images", "values_as_fitted"]


def stack_images(name: str, X: Any) -> Any:
    """Return images that come one by one as an array.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    X : array-like, list of array-like, Series or ndarray of objects
        The images.

    Returns
    -------
    X : array-like
        An array, where there was something that makes one; else X.

    Raises
    ------
    ValueError
        If the images differ in shape.
    """
    is_column = isinstance(X, (pd.Series, np.ndarray)) and X.ndim == 1
    if hasattr(X, "shape") and not (is_column and X.dtype == object):
        return X
    if is_column or isinstance(X, (list, tuple)):
        X = list(X)
        shapes = {getattr(image, "shape", None) for image in X}
        if len(shapes) > 1:
            raise ValueError(
                f"{name} expects images of one shape, X has images of the shapes "
                f"{sorted(shapes, key=str)[:4]}. Resize or crop the images first."
            )
    # What makes no array is left to scikit-learn's checks.
    with suppress(ValueError):
        return np.asarray(X)
    return X


def values_as_fitted(
    name: str, images: np.ndarray, fitted_on_bytes: bool
) -> np.ndarray:
    """Return images with values in the unit of those that an estimator has seen.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    images : ndarray
        Validated images, of bytes or of floating numbers.
    fitted_on_bytes : bool
        Whether it was fitted on bytes.

    Returns
    -------
    images : ndarray
        Bytes, where it was fitted on bytes, else floating numbers.

    Raises
    ------
    ValueError
        If it was fitted on bytes, and these are other numbers.
    """
    if not fitted_on_bytes:
        return images.astype(np.float32) if images.dtype == np.uint8 else images
    if images.dtype == np.uint8:
        return images
    as_bytes = np.clip(images, 0, 255).astype(np.uint8)
    if not np.array_equal(as_bytes, images):
        raise ValueError(
            f"{name} was fitted on bytes and expects whole numbers from 0 to 255, X "
            f"has values from {images.min()} to {images.max()}."
        )
    return as_bytes
