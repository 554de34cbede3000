"""Vectors of words that predict the words around them."""

from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs
from scipy.special import expit, softmax
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._numba._lanes import aligned
from sklearn_dl._text._token_reader import Corpus, read_documents
from sklearn_dl.embedding._base import BaseWordEmbedding
from sklearn_dl.embedding._word2vec_training import (
    Training,
    huffman_paths,
    subword_pieces,
)
from sklearn_dl.utils._sklearn import Interval, StrOptions, fit_context
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["Word2Vec", "skip_gram_pairs"]


class Word2Vec(BaseWordEmbedding):
    r"""Learn vectors of words that predict the words around them.

    Two words have similar vectors if they have similar neighbours [1]_. With
    ``model="skip-gram"`` each word predicts each of its neighbours,

    .. math:: p(t \mid c) = \frac{\exp(u_t \cdot v_c)}{\sum_w \exp(u_w \cdot v_c)},

    with ``model="cbow"`` the mean of the neighbours predicts the word between them. The
    sum over the vocabulary is avoided by telling the word from some that are drawn at
    random [2]_, or by a tree of decisions.

    The transformed documents are vectors for any classifier (`output`). The vectors of
    the words can be compared (:meth:`most_similar`, :meth:`analogy`), examined
    (:meth:`evaluate_analogies`) and exchanged with gensim, word2vec.c and GloVe
    (:meth:`to_word2vec_format`).

    Read more in the :ref:`User Guide <embedding>`.

    Parameters
    ----------
    n_components : int, default=100
        Length of the vectors.

    model : {"skip-gram", "cbow"}, default="skip-gram"
        Which predicts which: a word its neighbours, or they it.

    objective : str, default="negative-sampling"
        How the prediction is learned: against words drawn at random
        ("negative-sampling"); as the decisions on the way to a word in a Huffman tree
        ("hierarchical-softmax"); or against the whole vocabulary ("softmax"), which
        suits small ones.

    n_negatives : int, default=5
        Words that are drawn for each one: 5 to 20 for small, 2 to 5 for large corpora.

    negative_exponent : float, default=0.75
        Words are drawn in proportion to this power of their counts. All words that have
        a word for a neighbour share what was drawn for it.

    window : int, default=5
        Words on either side that are neighbours.

    dynamic_window : bool, default=True
        Whether the window of each word is drawn from 1 to `window`, by which close
        words count more.

    subsample : float, default=1e-3
        Words whose share of the corpus is larger are left out at random, the more
        often the more frequent they are. 0 keeps all.

    learning_rate_init : float, default=0.025
        Learning rate at the beginning.

    min_learning_rate : float, default=1e-4
        Learning rate at the end, to which it falls linearly.

    max_iter : int, default=5
        How many times the documents are gone through.

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

    min_count : int, default=5
        Rarer words have no vector.

    max_features : int, default=None
        Of the others only so many have one, the most frequent ones.

    vocabulary : iterable of str or dict of str to int, default=None
        The words that have vectors, in their order or with their numbers. None learns
        them.

    unknown : {"skip", "token", "subwords"}, default="skip"
        What becomes of words without a vector, in `fit` as in `transform`: they are
        left out, are all the same word ``<UNK>``, or, in `transform`, have the mean of
        the vectors of their parts, which are learned with those of the words [3]_.

    subword_lengths : tuple of (int, int), default=(3, 6)
        Letters of the shortest and the longest parts, with a bracket before and behind
        each word.

    output : {"mean", "sum", "max", "tfidf", "sif", "sequence"}, default="mean"
        What `transform` makes of the vectors of the words of a document: their mean,
        sum or largest values; their mean weighted by inverse document frequencies, or
        by smooth inverse frequencies and without the component that all documents have
        in common [SIF]_; or none of that, but the numbers of the words, from 1, with 0
        behind the last one, for a network and `embedding_matrix_`.

    sif_smoothing : float, default=1e-3
        With ``output="sif"``, words of that probability have half the weight.

    max_length : int, default=None
        With ``output="sequence"``, words that are kept of a document. None is the
        length of the longest one in `fit`.

    n_threads : int, default=1
        Threads that train at once; -1 is all processors. They do not wait for one
        another, so that the result of several is not quite the same each time.

    deterministic : bool, default=False
        Whether there is one thread whatever `n_threads` says, and the result depends on
        `random_state` alone.

    random_state : int, RandomState instance or None, default=None
        Draws the first vectors, the negatives, the windows and what is left out.

    Attributes
    ----------
    vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors of the words.

    context_vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors that words have as those which are predicted. With
        ``objective="hierarchical-softmax"`` those of the ``n_words - 1`` decisions.

    subword_vectors_ : ndarray of shape (n_subwords, n_components), float32
        The vectors of the parts of words, with ``unknown="subwords"``.

    subwords_ : list of str
        These parts.

    vocabulary_ : dict of str to int
        The row of each word. Without `vocabulary` the most frequent word is the first,
        and ``<UNK>`` the last.

    word_counts_ : ndarray of shape (n_words,)
        How often each word was there.

    idf_ : ndarray of shape (n_words,)
        Inverse document frequencies, as
        :class:`~sklearn_dl.text.TfidfTransformer` has them.

    common_component_ : ndarray of shape (n_components,)
        What all documents have in common, with ``output="sif"``.

    max_length_ : int
        Words of the longest document.

    n_iter_ : int
        How many times the documents were gone through.

    See Also
    --------
    GloVe : Vectors from counts of neighbours, by gradient descent.
    CooccurrenceSVD : Vectors from counts of neighbours, by a decomposition.
    DebiasedEmbedding : The same vectors without a bias.

    References
    ----------
    .. [1] T. Mikolov, K. Chen, G. Corrado and J. Dean, "Efficient estimation of word
       representations in vector space", ICLR 2013.
    .. [2] T. Mikolov, I. Sutskever, K. Chen, G. Corrado and J. Dean, "Distributed
       representations of words and phrases and their compositionality", NIPS 2013.
    .. [3] P. Bojanowski, E. Grave, A. Joulin and T. Mikolov, "Enriching word vectors
       with subword information", Transactions of the ACL 5, 2017.
    .. [SIF] S. Arora, Y. Liang and T. Ma, "A simple but tough-to-beat baseline for
       sentence embeddings", ICLR 2017.

    Examples
    --------
    >>> from sklearn_dl.embedding import Word2Vec
    >>> documents = [
    ...     "the cat sat on the mat",
    ...     "the dog sat on the rug",
    ...     "the cat and the dog ran",
    ... ] * 20
    >>> embedding = Word2Vec(8, window=2, random_state=0).fit(documents)
    >>> embedding.vectors_.shape
    (9, 8)
    >>> embedding.transform(["a cat on a rug", "of nothing known"]).shape
    (2, 8)
    """

    _parameter_constraints: dict = {
        **BaseWordEmbedding._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "model": [StrOptions({"skip-gram", "cbow"})],
        "objective": [
            StrOptions({"negative-sampling", "hierarchical-softmax", "softmax"})
        ],
        "n_negatives": [Interval(Integral, 1, None, closed="left")],
        "negative_exponent": [Interval(Real, None, None, closed="neither")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "dynamic_window": ["boolean"],
        "subsample": [Interval(Real, 0, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "min_learning_rate": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "unknown": [StrOptions({"skip", "token", "subwords"})],
        "subword_lengths": [tuple, list],
        "n_threads": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "deterministic": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=100,
        *,
        model="skip-gram",
        objective="negative-sampling",
        n_negatives=5,
        negative_exponent=0.75,
        window=5,
        dynamic_window=True,
        subsample=1e-3,
        learning_rate_init=0.025,
        min_learning_rate=1e-4,
        max_iter=5,
        analyzer="word",
        tokenizer=None,
        preprocessor=None,
        token_pattern=r"(?u)\b\w+\b",
        stop_words=None,
        lowercase=True,
        strip_accents=None,
        min_count=5,
        max_features=None,
        vocabulary=None,
        unknown="skip",
        subword_lengths=(3, 6),
        output="mean",
        sif_smoothing=1e-3,
        max_length=None,
        n_threads=1,
        deterministic=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.model = model
        self.objective = objective
        self.n_negatives = n_negatives
        self.negative_exponent = negative_exponent
        self.window = window
        self.dynamic_window = dynamic_window
        self.subsample = subsample
        self.learning_rate_init = learning_rate_init
        self.min_learning_rate = min_learning_rate
        self.max_iter = max_iter
        self.analyzer = analyzer
        self.tokenizer = tokenizer
        self.preprocessor = preprocessor
        self.token_pattern = token_pattern
        self.stop_words = stop_words
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.min_count = min_count
        self.max_features = max_features
        self.vocabulary = vocabulary
        self.unknown = unknown
        self.subword_lengths = subword_lengths
        self.output = output
        self.sif_smoothing = sif_smoothing
        self.max_length = max_length
        self.n_threads = n_threads
        self.deterministic = deterministic
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def partial_fit(self, raw_documents, y=None):
        """Go once through more documents, at the rate `learning_rate_init`.

        The first call learns the vocabulary, unless `vocabulary` or `fit` did. What is
        known of words and documents besides stays that of the first call: the counts,
        by which words are drawn and left out, `idf_`, `common_component_` and
        `max_length_`.

        Parameters
        ----------
        raw_documents : iterable of str
            Some more documents; lists of tokens with ``analyzer="identity"``.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The embedding.

        Raises
        ------
        ValueError
            If the vectors come from a file, which does not have all that is needed.
        """
        self._check_parameters()
        if not hasattr(self, "vectors_"):
            corpus = self._learn_vocabulary(self._read(raw_documents))
            training = self._begin(len(self.vocabulary_))
        else:
            self._learned("context_vectors_", "to go on with partial_fit")
            training = self._resume()
            corpus = super()._look_up(raw_documents)[0].known()
        tasks = RoundTasks(self, raw_documents, y, 1, name="epoch")
        self._epoch(training, corpus, tasks, (self.learning_rate_init,) * 2)
        self._record(training)
        if self.n_iter_ == 1:
            self._describe_documents(corpus)
        tasks.end()
        return self

    def word_proba(self, words):
        """Return how probable each word is as a neighbour.

        Parameters
        ----------
        words : list of str
            The words whose neighbours are asked for. With ``model="cbow"`` these are
            all neighbours of one word.

        Returns
        -------
        probabilities : ndarray of shape (len(words), n_words)
            One row for each word; one in all with ``model="cbow"``. Those of vectors
            that were trained by negative sampling are no estimate of probabilities,
            but in the right order.

        Raises
        ------
        KeyError
            If a word has no vector.
        """
        check_is_fitted(self)
        self._learned("context_vectors_", "for probabilities")
        rows = self.vectors_[[self._row(word) for word in words]]
        if self.model == "cbow":
            rows = rows.mean(axis=0, keepdims=True)
        scores = rows.astype(np.float64) @ self.context_vectors_.T
        if self.objective != "hierarchical-softmax":
            return softmax(scores, axis=1)
        starts, nodes, bits = huffman_paths(self.word_counts_)
        steps = np.log(expit(scores[:, nodes] * (2 * bits - 1)))
        totals = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(steps, 1)], axis=1)
        return np.exp(totals[:, starts[1:]] - totals[:, starts[:-1]])

    # -- training ----------------------------------------------------------------------

    def _check_parameters(self):
        lengths = tuple(self.subword_lengths)
        if not (
            len(lengths) == 2
            and all(isinstance(length, Integral) for length in lengths)
            and 1 <= lengths[0] <= lengths[1]
        ):
            raise ValueError(
                f"The 'subword_lengths' parameter of {type(self).__name__} must be two "
                f"numbers from 1 on, the smaller one first, got {self.subword_lengths}."
            )

    def _train(self, corpus, n_words, watch):
        training = self._begin(n_words)
        tasks = RoundTasks(self, *watch, self.max_iter, name="epoch")
        rates = np.linspace(
            self.learning_rate_init, self.min_learning_rate, self.max_iter + 1
        )
        for k in range(self.max_iter):
            if self._epoch(training, corpus, tasks, (rates[k], rates[k + 1])):
                break
        self._record(training)
        tasks.end()

    def _begin(self, n_words):
        """Draw the first vectors."""
        random_state = check_random_state(self.random_state)
        self._seed = int(random_state.randint(np.iinfo(np.int32).max))
        self.n_iter_ = 0
        starts, pieces = np.arange(n_words + 1), np.arange(n_words, dtype=np.int32)
        n_inputs = n_words
        for name in ("subwords_", "subword_vectors_"):
            self.__dict__.pop(name, None)
        if self.unknown == "subwords":
            words = list(self.vocabulary_)
            parts = subword_pieces(words, self.subword_lengths)
            self.subwords_ = list(parts[2])
            starts, pieces = _words_and_parts(*parts[:2])
            n_inputs += len(self.subwords_)
        inputs = aligned(n_inputs, self.n_components)
        inputs[:, : self.n_components] = (
            random_state.random_sample((n_inputs, self.n_components)) - 0.5
        ) / self.n_components
        is_tree = self.objective == "hierarchical-softmax"
        outputs = aligned(max(n_words - is_tree, 1), self.n_components)
        return Training(
            self, self.word_counts_, starts, pieces, inputs, outputs, self._seed
        )

    def _resume(self):
        """Go on from the vectors that there are."""
        n_words = len(self.vocabulary_)
        is_tree = self.objective == "hierarchical-softmax"
        self._check_same("n_components", self.vectors_.shape[1], self.n_components)
        n_outputs = max(n_words - is_tree, 1)
        self._check_same("objective", len(self.context_vectors_), n_outputs)
        has_parts = self.unknown == "subwords"
        self._check_same("unknown", hasattr(self, "subwords_"), has_parts)
        starts, pieces = np.arange(n_words + 1), np.arange(n_words, dtype=np.int32)
        rows = self.vectors_
        if hasattr(self, "subwords_"):
            parts = subword_pieces(list(self.vocabulary_), self.subword_lengths)
            self._check_same("subword_lengths", list(parts[2]), self.subwords_)
            starts, pieces = _words_and_parts(*parts[:2])
            rows = np.vstack([self._own_vectors, self.subword_vectors_])
        inputs = aligned(*rows.shape)
        inputs[:, : rows.shape[1]] = rows
        outputs = aligned(*self.context_vectors_.shape)
        outputs[:, : rows.shape[1]] = self.context_vectors_
        return Training(
            self, self.word_counts_, starts, pieces, inputs, outputs, self._seed
        )

    def _check_same(self, name, learned, asked):
        if learned != asked:
            raise ValueError(
                f"The {name!r} parameter of {type(self).__name__} must stay what it "
                "was for partial_fit to go on: the vectors that there are were learned "
                "with another one. Use fit to begin anew."
            )

    def _epoch(self, training, corpus, tasks, rates):
        """Go through the documents once; return whether a callback has had enough."""
        n_threads = 1 if self.deterministic else effective_n_jobs(self.n_threads)
        tasks.begin_round()
        training.run_epoch(corpus, self.n_iter_, rates, n_threads)
        self.n_iter_ += 1
        if tasks.are_watched:
            self._record(training)
        return tasks.end_round()

    def _record(self, training):
        n_words, width = len(self.vocabulary_), self.n_components
        self.context_vectors_ = training.outputs[:, :width].copy()
        self.vectors_ = training.inputs[:n_words, :width].copy()
        if not hasattr(self, "subwords_"):
            return
        self._own_vectors = self.vectors_
        self.subword_vectors_ = training.inputs[n_words:, :width].copy()
        starts, pieces, _ = subword_pieces(list(self.vocabulary_), self.subword_lengths)
        sums = _sums_of_parts(self.subword_vectors_, starts, pieces) + self._own_vectors
        self.vectors_ = sums / (1 + np.diff(starts))[:, None].astype(np.float32)

    # -- unknown words -----------------------------------------------------------------

    def _look_up(self, raw_documents):
        if self.unknown != "subwords" or not hasattr(self, "subwords_"):
            return super()._look_up(raw_documents)
        corpus = read_documents(self, raw_documents, known=list(self.vocabulary_))
        new = corpus.words[len(self.vocabulary_) :]
        numbers = {part: number for number, part in enumerate(self.subwords_)}
        starts, pieces, _ = subword_pieces(new, self.subword_lengths, numbers)
        lengths = np.diff(starts)
        vectors = _sums_of_parts(self.subword_vectors_, starts, pieces)
        vectors /= np.maximum(lengths, 1)[:, None].astype(np.float32)
        # A word of which no part is known is left out.
        places = np.where(lengths > 0, len(self.vocabulary_) + np.arange(len(new)), -1)
        places = np.concatenate([np.arange(len(self.vocabulary_)), places])
        tokens = places.astype(np.int32)[corpus.tokens]
        vectors = np.vstack([self.vectors_, vectors])
        return Corpus(tokens, corpus.stops, corpus.words), vectors


def skip_gram_pairs(tokens, window):
    """Yield the pairs of words that a window makes neighbours.

    Parameters
    ----------
    tokens : list of str
        A document.

    window : int
        Words on either side.

    Yields
    ------
    centre : str
        A word.

    neighbour : str
        A word around it.

    Examples
    --------
    >>> from sklearn_dl.embedding import skip_gram_pairs
    >>> list(skip_gram_pairs(["the", "quick", "brown"], window=1))
    [('the', 'quick'), ('quick', 'the'), ('quick', 'brown'), ('brown', 'quick')]
    """
    for position, centre in enumerate(tokens):
        first = max(position - window, 0)
        for other in range(first, min(position + window + 1, len(tokens))):
            if other != position:
                yield centre, tokens[other]


def _words_and_parts(starts, pieces):
    """Put each word, as a part of its own, before its parts."""
    n_words = len(starts) - 1
    return (
        starts + np.arange(n_words + 1),
        np.insert(pieces + n_words, starts[:-1], np.arange(n_words)).astype(np.int32),
    )


def _sums_of_parts(vectors, starts, pieces):
    """Return the sums of the vectors of the parts of words."""
    totals = np.zeros((len(starts) - 1, vectors.shape[1]), dtype=np.float32)
    words = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    np.add.at(totals, words, vectors[pieces])
    return totals
