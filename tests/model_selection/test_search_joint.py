"""Joint fits in a search: what is shared, what is told, and what fails."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import weakref

import joblib
import numpy as np
import pytest
import sklearn
import sklearn.model_selection
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.metrics import make_scorer, r2_score
from sklearn.pipeline import make_pipeline

from sklearn_dl.base import JointFitMixin
from sklearn_dl.boosting import GradientBoostingRegressor
from sklearn_dl.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    _search_tasks,
)
from sklearn_dl.model_selection._joint_fit import JointGroup
from sklearn_dl.model_selection._search_parallel import make_tasks
from sklearn_dl.model_selection._search_tasks import Evaluation

X, y = make_regression(n_samples=60, n_features=5, noise=10.0, random_state=0)
ALPHAS = {"alpha": [0.0, 1.0, 10.0, 100.0]}


class Counts:
    """What was done, over all clones and threads."""

    lock = threading.Lock()
    seen: dict = {}

    @classmethod
    def add(cls, name):
        with cls.lock:
            cls.seen[name] = cls.seen.get(name, 0) + 1


@pytest.fixture(autouse=True)
def uncounted():
    Counts.seen = {}


class Penalized(JointFitMixin, RegressorMixin, BaseEstimator):
    """A ridge regression that decomposes the rows once for all its penalties.

    A penalty below 0 is an error.
    """

    def __init__(self, alpha=1.0, grouping="all", seconds=0.0):
        self.alpha = alpha
        self.grouping = grouping
        self.seconds = seconds

    def fit(self, X, y, sample_weight=None):
        Counts.add("fits")
        return self._solve(self._decompose(X), y)

    def _decompose(self, X):
        Counts.add("decompositions")
        self._look_around()
        return np.linalg.svd(X, full_matrices=False)

    def _look_around(self):
        """For those that want to know under which circumstances it is fitted."""

    def _solve(self, decomposition, y):
        if self.alpha < 0:
            raise ValueError(f"alpha={self.alpha} is below 0")
        time.sleep(self.seconds)
        U, s, Vt = decomposition
        self.coef_ = Vt.T @ (s / (s**2 + self.alpha) * (U.T @ y))
        return self

    def predict(self, X):
        return X @ self.coef_

    def joint_fit_groups(self, candidates):
        positions = [*range(len(candidates))]
        return {"all": [positions], "each": [[k] for k in positions], "none": []}[
            self.grouping
        ]

    def fit_candidates(self, candidates, X, y, sample_weight=None):
        decomposition = self._decompose(X)
        for k, params in enumerate(candidates):
            try:
                yield k, clone(self).set_params(**params)._solve(decomposition, y)
            except ValueError as error:
                yield k, error


class Centred(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        Counts.add("fronts")
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        Counts.add("transforms")
        return X - self.mean_


def same_scores(ours, estimator, grid, **options):
    theirs = sklearn.model_selection.GridSearchCV(estimator, grid, **options).fit(X, y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"],
        theirs.cv_results_["mean_test_score"],
        rtol=1e-9,
    )
    assert ours.best_params_ == theirs.best_params_


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_candidates_of_a_fold_are_fitted_together(n_jobs):
    search = GridSearchCV(Penalized(), ALPHAS, cv=3, n_jobs=n_jobs).fit(X, y)
    # The refit is the only fit by itself.
    assert Counts.seen == {"decompositions": 3 + 1, "fits": 1}
    assert search.joint_groups_ == [
        {"candidates": [0, 1, 2, 3], "how": "joint fit of Penalized"}
    ]
    same_scores(search, Penalized(), ALPHAS, cv=3)


def test_the_front_of_a_pipeline_is_fitted_and_applied_once_a_fold():
    pipeline = make_pipeline(Centred(), Penalized())
    grid = {"penalized__alpha": ALPHAS["alpha"]}
    search = GridSearchCV(pipeline, grid, cv=3, refit=False, return_train_score=True)
    search.fit(X, y)
    # For the fit, the test rows and the training rows.
    assert Counts.seen == {"decompositions": 3, "fronts": 3, "transforms": 3 * 3}
    Counts.seen = {}
    search.set_params(scoring="r2").fit(X, y)
    assert Counts.seen["transforms"] == 3 * 3


def test_a_scorer_of_the_users_own_gets_the_whole_pipeline():
    def scorer(model, X, y):
        assert [*model.named_steps] == ["centred", "penalized"]
        return model.score(X, y)

    pipeline = make_pipeline(Centred(), Penalized())
    grid = {"penalized__alpha": ALPHAS["alpha"]}
    search = GridSearchCV(pipeline, grid, cv=3, scoring=scorer, refit=False)
    search.fit(X, y)
    assert Counts.seen == {"decompositions": 3, "fronts": 3, "transforms": 3 + 3 * 4}


class BreaksOnTestRows(Centred):
    def transform(self, X):
        if len(X) < 30:
            raise RuntimeError("too few rows to transform")
        return super().transform(X)


def test_a_front_that_fails_when_it_scores_is_reported():
    pipeline = make_pipeline(BreaksOnTestRows(), Penalized())
    grid = {"penalized__alpha": ALPHAS["alpha"]}
    search = GridSearchCV(pipeline, grid, cv=3)
    with (
        pytest.warns(UserWarning, match=r"Scoring failed(.|\n)*too few rows"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).all()


def test_a_scorer_with_weights():
    scoring = make_scorer(r2_score)
    weight = np.random.default_rng(0).uniform(size=len(y))
    pipeline = make_pipeline(Centred(), Penalized())
    grid = {"penalized__alpha": ALPHAS["alpha"]}
    searches = [
        cls(pipeline, grid, cv=3, scoring=scoring).fit(
            X, y, penalized__sample_weight=weight
        )
        for cls in (GridSearchCV, sklearn.model_selection.GridSearchCV)
    ]
    np.testing.assert_allclose(
        *(search.cv_results_["mean_test_score"] for search in searches)
    )


def test_times_are_divided():
    search = GridSearchCV(Penalized(seconds=0.02), ALPHAS, cv=2).fit(X, y)
    times = search.cv_results_["mean_fit_time"]
    assert np.ptp(times) == 0
    assert 0.02 <= times[0] < 0.2
    assert (search.cv_results_["mean_score_time"] > 0).all()


class TestFailures:
    def test_an_exception_is_the_candidates_own(self):
        grid = {"alpha": [0.0, -1.0, 1.0]}
        search = GridSearchCV(Penalized(), grid, cv=3)
        with (
            pytest.warns(FitFailedWarning, match=r"3 fits failed(.|\n)*alpha=-1.0"),
            pytest.warns(UserWarning, match="non-finite"),
        ):
            search.fit(X, y)
        assert Counts.seen["decompositions"] == 3 + 1
        np.testing.assert_array_equal(
            np.isnan(search.cv_results_["mean_test_score"]), [False, True, False]
        )
        assert search.cv_results_["rank_test_score"][1] == 3

    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_it_is_raised_if_asked_for(self, n_jobs):
        grid = {"alpha": [0.0, -1.0, 1.0]}
        search = GridSearchCV(
            Penalized(), grid, cv=3, error_score="raise", n_jobs=n_jobs
        )
        with pytest.raises(ValueError, match=r"alpha=-1.0 is below 0"):
            search.fit(X, y)

    @pytest.mark.parametrize("error", [MemoryError("too large"), KeyError("a bug")])
    def test_a_joint_fit_that_breaks_down(self, error, monkeypatch):
        def breaks(estimator, candidates, X, y, fit_params):
            yield 1, clone(estimator).set_params(**candidates[1]).fit(X, y)
            raise error

        monkeypatch.setattr(_search_tasks, "fit_jointly", breaks)
        search = GridSearchCV(Penalized(), ALPHAS, cv=3)
        message = (
            f"joint fit of Penalized ended with {type(error).__name__}.* before 3 "
        )
        with pytest.warns(RuntimeWarning, match=message):
            search.fit(X, y)
        assert Counts.seen["fits"] == 3 * 4 + 1
        same_scores(search, Penalized(), ALPHAS, cv=3)

    def test_a_joint_fit_that_hands_out_too_little(self, monkeypatch):
        monkeypatch.setattr(_search_tasks, "fit_jointly", lambda *arguments: iter(()))
        search = GridSearchCV(Penalized(), ALPHAS, cv=3)
        with pytest.warns(RuntimeWarning, match="before 4 of its candidates came"):
            search.fit(X, y)
        same_scores(search, Penalized(), ALPHAS, cv=3)


class Watched(Penalized):
    alive: weakref.WeakSet = weakref.WeakSet()
    most = 0

    def _solve(self, decomposition, y):
        super()._solve(decomposition, y)
        self.alive.add(self)
        type(self).most = max(self.most, len(self.alive))
        return self


def test_one_fitted_candidate_a_job_is_in_memory():
    grid = {"alpha": np.linspace(0, 1, 12)}
    GridSearchCV(Watched(), grid, cv=3, refit=False).fit(X, y)
    # The next one is fitted while the last one still stands in the loop.
    assert Watched.most <= 2


class OwnRecorder:
    """A callback that writes down what it is told."""

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.told.append(("begin", context.task_name, context.task_id, len_or_none(X)))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
        self.told.append(("end", context.task_name, context.task_id, len_or_none(X)))


class Recorder(OwnRecorder):
    """One that is told of the estimators in a search too."""

    max_propagation_depth = None


class Watcher(Recorder):
    """One that wants to see the estimators in the middle of their fits."""

    n_seen = 0

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.n_seen += fitted_estimator is not None


def len_or_none(X):
    return None if X is None else len(X)


class TestCallbacks:
    @pytest.mark.filterwarnings("ignore:The estimator Penalized does not support")
    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_each_evaluation_is_told(self, n_jobs):
        told = []
        for cls in (GridSearchCV, sklearn.model_selection.GridSearchCV):
            recorder = Recorder()
            search = cls(Penalized(), ALPHAS, cv=3).set_callbacks(recorder)
            with joblib.parallel_config("threading"):
                search.set_params(n_jobs=n_jobs).fit(X, y)
            told.append(sorted(recorder.told, key=str))
        assert told[0] == told[1]
        assert ("end", "candidate-split-evaluation", 11, 40) in told[0]

    def test_who_looks_at_fitted_estimators_prevents_joint_fits(self):
        booster = GradientBoostingRegressor(max_iter=2)
        search = GridSearchCV(booster, {"learning_rate": [0.1, 0.2]}, cv=2)
        search.set_callbacks(watcher := Watcher()).fit(X, y)
        assert search.joint_groups_ == [{"candidates": [0, 1], "how": "one by one"}]
        # Two rounds of four evaluations and of the refit.
        assert watcher.n_seen >= 2 * 5

    def test_so_do_callbacks_of_the_estimators_own(self):
        booster = GradientBoostingRegressor(max_iter=2).set_callbacks(OwnRecorder())
        search = GridSearchCV(booster, {"learning_rate": [0.1, 0.2]}, cv=2).fit(X, y)
        assert search.joint_groups_ == [{"candidates": [0, 1], "how": "one by one"}]


def test_without_targets_nothing_is_joined():
    search = GridSearchCV(
        KMeans(n_init=1, random_state=0), {"n_clusters": [2, 3]}, cv=2
    )
    assert search.fit(X).joint_groups_ == [{"candidates": [0, 1], "how": "one by one"}]


def test_groups_of_halving_are_counted_over_all_iterations():
    search = HalvingGridSearchCV(
        Penalized(), ALPHAS, cv=2, min_resources=20, factor=2, random_state=0
    ).fit(X, y)
    assert search.n_candidates_ == [4, 2]
    members = [group["candidates"] for group in search.joint_groups_]
    assert members == [[0, 1, 2, 3], [4, 5]]


class Warns(Penalized):
    def _look_around(self):
        warnings.warn("look", ConvergenceWarning, stacklevel=1)


class ChangesFilters(Penalized):
    def _look_around(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            time.sleep(0.001)


class TestThreads:
    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_warnings_reach_the_user(self, n_jobs):
        search = GridSearchCV(Warns(), ALPHAS, cv=3, n_jobs=n_jobs)
        with pytest.warns(ConvergenceWarning, match="look"):
            search.fit(X, y)

    def test_filters_are_left_as_found(self):
        grid = {"alpha": np.linspace(0, 1, 64)}
        search = GridSearchCV(ChangesFilters(grouping="each"), grid, cv=2, n_jobs=4)
        with warnings.catch_warnings():
            before = [*warnings.filters]
            search.fit(X, y)
            assert warnings.filters == before

    def test_the_configuration_reaches_them(self):
        seen = []

        class Looks(Penalized):
            def _look_around(self):
                seen.append(sklearn.get_config()["assume_finite"])

        with sklearn.config_context(assume_finite=True):
            GridSearchCV(Looks(), ALPHAS, cv=3, n_jobs=2).fit(X, y)
        assert seen == [True] * 4

    @pytest.mark.slow
    @pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
    def test_a_backend_of_the_users_choice_is_obeyed(self, backend):
        booster = GradientBoostingRegressor(max_leaf_nodes=4, random_state=0)
        grid = {"max_iter": [2, 4], "learning_rate": [0.1, 0.5]}
        with joblib.parallel_config(backend), warnings.catch_warnings():
            # Python 3.12 warns of threads in a process that forks.
            warnings.simplefilter("ignore", DeprecationWarning)
            search = GridSearchCV(booster, grid, cv=2, n_jobs=2).fit(X, y)
        same_scores(search, booster, grid, cv=2)


class TestTasks:
    @staticmethod
    def sizes(groups, n_splits, n_jobs, without=(), largest=None):
        groups = [JointGroup(group, "how", True) for group in groups]
        evaluations = [
            Evaluation(0, candidate, split, {}, None, None)
            for group in groups
            for candidate in group.candidates
            for split in range(n_splits)
            if (candidate, split) not in without
        ]
        tasks = make_tasks(groups, evaluations, n_jobs, largest)
        assert all(len({e.split for e in task}) == 1 for task in tasks)
        done = sorted((e.candidate, e.split) for task in tasks for e in task)
        assert done == sorted((e.candidate, e.split) for e in evaluations)
        return [len(task) for task in tasks]

    def test_groups_stay_whole(self):
        assert self.sizes([[0, 1, 2, 3], [4, 5, 6]], 2, 1) == [7] * 2
        assert self.sizes([[0, 1, 2, 3], [4, 5, 6]], 5, 2) == [4, 3] * 5

    def test_large_groups_are_cut_evenly(self):
        assert self.sizes([[*range(36)]], 1, 1, largest=16) == [12, 12, 12]
        assert self.sizes([[*range(128)]], 5, 2) == [64] * 10

    def test_small_groups_share_tasks(self):
        assert self.sizes([[k] for k in range(32)], 5, 2) == [16] * 10

    def test_no_worker_is_idle(self):
        assert self.sizes([[*range(8)]], 1, 4) == [2] * 4
        assert self.sizes([[k] for k in range(8)], 2, 2) == [2] * 8

    def test_what_is_done_is_left_out(self):
        assert self.sizes([[0, 1, 2]], 2, 1, without={(1, 0), (2, 1)}) == [2, 2]
        assert self.sizes([], 2, 1) == []


SLOW_SEARCH = """
    import sys
    from pathlib import Path
    import numpy as np
    sys.path.insert(0, {root!r})
    from sklearn_dl.model_selection import GridSearchCV
    from tests.model_selection.test_search_joint import Penalized, X, y

    class Slow(Penalized):
        def _solve(self, decomposition, y):
            with Path({log!r}).open("a") as file:
                file.write("fit\\n")
            return super()._solve(decomposition, y)

    grid = {{"alpha": np.linspace(0, 1, 32)}}
    try:
        GridSearchCV(Slow(seconds=0.1), grid, cv=8, n_jobs={n_jobs}).fit(X, y)
    finally:
        import time
        time.sleep(0.5)
        Path({log!r} + ".end").write_text(Path({log!r}).read_text())
