"""What a fit of gradient boosting is given besides X and y, and what becomes of it."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, log_loss, r2_score

from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor

PARAMS = {"max_leaf_nodes": 8, "random_state": 0}
# Stops after 12 rounds, of which none can be 30 without a better score.
WATCHED = PARAMS | {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 30}


def make_numbers(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, 4))
    return X, 3 * X[:, 0] + np.sin(4 * X[:, 1]) * X[:, 2]


def make_classes(names, n_rows=400, seed=0):
    X, y = make_numbers(n_rows, seed)
    edges = np.quantile(y, np.linspace(0, 1, len(names) + 1)[1:-1])
    return X, np.array(names)[np.digitize(y, edges)]


def make_frame(n_rows=400, seed=0):
    """Rows with colours, some missing, and strings for classes."""
    rng = np.random.default_rng(seed)
    code = rng.integers(4, size=n_rows)
    frame = pd.DataFrame(
        {
            "size": rng.uniform(-1, 1, size=n_rows),
            "colour": pd.Categorical.from_codes(
                np.where(code == 3, -1, code), ["red", "green", "blue"]
            ),
        },
        # The names of rows are no places.
        index=rng.permutation(n_rows) + 1000,
    )
    value = np.array([0.0, 2.0, -1.0, 1.0])[code] + frame["size"].to_numpy()
    return frame, np.where(value > 0.5, "yes", "no")


# -- rows that the user holds out ------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_given_rows_are_those_that_are_scored(weighted):
    X, y = make_frame()
    X_val, y_val = make_frame(100, seed=1)
    # Neither the order of the categories nor an unknown one matters: they have names.
    X_val["colour"] = X_val["colour"].cat.set_categories(["black", "blue", "green"])
    X_val.loc[X_val.index[0], "colour"] = "black"
    weight = np.random.default_rng(2).uniform(0.1, 3, size=100) if weighted else None
    before = X_val.copy(), y_val.copy()
    model = GradientBoostingClassifier(**WATCHED).fit(
        X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight
    )
    stages = model.staged_predict_proba(X_val)
    expected = [-log_loss(y_val, p, sample_weight=weight) for p in stages]
    np.testing.assert_allclose(model.validation_score_[1:], expected, rtol=1e-9)
    assert len(model.validation_score_) == 13
    pd.testing.assert_frame_equal(X_val, before[0])
    np.testing.assert_array_equal(y_val, before[1])
    # All of X is trained on.
    whole = clone(model).set_params(early_stopping=False).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), whole.predict_proba(X))


def test_given_rows_stop_the_fit():
    X, y = make_numbers()
    X_val, y_val = make_numbers(100, seed=1)
    # Nothing that is learned helps here.
    y_val = np.random.default_rng(2).permutation(y_val)
    model = GradientBoostingRegressor(
        **PARAMS, early_stopping=True, max_iter=300, n_iter_no_change=4
    ).fit(X, y, X_val=X_val, y_val=y_val)
    assert 4 <= model.n_iter_ < 50
    errors = [np.mean((y_val - p) ** 2) / 2 for p in model.staged_predict(X_val)]
    np.testing.assert_allclose(model.validation_score_[1:], np.negative(errors))


def test_given_rows_of_weight_zero_are_absent():
    X, y = make_numbers()
    X_val, y_val = make_numbers(100, seed=1)
    weight = np.ones(100)
    weight[::3] = 0
    y_wrong = np.where(weight == 0, 1e3, y_val)
    one = GradientBoostingRegressor(**WATCHED).fit(
        X, y, X_val=X_val, y_val=y_wrong, sample_weight_val=weight
    )
    other = clone(one).fit(X, y, X_val=X_val[weight > 0], y_val=y_val[weight > 0])
    np.testing.assert_allclose(one.validation_score_, other.validation_score_)


def test_given_rows_are_not_used_where_nothing_stops():
    X, y = make_numbers()
    params = {**PARAMS, "max_iter": 5}
    model = GradientBoostingRegressor(**params).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert not model.do_early_stopping_
    assert len(model.validation_score_) == 0
    plain = clone(model).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))


@pytest.mark.parametrize("label", ["maybe", "yesterday", "n"])
def test_a_label_that_training_has_not_seen_is_refused(label):
    X, y = make_frame()
    # The array of strings of training has room for three letters: a longer label must
    # not be cut to one that is known.
    message = rf"y_val of GradientBoostingClassifier.*'{label}'"
    with pytest.raises(ValueError, match=message):
        GradientBoostingClassifier(**WATCHED).fit(
            X, y, X_val=X[:3], y_val=["no", label, "yes"]
        )


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("y_val", r"GradientBoostingRegressor.* y_val is missing"),
        ("X_val", r"GradientBoostingRegressor.* X_val is missing"),
    ],
)
def test_rows_without_targets_and_targets_without_rows_are_refused(missing, message):
    X, y = make_numbers()
    given = {"X_val": X[:50], "y_val": y[:50]}
    del given[missing]
    with pytest.raises(ValueError, match=message):
        GradientBoostingRegressor(**WATCHED).fit(X, y, **given)


def test_given_rows_contradict_no_early_stopping():
    X, y = make_numbers()
    with pytest.raises(
        ValueError, match=r"X_val .* GradientBoostingRegressor.*early_stopping=False"
    ):
        GradientBoostingRegressor(early_stopping=False).fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize(
    ("X_val", "y_val"),
    [(np.zeros((5, 3)), np.zeros(5)), (np.zeros((5, 4)), np.zeros(4))],
    ids=["columns", "rows"],
)
def test_given_rows_of_another_shape_are_refused(X_val, y_val):
    X, y = make_numbers()
    with pytest.raises(ValueError, match=r"features|inconsistent"):
        GradientBoostingRegressor(**WATCHED).fit(X, y, X_val=X_val, y_val=y_val)


# -- rows that the fit holds out -------------------------------------------------------


def test_a_number_of_rows_is_held_out():
    X, y = make_numbers()
    seen = set()

    def score(model, X, y):
        seen.add(len(y))
        return r2_score(y, model.predict(X))

    # 50 of 400 rows are an eighth.
    by_number, by_share = (
        GradientBoostingRegressor(
            **WATCHED, scoring=score, validation_fraction=fraction
        ).fit(X, y)
        for fraction in (50, 0.125)
    )
    assert seen == {350, 50}
    np.testing.assert_array_equal(by_number.predict(X), by_share.predict(X))
    np.testing.assert_array_equal(
        by_number.validation_score_, by_share.validation_score_
    )


def test_no_rows_are_held_out():
    X, y = make_numbers()
    model = GradientBoostingRegressor(**WATCHED, validation_fraction=None).fit(X, y)
    assert len(model.validation_score_) == 0
    expected = [-np.mean((y - p) ** 2) / 2 for p in model.staged_predict(X)]
    np.testing.assert_allclose(model.train_score_[1:], expected, rtol=1e-9)
    whole = clone(model).set_params(early_stopping=False).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))


def test_each_class_is_held_out_by_its_share():
    X, y = make_frame()
    rare = np.arange(400) % 20 == 0
    y = np.where(rare, "yes", "no")
    seen = []

    def score(model, X, y):
        seen.append(np.mean(y == "yes"))
        return 0.0

    GradientBoostingClassifier(**WATCHED, scoring=score, validation_fraction=100).fit(
        X, y
    )
    np.testing.assert_allclose(seen, 0.05)


# -- scores ----------------------------------------------------------------------------


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", None])
@pytest.mark.parametrize("names", [["no", "yes"], ["few", "some", "many"]], ids=len)
def test_named_scores_of_classes(names, scoring):
    X, y = make_classes(names)
    X_val, y_val = make_classes(names, 100, seed=1)
    model = GradientBoostingClassifier(**WATCHED, scoring=scoring)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    for rows, truth, scores in (
        (X, y, model.train_score_),
        (X_val, y_val, model.validation_score_),
    ):
        if scoring == "neg_log_loss":
            expected = [
                -log_loss(truth, p, labels=model.classes_)
                for p in model.staged_predict_proba(rows)
            ]
        else:
            expected = [accuracy_score(truth, p) for p in model.staged_predict(rows)]
        assert len(set(expected)) > 1
        np.testing.assert_allclose(scores[1:], expected, rtol=1e-9)


@pytest.mark.parametrize("scoring", ["r2", None])
def test_named_scores_of_numbers(scoring):
    X, y = make_numbers()
    X_val, y_val = make_numbers(100, seed=1)
    weight = np.random.default_rng(2).uniform(0.5, 2, size=500)
    model = GradientBoostingRegressor(**WATCHED, scoring=scoring).fit(
        X, y, weight[:400], X_val=X_val, y_val=y_val, sample_weight_val=weight[400:]
    )
    for rows, truth, w, scores in (
        (X, y, weight[:400], model.train_score_),
        (X_val, y_val, weight[400:], model.validation_score_),
    ):
        stages = model.staged_predict(rows)
        expected = [r2_score(truth, p, sample_weight=w) for p in stages]
        np.testing.assert_allclose(scores[1:], expected, rtol=1e-9)
        assert np.all(np.diff(scores[:6]) > 0)


def negative_squares(model, X, y):
    return -np.mean((model.predict(np.array(X)) - y) ** 2)


def make_steps(n_rows, seed):
    """Few distinct values, all bins of their own, and a best split that is clear."""
    rng = np.random.default_rng(seed)
    X = rng.integers(40, size=(n_rows, 4)).astype(np.float64)
    y = 16.0 * (X[:, 0] > 12) + 7.0 * (X[:, 1] > 25) + 3.0 * (X[:, 2] > 18)
    return X, y + rng.normal(scale=0.3, size=n_rows)


def test_a_function_gives_the_scores_of_scikit_learn():
    X, y = make_steps(600, 0)
    X_val, y_val = make_steps(200, 1)
    # So many leaves as there are steps: more would be fitted to the noise, where splits
    # of nearly the same gain are chosen by what is rounded.
    params = WATCHED | {"max_leaf_nodes": 4, "min_samples_leaf": 20}
    mine = GradientBoostingRegressor(**params, scoring=negative_squares)
    theirs = HistGradientBoostingRegressor(**params, scoring="neg_mean_squared_error")
    for model in (mine, theirs):
        model.fit(X, y, X_val=X_val, y_val=y_val)
    assert np.all(np.diff(mine.validation_score_) > 0)
    np.testing.assert_allclose(
        mine.validation_score_, theirs.validation_score_, rtol=1e-4
    )


def test_a_function_sees_the_model_of_the_round():
    X, y = make_numbers()
    rounds, on_other_rows = [], []

    def score(model, X_scored, y_scored):
        rounds.append(model.n_iter_)
        on_other_rows.append(model.score(X[:50], y[:50]))
        assert len(list(model.staged_predict(X[:3]))) == model.n_iter_
        return model.score(X_scored, y_scored)

    model = GradientBoostingRegressor(
        **WATCHED, scoring=score, validation_fraction=None
    ).fit(X, y)
    assert rounds == list(range(13))
    stages = [r2_score(y[:50], p) for p in model.staged_predict(X[:50])]
    np.testing.assert_allclose(on_other_rows[1:], stages, rtol=1e-9)
    assert np.all(np.diff(on_other_rows) > 0)
    np.testing.assert_allclose(model.train_score_, [
        r2_score(y, np.full(400, y.mean())),
        *(r2_score(y, p) for p in model.staged_predict(X)),
    ], rtol=1e-9, atol=1e-12)  # fmt: skip


def test_the_model_that_a_function_keeps_stays_what_it_was():
    X, y = make_numbers()
    kept = []

    def score(model, X, y):
        kept.append((model, model.predict(X[:20]), X[:20]))
        return 0.0

    GradientBoostingRegressor(**WATCHED, scoring=score).fit(X, y)
    for model, then, rows in kept:
        np.testing.assert_array_equal(model.predict(rows), then)


@pytest.mark.parametrize("kind", ["frame", "array", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_a_function_gets_rows_as_the_user_gave_them(kind, weighted, given):
    X, y = make_frame()
    X["place"] = np.arange(400.0)
    if kind != "frame":
        X = X[["size", "place"]].to_numpy()
    if kind == "sparse":
        X = sp.csr_array(X)
    X_val, y_val = X[300:], y[300:]
    weight = None
    if weighted:
        # A third of the rows are left out, and the others keep their targets.
        weight = np.arange(400) % 3 / 1.0
    seen = {}

    def score(model, rows, labels, sample_weight=None):
        assert type(rows) is type(X)
        places = rows[:, [1]].toarray()[:, 0] if kind == "sparse" else (
            rows["place"].to_numpy() if kind == "frame" else rows[:, 1]
        )  # fmt: skip
        places = places.astype(int)
        np.testing.assert_array_equal(labels, y[places])
        if kind == "frame":
            assert rows.dtypes.equals(X.dtypes)
            pd.testing.assert_frame_equal(rows, X.iloc[places])
        if weighted and not given:
            np.testing.assert_array_equal(sample_weight, weight[places])
        seen[len(labels)] = model.score(rows, labels)
        return seen[len(labels)]

    model = GradientBoostingClassifier(
        **WATCHED | {"max_iter": 3}, scoring=score, validation_fraction=40
    )
    held_out = {"X_val": X_val, "y_val": y_val} if given else {}
    model.fit(X, y, weight, **held_out)
    n_train = 266 if weighted else 400
    assert set(seen) == ({n_train, 100} if given else {n_train - 40, 40})
    assert model.validation_score_[-1] == seen[100 if given else 40]


# -- warm starts -----------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"subsample": 0.6, "max_features": 0.5},
        {"early_stopping": True},
        {"early_stopping": True, "subsample": 0.6},
        {"early_stopping": True, "validation_fraction": None, "scoring": "r2"},
        {"early_stopping": True, "scoring": "r2"},
        {"early_stopping": True, "loss": "huber"},
        {"early_stopping": True, "loss": "absolute_error"},
    ],
    ids=str,
)
def test_more_rounds_are_one_long_fit(params, weighted):
    X, y = make_numbers()
    weight = np.random.default_rng(2).uniform(0.5, 2, size=400) if weighted else None
    params = PARAMS | {"n_iter_no_change": 30} | params
    whole = GradientBoostingRegressor(**params, max_iter=20).fit(X, y, weight)
    model = GradientBoostingRegressor(**params, warm_start=True)
    for n_rounds in (1, 8, 8, 20):
        model.set_params(max_iter=n_rounds).fit(X, y, weight)
        assert model.n_iter_ == n_rounds
    np.testing.assert_allclose(model.predict(X), whole.predict(X), rtol=1e-9)
    np.testing.assert_allclose(model.train_score_, whole.train_score_, rtol=1e-9)
    np.testing.assert_allclose(
        model.validation_score_, whole.validation_score_, rtol=1e-9
    )


def test_more_rounds_of_classes_are_one_long_fit():
    X, y = make_frame()
    params = WATCHED | {"class_weight": "balanced", "scoring": "neg_log_loss"}
    whole = GradientBoostingClassifier(**params).fit(X, y)
    model = GradientBoostingClassifier(**params, warm_start=True)
    for n_rounds in (5, 12):
        model.set_params(max_iter=n_rounds).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X))
    np.testing.assert_allclose(model.validation_score_, whole.validation_score_)


def refuse(model, X, y, message, **params):
    """Go on with other data or parameters, which has to be refused."""
    assert model.n_iter_ == 3
    model.set_params(max_iter=6, **params)
    with pytest.raises(ValueError, match=rf"(?s){type(model).__name__}.*{message}"):
        model.fit(X, y)


def fit_warm(X, y, cls=GradientBoostingRegressor, **params):
    return cls(max_iter=3, warm_start=True, **PARAMS, **params).fit(X, y)


def test_a_warm_start_with_another_number_of_features_is_refused():
    X, y = make_numbers()
    refuse(fit_warm(X, y), X[:, :2], y, "number of features.* 4 .* 2")


def test_a_warm_start_with_another_loss_is_refused():
    X, y = make_numbers()
    model = fit_warm(X, y)
    refuse(model, X, y, "loss.*squared_error.*absolute_error", loss="absolute_error")


@pytest.mark.parametrize("names", [["a", "b", "c"], ["a", "z"]], ids=str)
def test_a_warm_start_with_other_classes_is_refused(names):
    X, y = make_classes(["a", "b"])
    model = fit_warm(X, y, GradientBoostingClassifier)
    refuse(model, *make_classes(names), rf"classes.*{names[-1]}")


def test_a_warm_start_with_other_categories_is_refused():
    X, y = make_frame()
    model = fit_warm(X, y, GradientBoostingClassifier)
    other = X.assign(colour=X["colour"].cat.rename_categories({"red": "pink"}))
    refuse(model, other, y, "categories.*pink")


def test_a_warm_start_with_other_categorical_features_is_refused():
    rng = np.random.default_rng(0)
    X = rng.integers(4, size=(200, 3)).astype(float)
    model = fit_warm(X, X[:, 0] * X[:, 1], categorical_features=[1])
    refuse(model, X, X[:, 0], "categories", categorical_features=[0, 1])


def test_what_a_warm_start_has_refused_it_refuses_again():
    # The first attempt must not be taken for what the trees mean.
    X, y = make_classes(["a", "b"])
    model = fit_warm(X, y, GradientBoostingClassifier)
    for _ in range(2):
        refuse(model, X[:, :2], y, "number of features")
    model = fit_warm(X, y, GradientBoostingClassifier)
    for _ in range(2):
        refuse(model, *make_classes(["a", "z"]), "classes.*z")
    model = fit_warm(X, y, GradientBoostingClassifier)
    for _ in range(2):
        refuse(model, X, y, "loss.*exponential", loss="exponential")


def test_a_warm_start_that_was_refused_leaves_the_model_in_use():
    X, y = make_numbers()
    model = fit_warm(X, y)
    expected = model.predict(X)
    refuse(model, X[:, :2], y, "number of features")
    np.testing.assert_array_equal(model.predict(X), expected)
    assert model.fit(X, y).n_iter_ == 6


def test_a_warm_start_with_fewer_rounds_is_refused():
    X, y = make_numbers()
    model = fit_warm(X, y).set_params(max_iter=2)
    with pytest.raises(ValueError, match=r"max_iter=2 of GradientBoosting.*n_iter_=3"):
        model.fit(X, y)


def test_another_scoring_starts_the_scores_anew():
    X, y = make_classes(["no", "yes"])
    params = WATCHED | {"warm_start": True, "max_iter": 5}
    model = GradientBoostingClassifier(**params).fit(X, y)
    assert len(model.validation_score_) == len(model.train_score_) == 6
    assert np.all(model.train_score_ < 0)
    model.set_params(scoring="accuracy", max_iter=12).fit(X, y)
    # One for the trees that were there, and one for each of the seven new rounds.
    assert len(model.validation_score_) == len(model.train_score_) == 8
    assert np.all(model.train_score_ > 0.5)
    once = clone(model).set_params(warm_start=False).fit(X, y)
    np.testing.assert_allclose(model.train_score_, once.train_score_[5:])
    np.testing.assert_array_equal(model.predict(X), once.predict(X))


# -- trees that are joined round by round ----------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_trees_that_are_watched_are_those_that_are_not(seed):
    rng = np.random.default_rng(seed)
    # Column 0 can hardly be split by, and half of the trees have only that: trees of
    # one leaf are among those with sets of categories.
    X = np.zeros((400, 2))
    X[:3, 0] = 1
    X[:, 1] = rng.integers(12, size=400)
    y = rng.normal(size=12)[X[:, 1].astype(int)] + rng.normal(scale=0.1, size=400)
    watched = GradientBoostingRegressor(
        max_features=0.5, categorical_features=[1], early_stopping=True,
        validation_fraction=None, n_iter_no_change=30, max_iter=30, random_state=seed,
    ).fit(X, y)  # fmt: skip
    plain = clone(watched).set_params(early_stopping=False).fit(X, y)
    assert watched.n_iter_ == plain.n_iter_ == 30
    sizes = np.diff(plain._trees["starts"])
    assert sizes.min() == 1
    assert sizes.max() > 1
    X[::9, 1] = np.nan
    np.testing.assert_array_equal(watched.predict(X), plain.predict(X))
    for one, other in zip(
        watched.staged_predict(X), plain.staged_predict(X), strict=True
    ):
        np.testing.assert_array_equal(one, other)


# -- losses of the user's --------------------------------------------------------------


class LogLog:
    """Two classes by ``p = 1 - exp(-exp(raw))``, which is 0.63 at 0."""

    def gradient_hessian(self, y, raw):
        rate = np.exp(raw)
        p = np.clip(-np.expm1(-rate), 1e-9, None)
        # The expected Hessian, which is positive.
        return rate * (1 - y / p), rate**2 * (1 - p) / p + 1e-9

    def loss(self, y, raw):
        rate = np.exp(raw)
        return np.where(y == 1, -np.log(-np.expm1(-rate)), rate)

    def inverse_link(self, raw):
        return -np.expm1(-np.exp(raw))


class Shares:
    """Several classes, with the logarithms of their shares beside the trees."""

    offset = np.log([0.1, 0.3, 0.6])

    def gradient_hessian(self, y, raw):
        p = self.inverse_link(raw)
        return p - np.eye(3)[y.astype(int)], p * (1 - p)

    def loss(self, y, raw):
        return -np.log(self.inverse_link(raw)[np.arange(len(y)), y.astype(int)])

    def inverse_link(self, raw):
        return softmax(raw + self.offset, axis=1)


@pytest.mark.parametrize(
    ("loss", "names"),
    [(LogLog(), ["no", "yes"]), (Shares(), ["few", "some", "much"])],
    ids=["two", "three"],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_class_is_the_one_of_the_largest_probability(loss, names, early_stopping):
    X, y = make_classes(names)
    model = GradientBoostingClassifier(
        loss, max_iter=6, early_stopping=early_stopping, **PARAMS
    ).fit(X, y)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    labels = model.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(X), labels)
    # The sum of the trees alone would say something else.
    raw = model.decision_function(X)
    by_raw = raw.argmax(axis=1) if raw.ndim > 1 else (raw > 0).astype(int)
    assert np.any(model.classes_[by_raw] != labels)
    for label, p in zip(
        model.staged_predict(X), model.staged_predict_proba(X), strict=True
    ):
        np.testing.assert_array_equal(label, model.classes_[p.argmax(axis=1)])


class Logistic:
    def initial_value(self, y, sample_weight):
        share = np.average(y, weights=sample_weight)
        return np.log(share / (1 - share))

    def gradient_hessian(self, y, raw):
        p = expit(raw)
        return p - y, p * (1 - p)

    def loss(self, y, raw):
        return np.logaddexp(0, raw) - y * raw


class WritingLogistic(Logistic):
    """Overwrites all that it is given."""

    def initial_value(self, y, sample_weight):
        value = super().initial_value(y, sample_weight)
        y[:] = sample_weight[:] = 7
        return value

    def gradient_hessian(self, y, raw):
        pair = super().gradient_hessian(y, raw)
        y[:] = raw[:] = 7
        return pair

    def loss(self, y, raw):
        values = super().loss(y, raw)
        y[:] = raw[:] = 7
        return values


@pytest.mark.parametrize("scoring", ["loss", "neg_log_loss", negative_squares])
@pytest.mark.parametrize("validation_fraction", [None, 0.2])
def test_a_loss_may_write_to_its_arguments(scoring, validation_fraction):
    X, _ = make_numbers()
    y = (X[:, 0] > 0.2).astype(int)
    weight = np.random.default_rng(2).uniform(0.5, 2, size=400)
    before = X.copy(), y.copy(), weight.copy()
    if callable(scoring):
        # A function that takes no weights.
        def score(model, X, y, sample_weight):
            return scoring(model, X, y)
    else:
        score = scoring
    plain, writing = (
        GradientBoostingClassifier(
            loss, **WATCHED, scoring=score, validation_fraction=validation_fraction
        ).fit(X, y, weight)
        for loss in (Logistic(), WritingLogistic())
    )
    np.testing.assert_array_equal(plain.predict_proba(X), writing.predict_proba(X))
    np.testing.assert_array_equal(plain.train_score_, writing.train_score_)
    np.testing.assert_array_equal(plain.validation_score_, writing.validation_score_)
    for one, other in zip((X, y, weight), before, strict=True):
        np.testing.assert_array_equal(one, other)
