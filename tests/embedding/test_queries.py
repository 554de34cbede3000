"""Neighbours and examinations give what gensim gives."""

import gzip
import os
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from sklearn_dl.embedding._word_vectors import WordVectorsMixin

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}


class Table(WordVectorsMixin, BaseEstimator):
    """The least that is an embedding."""

    def __init__(self, n_components=2):
        self.n_components = n_components

    def fit(self, X, y=None):
        """Take the rows of X as the vectors of words w0, w1, ..."""
        self.vectors_ = np.array(X, dtype=np.float32)
        self.vocabulary_ = {f"w{row}": row for row in range(len(X))}
        return self


def make_table(words, vectors):
    table = Table().fit(vectors)
    table.vocabulary_ = {word: row for row, word in enumerate(words)}
    return table


@pytest.fixture(scope="module")
def random_table():
    return Table().fit(np.random.default_rng(0).normal(size=(500, 20)))


@pytest.fixture(scope="module")
def capitals():
    """Countries and capitals that differ by one vector, with noise and fillers."""
    rng = np.random.default_rng(1)
    countries, step = rng.normal(size=(len(CAPITALS), 30)), rng.normal(size=30)
    cities = countries + step + 0.5 * rng.normal(size=countries.shape)
    fillers = rng.normal(size=(50, 30))
    # A better answer for Peru than Lima.
    fillers[0] = countries[-1] + step
    words = [*CAPITALS, *CAPITALS.values(), *(f"w{k}" for k in range(50))]
    return make_table(words, np.vstack([countries, cities, fillers]))


def assert_same_ranking(ours, theirs):
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    np.testing.assert_allclose(
        [value for _, value in ours], [value for _, value in theirs], atol=1e-6
    )


# -- similar words ---------------------------------------------------------------------


def test_similarity_is_the_cosine():
    table = make_table(["a", "b", "zero"], [[3, 4], [4, 3], [0, 0]])
    assert table.similarity("a", "b") == pytest.approx(24 / 25)
    assert table.similarity("a", "zero") == 0
    assert table.similarity("a", np.array([-6.0, -8.0])) == pytest.approx(-1)


def test_similarity_is_that_of_gensim(random_table):
    theirs = pytest.importorskip("gensim.models") and random_table.to_gensim()
    for pair in (("w0", "w1"), ("w7", "w7"), ("w499", "w3")):
        expected = theirs.similarity(*pair)
        assert random_table.similarity(*pair) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("w3", None),
        (["w3", "w4"], "w5"),
        (None, ["w3", "w7"]),
        (["w3", np.linspace(0, 1, 20)], ["w5", "w9"]),
        (np.linspace(-1, 1, 20), None),
    ],
)
@pytest.mark.parametrize("n_words", [1, 10, 499])
def test_similar_words_are_those_of_gensim(random_table, positive, negative, n_words):
    pytest.importorskip("gensim")
    theirs = random_table.to_gensim().most_similar(positive, negative, topn=n_words)
    ours = random_table.most_similar(positive, negative, n_words)
    assert_same_ranking(ours, theirs)
    assert all(type(value) is float for _, value in ours)


def test_the_search_is_restricted_to_frequent_words(random_table):
    pytest.importorskip("gensim")
    theirs = random_table.to_gensim().most_similar("w3", topn=60, restrict_vocab=50)
    ours = random_table.most_similar("w3", n_words=60, restrict_vocabulary=50)
    assert len(ours) == 49
    assert_same_ranking(ours, theirs)
    # The word of the query need not be among those that are searched.
    assert len(random_table.most_similar("w99", restrict_vocabulary=5)) == 5


def test_without_a_number_all_other_words_are_ranked(random_table):
    ranked = random_table.most_similar("w3", n_words=None)
    assert {word for word, _ in ranked} == set(random_table.vocabulary_) - {"w3"}
    values = [value for _, value in ranked]
    assert values == sorted(values, reverse=True)


