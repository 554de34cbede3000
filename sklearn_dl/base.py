"""What every family of estimators may share: the protocol of joint fits."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["JointFitMixin", "JointTransformMixin"]


class JointFitMixin(ABC):
    """An estimator that can be fitted with several sets of parameters at once.

    The searches of :mod:`sklearn_dl.model_selection` ask for it: they hand such an
    estimator all candidates that share a training set, and score what comes back.
    Work that does not depend on what differs between the candidates is done once.

    Any estimator can take part, by inheriting from this class or by having its two
    methods. :func:`sklearn_dl.testing.check_joint_fit` checks that joint fits end where
    single fits do.

    Read more in the :ref:`User Guide <joint_fits>`.

    Examples
    --------
    A ridge regression that decomposes the data once for all strengths of its penalty:

    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, RegressorMixin, clone
    >>> from sklearn_dl.base import JointFitMixin
    >>> class Ridge(JointFitMixin, RegressorMixin, BaseEstimator):
    ...     def __init__(self, alpha=1.0):
    ...         self.alpha = alpha
    ...
    ...     def fit(self, X, y):
    ...         return self._solve(np.linalg.svd(X, full_matrices=False), y)
    ...
    ...     def _solve(self, decomposition, y):
    ...         U, s, Vt = decomposition
    ...         self.coef_ = Vt.T @ (s / (s**2 + self.alpha) * (U.T @ y))
    ...         return self
    ...
    ...     def predict(self, X):
    ...         return X @ self.coef_
    ...
    ...     def joint_fit_groups(self, candidates):
    ...         return [list(range(len(candidates)))]
    ...
    ...     def fit_candidates(self, candidates, X, y):
    ...         decomposition = np.linalg.svd(X, full_matrices=False)
    ...         for k, params in enumerate(candidates):
    ...             yield k, clone(self).set_params(**params)._solve(decomposition, y)
    >>> X, y = np.eye(3), np.arange(3.0)
    >>> for k, model in Ridge().fit_candidates([{"alpha": 0.0}, {"alpha": 1.0}], X, y):
    ...     print(k, model.predict(X))
    0 [0. 1. 2.]
    1 [0.  0.5 1. ]
    """

    @abstractmethod
    def joint_fit_groups(self, candidates: Sequence[dict[str, Any]]) -> list[list[int]]:
        """Say which candidates are fitted together.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        Returns
        -------
        groups : list of list of int
            Positions in `candidates`, each in one group at most. Those of one group
            share work and go to one call of :meth:`fit_candidates`, which may be given
            several groups. A candidate in no group is fitted by ``fit``.
        """

    @abstractmethod
    def fit_candidates(
        self, candidates: Sequence[dict[str, Any]], X: Any, y: Any, **fit_params: Any
    ) -> Iterator[tuple[int, Any]]:
        """Fit a clone of this estimator with each set of parameters.

        The estimator itself stays as it is. Nothing is kept of an estimator that was
        handed out, so that it takes no memory when the caller is done with it.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them. They are the caller's: estimators
            among their values are to be cloned.
        X : array-like of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        **fit_params : dict
            What else ``fit`` takes.

        Yields
        ------
        position : int
            Position in `candidates`; each comes once, in any order.
        outcome : estimator or Exception
            The fitted estimator, or the exception that its fit ended with.
        """


class JointTransformMixin(ABC):
    """A transformer that does work once for several sets of parameters.

    The searches of :mod:`sklearn_dl.model_selection` ask for it where such a
    transformer stands in front of a pipeline: the candidates of a group are handed to
    it together, with the training rows of a fold.

    Read more in the :ref:`User Guide <joint_fits>`.

    Examples
    --------
    Rows are decomposed once for all numbers of components:

    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, TransformerMixin, clone
    >>> from sklearn_dl.base import JointTransformMixin
    >>> class Rotation(JointTransformMixin, TransformerMixin, BaseEstimator):
    ...     def __init__(self, n_components=1):
    ...         self.n_components = n_components
    ...
    ...     def fit(self, X, y=None):
    ...         return self._take(np.linalg.svd(X)[2])
    ...
    ...     def _take(self, directions):
    ...         self.components_ = directions[: self.n_components]
    ...         return self
    ...
    ...     def transform(self, X):
    ...         return X @ self.components_.T
    ...
    ...     def joint_fit_groups(self, candidates):
    ...         return [list(range(len(candidates)))]
    ...
    ...     def fit_transform_candidates(self, candidates, X, y=None):
    ...         directions = np.linalg.svd(X)[2]
    ...         for k, params in enumerate(candidates):
    ...             model = clone(self).set_params(**params)._take(directions)
    ...             yield k, (model, model.transform(X))
    >>> candidates = [{"n_components": 1}, {"n_components": 2}]
    >>> fits = Rotation().fit_transform_candidates(candidates, np.eye(3))
    >>> [(k, Xt.shape) for k, (model, Xt) in fits]
    [(0, (3, 1)), (1, (3, 2))]
    """

    @abstractmethod
    def joint_fit_groups(self, candidates: Sequence[dict[str, Any]]) -> list[list[int]]:
        """Say which candidates are fitted together.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        Returns
        -------
        groups : list of list of int
            Positions in `candidates`, each in one group at most. A candidate in no
            group shares nothing.
        """

    @abstractmethod
    def fit_transform_candidates(
        self, candidates: Sequence[dict[str, Any]], X: Any, y: Any = None
    ) -> Iterator[tuple[int, Any]]:
        """Fit a clone of this transformer with each set of parameters, and apply it.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them. They are the caller's: estimators
            among their values are to be cloned.
        X : array-like of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.

        Yields
        ------
        position : int
            Position in `candidates`; each comes once, in any order.
        outcome : tuple of (estimator, array-like) or Exception
            The fitted transformer and what it makes of `X`, or the exception that its
            fit ended with.
        """
