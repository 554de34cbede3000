"""Kernels of Haar-like features: integral images, values, stumps and cascades.

A feature is a sum over corners of the integral image, each with a whole coefficient.
All kernels add these terms in the same order, so that a value has the same bits where
a stump is chosen and where it is evaluated.
"""

import numpy as np

from sklearn_dl.utils._kernel import kernel

__all__ = [
    "N_BINS",
    "bin_features",
    "evaluate_windows",
    "feature_values",
    "find_stump",
    "integrate",
    "integrate_windows",
    "locate_corners",
    "scan",
    "shrink",
    "values_of_windows",
]

N_BINS = 256
# Windows that are evaluated side by side, and features that are written together.
_LANES = 64
_TILE = 16
# Corners of the features of two cells, and of two by two. Loops of known length are
# unrolled.
_FEW_CORNERS = 6
_MANY_CORNERS = 9
# Edges that differ by less are ties: sums in another order must not decide.
_TIE = 1e-10
# A variance that is a smaller share of the mean square is rounding error.
_FLAT = 1e-10


@kernel
def integrate(image, sums, squares):
    """Write the integral images of an image and of its square.

    Parameters
    ----------
    image : ndarray of shape (height, width), float64
    sums, squares : ndarray of shape (height + 1, width + 1), float64
        Entry (r, c) becomes the sum over the first r rows and c columns.
    """
    height, width = image.shape
    sums[0, :] = 0.0
    squares[0, :] = 0.0
    for r in range(height):
        sums[r + 1, 0] = 0.0
        squares[r + 1, 0] = 0.0
        row = 0.0
        row_squares = 0.0
        for c in range(width):
            pixel = image[r, c]
            row += pixel
            row_squares += pixel * pixel
            sums[r + 1, c + 1] = sums[r, c + 1] + row
            squares[r + 1, c + 1] = squares[r, c + 1] + row_squares


