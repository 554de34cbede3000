"""Which candidates are fitted together, and their fits, for any estimator."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from sklearn_dl.model_selection._joint_members import (
    fit_ensembles,
    is_joined_ensemble,
    plan_ensembles,
)
from sklearn_dl.model_selection._joint_steps import (
    Fits,
    Params,
    below,
    build,
    fit_sharing,
    grouped,
    is_passthrough,
    joins_transforms,
    own,
    settings_of,
    sharing_key,
)
from sklearn_dl.utils._equality import value_key

__all__ = [
    "JointGroup",
    "fit_jointly",
    "has_callbacks",
    "plan_joint_fits",
    "scoring_parts",
]


@dataclass(frozen=True)
class JointGroup:
    """Candidates that share work when they are fitted together.

    Parameters
    ----------
    candidates : list of int
        Their positions.
    how : str
        What they share, in words.
    threads : bool
        Whether the fits release the interpreter, so that threads run side by side.
    """

    candidates: list[int]
    how: str
    threads: bool


def plan_joint_fits(estimator: Any, candidates: Sequence[Params]) -> list[JointGroup]:
    """Say which candidates are fitted together.

    Parameters
    ----------
    estimator : estimator
        One that implements the protocol of joint fits, a ``Pipeline``, an ensemble that
        votes or bags, or any other.
    candidates : sequence of dict
        Parameters, as ``set_params`` takes them.

    Returns
    -------
    groups : list of JointGroup
        Each candidate is in one of them at most. One that is in none, or that
        ``set_params`` refuses, is for a plain fit.
    """
    names = set(estimator.get_params())
    settable = [
        k
        for k, params in enumerate(candidates)
        if _is_settable(estimator, names, params)
    ]
    candidates = [candidates[k] for k in settable]
    if _implements_joint_fit(estimator):
        how = f"joint fit of {type(estimator).__name__}"
        groups = [
            JointGroup(list(group), how, threads=True)
            for group in _own_groups(estimator, candidates)
        ]
    elif joined := _joined_ensembles(estimator, candidates):
        ensembles = [candidates[k] for k in joined]
        groups = [
            _renumbered(JointGroup(*group), joined)
            for group in plan_ensembles(estimator, ensembles, plan_joint_fits)
        ]
    else:
        joined = _joined_pipelines(estimator, candidates)
        groups = list(_plan_step(estimator, candidates, 0, joined)) if joined else []
    return [_renumbered(group, settable) for group in groups]


def fit_jointly(
    estimator: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Iterator[tuple[int, Any]]:
    """Fit clones of an estimator, and do what they share once.

    Each ends as a fit by itself would end, errors included; but where a step draws
    from numpy's global generator, those that share it share the draw.

    Parameters
    ----------
    estimator : estimator
        What is cloned.
    candidates : sequence of dict
        Parameters, as ``set_params`` takes them.
    X, y : array-like
        Training rows and targets. They stay as they are.
    fit_params : dict
        What else ``fit`` takes.

    Yields
    ------
    position : int
        Position in `candidates`; each comes once, in any order.
    outcome : estimator or Exception
        The fitted estimator, or the exception that its fit ended with.
    """
    remaining = set(range(len(candidates)))
    for k, outcome in _joint_fits(estimator, candidates, X, y, fit_params):
        remaining.remove(k)
        yield k, outcome
    for k in sorted(remaining):
        yield k, _fit_singly(estimator, candidates[k], X, y, fit_params)


def scoring_parts(estimator: Any) -> tuple[tuple[Any, ...], Any]:
    """Split a fitted pipeline into its transformers and its last step.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator.

    Returns
    -------
    front : tuple of estimator
        What transforms the rows before `last` predicts, in this order. Pipelines that
        were fitted together hold the same objects.
    last : estimator
        The last step; the estimator itself where it is no pipeline.
    """
    front: tuple[Any, ...] = ()
    while type(estimator) is Pipeline and not is_passthrough(estimator.steps[-1][1]):
        steps = [step for _, step in estimator.steps]
        front += tuple(step for step in steps[:-1] if not is_passthrough(step))
        estimator = steps[-1]
    return front, estimator


def has_callbacks(value: Any) -> bool:
    """Say whether someone listens to the fits of an estimator or of its parts.

    Parameters
    ----------
    value : object
        The estimator; nobody listens to anything else.

    Returns
    -------
    answer : bool
        Whether it or an estimator in its parameters has callbacks of scikit-learn's.
    """
    if isinstance(value, type) or not hasattr(value, "get_params"):
        return False
    parts = [value, *value.get_params().values()]
    return any(hasattr(part, "_skl_callbacks") for part in parts)


# -- what joins ------------------------------------------------------------------------


def _implements_joint_fit(estimator: Any) -> bool:
    return (
        # Of the class: one that stands for another may lend its attributes.
        hasattr(type(estimator), "joint_fit_groups")
        and hasattr(type(estimator), "fit_candidates")
        and not has_callbacks(estimator)
    )


def _own_groups(estimator: Any, candidates: Sequence[Params]) -> list[list[int]]:
    try:
        groups: list[list[int]] = estimator.joint_fit_groups(candidates)
    except Exception:
        # Plain fits say of each candidate what is wrong.
        return []
    return groups


def _is_settable(estimator: Any, names: set[str], params: Params) -> bool:
    replaces = any(key.startswith(f"{name}__") for name in params for key in params)
    if not replaces and params.keys() <= names:
        return True
    try:
        build(estimator, params)
    except Exception:
        return False
    return True


def _joined_pipelines(estimator: Any, candidates: Sequence[Params]) -> list[int]:
    """Return the candidates that are pipelines without peculiarities.

    What scikit-learn would refuse is not among them: a plain fit says what is wrong.
    """
    if type(estimator) is not Pipeline or has_callbacks(estimator):
        return []
    settings = estimator.get_params(deep=False)
    try:
        names = [name for name, _ in settings.pop("steps")]
    except (TypeError, ValueError):
        return []
    refused = any("__" in name or name in settings or name == "steps" for name in names)
    if refused or not names or len(set(names)) < len(names) or any(settings.values()):
        return []
    return [
        k
        for k, params in enumerate(candidates)
        if {key.partition("__")[0] for key in params} <= set(names)
        and not any(map(has_callbacks, params.values()))
        and _are_steps([params.get(name, step) for name, step in estimator.steps])
        and _splits_alike(estimator, params)
    ]


def _splits_alike(pipeline: Pipeline, params: Params) -> bool:
    """Return whether a candidate takes the same rows and columns of a fold."""
    name, given = pipeline.steps[0]
    own_params = below(params, name)
    if name not in params and not own_params:
        return True

    def is_pairwise(step: Any) -> bool:
        tags = None if is_passthrough(step) else get_tags(step)
        return tags is not None and tags.input_tags.pairwise

    step = params.get(name, given)
    changed = step if is_passthrough(step) else build(step, own_params)
    return is_pairwise(changed) == is_pairwise(given)


def _joined_ensembles(estimator: Any, candidates: Sequence[Params]) -> list[int]:
    """Return the candidates that are ensembles nobody listens to."""
    if not is_joined_ensemble(estimator) or has_callbacks(estimator):
        return []
    return [
        k
        for k, params in enumerate(candidates)
        if not any(map(has_callbacks, params.values()))
    ]


def _are_steps(steps: list[Any]) -> bool:
    *front, last = steps
    return (is_passthrough(last) or hasattr(last, "fit")) and all(
        is_passthrough(step)
        or (
            hasattr(step, "transform")
            and (hasattr(step, "fit") or hasattr(step, "fit_transform"))
        )
        for step in front
    )


def _templates(
    name: str, given: Any, candidates: Sequence[Params], members: list[int]
) -> Iterator[tuple[Any, list[int], list[Params]]]:
    """Yield what stands at a step, the candidates that have it, and their parameters.

    A candidate may bring another estimator for the step than the pipeline has.
    """

    def replacement(k: int) -> Hashable:
        return value_key(candidates[k][name]) if name in candidates[k] else None

    for same in grouped(members, replacement):
        template = candidates[same[0]].get(name, given)
        yield template, same, [below(candidates[k], name) for k in same]


# -- plans of pipelines ----------------------------------------------------------------


def _renumbered(group: JointGroup, positions: Sequence[int]) -> JointGroup:
    return replace(group, candidates=[positions[k] for k in group.candidates])


def _plan_step(
    pipeline: Pipeline, candidates: Sequence[Params], level: int, members: list[int]
) -> Iterator[JointGroup]:
    """Yield groups of pipelines whose steps before a level leave the data as it is."""
    name, given = pipeline.steps[level]
    for template, same, params in _templates(name, given, candidates, members):
        if level + 1 == len(pipeline.steps):
            if not is_passthrough(template):
                groups = plan_joint_fits(template, params)
                yield from (_renumbered(group, same) for group in groups)
        elif is_passthrough(template):
            yield from _plan_step(pipeline, candidates, level + 1, same)
        else:
            keys = dict(zip(same, _sharing_keys(template, params), strict=True))
            for sharing in grouped(same, keys.__getitem__):
                yield from _plan_front(pipeline, candidates, level, sharing)


def _sharing_keys(template: Any, candidates: list[Params]) -> list[Hashable]:
    """Return, for each candidate, what is equal for those that share some work."""
    keys = [_sharing_key(template, params) for params in candidates]
    if joins_transforms(template):
        for number, group in enumerate(_own_groups(template, candidates)):
            for k in group:
                keys[k] = ("joint", number)
    return keys


def _sharing_key(template: Any, params: Params) -> Hashable:
    if not _joined_pipelines(template, [params]):
        return sharing_key(template, params)
    # Pipelines share work if they share some in their first step.
    name, first = template.steps[0]
    replacement = value_key(params[name]) if name in params else None
    return replacement, _sharing_key(params.get(name, first), below(params, name))


def _plan_front(
    pipeline: Pipeline, candidates: Sequence[Params], level: int, members: list[int]
) -> Iterator[JointGroup]:
    """Yield the groups of candidates that share work in the step at a level."""
    last = len(pipeline.steps) - 1
    joined = {
        k: group.how
        for group in _plan_step(pipeline, candidates, last, members)
        if group.threads
        for k in group.candidates
    }
    if joined:
        hows = sorted(set(joined.values()))
        if len(joined) > 1:
            hows.insert(0, _front_in_words(pipeline, candidates, level, list(joined)))
        yield JointGroup(list(joined), ", ".join(hows), threads=True)
    others = [k for k in members if k not in joined]
    if len(others) > 1:
        how = _front_in_words(pipeline, candidates, level, others)
        yield JointGroup(others, how, threads=False)


def _front_in_words(
    pipeline: Pipeline, candidates: Sequence[Params], level: int, members: list[int]
) -> str:
    one = candidates[members[0]]
    n_steps = 0
    for name, given in pipeline.steps[level:-1]:
        if len({settings_of(candidates[k], name) for k in members}) > 1:
            break
        n_steps += not is_passthrough(one.get(name, given))
    if n_steps:
        steps = "1 step" if n_steps == 1 else f"{n_steps} steps"
        return f"front of {steps} shared"
    name, given = pipeline.steps[level]
    return f"parts of {type(one.get(name, given)).__name__} shared"


# -- fits ------------------------------------------------------------------------------


def _joint_fits(
    estimator: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Iterator[tuple[int, Any]]:
    """Yield the outcomes of those candidates that can be joined."""
    if _implements_joint_fit(estimator):
        yield from _own_joint_fits(estimator, candidates, X, y, fit_params)
    elif joined := _joined_ensembles(estimator, candidates):
        if _reach_all_members(fit_params):
            ensembles = [candidates[k] for k in joined]
            fits = fit_ensembles(estimator, ensembles, X, y, fit_params, fit_jointly)
            for j, outcome in fits:
                yield joined[j], outcome
    elif joined := _joined_pipelines(estimator, candidates):
        if _reach_their_steps(estimator, fit_params):
            pipelines = _PipelineFits(estimator, candidates, y, fit_params, _fit_last)
            for k, outcome in pipelines.run(joined, X):
                yield k, outcome if isinstance(outcome, Exception) else outcome[0]


def _own_joint_fits(
    estimator: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Iterator[tuple[int, Any]]:
    joined = [k for group in _own_groups(estimator, candidates) for k in group]
    chosen = [candidates[k] for k in joined]
    try:
        for j, outcome in estimator.fit_candidates(chosen, X, y, **fit_params):
            yield joined[j], outcome
    except Exception:
        # It gave up, for data that no candidate can be fitted to perhaps. Plain fits of
        # those that are left say of each what is wrong, or come to an end.
        return


def _fit_singly(
    estimator: Any, params: Params, X: Any, y: Any, fit_params: Params
) -> Any:
    try:
        model = build(estimator, params)
        targets = () if y is None else (own(y),)
        model.fit(own(X), *targets, **fit_params)
    except Exception as error:
        return error
    return model


def _reach_their_steps(pipeline: Pipeline, fit_params: Params) -> bool:
    """Return whether names say which step each fit parameter is for."""
    names = {name for name, _ in pipeline.steps}
    routed = get_config()["enable_metadata_routing"]
    return not fit_params or (
        not routed
        and all("__" in key and key.split("__")[0] in names for key in fit_params)
    )


def _reach_all_members(fit_params: Params) -> bool:
    """Return whether an ensemble hands the fit parameters to each of its members."""
    routed = get_config()["enable_metadata_routing"]
    return not fit_params or (not routed and fit_params.keys() == {"sample_weight"})


class _PipelineFits:
    """Fits of pipelines, step by step, with each distinct step fitted once.

    The fits form a tree: a node is a fitted step with the rows that it made, and below
    it are the candidates that share it. The tree is walked depth first, so that at any
    time the rows of one branch are all that is in memory.

    Parameters
    ----------
    pipeline : Pipeline
        What is cloned.
    candidates : sequence of dict
        Parameters, as ``set_params`` takes them.
    y : array-like
        Targets.
    fit_params : dict
        What else ``fit`` takes; names begin with that of a step.
    fit_last : callable
        Takes the last step, the candidates' parameters for it, rows, targets and fit
        parameters; yields what :func:`fit_sharing` does.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        candidates: Sequence[Params],
        y: Any,
        fit_params: Params,
        fit_last: Callable[..., Fits],
    ):
        self.pipeline = pipeline
        self.candidates = candidates
        self.y = y
        self.fit_params = fit_params
        self.fit_last = fit_last

    def run(self, members: list[int], X: Any) -> Fits:
        """Yield fitted pipelines, each with the rows that come out of it."""
        return self._walk((), members, X)

    def _walk(self, front: tuple[Any, ...], members: list[int], X: Any) -> Fits:
        """Fit the step behind a fitted front, and all that follow it."""
        name, given = self.pipeline.steps[len(front)]
        is_last = len(front) + 1 == len(self.pipeline.steps)
        fit_params = below(self.fit_params, name)
        for template, same, params in _templates(name, given, self.candidates, members):
            if is_last:
                fits = self.fit_last(template, params, X, self.y, fit_params)
                for j, outcome in fits:
                    yield same[j], self._assembled(front, outcome)
                continue
            shared = grouped(same, lambda k: settings_of(self.candidates[k], name))
            distinct = [below(self.candidates[ks[0]], name) for ks in shared]
            fits = _fit_sharing(template, distinct, X, self.y, fit_params)
            for j, outcome in fits:
                if isinstance(outcome, Exception):
                    yield from ((k, outcome) for k in shared[j])
                else:
                    step, Xt = outcome
                    yield from self._walk(front + (step,), shared[j], Xt)
                    # Before the next branch makes its own.
                    del outcome, Xt

    def _assembled(
        self, front: tuple[Any, ...], outcome: tuple[Any, Any] | Exception
    ) -> tuple[Any, Any] | Exception:
        if isinstance(outcome, Exception):
            return outcome
        last, Xt = outcome
        names = [name for name, _ in self.pipeline.steps]
        settings = self.pipeline.get_params(deep=False)
        settings["steps"] = list(zip(names, front + (last,), strict=True))
        return Pipeline(**settings), Xt


def _fit_last(
    template: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Fits:
    if is_passthrough(template):
        yield from fit_sharing(template, candidates, X, y, fit_params)
        return
    for k, outcome in fit_jointly(template, candidates, X, y, fit_params):
        # Nobody transforms with the last step of a pipeline that is only fitted.
        yield k, outcome if isinstance(outcome, Exception) else (outcome, None)


def _fit_sharing(
    template: Any, candidates: Sequence[Params], X: Any, y: Any, fit_params: Params
) -> Fits:
    """Fit and apply a step that may itself be a pipeline."""
    joined = _joined_pipelines(template, candidates)
    if len(joined) < len(candidates) or not _reach_their_steps(template, fit_params):
        yield from fit_sharing(template, candidates, X, y, fit_params)
        return
    fits = _PipelineFits(template, candidates, y, fit_params, _fit_sharing)
    yield from fits.run(joined, X)
