"""AdaBoostClassifier: the worked example, invariants, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import compute_sample_weight

from sklearn_dl._trees._stumps import boost_stumps
from sklearn_dl.boosting import AdaBoostClassifier

POINTS = [(1, 2), (2, 7), (3, 4), (4, 1), (5, 6), (6, 3), (7, 5), (8, 9), (9, 8)]
X10 = np.array([*POINTS, (10, 10)], dtype=float)
Y10 = np.array([1, 1, -1, -1, 1, -1, 1, 1, -1, -1])


def problem(n_classes=2, n_rows=300, seed=0):
    X, y = make_classification(
        n_rows,
        6,
        n_informative=4,
        n_classes=n_classes,
        flip_y=0.1,
        random_state=seed,
    )
    return X, y


# -- the worked example ----------------------------------------------------------------


def test_worked_example():
    model = AdaBoostClassifier(n_estimators=3, criterion="error", store_weights=True)
    model.fit(X10, Y10)
    stumps = [(tree.feature[0], tree.threshold[0]) for tree in model.estimators_]
    assert stumps == [(0, 2.5), (0, 8.5), (1, 4.5)]
    np.testing.assert_allclose(
        model.estimator_errors_, [0.3, 0.2142857, 0.1363636], atol=1e-7
    )
    np.testing.assert_allclose(model.alphas_, [0.4236, 0.6496, 0.9229], atol=1e-4)
    np.testing.assert_allclose(model.estimator_weights_, 2 * model.alphas_)
    first, second, third, _ = model.sample_weights_
    np.testing.assert_allclose(first, 0.1)
    np.testing.assert_allclose(np.unique(second.round(4)), [0.0714, 0.1667])
    np.testing.assert_allclose(np.unique(third.round(4)), [0.0455, 0.1061, 0.1667])
    assert (second == second.max()).nonzero()[0].tolist() == [4, 6, 7]
    assert (third == third.max()).nonzero()[0].tolist() == [2, 3, 5]
    assert model.score(X10, Y10) == 1.0


def test_margins_are_y_times_f():
    model = AdaBoostClassifier(n_estimators=3, criterion="error").fit(X10, Y10)
    hypotheses = np.array([tree.predict(X10) for tree in model.estimators_])
    f = model.alphas_ @ hypotheses / model.alphas_.sum()
    np.testing.assert_allclose(model.margins(X10, Y10), Y10 * f)
    np.testing.assert_allclose(model.decision_function(X10), 2 * f)
    assert model.margins(X10, Y10).min() > 0


def test_margins_of_several_classes():
    X, y = load_wine(return_X_y=True)
    model = AdaBoostClassifier(n_estimators=10).fit(X, y)
    margins = model.margins(X, y)
    assert ((margins > 0) == (model.predict(X) == y)).mean() > 0.99
    shares = np.zeros((len(X), 3))
    for tree, weight in zip(model.estimators_, model.estimator_weights_, strict=True):
        shares[np.arange(len(X)), tree.predict(X)] += weight
    shares /= model.estimator_weights_.sum()
    others = np.sort(np.where(np.eye(3)[y] == 1, -1, shares), axis=1)[:, -1]
    np.testing.assert_allclose(margins, shares[np.arange(len(X)), y] - others)
    with pytest.raises(ValueError, match=r"'y' parameter .*margins .* seen. Got"):
        model.margins(X[:1], [7])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_weights_of_each_round(n_classes):
    X, y = problem(n_classes)
    weights = np.linspace(0.5, 2, len(X))
    model = AdaBoostClassifier(n_estimators=20, learning_rate=0.7, store_weights=True)
    model.fit(X, y, sample_weight=weights)
    assert model.sample_weights_.shape == (21, len(X))
    expected = weights / weights.sum()
    for t, tree in enumerate(model.estimators_):
        np.testing.assert_allclose(model.sample_weights_[t], expected)
        wrong = tree.predict(X) != y
        np.testing.assert_allclose(model.estimator_errors_[t], expected[wrong].sum())
        expected = expected * np.exp(model.estimator_weights_[t] * wrong)
        expected /= expected.sum()
    np.testing.assert_allclose(model.sample_weights_[20], expected)


# -- invariants ------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"max_bins": 20}, {"max_depth": 2}])
def test_rows_in_another_order(params):
    X, y = problem(3)
    order = np.random.default_rng(0).permutation(len(X))
    one = AdaBoostClassifier(n_estimators=20, **params).fit(X, y)
    other = AdaBoostClassifier(n_estimators=20, **params).fit(X[order], y[order])
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X))


@pytest.mark.parametrize("params", [{}, {"max_bins": 20}])
def test_features_in_another_order(params):
    X, y = problem()
    order = np.array([3, 0, 5, 1, 4, 2])
    one = AdaBoostClassifier(n_estimators=20, **params).fit(X, y)
    other = AdaBoostClassifier(n_estimators=20, **params).fit(X[:, order], y)
    np.testing.assert_allclose(
        one.decision_function(X), other.decision_function(X[:, order])
    )
    np.testing.assert_allclose(
        one.feature_importances_[order], other.feature_importances_
    )


@pytest.mark.parametrize(
    "params",
    [{}, {"max_bins": 20}, {"max_depth": 2}, {"class_weight": "balanced"}],
)
def test_weights_are_repetitions(params):
    X, y = problem(3)
    repeats = np.random.default_rng(0).integers(0, 4, size=len(X))
    one = AdaBoostClassifier(n_estimators=20, **params)
    one.fit(X, y, sample_weight=repeats)
    other = AdaBoostClassifier(n_estimators=20, **params)
    other.fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X))


def test_rows_of_weight_zero_are_absent():
    X, y = problem()
    weights = np.ones(len(X))
    weights[::3] = 0
    kept = weights > 0
    model = AdaBoostClassifier(store_weights=True).fit(X, y, sample_weight=weights)
    without = AdaBoostClassifier(store_weights=True).fit(X[kept], y[kept])
    np.testing.assert_array_equal(model.predict_proba(X), without.predict_proba(X))
    assert (model.sample_weights_[:, ~kept] == 0).all()
    np.testing.assert_array_equal(
        model.sample_weights_[:, kept], without.sample_weights_
    )


@pytest.mark.parametrize("max_depth", [1, 3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_stages_are_the_fits_of_fewer_rounds(n_classes, max_depth):
    X, y = problem(n_classes)
    model = AdaBoostClassifier(n_estimators=12, max_depth=max_depth).fit(X, y)
    stages = zip(
        model.staged_decision_function(X),
        model.staged_predict(X),
        model.staged_predict_proba(X),
        model.staged_score(X, y),
        strict=True,
    )
    for t, (decision, labels, probabilities, score) in enumerate(stages, 1):
        shorter = AdaBoostClassifier(n_estimators=t, max_depth=max_depth).fit(X, y)
        np.testing.assert_allclose(decision, shorter.decision_function(X), atol=1e-12)
        np.testing.assert_array_equal(labels, shorter.predict(X))
        np.testing.assert_allclose(probabilities, shorter.predict_proba(X), atol=1e-12)
        assert score == shorter.score(X, y)
    assert t == 12


def test_bins_of_few_values_are_exact():
    rng = np.random.default_rng(0)
    X, y = rng.integers(9, size=(400, 5)), rng.integers(2, size=400)
    exact = AdaBoostClassifier().fit(X, y)
    binned = AdaBoostClassifier(max_bins=9).fit(X, y)
    np.testing.assert_array_equal(exact.predict_proba(X), binned.predict_proba(X))


def test_bins_cost_little_accuracy():
    X, y = load_breast_cancer(return_X_y=True)
    exact = AdaBoostClassifier(n_estimators=100).fit(X[::2], y[::2])
    binned = AdaBoostClassifier(n_estimators=100, max_bins=32).fit(X[::2], y[::2])
    thresholds = {(t.feature[0], t.threshold[0]) for t in binned.estimators_}
    assert max(np.bincount([f for f, _ in thresholds])) <= 31
    assert abs(exact.score(X[1::2], y[1::2]) - binned.score(X[1::2], y[1::2])) < 0.02


@pytest.mark.parametrize("max_depth", [1, 2])
@pytest.mark.parametrize("sparse", [csr_array, csc_array])
def test_sparse_rows_are_dense_rows(sparse, max_depth):
    rng = np.random.default_rng(0)
    # More rows than are made dense at once.
    X = rng.normal(size=(5000, 4)) * (rng.random((5000, 4)) < 0.3)
    y = (X.sum(axis=1) + rng.normal(size=5000) > 0).astype(int)
    dense = AdaBoostClassifier(n_estimators=10, max_depth=max_depth).fit(X, y)
    model = AdaBoostClassifier(n_estimators=10, max_depth=max_depth).fit(sparse(X), y)
    np.testing.assert_array_equal(
        model.predict_proba(sparse(X)), dense.predict_proba(X)
    )
    np.testing.assert_array_equal(
        [*model.staged_predict(sparse(X))], [*dense.staged_predict(X)]
    )


def test_class_weights_multiply_sample_weights():
    X, y = problem(3)
    y[y == 2] = np.where(np.arange((y == 2).sum()) % 3, 1, 2)
    weights = np.linspace(1, 2, len(X))
    for class_weight in ("balanced", {0: 2.0, 2: 0.5}):
        # Balanced are the weights, not the counts.
        counted = np.ones(len(X))
        if class_weight == "balanced":
            for k in range(3):
                counted[y == k] = 1 / weights[y == k].sum()
        else:
            counted = compute_sample_weight(class_weight, y)
        model = AdaBoostClassifier(class_weight=class_weight)
        model.fit(X, y, sample_weight=weights)
        expected = AdaBoostClassifier().fit(X, y, sample_weight=weights * counted)
        np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X))


def test_members_vote():
    X, y = problem(3)
    labels = np.array(["a", "b", "c"])[y]
    model = AdaBoostClassifier(n_estimators=9, max_depth=2).fit(X, labels)
    votes = np.zeros((len(X), 3))
    for tree, weight in zip(model.estimators_, model.estimator_weights_, strict=True):
        assert tree.n_leaves <= 4
        np.testing.assert_array_equal(
            tree.predict(X), model.classes_[tree.predict_proba(X).argmax(axis=1)]
        )
        votes += weight * (tree.predict(X)[:, None] == model.classes_)
    np.testing.assert_array_equal(
        model.predict(X), model.classes_[votes.argmax(axis=1)]
    )
    np.testing.assert_allclose(
        model.feature_importances_,
        np.average(
            [tree.feature_importances_ for tree in model.estimators_],
            axis=0,
            weights=model.estimator_weights_,
        ),
    )
    assert repr(model.estimators_[0]).startswith("WeakTree(feature=")


def test_missing_values_that_training_never_saw_go_where_most_rows_go():
    X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    model = AdaBoostClassifier().fit(X, [0, 0, 0, 1, 1])
    assert model.predict([[np.nan]]) == [0]
    model = AdaBoostClassifier().fit(X, [0, 0, 1, 1, 1])
    assert model.predict([[np.nan]]) == [1]


# -- early stopping --------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [{}, {"max_depth": 2}, {"estimator": DecisionTreeClassifier(max_depth=2)}],
)
def test_early_stopping_keeps_the_best(params):
    X, y = problem(3)
    model = AdaBoostClassifier(
        n_estimators=300,
        n_iter_no_change=8,
        validation_fraction=0.3,
        random_state=0,
        store_weights=True,
        **params,
    ).fit(X, y)
    scores = model.validation_scores_
    assert model.n_estimators_ == np.argmax(scores) + 1 == len(model.estimators_)
    assert len(scores) < 300
    assert scores[-8:].max() <= scores[:-8].max() + 1e-4
    assert model.sample_weights_.shape == (model.n_estimators_ + 1, len(X))
    held_out = model.sample_weights_[0] == 0
    assert held_out.sum() == 90
    np.testing.assert_allclose(model.score(X[held_out], y[held_out]), scores.max())
    if "estimator" not in params:
        same = AdaBoostClassifier(n_estimators=model.n_estimators_, **params)
        same.fit(X[~held_out], y[~held_out])
        np.testing.assert_allclose(model.predict_proba(X), same.predict_proba(X))


# -- ends ------------------------------------------------------------------------------


def test_a_perfect_stump_ends_the_fit():
    X, y = np.arange(10.0)[:, None], np.arange(10) > 3
    model = AdaBoostClassifier(store_weights=True).fit(X, y)
    assert model.n_estimators_ == 1
    assert model.estimator_weights_[:2].tolist() == [1, 0]
    assert model.estimator_errors_[:2].tolist() == [0, 1]
    np.testing.assert_allclose(model.sample_weights_, 0.1)
    assert model.score(X, y) == 1


def test_one_class():
    model = AdaBoostClassifier().fit([[1.0], [2.0]], ["a", "a"])
    assert model.predict([[3.0]]).tolist() == ["a"]
    assert model.predict_proba([[3.0]]).tolist() == [[1.0]]
    assert model.estimators_[0].n_leaves == 1
    assert model.feature_importances_.tolist() == [0]


def test_constant_features_give_the_majority():
    with pytest.warns(ConvergenceWarning, match=r"after 1 of 50 .* no better than"):
        model = AdaBoostClassifier().fit(np.ones((10, 2)), [0] * 6 + [1] * 4)
    assert model.predict([[1.0, 2.0]]) == [0]
    assert repr(model.estimators_) == "[WeakTree(no split)]"


def test_a_column_without_values():
    X, y = problem()
    empty = np.full((len(X), 1), np.nan)
    model = AdaBoostClassifier().fit(np.hstack([empty, X]), y)
    expected = AdaBoostClassifier().fit(X, y)
    np.testing.assert_array_equal(
        model.predict_proba(np.hstack([empty + 1, X])), expected.predict_proba(X)
    )


@pytest.mark.parametrize(
    ("estimator", "X", "message"),
    [
        (None, np.ones((10, 2)), "got a decision stump"),
        (DummyClassifier(strategy="constant", constant=0), X10, "got DummyClassifier"),
        (Ridge(), X10, "got Ridge"),
    ],
)
def test_no_better_than_chance_from_the_start(estimator, X, message):
    with pytest.raises(
        ValueError, match=f"no better than chance.*below 0.5, {message}"
    ):
        AdaBoostClassifier(estimator).fit(X, [0] * 5 + [1] * 5)


@pytest.mark.parametrize("params", [{}, {"max_depth": 2}])
def test_weights_that_overflow(params):
    X, y = problem()
    model = AdaBoostClassifier(learning_rate=1e4, **params)
    with pytest.warns(ConvergenceWarning, match=r"left the range .* got 10000.0"):
        model.fit(X, y)
    assert model.n_estimators_ == 1
    assert np.isfinite(model.predict_proba(X)).all()


# -- bad input -------------------------------------------------------------------------


def test_a_weak_learner_without_weights_is_refused():
    with pytest.raises(ValueError, match=r"'estimator' .* KNeighborsClassifier\(\)"):
        AdaBoostClassifier(KNeighborsClassifier()).fit(X10, Y10)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"max_bins": 256}, "max_bins"),
        ({"max_depth": 0}, "max_depth"),
        ({"criterion": "entropy"}, "criterion"),
        ({"n_estimators": 0}, "n_estimators"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"min_weight_fraction_leaf": 0.6}, "min_weight_fraction_leaf"),
        ({"estimator": StandardScaler()}, "estimator"),
    ],
)
def test_parameters_out_of_range(params, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of AdaBoostClassifier"):
        AdaBoostClassifier(**params).fit(X10, Y10)


@pytest.mark.parametrize(
    ("weights", "message"),
    [(-np.ones(10), "Negative values"), (np.zeros(10), "at least one non-zero")],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        AdaBoostClassifier().fit(X10, Y10, sample_weight=weights)


def test_values_that_single_precision_does_not_hold():
    with pytest.raises(ValueError, match="too large for dtype"):
        AdaBoostClassifier().fit(X10 * 1e300, Y10)


def test_missing_values_are_the_business_of_the_weak_learner():
    X = np.where(X10 == 4, np.nan, X10)
    AdaBoostClassifier().fit(X, Y10)
    with pytest.raises(ValueError, match="contains NaN"):
        AdaBoostClassifier(LogisticRegression()).fit(X, Y10)


def test_importances_that_the_weak_learner_does_not_have():
    model = AdaBoostClassifier(GaussianNB(), n_estimators=2).fit(*problem())
    with pytest.raises(AttributeError, match=r"no feature_importances_, .* GaussianNB"):
        _ = model.feature_importances_


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_rows=st.integers(2, 40),
    n_classes=st.integers(2, 4),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    missing=st.sampled_from([0.0, 0.3]),
    max_bins=st.sampled_from([None, 3]),
    max_depth=st.sampled_from([1, 2]),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_small_data_never_gives_nan(
    seed, n_rows, n_classes, scale, missing, max_bins, max_depth
):
    rng = np.random.default_rng(seed)
    X = scale * rng.choice([rng.integers(4), 1.0, -2.0, 3.5], size=(n_rows, 3))
    X[rng.random(X.shape) < missing] = np.nan
    y = rng.integers(n_classes, size=n_rows)
    weights = rng.exponential(size=n_rows) * (rng.random(n_rows) < 0.8)
    weights[0] = 1.0
    model = AdaBoostClassifier(max_bins=max_bins, max_depth=max_depth)
    try:
        model.fit(X, y, sample_weight=weights)
    except ValueError as error:
        assert "no better than chance" in str(error)
        return
    probabilities = model.predict_proba(X)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.isfinite(model.feature_importances_).all()


def test_kernels_are_compiled_once(tmp_path):
    X, y = problem()
    single = np.asfortranarray(X.astype(np.float32))
    single.flags.writeable = False
    np.save(tmp_path / "X.npy", single)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for rows in (X, single, mapped, X.astype(">f8"), csr_array(X), X.tolist()):
        model = AdaBoostClassifier(n_estimators=2, learning_rate=1).fit(rows, y)
        model.predict(rows)
    assert len(boost_stumps.signatures) == 1


def test_callbacks_are_told_of_every_round():
    calls = []

    class Watcher:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            calls.append(context.task_name)

    X, y = problem()
    watched = AdaBoostClassifier(n_estimators=7).set_callbacks(Watcher()).fit(X, y)
    assert calls == ["round"] * 7 + ["fit"]
    alone = AdaBoostClassifier(n_estimators=7).fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), alone.predict_proba(X))
