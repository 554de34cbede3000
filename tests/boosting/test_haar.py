"""Haar-like features: numbers by hand, scikit-image's, invariants, bad input."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from sklearn_dl._numba._haar import integrate, shrink
from sklearn_dl.boosting import HaarFeatures
from sklearn_dl.boosting._haar_shapes import KINDS, count_features, locate_features

# Features of a 24 x 24 window.
COUNTS = {
    "type-2-x": 43_200,
    "type-2-y": 43_200,
    "type-3-x": 27_600,
    "type-3-y": 27_600,
    "type-4": 20_736,
}


def make_images(n=6, shape=(9, 7), seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, size=(n, *shape)).astype(np.uint8)


def direct_values(features, images):
    """Values by adding pixels up, cell by cell."""
    values = np.empty((len(images), len(features.feature_kinds_)))
    places = zip(features.feature_kinds_, features.feature_rectangles_, strict=True)
    for k, (kind, (row, column, height, width)) in enumerate(places):
        part = images[:, row : row + height, column : column + width].astype(float)
        n_high, n_wide = KINDS[kind].shape
        cells = part.reshape(len(images), n_high, height // n_high, n_wide, -1)
        values[:, k] = (cells.sum(axis=(2, 4)) * KINDS[kind]).sum(axis=(1, 2))
    return values


def test_integral_image_is_a_double_sum():
    image = np.random.default_rng(0).normal(size=(5, 8))
    sums, squares = np.full((6, 9), np.nan), np.full((6, 9), np.nan)
    integrate(image, sums, squares)
    for got, pixels in ((sums, image), (squares, image**2)):
        expected = np.pad(pixels.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 5), (8, 10), (5, 7), (1, 1)])
def test_shrinking_takes_means_over_areas(shape):
    image = np.random.default_rng(0).normal(size=(8, 10))
    sums = np.empty((9, 11))
    integrate(image, sums, np.empty((9, 11)))
    small = np.empty(shape)
    shrink(sums, small)
    # Each pixel as so many that the areas are whole.
    fine = np.kron(image, np.ones(shape))
    expected = fine.reshape(shape[0], 8, shape[1], 10).mean(axis=(1, 3))
    np.testing.assert_allclose(small, expected, atol=1e-12)


def test_a_window_of_24_has_162336_features():
    counts = {kind: count_features((24, 24), kind) for kind in KINDS}
    assert counts == COUNTS
    features = HaarFeatures().fit(np.zeros((1, 24, 24)))
    assert features.feature_rectangles_.shape == (162_336, 4)
    names, n_each = np.unique(features.feature_kinds_, return_counts=True)
    assert dict(zip(names.tolist(), n_each.tolist(), strict=True)) == COUNTS


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_located_by_their_numbers(kind):
    n_features = count_features((5, 6), kind)
    n_high, n_wide = KINDS[kind].shape
    expected = [
        (row, column, height * n_high, width * n_wide)
        for row in range(5)
        for column in range(6)
        for height in range(1, 6)
        for width in range(1, 7)
        if row + height * n_high <= 5 and column + width * n_wide <= 6
    ]
    numbers = np.arange(n_features)
    np.testing.assert_array_equal(locate_features((5, 6), kind, numbers), expected)
    np.testing.assert_array_equal(
        locate_features((5, 6), kind, numbers[::-3]), expected[::-3]
    )


def test_values_by_hand():
    image = np.array([[1, 2, 4], [8, 16, 32], [64, 128, 256]], dtype=np.uint16)
    features = HaarFeatures().fit(image[np.newaxis])
    names = features.get_feature_names_out().tolist()
    values = features.transform(image[np.newaxis])[0]
    known = {
        "type-2-x_r0_c0_h1_w2": 2 - 1,
        "type-2-x_r1_c1_h2_w2": (32 + 256) - (16 + 128),
        "type-2-y_r0_c0_h2_w3": (8 + 16 + 32) - (1 + 2 + 4),
        "type-3-x_r0_c0_h1_w3": 2 - (1 + 4),
        "type-3-y_r0_c2_h3_w1": 32 - (4 + 256),
        "type-4_r0_c0_h2_w2": (2 + 8) - (1 + 16),
        "type-4_r1_c1_h2_w2": (32 + 128) - (16 + 256),
    }
    assert {name: values[names.index(name)] for name in known} == known


def test_values_are_sums_over_cells():
    # More windows than are computed side by side, and more features than in a block.
    images = make_images(n=70, shape=(12, 13))
    features = HaarFeatures().fit(images)
    assert len(features.feature_kinds_) > 2048
    values = features.transform(images)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, direct_values(features, images))


def test_values_are_those_of_scikit_image():
    feature = pytest.importorskip("skimage.feature")
    transform = pytest.importorskip("skimage.transform")
    images = make_images(n=2, shape=(13, 11))
    values = HaarFeatures().fit_transform(images)
    for row, image in zip(values, images, strict=True):
        sums = transform.integral_image(image)
        expected = feature.haar_like_feature(sums, 0, 0, 11, 13)
        np.testing.assert_array_equal(row, expected)


@pytest.mark.slow
def test_values_of_whole_windows_are_those_of_scikit_image():
    feature = pytest.importorskip("skimage.feature")
    transform = pytest.importorskip("skimage.transform")
    images = make_images(n=2, shape=(24, 24))
    values = HaarFeatures().fit_transform(images)
    for row, image in zip(values, images, strict=True):
        sums = transform.integral_image(image)
        expected = feature.haar_like_feature(sums, 0, 0, 24, 24)
        np.testing.assert_array_equal(row, expected)


def test_a_subset_has_the_values_of_the_whole():
    images = make_images()
    whole = HaarFeatures().fit(images)
    some = HaarFeatures(n_features=50, random_state=0).fit(images)
    names = whole.get_feature_names_out().tolist()
    places = [names.index(name) for name in some.get_feature_names_out()]
    assert places == sorted(set(places))
    assert len(places) == 50
    np.testing.assert_array_equal(
        some.transform(images), whole.transform(images)[:, places]
    )
    again = HaarFeatures(n_features=50, random_state=0).fit(images)
    other = HaarFeatures(n_features=50, random_state=1).fit(images)
    assert list(again.get_feature_names_out()) == list(some.get_feature_names_out())
    assert list(other.get_feature_names_out()) != list(some.get_feature_names_out())


def test_kinds_come_in_the_order_asked_for():
    images = make_images()
    features = HaarFeatures(kinds=["type-4", "type-2-x"]).fit(images)
    values = features.transform(images)
    n_squares = count_features((9, 7), "type-4")
    alone = HaarFeatures(kinds=["type-4"]).fit_transform(images)
    np.testing.assert_array_equal(values[:, :n_squares], alone)
    assert set(features.feature_kinds_[n_squares:]) == {"type-2-x"}


def test_normalized_values_are_those_of_standardised_windows():
    images = make_images().astype(float)
    means = images.mean(axis=(1, 2), keepdims=True)
    standard = (images - means) / images.std(axis=(1, 2), keepdims=True)
    values = HaarFeatures(normalize=True).fit_transform(images)
    np.testing.assert_allclose(
        values, HaarFeatures().fit_transform(standard), atol=1e-9
    )
    np.testing.assert_allclose(
        HaarFeatures(normalize=True).fit_transform(3 * images + 40), values, atol=1e-9
    )


def test_flat_windows_have_normalized_values_of_zero():
    images = np.full((2, 6, 6), 117.3)
    assert not HaarFeatures(normalize=True).fit_transform(images).any()


def test_flat_rows_are_images():
    images = make_images()
    expected = HaarFeatures().fit_transform(images)
    rows = images.reshape(len(images), -1)
    for shape in ((9, 7), (9, -1), [-1, 7]):
        values = HaarFeatures(input_shape=shape).fit_transform(rows)
        np.testing.assert_array_equal(values, expected)
    # Fitted with images, it takes rows.
    np.testing.assert_array_equal(HaarFeatures().fit(images).transform(rows), expected)
    square = make_images(shape=(6, 6))
    np.testing.assert_array_equal(
        HaarFeatures().fit_transform(square.reshape(len(square), 36)),
        HaarFeatures().fit_transform(square),
    )


def test_larger_images_are_shrunk_to_the_window():
    images = make_images(shape=(8, 12)).astype(float)
    halves = images.reshape(-1, 4, 2, 6, 2).mean(axis=(2, 4))
    features = HaarFeatures(window_size=(4, 6)).fit(images)
    assert features.window_size_ == (4, 6)
    assert features.image_shape_ == (8, 12)
    np.testing.assert_allclose(
        features.transform(images), HaarFeatures().fit_transform(halves), atol=1e-9
    )


def test_nested_lists_are_images():
    images = make_images()
    np.testing.assert_array_equal(
        HaarFeatures().fit_transform(images.tolist()),
        HaarFeatures().fit_transform(images.astype(float)),
    )


def test_it_stands_in_front_of_a_classifier():
    generator = np.random.default_rng(0)
    images = generator.normal(size=(100, 8, 8))
    labels = np.arange(100) % 2
    images[labels == 1, 2:6, 2:4] += 2
    model = make_pipeline(HaarFeatures(), DecisionTreeClassifier(max_depth=1))
    assert model.fit(images, labels).score(images, labels) > 0.95


@pytest.mark.parametrize(
    ("parameters", "shape", "message"),
    [
        ({}, (3, 10), r"Rows of 10 pixels .* 'input_shape' parameter of HaarFeatures"),
        ({"input_shape": (3, 4)}, (3, 10), r"must fit rows of 10 pixels"),
        ({"input_shape": (3, -1)}, (3, 10), r"must fit rows of 10 pixels"),
        ({"input_shape": (-1, -1)}, (3, 10), r"must fit rows of 10 pixels"),
        ({"input_shape": (5, 2.0)}, (3, 10), r"two whole numbers .* Got \(5, 2.0\)"),
        ({"input_shape": (2, 5)}, (3, 5, 2), r"that of the images, \(5, 2\)"),
        ({"window_size": (6, 2)}, (3, 5, 2), r"'window_size' .* 5 x 2 .*\(6, 2\)"),
        ({"window_size": (5,)}, (3, 5, 2), r"'window_size' .* two whole numbers"),
        ({"window_size": (1, 1)}, (3, 5, 5), r"Windows of 1 x 1 pixels are too small"),
        ({"kinds": ["type-5"]}, (3, 5, 5), r"'kinds' .* 'type-4', each once"),
        ({"kinds": []}, (3, 5, 5), r"'kinds' parameter of HaarFeatures"),
        ({"kinds": ["type-4"] * 2}, (3, 5, 5), r"'kinds' parameter of HaarFeatures"),
        ({}, (3, 5, 5, 3), r"grey images .* Got shape \(3, 5, 5, 3\)"),
        ({}, (5,), r"Expected 2D array, got 1D"),
    ],
)
def test_bad_sizes(parameters, shape, message):
    with pytest.raises(ValueError, match=message):
        HaarFeatures(**parameters).fit(np.ones(shape))


def test_images_of_another_size_are_refused():
    features = HaarFeatures().fit(make_images(shape=(6, 6)))
    with pytest.raises(ValueError, match=r"4 x 9 pixels, .* fitted with .* 6 x 6"):
        features.transform(make_images(shape=(4, 9)))
    with pytest.raises(ValueError, match="35 features"):
        features.transform(np.ones((2, 35)))


def test_missing_pixels_are_refused():
    images = make_images().astype(float)
    images[2, 3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        HaarFeatures().fit(images)
