"""The command ``compare``."""

import argparse
import signal
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_dl._cli._console import CommandError, make_progress, say, tell
from sklearn_dl._cli._data import Table, load_demo, load_table
from sklearn_dl._cli._models import make_models
from sklearn_dl._cli._preparation import clean_columns
from sklearn_dl.model_selection import ModelComparison, compare_models
from sklearn_dl.model_selection._comparison_file import ResultFileError


def run_compare(arguments: argparse.Namespace) -> int:
    """Compare models on a table, print the ranking and write the report.

    Parameters
    ----------
    arguments : Namespace
        The parsed arguments of the command.

    Returns
    -------
    code : int
        0, or 1 if no model could be fitted.
    """
    table = _load(arguments)
    X, notes = clean_columns(table.X)
    for note in (*table.notes, *notes):
        tell(f"note: {note}")
    if X.shape[1] == 0:
        raise CommandError(f"no column of {table.name} is left to learn from")
    _check_size(table, arguments.cv)
    scoring = _settle_scoring(arguments.scoring, table)
    models = make_models(
        arguments.models,
        X,
        table.y,
        task=table.task,
        n_candidates=arguments.candidates,
        seed=arguments.seed,
        scoring=scoring[0],
    )
    classification = table.task == "classification"
    folds = (StratifiedKFold if classification else KFold)(
        arguments.cv, shuffle=True, random_state=arguments.seed
    )
    file = _open_directory(arguments.out, restart=arguments.restart)
    say(
        f"{table.task.capitalize()} of {table.y.name!r} in {table.name}: "
        f"{len(X):,} rows, {X.shape[1]} columns. Models: {', '.join(models)}."
    )
    if file.exists():
        tell(f"note: going on with the results in {file}; --restart begins anew")
    try:
        comparison = _compare(
            models,
            X,
            table.y,
            cv=folds,
            scoring=scoring,
            n_jobs=arguments.n_jobs,
            path=file,
            callbacks=[make_progress()],
        )
    except ResultFileError as error:
        raise CommandError(
            f"{file} holds a comparison of other data, models or settings; use "
            "another --out, or --restart to discard it"
        ) from error
    except ValueError as error:
        tell(f"sklearn_dl compare: error: {error}")
        return 1
    comparison.description = {"Table": table.name, **comparison.description}
    _report(comparison, arguments.out, arguments.rope)
    return 0


def _load(arguments: argparse.Namespace) -> Table:
    if arguments.data is not None:
        return load_table(arguments.data, arguments.target, task=arguments.task)
    if arguments.target is not None:
        raise CommandError("--target needs --data")
    if arguments.task == "regression":
        raise CommandError("--task regression needs --data")
    return load_demo()


def _check_size(table: Table, n_folds: int) -> None:
    if table.task == "classification":
        counts = table.y.value_counts()
        if counts.min() < n_folds:
            raise CommandError(
                f"the target {table.y.name!r} has only {counts.min()} of class "
                f"{counts.idxmin()}; --cv {n_folds} needs at least {n_folds} of each"
            )
    if len(table.y) < 4 * n_folds:
        raise CommandError(
            f"{table.name} has {len(table.y)} rows with a target; --cv {n_folds} needs "
            f"at least {4 * n_folds}"
        )


def _settle_scoring(text: str | None, table: Table) -> list[str]:
    if text is None:
        if table.task == "regression":
            return ["r2", "neg_root_mean_squared_error"]
        binary = table.y.nunique() == 2
        return ["accuracy", "roc_auc" if binary else "balanced_accuracy"]
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names or [text]:
        try:
            get_scorer(name)
        except ValueError as error:
            raise CommandError(
                f"--scoring {name!r} is not a metric of scikit-learn; "
                "sklearn.metrics.get_scorer_names() lists them"
            ) from error
    return names


def _open_directory(directory: Path, *, restart: bool) -> Path:
    file = directory / "results.jsonl"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if restart:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"--out {directory} cannot be written: {error}") from error
    return file


def _compare(
    models: dict[str, Any], X: pd.DataFrame, y: pd.Series, **options: Any
) -> ModelComparison:
    # Ctrl-C reaches the workers too, and each would write a traceback.
    workers = joblib.parallel_config("loky", initializer=_ignore_interrupts)
    with workers, warnings.catch_warnings(record=True) as caught:
        # Candidates that do not converge or meet an unknown category are common in a
        # search; only what failed is worth a line.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", FitFailedWarning)
        comparison = compare_models(models, X, y, **options)
    for warning in caught:
        tell(f"warning: {warning.message}")
    return comparison


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _report(comparison: ModelComparison, directory: Path, rope: float) -> None:
    metric = comparison.metrics[0]
    summary = comparison.summary(rope=rope)
    others = {
        name: comparison.summary(name)["mean"].reindex(summary.index)
        for name in comparison.metrics[1:]
    }
    table = pd.DataFrame(
        {
            "rank": summary["rank"].astype(str),
            metric: [
                f"{mean:.4f} ± {std:.4f}"
                for mean, std in zip(summary["mean"], summary["std"], strict=True)
            ],
            **{name: means.map("{:.4f}".format) for name, means in others.items()},
            "fit s": summary["fit_time"].map("{:.2f}".format),
            "predict ms": (1e3 * summary["predict_time"]).map("{:.1f}".format),
            "size kB": (summary["size"] / 1e3).map("{:,.0f}".format),
            "P(worse)": summary["p_worse"].map("{:.2f}".format).replace("nan", "-"),
            "P(equal)": summary["p_equivalent"]
            .map("{:.2f}".format)
            .replace("nan", "-"),
        }
    )
    say()
    say(table.rename_axis(None).to_string())
    say()
    say(
        f"P: probability that a model is worse than the best by more than {rope:g}, or "
        f"within {rope:g} of it (Bayesian correlated t-test; see --rope)."
    )
    page = directory / "comparison.html"
    comparison.to_html(page, rope=rope)
    say(f"Report: {page}")
    if find_spec("matplotlib") is None:
        tell("note: install sklearn_dl[plot] for comparison.png and plots in the page")
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.2 + 0.5 * len(summary)), layout="constrained")
    comparison.plot(ax=figure.subplots())
    picture = directory / "comparison.png"
    figure.savefig(picture, dpi=150)
    say(f"Picture: {picture}")
