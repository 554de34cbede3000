"""Features of fitted networks, fine-tuning, and weights from files."""

import os
import pickle
import re
import sys
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional as F

from sklearn_dl.model_selection import LearningRateRange, cross_validate
from sklearn_dl.modules import (
    DenseNetwork,
    ImageModel,
    TabularNetwork,
    inception,
    resnet20,
)
from sklearn_dl.modules._transfer import (
    LayerProbe,
    TunedNetwork,
    find_blocks,
    find_output_layer,
)
from sklearn_dl.neural_network import (
    CNNClassifier,
    FineTuner,
    MLPClassifier,
    NetTransformer,
    RNNClassifier,
    RNNTagger,
    TabularMLPClassifier,
    TorchClassifier,
    load_pretrained,
)
from sklearn_dl.neural_network._fitted_network import batches_through
from sklearn_dl.preprocessing import ImageAugmenter

# Every fit here ends before it has converged.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYERS = [
    {"layer": "conv", "filters": 4, "kernel_size": 3},
    "batch_norm",
    "relu",
    {"layer": "conv", "filters": 4, "kernel_size": 3},
    "batch_norm",
    "relu",
    "flatten",
    {"layer": "dropout", "rate": 0.3},
]


@pytest.fixture(scope="module")
def digits():
    """Flat images of the old task, which are 0 to 4, and of the new one."""
    X, y = load_digits(return_X_y=True)
    X, old = X.astype(np.float32) / 16, y < 5
    return SimpleNamespace(
        X_old=X[old], y_old=y[old], X_new=X[~old][:200], y_new=y[~old][:200]
    )


@pytest.fixture(scope="module")
def mlp(digits):
    network = MLPClassifier((16, 8), batch_size=64, max_iter=5, random_state=0)
    return network.fit(digits.X_old, digits.y_old)


@pytest.fixture(scope="module")
def cnn(digits):
    network = CNNClassifier(LAYERS, input_shape=(8, 8), max_iter=2, random_state=0)
    return network.fit(digits.X_old, digits.y_old)


@pytest.fixture(scope="module")
def sequences(digits):
    """Images as sequences of rows, of different lengths."""
    return [x.reshape(8, 8)[: 5 + k % 4] for k, x in enumerate(digits.X_new)]


@pytest.fixture(autouse=True)
def drawn_from_a_seed_of_their_own():
    """Let tests make modules, which draw from torch's global generator."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield


def weights_of(estimator):
    """Return copies of a fitted network's weights."""
    state = estimator.net_.module_.state_dict()
    return {name: value.clone() for name, value in state.items()}


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) for name, value in one.items()
    )


# -- features --------------------------------------------------------------------------


