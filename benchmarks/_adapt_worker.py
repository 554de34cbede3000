"""Fits adapt's TrAdaBoost in an environment of its own, for benchmarks/tradaboost.py.

Reads a request a line from its input, as JSON: the path of an .npz file with the source
(Xs, ys), the target (Xt, yt) and rows to predict (Xe), the name of the method, the name
of the weak learner, and parameters of the method. Answers with a line: the path of a
.npy file with the predictions, and the seconds of the fit.
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


def answer(request):
    """Fit and predict what a request asks for."""
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
