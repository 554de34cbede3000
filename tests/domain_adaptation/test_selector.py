"""A classifier or regressor on the rows of one domain: which rows, which weights."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_dl.domain_adaptation import CORAL, DomainSelector

DOMAINS = np.array([0, 1, 0, 1, -1, -2, -1, -2])
LABELLED = np.array([0, 0, 1, 1, 2, 2, 2, 2])
MASKED = np.array([0, 0, 1, 1, 2, 2, -1, -1])
X = np.arange(16.0).reshape(8, 2)


class Remembers(DummyClassifier):
    """Keeps what it is fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    ("train_on", "expected"),
    [
        ("source", [0, 1, 2, 3]),
        ("target", [4, 5]),
        ("both", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_the_labelled_rows_that_are_asked_for_are_seen(train_on, expected):
    model = DomainSelector(Remembers(), train_on=train_on)
    model.fit(X, MASKED, sample_domain=DOMAINS)
    seen_X, seen_y, seen_weight = model.estimator_.seen_
    np.testing.assert_array_equal(seen_X, X[expected])
    np.testing.assert_array_equal(seen_y, MASKED[expected])
    assert seen_weight is None
    np.testing.assert_array_equal(model.classes_, np.unique(MASKED[expected]))


@pytest.mark.parametrize("train_on", ["source", "both"])
def test_without_domains_rows_without_a_label_are_the_target(train_on):
    model = DomainSelector(Remembers(), train_on=train_on).fit(X, MASKED)
    np.testing.assert_array_equal(model.estimator_.seen_[0], X[:6])


@pytest.mark.parametrize("train_on", ["source", "target", "both"])
def test_with_one_domain_all_rows_are_seen(train_on):
    model = DomainSelector(Remembers(), train_on=train_on).fit(X, LABELLED)
    np.testing.assert_array_equal(model.estimator_.seen_[0], X)


def test_minus_one_beside_a_single_class_is_a_class():
    y = np.repeat([-1, 1], 4)
    model = DomainSelector(KNeighborsClassifier(1)).fit(X, y)
    np.testing.assert_array_equal(model.classes_, [-1, 1])
    np.testing.assert_array_equal(model.predict(X), y)


def test_strings_and_none_as_labels():
    y = np.array(["a", "b", "a", "b", "b", "a", None, None], dtype=object)
    model = DomainSelector(KNeighborsClassifier(1), train_on="both").fit(X, y)
    np.testing.assert_array_equal(model.predict(X[:6]), y[:6])


def test_minus_one_is_a_number_for_a_regressor_and_nan_is_the_mask():
    y = np.array([-1.0, 0, 1, 2, np.nan, np.nan, np.nan, np.nan])
    model = DomainSelector(DummyRegressor()).fit(X, y)
    assert model.predict(X)[0] == 0.5
    whole = DomainSelector(DummyRegressor()).fit(X[:4], np.array([-1, 0, 1, 2]))
    assert whole.predict(X)[0] == 0.5


def test_weights_of_rows_that_are_left_out_are_not_passed():
    weight = np.arange(8.0)
    model = DomainSelector(Remembers(), train_on="target")
    model.fit(X, MASKED, sample_domain=DOMAINS, sample_weight=weight)
    np.testing.assert_array_equal(model.estimator_.seen_[2], [4.0, 5.0])


@pytest.mark.parametrize("train_on", ["source", "target", "both"])
def test_predictions_are_those_of_the_estimator_on_these_rows(train_on):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    domains = np.repeat([0, -1], 30)
    rows = {"source": slice(30), "target": slice(30, 60), "both": slice(60)}[train_on]
    alone = LogisticRegression().fit(X[rows], y[rows])
    model = DomainSelector(LogisticRegression(), train_on=train_on)
    model.fit(X, y, sample_domain=domains)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        expected = getattr(alone, method)(X)
        np.testing.assert_array_equal(getattr(model, method)(X), expected)
        given = getattr(model, method)(X, sample_domain=domains)
        np.testing.assert_array_equal(given, expected)
    np.testing.assert_array_equal(
        model.decision_function(X), alone.decision_function(X)
    )
    weight = rng.uniform(size=60)
    assert model.score(X, y) == alone.score(X, y)
    assert model.score(X, y, domains, weight) == alone.score(X, y, weight)


def test_methods_and_tags_are_those_of_the_estimator():
    selector = DomainSelector(LinearSVC())
    assert hasattr(selector, "decision_function")
    assert not hasattr(selector, "predict_proba")
    assert is_classifier(selector) and not is_regressor(selector)
    assert is_regressor(DomainSelector(Ridge()))
    assert is_classifier(DomainSelector(make_pipeline(StandardScaler(), LinearSVC())))


def test_sparse_rows_and_frames_arrive_as_they_are():
    model = DomainSelector(Remembers()).fit(sp.coo_array(X), MASKED, DOMAINS)
    assert sp.issparse(model.estimator_.seen_[0])
    np.testing.assert_array_equal(model.estimator_.seen_[0].toarray(), X[:4])
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = DomainSelector(LogisticRegression()).fit(frame, MASKED, DOMAINS)
    assert list(model.feature_names_in_) == ["a", "b"]


def test_nothing_given_is_changed_and_pickles_predict_the_same():
    y, domains = MASKED.copy(), DOMAINS.copy()
    estimator = KNeighborsClassifier(1)
    model = DomainSelector(estimator).fit(X, y, domains)
    np.testing.assert_array_equal(y, MASKED)
    np.testing.assert_array_equal(domains, DOMAINS)
    assert not hasattr(estimator, "classes_")
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_pipeline_with_domains_from_the_mask_from_parameters_and_routed():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), rng.integers(2, size=80)
    X[40:] *= 3
    domains = np.repeat([2, -1], 40)
    y_masked = np.where(domains < 0, -1, y)
    by_hand = CORAL().fit(X, sample_domain=domains)
    trained = LogisticRegression().fit(by_hand.transform(X[:40], domains[:40]), y[:40])
    expected = trained.predict_proba(X)
    pipeline = make_pipeline(CORAL(), DomainSelector(LogisticRegression()))
    by_mask = clone(pipeline).fit(X, y_masked)
    np.testing.assert_allclose(by_mask.predict_proba(X), expected)
    by_name = clone(pipeline).fit(
        X, y, coral__sample_domain=domains, domainselector__sample_domain=domains
    )
    np.testing.assert_allclose(by_name.predict_proba(X), expected)
    with config_context(enable_metadata_routing=True):
        routed = clone(pipeline).fit(X, y, sample_domain=domains)
        np.testing.assert_allclose(routed.predict_proba(X), expected)
        # Source rows are mapped, and the score knows.
        of_source = trained.score(by_hand.transform(X[:40], domains[:40]), y[:40])
        assert routed.score(X[:40], y[:40], sample_domain=domains[:40]) == of_source


def rows_of_both_domains(n=60):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(n, 3)), rng.integers(2, size=n)
    return X, y, np.where(np.arange(n) % 2, -1, 0)


