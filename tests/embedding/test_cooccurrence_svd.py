import gzip
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import pearsonr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl.embedding import CooccurrenceSVD, _cooccurrences
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.testing import check_joint_fit

# The example of the spec.
SENTENCES = ["I like deep learning.", "I like NLP.", "I enjoy flying."]
WORDS = ["I", "like", "enjoy", "deep", "learning", "NLP", "flying", "."]
COUNTS = {
    ("I", "like"): 2, ("I", "enjoy"): 1, ("like", "deep"): 1, ("like", "NLP"): 1,
    ("enjoy", "flying"): 1, ("deep", "learning"): 1, ("learning", "."): 1,
    ("NLP", "."): 1, ("flying", "."): 1,
}  # fmt: skip

# Two kinds of texts, with words of their own and some in common.
GENERATOR = np.random.default_rng(0)
KINDS = GENERATOR.integers(2, size=200)
TEXTS = [
    " ".join(
        f"{'xy'[kind] if own else 'z'}{number}"
        for own, number in zip(
            GENERATOR.random(20) < 0.5, GENERATOR.integers(12, size=20), strict=True
        )
    )
    for kind in KINDS
]


def example(**params):
    return CooccurrenceSVD(
        **{"n_components": 2, "window": 1, "vocabulary": WORDS, **params},
        token_pattern=r"\w+|\.",
        lowercase=False,
        random_state=0,
    ).fit(SENTENCES)


def expected_counts():
    counts = np.zeros((8, 8))
    for (one, other), count in COUNTS.items():
        i, j = WORDS.index(one), WORDS.index(other)
        counts[i, j] = counts[j, i] = count
    return counts


def test_the_counts_of_the_worked_example():
    counts = example().cooccurrences_
    assert_array_equal(counts.toarray(), expected_counts())
    assert counts.nnz == 2 * len(COUNTS)
    assert counts.format == "csr"


def test_the_decomposition_of_the_worked_example():
    embedding = example(scaling="count", n_components=8, singular_value_exponent=1)
    u, s, _ = np.linalg.svd(expected_counts())
    assert_allclose(embedding.singular_values_, s, atol=1e-5)
    vectors = embedding.vectors_
    assert_allclose(vectors @ vectors.T, u * s**2 @ u.T, atol=1e-4)
    roots = example(scaling="count", n_components=8)
    assert_allclose(roots.vectors_ @ roots.vectors_.T, u * s @ u.T, atol=1e-4)
    plain = example(scaling="count", n_components=8, singular_value_exponent=0)
    assert_allclose(np.abs(plain.vectors_), np.abs(u), atol=1e-4)
    short = example(scaling="count", n_components=3, singular_value_exponent=1)
    assert_allclose(short.singular_values_, s[:3], atol=1e-5)
    assert short.vectors_.shape == (8, 3)
    assert short.vectors_.dtype == np.float32


def test_a_ramp_counts_4_3_2_1():
    embedding = CooccurrenceSVD(2, window=4, weighting="ramp", min_count=1)
    counts = embedding.fit(["a b c d e f"]).cooccurrences_.toarray()
    assert_array_equal(counts[0], [0, 4, 3, 2, 1, 0])
    assert_array_equal(counts, counts.T)


def scaled(**params):
    """Return what is decomposed."""
    embedding = example(**params)
    before = embedding.cooccurrences_.toarray()
    matrix = embedding._scaled(embedding.cooccurrences_).toarray()
    # The counts are left as they are.
    assert_array_equal(embedding.cooccurrences_.toarray(), before)
    return matrix


def test_counts_can_be_capped():
    assert_array_equal(
        scaled(scaling="count", max_count=1.0), np.minimum(expected_counts(), 1)
    )
    assert_allclose(scaled(scaling="log"), np.log1p(expected_counts()), rtol=1e-6)


def test_function_words_can_be_left_out():
    embedding = CooccurrenceSVD(2, window=1, min_count=1, stop_words=["the", "on"])
    embedding.fit(["the cat sat on the mat"])
    counts, words = embedding.cooccurrences_, embedding.vocabulary_
    assert set(words) == {"cat", "sat", "mat"}
    assert counts[words["sat"], words["mat"]] == 1


@pytest.mark.parametrize("exponent", [1.0, 0.75])
def test_mutual_information(exponent):
    x = expected_counts()
    columns = x.sum(axis=0) ** exponent
    with np.errstate(divide="ignore"):
        information = np.log(x / np.outer(x.sum(axis=1), columns / columns.sum()))
    information[x == 0] = 0
    assert_allclose(
        scaled(scaling="pmi", context_exponent=exponent), information, atol=1e-5
    )
    assert_allclose(
        scaled(scaling="ppmi", context_exponent=exponent),
        np.maximum(information, 0),
        atol=1e-5,
    )


def test_negative_information_is_dropped():
    embedding = CooccurrenceSVD(3, random_state=0).fit(TEXTS)
    both = [
        clone(embedding).set_params(scaling=name)._scaled(embedding.cooccurrences_)
        for name in ("pmi", "ppmi")
    ]
    assert both[0].min() < 0
    assert_array_equal(both[1].toarray(), np.maximum(both[0].toarray(), 0))
    assert both[1].nnz == np.count_nonzero(both[1].toarray())


