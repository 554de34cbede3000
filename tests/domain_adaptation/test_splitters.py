"""The source always trains; rows of the target with a label take turns to test."""

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    StratifiedShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import model_selection
from sklearn_dl.domain_adaptation import TargetKFold, TargetShuffleSplit, pack
from sklearn_dl.domain_adaptation._domains import DomainAwareMixin

SPLITTERS = [
    TargetKFold(3),
    TargetKFold(3, shuffle=True, random_state=0),
    TargetShuffleSplit(4, test_size=0.3, random_state=0),
]
SEARCHES = [GridSearchCV, model_selection.GridSearchCV]


def make_domains(labels=(0, 1)):
    """Shuffled rows: 20 source, 30 target with labels, 10 target without."""
    rng = np.random.default_rng(0)
    domains = np.repeat([0, 1, -1, -2], [12, 8, 30, 10])
    codes = rng.integers(0, 2, 60)
    X = rng.normal(size=(60, 3)) + 3 * codes[:, None]
    y = np.array(labels)[codes]
    if y.dtype.kind == "U":
        y = y.astype(object)
    y[domains == -2] = None if y.dtype == object else -1
    order = rng.permutation(60)
    return X[order], y[order], domains[order]


class Recorder(DomainAwareMixin, ClassifierMixin, BaseEstimator):
    """Counts its training rows by domain, and predicts the mean's side."""

    def __init__(self, bias=0.0):
        self.bias = bias

    def fit(self, X, y, sample_domain=None):
        self.domains_ = None if sample_domain is None else np.array(sample_domain)
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X, sample_domain=None):
        return (X.mean(axis=1) > 1.5 + self.bias).astype(int)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
@pytest.mark.parametrize("labels", [(0, 1), ("a", "b"), (4, 9)])
def test_all_but_the_tested_target_rows_train(splitter, labels):
    X, y, domains = make_domains(labels)
    folds = list(splitter.split(X, y, sample_domain=domains))
    assert len(folds) == splitter.get_n_splits(X, y) == splitter.n_splits
    for train, test in folds:
        assert np.array_equal(np.sort([*train, *test]), np.arange(60))
        assert (domains[test] == -1).all()
        assert len(test) > 5


def test_each_target_row_with_a_label_tests_once_and_folds_keep_the_classes():
    X, y, domains = make_domains()
    folds = [test for _, test in TargetKFold(3).split(X, y, domains)]
    assert np.array_equal(np.sort(np.concatenate(folds)), np.flatnonzero(domains == -1))
    shares = [y[test].mean() for test in folds]
    assert max(shares) - min(shares) < 0.11


def test_target_folds_are_those_of_scikit_learn_on_the_target_alone():
    X, y, domains = make_domains()
    scored = np.flatnonzero(domains == -1)
    for ours, theirs in (
        (
            TargetKFold(4, shuffle=True, random_state=3),
            StratifiedKFold(4, shuffle=True, random_state=3),
        ),
        (
            TargetShuffleSplit(3, test_size=8, train_size=10, random_state=3),
            StratifiedShuffleSplit(3, test_size=8, train_size=10, random_state=3),
        ),
    ):
        expected = theirs.split(X[scored], y[scored])
        found = ours.split(X, y, domains)
        for (train, test), (e_train, e_test) in zip(found, expected, strict=True):
            assert np.array_equal(test, np.sort(scored[e_test]))
            trains = np.flatnonzero(domains == -1)
            trains = np.intersect1d(train, trains)
            assert np.array_equal(trains, np.sort(scored[e_train]))


def test_numbers_to_be_predicted_are_not_stratified():
    X, _, domains = make_domains()
    y = np.where(domains == -2, np.nan, np.arange(60.0))
    folds = list(TargetKFold(3).split(X, y, domains))
    assert np.array_equal(
        np.concatenate([test for _, test in folds]), np.flatnonzero(domains == -1)
    )


@pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
def test_domains_may_come_in_third_place_as_groups_or_by_name(splitter):
    X, y, domains = make_domains()
    expected = [test.tolist() for _, test in splitter.split(X, y, domains)]
    for keywords in (
        {"groups": domains},
        {"sample_domain": domains.tolist()},
        {"sample_domain": domains, "groups": domains},
    ):
        found = [test.tolist() for _, test in splitter.split(X, y, **keywords)]
        assert found == expected


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("scoring", ["accuracy", None])
def test_plain_accuracy_of_a_search_is_accuracy_on_the_target(search, routing, scoring):
    X, y, domains = make_domains()
    # The source says the opposite: accuracy on it would be near 0.
    y[domains >= 0] = 1 - y[domains >= 0]
    passed = {"sample_domain": domains, "groups": domains}
    with sklearn.config_context(enable_metadata_routing=routing):
        found = search(
            Recorder(), {"bias": [0.0, 9.0]}, cv=TargetKFold(3), scoring=scoring
        ).fit(X, y, **passed)
        if routing:
            del passed["groups"]
            search(Recorder(), {"bias": [0.0]}, cv=TargetKFold(3)).fit(X, y, **passed)
    assert found.best_params_ == {"bias": 0.0}
    assert found.best_score_ > 0.9
    assert np.array_equal(found.best_estimator_.domains_, domains)


@pytest.mark.parametrize("routing", [False, True])
def test_a_pipeline_is_searched_by_target_accuracy(routing):
    X, y, domains = make_domains()
    pipeline = make_pipeline(StandardScaler(), Recorder(bias=-1.5))
    name = "sample_domain" if routing else "recorder__sample_domain"
    with sklearn.config_context(enable_metadata_routing=routing):
        found = GridSearchCV(
            pipeline, {"recorder__bias": [-1.5, 9.0]}, cv=TargetKFold(3)
        ).fit(X, y, groups=domains, **{name: domains})
    assert found.best_params_ == {"recorder__bias": -1.5}
    assert np.array_equal(found.best_estimator_[-1].domains_, domains)


def test_cross_validation_of_a_plain_classifier_scores_the_target():
    X, y, domains = pack(
        *(np.array([[0.0], [1.0]] * 5), [1, 0] * 5),
        *(np.array([[0.0], [1.0]] * 30), [0, 1] * 30),
    )
    scores = cross_val_score(
        LogisticRegression(), X, y, groups=domains, cv=TargetKFold(5)
    )
    assert scores.tolist() == [1.0] * 5


@pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
def test_no_labelled_target_names_the_scorers_that_need_none(splitter):
    X, y, domains = make_domains()
    y[domains < 0] = -1
    for sample_domain in (domains, None):
        with pytest.raises(ValueError, match=r"PredictionEntropyScorer.* or MixVal"):
            next(splitter.split(X, y, sample_domain=sample_domain))
    with pytest.raises(ValueError, match="got no target row"):
        next(splitter.split(X, np.abs(y)))


def test_bad_input_is_refused():
    X, y, domains = make_domains()
    splitter = TargetKFold(3)
    with pytest.raises(ValueError, match="must be the same if both"):
        next(splitter.split(X, y, groups=domains, sample_domain=-1 - domains))
    with pytest.raises(ValueError, match="TargetKFold requires y"):
        next(splitter.split(X, sample_domain=domains))
    with pytest.raises(ValueError, match="one number for each of the 60 rows"):
        next(splitter.split(X, y, domains[:5]))
    with pytest.raises(ValueError, match="rows of a source domain, got none"):
        next(splitter.split(X, y, np.full(60, -1)))
    message = "encode the classes from 0.* number to be predicted, pass floating"
    with pytest.raises(ValueError, match=message):
        next(splitter.split(X, np.where(domains < 0, y, -1), domains))
    with pytest.raises(ValueError, match="n_splits=2 or more"):
        TargetKFold(1)
    with pytest.raises(ValueError, match="random_state"):
        TargetKFold(random_state=0)


def test_a_splitter_shows_its_parameters_and_survives_a_clone_of_the_search():
    splitter = TargetKFold(4, shuffle=True, random_state=1)
    assert repr(splitter) == "TargetKFold(n_splits=4, random_state=1, shuffle=True)"
    X, y, domains = make_domains()
    copy = clone(GridSearchCV(Recorder(), {}, cv=splitter)).cv
    for (_, one), (_, other) in zip(
        splitter.split(X, y, domains), copy.split(X, y, domains), strict=True
    ):
        assert np.array_equal(one, other)
