"""The report of a comparison as one page of HTML."""

import io
import platform
from collections.abc import Callable, Iterable
from html import escape
from importlib.metadata import version
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.utils import estimator_html_repr

from sklearn_dl import __version__
from sklearn_dl.utils._sklearn import check_matplotlib_support

_STYLE = """
:root { color-scheme: light; --ink: #1d2733; --soft: #5b6875; --line: #dfe4e9;
  --best: #1f6f8b; --better: #2e8b57; --equal: #c9d1d9; --worse: #d98c5f; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: rgb(29, 39, 51);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .6rem; }
p { margin: .4rem 0; max-width: 46rem; }
.note { color: var(--soft); font-size: .875rem; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
.sklearn-dl-table { border-collapse: collapse; font-size: .9rem;
  font-variant-numeric: tabular-nums; min-width: 100%; }
.sklearn-dl-table th, .sklearn-dl-table td { padding: .4rem .7rem; text-align: right;
  border-bottom: 1px solid var(--line, #dfe4e9); white-space: nowrap; }
.sklearn-dl-table th { font-weight: 600; color: var(--soft, #5b6875); }
.sklearn-dl-table .text { text-align: left; }
.sklearn-dl-table tbody tr.best td { background: #eef6f8; font-weight: 600; }
.sklearn-dl-table td.wrap { white-space: normal; min-width: 16rem; }
.bar { display: inline-flex; width: 8rem; height: .8rem; border-radius: 3px;
  overflow: hidden; vertical-align: middle; background: var(--line); }
.bar i { display: block; height: 100%; }
.better { background: var(--better); } .equal { background: var(--equal); }
.worse { background: var(--worse); }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px;
  vertical-align: -1px; margin: 0 .3rem 0 .8rem; }
.key i:first-child { margin-left: 0; }
figure { margin: .5rem 0 0; }
figure svg { width: 100%; height: auto; max-width: 46rem; }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; font-weight: 600; }
details .sk-top-container { padding-top: .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem;
  margin: .8rem 0 0; font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { main { padding: 1.25rem .9rem 3rem; }
  h1 { font-size: 1.4rem; } .bar { width: 5rem; }
  .sklearn-dl-table th, .sklearn-dl-table td { padding: .35rem .5rem; } }
"""

_MISSING = "&ndash;"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def render_page(comparison: Any, *, rope: float) -> str:
    """Write the whole report of a comparison.

    Parameters
    ----------
    comparison : ModelComparison
        The comparison.

    rope : float
        Region of practical equivalence.

    Returns
    -------
    page : str
        A page of HTML that loads nothing.
    """
    metrics = comparison.metrics
    title = f"Comparison of {len(comparison.models)} models"
    parts = [
        f"<h1>{title}</h1>",
        _render_verdict(comparison, rope),
        _render_facts(comparison.description),
    ]
    for metric in metrics:
        parts += [
            f"<h2>Ranking by {escape(metric)}</h2>",
            render_summary(comparison.summary(metric, rope)),
            _render_figure(comparison, metric),
        ]
    parts.append(_render_key(rope))
    if len(comparison.models) > 2:
        parts += [
            f"<h2>Every pair by {escape(metrics[0])}</h2>",
            _render_pairs(comparison.pairwise(rope=rope)),
            '<p class="note">The p-values are not corrected for the number of '
            "pairs.</p>",
        ]
    parts += _render_errors(comparison.results)
    parts.append("<h2>Models</h2>")
    parts += [
        f"<details><summary>{escape(name)}</summary>"
        f'<div class="scroll">{_render_diagram(model)}</div></details>'
        for name, model in comparison.models.items()
    ]
    parts += ["<h2>Details</h2>", _render_folds(comparison), _render_versions()]
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(parts))


def render_summary(summary: pd.DataFrame, *, mean: str = "mean") -> str:
    """Write a ranking as a table.

    Parameters
    ----------
    summary : DataFrame
        What ``ModelComparison.summary`` returns.

    mean : str, default="mean"
        The title of the column of mean scores.

    Returns
    -------
    table : str
        A table of HTML.
    """
    columns = ["rank", "model", mean, "std", "fit time", "predict time", "size"]
    with_failures = bool(summary["n_failed"].any())
    if with_failures:
        columns.append("failed folds")
    columns += ["p-value", "better / equal / worse"]
    rows = []
    for name, row in summary.iterrows():
        cells = [
            f"{row['rank']:.0f}",
            escape(str(name)),
            _number(row["mean"]),
            _number(row["std"]),
            _duration(row["fit_time"]),
            _duration(row["predict_time"]),
            _size(row["size"]),
        ]
        if with_failures:
            cells.append(f"{row['n_failed']:.0f}")
        cells += [_p_value(row["p_value"]), _bar(row)]
        rows.append(cells)
    return _table(columns, rows, text={1, len(columns) - 1}, best=True)


def _render_verdict(comparison: Any, rope: float) -> str:
    metric = comparison.metrics[0]
    summary = comparison.summary(metric, rope)
    best = summary.index[0]
    top = summary.iloc[0]
    spread = f" ± {_number(top['std'])}" if np.isfinite(top["std"]) else ""
    verdict = (
        f"<strong>{escape(str(best))}</strong> ranks first: {escape(metric)} "
        f"{_number(top['mean'])}{spread} over the folds."
    )
    if len(summary) > 1 and np.isfinite(summary["p_worse"].iloc[1]):
        second = summary.iloc[1]
        verdict += (
            f" It is better than <strong>{escape(str(summary.index[1]))}</strong> by "
            f"more than {rope:g} with probability {second['p_worse']:.0%}, and "
            f"equivalent with probability {second['p_equivalent']:.0%}."
        )
    return f"<p>{verdict}</p>"


