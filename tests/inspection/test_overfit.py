"""Good networks learn ten rows by heart, broken ones cannot."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import SVC
from torch import nn

from sklearn_dl.inspection import overfit_small_batch
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

X, y = load_digits(return_X_y=True)
X, y = scale(X)[:500], y[:500]
X_real, y_real = load_diabetes(return_X_y=True)
X_real, y_real = scale(X_real), scale(y_real)


class Deaf(nn.Module):
    """Does not hear its input."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.layer(torch.zeros_like(x))


class AllZero(nn.Module):
    """All weights are 0 to begin with, so that no gradient passes."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 50), nn.ReLU(), nn.Linear(50, n_outputs)
        )
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "lbfgs"},
        {"activation": "tanh", "batch_norm": True},
        # What would keep it from learning by heart is off.
        {"alpha": 1e3, "dropout": 0.9, "early_stopping": True, "label_smoothing": 0.5},
        {"learning_rate": "time", "learning_rate_decay": 100.0, "warmup_epochs": 900},
        {"ema_decay": 0.9999, "n_iter_no_change": 1, "tol": 1.0, "batch_size": 3},
    ],
)
def test_good_classifiers_reach_it(params):
    network = MLPClassifier(**params, random_state=0)
    result = overfit_small_batch(network, X, y, max_iter=300, random_state=0)
    assert result.reached is True
    assert result.score == 1.0
    assert result.losses[-1] < 0.1 * result.losses[0]
    assert not hasattr(network, "net_")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_good_regressors_reach_it(loss):
    network = MLPRegressor(loss=loss, random_state=0)
    result = overfit_small_batch(network, X_real, y_real, random_state=0)
    assert result.reached
    assert result.score > 0.99
    assert len(result.losses) == 1000


@pytest.mark.parametrize("module", [Deaf, AllZero])
def test_broken_networks_do_not(module):
    classifier = MLPClassifier(module=module, random_state=0)
    result = overfit_small_batch(classifier, X, y, random_state=0)
    assert result.reached is False
    assert result.score == pytest.approx(0.1)
    # The best that a constant can do with ten classes, a row each.
    assert result.losses[-1] == pytest.approx(np.log(10), rel=0.01)
    regressor = MLPRegressor(module=module, random_state=0)
    result = overfit_small_batch(regressor, X_real, y_real, random_state=0)
    assert not result.reached
    assert result.score == pytest.approx(0.0, abs=0.05)


def test_a_rate_that_is_far_too_low_is_found_too():
    network = MLPClassifier(learning_rate_init=1e-6, random_state=0)
    assert not overfit_small_batch(network, X, y, random_state=0).reached


def test_tol_is_what_the_score_may_lack():
    network = MLPRegressor(random_state=0)
    common = {"max_iter": 20, "random_state": 0}
    score = overfit_small_batch(network, X_real, y_real, **common).score
    assert 0 < score < 0.99
    for tol, reached in ((1 - score + 1e-6, True), (1 - score - 1e-6, False)):
        result = overfit_small_batch(network, X_real, y_real, tol=tol, **common)
        assert result.reached is reached


def test_rows_come_from_all_classes_evenly():
    rare = np.r_[np.zeros(480), np.ones(15), np.full(5, 2)].astype(int)
    network = MLPClassifier(random_state=0)
    rows = overfit_small_batch(
        network, X, rare, n_samples=9, max_iter=1, random_state=0
    ).rows
    assert len(set(rows)) == 9
    np.testing.assert_array_equal(np.bincount(rare[rows]), [3, 3, 3])
    others = overfit_small_batch(
        network, X, rare, n_samples=9, max_iter=1, random_state=1
    ).rows
    assert set(others) != set(rows)


def test_fewer_rows_than_asked_for():
    network = MLPClassifier(random_state=0)
    result = overfit_small_batch(network, X[:6], y[:6], max_iter=1, random_state=0)
    assert sorted(result.rows) == list(range(6))


@pytest.mark.parametrize("kind", [csr_array, pd.DataFrame, np.ndarray.tolist])
def test_kinds_of_input(kind):
    network = MLPClassifier(random_state=0)
    expected = overfit_small_batch(network, X, y, max_iter=5, random_state=0)
    result = overfit_small_batch(network, kind(X), y, max_iter=5, random_state=0)
    np.testing.assert_allclose(result.losses, expected.losses)


def test_several_outputs():
    data, labels = make_multilabel_classification(100, random_state=0)
    network = MLPClassifier(random_state=0)
    for y_kind in (labels, csr_array(labels)):
        result = overfit_small_batch(network, scale(data), y_kind, random_state=0)
        assert result.reached
    targets = np.c_[y_real, X_real[:, 0]]
    regressor = MLPRegressor(random_state=0)
    assert overfit_small_batch(regressor, X_real, targets, random_state=0).reached


@pytest.mark.parametrize("fitted", [False, True])
def test_steps_in_front_are_applied(fitted):
    raw = 50 * X + 3
    network = MLPClassifier(max_iter=2, learning_rate="cosine", random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    if fitted:
        pipeline.fit(raw, y)
    result = overfit_small_batch(pipeline, raw, y, max_iter=50, random_state=0)
    scaled = StandardScaler().fit_transform(raw)
    expected = overfit_small_batch(network, scaled, y, max_iter=50, random_state=0)
    np.testing.assert_allclose(result.losses, expected.losses)
    assert hasattr(pipeline[0], "mean_") == fitted


def test_what_cannot_be_tested():
    with pytest.raises(TypeError, match="overfit_small_batch must be a neural"):
        overfit_small_batch(SVC(), X, y)
    with pytest.raises(ValueError, match="different targets, the 10 chosen"):
        overfit_small_batch(MLPClassifier(), X, np.ones(len(X)), random_state=0)
    with pytest.raises(ValueError, match="'n_samples' parameter of overfit"):
        overfit_small_batch(MLPClassifier(), X, y, n_samples=1)