@kernel
def shrink(sums, image):
    """Write the image of other size that has the means over areas of the first.

    The integral image is bilinear within a pixel, so that between its entries the
    interpolation is exact.

    Parameters
    ----------
    sums : ndarray of shape (height + 1, width + 1), float64
        The integral image of what is shrunk.
    image : ndarray of shape (new_height, new_width), float64
        Where the means are written to.
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    new_height, new_width = image.shape
    area = (height / new_height) * (width / new_width)
    above = np.zeros(new_width + 1)
    below = np.empty(new_width + 1)
    for r in range(1, new_height + 1):
        row = min(r * height // new_height, height - 1)
        row_part = r * height / new_height - row
        for c in range(new_width + 1):
            column = min(c * width // new_width, width - 1)
            column_part = c * width / new_width - column
            left = sums[row, column]
            left += row_part * (sums[row + 1, column] - left)
            right = sums[row, column + 1]
            right += row_part * (sums[row + 1, column + 1] - right)
            below[c] = left + column_part * (right - left)
        for c in range(new_width):
            inside = below[c + 1] - below[c] - above[c + 1] + above[c]
            image[r - 1, c] = inside / area
        above[:] = below


@kernel
def _spread(total, total_squares, n_pixels):
    """Return the mean and one over the standard deviation, 0 for a flat window."""
    mean = total / n_pixels
    mean_square = total_squares / n_pixels
    variance = mean_square - mean * mean
    if variance > _FLAT * mean_square:
        return mean, 1.0 / np.sqrt(variance)
    return mean, 0.0


@kernel
def integrate_windows(windows, normalize, sums, means, scales):
    """Write the integral images of windows, one column each.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, height, width), float64
    normalize : bool
        Whether `means` and `scales` are those of the pixels, or 0 and 1.
    sums : ndarray of shape ((height + 1) * (width + 1), n_windows), float64
    means, scales : ndarray of shape (n_windows,), float64
        Mean and inverse standard deviation of each window.
    """
    n_windows, height, width = windows.shape
    corner = np.empty((height + 1, width + 1))
    squares = np.empty((height + 1, width + 1))
    flat = corner.reshape(-1)
    for i in range(n_windows):
        integrate(windows[i], corner, squares)
        for k in range(flat.shape[0]):
            sums[k, i] = flat[k]
        means[i], scales[i] = 0.0, 1.0
        if normalize:
            means[i], scales[i] = _spread(
                corner[height, width], squares[height, width], height * width
            )


@kernel
def locate_corners(kinds, cells, grids, stride, offsets):
    """Write where the corners of features lie in a flat integral image.

    Parameters
    ----------
    kinds : ndarray of shape (n_features,), uint8
    cells : ndarray of shape (n_features, 4), int32
        Row and column of each feature, height and width of its cells.
    grids : ndarray of shape (n_kinds, 9, 2), int32
        Corners of each kind, in cells down and to the right.
    stride : int
        Width of the integral image.
    offsets : ndarray of shape (n_features, 9), uint32
    """
    for f in range(kinds.shape[0]):
        kind = kinds[f]
        row, column, height, width = cells[f]
        for k in range(offsets.shape[1]):
            down = row + grids[kind, k, 0] * height
            right = column + grids[kind, k, 1] * width
            offsets[f, k] = down * stride + right


@kernel
def _add_corners(sums, offsets, coefs, f, kind, values, row):
    """Write the sum over the corners of a feature, in all windows.

    Written out: the partial sums of a loop over corners would go through memory.
    """
    o0, o1, o2 = offsets[f, 0], offsets[f, 1], offsets[f, 2]
    o3, o4, o5 = offsets[f, 3], offsets[f, 4], offsets[f, 5]
    o6, o7, o8 = offsets[f, 6], offsets[f, 7], offsets[f, 8]
    c0, c1, c2 = coefs[kind, 0], coefs[kind, 1], coefs[kind, 2]
    c3, c4, c5 = coefs[kind, 3], coefs[kind, 4], coefs[kind, 5]
    c6, c7, c8 = coefs[kind, 6], coefs[kind, 7], coefs[kind, 8]
    for i in range(sums.shape[1]):
        values[row, i] = (
            c0 * sums[o0, i]
            + c1 * sums[o1, i]
            + c2 * sums[o2, i]
            + c3 * sums[o3, i]
            + c4 * sums[o4, i]
            + c5 * sums[o5, i]
            + c6 * sums[o6, i]
            + c7 * sums[o7, i]
            + c8 * sums[o8, i]
        )


@kernel
def values_of_windows(sums, means, scales, offsets, kinds, coefs, areas, out):
    """Write the values of all features, a row for each window.

    Parameters
    ----------
    sums : ndarray of shape (n_corners_of_a_window, n_windows), float64
    means, scales : ndarray of shape (n_windows,), float64
    offsets : ndarray of shape (n_features, 9), uint32
        Corners of each feature, as rows of `sums`. A sign would have to be asked for.
    kinds : ndarray of shape (n_features,), uint8
    coefs : ndarray of shape (n_kinds, 9), float64
        What the corners of each kind are multiplied by.
    areas : ndarray of shape (n_features,), float64
        Signed areas: values in a window of ones.
    out : ndarray of shape (n_windows, n_features), float64
    """
    n_windows, n_features = out.shape
    # Rows and columns of a tile change places in the cache.
    tile = np.empty((_TILE, _LANES))
    for start in range(0, n_windows, _LANES):
        n_lanes = min(_LANES, n_windows - start)
        block = sums[:, start : start + n_lanes].copy()
        for first in range(0, n_features, _TILE):
            n_tile = min(_TILE, n_features - first)
            for t in range(n_tile):
                f = first + t
                _add_corners(block, offsets, coefs, f, kinds[f], tile, t)
            for j in range(n_lanes):
                mean, scale = means[start + j], scales[start + j]
                for t in range(n_tile):
                    value = tile[t, j] - areas[first + t] * mean
                    out[start + j, first + t] = value * scale


@kernel
def feature_values(f, sums, means, scales, offsets, kinds, coefs, areas, values):
    """Write the values of one feature in all windows.

    Parameters
    ----------
    f : int
        The feature.
    sums, means, scales, offsets, kinds, coefs, areas : ndarray
        As `values_of_windows` takes them.
    values : ndarray of shape (1, n_windows), float64
    """
    _add_corners(sums, offsets, coefs, f, kinds[f], values, 0)
    area = areas[f]
    for i in range(means.shape[0]):
        values[0, i] = (values[0, i] - area * means[i]) * scales[i]


@kernel
def _write_codes(values, low, per_unit, codes, row):
    """Write the bin of each value."""
    for i in range(values.shape[1]):
        code = np.int32((values[0, i] - low) * per_unit)
        codes[row, i] = np.uint8(min(max(code, 0), N_BINS - 1))


@kernel
def bin_features(sums, means, scales, offsets, kinds, coefs, areas, ranges, codes):
    """Find the range of each feature, and keep the bins of as many as there is room.

    Parameters
    ----------
    sums, means, scales, offsets, kinds, coefs, areas : ndarray
        As `values_of_windows` takes them.
    ranges : ndarray of shape (n_features, 2), float64
        Lowest value, and bins a unit (0 where all values are the same).
    codes : ndarray of shape (n_kept, n_windows), uint8
        The bins of the first features.
    """
    values = np.empty((1, means.shape[0]))
    for f in range(areas.shape[0]):
        feature_values(f, sums, means, scales, offsets, kinds, coefs, areas, values)
        low, high = values[0, 0], values[0, 0]
        for i in range(means.shape[0]):
            low = min(low, values[0, i])
            high = max(high, values[0, i])
        ranges[f, 0] = low
        ranges[f, 1] = N_BINS / (high - low) if high > low else 0.0
        if f < codes.shape[0]:
            _write_codes(values, low, ranges[f, 1], codes, f)


@kernel
def find_stump(
    sums, means, scales, offsets, kinds, coefs, areas, ranges, codes, signed_weights
):
    """Find the stump with the largest edge, the weight of its hits less its misses.

    Parameters
    ----------
    sums, means, scales, offsets, kinds, coefs, areas : ndarray
        As `values_of_windows` takes them.
    ranges, codes : ndarray
        What `bin_features` wrote. Bins that are not kept are found again.
    signed_weights : ndarray of shape (n_windows,), float64
        Weights, negative for windows without the object. Their sizes add up to 1.

    Returns
    -------
    feature : int
        The first of the best, by number; -1 if none splits the windows.
    code : int
        The last bin below the threshold.
    sign : float
        1 if the object lies above the threshold, else -1.
    edge : float
        The edge of the stump, from 0 to 1.
    """
    n_windows = means.shape[0]
    n_kept = codes.shape[0]
    values = np.empty((1, n_windows))
    found = np.empty((1, n_windows), dtype=np.uint8)
    histogram = np.empty(N_BINS)
    total = signed_weights.sum()
    best_feature, best_code, best_sign, best_edge = -1, -1, 1.0, 0.0
    for f in range(areas.shape[0]):
        if ranges[f, 1] == 0.0:
            continue
        histogram[:] = 0.0
        if f < n_kept:
            for i in range(n_windows):
                histogram[codes[f, i]] += signed_weights[i]
        else:
            feature_values(f, sums, means, scales, offsets, kinds, coefs, areas, values)
            _write_codes(values, ranges[f, 0], ranges[f, 1], found, 0)
            for i in range(n_windows):
                histogram[found[0, i]] += signed_weights[i]
        below = 0.0
        for b in range(N_BINS - 1):
            below += histogram[b]
            edge = total - 2.0 * below
            if abs(edge) > best_edge + _TIE:
                best_feature, best_code, best_edge = f, b, abs(edge)
                best_sign = 1.0 if edge > 0.0 else -1.0
    return best_feature, best_code, best_sign, best_edge


@kernel
def _walk(
    sums, place, mean, scale, offsets, kinds, coefs, areas, stumps, stage_ends, stages
):
    """Send a window through the stages; return its score and the features it took.

    A window that stage s of S rejects has a score in [s - S, s - S + 1], any other
    one above 0: the sum of the margins by which it passed, or 1 without any stage.
    """
    n_stages = stage_ends.shape[0]
    first, score = 0, 0.0 if n_stages else 1.0
    for s in range(n_stages):
        votes = 0.0
        for t in range(first, stage_ends[s]):
            value = 0.0
            kind = kinds[t]
            for k in range(_FEW_CORNERS):
                value += coefs[kind, k] * sums[place + offsets[t, k]]
            if coefs[kind, _FEW_CORNERS] != 0.0:
                for k in range(_FEW_CORNERS, _MANY_CORNERS):
                    value += coefs[kind, k] * sums[place + offsets[t, k]]
            value = (value - areas[t] * mean) * scale
            votes += stumps[t, 1] if value > stumps[t, 0] else -stumps[t, 1]
        first = stage_ends[s]
        # In [-2, 2]: thresholds and votes both lie within the sum of their sizes.
        margin = (votes - stages[s, 0]) / stages[s, 1]
        if margin <= 0.0:
            return s - n_stages + 0.5 * (margin + 2.0), first
        score += margin
    return score, first


@kernel
def evaluate_windows(
    windows,
    normalize,
    offsets,
    kinds,
    coefs,
    areas,
    stumps,
    stage_ends,
    stages,
    scores,
    counts,
):
    """Write the scores of windows, and how many features each took.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, height, width), float64
    normalize : bool
        Whether features are those of the standardised window.
    offsets, kinds, coefs, areas : ndarray
        Features of the stumps, as `values_of_windows` takes them.
    stumps : ndarray of shape (n_stumps, 2), float64
        Threshold, and the vote of a value above it.
    stage_ends : ndarray of shape (n_stages,), int64
        Number of stumps up to the end of each stage.
    stages : ndarray of shape (n_stages, 2), float64
        What the sum of the votes must exceed, and the sum of their sizes.
    scores : ndarray of shape (n_windows,), float64
    counts : ndarray of shape (n_windows,), int64
    """
    n_windows, height, width = windows.shape
    sums = np.empty((height + 1, width + 1))
    squares = np.empty((height + 1, width + 1))
    mean, scale = 0.0, 1.0
    for i in range(n_windows):
        integrate(windows[i], sums, squares)
        if normalize:
            mean, scale = _spread(
                sums[height, width], squares[height, width], height * width
            )
        scores[i], counts[i] = _walk(
            sums.reshape(-1),
            np.uint32(0),
            mean,
            scale,
            offsets,
            kinds,
            coefs,
            areas,
            stumps,
            stage_ends,
            stages,
        )


@kernel
def _inside(sums, r, c, height, width):
    """Return the sum over a rectangle."""
    return (
        sums[r + height, c + width]
        - sums[r, c + width]
        - sums[r + height, c]
        + sums[r, c]
    )


@kernel
def scan(
    sums,
    squares,
    window_size,
    step,
    probability,
    state,
    normalize,
    offsets,
    kinds,
    coefs,
    areas,
    stumps,
    stage_ends,
    stages,
    found,
    scores,
):
    """Find the windows of an image that pass all stages.

    Parameters
    ----------
    sums, squares : ndarray of shape (height + 1, width + 1), float64
        What `integrate` wrote.
    window_size : tuple of int
        Height and width of a window.
    step : int
        Pixels from one window to the next.
    probability : float
        Share of the windows that are looked at, drawn at random.
    state : ndarray of shape (1,), uint64
        State of the generator, not 0. It is moved on.
    normalize, offsets, kinds, coefs, areas, stumps, stage_ends, stages
        As `evaluate_windows` takes them.
    found : ndarray of shape (n_windows, 2), int32
        Where the rows and columns of windows that pass are written to.
    scores : ndarray of shape (n_windows,), float64

    Returns
    -------
    n_found, n_seen, n_features : int
        Windows that passed, that were looked at, and the features that it took.
    """
    height, width = window_size
    stride = sums.shape[1]
    flat = sums.reshape(-1)
    n_found, n_seen, n_features = 0, 0, 0
    mean, scale = 0.0, 1.0
    for r in range(0, sums.shape[0] - height, step):
        for c in range(0, stride - width, step):
            if probability < 1.0 and _draw(state) >= probability:
                continue
            if normalize:
                mean, scale = _spread(
                    _inside(sums, r, c, height, width),
                    _inside(squares, r, c, height, width),
                    height * width,
                )
            score, count = _walk(
                flat,
                np.uint32(r * stride + c),
                mean,
                scale,
                offsets,
                kinds,
                coefs,
                areas,
                stumps,
                stage_ends,
                stages,
            )
            n_seen += 1
            n_features += count
            if score > 0.0:
                found[n_found, 0], found[n_found, 1] = r, c
                scores[n_found] = score
                n_found += 1
    return n_found, n_seen, n_features


@kernel
def _draw(state):
    """Return a number in [0, 1) and move the state on, by xorshift."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.float64(x >> np.uint64(11)) / 9007199254740992.0
