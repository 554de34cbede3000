"""Points by domain and class, with the distance of the domains in the title."""

import matplotlib as mpl
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.domain_adaptation import DomainDisplay, proxy_a_distance
from sklearn_dl.domain_adaptation._domains import DomainAwareMixin

plt = pytest.importorskip("matplotlib.pyplot")

X, Y = make_blobs(80, centers=2, n_features=4, random_state=0)
DOMAINS = np.repeat([0, -1], [50, 30])
MOVED = X + 6 * (DOMAINS < 0)[:, None]


class MoveBack(DomainAwareMixin, TransformerMixin, BaseEstimator):
    def fit(self, X, y=None, sample_domain=None):
        self.fitted_ = True
        return self

    def transform(self, X, sample_domain=None):
        is_target = np.ones(len(X), bool)
        if sample_domain is not None:
            is_target = np.asarray(sample_domain) < 0
        return X - 6 * is_target[:, None]


def legend_texts(display):
    return [text.get_text() for text in display.axes_[-1].get_legend().get_texts()]


def test_shapes_are_domains_colours_are_classes_and_titles_have_distances():
    display = DomainDisplay.from_features(MOVED, Y, DOMAINS, after=X)
    assert len(display.axes_) == len(display.points_) == 2
    assert display.axes_[0].figure is display.figure_
    for drawn, features in zip(display.points_, (MOVED, X), strict=True):
        expected = np.abs(PCA(2).fit_transform(features))
        for side, rows in (("source", DOMAINS >= 0), ("target", DOMAINS < 0)):
            found = np.abs(drawn[side].get_offsets())
            np.testing.assert_allclose(found, expected[rows])
            codes = [mpl.colormaps["tab10"](label)[:3] for label in Y[rows]]
            np.testing.assert_allclose(drawn[side].get_facecolors()[:, :3], codes)
        source, target = (drawn[side].get_paths()[0] for side in ("source", "target"))
        assert len(source.vertices) != len(target.vertices)
    assert legend_texts(display) == ["source", "target", "0", "1"]
    before, after = display.distances
    assert before == 2
    assert after < 1
    assert [axes.get_title() for axes in display.axes_] == [
        "Before (proxy A-distance 2.00)",
        f"After (proxy A-distance {after:.2f})",
    ]


def test_one_picture_without_an_after():
    display = DomainDisplay.from_features(X, Y, DOMAINS)
    assert [axes.get_title() for axes in display.axes_] == [
        f"Features (proxy A-distance {display.distances[0]:.2f})"
    ]
    assert display.after is None


@pytest.mark.parametrize(
    ("labels", "mask"), [(["a", "b"], None), ([0.0, 1.0], np.nan), ([0, 1], -1)]
)
def test_rows_without_a_label_are_grey(labels, mask):
    y = np.array(labels, dtype=object if mask is None else None)[Y]
    y[DOMAINS < 0] = mask
    display = DomainDisplay.from_features(X, y, DOMAINS)
    assert legend_texts(display) == [
        "source",
        "target",
        *map(str, labels),
        "no label",
    ]
    colours = display.points_[0]["target"].get_facecolors()[:, :3]
    np.testing.assert_allclose(colours, 0.6)


def test_numbers_to_be_predicted_have_a_colour_bar():
    y = X[:, 0].copy()
    y[DOMAINS < 0] = np.nan
    display = DomainDisplay.from_features(X, y, DOMAINS)
    assert display.figure_.axes[-1].get_ylabel() == "y"
    assert legend_texts(display) == ["source", "target", "no label"]
    display.figure_.draw_without_rendering()
    colours = display.points_[0]["target"].get_facecolors()[:, :3]
    np.testing.assert_allclose(colours, 0.6)


@pytest.mark.parametrize("estimator", [MoveBack(), "pipeline", "before a classifier"])
def test_an_estimator_maps_each_row_as_of_its_domain(estimator):
    plain = StandardScaler(with_mean=False, with_std=False)
    if estimator == "pipeline":
        estimator = make_pipeline(plain, MoveBack())
    elif estimator == "before a classifier":
        estimator = make_pipeline(plain, MoveBack(), LogisticRegression())
    estimator.fit(MOVED, Y)
    display = DomainDisplay.from_estimator(estimator, MOVED, Y, DOMAINS)
    expected = DomainDisplay.from_features(MOVED, Y, DOMAINS, after=X, n_samples=None)
    np.testing.assert_allclose(display.before, expected.before)
    np.testing.assert_allclose(display.after, expected.after, atol=1e-10)
    assert display.distances[0] == 2
    assert display.distances[1] < 1


