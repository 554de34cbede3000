import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_dl.embedding import DebiasedEmbedding, Word2Vec, skip_gram_pairs
from sklearn_dl.embedding._word2vec_training import (
    alias_table,
    huffman_paths,
    subword_pieces,
)
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.testing import check_joint_fit

# The example of the spec: words, input and output vectors.
WORDS = ["a", "cat", "chased", "climbed", "dog", "saw", "the", "tree"]
W_IN = np.array(
    [[-.094491, -.443977, .313917], [-.490796, -.229903, .065460],
     [.072921, .172246, -.357751], [.104514, -.463000, .079367],
     [-.226080, -.154659, -.038422], [.406115, -.192794, -.441992],
     [.181755, .088268, .277574], [-.055334, .491792, .263102]]
)  # fmt: skip
W_OUT = np.array(
    [[.023074, .479901, .432148, .375480, -.364732, -.119840, .266070, -.351000],
     [-.368008, .424778, -.257104, -.148817, .033922, .353874, -.144942, .130904],
     [.422434, .364503, .467865, -.020302, -.423890, -.438777, .268529, -.446787]]
)  # fmt: skip
PROBABILITIES = [.143073, .094925, .114441, .111166, .149289, .122874, .119431,
                 .144800]  # fmt: skip

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


def example():
    model = Word2Vec(3, objective="softmax", vocabulary=WORDS, max_iter=1)
    model.fit(["the dog saw a cat", "the dog chased a cat", "the cat climbed a tree"])
    model.vectors_ = W_IN.astype(np.float32)
    model.context_vectors_ = W_OUT.T.astype(np.float32)
    return model


def test_the_forward_pass_of_the_worked_example():
    assert_allclose(example().word_proba(["cat"]), [PROBABILITIES], atol=1e-6)


def test_the_error_of_the_worked_example_is_what_a_step_takes_off():
    model = example().set_params(
        window=1, dynamic_window=False, subsample=0, learning_rate_init=1.0
    )
    # In the pair (cat, climbed) the first step is that for the centre "cat", whose
    # neighbour is "climbed"; so the pair of the example is the second step.
    before = example().set_params(**model.get_params())
    model.partial_fit(["cat climbed"])
    v, u = W_IN.copy(), W_OUT.T.copy()
    for neighbour, centre in ((3, 1), (1, 3)):
        error = softmax(u @ v[neighbour])
        error[centre] -= 1
        if centre == 1:
            first = error
        h = v[neighbour].copy()
        v[neighbour] -= error @ u
        u -= np.outer(error, h)
    assert first[1] < 0
    assert_allclose(model.vectors_, v, atol=1e-5)
    assert_allclose(model.context_vectors_, u, atol=1e-5)
    assert_allclose(before.vectors_, W_IN, atol=1e-7)
    # The error vector itself: the probabilities, with -.888834 for the target.
    error = before.word_proba(["cat"])[0]
    error[WORDS.index("climbed")] -= 1
    assert_allclose(error[3], -0.888834, atol=1e-6)


def test_the_pairs_of_the_worked_example():
    pairs = list(skip_gram_pairs("The quick brown fox jumps".lower().split(), 2))
    assert pairs[:5] == [("the", "quick"), ("the", "brown"), ("quick", "the"),
                         ("quick", "brown"), ("quick", "fox")]  # fmt: skip
    assert len(pairs) == 2 + 3 + 4 + 3 + 2


def test_the_power_of_the_worked_example():
    # .9 becomes .92, .09 .16 and .01 .032.
    powers = np.array([0.9, 0.09, 0.01]) ** 0.75
    assert_allclose(powers, [0.92, 0.16, 0.032], atol=0.005)
    shares, aliases = alias_table(powers)
    drawn = [shares[k] * (k == w) + (1 - shares[k]) * (aliases[k] == w)
             for w in range(3) for k in range(3)]  # fmt: skip
    actual = np.reshape(drawn, (3, 3)).sum(axis=1) / 3
    assert_allclose(actual, powers / powers.sum(), rtol=1e-6)


