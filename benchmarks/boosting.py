"""Boosting: ours, scikit-learn's, LightGBM and XGBoost, in turns in one process.

    SKLEARN_DL_DATA=... python benchmarks/boosting.py [section ...] [--threads 2]

Sections, all unless some are named: adaboost, fit, predict, grid, memory, cold.
Gradient boosting is 100 trees of 31 leaves, with the same settings for all; AdaBoost is
200 stumps. Prints medians, each peer's as a multiple of ours, the quality on rows held
out, and at the end every bar with what was measured and whether it is met. Nothing else
should run meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import sklearn
import xgboost
from _boosters import HIST, LEAVES_NAMES, LIGHTGBM, OURS, PEERS, XGBOOST, make_boosters
from _data import boosting_sets
from _turns import in_turns
from sklearn import ensemble
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_dl.boosting import AdaBoostClassifier

# A comparison begins no further turn after so many seconds.
PATIENCE = 90
THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")

# What is wanted and what came, in the order of the sections.
bars = []


def bar(what, measured, at_least=-np.inf, at_most=np.inf):
    """Note a number and what it must be."""
    wanted = f">= {at_least:.4g}" if np.isfinite(at_least) else f"<= {at_most:.4g}"
    bars.append((what, measured, wanted, at_least <= measured <= at_most))


def fastest(times, names):
    """Return how many times our time the fastest of some takes."""
    return min(times[name] for name in names) / times[OURS]


def show(title, times, notes=None):
    """Print milliseconds, ratios to ours, and a note beside each."""
    print(title)
    for name, value in times.items():
        ratio = value / times[OURS]
        line = f"  {name:28s} {1e3 * value:10.2f} ms {ratio:8.2f}x"
        print(f"{line}  {(notes or {}).get(name, '')}".rstrip(), flush=True)


# -- AdaBoost --------------------------------------------------------------------------


def adaboost_sets():
    """Return {name: (X_train, X_test, y_train, y_test)}."""
    sets = {"breast_cancer": load_breast_cancer(return_X_y=True)}
    for n_rows, n_features in [(2000, 20), (20_000, 50)]:
        sets[f"{n_rows:,} x {n_features}"] = make_classification(
            n_rows * 4 // 3, n_features, n_informative=10, flip_y=0.05, random_state=0
        )
    return {
        name: train_test_split(X, y, random_state=0) for name, (X, y) in sets.items()
    }


def adaboost(options):
    """Boost 200 stumps, exact and with bins."""
    wanted = {
        "breast_cancer": {OURS: 50},
        "2,000 x 20": {OURS: 100},
        "20,000 x 50": {OURS: 35, "with bins": 200},
    }
    for name, (X, X_test, y, y_test) in adaboost_sets().items():
        models = {
            OURS: AdaBoostClassifier(n_estimators=200, random_state=0),
            "with bins": AdaBoostClassifier(
                n_estimators=200, max_bins=255, random_state=0
            ),
            "scikit-learn": ensemble.AdaBoostClassifier(
                n_estimators=200, random_state=0
            ),
        }
        calls = {key: lambda m=m, X=X, y=y: m.fit(X, y) for key, m in models.items()}
        times, fitted = in_turns(calls, options.repeats, patience=PATIENCE)
        answers = {key: model.predict(X_test) for key, model in fitted.items()}
        scores = {key: accuracy_score(y_test, a) for key, a in answers.items()}
        equal = float((answers[OURS] == answers["scikit-learn"]).mean())
        notes = {key: f"accuracy {score:.4f}" for key, score in scores.items()}
        notes[OURS] += f", {equal:.2%} of the predictions equal"
        show(f"AdaBoost, {name}", times, notes)

        for key, ratio in wanted[name].items():
            title = f"AdaBoost {name}, {'exact' if key == OURS else key}"
            bar(f"{title}: speed", times["scikit-learn"] / times[key], ratio)
            distance = abs(scores[key] - scores["scikit-learn"])
            bar(f"{title}: distance in accuracy", distance, at_most=0.005)
        bar(f"AdaBoost {name}, exact: equal predictions", equal, 1)


# -- gradient boosting -----------------------------------------------------------------


def quality(model, task, splits):
    """Return the mean loss on rows held out, and a sentence about it."""
    results = []
    for X, X_test, y, y_test in splits:
        model.fit(X, y)
        if task == "regression":
            answers = model.predict(X_test)
            results.append([mean_squared_error(y_test, answers)])
            results[-1].append(r2_score(y_test, answers))
        else:
            probabilities = model.predict_proba(X_test)
            results.append([log_loss(y_test, probabilities)])
            labels = probabilities.argmax(axis=1)
            results[-1].append(accuracy_score(y_test, labels))
    loss, score = np.mean(results, axis=0)
    if task == "regression":
        return loss, f"squared error {loss:.4f}, R2 {score:.4f}"
    return loss, f"log loss {loss:.4f}, accuracy {score:.4f}"


def fit(options):
    """Fit all sets; compare times, and losses over all their splits."""
    for (name, task), load in boosting_sets().items():
        splits = load()
        X, _, y, _ = splits[0]
        # Without bins it takes minutes on larger sets, and categories not at all.
        small = len(X) <= 5000 and task != "ten classes"
        models = make_boosters(task == "regression", options.threads, exact=small)
        calls = {key: lambda m=m, X=X, y=y: m.fit(X, y) for key, m in models.items()}
        times, _ = in_turns(calls, options.repeats, patience=PATIENCE)
        losses, notes = {}, {}
        for key, model in models.items():
            losses[key], notes[key] = quality(model, task, splits)
        title = f"{name}, {task}"
        show(f"fit {title}", times, notes)

        if len(X) in (500, 5000):
            bar(f"fit {title}: {LIGHTGBM}", times[LIGHTGBM] / times[OURS], 2)
            bar(f"fit {title}: {HIST}", times[HIST] / times[OURS], 3)
            bar(f"fit {title}: {XGBOOST}", times[XGBOOST] / times[OURS], 3)
        if len(X) == 100_000:
            wanted = 1.7 if task == "ten classes" else 1.4
            bar(f"fit {title}: fastest peer", fastest(times, PEERS), wanted)
        ratio = losses[OURS] / min(losses[key] for key in PEERS)
        bar(f"fit {title}: loss over the best peer's", ratio, at_most=1.01)


def predict(options):
    """Predict one row, and 20,000."""
    for (name, task), load in boosting_sets().items():
        if name != "20,000 x 50":
            continue
        X, X_test, y, _ = load()[0]
        regression = task == "regression"
        models = make_boosters(regression, options.threads)
        method = "predict" if regression else "predict_proba"
        calls = {key: getattr(m.fit(X, y), method) for key, m in models.items()}
        for n_rows, repeats in [(1, 50 * options.repeats), (20_000, options.repeats)]:
            rows = X_test[:n_rows]
            on_rows = {key: lambda c=c, r=rows: c(r) for key, c in calls.items()}
            times, _ = in_turns(on_rows, repeats, patience=PATIENCE)
            title = f"{method} {n_rows:,} of {name}, {task}"
            show(title, times)
            bar(f"{title}: fastest peer", fastest(times, PEERS), 1)


# -- searches --------------------------------------------------------------------------


def searches():
    """Return [(title, X, y, learning rates, leaves, bar)], five folds each."""
    wide = np.geomspace(0.02, 0.3, 5), [7, 15, 31, 63]
    sizes = [(1000, 20, ([0.03, 0.1, 0.3], [7, 15, 31]), 3.5)]
    sizes += [(500, 20, wide, None), (5000, 20, wide, None)]
    for n_rows, n_features, (rates, leaves), wanted in sizes:
        X, y = make_classification(n_rows, n_features, n_informative=10, random_state=0)
        n_fits = 5 * len(rates) * len(leaves)
        title = f"{n_fits} fits, {n_rows:,} x {n_features}"
        yield title, X, y, rates, leaves, wanted


def grid(options):
    """Search with one process a core, each peer with one thread in it."""
    # joblib limits the threads of its processes unless these are set.
    found = {name: os.environ.pop(name) for name in THREADS if name in os.environ}
    for title, X, y, rates, leaves, wanted in searches():
        calls, scores = {}, {}
        for key, model in make_boosters(False, n_threads=1).items():
            search = GridSearchCV(
                model,
                {"learning_rate": rates, LEAVES_NAMES[key]: leaves},
                scoring="neg_log_loss",
                n_jobs=options.threads,
                refit=False,
            )
            calls[key] = lambda s=search, X=X, y=y: s.fit(X, y)
        # The first turn starts the processes, which go on to live.
        times, fitted = in_turns(calls, options.repeats, patience=PATIENCE)
        scores = {k: f"best log loss {-s.best_score_:.4f}" for k, s in fitted.items()}
        show(f"grid of {title}, n_jobs={options.threads}", times, scores)
        if wanted is not None:
            bar(f"grid of {title}: fastest peer", fastest(times, PEERS), wanted)
    os.environ.update(found)


# -- what a process needs --------------------------------------------------------------

# The peak of the process, less what it held before. `ru_maxrss` will not do: a process
# starts with that of the one which started it.
MEMORY = """
import sys, warnings, numpy as np
sys.path.insert(0, sys.argv[1])
from _boosters import make_boosters
warnings.simplefilter("ignore")
key, task, threads, folder = sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]

