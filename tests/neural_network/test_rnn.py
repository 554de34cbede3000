"""Recurrent networks as estimators: sequences of all kinds, tags, searches."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.neural_network import RNNClassifier, RNNRegressor, RNNTagger

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BRIEF = {"hidden_size": 8, "max_iter": 2, "random_state": 0}
CELLS = ["rnn", "gru", "simplified_gru", "lstm"]


@pytest.fixture(scope="module")
def ragged():
    """Sequences of two channels whose class is which end is higher."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(3, 12, size=120)]
    y = np.array(["up" if x[-1, 0] > x[0, 0] else "down" for x in X])
    return X, y


@pytest.fixture(scope="module")
def sentences():
    """Words whose tag is in their ending, and a tag that depends on the word before."""
    rng = np.random.default_rng(0)
    stems = ["run", "walk", "dream", "play", "look"]
    endings = {"s": "NOUN", "ing": "VERB", "ly": "ADV"}
    X, y = [], []
    for _ in range(150):
        words, tags = [], []
        for _ in range(rng.integers(2, 7)):
            ending = rng.choice(list(endings))
            words.append(f"{rng.choice(stems)}{ending}")
            tags.append(endings[ending])
        X.append(words)
        y.append(tags)
    return X, y


# -- padding never changes a result ------------------------------------------------


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_prediction_does_not_depend_on_its_company(ragged, cell, pooling):
    X, y = ragged
    options = {"n_layers": 2, "bidirectional": True, "dropout": 0.3, **BRIEF}
    clf = RNNClassifier(cell, pooling=pooling, dtype="float64", **options).fit(X, y)
    together = clf.predict_proba(X)
    alone = np.concatenate([clf.predict_proba([x]) for x in X[:25]])
    np.testing.assert_allclose(alone, together[:25], atol=1e-10)
    order = np.random.default_rng(1).permutation(len(X))
    shuffled = clf.predict_proba([X[k] for k in order])
    np.testing.assert_allclose(shuffled, together[order], atol=1e-10)


def test_ragged_rows_of_one_length_are_an_array():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6, 2))
    y = X[:, -1, 0]
    from_array = RNNRegressor(**BRIEF).fit(X, y)
    from_list = RNNRegressor(**BRIEF).fit(list(X), y)
    np.testing.assert_allclose(
        from_array.predict(X), from_list.predict(list(X)), atol=1e-8
    )


def test_a_row_of_a_table_is_a_sequence_of_scalars():
    X = np.random.default_rng(0).normal(size=(40, 6))
    flat = RNNRegressor(**BRIEF).fit(X, X[:, 0])
    deep = RNNRegressor(**BRIEF).fit(X[:, :, None], X[:, 0])
    np.testing.assert_array_equal(flat.predict(X), deep.predict(X[:, :, None]))
    assert flat.n_features_in_ == 6


def test_steps_are_standardised_by_the_weighted_rows(ragged):
    X, _ = ragged
    X = [x * [5.0, 0.1] + [3.0, -1.0] for x in X]
    weight = np.random.default_rng(0).integers(0, 3, size=len(X)).astype(float)
    y = np.arange(len(X), dtype=float)
    model = RNNRegressor(**BRIEF).fit(X, y, sample_weight=weight).net_.module_
    steps = np.concatenate(
        [x for x, w in zip(X, weight, strict=True) for _ in range(int(w))]
    )
    np.testing.assert_allclose(model.mean, steps.mean(axis=0))
    np.testing.assert_allclose(model.scale, steps.std(axis=0))


def test_truncation_leaves_predictions_and_changes_the_training():
    X = np.random.default_rng(0).normal(size=(40, 12))
    y = X[:, 0]
    full = RNNRegressor(**BRIEF, shuffle=False).fit(X, y)
    cut = RNNRegressor(**BRIEF, shuffle=False, truncation=3).fit(X, y)
    assert not np.allclose(full.predict(X), cut.predict(X))
    cut.net_.module_.load_state_dict(full.net_.module_.state_dict())
    np.testing.assert_allclose(full.predict(X), cut.predict(X), atol=1e-10)


