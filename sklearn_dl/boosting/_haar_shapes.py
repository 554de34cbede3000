"""Which Haar-like features a window has, numbered as scikit-image numbers them."""

from typing import NamedTuple

import numpy as np

from sklearn_dl._numba._haar import locate_corners

__all__ = ["KINDS", "Corners", "corners_of", "count_features", "locate_features"]

# The coefficients of the grid of cells: plus minus what scikit-image has.
KINDS: dict[str, np.ndarray] = {
    "type-2-x": np.array([[-1, 1]]),
    "type-2-y": np.array([[-1], [1]]),
    "type-3-x": np.array([[-1, 1, -1]]),
    "type-3-y": np.array([[-1], [1], [-1]]),
    "type-4": np.array([[-1, 1], [1, -1]]),
}
# Two by two cells have the most corners. Where there are fewer, the coefficient is 0.
_MOST_CORNERS = 9


def _tabulate():
    """Return places and coefficients of the corners of each kind, in cells."""
    grids = np.zeros((len(KINDS), _MOST_CORNERS, 2), dtype=np.int32)
    coefs = np.zeros((len(KINDS), _MOST_CORNERS))
    for number, cells in enumerate(KINDS.values()):
        # A cell is a difference in both directions: so are the corners of all.
        corners = np.diff(np.diff(np.pad(cells, 1), axis=0), axis=1)
        places = np.argwhere(corners)
        grids[number, : len(places)] = places
        coefs[number, : len(places)] = corners[tuple(places.T)]
    return grids, coefs


_GRIDS, _COEFS = _tabulate()


class Corners(NamedTuple):
    """Features as sums over corners of the integral image, for the kernels.

    Parameters
    ----------
    kinds : ndarray of shape (n_features,), uint8
        The number of each feature's kind.
    cells : ndarray of shape (n_features, 4), int32
        Row and column of each feature, height and width of its cells.
    areas : ndarray of shape (n_features,), float64
        The value in a window of ones.
    """

    kinds: np.ndarray
    cells: np.ndarray
    areas: np.ndarray

    def arguments(self, stride, part=slice(None)):
        """Return what the kernels take, for integral images of a width.

        Offsets are unsigned, so that the kernels need not ask for a sign.
        """
        kinds, cells = self.kinds[part], self.cells[part]
        offsets = np.empty((len(kinds), _MOST_CORNERS), dtype=np.uint32)
        locate_corners(kinds, cells, _GRIDS, stride, offsets)
        return offsets, kinds, _COEFS, self.areas[part]


def _sizes(window_size, kind):
    """Return how many heights, or widths, a cell can have from each row or column."""
    n_cells = KINDS[kind].shape
    return [
        (size - np.arange(size)) // n
        for size, n in zip(window_size, n_cells, strict=True)
    ]


def count_features(window_size, kind):
    """Return the number of features of a kind in a window.

    Parameters
    ----------
    window_size : tuple of int
        Height and width.
    kind : str
        A key of `KINDS`.

    Returns
    -------
    n_features : int
    """
    heights, widths = _sizes(window_size, kind)
    return int(heights.sum()) * int(widths.sum())


def locate_features(window_size, kind, numbers):
    """Return rows, columns, heights and widths of features.

    They are numbered by row, column, height and width of the cell, in this order.

    Parameters
    ----------
    window_size : tuple of int
        Height and width.
    kind : str
        A key of `KINDS`.
    numbers : ndarray of shape (n_features,), int64
        From 0 to below `count_features`.

    Returns
    -------
    rectangles : ndarray of shape (n_features, 4), int32
        The rectangle that holds all cells.
    """
    heights, widths = _sizes(window_size, kind)
    ends = np.cumsum(np.outer(heights, widths).ravel())
    corners = np.searchsorted(ends, numbers, side="right")
    rows, columns = np.divmod(corners, len(widths))
    within = numbers - np.where(corners > 0, ends[corners - 1], 0)
    height, width = np.divmod(within, widths[columns])
    n_high, n_wide = KINDS[kind].shape
    rectangles = [rows, columns, (height + 1) * n_high, (width + 1) * n_wide]
    return np.stack(rectangles, axis=1).astype(np.int32)


def corners_of(kinds, rectangles):
    """Return the corners of features, for the kernels.

    Parameters
    ----------
    kinds : ndarray of shape (n_features,) of str
    rectangles : ndarray of shape (n_features, 4)

    Returns
    -------
    corners : Corners
    """
    numbers = np.zeros(len(kinds), dtype=np.uint8)
    for number, kind in enumerate(KINDS):
        numbers[np.asarray(kinds) == kind] = number
    shapes = np.array([cells.shape for cells in KINDS.values()])[numbers]
    cells = np.array(rectangles, dtype=np.int32).reshape(-1, 4)
    cells[:, 2:] //= shapes
    balances = np.array([cells.sum() for cells in KINDS.values()], dtype=np.float64)
    areas = balances[numbers] * cells[:, 2] * cells[:, 3]
    return Corners(numbers, cells, areas)
