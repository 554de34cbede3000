"""Comparison of models by cross-validation on the same folds."""

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import FitFailedWarning, UnsetMetadataPassedError
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed

from sklearn_dl.model_selection._comparison import ModelComparison
from sklearn_dl.model_selection._comparison_file import ResultFile, fingerprint
from sklearn_dl.model_selection._comparison_fold import evaluate_fold
from sklearn_dl.model_selection._interrupts import noting_interrupts


def compare_models(
    models: dict[str, BaseEstimator],
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    cv: Any = None,
    scoring: Any = None,
    n_jobs: int | None = None,
    params: dict[str, Any] | None = None,
    path: str | os.PathLike | None = None,
    callbacks: list | None = None,
) -> ModelComparison:
    """Compare models by cross-validation on the same folds.

    Every model is fitted and scored on every fold, as
    :func:`sklearn.model_selection.cross_validate` does it for one model. The result
    ranks the models and says how sure the ranking is.

    Parameters
    ----------
    models : dict of str to estimator
        The models by name: estimators, pipelines or searches. They are cloned and not
        changed. A search is fitted anew in each fold, so its score is that of the
        whole procedure (nested cross-validation).

    X : array-like of shape (n_samples, ...)
        The samples, of any kind that all models take.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets.

    groups : array-like of shape (n_samples,), default=None
        Groups for a group splitter. With metadata routing enabled pass them in
        `params` instead.

    cv : int, cross-validation splitter or iterable, default=None
        What determines the folds, as in
        :func:`~sklearn.model_selection.check_cv`: None is 5 folds and an int the number
        of folds, stratified if all models are classifiers, and without shuffling. The
        folds are drawn once and are the same for all models.

    scoring : str, callable, list, tuple or dict, default=None
        One or several metrics, as in
        :func:`~sklearn.model_selection.cross_validate`; the first of several ranks the
        models. None is the ``score`` method of each model.

    n_jobs : int, default=None
        Number of pairs of model and fold that run at the same time. None is 1 unless in
        a :obj:`joblib.parallel_backend` context, -1 is all processors.

    params : dict, default=None
        Parameters passed to ``fit`` of each model; with metadata routing enabled, to
        the models, the scorers and the splitter that request them. What has a
        value a sample, such as ``sample_weight``, is split with the folds.

    path : str or path-like, default=None
        A file to which each result is written as soon as it is there, as JSON lines.
        When the file exists, the comparison goes on where it stopped: finished pairs
        of model and fold are read from it, failed ones are tried again. A model may be
        added then; other data, folds, scoring or models are refused.

    callbacks : list of callbacks, default=None
        Callbacks of :mod:`sklearn.callback`. ``[ProgressBar()]`` shows the models, the
        folds and the searches in them.

    Returns
    -------
    comparison : ModelComparison
        The scores, times and sizes for each model and fold, with a ranking, a plot and
        a report.

    Raises
    ------
    ValueError
        If `models` is empty, `path` holds another comparison, or all fits fail.

    Warns
    -----
    FitFailedWarning
        If some fits fail. Their scores are NaN and their errors are in the results.

    See Also
    --------
    sklearn.model_selection.cross_validate : Scores of one model.

    Notes
    -----
    The size of a model is that of the fitted estimator as
    :mod:`pickle` writes it, NaN if it cannot.

    Ctrl-C ends the comparison, also where a model takes it as a sign to end its own
    training: the result of that fold is dropped.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52, 2003.
    .. [2] A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, "Time for a change: a
       tutorial for comparing multiple classifiers through Bayesian analysis", Journal
       of Machine Learning Research 18, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.model_selection import compare_models
    >>> X, y = load_iris(return_X_y=True)
    >>> comparison = compare_models(
    ...     {"dummy": DummyClassifier(), "linear": LogisticRegression(max_iter=500)},
    ...     X,
    ...     y,
    ...     scoring="accuracy",
    ... )
    >>> comparison.best_name
    'linear'
    >>> comparison.summary()["mean"].round(3).to_dict()
    {'linear': 0.973, 'dummy': 0.333}
    """
    _check_models(models, scoring)
    models = {name: clone(model) for name, model in models.items()}
    X, y = indexable(X, y)
    params = {} if params is None else params
    cv = check_cv(cv, y, classifier=all(map(is_classifier, models.values())))
    plans, split_params = _route(
        models, cv=cv, scoring=scoring, groups=groups, params=params
    )
    folds = [tuple(fold) for fold in cv.split(X, y, **split_params)]
    if not folds:
        raise ValueError("compare_models got no folds: cv is empty.")

    comparison = Comparison().set_callbacks(*(callbacks or ()))
    store: AbstractContextManager[ResultFile | None] = nullcontext()
    if path is not None:
        setting = dict(X=X, y=y, folds=folds, scoring=scoring, params=params)
        store = ResultFile(
            path,
            setting={name: fingerprint(value) for name, value in setting.items()},
            models={name: fingerprint(model) for name, model in models.items()},
        )
    with store as result_file:
        rows = comparison.run(
            models, X, y, folds=folds, plans=plans, n_jobs=n_jobs, file=result_file
        )
    _check_failures(rows, models)
    return ModelComparison(
        rows, models=models, description=_describe(X, y, cv, len(folds))
    )


