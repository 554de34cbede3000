"""Correlation alignment."""

from numbers import Real

import numpy as np
from scipy.linalg import eigh
from sklearn.base import OneToOneFeatureMixin

from sklearn_dl.domain_adaptation._transformer_base import BaseDomainTransformer
from sklearn_dl.utils._sklearn import Interval

__all__ = ["CORAL"]


class CORAL(OneToOneFeatureMixin, BaseDomainTransformer):
    r"""Correlation alignment: the source gets the covariance of the target.

    Rows of the source are whitened by the inverse root of their own covariance and
    coloured by the root of the target's, after [1]_. Rows of the target stay as they
    are. What is trained on the mapped source suits the target, so far as the domains
    differ in their covariance.

    Parameters
    ----------
    reg : float, default=1.0
        Added to the diagonals of both covariances. The paper's value is 1, for
        features of variance 1. With 0 the covariances become the same, where the
        source has more rows than features.

    Attributes
    ----------
    mapping_ : ndarray of shape (n_features, n_features)
        What rows of the source are multiplied with,
        :math:`(C_s + r I)^{-1/2} (C_t + r I)^{1/2}`.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    SubspaceAlignment : Aligns the directions of largest variance.
    DomainSelector : Trains a classifier on the mapped source.

    Notes
    -----
    Nothing is moved: means that differ still do. The paper standardises the features
    of each domain first.

    Several sources count as one, and so do several targets. With one domain nothing
    is changed.

    References
    ----------
    .. [1] B. Sun, J. Feng and K. Saenko, "Return of frustratingly easy domain
       adaptation", AAAI 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import CORAL
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> X[200:, 0] *= 3
    >>> domains = np.repeat([0, -1], 200)
    >>> mapped = CORAL(reg=0).fit_transform(X, sample_domain=domains)
    >>> bool(np.allclose(np.cov(mapped[:200].T), np.cov(X[200:].T)))
    True
    """

    _parameter_constraints: dict = {"reg": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, reg=1.0):
        self.reg = reg

    def _learn(self, source, target):
        if source is target:
            self.mapping_ = np.eye(source.shape[1])
            return
        self.mapping_ = self._root(source, -0.5) @ self._root(target, 0.5)

    def _root(self, rows, power):
        """Return a symmetric power of the covariance; of what is singular, its own."""
        covariance = np.atleast_2d(np.cov(rows, rowvar=False))
        values, vectors = eigh(covariance)
        values += self.reg
        least = values[-1] * len(values) * np.finfo(values.dtype).eps
        powers = np.zeros_like(values)
        np.power(values, power, out=powers, where=values > least)
        return (vectors * powers) @ vectors.T

    def _map_source(self, X):
        return X @ self.mapping_.astype(X.dtype, copy=False)

    def _map_target(self, X):
        return X.copy()
