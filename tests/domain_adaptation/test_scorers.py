"""Scores without target labels: by hand, in order, blind, and in searches."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_dl import model_selection
from sklearn_dl.domain_adaptation import (
    CircularValidationScorer,
    DANNClassifier,
    DeepEmbeddedValidationScorer,
    ImportanceWeightedScorer,
    MixValScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensityScorer,
    pack,
)
from sklearn_dl.domain_adaptation._domains import DomainAwareMixin, read_domains
from sklearn_dl.neural_network import CNNClassifier

SCORERS = [
    ImportanceWeightedScorer(),
    DeepEmbeddedValidationScorer(),
    CircularValidationScorer(),
    PredictionEntropyScorer(),
    SoftNeighborhoodDensityScorer(),
    MixValScorer(),
]
OF_TARGET_ONLY = SCORERS[3:]
OF_SOURCE_TOO = SCORERS[:3]
SEARCHES = [GridSearchCV, model_selection.GridSearchCV]


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts what stands in X: the first column is the probability of class 1."""

    classes_ = np.array([0, 1])

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict_proba(self, X):
        return np.column_stack([1 - X[:, 0], X[:, 0]])

    def predict(self, X):
        return (X[:, 0] > 0.5).astype(int)


class KnownDomains(Fixed):
    """Knows the probability of the target: the second column."""

    def predict_proba(self, X):
        return np.column_stack([1 - X[:, 1], X[:, 1]])


class Threshold(ClassifierMixin, BaseEstimator):
    def __init__(self, at=0.5):
        self.at = at

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        share = 1 / (1 + np.exp(-10 * (np.asarray(X)[:, 0] - self.at)))
        return np.column_stack([1 - share, share])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Mover(DomainAwareMixin, ClassifierMixin, BaseEstimator):
    """Moves the target to where the source is, if it is to; then is logistic."""

    def __init__(self, move=True):
        self.move = move

    def fit(self, X, y, sample_domain=None):
        y, domains = read_domains(self, X, y, sample_domain)
        source = domains.is_source
        self.shift_ = np.zeros(X.shape[1])
        if self.move and domains.has_target:
            self.shift_ = X[~source].mean(axis=0) - X[source].mean(axis=0)
        labels = np.array(y[source].tolist())
        self.model_ = LogisticRegression().fit(X[source], labels)
        self.classes_ = self.model_.classes_
        return self

    def predict_features(self, X, sample_domain=None):
        is_target = np.ones(len(X), bool)
        if sample_domain is not None:
            is_target = np.asarray(sample_domain) < 0
        return X - is_target[:, None] * self.shift_

    def predict_proba(self, X, sample_domain=None):
        return self.model_.predict_proba(self.predict_features(X, sample_domain))

    def predict(self, X, sample_domain=None):
        return self.model_.predict(self.predict_features(X, sample_domain))


