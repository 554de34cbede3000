"""Texts as counts of terms, weighted by how rare the terms are."""

from numbers import Integral

import numpy as np
from sklearn.feature_extraction import text
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.text._fast_counting import FastCounting
from sklearn_dl.text._tfidf_transformer import TfidfTransformer
from sklearn_dl.utils._sklearn import StrOptions, fit_context

__all__ = ["TfidfVectorizer"]


class TfidfVectorizer(FastCounting, text.TfidfVectorizer):
    r"""Count the terms of texts and weight them by how rare they are.

    The drop-in of :class:`sklearn.feature_extraction.text.TfidfVectorizer`: with the
    same parameters it gives the same matrix, up to rounding, several times faster where
    terms are runs of words or characters. Beyond it there are all that
    :class:`CountVectorizer` and :class:`TfidfTransformer` have more than
    scikit-learn's: documents that are lists of tokens, `tf`, `idf`, `n_jobs` and
    :meth:`partial_fit`.

    Parameters
    ----------
    input : {"content", "file", "filename"}, default="content"
        What a document is: its text, an open file or the name of one.

    encoding : str, default="utf-8"
        Encoding of documents that are bytes.

    decode_error : {"strict", "ignore", "replace"}, default="strict"
        What becomes of bytes that are not of that encoding.

    strip_accents : {"ascii", "unicode"} or callable, default=None
        Whether accents are removed; "ascii" drops all other characters too.

    lowercase : bool, default=True
        Whether texts are turned into lower case.

    preprocessor : callable, default=None
        Takes a text to another in place of `strip_accents` and `lowercase`.

    tokenizer : callable, default=None
        Takes a text to its tokens in place of `token_pattern`.

    analyzer : {"word", "char", "char_wb", "identity"} or callable, default="word"
        What a term is: a run of words; of characters, "char_wb" within words only; of
        the tokens of documents that are lists of tokens; or what the callable makes of
        a document.

    stop_words : {"english"} or list of str, default=None
        Tokens that are left out.

    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        Regular expression of a token, or of what is around the one group that is it.

    ngram_range : tuple of (int, int), default=(1, 1)
        Tokens of the shortest and of the longest terms.

    max_df : float in [0, 1] or int, default=1.0
        Terms of more documents are left out: a share of them, or their number.

    min_df : float in [0, 1] or int, default=1
        Terms of fewer documents are left out.

    max_features : int, default=None
        Of the others only so many are kept, the most frequent ones.

    vocabulary : mapping or iterable, default=None
        The terms, with their columns or in their order. None learns them.

    binary : bool, default=False
        Whether a term counts once where it is there several times.

    dtype : dtype, default=np.float64
        Type of the weights.

    norm : {"l1", "l2"} or None, default="l2"
        Rows are divided by the sum of their absolute values, or by the root of the sum
        of their squares.

    use_idf : bool, default=True
        Whether rare terms count more.

    smooth_idf : bool, default=True
        Whether there is one document more, which has every term once.

    sublinear_tf : bool, default=False
        Whether a term that is there ``n`` times counts ``1 + ln(n)``.

    tf : {"count", "relative"}, default="count"
        Whether a term counts as often as it is there, or as the share of the row's sum
        that it has. Terms that the vocabulary does not have are not in that sum.

    idf : {"shifted", "plain"}, default="shifted"
        Whether the inverse document frequency is ``ln(N / n_t) + 1``, by which no term
        is lost, or ``ln(N / n_t)``, which is 0 for terms that all documents have.

    n_jobs : int, default=None
        Parts of the documents that are counted at once: in threads or, where a
        document goes through a function of yours, in processes. None is 1 unless in a
        :obj:`joblib.parallel_config` context; -1 is all processors.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The column of each term.

    fixed_vocabulary_ : bool
        Whether the terms were given.

    idf_ : ndarray of shape (n_features,)
        Inverse document frequency of each term, with ``use_idf=True``.

    See Also
    --------
    CountVectorizer : Counts without weights.
    TfidfTransformer : Weights of counts.

    References
    ----------
    .. [1] K. Sparck Jones, "A statistical interpretation of term specificity and its
       application in retrieval", Journal of Documentation 28, 1972.

    Examples
    --------
    >>> from sklearn_dl.text import TfidfVectorizer
    >>> vectorizer = TfidfVectorizer()
    >>> weights = vectorizer.fit_transform(["a rose is a rose", "is it"])
    >>> weights.toarray().round(2)
    array([[0.34, 0.  , 0.94],
           [0.58, 0.81, 0.  ]])
    """

    _parameter_constraints: dict = {
        **text.TfidfVectorizer._parameter_constraints,
        "analyzer": [StrOptions({"word", "char", "char_wb", "identity"}), callable],
        "tf": [StrOptions({"count", "relative"})],
        "idf": [StrOptions({"shifted", "plain"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        input="content",
        encoding="utf-8",
        decode_error="strict",
        strip_accents=None,
        lowercase=True,
        preprocessor=None,
        tokenizer=None,
        analyzer="word",
        stop_words=None,
        token_pattern=r"(?u)\b\w\w+\b",
        ngram_range=(1, 1),
        max_df=1.0,
        min_df=1,
        max_features=None,
        vocabulary=None,
        binary=False,
        dtype=np.float64,
        norm="l2",
        use_idf=True,
        smooth_idf=True,
        sublinear_tf=False,
        tf="count",
        idf="shifted",
        n_jobs=None,
    ):
        super().__init__(
            input=input,
            encoding=encoding,
            decode_error=decode_error,
            strip_accents=strip_accents,
            lowercase=lowercase,
            preprocessor=preprocessor,
            tokenizer=tokenizer,
            analyzer=analyzer,
            stop_words=stop_words,
            token_pattern=token_pattern,
            ngram_range=ngram_range,
            max_df=max_df,
            min_df=min_df,
            max_features=max_features,
            vocabulary=vocabulary,
            binary=binary,
            dtype=dtype,
            norm=norm,
            use_idf=use_idf,
            smooth_idf=smooth_idf,
            sublinear_tf=sublinear_tf,
        )
        self.tf = tf
        self.idf = idf
        self.n_jobs = n_jobs

    @property
    def idf_(self):
        """Inverse document frequency of each term.

        Returns
        -------
        idf : ndarray of shape (n_terms,)
            Only with ``use_idf=True``.
        """
        return super().idf_

    @idf_.setter
    def idf_(self, value):
        if self.use_idf and not hasattr(self, "_tfidf"):
            self._tfidf = self._weighting()
        text.TfidfVectorizer.idf_.fset(self, value)

    def fit(self, raw_documents, y=None):
        """Learn the vocabulary of documents and in how many of them each term is.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents, or what `input` says.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted vectoriser.

        Raises
        ------
        ValueError
            If there are no terms.
        """
        self._count_and_weigh(raw_documents)
        return self

    def fit_transform(self, raw_documents, y=None):
        """Learn as `fit` does, and return the documents weighted.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents, or what `input` says.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        X : sparse matrix of shape (n_documents, n_terms)
            The weights of the terms of each document, in CSR format.

        Raises
        ------
        ValueError
            If there are no terms.
        """
        counts = self._count_and_weigh(raw_documents)
        return self._tfidf.transform(counts, copy=False)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, raw_documents, y=None):
        """Learn from more documents.

        Documents one batch after the other give the vocabulary and the weights that
        `fit` gives on all of them; with `min_df`, `max_df` or `max_features`, columns
        may change with each batch.

        Parameters
        ----------
        raw_documents : iterable of str
            Some more documents.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The vectoriser.

        Raises
        ------
        ValueError
            If `fit` came before, which does not keep the counts that would be needed.
        """
        self._check_params()
        frequencies = self._count_more(raw_documents)
        self._tfidf = self._weighting()
        self._tfidf.n_features_in_ = len(self.vocabulary_)
        if self.use_idf:
            dtype = np.float32 if self.dtype == np.float32 else np.float64
            self._tfidf._set_frequencies(frequencies, self._stream[3], dtype)
        return self

    def transform(self, raw_documents):
        """Weight the terms of documents.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents, or what `input` says.

        Returns
        -------
        X : sparse matrix of shape (n_documents, n_terms)
            The weights of the terms of each document, in CSR format.
        """
        check_is_fitted(self, msg="The TF-IDF vectorizer is not fitted")
        return super().transform(raw_documents)

    def _weighting(self):
        return TfidfTransformer(
            norm=self.norm,
            use_idf=self.use_idf,
            smooth_idf=self.smooth_idf,
            sublinear_tf=self.sublinear_tf,
            tf=self.tf,
            idf=self.idf,
        )

    @fit_context(prefer_skip_nested_validation=True)
    def _count_and_weigh(self, raw_documents):
        """Return the counts of documents, after learning from them."""
        self._check_params()
        self._forget_stream()
        self._tfidf = self._weighting()
        counts = text.CountVectorizer.fit_transform(self, raw_documents)
        self._tfidf.fit(counts)
        return counts
