"""AdaBoost against scikit-learn's, round by round."""

import numpy as np
import pytest
from sklearn import ensemble
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_regression,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_dl.boosting import AdaBoostClassifier, AdaBoostRegressor

# -- classification --------------------------------------------------------------------


def two_digits():
    X, y = load_digits(return_X_y=True)
    some = (y == 3) | (y == 8)
    return X[some], y[some]


def noisy():
    return make_classification(
        1000, 12, n_informative=6, flip_y=0.1, class_sep=0.7, random_state=0
    )


def three_classes():
    return make_classification(
        1000, 12, n_informative=6, n_classes=3, flip_y=0.1, random_state=0
    )


def assert_same_outputs(model, expected, X):
    for name in ("estimator_weights_", "estimator_errors_"):
        np.testing.assert_allclose(
            getattr(model, name), getattr(expected, name), rtol=1e-8, atol=1e-10
        )
    for name in ("predict_proba", "decision_function", "predict_log_proba"):
        np.testing.assert_allclose(
            getattr(model, name)(X), getattr(expected, name)(X), atol=1e-10
        )
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    for name in ("staged_decision_function", "staged_predict_proba", "staged_predict"):
        stages = [*getattr(model, name)(X)]
        assert len(stages) == len(expected.estimators_)
        for one, other in zip(stages, getattr(expected, name)(X), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("learning_rate", [1.0, 0.3])
@pytest.mark.parametrize(
    "load",
    [load_breast_cancer, load_wine, two_digits, load_digits, noisy, three_classes],
)
def test_stumps_round_by_round(load, learning_rate, weighted):
    X, y = load(return_X_y=True) if load.__name__.startswith("load") else load()
    weights = None
    if weighted:
        rng = np.random.default_rng(0)
        weights = rng.exponential(size=len(X))
    n_estimators = 60 if load is load_digits else 200
    params = {"n_estimators": n_estimators, "learning_rate": learning_rate}
    model = AdaBoostClassifier(**params).fit(X, y, sample_weight=weights)
    expected = ensemble.AdaBoostClassifier(**params, random_state=0)
    expected.fit(X, y, sample_weight=weights)
    for one, other in zip(model.estimators_, expected.estimators_, strict=True):
        assert one.feature[0] == other.tree_.feature[0]
        assert one.threshold[0] == other.tree_.threshold[0]
        np.testing.assert_allclose(one.value, other.tree_.value[:, 0], atol=1e-9)
    assert_same_outputs(model, expected, X)
    np.testing.assert_allclose(
        model.feature_importances_, expected.feature_importances_, atol=1e-9
    )


def test_stumps_where_ties_occur():
    # Petal length and width part the first class alike.
    X, y = load_iris(return_X_y=True)
    model = AdaBoostClassifier(n_estimators=200).fit(X, y)
    expected = ensemble.AdaBoostClassifier(n_estimators=200, random_state=0).fit(X, y)
    assert model.estimators_[0].feature[0] == 2
    assert_same_outputs(model, expected, X)


def test_weights_that_decay_are_kept_above_double_precision():
    # scikit-learn clips them. Stumps that rows of so little weight decide are decided
    # by rounding errors, so that its rounds are compared no longer.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
    model = AdaBoostClassifier(n_estimators=600, store_weights=True).fit(X, y)
    least = np.finfo(np.float64).eps
    assert (model.sample_weights_ <= 1.1 * least).sum() > 1000
    for t, tree in enumerate(model.estimators_):
        weights = np.maximum(model.sample_weights_[t], least)
        weights *= np.exp(model.estimator_weights_[t] * (tree.predict(X) != y))
        expected = np.maximum(weights / weights.sum(), least)
        np.testing.assert_allclose(model.sample_weights_[t + 1], expected, rtol=1e-9)


@pytest.mark.parametrize("max_depth", [2, 3])
@pytest.mark.parametrize("load", [noisy, three_classes])
def test_deeper_trees(load, max_depth):
    X, y = load()
    model = AdaBoostClassifier(n_estimators=20, max_depth=max_depth).fit(X, y)
    tree = DecisionTreeClassifier(max_depth=max_depth)
    expected = ensemble.AdaBoostClassifier(tree, n_estimators=20, random_state=0)
    assert_same_outputs(model, expected.fit(X, y), X)


@pytest.mark.parametrize("max_depth", [1, 2])
def test_missing_values(max_depth):
    # scikit-learn's AdaBoost refuses them, its trees do not.
    rng = np.random.default_rng(0)
    X, y = noisy()
    X[rng.random(X.shape) < 0.2] = np.nan
    model = AdaBoostClassifier(n_estimators=30, max_depth=max_depth).fit(X, y)
    weights = np.full(len(X), 1 / len(X))
    for t, member in enumerate(model.estimators_):
        tree = DecisionTreeClassifier(max_depth=max_depth, random_state=0)
        tree.fit(X, y, sample_weight=weights)
        wrong = tree.predict(X) != y
        np.testing.assert_array_equal(member.predict(X), tree.predict(X))
        np.testing.assert_allclose(model.estimator_errors_[t], weights[wrong].sum())
        weights *= np.exp(model.estimator_weights_[t] * wrong)
        weights /= weights.sum()


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(max_depth=2, splitter="random"),
        LogisticRegression(C=0.01),
    ],
)
def test_any_weak_classifier(estimator):
    X, y = noisy()
    params = {"n_estimators": 15, "random_state": 3}
    model = AdaBoostClassifier(estimator, **params).fit(X, y)
    expected = ensemble.AdaBoostClassifier(estimator, **params).fit(X, y)
    assert_same_outputs(model, expected, X)
    assert [m.get_params() for m in model.estimators_] == [
        m.get_params() for m in expected.estimators_
    ]


