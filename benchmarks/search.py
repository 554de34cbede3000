"""Searches: ours, which fit candidates together, and scikit-learn's GridSearchCV.

    SKLEARN_DL_DATA=... python benchmarks/search.py
        [networks|single|boosting|text|memory ...] [--repeats 3]
        [--candidates 8 32 128] [--hidden 64 512] [--adult]

networks  A grid over rate and penalty of a network with one hidden layer, 20 epochs, 5
          folds, refit and scoring included: our search and our network; scikit-learn's
          GridSearchCV(n_jobs=2) over our network, over skorch's and over
          scikit-learn's. digits and breast_cancer; with --adult also 32 candidates on
          the census rows.
single    One fit of each of these networks.
boosting  max_iter in [50, 100, 200, 400] times three rates, 5 folds: our search and
          scikit-learn's over our booster, over HistGradientBoosting and over LightGBM.
text      TF-IDF weightings times strengths of a logistic regression, 5 folds.
memory    The peak of the processes of a search (proportional set size), ours and the
          unjoined one with n_jobs=2.

All in one process, in turns; worker processes are started and warm before the first
measurement. Prints medians of seconds, what a peer takes as a multiple of ours, the
best mean score of each side, and whether the bars are reached.
"""

import argparse
import os
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import sklearn
import skorch
import torch
from _data import data_folder
from _turns import in_turns
from mlp import adult
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier as SklearnMLP
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import scale
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_dl.boosting import GradientBoostingClassifier
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.neural_network import MLPClassifier

EPOCHS, BATCH, JOBS = 20, 200, 2
CV = StratifiedKFold(5, shuffle=True, random_state=0)
RATES = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-4, 2e-3, 6e-3]
PENALTIES = [1e-4 * 10 ** (k / 4) for k in range(16)]


class Net(nn.Module):
    """One hidden layer, as skorch's documentation writes it."""

    def __init__(self, n_features=1, n_hidden=64, n_outputs=2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_outputs)
        )

    def forward(self, X):
        """Return the raw outputs."""
        return self.layers(X)


