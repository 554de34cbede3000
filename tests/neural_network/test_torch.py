"""Estimators around skorch nets of the user's own."""

import pickle

import numpy as np
import pytest
import skorch
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring
from torch import nn

from sklearn_dl.neural_network import TorchClassifier, TorchRegressor


class Net(nn.Module):
    """One hidden layer; asks for its sizes."""

    def __init__(self, n_features, n_outputs, h=16, softmax=False):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, h), nn.ReLU(), nn.Linear(h, n_outputs)
        )
        self.softmax = softmax

    def forward(self, x):
        out = self.layers(x)
        return out.softmax(dim=1) if self.softmax else out


def make_net(cls=skorch.NeuralNet, criterion=nn.CrossEntropyLoss, **kwargs):
    options = {"optimizer": torch.optim.Adam, "lr": 0.01, "max_epochs": 15}
    options |= {"train_split": None, "verbose": 0, "iterator_train__shuffle": True}
    return cls(Net, criterion=criterion, **options | kwargs)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_tuned_as_net__lr_and_net__module__h(digits):
    X, y = digits
    search = GridSearchCV(
        make_pipeline(StandardScaler(), TorchClassifier(make_net(), random_state=0)),
        {
            "torchclassifier__net__lr": [1e-5, 0.01],
            "torchclassifier__net__module__h": [4, 32],
        },
        cv=2,
        n_jobs=2,
    ).fit(X[:600], y[:600])
    expected = {"torchclassifier__net__lr": 0.01, "torchclassifier__net__module__h": 32}
    assert search.best_params_ == expected
    assert search.score(X[600:], y[600:]) > 0.85


def test_nets_of_every_kind(cancer):
    X, y = cancer
    labels = np.array(["no", "yes"])[y]
    nets = [
        make_net(),
        make_net(
            skorch.NeuralNetClassifier, module__softmax=True, criterion=nn.NLLLoss
        ),
        make_net(skorch.NeuralNetBinaryClassifier, criterion=nn.BCEWithLogitsLoss),
    ]
    for net in nets:
        clf = TorchClassifier(net, random_state=0).fit(X, labels)
        assert clf.score(X, labels) > 0.95
        probabilities = clf.predict_proba(X)
        assert probabilities.shape == (len(X), 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_the_net_given_stays_as_it_is(cancer):
    X, y = cancer
    net = make_net()
    before = repr(net.get_params(deep=False))
    clf = TorchClassifier(net, random_state=0).fit(X, y)
    assert not net.initialized_ and repr(net.get_params(deep=False)) == before
    assert clf.net_ is not net


def test_images_pass_through():
    X, y = load_digits(return_X_y=True)
    images = (X / 16).reshape(-1, 1, 8, 8)

    class Conv(nn.Module):
        def __init__(self, n_outputs):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(n_outputs)
            )

        def forward(self, x):
            return self.layers(x)

    net = make_net(max_epochs=8).set_params(module=Conv)
    clf = TorchClassifier(net, random_state=0).fit(images[:1200], y[:1200])
    assert clf.score(images[1200:], y[1200:]) > 0.85


def test_token_numbers_are_left_alone():
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 20, (300, 6))
    y = (tokens == 3).any(axis=1).astype(int)

    class Bag(nn.Module):
        def __init__(self, n_outputs):
            super().__init__()
            self.bag = nn.EmbeddingBag(20, 16, mode="max")
            self.out = nn.Linear(16, n_outputs)

        def forward(self, x):
            return self.out(self.bag(x))

    net = make_net(max_epochs=60).set_params(module=Bag)
    clf = TorchClassifier(net, dtype=None, random_state=0).fit(tokens, y)
    assert clf.score(tokens, y) > 0.95


