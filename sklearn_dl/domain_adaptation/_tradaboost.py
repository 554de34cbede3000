"""TrAdaBoost for classification."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.extmath import softmax

from sklearn_dl._trees._columns import sort_columns
from sklearn_dl._trees._flat import (
    FlatTrees,
    StepTables,
    heaviest_classes,
    trees_of_stumps,
)
from sklearn_dl._trees._learners import FittedClassifiers, TreeClassifiers
from sklearn_dl._trees._stumps import CRITERIA, Stumps, best_stump
from sklearn_dl.domain_adaptation._tradaboost_base import (
    BaseTrAdaBoost,
    TransferRounds,
)
from sklearn_dl.utils._sklearn import StrOptions, fit_context

__all__ = ["TrAdaBoostClassifier"]

# Votes that differ by less than this share of all are equal.
_TIE = 1e-12


class TrAdaBoostClassifier(ClassifierMixin, BaseTrAdaBoost):
    r"""TrAdaBoost: boosting for a target domain with few labels, helped by a source.

    Each round fits a weak learner to the rows of all domains with their weights. Target
    rows that it gets wrong gain weight, as in AdaBoost; source rows that it gets wrong
    lose weight, for they seem to contradict the target. The weak learners of the second
    half of the rounds vote.

    Rows of the target without a label are left out of the training. Where there are no
    domains at all (``sample_domain=None``, and no label is masked) this is
    :class:`sklearn_dl.boosting.AdaBoostClassifier`. With ``init="uniform"`` and
    ``dynamic=False`` it is what the paper of 2007 says.

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

    max_depth : int, default=1
        Depth of the engine's trees; 1 is a decision stump.

    criterion : {'gini', 'error'}, default='gini'
        What a split of the engine's trees makes small: the Gini impurity, or the
        weighted error. Ties go to the lowest feature, then to the lowest threshold.

    max_bins : int, default=None
        Number of quantile bins, at most 255, between which the engine's trees split.
        None looks at every threshold, as scikit-learn's trees do.

    store_weights : bool, default=False
        Whether `sample_weights_` is kept.

    random_state : int, RandomState instance, default=None
        Determines what `estimator` draws and, in regression, the rows that are drawn in
        each round.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels of all domains, without the mask, also of rows of weight 0.

    n_classes_ : int
        Number of classes, K. A class counts that only a source or only rows of weight 0
        have, and so raises the error of chance, :math:`1 - 1/K`.

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
        What a misclassified target row gained in each round, in the logarithm, which is
        also the weight in the vote:
        :math:`\alpha = \eta (\ln\frac{1 - \epsilon}{\epsilon} + \ln(K - 1))` for K
        classes. It is 0 where the weak learner is no better than chance. Errors below
        1e-10 count as that.

    estimator_errors_ : ndarray of shape (`n_estimators_`,)
        The weighted error of each weak learner on the labelled target rows.

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
    TrAdaBoostRegressor : The same for regression.
    sklearn_dl.boosting.AdaBoostClassifier : Without domains.

    Notes
    -----
    With n source rows and N rounds the paper's factor of a misclassified source row is
    :math:`\beta = 1 / (1 + \sqrt{2 \ln n / N})` in each round. It therefore loses
    :math:`\ln(1 + \sqrt{2 \ln n / N})` in the logarithm, whatever the error is, while a
    misclassified target row gains :math:`\alpha`. All weights are kept as logarithms.

    Several sources are pooled: their rows differ in nothing but their first weights.
    Several targets are one.

    The paper asks for errors below 1/2 on the target. In a round where the error is not
    below :math:`1 - 1/K` the weak learner has no vote, and the target keeps its weight,
    but its rows share it as before the first round: else a weak learner that draws
    nothing would be no better than chance in all rounds that follow. The source rows
    that it gets wrong lose weight all the same. A warning says how many rounds these
    were. If none of the second half of the rounds is better than chance, all others
    that are vote; if there is none at all, the second half has equal votes. In AdaBoost
    such a round is the end.

    Where classes have equal votes the first of them is predicted.

    Weights that `estimator` gets have a mean of 1, so that its penalties mean what they
    mean without weights. In AdaBoost their sum is 1.

    Features are read in single precision by the engine's trees, which take missing
    values (NaN). For them sparse X becomes dense in `fit`, and in parts when it is
    predicted.

    References
    ----------
    - W. Dai, Q. Yang, G.-R. Xue and Y. Yu, "Boosting for transfer learning", ICML 2007.
    - S. Al-Stouhi and C. K. Reddy, "Adaptive boosting for transfer learning using
      dynamic updates", ECML PKDD 2011.
    - J. Zhu, H. Zou, S. Rosset and T. Hastie, "Multi-class AdaBoost", Statistics and
      Its Interface 2, 2009.

    Examples
    --------
    Half of the source follows another rule than the target:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_dl.domain_adaptation import TrAdaBoostClassifier
    >>> rng = np.random.RandomState(0)
    >>> X = rng.randn(1240, 10)
    >>> y = (X.sum(axis=1) > 0).astype(int)
    >>> y[:500] = X[:500, 0] > X[:500, 1]
    >>> domain = np.where(np.arange(1240) < 1000, 0, -1)
    >>> train = np.arange(1240) < 1040
    >>> clf = TrAdaBoostClassifier(LogisticRegression(), store_weights=True)
    >>> clf = clf.fit(X[train], y[train], sample_domain=domain[train])
    >>> clf.score(X[~train], y[~train]) > 0.85
    True
    >>> LogisticRegression().fit(X[train], y[train]).score(X[~train], y[~train]) > 0.85
    False

    The half that misleads has less weight in the end:

    >>> first, last = clf.source_weights_[[0, -1]]
    >>> bool(last[:500].sum() < 0.8 * last[500:].sum())
    True
    """

    _parameter_constraints: dict = {
        **BaseTrAdaBoost._parameter_constraints,
        "criterion": [StrOptions(set(CRITERIA))],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=50,
        learning_rate=1.0,
        init="balanced",
        dynamic=True,
        max_depth=1,
        criterion="gini",
        max_bins=None,
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
        self.criterion = criterion

    @fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit the ensemble.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of all domains.

        y : array-like of shape (n_samples,)
            The class labels. Target rows without one have -1 among integers, NaN among
            floating numbers, None among objects.

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row, 0 and above for sources, below 0 for targets. With
            None the rows without a label are the target; as some rows of the target
            must have one, this is for data without domains.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Rows of weight 0 have no say.

        Returns
        -------
        self : TrAdaBoostClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is no source, no labelled target row, a source row without a label,
            or a weak learner whose fit takes no weights.
        """
        given = X, y
        rows, labels = self._read(X, y, sample_domain, sample_weight)
        self.classes_ = np.unique(labels)
        self.n_classes_ = len(self.classes_)
        codes = np.searchsorted(self.classes_, rows.y)
        rounds = TransferRounds(
            self._new_learner(rows, codes),
            lambda predicted: (predicted != codes).astype(np.float64),
            rows,
            self.n_classes_,
            self,
            restarts=True,
        )
        self._run(rounds, given)
        return self

    def _new_learner(self, rows, codes):
        """Return what fits the weak learners."""
        if self.estimator is not None:
            random_state = check_random_state(self.random_state)
            return FittedClassifiers(
                self.estimator, rows.X, rows.y, self.classes_, random_state
            )
        X = self._dense(rows.X)
        if self.max_depth == 1:
            return _StumpClassifiers(
                X,
                codes,
                self.n_classes_,
                rows.scaled_weights,
                self.criterion,
                self.max_bins,
            )
        return TreeClassifiers(
            X,
            codes,
            self.n_classes_,
            rows.scaled_weights,
            self.max_depth,
            self.criterion,
            self.max_bins,
            0.0,
        )

    def _check_first_round(self, rounds):
        if not rounds.members:
            what = "a tree" if self.estimator is None else repr(self.estimator)
            raise ValueError(
                f"The weak learner of {type(self).__name__} is no better than chance "
                f"in the first round, so that nothing can be boosted. Expected a "
                f"weighted error below {rounds.chance:.3g}, got {what}."
            )

    def _record(self, rounds, history):
        super()._record(rounds, history)
        # The votes of stumps are sums of steps along each feature.
        self._steps = None
        if self.estimator is None and self.max_depth == 1:
            self._steps = StepTables(
                self._members, self._vote_weights(self.n_estimators_)
            )

    # -- predictions -------------------------------------------------------------------

    def _votes(self, X):
        """Return the weight of the weak learners that vote for each class."""
        votes = np.zeros((X.shape[0], self.n_classes_))
        n_rounds = self.n_estimators_
        weights, first = self._vote_weights(n_rounds), self._first_voter(n_rounds)
        if not isinstance(self._members, FlatTrees):
            for t in range(first, n_rounds):
                voted = self._members[t].predict(X)[:, None] == self.classes_
                votes += weights[t] * voted
            return votes
        for rows, part in self._dense_blocks(X):
            if self._steps is not None:
                votes[rows] = self._steps(part)
            else:
                self._members.add_votes(part, weights, votes[rows], first, n_rounds)
        return votes

    def _decide(self, votes):
        """Turn votes into scikit-learn's decision function."""
        if self.n_classes_ == 1:
            return np.zeros(len(votes))
        total = votes.sum(axis=1, keepdims=True).max()
        if self.n_classes_ == 2:
            return 2 * (votes[:, 1] - votes[:, 0]) / total
        return (votes - (total - votes) / (self.n_classes_ - 1)) / total

    def _labels(self, votes):
        most = votes.max(axis=1, keepdims=True)
        return self.classes_[np.argmax(votes >= most * (1 - _TIE), axis=1)]

    def predict(self, X, sample_domain=None):
        """Predict the class of each row, as for the target.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The labels that most of the weight votes for, the first of equal ones.
        """
        return self._labels(self._votes(self._asked(X, sample_domain)))

    def predict_proba(self, X, sample_domain=None):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`, by the softmax of the normalised
            votes.
        """
        decision = self.decision_function(X, sample_domain)
        if self.n_classes_ == 1:
            return np.ones((len(decision), 1))
        if self.n_classes_ == 2:
            return softmax(np.stack([-decision, decision], axis=1) / 2, copy=False)
        return softmax(decision / (self.n_classes_ - 1), copy=False)

    def predict_log_proba(self, X, sample_domain=None):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            Logarithms of what `predict_proba` returns.
        """
        return np.log(self.predict_proba(X, sample_domain))

    def decision_function(self, X, sample_domain=None):
        """Compute the normalised votes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes it is twice the difference of the shares of the weight that
            vote for the second and for the first class, from -2 to 2. For more, a class
            gets its share of the weight less that of the others divided by their
            number.
        """
        return self._decide(self._votes(self._asked(X, sample_domain)))

    def score(self, X, y, sample_domain=None, sample_weight=None):
        """Return the accuracy.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their labels.

        sample_domain : array-like of shape (n_samples,), default=None
            Their domains, which make no difference.

        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            The share of the weight whose class is predicted.
        """
        self._check_scored(y)
        return self._score_of(y, self.predict(X, sample_domain), sample_weight)

    def staged_predict(self, X):
        """Yield the predictions after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        y : ndarray of shape (n_samples,)
            The labels for which the second half of the rounds so far votes; in AdaBoost
            all of them do.
        """
        X = self._asked(X)
        if isinstance(self._members, FlatTrees):
            X = self._dense(X)
        votes, voted = _RunningVotes((X.shape[0], self.n_classes_)), []
        counted = np.zeros(self.n_estimators_)
        for t, member in enumerate(self.estimators_, start=1):
            voted.append(member.predict(X)[:, None] == self.classes_)
            weights = self._vote_weights(t)
            for i in np.flatnonzero(weights != counted[:t]):
                votes.add(-counted[i], voted[i])
                votes.add(weights[i], voted[i])
            counted[:t] = weights
            yield self._labels(votes.sums())

    def _score_of(self, y, predicted, sample_weight):
        return accuracy_score(y, predicted, sample_weight=sample_weight)


class _RunningVotes:
    """Votes that come and go, without a trace of those that went.

    Parameters
    ----------
    shape : tuple of int
        Numbers of rows and of classes.
    """

    def __init__(self, shape):
        self.votes = np.zeros(shape)
        # What the additions so far have rounded off.
        self.lost = np.zeros(shape)

    def add(self, weight, voted):
        """Add a weight where a weak learner votes."""
        if weight == 0:
            return
        new = weight * voted
        total = self.votes + new
        added = total - self.votes
        self.lost += (self.votes - (total - added)) + (new - added)
        self.votes = total

    def sums(self):
        """Return the weight that votes for each class of each row."""
        return self.votes + self.lost


class _StumpClassifiers:
    """Stumps of the engine, whose columns are sorted once.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), dtype float32
        The training rows.
    y : ndarray of shape (n_rows,), dtype int64
        The class of each row, from 0.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_rows,)
        Positive weights of the rows, for quantiles.
    criterion : {"gini", "error"}
        What a split makes small.
    max_bins : int or None
        Number of bins; None keeps all thresholds.
    """

    def __init__(self, X, y, n_classes, weights, criterion, max_bins):
        self.columns = sort_columns(X, weights, max_bins)
        self.y = y
        self.n_classes = n_classes
        self.criterion = criterion

    def fit(self, weights):
        """Return a stump and the classes that it predicts for the training rows."""
        stump = best_stump(
            self.columns, self.y, self.n_classes, weights, self.criterion
        )
        feature = stump.feature[0]
        left, right = heaviest_classes(np.concatenate([stump.left, stump.right]))
        if feature < 0:
            return stump, np.full(len(self.y), right)
        values = self.columns.values[feature]
        goes_left = values <= stump.threshold[0]
        if stump.missing_left[0]:
            goes_left |= np.isnan(values)
        return stump, np.where(goes_left, left, right)

    def join(self, members):
        """Return the stumps as trees in flat arrays."""
        joined = Stumps(
            *(np.concatenate(arrays) for arrays in zip(*members, strict=True))
        )
        return trees_of_stumps(joined, self.criterion)