def networks(X, y, n_hidden):
    """Return {name: (estimator, X, grid names of rate and penalty)}."""
    common = {
        "hidden_layer_sizes": (n_hidden,),
        "max_iter": EPOCHS,
        "tol": 0.0,
        "n_iter_no_change": EPOCHS,
        "random_state": 0,
    }
    small = X.astype(np.float32)
    net = NeuralNetClassifier(
        Net,
        module__n_features=X.shape[1],
        module__n_hidden=n_hidden,
        module__n_outputs=len(np.unique(y)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        batch_size=BATCH,
        max_epochs=EPOCHS,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    names = ("learning_rate_init", "alpha")
    return {
        "sklearn_dl float32": (MLPClassifier(**common), small, names),
        "sklearn_dl float64": (MLPClassifier(**common), X, names),
        "skorch float32": (net, small, ("lr", "optimizer__weight_decay")),
        "scikit-learn float64": (SklearnMLP(**common), X, names),
        "scikit-learn float32": (SklearnMLP(**common), small, names),
    }


def grid(names, n_candidates):
    """Return a grid of that many candidates over rate and penalty."""
    n_rates = min(8, max(2, n_candidates // 8))
    rate, penalty = names
    return {rate: RATES[:n_rates], penalty: PENALTIES[: n_candidates // n_rates]}


def report(title, times, results, quality, bars=None):
    """Print seconds, multiples of the first one's, quality, bars."""
    print(title, flush=True)
    base = next(iter(times.values()))
    for name, seconds in times.items():
        line = f"  {name:38s} {seconds:8.3f} s {seconds / base:7.2f}x"
        line += f"  {quality(results[name])}"
        bar = (bars or {}).get(name)
        if bar is not None:
            verdict = "reached" if seconds / base >= bar else "NOT REACHED"
            line += f"  (bar {bar:g}: {verdict})"
        print(line, flush=True)


def best(search):
    """Describe the winner of a search."""
    return f"best {search.best_score_:.4f} {short(search.best_params_)}"


def short(params):
    """Write parameters in one line."""
    return ", ".join(f"{k.split('__')[-1]}={v:.3g}" for k, v in params.items())


def search(kind, estimator, params, X, y, scoring=None):
    """Return a call that runs a search."""
    model = kind(estimator, params, cv=CV, n_jobs=JOBS, scoring=scoring)
    return lambda: sklearn.clone(model).fit(X, y)


def network_bars(n_hidden, n_candidates):
    """Return the multiples that the issue of these searches asks for."""
    if n_candidates < 32:
        return {}
    high, low = (15, 5) if n_hidden == 64 else (4, 3)
    bars = {"GridSearchCV, skorch float32": high}
    bars["GridSearchCV, scikit-learn float64"] = low
    return bars


def run_networks(options):
    """Compare searches over networks."""
    digits, cancer = load_digits(return_X_y=True), load_breast_cancer(return_X_y=True)
    sets = [("digits", scale(digits[0]), digits[1], options.candidates)]
    sets.append(("breast_cancer", scale(cancer[0]), cancer[1], options.candidates))
    if options.adult and data_folder() is not None:
        sets = [("adult", *adult(), [32])]
    for title, X, y, candidates in sets:
        for n_hidden in options.hidden:
            models = networks(X, y.astype(np.int64), n_hidden)
            for n_candidates in candidates:
                calls = {}
                for name, (model, inputs, names) in models.items():
                    params = grid(names, n_candidates)
                    if name.startswith("sklearn_dl"):
                        calls[f"joint, {name}"] = search(
                            GridSearchCV, model, params, inputs, y
                        )
                    calls[f"GridSearchCV, {name}"] = search(
                        SklearnGridSearchCV, model, params, inputs, y
                    )
                times, searches = in_turns(calls, options.repeats, warm_up=False)
                report(
                    f"{title}, hidden {n_hidden}, {n_candidates} candidates x 5 folds",
                    times,
                    searches,
                    best,
                    network_bars(n_hidden, n_candidates),
                )
                same_scores(searches)


def same_scores(searches):
    """Print how far the scores of the joint search are from the unjoined one's."""
    for kind in ("float32", "float64"):
        joint = searches[f"joint, sklearn_dl {kind}"].cv_results_
        single = searches[f"GridSearchCV, sklearn_dl {kind}"].cv_results_
        gap = np.abs(joint["mean_test_score"] - single["mean_test_score"]).max()
        print(f"  largest difference of a mean score, {kind}: {gap:.2g}", flush=True)


def run_single(options):
    """Compare single fits."""
    for load in (load_digits, load_breast_cancer):
        X, y = load(return_X_y=True)
        X, y = scale(X), y.astype(np.int64)
        for n_hidden in options.hidden:
            calls = {
                name: lambda m=model, i=inputs, y=y: sklearn.clone(m).fit(i, y)
                for name, (model, inputs, _) in networks(X, y, n_hidden).items()
            }
            with joblib.parallel_config(n_jobs=1):
                times, fitted = in_turns(calls, 5 * options.repeats)
            report(
                f"{load.__name__[5:]}, hidden {n_hidden}: one fit of {EPOCHS} epochs",
                times,
                fitted,
                lambda model, X=X, y=y: (
                    f"training accuracy {model.score(X.astype(np.float32), y):.4f}"
                ),
                {"skorch float32": 8, "scikit-learn float64": 2.5},
            )


def run_boosting(options):
    """Compare searches over boosters."""
    grid = {"max_iter": [50, 100, 200, 400], "learning_rate": [0.03, 0.1, 0.3]}
    sets = {
        "breast_cancer": load_breast_cancer(return_X_y=True),
        "2,000 x 20": make_classification(2000, 20, n_informative=8, random_state=0),
    }
    for title, (X, y) in sets.items():
        ours = GradientBoostingClassifier(random_state=0, early_stopping=False)
        theirs = HistGradientBoostingClassifier(random_state=0, early_stopping=False)
        calls = {
            "joint, sklearn_dl": search(GridSearchCV, ours, grid, X, y),
            "GridSearchCV, sklearn_dl": search(SklearnGridSearchCV, ours, grid, X, y),
            "GridSearchCV, HistGradientBoosting": search(
                SklearnGridSearchCV, theirs, grid, X, y
            ),
        }
        try:
            from lightgbm import LGBMClassifier
        except ImportError:
            pass
        else:
            model = LGBMClassifier(verbose=-1, n_jobs=1)
            params = {"n_estimators": grid["max_iter"]}
            params["learning_rate"] = grid["learning_rate"]
            calls["GridSearchCV, LightGBM"] = search(
                SklearnGridSearchCV, model, params, X, y
            )
        times, searches = in_turns(calls, options.repeats, warm_up=False)
        bars = {"GridSearchCV, sklearn_dl": 4}
        title = f"{title}: boosters, 4 numbers of rounds x 3 rates x 5 folds"
        report(title, times, searches, best, bars)
        scores = [
            searches[name].cv_results_["mean_test_score"]
            for name in ("joint, sklearn_dl", "GridSearchCV, sklearn_dl")
        ]
        print("  same scores:", np.array_equal(*scores), flush=True)


def reviews():
    """Return texts and labels: real ones where there are any, else made ones."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{k}" for k in range(20_000)])
    share = 1 / np.arange(1, len(words) + 1)
    y = rng.integers(0, 2, 4000)
    texts = []
    for label in y:
        tilt = share * np.where(np.arange(len(words)) % 7 == label, 1.5, 1.0)
        texts.append(" ".join(rng.choice(words, 120, p=tilt / tilt.sum())))
    return np.array(texts, dtype=object), y


def run_text(options):
    """Compare searches over a text pipeline."""
    X, y = reviews()
    model = Pipeline(
        [("tfidf", TfidfVectorizer(min_df=2)), ("clf", LogisticRegression())]
    )
    grid = {
        "tfidf__sublinear_tf": [False, True],
        "tfidf__use_idf": [False, True],
        "clf__C": [0.1, 1.0, 10.0],
    }
    calls = {
        "joint": search(GridSearchCV, model, grid, X, y),
        "GridSearchCV": search(SklearnGridSearchCV, model, grid, X, y),
    }
    times, searches = in_turns(calls, options.repeats, warm_up=False)
    report("4,000 texts of 120 words, 12 candidates", times, searches, best)


def peak_of(kind, n_hidden, n_candidates):
    """Return MiB of memory at the peak of a search, worker processes included."""
    arguments = [sys.executable, __file__, "memory", "--child", kind]
    arguments += ["--hidden", str(n_hidden), "--candidates", str(n_candidates)]
    output = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return float(output.stdout.split()[-1])


def proportional_memory():
    """Return MiB of this process and its children, shared pages counted once."""
    total, waiting = 0, [os.getpid()]
    while waiting:
        pid = waiting.pop()
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(x.split()[1]) for x in file if x.startswith("Pss:"))
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as file:
                    waiting += [int(child) for child in file.read().split()]
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
    return total / 1024


def run_memory(options):
    """Compare the peaks of memory; each search runs in a process of its own."""
    if options.child is None:
        for n_hidden in options.hidden:
            joint, single = (
                peak_of(kind, n_hidden, 128) for kind in ("joint", "single")
            )
            print(
                f"digits, hidden {n_hidden}, 128 candidates: peak {joint:.0f} MiB, "
                f"unjoined with n_jobs={JOBS} {single:.0f} MiB ({joint / single:.2f} "
                f"times; bar 2)"
            )
        return
    X, y = load_digits(return_X_y=True)
    model, inputs, names = networks(scale(X), y, options.hidden[0])[
        "sklearn_dl float64"
    ]
    kind = GridSearchCV if options.child == "joint" else SklearnGridSearchCV
    peak, over = [0.0], threading.Event()

    def watch():
        while not over.wait(0.05):
            peak[0] = max(peak[0], proportional_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    search(kind, model, grid(names, options.candidates[0]), inputs, y)()
    over.set()
    watcher.join()
    print(peak[0])


SECTIONS = {
    "networks": run_networks,
    "single": run_single,
    "boosting": run_boosting,
    "text": run_text,
    "memory": run_memory,
}


def main():
    """Run the sections that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--candidates", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--adult", action="store_true")
    parser.add_argument("--child", choices=["joint", "single"], help="internal")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    os.environ["PYTHONWARNINGS"] = "ignore"
    if options.child is None:
        print(
            f"scikit-learn {sklearn.__version__}, skorch {skorch.__version__}, "
            f"torch {torch.__version__}, {os.cpu_count()} cores, n_jobs={JOBS}"
        )
        # Every worker imports torch once, and every kernel is compiled or loaded.
        X, y = load_digits(return_X_y=True)
        for kind in (GridSearchCV, SklearnGridSearchCV):
            for model, inputs, names in networks(scale(X), y, 8).values():
                search(kind, model, grid(names, 8), inputs, y)()
    for section in options.sections or SECTIONS:
        SECTIONS[section](options)


if __name__ == "__main__":
    main()