"""


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_ends_all_threads_soon(n_jobs, tmp_path):
    log = str(tmp_path / "log")
    root = os.getcwd()
    code = textwrap.dedent(SLOW_SEARCH).format(root=root, log=log, n_jobs=n_jobs)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not os.path.exists(log):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    # Of 256 fits there were a few, and no more while the process slept at its end.
    with open(f"{log}.end") as file:
        assert len(file.readlines()) < 40


class Swallows(Penalized):
    """Ends its own fit on a Ctrl-C and keeps what it has, as networks do."""

    def _solve(self, decomposition, y):
        try:
            if self.alpha == 10.0:
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            Counts.add("swallowed")
        return super()._solve(decomposition, y)


@pytest.mark.parametrize("grouping", ["all", "none"])
def test_ctrl_c_ends_a_search_whose_estimators_swallow_it(grouping, tmp_path):
    path = tmp_path / "search.jsonl"
    before = signal.getsignal(signal.SIGINT)
    search = GridSearchCV(
        Swallows(grouping=grouping), ALPHAS, cv=3, checkpoint=path, refit=False
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert signal.getsignal(signal.SIGINT) is before
    assert Counts.seen["swallowed"] == 1
    # What was broken off is not among the results.
    numbers = [
        number
        for line in map(json.loads, path.read_text().splitlines())
        for number, _ in line.get("results", [])
    ]
    assert numbers == ([] if grouping == "all" else [*range(6)])
