import io
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_extraction import text as sklearn_text
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl.model_selection import GridSearchCV as JointGridSearchCV
from sklearn_dl.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

TEXTS = [
    "The quick brown fox jumps over the lazy dog. It's the dog's fault, isn't it?",
    "naïve café Ünï İstanbul ΑΣ ΑΣΣ ß ﬁ co\u0301te\u0301 CÔTÉ",
    "a b\n\nc  d \u3000 x\x85y \x1c z 数字 漢字かな ١٢٣ ² ½ a_b _ __ a-b",
    "",
    "\ud800 ab \udfff cd 😀😀 ok 👩‍👩‍👧 \x00\x01ab cd\x02",
    "The THE the the quick fox",
    "x",
    "   \n ",
]
SETTINGS = [
    {},
    {"ngram_range": (1, 2)},
    {"ngram_range": (2, 3)},
    {"stop_words": ["the", "it", "dog"]},
    {"stop_words": ["the", "is"], "ngram_range": (1, 3)},
    {"analyzer": "char", "ngram_range": (1, 3)},
    {"analyzer": "char", "ngram_range": (3, 5)},
    {"analyzer": "char_wb", "ngram_range": (1, 1)},
    {"analyzer": "char_wb", "ngram_range": (2, 4)},
    {"analyzer": "char_wb", "ngram_range": (5, 7)},
    {"min_df": 2},
    {"max_df": 0.3},
    {"max_features": 5},
    {"max_df": 0.3, "max_features": 3, "ngram_range": (1, 2)},
    {"binary": True},
    {"strip_accents": "unicode"},
    {"strip_accents": "ascii"},
    {"lowercase": False},
    {"token_pattern": r"\S+"},
    {"token_pattern": r"\S+", "ngram_range": (1, 2)},
    {"token_pattern": r"[^\s]+"},
    {"token_pattern": r"\b\w+\b"},
    {"token_pattern": r"(?u)\w{3,}"},
    {"token_pattern": "[a-z]+"},
    {"token_pattern": r"(\w)\w+"},
    {"tokenizer": str.split, "token_pattern": None},
    {"preprocessor": str.upper},
    {"dtype": np.float32},
    {"vocabulary": ["dog", "fox", "the", "absent", ""]},
    {"vocabulary": {"the quick": 1, "fox": 0, "a  b": 2, " fox": 3, "the": 4},
     "ngram_range": (1, 2)},
    {"vocabulary": ["he", " th", "x"], "analyzer": "char_wb", "ngram_range": (2, 3)},
]  # fmt: skip


def in_order(matrix):
    matrix = sp.csr_array(matrix, copy=True)
    matrix.sort_indices()
    return matrix


def assert_same_counts(ours, theirs, texts):
    expected = in_order(theirs.fit_transform(texts))
    actual = ours.fit_transform(texts)
    assert ours.vocabulary_ == theirs.vocabulary_
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())
    assert_same_matrix(in_order(actual), expected)
    assert_same_matrix(in_order(ours.transform(texts)), expected)
    # Of a long text the whole vocabulary is prepared, of a short one it is not.
    longer = [*texts, " ".join(texts) * 20]
    assert_same_matrix(
        in_order(ours.transform(longer)), in_order(theirs.transform(longer))
    )


def assert_same_matrix(actual, expected):
    assert actual.shape == expected.shape
    for part in ("data", "indices", "indptr"):
        ours, theirs = getattr(actual, part), getattr(expected, part)
        assert ours.dtype == theirs.dtype
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_counts_are_those_of_scikit_learn(params):
    ours, theirs = CountVectorizer(**params), sklearn_text.CountVectorizer(**params)
    assert_same_counts(ours, theirs, TEXTS)


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_weights_are_those_of_scikit_learn(params):
    params = {"dtype": np.float64, "sublinear_tf": True, **params}
    ours, theirs = TfidfVectorizer(**params), sklearn_text.TfidfVectorizer(**params)
    expected = theirs.fit_transform(TEXTS)
    tolerance = 1e-6 if params["dtype"] == np.float32 else 1e-12
    assert_allclose(
        ours.fit_transform(TEXTS).toarray(), expected.toarray(), atol=tolerance, rtol=0
    )
    assert_allclose(ours.idf_, theirs.idf_, rtol=tolerance)
    assert_allclose(
        ours.transform(TEXTS).toarray(), expected.toarray(), atol=tolerance, rtol=0
    )
    assert ours.fit_transform(TEXTS).dtype == expected.dtype


