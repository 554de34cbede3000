"""Importance weights against references, and the estimators that use them."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from sklearn_dl.domain_adaptation import (
    ImportanceWeightedClassifier,
    ImportanceWeightedRegressor,
    discriminator_weights,
    kliep_weights,
    kmm_weights,
)

FUNCTIONS = {
    "kmm": kmm_weights,
    "kliep": partial(kliep_weights, random_state=0),
    "discriminator": partial(discriminator_weights, random_state=0),
}
ESTIMATORS = [
    ImportanceWeightedClassifier(LogisticRegression(), random_state=0),
    ImportanceWeightedRegressor(Ridge(), random_state=0),
]


def shifted(n_source=80, n_target=50, n_features=2, seed=0):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(n_source, n_features))
    return source, rng.normal(0.7, 0.6, size=(n_target, n_features))


def matching(source, target, gamma):
    """K and kappa of kernel mean matching, as in the paper."""
    K = rbf_kernel(source, gamma=gamma)
    kappa = len(source) / len(target) * rbf_kernel(source, target, gamma=gamma).sum(1)
    return K, kappa


@pytest.mark.parametrize(
    ("bound", "eps"), [(1000.0, None), (3.0, None), (1000.0, 0.0), (2.0, 0.01)]
)
def test_kmm_reaches_the_optimum_of_a_general_solver(bound, eps):
    source, target = shifted(30, 20)
    K, kappa = matching(source, target, 0.5)
    weights = kmm_weights(source, target, gamma=0.5, bound=bound, eps=eps, tol=1e-8)
    room = len(source) * ((1 - len(source) ** -0.5) if eps is None else eps)
    assert weights.min() >= 0 and weights.max() <= bound
    assert abs(weights.sum() - len(source)) <= room + 1e-6
    reference = minimize(
        lambda w: w @ K @ w / 2 - kappa @ w,
        np.ones(len(source)),
        jac=lambda w: K @ w - kappa,
        method="SLSQP",
        bounds=[(0, bound)] * len(source),
        constraints=[
            {"type": "ineq", "fun": lambda w: room - w.sum() + len(source)},
            {"type": "ineq", "fun": lambda w: room + w.sum() - len(source)},
        ],
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    objective = weights @ K @ weights / 2 - kappa @ weights
    assert objective <= reference.fun + 1e-6 * abs(reference.fun)


def test_kmm_weights_fulfil_the_conditions_of_an_optimum():
    source, target = shifted()
    K, kappa = matching(source, target, 1.0)
    weights = kmm_weights(source, target, gamma=1.0, bound=4.0, tol=1e-10)
    slopes = (K @ weights - kappa) / len(source)
    inside = (weights > 1e-3) & (weights < 4 - 1e-3)
    # The sum is free here, and so is its multiplier 0.
    assert abs(weights.mean() - 1) < 0.5
    assert 0 < np.count_nonzero(inside) < len(source)
    assert np.abs(slopes[inside]).max() < 1e-3
    assert slopes[weights <= 1e-3].min() > -1e-3
    assert slopes[weights >= 4 - 1e-3].max(initial=-1) < 1e-3


def test_kmm_weights_have_a_largest_sum():
    # Between two source rows the target pulls at both, with more than their number.
    q = 0.76
    source, target, gamma = [[-1.0], [1.0]], [[0.0]], -np.log(q)
    free = 2 * q / (1 + q**4)
    assert free > 1.1
    for eps, expected in ((1.0, free), (0.1, 1.1), (0.0, 1.0)):
        weights = kmm_weights(source, target, gamma=gamma, eps=eps, tol=1e-10)
        np.testing.assert_allclose(weights, expected, rtol=1e-4)


def test_kmm_default_width_is_the_inverse_median_of_squared_distances():
    source, target = shifted()
    squared = ((source[:, None] - target[None]) ** 2).sum(axis=2)
    expected = kmm_weights(source, target, gamma=1 / np.median(squared))
    np.testing.assert_allclose(kmm_weights(source, target), expected, atol=1e-6)


def test_kmm_says_when_it_did_not_converge():
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        kmm_weights(*shifted(), tol=1e-12, max_iter=2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_weights_move_the_mean_of_the_source_to_the_target(name):
    source, _ = shifted(400, 2, 1)
    # Of the same variance: then the odds are those of a logistic regression.
    target = np.random.default_rng(1).normal(0.7, 1.0, size=(400, 1))
    weights = FUNCTIONS[name](source, target)
    assert weights.shape == (400,) and weights.min() >= 0
    before = abs(source.mean() - target.mean())
    after = abs(np.average(source[:, 0], weights=weights) - target.mean())
    assert after < 0.3 * before


@pytest.mark.parametrize("name", FUNCTIONS)
def test_weights_of_equal_domains_are_about_one(name):
    source, _ = shifted(300, 2, 2)
    weights = FUNCTIONS[name](source, source)
    assert abs(weights.mean() - 1) < 0.05
    assert np.abs(weights - 1).mean() < 0.2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sparse_rows_have_the_weights_of_dense_ones(name):
    source, target = shifted()
    dense = FUNCTIONS[name](source, target)
    for pair in (
        (sp.csr_array(source), sp.csc_array(target)),
        (source, sp.coo_array(target)),
    ):
        # A discriminator cannot centre sparse features; without a penalty to speak
        # of it is the same.
        sparse = FUNCTIONS[name](*pair)
        np.testing.assert_allclose(sparse, dense, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("gamma", [0.1, 1.0, 10.0])
def test_kliep_weights_have_mean_one_and_the_largest_likelihood(gamma):
    source, target = shifted(60, 40)
    weights = kliep_weights(source, target, gamma=gamma, random_state=0)
    assert weights.mean() == pytest.approx(1)
    # All target rows are centers. The plain fixed-point iteration for the proportions
    # of a mixture, of kernels that are scaled to mean 1 in the source.
    kernel, ratios = (rbf_kernel(rows, target, gamma) for rows in (source, target))
    kernel, ratios = (values / kernel.mean(axis=0) for values in (kernel, ratios))
    shares = np.full(40, 1 / 40)
    for _ in range(20_000):
        shares *= (ratios / (ratios @ shares)[:, None]).mean(axis=0)
    expected = kernel @ shares
    np.testing.assert_allclose(weights, expected, atol=0.05 * expected.max())


def test_kliep_chooses_a_width_by_the_likelihood_of_what_it_holds_out():
    source, target = shifted(500, 500, 1)
    chosen = kliep_weights(source, target, random_state=0)

    def ratio(x):
        """Of the normal densities of the domains."""
        return np.exp(-(((x - 0.7) / 0.6) ** 2) / 2 + x**2 / 2) / 0.6

    errors = {
        gamma: np.abs(
            kliep_weights(source, target, gamma=gamma, random_state=0)
            - ratio(source[:, 0])
        ).mean()
        for gamma in (1e-3, 1e3)
    }
    assert np.abs(chosen - ratio(source[:, 0])).mean() < 0.5 * min(errors.values())


def test_kliep_has_few_centers_if_asked_and_draws_them_from_its_state():
    source, target = shifted()
    one, other, again = (
        kliep_weights(source, target, gamma=1.0, n_centers=3, random_state=seed)
        for seed in (0, 1, 0)
    )
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(one, again)


def test_kliep_refuses_kernels_that_reach_nothing():
    source, target = shifted()
    with pytest.raises(ValueError, match="gamma of kliep_weights"):
        kliep_weights(source, target + 1000, gamma=1.0)


def test_discriminator_weights_are_odds_of_rows_that_were_held_out():
    source, target = shifted(40, 20)

    class Halves(GaussianNB):
        """Tells what it was fitted on."""

        def fit(self, X, y):
            fits.append((X, y))
            return super().fit(X, y)

    fits = []
    weights = discriminator_weights(
        source, target, estimator=Halves(), cv=2, random_state=0
    )
    assert [np.bincount(y).tolist() for _, y in fits] == [[20, 10], [20, 10]]
    for X, y in fits:
        odds = GaussianNB().fit(X, y).predict_proba(source)
        held_out = ~(source[:, None] == X[None]).all(axis=2).any(axis=1)
        expected = odds[:, 1] / odds[:, 0] * 40 / 20
        np.testing.assert_allclose(weights[held_out], expected[held_out])


def test_discriminator_weights_approach_the_ratio_of_densities():
    rng = np.random.default_rng(0)
    source, target = rng.normal(0, 1, (4000, 1)), rng.normal(1, 1, (1000, 1))
    weights = discriminator_weights(source, target, random_state=0)
    exact = np.exp(source[:, 0] - 0.5)
    assert np.abs(np.log(weights / exact)).max() < 0.6
    assert weights.mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bad_rows_are_refused(name):
    source, target = shifted()
    with pytest.raises(ValueError, match="features of X_source"):
        FUNCTIONS[name](source, target[:, :1])
    source[0, 0] = np.nan
    with pytest.raises(ValueError, match="X_source contains NaN"):
        FUNCTIONS[name](source, target)


@pytest.mark.parametrize(
    ("function", "params"),
    [
        (kmm_weights, {"bound": 0.5}),
        (kmm_weights, {"gamma": 0.0}),
        (kmm_weights, {"eps": -0.1}),
        (kliep_weights, {"cv": 1}),
        (kliep_weights, {"n_centers": 0}),
        (discriminator_weights, {"estimator": Ridge()}),
    ],
)
def test_bad_parameters_are_named(function, params):
    with pytest.raises(ValueError, match=next(iter(params))):
        function(*shifted(), **params)


def test_a_discriminator_needs_two_rows_of_each_domain():
    source, target = shifted()
    with pytest.raises(ValueError, match="at least 2 rows"):
        discriminator_weights(source, target[:1])


def task(model, n=120, seed=0):
    """Rows of both domains, mixed, with targets for the kind of model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    domains = np.where(np.arange(n) % 3 == 0, -1, 0)
    X[domains < 0] += 0.8
    y = X[:, 0] ** 2
    if isinstance(model, ImportanceWeightedClassifier):
        return X, (y > 1).astype(int), domains
    return X, y, domains


