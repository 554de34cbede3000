"""Gradient boosting beside scikit-learn's histogram booster and LightGBM."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, cross_val_predict

from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor

REGRESSORS = GradientBoostingRegressor, HistGradientBoostingRegressor
CLASSIFIERS = GradientBoostingClassifier, HistGradientBoostingClassifier
# Gradients are rounded to a grid before they are added up.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def make_steps(n_rows=600, n_values=40, seed=0):
    """Rows of few distinct values, and a sum of steps of which each is the largest."""
    rng = np.random.default_rng(seed)
    X = rng.integers(n_values, size=(n_rows, 4)).astype(np.float64)
    y = 16.0 * (X[:, 0] > 12) + 7.0 * (X[:, 1] > 25) + 3.0 * (X[:, 2] > 18)
    return X, y + rng.normal(scale=0.3, size=n_rows)


def make_target(loss, y):
    """Turn numbers into what a loss asks for."""
    if loss == "log_loss":
        return (y > np.median(y)).astype(int)
    if loss == "three classes":
        return np.digitize(y, np.quantile(y, [0.3, 0.6]))
    return np.exp(y / 20) if loss in ("poisson", "gamma") else y


def fit_both(loss, X, y, sample_weight=None, **params):
    """Fit ours and scikit-learn's."""
    params = {"early_stopping": False, "max_iter": 1, "random_state": 0} | params
    if loss in ("log_loss", "three classes"):
        models = [cls(**params) for cls in CLASSIFIERS]
    else:
        if loss == "quantile":
            params["quantile"] = 0.8
        models = [cls(loss, **params) for cls in REGRESSORS]
    y = make_target(loss, y)
    return [model.fit(X, y, sample_weight=sample_weight) for model in models]


def assert_same_predictions(models, X):
    method = "decision_function" if hasattr(models[0], "classes_") else "predict"
    mine, theirs = (getattr(model, method)(X) for model in models)
    # The trees have something to say.
    assert len(np.unique(theirs)) > 1
    np.testing.assert_allclose(mine, theirs, **TOLERANCE)


LOSSES = [
    "squared_error",
    "absolute_error",
    "quantile",
    "poisson",
    "gamma",
    "log_loss",
    "three classes",
]


@pytest.mark.parametrize("max_leaf_nodes", [2, 4, 6])
@pytest.mark.parametrize("loss", LOSSES)
def test_same_tree_as_scikit_learn(loss, max_leaf_nodes):
    X, y = make_steps()
    weight = None
    if loss == "quantile":
        # Between two values lies what each interpolates in its way; not so with weights
        # whose sums do not meet the quantile.
        weight = np.random.default_rng(1).uniform(0.5, 1.5, size=len(y))
    models = fit_both(
        loss, X, y, weight, max_leaf_nodes=max_leaf_nodes, learning_rate=0.5
    )
    assert_same_predictions(models, X)


@pytest.mark.parametrize(
    "params",
    [
        {"l2_regularization": 50.0},
        {"max_depth": 2},
        {"min_samples_leaf": 150},
        {"max_bins": 8},
        {"max_leaf_nodes": None, "max_depth": 3},
        {"max_iter": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_same_tree_whatever_the_parameters(loss, params):
    X, y = make_steps()
    assert_same_predictions(fit_both(loss, X, y, **{"max_leaf_nodes": 6} | params), X)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "log_loss"])
def test_same_tree_with_weights(loss):
    X, y = make_steps()
    weight = np.random.default_rng(1).uniform(0.1, 3, size=len(y))
    assert_same_predictions(fit_both(loss, X, y, weight, max_leaf_nodes=6), X)


def test_same_bins_as_scikit_learn_on_continuous_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    y = 9.0 * (X[:, 0] > 0.2) + 4.0 * (X[:, 1] > -0.5) + rng.normal(size=2000)
    models = fit_both("squared_error", X, y, max_leaf_nodes=4, max_bins=20)
    assert_same_predictions(models, rng.normal(size=(500, 3)))


@pytest.mark.parametrize("constraint", [[1, -1, 0, 0], [-1, 1, -1, 1]])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "log_loss"])
def test_same_tree_with_monotonic_constraints(loss, constraint):
    # With the absolute error, scikit-learn's do not keep the constraints. And the gain
    # of a value at its bound is exact here, a little less there: few leaves.
    X, y = make_steps()
    weight = np.random.default_rng(1).uniform(0.5, 1.5, size=len(y))
    models = fit_both(loss, X, y, weight, max_leaf_nodes=5, monotonic_cst=constraint)
    assert_same_predictions(models, X)


def test_same_tree_with_interaction_constraints():
    X, y = make_steps()
    models = fit_both(
        "squared_error", X, y, max_leaf_nodes=6, interaction_cst=[{0}, {1, 2}]
    )
    free = fit_both("squared_error", X, y, max_leaf_nodes=6)
    assert np.abs(models[1].predict(X) - free[1].predict(X)).max() > 0.1
    assert_same_predictions(models, X)


# -- missing values --------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "three classes"])
def test_informative_missing_values(loss):
    X, y = make_steps()
    missing = np.random.default_rng(2).random(X.shape) < 0.3
    X[missing] = np.nan
    y = y + 11 * missing[:, 3] - 5 * missing[:, 0]
    assert_same_predictions(fit_both(loss, X, y, max_leaf_nodes=8), X)


def test_values_that_are_missing_only_when_predicting():
    X, y = make_steps()
    models = fit_both("squared_error", X, y, max_leaf_nodes=6)
    X[np.random.default_rng(3).random(X.shape) < 0.5] = np.nan
    assert_same_predictions(models, X)