def test_features_of_a_dense_network_by_hand(digits, mlp):
    hidden = np.maximum(digits.X_new @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    first = NetTransformer(mlp, layer="after.0", prefit=True).fit(digits.X_new)
    np.testing.assert_allclose(first.transform(digits.X_new), hidden, atol=1e-5)
    last = np.maximum(hidden @ mlp.coefs_[1] + mlp.intercepts_[1], 0)
    features = NetTransformer(mlp, prefit=True).fit(digits.X_new)
    np.testing.assert_allclose(features.transform(digits.X_new), last, atol=1e-5)
    assert features.layer_ == "dense.2"
    assert features.transform(digits.X_new).dtype == np.float32
    assert features.n_features_in_ == 64


def test_features_of_a_convolutional_network(digits, cnn):
    images = torch.from_numpy(digits.X_new).reshape(-1, 1, 8, 8)
    model = cnn.net_.module_
    with torch.no_grad():
        maps = model.network.features[0](model.standardized(images))
        vectors = model.network.forward_features(model.standardized(images))
    one = NetTransformer(cnn, layer="features.0", prefit=True).fit(digits.X_new)
    np.testing.assert_allclose(
        one.transform(digits.X_new), maps.flatten(1).numpy(), atol=1e-5
    )
    head = NetTransformer(cnn, prefit=True).fit(digits.X_new)
    np.testing.assert_allclose(head.transform(digits.X_new), vectors.numpy(), atol=1e-5)


def test_features_do_not_depend_on_batches(digits, cnn, monkeypatch):
    features = NetTransformer(cnn, prefit=True).fit(digits.X_new)
    together = features.transform(digits.X_new)
    monkeypatch.setattr(CNNClassifier, "_rows_at_once", lambda self: 7)
    np.testing.assert_allclose(features.transform(digits.X_new), together, atol=1e-6)


def test_the_network_is_left_alone(digits, cnn):
    before, predicted = weights_of(cnn), cnn.predict_proba(digits.X_new)
    NetTransformer(cnn, layer="features.2", prefit=True).fit_transform(digits.X_new)
    assert same(weights_of(cnn), before)
    assert not any(
        part._forward_hooks or part._forward_pre_hooks
        for part in cnn.net_.module_.modules()
    )
    np.testing.assert_array_equal(cnn.predict_proba(digits.X_new), predicted)


def test_a_clone_is_fitted_unless_it_is_prefit(digits, mlp):
    unfitted = clone(mlp)
    features = NetTransformer(unfitted).fit(digits.X_old, digits.y_old)
    assert not hasattr(unfitted, "net_")
    assert same(weights_of(features.estimator_), weights_of(mlp))
    taken = NetTransformer(mlp, prefit=True).fit(digits.X_new)
    assert taken.estimator_ is mlp
    frozen = NetTransformer(FrozenEstimator(mlp)).fit(digits.X_new, digits.y_new)
    expected = features.transform(digits.X_new)
    np.testing.assert_array_equal(taken.transform(digits.X_new), expected)
    np.testing.assert_array_equal(frozen.transform(digits.X_new), expected)
    assert clone(taken).estimator is mlp
    with pytest.raises(NotFittedError, match=r"'estimator' parameter of NetTransf.*"):
        NetTransformer(unfitted, prefit=True).fit(digits.X_new)


def test_a_network_that_is_to_be_fitted_needs_targets(digits, mlp):
    with pytest.raises(ValueError, match="needs y; prefit=True takes a fitted network"):
        NetTransformer(mlp).fit(digits.X_new)


def test_gradients_are_on_while_a_batch_is_looked_at(digits, cnn):
    batches = batches_through(lambda X: X, cnn, digits.X_new)
    next(batches)
    assert torch.is_grad_enabled()


def test_a_module_that_was_tuned_on_bytes_takes_bytes(digits):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    model = ImageModel(network, (8, 8, 1), torch.zeros(1), torch.ones(1))
    X = (digits.X_new[:40] * 15).astype(np.uint8).reshape(-1, 8, 8)
    tuner = FineTuner(model, max_iter=1, random_state=0).fit(X, digits.y_new[:40])
    expected = tuner.predict_proba(X)
    for rows in (X.astype(float), X.tolist(), list(X)):
        np.testing.assert_array_equal(tuner.predict_proba(rows), expected)
    with pytest.raises(ValueError, match="FineTuner was fitted on bytes and expects"):
        tuner.predict(X / 255)


def test_weights_of_rows_reach_the_network(digits):
    weight = (digits.y_old < 3).astype(float)
    expected = MLPClassifier((4,), max_iter=2, random_state=0)
    expected.fit(digits.X_old, digits.y_old, sample_weight=weight)
    for network in (clone(expected), make_pipeline(clone(expected))):
        features = NetTransformer(network)
        features.fit(digits.X_old, digits.y_old, sample_weight=weight)
        found = features.estimator_
        found = found[-1] if isinstance(found, Pipeline) else found
        assert same(weights_of(found), weights_of(expected))
        assert list(found.classes_) == [0, 1, 2, 3, 4]


def test_a_search_over_layers(digits, cnn):
    pipe = Pipeline(
        [
            ("net", NetTransformer(cnn, prefit=True)),
            ("clf", LogisticRegression(max_iter=500)),
        ]
    )
    search = GridSearchCV(pipe, {"net__layer": [None, "features.0"]}, cv=2)
    search.fit(digits.X_new, digits.y_new)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(set(search.cv_results_["mean_test_score"])) == 2
    assert search.best_score_ > 0.8


def test_names_of_features(digits, mlp):
    features = NetTransformer(mlp, prefit=True).set_output(transform="pandas")
    frame = features.fit_transform(digits.X_new)
    assert list(frame) == [f"nettransformer{k}" for k in range(8)]


def test_steps_in_front_of_a_network(digits):
    network = MLPClassifier((8,), max_iter=2, random_state=0)
    pipe = make_pipeline(StandardScaler(), network).fit(digits.X_old, digits.y_old)
    features = NetTransformer(pipe, prefit=True).fit(digits.X_new)
    scaled = pipe[0].transform(digits.X_new)
    alone = NetTransformer(network, prefit=True).fit(scaled)
    np.testing.assert_array_equal(
        features.transform(digits.X_new), alone.transform(scaled)
    )
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [0.1]}, cv=2)
    found = NetTransformer(search).fit(digits.X_old, digits.y_old)
    assert found.transform(digits.X_new).shape == (200, 8)


def test_features_of_any_module(digits):
    network = TorchClassifier(random_state=0).fit(digits.X_old, digits.y_old)
    features = NetTransformer(network, prefit=True).fit(digits.X_new)
    dense = network.net_.module_.linear
    with torch.no_grad():
        hidden = dense[0](torch.from_numpy(digits.X_new)).relu().numpy()
    np.testing.assert_allclose(features.transform(digits.X_new), hidden, atol=1e-5)


def test_features_of_sequences(sequences, digits):
    network = RNNClassifier(hidden_size=6, max_iter=1, random_state=0)
    network.fit(sequences, digits.y_new)
    features = NetTransformer(network, prefit=True).fit(sequences)
    found = features.transform(sequences)
    assert found.shape == (200, 6)
    one_by_one = np.concatenate([features.transform([row]) for row in sequences[:5]])
    np.testing.assert_allclose(found[:5], one_by_one, atol=1e-5)
    steps = NetTransformer(network, layer="layers.0", prefit=True)
    with pytest.raises(ValueError, match=r"must be None for sequences of different"):
        steps.fit(sequences).transform(sequences)
    same_length = np.stack([row[:5] for row in sequences])
    assert steps.transform(same_length).shape == (200, 5 * 6)


def test_features_of_texts():
    texts, y = ["good film", "bad film", "good plot", "so bad"] * 5, [1, 0, 1, 0] * 5
    network = RNNClassifier(hidden_size=4, embedding_dim=3, max_iter=1, random_state=0)
    features = NetTransformer(network).fit(texts, y)
    assert features.transform(["a good one"]).shape == (1, 4)
    tuner = FineTuner(features.estimator_, max_iter=2, random_state=0)
    assert set(tuner.fit(texts, ["b", "a"] * 10).predict(texts)) <= {"a", "b"}