def make_shifted(labels=(0, 1), n_rows=200, shift=2.9):
    """Two classes; in the target the middle of one is at the source's boundary."""
    X, codes = make_blobs(
        n_rows, centers=[[0, 0], [6, 0]], cluster_std=0.8, random_state=0
    )
    y = np.array(labels)[codes]
    domains = np.random.default_rng(0).permutation(np.repeat([0, -1], n_rows // 2))
    X[domains < 0] += [shift, 1]
    return X, y, domains


def mask(y, domains):
    masked = y.astype(object) if y.dtype.kind == "U" else y.copy()
    masked[domains < 0] = None if masked.dtype == object else -1
    return masked


def test_importance_weighted_by_hand():
    # Weights .5/.5, .75/.25 and .2/.8, times 3 sources / 2 targets.
    X = np.array([[1, 0.5], [1, 0.75], [0, 0.2], [0, 0.9], [0, 0.9]])
    y, domains = np.array([1, 0, 0, -1, -1]), [0, 0, 0, -1, -1]
    scorer = ImportanceWeightedScorer(domain_classifier=KnownDomains())
    right, wrong = 1 + 0.25, 3
    assert scorer(Fixed(), X, y, domains) == pytest.approx(right / (right + wrong))
    loss = ImportanceWeightedScorer(
        domain_classifier=KnownDomains(), scoring="neg_mean_squared_error"
    )
    assert loss(Fixed(), X, y, domains) == pytest.approx(-wrong / (right + wrong))


def test_deep_embedded_validation_by_hand():
    # Odds 2 and 6 of 4 rows to 2 are weights 1 and 3, with losses 1 and 0. The mean of
    # products is .5, their covariance with the weights -1, the variance of the weights
    # 2. So eta is .5, and the risk is
    # .5 + .5 * 2 - .5.
    X = np.array([[1, 2 / 3], [1, 6 / 7], *[[0, 0.9]] * 4])
    y, domains = np.array([0, 1, *[-1] * 4]), [0, 0, *[-1] * 4]
    scorer = DeepEmbeddedValidationScorer(
        loss="zero_one", domain_classifier=KnownDomains()
    )
    assert scorer(Fixed(), X, y, domains) == pytest.approx(-1)
    # Without variance there is nothing to correct by.
    X[:, 1] = 2 / 3
    assert scorer(Fixed(), X, y, domains) == pytest.approx(-0.5)
    X[:2, 0] = [0.5, 0.25]
    scorer.loss = "log_loss"
    expected = (np.log(0.5) + np.log(0.25)) / 2
    assert scorer(Fixed(), X, y, domains) == pytest.approx(expected)


def test_circular_validation_by_hand():
    # Of the target 10 is class 0 and 11 class 1; both source rows are next to 10.
    X, y = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 1, -1, -1])
    model = KNeighborsClassifier(1).fit([[0.0], [10.1], [10.9]], [0, 0, 1])
    assert CircularValidationScorer()(model, X, y) == 0.5
    # All target rows are class 1, and so is the source.
    model.fit([[0.0], [9.0]], [0, 1])
    assert CircularValidationScorer()(model, X, y) == 0.5
    assert CircularValidationScorer(scoring="recall")(model, X, y) == 1


def test_prediction_entropy_by_hand():
    X, y = np.array([[0.3], [0.5], [1.0]]), np.array([0, -1, -1])
    scorer = PredictionEntropyScorer()
    assert scorer(Fixed(), X, y) == pytest.approx(-np.log(2) / 2)


def test_soft_neighborhood_density_by_hand(monkeypatch):
    # Two rows alike and one at a right angle, at the temperature 1.
    X, y = np.array([[0.3], [1.0], [1.0], [0.0]]), np.array([0, -1, -1, -1])
    near = np.e / (np.e + 1)
    entropy = -near * np.log(near) - (1 - near) * np.log(1 - near)
    expected = pytest.approx((2 * entropy + np.log(2)) / 3)
    scorer = SoftNeighborhoodDensityScorer(temperature=1.0)
    assert scorer(Fixed(), X, y) == expected
    module = "sklearn_dl.domain_adaptation._target_scorers._N_SIMILARITIES"
    monkeypatch.setattr(module, 3)
    assert scorer(Fixed(), X, y) == expected


