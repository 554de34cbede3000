"""All Haar-like features of 24 x 24 windows, against scikit-image's, one thread.

Claim: `HaarFeatures` gives the 162,336 values of a window at least 200 times as fast as
`haar_like_feature`, and the values are equal. scikit-image is given its list of
features beforehand, its faster way. Prints milliseconds a window and the ratio, for
batches of several sizes.
"""

import statistics
import time

import numpy as np
from skimage.feature import haar_like_feature, haar_like_feature_coord
from skimage.transform import integral_image

from sklearn_dl.boosting import HaarFeatures

REPEATS = 7


def milliseconds(function):
    """Return the median time of a call."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main():
    """Check the values, measure, and print the table."""
    generator = np.random.default_rng(0)
    windows = generator.integers(0, 256, size=(500, 24, 24)).astype(np.uint8)
    coordinates, kinds = haar_like_feature_coord(24, 24)

    def peer(window):
        return haar_like_feature(
            integral_image(window),
            0,
            0,
            24,
            24,
            feature_type=kinds,
            feature_coord=coordinates,
        )

    features = HaarFeatures().fit(windows)
    for row, window in zip(features.transform(windows[:5]), windows, strict=False):
        np.testing.assert_array_equal(row, peer(window))
    theirs = milliseconds(lambda: peer(windows[0]))
    print(f"equal values; scikit-image: {theirs:.1f} ms a window")
    for n_windows in (1, 10, 100, 500):
        some = windows[:n_windows]
        ours = milliseconds(lambda some=some: features.transform(some)) / n_windows
        print(
            f"{n_windows:4} windows: {ours:.3f} ms a window, ratio {theirs / ours:.0f}"
        )


if __name__ == "__main__":
    main()