def kilobytes(entry):
    for line in open("/proc/self/status"):
        if line.startswith(entry):
            return int(line.split()[1])

X, y = np.load(folder + "/X.npy"), np.load(folder + "/y.npy")
model = make_boosters(task == "regression", threads)[key]
rows = np.random.default_rng(0).permutation(len(X))[:2000]
model.fit(X[rows], y[rows])
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
before = kilobytes("VmRSS")
model.fit(X, y)
print((kilobytes("VmHWM") - before) / 1024)
"""


def memory(options):
    """Fit 100,000 x 50, each in a process of its own; Linux only."""
    for (name, task), load in boosting_sets().items():
        if name != "100,000 x 50":
            continue
        X, _, y, _ = load()[0]
        print(f"peak memory above that before the fit, {name}, {task}")
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/X.npy", X)
            np.save(f"{folder}/y.npy", y)
            for key in make_boosters(task == "regression", options.threads):
                arguments = (Path(__file__).parent, key, task, options.threads, folder)
                megabytes = run_python(MEMORY, arguments)
                print(f"  {key:28s} {megabytes:10.1f} MiB", flush=True)


FIRST = """
import json, sys, time
start = time.perf_counter()
import numpy as np
from sklearn.datasets import make_classification
from sklearn_dl import boosting
times = {"import": time.perf_counter() - start}
X, y = make_classification(1000, n_classes=int(sys.argv[2]), n_informative=10)
for name in ("first", "second"):
    start = time.perf_counter()
    getattr(boosting, sys.argv[1])().fit(X, y)
    times[name] = time.perf_counter() - start
