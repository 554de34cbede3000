"""Searches end as scikit-learn's own do on the same estimator."""

import contextlib
import io
import re
import subprocess
import sys
import warnings
from inspect import signature

import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.model_selection
from scipy import sparse
from scipy.stats import loguniform
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

import sklearn_dl.model_selection
from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor
from sklearn_dl.utils import _sklearn as private

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = make_classification(
    n_samples=150, n_features=8, n_informative=5, n_classes=3, random_state=0
)
X_reg, y_reg = make_regression(n_samples=120, n_features=6, noise=5.0, random_state=0)
y_reg /= y_reg.std()
rng = np.random.default_rng(0)
GROUPS = rng.integers(6, size=len(y))
WEIGHTS = rng.uniform(0.1, 2.0, size=len(y))
FOLDS = rng.integers(-1, 3, size=len(y))
WORDS = np.array(["red", "green", "blue"])
TEXTS = [
    " ".join([WORDS[label], *rng.choice([*WORDS, "grey", "black"], 4)]) for label in y
]
FRAME = pd.DataFrame(X, columns=[f"feature {k}" for k in range(X.shape[1])])

NETWORK = MLPClassifier((8,), max_iter=8, random_state=0)
RATES = {"learning_rate_init": [1e-3, 1e-2], "alpha": [1e-4, 1.0]}
REGRESSOR = MLPRegressor(hidden_layer_sizes=(8,), max_iter=8, random_state=0)
BOOSTER = GradientBoostingClassifier(max_leaf_nodes=4, random_state=0)
BOOSTER_GRID = {"max_iter": [2, 5, 9], "learning_rate": [0.1, 0.5]}
PREPARED = Pipeline(
    [("scale", StandardScaler()), ("reduce", PCA()), ("network", NETWORK)]
)
SEVERAL = {"accuracy": "accuracy", "macro": make_scorer(f1_score, average="macro")}


def scores_as_dict(estimator, X, y):
    prediction = estimator.predict(X)
    return {
        "accuracy": accuracy_score(y, prediction),
        "first": float(np.mean(prediction == 0)),
    }


def simplest_of_the_good(results):
    good = results["mean_test_score"] >= results["mean_test_score"].max() - 0.05
    return int(np.flatnonzero(good)[0])


def grid(estimator, values, data=(X, y), fit_params=None, **options):
    return "GridSearchCV", (estimator, values), options, data, fit_params or {}


def other(name, estimator, values, data=(X, y), **options):
    return name, (estimator, values), options, data, {}


