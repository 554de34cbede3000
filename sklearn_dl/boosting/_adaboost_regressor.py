"""AdaBoost for regression."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.callback import with_callbacks
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._trees._flat import FlatTrees, weighted_medians
from sklearn_dl._trees._learners import FittedRegressors, TreeRegressors
from sklearn_dl.boosting._adaboost_base import BaseAdaBoost, take_rows
from sklearn_dl.boosting._adaboost_rounds import (
    RegressorRounds,
)
from sklearn_dl.utils._kernel import own
from sklearn_dl.utils._sklearn import StrOptions, check_sample_weight, fit_context

__all__ = ["AdaBoostRegressor"]


class AdaBoostRegressor(RegressorMixin, BaseAdaBoost):
    r"""AdaBoost regressor.

    A drop-in for :class:`sklearn.ensemble.AdaBoostRegressor`: all of its parameters
    with the same meaning, and more. With the same `random_state` it draws the same
    rows and grows the same trees, by a compiled engine.

    Read more in the :ref:`User Guide <boosting>`.

    Parameters
    ----------
    estimator : estimator, default=None
        The weak learner. Its `fit` must take ``sample_weight``, unless it is given rows
        that were drawn. None takes the engine's trees; what is said of these below
        means nothing for another weak learner.

    n_estimators : int, default=50
        Greatest number of weak learners, one a round. There are fewer after a perfect
        fit, or when a weak learner is no better than chance.

    learning_rate : float, default=1.0
        Factor of the weight of each weak learner.

    loss : {'linear', 'square', 'exponential'}, default='linear'
        How the loss of a row grows with its residual, in units of the largest one.

    random_state : int, RandomState instance, default=None
        Determines what `estimator` draws, the rows that are held out and, in
        regression, the rows that are drawn in each round.

    max_depth : int, default=3
        Depth of the engine's trees; 1 is a decision stump.

    max_bins : int, default=None
        Number of quantile bins, at most 255, between which the engine's trees split.
        None looks at every threshold, as scikit-learn's trees do.

    min_weight_fraction_leaf : float, default=0.0
        The share of the weight that a leaf of the engine's trees has at least.

    bootstrap : bool, default=True
        Whether a weak learner is fitted to rows that are drawn by their weights, with
        replacement, as in AdaBoost.R2 and scikit-learn. If False it is fitted to all
        rows with their weights, and the engine's trees draw nothing.

    n_iter_no_change : int, default=None
        If given, a part of the rows is held out, the fit stops when the score on it has
        not improved by `tol` in so many rounds, and the weak learners up to the best
        score are kept.

    validation_fraction : float, default=0.1
        Share of the rows that is held out, stratified by class in a classifier.

    tol : float, default=1e-4
        What counts as an improvement of the score.

    store_weights : bool, default=False
        Whether `sample_weights_` is kept.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    estimators_ : list
        The weak learners. Trees of the engine have ``predict``, ``apply``,
        ``feature_importances_`` and scikit-learn's arrays ``feature``, ``threshold``,
        ``children_left``, ``children_right``, ``value`` and ``impurity``.

    n_estimators_ : int
        Number of weak learners.

    estimator_weights_ : ndarray of shape (n_estimators,)
        The weight of each weak learner,
        :math:`\eta \ln\frac{1 - \epsilon}{\epsilon}`, and 1 for a perfect one; 0 for
        those that are missing, and for a single one that is no better than chance.

    estimator_errors_ : ndarray of shape (n_estimators,)
        The weighted mean loss of each weak learner; 1 for those that are missing.

    feature_importances_ : ndarray of shape (n_features,)
        The share of each feature in the decrease of impurity, averaged over the weak
        learners by their weights.

    sample_weights_ : ndarray of shape (n_rounds + 1, n_samples) or None
        The weights of the rows before each round and after the last; each row of it
        adds up to 1. Rows that are held out have 0.

    validation_scores_ : ndarray of shape (n_rounds,) or None
        The score of each round on the rows that are held out, also of the rounds behind
        the best.

    See Also
    --------
    AdaBoostClassifier : The same for classification.
    sklearn.ensemble.AdaBoostRegressor : Has the first five parameters.

    Notes
    -----
    Features are read in single precision, as by scikit-learn's trees. The engine's
    trees take missing values (NaN): a split sends them to the better side, or where
    most rows go if there were none in training.

    Rows of weight 0 are left out before rows are drawn, as if they were not there;
    scikit-learn draws other numbers then.

    Sparse X becomes dense in `fit`, and in parts when it is predicted.

    References
    ----------
    - H. Drucker, "Improving regressors using boosting techniques", ICML 1997.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl.boosting import AdaBoostRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = AdaBoostRegressor(random_state=0).fit(X, y)
    >>> round(reg.score(X, y), 2)
    0.6
    """

    _parameter_constraints: dict = {
        **BaseAdaBoost._parameter_constraints,
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
        random_state=None,
        max_depth=3,
        max_bins=None,
        min_weight_fraction_leaf=0.0,
        bootstrap=True,
        n_iter_no_change=None,
        validation_fraction=0.1,
        tol=1e-4,
        store_weights=False,
    ):
        super().__init__(
            estimator=estimator,
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            random_state=random_state,
            max_depth=max_depth,
            max_bins=max_bins,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            n_iter_no_change=n_iter_no_change,
            validation_fraction=validation_fraction,
            tol=tol,
            store_weights=store_weights,
        )
        self.loss = loss
        self.bootstrap = bootstrap

    @fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the ensemble.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.

        y : array-like of shape (n_samples,)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Rows of weight 0 have no say.

        Returns
        -------
        self : AdaBoostRegressor
            The fitted estimator.
        """
        given = X, y
        X, y = self._validate(X, y, y_numeric=True)
        y = y.astype(np.float64)
        weights = check_sample_weight(
            sample_weight, X, dtype=np.float64, copy=True, ensure_non_negative=True
        )
        if self.estimator is not None and not self.bootstrap:
            self._check_takes_weights()
        random_state = check_random_state(self.random_state)
        train, held_out = self._split_rows(weights, None, random_state)
        rounds = self._new_rounds(
            take_rows(X, train), y[train], weights[train], random_state
        )
        validation = None
        if self.n_iter_no_change is not None:
            validation = _ValidationMedians(
                take_rows(X, held_out), y[held_out], weights[held_out]
            )
        self._run(rounds, given, len(weights), train, validation)
        return self

    def _new_rounds(self, X, y, weights, random_state):
        """Return the fit to be run."""
        if self.estimator is not None:
            learner = FittedRegressors(
                self.estimator, X, y, self.bootstrap, random_state
            )
        else:
            X = self._dense(X)
            learner = TreeRegressors(
                X,
                y,
                weights,
                self.max_depth,
                self.max_bins,
                self.min_weight_fraction_leaf,
                self.bootstrap,
                random_state,
            )
        return RegressorRounds(
            learner, y, weights, self.n_estimators, self.learning_rate, self.loss
        )

    def _check_first_round(self, rounds):
        """Accept it: the first weak learner is kept whatever its error is."""

    # -- predictions -------------------------------------------------------------------

    def _member_values(self, X):
        """Yield rows and what each weak learner predicts for them, side by side."""
        check_is_fitted(self)
        X = self._validate(X)
        if not isinstance(self._members, FlatTrees):
            predicted = [member.predict(X) for member in self._members]
            yield (
                slice(0, X.shape[0]),
                np.ascontiguousarray(np.transpose(predicted), dtype=np.float64),
            )
            return
        for rows, part in self._dense_blocks(X):
            yield rows, self._members.values(part)

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The weighted median of what the weak learners predict.
        """
        parts = [
            weighted_medians(values, own(self.estimator_weights_), values.shape[1])
            for _, values in self._member_values(X)
        ]
        return np.concatenate(parts)

    def staged_predict(self, X):
        """Yield the predictions of the ensemble of each number of weak learners.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        y : ndarray of shape (n_samples,)
            The weighted medians.
        """
        blocks = list(self._member_values(X))
        weights = own(self.estimator_weights_)
        for t in range(self.n_estimators_):
            yield np.concatenate(
                [weighted_medians(values, weights, t + 1) for _, values in blocks]
            )

    def _score_of(self, y, predicted, sample_weight):
        return r2_score(y, predicted, sample_weight=sample_weight)


class _ValidationMedians:
    """R squared on rows that are held out, member by member.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The rows.
    y : ndarray of shape (n_rows,)
        Their targets.
    weights : ndarray of shape (n_rows,)
        Their weights.
    """

    def __init__(self, X, y, weights):
        self.X = X
        self.y = y
        self.weights = weights
        self.values = []
        self.alphas = []

    def score_next(self, members, t, alpha):
        """Return R squared with one more member."""
        if isinstance(members, FlatTrees):
            if not isinstance(self.X, np.ndarray):
                self.X = self.X.toarray()
            self.values.append(members.values(self.X, t, t + 1)[:, 0])
        else:
            self.values.append(members[t].predict(self.X))
        self.alphas.append(alpha)
        medians = weighted_medians(
            np.ascontiguousarray(np.transpose(self.values), dtype=np.float64),
            np.array(self.alphas),
            len(self.alphas),
        )
        return float(r2_score(self.y, medians, sample_weight=self.weights))
