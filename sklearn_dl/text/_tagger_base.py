"""What taggers share: sentences and tags as numbers, prediction and score."""

from collections import defaultdict
from itertools import chain, compress
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.utils._sklearn import check_sample_weight

__all__ = ["BaseTagger", "TaggedWords", "number"]


class TaggedWords(NamedTuple):
    """Sentences to learn from, one behind the other.

    Attributes
    ----------
    words : list of str
        The distinct words, in the order in which they come.
    codes : ndarray of shape (n_places,), int32
        The number of the word at each place.
    tags : ndarray of shape (n_places,), int32
        The number of the tag at each place.
    starts : ndarray of shape (n_sentences + 1,), int64
        Where each sentence begins.
    weight : ndarray of shape (n_sentences,), float64
        The weight of each sentence, above 0.
    """

    words: list
    codes: np.ndarray
    tags: np.ndarray
    starts: np.ndarray
    weight: np.ndarray

    def weight_of_places(self):
        """Return the weight of the sentence that each place is in."""
        return np.repeat(self.weight, np.diff(self.starts))

    def count(self, states, n_states):
        """Return how often each word has each state, as a CSR array.

        Parameters
        ----------
        states : ndarray of shape (n_places,), int
            The state at each place: its tag, or more than that.
        n_states : int
            How many states there are.

        Returns
        -------
        counts : csr_array of shape (n_words, n_states), float64
            Sums of weights.
        """
        entries = (self.weight_of_places(), (self.codes, states))
        counts = sparse.coo_array(entries, shape=(len(self.words), n_states)).tocsr()
        counts.sum_duplicates()
        return counts


