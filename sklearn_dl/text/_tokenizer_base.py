"""What the tokenizers share: texts that are checked, vocabularies, the interface."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.utils._sklearn import fit_context

__all__ = [
    "BaseTokenizer",
    "choose_unknown",
    "learn_vocabulary",
    "object_array",
    "read_rows",
    "read_texts",
    "read_token_lists",
]

_NOT_FITTED = (
    "This %(name)s instance is not fitted yet. Call 'fit' first. A clone is not fitted "
    "either, and scikit-learn clones the parameters of a vectorizer: give it the "
    "method 'tokenize' of a fitted tokenizer instead of the tokenizer."
)


def object_array(rows):
    """Return an array with an object a row, which scikit-learn's splitters can cut."""
    return np.fromiter(rows, dtype=object, count=len(rows))


def read_rows(name, X):
    """Return the rows of a column as a list.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    X : iterable
        A list, array, series or iterator.

    Returns
    -------
    rows : list
        Its rows, not checked.

    Raises
    ------
    ValueError
        If X is one string, or has several columns.
    TypeError
        If X has no rows in an order.
    """
    if isinstance(X, str):
        raise ValueError(
            "Iterable over raw text documents expected, string object received."
        )
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(
            f"{name} expects one column of texts, got the shape {X.shape}."
        )
    if isinstance(X, (bytes, Mapping, set, frozenset)) or not hasattr(X, "__iter__"):
        raise TypeError(
            f"{name} expects a list, array or iterator of texts, got {X!r:.60} of type "
            f"{type(X).__name__}."
        )
    return list(X)


def _refuse_row(name, k, row, expected):
    hint = " Decode it first." if isinstance(row, bytes) else ""
    raise TypeError(
        f"{name} expects {expected}, row {k} of X is {row!r:.60} of type "
        f"{type(row).__name__}.{hint}"
    )


def read_texts(name, X):
    """Return texts as a list of strings; see `read_rows`."""
    texts = read_rows(name, X)
    for k, text in enumerate(texts):
        if not isinstance(text, str):
            _refuse_row(name, k, text, "texts that are strings")
    return texts


def read_token_lists(name, X, *, texts=False):
    """Return lists of tokens, and strings among them if they are welcome."""
    rows = read_rows(name, X)
    for k, row in enumerate(rows):
        if texts and isinstance(row, str):
            continue
        listed = isinstance(row, (list, tuple, np.ndarray))
        if not listed or not all(isinstance(token, str) for token in row):
            expected = "strings or lists of strings" if texts else "lists of strings"
            _refuse_row(name, k, row, expected)
    return rows


def learn_vocabulary(name, counts, reserved, *, min_count, max_features):
    """Give numbers to tokens, by falling count.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    counts : mapping of str to int
        How often each token occurs.
    reserved : iterable of str
        Tokens with the first numbers, whether they occur or not.
    min_count : int
        Tokens that are rarer than that are unknown.
    max_features : int or None
        Of the others, so many are known, the most frequent ones.

    Returns
    -------
    vocabulary : dict of str to int
        The numbers.

    Raises
    ------
    ValueError
        If no token is frequent enough.
    """
    vocabulary = {token: k for k, token in enumerate(dict.fromkeys(reserved))}
    # Alphabetical where counts are equal, whatever order the texts had.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    known = [t for t, count in ranked if count >= min_count and t not in vocabulary]
    if not known:
        raise ValueError(
            f"{name} expects tokens that occur at least min_count={min_count} times, "
            f"X has none of them."
        )
    for token in known[:max_features]:
        vocabulary[token] = len(vocabulary)
    return vocabulary


def choose_unknown(numbers, n_reserved, share, random_state):
    """Choose tokens that a network sees as unknown ones.

    Words that are unknown later are more like rare words than like frequent ones: an
    occurrence is drawn with a weight of one by the count of its word. The first one of
    each word is left, so that every known word is seen.

    Parameters
    ----------
    numbers : ndarray of int
        All tokens of the training texts, by number.
    n_reserved : int
        Numbers below that are no words, and stay.
    share : float
        The share of the words that is wanted.
    random_state : RandomState instance
        Where the draws come from.

    Returns
    -------
    chosen : ndarray of int
        Positions in `numbers`.
    """
    words = np.flatnonzero(numbers >= n_reserved)
    if not share or not len(words):
        return words[:0]
    _, first, kind, counts = np.unique(
        numbers[words], return_index=True, return_inverse=True, return_counts=True
    )
    # The least of exponential variables, whose rates are the weights, is a draw.
    keys = random_state.standard_exponential(len(words)) * counts[kind]
    keys[first] = np.inf
    n_chosen = min(round(share * len(words)), len(words) - len(first))
    return words[np.argsort(keys, kind="stable")[:n_chosen]]


class BaseTokenizer(TransformerMixin, BaseEstimator, ABC):
    """Base class of the tokenizers."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Learn the vocabulary of texts and cut them into tokens.

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
        """
        texts = read_texts(type(self).__name__, X)
        return self.fit(texts).transform(texts)

    def transform(self, X):
        """Cut texts into tokens.

        Parameters
        ----------
        X : iterable of str
            The texts.

        Returns
        -------
        X_new : ndarray of shape (n_texts,)
            A list of tokens for each text.
        """
        check_is_fitted(self)
        return object_array(self._tokenize(read_texts(type(self).__name__, X)))

    def inverse_transform(self, X):
        """Join tokens to texts.

        Parameters
        ----------
        X : iterable of lists of str
            The tokens of each text.

        Returns
        -------
        X_original : ndarray of shape (n_texts,)
            The texts.
        """
        check_is_fitted(self)
        rows = read_token_lists(type(self).__name__, X)
        return object_array([self._join([*row]) for row in rows])

    def __call__(self, text):
        return self._tokenize_one(text)

    # The public method for this is in each class itself: skops loads no bound method
    # that comes from a base class in another file.
    def _tokenize_one(self, text):
        """Return the tokens of one text."""
        check_is_fitted(self, msg=_NOT_FITTED)
        (tokens,) = self._tokenize(read_texts(type(self).__name__, [text]))
        return tokens

    @abstractmethod
    def _tokenize(self, texts):
        """Return the list of tokens of each text."""

    @abstractmethod
    def _join(self, tokens):
        """Return the text of tokens."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
