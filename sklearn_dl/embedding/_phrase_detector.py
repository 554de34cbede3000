"""Words that belong together as one token."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._text._token_reader import read_documents
from sklearn_dl.utils._sklearn import Interval, StrOptions, fit_context

__all__ = ["PhraseDetector"]


class PhraseDetector(TransformerMixin, BaseEstimator):
    r"""Join words that occur together more often than by chance.

    Two words, one behind the other, are a phrase if

    .. math:: \frac{(n_{ab} - \delta) \, N}{n_a n_b}

    is above the threshold [1]_: :math:`n_{ab}` times there are both, :math:`n_a` and
    :math:`n_b` times each, among :math:`N` words. What is joined may be joined again in
    the next pass. The transformed documents are lists of tokens, for an embedding or a
    vectoriser with ``analyzer="identity"``.

    Read more in the :ref:`User Guide <embedding>`.

    Parameters
    ----------
    min_count : int, default=5
        Rarer pairs are no phrases.

    threshold : float, default=100.0
        Scores above it make a phrase. Those of "npmi" lie between -1 and 1.

    discount : float, default=None
        The :math:`\delta`, by which pairs of rare words count less. None is
        `min_count`, as in word2phrase.c.

    scoring : {"ratio", "npmi"}, default="ratio"
        The score above, or normalised pointwise mutual information [2]_.

    n_passes : int, default=1
        How often pairs are joined: after two passes there are phrases of up to four
        words.

    delimiter : str, default="_"
        What stands between the joined words.

    analyzer : {"word", "char", "char_wb", "identity"} or callable, default="word"
        What a word is: what `token_pattern` finds in a text, a character, an element
        of a document that is a list of tokens, or what the callable makes of a
        document.

    tokenizer : callable, default=None
        Takes a text to its words in place of `token_pattern`.

    preprocessor : callable, default=None
        Takes a text to another in place of `strip_accents` and `lowercase`.

    token_pattern : str, default=r"(?u)\b\w+\b"
        Regular expression of a word.

    stop_words : {"english"} or list of str, default=None
        Words that are left out.

    lowercase : bool, default=True
        Whether texts are turned into lower case.

    strip_accents : {"ascii", "unicode"} or callable, default=None
        Whether accents are removed; "ascii" drops all other characters too.

    Attributes
    ----------
    phrases_ : list of dict of (str, str) to float
        For each pass the pairs that are joined, and their scores.

    See Also
    --------
    Word2Vec : Learns vectors, also of phrases.

    References
    ----------
    .. [1] T. Mikolov, I. Sutskever, K. Chen, G. Corrado and J. Dean, "Distributed
       representations of words and phrases and their compositionality", NIPS 2013.
    .. [2] G. Bouma, "Normalized (pointwise) mutual information in collocation
       extraction", GSCL 2009.

    Examples
    --------
    >>> from sklearn_dl.embedding import PhraseDetector
    >>> texts = ["she left new york", "new york is old", "a new car", "york is far"]
    >>> detector = PhraseDetector(min_count=2, threshold=1, discount=0)
    >>> detector.fit_transform(texts)[0]
    ['she', 'left', 'new_york']
    """

    _parameter_constraints: dict = {
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "threshold": [Real],
        "discount": [Interval(Real, 0, None, closed="left"), None],
        "scoring": [StrOptions({"ratio", "npmi"})],
        "n_passes": [Interval(Integral, 1, None, closed="left")],
        "delimiter": [str],
        "analyzer": [StrOptions({"word", "char", "char_wb", "identity"}), callable],
        "tokenizer": [callable, None],
        "preprocessor": [callable, None],
        "token_pattern": [str],
        "stop_words": [StrOptions({"english"}), list, None],
        "lowercase": ["boolean"],
        "strip_accents": [StrOptions({"ascii", "unicode"}), callable, None],
    }

    def __init__(
        self,
        *,
        min_count=5,
        threshold=100.0,
        discount=None,
        scoring="ratio",
        n_passes=1,
        delimiter="_",
        analyzer="word",
        tokenizer=None,
        preprocessor=None,
        token_pattern=r"(?u)\b\w+\b",
        stop_words=None,
        lowercase=True,
        strip_accents=None,
    ):
        self.min_count = min_count
        self.threshold = threshold
        self.discount = discount
        self.scoring = scoring
        self.n_passes = n_passes
        self.delimiter = delimiter
        self.analyzer = analyzer
        self.tokenizer = tokenizer
        self.preprocessor = preprocessor
        self.token_pattern = token_pattern
        self.stop_words = stop_words
        self.lowercase = lowercase
        self.strip_accents = strip_accents

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, raw_documents, y=None):
        """Find the phrases of documents.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents; lists of tokens with ``analyzer="identity"``.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted detector.
        """
        self._learn(raw_documents)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, raw_documents, y=None):
        """Find the phrases of documents and join them.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents; lists of tokens with ``analyzer="identity"``.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        X : ndarray of shape (n_documents,) of list of str
            The words of each document, phrases joined.
        """
        return _as_lists(*self._learn(raw_documents))

    def transform(self, raw_documents):
        """Join the phrases in documents.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents; lists of tokens with ``analyzer="identity"``.

        Returns
        -------
        X : ndarray of shape (n_documents,) of list of str
            The words of each document, phrases joined.
        """
        check_is_fitted(self)
        corpus = read_documents(self, raw_documents)
        tokens, stops, words = corpus.tokens, corpus.stops, corpus.words
        for phrases in self.phrases_:
            tokens, stops, words = self._join(tokens, stops, words, phrases)
        return _as_lists(tokens, stops, words)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def _learn(self, raw_documents):
        corpus = read_documents(self, raw_documents)
        tokens, stops, words = corpus.tokens, corpus.stops, corpus.words
        self.phrases_ = []
        for _ in range(self.n_passes):
            self.phrases_.append(self._find(tokens, stops, words))
            tokens, stops, words = self._join(tokens, stops, words, self.phrases_[-1])
        return tokens, stops, words

    def _find(self, tokens, stops, words):
        """Return the pairs of words with a score above the threshold."""
        keys, joins = _pairs(tokens, stops, len(words))
        pairs, counts = np.unique(keys[joins], return_counts=True)
        frequent = counts >= self.min_count
        pairs, counts = pairs[frequent], counts[frequent].astype(np.float64)
        singles = np.bincount(tokens, minlength=len(words)).astype(np.float64)
        first, second = np.divmod(pairs, max(len(words), 1))
        total = len(tokens)
        if self.scoring == "ratio":
            discount = self.min_count if self.discount is None else self.discount
            scores = (counts - discount) * total / singles[first] / singles[second]
        else:
            mutual = np.log(counts * total / singles[first] / singles[second])
            # A pair that is all there is has the largest score.
            entropy = np.log(total / counts)
            scores = np.divide(
                mutual, entropy, out=np.ones_like(mutual), where=entropy > 0
            )
        chosen = scores > self.threshold
        return {
            (words[a], words[b]): score
            for a, b, score in zip(
                first[chosen].tolist(),
                second[chosen].tolist(),
                scores[chosen].tolist(),
                strict=True,
            )
        }

    def _join(self, tokens, stops, words, phrases):
        """Replace pairs by tokens of their own, from left to right."""
        numbers = {word: number for number, word in enumerate(words)}
        known = [pair for pair in phrases if pair[0] in numbers and pair[1] in numbers]
        if not known:
            return tokens, stops, words
        keys, joins = _pairs(tokens, stops, len(words))
        wanted = np.array([numbers[a] * len(words) + numbers[b] for a, b in known])
        joined = [
            numbers.setdefault(f"{a}{self.delimiter}{b}", len(numbers))
            for a, b in known
        ]
        order = np.argsort(wanted)
        wanted, joined = wanted[order], np.array(joined, dtype=np.int32)[order]
        places = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
        found = np.flatnonzero(joins & (wanted[places] == keys))
        # Of pairs that overlap, as in "a b c", every other one is joined.
        begins = np.diff(found, prepend=-2) != 1
        starts = np.flatnonzero(begins)[np.cumsum(begins) - 1]
        found = found[(np.arange(len(found)) - starts) % 2 == 0]
        tokens = tokens.copy()
        tokens[found] = joined[places[found]]
        kept = np.ones(len(tokens), dtype=bool)
        kept[found + 1] = False
        stops = np.concatenate([[0], np.cumsum(kept)])[stops]
        return tokens[kept], stops, list(numbers)


def _pairs(tokens, stops, n_words):
    """Return a number for each pair of neighbours, and whether it is in one document.

    The last token has no pair.
    """
    tokens = tokens.astype(np.int64)
    joins = np.ones(max(len(tokens) - 1, 0), dtype=bool)
    ends = stops[(stops > 0) & (stops < len(tokens))]
    joins[ends - 1] = False
    return tokens[:-1] * n_words + tokens[1:], joins


def _as_lists(tokens, stops, words):
    names = np.array([*words, ""], dtype=object)[tokens]
    documents = np.empty(len(stops), dtype=object)
    start = 0
    for row, stop in enumerate(stops.tolist()):
        documents[row] = names[start:stop].tolist()
        start = stop
    return documents
