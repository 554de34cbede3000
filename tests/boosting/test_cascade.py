"""The cascade: its stages by other means, its goals, detection, bad input."""

import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sklearn_dl._numba import _haar
from sklearn_dl.boosting import CascadeClassifier, HaarFeatures
from sklearn_dl.boosting._cascade_scan import Background, Cascade, merge_boxes
from sklearn_dl.boosting._cascade_stage import Sample, train_stage
from sklearn_dl.boosting._haar_shapes import KINDS, corners_of, count_features

SIZE = 12


def paint_face(image, row, column, size, generator):
    """Paint a head with two eyes and a mouth, in some light."""
    part = image[row : row + size, column : column + size]
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    # Not quite the same place and size in all of them.
    zoom = generator.uniform(0.9, 1.15)
    rows = (rows - 0.5) * zoom + generator.uniform(0.44, 0.56)
    columns = (columns - 0.5) * zoom + generator.uniform(0.44, 0.56)
    head = ((rows - 0.5) / 0.5) ** 2 + ((columns - 0.5) / 0.42) ** 2 < 1
    face = head.astype(float)
    for left in (0.3, 0.7):
        face[((rows - 0.38) / 0.1) ** 2 + ((columns - left) / 0.12) ** 2 < 1] = -0.6
    face[(abs(rows - 0.75) < 0.06) & (abs(columns - 0.5) < 0.2)] = -0.6
    light = generator.uniform(20, 80)
    face += generator.normal(scale=0.3, size=face.shape)
    part[head] = (generator.uniform(80, 160) + light * face)[head]


def make_scene(shape, generator):
    """Rectangles over one another, and noise."""
    image = np.full(shape, generator.uniform(50, 200))
    for _ in range(shape[0] * shape[1] // 40):
        height, width = generator.integers(2, 14, size=2)
        row = generator.integers(0, shape[0] - height)
        column = generator.integers(0, shape[1] - width)
        grey = generator.uniform(20, 230)
        image[row : row + height, column : column + width] = grey
    return image + generator.normal(scale=8, size=shape)


def make_windows(n_faces=300, n_others=150, seed=0):
    generator = np.random.default_rng(seed)
    X = np.array(
        [
            make_scene((30, 30), generator)[:SIZE, :SIZE]
            for _ in range(n_faces + n_others)
        ]
    )
    for image in X[:n_faces]:
        paint_face(image, 0, 0, SIZE, generator)
    y = np.repeat([1, 0], [n_faces, n_others])
    return X, y


def make_background(n=20, seed=1):
    generator = np.random.default_rng(seed)
    return [make_scene((70, 90), generator) for _ in range(n)]


@pytest.fixture(scope="module")
def faces():
    return make_windows()


@pytest.fixture(scope="module")
def model():
    """Trained with background; ten stages let 1 window in 1024 pass."""
    cascade = CascadeClassifier(
        n_features=2000, validation_fraction=0.3, random_state=0
    )
    return cascade.fit(*make_windows(n_faces=800), background=make_background())


def votes_of_stages(model, X):
    """The votes of each stage for each window, from the features as a transformer."""
    features = HaarFeatures(normalize=model.normalize).fit(X)
    names = features.get_feature_names_out().tolist()
    wanted = [
        f"{kind}_r{r}_c{c}_h{h}_w{w}"
        for kind, (r, c, h, w) in zip(
            model.feature_kinds_, model.feature_rectangles_, strict=True
        )
    ]
    values = features.transform(X)[:, [names.index(name) for name in wanted]]
    votes = np.where(
        values > model.stump_thresholds_, model.stump_votes_, -model.stump_votes_
    )
    stages = np.split(votes, model.stage_ends_[:-1], axis=1)
    return np.array([stage.sum(axis=1) for stage in stages])


def test_predict_is_the_product_of_the_stages(model):
    X, _ = make_windows(seed=5)
    votes = votes_of_stages(model, X)
    passed = votes > model.stage_thresholds_[:, np.newaxis]
    np.testing.assert_array_equal(model.predict(X), passed.all(axis=0).astype(int))
    # Both happen.
    assert 0 < passed.all(axis=0).sum() < len(X)


def test_scores_and_counts_are_those_of_the_stage_reached(model):
    X, _ = make_windows(seed=5)
    votes = votes_of_stages(model, X)
    sizes = [s.sum() for s in np.split(abs(model.stump_votes_), model.stage_ends_[:-1])]
    margins = ((votes.T - model.stage_thresholds_) / sizes).T
    rejected = margins <= 0
    n_stages = len(margins)
    last = np.where(rejected.any(axis=0), rejected.argmax(axis=0), n_stages - 1)
    at_last = margins[last, np.arange(len(X))]
    expected = np.where(
        rejected.any(axis=0), last - n_stages + (at_last + 2) / 2, margins.sum(axis=0)
    )
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-9)
    np.testing.assert_array_equal(
        model.n_features_evaluated(X), model.stage_ends_[last]
    )