def test_sample_weight_is_the_weighted_mean_of_losses(cancer):
    X, y = cancer
    weight = np.where(np.arange(len(y)) % 2, 2.0, 1.0)
    repeated = np.repeat(np.arange(len(y)), weight.astype(int))
    whole = make_net(batch_size=-1, max_epochs=5, iterator_train__shuffle=False)
    a = TorchClassifier(whole, random_state=0).fit(X, y, weight)
    b = TorchClassifier(whole, random_state=0).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-9)
    assert a.net_.criterion_.reduction == "mean"


def test_sample_weight_beside_a_stratified_split_and_scores(cancer):
    X, y = cancer
    net = make_net(
        skorch.NeuralNetClassifier,
        train_split=skorch.dataset.ValidSplit(5, stratified=True),
        callbacks=[EpochScoring("accuracy", name="acc", lower_is_better=False)],
        max_epochs=10,
    )
    clf = TorchClassifier(net, random_state=0).fit(X, y, np.ones(len(y)))
    assert clf.history_[-1]["acc"] > 0.9


def test_a_criterion_that_cannot_weigh(cancer):
    class Odd(nn.Module):
        def forward(self, output, target):
            return nn.functional.cross_entropy(output, target)

    X, y = cancer
    clf = TorchClassifier(make_net(criterion=Odd), random_state=0)
    with pytest.raises(TypeError, match=r"the attribute 'reduction'.*Odd"):
        clf.fit(X, y, np.ones(len(y)))


def test_pickle_keeps_predictions_and_history(cancer):
    X, y = cancer
    clf = TorchClassifier(make_net(max_epochs=3), random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))
    assert [row["train_loss"] for row in again.history_] == [
        row["train_loss"] for row in clf.history_
    ]
    again.partial_fit(X, y)
    assert len(again.history_) == 4


def test_a_net_changed_after_the_fit_does_not_spoil_the_pickle(cancer):
    X, y = cancer
    clf = TorchClassifier(make_net(max_epochs=2), random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    clf.set_params(net__module__h=3)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), expected)


def test_one_class_is_certain(cancer):
    X, _ = cancer
    clf = TorchClassifier(make_net(max_epochs=1), random_state=0).fit(X, ["a"] * len(X))
    np.testing.assert_array_equal(clf.predict_proba(X), np.ones((len(X), 1)))


def test_callbacks_of_both_libraries_stop_it(cancer):
    X, y = cancer
    stop = skorch.callbacks.EarlyStopping("train_loss", patience=1, threshold=9)
    stop.sink = lambda *args: None
    net = make_net(max_epochs=50, callbacks=[stop])
    clf = TorchClassifier(net, random_state=0).fit(X, y)
    assert len(clf.history_) < 5

    class Three:
        def setup(self, estimator, context):
            self.n = 0

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            self.n += 1
            return self.n == 3

        def teardown(self, estimator, context):
            pass

    clf = TorchClassifier(make_net(), random_state=0).set_callbacks(Three())
    assert len(clf.fit(X, y).history_) == 3


def test_partial_fit_is_an_epoch(cancer):
    X, y = cancer
    clf = TorchClassifier(make_net(), random_state=0)
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1])
    assert len(clf.history_) == 3


def test_reproducible_and_independent_of_torchs_seed(cancer):
    X, y = cancer
    a = TorchClassifier(make_net(max_epochs=3), random_state=0).fit(X, y)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        b = TorchClassifier(make_net(max_epochs=3), random_state=0).fit(X, y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


def test_regressor():
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
    net = make_net(criterion=nn.MSELoss, max_epochs=30)
    reg = TorchRegressor(net, random_state=0)
    assert cross_val_score(reg, X, y, cv=3).mean() > 0.3
    Y = np.stack([y, -y], axis=1)
    assert reg.fit(X, Y).predict(X).shape == Y.shape


def test_bad_input(cancer):
    X, y = cancer
    with pytest.raises(ValueError, match="'net' parameter of TorchClassifier"):
        TorchClassifier(Net).fit(X, y)
    with pytest.raises(ValueError, match=r"takes a y of shape \(n_samples,\)"):
        TorchClassifier().fit(X, np.stack([y, y], axis=1))