def masked(model, y, domains):
    mask = -1 if isinstance(model, ImportanceWeightedClassifier) else np.nan
    return np.where(domains < 0, mask, y)


@pytest.mark.parametrize("method", ["kmm", "kliep", "discriminator"])
@pytest.mark.parametrize("model", ESTIMATORS, ids=["classifier", "regressor"])
def test_the_estimator_is_fitted_on_source_rows_with_their_weights(model, method):
    X, y, domains = task(model)
    source = domains >= 0
    sample_weight = np.random.default_rng(1).uniform(0.5, 2, len(X))
    fitted = clone(model).set_params(method=method)
    given = X.copy(), y.copy(), domains.copy(), sample_weight.copy()
    fitted.fit(X, y, sample_domain=domains, sample_weight=sample_weight)
    for now, before in zip((X, y, domains, sample_weight), given, strict=True):
        np.testing.assert_array_equal(now, before)
    expected = FUNCTIONS[method](X[source], X[~source])
    expected /= expected.mean()
    np.testing.assert_allclose(fitted.weights_, expected)
    alone = clone(model.estimator).fit(
        X[source], y[source], sample_weight=expected * sample_weight[source]
    )
    np.testing.assert_allclose(fitted.predict(X), alone.predict(X))
    assert fitted.score(X, y, sample_domain=domains) == alone.score(X, y)


