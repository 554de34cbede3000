"""TrAdaBoost beside source only, target only, both pooled, and adapt's.

    SKLEARN_DL_DATA=... ADAPT_PYTHON=... python benchmarks/tradaboost.py [section ...]

Sections, all unless some are named: synthetic, mushroom, newsgroups, friedman, speed.
Labels of target rows that are tested on are used for nothing else; no parameter is
searched for. The same weak learner stands behind all columns of a row. adapt runs in
the environment whose python ADAPT_PYTHON names (TensorFlow is no friend of others), on
the same rows, in turns with ours; without the variable it is left out. mushroom,
newsgroups and a part of speed need SKLEARN_DL_DATA. Prints the mean over seeds with the
standard deviation, and at the end every bar with what was measured and whether it is
met. Nothing else should run while times are measured.
"""

import argparse
import gzip
import json
import os
import statistics
import time
import warnings

import numpy as np
import pandas as pd
import sklearn
from _adapt_client import Adapt
from _adapt_worker import BASES
from _data import data_folder
from scipy.sparse import issparse, vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder

from sklearn_dl.boosting import AdaBoostRegressor
from sklearn_dl.domain_adaptation import (
    TrAdaBoostClassifier,
    TrAdaBoostRegressor,
    TwoStageTrAdaBoostRegressor,
)

PAPER = {"init": "uniform", "dynamic": False}
# The splits of Dai et al. 2007: groups of the source, and of the target.
NEWSGROUPS = {
    "rec vs talk": (
        ("rec.autos rec.motorcycles", "talk.politics.guns talk.politics.misc"),
        (
            "rec.sport.baseball rec.sport.hockey",
            "talk.politics.mideast talk.religion.misc",
        ),
    ),
    "rec vs sci": (
        ("rec.autos rec.sport.baseball", "sci.med sci.space"),
        ("rec.motorcycles rec.sport.hockey", "sci.crypt sci.electronics"),
    ),
    "sci vs talk": (
        ("sci.electronics sci.med", "talk.politics.misc talk.religion.misc"),
        ("sci.crypt sci.space", "talk.politics.guns talk.politics.mideast"),
    ),
}

# What is wanted and what came, in the order of the sections.
bars = []


def bar(what, measured, at_least=-np.inf, at_most=np.inf, below=np.inf):
    """Note a number and what it must be."""
    wanted = [
        f"{sign} {limit:.4g}"
        for sign, limit in ((">=", at_least), ("<=", at_most), ("<", below))
        if np.isfinite(limit)
    ]
    met = at_least <= measured <= at_most and measured < below
    bars.append((what, measured, " and ".join(wanted), met))


def bar_beside_adapt(title, means):
    """Note an error that must be no worse than adapt's, where adapt runs."""
    if "adapt" in means:
        what = f"{title}: error, no worse than adapt's"
        bar(what, means["TrAdaBoost"], at_most=means["adapt"])


def show_bars():
    """Print every bar and whether it is met."""
    if bars:
        print("\nBars")
    for what, measured, wanted, met in bars:
        print(f"  {'met   ' if met else 'MISSED'} {what}: {measured:.4g} ({wanted})")


def pooled(task):
    """Return X, y and sample_domain of a task."""
    stack = vstack if issparse(task["Xs"]) else np.concatenate
    X = stack([task["Xs"], task["Xt"]])
    y = np.concatenate([task["ys"], task["yt"]])
    domain = np.where(np.arange(len(y)) < len(task["ys"]), 0, -1)
    return X.tocsr() if issparse(X) else X, y, domain


def baselines(task, model):
    """Return predictions of a model of the source, of the target and of both."""
    X, y, _ = pooled(task)
    parts = {
        "source only": (task["Xs"], task["ys"]),
        "target only": (task["Xt"], task["yt"]),
        "pooled": (X, y),
    }
    return {
        name: sklearn.clone(model).fit(*rows).predict(task["Xe"])
        for name, rows in parts.items()
    }


def show(title, results, n_seeds):
    """Print the mean and the deviation of each column; return the means."""
    print(f"{title} ({n_seeds} seeds)")
    means = {}
    for name, values in results.items():
        means[name] = float(np.mean(values))
        print(f"  {name:24s} {means[name]:7.4f} +- {np.std(values):.4f}", flush=True)
    return means


def classify(tasks, base, adapt, n_rounds):
    """Return the errors of all columns on tasks, in lists."""
    ours = {
        "TrAdaBoost": {},
        "TrAdaBoost of 2007": PAPER,
    }
    results = {}
    for task in tasks:
        answers = baselines(task, BASES[base]())
        X, y, domain = pooled(task)
        for name, params in ours.items():
            model = TrAdaBoostClassifier(
                BASES[base](), n_estimators=n_rounds, random_state=0, **params
            )
            answers[name] = model.fit(X, y, sample_domain=domain).predict(task["Xe"])
        if adapt.python:
            answers["adapt"] = adapt.fit(
                task, "TrAdaBoost", base, n_estimators=n_rounds
            )[1]
        for name, answer in answers.items():
            results.setdefault(name, []).append(float((answer != task["ye"]).mean()))
    return results