def test_soft_neighborhood_density_holds_few_similarities_at_once():
    X = np.random.default_rng(0).random((6000, 1))
    scorer = SoftNeighborhoodDensityScorer()
    tracemalloc.start()
    scorer(Fixed(), X, sample_domain=np.full(6000, -1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20 < 6000**2 * 8


def test_mixval_by_hand():
    # Both mixtures are .45 and .55.
    X, y = np.array([[5.0], [0.0], [1.0]]), np.array([0, -1, -1])
    halfway, off = (Threshold(at).fit(X, [0, 1, 0]) for at in (0.5, 0.4))
    assert MixValScorer()(halfway, X, y) == 1
    assert MixValScorer()(off, X, y) == 0.5
    # All of one class: right among themselves, and there are no others.
    collapsed = Threshold(-5).fit(X, [0, 1, 0])
    assert MixValScorer()(collapsed, X, y) == 0.5
    assert MixValScorer(pairs="intra")(collapsed, X, y) == 1
    assert MixValScorer(pairs="inter")(collapsed, X, y) == 0


@pytest.mark.parametrize(
    ("scorer", "shift"),
    # What is merely moved leads back; here all of the target is taken for one class.
    [(CircularValidationScorer(), 6), *((scorer, 2.9) for scorer in OF_TARGET_ONLY)],
)
def test_the_model_that_adapts_scores_higher(scorer, shift):
    X, y, domains = make_shifted(shift=shift)
    masked = mask(y, domains)
    moves, stays = (Mover(move).fit(X, masked, domains) for move in (True, False))
    target = domains < 0
    assert moves.score(X[target], y[target]) > 0.95
    assert stays.score(X[target], y[target]) < 0.9
    assert scorer(moves, X, masked) > scorer(stays, X, masked) + 0.01


@pytest.mark.parametrize("scorer", SCORERS[:2], ids=str)
def test_what_is_right_where_the_target_is_scores_higher(scorer):
    # Class 1 is above 2, and below -1 where there is no target.
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.uniform(-3, 3, 600), rng.normal(2, 0.4, 300)])[:, None]
    y = ((X > 2) | (X < -1))[:, 0].astype(int)
    domains = np.repeat([0, -1], [600, 300])
    good, bad = (Threshold(at).fit(X, y) for at in (2, 9))
    bad.predict_proba = lambda X: np.column_stack([X[:, 0] > -1, X[:, 0] < -1]) * 1.0
    source, target = domains >= 0, domains < 0
    assert good.score(X[target], y[target]) > bad.score(X[target], y[target])
    assert good.score(X[source], y[source]) < bad.score(X[source], y[source])
    assert scorer(good, X, y, domains) > scorer(bad, X, y, domains)


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
@pytest.mark.parametrize("labels", [(0, 1), ("a", "b")])
def test_labels_of_the_target_change_nothing(scorer, labels):
    X, y, domains = make_shifted(labels)
    masked = mask(y, domains)
    model = Mover().fit(X, masked, domains)
    expected = scorer(model, X, masked)
    assert isinstance(expected, float)
    wrong = y.copy()
    wrong[domains < 0] = wrong[domains < 0][::-1]
    others = np.where(domains < 0, "z" if y.dtype.kind == "U" else 77, y)
    for passed in (masked, y, wrong, others):
        before = passed.copy()
        assert scorer(model, X, passed, domains) == pytest.approx(expected, rel=1e-12)
        assert np.array_equal(passed, before)


@pytest.mark.parametrize("scorer", OF_TARGET_ONLY, ids=str)
def test_scores_of_the_target_alone_need_no_source_and_no_labels(scorer):
    X, y, domains = make_shifted()
    model = Mover().fit(X, mask(y, domains))
    expected = scorer(model, X, mask(y, domains))
    target = domains < 0
    found = scorer(model, X[target], sample_domain=domains[target])
    assert found == pytest.approx(expected)
    assert scorer(model, X[target], np.full(target.sum(), -1)) == found


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("how", ["masked", "routed", "both"])
def test_a_search_scores_as_the_scorer_does_on_each_fold(scorer, search, how):
    X, y, domains = make_shifted()
    labels = y if how == "routed" else mask(y, domains)
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, domains))
    grid = {"move": [False, True]}
    with sklearn.config_context(enable_metadata_routing=how != "masked"):
        found = search(Mover(), grid, scoring=scorer, cv=folds, error_score="raise")
        found.fit(X, labels, sample_domain=domains)
    for k, (train, test) in enumerate(folds):
        for row, move in enumerate(grid["move"]):
            model = Mover(move).fit(X[train], y[train], domains[train])
            expected = scorer(model, X[test], y[test], domains[test])
            assert found.cv_results_[f"split{k}_test_score"][row] == pytest.approx(
                expected
            )


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("routing", [False, True])
def test_several_scorers_stand_in_one_search_with_those_of_scikit_learn(
    search, routing
):
    X, y, domains = make_shifted()
    y = mask(y, domains)
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, domains))
    scoring = {type(scorer).__name__: scorer for scorer in SCORERS}
    scoring["accuracy"] = "accuracy"
    pipeline = make_pipeline(StandardScaler(), Mover())
    name = "sample_domain" if routing else "mover__sample_domain"
    with sklearn.config_context(enable_metadata_routing=routing):
        found = search(
            pipeline,
            {"mover__move": [False, True]},
            scoring=scoring,
            refit="PredictionEntropyScorer",
            cv=folds,
            error_score="raise",
        ).fit(X, y, **{name: domains})
    assert found.best_params_ == {"mover__move": True}
    for metric in scoring:
        assert np.isfinite(found.cv_results_[f"mean_test_{metric}"]).all()


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_cross_validation_takes_the_scorer_and_plain_estimators(scorer):
    X, y, domains = make_shifted()
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, domains))
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_validate(
            make_pipeline(StandardScaler(), LogisticRegression()),
            X,
            y,
            scoring=scorer,
            cv=folds,
            params={"sample_domain": domains},
            error_score="raise",
        )["test_score"]
    assert np.isfinite(scores).all()


