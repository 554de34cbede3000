"""A cascade as the kernels take it, and its way over images of all scales."""

from typing import NamedTuple

import numpy as np

from sklearn_dl._numba._haar import evaluate_windows, scan, shrink
from sklearn_dl.boosting._haar_shapes import Corners, corners_of
from sklearn_dl.boosting._windows import integrals

__all__ = ["Background", "Cascade", "find_windows", "merge_boxes"]

# More windows are looked at than should be needed, since rates are estimates.
_SPARE = 2.0
# By how much more, when it was not enough.
_AGAIN = 8.0
# A box that lies in a stronger one by more than this share is a part of it.
_NESTED = 0.5


class Cascade(NamedTuple):
    """The stages of a cascade as flat arrays.

    Parameters
    ----------
    window_size : tuple of int
        Height and width.
    normalize : bool
        Whether features are those of the standardised window.
    corners : Corners
        The feature of each stump.
    stumps : ndarray of shape (n_stumps, 2), float64
        Threshold, and the vote of a value above it.
    stage_ends : ndarray of shape (n_stages,), int64
        Number of stumps up to the end of each stage.
    stages : ndarray of shape (n_stages, 2), float64
        What the votes must exceed, and the sum of their sizes.
    """

    window_size: tuple
    normalize: bool
    corners: Corners
    stumps: np.ndarray
    stage_ends: np.ndarray
    stages: np.ndarray

    @classmethod
    def build(
        cls,
        window_size,
        normalize,
        kinds,
        rectangles,
        thresholds,
        votes,
        stage_ends,
        stage_thresholds,
    ):
        """Return the cascade that the attributes of a fitted classifier describe."""
        ends = np.array(stage_ends, dtype=np.int64)
        sizes = np.concatenate([[0.0], np.cumsum(np.abs(votes))])
        totals = np.diff(sizes[np.concatenate([[0], ends])])
        return cls(
            tuple(window_size),
            bool(normalize),
            corners_of(kinds, rectangles),
            np.array([thresholds, votes], dtype=np.float64).T.copy(),
            ends,
            np.array([stage_thresholds, totals], dtype=np.float64).T.copy(),
        )

    def _arguments(self, stride):
        return (
            self.normalize,
            *self.corners.arguments(stride),
            self.stumps,
            self.stage_ends,
            self.stages,
        )

    def evaluate(self, windows):
        """Return the scores of windows, and the number of features each took."""
        scores = np.empty(len(windows))
        counts = np.empty(len(windows), dtype=np.int64)
        stride = self.window_size[1] + 1
        evaluate_windows(windows, *self._arguments(stride), scores, counts)
        return scores, counts

    def scan(self, sums, squares, step, probability, state):
        """Return places and scores of windows that pass, and two counts."""
        n_high = max(-(-(sums.shape[0] - self.window_size[0]) // step), 0)
        n_wide = max(-(-(sums.shape[1] - self.window_size[1]) // step), 0)
        found = np.empty((n_high * n_wide, 2), dtype=np.int32)
        scores = np.empty(n_high * n_wide)
        n_found, n_seen, n_features = scan(
            sums,
            squares,
            self.window_size,
            step,
            probability,
            state,
            *self._arguments(sums.shape[1]),
            found,
            scores,
        )
        return found[:n_found], scores[:n_found], n_seen, n_features


def _level_shapes(shape, window_size, scale_factor):
    """Yield the shapes of an image that shrinks, while a window fits."""
    scale = 1.0
    while True:
        level = (round(shape[0] / scale), round(shape[1] / scale))
        if level[0] < window_size[0] or level[1] < window_size[1]:
            return
        yield level
        scale *= scale_factor


def _levels(image, window_size, scale_factor, sizes=(0.0, np.inf)):
    """Yield an image that shrinks, with its integral images.

    Only levels on which a window's height is between two sizes are made.
    """
    sums, squares = integrals(image)
    for shape in _level_shapes(image.shape, window_size, scale_factor):
        height = window_size[0] * image.shape[0] / shape[0]
        if not sizes[0] <= height <= sizes[1]:
            continue
        if shape == image.shape:
            yield image, sums, squares
            continue
        level = np.empty(shape)
        shrink(sums, level)
        yield level, *integrals(level)


def find_windows(cascade, image, scale_factor, step, sizes):
    """Return the windows of an image that pass a cascade.

    Parameters
    ----------
    cascade : Cascade
    image : ndarray of shape (height, width), float64
    scale_factor : float
        From one size of windows to the next.
    step : int
        Pixels of the shrunk image from one window to the next.
    sizes : tuple of float
        Least and greatest height of a window, in pixels of the image.

    Returns
    -------
    boxes : ndarray of shape (n_found, 4)
        x_min, y_min, x_max, y_max in pixels of the image.
    scores : ndarray of shape (n_found,)
    n_seen, n_features : int
        Windows that were looked at, and features that it took.
    """
    state = np.ones(1, dtype=np.uint64)
    boxes, scores, n_seen, n_features = [np.empty((0, 4))], [np.empty(0)], 0, 0
    height, width = cascade.window_size
    for level, sums, squares in _levels(
        image, cascade.window_size, scale_factor, sizes
    ):
        found, own, seen, took = cascade.scan(sums, squares, step, 1.0, state)
        rows, columns = found.T
        corners = [columns, rows, columns + width, rows + height]
        down, right = image.shape[0] / level.shape[0], image.shape[1] / level.shape[1]
        boxes.append(np.stack(corners, axis=1) * [right, down, right, down])
        scores.append(own)
        n_seen, n_features = n_seen + seen, n_features + took
    return np.concatenate(boxes), np.concatenate(scores), n_seen, n_features


def _areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _intersections(box, boxes):
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    return np.clip(width, 0, None) * np.clip(height, 0, None)


def merge_boxes(boxes, scores, min_neighbors, max_overlap):
    """Merge boxes that overlap.

    The box with the highest score takes those that overlap it, and so on with the
    rest. A merged box is their mean by scores, its score is their sum. One that lies
    for the most part in another, or around it, goes with the stronger.

    Parameters
    ----------
    boxes : ndarray of shape (n_boxes, 4)
    scores : ndarray of shape (n_boxes,)
        Above 0.
    min_neighbors : int
        How many boxes have to agree.
    max_overlap : float
        Boxes whose intersection is a larger share of their union are merged.

    Returns
    -------
    boxes : ndarray of shape (n_merged, 4)
    scores : ndarray of shape (n_merged,)
        In falling order.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    merged, sums = [], []
    while len(boxes):
        common = _intersections(boxes[0], boxes)
        union = _areas(boxes[:1]) + _areas(boxes) - common
        near = common > max_overlap * union
        near[0] = True
        if near.sum() >= min_neighbors:
            merged.append(np.average(boxes[near], axis=0, weights=scores[near]))
            sums.append(scores[near].sum())
        boxes, scores = boxes[~near], scores[~near]
    order = np.argsort(-np.array(sums), kind="stable")
    boxes = np.array(merged).reshape(-1, 4)[order]
    kept = []
    for i, box in enumerate(boxes):
        stronger = boxes[kept]
        smaller = np.minimum(_areas(boxes[i : i + 1]), _areas(stronger))
        if not np.any(_intersections(box, stronger) > _NESTED * smaller):
            kept.append(i)
    return boxes[kept], np.array(sums)[order][kept]


class Background:
    """Images without the object, which windows are drawn from.

    Parameters
    ----------
    images : list of ndarray of shape (height, width), float64
        Images that a window fits in.
    window_size : tuple of int
        Height and width of a window.
    scale_factor : float
        From one size of windows to the next.
    step : int
        Pixels of the shrunk image from one window to the next.
    generator : RandomState instance
        Determines the windows.
    """

    def __init__(self, images, window_size, scale_factor, step, generator):
        self.images = images
        self.window_size = window_size
        self.scale_factor = scale_factor
        self.step = step
        self.generator = generator
        self.n_windows = sum(
            -(-(height - window_size[0] + 1) // step)
            * -(-(width - window_size[1] + 1) // step)
            for image in images
            for height, width in _level_shapes(image.shape, window_size, scale_factor)
        )

    def draw(self, cascade, n_wanted, rate):
        """Draw windows that pass a cascade.

        Parameters
        ----------
        cascade : Cascade
        n_wanted : int
            How many.
        rate : float
            The share that is expected to pass.

        Returns
        -------
        windows : ndarray of shape (n_found, height, width)
            Fewer than were wanted only if there are no more.
        rate : float
            The share that passes.
        """
        likely = max(rate * self.n_windows, 1.0)
        probability = min(_SPARE * n_wanted / likely, 1.0)
        windows, n_seen = self._search(cascade, probability)
        while len(windows) < n_wanted and probability < 1.0:
            probability = min(_AGAIN * probability, 1.0)
            windows, n_seen = self._search(cascade, probability)
        rate = len(windows) / max(n_seen, 1)
        return windows[self.generator.permutation(len(windows))[:n_wanted]], rate

    def _search(self, cascade, probability):
        state = self.generator.randint(1, 2**62, size=1, dtype=np.int64)
        state = state.astype(np.uint64)
        windows, n_seen = [np.empty((0, *self.window_size))], 0
        for image in self.images:
            levels = _levels(image, self.window_size, self.scale_factor)
            for level, sums, squares in levels:
                found, _, seen, _ = cascade.scan(
                    sums, squares, self.step, probability, state
                )
                views = np.lib.stride_tricks.sliding_window_view(
                    level, self.window_size
                )
                windows.append(views[found[:, 0], found[:, 1]])
                n_seen += seen
        return np.concatenate(windows), n_seen