def test_alias_tables_draw_what_they_should():
    weights = GENERATOR.random(50) ** 3
    shares, aliases = alias_table(weights)
    totals = shares.astype(float)
    np.add.at(totals, aliases, 1 - shares)
    assert_allclose(totals / 50, weights / weights.sum(), rtol=1e-5)


def test_huffman_paths_are_a_prefix_code_of_least_length():
    counts = np.array([40, 30, 15, 10, 5])
    starts, nodes, bits = huffman_paths(counts)
    lengths = np.diff(starts)
    assert_array_equal(lengths, [1, 2, 3, 4, 4])
    assert sum(2.0**-lengths) == 1
    codes = {tuple(bits[a:b]) for a, b in pairwise(starts)}
    assert len(codes) == 5
    assert set(nodes) == {0, 1, 2, 3}
    assert_array_equal(nodes[starts[:-1]], 3)


def reference(model, tokens, vectors, outputs, rate, paths=None):
    """One epoch in plain numpy, over one document, with a fixed window."""
    v, u = vectors.astype(float), outputs.astype(float)
    for at, centre in enumerate(tokens):
        first = max(at - model.window, 0)
        last = min(at + model.window + 1, len(tokens))
        around = [tokens[k] for k in range(first, last) if k != at]
        if not around:
            continue
        h = v[around]
        if model.model == "cbow":
            h = h.mean(axis=0, keepdims=True)
        if model.objective == "softmax":
            targets, wanted = np.arange(len(u)), np.eye(len(u))[centre]
            error = wanted - softmax(h @ u[targets].T, axis=1)
        else:
            starts, nodes, bits = paths
            part = slice(starts[centre], starts[centre + 1])
            targets = nodes[part]
            error = bits[part] - expit(h @ u[targets].T)
        dh, du = rate * error @ u[targets], rate * error.T @ h
        u[targets] += du
        for a, word in enumerate(around):
            v[word] += dh[0 if model.model == "cbow" else a]
    return v, u


@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
@pytest.mark.parametrize("objective", ["softmax", "hierarchical-softmax"])
@pytest.mark.parametrize("n_components", [3, 16, 40, 100])
def test_an_epoch_is_that_of_plain_numpy(model, objective, n_components):
    tokens = GENERATOR.integers(9, size=60) ** 2 % 9
    text = [" ".join(f"w{t}" for t in tokens)]
    words = [f"w{t}" for t in range(9)]
    embedding = Word2Vec(
        n_components, model=model, objective=objective, window=3, dynamic_window=False,
        subsample=0, learning_rate_init=0.05, min_learning_rate=0.05, max_iter=1,
        vocabulary=words, random_state=0,
    ).fit(text)  # fmt: skip
    v, u = embedding.vectors_, embedding.context_vectors_
    paths = huffman_paths(embedding.word_counts_)
    expected = reference(embedding, tokens, v, u, 0.05, paths)
    embedding.partial_fit(text)
    assert_allclose(embedding.vectors_, expected[0], atol=2e-5)
    assert_allclose(embedding.context_vectors_, expected[1], atol=2e-5)


