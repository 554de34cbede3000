"""TrAdaBoost.R2 and its two-stage form: the papers' loops, invariants, bad input."""

import pickle
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sklearn_dl.boosting import AdaBoostRegressor
from sklearn_dl.domain_adaptation import (
    TrAdaBoostRegressor,
    TwoStageTrAdaBoostRegressor,
    _frozen_boosting,
)
from sklearn_dl.domain_adaptation._two_stage_tradaboost import shift_weight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FOLDS = KFold(3, shuffle=True, random_state=0)
BOTH = [
    TrAdaBoostRegressor(n_estimators=8, bootstrap=False),
    TwoStageTrAdaBoostRegressor(
        n_estimators=6, n_steps=4, cv=3, bootstrap=False, random_state=0
    ),
]
BOTH_WITH_TREES = [
    *BOTH,
    *(
        type(model)(
            **{**model.get_params(deep=False), "estimator": DecisionTreeRegressor()}
        )
        for model in BOTH
    ),
]


def problem(seed=0, n_source=200, n_target=40):
    """Return rows of a source that is off in half of its rows."""
    X, y = make_friedman1(n_source + n_target, noise=0.5, random_state=seed)
    y[: n_source // 2] += 8 * X[: n_source // 2, 0]
    domain = np.where(np.arange(len(y)) < n_source, 0, -1)
    return X, y, domain


def small_tree():
    # One that draws nothing where splits are equally good.
    return AdaBoostRegressor(n_estimators=1, max_depth=4, bootstrap=False)


# -- TrAdaBoost.R2 ---------------------------------------------------------------------


def plain_loop(X, y, is_source, n_rounds):
    """Pardoe and Stone 2010, algorithm 3."""
    n = is_source.sum()
    beta = 1 / (1 + np.sqrt(2 * np.log(n) / n_rounds))
    w = np.ones(len(y)) / len(y)
    history, errors, alphas, members = [w], [], [], []
    for _ in range(n_rounds):
        member = small_tree().fit(X, y, sample_weight=len(y) * w)
        e = np.abs(member.predict(X) - y)
        e /= e.max()
        error = (w * e)[~is_source].sum() / w[~is_source].sum()
        beta_t = error / (1 - error)
        w = np.where(is_source, w * beta**e, w * beta_t**-e)
        w /= w.sum()
        history.append(w)
        errors.append(error)
        alphas.append(np.log(1 / beta_t))
        members.append(member)
    return np.array(history), np.array(errors), np.array(alphas), members


def weighted_median(values, weights):
    """Return the weighted median of a few numbers."""
    order = np.argsort(values)
    passed = np.cumsum(weights[order])
    return values[order[np.searchsorted(passed, passed[-1] / 2)]]


@pytest.mark.parametrize("n_rounds", [9, 10])
def test_rounds_are_those_of_the_plain_loop(n_rounds):
    X, y, domain = problem()
    history, errors, alphas, members = plain_loop(X, y, domain >= 0, n_rounds)
    assert errors.max() < 0.5
    model = TrAdaBoostRegressor(
        small_tree(),
        n_estimators=n_rounds,
        init="uniform",
        dynamic=False,
        bootstrap=False,
        store_weights=True,
    ).fit(X, y, domain)
    np.testing.assert_allclose(model.estimator_errors_, errors)
    np.testing.assert_allclose(model.estimator_weights_, alphas)
    np.testing.assert_allclose(model.sample_weights_, history)
    # Rounds 5 to 9, and 5 to 10.
    values = np.transpose([member.predict(X) for member in members[4:]])
    wanted = [weighted_median(row, alphas[4:]) for row in values]
    np.testing.assert_allclose(model.predict(X), wanted)


def test_trees_of_the_engine_predict_as_their_estimators():
    X, y, domain = problem()
    model = TrAdaBoostRegressor(n_estimators=10).fit(X, y, domain)
    values = np.transpose([tree.predict(X) for tree in model.estimators_[4:]])
    weights = model.estimator_weights_[4:]
    wanted = [weighted_median(row, weights) for row in values]
    np.testing.assert_allclose(model.predict(X), wanted)
    stages = list(model.staged_predict(X))
    np.testing.assert_array_equal(stages[-1], model.predict(X))
    np.testing.assert_allclose(stages[0], model.estimators_[0].predict(X))
    assert len(list(model.staged_score(X, y))) == 10


def test_dynamic_weights_of_the_source_grow_as_the_target_does():
    X, y, domain = problem()
    model = TrAdaBoostRegressor(n_estimators=1, store_weights=True, bootstrap=False)
    model.fit(X, y, domain)
    before, after = model.sample_weights_
    is_source = domain >= 0
    np.testing.assert_allclose(before[is_source].sum(), 0.5)
    e = np.abs(model.estimators_[0].predict(X) - y)
    e /= e.max()
    grown = before[~is_source] * np.exp(model.estimator_weights_[0] * e[~is_source])
    rate = np.log1p(np.sqrt(2 * np.log(200)))
    shrunk = before[is_source] * np.exp(-rate * e[is_source]) * grown.sum() / 0.5
    wanted = np.concatenate([shrunk, grown])
    np.testing.assert_allclose(after, wanted / wanted.sum(), rtol=1e-6)


def test_a_thousand_rounds_do_not_underflow():
    X, y, domain = problem()
    for params in ({}, {"init": "uniform", "dynamic": False}):
        model = TrAdaBoostRegressor(n_estimators=1000, store_weights=True, **params)
        model.fit(X, y, domain)
        np.testing.assert_allclose(model.sample_weights_.sum(axis=1), 1)
        assert np.isfinite(model.estimator_weights_).all()
        assert np.isfinite(model.predict(X)).all()


def test_rounds_no_better_than_chance_are_warned_of():
    X = np.array([[0.0], [0.0], [1.0], [1.0], [0.0], [1.0]])
    y = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    domain = np.array([0, 0, 0, 0, -1, -1])
    model = TrAdaBoostRegressor(n_estimators=3, init="uniform", bootstrap=False)
    with pytest.warns(ConvergenceWarning, match="In 3 of the 3 rounds") as caught:
        model.fit(X, y, domain)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(model.estimator_weights_, 0)
    assert np.isfinite(model.predict(X)).all()


# -- two stages ------------------------------------------------------------------------


def plain_two_stages(X, y, is_source, n_steps, n_rounds):
    """Return the weights of each step of Pardoe and Stone 2010, algorithm 4."""
    m, n = (~is_source).sum(), len(y)
    w = np.ones(n) / n
    history = [w]
    for step in range(1, n_steps):
        e = np.abs(small_tree().fit(X, y, sample_weight=n * w).predict(X) - y)
        e /= e.max()
        goal = m / n + step / (n_steps - 1) * (1 - m / n)
        low, high = 0.0, 1.0
        for _ in range(200):
            beta = (low + high) / 2
            shrunk = np.where(is_source, w * beta**e, w)
            share = shrunk[~is_source].sum() / shrunk.sum()
            low, high = (beta, high) if share > goal else (low, beta)
        w = shrunk / shrunk.sum()
        history.append(w)
    return np.array(history)


def plain_frozen_boosting(X, y, w, is_source, n_rounds):
    """AdaBoost.R2 that never changes the weights of the source."""
    mass = w[~is_source].sum()
    w = w.copy()
    members, alphas = [], []
    for _ in range(n_rounds):
        used = w > 0
        member = small_tree().fit(X[used], y[used], sample_weight=w[used])
        e = np.abs(member.predict(X) - y) * used
        e /= e.max()
        error = (w * e).sum()
        assert error < 0.5
        members.append(member)
        alphas.append(np.log((1 - error) / error))
        w[~is_source] *= (error / (1 - error)) ** (1 - e[~is_source])
        w[~is_source] *= mass / w[~is_source].sum()
    return members, np.array(alphas)


def test_steps_are_those_of_the_plain_algorithm():
    X, y, domain = problem()
    is_source = domain >= 0
    steps = plain_two_stages(X, y, is_source, 4, 6)
    on_target = np.flatnonzero(~is_source)
    folds = list(KFold(3).split(on_target))
    model = TwoStageTrAdaBoostRegressor(
        small_tree(),
        n_estimators=6,
        n_steps=4,
        cv=KFold(3),
        bootstrap=False,
        store_weights=True,
    ).fit(X, y, domain)
    np.testing.assert_allclose(model.sample_weights_[:-1], steps[:-1], rtol=1e-5)
    # The last step of the plain search only comes close to the target alone.
    np.testing.assert_array_equal(model.source_weights_[-1], 0)
    np.testing.assert_allclose(model.target_weights_[-1], 1 / 40)
    np.testing.assert_allclose(model.target_shares_, np.linspace(40 / 240, 1, 4))

    errors = []
    for w in model.sample_weights_:
        squares = []
        for _, test in folds:
            left = w.copy()
            left[on_target[test]] = 0
            left[on_target] *= w[on_target].sum() / left[on_target].sum()
            members, alphas = plain_frozen_boosting(X, y, left, is_source, 6)
            held_out = on_target[test]
            values = np.transpose([m.predict(X[held_out]) for m in members])
            predicted = np.array([weighted_median(row, alphas) for row in values])
            squares.append((predicted - y[held_out]) ** 2)
        errors.append(np.concatenate(squares).mean())
    np.testing.assert_allclose(model.cv_errors_, errors)
    assert model.best_step_ == np.argmin(errors)

    w = model.sample_weights_[model.best_step_]
    members, alphas = plain_frozen_boosting(X, y, w, is_source, 6)
    np.testing.assert_allclose(model.estimator_weights_, alphas)
    values = np.transpose([member.predict(X) for member in members])
    wanted = [weighted_median(row, alphas) for row in values]
    np.testing.assert_allclose(model.predict(X), wanted)


@pytest.mark.parametrize("bootstrap", [True, False])
@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
def test_trees_of_the_engine_are_boosted_as_those_of_scikit_learn(loss, bootstrap):
    X, y, domain = problem(n_target=80)
    # In more steps rows get as light as 1e-20, which scikit-learn's trees split off.
    params = {"n_estimators": 6, "n_steps": 3, "cv": FOLDS, "random_state": 0}
    params |= {"loss": loss, "bootstrap": bootstrap}
    # In deeper nodes of few rows they draw which of equal splits they take.
    engine = TwoStageTrAdaBoostRegressor(max_depth=1, **params).fit(X, y, domain)
    given = TwoStageTrAdaBoostRegressor(DecisionTreeRegressor(max_depth=1), **params)
    given.fit(X, y, domain)
    np.testing.assert_allclose(engine.cv_errors_, given.cv_errors_)
    np.testing.assert_allclose(engine.estimator_weights_, given.estimator_weights_)
    np.testing.assert_allclose(engine.estimator_errors_, given.estimator_errors_)
    np.testing.assert_allclose(engine.predict(X), given.predict(X))


def test_neither_threads_nor_room_change_a_fit(monkeypatch):
    X, y, domain = problem()
    model = TwoStageTrAdaBoostRegressor(n_estimators=7, n_steps=3, cv=3, random_state=0)
    monkeypatch.setattr(_frozen_boosting, "choose_n_threads", lambda work: 1)
    one = model.fit(X, y, domain).cv_errors_, model.predict(X)
    monkeypatch.setattr(_frozen_boosting, "choose_n_threads", lambda work: 3)
    np.testing.assert_equal((model.fit(X, y, domain).cv_errors_, model.predict(X)), one)
    # Two rounds in a call of the kernel, and one in the last.
    monkeypatch.setattr(_frozen_boosting, "_ROOM", 2 * (2 * len(X) + 9 * 15))
    np.testing.assert_equal((model.fit(X, y, domain).cv_errors_, model.predict(X)), one)


@pytest.mark.parametrize("estimator", [None, DecisionTreeRegressor(max_depth=3)])
def test_errors_near_zero_do_not_make_weights_infinite(estimator):
    X, y, domain = problem()
    weight = 10.0 ** np.random.RandomState(0).uniform(-300, -50, len(y))
    weight[0] = 1.0
    model = TwoStageTrAdaBoostRegressor(
        estimator, n_estimators=30, learning_rate=5, n_steps=3, random_state=0
    )
    with np.errstate(all="ignore"):
        model.fit(X, y, domain, sample_weight=weight)
    assert np.isfinite(model.estimator_weights_).all()
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("depth", [sys.maxsize, 10**20])
@pytest.mark.parametrize("model", BOTH)
def test_a_depth_without_limit(model, depth):
    X, y, domain = problem()
    deep = clone(model).set_params(max_depth=240).fit(X, y, domain)
    deepest = clone(model).set_params(max_depth=depth).fit(X, y, domain)
    np.testing.assert_array_equal(deepest.predict(X), deep.predict(X))
    assert deep.score(X, y) > 0.9


def test_a_boosting_that_fails_stops_the_others(monkeypatch):
    X, y, domain = problem()
    rounds, run = [], _frozen_boosting.boost_numbers

    def failing(*args):
        rounds.append(args)
        if len(rounds) == 2:
            raise KeyboardInterrupt
        return run(*args)

    monkeypatch.setattr(_frozen_boosting, "choose_n_threads", lambda work: 2)
    monkeypatch.setattr(_frozen_boosting, "boost_numbers", failing)
    # One round in a call of the kernel.
    monkeypatch.setattr(_frozen_boosting, "_ROOM", 1)
    model = TwoStageTrAdaBoostRegressor(n_estimators=500, n_steps=3, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, domain)
    assert len(rounds) < 400


def test_a_source_that_misleads_is_left_and_one_that_agrees_is_kept():
    X, y, domain = problem(n_target=60)
    model = TwoStageTrAdaBoostRegressor(random_state=0)
    y[domain >= 0] = -y[domain >= 0]
    assert model.fit(X, y, domain).best_step_ >= 6
    X, y = make_friedman1(260, noise=0.5, random_state=0)
    assert model.fit(X, y, domain).best_step_ <= 5


def test_weight_of_source_rows_without_loss_falls_too():
    # The stump is right for all source rows, so that no power of a loss takes any.
    X = np.array([[0.0], [0.0], [1.0], [1.0], [0.0], [1.0], [0.0]])
    y = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    domain = np.array([0, 0, 0, 0, -1, -1, -1])
    model = TwoStageTrAdaBoostRegressor(
        n_steps=3, cv=3, bootstrap=False, store_weights=True
    )
    model.fit(X, y, domain)
    np.testing.assert_allclose(
        model.target_weights_.sum(axis=1), model.target_shares_, atol=1e-12
    )
    np.testing.assert_allclose(model.sample_weights_.sum(axis=1), 1)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_weight_is_shifted_though_most_losses_are_small(share):
    # One row of the source is far off, so that the losses of all others are tiny.
    losses = np.append(np.random.RandomState(0).uniform(1e-5, 1e-4, 100), 1.0)
    losses = np.append(losses, np.zeros(20))
    is_source = np.arange(121) < 101
    weights = shift_weight(np.full(121, 1 / 121), losses, is_source, share)
    np.testing.assert_allclose(weights[~is_source].sum(), share)
    # The logarithms fall with the loss at one rate; the target's have none.
    rates = -np.log(weights[:100] / weights[-1]) / losses[:100]
    np.testing.assert_allclose(rates, rates[0], rtol=1e-6)


def test_folds_train_on_their_train_part_alone():
    X, y, domain = problem()
    rows = np.arange(40)

    def errors(cv):
        model = TwoStageTrAdaBoostRegressor(
            n_estimators=4, n_steps=3, cv=cv, bootstrap=False
        )
        return model.fit(X, y, domain).cv_errors_

    whole = errors([(rows[:20], rows[20:])])
    assert (errors([(rows[:5], rows[20:])]) != whole).any()
    # The mean is over the rows held out, however often they are.
    np.testing.assert_allclose(errors([(rows[:20], rows[20:])] * 3), whole)
    masks = [(rows < 20, rows >= 20)]
    np.testing.assert_array_equal(errors(masks), whole)
    assert errors(HalvesOfY()).shape == (3,)


class HalvesOfY:
    """Two folds by the median of y: a splitter that looks at X and y."""

    def split(self, X, y=None, groups=None):
        assert len(X) == len(y) == 40
        low = y < np.median(y)
        yield np.flatnonzero(low), np.flatnonzero(~low)
        yield np.flatnonzero(~low), np.flatnonzero(low)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2


def test_no_cv_is_five_folds_and_at_most_one_a_row():
    X, y, domain = problem()
    params = {"n_estimators": 3, "n_steps": 3, "random_state": 0}
    errors = [
        TwoStageTrAdaBoostRegressor(cv=cv, **params).fit(X, y, domain).cv_errors_
        for cv in (None, 5)
    ]
    np.testing.assert_array_equal(*errors)
    model = TwoStageTrAdaBoostRegressor(cv=None, **params)
    assert model.fit(X[:203], y[:203], domain[:203]).cv_errors_.shape == (3,)


@pytest.mark.parametrize(
    "cv",
    [
        [(np.arange(40), np.array([], dtype=int))],
        [(np.array([], dtype=int), np.arange(40))],
        [],
    ],
)
def test_empty_folds_name_cv(cv):
    X, y, domain = problem()
    with pytest.raises(ValueError, match="'cv' parameter of TwoStageTrAda"):
        TwoStageTrAdaBoostRegressor(cv=cv).fit(X, y, domain)


def test_weights_of_the_target_do_not_underflow_together():
    X, y = make_friedman1(200, noise=0.1, random_state=0)
    domain = np.where(np.arange(200) < 150, 0, -1)
    model = TwoStageTrAdaBoostRegressor(
        n_estimators=50, learning_rate=10, n_steps=4, bootstrap=False, random_state=0
    ).fit(X, y, domain)
    assert np.isfinite(model.cv_errors_).all()
    assert np.isfinite(model.estimator_errors_).all()
    assert np.isfinite(model.predict(X)).all()


def test_folds_come_from_random_state():
    X, y, domain = problem()
    errors = [
        TwoStageTrAdaBoostRegressor(n_estimators=3, n_steps=3, random_state=seed)
        .fit(X, y, domain)
        .cv_errors_
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(errors[0], errors[1])
    assert (errors[0] != errors[2]).any()


def test_a_single_target_row_cannot_be_validated_on():
    X, y, domain = problem(n_target=1)
    with pytest.raises(ValueError, match="at least 2 rows of the target domain"):
        TwoStageTrAdaBoostRegressor().fit(X, y, domain)
    TrAdaBoostRegressor(n_estimators=3).fit(X, y, domain)


# -- both ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize(
    "model", [TrAdaBoostRegressor(), TwoStageTrAdaBoostRegressor()]
)
@pytest.mark.parametrize("estimator", [None, Ridge()])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_without_domains_it_is_adaboost(model, loss, estimator, bootstrap):
    X, y, _ = problem()
    params = {"loss": loss, "bootstrap": bootstrap, "random_state": 0}
    model = type(model)(estimator, n_estimators=20, **params).fit(X, y)
    twin = AdaBoostRegressor(estimator, n_estimators=20, **params).fit(X, y)
    assert model.n_estimators_ == twin.n_estimators_
    np.testing.assert_allclose(model.predict(X), twin.predict(X))


@pytest.mark.parametrize("model", BOTH)
def test_without_domains_light_rows_are_lifted_as_in_adaboost(model):
    X, y, _ = problem()
    params = {"n_estimators": 300, "learning_rate": 3.0, "bootstrap": False}
    model = type(model)(**params).fit(X, y)
    twin = AdaBoostRegressor(**params).fit(X, y)
    # Predictions may differ where half of the weight is on either side of a median.
    np.testing.assert_allclose(
        model.estimator_errors_, twin.estimator_errors_, rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(model.estimator_weights_, twin.estimator_weights_)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("scale", [1e306, 1e-310])
def test_weights_of_extreme_scale(model, scale):
    X, y, domain = problem()
    weight = np.random.RandomState(0).choice([1, 2, 64], len(y))
    wanted = model.fit(X, y, domain, weight).predict(X)
    model.fit(X, y, domain, scale * weight)
    np.testing.assert_allclose(model.predict(X), wanted)


@pytest.mark.parametrize("model", BOTH)
def test_rows_without_a_target_cannot_be_scored(model):
    X, y, domain = problem()
    model.fit(X, y, domain)
    y[3] = np.nan
    with pytest.raises(ValueError, match="rows that have a label, got 1 of 240"):
        model.score(X, y)


def test_the_first_half_votes_where_the_second_cannot():
    X, y, domain = problem()
    model = TrAdaBoostRegressor(n_estimators=8, random_state=0).fit(X, y, domain)
    model.estimator_weights_ = np.array([0, 2.0, 1.0, 0, 0, 0, 0, 0])
    wanted = model.estimators_[1].predict(X)
    np.testing.assert_allclose(model.predict(X), wanted)
    np.testing.assert_allclose(list(model.staged_predict(X))[-1], wanted)


@pytest.mark.parametrize("model", BOTH_WITH_TREES)
def test_unlabelled_target_rows_change_nothing(model):
    X, y, domain = problem()
    model = type(model)(**{**model.get_params(deep=False), "random_state": 0})
    wanted = model.fit(X, y, domain).predict(X)
    more = np.random.RandomState(1).uniform(size=(30, 10))
    model.fit(
        np.concatenate([X, more]),
        np.concatenate([y, np.full(30, np.nan)]),
        np.concatenate([domain, np.full(30, -2)]),
    )
    np.testing.assert_array_equal(model.predict(X), wanted)


@pytest.mark.parametrize("model", BOTH)
def test_minus_one_is_a_number_like_another(model):
    X, y, domain = problem()
    y = np.round(y - y.mean()).astype(int)
    assert (y == -1).any()
    # All rows are learned from, those of -1 too.
    without = model.fit(X[y != -1], y[y != -1], domain[y != -1]).predict(X)
    assert (model.fit(X, y, domain).predict(X) != without).any()


@pytest.mark.parametrize("model", BOTH)
def test_scale_of_weights_does_not_matter(model):
    X, y, domain = problem()
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    wanted = model.fit(X, y, domain, weight).predict(X)
    model.fit(X, y, domain, 1024 * weight)
    np.testing.assert_allclose(model.predict(X), wanted)


def test_order_of_rows_does_not_matter():
    X, y, domain = problem()
    order = np.random.RandomState(0).permutation(len(y))
    model = TrAdaBoostRegressor(n_estimators=8, bootstrap=False)
    wanted = model.fit(X, y, domain).predict(X)
    model.fit(X[order], y[order], domain[order])
    np.testing.assert_allclose(model.predict(X), wanted)


@pytest.mark.parametrize("model", BOTH)
def test_rows_of_no_weight_have_no_say(model):
    X, y, domain = problem()
    weight = np.ones(len(y))
    weight[::5] = 0
    kept = weight > 0
    wanted = model.fit(X[kept], y[kept], domain[kept]).predict(X)
    model.fit(X, y, domain, weight)
    np.testing.assert_array_equal(model.predict(X), wanted)


@pytest.mark.parametrize("model", BOTH)
def test_sparse_rows(model):
    X, y, domain = problem()
    X[X < 0.3] = 0
    dense = model.fit(X, y, domain).predict(X)
    sparse = model.fit(csr_array(X), y, domain).predict(csr_array(X))
    np.testing.assert_array_equal(sparse, dense)


@pytest.mark.parametrize("model", BOTH)
def test_several_sources(model):
    X, y, domain = problem()
    domain[:50] = 3
    model = type(model)(**{**model.get_params(deep=False), "store_weights": True})
    model.fit(X, y, domain)
    assert model.source_weights_.shape[1] == 200
    assert model.target_weights_.shape[1] == 40
    if isinstance(model, TrAdaBoostRegressor):
        first = model.sample_weights_[0]
        sums = [first[domain == k].sum() for k in (0, 3, -1)]
        np.testing.assert_allclose(sums, [0.25, 0.25, 0.5])


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_domain": np.zeros(240)}, "some rows of the target domain with a"),
        ({"sample_domain": np.full(240, -1)}, "expects rows of a source domain"),
        ({"sample_domain": np.zeros(3)}, "one number for each of the 240 rows"),
        ({"y": np.full(240, np.nan)}, "expects a label for each row of a source"),
        ({"y": np.zeros(3)}, "inconsistent numbers of samples"),
        ({"y": None}, "requires y to be passed"),
        ({"sample_weight": np.full(240, -1.0)}, "Negative values in data"),
        (
            {"sample_weight": np.arange(240) < 200},
            "positive for some of the labelled target rows",
        ),
    ],
)
def test_bad_input_has_one_clear_error(model, changes, message):
    X, y, domain = problem()
    with pytest.raises(ValueError, match=message):
        model.fit(**({"X": X, "y": y, "sample_domain": domain} | changes))


