"""Texts as counts of terms."""

from numbers import Integral

import numpy as np
from sklearn.feature_extraction import text

from sklearn_dl.text._fast_counting import FastCounting
from sklearn_dl.utils._sklearn import StrOptions, fit_context

__all__ = ["CountVectorizer"]


class CountVectorizer(FastCounting, text.CountVectorizer):
    r"""Count the terms of texts.

    The drop-in of :class:`sklearn.feature_extraction.text.CountVectorizer`: with the
    same parameters it gives the same vocabulary and the same counts, several times
    faster where terms are runs of words or characters. Beyond it, documents may be
    lists of tokens (``analyzer="identity"``), the vocabulary may grow with a stream of
    documents (:meth:`partial_fit`), and `n_jobs` of them are counted at once.

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

    stop_words : {"english"} or list of str, default=None
        Tokens that are left out.

    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        Regular expression of a token, or of what is around the one group that is it.

    ngram_range : tuple of (int, int), default=(1, 1)
        Tokens of the shortest and of the longest terms.

    analyzer : {"word", "char", "char_wb", "identity"} or callable, default="word"
        What a term is: a run of words; of characters, "char_wb" within words only; of
        the tokens of documents that are lists of tokens; or what the callable makes of
        a document.

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

    dtype : dtype, default=np.int64
        Type of the counts.

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

    See Also
    --------
    TfidfVectorizer : Counts, weighted by how rare the terms are.

    Notes
    -----
    Words are read from the UTF-8 bytes of a text by a compiled scanner if `analyzer` is
    "word", "char" or "char_wb", there is no `preprocessor` or `tokenizer`, and
    `token_pattern` is made of ``\w+``, ``\w\w+``, ``\w{n,}`` or ``\S+``.
    Everything else runs through scikit-learn's own code.

    Examples
    --------
    >>> from sklearn_dl.text import CountVectorizer
    >>> vectorizer = CountVectorizer()
    >>> counts = vectorizer.fit_transform(["a rose is a rose", "is it"])
    >>> vectorizer.get_feature_names_out()
    array(['is', 'it', 'rose'], dtype=object)
    >>> counts.toarray()
    array([[1, 0, 2],
           [1, 1, 0]])
    """

    _parameter_constraints: dict = {
        **text.CountVectorizer._parameter_constraints,
        "analyzer": [StrOptions({"word", "char", "char_wb", "identity"}), callable],
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
        stop_words=None,
        token_pattern=r"(?u)\b\w\w+\b",
        ngram_range=(1, 1),
        analyzer="word",
        max_df=1.0,
        min_df=1,
        max_features=None,
        vocabulary=None,
        binary=False,
        dtype=np.int64,
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
            stop_words=stop_words,
            token_pattern=token_pattern,
            ngram_range=ngram_range,
            analyzer=analyzer,
            max_df=max_df,
            min_df=min_df,
            max_features=max_features,
            vocabulary=vocabulary,
            binary=binary,
            dtype=dtype,
        )
        self.n_jobs = n_jobs

    def fit_transform(self, raw_documents, y=None):
        """Learn the vocabulary of documents and count their terms.

        Parameters
        ----------
        raw_documents : iterable of str
            The documents, or what `input` says.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        X : sparse matrix of shape (n_documents, n_terms)
            How often each document has each term, in CSR format.

        Raises
        ------
        ValueError
            If there are no terms.
        """
        self._forget_stream()
        return super().fit_transform(raw_documents)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, raw_documents, y=None):
        """Learn the vocabulary of more documents.

        Documents one batch after the other give the vocabulary that `fit` gives on all
        of them; with `min_df`, `max_df` or `max_features`, columns may change with
        each batch.

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
        self._count_more(raw_documents)
        return self
