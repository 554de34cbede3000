"""Ensembles of estimators fitted for several candidates, with what they share once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import count
from numbers import Integral
from typing import Any

from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.utils import Bunch

from sklearn_dl.model_selection._joint_steps import (
    Params,
    below,
    build,
    grouped,
    settings_of,
)
from sklearn_dl.utils._equality import value_key

__all__ = ["fit_ensembles", "is_joined_ensemble", "plan_ensembles"]

_VOTING = (VotingClassifier, VotingRegressor)
_BAGGING = (BaggingClassifier, BaggingRegressor)
# What neither the bags nor the fits of their members depend on.
_BESIDE_BAGS = {"estimator", "n_jobs", "oob_score", "verbose"}


@dataclass(frozen=True)
class _Member:
    """What one candidate has at one place of its ensemble.

    Parameters
    ----------
    rows : hashable
        Equal for members that are fitted to the same rows.
    place : hashable
        Equal for members that may be fitted by one call.
    setting : hashable
        Equal for members of a place that are the same.
    template : estimator
        What is cloned.
    params : dict
        The candidate's parameters for it.
    """

    rows: Hashable
    place: Hashable
    setting: Hashable
    template: Any
    params: Params

    @property
    def key(self) -> Hashable:
        """What is equal for members that are the same."""
        return self.place, self.setting


# The members of one candidate by name; what is dropped is not among them.
_Members = dict[str, _Member]


def is_joined_ensemble(estimator: Any) -> bool:
    """Return whether an estimator is one of the ensembles that are known here."""
    return type(estimator) in _VOTING + _BAGGING


# -- what joins ------------------------------------------------------------------------


def _joined(ensemble: Any, candidates: Sequence[Params]) -> dict[int, _Members]:
    """Return the members of those candidates that are ensembles without peculiarities.

    What scikit-learn would refuse need not be noticed: then a plain fit says why.
    """
    found = {}
    for k, params in enumerate(candidates):
        try:
            model = build(ensemble, params)
            usual = model.n_jobs in (None, 1) and not model.verbose
            found[k] = _members(ensemble, model, params) if usual else {}
        except Exception:
            continue
    return {k: members for k, members in found.items() if members}


def _members(ensemble: Any, model: Any, params: Params) -> _Members:
    """Return the members of a model that was built with a candidate's parameters."""
    if type(ensemble) in _VOTING:
        if "estimators" in params:
            return {}
        given = dict(ensemble.estimators)
        rows: Hashable = None
    else:
        if not isinstance(model.random_state, Integral) or model.estimator is None:
            return {}
        given = {"estimator": ensemble.estimator}
        rows = _bags_key(model)
    return {
        name: _Member(
            rows=rows,
            place=(name, rows, value_key(params[name]) if name in params else ()),
            setting=settings_of(params, name),
            template=params.get(name, member),
            params=below(params, name),
        )
        for name, member in given.items()
        if not isinstance(params.get(name, member), str)
    }


def _bags_key(bagging: Any) -> Hashable:
    """Return what is equal for ensembles with the same bags and random states."""
    settings = bagging.get_params(deep=False)
    names = bagging.estimator.get_params()
    return (
        frozenset(
            (k, value_key(v)) for k, v in settings.items() if k not in _BESIDE_BAGS
        ),
        frozenset(name for name in names if name.endswith("random_state")),
    )


# -- plans -----------------------------------------------------------------------------


def plan_ensembles(
    ensemble: Any, candidates: Sequence[Params], plan: Callable[..., list]
) -> Iterator[tuple[list[int], str, bool]]:
    """Say which ensembles are fitted together.

    Parameters
    ----------
    ensemble : estimator
        For which `is_joined_ensemble` is true.
    candidates : sequence of dict
        Parameters, as ``set_params`` takes them.
    plan : callable
        Says the same of a member, as ``plan_joint_fits`` does.

    Yields
    ------
    group : tuple of (list of int, str, bool)
        The candidates, what they share, and whether threads can run side by side.
    """
    joined = _joined(ensemble, candidates)
    name = type(ensemble).__name__
    for same in grouped(joined, lambda k: next(iter(joined[k].values())).rows):
        plans = _plans_of_members([joined[k] for k in same], plan)
        parallel = _on_threads({k: joined[k] for k in same}, plans)
        if parallel:
            yield parallel, _in_words(name, [joined[k] for k in parallel], plans), True
        others = [k for k in same if k not in parallel]
        uses = _uses(joined[k] for k in others)
        sharing = [
            k
            for k in others
            if any(m.key in plans or uses[m.key] > 1 for m in joined[k].values())
        ]
        if len(sharing) > 1:
            yield sharing, _in_words(name, [joined[k] for k in sharing], plans), False


