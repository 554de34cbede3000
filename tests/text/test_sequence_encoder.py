"""Texts as numbers: padding, ends, unknown tokens, and networks behind."""

import pickle
import re
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
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from sklearn_dl.neural_network import RNNClassifier
from sklearn_dl.text import (
    BytePairTokenizer,
    CharTokenizer,
    PorterStemmer,
    SequenceEncoder,
    StopWordFilter,
    WordTokenizer,
)

TEXTS = ["b a a", "c", "a b c d e"]
TOKENIZERS = [
    None,
    WordTokenizer(normalizer=[StopWordFilter(), PorterStemmer()]),
    CharTokenizer(),
    BytePairTokenizer(vocab_size=40, min_frequency=1),
    BytePairTokenizer(vocab_size=280, byte_level=True),
    WordTokenizer().split,
]
every_tokenizer = pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=repr)


def rows(numbers):
    assert numbers.dtype == object
    assert all(row.dtype == np.int64 and row.ndim == 1 for row in numbers)
    return [row.tolist() for row in numbers]


def test_padded_numbers():
    encoder = SequenceEncoder()
    numbers = encoder.fit_transform(TEXTS)
    assert encoder.vocabulary_ == {
        "<PAD>": 0,
        "<UNK>": 1,
        "a": 2,
        "b": 3,
        "c": 4,
        "d": 5,
        "e": 6,
    }
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [[3, 2, 2, 0, 0], [4, 0, 0, 0, 0], [2, 3, 4, 5, 6]]
    assert encoder.max_length_ == 5
    later = encoder.transform(["a new b c d e f", ""])
    assert later.tolist() == [[2, 1, 3, 4, 5], [0, 0, 0, 0, 0]]


def test_ragged_numbers():
    encoder = SequenceEncoder(output="ragged")
    assert rows(encoder.fit_transform(TEXTS)) == [[3, 2, 2], [4], [2, 3, 4, 5, 6]]
    assert encoder.max_length_ is None
    # Networks take no empty sequences.
    assert rows(encoder.transform(["a b c d e f", ""])) == [[2, 3, 4, 5, 6, 1], [0]]
    # Equal lengths are no table either.
    assert rows(encoder.transform(["a b", "b a"])) == [[2, 3], [3, 2]]
    assert rows(encoder.transform([])) == []


@pytest.mark.parametrize(
    ("padding", "truncating", "expected"),
    [
        ("post", "post", [[2, 3, 4], [5, 0, 0]]),
        ("pre", "post", [[2, 3, 4], [0, 0, 5]]),
        ("post", "pre", [[3, 4, 5], [5, 0, 0]]),
        ("pre", "pre", [[3, 4, 5], [0, 0, 5]]),
    ],
)
def test_sides_of_padding_and_truncation(padding, truncating, expected):
    encoder = SequenceEncoder(padding=padding, truncating=truncating)
    encoder.fit(["a b c", "a b d", "a b e", "a c d", "a c", "a"])
    encoder.set_params(max_length=3)
    assert encoder.transform(["a b c d", "d"]).tolist() == expected


@pytest.mark.parametrize("output", ["padded", "ragged"])
@pytest.mark.parametrize("truncating", ["post", "pre"])
@pytest.mark.parametrize("max_length", [3, 4, 9])
def test_ends_stay_however_short_a_text_becomes(output, truncating, max_length):
    encoder = SequenceEncoder(
        output=output,
        max_length=max_length,
        truncating=truncating,
        start_token="<s>",
        end_token="</s>",
    )
    numbers = encoder.fit_transform([*TEXTS, ""])
    assert list(encoder.vocabulary_)[:4] == ["<PAD>", "<UNK>", "<s>", "</s>"]
    kept = [[i for i in row if i > 0] for row in numbers]
    assert all(row[0] == 2 and row[-1] == 3 for row in kept)
    assert [len(row) for row in kept] == [
        min(len(text.split()) + 2, max_length) for text in [*TEXTS, ""]
    ]
    if output == "padded":
        assert numbers.shape == (4, max_length)
    n = max_length - 2
    cut = [t.split()[:n] if truncating == "post" else t.split()[-n:] for t in TEXTS]
    assert encoder.inverse_transform(numbers).tolist() == [*cut, []]


