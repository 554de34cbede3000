"""Texts as sequences of numbers, for networks."""

from collections import Counter
from itertools import chain
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.text._tokenizer_base import (
    choose_unknown,
    learn_vocabulary,
    object_array,
    read_token_lists,
)
from sklearn_dl.text._word_tokenizer import WordTokenizer
from sklearn_dl.utils._sklearn import HasMethods, Interval, StrOptions, fit_context

__all__ = ["SequenceEncoder"]


def _is_padded(encoder):
    return encoder.output == "padded"


def _is_estimator(tokenizer):
    return hasattr(tokenizer, "fit") and hasattr(tokenizer, "transform")


class SequenceEncoder(TransformerMixin, BaseEstimator):
    """Make sequences of whole numbers from texts, as networks take them.

    Each token has a number; 0 is the padding behind or before a text that is shorter
    than others.

    Read more in the :ref:`User Guide <tokens>`.

    Parameters
    ----------
    tokenizer : estimator or callable, default=None
        What cuts a text into tokens: a tokenizer of this library, which is cloned and
        fitted, or any function of a text. None is :class:`WordTokenizer`. A fitted
        tokenizer stays as it is within a
        :class:`~sklearn.frozen.FrozenEstimator`. Lists of tokens are not cut.

    max_length : int, default=None
        Number of tokens that are kept of a text, with `start_token` and `end_token`.
        None takes the longest training text where `output` is 'padded', and else
        keeps all.

    padding : {'post', 'pre'}, default='post'
        Whether the padding comes behind the tokens or before them.

    truncating : {'post', 'pre'}, default='post'
        Whether a text that is too long loses its end or its beginning.

    output : {'padded', 'ragged'}, default='padded'
        'padded' gives one array, 'ragged' an array of arrays of different lengths. The
        networks of this library take the latter, and then nothing depends on padding.

    min_count : int, default=1
        Tokens that are rarer than that in the training texts are unknown. 0 also knows
        the tokens of the tokenizer that no training text has.

    max_features : int, default=None
        Number of tokens that are known, the most frequent ones. None knows all.

    unknown_token : str, default="<UNK>"
        The token that stands for unknown ones. None drops them.

    pad_token : str, default="<PAD>"
        The token with the number 0.

    start_token : str, default=None
        The token that every text begins with. None is none.

    end_token : str, default=None
        The token that every text ends with. None is none.

    unknown_share : float, default=0.0
        Share of the known tokens that :meth:`fit_transform` makes unknown, so that a
        network learns what an unknown token is. Occurrences are drawn at random, those
        of rare tokens rather than those of frequent ones; one of each token stays.

    random_state : int, RandomState instance, default=None
        Determines which tokens `unknown_share` takes.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Numbers of tokens: of `pad_token`, `unknown_token`, `start_token` and
        `end_token`, then of the others by falling count. Tokens that were cut off do
        not count.

    tokenizer_ : estimator, callable or None
        What cuts texts, fitted. None if the training texts were lists of tokens.

    max_length_ : int or None
        Number of tokens that are kept of a text. None keeps all.

    See Also
    --------
    sklearn_dl.neural_network.RNNClassifier : Takes such sequences.
    WordTokenizer : Cuts texts into words.
    BytePairTokenizer : Cuts texts into parts of words.

    Notes
    -----
    Networks take no empty sequence: where `output` is 'ragged', a text without tokens
    is one padding.

    Examples
    --------
    >>> from sklearn_dl.text import SequenceEncoder
    >>> encoder = SequenceEncoder()
    >>> encoder.fit_transform(["the cat saw the dog", "a cat"])
    array([[3, 2, 6, 3, 5],
           [4, 2, 0, 0, 0]])
    >>> encoder.vocabulary_
    {'<PAD>': 0, '<UNK>': 1, 'cat': 2, 'the': 3, 'a': 4, 'dog': 5, 'saw': 6}
    >>> numbers = encoder.transform(["a mouse saw the cat"])
    >>> encoder.inverse_transform(numbers)[0]
    ['a', '<UNK>', 'saw', 'the', 'cat']

    A recurrent network behind it:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_dl.neural_network import RNNClassifier
    >>> pipeline = make_pipeline(SequenceEncoder(output="ragged"), RNNClassifier())
    """

    _parameter_constraints: dict = {
        "tokenizer": [None, callable, HasMethods(["fit", "transform"])],
        "max_length": [None, Interval(Integral, 1, None, closed="left")],
        "padding": [StrOptions({"post", "pre"})],
        "truncating": [StrOptions({"post", "pre"})],
        "output": [StrOptions({"padded", "ragged"})],
        "min_count": [Interval(Integral, 0, None, closed="left")],
        "max_features": [None, Interval(Integral, 1, None, closed="left")],
        "unknown_token": [str, None],
        "pad_token": [str],
        "start_token": [str, None],
        "end_token": [str, None],
        "unknown_share": [Interval(Real, 0, 1, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        tokenizer=None,
        max_length=None,
        padding="post",
        truncating="post",
        output="padded",
        min_count=1,
        max_features=None,
        unknown_token="<UNK>",
        pad_token="<PAD>",
        start_token=None,
        end_token=None,
        unknown_share=0.0,
        random_state=None,
    ):
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.padding = padding
        self.truncating = truncating
        self.output = output
        self.min_count = min_count
        self.max_features = max_features
        self.unknown_token = unknown_token
        self.pad_token = pad_token
        self.start_token = start_token
        self.end_token = end_token
        self.unknown_share = unknown_share
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the numbers of the tokens.

        Parameters
        ----------
        X : iterable of str or of lists of str
            The training texts, or their tokens.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : SequenceEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If no token is frequent enough, or the parameters do not fit together.
        """
        self._learn(X)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the numbers of the tokens, and return those of the training texts.

        Unlike in :meth:`transform`, `unknown_share` of the tokens are made unknown.

        Parameters
        ----------
        X : iterable of str or of lists of str
            The training texts, or their tokens.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        X_new : ndarray of int64 of shape (n_texts, length) or (n_texts,)
            The numbers, in rows of one length or in an array a text.

        Raises
        ------
        ValueError
            If no token is frequent enough, or the parameters do not fit together.
        """
        numbers, lengths = self._encode(self._learn(X))
        if self.unknown_share:
            chosen = choose_unknown(
                numbers,
                len(self._reserved()),
                self.unknown_share,
                check_random_state(self.random_state),
            )
            numbers[chosen] = self.vocabulary_[self.unknown_token]
        return self._arrange(numbers, lengths)

    def transform(self, X):
        """Return the numbers of texts.

        Parameters
        ----------
        X : iterable of str or of lists of str
            The texts, or their tokens.

        Returns
        -------
        X_new : ndarray of int64 of shape (n_texts, length) or (n_texts,)
            The numbers, in rows of one length or in an array a text.

        Raises
        ------
        ValueError
            If there are strings, but the training texts were lists of tokens.
        """
        check_is_fitted(self)
        rows = read_token_lists(type(self).__name__, X, texts=True)
        return self._arrange(*self._encode(self._cut(self._split(rows))))

    def inverse_transform(self, X):
        """Return the tokens of numbers.

        The ``inverse_transform`` of a tokenizer makes texts of these.

        Parameters
        ----------
        X : array-like of int of shape (n_texts, n_tokens) or list of arrays
            The numbers.

        Returns
        -------
        X_original : ndarray of shape (n_texts,)
            A list of tokens for each text, without padding, start and end.

        Raises
        ------
        ValueError
            If there are numbers of no token.
        """
        check_is_fitted(self)
        tokens = [*self.vocabulary_]
        ends = (self.pad_token, self.start_token, self.end_token)
        silent = [self.vocabulary_[token] for token in ends if token is not None]
        rows = []
        for k, row in enumerate(X.to_numpy() if hasattr(X, "to_numpy") else X):
            row = np.asarray(row)
            row = row if row.size else row.astype(np.int64)
            whole = row.ndim == 1 and row.dtype.kind in "iu"
            if not whole or ((row < 0) | (row >= len(tokens))).any():
                raise ValueError(
                    f"{type(self).__name__} expects rows of whole numbers from 0 and "
                    f"below {len(tokens)}, row {k} of X is {row!s:.60}."
                )
            rows.append([tokens[i] for i in row if i not in silent])
        return object_array(rows)

    def _reserved(self):
        """Return the tokens with the first numbers."""
        given = (self.pad_token, self.unknown_token, self.start_token, self.end_token)
        return [token for token in given if token is not None]

    def _n_ends(self):
        return (self.start_token is not None) + (self.end_token is not None)

    def _check_parameters(self):
        name, reserved = type(self).__name__, self._reserved()
        if len(set(reserved)) < len(reserved):
            raise ValueError(
                f"pad_token, unknown_token, start_token and end_token of {name} must "
                f"differ, got {reserved}."
            )
        if self.max_length is not None and self.max_length <= self._n_ends():
            raise ValueError(
                f"max_length of {name} must be more than the {self._n_ends()} tokens "
                f"at the ends of each text, got {self.max_length}."
            )
        if self.unknown_share and self.unknown_token is None:
            raise ValueError(
                f"unknown_share of {name} must be 0 where unknown_token=None drops "
                f"unknown tokens, got {self.unknown_share!r}."
            )

    def _learn(self, X):
        """Learn tokenizer and vocabulary, and return the tokens that count."""
        self._check_parameters()
        name = type(self).__name__
        rows = read_token_lists(name, X, texts=True)
        self.max_length_ = self.max_length
        rows = self._cut(self._fit_tokenizer(rows))
        counts = Counter(chain.from_iterable(rows))
        if self.min_count == 0:
            counts.update(dict.fromkeys(getattr(self.tokenizer_, "vocabulary_", ()), 0))
        self.vocabulary_ = learn_vocabulary(
            name,
            counts,
            self._reserved(),
            min_count=self.min_count,
            max_features=self.max_features,
        )
        if self.max_length is None and self.output == "padded":
            self.max_length_ = max(1, *map(len, rows)) + self._n_ends()
        return rows

    def _fit_tokenizer(self, rows):
        """Return the tokens of the training texts."""
        self.tokenizer_ = None
        n_texts = sum(isinstance(row, str) for row in rows)
        if not n_texts:
            return rows
        if n_texts < len(rows):
            raise ValueError(
                f"{type(self).__name__} expects texts or lists of tokens, X has both: "
                f"{n_texts} texts in {len(rows)} rows."
            )
        tokenizer = WordTokenizer() if self.tokenizer is None else self.tokenizer
        if not _is_estimator(tokenizer):
            self.tokenizer_ = tokenizer
            return self._split(rows)
        self.tokenizer_ = clone(tokenizer)
        if hasattr(self.tokenizer_, "fit_transform"):
            # Some of the words may be made unknown in training.
            return self.tokenizer_.fit_transform(rows)
        return self.tokenizer_.fit(rows, None).transform(rows)

    def _split(self, rows):
        """Return the tokens of texts; lists of tokens stay."""
        places = [k for k, row in enumerate(rows) if isinstance(row, str)]
        if places and self.tokenizer_ is None:
            raise ValueError(
                f"{type(self).__name__} was fitted on lists of tokens, row {places[0]} "
                f"of X is the text {rows[places[0]]!r:.60}."
            )
        texts = [rows[k] for k in places]
        if _is_estimator(self.tokenizer_):
            tokens = self.tokenizer_.transform(texts)
        else:
            tokens = [self._call(text) for text in texts]
        for k, row in zip(places, tokens, strict=True):
            rows[k] = row
        return rows

    def _call(self, text):
        """Return what a function makes of a text."""
        tokens = self.tokenizer_(text)
        listed = isinstance(tokens, (list, tuple, np.ndarray))
        if not listed or not all(isinstance(token, str) for token in tokens):
            raise TypeError(
                f"tokenizer of {type(self).__name__} must return a list of strings, "
                f"{self.tokenizer_!r} returned {tokens!r:.60} for {text!r:.60}."
            )
        return tokens

    def _cut(self, rows):
        """Return what is kept of the tokens, without the ends."""
        if self.max_length_ is None:
            return rows
        n_kept = self.max_length_ - self._n_ends()
        if self.truncating == "post":
            return [row[:n_kept] for row in rows]
        return [row[max(0, len(row) - n_kept) :] for row in rows]

    def _encode(self, rows):
        """Return the numbers of all tokens, and how many each row has."""
        vocabulary = self.vocabulary_
        start, end = (
            [] if token is None else [vocabulary[token]]
            for token in (self.start_token, self.end_token)
        )
        if self.unknown_token is None:
            rows = [[token for token in row if token in vocabulary] for row in rows]
        unknown = vocabulary.get(self.unknown_token)
        rows = [[*start, *(vocabulary.get(t, unknown) for t in r), *end] for r in rows]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        return np.fromiter(chain.from_iterable(rows), np.int64, lengths.sum()), lengths

    def _arrange(self, numbers, lengths):
        """Return the numbers in rows."""
        if self.output == "ragged":
            rows = np.split(numbers, np.cumsum(lengths)[:-1]) if len(lengths) else []
            nothing = np.zeros(1, dtype=np.int64)
            return object_array([row.copy() if len(row) else nothing for row in rows])
        places = np.arange(self.max_length_)
        if self.padding == "pre":
            places = places[::-1]
        padded = np.zeros((len(lengths), self.max_length_), dtype=np.int64)
        padded[places < lengths[:, None]] = numbers
        return padded

    @available_if(_is_padded)
    def get_feature_names_out(self, input_features=None):
        """Return a name for each place of a token.

        Parameters
        ----------
        input_features : Ignored, default=None
            Ignored.

        Returns
        -------
        feature_names_out : ndarray of str of shape (length,)
            The name of the class in lower case, and the place.
        """
        check_is_fitted(self)
        prefix = type(self).__name__.lower()
        names = [f"{prefix}{k}" for k in range(self.max_length_)]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
