import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl._numba._glove import deal_pairs
from sklearn_dl._text._token_reader import Corpus
from sklearn_dl.embedding import GloVe
from sklearn_dl.embedding import _cooccurrences as counting
from sklearn_dl.embedding._cooccurrences import count_cooccurrences, window_weights
from sklearn_dl.embedding._glove import _N_GROUPS
from sklearn_dl.model_selection import GridSearchCV

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


def corpus_of(n_words, lengths):
    stops = np.cumsum(lengths)
    tokens = GENERATOR.integers(n_words, size=stops[-1]) ** 2 % n_words
    return Corpus(tokens.astype(np.int32), stops, [str(k) for k in range(n_words)])


def naive_counts(corpus, n_words, weights, symmetric):
    counts = np.zeros((n_words, n_words))
    for document in np.split(corpus.tokens, corpus.stops[:-1]):
        for place, word in enumerate(document):
            for distance, weight in enumerate(weights, 1):
                if place >= distance:
                    other = document[place - distance]
                    counts[word, other] += weight
                    counts[other, word] += weight * symmetric
    return counts


# -- counting --------------------------------------------------------------------------


def test_weights_of_distances():
    assert_array_equal(window_weights(4, "ramp"), [4, 3, 2, 1])
    assert_array_equal(window_weights(3, "flat"), [1, 1, 1])
    assert_allclose(window_weights(3, "harmonic"), [1, 1 / 2, 1 / 3], rtol=2e-8)


@pytest.mark.parametrize("weighting", ["flat", "harmonic", "ramp"])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("n_words", [1, 15, 40])
def test_counts_are_those_of_plain_loops(weighting, symmetric, n_words):
    corpus = corpus_of(n_words, [30, 0, 1, 2, 50, 0, 7])
    weights = window_weights(4, weighting)
    expected = naive_counts(corpus, n_words, weights, symmetric)
    for n_threads in (1, 3):
        counts = count_cooccurrences(
            corpus, n_words, weights, symmetric=symmetric, n_threads=n_threads
        )
        assert_array_equal(counts.toarray(), expected.astype(np.float32))
        assert counts.nnz == np.count_nonzero(expected)
        assert counts.has_canonical_format
        assert (np.diff(counts.indices)[np.diff(np.repeat(
            np.arange(n_words), np.diff(counts.indptr))) == 0] > 0).all()  # fmt: skip
    few = count_cooccurrences(
        corpus, n_words, weights, symmetric=symmetric, n_columns=10
    )
    assert_array_equal(few.toarray(), expected[:, :10].astype(np.float32))


@pytest.mark.parametrize("n_threads", [1, 2])
def test_counts_that_memory_does_not_hold_are_the_same(monkeypatch, n_threads):
    corpus = corpus_of(50, [300] * 5)
    weights = window_weights(5, "harmonic")
    expected = count_cooccurrences(corpus, 50, weights)
    spills = []
    spill = counting._Pairs._spill
    monkeypatch.setattr(
        counting._Pairs, "_spill", lambda self: (spills.append(1), spill(self))
    )
    corpus.shared.clear()
    counts = count_cooccurrences(
        corpus, 50, weights, memory_limit=100, n_threads=n_threads
    )
    assert len(spills) > 10
    assert_array_equal(counts.toarray(), expected.toarray())
    assert_array_equal(counts.indices, expected.indices)
    # Beyond the limit arrays are files.
    small, large = (counting.make_room(20, [np.int32], n) for n in (80, 79))
    assert small[0].base is None
    assert isinstance(large[0].base, np.memmap)


def test_the_smallest_memory_gives_the_same_vectors():
    expected = GloVe(6, max_iter=2, random_state=0).fit(TEXTS)
    embedding = GloVe(6, max_iter=2, random_state=0, memory_limit=1).fit(TEXTS)
    assert_array_equal(embedding.vectors_, expected.vectors_)
    again = pickle.loads(pickle.dumps(embedding))
    assert_array_equal(again.transform(TEXTS), expected.transform(TEXTS))


# -- training --------------------------------------------------------------------------


def dealt(counts, x_max, alpha):
    n = counts.nnz
    pairs = [np.zeros(n, kind) for kind in (np.int32, np.int32, np.float32, np.float32)]
    starts = np.zeros(_N_GROUPS**2 + 1, np.int64)
    deal_pairs(
        counts.indptr, counts.indices, counts.data, np.float32(x_max),
        np.float32(alpha), _N_GROUPS, np.ones(1, np.uint64), starts, *pairs,
    )  # fmt: skip
    return starts, *pairs


