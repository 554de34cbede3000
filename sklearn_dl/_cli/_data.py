"""Reading a table from a CSV file and settling what there is to predict."""

import csv
import gzip
import io
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from sklearn_dl._cli._console import CommandError

_MAX_CLASSES = 20
_DELIMITERS = ",;\t|"


class Table(NamedTuple):
    """A table ready to be learned from."""

    name: str
    X: pd.DataFrame
    y: pd.Series
    task: str
    notes: list[str]


def load_demo() -> Table:
    """Load the data of the demonstration.

    Returns
    -------
    table : Table
        Breast cancer (Wisconsin): 569 tumours, 30 measures of their cells.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    names = pd.Series(bunch.target_names)
    y = bunch.target.map(names).rename("diagnosis").astype(object)
    return Table("breast cancer", bunch.data, y, "classification", [])


def load_table(path: Path, target: str | None, *, task: str) -> Table:
    """Read a CSV file and separate the target.

    Parameters
    ----------
    path : Path
        The file, gzipped if its name ends in ``.gz``.

    target : str or None
        The column to predict.

    task : {"auto", "classification", "regression"}
        What the target is.

    Returns
    -------
    table : Table
        The rows whose target is known.

    Raises
    ------
    CommandError
        If the file, its header or its target cannot be used.
    """
    text, notes = _read_text(path)
    data = _parse(path, text)
    if target is None:
        raise CommandError(
            f"--target must name a column of {path}: {_some_of(data.columns)}"
        )
    if target not in data.columns:
        raise CommandError(
            f"--target {target!r} is not a column of {path}, which has "
            f"{_some_of(data.columns)}"
        )
    if data.shape[1] < 2:
        raise CommandError(
            f"{path} has one column only, {target!r}; nothing is left to predict it "
            "from"
        )
    y = data.pop(target)
    known = y.notna()
    if not known.any():
        raise CommandError(f"the target {target!r} of {path} is missing in every row")
    if not known.all():
        notes.append(f"dropped {(~known).sum()} rows without a target")
        data = data.loc[known].reset_index(drop=True)
        y = y.loc[known].reset_index(drop=True)
    y, task = _settle_task(y, task)
    return Table(path.name, data, y, task, notes)


def _read_text(path: Path) -> tuple[str, list[str]]:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except FileNotFoundError as error:
        raise CommandError(f"--data {path} does not exist") from error
    except IsADirectoryError as error:
        raise CommandError(f"--data {path} is a directory, not a CSV file") from error
    except (OSError, EOFError) as error:
        raise CommandError(f"--data {path} cannot be read: {error}") from error
    if not content.strip():
        raise CommandError(f"--data {path} is empty")
    if b"\0" in content[:65536]:
        raise CommandError(f"--data {path} is not a text file; a CSV file is expected")
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), [
            "the file is not UTF-8 and was read as Windows-1252"
        ]


def _parse(path: Path, text: str) -> pd.DataFrame:
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(_DELIMITERS, key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise CommandError(f"{path} has more than one column named {repeated[0]!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            data = pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                decimal=_decimal(text, delimiter),
                na_values=["?"],
                skipinitialspace=True,
                index_col=False,
                low_memory=False,
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())
        raise CommandError(f"{path} is not a well-formed CSV file: {reason}") from error
    if data.empty:
        raise CommandError(f"{path} has a header but no rows")
    return data.rename(columns=lambda name: str(name).strip())


def _decimal(text: str, delimiter: str) -> str:
    """Return the decimal sign: a comma, where a cell is a number with one."""
    cell = rf"(?:^|{delimiter})[ ]*-?\d+,\d+[ ]*(?:{delimiter}|$)"
    comma = delimiter != "," and re.search(cell, text, re.MULTILINE)
    return "," if comma else "."


def _settle_task(y: pd.Series, task: str) -> tuple[pd.Series, str]:
    numeric = types.is_numeric_dtype(y) and not types.is_bool_dtype(y)
    integral = bool(numeric and (y == np.floor(y)).all())
    if task == "auto":
        few = y.nunique() <= _MAX_CLASSES
        task = "classification" if not numeric or (integral and few) else "regression"
    if task == "regression":
        if not numeric:
            raise CommandError(
                f"the target {y.name!r} must hold numbers for a regression; it holds "
                f"values such as {str(y.iloc[0])!r}"
            )
        if not np.isfinite(y).all():
            raise CommandError(f"the target {y.name!r} holds infinite values")
        if y.nunique() < 2:
            raise CommandError(f"the target {y.name!r} has one value only: {y.iloc[0]}")
        return y.astype(np.float64), task
    if y.nunique() < 2:
        raise CommandError(f"the target {y.name!r} has one class only: {y.iloc[0]}")
    if numeric and not integral:
        raise CommandError(
            f"the target {y.name!r} holds fractions, which are no classes; use --task "
            "regression"
        )
    return (y.astype(np.int64) if integral else y.astype(str).astype(object)), task


def _some_of(names: pd.Index, limit: int = 12) -> str:
    shown = ", ".join(map(str, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
