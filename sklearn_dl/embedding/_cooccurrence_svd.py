"""Vectors of words from a decomposition of how often they occur near each other."""

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from sklearn.utils.extmath import randomized_svd

from sklearn_dl.embedding._base import BaseWordEmbedding
from sklearn_dl.embedding._cooccurrences import (
    WEIGHTINGS,
    count_cooccurrences,
    window_weights,
)
from sklearn_dl.utils._sklearn import Interval, StrOptions
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["CooccurrenceSVD"]


class CooccurrenceSVD(BaseWordEmbedding):
    r"""Learn vectors of words by a decomposition of their co-occurrences.

    How often words occur near each other is a matrix. Its singular value decomposition
    gives each word a short vector, such that the products of the vectors are as close
    to the entries of the matrix as can be. Raw counts are mostly those of frequent
    words, of which there are several remedies: counts can be capped, function words
    left out (`stop_words`), near words count more (`weighting`), and counts are
    compared with those to be expected of words that have nothing to do with each other
    (`scaling`), :math:`r_i c_j / n` of the sums of row, column and all.

    Read more in the :ref:`User Guide <embedding>`.

    Parameters
    ----------
    n_components : int, default=100
        Length of the vectors; no more than there are words.

    window : int, default=10
        Words on either side that are neighbours.

    weighting : {"flat", "harmonic", "ramp"}, default="harmonic"
        What a neighbour at distance d counts: 1, 1 / d, or `window` + 1 - d.

    max_count : float, default=None
        Larger counts are lowered to this, such as 100. None leaves them.

    max_contexts : int, default=None
        Of the words only so many, the first ones of the vocabulary, are counted as
        neighbours; COALS has 14,000 [1]_. None counts all.

    scaling : {"count", "log", "correlation", "pmi", "ppmi"}, default="correlation"
        What is decomposed: the counts, the logarithms of one more, the square roots of
        the correlations of words with negative ones at 0 (COALS [1]_), the pointwise
        mutual information :math:`\log (n x_{ij} / r_i c_j)` of pairs that occur, or the
        same with negative ones at 0 [2]_.

    context_exponent : float, default=0.75
        With "pmi" and "ppmi", the sums of columns are raised to this power, by which
        rare neighbours count less.

    singular_value_exponent : float, default=0.5
        The vectors are the left singular vectors times this power of the singular
        values.

    n_oversamples : int, default=10
        Random vectors beyond `n_components` in the randomised decomposition.

    n_iter : int, default=3
        Its iterations.

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
        Threads that count; -1 is all processors. The result does not depend on them.

    random_state : int, RandomState instance or None, default=None
        Draws the random vectors.

    Attributes
    ----------
    vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors of the words.

    cooccurrences_ : csr_array of shape (n_words, n_contexts), float32
        How often words occur near each other, before anything is done to the counts.

    singular_values_ : ndarray of shape (n_components,)
        The singular values, the largest first.

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

    See Also
    --------
    GloVe : Vectors from the same counts by gradient descent.
    Word2Vec : Vectors that predict neighbours.
    sklearn.decomposition.TruncatedSVD : The decomposition of a table.

    References
    ----------
    .. [1] D. L. T. Rohde, L. M. Gonnerman and D. C. Plaut, "An improved model of
       semantic similarity based on lexical co-occurrence", 2006.
    .. [2] O. Levy, Y. Goldberg and I. Dagan, "Improving distributional similarity with
       lessons learned from word embeddings", Transactions of the ACL 3, 2015.
    .. [SIF] S. Arora, Y. Liang and T. Ma, "A simple but tough-to-beat baseline for
       sentence embeddings", ICLR 2017.

    Examples
    --------
    >>> from sklearn_dl.embedding import CooccurrenceSVD
    >>> embedding = CooccurrenceSVD(
    ...     2, window=1, min_count=1, token_pattern=r"\w+|\.", lowercase=False
    ... ).fit(["I like deep learning.", "I like NLP.", "I enjoy flying."])
    >>> words = embedding.vocabulary_
    >>> float(embedding.cooccurrences_[words["I"], words["like"]])
    2.0
    >>> embedding.vectors_.shape
    (8, 2)
    """

    _parameter_constraints: dict = {
        **BaseWordEmbedding._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "weighting": [StrOptions(set(WEIGHTINGS))],
        "max_count": [Interval(Real, 0, None, closed="neither"), None],
        "max_contexts": [Interval(Integral, 1, None, closed="left"), None],
        "scaling": [StrOptions({"count", "log", "correlation", "pmi", "ppmi"})],
        "context_exponent": [Interval(Real, 0, None, closed="left")],
        "singular_value_exponent": [Interval(Real, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 0, None, closed="left")],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
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
        max_count=None,
        max_contexts=None,
        scaling="correlation",
        context_exponent=0.75,
        singular_value_exponent=0.5,
        n_oversamples=10,
        n_iter=3,
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
        self.max_count = max_count
        self.max_contexts = max_contexts
        self.scaling = scaling
        self.context_exponent = context_exponent
        self.singular_value_exponent = singular_value_exponent
        self.n_oversamples = n_oversamples
        self.n_iter = n_iter
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
        n_contexts = min(self.max_contexts or n_words, n_words)
        if self.n_components > n_contexts:
            raise ValueError(
                f"The 'n_components' parameter of {type(self).__name__} must be at "
                f"most the number of words that are counted, {n_contexts}, got "
                f"{self.n_components}."
            )
        tasks = RoundTasks(self, *watch, 0)
        self.cooccurrences_ = count_cooccurrences(
            corpus,
            n_words,
            window_weights(self.window, self.weighting),
            n_columns=n_contexts,
            n_threads=effective_n_jobs(self.n_threads),
        )
        left, self.singular_values_, _ = randomized_svd(
            self._scaled(self.cooccurrences_),
            self.n_components,
            n_oversamples=self.n_oversamples,
            n_iter=self.n_iter,
            random_state=self.random_state,
        )
        scales = self.singular_values_**self.singular_value_exponent
        self.vectors_ = np.ascontiguousarray(left * scales, dtype=np.float32)
        tasks.end()

    def _scaled(self, counts):
        """Return what is decomposed."""
        values = counts.data
        if self.max_count is not None:
            values = np.minimum(values, np.float32(self.max_count))
        if self.scaling == "log":
            values = np.log1p(values)
        elif self.scaling != "count":
            rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
            compare = _correlations if self.scaling == "correlation" else self._pmi
            values = compare(values, rows, counts.indices, counts.shape)
        # What is taken out of it is to stay in the counts.
        scaled = sp.csr_array((values, counts.indices, counts.indptr), counts.shape)
        if self.scaling in ("ppmi", "correlation"):
            scaled = scaled.copy()
            scaled.eliminate_zeros()
        return scaled

    def _pmi(self, values, rows, columns, shape):
        row_sums = np.bincount(rows, values, shape[0])
        column_sums = np.bincount(columns, values, shape[1]) ** self.context_exponent
        column_sums /= column_sums.sum() or 1
        # Those of words without neighbours are not asked for.
        row_logs, column_logs = (
            np.log(sums, out=np.zeros(len(sums)), where=sums > 0).astype(np.float32)
            for sums in (row_sums, column_sums)
        )
        information = np.log(values)
        information -= row_logs[rows]
        information -= column_logs[columns]
        if self.scaling == "ppmi":
            np.maximum(information, 0, out=information)
        return information


def _correlations(values, rows, columns, shape):
    """Return the square roots of positive correlations, 0 for the others.

    In each of all pairs of neighbours one word is the row's, or is not, and the other
    is the column's, or is not.
    """
    row_sums = np.bincount(rows, values, shape[0])
    column_sums = np.bincount(columns, values, shape[1])
    total = row_sums.sum()
    row_scales = np.sqrt(row_sums * (total - row_sums))
    column_scales = np.sqrt(column_sums * (total - column_sums))
    scales = row_scales[rows] * column_scales[columns]
    excess = total * values - row_sums[rows] * column_sums[columns]
    # A word that all pairs have is correlated with nothing.
    wanted = (excess > 0) & (scales > 0)
    roots = np.zeros(len(values), dtype=np.float32)
    roots[wanted] = np.sqrt(excess[wanted] / scales[wanted])
    return roots
