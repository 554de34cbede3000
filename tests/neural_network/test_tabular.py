"""The networks for tables."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_dl.neural_network import TabularMLPClassifier, TabularMLPRegressor
from sklearn_dl.neural_network._tabular_input import TableEncoder


@pytest.fixture(scope="module")
def table():
    """A table with everything in it; y depends on a category and a number."""
    rng = np.random.default_rng(0)
    n = 400
    X = pd.DataFrame(
        {
            "city": pd.Categorical(rng.choice(["Bern", "Genf", "Chur"], n)),
            "size": rng.exponential(3.0, n),
            "colour": rng.choice(["red", "blue", None], n),
            "old": rng.random(n) > 0.5,
            "year": rng.integers(1990, 2020, n),
        }
    )
    X.loc[::7, "size"] = np.nan
    y = np.where((X["city"] == "Bern") ^ (X["year"] > 2005), "yes", "no")
    return X, y


def test_a_table_as_it_is(table):
    X, y = table
    clf = TabularMLPClassifier(max_iter=60, random_state=0).fit(X[:300], y[:300])
    assert clf.score(X[300:], y[300:]) > 0.9
    np.testing.assert_array_equal(
        clf.is_categorical_, [True, False, True, False, False]
    )
    assert list(clf.feature_names_in_) == list(X)


def test_categories_are_embedded_not_one_hot(table):
    X, y = table
    clf = TabularMLPClassifier(max_iter=1, category_size=5, random_state=0).fit(X, y)
    # Three cities and an unknown one; two colours, missing, and an unknown one.
    assert tuple(clf.net_.module_.categories.table.shape) == (4 + 4, 5)


def test_unknown_category_and_missing_number_at_prediction(table):
    X, y = table
    clf = TabularMLPClassifier(max_iter=5, random_state=0).fit(X, y)
    strange = X[:3].astype({"city": object})
    strange["city"] = "Oslo"
    strange["year"] = np.nan
    assert np.isfinite(clf.predict_proba(strange)).all()
    unknown = clf.net_.module_.categories.table[clf.net_.module_.categories.starts]
    assert (unknown == 0).all()


@pytest.mark.parametrize(
    "chosen", [[0], ["a"], [True, False, False]], ids=["index", "name", "mask"]
)
def test_categorical_features_by_index_name_and_mask(chosen):
    X = pd.DataFrame(load_iris().data[:, :3].round(), columns=list("abc"))
    y = load_iris().target
    clf = TabularMLPClassifier(max_iter=1, categorical_features=chosen).fit(X, y)
    np.testing.assert_array_equal(clf.is_categorical_, [True, False, False])


@pytest.mark.parametrize("chosen", [["z"], [3], [True, False], [-1], [0.5]], ids=str)
def test_categorical_features_that_are_not_there(chosen):
    X = pd.DataFrame(load_iris().data[:, :3], columns=list("abc"))
    with pytest.raises(
        ValueError, match="categorical_features of TabularMLPClassifier"
    ):
        TabularMLPClassifier(categorical_features=chosen).fit(X, load_iris().target)


def test_text_where_numbers_are_expected(table):
    X, y = table
    with pytest.raises(ValueError, match=r"the column 'city' has the type"):
        TabularMLPClassifier(categorical_features=None).fit(X, y)


def test_infinity_in_a_table(table):
    X, y = table
    clf = TabularMLPClassifier(max_iter=1, random_state=0).fit(X, y)
    X = X.assign(size=np.inf)
    with pytest.raises(ValueError, match=r"contains infinity, in \['size'\]"):
        clf.predict(X)
    with pytest.raises(ValueError, match=r"contains infinity, in \['size'\]"):
        clf.fit(X, y)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_keeps_the_digits_of_the_target(precision):
    X, y = load_diabetes(return_X_y=True)
    reg = TabularMLPRegressor(
        (32,), max_iter=20, mixed_precision=precision, dtype="float32", random_state=0
    )
    assert reg.fit(X, 100 * y + 5e5).score(X, 100 * y + 5e5) > 0.3


def test_kinds_of_missing_in_text():
    X = pd.DataFrame({"a": pd.array(["x", "y", pd.NA] * 20, dtype="string[python]")})
    X["b"] = np.arange(60.0, dtype=np.float32)
    clf = TabularMLPClassifier(max_iter=2, random_state=0).fit(X, np.arange(60) % 2)
    assert clf.predict(X).shape == (60,)
    assert clf.net_.module_.layers[-1].weight.dtype == torch.float32


def test_columns_with_dates_are_refused(table):
    X, y = table
    X = X.assign(when=pd.Timestamp("2020-01-01"))
    with pytest.raises(ValueError, match=r"TabularMLPClassifier.*'when'.*datetime64"):
        TabularMLPClassifier().fit(X, y)


def test_smooth_clipping_by_hand():
    X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [100.0], [-100.0]])
    encoder = TableEncoder().fit(X, np.array([False]))
    # Sorted -100 0 1 2 3 4 100: the quartiles are 0 and 4, the median is 2.
    z = (X - 2.0) / 4.0
    np.testing.assert_allclose(encoder.transform(X), z / np.sqrt(1 + (z / 3) ** 2))
    assert np.abs(encoder.transform(X)).max() < 3


def test_scale_of_columns_without_a_quartile_distance():
    X = np.array([[5.0, 0.0]] * 9 + [[5.0, 8.0]])
    encoder = TableEncoder().fit(X, np.zeros(2, dtype=bool))
    out = encoder.transform(X)
    np.testing.assert_array_equal(out[:, 0], 0)  # constant
    z = 8.0 / 4.0  # half the range
    assert out[-1, 1] == pytest.approx(z / np.sqrt(1 + (z / 3) ** 2))


def test_weights_are_counts_in_the_scaling():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(20, 3)), rng.integers(0, 4, 20)
    weighted = TableEncoder().fit(X, np.zeros(3, dtype=bool), weight.astype(float))
    repeated = TableEncoder().fit(np.repeat(X, weight, axis=0), np.zeros(3, dtype=bool))
    np.testing.assert_array_equal(weighted.transform(X), repeated.transform(X))


def test_missing_numbers_are_zero_and_say_so():
    X = np.array([[1.0, np.nan], [2.0, 1.0], [3.0, 2.0]])
    encoder = TableEncoder().fit(X, np.zeros(2, dtype=bool))
    out = encoder.transform(X)
    assert out.shape == (3, 3)
    np.testing.assert_array_equal(out[:, 1:], [[0, 1], [out[1, 1], 0], [out[2, 1], 0]])


def test_regression_is_in_units_of_y_and_within_its_range():
    X, y = load_diabetes(return_X_y=True)
    y = 1000 + 50 * y
    reg = TabularMLPRegressor(max_iter=60, random_state=0).fit(X[:300], y[:300])
    assert reg.score(X[300:], y[300:]) > 0.3
    far = reg.predict(100 * X)
    assert far.min() >= y[:300].min() and far.max() <= y[:300].max()


def test_several_targets():
    X, y = load_diabetes(return_X_y=True)
    Y = np.stack([y, -y, y**2], axis=1)
    reg = TabularMLPRegressor(max_iter=30, random_state=0).fit(X, Y)
    assert reg.predict(X).shape == Y.shape
    assert reg.score(X, Y) > 0.3


def test_a_part_is_held_out_from_2000_rows_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    y = (X[:, 0] > 0).astype(int)
    few = TabularMLPClassifier(max_iter=2, random_state=0).fit(X[:1999], y[:1999])
    many = TabularMLPClassifier(max_iter=2, random_state=0).fit(X, y)
    assert few.validation_scores_ is None
    assert len(many.validation_scores_) == 2
    assert many.best_validation_score_ == max(many.validation_scores_)
    # Without one, weights decay instead.
    groups = [clf.net_.optimizer_.param_groups for clf in (few, many)]
    decays = [max(group["weight_decay"] for group in kind) for kind in groups]
    assert decays == [2.0, 0.0]
    for clf in (few, many):
        again = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_log_loss_as_the_aim_gives_better_probabilities():
    X, y = load_iris(return_X_y=True)
    X = X[:, :2]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    losses = {}
    for scoring in ("accuracy", "neg_log_loss"):
        clf = TabularMLPClassifier(scoring=scoring, max_iter=60, random_state=0)
        clf.set_params(early_stopping=True, validation_fraction=0.25)
        probabilities = clf.fit(X_train, y_train).predict_proba(X_test)
        losses[scoring] = log_loss(y_test, probabilities)
        expected = 0.1 if scoring == "accuracy" else 0.0
        assert clf.net_.criterion_.label_smoothing == expected
    assert losses["neg_log_loss"] < losses["accuracy"]


def test_in_a_search_on_a_table(table):
    X, y = table
    clf = TabularMLPClassifier(max_iter=10, random_state=0)
    search = GridSearchCV(clf, {"embedding_size": [1, 4], "dropout": [0.0, 0.2]}, cv=2)
    assert search.fit(X, y).best_score_ > 0.6


@pytest.mark.parametrize("estimator", [TabularMLPClassifier, TabularMLPRegressor])
def test_bad_parameters(estimator):
    X, y = load_iris(return_X_y=True)
    name = estimator.__name__
    for parameters in (
        {"dropout": 1.0},
        {"embedding_size": 0},
        {"n_iter_no_change": 0},
    ):
        (parameter,) = parameters
        with pytest.raises(ValueError, match=f"'{parameter}' parameter of {name}"):
            estimator(**parameters).fit(X, y)
    with pytest.raises(ValueError, match=f"hidden_layer_sizes of {name} must be > 0"):
        estimator(hidden_layer_sizes=(8, 0)).fit(X, y)
