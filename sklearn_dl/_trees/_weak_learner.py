"""What ensembles share whose weak learners are the engine's trees, or the user's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sklearn_dl._trees._flat import FlatTrees
from sklearn_dl.utils._kernel import own

__all__ = ["WeakLearnerMixin"]

# Rows that are handled together where each takes more memory than in X.
_ROWS_AT_ONCE = 4096


class WeakLearnerMixin:
    """An ensemble of `estimator`, of which None are trees of the engine.

    A fit keeps the weak learners in ``_members``: a list of the user's, or
    :class:`FlatTrees`.
    """

    estimator: Any
    estimator_weights_: np.ndarray
    n_estimators_: int
    n_features_in_: int
    _members: Any

    # -- input -------------------------------------------------------------------------

    def _options(self) -> dict[str, Any]:
        """Return how rows are checked. The engine's trees get single precision."""
        options: dict[str, Any]
        if self.estimator is None:
            options = {"dtype": np.float32, "accept_sparse": "csr"}
        else:
            options = {
                "dtype": None,
                "accept_sparse": ["csr", "csc"],
                "allow_nd": True,
            }
        if self._allows_missing():
            options["ensure_all_finite"] = "allow-nan"
        return options

    def _allows_missing(self) -> bool:
        return self.estimator is None or get_tags(self.estimator).input_tags.allow_nan

    def _check_takes_weights(self, way_out: str = "") -> None:
        """Refuse a weak learner that cannot be fitted to weighted rows."""
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"The 'estimator' parameter of {type(self).__name__} must be an "
                f"estimator whose fit takes sample_weight. Got {self.estimator!r}, "
                f"which doesn't support sample_weight.{way_out}"
            )

    @staticmethod
    def _dense(X: Any) -> np.ndarray:
        """Return X as the engine takes it."""
        return X.toarray() if issparse(X) else own(np.ascontiguousarray(X))

    def _dense_blocks(self, X: Any) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield parts of X as the engine takes them, with the rows where they stand."""
        for start in range(0, X.shape[0], _ROWS_AT_ONCE):
            rows = slice(start, min(start + _ROWS_AT_ONCE, X.shape[0]))
            yield rows, self._dense(X[rows])

    # -- what was learned --------------------------------------------------------------

    @property
    def estimators_(self) -> list[Any]:
        """The weak learners in the order in which they were fitted."""
        if isinstance(self._members, FlatTrees):
            return [
                self._members.tree(
                    t, self.n_features_in_, getattr(self, "classes_", None)
                )
                for t in range(len(self._members))
            ]
        return self._members

    @property
    def feature_importances_(self) -> np.ndarray:
        """The mean share of each feature in the decrease of impurity."""
        check_is_fitted(self)
        if isinstance(self._members, FlatTrees):
            importances = self._members.importances(self.n_features_in_)
        else:
            if not hasattr(self._members[0], "feature_importances_"):
                raise AttributeError(
                    f"{type(self).__name__} has no feature_importances_, since its "
                    f"estimator, {self.estimator!r}, has none."
                )
            importances = [member.feature_importances_ for member in self._members]
        return np.average(importances, axis=0, weights=self._importance_weights())

    def _importance_weights(self) -> np.ndarray:
        """Return how much each weak learner counts in the importances."""
        weights = self.estimator_weights_[: self.n_estimators_]
        return weights if weights.any() else np.ones_like(weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = self._allows_missing()
        # The engine's trees take sparse rows and make them dense.
        tags.input_tags.sparse = (
            self.estimator is None or get_tags(self.estimator).input_tags.sparse
        )
        return tags
