"""Candidates that differ in the number of rounds end as fits by themselves do."""

import io
import pickle
import weakref

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_dl.boosting import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    _gradient_boosting_base,
)
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.testing import check_joint_fit

# The longest neither first nor last, one of them twice.
ROUNDS = [7, 1, 12, 7, 4]


def make_classes(n_classes=2, n_rows=200):
    return make_classification(
        n_rows, 5, n_informative=4, n_redundant=0, n_classes=n_classes, flip_y=0.1,
        random_state=0,
    )  # fmt: skip


def make_numbers(n_rows=200):
    X, y = make_regression(n_rows, 5, noise=20.0, random_state=0)
    # Positive, for the losses that want it.
    return X, np.exp(y / 100)


def gb_classifier(**params):
    params = {"random_state": 0, "early_stopping": False, "max_depth": 3} | params
    return GradientBoostingClassifier(**params)


def gb_regressor(*loss, **params):
    params = {"random_state": 0, "early_stopping": False, "max_depth": 3} | params
    return GradientBoostingRegressor(*loss, **params)


class SquaredLoss:
    """Half the squared error."""

    def initial_value(self, y, sample_weight):
        return np.average(y, weights=sample_weight)

    def gradient_hessian(self, y, raw):
        return raw - y, np.ones_like(raw)

    def loss(self, y, raw):
        return (raw - y) ** 2


class LossOfTenRounds:
    """Each round adds 0.1; after the tenth there is no gradient."""

    def gradient_hessian(self, y, raw):
        gradient = np.full_like(raw, np.nan if raw.max() > 0.95 else -1.0)
        return gradient, np.ones_like(raw)


class Accuracy:
    """A scorer that is not equal to its copy."""

    def __call__(self, estimator, X, y, sample_weight=None):
        return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)


# -- stages and single fits ------------------------------------------------------------


def joint_fits(model, candidates, X, y, **fit_params):
    outcomes = dict(model.fit_candidates(candidates, X, y, **fit_params))
    return [outcomes[k] for k in range(len(candidates))]


def stages_of(model, X, y, rounds=ROUNDS, **fit_params):
    return joint_fits(model, [{model._rounds: n} for n in rounds], X, y, **fit_params)


def staged(model, X):
    """Return what each method says of each number of rounds."""
    return {
        name: list(getattr(model, name)(X))
        for name in dir(model)
        if name.startswith("staged_") and name != "staged_score"
    }


def assert_same_fit(one, other, X):
    assert vars(one).keys() == vars(other).keys()
    expected = staged(other, X)
    for name, stages in staged(one, X).items():
        np.testing.assert_array_equal(stages, expected[name], err_msg=name)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    for name in (
        "n_iter_",
        "n_estimators_",
        "train_score_",
        "validation_score_",
        "validation_scores_",
        "feature_importances_",
        "split_importances_",
        "estimator_weights_",
        "estimator_errors_",
        "sample_weights_",
    ):
        assert hasattr(one, name) == hasattr(other, name)
        if hasattr(one, name):
            np.testing.assert_array_equal(
                getattr(one, name), getattr(other, name), err_msg=name
            )
    if hasattr(one, "export_text"):
        for iteration in range(other.n_iter_):
            assert one.export_text(iteration) == other.export_text(iteration)
    else:
        assert list(map(repr, one.estimators_)) == list(map(repr, other.estimators_))


def assert_stages_are_fits(model, X, y, candidates=None, **fit_params):
    if candidates is None:
        candidates = [{model._rounds: n} for n in ROUNDS]
    joint = joint_fits(model, candidates, X, y, **fit_params)
    for params, one in zip(candidates, joint, strict=True):
        single = clone(model).set_params(**params).fit(X, y, **fit_params)
        assert_same_fit(one, single, X)
    check_joint_fit(model, candidates, X, y, fit_params=fit_params, rtol=0.0, atol=0.0)


def with_missing(X):
    return np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.1, np.nan, X)


def with_zeros(X):
    return sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0, X))


def with_categories(X):
    frame = pd.DataFrame(X, columns=list("abcde"))
    codes = np.digitize(X[:, 1], [-1, 0, 1])
    frame["b"] = pd.Categorical.from_codes(codes, list("wxyz"))
    return frame


