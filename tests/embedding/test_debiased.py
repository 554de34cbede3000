"""Hard debiasing, by the formulas of its paper."""

import pickle

import joblib
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_dl.embedding import DebiasedEmbedding
from sklearn_dl.embedding._word_vectors import WordVectorsMixin

PAIRS = [("she", "he"), ("woman", "man"), ("girl", "boy")]
OTHERS = ["nurse", "doctor", "tree", "queen", "king"]
WORDS = [word for pair in PAIRS for word in pair] + OTHERS


class Table(WordVectorsMixin, TransformerMixin, BaseEstimator):
    """Vectors drawn at random for the words of documents, with a gender."""

    def __init__(self, n_components=6, seed=0, counts=True):
        self.n_components = n_components
        self.seed = seed
        self.counts = counts

    def fit(self, X, y=None):
        """Learn the words."""
        words = list(dict.fromkeys(word for text in X for word in text.split()))
        rng = np.random.default_rng(self.seed)
        vectors = rng.normal(size=(len(words), self.n_components))
        for row, word in enumerate(words):
            vectors[row, 0] += 3 * (word in ("she", "woman", "girl", "nurse", "queen"))
            vectors[row, 0] -= 3 * (word in ("he", "man", "boy", "doctor", "king"))
        self.vectors_ = vectors.astype(np.float32)
        self.vocabulary_ = {word: row for row, word in enumerate(words)}
        if self.counts:
            self.word_counts_ = np.arange(len(words), 0, -1)
        return self

    def transform(self, X):
        """Return the sum of the vectors of the words of each document."""
        return np.array(
            [sum(self.vectors_[self.vocabulary_[w]] for w in t.split()) for t in X]
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


DOCUMENTS = [" ".join(WORDS)]


def make(**parameters):
    parameters = {"definitional_pairs": PAIRS, **parameters}
    return DebiasedEmbedding(Table(), **parameters)


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def by_word(estimator):
    """Return the vectors of length 1 of words, as a function."""
    return lambda word: unit(estimator.vectors_[estimator.vocabulary_[word]])


@pytest.fixture(scope="module")
def debiased():
    return make(specific_words=["queen", "king", "unheard-of"]).fit(DOCUMENTS)


@pytest.fixture(scope="module")
def table():
    return Table().fit(DOCUMENTS)


# -- the formulas ----------------------------------------------------------------------


@pytest.mark.parametrize("n_directions", [1, 2])
def test_the_direction_is_that_of_the_covariance_within_pairs(table, n_directions):
    debiased = make(n_directions=n_directions).fit(DOCUMENTS)
    v = by_word(table)
    covariance = np.zeros((6, 6))
    for pair in PAIRS:
        mean = sum(map(v, pair)) / 2
        covariance += sum(np.outer(v(w) - mean, v(w) - mean) / 2 for w in pair)
    values, vectors = np.linalg.eigh(covariance)
    assert values[-1] > values[-2] + 0.1
    assert debiased.bias_direction_.shape == (n_directions, 6)
    for k, direction in enumerate(debiased.bias_direction_):
        assert abs(direction @ vectors[:, -1 - k]) == pytest.approx(1)
    # The first words of the pairs are on the positive side.
    assert sum(v(she) - v(he) for she, he in PAIRS) @ debiased.bias_direction_[0] > 0


def test_one_pair_defines_its_difference(table):
    debiased = make(definitional_pairs=PAIRS[:1]).fit(DOCUMENTS)
    v = by_word(table)
    np.testing.assert_allclose(
        debiased.bias_direction_, [unit(v("she") - v("he"))], atol=1e-6
    )


def test_groups_may_have_more_than_two_words(table):
    group = ("nurse", "doctor", "tree")
    debiased = make(
        definitional_pairs=[*PAIRS, group], n_directions=5, equalize_pairs=[group]
    ).fit(DOCUMENTS)
    v = by_word(table)
    rows = []
    for words in [*PAIRS, group]:
        vectors = np.array([v(word) for word in words])
        rows += [*(vectors - vectors.mean(axis=0)) / np.sqrt(len(words))]
    _, _, expected = np.linalg.svd(np.array(rows))
    cosines = np.abs(np.sum(debiased.bias_direction_ * expected[:5], axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-6)


def test_neutral_words_have_nothing_along_the_bias(debiased, table):
    assert debiased.neutral_words_ == ["nurse", "doctor", "tree"]
    v, (g,) = by_word(table), debiased.bias_direction_
    for word in debiased.neutral_words_:
        new = debiased.vectors_[debiased.vocabulary_[word]]
        assert abs(v(word) @ g) > 0.01
        assert new @ g == pytest.approx(0, abs=1e-6)
        np.testing.assert_allclose(new, unit(v(word) - (v(word) @ g) * g), atol=1e-6)


def test_pairs_become_equal_in_all_but_the_bias(debiased, table):
    v, new, (g,) = by_word(table), by_word(debiased), debiased.bias_direction_
    neutral = np.array([new(word) for word in debiased.neutral_words_])
    for pair in PAIRS:
        mean = sum(map(v, pair)) / 2
        shared = mean - (mean @ g) * g
        for word in pair:
            side = np.sign((v(word) - mean) @ g)
            expected = shared + np.sqrt(1 - shared @ shared) * side * g
            got = debiased.vectors_[debiased.vocabulary_[word]]
            np.testing.assert_allclose(got, expected, atol=1e-6)
            assert np.linalg.norm(got) == pytest.approx(1)
        distances = cdist([new(word) for word in pair], neutral)
        np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)
        she, he = pair
        assert debiased.similarity(she, "nurse") == pytest.approx(
            debiased.similarity(he, "nurse"), abs=1e-6
        )


def test_specific_words_keep_their_bias(debiased, table):
    for word in ("queen", "king"):
        np.testing.assert_allclose(
            debiased.vectors_[debiased.vocabulary_[word]],
            by_word(table)(word),
            atol=1e-6,
        )


@pytest.mark.parametrize("strictness", [0.5, 1.0, 2.0])
def test_direct_bias_before_and_after(table, strictness):
    neutral = ["nurse", "doctor", "tree"]
    debiased = make(neutral_words=neutral, strictness=strictness).fit(DOCUMENTS)
    v, (g,) = by_word(table), debiased.bias_direction_
    expected = np.mean([abs(v(word) @ g) ** strictness for word in neutral])
    assert debiased.direct_bias_before_ == pytest.approx(expected, abs=1e-6)
    assert debiased.direct_bias_before_ > 0.1
    assert debiased.direct_bias_after_ < 1e-3
    assert debiased.direct_bias(neutral) == debiased.direct_bias_after_
    expected = np.mean([abs(v(word) @ g) ** strictness for word in ("queen", "king")])
    assert debiased.direct_bias(["queen", "king"]) == pytest.approx(expected, abs=1e-6)


def test_with_two_directions_the_bias_is_a_plane(table):
    debiased = make(n_directions=2).fit(DOCUMENTS)
    plane = debiased.bias_direction_
    np.testing.assert_allclose(plane @ plane.T, np.eye(2), atol=1e-12)
    v, new = by_word(table), by_word(debiased)
    biases = [np.linalg.norm(plane @ v(word)) for word in OTHERS]
    assert debiased.direct_bias_before_ == pytest.approx(np.mean(biases), abs=1e-6)
    neutral = np.array([new(word) for word in OTHERS])
    np.testing.assert_allclose(neutral @ plane.T, 0, atol=1e-6)
    for pair in PAIRS:
        distances = cdist([new(word) for word in pair], neutral)
        np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)


