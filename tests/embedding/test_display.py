"""The picture shows the words where they are, and their names legibly."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_dl.embedding import EmbeddingDisplay

plt = pytest.importorskip("matplotlib.pyplot")

CAPITALS = [("france", "paris"), ("italy", "rome"), ("peru", "lima")]


class Table(TransformerMixin, BaseEstimator):
    """The least that is an embedding."""

    def fit(self, X, y=None):
        """Take the rows of X as the vectors of words."""
        self.vectors_ = np.array(X, dtype=np.float32)
        names = [word for pair in CAPITALS for word in pair]
        names += [f"w{row}" for row in range(6, len(X))]
        self.vocabulary_ = {word: row for row, word in enumerate(names)}
        return self

    def transform(self, X):
        """Return what came."""
        return X

    def score(self, X, y=None):
        """Return nothing worth knowing."""
        return 0.0


X = np.random.default_rng(0).normal(size=(150, 10))


@pytest.fixture(scope="module")
def table():
    return Table().fit(X)


def texts(display):
    return [label.get_text() for label in display.text_]


def boxes(display):
    display.figure_.draw_without_rendering()
    return [label.get_window_extent() for label in display.text_]


# -- which words -----------------------------------------------------------------------


def test_the_most_frequent_words_are_drawn(table):
    words = list(table.vocabulary_)
    assert texts(EmbeddingDisplay.from_estimator(table)) == words[:100]
    assert texts(EmbeddingDisplay.from_estimator(table, n_words=7)) == words[:7]
    assert texts(EmbeddingDisplay.from_estimator(table, n_words=999)) == words


def test_words_are_chosen_each_once(table):
    display = EmbeddingDisplay.from_estimator(table, ["w9", "rome", "w9", "lima"])
    assert texts(display) == display.words == ["w9", "rome", "lima"]
    assert display.arrows_ == []


def test_the_words_of_arrows_are_drawn(table):
    display = EmbeddingDisplay.from_estimator(table, arrows=CAPITALS[:2])
    assert texts(display) == ["france", "paris", "italy", "rome"]
    display = EmbeddingDisplay.from_estimator(
        table, ["w9", "rome"], arrows=CAPITALS[:2]
    )
    assert texts(display) == ["w9", "rome", "france", "paris", "italy"]


# -- where they are --------------------------------------------------------------------


def test_points_are_the_principal_components_of_unit_vectors(table):
    words = [f"w{row}" for row in range(10, 60)]
    display = EmbeddingDisplay.from_estimator(table, words)
    units = X[10:60] / np.linalg.norm(X[10:60], axis=1, keepdims=True)
    left, sizes, _ = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    np.testing.assert_allclose(np.abs(display.points), np.abs(expected), atol=1e-6)
    np.testing.assert_array_equal(display.points_.get_offsets(), display.points)
    np.testing.assert_array_equal([label.xy for label in display.text_], display.points)


def test_arrows_go_from_the_first_to_the_second_word(table):
    display = EmbeddingDisplay.from_estimator(table, arrows=CAPITALS)
    place = dict(zip(display.words, display.points, strict=True))
    for arrow, (start, end) in zip(display.arrows_, CAPITALS, strict=True):
        np.testing.assert_array_equal(arrow.xyann, place[start])
        np.testing.assert_array_equal(arrow.xy, place[end])
        assert arrow.arrow_patch is not None


def test_neighbours_are_neighbours_in_t_sne():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 20))
    group = np.arange(100) % 5
    table = Table().fit(centres[group] + 0.1 * rng.normal(size=(100, 20)))
    options = {"method": "tsne", "random_state": 0}
    display = EmbeddingDisplay.from_estimator(table, **options)
    distances = np.linalg.norm(display.points[:, None] - display.points, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (group[distances.argmin(axis=1)] == group).all()
    again = EmbeddingDisplay.from_estimator(table, **options)
    np.testing.assert_array_equal(again.points, display.points)


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize(("n_words", "width"), [(2, 5), (3, 2), (8, 1)])
def test_few_words_and_narrow_vectors(method, n_words, width):
    table = Table().fit(X[:8, :width])
    display = EmbeddingDisplay.from_estimator(
        table, method=method, n_words=n_words, random_state=0
    )
    assert display.points.shape == (n_words, 2)
    assert np.isfinite(display.points).all()


def test_words_that_are_all_alike_are_one_point():
    display = EmbeddingDisplay.from_estimator(Table().fit(np.zeros((6, 3))))
    assert not display.points.any()


# -- names -----------------------------------------------------------------------------


def test_labels_do_not_cover_one_another_nor_points(table):
    display = EmbeddingDisplay.from_estimator(table, n_words=120)
    places = boxes(display)
    dots = display.ax_.transData.transform(display.points)
    for k, box in enumerate(places):
        assert not any(box.overlaps(other) for other in places[:k])
        assert not any(box.contains(*dot) for dot in dots)


def test_labels_stay_inside_and_beside_their_points():
    points = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    words = ["a very long name of a word " * 2] * 4
    words = [f"{word}{k}" for k, word in enumerate(words)]
    display = EmbeddingDisplay(points, words).plot()
    frame = display.ax_.get_window_extent()
    dots = display.ax_.transData.transform(points)
    for box, dot in zip(boxes(display), dots, strict=True):
        assert frame.x0 < box.x0 < box.x1 < frame.x1
        nearest = np.clip(dot, [box.x0, box.y0], [box.x1, box.y1])
        assert np.linalg.norm(nearest - dot) < 15


def test_labels_do_not_cover_arrows():
    display = EmbeddingDisplay(
        [[0, 0], [1, 0]], ["left", "right"], arrows=[("left", "right")]
    ).plot()
    left, right = boxes(display)
    start, end = display.ax_.transData.transform([[0, 0], [1, 0]])
    assert left.x1 < start[0]
    assert right.x0 > end[0]


def test_dollars_are_no_formulas():
    display = EmbeddingDisplay([[0, 0], [1, 1]], ["$x$", "a_$"]).plot()
    assert not any(label.get_parse_math() for label in display.text_)
    display.figure_.canvas.draw()


# -- drawing ---------------------------------------------------------------------------


def test_axes_and_style_are_taken(table):
    _, ax = plt.subplots()
    display = EmbeddingDisplay.from_estimator(
        table, ax=ax, n_words=5, text_kw={"size": 17}, scatter_kw={"s": 99}
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert {label.get_fontsize() for label in display.text_} == {17}
    assert display.points_.get_sizes() == [99]
    again = display.plot()
    assert again is display
    assert again.ax_ is not ax
    assert {label.get_fontsize() for label in display.text_} == {9}


@pytest.mark.parametrize(
    "model",
    [
        FrozenEstimator(Table().fit(X)),
        make_pipeline(FunctionTransformer(), Table()),
        GridSearchCV(make_pipeline(Table()), {}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_embedding_is_found_inside(model, table):
    if not isinstance(model, FrozenEstimator):
        with pytest.raises(NotFittedError):
            EmbeddingDisplay.from_estimator(model)
    display = EmbeddingDisplay.from_estimator(model.fit(X, None))
    expected = EmbeddingDisplay.from_estimator(table)
    assert texts(display) == texts(expected)
    np.testing.assert_array_equal(display.points, expected.points)


# -- what cannot be drawn --------------------------------------------------------------


def test_what_has_no_word_vectors():
    with pytest.raises(NotFittedError):
        EmbeddingDisplay.from_estimator(Table())
    model = make_pipeline(StandardScaler()).fit(X)
    with pytest.raises(TypeError, match="Pipeline leads to StandardScaler"):
        EmbeddingDisplay.from_estimator(model)


def test_wrong_arguments(table):
    draw = EmbeddingDisplay.from_estimator
    with pytest.raises(KeyError, match="'nothing' is not in the vocabulary of Table"):
        draw(table, ["rome", "nothing"])
    with pytest.raises(TypeError, match=r"'words'.*list of words, got 'rome'"):
        draw(table, "rome")
    with pytest.raises(
        ValueError, match=r"'words'.*two words at least, got \['rome'\]"
    ):
        draw(table, ["rome", "rome"])
    with pytest.raises(ValueError, match=r"'arrows'.*pairs of words, got 'rome' in it"):
        draw(table, arrows=["rome"])
    with pytest.raises(ValueError, match=r"'method'.*from_estimator.*Got 'umap'"):
        draw(table, method="umap")
    with pytest.raises(ValueError, match=r"'n_words'.*Got 1"):
        draw(table, n_words=1)
    with pytest.raises(ValueError, match=r"'points'.*\(2, 2\).*got \(3, 2\)"):
        EmbeddingDisplay(np.zeros((3, 2)), ["a", "b"]).plot()
    with pytest.raises(ValueError, match=r"'arrows'.*its 'words', got 'c'"):
        EmbeddingDisplay(np.eye(2), ["a", "b"], arrows=[("a", "c")]).plot()
