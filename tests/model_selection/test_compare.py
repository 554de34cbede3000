import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import FitFailedWarning, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.model_selection import ModelComparison, compare_models

X, y = load_iris(return_X_y=True)


class Failing(ClassifierMixin, BaseEstimator):
    """Fails on folds whose first training row is not the given one."""

    def __init__(self, when="always"):
        self.when = when

    def fit(self, X, y):
        if self.when == "always" or (self.when == "first" and X[0, 0] == 5.1):
            raise RuntimeError("no luck\nat all")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.when == "predict":
            raise RuntimeError("cannot predict")
        return np.full(len(X), self.classes_[0])


def rows_of(comparison, name):
    return comparison.results[comparison.results["model"] == name]


def models():
    return {"bayes": GaussianNB(), "dummy": DummyClassifier()}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_scores_are_those_of_cross_validate(n_jobs):
    candidates = {
        "search": GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": [0.01, 1.0]},
        ),
        "bayes": GaussianNB(),
    }
    scoring = ["accuracy", "neg_log_loss"]
    comparison = compare_models(candidates, X, y, scoring=scoring, n_jobs=n_jobs)
    for name, model in candidates.items():
        expected = cross_validate(model, X, y, scoring=scoring)
        rows = rows_of(comparison, name)
        assert list(rows["fold"]) == [0, 1, 2, 3, 4]
        for metric in scoring:
            np.testing.assert_array_equal(
                rows[f"test_{metric}"], expected[f"test_{metric}"]
            )


def test_results_hold_times_sizes_and_counts():
    results = compare_models(models(), X, y, cv=3).results
    assert list(results.columns) == [
        "model",
        "fold",
        "test_score",
        "fit_time",
        "predict_time",
        "score_time",
        "n_train",
        "n_test",
        "size",
        "error",
    ]
    assert list(results["model"]) == ["bayes"] * 3 + ["dummy"] * 3
    assert (results[["fit_time", "predict_time", "score_time"]] > 0).all(axis=None)
    assert set(results["n_train"]) == {100}
    assert set(results["n_test"]) == {50}
    train, _ = next(StratifiedKFold(3).split(X, y))
    assert results["size"][0] == len(
        pickle.dumps(GaussianNB().fit(X[train], y[train]), 5)
    )
    assert results["error"].isna().all()


@pytest.mark.parametrize(
    ("scoring", "metrics"),
    [
        (None, ["score"]),
        ("balanced_accuracy", ["balanced_accuracy"]),
        (make_scorer(accuracy_score), ["score"]),
        (("accuracy", "f1_macro"), ["accuracy", "f1_macro"]),
        ({"mine": make_scorer(accuracy_score)}, ["mine"]),
        (lambda model, X, y: {"a": 1.0, "b": model.score(X, y)}, ["a", "b"]),
    ],
)
def test_scoring_as_cross_validate_takes_it(scoring, metrics):
    comparison = compare_models(models(), X, y, scoring=scoring)
    assert comparison.metrics == metrics


def test_models_and_data_are_left_alone():
    given = models()
    before = {name: model.get_params() for name, model in given.items()}
    X_before, y_before = X.copy(), y.copy()
    compare_models(given, X, y)
    assert not any(hasattr(model, "classes_") for model in given.values())
    assert {name: model.get_params() for name, model in given.items()} == before
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)


def test_random_folds_are_drawn_once():
    cv = ShuffleSplit(4, random_state=np.random.RandomState(0))
    same = {"one": GaussianNB(), "two": GaussianNB()}
    results = compare_models(same, X, y, cv=cv).results
    np.testing.assert_array_equal(results["test_score"][:4], results["test_score"][4:])


def test_an_iterable_of_folds():
    folds = list(KFold(3, shuffle=True, random_state=0).split(X))
    comparison = compare_models(models(), X, y, cv=iter(folds))
    expected = cross_validate(GaussianNB(), X, y, cv=folds)["test_score"]
    np.testing.assert_array_equal(comparison.results["test_score"][:3], expected)
    assert comparison.description["Folds"] == "3, given as indices"