def test_a_name_may_be_given_to_the_domains_of_a_scorer():
    X, y, domains = make_shifted()
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = PredictionEntropyScorer().set_score_request(sample_domain="where")
        scores = cross_validate(
            LogisticRegression(), X, y, scoring=scorer, params={"where": domains}
        )["test_score"]
        with pytest.raises(TypeError, match="estimator"):
            PredictionEntropyScorer().set_score_request(estimator=True)
    assert np.isfinite(scores).all()


def test_weights_of_rows_are_not_for_these_scorers():
    X, y, domains = make_shifted()
    search = GridSearchCV(
        LogisticRegression(), {"C": [1.0]}, scoring=PredictionEntropyScorer()
    )
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        search.fit(X, mask(y, domains), sample_weight=np.ones(len(X)))
    assert np.isfinite(search.best_score_)


class Features(DomainAwareMixin, BaseEstimator):
    """Moves the target's second column to where that of the source is."""

    def fit(self, X, y=None, sample_domain=None):
        self.fitted_ = True
        return self

    def transform(self, X, sample_domain=None):
        is_target = True if sample_domain is None else np.asarray(sample_domain) < 0
        return np.column_stack([X[:, 0], X[:, 1] - 5 * np.asarray(is_target)])


class FirstColumn(ClassifierMixin, BaseEstimator):
    """Its features are the first column, in which domains do not differ."""

    classes_ = np.array([0, 1])

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict_features(self, X):
        return X[:, :1]

    def predict_proba(self, X):
        return Fixed().predict_proba(X)


def test_deep_embedded_validation_weighs_by_features():
    rng = np.random.default_rng(0)
    X, domains = rng.uniform(0.1, 0.9, size=(400, 2)), np.repeat([0, -1], 200)
    X[:, 1] += 5 * (domains < 0)
    y = rng.integers(0, 2, 400)
    scorer = DeepEmbeddedValidationScorer()
    moved = np.column_stack([X[:, 0], X[:, 1] - 5 * (domains < 0)])
    plain = StandardScaler(with_mean=False, with_std=False)
    by_rows = scorer(Fixed(), X, y, domains)
    for model, features in (
        (FirstColumn(), X[:, :1]),
        (make_pipeline(plain, FirstColumn()), X[:, :1]),
        (make_pipeline(plain, Features(), Fixed()), moved),
    ):
        expected = scorer(Fixed(), features, y, domains)
        assert scorer(model.fit(X, y), X, y, domains) == pytest.approx(expected)
        assert expected != pytest.approx(by_rows, abs=0.01)


