"""Vectorisers of texts beside scikit-learn's: seconds, and whether they agree.

    SKLEARN_DL_DATA=... python benchmarks/text.py [--repeats 5] [--copies 5]

IMDb reviews, 10,000 of them and as many copies as asked for, so that 50,000 have the
length of the whole data set. `CountVectorizer` and `TfidfVectorizer` fit and transform,
and transform alone, in turns with scikit-learn's in one process. Prints the medians of
seconds, the ratio, the bar (3 times as fast by default), and the largest difference of
the two matrices. Then the same with two jobs, and the memory that a stream of the
documents takes with `partial_fit`.
"""

import argparse
import csv
import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import sklearn
from _data import data_folder
from _turns import in_turns
from sklearn.feature_extraction import text

from sklearn_dl.text import CountVectorizer, TfidfVectorizer

BAR = 3.0
# Name, class of ours, class of scikit-learn's, parameters.
CASES = [
    ("counts", CountVectorizer, text.CountVectorizer, {}),
    ("TF-IDF", TfidfVectorizer, text.TfidfVectorizer, {}),
    ("TF-IDF, min_df=5", TfidfVectorizer, text.TfidfVectorizer, {"min_df": 5}),
    ("TF-IDF, pairs", TfidfVectorizer, text.TfidfVectorizer, {"ngram_range": (1, 2)}),
    (
        "TF-IDF, char_wb 2-4",
        TfidfVectorizer,
        text.TfidfVectorizer,
        {"analyzer": "char_wb", "ngram_range": (2, 4)},
    ),
    (
        "TF-IDF, unicode accents",
        TfidfVectorizer,
        text.TfidfVectorizer,
        {"strip_accents": "unicode"},
    ),
]


def reviews():
    """Return the texts of the reviews."""
    path = data_folder() / "imdb_subset/imdb_5k_5k.tsv.gz"
    return pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE)["text"].tolist()


def difference(a, b):
    """Return the largest difference of two sparse matrices of the same columns."""
    return float(np.abs(a - b).max())


def compare(name, ours, theirs, params, documents, repeats):
    """Print one line for fit and transform, and one for transform alone."""
    fitted = ours(**params).fit(documents), theirs(**params).fit(documents)
    assert fitted[0].vocabulary_ == fitted[1].vocabulary_
    for what, calls in (
        (
            "fit_transform",
            {
                key: partial(lambda make: make(**params).fit_transform(documents), make)
                for key, make in (("ours", ours), ("theirs", theirs))
            },
        ),
        (
            "transform",
            {
                key: partial(model.transform, documents)
                for key, model in zip(("ours", "theirs"), fitted, strict=True)
            },
        ),
    ):
        seconds, results = in_turns(calls, repeats)
        ratio = seconds["theirs"] / seconds["ours"]
        print(
            f"{name:26} {what:14} {seconds['ours']:7.2f} {seconds['theirs']:7.2f} "
            f"{ratio:6.2f}  {'reached' if ratio >= BAR else 'MISSED':8} "
            f"{difference(results['ours'], results['theirs']):.1e}"
        )


def compare_jobs(documents, repeats):
    """Print what a second thread brings."""
    calls = {
        n: partial(TfidfVectorizer(n_jobs=n).fit_transform, documents) for n in (1, 2)
    }
    seconds, _ = in_turns(calls, repeats)
    print(f"\nTF-IDF with two jobs: {seconds[1] / seconds[2]:.2f} times as fast as one")


def compare_stream(documents):
    """Print the peak of memory of a stream, and of one call with all documents."""
    peaks = {}
    for name, size in (("stream of 1,000", 1000), ("at once", len(documents))):
        tracemalloc.start()
        model = CountVectorizer()
        for start in range(0, len(documents), size):
            model.partial_fit(documents[start : start + size])
        peaks[name] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    print(", ".join(f"{name}: {peak:.0f} MiB" for name, peak in peaks.items()))


def main():
    """Run the comparisons and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--copies", type=int, default=5)
    arguments = parser.parse_args()
    documents = reviews()
    # Copies that differ, as other documents would.
    documents = [f"{text} {k}" for k in range(arguments.copies) for text in documents]
    characters = sum(map(len, documents)) / 1e6
    print(f"{len(documents):,} documents of {characters:.0f} million characters, "
          f"scikit-learn {sklearn.__version__}\n")  # fmt: skip
    print(f"{'':41} {'ours':>7} {'theirs':>7} {'ratio':>6}  bar      difference")
    for case in CASES:
        compare(*case, documents, arguments.repeats)
    compare_jobs(documents, arguments.repeats)
    compare_stream(documents)


if __name__ == "__main__":
    main()