@settings(deadline=None, max_examples=200)
@given(
    texts=st.lists(st.text(alphabet=st.characters(exclude_categories=()))),
    params=st.sampled_from(
        [
            {"token_pattern": r"\w+", "ngram_range": (1, 3)},
            {"token_pattern": r"\S+"},
            {"analyzer": "char", "ngram_range": (1, 3)},
            {"analyzer": "char_wb", "ngram_range": (2, 3)},
        ]
    ),
)
def test_counts_of_any_characters(texts, params):
    texts = [*texts, "one of them"]
    ours, theirs = CountVectorizer(**params), sklearn_text.CountVectorizer(**params)
    assert_same_counts(ours, theirs, texts)


def test_many_words_and_a_very_long_one():
    words = [f"w{k}" for k in range(20_000)]
    texts = [" ".join(words), "y" * 3_000_000, " ".join(words[::2])]
    ours, theirs = CountVectorizer(), sklearn_text.CountVectorizer()
    assert_same_counts(ours, theirs, texts)
    ours = CountVectorizer(ngram_range=(1, 2))
    assert_same_counts(ours, sklearn_text.CountVectorizer(ngram_range=(1, 2)), texts)


@pytest.mark.parametrize("params", [{}, {"tokenizer": str.split}], ids=str)
@pytest.mark.filterwarnings("ignore:The parameter 'token_pattern' will not be used")
def test_jobs_change_nothing(params):
    texts = TEXTS * 3
    one, two = CountVectorizer(**params), CountVectorizer(n_jobs=2, **params)
    assert_same_matrix(
        in_order(two.fit_transform(texts)), in_order(one.fit_transform(texts))
    )
    assert two.vocabulary_ == one.vocabulary_
    assert_same_matrix(in_order(two.transform(texts)), in_order(one.transform(texts)))
    assert two.transform([]).shape == (0, len(one.vocabulary_))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"min_df": 2},
        {"max_df": 0.4, "ngram_range": (1, 2)},
        {"max_features": 7},
        {"binary": True, "max_features": 4},
        {"tokenizer": str.split, "token_pattern": None},
        {"vocabulary": ["dog", "fox"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer])
def test_a_stream_of_documents_ends_where_fit_does(make, params):
    texts = TEXTS * 2
    whole, stream = make(**params).fit(texts), make(**params)
    for start in range(0, len(texts), 3):
        stream.partial_fit(iter(texts[start : start + 3]))
    assert stream.vocabulary_ == whole.vocabulary_
    assert_array_equal(
        stream.transform(texts).toarray(), whole.transform(texts).toarray()
    )
    # A later fit begins anew.
    assert stream.fit(TEXTS).vocabulary_ == make(**params).fit(TEXTS).vocabulary_


def test_a_stream_does_not_go_on_from_fit():
    with pytest.raises(ValueError, match="CountVectorizer was fitted by 'fit'"):
        CountVectorizer().fit(TEXTS).partial_fit(TEXTS)


def test_a_stream_may_begin_without_terms():
    stream = CountVectorizer(min_df=2).partial_fit(["", "x y"]).partial_fit(["fox"])
    assert stream.vocabulary_ == {}
    assert stream.partial_fit(["a fox"]).vocabulary_ == {"fox": 0}


def test_the_worked_examples_of_tf_idf():
    # A word is 30 of the 2000 of a document and in 6000 of 10000 documents; another
    # one is there 6 times and in 10 documents.
    counts = np.zeros((10_000, 3))
    counts[:6000, 0] = 1
    counts[:10, 1] = 1
    counts[0] = 30, 6, 1964
    weighting = TfidfTransformer(
        norm=None, smooth_idf=False, tf="relative", idf="plain"
    )
    with np.errstate(all="raise"):
        weights = weighting.fit_transform(counts)
    assert_allclose(weights.toarray()[0, :2], [0.00766, 0.02072], atol=5e-6)
    assert counts[0, 0] == 30


def test_relative_frequencies_from_texts():
    texts = ["a a b", "b c", ""]
    vectorizer = TfidfVectorizer(
        token_pattern=r"\w", norm=None, smooth_idf=False, tf="relative", idf="plain"
    )
    expected = [[2 / 3 * np.log(3), 1 / 3 * np.log(1.5), 0],
                [0, 0.5 * np.log(1.5), 0.5 * np.log(3)], [0, 0, 0]]  # fmt: skip
    assert_allclose(vectorizer.fit_transform(texts).toarray(), expected, rtol=1e-14)
    assert_allclose(vectorizer.transform(texts).toarray(), expected, rtol=1e-14)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("params", [{}, {"norm": "l1"}, {"use_idf": False}], ids=str)
