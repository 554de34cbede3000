"""Words and their numbers."""

import numpy as np

from sklearn_dl._numba._scanning import scan, spread
from sklearn_dl._text._alphabet import Runs

__all__ = ["WordTable", "as_bytes"]

# Any character: a text is one run.
_WHOLE = Runs("any", 1)


def as_bytes(texts):
    """Return texts in UTF-8, one behind the other, and where each ends.

    Parameters
    ----------
    texts : list of str
        The texts.

    Returns
    -------
    text : ndarray of shape (n_bytes,), uint8
        The texts.
    stops : ndarray of shape (n_texts,), int64
        Where each ends.
    """
    # Halves of surrogate pairs are characters like others to Python's own patterns.
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    text = np.frombuffer(bytearray().join(encoded), dtype=np.uint8)
    return text, np.cumsum(lengths)


class WordTable:
    r"""Words, numbered in the order in which they were first seen.

    Parameters
    ----------
    skipped : iterable of str, default=()
        Words that do not count, like stop words.

    Examples
    --------
    >>> from sklearn_dl._text._alphabet import runs_of
    >>> from sklearn_dl._text._word_table import WordTable
    >>> table = WordTable(skipped=["the"])
    >>> words, stops = table.scan(["the cat saw the dog", "the dog"], runs_of(r"\w+"))
    >>> words.tolist(), stops.tolist()
    ([0, 1, 2, 2], [3, 4])
    >>> table.words()
    ['cat', 'saw', 'dog']
    """

    def __init__(self, skipped=()):
        self._slots = np.full(1 << 12, -1, dtype=np.int32)
        self._hashes = np.empty(1 << 11, dtype=np.uint64)
        self._ends = np.empty(1 << 11, dtype=np.int64)
        self._letters = np.empty(1 << 14, dtype=np.uint8)
        self._n_words = 0
        self._n_skipped = 0
        self.add(skipped)
        self._n_skipped = self._n_words

    def __len__(self):
        return self._n_words - self._n_skipped

    def add(self, words):
        """Add words, also such as a text would not be cut into.

        Parameters
        ----------
        words : iterable of str
            The words. Empty ones are left out.
        """
        self.scan(list(words), _WHOLE)

    def scan(self, texts, runs, learn=True):
        """Cut texts into words.

        Parameters
        ----------
        texts : list of str
            The texts.
        runs : Runs
            What a word is.
        learn : bool, default=True
            Whether new words are added.

        Returns
        -------
        words : ndarray of shape (n_tokens,), int32
            The numbers of the words of the texts; -1 for those that are not known.
        stops : ndarray of shape (n_texts,), int64
            Where each text ends in it.
        """
        text, stops = as_bytes(texts)
        alphabet = runs.alphabet(not len(text) or text.max() < 128)
        room = len(text) if runs.min_length == 1 else len(text) // 2 + len(stops)
        words = np.empty(room, dtype=np.int32)
        tokens = np.empty(len(stops), dtype=np.int64)
        state = np.array([0, 0, 0, self._n_words], dtype=np.int64)
        while not scan(
            text,
            stops,
            alphabet,
            runs.min_length,
            self._n_skipped,
            learn,
            self._slots,
            self._hashes,
            self._ends,
            self._letters,
            state,
            words,
            tokens,
        ):
            self._n_words = int(state[3])
            self._grow()
        self._n_words = int(state[3])
        # A copy, that does not hold on to the room for the longest possible result.
        return words[: state[2]].copy(), tokens

    def words(self):
        """List the words.

        Returns
        -------
        words : list of str
            In the order of their numbers.
        """
        ends = self._ends[: self._n_words]
        letters = self._letters[: ends[-1] if len(ends) else 0].tobytes()
        starts = np.concatenate([[0], ends[:-1]])[self._n_skipped :].tolist()
        stops = ends[self._n_skipped :].tolist()
        return [
            letters[start:stop].decode("utf-8", "surrogatepass")
            for start, stop in zip(starts, stops, strict=False)
        ]

    def _grow(self):
        """Make room for more words or, where there is, for more letters of them."""
        if 2 * self._n_words < len(self._slots):
            self._letters = np.resize(self._letters, 2 * len(self._letters))
            return
        self._slots = np.full(4 * len(self._slots), -1, dtype=np.int32)
        self._hashes = np.resize(self._hashes, len(self._slots) // 2)
        self._ends = np.resize(self._ends, len(self._slots) // 2)
        spread(self._slots, self._hashes, self._n_words)
