"""Subspace alignment."""

from sklearn.base import ClassNamePrefixFeaturesOutMixin

from sklearn_dl.domain_adaptation._subspaces import BaseSubspaceTransformer

__all__ = ["SubspaceAlignment"]


class SubspaceAlignment(ClassNamePrefixFeaturesOutMixin, BaseSubspaceTransformer):
    r"""Subspace alignment: principal components of the source, turned to the target's.

    Both domains are projected on their own principal components. Those of the source,
    :math:`P_s`, are turned by :math:`P_s^T P_t` towards those of the target,
    :math:`P_t`, after [1]_: rows of the source are multiplied with
    :math:`P_s P_s^T P_t`, rows of the target with :math:`P_t`.

    Parameters
    ----------
    n_components : int or 'auto', default='auto'
        Number of principal components, at most the number of features and one less
        than the rows of the smaller domain. 'auto' takes the first number for which
        the subspaces are as far apart as they can be, as :class:`GeodesicFlowKernel`
        does; if there is none, the largest number, half of the features at most.

    Attributes
    ----------
    n_components_ : int
        Number of principal components.

    source_components_ : ndarray of shape (n_components, n_features)
        The principal components of the source.

    target_components_ : ndarray of shape (n_components, n_features)
        Those of the target.

    alignment_ : ndarray of shape (n_components, n_components)
        What turns the former to the latter.

    source_mean_ : ndarray of shape (n_features,)
        Mean of the source.

    target_mean_ : ndarray of shape (n_features,)
        Mean of the target.

    disagreements_ : ndarray of shape (n_numbers,) or None
        The subspace disagreement measure of the numbers 1, 2, ... that were tried;
        None with a given number.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    GeodesicFlowKernel : Takes all subspaces between the two.
    CORAL : Aligns covariances and keeps the features.

    Notes
    -----
    The rows of each domain are centred at its own mean; the paper standardises the
    features of each domain first.

    With as many components as features nothing is aligned but the means:
    :math:`P_s P_s^T` is the identity then, and all rows are turned alike.

    Several sources count as one, and so do several targets. With one domain the rows
    are projected on its principal components.

    References
    ----------
    .. [1] B. Fernando, A. Habrard, M. Sebban and T. Tuytelaars, "Unsupervised visual
       domain adaptation using subspace alignment", ICCV 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import SubspaceAlignment
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5))
    >>> domains = np.repeat([0, -1], 30)
    >>> aligner = SubspaceAlignment(n_components=2)
    >>> aligner.fit_transform(X, sample_domain=domains).shape
    (60, 2)
    """

    def __init__(self, n_components="auto"):
        self.n_components = n_components

    def _learn(self, source, target):
        of_source, of_target = self._find_bases(source, target)
        self.source_mean_, self.target_mean_ = source.mean(axis=0), target.mean(axis=0)
        self.source_components_, self.target_components_ = of_source.T, of_target.T
        self.alignment_ = self.source_components_ @ self.target_components_.T

    def _map_source(self, X):
        mapping = self.source_components_.T @ self.alignment_
        return (X - self.source_mean_.astype(X.dtype)) @ mapping.astype(X.dtype)

    def _map_target(self, X):
        mapping = self.target_components_.T.astype(X.dtype)
        return (X - self.target_mean_.astype(X.dtype)) @ mapping

    @property
    def _n_features_out(self):
        return self.n_components_