def test_the_transformer_is_that_of_scikit_learn(form, params):
    counts = np.random.default_rng(0).poisson(0.5, size=(30, 8)).astype(float)
    counts[:, 3] = 1
    ours, theirs = TfidfTransformer(**params), sklearn_text.TfidfTransformer(**params)
    X = form(counts)
    expected = theirs.fit_transform(X).toarray()
    assert_allclose(ours.fit_transform(X).toarray(), expected, atol=1e-14)
    stream = clone(ours)
    for part in np.array_split(counts, 4):
        stream.partial_fit(form(part))
    assert_array_equal(stream.transform(X).toarray(), ours.transform(X).toarray())


def test_shares_are_not_sublinear():
    with pytest.raises(ValueError, match="'sublinear_tf' parameter of TfidfTransform"):
        TfidfTransformer(tf="relative", sublinear_tf=True).fit([[1, 2]])


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer])
def test_lists_of_tokens(make):
    tokens = [["New York", "the", "x"], ["x", "x"], []]
    vectorizer = make(analyzer="identity", stop_words=["the"])
    assert set(vectorizer.fit(tokens).vocabulary_) == {"New York", "x"}
    vectorizer = make(analyzer="identity", ngram_range=(1, 2)).fit(tokens)
    assert set(vectorizer.vocabulary_) == {"New York", "the", "x", "New York the",
                                           "the x", "x x"}  # fmt: skip
    assert vectorizer.transform(tokens).shape == (3, 6)
    with pytest.raises(TypeError, match=r"documents that are lists.* got str: 'a b'"):
        vectorizer.transform(["a b"])


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer])
@pytest.mark.parametrize("wrong", [None, 3, np.array(2), ["a"], float("nan")])
def test_what_is_no_text_is_named(make, wrong):
    name = make.__name__
    with pytest.raises(TypeError, match=f"Document 1 given to {name} must be a string"):
        make().fit(["a text", wrong])
    fitted = make().fit(["a text"])
    with pytest.raises(TypeError, match=f"Document 1 given to {name} must be a string"):
        fitted.transform(["a text", wrong])
    with pytest.raises(ValueError, match="string object received"):
        make().fit("a text")


def test_files_and_bytes():
    expected = CountVectorizer().fit_transform(["the fox", "café"]).toarray()
    files = [io.StringIO("the fox"), io.StringIO("café")]
    actual = CountVectorizer(input="file").fit_transform(files)
    assert_array_equal(actual.toarray(), expected)
    encoded = [b"the fox", "café".encode("latin-1")]
    actual = CountVectorizer(encoding="latin-1").fit_transform(encoded)
    assert_array_equal(actual.toarray(), expected)
    with pytest.raises(UnicodeDecodeError):
        CountVectorizer().fit(encoded)


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer])
def test_a_search_over_a_pipeline(make):
    texts = ["good film", "very good", "bad film", "very bad", "good", "bad"] * 5
    y = [1, 1, 0, 0, 1, 0] * 5
    pipeline = make_pipeline(make(), LogisticRegression())
    name = make.__name__.lower()
    grid = {f"{name}__ngram_range": [(1, 1), (1, 2)], f"{name}__min_df": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(texts, y)
    assert search.best_score_ == 1
    again = pickle.loads(pickle.dumps(search))
    assert_array_equal(again.predict(texts), search.predict(texts))


def test_weights_can_be_given():
    vectorizer = TfidfVectorizer(vocabulary=["fox", "dog"], norm=None, tf="relative")
    vectorizer.idf_ = np.array([2.0, 3.0])
    assert_allclose(vectorizer.transform(["dog fox fox dog"]).toarray(), [[1, 1.5]])


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer])
def test_searches_count_once_for_what_is_done_to_counts(make, monkeypatch):
    texts = ["good film film", "very good", "bad film", "very bad", "good", "bad"] * 5
    y = [1, 1, 0, 0, 1, 0] * 5
    pipeline = make_pipeline(make(), LogisticRegression())
    name = make.__name__.lower()
    grid = {
        f"{name}__min_df": [1, 6, 99],
        f"{name}__binary": [True, False],
        f"{name}__max_features": [None, 2],
        f"{name}__ngram_range": [(1, 1), (1, 2)],
    }
    theirs = GridSearchCV(pipeline, grid, cv=3, error_score=-1.0)
    ours = JointGridSearchCV(pipeline, grid, cv=3, error_score=-1.0)
    with pytest.warns(FitFailedWarning):
        theirs.fit(texts, y)
    calls = []
    count = make._count_vocab
    monkeypatch.setattr(
        make,
        "_count_vocab",
        lambda self, raw_documents, fixed_vocab: (
            calls.append(fixed_vocab) or count(self, raw_documents, fixed_vocab)
        ),
    )
    with pytest.warns(FitFailedWarning):
        ours.fit(texts, y)
    assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )
    # Two kinds of terms in three folds, and the best one at the end.
    assert calls.count(False) == 3 * 2 + 1
    assert ours.best_estimator_[0].vocabulary_ == theirs.best_estimator_[0].vocabulary_


