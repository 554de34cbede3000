"""A cascade of Haar-like features on real faces against real background.

Faces: Olivetti (SKLEARN_DL_DATA/olivetti) and the crops that scikit-image ships, shrunk
to 24 x 24; background: crops of BSDS images (SKLEARN_DL_DATA/bsds500_crops). People and
images of the test are not those of the training. Prints the detection rate at one false
positive in 10,000 windows, windows a second, and the mean number of features evaluated
a window; scikit-image's detector, with the cascade that it ships, beside it. With
``--pictures FOLDER`` it draws the first features and a scene with its detections.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import skimage
from _data import data_folder
from skimage.feature import Cascade as PeerCascade
from skimage.transform import resize

from sklearn_dl.boosting import CascadeClassifier
from sklearn_dl.boosting._cascade_scan import find_windows
from sklearn_dl.boosting._haar_shapes import KINDS

SIZE = 24
# How many mirrored and slightly moved copies of a face are made for the training.
# There are fewer of scikit-image's, and they differ more.
N_COPIES = {"Olivetti": 4, "scikit-image": 20}
SIZES = (0.0, np.inf)


def grey(images):
    """Return images in colour as grey values from 0 to 255."""
    return images @ np.array([0.299, 0.587, 0.114])


def small(image):
    """Return a face in the size of a window."""
    return resize(
        image.astype(float), (SIZE, SIZE), anti_aliasing=True, preserve_range=True
    )


def moved(face, generator):
    """Return a part of a face, mirrored or not."""
    size = len(face)
    side = round(size * generator.uniform(0.85, 1.0))
    row, column = generator.integers(0, size - side + 1, size=2)
    part = face[row : row + side, column : column + side]
    return small(part[:, ::-1] if generator.random() < 0.5 else part)


def load():
    """Return faces and backgrounds, of the training and of the test."""
    generator = np.random.default_rng(0)
    olivetti = np.load(data_folder() / "olivetti/olivetti.npz")
    of_test = olivetti["target"] >= 28
    # These show more of the head than Olivetti's do.
    crops = skimage.data.lfw_subset()[:100, 2:23, 2:23] * 255
    images = grey(
        np.load(data_folder() / "bsds500_crops/bsds500_train_crops96.npz")["images"]
    )
    train = {"Olivetti": olivetti["images"][~of_test], "scikit-image": crops[:70]}
    test = {"Olivetti": olivetti["images"][of_test], "scikit-image": crops[70:]}
    faces = []
    for name, originals in train.items():
        faces += [small(face) for face in originals]
        faces += [
            moved(face, generator) for face in originals for _ in range(N_COPIES[name])
        ]
    test = {name: np.array([small(face) for face in test[name]]) for name in test}
    background = [
        turned
        for image in images[:140]
        for turned in (image, image[:, ::-1], image[::-1], image[::-1, ::-1])
    ]
    return np.array(faces), test, background, list(images[140:])


def train(faces, background):
    """Return the trained cascade."""
    generator = np.random.default_rng(0)
    # The classifier wants some windows of the other class to begin with.
    others = [
        small(image[row : row + 48, column : column + 48])
        for image in background
        for row, column in generator.integers(0, 48, size=(1, 2))
    ]
    model = CascadeClassifier(
        n_stages=16,
        n_estimators_per_stage=200,
        n_negatives=6000,
        min_hit_rate=0.997,
        validation_fraction=0.3,
        random_state=0,
    )
    X = np.concatenate([faces, others])
    y = np.repeat([1, 0], [len(faces), len(others)])
    start = time.perf_counter()
    model.fit(X, y, background=background)
    print(f"trained in {time.perf_counter() - start:.0f} s: {model.n_stages_} stages")
    print("  stumps:", *np.diff(model.stage_ends_, prepend=0))
    print("  reached by:", *[f"{rate:.2g}" for rate in model.false_alarm_rates_])
    return model


def measure(model, test, background):
    """Print rates and speeds on what was held out."""
    cascade = model._cascade()
    find_windows(cascade, background[0], 1.2, 1, SIZES)
    n_seen, n_features, alarms = 0, 0, []
    start = time.perf_counter()
    for image in background:
        _, scores, seen, took = find_windows(cascade, image, 1.2, 1, SIZES)
        alarms.append(scores)
        n_seen, n_features = n_seen + seen, n_features + took
    seconds = time.perf_counter() - start
    alarms = np.sort(np.concatenate(alarms))[::-1]
    print(f"{n_seen} windows of background, {len(alarms)} false positives")
    print(f"  {n_features / n_seen:.1f} features a window on average")
    print(f"  {n_seen / seconds / 1e6:.2f} million windows a second")
    allowed = int(n_seen * 1e-4)
    # Where there are fewer alarms than that, nothing is gained by a lower limit.
    limit = alarms[allowed] if len(alarms) > allowed else 0.0
    for name, faces in test.items():
        scores = model.decision_function(faces)
        print(
            f"{name}, {len(faces)} faces: {np.mean(scores > limit):.3f} found at one "
            f"false positive in 10,000; {np.mean(scores > 0):.3f} at the "
            f"{len(alarms) / n_seen:.1e} of the cascade itself"
        )


def make_scene(test, background):
    """Return backgrounds side by side with faces of the test at several scales."""
    generator = np.random.default_rng(1)
    rows = [np.concatenate(background[k : k + 6], axis=1) for k in (0, 6, 12, 18)]
    scene = np.concatenate(rows)
    faces = np.load(data_folder() / "olivetti/olivetti.npz")["images"][280::12]
    places = []
    for face, size in zip(faces, (28, 36, 44, 52, 64, 80, 100, 30, 60), strict=False):
        while True:
            row, column = generator.integers(0, np.array(scene.shape) - size)
            if all(
                abs(row - r) > max(size, s) or abs(column - c) > max(size, s)
                for r, c, s in places
            ):
                break
        places.append((row, column, size))
        scene[row : row + size, column : column + size] = resize(
            face.astype(float), (size, size), anti_aliasing=True, preserve_range=True
        )
    return scene, np.array(places)


def measure_scene(model, scene, places):
    """Print what is found in the scene, by the peer too."""
    peer = PeerCascade(skimage.data.lbp_frontal_face_cascade_filename())
    sizes = {"scale_factor": 1.2, "step_ratio": 1}
    searches = {
        "ours": lambda: model.detect(scene)[0],
        "ours, 8 neighbours": lambda: model.detect(scene, min_neighbors=8)[0],
        "scikit-image": lambda: np.array(
            [
                [f["c"], f["r"], f["c"] + f["width"], f["r"] + f["height"]]
                for f in peer.detect_multi_scale(
                    scene.astype(np.uint8),
                    min_size=(SIZE, SIZE),
                    max_size=scene.shape,
                    **sizes,
                )
            ]
        ).reshape(-1, 4),
    }
    for name, search in searches.items():
        search()
        start = time.perf_counter()
        boxes = search()
        seconds = time.perf_counter() - start
        middles = places[:, 1::-1] + places[:, 2:] / 2
        near = [
            np.any(np.all(abs((boxes[:, :2] + boxes[:, 2:]) / 2 - m) < s / 3, axis=1))
            for m, s in zip(middles, places[:, 2], strict=True)
        ]
        print(
            f"scene of {scene.shape[0]} x {scene.shape[1]}, {name}: {sum(near)} of "
            f"{len(places)} faces in {len(boxes)} boxes, {1000 * seconds:.0f} ms"
        )


def draw(model, faces, scene, folder):
    """Write pictures of the first features and of the scene."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    mean_face = faces.mean(axis=0)
    fig, axes = plt.subplots(2, 5, figsize=(10, 4.4), layout="constrained")
    for k, ax in enumerate(axes.ravel()):
        ax.imshow(mean_face, cmap="gray")
        row, column, height, width = model.feature_rectangles_[k]
        grid = KINDS[model.feature_kinds_[k]] * np.sign(model.stump_votes_[k])
        high, wide = height / grid.shape[0], width / grid.shape[1]
        for (down, right), sign in np.ndenumerate(grid):
            corner = (column + right * wide - 0.5, row + down * high - 0.5)
            color = "white" if sign > 0 else "black"
            ax.add_patch(Rectangle(corner, wide, high, color=color, alpha=0.75, lw=0))
        ax.set(title=f"{k + 1}: {model.feature_kinds_[k]}", xticks=[], yticks=[])
    fig.savefig(Path(folder, "cascade_features.png"), dpi=110)
    boxes, scores = model.detect(scene, min_neighbors=8)
    fig, ax = plt.subplots(figsize=(10, 6.8), layout="constrained")
    ax.imshow(scene, cmap="gray", vmin=0, vmax=255)
    for (left, top, right, bottom), score in zip(boxes, scores, strict=True):
        box = Rectangle(
            (left, top), right - left, bottom - top, fill=False, ec="yellow", lw=2
        )
        ax.add_patch(box)
        ax.text(left, top - 2, f"{score:.0f}", color="yellow")
    ax.set_axis_off()
    fig.savefig(Path(folder, "cascade_scene.png"), dpi=110)


def main():
    """Train, measure and, if asked to, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", metavar="FOLDER", help="where to draw")
    folder = parser.parse_args().pictures
    if data_folder() is None:
        print("needs the real data sets: set SKLEARN_DL_DATA to their folder")
        return
    faces, test, background, held = load()
    model = train(faces, background)
    measure(model, test, held)
    scene, places = make_scene(test, held)
    measure_scene(model, scene, places)
    if folder:
        draw(model, faces, scene, folder)


if __name__ == "__main__":
    main()
