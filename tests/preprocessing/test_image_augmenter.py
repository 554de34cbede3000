"""The augmenter of arrays: layouts, types, targets, pipelines, networks."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl.preprocessing import ImageAugmenter

# Some of everything.
MANY = {
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation": 20,
    "shift": 0.1,
    "shear": 10,
    "zoom": 0.2,
    "brightness": 0.2,
    "contrast": 0.2,
    "color_shift": 0.1,
    "pca_color": 0.1,
    "noise": 0.05,
    "erasing": 0.5,
    "cutout": 0.3,
}


def random_bytes(*shape):
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def in_type(dtype, *shape):
    images = random_bytes(*shape)
    return images if dtype == np.uint8 else (images / 255).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 6, 5), (9, 6, 5, 3), (9, 30)], ids=str)
def test_without_strength_it_is_the_identity(dtype, shape):
    X = in_type(dtype, *shape)
    augmenter = ImageAugmenter()
    for result in (
        augmenter.fit_transform(X),
        augmenter.transform(X),
        augmenter.augment(X)[:9],
        augmenter.augment(X)[9:],
    ):
        np.testing.assert_array_equal(result, X)
        assert result.dtype == dtype
    assert not np.shares_memory(augmenter.fit_transform(X), X)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 6, 5), (9, 6, 5, 3)], ids=str)
def test_type_shape_and_input_stay(dtype, shape):
    X = in_type(dtype, *shape)
    before = joblib.hash(X)
    augmenter = ImageAugmenter(**MANY, n_copies=2, random_state=0).fit(X)
    changed = augmenter.fit_transform(X)
    assert (changed.dtype, changed.shape) == (dtype, shape)
    assert (changed != X).any(axis=tuple(range(1, X.ndim))).all()
    larger = augmenter.augment(X)
    assert (larger.dtype, larger.shape) == (dtype, (27, *shape[1:]))
    np.testing.assert_array_equal(larger[:9], X)
    assert (larger[9:18] != larger[18:]).any(axis=tuple(range(1, X.ndim))).all()
    np.testing.assert_array_equal(augmenter.transform(X), X)
    assert joblib.hash(X) == before


def test_the_same_seed_gives_the_same_changes():
    X = random_bytes(20, 8, 8)
    first, again, other = (
        ImageAugmenter(**MANY, random_state=seed).fit_transform(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    augmenter = ImageAugmenter(**MANY, random_state=np.random.RandomState(0)).fit(X)
    assert (augmenter.augment(X) != augmenter.augment(X)).any()
    # Whatever type torch computes in, and whatever was drawn before.
    torch.set_default_dtype(torch.float64)
    try:
        with torch.random.fork_rng():
            torch.rand(3)
            again = ImageAugmenter(**MANY, random_state=0).fit_transform(X)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(first, again)


def test_bytes_are_rounded_and_clipped():
    X = random_bytes(50, 6, 6, 3)
    changed = ImageAugmenter(brightness=0.5, random_state=0).fit_transform(X)
    # The same in floating numbers, with the same random numbers.
    exact = ImageAugmenter(brightness=0.5, random_state=0).fit_transform(
        X.astype(np.float64)
    )
    assert exact.max() > 256
    np.testing.assert_array_equal(changed, np.clip(np.rint(exact), 0, 255))


@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_strengths_are_shares_of_the_range_seen_in_fit(scale):
    X = scale * np.linspace(-1, 1, 200 * 36).reshape(200, 6, 6)
    augmenter = ImageAugmenter(noise=0.1, random_state=0).fit(X)
    assert augmenter.value_range_ == (-scale, scale)
    noise = augmenter.fit_transform(X) - X
    assert noise.std() == pytest.approx(0.2 * scale, rel=0.05)
    assert ImageAugmenter().fit(random_bytes(2, 3, 3)).value_range_ == (0, 255)


def test_flat_rows_are_images_with_input_shape():
    X = random_bytes(12, 6, 5, 3)
    images = ImageAugmenter(**MANY, random_state=0).fit_transform(X)
    flat = ImageAugmenter(**MANY, input_shape=(6, 5, 3), random_state=0)
    changed = flat.fit_transform(X.reshape(12, -1))
    np.testing.assert_array_equal(changed, images.reshape(12, -1))
    assert flat.image_shape_ == (6, 5, 3)
    assert flat.n_features_in_ == 90
    # Stacked images of that shape are the same images.
    np.testing.assert_array_equal(flat.transform(X), X)
    grey = ImageAugmenter(input_shape=(6, 15)).fit(X.reshape(12, -1))
    assert grey.image_shape_ == (6, 15, 1)


def test_flat_rows_are_signals_without():
    X = random_bytes(200, 9)
    changed = ImageAugmenter(horizontal_flip=True, random_state=0).fit_transform(X)
    backwards = (changed == X[:, ::-1]).all(1)
    assert 70 < backwards.sum() < 130
    np.testing.assert_array_equal(changed[~backwards], X[~backwards])
    with pytest.raises(ValueError, match="rotation of ImageAugmenter means nothing"):
        ImageAugmenter(rotation=5).fit_transform(X)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda X: X[::-1, ::-1][::-1, ::-1],
        lambda X: X.astype(X.dtype.newbyteorder(">")),
        lambda X: X.tolist(),
        lambda X: list(X),
        lambda X: np.broadcast_to(X, X.shape),
    ],
    ids=["Fortran", "strides", "big-endian", "lists", "list of images", "read-only"],
)
def test_layouts(layout):
    X = in_type(np.float64, 7, 6, 5, 3)
    expected = ImageAugmenter(**MANY, random_state=0).fit_transform(X)
    changed = ImageAugmenter(**MANY, random_state=0).fit_transform(layout(X))
    np.testing.assert_array_equal(changed, expected)


def test_data_frames():
    X = pd.DataFrame(random_bytes(8, 6), columns=list("abcdef"), index=range(8, 0, -1))
    augmenter = ImageAugmenter(shift=0.3, random_state=0)
    augmenter.set_output(transform="pandas")
    changed = augmenter.fit_transform(X)
    assert list(changed) == list(X)
    assert changed.index.equals(X.index)
    pd.testing.assert_frame_equal(augmenter.transform(X), X)


def test_many_rows_and_large_images_go_block_by_block(monkeypatch):
    """Each block has random numbers of its own."""
    X = np.tile(random_bytes(1, 4, 4), (300, 1, 1))
    changed = ImageAugmenter(noise=0.5, random_state=0).fit_transform(X)
    assert len(np.unique(changed.reshape(300, -1), axis=0)) == 300
    monkeypatch.setattr("sklearn_dl.preprocessing._image_augmenter._BLOCK_SIZE", 10)
    changed = ImageAugmenter(noise=0.5, random_state=0).fit_transform(X)
    assert len(np.unique(changed.reshape(300, -1), axis=0)) == 300


def test_pipelines_train_on_changed_images_and_predict_from_others():
    seen = {}

    class Recorder(LogisticRegression):
        def fit(self, X, y):
            seen["fit"] = X
            return super().fit(X, y)

        def predict(self, X):
            seen["predict"] = X
            return super().predict(X)

    X, y = load_digits(return_X_y=True)
    X, y = X[:200], y[:200]
    augmenter = ImageAugmenter(shift=0.2, input_shape=(8, 8), random_state=0)
    pipeline = make_pipeline(augmenter, Recorder(max_iter=10_000)).fit(X, y)
    pipeline.predict(X)
    np.testing.assert_array_equal(seen["fit"], clone(augmenter).fit_transform(X))
    assert (seen["fit"] != X).any()
    np.testing.assert_array_equal(seen["predict"], X)
    search = GridSearchCV(pipeline, {"imageaugmenter__shift": [0.0, 0.1]}, cv=2)
    assert search.fit(X, y).best_score_ > 0.8


def test_digits_that_are_moved_are_learned_better_from_moved_ones():
    X, y = load_digits(return_X_y=True)
    X_train, y_train, X_test, y_test = X[:300], y[:300], X[300:], y[300:]
    augmenter = ImageAugmenter(shift=0.13, input_shape=(8, 8), random_state=0)
    augmenter.fit(X_train)
    X_moved = augmenter.fit_transform(X_test)
    model = LogisticRegression(max_iter=10_000)
    plain = model.fit(X_train, y_train).score(X_moved, y_test)
    larger = augmenter.augment(X_train, y_train, n_copies=5)
    assert model.fit(*larger).score(X_moved, y_test) > plain + 0.1


def test_targets_are_repeated():
    X, y = random_bytes(5, 4, 4), list("abcab")
    X_new, y_new = ImageAugmenter(shift=0.3, n_copies=2).fit(X).augment(X, y)
    assert len(X_new) == 15
    assert y_new.tolist() == y * 3
    several = np.arange(10).reshape(5, 2)
    _, y_new = ImageAugmenter().fit(X).augment(X, several, n_copies=1)
    np.testing.assert_array_equal(y_new, np.concatenate([several, several]))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_mixup_mixes_images_and_classes(dtype):
    y = np.array(["cat", "ant", "bee"] * 40)
    # The image of a class is constant, so that it tells its shares.
    values = np.select([y == "ant", y == "bee"], [0, 100], 200).astype(dtype)
    X = np.tile(values[:, None, None], (1, 2, 2))
    augmenter = ImageAugmenter(mixup=0.5, random_state=0).fit(X)
    X_new, y_new = augmenter.augment(X, y, n_copies=3)
    assert X_new.dtype == dtype
    np.testing.assert_array_equal(y_new[:3], [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(y_new.sum(axis=1), 1)
    tolerance = 0.5 if dtype == np.uint8 else 1e-9
    expected = y_new @ [0, 100, 200]
    np.testing.assert_allclose(X_new[:, 0, 0], expected, atol=tolerance + 1e-9)
    assert ((y_new > 0.05).sum(axis=1) == 2).sum() > 50
    # The share is a row's own.
    assert len(np.unique(y_new[120:240].max(axis=1).round(9))) > 60


@pytest.mark.parametrize(
    "y", [np.linspace(0, 1, 20), np.linspace(0, 1, 40).reshape(20, 2)], ids=np.shape
)
def test_mixup_mixes_numbers(y):
    X = np.tile(y.reshape(20, -1)[:, :1, None], (1, 3, 3))
    X_new, y_new = ImageAugmenter(mixup=1.0, random_state=0).fit(X).augment(X, y)
    assert y_new.shape == (40, *y.shape[1:])
    np.testing.assert_allclose(y_new.reshape(40, -1)[:, 0], X_new[:, 0, 0])


def test_mixup_of_labels_that_cannot_be_mixed():
    X = random_bytes(4, 3, 3)
    augmenter = ImageAugmenter(mixup=0.2).fit(X)
    with pytest.raises(ValueError, match=r"mixup of ImageAugmenter .* needs y"):
        augmenter.augment(X)
    with pytest.raises(ValueError, match=r"mixup of ImageAug.* got 0\.2\. Call augm"):
        augmenter.fit_transform(X)
    with pytest.raises(ValueError, match="'multiclass-multioutput'"):
        augmenter.augment(X, [[0, 1], [2, 3], [1, 1], [0, 2]])


def test_colors_are_those_of_the_training_images():
    X = random_bytes(30, 5, 5, 3)
    X[..., 1] = X[..., 0] // 2
    augmenter = ImageAugmenter(pca_color=0.1, random_state=0).fit(X)
    pca = PCA().fit(X.reshape(-1, 3).astype(float))
    n_pixels = 750
    scales = np.sqrt(pca.explained_variance_ * (n_pixels - 1) / n_pixels)
    np.testing.assert_allclose(
        abs(augmenter.color_components_),
        abs(pca.components_ * scales[:, None]),
        rtol=1e-3,
        atol=1e-2,
    )
    assert ImageAugmenter().fit(X).color_components_ is None
    # Networks see bytes divided by 255.
    augmentation = augmenter.make_augmentation((3, 5, 5))
    np.testing.assert_allclose(
        augmentation.color_components, augmenter.color_components_ / 255, rtol=1e-6
    )
    with pytest.raises(ValueError, match="pca_color of ImageAugmenter knows"):
        augmenter.make_augmentation((4, 5, 5))


def test_a_network_gets_the_same_changes():
    X = random_bytes(30, 6, 5, 3)
    augmenter = ImageAugmenter(**MANY, crop=None, random_state=3).fit(X)
    augmentation = augmenter.make_augmentation((3, 6, 5))
    seed = int(np.random.RandomState(3).randint(2**31 - 1))
    batch = torch.from_numpy(X / np.float32(255)).movedim(-1, 1)
    changed = augmentation(batch, torch.Generator().manual_seed(seed))
    assert changed.min() >= 0
    assert changed.max() <= 1
    expected = augmenter.fit_transform(X)
    np.testing.assert_allclose(changed.movedim(1, -1) * 255, expected, atol=0.501)


def test_a_network_of_floating_numbers_is_not_clipped():
    X = in_type(np.float32, 30, 6, 5)
    augmenter = ImageAugmenter(noise=1.0, mixup=0.3).fit(X)
    augmentation = augmenter.make_augmentation((1, 6, 5))
    assert augmentation.mixup == 0.3
    batch = torch.from_numpy(X)[:, None]
    assert augmentation(batch, torch.Generator().manual_seed(0)).min() < -1


def test_what_a_network_cannot_have():
    X = random_bytes(5, 6, 5)
    with pytest.raises(NotFittedError):
        ImageAugmenter().make_augmentation((1, 6, 5))
    augmenter = ImageAugmenter(rotation=10).fit(X)
    with pytest.raises(ValueError, match=r"rotation of ImageAugmenter .* \(5, 6\)"):
        augmenter.make_augmentation((5, 6))
    with pytest.raises(ValueError, match=r"ImageAugmenter takes .* \(1, 2, 6, 5\)"):
        augmenter.make_augmentation((1, 2, 6, 5))


def test_whole_numbers_of_numpy_are_whole():
    X = random_bytes(50, 6, 6)
    one, other = (
        ImageAugmenter(crop=crop, random_state=0).fit_transform(X)
        for crop in (2, np.int64(2))
    )
    np.testing.assert_array_equal(one, other)


def test_images_of_different_sizes():
    X = [np.zeros((4, 5)), np.zeros((4, 6))]
    message = r"ImageAugmenter expects images of one shape.*\(4, 5\), \(4, 6\)"
    with pytest.raises(ValueError, match=message):
        ImageAugmenter().fit(X)
    fitted = ImageAugmenter().fit(X[:1])
    with pytest.raises(ValueError, match=r"images of shape \(4, 6, 1\).*fitted with"):
        fitted.transform(X[1:])


def test_numbers_in_the_place_of_bytes():
    X = random_bytes(20, 6, 6)
    fitted = ImageAugmenter(horizontal_flip=True, rotation=20, random_state=0).fit(X)
    np.testing.assert_array_equal(fitted.augment(X.astype(float)), fitted.augment(X))
    with pytest.raises(ValueError, match="ImageAugmenter was fitted on bytes and"):
        fitted.augment(X / 255)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rotation": -1}, "'rotation' parameter of ImageAugmenter"),
        ({"shift": 1.5}, "'shift' parameter of ImageAugmenter"),
        ({"shear": 90}, "'shear' parameter of ImageAugmenter"),
        ({"crop": 1.0}, "'crop' parameter of ImageAugmenter"),
        ({"crop": -2}, "'crop' parameter of ImageAugmenter"),
        ({"erasing": 2}, "'erasing' parameter of ImageAugmenter"),
        ({"fill": "wrap"}, "'fill' parameter of ImageAugmenter"),
        ({"crop": 5}, r"crop of ImageAugmenter .* \(1, 6, 5\), got 5"),
        ({"input_shape": (5, 6)}, r"input_shape of .* \(6, 5, 1\), got \(5, 6\)"),
        ({"input_shape": (30,)}, r"input_shape of ImageAugmenter must be \(h"),
        ({"input_shape": (6, 5.0)}, r"input_shape of ImageAugmenter must be \(h"),
    ],
    ids=str,
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageAugmenter(**parameters).fit_transform(random_bytes(3, 6, 5))


def test_other_bad_input():
    X = random_bytes(4, 6, 5)
    with pytest.raises(ValueError, match=r"input_shape of .* 30 values a row"):
        ImageAugmenter(input_shape=(6, 6)).fit(X.reshape(4, -1))
    with pytest.raises(ValueError, match="no augmentation of volumes"):
        ImageAugmenter().fit(random_bytes(2, 3, 3, 3, 1))
    with pytest.raises(ValueError, match="NaN"):
        ImageAugmenter().fit(np.full((2, 3, 3), np.nan))
    with pytest.raises(NotFittedError):
        ImageAugmenter().augment(X)
    fitted = ImageAugmenter().fit(X)
    with pytest.raises(ValueError, match=r"n_copies of ImageAugmenter.* got 0"):
        fitted.augment(X, n_copies=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.augment(X, [1, 2, 3])
