"""Ensembles whose members are fitted together end as they would alone."""

import pickle
import weakref

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.model_selection import ParameterGrid
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_dl.boosting import GradientBoostingClassifier
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.model_selection._joint_fit import fit_jointly, plan_joint_fits
from sklearn_dl.model_selection._joint_members import _StandIn
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor
from sklearn_dl.testing import check_joint_fit

# Networks of three epochs are fast, and good enough to be compared.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 6))
y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
WEIGHTS = GENERATOR.uniform(0.5, 2.0, size=60)


class Counting(GaussianNB):
    """Counts its fits."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        if self.var_smoothing == 13.0:
            raise RuntimeError("no fit today")
        return super().fit(X, y, sample_weight)


class Other(Counting):
    fits = 0


class Unweighted(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[0], len(X))


@pytest.fixture(autouse=True)
def counters():
    Counting.fits = Other.fits = 0


def grid(**values):
    return list(ParameterGrid(values))


def network(**settings):
    return MLPClassifier(4, max_iter=3, random_state=0, **settings)


def voting(**settings):
    members = [("one", Counting()), ("other", Other()), ("mlp", network())]
    return VotingClassifier(members, **settings)


def joint(estimator, candidates, X=X, y=y, **fit_params):
    """Outcomes of a joint fit, in the order of the candidates."""
    outcomes = dict(fit_jointly(estimator, candidates, X, y, fit_params))
    assert sorted(outcomes) == list(range(len(candidates)))
    return [outcomes[k] for k in range(len(candidates))]


def assert_as_alone(estimator, candidates, X=X, y=y, **fit_params):
    """Outcomes of a joint fit are those of single fits; returns both."""
    outcomes, singles = joint(estimator, candidates, X, y, **fit_params), []
    for params, outcome in zip(candidates, outcomes, strict=True):
        values = {name: clone(value, safe=False) for name, value in params.items()}
        try:
            alone = clone(estimator).set_params(**values).fit(X, y, **fit_params)
        except Exception as error:
            assert type(outcome) is type(error)
            assert str(outcome) == str(error)
            continue
        singles.append(alone)
        assert_same(outcome, alone, X)
    return outcomes, singles


def assert_same(one, other, X):
    assert repr(one) == repr(other)
    assert list(vars(one)) == list(vars(other))
    for name in vars(other):
        assert type(getattr(one, name)) is type(getattr(other, name)), name
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(other, method):
            actual, expected = getattr(one, method)(X), getattr(other, method)(X)
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(actual, expected, rtol=1e-12)
            else:
                np.testing.assert_array_equal(actual, expected)


# -- voting ----------------------------------------------------------------------------


def test_members_that_do_not_differ_are_fitted_once():
    candidates = grid(
        one__var_smoothing=[1e-9, 1e-3],
        mlp__alpha=[0.1, 1.0, 10.0],
        weights=[None, [1, 1, 5]],
    )
    outcomes = joint(voting(), candidates)
    assert (Counting.fits, Other.fits) == (2, 1)
    assert len({id(model.estimators_[2]) for model in outcomes}) == 3
    assert_as_alone(voting(), candidates)


def test_candidates_that_differ_in_the_vote_share_everything():
    candidates = grid(
        voting=["hard", "soft"],
        weights=[None, [1, 2, 3]],
        flatten_transform=[True, False],
    )
    first, *others = joint(voting(), candidates)
    assert (Counting.fits, Other.fits) == (1, 1)
    assert all(model.estimators_ == first.estimators_ for model in others)
    assert_as_alone(voting(), candidates)


def test_a_fitted_ensemble_is_as_any_other():
    model = voting(voting="soft")
    candidates = [{"mlp__alpha": 0.1}, {"mlp__alpha": 1.0, "other": "drop"}]
    outcomes, singles = assert_as_alone(model, candidates)
    for outcome, alone in zip(outcomes, singles, strict=True):
        assert list(outcome.classes_) == ["no", "yes"]
        assert list(outcome.le_.classes_) == ["no", "yes"]
        assert repr(outcome.estimators_) == repr(alone.estimators_)
        assert repr(outcome.named_estimators_) == repr(alone.named_estimators_)
        assert outcome.named_estimators_["one"] is outcome.estimators_[0]
        assert outcome.n_jobs is None
        assert not hasattr(outcome.estimators[0][1], "theta_")
        assert_same(pickle.loads(pickle.dumps(outcome)), alone, X)
    assert outcomes[1].named_estimators_["other"] == "drop"
    assert not hasattr(model, "estimators_")


def test_members_that_are_replaced_or_dropped():
    bayes = Counting(var_smoothing=1e-2)
    candidates = [
        {},
        {"one": bayes},
        {"one": bayes, "mlp__alpha": 1.0},
        {"one": bayes, "one__var_smoothing": 0.1},
        {"one": LogisticRegression()},
        {"one": "drop"},
        {"one": "drop", "other": "drop", "mlp": "drop"},
        {"one": Ridge()},
        {"one": "dropped"},
        {"mlp": network(solver="lbfgs")},
        {"estimators": [("one", GaussianNB())]},
        {"one": bayes, "n_jobs": 2},
        {"weights": [1]},
        {"voting": "loud"},
    ]
    with parallel_config(backend="threading"):
        outcomes, _ = assert_as_alone(voting(), candidates)
    assert outcomes[1].estimators_[0] is outcomes[2].estimators_[0]
    assert not hasattr(bayes, "theta_")


@pytest.fixture
def calls(monkeypatch):
    """How many networks each joint fit of them was asked for."""
    sizes, fit = [], MLPClassifier.fit_candidates
    monkeypatch.setattr(
        MLPClassifier,
        "fit_candidates",
        lambda self, candidates, *args, **fit_params: (
            sizes.append(len(candidates)) or fit(self, candidates, *args, **fit_params)
        ),
    )
    return sizes


def test_networks_at_one_place_are_fitted_by_one_call(calls):
    joint(voting(), grid(mlp__alpha=[0.1, 1.0, 10.0], weights=[None, [1, 2, 3]]))
    assert calls == [3]


def test_names_of_columns():
    frame = pd.DataFrame(X, columns=[*"abcdef"])
    outcomes, _ = assert_as_alone(voting(), grid(mlp__alpha=[0.1, 1.0]), frame)
    assert list(outcomes[0].feature_names_in_) == [*"abcdef"]
    assert list(outcomes[0].get_feature_names_out()) == [
        "votingclassifier_one",
        "votingclassifier_other",
        "votingclassifier_mlp",
    ]


def test_a_member_that_fails_leaves_the_other_candidates():
    candidates = grid(one__var_smoothing=[13.0, 1.0], weights=[None, [1, 2, 3]])
    outcomes, _ = assert_as_alone(voting(), candidates)
    failed = [isinstance(outcome, RuntimeError) for outcome in outcomes]
    assert failed == [True, True, False, False]
    assert outcomes[0] is outcomes[1]


def test_weights_of_rows():
    candidates = grid(mlp__alpha=[0.1, 1.0], one__var_smoothing=[1e-9, 1e-3])
    assert_as_alone(voting(), candidates, sample_weight=WEIGHTS)
    check_joint_fit(
        voting(voting="soft"), candidates, X, y, fit_params={"sample_weight": WEIGHTS}
    )
    model = voting().set_params(other=Unweighted())
    outcomes, _ = assert_as_alone(model, candidates, sample_weight=WEIGHTS)
    assert "Unweighted does not support sample weights" in str(outcomes[0])
    assert_as_alone(voting(), candidates, stranger=WEIGHTS)


def test_voting_regressors():
    members = [
        ("mlp", MLPRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0)),
        ("ridge", Ridge()),
    ]
    model = VotingRegressor(members)
    candidates = grid(
        mlp__alpha=[0.1, 1.0], ridge__alpha=[0.1, 1.0], weights=[None, [1, 2]]
    )
    assert_as_alone(model, candidates, y=X[:, 2])
    check_joint_fit(model, candidates, X, X[:, 2])


def test_ensembles_of_ensembles():
    inner = VotingClassifier([("one", Counting()), ("mlp", network())], voting="soft")
    model = VotingClassifier([("inner", inner), ("line", LogisticRegression())])
    candidates = grid(inner__mlp__alpha=[0.1, 1.0], line__C=[0.1, 1.0])
    joint(model, candidates)
    assert Counting.fits == 1
    assert_as_alone(model, candidates)


def test_at_the_end_of_a_pipeline():
    model = make_pipeline(StandardScaler(), voting())
    candidates = grid(
        standardscaler__with_mean=[True, False],
        votingclassifier__mlp__alpha=[0.1, 1.0],
    )
    joint(model, candidates)
    assert (Counting.fits, Other.fits) == (2, 2)
    groups = plan_joint_fits(model, candidates)
    assert [group.candidates for group in groups] == [[0, 1], [2, 3]]
    assert all(group.threads for group in groups)
    assert "members of VotingClassifier shared" in groups[0].how
    weights = {"votingclassifier__sample_weight": WEIGHTS}
    check_joint_fit(model, candidates, X, y, fit_params=weights)


@pytest.mark.parametrize(
    "model",
    [
        voting(n_jobs=2),
        voting(verbose=True),
        VotingClassifier([]),
        VotingClassifier([("one", "drop")]),
        VotingClassifier([GaussianNB()]),
        VotingClassifier([("a__b", GaussianNB()), ("c", network())]),
        type("Peculiar", (VotingClassifier,), {})([("one", GaussianNB())]),
    ],
    ids=lambda model: f"{type(model).__name__}{model.estimators}",
)
def test_peculiar_ensembles_end_as_alone(model, capsys):
    with parallel_config(backend="threading"):
        assert_as_alone(model, grid(weights=[None, [1, 2, 3]]))


def test_with_routed_metadata():
    with config_context(enable_metadata_routing=True):
        model = VotingClassifier([("one", Counting()), ("line", LogisticRegression())])
        candidates = grid(line__C=[0.1, 1.0])
        joint(model, candidates)
        assert Counting.fits == 1
        model.estimators[0][1].set_fit_request(sample_weight=True)
        model.estimators[1][1].set_fit_request(sample_weight=False)
        assert_as_alone(model, candidates, sample_weight=WEIGHTS)


def test_in_a_context_of_several_jobs():
    candidates = grid(one__var_smoothing=[1e-9, 1e-3], weights=[None, [1, 2, 3]])
    with parallel_config(backend="loky", n_jobs=2):
        outcomes = joint(voting(), candidates)
    assert (Counting.fits, Other.fits) == (2, 1)
    assert outcomes[0].n_jobs is None
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(_StandIn(GaussianNB(), None, None))


# -- bagging ---------------------------------------------------------------------------


def bagging(member=None, **settings):
    member = network() if member is None else member
    return BaggingClassifier(member, n_estimators=3, random_state=0, **settings)


BAGS = [
    {},
    {"oob_score": True, "n_estimators": 16},
    {"max_features": 0.5, "bootstrap_features": True},
    {"max_samples": 0.4, "bootstrap": False, "warm_start": True},
]


@pytest.mark.parametrize("settings", BAGS, ids=str)
@pytest.mark.parametrize(
    ("member", "values"),
    [
        (network(), {"alpha": [0.1, 1.0], "learning_rate_init": [0.01, 0.1]}),
        (GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}),
        (SGDClassifier(), {"alpha": [1e-4, 1e-2]}),
        (DecisionTreeClassifier(), {"max_depth": [1, 2], "random_state": [1, 2]}),
        (KNeighborsClassifier(), {"n_neighbors": [1, 3]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bagging_ends_as_alone(member, values, settings):
    model = bagging(member).set_params(**settings)
    candidates = grid(**{f"estimator__{name}": v for name, v in values.items()})
    outcomes, singles = assert_as_alone(model, candidates)
    for outcome, alone in zip(outcomes, singles, strict=True):
        assert repr(outcome.estimators_) == repr(alone.estimators_)
        assert repr(outcome.estimator_) == repr(alone.estimator_)
        np.testing.assert_array_equal(
            outcome.estimators_samples_, alone.estimators_samples_
        )
        np.testing.assert_array_equal(
            outcome.estimators_features_, alone.estimators_features_
        )
        if alone.oob_score:
            assert outcome.oob_score_ == alone.oob_score_
        assert_same(pickle.loads(pickle.dumps(outcome)), alone, X)


@pytest.mark.parametrize("fit_params", [{}, {"sample_weight": WEIGHTS}], ids=len)
def test_members_in_the_same_bag_are_fitted_once(fit_params):
    model = bagging(Counting()).set_params(n_estimators=16)
    candidates = grid(oob_score=[True, False])
    joint(model, candidates, **fit_params)
    assert Counting.fits == 16
    assert_as_alone(model, candidates, **fit_params)


def test_networks_of_a_bag_are_fitted_by_one_call(calls):
    joint(bagging(), grid(estimator__alpha=[0.1, 1.0]))
    assert calls == [2, 2, 2]


def test_members_go_with_the_last_ensemble_that_has_them():
    fits = fit_jointly(bagging(), grid(estimator__alpha=[0.1, 1.0]), X, y, {})
    _, first = next(fits)
    member = weakref.ref(first.estimators_[0])
    del first
    next(fits)
    assert member() is None


def test_stages_of_boosters_in_bags():
    booster = GradientBoostingClassifier(max_iter=3, random_state=0)
    candidates = grid(estimator__max_iter=[1, 2, 3], estimator__max_depth=[1, 2])
    model = bagging(booster)
    check_joint_fit(model, candidates, X, y)
    (group,) = plan_joint_fits(model, candidates)
    assert group.threads
    assert "members of BaggingClassifier fitted together" in group.how


def test_other_bags_make_other_groups():
    candidates = [
        *grid(n_estimators=[2, 3], estimator__alpha=[0.1, 1.0]),
        {"estimator": GaussianNB()},
        {"estimator": GaussianNB(), "estimator__var_smoothing": 1e-3},
        {"estimator": make_pipeline(StandardScaler(), network())},
        {"random_state": None},
        {"random_state": np.random.RandomState(0)},
        {"random_state": 1},
        {"estimator": None},
        {"n_jobs": 2},
        {"n_estimators": -1},
    ]
    groups = plan_joint_fits(bagging(), candidates)
    assert [g.candidates for g in groups] == [[0, 2], [1, 3], [6], [9], [12]]
    reproducible = [k for k in range(len(candidates)) if k not in (7, 8)]
    with parallel_config(backend="threading"):
        assert_as_alone(bagging(), [candidates[k] for k in reproducible])


def test_a_member_that_fails_leaves_the_other_bags():
    candidates = grid(estimator__var_smoothing=[1e-9, 13.0, 1e-3])
    outcomes, _ = assert_as_alone(bagging(Counting()), candidates)
    assert isinstance(outcomes[1], RuntimeError)


def test_bagging_regressors():
    model = BaggingRegressor(
        MLPRegressor(hidden_layer_sizes=4, max_iter=3),
        16,
        oob_score=True,
        random_state=0,
    )
    candidates = grid(estimator__alpha=[0.1, 1.0])
    outcomes, singles = assert_as_alone(model, candidates, y=X[:, 2])
    expected = pytest.approx(singles[0].oob_score_, rel=1e-12)
    assert outcomes[0].oob_score_ == expected
    check_joint_fit(
        model, candidates, X, X[:, 2], fit_params={"sample_weight": WEIGHTS}
    )


# -- plans -----------------------------------------------------------------------------


def plan(estimator, candidates):
    return [
        (group.candidates, group.how, group.threads)
        for group in plan_joint_fits(estimator, candidates)
    ]


def test_plans_of_voting():
    once = "members of VotingClassifier shared"
    networks = f"{once}, joint fit of MLPClassifier"
    bayes = VotingClassifier([("one", GaussianNB()), ("line", LogisticRegression())])
    for model, candidates, groups in [
        (voting(), grid(mlp__alpha=[0.1, 1.0]), [([0, 1], networks, True)]),
        (voting(), grid(weights=[None, [1, 2, 3]]), [([0, 1], networks, False)]),
        (voting(), [{}], []),
        (bayes, grid(line__C=[0.1, 1.0]), [([0, 1], once, False)]),
        (bayes, grid(line__C=[0.1]), []),
        (bayes, [{"line__C": 2.0, "one": "drop"}, {"line": "drop"}], []),
    ]:
        assert plan(model, candidates) == groups


def test_fits_of_networks_alone_release_the_interpreter():
    model = VotingClassifier([("one", network()), ("two", network())])
    how = "members of VotingClassifier fitted together, joint fit of MLPClassifier"
    assert plan(model, [{}]) == [([0], how, True)]
    candidates = grid(one__solver=["adam", "lbfgs"], two__alpha=[0.1, 1.0])
    assert [group[::2] for group in plan(model, candidates)] == [
        ([0, 1], True),
        ([2, 3], False),
    ]


def test_bags_of_what_shares_nothing_are_in_no_group():
    assert plan(bagging(GaussianNB()), grid(estimator__var_smoothing=[0.1, 1.0])) == []


# -- searches --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (voting(), {"mlp__alpha": [0.1, 1.0], "weights": [None, [1, 2, 3]]}),
        (bagging(), {"estimator__alpha": [0.1, 1.0], "n_estimators": [2, 3]}),
    ],
    ids=["voting", "bagging"],
)
def test_searches_end_as_those_of_scikit_learn(model, values):
    ours = GridSearchCV(model, values, cv=3, n_jobs=2).fit(X, y)
    theirs = SklearnGridSearchCV(model, values, cv=3).fit(X, y)
    for key, expected in theirs.cv_results_.items():
        if "_time" not in key and not key.startswith("param"):
            np.testing.assert_array_equal(ours.cv_results_[key], expected)
    assert_same(ours.best_estimator_, theirs.best_estimator_, X)