def test_views_do_not_multiply_features(digits):
    class Twice(nn.Module):
        mixup = 0.0

        def forward(self, images, generator=None):
            return images

        def views(self, images, n_views, generator):
            return [images.flip(-1)] * n_views

    model = ImageModel(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 2)),
        (8, 8, 1),
        torch.zeros(1),
        torch.ones(1),
        Twice(),
        n_views=2,
    ).eval()
    X = torch.from_numpy(digits.X_new)
    found = LayerProbe(model, "network.1", of_input=True)(X)
    torch.testing.assert_close(found, X)
    assert model.n_views == 2


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"layer": "nothing"}, ValueError, r"got 'nothing'. It has dense, dense.0, d"),
        ({"layer": "dense"}, ValueError, r"does not use its layer 'dense'"),
        ({"layer": 3}, ValueError, "'layer' parameter of NetTransformer"),
    ],
)
def test_layers_that_are_not_there(digits, mlp, params, error, message):
    with pytest.raises(error, match=message):
        NetTransformer(mlp, prefit=True, **params).fit(digits.X_new)


def test_what_is_no_network(digits):
    with pytest.raises(TypeError, match=r"'estimator' parameter of NetTransformer"):
        NetTransformer(LogisticRegression()).fit(digits.X_new, digits.y_new)
    with pytest.raises(TypeError, match=r"'estimator' parameter of FineTuner"):
        FineTuner(LogisticRegression()).fit(digits.X_new, digits.y_new)


# -- what a network is made of ---------------------------------------------------------


NORMALISED = ["after.1.0", "after.1.1"]


class Transformer(nn.Module):
    """Laid out as the models of transformers are."""

    def __init__(self):
        super().__init__()
        encoder = nn.Module()
        encoder.layer = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
        self.vit = nn.Module()
        self.vit.embeddings = nn.Linear(3, 4)
        self.vit.encoder = encoder
        self.vit.norm = nn.LayerNorm(4)
        self.classifier = nn.Linear(4, 2)


