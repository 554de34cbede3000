"""The convention: which rows are source, which are target, which have a label.

A domain is a number a row: 0 and above are sources, below are targets. A target row
may be without a label: -1 among integers, NaN among floating numbers, None among
objects.
"""

from inspect import signature
from numbers import Real
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from sklearn_dl.utils._sklearn import check_sample_weight, num_samples

__all__ = [
    "CLASS_OF_MINUS_ONE",
    "DomainAwareMixin",
    "Domains",
    "check_domain_weights",
    "check_domains",
    "is_masked",
    "is_masked_alone",
    "read_domains",
]


# What may take domains, in an estimator, a splitter or a scorer.
_METHODS = (
    "fit",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score",
    "split",
)
CLASS_OF_MINUS_ONE = (
    " If -1 is a class of yours, encode the classes from 0, for instance with "
    "sklearn.preprocessing.LabelEncoder."
)


class Domains(NamedTuple):
    """Where the rows of a fit are from.

    Parameters
    ----------
    ids : ndarray of shape (n_rows,), dtype int64
        The domain of each row.
    is_source : ndarray of shape (n_rows,), dtype bool
        Whether it is a source.
    is_labelled : ndarray of shape (n_rows,), dtype bool
        Whether the row has a label. All source rows have one.
    """

    ids: np.ndarray
    is_source: np.ndarray
    is_labelled: np.ndarray

    @property
    def has_target(self):
        """Whether there is a target at all."""
        return not self.is_source.all()


class DomainAwareMixin:
    """Asks metadata routing for ``sample_domain``, without the user's having to."""

    def __init_subclass__(cls, **kwargs):
        for method in _METHODS:
            function = getattr(cls, method, None)
            if (
                function is None
                or "sample_domain" not in signature(function).parameters
            ):
                continue
            setattr(cls, f"__metadata_request__{method}", {"sample_domain": True})
        super().__init_subclass__(**kwargs)


def is_masked(y, *, numeric=False):
    """Return which rows have no label.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels or, with `numeric`, targets of a regression.
    numeric : bool, default=False
        Whether -1 is a number like another.

    Returns
    -------
    masked : ndarray of shape (n_rows,), dtype bool
        True for -1 among signed integers, for NaN among floating numbers, and for None
        and NaN among objects.
    """
    if y.dtype.kind == "i" and not numeric:
        return y == -1
    if y.dtype.kind in "fcO":
        return np.asarray(pd.isna(y), dtype=bool)
    return np.zeros(len(y), dtype=bool)


def is_masked_alone(y, *, numeric=False):
    """Return which rows have no label where no domains are given.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels or, with `numeric`, targets of a regression.
    numeric : bool, default=False
        Whether -1 is a number like another.

    Returns
    -------
    masked : ndarray of shape (n_rows,), dtype bool
        What `is_masked` says, but for -1 beside a single other integer: there would be
        nothing to tell apart, and so these are two classes.
    """
    masked = is_masked(y, numeric=numeric)
    if y.dtype.kind == "i" and masked.any() and len(np.unique(y[~masked])) == 1:
        return np.zeros(len(y), dtype=bool)
    return masked


