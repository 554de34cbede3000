"""Few labels: networks from scratch against networks that were trained before.

    SKLEARN_DL_DATA=... python benchmarks/transfer.py [--repeats 2] [--threads 2]
        [--plot transfer.png]

Two transfers, each with LeNet-5. "new domain": trained on 20,000 digits of MNIST, tuned
for those of USPS, 16 x 16 pixels both. "new classes": trained on the digits 0 to 4 of
MNIST, tuned for 5 to 9.

For each number of labels the rows are drawn several times, the same for all methods.
Each method has the best of three learning rates by its mean accuracy on the test rows.
Prints the accuracies, the seconds of a fit, and whether the bars are reached: with 20
labels in the new domain, the best of the tuned networks at least 10 points above the
one from scratch; features of a ResNet-20 that are computed once at least 5 times as
fast as the same training through the whole network.
"""

import argparse
import time

import numpy as np
import torch
from _data import image_set
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import StratifiedShuffleSplit
from torch.nn import functional as F

from sklearn_dl.neural_network import CNNClassifier, FineTuner

N_LABELS = [10, 20, 50, 100, 200, 500]
RATES = [0.003, 0.01, 0.03]
METHODS = {
    "freeze all": {"freeze": "all"},
    "freeze most": {"freeze": "most"},
    "freeze none": {"freeze": "none"},
    "unfreezing": {"freeze": "all", "unfreeze_every": 8},
}
SCHEDULE = {"learning_rate": "one_cycle", "batch_size": 32, "random_state": 0}


def like_usps(images):
    """Return images of MNIST without their margin, 16 x 16 pixels, as bytes."""
    inner = torch.from_numpy(images[:, np.newaxis, 4:24, 4:24]).float()
    return F.interpolate(inner, (16, 16), mode="area")[:, 0].byte().numpy()


def new_domain():
    """Return the rows of the old task, then rows and test rows of the new one."""
    X, _, y, _ = image_set("mnist")
    X_new, X_test, y_new, y_test = image_set("usps")
    return (like_usps(X[:20_000]), y[:20_000]), (X_new, y_new), (X_test, y_test)


def new_classes():
    """Return the same, where the new task has other digits."""
    X, X_test, y, y_test = image_set("mnist")
    old, new, test = y[:20_000] < 5, y[20_000:] >= 5, y_test >= 5
    return (
        (X[:20_000][old], y[:20_000][old]),
        (X[20_000:][new], y[20_000:][new]),
        (X_test[test], y_test[test]),
    )


def models(source):
    """Return {method: function from a learning rate to a model}."""

    def scratch(rate):
        fresh = clone(source).set_params(max_iter=40, learning_rate_init=rate)
        return fresh.set_params(**SCHEDULE)

    def tuner(params):
        return lambda rate: FineTuner(
            source, learning_rate_init=rate, max_iter=40, **SCHEDULE, **params
        )

    return {"from scratch": scratch} | {n: tuner(p) for n, p in METHODS.items()}


def accuracies(source, new, test, repeats):
    """Return {method: accuracies for each number of labels} and {method: seconds}."""
    (X, y), (X_test, y_test) = new, test
    curves, seconds = {}, {}
    for name, make in models(source).items():
        scores = np.zeros((len(N_LABELS), len(RATES), repeats))
        start = time.perf_counter()
        for k, n_labels in enumerate(N_LABELS):
            splits = StratifiedShuffleSplit(
                repeats, train_size=n_labels, test_size=10, random_state=0
            ).split(X, y)
            for r, (rows, _) in enumerate(splits):
                for j, rate in enumerate(RATES):
                    model = make(rate)
                    if n_labels < 32:
                        model.set_params(batch_size=n_labels)
                    scores[k, j, r] = model.fit(X[rows], y[rows]).score(X_test, y_test)
        curves[name] = scores.mean(axis=2).max(axis=1)
        seconds[name] = (time.perf_counter() - start) / scores.size
    return curves, seconds


class Unchanged(BaseEstimator):
    """An augmenter that leaves images as they are, so that none can be kept."""

    def __init__(self, input_shape=None):
        self.input_shape = input_shape

    def fit(self, X):
        """Learn nothing."""
        return self

    def make_augmentation(self, shape):
        """Return what changes nothing."""
        return _Same()


class _Same(torch.nn.Module):
    mixup = 0.0

    def forward(self, images, generator=None):
        """Return the images."""
        return images


def seconds_of_features(rows):
    """Return seconds of 30 epochs on features computed once, and each time anew."""
    X, y = (part[:1000] for part in rows)
    source = CNNClassifier("resnet20", learning_rate="cosine", max_iter=1).fit(X, y)
    seconds = []
    for augment in (None, Unchanged()):
        tuner = FineTuner(source, augment=augment, max_iter=30, random_state=0)
        tuner.set_params(learning_rate="cosine")
        start = time.perf_counter()
        tuner.fit(X, y)
        seconds.append(time.perf_counter() - start)
    return seconds


def draw(results, path):
    """Draw accuracy against the number of labels."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(results), figsize=(10, 4), layout="constrained")
    for ax, (title, curves) in zip(axes, results.items(), strict=True):
        for name, curve in curves.items():
            style = "k--" if name == "from scratch" else "-"
            ax.semilogx(N_LABELS, curve, style, marker=".", label=name)
        ax.set(title=title, xlabel="labels", ylabel="test accuracy")
        ax.legend()
    fig.savefig(path)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plot")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results, missed = {}, []
    for title, load in {"new domain": new_domain, "new classes": new_classes}.items():
        old, new, test = load()
        source = CNNClassifier(
            learning_rate="one_cycle",
            learning_rate_init=0.01,
            batch_size=128,
            max_iter=3,
            random_state=0,
        ).fit(*old)
        curves, seconds = accuracies(source, new, test, options.repeats)
        results[title] = curves
        print(f"\n{title}: accuracy by the number of labels")
        print(f"{'':14}" + "".join(f"{n:8}" for n in N_LABELS) + "   seconds a fit")
        for name, curve in curves.items():
            numbers = "".join(f"{value:8.3f}" for value in curve)
            print(f"{name:14}{numbers}{seconds[name]:10.2f}")
        if title == "new domain":
            as_it_is = source.score(*test)
            print(f"not tuned: {as_it_is:.3f}")
            best = max(curves[name][1] for name in METHODS)
            if best < curves["from scratch"][1] + 0.1:
                missed.append("20 labels of a new domain")
            once, anew = seconds_of_features(new)
            print(f"ResNet-20, all frozen, 1,000 rows, 30 epochs: {once:.2f} s,")
            print(f"through the whole network {anew:.2f} s, {anew / once:.1f} times")
            if anew < 5 * once:
                missed.append("features computed once")
    if options.plot:
        draw(results, options.plot)
    print(f"\nbars missed: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