SEARCHES = {
    "network": grid(NETWORK, RATES, cv=3),
    "network regressor": grid(REGRESSOR, RATES, (X_reg, y_reg), cv=3),
    "architectures": grid(
        NETWORK,
        [{"hidden_layer_sizes": [(4,), (6, 6)], "activation": ["relu", "tanh"]}, {}],
        cv=3,
    ),
    "scaler, PCA and network": grid(
        PREPARED,
        {"reduce__n_components": [2, 4], "network__alpha": [1e-4, 1.0]},
        cv=3,
        return_train_score=True,
    ),
    "steps exchanged": grid(
        PREPARED,
        {"scale": [StandardScaler(), MinMaxScaler(), "passthrough"]},
        cv=3,
    ),
    "models exchanged": grid(
        Pipeline([("scale", StandardScaler()), ("model", NETWORK)]),
        [{"model": [NETWORK, SVC()]}, {"model": [Ridge()], "model__alpha": [0.1]}],
        cv=3,
        scoring=lambda model, X, y: float(np.mean(np.round(model.predict(X)) == y)),
    ),
    "booster": grid(BOOSTER, BOOSTER_GRID, cv=3, return_train_score=True),
    "booster regressor": grid(
        GradientBoostingRegressor(max_leaf_nodes=4, random_state=0),
        {"max_iter": [3, 6], "subsample": [0.5, 1.0]},
        (X_reg, y_reg),
        cv=3,
        scoring="neg_mean_absolute_error",
    ),
    "texts": grid(
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        {
            "tfidfvectorizer__use_idf": [True, False],
            "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
            "logisticregression__C": [0.1, 1.0],
        },
        (TEXTS, y),
        cv=3,
    ),
    "several scores": grid(NETWORK, RATES, cv=3, scoring=SEVERAL, refit="macro"),
    "several scores without refit": grid(
        NETWORK, RATES, cv=3, scoring=["accuracy", "f1_macro"], refit=False
    ),
    "refit by function": grid(NETWORK, RATES, cv=3, refit=simplest_of_the_good),
    "scoring that returns a dictionary": grid(
        PREPARED,
        {"network__alpha": [1e-4, 1.0]},
        cv=3,
        scoring=scores_as_dict,
        refit="accuracy",
        return_train_score=True,
    ),
    "groups": grid(NETWORK, RATES, cv=GroupKFold(3), fit_params={"groups": GROUPS}),
    "weights": grid(NETWORK, RATES, cv=3, fit_params={"sample_weight": WEIGHTS}),
    "weights of a step": grid(
        PREPARED,
        {"network__alpha": [1e-4, 1.0]},
        cv=3,
        fit_params={"network__sample_weight": WEIGHTS},
    ),
    "ragged folds": grid(NETWORK, RATES, cv=PredefinedSplit(FOLDS)),
    "folds as an iterable": grid(
        NETWORK, RATES, cv=[*ShuffleSplit(2, test_size=0.3, random_state=0).split(X)]
    ),
    "folds as masks": grid(
        NETWORK, RATES, cv=[(FOLDS != fold, FOLDS == fold) for fold in range(2)]
    ),
    "early stopping": grid(
        MLPClassifier((8,), early_stopping=True, n_iter_no_change=2, random_state=0),
        {"learning_rate_init": [1e-2, 0.5], "max_iter": [5, 30]},
        cv=3,
    ),
    "pandas": grid(PREPARED, {"network__alpha": [1e-4, 1.0]}, (FRAME, y), cv=3),
    "sparse": grid(NETWORK, RATES, (sparse.csr_matrix(X), y), cv=3),
    "labels are strings": grid(
        NETWORK, RATES, (X, WORDS[y]), cv=StratifiedKFold(3), scoring="roc_auc_ovr"
    ),
    "one by one": grid(SVC(), {"C": [0.1, 1.0], "kernel": ["rbf", "linear"]}, cv=3),
    "draws": other(
        "RandomizedSearchCV",
        NETWORK,
        {"learning_rate_init": loguniform(1e-4, 1e-1)},
        n_iter=5,
        cv=3,
        random_state=0,
    ),
    "halving over rows": other(
        "HalvingGridSearchCV",
        BOOSTER,
        {"learning_rate": [0.05, 0.1, 0.2, 0.4]},
        cv=3,
        random_state=0,
    ),
    "halving over rounds": other(
        "HalvingRandomSearchCV",
        BOOSTER,
        {"learning_rate": loguniform(0.05, 1.0)},
        resource="max_iter",
        min_resources=2,
        max_resources=18,
        cv=3,
        random_state=0,
    ),
    "halving over epochs": other(
        "HalvingGridSearchCV",
        NETWORK,
        RATES,
        resource="max_iter",
        min_resources=2,
        max_resources=8,
        factor=2,
        aggressive_elimination=True,
        cv=3,
        random_state=0,
    ),
}
SCIKIT_LEARN = {
    "GridSearchCV": sklearn.model_selection.GridSearchCV,
    "RandomizedSearchCV": sklearn.model_selection.RandomizedSearchCV,
    "HalvingGridSearchCV": private.HalvingGridSearchCV,
    "HalvingRandomSearchCV": private.HalvingRandomSearchCV,
}
OURS = {name: getattr(sklearn_dl.model_selection, name) for name in SCIKIT_LEARN}


def fit_both(case, **more):
    name, arguments, options, data, fit_params = case
    return tuple(
        family[name](*arguments, **{**options, **more}).fit(*data, **fit_params)
        for family in (OURS, SCIKIT_LEARN)
    )


def assert_same_results(ours, theirs):
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        if name.endswith("_time"):
            assert ours[name].shape == values.shape
            assert np.isfinite(ours[name]).all()
        elif name == "params":
            assert repr(ours[name]) == repr(values)
        elif name.startswith("param_"):
            assert repr(ours[name]) == repr(values)
        elif name.startswith("rank_"):
            np.testing.assert_array_equal(ours[name], values)
        else:
            np.testing.assert_allclose(
                ours[name], values, rtol=1e-4, atol=1e-6, err_msg=name
            )


def assert_same_search(ours, theirs, X):
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    for name in ("best_index_", "n_splits_", "multimetric_", "n_features_in_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    assert repr(getattr(ours, "best_params_", 0)) == repr(
        getattr(theirs, "best_params_", 0)
    )
    assert hasattr(ours, "best_score_") == hasattr(theirs, "best_score_")
    if hasattr(theirs, "best_score_"):
        assert ours.best_score_ == pytest.approx(
            theirs.best_score_, rel=1e-4, nan_ok=True
        )
    assert repr(ours.scorer_) == repr(theirs.scorer_)
    if theirs.refit:
        assert ours.refit_time_ > 0
        one, another = ours.predict(X), theirs.predict(X)
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, another, rtol=1e-3, atol=1e-5)
        else:
            np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("name", SEARCHES)