def test_each_stage_reaches_its_hit_rate(faces):
    X, y = faces
    for rate in (0.9, 0.995):
        cascade = CascadeClassifier(
            n_stages=4, min_hit_rate=rate, n_features=500, random_state=0
        ).fit(X, y)
        assert (cascade.stage_hit_rates_ >= rate).all()
        hits = cascade.predict(X)[y == 1].mean()
        np.testing.assert_allclose(hits, cascade.stage_hit_rates_.prod())


def test_each_stage_reaches_its_false_alarm_rate(model):
    assert model.n_stages_ > 2
    assert (model.stage_false_alarm_rates_ <= 0.5).all()
    # Every window of the background comes to the first stage, then ever fewer.
    assert model.false_alarm_rates_[0] == 1.0
    assert (np.diff(model.false_alarm_rates_) < 0).all()


def test_most_background_is_rejected_early(model):
    views = np.lib.stride_tricks.sliding_window_view(
        make_background(n=1, seed=9)[0], (SIZE, SIZE)
    )
    windows = views.reshape(-1, SIZE, SIZE)
    assert model.predict(windows).mean() < 0.05
    assert model.n_features_evaluated(windows).mean() < model.stage_ends_[-1] / 3
    X, y = make_windows(seed=8)
    assert model.predict(X[y == 1]).mean() > 0.9


@pytest.mark.parametrize("size", [SIZE, 26])
def test_objects_are_found_at_their_scale(model, size):
    generator = np.random.default_rng(3)
    image = make_scene((80, 100), generator)
    places = np.array([[10, 12], [45, 60]])
    for row, column in places:
        paint_face(image, row, column, size, generator)
    boxes, scores = model.detect(image)
    expected = np.column_stack([places[:, ::-1], places[:, ::-1] + size])
    found = boxes[np.argsort(boxes[:, 0])]
    assert len(found) == 2
    assert abs(found - expected).max() < 0.25 * size
    assert (np.diff(scores) <= 0).all()


def test_detect_without_merging_is_predict_on_all_windows(model):
    image = make_background(n=1, seed=4)[0][:40, :40]
    generator = np.random.default_rng(0)
    paint_face(image, 5, 20, SIZE, generator)
    boxes, scores = model.detect(image, min_neighbors=0, max_size=SIZE)
    views = np.lib.stride_tricks.sliding_window_view(image, (SIZE, SIZE))
    expected = model.decision_function(views.reshape(-1, SIZE, SIZE))
    rows, columns = np.divmod(np.flatnonzero(expected > 0), views.shape[1])
    assert len(boxes) > 0
    assert {(r, c) for c, r, _, _ in boxes.tolist()} == set(
        zip(rows.tolist(), columns.tolist(), strict=True)
    )
    np.testing.assert_allclose(np.sort(scores), np.sort(expected[expected > 0]))
    np.testing.assert_array_equal(boxes[:, 2:] - boxes[:, :2], SIZE)


def test_steps_and_sizes_of_the_search(model):
    image = make_background(n=1, seed=4)[0]
    everything, _ = model.detect(image, min_neighbors=0)
    coarse, _ = clone_fitted(model, step=3).detect(image, min_neighbors=0)
    assert 0 < len(coarse) < len(everything)
    heights = everything[:, 3] - everything[:, 1]
    some, _ = model.detect(image, min_neighbors=0, min_size=14, max_size=30)
    assert len(some) == np.sum((heights >= 14) & (heights <= 30))
    assert len(some) < len(everything)


def clone_fitted(model, **parameters):
    return pickle.loads(pickle.dumps(model)).set_params(**parameters)


def test_the_light_does_not_matter(model):
    X, _ = make_windows(seed=5)
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(X / 255), expected)
    np.testing.assert_array_equal(model.predict(3 * X + 50), expected)


