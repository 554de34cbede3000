"""What the transformers share that compare principal components of two domains."""

from numbers import Integral

import numpy as np
from scipy.linalg import svd
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from sklearn.decomposition import PCA

from sklearn_dl.domain_adaptation._transformer_base import BaseDomainTransformer
from sklearn_dl.utils._sklearn import Interval, StrOptions

__all__ = ["BaseSubspaceTransformer"]

# The sine of a principal angle from which on two directions count as orthogonal.
_ORTHOGONAL = 0.99
# Lanczos iterations pay off for angles between more dimensions than these.
_MANY = 60


class BaseSubspaceTransformer(BaseDomainTransformer):
    """Base class of transformers by subspaces of one dimension in both domains."""

    _parameter_constraints: dict = {
        "n_components": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
    }

    def _find_bases(self, source, target):
        """Return the principal components of source and target as columns."""
        most = self._most_components(source, target)
        if self.n_components != "auto":
            self.disagreements_ = None
            self.n_components_ = self._check_n_components(self.n_components, most)
            return tuple(_basis(rows, self.n_components_) for rows in (source, target))
        most = max(1, min(most, source.shape[1] // 2))
        both = source if source is target else np.vstack([source, target])
        bases = _basis(source, most), _basis(target, most)
        self.disagreements_ = _disagreements(*bases, _basis(both, most))
        self.n_components_ = len(self.disagreements_)
        return tuple(basis[:, : self.n_components_] for basis in bases)


def _basis(rows, n_components):
    """Return principal components as columns."""
    # Rows that are all alike have no shares of a variance.
    with np.errstate(invalid="ignore"):
        return PCA(n_components, svd_solver="full").fit(rows).components_.T


def _disagreements(of_source, of_target, of_both):
    """Return the disagreement of 1, 2, ... components, up to the first large one.

    It need not rise with their number: a direction that only one of two subspaces has
    may be the next one of the other. So all numbers are tried.
    """
    products = of_source.T @ of_both, of_target.T @ of_both
    measures = []
    for d in range(1, of_both.shape[1] + 1):
        measures.append(
            np.mean([_largest_sine(product[:d, :d]) for product in products])
        )
        if measures[-1] >= _ORTHOGONAL:
            break
    return np.array(measures)


def _largest_sine(cosines):
    """Return the sine of the largest angle between subspaces.

    The singular values of the matrix are the cosines of the angles.
    """
    size = len(cosines)
    if size > _MANY:
        # Eigenvalues from 1 to 2, of which the largest is 1 and the squared sine.
        squares = LinearOperator(
            cosines.shape, lambda x: 2 * x - cosines.T @ (cosines @ x), dtype=float
        )
        # Any start that is the same in each fit, and at right angles to nothing.
        start = np.random.RandomState(0).uniform(-1, 1, size)
        try:
            (value,) = eigsh(
                squares, k=1, which="LA", v0=start, return_eigenvectors=False
            )
            return np.sqrt(max(value - 1, 0))
        except ArpackNoConvergence:
            pass
    smallest = svd(cosines, compute_uv=False)[-1]
    return np.sqrt(max(1 - smallest**2, 0))