class Columns(nn.Module):
    """Lists of layers side by side."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 4)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(4), nn.BatchNorm1d(4)])
        self.fc = nn.Sequential(nn.Dropout(), nn.Linear(4, 2))
        self.unused = nn.Linear(1, 1)


@pytest.mark.parametrize(
    ("network", "output_layer", "blocks"),
    [
        (
            DenseNetwork(4, [8, 8], 3, batch_norm=True),
            "dense.2",
            [["dense.0", "after.0.0", "after.0.1"], ["dense.1", *NORMALISED]],
        ),
        (
            TabularNetwork(2, [3], [8], 2),
            "layers.3",
            [["numbers"], ["categories", "layers.0"], ["layers.1", "layers.2"]],
        ),
        (
            Transformer(),
            "classifier",
            [
                ["vit.embeddings"],
                ["vit.encoder.layer.0"],
                ["vit.encoder.layer.1", "vit.norm"],
            ],
        ),
        (
            Columns(),
            "fc.1",
            [["layers.0", "norms.0"], ["layers.1", "norms.1", "fc.0"], ["unused"]],
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), "1", []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_blocks_and_output_layers(network, output_layer, blocks):
    assert find_output_layer(network) == output_layer
    assert find_blocks(network, output_layer) == blocks


def test_blocks_of_a_residual_network():
    network = resnet20((1, 8, 8), 10)
    assert find_output_layer(network) == "head"
    blocks = find_blocks(network, "head")
    # The first convolution, nine residual blocks and the pooling behind the last.
    assert len(blocks) == 10
    assert blocks[-1] == ["features.3.2", "features.4"]


def test_a_network_without_an_output_layer(digits):
    with pytest.raises(ValueError, match="Flatten has no dense layer"):
        FineTuner(nn.Flatten()).fit(digits.X_new, digits.y_new)


def test_auxiliary_classifiers_are_left_out():
    network = inception((1, 16, 16), 3)
    assert isinstance(network(torch.zeros(2, 1, 16, 16)), tuple)
    model = ImageModel(network, (16, 16, 1), torch.zeros(1), torch.ones(1))
    output = TunedNetwork(model, "network.head", 5).train()(torch.zeros(2, 16, 16))
    assert output.output.shape == (2, 5) and output.auxiliary == ()
    bare = TunedNetwork(inception((1, 16, 16), 3), "head", 5).train()
    assert bare(torch.zeros(2, 1, 16, 16)).shape == (2, 5)


# -- fine-tuning -----------------------------------------------------------------------


def tuned(network, digits, **params):
    options = {"max_iter": 3, "learning_rate_init": 0.01, "random_state": 0} | params
    return FineTuner(network, **options).fit(digits.X_new, digits.y_new)


def parts_of(names):
    """Return which layers of the network of the fixture `cnn` names belong to."""
    return {re.search(r"features\.\d|head", name)[0] for name in names}


def moved(estimator, source):
    """Return the names of what is not as it was before, but for the output layer."""
    new = {
        name.removeprefix("model."): value
        for name, value in weights_of(estimator).items()
    }
    old = weights_of(source)
    head = estimator.net_.module_.output_layer
    return {
        name
        for name, value in old.items()
        if not name.startswith(head) and not torch.equal(value, new[name])
    }


@pytest.mark.parametrize(
    ("freeze", "expected"),
    [
        ("all", set()),
        (0, set()),
        ("most", {"features.3", "features.4"}),
        (1, {"features.3", "features.4"}),
        ("none", {"features.0", "features.1", "features.3", "features.4"}),
        (2, {"features.0", "features.1", "features.3", "features.4"}),
    ],
)
@pytest.mark.parametrize("augmented", [False, True])
def test_what_is_frozen_does_not_move(digits, cnn, freeze, expected, augmented):
    before = weights_of(cnn)
    augment = Unchanged() if augmented else None
    tuner = tuned(cnn, digits, freeze=freeze, augment=augment)
    # Statistics of batch normalisations are among what does not move.
    assert parts_of(moved(tuner, cnn)) == expected
    assert same(weights_of(cnn), before)
    assert tuner.classes_.tolist() == [5, 6, 7, 8, 9]
    assert tuner.predict_proba(digits.X_new).shape == (200, 5)


class Unchanged(BaseEstimator):
    """An augmenter that leaves images as they are."""

    def __init__(self, input_shape=None):
        self.input_shape = input_shape

    def fit(self, X):
        assert X.shape[1:] == (8, 8, 1)
        return self

    def make_augmentation(self, shape):
        assert shape == (1, 8, 8)
        return Same()


class Same(nn.Module):
    mixup = 0.0

    def forward(self, images, generator=None):
        return images


@pytest.mark.parametrize("early_stopping", [False, True])
def test_features_computed_once_lead_to_the_same_network(digits, cnn, early_stopping):
    options = {"max_iter": 8, "early_stopping": early_stopping, "dropout": 0.2}
    once = tuned(cnn, digits, **options)
    # With an augmentation, rows go through the whole network in each epoch.
    each_time = tuned(cnn, digits, augment=Unchanged(), **options)
    for name, value in weights_of(once).items():
        expected = weights_of(each_time)[name]
        torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(once.loss_curve_, each_time.loss_curve_, rtol=1e-4)


def test_features_are_computed_once(digits, monkeypatch):
    n_rows = []

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(64, 4), nn.Linear(4, 2)

        def forward(self, X):
            n_rows.append(len(X))
            return self.head(self.body(X).relu())

    tuner = FineTuner(Counting(), max_iter=10, random_state=0)
    tuner.fit(digits.X_new, digits.y_new)
    # Two rows show what the network is like, then come all.
    assert sum(n_rows) - 200 <= 4
    n_rows.clear()
    tuner.set_params(freeze="none").fit(digits.X_new, digits.y_new)
    assert sum(n_rows) >= 2000


def test_rates_of_body_and_output_layer(digits, mlp):
    options = {
        "freeze": "none",
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 0.0,
        "learning_rate_init": 0.1,
        "batch_size": 200,
        "max_iter": 1,
    }
    slow = weights_of(tuned(mlp, digits, learning_rate_factor=0.25, **options))
    fast = weights_of(tuned(mlp, digits, learning_rate_factor=1.0, **options))
    for name, old in weights_of(mlp).items():
        if name.startswith("dense.2."):
            assert torch.equal(slow[f"model.{name}"], fast[f"model.{name}"])
            continue
        step = fast[f"model.{name}"] - old
        assert step.abs().max() > 0
        torch.testing.assert_close(
            slow[f"model.{name}"] - old, 0.25 * step, atol=1e-6, rtol=1e-3
        )


def test_rates_of_the_network_are_kept(digits):
    network = TabularMLPClassifier((8,), max_iter=1, random_state=0)
    network.fit(digits.X_old, digits.y_old)
    factors = tuned(network, digits, freeze="none").net_.module_.rate_factors()
    assert factors["model.layers.0.scale"] == pytest.approx(0.6)
    assert factors["model.layers.1.bias"] == pytest.approx(0.01)
    assert factors["model.layers.1.weight"] == pytest.approx(0.1)
    assert not any(name.startswith("model.layers.3.") for name in factors)


class Watch(Callback):
    """Notes which layers have changed in each epoch."""

    def initialize(self):
        self.moved_ = []
        return self

    def on_epoch_begin(self, net, **kwargs):
        self.before_ = {n: v.clone() for n, v in net.module_.state_dict().items()}

    def on_epoch_end(self, net, **kwargs):
        new = net.module_.state_dict()
        names = [n for n, v in self.before_.items() if not torch.equal(v, new[n])]
        self.moved_.append(parts_of(names))


def test_gradual_unfreezing(digits, cnn):
    tuner = tuned(cnn, digits, unfreeze_every=2, max_iter=5, callbacks=[Watch()])
    (watch,) = [c for _, c in tuner.net_.callbacks_ if isinstance(c, Watch)]
    top = {"head"}
    middle = top | {"features.3", "features.4"}
    everything = middle | {"features.0", "features.1"}
    assert watch.moved_ == [top, top, middle, middle, everything]
    loaded = pickle.loads(pickle.dumps(tuner))
    np.testing.assert_array_equal(
        loaded.predict_proba(digits.X_new), tuner.predict_proba(digits.X_new)
    )


def test_gradual_unfreezing_goes_on_in_partial_fit(digits, cnn):
    tuner = FineTuner(cnn, unfreeze_every=1, random_state=0)
    classes = np.unique(digits.y_new)
    tuner.partial_fit(digits.X_new, digits.y_new, classes=classes)
    assert moved(tuner, cnn) == set()
    tuner.partial_fit(digits.X_new, digits.y_new)
    assert parts_of(moved(tuner, cnn)) == {"features.3", "features.4"}


def test_partial_fit_and_warm_start_go_on(digits, cnn):
    whole = tuned(cnn, digits, shuffle=False, max_iter=4)
    parts = FineTuner(cnn, shuffle=False, learning_rate_init=0.01, random_state=0)
    for _ in range(4):
        parts.partial_fit(digits.X_new, digits.y_new, classes=range(5, 10))
    for name, value in weights_of(whole).items():
        torch.testing.assert_close(value, weights_of(parts)[name])
    warm = tuned(cnn, digits, warm_start=True)
    before = weights_of(warm)
    warm.fit(digits.X_new, digits.y_new)
    head = "model.network.head.weight"
    assert not torch.equal(weights_of(warm)[head], before[head])
    assert moved(warm, cnn) == set()


def test_a_clone_keeps_what_was_learned(digits, cnn):
    tuner = tuned(cnn, digits)
    copy = clone(tuner)
    assert copy.estimator is cnn and not hasattr(copy, "net_")
    assert same(weights_of(copy.fit(digits.X_new, digits.y_new)), weights_of(tuner))
    # Its other parameters are copies.
    assert clone(FineTuner(cnn, class_weight={5: 2.0})).class_weight == {5: 2.0}


def test_a_search_over_what_is_frozen(digits, cnn):
    tuner = FineTuner(cnn, max_iter=2, learning_rate_init=0.02, random_state=0)
    search = GridSearchCV(tuner, {"freeze": ["all", "most", "none"]}, cv=2)
    search.fit(digits.X_new, digits.y_new)
    assert len(set(search.cv_results_["mean_test_score"])) == 3


def test_a_learning_rate_range(digits, cnn):
    model = LearningRateRange(FineTuner(cnn, max_iter=2, random_state=0), n_steps=30)
    model.fit(digits.X_new, digits.y_new)
    assert 1e-7 < model.suggested_rate_ < 10
    assert moved(model.best_estimator_, cnn) == set()


@pytest.mark.parametrize("whole", [False, True])
def test_the_estimator_may_be_fitted_again(digits, whole):
    pipe = make_pipeline(
        StandardScaler(), MLPClassifier((8,), max_iter=2, random_state=0)
    ).fit(digits.X_old, digits.y_old)
    tuner = tuned(pipe if whole else pipe[-1], digits)
    expected = tuner.predict_proba(digits.X_new)
    pipe[-1].set_params(hidden_layer_sizes=(3,))
    pipe.fit(digits.X_old[:, :5], digits.y_old)
    np.testing.assert_array_equal(tuner.predict_proba(digits.X_new), expected)
    loaded = pickle.loads(pickle.dumps(tuner))
    np.testing.assert_array_equal(loaded.predict_proba(digits.X_new), expected)


def test_a_module_may_be_changed_afterwards(digits):
    module = DenseNetwork(64, [8], 2)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    tuner = tuned(module, digits, freeze="none")
    assert same(dict(module.state_dict()), before)
    module.dense[0] = nn.Linear(64, 3)
    loaded = pickle.loads(pickle.dumps(tuner))
    np.testing.assert_array_equal(
        loaded.predict_proba(digits.X_new), tuner.predict_proba(digits.X_new)
    )


def test_a_network_of_a_joint_fit(digits):
    network = MLPClassifier((8,), max_iter=2, random_state=0)
    fits = cross_validate(
        network, digits.X_old, digits.y_old, cv=2, return_estimator=True
    )
    for fitted in fits["estimator"]:
        tuner = tuned(fitted, digits)
        assert moved(tuner, fitted) == set()
        assert not {"net_", "_lean_net"} & vars(tuner._source.network).keys()


def test_steps_in_front_prepare_the_new_rows(digits):
    network = MLPClassifier((8,), max_iter=2, random_state=0)
    pipe = make_pipeline(StandardScaler(), network).fit(digits.X_old, digits.y_old)
    whole = tuned(pipe, digits)
    scaled = SimpleNamespace(X_new=pipe[0].transform(digits.X_new), y_new=digits.y_new)
    alone = tuned(FrozenEstimator(network), scaled)
    assert same(weights_of(whole), weights_of(alone))
    np.testing.assert_array_equal(
        whole.predict(digits.X_new), alone.predict(scaled.X_new)
    )
    assert whole.n_features_in_ == 64


@pytest.mark.parametrize("freeze", ["all", "none"])
def test_sequences_of_different_lengths(sequences, digits, freeze):
    network = RNNClassifier("lstm", hidden_size=6, max_iter=1, random_state=0)
    network.fit(sequences, digits.y_new)
    tuner = FineTuner(network, freeze=freeze, max_iter=1, random_state=0)
    tuner.fit(sequences, digits.y_new % 2)
    np.testing.assert_allclose(
        tuner.predict_proba(sequences)[:3],
        tuner.predict_proba(sequences[:3]),
        atol=1e-5,
    )
    loaded = pickle.loads(pickle.dumps(tuner))
    assert (loaded.predict(sequences) == tuner.predict(sequences)).all()


def test_targets_of_several_outputs(digits, mlp):
    labels = np.stack([digits.y_new > 6, digits.y_new % 2], axis=1).astype(int)
    tuner = FineTuner(mlp, freeze="none", max_iter=2, random_state=0)
    assert tuner.fit(digits.X_new, labels).predict(digits.X_new).shape == (200, 2)
    words = np.where(digits.y_new > 6, "high", "low")
    assert set(tuner.fit(digits.X_new, words).classes_) == {"high", "low"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_of_numbers(digits, mlp, dtype):
    tuner = FineTuner(mlp, max_iter=1, random_state=0)
    tuner.fit(digits.X_new.astype(dtype), digits.y_new)
    assert tuner.predict_proba(digits.X_new.astype(dtype)).dtype == dtype


def test_bytes_go_through_a_network_of_images(digits):
    X = (digits.X_old * 255).astype(np.uint8)
    network = CNNClassifier("lenet5", input_shape=(8, 8), max_iter=1, random_state=0)
    network.fit(X, digits.y_old)
    new = (digits.X_new * 255).astype(np.uint8)
    for freeze in ("all", "none"):
        tuner = FineTuner(network, freeze=freeze, max_iter=1, random_state=0)
        assert tuner.fit(new, digits.y_new).predict(new).shape == (200,)


def test_what_never_trained_does_not_begin_to():
    texts, y = ["good film", "bad film", "good plot", "so bad"] * 5, [1, 0, 1, 0] * 5
    vectors = {word: np.arange(3.0) + len(word) for word in ("good", "bad", "film")}
    network = RNNClassifier(
        hidden_size=4,
        embeddings=vectors,
        freeze_embeddings=True,
        max_iter=1,
        random_state=0,
    ).fit(texts, y)
    tuner = FineTuner(network, freeze="none", max_iter=2, random_state=0)
    names = moved(tuner.fit(texts, y), network)
    assert names and not any("embedding" in name for name in names)


def test_an_augmentation_is_that_of_the_new_task(digits):
    rng = np.random.default_rng(0)
    old, new = (rng.random((40, 8, 8, 3)) * scale for scale in (0.2, 1.0))
    y = np.arange(40) % 2
    augment = ImageAugmenter(pca_color=0.1, horizontal_flip=True)
    network = CNNClassifier(augment=augment, n_views=2, max_iter=1, random_state=0)
    network.fit(old, y)
    tuner = FineTuner(network, augment=augment, max_iter=1, random_state=0)
    model = tuner.fit(new, y).net_.module_.model
    expected = clone(augment).fit(new).make_augmentation((3, 8, 8))
    torch.testing.assert_close(
        model.augmentation.color_components, expected.color_components
    )
    assert tuner.fit(new, y).predict(new).shape == (40,)
    tuner.set_params(augment=None).fit(new, y)
    assert tuner.net_.module_.model.augmentation is None
    assert tuner.net_.module_.model.n_views == 1
    # It is the last task's in a network that was tuned twice, too.
    tuner.set_params(augment=augment).fit(new, y)
    for given in (None, augment):
        again = FineTuner(tuner, augment=given, max_iter=1, random_state=0).fit(new, y)
        image_model = again.net_.module_.model.model
        assert (image_model.augmentation is None) == (given is None)


def test_a_tuned_network_is_tuned_again(digits, cnn):
    once = tuned(cnn, digits, freeze="most", dropout=0.5)
    again = tuned(once, digits, freeze=1)
    assert again.net_.module_.output_layer == "model.network.head.1"
    assert parts_of(moved(again, once)) == {"features.3", "features.4"}
    features = NetTransformer(again, prefit=True).fit_transform(digits.X_new)
    assert features.shape == (200, 4 * 8 * 8)


def test_a_checkpoint_knows_a_module(digits, tmp_path):
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise RuntimeError("killed")

    def network():
        torch.manual_seed(0)
        return DenseNetwork(64, [8], 2)

    expected = tuned(network(), digits)
    with pytest.raises(RuntimeError, match="killed"):
        tuned(network(), digits, checkpoint=tmp_path, callbacks=[Stop()])
    assert len(os.listdir(tmp_path)) == 1
    resumed = tuned(network(), digits, checkpoint=tmp_path)
    assert same(weights_of(resumed), weights_of(expected))
    assert os.listdir(tmp_path) == []


def test_an_output_layer_by_name(digits):
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(4, 2), nn.Linear(64, 4)

        def forward(self, X):
            return self.last(self.first(X).relu())

    tuner = FineTuner(Backwards(), output_layer="last", max_iter=1, random_state=0)
    assert tuner.fit(digits.X_new, digits.y_new).blocks_ == [["first"]]
    with pytest.raises(ValueError, match=r"in place of 'first', does not .*'output_l"):
        FineTuner(Backwards()).fit(digits.X_new, digits.y_new)
    with pytest.raises(ValueError, match=r"got 'nose'. It has \['last', 'first'\]"):
        FineTuner(Backwards(), output_layer="nose").fit(digits.X_new, digits.y_new)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"freeze": 3}, r"freeze of FineTuner must be at most 2, .* got 3"),
        ({"freeze": "some"}, "'freeze' parameter of FineTuner"),
        ({"freeze": "none", "unfreeze_every": 1}, r"unfreeze_every=1 of FineTuner"),
        ({"augment": Unchanged()}, r"augment of FineTuner needs a network of images"),
        ({"learning_rate_factor": 0.0}, "'learning_rate_factor' parameter of Fine"),
    ],
)
def test_parameters_that_mean_nothing(digits, mlp, params, message):
    with pytest.raises(ValueError, match=message):
        FineTuner(mlp, **params).fit(digits.X_new, digits.y_new)


def test_networks_that_cannot_be_tuned(digits, mlp, sequences):
    with pytest.raises(NotFittedError, match=r"'estimator' parameter of FineTuner"):
        FineTuner(clone(mlp)).fit(digits.X_new, digits.y_new)
    softmax = nn.Sequential(nn.Linear(64, 4), nn.Linear(4, 2), nn.Softmax(dim=1))
    with pytest.raises(ValueError, match=r"its output layer '1', without softmax"):
        FineTuner(softmax).fit(digits.X_new, digits.y_new)
    with pytest.raises(ValueError, match=r"not take rows of shape \(64,\)"):
        FineTuner(DenseNetwork(3, [4], 2)).fit(digits.X_new, digits.y_new)
    tags = [np.arange(len(row)) % 2 for row in sequences]
    tagger = RNNTagger(hidden_size=4, max_iter=1, random_state=0).fit(sequences, tags)
    with pytest.raises(ValueError, match=r"FineTuner needs a network with one output"):
        FineTuner(tagger).fit(sequences, digits.y_new)
    tuner = FineTuner(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), max_iter=1)
    tuner.fit(digits.X_new.reshape(-1, 8, 8), digits.y_new)
    with pytest.raises(ValueError, match=r"rows of shape \(8, 8\), X has .*\(8, 4\)"):
        tuner.predict(digits.X_new.reshape(-1, 8, 8)[:, :, :4])


@pytest.mark.slow
def test_few_labels_are_enough_for_a_tuned_network():
    X, y = load_digits(return_X_y=True)
    X, old = X.reshape(-1, 8, 8).astype(np.float32) / 16, y < 5
    options = {"learning_rate": "one_cycle", "learning_rate_init": 0.01}
    network = CNNClassifier("resnet20", max_iter=4, random_state=0, **options)
    network.fit(X[old], y[old])
    X, y = X[~old], y[~old]
    tuner = FineTuner(network, freeze="none", max_iter=40, random_state=0, **options)
    scratch = clone(network).set_params(max_iter=40)
    scores = [m.fit(X[:20], y[:20]).score(X[20:], y[20:]) for m in (tuner, scratch)]
    assert scores[0] > scores[1] + 0.05


# -- published weights -----------------------------------------------------------------


class BasicBlock(nn.Module):
    """The block of a ResNet-18, with the names that torchvision has."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample = None
        if stride > 1:
            convolution = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(n_out))

    def forward(self, x):
        residual = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        shortcut = x if self.downsample is None else self.downsample(x)
        return (residual + shortcut).relu()


