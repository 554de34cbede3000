"""The same weights, the same loss, the same gradient, the same network."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network as theirs
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import sklearn_dl.neural_network as ours

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:lbfgs failed to converge",
)


def data(name):
    loader = {"digits": load_digits, "cancer": load_breast_cancer}.get(name)
    if name == "multilabel":
        return make_multilabel_classification(300, n_features=8, random_state=0)
    X, y = (loader or load_diabetes)(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def assert_same_network(a, b, atol=1e-9):
    for theirs_, ours_ in zip(
        a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True
    ):
        np.testing.assert_allclose(ours_, theirs_, atol=atol)


PARAMETERS = [
    {},
    {"solver": "sgd", "learning_rate_init": 0.01},
    {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    {"solver": "sgd", "momentum": 0.0, "alpha": 0.1},
    {"solver": "lbfgs"},
    {"activation": "logistic", "hidden_layer_sizes": (20, 10)},
    {"activation": "tanh", "batch_size": 64, "alpha": 1.0},
    {"activation": "identity", "shuffle": False},
    {"hidden_layer_sizes": (), "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 60},
]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
@pytest.mark.parametrize("name", ["cancer", "digits", "multilabel"])
def test_classifier_is_scikit_learns(name, parameters):
    X, y = data(name)
    parameters = {"max_iter": 12, "random_state": 3} | parameters
    a = theirs.MLPClassifier(**parameters).fit(X, y)
    b = ours.MLPClassifier(**parameters).fit(X, y)
    assert_same_network(a, b)
    assert b.loss_ == pytest.approx(a.loss_, rel=1e-9)
    assert (a.n_iter_, a.n_outputs_, a.n_layers_) == (
        b.n_iter_,
        b.n_outputs_,
        b.n_layers_,
    )
    assert a.out_activation_ == b.out_activation_
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-9)
    np.testing.assert_array_equal(a.predict(X), b.predict(X))
    if "lbfgs" not in parameters.values():
        assert a.t_ == b.t_
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-9)
        assert b.best_loss_ == pytest.approx(a.best_loss_)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_regressor_is_scikit_learns(loss, parameters):
    X, y = data("diabetes")
    y = y / y.std()
    parameters = {"max_iter": 12, "random_state": 3, "loss": loss} | parameters
    a = theirs.MLPRegressor(**parameters).fit(X, y)
    b = ours.MLPRegressor(**parameters).fit(X, y)
    assert_same_network(a, b)
    assert b.loss_ == pytest.approx(a.loss_, rel=1e-9)
    np.testing.assert_allclose(a.predict(X), b.predict(X), atol=1e-8)


def test_several_targets():
    X, y = data("diabetes")
    Y = np.stack([y, y**2 / 100], axis=1) / y.std()
    a = theirs.MLPRegressor(max_iter=10, random_state=0).fit(X, Y)
    b = ours.MLPRegressor(max_iter=10, random_state=0).fit(X, Y)
    assert_same_network(a, b)
    assert b.predict(X).shape == Y.shape
    # The weights agree, but scikit-learn reports the mean over the outputs of what it
    # minimises the sum of.
    assert b.loss_ == pytest.approx(2 * a.loss_, rel=1e-3)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_array])
def test_sparse_rows(kind):
    X, y = data("digits")
    X = np.where(X > 0.5, X, 0)
    dense = ours.MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    sparse = ours.MLPClassifier(max_iter=5, random_state=0).fit(kind(X), y)
    assert_same_network(dense, sparse)
    np.testing.assert_array_equal(dense.predict(X), sparse.predict(kind(X)))


def test_sample_weight():
    X, y = data("cancer")
    weight = np.random.default_rng(0).uniform(0.1, 3, len(y))
    parameters = {"max_iter": 10, "random_state": 0, "alpha": 0.5}
    a = theirs.MLPClassifier(**parameters).fit(X, y, sample_weight=weight)
    b = ours.MLPClassifier(**parameters).fit(X, y, sample_weight=weight)
    assert_same_network(a, b)
    assert b.loss_ == pytest.approx(a.loss_)


@pytest.mark.parametrize("rate", ["constant", "adaptive", "invscaling"])
def test_early_stopping(rate):
    X, y = data("cancer")
    parameters = {
        "early_stopping": True,
        "random_state": 0,
        "max_iter": 40,
        "n_iter_no_change": 3,
        "learning_rate": rate,
        "solver": "adam",
    }
    a = theirs.MLPClassifier(**parameters).fit(X, y)
    b = ours.MLPClassifier(**parameters).fit(X, y)
    assert_same_network(a, b)
    assert a.validation_scores_ == pytest.approx(b.validation_scores_)
    assert a.best_validation_score_ == b.best_validation_score_
    assert a.best_loss_ is None and b.best_loss_ is None


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_a_rate_that_changes(momentum, nesterov):
    X, y = data("cancer")
    for rate in ("invscaling", "adaptive"):
        parameters = {
            "solver": "sgd",
            "learning_rate": rate,
            "learning_rate_init": 0.5,
            "momentum": momentum,
            "nesterovs_momentum": nesterov,
            "tol": 1e-2,
            "n_iter_no_change": 1,
            "random_state": 0,
            "max_iter": 40,
        }
        a = theirs.MLPClassifier(**parameters).fit(X, y)
        b = ours.MLPClassifier(**parameters).fit(X, y)
        assert a.n_iter_ == b.n_iter_
        assert_same_network(a, b)


def test_adaptive_rate_falls_when_scikit_learns_does():
    X, y = data("cancer")
    parameters = {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.5,
        "momentum": 0.0,
        "tol": 1e-2,
        "n_iter_no_change": 2,
        "random_state": 0,
        "max_iter": 300,
    }
    a = theirs.MLPClassifier(**parameters).fit(X, y)
    b = ours.MLPClassifier(**parameters).fit(X, y)
    assert a.n_iter_ == b.n_iter_
    assert_same_network(a, b)
    seen = [row["learning_rate"] for row in b.history_]
    assert seen[0] == 0.5 and seen[-1] < 1e-5


def test_partial_fit():
    X, y = data("digits")
    a = theirs.MLPClassifier(random_state=0)
    b = ours.MLPClassifier(random_state=0)
    for start in range(0, 1500, 500):
        part = slice(start, start + 500)
        a.partial_fit(X[part], y[part], classes=range(10))
        b.partial_fit(X[part], y[part], classes=range(10))
    assert_same_network(a, b)
    assert len(b.loss_curve_) == len(a.loss_curve_) == 3
    assert a.t_ == b.t_


def test_warm_start():
    X, y = data("cancer")
    a = theirs.MLPClassifier(max_iter=4, warm_start=True, random_state=0)
    b = ours.MLPClassifier(max_iter=4, warm_start=True, random_state=0)
    for _ in range(3):
        a.fit(X, y)
        b.fit(X, y)
    assert_same_network(a, b)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_)


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_every_parameter_of_scikit_learn_with_its_default(estimator):
    expected = getattr(theirs, estimator)().get_params()
    actual = getattr(ours, estimator)().get_params()
    assert {name: actual[name] for name in expected} == expected


def test_warns_like_scikit_learn_when_it_does_not_converge():
    X, y = data("cancer")
    with pytest.warns(ConvergenceWarning, match="max_iter=2 epochs are over"):
        ours.MLPClassifier(max_iter=2).fit(X, y)