def _uses(ensembles: Iterable[_Members]) -> Counter[Hashable]:
    """Return how many candidates have each member."""
    return Counter(m.key for members in ensembles for m in members.values())


def _plans_of_members(
    ensembles: list[_Members], plan: Callable[..., list]
) -> dict[Hashable, Any]:
    """Return the joint group of each member that gains from one."""
    distinct = {m.key: m for members in ensembles for m in members.values()}
    keys = list(distinct)
    plans: dict[Hashable, Any] = {}
    for place in grouped(range(len(keys)), lambda j: distinct[keys[j]].place):
        settings = [distinct[keys[j]].params for j in place]
        for group in plan(distinct[keys[place[0]]].template, settings):
            if group.threads or len(group.candidates) > 1:
                plans |= {keys[place[j]]: group for j in group.candidates}
    return plans


def _on_threads(joined: dict[int, _Members], plans: dict[Hashable, Any]) -> list[int]:
    """Return the candidates whose own members release the interpreter.

    Members that all candidates have are fitted once, and where candidates have no
    others these are what takes the time.
    """
    uses = _uses(joined.values())
    chosen = []
    for k, members in joined.items():
        keys = [member.key for member in members.values()]
        own = [key for key in keys if uses[key] < len(joined)] or keys
        if all(key in plans and plans[key].threads for key in own):
            chosen.append(k)
    return chosen


def _in_words(name: str, ensembles: list[_Members], plans: dict[Hashable, Any]) -> str:
    uses = _uses(ensembles)
    hows = sorted({plans[key].how for key in uses if key in plans})
    done = "shared" if max(uses.values()) > 1 else "fitted together"
    return ", ".join([f"members of {name} {done}", *hows])


# -- fits ------------------------------------------------------------------------------


def fit_ensembles(
    ensemble: Any,
    candidates: Sequence[Params],
    X: Any,
    y: Any,
    fit_params: Params,
    fit: Callable[..., Iterator[tuple[int, Any]]],
) -> Iterator[tuple[int, Any]]:
    """Fit clones of an ensemble, and what their members share once.

    Parameters
    ----------
    ensemble : estimator
        For which `is_joined_ensemble` is true; it stays as it is.
    candidates : sequence of dict
        Parameters, as ``set_params`` takes them.
    X, y : array-like
        Training rows and targets. They stay as they are.
    fit_params : dict
        What else ``fit`` takes.
    fit : callable
        Fits the members, as ``fit_jointly`` does.

    Yields
    ------
    position : int
        Position in `candidates`; those that only a plain fit can fit are left out.
    outcome : estimator or Exception
        The fitted ensemble, or the exception that the fit of a member ended with.
    """
    joined = _joined(ensemble, candidates)
    places: dict[Hashable, _SharedFits] = {}
    for members in joined.values():
        for member in members.values():
            shared = _SharedFits(member.template, fit)
            places.setdefault(member.place, shared).ask(member)
    for k, members in joined.items():
        model = build(ensemble, candidates[k])
        try:
            _fit_with_stand_ins(model, members, places, X, y, fit_params)
        except _MemberError as failed:
            # Where members take no weights, scikit-learn says it in other words.
            if not isinstance(failed.error, TypeError):
                yield k, failed.error
        except Exception:
            # A plain fit comes to the same end, with an error that knows no stand-ins.
            continue
        else:
            yield k, model


class _MemberError(Exception):
    """Carries the exception that the fit of a member ended with."""

    def __init__(self, error: Exception):
        super().__init__(error)
        self.error = error