def test_same_as_scikit_learn(name):
    ours, theirs = fit_both(SEARCHES[name])
    assert_same_search(ours, theirs, SEARCHES[name][3][0])
    placed = sorted(k for group in ours.joint_groups_ for k in group["candidates"])
    assert placed == [*range(len(ours.cv_results_["params"]))]


@pytest.mark.parametrize("name", ["network", "booster", "halving over rows", "texts"])
def test_same_with_two_jobs(name):
    assert_same_search(*fit_both(SEARCHES[name], n_jobs=2), SEARCHES[name][3][0])


def test_what_joins_and_what_does_not():
    def ways(name):
        search = fit_both(SEARCHES[name])[0]
        return {group["how"] for group in search.joint_groups_}

    assert ways("one by one") == {"one by one"}
    assert "one by one" not in ways("network")
    assert "front of 1 step shared" in ways("models exchanged")
    assert ways("texts") == {"parts of TfidfVectorizer shared"}


class TestNested:
    def test_cross_validation_of_a_search(self):
        name, arguments, options, data, _ = SEARCHES["network"]
        scores = [
            sklearn.model_selection.cross_val_score(
                family[name](*arguments, **options), *data, cv=3
            )
            for family in (OURS, SCIKIT_LEARN)
        ]
        np.testing.assert_allclose(*scores)

    def test_a_search_over_a_search(self):
        inner = OURS["GridSearchCV"](NETWORK, RATES, cv=2)
        theirs = SCIKIT_LEARN["GridSearchCV"](NETWORK, RATES, cv=2)
        outer = [
            family["GridSearchCV"](
                search, {"estimator__hidden_layer_sizes": [(4,), (8,)]}, cv=2
            ).fit(X, y)
            for family, search in ((OURS, inner), (SCIKIT_LEARN, theirs))
        ]
        np.testing.assert_allclose(
            *(search.cv_results_["mean_test_score"] for search in outer)
        )


class TestFailures:
    # A scaler that fails in some folds, and a network that fails for some candidates.
    BAD = {"alpha": [1e-4, -1.0, 1.0]}

    @pytest.mark.parametrize("error_score", [np.nan, -1.0])
    @pytest.mark.parametrize(
        "scoring", [None, scores_as_dict, ["accuracy", "f1_macro"]]
    )
    def test_a_failing_candidate_is_reported(self, error_score, scoring):
        several = {"refit": "accuracy"} if scoring else {}
        searches, said = [], []
        for family in (OURS, SCIKIT_LEARN):
            with warnings.catch_warnings(record=True) as record:
                warnings.simplefilter("always")
                searches.append(
                    family["GridSearchCV"](
                        NETWORK,
                        self.BAD,
                        cv=3,
                        error_score=error_score,
                        scoring=scoring,
                        return_train_score=True,
                        **several,
                    ).fit(X, y)
                )
            kinds = (FitFailedWarning, UserWarning)
            said.append([w for w in record if w.category in kinds])
        assert_same_search(*searches, X)
        assert [w.category for w in said[0]] == [w.category for w in said[1]]
        failures = [
            next(str(w.message) for w in part if w.category is FitFailedWarning)
            for part in said
        ]
        first = [text.split("If these failures")[0] for text in failures]
        assert first[0] == first[1]
        assert "3 fits failed out of a total of 9" in first[0]
        assert "alpha" in failures[0]

    def test_raise(self):
        search = OURS["GridSearchCV"](NETWORK, self.BAD, cv=3, error_score="raise")
        with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifier"):
            search.fit(X, y)

    def test_all_fail(self):
        search = OURS["GridSearchCV"](NETWORK, {"alpha": [-1.0]}, cv=3)
        with pytest.raises(ValueError, match="All the 3 fits failed"):
            search.fit(X, y)

    def test_a_parameter_that_does_not_exist(self):
        search = OURS["GridSearchCV"](NETWORK, {"alpha": [1.0], "nothing": [1]}, cv=3)
        with pytest.raises(ValueError, match="Invalid parameter 'nothing'"):
            search.fit(X, y)

    def test_a_scorer_that_fails(self):
        def scorer(estimator, X, y):
            raise RuntimeError("no score")

        case = grid(PREPARED, {"network__alpha": [1e-4, 1.0]}, cv=3, scoring=scorer)
        with (
            pytest.warns(UserWarning, match="no score"),
            pytest.warns(UserWarning, match="scores are non-finite"),
        ):
            ours, theirs = fit_both(case)
        assert_same_search(ours, theirs, X)

    def test_no_candidates(self):
        search = OURS["GridSearchCV"](NETWORK, [], cv=3)
        with pytest.raises(ValueError, match=r"No fits were performed by GridSearchCV"):
            search.fit(X, y)

    def test_splits_that_are_not_as_many_as_said(self):
        class Wrong(KFold):
            def get_n_splits(self, X=None, y=None, groups=None):
                return 7

        search = OURS["GridSearchCV"](NETWORK, RATES, cv=Wrong(3))
        with pytest.raises(ValueError, match=r"'cv' parameter of GridSearchCV .* 7, "):
            search.fit(X, y)


