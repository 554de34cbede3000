"""The gradient check finds a wrong backward pass, where it is, and no other."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from torch import nn

from sklearn_dl.inspection import check_gradients
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

X, y = load_iris(return_X_y=True)
X, y = scale(X)[::7], y[::7]
X_many, y_many = load_diabetes(return_X_y=True)
X_many, y_many = scale(X_many)[:20], scale(y_many)[:20]
SMOOTH = {"hidden_layer_sizes": (6, 5), "activation": "tanh", "random_state": 0}


class _ScaledGradient(torch.autograd.Function):
    """A linear map with a factor on its weight's gradient."""

    @staticmethod
    def forward(ctx, x, weight, factor):
        ctx.save_for_backward(x, weight)
        ctx.factor = factor
        return x @ weight.T

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad @ weight, ctx.factor * (grad.T @ x), None


class Handwritten(nn.Module):
    """Three layers, the middle one with a backward pass of its own."""

    factor = 1.0

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.first = nn.Linear(n_features, 6)
        self.middle = nn.Linear(6, 5, bias=False)
        self.last = nn.Linear(5, n_outputs)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        x = _ScaledGradient.apply(x, self.middle.weight, self.factor)
        return self.last(torch.tanh(x))


def handwritten(weight_factor):
    class Module(Handwritten):
        factor = weight_factor

    return Module


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1.0, "fine"),
        (1 + 1e-8, "fine"),
        (1 + 1e-5, "look"),
        (1 + 1e-2, "wrong"),
        (-1.0, "wrong"),
        (0.0, "wrong"),
        (np.nan, "wrong"),
    ],
)
def test_a_wrong_backward_is_found_in_its_layer(factor, verdict):
    network = MLPClassifier(module=handwritten(factor), random_state=0)
    table = check_gradients(network, X, y, random_state=0).set_index("parameter")
    assert list(table.index) == [
        "first.weight",
        "first.bias",
        "middle.weight",
        "last.weight",
        "last.bias",
    ]
    assert table.loc["middle.weight", "verdict"] == verdict
    assert set(table.drop(index="middle.weight")["verdict"]) == {"fine"}


def test_the_relative_error_is_the_one_of_the_definition():
    network = MLPClassifier(module=handwritten(1.5), random_state=0, alpha=0)
    table = check_gradients(network, X, y, random_state=0).set_index("parameter")
    # |1.5 n - n| / (|1.5 n| + |n|)
    error = table.loc["middle.weight", "relative_error"]
    assert error == pytest.approx(0.5 / 2.5, rel=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dtype": "float32"},
        {"dropout": 0.5, "early_stopping": True, "max_grad_norm": 1e-3},
        {"batch_norm": True, "activation": "gelu"},
        {"layer_norm": True, "activation": "swish"},
        {"alpha": 10.0, "solver": "lbfgs"},
        {"loss": "focal", "label_smoothing": 0.1, "class_weight": "balanced"},
    ],
)
@pytest.mark.parametrize("fitted", [False, True])
def test_networks_of_this_library_are_fine(params, fitted):
    network = MLPClassifier(**{**SMOOTH, "max_iter": 5, **params})
    if fitted:
        network.set_params(learning_rate="cosine")
        if network.solver == "lbfgs":
            network.set_params(max_iter=1000)
        network.fit(X.astype("float32"), y)
    weight = np.linspace(0, 1, len(X))
    table = check_gradients(network, X, y, sample_weight=weight, random_state=0)
    assert set(table["verdict"]) == {"fine"}
    assert (table["gradient_norm"] > 0).all()


def test_the_absolute_penalty_is_part_of_the_loss():
    network = MLPClassifier(**SMOOTH, alpha=10.0, l1_ratio=0.9)
    table = check_gradients(network, X, y, random_state=0)
    assert set(table["verdict"]) == {"fine"}
    bare = network.set_params(alpha=0.0)
    other = check_gradients(bare, X, y, random_state=0)
    differs = table["gradient_norm"] != other["gradient_norm"]
    assert list(differs) == [True, False] * 3


@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "quantile"]
)
def test_regressors_are_fine(loss):
    network = MLPRegressor(**SMOOTH, loss=loss)
    table = check_gradients(network, X_many, y_many, random_state=0)
    assert set(table["verdict"]) == {"fine"}


