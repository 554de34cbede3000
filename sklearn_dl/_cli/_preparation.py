"""Preparation of the columns of a table: numbers, categories, dates and identifiers."""

import re
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.utils.validation import check_is_fitted

_MAX_ONE_HOT = 30
# With fewer known values nothing tells an identifier from a category.
_MIN_KNOWN = 20
_DATE = r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}.*)?\s*"
_PARTS = ("year", "month", "day", "weekday", "hour", "seconds")


def clean_columns(X: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Give each column a type that says how to treat it, and drop useless ones.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_columns)
        Columns as they were read from a file.

    Returns
    -------
    cleaned : DataFrame
        Numbers as float64, categories of few values as ``category``, of many values as
        ``object``, and dates as ``datetime64``.

    notes : list of str
        What was dropped or converted.
    """
    cleaned: dict[Any, pd.Series] = {}
    dropped: dict[str, list[str]] = {}
    dates: list[str] = []
    for name, column in X.items():
        reason = _useless(str(name), column)
        if reason:
            dropped.setdefault(reason, []).append(str(name))
            continue
        if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
            # Sums of squares of values near the largest float overflow in a scaler.
            cleaned[name] = column.astype(np.float64).replace([np.inf, -np.inf], np.nan)
            continue
        parsed = _parse_dates(column)
        if parsed is not None:
            dates.append(str(name))
            cleaned[name] = parsed
            continue
        strings = column.astype(object).where(column.notna(), np.nan)
        strings = strings.map(str, na_action="ignore")
        few = column.nunique() <= _MAX_ONE_HOT
        cleaned[name] = strings.astype("category") if few else strings
    notes = [
        f"dropped {reason}: {', '.join(names)}" for reason, names in dropped.items()
    ]
    if dates:
        notes.append(f"read as dates: {', '.join(dates)}")
    return pd.DataFrame(cleaned, index=X.index), notes


def _useless(name: str, column: pd.Series) -> str | None:
    """Say why a column cannot help, or None if it can."""
    n_values, n_known = column.nunique(), int(column.notna().sum())
    if n_known == 0:
        return "empty columns"
    if n_values == 1 and n_known == len(column):
        return "constant columns"
    if n_known < _MIN_KNOWN:
        return None
    if types.is_integer_dtype(column) and n_values == len(column):
        called = re.fullmatch(r"(.*[_ ])?(id|index)|Unnamed: \d+", name, re.IGNORECASE)
        if called or (np.abs(np.diff(column.to_numpy())) == 1).all():
            return "identifiers"
    if _is_text(column) and n_values > 0.9 * n_known and _parse_dates(column) is None:
        return "texts that differ in nearly every row"
    return None


def _is_text(column: pd.Series) -> bool:
    return not types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def _parse_dates(column: pd.Series) -> pd.Series | None:
    """Return a column of dates, or None if these are no dates."""
    known = column.dropna()
    if not _is_text(column) or known.map(type).ne(str).any():
        return None
    texts = known.astype(str)
    if texts.str.fullmatch(_DATE).mean() < 0.95:
        return None
    day_first = pd.to_numeric(texts.str.extract(r"^\s*(\d{1,2})[-/.]")[0]).max() > 12
    parsed = pd.to_datetime(
        column, format="mixed", dayfirst=bool(day_first), errors="coerce", utc=True
    )
    if parsed.notna().sum() < 0.95 * len(known):
        return None
    return parsed.dt.tz_localize(None)


class DateParts(TransformerMixin, BaseEstimator):
    """Turn dates into numbers: parts of the calendar and seconds since 1970.

    Parts that are the same in all training rows are left out.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Find the parts that vary.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Columns of dates.

        y : None
            Ignored.

        Returns
        -------
        self : DateParts
            The fitted transformer.
        """
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        parts = self._expand(X)
        varying = parts.columns[parts.nunique() > 1]
        # A fold in which no date varies still needs a column.
        self.parts_ = list(varying if len(varying) else parts.columns[-1:])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Take dates apart.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Columns of dates.

        Returns
        -------
        parts : DataFrame of shape (n_samples, n_parts)
            Numbers, NaN where a date is missing.
        """
        check_is_fitted(self)
        return self._expand(X)[self.parts_]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the parts.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str
            ``<column>_<part>``.
        """
        check_is_fitted(self)
        return np.asarray(self.parts_, dtype=object)

    @staticmethod
    def _expand(X: pd.DataFrame) -> pd.DataFrame:
        parts = {}
        for name, dates in X.items():
            seconds = (dates - pd.Timestamp(1970, 1, 1)) / pd.Timedelta(seconds=1)
            calendar = dates.dt
            values = (
                calendar.year,
                calendar.month,
                calendar.day,
                calendar.day_of_week,
                calendar.hour,
                seconds,
            )
            for part, value in zip(_PARTS, values, strict=True):
                parts[f"{name}_{part}"] = value.astype(np.float64)
        return pd.DataFrame(parts, index=X.index)


def make_preparation(
    X: pd.DataFrame, *, target_type: str, seed: int, kind: str
) -> ColumnTransformer:
    """Build the transformer that feeds a kind of model with cleaned columns.

    Parameters
    ----------
    X : DataFrame
        Columns as :func:`clean_columns` returns them.

    target_type : {"binary", "multiclass", "continuous"}
        What categories of many values are encoded by.

    seed : int
        Seed of the folds of that encoding.

    kind : {"scaled", "trees", "native"}
        ``"scaled"`` fills missing numbers, marks where they were and scales them;
        ``"trees"`` leaves numbers alone; ``"native"`` leaves categories alone too, for
        models that know pandas' own.

    Returns
    -------
    preparation : ColumnTransformer
        The unfitted transformer.
    """
    numbers = X.select_dtypes("number").columns.tolist()
    dates = X.select_dtypes("datetime").columns.tolist()
    few = X.select_dtypes("category").columns.tolist()
    many = X.columns.difference([*numbers, *dates, *few], sort=False).tolist()

    finish = (
        [SimpleImputer(strategy="median", add_indicator=True), StandardScaler()]
        if kind == "scaled"
        else []
    )
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False
    )
    folds = KFold if target_type == "continuous" else StratifiedKFold
    by_target = TargetEncoder(
        target_type=target_type, cv=folds(5, shuffle=True, random_state=seed)
    )
    steps = [
        ("numbers", make_pipeline(*finish) if finish else "passthrough", numbers),
        ("dates", make_pipeline(DateParts(), *finish), dates),
        ("categories", "passthrough" if kind == "native" else one_hot, few),
        ("many categories", make_pipeline(by_target, *finish[1:]), many),
    ]
    preparation = ColumnTransformer(
        [step for step in steps if step[2]], verbose_feature_names_out=False
    )
    return preparation.set_output(transform="pandas" if kind == "native" else "default")