class ResNet18(nn.Module):
    """A ResNet-18, with the names that torchvision has."""

    def __init__(self, n_outputs=7):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        widths = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
        for k, (n_in, n_out, stride) in enumerate(widths, start=1):
            blocks = [BasicBlock(n_in, n_out, stride), BasicBlock(n_out, n_out, 1)]
            setattr(self, f"layer{k}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, n_outputs)

    def forward(self, x):
        x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        for k in range(1, 5):
            x = getattr(self, f"layer{k}")(x)
        return self.fc(x.mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A ResNet-18 that somebody has trained, and a file of its weights."""
    network = ResNet18()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.1, 0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return network.eval(), path


def test_weights_of_torchvision_by_order(published):
    network, path = published
    state = torch.get_rng_state()
    ours = load_pretrained("resnet18", path)
    assert torch.equal(torch.get_rng_state(), state)
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), network(x), atol=1e-4, rtol=1e-4)
    assert not ours.training


def test_published_weights_are_tuned(published, digits):
    network, path = published
    images = (digits.X_new[:30].reshape(-1, 8, 8, 1) * 255).astype(np.uint8)
    images = np.kron(images, np.ones((1, 4, 4, 3), dtype=np.uint8))
    trained = load_pretrained("resnet18", path, input_shape=(32, 32, 3))
    model = ImageModel(trained, (32, 32, 3), torch.full((3,), 0.5), torch.ones(3))
    tuner = FineTuner(model, freeze="all", max_iter=2, random_state=0)
    tuner.fit(images, digits.y_new[:30])
    assert len(tuner.blocks_) == 9
    assert tuner.predict(images).shape == (30,)
    state = tuner.net_.module_.model.network.state_dict()
    torch.testing.assert_close(
        state["features.0.0.weight"], network.conv1.weight.detach()
    )


def dense(*sizes):
    return nn.Sequential(*[nn.Linear(a, b) for a, b in pairwise(sizes)])


class Named(nn.Module):
    """The same as ``dense(4, 8, 2)``, with other names."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 2)


def prefixed(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


@pytest.mark.parametrize(
    "content",
    [
        dense(4, 8, 2).state_dict(),
        {"epoch": 3, "state_dict": dense(4, 8, 2).state_dict()},
        {"model": prefixed("module.", dense(4, 8, 2).state_dict())},
        Named().state_dict(),
    ],
    ids=["names", "nested", "prefix", "order"],
)
def test_weights_of_a_file(content, tmp_path):
    torch.save(content, tmp_path / "weights.pt")
    network = dense(4, 8, 2)
    assert load_pretrained(network, tmp_path / "weights.pt") is network
    given = content.get("state_dict", content.get("model", content))
    pairs = zip(network.state_dict().values(), given.values(), strict=True)
    assert all(torch.equal(mine, theirs) for mine, theirs in pairs)
    # The tensors themselves will do.
    load_pretrained(network, content)


def test_order_is_not_enough_where_the_kinds_differ():
    state = nn.BatchNorm1d(3).state_dict()
    names = ["running_mean", "running_var", "weight", "bias"]
    swapped = {f"x.{name}": state[name] for name in names}
    with pytest.raises(ValueError, match=r"neither by name nor in order"):
        load_pretrained(nn.Sequential(nn.BatchNorm1d(3)), swapped)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            dense(4, 8, 3).state_dict(),
            r"1.weight has \(3, 8\) in place of \(2, 8\); 1.bias has \(3,\) in place",
        ),
        (
            prefixed("x", dense(4, 9, 2).state_dict()),
            r"Missing: 0.weight; .*Unexpected: x0.weight; .* In order, 0.weight of shap"
            r"e \(8, 4\) meets x0.weight of shape \(9, 4\) first",
        ),
        (dense(4, 8).state_dict(), "There are 2 tensors in place of 4"),
        ({"weights": [1, 2]}, r"must have tensors by name"),
        ({}, r"must have tensors by name"),
    ],
)
def test_weights_that_do_not_fit(weights, message):
    network = dense(4, 8, 2)
    before = network[0].weight.clone()
    with pytest.raises(ValueError, match=message):
        load_pretrained(network, weights)
    assert torch.equal(network[0].weight, before)


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / "text.pt").write_text("weights")
    with pytest.raises(ValueError, match=r"text.pt of load_pretrained cannot be read"):
        load_pretrained(dense(4, 2), tmp_path / "text.pt")
    # An object, whose class would be imported.
    torch.save({"network": SimpleNamespace()}, tmp_path / "object.pt")
    with pytest.raises(ValueError, match=r"object.pt .* cannot be read"):
        load_pretrained(dense(4, 2), tmp_path / "object.pt")
    with pytest.raises(FileNotFoundError):
        load_pretrained(dense(4, 2), tmp_path / "nothing.pt")