def test_folds_are_stratified_only_if_all_are_classifiers():
    comparison = compare_models(models(), X, y)
    assert comparison.description["Folds"].startswith("StratifiedKFold")
    mixed = {"bayes": GaussianNB(), "ridge": Ridge()}
    comparison = compare_models(mixed, X, y, scoring="r2")
    assert comparison.description["Folds"].startswith("KFold")


def test_groups():
    groups = np.arange(len(X)) % 7
    comparison = compare_models(models(), X, y, groups=groups, cv=GroupKFold(3))
    expected = cross_validate(GaussianNB(), X, y, groups=groups, cv=GroupKFold(3))
    np.testing.assert_array_equal(
        comparison.results["test_score"][:3], expected["test_score"]
    )


def test_fit_parameters_without_routing():
    weights = np.where(y == 2, 0.01, 1.0)
    comparison = compare_models(models(), X, y, params={"sample_weight": weights})
    expected = cross_validate(GaussianNB(), X, y, params={"sample_weight": weights})
    np.testing.assert_array_equal(
        comparison.results["test_score"][:5], expected["test_score"]
    )


@pytest.mark.filterwarnings("ignore:.*precision.*")
def test_metadata_routing_of_each_model():
    weights = np.where(y == 2, 0.01, 1.0)
    groups = np.arange(len(X)) % 7
    params = {"sample_weight": weights, "groups": groups}
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = GaussianNB().set_fit_request(sample_weight=True)
        unweighted = GaussianNB().set_fit_request(sample_weight=False)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        options = dict(params=params, cv=GroupKFold(3), scoring=scorer)
        comparison = compare_models(
            {"weighted": weighted, "unweighted": unweighted}, X, y, **options
        )
        for name, model in comparison.models.items():
            np.testing.assert_array_equal(
                rows_of(comparison, name)["test_score"],
                cross_validate(model, X, y, **options)["test_score"],
            )
        with_neighbours = {"weighted": weighted, "neighbours": KNeighborsClassifier()}
        compare_models(with_neighbours, X, y, **options)
        with pytest.raises(
            UnsetMetadataPassedError, match=r"sample_weight.*GaussianNB.fit"
        ):
            compare_models({"undecided": GaussianNB()}, X, y, **options)
        with pytest.raises(ValueError, match="groups must be passed"):
            compare_models(models(), X, y, groups=groups)
    scores = comparison.results["test_score"]
    assert not np.array_equal(scores[:3], scores[3:])


def test_a_failing_model_does_not_lose_the_others():
    given = {"fails": Failing(), "bayes": GaussianNB()}
    with pytest.warns(FitFailedWarning, match="5 of 10 fits.*") as caught:
        comparison = compare_models(given, X, y, scoring=["accuracy", "f1_macro"])
    assert len(caught) == 1
    assert "fails (5 folds), first error: fit: RuntimeError: no luck at all" in str(
        caught[0].message
    )
    failed = comparison.results.query("model == 'fails'")
    assert failed[["test_accuracy", "test_f1_macro"]].isna().all(axis=None)
    assert (failed["error"] == "fit: RuntimeError: no luck at all").all()
    summary = comparison.summary()
    assert list(summary.index) == ["bayes", "fails"]
    assert summary.loc["fails", "n_failed"] == 5
    assert comparison.best_name == "bayes"


def test_a_model_that_fails_on_some_folds_ranks_behind_those_that_do_not():
    given = {"sometimes": Failing("first"), "dummy": DummyClassifier()}
    cv = [(np.arange(50), np.arange(50)), (np.arange(50, 150), np.arange(150))]
    with pytest.warns(FitFailedWarning):
        comparison = compare_models(given, X, y, cv=cv)
    assert list(comparison.summary()["n_failed"]) == [0, 1]
    assert comparison.best_name == "dummy"