def test_a_joint_fit_leaves_nothing_behind():
    texts = ["a b c b", "b c", ""] * 3
    candidates = [{"min_df": 1}, {"min_df": 100}, {"norm": None}, {"vocabulary": ["a"]},
                  {"vocabulary": ["a"], "norm": None}]  # fmt: skip
    vectorizer = TfidfVectorizer(token_pattern=r"\w")
    outcomes = dict(vectorizer.fit_transform_candidates(candidates, texts))
    assert set(outcomes) == {0, 1, 2, 3, 4}
    assert isinstance(outcomes.pop(1), ValueError)
    for k, (model, X) in outcomes.items():
        single = clone(vectorizer).set_params(**candidates[k])
        assert_array_equal(X.toarray(), single.fit_transform(texts).toarray())
        assert set(vars(single)) - set(vars(model)) <= {"_stop_words_id"}
        assert set(vars(model)) <= set(vars(single))
        pickle.dumps(model)


def test_a_given_vocabulary_keeps_its_order_in_a_stream():
    params = {"vocabulary": ["b", "a", "c"], "token_pattern": r"\w+"}
    texts = ["b a a", "b c", "b"]
    stream = TfidfVectorizer(**params)
    for text in texts:
        stream.partial_fit([text])
    assert_allclose(stream.idf_, TfidfVectorizer(**params).fit(texts).idf_)


def test_batches_of_documents(monkeypatch):
    monkeypatch.setattr("sklearn_dl._text._documents._BATCH", 4)
    for vocabulary in (None, [f"w{k}" for k in range(50)]):
        vectorizer = CountVectorizer(vocabulary=vocabulary).fit(TEXTS)
        texts = [*TEXTS, "w1 w2", "w3"]
        theirs = sklearn_text.CountVectorizer(vocabulary=vocabulary).fit(TEXTS)
        assert_array_equal(
            vectorizer.transform(texts).toarray(), theirs.transform(texts).toarray()
        )


@pytest.mark.parametrize("analyzer", ["char", "char_wb", "word"])
def test_runs_longer_than_any_document(analyzer):
    texts = ["a cat", "dog", "one more dog", ""]
    params = {"analyzer": analyzer, "ngram_range": (2, 10**6)}
    ours, theirs = CountVectorizer(**params), sklearn_text.CountVectorizer(**params)
    assert_same_counts(ours, theirs, texts)


def test_terms_that_are_no_strings():
    vectorizer = CountVectorizer(analyzer=lambda text: [int(x) for x in text.split()])
    assert vectorizer.fit_transform(["2 1 3", "3"]).toarray().tolist() == [
        [1, 1, 1], [0, 0, 1]]  # fmt: skip
    vectorizer = CountVectorizer(stop_words=["xx", None])
    assert set(vectorizer.fit(["xx yy"]).vocabulary_) == {"yy"}
    vectorizer = CountVectorizer(vocabulary={"aa": 0, ("aa", "bb"): 1})
    assert vectorizer.fit_transform(["aa bb"]).toarray().tolist() == [[1, 0]]


def test_no_documents():
    for fit in (CountVectorizer().fit, TfidfVectorizer().fit_transform):
        with pytest.raises(ValueError, match="empty vocabulary"):
            fit([])
    assert CountVectorizer().partial_fit([]).partial_fit(TEXTS).vocabulary_


def test_numbers_of_columns_are_plain():
    vectorizer = CountVectorizer(min_df=2).fit(TEXTS)
    assert {type(column) for column in vectorizer.vocabulary_.values()} == {int}


def test_streams_of_single_precision():
    vectorizer = TfidfVectorizer(dtype=np.float32).partial_fit(TEXTS)
    assert vectorizer.idf_.dtype == np.float32
    assert vectorizer.transform(TEXTS).dtype == np.float32


def test_weights_that_were_not_counted():
    transformer = TfidfTransformer(use_idf=False).partial_fit([[1, 0]])
    with pytest.raises(ValueError, match="goes on with the same 'use_idf'"):
        transformer.set_params(use_idf=True).partial_fit([[1, 0]])


def test_errors_of_functions_of_the_user_stay_what_they_are():
    def broken(text):
        raise AttributeError("mine")

    with pytest.raises(AttributeError, match="mine"):
        CountVectorizer(strip_accents=broken).fit(TEXTS)
    with pytest.raises(AttributeError, match="read"):
        CountVectorizer(input="file").fit(["a text"])
