"""What holds for gradient boosting whatever the data: invariants, limits, state."""

import multiprocessing
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, get_scorer, mean_absolute_error
from sklearn.model_selection import cross_val_score
from threadpoolctl import threadpool_limits

from sklearn_dl._trees._threads import choose_n_threads
from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor

REGRESSION_LOSSES = {
    "squared_error": {},
    "absolute_error": {},
    "huber": {},
    "quantile": {"quantile": 0.7},
    "poisson": {},
    "gamma": {},
}


def regressor(loss="squared_error", **params):
    params = {"max_iter": 20, "early_stopping": False, "random_state": 0} | params
    return GradientBoostingRegressor(loss, **REGRESSION_LOSSES[loss] | params)


def classifier(**params):
    params = {"max_iter": 20, "early_stopping": False, "random_state": 0} | params
    return GradientBoostingClassifier(**params)


def make_numbers(n_rows=400, seed=0):
    """Rows without ties, and a positive target that is not a sum."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, 5))
    y = np.exp(X[:, 0] + np.sin(4 * X[:, 1]) + 2 * X[:, 2] * X[:, 3])
    return X, y + rng.uniform(0.01, 0.1, size=n_rows)


def make_classes(n_classes, n_rows=400, seed=0):
    X, y = make_numbers(n_rows, seed)
    edges = np.quantile(y, np.linspace(0, 1, n_classes + 1)[1:-1])
    return X, np.digitize(y, edges)


# Each with a problem of its kind.
MODELS = {loss: (regressor(loss), make_numbers()) for loss in REGRESSION_LOSSES} | {
    "log_loss, 2": (classifier(), make_classes(2)),
    "log_loss, 3": (classifier(), make_classes(3)),
    "exponential": (classifier(loss="exponential"), make_classes(2)),
}


def raw(model, X):
    """Return what the trees add up to, or numbers that grow with it."""
    return (
        model.decision_function(X)
        if hasattr(model, "decision_function")
        else model.predict(X)
    )


@pytest.fixture(params=MODELS)
def problem(request):
    model, (X, y) = MODELS[request.param]
    return clone(model), X, y


# -- invariants ------------------------------------------------------------------------


def test_the_order_of_rows_does_not_matter(problem):
    model, X, y = problem
    order = np.random.default_rng(1).permutation(len(X))
    expected = raw(clone(model).fit(X, y), X)
    np.testing.assert_allclose(
        raw(model.fit(X[order], y[order]), X), expected, rtol=1e-7, atol=1e-7
    )


def test_the_order_of_columns_does_not_matter(problem):
    model, X, y = problem
    # Where gradients are signs, or all the same at first, several splits are equally
    # good, and the lowest column wins. Weights break the ties, but not where all signs
    # are the same and no split gains anything but what is rounded.
    weight = np.random.default_rng(2).uniform(0.5, 2, size=len(X))
    model.set_params(min_split_gain=1e-6)
    order = [3, 0, 4, 2, 1]
    one = clone(model).fit(X, y, sample_weight=weight)
    other = model.fit(X[:, order], y, sample_weight=weight)
    np.testing.assert_allclose(
        raw(other, X[:, order]), raw(one, X), rtol=1e-7, atol=1e-7
    )


def test_a_monotone_change_of_a_column_does_not_matter(problem):
    model, X, y = problem
    # Bins are ranks here: no more values than bins.
    X, y = X[:250], y[:250]
    expected = raw(clone(model).fit(X, y), X)
    stretched = np.sign(X) * np.abs(X) ** 3 * 1e6 + 5
    np.testing.assert_allclose(raw(model.fit(stretched, y), stretched), expected)


def test_weights_are_repetitions(problem):
    model, X, y = problem
    model.set_params(min_samples_leaf=1, max_leaf_nodes=8)
    # Every value is there several times, so that its bin does not depend on the row.
    X = np.round(X * 4) / 4
    weight = np.random.default_rng(2).integers(1, 4, size=len(X))
    weighted = clone(model).fit(X, y, sample_weight=weight.astype(float))
    repeated = model.fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(raw(weighted, X), raw(repeated, X), rtol=1e-4, atol=1e-5)


def test_rows_of_weight_zero_are_absent(problem):
    model, X, y = problem
    model.set_params(min_samples_leaf=1, max_leaf_nodes=8)
    weight = np.ones(len(X))
    weight[::3] = 0
    y_wrong = np.where(weight == 0, y[::-1], y)
    weighted = clone(model).fit(X, y_wrong, sample_weight=weight)
    kept = model.fit(X[weight > 0], y[weight > 0])
    np.testing.assert_allclose(raw(weighted, X), raw(kept, X), rtol=1e-4, atol=1e-5)


def test_weights_of_one_are_none(problem):
    model, X, y = problem
    expected = raw(clone(model).fit(X, y), X)
    weighted = raw(model.fit(X, y, sample_weight=np.ones(len(X))), X)
    np.testing.assert_allclose(weighted, expected, rtol=1e-6, atol=1e-6)


def test_sparse_rows_are_dense_rows(problem):
    model, X, y = problem
    X = np.where(np.abs(X) < 0.6, 0, X)
    expected = raw(clone(model).fit(X, y), X)
    for format in (sp.csr_array, sp.csc_array, sp.coo_array):
        sparse = format(X)
        np.testing.assert_array_equal(raw(model.fit(sparse, y), sparse), expected)


# -- constraints -----------------------------------------------------------------------


def monotone_steps(model, X, feature):
    """Return the changes of the output as one feature grows, on many lines."""
    grid = np.linspace(-1, 1, 60)
    lines = np.repeat(X[:40], len(grid), axis=0)
    lines[:, feature] = np.tile(grid, 40)
    return np.diff(raw(model, lines).reshape(40, -1), axis=1)


@pytest.mark.parametrize(
    "model", [*map(regressor, REGRESSION_LOSSES), classifier()], ids=repr
)
def test_monotonic_constraints_are_kept(model):
    X, y = make_numbers()
    # Against the trend in column 0, and against the waves of column 1.
    if hasattr(model, "predict_proba"):
        y = (y > np.median(y)).astype(int)
    model.set_params(min_samples_leaf=5, learning_rate=0.3)
    free = clone(model).fit(X, y)
    assert monotone_steps(free, X, 0).max() > 1e-3
    assert monotone_steps(free, X, 1).min() < -1e-3
    model.set_params(monotonic_cst=[-1, 1, 0, 0, 0]).fit(X, y)
    assert monotone_steps(model, X, 0).max() <= 1e-9
    assert monotone_steps(model, X, 1).min() >= -1e-9
    # The other columns are still learned.
    assert np.ptp(raw(model, X)) > 0.1


def test_monotonic_constraints_by_name():
    X, y = make_numbers()
    frame = pd.DataFrame(X, columns=list("abcde"))
    by_name = regressor(monotonic_cst={"b": 1}).fit(frame, y)
    by_place = regressor(monotonic_cst=[0, 1, 0, 0, 0]).fit(X, y)
    np.testing.assert_array_equal(by_name.predict(frame), by_place.predict(X))


def test_monotonic_constraints_of_several_classes_are_refused():
    X, y = make_classes(3)
    with pytest.raises(ValueError, match=r"monotonic"):
        classifier(monotonic_cst=[1, 0, 0, 0, 0]).fit(X, y)


def interaction(model, X, first, second):
    """Return how far the output is from a sum, in two features."""
    a, b = X[:60].copy(), X[60:120]
    both, only_first, only_second = a.copy(), a.copy(), a.copy()
    both[:, first], both[:, second] = b[:, first], b[:, second]
    only_first[:, first], only_second[:, second] = b[:, first], b[:, second]
    parts = raw(model, both) - raw(model, only_first) - raw(model, only_second)
    return np.abs(parts + raw(model, a)).max()


def test_interaction_constraints_are_kept():
    X, y = make_numbers()
    assert interaction(regressor().fit(X, y), X, 0, 2) > 0.1
    model = regressor(interaction_cst=[{0, 1}, {2, 3}]).fit(X, y)
    assert interaction(model, X, 2, 3) > 0.1
    # Column 4 is named in no group, and so may meet none of the others.
    for pair in [(0, 2), (0, 3), (1, 2), (1, 3), (0, 4), (3, 4)]:
        assert interaction(model, X, *pair) < 1e-9


def test_no_interactions():
    X, y = make_numbers()
    model = regressor(interaction_cst="no_interactions").fit(X, y)
    for first in range(5):
        for second in range(first):
            assert interaction(model, X, first, second) < 1e-9


# -- random small data -----------------------------------------------------------------

VALUES = st.sampled_from([0, 1, -1, 2, 0.5, 1e-300, -1e300, 1.7e308, np.nan, 1e8, 3.25])
TARGETS = st.sampled_from([0.0, 1.0, -1.0, 1e-12, 3.5, 1e9, -1e9, 1e-300, 1e30])
PARAMS = st.fixed_dictionaries(
    {
        "max_leaf_nodes": st.sampled_from([2, 5, None]),
        "max_depth": st.sampled_from([1, 3, None]),
        "min_samples_leaf": st.sampled_from([1, 2, 20]),
        "max_bins": st.sampled_from([2, 4, 255]),
        "l2_regularization": st.sampled_from([0.0, 1.0]),
        "l1_regularization": st.sampled_from([0.0, 0.1]),
        "subsample": st.sampled_from([1.0, 0.5]),
        "max_features": st.sampled_from([1.0, 0.5]),
        "learning_rate": st.sampled_from([0.1, 1.0]),
    }
)
small = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def tables(draw):
    """Draw rows with missing, constant and repeated values, and weights."""
    n_rows, n_columns = draw(st.integers(2, 25)), draw(st.integers(1, 4))
    row = st.lists(VALUES, min_size=n_columns, max_size=n_columns)
    X = np.array(draw(st.lists(row, min_size=n_rows, max_size=n_rows)), dtype=float)
    if draw(st.booleans()):
        X[:, 0] = draw(VALUES)
    weights = st.lists(
        st.sampled_from([0.0, 1.0, 2.0, 1e-6, 1e6]), min_size=n_rows, max_size=n_rows
    )
    weight = draw(st.none() | weights)
    if weight is not None:
        weight = np.array(weight)
        weight[:2] = 1.0
    return X, weight


@small
@given(tables(), PARAMS, st.data())
def test_regressors_predict_numbers_whatever_the_table(table, params, data):
    X, weight = table
    loss = data.draw(st.sampled_from([*REGRESSION_LOSSES]))
    y = np.array(data.draw(st.lists(TARGETS, min_size=len(X), max_size=len(X))))
    if loss in ("poisson", "gamma"):
        # One Newton step from far away leaves the range of numbers; see below.
        y = np.clip(np.abs(y), 0.1, 10)
    model = regressor(loss, max_iter=3, **params).fit(X, y, sample_weight=weight)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.predict(-X[::-1])).all()


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_a_fit_that_leaves_the_range_of_numbers_says_so(loss):
    X, y = make_numbers()
    with pytest.raises(ValueError, match=r"loss='\w+' of Gradient.* no longer finite"):
        regressor(loss, learning_rate=1e6).fit(X, y)


@small
@given(tables(), PARAMS, st.data())
def test_classifiers_predict_probabilities_whatever_the_table(table, params, data):
    X, weight = table
    loss = data.draw(st.sampled_from(["log_loss", "exponential"]))
    labels = st.sampled_from("ab" if loss == "exponential" else "abc")
    y = data.draw(st.lists(labels, min_size=len(X), max_size=len(X)))
    y[:2] = ["a", "b"]
    model = classifier(loss=loss, max_iter=3, **params)
    probabilities = model.fit(X, y, sample_weight=weight).predict_proba(X)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert set(model.predict(X)) <= set(y)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_refused(problem, value):
    model, X, y = problem
    bad = X.copy()
    bad[3, 2] = value
    with pytest.raises(ValueError, match="infinity"):
        clone(model).fit(bad, y)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(X, y).predict(bad)


# -- rounds ----------------------------------------------------------------------------


def test_stages_are_fits_of_fewer_rounds(problem):
    model, X, y = problem
    model.fit(X, y)
    method = "decision_function" if hasattr(model, "classes_") else "predict"
    stages = list(getattr(model, f"staged_{method}")(X))
    assert len(stages) == model.n_iter_ == 20
    np.testing.assert_allclose(stages[-1], getattr(model, method)(X), rtol=1e-12)
    for n_rounds in (1, 7):
        shorter = clone(model).set_params(max_iter=n_rounds).fit(X, y)
        np.testing.assert_allclose(
            stages[n_rounds - 1], getattr(shorter, method)(X), rtol=1e-12
        )


def test_stages_of_labels_and_probabilities():
    X, y = make_classes(3)
    model = classifier(max_iter=5).fit(X, y)
    labels, probabilities = model.staged_predict(X), model.staged_predict_proba(X)
    for label, probability in zip(labels, probabilities, strict=True):
        np.testing.assert_array_equal(label, probability.argmax(axis=1))
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_array_equal(probability, model.predict_proba(X))


@pytest.mark.parametrize("params", [{}, {"subsample": 0.6, "max_features": 0.5}])
def test_a_warm_start_goes_on(problem, params):
    model, X, y = problem
    whole = clone(model).set_params(**params).fit(X, y)
    model.set_params(**params, warm_start=True, max_iter=8).fit(X, y)
    model.set_params(max_iter=20).fit(X, y)
    assert model.n_iter_ == whole.n_iter_ == 20
    if not params:
        np.testing.assert_allclose(raw(model, X), raw(whole, X), rtol=1e-12)
    first = list(zip(range(8), model.staged_predict(X), strict=False))
    short = clone(model).set_params(warm_start=False, max_iter=8).fit(X, y)
    np.testing.assert_allclose(first[-1][1], short.predict(X), rtol=1e-12)


def test_a_warm_start_with_fewer_rounds_is_refused():
    X, y = make_numbers()
    model = regressor(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"max_iter.*20"):
        model.set_params(max_iter=19).fit(X, y)


def test_training_goes_on_reducing_the_loss(problem):
    model, X, y = problem
    scores = model.set_params(early_stopping=True, max_iter=15).fit(X, y).train_score_
    assert len(scores) == model.n_iter_ + 1
    assert np.all(np.diff(scores) > -1e-3 * np.abs(scores[0]))
    assert scores[-1] > scores[0]


# -- early stopping --------------------------------------------------------------------


def test_noise_stops_early():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(500, 4)), rng.normal(size=500)
    model = regressor(early_stopping=True, max_iter=500, n_iter_no_change=5).fit(X, y)
    assert model.do_early_stopping_
    assert 5 <= model.n_iter_ < 60
    assert len(model.validation_score_) == model.n_iter_ + 1
    # Nothing of the last five rounds is better than what came before.
    scores = model.validation_score_
    assert scores[-5:].max() <= scores[:-5].max() + 1e-7


def test_early_stopping_by_the_number_of_rows():
    X, y = make_numbers(n_rows=300)
    assert not regressor(early_stopping="auto", max_iter=2).fit(X, y).do_early_stopping_
    X, y = make_numbers(n_rows=10_001)
    assert regressor(early_stopping="auto", max_iter=2).fit(X, y).do_early_stopping_


def test_early_stopping_on_the_training_rows():
    X, y = make_numbers()
    model = regressor(
        early_stopping=True, validation_fraction=None, tol=0.5, n_iter_no_change=3
    )
    model.fit(X, y)
    assert len(model.validation_score_) == 0
    assert model.n_iter_ < 20


@pytest.mark.parametrize(
    "scoring", ["accuracy", "neg_log_loss", get_scorer("accuracy")], ids=str
)
def test_scores_of_the_rounds(scoring):
    X, y = make_classes(2)
    model = classifier(
        early_stopping=True,
        scoring=scoring,
        validation_fraction=None,
        n_iter_no_change=30,
    ).fit(X, y)
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    assert model.train_score_[-1] == pytest.approx(scorer(model, X, y))


def test_no_early_stopping_keeps_no_scores():
    X, y = make_numbers()
    model = regressor().fit(X, y)
    assert len(model.train_score_) == len(model.validation_score_) == 0


# -- classes and labels ----------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([-3, 7]),
        np.array([False, True]),
        np.array([0.0, 1.0]),
        pd.Series(["no", "yes"], dtype="category"),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_of_any_type(labels):
    X, y = make_classes(2)
    expected = classifier().fit(X, y)
    model = classifier(early_stopping=True, scoring="accuracy", max_iter=3)
    model.fit(X, labels[y])
    plain = clone(model).fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.asarray(labels))
    np.testing.assert_array_equal(
        model.predict(X), np.asarray(labels)[plain.predict(X)]
    )
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert expected.score(X, y) > 0.85


def test_class_weights_are_weights_of_rows():
    X, y = make_classes(3)
    by_class = classifier(class_weight={0: 1.0, 1: 5.0, 2: 0.5}).fit(X, y)
    by_row = classifier().fit(X, y, sample_weight=np.array([1.0, 5.0, 0.5])[y])
    np.testing.assert_array_equal(raw(by_class, X), raw(by_row, X))
    y = np.minimum(y, 1)
    balanced = classifier(class_weight="balanced").fit(X, y)
    weight = (len(y) / (2 * np.bincount(y)))[y]
    by_row = classifier().fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(raw(balanced, X), raw(by_row, X))


def test_two_classes_have_one_tree_a_round():
    X, y = make_classes(2)
    assert classifier().fit(X, y).n_trees_per_iteration_ == 1
    X, y = make_classes(4)
    model = classifier().fit(X, y)
    assert model.n_trees_per_iteration_ == 4
    assert model.decision_function(X).shape == (len(X), 4)


def test_exponential_loss_is_for_two_classes():
    X, y = make_classes(3)
    with pytest.raises(ValueError, match=r"exponential.*GradientBoostingClassifier"):
        classifier(loss="exponential").fit(X, y)


def test_losses_predict_what_they_are_named_after():
    # Without anything to learn from, the best constant.
    y = np.random.default_rng(6).exponential(size=1000)
    X = np.zeros((1000, 1))
    expected = {
        "squared_error": y.mean(),
        "absolute_error": np.median(y),
        "quantile": np.quantile(y, 0.7),
        "poisson": y.mean(),
        "gamma": y.mean(),
    }
    for loss, value in expected.items():
        constant = regressor(loss).fit(X, y).predict(X[:1])[0]
        assert constant == pytest.approx(value, rel=0.01), loss


def test_absolute_error_beats_squared_error_at_its_own():
    X, y = make_numbers()
    y[::20] += 100
    test, truth = make_numbers(seed=9)
    errors = [
        mean_absolute_error(truth, regressor(loss).fit(X, y).predict(test))
        for loss in ("absolute_error", "huber", "squared_error")
    ]
    assert max(errors[:2]) < 0.5 * errors[2]


# -- chance ----------------------------------------------------------------------------


def test_random_rows_and_columns_are_those_of_the_seed():
    X, y = make_numbers()
    options = {"subsample": 0.5, "max_features": 0.5}
    one, same, other = (
        regressor(**options, random_state=seed).fit(X, y).predict(X)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


def test_a_random_state_object_is_drawn_from():
    X, y = make_numbers()
    state = np.random.RandomState(0)
    model = regressor(subsample=0.5, random_state=state)
    first, second = (model.fit(X, y).predict(X) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


def test_subsampling_needs_no_more_rows_than_there_are():
    X, y = make_numbers(n_rows=3)
    model = regressor(subsample=0.01, min_samples_leaf=1).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_fitting_does_not_touch_numpys_generator(problem):
    model, X, y = problem
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    model.set_params(subsample=0.5, early_stopping=True).fit(X, y).predict(X)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


# -- importances -----------------------------------------------------------------------


def test_importances_name_what_matters():
    X, y = make_regression(500, 6, n_informative=2, shuffle=False, random_state=0)
    model = regressor().fit(X, y)
    assert model.feature_importances_.shape == (6,)
    assert model.feature_importances_.sum() == pytest.approx(1)
    assert model.feature_importances_[:2].sum() > 0.95
    assert (model.feature_importances_ >= 0).all()
    assert model.split_importances_.sum() > 0


def test_importances_of_a_fit_without_a_split():
    model = regressor().fit(np.zeros((30, 2)), np.arange(30))
    np.testing.assert_array_equal(model.feature_importances_, [0, 0])


def test_min_split_gain_prunes():
    X, y = make_numbers()
    n_splits = [
        regressor(min_split_gain=gain).fit(X, y).split_importances_.sum()
        for gain in (0.0, 1.0, 1e9)
    ]
    assert n_splits[0] > n_splits[1] > n_splits[2] == 0


def test_nothing_is_known_before_fit():
    with pytest.raises(NotFittedError):
        regressor().predict(np.zeros((2, 2)))


# -- threads and processes -------------------------------------------------------------


def fit_and_predict(seed):
    X, y = make_classes(3, seed=seed)
    return classifier().fit(X, y).predict_proba(X)


def send_prediction(connection):
    connection.send(fit_and_predict(0))


@pytest.mark.slow
@pytest.mark.parametrize("subsample", [1.0, 0.7])
def test_two_threads_give_the_bits_of_one(subsample):
    X, y = make_classification(
        60_000, 20, n_informative=10, n_classes=3, random_state=0
    )
    bits = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            if choose_n_threads(X.size) != n_threads:
                pytest.skip("needs two cores")
            model = classifier(max_iter=8, subsample=subsample).fit(X, y)
            bits.append(model.decision_function(X))
    np.testing.assert_array_equal(*bits)


def test_fits_in_several_python_threads():
    expected = [fit_and_predict(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        for one, other in zip(
            pool.map(fit_and_predict, range(6)), expected, strict=True
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_fits_in_loky_processes():
    results = Parallel(n_jobs=2)(delayed(fit_and_predict)(seed) for seed in range(3))
    for seed, result in enumerate(results):
        np.testing.assert_array_equal(result, fit_and_predict(seed))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork"
)
def test_fits_after_a_fork():
    expected = fit_and_predict(0)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    with warnings.catch_warnings():
        # Python warns of a fork where other tests have left threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = context.Process(target=send_prediction, args=(sender,))
        child.start()
    try:
        assert receiver.poll(60), "the child hangs"
        np.testing.assert_array_equal(receiver.recv(), expected)
    finally:
        child.kill()
        child.join()


@pytest.mark.slow
def test_a_search_in_processes_is_one_without():
    X, y = make_classes(2)
    scores = [cross_val_score(classifier(), X, y, n_jobs=n) for n in (None, 2)]
    np.testing.assert_array_equal(*scores)


def test_scores():
    X, y = make_classes(2)
    model = classifier().fit(X, y)
    assert model.score(X, y) == accuracy_score(y, model.predict(X))