# -- tasks -----------------------------------------------------------------------------


def synthetic_task(seed):
    """Half of the source follows another rule than the target."""
    rng = np.random.RandomState(seed)
    Xs, Xt, Xe = (rng.randn(n, 50) for n in (5000, 100, 10_000))
    rule, other = rng.randn(2, 50)
    ys, yt, ye = ((X @ rule > 0).astype(int) for X in (Xs, Xt, Xe))
    ys[:2500] = Xs[:2500] @ other > 0
    return {"Xs": Xs, "ys": ys, "Xt": Xt, "yt": yt, "Xe": Xe, "ye": ye}


def draw_labelled(X, y, rng, share=0.01):
    """Give some target rows their labels, of each class; the others are the test."""
    chosen = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        n = max(1, round(share * len(rows)))
        chosen[rng.choice(rows, n, replace=False)] = True
    return {"Xt": X[chosen], "yt": y[chosen], "Xe": X[~chosen], "ye": y[~chosen]}


def mushroom_tasks(n_seeds, source_stalks="e"):
    """Take mushrooms of one stalk shape for the source; 1% of the others labelled.

    The paper's source has enlarging stalks (e), its target tapering ones (t).
    """
    frame = pd.read_csv(data_folder() / "mushroom/agaricus-lepiota.csv.gz")
    y = (frame.pop("class") == "p").to_numpy().astype(int)
    source = (frame.pop("stalk_shape") == source_stalks).to_numpy()
    X = OneHotEncoder().fit_transform(frame).tocsr()
    for seed in range(n_seeds):
        labelled = draw_labelled(X[~source], y[~source], np.random.RandomState(seed))
        yield {"Xs": X[source], "ys": y[source]} | labelled


def newsgroups_tasks(split, n_seeds):
    """Take other groups for the source than for the target; 1% have a label."""
    path = data_folder() / "20newsgroups/20news_bydate.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        frame = pd.DataFrame(map(json.loads, lines))
    domain, classes = {}, {}
    for number, groups in enumerate(NEWSGROUPS[split]):
        for label, names in enumerate(groups):
            domain |= dict.fromkeys(names.split(), number)
            classes |= dict.fromkeys(names.split(), label)
    frame = frame[frame["label"].isin(domain)]
    X = TfidfVectorizer(min_df=3, stop_words="english").fit_transform(frame["text"])
    y = frame["label"].map(classes).to_numpy()
    source = (frame["label"].map(domain) == 0).to_numpy()
    for seed in range(n_seeds):
        labelled = draw_labelled(X[~source], y[~source], np.random.RandomState(seed))
        yield {"Xs": X[source], "ys": y[source]} | labelled


def friedman_rows(n_rows, rng, shift):
    """Rows of Friedman's first function with coefficients moved by `shift`."""
    X = rng.uniform(size=(n_rows, 10))
    a, b = 1 + shift * rng.randn(4), 1 + shift * rng.randn(5)
    c = shift / 2 * rng.randn(5)
    u = X[:, :5] * b + c
    y = a[0] * 10 * np.sin(np.pi * u[:, 0] * u[:, 1]) + a[1] * 20 * (u[:, 2] - 0.5) ** 2
    y += a[2] * 10 * u[:, 3] + a[3] * 5 * u[:, 4]
    return X, y + 0.1 * rng.randn(n_rows)


def friedman_task(seed, shift=0.1):
    """1000 rows of five sources like Pardoe and Stone's, and 100 of the target."""
    rng = np.random.RandomState(seed)
    sources = [friedman_rows(200, rng, shift) for _ in range(5)]
    Xs, ys = (np.concatenate(parts) for parts in zip(*sources, strict=True))
    (Xt, yt), (Xe, ye) = (friedman_rows(n, rng, 0.0) for n in (100, 5000))
    return {"Xs": Xs, "ys": ys, "Xt": Xt, "yt": yt, "Xe": Xe, "ye": ye}


# -- sections --------------------------------------------------------------------------


def synthetic(options, adapt):
    """Logistic regression where half of the source contradicts."""
    tasks = [synthetic_task(seed) for seed in range(options.seeds)]
    errors = classify(tasks, "logistic", adapt, 50)
    accuracies = {name: 1 - np.array(e) for name, e in errors.items()}
    means = show("Synthetic, logistic regression: accuracy", accuracies, len(tasks))
    bar("synthetic: accuracy", means["TrAdaBoost"], at_least=0.86)
    if "adapt" in means:
        what = "synthetic: accuracy, no worse than adapt's"
        bar(what, means["TrAdaBoost"], at_least=means["adapt"])


def mushroom(options, adapt):
    """Linear SVM on mushrooms, both ways."""
    for stalks, title in {"e": "enlarging to tapering", "t": "the other way"}.items():
        tasks = list(mushroom_tasks(options.seeds, stalks))
        errors = classify(tasks, "svm", adapt, 50)
        means = show(f"Mushroom, {title}, linear SVM: error", errors, len(tasks))
        bar(f"mushroom, {title}: error", means["TrAdaBoost"], at_most=0.055)
        bar_beside_adapt(f"mushroom, {title}", means)


