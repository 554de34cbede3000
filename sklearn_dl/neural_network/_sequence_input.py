"""Sequences as networks take them: arrays, ragged lists, tokens, texts."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, validate_data

from sklearn_dl._skorch import Sequences
from sklearn_dl.neural_network._fitting import check_target

__all__ = [
    "as_rows",
    "as_texts",
    "check_labels",
    "check_tokens",
    "check_values",
    "kind_of_input",
    "object_array",
    "row_lengths",
]


# Whoever has more distinct tokens says so.
_MOST_TOKENS = 10_000_000


def as_rows(X):
    """Return X, or a list where it is a column of texts or of sequences."""
    if isinstance(X, pd.DataFrame) and X.shape[1] == 1:
        column = X.iloc[:, 0]
        return X if pd.api.types.is_numeric_dtype(column) else column.tolist()
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1 and len(X):
        return X[:, 0].tolist() if isinstance(X[0, 0], str) else X
    if isinstance(X, pd.Series) or (isinstance(X, np.ndarray) and X.ndim == 1):
        return X if pd.api.types.is_numeric_dtype(X.dtype) else X.tolist()
    return list(X) if isinstance(X, Iterator) else X


def row_lengths(rows):
    """Return how many steps each of the validated rows has."""
    if isinstance(rows, Sequences):
        return rows.lengths
    return np.full(len(rows), rows.shape[1])


def object_array(rows):
    """Return an array with an object a row, which scikit-learn's splitters can cut."""
    rows = list(rows)
    array = np.empty(len(rows), dtype=object)
    for k, row in enumerate(rows):
        array[k] = row
    return array


def check_labels(name, y, lengths):
    """Return the labels of steps as an array of arrays.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    y : list of array-like of shape (n_steps,)
        The labels.
    lengths : array-like of int
        How many steps each row has.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        An array of labels a row.

    Raises
    ------
    ValueError
        If a row of labels has another length than its sequence.
    """
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    labels = [np.asarray(row) for row in y]
    if len(labels) != len(lengths):
        raise ValueError(
            f"{name} expects a sequence of labels for each row of X, got {len(labels)} "
            f"for {len(lengths)} rows."
        )
    for k, (row, length) in enumerate(zip(labels, lengths, strict=True)):
        if row.ndim != 1 or len(row) != length:
            raise ValueError(
                f"{name} expects a label for each of the {length} steps of row {k} of "
                f"X, row {k} of y has the shape {row.shape}."
            )
    return object_array(labels)


def _is_rectangular(X):
    """Return whether rows are to be read as one array of numbers."""
    if not isinstance(X, (list, tuple)) or not len(X):
        return True
    lengths = {len(row) for row in X if hasattr(row, "__len__")}
    arrays = any(hasattr(row, "shape") for row in X)
    words = any(_is_text(row) for row in X)
    return len(lengths) <= 1 and not arrays and not words


def _is_text(row):
    if isinstance(row, str):
        return True
    sequence = isinstance(row, (list, tuple, np.ndarray)) and len(row) > 0
    return sequence and isinstance(row[0], str)


def kind_of_input(X):
    """Return what rows hold, where the user does not say.

    Parameters
    ----------
    X : array-like or list
        The rows.

    Returns
    -------
    kind : {"values", "tokens", "text"}
        Texts are strings or lists of strings; tokens are ragged integers; all else
        has values.
    """
    if isinstance(X, str):
        # Refused where the texts are looked at.
        return "text"
    if _is_rectangular(X):
        numbers = getattr(X, "dtype", None)
        return "text" if getattr(numbers, "kind", None) in ("U", "T") else "values"
    if any(_is_text(row) for row in X):
        return "text"
    arrays = [np.asarray(row) for row in X]
    integers = all(row.dtype.kind in "iu" and row.ndim == 1 for row in arrays)
    return "tokens" if integers else "values"


def check_values(estimator, X, reset, n_channels, **kwargs):
    """Validate rows of numbers, and targets where they come with an array.

    Parameters
    ----------
    estimator : estimator
        Whose input it is.
    X : array-like of shape (n, n_steps) or (n, n_steps, n_channels), or list
        The rows; a list may have rows of different lengths.
    reset : bool
        Whether this is the first data that the estimator sees.
    n_channels : int or None
        How many values a step has to have; None takes those that it has.
    **kwargs
        Of :func:`sklearn.utils.validation.validate_data`, ``y`` among them.

    Returns
    -------
    checked : ndarray, Sequences or tuple
        Rows of shape (n, n_steps, n_channels) or ragged, and y if given.

    Raises
    ------
    ValueError
        If the rows are not what is expected.
    """
    name = type(estimator).__name__
    if not _is_rectangular(X):
        rows = _ragged_values(name, X, n_channels)
        if "y" not in kwargs:
            return rows
        y = check_target(estimator, kwargs["y"])
        check_consistent_length(rows, y)
        return rows, y
    options = {"dtype": (np.float64, np.float32), "allow_nd": True}
    if not reset and not kwargs and getattr(X, "ndim", 0) == 3:
        # Sequences may be longer or shorter than those of `fit`.
        checked = check_array(X, estimator=estimator, input_name="X", **options)
    else:
        checked = validate_data(estimator, X, reset=reset, **options, **kwargs)
    rows, *y = checked if isinstance(checked, tuple) else (checked,)
    if rows.ndim > 3:
        raise ValueError(
            f"{name} expects an X of shape (n_samples, n_steps) or (n_samples, "
            f"n_steps, n_channels), or a list of sequences, got the shape {rows.shape}."
        )
    rows = rows[:, :, None] if rows.ndim == 2 else rows
    if n_channels is not None and rows.shape[2] != n_channels:
        raise ValueError(
            f"{name} was fitted on {n_channels} values a step, X has {rows.shape[2]}."
        )
    return (rows, *y) if y else rows