@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
@pytest.mark.parametrize("n_negatives", [1, 5, 17])
@pytest.mark.parametrize("n_components", [3, 40, 100, 128])
def test_an_epoch_of_negative_sampling_is_that_of_plain_numpy(
    model, n_negatives, n_components
):
    # The power is such that only the most frequent word is ever drawn, and that often.
    tokens = np.where(GENERATOR.random(60) < 0.5, 0, GENERATOR.integers(6, size=60))
    text = [" ".join(f"w{t}" for t in tokens)]
    rate = 0.1 / (1 + n_negatives)
    embedding = Word2Vec(
        n_components, model=model, n_negatives=n_negatives, negative_exponent=60,
        window=4, dynamic_window=False, subsample=0, learning_rate_init=rate,
        min_learning_rate=rate, max_iter=9, vocabulary=[f"w{t}" for t in range(6)],
        random_state=0,
    ).fit(text)  # fmt: skip
    v, u = embedding.vectors_.astype(float), embedding.context_vectors_.astype(float)
    for at, centre in enumerate(tokens):
        around = [*tokens[max(at - 4, 0) : at], *tokens[at + 1 : at + 5]]
        h = v[around]
        if model == "cbow":
            h = h.mean(axis=0, keepdims=True)
        targets = [centre] + [0] * (n_negatives if centre else 0)
        error = rate * ((np.arange(len(targets)) == 0) - expit(h @ u[targets].T))
        changes = error @ u[targets]
        np.add.at(u, targets, error.T @ h)
        np.add.at(v, around, changes)
    before = embedding.vectors_
    embedding.partial_fit(text)
    assert abs(embedding.vectors_ - before).max() > 1e-3
    assert_allclose(embedding.vectors_, v, atol=5e-5)
    assert_allclose(embedding.context_vectors_, u, atol=5e-5)


@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
def test_parts_of_words_learn_as_in_plain_numpy(model):
    tokens = GENERATOR.integers(5, size=40)
    words = ["walk", "walks", "walked", "talk", "a"]
    text = [" ".join(words[t] for t in tokens)]
    embedding = Word2Vec(
        20, model=model, objective="hierarchical-softmax", unknown="subwords", window=2,
        subword_lengths=(3, 4), dynamic_window=False, subsample=0, random_state=0,
        learning_rate_init=0.05, min_learning_rate=0.05, max_iter=9, vocabulary=words,
    ).fit(text)  # fmt: skip
    numbers = {part: 5 + k for k, part in enumerate(embedding.subwords_)}
    parts = [
        [t] + [numbers[f"<{word}>"[k : k + n]] for n in (3, 4)
               for k in range(len(word) + 3 - n)]
        for t, word in enumerate(words)
    ]  # fmt: skip
    v = np.vstack([embedding._own_vectors, embedding.subword_vectors_]).astype(float)
    u = embedding.context_vectors_.astype(float)
    starts, nodes, bits = huffman_paths(embedding.word_counts_)
    for at, centre in enumerate(tokens):
        around = [*tokens[max(at - 2, 0) : at], *tokens[at + 1 : at + 3]]
        rows = [parts[t] for t in around]
        if model == "cbow":
            rows = [[piece for row in rows for piece in row]]
        h = np.array([v[row].mean(axis=0) for row in rows])
        path = slice(starts[centre], starts[centre + 1])
        targets = nodes[path]
        error = 0.05 * (bits[path] - expit(h @ u[targets].T))
        changes = error @ u[targets]
        u[targets] += error.T @ h
        for row, change in zip(rows, changes, strict=True):
            np.add.at(v, row, change if model == "cbow" else change / len(row))
    embedding.partial_fit(text)
    assert_allclose(embedding._own_vectors, v[:5], atol=2e-5)
    assert_allclose(embedding.subword_vectors_, v[5:], atol=2e-5)
    assert_allclose(embedding.context_vectors_, u, atol=2e-5)


@pytest.mark.parametrize("objective", ["softmax", "hierarchical-softmax"])
def test_probabilities_sum_to_one_and_are_learned(objective):
    embedding = Word2Vec(
        12, objective=objective, min_count=1, max_iter=60, learning_rate_init=0.1,
        random_state=0,
    ).fit(TEXTS)  # fmt: skip
    words = list(embedding.vocabulary_)
    probabilities = embedding.word_proba(words)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    own = [word[0] == "x" for word in words]
    for word, row in zip(words, probabilities, strict=True):
        if word[0] in "xy":
            assert (row[own].sum() > 0.3) == (word[0] == "x")
    assert embedding.set_params(model="cbow").word_proba(words[:3]).shape == (1, 36)


