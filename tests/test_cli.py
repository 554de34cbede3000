import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_dl import __version__
from sklearn_dl._cli import main
from sklearn_dl._cli._console import make_progress
from sklearn_dl._cli._data import load_table
from sklearn_dl._cli._main import MODEL_NAMES
from sklearn_dl._cli._models import _KINDS
from sklearn_dl._cli._preparation import DateParts, clean_columns, make_preparation

QUICK = ["--models", "linear", "--cv", "2", "--candidates", "1", "--n-jobs", "1"]


def compare(*arguments):
    return main(["compare", *map(str, arguments)])


def mixed_frame(n_rows=60):
    """Numbers, categories, dates and an identifier, each with gaps."""
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=n_rows)
    frame = pd.DataFrame(
        {
            "id": np.arange(1, n_rows + 1),
            "size": label + rng.normal(size=n_rows),
            "colour": rng.choice(["red", "green", "blue"], size=n_rows),
            "town": [f"town {number}" for number in rng.integers(35, size=n_rows)],
            "member": rng.choice([True, False], size=n_rows),
            "joined": pd.date_range("2020-01-30", periods=n_rows, freq="37D").strftime(
                "%Y-%m-%d"
            ),
            "note": [f"text {number} of its own" for number in range(n_rows)],
            "same": "x",
            "nothing": np.nan,
            "label": np.where(label, "yes", "no"),
        }
    )
    for column in ("size", "colour", "town", "joined"):
        frame.loc[rng.choice(n_rows, size=3, replace=False), column] = None
    return frame


@pytest.fixture
def mixed_csv(tmp_path):
    path = tmp_path / "mixed.csv"
    mixed_frame().to_csv(path, index=False)
    return path


def test_a_file_becomes_a_ranking_a_page_and_a_picture(mixed_csv, tmp_path, capsys):
    out = tmp_path / "deep" / "out"
    names = "linear,forest,boosting"
    code = compare(
        *("--data", mixed_csv, "--target", "label", "--out", out, *QUICK),
        *("--models", names),
    )
    said, told = capsys.readouterr()
    assert code == 0
    assert "Classification of 'label' in mixed.csv: 60 rows, 5 columns." in said
    assert all(name in said for name in names.split(","))
    assert re.search(r"rank +accuracy +roc_auc", said)
    assert "note: dropped identifiers: id" in told
    assert "note: dropped constant columns: same" in told
    assert "note: dropped empty columns: nothing" in told
    assert "note: dropped texts that differ in nearly every row: note" in told
    assert "note: read as dates: joined" in told
    assert "linear: fold 2 done" in told
    assert "<h1>Comparison of 3 models</h1>" in (out / "comparison.html").read_text()
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert len((out / "results.jsonl").read_text().splitlines()) == 1 + 3 * 2


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_regression_from_another_dialect(tmp_path, capsys, suffix):
    frame = load_diabetes(as_frame=True).frame[:80]
    text = frame.to_csv(index=False, sep=";")
    path = tmp_path / f"diabetes{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if "gz" in suffix else text.encode())
    out = tmp_path / "out"
    assert compare("--data", path, "--target", "target", "--out", out, *QUICK) == 0
    said = capsys.readouterr().out
    assert "Regression of 'target'" in said
    assert "neg_root_mean_squared_error" in said