def test_the_longest_text_has_room_for_its_ends():
    encoder = SequenceEncoder(start_token="<s>")
    assert encoder.fit_transform(TEXTS).shape == (3, 6)


def test_tokens_that_are_cut_off_do_not_count():
    encoder = SequenceEncoder(max_length=2).fit(["a b c", "a b d"])
    assert list(encoder.vocabulary_) == ["<PAD>", "<UNK>", "a", "b"]
    encoder.set_params(truncating="pre").fit(["a b c", "a b d"])
    assert list(encoder.vocabulary_) == ["<PAD>", "<UNK>", "b", "c", "d"]


def test_rare_tokens_are_unknown():
    encoder = SequenceEncoder(min_count=2)
    assert encoder.fit_transform(TEXTS)[2].tolist() == [2, 3, 4, 1, 1]
    encoder = SequenceEncoder(max_features=1)
    assert encoder.fit_transform(TEXTS)[2].tolist() == [2, 1, 1, 1, 1]


def test_unknown_tokens_can_be_dropped():
    encoder = SequenceEncoder(unknown_token=None, min_count=2)
    assert encoder.fit_transform(TEXTS).tolist() == [
        [2, 1, 1, 0, 0],
        [3, 0, 0, 0, 0],
        [1, 2, 3, 0, 0],
    ]


def test_reserved_tokens_in_a_text_are_what_they_say():
    encoder = SequenceEncoder(unknown_token="<unk>", end_token="</s>", output="ragged")
    numbers = encoder.fit_transform([["a", "<unk>", "a"], ["<unk>", "<PAD>"]])
    assert encoder.vocabulary_ == {"<PAD>": 0, "<unk>": 1, "</s>": 2, "a": 3}
    assert rows(numbers) == [[3, 1, 3, 2], [1, 0, 2]]


def test_a_share_becomes_unknown_in_training():
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in np.minimum(rng.zipf(1.5, size=2000), 200)]
    texts = [" ".join(words[k : k + 20]) for k in range(0, 2000, 20)]
    encoder = SequenceEncoder(unknown_share=0.1, end_token="</s>", random_state=0)
    numbers = encoder.fit_transform(texts)
    plain = encoder.transform(texts)
    changed = numbers != plain
    assert changed.sum() == 200
    assert (numbers[changed] == 1).all()
    assert (numbers[:, -1] == 2).all()
    assert not (plain == 1).any()
    # All known words are seen.
    assert {*np.unique(numbers)} == {*encoder.vocabulary_.values()} - {0}
    again, other = (clone(encoder).set_params(random_state=k) for k in (0, 1))
    assert (again.fit_transform(texts) == numbers).all()
    assert (other.fit_transform(texts) != numbers).any()


def test_the_share_of_a_tokenizer_counts_too():
    tokenizer = WordTokenizer(unknown_share=0.5, random_state=0)
    encoder = SequenceEncoder(tokenizer=tokenizer)
    numbers = encoder.fit_transform(["a a a a"])
    assert Counter(numbers[0].tolist()) == {1: 2, 2: 2}
    assert encoder.transform(["a a a a"]).tolist() == [[2, 2, 2, 2]]


# -- tokenizers ------------------------------------------------------------------------


@every_tokenizer
@pytest.mark.parametrize("output", ["padded", "ragged"])
def test_tokens_come_back(tokenizer, output):
    texts = ["The cat saw the dog.", "A dog!", "cats, dogs", ""]
    encoder = SequenceEncoder(tokenizer=tokenizer, output=output)
    numbers = encoder.fit_transform(texts)
    tokens = encoder.inverse_transform(numbers)
    assert tokens.dtype == object
    cut = encoder.tokenizer_
    expected = cut.transform(texts) if hasattr(cut, "fit") else map(cut, texts)
    assert tokens.tolist() == [*expected]
    again = clone(encoder).fit(texts)
    assert again.vocabulary_ == encoder.vocabulary_
    np.testing.assert_equal(list(again.transform(texts)), list(numbers))
    # Its own tokens are what it takes.
    np.testing.assert_equal(list(encoder.transform(tokens)), list(numbers))