def test_equal_words_come_by_their_frequency():
    table = make_table("abcde", [[1, 0], [1, 1], [1, 1], [1, 1], [1, -1]])
    assert [word for word, _ in table.most_similar("a", n_words=2)] == ["b", "c"]


def test_zero_vectors_are_similar_to_nothing():
    table = make_table(["zero", "a", "b"], [[0, 0], [1, 0], [1, 1]])
    assert table.most_similar("zero") == [("a", 0.0), ("b", 0.0)]
    assert table.most_similar("a")[-1] == ("zero", 0.0)
    assert table.doesnt_match(["a", "b", "zero"]) == "zero"


def test_a_query_leaves_the_estimator_as_it_was(random_table):
    before = pickle.dumps(random_table)
    random_table.most_similar("w3")
    random_table.doesnt_match(["w1", "w2"])
    assert pickle.dumps(random_table) == before


def test_rows_need_not_be_in_the_order_of_the_dictionary(random_table):
    other = Table().fit(random_table.vectors_)
    other.vocabulary_ = dict(reversed(random_table.vocabulary_.items()))
    assert other.most_similar("w3") == random_table.most_similar("w3")


def test_man_is_to_king_as_woman_is_to_queen():
    words = ["man", "king", "woman", "queen", "tree"]
    table = make_table(
        words, [[1, 1, 0], [1, 1, 1], [1, -1, 0], [1, -1, 1], [-1, 0, 0]]
    )
    ((word, value),) = table.analogy("man", "king", "woman")
    assert word == "queen"
    expected = table.most_similar(["king", "woman"], ["man"], n_words=1)
    assert value == expected[0][1]
    assert len(table.analogy("man", "king", "woman", n_words=None)) == 2


def test_the_word_that_does_not_match_is_that_of_gensim(random_table):
    pytest.importorskip("gensim")
    theirs = random_table.to_gensim()
    rng = np.random.default_rng(0)
    for _ in range(20):
        words = [f"w{row}" for row in rng.choice(500, 6, replace=False)]
        assert random_table.doesnt_match(words) == theirs.doesnt_match(words)
    assert random_table.doesnt_match(iter(words)) == theirs.doesnt_match(words)


# -- what cannot be answered -----------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda table: table.similarity("w0", "nothing"),
        lambda table: table.most_similar("nothing"),
        lambda table: table.most_similar("w0", ["nothing"]),
        lambda table: table.analogy("w0", "w1", "nothing"),
        lambda table: table.doesnt_match(["w0", "nothing"]),
    ],
)
def test_an_unknown_word_is_named(random_table, ask):
    with pytest.raises(KeyError, match="'nothing' is not in the vocabulary of Table"):
        ask(random_table)


def test_wrong_queries(random_table):
    with pytest.raises(ValueError, match=r"must hold a word or a vector, got None and"):
        random_table.most_similar()
    with pytest.raises(ValueError, match=r"'positive'.*shape \(20,\), got \(3,\)"):
        random_table.most_similar(np.zeros(3))
    with pytest.raises(TypeError, match=r"'negative'.*words .*vectors.*got 5"):
        random_table.most_similar("w0", [5])
    with pytest.raises(TypeError, match=r"'positive'.*must be a word, .*got 5"):
        random_table.most_similar(5)
    with pytest.raises(TypeError, match=r"'other'.*one word or one vector, got \['w"):
        random_table.similarity("w0", ["w1", "w2"])
    with pytest.raises(ValueError, match=r"'n_words'.*Table.most_similar.*Got 0"):
        random_table.most_similar("w0", n_words=0)
    with pytest.raises(TypeError, match=r"'words'.*list of words, got 'w0'"):
        random_table.doesnt_match("w0")
    with pytest.raises(TypeError, match="must be a str, got 7"):
        random_table.doesnt_match([7])
    with pytest.raises(ValueError, match=r"'words'.*must hold words, got \[\]"):
        random_table.doesnt_match([])


