"""Porter's stemmer."""

import re
from dataclasses import dataclass

from sklearn_dl.text._snowball_stemmer import check_word, stem_word

__all__ = ["PorterStemmer"]

# The paper makes one letter of two that are left by an ending; Snowball, which has the
# algorithm otherwise, leaves these rare ones, as in "trekking".
_DOUBLED = re.compile(r"(.*([chjkqvwx])\2)(?:ed|ing)s?")


@dataclass(frozen=True)
class PorterStemmer:
    """Cut English words down to the stems that their forms share.

    A function of a word, for :class:`WordTokenizer`. All Porter stemmers are equal.

    The algorithm is that of the paper [1]_, with two exceptions: words of one or two
    letters stay, as in the programs of its author; and words of four letters that end
    in "ies" or "ied" lose the last one only, as in NLTK: "dies" and "died" become
    "die", where the paper has "di".

    See Also
    --------
    SnowballStemmer : Its successor, and stemmers of other languages.
    Lemmatizer : Finds the words that dictionaries list.

    References
    ----------
    .. [1] M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.

    Examples
    --------
    >>> from sklearn_dl.text import PorterStemmer
    >>> stem = PorterStemmer()
    >>> [stem(word) for word in ("caresses", "flies", "dies", "sensational")]
    ['caress', 'fli', 'die', 'sensat']
    """

    def __call__(self, word):
        check_word(self, word)
        word = word.lower()
        if len(word) <= 2:
            return word
        if len(word) == 4 and word.endswith(("ies", "ied")):
            return word[:-1]
        stem = stem_word("porter", word)
        doubled = _DOUBLED.fullmatch(word)
        if doubled and stem == doubled[1]:
            # The steps that follow in the paper see one letter.
            return stem_word("porter", stem[:-1])
        return stem
