"""Documents as vectors for a classifier: TF-IDF, word vectors, and both together.

    SKLEARN_DL_DATA=... python benchmarks/documents.py [imdb newsgroups sst2 trec]
        [--only "GloVe, mean" ...]

Sentiment (IMDb, 5,000 reviews to train and to test; SST-2, sentences) and topics (20
newsgroups by date; questions of TREC). Behind each vectoriser stands a standardising
step, where vectors are dense, and logistic regression; its strength is searched by
three-fold cross-validation inside the training part, vectoriser and all. Word
vectors are learned from the training documents, and those marked "wiki40" from
Wikipedia besides. Prints the accuracy on the test part, the strength that was found,
and seconds of the search.
"""

import argparse
import csv
import gzip
import json
import time

import pandas as pd
from _data import data_folder
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from sklearn_dl.embedding import CooccurrenceSVD, GloVe, Word2Vec
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.text import TfidfVectorizer


def read_table(name):
    """Return train and test part of a table with texts and labels."""
    frame = pd.read_csv(data_folder() / name, sep="\t", quoting=csv.QUOTE_NONE)
    return [
        (part["text"].tolist(), part["label"].to_numpy())
        for part in (frame[frame["split"] == s] for s in ("train", "test"))
    ]


def read_newsgroups():
    """Return both parts by date, without headers."""
    lines = gzip.open(data_folder() / "20newsgroups/20news_bydate.jsonl.gz", "rt")
    frame = pd.DataFrame(map(json.loads, lines))
    return [
        (part["text"].tolist(), part["label"].to_numpy())
        for part in (frame[frame["split"] == s] for s in ("train", "test"))
    ]


SETS = {
    "imdb": lambda: read_table("imdb_subset/imdb_5k_5k.tsv.gz"),
    "newsgroups": read_newsgroups,
    "sst2": lambda: read_table("sentence_classification/sst2.tsv.gz"),
    "trec": lambda: read_table("sentence_classification/trec6.tsv.gz"),
}


def wiki_vectors():
    """Return vectors that were learned from Wikipedia."""
    packed = (data_folder() / "text/wiki40.txt.gz").read_bytes()
    model = Word2Vec(100, n_threads=2, random_state=0)
    return FrozenEstimator(model.fit([gzip.decompress(packed).decode()]))


def candidates(wiki):
    """Return {name: (vectoriser, whether it is dense)}."""
    common = {"n_threads": 2, "random_state": 0, "max_iter": 10, "min_count": 3}
    tfidf = TfidfVectorizer(min_df=2, sublinear_tf=True)
    word2vec = Word2Vec(100, **common)
    sif = Word2Vec(100, output="sif", **common)
    weighted = Word2Vec(100, output="tfidf", **common)
    glove = GloVe(100, n_threads=2, random_state=0, min_count=3)
    svd = CooccurrenceSVD(100, random_state=0, min_count=3)
    return {
        "TF-IDF": (tfidf, False),
        "TF-IDF, also pairs": (
            TfidfVectorizer(min_df=2, sublinear_tf=True, ngram_range=(1, 2)), False
        ),
        "word2vec, mean": (word2vec, True),
        "word2vec, TF-IDF-weighted": (weighted, True),
        "word2vec, SIF": (sif, True),
        "GloVe, mean": (glove, True),
        "co-occurrence SVD, mean": (svd, True),
        "word2vec of wiki40, mean": (wiki, True),
        "TF-IDF and word2vec": (
            make_union(tfidf, make_pipeline(word2vec, StandardScaler())), False
        ),
    }  # fmt: skip


def search(vectorizer, dense, train, test):
    """Search, fit and score one of them."""
    steps = [vectorizer, StandardScaler()] if dense else [vectorizer]
    pipeline = make_pipeline(*steps, LogisticRegression(max_iter=3000))
    # Standardised components want far less freedom than rows of length one.
    strengths = [0.001, 0.01, 0.1, 1.0] if dense else [1.0, 10.0, 100.0]
    grid = {"logisticregression__C": strengths}
    begin = time.perf_counter()
    found = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(*train)
    seconds = time.perf_counter() - begin
    return found.score(*test), found.best_params_["logisticregression__C"], seconds


def main():
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows of the table")
    arguments = parser.parse_args()
    wiki = wiki_vectors()
    for name in arguments.sets:
        train, test = SETS[name]()
        print(f"\n{name}: {len(train[0]):,} to train, {len(test[0]):,} to test")
        for label, (vectorizer, dense) in candidates(wiki).items():
            if label not in (arguments.only or [label]):
                continue
            score, best, seconds = search(vectorizer, dense, train, test)
            print(f"{label:28} {score:.4f}  C={best:<6} {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