# -- tokens and texts --------------------------------------------------------------


def test_tokens():
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 10, size=n) for n in rng.integers(2, 9, size=200)]
    y = [int(3 in x) for x in X]
    clf = RNNClassifier(pooling="max", max_iter=15, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.95
    assert clf.net_.module_.embedding.weight.shape == (10, 64)
    lists = [x.tolist() for x in X]
    np.testing.assert_array_equal(clf.predict(lists), clf.predict(X))


def test_an_array_of_tokens_is_one_when_the_user_says_so():
    X = np.random.default_rng(0).integers(0, 5, size=(30, 4))
    clf = RNNClassifier(input_type="tokens", **BRIEF).fit(X, X[:, 0] > 2)
    assert clf.net_.module_.embedding is not None
    values = RNNClassifier(**BRIEF).fit(X, X[:, 0] > 2)
    assert values.net_.module_.network.embedding is None


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "objects": lambda texts: np.array(texts, dtype=object),
    "column": lambda texts: np.array(texts, dtype=object)[:, None],
    "series": pd.Series,
    "frame": lambda texts: pd.DataFrame({"text": texts}),
    "generator": iter,
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_texts(container):
    good, bad = ["a fine film", "fine and good"], ["a dull film", "dull and bad"]
    texts, y = (good + bad) * 10, [1, 1, 0, 0] * 10
    clf = RNNClassifier(max_iter=20, random_state=0).fit(container(texts), y)
    assert clf.vocabulary_["fine"] > 0
    np.testing.assert_array_equal(
        clf.predict(container(["fine film", "bad dull, unknown"])), [1, 0]
    )
    # No known word at all, and no word.
    assert clf.predict_proba(["", "unseen words"]).shape == (2, 2)


def test_characters_and_own_tokenizers():
    texts = ["abc", "cba", "aab", "bcc"] * 5
    letters = RNNClassifier(tokenizer="characters", **BRIEF).fit(
        texts, [0, 1, 0, 1] * 5
    )
    assert set(letters.vocabulary_) == {"a", "b", "c"}
    own = RNNClassifier(tokenizer=str.split, **BRIEF).fit(texts, [0, 1, 0, 1] * 5)
    assert set(own.vocabulary_) == set(texts)


def test_the_number_of_tokens_may_be_given():
    X, y = [[0, 1], [1, 0, 1]] * 5, [0, 1] * 5
    clf = RNNClassifier(n_tokens=9, **BRIEF).fit(X, y)
    assert clf.predict([[8, 7]]).shape == (1,)
    with pytest.raises(ValueError, match="from 0 and below 9"):
        clf.predict([[9]])


def test_a_refit_on_other_rows_forgets_the_first_ones():
    texts, y = ["a b", "b a"] * 5, [0, 1] * 5
    clf = RNNClassifier(**BRIEF).fit(np.zeros((10, 3)), y).fit(texts, y)
    assert not hasattr(clf, "n_features_in_")
    clf.fit(np.zeros((10, 4)), y)
    assert not hasattr(clf, "vocabulary_")
    assert clf.n_features_in_ == 4


def test_arrays_of_other_lengths_than_in_fit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 5, 2))
    reg = RNNRegressor(**BRIEF).fit(X, X[:, 0, 0])
    longer = rng.normal(size=(4, 9, 2))
    np.testing.assert_allclose(reg.predict(longer), reg.predict(list(longer)))


def test_rows_of_very_different_lengths_in_blocks(monkeypatch, ragged):
    X, y = ragged
    clf = RNNClassifier(dtype="float64", **BRIEF).fit(X, y)
    tagger = RNNTagger(dtype="float64", **BRIEF).fit(X, [x[:, 0] > 0 for x in X])
    expected, tags = clf.predict_proba(X), tagger.predict_proba(X)
    # A few rows at once, and the longest one alone.
    monkeypatch.setattr("sklearn_dl.neural_network._rnn_base._STATES_AT_ONCE", 200)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-10)
    for row, other in zip(tagger.predict_proba(X), tags, strict=True):
        np.testing.assert_allclose(row, other, atol=1e-10)


