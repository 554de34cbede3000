"""Fits adapt's models in an environment of its own, for the benchmarks of adaptation.

Reads a request a line from its input, as JSON: the path of an .npz file with the source
(Xs, ys), the target (Xt, yt) and rows to predict (Xe), the name of the method, the name
of the weak learner, and parameters of the method. DANN has networks of its own. Answers
with a line: the path of a .npy file with the predictions, and the seconds of the fit.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

BASES = {
    "stump": lambda: DecisionTreeClassifier(max_depth=1, random_state=0),
    "logistic": lambda: LogisticRegression(max_iter=1000),
    "svm": lambda: LinearSVC(random_state=0),
    "tree": lambda: DecisionTreeRegressor(max_depth=6, random_state=0),
}
PARTS = ("data", "indices", "indptr", "shape")


def save_arrays(path, arrays):
    """Write arrays, of which some may be sparse, to an .npz file."""
    flat = {}
    for name, array in arrays.items():
        if isinstance(array, np.ndarray):
            flat[name] = array
        else:
            flat |= {f"{name}_{part}": getattr(array, part) for part in PARTS}
    np.savez(path, **flat)


def load_arrays(path, names):
    """Read what `save_arrays` wrote."""
    with np.load(path) as file:
        return [
            file[name]
            if name in file
            else csr_matrix(
                tuple(file[f"{name}_{part}"] for part in PARTS[:3]),
                shape=tuple(file[f"{name}_shape"]),
            )
            for name in names
        ]


def answer_dann(request):
    """Fit DANN for a number of epochs."""
    from adapt.feature_based import DANN
    from tensorflow.keras import Sequential, optimizers
    from tensorflow.keras.layers import Dense

    Xs, ys, Xt, Xe = load_arrays(request["data"], ["Xs", "ys", "Xt", "Xe"])
    params = request["params"]
    model = DANN(
        Sequential([Dense(10, activation="tanh")]),
        Sequential([Dense(1, activation="sigmoid")]),
        Sequential([Dense(100, activation="relu"), Dense(1, activation="sigmoid")]),
        Xt=Xt,
        lambda_=1.0,
        loss="bce",
        optimizer=optimizers.SGD(params["rate"], momentum=0.9),
        verbose=0,
        random_state=0,
    )
    start = time.perf_counter()
    model.fit(Xs, ys, epochs=params["n_epochs"], batch_size=params["n_rows"])
    seconds = time.perf_counter() - start
    path = str(Path(request["data"]).with_suffix(".npy"))
    np.save(path, np.ravel(model.predict(Xe)) > 0.5)
    return {"seconds": seconds, "predictions": path}


def answer(request):
    """Fit and predict what a request asks for."""
    if request["method"] == "DANN":
        return answer_dann(request)
    from adapt import instance_based

    Xs, ys, Xt, yt, Xe = load_arrays(request["data"], ["Xs", "ys", "Xt", "yt", "Xe"])
    model = getattr(instance_based, request["method"])(
        BASES[request["base"]](),
        Xt=Xt,
        yt=yt,
        verbose=0,
        random_state=0,
        **request["params"],
    )
    start = time.perf_counter()
    model.fit(Xs, ys)
    seconds = time.perf_counter() - start
    path = str(Path(request["data"]).with_suffix(".npy"))
    np.save(path, np.ravel(model.predict(Xe)))
    return {"seconds": seconds, "predictions": path}


def main():
    """Answer requests until there are no more."""
    warnings.simplefilter("ignore")
    # What others print must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