@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
@pytest.mark.parametrize(
    "objective", ["negative-sampling", "hierarchical-softmax", "softmax"]
)
def test_words_of_one_kind_come_to_lie_together(model, objective):
    embedding = Word2Vec(
        16, model=model, objective=objective, learning_rate_init=0.1, max_iter=30,
        subsample=0, random_state=0,
    ).fit(TEXTS)  # fmt: skip
    kinds = [word[0] for word, _ in embedding.most_similar("x1", n_words=11)]
    assert kinds.count("x") >= 9
    X = embedding.transform(TEXTS)
    assert LogisticRegression(C=100).fit(X[:100], KINDS[:100]).score(
        X[100:], KINDS[100:]
    ) == 1  # fmt: skip


def test_one_thread_ends_in_the_same_bits():
    models = [
        Word2Vec(20, random_state=3, n_threads=n, deterministic=deterministic).fit(
            TEXTS
        )
        for n, deterministic in ((1, False), (1, False), (2, True))
    ]
    for other in models[1:]:
        assert_array_equal(models[0].vectors_, other.vectors_)
    other = Word2Vec(20, random_state=4).fit(TEXTS)
    assert not np.array_equal(models[0].vectors_, other.vectors_)


def test_two_threads_learn_as_well():
    embedding = Word2Vec(
        16, learning_rate_init=0.1, max_iter=30, subsample=0, n_threads=2
    ).fit(TEXTS)
    kinds = [word[0] for word, _ in embedding.most_similar("x1", n_words=11)]
    assert kinds.count("x") >= 9


def test_rare_words_are_left_out_or_are_one_word():
    texts = ["a a a b b c", "a b d"]
    embedding = Word2Vec(4, min_count=2).fit(texts)
    assert embedding.vocabulary_ == {"a": 0, "b": 1}
    assert_array_equal(embedding.word_counts_, [4, 3])
    embedding = Word2Vec(4, min_count=2, unknown="token").fit(texts)
    assert embedding.vocabulary_ == {"a": 0, "b": 1, "<UNK>": 2}
    assert_array_equal(embedding.word_counts_, [4, 3, 2])
    X = embedding.transform(["never seen"])
    assert_allclose(X[0], embedding.vectors_[2], rtol=1e-6)
    assert Word2Vec(4, min_count=1, max_features=3).fit(texts).vocabulary_ == {
        "a": 0, "b": 1, "c": 2}  # fmt: skip
    with pytest.raises(ValueError, match="'min_count' is 5, and of 4 words the most"):
        Word2Vec().fit(texts)


def test_subwords_give_vectors_to_unknown_words():
    texts = ["walking talking running", "walked talked jumped", "walks talks runs"] * 30
    embedding = Word2Vec(
        8, unknown="subwords", subword_lengths=(3, 4), random_state=0, max_iter=2
    ).fit(texts)
    assert len(subword_pieces(["walking"], (3, 4))[1]) == 7 + 6
    assert {"<wa", "ing>", "king"} <= set(embedding.subwords_)
    # A known word is the mean of itself and of its parts.
    parts = [embedding.subwords_.index(p) for n in (3, 4)
             for p in ("<walks>"[k : k + n] for k in range(7 - n + 1))]  # fmt: skip
    row = embedding.vocabulary_["walks"]
    total = embedding._own_vectors[row] + embedding.subword_vectors_[parts].sum(axis=0)
    assert_allclose(embedding.vectors_[row], total / 10, atol=1e-6)
    # An unknown one of the parts that are known.
    X = embedding.transform(["walkings", "qqq", "walks qqq"])
    known = [embedding.subwords_.index(p) for n in (3, 4)
             for p in ("<walkings>"[k : k + n] for k in range(10 - n + 1))
             if p in embedding.subwords_]  # fmt: skip
    assert_allclose(X[0], embedding.subword_vectors_[known].mean(axis=0), atol=1e-6)
    assert_array_equal(X[1], 0)
    assert_allclose(X[2], embedding.vectors_[row], atol=1e-6)
    again = pickle.loads(pickle.dumps(embedding))
    assert_array_equal(again.transform(["walkings"]), X[:1])
    # Numbers are those of rows of the matrix for a network.
    numbers = embedding.set_params(output="sequence").transform(["walkings walks"])
    assert_array_equal(numbers, [[row + 1, 0, 0]])
    before = embedding.vectors_
    assert not np.array_equal(embedding.partial_fit(texts).vectors_, before)