# -- which words -----------------------------------------------------------------------


def test_other_pairs_than_the_defining_ones_are_equalised():
    debiased = make(equalize_pairs=[("queen", "king")]).fit(DOCUMENTS)
    assert debiased.neutral_words_ == ["nurse", "doctor", "tree"]
    assert debiased.similarity("queen", "tree") == pytest.approx(
        debiased.similarity("king", "tree"), abs=1e-6
    )
    assert debiased.similarity("she", "tree") != pytest.approx(
        debiased.similarity("he", "tree"), abs=1e-3
    )


def test_no_pair_need_be_equalised(table):
    debiased = make(equalize_pairs=[]).fit(DOCUMENTS)
    for word in ("she", "man"):
        row = debiased.vocabulary_[word]
        np.testing.assert_allclose(
            debiased.vectors_[row], by_word(table)(word), atol=1e-6
        )


def test_neutral_words_are_chosen(table):
    debiased = make(neutral_words=["tree"]).fit(DOCUMENTS)
    assert debiased.neutral_words_ == ["tree"]
    np.testing.assert_allclose(
        debiased.vectors_[debiased.vocabulary_["nurse"]],
        by_word(table)("nurse"),
        atol=1e-6,
    )
    nothing = make(neutral_words=[]).fit(DOCUMENTS)
    assert nothing.direct_bias_before_ == nothing.direct_bias_after_ == 0


