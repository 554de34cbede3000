"""The fit that all searches share."""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from inspect import signature
from typing import Any

from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from sklearn_dl.model_selection._joint_fit import plan_joint_fits
from sklearn_dl.model_selection._search_checkpoint import SearchCheckpoint
from sklearn_dl.model_selection._search_parallel import (
    LARGEST_SAVED_TASK,
    may_join,
    run_evaluations,
)
from sklearn_dl.model_selection._search_tasks import Conditions, Evaluation, Numbered
from sklearn_dl.utils._sklearn import (
    BaseSearchCV,
    MultimetricScorer,
    check_method_params,
    fit_context,
    insert_error_scores,
    warn_or_raise_about_fit_failures,
)

# What the parameter `checkpoint` may be.
CHECKPOINT_CONSTRAINTS = {"checkpoint": [str, os.PathLike, None]}


class JointSearch(BaseSearchCV):
    """A search that fits the candidates of a fold together where they can be.

    It stands between a search of scikit-learn and their base class, and takes the place
    of the base class's `fit`.
    """

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **params):
        """Evaluate the candidates, and fit the best one to all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
            The rows, of any kind that `estimator` takes and that can be indexed.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.

        **params : dict of str to object
            What else the estimator's `fit` takes, with `groups` for the splitter. What
            has one value a sample is split as X is. With metadata routing they go
            where they were asked for.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        CheckpointError
            If the file `checkpoint` belongs to another search or to other data.
        """
        scorer, metric = self._get_scorers()
        X, y = indexable(X, y)
        params = check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        metadata = None if weight is None else {"sample_weight": weight}
        told = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        root = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        root.call_on_fit_task_begin(**told)

        self._prepare_splitter(X, y, routed.splitter.split)
        conditions = self._conditions(X, y, scorer, routed)
        checkpoint = None
        if self.checkpoint is not None:
            data = {"X": X, "y": y, "set of fit parameters": params}
            checkpoint = SearchCheckpoint(self, data)
        evaluator = _Evaluator(self, conditions, routed.splitter.split, checkpoint)
        try:
            self._evaluate(evaluator, root)
            self.scorer_ = (
                scorer._scorers if isinstance(scorer, MultimetricScorer) else scorer
            )
            self._choose(evaluator, metric)
            if self.refit:
                self._refit(conditions, root, told)
        except BaseException:
            if checkpoint is not None:
                checkpoint.close()
            raise
        if checkpoint is not None:
            checkpoint.remove()
        root.call_on_fit_task_end(**told)
        return self

    def _prepare_splitter(self, X, y, split_params):
        self._checked_cv_orig = check_cv(
            self.cv, y, classifier=is_classifier(self.estimator)
        )
        self._check_input_parameters(X=X, y=y, split_params=split_params)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **split_params)

    def _conditions(self, X, y, scorer, routed):
        return Conditions(
            clone(self.estimator),
            X,
            y,
            scorer,
            routed.estimator.fit,
            routed.scorer.score,
            return_train_score=self.return_train_score,
            return_estimator=False,
            error_score=self.error_score,
            verbose=self.verbose,
            caller=self,
            n_splits=self.n_splits_,
        )

    def _evaluate(self, evaluator, root):
        # Searches that others wrote may not know of callbacks.
        known = "callback_ctx" in signature(self._run_search).parameters
        self._run_search(evaluator, **({"callback_ctx": root} if known else {}))
        self.cv_results_ = evaluator.results
        self.joint_groups_ = evaluator.joint_groups

    def _choose(self, evaluator, metric):
        """Find the best candidate."""
        scores = evaluator.out[0]["test_scores"]
        self.multimetric_ = isinstance(scores, dict)
        if callable(self.scoring) and self.multimetric_:
            # Only now is it known which scores there are.
            self._check_refit_for_multimetric(scores)
            metric = self.refit
        if self.multimetric_ and not self.refit:
            return
        results = self.cv_results_
        self.best_index_ = self._select_best_index(self.refit, metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, conditions, root, told):
        # Parameters may be estimators, which must not be shared with the grid.
        best = clone(conditions.estimator)
        best.set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_ = best
        y = () if conditions.y is None else (conditions.y,)
        context = root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(**told)
            begun = time.perf_counter()
            best.fit(conditions.X, *y, **conditions.fit_params)
            self.refit_time_ = time.perf_counter() - begun
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(**told)