def test_a_tokenizer_is_cloned():
    tokenizer = WordTokenizer()
    encoder = SequenceEncoder(tokenizer=tokenizer).fit(TEXTS)
    assert encoder.tokenizer is tokenizer
    assert not hasattr(tokenizer, "vocabulary_")
    assert list(encoder.tokenizer_.vocabulary_) == ["<UNK>", *"abcde"]


def test_a_frozen_tokenizer_stays_as_it_is():
    tokenizer = BytePairTokenizer(vocab_size=280, byte_level=True).fit(["the cat"] * 3)
    frozen = FrozenEstimator(tokenizer)
    encoder = clone(SequenceEncoder(tokenizer=frozen, min_count=0)).fit(["a dog"])
    assert {*tokenizer.vocabulary_} < {*encoder.vocabulary_}
    texts = ["a dog", "日本"]
    tokens = encoder.inverse_transform(
        encoder.set_params(max_length=9).transform(texts)
    )
    assert tokens[0] == tokenizer("a dog")
    encoder.set_params(output="ragged").fit(["a dog"])
    tokens = encoder.inverse_transform(encoder.transform(texts))
    assert tokenizer.inverse_transform(tokens).tolist() == texts


def test_the_rest_of_a_vocabulary_comes_last():
    pairs = FrozenEstimator(
        BytePairTokenizer(vocab_size=11).fit({"hug": 10, "pug": 5, "pun": 2, "bun": 14})
    )
    encoder = SequenceEncoder(tokenizer=pairs, min_count=0).fit(["pun hug hug"])
    assert list(encoder.vocabulary_)[:5] == ["<PAD>", "<UNK>", "hug", "p", "un"]
    assert {*encoder.vocabulary_} == {"<PAD>", *pairs.vocabulary_}
    encoder.set_params(min_count=1).fit(["pun hug hug"])
    assert list(encoder.vocabulary_) == ["<PAD>", "<UNK>", "hug", "p", "un"]


def test_lists_of_tokens_are_not_cut():
    X = [["New York", "a"], ("b",), np.array(["a", "b"])]
    encoder = SequenceEncoder()
    assert encoder.fit_transform(X).tolist() == [[4, 2], [3, 0], [2, 3]]
    assert encoder.tokenizer_ is None
    with pytest.raises(
        ValueError, match="fitted on lists of tokens, row 1 of X is the text"
    ):
        encoder.transform([["a"], "text"])


def test_texts_and_lists_are_not_learned_from_together():
    with pytest.raises(ValueError, match="X has both: 1 texts in 2 rows"):
        SequenceEncoder().fit(["a b", ["a"]])
    encoder = SequenceEncoder().fit(["a b"])
    assert encoder.transform([["b"], "b a", ["c"]]).tolist() == [[3, 0], [3, 2], [1, 0]]


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1))
def test_any_lists_come_back(X):
    if any(X):
        for encoder in (
            SequenceEncoder(),
            SequenceEncoder(padding="pre", start_token="<s>"),
            SequenceEncoder(output="ragged", end_token="</s>"),
        ):
            numbers = encoder.fit_transform(X)
            assert encoder.inverse_transform(numbers).tolist() == X


# -- networks --------------------------------------------------------------------------

SENTIMENT = [
    "good film",
    "a very good one",
    "bad",
    "so bad a film",
    "good",
    "bad one",
] * 4
LIKED = [1, 1, 0, 0, 1, 0] * 4