@pytest.mark.parametrize(
    ("network", "source", "error", "message"),
    [
        ("resnet19", {}, ValueError, "must have tensors by name"),
        ("resnet19", dense(1, 2).state_dict(), ValueError, "one of .*'resnet18'"),
        ("resnet18", None, ValueError, "needs a 'source' of weights for 'resnet18'"),
        (nn.Linear(1, 2), None, TypeError, "expects a torch.nn.Module .* a 'source'"),
        (3, dense(1, 2).state_dict(), TypeError, "got 3"),
    ],
)
def test_what_cannot_be_loaded(network, source, error, message):
    with pytest.raises(error, match=message):
        load_pretrained(network, source)


@pytest.mark.parametrize(
    ("module", "network", "source"),
    [
        ("timm", "timm:resnet18", None),
        ("torchvision", "torchvision:resnet18", None),
        ("transformers", "transformers:google/vit", None),
        ("safetensors", nn.Linear(1, 2), "weights.safetensors"),
    ],
)
def test_a_package_that_is_not_installed(module, network, source, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, f"{module}.torch", None)
    with pytest.raises(ImportError, match=rf"needs the package {module} for .*pip"):
        load_pretrained(network, source)


def fake_package(monkeypatch, name, **contents):
    for part in (name, name.partition(".")[0]):
        module = ModuleType(part)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, part, module)


