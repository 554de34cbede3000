"""The geodesic flow kernel."""

import numpy as np
from scipy.linalg import eigh, qr, svd
from sklearn.base import OneToOneFeatureMixin

from sklearn_dl.domain_adaptation._subspaces import BaseSubspaceTransformer

__all__ = ["GeodesicFlowKernel"]

# Below this angle a quotient loses its digits, and its limit is as good.
_SMALL_ANGLE = 1e-4


class GeodesicFlowKernel(OneToOneFeatureMixin, BaseSubspaceTransformer):
    r"""Geodesic flow kernel: all subspaces on the way from the source to the target.

    The principal components of the source and those of the target span two subspaces
    of the same dimension. On the shortest way :math:`\Phi(t)` from one to the other a
    row is projected on all subspaces, and the inner products of these projections are
    added up, after [1]_:

    .. math:: x^T G z = \int_0^1 (\Phi(t)^T x)^T (\Phi(t)^T z) \, dt

    What changes on the way counts less in it than what stays. Rows are multiplied with
    the root of G, so that inner products and distances of what comes out are those of
    the kernel, for a classifier of any kind.

    Parameters
    ----------
    n_components : int or 'auto', default='auto'
        Dimension of the subspaces. 'auto' takes the first dimension d for which the
        subspaces are as far apart as they can be, by the paper's subspace disagreement
        measure: the mean sine of the d-th principal angles between each domain and
        both of them together is at least 0.99. If there is none it takes the largest
        dimension, half of the features at most.

    Attributes
    ----------
    n_components_ : int
        Dimension of the subspaces.

    kernel_ : ndarray of shape (n_features, n_features)
        The matrix G.

    mapping_ : ndarray of shape (n_features, n_features)
        Its symmetric root.

    angles_ : ndarray of shape (n_components,)
        The principal angles between the subspaces, rising.

    disagreements_ : ndarray of shape (n_dimensions,) or None
        The subspace disagreement measure of the dimensions 1, 2, ... that were tried;
        None with a given number.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    SubspaceAlignment : Turns one subspace to the other.

    Notes
    -----
    The integral has a closed form in the principal angles. G is the integral itself,
    which is half of the matrix in the paper. It is never larger than the identity.

    The principal components are those of the centred rows of each domain; the rows
    that are transformed are not centred. The paper standardises the features of each
    domain first.

    The time of 'auto' grows with the third power of the largest dimension, as that of a
    principal component analysis does; the nearer the domains are, the more dimensions
    are tried.

    Several sources count as one, and so do several targets. With one domain rows are
    projected on its principal components.

    References
    ----------
    .. [1] B. Gong, Y. Shi, F. Sha and K. Grauman, "Geodesic flow kernel for
       unsupervised domain adaptation", CVPR 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import GeodesicFlowKernel
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 6))
    >>> domains = np.repeat([0, -1], 30)
    >>> flow = GeodesicFlowKernel(n_components=2).fit(X, sample_domain=domains)
    >>> mapped = flow.transform(X)
    >>> bool(np.allclose(mapped @ mapped.T, X @ flow.kernel_ @ X.T))
    True
    """

    def __init__(self, n_components="auto"):
        self.n_components = n_components

    def _learn(self, source, target):
        self._integrate(*self._find_bases(source, target))

    def _integrate(self, P, R):
        """Find the kernel of the flow between subspaces, and its root.

        In the basis of the principal directions the flow is cos(t a) A + sin(t a) B
        for each angle a, with A in the subspace of the source and B at right angles to
        it. B sin(a) is had without a division by a small sine: it is what the source's
        subspace leaves of the target's directions.
        """
        left, cosines, right = svd(P.T @ R)
        A = P @ left
        B_sines = R @ right.T - A * cosines
        angles = np.arctan2(np.linalg.norm(B_sines, axis=0), cosines)
        self.angles_ = angles
        sinc = np.sinc(2 * angles / np.pi)
        of_A = (1 + sinc) / 2
        of_both = np.sinc(angles / np.pi) / 2
        of_B = np.full_like(angles, 1 / 3)
        large = angles > _SMALL_ANGLE
        of_B[large] = (1 - sinc[large]) / (2 * np.sin(angles[large]) ** 2)
        weights = np.block(
            [[np.diag(of_A), np.diag(of_both)], [np.diag(of_both), np.diag(of_B)]]
        )
        # All of it lies in a space of twice the dimension of the subspaces.
        Q, triangle = qr(np.hstack([A, B_sines]), mode="economic")
        values, vectors = eigh(triangle @ weights @ triangle.T)
        values = np.maximum(values, 0)
        directions = Q @ vectors
        self.kernel_ = (directions * values) @ directions.T
        self.mapping_ = (directions * np.sqrt(values)) @ directions.T

    def _map_source(self, X):
        return self._map_target(X)

    def _map_target(self, X):
        return X @ self.mapping_.astype(X.dtype, copy=False)
