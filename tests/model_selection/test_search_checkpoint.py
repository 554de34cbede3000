"""Interrupted searches go on where they were, and only with what they began with."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.model_selection
from scipy import sparse
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from sklearn_dl.exceptions import CheckpointError
from sklearn_dl.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)

X, y = load_iris(return_X_y=True)
VALUES = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
GRID = {"threshold": VALUES}


class Interrupted(BaseException):
    """As a Ctrl-C, at a place of the test's choice."""


class Threshold(ClassifierMixin, BaseEstimator):
    """A rule that writes down its fits in a file, a line each.

    It counts the lines and breaks off at a given one.
    """

    def __init__(self, threshold=1.0, log=None, resource=1):
        self.threshold = threshold
        self.log = log
        self.resource = resource

    def _note(self):
        if self.log is not None:
            with Path(self.log).open("a") as file:
                file.write(f"{self.threshold}\n")
            stop = Path(f"{self.log}.stop")
            if stop.exists() and n_fits(self.log) > int(stop.read_text()):
                raise Interrupted

    def fit(self, X, y, sample_weight=None):
        self._note()
        if self.threshold < 0:
            raise ValueError("below 0")
        self.classes_ = np.unique(y)
        X = X.toarray() if sparse.issparse(X) else np.asarray(X)
        self.shift_ = float(X[:, 2].mean() - X[: len(X) // 2, 2].mean())
        return self

    def predict(self, X):
        X = X.toarray() if sparse.issparse(X) else np.asarray(X)
        index = (X[:, 2] > self.threshold + self.shift_).astype(int)
        return self.classes_[index]


class JointThreshold(Threshold):
    """The same with the protocol of joint fits."""

    def joint_fit_groups(self, candidates):
        positions = [*range(len(candidates))]
        return [positions[k : k + 2] for k in positions[::2]]

    def fit_candidates(self, candidates, X, y, sample_weight=None):
        for k, params in enumerate(candidates):
            try:
                yield k, sklearn.clone(self).set_params(**params).fit(X, y)
            except ValueError as error:
                yield k, error


def n_fits(log):
    return len(Path(log).read_text().splitlines()) if Path(log).exists() else 0


@pytest.fixture(params=[Threshold, JointThreshold])
def estimator(request, tmp_path):
    return request.param(log=str(tmp_path / "log"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "search.jsonl"


def interrupt(search, after, data=(X, y), **fit_params):
    """Fit a search, and break it off when it begins a fit."""
    stop = Path(f"{search.estimator.log}.stop")
    stop.write_text(str(after))
    with pytest.raises(Interrupted):
        search.fit(*data, **fit_params)
    stop.unlink()
    return n_fits(search.estimator.log)


def finished(path):
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return sum(len(line["results"]) for line in lines if "results" in line)


def assert_same(search, reference):
    for name, values in reference.cv_results_.items():
        if name == "params" or name.startswith("param_"):
            assert repr(search.cv_results_[name]) == repr(values)
        elif not name.endswith("_time"):
            np.testing.assert_array_equal(search.cv_results_[name], values)
    assert repr(search.best_params_) == repr(reference.best_params_)


def assert_resumes(search, reference, after=7, data=(X, y), **fit_params):
    log, path = search.estimator.log, search.checkpoint
    begun = interrupt(search, after, data, **fit_params)
    saved = finished(path)
    assert 0 < saved < begun
    search.fit(*data, **fit_params)
    reference.fit(*data, **fit_params)
    assert_same(search, reference)
    n_evaluations = len(search.cv_results_["params"]) * search.n_splits_
    # Then come the two refits, and all evaluations of the reference.
    assert n_fits(log) - begun == (n_evaluations - saved) + 1 + n_evaluations + 1
    assert not Path(path).exists()


@pytest.mark.parametrize("n_jobs", [None, 1])
def test_grid(estimator, path, n_jobs):
    search = GridSearchCV(estimator, GRID, cv=3, checkpoint=path, n_jobs=n_jobs)
    reference = sklearn.model_selection.GridSearchCV(estimator, GRID, cv=3)
    assert_resumes(search, reference)


def test_draws(estimator, path):
    arguments = (estimator, {"threshold": loguniform(0.1, 10.0)})
    options = {"n_iter": 5, "cv": 3, "random_state": 0}
    search = RandomizedSearchCV(*arguments, **options, checkpoint=str(path))
    reference = sklearn.model_selection.RandomizedSearchCV(*arguments, **options)
    assert_resumes(search, reference)


@pytest.mark.parametrize("after", [10, 13, 17])
def test_halving(estimator, path, after):
    options = {"cv": 2, "factor": 2, "random_state": 0}
    search = HalvingGridSearchCV(estimator, GRID, **options, checkpoint=path)
    reference = HalvingGridSearchCV(estimator, GRID, **options)
    assert_resumes(search, reference, after=after)


def test_halving_over_a_parameter(estimator, path):
    arguments = (estimator, {"threshold": loguniform(0.1, 10.0)})
    options = {"cv": 2, "factor": 2, "random_state": 0, "n_candidates": 5}
    options |= {"resource": "resource", "max_resources": 8}
    search = HalvingRandomSearchCV(*arguments, **options, checkpoint=path)
    assert_resumes(search, HalvingRandomSearchCV(*arguments, **options), after=12)


def test_several_scores_and_groups(estimator, path):
    groups = np.arange(len(y)) % 4
    options = {"cv": GroupKFold(4), "scoring": ["accuracy", "f1_macro"]}
    options |= {"refit": "f1_macro", "return_train_score": True}
    search = GridSearchCV(estimator, GRID, **options, checkpoint=path)
    reference = sklearn.model_selection.GridSearchCV(estimator, GRID, **options)
    assert_resumes(search, reference, groups=groups)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_failures_are_kept(estimator, path):
    grid = {"threshold": [-1.0, *VALUES]}
    search = GridSearchCV(estimator, grid, cv=3, checkpoint=path)
    assert_resumes(search, sklearn.model_selection.GridSearchCV(estimator, grid, cv=3))
    interrupt(search, 0 + n_fits(estimator.log) + 8)
    with pytest.warns(FitFailedWarning, match=r"3 fits failed(.|\n)*below 0"):
        search.fit(X, y)


@pytest.mark.parametrize(
    "data",
    [
        (pd.DataFrame(X, columns=list("abcd")), pd.Series(y)),
        (sparse.csr_matrix(X), y),
        (X.tolist(), [*map(str, y)]),
    ],
    ids=["pandas", "sparse", "lists"],
)
def test_kinds_of_data(estimator, path, data):
    search = GridSearchCV(estimator, GRID, cv=3, checkpoint=path)
    reference = sklearn.model_selection.GridSearchCV(estimator, GRID, cv=3)
    if isinstance(data[0], list):
        data = (np.array(data[0]), data[1])
    assert_resumes(search, reference, data=data)


class TestSplits:
    def test_those_of_the_file_are_used(self, estimator, path):
        # Without a seed they are others each time.
        cv = ShuffleSplit(3, test_size=0.5)
        search = GridSearchCV(estimator, GRID, cv=cv, refit=False, checkpoint=path)
        interrupt(search, 7)
        first = path.read_text().splitlines()
        saved = dict(r for x in first[2:] for r in json.loads(x)["results"])
        search.fit(X, y)
        scores = [search.cv_results_[f"split{k}_test_score"] for k in range(3)]
        for number, result in saved.items():
            assert scores[number % 3][number // 3] == result["test_scores"]

    def test_masks(self, estimator, path):
        fold = np.arange(len(y)) % 3
        cv = [(fold != k, fold == k) for k in range(3)]
        search = GridSearchCV(estimator, GRID, cv=cv, checkpoint=path)
        reference = sklearn.model_selection.GridSearchCV(estimator, GRID, cv=cv)
        assert_resumes(search, reference)

    def test_an_iterable_is_known_again(self, estimator, path):
        def search(seed):
            splits = KFold(3, shuffle=True, random_state=seed).split(X)
            return GridSearchCV(estimator, GRID, cv=splits, checkpoint=path)

        interrupt(search(0), 7)
        with pytest.raises(CheckpointError, match="another cv"):
            search(1).fit(X, y)
        search(0).fit(X, y)


class TestRefusals:
    @pytest.fixture
    def search(self, path, tmp_path):
        search = GridSearchCV(
            Threshold(log=str(tmp_path / "log")), GRID, cv=3, checkpoint=path
        )
        interrupt(search, 7)
        return search

    @pytest.mark.parametrize(
        ("changed", "name"),
        [
            ({"param_grid": {"threshold": VALUES[:4]}}, "param_grid"),
            ({"estimator__resource": 2}, "estimator"),
            ({"cv": 4}, "cv"),
            ({"cv": KFold(3)}, "cv"),
            ({"scoring": "f1_macro"}, "scoring"),
            ({"error_score": 0.0}, "error_score"),
            ({"return_train_score": True}, "return_train_score"),
            ({"cv": 4, "scoring": "f1_macro"}, "cv and another scoring"),
        ],
    )
    def test_a_changed_parameter(self, search, changed, name):
        before = Path(search.checkpoint).read_text()
        message = (
            rf"GridSearchCV cannot go on .*search.jsonl.* another {name}\. .*delete"
        )
        with pytest.raises(CheckpointError, match=message):
            search.set_params(**changed).fit(X, y)
        assert Path(search.checkpoint).read_text() == before

    @pytest.mark.parametrize(
        ("X_now", "y_now", "more", "name"),
        [
            (X + 1e-9, y, {}, "X"),
            (X, y[::-1], {}, "y"),
            (X, y, {"sample_weight": np.ones(len(y))}, "set of fit parameters"),
        ],
    )
    def test_changed_data(self, search, X_now, y_now, more, name):
        with pytest.raises(CheckpointError, match=f"another {name}. Pass what it was"):
            search.fit(X_now, y_now, **more)

    def test_another_class(self, search):
        other = HalvingGridSearchCV(
            search.estimator, GRID, checkpoint=search.checkpoint
        )
        with pytest.raises(CheckpointError, match=r"HalvingGridSearchCV .* class"):
            other.fit(X, y)

    def test_what_has_no_influence_may_change(self, search):
        search.set_params(n_jobs=1, refit=False, verbose=0, pre_dispatch=1)
        search.fit(X, y)

    def test_draws_without_a_seed(self, estimator, path):
        search = RandomizedSearchCV(
            estimator, {"threshold": loguniform(0.1, 10.0)}, cv=3, checkpoint=path
        )
        interrupt(search, 7)
        with pytest.raises(CheckpointError, match=r"candidates\. Set random_state"):
            search.fit(X, y)

    @pytest.mark.parametrize(
        "content",
        ["a,b\n1,2\n", "{}\n", "text", "3\n", '{"format": "sklearn_dl search 1"\n'],
    )
    def test_a_file_of_something_else(self, estimator, path, content):
        path.write_text(content)
        search = GridSearchCV(estimator, GRID, cv=3, checkpoint=path)
        with pytest.raises(
            CheckpointError, match="'checkpoint' parameter of GridSearch"
        ):
            search.fit(X, y)
        assert path.read_text() == content

    def test_a_folder_that_is_not_there(self, estimator, tmp_path):
        path = tmp_path / "nothing" / "search.jsonl"
        search = GridSearchCV(estimator, GRID, cv=3, checkpoint=path)
        with pytest.raises(CheckpointError, match="must be a file that can be written"):
            search.fit(X, y)
        assert n_fits(estimator.log) == 0


def test_any_end_of_the_file_will_do(estimator, path):
    """A process can be killed while it writes."""
    search = GridSearchCV(estimator, GRID, cv=3, refit=False, checkpoint=path)
    interrupt(search, 7)
    content = path.read_bytes()
    reference = sklearn.model_selection.GridSearchCV(
        Threshold(), GRID, cv=3, refit=False
    ).fit(X, y)
    first = content.index(b"\n")
    for length in (0, 5, 12, first // 2, first, first + 1, len(content) - 7):
        path.write_bytes(content[:length])
        search.fit(X, y)
        np.testing.assert_array_equal(
            search.cv_results_["mean_test_score"],
            reference.cv_results_["mean_test_score"],
        )


def test_an_end_by_an_error_of_the_refit_keeps_the_results(path, tmp_path):
    class FailsOnAll(Threshold):
        def fit(self, X, y):
            if len(X) == 150 and not Path(f"{self.log}.fixed").exists():
                raise RuntimeError("too many rows")
            return super().fit(X, y)

    log = str(tmp_path / "log")
    search = GridSearchCV(FailsOnAll(log=log), GRID, cv=3, checkpoint=path)
    with pytest.raises(RuntimeError, match="too many rows"):
        search.fit(X, y)
    Path(f"{log}.fixed").touch()
    search.fit(X, y)
    assert n_fits(log) == len(VALUES) * 3 + 1


def test_the_file_is_not_a_pickle(estimator, path):
    search = GridSearchCV(
        estimator, GRID, cv=3, scoring=lambda *a: np.float32(0.5), checkpoint=path
    )
    interrupt(search, 7)
    for line in path.read_text().splitlines():
        json.loads(line)


KILLED_SEARCH = """
    import sys
    sys.path.insert(0, {root!r})
    from sklearn_dl.model_selection import GridSearchCV
    from tests.model_selection.test_search_checkpoint import {kind}, X, y
    import time

    class Slow({kind}):
        def fit(self, X, y):
            super().fit(X, y)
            time.sleep(0.05)
            return self

    grid = {{"threshold": [k / 10 for k in range(40)]}}
    search = GridSearchCV(
        Slow(log={log!r}), grid, cv=3, n_jobs={n_jobs}, checkpoint={path!r}, refit=False
    )
    search.fit(X, y)
    scores = ",".join(map(str, search.cv_results_["mean_test_score"]))
    open({path!r} + ".scores", "w").write(scores)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize(("kind", "n_jobs"), [("Threshold", 1), ("JointThreshold", 2)])
def test_a_killed_process(number, kind, n_jobs, tmp_path):
    log, path = str(tmp_path / "log"), str(tmp_path / "search.jsonl")
    code = textwrap.dedent(KILLED_SEARCH).format(
        root=os.getcwd(), kind=kind, log=log, n_jobs=n_jobs, path=path
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not Path(path).exists() or finished_lines(path) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(timeout=20) == -number
    begun, saved = n_fits(log), finished_lines(path, evaluations=True)
    assert 0 < saved <= begun < 120
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    # What was saved is not fitted again.
    assert n_fits(log) - begun == 120 - saved
    assert not Path(path).exists()
    grid = {"threshold": [k / 10 for k in range(40)]}
    reference = sklearn.model_selection.GridSearchCV(Threshold(), grid, cv=3).fit(X, y)
    scores = [float(score) for score in Path(f"{path}.scores").read_text().split(",")]
    np.testing.assert_array_equal(scores, reference.cv_results_["mean_test_score"])


def finished_lines(path, evaluations=False):
    """Count the whole lines of results, or the results in them."""
    text = Path(path).read_text()
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    results = [line["results"] for line in lines if "results" in line]
    return sum(map(len, results)) if evaluations else len(results)


def test_a_score_of_several_kinds_of_numbers(estimator, path):
    def scorer(estimator, X, y):
        score = accuracy_score(y, estimator.predict(X))
        return {"double": np.float64(score), "single": np.float32(score), "whole": 3}

    options = {"cv": 3, "scoring": scorer, "refit": "double"}
    search = GridSearchCV(estimator, GRID, **options, checkpoint=path)
    reference = sklearn.model_selection.GridSearchCV(estimator, GRID, **options)
    assert_resumes(search, reference)
