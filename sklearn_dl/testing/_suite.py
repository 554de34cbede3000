"""All checks that apply to an estimator."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from sklearn_dl.testing._callbacks import check_callbacks
from sklearn_dl.testing._composition import check_meta_estimators
from sklearn_dl.testing._inputs import (
    check_input_unchanged_and_layouts,
    check_set_output_pandas,
)
from sklearn_dl.testing._persistence import (
    check_clone,
    check_joblib,
    check_pickle,
    check_skops,
)
from sklearn_dl.testing._reproducibility import check_global_state, check_reproducible
from sklearn_dl.testing._routing import check_metadata_routing
from sklearn_dl.utils._sklearn import BaseSearchCV

__all__ = ["all_checks", "check_estimator"]


def all_checks(estimator: BaseEstimator) -> Iterator[Callable[[BaseEstimator], None]]:
    """Yield the checks of this package that apply to an estimator.

    Parameters
    ----------
    estimator : estimator
        Its tags and methods say what applies: ``check_reproducible`` and what builds
        on it to estimators that are deterministic, ``check_set_output_pandas`` to
        transformers with names for their outputs, ``check_metadata_routing`` to those
        that take ``sample_weight``, ``check_callbacks`` to those that have
        ``set_callbacks`` and are no searches. ``check_skops`` needs skops.

    Yields
    ------
    check : callable
        Takes the estimator; raises an AssertionError if it does not pass.

    See Also
    --------
    check_estimator : Runs them.
    sklearn.utils.estimator_checks.estimator_checks_generator : Those of scikit-learn.

    Examples
    --------
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklearn_dl.testing import all_checks
    >>> names = [check.__name__ for check in all_checks(MinMaxScaler())]
    >>> "check_set_output_pandas" in names, "check_metadata_routing" in names
    (True, False)
    """
    yield check_global_state
    if not get_tags(estimator).non_deterministic:
        yield check_reproducible
        yield check_clone
        yield check_pickle
        yield check_joblib
        if importlib.util.find_spec("skops"):
            yield check_skops
        yield check_input_unchanged_and_layouts
        yield check_meta_estimators
        if has_fit_parameter(estimator, "sample_weight"):
            yield check_metadata_routing
        # A search tells of other estimators' fits; it has no steps of its own.
        if hasattr(estimator, "set_callbacks") and not isinstance(
            estimator, BaseSearchCV
        ):
            yield check_callbacks
    if hasattr(estimator, "set_output"):
        yield check_set_output_pandas


def check_estimator(estimator: BaseEstimator) -> None:
    """Run all checks of this package that apply to an estimator.

    They ask for what scikit-learn's own
    :func:`~sklearn.utils.estimator_checks.check_estimator` does not: persistence,
    reproducibility in another process, layouts of memory, work inside meta-estimators,
    weights through routing, callbacks. An estimator should pass both.

    Parameters
    ----------
    estimator : estimator
        Takes arrays of shape (n_samples, n_features). It is not changed.

    Raises
    ------
    AssertionError
        If a check does not pass. The message names the estimator and what differed.
    ValueError
        If the estimator does not take arrays of two dimensions.

    See Also
    --------
    all_checks : The checks one by one, for parametrized tests.

    Examples
    --------
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklearn_dl.testing import check_estimator
    >>> check_estimator(MinMaxScaler())
    """
    for check in all_checks(estimator):
        check(estimator)
