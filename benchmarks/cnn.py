"""An epoch of a convolutional network: ours, skorch as documented, a plain loop.

    SKLEARN_DL_DATA=... python benchmarks/cnn.py [--repeats 5] [--threads 2] [--gpu]

All train the same network with Adam on the same rows, in turns in one process: LeNet-5
on MNIST, and ResNet-20 on 2,000 images of Fashion-MNIST. Ours is given bytes; the
peers are given tensors or arrays of scaled numbers, which is not counted. The plain
loop slices its batches from a tensor. skorch takes them from torch's DataLoader: once
as its documentation has it, where it trains on a fifth less and predicts the rest, and
once with all rows.

Prints the median of seconds an epoch, each peer's as a multiple of ours, test accuracy,
and whether the bars are reached: skorch at least 1.5 times ours, ours at most 1.15
times the plain loop. With --gpu: images a second in 32 bits and in mixed precision,
against the plain loop in both.
"""

import argparse

import numpy as np
import skorch
import torch
from _data import image_set
from _turns import in_turns
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional as F

from sklearn_dl.modules import make_convolutional
from sklearn_dl.neural_network import CNNClassifier

BATCH, RATE = 128, 0.001
# How many times our seconds a peer's must be at least.
BARS = {"skorch as documented": 1.5, "skorch, all rows": 1.5, "plain loop": 1 / 1.15}


def scaled(X, mean, scale):
    """Return bytes as what a network is given by hand: (n, 1, h, w), standardised."""
    return ((X[:, np.newaxis] / np.float32(255) - mean) / scale).astype(np.float32)


def fit_ours(X, y, architecture, n_epochs, device="cpu", precision=None):
    """Fit ours on bytes."""
    return CNNClassifier(
        architecture,
        batch_size=BATCH,
        max_iter=n_epochs,
        tol=0.0,
        n_iter_no_change=np.inf,
        mixed_precision=precision,
        device=device,
        random_state=0,
    ).fit(X, y)


def fit_skorch(X, y, architecture, n_epochs, **options):
    """Fit a NeuralNetClassifier as its documentation shows it: callbacks, split."""
    torch.manual_seed(0)
    return NeuralNetClassifier(
        make_convolutional(architecture, X.shape[1:], 10),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=BATCH,
        max_epochs=n_epochs,
        iterator_train__shuffle=True,
        verbose=0,
        **options,
    ).fit(X, y)


def fit_skorch_on_all(X, y, architecture, n_epochs):
    """Fit the same on all rows, without a validation part."""
    return fit_skorch(X, y, architecture, n_epochs, train_split=None)


def fit_plain(X, y, architecture, n_epochs, device="cpu", precision=None):
    """Train with a loop as one writes it by hand; return the network."""
    torch.manual_seed(0)
    X, y = torch.as_tensor(X, device=device), torch.as_tensor(y, device=device)
    net = make_convolutional(architecture, X.shape[1:], 10).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)
    dtype = None if precision is None else getattr(torch, precision)
    cast = torch.autocast(torch.device(device).type, dtype, enabled=dtype is not None)
    scaler = torch.amp.GradScaler(device, enabled=precision == "float16")
    for _ in range(n_epochs):
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(X), device=device).split(BATCH):
            optimizer.zero_grad()
            with cast:
                loss = F.cross_entropy(net(X[rows]), y[rows])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            total += loss.detach() * len(rows)
        total.item()
    return net.eval()


def accuracy(model, X, y):
    """Score an estimator or a module."""
    if not isinstance(model, nn.Module):
        return model.score(X, y)
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = torch.as_tensor(X, device=device).split(1000)
        codes = torch.cat([model(part).argmax(1) for part in parts])
    return float((codes.cpu().numpy() == y).mean())


def compare(fits, split, architecture, n_epochs, repeats):
    """Run all in turns; return {name: (median seconds an epoch, test accuracy)}.

    `fits` is {name: (function, whether it is given bytes)}.
    """
    X_train, X_test, y_train, y_test = split
    mean, scale = X_train.mean() / 255, X_train.std() / 255
    inputs = {
        True: (X_train, X_test),
        False: (scaled(X_train, mean, scale), scaled(X_test, mean, scale)),
    }
    y_train = y_train.astype(np.int64)
    calls = {
        name: lambda fit=fit, kind=kind: fit(
            inputs[kind][0], y_train, architecture, n_epochs
        )
        for name, (fit, kind) in fits.items()
    }
    seconds, models = in_turns(calls, repeats)
    return {
        name: (
            seconds[name] / n_epochs,
            accuracy(models[name], inputs[kind][1], y_test),
        )
        for name, (_, kind) in fits.items()
    }


def show(title, results):
    """Print seconds, ratios to ours, accuracy, and which bars are reached."""
    ours = results["sklearn_dl"][0]
    print(title)
    for name, (seconds, score) in results.items():
        ratio, bar = seconds / ours, BARS.get(name)
        line = f"  {name:24s} {seconds:8.3f} s  {ratio:5.2f}x  accuracy {score:.4f}"
        if bar is not None:
            line += "  reached" if ratio >= bar else "  NOT REACHED"
        print(line, flush=True)


def on_device(device, precision):
    """Return ours and the plain loop, for a device and a precision."""

    def ours(*data):
        return fit_ours(*data, device=device, precision=precision)

    def plain(*data):
        return fit_plain(*data, device=device, precision=precision)

    bits = 32 if precision is None else f"16-mixed ({precision})"
    return {f"sklearn_dl, {bits}": (ours, True), f"plain loop, {bits}": (plain, False)}


def gpu(repeats, device="cuda"):
    """Print images a second on a GPU, in 32 bits and in mixed precision."""
    fits = {}
    for precision in (None, "float16", "bfloat16"):
        fits |= on_device(device, precision)
    split = image_set("fashion_mnist")
    for architecture, n_epochs in (("lenet5", 3), ("resnet20", 2), ("resnet18", 2)):
        results = compare(fits, split, architecture, n_epochs, repeats)
        print(f"{architecture}, Fashion-MNIST, {len(split[0]):,} rows, {device}")
        for name, (seconds, score) in results.items():
            speed = len(split[0]) / seconds
            print(f"  {name:32s} {speed:10,.0f} images/s  accuracy {score:.4f}")


def main():
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rows", type=int, default=60_000, help="rows of MNIST")
    parser.add_argument("--gpu", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"skorch {skorch.__version__}, torch {torch.__version__}, "
        f"{options.threads} threads"
    )
    if options.gpu:
        gpu(options.repeats)
        return
    fits = {
        "sklearn_dl": (fit_ours, True),
        "skorch as documented": (fit_skorch, False),
        "skorch, all rows": (fit_skorch_on_all, False),
        "plain loop": (fit_plain, False),
    }
    for architecture, name, n_rows, n_epochs in (
        ("lenet5", "mnist", options.rows, 1),
        ("resnet20", "fashion_mnist", 2000, 1),
    ):
        X_train, X_test, y_train, y_test = image_set(name)
        split = X_train[:n_rows], X_test, y_train[:n_rows], y_test
        results = compare(fits, split, architecture, n_epochs, options.repeats)
        show(f"{architecture}, {name}, {len(split[0]):,} rows", results)


if __name__ == "__main__":
    main()