def test_a_column_of_missing_values_is_none():
    # scikit-learn's fit fails here.
    X, y = make_steps()
    without = fit_both("squared_error", X[:, :3], y, max_leaf_nodes=6)[1]
    X[:, 3] = np.nan
    model = GradientBoostingRegressor(max_iter=1, max_leaf_nodes=6).fit(X, y)
    for value in (np.nan, 1.0):
        X[:, 3] = value
        np.testing.assert_allclose(
            model.predict(X), without.predict(X[:, :3]), **TOLERANCE
        )


# -- categories ------------------------------------------------------------------------


def make_categories(n_rows=800):
    rng = np.random.default_rng(4)
    codes = rng.integers(9, size=n_rows)
    # No order of the codes is that of the effects.
    effects = np.array([5.0, -20, 31, 1, -8, 17, 45, -33, 10])
    X = np.column_stack([codes, rng.integers(20, size=n_rows)]).astype(np.float64)
    y = effects[codes] + 6.0 * (X[:, 1] > 11) + rng.normal(scale=0.1, size=n_rows)
    return X, y


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "three classes"])
@pytest.mark.parametrize("max_leaf_nodes", [2, 5])
def test_same_categorical_splits(loss, max_leaf_nodes):
    X, y = make_categories()
    models = fit_both(
        loss, X, y, max_leaf_nodes=max_leaf_nodes, categorical_features=[0]
    )
    assert_same_predictions(models, X)
    np.testing.assert_array_equal(models[0].is_categorical_, [True, False])


def test_missing_and_unknown_categories():
    X, y = make_categories()
    X[::7, 0] = np.nan
    y[::7] += 60
    models = fit_both(
        "squared_error", X, y, max_leaf_nodes=6, categorical_features=[True, False]
    )
    assert_same_predictions(models, X)
    X[::2, 0] = 77
    assert_same_predictions(models, X)
    unknown, missing = np.array([[77.0, 3.0]]), np.array([[np.nan, 3.0]])
    assert models[0].predict(unknown) == models[0].predict(missing)


def test_pandas_categories_by_their_type():
    X, y = make_categories()
    names = np.array(list("hgfedcbai"))[X[:, 0].astype(int)]
    frame = pd.DataFrame({"kind": pd.Categorical(names), "size": X[:, 1]})
    models = fit_both("squared_error", frame, y, max_leaf_nodes=6)
    np.testing.assert_array_equal(models[0].is_categorical_, [True, False])
    # Other rows, whose categories are not all there.
    assert_same_predictions(models, frame[frame["kind"].isin(list("bdfi"))])


def test_more_categories_than_bins_are_refused_as_there():
    X, y = make_categories()
    for cls in REGRESSORS:
        model = cls(max_bins=8, categorical_features=[0])
        with pytest.raises(ValueError, match=r"cardinality <= .*cardinality of 9"):
            model.fit(X, y)


# -- LightGBM --------------------------------------------------------------------------


def lightgbm_of(model, regression):
    lightgbm = pytest.importorskip("lightgbm")
    cls = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
    return cls(
        n_estimators=model.max_iter,
        num_leaves=model.max_leaf_nodes,
        learning_rate=model.learning_rate,
        min_child_samples=model.min_samples_leaf,
        min_child_weight=1e-3,
        reg_lambda=model.l2_regularization,
        reg_alpha=model.l1_regularization,
        min_split_gain=model.min_split_gain,
        min_data_in_bin=1,
        n_jobs=1,
        verbosity=-1,
    )


@pytest.mark.parametrize(
    "params",
    [
        {"max_leaf_nodes": 2},
        {"max_leaf_nodes": 6},
        {"max_leaf_nodes": 6, "l2_regularization": 30.0},
        {"max_leaf_nodes": 6, "l1_regularization": 40.0},
        {"max_leaf_nodes": 6, "min_samples_leaf": 100, "max_iter": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("regression", [True, False])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_same_trees_as_lightgbm(regression, params):
    X, y = make_steps()
    params = {"max_iter": 1, "early_stopping": False} | params
    cls = GradientBoostingRegressor if regression else GradientBoostingClassifier
    y = y if regression else make_target("log_loss", y)
    mine = cls(**params).fit(X, y)
    theirs = lightgbm_of(mine, regression).fit(X, y)
    method = "predict" if regression else "decision_function"
    expected = theirs.predict(X) if regression else theirs.predict(X, raw_score=True)
    assert len(np.unique(expected)) > 1
    np.testing.assert_allclose(getattr(mine, method)(X), expected, **TOLERANCE)


# -- scores ----------------------------------------------------------------------------


@pytest.mark.parametrize("loader", [load_breast_cancer, load_digits])
def test_log_loss_is_that_of_scikit_learn_within_noise(loader):
    X, y = loader(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    losses = [
        log_loss(
            y,
            cross_val_predict(
                cls(max_iter=50, early_stopping=False, random_state=0),
                X,
                y,
                cv=folds,
                method="predict_proba",
            ),
        )
        for cls in CLASSIFIERS
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_squared_error_is_that_of_scikit_learn_within_noise():
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    errors = [
        mean_squared_error(y, cross_val_predict(cls(max_iter=50), X, y, cv=folds))
        for cls in REGRESSORS
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.02)


@pytest.mark.data
@pytest.mark.slow
def test_real_table_with_categories_within_noise(data_dir):
    frame = pd.read_csv(data_dir / "tabular/adult.csv.gz", skipinitialspace=True)
    y = (frame.pop("income").str.startswith(">50K")).to_numpy()
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].astype("category")
    train, test = frame[:20_000], frame[20_000:]
    losses = [
        log_loss(
            y[20_000:],
            cls(early_stopping=False).fit(train, y[:20_000]).predict_proba(test),
        )
        for cls in CLASSIFIERS
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
