"""From a table, with numbers and categories, to the input of a network."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.preprocessing import OrdinalEncoder

__all__ = ["TableEncoder", "categorical_columns"]


def categorical_columns(X, categorical_features, name):
    """Find the categorical columns.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_rows, n_features)
        The table.
    categorical_features : {"from_dtype"}, array-like or None
        "from_dtype" takes the columns of a DataFrame that have a categorical, string
        or object type. Otherwise a mask, indices or names.
    name : str
        Of the estimator, for the error.

    Returns
    -------
    is_categorical : ndarray of bool of shape (n_features,)
        The mask.
    """
    n_features = X.shape[1]
    is_categorical = np.zeros(n_features, dtype=bool)
    if categorical_features is None:
        return is_categorical
    if isinstance(categorical_features, str):
        if isinstance(X, pd.DataFrame):
            is_categorical[:] = [
                isinstance(dtype, pd.CategoricalDtype)
                or pd.api.types.is_string_dtype(dtype)
                or pd.api.types.is_object_dtype(dtype)
                for dtype in X.dtypes
            ]
        return is_categorical
    chosen = np.asarray(categorical_features)
    if chosen.dtype == bool and chosen.shape == (n_features,):
        return chosen
    if chosen.dtype.kind in "iu" and chosen.size and 0 <= chosen.min():
        if chosen.max() < n_features:
            is_categorical[chosen] = True
            return is_categorical
    elif chosen.dtype.kind in "UO" and isinstance(X, pd.DataFrame):
        if set(chosen) <= set(X.columns):
            return np.asarray(X.columns.isin(chosen))
    elif not chosen.size:
        return is_categorical
    raise ValueError(
        f"categorical_features of {name} must be 'from_dtype', None, a mask of "
        f"{n_features} booleans, indices below {n_features} or names of columns of a "
        f"DataFrame, got {categorical_features!r}."
    )


class TableEncoder(BaseEstimator):
    """Scale the numbers robustly, code the categories, numbers first.

    A number x becomes ``s / sqrt(1 + (s / 3) ** 2)`` with ``s = (x - median) / scale``:
    outliers are clipped smoothly, at 3. The scale is the distance of the quartiles,
    where that is 0 half the range, and where that is 0 too the column becomes 0 [1]_.
    Missing numbers become 0, and a column that has some gets a second one that says
    where.

    A category becomes its number, from 1; 0 is a category that was not there in `fit`.
    Missing is a category of its own.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024,
       arXiv 2407.04491.
    """

    def fit(self, X, is_categorical, weight=None):
        """Learn medians, scales and categories, with weights of the rows."""
        self.is_categorical_ = is_categorical
        numbers, categories = self._parts(X)
        self.missing_ = np.isnan(numbers).any(axis=0)
        # Defined by counting, so that a weight of 2 is the same as a row that is there
        # twice.
        low, middle, high, smallest, largest = self._quantiles(
            numbers, [0.25, 0.5, 0.75, 0.0, 1.0], weight
        )
        scale = np.where(high > low, high - low, (largest - smallest) / 2)
        self.center_ = middle
        with np.errstate(divide="ignore"):
            self.factor_ = np.where(scale > 0, 1 / scale, 0.0)
        self.n_categories_ = []
        if is_categorical.any():
            self.ordinal_ = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=-1,
                encoded_missing_value=-2,
                dtype=np.float64,
            ).fit(categories)
            self.n_categories_ = [len(c) for c in self.ordinal_.categories_]
        return self

    @staticmethod
    def _quantiles(numbers, quantiles, weight):
        if not numbers.shape[1]:
            return np.zeros((len(quantiles), 0))
        columns = []
        for column in numbers.T:
            present = ~np.isnan(column)
            if weight is not None:
                present &= weight > 0
            if not present.any():
                columns.append(np.zeros(len(quantiles)))
                continue
            columns.append(
                np.quantile(
                    column[present],
                    quantiles,
                    method="inverted_cdf",
                    weights=None if weight is None else weight[present],
                )
            )
        return np.stack(columns, axis=1)

    def _parts(self, X):
        if not isinstance(X, pd.DataFrame):
            return X[:, ~self.is_categorical_], X[:, self.is_categorical_]
        frame = X.loc[:, ~self.is_categorical_]
        single = len(frame.columns) and all(t == np.float32 for t in frame.dtypes)
        numbers = frame.to_numpy(
            dtype=np.float32 if single else np.float64, na_value=np.nan
        )
        if np.isinf(numbers).any():
            infinite = frame.columns[np.isinf(numbers).any(axis=0)]
            raise ValueError(f"Input X contains infinity, in {list(infinite)}.")
        categories = X.loc[:, self.is_categorical_].astype(object)
        # One sign for what is missing: there are None, NaN and pandas' NA.
        return numbers, categories.mask(categories.isna(), np.nan)

    @property
    def n_numeric_(self):
        """The number of columns before those that hold codes."""
        return len(self.center_) + int(self.missing_.sum())

    def transform(self, X):
        """Return the encoded columns, numbers first.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_rows, n_features)
            The table.

        Returns
        -------
        encoded : ndarray of shape (n_rows, n_encoded)
            float32 where the numbers are, else float64.
        """
        numbers, categories = self._parts(X)
        dtype = numbers.dtype
        scaled = (numbers - self.center_.astype(dtype)) * self.factor_.astype(dtype)
        # hypot does not overflow where squares would.
        scaled /= np.hypot(1, scaled / 3)
        absent = np.isnan(scaled)
        parts = [np.where(absent, 0, scaled), absent[:, self.missing_].astype(dtype)]
        if self.is_categorical_.any():
            codes = self.ordinal_.transform(categories)
            last = np.asarray(self.n_categories_)
            # Among the categories of a column, missing is the last.
            codes = np.where(codes == -2, last, codes + 1)
            parts.append(codes.astype(dtype))
        return np.hstack(parts)