@pytest.mark.parametrize("output", ["mean", "sum", "max", "tfidf", "sif"])
def test_documents_are_made_of_the_vectors_of_their_words(output):
    texts = ["b a a", "c", "", "a c c b", "nothing known"]
    embedding = Word2Vec(5, min_count=1, output=output, random_state=0).fit(texts[:4])
    a, b, c = (embedding.vectors_[embedding.vocabulary_[word]] for word in "abc")
    weights = {
        "tfidf": np.log(5 / (1 + np.array([2, 2, 2]))) + 1,
        "sif": 1e-3 / (1e-3 + np.array([3, 2, 3]) / 8),
    }
    i, j, k = weights.get(output, np.ones(3))
    expected = np.array([
        (2 * i * a + j * b) / (2 * i + j), c, 0 * a,
        (i * a + 2 * k * c + j * b) / (i + 2 * k + j), 0 * a,
    ])  # fmt: skip
    if output == "sum":
        expected *= np.array([[3], [1], [0], [4], [0]])
    if output == "max":
        expected[0], expected[3] = np.maximum(a, b), np.max([a, b, c], axis=0)
    if output == "sif":
        # Divided by the number of words, not by the sum of weights.
        n_words = np.array([[3], [1], [1], [4], [1]])
        expected *= np.array([[2 * i + j], [k], [0], [i + 2 * k + j], [0]]) / n_words
        common = np.linalg.svd(expected[:4])[2][0]
        expected = expected - np.outer(expected @ common, common)
    X = embedding.transform(texts)
    assert X.dtype == np.float32
    assert_allclose(X, expected, atol=1e-6)
    # Counts of the words say the same.
    counts = sp.csr_array([[2, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 2], [0, 0, 0]])
    columns = [embedding.vocabulary_[word] for word in "abc"]
    ordered = sp.csr_array(counts.toarray()[:, np.argsort(columns)])
    assert_allclose(embedding.transform(ordered), expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"Word2Vec knows 3 words .* got 2"):
        embedding.transform(ordered[:, :2])


def test_documents_as_sequences():
    texts = ["b a a", "c", "", "a c c b", "b unknown b"]
    embedding = Word2Vec(5, min_count=1, output="sequence").fit(texts[:4])
    a, b, c = (embedding.vocabulary_[word] + 1 for word in "abc")
    X = embedding.transform(texts)
    assert_array_equal(
        X, [[b, a, a, 0], [c, 0, 0, 0], [0] * 4, [a, c, c, b], [b, b, 0, 0]]
    )
    assert X.dtype == np.int64
    assert embedding.embedding_matrix_.shape == (4, 5)
    assert_array_equal(embedding.embedding_matrix_[0], 0)
    assert_array_equal(embedding.embedding_matrix_[b], embedding.vectors_[b - 1])
    assert embedding.set_params(max_length=2).transform(texts).tolist()[3] == [a, c]
    assert len(embedding.get_feature_names_out()) == 2
    with pytest.raises(ValueError, match="counts, which have no order"):
        embedding.transform(sp.csr_array((1, 3)))


