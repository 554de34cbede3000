"""The result of a comparison of models."""

import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_dl.model_selection._comparison_html import render_page, render_summary
from sklearn_dl.model_selection._comparison_statistics import (
    Difference,
    compare_scores,
)
from sklearn_dl.utils._sklearn import check_matplotlib_support

_BEST, _OTHER = "#1f6f8b", "#8a99a8"


class ModelComparison:
    """Scores of several models on the same folds, as `compare_models` returns them.

    Parameters
    ----------
    rows : sequence of dict
        One row for each model and fold.

    models : dict of str to estimator
        The unfitted models by name.

    description : dict of str to str, default=None
        What is known of the data and the folds, shown in the report.

    Attributes
    ----------
    results : DataFrame of shape (n_models * n_folds, n_metrics + 8)
        One row for each model and fold: ``model``, ``fold``, ``test_<metric>`` for each
        metric, ``fit_time``, ``predict_time`` and ``score_time`` in seconds,
        ``n_train`` and ``n_test`` in rows, ``size`` of the pickled fitted model in
        bytes, and ``error``, None or the text of the error.

    models : dict of str to estimator
        The unfitted models by name.

    metrics : list of str
        The names of the metrics. The first ranks the models unless another is asked
        for.

    description : dict of str to str
        What is known of the data and the folds.

    See Also
    --------
    compare_models : Fit and score the models.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn_dl.model_selection import compare_models
    >>> X, y = load_iris(return_X_y=True)
    >>> models = {"dummy": DummyClassifier(), "bayes": GaussianNB()}
    >>> comparison = compare_models(models, X, y, scoring="accuracy", cv=3)
    >>> comparison.results[["model", "fold", "test_accuracy"]].round(2)
       model  fold  test_accuracy
    0  dummy     0           0.32
    1  dummy     1           0.32
    2  dummy     2           0.32
    3  bayes     0           0.92
    4  bayes     1           0.94
    5  bayes     2           0.96
    """

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        *,
        models: dict[str, Any],
        description: dict[str, str] | None = None,
    ) -> None:
        self.models = dict(models)
        self.metrics = list(
            dict.fromkeys(name for row in rows for name in row["scores"])
        )
        self.description = dict(description or {})
        self.results = pd.DataFrame(
            {
                "model": row["model"],
                "fold": row["fold"],
                **{
                    f"test_{name}": row["scores"].get(name, np.nan)
                    for name in self.metrics
                },
                "fit_time": row["fit_time"],
                "predict_time": row["predict_time"],
                "score_time": row["score_time"],
                "n_train": row["n_train"],
                "n_test": row["n_test"],
                "size": row["size"],
                "error": row["error"],
            }
            for row in rows
        )

    @property
    def best_name(self) -> str:
        """Name of the model that the first metric ranks first."""
        return self._ranking(self._check_metric(None))[0]

    def summary(self, metric: str | None = None, rope: float = 0.01) -> pd.DataFrame:
        """Rank the models and compare each with the best.

        Parameters
        ----------
        metric : str, default=None
            The metric to rank by. None is the first one.

        rope : float, default=0.01
            Region of practical equivalence: models whose mean scores differ by no more
            than this, in the units of the metric, count as equivalent.

        Returns
        -------
        summary : DataFrame of shape (n_models, 11)
            A row a model, the best first: ``rank``; ``mean`` and ``std`` (over the
            folds, with ``ddof=1``) of the scores; ``fit_time``, ``predict_time`` in
            seconds and ``size`` in bytes, means over the folds; ``n_failed`` folds;
            and in comparison with the best model, ``p_value`` of the corrected
            resampled t-test [1]_ and the probabilities ``p_better``, ``p_equivalent``
            and ``p_worse`` of the Bayesian correlated t-test [2]_. In the row of the
            best model these four are NaN, and everywhere if there is one fold only.
            Models that failed in some folds come after those that did not.

        References
        ----------
        .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error",
           Machine Learning 52, 2003.
        .. [2] A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, "Time for a change: a
           tutorial for comparing multiple classifiers through Bayesian analysis",
           Journal of Machine Learning Research 18, 2017.
        """
        metric = self._check_metric(metric)
        rope = _check_rope(rope)
        names = self._ranking(metric)
        by_model = self.results.groupby("model", sort=False)
        scores = by_model[f"test_{metric}"]
        unknown = Difference(*[np.nan] * len(Difference._fields))
        against_best = [unknown] + [
            self._difference(name, names[0], metric, rope) for name in names[1:]
        ]
        summary = pd.DataFrame(
            {
                "mean": scores.mean(),
                "std": scores.std(ddof=1),
                "fit_time": by_model["fit_time"].mean(),
                "predict_time": by_model["predict_time"].mean(),
                "size": by_model["size"].mean(),
                "n_failed": by_model["error"].agg(lambda error: error.notna().sum()),
            }
        ).loc[names]
        summary.insert(0, "rank", self._ranks(summary))
        for field in ("p_value", "p_better", "p_equivalent", "p_worse"):
            summary[field] = [getattr(found, field) for found in against_best]
        summary["n_failed"] = summary["n_failed"].astype(int)
        return summary.rename_axis("model")

    def pairwise(self, metric: str | None = None, rope: float = 0.01) -> pd.DataFrame:
        """Compare every pair of models.

        Parameters
        ----------
        metric : str, default=None
            The metric. None is the first one.

        rope : float, default=0.01
            Region of practical equivalence, in the units of the metric.

        Returns
        -------
        pairwise : DataFrame of shape (n_models * (n_models - 1) / 2, 7)
            A row a pair, the better ranked model first: ``model_1``, ``model_2``,
            ``difference`` of the mean scores in the folds that both finished,
            ``p_value`` of the corrected resampled t-test, without a correction for the
            number of pairs, and the probabilities that ``model_1`` is better than
            (``p_better``), equivalent to (``p_equivalent``) and worse than
            (``p_worse``) ``model_2``.
        """
        metric = self._check_metric(metric)
        rope = _check_rope(rope)
        names = self._ranking(metric)
        pairs = [
            (first, second, *self._difference(first, second, metric, rope))
            for position, first in enumerate(names)
            for second in names[position + 1 :]
        ]
        fields = ("difference", *Difference._fields[1:])
        return pd.DataFrame(pairs, columns=["model_1", "model_2", *fields])

    def plot(self, ax: Any = None, metric: str | None = None) -> Any:
        """Draw the scores of the folds, a box and a dot a fold for each model.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        metric : str, default=None
            The metric. None is the first one.

        Returns
        -------
        ax : matplotlib Axes
            The axes with the plot; the best model is on top.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        metric = self._check_metric(metric)
        names = self._ranking(metric)
        if ax is None:
            from matplotlib import pyplot

            height = 1.2 + 0.5 * len(names)
            ax = pyplot.figure(figsize=(7, height), layout="constrained").subplots()
        for position, name in enumerate(reversed(names)):
            scores = self._scores(name, metric)
            scores = scores[np.isfinite(scores)]
            color = _BEST if name == names[0] else _OTHER
            if len(scores):
                ax.boxplot(
                    [scores],
                    positions=[position],
                    orientation="horizontal",
                    widths=0.5,
                    showfliers=False,
                    patch_artist=True,
                    boxprops={"facecolor": color, "alpha": 0.25, "edgecolor": "none"},
                    medianprops={"color": color, "linewidth": 2},
                    whiskerprops={"color": color},
                    capprops={"visible": False},
                )
            # Equal scores would hide one another on one line.
            offsets = np.linspace(-0.12, 0.12, len(scores)) if len(scores) > 1 else 0.0
            heights = np.full(len(scores), position) + offsets
            ax.plot(scores, heights, "o", color=color, markersize=4.5, alpha=0.85)
        ax.set_yticks(range(len(names)), list(reversed(names)))
        ax.set_ylim(-0.6, len(names) - 0.4)
        ax.set_xlabel(f"{metric} of the test folds")
        ax.grid(axis="x", color="#d9dee3", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        return ax

    def to_html(self, path: str | os.PathLike | None = None, rope: float = 0.01) -> str:
        """Write a report as one page that needs nothing else.

        The page holds the ranking, plots, the comparison of all pairs, the scores of
        each fold, the diagrams of the models and the versions of the libraries. It
        loads nothing from the network. Without matplotlib it has no plots.

        Parameters
        ----------
        path : str or path-like, default=None
            The file to write, as UTF-8. None writes none.

        rope : float, default=0.01
            Region of practical equivalence, in the units of each metric.

        Returns
        -------
        page : str
            The page.
        """
        page = render_page(self, rope=_check_rope(rope))
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def __repr__(self) -> str:
        metric = self.metrics[0]
        mean = self.results.groupby("model")[f"test_{metric}"].mean()
        ranking = ", ".join(
            f"{name}={mean[name]:.4g}" for name in self._ranking(metric)
        )
        n_folds = self.results["fold"].nunique()
        return f"<{type(self).__name__}: {metric} over {n_folds} folds: {ranking}>"

    def _repr_html_(self) -> str:
        return render_summary(self.summary(), mean=f"mean {self.metrics[0]}")

    def _check_metric(self, metric: str | None) -> str:
        if metric is None:
            return self.metrics[0]
        if metric not in self.metrics:
            raise ValueError(
                f"metric must be one of {self.metrics} for {type(self).__name__}; got "
                f"{metric!r}."
            )
        return metric

    def _scores(self, name: str, metric: str) -> np.ndarray:
        rows = self.results["model"] == name
        return self.results.loc[rows, f"test_{metric}"].to_numpy(dtype=np.float64)

    def _ranking(self, metric: str) -> list[str]:
        """Return the names, the best first; equal ones in the order of the models."""

        def key(name: str) -> tuple[bool, bool, float]:
            scores = self._scores(name, metric)
            finite = scores[np.isfinite(scores)]
            mean = finite.mean() if len(finite) else 0.0
            return (not len(finite), len(finite) < len(scores), -mean)

        return sorted(self.models, key=key)

    @staticmethod
    def _ranks(summary: pd.DataFrame) -> list[int]:
        """Give ranked rows their numbers, equal ones the same."""
        ranks: list[int] = []
        merits = list(zip(summary["mean"], summary["n_failed"] > 0, strict=True))
        for position, merit in enumerate(merits):
            equal = position and merit == merits[position - 1]
            ranks.append(ranks[-1] if equal else position + 1)
        return ranks

    def _difference(
        self, first: str, second: str, metric: str, rope: float
    ) -> Difference:
        ratio = self.results["n_test"].mean() / self.results["n_train"].mean()
        return compare_scores(
            self._scores(first, metric),
            self._scores(second, metric),
            test_to_train=float(ratio),
            rope=rope,
        )


def _check_rope(rope: Any) -> float:
    if not isinstance(rope, Real) or isinstance(rope, bool):
        raise TypeError(
            "rope must be a number for ModelComparison; got "
            f"{rope!r} of type {type(rope).__name__}."
        )
    if not 0.0 <= float(rope) < np.inf:
        raise ValueError(
            f"rope must be at least 0 and finite for ModelComparison; got {rope!r}."
        )
    return float(rope)
