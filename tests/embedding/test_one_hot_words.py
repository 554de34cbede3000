import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl.embedding import OneHotWords
from sklearn_dl.model_selection import GridSearchCV

TEXTS = ["b a a", "c", "", "a c c b"]
WORDS = ["a", "b", "c"]
COUNTS = np.array([[2, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 2]])


def test_vectors_have_a_single_one():
    for n_words in (1, 2, 7):
        words = [f"w{k}" for k in range(n_words)]
        embedding = OneHotWords(vocabulary=words).fit(["nothing"])
        assert_array_equal(embedding.vectors_, np.eye(n_words))
        assert embedding.vectors_.dtype == np.float32
        assert_array_equal(embedding.embedding_matrix_[1:], np.eye(n_words))


def test_memory_does_not_grow_with_the_square_of_the_words():
    # A hundred thousand words would be 40 GB.
    words = [f"w{k}" for k in range(100_000)]
    embedding = OneHotWords(vocabulary=words).fit(["w3 w99999"])
    vectors = embedding.vectors_
    assert vectors.shape == (100_000, 100_000)
    assert vectors[3, 3] == vectors[99_999, 99_999] == 1
    assert vectors[3, 4] == 0
    assert not vectors.flags.writeable
    X = embedding.transform(["w99999 w3 w3"])
    assert_array_equal(X.indices, [3, 99_999])
    assert_allclose(X.data, [2 / 3, 1 / 3], rtol=1e-6)
    assert len(pickle.dumps(embedding)) < 5e6


@pytest.mark.parametrize("output", ["mean", "sum", "max", "tfidf"])
def test_documents_are_made_of_the_vectors_of_their_words(output):
    embedding = OneHotWords(output=output, vocabulary=WORDS).fit(TEXTS)
    idf = np.log(5 / (1 + np.array([2, 2, 2]))) + 1
    expected = COUNTS * (idf if output == "tfidf" else 1.0)
    if output == "max":
        expected = np.minimum(COUNTS, 1)
    elif output != "sum":
        expected = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-9)
    X = embedding.transform(TEXTS)
    assert sp.issparse(X)
    assert X.dtype == np.float32
    assert_allclose(X.toarray(), expected, atol=1e-6)
    assert len(embedding.get_feature_names_out()) == 3
    # Counts of the words say the same, and are left alone.
    counts = sp.csr_array(COUNTS.astype(np.float32))
    again = embedding.transform(counts)
    assert_allclose(again.toarray(), expected, atol=1e-6)
    again.data[:] = -1
    assert_array_equal(counts.toarray(), COUNTS)


def test_rarer_words_weigh_more():
    embedding = OneHotWords(output="tfidf", min_count=1).fit(["a b", "a c", "a a"])
    X = embedding.transform(["a b"]).toarray()[0]
    idf = np.log(4 / (1 + np.array([3, 1]))) + 1
    places = [embedding.vocabulary_[word] for word in "ab"]
    assert_allclose(X[places], idf / idf.sum(), rtol=1e-6)
    assert X[places[1]] > X[places[0]]


def test_documents_as_sequences():
    embedding = OneHotWords(output="sequence", vocabulary=WORDS).fit(TEXTS)
    X = embedding.transform(TEXTS)
    assert_array_equal(X, [[2, 1, 1, 0], [3, 0, 0, 0], [0] * 4, [1, 3, 3, 2]])
    with pytest.raises(ValueError, match="counts, which have no order"):
        embedding.transform(sp.csr_array(COUNTS))


def test_no_two_words_have_anything_in_common():
    embedding = OneHotWords(min_count=1).fit(TEXTS)
    assert embedding.similarity("a", "a") == 1
    assert embedding.similarity("a", "b") == 0
    assert [score for _, score in embedding.most_similar("a")] == [0, 0]


def test_the_unknown_word_has_a_column():
    embedding = OneHotWords(min_count=2, unknown="token", output="sum")
    X = embedding.fit(["a a b", "b c"]).transform(["c a", "d d"])
    assert embedding.vocabulary_ == {"a": 0, "b": 1, "<UNK>": 2}
    assert_array_equal(X.toarray(), [[1, 0, 1], [0, 0, 2]])


def test_files_have_other_vectors(tmp_path):
    embedding = OneHotWords(min_count=1).fit(TEXTS)
    embedding.to_word2vec_format(tmp_path / "vectors.txt")
    with pytest.raises(ValueError, match=r"OneHotWords has no other .* 'vocabulary'"):
        OneHotWords.from_word2vec_format(tmp_path / "vectors.txt")


def test_in_a_search():
    generator = np.random.default_rng(0)
    kinds = generator.integers(2, size=60)
    texts = [" ".join(generator.choice(list("abcxyz"[2 * k : 2 * k + 4]), 6))
             for k in kinds]  # fmt: skip
    pipeline = make_pipeline(OneHotWords(analyzer="char"), LogisticRegression())
    grid = {"onehotwords__output": ["sum", "max"], "onehotwords__min_count": [1, 3]}
    ours = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(texts, kinds)
    theirs = SklearnGridSearchCV(pipeline, grid, cv=3).fit(texts, kinds)
    assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )
    assert ours.best_score_ > 0.9


@pytest.mark.parametrize("params", [{"output": "sif"}, {"min_count": 0}])
def test_bad_parameters_are_named(params):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter of OneHot"):
        OneHotWords(**params).fit(TEXTS)