def test_sequences_are_computed_in_float32_and_tables_in_their_type(ragged):
    X, y = ragged
    for rows, expected in (
        (X, torch.float32),
        (np.stack([row[:3] for row in X]), torch.float32),
        (np.stack([row[:3, 0] for row in X]), torch.float64),
    ):
        clf = RNNClassifier(**BRIEF).fit(rows, y)
        assert {w.dtype for w in clf.net_.module_.parameters()} == {expected}


def test_rare_words_are_unknown_or_signatures():
    texts = [["the", "Xylophone", "plays"], ["the", "Grandphone", "plays"]]
    single = RNNClassifier(**BRIEF).fit(texts, [0, 1])
    assert set(single.vocabulary_) == {"the", "plays"}
    looks = RNNClassifier(unknown="signature", **BRIEF).fit(texts, [0, 1])
    known = len(looks.vocabulary_)
    assert known > 2
    np.testing.assert_allclose(
        looks.predict_proba([["Megaphone"]]), looks.predict_proba([["Telephone"]])
    )
    assert not np.allclose(
        looks.predict_proba([["Megaphone"]]), looks.predict_proba([["zzz"]])
    )
    limited = RNNClassifier(max_words=1, **BRIEF).fit(texts, [0, 1])
    assert len(limited.vocabulary_) == 1


def test_given_vectors_are_used_and_left_alone():
    vectors = {"good": np.ones(3), "bad": -np.ones(3)}
    texts = ["good good", "bad bad"] * 5
    clf = RNNClassifier(embeddings=vectors, freeze_embeddings=True, **BRIEF)
    clf.fit(texts, [1, 0] * 5)
    table = clf.net_.module_.embedding.weight.detach().numpy()
    np.testing.assert_array_equal(table[clf.vocabulary_["good"]], np.ones(3))
    np.testing.assert_array_equal(vectors["good"], np.ones(3))
    given = np.random.default_rng(0).normal(size=(6, 4))
    X = [[0, 1, 2], [3, 4]] * 5
    learned = RNNClassifier(embeddings=given.copy(), **BRIEF).fit(X, [1, 0] * 5)
    assert learned.net_.module_.embedding.weight.shape == (6, 4)
    with pytest.raises(ValueError, match="must have vectors of words of the training"):
        RNNClassifier(embeddings={"other": np.ones(3)}, **BRIEF).fit(texts, [1, 0] * 5)


# -- tags --------------------------------------------------------------------------


def test_tags_of_known_and_unknown_words(sentences):
    X, y = sentences
    tagger = RNNTagger(
        hidden_size=16,
        min_count=99,
        max_iter=8,
        learning_rate_init=0.02,
        random_state=0,
    ).fit(X, y)
    assert tagger.score(X, y) > 0.95
    assert tagger.predict([["jumping", "cats", "slowly"]])[0].tolist() == [
        "VERB",
        "NOUN",
        "ADV",
    ]


def test_tags_do_not_depend_on_the_company(sentences):
    X, y = sentences
    tagger = RNNTagger(cell="lstm", **BRIEF).fit(X, y)
    together = tagger.predict_proba(X)
    assert [len(row) for row in together] == [len(row) for row in X]
    alone = tagger.predict_proba(X[3:4])[0]
    np.testing.assert_allclose(alone, together[3], atol=1e-5)
    np.testing.assert_allclose(together[3].sum(axis=1), 1, atol=1e-5)