def test_correlations():
    x = expected_counts().astype(int)
    # Each pair of neighbours is an observation: is the one this word, the other that?
    pairs = np.repeat(np.argwhere(x), x[x > 0], axis=0)
    expected = np.zeros((8, 8))
    for i in range(8):
        for j in range(8):
            expected[i, j] = pearsonr(pairs[:, 0] == i, pairs[:, 1] == j).statistic
    assert (expected < 0).any()
    actual = scaled(scaling="correlation")
    assert_allclose(actual, np.sqrt(np.maximum(expected, 0)), atol=1e-6)


def test_a_word_that_all_pairs_have():
    embedding = CooccurrenceSVD(1, window=1, min_count=1, scaling="correlation")
    assert_array_equal(embedding.fit(["a a a"]).vectors_, [[0]])


def test_only_some_words_are_counted_as_neighbours():
    embedding = example(max_contexts=5)
    assert_array_equal(embedding.cooccurrences_.toarray(), expected_counts()[:, :5])
    assert embedding.vectors_.shape == (8, 2)


@pytest.mark.parametrize("scaling", ["log", "correlation", "pmi", "ppmi"])
def test_words_of_one_kind_come_to_lie_together(scaling):
    embedding = CooccurrenceSVD(5, scaling=scaling, random_state=0).fit(TEXTS)
    kinds = [word[0] for word, _ in embedding.most_similar("x1", n_words=11)]
    assert kinds.count("x") >= 9


def test_the_result_depends_on_the_seed_alone():
    models = [CooccurrenceSVD(10, n_threads=n, random_state=3).fit(TEXTS)
              for n in (1, 1, 2)]  # fmt: skip
    for other in models[1:]:
        assert_array_equal(models[0].vectors_, other.vectors_)
    again = pickle.loads(pickle.dumps(models[0]))
    assert_array_equal(again.transform(TEXTS), models[1].transform(TEXTS))
    assert_array_equal(
        again.cooccurrences_.toarray(), models[0].cooccurrences_.toarray()
    )


def test_in_a_search():
    pipeline = make_pipeline(CooccurrenceSVD(random_state=0), LogisticRegression(C=100))
    grid = {
        "cooccurrencesvd__n_components": [2, 6],
        "cooccurrencesvd__scaling": ["log", "ppmi"],
    }
    ours = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(TEXTS, KINDS)
    theirs = SklearnGridSearchCV(pipeline, grid, cv=3).fit(TEXTS, KINDS)
    assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )
    assert ours.best_score_ > 0.9


def test_words_that_have_no_neighbours():
    for scaling in ("count", "log", "correlation", "pmi", "ppmi"):
        embedding = CooccurrenceSVD(1, min_count=1, scaling=scaling).fit(["a", "b"])
        assert_array_equal(embedding.vectors_, 0)
        partly = CooccurrenceSVD(2, min_count=1, scaling=scaling).fit(["a b", "c"])
        assert_array_equal(partly.vectors_[partly.vocabulary_["c"]], 0)
        assert np.isfinite(partly.vectors_).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, r"'n_components' parameter of CooccurrenceSVD .* 36, got 100"),
        ({"n_components": 9, "max_contexts": 8}, r"are counted, 8, got 9"),
        ({"weighting": "near"}, "'weighting' parameter of CooccurrenceSVD"),
        ({"scaling": "tfidf"}, "'scaling' parameter of CooccurrenceSVD"),
        ({"max_count": 0}, "'max_count' parameter of CooccurrenceSVD"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        CooccurrenceSVD(**params).fit(TEXTS)


@pytest.mark.data
@pytest.mark.parametrize("scaling", ["ppmi", "correlation"])
def test_analogies_of_a_real_corpus(data_dir, scaling):
    with gzip.open(data_dir / "text" / "wiki40.txt.gz", "rt") as file:
        text = file.read()
    embedding = CooccurrenceSVD(scaling=scaling, n_threads=2, random_state=0)
    result = embedding.fit([text]).evaluate_analogies(
        data_dir / "text" / "questions-words.txt.gz", restrict_vocabulary=30000
    )
    assert result.accuracy > 0.27


def test_neighbours_are_counted_once_for_a_group(monkeypatch):
    candidates = [
        {"n_components": 2},
        {"n_components": 3, "scaling": "ppmi"},
        {"scaling": "count", "max_count": 1.0},
        {"window": 1},
    ]
    model = CooccurrenceSVD(2, random_state=0)
    check_joint_fit(model, candidates, TEXTS, np.zeros(len(TEXTS)))
    counted = []
    count = _cooccurrences._count
    monkeypatch.setattr(
        _cooccurrences, "_count", lambda *given: counted.append(1) or count(*given)
    )
    outcomes = dict(model.fit_transform_candidates(candidates, TEXTS))
    assert len(outcomes) == 4
    assert len(counted) == 2