# -- regression ------------------------------------------------------------------------


def assert_same_values(model, expected, X):
    np.testing.assert_allclose(model.estimator_weights_, expected.estimator_weights_)
    np.testing.assert_allclose(model.predict(X), expected.predict(X))
    stages = [*model.staged_predict(X)]
    for one, other in zip(stages, expected.staged_predict(X), strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
def test_trees_of_one_feature(loss, weighted):
    # In a bootstrap sample small nodes are parted alike by several features; by one
    # feature there are no ties.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = np.sin(3 * X[:, 0]) + 0.3 * rng.normal(size=400)
    weights = rng.exponential(size=400) if weighted else None
    params = {"loss": loss, "n_estimators": 40, "random_state": 1}
    model = AdaBoostRegressor(**params).fit(X, y, sample_weight=weights)
    expected = ensemble.AdaBoostRegressor(**params).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(model.estimator_errors_, expected.estimator_errors_)
    assert_same_values(model, expected, X)
    assert model.feature_importances_.tolist() == [1.0]


@pytest.mark.parametrize("max_depth", [1, 2])
def test_trees_of_several_features(max_depth):
    X, y = make_regression(1500, 8, noise=10, random_state=0)
    params = {"n_estimators": 25, "random_state": 1}
    model = AdaBoostRegressor(max_depth=max_depth, **params).fit(X, y)
    tree = DecisionTreeRegressor(max_depth=max_depth)
    expected = ensemble.AdaBoostRegressor(tree, **params).fit(X, y)
    assert_same_values(model, expected, X)
    np.testing.assert_allclose(
        model.feature_importances_, expected.feature_importances_, atol=1e-10
    )


@pytest.mark.parametrize(
    "estimator",
    [DecisionTreeRegressor(max_depth=3, splitter="random"), Ridge(), LinearSVR()],
)
def test_any_weak_regressor(estimator):
    X, y = make_regression(300, 5, noise=30, random_state=0)
    params = {"n_estimators": 10, "random_state": 3, "learning_rate": 0.5}
    model = AdaBoostRegressor(estimator, **params).fit(X, y)
    expected = ensemble.AdaBoostRegressor(estimator, **params).fit(X, y)
    assert_same_values(model, expected, X)