def test_tags_of_values_with_weights_in_a_search(ragged):
    X, _ = ragged
    y = [(x[:, 0] > 0).astype(int) for x in X]
    weight = np.ones(len(X))
    tagger = RNNTagger(hidden_size=8, max_iter=4, random_state=0)
    search = GridSearchCV(tagger, {"learning_rate_init": [1e-5, 0.05]}, cv=2)
    search.fit(X, y, sample_weight=weight)
    assert search.best_params_ == {"learning_rate_init": 0.05}
    assert cross_val_score(search.best_estimator_, X, y, cv=2).mean() > 0.8
    heavy = search.best_estimator_.score(X, y, sample_weight=np.eye(len(X))[0])
    assert heavy == np.mean(search.predict(X[:1])[0] == y[0])


def test_a_weight_of_two_is_twice_a_row():
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 9, size=n) for n in rng.integers(2, 6, size=20)]
    y = [x % 3 for x in X]
    weight = np.r_[np.full(5, 2.0), np.ones(15)]
    options = {"shuffle": False, "alpha": 0.0, "dtype": "float64", **BRIEF}
    twice = RNNTagger(**options).fit(X + X[:5], y + y[:5])
    once = RNNTagger(**options).fit(X, y, sample_weight=weight)
    for a, b in zip(twice.predict_proba(X), once.predict_proba(X), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


def test_a_tagger_divides_the_penalty_alike_with_and_without_weights():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(8, 2)) for _ in range(20)]
    y = [x[:, 0] > 0 for x in X]
    plain = RNNTagger(alpha=50.0, **BRIEF).fit(X, y)
    weighted = RNNTagger(alpha=50.0, **BRIEF).fit(X, y, sample_weight=np.ones(20))
    assert weighted.loss_ == pytest.approx(plain.loss_)


def test_partial_fit_of_a_tagger(sentences):
    X, y = sentences
    tagger = RNNTagger(**BRIEF)
    with pytest.raises(ValueError, match="Negative values"):
        tagger.partial_fit(X, y, sample_weight=-np.ones(len(X)))
    tagger.partial_fit(X[:100], y[:100], classes=["NOUN", "VERB", "ADV", "X"])
    before = tagger.score(X, y)
    for _ in range(10):
        tagger.partial_fit(X, y)
    assert tagger.score(X, y) > before
    assert tagger.classes_.tolist() == ["ADV", "NOUN", "VERB", "X"]


def persistences(tmp_path):
    def through_joblib(estimator):
        joblib.dump(estimator, tmp_path / "tagger.joblib")
        # Read-only memory, as in the workers of a search.
        return joblib.load(tmp_path / "tagger.joblib", mmap_mode="r")

    def through_skops(estimator):
        dumped = skops.io.dumps(estimator)
        return skops.io.loads(dumped, skops.io.get_untrusted_types(data=dumped))

    return [lambda e: pickle.loads(pickle.dumps(e)), through_joblib, through_skops]


def test_a_tagger_survives_its_files(sentences, tmp_path):
    X, y = sentences
    tagger = RNNTagger(**BRIEF).fit(X, y)
    expected = tagger.predict(X)
    for stored_and_loaded in persistences(tmp_path):
        loaded = stored_and_loaded(tagger)
        for row, other in zip(expected, loaded.predict(X), strict=True):
            np.testing.assert_array_equal(row, other)
        loaded.partial_fit(X, y)


# -- forecasting -------------------------------------------------------------------


def test_several_steps_ahead():
    series = np.sin(np.arange(300) / 5)
    windows = np.lib.stride_tricks.sliding_window_view(series, 23)
    X, y = windows[:, :20], windows[:, 20:]
    reg = RNNRegressor(hidden_size=16, learning_rate_init=0.01, max_iter=25)
    reg.set_params(random_state=0).fit(X[:200], y[:200])
    assert reg.predict(X[200:]).shape == (78, 3)
    assert reg.score(X[200:], y[200:]) > 0.95


