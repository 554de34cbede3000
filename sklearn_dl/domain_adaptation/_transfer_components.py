"""Transfer component analysis."""

from numbers import Integral, Real

import numpy as np
from scipy.linalg import eigh, svd
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.metrics.pairwise import rbf_kernel

from sklearn_dl.domain_adaptation._transformer_base import BaseDomainTransformer
from sklearn_dl.utils._sklearn import Interval, StrOptions

__all__ = ["TransferComponentAnalysis"]

# Lanczos iterations pay off for few of many components.
_MANY = 200
_FEW = 0.1
# Components of less variance than this share of the largest are noise of rounding; so
# are those of less variance than rounding gives to numbers that are all alike.
_NOISE = 1e-12


class TransferComponentAnalysis(ClassNamePrefixFeaturesOutMixin, BaseDomainTransformer):
    r"""Transfer component analysis: components that vary, but not between domains.

    Directions in the space of a kernel are sought along which the rows of both domains
    vary, while the means of the domains come together, after [1]_. With the kernel
    matrix K of all rows, L of the difference of the means and H that centres, the
    columns of W are the leading eigenvectors of
    :math:`(K L K + \mu I)^{-1} K H K`. Rows become :math:`k(x)^T W`.

    Parameters
    ----------
    n_components : int, default=None
        Number of components. There are fewer if the rows do not vary in so many
        directions. None takes as many as there are features.

    kernel : {'linear', 'rbf'}, default='linear'
        The inner product, or :math:`\exp(-\gamma \|x - z\|^2)`.

    gamma : float, default=None
        Of the kernel 'rbf'. None is 1 divided by the number of features.

    mu : float, default=1.0
        How much W is kept small. The smaller it is, the closer the means come.

    Attributes
    ----------
    n_components_ : int
        Number of components.

    eigenvalues_ : ndarray of shape (n_components,)
        The eigenvalues of the components, falling.

    coefficients_ : ndarray of shape (n_features or n_samples, n_components)
        What rows are multiplied with if the kernel is linear. Otherwise it is W, which
        the kernel between rows and `X_fit_` is multiplied with.

    X_fit_ : ndarray of shape (n_samples, n_features) or None
        The training rows, those of the source first; None if the kernel is linear.

    gamma_ : float
        The value that is used for `gamma`.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.decomposition.KernelPCA : The same without domains.

    Notes
    -----
    Components are scaled to variance 1 over the training rows; the paper's constraint
    :math:`W^T K H K W = I` is that up to the square root of their number.

    L is of rank one and never computed. With the linear kernel the eigenvectors are
    sought among the features, else among the rows, of which there should be some
    thousands at most.

    Both domains are mapped alike. Several sources count as one, and so do several
    targets. With one domain the components are those of a kernel's principal
    component analysis.

    References
    ----------
    .. [1] S. J. Pan, I. W. Tsang, J. T. Kwok and Q. Yang, "Domain adaptation via
       transfer component analysis", IEEE Transactions on Neural Networks 22, 2011.

    Examples
    --------
    Domains that lie apart along the first feature:

    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import TransferComponentAnalysis
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 3))
    >>> X[200:, 0] += 5
    >>> domains = np.repeat([0, -1], 200)
    >>> tca = TransferComponentAnalysis(n_components=2, mu=0.1)
    >>> mapped = tca.fit_transform(X, sample_domain=domains)
    >>> gap = mapped[200:].mean(axis=0) - mapped[:200].mean(axis=0)
    >>> bool(np.linalg.norm(gap) < 0.1)
    True
    """

    _parameter_constraints: dict = {
        "n_components": [None, Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions({"linear", "rbf"})],
        "gamma": [None, Interval(Real, 0, None, closed="neither")],
        "mu": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, n_components=None, *, kernel="linear", gamma=None, mu=1.0):
        self.n_components = n_components
        self.kernel = kernel
        self.gamma = gamma
        self.mu = mu

    def _learn(self, source, target):
        if source is target:
            rows, difference = source, np.zeros(len(source))
        else:
            rows = np.vstack([source, target])
            difference = np.repeat(
                [1 / len(source), -1 / len(target)], [len(source), len(target)]
            )
        n_components = self.n_components or rows.shape[1]
        self.gamma_ = 1 / rows.shape[1] if self.gamma is None else float(self.gamma)
        if self.kernel == "rbf":
            self.X_fit_ = rows
            K = rbf_kernel(rows, gamma=self.gamma_)
            coefficients = self._find(K, difference, n_components)
        else:
            # W lies in the span of the rows' left singular vectors: K W is a product
            # with as many columns as there are features.
            self.X_fit_ = None
            left, values, right = svd(rows, full_matrices=False)
            inner = self._find(left * values**2, difference, n_components)
            coefficients = right.T @ (values[:, np.newaxis] * inner)
        self.coefficients_ = _with_fixed_signs(coefficients)
        self.n_components_ = self.coefficients_.shape[1]

    def _find(self, M, difference, n_components):
        """Return the leading w of (v v' + mu I)^-1 M' H M with v = M' difference.

        The inverse root of the first matrix is a number times I - shrink u u', so that
        a symmetric problem is left.
        """
        v = M.T @ difference
        length = np.linalg.norm(v)
        u = v / length if length else v
        shrink = 1 - 1 / np.sqrt(1 + length**2 / self.mu)
        centred = M - M.mean(axis=0)
        whitened = (centred - shrink * np.outer(centred @ u, u)) / np.sqrt(self.mu)
        values, vectors = _leading(whitened, min(n_components, len(u)))
        rounding = max(M.shape) * np.finfo(M.dtype).eps * np.linalg.norm(M)
        kept = values > max(values[0] * _NOISE, rounding**2 / self.mu)
        if not kept.any():
            raise ValueError(
                f"{type(self).__name__} expects rows that vary, and not only from "
                f"one domain to the other, got rows without any component (with "
                f"kernel={self.kernel!r}, gamma={self.gamma_} and mu={self.mu})."
            )
        self.eigenvalues_, vectors = values[kept], vectors[:, kept]
        vectors = (vectors - shrink * np.outer(u, u @ vectors)) / np.sqrt(self.mu)
        # The variance of M w is the eigenvalue over the number of rows.
        return vectors * np.sqrt(len(M) / self.eigenvalues_)

    def _map_source(self, X):
        return self._map_target(X)

    def _map_target(self, X):
        if self.kernel == "rbf":
            X = rbf_kernel(X, self.X_fit_.astype(X.dtype, copy=False), self.gamma_)
        return X @ self.coefficients_.astype(X.dtype, copy=False)

    @property
    def _n_features_out(self):
        return self.n_components_


def _leading(A, n_vectors):
    """Return the largest eigenvalues of A'A and their vectors, falling."""
    size = A.shape[1]
    if size > _MANY and n_vectors < _FEW * size:
        gram = LinearOperator((size, size), lambda x: A.T @ (A @ x), dtype=A.dtype)
        # Any start that is the same in each fit, and at right angles to nothing.
        start = np.random.RandomState(0).uniform(-1, 1, size)
        values, vectors = eigsh(gram, k=n_vectors, v0=start)
        order = np.argsort(values)[::-1]
        return values[order], vectors[:, order]
    values, vectors = eigh(A.T @ A, subset_by_index=[size - n_vectors, size - 1])
    return values[::-1], vectors[:, ::-1]


def _with_fixed_signs(vectors):
    """Return columns whose largest entry is positive."""
    largest = np.abs(vectors).argmax(axis=0)
    return vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
