"""Data sets for the benchmarks: scikit-learn's, and those in SKLEARN_DL_DATA."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets


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
