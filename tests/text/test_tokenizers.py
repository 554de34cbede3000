"""Texts as words and characters; what all tokenizers have in common."""

import pickle
import subprocess
import sys
from collections import Counter

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from sklearn_dl.text import (
    BytePairTokenizer,
    CharTokenizer,
    PorterStemmer,
    StopWordFilter,
    WordTokenizer,
)

TEXTS = ["The cat saw the dog.", "A dog, the dog!", "It isn't the cat's 2nd 日本"]
TOKENIZERS = [
    WordTokenizer(),
    WordTokenizer(
        min_count=2, normalizer=[StopWordFilter(), PorterStemmer()], unknown_share=0.2
    ),
    CharTokenizer(),
    CharTokenizer(max_features=5, unknown_token=None),
    BytePairTokenizer(vocab_size=60, special_tokens=["<s>"]),
    BytePairTokenizer(vocab_size=280, byte_level=True),
]
every_tokenizer = pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)
every_class = pytest.mark.parametrize(
    "cls", [WordTokenizer, CharTokenizer, BytePairTokenizer]
)


def lists(tokens):
    assert isinstance(tokens, np.ndarray)
    assert (tokens.ndim, tokens.dtype) == (1, object)
    assert all(type(row) is list for row in tokens)
    return tokens.tolist()


# -- words -----------------------------------------------------------------------------


def test_words_numbers_and_marks():
    tokens = WordTokenizer().split("It isn't the cat's 2nd life, is it?")
    assert " ".join(tokens) == "it isn't the cat's 2nd life , is it ?"


def test_parameters_of_the_pattern():
    assert WordTokenizer(lowercase=False).split("A cat") == ["A", "cat"]
    assert WordTokenizer(token_pattern=r"\S+").split("a cat!") == ["a", "cat!"]
    assert WordTokenizer(token_pattern=r"#(\w+)").split("a #cat") == ["cat"]
    assert WordTokenizer(token_pattern=r"\w*").split("a, cat") == ["a", "cat"]


def test_vocabulary_has_words_by_falling_count_then_by_name():
    tokenizer = WordTokenizer().fit(["b a c", "c d c a"])
    assert list(tokenizer.vocabulary_) == ["<UNK>", "c", "a", "b", "d"]
    assert list(tokenizer.vocabulary_.values()) == [0, 1, 2, 3, 4]


def test_rare_words_and_new_ones_are_unknown():
    tokenizer = WordTokenizer(min_count=2)
    train = tokenizer.fit_transform(["a b a", "c b d"])
    assert lists(train) == [["a", "b", "a"], ["<UNK>", "b", "<UNK>"]]
    assert lists(tokenizer.transform(["a new b"])) == [["a", "<UNK>", "b"]]
    assert list(tokenizer.vocabulary_) == ["<UNK>", "a", "b"]


def test_the_most_frequent_words_are_known():
    tokenizer = WordTokenizer(max_features=1, unknown_token="?").fit(["a b a", "c b d"])
    assert tokenizer.vocabulary_ == {"?": 0, "a": 1}
    assert tokenizer("b a") == ["?", "a"]


def test_unknown_words_can_be_dropped():
    tokenizer = WordTokenizer(unknown_token=None, min_count=2).fit(["a b a"])
    assert tokenizer.vocabulary_ == {"a": 0}
    assert lists(tokenizer.transform(["a b c a", "b"])) == [["a", "a"], []]


def test_a_normalizer_drops_what_it_returns_empty_or_as_none():
    for nothing in ("", None):
        tokenizer = WordTokenizer(normalizer=lambda t, r=nothing: t if t > "b" else r)
        assert tokenizer.split("a b c d") == ["c", "d"]


def test_a_normalizer_sees_each_word_once():
    seen = []
    tokenizer = WordTokenizer(normalizer=lambda token: seen.append(token) or token)
    tokenizer.fit(["a b a", "b c a"])
    assert seen == ["a", "b", "c"]