def test_the_second_run_reads_the_first(mixed_csv, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ("--data", mixed_csv, "--target", "label", "--out", out, *QUICK)
    assert compare(*arguments) == 0
    first = (out / "results.jsonl").read_text()
    told = capsys.readouterr().err
    assert "fold 2 done" in told
    assert "going on with" not in told
    assert compare(*arguments) == 0
    told = capsys.readouterr().err
    assert "fold" not in told
    assert f"going on with the results in {out / 'results.jsonl'}" in told
    assert (out / "results.jsonl").read_text() == first
    assert compare(*arguments, "--restart") == 0
    assert (out / "results.jsonl").read_text() != first


def test_results_of_another_comparison_are_kept(mixed_csv, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ("--data", mixed_csv, "--target", "label", "--out", out, *QUICK)
    assert compare(*arguments) == 0
    kept = (out / "results.jsonl").read_bytes()
    assert compare(*arguments, "--cv", "3") == 2
    assert "--restart" in capsys.readouterr().err
    assert (out / "results.jsonl").read_bytes() == kept


GOOD = "a,b,y\n" + "".join(f"{7 * n % 31},{n % 3},{n % 2}\n" for n in range(30))
ROWS = range(24)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a text file"),
        (b"a,b,a,y\n1,2,3,0\n", "has more than one column named 'a'"),
        (b"y\n1\n0\n", "has one column only, 'y'"),
        (b"a,y\n", "has a header but no rows"),
        (b"a,b,y\n1,2,\n3,4,\n", "'y' of .* is missing in every row"),
        (b"a,b,y\n1,2,0\n3,4,1,5\n", "is not a well-formed CSV file: .*line 3"),
        (b"a,b,y\n1,2,0,7\n3,4,1,5\n", "is not a well-formed CSV file"),
        (b"a,y\n1,0\n2,0\n3,0\n", "'y' has one class only: 0"),
        (b"a,y\n1,0\n2,1\n3,0\n", "has only 1 of class 1; --cv 2 needs at least 2"),
        (b"a,y\n1,0\n2,1\n3,0\n4,1\n", "has 4 rows with a target; --cv 2 needs"),
        (b"a,b\n1,0\n2,1\n", "--target 'y' is not a column of .*, which has a, b"),
        (b"a|b|y\n" + b"1|2|\n", "missing in every row"),
        (b"a,y\n" + b"".join(b",%d\n" % (n % 2) for n in ROWS), "no column of"),
        (
            b"caf\xe9,y\n" + b"".join(b"1,%d\n" % (n % 2) for n in ROWS),
            "read as Windows-1252\n.*no column of",
        ),
    ],
)
def test_bad_data(tmp_path, capsys, content, message):
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content)
    out = tmp_path / "out"
    assert compare("--data", path, "--target", "y", "--out", out, *QUICK) == 2
    said, told = capsys.readouterr()
    assert said == ""
    assert re.search(message, told, flags=re.DOTALL)
    *notes, error = told.splitlines()
    assert error.startswith("sklearn_dl compare: error: ")
    assert all(note.startswith("note: ") for note in notes)
    assert not out.exists()


def test_bad_gzip(tmp_path, capsys):
    for name, content in {
        "no.csv.gz": b"a,y\n1,0\n",
        "cut.csv.gz": gzip.compress(GOOD.encode())[:-20],
    }.items():
        (tmp_path / name).write_bytes(content)
        assert compare("--data", tmp_path / name, "--target", "y", *QUICK) == 2
        assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--target must name a column of .*: a, b, y"),
        (("--target", "y", "--scoring", "accuracy,auk"), "'auk' is not a metric"),
        (("--target", "y", "--scoring", ","), "',' is not a metric"),
        (("--target", "a", "--task", "classification"), "only 1 of class"),
        (("--target", "y", "--out", "{path}"), "cannot be written"),
        (("--data", "{folder}", "--target", "y"), "is a directory"),
    ],
)
def test_bad_arguments(tmp_path, capsys, arguments, message):
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    given = [text.format(path=path, folder=tmp_path) for text in arguments]
    out = () if "--out" in given else ("--out", tmp_path / "out")
    assert compare("--data", path, *QUICK, *given, *out) == 2
    told = capsys.readouterr().err
    assert re.search(message, told)
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--models", "linear,tree"], "expected some of linear,forest"),
        (["compare", "--models", ","], "expected some of linear,forest"),
        (["compare", "--cv", "1"], "expected an integer of at least 2; got '1'"),
        (["compare", "--seed", "x"], "expected an integer of at least 0; got 'x'"),
        (["compare", "--task", "guess"], "invalid choice: 'guess'"),
        (["contrast"], "invalid choice: 'contrast'"),
    ],
)
def test_arguments_that_cannot_be_parsed(capsys, arguments, message):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("option", [["--target", "y"], ["--task", "regression"]])
def test_options_that_need_data(capsys, option):
    assert compare(*option) == 2
    assert f"{option[0]}" in capsys.readouterr().err


def test_a_target_of_text_is_no_regression(mixed_csv, capsys):
    arguments = ("--data", mixed_csv, "--target", "label", "--task", "regression")
    assert compare(*arguments) == 2
    assert "must hold numbers for a regression" in capsys.readouterr().err


