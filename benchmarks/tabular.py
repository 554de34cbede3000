"""TabularMLP against scikit-learn's MLP and HistGradientBoosting on real tables.

    SKLEARN_DL_DATA=... python benchmarks/tabular.py [--repeats 3] [--rows 8000]

Every model sees the same splits, with its defaults. scikit-learn's MLP stands behind
imputation, scaling and one-hot encoding, and its target is scaled as ours is; the other
two take the columns as they are.
Prints accuracy or R2 (the mean over the splits), log loss, seconds, and mean ranks.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
import sklearn
import torch
from _data import tabular_sets
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_dl.neural_network import TabularMLPClassifier, TabularMLPRegressor

OURS, MLP, HGB = "TabularMLP", "sklearn MLP + scaler", "HistGradientBoosting"


def make_models(task, X):
    """Return {name: estimator} for the columns of X."""
    categories = [c for c in X if not pd.api.types.is_numeric_dtype(X[c])]
    numbers = [c for c in X if c not in categories]
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), categories),
    )
    if task == "c":
        ours = TabularMLPClassifier(dtype="float32", random_state=0)
        log = clone(ours).set_params(scoring="neg_log_loss")
        return {
            OURS: ours,
            f"{OURS}, scoring='neg_log_loss'": log,
            MLP: make_pipeline(prepare, MLPClassifier(random_state=0)),
            HGB: HistGradientBoostingClassifier(random_state=0),
        }
    return {
        OURS: TabularMLPRegressor(dtype="float32", random_state=0),
        MLP: TransformedTargetRegressor(
            make_pipeline(prepare, MLPRegressor(random_state=0)),
            transformer=StandardScaler(),
        ),
        HGB: HistGradientBoostingRegressor(random_state=0),
    }


def one_split(task, X, y, seed, n_rows):
    """Fit all models on one split; yield a row of results for each."""
    n_train = min(n_rows, int(0.75 * len(X)))
    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y,
        train_size=n_train,
        test_size=min(len(X) - n_train, 2 * n_rows),
        random_state=seed,
        stratify=y if task == "c" else None,
    )
    for name, model in make_models(task, X).items():
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X_train, y_train)
        row = {"model": name, "seconds": time.perf_counter() - start}
        row["score"] = model.score(X_test, y_test)
        if task == "c":
            row["log loss"] = log_loss(y_test, model.predict_proba(X_test))
        yield row


def main():
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=8000, help="most training rows")
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    print(f"scikit-learn {sklearn.__version__}, torch {torch.__version__}")
    rows = []
    for name, (task, load) in tabular_sets().items():
        if options.only and name not in options.only:
            continue
        X, y = load()
        for column in X:
            if not pd.api.types.is_numeric_dtype(X[column]):
                X[column] = X[column].astype("category")
        for seed in range(options.repeats):
            for row in one_split(task, X, np.asarray(y), seed, options.rows):
                rows.append({"data": name, "split": seed} | row)
        table = pd.DataFrame(rows)
        columns = [c for c in ("score", "log loss", "seconds") if c in table]
        means = table[table.data == name].groupby("model")[columns].mean()
        print(f"{name}, {len(X):,} rows\n{means.round(4).to_string()}", flush=True)
    summarise(pd.DataFrame(rows))


def summarise(table):
    """Print scores and ranks over all data sets."""
    scores = table.groupby(["data", "model"]).score.mean().unstack()[[OURS, MLP, HGB]]
    print(scores.round(4).to_string())
    ranks = scores.rank(axis=1, ascending=False).mean().round(2)
    print("Mean rank (1 is best):", ranks.to_dict())
    for peer in (MLP, HGB):
        won = (scores[OURS] >= scores[peer]).sum()
        print(f"{OURS} at or above {peer} on {won} of {len(scores)} data sets")


if __name__ == "__main__":
    main()
