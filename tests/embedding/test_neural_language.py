import gzip
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl._text._token_reader import Corpus
from sklearn_dl.embedding import NeuralLanguageEmbedding
from sklearn_dl.embedding._neural_language import _padded
from sklearn_dl.model_selection import GridSearchCV

# Which word comes next depends on the last but one.
TEXTS = ["a x b", "c x d", "a y b", "c y d"] * 50
# A word of one kind is followed by any of its kind.
GENERATOR = np.random.default_rng(0)
KINDS = GENERATOR.integers(2, size=100)
CHAINS = [
    " ".join(f"{'xy'[kind]}{number}" for number in GENERATOR.integers(6, size=12))
    for kind in KINDS
]


def quick(**params):
    given = {
        "n_components": 8, "context_size": 2, "hidden_layer_size": 16, "max_iter": 15,
        "learning_rate_init": 0.02, "batch_size": 32, "device": "cpu",
        "random_state": 0, **params,
    }  # fmt: skip
    return NeuralLanguageEmbedding(**given)


def test_each_document_begins_behind_what_is_no_word():
    corpus = Corpus(
        np.array([5, 6, 7], np.int32), np.array([2, 2, 3]), list("abcdefgh")
    )
    tokens, places = _padded(corpus, 2, start=9)
    assert_array_equal(tokens, [9, 9, 5, 6, 9, 9, 9, 9, 7])
    assert_array_equal(tokens[places], [5, 6, 7])


def test_the_network_is_that_of_the_article():
    embedding = quick().fit(TEXTS)
    start, vectors = embedding.start_vector_, embedding.vectors_
    (h, u), (d, b) = embedding.coefs_, embedding.intercepts_
    assert h.shape == (2 * 8, 16)
    assert u.shape == (16, 6)
    row = embedding.vocabulary_
    for words, x in {
        (): [start, start],
        ("a",): [start, vectors[row["a"]]],
        ("a", "x"): [vectors[row["a"]], vectors[row["x"]]],
        ("d", "a", "x"): [vectors[row["a"]], vectors[row["x"]]],
    }.items():
        scores = u.T @ np.tanh(h.T @ np.concatenate(x) + d) + b
        assert_allclose(
            embedding.predict_next(list(words)), np.exp(log_softmax(scores)), rtol=1e-4
        )


def test_what_is_learned_is_the_next_word():
    embedding = quick().fit(TEXTS)
    words = list(embedding.vocabulary_)
    for first, last in ("ab", "cd"):
        for middle in "xy":
            probabilities = embedding.predict_next([first, middle])
            assert_allclose(probabilities.sum(), 1, rtol=1e-5)
            assert probabilities[words.index(last)] > 0.9
    first = embedding.predict_next([])
    assert first[[words.index("a"), words.index("c")]].min() > 0.4
    # One word of context is not enough for the last one.
    short = quick(context_size=1).fit(TEXTS)
    assert short.predict_next(["a", "x"]).max() < 0.6


def test_the_loss_is_that_of_the_probabilities():
    # A batch of all words, and steps of nothing: the loss is that of the first weights.
    embedding = quick(max_iter=2, learning_rate_init=1e-12, batch_size=600).fit(TEXTS)
    logs = []
    for text in TEXTS[:4]:
        words = text.split()
        for place, word in enumerate(words):
            probabilities = embedding.predict_next(words[:place])
            logs.append(np.log(probabilities[embedding.vocabulary_[word]]))
    assert_allclose(embedding.loss_curve_, [-np.mean(logs)] * 2, rtol=1e-5)


def test_a_step_changes_the_vectors_of_the_words_that_were_there():
    slow = quick(max_iter=1, learning_rate_init=1e-12, vocabulary=list("abcdxyz"))
    before = slow.fit(TEXTS).vectors_
    after = quick(max_iter=1, vocabulary=list("abcdxyz")).fit(TEXTS).vectors_
    changed = np.abs(after - before).max(axis=1)
    assert (changed[[0, 2, 4, 5]] > 0.01).all()
    assert changed[6] < 1e-6


def test_the_loss_falls():
    embedding = quick(max_iter=6).fit(TEXTS)
    assert len(embedding.loss_curve_) == embedding.n_iter_ == 6
    assert embedding.loss_curve_[-1] < 0.5 * embedding.loss_curve_[0]
    # No model can know how a document begins.
    assert embedding.loss_curve_[-1] > 2 * np.log(2) / 3 - 0.01


