"""Vectors of words whose products are logarithms of counts."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_random_state

from sklearn_dl._numba._glove import FIXED, deal_pairs, train_pairs
from sklearn_dl._numba._lanes import aligned
from sklearn_dl.embedding._base import BaseWordEmbedding
from sklearn_dl.embedding._cooccurrences import (
    WEIGHTINGS,
    count_cooccurrences,
    make_room,
    window_weights,
)
from sklearn_dl.utils._sklearn import Interval, StrOptions
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["GloVe"]

# Groups of words, and of contexts: an epoch has so many rounds, and a round so many
# tiles that threads can work at. Of 40,000 words a tile then is what a cache holds.
_N_GROUPS = 32


class GloVe(BaseWordEmbedding):
    r"""Learn vectors of words from how often they occur near each other.

    The product of the vector :math:`\theta_i` of a word and of the vector :math:`e_j`
    of a neighbour, with a bias each, is the logarithm of how often they are near each
    other, :math:`X_{ij}` [1]_:

    .. math:: \min \sum_{ij} f(X_{ij})
        (\theta_i \cdot e_j + b_i + \tilde b_j - \log X_{ij})^2, \quad
        f(x) = \min(1, (x / x_{max})^\alpha).

    All pairs that occur are counted once, which takes little longer than to read the
    documents; an epoch goes through the counts. By AdaGrad words have steps of their
    own. A word is in the end the mean of its two vectors.

    Read more in the :ref:`User Guide <embedding>`.

    Parameters
    ----------
    n_components : int, default=100
        Length of the vectors; of their halves with ``combine="concatenate"``.

    window : int, default=10
        Words on either side that are neighbours.

    weighting : {"flat", "harmonic", "ramp"}, default="harmonic"
        What a neighbour at distance d counts: 1, 1 / d, or `window` + 1 - d.

    symmetric : bool, default=True
        Whether words on the right are neighbours, too, and not those on the left alone.

    x_max : float, default=10.0
        Pairs that are more frequent have the same weight. Billions of words ask for
        100.

    alpha : float, default=0.75
        The weight of others grows by this power of their counts.

    learning_rate_init : float, default=0.05
        Length of the first steps.

    max_iter : int, default=25
        How many times the counts are gone through.

    combine : {"mean", "concatenate"}, default="mean"
        What becomes of the two vectors of a word: their mean, or one behind the other.

    memory_limit : int, default=2147483648
        Bytes. Counts that take more are kept in temporary files.

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

    unknown : {"skip", "token"}, default="skip"
        What becomes of words without a vector, in `fit` as in `transform`: they are
        left out, or are all the same word ``<UNK>``.

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
        Threads that count and train at once; -1 is all processors. The result does not
        depend on them.

    random_state : int, RandomState instance or None, default=None
        Draws the first vectors, and the order of the pairs.

    Attributes
    ----------
    vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors of the words; of twice the width with ``combine="concatenate"``.

    centre_vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors of words as words, theta.

    context_vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors of words as neighbours, e.

    biases_ : ndarray of shape (n_words,), float32
        The biases of words as words.

    context_biases_ : ndarray of shape (n_words,), float32
        The biases of words as neighbours.

    loss_curve_ : list of float
        The mean weighted square of the error in the course of each epoch.

    vocabulary_ : dict of str to int
        The row of each word, the most frequent one first.

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
        How many times the counts were gone through.

    See Also
    --------
    Word2Vec : Vectors that predict neighbours.
    CooccurrenceSVD : Vectors from the same counts by a decomposition.

    References
    ----------
    .. [1] J. Pennington, R. Socher and C. D. Manning, "GloVe: global vectors for word
       representation", EMNLP 2014.
    .. [SIF] S. Arora, Y. Liang and T. Ma, "A simple but tough-to-beat baseline for
       sentence embeddings", ICLR 2017.

    Examples
    --------
    >>> from sklearn_dl.embedding import GloVe
    >>> documents = [
    ...     "the cat sat on the mat",
    ...     "the dog sat on the rug",
    ...     "the cat and the dog ran",
    ... ] * 20
    >>> embedding = GloVe(8, window=2, random_state=0).fit(documents)
    >>> embedding.vectors_.shape
    (9, 8)
    >>> embedding.loss_curve_[0] > embedding.loss_curve_[-1]
    True
    >>> embedding.transform(["a cat on a rug", "of nothing known"]).shape
    (2, 8)
    """

    _parameter_constraints: dict = {
        **BaseWordEmbedding._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "weighting": [StrOptions(set(WEIGHTINGS))],
        "symmetric": ["boolean"],
        "x_max": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "combine": [StrOptions({"mean", "concatenate"})],
        "memory_limit": [Interval(Integral, 1, None, closed="left")],
        "n_threads": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=100,
        *,
        window=10,
        weighting="harmonic",
        symmetric=True,
        x_max=10.0,
        alpha=0.75,
        learning_rate_init=0.05,
        max_iter=25,
        combine="mean",
        memory_limit=2**31,
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
        output="mean",
        sif_smoothing=1e-3,
        max_length=None,
        n_threads=1,
        random_state=None,
    ):
        self.n_components = n_components
        self.window = window
        self.weighting = weighting
        self.symmetric = symmetric
        self.x_max = x_max
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.combine = combine
        self.memory_limit = memory_limit
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
        self.output = output
        self.sif_smoothing = sif_smoothing
        self.max_length = max_length
        self.n_threads = n_threads
        self.random_state = random_state

    # -- training ----------------------------------------------------------------------

    def _train(self, corpus, n_words, watch):
        random_state = check_random_state(self.random_state)
        n_threads = effective_n_jobs(self.n_threads)
        tables = [self._draw_table(n_words, random_state) for _ in range(2)]
        _hold_ones(*tables, self.n_components)
        tasks = RoundTasks(self, *watch, self.max_iter, name="epoch")
        pairs = self._count_pairs(corpus, n_words, random_state, n_threads)
        self.loss_curve_ = []
        with ThreadPoolExecutor(n_threads) as pool:
            for _ in range(self.max_iter):
                tasks.begin_round()
                rounds = random_state.permutation(_N_GROUPS)
                loss = self._run_epoch(pairs, tables, rounds, pool, n_threads)
                self.loss_curve_.append(loss)
                if tasks.are_watched:
                    self._record(*tables)
                if tasks.end_round():
                    break
        self._record(*tables)
        tasks.end()

    def _draw_table(self, n_words, random_state):
        """Return the first vectors and biases; a bias is in the last place but one."""
        width = self.n_components
        n_lanes = aligned(1, width + 2).shape[1]
        table = aligned(n_words, 2 * n_lanes)
        table[:, : width + 1] = (
            random_state.random_sample((n_words, width + 1)) - 0.5
        ) / width
        table[:, n_lanes:] = 1
        return table

    def _count_pairs(self, corpus, n_words, random_state, n_threads):
        """Return where tiles begin, and the arrays of pairs, see `deal_pairs`."""
        counts = count_cooccurrences(
            corpus,
            n_words,
            window_weights(self.window, self.weighting),
            symmetric=self.symmetric,
            memory_limit=self.memory_limit,
            n_threads=n_threads,
        )
        kinds = (np.int32, np.int32, np.float32, np.float32)
        pairs = make_room(counts.nnz, kinds, self.memory_limit)
        starts = np.zeros(_N_GROUPS**2 + 1, np.int64)
        deal_pairs(
            counts.indptr,
            counts.indices,
            counts.data,
            np.float32(self.x_max),
            np.float32(self.alpha),
            _N_GROUPS,
            random_state.randint(2**32, size=1, dtype=np.uint64),
            starts,
            *pairs,
        )
        return starts, *pairs

    def _run_epoch(self, pairs, tables, rounds, pool, n_threads):
        """Go through all pairs once; return their mean loss."""
        rate = np.float32(self.learning_rate_init)
        losses = np.zeros(_N_GROUPS**2)
        shares = np.linspace(0, _N_GROUPS, min(n_threads, _N_GROUPS) + 1).astype(int)
        for first in rounds * _N_GROUPS:
            futures = [
                pool.submit(train_pairs, start, stop, *pairs, rate, *tables, losses)
                for start, stop in pairwise((first + shares).tolist())
            ]
            for future in futures:
                future.result()
        loss = losses.sum() / max(pairs[0][-1], 1)
        if not np.isfinite(loss):
            raise ValueError(
                f"The training of {type(self).__name__} has diverged. The "
                f"'learning_rate_init' parameter must be smaller than "
                f"{self.learning_rate_init}."
            )
        return float(loss)

    def _record(self, words, contexts):
        width = self.n_components
        self.centre_vectors_ = words[:, :width].copy()
        self.context_vectors_ = contexts[:, :width].copy()
        self.biases_ = words[:, width].copy()
        self.context_biases_ = contexts[:, width + 1].copy()
        if self.combine == "concatenate":
            self.vectors_ = np.hstack([self.centre_vectors_, self.context_vectors_])
        else:
            self.vectors_ = (self.centre_vectors_ + self.context_vectors_) / 2
        self.n_iter_ = len(self.loss_curve_)


def _hold_ones(words, contexts, width):
    """Put a one, that stays, in the place where the other table has its bias."""
    contexts[:, width + 1] = contexts[:, width]
    n_lanes = words.shape[1] // 2
    for table, place in ((words, width + 1), (contexts, width)):
        table[:, place] = 1
        table[:, n_lanes + place] = FIXED