@pytest.mark.parametrize("loss", ["zero_one", "log_loss"])
def test_deep_embedded_validation_maps_source_rows_as_source(loss):
    X, y, domains = make_shifted(shift=6)
    pipeline = make_pipeline(StandardScaler(), Mover())
    for model in (Mover(), pipeline):
        model.fit(X, mask(y, domains))
        # As target rows, many of them would get the wrong class.
        assert model.score(X[domains >= 0], y[domains >= 0]) < 0.8
        assert DeepEmbeddedValidationScorer(loss=loss)(model, X, y, domains) > -0.1


def test_circular_validation_turns_the_domains_round():
    X, y, domains = make_shifted()
    y = mask(y, domains)
    seen = []

    class Watched(Mover):
        def fit(self, X, y, sample_domain=None):
            seen.append((np.array(y), sample_domain))
            return super().fit(X, y, sample_domain)

    model = Watched().fit(X, y, domains)
    for routing in (False, True):
        with sklearn.config_context(enable_metadata_routing=routing):
            assert CircularValidationScorer()(model, X, y) > 0.95
    for labels, _ in seen[1:]:
        assert labels[:100].tolist() == model.predict(X[domains < 0]).tolist()
        assert (labels[100:] == -1).all()
    assert seen[1][1] is None
    assert seen[2][1].tolist() == [0] * 100 + [-1] * 100
    assert model.shift_ == pytest.approx(Mover().fit(X, y).shift_)


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_rows_may_be_sparse_or_in_a_frame(scorer):
    X, y, domains = make_shifted()
    model = LogisticRegression().fit(X, y)
    expected = pytest.approx(scorer(model, X, y, domains), rel=0.1)
    model = LogisticRegression().fit(sparse.csr_array(X), y)
    assert scorer(model, sparse.csr_array(X), y, domains) == expected
    frame = pd.DataFrame(X, columns=["a", "b"], index=np.arange(200)[::-1])
    model = LogisticRegression().fit(frame, y)
    assert scorer(model, frame, pd.Series(y), pd.Series(domains)) == expected


@pytest.mark.parametrize(
    "scorer",
    [
        ImportanceWeightedScorer(scoring="neg_mean_squared_error"),
        DeepEmbeddedValidationScorer(loss="squared_error"),
        CircularValidationScorer(),
    ],
    ids=str,
)
def test_regressors_are_scored_where_the_scorer_can(scorer):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, 2.0] - 1
    X, y, domains = pack(X[:100], y[:100], X[100:] + 0.5)
    good = LinearRegression().fit(X[:100], y[:100])
    bad = clone(good).fit(X[:100], y[:100] ** 2)
    assert scorer(good, X, y, domains) > scorer(bad, X, y)
    with pytest.raises(TypeError, match="expects a classifier, got LinearRegression"):
        MixValScorer()(good, X, y)


def test_the_same_seed_gives_the_same_score_and_more_rounds_another():
    X, y, domains = make_shifted()
    model = Threshold(1.5).fit(X, y)
    for make in (
        ImportanceWeightedScorer,
        DeepEmbeddedValidationScorer,
        MixValScorer,
    ):
        first, again, other = (
            make(random_state=seed)(model, X, y, domains) for seed in (1, 1, 2)
        )
        assert first == again != other
    repeated = [
        MixValScorer(n_repeats=50, random_state=seed)(model, X, y, domains)
        for seed in range(3)
    ]
    assert np.std(repeated) < 0.02


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_a_fold_without_one_of_the_domains_is_refused_with_the_way_out(scorer):
    X, y, domains = make_shifted()
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"rows of the target.*StratifiedKFold"):
        scorer(model, X, y)
    with pytest.raises(ValueError, match=r"rows of the target.*StratifiedKFold"):
        scorer(model, X, y, np.abs(domains))
    with pytest.raises(ValueError, match="got neither"):
        scorer(model, X)
    with pytest.raises(ValueError, match="label for each of the 200 rows"):
        scorer(model, X, y[:9], domains)
    if scorer in OF_SOURCE_TOO:
        with pytest.raises(ValueError, match=r"rows of the source.*StratifiedKFold"):
            scorer(model, X, y, np.full(200, -1))
        with pytest.raises(ValueError, match="requires y"):
            scorer(model, X, sample_domain=domains)
        y[np.flatnonzero(domains == 0)[3]] = -1
        with pytest.raises(ValueError, match=r"label for each row of a .*LabelEncoder"):
            scorer(model, X, y, domains)


