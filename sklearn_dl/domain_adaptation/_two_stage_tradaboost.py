"""Two-stage TrAdaBoost.R2: how much of the source to take, by cross-validation."""

from numbers import Integral

import numpy as np
from scipy.optimize import brentq
from sklearn.callback import with_callbacks
from sklearn.model_selection import KFold, check_cv
from sklearn.utils import check_random_state

from sklearn_dl._trees._boosted_numbers import scaled_losses
from sklearn_dl._trees._flat import weighted_medians
from sklearn_dl._trees._threads import mapping_threads
from sklearn_dl.domain_adaptation._frozen_boosting import (
    BoostedTrees,
    GivenRegressors,
)
from sklearn_dl.domain_adaptation._tradaboost_base import (
    BaseWeighted,
    MedianRegressorMixin,
)
from sklearn_dl.utils._sklearn import Interval, StrOptions, fit_context, safe_indexing
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["TwoStageTrAdaBoostRegressor"]

# A source row as light as this beside the target has no say.
_NOTHING = 1e-300


class TwoStageTrAdaBoostRegressor(MedianRegressorMixin, BaseWeighted):
    r"""Two-stage TrAdaBoost.R2: as much of the source as cross-validation likes.

    The first stage lowers the weights of source rows step by step, most where a weak
    learner is most wrong, until the target has all of the weight. The second stage
    boosts weak learners from the weights of each step by AdaBoost.R2, with the weights
    of source rows frozen. The step whose boosting predicts target rows best that it has
    not seen is what `predict` uses.

    Rows of the target without a label are left out of the training. Where there are no
    domains at all (``sample_domain=None``, and no target is NaN) this is
    :class:`sklearn_dl.boosting.AdaBoostRegressor`.

    Read more in the :ref:`User Guide <domain_adaptation>`.

    Parameters
    ----------
    estimator : estimator, default=None
        The weak learner. Its `fit` must take ``sample_weight``, unless it is given rows
        that were drawn. None takes the engine's trees; what is said of these below
        means nothing for another weak learner.

    n_estimators : int, default=50
        Greatest number of weak learners in each boosting. There are fewer after a
        perfect fit, or when a weak learner is no better than chance.

    n_steps : int, default=10
        Number of steps, of which the first takes the weights as they are and the last
        takes the target alone.

    cv : int, cross-validation generator or iterable, default=5
        Folds of the labelled target rows whose weight is not 0, which are counted from
        0: how many there are, at most one a row, or what scikit-learn takes as `cv`.
        None is 5. Each step boosts once for each fold and once for all rows.

    learning_rate : float, default=1.0
        Factor of the weight of each weak learner.

    loss : {'linear', 'square', 'exponential'}, default='linear'
        How the loss of a row grows with its residual, in units of the largest one.

    max_depth : int, default=3
        Depth of the engine's trees; 1 is a decision stump.

    max_bins : int, default=None
        Number of quantile bins, at most 255, between which the engine's trees split.
        None looks at every threshold, as scikit-learn's trees do.

    bootstrap : bool, default=True
        Whether a weak learner is fitted to rows that are drawn by their weights, with
        replacement, as in AdaBoost.R2. If False it is fitted to all rows with their
        weights, and the engine's trees draw nothing.

    store_weights : bool, default=False
        Whether `sample_weights_` is kept.

    random_state : int, RandomState instance, default=None
        Determines the folds, the rows that are drawn in each round, and what
        `estimator` draws.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    best_step_ : int
        The step that was chosen, from 0.

    cv_errors_ : ndarray of shape (n_steps,) or None
        The mean squared error of each step on target rows held out. None where there
        is no target.

    target_shares_ : ndarray of shape (n_steps,)
        The share of the weight that the target has in each step. Where there is no
        target, `n_steps` counts as 1.

    estimators_ : list
        The weak learners of the chosen step.

    n_estimators_ : int
        Number of weak learners of the chosen step.

    estimator_weights_ : ndarray of shape (`n_estimators_`,)
        Their weights in the median, :math:`\eta \ln\frac{1 - \epsilon}{\epsilon}`, and
        1 for a perfect one; 0 for a single one that is no better than chance.

    estimator_errors_ : ndarray of shape (`n_estimators_`,)
        Their weighted mean losses on all rows.

    feature_importances_ : ndarray of shape (n_features,)
        The share of each feature in the decrease of impurity, averaged over the weak
        learners of the chosen step by their weights.

    sample_weights_ : ndarray of shape (n_steps, n_samples) or None
        The weights of the rows in each step, before they are boosted; each row of it
        adds up to 1. Rows that are not learned from have 0. Where there is no target it
        has one row.

    source_weights_, target_weights_ : ndarray or None
        The columns of `sample_weights_` of source rows and of target rows with a label,
        in the order of X, with those of `sample_weight` 0.

    See Also
    --------
    TrAdaBoostRegressor : Boosts once, with a fixed rate for source rows.

    Notes
    -----
    If m of n + m rows are the target's, its share of the weight in step k of S is
    :math:`\frac{m}{n + m} + \frac{k}{S - 1} (1 - \frac{m}{n + m})`, from k = 0. A
    source row of loss l is multiplied by :math:`\beta^l`, where :math:`\beta` is found
    by a search for the share that comes next. With `sample_weight` the first share is
    that of the weights.

    Where rows are drawn (`bootstrap`) the weak learners of one step differ also by
    these, which helps most where the target has little of the weight.

    In a fold the target rows that are left have the weight of all target rows. All
    steps have the same folds. A row that several folds hold out counts in each.

    With a single target row there is nothing to validate on, which is an error.

    Features are read in single precision by the engine's trees, which take missing
    values (NaN). For them sparse X becomes dense in `fit`, and in parts when it is
    predicted. The columns are sorted once for all steps and folds, and the boostings of
    a step run side by side on as many cores as OMP_NUM_THREADS allows, which changes
    nothing in their results.

    References
    ----------
    - D. Pardoe and P. Stone, "Boosting for regression transfer", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn_dl.domain_adaptation import TwoStageTrAdaBoostRegressor
    >>> X, y = make_friedman1(1300, noise=0.1, random_state=0)
    >>> y[:1000] += 3 * X[:1000, 0]
    >>> domain = np.where(np.arange(1300) < 1000, 0, -1)
    >>> train = np.arange(1300) < 1050
    >>> reg = TwoStageTrAdaBoostRegressor(max_depth=6, random_state=0)
    >>> reg = reg.fit(X[train], y[train], sample_domain=domain[train])
    >>> reg.score(X[~train], y[~train]) > 0.4
    True
    >>> reg.target_shares_.round(2)
    array([0.05, 0.15, 0.26, 0.37, 0.47, 0.58, 0.68, 0.79, 0.89, 1.  ])
    """

    _parameter_constraints: dict = {
        **BaseWeighted._parameter_constraints,
        "n_steps": [Interval(Integral, 2, None, closed="left")],
        "cv": ["cv_object"],
        "loss": [StrOptions({"linear", "square", "exponential"})],
        "bootstrap": ["boolean"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=50,
        n_steps=10,
        cv=5,
        learning_rate=1.0,
        loss="linear",
        max_depth=3,
        max_bins=None,
        bootstrap=True,
        store_weights=False,
        random_state=None,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_steps = n_steps
        self.cv = cv
        self.learning_rate = learning_rate
        self.loss = loss
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.bootstrap = bootstrap
        self.store_weights = store_weights
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the boostings and choose one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of all domains.

        y : array-like of shape (n_samples,)
            The targets. NaN in rows of the target domain that have none.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, 0 and above for sources, below 0 for targets. With
            None the rows without a label are the target; as some rows of the target
            must have one, this is for data without domains.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Rows of weight 0 have no say.

        Returns
        -------
        self : TwoStageTrAdaBoostRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no source, fewer than two labelled target rows, a source row
            without a label, a fold of `cv` that trains on no row or holds out none, or
            a weak learner whose fit takes no weights.
        """
        rows, _ = self._read(X, y, sample_domain, sample_weight, numeric=True)
        random_state = check_random_state(self.random_state)
        folds = self._folds(rows, random_state)
        tasks = RoundTasks(self, X, y, self.n_steps, "step")
        boosting = self._new_boosting(rows, random_state)
        with mapping_threads(boosting.n_threads) as map_:
            self._run(boosting, rows, folds, tasks, map_)
        tasks.end()
        return self

    def _folds(self, rows, random_state):
        """Return target rows of each fold: those to leave out, those to predict."""
        if not rows.transfers:
            return []
        on_target = np.flatnonzero(~rows.is_source)
        if len(on_target) < 2:
            raise ValueError(
                f"{type(self).__name__} expects at least 2 rows of the target domain "
                f"with a label, to hold some of them out, got 1. TrAdaBoostRegressor "
                f"needs but one."
            )
        splitter = 5 if self.cv is None else self.cv
        if isinstance(splitter, Integral):
            n_folds = min(splitter, len(on_target))
            splitter = KFold(n_folds, shuffle=True, random_state=random_state)
        X, y = safe_indexing(rows.X, on_target), rows.y[on_target]
        folds = []
        for train, test in check_cv(splitter, y).split(X, y):
            folds.append((np.delete(on_target, train), on_target[test]))
            if len(folds[-1][0]) == len(on_target) or not len(folds[-1][1]):
                raise ValueError(
                    f"The 'cv' parameter of {type(self).__name__} must leave some of "
                    f"the {len(on_target)} labelled target rows to train on and hold "
                    f"out some, got none in fold {len(folds) - 1} of {self.cv!r}."
                )
        if not folds:
            raise ValueError(
                f"The 'cv' parameter of {type(self).__name__} must have at least one "
                f"fold, got {self.cv!r}."
            )
        return folds

    def _new_boosting(self, rows, random_state):
        """Return what boosts weak learners."""
        if self.estimator is not None:
            return GivenRegressors(self, rows, self._unit(rows), random_state)
        return BoostedTrees(self, rows, self._dense(rows.X), random_state)

    def _run(self, boosting, rows, folds, tasks, map_):
        """Boost from the weights of each step, and record what was learned."""
        weights = rows.scaled_weights / rows.scaled_weights.sum()
        first_share = weights[~rows.is_source].sum()
        shares = np.linspace(first_share, 1.0, self.n_steps if folds else 1)
        history, errors, best = [], [], None
        for step in range(len(shares)):
            tasks.begin_round()
            boosted, *folded = boosting.boost(
                [(weights, ()), *fold_weights(weights, rows.is_source, folds)], map_
            )
            history.append(rows.spread(weights))
            errors.append(held_out_error(rows, folds, folded))
            if best is None or errors[-1] < min(errors[:-1]):
                best = boosted
                self.best_step_ = step
            self._members = boosting.learner.join(best.members)
            self.n_estimators_ = len(best.members)
            self.estimator_weights_ = np.array(best.alphas)
            self.estimator_errors_ = np.array(best.errors)
            self.target_shares_ = shares[: len(errors)].copy()
            self.cv_errors_ = np.array(errors) if rows.transfers else None
            self.sample_weights_ = np.array(history) if self.store_weights else None
            if tasks.end_round() or step + 1 == len(shares):
                break
            losses = scaled_losses(rows.y, boosted.first_values, self.loss)
            weights = shift_weight(weights, losses, rows.is_source, shares[step + 1])


def fold_weights(weights, is_source, folds):
    """Return the weights of each fold, and the rows that it holds out.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,)
        Weights that add up to 1.
    is_source : ndarray of shape (n_rows,), dtype bool
        Whether a row is from a source.
    folds : list of tuple of ndarray
        Target rows to leave out, and those to predict.

    Returns
    -------
    tasks : list of tuple of ndarray
        The target rows that are left weigh as much as all of them.
    """
    mass, tasks = weights[~is_source].sum(), []
    for left_out, held_out in folds:
        left = weights.copy()
        left[left_out] = 0
        left[~is_source] *= mass / left[~is_source].sum()
        tasks.append((left, held_out))
    return tasks


def held_out_error(rows, folds, boosted):
    """Return the mean squared error of the boostings of folds, 0 without any.

    Parameters
    ----------
    rows : TrainingRows
        The training rows.
    folds : list of tuple of ndarray
        Target rows to leave out, and those to predict.
    boosted : list of Boosted
        What was learned without them.

    Returns
    -------
    error : float
        The mean over all rows that were predicted, by their weights.
    """
    total, weight = 0.0, 0.0
    for (_, held_out), fold in zip(folds, boosted, strict=True):
        alphas = np.array(fold.alphas)
        predicted = weighted_medians(fold.values, alphas, len(alphas))
        row_weights = rows.scaled_weights[held_out]
        total += row_weights @ (predicted - rows.y[held_out]) ** 2
        weight += row_weights.sum()
    return float(total / weight) if folds else 0.0


def shift_weight(weights, losses, is_source, share):
    """Take weight from the source rows of the highest losses.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,)
        Weights that add up to 1.
    losses : ndarray of shape (n_rows,)
        Losses of the rows, from 0 to 1.
    is_source : ndarray of shape (n_rows,), dtype bool
        Whether a row is from a source.
    share : float
        The share of the weight that the target is to have.

    Returns
    -------
    weights : ndarray of shape (n_rows,)
        Source rows are multiplied by a power of their losses, and all by one factor.
    """
    shifted = weights.copy()
    on_target = weights[~is_source]
    shifted[~is_source] = on_target * (share / on_target.sum())
    shifted[is_source] = 0
    alive = is_source & (weights > 0)
    if share >= 1 or not alive.any():
        return shifted
    logs, losses = np.log(weights[alive]), losses[alive]
    # The target stays as it is, and the source falls to this.
    goal = on_target.sum() * (1 - share) / share

    def excess(rate):
        return np.exp(logs - rate * losses).sum() - goal

    # Where too much of the source has no loss at all, all of it falls.
    lo, rate, limit = 0.0, 0.0, 0.0
    if (losses > _NOTHING).any():
        limit = -np.log(_NOTHING) / losses[losses > _NOTHING].min()
    while excess(rate) > 0 and rate < limit:
        lo, rate = rate, max(2 * rate, 1.0)
    if lo < rate and excess(rate) <= 0:
        rate = brentq(excess, lo, rate)
    kept = np.exp(logs - rate * losses)
    shifted[alive] = kept * ((1 - share) / kept.sum())
    return shifted