def _render_facts(facts: dict[str, str]) -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
        for name, text in facts.items()
    )
    return f"<dl>{items}</dl>" if items else ""


def _render_key(rope: float) -> str:
    return (
        '<p class="note key"><i class="better"></i>better<i class="equal"></i>'
        f"equivalent (a difference of at most {rope:g})"
        '<i class="worse"></i>worse</p>'
        '<p class="note">Times and sizes are means over the folds; std is over the '
        "folds. The p-value is that of the corrected resampled t-test (Nadeau and "
        "Bengio, 2003), the probabilities are those of the Bayesian correlated t-test "
        "(Benavoli et al., 2017), both in comparison with the best model.</p>"
    )


def _render_figure(comparison: Any, metric: str) -> str:
    try:
        check_matplotlib_support("ModelComparison.to_html")
    except ImportError:
        return '<p class="note">Install matplotlib for the plots.</p>'
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 1.0 + 0.45 * len(comparison.models)))
    figure.set_layout_engine("constrained")
    figure.patch.set_alpha(0.0)
    stream = io.StringIO()
    # Text stays text, and the same comparison gives the same page.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": f"comparison-{metric}"}):
        comparison.plot(ax=figure.subplots(), metric=metric)
        figure.savefig(stream, format="svg", metadata={"Date": None})
    drawing = stream.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    label = f"{metric} of each model on each fold"
    return f'<figure role="img" aria-label="{escape(label)}">{drawing}</figure>'


def _render_pairs(pairs: pd.DataFrame) -> str:
    columns = [
        "model",
        "against",
        "difference",
        "p-value",
        "better / equal / worse",
    ]
    rows = [
        [
            escape(row["model_1"]),
            escape(row["model_2"]),
            _number(row["difference"]),
            _p_value(row["p_value"]),
            _bar(row),
        ]
        for _, row in pairs.iterrows()
    ]
    return _table(columns, rows, text={0, 1, 4})


def _render_diagram(model: Any) -> str:
    # scikit-learn wraps the diagram in a body, and this page has one.
    diagram = estimator_html_repr(model)
    return diagram.replace("<body>", "", 1).replace("</body>", "", 1)


def _render_errors(results: pd.DataFrame) -> list[str]:
    failed = results[results["error"].notna()]
    if failed.empty:
        return []
    rows = [
        [escape(row["model"]), str(row["fold"]), escape(row["error"])]
        for _, row in failed.iterrows()
    ]
    return ["<h2>Errors</h2>", _table(["model", "fold", "error"], rows, text={0, 2})]


def _render_folds(comparison: Any) -> str:
    parts = []
    for metric in comparison.metrics:
        scores = comparison.results.pivot(
            index="model", columns="fold", values=f"test_{metric}"
        ).loc[list(comparison.models)]
        rows = [
            [escape(str(name)), *map(_number, row)]
            for name, row in zip(scores.index, scores.to_numpy(), strict=True)
        ]
        columns = ["model", *(f"fold {fold}" for fold in scores.columns)]
        parts.append(
            f"<details><summary>{escape(metric)} of each fold</summary>"
            f"{_table(columns, rows, text={0})}</details>"
        )
    return "\n".join(parts)


def _render_versions() -> str:
    versions = {
        "Python": platform.python_version(),
        "sklearn_dl": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
        "joblib": joblib.__version__,
        # Asked for by name: importing torch takes seconds.
        "torch": version("torch"),
        "skorch": version("skorch"),
        "Platform": platform.platform(),
    }
    return f"<details><summary>Versions</summary>{_render_facts(versions)}</details>"


def _table(
    columns: Iterable[str],
    rows: Iterable[list[str]],
    *,
    text: set[int],
    best: bool = False,
) -> str:
    def line(cells: Iterable[str], tag: str) -> str:
        return "".join(
            f'<{tag} class="text">{cell}</{tag}>'
            if position in text
            else f"<{tag}>{cell}</{tag}>"
            for position, cell in enumerate(cells)
        )

    head = line(map(escape, columns), "th")
    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    if best:
        body = body.replace("<tr>", '<tr class="best">', 1)
    return (
        '<div class="scroll"><table class="sklearn-dl-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _unless_nan(write: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: write(value) if np.isfinite(value) else _MISSING


@_unless_nan
def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.5g}"


@_unless_nan
def _p_value(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


@_unless_nan
def _duration(seconds: float) -> str:
    if seconds < 1.0:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.0f} min"


@_unless_nan
def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"


def _bar(row: Any) -> str:
    shares = [row["p_better"], row["p_equivalent"], row["p_worse"]]
    if not np.isfinite(shares).all():
        return _MISSING
    spans = "".join(
        f'<i class="{name}" style="width:{100 * share:.1f}%"></i>'
        for name, share in zip(("better", "equal", "worse"), shares, strict=True)
    )
    values = " / ".join(f"{share:.2f}" for share in shares)
    return f'<span class="bar" aria-hidden="true">{spans}</span> {values}'
