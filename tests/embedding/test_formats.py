"""Files of others load to equal vectors, and ours load everywhere."""

import gzip
import pickle
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from sklearn_dl.embedding._word_vectors import WordVectorsMixin

WORDS = ["the", "naïve", "日本", "\u00a0x\u2028", "1", "</s>", "a,b"]


class Table(WordVectorsMixin, BaseEstimator):
    """The least that is an embedding."""

    def __init__(self, n_components=2, window=5):
        self.n_components = n_components
        self.window = window

    def fit(self, X, y=None):
        """Take the rows of X as the vectors of the words above."""
        self.vectors_ = np.array(X, dtype=np.float32)
        self.vocabulary_ = dict(zip(WORDS, range(len(X)), strict=True))
        return self


@pytest.fixture
def table():
    """Vectors with numbers of all sizes, and counts."""
    rng = np.random.default_rng(0)
    shape = (len(WORDS), 5)
    table = Table().fit(rng.normal(size=shape) * 10.0 ** rng.integers(-30, 30, shape))
    table.vectors_[2] = 0
    table.word_counts_ = np.arange(len(WORDS), 0, -1) ** 2
    return table


def assert_equal(loaded, table, with_counts=False):
    assert type(loaded) is Table
    assert loaded.vocabulary_ == table.vocabulary_
    assert list(loaded.vocabulary_) == list(table.vocabulary_)
    assert loaded.vectors_.dtype == np.float32
    np.testing.assert_array_equal(loaded.vectors_, table.vectors_)
    assert loaded.get_params() == {"n_components": 5, "window": 5}
    assert hasattr(loaded, "word_counts_") == with_counts
    if with_counts:
        np.testing.assert_array_equal(loaded.word_counts_, table.word_counts_)


# -- files of others -------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", ["vectors", "vectors.gz"])
def test_files_of_gensim_load_to_equal_vectors(table, binary, name, tmp_path):
    pytest.importorskip("gensim")
    path, counts = str(tmp_path / name), str(tmp_path / "counts.txt")
    table.to_gensim().save_word2vec_format(path, fvocab=counts, binary=binary)
    loaded = Table.from_word2vec_format(path, binary=binary)
    assert_equal(loaded, table)
    loaded = Table.from_word2vec_format(path, binary=binary, vocabulary_path=counts)
    assert_equal(loaded, table, with_counts=True)


def test_files_of_gensim_without_a_header_are_those_of_glove(table, tmp_path):
    pytest.importorskip("gensim")
    path = tmp_path / "vectors.txt"
    table.to_gensim().save_word2vec_format(str(path), write_header=False)
    assert_equal(Table.from_glove_format(path), table)


def test_text_of_word2vec_c_has_spaces_at_the_ends_of_lines(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"2 3\n</s> 0.080054 0.088388 -0.076660 \nthe 1.0 -2.5 3e-2 \n\n")
    loaded = Table.from_word2vec_format(path)
    assert loaded.vocabulary_ == {"</s>": 0, "the": 1}
    expected = np.array([[0.080054, 0.088388, -0.07666], [1, -2.5, 0.03]], np.float32)
    np.testing.assert_array_equal(loaded.vectors_, expected)


def test_binaries_of_word2vec_c_have_newlines_behind_vectors(table, tmp_path):
    data = b"%d %d\n" % table.vectors_.shape
    for word, vector in zip(WORDS, table.vectors_, strict=True):
        data += word.encode() + b" " + vector.tobytes() + b"\n"
    path = tmp_path / "vectors.bin"
    path.write_bytes(data)
    assert_equal(Table.from_word2vec_format(path, binary=True), table)


def test_binaries_are_read_in_pieces(monkeypatch, table, tmp_path):
    path = tmp_path / "vectors.bin"
    table.to_word2vec_format(path, binary=True)
    for size in (1, 7, 26, 60):
        monkeypatch.setattr("sklearn_dl.embedding._formats._BLOCK_BYTES", size)
        assert_equal(Table.from_word2vec_format(path, binary=True), table)


def test_bytes_that_look_like_separators_are_numbers(tmp_path):
    table = Table().fit([[0.0] * 2] * len(WORDS))
    table.vectors_ = np.frombuffer(b" \n \n" * 2 * len(WORDS), "<f4").reshape(-1, 2)
    path = tmp_path / "vectors.bin"
    table.to_word2vec_format(path, binary=True)
    loaded = Table.from_word2vec_format(path, binary=True)
    np.testing.assert_array_equal(loaded.vectors_, table.vectors_)


