"""The course of a training."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.utils._sklearn import check_matplotlib_support

_LABELS = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "valid_score": "validation score",
    "learning_rate": "learning rate",
    "dur": "seconds",
}
# Where searches and other meta-estimators keep what they have fitted.
_FITTED_INSIDE = ("best_estimator_", "regressor_", "estimator_")


def _find_history(estimator):
    """Return the history of the network inside of a fitted estimator."""
    outer = estimator
    while not hasattr(estimator, "history_"):
        check_is_fitted(estimator)
        inside = [name for name in _FITTED_INSIDE if hasattr(estimator, name)]
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif inside:
            estimator = getattr(estimator, inside[0])
        else:
            raise TypeError(
                f"The 'estimator' parameter of TrainingCurveDisplay.from_estimator "
                f"must be a fitted network, or a pipeline or search with one; "
                f"{type(outer).__name__} leads to {estimator!r}, which has no history_."
            )
    if not estimator.history_:
        raise ValueError(
            f"history_ of {type(estimator).__name__} has no epochs to be drawn."
        )
    return estimator.history_


class TrainingCurveDisplay:
    """Losses and scores over the epochs of a training.

    Use :meth:`from_estimator` to make one. Losses belong to the axis on the left, all
    else to the one on the right.

    Parameters
    ----------
    history : list of dict
        Losses and scores by name, one dictionary an epoch: a network's ``history_``.

    metrics : list of str, default=None
        What to draw, names in `history`. None is "train_loss", "valid_loss" and
        "valid_score", those of them that are there.

    Attributes
    ----------
    best_epoch : int or None
        The epoch with the highest validation score, counted from 1. These are the
        weights that a network with early stopping keeps. None without such scores.

    ax_ : matplotlib.axes.Axes
        The axes with the losses.

    score_ax_ : matplotlib.axes.Axes or None
        The axes with all else, on top of `ax_`; None where there is nothing else.

    figure_ : matplotlib.figure.Figure
        The figure.

    lines_ : dict of str to matplotlib.lines.Line2D
        The curves by name.

    best_epoch_line_ : matplotlib.lines.Line2D or None
        The mark of the best epoch.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores over the number of rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.inspection import TrainingCurveDisplay
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(early_stopping=True, max_iter=500, random_state=0)
    >>> display = TrainingCurveDisplay.from_estimator(network.fit(X, y))
    >>> sorted(display.lines_)
    ['train_loss', 'valid_loss', 'valid_score']
    >>> plt.show()
    """

    def __init__(self, history, *, metrics=None):
        self.history = history
        self.metrics = metrics

    @classmethod
    def from_estimator(cls, estimator, *, metrics=None, ax=None, line_kw=None):
        """Draw the training of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with a ``history_``; or a fitted
            :class:`~sklearn.pipeline.Pipeline`, search or other meta-estimator with
            one such estimator at its end.

        metrics : list of str, default=None
            What to draw, names in the history. None is "train_loss", "valid_loss" and
            "valid_score", those of them that are there.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        line_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.plot` for all curves.

        Returns
        -------
        display : TrainingCurveDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If `estimator` is not fitted.
        TypeError
            If there is no history in `estimator`.
        ValueError
            If the history is empty or does not have one of the `metrics`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        display = cls(_find_history(estimator), metrics=metrics)
        return display.plot(ax=ax, line_kw=line_kw)

    @property
    def best_epoch(self):
        """The epoch with the highest validation score, counted from 1."""
        scores = self._values("valid_score")
        if np.isnan(scores).all():
            return None
        return int(np.nanargmax(scores)) + 1

    def _values(self, name):
        return np.array([epoch.get(name, np.nan) for epoch in self.history], float)

    def _metrics(self):
        """Return what to draw, checked."""
        present = [
            name
            for name in dict.fromkeys(key for epoch in self.history for key in epoch)
            if name != "epoch"
        ]
        if self.metrics is None:
            usual = ("train_loss", "valid_loss", "valid_score")
            return [name for name in usual if name in present]
        if isinstance(self.metrics, str):
            raise TypeError(
                f"The 'metrics' parameter of {type(self).__name__} must be a list of "
                f"names, got {self.metrics!r}."
            )
        missing = [name for name in self.metrics if name not in present]
        if missing or not self.metrics:
            raise ValueError(
                f"The 'metrics' parameter of {type(self).__name__} must hold names "
                f"from {present}, got {list(self.metrics)}."
            )
        return list(self.metrics)

    def plot(self, ax=None, *, line_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        line_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.plot` for all curves.

        Returns
        -------
        display : TrainingCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the history does not have one of the metrics.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        metrics = self._metrics()
        others = [name for name in metrics if not name.endswith("loss")]
        if ax is None:
            _, ax = plt.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        # A single axis needs no twin.
        with_twin = 0 < len(others) < len(metrics)
        self.score_ax_ = ax.twinx() if with_twin else ax if others else None
        epochs = np.arange(1, len(self.history) + 1)
        self.lines_ = {}
        for k, name in enumerate(metrics):
            target = self.score_ax_ if name in others else ax
            style = {
                "color": f"C{k}",
                "label": _LABELS.get(name, name),
                "linestyle": "--" if with_twin and name in others else "-",
            }
            (self.lines_[name],) = target.plot(
                epochs, self._values(name), **{**style, **(line_kw or {})}
            )
        self._mark_best_epoch(metrics)
        self._label_axes(others, metrics)
        return self

    def _mark_best_epoch(self, metrics):
        self.best_epoch_line_ = None
        if self.best_epoch is not None:
            self.best_epoch_line_ = self.ax_.axvline(
                self.best_epoch,
                color="0.5",
                linestyle=":",
                label=f"best epoch: {self.best_epoch}",
            )

    def _label_axes(self, others, metrics):
        self.ax_.set_xlabel("Epoch")
        if len(others) < len(metrics):
            self.ax_.set_ylabel("Loss")
        if self.score_ax_ is not None:
            names = [_LABELS.get(name, name) for name in others]
            # Several scores share an axis; their names are in the legend.
            text = names[0] if len(names) == 1 else "score"
            self.score_ax_.set_ylabel(text.capitalize())
        marks = [] if self.best_epoch_line_ is None else [self.best_epoch_line_]
        # One legend for both axes, on the upper one, or its curves would cross it. The
        # best place knows of one axis only; falling and rising curves leave the middle.
        top = self.ax_ if self.score_ax_ is None else self.score_ax_
        place = "best" if top is self.ax_ else "center right"
        top.legend(handles=[*self.lines_.values(), *marks], loc=place)