@pytest.mark.parametrize(
    ("encoder", "network"),
    [
        ({"output": "ragged"}, {}),
        ({"output": "ragged", "max_length": 3, "unknown_share": 0.1}, {}),
        ({"output": "padded"}, {"input_type": "tokens"}),
    ],
)
def test_a_search_over_a_pipeline_with_a_network(encoder, network):
    pipeline = Pipeline(
        [
            ("numbers", SequenceEncoder(**encoder, random_state=0)),
            (
                "network",
                RNNClassifier(
                    **network,
                    hidden_size=8,
                    max_iter=30,
                    learning_rate_init=0.03,
                    random_state=0,
                ),
            ),
        ]
    )
    grid = {
        "numbers__tokenizer": [
            None,
            WordTokenizer(normalizer=PorterStemmer()),
            BytePairTokenizer(vocab_size=40, lowercase=True),
        ]
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(SENTIMENT, LIKED)
    assert search.best_score_ == 1.0
    # Words that are new, and no words at all.
    assert search.predict(["good unheard-of", "bad", "", "?"])[:2].tolist() == [1, 0]


def test_padding_has_no_influence_on_a_network_where_the_output_is_ragged():
    encoder = SequenceEncoder(output="ragged")
    numbers = encoder.fit_transform(SENTIMENT)
    network = RNNClassifier(hidden_size=4, max_iter=3, random_state=0)
    network.fit(numbers, LIKED)
    one = network.predict_proba(encoder.transform(["good film"]))
    both = network.predict_proba(encoder.transform(["so bad a film", "good film"]))
    np.testing.assert_allclose(both[1], one[0], rtol=1e-5)


# -- an estimator as any other ---------------------------------------------------------


@pytest.mark.parametrize("container", [tuple, np.array, iter, pd.Series])
def test_texts_come_in_any_container(container):
    encoder = SequenceEncoder()
    expected = encoder.fit_transform(TEXTS)
    np.testing.assert_equal(encoder.fit_transform(container(TEXTS)), expected)
    np.testing.assert_equal(encoder.transform(container(TEXTS)), expected)


@every_tokenizer
@pytest.mark.parametrize("way", ["pickle", "joblib", "skops"])
def test_a_fitted_encoder_can_be_saved(tokenizer, way, tmp_path):
    encoder = SequenceEncoder(tokenizer=tokenizer, start_token="<s>").fit(TEXTS)
    numbers = encoder.transform(TEXTS)
    if way == "pickle":
        loaded = pickle.loads(pickle.dumps(encoder))
    elif way == "joblib":
        joblib.dump(encoder, tmp_path / "encoder")
        loaded = joblib.load(tmp_path / "encoder")
    else:
        data = skops.io.dumps(encoder)
        trusted = skops.io.get_untrusted_types(data=data)
        assert all(name.startswith("sklearn_dl.text.") for name in trusted)
        loaded = skops.io.loads(data, trusted=trusted)
    np.testing.assert_equal(loaded.transform(TEXTS), numbers)
    tokens = encoder.inverse_transform(numbers).tolist()
    assert loaded.inverse_transform(numbers).tolist() == tokens


def test_a_data_frame_on_request():
    encoder = SequenceEncoder().set_output(transform="pandas")
    table = encoder.fit_transform(TEXTS)
    assert list(table.columns) == [f"sequenceencoder{k}" for k in range(5)]
    assert (table.dtypes == np.int64).all()
    assert encoder.inverse_transform(table).tolist() == [t.split() for t in TEXTS]
    assert not hasattr(SequenceEncoder(output="ragged"), "get_feature_names_out")


def test_the_inverse_takes_lists():
    encoder = SequenceEncoder().fit(TEXTS)
    numbers = [[2, 3], np.array([1, 0, 4], dtype=np.uint8), []]
    assert encoder.inverse_transform(numbers).tolist() == [
        ["a", "b"],
        ["<UNK>", "c"],
        [],
    ]


@pytest.mark.parametrize(
    "X", [[[7]], [[-1]], [[1.0]], [["a"]], [1, 2], [[[1]]]], ids=str
)
def test_numbers_of_no_token_are_refused(X):
    encoder = SequenceEncoder().fit(TEXTS)
    with pytest.raises(
        ValueError, match="whole numbers from 0 and below 7, row 0 of X"
    ):
        encoder.inverse_transform(X)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("a text", ValueError, "Iterable over raw text documents expected, string"),
        (["a", None], TypeError, "row 1 of X is None of type NoneType"),
        (["a", np.nan], TypeError, "row 1 of X is nan of type float"),
        ([b"a"], TypeError, "row 0 of X is b'a' of type bytes. Decode it first"),
        ([["a", 3]], TypeError, r"lists of strings, row 0 of X is \['a', 3\]"),
        ([3], TypeError, "row 0 of X is 3 of type int"),
        (np.array([["a", "b"]]), ValueError, r"one column .* shape \(1, 2\)"),
        ({"a": 3}, TypeError, "SequenceEncoder expects a list, array or iterator"),
    ],
)
def test_what_is_no_text_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        SequenceEncoder().fit(X)
    with pytest.raises(error, match=message):
        SequenceEncoder().fit(TEXTS).transform(X)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"max_length": 0}, ValueError, "'max_length' parameter"),
        ({"padding": "left"}, ValueError, "'padding' parameter"),
        ({"truncating": "left"}, ValueError, "'truncating' parameter"),
        ({"output": "list"}, ValueError, "'output' parameter"),
        ({"min_count": -1}, ValueError, "'min_count' parameter"),
        ({"tokenizer": "words"}, ValueError, "'tokenizer' parameter"),
        ({"pad_token": None}, ValueError, "'pad_token' parameter"),
        ({"pad_token": "<UNK>"}, ValueError, "must differ, got .'<UNK>', '<UNK>'"),
        ({"start_token": "s", "end_token": "s"}, ValueError, "must differ"),
        (
            {"start_token": "s", "end_token": "e", "max_length": 2},
            ValueError,
            "max_length of SequenceEncoder must be more than the 2 tokens .* got 2",
        ),
        ({"unknown_token": None, "unknown_share": 0.1}, ValueError, "unknown_share of"),
        ({"tokenizer": str.upper}, TypeError, "must return a list of strings.*'B A A'"),
        ({"tokenizer": lambda text: [1]}, TypeError, "must return a list of strings"),
        (
            {"min_count": 9},
            ValueError,
            "expects tokens that occur at least min_count=9",
        ),
    ],
)
def test_wrong_parameters_are_refused(params, error, message):
    with pytest.raises(error, match=message):
        SequenceEncoder(**params).fit(TEXTS)
    with pytest.raises(error, match=message):
        SequenceEncoder(**params).fit_transform(TEXTS)