def test_words_without_anything_else_become_zero():
    table = Table().fit(DOCUMENTS)
    rows = [table.vocabulary_[word] for word in ("she", "he", "nurse", "tree")]
    table.vectors_[rows] = 0
    direction = np.random.default_rng(0).normal(size=6)
    table.vectors_ = table.vectors_.astype(np.float64)
    table.vectors_[rows[:3]] = np.outer([2, -1, 5], direction)
    debiased = DebiasedEmbedding(
        FrozenEstimator(table), definitional_pairs=PAIRS[:1]
    ).fit()
    assert np.isfinite(debiased.vectors_).all()
    assert not debiased.vectors_[rows[2:]].any()
    expected = np.outer([1, -1], unit(direction))
    np.testing.assert_allclose(debiased.vectors_[rows[:2]], expected)


# -- the embedding inside --------------------------------------------------------------


def test_the_embedding_is_fitted_and_not_changed():
    embedding = Table()
    debiased = DebiasedEmbedding(embedding, definitional_pairs=PAIRS).fit(DOCUMENTS)
    assert not hasattr(embedding, "vectors_")
    assert debiased.vocabulary_ == {word: row for row, word in enumerate(WORDS)}
    np.testing.assert_array_equal(
        debiased.word_counts_, debiased.embedding_.word_counts_
    )
    debiased.set_params(embedding__counts=False).fit(DOCUMENTS)
    assert not hasattr(debiased, "word_counts_")


def test_a_frozen_embedding_is_used_as_it_is(table, debiased):
    before = pickle.dumps(table)
    frozen = DebiasedEmbedding(
        FrozenEstimator(table),
        definitional_pairs=PAIRS,
        specific_words=["queen", "king"],
    ).fit()
    np.testing.assert_array_equal(frozen.vectors_, debiased.vectors_)
    assert pickle.dumps(table) == before
    # What has been learned is its own.
    assert frozen.embedding_ is not table
    with pytest.raises(NotFittedError):
        DebiasedEmbedding(FrozenEstimator(Table()), definitional_pairs=PAIRS).fit()


def test_documents_are_transformed_by_the_new_vectors(debiased):
    texts = ["nurse tree", "she"]
    rows = [debiased.vocabulary_[word] for word in ("nurse", "tree", "she")]
    nurse, tree, she = debiased.vectors_[rows]
    np.testing.assert_allclose(debiased.transform(texts), [nurse + tree, she])
    names = debiased.get_feature_names_out()
    assert list(names) == [f"debiasedembedding{k}" for k in range(6)]
    frame = clone(debiased).set_output(transform="pandas").fit_transform(DOCUMENTS)
    assert list(frame.columns) == list(names)


def test_documents_may_become_something_else_than_vectors():
    class Lengths(Table):
        _n_features_out = 1

        def transform(self, X):
            return np.array([[len(text.split())] for text in X])

    debiased = DebiasedEmbedding(Lengths(), definitional_pairs=PAIRS)
    debiased.set_output(transform="pandas").fit(DOCUMENTS)
    frame = debiased.transform(["she he", "tree"])
    assert frame.to_dict("list") == {"debiasedembedding0": [2, 1]}


def test_the_embedding_may_end_a_pipeline(debiased):
    pipeline = make_pipeline(FunctionTransformer(), Table())
    outer = clone(debiased).set_params(embedding=pipeline).fit(DOCUMENTS)
    np.testing.assert_array_equal(outer.vectors_, debiased.vectors_)
    np.testing.assert_array_equal(outer.transform(["she"]), debiased.transform(["she"]))