def newsgroups(options, adapt):
    """Linear SVM on three pairs of newsgroups."""
    for split in NEWSGROUPS:
        tasks = list(newsgroups_tasks(split, min(options.seeds, 5)))
        errors = classify(tasks, "svm", adapt, 50)
        means = show(f"{split}, linear SVM: error", errors, len(tasks))
        bar(f"{split}: error", means["TrAdaBoost"], below=means["pooled"])
        bar_beside_adapt(split, means)


def friedman(options, adapt):
    """Trees on Friedman's function."""
    depth = {"max_depth": 6, "random_state": 0}
    models = {
        "TrAdaBoost.R2": TrAdaBoostRegressor(**depth),
        "R2 of 2010": TrAdaBoostRegressor(**depth, **PAPER),
        "two-stage": TwoStageTrAdaBoostRegressor(**depth),
    }
    results = {}
    for seed in range(options.seeds):
        task = friedman_task(seed)
        answers = baselines(task, AdaBoostRegressor(**depth))
        X, y, domain = pooled(task)
        for name, model in models.items():
            answers[name] = model.fit(X, y, sample_domain=domain).predict(task["Xe"])
        if adapt.python:
            for name, method in (
                ("adapt R2", "TrAdaBoostR2"),
                ("adapt two-stage", "TwoStageTrAdaBoostR2"),
            ):
                answers[name] = adapt.fit(task, method, "tree")[1]
        for name, answer in answers.items():
            rmse = float(np.sqrt(np.mean((answer - task["ye"]) ** 2)))
            results.setdefault(name, []).append(rmse)
    means = show("Friedman, trees of depth 6: RMSE", results, options.seeds)
    bar("Friedman: RMSE of two stages", means["two-stage"], at_most=2.4)


def speed(options, adapt):
    """Seconds of fits by the same algorithm, in turns with adapt's."""
    if not adapt.python:
        print("speed: skipped, for ADAPT_PYTHON names no python that has adapt")
        return
    task, frequent = synthetic_task(0), {"n_estimators": 50}
    comparisons = {
        "stumps": (
            task,
            TrAdaBoostClassifier(**PAPER),
            "TrAdaBoost",
            "stump",
            frequent,
            25,
        ),
        "logistic regression": (
            task,
            TrAdaBoostClassifier(BASES["logistic"](), **PAPER),
            "TrAdaBoost",
            "logistic",
            frequent,
            1,
        ),
        "two-stage, trees": (
            friedman_task(0),
            TwoStageTrAdaBoostRegressor(
                n_estimators=10, n_steps=10, cv=5, max_depth=6, random_state=0
            ),
            "TwoStageTrAdaBoostR2",
            "tree",
            {"n_estimators": 10, "n_estimators_fs": 10, "cv": 5},
            10,
        ),
    }
    if data_folder():
        comparisons["linear SVM on mushroom"] = (
            next(mushroom_tasks(1)),
            TrAdaBoostClassifier(BASES["svm"](), **PAPER),
            "TrAdaBoost",
            "svm",
            frequent,
            8,
        )
    for title, (task, model, method, base, params, wanted) in comparisons.items():
        X, y, domain = pooled(task)
        model.fit(X, y, sample_domain=domain)
        ours, theirs = [], []
        for _ in range(options.repeats):
            start = time.perf_counter()
            model.fit(X, y, sample_domain=domain)
            ours.append(time.perf_counter() - start)
            theirs.append(adapt.fit(task, method, base, **params)[0])
        ratio = statistics.median(theirs) / statistics.median(ours)
        print(
            f"{title}: ours {1e3 * statistics.median(ours):.1f} ms, adapt "
            f"{1e3 * statistics.median(theirs):.1f} ms, {ratio:.1f}x",
            flush=True,
        )
        bar(f"speed, {title}", ratio, at_least=wanted)
        if isinstance(model, TrAdaBoostClassifier):
            model.set_params(init="balanced", dynamic=True)
            start = time.perf_counter()
            model.fit(X, y, sample_domain=domain)
            print(f"  ours by default {1e3 * (time.perf_counter() - start):.1f} ms")


SECTIONS = {
    "synthetic": synthetic,
    "mushroom": mushroom,
    "newsgroups": newsgroups,
    "friedman": friedman,
    "speed": speed,
}


def main():
    """Run the sections asked for and print what came of the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="section", default=SECTIONS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {sorted(unknown)}; there are {list(SECTIONS)}")
    warnings.simplefilter("ignore")
    print(f"scikit-learn {sklearn.__version__}")
    adapt = Adapt(os.environ.get("ADAPT_PYTHON"))
    if not adapt.python:
        print("adapt: skipped, for ADAPT_PYTHON names no python that has it")
    for name in options.sections:
        if name in ("mushroom", "newsgroups") and not data_folder():
            print(f"{name}: skipped, for SKLEARN_DL_DATA names no folder")
            continue
        SECTIONS[name](options, adapt)
    adapt.close()
    show_bars()


if __name__ == "__main__":
    main()