def test_the_gradient_is_that_of_softmax_regression_with_its_penalty():
    network = MLPClassifier((), alpha=3.0, max_iter=3, learning_rate="cosine")
    network.set_params(random_state=0).fit(X, y)
    weight = network.coefs_[0]
    residual = softmax(X @ weight + network.intercepts_[0], axis=1) - np.eye(3)[y]
    gradient = (X.T @ residual + 3.0 * weight) / len(X)
    table = check_gradients(network, X, y, n_checks=100, random_state=0)
    assert list(table["n_checked"]) == [12, 3]
    assert list(table["shape"]) == [(3, 4), (3,)]
    assert table["gradient_norm"][0] == pytest.approx(np.linalg.norm(gradient))


def test_a_fitted_network_is_checked_at_its_weights_and_not_changed():
    network = MLPClassifier(**SMOOTH, max_iter=50, learning_rate="cosine").fit(X, y)
    weights = [array.copy() for array in network.coefs_]
    params, probabilities = network.get_params(), network.predict_proba(X)
    fitted = check_gradients(network, X, y, random_state=0)
    initial = check_gradients(clone(network), X, y, random_state=0)
    assert (fitted["gradient_norm"] != initial["gradient_norm"]).all()
    assert network.get_params() == params
    for before, after in zip(weights, network.coefs_, strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(network.predict_proba(X), probabilities)


def test_a_fitted_network_takes_rows_of_a_single_class():
    network = MLPClassifier(**SMOOTH, max_iter=5, learning_rate="cosine").fit(X, y)
    table = check_gradients(network, X[y == 2], y[y == 2], random_state=0)
    assert set(table["verdict"]) == {"fine"}


class BiasBeforeNormalisation(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.idle = nn.Linear(n_features, 5)
        self.norm = nn.BatchNorm1d(5)
        self.last = nn.Linear(5, n_outputs)

    def forward(self, x):
        return self.last(torch.tanh(self.norm(self.idle(x))))


def test_a_gradient_of_nothing_but_rounding_is_no_error():
    network = MLPClassifier(module=BiasBeforeNormalisation, random_state=0)
    table = check_gradients(network, X, y, random_state=0).set_index("parameter")
    assert table.loc["idle.bias", "gradient_norm"] < 1e-15
    assert set(table["verdict"]) == {"fine"}


class Detached(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.lost = nn.Linear(n_features, 5)
        self.last = nn.Linear(5, n_outputs)

    def forward(self, x):
        return self.last(torch.tanh(self.lost(x)).detach())


def test_a_gradient_that_does_not_arrive_is_wrong():
    network = MLPClassifier(module=Detached, random_state=0)
    table = check_gradients(network, X, y, random_state=0)
    assert list(table["verdict"]) == ["wrong", "wrong", "fine", "fine"]
    assert list(table["relative_error"])[:2] == [1.0, 1.0]


class Noisy(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)
        self.frozen = nn.Linear(n_outputs, n_outputs).requires_grad_(False)

    def forward(self, x):
        return self.frozen(self.layer(x + torch.randn_like(x)))


def test_a_module_that_draws_noise_is_one_function_and_frozen_parts_are_left_out():
    network = MLPClassifier(module=Noisy, random_state=0)
    table = check_gradients(network, X, y, random_state=0)
    assert list(table["parameter"]) == ["layer.weight", "layer.bias"]
    assert set(table["verdict"]) == {"fine"}


@pytest.mark.parametrize("fitted", [False, True])
def test_steps_in_front_are_applied(fitted):
    raw = 50 * X + 3
    network = MLPClassifier(**SMOOTH, max_iter=5, learning_rate="cosine")
    pipeline = make_pipeline(StandardScaler(), network)
    if fitted:
        pipeline.fit(raw, y)
    inner = pipeline[-1]
    table = check_gradients(pipeline, raw, y, random_state=0)
    expected = check_gradients(inner, scale(raw), y, random_state=0)
    np.testing.assert_allclose(table["gradient_norm"], expected["gradient_norm"])
    assert hasattr(pipeline[0], "mean_") == fitted


def test_fewer_entries_and_the_same_ones():
    network = MLPClassifier(**SMOOTH)
    tables = [
        check_gradients(network, X, y, n_checks=4, random_state=seed)
        for seed in (0, 0, 1)
    ]
    assert list(tables[0]["n_checked"]) == [4, 4, 4, 4, 4, 3]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_what_cannot_be_checked():
    with pytest.raises(TypeError, match="check_gradients must be a neural estimator"):
        check_gradients(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match="'epsilon' parameter of check_gradients"):
        check_gradients(MLPClassifier(), X, y, epsilon=0.0)