def test_an_embedding_that_is_not_fitted_knows_nothing(tmp_path):
    for ask in (
        lambda: Table().similarity("a", "b"),
        lambda: Table().most_similar("a"),
        lambda: Table().doesnt_match(["a"]),
        lambda: Table().evaluate_analogies(tmp_path / "x"),
        lambda: Table().evaluate_similarity(tmp_path / "x"),
        lambda: Table().to_word2vec_format(tmp_path / "x"),
        lambda: Table().to_glove_format(tmp_path / "x"),
        lambda: Table().to_gensim(),
    ):
        with pytest.raises(NotFittedError):
            ask()


# -- analogies -------------------------------------------------------------------------


def questions_of(pairs):
    pairs = list(pairs.items())
    return [f"{a} {b} {c} {d}" for a, b in pairs for c, d in pairs if (a, b) != (c, d)]


def assert_same_analogies(table, path, **options):
    score, sections = table.to_gensim().evaluate_word_analogies(
        str(path),
        restrict_vocab=options.get("restrict_vocabulary", 300000),
        case_insensitive=options.get("case_insensitive", True),
    )
    result = table.evaluate_analogies(path, **options)
    assert result.accuracy == score
    *parts, total = sections
    assert list(result.sections) == [part["section"] for part in parts]
    for ours, theirs in zip(
        [*result.sections.values(), result], [*parts, total], strict=True
    ):
        assert ours.n_correct == len(theirs["correct"])
        assert ours.n_questions == ours.n_correct + len(theirs["incorrect"])
    return result


def test_analogies_are_answered_as_gensim_answers_them(capitals, tmp_path):
    pytest.importorskip("gensim")
    path = tmp_path / "questions.txt"
    lines = [": cities", *questions_of(CAPITALS), "", "not a question", ": others"]
    lines += ["Paris w1 w2 w3", "France unknown Italy Rome", "w4 w5 w6 w7"]
    lines += [": nothing known", "who knows these words"]
    path.write_text("\n".join(lines))
    result = assert_same_analogies(capitals, path)
    assert result.n_questions == 14
    assert result.n_unknown == 2
    assert result.sections["cities"].n_correct == 9
    assert result.sections["nothing known"].accuracy == 0
    assert_same_analogies(capitals, path, case_insensitive=False)
    few = assert_same_analogies(capitals, path, restrict_vocabulary=8)
    assert few.n_questions == 12


def test_capitals_make_a_difference_only_if_they_shall(capitals, tmp_path):
    pytest.importorskip("gensim")
    path = tmp_path / "questions.txt.gz"
    with gzip.open(path, "wt") as file:
        file.write("\n".join([": cities", *questions_of(CAPITALS)]).lower())
    assert assert_same_analogies(capitals, path).n_questions == 12
    sensitive = capitals.evaluate_analogies(path, case_insensitive=False)
    assert (sensitive.n_questions, sensitive.accuracy) == (0, 0.0)


def test_an_answer_is_no_other_spelling_of_the_question(tmp_path):
    pytest.importorskip("gensim")
    words = ["man", "King", "woman", "queen", "WOMAN", "king", "Queen"]
    man, king, woman, queen = np.eye(4)[[0, 1, 2, 0]] + np.eye(4)[[3, 3, 3, 1]]
    # Of all words "WOMAN" and "king" are nearest to king - man + woman.
    vectors = [man, king, woman, queen - man + woman, woman + king, king + woman, man]
    table = make_table(words, vectors)
    path = tmp_path / "questions.txt"
    path.write_text(": family\nman king woman queen\n")
    assert assert_same_analogies(table, path).accuracy == 1


