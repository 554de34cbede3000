"""Pictures of words."""

from numbers import Integral

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from sklearn_dl.embedding._queries import (
    find_embedding,
    find_rows,
    normalize,
    sorted_words,
)
from sklearn_dl.utils._sklearn import (
    Interval,
    StrOptions,
    check_matplotlib_support,
    validate_parameter_constraints,
)

_CONSTRAINTS = {
    "method": [StrOptions({"pca", "tsne"})],
    "n_words": [Interval(Integral, 2, None, closed="left")],
    "random_state": ["random_state"],
}
# Places of a label around its point, the better ones first.
_PLACES = np.array(
    [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
)
# Points (1/72 inch) between a point and its label.
_GAP = 4
# How often each label is put where it covers least.
_N_ROUNDS = 3


class EmbeddingDisplay:
    """Words as points in the plane, with their names.

    Use :meth:`from_estimator` to make one. A label stands on that side of its point
    where it covers least of the others.

    Parameters
    ----------
    points : ndarray of shape (n_words, 2)
        Where the words are.

    words : list of str
        The words, each once.

    arrows : list of (str, str), default=None
        Pairs of the words; an arrow goes from the first to the second.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.

    figure_ : matplotlib.figure.Figure
        The figure.

    points_ : matplotlib.collections.PathCollection
        The points.

    text_ : list of matplotlib.text.Annotation
        The labels, in the order of `words`.

    arrows_ : list of matplotlib.text.Annotation
        The arrows, in the order of `arrows`.

    See Also
    --------
    sklearn.manifold.TSNE : Neighbours stay neighbours in the plane.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sklearn_dl.embedding import EmbeddingDisplay
    >>> points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> display = EmbeddingDisplay(
    ...     points,
    ...     ["France", "Paris", "Italy", "Rome"],
    ...     arrows=[("France", "Paris"), ("Italy", "Rome")],
    ... ).plot()
    >>> [label.get_text() for label in display.text_]
    ['France', 'Paris', 'Italy', 'Rome']
    >>> plt.show()
    """

    def __init__(self, points, words, *, arrows=None):
        self.points = points
        self.words = words
        self.arrows = arrows

    @classmethod
    def from_estimator(
        cls,
        estimator,
        words=None,
        *,
        method="pca",
        n_words=100,
        arrows=None,
        ax=None,
        random_state=None,
        text_kw=None,
        scatter_kw=None,
    ):
        """Draw words of a fitted embedding.

        Vectors are brought to length 1, so that near points are similar words.

        Parameters
        ----------
        estimator : estimator
            A fitted embedding, with `vectors_` and a `vocabulary_`; or a fitted
            :class:`~sklearn.pipeline.Pipeline` or search with one at its end.

        words : list of str, default=None
            What to draw. None is the words of `arrows` or, without these, the
            `n_words` most frequent words.

        method : {"pca", "tsne"}, default="pca"
            The two directions in which these words differ most, in which arrows for
            the same relation are parallel; or t-SNE, in which neighbours stay
            neighbours, while distances and directions mean nothing.

        n_words : int, default=100
            The number of words if `words` and `arrows` are None.

        arrows : list of (str, str), default=None
            Pairs of words, such as a country and its capital, that are joined by
            arrows. They are added to `words`.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        random_state : int, RandomState instance, default=None
            Determines the picture of t-SNE.

        text_kw : dict, default=None
            Keyword arguments of :class:`matplotlib.text.Text` for all labels.

        scatter_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If `estimator` is not fitted.
        TypeError
            If there are no word vectors in `estimator`.
        KeyError
            If a word is not known.
        ValueError
            If there are less than two words.
        """
        caller = f"{cls.__name__}.from_estimator"
        check_matplotlib_support(caller)
        parameters = {
            "method": method,
            "n_words": n_words,
            "random_state": random_state,
        }
        validate_parameter_constraints(_CONSTRAINTS, parameters, caller_name=caller)
        embedding = find_embedding(estimator, caller)
        words = _choose_words(embedding, words, arrows, n_words, caller)
        vectors = normalize(embedding.vectors_[find_rows(embedding, words, "words")])
        points = _project(vectors, method, random_state)
        display = cls(points, words, arrows=arrows)
        return display.plot(ax=ax, text_kw=text_kw, scatter_kw=scatter_kw)

    def plot(self, ax=None, *, text_kw=None, scatter_kw=None):
        """Draw the words.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        text_kw : dict, default=None
            Keyword arguments of :class:`matplotlib.text.Text` for all labels.

        scatter_kw : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : EmbeddingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are not as many points as words, or an arrow joins other words.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        points, arrows = self._check_points()
        if ax is None:
            # More room than usual: there are many labels.
            _, ax = plt.subplots(figsize=(10, 8), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.points_ = ax.scatter(*points.T, **{"s": 12, **(scatter_kw or {})})
        self.arrows_ = self._draw_arrows(points, arrows)
        self.text_ = self._draw_labels(points, text_kw)
        ax.set(xticks=[], yticks=[])
        ax.margins(0.08)
        _spread_labels(ax, points, self.text_, self._sample_arrows(points, arrows))
        return self

    def _check_points(self):
        """Return the points and the arrows, checked."""
        points, name = np.asarray(self.points, dtype=float), type(self).__name__
        if points.shape != (len(self.words), 2):
            raise ValueError(
                f"The 'points' parameter of {name} must have the shape "
                f"({len(self.words)}, 2), a row for each word, got {points.shape}."
            )
        arrows = _check_arrows(self.arrows, name)
        for pair in arrows:
            for word in pair:
                if word not in self.words:
                    raise ValueError(
                        f"The 'arrows' parameter of {name} must join words of its "
                        f"'words', got {word!r}."
                    )
        return points, arrows

    def _draw_arrows(self, points, arrows):
        place = dict(zip(self.words, points, strict=True))
        style = {"arrowstyle": "->", "color": "0.6", "shrinkA": 3, "shrinkB": 3}
        return [
            self.ax_.annotate("", place[end], place[start], arrowprops=style)
            for start, end in arrows
        ]

    def _sample_arrows(self, points, arrows):
        """Return points on the arrows, which labels shall not cover either."""
        place = dict(zip(self.words, points, strict=True))
        shafts = [np.linspace(place[start], place[end], 50) for start, end in arrows]
        return np.array(shafts).reshape(-1, 2)

    def _draw_labels(self, points, text_kw):
        from matplotlib import cbook
        from matplotlib.text import Text

        # Words with dollar signs are no formulas.
        # Labels are fitted into the picture, not the picture to its labels.
        style = {"fontsize": 9, "parse_math": False, "in_layout": False}
        style |= cbook.normalize_kwargs(text_kw, Text)
        return [
            self.ax_.annotate(word, point, (0, 0), textcoords="offset points", **style)
            for word, point in zip(self.words, points, strict=True)
        ]


def _check_arrows(arrows, name):
    """Return the arrows as a list of pairs."""
    pairs = [] if arrows is None else list(arrows)
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2:
            raise ValueError(
                f"The 'arrows' parameter of {name} must be a list of pairs of words, "
                f"got {pair!r} in it."
            )
    return pairs


def _choose_words(embedding, words, arrows, n_words, caller):
    """Return the words to be drawn, each once."""
    joined = [word for pair in _check_arrows(arrows, caller) for word in pair]
    if words is None and not joined:
        words = sorted_words(embedding.vocabulary_)[:n_words]
    elif isinstance(words, str):
        raise TypeError(
            f"The 'words' parameter of {caller} must be a list of words, got {words!r}."
        )
    chosen = list(dict.fromkeys([*(() if words is None else words), *joined]))
    if len(chosen) < 2:
        raise ValueError(
            f"The 'words' parameter of {caller} must hold two words at least, got "
            f"{chosen}."
        )
    return chosen


def _project(vectors, method, random_state):
    """Return vectors as points in the plane."""
    vectors = vectors.astype(float)
    if method == "tsne":
        return TSNE(
            # It has to be less than the number of words.
            perplexity=min(30, max(1, (len(vectors) - 1) / 3)),
            init="pca" if vectors.shape[1] > 1 else "random",
            random_state=random_state,
        ).fit_transform(vectors)
    pca = PCA(min(2, vectors.shape[1]), svd_solver="full")
    # Words that are all alike have no shares of a variance.
    with np.errstate(invalid="ignore"):
        points = pca.fit_transform(vectors)
    # Vectors of a single number are on a line.
    return np.pad(points, [(0, 0), (0, 2 - points.shape[1])])


def _spread_labels(ax, points, labels, obstacles):
    """Put labels beside their points, where they cover least of what is there."""
    ax.figure.draw_without_rendering()
    gap = _GAP * ax.figure.dpi / 72
    pixels = ax.transData.transform(points)
    dots = ax.transData.transform(np.vstack([points, obstacles]))
    dots = np.hstack([dots - gap / 2, dots + gap / 2])
    window = ax.get_window_extent().extents[None]
    extents = [label.get_window_extent() for label in labels]
    # Left and lower edges: behind the gap, or centred on the point.
    sizes = np.array([(extent.width, extent.height) for extent in extents])[:, None]
    low = pixels[:, None] + gap * _PLACES + sizes * (_PLACES - 1) / 2
    boxes = np.concatenate([low - gap / 4, low + sizes + gap / 4], axis=2)
    taken = np.zeros((len(labels), 4))
    chosen = np.zeros(len(labels), dtype=int)
    # The later rounds know where all the others are.
    for k in [*range(len(labels))] * _N_ROUNDS:
        taken[k] = 0
        cost = _overlap(boxes[k], np.vstack([taken, dots])).sum(axis=1)
        # What is outside of the picture is lost.
        cost -= _overlap(boxes[k], window)[:, 0]
        chosen[k] = np.argmin(np.round(cost, 6))
        taken[k] = boxes[k, chosen[k]]
    for label, (side, height) in zip(labels, _PLACES[chosen], strict=True):
        label.set_position((_GAP * side, _GAP * height))
        label.set(
            horizontalalignment=("right", "center", "left")[side + 1],
            verticalalignment=("top", "center", "bottom")[height + 1],
        )


def _overlap(boxes, others):
    """Return the areas that boxes (left, bottom, right, top) share, pair by pair."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2)
