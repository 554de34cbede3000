"""Counts of terms, weighted by how rare the terms are."""

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction import text
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_dl.utils._sklearn import StrOptions, fit_context

__all__ = ["TfidfTransformer"]


class TfidfTransformer(text.TfidfTransformer):
    r"""Weight counts of terms by how rare the terms are.

    The drop-in of :class:`sklearn.feature_extraction.text.TfidfTransformer`, whose
    results it gives with the same parameters. Beyond it, terms may count as a share of
    their document (`tf`), the inverse document frequency may be the textbook's (`idf`),
    and it learns from a stream of matrices (:meth:`partial_fit`).

    With :math:`n_{td}` of the :math:`n_d` words of a document being term :math:`t`,
    which is in :math:`n_t` of :math:`N` documents, ``tf="relative"``, ``idf="plain"``,
    ``smooth_idf=False`` and ``norm=None`` give

    .. math:: \frac{n_{td}}{n_d} \, \ln \frac{N}{n_t}.

    Parameters
    ----------
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

    Attributes
    ----------
    idf_ : ndarray of shape (n_features,)
        Inverse document frequency of each term, with ``use_idf=True``.

    document_frequencies_ : ndarray of shape (n_features,)
        In how many rows each term was, with ``use_idf=True``.

    n_samples_seen_ : int
        How many rows there were, with ``use_idf=True``.

    n_features_in_ : int
        Number of terms.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where all were strings.

    See Also
    --------
    TfidfVectorizer : The same from texts.

    References
    ----------
    .. [1] K. Sparck Jones, "A statistical interpretation of term specificity and its
       application in retrieval", Journal of Documentation 28, 1972.
    .. [2] C. D. Manning, P. Raghavan and H. Schütze, "Introduction to Information
       Retrieval", Cambridge University Press, 2008.

    Examples
    --------
    >>> from sklearn_dl.text import TfidfTransformer
    >>> counts = [[3, 0, 1], [2, 0, 0], [3, 0, 0], [4, 0, 0], [3, 2, 0], [3, 0, 2]]
    >>> weights = TfidfTransformer().fit_transform(counts)
    >>> weights.toarray().round(2)[0]
    array([0.85, 0.  , 0.52])
    """

    _parameter_constraints: dict = {
        **text.TfidfTransformer._parameter_constraints,
        "tf": [StrOptions({"count", "relative"})],
        "idf": [StrOptions({"shifted", "plain"})],
    }

    def __init__(
        self,
        *,
        norm="l2",
        use_idf=True,
        smooth_idf=True,
        sublinear_tf=False,
        tf="count",
        idf="shifted",
    ):
        super().__init__(
            norm=norm,
            use_idf=use_idf,
            smooth_idf=smooth_idf,
            sublinear_tf=sublinear_tf,
        )
        self.tf = tf
        self.idf = idf

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn in how many documents each term is.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If shares shall be sublinear.
        """
        return self._learn(X, reset=True)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Learn from more documents.

        Matrices one after the other give what `fit` gives on all of their rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If shares shall be sublinear.
        """
        return self._learn(X, reset=not hasattr(self, "n_features_in_"))

    def transform(self, X, copy=True):
        """Weight counts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms.

        copy : bool, default=True
            Whether X stays as it is. A matrix that is not in CSR format always does.

        Returns
        -------
        X_weighted : sparse matrix of shape (n_samples, n_features)
            The weighted counts.
        """
        X = _native(X)
        if self.tf == "count":
            return super().transform(X, copy=copy)
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        X = X if sp.issparse(X) else sp.csr_array(X)
        return super().transform(normalize(X, norm="l1", copy=copy), copy=False)

    def _learn(self, X, reset):
        if self.tf == "relative" and self.sublinear_tf:
            raise ValueError(
                f"The 'sublinear_tf' parameter of {type(self).__name__} must be False "
                "with tf='relative': 1 + ln(share) is no weight. Got True."
            )
        X = validate_data(self, _native(X), accept_sparse=("csr", "csc"), reset=reset)
        X = X if sp.issparse(X) else sp.csr_array(X)
        if not self.use_idf:
            for name in ("idf_", "document_frequencies_", "n_samples_seen_"):
                self.__dict__.pop(name, None)
            return self
        if not reset and not hasattr(self, "document_frequencies_"):
            raise ValueError(
                f"{type(self).__name__} did not count in how many rows the terms were, "
                "with use_idf=False: 'partial_fit' goes on with the same 'use_idf'."
            )
        frequencies = np.bincount(X.indices, minlength=X.shape[1])
        if X.format == "csc":
            frequencies = np.diff(X.indptr)
        if not reset:
            frequencies = frequencies + self.document_frequencies_
        n_samples = X.shape[0] + (0 if reset else self.n_samples_seen_)
        dtype = X.dtype if X.dtype in (np.float64, np.float32) else np.float64
        return self._set_frequencies(frequencies, n_samples, dtype)

    def _set_frequencies(self, frequencies, n_samples, dtype=np.float64):
        self.document_frequencies_ = frequencies
        self.n_samples_seen_ = n_samples
        smooth = int(self.smooth_idf)
        ratios = np.full(len(frequencies), n_samples + smooth, dtype=dtype)
        # A term of no document has an infinite weight, as in scikit-learn.
        with np.errstate(divide="ignore"):
            ratios /= frequencies.astype(dtype) + float(smooth)
        self.idf_ = np.log(ratios)
        if self.idf == "shifted":
            self.idf_ += 1.0
        return self


def _native(X):
    """Return an array of a type that sparse matrices have."""
    if not isinstance(X, np.ndarray):
        return X
    if X.dtype == np.float16:
        return X.astype(np.float32)
    return X if X.dtype.isnative else X.astype(X.dtype.newbyteorder("="))