def test_a_stream_of_documents():
    stream = Word2Vec(8, random_state=0).partial_fit(TEXTS[:100])
    vocabulary = dict(stream.vocabulary_)
    first = stream.vectors_
    stream.partial_fit([*TEXTS[100:], "entirely new words"])
    assert stream.vocabulary_ == vocabulary
    assert stream.n_iter_ == 2
    assert not np.array_equal(first, stream.vectors_)
    again = Word2Vec(8, random_state=0)
    for part in (TEXTS[:100], TEXTS[100:]):
        # What a pickle keeps is enough to go on.
        again = pickle.loads(pickle.dumps(again.partial_fit(part)))
    assert_array_equal(again.vectors_, stream.vectors_)
    given = Word2Vec(8, vocabulary=["x1", "y1"]).partial_fit(TEXTS)
    assert given.vocabulary_ == {"x1": 0, "y1": 1}


def test_vectors_from_a_file_are_not_trained_on(tmp_path):
    embedding = Word2Vec(8, random_state=0).fit(TEXTS)
    embedding.to_word2vec_format(tmp_path / "vectors.txt")
    loaded = Word2Vec.from_word2vec_format(tmp_path / "vectors.txt")
    assert_allclose(loaded.transform(TEXTS), embedding.transform(TEXTS), atol=1e-6)
    for call in (lambda: loaded.partial_fit(TEXTS), lambda: loaded.word_proba(["x1"])):
        with pytest.raises(ValueError, match="what fit learns of documents"):
            call()
    with pytest.raises(ValueError, match="Word2Vec needs, with output='tfidf'"):
        loaded.set_params(output="tfidf").transform(TEXTS)


def test_searches_share_what_they_read():
    pipeline = make_pipeline(Word2Vec(max_iter=3, random_state=0), LogisticRegression())
    grid = {
        "word2vec__n_components": [4, 8],
        "word2vec__window": [2, 5],
        "word2vec__objective": ["negative-sampling", "softmax"],
    }
    ours = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(TEXTS, KINDS)
    theirs = SklearnGridSearchCV(pipeline, grid, cv=3).fit(TEXTS, KINDS)
    assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_joint_fits_end_where_single_fits_do():
    candidates = [{"n_components": 4}, {"n_components": 8, "window": 2},
                  {"min_count": 2}, {"subword_lengths": (5, 2)}]  # fmt: skip
    check_joint_fit(Word2Vec(random_state=0, max_iter=1), candidates, TEXTS, KINDS)
    groups = Word2Vec().joint_fit_groups(candidates)
    assert groups == [[0, 1, 3]]


def test_a_column_of_a_table_and_pandas_out():
    table = pd.DataFrame({"text": TEXTS, "kind": KINDS, "n": np.arange(len(TEXTS))})
    columns = make_column_transformer(
        (Word2Vec(6, random_state=0), "text"), ("passthrough", ["n"])
    ).set_output(transform="pandas")
    out = columns.fit_transform(table)
    assert out.shape == (200, 7)
    assert out.columns[0] == "word2vec__word2vec0"
    model = make_pipeline(columns, LogisticRegression(max_iter=5000)).fit(table, KINDS)
    assert model.predict(table).shape == (200,)


