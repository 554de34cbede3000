"""Texts as words."""

import re
from functools import cache

from sklearn_dl.text._counting_tokenizer import BaseCountingTokenizer

__all__ = ["WordTokenizer"]


class WordTokenizer(BaseCountingTokenizer):
    r"""Cut texts into words, numbers and marks.

    Words that are rare in the training texts are unknown, and so are all that these
    do not have: one token stands for them.

    Read more in the :ref:`User Guide <tokens>`.

    Parameters
    ----------
    lowercase : bool, default=True
        Whether texts are made lower case first.

    token_pattern : str, default=r"\w+(?:'\w+)*|[^\w\s]"
        Regular expression of a token. With a group in it, the group is the token. The
        default takes words with the apostrophes in them, and single marks.

    normalizer : callable or list of callable, default=None
        What changes a token, such as :class:`PorterStemmer`, :class:`Lemmatizer` or
        :class:`StopWordFilter`; of several, one after the other. It gets a token and
        returns another one, always the same for the same token; an empty string or
        None drops it.

    min_count : int, default=1
        Words that are rarer than that in the training texts are unknown.

    max_features : int, default=None
        Number of words that are known, the most frequent ones. None knows all.

    unknown_token : str, default="<UNK>"
        What stands for unknown words. None drops them.

    unknown_share : float, default=0.0
        Share of the known words that :meth:`fit_transform` makes unknown, so that a
        network learns what an unknown word is. Occurrences are drawn at random, those
        of rare words rather than those of frequent ones; one of each word stays.

    random_state : int, RandomState instance, default=None
        Determines which words `unknown_share` takes.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The known words by falling count, behind `unknown_token`.

    See Also
    --------
    CharTokenizer : Cuts texts into characters.
    BytePairTokenizer : Cuts texts into parts of words.
    SequenceEncoder : Makes numbers of tokens, for networks.

    Notes
    -----
    :meth:`transform` gives lists of tokens, which scikit-learn's vectorizers take with
    ``analyzer=list``; in a pipeline the vocabulary is learned anew in each fold. Where
    a vectorizer is to do the cutting, it takes the method :meth:`split`, which needs no
    fit, or the method :meth:`tokenize` of a fitted tokenizer. A fitted tokenizer can
    be called, too, but no longer when scikit-learn has cloned the vectorizer, as its
    searches do: a clone is not fitted.

    :meth:`inverse_transform` puts a blank between tokens.

    Examples
    --------
    >>> from sklearn_dl.text import StopWordFilter, WordTokenizer
    >>> texts = ["The cat saw the dog.", "The dog saw the cat, didn't it?"]
    >>> tokenizer = WordTokenizer(min_count=2).fit(texts)
    >>> tokenizer.transform(["The dog saw a mouse."])[0]
    ['the', 'dog', 'saw', '<UNK>', '<UNK>', '<UNK>']
    >>> tokenizer.vocabulary_
    {'<UNK>': 0, 'the': 1, 'cat': 2, 'dog': 3, 'saw': 4}

    For a vectorizer:

    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> split = WordTokenizer(token_pattern=r"\w+", normalizer=StopWordFilter()).split
    >>> vectorizer = CountVectorizer(analyzer=split).fit(texts)
    >>> vectorizer.get_feature_names_out()
    array(['cat', 'didn', 'dog', 'saw', 't'], dtype=object)
    """

    _parameter_constraints: dict = {
        **BaseCountingTokenizer._parameter_constraints,
        "token_pattern": [str],
        "normalizer": [callable, list, tuple, None],
    }

    def __init__(
        self,
        *,
        lowercase=True,
        token_pattern=r"\w+(?:'\w+)*|[^\w\s]",
        normalizer=None,
        min_count=1,
        max_features=None,
        unknown_token="<UNK>",
        unknown_share=0.0,
        random_state=None,
    ):
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.normalizer = normalizer
        self.min_count = min_count
        self.max_features = max_features
        self.unknown_token = unknown_token
        self.unknown_share = unknown_share
        self.random_state = random_state

    def split(self, text):
        """Cut one text into tokens, whether they are known or not.

        This needs no fit. It is what a vectorizer of scikit-learn can take, which
        learns a vocabulary of its own.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        tokens : list of str
            Its tokens.
        """
        return self._split_one(text)

    def tokenize(self, text):
        """Cut one text into tokens, as a function for others.

        A fitted tokenizer can be called, too. But scikit-learn clones the parameters
        of its vectorizers, by which a tokenizer is no longer fitted; this method of a
        fitted one stays what it is.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        tokens : list of str
            Its tokens.
        """
        return self._tokenize_one(text)

    def _split(self, texts):
        find = self._compile().findall
        if self.lowercase:
            texts = map(str.lower, texts)
        rows = map(find, texts)
        normalizers = self._check_normalizer()
        if normalizers:
            # A stemmer takes longer than a look at what it has done before.
            normalize = cache(lambda token: self._normalize(token, normalizers))
            rows = (map(normalize, row) for row in rows)
        return [[*filter(None, row)] for row in rows]

    def _compile(self):
        name = type(self).__name__
        try:
            pattern = re.compile(self.token_pattern)
        except re.error as error:
            raise ValueError(
                f"token_pattern of {name} must be a regular expression, got "
                f"{self.token_pattern!r}: {error}."
            ) from error
        if pattern.groups > 1:
            raise ValueError(
                f"token_pattern of {name} must have one group at most, got "
                f"{self.token_pattern!r}. Groups that only hold together are (?:...)."
            )
        return pattern

    def _check_normalizer(self):
        """Return the normalizers as a list."""
        given = self.normalizer
        if given is None:
            return []
        normalizers = list(given) if isinstance(given, (list, tuple)) else [given]
        for normalizer in normalizers:
            if not callable(normalizer):
                raise TypeError(
                    f"normalizer of {type(self).__name__} must be a callable or a list "
                    f"of them, got {normalizer!r} of type {type(normalizer).__name__}."
                )
        return normalizers

    def _normalize(self, token, normalizers):
        for normalizer in normalizers:
            result = normalizer(token)
            if not result:
                return ""
            if not isinstance(result, str):
                raise TypeError(
                    f"normalizer of {type(self).__name__} must return a string or "
                    f"None, {normalizer!r} returned {result!r:.60} for {token!r}."
                )
            token = result
        return token

    def _join(self, tokens):
        return " ".join(tokens)
