"""Stems of words in many languages."""

import threading
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["SnowballStemmer", "check_word", "load_snowball", "stem_word"]

# A stemmer works on a buffer of its own, which threads must not share.
_LOCAL = threading.local()


def load_snowball():
    """Return the library of the stemmers."""
    try:
        import snowballstemmer
    except ImportError as error:
        raise ImportError(
            "Stemmers need the library snowballstemmer: pip install 'sklearn_dl[text]'."
        ) from error
    return snowballstemmer


@lru_cache(maxsize=2**17)
def stem_word(algorithm, word):
    """Return what an algorithm of Snowball makes of a word in lower case."""
    stemmers = vars(_LOCAL)
    if algorithm not in stemmers:
        stemmers[algorithm] = load_snowball().stemmer(algorithm)
    return stemmers[algorithm].stemWord(word)


def check_word(normalizer, word):
    """Refuse what is no string."""
    if not isinstance(word, str):
        raise TypeError(
            f"{type(normalizer).__name__} expects a string, got {word!r:.60} of type "
            f"{type(word).__name__}."
        )


@dataclass(frozen=True)
class SnowballStemmer:
    """Cut words of many languages down to the stems that their forms share.

    A function of a word, for :class:`WordTokenizer`. Stemmers of the same language are
    equal.

    Parameters
    ----------
    language : str, default="english"
        Name of a language that snowballstemmer knows, among them "dutch", "english",
        "french", "german", "italian", "portuguese", "russian", "spanish" and
        "swedish".

    See Also
    --------
    PorterStemmer : The first stemmer of English, which is less careful.
    Lemmatizer : Finds the words that dictionaries list.

    References
    ----------
    .. [1] M. F. Porter, "Snowball: a language for stemming algorithms", 2001.

    Examples
    --------
    >>> from sklearn_dl.text import SnowballStemmer
    >>> stem = SnowballStemmer("german")
    >>> [stem(word) for word in ("Katze", "Katzen")]
    ['katz', 'katz']
    """

    language: str = "english"

    def __post_init__(self):
        if not isinstance(self.language, str):
            raise TypeError(
                f"The 'language' parameter of SnowballStemmer must be a string, got "
                f"{self.language!r} of type {type(self.language).__name__}."
            )
        known = load_snowball().algorithms()
        if self.language not in known:
            raise ValueError(
                f"The 'language' parameter of SnowballStemmer must be among "
                f"{sorted(known)}, got {self.language!r}."
            )

    def __call__(self, word):
        check_word(self, word)
        return stem_word(self.language, word.lower())