@pytest.mark.parametrize("alpha", [0.75, 0.5, 0])
def test_the_weight_of_a_pair(alpha):
    corpus = corpus_of(40, [500])
    counts = count_cooccurrences(corpus, 40, window_weights(5, "flat"))
    starts, rows, columns, logs, weights = dealt(counts, 50, alpha)
    # Each pair is there once.
    entries = counts.tocoo()
    expected = dict(
        zip(zip(*entries.coords, strict=True), entries.data.tolist(), strict=True)
    )
    values = np.array([expected.pop(pair) for pair in zip(rows, columns, strict=True)])
    assert not expected
    assert_allclose(logs, np.log(values), rtol=1e-6)
    assert_allclose(
        weights, np.where(values < 50, (values / 50) ** alpha, 1), rtol=1e-6
    )
    assert (values < 50).any()
    assert (values > 50).any()
    # No two tiles of a round have a word, or a neighbour, in common.
    for part in range(_N_GROUPS):
        tiles = range(part * _N_GROUPS, (part + 1) * _N_GROUPS)
        for words in (rows, columns):
            seen = [set(words[starts[t] : starts[t + 1]].tolist()) for t in tiles]
            assert sum(map(len, seen)) == len(set().union(*seen))


def reference(pairs, tables, rounds, rate, width):
    """One epoch in plain numpy: vectors and biases by AdaGrad, pair by pair."""
    starts, rows, columns, logs, weights = pairs
    lanes = tables[0].shape[1] // 2
    w, b = tables[0][:, :width].astype(float), tables[0][:, width].astype(float)
    e, c = tables[1][:, :width].astype(float), tables[1][:, width + 1].astype(float)
    assert (tables[0][:, lanes : lanes + width] == 1).all()
    squares = [np.ones_like(w), np.ones_like(e), np.ones_like(b), np.ones_like(c)]
    loss = 0
    for part in rounds:
        for k in range(starts[part * _N_GROUPS], starts[(part + 1) * _N_GROUPS]):
            i, j = rows[k], columns[k]
            error = w[i] @ e[j] + b[i] + c[j] - logs[k]
            loss += weights[k] * error**2
            slope = rate * weights[k] * error
            steps = (slope * e[j], slope * w[i], slope, slope)
            for value, square, step, row in zip(
                (w, e, b, c), squares, steps, (i, j, i, j), strict=True
            ):
                value[row] -= step / np.sqrt(square[row])
                square[row] += np.square(step)
    return w, e, b, c, loss / len(rows)


@pytest.mark.parametrize("n_components", [1, 3, 14, 15, 16, 40])
def test_an_epoch_is_that_of_plain_numpy(monkeypatch, n_components):
    seen = []
    run = GloVe._run_epoch

    def spy(self, pairs, tables, rounds, *args):
        seen.append((pairs, [table.copy() for table in tables], rounds))
        return run(self, pairs, tables, rounds, *args)

    monkeypatch.setattr(GloVe, "_run_epoch", spy)
    embedding = GloVe(
        n_components, max_iter=1, learning_rate_init=0.3, random_state=0
    ).fit(TEXTS)
    w, e, b, c, loss = reference(*seen[0], 0.3, n_components)
    assert_allclose(embedding.centre_vectors_, w, atol=2e-4)
    assert_allclose(embedding.context_vectors_, e, atol=2e-4)
    assert_allclose(embedding.biases_, b, atol=2e-4)
    assert_allclose(embedding.context_biases_, c, atol=2e-4)
    assert_allclose(embedding.loss_curve_, [loss], rtol=1e-4)
    # Something was learned.
    assert abs(w - seen[0][1][0][:, :n_components]).max() > 0.01


def test_a_step_is_along_the_gradient_of_the_loss():
    torch = pytest.importorskip("torch")
    # One pair; its two words are different, so that each vector has one step.
    embedding = GloVe(
        4, window=1, symmetric=False, x_max=3.0, min_count=1, max_iter=1,
        learning_rate_init=1e-3, random_state=0,
    )  # fmt: skip
    before = clone(embedding).set_params(learning_rate_init=1e-30).fit(["a b"])
    after = embedding.fit(["a b"])
    names = ("centre_vectors_", "context_vectors_", "biases_", "context_biases_")
    values = [torch.tensor(getattr(before, n), requires_grad=True) for n in names]
    w, e, b, c = values
    i, j = (before.vocabulary_[word] for word in "ba")
    loss = (1 / 3) ** 0.75 * (w[i] @ e[j] + b[i] + c[j] - np.log(1.0)) ** 2
    loss.backward()
    assert_allclose(after.loss_curve_, [float(loss.detach())], rtol=1e-5)
    for name, value in zip(names, values, strict=True):
        step = getattr(after, name) - value.detach().numpy()
        # The factor 2 of the gradient is in the learning rate.
        assert_allclose(step, -1e-3 * value.grad.numpy() / 2, atol=1e-7)
        assert (step != 0).any()


