import functools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import KFold, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer

from sklearn_dl.model_selection import compare_models
from sklearn_dl.model_selection._comparison_file import fingerprint

X, y = load_iris(return_X_y=True)


class Counting(GaussianNB):
    """Counts its fits over all clones, and fails while told to."""

    fits = 0
    fails = False

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        if type(self).fails:
            raise RuntimeError("told to fail")
        return super().fit(X, y, sample_weight)


@pytest.fixture(autouse=True)
def uncounted():
    Counting.fits, Counting.fails = 0, False


def test_one_line_a_row_and_nothing_is_fitted_twice(tmp_path):
    path = tmp_path / "results.jsonl"
    first = compare_models({"model": Counting()}, X, y, cv=4, path=path)
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 4
    assert {json.loads(line)["fold"] for line in lines[1:]} == {0, 1, 2, 3}
    assert Counting.fits == 4
    second = compare_models({"model": Counting()}, X, y, cv=4, path=str(path))
    assert Counting.fits == 4
    pd.testing.assert_frame_equal(second.results, first.results)
    assert path.read_text().splitlines() == lines


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_cut_file_goes_on_from_its_last_whole_line(tmp_path, n_jobs):
    path = tmp_path / "results.jsonl"
    models = {"model": GaussianNB(), "dummy": DummyClassifier()}
    whole = compare_models(models, X, y, cv=4, path=path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])
    resumed = compare_models(models, X, y, cv=4, path=path, n_jobs=n_jobs)
    columns = ["model", "fold", "test_score", "n_train", "size"]
    pd.testing.assert_frame_equal(resumed.results[columns], whole.results[columns])
    rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert len(rows) == len({(row["model"], row["fold"]) for row in rows}) == 8


def test_a_file_cut_in_its_first_line_starts_anew(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b'{"format": "sklearn_dl')
    compare_models({"model": Counting()}, X, y, cv=2, path=path)
    assert Counting.fits == 2
    assert json.loads(path.read_text().splitlines()[0])["format"]


def test_failed_fits_are_tried_again(tmp_path):
    path = tmp_path / "results.jsonl"
    models = {"dummy": DummyClassifier(), "model": Counting()}
    Counting.fails = True
    with pytest.warns(FitFailedWarning):
        compare_models(models, X, y, cv=3, path=path)
    Counting.fails = False
    results = compare_models(models, X, y, cv=3, path=path).results
    assert Counting.fits == 6
    assert results["error"].isna().all()
    compare_models(models, X, y, cv=3, path=path)
    assert Counting.fits == 6


def test_models_may_be_added_and_left_out(tmp_path):
    path = tmp_path / "results.jsonl"
    compare_models({"one": Counting()}, X, y, cv=3, path=path)
    both = {"one": Counting(), "two": Counting(var_smoothing=1e-3)}
    compare_models(both, X, y, cv=3, path=path)
    assert Counting.fits == 6
    only = compare_models({"two": Counting(var_smoothing=1e-3)}, X, y, cv=3, path=path)
    assert Counting.fits == 6
    assert list(only.models) == ["two"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"X": X + 1}, "another X"),
        ({"y": y[::-1]}, "another y"),
        ({"cv": 4}, "another folds"),
        ({"cv": KFold(3, shuffle=True, random_state=1)}, "another folds"),
        ({"scoring": "f1_macro"}, "another scoring"),
        ({"params": {"sample_weight": np.ones(len(y))}}, "another params"),
        ({"models": {"model": GaussianNB(var_smoothing=1e-3)}}, "named 'model'"),
        ({"models": {"model": DummyClassifier()}}, "named 'model'"),
    ],
)
def test_another_comparison_is_refused(tmp_path, changed, named):
    path = tmp_path / "results.jsonl"
    arguments = {"models": {"model": GaussianNB()}, "X": X, "y": y, "cv": 3}
    compare_models(**arguments, scoring="accuracy", path=path)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=f"cannot continue .*{named}"):
        compare_models(**{**arguments, "scoring": "accuracy", **changed}, path=path)
    assert path.read_bytes() == content


def test_a_damaged_row_is_refused(tmp_path):
    path = tmp_path / "results.jsonl"
    compare_models({"model": GaussianNB()}, X, y, cv=3, path=path)
    whole = path.read_text().splitlines()
    for damaged in ("{}", "[]", '{"model": ', whole[2].replace('"scores"', '"s"')):
        path.write_text("\n".join([*whole[:2], damaged, whole[3], ""]))
        with pytest.raises(ValueError, match="holds something else"):
            compare_models({"model": GaussianNB()}, X, y, cv=3, path=path)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"notes", b'{"format": "x"}\n'])
def test_a_foreign_file_is_left_alone(tmp_path, content):
    path = tmp_path / "notes.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="path must be a new file or one that"):
        compare_models({"model": GaussianNB()}, X, y, path=path)
    assert path.read_bytes() == content


FINGERPRINTED = """
import functools, joblib, numpy as np, pandas as pd
from scipy import sparse
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import RandomizedSearchCV
from sklearn_dl.model_selection._comparison_file import fingerprint
frame = load_iris(as_frame=True).frame
frame["name"] = frame["target"].map({0: "a", 1: "b", 2: None})
frame["kind"] = frame["name"].astype("category")
values = [
    np.arange(12.0).reshape(3, 4),
    frame,
    sparse.csr_matrix(np.eye(3)),
    ["ragged", [1, 2]],
    RandomizedSearchCV(
        RandomForestClassifier(random_state=np.random.RandomState(3)),
        {"max_features": loguniform(0.1, 1), "bootstrap": {True, False}},
    ),
    {"a": make_scorer(accuracy_score), "b": "f1_macro"},
    functools.partial(max, key=len),
    lambda model, X, y: 1.0 + sum(value for value in [2.0]),
]
digests = [fingerprint(value) for value in values]
"""


