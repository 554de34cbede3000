"""What embeddings and vectorisers do with real texts."""

import csv
import gzip

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.feature_extraction import text as sklearn_text
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.embedding import Word2Vec
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.text import CountVectorizer

pytestmark = pytest.mark.data


@pytest.fixture
def reviews(data_dir):
    path = data_dir / "imdb_subset/imdb_5k_5k.tsv.gz"
    frame = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE)
    return frame["text"], frame["label"].to_numpy()


@pytest.mark.parametrize("params", [{}, {"ngram_range": (1, 2), "min_df": 3}], ids=str)
def test_counts_of_reviews_are_those_of_scikit_learn(reviews, params):
    texts = reviews[0][:3000]
    ours, theirs = CountVectorizer(**params), sklearn_text.CountVectorizer(**params)
    expected, actual = theirs.fit_transform(texts), ours.fit_transform(texts)
    expected.sort_indices()
    actual.sort_indices()
    assert ours.vocabulary_ == theirs.vocabulary_
    for part in ("data", "indices", "indptr"):
        assert_array_equal(getattr(actual, part), getattr(expected, part))


@pytest.mark.slow
def test_vectors_of_wikipedia_know_what_words_mean(data_dir):
    text = gzip.decompress((data_dir / "text/wiki40.txt.gz").read_bytes()).decode()
    embedding = Word2Vec(64, max_iter=3, random_state=0).fit([text[:20_000_000]])
    neighbours = {word for word, _ in embedding.most_similar("france", n_words=10)}
    assert len(neighbours & {"italy", "spain", "germany", "austria", "hungary"}) >= 3
    similarity = embedding.evaluate_similarity(data_dir / "text/wordsim353.tsv")
    assert similarity.spearman > 0.4
    assert embedding.evaluate_analogies(
        data_dir / "text/questions-words.txt.gz"
    ).accuracy


@pytest.mark.slow
def test_a_search_over_embeddings_of_reviews(reviews):
    texts, y = reviews
    rows = np.random.default_rng(0).permutation(len(y))[:3000]
    texts, y = texts.iloc[rows], y[rows]
    pipeline = make_pipeline(
        Word2Vec(max_iter=5, min_count=3, random_state=0),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=1000),
    )
    grid = {
        "word2vec__n_components": [20, 50],
        "word2vec__model": ["skip-gram", "cbow"],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(texts[:2000], y[:2000])
    assert search.score(texts[2000:], y[2000:]) > 0.7
