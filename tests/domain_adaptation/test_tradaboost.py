"""TrAdaBoostClassifier: a round by hand, the papers' loops, invariants, bad input."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.boosting import AdaBoostClassifier
from sklearn_dl.domain_adaptation import TrAdaBoostClassifier
from sklearn_dl.domain_adaptation._tradaboost import _RunningVotes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
PAPER = {"init": "uniform", "dynamic": False}


def problem(n_classes=2, seed=0, n_source=200, n_target=60):
    """Return rows of a source that contradicts the target in a fifth of its rows."""
    X, y = make_classification(
        n_source + n_target,
        6,
        n_informative=5,
        class_sep=1.5,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.1,
        random_state=seed,
    )
    y[: n_source // 5] = (y[: n_source // 5] + 1) % n_classes
    domain = np.where(np.arange(len(y)) < n_source, 0, -1)
    return X, y, domain


# -- a round by hand -------------------------------------------------------------------

# Four source rows, of which the third contradicts; five target rows. A stump between 2
# and 3 gets the third and the last row wrong.
X9 = np.array([[1.0], [2.0], [2.0], [3.0], [1.0], [1.0], [3.0], [3.0], [1.0]])
Y9 = np.array([0, 0, 1, 1, 0, 0, 1, 1, 1])
D9 = np.array([0, 0, 0, 0, -1, -1, -1, -1, -1])


def test_one_round_by_hand():
    model = TrAdaBoostClassifier(n_estimators=1, store_weights=True, **PAPER)
    model.fit(X9, Y9, D9)
    stump = model.estimators_[0]
    assert (stump.feature[0], stump.threshold[0]) == (0, 2.5)
    # One of five target rows is wrong, and their weights are equal.
    np.testing.assert_allclose(model.estimator_errors_, [0.2])
    # alpha = ln(.8 / .2) = ln 4; the source row loses ln(1 + sqrt(2 ln 4 / 1)).
    np.testing.assert_allclose(model.estimator_weights_, [np.log(4)])
    before, after = model.sample_weights_
    np.testing.assert_allclose(before, np.full(9, 1 / 9))
    factor = 1 / (1 + np.sqrt(2 * np.log(4)))
    np.testing.assert_allclose(factor, 0.375219, atol=1e-6)
    wanted = np.array([1, 1, factor, 1, 1, 1, 1, 1, 4])
    np.testing.assert_allclose(after, wanted / wanted.sum())
    np.testing.assert_array_equal(model.source_weights_, model.sample_weights_[:, :4])
    np.testing.assert_array_equal(model.target_weights_, model.sample_weights_[:, 4:])
    np.testing.assert_array_equal(model.predict([[2.4], [2.6]]), [0, 1])
    np.testing.assert_allclose(model.decision_function([[2.4], [2.6]]), [-2, 2])


def test_one_round_of_the_defaults_by_hand():
    model = TrAdaBoostClassifier(n_estimators=1, store_weights=True).fit(X9, Y9, D9)
    before, after = model.sample_weights_
    np.testing.assert_allclose(before, [1 / 8] * 4 + [1 / 10] * 5)
    # The target grows to 1/10 (4 + 4), by 2 (1 - 0.2); so does each source row.
    factor = 1 / (1 + np.sqrt(2 * np.log(4)))
    source = 1.6 / 8 * np.array([1, 1, factor, 1])
    wanted = np.concatenate([source, [0.1, 0.1, 0.1, 0.1, 0.4]])
    np.testing.assert_allclose(after, wanted / wanted.sum())


# -- the loops of the papers, written out ----------------------------------------------


def small_tree():
    # One that draws nothing where splits are equally good.
    return AdaBoostClassifier(n_estimators=1, max_depth=3)


def plain_loop(X, y, is_source, estimator, n_rounds, dynamic):
    """Dai et al. 2007 with the factor of Al-Stouhi and Reddy 2011, for K classes."""
    classes = np.unique(y)
    n_classes, n = len(classes), is_source.sum()
    beta = 1 / (1 + np.sqrt(2 * np.log(n) / n_rounds))
    w = np.ones(len(y)) / len(y)
    history, errors, members = [w / w.sum()], [], []
    for _ in range(n_rounds):
        p = w / w.sum()
        member = estimator().fit(X, y, sample_weight=len(y) * p)
        wrong = member.predict(X) != y
        e = w[~is_source & wrong].sum() / w[~is_source].sum()
        errors.append(e)
        is_chance = e >= 1 - 1 / n_classes - 1e-12
        e = min(e, 1 - 1 / n_classes)
        beta_t = e / ((1 - e) * (n_classes - 1))
        w = w.copy()
        if is_chance:
            w[~is_source] = w[~is_source].mean()
        w[is_source] *= beta ** wrong[is_source]
        w[~is_source] *= beta_t ** -wrong[~is_source].astype(float)
        if dynamic:
            w[is_source] *= n_classes * (1 - e)
        history.append(w / w.sum())
        members.append((member, np.log(1 / beta_t)))

    def predict(X):
        votes = np.zeros((len(X), n_classes))
        for member, alpha in members[int(np.ceil(n_rounds / 2)) - 1 :]:
            votes += alpha * (member.predict(X)[:, None] == classes)
        return classes[votes.argmax(axis=1)]

    return np.array(history), np.array(errors), predict


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("n_rounds", [9, 10])
def test_rounds_are_those_of_the_plain_loop(n_classes, dynamic, n_rounds):
    X, y, domain = problem(n_classes)
    history, errors, predict = plain_loop(
        X, y, domain >= 0, small_tree, n_rounds, dynamic
    )
    assert errors.min() > 0
    assert (errors < 1 - 1 / n_classes - 1e-9).sum() >= 5
    model = TrAdaBoostClassifier(
        small_tree(),
        n_estimators=n_rounds,
        init="uniform",
        dynamic=dynamic,
        store_weights=True,
    ).fit(X, y, domain)
    np.testing.assert_allclose(model.estimator_errors_, errors)
    np.testing.assert_allclose(model.sample_weights_, history)
    np.testing.assert_array_equal(model.predict(X), predict(X))


@pytest.mark.parametrize("max_depth", [1, 3])
def test_trees_of_the_engine_are_those_of_the_plain_loop(max_depth):
    X, y, domain = problem()
    history, errors, predict = plain_loop(
        X,
        y,
        domain >= 0,
        lambda: AdaBoostClassifier(n_estimators=1, max_depth=max_depth),
        10,
        False,
    )
    model = TrAdaBoostClassifier(
        n_estimators=10, max_depth=max_depth, store_weights=True, **PAPER
    ).fit(X, y, domain)
    np.testing.assert_allclose(model.estimator_errors_, errors)
    np.testing.assert_allclose(model.sample_weights_, history)
    np.testing.assert_array_equal(model.predict(X), predict(X))


def test_second_half_votes():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(small_tree(), n_estimators=100).fit(X, y, domain)
    for member in model.estimators_[:49]:
        member.predict = None
    before = model.predict(X)
    votes = np.zeros((len(X), 2))
    voters = list(zip(model.estimators_, model.estimator_weights_, strict=True))[49:]
    assert len(voters) == 51
    for member, alpha in voters:
        votes[np.arange(len(X)), member.predict(X)] += alpha
    np.testing.assert_array_equal(before, votes.argmax(axis=1))
    shares = votes / votes.sum(axis=1, keepdims=True)
    decision = model.decision_function(X)
    np.testing.assert_allclose(decision, 2 * (shares[:, 1] - shares[:, 0]))


@pytest.mark.parametrize("max_depth", [1, 3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_engine_trees_vote_as_their_estimators(max_depth, n_classes):
    X, y, domain = problem(n_classes)
    model = TrAdaBoostClassifier(n_estimators=15, max_depth=max_depth)
    model.fit(X, y, domain)
    votes = np.zeros((len(X), n_classes))
    for tree, alpha in zip(
        model.estimators_[7:], model.estimator_weights_[7:], strict=True
    ):
        votes[np.arange(len(X)), tree.predict(X)] += alpha
    np.testing.assert_array_equal(model.predict(X), votes.argmax(axis=1))
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), votes.argmax(axis=1))
    assert model.feature_importances_.sum() == pytest.approx(1)


# -- extremes --------------------------------------------------------------------------


@pytest.mark.parametrize("params", [PAPER, {}])
def test_a_thousand_rounds_do_not_underflow(params):
    X, y, domain = problem()
    model = TrAdaBoostClassifier(n_estimators=1000, store_weights=True, **params)
    model.fit(X, y, domain)
    weights = model.sample_weights_
    assert weights.shape == (1001, 260)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert np.isfinite(model.estimator_weights_).all()
    assert model.score(X[domain < 0], y[domain < 0]) > 0.8


def test_perfect_rounds_change_no_target_weight_and_vote():
    X, y, domain = problem(n_target=8)
    model = TrAdaBoostClassifier(n_estimators=30, max_depth=4, store_weights=True)
    model.fit(X, y, domain)
    perfect = np.flatnonzero(model.estimator_errors_ == 0)
    assert len(perfect)
    np.testing.assert_allclose(model.estimator_weights_[perfect], -np.log(1e-10))
    shares = model.target_weights_ / model.target_weights_.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares[perfect], shares[perfect + 1])


def test_rounds_no_better_than_chance_are_warned_of_and_have_no_vote():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(GaussianNB(), n_estimators=40, store_weights=True)
    with pytest.warns(ConvergenceWarning, match=r"In \d+ of the 40 rounds") as caught:
        model.fit(X, y, domain)
    assert caught[0].filename == __file__
    bad = model.estimator_errors_ >= 0.5 - 1e-12
    assert bad.any()
    assert not bad.all()
    np.testing.assert_array_equal(model.estimator_weights_[bad], 0)
    assert (model.estimator_weights_[~bad] > 0).all()
    t = np.flatnonzero(bad)[0]
    shares = model.target_weights_ / model.target_weights_.sum(axis=1, keepdims=True)
    # The target starts anew with its weight, for else the next were no better.
    assert np.ptp(shares[t]) > 0
    np.testing.assert_allclose(shares[t + 1], 1 / 60)
    # The source loses even so.
    lost = model.source_weights_.sum(axis=1)
    assert lost[t + 1] < lost[t]


def crossed(n_target=100, seed=0):
    """Return many rows, of which a tenth of the labels and of the source are wrong."""
    X, y = make_classification(
        3000 + n_target, 10, n_informative=6, flip_y=0.1, random_state=seed
    )
    y[:200] = 1 - y[:200]
    n_train = 1000 + n_target
    domain = np.where(np.arange(n_train) < 1000, 0, -1)
    train = X[:n_train], y[:n_train], domain
    return train, X[n_train:], y[n_train:]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_weak_learners_that_draw_nothing_do_not_stall(estimator, seed):
    train, _, _ = crossed(seed=seed)
    model = TrAdaBoostClassifier(estimator).fit(*train)
    assert (model.estimator_weights_[24:] > 0).any()


def test_the_first_half_votes_where_the_second_cannot():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(GaussianNB(), n_estimators=8).fit(X, y, domain)
    model.estimator_weights_ = np.array([0, 2.0, 1.0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(model.predict(X), model.estimators_[1].predict(X))
    stages = list(model.staged_predict(X))
    np.testing.assert_array_equal(stages[0], model.estimators_[0].predict(X))
    # The second half of seven rounds is the fourth to the seventh.
    for stage in (stages[1], stages[6], stages[7]):
        np.testing.assert_array_equal(stage, model.estimators_[1].predict(X))


def test_where_all_are_chance_all_have_a_vote():
    X = np.array([[0.0], [0.0], [1.0], [1.0], [0.0], [0.0]])
    y = np.array([0, 0, 1, 1, 1, 1])
    domain = np.array([0, 0, 0, 0, -1, -1])
    model = TrAdaBoostClassifier(n_estimators=3, **PAPER)
    with pytest.warns(ConvergenceWarning, match="In 3 of the 3 rounds"):
        model.fit(X, y, domain, sample_weight=[9, 9, 9, 9, 1, 1])
    np.testing.assert_array_equal(model.estimator_weights_, 0)
    np.testing.assert_array_equal(model.predict([[0], [1]]), [0, 1])
    assert np.isfinite(model.predict_proba([[0], [1]])).all()


def test_one_class_is_always_predicted():
    model = TrAdaBoostClassifier(n_estimators=3)
    model.fit(X9, np.zeros(9, dtype=int), D9)
    np.testing.assert_array_equal(model.predict(X9), 0)
    np.testing.assert_array_equal(model.predict_proba(X9), 1)


# -- without domains -------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("max_depth", [1, 2])
@pytest.mark.parametrize("learning_rate", [1.0, 0.5])
def test_without_domains_it_is_adaboost(n_classes, max_depth, learning_rate):
    X, y, _ = problem(n_classes)
    params = {"max_depth": max_depth, "learning_rate": learning_rate}
    model = TrAdaBoostClassifier(**params, store_weights=True).fit(X, y)
    twin = AdaBoostClassifier(**params, store_weights=True).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), twin.predict_proba(X))
    np.testing.assert_allclose(model.sample_weights_, twin.sample_weights_)
    np.testing.assert_allclose(model.feature_importances_, twin.feature_importances_)
    for ours, theirs in zip(
        model.staged_predict(X), twin.staged_predict(X), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("max_depth", "n_rounds", "learning_rate"), [(3, 1000, 1.0), (3, 50, 3.0)]
)
def test_without_domains_light_rows_are_lifted_as_in_adaboost(
    max_depth, n_rounds, learning_rate
):
    rng = np.random.RandomState(1)
    X = rng.randn(300, 4)
    score = X @ [1, 0.5, -0.5, 0] + np.sin(3 * X[:, 0])
    y = (score > np.median(score)).astype(int)
    flipped = rng.rand(300) < 0.2
    y[flipped] = rng.randint(2, size=flipped.sum())
    params = {
        "max_depth": max_depth,
        "n_estimators": n_rounds,
        "learning_rate": learning_rate,
    }
    model = TrAdaBoostClassifier(**params, store_weights=True).fit(X, y)
    twin = AdaBoostClassifier(**params).fit(X, y)
    assert model.sample_weights_.min() < 1e-15
    assert model.n_estimators_ == twin.n_estimators_
    more = rng.randn(500, 4)
    np.testing.assert_allclose(
        model.decision_function(more), twin.decision_function(more), atol=1e-6
    )


@pytest.mark.parametrize("estimator", [GaussianNB(), LogisticRegression()])
def test_without_domains_it_is_adaboost_of_a_given_estimator(estimator):
    X, y, _ = problem()
    model = TrAdaBoostClassifier(estimator, n_estimators=10)
    twin = AdaBoostClassifier(estimator, n_estimators=10).fit(X, y)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), twin.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), twin.predict_proba(X))


def test_without_domains_a_perfect_fit_is_the_end():
    X = np.arange(10.0)[:, None]
    model = TrAdaBoostClassifier().fit(X, X[:, 0] > 4)
    assert model.n_estimators_ == 1
    assert model.score(X, X[:, 0] > 4) == 1


def test_without_domains_chance_is_an_error():
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    with pytest.raises(ValueError, match="no better than chance in the first round"):
        TrAdaBoostClassifier().fit(X, [0, 1, 0, 1])


# -- rows, labels, domains -------------------------------------------------------------


def test_unlabelled_target_rows_change_nothing():
    X, y, domain = problem()
    more = np.random.RandomState(1).randn(30, 6)
    model = TrAdaBoostClassifier(store_weights=True).fit(X, y, domain)
    larger = TrAdaBoostClassifier(store_weights=True).fit(
        np.concatenate([more, X]),
        np.concatenate([np.full(30, -1), y]),
        np.concatenate([np.full(30, -1), domain]),
    )
    np.testing.assert_array_equal(larger.classes_, [0, 1])
    np.testing.assert_array_equal(larger.sample_weights_[:, :30], 0)
    np.testing.assert_array_equal(larger.sample_weights_[:, 30:], model.sample_weights_)
    np.testing.assert_array_equal(larger.source_weights_, model.source_weights_)
    np.testing.assert_array_equal(larger.target_weights_, model.target_weights_)


@pytest.mark.parametrize(
    ("names", "mask"),
    [
        (np.array(["no", "yes"], dtype=object), None),
        (np.array([0.0, 1.0]), np.nan),
        (np.array([3, 7]), -1),
    ],
)
def test_labels_of_any_kind(names, mask):
    X, y, domain = problem()
    labels = names[y]
    labels[-10:] = mask
    given = labels.copy()
    model = TrAdaBoostClassifier(n_estimators=10).fit(X, labels, domain)
    assert model.classes_.tolist() == names.tolist()
    assert set(model.predict(X)) <= set(names)
    assert pd.Series(given).equals(pd.Series(labels))
    numbers = TrAdaBoostClassifier(n_estimators=10).fit(X[:-10], y[:-10], domain[:-10])
    np.testing.assert_array_equal(model.predict(X), names[numbers.predict(X)])


def test_strings_as_labels():
    X, y, domain = problem(3)
    names = np.array(["a", "b", "c"])[y]
    model = TrAdaBoostClassifier(GaussianNB(), n_estimators=5).fit(X, names, domain)
    twin = TrAdaBoostClassifier(GaussianNB(), n_estimators=5).fit(X, y, domain)
    wanted = np.array(["a", "b", "c"])[twin.predict(X)]
    np.testing.assert_array_equal(model.predict(X), wanted)


def test_sources_share_half_of_the_weight_equally():
    X, y, domain = problem()
    domain[:20] = 4
    domain[-30:] = -2
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    model = TrAdaBoostClassifier(n_estimators=1, store_weights=True)
    before = model.fit(X, y, domain, weight).sample_weights_[0]
    np.testing.assert_allclose(before[domain == 4].sum(), 0.25)
    np.testing.assert_allclose(before[domain == 0].sum(), 0.25)
    np.testing.assert_allclose(before[domain < 0].sum(), 0.5)
    on_target = weight[domain < 0]
    np.testing.assert_allclose(before[domain < 0], 0.5 * on_target / on_target.sum())


def test_uniform_weights_are_those_of_the_rows():
    X, y, domain = problem()
    weight = np.random.RandomState(0).uniform(0.5, 2, len(y))
    model = TrAdaBoostClassifier(n_estimators=1, store_weights=True, **PAPER)
    before = model.fit(X, y, domain, weight).sample_weights_[0]
    np.testing.assert_allclose(before, weight / weight.sum())


@pytest.mark.parametrize("estimator", [None, GaussianNB()])
def test_scale_of_weights_and_order_of_rows_do_not_matter(estimator):
    X, y, domain = problem()
    rng = np.random.RandomState(0)
    weight, order = rng.uniform(0.5, 2, len(y)), rng.permutation(len(y))
    model = TrAdaBoostClassifier(estimator, n_estimators=10)
    wanted = model.fit(X, y, domain, weight).decision_function(X)
    scaled = model.fit(X, y, domain, 1000 * weight).decision_function(X)
    np.testing.assert_allclose(scaled, wanted, atol=1e-9)
    model.fit(X[order], y[order], domain[order], weight[order])
    np.testing.assert_allclose(model.decision_function(X), wanted, atol=1e-9)


@pytest.mark.parametrize("scale", [1e306, 1e-310])
@pytest.mark.parametrize(
    "params", [{}, PAPER, {"max_bins": 8}, {"max_bins": 8, "max_depth": 2}]
)
def test_weights_of_extreme_scale(scale, params):
    X, y, domain = problem()
    weight = np.random.RandomState(0).choice([1, 2, 64], len(y))
    model = TrAdaBoostClassifier(n_estimators=10, **params)
    wanted = model.fit(X, y, domain, weight).decision_function(X)
    scaled = model.fit(X, y, domain, scale * weight).decision_function(X)
    np.testing.assert_allclose(scaled, wanted, atol=1e-9)
    twin = model.fit(X, y, sample_weight=weight).decision_function(X)
    alone = model.fit(X, y, sample_weight=scale * weight).decision_function(X)
    np.testing.assert_allclose(alone, twin, atol=1e-9)


def test_scale_of_weights_of_one_domain_does_not_matter():
    X, y, domain = problem()
    weight = np.random.RandomState(0).choice([1.0, 2.0], len(y))
    model = TrAdaBoostClassifier(n_estimators=10)
    wanted = model.fit(X, y, domain, weight).decision_function(X)
    weight[domain >= 0] *= 1e300
    weight[domain < 0] *= 1e-300
    scaled = model.fit(X, y, domain, weight).decision_function(X)
    np.testing.assert_allclose(scaled, wanted, atol=1e-9)
    # Without balance a target as light as this says nothing, but breaks nothing.
    model = TrAdaBoostClassifier(n_estimators=10, **PAPER).fit(X, y, domain, weight)
    assert np.isfinite(model.decision_function(X)).all()


def test_weights_of_rows_of_no_weight_are_zero_columns():
    X, y, domain = problem()
    weight = (np.arange(260) % 5 > 0).astype(float)
    model = TrAdaBoostClassifier(n_estimators=3, store_weights=True)
    model.fit(X, y, domain, weight)
    assert model.source_weights_.shape == (4, 200)
    assert model.target_weights_.shape == (4, 60)
    np.testing.assert_array_equal(model.source_weights_[:, ::5], 0)


@pytest.mark.parametrize("estimator", [None, GaussianNB()])
def test_rows_of_no_weight_have_no_say(estimator):
    X, y, domain = problem()
    weight = np.ones(len(y))
    weight[::5] = 0
    kept = weight > 0
    model = TrAdaBoostClassifier(estimator, n_estimators=10)
    wanted = model.fit(X[kept], y[kept], domain[kept]).decision_function(X)
    model.fit(X, y, domain, weight)
    np.testing.assert_array_equal(model.decision_function(X), wanted)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_sparse_rows(estimator):
    X, y, domain = problem()
    X[X < 0] = 0
    dense = TrAdaBoostClassifier(estimator, n_estimators=10).fit(X, y, domain)
    sparse = TrAdaBoostClassifier(estimator, n_estimators=10)
    sparse.fit(csr_array(X), y, domain)
    np.testing.assert_array_equal(sparse.predict(csr_array(X)), dense.predict(X))


def test_missing_values():
    X, y, domain = problem()
    X[::7, 0] = np.nan
    model = TrAdaBoostClassifier().fit(X, y, domain)
    assert model.score(X[domain < 0], y[domain < 0]) > 0.8


def test_nothing_that_was_given_is_changed():
    X, y, domain = problem()
    weight = np.ones(len(y))
    copies = [array.copy() for array in (X, y, domain, weight)]
    TrAdaBoostClassifier().fit(X, y, domain, weight)
    for array, copy in zip((X, y, domain, weight), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


# -- stages ----------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [None, GaussianNB()])
def test_stages_are_votes_of_the_second_half_so_far(estimator):
    X, y, domain = problem()
    model = TrAdaBoostClassifier(estimator, n_estimators=11).fit(X, y, domain)
    stages = list(model.staged_predict(X))
    assert len(stages) == 11
    np.testing.assert_array_equal(stages[-1], model.predict(X))
    np.testing.assert_array_equal(stages[0], model.estimators_[0].predict(X))
    votes = np.zeros((len(X), 2))
    # Rounds 3 to 6.
    for t in (2, 3, 4, 5):
        predicted = model.estimators_[t].predict(X)
        votes[np.arange(len(X)), predicted] += model.estimator_weights_[t]
    np.testing.assert_array_equal(stages[5], votes.argmax(axis=1))
    scores = list(model.staged_score(X, y))
    assert scores[-1] == model.score(X, y)


def test_stages_leave_no_trace_of_votes_that_went():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(n_estimators=40).fit(X, y, domain)
    # Heavy votes in the first half, and after these ties of light ones.
    model.estimator_weights_ = np.concatenate(
        [np.random.RandomState(0).uniform(1e3, 1e4, 10), np.full(30, 1e-9)]
    )
    n_ties = 0
    for t, stage in enumerate(model.staged_predict(X), start=1):
        first = (t + 1) // 2 - 1
        votes = np.zeros((len(X), 2))
        for i in range(first, t):
            voted = model.estimators_[i].predict(X)
            votes[np.arange(len(X)), voted] += model.estimator_weights_[i]
        most = votes.max(axis=1, keepdims=True)
        wanted = (votes >= most * (1 - 1e-12)).argmax(axis=1)
        np.testing.assert_array_equal(stage, wanted)
        n_ties += np.isclose(votes[:, 0], votes[:, 1], rtol=1e-12).sum()
    assert n_ties > 0


def test_stages_cost_as_much_as_the_rounds_that_come_and_go(monkeypatch):
    X, y, domain = problem()
    model = TrAdaBoostClassifier(n_estimators=101, max_depth=4).fit(X, y, domain)
    assert (model.estimator_weights_ > 0).all()
    added, add = [], _RunningVotes.add
    monkeypatch.setattr(
        _RunningVotes, "add", lambda *args: (added.append(1), add(*args))
    )
    list(model.staged_predict(X))
    # Each round comes once, and half of them go, by two calls each.
    assert len(added) == 2 * (101 + 50)


# -- bad input -------------------------------------------------------------------------


def test_rows_without_a_label_cannot_be_scored():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(n_estimators=3).fit(X, y, domain)
    masked = np.where(np.arange(260) < 9, -1, y)
    with pytest.raises(ValueError, match="rows that have a label, got 9 of 260"):
        model.score(X, masked, sample_domain=domain)
    with pytest.raises(ValueError, match="rows that have a label, got 9 of 260"):
        list(model.staged_score(X, masked))
    names = np.array(["a", "b"], dtype=object)[y]
    model.fit(X, names, domain)
    names[5] = None
    with pytest.raises(ValueError, match="rows that have a label, got 1 of 260"):
        model.score(X, names)
    # Without domains -1 may be a class.
    model.fit(X, 2 * y - 1)
    assert model.score(X, 2 * y - 1) > 0.5


def fit(model=None, **changes):
    X, y, domain = problem()
    given = {"X": X, "y": y, "sample_domain": domain} | changes
    return (model or TrAdaBoostClassifier()).fit(**given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_domain": np.zeros(260)}, "some rows of the target domain with a"),
        ({"sample_domain": np.full(260, -1)}, "expects rows of a source domain"),
        ({"sample_domain": np.zeros(3)}, "one number for each of the 260 rows"),
        ({"sample_domain": np.full(260, 0.5)}, "must be whole numbers"),
        ({"y": np.arange(260) % 3 - 1}, "expects a label for each row of a source"),
        ({"y": np.zeros(3)}, "inconsistent numbers of samples"),
        ({"y": None}, "requires y to be passed"),
        ({"sample_weight": np.full(260, -1.0)}, "Negative values in data"),
        (
            {"sample_weight": np.arange(260) >= 200},
            "positive for some of the source rows",
        ),
        ({"sample_weight": np.zeros(260)}, "at least one non-zero"),
        (
            {"sample_weight": np.arange(260) < 200},
            "positive for some of the labelled target rows",
        ),
        ({"model": TrAdaBoostClassifier(KNeighborsClassifier())}, "sample_weight"),
        (
            {"model": TrAdaBoostClassifier(make_pipeline(LogisticRegression()))},
            "in front of TrAdaBoostClassifier in a Pipeline",
        ),
        ({"model": TrAdaBoostClassifier(n_estimators=0)}, "'n_estimators' parameter"),
        ({"model": TrAdaBoostClassifier(init="even")}, "'init' parameter"),
        ({"model": TrAdaBoostClassifier(dynamic=2)}, "'dynamic' parameter"),
    ],
)
def test_bad_input_has_one_clear_error(changes, message):
    with pytest.raises(ValueError, match=message):
        fit(**changes)


def test_target_without_any_label_names_the_way_out():
    X, y, domain = problem()
    y[domain < 0] = -1
    with pytest.raises(ValueError, match="leave out sample_domain"):
        TrAdaBoostClassifier().fit(X, y, domain)
    y[0] = 2
    with pytest.raises(ValueError, match="Mark rows of the target by a sample_domain"):
        TrAdaBoostClassifier().fit(X, y)


def test_domains_of_rows_to_predict_are_checked_and_make_no_difference():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(n_estimators=5).fit(X, y, domain)
    wanted = model.predict(X)
    np.testing.assert_array_equal(model.predict(X, sample_domain=domain), wanted)
    probabilities = model.predict_proba(X, sample_domain=domain)
    assert len(probabilities) == len(X)
    logs = model.predict_log_proba(X, sample_domain=domain)
    np.testing.assert_array_equal(logs, np.log(probabilities))
    assert model.score(X, y, sample_domain=domain) == model.score(X, y)
    with pytest.raises(ValueError, match="one number for each of the 260 rows"):
        model.predict(X, sample_domain=[0, 1])


def test_importances_of_an_estimator_without_any():
    X, y, domain = problem()
    model = TrAdaBoostClassifier(GaussianNB(), n_estimators=3).fit(X, y, domain)
    with pytest.raises(AttributeError, match="has no feature_importances_"):
        _ = model.feature_importances_


# -- composition -----------------------------------------------------------------------


def test_search_over_a_pipeline_without_routing():
    X, y, domain = problem()
    pipeline = make_pipeline(StandardScaler(), TrAdaBoostClassifier(n_estimators=5))
    grid = {"tradaboostclassifier__max_depth": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=FOLDS, error_score="raise")
    search.fit(X, y, tradaboostclassifier__sample_domain=domain)
    step = search.best_estimator_[-1]
    alone = TrAdaBoostClassifier(n_estimators=5, max_depth=step.max_depth)
    alone.fit(search.best_estimator_[0].transform(X), y, domain)
    np.testing.assert_array_equal(step.estimator_errors_, alone.estimator_errors_)


def test_search_over_a_pipeline_with_routing():
    X, y, domain = problem()
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), TrAdaBoostClassifier(n_estimators=5))
        grid = {"tradaboostclassifier__max_depth": [1, 2]}
        search = GridSearchCV(pipeline, grid, cv=FOLDS, error_score="raise")
        search.fit(X, y, sample_domain=domain)
        scores = cross_validate(
            pipeline, X, y, params={"sample_domain": domain}, cv=FOLDS
        )
    step = search.best_estimator_[-1]
    assert step.target_weights_ is None
    assert len(step._target_rows) == (domain < 0).sum()
    assert scores["test_score"].shape == (3,)


@pytest.mark.parametrize("estimator", [None, GaussianNB()])
def test_pickle(estimator):
    X, y, domain = problem()
    model = TrAdaBoostClassifier(estimator, n_estimators=5).fit(X, y, domain)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert list(copy.staged_score(X, y)) == list(model.staged_score(X, y))