CLASSIFIERS = {
    "gb": gb_classifier(),
    "gb, drawn rows and columns": gb_classifier(subsample=0.5, max_features=0.5),
    "gb, auto": gb_classifier(early_stopping="auto"),
    "gb, early stopping": gb_classifier(early_stopping=True, scoring="loss"),
    "gb, patience": gb_classifier(
        early_stopping=True, scoring="loss", learning_rate=1.0, n_iter_no_change=2
    ),
    "gb, scorer": gb_classifier(
        early_stopping=True, scoring=make_scorer(accuracy_score), n_iter_no_change=3
    ),
    "gb, accuracy": gb_classifier(early_stopping=True, n_iter_no_change=3),
    "gb, training loss": gb_classifier(
        early_stopping=True, scoring="loss", validation_fraction=None, tol=0.02
    ),
    "gb, few bins": gb_classifier(max_bins=8, interaction_cst="pairwise"),
    "gb, class weights": gb_classifier(class_weight="balanced"),
    "ab": AdaBoostClassifier(),
    "ab, trees": AdaBoostClassifier(max_depth=2, max_bins=16, learning_rate=0.5),
    "ab, errors": AdaBoostClassifier(criterion="error", store_weights=True),
    "ab, early stopping": AdaBoostClassifier(
        n_iter_no_change=3, validation_fraction=0.3, random_state=0
    ),
    "ab, stored weights": AdaBoostClassifier(
        n_iter_no_change=2, max_depth=2, store_weights=True, random_state=0
    ),
    "ab, class weights": AdaBoostClassifier(class_weight="balanced"),
}
REGRESSORS = {
    **{
        f"gb, {loss}": gb_regressor(loss, quantile=0.3 if loss == "quantile" else None)
        for loss in (
            "squared_error",
            "absolute_error",
            "huber",
            "quantile",
            "poisson",
            "gamma",
        )
    },
    "gb, early stopping": gb_regressor("huber", early_stopping=True, scoring="loss"),
    "gb, monotonic": gb_regressor(monotonic_cst=[1, 0, -1, 0, 0]),
    "gb, drawn rows": gb_regressor("absolute_error", subsample=0.5),
    "ab": AdaBoostRegressor(random_state=0),
    "ab, no draws": AdaBoostRegressor(bootstrap=False, max_depth=1, loss="square"),
    "ab, exponential": AdaBoostRegressor(
        loss="exponential", max_bins=16, store_weights=True, random_state=0
    ),
    "ab, early stopping": AdaBoostRegressor(
        n_iter_no_change=3, validation_fraction=0.3, random_state=0
    ),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifiers(name, n_classes):
    assert_stages_are_fits(CLASSIFIERS[name], *make_classes(n_classes))


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    assert_stages_are_fits(REGRESSORS[name], *make_numbers())


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (gb_classifier(), with_missing),
        (gb_classifier(), with_zeros),
        (gb_classifier(), with_categories),
        (gb_classifier(early_stopping=True), with_categories),
        (AdaBoostClassifier(), with_missing),
        (AdaBoostClassifier(), with_zeros),
    ],
)
def test_rows_of_all_kinds(model, change):
    X, y = make_classes()
    assert_stages_are_fits(model, change(X), y)


@pytest.mark.parametrize(
    "model",
    [
        gb_classifier(),
        gb_classifier(early_stopping=True, subsample=0.7),
        AdaBoostClassifier(),
        AdaBoostRegressor(random_state=0),
    ],
    ids=["gb", "gb, early stopping", "ab", "ab, regressor"],
)
def test_weights_of_rows(model):
    X, y = make_classes()
    weight = np.random.default_rng(0).integers(0, 4, size=len(y)).astype(float)
    assert_stages_are_fits(model, X, y, sample_weight=weight)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_rows_that_the_user_holds_out(early_stopping):
    X, y = make_classes(n_rows=300)
    model = gb_classifier(
        early_stopping=early_stopping, learning_rate=1.0, n_iter_no_change=2
    )
    assert_stages_are_fits(
        model,
        X[:200],
        y[:200],
        X_val=X[200:],
        y_val=y[200:],
        sample_weight_val=np.linspace(0.5, 1, 100),
    )


@pytest.mark.parametrize("early_stopping", [False, True])
def test_losses_of_the_user(early_stopping):
    model = gb_regressor(SquaredLoss(), early_stopping=early_stopping, scoring="loss")
    X, y = make_numbers()
    # Copies of the loss are not equal, and so its owner compares the parameters.
    for n, stage in zip(ROUNDS, stages_of(model, X, y), strict=True):
        single = clone(model).set_params(max_iter=n).fit(X, y)
        assert_same_fit(stage, single, X)


