"""Rows of source and target, apart (four arrays) or together (with domains)."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import column_or_1d

from sklearn_dl.domain_adaptation._domains import check_domains, is_masked
from sklearn_dl.utils._sklearn import num_samples, safe_indexing

__all__ = ["join_rows", "pack", "unpack"]

_KINDS = {
    **dict.fromkeys("biu", "integers"),
    "f": "floating numbers",
    **dict.fromkeys("USO", "strings"),
}


def pack(X, y, Xt, yt=None):
    """Put source and target together, with a domain for each row.

    Parameters
    ----------
    X : array-like of shape (n_source, ...) or list of these
        Rows of the source: an array of any number of dimensions, a sparse matrix, a
        data frame or a list. A list of such is a source each; `y` then is a list too.

    y : array-like of shape (n_source,) or list of these
        Their labels, none of them masked.

    Xt : array-like of shape (n_target, ...) or list of these
        Rows of the target, of the same kind as `X`. A list of such is a target each.

    yt : array-like of shape (n_target,), list of these or None, default=None
        Their labels, with -1 (integers), NaN (floating numbers) or None (objects) for
        rows without one. None is no label at all, also inside of a list.

    Returns
    -------
    X : array-like of shape (n_source + n_target, ...)
        All rows, sources first. Data frames, sparse matrices and lists stay that.

    y : ndarray of shape (n_source + n_target,)
        Labels. Where the target has none there is -1, NaN or None; for that, booleans
        and unsigned integers become signed integers, and strings become objects.

    sample_domain : ndarray of shape (n_source + n_target,), dtype int64
        The domains: 0, 1, ... for sources and -1, -2, ... for targets.

    Raises
    ------
    TypeError
        If the rows are not of the same kind.
    ValueError
        If lengths or numbers of features differ, if a source row has no label, or if
        there are no rows.

    See Also
    --------
    unpack : The way back.

    Examples
    --------
    >>> from sklearn_dl.domain_adaptation import pack
    >>> X, y, sample_domain = pack([[0.0], [1.0]], [0, 1], [[5.0], [6.0], [7.0]])
    >>> X
    [[0.0], [1.0], [5.0], [6.0], [7.0]]
    >>> y.tolist()
    [0, 1, -1, -1, -1]
    >>> sample_domain.tolist()
    [0, 0, -1, -1, -1]
    """
    sources, source_labels = _list_sources(X, y)
    targets, target_labels = _list_targets(Xt, yt, _count_dimensions(sources[0]))
    sizes = [num_samples(rows) for rows in (*sources, *targets)]
    if not all(sizes):
        raise ValueError(
            f"pack expects rows in each domain, got {sizes[: len(sources)]} rows of "
            f"the sources and {sizes[len(sources) :]} of the targets."
        )
    ids = [*range(len(sources)), *range(-1, -len(targets) - 1, -1)]
    labels = _join_labels([*source_labels, *target_labels], sizes, ids)
    return join_rows([*sources, *targets], "pack"), labels, np.repeat(ids, sizes)


def unpack(X, y, sample_domain):
    """Take source and target apart again.

    Parameters
    ----------
    X : array-like of shape (n_rows, ...)
        Rows of all domains.

    y : array-like of shape (n_rows,)
        Their labels, masked where there is none.

    sample_domain : array-like of shape (n_rows,)
        Their domains: 0 and above for sources, below 0 for targets.

    Returns
    -------
    X : array-like of shape (n_source, ...) or list of these
        Rows of the source; with several sources a list, in the order of the domains
        0, 1, ...

    y : ndarray of shape (n_source,) or list of these
        Their labels.

    Xt : array-like of shape (n_target, ...) or list of these
        Rows of the target; with several targets a list, in the order of the domains
        -1, -2, ...

    yt : ndarray of shape (n_target,), None or list of these
        Their labels, None for a target without any.

    Raises
    ------
    ValueError
        If lengths differ, or if there is no source or no target.

    See Also
    --------
    pack : The way there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import unpack
    >>> X = np.array([[0.0], [1.0], [5.0], [6.0]])
    >>> X, y, Xt, yt = unpack(X, [0, 1, -1, -1], [0, 0, -1, -1])
    >>> X.ravel().tolist(), y.tolist(), Xt.ravel().tolist(), yt
    ([0.0, 1.0], [0, 1], [5.0, 6.0], None)
    """
    ids = check_domains("unpack", sample_domain, num_samples(X))
    labels = column_or_1d(y)
    if len(labels) != len(ids):
        raise ValueError(
            f"unpack expects a label for each of the {len(ids)} rows of X, got "
            f"{len(labels)}."
        )
    sources = np.unique(ids[ids >= 0])
    targets = np.unique(ids[ids < 0])[::-1]
    if not len(sources) or not len(targets):
        raise ValueError(
            f"unpack expects rows of a source (sample_domain of 0 and above) and of a "
            f"target (below 0), got the domains {np.unique(ids).tolist()}."
        )
    rows, kept = _take_domains(X, labels, ids, sources)
    target_rows, target_labels = _take_domains(X, labels, ids, targets)
    target_labels = [None if is_masked(part).all() else part for part in target_labels]
    if len(sources) == 1:
        rows, kept = rows[0], kept[0]
    if len(targets) == 1:
        target_rows, target_labels = target_rows[0], target_labels[0]
    return rows, kept, target_rows, target_labels


def join_rows(parts, caller):
    """Put rows below one another.

    Parameters
    ----------
    parts : list of array-like
        Arrays, sparse matrices, data frames or lists of rows.
    caller : str
        Who asks, for errors.

    Returns
    -------
    rows : array-like
        All of them, of the same kind.
    """
    if any(isinstance(part, pd.DataFrame) for part in parts):
        return _join_frames(parts, caller)
    if any(sparse.issparse(part) for part in parts):
        return _join_sparse(parts, caller)
    if all(isinstance(part, (list, tuple)) for part in parts):
        return [row for part in parts for row in part]
    arrays = [np.asarray(part) for part in parts]
    if len({array.dtype.kind in "US" for array in arrays}) > 1:
        _refuse_mixture(arrays, caller)
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"{caller} expects rows of one shape in all domains, got {sorted(shapes)}."
        )
    return np.concatenate(arrays)


def _join_frames(parts, caller):
    if not all(isinstance(part, pd.DataFrame) for part in parts):
        _refuse_mixture(parts, caller)
    for part in parts[1:]:
        if not part.columns.equals(parts[0].columns):
            raise ValueError(
                f"{caller} expects the same columns in the same order in all data "
                f"frames, got {list(parts[0].columns)} and {list(part.columns)}."
            )
    return pd.concat(parts)


def _join_sparse(parts, caller):
    if not all(sparse.issparse(part) for part in parts):
        _refuse_mixture(parts, caller)
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1:
        raise ValueError(
            f"{caller} expects the same number of features in all domains, got "
            f"{sorted(widths)}."
        )
    # Not every format has rows that can be taken.
    keeps = parts[0].format in ("csr", "csc")
    return sparse.vstack(parts, format=parts[0].format if keeps else "csr")


def _refuse_mixture(parts, caller):
    kinds = [getattr(part, "dtype", type(part).__name__) for part in parts]
    raise TypeError(
        f"{caller} expects rows of one kind in all domains: arrays, sparse matrices, "
        f"data frames or lists, of numbers or of strings; got "
        f"{', '.join(map(str, kinds))}."
    )


def _count_dimensions(rows):
    """Return how deep rows are nested, whatever they are stored in."""
    if hasattr(rows, "ndim"):
        return rows.ndim
    if isinstance(rows, (list, tuple)):
        return 1 + (_count_dimensions(rows[0]) if rows else 0)
    return 0


def _list_sources(X, y):
    """Return rows and labels of the sources, a list of each."""
    if not isinstance(y, (list, tuple)) or _count_dimensions(y) < 2:
        return [X], [y]
    if not isinstance(X, (list, tuple)) or len(X) != len(y):
        raise ValueError(
            f"pack expects X to be a list with the rows of each source, as y is a "
            f"list of {len(y)} arrays; got {type(X).__name__} of {num_samples(X)}."
        )
    return list(X), list(y)


def _list_targets(Xt, yt, n_dimensions):
    """Return rows and labels of the targets; they are as deep as a source's rows."""
    several = isinstance(Xt, (list, tuple)) and len(Xt) > 0
    if not several or _count_dimensions(Xt[0]) != n_dimensions:
        return [Xt], [yt]
    if yt is None:
        return list(Xt), [None] * len(Xt)
    if not isinstance(yt, (list, tuple)) or len(yt) != len(Xt):
        raise ValueError(
            f"pack expects yt to be None or a list with the labels (or None) of each "
            f"target, as Xt is a list of {len(Xt)}; got {type(yt).__name__} of "
            f"{num_samples(yt)}."
        )
    return list(Xt), list(yt)


