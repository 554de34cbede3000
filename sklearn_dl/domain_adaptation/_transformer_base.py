"""What the transformers for domains share: who is source, and what is done to it."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_dl.domain_adaptation._domains import (
    DomainAwareMixin,
    check_domains,
    is_masked_alone,
)
from sklearn_dl.utils._sklearn import fit_context

__all__ = ["BaseDomainTransformer"]

_FLOATS = (np.float64, np.float32)


class BaseDomainTransformer(DomainAwareMixin, TransformerMixin, BaseEstimator, ABC):
    """Base class of transformers that bring source and target together.

    They learn from rows of both and see no label. All sources count as one, and so do
    all targets.
    """

    _parameter_constraints: dict = {}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_domain=None):
        """Learn from the rows of both domains.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows of source and target.

        y : array-like of shape (n_samples,), default=None
            Labels. All that is read of them is which rows have none, where there is
            no `sample_domain`: those of -1 (integers), NaN (floats) or None (objects).
            Pass floats for a regression, where -1 is a number like another.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row: 0 and above are sources, below are targets. With
            None the rows without a label in `y` are the target. Without such rows
            there is one domain, which is source and target.

        Returns
        -------
        self : BaseDomainTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If source or target have less than two rows, or if there is nothing to learn
            from them.
        """
        self._fit(X, y, sample_domain)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, sample_domain=None):
        """Learn from the rows of both domains, and transform each as what it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows of source and target.

        y : array-like of shape (n_samples,), default=None
            Labels, read as by ``fit``.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, as for ``fit``.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features_new)
            The rows where source and target are alike.
        """
        return self._transform(*self._fit(X, y, sample_domain))

    def transform(self, X, sample_domain=None):
        """Transform rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row: 0 and above are sources, below are targets. With
            None all rows are of the target.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features_new)
            The rows where source and target are alike.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_FLOATS, reset=False)
        if sample_domain is None:
            return self._transform(X, np.zeros(len(X), dtype=bool))
        ids = check_domains(type(self).__name__, sample_domain, len(X))
        return self._transform(X, ids >= 0)

    def _fit(self, X, y, sample_domain):
        """Learn; return the checked rows and which of them are source."""
        X = validate_data(self, X, dtype=_FLOATS, ensure_min_samples=2)
        is_source = self._read_sources(X, y, sample_domain)
        rows = X.astype(np.float64, copy=False)
        if is_source is None:
            self._learn(rows, rows)
            return X, np.zeros(len(X), dtype=bool)
        self._learn(rows[is_source], rows[~is_source])
        return X, is_source

    def _read_sources(self, X, y, sample_domain):
        """Return which rows are source, or None if there is but one domain."""
        name = type(self).__name__
        if sample_domain is not None:
            is_source = check_domains(name, sample_domain, len(X)) >= 0
        else:
            y = np.asarray(y)
            # Targets of several outputs, or none: nothing says that a row is masked.
            if y.shape != (len(X),):
                return None
            is_source = ~is_masked_alone(y)
            if is_source.all():
                return None
        for domain, n_rows in (
            ("source", np.count_nonzero(is_source)),
            ("target", np.count_nonzero(~is_source)),
        ):
            if n_rows < 2:
                raise ValueError(
                    f"{name} expects at least 2 rows of the {domain}, got {n_rows}. "
                    f"Sources have a sample_domain of 0 or above, targets one below 0; "
                    f"without sample_domain the target are the rows whose label is -1 "
                    f"(integers), NaN (floats) or None (objects)."
                )
        return is_source

    def _transform(self, X, is_source):
        """Transform rows of both domains, each as what it is."""
        if not is_source.any():
            return self._map_target(X)
        source, target = self._map_source(X[is_source]), self._map_target(X[~is_source])
        mapped = np.empty((len(X), source.shape[1]), dtype=source.dtype)
        mapped[is_source] = source
        mapped[~is_source] = target
        return mapped

    @abstractmethod
    def _learn(self, source, target):
        """Learn from float64 rows; with one domain both are the same array."""

    @abstractmethod
    def _map_source(self, X):
        """Return rows of the source where the target is."""

    @abstractmethod
    def _map_target(self, X):
        """Return rows of the target, in a new array."""

    def _most_components(self, source, target):
        """Return how many directions the rows of either domain can span."""
        return min(len(source) - 1, len(target) - 1, source.shape[1])

    def _check_n_components(self, n_components, most):
        """Refuse more components than there can be."""
        if n_components > most:
            raise ValueError(
                f"n_components of {type(self).__name__} must be at most {most}, one "
                f"less than the rows of the smaller domain and no more than the "
                f"features, got {n_components}."
            )
        return n_components

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
