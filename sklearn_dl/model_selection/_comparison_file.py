"""The file of results of a comparison, and what tells one comparison from another."""

import functools
import inspect
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Self

import joblib
import pandas as pd
from scipy import sparse

_FORMAT = "sklearn_dl comparison 1"
# They change how long a fit takes and what it says, not what it learns.
_WITHOUT_EFFECT = frozenset({"n_jobs", "verbose", "pre_dispatch"})


def fingerprint(value: Any) -> str:
    """Hash a value by its content, the same in every process.

    Parameters
    ----------
    value : object
        Data, an estimator, a scoring or anything that can stand among their
        parameters.

    Returns
    -------
    digest : str
        Equal for equal contents. Of an estimator only its class and parameters count,
        without ``n_jobs``, ``verbose`` and ``pre_dispatch``; of a function, its code.
    """
    return joblib.hash(_content(value))


def _content(value: Any) -> Any:
    """Replace what joblib cannot hash reliably by its content."""
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        return _pandas_content(value)
    if sparse.issparse(value):
        # A matrix carries flags that change when it is used, so only its entries count.
        entries = value.tocoo()
        return ("sparse", value.shape, entries.row, entries.col, entries.data)
    if isinstance(value, Mapping):
        items = [(str(key), _content(item)) for key, item in value.items()]
        return ("mapping", sorted(items, key=lambda item: item[0]))
    if isinstance(value, list | tuple):
        return ("sequence", [_content(item) for item in value])
    if isinstance(value, type):
        return ("class", value.__module__, value.__qualname__)
    if hasattr(value, "get_params"):
        parameters = {
            name: parameter
            for name, parameter in value.get_params(deep=False).items()
            if name not in _WITHOUT_EFFECT
        }
        return ("estimator", _content(type(value)), _content(parameters))
    if isinstance(value, functools.partial):
        return ("partial", _content((value.func, value.args, value.keywords)))
    if inspect.isfunction(value):
        return _function_content(value)
    if hasattr(value, "dist") and hasattr(value, "kwds"):
        # A frozen distribution of scipy.stats holds bound methods and caches.
        return ("distribution", value.dist.name, _content((value.args, value.kwds)))
    try:
        joblib.hash(value)
    except Exception:
        return ("object", _content(type(value)), _content(vars(value)))
    return value


def _pandas_content(value: Any) -> Any:
    try:
        rows = pd.util.hash_pandas_object(value).to_numpy()
    except TypeError:  # cells that hold lists or arrays
        return ("pandas", joblib.hash(value))
    columns = [str(name) for name in value.columns] if value.ndim == 2 else []
    dtypes = [str(dtype) for dtype in value.dtypes] if value.ndim == 2 else value.dtype
    return ("pandas", columns, str(dtypes), rows)


def _function_content(function: Any) -> Any:
    captured = [cell.cell_contents for cell in function.__closure__ or ()]
    return (
        "function",
        function.__module__,
        function.__qualname__,
        _code_content(function.__code__),
        _content((function.__defaults__, function.__kwdefaults__, captured)),
    )


def _code_content(code: CodeType) -> Any:
    constants = [
        _code_content(constant) if isinstance(constant, CodeType) else repr(constant)
        for constant in code.co_consts
    ]
    return (code.co_code, code.co_names, constants)


class ResultFileError(ValueError):
    """A file of results that cannot be continued."""


class ResultFile:
    """Rows of a comparison in a file of JSON lines, each safe once written.

    The first line says which data, folds and scoring the rows belong to, every other
    line is one model on one fold.

    Parameters
    ----------
    path : str or path-like
        The file. It is created when missing and continued when it is there.

    setting : dict of str to str
        The fingerprint of each argument of the comparison.

    models : dict of str to str
        The fingerprint of each model.

    Raises
    ------
    ResultFileError
        If the file holds something else, or results of another comparison.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        setting: dict[str, str],
        models: dict[str, str],
    ) -> None:
        self.path = Path(path)
        self.setting = setting
        self.models = models
        self.rows: list[dict[str, Any]] = []
        header = {"format": _FORMAT, "setting": setting}
        lines = self._read_lines()
        if lines:
            self._check_header(lines[0])
            self.rows = self._check_rows(lines[1:])
        self._file = self.path.open("a", encoding="utf-8")
        if not lines:
            self._write(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, row: dict[str, Any]) -> None:
        """Write one row and wait until it is on the disk.

        Parameters
        ----------
        row : dict
            What :func:`~sklearn_dl.model_selection._comparison_fold.evaluate_fold`
            returns.
        """
        self.rows.append(row)
        self._write({"parameters": self.models[row["model"]], **row})

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(_nan_to_none(record), allow_nan=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read_lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if content and not lines and not content.startswith(b'{"format"'):
            raise self._foreign()
        if lines:
            self._check_format(lines[0])
        if len(whole) < len(content):
            # The process was killed while it wrote the last line.
            os.truncate(self.path, len(whole))
        return lines

    def _check_format(self, line: bytes) -> None:
        try:
            header = json.loads(line)
        except ValueError as error:
            raise self._foreign() from error
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            raise self._foreign()

    def _check_header(self, line: bytes) -> None:
        found = json.loads(line)["setting"]
        changed = [name for name in self.setting if self.setting[name] != found[name]]
        if changed:
            raise ResultFileError(
                f"compare_models cannot continue {str(self.path)!r}: it was written "
                f"with another {' and another '.join(changed)}. Pass what the file was "
                "written with (a splitter that shuffles needs a fixed random_state), "
                "or another path."
            )

    def _check_rows(self, lines: list[bytes]) -> list[dict[str, Any]]:
        rows = []
        for line in lines:
            try:
                row = _none_to_nan(json.loads(line))
                parameters, name = row.pop("parameters"), row["model"]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise self._foreign() from error
            if name not in self.models:
                continue
            if parameters != self.models[name]:
                raise ResultFileError(
                    f"compare_models cannot continue {str(self.path)!r}: it holds "
                    f"results of a model named {name!r} that is of another class or "
                    "has other parameters. Pass the same model, another name or "
                    "another path."
                )
            rows.append(row)
        return rows

    def _foreign(self) -> ResultFileError:
        return ResultFileError(
            f"path must be a new file or one that compare_models wrote; "
            f"{str(self.path)!r} holds something else."
        )


def _nan_to_none(record: Any) -> Any:
    """Turn NaN, which JSON does not know, into null."""
    if isinstance(record, dict):
        return {key: _nan_to_none(value) for key, value in record.items()}
    if isinstance(record, float) and not math.isfinite(record):
        return None
    return record


def _none_to_nan(row: dict[str, Any]) -> dict[str, Any]:
    """Turn null back into NaN wherever a number stands."""
    scores = {
        name: math.nan if score is None else score
        for name, score in row["scores"].items()
    }
    numbers = {
        name: math.nan
        for name in ("fit_time", "predict_time", "score_time", "size")
        if row[name] is None
    }
    return {**row, **numbers, "scores": scores}