class TestParameters:
    @pytest.mark.parametrize("name", OURS)
    def test_the_signature_is_scikit_learns_and_a_checkpoint(self, name):
        ours = [*signature(OURS[name]).parameters.values()]
        theirs = [*signature(SCIKIT_LEARN[name]).parameters.values()]
        assert list(map(str, ours[:-1])) == list(map(str, theirs))
        assert str(ours[-1]) == "checkpoint=None"
        assert ours[-1].kind == theirs[-1].kind

    def test_a_wrong_checkpoint(self):
        search = OURS["GridSearchCV"](NETWORK, RATES, checkpoint=3)
        with pytest.raises(ValueError, match="'checkpoint' parameter of GridSearchCV"):
            search.fit(X, y)

    def test_halving_needs_no_switch_and_sets_none(self):
        code = (
            "import sklearn.model_selection, sklearn_dl.model_selection as ours\n"
            "assert ours.HalvingGridSearchCV\n"
            "assert 'HalvingGridSearchCV' not in vars(sklearn.model_selection)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_without_refit_there_are_no_predictions(self):
        search = OURS["GridSearchCV"](NETWORK, RATES, cv=2, refit=False).fit(X, y)
        with pytest.raises(AttributeError):
            search.predict(X)

    def test_unfitted(self):
        with pytest.raises(NotFittedError):
            OURS["GridSearchCV"](NETWORK, RATES).predict(X)


def lines(search, data):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        search.fit(*data)
    # How long a time is says where the scores begin.
    text = re.sub(r"total time= +.*", "", out.getvalue())
    return sorted(text.splitlines())


@pytest.mark.parametrize("verbose", [1, 2, 3, 10])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("scoring", [None, ["accuracy", "f1_macro"]])
def test_lines_are_those_of_scikit_learn(verbose, train, scoring):
    options = {"verbose": verbose, "cv": 2, "return_train_score": train}
    options |= {"scoring": scoring, "refit": False}
    written = [
        lines(family["GridSearchCV"](BOOSTER, {"max_iter": [2, 3]}, **options), (X, y))
        for family in (OURS, SCIKIT_LEARN)
    ]
    assert written[0] == written[1]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


class TestRouting:
    def test_without_metadata(self, routing):
        ours, theirs = fit_both(SEARCHES["network"])
        assert_same_search(ours, theirs, X)
        assert "one by one" not in {group["how"] for group in ours.joint_groups_}

    def test_with_metadata_nothing_is_joined(self, routing):
        network = sklearn.clone(NETWORK).set_fit_request(sample_weight=True)
        scoring = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        case = grid(
            network,
            RATES,
            cv=GroupKFold(3),
            scoring=scoring,
            fit_params={"sample_weight": WEIGHTS, "groups": GROUPS},
        )
        ours, theirs = fit_both(case)
        assert_same_search(ours, theirs, X)
        assert {group["how"] for group in ours.joint_groups_} == {"one by one"}


def test_feature_names_are_kept():
    search = OURS["GridSearchCV"](BOOSTER, {"max_iter": [2, 3]}, cv=2).fit(FRAME, y)
    assert [*search.feature_names_in_] == [*FRAME.columns]


def test_data_and_estimator_stay_as_they_are():
    X_iris, y_iris = load_iris(return_X_y=True)
    copies = X_iris.copy(), y_iris.copy()
    network = sklearn.clone(NETWORK)
    before = dict(vars(network))
    OURS["GridSearchCV"](network, RATES, cv=2, n_jobs=2).fit(X_iris, y_iris)
    assert vars(network) == before
    np.testing.assert_array_equal(X_iris, copies[0])
    np.testing.assert_array_equal(y_iris, copies[1])
