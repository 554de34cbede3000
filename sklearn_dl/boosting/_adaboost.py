"""AdaBoost for classification."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import softmax
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_dl._trees._flat import FlatTrees, StepTables
from sklearn_dl._trees._learners import FittedClassifiers, TreeClassifiers
from sklearn_dl._trees._stumps import CRITERIA
from sklearn_dl.boosting._adaboost_base import BaseAdaBoost, take_rows
from sklearn_dl.boosting._adaboost_rounds import (
    ClassifierRounds,
    StumpRounds,
)
from sklearn_dl.utils._sklearn import StrOptions, check_sample_weight, fit_context

__all__ = ["AdaBoostClassifier"]


class AdaBoostClassifier(ClassifierMixin, BaseAdaBoost):
    r"""AdaBoost classifier.

    A drop-in for :class:`sklearn.ensemble.AdaBoostClassifier`: all of its parameters
    with the same meaning, and more. Its stumps come from a compiled engine; by default
    they are those that scikit-learn's trees find, many times faster.

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

    random_state : int, RandomState instance, default=None
        Determines what `estimator` draws, the rows that are held out and, in
        regression, the rows that are drawn in each round.

    max_depth : int, default=1
        Depth of the engine's trees; 1 is a decision stump.

    criterion : {'gini', 'error'}, default='gini'
        What a split of the engine's trees makes small: the Gini impurity, as in
        scikit-learn, or the weighted error, as in the definition of AdaBoost. Ties go
        to the lowest feature, then to the lowest threshold.

    max_bins : int, default=None
        Number of quantile bins, at most 255, between which the engine's trees split.
        None looks at every threshold, as scikit-learn's trees do.

    min_weight_fraction_leaf : float, default=0.0
        The share of the weight that a leaf of the engine's trees has at least.

    class_weight : dict or 'balanced', default=None
        Weights of the classes, which multiply `sample_weight`. 'balanced' is inverse
        to their frequencies.

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
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    n_classes_ : int
        Number of classes.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    estimators_ : list
        The weak learners. Trees of the engine have ``predict``, ``predict_proba``,
        ``apply``, ``feature_importances_`` and scikit-learn's arrays ``feature``,
        ``threshold``, ``children_left``, ``children_right``, ``value`` and
        ``impurity``.

    n_estimators_ : int
        Number of weak learners.

    estimator_weights_ : ndarray of shape (n_estimators,)
        The weight of each weak learner in scikit-learn's unit,
        :math:`\eta (\ln\frac{1 - \epsilon}{\epsilon} + \ln(K - 1))` for K classes, and
        1 for a perfect one; 0 for those that are missing.

    alphas_ : ndarray of shape (n_rounds,)
        The same in the unit of the textbooks: half of it for two classes.

    estimator_errors_ : ndarray of shape (n_estimators,)
        The weighted error of each weak learner; 1 for those that are missing.

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
    AdaBoostRegressor : The same for regression.
    sklearn.ensemble.AdaBoostClassifier : Has the first four parameters.

    Notes
    -----
    Features are read in single precision, as by scikit-learn's trees. The engine's
    trees take missing values (NaN): a split sends them to the better side, or where
    most rows go if there were none in training.

    Sparse X becomes dense in `fit`, and in parts when it is predicted.

    References
    ----------
    - Y. Freund and R. E. Schapire, "A decision-theoretic generalization of on-line
      learning and an application to boosting", Journal of Computer and System Sciences
      55, 1997.
    - J. Zhu, H. Zou, S. Rosset and T. Hastie, "Multi-class AdaBoost", Statistics and
      Its Interface 2, 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_dl.boosting import AdaBoostClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = AdaBoostClassifier(n_estimators=200).fit(X_train, y_train)
    >>> round(clf.score(X_test, y_test), 3)
    0.979
    >>> clf.estimators_[0]
    WeakTree(feature=7, threshold=0.04892, n_leaves=2)
    """

    _parameter_constraints: dict = {
        **BaseAdaBoost._parameter_constraints,
        "criterion": [StrOptions(set(CRITERIA))],
        "class_weight": [None, StrOptions({"balanced"}), dict],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=50,
        learning_rate=1.0,
        random_state=None,
        max_depth=1,
        criterion="gini",
        max_bins=None,
        min_weight_fraction_leaf=0.0,
        class_weight=None,
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
        self.criterion = criterion
        self.class_weight = class_weight

    @fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the ensemble.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.

        y : array-like of shape (n_samples,)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Rows of weight 0 have no say.

        Returns
        -------
        self : AdaBoostClassifier
            The fitted estimator.
        """
        given = X, y
        X, y = self._validate(X, y)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.n_classes_ = len(self.classes_)
        weights = check_sample_weight(
            sample_weight, X, dtype=np.float64, copy=True, ensure_non_negative=True
        )
        if self.class_weight is not None:
            weights *= self._class_weights(codes, weights)[codes]
        if self.estimator is not None:
            self._check_takes_weights()
        random_state = check_random_state(self.random_state)
        train, held_out = self._split_rows(weights, codes, random_state)
        rounds = self._new_rounds(
            take_rows(X, train), y[train], codes[train], weights[train], random_state
        )
        validation = None
        if self.n_iter_no_change is not None:
            validation = _ValidationVotes(
                take_rows(X, held_out),
                codes[held_out],
                weights[held_out],
                self.classes_,
            )
        self._run(rounds, given, len(weights), train, validation)
        return self

    def _class_weights(self, codes, weights):
        """Return the weight of each class. Balanced, all have the same in all."""
        if self.class_weight == "balanced":
            in_class = np.bincount(codes, weights=weights)
            shares = np.maximum(in_class, np.finfo(np.float64).tiny) / weights.sum()
            return np.where(in_class > 0, 1 / (self.n_classes_ * shares), 0.0)
        return compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[codes]
        )

    def _new_rounds(self, X, y, codes, weights, random_state):
        """Return the fit to be run."""
        if self.estimator is not None:
            learner = FittedClassifiers(
                self.estimator, X, y, self.classes_, random_state
            )
        else:
            X = self._dense(X)
            if self.max_depth == 1:
                return StumpRounds(
                    X,
                    codes,
                    self.n_classes_,
                    weights,
                    self.n_estimators,
                    self.learning_rate,
                    self.criterion,
                    self.max_bins,
                    self.min_weight_fraction_leaf,
                )
            learner = TreeClassifiers(
                X,
                codes,
                self.n_classes_,
                weights,
                self.max_depth,
                self.criterion,
                self.max_bins,
                self.min_weight_fraction_leaf,
            )
        return ClassifierRounds(
            learner,
            codes,
            self.n_classes_,
            weights,
            self.n_estimators,
            self.learning_rate,
        )

    def _check_first_round(self, rounds):
        if rounds.n_done == 0:
            learner = "decision stump" if self.max_depth == 1 else "decision tree"
            what = f"a {learner}" if self.estimator is None else repr(self.estimator)
            raise ValueError(
                f"The weak learner of {type(self).__name__} is no better than chance "
                f"in the first round, so that nothing can be boosted. Expected a "
                f"weighted error below {1 - 1 / self.n_classes_:.3g}, got {what}."
            )

    def _record(self, rounds, history, scores):
        super()._record(rounds, history, scores)
        self._make_steps()

    def _keep_rounds(self, n_rounds):
        super()._keep_rounds(n_rounds)
        self._make_steps()

    def _make_steps(self):
        """Prepare the votes of stumps, which are sums of steps along each feature."""
        self._steps = None
        if self.estimator is None and self.max_depth == 1:
            self._steps = StepTables(
                self._members, self.estimator_weights_[: self.n_estimators_]
            )

    @property
    def alphas_(self):
        """The weight of each weak learner in the unit of the textbooks."""
        alphas = self.estimator_weights_[: self.n_estimators_]
        return alphas / 2 if self.n_classes_ == 2 else alphas.copy()

    # -- predictions -------------------------------------------------------------------

    def _votes(self, X):
        """Return the weight of the weak learners that vote for each class."""
        check_is_fitted(self)
        X = self._validate(X)
        votes = np.zeros((X.shape[0], self.n_classes_))
        if not isinstance(self._members, FlatTrees):
            for member, weight in zip(
                self._members, self.estimator_weights_, strict=False
            ):
                votes += weight * (member.predict(X)[:, None] == self.classes_)
            return votes
        for rows, part in self._dense_blocks(X):
            if self._steps is not None:
                votes[rows] = self._steps(part)
            else:
                self._members.add_votes(
                    part, self.estimator_weights_, votes[rows], 0, len(self._members)
                )
        return votes

    def _staged_votes(self, X):
        """Yield the votes of the first weak learners, and the sum of their weights."""
        check_is_fitted(self)
        X = self._validate(X)
        votes = np.zeros((X.shape[0], self.n_classes_))
        own_trees = isinstance(self._members, FlatTrees)
        if own_trees:
            X = self._dense(X)
        for t in range(self.n_estimators_):
            weight = self.estimator_weights_[t]
            if own_trees:
                self._members.add_votes(X, self.estimator_weights_, votes, t, t + 1)
            else:
                predicted = self._members[t].predict(X)
                votes += weight * (predicted[:, None] == self.classes_)
            yield votes, self.estimator_weights_[: t + 1].sum()

    def _decide(self, votes, total):
        """Turn votes into scikit-learn's decision function."""
        if self.n_classes_ == 1:
            return np.zeros((len(votes), 1))
        if self.n_classes_ == 2:
            return 2 * (votes[:, 1] - votes[:, 0]) / total
        return (votes - (total - votes) / (self.n_classes_ - 1)) / total

    def _labels(self, decision):
        if self.n_classes_ == 2:
            return self.classes_.take(decision > 0, axis=0)
        return self.classes_.take(np.argmax(decision, axis=1), axis=0)

    def _probabilities(self, decision):
        if self.n_classes_ == 1:
            return np.ones((len(decision), 1))
        if self.n_classes_ == 2:
            return softmax(np.stack([-decision, decision], axis=1) / 2, copy=False)
        return softmax(decision / (self.n_classes_ - 1), copy=False)

    def predict(self, X):
        """Predict the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The labels that most of the weight votes for.
        """
        return self._labels(self.decision_function(X))

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`, by the softmax of the normalised
            votes.
        """
        return self._probabilities(self.decision_function(X))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Logarithms of what `predict_proba` gives.
        """
        return np.log(self.predict_proba(X))

    def decision_function(self, X):
        """Compute the normalised votes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            As in scikit-learn. For two classes it is twice the difference of the shares
            of the weight that vote for the second and for the first class, from -2 to
            2. For more, a class gets its share of the weight less that of the others
            divided by their number.
        """
        votes = self._votes(X)
        return self._decide(votes, self.estimator_weights_.sum())

    def margins(self, X, y):
        """Compute the margin of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,)
            Their true labels.

        Returns
        -------
        margins : ndarray of shape (n_samples,)
            The share of the weight that votes for the true class, less the greatest
            share of another one: from -1, where all are wrong, to 1, where all are
            right. For two classes of labels -1 and 1 that is y f(x).

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_dl.boosting import AdaBoostClassifier
        >>> X, y = np.array([[1], [2], [3], [4]]), np.array([0, 0, 1, 1])
        >>> AdaBoostClassifier().fit(X, y).margins(X, y)
        array([1., 1., 1., 1.])
        """
        votes = self._votes(X) / self.estimator_weights_.sum()
        y = column_or_1d(y)
        codes = np.minimum(np.searchsorted(self.classes_, y), self.n_classes_ - 1)
        if (self.classes_[codes] != y).any():
            unknown = y[self.classes_[codes] != y][0]
            raise ValueError(
                f"The 'y' parameter of {type(self).__name__}.margins must hold labels "
                f"that fit has seen. Got {unknown!r} instead."
            )
        true = np.take_along_axis(votes, codes[:, None], axis=1)[:, 0]
        np.put_along_axis(votes, codes[:, None], -np.inf, axis=1)
        return true - np.maximum(votes.max(axis=1), 0.0)

    def staged_decision_function(self, X):
        """Yield the decision function of the ensemble of each number of weak learners.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            As `decision_function`.
        """
        for votes, total in self._staged_votes(X):
            yield self._decide(votes, total)

    def staged_predict(self, X):
        """Yield the predictions of the ensemble of each number of weak learners.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        y : ndarray of shape (n_samples,)
            The labels.
        """
        for decision in self.staged_decision_function(X):
            yield self._labels(decision)

    def staged_predict_proba(self, X):
        """Yield the probabilities of the ensemble of each number of weak learners.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        p : ndarray of shape (n_samples, n_classes)
            As `predict_proba`.
        """
        for decision in self.staged_decision_function(X):
            yield self._probabilities(decision)

    def _score_of(self, y, predicted, sample_weight):
        return accuracy_score(y, predicted, sample_weight=sample_weight)


class _ValidationVotes:
    """The accuracy on rows that are held out, member by member.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The rows.
    codes : ndarray of shape (n_rows,)
        Their classes, from 0.
    weights : ndarray of shape (n_rows,)
        Their weights.
    classes : ndarray of shape (n_classes,)
        The labels.
    """

    def __init__(self, X, codes, weights, classes):
        self.X = X
        self.codes = codes
        self.weights = weights
        self.classes = classes
        self.votes = np.zeros((X.shape[0], len(classes)))

    def score_next(self, members, t, alpha):
        """Return the accuracy with one more member."""
        if isinstance(members, FlatTrees):
            if not isinstance(self.X, np.ndarray):
                self.X = self.X.toarray()
            members.add_votes(self.X, np.full(t + 1, alpha), self.votes, t, t + 1)
        else:
            predicted = members[t].predict(self.X)
            self.votes += alpha * (predicted[:, None] == self.classes)
        right = np.argmax(self.votes, axis=1) == self.codes
        return float(np.average(right, weights=self.weights))