def test_prediction_and_scoring_errors_are_told_apart():
    def scorer(model, X, y):
        raise ValueError("no score")

    given = {"bayes": GaussianNB(), "predict": Failing("predict")}
    scoring = {"good": "accuracy", "bad": scorer}
    with pytest.warns(FitFailedWarning):
        comparison = compare_models(given, X, y, scoring=scoring)
    errors = comparison.results.groupby("model")["error"].first()
    assert errors["bayes"] == "score: bad: ValueError: no score"
    assert errors["predict"] == "predict: RuntimeError: cannot predict"
    bayes = comparison.results.query("model == 'bayes'")
    assert bayes["test_good"].notna().all()
    assert bayes["test_bad"].isna().all()


def test_all_failing_raises_with_the_first_errors():
    given = {"one": Failing(), "two": Failing("predict")}
    with pytest.raises(ValueError, match="All fits of compare_models failed") as error:
        compare_models(given, X, y)
    assert "one (5 folds), first error: fit: RuntimeError" in str(error.value)
    assert "two (5 folds), first error: predict: RuntimeError" in str(error.value)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([("a", GaussianNB())], TypeError, "models must be a dict.*got list"),
        ({}, ValueError, "at least one estimator"),
        ({1: GaussianNB()}, TypeError, "must be strings.*got 1 of type int"),
        ({"a": GaussianNB}, TypeError, r"models\['a'\] must be an estimator instance"),
        ({"a": "bayes"}, TypeError, r"models\['a'\] must be an estimator instance"),
        ({"a": GaussianNB(), "b": Ridge()}, ValueError, "scoring must be given"),
    ],
)
def test_wrong_models(given, error, message):
    with pytest.raises(error, match=message):
        compare_models(given, X, y)


def test_no_folds():
    with pytest.raises(ValueError, match="no folds"):
        compare_models(models(), X, y, cv=[])


def test_frames_texts_and_no_target():
    frame, target = load_diabetes(return_X_y=True, as_frame=True)
    comparison = compare_models({"ridge": Ridge()}, frame, target, cv=2)
    assert comparison.description["Data"] == "442 x 10 (DataFrame)"
    assert comparison.description["Target"] == "target (float64)"
    clusters = compare_models({"k": KMeans(2, random_state=0)}, X, cv=2)
    assert "Target" not in clusters.description
    listed = compare_models(models(), X.tolist(), y.tolist(), cv=2)
    assert listed.description["Data"] == "150 (list)"


class Recorder:
    """A callback that notes the tasks, for itself and for searches."""

    max_propagation_depth = None

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        names = []
        while context is not None:
            source = context.source_task_name
            names.insert(0, f"{source}={context.task_name}" if source else "")
            names[0] = names[0] or context.task_name
            context = context.parent
        self.events.append(tuple(names))

    def on_fit_task_end(self, estimator, context):
        pass


def test_callbacks_see_models_folds_and_searches():
    recorder = Recorder()
    given = {
        "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
        "plain": GaussianNB(),
    }
    # No warning that GaussianNB cannot pass callbacks on.
    compare_models(given, X, y, cv=2, callbacks=[recorder])
    events = recorder.events
    assert (events[0], events[-1]) == ("setup", "teardown")
    assert events.count(("compare", "search")) == 1
    assert events.count(("compare", "search", "fold=fit")) == 2
    assert events.count(("compare", "plain", "fold")) == 2
    candidates = [event for event in events if event[-1].startswith("candidate")]
    assert len(candidates) == 2 * 2 * 2
    with pytest.raises(TypeError, match="callbacks"):
        compare_models(given, X, y, callbacks=["bar"])


