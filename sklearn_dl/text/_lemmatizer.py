"""Words as dictionaries list them."""

from dataclasses import dataclass

from sklearn_dl.text._snowball_stemmer import check_word

__all__ = ["Lemmatizer"]


def _load():
    """Return the library of the lemmatizer."""
    try:
        import simplemma
    except ImportError as error:
        raise ImportError(
            "Lemmatizer needs the library simplemma: pip install 'sklearn_dl[text]'."
        ) from error
    return simplemma


@dataclass(frozen=True)
class Lemmatizer:
    """Find the form of a word that dictionaries list: "mice" is "mouse".

    A function of a word, for :class:`WordTokenizer`. Lemmatizers of the same language
    are equal. Words that the dictionary does not have stay as they are, or lose an
    ending by rule.

    Parameters
    ----------
    language : str, default="en"
        Code of a language that simplemma knows, such as "de", "en", "es" or "fr".

    See Also
    --------
    PorterStemmer : Cuts English words by rules, without a dictionary.
    SnowballStemmer : The same for many languages.

    References
    ----------
    .. [1] A. Barbaresi, "Simplemma: a simple multilingual lemmatizer for Python",
       Zenodo, 2021.

    Examples
    --------
    >>> from sklearn_dl.text import Lemmatizer
    >>> lemmatize = Lemmatizer()
    >>> [lemmatize(word) for word in ("mice", "were", "flies")]
    ['mouse', 'be', 'fly']
    """

    language: str = "en"

    def __post_init__(self):
        if not isinstance(self.language, str):
            raise TypeError(
                f"The 'language' parameter of Lemmatizer must be a string, got "
                f"{self.language!r} of type {type(self.language).__name__}."
            )
        try:
            # This reads the dictionary, once for all.
            _load().lemmatize("word", self.language)
        except ValueError as error:
            raise ValueError(
                f"The 'language' parameter of Lemmatizer must be the code of a "
                f"language that simplemma knows, such as 'de' or 'en', got "
                f"{self.language!r}."
            ) from error

    def __call__(self, word):
        check_word(self, word)
        # There is no lemma of nothing.
        return _load().lemmatize(word, self.language) if word else word
