"""Candidates that share steps are fitted together, and end as they would alone."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    RegressorMixin,
    TransformerMixin,
    clone,
)
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.utils.validation import validate_data

from sklearn_dl.base import JointFitMixin
from sklearn_dl.model_selection._joint_fit import (
    fit_jointly,
    plan_joint_fits,
    scoring_parts,
)
from sklearn_dl.testing import check_joint_fit

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 6)) * [1, 2, 3, 4, 5, 6]
y = (X[:, 0] + X[:, 1] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=[*"abcdef"]).assign(
    colour=np.where(X[:, 2] > 0, "red", "blue")
)
TEXTS = ["a cat sat", "a dog ran", "the cat ran far", "no dog sat", "far away"] * 6
TOPICS = np.arange(30) % 2


class Counting(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Passes rows on, and counts its fits."""

    fits = 0

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None, sample_weight=None):
        type(self).fits += 1
        self.weight_ = 0.0 if sample_weight is None else float(sum(sample_weight))
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X):
        return X * (self.factor + self.weight_)


class Other(Counting):
    fits = 0


class Failing(Counting):
    def fit(self, X, y=None):
        raise RuntimeError("no fit today")


class Ridge(JointFitMixin, RegressorMixin, BaseEstimator):
    """Decomposes the data once for all strengths of its penalty."""

    calls = 0

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y, sample_weight=None):
        return self._solve(self._decompose(X, y, sample_weight))

    def _decompose(self, X, y, sample_weight):
        root = np.sqrt(np.ones(len(X)) if sample_weight is None else sample_weight)
        U, s, Vt = np.linalg.svd(X * root[:, None], full_matrices=False)
        return s, Vt, U.T @ (y * root)

    def _solve(self, decomposition):
        if self.alpha < 0:
            raise ValueError("alpha is negative")
        s, Vt, target = decomposition
        self.coef_ = Vt.T @ (s / (s**2 + self.alpha) * target)
        return self

    def predict(self, X):
        return X @ self.coef_

    def joint_fit_groups(self, candidates):
        return [list(range(len(candidates)))] if candidates else []

    def fit_candidates(self, candidates, X, y, sample_weight=None):
        type(self).calls += 1
        decomposition = self._decompose(X, y, sample_weight)
        for k, params in enumerate(candidates):
            try:
                yield k, clone(self).set_params(**params)._solve(decomposition)
            except ValueError as error:
                yield k, error


@pytest.fixture(autouse=True)
def counters():
    Counting.fits = Other.fits = Ridge.calls = 0


def variant(estimator, params):
    values = {name: clone(value, safe=False) for name, value in params.items()}
    return clone(estimator).set_params(**values)


def grid(**values):
    return list(ParameterGrid(values))


def joint(estimator, candidates, X=X, y=y, **fit_params):
    """Outcomes of a joint fit, in the order of the candidates."""
    outcomes = dict(fit_jointly(estimator, candidates, X, y, fit_params))
    assert sorted(outcomes) == list(range(len(candidates)))
    return [outcomes[k] for k in range(len(candidates))]


def assert_as_alone(estimator, candidates, X=X, y=y, **fit_params):
    """Outcomes of a joint fit are those of single fits; returns them."""
    outcomes = joint(estimator, candidates, X, y, **fit_params)
    for params, outcome in zip(candidates, outcomes, strict=True):
        try:
            alone = variant(estimator, params).fit(X, y, **fit_params)
        except Exception as error:
            assert type(outcome) is type(error)
            assert str(outcome) == str(error)
            continue
        assert repr(outcome) == repr(alone)
        for method in ("predict", "predict_proba", "transform"):
            if hasattr(alone, method):
                np.testing.assert_array_equal(
                    dense(getattr(outcome, method)(X)), dense(getattr(alone, method)(X))
                )
    return outcomes


def dense(rows):
    return rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)


def groups_of(estimator, candidates):
    return [group.candidates for group in plan_joint_fits(estimator, candidates)]


def pipeline(*front, last=None):
    names = [(f"step{k}", step) for k, step in enumerate(front)]
    return Pipeline([*names, ("model", GaussianNB() if last is None else last)])


# -- steps in front --------------------------------------------------------------------


def test_each_distinct_step_is_fitted_once():
    model = pipeline(Counting(), Other())
    candidates = grid(
        step0__factor=[1.0, 2.0],
        step1__factor=[1.0, 2.0, 3.0],
        model__var_smoothing=[1e-9, 1e-3],
    )
    joint(model, candidates)
    assert (Counting.fits, Other.fits) == (2, 6)
    assert len(groups_of(model, candidates)) == 2


