"""What all word embeddings have in common."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._text._token_reader import ANALYSIS, Corpus, read_documents
from sklearn_dl.base import JointFitMixin, JointTransformMixin
from sklearn_dl.embedding._document_vectors import (
    count_words,
    maxima,
    padded,
    sums,
    weighted_means,
)
from sklearn_dl.embedding._word_vectors import WordVectorsMixin
from sklearn_dl.utils._equality import value_key
from sklearn_dl.utils._sklearn import Interval, StrOptions, fit_context

__all__ = ["BaseWordEmbedding"]

# What decides which words there are.
_VOCABULARY = (*ANALYSIS, "min_count", "max_features", "vocabulary", "unknown")


class BaseWordEmbedding(
    WordVectorsMixin,
    JointFitMixin,
    JointTransformMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A transformer of documents that learns a vector for each word.

    Subclasses have the parameters below and those of their own, and learn the vectors
    in `_train`.
    """

    _parameter_constraints: dict = {
        "analyzer": [StrOptions({"word", "char", "char_wb", "identity"}), callable],
        "tokenizer": [callable, None],
        "preprocessor": [callable, None],
        "token_pattern": [str],
        "stop_words": [StrOptions({"english"}), list, None],
        "lowercase": ["boolean"],
        "strip_accents": [StrOptions({"ascii", "unicode"}), callable, None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "vocabulary": ["array-like", dict, set, None],
        "unknown": [StrOptions({"skip", "token"})],
        "output": [StrOptions({"mean", "sum", "max", "tfidf", "sif", "sequence"})],
        "sif_smoothing": [Interval(Real, 0, None, closed="neither")],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
    }
    # The word that stands for those that have no vector.
    _UNKNOWN = "<UNK>"

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, raw_documents, y=None):
        """Learn the vectors of the words of documents.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents; lists of tokens with ``analyzer="identity"``.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted embedding.

        Raises
        ------
        ValueError
            If no word is frequent enough.
        """
        return self._fit_corpus(self._read(raw_documents), raw_documents)

    def transform(self, raw_documents):
        """Turn documents into vectors, or into sequences of numbers of words.

        Parameters
        ----------
        raw_documents : iterable of str, or sparse matrix
            The documents; lists of tokens with ``analyzer="identity"``. Or counts of
            the words, of shape (n_documents, n_words) with the columns of
            `vocabulary_`.

        Returns
        -------
        X : ndarray of shape (n_documents, n_components) or (n_documents, max_length)
            The documents, as `output` says. Those without a known word are 0.
        """
        check_is_fitted(self)
        vectors, counts, corpus = self.vectors_, None, None
        if sp.issparse(raw_documents):
            counts = self._check_counts(raw_documents)
        else:
            corpus, vectors = self._look_up(raw_documents)
        if self.output == "sequence":
            if corpus is None:
                raise ValueError(
                    f"{type(self).__name__} with output='sequence' takes documents, "
                    "got a matrix of counts, which have no order."
                )
            # Words beyond the vocabulary have no row in the matrix of a network.
            tokens = np.where(corpus.tokens < len(self.vectors_), corpus.tokens, -1)
            return padded(tokens, corpus.stops, self._length())
        if counts is None:
            counts = count_words(corpus.tokens, corpus.stops, len(vectors))
        return self._document_vectors(counts, vectors)

    def joint_fit_groups(self, candidates):
        """Say which candidates read the documents together.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        Returns
        -------
        groups : list of list of int
            Positions in `candidates` of those whose words are the same.
        """
        groups = {}
        for position, params in enumerate(candidates):
            model = clone(self).set_params(**params)
            key = tuple(value_key(getattr(model, name)) for name in _VOCABULARY)
            groups.setdefault(key, []).append(position)
        return [group for group in groups.values() if len(group) > 1]

    def fit_candidates(self, candidates, X, y=None):
        """Fit a clone for each set of parameters, on documents that are read once.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        X : iterable of str
            The documents.

        y : Ignored, default=None
            Ignored.

        Yields
        ------
        position : int
            Position in `candidates`.

        outcome : estimator or Exception
            The fitted embedding, or what its fit ended with.
        """
        for group in self.joint_fit_groups(candidates):
            shared = []
            for position in group:
                params = candidates[position]
                try:
                    outcome = self._fit_candidate(params, X, shared)
                except Exception as error:
                    outcome = error
                yield position, outcome

    def fit_transform_candidates(self, candidates, X, y=None):
        """Fit a clone for each set of parameters, and transform the documents.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        X : iterable of str
            The documents.

        y : Ignored, default=None
            Ignored.

        Yields
        ------
        position : int
            Position in `candidates`.

        outcome : tuple of (estimator, ndarray) or Exception
            The fitted embedding and what it makes of the documents, or what its fit
            ended with.
        """
        documents = X if hasattr(X, "__len__") else list(X)
        for position, outcome in self.fit_candidates(candidates, documents):
            if not isinstance(outcome, Exception):
                try:
                    outcome = outcome, outcome.transform(documents)
                except Exception as error:
                    outcome = error
            yield position, outcome

    @property
    def embedding_matrix_(self):
        """Vectors for the numbers that ``output="sequence"`` gives.

        Returns
        -------
        matrix : ndarray of shape (n_words + 1, n_components)
            `vectors_` under a row of zeros, which is that of the padding.
        """
        check_is_fitted(self)
        return np.vstack([np.zeros_like(self.vectors_[:1]), self.vectors_])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = False
        return tags

    @property
    def _n_features_out(self):
        if self.output == "sequence":
            return self._length()
        return self.vectors_.shape[1]

    @abstractmethod
    def _train(self, corpus, n_words, watch):
        """Set `vectors_`.

        Parameters
        ----------
        corpus : Corpus
            The documents; all their tokens are from 0 to ``n_words - 1``.
        n_words : int
            Words that need a vector.
        watch : tuple
            The estimator's arguments for callbacks.
        """

    def _fit_candidate(self, params, X, shared):
        params = {name: clone(value, safe=False) for name, value in params.items()}
        return clone(self).set_params(**params)._fit_shared(X, shared)

    # -- reading -----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def _fit_shared(self, raw_documents, shared):
        """Fit with what others have read, which is a list of one corpus or of none."""
        if not shared:
            shared.append(self._read(raw_documents))
        return self._fit_corpus(shared[0], raw_documents)

    def _fit_corpus(self, corpus, raw_documents):
        self._check_parameters()
        corpus = self._learn_vocabulary(corpus)
        self._train(corpus, len(self.vocabulary_), (raw_documents, None))
        self._describe_documents(corpus)
        return self

    def _check_parameters(self):
        """Raise if parameters do not go together."""

    def _read(self, raw_documents):
        return read_documents(self, raw_documents)

    def _learn_vocabulary(self, corpus):
        """Give numbers to words that are frequent enough; return documents of them."""
        counts = np.bincount(corpus.tokens, minlength=len(corpus.words))
        if self.vocabulary is None:
            order = self._frequent(corpus.words, counts)
            words = [corpus.words[k] for k in order]
        else:
            words = self._given_vocabulary()
        if not words:
            if self.vocabulary is not None:
                raise ValueError(
                    f"The 'vocabulary' parameter of {type(self).__name__} must have at "
                    "least one word, got none."
                )
            raise ValueError(
                f"No word is frequent enough for {type(self).__name__}: 'min_count' is "
                f"{self.min_count}, and of {len(corpus.words)} words the most frequent "
                f"one is there {counts.max(initial=0)} times."
            )
        self.vocabulary_ = dict(zip(words, range(len(words)), strict=True))
        absent = -1
        if self.unknown == "token":
            absent = self.vocabulary_.setdefault(self._UNKNOWN, len(words))
        numbers = np.array(
            [self.vocabulary_.get(word, absent) for word in corpus.words] + [absent],
            dtype=np.int32,
        )
        words = list(self.vocabulary_)
        corpus = Corpus(
            numbers[corpus.tokens], corpus.stops, words, corpus.shared
        ).known()
        self.word_counts_ = np.bincount(corpus.tokens, minlength=len(words))
        return corpus

    def _frequent(self, words, counts):
        """Return the words to keep, the most frequent first, equals by alphabet."""
        kept = np.flatnonzero(counts >= self.min_count).tolist()
        kept.sort(key=words.__getitem__)
        kept.sort(key=counts.__getitem__, reverse=True)
        return kept[: self.max_features]

    def _given_vocabulary(self):
        vocabulary = self.vocabulary
        wrong = [word for word in vocabulary if not isinstance(word, str)]
        if wrong:
            raise TypeError(
                f"The 'vocabulary' parameter of {type(self).__name__} must be of "
                f"strings, got {type(wrong[0]).__name__}: {wrong[0]!r}."
            )
        if isinstance(vocabulary, dict):
            words = sorted(vocabulary, key=vocabulary.get)
            if sorted(vocabulary.values()) != list(range(len(words))):
                raise ValueError(
                    f"The 'vocabulary' parameter of {type(self).__name__} must number "
                    f"its {len(words)} words from 0 to {len(words) - 1}, each once."
                )
            return words
        words = sorted(vocabulary) if isinstance(vocabulary, set) else list(vocabulary)
        if len(set(words)) != len(words):
            raise ValueError(
                f"The 'vocabulary' parameter of {type(self).__name__} must have each "
                "word once, got one twice."
            )
        return words

    def _look_up(self, raw_documents):
        """Return documents as numbers, and the vectors that these are rows of."""
        corpus = read_documents(
            self, raw_documents, known=list(self.vocabulary_), learn=False
        )
        tokens = corpus.tokens
        if self.unknown == "token" and self._UNKNOWN in self.vocabulary_:
            tokens = np.where(tokens < 0, self.vocabulary_[self._UNKNOWN], tokens)
        return Corpus(tokens, corpus.stops, corpus.words), self.vectors_

    def _check_counts(self, counts):
        if counts.shape[1] != len(self.vocabulary_):
            raise ValueError(
                f"{type(self).__name__} knows {len(self.vocabulary_)} words and takes "
                f"counts of as many columns, got {counts.shape[1]}."
            )
        counts = sp.csr_array(counts, dtype=np.float32, copy=True)
        counts.eliminate_zeros()
        return counts

    # -- documents ---------------------------------------------------------------------

    def _describe_documents(self, corpus):
        """Learn what `transform` has to know about documents."""
        counts = count_words(corpus.tokens, corpus.stops, len(self.vocabulary_))
        frequencies = np.bincount(counts.indices, minlength=counts.shape[1])
        n_documents = len(corpus.stops)
        self.idf_ = np.log((1 + n_documents) / (1 + frequencies)) + 1
        self.max_length_ = int(np.diff(corpus.stops, prepend=0).max(initial=1))
        self.__dict__.pop("common_component_", None)
        if self.output == "sif":
            means = weighted_means(counts, self.vectors_, self._sif_weights())
            # The direction that all documents have in common, their first right
            # singular vector, from the small matrix of products.
            _, directions = np.linalg.eigh(means.T.astype(np.float64) @ means)
            self.common_component_ = directions[:, -1].astype(self.vectors_.dtype)

    def _sif_weights(self):
        shares = self._learned("word_counts_") / max(self.word_counts_.sum(), 1)
        return self.sif_smoothing / (self.sif_smoothing + shares)

    def _document_vectors(self, counts, vectors):
        if self.output == "max":
            return maxima(counts, vectors)
        if self.output in ("mean", "sum"):
            return sums(counts, vectors, mean=self.output == "mean")
        if self.output == "tfidf":
            weights, common = self._learned("idf_"), None
        else:
            weights, common = self._sif_weights(), self._learned("common_component_")
        # A word that is not in the vocabulary is as rare as can be.
        n_others = len(vectors) - len(weights)
        weights = np.concatenate([weights, np.full(n_others, weights.max())])
        if common is None:
            return sums(counts, vectors, weights)
        X = weighted_means(counts, vectors, weights)
        return X - np.outer(X @ common, common)

    def _length(self):
        return self.max_length or self._learned("max_length_")

    def _learned(self, name, purpose=None):
        if not hasattr(self, name):
            purpose = purpose or f"with output={self.output!r}"
            raise ValueError(
                f"{type(self).__name__} needs, {purpose}, what fit learns of documents "
                f"({name}): fit it."
            )
        return getattr(self, name)

    def _row(self, word):
        if word not in self.vocabulary_:
            raise KeyError(f"{word!r} is no word that {type(self).__name__} knows.")
        return self.vocabulary_[word]