@pytest.mark.parametrize("routing", [False, True])
def test_a_search_passes_the_domains(routing):
    X, y, domains = rows_of_both_domains()
    pipeline = make_pipeline(CORAL(), DomainSelector(LogisticRegression()))
    grid = {"coral__reg": [0.1, 1.0], "domainselector__train_on": ["source", "both"]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    names = ["sample_domain"]
    if not routing:
        names = ["coral__sample_domain", "domainselector__sample_domain"]
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y, **dict.fromkeys(names, domains))
    best = clone(pipeline).set_params(**search.best_params_)
    best.fit(X, y, coral__sample_domain=domains, domainselector__sample_domain=domains)
    np.testing.assert_array_equal(search.predict_proba(X), best.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "fit_params", "match"),
    [
        ({"train_on": "all"}, {}, "train_on"),
        ({}, {"sample_domain": [0, -1]}, "8 rows"),
        ({}, {"sample_domain": -np.ones(8)}, "rows of a source domain"),
        ({"train_on": "target"}, {"sample_domain": np.zeros(8)}, "train_on='source'"),
        ({}, {"sample_weight": -np.ones(8)}, "[Nn]egative"),
        (
            {},
            {"sample_domain": DOMAINS, "sample_weight": DOMAINS < 0},
            "sample_weight of DomainSelector",
        ),
        (
            {"estimator": KNeighborsClassifier(1)},
            {"sample_weight": np.ones(8)},
            "must take sample_weight",
        ),
    ],
)
def test_bad_input_is_named(params, fit_params, match):
    model = DomainSelector(LogisticRegression()).set_params(**params)
    with pytest.raises(ValueError, match=match):
        model.fit(X, LABELLED, **fit_params)


def test_labels_of_the_target_are_asked_for_where_there_are_none():
    y = np.where(DOMAINS < 0, -1, LABELLED)
    with pytest.raises(ValueError, match="train_on='target'"):
        DomainSelector(LogisticRegression(), train_on="target").fit(X, y, DOMAINS)


def test_predictions_need_a_fit_and_domains_of_the_right_length():
    model = DomainSelector(LogisticRegression())
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X, LABELLED)
    with pytest.raises(ValueError, match="8 rows"):
        model.predict(X, sample_domain=[0])