print(json.dumps(times))
"""


def cold(options):
    """Fit first with an empty cache of compiled code, then in a new process with it."""
    print("import, first and second fit of a process, seconds")
    for model, n_classes in [
        ("GradientBoostingClassifier", 2),
        ("GradientBoostingClassifier", 10),
        ("GradientBoostingRegressor", 2),
        ("AdaBoostClassifier", 2),
    ]:
        title = f"{model}, {n_classes} classes" if n_classes > 2 else model
        with tempfile.TemporaryDirectory() as cache:
            env = {"NUMBA_CACHE_DIR": cache}
            runs = [
                run_python(FIRST, (model, n_classes), env)
                for _ in range(options.repeats + 1)
            ]
        medians = {k: statistics.median(run[k] for run in runs[1:]) for k in runs[0]}
        for state, times in (("empty cache", runs[0]), ("full cache", medians)):
            line = "  ".join(f"{key} {value:7.3f}" for key, value in times.items())
            print(f"  {title:40s} {state:12s} {line}", flush=True)
        surplus = medians["first"] - medians["second"]
        bar(f"{title}: seconds more in a new process", surplus, at_most=0.5)


def run_python(code, arguments, env=None):
    """Run code in a new interpreter; return what it prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        check=True,
        env={**os.environ, **(env or {})},
        text=True,
    )
    return json.loads(done.stdout)


# -- all of it -------------------------------------------------------------------------

SECTIONS = {
    function.__name__: function
    for function in (adaboost, fit, predict, grid, memory, cold)
}


def show_bars():
    """Print every bar, and how many are met."""
    print("\nbars")
    for what, measured, wanted, met in bars:
        verdict = "met" if met else "MISSED"
        print(f"  {what:66s} {measured:9.3f} {wanted:>8s}  {verdict}")
    print(f"{sum(met for *_, met in bars)} of {len(bars)} met")


def main():
    """Run the sections asked for and print what came of the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="section", default=SECTIONS)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {sorted(unknown)}; there are {list(SECTIONS)}")
    limits = dict.fromkeys(THREADS, str(options.threads))
    if any(os.environ.get(name) != limit for name, limit in limits.items()):
        # The libraries read these when they are loaded.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **limits})

    # LightGBM speaks of names of columns that neither side has.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    print(
        f"scikit-learn {sklearn.__version__}, LightGBM {lightgbm.__version__}, "
        f"XGBoost {xgboost.__version__}, {options.threads} threads"
    )
    for name in options.sections:
        SECTIONS[name](options)
    show_bars()


if __name__ == "__main__":
    main()
