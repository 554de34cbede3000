"""Words as vectors with a single one."""

import numpy as np
import scipy.sparse as sp
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_dl.embedding._base import BaseWordEmbedding
from sklearn_dl.utils._sklearn import StrOptions
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["OneHotWords"]


class OneHotWords(BaseWordEmbedding):
    r"""Represent words by vectors with a single one.

    Each word has a dimension of its own, so that no two have anything in common. This
    is where learned vectors begin, and what they are compared with: the vector of a
    word in any other embedding is its one-hot vector times a matrix, `vectors_`.

    Transformed documents are sparse.

    Read more in the :ref:`User Guide <embedding>`.

    Parameters
    ----------
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

    output : {"mean", "sum", "max", "tfidf", "sequence"}, default="mean"
        What `transform` makes of the words of a document: the share of each word; how
        often it is there; whether it is; its share, weighted by inverse document
        frequencies; or none of that, but the numbers of the words, from 1, with 0
        behind the last one, for a network and `embedding_matrix_`.

    max_length : int, default=None
        With ``output="sequence"``, words that are kept of a document. None is the
        length of the longest one in `fit`.

    Attributes
    ----------
    vectors_ : ndarray of shape (n_words, n_words), float32
        The identity matrix, a read-only view of one line of zeros around a one. A copy
        of it takes memory that is the square of the number of words.

    vocabulary_ : dict of str to int
        The row of each word, the most frequent one first.

    word_counts_ : ndarray of shape (n_words,)
        How often each word was there.

    idf_ : ndarray of shape (n_words,)
        Inverse document frequencies, as
        :class:`~sklearn_dl.text.TfidfTransformer` has them.

    max_length_ : int
        Words of the longest document.

    See Also
    --------
    sklearn.preprocessing.OneHotEncoder : Categories as vectors with a single one.
    sklearn_dl.text.CountVectorizer : Counts of words, and of runs of them.

    Examples
    --------
    >>> from sklearn_dl.embedding import OneHotWords
    >>> embedding = OneHotWords(min_count=1, output="sum")
    >>> embedding.fit_transform(["a cat", "a cat and a dog"]).toarray()
    array([[1., 1., 0., 0.],
           [2., 1., 1., 1.]], dtype=float32)
    >>> embedding.vocabulary_
    {'a': 0, 'cat': 1, 'and': 2, 'dog': 3}
    >>> embedding.vectors_[1]
    array([0., 1., 0., 0.], dtype=float32)
    """

    _parameter_constraints: dict = {
        **BaseWordEmbedding._parameter_constraints,
        "output": [StrOptions({"mean", "sum", "max", "tfidf", "sequence"})],
    }
    del _parameter_constraints["sif_smoothing"]

    def __init__(
        self,
        *,
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
        max_length=None,
    ):
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
        self.max_length = max_length

    def transform(self, raw_documents):
        """Turn documents into counts of words, or into sequences of their numbers.

        Parameters
        ----------
        raw_documents : iterable of str, or sparse matrix
            The documents; lists of tokens with ``analyzer="identity"``. Or counts of
            the words, of shape (n_documents, n_words) with the columns of
            `vocabulary_`.

        Returns
        -------
        X : csr_array of shape (n_documents, n_words) or ndarray of shape \
                (n_documents, max_length)
            The documents, as `output` says. Those without a known word are 0.
        """
        return super().transform(raw_documents)

    @property
    def vectors_(self):
        """The vectors of the words.

        Returns
        -------
        vectors : ndarray of shape (n_words, n_words)
            The identity matrix.
        """
        n_words = len(self.vocabulary_)
        line = np.zeros(2 * n_words - 1, dtype=np.float32)
        line[n_words - 1] = 1
        # Each row begins one place before the one above it.
        return sliding_window_view(line, n_words)[::-1]

    def _train(self, corpus, n_words, watch):
        RoundTasks(self, *watch, 0).end()

    def _document_vectors(self, counts, vectors):
        if self.output == "sum":
            return counts.copy()
        if self.output == "max":
            return counts.sign()
        if self.output == "tfidf":
            counts = counts * self._learned("idf_").astype(np.float32)
        masses = np.asarray(counts.sum(axis=1)).ravel()
        return sp.diags_array(1 / np.where(masses > 0, masses, 1)) @ counts

    @classmethod
    def _from_words(cls, words, vectors, counts):
        raise ValueError(
            f"{cls.__name__} has no other vectors than those with a single one. For "
            f"the words of a file, give them as the 'vocabulary' parameter."
        )