class BaseTagger(BaseEstimator):
    """Base of taggers that read words and know nothing of torch."""

    def predict(self, X):
        """Predict the tag of each word.

        Parameters
        ----------
        X : list of list of str
            The sentences, each a sequence of words. A sentence may be empty.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            An array of tags for each sentence.
        """
        check_is_fitted(self)
        words, lengths = _flatten_sentences(self, X)
        labels = self.classes_[self._tag(words, _starts(lengths))]
        return _object_array(labels, lengths)

    def score(self, X, y, sample_weight=None):
        """Return the share of words whose tag is right.

        Parameters
        ----------
        X : list of list of str
            The sentences.

        y : list of list
            The tags of the words of each sentence. Tags that were not in the training
            sentences are wrong answers like others.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the sentences.

        Returns
        -------
        accuracy : float
            The share of right tags.

        Raises
        ------
        ValueError
            If there is no word, or none of a weight above 0.
        """
        check_is_fitted(self)
        words, lengths = _flatten_sentences(self, X)
        labels = _flatten_tags(self, y, lengths)
        weight = np.repeat(_check_weight(sample_weight, lengths), lengths)
        if not weight.sum() > 0:
            raise ValueError(
                f"{type(self).__name__} needs at least one word of a weight above 0 "
                f"for a score, X has {len(words)} words in {len(lengths)} sentences."
            )
        predicted = self.classes_[self._tag(words, _starts(lengths))].tolist()
        right = [a == b for a, b in zip(predicted, labels, strict=True)]
        return float(np.average(right, weights=weight))

    def _read(self, X, y, sample_weight):
        """Validate what is to be learned from, and set `classes_`."""
        words, lengths = _flatten_sentences(self, X)
        labels = _flatten_tags(self, y, lengths)
        weight = _check_weight(sample_weight, lengths)
        if not weight.all():
            # A sentence of weight 0 is one that is not there.
            kept = np.repeat(weight > 0, lengths)
            words, labels = list(compress(words, kept)), list(compress(labels, kept))
            lengths, weight = lengths[weight > 0], weight[weight > 0]
        if not words:
            raise ValueError(
                f"{type(self).__name__} needs at least one word to learn from, X has "
                f"none in its {len(lengths)} sentences of a weight above 0."
            )
        self.classes_, tags = _encode(self, labels)
        numbers, codes = number(words)
        return TaggedWords(list(numbers), codes, tags, _starts(lengths), weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        return tags


def number(words):
    """Return the numbers of distinct words, as a dict, and those of all words."""
    numbers = defaultdict()
    # A word that is new has the next number.
    numbers.default_factory = numbers.__len__
    codes = _look_up(numbers, words)
    return dict(numbers), codes


def _look_up(numbers, words):
    return np.fromiter(map(numbers.__getitem__, words), np.int32, len(words))


def _starts(lengths):
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _object_array(labels, lengths):
    starts = _starts(lengths).tolist()
    rows = np.empty(len(lengths), dtype=object)
    for k in range(len(rows)):
        rows[k] = labels[starts[k] : starts[k + 1]]
    return rows


def _as_rows(estimator, rows, name, content):
    """Return a list with a list for each sentence."""
    rows = list(rows)
    if set(map(type, rows)) <= {list, tuple}:
        return rows
    for k, row in enumerate(rows):
        if isinstance(row, np.ndarray):
            # An array without axes is no list.
            row = row.tolist()
        if isinstance(row, (str, bytes)) or not hasattr(row, "__iter__"):
            raise TypeError(
                f"{type(estimator).__name__} expects a list of {content} for each "
                f"sentence, row {k} of {name} is {row!r:.60}."
            )
        rows[k] = list(row)
    return rows


def _flatten_sentences(estimator, X):
    """Return the words of all sentences, and how many each has."""
    if isinstance(X, str):
        raise ValueError(
            "Iterable over raw text documents expected, string object received."
        )
    if not hasattr(X, "__iter__"):
        raise TypeError(
            f"{type(estimator).__name__} expects a list of sentences, X is {X!r:.60}."
        )
    rows = _as_rows(estimator, X, "X", "words")
    if not rows:
        raise ValueError(
            f"{type(estimator).__name__} expects at least one sentence, X is empty."
        )
    words = list(chain.from_iterable(rows))
    if not all(issubclass(kind, str) for kind in set(map(type, words))):
        _refuse_other_than_words(estimator, rows)
    return words, np.fromiter(map(len, rows), np.int64, len(rows))


def _refuse_other_than_words(estimator, rows):
    for k, row in enumerate(rows):
        for place, word in enumerate(row):
            if not isinstance(word, str):
                raise TypeError(
                    f"{type(estimator).__name__} expects words that are strings, word "
                    f"{place} of row {k} of X is {word!r:.60}, of type "
                    f"{type(word).__name__}."
                )


def _flatten_tags(estimator, y, lengths):
    """Return the tags of all sentences as a list."""
    name = type(estimator).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    if isinstance(y, str) or not hasattr(y, "__iter__"):
        raise TypeError(f"{name} expects a list of tags a sentence, y is {y!r:.60}.")
    rows = _as_rows(estimator, y, "y", "tags")
    if len(rows) != len(lengths):
        raise ValueError(
            f"{name} expects a list of tags for each sentence, got {len(rows)} for "
            f"{len(lengths)} sentences."
        )
    for k, (row, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
        if len(row) != length:
            raise ValueError(
                f"{name} expects a tag for each of the {length} words of row {k} of X, "
                f"row {k} of y has {len(row)}."
            )
    return list(chain.from_iterable(rows))


def _encode(estimator, labels):
    """Return the distinct tags in order, and the number of the tag at each place."""
    kinds = set(map(type, labels))
    if not any(
        all(issubclass(kind, allowed) for kind in kinds)
        for allowed in (str, (int, np.integer, np.bool_))
    ):
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(
            f"{type(estimator).__name__} expects tags that are all strings or all "
            f"whole numbers, y has {names}."
        )
    distinct = np.unique(list(set(labels)))
    values = distinct.tolist()
    return distinct, _look_up(
        dict(zip(values, range(len(values)), strict=True)), labels
    )


def _check_weight(sample_weight, lengths):
    return check_sample_weight(
        sample_weight, lengths, dtype=np.float64, ensure_non_negative=True
    )