def _check_models(models: Any, scoring: Any) -> None:
    if not isinstance(models, dict):
        raise TypeError(
            "models must be a dict of names to estimators for compare_models; got "
            f"{type(models).__name__}."
        )
    if not models:
        raise ValueError("models must hold at least one estimator for compare_models.")
    for name, model in models.items():
        if not isinstance(name, str):
            raise TypeError(
                "The names in models must be strings for compare_models; got "
                f"{name!r} of type {type(name).__name__}."
            )
        if isinstance(model, type) or not hasattr(model, "fit"):
            raise TypeError(
                f"models[{name!r}] must be an estimator instance with a fit method for "
                f"compare_models; got {model!r}."
            )
    kinds = {is_classifier(model) for model in models.values()}
    if scoring is None and len(kinds) > 1:
        raise ValueError(
            "scoring must be given for compare_models when models holds classifiers "
            "together with other estimators, as their own scores are different metrics."
        )


def _route(
    models: dict[str, Any], *, cv: Any, scoring: Any, groups: Any, params: dict
) -> tuple[dict[str, Bunch], dict[str, Any]]:
    """Settle how each model is scored, and which parameters go where."""
    plans = {
        name: Bunch(
            scorer=check_scoring(model, scoring=scoring, raise_exc=False),
            metric=scoring if isinstance(scoring, str) else "score",
            fit_params=params,
            score_params={},
        )
        for name, model in models.items()
    }
    if not get_config()["enable_metadata_routing"]:
        return plans, {"groups": groups}
    if groups is not None:
        raise ValueError(
            "groups must be passed to compare_models in params when metadata routing "
            "is enabled: params={'groups': groups}."
        )

    def mapping(callee: str) -> MethodMapping:
        return MethodMapping().add(caller="fit", callee=callee)

    # One router for all models: what one of them requests the others need not know.
    router = MetadataRouter(owner="compare_models")
    router.add(splitter=cv, method_mapping=mapping("split"))
    for name, plan in plans.items():
        fitted, scored = {f"model {name}": models[name]}, {f"score {name}": plan.scorer}
        router.add(method_mapping=mapping("fit"), **fitted)
        router.add(method_mapping=mapping("score"), **scored)
    try:
        routed = process_routing(router, "fit", **params)
    except UnsetMetadataPassedError as error:
        # The user called compare_models and knows nothing of the router's fit.
        raise UnsetMetadataPassedError(
            message=str(error).replace("compare_models.fit", "compare_models"),
            unrequested_params=error.unrequested_params,
            routed_params=error.routed_params,
        ) from error
    for name, plan in plans.items():
        plan.fit_params = routed[f"model {name}"].fit
        plan.score_params = routed[f"score {name}"].score
    return plans, routed.splitter.split


