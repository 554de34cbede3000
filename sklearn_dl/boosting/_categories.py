"""Rows with categories in some columns, as an array of numbers."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.utils.validation import check_array, validate_data

from sklearn_dl.utils._sklearn import check_categorical_features

# Missing values are values here; infinite ones are not.
_CHECKS = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "order": "C"}


def read_rows(estimator, X):
    """Return the rows that an estimator is fitted on, and note their columns.

    Parameters
    ----------
    estimator : estimator
        Has ``categorical_features`` and ``max_bins``. Takes ``is_categorical_``,
        ``n_features_in_``, ``feature_names_in_`` where there are names, and the private
        ``_encoder``.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    X : ndarray or csr_matrix of shape (n_samples, n_features), float64
        Categories as 0, 1, ...; missing ones as NaN.
    n_categories : ndarray of shape (n_features,) or None
        How many categories each column has; 0 for a numeric one, None if all are.

    Raises
    ------
    ValueError
        If a column has more categories than ``max_bins``.
    """
    is_categorical = check_categorical_features(X, estimator.categorical_features)
    estimator.is_categorical_ = is_categorical
    estimator._encoder = None
    if is_categorical is None:
        return validate_data(estimator, X, accept_sparse="csr", **_CHECKS), None
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        dtype=np.float64,
    )
    estimator._encoder = ColumnTransformer(
        [
            ("categories", encoder, is_categorical),
            ("numbers", FunctionTransformer(check_array, kw_args=_CHECKS),
             ~is_categorical),
        ]
    )  # fmt: skip
    estimator._encoder.set_output(transform="default")
    validate_data(estimator, X, skip_check_array=True)
    X = _in_order(estimator, estimator._encoder.fit_transform(X))
    n_categories = np.zeros(len(is_categorical), dtype=np.int64)
    for place, categories in categories_of(estimator).items():
        n_categories[place] = max(1, len(categories))
        if n_categories[place] > estimator.max_bins:
            names = getattr(estimator, "feature_names_in_", None)
            name = repr(names[place]) if names is not None else f"at index {place}"
            raise ValueError(
                f"Categorical feature {name} of {type(estimator).__name__} is expected "
                f"to have a cardinality <= max_bins={estimator.max_bins} but actually "
                f"has a cardinality of {n_categories[place]}."
            )
    return X, n_categories


def categories_of(estimator):
    """Return the categories of each column of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Was fitted on what `read_rows` returned.

    Returns
    -------
    categories : dict of int to list
        The known categories, by the place of their column. Empty if there are none.
    """
    if estimator._encoder is None:
        return {}
    categories = estimator._encoder.named_transformers_["categories"].categories_
    places = np.flatnonzero(estimator.is_categorical_).tolist()
    return {
        # None and NaN are missing values, and no categories.
        place: [value for value in values if value is not None and value == value]
        for place, values in zip(places, categories, strict=True)
    }


def read_more_rows(estimator, X):
    """Return rows that a fitted estimator predicts.

    Parameters
    ----------
    estimator : estimator
        Was fitted on what `read_rows` returned.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    X : ndarray or csr_matrix of shape (n_samples, n_features), float64
        Categories as 0, 1, ...; missing and unknown ones as NaN.
    """
    if estimator._encoder is None:
        return validate_data(estimator, X, reset=False, accept_sparse="csr", **_CHECKS)
    validate_data(estimator, X, reset=False, skip_check_array=True)
    return _in_order(estimator, estimator._encoder.transform(X))


def _in_order(estimator, encoded):
    """Put columns back where they were: the encoder puts categories first."""
    order = np.argsort(~estimator.is_categorical_, kind="stable")
    X = np.empty(encoded.shape)
    X[:, order] = encoded
    return X