def test_features_that_are_not_kept_give_the_same(faces):
    X, y = faces
    kept = CascadeClassifier(n_features=300, random_state=0).fit(X, y)
    for size in (0, 0.03):
        lazy = clone(kept).set_params(cache_size=size).fit(X, y)
        np.testing.assert_array_equal(lazy.stump_thresholds_, kept.stump_thresholds_)
        np.testing.assert_array_equal(lazy.stump_votes_, kept.stump_votes_)


def test_features_beyond_the_cache_take_little_memory():
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(400, 16, 16)), np.arange(400) % 2
    X[y == 1, 4:12, 4:12] += 1
    cascade = CascadeClassifier(
        n_features=None, n_stages=1, n_estimators_per_stage=3, cache_size=1.5
    )
    cascade.fit(X[:50], y[:50])
    tracemalloc.start()
    cascade.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    n_features = sum(count_features((16, 16), kind) for kind in KINDS)
    assert n_features == 32_384
    assert peak < 1.5e6 + 40 * X.size + 250 * n_features
    # One byte each, all at once.
    assert cascade.cache_size * 1e6 < n_features * len(X) / 5


def test_order_of_rows_does_not_matter(faces):
    X, y = faces
    cascade = CascadeClassifier(n_features=500, random_state=0)
    order = np.random.default_rng(0).permutation(len(X))
    one, other = clone(cascade).fit(X, y), clone(cascade).fit(X[order], y[order])
    np.testing.assert_array_equal(other.feature_rectangles_, one.feature_rectangles_)
    np.testing.assert_allclose(other.stump_thresholds_, one.stump_thresholds_)
    np.testing.assert_allclose(other.stump_votes_, one.stump_votes_, rtol=1e-6)


def test_a_weight_is_a_repetition(faces):
    X, y = faces
    weights = np.random.default_rng(0).integers(0, 3, size=len(X))
    cascade = CascadeClassifier(n_features=500, min_hit_rate=0.9, random_state=0)
    weighted = clone(cascade).fit(X, y, sample_weight=weights)
    repeated = clone(cascade).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    np.testing.assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), atol=1e-6
    )


def test_first_round_is_the_best_stump_of_all():
    # A stump by trying every threshold of every feature.
    X, y = make_windows(30, 40, seed=2)
    X = X[:, 3:8, 3:8].copy()
    features = HaarFeatures().fit(X)
    values = features.transform(X)
    weights = np.where(y == 1, 0.5 / 30, 0.5 / 40)
    best = max(
        abs(((values[:, f] > t) * 2.0 - 1) @ (weights * (2 * y - 1)))
        for f in range(values.shape[1])
        for t in values[:, f]
    )
    sample = Sample(X, y == 1, np.ones(len(X)))
    stage = train_stage(
        sample,
        sample.take(y == 1),
        corners_of(features.feature_kinds_, features.feature_rectangles_),
        n_estimators=1,
        min_hit_rate=0.1,
        max_false_alarm_rate=0.5,
        normalize=False,
        cache_size=1,
    )
    above = values[:, stage.features[0]] > stage.thresholds[0]
    hits = np.where(above, 1, -1) * np.sign(stage.votes[0])
    edge = hits @ (weights * (2 * y - 1))
    # Seventy values hardly share one of 256 bins.
    np.testing.assert_allclose(edge, best, atol=0.03)
    error = (1 - edge) / 2
    np.testing.assert_allclose(abs(stage.votes[0]), 0.5 * np.log((1 - error) / error))


def test_objects_are_held_out_for_the_thresholds(faces):
    X, y = faces
    cascade = CascadeClassifier(
        n_features=500, n_stages=3, validation_fraction=0.3, random_state=0
    ).fit(X, y)
    hits = cascade.predict(X)[y == 1].mean()
    held = cascade.stage_hit_rates_.prod()
    assert held >= 0.995**3
    assert hits > 0.9


def test_negatives_are_drawn_from_what_passes(model):
    images = make_background(n=4, seed=7)
    background = Background(images, (SIZE, SIZE), 1.2, 1, np.random.RandomState(0))
    cascade = model._cascade()
    windows, rate = background.draw(cascade, 30, 0.01)
    scores, _ = cascade.evaluate(windows)
    assert 0 < len(windows) <= 30
    assert (scores > 0).all()
    nothing_yet = Cascade.build((SIZE, SIZE), True, [], np.empty((0, 4)), *[[]] * 4)
    windows, rate = background.draw(nothing_yet, 50, 1.0)
    assert rate == 1.0
    assert len(windows) == 50
    # All of them, when more are wanted than there are.
    windows, _ = background.draw(nothing_yet, 10**9, 1.0)
    assert len(windows) == background.n_windows