def _join_labels(parts, sizes, ids):
    """Return all labels in one array, masked where there are none."""
    arrays, masks = [], []
    for labels, size, domain in zip(parts, sizes, ids, strict=True):
        array, masked = _read_labels(labels, size, domain)
        arrays.append(array)
        masks.append(masked)
    masked = np.concatenate(masks)
    # Numbers among objects (with None for a mask) are numbers.
    known = [
        np.array(array[~mask].tolist()) if array.dtype.kind == "O" else array[~mask]
        for array, mask in zip(arrays, masks, strict=True)
    ]
    known = [array for array in known if len(array)]
    kinds = {_KINDS.get(array.dtype.kind, str(array.dtype)) for array in known}
    if kinds == {"integers", "floating numbers"}:
        kinds = {"floating numbers"}
    if len(kinds) > 1 or not kinds <= set(_KINDS.values()):
        raise ValueError(
            f"pack expects labels of one kind in all domains (integers, floating "
            f"numbers or strings), got {sorted(kinds)}."
        )
    dtype = np.result_type(*known)
    if masked.any() and kinds == {"integers"}:
        _check_fits(known)
        dtype = dtype if dtype.kind == "i" else np.dtype(np.int64)
    elif kinds == {"strings"}:
        as_objects = masked.any() or any(array.dtype.kind == "O" for array in arrays)
        dtype = np.dtype(object) if as_objects else dtype
    joined = np.full(len(masked), _mask_of(dtype) if masked.any() else 0, dtype=dtype)
    joined[~masked] = np.concatenate(known)
    return joined