def test_progress_bar_in_other_processes(capsys):
    pytest.importorskip("rich", reason="needs rich")
    from sklearn.callback import ProgressBar

    given = {"search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)}
    compare_models(given, X, y, cv=2, n_jobs=2, callbacks=[ProgressBar()])
    shown = capsys.readouterr().out
    assert "Comparison - search" in shown
    assert "GridSearchCV" in shown
    assert "100%" in shown


def fixed(scores, n_test=20, n_train=80):
    rows = [
        {
            "model": name,
            "fold": fold,
            "scores": {"accuracy": score, "loss": -score},
            "fit_time": 1.0,
            "predict_time": 0.1,
            "score_time": 0.1,
            "n_train": n_train,
            "n_test": n_test,
            "size": 100,
            "error": None if np.isfinite(score) else "fit: E",
        }
        for name, values in scores.items()
        for fold, score in enumerate(values)
    ]
    return ModelComparison(rows, models=dict.fromkeys(scores, DummyRegressor()))


FIXED = {
    "low": [0.80, 0.80, 0.80, 0.79, 0.75],
    "high": [0.81, 0.79, 0.84, 0.80, 0.78],
    "same": [0.81, 0.79, 0.84, 0.80, 0.78],
}


def test_summary_ranks_and_compares_with_the_best():
    summary = fixed(FIXED).summary()
    assert list(summary.index) == ["high", "same", "low"]
    assert list(summary["rank"]) == [1, 1, 3]
    assert summary.loc["high", "mean"] == pytest.approx(0.804)
    assert summary.loc["high", "std"] == pytest.approx(np.std(FIXED["high"], ddof=1))
    tests = ["p_value", "p_better", "p_equivalent", "p_worse"]
    assert summary.loc["high", tests].isna().all()
    assert list(summary.loc["same", tests]) == [1.0, 0.0, 1.0, 0.0]
    # baycomp: 0.0588, 0.2762, 0.6649 seen from the lower one.
    np.testing.assert_allclose(
        summary.loc["low", tests[1:]].astype(float),
        [0.05884160756474377, 0.27624837909464683, 0.6649100133406094],
    )


def test_summary_of_another_metric_and_rope():
    comparison = fixed(FIXED)
    assert comparison.best_name == "high"
    assert comparison.summary("loss").index[0] == "low"
    wide = comparison.summary(rope=1.0)
    assert wide.loc["low", "p_equivalent"] == pytest.approx(1.0, abs=1e-3)


def test_pairwise_has_each_pair_once():
    pairs = fixed(FIXED).pairwise()
    assert list(zip(pairs["model_1"], pairs["model_2"], strict=True)) == [
        ("high", "same"),
        ("high", "low"),
        ("same", "low"),
    ]
    np.testing.assert_allclose(
        pairs[["p_better", "p_equivalent", "p_worse"]].sum(axis=1), 1.0
    )
    assert pairs["difference"][1] == pytest.approx(0.016)


def test_one_fold_has_no_test_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = fixed({"a": [0.9], "b": [0.8]}).summary()
    assert np.isnan(summary.loc["b", "p_value"])
    assert list(summary["rank"]) == [1, 2]


@pytest.mark.parametrize("method", ["summary", "pairwise"])
def test_wrong_metric_and_rope(method):
    call = getattr(fixed(FIXED), method)
    with pytest.raises(ValueError, match=r"metric must be one of.*got 'auc'"):
        call("auc")
    with pytest.raises(ValueError, match=r"rope must be at least 0.*got -1"):
        call(rope=-1)
    with pytest.raises(TypeError, match=r"rope must be a number.*got 'wide'"):
        call(rope="wide")


def test_repr_and_pickle():
    comparison = compare_models(models(), X, y, scoring="accuracy")
    assert repr(comparison).startswith(
        "<ModelComparison: accuracy over 5 folds: bayes="
    )
    copy = pickle.loads(pickle.dumps(comparison))
    pd.testing.assert_frame_equal(copy.summary(), comparison.summary())
    assert repr(copy) == repr(comparison)


def test_unpicklable_models_have_no_size():
    scoring = make_scorer(accuracy_score)
    search = GridSearchCV(
        GaussianNB(),
        {"var_smoothing": [1e-9]},
        scoring=lambda m, X, y: scoring(m, X, y),
    )
    results = compare_models({"search": search}, X, y, cv=2).results
    assert results["size"].isna().all()
    assert results["error"].isna().all()


def test_clones_are_fresh_in_each_fold():
    counted = []

    class Counting(GaussianNB):
        def fit(self, X, y):
            counted.append(hasattr(self, "classes_"))
            return super().fit(X, y)

    model = Counting()
    compare_models({"counting": model}, X, y, cv=StratifiedKFold(3))
    assert counted == [False] * 3
    assert clone(model).get_params() == model.get_params()