def test_planted_vectors_are_found_again(monkeypatch):
    import scipy.sparse as sp

    from sklearn_dl.embedding import _glove

    n_words, width = 60, 4
    w, e = GENERATOR.normal(size=(2, n_words, width)) * 0.7
    b, c = GENERATOR.normal(size=(2, n_words, 1))
    logs = w @ e.T + b + c.T + 1
    counts = sp.csr_array(np.exp(logs).astype(np.float32))
    monkeypatch.setattr(_glove, "count_cooccurrences", lambda *_, **__: counts)
    embedding = GloVe(
        width, vocabulary=[f"w{k}" for k in range(n_words)], max_iter=300,
        alpha=0.1, learning_rate_init=0.2, random_state=0,
    ).fit(TEXTS)  # fmt: skip
    found = (
        embedding.centre_vectors_ @ embedding.context_vectors_.T
        + embedding.biases_[:, None]
        + embedding.context_biases_
    )
    assert_allclose(found, logs, atol=0.05)
    assert embedding.loss_curve_[-1] < 1e-3 * embedding.loss_curve_[0]


def test_the_loss_falls():
    embedding = GloVe(8, max_iter=15, random_state=0).fit(TEXTS)
    assert len(embedding.loss_curve_) == embedding.n_iter_ == 15
    assert (np.diff(embedding.loss_curve_) < 0).all()


@pytest.mark.parametrize("symmetric", [True, False])
def test_words_of_one_kind_come_to_lie_together(symmetric):
    embedding = GloVe(2, symmetric=symmetric, max_iter=40, random_state=0).fit(TEXTS)
    x, y = ([f"{kind}{k}" for k in range(12)] for kind in "xy")
    within = [embedding.similarity(one, other) for one in x for other in x]
    between = [embedding.similarity(one, other) for one in x for other in y]
    assert np.mean(within) > np.mean(between) + 0.2


def test_what_becomes_of_two_vectors():
    both = GloVe(8, max_iter=2, random_state=0).fit(TEXTS)
    long = GloVe(8, max_iter=2, random_state=0, combine="concatenate").fit(TEXTS)
    halves = both.centre_vectors_, both.context_vectors_
    assert not np.array_equal(*halves)
    assert_array_equal(both.vectors_, (halves[0] + halves[1]) / 2)
    assert_array_equal(long.vectors_, np.hstack(halves))
    assert long.vectors_.dtype == both.vectors_.dtype == np.float32
    assert len(long.get_feature_names_out()) == 16
    assert long.transform(TEXTS).shape == (200, 16)


def test_the_result_does_not_depend_on_threads():
    models = [GloVe(10, max_iter=4, n_threads=n, random_state=3).fit(TEXTS)
              for n in (1, 1, 2, 5, -1)]  # fmt: skip
    for other in models[1:]:
        assert_array_equal(models[0].vectors_, other.vectors_)
        assert models[0].loss_curve_ == other.loss_curve_
    other = GloVe(10, max_iter=4, random_state=4).fit(TEXTS)
    assert not np.array_equal(models[0].vectors_, other.vectors_)


def test_callbacks_see_each_epoch(capsys):
    GloVe(4, max_iter=3, random_state=0).set_callbacks(ProgressBar()).fit(TEXTS)
    assert "GloVe" in capsys.readouterr().out


def test_in_a_search():
    glove = GloVe(max_iter=30, learning_rate_init=0.3, random_state=0)
    pipeline = make_pipeline(glove, LogisticRegression(C=100))
    grid = {"glove__n_components": [4, 8], "glove__x_max": [1.0, 10.0]}
    ours = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(TEXTS, KINDS)
    theirs = SklearnGridSearchCV(pipeline, grid, cv=3).fit(TEXTS, KINDS)
    assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )
    assert ours.best_score_ > 0.9


def test_words_that_have_no_neighbours():
    embedding = GloVe(3, min_count=1, max_iter=2, random_state=0).fit(["a", "b", "a"])
    assert embedding.loss_curve_ == [0.0, 0.0]
    assert np.isfinite(embedding.transform(["a b", "c"])).all()


def test_a_rate_that_is_too_large():
    embedding = GloVe(3, learning_rate_init=1e30, max_iter=5)
    with pytest.raises(ValueError, match=r"GloVe has diverged.*'learning_rate_init'"):
        embedding.fit(TEXTS)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"window": 0}, "'window' parameter of GloVe"),
        ({"weighting": "near"}, "'weighting' parameter of GloVe"),
        ({"x_max": 0}, "'x_max' parameter of GloVe"),
        ({"combine": "sum"}, "'combine' parameter of GloVe"),
        ({"n_threads": 0}, "'n_threads' parameter of GloVe"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        GloVe(**params).fit(TEXTS)


@pytest.mark.data
def test_analogies_of_a_real_corpus(data_dir):
    import gzip

    with gzip.open(data_dir / "text" / "wiki40.txt.gz", "rt") as file:
        text = file.read()
    embedding = GloVe(max_iter=10, n_threads=2, random_state=0).fit([text])
    result = embedding.evaluate_analogies(
        data_dir / "text" / "questions-words.txt.gz", restrict_vocabulary=30000
    )
    assert result.accuracy > 0.13