def test_scaler_pca_and_classifier_end_as_alone():
    model = make_pipeline(StandardScaler(), PCA(), LogisticRegression())
    candidates = grid(pca__n_components=[2, 4], logisticregression__C=[0.1, 1.0])
    assert_as_alone(model, candidates)
    check_joint_fit(model, candidates, X, y)
    (group,) = plan_joint_fits(model, candidates)
    assert group.candidates == [0, 1, 2, 3]
    assert group.how == "front of 1 step shared"
    assert not group.threads


def test_pipelines_share_the_fitted_front():
    model = make_pipeline(StandardScaler(), PCA(2), LogisticRegression())
    one, other = joint(model, grid(logisticregression__C=[0.1, 1.0]))
    assert one[0] is other[0] and one[1] is other[1] and one[2] is not other[2]
    assert scoring_parts(one) == ((one[0], one[1]), one[2])
    assert one.n_features_in_ == 6
    assert not hasattr(model[0], "mean_")


def test_replaced_and_omitted_steps():
    model = pipeline(StandardScaler(), PCA(2), last=LogisticRegression())
    pca = PCA(3)
    candidates = [
        {"step1": pca},
        {"step1": pca, "model__C": 2.0},
        {"step1": pca, "step1__whiten": True},
        {"step1": "passthrough"},
        {"step1": None, "step0": "passthrough"},
        {"step0": MinMaxScaler(), "step0__clip": True},
        {"model": GaussianNB()},
        {"model": "passthrough"},
        {"model": None},
    ]
    outcomes = assert_as_alone(model, candidates)
    assert outcomes[0][1] is outcomes[1][1]
    assert outcomes[0][1] is not pca
    assert not hasattr(pca, "components_")


def test_equal_values_are_shared_and_similar_ones_are_not():
    model = pipeline(Counting())
    for values, n_fits in [
        ([1, 1], 1),
        ([1, 1.0], 2),
        ([1, True], 2),
        ([0.0, -0.0], 2),
        ([np.nan, float("nan")], 1),
        ([(1, 2.0), (1, 2.0)], 1),
        ([np.ones(6), np.ones(6)], 2),
        ([np.ones(6)] * 2, 1),
    ]:
        Counting.fits = 0
        model.set_params(step0=Counting())
        joint(model, [{"step0__factor": value} for value in values])
        assert Counting.fits == n_fits, values


def test_nested_pipelines():
    inner = pipeline(Counting(), last=LogisticRegression())
    model = Pipeline([("pre", make_pipeline(Other(), PCA())), ("inner", inner)])
    candidates = grid(
        pre__pca__n_components=[2, 3],
        inner__step0__factor=[1.0, 2.0],
        inner__model__C=[0.1, 1.0],
    )
    outcomes = joint(model, candidates)
    assert (Other.fits, Counting.fits) == (1, 4)
    assert_as_alone(model, candidates)
    front, last = scoring_parts(outcomes[0])
    assert front == (outcomes[0]["pre"], outcomes[0]["inner"][0])
    assert last is outcomes[0]["inner"][1]


def test_steps_may_write_into_their_input():
    before = X.copy()
    writer = FunctionTransformer(lambda X: np.multiply(X, 2, out=X))
    model = pipeline(StandardScaler(), writer, PCA(copy=False), last=GaussianNB())
    candidates = [
        {"step2__n_components": 2},
        {"step2__n_components": 3},
        {"step0": Normalizer(copy=False)},
        {"step0": "passthrough"},
        {"step0": "passthrough", "step1": "passthrough"},
    ]
    results = joint(model, candidates)
    for params, outcome in zip(candidates, results, strict=True):
        alone = variant(model, params).fit(X.copy(), y)
        np.testing.assert_allclose(
            outcome.predict_proba(X.copy()), alone.predict_proba(X.copy())
        )
    np.testing.assert_array_equal(X, before)


def test_sample_weight_goes_to_its_step():
    model = pipeline(Counting(), StandardScaler(), last=LogisticRegression())
    weights = GENERATOR.uniform(size=len(X))
    candidates = grid(model__C=[0.1, 1.0])
    assert_as_alone(model, candidates, model__sample_weight=weights)
    assert_as_alone(model, candidates, step0__sample_weight=weights)
    check_joint_fit(
        model, candidates, X, y, fit_params={"step1__sample_weight": weights}
    )


