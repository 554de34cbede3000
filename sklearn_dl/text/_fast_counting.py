"""What the vectorisers do faster than scikit-learn's, with the same result."""

from copy import copy
from functools import partial
from itertools import chain, pairwise
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone

from sklearn_dl._text._alphabet import runs_of
from sklearn_dl._text._documents import (
    batches_of_texts,
    check_documents,
    decoded_texts,
    token_list,
)
from sklearn_dl._text._term_counter import CharacterCounter, WordCounter
from sklearn_dl.base import JointTransformMixin
from sklearn_dl.utils._equality import value_key

__all__ = ["FastCounting"]

# What is done to the counts of all terms.
_AFTER_COUNTING = {
    "binary",
    "idf",
    "max_df",
    "max_features",
    "min_df",
    "norm",
    "smooth_idf",
    "sublinear_tf",
    "tf",
    "use_idf",
}


class FastCounting(JointTransformMixin):
    """Counts the terms of documents for a vectoriser of scikit-learn's.

    It stands in front of the class that it makes faster and overrides what counts,
    sorts and prunes. Where a document goes through a function of the user's or a
    regular expression that is not one of the usual ones, scikit-learn's own code runs.
    """

    def build_analyzer(self):
        """Return a callable that turns a document into its terms.

        Returns
        -------
        analyzer : callable
            It decodes, preprocesses and cuts a document, and makes n-grams.
        """
        if self.analyzer == "identity":
            stop_words = self.get_stop_words()
            return partial(_terms_of_tokens, self, stop_words)
        return super().build_analyzer()

    def joint_fit_groups(self, candidates):
        """Say which candidates count the same terms.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        Returns
        -------
        groups : list of list of int
            Positions in `candidates` of those that differ in what they keep of the
            terms and in their weights.
        """
        groups = {}
        for position, params in enumerate(candidates):
            counting = {k: v for k, v in params.items() if k not in _AFTER_COUNTING}
            key = frozenset((name, value_key(v)) for name, v in counting.items())
            groups.setdefault(key, []).append(position)
        return [group for group in groups.values() if len(group) > 1]

    def fit_transform_candidates(self, candidates, X, y=None):
        """Fit a clone for each set of parameters, with terms that are counted once.

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

        outcome : tuple of (estimator, sparse matrix) or Exception
            The fitted vectoriser and what it makes of the documents, or what its fit
            ended with.
        """
        documents = X if hasattr(X, "__len__") else list(X)
        for group in self.joint_fit_groups(candidates):
            counted = None
            for position in group:
                model = self._clone_with(candidates[position])
                try:
                    if counted is None:
                        first = self._clone_with(candidates[position])
                        first._validate_params()
                        counted = first._count_all_terms(documents)
                    outcome = model, model._fit_transform_counted(documents, counted)
                except Exception as error:
                    outcome = error
                yield position, outcome

    def _clone_with(self, params):
        params = {name: clone(value, safe=False) for name, value in params.items()}
        return clone(self).set_params(**params)

    def _count_all_terms(self, documents):
        """Return what `_count_vocab` returns when no vocabulary is given."""
        if self.vocabulary is not None or isinstance(documents, str):
            return ()
        vocabulary, counts = self._count_vocab(documents, False)
        counts = self._sort_features(counts, vocabulary)
        return dict(sorted(vocabulary.items())), counts

    def _fit_transform_counted(self, documents, counted):
        if counted:
            # For this fit only: what follows the counting is as it always is.
            self._count_vocab = lambda raw_documents, fixed_vocab: (
                dict(counted[0]),
                counted[1].copy(),
            )
        try:
            return self.fit_transform(documents)
        finally:
            self.__dict__.pop("_count_vocab", None)

    def _count_vocab(self, raw_documents, fixed_vocab):
        # Checks the parameters, and warns of stop words that no document can have.
        self.build_analyzer()
        n_jobs = effective_n_jobs(self.n_jobs)
        if n_jobs > 1:
            return self._count_in_parts(list(raw_documents), fixed_vocab, n_jobs)
        counter = self._counter()
        if counter is None:
            if self.analyzer in ("word", "char", "char_wb") and self.input == "content":
                name = type(self).__name__
                raw_documents = decoded_texts(raw_documents, self.decode, name)
            return super()._count_vocab(raw_documents, fixed_vocab)
        preprocess = self.build_preprocessor()
        texts = batches_of_texts(
            raw_documents, self.decode, preprocess, type(self).__name__
        )
        if fixed_vocab:
            return self._count_known(texts, counter)
        for batch in texts:
            counter.learn(batch)
        terms, matrix = counter.learned(self.dtype)
        return _checked(terms), matrix

    def _counter(self):
        """Return what counts the terms, or None where only Python can."""
        if self.preprocessor is not None or self.analyzer == "identity":
            return None
        if callable(self.analyzer) or self.ngram_range[0] < 1:
            return None
        ngram_range = tuple(self.ngram_range)
        if self.analyzer != "word":
            return CharacterCounter(ngram_range, self.analyzer == "char_wb")
        if self.tokenizer is not None:
            return None
        runs = runs_of(self.token_pattern)
        if runs is None:
            return None
        stop_words = self.get_stop_words() or ()
        # No word is anything but a string.
        stop_words = [word for word in stop_words if isinstance(word, str)]
        return WordCounter(runs, ngram_range, stop_words)

    def _count_known(self, texts, counter):
        vocabulary = self.vocabulary_
        first = next(texts, [])
        if sum(map(len, first)) < len(vocabulary):
            # To enter the vocabulary into a table would be most of the work.
            plain = copy(self)
            plain.preprocessor, plain.input = str, "content"
            documents = chain(first, chain.from_iterable(texts))
            return super(FastCounting, plain)._count_vocab(documents, True)
        terms = list(vocabulary)
        if list(vocabulary.values()) != list(range(len(terms))):
            terms.sort(key=vocabulary.get)
        columns = counter.know([t if isinstance(t, str) else "" for t in terms])
        for batch in chain([first], texts):
            counter.count(batch, columns, len(terms))
        return vocabulary, counter.counted(len(terms), self.dtype)

    def _count_in_parts(self, documents, fixed_vocab, n_jobs):
        """Count parts of the documents in threads, or in processes what Python does."""
        single = copy(self)
        single.n_jobs = None
        bounds = np.linspace(0, len(documents), n_jobs + 1).astype(int)
        parts = Parallel(
            n_jobs, prefer="threads" if self._counter() is not None else "processes"
        )(
            delayed(_count_part)(single, documents[start:stop], fixed_vocab)
            for start, stop in pairwise(bounds)
            if stop > start
        )
        if fixed_vocab:
            empty = sp.csr_array((0, len(self.vocabulary_)), dtype=self.dtype)
            return self.vocabulary_, sp.vstack(
                [empty, *(matrix for _, matrix in parts)], format="csr"
            )
        vocabulary = _checked(sorted(set().union(*(terms for terms, _ in parts))))
        blocks = [
            _widened(matrix, [vocabulary[term] for term in terms], len(vocabulary))
            for terms, matrix in parts
        ]
        return vocabulary, sp.vstack(blocks, format="csr")

    def _sort_features(self, X, vocabulary):
        terms = list(vocabulary)
        if all(before <= after for before, after in pairwise(terms)):
            return X
        return super()._sort_features(X, vocabulary)

    def _limit_features(self, X, vocabulary, high=None, low=None, limit=None):
        n_documents, n_terms = X.shape
        if high >= n_documents and low <= 1 and (limit is None or limit >= n_terms):
            return X
        X = super()._limit_features(X, vocabulary, high, low, limit)
        vocabulary.update((term, int(column)) for term, column in vocabulary.items())
        return X

    def _warn_for_unused_params(self):
        if self.analyzer == "identity":
            # Words that are given are words, with stop words among them.
            plain = copy(self)
            plain.analyzer = "word"
            plain.tokenizer = plain.preprocessor = None
            return super(FastCounting, plain)._warn_for_unused_params()
        return super()._warn_for_unused_params()

    def _forget_stream(self):
        self.__dict__.pop("_stream", None)

    def _count_more(self, raw_documents):
        """Add the counts of more documents to those of earlier calls.

        Returns the document frequencies of the terms of the vocabulary.
        """
        check_documents(raw_documents, type(self).__name__)
        self._validate_ngram_range()
        if not hasattr(self, "_stream"):
            if hasattr(self, "vocabulary_") and self.vocabulary is None:
                raise ValueError(
                    f"This {type(self).__name__} was fitted by 'fit', which does not "
                    "keep what 'partial_fit' goes on from: expected is an unfitted "
                    "one, or one that only 'partial_fit' has seen."
                )
            self._warn_for_unused_params()
            self._validate_vocabulary()
            self._stream = ([], np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
        if self.fixed_vocabulary_:
            terms = sorted(self.vocabulary_, key=self.vocabulary_.get)
            matrix = self._count_vocab(raw_documents, True)[1]
        else:
            terms, matrix = _count_part(self, list(raw_documents), False)
        if self.binary:
            matrix.data.fill(1)
        in_documents = np.bincount(matrix.indices, minlength=len(terms))
        in_all = np.asarray(matrix.sum(axis=0), dtype=np.int64).ravel()
        self._stream = _merged(
            self._stream, (terms, in_documents, in_all, len(matrix.indptr) - 1)
        )
        return self._limited_stream()

    def _limited_stream(self):
        """Set the vocabulary to that which `fit` would find in all documents."""
        terms, in_documents, in_all, n_documents = self._stream
        if self.fixed_vocabulary_:
            return in_documents
        high, low = (
            bound if isinstance(bound, Integral) else bound * n_documents
            for bound in (self.max_df, self.min_df)
        )
        # Where the bounds leave nothing, more documents may.
        kept = np.flatnonzero((in_documents <= high) & (in_documents >= low))
        if self.max_features is not None and len(kept) > self.max_features:
            # Of the type that scikit-learn sorts, which decides between equals.
            totals = in_all[kept].astype(np.zeros(1, self.dtype).sum().dtype)
            kept = np.sort(kept[(-totals).argsort()[: self.max_features]])
        self.vocabulary_ = {terms[k]: n for n, k in enumerate(kept.tolist())}
        return in_documents[kept]


def _terms_of_tokens(vectorizer, stop_words, document):
    tokens = token_list(document, type(vectorizer).__name__)
    return vectorizer._word_ngrams(tokens, stop_words)


def _checked(terms):
    """Return the vocabulary of alphabetical terms, of which there must be some."""
    if not terms:
        raise ValueError(
            "empty vocabulary; perhaps the documents only contain stop words"
        )
    return dict(zip(terms, range(len(terms)), strict=True))


def _count_part(vectorizer, documents, fixed_vocab):
    """Return the terms of some documents, in the order of the columns, and counts."""
    try:
        vocabulary, matrix = vectorizer._count_vocab(documents, fixed_vocab)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        # Others may have terms.
        return [], sp.csr_array((len(documents), 0), dtype=vectorizer.dtype)
    if fixed_vocab:
        return [], sp.csr_array(matrix)
    matrix = vectorizer._sort_features(matrix, vocabulary)
    return sorted(vocabulary), sp.csr_array(matrix)


def _widened(matrix, columns, n_columns):
    """Return a matrix with other columns between its own."""
    indices = np.array(columns, dtype=matrix.indices.dtype)[matrix.indices]
    return sp.csr_array(
        (matrix.data, indices, matrix.indptr), shape=(matrix.shape[0], n_columns)
    )


def _merged(stream, more):
    """Add up counts of terms, which are alphabetical or always the same."""
    terms = stream[0] or more[0]
    if terms != more[0]:
        # Two sorted lists, one behind the other, are sorted in linear time.
        terms = list(dict.fromkeys(sorted(stream[0] + more[0])))
    numbers = dict(zip(terms, range(len(terms)), strict=True))
    totals = []
    for counts in (1, 2):
        total = np.zeros(len(terms), dtype=np.int64)
        for part in (stream, more):
            total[[numbers[term] for term in part[0]]] += part[counts]
        totals.append(total)
    return (terms, *totals, stream[3] + more[3])
