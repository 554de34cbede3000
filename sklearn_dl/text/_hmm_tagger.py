"""Hidden Markov model whose states are tags."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse

from sklearn_dl._numba._tagging import suffix_scores, viterbi_bigram, viterbi_trigram
from sklearn_dl.text._tagger_base import BaseTagger, number
from sklearn_dl.utils._kernel import own
from sklearn_dl.utils._sklearn import Interval, Options, fit_context

__all__ = ["HMMTagger"]


class HMMTagger(BaseTagger):
    """Hidden Markov model that finds the most probable tags of a sentence.

    A tag depends on the one or two before it, a word on its tag. Both probabilities are
    counted in tagged sentences; the Viterbi algorithm finds the tags of the highest
    probability of all. This is the tagger TnT [1]_: probabilities of three tags are
    mixed with those of two and of one by weights that are estimated from the same
    counts, each n-gram left out in its turn (deleted interpolation); words that were
    never seen are judged by their last letters, as rare training words with the same
    ones; and tags of capitalised words are states of their own.

    Read more in the :ref:`User Guide <text>`.

    Parameters
    ----------
    order : {2, 3}, default=3
        Number of tags that belong together: a tag depends on the one before (2) or the
        two before (3).

    alpha : float, default=None
        What is added to the count of each sequence of states. None mixes shorter
        sequences in, by deleted interpolation.

    suffix_length : int, default=10
        Number of last letters of an unknown word that are looked at, at most.

    max_suffix_count : int, default=10
        Words that the training sentences have more often say nothing of unknown words.

    suffix_smoothing : float, default=1.0
        Weight of the words that share all but the first letter of a suffix, beside a
        weight of 1 for those that share all of it. None takes the standard deviation
        of the shares of the tags, as TnT does, which is far less.

    capitalization : bool, default=True
        Whether each tag is two states: of words that begin with a capital letter, and
        of others.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The tags.

    states_ : ndarray of shape (n_states, 2), int
        The number of each state's tag, and 1 for capitalised words, else 0. These are
        the pairs that were seen.

    startprob_ : ndarray of shape (n_states,)
        Probability of each state at the beginning of a sentence.

    transmat_ : ndarray of shape (n_states + 1,) * order
        Probability of a state (last axis) after others. The last index of each axis
        stands for what is outside of the sentence, before its beginning and behind its
        end.

    emissionprob_ : csc_array of shape (n_states, n_words)
        Probability of each training word in a state.

    vocabulary_ : dict of str to int
        The number of each training word.

    interpolation_ : ndarray of shape (order,) or None
        The weights of the shares of single states, of pairs and of triples; None if
        `alpha` is given.

    See Also
    --------
    PerceptronTagger : Weights of features, learned from mistakes.
    sklearn_dl.neural_network.RNNTagger : Recurrent network.

    Notes
    -----
    Searches and cross-validation take :meth:`score`, the share of right tags, where
    ``scoring`` is None.

    A word that was seen has one of the tags that it was seen with. The search is exact:
    there is no beam. `transmat_` takes ``8 * (n_states + 1) ** order`` bytes.

    References
    ----------
    .. [1] T. Brants, "TnT: a statistical part-of-speech tagger", ANLP 2000.

    Examples
    --------
    >>> from sklearn_dl.text import HMMTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps"], ["the", "cat", "barks"]]
    >>> y = [["DET", "NOUN", "VERB"]] * 3
    >>> tagger = HMMTagger().fit(X, y)
    >>> tagger.predict([["a", "dog", "jumps"], ["the", "cat"]])
    array([array(['DET', 'NOUN', 'VERB'], dtype='<U4'),
           array(['DET', 'NOUN'], dtype='<U4')], dtype=object)
    """

    _parameter_constraints: dict = {
        "order": [Options(Integral, {2, 3})],
        "alpha": [Interval(Real, 0, None, closed="left"), None],
        "suffix_length": [Interval(Integral, 0, None, closed="left")],
        "max_suffix_count": [Interval(Real, 0, None, closed="left")],
        "suffix_smoothing": [Interval(Real, 0, None, closed="left"), None],
        "capitalization": ["boolean"],
    }

    def __init__(
        self,
        *,
        order=3,
        alpha=None,
        suffix_length=10,
        max_suffix_count=10,
        suffix_smoothing=1.0,
        capitalization=True,
    ):
        self.order = order
        self.alpha = alpha
        self.suffix_length = suffix_length
        self.max_suffix_count = max_suffix_count
        self.suffix_smoothing = suffix_smoothing
        self.capitalization = capitalization

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Count tags and words.

        Parameters
        ----------
        X : list of list of str
            The sentences, each a sequence of words. A sentence may be empty.

        y : list of list
            The tags of the words of each sentence, strings or whole numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the sentences. A sentence of weight 2 is two.

        Returns
        -------
        self : HMMTagger
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
        self.vocabulary_ = dict(zip(data.words, range(len(data.words)), strict=True))
        self._splits_tags = bool(self.capitalization)
        capitals = self._capitals(data.words)
        pairs = 2 * data.tags + capitals[data.codes]
        seen = np.flatnonzero(np.bincount(pairs))
        self.states_ = np.column_stack([seen // 2, seen % 2])
        states = np.searchsorted(seen, pairs).astype(np.int32)
        self._count_sequences(data, states)
        counts = data.count(states, len(seen))
        totals = counts.sum(axis=0)
        # By words, in parts: what stores estimators need not know sparse arrays.
        self._emissions = _parts(sparse.csr_array(counts / totals))
        self._learn_suffixes(data.words, capitals, counts, totals)
        return self

    @property
    def emissionprob_(self):
        """Probability of each training word in a state."""
        starts, states, shares = self._emissions
        shape = (len(self.states_), len(self.vocabulary_))
        return sparse.csc_array((shares, states, starts), shape=shape)

    def _capitals(self, words):
        """Return 1 for each word that begins with a capital letter, else 0."""
        if not self._splits_tags:
            return np.zeros(len(words), np.int32)
        return np.array([word[:1].isupper() for word in words], np.int32)

    def _count_sequences(self, data, states):
        """Set the probabilities of states after others."""
        outside = len(self.states_)
        lengths = np.diff(data.starts)
        places = np.flatnonzero(lengths)
        lengths, weight = lengths[places], data.weight[places]
        # Two places before each sentence and one behind it are outside.
        ends = np.cumsum(lengths + 3)
        padded = np.full(ends[-1], outside)
        shift = np.repeat(3 * np.arange(len(ends)) + 2, lengths)
        padded[np.arange(len(states)) + shift] = states
        is_event = np.ones(len(padded), bool)
        is_event[ends - lengths - 3] = is_event[ends - lengths - 2] = False
        events = np.flatnonzero(is_event)
        shape = (outside + 1,) * self.order
        ngrams = [padded[events - back] for back in range(self.order - 1, -1, -1)]
        counts = np.bincount(
            np.ravel_multi_index(ngrams, shape),
            weights=np.repeat(weight, lengths + 1),
            minlength=np.prod(shape),
        ).reshape(shape)
        self._set_transitions(counts)

    def _set_transitions(self, counts):
        shares = _shares(counts)
        if self.alpha is None:
            self.interpolation_ = _interpolation_weights(counts)
            self.transmat_ = sum(
                weight * share
                for weight, share in zip(self.interpolation_, shares, strict=True)
            )
        else:
            self.interpolation_ = None
            more = counts + self.alpha
            totals = more.sum(axis=-1, keepdims=True)
            # What was never seen is known from shorter sequences only.
            self.transmat_ = np.divide(
                more, totals, out=shares[-1].copy(), where=totals > 0
            )
        self.startprob_ = self.transmat_[(-1,) * (self.order - 1)][:-1].copy()
        with np.errstate(divide="ignore"):
            self._log_transmat = np.log(self.transmat_)

    def _learn_suffixes(self, words, capitals, counts, totals):
        """Count the states of rare words with each suffix."""
        self._suffix_length = self.suffix_length
        rare = np.flatnonzero(counts.sum(axis=1) <= self.max_suffix_count)
        keys, of_word = self._keys([words[k] for k in rare.tolist()], capitals[rare])
        self._suffixes, suffixes = number(keys)
        incidence = sparse.csr_array(
            (np.ones(len(keys)), (suffixes, of_word)),
            shape=(len(self._suffixes), len(rare)),
        )
        self._suffix_counts = _parts(sparse.csr_array(incidence @ counts[rare]))
        share = totals / totals.sum()
        self._theta = self._shorter_suffixes(share)
        # The states that a word can have, by its first letter.
        prior = np.stack([share * (self.states_[:, 1] == k) for k in (0, 1)])
        prior[prior.sum(axis=1) == 0] = share
        self._prior = prior / prior.sum(axis=1, keepdims=True)

    def _shorter_suffixes(self, share):
        """Return the weight of a shorter suffix beside that of a longer one, 1."""
        if self.suffix_smoothing is not None:
            return float(self.suffix_smoothing)
        of_tags = np.bincount(self.states_[:, 0], weights=share)
        return float(np.std(of_tags, ddof=1)) if len(of_tags) > 1 else 0.0

    def _keys(self, words, capitals):
        """Return the suffixes of words as keys, and the word that each belongs to.

        Those of a word come together, the shortest one first.
        """
        # Words with and without a capital letter have suffixes of their own.
        marked = [w + "aA"[c] for w, c in zip(words, capitals.tolist(), strict=True)]
        lengths = [min(len(word), self._suffix_length + 1) for word in marked]
        keys = [
            word[-n:]
            for word, longest in zip(marked, lengths, strict=True)
            for n in range(1, longest + 1)
        ]
        return keys, np.repeat(np.arange(len(words)), lengths)

    def _tag(self, words, starts):
        known = self.vocabulary_
        codes = _numbers(known, words)
        new = {}
        for place in np.flatnonzero(codes < 0).tolist():
            codes[place] = new.setdefault(words[place], len(known) + len(new))
        path = np.empty(len(words), np.int32)
        decode = viterbi_bigram if self._log_transmat.ndim == 2 else viterbi_trigram
        decode(
            starts, codes, *self._candidates(list(new)), own(self._log_transmat), path
        )
        return self.states_[path, 0]

    def _candidates(self, new):
        """Return states of words and logarithms of their probabilities, row by row."""
        starts, states, shares = self._emissions
        scores = self._judge(new)
        possible = np.isfinite(scores)
        return (
            np.append(starts, starts[-1] + np.cumsum(possible.sum(axis=1))),
            np.append(states, np.nonzero(possible)[1]),
            np.append(np.log(shares), scores[possible]),
        )

    def _judge(self, words):
        """Return the logarithms of P(word | state) of new words, but for a constant."""
        capitals = self._capitals(words)
        keys, of_word = self._keys(words, capitals)
        links = _numbers(self._suffixes, keys)
        # A suffix that is known comes behind shorter ones that are.
        n_known = np.bincount(of_word[links >= 0], minlength=len(words))
        scores = np.empty((len(words), len(self.states_)))
        suffix_scores(
            links[links >= 0],
            np.append(0, np.cumsum(n_known)),
            *map(own, self._suffix_counts),
            self._prior[capitals],
            self._theta,
            scores,
        )
        return scores


def _numbers(numbers, keys):
    """Return the number of each key, -1 for those that have none."""
    get = numbers.get
    return np.array([get(key, -1) for key in keys], np.int32)


def _parts(matrix):
    """Return row pointers, columns and values; the types do not vary with the size."""
    return (
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int64),
        matrix.data,
    )


def _shares(counts):
    """Return the shares of the last state, after ever longer histories.

    After a history that was never seen they are those after a shorter one.
    """
    shares = []
    for order in range(1, counts.ndim + 1):
        part = counts.sum(axis=tuple(range(counts.ndim - order)))
        totals = part.sum(axis=-1, keepdims=True)
        shorter = shares[-1] if shares else np.zeros_like(part)
        out = np.broadcast_to(shorter, part.shape).copy()
        shares.append(np.divide(part, totals, out=out, where=totals > 0))
    return shares


def _interpolation_weights(counts):
    """Return the weights of shorter and longer sequences, by deleted interpolation."""
    ngrams = np.nonzero(counts)
    votes = []
    for order in range(1, counts.ndim + 1):
        part = counts.sum(axis=tuple(range(counts.ndim - order)))
        last = ngrams[-order:]
        # One occurrence, the one that is looked at, is left out.
        rest = part.sum(axis=-1)[last[:-1]] - 1
        left = np.maximum(part[last] - 1, 0)
        votes.append(np.divide(left, rest, out=np.zeros(len(left)), where=rest > 0))
    best = np.equal(votes, np.max(votes, axis=0))
    weights = (best * counts[ngrams] / best.sum(axis=0)).sum(axis=1)
    return weights / weights.sum()