@pytest.mark.parametrize(
    "scorer",
    [
        PredictionEntropyScorer(),
        SoftNeighborhoodDensityScorer(),
        DeepEmbeddedValidationScorer(),
    ],
    ids=str,
)
def test_estimators_without_probabilities_are_refused_with_the_way_out(scorer):
    X, y, domains = make_shifted()
    model = LinearSVC().fit(X, y)
    with pytest.raises(TypeError, match=r"predict_proba, got LinearSVC.*MixValScorer"):
        scorer(model, X, y, domains)


def test_too_few_rows_and_rows_that_are_no_numbers_are_refused():
    X, y = np.array([[0.2], [0.8], [0.4]]), np.array([0, 1, -1])
    for scorer in (SoftNeighborhoodDensityScorer(), MixValScorer()):
        with pytest.raises(ValueError, match="two at least, got 1"):
            scorer(Fixed(), X, y)
    with pytest.raises(ValueError, match=r"at least two rows .* got 2 and 1"):
        ImportanceWeightedScorer()(Fixed(), X, y)

    class Reader(Fixed):
        def predict(self, X):
            return np.array([len(text) > 1 for text in X]).astype(int)

    with pytest.raises(TypeError, match=r"MixValScorer mixes rows, .* got <U2"):
        MixValScorer()(Reader(), ["a", "bc", "d"], np.array([0, -1, -1]))
    with pytest.raises(TypeError, match=r"MixValScorer mixes rows, .* lengths"):
        MixValScorer()(Reader(), [[1], [1, 2], [3]], np.array([0, -1, -1]))


@pytest.mark.parametrize(
    "scorer", [ImportanceWeightedScorer(), DeepEmbeddedValidationScorer()], ids=str
)
def test_rows_of_different_lengths_need_a_classifier_that_reads_them(scorer):
    X = [[1.0] * (1 + k % 3) for k in range(20)]
    y = np.where(np.arange(20) < 10, np.arange(20) % 2, -1)

    class Reader(Fixed):
        def predict_proba(self, X):
            lengths = np.array([len(row) for row in X])
            return np.column_stack([lengths, 4 - lengths]) / 4

        def predict(self, X):
            return self.predict_proba(X).argmax(axis=1)

    with pytest.raises(ValueError, match=r"finite numbers.*domain_classifier"):
        scorer(Reader(), X, y)
    reads = type(scorer)(domain_classifier=Reader())
    assert np.isfinite(reads(Reader(), X, y))


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, sparse.csr_array])
def test_mixtures_of_bytes_are_bytes(make):
    seen = []

    class Bytes(Fixed):
        def predict(self, X):
            seen.append(X.to_numpy() if isinstance(X, pd.DataFrame) else X)
            return np.array([0, 1])

    y = np.array([0, -1, -1])
    rows = np.array([[9, 9], [0, 7], [200, 3]], dtype=np.uint8)
    before = rows.copy()
    MixValScorer()(Bytes(), make(rows), y)
    mixed = seen[-1].toarray() if sparse.issparse(seen[-1]) else seen[-1]
    assert mixed.dtype == np.uint8
    # .55 * 7 + .45 * 3 is 5.2, and the other way round 4.8.
    assert mixed.tolist() == [[90, 5], [110, 5]]
    np.testing.assert_array_equal(rows, before)
    # Indicators would not be mixed at all.
    MixValScorer()(Bytes(), make((rows > 8).astype(np.uint8)), y)
    mixed = seen[-1].toarray() if sparse.issparse(seen[-1]) else seen[-1]
    np.testing.assert_allclose(mixed, [[0.45, 0], [0.55, 0]])


