"""Pictures of features by domain and class."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_random_state, column_or_1d

from sklearn_dl.domain_adaptation._distance import proxy_a_distance
from sklearn_dl.domain_adaptation._domains import check_domains, is_masked
from sklearn_dl.domain_adaptation._scorer_base import find_features, flatten_rows
from sklearn_dl.utils._sklearn import (
    Interval,
    StrOptions,
    check_matplotlib_support,
    num_samples,
    safe_indexing,
    validate_parameter_constraints,
)

__all__ = ["DomainDisplay"]

_CONSTRAINTS = {
    "method": [StrOptions({"pca", "tsne"})],
    "n_samples": [Interval(Integral, 4, None, closed="left"), None],
    "random_state": ["random_state"],
}
# The source is what is known: full points. The target stands out by its shape.
_MARKERS = {"source": "o", "target": "x"}
_NO_LABEL = "0.6"
# t-SNE is slow and noisy with more features.
_N_FEATURES_OF_TSNE = 50
# Classes that a qualitative colour map can tell apart.
_N_COLOURS = 10


class DomainDisplay:
    """Features as points in the plane, by domain and class.

    Use :meth:`from_estimator` or :meth:`from_features` to make one. Where an adaptation
    has worked, source and target are in the same place and classes are not.

    Parameters
    ----------
    before : ndarray of shape (n_samples, 2)
        Where the rows are, before the adaptation or without one.

    y : array-like of shape (n_samples,)
        Labels, or the targets of a regression. Rows without one (-1 among integers,
        NaN among floating numbers, None among objects) are grey.

    sample_domain : array-like of shape (n_samples,)
        Domains: 0 and above for sources, below 0 for targets.

    after : ndarray of shape (n_samples, 2), default=None
        Where the rows are after the adaptation.

    distances : list of float, default=None
        The proxy A-distances before and after, which stand in the titles.

    Attributes
    ----------
    axes_ : list of matplotlib.axes.Axes
        The axes: before and, if there is one, after.

    figure_ : matplotlib.figure.Figure
        The figure.

    points_ : list of dict of str to matplotlib.collections.PathCollection
        The points of "source" and "target", for each of the axes.

    See Also
    --------
    proxy_a_distance : The number in the titles.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn_dl.domain_adaptation import DomainDisplay
    >>> X, y = make_blobs(200, centers=2, random_state=0)
    >>> sample_domain = np.repeat([0, -1], 100)
    >>> shifted = X + 5 * (sample_domain < 0)[:, None]
    >>> display = DomainDisplay.from_features(shifted, y, sample_domain, after=X)
    >>> before, after = display.distances
    >>> before > after
    True
    >>> plt.show()
    """

    def __init__(self, before, y, sample_domain, *, after=None, distances=None):
        self.before = before
        self.y = y
        self.sample_domain = sample_domain
        self.after = after
        self.distances = distances

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        sample_domain,
        *,
        method="pca",
        n_samples=1000,
        random_state=0,
        ax=None,
        scatter_kw=None,
    ):
        """Draw rows before and after a fitted estimator has transformed them.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with `predict_features` or `transform`, or a fitted
            :class:`~sklearn.pipeline.Pipeline`, whose features are those of the last
            step that has `predict_features`, or what the last step makes or is given.

        X : {array-like, sparse matrix} of shape (n_samples, ...)
            Rows of both domains.

        y : array-like of shape (n_samples,)
            Labels; rows without one are grey.

        sample_domain : array-like of shape (n_samples,)
            Domains: 0 and above for sources, below 0 for targets.

        method : {"pca", "tsne"}, default="pca"
            The two directions in which the rows of both domains differ most; or t-SNE,
            in which neighbours stay neighbours, while distances mean nothing.

        n_samples : int or None, default=1000
            How many rows of each side, source and target, are drawn at most, chosen at
            random. None is all.

        random_state : int, RandomState instance or None, default=0
            Determines the rows, the picture of t-SNE and the halves of the proxy
            A-distance.

        ax : sequence of two matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        scatter_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : DomainDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has neither of the two methods.
        ValueError
            If lengths differ, if there are less than four rows of source or target, or
            if features are no finite numbers.
        """
        caller = f"{cls.__name__}.from_estimator"
        check_matplotlib_support(caller)
        makes_features = any(
            hasattr(estimator, name) for name in ("predict_features", "transform")
        )
        if not makes_features and not isinstance(estimator, Pipeline):
            raise TypeError(
                f"The 'estimator' parameter of {caller} must have predict_features or "
                f"transform, or be a pipeline, got {type(estimator).__name__}."
            )
        # The estimator need not see more rows than are drawn.
        rows, random_state = _choose_rows(
            caller, X, y, sample_domain, method, n_samples, random_state
        )
        X, domains = safe_indexing(X, rows), np.asarray(sample_domain)[rows]
        return cls.from_features(
            X,
            column_or_1d(y)[rows],
            domains,
            after=find_features(estimator, X, domains, transforms=True),
            method=method,
            n_samples=None,
            random_state=random_state,
            ax=ax,
            scatter_kw=scatter_kw,
        )

    @classmethod
    def from_features(
        cls,
        before,
        y,
        sample_domain,
        *,
        after=None,
        method="pca",
        n_samples=1000,
        random_state=0,
        ax=None,
        scatter_kw=None,
    ):
        """Draw features, one picture or two.

        Parameters
        ----------
        before : {array-like, sparse matrix} of shape (n_samples, ...)
            Features of both domains; arrays of more than two dimensions are flattened.

        y : array-like of shape (n_samples,)
            Labels; rows without one are grey.

        sample_domain : array-like of shape (n_samples,)
            Domains: 0 and above for sources, below 0 for targets.

        after : {array-like, sparse matrix} of shape (n_samples, ...), default=None
            Features of the same rows after an adaptation.

        method : {"pca", "tsne"}, default="pca"
            The two directions in which the rows of both domains differ most; or t-SNE,
            in which neighbours stay neighbours, while distances mean nothing.

        n_samples : int or None, default=1000
            How many rows of each side, source and target, are drawn at most, chosen at
            random. None is all.

        random_state : int, RandomState instance or None, default=0
            Determines the rows, the picture of t-SNE and the halves of the proxy
            A-distance.

        ax : matplotlib.axes.Axes or sequence of two, default=None
            Where to draw; None makes a new figure.

        scatter_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : DomainDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If lengths differ, if there are less than four rows of source or target, or
            if features are no finite numbers.
        """
        caller = f"{cls.__name__}.from_features"
        check_matplotlib_support(caller)
        rows, random_state = _choose_rows(
            caller, before, y, sample_domain, method, n_samples, random_state
        )
        domains = np.asarray(sample_domain)[rows]
        seed = random_state.randint(np.iinfo(np.int32).max)
        points, distances = [], []
        for parameter, features in (("before", before), ("after", after)):
            if features is None:
                continue
            if num_samples(features) != num_samples(before):
                raise ValueError(
                    f"The 'after' parameter of {caller} must have the "
                    f"{num_samples(before)} rows of 'before', got "
                    f"{num_samples(features)}."
                )
            chosen = safe_indexing(flatten_rows(features), rows)
            chosen = _as_numbers(caller, parameter, chosen)
            points.append(_project(chosen, method, seed))
            distances.append(_measure(chosen, domains >= 0, seed))
        display = cls(
            points[0],
            column_or_1d(y)[rows],
            domains,
            after=points[1] if after is not None else None,
            distances=distances,
        )
        return display.plot(ax=ax, scatter_kw=scatter_kw)

    def plot(self, ax=None, *, scatter_kw=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of these, default=None
            Where to draw: as many axes as pictures. None makes a new figure.

        scatter_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : DomainDisplay
            The display itself.

        Raises
        ------
        ValueError
            If shapes do not fit, or if there are not as many axes as pictures.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        pictures = self._check_pictures()
        self.axes_ = self._make_axes(ax, len(pictures))
        self.figure_ = self.axes_[0].figure
        is_source = np.asarray(self.sample_domain) >= 0
        colours, style, classes = _colour_rows(column_or_1d(self.y))
        style = {"s": 18, "linewidths": 1, "alpha": 0.7, **style, **(scatter_kw or {})}
        self.points_ = []
        for k, (axes, points) in enumerate(zip(self.axes_, pictures, strict=True)):
            drawn = {}
            for side, chosen in (("source", is_source), ("target", ~is_source)):
                drawn[side] = axes.scatter(
                    *points[chosen].T,
                    c=colours[chosen],
                    marker=_MARKERS[side],
                    **style,
                )
            self.points_.append(drawn)
            axes.set(xticks=[], yticks=[], title=self._title(k, len(pictures)))
        self._add_legend(classes, "norm" in style)
        return self

    def _check_pictures(self):
        """Return the points of each picture, checked."""
        name, n_rows = type(self).__name__, len(self.before)
        check_domains(name, self.sample_domain, n_rows)
        pictures = {"before": self.before, "after": self.after}
        checked = []
        for parameter, points in pictures.items():
            if points is None:
                continue
            points = np.asarray(points, dtype=float)
            if points.shape != (n_rows, 2):
                raise ValueError(
                    f"The '{parameter}' parameter of {name} must have the shape "
                    f"({n_rows}, 2), got {points.shape}."
                )
            checked.append(points)
        if len(self.y) != n_rows:
            raise ValueError(
                f"The 'y' parameter of {name} must have a label for each of the "
                f"{n_rows} rows, got {len(self.y)}."
            )
        return checked

    def _make_axes(self, ax, n_pictures):
        import matplotlib.pyplot as plt

        if ax is None:
            # Room for the legend.
            size = (1.3 + 4.2 * n_pictures, 4.2)
            _, axes = plt.subplots(
                1, n_pictures, figsize=size, layout="constrained", squeeze=False
            )
            return list(axes[0])
        axes = list(np.ravel(ax))
        if len(axes) != n_pictures:
            raise ValueError(
                f"The 'ax' parameter of {type(self).__name__} must be "
                f"{n_pictures} axes, one for each picture, got {len(axes)}."
            )
        return axes

    def _title(self, k, n_pictures):
        name = ("Before", "After")[k] if n_pictures > 1 else "Features"
        if self.distances is None:
            return name
        return f"{name} (proxy A-distance {self.distances[k]:.2f})"

    def _add_legend(self, classes, is_continuous):
        """Explain shapes and colours beside the last picture."""
        from matplotlib.lines import Line2D

        style = {"linestyle": "", "markersize": 5}
        handles = [
            Line2D([], [], color="0.3", marker=marker, label=side, **style)
            for side, marker in _MARKERS.items()
        ]
        handles += [
            Line2D([], [], color=colour, marker="s", label=str(label), **style)
            for label, colour in classes
        ]
        self.axes_[-1].legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0
        )
        if is_continuous:
            self.figure_.colorbar(self.points_[-1]["source"], ax=self.axes_, label="y")


def _choose_rows(caller, X, y, sample_domain, method, n_samples, random_state):
    """Check what was passed; return the rows to draw and the random numbers."""
    validate_parameter_constraints(
        _CONSTRAINTS,
        {"method": method, "n_samples": n_samples, "random_state": random_state},
        caller_name=caller,
    )
    n_rows = num_samples(X)
    ids = check_domains(caller, sample_domain, n_rows)
    if len(column_or_1d(y)) != n_rows:
        raise ValueError(
            f"{caller} expects a label for each of the {n_rows} rows, got {len(y)}."
        )
    random_state = check_random_state(random_state)
    chosen = []
    for side, rows in (
        ("source", np.flatnonzero(ids >= 0)),
        ("target", np.flatnonzero(ids < 0)),
    ):
        if len(rows) < 4:
            raise ValueError(
                f"{caller} expects at least four rows of the {side}, got {len(rows)}."
            )
        if n_samples is not None and len(rows) > n_samples:
            rows = random_state.choice(rows, n_samples, replace=False)
        chosen.append(rows)
    return np.sort(np.concatenate(chosen)), random_state


def _as_numbers(caller, parameter, features):
    try:
        return check_array(
            features,
            accept_sparse=["csr", "csc"],
            dtype=np.float64,
            input_name=parameter,
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{caller} draws arrays of finite numbers, which '{parameter}' is not "
            f"({type(features).__name__}). Pass features of such rows, like those of "
            f"`predict_features` or of a transformer, to DomainDisplay.from_features."
        ) from error


def _project(features, method, seed):
    """Return features of both domains together as points in the plane."""
    if method == "pca":
        return _reduce(features, 2, seed)
    if features.shape[1] > _N_FEATURES_OF_TSNE:
        features = _reduce(features, _N_FEATURES_OF_TSNE, seed)
    elif sparse.issparse(features):
        features = features.toarray()
    return TSNE(
        # It has to be less than the number of rows.
        perplexity=min(30, (len(features) - 1) / 3),
        init="pca" if features.shape[1] > 1 else "random",
        random_state=seed,
    ).fit_transform(features)


def _reduce(features, n_components, seed):
    """Return the first principal components, zeros where there are no more."""
    n_known = min(n_components, *features.shape)
    if sparse.issparse(features) and n_known == min(features.shape):
        # All components of a sparse matrix are too many for PCA, but this one is small.
        features = features.toarray()
    # Rows that are all alike have no shares of a variance.
    with np.errstate(invalid="ignore"):
        points = PCA(n_known, random_state=seed).fit_transform(features)
    return np.pad(points, [(0, 0), (0, n_components - n_known)])


def _measure(features, is_source, seed):
    source, target = np.flatnonzero(is_source), np.flatnonzero(~is_source)
    return proxy_a_distance(
        safe_indexing(features, source),
        safe_indexing(features, target),
        random_state=seed,
    )


def _colour_rows(y):
    """Return colours of rows, keywords for scatter, and the classes with colours."""
    import matplotlib as mpl

    masked = is_masked(y)
    no_label = [("no label", _NO_LABEL)] if masked.any() else []
    if y.dtype.kind == "f" and not np.array_equal(y[~masked], np.round(y[~masked])):
        norm = mpl.colors.Normalize(np.nanmin(y), np.nanmax(y))
        colour_map = mpl.colormaps["viridis"].with_extremes(bad=_NO_LABEL)
        style = {"norm": norm, "cmap": colour_map, "plotnonfinite": True}
        return y, style, no_label
    labels, codes = np.unique(y[~masked].tolist(), return_inverse=True)
    if len(labels) > _N_COLOURS:
        palette = mpl.colormaps["turbo"](np.linspace(0.05, 0.95, len(labels)))
    else:
        palette = mpl.colormaps["tab10"](np.arange(len(labels)))
    colours = np.tile(mpl.colors.to_rgba(_NO_LABEL), (len(y), 1))
    colours[~masked] = palette[codes]
    return colours, {}, [*zip(labels, palette, strict=True), *no_label]