@pytest.mark.parametrize("X", [[], [""], [[], []]])
def test_there_has_to_be_a_token(X):
    with pytest.raises(ValueError, match=r"SequenceEncoder|WordTokenizer"):
        SequenceEncoder().fit(X)


def test_no_texts_are_no_rows():
    assert SequenceEncoder().fit(TEXTS).transform([]).shape == (0, 5)


def test_it_has_to_be_fitted():
    encoder = clone(SequenceEncoder().fit(TEXTS))
    for call in (encoder.transform, encoder.inverse_transform):
        with pytest.raises(NotFittedError):
            call(TEXTS)
    with pytest.raises(NotFittedError):
        encoder.get_feature_names_out()


def test_nothing_given_is_changed():
    for X in (TEXTS, [text.split() for text in TEXTS]):
        before = joblib.hash(X)
        encoder = SequenceEncoder(unknown_share=0.5, max_length=2, random_state=0)
        numbers = encoder.fit_transform(X)
        state = joblib.hash(encoder)
        encoder.transform(X)
        encoder.inverse_transform(numbers)
        assert joblib.hash(X) == before
        assert joblib.hash(encoder) == state


def test_tags_say_texts():
    tags = get_tags(SequenceEncoder()).input_tags
    assert (tags.string, tags.two_d_array) == (True, False)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_checks_what_it_can():
    check_estimator(SequenceEncoder())


@pytest.mark.data
def test_numbers_of_real_texts(data_dir):
    reviews = pd.read_csv(
        data_dir / "imdb_subset" / "imdb_5k_5k.tsv.gz", sep="\t", nrows=500
    )
    encoder = SequenceEncoder(min_count=3, max_length=100, output="ragged")
    numbers = encoder.fit_transform(reviews["text"])
    words = [
        re.findall(r"\w+(?:'\w+)*|[^\w\s]", text.lower())[:100]
        for text in reviews["text"]
    ]
    counts = Counter(word for row in words for word in row)
    expected = [[w if counts[w] > 2 else "<UNK>" for w in row] for row in words]
    assert encoder.inverse_transform(numbers).tolist() == expected
