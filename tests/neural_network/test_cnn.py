"""Convolutional networks as estimators: shapes, bytes, augmentation, searches."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.modules import ImageModel, TrainingOutput
from sklearn_dl.neural_network import CNNClassifier, CNNRegressor
from sklearn_dl.preprocessing import ImageAugmenter

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = [{"layer": "conv", "filters": 4, "kernel_size": 3}, "flatten"]
BRIEF = {"architecture": SMALL, "max_iter": 2, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    images = data.images.astype(np.float32)
    return train_test_split(images, data.target, random_state=0)


def weights(estimator):
    return [w.numpy() for w in estimator.net_.module_.network.state_dict().values()]


def test_digits_are_learned(digits):
    X, X_test, y, y_test = digits
    clf = CNNClassifier(
        learning_rate="one_cycle",
        learning_rate_init=0.005,
        max_iter=12,
        random_state=0,
    )
    assert clf.fit(X, y).score(X_test, y_test) > 0.95


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 8, 1), {}),
        ((64,), {"input_shape": (8, 8)}),
        ((64,), {"input_shape": (8, 8, 1)}),
        ((8, 8), {"n_dims": 2}),
        ((8, 8), {"input_shape": (8, 8)}),
    ],
)
def test_one_network_whatever_the_layout(digits, shape, options):
    X, _, y, _ = digits
    expected = CNNClassifier(**BRIEF).fit(X[:200], y[:200])
    rows = X[:200].reshape(-1, *shape)
    given = CNNClassifier(**BRIEF, **options).fit(rows, y[:200])
    assert given.input_shape_ == expected.input_shape_ == (8, 8, 1)
    for a, b in zip(weights(expected), weights(given), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(expected.predict(X[:200]), given.predict(rows))


@pytest.mark.parametrize(
    ("shape", "options", "layout"),
    [
        ((20,), {}, (20, 1)),
        ((20, 3), {"n_dims": 1}, (20, 3)),
        ((20, 3), {"architecture": "fcn"}, (20, 3)),
        ((20, 3), {}, (20, 3, 1)),
        ((6, 5, 3), {}, (6, 5, 3)),
        ((6, 5, 4), {"n_dims": 3}, (6, 5, 4, 1)),
        ((6, 5, 4, 2), {}, (6, 5, 4, 2)),
    ],
)
def test_signals_images_and_volumes(shape, options, layout):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, *shape))
    y = rng.normal(size=12)
    reg = CNNRegressor(max_iter=2, random_state=0, **options).fit(X, y)
    assert reg.input_shape_ == layout
    assert reg.predict(X).shape == (12,)


def test_bytes_are_255ths(digits):
    X, _, y, _ = digits
    as_bytes = (X[:200] * 15).astype(np.uint8)
    as_floats = as_bytes.astype(np.float32) / np.float32(255)
    small = clone(CNNClassifier(**BRIEF)).fit(as_bytes, y[:200])
    large = clone(CNNClassifier(**BRIEF)).fit(as_floats, y[:200])
    assert small.net_.module_.mean.dtype == torch.float32
    np.testing.assert_allclose(
        small.predict_proba(as_bytes), large.predict_proba(as_floats), atol=1e-5
    )


def test_whole_numbers_in_the_place_of_bytes_are_bytes(digits):
    X, _, y, _ = digits
    as_bytes = (X[:200] * 15).astype(np.uint8)
    clf = CNNClassifier(**BRIEF).fit(as_bytes, y[:200])
    expected = clf.predict_proba(as_bytes)
    for rows in (as_bytes.astype(int), as_bytes.astype(float), as_bytes.tolist()):
        np.testing.assert_array_equal(clf.predict_proba(rows), expected)
    with pytest.raises(ValueError, match="fitted on bytes and expects whole numbers"):
        clf.predict(as_bytes / 255)
    numbers = CNNClassifier(**BRIEF).fit(as_bytes.astype(np.float32), y[:200])
    np.testing.assert_array_equal(
        numbers.predict_proba(as_bytes),
        numbers.predict_proba(as_bytes.astype(np.float32)),
    )


def test_channels_are_standardised_by_the_weighted_rows():
    rng = np.random.default_rng(0)
    X = rng.normal([5.0, -2.0], [3.0, 0.1], size=(30, 6, 6, 2))
    X[0] = 1e6
    y = rng.normal(size=30)
    weight = rng.integers(1, 4, size=30).astype(float)
    weight[0] = 0
    model = CNNRegressor(**BRIEF).fit(X, y, sample_weight=weight).net_.module_
    rows = np.repeat(X, weight.astype(int), axis=0)
    np.testing.assert_allclose(model.mean.ravel(), rows.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(model.scale.ravel(), rows.std(axis=(0, 1, 2)))


def test_standardize_false_leaves_the_values():
    X = np.random.default_rng(0).normal(5.0, 3.0, size=(20, 6, 6))
    reg = CNNRegressor(standardize=False, **BRIEF).fit(X, X[:, 0, 0])
    assert reg.net_.module_.mean.item() == 0
    assert reg.net_.module_.scale.item() == 1


def test_a_prediction_does_not_depend_on_its_company(digits):
    X, X_test, y, _ = digits
    clf = CNNClassifier(**BRIEF).fit(X[:200], y[:200])
    alone = np.concatenate([clf.predict_proba(row[None]) for row in X_test[:20]])
    np.testing.assert_allclose(alone, clf.predict_proba(X_test)[:20], atol=1e-5)


def test_layers_of_the_summary():
    X = np.zeros((4, 36, 36, 3))
    X[0, 0, 0] = 1
    layers = [
        {"layer": "conv", "filters": 9, "kernel_size": 11, "padding": "valid"},
        {
            "layer": "conv",
            "filters": 2,
            "kernel_size": 3,
            "stride": 2,
            "padding": "valid",
        },
        "flatten",
    ]
    reg = CNNRegressor(architecture=layers, max_iter=1).fit(X, np.arange(4.0))
    table = reg.summary()
    first, second = (row for _, row in table.iterrows() if "Conv" in row.kind)
    assert first.output_shape == (9, 26, 26)
    assert first.n_parameters == 3276
    assert first.multiply_adds == 26 * 26 * 9 * 11 * 11 * 3
    assert second.output_shape == (2, 12, 12)
    assert second.receptive_field == (13, 13)
    assert table.n_parameters.sum() == sum(
        p.numel() for p in reg.net_.module_.network.parameters()
    )


# -- augmentation ------------------------------------------------------------------


def test_augmentation_is_for_training_alone(digits):
    X, X_test, y, _ = digits
    plain = CNNClassifier(**BRIEF).fit(X[:200], y[:200])
    augmented = CNNClassifier(**BRIEF, augment=ImageAugmenter(shift=0.2))
    augmented.fit(X[:200], y[:200])
    assert any(
        np.any(a != b) for a, b in zip(weights(plain), weights(augmented), strict=True)
    )
    first = augmented.predict_proba(X_test)
    np.testing.assert_array_equal(first, augmented.predict_proba(X_test))


def test_an_augmenter_without_changes_changes_nothing(digits):
    X, _, y, _ = digits
    plain = CNNClassifier(**BRIEF).fit(X[:200], y[:200])
    augmented = CNNClassifier(**BRIEF, augment=ImageAugmenter()).fit(X[:200], y[:200])
    for a, b in zip(weights(plain), weights(augmented), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_warm_start_heeds_another_augmenter(digits):
    X, _, y, _ = digits
    clf = CNNClassifier(**BRIEF, warm_start=True).fit(X[:100], y[:100])
    clf.set_params(augment=ImageAugmenter(horizontal_flip=True), n_views=2)
    clf.fit(X[:100], y[:100])
    assert clf.augmenter_ is not None
    clf.set_params(augment=None, n_views=1).fit(X[:100], y[:100])
    assert clf.augmenter_ is None


def test_mixed_precision_of_doubles(digits):
    X, _, y, _ = digits
    X = X[:100].astype(np.float64)
    mixed = CNNClassifier(mixed_precision="bfloat16", **BRIEF).fit(X, y[:100])
    assert mixed.predict_proba(X).dtype == np.float32
    with pytest.raises(ValueError, match="mixed_precision='bfloat16' of CNNClassifier"):
        mixed.set_params(dtype="float64").fit(X, y[:100])


def test_views_are_averaged(digits):
    X, X_test, y, _ = digits
    augment = ImageAugmenter(horizontal_flip=True)
    clf = CNNClassifier(**BRIEF, augment=augment, n_views=2).fit(X[:200], y[:200])
    one = clone(clf).set_params(n_views=1).fit(X[:200], y[:200])
    mirrored = X_test[:, :, ::-1]
    logs = (one.predict_log_proba(X_test) + one.predict_log_proba(mirrored)) / 2
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(X_test), expected, atol=1e-5)


def test_mixup_learns(digits):
    X, X_test, y, y_test = digits
    clf = CNNClassifier(
        architecture=SMALL,
        augment=ImageAugmenter(mixup=0.2),
        learning_rate_init=0.01,
        max_iter=5,
        random_state=0,
    )
    assert clf.fit(X, y).score(X_test, y_test) > 0.9


def test_the_loss_of_mixed_rows_and_of_auxiliary_outputs():
    def criterion(output, y, weight):
        return torch.sum((output.ravel() - y) * weight)

    y, weight = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])
    output = TrainingOutput(
        torch.tensor([[5.0], [7.0]]),
        auxiliary=(torch.tensor([[1.0], [1.0]]),),
        auxiliary_weight=0.3,
        partner=torch.tensor([1, 0]),
        share=0.25,
    )
    own = (5 - 1) * 1 + (7 - 2) * 3
    other = (5 - 2) * 3 + (7 - 1) * 1
    own_auxiliary = (1 - 1) * 1 + (1 - 2) * 3
    other_auxiliary = (1 - 2) * 3 + (1 - 1) * 1
    expected = 0.25 * own + 0.75 * other
    expected += 0.3 * (0.25 * own_auxiliary + 0.75 * other_auxiliary)
    assert output.loss(criterion, y, weight).item() == pytest.approx(expected)


def test_inception_has_two_auxiliary_classifiers_in_training(digits):
    X, _, y, _ = digits
    clf = CNNClassifier("inception", max_iter=1, random_state=0).fit(X[:32], y[:32])
    model = clf.net_.module_
    rows = torch.from_numpy(X[:4])
    assert model(rows).shape == (4, 10)
    with torch.random.fork_rng():
        output = model.train()(rows)
    assert [part.shape for part in output.auxiliary] == [(4, 10), (4, 10)]
    assert output.auxiliary_weight == 0.3


# -- in searches --------------------------------------------------------------------


def test_a_grid_over_layers_and_augmentation_in_a_pipeline(digits):
    X, _, y, _ = digits
    rows = X[:150].reshape(150, -1)
    wider = [{"layer": "conv", "filters": 6, "kernel_size": 3}, "flatten"]
    network = CNNClassifier(
        input_shape=(8, 8), augment=ImageAugmenter(), max_iter=3, random_state=0
    )
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), network),
        {
            "cnnclassifier__architecture": [SMALL, wider],
            "cnnclassifier__augment__shift": [0.0, 0.1],
        },
        cv=2,
    ).fit(rows, y[:150])
    assert search.best_params_["cnnclassifier__architecture"] in (SMALL, wider)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(rows).shape == (150,)


def test_a_function_makes_the_network(digits):
    X, _, y, _ = digits

    def make(input_shape, n_outputs):
        return torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(int(np.prod(input_shape)), n_outputs)
        )

    clf = CNNClassifier(make, max_iter=2, random_state=0).fit(X[:100], y[:100])
    assert clf.predict_proba(X[:5]).shape == (5, 10)


class ByValue(torch.nn.Module):
    """Decides what to compute by the values."""

    def __init__(self, n_outputs):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3)
        self.linear = torch.nn.Linear(4 * 36, n_outputs)

    def forward(self, x):
        x = self.conv(x).flatten(1)
        return self.linear(x if x.mean() > 0 else -x)


def make_by_value(input_shape, n_outputs):
    return ByValue(n_outputs)


def test_a_network_that_has_no_table_of_layers(digits):
    X, _, y, _ = digits
    clf = CNNClassifier(make_by_value, max_iter=2, random_state=0).fit(X[:100], y[:100])
    assert clf.predict_proba(X[:5]).shape == (5, 10)
    model = clf.net_.module_
    assert model.multiply_adds == 4 * 9 + 4 + 4 * 36 * 10 + 10
    assert model.largest_output == 4 * 64
    with pytest.raises(ValueError, match="cannot follow ByValue"):
        clf.summary()


def test_cost_of_layers_without_shapes_yet():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3))
    model = ImageModel(network, (8, 8, 1), torch.zeros(1), torch.ones(1))
    assert (model.multiply_adds, model.largest_output) == (0, 64)


def make_three_outputs(input_shape, n_outputs):
    size = int(np.prod(input_shape))
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, 3))


# -- bad input -----------------------------------------------------------------------


def test_a_function_that_makes_lazy_layers():
    def make(input_shape, n_outputs):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(n_outputs))

    with pytest.raises(ValueError, match="got lazy layers without them"):
        CNNClassifier(make).fit(np.zeros((4, 8, 8)), [0, 1, 0, 1])


def test_images_of_different_sizes():
    X = [np.zeros((8, 8)), np.zeros((8, 9))]
    with pytest.raises(ValueError, match=r"CNNClassifier expects images of one shape"):
        CNNClassifier().fit(X, [0, 1])


def test_rows_of_another_shape_than_in_fit(digits):
    X, _, y, _ = digits
    clf = CNNClassifier(**BRIEF).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match=r"fitted on rows of shape \(8, 8\)"):
        clf.predict(X[:, :, :7])
    color = CNNClassifier(**BRIEF).fit(np.zeros((4, 8, 8, 3)), [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"X has rows of shape \(8, 8, 1\)"):
        color.predict(np.zeros((4, 8, 8, 1)))


def test_images_are_computed_in_float32_and_tables_in_their_type(digits):
    X, _, y, _ = digits
    X, y = X[:50].astype(np.float64), y[:50]
    flat = X.reshape(50, -1)
    for rows, options, expected in (
        (X, {}, torch.float32),
        (X, {"dtype": "float64"}, torch.float64),
        (flat, {"input_shape": (8, 8)}, torch.float32),
        (flat, {"n_dims": 1}, torch.float64),
        (flat.astype(np.float32), {"n_dims": 1}, torch.float32),
    ):
        clf = CNNClassifier(**BRIEF, **options).fit(rows, y)
        assert {w.dtype for w in clf.net_.module_.parameters()} == {expected}


def test_flat_rows_are_not_images(digits):
    X, _, y, _ = digits
    clf = CNNClassifier(**BRIEF, input_shape=(8, 8)).fit(X[:50].reshape(50, -1), y[:50])
    with pytest.raises(ValueError, match=r"fitted on rows of shape \(64,\), X has .*8"):
        clf.predict(X)


def test_images_one_by_one(digits):
    X, X_test, y, _ = digits
    expected = CNNClassifier(**BRIEF).fit(X[:50], y[:50]).predict_proba(X_test)
    objects = np.empty(50, dtype=object)
    objects[:] = list(X[:50])
    for images in (
        list(X[:50]),
        objects,
        pd.Series(list(X[:50]), index=range(50, 0, -1)),
    ):
        clf = CNNClassifier(**BRIEF).fit(images, y[:50])
        np.testing.assert_array_equal(clf.predict_proba(X_test), expected)


def test_channels_in_the_first_place_are_doubted():
    X, y = np.random.default_rng(0).normal(size=(6, 3, 8, 8)), [0, 1, 0, 1, 0, 1]
    with pytest.warns(UserWarning, match=r"\(3, 8, 8\) as images of 3 x 8 pixels"):
        CNNClassifier(**BRIEF).fit(X, y)
    # No warning, which would be an error.
    CNNClassifier(**BRIEF, input_shape=(3, 8, 8)).fit(X, y)
    CNNClassifier(**BRIEF, n_dims=3).fit(X, y)
    CNNClassifier(**BRIEF).fit(np.moveaxis(X, 1, -1), y)


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        (
            {"input_shape": (5, 5)},
            np.zeros((4, 24)),
            "input_shape of CNNClassifier must have as many values as a row of X, 24",
        ),
        (
            {"input_shape": (4, 6)},
            np.zeros((4, 6, 4)),
            r"must be the shape of a row of X, \(6, 4\)",
        ),
        ({"n_dims": 3}, np.zeros((4, 24)), "n_dims=3 a row cannot have the shape"),
        ({}, np.zeros((4, 2, 2, 2, 2, 2)), "CNNClassifier expects rows that are"),
        ({"n_views": 2}, np.zeros((4, 8, 8)), "n_views=2 of CNNClassifier needs"),
        ({"architecture": "vgg99"}, np.zeros((4, 8, 8)), "'architecture' parameter"),
        (
            {"architecture": [{"layer": "conv", "filters": 4, "size": 9}]},
            np.zeros((4, 8, 8)),
            r"architecture\[0\] \('conv'\): there is no option 'size'",
        ),
        (
            {"architecture": make_three_outputs},
            np.zeros((4, 8, 8)),
            "The 'architecture' parameter of CNNClassifier must make a network",
        ),
    ],
)
def test_bad_input(options, X, message):
    with pytest.raises(ValueError, match=message):
        CNNClassifier(**options).fit(X, [0, 1, 0, 1])
