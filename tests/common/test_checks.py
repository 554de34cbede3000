"""Our own checks over every public estimator, and proof that they can fail."""

import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import (
    BaseEstimator,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

import sklearn_dl.testing
from sklearn_dl.testing import (
    all_checks,
    check_callbacks,
    check_clone,
    check_estimator,
    check_global_state,
    check_input_unchanged_and_layouts,
    check_joblib,
    check_meta_estimators,
    check_metadata_routing,
    check_pickle,
    check_reproducible,
    check_set_output_pandas,
    check_skops,
)
from tests.common.cases import construct_brief

# These start processes.
SLOW = {check_meta_estimators, check_reproducible}


def cases():
    for estimator in construct_brief():
        for check in all_checks(estimator):
            yield pytest.param(
                estimator,
                check,
                id=f"{estimator!r}-{check.__name__}".replace("\n", ""),
                marks=[pytest.mark.slow] if check in SLOW else [],
            )


@pytest.mark.parametrize(("estimator", "check"), [*cases()])
def test_check(estimator, check):
    check(estimator)


# -- what a check must catch -----------------------------------------------------------


class Means(RegressorMixin, BaseEstimator):
    """Predicts by a feature's distance to its mean. Passes every check."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(
            self, X, y, dtype=np.float64, y_numeric=True, accept_sparse=False
        )
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        self._learn(X, np.asarray(y, dtype=np.float64), weight)
        return self

    def _learn(self, X, y, weight):
        self.mean_ = np.average(X, axis=0, weights=weight)
        self.target_ = np.average(y, weights=weight)

    def predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.target_ + (X - self.mean_)[:, 0]


class ChangesAParameter(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.random_state = self.random_state + 1


class RemembersThroughClones(Means):
    """Goes on from all fits before, its clones' included."""

    fits = 0

    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        type(self).fits += 1
        self.target_ += type(self).fits


class LosesAnAttribute(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.report_ = "all well"

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("report_", None)
        return state


class RoundsItsState(Means):
    def __getstate__(self):
        state = dict(super().__getstate__())
        if "target_" in state:
            state["target_"] = np.round(state["target_"], 2) + 0.001
        return state


class WritesToItsState(Means):
    """Centres the means in place when it predicts."""

    def predict(self, X):
        self.mean_ += 0.0
        return super().predict(X)


class ForgetsItsProgress(Means):
    def partial_fit(self, X, y, sample_weight=None):
        if not hasattr(self, "mean_"):
            self.fit(X, y, sample_weight)
        self._steps = getattr(self, "_steps", 0) + 1
        self.target_ += self._steps
        return self

    def fit(self, X, y, sample_weight=None):
        self._steps = 5
        return super().fit(X, y, sample_weight)

    def __getstate__(self):
        return {k: v for k, v in super().__getstate__().items() if k != "_steps"}


class HoldsALambda(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self._link = lambda value: value


class DrawsGlobally(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.target_ += random.random()


class DependsOnHashes(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.target_ += hash("a string") % 1000


class SeedsNumpy(Means):
    def _learn(self, X, y, weight):
        np.random.seed(0)  # noqa: NPY002
        super()._learn(X, y, weight)


class SilencesWarnings(Means):
    def _learn(self, X, y, weight):
        warnings.simplefilter("ignore", ResourceWarning)
        super()._learn(X, y, weight)


class SeedsTorch(Means):
    def _learn(self, X, y, weight):
        torch.manual_seed(0)
        super()._learn(X, y, weight)


class ResetsThreads(Means):
    def predict(self, X):
        torch.set_num_threads(1)
        return super().predict(X)


class LeavesAMessOnErrors(Means):
    def fit(self, X, y, sample_weight=None):
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        super().fit(X, y, sample_weight)
        np.random.set_state(state)  # noqa: NPY002
        return self


class CentresInPlace(Means):
    def fit(self, X, y, sample_weight=None):
        if isinstance(X, np.ndarray) and X.flags.writeable:
            X -= 1
        return super().fit(X, y, sample_weight)


class ReadsMemory(Means):
    """Takes the bytes of an array for its values in their order."""

    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.target_ += X.ravel(order="K")[1]


class IgnoresBigEndian(Means):
    def fit(self, X, y, sample_weight=None):
        X = X.view(np.dtype("=f8")) if getattr(X, "dtype", None) == ">f8" else X
        return super().fit(X, y, sample_weight)


class IgnoresWeights(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, np.ones_like(weight))


class CountsWeightlessRows(Means):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.target_ += X.sum()


class NeedsManyRows(Means):
    def _learn(self, X, y, weight):
        if len(X) < 60:
            raise ValueError("too few rows")
        super()._learn(X, y, weight)


class WrongProbabilities(LogisticRegression):
    """Its labels have the last word in `predict_proba`, in a fit of all rows."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self._complete = len(X) >= 60
        return self

    def predict(self, X):
        labels = super().predict(X)
        return labels if self._complete else np.roll(labels, 1)[: len(labels) - 1]


class LosesTheIndex(StandardScaler):
    def transform(self, X, copy=None):
        result = super().transform(X, copy)
        return result.reset_index(drop=True) if hasattr(result, "columns") else result


class NamesWrongColumns(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        validate_data(self, X)
        self.fitted_ = True
        return self

    def transform(self, X):
        return validate_data(self, X, reset=False)[:, :2]

    def get_feature_names_out(self, input_features=None):
        return np.array(["one", "two", "three"], dtype=object)


class Steps(CallbackSupportMixin, Means):
    """Goes beyond the mean target in three steps. Passes every check."""

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        self.context_ = self._init_callback_context(max_subtasks=3)
        self.context_.call_on_fit_task_begin(estimator=self)
        super().fit(X, y, sample_weight)
        self.context_.call_on_fit_task_end(
            estimator=self, reconstruction_attributes=dict
        )
        del self.context_
        return self

    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        goal, self.target_ = self.target_ + 1, np.zeros(1)
        self.n_iter_ = 0
        for _ in range(3):
            task = self.context_.subcontext(task_name="step")
            task.call_on_fit_task_begin(estimator=self)
            self._step(goal)
            self.n_iter_ += 1
            if self._tell(task):
                break

    def _step(self, goal):
        self.target_ = self.target_ + goal / 3

    def _tell(self, task):
        return task.call_on_fit_task_end(estimator=self, reconstruction_attributes=dict)


class MiscountsSteps(Steps):
    def _learn(self, X, y, weight):
        super()._learn(X, y, weight)
        self.n_iter_ += 1


class NeverStops(Steps):
    def _tell(self, task):
        super()._tell(task)
        return False


class SharesItsState(Steps):
    def _step(self, goal):
        self.target_ += goal / 3


class ShowsNothing(Steps):
    def _tell(self, task):
        return task.call_on_fit_task_end(estimator=self)


class MindsBeingWatched(Steps):
    def _step(self, goal):
        super()._step(goal + hasattr(self, "_skl_callbacks"))


BROKEN = [
    (check_clone, ChangesAParameter(), "has other parameters"),
    (check_clone, RemembersThroughClones(), "differs .* in a clone"),
    (check_pickle, LosesAnAttribute(), r"has lost \['report_'\] after pickle"),
    (check_pickle, RoundsItsState(), "predict .* differs .* after pickle"),
    (check_pickle, ForgetsItsProgress(), "when partial_fit goes on after pickle"),
    (check_pickle, HoldsALambda(), "HoldsALambda fails after pickle"),
    (check_joblib, RoundsItsState(), "predict .* differs .* after joblib"),
    (check_joblib, WritesToItsState(), "fails when it is mapped into memory"),
    (check_skops, RoundsItsState(), "predict .* differs .* after skops"),
    (check_reproducible, DrawsGlobally(), "again with the same random_state"),
    (check_reproducible, DependsOnHashes(), "in another process"),
    (check_global_state, SeedsNumpy(), "changes numpy's global generator in fit"),
    (check_global_state, SilencesWarnings(), "changes the filters of warnings in"),
    (check_global_state, SeedsTorch(), "changes torch's global generator in fit"),
    (check_global_state, ResetsThreads(), "torch's number of threads in predict"),
    (check_global_state, LeavesAMessOnErrors(), "in a fit of infinite values"),
    (check_input_unchanged_and_layouts, CentresInPlace(), "changes its input in fit"),
    (check_input_unchanged_and_layouts, ReadsMemory(), "X is in Fortran's order"),
    (check_input_unchanged_and_layouts, IgnoresBigEndian(), "X is big-endian"),
    (check_metadata_routing, IgnoresWeights(), "learns the same with sample_weight"),
    (check_metadata_routing, CountsWeightlessRows(), "rows of weight zero"),
    (check_meta_estimators, NeedsManyRows(), "in GridSearchCV: .* too few rows"),
    (check_meta_estimators, WrongProbabilities(), "WrongProbabilities fails in Grid"),
    (check_callbacks, MiscountsSteps(), r"shows callbacks the tasks \[0, 1, 2\]"),
    (check_callbacks, NeverStops(), "goes on when a callback asks it to stop"),
    (check_callbacks, SharesItsState(), "after the fit than at its task's end"),
    (check_callbacks, ShowsNothing(), "gives callbacks no fitted_estimator"),
    (check_callbacks, MindsBeingWatched(), "with a callback than without"),
    (check_set_output_pandas, LosesTheIndex(), "loses the index"),
    (check_set_output_pandas, NamesWrongColumns(), "fails with set_output"),
]


@pytest.mark.parametrize(
    ("check", "estimator", "message"),
    BROKEN,
    ids=[f"{check.__name__}-{type(e).__name__}" for check, e, _ in BROKEN],
)
def test_a_broken_estimator_is_caught(check, estimator, message, world_restored):
    with warnings.catch_warnings(), pytest.raises(AssertionError, match=message):
        check(estimator)


@pytest.fixture
def world_restored():
    """Put back what the broken estimators change."""
    numpy_state = np.random.get_state()  # noqa: NPY002
    torch_state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    yield
    np.random.set_state(numpy_state)  # noqa: NPY002
    torch.set_rng_state(torch_state)
    torch.set_num_threads(n_threads)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [Means(), Steps(), StandardScaler()])
def test_a_good_estimator_passes(estimator):
    check_estimator(estimator)


def test_estimators_without_torch_are_checked_without_torch():
    # skops loads torch where it finds it.
    code = (
        "import sys\n"
        "from sklearn.preprocessing import MinMaxScaler\n"
        "from sklearn_dl.testing import all_checks\n"
        "for check in all_checks(MinMaxScaler()):\n"
        "    if check.__name__ != 'check_skops': check(MinMaxScaler())\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_check_is_shown_to_fail():
    checks = {
        getattr(sklearn_dl.testing, name)
        for name in sklearn_dl.testing.__all__
        if name.startswith("check_")
        # The one is all of them, the other has a file of its own.
        and name not in ("check_estimator", "check_joint_fit")
    }
    assert {check for check, *_ in BROKEN} == checks


def test_an_estimator_of_texts_is_refused():
    with pytest.raises(ValueError, match=r"'estimator' parameter .* CountVectorizer"):
        check_pickle(CountVectorizer())


def test_only_what_applies_is_asked():
    names = {check.__name__ for check in all_checks(MinMaxScaler())}
    assert "check_set_output_pandas" in names
    assert names.isdisjoint({"check_metadata_routing", "check_callbacks"})
    assert [check.__name__ for check in all_checks(Unpredictable())] == [
        "check_global_state"
    ]


class Unpredictable(Means):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags
