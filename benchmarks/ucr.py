"""InceptionTime and the fully convolutional network on 13 sets of the UCR archive.

    SKLEARN_DL_DATA=... python benchmarks/ucr.py [--epochs 100] [--repeats 1] [--peer]

One network each, not the mean of five, on the archive's split: ECG200, GunPoint, CBF
and the ten others of the archive of 2015 that are the smallest here. Prints accuracy
and seconds of the fit, and their means. Beside them stands what the authors published:
for InceptionTime the first of their five runs of 1,500 epochs [1], for the other
network the mean of ten runs of 2,000 epochs [2].

With --peer the networks of aeon (Keras) and sktime (torch) are fitted in turns with
ours, each with its own defaults but for the epochs: ``pip install aeon tensorflow
sktime``. A peer that is not installed is left out.

[1] H. Ismail Fawaz et al., "InceptionTime", 2020; github.com/hfawaz/InceptionTime.
[2] H. Ismail Fawaz et al., "Deep learning for time series classification: a review",
    2019; github.com/hfawaz/dl-4-tsc.
"""

import argparse
import contextlib
import io
import os
import tempfile
import time
from importlib.util import find_spec

import numpy as np
import pandas as pd
import torch
from _data import series_set

from sklearn_dl.neural_network import CNNClassifier

# Accuracy in per cent as published, for InceptionTime's network and the other one.
PUBLISHED = {
    "ECG200": (92.0, 88.9),
    "GunPoint": (100.0, 100.0),
    "CBF": (99.4, 99.4),
    "SonyAIBORobotSurface1": (85.0, 96.0),
    "ItalyPowerDemand": (95.5, 96.1),
    "MoteStrain": (88.3, 93.7),
    "TwoLeadECG": (99.6, 100.0),
    "ECGFiveDays": (100.0, 98.7),
    "Coffee": (100.0, 100.0),
    "ArrowHead": (82.3, 84.3),
    "Plane": (100.0, 100.0),
    "SyntheticControl": (99.3, 98.5),
    "Trace": (100.0, 100.0),
}
ARCHITECTURES = ("inceptiontime", "fcn")


def make_ours(architecture, n_epochs, seed):
    """Return our network, planned for so many epochs."""
    return CNNClassifier(
        architecture,
        batch_size=16,
        learning_rate="one_cycle",
        learning_rate_init=0.003,
        max_iter=n_epochs,
        random_state=seed,
    )


def make_aeon(architecture, n_epochs, seed):
    """Return aeon's network of that kind."""
    from aeon.classification.deep_learning import (
        FCNClassifier,
        IndividualInceptionClassifier,
    )

    kinds = {"inceptiontime": IndividualInceptionClassifier, "fcn": FCNClassifier}
    # It writes the weights of the best epoch to a file.
    folder = f"{tempfile.gettempdir()}/"
    return kinds[architecture](n_epochs=n_epochs, random_state=seed, file_path=folder)


def make_sktime(architecture, n_epochs, seed):
    """Return sktime's network of that kind."""
    from sktime.classification.deep_learning.fcn import FCNClassifierTorch
    from sktime.classification.deep_learning.inceptiontime import (
        InceptionTimeClassifierTorch,
    )

    kinds = {"inceptiontime": InceptionTimeClassifierTorch, "fcn": FCNClassifierTorch}
    return kinds[architecture](num_epochs=n_epochs, random_state=seed)


PEERS = {"aeon": make_aeon, "sktime": make_sktime}


def installed_peers(n_threads):
    """Return {name: maker} of the peers that are there, with their threads set."""
    peers = {name: make for name, make in PEERS.items() if find_spec(name)}
    if "aeon" in peers and find_spec("tensorflow") is None:
        del peers["aeon"]
    if "aeon" in peers:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow

        threading = tensorflow.config.threading
        threading.set_intra_op_parallelism_threads(n_threads)
        threading.set_inter_op_parallelism_threads(1)
    return peers


def fit_and_score(model, X_train, X_test, y_train, y_test):
    """Return seconds of the fit, and accuracy in per cent."""
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        model.fit(X_train, y_train)
        seconds = time.perf_counter() - start
        accuracy = 100 * float(np.mean(model.predict(X_test) == y_test))
    return seconds, accuracy


def compare(architecture, name, makers, n_epochs, repeats):
    """Fit all on one set; return a row of the table."""
    X_train, X_test, *targets = series_set(name)
    row = {"data": name}
    for maker_name, make in makers.items():
        own = make is make_ours
        data = (X_train, X_test) if own else (X_train[:, None], X_test[:, None])
        results = [
            fit_and_score(make(architecture, n_epochs, seed), *data, *targets)
            for seed in range(repeats)
        ]
        seconds, accuracy = np.mean(results, axis=0).tolist()
        row |= {maker_name: accuracy, f"{maker_name}, s": seconds}
    row["published"] = PUBLISHED[name][ARCHITECTURES.index(architecture)]
    return row


def summarise(architecture, table, peers):
    """Print the means, and who is reached."""
    means = table.drop(columns="data").mean()
    print(f"{architecture}, mean of {len(table)} sets")
    print(means.round(2).to_string())
    for peer in (*peers, "published"):
        verdict = "reached" if means["sklearn_dl"] >= means[peer] else "NOT REACHED"
        print(f"  accuracy at or above {peer}: {verdict}")
    for peer in peers:
        ratio = means[f"{peer}, s"] / means["sklearn_dl, s"]
        print(f"  {peer} takes {ratio:.2f} times our seconds")


def main():
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="*", default=list(PUBLISHED))
    parser.add_argument("--networks", nargs="*", default=list(ARCHITECTURES))
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peers = installed_peers(options.threads) if options.peer else {}
    print(
        f"torch {torch.__version__}, {options.threads} threads, "
        f"{options.epochs} epochs, {options.repeats} repeats"
    )
    for architecture in options.networks:
        makers = {"sklearn_dl": make_ours} | peers
        # The first fit of each loads and compiles.
        compare(architecture, options.only[0], makers, 1, 1)
        rows = []
        for name in options.only:
            row = compare(architecture, name, makers, options.epochs, options.repeats)
            rows.append(row)
            values = {k: v if k == "data" else round(v, 1) for k, v in row.items()}
            print(architecture, values, flush=True)
        summarise(architecture, pd.DataFrame(rows), peers)


if __name__ == "__main__":
    main()