@pytest.mark.parametrize("name", ["sample_weight", "stranger__sample_weight"])
def test_fit_parameters_that_no_step_takes(name):
    assert_as_alone(pipeline(Counting()), [{}, {}], **{name: y})


def test_routed_metadata_is_left_to_scikit_learn():
    with config_context(enable_metadata_routing=True):
        last = LogisticRegression().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, last)
        candidates = grid(logisticregression__C=[0.1, 1.0])
        one, other = assert_as_alone(model, candidates, sample_weight=np.abs(X[:, 0]))
        assert one[0] is not other[0]
        one, other = assert_as_alone(model, candidates)
        assert one[0] is other[0]


def test_pandas_output():
    model = pipeline(StandardScaler(), PCA(), last=LogisticRegression())
    model.set_output(transform="pandas")
    outcomes = assert_as_alone(
        model, grid(step1__n_components=[2, 3], model__C=[1, 2]), FRAME[[*"abcdef"]]
    )
    assert list(outcomes[0].feature_names_in_) == [*"abcdef"]
    assert list(outcomes[0][-1].feature_names_in_) == ["pca0", "pca1"]


def test_without_targets():
    model = Pipeline([("scale", StandardScaler()), ("pca", PCA())])
    assert_as_alone(model, grid(pca__n_components=[1, 2]), y=None)


# -- failures --------------------------------------------------------------------------


def test_a_candidate_that_fails_leaves_the_others():
    model = make_pipeline(StandardScaler(), PCA(), LogisticRegression())
    candidates = [
        *grid(pca__n_components=[2, 50], logisticregression__C=[1.0, -1.0]),
        {"pca": GaussianNB()},
    ]
    outcomes = assert_as_alone(model, candidates)
    failed = [isinstance(outcome, Exception) for outcome in outcomes]
    assert failed == [False, True, True, True, True]


def test_a_front_that_fails_fails_for_all_behind_it():
    model = pipeline(StandardScaler(), Counting())
    candidates = grid(step0=[Failing()], model__var_smoothing=[0.1, 0.2])
    one, other, third = joint(model, [*candidates, {}])
    assert one is other
    assert isinstance(one, RuntimeError)
    assert third.predict(X).shape == y.shape
    assert Counting.fits == 1


def test_interruption_is_no_outcome():
    def interrupt(X):
        raise KeyboardInterrupt

    model = pipeline(FunctionTransformer(interrupt))
    with pytest.raises(KeyboardInterrupt):
        joint(model, [{}, {}])


def test_parameters_that_do_not_exist_are_in_no_group():
    model = pipeline(Counting())
    candidates = [{}, {}, {"stranger": 1}, {"step0": "passthrough", "step0__factor": 1}]
    assert groups_of(model, candidates) == [[0, 1]]
    outcomes = joint(model, candidates)
    assert [type(outcome) for outcome in outcomes[2:]] == [ValueError, AttributeError]


# -- what does not join ----------------------------------------------------------------


class Peculiar(Pipeline):
    """Could do anything."""


@pytest.mark.parametrize(
    "model",
    [
        GaussianNB(),
        Peculiar([("a", Counting()), ("b", GaussianNB())]),
        Pipeline([("a", Counting()), ("b", GaussianNB())], verbose=True),
        Pipeline([("a", "passthrough"), ("b", GaussianNB())]),
        Pipeline([("a", GaussianNB()), ("b", GaussianNB())]),
        Pipeline([("a", Counting()), ("a", GaussianNB())]),
        Pipeline([("a__b", Counting()), ("c", GaussianNB())]),
        Pipeline([("memory", Counting()), ("c", GaussianNB())]),
        Pipeline([GaussianNB()]),
        Pipeline([]),
    ],
    ids=repr,
)
def test_not_joined(model, capsys):
    assert plan_joint_fits(model, [{}, {}]) == []
    for outcome in joint(model, [{}, {}]):
        try:
            alone = clone(model).fit(X, y)
        except Exception as error:
            assert type(outcome) is type(error)
        else:
            np.testing.assert_array_equal(outcome.predict(X), alone.predict(X))


def test_cached_pipelines_are_not_joined(tmp_path):
    model = Pipeline([("a", Counting()), ("b", GaussianNB())], memory=str(tmp_path))
    assert plan_joint_fits(model, [{}, {}]) == []
    model.set_params(memory=None)
    candidates = [{}, {"memory": str(tmp_path)}, {"steps": model.steps}, {}]
    assert groups_of(model, candidates) == [[0, 3]]