def test_words_are_joined_by_blanks_and_found_again():
    tokenizer = WordTokenizer().fit(TEXTS)
    tokens = tokenizer.transform(TEXTS)
    texts = tokenizer.inverse_transform(tokens)
    assert texts[0] == "the cat saw the dog ."
    assert lists(tokenizer.transform(texts)) == lists(tokens)


@given(st.lists(st.text(), min_size=1))
def test_characters_give_every_text_back(texts):
    if any(texts):
        tokenizer = CharTokenizer().fit(texts)
        tokens = tokenizer.transform(texts)
        assert lists(tokens) == [list(text) for text in texts]
        assert tokenizer.inverse_transform(tokens).tolist() == texts


def test_characters_in_lower_case():
    tokenizer = CharTokenizer(lowercase=True).fit(["Abc"])
    assert sorted(tokenizer.vocabulary_) == ["<UNK>", "a", "b", "c"]
    assert tokenizer("AbX") == ["a", "b", "<UNK>"]


# -- a share of unknown words in training ----------------------------------------------


def zipf_texts():
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in np.minimum(rng.zipf(1.3, size=5000), 400)]
    return [" ".join(words[k : k + 20]) for k in range(0, 5000, 20)]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_so_large_a_share_becomes_unknown_in_training(share):
    texts = zipf_texts()
    tokenizer = WordTokenizer(unknown_share=share, random_state=0)
    flat = [token for row in tokenizer.fit_transform(texts) for token in row]
    assert flat.count("<UNK>") == round(share * 5000)
    # All else is as it was, and every known word is seen.
    before = " ".join(texts).split()
    assert all(new in (old, "<UNK>") for new, old in zip(flat, before, strict=True))
    assert set(flat) == set(tokenizer.vocabulary_)
    assert "<UNK>" not in {token for row in tokenizer.transform(texts) for token in row}


def test_rare_words_become_unknown_rather_than_frequent_ones():
    texts = ["often " * 900 + "seldom " * 100]
    tokens = WordTokenizer(unknown_share=0.1, random_state=0).fit_transform(texts)
    left = Counter(tokens[0])
    assert left["<UNK>"] == 100
    # About half of the draws would take the rare word, if it did not run out.
    assert 30 <= 100 - left["seldom"] <= 60


def test_the_share_is_drawn_from_the_known_words():
    tokenizer = WordTokenizer(min_count=2, unknown_share=0.5, random_state=0)
    tokens = tokenizer.fit_transform(["a a a a a a x y z"])
    assert Counter(tokens[0]) == {"a": 3, "<UNK>": 6}
    rare = WordTokenizer(unknown_share=0.9).fit_transform(["a b c d"])
    assert lists(rare) == [["a", "b", "c", "d"]]


def test_the_same_seed_takes_the_same_words():
    def draw(seed):
        tokenizer = WordTokenizer(unknown_share=0.2, random_state=seed)
        return lists(tokenizer.fit_transform(zipf_texts()))

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_characters_become_unknown_too():
    tokens = CharTokenizer(unknown_share=0.5, random_state=0).fit_transform(["aaaa"])
    assert sorted(tokens[0]) == ["<UNK>", "<UNK>", "a", "a"]


# -- vectorizers of scikit-learn -------------------------------------------------------

SENTIMENT = ["good good film", "a good one", "bad film", "so bad a film"] * 4
LIKED = [1, 1, 0, 0] * 4


@pytest.mark.parametrize("vectorizer", [CountVectorizer, TfidfVectorizer])
@every_tokenizer
def test_a_vectorizer_takes_the_tokens(tokenizer, vectorizer):
    tokenizer = clone(tokenizer).set_params(**seed(tokenizer))
    pipeline = make_pipeline(tokenizer, vectorizer(analyzer=list)).fit(TEXTS)
    names = pipeline[-1].get_feature_names_out()
    assert {*names} <= {*tokenizer.vocabulary_}
    counts = pipeline.transform(TEXTS)
    assert counts.shape == (3, len(names))
    assert counts.nnz > 3


