"""TrAdaBoost for regression: TrAdaBoost.R2."""

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state

from sklearn_dl._trees._boosted_numbers import scaled_losses
from sklearn_dl._trees._flat import weighted_medians
from sklearn_dl._trees._learners import FittedRegressors, TreeRegressors
from sklearn_dl.domain_adaptation._tradaboost_base import (
    BaseTrAdaBoost,
    MedianRegressorMixin,
    TransferRounds,
)
from sklearn_dl.utils._sklearn import StrOptions, fit_context

__all__ = ["TrAdaBoostRegressor"]


class TrAdaBoostRegressor(MedianRegressorMixin, BaseTrAdaBoost):
    r"""TrAdaBoost.R2: boosting for a target domain with few labels, helped by a source.

    Each round fits a weak learner to the rows of all domains with their weights. Target
    rows gain weight by how wrong it is there, as in AdaBoost.R2; source rows lose
    weight by how wrong it is there, for they seem to contradict the target. The
    weighted median of the second half of the rounds is the prediction.

    Rows of the target without a label are left out of the training. Where there are no
    domains at all (``sample_domain=None``, and no target is NaN) this is
    :class:`sklearn_dl.boosting.AdaBoostRegressor`.

    Read more in the :ref:`User Guide <domain_adaptation>`.

    Parameters
    ----------
    estimator : estimator, default=None
        The weak learner. Its `fit` must take ``sample_weight``; in regression, only
        where it is not given rows that were drawn. None takes the engine's trees; what
        is said of these below means nothing for another weak learner.

    n_estimators : int, default=50
        Number of weak learners, one a round.

    learning_rate : float, default=1.0
        Factor of what target rows gain and source rows lose, in the logarithm.

    loss : {'linear', 'square', 'exponential'}, default='linear'
        How the loss of a row grows with its residual, in units of the largest one.

    init : {'balanced', 'uniform'}, default='balanced'
        The weights before the first round. With 'balanced' the labelled target has half
        of the weight, and the source domains share the other half equally; within each
        the rows have weights like `sample_weight`. With 'uniform' all rows have weights
        like `sample_weight`, as in the paper.

    dynamic : bool, default=True
        Whether source rows grow by as much as the target does in all; in classification
        that is :math:`K (1 - \epsilon)` for an error :math:`\epsilon` between 0 and
        that of chance. Without it, also those that are always right die out beside the
        target. False is as in the paper.

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
        Determines what `estimator` draws and, in regression, the rows that are drawn in
        each round.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    estimators_ : list
        The weak learners of all rounds.

    n_estimators_ : int
        Number of weak learners. Of n the last n // 2 + 1 vote: rounds ceil(n / 2) to n,
        or all that are better than chance if none of these is. In AdaBoost all vote.

    estimator_weights_ : ndarray of shape (`n_estimators_`,)
        The weight of each weak learner in the median,
        :math:`\alpha = \eta \ln\frac{1 - \epsilon}{\epsilon}`, and 0 where its error is
        not below 1/2. A target row of loss l gains :math:`\alpha l` in the logarithm.

    estimator_errors_ : ndarray of shape (`n_estimators_`,)
        The weighted mean loss of each weak learner on the labelled target rows.

    feature_importances_ : ndarray of shape (n_features,)
        The share of each feature in the decrease of impurity, averaged over the voting
        weak learners by their weights.

    sample_weights_ : ndarray of shape (`n_estimators_` + 1, n_samples) or None
        The weights of the rows before each round and after the last; each row of it
        adds up to 1. Rows that are not learned from have 0.

    source_weights_, target_weights_ : ndarray or None
        The columns of `sample_weights_` of source rows and of target rows with a label,
        in the order of X, with those of `sample_weight` 0.

    See Also
    --------
    TwoStageTrAdaBoostRegressor : Chooses by cross-validation how much of the source to
        take.
    TrAdaBoostClassifier : The same for classification.

    Notes
    -----
    With n source rows and N rounds, a source row of loss l loses
    :math:`l \ln(1 + \sqrt{2 \ln n / N})` in the logarithm in each round.

    The paper ends where the error on the target is not below 1/2. Here the weak learner
    of such a round has no vote and target weights stay, but source rows lose weight all
    the same. A warning says how many these were. If none of the second half of the
    rounds is better, all others that are vote; if there is none at all, the second half
    has equal votes. In AdaBoost such a round is the end.

    Several sources are pooled: their rows differ in nothing but their first weights.
    Several targets are one.

    Without `bootstrap` the weights that `estimator` gets have a mean of 1, so that its
    penalties mean what they mean without weights. In AdaBoost their sum is 1.

    Features are read in single precision by the engine's trees, which take missing
    values (NaN). For them sparse X becomes dense in `fit`, and in parts when it is
    predicted.

    References
    ----------
    - D. Pardoe and P. Stone, "Boosting for regression transfer", ICML 2010.
    - S. Al-Stouhi and C. K. Reddy, "Adaptive boosting for transfer learning using
      dynamic updates", ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn_dl.domain_adaptation import TrAdaBoostRegressor
    >>> X, y = make_friedman1(1300, noise=0.1, random_state=0)
    >>> y[:1000] += 3 * X[:1000, 0]
    >>> domain = np.where(np.arange(1300) < 1000, 0, -1)
    >>> train = np.arange(1300) < 1050
    >>> reg = TrAdaBoostRegressor(max_depth=6, random_state=0)
    >>> reg = reg.fit(X[train], y[train], sample_domain=domain[train])
    >>> reg.score(X[~train], y[~train]) > 0.4
    True
    """

    _parameter_constraints: dict = {
        **BaseTrAdaBoost._parameter_constraints,
        "loss": [StrOptions({"linear", "square", "exponential"})],
        "bootstrap": ["boolean"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=50,
        learning_rate=1.0,
        loss="linear",
        init="balanced",
        dynamic=True,
        max_depth=3,
        max_bins=None,
        bootstrap=True,
        store_weights=False,
        random_state=None,
    ):
        super().__init__(
            estimator=estimator,
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            init=init,
            dynamic=dynamic,
            max_depth=max_depth,
            max_bins=max_bins,
            store_weights=store_weights,
            random_state=random_state,
        )
        self.loss = loss
        self.bootstrap = bootstrap

    @fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the ensemble.

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
        self : TrAdaBoostRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no source, no labelled target row, a source row without a label,
            or a weak learner whose fit takes no weights.
        """
        given = X, y
        rows, _ = self._read(X, y, sample_domain, sample_weight, numeric=True)
        rounds = TransferRounds(
            self._new_learner(rows),
            lambda predicted: scaled_losses(rows.y, predicted, self.loss),
            rows,
            2,
            self,
            restarts=False,
        )
        self._run(rounds, given)
        return self

    def _new_learner(self, rows):
        """Return what fits the weak learners."""
        random_state = check_random_state(self.random_state)
        if self.estimator is not None:
            return FittedRegressors(
                self.estimator, rows.X, rows.y, self.bootstrap, random_state
            )
        return TreeRegressors(
            self._dense(rows.X),
            rows.y,
            rows.scaled_weights,
            self.max_depth,
            self.max_bins,
            0.0,
            self.bootstrap,
            random_state,
        )

    def _check_first_round(self, rounds):
        """Keep the first weak learner of AdaBoost, whatever its error is."""
        if not rounds.members:
            member, error = rounds.rejected
            rounds.keep(member, 0.0, error)

    # -- predictions -------------------------------------------------------------------

    def staged_predict(self, X):
        """Yield the predictions after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        y : ndarray of shape (n_samples,)
            The weighted median over the second half of the rounds so far; in AdaBoost
            over all.
        """
        values = np.concatenate(list(self._member_values(self._asked(X), 0)))
        for n_rounds in range(1, self.n_estimators_ + 1):
            first = self._first_voter(n_rounds)
            weights = self._vote_weights(n_rounds)[first:]
            voters = np.ascontiguousarray(values[:, first:n_rounds])
            yield weighted_medians(voters, weights, len(weights))