def test_fingerprints_are_the_same_in_another_process():
    here = {}
    exec(FINGERPRINTED, here)
    there = subprocess.run(
        [sys.executable, "-c", FINGERPRINTED + "\nprint(*digests)"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    ).stdout.split()
    # The function belongs to __main__ there and to nothing here.
    assert there[:-1] == here["digests"][:-1]
    assert len(set(there)) == len(there)


def scaled(factor):
    return FunctionTransformer(lambda values: factor * values)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RandomForestClassifier(max_depth=2), RandomForestClassifier(max_depth=3)),
        (scaled(2), scaled(3)),
        (FunctionTransformer(lambda v: v + 1), FunctionTransformer(lambda v: v + 2)),
        (functools.partial(max, key=len), functools.partial(max, key=str)),
        (loguniform(0.1, 1), loguniform(0.1, 2)),
        (loguniform(0.1, 1), uniform(0.1, 1)),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.Series([1, 2]), pd.Series([1.0, 2.0])),
        (sparse.eye(3, format="csr"), sparse.eye(4, format="csr")),
        (["a", "b"], ["b", "a"]),
    ],
)
def test_fingerprints_tell_contents_apart(first, second):
    assert fingerprint(first) != fingerprint(second)


def test_fingerprints_see_no_difference_where_there_is_none():
    few, many = RandomForestClassifier(n_jobs=1), RandomForestClassifier(n_jobs=8)
    assert fingerprint(few) == fingerprint(many.set_params(verbose=3))
    fitted = RandomForestClassifier(5, random_state=0).fit(X, y)
    assert fingerprint(fitted) == fingerprint(RandomForestClassifier(5, random_state=0))
    matrix = sparse.csr_matrix((np.ones(2), [1, 0], [0, 2]), shape=(1, 2))
    before = fingerprint(matrix)
    matrix.sort_indices()
    assert fingerprint(matrix.copy()) == fingerprint(matrix)
    assert before == fingerprint(sparse.csr_matrix((np.ones(2), [1, 0], [0, 2])))
    assert fingerprint(make_scorer(accuracy_score)) == fingerprint(
        make_scorer(accuracy_score)
    )
    search = RandomizedSearchCV(few, {"max_features": loguniform(0.1, 1)})
    search.param_distributions["max_features"].rvs(random_state=0)
    assert fingerprint(search) == fingerprint(
        RandomizedSearchCV(few, {"max_features": loguniform(0.1, 1)})
    )


SLOW_COMPARISON = textwrap.dedent(
    """
    import sys, time
    from sklearn.datasets import load_iris
    from sklearn.naive_bayes import GaussianNB
    from sklearn_dl.model_selection import compare_models

    class Slow(GaussianNB):
        def fit(self, X, y):
            with open(sys.argv[2], "a") as fits:
                fits.write("fit\\n")
            time.sleep(float(sys.argv[3]))
            return super().fit(X, y)

    X, y = load_iris(return_X_y=True)
    models = {"quick": GaussianNB(), "slow": Slow()}
    comparison = compare_models(models, X, y, cv=6, path=sys.argv[1])
    sys.stdout.write(repr(comparison))
    """
)


def count_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_comparison_resumes(tmp_path):
    path, fits = tmp_path / "results.jsonl", tmp_path / "fits"
    process = start(SLOW_COMPARISON, path, fits, 0.3)
    deadline = time.monotonic() + 60
    while count_lines(path) < 1 + 6 + 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    finished, started = count_lines(path) - 1, count_lines(fits)
    assert finished < 12

    process = start(SLOW_COMPARISON, path, fits, 0)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "over 6 folds" in out
    assert count_lines(fits) - started == 12 - finished
    assert count_lines(path) == 1 + 12


SWALLOWING_COMPARISON = textwrap.dedent(
    """
    import sys, time
    from sklearn.datasets import load_iris
    from sklearn.naive_bayes import GaussianNB
    from sklearn_dl.model_selection import compare_models

    class Swallows(GaussianNB):
        def fit(self, X, y):
            try:
                open(sys.argv[2], "a").close()
                time.sleep(30)
            except KeyboardInterrupt:
                pass
            return super().fit(X, y)

    X, y = load_iris(return_X_y=True)
    models = {"quick": GaussianNB(), "swallows": Swallows()}
    compare_models(models, X, y, cv=2, path=sys.argv[1])
    """
)


def test_an_interrupt_ends_it_even_if_a_model_swallows_it(tmp_path):
    path, begun = tmp_path / "results.jsonl", tmp_path / "begun"
    process = start(SWALLOWING_COMPARISON, path, begun)
    deadline = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    # The fold of the half-trained model is not among the results.
    assert count_lines(path) == 1 + 2


def test_the_handler_of_interrupts_is_left_as_found():
    before = signal.getsignal(signal.SIGINT)
    compare_models({"model": GaussianNB()}, X, y, cv=2)
    assert signal.getsignal(signal.SIGINT) is before
    with joblib.parallel_config("threading"):
        compare_models({"model": GaussianNB()}, X, y, cv=2, n_jobs=2)
    assert signal.getsignal(signal.SIGINT) is before
