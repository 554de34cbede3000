"""What candidates share must not be what one of them has changed."""

import functools
import json
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.decomposition import KernelPCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.model_selection import cross_val_score as sklearn_cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from sklearn_dl.exceptions import CheckpointError
from sklearn_dl.model_selection import GridSearchCV, cross_val_score
from sklearn_dl.neural_network import MLPClassifier

X, Y = load_iris(return_X_y=True)


def assert_same_scores(estimator, grid, X, y, **options):
    ours, theirs = (
        kind(estimator, grid, cv=3, refit=False, **options).fit(X.copy(), y.copy())
        for kind in (GridSearchCV, SklearnGridSearchCV)
    )
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"],
        theirs.cv_results_["mean_test_score"],
        rtol=0,
        atol=1e-12,
    )
    return ours


@pytest.mark.parametrize("scoring", [None, lambda est, X, y: est.score(X, y)])
@pytest.mark.parametrize("scaler", [StandardScaler, MaxAbsScaler])
def test_transformers_that_write_into_their_input(scaler, scoring):
    model = Pipeline(
        [("s", scaler(copy=False)), ("n", LogisticRegression(max_iter=2000))]
    )
    grid = {"n__C": [1.0, 10.0, 100.0]}
    if scaler is StandardScaler:
        grid |= {"s__with_mean": [True, False], "s__with_std": [True, False]}
    assert_same_scores(model, grid, X * 3 + 50, Y, scoring=scoring)


class WritesIntoEverything(ClassifierMixin, BaseEstimator):
    def __init__(self, offset=0):
        self.offset = offset

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.mean_ = X.mean()
        y[:] = 7
        X[:] = 0
        return self

    def predict(self, X):
        labels = np.where(X[:, 0] + self.offset > self.mean_, 1, 0)
        X[:] = -100
        return labels


def test_a_last_step_that_writes_into_rows_and_targets():
    model = Pipeline([("s", StandardScaler()), ("w", WritesIntoEverything())])
    search = assert_same_scores(model, {"w__offset": [-1, 0, 1, 2]}, X, Y % 2)
    assert search.joint_groups_[0]["how"] == "front of 1 step shared"


def test_a_frozen_estimator_stays_as_it_is():
    fitted = MLPClassifier((4,), learning_rate="cosine", max_iter=5, random_state=0)
    frozen = FrozenEstimator(fitted.fit(X, Y))
    np.testing.assert_array_equal(
        cross_val_score(frozen, X, Y), sklearn_cross_val_score(frozen, X, Y)
    )


def test_a_candidate_that_wants_square_parts_of_a_matrix():
    model = Pipeline([("k", KernelPCA(2)), ("l", LogisticRegression(max_iter=2000))])
    grid = {"k__kernel": ["linear", "precomputed"], "l__C": [1.0, 0.1]}
    K = X @ X.T
    assert_same_scores(model, grid, K, Y)


class Decorated(MLPClassifier):
    @functools.wraps(MLPClassifier.fit)
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, (y + 1) % 3, sample_weight)


def test_a_decorated_fit_of_ones_own_is_called():
    model = Decorated((8,), learning_rate="cosine", max_iter=20, random_state=0)
    assert_same_scores(model, {"alpha": [1e-4, 1e-2]}, X, Y)


def test_a_value_that_no_number_holds_fails_alone():
    model = MLPClassifier((4,), learning_rate="cosine", max_iter=5, random_state=0)
    search = GridSearchCV(model, {"alpha": [10**400, 1e-2]}, cv=3, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, Y)
    failed, fitted = search.cv_results_["mean_test_score"]
    assert np.isnan(failed)
    assert np.isfinite(fitted)


def test_integers_for_betas():
    model = MLPClassifier((4,), learning_rate="cosine", max_iter=5, random_state=0)
    search = GridSearchCV(model, {"beta_1": [0, 0.9]}, cv=3).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_checkpoints_that_cannot_be(tmp_path):
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=r"'checkpoint' parameter of GridSearch"):
        search.fit(X, Y)
    file = tmp_path / "search"
    file.write_text(json.dumps({"format": "sklearn_dl search 1"}) + "\n")
    with pytest.raises(CheckpointError, match="cannot go on from"):
        search.set_params(checkpoint=file).fit(X, Y)