def seed(tokenizer):
    return {"random_state": 0} if "random_state" in tokenizer.get_params() else {}


def test_a_search_over_a_pipeline_with_a_tokenizer():
    pipeline = Pipeline(
        [
            ("tokens", WordTokenizer()),
            ("counts", CountVectorizer(analyzer=list)),
            ("model", MultinomialNB()),
        ]
    )
    grid = {
        "tokens": [WordTokenizer(), CharTokenizer(), BytePairTokenizer(vocab_size=30)],
        "model__alpha": [0.1, 1.0],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(SENTIMENT, LIKED)
    assert search.best_score_ == 1.0
    assert search.predict(["good", "bad"]).tolist() == [1, 0]


def vectorizer_pipeline(tokenizer):
    vectorizer = CountVectorizer(
        tokenizer=tokenizer, token_pattern=None, lowercase=False
    )
    return Pipeline([("counts", vectorizer), ("model", MultinomialNB())])


@every_tokenizer
def test_a_search_over_a_vectorizer_with_a_fitted_tokenizer(tokenizer):
    tokenizer = clone(tokenizer).fit(SENTIMENT)
    pipeline = vectorizer_pipeline(tokenizer.tokenize)
    grid = {"model__alpha": [0.1, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(SENTIMENT, LIKED)
    copy = search.best_estimator_["counts"].tokenizer
    assert copy.__self__ is not tokenizer
    assert copy("good film") == tokenizer("good film")
    assert {*search.best_estimator_["counts"].vocabulary_} <= {*tokenizer.vocabulary_}
    again = pickle.loads(pickle.dumps(search))
    assert (again.predict(SENTIMENT) == search.predict(SENTIMENT)).all()
    data = skops.io.dumps(search.best_estimator_)
    trusted = skops.io.get_untrusted_types(data=data)
    again = skops.io.loads(data, trusted=trusted)
    assert (again.predict(SENTIMENT) == search.predict(SENTIMENT)).all()


def test_a_search_over_a_vectorizer_that_splits_with_a_tokenizer():
    splits = [WordTokenizer().split, WordTokenizer(normalizer=PorterStemmer()).split]
    grid = {"counts__tokenizer": [*splits, CharTokenizer().split]}
    pipeline = vectorizer_pipeline(None)
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(SENTIMENT, LIKED)
    assert search.best_score_ == 1.0
    assert {*search.best_estimator_["counts"].vocabulary_} == {
        *"good film a one bad so".split()
    }


def test_a_vectorizer_takes_a_tokenizer_as_its_analyzer():
    tokenizer = WordTokenizer(min_count=2).fit(["a b a b c"])
    counts = CountVectorizer(analyzer=tokenizer).fit(["a b c d a"])
    assert counts.vocabulary_ == {"<UNK>": 0, "a": 1, "b": 2}


@every_class
def test_a_clone_of_a_vectorizer_says_how_a_fitted_tokenizer_is_given(cls):
    tokenizer = cls().fit(SENTIMENT)
    vectorizer = clone(CountVectorizer(tokenizer=tokenizer, token_pattern=None))
    with pytest.raises(NotFittedError, match=f"{cls.__name__} .* method 'tokenize'"):
        vectorizer.fit(SENTIMENT)


def test_neither_torch_nor_an_optional_library_is_loaded_without_need():
    code = (
        "import sys; from sklearn_dl.text import WordTokenizer\n"
        "WordTokenizer().fit(['a b']).transform(['a b'])\n"
        "optional = {'torch', 'tokenizers', 'simplemma', 'snowballstemmer'}\n"
        "sys.exit(str(optional & {*sys.modules} or ''))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr.strip()) == ("", "")


# -- what all tokenizers have in common ------------------------------------------------


@every_tokenizer
def test_a_call_a_function_and_a_transform_are_one(tokenizer):
    tokenizer = clone(tokenizer).fit(TEXTS)
    rows = [*TEXTS, "", " ", "a new text"]
    expected = lists(tokenizer.transform(rows))
    assert [tokenizer(text) for text in rows] == expected
    assert [tokenizer.tokenize(text) for text in rows] == expected
    known = {*tokenizer.vocabulary_}
    assert all({*row} <= known for row in expected)


@every_tokenizer
def test_fit_transform_is_fit_and_transform(tokenizer):
    tokenizer = clone(tokenizer)
    share = {"unknown_share": 0} if "unknown_share" in tokenizer.get_params() else {}
    tokenizer.set_params(**share)
    one = lists(tokenizer.fit_transform(iter(TEXTS)))
    vocabulary = tokenizer.vocabulary_
    assert lists(clone(tokenizer).fit(TEXTS).transform(TEXTS)) == one
    assert clone(tokenizer).fit(TEXTS[::-1]).vocabulary_ == vocabulary


@every_tokenizer
@pytest.mark.parametrize(
    "container",
    [tuple, np.array, iter, pd.Series, lambda texts: np.array(texts, dtype=object)],
)
def test_texts_come_in_any_container(tokenizer, container):
    tokenizer = clone(tokenizer).set_params(**seed(tokenizer))
    expected = lists(tokenizer.fit_transform(TEXTS))
    assert lists(tokenizer.fit_transform(container(TEXTS))) == expected
    assert lists(tokenizer.transform(container(TEXTS))) == lists(
        tokenizer.transform(TEXTS)
    )


@every_tokenizer
@pytest.mark.parametrize("way", ["pickle", "joblib", "skops"])
def test_a_fitted_tokenizer_can_be_saved(tokenizer, way, tmp_path):
    tokenizer = clone(tokenizer).fit(TEXTS)
    expected = lists(tokenizer.transform(TEXTS))
    before = joblib.hash(tokenizer)
    if way == "pickle":
        loaded = pickle.loads(pickle.dumps(tokenizer))
    elif way == "joblib":
        joblib.dump(tokenizer, tmp_path / "tokenizer")
        loaded = joblib.load(tmp_path / "tokenizer")
    else:
        data = skops.io.dumps(tokenizer)
        trusted = skops.io.get_untrusted_types(data=data)
        assert all(name.startswith("sklearn_dl.text.") for name in trusted)
        loaded = skops.io.loads(data, trusted=trusted)
    assert lists(loaded.transform(TEXTS)) == expected
    assert loaded.inverse_transform(expected).tolist() == (
        tokenizer.inverse_transform(expected).tolist()
    )
    assert list(loaded.vocabulary_.items()) == list(tokenizer.vocabulary_.items())
    assert joblib.hash(tokenizer) == before


@every_tokenizer
def test_a_clone_is_not_fitted(tokenizer):
    tokenizer = clone(tokenizer)
    for call in (
        lambda: tokenizer.transform(TEXTS),
        lambda: tokenizer.inverse_transform([["a"]]),
        lambda: tokenizer.tokenize("a"),
        lambda: tokenizer("a"),
        lambda: clone(clone(tokenizer).fit(TEXTS))("a"),
    ):
        with pytest.raises(NotFittedError):
            call()


@every_class
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("a text", ValueError, "Iterable over raw text documents expected, string"),
        (["a", None], TypeError, "row 1 of X is None of type NoneType"),
        (["a", "b", np.nan], TypeError, "row 2 of X is nan of type float"),
        (pd.Series(["a", pd.NA]), TypeError, "row 1 of X is .* of type (NAType|float)"),
        ([b"a"], TypeError, "row 0 of X is b'a' of type bytes. Decode it first"),
        ([3], TypeError, "row 0 of X is 3 of type int"),
        ([["a"]], TypeError, r"row 0 of X is \['a'\] of type list"),
        (b"abc", TypeError, "a list, array or iterator of texts, got b'abc' of type"),
        ({"a", "b"}, TypeError, "a list, array or iterator of texts, got .* type set"),
        (None, TypeError, "a list, array or iterator of texts, got None"),
        (np.array([["a", "b"]]), ValueError, r"one column .* shape \(1, 2\)"),
        (pd.DataFrame({"a": ["b"]}), ValueError, r"one column .* shape \(1, 1\)"),
    ],
)
def test_what_is_no_text_is_refused(cls, X, error, message):
    with pytest.raises(error, match=message):
        cls().fit(X)
    with pytest.raises(error, match=message):
        cls().fit(TEXTS).transform(X)


@every_class
@pytest.mark.parametrize(
    ("X", "error"), [("ab", ValueError), (["ab"], TypeError), ([["a", 1]], TypeError)]
)
def test_what_are_no_tokens_is_refused(cls, X, error):
    with pytest.raises(error, match=r"string object received|lists of strings, row 0"):
        cls().fit(TEXTS).inverse_transform(X)


@every_class
def test_one_text_has_to_be_a_string(cls):
    with pytest.raises(TypeError, match=f"{cls.__name__} expects .*bytes"):
        cls().fit(TEXTS)(b"a")


@pytest.mark.parametrize("cls", [WordTokenizer, CharTokenizer])
@pytest.mark.parametrize("X", [[], [""], ["", ""]])
def test_there_has_to_be_a_token(cls, X):
    with pytest.raises(ValueError, match=f"{cls.__name__} expects tokens that occur"):
        cls().fit(X)
    with pytest.raises(ValueError, match="at least min_count=5 times"):
        cls(min_count=5).fit(["a b"])


@every_tokenizer
def test_no_texts_have_no_tokens(tokenizer):
    assert lists(clone(tokenizer).fit(TEXTS).transform([])) == []


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"token_pattern": "("}, ValueError, r"token_pattern of W.* got '\(': "),
        ({"token_pattern": "(a)(b)"}, ValueError, "one group at most"),
        ({"normalizer": ["porter"]}, TypeError, "normalizer of W.* got 'porter'"),
        ({"normalizer": lambda token: 3}, TypeError, "must return a string or None"),
        ({"normalizer": "porter"}, ValueError, "'normalizer' parameter"),
        ({"min_count": 0}, ValueError, "'min_count' parameter"),
        ({"max_features": 0}, ValueError, "'max_features' parameter"),
        ({"unknown_share": 1.0}, ValueError, "'unknown_share' parameter"),
        ({"unknown_token": 3}, ValueError, "'unknown_token' parameter"),
        ({"unknown_token": None, "unknown_share": 0.1}, ValueError, "unknown_share of"),
    ],
)
def test_wrong_parameters_are_refused(params, error, message):
    with pytest.raises(error, match=message):
        WordTokenizer(**params).fit(TEXTS)
    with pytest.raises(error, match=message):
        WordTokenizer(**params).fit_transform(TEXTS)


@every_tokenizer
def test_nothing_given_is_changed(tokenizer):
    tokenizer = clone(tokenizer)
    texts, params = np.array(TEXTS, dtype=object), joblib.hash(tokenizer.get_params())
    before = joblib.hash(texts)
    tokens = tokenizer.fit(texts).transform(texts)
    state, rows = joblib.hash(tokenizer), joblib.hash(tokens)
    tokenizer.inverse_transform(tokens)
    assert joblib.hash(tokens) == rows
    assert joblib.hash(texts) == before
    assert joblib.hash(tokenizer) == state
    assert joblib.hash(tokenizer.get_params()) == params


@every_tokenizer
def test_tags_say_texts(tokenizer):
    tags = get_tags(tokenizer).input_tags
    assert (tags.string, tags.two_d_array) == (True, False)


def test_a_frozen_tokenizer_stays_fitted():
    tokenizer = WordTokenizer().fit(["a b"])
    frozen = clone(FrozenEstimator(tokenizer)).fit(["c"], None)
    assert lists(frozen.transform(["a c"])) == [["a", "<UNK>"]]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@every_tokenizer
def test_scikit_learn_checks_what_it_can(tokenizer):
    check_estimator(clone(tokenizer))