class Listener:
    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass


def test_pipelines_with_callbacks_are_not_joined():
    heard = LogisticRegression().set_callbacks(Listener())
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert groups_of(clone(model).set_callbacks(Listener()), [{}, {}]) == []
    assert groups_of(make_pipeline(StandardScaler(), heard), [{}, {}]) == []
    candidates = [{}, {"logisticregression": heard}, {}]
    assert groups_of(model, candidates) == [[0, 2]]


def test_one_candidate_shares_nothing():
    model = pipeline(Counting())
    assert groups_of(model, grid(step0__factor=[1.0, 2.0])) == []


# -- text ------------------------------------------------------------------------------


def test_weightings_share_their_counts(monkeypatch):
    counted = []
    count = CountVectorizer.fit_transform
    monkeypatch.setattr(
        CountVectorizer,
        "fit_transform",
        lambda self, *args: counted.append(1) or count(self, *args),
    )
    model = Pipeline([("words", TfidfVectorizer()), ("model", LogisticRegression())])
    candidates = grid(
        words__norm=["l1", "l2", None],
        words__use_idf=[True, False],
        words__smooth_idf=[True, False],
        words__sublinear_tf=[True, False],
        words__ngram_range=[(1, 1), (1, 2)],
    )
    joint(model, candidates, TEXTS, TOPICS)
    assert len(counted) == 2
    sizes = [len(group) for group in groups_of(model, candidates)]
    assert sizes == [24, 24]
    for params, outcome in zip(
        candidates, assert_as_alone(model, candidates, TEXTS, TOPICS), strict=True
    ):
        alone = variant(model, params).fit(TEXTS, TOPICS)
        words, words_alone = outcome["words"], alone["words"]
        assert words.vocabulary_ == words_alone.vocabulary_
        assert vars(words).keys() == vars(words_alone).keys()
        if params["words__use_idf"]:
            np.testing.assert_array_equal(words.idf_, words_alone.idf_)
        new = ["a cat and a dog ran away", ""]
        np.testing.assert_array_equal(
            dense(words.transform(new)), dense(words_alone.transform(new))
        )


def test_weightings_that_fail():
    model = Pipeline([("words", TfidfVectorizer()), ("model", LogisticRegression())])
    assert_as_alone(model, grid(words__norm=["l1", "l7", "l2"]), TEXTS, TOPICS)
    no_words = grid(words__stop_words=[["nothing"]], words__norm=["l1", "l2"])
    assert_as_alone(model, no_words, ["", ""], [0, 1])


# -- branches --------------------------------------------------------------------------


def columns(**settings):
    return ColumnTransformer(
        [
            ("some", Counting(), ["a", "b"]),
            ("others", make_pipeline(SimpleImputer(), PCA()), [*"cdef"]),
            ("names", OneHotEncoder(sparse_output=False), ["colour"]),
            ("none", Other(), []),
            ("kept", "passthrough", ["a"]),
            ("left", "drop", ["b"]),
        ],
        **settings,
    )


COLUMN_GRID = grid(
    step0__some__factor=[1.0, 2.0],
    step0__others__pca__n_components=[1, 2],
    step0__names__drop=[None, "first"],
    model__C=[1.0, 2.0],
)


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_branches_that_do_not_differ_are_fitted_once(output):
    model = pipeline(columns(), last=LogisticRegression())
    model.set_output(transform=output)
    outcomes = joint(model, COLUMN_GRID, FRAME)
    assert Counting.fits == 2
    assert_as_alone(model, COLUMN_GRID, FRAME)
    for params, outcome in zip(COLUMN_GRID, outcomes, strict=True):
        alone = variant(model, params).fit(FRAME, y)
        assert repr(outcome[0].transformers_) == repr(alone[0].transformers_)
        assert repr(outcome[0].transformers) == repr(alone[0].transformers)
        assert not hasattr(outcome[0].transformers[0][1], "weight_")
        assert outcome[0].output_indices_ == alone[0].output_indices_
        names = outcome[0].get_feature_names_out()
        assert list(names) == list(alone[0].get_feature_names_out())
    (group,) = plan_joint_fits(model, COLUMN_GRID)
    assert group.how == "parts of ColumnTransformer shared"