def test_words_can_be_asked_for(debiased, tmp_path):
    new = by_word(debiased)
    assert debiased.similarity("nurse", "tree") == pytest.approx(
        new("nurse") @ new("tree"), abs=1e-6
    )
    assert debiased.most_similar("nurse", n_words=1)[0][0] in WORDS
    debiased.to_word2vec_format(tmp_path / "vectors.txt")
    loaded = Table.from_word2vec_format(tmp_path / "vectors.txt")
    np.testing.assert_array_equal(loaded.vectors_, debiased.vectors_)
    with pytest.raises(KeyError, match=r"'fish' is not in .* of DebiasedEmbedding"):
        debiased.similarity("nurse", "fish")
    # Vectors of a file have no bias that could be taken out.
    assert not hasattr(debiased, "from_word2vec_format")


def test_it_survives_a_pickle_and_is_cloned(debiased, tmp_path):
    joblib.dump(debiased, tmp_path / "model.joblib")
    for again in (
        pickle.loads(pickle.dumps(debiased)),
        joblib.load(tmp_path / "model.joblib"),
        clone(debiased).fit(DOCUMENTS),
    ):
        np.testing.assert_array_equal(again.vectors_, debiased.vectors_)
        np.testing.assert_array_equal(
            again.transform(["she"]), debiased.transform(["she"])
        )


def test_tags_are_those_of_the_embedding():
    tags = make().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array


# -- what cannot be done ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"definitional_pairs": []}, "'definitional_pairs'.*must hold a pair"),
        ({"definitional_pairs": [("she",)]}, r"pairs of two words, got \('she',\)"),
        ({"definitional_pairs": [("she", "she")]}, "pairs of two words, got"),
        ({"equalize_pairs": [("she",)]}, "'equalize_pairs'.*of two words"),
        ({"n_directions": 4}, "'n_directions'.*must be at most .*, 3, got 4"),
        (
            {"equalize_pairs": [("she", "he"), ("she", "man")]},
            "one group only; 'she' is in several",
        ),
        ({"neutral_words": ["tree", "she"]}, r"got None as .* and \['she'\] in pairs"),
        (
            {"neutral_words": ["tree"], "specific_words": ["queen"]},
            r"must be None where 'specific_words' is given.*got \['queen'\]",
        ),
        ({"strictness": 0}, "'strictness' parameter of DebiasedEmbedding"),
        ({"n_directions": 0}, "'n_directions' parameter of DebiasedEmbedding"),
        ({"neutral_words": "tree"}, "'neutral_words' parameter of DebiasedEmbedding"),
        ({"embedding": 3}, "'embedding' parameter of DebiasedEmbedding"),
    ],
)
def test_parameters_that_make_no_sense(parameters, message):
    with pytest.raises(ValueError, match=message):
        make().set_params(**parameters).fit(DOCUMENTS)


@pytest.mark.parametrize(
    "parameters",
    [
        {"definitional_pairs": [("she", "fish")]},
        {"equalize_pairs": [("she", "fish")]},
        {"neutral_words": ["fish"]},
    ],
)
def test_unknown_words_are_named(parameters):
    with pytest.raises(KeyError, match="'fish' is not in the vocabulary of Debiased"):
        make(**parameters).fit(DOCUMENTS)


def test_pairs_that_do_not_differ_define_nothing():
    table = Table().fit(DOCUMENTS)
    table.vectors_[:] = 1
    with pytest.raises(ValueError, match=r"'n_directions'.*differ, 0, got 1"):
        DebiasedEmbedding(FrozenEstimator(table), definitional_pairs=PAIRS).fit()


def test_pairs_of_strings_are_no_pairs():
    with pytest.raises(TypeError, match=r"'definitional_pairs'.*words, got 'she'"):
        make(definitional_pairs=["she", "he"]).fit(DOCUMENTS)


def test_without_a_fit_there_is_nothing():
    for ask in (
        lambda: make().transform(DOCUMENTS),
        lambda: make().direct_bias(["she"]),
        lambda: make().similarity("she", "he"),
    ):
        with pytest.raises(NotFittedError):
            ask()
    with pytest.raises(TypeError, match="Pipeline leads to FunctionTransformer"):
        make().set_params(embedding=make_pipeline(FunctionTransformer())).fit(["a"])
