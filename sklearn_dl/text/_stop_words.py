"""Words that say little."""

from collections.abc import Iterable

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from sklearn_dl.text._snowball_stemmer import check_word

__all__ = ["StopWordFilter"]


class StopWordFilter:
    """Drop words that say little, such as "the" and "of".

    A function of a word, for :class:`WordTokenizer`: stop words become an empty
    string, which drops them. It goes before a stemmer, since the list has whole words.
    Filters of the same words are equal.

    Parameters
    ----------
    words : "english" or iterable of str, default="english"
        The stop words, compared in lower case. "english" is scikit-learn's list.

    Attributes
    ----------
    words : tuple of str
        The stop words in lower case, sorted.

    See Also
    --------
    sklearn.feature_extraction.text.CountVectorizer : Leaves out words that are in too
        many texts.

    Examples
    --------
    >>> from sklearn_dl.text import PorterStemmer, StopWordFilter, WordTokenizer
    >>> tokenizer = WordTokenizer(normalizer=[StopWordFilter(), PorterStemmer()])
    >>> tokenizer.split("The meeting of the owners")
    ['meet', 'owner']
    """

    def __init__(self, words="english"):
        if isinstance(words, str) and words != "english":
            raise ValueError(
                f"The 'words' parameter of StopWordFilter must be 'english' or a list "
                f"of words, got {words!r}."
            )
        if not isinstance(words, Iterable):
            raise TypeError(
                f"The 'words' parameter of StopWordFilter must be 'english' or a list "
                f"of words, got {words!r} of type {type(words).__name__}."
            )
        words = list(ENGLISH_STOP_WORDS if isinstance(words, str) else words)
        for word in words:
            check_word(self, word)
        self._known = set(map(str.lower, words))
        self.words = tuple(sorted(self._known))

    def __call__(self, word):
        check_word(self, word)
        return "" if word.lower() in self._known else word

    def __eq__(self, other):
        return isinstance(other, StopWordFilter) and self.words == other.words

    def __hash__(self):
        return hash(self.words)

    def __repr__(self):
        if self._known == ENGLISH_STOP_WORDS:
            return "StopWordFilter()"
        return f"StopWordFilter({[*self.words]})"