def test_a_network_for_images_of_bytes_is_scored_by_mixtures():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(24, 8, 8, 1)).astype(np.uint8)
    y = np.where(np.arange(24) < 12, np.arange(24) % 2, -1)
    model = DANNClassifier(body=CNNClassifier(), max_iter=1, random_state=0)
    assert 0 <= MixValScorer()(model.fit(images, y), images, y) <= 1


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_a_class_minus_1_that_the_estimator_knows_is_no_mask(scorer):
    X, y, _ = make_shifted((-1, 1))
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="expects rows of the target"):
        scorer(model, X, y)


@pytest.mark.parametrize(
    ("scorer", "name"),
    [
        (MixValScorer(mix_ratio=0.5), "mix_ratio"),
        (MixValScorer(pairs="all"), "pairs"),
        (MixValScorer(n_repeats=0), "n_repeats"),
        (SoftNeighborhoodDensityScorer(temperature=0), "temperature"),
        (DeepEmbeddedValidationScorer(loss="hinge"), "loss"),
        (ImportanceWeightedScorer(domain_classifier="knn"), "domain_classifier"),
        (CircularValidationScorer(scoring=3), "scoring"),
    ],
)
def test_wrong_parameters_are_named(scorer, name):
    X, y, domains = make_shifted()
    message = f"The '{name}' parameter of {type(scorer).__name__}"
    with pytest.raises(ValueError, match=message):
        scorer(LogisticRegression().fit(X, y), X, y, domains)


@pytest.mark.parametrize(
    "scoring", ["neg_max_error", lambda estimator, X, y: 1.0], ids=["name", "function"]
)
def test_a_metric_that_takes_no_weights_is_refused_where_there_are_weights(scoring):
    X, y, domains = make_shifted()
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"'scoring' .* must take sample_weight"):
        ImportanceWeightedScorer(scoring=scoring)(model, X, y, domains)
    assert CircularValidationScorer(scoring=scoring)(model, X, y, domains) <= 1


def test_a_function_of_the_user_gets_the_weights():
    def total(estimator, X, y, sample_weight=None):
        return sample_weight.sum()

    X, y, domains = make_shifted(shift=0)
    model = LogisticRegression().fit(X, y)
    # Domains are alike: weights are near 1.
    score = ImportanceWeightedScorer(scoring=total)(model, X, y, domains)
    assert score == pytest.approx(100, rel=0.6)


def test_weights_are_near_1_for_equal_domains_however_many_features_there_are():
    def largest(estimator, X, y, sample_weight=None):
        return sample_weight.max()

    X = np.random.default_rng(0).normal(size=(200, 60))
    y, domains = np.arange(200) % 2, np.repeat([0, -1], 100)
    model = LogisticRegression().fit(X, y)
    assert ImportanceWeightedScorer(scoring=largest)(model, X, y, domains) < 2


def test_texts_are_scored_through_what_reads_them():
    texts = np.array(["good film", "bad film", "good food", "bad food"] * 10)
    y = np.array([1, 0, 1, 0] * 10)
    domains = np.array([0, 0, -1, -1] * 10)
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, y)
    reader = make_pipeline(CountVectorizer(), LogisticRegression())
    for scorer in (
        ImportanceWeightedScorer(domain_classifier=reader),
        DeepEmbeddedValidationScorer(loss="zero_one"),
        CircularValidationScorer(),
        PredictionEntropyScorer(),
        SoftNeighborhoodDensityScorer(),
    ):
        for rows in (texts, texts.tolist()):
            score = scorer(model, rows, y, domains)
            assert np.isfinite(score)
    assert CircularValidationScorer()(model, texts, y, domains) == 1


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_scorers_survive_pickle_and_show_their_parameters(scorer):
    X, y, domains = make_shifted()
    model = LogisticRegression().fit(X, y)
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy(model, X, y, domains) == scorer(model, X, y, domains)
    assert repr(copy) == repr(scorer)
    assert repr(MixValScorer(mix_ratio=0.6)) == (
        "MixValScorer(mix_ratio=0.6, pairs='both', n_repeats=1, random_state=0)"
    )
