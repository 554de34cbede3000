"""Averaged perceptron that tags words from left to right."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from sklearn_dl._numba._tagging import Features, tag_greedily, train_epoch
from sklearn_dl.text._tagger_base import BaseTagger
from sklearn_dl.utils._kernel import own
from sklearn_dl.utils._sklearn import Interval, fit_context

__all__ = ["PerceptronTagger"]

_DIGITS = str.maketrans("0123456789", "0" * 10)
_LENGTH = Interval(Integral, 0, None, closed="left")
# Letters of the ends of words around.
_CONTEXT_SUFFIX = 3
# Rows of weights to begin with.
_FIRST_ROWS = 1024


def _form(word):
    """Return a word in lower case, with all digits alike."""
    return word.lower().translate(_DIGITS)


def _shape(word):
    """Return the kinds of characters of a word, in the order in which they come."""
    return "".join(dict.fromkeys(map(_kind, word)))


def _kind(character):
    if character.isdigit():
        return "0"
    if character.isupper():
        return "A"
    return "a" if character.isalpha() else character


def _describe(word, suffix_length, prefix_length):
    """Return what is looked at in a word: first its form, at the end its shape."""
    form = _form(word)
    suffixes = [word[-n:] for n in range(1, suffix_length + 1)]
    prefixes = [word[:n] for n in range(1, prefix_length + 1)]
    return [form, *suffixes, *prefixes, form[-_CONTEXT_SUFFIX:], _shape(word)]


class PerceptronTagger(BaseTagger):
    """Averaged perceptron that tags words from left to right.

    The tag of a word is the one with the highest sum of weights over features: the
    word, its ends and beginnings, its capitals, digits and marks, the words around,
    and the two tags before, as they were predicted. Where the prediction is wrong, the
    weights of the right tag rise by 1 and those of the predicted one fall by 1 [1]_.
    In the end they are averaged over all steps, as otherwise the last sentences would
    count most. Words that nearly always have the same tag are looked up instead [2]_.

    Read more in the :ref:`User Guide <text>`.

    Parameters
    ----------
    max_iter : int, default=5
        Number of epochs.

    window : int, default=2
        How many words before and after a word are features of it.

    suffix_length : int, default=5
        The last letters of a word are features, from one up to this many.

    prefix_length : int, default=4
        The first letters of a word are features, from one up to this many.

    dictionary_min_count : int, default=20
        How often a word must have been seen to be looked up. None looks up no word.

    dictionary_share : float, default=0.97
        Share of its most frequent tag that a word must have to be looked up, above 0.5.

    shuffle : bool, default=True
        Whether the sentences are permuted in every epoch.

    random_state : int, RandomState instance, default=None
        Determines the order of the sentences. The same int gives the same tagger.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The tags.

    vocabulary_ : dict of str to int
        The number of each training word, from 1 on.

    dictionary_ : dict
        The words that are looked up, and their tags.

    weights_ : ndarray of shape (n_features, n_classes), float32
        The averaged weights of the features that were there when a prediction was
        wrong.

    n_iter_ : int
        Number of epochs.

    error_curve_ : list of float
        The share of training words that were tagged wrong in each epoch, with the
        weights as they were when the word's turn came.

    See Also
    --------
    HMMTagger : Probabilities of tags and words, counted.
    sklearn_dl.neural_network.RNNTagger : Recurrent network.

    Notes
    -----
    Searches and cross-validation take :meth:`score`, the share of right tags, where
    ``scoring`` is None.

    The weights take ``n_features * n_classes * 4`` bytes, three times that in training.

    References
    ----------
    .. [1] M. Collins, "Discriminative training methods for hidden Markov models: theory
       and experiments with perceptron algorithms", EMNLP 2002.
    .. [2] M. Honnibal, "A good part-of-speech tagger in about 200 lines of Python",
       2013.

    Examples
    --------
    >>> from sklearn_dl.text import PerceptronTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps"], ["the", "cat", "barks"]]
    >>> y = [["DET", "NOUN", "VERB"]] * 3
    >>> tagger = PerceptronTagger(random_state=0).fit(X, y)
    >>> tagger.predict([["a", "dog", "sleeps"], ["the", "cat"]])
    array([array(['DET', 'NOUN', 'VERB'], dtype='<U4'),
           array(['DET', 'NOUN'], dtype='<U4')], dtype=object)
    """

    _parameter_constraints: dict = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "window": [_LENGTH],
        "suffix_length": [_LENGTH],
        "prefix_length": [_LENGTH],
        "dictionary_min_count": [Interval(Integral, 1, None, closed="left"), None],
        "dictionary_share": [Interval(Real, 0.5, 1, closed="right")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        max_iter=5,
        window=2,
        suffix_length=5,
        prefix_length=4,
        dictionary_min_count=20,
        dictionary_share=0.97,
        shuffle=True,
        random_state=None,
    ):
        self.max_iter = max_iter
        self.window = window
        self.suffix_length = suffix_length
        self.prefix_length = prefix_length
        self.dictionary_min_count = dictionary_min_count
        self.dictionary_share = dictionary_share
        self.shuffle = shuffle
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Learn from tagged sentences.

        Parameters
        ----------
        X : list of list of str
            The sentences, each a sequence of words. A sentence may be empty.

        y : list of list
            The tags of the words of each sentence, strings or whole numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the sentences, by which changes of weights and
            counts of words are multiplied.

        Returns
        -------
        self : PerceptronTagger
            The fitted tagger.

        Raises
        ------
        TypeError
            If X does not hold strings, or y tags.
        ValueError
            If a parameter is not what is expected, if there is no word, or if a
            sentence has more or fewer tags than words.
        """
        data = self._read(X, y, sample_weight)
        self.vocabulary_ = dict(
            zip(data.words, range(1, len(data.words) + 1), strict=True)
        )
        self._tag_of_word = self._unambiguous(data)
        looked_up = np.flatnonzero(self._tag_of_word[1:] >= 0)
        self.dictionary_ = {
            data.words[k]: self.classes_[self._tag_of_word[k + 1]].item()
            for k in looked_up.tolist()
        }
        self._learn_traits(data.words)
        self._train(data, self._lay_out())
        return self

    def _unambiguous(self, data):
        """Return the tag of each word that is looked up, else -1; word 0 is none."""
        tags = np.full(len(data.words) + 1, -1, np.int32)
        if self.dictionary_min_count is not None:
            counts = data.count(data.tags, len(self.classes_)).tocoo()
            totals = counts.sum(axis=1)[counts.row]
            # More than half: at most one tag of a word.
            clear = counts.data >= self.dictionary_share * totals
            clear &= totals >= self.dictionary_min_count
            tags[counts.row[clear] + 1] = counts.col[clear]
        return tags

    def _templates(self):
        """Return traits, and the places that they are looked at."""
        end, shape = len(self._values) - 2, len(self._values) - 1
        near = [place for place in (-1, 1) if self.window]
        around = range(-self.window, self.window + 1)
        return [
            *((0, place) for place in around),
            *((trait, 0) for trait in range(1, end)),
            *((end, place) for place in near),
            *((shape, place) for place in (0, *near)),
        ]

    def _learn_traits(self, words):
        """Give a number to each value of a trait; 0 is for places outside of X."""
        self._lengths = (self.suffix_length, self.prefix_length)
        described = [_describe(word, *self._lengths) for word in words]
        columns = list(zip(*described, strict=True))
        self._values = [
            {value: k for k, value in enumerate(dict.fromkeys(column), start=1)}
            for column in columns
        ]
        numbers = np.zeros((len(words) + 1, len(columns)), np.int32)
        for k, (values, column) in enumerate(zip(self._values, columns, strict=True)):
            numbers[1:, k] = [values[value] for value in column]
        self._traits = numbers

    def _lay_out(self):
        """Return the features, none of which has weights yet."""
        n_tags = len(self.classes_) + 1
        templates = self._templates()
        sizes = [1, *(len(self._values[trait]) + 1 for trait, _ in templates)]
        n_forms = len(self._values[0]) + 1
        sizes += [n_tags, n_tags, n_tags**2, n_forms * n_tags]
        ends = np.cumsum(sizes)
        self._places = np.array(templates, np.int64)
        self._offsets = ends[:-1]
        rows = np.full(ends[-1], -1, np.int32)
        return Features(self._traits, self._places, self._offsets, rows)

    def _train(self, data, features):
        random_state = check_random_state(self.random_state)
        n_sentences, n_tags = len(data.weight), len(self.classes_)
        weights = np.zeros((_FIRST_ROWS, n_tags), np.float32)
        late = np.zeros((_FIRST_ROWS, n_tags))
        progress = (0, 0)
        # Word 0 is none.
        codes = data.codes + np.int32(1)
        order = np.arange(n_sentences)
        self.error_curve_ = []
        for _ in range(self.max_iter):
            if self.shuffle:
                order = random_state.permutation(n_sentences)
            weights, late, *progress, n_wrong = train_epoch(
                features,
                order,
                data.starts,
                codes,
                data.tags,
                data.weight,
                self._tag_of_word,
                weights,
                late,
                tuple(progress),
            )
            self.error_curve_.append(n_wrong / len(codes))
        n_rows, n_steps = progress
        # Without a step, all words are looked up and there is nothing to average.
        self.weights_ = (weights[:n_rows] - late[:n_rows] / max(n_steps, 1)).astype(
            np.float32
        )
        self._rows = features.rows
        self.n_iter_ = self.max_iter

    def _tag(self, words, starts):
        known = self.vocabulary_
        new = [word for word in dict.fromkeys(words) if word not in known]
        numbers = {word: k for k, word in enumerate(new, start=len(known) + 1)}
        codes = [known.get(word) or numbers[word] for word in words]
        features = Features(
            np.concatenate([self._traits, self._look_at(new)]),
            own(self._places),
            own(self._offsets),
            own(self._rows),
        )
        tag_of_word = np.concatenate(
            [self._tag_of_word, np.full(len(new), -1, np.int32)]
        )
        tags = np.empty(len(words), np.int32)
        codes = np.array(codes, np.int32)
        tag_greedily(features, starts, codes, tag_of_word, own(self.weights_), tags)
        return tags

    def _look_at(self, words):
        """Return the numbers of the traits of new words, -1 for values not seen."""
        numbers = [
            [
                values.get(value, -1)
                for values, value in zip(
                    self._values, _describe(word, *self._lengths), strict=True
                )
            ]
            for word in words
        ]
        return np.array(numbers, np.int32).reshape(len(words), len(self._values))