@pytest.mark.filterwarnings("ignore:.*no better than chance")
@pytest.mark.parametrize(
    ("model", "learner"),
    [
        (AdaBoostClassifier, GaussianNB()),
        (AdaBoostClassifier, DecisionTreeClassifier(max_depth=2, max_features=2)),
        (AdaBoostRegressor, DecisionTreeRegressor(max_depth=2, max_features=2)),
    ],
)
def test_weak_learners_of_the_user(model, learner):
    X, y = make_classes(3)
    stages = stages_of(model(learner, random_state=0), X, y)
    for n, stage in zip(ROUNDS, stages, strict=True):
        single = model(learner, n_estimators=n, random_state=0).fit(X, y)
        np.testing.assert_array_equal(stage.predict(X), single.predict(X))
        np.testing.assert_array_equal(
            stage.estimator_weights_, single.estimator_weights_
        )
        assert len(stage.estimators_) == len(single.estimators_) == stage.n_estimators_


def test_a_fit_that_stops_early_has_fewer_stages():
    X, y = make_classes()
    model = gb_classifier(early_stopping=True, learning_rate=1.0, n_iter_no_change=2)
    rounds = [1, 50, 3, 100]
    short, long, few, longest = stages_of(model, X, y, rounds)
    assert longest.n_iter_ == long.n_iter_ < 50
    assert (short.n_iter_, few.n_iter_) == (1, 3)
    assert len(longest.validation_score_) == longest.n_iter_ + 1
    assert len(few.train_score_) == len(few.validation_score_) == 4
    assert_stages_are_fits(model, X, y, [{"max_iter": n} for n in rounds])


def test_a_perfect_weak_learner_ends_all_stages():
    X = np.arange(20.0)[:, None]
    y = np.arange(20) > 8
    for stage in stages_of(AdaBoostClassifier(), X, y):
        assert stage.n_estimators_ == 1
        np.testing.assert_array_equal(stage.predict(X), y)
        assert len(stage.estimator_weights_) == stage.n_estimators
    assert_stages_are_fits(AdaBoostClassifier(), X, y)


def test_weak_learners_that_are_no_longer_better_than_chance():
    # No stump tells four corners apart, once the larger ones have been weighed down.
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y, weight = [0, 1, 1, 0], [4.0, 2, 2, 1]
    with pytest.warns(ConvergenceWarning, match="of 12 rounds"):
        stages = stages_of(AdaBoostClassifier(), X, y, sample_weight=weight)
    done = stages[2].n_estimators_
    assert done < 12
    assert [stage.n_estimators_ for stage in stages] == [min(n, done) for n in ROUNDS]


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (gb_classifier(subsample=0.5), make_classes()),
        # Numbers, for of two classes a round in some hundred is no better than chance.
        (AdaBoostRegressor(loss="square"), make_numbers()),
    ],
    ids=["gb", "ab"],
)
def test_without_a_seed_the_shorter_are_the_beginning_of_the_longest(model, data):
    X, y = data
    stages = stages_of(model.set_params(random_state=None), X, y)
    whole = list(stages[2].staged_predict(X))
    for n, stage in zip(ROUNDS, stages, strict=True):
        np.testing.assert_array_equal(stage.predict(X), whole[n - 1])


def test_a_random_state_that_remembers():
    X, y = make_classes()
    state = np.random.RandomState(3)
    model = gb_classifier(subsample=0.5, random_state=state)
    for n, stage in zip(ROUNDS, stages_of(model, X, y), strict=True):
        single = clone(model).set_params(max_iter=n).fit(X, y)
        np.testing.assert_array_equal(stage.predict_proba(X), single.predict_proba(X))


def test_several_groups_at_once():
    X, y = make_classes()
    candidates = [
        {"learning_rate": rate, "max_iter": n, "max_bins": max_bins}
        for rate in (0.1, 0.5)
        for n in (2, 6, 4)
        for max_bins in (8, 32)
    ]
    groups = gb_classifier().joint_fit_groups(candidates)
    assert sorted(map(len, groups)) == [3] * 4
    assert_stages_are_fits(gb_classifier(), X, y, candidates)


# -- bins ------------------------------------------------------------------------------