def test_a_debiased_embedding_keeps_no_bias_in_documents():
    embedding = Word2Vec(12, output="sif", random_state=0, max_iter=10).fit(TEXTS)
    debiased = DebiasedEmbedding(
        FrozenEstimator(embedding), definitional_pairs=[("x1", "y1"), ("x2", "y2")]
    ).fit()
    X = debiased.transform(["z1 z2 z3", "x5 z1"])
    assert_allclose(X @ debiased.bias_direction_.T, 0, atol=1e-6)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"subword_lengths": (3, 2)}, "'subword_lengths' parameter of Word2Vec"),
        ({"vocabulary": ["x1", "x1"]}, "'vocabulary' parameter of Word2Vec must have"),
        ({"vocabulary": []}, "'vocabulary' parameter of Word2Vec must have at least"),
        ({"subword_lengths": (3,)}, "'subword_lengths' parameter of Word2Vec"),
        ({"negative_exponent": np.nan}, "'negative_exponent' parameter of Word2Vec"),
        ({"vocabulary": {"x1": 3}}, "'vocabulary' parameter of Word2Vec must number"),
        ({"n_threads": 0}, "'n_threads' parameter of Word2Vec"),
        ({"model": "glove"}, "'model' parameter of Word2Vec"),
        ({"unknown": "guess"}, "'unknown' parameter of Word2Vec"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        clone(Word2Vec()).set_params(**params).fit(TEXTS)


def test_a_vocabulary_of_one_word():
    for objective in ("negative-sampling", "hierarchical-softmax", "softmax"):
        embedding = Word2Vec(4, objective=objective, min_count=1).fit(["a a a"])
        assert np.isfinite(embedding.transform(["a", "b"])).all()


def test_documents_are_read_once_for_a_group(monkeypatch):
    pipeline = make_pipeline(Word2Vec(max_iter=1, random_state=0), LogisticRegression())
    grid = {"word2vec__n_components": [4, 8], "word2vec__min_count": [1, 5]}
    reads = []
    read = Word2Vec._read
    monkeypatch.setattr(
        Word2Vec, "_read", lambda self, X: reads.append(len(X)) or read(self, X)
    )
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(TEXTS, KINDS)
    # Two vocabularies in two folds, and the best candidate at the end.
    assert reads == [100] * 4 + [200]
    assert len(search.joint_groups_) == 2


def test_a_stream_with_unseen_words_that_have_known_parts():
    stream = Word2Vec(8, unknown="subwords", min_count=1, random_state=0, window=2)
    stream.fit(["hello world help"] * 20)
    # Numbers beyond the tables would be written to memory that is not ours.
    stream.partial_fit([" ".join(f"hello{k}" for k in range(20_000))])
    assert np.isfinite(stream.vectors_).all()
    assert stream.vectors_.shape == (3, 8)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"objective": "hierarchical-softmax"}, {"objective": "negative-sampling"}),
        ({"objective": "softmax"}, {"objective": "hierarchical-softmax"}),
        ({"unknown": "subwords"}, {"subword_lengths": (1, 8)}),
        ({"unknown": "subwords"}, {"unknown": "skip"}),
        ({}, {"unknown": "subwords"}),
        ({"n_components": 20}, {"n_components": 64}),
    ],
    ids=str,
)
def test_a_stream_refuses_parameters_that_do_not_fit_its_tables(before, after):
    model = Word2Vec(random_state=0).set_params(**before).fit(TEXTS)
    with pytest.raises(ValueError, match="must stay what it was for partial_fit"):
        model.set_params(**after).partial_fit(TEXTS)


def test_a_stream_that_begins_without_known_words():
    stream = Word2Vec(8, vocabulary=["x1", "x2"], random_state=0).partial_fit(["zzz"])
    first = stream.vectors_
    stream.partial_fit(TEXTS)
    assert not np.array_equal(stream.vectors_, first)


def test_windows_may_be_wider_than_documents():
    texts = ["a b c d", "b", "d c b a"]
    params = {"dynamic_window": False, "min_count": 1, "random_state": 0}
    same = Word2Vec(4, window=3, **params).fit(texts)
    for window in (10**8, 2**63 - 1, 2**70):
        wide = Word2Vec(4, window=window, **params).fit(texts)
        assert_array_equal(wide.vectors_, same.vectors_)
    params["dynamic_window"] = True
    embedding = Word2Vec(4, window=2**63 - 1, model="cbow", **params).fit(texts)
    assert np.isfinite(embedding.vectors_).all()


def test_lists_of_tokens_with_stop_words():
    params = {"analyzer": "identity", "min_count": 1}
    embedding = Word2Vec(4, stop_words=["a"], **params).fit([["a", "New York"], ["b"]])
    assert set(embedding.vocabulary_) == {"New York", "b"}
    with pytest.raises(TypeError, match="token 1 is NoneType"):
        Word2Vec(4, **params).fit([["a", None]])


def test_tables_are_no_documents():
    with pytest.raises(TypeError, match=r"with the columns \['text'\]"):
        Word2Vec().fit(pd.DataFrame({"text": TEXTS}))