def test_many_questions_are_answered_in_blocks(monkeypatch, capitals, tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("\n".join([": cities", *questions_of(CAPITALS)]))
    whole = capitals.evaluate_analogies(path)
    monkeypatch.setattr("sklearn_dl.embedding._evaluation._BLOCK_SIZE", 100)
    assert capitals.evaluate_analogies(path) == whole


def test_where_no_word_is_left_there_is_no_answer(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(": x\na b c a\n")
    for words in ("abc", "abcA"):
        table = make_table(words, np.eye(4)[: len(words)])
        result = table.evaluate_analogies(path)
        assert (result.n_questions, result.n_correct) == (1, 0)


def test_files_without_questions(capitals, tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("France Paris Italy Rome\n: too late\n")
    with pytest.raises(ValueError, match=r"line 1 of .*questions.txt comes before"):
        capitals.evaluate_analogies(path)
    path.write_text(": nothing\n")
    with pytest.raises(ValueError, match=r"questions.txt has no questions"):
        capitals.evaluate_analogies(path)
    with pytest.raises(ValueError, match=r"'path'.*evaluate_analogies.*Got 3"):
        capitals.evaluate_analogies(3)


# -- similarities that people gave -----------------------------------------------------


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("case_insensitive", [True, False])
def test_correlations_are_those_of_gensim(
    random_table, delimiter, case_insensitive, tmp_path
):
    pytest.importorskip("gensim")
    rng = np.random.default_rng(3)
    lines = ["# a comment", delimiter.join(["one", "other", "score"])]
    for one, other in rng.integers(0, 520, size=(60, 2)):
        pair = [f"w{one}".upper() if one % 3 else f"w{one}", f"w{other}"]
        lines.append(delimiter.join([*pair, f"{rng.integers(0, 9)}.5"]))
    path = tmp_path / "pairs.txt"
    path.write_text("\n".join(lines))
    result = random_table.evaluate_similarity(
        path, delimiter=delimiter, case_insensitive=case_insensitive
    )
    pearson, spearman, unknown = random_table.to_gensim().evaluate_word_pairs(
        str(path), delimiter=delimiter, case_insensitive=case_insensitive
    )
    assert result.pearson == pytest.approx(pearson.statistic, abs=1e-6)
    assert result.spearman == pytest.approx(spearman.statistic, abs=1e-6)
    assert result.unknown == pytest.approx(unknown / 100)
    assert 0 < result.unknown < 1
    assert result.n_pairs == round(60 * (1 - result.unknown))


def test_rare_words_can_be_left_out_of_the_similarities(random_table, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("w1\tw2\t1\nw3\tw4\t2\nw5\tw400\t3\n")
    result = random_table.evaluate_similarity(path, restrict_vocabulary=100)
    assert (result.n_pairs, result.unknown) == (2, 1 / 3)


def test_a_correlation_needs_two_pairs(random_table, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("w1\tw2\t1\nw3\twhat\t2\nbroken line\n")
    with pytest.raises(ValueError, match=r"has 2 lines.*knows both words of 1"):
        random_table.evaluate_similarity(path)


# -- real files ------------------------------------------------------------------------


@pytest.mark.data
def test_real_examinations_are_marked_as_gensim_marks_them(data_dir):
    pytest.importorskip("gensim")
    folder = data_dir / "text"
    with gzip.open(folder / "questions-words.txt.gz", "rt") as file:
        lines = [line.split() for line in file if not line.startswith(":")]
    pairs = dict.fromkeys((a, b) for a, b, _, _ in lines)
    words = list(dict.fromkeys(word for pair in pairs for word in pair))
    rng = np.random.default_rng(0)
    vectors = dict(zip(words, rng.normal(size=(len(words), 50)), strict=True))
    step = rng.normal(size=50)
    for a, b in pairs:
        vectors[b] = vectors[a] + step + 0.7 * rng.normal(size=50)
    table = make_table(words, [vectors[word] for word in words])
    result = assert_same_analogies(table, folder / "questions-words.txt.gz")
    assert result.n_questions == len(lines) == 19544
    assert 0.1 < result.accuracy < 0.9
    for name in ("wordsim353.tsv", "simlex999.txt"):
        path = os.fspath(folder / name)
        pearson, spearman, _ = table.to_gensim().evaluate_word_pairs(path)
        ours = table.evaluate_similarity(path)
        assert ours.pearson == pytest.approx(pearson.statistic, abs=1e-6)
        assert ours.spearman == pytest.approx(spearman.statistic, abs=1e-6)
