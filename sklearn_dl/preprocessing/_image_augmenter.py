"""Augmentation as a transformer, and for networks."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_dl.modules import Augmentation, measure_images
from sklearn_dl.utils._images import stack_images, values_as_fitted
from sklearn_dl.utils._sklearn import Interval, StrOptions, fit_context

__all__ = ["ImageAugmenter"]

# Parameters that are those of the module, too.
_CHANGES = (
    "horizontal_flip",
    "vertical_flip",
    "rotation",
    "shift",
    "shear",
    "zoom",
    "crop",
    "brightness",
    "contrast",
    "color_shift",
    "pca_color",
    "noise",
    "erasing",
    "cutout",
    "mixup",
    "fill",
)
_SHARE = Interval(Real, 0, 1, closed="both")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
# Rows that are changed at once, and how many values they may have together.
_BLOCK_ROWS = 256
_BLOCK_SIZE = 2**23


class ImageAugmenter(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Random changes to training images that leave their targets as they are.

    An image of a cat that is mirrored, moved or a little darker is an image of a cat.
    A model that is shown such variants learns that the differences do not matter.

    Only training data are changed: :meth:`fit_transform` changes its images,
    :meth:`transform` returns them as they are. In a pipeline the next step is fitted
    on changed images, and predicts from images as they are. A network of this library
    takes the augmenter as its parameter `augment` and has every batch changed anew,
    on its device. :meth:`augment` gives a larger training set.

    Read more in the :ref:`User Guide <augmentation>`.

    Parameters
    ----------
    horizontal_flip : bool, default=False
        Whether half of the images, drawn at random, are mirrored: left becomes right.
        A signal runs backwards.

    vertical_flip : bool, default=False
        Whether half of the images are turned upside down. Not for signals.

    rotation : float, default=0.0
        Largest angle in degrees, to both sides. Not for signals.

    shift : float, default=0.0
        Largest shift to all sides, as a share of height and width. Shifts are whole
        pixels.

    shear : float, default=0.0
        Largest angle, in degrees, by which vertical lines lean to either side. Not for
        signals.

    zoom : float, default=0.0
        Images become larger by a factor between 1 / (1 + zoom) and 1 + zoom, drawn
        uniformly on a logarithmic scale.

    crop : int or float, default=None
        A whole number is that of the pixels that are added on each side before a crop
        of the old size is taken at random. Between 0 and 1 it is the smallest share of
        the sides that a window has, which is put at a random place and enlarged to
        the old size.

    brightness : float, default=0.0
        Values are multiplied by a factor between 1 - brightness and 1 + brightness.

    contrast : float, default=0.0
        Differences from the image's mean are multiplied by a factor between
        1 - contrast and 1 + contrast.

    color_shift : float, default=0.0
        Each channel is shifted by up to this share of the range of values.

    pca_color : float, default=0.0
        Standard deviation of shifts along the principal components of the training
        images' colours, in units of the standard deviation along each, after [1]_. Not
        for signals.

    noise : float, default=0.0
        Standard deviation of normal noise, as a share of the range of values.

    erasing : float, default=0.0
        Probability that an image loses a rectangle of random size and place to random
        values, after [2]_.

    cutout : float, default=0.0
        Sides of a rectangle that takes the image's mean, as a share of height and
        width. Its centre is any pixel, so that part of it may lie outside. After [3]_.

    mixup : float, default=0.0
        Images are mixed with others, and so are their targets. The share of an image
        itself is drawn from the beta distribution with both parameters `mixup`, after
        [4]_. It applies in a network and in :meth:`augment`.

    fill : {"constant", "nearest", "reflect"}, default="nearest"
        What moves in from outside: 0, the nearest pixel, or the mirror image.

    n_copies : int, default=1
        Number of changed copies of each image that :meth:`augment` adds.

    input_shape : tuple of int, default=None
        Height and width, or height, width and number of channels, of images that come
        as flat rows. None takes flat rows as signals.

    random_state : int, RandomState instance, default=None
        Determines the changes. The same int gives the same changes in every call of
        :meth:`fit_transform` and of :meth:`augment`. A network draws with its own
        `random_state`.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and number of channels of the images, or length and number of
        channels of the signals.

    value_range_ : tuple of float
        Smallest and largest value seen in `fit`; 0 and 255 for bytes.

    color_components_ : ndarray of shape (n_channels, n_channels) or None
        The principal components of the pixels' colours, one a row, by falling
        variance, each as long as the standard deviation along it. None if `pca_color`
        is 0.

    n_features_in_ : int
        Number of values of an image seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, where X has names that are all strings.

    See Also
    --------
    sklearn_dl.modules.Augmentation : The same for batches of tensors.

    Notes
    -----
    Images are arrays (n, height, width) or (n, height, width, channels), or flat rows.
    Bytes (uint8) stay bytes, rounded and clipped; floating numbers stay floating
    numbers and are not clipped. With the parameters' defaults nothing is changed.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with
       deep convolutional neural networks", NeurIPS 2012.
    .. [2] Z. Zhong, L. Zheng, G. Kang, S. Li and Y. Yang, "Random erasing data
       augmentation", AAAI 2020.
    .. [3] T. DeVries and G. Taylor, "Improved regularization of convolutional neural
       networks with cutout", arXiv 1708.04552.
    .. [4] H. Zhang, M. Cisse, Y. Dauphin and D. Lopez-Paz, "mixup: beyond empirical
       risk minimization", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_dl.preprocessing import ImageAugmenter
    >>> digits = load_digits()
    >>> augmenter = ImageAugmenter(rotation=10, shift=0.1, n_copies=2, random_state=0)
    >>> X, y = augmenter.fit(digits.images).augment(digits.images, digits.target)
    >>> digits.images.shape, X.shape, y.shape
    ((1797, 8, 8), (5391, 8, 8), (5391,))
    """

    _parameter_constraints: dict = {
        "horizontal_flip": ["boolean"],
        "vertical_flip": ["boolean"],
        "rotation": [Interval(Real, 0, 180, closed="both")],
        "shift": [_SHARE],
        "shear": [Interval(Real, 0, 90, closed="left")],
        "zoom": [_NOT_NEGATIVE],
        "crop": [
            None,
            Interval(Integral, 0, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "brightness": [_SHARE],
        "contrast": [_SHARE],
        "color_shift": [_NOT_NEGATIVE],
        "pca_color": [_NOT_NEGATIVE],
        "noise": [_NOT_NEGATIVE],
        "erasing": [_SHARE],
        "cutout": [_SHARE],
        "mixup": [_NOT_NEGATIVE],
        "fill": [StrOptions({"constant", "nearest", "reflect"})],
        "n_copies": [Interval(Integral, 1, None, closed="left")],
        "input_shape": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        horizontal_flip=False,
        vertical_flip=False,
        rotation=0.0,
        shift=0.0,
        shear=0.0,
        zoom=0.0,
        crop=None,
        brightness=0.0,
        contrast=0.0,
        color_shift=0.0,
        pca_color=0.0,
        noise=0.0,
        erasing=0.0,
        cutout=0.0,
        mixup=0.0,
        fill="nearest",
        n_copies=1,
        input_shape=None,
        random_state=None,
    ):
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rotation = rotation
        self.shift = shift
        self.shear = shear
        self.zoom = zoom
        self.crop = crop
        self.brightness = brightness
        self.contrast = contrast
        self.color_shift = color_shift
        self.pca_color = pca_color
        self.noise = noise
        self.erasing = erasing
        self.cutout = cutout
        self.mixup = mixup
        self.fill = fill
        self.n_copies = n_copies
        self.input_shape = input_shape
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the range of the values and, if they are wanted, the colours.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), \
                (n_samples, height, width, n_channels) or (n_samples, n_values)
            The training images.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : ImageAugmenter
            The fitted augmenter.

        Raises
        ------
        ValueError
            If X holds neither images nor signals, or they do not fit `input_shape`.
        """
        images, _ = self._read(X, reset=True)
        self._learn(images)
        return self

    def _learn(self, images):
        self.value_range_, components = measure_images(
            _as_tensor(images, images.dtype), colors=bool(self.pca_color)
        )
        self.color_components_ = None if components is None else components.numpy()

    def transform(self, X):
        """Return images to predict from: as they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), \
                (n_samples, height, width, n_channels) or (n_samples, n_values)
            Images of the shape seen in `fit`.

        Returns
        -------
        X_new : ndarray of the shape of X
            The same values; an array is not copied.
        """
        check_is_fitted(self)
        images, row_shape = self._read(X, reset=False)
        return images.reshape(len(images), *row_shape)

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Fit to training images and change them.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), \
                (n_samples, height, width, n_channels) or (n_samples, n_values)
            The training images.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        X_new : ndarray of the shape of X
            One changed image for each of X, so that targets still fit.

        Raises
        ------
        ValueError
            If X holds neither images nor signals, if the changes cannot be made, or if
            `mixup` is not 0.
        """
        if self.mixup:
            raise ValueError(
                f"mixup of {type(self).__name__} mixes targets too, which "
                f"fit_transform cannot return, and must be 0 for it, got "
                f"{self.mixup!r}. Call augment(X, y), or give the augmenter to a "
                f"network as its 'augment' parameter."
            )
        images, row_shape = self._read(X, reset=True)
        self._learn(images)
        changed = np.empty_like(images, order="C")
        self._change(images, changed, check_random_state(self.random_state))
        return changed.reshape(len(changed), *row_shape)

    def augment(self, X, y=None, n_copies=None):
        """Return images with changed copies of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), \
                (n_samples, height, width, n_channels) or (n_samples, n_values)
            Images of the shape seen in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their targets.

        n_copies : int, default=None
            Number of changed copies of each image. None takes that of the constructor.

        Returns
        -------
        X_new : ndarray of shape ((1 + n_copies) * n_samples, ...)
            The images, then a copy of each, then the next.

        y_new : ndarray of shape ((1 + n_copies) * n_samples, ...)
            The targets, only if `y` is given. With `mixup` they are shares: classes
            become columns, in sorted order, and a row holds the share of each class;
            numbers are mixed themselves.

        Raises
        ------
        ValueError
            If the changes cannot be made, or `mixup` is not 0 and there is no `y`.
        """
        check_is_fitted(self)
        images, row_shape = self._read(X, reset=False)
        n_copies = self._check_n_copies(n_copies)
        targets = self._check_targets(images, y)
        n = len(images)
        X_new = np.empty(((1 + n_copies) * n, *images.shape[1:]), images.dtype)
        y_new = None if targets is None else np.concatenate([targets] * (1 + n_copies))
        X_new[:n] = images
        random_state = check_random_state(self.random_state)
        for start in range(n, len(X_new), n):
            copies = slice(start, start + n)
            self._change(images, X_new[copies], random_state)
            if self.mixup:
                y_new[copies] = self._mix(X_new[copies], targets, random_state)
        X_new = X_new.reshape(len(X_new), *row_shape)
        return X_new if y is None else (X_new, y_new)

    def make_augmentation(self, input_shape):
        """Return the changes as a module, for a network's training loop.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of a row of a batch: (n_channels, height, width) or
            (n_channels, length).

        Returns
        -------
        augmentation : sklearn_dl.modules.Augmentation
            Takes batches of floating tensors and a generator. Images that were bytes
            in `fit` have to be divided by 255, and are kept between 0 and 1.

        Raises
        ------
        ValueError
            If the changes cannot be made to rows of that shape.
        """
        check_is_fitted(self)
        unit = 255.0 if self._bytes else 1.0
        return self._make_module(input_shape, unit)

    def _make_module(self, input_shape, unit):
        """Return the module for values that are divided by `unit`."""
        components = self.color_components_
        if components is not None:
            components = torch.from_numpy(components / np.float32(unit))
        augmentation = Augmentation(
            **{name: getattr(self, name) for name in _CHANGES},
            value_range=[value / unit for value in self.value_range_],
            clip=self._bytes,
            color_components=components,
        )
        augmentation.check_shape(input_shape, type(self).__name__)
        return augmentation

    def _change(self, images, out, random_state):
        """Write changed images to `out`."""
        *spatial, n_channels = self.image_shape_
        augmentation = self._make_module((n_channels, *spatial), unit=1.0)
        seed = int(random_state.randint(2**31 - 1))
        generator = torch.Generator().manual_seed(seed)
        dtype = np.float64 if images.dtype == np.float64 else np.float32
        n_rows = max(1, min(_BLOCK_ROWS, _BLOCK_SIZE // images[0].size))
        for start in range(0, len(images), n_rows):
            block = slice(start, start + n_rows)
            with torch.no_grad():
                changed = augmentation(_as_tensor(images[block], dtype), generator)
            _write(np.moveaxis(changed.numpy(), 1, -1), out[block])

    def _mix(self, images, targets, random_state):
        """Mix images with others, in place, and return their mixed targets."""
        partner = random_state.permutation(len(images))
        share = random_state.beta(self.mixup, self.mixup, size=len(images))
        others = images[partner]
        for image, other, own in zip(images, others, share, strict=True):
            _write(own * image + (1 - own) * other, image)
        share = share.reshape(-1, *[1] * (targets.ndim - 1))
        return share * targets + (1 - share) * targets[partner]

    def _check_n_copies(self, n_copies):
        if n_copies is None:
            return self.n_copies
        if not isinstance(n_copies, Integral) or n_copies < 1:
            raise ValueError(
                f"n_copies of {type(self).__name__}.augment must be an int from 1 on "
                f"or None, got {n_copies!r}."
            )
        return n_copies

    def _check_targets(self, images, y):
        """Return the targets, with `mixup` as numbers that can be mixed."""
        name = type(self).__name__
        if y is None:
            if self.mixup:
                raise ValueError(
                    f"mixup of {name} mixes targets too: augment needs y, or mixup=0, "
                    f"got mixup={self.mixup!r} and y=None."
                )
            return None
        check_consistent_length(images, y)
        y = np.asarray(y)
        if not self.mixup:
            return y
        kind = type_of_target(y, input_name="y")
        if kind in ("binary", "multiclass"):
            classes, codes = np.unique(y, return_inverse=True)
            return np.eye(len(classes))[codes.ravel()]
        if kind in ("continuous", "continuous-multioutput", "multilabel-indicator"):
            return y.astype(np.float64)
        raise ValueError(
            f"mixup of {name} mixes classes of one output, or numbers. Got y of the "
            f"type {kind!r}."
        )

    def _read(self, X, *, reset):
        """Check images.

        They come back as (n, *image_shape_), not copied, with the shape of a row of X.
        """
        name = type(self).__name__
        X = stack_images(name, X)
        row_shape = getattr(X, "shape", ())[1:]
        if len(row_shape) > 3:
            raise ValueError(
                f"{name} expects images (n, height, width) or (n, height, width, "
                f"channels), or flat rows. X has rows of shape {row_shape}; there is "
                f"no augmentation of volumes."
            )
        # An image of grey values has one channel.
        image_shape = (*row_shape, 1)[:3] if len(row_shape) > 1 else None
        if image_shape is not None:
            if not reset and image_shape != self.image_shape_:
                raise ValueError(
                    f"X has images of shape {image_shape}, but {name} was fitted with "
                    f"images of shape {self.image_shape_}."
                )
            X = np.asarray(X).reshape(len(X), math.prod(row_shape))
        dtypes = [np.float64, np.float32, np.uint8]
        rows = validate_data(self, X, dtype=dtypes, reset=reset)
        if reset:
            self.image_shape_ = self._resolve(rows.shape[1], image_shape)
            self._bytes = rows.dtype == np.uint8
        else:
            rows = values_as_fitted(name, rows, self._bytes)
        return rows.reshape(len(rows), *self.image_shape_), row_shape

    def _resolve(self, n_values, image_shape):
        """Return the shape of an image from `input_shape` and the images."""
        wanted = self.input_shape
        if wanted is None:
            return (n_values, 1) if image_shape is None else image_shape
        name, shape = type(self).__name__, tuple(wanted)
        whole = all(isinstance(side, Integral) and side > 0 for side in shape)
        if len(shape) not in (2, 3) or not whole:
            raise ValueError(
                f"input_shape of {name} must be (height, width) or (height, width, "
                f"n_channels), got {wanted!r}."
            )
        shape = tuple(int(side) for side in (*shape, 1)[:3])
        if math.prod(shape) != n_values or image_shape not in (None, shape):
            found = f"{n_values} values a row" if image_shape is None else image_shape
            raise ValueError(
                f"input_shape of {name} must be the shape of the images in X, which "
                f"has {found}, got {wanted!r}."
            )
        return shape

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "uint8"]
        return tags


def _as_tensor(images, dtype):
    """Return images with channels in front, not copied where torch can share them."""
    images = np.require(images, dtype=dtype, requirements=["C", "W"])
    return torch.from_numpy(np.moveaxis(images, -1, 1))


def _write(values, out):
    """Write numbers to an array; bytes are rounded and clipped."""
    if out.dtype == np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    out[...] = values