def test_words_of_one_kind_come_to_lie_together():
    embedding = quick(n_components=4).fit(CHAINS)
    x, y = ([f"{kind}{k}" for k in range(6)] for kind in "xy")
    within = [embedding.similarity(one, other) for one in x for other in x]
    between = [embedding.similarity(one, other) for one in x for other in y]
    assert np.mean(within) > np.mean(between) + 0.5


def test_the_result_depends_on_the_seed_alone():
    models = [quick(random_state=seed).fit(TEXTS) for seed in (3, 3, 4)]
    assert_array_equal(models[0].vectors_, models[1].vectors_)
    assert models[0].loss_curve_ == models[1].loss_curve_
    assert not np.array_equal(models[0].vectors_, models[2].vectors_)
    again = pickle.loads(pickle.dumps(models[0]))
    assert_array_equal(again.predict_next(["a"]), models[0].predict_next(["a"]))
    assert_array_equal(again.transform(TEXTS), models[0].transform(TEXTS))


def test_the_unknown_word_is_predicted_too():
    embedding = quick(unknown="token", min_count=2).fit(["a b q", "a b r"] * 2 + TEXTS)
    assert "<UNK>" not in quick().fit(TEXTS).vocabulary_
    assert embedding.predict_next(["a", "<UNK>"]).shape == (8 + 1,)


def test_callbacks_see_each_epoch(capsys):
    quick(max_iter=3).set_callbacks(ProgressBar()).fit(TEXTS)
    assert "NeuralLanguageEmbedding" in capsys.readouterr().out


def test_in_a_search():
    pipeline = make_pipeline(quick(max_iter=3), LogisticRegression(C=100))
    name = "neurallanguageembedding__"
    grid = {f"{name}n_components": [2, 4], f"{name}context_size": [1, 3]}
    ours = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(CHAINS, KINDS)
    theirs = SklearnGridSearchCV(pipeline, grid, cv=3).fit(CHAINS, KINDS)
    assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )
    assert ours.best_score_ > 0.9


def test_words_that_are_none():
    embedding = quick(max_iter=1).fit(TEXTS)
    with pytest.raises(KeyError, match="'unheard' is no word that NeuralLanguage"):
        embedding.predict_next(["a", "unheard"])
    with pytest.raises(TypeError, match="a list of words, got the string 'a x'"):
        embedding.predict_next("a x")


def test_vectors_from_a_file_predict_nothing(tmp_path):
    embedding = quick(max_iter=1).fit(TEXTS)
    embedding.to_word2vec_format(tmp_path / "vectors.txt")
    loaded = NeuralLanguageEmbedding.from_word2vec_format(tmp_path / "vectors.txt")
    assert_allclose(loaded.transform(TEXTS), embedding.transform(TEXTS), atol=1e-6)
    with pytest.raises(ValueError, match="to predict words, what fit learns"):
        loaded.predict_next(["a"])


def test_a_rate_that_is_too_large():
    with pytest.raises(ValueError, match=r"has diverged.*'learning_rate_init'"):
        quick(learning_rate_init=1e37).fit(TEXTS)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"context_size": 0}, "'context_size' parameter of NeuralLanguageEmbedding"),
        ({"batch_size": 0}, "'batch_size' parameter of NeuralLanguageEmbedding"),
        ({"device": "abacus"}, "'device' parameter"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(TEXTS)


@pytest.mark.data
def test_plays_of_shakespeare(data_dir):
    with gzip.open(data_dir / "tinyshakespeare" / "input.txt.gz", "rt") as file:
        speeches = file.read().split("\n\n")
    embedding = NeuralLanguageEmbedding(max_iter=2, random_state=0).fit(speeches)
    # The words alone, without a context, have 6.3.
    shares = embedding.word_counts_ / embedding.word_counts_.sum()
    assert embedding.loss_curve_[-1] < -(shares * np.log(shares)).sum() - 0.7
    probabilities = embedding.predict_next(["my", "good"])
    best = np.array(list(embedding.vocabulary_))[np.argsort(-probabilities)[:3]]
    assert "lord" in best