def test_words_of_glove_may_have_spaces(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(", 0.5 -1 2\n. . . 1 2 3\nat me@x.org 4 5 6\n3 7 8 9\n")
    loaded = Table.from_glove_format(path)
    assert list(loaded.vocabulary_) == [",", ". . .", "at me@x.org", "3"]
    expected = [[0.5, -1, 2], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    np.testing.assert_array_equal(loaded.vectors_, expected)
    loaded.to_glove_format(path)
    again = Table.from_glove_format(path)
    assert again.vocabulary_ == loaded.vocabulary_
    np.testing.assert_array_equal(again.vectors_, loaded.vectors_)


def test_text_is_read_in_blocks(monkeypatch, table, tmp_path):
    monkeypatch.setattr("sklearn_dl.embedding._formats._BLOCK_LINES", 3)
    path = tmp_path / "vectors.txt"
    table.to_word2vec_format(path)
    assert_equal(Table.from_word2vec_format(path), table)
    table.to_glove_format(path)
    assert_equal(Table.from_glove_format(path), table)


# -- our files -------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", ["vectors", "vectors.gz"])
def test_gensim_reads_our_files(table, binary, name, tmp_path):
    models = pytest.importorskip("gensim.models")
    path, counts = tmp_path / name, tmp_path / "counts.txt"
    table.to_word2vec_format(path, binary=binary, vocabulary_path=counts)
    theirs = models.KeyedVectors.load_word2vec_format(str(path), binary=binary)
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, table.vectors_)
    loaded = Table.from_word2vec_format(path, binary=binary, vocabulary_path=counts)
    assert_equal(loaded, table, with_counts=True)


def test_our_text_is_that_of_gensim(table, tmp_path):
    pytest.importorskip("gensim")
    ours, theirs = tmp_path / "ours.txt", tmp_path / "theirs.txt"
    table.to_word2vec_format(ours)
    table.to_gensim().save_word2vec_format(str(theirs))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("name", ["glove.txt", "glove.txt.gz"])
def test_our_glove_files_come_back(table, name, tmp_path):
    path, counts = tmp_path / name, tmp_path / "vocab.txt"
    table.to_glove_format(path, vocabulary_path=counts)
    assert_equal(Table.from_glove_format(path), table)
    loaded = Table.from_glove_format(path, vocabulary_path=counts)
    assert_equal(loaded, table, with_counts=True)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_words_that_a_file_cannot_hold(table, tmp_path):
    path = tmp_path / "vectors.txt"
    for word in ("New York", "new\nline", ""):
        table.vocabulary_ = {"the": 0, word: 1}
        with pytest.raises(ValueError, match="A word must not be empty nor have"):
            table.to_word2vec_format(path)
        if word != "New York":
            with pytest.raises(ValueError, match="A word must not be empty nor have"):
                table.to_glove_format(path)
    table.vocabulary_ = {"Route 66": 0, "the": 1}
    with pytest.raises(ValueError, match=r"behind the first line.*got b'Route 66'"):
        table.to_glove_format(path)
    assert not path.exists()


def test_counts_that_are_not_known_cannot_be_written(table, tmp_path):
    del table.word_counts_
    for write in (table.to_word2vec_format, table.to_glove_format):
        with pytest.raises(ValueError, match="Table does not know how often"):
            write(tmp_path / "vectors.txt", vocabulary_path=tmp_path / "counts.txt")
    assert list(tmp_path.iterdir()) == []


def test_other_encodings(table, tmp_path):
    path = tmp_path / "vectors.txt"
    table.vocabulary_ = {"naïve": 0, "the": 1}
    table.vectors_ = table.vectors_[:2]
    table.to_word2vec_format(path, encoding="latin-1")
    loaded = Table.from_word2vec_format(path, encoding="latin-1")
    assert loaded.vocabulary_ == table.vocabulary_
    with pytest.raises(ValueError, match=r"Word 1 of .* not encoded in 'utf8'"):
        Table.from_word2vec_format(path)
    loaded = Table.from_word2vec_format(path, unicode_errors="ignore")
    assert list(loaded.vocabulary_) == ["nave", "the"]


# -- some of the words -----------------------------------------------------------------


def test_only_the_first_words_are_read(table, tmp_path):
    path = tmp_path / "vectors"
    for read, write, options in (
        (Table.from_word2vec_format, table.to_word2vec_format, {"binary": False}),
        (Table.from_word2vec_format, table.to_word2vec_format, {"binary": True}),
        (Table.from_glove_format, table.to_glove_format, {}),
    ):
        write(path, **options)
        loaded = read(path, max_words=3, **options)
        assert list(loaded.vocabulary_) == WORDS[:3]
        np.testing.assert_array_equal(loaded.vectors_, table.vectors_[:3])
        assert_equal(read(path, max_words=100, **options), table)


def test_the_first_of_equal_words_counts(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("4 2\na 1 2\nb 3 4\na 5 6\nc 7 8\n")
    with pytest.warns(UserWarning, match=r"vectors.txt has 1 words.*such as 'a'"):
        loaded = Table.from_word2vec_format(path)
    assert loaded.vocabulary_ == {"a": 0, "b": 1, "c": 2}
    np.testing.assert_array_equal(loaded.vectors_, [[1, 2], [3, 4], [7, 8]])


# -- broken files ----------------------------------------------------------------------


def test_text_that_is_cut_off(table, tmp_path):
    path = tmp_path / "vectors.txt"
    table.to_word2vec_format(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    with pytest.raises(ValueError, match="ends after 3 whole vectors of the 7 vectors"):
        Table.from_word2vec_format(path)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:20])
    with pytest.raises(ValueError, match=r"Line 5 of .* must have a word and 5 numb"):
        Table.from_word2vec_format(path)


def test_a_binary_that_is_cut_off(table, tmp_path):
    path = tmp_path / "vectors.bin"
    table.to_word2vec_format(path, binary=True)
    data = path.read_bytes()
    for size in (5, 30, 100, len(data) - 5):
        path.write_bytes(data[:size])
        with pytest.raises(ValueError, match=r"ends after \d whole vectors of the 7"):
            Table.from_word2vec_format(path, binary=True)


def test_compressed_files_that_are_cut_off(table, tmp_path):
    path = tmp_path / "vectors.gz"
    for read, write in (
        (Table.from_word2vec_format, table.to_word2vec_format),
        (Table.from_glove_format, table.to_glove_format),
    ):
        write(path)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ValueError, match=r"vectors.gz is cut off within"):
            read(path)