class _Evaluator:
    """Evaluates candidates when a search asks for it, and keeps all results.

    Parameters
    ----------
    search : JointSearch
        The search.

    conditions : Conditions
        What all evaluations have in common.

    split_params : dict
        What the splitter takes beside the rows.

    checkpoint : SearchCheckpoint or None
        Where results are written to.
    """

    def __init__(self, search, conditions, split_params, checkpoint):
        self._search = search
        self._conditions = conditions
        self._split_params = split_params
        self._checkpoint = checkpoint
        metadata = {**conditions.fit_params, **conditions.score_params}
        callbacks = getattr(search, "_skl_callbacks", ())
        self._joins = may_join(conditions.estimator, conditions.y, metadata, callbacks)
        self._candidates: list[dict[str, Any]] = []
        self._more_results: dict[str, list] = defaultdict(list)
        self.out: list[dict[str, Any]] = []
        self.results: dict[str, Any] = {}
        self.joint_groups: list[dict[str, Any]] = []

    def __call__(
        self,
        candidate_params: Iterable[dict[str, Any]],
        cv: Any = None,
        more_results: dict[str, list] | None = None,
        callback_ctx: Any = None,
    ) -> dict[str, Any]:
        """Evaluate candidates on all folds.

        Parameters
        ----------
        candidate_params : iterable of dict
            The candidates.

        cv : splitter, default=None
            Another splitter than that of the search.

        more_results : dict of str to list, default=None
            More columns of the results, with a value for each candidate.

        callback_ctx : CallbackContext, default=None
            The task that the evaluations are parts of.

        Returns
        -------
        results : dict of str to array
            The results so far, as `cv_results_` has them.
        """
        search, candidates = self._search, [*candidate_params]
        splits = self._splits(candidates, cv or search._checked_cv_orig)
        if search.verbose > 0:
            sys.stdout.write(
                f"Fitting {len(splits)} folds for each of {len(candidates)} "
                f"candidates, totalling {len(splits) * len(candidates)} fits\n"
            )
        out = self._run(candidates, _evaluations(candidates, splits, callback_ctx))
        if not out:
            raise ValueError(
                f"No fits were performed by {type(search).__name__}: there are "
                f"{len(candidates)} candidates and {len(splits)} folds."
            )
        warn_or_raise_about_fit_failures(out, search.error_score)
        if callable(search.scoring):
            # The names of the scores are known from the fits that did not fail.
            insert_error_scores(out, search.error_score)
        self._candidates.extend(candidates)
        self.out.extend(out)
        for name, values in (more_results or {}).items():
            self._more_results[name].extend(values)
        self.results = search._format_results(
            self._candidates, search.n_splits_, self.out, self._more_results
        )
        return self.results

    def _splits(self, candidates: list[dict[str, Any]], cv: Any) -> list:
        c = self._conditions

        def split():
            return cv.split(c.X, c.y, **self._split_params)

        if self._checkpoint is not None:
            splits = self._checkpoint.begin(candidates, split)
        else:
            splits = [*split()]
        if len(splits) != self._search.n_splits_:
            raise ValueError(
                f"The 'cv' parameter of {type(self._search).__name__} gives "
                f"inconsistent results: get_n_splits says {self._search.n_splits_}, "
                f"split gives {len(splits)} folds."
            )
        return splits

    def _run(
        self, candidates: list[dict[str, Any]], evaluations: list[Evaluation]
    ) -> list[dict[str, Any]]:
        """Return the results of the evaluations, in their order."""
        conditions = replace(self._conditions, n_candidates=len(candidates))
        groups = []
        if self._joins and candidates:
            groups = plan_joint_fits(conditions.estimator, candidates)
        self._note(groups, len(candidates))
        results: dict[int, dict[str, Any]] = {}
        save: Callable[[list[Numbered]], None] = results.update
        if self._checkpoint is not None:
            results.update(self._checkpoint.results)
            save = self._saving(results)
        for evaluation in evaluations:
            if evaluation.number in results and evaluation.context is not None:
                evaluation.context.call_on_fit_task_begin(estimator=self._search)
                evaluation.context.call_on_fit_task_end(estimator=self._search)
        pending = [e for e in evaluations if e.number not in results]
        run_evaluations(
            conditions,
            pending,
            groups,
            save,
            largest=None if self._checkpoint is None else LARGEST_SAVED_TASK,
            n_jobs=self._search.n_jobs,
            pre_dispatch=self._search.pre_dispatch,
        )
        return [results[evaluation.number] for evaluation in evaluations]

    def _saving(
        self, results: dict[int, dict[str, Any]]
    ) -> Callable[[list[Numbered]], None]:
        def save(finished: list[Numbered]) -> None:
            self._checkpoint.save(finished)
            results.update(finished)

        return save

    def _note(self, groups: list, n_candidates: int) -> None:
        """Note which candidates are fitted together, counted over the whole search."""
        first = len(self._candidates)
        joint = {candidate for group in groups for candidate in group.candidates}
        alone = [k for k in range(n_candidates) if k not in joint]
        several = [group for group in groups if len(group.candidates) > 1]
        found = [(group.candidates, group.how) for group in several]
        # Those that share a program rather than work: in one line for all.
        lonely: dict[str, list[int]] = {}
        for group in groups:
            if len(group.candidates) == 1:
                lonely.setdefault(group.how, []).extend(group.candidates)
        found += [(members, how) for how, members in lonely.items()]
        found += [(alone, "one by one")] if alone else []
        self.joint_groups += [
            {"candidates": [first + k for k in members], "how": how}
            for members, how in found
        ]


def _evaluations(
    candidates: list[dict[str, Any]], splits: list, callback_ctx: Any
) -> list[Evaluation]:
    """List the evaluations in scikit-learn's order, each with a task for callbacks.

    The tasks are opened ahead, as they must not change while one is pickled.
    """
    evaluations: list[Evaluation] = []
    for candidate, parameters in enumerate(candidates):
        for split, (train, test) in enumerate(splits):
            number, context = len(evaluations), None
            if callback_ctx is not None:
                context = callback_ctx.subcontext(
                    task_name="candidate-split-evaluation", task_id=number
                )
            evaluations.append(
                Evaluation(number, candidate, split, parameters, train, test, context)
            )
    return evaluations
