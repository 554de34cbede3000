"""Detection of objects by a cascade of boosted stages."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.boosting._cascade_scan import (
    Background,
    Cascade,
    find_windows,
    merge_boxes,
)
from sklearn_dl.boosting._cascade_stage import Sample, train_stage
from sklearn_dl.boosting._haar import draw_features
from sklearn_dl.boosting._haar_shapes import corners_of
from sklearn_dl.boosting._windows import (
    BLOCK,
    check_window_size,
    make_windows,
    read_rows,
)
from sklearn_dl.utils._sklearn import Interval, check_sample_weight, fit_context

__all__ = ["CascadeClassifier"]

# What is learned and is numbers.
_FLOATS = (
    "stage_thresholds_",
    "stage_hit_rates_",
    "stage_false_alarm_rates_",
    "false_alarm_rates_",
    "stump_thresholds_",
    "stump_votes_",
)


class CascadeClassifier(ClassifierMixin, BaseEstimator):
    """Cascade of boosted stages on Haar-like features, after Viola and Jones.

    It learns to tell windows that show an object, such as a face, from all others,
    and finds the object in images of any size [1]_. Each stage is a small AdaBoost of
    stumps on :class:`HaarFeatures`. Its threshold lets nearly all objects pass and
    about half of what else comes. A window that a stage rejects is done with, so
    that most windows of an image cost a few features.

    Read more in the :ref:`User Guide <viola_jones>`.

    Parameters
    ----------
    window_size : tuple of int, default=None
        Height and width of the windows, in pixels; smaller objects are not found.
        Larger images in `fit` and `predict` are shrunk to it as a whole, by means over
        areas. None takes the size of the images.

    input_shape : tuple of int, default=None
        Height and width of images that come as flat rows. One of them may be -1, to
        be found from the number of pixels. None takes flat rows as square images.

    kinds : array-like of str, default=("type-2-x", "type-2-y", "type-3-x", \
            "type-3-y", "type-4")
        The kinds of features: two or three cells side by side ("x") or on top of each
        other ("y"), or a square of four. The names are scikit-image's.

    n_features : int, default=10000
        Number of features, drawn at random, that each stage chooses from. None, or
        more than there are, takes all.

    normalize : bool, default=True
        Whether the features are those of the standardised window, with mean 0 and
        standard deviation 1, so that they do not depend on the light.

    n_stages : int, default=10
        Greatest number of stages. The training ends earlier when
        ``max_false_alarm_rate ** n_stages`` is reached, or no window without the
        object passes any more.

    min_hit_rate : float, default=0.995
        Share of the objects that each stage lets pass, at least.

    max_false_alarm_rate : float, default=0.5
        A stage is complete when no larger share of the windows without the object
        passes, of those that it was trained with.

    n_estimators_per_stage : int, default=100
        Greatest number of stumps in a stage, which is complete with them in any case.

    n_negatives : int, default=None
        Number of windows without the object that a stage is trained with, if there is
        a background to draw them from. None takes twice as many as there are objects.

    validation_fraction : float, default=0.0
        Share of the objects that the thresholds of the stages are set on and the
        stumps are not trained with. With 0 they are set on the objects of the
        training.

    scale_factor : float, default=1.2
        Ratio of the sizes of windows in `detect`, from one to the next, and in the
        background.

    step : int, default=1
        Distance of neighbouring windows there, in pixels of the image that is shrunk
        until the object fits the window.

    cache_size : float, default=200
        Room for the binned values of features in `fit`, in megabytes, one byte for
        each feature of each window. Features that do not fit in are computed again
        for each stump, which takes longer and gives the same.

    random_state : int, RandomState instance, default=None
        Determines the features and the windows of the background that are drawn, and
        the objects that are held out.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The class labels. The second is the object's.

    n_stages_ : int
        Number of stages.

    stage_ends_ : ndarray of shape (n_stages,)
        Number of stumps up to the end of each stage.

    stage_thresholds_ : ndarray of shape (n_stages,)
        What the sum of a stage's votes must exceed.

    stage_hit_rates_ : ndarray of shape (n_stages,)
        Share of the objects that passed each stage, of those that came to it.

    stage_false_alarm_rates_ : ndarray of shape (n_stages,)
        Share of the windows without the object that passed each stage, of those that
        it was trained with.

    false_alarm_rates_ : ndarray of shape (n_stages,)
        Share of all windows without the object that came to each stage: of the
        background, if there was one.

    feature_kinds_ : ndarray of shape (n_stumps,) of str
        The kind of each stump's feature.

    feature_rectangles_ : ndarray of shape (n_stumps, 4), int32
        Row, column, height and width of each stump's feature.

    stump_thresholds_ : ndarray of shape (n_stumps,)
        The threshold of each stump.

    stump_votes_ : ndarray of shape (n_stumps,)
        The vote for the object when the feature is above the threshold. Otherwise it
        has the other sign.

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
    HaarFeatures : The features, as a transformer.

    Notes
    -----
    In a stage the weights of the objects and of the other windows add up to one half
    each. A round takes the stump with the lowest weighted error e among thresholds on
    256 bins of each feature's range, gives it the vote 1/2 ln((1 - e) / e), and
    multiplies the weights of the windows that it gets wrong. The stage's threshold is
    0, or as much lower as `min_hit_rate` asks for.

    Beside `cache_size` and the background, `fit` takes about 40 bytes for each pixel
    of the windows of a stage, and 250 for each feature. A background of as many images
    as X has rows would be split with X by scikit-learn's cross-validation.

    References
    ----------
    .. [1] P. Viola and M. Jones, "Rapid object detection using a boosted cascade of
       simple features", CVPR 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.boosting import CascadeClassifier
    >>> generator = np.random.default_rng(0)
    >>> X = generator.normal(size=(600, 12, 12))
    >>> y = np.repeat([0, 1], 300)
    >>> for window in X[300:]:
    ...     row, column = generator.integers(2, 5, size=2)
    ...     window[row : row + 6, column : column + 6] += 3
    >>> background = generator.normal(size=(5, 60, 80))
    >>> model = CascadeClassifier(n_features=2000, random_state=0)
    >>> model = model.fit(X, y, background=background)
    >>> bool(model.score(X, y) > 0.97)
    True
    >>> image = generator.normal(size=(60, 80))
    >>> image[23:29, 43:49] += 3
    >>> boxes, scores = model.detect(image)
    >>> middle = (boxes[0, :2] + boxes[0, 2:]) / 2
    >>> bool(np.all(abs(middle - [46, 26]) < 2))
    True
    """

    _parameter_constraints: dict = {
        "window_size": ["array-like", None],
        "input_shape": ["array-like", None],
        "kinds": ["array-like"],
        "n_features": [Interval(Integral, 1, None, closed="left"), None],
        "normalize": ["boolean"],
        "n_stages": [Interval(Integral, 1, None, closed="left")],
        "min_hit_rate": [Interval(Real, 0, 1, closed="right")],
        "max_false_alarm_rate": [Interval(Real, 0, 1, closed="neither")],
        "n_estimators_per_stage": [Interval(Integral, 1, None, closed="left")],
        "n_negatives": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scale_factor": [Interval(Real, 1, None, closed="neither")],
        "step": [Interval(Integral, 1, None, closed="left")],
        "cache_size": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        window_size=None,
        *,
        input_shape=None,
        kinds=("type-2-x", "type-2-y", "type-3-x", "type-3-y", "type-4"),
        n_features=10000,
        normalize=True,
        n_stages=10,
        min_hit_rate=0.995,
        max_false_alarm_rate=0.5,
        n_estimators_per_stage=100,
        n_negatives=None,
        validation_fraction=0.0,
        scale_factor=1.2,
        step=1,
        cache_size=200,
        random_state=None,
    ):
        self.window_size = window_size
        self.input_shape = input_shape
        self.kinds = kinds
        self.n_features = n_features
        self.normalize = normalize
        self.n_stages = n_stages
        self.min_hit_rate = min_hit_rate
        self.max_false_alarm_rate = max_false_alarm_rate
        self.n_estimators_per_stage = n_estimators_per_stage
        self.n_negatives = n_negatives
        self.validation_fraction = validation_fraction
        self.scale_factor = scale_factor
        self.step = step
        self.cache_size = cache_size
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, background=None):
        """Train the stages.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_pixels)
            Grey images of the object and of anything else, or their pixels row by
            row.

        y : array-like of shape (n_samples,)
            Two classes. The one that sorts last is the object: 1 of 0 and 1, True of
            False and True.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the images within their class. None weighs all alike.

        background : list of array-like of shape (height, width), default=None
            Grey images, of any sizes, that do not show the object. Each stage is
            trained with windows drawn from them that the stages before take for the
            object, beside those of X. Windows of the background weigh 1 each. With
            None there are fewer from stage to stage.

        Returns
        -------
        self : CascadeClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If the sizes do not fit one another, or y has not two classes.
        """
        rows, y, self.image_shape_ = read_rows(self, X, y, reset=True)
        self.window_size_ = check_window_size(self, self.image_shape_)
        is_object = self._encode(y)
        weights = check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
        counted = weights > 0
        windows = make_windows(rows[counted], self.image_shape_, self.window_size_)
        sample = Sample(windows, is_object[counted], weights[counted])
        if sample.is_object.all() or not sample.is_object.any():
            raise ValueError(
                f"{type(self).__name__} needs rows of both classes with a "
                f"sample_weight above 0. It got rows of one."
            )
        generator = check_random_state(self.random_state)
        sample, judges = self._hold_out(sample, generator)
        images = None
        if background is not None:
            images = self._read_background(background, generator)
        self._train(sample, judges, images, generator)
        return self

    def _encode(self, y):
        """Learn the classes, and say which rows show the object."""
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}: {type(self).__name__} got "
                f"{len(self.classes_)} classes."
            )
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes in y, the object and "
                f"anything else. It got 1 class: {self.classes_[0]!r}."
            )
        return codes == 1

    def _hold_out(self, sample, generator):
        """Split off the objects that thresholds are set on."""
        objects = np.flatnonzero(sample.is_object)
        if self.validation_fraction == 0:
            return sample, sample.take(objects)
        n_held = max(round(self.validation_fraction * len(objects)), 1)
        if n_held >= len(objects):
            raise ValueError(
                f"With validation_fraction={self.validation_fraction} "
                f"{type(self).__name__} has no object left to train with, of "
                f"{len(objects)}."
            )
        held = generator.permutation(objects)[:n_held]
        mask = np.zeros(len(sample.windows), dtype=bool)
        mask[held] = True
        return sample.take(~mask), sample.take(mask)

    def _read_background(self, background, generator):
        images = [
            check_array(image, dtype=np.float64, input_name="background")
            for image in background
        ]
        height, width = self.window_size_
        images = [i for i in images if i.shape[0] >= height and i.shape[1] >= width]
        if not images:
            raise ValueError(
                f"The 'background' of {type(self).__name__} must have an image of at "
                f"least {height} x {width} pixels, the size of a window. It has none."
            )
        return Background(
            images, self.window_size_, self.scale_factor, self.step, generator
        )

    def _train(self, sample, judges, background, generator):
        """Train stage by stage on what the stages before let pass."""
        self._begin()
        n_negatives = self.n_negatives or 2 * int(sample.is_object.sum())
        all_weight = sample.weights[~sample.is_object].sum()
        goal = self.max_false_alarm_rate**self.n_stages
        rate = 1.0
        for _ in range(self.n_stages):
            cascade = self._cascade()
            sample = sample.take(cascade.evaluate(sample.windows)[0] > 0)
            judges = judges.take(cascade.evaluate(judges.windows)[0] > 0)
            others = ~sample.is_object
            rows = sample
            if background is None:
                rate = sample.weights[others].sum() / all_weight
            else:
                n_wanted = max(n_negatives - int(others.sum()), 1)
                windows, rate = background.draw(cascade, n_wanted, rate)
                rows = sample.with_background(windows)
            if not sample.is_object.any():
                break
            if rate <= goal:
                if background is not None and background.n_windows * goal < 1:
                    self._warn(
                        f"none of the {background.n_windows} windows of the background "
                        f"passes any more. Only a larger one can tell whether "
                        f"max_false_alarm_rate ** n_stages = {goal:.2g} is reached"
                    )
                break
            features = draw_features(self, generator)
            stage = self._train_stage(rows, judges, features)
            if stage is None or stage.false_alarm_rate == 1.0:
                self._warn(
                    f"one of {self.n_estimators_per_stage} stumps that lets "
                    f"{self.min_hit_rate} of the objects pass rejects nothing"
                )
                break
            self._append(stage, features, rate)
            rate *= stage.false_alarm_rate

    def _train_stage(self, sample, judges, features):
        return train_stage(
            sample,
            judges,
            corners_of(*features),
            n_estimators=self.n_estimators_per_stage,
            min_hit_rate=self.min_hit_rate,
            max_false_alarm_rate=self.max_false_alarm_rate,
            normalize=bool(self.normalize),
            cache_size=self.cache_size,
        )

    def _warn(self, reason):
        warnings.warn(
            f"{type(self).__name__} stopped after {self.n_stages_} of "
            f"{self.n_stages} stages: {reason}.",
            ConvergenceWarning,
            stacklevel=5,
        )

    def _begin(self):
        """Start with no stage, which lets everything pass."""
        self.n_stages_ = 0
        self.stage_ends_ = np.empty(0, dtype=np.int64)
        self.feature_kinds_ = np.empty(0, dtype="<U8")
        self.feature_rectangles_ = np.empty((0, 4), dtype=np.int32)
        for name in _FLOATS:
            setattr(self, name, np.empty(0))

    def _append(self, stage, features, rate):
        """Take a stage in."""
        kinds, rectangles = features
        values = {
            "stage_thresholds_": stage.threshold,
            "stage_hit_rates_": stage.hit_rate,
            "stage_false_alarm_rates_": stage.false_alarm_rate,
            "false_alarm_rates_": rate,
            "stump_thresholds_": stage.thresholds,
            "stump_votes_": stage.votes,
            "feature_kinds_": kinds[stage.features],
            "feature_rectangles_": rectangles[stage.features],
            "stage_ends_": len(self.stump_votes_) + len(stage.votes),
        }
        for name, new in values.items():
            old = getattr(self, name)
            new = np.asarray(new).reshape(-1, *old.shape[1:])
            setattr(self, name, np.concatenate([old, new]))
        self.n_stages_ += 1

    def _cascade(self):
        return Cascade.build(
            self.window_size_,
            self.normalize,
            self.feature_kinds_,
            self.feature_rectangles_,
            self.stump_thresholds_,
            self.stump_votes_,
            self.stage_ends_,
            self.stage_thresholds_,
        )

    def _evaluate(self, X):
        """Return the scores of images, and the number of features each took."""
        check_is_fitted(self)
        rows, image_shape = read_rows(self, X, reset=False)
        cascade = self._cascade()
        parts = [
            cascade.evaluate(
                make_windows(
                    rows[start : start + BLOCK], image_shape, self.window_size_
                )
            )
            for start in range(0, len(rows), BLOCK)
        ]
        scores, counts = zip(*parts, strict=True)
        return np.concatenate(scores), np.concatenate(counts)

    def decision_function(self, X):
        """Score images by how far they get.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_pixels)
            Grey images of the size seen in `fit`, or their pixels row by row.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Above 0 for images that pass all stages: the sum, over the stages, of the
            votes above the threshold, each divided by the sum of the stage's votes
            without their signs. An image that the last stage rejects has a score in
            [-1, 0], the one before it in [-2, -1], and so on.
        """
        return self._evaluate(X)[0]

    def predict(self, X):
        """Predict whether images show the object.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_pixels)
            Grey images of the size seen in `fit`, or their pixels row by row.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The class labels.
        """
        passed = self.decision_function(X) > 0
        return self.classes_[passed.astype(np.intp)]

    def n_features_evaluated(self, X):
        """Count the features that images take until they are rejected.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, n_pixels)
            Grey images of the size seen in `fit`, or their pixels row by row.

        Returns
        -------
        counts : ndarray of shape (n_samples,)
            Number of features. Images that pass take all.
        """
        return self._evaluate(X)[1]

    def detect(
        self, image, *, min_neighbors=3, max_overlap=0.3, min_size=None, max_size=None
    ):
        """Find the object in an image.

        The image is shrunk again and again by `scale_factor`, and each time all
        windows are looked at, `step` pixels apart. An object is seen in several of
        them, which are merged.

        Parameters
        ----------
        image : array-like of shape (height, width)
            A grey image, not smaller than a window, with values of the kind seen in
            `fit`; with `normalize=True` their unit does not matter.

        min_neighbors : int, default=3
            Number of windows that have to agree on an object. With 0 all windows that
            pass are returned as they are.

        max_overlap : float, default=0.3
            Windows whose intersection is a larger share of their union are merged.

        min_size : float, default=None
            Least height of an object, in pixels. None looks for all.

        max_size : float, default=None
            Greatest height of an object, in pixels. None looks for all.

        Returns
        -------
        boxes : ndarray of shape (n_found, 4)
            Left, upper, right and lower edge of each, in pixels: x_min, y_min, x_max,
            y_max. ``image[y_min:y_max, x_min:x_max]`` shows the object.

        scores : ndarray of shape (n_found,)
            The sum of the scores of the windows that agree, in falling order.

        Raises
        ------
        ValueError
            If the image is no grey image, or smaller than a window.
        """
        check_is_fitted(self)
        name = type(self).__name__
        image = check_array(image, dtype=np.float64, order="C", input_name="image")
        if (
            image.shape[0] < self.window_size_[0]
            or image.shape[1] < (self.window_size_[1])
        ):
            raise ValueError(
                f"The 'image' of {name}.detect must be at least as large as a window, "
                f"{self.window_size_[0]} x {self.window_size_[1]} pixels. Got "
                f"{image.shape[0]} x {image.shape[1]} instead."
            )
        if min_neighbors < 0 or not 0 <= max_overlap < 1:
            raise ValueError(
                f"{name}.detect needs a 'min_neighbors' of at least 0 and a "
                f"'max_overlap' in [0, 1). Got {min_neighbors!r} and {max_overlap!r}."
            )
        sizes = (min_size or 0.0, np.inf if max_size is None else max_size)
        boxes, scores, _, _ = find_windows(
            self._cascade(), image, self.scale_factor, self.step, sizes
        )
        if min_neighbors == 0:
            order = np.argsort(-scores, kind="stable")
            return boxes[order], scores[order]
        return merge_boxes(boxes, scores, min_neighbors, max_overlap)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.three_d_array = True
        return tags
