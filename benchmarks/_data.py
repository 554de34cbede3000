"""Data sets for the benchmarks: scikit-learn's, and those in SKLEARN_DL_DATA."""

import csv
import gzip
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split


def data_folder():
    """Return the folder of the real data sets, or None where there is none."""
    folder = os.environ.get("SKLEARN_DL_DATA")
    return Path(folder) if folder else None


def _csv(name, target, **kwargs):
    frame = pd.read_csv(data_folder() / name, na_values="?", **kwargs)
    y = frame.pop(frame.columns[-1] if target is None else target)
    return frame, y


def load_adult():
    """Return the census rows: 14 columns, 8 of them categories."""
    frame, y = _csv("tabular/adult.csv.gz", "income", skipinitialspace=True)
    return frame.drop(columns="split"), y


def tabular_sets():
    """Return {name: (task, function that returns X, y)}, real tables of all kinds."""
    sets = {
        "breast_cancer": ("c", lambda: _frame(datasets.load_breast_cancer)),
        "digits": ("c", lambda: _frame(datasets.load_digits)),
        "wine": ("c", lambda: _frame(datasets.load_wine)),
        "diabetes": ("r", lambda: _frame(datasets.load_diabetes)),
    }
    folder = data_folder()
    if folder is None:
        return sets

    def arrays(name):
        data = np.load(folder / name)
        keys = {key.lower(): key for key in data}
        X = data[keys["x"]].astype(np.float64)
        return pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]), data["y"]

    def titanic():
        X, y = _csv("tabular/titanic1309.csv.gz", "survived")
        # The ship's own notes after the fact, and what is unique to a person.
        leaks = ["boat", "body", "name", "ticket", "cabin", "home.dest"]
        return X.drop(columns=[c for c in leaks if c in X]), y

    def wine_quality():
        return _csv("tabular/wine_quality.csv.gz", "quality")

    def spambase():
        return _csv("tabular/spambase.csv.gz", None, header=None)

    def bank():
        X, y = _csv("tabular/bank_additional_full.csv.gz", "y")
        return X.drop(columns="duration"), y

    def mushroom():
        frame = pd.read_csv(folder / "mushroom/agaricus-lepiota.csv.gz")
        y = frame.pop("class")
        # Odor alone decides nearly everything; without it the task is a task.
        return frame.drop(columns="odor"), y

    return sets | {
        "titanic": ("c", titanic),
        "spambase": ("c", lambda: _named(spambase())),
        "wine_quality": ("r", wine_quality),
        "covtype": ("c", lambda: arrays("tabular/covtype_10k.npz")),
        "higgs": ("c", lambda: arrays("tabular/higgs_small.npz")),
        "mushroom": ("c", mushroom),
        "california": ("r", lambda: _csv("tabular/california_housing.csv.gz", None)),
        "bank": ("c", bank),
        "adult": ("c", load_adult),
    }


def _frame(loader):
    return loader(return_X_y=True, as_frame=True)


def _named(pair):
    X, y = pair
    return X.set_axis([f"x{k}" for k in range(X.shape[1])], axis=1), y


def _synthetic(task, n_rows, n_features):
    """Draw training sets of one problem, more of them if they are small, and a test."""
    n_sets = max(1, min(10, 20_000 // n_rows))
    n_drawn = n_sets * n_rows
    shape = {"n_samples": n_drawn + 20_000, "n_features": n_features, "random_state": 0}
    if task == "regression":
        X, y = datasets.make_friedman1(noise=1.0, **shape)
    else:
        X, y = datasets.make_classification(
            n_informative=n_features // 2,
            n_classes=10 if task == "ten classes" else 2,
            flip_y=0.05,
            **shape,
        )
    return [
        (X[first : first + n_rows], X[n_drawn:], y[first : first + n_rows], y[n_drawn:])
        for first in range(0, n_drawn, n_rows)
    ]


def _adult():
    X, y = load_adult()
    numbers = X.select_dtypes("number").columns
    types = dict.fromkeys(X.columns.difference(numbers), "category")
    return X.astype(types), (y == y.max()).to_numpy().astype(int)


def _covtype():
    data = np.load(data_folder() / "tabular/covtype_10k.npz")
    keys = {key.lower(): key for key in data}
    y = np.unique(data[keys["y"]], return_inverse=True)[1]
    return data[keys["x"]].astype(np.float64), y


def _splits(load):
    return [train_test_split(*load(), random_state=seed) for seed in range(3)]


def boosting_sets():
    """Return {(name, task): function that returns a list of splits}.

    A task is "binary", "ten classes", "classes" or "regression". A split is X_train,
    X_test, y_train, y_test, with labels that count from 0.
    """
    sizes = [(500, 20), (5000, 20), (20_000, 50), (100_000, 50)]
    sets = {
        (f"{n_rows:,} x {n_features}", task): partial(
            _synthetic, task, n_rows, n_features
        )
        for n_rows, n_features in sizes
        for task in ("binary", "ten classes", "regression")
    }
    if data_folder() is not None:
        sets["adult", "binary"] = partial(_splits, _adult)
        sets["covtype", "classes"] = partial(_splits, _covtype)
    return sets


def image_set(name):
    """Return X_train, X_test, y_train, y_test: bytes of shape (n, height, width).

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "usps"}
        The published split; Fashion-MNIST has half of its training images here.
    """
    folder = data_folder() / name
    suffixes = ("_train_a", "_test") if name == "fashion_mnist" else ("", "")
    train, test = (np.load(folder / f"{name}{suffix}.npz") for suffix in suffixes)
    return train["x_train"], test["x_test"], train["y_train"], test["y_test"]


def series_set(name):
    """Return X_train, X_test, y_train, y_test of the UCR archive's published split."""
    data = np.load(data_folder() / "ucr_timeseries" / f"{name}.npz")
    return data["x_train"], data["x_test"], data["y_train"], data["y_test"]


def vowels_set():
    """Return X_train, X_test, y_train, y_test of JapaneseVowels.

    A row is an utterance of 7 to 29 steps of 12 numbers; the class is the speaker.
    """
    data = np.load(data_folder() / "multivariate_timeseries/JapaneseVowels_varlen.npz")
    rows = [np.split(data[p], data[f"{p}_offsets"][1:-1]) for p in ("train", "test")]
    return *rows, data["y_train"], data["y_test"]


def sentiment_set():
    """Return {"train", "dev" or "test": (sentences, labels)} of SST-2, whole sentences.

    Words and marks are set apart by spaces.
    """
    path = data_folder() / "sentence_classification/sst2.tsv.gz"
    frame = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE)
    return {
        name: (part["text"].tolist(), part["label"].to_numpy())
        for name, part in frame.groupby("split")
    }


def tagged_set():
    """Return {"train", "dev" or "test": (sentences, tags)}: lists of lists of str.

    The English Web Treebank of Universal Dependencies, with its universal tags.
    """
    return {name: _tagged(name) for name in ("train", "dev", "test")}


def _tagged(name):
    path = data_folder() / f"ud_english_ewt_pos/{name}.tsv.gz"
    blocks = gzip.decompress(path.read_bytes()).decode().strip().split("\n\n")
    rows = [[line.split("\t") for line in block.split("\n")] for block in blocks]
    sentences = [[word for word, *_ in row] for row in rows]
    return sentences, [[tag for _, tag, _ in row] for row in rows]