@pytest.fixture
def binnings(monkeypatch):
    """Count how often rows are put in bins."""
    calls = []

    def counting(*args):
        calls.append(args)
        return bin_rows(*args)

    bin_rows = _gradient_boosting_base.bin_rows
    monkeypatch.setattr(_gradient_boosting_base, "bin_rows", counting)
    return calls


RATES_AND_ROUNDS = [
    {"learning_rate": rate, "max_iter": n} for rate in (0.1, 0.5) for n in (2, 4)
]


@pytest.mark.parametrize(
    ("params", "candidates", "n_binnings"),
    [
        ({}, RATES_AND_ROUNDS, 1),
        ({"early_stopping": True}, RATES_AND_ROUNDS, 1),
        ({"random_state": None}, RATES_AND_ROUNDS, 1),
        # The rows that are held out are drawn anew.
        ({"random_state": None, "early_stopping": True}, RATES_AND_ROUNDS, 2),
        ({"class_weight": {0: 1, 1: 2}}, RATES_AND_ROUNDS, 1),
        ({"categorical_features": [False] * 5}, RATES_AND_ROUNDS, 1),
        ({}, [{"max_bins": n, "max_depth": d} for n in (8, 9) for d in (1, 2)], 2),
        ({}, [{"early_stopping": stop} for stop in (True, False, "auto")], 2),
        (
            {"early_stopping": True},
            [{"validation_fraction": part} for part in (0.1, 0.2, None)],
            3,
        ),
        ({"early_stopping": True}, [{"random_state": seed} for seed in (0, 1)], 2),
        ({}, [{"class_weight": weight} for weight in (None, "balanced")], 2),
        ({}, [{"class_weight": {1: weight}} for weight in (1, 2, 2)], 2),
    ],
    ids=str,
)
def test_rows_are_binned_once_for_equal_bins(params, candidates, n_binnings, binnings):
    X, y = make_classes()
    model = gb_classifier(max_iter=3).set_params(**params)
    joint_fits(model, candidates, X, y)
    assert len(binnings) == n_binnings
    if model.random_state is not None:
        assert_stages_are_fits(model, X, y, candidates)


def test_rows_held_out_because_there_are_many(binnings):
    X, y = make_classes(n_rows=10_050)
    candidates = [
        {"early_stopping": stop, "max_iter": n}
        for stop in ("auto", True, False)
        for n in (1, 2)
    ]
    joint_fits(gb_classifier(), candidates, X, y)
    assert len(binnings) == 2
    assert_stages_are_fits(gb_classifier(), X, y, candidates)


def test_rows_that_the_user_holds_out_leave_the_bins_as_they_are(binnings):
    X, y = make_classes()
    candidates = [{"early_stopping": stop} for stop in ("auto", True)]
    joint_fits(gb_classifier(max_iter=3), candidates, X, y, X_val=X, y_val=y)
    assert len(binnings) == 1


# -- what does not join ----------------------------------------------------------------


def test_a_longest_fit_that_fails_leaves_the_others():
    X, y = make_numbers()
    model = gb_regressor(LossOfTenRounds())
    outcomes = stages_of(model, X, y, [12, 3, 10, 20])
    for outcome in (outcomes[0], outcomes[3]):
        assert isinstance(outcome, ValueError)
        assert "no longer finite after round 10" in str(outcome)
    assert [outcomes[1].n_iter_, outcomes[2].n_iter_] == [3, 10]
    np.testing.assert_allclose(outcomes[2].predict(X), 1.0)


def test_data_that_nothing_can_be_fitted_to():
    X, y = make_numbers()
    for outcome in stages_of(gb_regressor("gamma"), X, -y):
        assert isinstance(outcome, ValueError)


@pytest.mark.parametrize(
    ("model", "invalid"),
    [
        (
            gb_classifier(),
            [{"max_iter": 0}, {"max_iter": "2"}, {"max_bins": 1}, {"loss": "hinge"}],
        ),
        (AdaBoostClassifier(), [{"n_estimators": 0}, {"criterion": "entropy"}]),
    ],
    ids=["gb", "ab"],
)
def test_invalid_candidates(model, invalid):
    candidates = [{model._rounds: 2}, *invalid, {model._rounds: 4}, {"depth": 3}]
    assert model.joint_fit_groups(candidates) == [[0, len(invalid) + 1]]
    first, *refused, last, unknown = joint_fits(model, candidates, *make_classes())
    assert getattr(first, model._rounds) == 2
    assert getattr(last, model._rounds) == 4
    for outcome in refused:
        assert isinstance(outcome, InvalidParameterError)
    assert isinstance(unknown, ValueError)
    assert "'depth'" in str(unknown)