def test_features_of_a_network_are_preferred_to_what_it_transforms():
    class Network(MoveBack):
        def predict_features(self, X, sample_domain=None):
            return np.zeros((len(X), 3))

    display = DomainDisplay.from_estimator(Network().fit(X), X, Y, DOMAINS)
    assert np.array_equal(display.after, np.zeros((80, 2)))


@pytest.mark.parametrize("n_features", [1, 4, 60])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_features_of_any_number_come_to_the_plane(n_features, make, method):
    rng = np.random.default_rng(0)
    features = make(rng.normal(size=(40, n_features)))
    display = DomainDisplay.from_features(
        features, Y[:40], np.repeat([0, -1], 20), method=method
    )
    assert np.isfinite(display.before).all()
    assert display.before.shape == (40, 2)
    again = DomainDisplay.from_features(
        features, Y[:40], np.repeat([0, -1], 20), method=method
    )
    np.testing.assert_array_equal(display.before, again.before)


def test_images_are_flattened_and_many_rows_are_drawn_in_part():
    images = X.reshape(80, 2, 2)
    display = DomainDisplay.from_features(images, Y, DOMAINS, n_samples=20)
    assert (display.sample_domain >= 0).sum() == 20
    assert (display.sample_domain < 0).sum() == 20
    assert len(display.before) == len(display.y) == 40
    whole = DomainDisplay.from_features(images, Y, DOMAINS)
    flat = DomainDisplay.from_features(X, Y, DOMAINS)
    np.testing.assert_array_equal(whole.before, flat.before)


def test_distances_are_those_of_the_features_not_of_the_picture():
    # The domains differ where the variance is least.
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 3)) * [9, 9, 0.1]
    features[DOMAINS < 0, 2] += 2
    display = DomainDisplay.from_features(features, Y, DOMAINS)
    assert display.distances == [2.0]
    points = display.before
    assert proxy_a_distance(points[:50], points[50:], random_state=0) < 1


def test_many_classes_each_have_a_colour():
    y = np.arange(80) % 16
    display = DomainDisplay.from_features(X, y, DOMAINS)
    colours = display.points_[0]["source"].get_facecolors()
    assert len(np.unique(colours, axis=0)) == 16


def test_axes_of_the_user_are_drawn_on():
    figure, axes = plt.subplots(1, 2)
    display = DomainDisplay.from_features(MOVED, Y, DOMAINS, after=X, ax=axes)
    assert display.figure_ is figure
    assert display.axes_ == list(axes)
    one = DomainDisplay(X[:, :2], Y, DOMAINS).plot(axes[0], scatter_kw={"s": 3})
    assert one.axes_ == [axes[0]]
    assert axes[0].get_title() == "Features"
    assert one.points_[0]["source"].get_sizes().tolist() == [3]
    with pytest.raises(ValueError, match=r"'ax' parameter .* must be 2 axes.* got 1"):
        display.plot(axes[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "umap"}, "'method' parameter of DomainDisplay.from_features"),
        ({"n_samples": 3}, "'n_samples' parameter"),
        ({"after": X[:9]}, "'after' parameter .* 80 rows of 'before', got 9"),
        ({"y": Y[:9]}, "label for each of the 80 rows, got 9"),
        ({"sample_domain": DOMAINS[:9]}, "one number for each of the 80 rows"),
        ({"sample_domain": np.zeros(80, int)}, "four rows of the target, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, message):
    arguments = {"before": X, "y": Y, "sample_domain": DOMAINS, **changes}
    with pytest.raises(ValueError, match=message):
        DomainDisplay.from_features(**arguments)


def test_rows_that_are_no_array_are_refused_with_the_way_out():
    ragged = [[1.0] * (1 + k % 3) for k in range(80)]
    texts = [["text"]] * 80
    for rows in (ragged, texts, X * np.nan):
        message = "'before' is not .*Pass features of such rows"
        with pytest.raises(ValueError, match=message):
            DomainDisplay.from_features(rows, Y, DOMAINS)
        with pytest.raises(ValueError, match=r"'after' is not .*Pass features"):
            DomainDisplay.from_features(X, Y, DOMAINS, after=rows)


def test_shapes_that_do_not_fit_and_estimators_without_features_are_refused():
    with pytest.raises(ValueError, match=r"'before' parameter .* \(80, 2\), got"):
        DomainDisplay(X, Y, DOMAINS).plot()
    with pytest.raises(ValueError, match=r"'y' parameter .* got 9"):
        DomainDisplay(X[:, :2], Y[:9], DOMAINS).plot()
    with pytest.raises(TypeError, match="predict_features or transform"):
        DomainDisplay.from_estimator(LogisticRegression().fit(X, Y), X, Y, DOMAINS)