def test_nothing_fitted_is_exit_code_one(tmp_path, capsys, monkeypatch):
    def fail(*arguments, **options):
        raise ValueError("All fits of compare_models failed:\n  linear")

    monkeypatch.setattr("sklearn_dl._cli._compare.compare_models", fail)
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    out = tmp_path / "out"
    assert compare("--data", path, "--target", "y", "--out", out, *QUICK) == 1
    assert "All fits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "task", "dtype"),
    [
        ([0, 1, 1, 0], "classification", np.int64),
        ([0.0, 1.0, np.nan, 0.0], "classification", np.int64),
        (["a", "b", "a", "b"], "classification", object),
        ([True, False, True, False], "classification", object),
        ([0.5, 1.5, 2.5, 3.0], "regression", np.float64),
        (list(range(40)), "regression", np.float64),
    ],
)
def test_the_kind_of_a_target(tmp_path, values, task, dtype):
    path = tmp_path / "data.csv"
    pd.DataFrame({"a": range(len(values)), "y": values}).to_csv(path, index=False)
    table = load_table(path, "y", task="auto")
    assert table.task == task
    assert table.y.dtype == dtype
    missing = pd.Series(values).isna().sum()
    assert len(table.X) == len(values) - missing
    assert table.notes == ([f"dropped {missing} rows without a target"] * bool(missing))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2021-03-04", None, "2021-05-16"], ["2021-03-04", None, "2021-05-16"]),
        (["3/4/2021", "5/16/2021"], ["2021-03-04", "2021-05-16"]),
        (["4.3.2021", "16.5.2021"], ["2021-03-04", "2021-05-16"]),
        (
            ["2021-03-04T10:00:00+02:00", "2021-05-16T10:00:00Z"],
            ["2021-03-04 08:00", "2021-05-16 10:00"],
        ),
    ],
)
def test_dates_are_found(texts, expected):
    cleaned, notes = clean_columns(pd.DataFrame({"when": texts}))
    assert notes == ["read as dates: when"]
    dates = pd.Series(pd.to_datetime(pd.Series(expected), format="mixed"), name="when")
    assert (cleaned["when"].isna() == dates.isna()).all()
    assert (cleaned["when"].dropna() == dates.dropna()).all()


@pytest.mark.parametrize("texts", [["1.2.3", "x"], ["99-99-99", "12-13-14"], ["1-2"]])
def test_what_looks_like_dates_and_is_not(texts):
    cleaned, notes = clean_columns(pd.DataFrame({"version": [*texts, "a"], "b": 1.5}))
    assert cleaned["version"].dtype == "category"
    assert "dates" not in str(notes)


def test_parts_of_dates():
    when = pd.DataFrame(
        {"t": pd.to_datetime(["2021-03-04 06:00", None, "2021-05-16 00:00"])}
    )
    parts = DateParts().fit(when)
    assert list(parts.get_feature_names_out()) == [
        "t_month",
        "t_day",
        "t_weekday",
        "t_hour",
        "t_seconds",
    ]
    values = parts.transform(when)
    np.testing.assert_array_equal(values.iloc[0], [3, 4, 3, 6, 1614837600])
    assert values.iloc[1].isna().all()
    constant = DateParts().fit(when.iloc[[0, 0]])
    assert list(constant.get_feature_names_out()) == ["t_seconds"]


@pytest.mark.parametrize("kind", ["scaled", "trees", "native"])
def test_preparation_meets_what_training_did_not_show(kind):
    frame = mixed_frame().drop(columns="label")
    X, _ = clean_columns(frame)
    y = mixed_frame()["label"]
    preparation = make_preparation(X, target_type="binary", seed=0, kind=kind)
    train, test = X.iloc[:40], X.iloc[40:].copy()
    test["colour"] = test["colour"].cat.rename_categories({"red": "violet"})
    test["town"] = "elsewhere"
    before = train.copy()
    prepared = preparation.fit_transform(train, y[:40])
    after = preparation.transform(test)
    assert prepared.shape[1] == after.shape[1]
    pd.testing.assert_frame_equal(train, before)
    if kind == "scaled":
        assert np.isfinite(np.asarray(prepared, dtype=float)).all()
        assert np.isfinite(np.asarray(after, dtype=float)).all()
    if kind == "native":
        assert prepared["colour"].dtype == "category"


def test_preparation_lets_a_model_learn():
    frame = mixed_frame(200)
    X, _ = clean_columns(frame.drop(columns="label"))
    model = make_pipeline(
        make_preparation(X, target_type="binary", seed=0, kind="scaled"),
        LogisticRegression(),
    )
    assert (
        model.fit(X[:150], frame["label"][:150]).score(X[150:], frame["label"][150:])
        > 0.6
    )