def test_background_makes_fewer_false_alarms(faces, model):
    alone = CascadeClassifier(n_stages=7, n_features=2000, random_state=0).fit(*faces)
    image = make_background(n=1, seed=9)[0]
    with_background = model.detect(image, min_neighbors=0)[0]
    without = alone.detect(image, min_neighbors=0)[0]
    assert len(with_background) < len(without) / 2


def test_the_end_of_the_background_is_told(faces):
    images = [np.add.outer(np.arange(20.0), np.arange(20.0))]
    cascade = CascadeClassifier(n_stages=20, n_features=300, random_state=0)
    with pytest.warns(
        ConvergenceWarning, match=r"stopped after \d+ of 20 stages: none"
    ):
        cascade.fit(*faces, background=images)
    assert 0 < cascade.n_stages_ < 20


def test_the_goal_ends_the_training(faces):
    cascade = CascadeClassifier(
        n_stages=3, max_false_alarm_rate=0.9, n_features=500, random_state=0
    ).fit(*faces)
    # The first stage is better than the three were asked to be.
    assert cascade.n_stages_ < 3


def test_nothing_to_learn_is_told():
    X, y = np.ones((10, 4, 4)), np.arange(10) % 2
    with pytest.warns(
        ConvergenceWarning, match="after 0 of 10 stages: one of 100 stumps"
    ):
        cascade = CascadeClassifier().fit(X, y)
    # All objects pass, as was asked for.
    assert cascade.predict(X).tolist() == [1] * 10


def test_boxes_that_overlap_are_merged_by_their_scores():
    boxes = np.array(
        [
            [0, 0, 10, 10],
            [2, 0, 12, 10],
            [50, 50, 60, 60],
            [51, 50, 61, 60],
            [51, 51, 61, 61],
            # In the box around 50, and weaker.
            [52, 52, 57, 57],
            [100, 0, 110, 10],
        ],
        dtype=float,
    )
    scores = np.array([3.0, 1.0, 1.0, 1.0, 2.5, 0.5, 9.0])
    merged, sums = merge_boxes(boxes, scores, min_neighbors=2, max_overlap=0.3)
    expected = [
        [(50 + 51 + 2.5 * 51) / 4.5, (50 + 50 + 2.5 * 51) / 4.5],
        [0.5, 0.0],
    ]
    np.testing.assert_allclose(merged[:, :2], expected)
    np.testing.assert_allclose(merged[:, 2:], np.array(expected) + 10)
    np.testing.assert_allclose(sums, [4.5, 4.0])
    alone, sums = merge_boxes(boxes, scores, min_neighbors=1, max_overlap=0.3)
    np.testing.assert_allclose(alone[0], boxes[-1])
    assert len(alone) == 3
    nothing, sums = merge_boxes(np.empty((0, 4)), np.empty(0), 1, 0.3)
    assert nothing.shape == (0, 4)
    assert sums.shape == (0,)


def test_labels_of_any_kind(faces):
    X, y = faces
    cascade = CascadeClassifier(n_features=300, random_state=0)
    named = clone(cascade).fit(X, np.array(["background", "face"])[y])
    np.testing.assert_array_equal(
        named.predict(X) == "face", clone(cascade).fit(X, y).predict(X) == 1
    )


def test_a_search_passes_the_background_on(faces):
    X, y = faces
    search = GridSearchCV(
        CascadeClassifier(n_stages=3, n_features=200, random_state=0),
        {"n_estimators_per_stage": [3, 30]},
        cv=2,
    )
    search.fit(X, y, background=make_background(n=5))
    assert search.best_score_ > 0.9
    assert search.best_estimator_.false_alarm_rates_[0] == 1.0


def test_images_of_whole_numbers_and_larger_ones(faces):
    X, y = faces
    X = np.kron(X.round().astype(np.uint8), np.ones((1, 2, 2), dtype=np.uint8))
    cascade = CascadeClassifier(
        window_size=(SIZE, SIZE), n_features=500, random_state=0
    ).fit(X, y)
    assert cascade.window_size_ == (SIZE, SIZE)
    assert cascade.score(X, y) > 0.99
    assert cascade.score(X.reshape(len(X), -1), y) > 0.99


