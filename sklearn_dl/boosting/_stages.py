"""Joint fits of ensembles that grow round by round."""

from abc import abstractmethod

from sklearn.base import clone

from sklearn_dl.base import JointFitMixin
from sklearn_dl.utils._equality import value_key
from sklearn_dl.utils._origin import has_own_fit

__all__ = ["StagesMixin"]


class StagesMixin(JointFitMixin):
    """Joint fits for ensembles whose first rounds do not depend on how many follow.

    Candidates that differ only in the number of rounds are stages of the longest fit.
    """

    # The parameter that says how many rounds there are.
    _rounds: str

    def joint_fit_groups(self, candidates):
        """Say which candidates are fitted together.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.

        Returns
        -------
        groups : list of list of int
            Positions of candidates that differ only in the number of rounds: stages of
            one fit. Fits that callbacks watch, that write their progress or that go on
            from an earlier one are in none, nor are those with invalid parameters.
        """
        stages = {}
        for k, params in enumerate(candidates):
            if self._may_join(params):
                others = self.get_params(deep=False) | params
                del others[self._rounds]
                key = frozenset((name, value_key(v)) for name, v in others.items())
                stages.setdefault(key, []).append(k)
        return list(stages.values())

    def _may_join(self, params):
        """Return whether these parameters are valid, and nobody watches the fit."""
        try:
            model = self._with(params)
            model._validate_params()
        except Exception:
            # Whoever fits it says what is wrong.
            return False
        return not (
            hasattr(self, "_skl_callbacks")
            or not has_own_fit(self)
            or getattr(model, "verbose", False)
            or getattr(model, "warm_start", False)
        )

    def fit_candidates(self, candidates, X, y, **fit_params):
        """Fit a clone of this estimator with each set of parameters.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters, as ``set_params`` takes them.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,)
            The targets.
        **fit_params : dict
            What else ``fit`` takes.

        Yields
        ------
        position : int
            Position in `candidates`.
        outcome : estimator or Exception
            The fitted estimator, or the exception that its fit ended with.
        """
        groups = self.joint_fit_groups(candidates)
        shared = {}
        for group in groups:
            models = {k: self._with(candidates[k]) for k in group}
            yield from self._fit_stages(models, shared, X, y, fit_params)
        joined = {k for group in groups for k in group}
        for k in range(len(candidates)):
            if k not in joined:
                yield k, self._fit_alone(candidates[k], X, y, fit_params)

    def _with(self, params):
        """Return a clone with other parameters, which are cloned too."""
        return clone(self).set_params(**clone(params, safe=False))

    def _fit_alone(self, params, X, y, fit_params):
        """Return what `fit` makes of a clone, be it an exception."""
        try:
            return self._with(params).fit(X, y, **fit_params)
        except Exception as error:
            return error

    def _fit_stages(self, models, shared, X, y, fit_params):
        """Fit models that differ only in the number of rounds.

        They are taken out of `models`, so that nothing is kept of them here.
        """
        longest = max(models, key=lambda k: getattr(models[k], self._rounds))
        whole = models.pop(longest)
        try:
            whole._fit_sharing(shared, X, y, **fit_params)
        except Exception as error:
            # It may have come to grief in a round that the others do not have.
            yield longest, error
            for k, model in models.items():
                yield from self._fit_stages({k: model}, shared, X, y, fit_params)
            return
        while models:
            k, model = models.popitem()
            n_rounds = getattr(model, self._rounds)
            vars(model).update(vars(whole) | model.get_params(deep=False))
            model._keep_rounds(n_rounds)
            yield k, model
            del model
        yield longest, whole

    def _fit_sharing(self, shared, X, y, **fit_params):
        """Fit; `shared` holds what other candidates have left for this one."""
        return self.fit(X, y, **fit_params)

    @abstractmethod
    def _keep_rounds(self, n_rounds):
        """Forget the rounds behind these, in arrays that are not the whole fit's."""