@pytest.mark.parametrize("model", ESTIMATORS, ids=["classifier", "regressor"])
def test_domains_from_the_mask_and_labels_of_the_target_unused(model):
    X, y, domains = task(model)
    by_domain = clone(model).fit(X, y, sample_domain=domains)
    by_mask = clone(model).fit(X, masked(model, y, domains))
    np.testing.assert_array_equal(by_domain.predict(X), by_mask.predict(X))
    np.testing.assert_array_equal(by_domain.weights_, by_mask.weights_)


@pytest.mark.parametrize("model", ESTIMATORS, ids=["classifier", "regressor"])
def test_with_one_domain_all_rows_weigh_the_same(model):
    X, y, _ = task(model)
    fitted = clone(model).fit(X, y)
    np.testing.assert_array_equal(fitted.weights_, np.ones(len(X)))
    alone = clone(model.estimator).fit(X, y)
    np.testing.assert_allclose(fitted.predict(X), alone.predict(X))


@pytest.mark.parametrize("model", ESTIMATORS, ids=["classifier", "regressor"])
def test_rows_of_weight_zero_have_no_say(model):
    X, y, domains = task(model)
    weight = np.ones(len(X))
    weight[::7] = 0
    kept = weight > 0
    with_zeros = clone(model).fit(X, y, domains, weight)
    without = clone(model).fit(X[kept], y[kept], domains[kept])
    np.testing.assert_allclose(with_zeros.predict(X), without.predict(X))
    zero = weight[domains >= 0] == 0
    np.testing.assert_array_equal(with_zeros.weights_[zero], 0)
    np.testing.assert_allclose(with_zeros.weights_[~zero], without.weights_)


