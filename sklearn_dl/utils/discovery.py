"""Find the public estimators, displays and functions of this library."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClusterMixin,
    RegressorMixin,
    TransformerMixin,
)

__all__ = ["all_displays", "all_estimators", "all_functions", "public_modules"]

_MIXINS: dict[str, type] = {
    "classifier": ClassifierMixin,
    "cluster": ClusterMixin,
    "regressor": RegressorMixin,
    "transformer": TransformerMixin,
}


def public_modules() -> list[ModuleType]:
    """List the public modules and packages of `sklearn_dl`, imported.

    A module is public if no part of its dotted path begins with an underscore.

    Returns
    -------
    modules : list of module
        Sorted by name. The package `sklearn_dl` itself is the first.

    Examples
    --------
    >>> from sklearn_dl.utils.discovery import public_modules
    >>> names = [module.__name__ for module in public_modules()]
    >>> names[0], "sklearn_dl.utils.discovery" in names
    ('sklearn_dl', True)
    """
    root = importlib.import_module(__name__.partition(".")[0])
    return [root, *_walk(root)]


def _walk(package: ModuleType) -> Iterator[ModuleType]:
    # Not `pkgutil.walk_packages`: it imports private packages on its way.
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        yield module
        if info.ispkg:
            yield from _walk(module)


def _public_members(predicate: Callable[[Any], bool]) -> dict[str, Any]:
    """Collect what the public modules list in `__all__`, by name, sorted."""
    found = {
        name: getattr(module, name)
        for module in public_modules()
        for name in getattr(module, "__all__", ())
        if predicate(getattr(module, name))
    }
    return dict(sorted(found.items()))


def _is_estimator(thing: Any) -> bool:
    return (
        inspect.isclass(thing)
        and issubclass(thing, BaseEstimator)
        and not inspect.isabstract(thing)
    )


def all_estimators(
    type_filter: str | Sequence[str] | None = None,
) -> list[tuple[str, type[BaseEstimator]]]:
    """List all public estimators of `sklearn_dl`.

    The counterpart of :func:`sklearn.utils.discovery.all_estimators`. An estimator
    is a concrete subclass of :class:`sklearn.base.BaseEstimator` that stands in the
    `__all__` of a public module.

    Parameters
    ----------
    type_filter : {"classifier", "cluster", "regressor", "transformer"} or list of \
            these, default=None
        Which kinds of estimators to list. With several, an estimator of any of them
        is listed. If None, all estimators are.

    Returns
    -------
    estimators : list of (str, type)
        Class names and classes, sorted by name.

    Raises
    ------
    ValueError
        If `type_filter` holds anything but the four names.

    Examples
    --------
    >>> from sklearn_dl.utils.discovery import all_estimators
    >>> classifiers = all_estimators("classifier")
    >>> all(hasattr(cls, "predict") for name, cls in classifiers)
    True
    """
    estimators = _public_members(_is_estimator)
    if type_filter is None:
        return list(estimators.items())

    kinds = [type_filter] if isinstance(type_filter, str) else list(type_filter)
    unknown = [kind for kind in kinds if kind not in _MIXINS]
    if unknown:
        raise ValueError(
            f"The 'type_filter' parameter of all_estimators must be None or among "
            f"{sorted(_MIXINS)}. Got {unknown} instead."
        )
    mixins = tuple(_MIXINS[kind] for kind in kinds)
    return [item for item in estimators.items() if issubclass(item[1], mixins)]


def all_displays() -> list[tuple[str, type]]:
    """List all public displays: the classes whose name ends in `Display`.

    Returns
    -------
    displays : list of (str, type)
        Class names and classes, sorted by name.

    Examples
    --------
    >>> from sklearn_dl.utils.discovery import all_displays
    >>> all(hasattr(cls, "plot") for name, cls in all_displays())
    True
    """
    displays = _public_members(
        lambda thing: inspect.isclass(thing) and thing.__name__.endswith("Display")
    )
    return list(displays.items())


def all_functions() -> list[tuple[str, Callable[..., Any]]]:
    """List all public functions.

    Returns
    -------
    functions : list of (str, callable)
        Names and functions, sorted by name.

    Examples
    --------
    >>> from sklearn_dl.utils.discovery import all_functions
    >>> "all_functions" in dict(all_functions())
    True
    """
    return list(_public_members(inspect.isfunction).items())
