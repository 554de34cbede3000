"""What convolutional networks reach on real images, and in which time.

    SKLEARN_DL_DATA=... python benchmarks/images.py [digits clothes depth] [--repeats 1]

digits: LeNet-5 on MNIST: accuracy of 99 % at least, in less than three minutes.

clothes: a network of five convolutions, given as a list of layers, on 30,000 images of
Fashion-MNIST: accuracy of 91 % at least, in minutes.

depth: residual networks of 20 and 56 layers on USPS against plain ones: the same layers
and as many weights, but no shortcuts. Same settings, same seeds, five epochs. The
plain one is to be worse, at 20 and at 56 layers, on the mean of the seeds.
"""

import argparse
import time

import numpy as np
import torch
from _data import image_set

from sklearn_dl.modules import make_convolutional
from sklearn_dl.neural_network import CNNClassifier


def convolution(filters, **options):
    """Describe a convolution with batch normalisation."""
    return {"layer": "conv", "filters": filters, "batch_norm": True, **options}


FIVE_CONVOLUTIONS = [
    convolution(32),
    convolution(32),
    "max_pool",
    convolution(64),
    convolution(64),
    "max_pool",
    convolution(128),
    "global_average_pool",
]


def plain(depth):
    """Describe the residual network of that depth for small images, less shortcuts."""
    layers = [convolution(16)]
    for filters in (16, 32, 64):
        n_layers = (depth - 2) // 3
        first = convolution(filters, stride=1 if filters == 16 else 2)
        layers += [first, *[convolution(filters)] * (n_layers - 1)]
    return [*layers, "global_average_pool"]


def fit_and_score(split, architecture, **parameters):
    """Return the fitted network, its accuracy in per cent and seconds of the fit."""
    X_train, X_test, y_train, y_test = split
    model = CNNClassifier(architecture, learning_rate="one_cycle", **parameters)
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    return model, 100 * model.score(X_test, y_test), seconds


def reach(title, name, architecture, bar, limit, repeats, **parameters):
    """Print accuracy and seconds, and whether they are at least and at most so much."""
    split = image_set(name)
    results = [
        fit_and_score(split, architecture, random_state=seed, **parameters)[1:]
        for seed in range(repeats)
    ]
    accuracy, seconds = np.mean(results, axis=0)
    verdict = "reached" if accuracy >= bar and seconds <= limit else "NOT REACHED"
    print(f"{title}: {accuracy:.2f} % in {seconds:.0f} s  {verdict}", flush=True)


def digits(repeats):
    """Train LeNet-5 on MNIST."""
    options = {"batch_size": 64, "learning_rate_init": 0.005, "max_iter": 5}
    reach("MNIST, LeNet-5", "mnist", "lenet5", 99, 180, repeats, **options)


def clothes(repeats):
    """Train five convolutions on Fashion-MNIST."""
    options = {"batch_size": 128, "learning_rate_init": 0.01, "max_iter": 5}
    title = "Fashion-MNIST, five convolutions"
    reach(title, "fashion_mnist", FIVE_CONVOLUTIONS, 91, 600, repeats, **options)


def depth(repeats):
    """Train residual and plain networks on USPS."""
    split = image_set("usps")
    options = {"batch_size": 128, "learning_rate_init": 0.01, "max_iter": 5}
    for n_layers in (20, 56):
        means = {}
        for kind, network in (
            ("plain", plain(n_layers)),
            ("residual", f"resnet{n_layers}"),
        ):
            module = make_convolutional(network, (1, 16, 16), 10)
            n_weights = sum(parameter.numel() for parameter in module.parameters())
            results = []
            for seed in range(repeats):
                model, *result = fit_and_score(
                    split, network, random_state=seed, **options
                )
                results.append((*result, model.loss_))
            accuracy, seconds, loss = means[kind] = np.mean(results, axis=0)
            print(
                f"USPS, {n_layers} layers, {kind:8s} ({n_weights:,} weights): "
                f"{accuracy:.2f} % in {seconds:.0f} s, training loss {loss:.4f}",
                flush=True,
            )
        worse = means["plain"][0] < means["residual"][0]
        print(f"  The plain network is worse: {'reached' if worse else 'NOT REACHED'}")


def main():
    """Run what is asked for and print it."""
    parts = {"digits": digits, "clothes": clothes, "depth": depth}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(parts))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads")
    for part in options.parts:
        parts[part](options.repeats)


if __name__ == "__main__":
    main()
