"""How good are the learning rates that LearningRateRange suggests, rule by rule.

Claim: over five data sets, two solvers, two batch sizes and two schedules, the rule
"middle" loses less on average against the best of ten rates than the two others do.
Prints how much each rule falls short, and the ratio of the means to that of "middle".
"""

import warnings
from itertools import product

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    make_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sklearn_dl.model_selection import LearningRateRange
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

RULES = ("middle", "minimum", "steepest")
RATES = 10 ** np.arange(-4, 0.6, 0.5)
N_ROWS = 1500
# What a training that diverged counts as.
FAILED = -1.0


def problems():
    """Yield a name, the kind of network, inputs and targets."""
    yield "digits", MLPClassifier, *load_digits(return_X_y=True)
    yield "breast_cancer", MLPClassifier, *load_breast_cancer(return_X_y=True)
    X, y = load_diabetes(return_X_y=True)
    yield "diabetes", MLPRegressor, X, scale(y)
    X, y = make_classification(
        5000, 30, n_informative=15, n_classes=4, flip_y=0.1, random_state=0
    )
    yield "four_classes", MLPClassifier, X, y
    X, y = make_regression(3000, 20, noise=20, random_state=0)
    yield "linear", MLPRegressor, X, y


def score(network, rate, X_train, X_test, y_train, y_test):
    """Return the test score of a network that was trained with a rate."""
    trained = clone(network).set_params(learning_rate_init=float(rate))
    try:
        return max(trained.fit(X_train, y_train).score(X_test, y_test), FAILED)
    except ValueError:
        # The weights did not stay finite.
        return FAILED


def main():
    """Run all settings and print the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for name, make_network, X, y in problems():
        data = train_test_split(scale(X)[:N_ROWS], y[:N_ROWS], random_state=0)
        settings = product(("adam", "sgd"), (32, "auto"), ("constant", "cosine"))
        for solver, batch_size, learning_rate in settings:
            network = make_network(
                solver=solver,
                batch_size=batch_size,
                learning_rate=learning_rate,
                max_iter=20,
                random_state=0,
            )
            best = max(score(network, rate, *data) for rate in RATES)
            row = {"problem": name, "solver": solver, "batch_size": batch_size}
            for rule in RULES:
                test = LearningRateRange(network, rule=rule, refit=False)
                rate = test.fit(data[0], data[2]).suggested_rate_
                row[rule] = best - score(network, rate, *data)
            rows.append(row)
            print(row, flush=True)
    short = pd.DataFrame(rows)[list(RULES)].agg(["mean", "median", "max"]).T
    short["ratio"] = short["mean"] / short.loc["middle", "mean"]
    print(short.round(4))


if __name__ == "__main__":
    main()