def check_domains(name, sample_domain, n_rows):
    """Check the numbers of domains.

    Parameters
    ----------
    name : str
        Of the estimator, for errors.
    sample_domain : array-like of shape (n_rows,)
        A whole number a row.
    n_rows : int
        How many rows there are.

    Returns
    -------
    ids : ndarray of shape (n_rows,), dtype int64
        The same, as a copy.

    Raises
    ------
    ValueError
        If they are not that, or too large for int64.
    """
    ids = np.asarray(sample_domain)
    if ids.shape != (n_rows,):
        raise ValueError(
            f"sample_domain of {name} must have one number for each of the {n_rows} "
            f"rows of X, got the shape {ids.shape}."
        )
    if ids.dtype.kind == "O":
        numbers = [isinstance(v, Real) and not isinstance(v, bool) for v in ids]
        right = np.array(numbers, dtype=bool)
        right[right] = [-(2**63) <= v < 2**63 and v // 1 == v for v in ids[right]]
    elif ids.dtype.kind == "f":
        right = (ids == np.floor(ids)) & (np.abs(ids) < np.float64(2**63))
    elif ids.dtype.kind == "u":
        right = ids < np.uint64(2**63)
    else:
        right = np.full(n_rows, ids.dtype.kind == "i")
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        raise ValueError(
            f"sample_domain of {name} must be whole numbers of at most 64 bits, 0 and "
            f"above for sources and below 0 for targets, got {ids.tolist()[row]!r} in "
            f"row {row}."
        )
    return ids.astype(np.int64)


def read_domains(estimator, X, y, sample_domain, *, numeric=False):
    """Check labels and domains of a fit.

    Parameters
    ----------
    estimator : estimator
        Whose fit it is, for errors.
    X : array-like of shape (n_rows, ...)
        The rows; nothing but their number is looked at.
    y : array-like of shape (n_rows,)
        Labels, masked where a target row has none.
    sample_domain : array-like of shape (n_rows,) or None
        Domains; with None, rows without a label are the target and all others the
        source. Without such rows either, all are source; then the classes may be -1
        and 1.
    numeric : bool, default=False
        Whether y are the targets of a regression.

    Returns
    -------
    y : ndarray of shape (n_rows,)
        A copy of the labels. Where there are none it means nothing.
    domains : Domains
        Where the rows are from.

    Raises
    ------
    ValueError
        If the lengths differ, if there is no source, or if a source row has no label.
    """
    name = type(estimator).__name__
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None. Rows of the "
            f"target that have no label get -1 (integers), NaN (floats) or None "
            f"(objects)."
        )
    n_rows = num_samples(X)
    y = np.array(column_or_1d(y, warn=True))
    check_consistent_length(X, y)
    if sample_domain is None:
        masked = is_masked_alone(y, numeric=numeric)
        ids = np.where(masked, -1, 0)
    else:
        masked = is_masked(y, numeric=numeric)
        ids = check_domains(name, sample_domain, n_rows)
    domains = Domains(ids, ids >= 0, ~masked)
    _check_source(name, domains, y, numeric)
    if y.dtype == object and not numeric:
        y = _as_labels(y, masked)
    labels = y[~masked]
    if numeric:
        y = _as_numbers(y, masked)
        assert_all_finite(y[~masked], input_name="y")
    else:
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        _check_labels(name, labels)
    return y, domains


def _check_labels(name, labels):
    """Refuse what are no classes, or classes of several types."""
    kinds = {type(label).__name__ for label in labels} if labels.dtype == object else ()
    if "str" in kinds and len(kinds) > 1:
        raise TypeError(
            f"y of {name} must have labels of one type in all domains, got "
            f"{sorted(kinds)}."
        )
    check_classification_targets(labels)


def _check_source(name, domains, y, numeric):
    """Refuse a source without rows, or with rows that have no label."""
    if not domains.is_source.any():
        raise ValueError(
            f"{name} expects rows of a source domain, got none: sample_domain is below "
            f"0 for all rows, or y has no label at all. Source rows have a domain of 0 "
            f"or above, and a label."
        )
    unlabelled = domains.is_source & ~domains.is_labelled
    if unlabelled.any():
        row = int(np.flatnonzero(unlabelled)[0])
        way_out = "" if numeric else CLASS_OF_MINUS_ONE
        # As Python writes it, not numpy.
        label = y[row : row + 1].tolist()[0]
        raise ValueError(
            f"{name} expects a label for each row of a source domain, got "
            f"y[{row}]={label!r}, which marks target rows without a label.{way_out}"
        )


def _as_labels(y, masked):
    """Return labels that are objects only for the sake of a mask as what they are."""
    known = np.array(y[~masked].tolist())
    if known.dtype.kind not in "biuf":
        return y
    labels = np.zeros(len(y), dtype=known.dtype)
    labels[~masked] = known
    return labels


def _as_numbers(y, masked):
    """Return targets as float64, NaN where there are none."""
    numbers = np.full(len(y), np.nan)
    numbers[~masked] = y[~masked].astype(np.float64)
    return numbers


def check_domain_weights(estimator, X, sample_weight, used):
    """Check weights of rows: none is negative, and not all that count are 0.

    Parameters
    ----------
    estimator : estimator
        Whose fit it is, for errors.
    X : array-like of shape (n_rows, ...)
        The rows.
    sample_weight : array-like of shape (n_rows,) or None
        Their weights; None is 1 for all.
    used : dict of str to ndarray of shape (n_rows,), dtype bool
        Which rows have to have some weight together, by what they are called.

    Returns
    -------
    weight : ndarray of shape (n_rows,), dtype float64
        The weights.
    """
    weight = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    for rows, chosen in used.items():
        if chosen.any() and not weight[chosen].any():
            raise ValueError(
                f"sample_weight of {type(estimator).__name__} must be positive for "
                f"some of the {rows} rows, got zero for all {int(chosen.sum())}."
            )
    return weight