def test_progress_on_a_terminal_is_a_bar(monkeypatch):
    pytest.importorskip("rich", reason="needs rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert type(make_progress()).__name__ == "ProgressBar"
    monkeypatch.setitem(sys.modules, "rich", None)
    assert type(make_progress()).__name__ == "ProgressLines"


def test_version_and_help_load_no_torch():
    program = (
        "import sys; from sklearn_dl._cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert not {'torch', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    for option, expected in (("--version", __version__), ("--help", "compare")):
        run = subprocess.run(
            [sys.executable, "-c", program, option], capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        assert expected in run.stdout


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "sklearn_dl", "compare", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for_rows(path, n_rows, process):
    deadline = time.monotonic() + 120
    while not path.exists() or path.read_bytes().count(b"\n") < 1 + n_rows:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def iris_csv(tmp_path):
    path = tmp_path / "iris.csv"
    load_iris(as_frame=True).frame.to_csv(path, index=False)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
def test_a_stopped_run_goes_on(iris_csv, tmp_path, number, code):
    out = tmp_path / "out"
    results = out / "results.jsonl"
    arguments = ("--data", iris_csv, "--target", "target", "--out", out)
    arguments += ("--models", "linear,forest", "--candidates", "3", "--n-jobs", "1")
    process = start(*arguments)
    wait_for_rows(results, 6, process)
    process.send_signal(number)
    said, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in told
    if number == signal.SIGINT:
        assert "Run the same command again to go on" in told
        assert str(results) in told
    finished = results.read_bytes().count(b"\n") - 1
    assert finished < 10

    process = start(*arguments)
    said, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert told.count(" done") == 10 - finished
    rows = [json.loads(line) for line in results.read_text().splitlines()[1:]]
    assert len({(row["model"], row["fold"]) for row in rows}) == len(rows) == 10
    assert "Report:" in said


@pytest.mark.slow
def test_interrupted_workers_are_silent(tmp_path):
    results = tmp_path / "out" / "results.jsonl"
    arguments = ("--models", "forest", "--n-jobs", "2", "--out", results.parent)
    # A terminal sends Ctrl-C to the whole group of processes.
    process = start(*arguments, start_new_session=True)
    wait_for_rows(results, 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert "interrupted" in told


@pytest.mark.slow
def test_the_demonstration_in_another_process(tmp_path):
    run = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-m", "sklearn_dl", "compare"),
            *("--cv", "2", "--candidates", "1", "--n-jobs", "2"),
            *("--out", "out"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    for name in ("linear", "forest", "boosting", "network"):
        assert name in run.stdout
        assert f"{name}: fold 2 done" in run.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.html",
        "comparison.png",
        "results.jsonl",
    ]


def test_each_name_has_its_models():
    # The names stand apart since the help does not wait for scikit-learn.
    assert MODEL_NAMES == tuple(_KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["label", "size"])
def test_networks_take_mixed_tables(mixed_csv, tmp_path, capsys, target):
    out = tmp_path / "out"
    names = ("--models", "network,tabular")
    arguments = ("--data", mixed_csv, "--target", target, "--out", out, *QUICK, *names)
    assert compare(*arguments) == 0
    said, told = capsys.readouterr()
    assert "warning" not in told
    assert re.search(r"^tabular +[12] ", said, flags=re.MULTILINE)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "target", "best_over"),
    [("titanic1309.csv.gz", "survived", 0.9), ("wine_quality.csv.gz", "quality", 0.5)],
)
def test_real_files(data_dir, tmp_path, capsys, file, target, best_over):
    out = tmp_path / "out"
    path = data_dir / "tabular" / file
    names = ("--models", "linear,forest")
    arguments = ("--data", path, "--target", target, "--out", out, *QUICK, *names)
    assert compare(*arguments) == 0
    best = re.search(r"^\w+ +1 +(\S+) ±", capsys.readouterr().out, flags=re.MULTILINE)
    assert float(best[1]) > best_over


def test_decimal_commas_beside_semicolons():
    from sklearn_dl._cli._data import _decimal

    assert _decimal("a;b\n1,5;x\n", ";") == ","
    assert _decimal("a;b\n1.5;x,y\n", ";") == "."
    assert _decimal("a,b\n1,5\n", ",") == "."


def test_no_command_shows_the_commands(capsys):
    from sklearn_dl._cli import main

    assert main([]) == 2
    assert "compare searched models" in capsys.readouterr().err