def test_a_search_over_cells(ragged):
    X, y = ragged
    search = GridSearchCV(
        RNNClassifier(hidden_size=8, max_iter=2, random_state=0),
        {"cell": ["gru", "lstm"], "pooling": ["last", "mean"]},
        cv=2,
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.predict(X[:3]).shape == (3,)


# -- bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([[1.0, 2.0], []], {}, "at least one step in each row, row 1 of X is empty"),
        ([[1, 2], [-1, 0, 1]], {}, "row 1 of X has -1 to 1. See the parameters"),
        (
            [[1, 2], [1.5, 0, 1]],
            {"input_type": "tokens"},
            "expects whole numbers as tokens",
        ),
        ([["a"], [1, 2]], {}, r"texts or lists of words, row 1 of X is \[1, 2\]"),
        (["a", None], {}, "expects texts or lists of words, row 1 of X is None"),
        (
            pd.DataFrame({"a": ["x", "y"], "b": ["x", "y"]}),
            {"input_type": "text"},
            "expects one column of texts, X has the 2 columns",
        ),
        ([[1, 10**12], [0]], {}, "See the parameters 'n_tokens', and input_type"),
        ([[1.0, np.inf], [0]], {"input_type": "tokens"}, "expects whole numbers"),
        (
            np.zeros((2, 3)),
            {"embeddings": np.eye(3)},
            "must be None where X has values",
        ),
        (["a", "b"], {"embeddings": np.eye(3)}, "must be a mapping from words"),
        ([[0, 1], [0]], {"embeddings": {"a": [0]}}, "must be an array of vectors"),
        (
            [np.zeros((3, 2)), np.zeros((4, 3))],
            {},
            "expects 2 values a step, row 1 of X has 3",
        ),
        ([[0.5, np.nan], [1.5]], {}, "row 0 of X contains NaN or infinity"),
        (np.zeros((2, 3, 4, 5)), {}, r"got the shape \(2, 3, 4, 5\)"),
        (
            np.zeros((2, 3)),
            {"truncation": 2, "bidirectional": True},
            "truncation=2 of RNNClassifier cannot be used",
        ),
        ("a text", {}, "expects an iterable of texts, got the string 'a text'"),
        (["a b", "c"], {}, "words that occur at least min_count=2 times, X has none"),
        (
            ["a a", "b b"],
            {"embeddings": {"a": [0.0, 1.0], "b": [1.0]}},
            r"vectors of one length, got the shapes \[\(1,\), \(2,\)\]",
        ),
    ],
)
def test_bad_sequences(X, options, message):
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**options).fit(X, [0, 1])


def test_input_that_differs_from_that_of_fit(ragged):
    X, y = ragged
    clf = RNNClassifier(**BRIEF).fit(X, y)
    with pytest.raises(ValueError, match="expects 2 values a step"):
        clf.predict([np.zeros((4, 3)), np.zeros((3, 3))])
    with pytest.raises(ValueError, match="was fitted on 2 values a step, X has 3"):
        clf.predict(np.zeros((4, 3, 3)))
    tokens = RNNClassifier(**BRIEF).fit([[0, 1], [2]], [0, 1])
    with pytest.raises(ValueError, match="from 0 and below 3, row 0 of X has 1 to 3"):
        tokens.predict([[1, 3], [1]])


def test_labels_of_another_length(sentences):
    X, y = sentences
    with pytest.raises(ValueError, match="a label for each of the 3 steps of row 1"):
        RNNTagger().fit([["a", "b"], ["a", "b", "c"]], [["X", "Y"], ["X"]])
    with pytest.raises(ValueError, match="got 1 for 2 rows"):
        RNNTagger().fit([["a", "b"], ["a"]], [["X", "Y"]])
    with pytest.raises(ValueError, match="at least one word in each text, row 1"):
        RNNTagger().fit([["a", "b"], []], [["X", "Y"], []])
    tagger = RNNTagger(**BRIEF).fit(X, y)
    with pytest.raises(ValueError, match=r"y has \['NEW'\] beside them"):
        tagger.partial_fit(X[:1], [["NEW"] * len(X[0])])
    assert clone(tagger).get_params() == tagger.get_params()
