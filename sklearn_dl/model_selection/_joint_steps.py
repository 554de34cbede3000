"""Transformers fitted for several candidates, with what they share done once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.pipeline import FeatureUnion
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if

from sklearn_dl.utils._equality import value_key
from sklearn_dl.utils._sklearn import fit_transform_one

__all__ = [
    "Fits",
    "Params",
    "below",
    "build",
    "fit_sharing",
    "grouped",
    "is_passthrough",
    "joins_transforms",
    "own",
    "settings_of",
    "sharing_key",
]

Params = dict[str, Any]
# Position of a candidate, and its fitted transformer with what it makes of the training
# rows or the exception that its fit ended with.
Fits = Iterator[tuple[int, tuple[Any, Any] | Exception]]

# What TfidfVectorizer does to its counts.
_WEIGHTING = {"norm", "smooth_idf", "sublinear_tf", "use_idf"}
# Where transformers keep their branches.
_BRANCHES = {ColumnTransformer: "transformers", FeatureUnion: "transformer_list"}


# -- parameters ------------------------------------------------------------------------


def settings_key(params: Params) -> Hashable:
    """Return what is equal for equal sets of parameters."""
    return frozenset((name, value_key(value)) for name, value in params.items())


def below(params: Params, name: str) -> Params:
    """Return the parameters of the part with a name, as that part calls them."""
    prefix = f"{name}__"
    return {
        key.removeprefix(prefix): value
        for key, value in params.items()
        if key.startswith(prefix)
    }


def settings_of(params: Params, name: str) -> Hashable:
    """Return what is equal for candidates that agree about the part with a name."""
    return settings_key(
        {
            key: value
            for key, value in params.items()
            if key == name or key.startswith(f"{name}__")
        }
    )


def grouped(items: Iterable[int], key: Callable[[int], Hashable]) -> list[list[int]]:
    """Return the items in lists of equal keys, in the order of their first."""
    groups: dict[Hashable, list[int]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def is_passthrough(step: Any) -> bool:
    """Return whether a step of a pipeline is left out."""
    return step is None or (isinstance(step, str) and step == "passthrough")


def build(template: Any, params: Params) -> Any:
    """Return an unfitted clone with other parameters."""
    step = clone(template, safe=False)
    if params:
        step.set_params(**clone(params, safe=False))
    return step


def own(X: Any) -> Any:
    """Return a copy of X for one fit, since transformers may write into their input."""
    if isinstance(X, np.ndarray):
        return X.copy(order="K")
    return X.copy() if hasattr(X, "copy") else X


# -- fits ------------------------------------------------------------------------------


def joins_transforms(template: Any) -> bool:
    """Return whether a transformer shares work between candidates by itself.

    An instance of :class:`~sklearn_dl.base.JointTransformMixin`, or one like it.
    """
    return hasattr(type(template), "joint_fit_groups") and hasattr(
        type(template), "fit_transform_candidates"
    )


def sharing_key(template: Any, params: Params) -> Hashable:
    """Return what is equal for candidates of one transformer that share some work."""
    if type(template) is TfidfVectorizer:
        return _counting_key(params)
    if type(template) in _BRANCHES:
        return _BRANCHES[type(template)]
    return settings_key(params)


def fit_sharing(
    template: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Fits:
    """Fit a transformer with each of several sets of parameters, and apply it.

    Parameters
    ----------
    template : estimator
        The transformer; it stays as it is.
    candidates : sequence of dict
        Parameters that differ from one another.
    X, y : array-like
        Training rows and targets. They stay as they are.
    fit_params : dict
        What else the transformer's ``fit_transform`` takes.

    Yields
    ------
    position : int
        Position in `candidates`.
    outcome : tuple of (estimator, array-like) or Exception
        The fitted transformer and the transformed rows, or what its fit ended with.
    """
    if is_passthrough(template):
        for k, params in enumerate(candidates):
            try:
                yield k, (build(template, params), X)
            except Exception as error:
                yield k, error
    elif type(template) is TfidfVectorizer and not fit_params:
        yield from _fit_weightings(template, candidates, X)
    elif joins_transforms(template) and not fit_params:
        yield from _fit_with_its_help(template, candidates, X, y)
    elif type(template) in _BRANCHES:
        yield from _fit_unions(template, candidates, X, y, fit_params)
    else:
        for k, params in enumerate(candidates):
            yield k, _fit_transform_step(template, params, X, y, fit_params)


def _fit_transform_step(
    template: Any, params: Params, X: Any, y: Any, fit_params: Params
) -> tuple[Any, Any] | Exception:
    """Fit and apply one transformer as a pipeline does."""
    try:
        return _fit_transform(build(template, params), own(X), y, fit_params)
    except Exception as error:
        return error


def _fit_transform(step: Any, X: Any, y: Any, fit_params: Params) -> tuple[Any, Any]:
    routed = {"fit": fit_params, "fit_transform": fit_params}
    Xt, fitted = fit_transform_one(step, X, own(y), None, params=routed)
    return fitted, Xt


def _fit_with_its_help(
    template: Any, candidates: Sequence[Params], X: Any, y: Any
) -> Fits:
    """Fit a transformer that knows itself what candidates share."""
    left = set(range(len(candidates)))
    try:
        for k, outcome in template.fit_transform_candidates(candidates, own(X), own(y)):
            left.discard(k)
            yield k, outcome
    except Exception:
        # A plain fit comes to the same end, where the fault is not the protocol's.
        pass
    for k in sorted(left):
        yield k, _fit_transform_step(template, candidates[k], X, y, {})


# -- TfidfVectorizer -------------------------------------------------------------------


def _counting_key(params: Params) -> Hashable:
    return settings_key({k: v for k, v in params.items() if k not in _WEIGHTING})


def _fit_weightings(template: Any, candidates: Sequence[Params], X: Any) -> Fits:
    for group in grouped(
        range(len(candidates)), lambda k: _counting_key(candidates[k])
    ):
        weigh = _counted(template, candidates[group[0]], X) if len(group) > 1 else None
        for k in group:
            params = candidates[k]
            # Rows go on without a name here, that would keep them for the next fit.
            yield (
                k,
                (weigh and weigh(params))
                or _fit_transform_step(template, params, X, None, {}),
            )


def _counted(template: Any, params: Params, X: Any) -> Callable[[Params], Any] | None:
    """Count the words and return what weighs them, None where they do not count."""
    try:
        counter = build(template, params)
        counts = CountVectorizer.fit_transform(counter, own(X))
    except Exception:
        return None
    learned = {k: v for k, v in vars(counter).items() if k not in counter.get_params()}

    def weigh(params: Params) -> tuple[Any, Any] | None:
        try:
            vectorizer = build(template, params)
            weighting = {name: getattr(vectorizer, name) for name in _WEIGHTING}
            vectorizer.__dict__ |= learned
            # Where TfidfVectorizer keeps its weights; its `idf_` can only be set where
            # it uses them.
            vectorizer._tfidf = TfidfTransformer(**weighting).fit(counts)
            return vectorizer, vectorizer._tfidf.transform(counts)
        except Exception:
            # A plain fit comes to the same end, with an error that names the class.
            return None

    return weigh


# -- ColumnTransformer and FeatureUnion ------------------------------------------------


class _SharedBranches:
    """Fitted branches and their outputs, for as long as candidates ask for them."""

    def __init__(self, asked: Iterable[Hashable]):
        self.asked = Counter({k: n for k, n in Counter(asked).items() if n > 1})
        self.done: dict[Hashable, tuple[Any, Any]] = {}

    def take(self, key: Hashable, fit: Callable[[], tuple[Any, Any]]) -> Any:
        """Return the fitted branch and its output, fitted when first asked for."""
        if key not in self.done:
            self.done[key] = fit()
        self.asked[key] -= 1
        if not self.asked[key]:
            return self.done.pop(key)
        branch, output = self.done[key]
        # Data frames get other names when they are put side by side.
        return branch, own(output)


class _Branch:
    """Stands in for a branch that several candidates share, while they are fitted."""

    def __init__(self, branch: Any, key: Hashable, shared: _SharedBranches):
        self.branch = branch
        self.key = key
        self.shared = shared

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit and apply the branch unless that has been done for another candidate."""
        self.branch, output = self.shared.take(
            self.key, lambda: _fit_transform(self.branch, X, y, fit_params)
        )
        return output

    def transform(self, X: Any) -> Any:
        """Apply the branch."""
        return self.branch.transform(X)

    @available_if(lambda self: hasattr(self.branch, "get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the branch's names, for data frames."""
        return self.branch.get_feature_names_out(input_features)

    def __sklearn_clone__(self) -> _Branch:
        # ColumnTransformer fits clones, and this has to be found again.
        return self

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.branch)


def _fit_unions(
    template: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Fits:
    keys = [_branch_keys(template, params) for params in candidates]
    shared = _SharedBranches(key for of_one in keys for key in of_one.values())
    for k, params in enumerate(candidates):
        yield (
            k,
            _fit_union(template, params, keys[k], shared, own(X), y, fit_params)
            or _fit_transform_step(template, params, X, y, fit_params),
        )


def _branch_keys(union: Any, params: Params) -> dict[str, Hashable]:
    """Return for each branch what is equal for candidates that share it."""
    if _BRANCHES[type(union)] in params:
        return {}
    branches = getattr(union, _BRANCHES[type(union)])
    return {name: (name, settings_of(params, name)) for name, *_ in branches}


def _fit_union(
    template: Any,
    params: Params,
    keys: dict[str, Hashable],
    shared: _SharedBranches,
    X: Any,
    y: Any,
    fit_params: Params,
) -> tuple[Any, Any] | None:
    """Fit and apply one candidate, None where only a plain fit can."""
    try:
        union = build(template, params)
        if union.n_jobs not in (None, 1):
            # Other processes would not meet the branches of this one.
            return None
        attribute = _BRANCHES[type(union)]
        given = getattr(union, attribute)
        stand_ins = [
            (name, _stand_in(branch, keys.get(name), shared), *columns)
            for name, branch, *columns in given
        ]
        setattr(union, attribute, stand_ins)
        Xt = union.fit_transform(X, y, **fit_params)
    except Exception:
        # A plain fit comes to the same end, with an error that knows no stand-ins.
        return None
    if isinstance(union, ColumnTransformer):
        union.transformers = given
        attribute = "transformers_"
    fitted = [
        (name, branch.branch if isinstance(branch, _Branch) else branch, *columns)
        for name, branch, *columns in getattr(union, attribute)
    ]
    setattr(union, attribute, fitted)
    return union, Xt


def _stand_in(branch: Any, key: Hashable, shared: _SharedBranches) -> Any:
    if isinstance(branch, str) or shared.asked[key] == 0:
        return branch
    return _Branch(clone(branch), key, shared)