def test_a_model_of_timm(monkeypatch):
    # What is asked of timm; whether timm answers so is seen where it is installed.
    asked = []

    def create_model(name, pretrained):
        asked.append((name, pretrained))
        return dense(4, 8, 2)

    fake_package(monkeypatch, "timm", create_model=create_model)
    assert not load_pretrained("timm:some_net").training
    weights = dense(4, 8, 2).state_dict()
    network = load_pretrained("timm:some_net", weights)
    assert torch.equal(network[0].weight, weights["0.weight"])
    assert asked == [("some_net", True), ("some_net", False)]


def test_a_model_of_torchvision(monkeypatch):
    asked = []

    def get_model(name, weights):
        asked.append((name, weights))
        return dense(4, 8, 2)

    fake_package(monkeypatch, "torchvision.models", get_model=get_model)
    load_pretrained("torchvision:some_net")
    load_pretrained("torchvision:some_net", dense(4, 8, 2).state_dict())
    assert asked == [("some_net", "DEFAULT"), ("some_net", None)]


def test_a_model_of_transformers_returns_tensors(monkeypatch, digits):
    class Model(Transformer):
        def forward(self, x):
            hidden = self.vit.embeddings(x)
            for layer in self.vit.encoder.layer:
                hidden = layer(hidden).relu()
            return SimpleNamespace(logits=self.classifier(self.vit.norm(hidden)))

    class AutoModel:
        @staticmethod
        def from_pretrained(name):
            assert name == "org/some_net"
            return Model()

    fake_package(monkeypatch, "transformers", AutoModelForImageClassification=AutoModel)
    network = load_pretrained("transformers:org/some_net")
    assert network(torch.zeros(5, 3)).shape == (5, 2)
    tuner = FineTuner(network, freeze=1, max_iter=1, random_state=0)
    tuner.fit(digits.X_new[:, :3], digits.y_new)
    assert tuner.blocks_[0] == ["model.vit.embeddings"]


def test_weights_of_a_safetensors_file(monkeypatch, tmp_path):
    weights = dense(4, 2).state_dict()

    def load_file(path):
        assert path == tmp_path / "weights.safetensors"
        return weights

    fake_package(monkeypatch, "safetensors.torch", load_file=load_file)
    network = load_pretrained(dense(4, 2), tmp_path / "weights.safetensors")
    assert torch.equal(network[0].weight, weights["0.weight"])


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_networks_of_torchvision_itself(name):
    models = pytest.importorskip("torchvision.models")
    network = models.get_model(name, weights=None).eval()
    ours = load_pretrained(name, network.state_dict())
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), network(x), atol=1e-4, rtol=1e-3)
