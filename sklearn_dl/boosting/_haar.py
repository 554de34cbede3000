"""Haar-like features of images."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._numba._haar import integrate_windows, values_of_windows
from sklearn_dl.boosting._haar_shapes import (
    KINDS,
    corners_of,
    count_features,
    locate_features,
)
from sklearn_dl.boosting._windows import (
    BLOCK,
    check_window_size,
    make_windows,
    read_rows,
)
from sklearn_dl.utils._sklearn import Interval, check_feature_names_in, fit_context

__all__ = ["HaarFeatures"]

# Features that are computed in float64 at once, for a block of windows.
_FEATURE_BLOCK = 2048
_WINDOW_BLOCK = 64


def _check_kinds(estimator):
    kinds = list(estimator.kinds)
    if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= KINDS.keys():
        raise ValueError(
            f"The 'kinds' parameter of {type(estimator).__name__} must hold some of "
            f"{', '.join(map(repr, KINDS))}, each once. Got {estimator.kinds!r} "
            f"instead."
        )
    return kinds


def draw_features(estimator, random_state):
    """Return the features of an estimator's windows, or some of them at random.

    Parameters
    ----------
    estimator : estimator
        Has `kinds`, `n_features`, `window_size_` and `n_features_in_`.
    random_state : int, RandomState instance or None
        Asked only if there is something to draw.

    Returns
    -------
    kinds : ndarray of shape (n_features,) of str
        The kind of each.
    rectangles : ndarray of shape (n_features, 4), int32
        Row, column, height and width of each.
    """
    kinds, window_size = _check_kinds(estimator), estimator.window_size_
    counts = [count_features(window_size, kind) for kind in kinds]
    total = sum(counts)
    if total == 0:
        raise ValueError(
            f"Windows of {window_size[0]} x {window_size[1]} pixels are too small for "
            f"{type(estimator).__name__} with kinds={estimator.kinds!r}: X has "
            f"n_features = {estimator.n_features_in_}."
        )
    if estimator.n_features is None or estimator.n_features >= total:
        numbers = np.arange(total)
    else:
        drawn = sample_without_replacement(
            total, estimator.n_features, random_state=check_random_state(random_state)
        )
        numbers = np.sort(drawn)
    names, rectangles = [], []
    first = 0
    for kind, count in zip(kinds, counts, strict=True):
        own = numbers[(numbers >= first) & (numbers < first + count)] - first
        names.append(np.full(len(own), kind))
        rectangles.append(locate_features(window_size, kind, own))
        first += count
    return np.concatenate(names), np.concatenate(rectangles)


class HaarFeatures(TransformerMixin, BaseEstimator):
    """Haar-like features: differences of sums over neighbouring rectangles.

    A feature of Viola and Jones [1]_ is the sum of the pixels in some cells less the
    sum in others, cells of one size that lie side by side. An integral image gives
    the sum over any rectangle from its four corners, so that a feature costs the same
    at any size. A window of 24 x 24 pixels has 162,336 of them.

    Read more in the :ref:`User Guide <viola_jones>`.

    Parameters
    ----------
    window_size : tuple of int, default=None
        Height and width of the windows, in pixels. Larger images are shrunk to it
        as a whole, by means over areas. None takes the size of the images.

    input_shape : tuple of int, default=None
        Height and width of images that come as flat rows. One of them may be -1, to
        be found from the number of pixels. None takes flat rows as square images.

    kinds : array-like of str, default=("type-2-x", "type-2-y", "type-3-x", \
            "type-3-y", "type-4")
        The kinds of features: two or three cells side by side ("x") or on top of each
        other ("y"), or a square of four. The names are scikit-image's.

    n_features : int, default=None
        Number of features to draw at random. None, or more than there are, takes all.

    normalize : bool, default=False
        Whether the features are those of the standardised window, with mean 0 and
        standard deviation 1, so that they do not depend on the light. The features of
        a window that is flat are 0 then.

    random_state : int, RandomState instance, default=None
        Determines which features are drawn.

    Attributes
    ----------
    feature_kinds_ : ndarray of shape (n_features_out,) of str
        The kind of each feature.

    feature_rectangles_ : ndarray of shape (n_features_out, 4), int32
        Row, column, height and width of the rectangle that each feature's cells fill
        together.

    image_shape_ : tuple of int
        Height and width of the images seen in `fit`.

    window_size_ : tuple of int
        Height and width of the windows.

    n_features_in_ : int
        Number of pixels of an image seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, where X has names that are all strings.

    See Also
    --------
    CascadeClassifier : Finds objects by features of this kind.

    Notes
    -----
    The values are those of scikit-image's `haar_like_feature`, in its order: by kind,
    then row, column, height and width. The first cell counts negative, the next
    positive, and so on:

    - "type-2-x": right minus left; "type-2-y": lower minus upper;
    - "type-3-x", "type-3-y": the middle minus both others;
    - "type-4": upper right and lower left minus the others.

    Images of uint8 have whole values, exact up to 2^24 in float32, which is more than
    a window of 256 x 256 can reach.

    References
    ----------
    .. [1] P. Viola and M. Jones, "Rapid object detection using a boosted cascade of
       simple features", CVPR 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.boosting import HaarFeatures
    >>> image = np.array([[1, 10], [100, 1000]], dtype=np.uint16)
    >>> features = HaarFeatures().fit(image[np.newaxis])
    >>> for name, value in zip(
    ...     features.get_feature_names_out(), features.transform(image[np.newaxis])[0]
    ... ):
    ...     print(name, value)
    type-2-x_r0_c0_h1_w2 9.0
    type-2-x_r0_c0_h2_w2 909.0
    type-2-x_r1_c0_h1_w2 900.0
    type-2-y_r0_c0_h2_w1 99.0
    type-2-y_r0_c0_h2_w2 1089.0
    type-2-y_r0_c1_h2_w1 990.0
    type-4_r0_c0_h2_w2 -891.0
    >>> HaarFeatures().fit(np.zeros((1, 24, 24))).feature_rectangles_.shape
    (162336, 4)
    """

    _parameter_constraints: dict = {
        "window_size": ["array-like", None],
        "input_shape": ["array-like", None],
        "kinds": ["array-like"],
        "n_features": [Interval(Integral, 1, None, closed="left"), None],
        "normalize": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        window_size=None,
        *,
        input_shape=None,
        kinds=("type-2-x", "type-2-y", "type-3-x", "type-3-y", "type-4"),
        n_features=None,
        normalize=False,
        random_state=None,
    ):
        self.window_size = window_size
        self.input_shape = input_shape
        self.kinds = kinds
        self.n_features = n_features
        self.normalize = normalize
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the size of the images, and choose the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_pixels)
            Grey images, or their pixels row by row.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : HaarFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If the sizes do not fit one another, or a window is too small for any
            feature.
        """
        _, self.image_shape_ = read_rows(self, X, reset=True)
        self.window_size_ = check_window_size(self, self.image_shape_)
        self.feature_kinds_, self.feature_rectangles_ = draw_features(
            self, self.random_state
        )
        return self

    def transform(self, X):
        """Compute the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_pixels)
            Grey images of the size seen in `fit`, or their pixels row by row.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features_out)
            Their values, float64 for images of float64 and else float32.
        """
        check_is_fitted(self)
        rows, image_shape = read_rows(self, X, reset=False)
        # Whole numbers of any kind but uint8 have been made float64 by the check.
        dtype = np.float64 if rows.dtype == np.float64 else np.float32
        out = np.empty((len(rows), len(self.feature_kinds_)), dtype=dtype)
        corners = corners_of(self.feature_kinds_, self.feature_rectangles_)
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            windows = make_windows(rows[block], image_shape, self.window_size_)
            self._transform_block(windows, corners, out[block])
        return out

    def _transform_block(self, windows, corners, out):
        n_windows, height, width = windows.shape
        sums = np.empty(((height + 1) * (width + 1), n_windows))
        means, scales = np.empty(n_windows), np.empty(n_windows)
        integrate_windows(windows, bool(self.normalize), sums, means, scales)
        values = np.empty(_WINDOW_BLOCK * _FEATURE_BLOCK)
        for first in range(0, len(corners.kinds), _FEATURE_BLOCK):
            part = slice(first, first + _FEATURE_BLOCK)
            arguments = corners.arguments(width + 1, part)
            for start in range(0, n_windows, _WINDOW_BLOCK):
                some = slice(start, start + _WINDOW_BLOCK)
                shape = len(means[some]), len(arguments[0])
                tile = values[: shape[0] * shape[1]].reshape(shape)
                block = np.ascontiguousarray(sums[:, some])
                values_of_windows(block, means[some], scales[some], *arguments, tile)
                out[some, part] = tile

    def get_feature_names_out(self, input_features=None):
        """Return names that say where each feature lies.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the names seen in `fit`, and else not used.

        Returns
        -------
        feature_names_out : ndarray of str objects
            Such as "type-2-x_r3_c0_h4_w6": the kind, and row, column, height and
            width in the window.
        """
        check_is_fitted(self)
        check_feature_names_in(self, input_features)
        names = [
            f"{kind}_r{row}_c{column}_h{height}_w{width}"
            for kind, (row, column, height, width) in zip(
                self.feature_kinds_, self.feature_rectangles_.tolist(), strict=True
            )
        ]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