@pytest.mark.parametrize("params", [{"warm_start": True}, {"verbose": 1}], ids=str)
def test_fits_that_go_on_or_are_reported_do_not_join(params, capsys):
    candidates = [{"max_iter": 2}, {"max_iter": 4}]
    assert gb_classifier(**params).joint_fit_groups(candidates) == []
    mixed = [*candidates, *(each | params for each in candidates)]
    assert gb_classifier().joint_fit_groups(mixed) == [[0, 1]]
    outcomes = joint_fits(gb_classifier(), mixed, *make_classes())
    assert [outcome.n_iter_ for outcome in outcomes] == [2, 4, 2, 4]


class Listener:
    def setup(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        return False

    def teardown(self, estimator, context): ...


@pytest.mark.parametrize("model", [gb_classifier(), AdaBoostClassifier()])
def test_fits_that_callbacks_watch_do_not_join(model):
    watched = clone(model).set_callbacks(Listener())
    assert watched.joint_fit_groups([{model._rounds: n} for n in ROUNDS]) == []


class AllButTheFirstColumn(GradientBoostingClassifier):
    def fit(self, X, y):
        X = X.copy()
        X[:, 0] = 0
        return super().fit(X, y)


class Inheriting(AdaBoostClassifier):
    """Has nothing of its own."""


def test_fits_of_a_subclass():
    X, y = make_classes()
    model = AllButTheFirstColumn(random_state=0)
    assert model.joint_fit_groups([{"max_iter": 2}, {"max_iter": 4}]) == []
    for outcome in stages_of(model, X, y):
        assert outcome.feature_importances_[0] == 0
    assert Inheriting().joint_fit_groups([{"n_estimators": 2}] * 2) == [[0, 1]]
    assert_stages_are_fits(Inheriting(), X, y)


# -- what stages are good for ----------------------------------------------------------


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(file)


def through_skops(model):
    data = skops.io.dumps(model)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


JOURNEYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": through_joblib,
    "skops": through_skops,
}
MODELS = {
    "gb": gb_classifier(),
    "ab": AdaBoostClassifier(max_depth=2),
    "ab, regressor": AdaBoostRegressor(loss="square", random_state=0),
}


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_stages_can_be_stored(model, journey):
    X, y = make_classes()
    stages = stages_of(model, X, y, [3, 100])
    for stage in stages:
        np.testing.assert_array_equal(journey(stage).predict(X), stage.predict(X))
    # It does not take the rounds with it that it does not have.
    short, long = (len(pickle.dumps(stage)) for stage in stages)
    assert short < long / 3


@pytest.mark.parametrize(
    "model",
    [
        gb_classifier(),
        gb_classifier(early_stopping=True, scoring=Accuracy()),
        gb_regressor(SquaredLoss()),
    ],
    ids=["loss of a name", "scorer", "loss of the user"],
)
def test_a_warm_start_goes_on_from_a_stage(model):
    X, y = make_classes()
    stages = stages_of(model, X, y, [3, 8])
    whole = list(stages[1].staged_predict(X))
    single = clone(model).set_params(max_iter=3).fit(X, y)
    for fitted in (stages[0], single):
        fitted.set_params(warm_start=True, max_iter=6).fit(X, y)
    assert_same_fit(stages[0], single, X)
    np.testing.assert_array_equal(list(stages[1].staged_predict(X)), whole)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_nothing_is_kept_of_what_was_handed_out(model):
    X, y = make_classes()
    fits = model.fit_candidates([{model._rounds: n} for n in ROUNDS], X, y)
    last = None
    for _, outcome in fits:
        assert last is None or last() is None
        last = weakref.ref(outcome)
        del outcome


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_search_over_rounds(model):
    X, y = make_classes()
    grid = {"learning_rate": [0.1, 0.5], model._rounds: [2, 8, 4]}
    joint = GridSearchCV(model, grid, cv=3).fit(X, y)
    singly = SklearnGridSearchCV(model, grid, cv=3).fit(X, y)
    np.testing.assert_array_equal(
        joint.cv_results_["mean_test_score"], singly.cv_results_["mean_test_score"]
    )
    assert [group["candidates"] for group in joint.joint_groups_] == [
        [0, 1, 2],
        [3, 4, 5],
    ]
    assert joint.best_params_ == singly.best_params_
