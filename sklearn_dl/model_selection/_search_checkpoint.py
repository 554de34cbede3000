"""The file from which an interrupted search goes on."""

import base64
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_dl.exceptions import CheckpointError
from sklearn_dl.model_selection._comparison_file import fingerprint

_FORMAT = "sklearn_dl search 1"
_START = json.dumps({"format": _FORMAT}).encode()[:-1]
# Parameters of a search that have no influence on the results of an evaluation.
_WITHOUT_INFLUENCE = frozenset(
    {"checkpoint", "n_jobs", "pre_dispatch", "refit", "verbose"}
)
# Kinds of arrays that say which rows a fold has.
_KINDS_OF_ROWS = "biu"

Splits = list[tuple[Any, Any]]


class SearchCheckpoint:
    """Results of a search in a file of JSON lines.

    The first line says which search the results belong to. Then, for each time that
    candidates are evaluated, there is a line with their folds, and a line for each
    task that is done. A line that was cut off by the end of the process is dropped.

    Parameters
    ----------
    search : estimator
        The search, with a path in its parameter `checkpoint`.

    data : dict of str to object
        What `fit` takes.

    Raises
    ------
    CheckpointError
        If the file holds something else, or results of another search.
    """

    def __init__(self, search: Any, data: dict[str, Any]) -> None:
        self._path = Path(search.checkpoint)
        self._owner = type(search).__name__
        self._rounds: list[dict[str, Any]] = []
        self._n_begun = 0
        parameters = search.get_params(deep=False)
        # Folds that were given as an iterable are known by now.
        parts = {**parameters, "cv": search._checked_cv_orig, **data}
        identity = {
            name: fingerprint(value)
            for name, value in {"class": type(search), **parts}.items()
            if name not in _WITHOUT_INFLUENCE
        }
        lines = self._read_lines()
        if lines:
            self._check_identity(lines[0], identity)
            self._load(lines[1:])
        self._file = self._open()
        if not lines:
            self._write({"format": _FORMAT, "identity": identity})

    def begin(self, candidates: list[dict[str, Any]], splits: Any) -> Splits:
        """Begin to evaluate candidates, or go on with it.

        Parameters
        ----------
        candidates : list of dict
            The candidates.

        splits : callable
            Gives the folds. It is not called where the file has them.

        Returns
        -------
        splits : list of (train, test)
            The folds.

        Raises
        ------
        CheckpointError
            If the file holds results of other candidates.
        """
        number, self._n_begun = self._n_begun, self._n_begun + 1
        identity = fingerprint(candidates)
        if number < len(self._rounds):
            if self._rounds[number]["candidates"] != identity:
                raise self._changed(
                    "candidates", "Set random_state to an int if they are drawn"
                )
            return self._rounds[number]["splits"]
        folds = list(splits())
        packed = [[_pack(train), _pack(test)] for train, test in folds]
        self._write({"round": number, "candidates": identity, "splits": packed})
        self._rounds.append({"candidates": identity, "splits": folds, "results": {}})
        return folds

    @property
    def results(self) -> dict[int, dict[str, Any]]:
        """Results of the candidates that were begun last, by number of evaluation."""
        return self._rounds[self._n_begun - 1]["results"]

    def save(self, results: list[tuple[int, dict[str, Any]]]) -> None:
        """Write the results of a task.

        Parameters
        ----------
        results : list of (int, dict)
            Numbers of evaluations, and their results as scikit-learn has them.
        """
        self._write({"round": self._n_begun - 1, "results": results})

    def close(self) -> None:
        """Close the file and leave it where it is."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file, as the search is at its end."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _write(self, record: dict[str, Any]) -> None:
        # What is written to the file survives the end of the process.
        self._file.write(json.dumps(record, default=_number) + "\n")
        self._file.flush()

    def _open(self) -> Any:
        try:
            return self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise CheckpointError(
                f"The 'checkpoint' parameter of {self._owner} must be a file that can "
                f"be written, got {str(self._path)!r}: {error}"
            ) from error

    def _read_lines(self) -> list[dict[str, Any]]:
        if not self._path.is_file():
            return []
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            # The first line may be cut off too.
            if content[: len(_START)] != _START[: len(content)]:
                raise ValueError("no line of a search")
            lines = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise CheckpointError(
                f"The 'checkpoint' parameter of {self._owner} must be a new file or "
                f"one that an interrupted search wrote. {str(self._path)!r} holds "
                "something else."
            ) from error
        os.truncate(self._path, len(whole))
        return lines

    def _check_identity(self, first: dict[str, Any], own: dict[str, str]) -> None:
        found = first.get("identity", {})
        names = [*own, *(name for name in found if name not in own)]
        changed = [name for name in names if own.get(name) != found.get(name)]
        if changed:
            raise self._changed(" and another ".join(changed))

    def _changed(self, what: str, advice: str = "Pass what it was") -> CheckpointError:
        return CheckpointError(
            f"{self._owner} cannot go on from {str(self._path)!r}, which was written "
            f"with another {what}. {advice}, or delete the file to start afresh."
        )

    def _load(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if "splits" in line:
                splits = [(_unpack(a), _unpack(b)) for a, b in line["splits"]]
                self._rounds.append({**line, "splits": splits, "results": {}})
            else:
                self._rounds[line["round"]]["results"].update(line["results"])


def _pack(rows: Any) -> dict[str, str]:
    rows = np.asarray(rows)
    if rows.dtype.kind not in _KINDS_OF_ROWS:
        rows = rows.astype(np.int64)
    data = base64.b64encode(zlib.compress(rows.tobytes(), 1)).decode()
    return {"dtype": rows.dtype.str, "data": data}


def _unpack(packed: dict[str, str]) -> np.ndarray:
    data = zlib.decompress(base64.b64decode(packed["data"]))
    return np.frombuffer(data, dtype=np.dtype(packed["dtype"]))


def _number(value: Any) -> Any:
    """Turn what is like a number into Python's own."""
    return float(value)