@pytest.mark.parametrize("model", BOTH)
def test_bad_parameters(model):
    X, y, domain = problem()
    with pytest.raises(ValueError, match="doesn't support sample_weight"):
        type(model)(KNeighborsRegressor(), bootstrap=False).fit(X, y, domain)
    with pytest.raises(ValueError, match="'loss' parameter"):
        type(model)(loss="cubic").fit(X, y, domain)
    with pytest.raises(ValueError, match="'n_steps' parameter"):
        TwoStageTrAdaBoostRegressor(n_steps=1).fit(X, y, domain)


@pytest.mark.parametrize("model", BOTH)
def test_drawn_rows_need_no_weights_and_come_from_random_state(model):
    X, y, domain = problem()
    for estimator in (None, KNeighborsRegressor()):
        first, second, third = (
            type(model)(estimator, n_estimators=5, random_state=seed)
            .fit(X, y, domain)
            .predict(X)
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, second)
        assert (first != third).any()


@pytest.mark.parametrize("model", BOTH)
def test_search_over_a_pipeline(model):
    X, y, domain = problem()
    name = type(model).__name__.lower()
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(
        pipeline, {f"{name}__max_depth": [1, 3]}, cv=FOLDS, error_score="raise"
    )
    search.fit(X, y, **{f"{name}__sample_domain": domain})
    wanted = search.cv_results_["mean_test_score"]
    with config_context(enable_metadata_routing=True):
        search.fit(X, y, sample_domain=domain)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], wanted)
    assert search.best_estimator_[-1].score(X, y, sample_domain=domain) < 1


@pytest.mark.parametrize("model", BOTH_WITH_TREES)
def test_pickle(model):
    X, y, domain = problem()
    model.fit(X, y, domain)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    np.testing.assert_allclose(model.feature_importances_.sum(), 1)