class Comparison(CallbackSupportMixin):
    """The run of a comparison, as callbacks see it: a task a model, a subtask a fold.

    Callbacks show the name of this class to the user.
    """

    @with_callbacks
    def run(
        self,
        models: dict[str, Any],
        X: Any,
        y: Any,
        *,
        folds: list[tuple],
        plans: dict[str, Bunch],
        n_jobs: int | None,
        file: ResultFile | None,
    ) -> list[dict[str, Any]]:
        """Evaluate what is not in the file yet.

        Parameters
        ----------
        models : dict of str to estimator
            The models by name.

        X : array-like of shape (n_samples, ...)
            The samples.

        y : array-like of shape (n_samples, ...) or None
            The targets.

        folds : list of tuple of ndarray
            Training and test rows of each fold.

        plans : dict of str to Bunch
            The scorer and the routed parameters of each model.

        n_jobs : int or None
            Number of fits at a time.

        file : ResultFile or None
            Where finished rows come from and new ones go to.

        Returns
        -------
        rows : list of dict
            A row for each model and fold, in their order.
        """
        done = {
            (row["model"], row["fold"]): row
            for row in (file.rows if file is not None else ())
            if row["error"] is None
        }
        pending = [
            (name, fold)
            for name in models
            for fold in range(len(folds))
            if (name, fold) not in done
        ]
        root, tasks = self._open_tasks(pending)

        def jobs() -> Iterator:
            for name, fold in pending:
                task, contexts = tasks[name]
                if fold == min(contexts):
                    task.call_on_fit_task_begin(estimator=self)
                plan = plans[name]
                yield delayed(evaluate_fold)(
                    name,
                    clone(models[name]),
                    X,
                    y,
                    fold=fold,
                    train=folds[fold][0],
                    test=folds[fold][1],
                    scorer=plan.scorer,
                    metric=plan.metric,
                    fit_params=plan.fit_params,
                    score_params=plan.score_params,
                    caller=self,
                    context=contexts[fold],
                )

        left = {name: len(contexts) for name, (_, contexts) in tasks.items()}
        root.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with noting_interrupts() as interrupts:
            for row in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(jobs()):
                if interrupts:
                    raise KeyboardInterrupt
                name = row["model"]
                done[name, row["fold"]] = row
                if file is not None:
                    file.append(row)
                left[name] -= 1
                if not left[name]:
                    tasks[name][0].call_on_fit_task_end(estimator=self)
        root.call_on_fit_task_end(estimator=self)
        return [done[name, fold] for name in models for fold in range(len(folds))]

    def _open_tasks(self, pending: list[tuple[str, int]]) -> tuple[Any, dict]:
        """Open all tasks ahead, as they must not change while one is pickled."""
        by_model = [
            (name, [fold for _, fold in pairs])
            for name, pairs in groupby(pending, key=lambda pair: pair[0])
        ]
        root = self._init_callback_context("compare", max_subtasks=len(by_model))
        tasks = {}
        for name, indices in by_model:
            task = root.subcontext(
                name, max_subtasks=len(indices), sequential_subtasks=False
            )
            contexts = {fold: task.subcontext("fold", task_id=fold) for fold in indices}
            tasks[name] = (task, contexts)
        return root, tasks


def _check_failures(rows: list[dict[str, Any]], models: dict[str, Any]) -> None:
    failed = [row for row in rows if row["error"] is not None]
    if not failed:
        return
    lines = []
    for name in models:
        errors = [row["error"] for row in failed if row["model"] == name]
        if errors:
            lines.append(f"{name} ({len(errors)} folds), first error: {errors[0]}")
    details = "\n  ".join(lines)
    scored = any(np.isfinite(list(row["scores"].values())).any() for row in rows)
    if not scored:
        raise ValueError(f"All fits of compare_models failed:\n  {details}")
    warnings.warn(
        f"{len(failed)} of {len(rows)} fits of compare_models failed, with NaN for "
        f"their scores:\n  {details}",
        FitFailedWarning,
        stacklevel=3,
    )


def _describe(X: Any, y: Any, cv: Any, n_folds: int) -> dict[str, str]:
    shape = getattr(X, "shape", (len(X),))
    samples = " x ".join(f"{size:,}" for size in shape)
    described = {"Data": f"{samples} ({type(X).__name__})"}
    if y is not None:
        target = getattr(y, "name", None)
        kind = getattr(y, "dtype", type(y).__name__)
        described["Target"] = f"{target} ({kind})" if target else str(kind)
    # check_cv wraps an iterable of indices in a private class.
    given = type(cv).__name__.startswith("_")
    described["Folds"] = f"{n_folds}, given as indices" if given else str(cv)
    described["Date"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return described