@pytest.mark.parametrize("binary", [False, True])
def test_files_that_are_longer_than_their_header_says(table, binary, tmp_path):
    path = tmp_path / "vectors"
    table.to_word2vec_format(path, binary=binary)
    path.write_bytes(path.read_bytes().replace(b"7 5\n", b"6 5\n", 1))
    with pytest.raises(ValueError, match="goes on after the 6 vectors of width 5"):
        Table.from_word2vec_format(path, binary=binary)


@pytest.mark.parametrize("header", ["3 1", "3 3"])
def test_a_header_with_another_width(header, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(f"{header}\na 1 2\nb 3 4\nc 5 6\n")
    with pytest.raises(ValueError, match=r"Line 2 of .* must have a word and [13] n"):
        Table.from_word2vec_format(path)


@pytest.mark.parametrize("header", ["", "the 0.1 0.2", "3", "0 5", "5 0", "-1 2"])
def test_files_without_a_header_of_word2vec(header, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(f"{header}\n")
    with pytest.raises(ValueError, match="Line 1 of a file of word2vec must have"):
        Table.from_word2vec_format(path)


def test_headers_that_no_memory_holds(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(f"{10**15} {10**6}\na 1 2\n")
    with pytest.raises(ValueError, match=f"announces {10**15} vectors of width"):
        Table.from_word2vec_format(path)


@pytest.mark.parametrize(
    "line", ["b 3 x", "b 3 4x", "b 3", "b 3 4 5", "b", "", "b 3  4", "b 3-4 5 "]
)
def test_lines_that_are_no_vectors(line, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(f"3 2\na 1 2\n{line}\nc 5 6\n")
    with pytest.raises(ValueError, match=r"Line 3 of .* must have a word and 2 numb"):
        Table.from_word2vec_format(path)
    if line.count(" ") < 3:
        path.write_text(f"a 1 2\n{line}\nc 5 6\n")
        with pytest.raises(ValueError, match=r"Line 2 of .* must have a word and 2 n"):
            Table.from_glove_format(path)


def test_files_that_are_not_of_glove(tmp_path):
    path = tmp_path / "glove.txt"
    for text in ("", "word\n", "only words here\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match="Each line of a file of GloVe must have"):
            Table.from_glove_format(path)
    path.write_text("2 3\na 1 2 3\nb 4 5 6\n")
    with pytest.raises(ValueError, match="a header that files of GloVe do not have"):
        Table.from_glove_format(path)


def test_counts_that_do_not_fit_the_words(table, tmp_path):
    path, counts = tmp_path / "vectors.txt", tmp_path / "counts.txt"
    table.to_word2vec_format(path, vocabulary_path=counts)
    lines = counts.read_text().splitlines(keepends=True)
    counts.write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="lacks 1 of 7, such as 'a,b'"):
        Table.from_word2vec_format(path, vocabulary_path=counts)
    counts.write_text("".join([*lines[:2], "broken\n"]))
    with pytest.raises(ValueError, match=r"Line 3 of .* must have a word and its"):
        Table.from_word2vec_format(path, vocabulary_path=counts)


def test_wrong_arguments(table, tmp_path):
    with pytest.raises(ValueError, match=r"'path' parameter of Table.from_word2vec_f"):
        Table.from_word2vec_format(3)
    with pytest.raises(ValueError, match=r"'binary' parameter of Table.to_word2vec_f"):
        table.to_word2vec_format(tmp_path / "x", binary="yes")
    with pytest.raises(ValueError, match=r"'max_words' parameter of Table.from_glove"):
        Table.from_glove_format(tmp_path / "x", max_words=0)
    with pytest.raises(FileNotFoundError):
        Table.from_glove_format(tmp_path / "x")


# -- gensim's objects ------------------------------------------------------------------


def test_gensim_takes_and_gives_vectors_and_counts(table):
    pytest.importorskip("gensim")
    theirs = table.to_gensim()
    assert theirs.index_to_key == WORDS
    assert theirs.get_vecattr("naïve", "count") == 36
    loaded = Table.from_gensim(theirs)
    assert_equal(loaded, table, with_counts=True)
    # They are copies.
    theirs.vectors[:] = 0
    theirs.expandos["count"][:] = 0
    assert_equal(loaded, table, with_counts=True)
    assert table.vectors_[0].all()
    del table.word_counts_
    assert_equal(Table.from_gensim(table.to_gensim()), table)


def test_vectors_of_a_model_of_gensim():
    models = pytest.importorskip("gensim.models")
    sentences = [["a", "b", "c"], ["a", "b"], ["a", "d"]] * 3
    model = models.Word2Vec(
        sentences, vector_size=5, min_count=1, epochs=1, workers=1, seed=0
    )
    loaded = Table.from_gensim(model.wv)
    assert loaded.vocabulary_ == model.wv.key_to_index
    assert loaded.word_counts_.tolist() == [9, 6, 3, 3]
    np.testing.assert_array_equal(loaded.vectors_, model.wv.vectors)
    with pytest.raises(TypeError, match=r"KeyedVectors, such as model.wv, got <gens"):
        Table.from_gensim(model)


def test_keys_of_gensim_that_are_no_words():
    models = pytest.importorskip("gensim.models")
    with pytest.raises(TypeError, match=r"words \(str\) as keys, got None among them"):
        Table.from_gensim(models.KeyedVectors(2, count=3))
    with pytest.raises(TypeError, match=r"words \(str\) as keys, got none"):
        Table.from_gensim(models.KeyedVectors(2))


def test_without_gensim_it_is_said_how_to_get_it(monkeypatch, table):
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn_dl\[embedding\]'"):
        table.to_gensim()


# -- what comes out --------------------------------------------------------------------


def test_estimators_made_of_files_are_estimators(table, tmp_path):
    path = tmp_path / "vectors.txt.gz"
    table.to_word2vec_format(path)
    loaded = Table.from_word2vec_format(path)
    assert_equal(pickle.loads(pickle.dumps(loaded)), table)
    assert clone(loaded).get_params() == {"n_components": 5, "window": 5}
    with gzip.open(path, "rt", encoding="utf8") as file:
        assert file.readline() == "7 5\n"