def _check_fits(known):
    """Refuse integers that signed ones, among which -1 is no label, cannot hold."""
    most = np.iinfo(np.int64).max
    for array in known:
        if array.dtype.kind == "u" and array.max() > most:
            raise ValueError(
                f"pack expects labels of at most {most} beside rows without one, as -1 "
                f"marks these, got {array.max()}. Encode the classes from 0, for "
                f"instance with sklearn.preprocessing.LabelEncoder."
            )


def _mask_of(dtype):
    return {"i": -1, "f": np.nan}.get(dtype.kind)


def _read_labels(labels, size, domain):
    """Return the labels of a domain, and which of them are masked."""
    if labels is None and domain < 0:
        return np.full(size, np.nan), np.ones(size, dtype=bool)
    array = column_or_1d(labels)
    if len(array) != size:
        raise ValueError(
            f"pack expects a label for each row, got {len(array)} labels for the "
            f"{size} rows of domain {domain}."
        )
    masked = is_masked(array)
    if domain >= 0 and masked.any():
        row = int(np.flatnonzero(masked)[0])
        raise ValueError(
            f"pack expects a label for each row of a source, got y[{row}]="
            f"{array[row]!r} in domain {domain}, which marks target rows without a "
            f"label. If -1 is a class of yours, encode the classes from 0, for "
            f"instance with sklearn.preprocessing.LabelEncoder; if it is a number to "
            f"be predicted, pass floating numbers."
        )
    return array, masked


def _take_domains(X, labels, ids, domains):
    """Return rows and labels of these domains, a list of each."""
    chosen = [np.flatnonzero(ids == domain) for domain in domains]
    return [safe_indexing(X, rows) for rows in chosen], [
        labels[rows] for rows in chosen
    ]