def test_bad_targets_and_weights(faces):
    X, y = faces
    with pytest.raises(ValueError, match="CascadeClassifier needs two classes"):
        CascadeClassifier().fit(X, np.ones(len(X)))
    with pytest.raises(ValueError, match=r"Only binary .* is multiclass"):
        CascadeClassifier().fit(X, np.arange(len(X)) % 3)
    with pytest.raises(ValueError, match="rows of both classes with a sample_weight"):
        CascadeClassifier().fit(X, y, sample_weight=y)
    with pytest.raises(ValueError, match="no object left to train with, of 1"):
        CascadeClassifier(validation_fraction=0.5).fit(X[299:], y[299:])


def test_bad_background(faces):
    small = [np.ones((SIZE - 1, 40))]
    with pytest.raises(ValueError, match="at least 12 x 12 pixels, the size of a"):
        CascadeClassifier().fit(*faces, background=small)
    with pytest.raises(ValueError, match="background contains NaN"):
        CascadeClassifier().fit(*faces, background=[np.full((40, 40), np.nan)])
    with pytest.raises(ValueError, match="dim 3"):
        CascadeClassifier().fit(*faces, background=[np.ones((40, 40, 3))])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.ones((40, SIZE - 1)), r"'image' .* 12 x 12 pixels. Got 40 x 11 instead"),
        (np.ones((40, 40, 3)), "dim 3"),
        (np.full((40, 40), np.nan), "NaN"),
        (np.ones(40), "1D array"),
    ],
)
def test_bad_images(model, image, message):
    with pytest.raises(ValueError, match=message):
        model.detect(image)


@pytest.mark.parametrize(("name", "bad"), [("min_neighbors", -1), ("max_overlap", 1)])
def test_bad_merging(model, name, bad):
    with pytest.raises(ValueError, match=rf"CascadeClassifier.detect .* '{name}'"):
        model.detect(np.ones((40, 40)), **{name: bad})


def test_kernels_are_compiled_once(model, faces):
    X, y = faces
    for images in (X[:1], X[:64], X[:70].astype(np.float32), X[:, :5, :6], X[:, ::2]):
        images = images.copy()
        images.flags.writeable = False
        HaarFeatures().fit_transform(images)
        HaarFeatures(window_size=(4, 4), n_features=9).fit_transform(images)
    mirrored = [image[:, ::-1] for image in make_background(2)]
    for size in (0, 100):
        cascade = CascadeClassifier(n_features=100, n_stages=2, cache_size=size)
        cascade.fit(X[:, ::-1], y, background=mirrored)
    loaded = pickle.loads(pickle.dumps(model))
    loaded.predict(X)
    loaded.detect(make_background(1)[0][::2])
    kernels = [getattr(_haar, name) for name in _haar.__all__ if name.islower()]
    assert {kernel.__name__: len(kernel.signatures) for kernel in kernels} == {
        kernel.__name__: 1 for kernel in kernels
    }


@pytest.mark.data
@pytest.mark.slow
def test_real_faces_against_real_background(data_dir):
    images = np.load(data_dir / "olivetti/olivetti.npz")
    scenes = np.load(data_dir / "bsds500_crops/bsds500_train_crops96.npz")["images"]
    scenes = list(scenes.mean(axis=3))
    others = np.array([scene[:64, :64] for scene in scenes[:140]])
    known = images["target"] < 28
    X = np.concatenate([images["images"][known], others])
    y = np.repeat([1, 0], [known.sum(), len(others)])
    cascade = CascadeClassifier(
        window_size=(24, 24), n_features=3000, validation_fraction=0.2, random_state=0
    ).fit(X, y, background=scenes[:140])
    # Other people, other scenes.
    assert cascade.predict(images["images"][~known]).mean() > 0.85
    views = [
        np.lib.stride_tricks.sliding_window_view(scene, (64, 64))[::4, ::4]
        for scene in scenes[140:]
    ]
    windows = np.concatenate([view.reshape(-1, 64, 64) for view in views])
    assert cascade.predict(windows).mean() < 0.005
    assert cascade.n_features_evaluated(windows).mean() < 60