def _ragged_values(name, X, n_channels):
    """Return rows of different lengths, with values of shape (n_steps, n_channels)."""
    _refuse_nothing(name, X)
    types = {getattr(row, "dtype", None) for row in X}
    dtype = np.float32 if types == {np.dtype(np.float32)} else np.float64
    parts = []
    for k, row in enumerate(X):
        try:
            part = np.asarray(row, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name} expects numbers, row {k} of X does not hold them: {error}"
            ) from error
        part = part[:, None] if part.ndim == 1 else part
        _check_row(name, k, part, "values")
        n_channels = part.shape[1] if n_channels is None else n_channels
        if part.shape[1] != n_channels:
            raise ValueError(
                f"{name} expects {n_channels} values a step, row {k} of X has "
                f"{part.shape[1]}."
            )
        if not np.isfinite(part).all():
            raise ValueError(
                f"{name} expects finite numbers, row {k} of X contains NaN or infinity."
            )
        parts.append(part)
    return Sequences.of(parts)


def check_tokens(name, X, n_tokens):
    """Return rows of numbers of tokens.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    X : list of array-like of shape (n_steps,), or ndarray of shape (n, n_steps)
        The rows.
    n_tokens : int or None
        How many tokens there are; None takes one more than the largest number.

    Returns
    -------
    rows : Sequences
        Values of shape (n_steps,), int64.

    Raises
    ------
    ValueError
        If a row is empty or has what is no token.
    """
    _refuse_nothing(name, X)
    parts = []
    for k, row in enumerate(X.to_numpy() if isinstance(X, pd.DataFrame) else X):
        part = np.asarray(row)
        _check_row(name, k, part[:, None] if part.ndim == 1 else part, "tokens")
        whole = part.dtype.kind in "iu" or (
            part.dtype.kind == "f" and np.isfinite(part).all() and not (part % 1).any()
        )
        if part.ndim != 1 or not whole:
            raise ValueError(
                f"{name} expects whole numbers as tokens, one a step, row {k} of X is "
                f"{part!s:.60}."
            )
        limit = _MOST_TOKENS if n_tokens is None else n_tokens
        if part.min() < 0 or part.max() >= limit:
            raise ValueError(
                f"{name} expects tokens from 0 and below {limit}, row {k} of X has "
                f"{part.min()} to {part.max()}. See the parameters 'n_tokens', and "
                f"input_type='values' for numbers that are no tokens."
            )
        parts.append(part.astype(np.int64))
    return Sequences.of(parts)


def _refuse_nothing(name, X):
    if not len(X):
        raise ValueError(f"{name} expects at least one sequence, X is empty.")


def _check_row(name, k, part, content):
    if part.ndim != 2:
        raise ValueError(
            f"{name} expects rows of shape (n_steps,) or (n_steps, n_channels), row "
            f"{k} of X has the shape {part.shape}."
        )
    if not len(part):
        raise ValueError(
            f"{name} expects at least one step in each row, row {k} of X is empty: it "
            f"has no {content}."
        )


def as_texts(name, X, tokenizer):
    """Return tokenised texts.

    Parameters
    ----------
    name : str
        Class of the estimator, for errors.
    X : iterable of str or of lists of str
        The texts; lists of words are left as they are.
    tokenizer : callable
        What turns a string into words.

    Returns
    -------
    texts : list of list of str
        The words of each.

    Raises
    ------
    ValueError
        If X is a string itself, or has rows that are none.
    """
    if isinstance(X, str):
        raise ValueError(
            f"{name} expects an iterable of texts, got the string {X!r:.60}."
        )
    if isinstance(X, pd.DataFrame):
        raise ValueError(
            f"{name} expects one column of texts, X has the {X.shape[1]} columns "
            f"{list(X.columns)[:4]}."
        )
    _refuse_nothing(name, X)
    texts = []
    for k, text in enumerate(X):
        if isinstance(text, str):
            text = tokenizer(text)
        elif not isinstance(text, (list, tuple, np.ndarray)) or not all(
            isinstance(word, str) for word in text
        ):
            raise ValueError(
                f"{name} expects texts or lists of words, row {k} of X is {text!s:.60}."
            )
        texts.append(list(text))
    return texts
