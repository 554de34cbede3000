"""How the evaluations of a search become tasks, and where these run."""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import joblib
from sklearn import config_context, get_config
from sklearn.callback import AutoPropagatedCallback
from sklearn.utils.parallel import Parallel, delayed

from sklearn_dl.model_selection._interrupts import noting_interrupts
from sklearn_dl.model_selection._joint_fit import JointGroup, has_callbacks
from sklearn_dl.model_selection._search_tasks import (
    Conditions,
    Evaluation,
    Numbered,
    fit_alone,
    fit_together,
)

# What an interruption loses, where results are written to a file after each task.
LARGEST_SAVED_TASK = 16
# Workers that are done with their tasks have something to take over.
_TASKS_A_WORKER = 4
# So many candidates are not parted only for the sake of tasks of the same size.
_WORTH_SHARING = 8


def may_join(
    estimator: Any, y: Any, metadata: dict[str, Any], callbacks: Sequence = ()
) -> bool:
    """Say whether nothing stands against joint fits.

    Parameters
    ----------
    estimator : estimator
        What is fitted.

    y : array-like or None
        The targets.

    metadata : dict
        What is handed to `fit` and to the scorer.

    callbacks : sequence of callback, default=()
        Those of the search.

    Returns
    -------
    answer : bool
        False without targets, with metadata that is routed, with arrays from elsewhere
        than numpy, and with callbacks that want to look at single fits.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        return False
    config = get_config()
    return not (
        y is None
        or (config["enable_metadata_routing"] and metadata)
        or config["array_api_dispatch"]
        or has_callbacks(estimator)
        or any(map(_looks_at_fits, callbacks))
    )


def _looks_at_fits(callback: Any) -> bool:
    if not isinstance(callback, AutoPropagatedCallback):
        return False
    hooks = (callback.on_fit_task_begin, callback.on_fit_task_end)
    return any("fitted_estimator" in signature(hook).parameters for hook in hooks)


def run_evaluations(
    conditions: Conditions,
    evaluations: list[Evaluation],
    groups: list[JointGroup],
    save: Callable[[list[Numbered]], None],
    largest: int | None = None,
    **options: Any,
) -> None:
    """Run the evaluations, those of the groups together.

    Parameters
    ----------
    conditions : Conditions
        What the evaluations have in common.

    evaluations : list of Evaluation
        What is to be done.

    groups : list of JointGroup
        Candidates that are fitted together.

    save : callable
        Takes the results of each task when it is done, with the numbers of their
        evaluations.

    largest : int, default=None
        Evaluations that a task has at most.

    **options : dict
        `n_jobs`, `pre_dispatch` and `verbose` of :class:`joblib.Parallel`.
    """
    joint = {candidate for group in groups for candidate in group.candidates}
    alone = [e for e in evaluations if e.candidate not in joint]
    for threads in (True, False):
        chosen = [group for group in groups if group.threads == threads]
        tasks = make_tasks(chosen, evaluations, options["n_jobs"], largest)
        prefer = {"prefer": "threads"} if threads else {}
        _run_joint(conditions, tasks, save, **prefer, **options)
    calls = (delayed(fit_alone)(conditions, evaluation) for evaluation in alone)
    with noting_interrupts() as interrupts:
        for result in _as_completed(Parallel, calls if alone else (), **options):
            if interrupts:
                raise KeyboardInterrupt
            save([result])


def make_tasks(
    groups: list[JointGroup],
    evaluations: list[Evaluation],
    n_jobs: int | None,
    largest: int | None = None,
) -> list[list[Evaluation]]:
    """Put together what a worker does at a time.

    A fold is one task, or as few as keep the workers busy, since each task does by
    itself what its candidates share. Groups stay whole where that is possible.

    Parameters
    ----------
    groups : list of JointGroup
        Candidates that are fitted together.

    evaluations : list of Evaluation
        What is to be done; others than those of the groups are left out.

    n_jobs : int or None
        As in :class:`joblib.Parallel`.

    largest : int, default=None
        Evaluations that a task has at most.

    Returns
    -------
    tasks : list of list of Evaluation
        Each of one fold.
    """
    wanted = {(e.candidate, e.split): e for e in evaluations}
    splits = sorted({e.split for e in evaluations})
    n_candidates = sum(len(group.candidates) for group in groups)
    if not n_candidates or not splits:
        return []
    n_workers = joblib.effective_n_jobs(n_jobs)
    n_tasks = n_workers * _TASKS_A_WORKER if n_workers > 1 else 1
    size = math.ceil(n_candidates / math.ceil(n_tasks / len(splits)))
    size = min(size, largest or size)
    share = math.ceil(n_candidates * len(splits) / n_workers)
    most = min(max(size, _WORTH_SHARING), share, largest or share)
    pieces = [piece for group in groups for piece in _cut(group.candidates, most)]
    tasks = [
        [wanted[candidate, split] for candidate in part if (candidate, split) in wanted]
        for split in splits
        for part in _pack(pieces, size)
    ]
    return [task for task in tasks if task]


def _cut(candidates: list[int], most: int) -> list[list[int]]:
    """Cut a group into pieces of about the same size."""
    n_pieces = math.ceil(len(candidates) / most)
    size = math.ceil(len(candidates) / n_pieces)
    return [candidates[i : i + size] for i in range(0, len(candidates), size)]


def _pack(pieces: list[list[int]], size: int) -> list[list[int]]:
    """Lay pieces together, in their order, up to about a size."""
    parts: list[list[int]] = []
    for piece in pieces:
        if parts and len(parts[-1]) + len(piece) / 2 <= size:
            parts[-1].extend(piece)
        else:
            parts.append([*piece])
    return parts


def _run_joint(
    conditions: Conditions,
    tasks: list[list[Evaluation]],
    save: Callable[[list[Numbered]], None],
    **options: Any,
) -> None:
    if not tasks:
        return
    options.pop("pre_dispatch")
    settings = _Settings.now()
    # What a Ctrl-C leaves in it ends the tasks of other threads too.
    # Fits in threads that change filters of warnings may leave them changed.
    with noting_interrupts() as stop, warnings.catch_warnings():
        calls = (
            joblib.delayed(settings.call)(fit_together, conditions, task, stop)
            for task in tasks
        )
        try:
            for results in _as_completed(joblib.Parallel, calls, **options):
                if stop:
                    raise KeyboardInterrupt
                save(results)
        except BaseException:
            stop.append(True)
            raise


def _as_completed(kind: type[joblib.Parallel], calls: Any, **options: Any) -> Iterator:
    """Yield results as they come."""
    try:
        parallel = kind(return_as="generator_unordered", **options)
    except ValueError:
        # Some backends, such as Ray's, hand out all results at the end.
        parallel = kind(**options)
    yield from parallel(calls)


@dataclass(frozen=True)
class _Settings:
    """scikit-learn's configuration and the filters of warnings, for workers."""

    config: dict[str, Any]
    filters: list
    process: int

    @classmethod
    def now(cls) -> "_Settings":
        return cls(get_config(), [*warnings.filters], os.getpid())

    def call(self, function: Callable, *args: Any) -> Any:
        """Call a function under these settings."""
        if os.getpid() == self.process:
            # Threads share the filters: scikit-learn's own way of setting them for a
            # task would unset them for a moment in all the others.
            with config_context(**self.config):
                return function(*args)
        call, args, _ = delayed(function)(*args)
        return call.with_config_and_warning_filters(self.config, self.filters)(*args)
