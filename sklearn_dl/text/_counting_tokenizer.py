"""Tokenizers that know the tokens which are frequent enough."""

from abc import abstractmethod
from collections import Counter
from itertools import chain
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from sklearn_dl.text._tokenizer_base import (
    BaseTokenizer,
    choose_unknown,
    learn_vocabulary,
    object_array,
    read_texts,
)
from sklearn_dl.utils._sklearn import Interval, fit_context

__all__ = ["BaseCountingTokenizer"]


class BaseCountingTokenizer(BaseTokenizer):
    """Base class of tokenizers that cut by rule and count what comes out."""

    _parameter_constraints: dict = {
        "lowercase": ["boolean"],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_features": [None, Interval(Integral, 1, None, closed="left")],
        "unknown_token": [str, None],
        "unknown_share": [Interval(Real, 0, 1, closed="left")],
        "random_state": ["random_state"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary of texts.

        Parameters
        ----------
        X : iterable of str
            The texts.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : estimator
            The fitted tokenizer.

        Raises
        ------
        ValueError
            If no token is frequent enough.
        """
        self._learn(X)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the vocabulary of texts and cut them into tokens.

        Unlike in :meth:`transform`, `unknown_share` of the tokens are made unknown.

        Parameters
        ----------
        X : iterable of str
            The texts.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        X_new : ndarray of shape (n_texts,)
            A list of tokens for each text.

        Raises
        ------
        ValueError
            If no token is frequent enough.
        """
        rows = [self._replace(tokens) for tokens in self._learn(X)]
        if self.unknown_share:
            self._forget(rows)
        return object_array(rows)

    def _learn(self, X):
        """Learn the vocabulary, and return the tokens as they are."""
        name = type(self).__name__
        if self.unknown_share and self.unknown_token is None:
            raise ValueError(
                f"unknown_share of {name} must be 0 where unknown_token=None drops "
                f"unknown tokens, got {self.unknown_share!r}."
            )
        rows = self._split(read_texts(name, X))
        self.vocabulary_ = learn_vocabulary(
            name,
            Counter(chain.from_iterable(rows)),
            [] if self.unknown_token is None else [self.unknown_token],
            min_count=self.min_count,
            max_features=self.max_features,
        )
        return rows

    def _forget(self, rows):
        """Make some tokens unknown, in place."""
        vocabulary, lengths = self.vocabulary_, [len(row) for row in rows]
        numbers = np.array([vocabulary[t] for row in rows for t in row], dtype=np.int64)
        chosen = choose_unknown(
            numbers, 1, self.unknown_share, check_random_state(self.random_state)
        )
        ends = np.cumsum(lengths)
        places = np.searchsorted(ends, chosen, "right")
        for position, k in zip(chosen, places, strict=True):
            rows[k][position - ends[k]] = self.unknown_token

    def _replace(self, tokens):
        """Return tokens with the mark of unknown ones, or without these."""
        vocabulary, unknown = self.vocabulary_, self.unknown_token
        if unknown is None:
            return [token for token in tokens if token in vocabulary]
        return [token if token in vocabulary else unknown for token in tokens]

    def _tokenize(self, texts):
        return [self._replace(tokens) for tokens in self._split(texts)]

    def _split_one(self, text):
        """Return the tokens of one text, known or not."""
        (tokens,) = self._split(read_texts(type(self).__name__, [text]))
        return tokens

    @abstractmethod
    def _split(self, texts):
        """Return the list of tokens of each text, known or not."""
