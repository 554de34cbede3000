"""Gradient boosting with losses that the user gives."""

import pickle

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone

from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor


class Squared:
    """Half the squared error, from 0."""

    def gradient_hessian(self, y, raw):
        return raw - y, np.ones_like(raw)


class Poisson:
    def initial_value(self, y, sample_weight):
        return np.log(np.average(y, weights=sample_weight))

    def gradient_hessian(self, y, raw):
        mean = np.exp(raw)
        return mean - y, mean

    def loss(self, y, raw):
        return np.exp(raw) - y * raw

    def inverse_link(self, raw):
        return np.exp(raw)


class Logistic:
    def initial_value(self, y, sample_weight):
        share = np.average(y, weights=sample_weight)
        return np.log(share / (1 - share))

    def gradient_hessian(self, y, raw):
        p = expit(raw)
        return p - y, p * (1 - p)

    def loss(self, y, raw):
        return np.logaddexp(0, raw) - y * raw


class Softmax:
    def initial_value(self, y, sample_weight):
        return np.log(np.bincount(y.astype(int), weights=sample_weight) / len(y))

    def gradient_hessian(self, y, raw):
        p = softmax(raw, axis=1)
        return p - np.eye(raw.shape[1])[y.astype(int)], p * (1 - p)


class WrongShape(Squared):
    def gradient_hessian(self, y, raw):
        return raw[:-1], raw


class NegativeHessian(Squared):
    def gradient_hessian(self, y, raw):
        return raw, -np.ones_like(raw)


class WritesToItsArguments(Squared):
    def gradient_hessian(self, y, raw):
        pair = super().gradient_hessian(y, raw)
        y[:] = raw[:] = 0
        return pair


def make_counts():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(500, 4))
    y = rng.poisson(np.exp(1 + X[:, 0] + X[:, 1] * X[:, 2])).astype(float)
    return X, y, rng.uniform(0.5, 2, size=500)


PARAMS = {"max_iter": 15, "max_leaf_nodes": 8, "random_state": 0}


@pytest.mark.parametrize("early_stopping", [False, True])
def test_poisson_is_the_named_loss(early_stopping):
    X, y, weight = make_counts()
    given, named = (
        GradientBoostingRegressor(loss, early_stopping=early_stopping, **PARAMS).fit(
            X, y, sample_weight=weight
        )
        for loss in (Poisson(), "poisson")
    )
    np.testing.assert_allclose(given.predict(X), named.predict(X), rtol=1e-6)
    assert given.n_iter_ == named.n_iter_


def test_squared_error_begins_at_zero_where_nothing_is_said():
    X, y, weight = make_counts()
    y = y - np.average(y, weights=weight)
    given, named = (
        GradientBoostingRegressor(loss, **PARAMS).fit(X, y, sample_weight=weight)
        for loss in (Squared(), "squared_error")
    )
    np.testing.assert_allclose(given.predict(X), named.predict(X), atol=1e-6)


@pytest.mark.parametrize("loss", [Logistic(), Softmax()], ids=["two", "three"])
def test_classes_are_those_of_the_log_loss(loss):
    X, y, weight = make_counts()
    classes = ["few", "more"] if isinstance(loss, Logistic) else ["few", "more", "many"]
    y = np.array(classes)[np.minimum(y // 3, len(classes) - 1).astype(int)]
    # Softmax's initial value takes classes in their order.
    weight = weight / weight.mean()
    given, named = (
        GradientBoostingClassifier(loss, **PARAMS).fit(X, y, sample_weight=weight)
        for loss in (loss, "log_loss")
    )
    np.testing.assert_allclose(
        given.predict_proba(X), named.predict_proba(X), rtol=1e-5
    )
    np.testing.assert_array_equal(given.predict(X), named.predict(X))


def test_a_given_loss_is_cloned_pickled_and_goes_on():
    X, y, _ = make_counts()
    model = GradientBoostingRegressor(Poisson(), **PARAMS).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    warm = clone(model).set_params(warm_start=True, max_iter=5).fit(X, y)
    warm.set_params(max_iter=15).fit(X, y)
    np.testing.assert_allclose(warm.predict(X), model.predict(X), rtol=1e-9)


def test_a_loss_may_write_to_its_arguments():
    X, y, _ = make_counts()
    before = y.copy()
    one, other = (
        GradientBoostingRegressor(loss, **PARAMS).fit(X, y).predict(X)
        for loss in (WritesToItsArguments(), Squared())
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (WrongShape(), r"gradient .* has shape \(499,\); expected .* \(500,\)"),
        (NegativeHessian(), r"Hessian .* negative"),
    ],
    ids=["shape", "sign"],
)
def test_wrong_derivatives_are_refused(loss, message):
    X, y, _ = make_counts()
    with pytest.raises(ValueError, match=message):
        GradientBoostingRegressor(loss).fit(X, y)


def test_early_stopping_needs_the_loss_or_a_score():
    X, y, _ = make_counts()
    model = GradientBoostingRegressor(Squared(), early_stopping=True, max_iter=5)
    with pytest.raises(ValueError, match=r"Early stopping .* loss\(y, raw\)"):
        model.fit(X, y)
    model.set_params(scoring="r2").fit(X, y)
    assert len(model.validation_score_) == model.n_iter_ + 1


def test_an_object_without_derivatives_is_refused():
    X, y, _ = make_counts()
    with pytest.raises(ValueError, match="'loss' parameter of GradientBoosting"):
        GradientBoostingRegressor(loss=object()).fit(X, y)