def test_weights_help_a_line_where_the_target_is():
    rng = np.random.default_rng(0)
    source, target = rng.normal(0, 1, (500, 1)), rng.normal(1.5, 0.5, (500, 1))
    X = np.concatenate([source, target])
    y = X[:, 0] ** 2
    y_masked = np.where(np.arange(1000) < 500, y, np.nan)
    plain = LinearRegression().fit(source, y[:500]).score(target, y[500:])
    for method in FUNCTIONS:
        model = ImportanceWeightedRegressor(
            LinearRegression(), method=method, random_state=0
        )
        assert model.fit(X, y_masked).score(target, y[500:]) > max(0.5, plain + 0.5)


def test_a_function_of_the_users_own_gives_weights():
    X, y, domains = task(ESTIMATORS[1])
    model = ImportanceWeightedRegressor(
        Ridge(), method=partial(kmm_weights, gamma=0.3, bound=5.0)
    ).fit(X, y, sample_domain=domains)
    expected = kmm_weights(X[domains >= 0], X[domains < 0], gamma=0.3, bound=5.0)
    np.testing.assert_allclose(model.weights_, expected / expected.mean())
    given = ImportanceWeightedRegressor(Ridge(), method="kmm", gamma=0.3)
    assert not np.allclose(given.fit(X, y, domains).weights_, 1)


@pytest.mark.parametrize("weights", [[1.0], "zeros", "negative", "nan"])
def test_a_function_that_returns_no_weights_is_refused(weights):
    X, y, domains = task(ESTIMATORS[1])

    def method(source, target):
        values = {"zeros": 0.0, "negative": -1.0, "nan": np.nan}
        return [1.0] if weights == [1.0] else np.full(len(source), values[weights])

    with pytest.raises(ValueError, match="'method' parameter"):
        ImportanceWeightedRegressor(Ridge(), method=method).fit(X, y, domains)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("model", ESTIMATORS, ids=["classifier", "regressor"])
def test_a_pipeline_and_a_search_pass_the_domains(model, routing):
    X, y, domains = task(model)
    pipeline = make_pipeline(StandardScaler(), clone(model))
    step = pipeline.steps[-1][0]
    grid = {f"{step}__method": ["kmm", "discriminator"]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise")
    name = "sample_domain" if routing else f"{step}__sample_domain"
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y, **{name: domains})
    best = clone(pipeline).set_params(**search.best_params_)
    best.fit(X, y, **{f"{step}__sample_domain": domains})
    np.testing.assert_array_equal(search.predict(X), best.predict(X))
    loaded = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(loaded.predict(X), best.predict(X))


@pytest.mark.parametrize("model", ESTIMATORS, ids=["classifier", "regressor"])
def test_bad_input_is_named(model):
    X, y, domains = task(model)
    for fit_params, match in [
        ({"sample_domain": np.zeros(len(X))}, "rows of a target domain"),
        ({"sample_domain": -np.ones(len(X))}, "rows of a source domain"),
        ({"sample_domain": domains, "sample_weight": -X[:, 0]}, "[Nn]egative"),
        ({"sample_domain": domains, "sample_weight": domains < 0}, "source rows"),
        ({"sample_domain": domains, "sample_weight": domains >= 0}, "target rows"),
        ({"sample_domain": domains[1:]}, "rows of X"),
    ]:
        with pytest.raises(ValueError, match=match):
            clone(model).fit(X, y, **fit_params)
    with pytest.raises(ValueError, match="method"):
        clone(model).set_params(method="knn").fit(X, y, domains)


def test_an_estimator_must_take_weights_and_be_of_the_right_kind():
    X, y, domains = task(ESTIMATORS[0])
    with pytest.raises(ValueError, match="must take sample_weight"):
        ImportanceWeightedClassifier(KNeighborsClassifier()).fit(X, y, domains)
    with pytest.raises(TypeError, match="must be a classifier"):
        ImportanceWeightedClassifier(Ridge()).fit(X, y, domains)
    with pytest.raises(TypeError, match="must be a regressor"):
        ImportanceWeightedRegressor(LogisticRegression()).fit(X, y, domains)


def test_missing_values_are_for_functions_of_the_users_own():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 2)), np.where(np.arange(80) < 60, np.arange(80) % 2, -1)
    X[5, 0] = np.nan
    boosting = HistGradientBoostingClassifier(max_iter=2)
    model = ImportanceWeightedClassifier(boosting)
    assert get_tags(boosting).input_tags.allow_nan
    assert not get_tags(model).input_tags.allow_nan
    with pytest.raises(ValueError, match="X_source contains NaN"):
        model.fit(X, y)
    model.set_params(method=lambda source, target: np.ones(len(source)))
    assert get_tags(model).input_tags.allow_nan
    assert model.fit(X, y).predict(X).shape == (80,)
