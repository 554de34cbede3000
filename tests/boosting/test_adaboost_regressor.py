"""AdaBoostRegressor: invariants, bad input."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from sklearn_dl.boosting import AdaBoostRegressor


def problem(n_rows=300):
    return make_regression(n_rows, 4, noise=20, random_state=0)


LOSSES = {
    "linear": lambda share: share,
    "square": lambda share: share**2,
    "exponential": lambda share: 1 - np.exp(-share),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_weights_of_each_round(loss):
    X, y = problem()
    model = AdaBoostRegressor(
        n_estimators=8, loss=loss, learning_rate=0.5, random_state=0, store_weights=True
    ).fit(X, y)
    expected = np.full(len(X), 1 / len(X))
    for t, tree in enumerate(model.estimators_):
        np.testing.assert_allclose(model.sample_weights_[t], expected)
        residuals = np.abs(tree.predict(X) - y)
        losses = LOSSES[loss](residuals / residuals.max())
        error = (expected * losses).sum()
        beta = error / (1 - error)
        np.testing.assert_allclose(model.estimator_errors_[t], error)
        np.testing.assert_allclose(model.estimator_weights_[t], -0.5 * np.log(beta))
        expected = expected * beta ** (0.5 * (1 - losses))
        expected /= expected.sum()
    np.testing.assert_allclose(model.sample_weights_[8], expected)


def test_predicts_the_weighted_median():
    X, y = problem()
    model = AdaBoostRegressor(n_estimators=15, random_state=0).fit(X, y)
    values = np.array([tree.predict(X) for tree in model.estimators_])
    for i, value in enumerate(model.predict(X)):
        below = model.estimator_weights_[values[:, i] < value].sum()
        up_to = model.estimator_weights_[values[:, i] <= value].sum()
        half = model.estimator_weights_.sum() / 2
        assert below < half <= up_to * (1 + 1e-12)


@pytest.mark.parametrize("params", [{}, {"max_bins": 20}, {"max_depth": 1}])
def test_weights_are_repetitions_without_draws(params):
    X, y = problem()
    repeats = np.random.default_rng(0).integers(0, 4, size=len(X))
    one = AdaBoostRegressor(bootstrap=False, n_estimators=20, **params)
    one.fit(X, y, sample_weight=repeats)
    other = AdaBoostRegressor(bootstrap=False, n_estimators=20, **params)
    other.fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    np.testing.assert_allclose(one.predict(X), other.predict(X))


def test_rows_in_another_order_without_draws():
    X, y = problem()
    order = np.random.default_rng(0).permutation(len(X))
    one = AdaBoostRegressor(bootstrap=False).fit(X, y)
    other = AdaBoostRegressor(bootstrap=False).fit(X[order], y[order])
    np.testing.assert_allclose(one.predict(X), other.predict(X))


@pytest.mark.parametrize("bootstrap", [True, False])
def test_rows_of_weight_zero_are_absent(bootstrap):
    X, y = problem()
    weights = np.ones(len(X))
    weights[::3] = 0
    kept = weights > 0
    params = {"bootstrap": bootstrap, "random_state": 0}
    model = AdaBoostRegressor(**params).fit(X, y, sample_weight=weights)
    without = AdaBoostRegressor(**params).fit(X[kept], y[kept])
    np.testing.assert_array_equal(model.predict(X), without.predict(X))


def test_the_unit_of_the_target_does_not_matter():
    X, y = problem()
    model = AdaBoostRegressor(random_state=0).fit(X, y)
    other = AdaBoostRegressor(random_state=0).fit(X, 1000 * y + 1e6)
    np.testing.assert_allclose(1000 * model.predict(X) + 1e6, other.predict(X))


def test_stages_are_the_fits_of_fewer_rounds():
    X, y = problem()
    model = AdaBoostRegressor(n_estimators=9, random_state=0).fit(X, y)
    stages = zip(model.staged_predict(X), model.staged_score(X, y), strict=True)
    for t, (predicted, score) in enumerate(stages, 1):
        shorter = AdaBoostRegressor(n_estimators=t, random_state=0).fit(X, y)
        np.testing.assert_array_equal(predicted, shorter.predict(X))
        assert score == shorter.score(X, y)
    assert t == 9


def test_sparse_rows_are_dense_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 3)) * (rng.random((5000, 3)) < 0.3)
    y = X.sum(axis=1) + rng.normal(size=5000)
    params = {"n_estimators": 5, "random_state": 0}
    dense = AdaBoostRegressor(**params).fit(X, y)
    model = AdaBoostRegressor(**params).fit(csr_array(X), y)
    np.testing.assert_array_equal(model.predict(csr_array(X)), dense.predict(X))


def test_missing_values_are_learned_from():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), rng.normal(size=300)
    X[y > 0.5, 0] = np.nan
    model = AdaBoostRegressor(random_state=0, n_estimators=10).fit(X, y)
    assert model.predict([[np.nan, 0.0]]) > model.predict([[0.0, 0.0]]) + 0.5


@pytest.mark.parametrize(
    "params", [{}, {"estimator": DecisionTreeRegressor(max_depth=3)}]
)
def test_early_stopping_keeps_the_best(params):
    X, y = problem()
    model = AdaBoostRegressor(
        n_estimators=300,
        n_iter_no_change=8,
        validation_fraction=0.3,
        random_state=0,
        store_weights=True,
        **params,
    ).fit(X, y)
    scores = model.validation_scores_
    assert model.n_estimators_ == np.argmax(scores) + 1 == len(model.estimators_)
    assert len(scores) < 300
    held_out = model.sample_weights_[0] == 0
    assert held_out.sum() == 90
    np.testing.assert_allclose(model.score(X[held_out], y[held_out]), scores.max())


def test_a_perfect_fit_ends():
    X = np.repeat([[0.0], [1.0]], 10, axis=0)
    model = AdaBoostRegressor(random_state=0).fit(X, 5 * X[:, 0])
    assert model.n_estimators_ == 1
    assert model.estimator_weights_[:2].tolist() == [1, 0]
    assert model.predict([[0.0], [1.0]]).tolist() == [0.0, 5.0]


def test_the_first_tree_is_kept_though_it_is_no_better_than_chance():
    # Half of the rows are as far off as can be.
    X, y = np.ones((40, 1)), np.repeat([0.0, 1.0, 1.0, 0.0], 10)
    with pytest.warns(ConvergenceWarning, match=r"after 1 of 50 .* no better than"):
        model = AdaBoostRegressor(bootstrap=False).fit(X, y)
    assert model.estimator_weights_.tolist() == [0] * 50
    assert model.predict([[1.0]]) == pytest.approx(0.5)
    assert model.feature_importances_.tolist() == [0]


def test_a_weak_learner_needs_weights_only_without_draws():
    X, y = problem(60)
    AdaBoostRegressor(KNeighborsRegressor(), random_state=0, n_estimators=2).fit(X, y)
    with pytest.raises(ValueError, match=r"'estimator' .* KNeighborsRegressor\(\)"):
        AdaBoostRegressor(KNeighborsRegressor(), bootstrap=False).fit(X, y)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"loss": "cubic"}, "loss"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"bootstrap": "no"}, "bootstrap"),
        ({"max_bins": 1}, "max_bins"),
    ],
)
def test_parameters_out_of_range(params, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of AdaBoostRegressor"):
        AdaBoostRegressor(**params).fit(*problem(20))


def test_negative_weights_are_refused():
    X, y = problem(20)
    with pytest.raises(ValueError, match="Negative values"):
        AdaBoostRegressor().fit(X, y, sample_weight=np.linspace(-1, 1, 20))