class _SharedFits:
    """Fits at one place of ensembles, for as long as candidates ask for them.

    Parameters
    ----------
    template : estimator
        What is cloned.
    fit : callable
        Fits several settings, as ``fit_jointly`` does.
    """

    def __init__(self, template: Any, fit: Callable[..., Iterator[tuple[int, Any]]]):
        self.template = template
        self.fit = fit
        self.settings: dict[Hashable, Params] = {}
        self.asked: Counter[Hashable] = Counter()
        # For each bag, what is left of its fits, and how often each was taken.
        self.done: dict[int, dict[Hashable, Any]] = {}
        self.taken: Counter[tuple[int, Hashable]] = Counter()

    def ask(self, member: _Member) -> None:
        """Note that a candidate will take this member."""
        self.settings[member.setting] = member.params
        self.asked[member.setting] += 1

    def take(
        self,
        setting: Hashable,
        bag: int,
        random_states: Params,
        X: Any,
        y: Any,
        fit_params: Params,
    ) -> Any:
        """Return the fitted member, or raise what its fit ended with.

        The first that asks has the members of all candidates fitted: the others come
        with the same rows and random states.
        """
        if bag not in self.done:
            keys = list(self.settings)
            params = [self.settings[key] | random_states for key in keys]
            fits = self.fit(self.template, params, X, y, fit_params)
            self.done[bag] = {keys[j]: outcome for j, outcome in fits}
        outcome = self.done[bag][setting]
        self.taken[bag, setting] += 1
        if self.taken[bag, setting] == self.asked[setting]:
            del self.done[bag][setting]
        if isinstance(outcome, Exception):
            raise _MemberError(outcome)
        return outcome


class _StandIn:
    """Stands in for a member that is fitted with those of other candidates.

    Parameters
    ----------
    member : estimator
        What it stands for, unfitted at first.
    setting : hashable
        Which setting of its place that is.
    shared : _SharedFits
        The fits of the place.
    bag : int, default=0
        Which of the ensemble's clones this is.
    """

    def __init__(self, member: Any, setting: Hashable, shared: _SharedFits, bag=0):
        self.member = member
        self._setting = setting
        self._shared = shared
        self._bag = bag
        self._clones = count()
        self._random_states: Params = {}

    def __sklearn_clone__(self) -> _StandIn:
        # Ensembles fit clones, one after the other.
        return _StandIn(self.member, self._setting, self._shared, next(self._clones))

    def __reduce__(self) -> Any:
        # Some of joblib's backends hand on even a single job. Another process would fit
        # the members of all candidates again.
        raise TypeError("A stand-in stays in its process.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.member, name)

    def set_params(self, **params: Any) -> _StandIn:
        """Take the random states that bagging draws for each member."""
        self._random_states |= params
        return self

    @property
    def fit(self) -> Callable[..., _StandIn]:
        """Have the member fitted; its arguments decide how bags are handed over."""

        @wraps(self.member.fit)
        def fit(X: Any, y: Any, **fit_params: Any) -> _StandIn:
            self.member = self._shared.take(
                self._setting, self._bag, self._random_states, X, y, fit_params
            )
            return self

        return fit


def _fit_with_stand_ins(
    model: Any,
    members: _Members,
    places: dict[Hashable, _SharedFits],
    X: Any,
    y: Any,
    fit_params: Params,
) -> None:
    """Fit an ensemble whose members are fitted elsewhere."""
    settings = model.get_params(deep=False)
    voting = type(model) in _VOTING
    parts = dict(model.estimators) if voting else {"estimator": model.estimator}
    for name, member in members.items():
        shared = places[member.place]
        parts[name] = _StandIn(parts[name], member.setting, shared)
    # Without a number, a context of joblib's could have one.
    model.n_jobs = 1
    if voting:
        model.estimators = list(parts.items())
    else:
        model.estimator = parts["estimator"]
    model.fit(X, y, **fit_params)
    vars(model).update(settings)
    model.estimators_ = [stand_in.member for stand_in in model.estimators_]
    if voting:
        named = model.named_estimators_
        model.named_estimators_ = Bunch(
            **{name: getattr(part, "member", part) for name, part in named.items()}
        )
    else:
        model.estimator_ = model.estimator