def test_branches_that_are_replaced_weighted_or_fail():
    settings = [
        {},
        {"some": "drop"},
        {"some": "passthrough"},
        {"some": StandardScaler()},
        {"some": Failing()},
        {"others__pca__n_components": 9},
        {"transformer_weights": {"some": 3.0}},
        {"remainder": "passthrough"},
        {"transformers": [("some", PCA(1), [*"abc"])]},
        {"n_jobs": 2},
    ]
    candidates = [{f"step0__{k}": v for k, v in params.items()} for params in settings]
    model = pipeline(columns(), last=GaussianNB())
    with parallel_config(backend="threading"):
        assert_as_alone(model, candidates, FRAME)


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_feature_unions(output):
    union = FeatureUnion(
        [("some", Counting()), ("pca", PCA()), ("kept", "passthrough"), ("no", "drop")]
    )
    model = pipeline(union, last=LogisticRegression())
    model.set_output(transform=output)
    candidates = grid(
        step0__some__factor=[1.0, 2.0],
        step0__pca__n_components=[1, 2],
        step0__transformer_weights=[None, {"pca": 2.0}]
        if output == "default"
        else [None],
    )
    frame = FRAME[[*"abcdef"]]
    outcomes = joint(model, candidates, frame)
    assert Counting.fits == 2
    assert_as_alone(model, candidates, frame)
    alone = variant(model, candidates[0]).fit(frame, y)
    fitted = outcomes[0][0]
    assert repr(fitted.transformer_list) == repr(alone[0].transformer_list)
    names = fitted.get_feature_names_out()
    assert list(names) == list(alone[0].get_feature_names_out())


# -- estimators with joint fits of their own -------------------------------------------


def test_an_estimator_with_joint_fits():
    candidates = [{"alpha": 1.0}, {"alpha": -1.0}, {"alpha": 2.0}]
    (group,) = plan_joint_fits(Ridge(), candidates)
    assert (group.candidates, group.threads) == ([0, 1, 2], True)
    assert group.how == "joint fit of Ridge"
    assert isinstance(joint(Ridge(), candidates)[1], ValueError)
    assert Ridge.calls == 1
    check_joint_fit(Ridge(), candidates, X, y)


def test_joint_fits_at_the_end_of_a_pipeline():
    model = pipeline(Counting(), last=Ridge())
    candidates = grid(step0__factor=[1.0, 2.0], model__alpha=[0.1, 1.0, 10.0])
    groups = plan_joint_fits(model, candidates)
    assert [group.candidates for group in groups] == [[0, 2, 4], [1, 3, 5]]
    assert all(group.threads for group in groups)
    assert groups[0].how == "front of 1 step shared, joint fit of Ridge"
    joint(model, candidates)
    assert (Counting.fits, Ridge.calls) == (2, 2)
    weights = GENERATOR.uniform(size=len(X))
    check_joint_fit(
        model, candidates, X, y, fit_params={"model__sample_weight": weights}
    )


def test_groups_without_a_front_are_the_last_steps_own():
    model = pipeline("passthrough", Counting(), last=Ridge())
    candidates = [
        *grid(step1=["passthrough"], model__alpha=[0.1, 1.0]),
        {"model__alpha": 2.0},
        {"model": GaussianNB()},
        {"model": LogisticRegression()},
    ]
    groups = plan_joint_fits(model, candidates)
    assert [(group.candidates, group.threads) for group in groups] == [
        ([0, 1], True),
        ([2], True),
        ([3, 4], False),
    ]


class Selective(Ridge):
    """Joins positive penalties alone, and gives up behind the first."""

    def joint_fit_groups(self, candidates):
        return [[k for k, params in enumerate(candidates) if params["alpha"] > 0]]

    def fit_candidates(self, candidates, X, y):
        assert all(params["alpha"] > 0 for params in candidates)
        yield from list(super().fit_candidates(candidates, X, y))[:1]
        raise MemoryError


def test_what_a_joint_fit_leaves_is_fitted_alone():
    candidates = [{"alpha": alpha} for alpha in (1.0, -1.0, 2.0, 3.0)]
    outcomes = joint(Selective(), candidates)
    assert isinstance(outcomes.pop(1), ValueError)
    for alpha, outcome in zip((1.0, 2.0, 3.0), outcomes, strict=True):
        alone = Ridge(alpha).fit(X, y)
        np.testing.assert_array_equal(outcome.coef_, alone.coef_)


def test_the_parts_of_other_estimators():
    model = GaussianNB().fit(X, y)
    assert scoring_parts(model) == ((), model)
    scaler = Pipeline([("a", StandardScaler()), ("b", "passthrough")]).fit(X)
    assert scoring_parts(scaler) == ((), scaler)
