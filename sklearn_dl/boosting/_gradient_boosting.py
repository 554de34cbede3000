"""Gradient boosting of trees."""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import (
    assert_all_finite,
    check_array,
    column_or_1d,
    compute_sample_weight,
)
from sklearn.utils.multiclass import check_classification_targets

from sklearn_dl.boosting._gradient_boosting_base import BaseGradientBoosting
from sklearn_dl.boosting._losses import classification_loss, regression_loss
from sklearn_dl.utils._sklearn import HasMethods, Interval, StrOptions


class GradientBoostingClassifier(ClassifierMixin, BaseGradientBoosting):
    """Gradient boosting of trees for classification.

    A drop-in for scikit-learn's ``HistGradientBoostingClassifier``, faster, and with
    what XGBoost and LightGBM have besides: drawn rows, an L1 penalty, a least gain of a
    split, losses of one's own.

    Parameters
    ----------
    loss : {"log_loss", "exponential"} or object, default="log_loss"
        The loss. "exponential" is that of AdaBoost, for two classes.
        An object may be given instead: its method ``gradient_hessian(y, raw)``
        returns both derivatives by `raw`, the sum of the trees, and it may have
        ``initial_value(y, sample_weight)`` (else 0), ``loss(y, raw)``, the loss of each
        row (for early stopping), and ``inverse_link(raw)`` (else sigmoid
        or softmax).
    learning_rate : float, default=0.1
        Factor of the values of all leaves, positive.
    max_iter : int, default=100
        The number of rounds. A round grows one tree, or one for each class where there
        are more than two.
    max_leaf_nodes : int or None, default=31
        Leaves of a tree at most, 2 or more.
    max_depth : int or None, default=None
        Splits on the way to a leaf at most.
    min_samples_leaf : int, default=20
        Rows of a leaf at least.
    l2_regularization : float, default=0.0
        Penalty on the squares of the values of leaves. Values that are searched for, as
        for the absolute loss, are not shrunk.
    max_features : float, default=1.0
        Share of the features, drawn anew, that each split chooses from.
    max_bins : int, default=255
        Bins of values a feature, 2 to 255. Missing values have one more.
    categorical_features : array-like of {bool, int, str} or "from_dtype" or None, \
            default="from_dtype"
        The columns of categories: a mask, indices or names. "from_dtype" are those of
        data frames that have the type. A split sends a set of categories left. Unknown
        categories are treated as missing values.
    monotonic_cst : array-like of int of shape (n_features,) or dict or None, \
            default=None
        1 where predictions must not fall with a feature, -1 where they must not rise,
        else 0; or a dict from names of features. With classes, for two of them: as to
        the probability of the second.
    interaction_cst : {"pairwise", "no_interactions"} or sequence of lists/tuples/sets \
            of int or None, default=None
        Sets of features that may be used together on the way to a leaf. Features in no
        set are a set.
    warm_start : bool, default=False
        Whether to go on from the last fit, with the same data, up to a larger
        `max_iter`.
    early_stopping : "auto" or bool, default="auto"
        Whether to stop when the score no longer improves. "auto" does so for more than
        10,000 rows.
    scoring : str or callable or None, default="loss"
        The score: one of scikit-learn's, a scorer, "loss" for the loss or None for
        the estimator's own.
    validation_fraction : int or float or None, default=0.1
        Rows, or their share, that are held out for early stopping. None scores the
        training rows.
    n_iter_no_change : int, default=10
        Rounds that have to pass without a better score.
    tol : float, default=1e-7
        By how much a score has to be better.
    verbose : int, default=0
        Whether to print how far a fit is.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are held out, and of rows and features that are drawn.
    class_weight : dict or "balanced" or None, default=None
        Weights of classes; "balanced" gives all classes the same sum of weights.
    subsample : float, default=1.0
        Share of the rows that each round draws, without replacement.
    min_split_gain : float, default=0.0
        A split is made if its gain is larger; XGBoost's gamma.
    l1_regularization : float, default=0.0
        Penalty on the magnitudes of the values of leaves. Values that are searched for,
        as for the absolute loss, are not shrunk.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_iter_ : int
        The number of rounds that were run.
    n_trees_per_iteration_ : int
        Trees of a round.
    do_early_stopping_ : bool
        Whether early stopping is on.
    train_score_ : ndarray of shape (n_rounds + 1,)
        Scores of the training rows after each round, the first before any; empty
        without early stopping.
    validation_score_ : ndarray of shape (n_rounds + 1,)
        The same for the rows that were held out; empty if there are none.
    is_categorical_ : ndarray of shape (n_features,) or None
        Which features are categories; None if none is.
    feature_importances_ : ndarray of shape (n_features,)
        How much the splits by each feature have gained, of all splits; sums to 1.
    split_importances_ : ndarray of shape (n_features,)
        How many splits there are by each feature.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where they are strings.

    See Also
    --------
    GradientBoostingRegressor : The same for numbers.
    AdaBoostClassifier : Boosting by the weights of rows.
    sklearn.ensemble.HistGradientBoostingClassifier : The peer in scikit-learn.

    Notes
    -----
    Values are put into bins once, and all trees are grown from counts over the bins.
    Sums of gradients over bins are kept as integers, so that trees are the same for any
    number of threads. Values of leaves are computed from the gradients themselves. With
    more than 65,536 rows, or weights of which a few are more than a hundred times the
    mean, gradients are rounded up or down at random, which the seed decides; with more
    than 200,000 rows, the bins are those of as many that are drawn.

    How many threads work is decided by the amount of data; ``OMP_NUM_THREADS``,
    ``threadpoolctl`` and joblib limit it, and a fit in any thread but the main one has
    one. The first fit on a machine compiles the engine, which is kept in numba's cache.

    References
    ----------
    .. [1] J. Friedman, "Greedy function approximation: a gradient boosting machine",
       Annals of Statistics 29, 2001.
    .. [2] T. Chen and C. Guestrin, "XGBoost: a scalable tree boosting system", KDD,
       2016.
    .. [3] G. Ke et al., "LightGBM: a highly efficient gradient boosting decision tree",
       NeurIPS, 2017.
    .. [4] Y. Shi et al., "Quantized training of gradient boosting decision trees",
       NeurIPS, 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_dl.boosting import GradientBoostingClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GradientBoostingClassifier(random_state=0)
    >>> bool(cross_val_score(model, X, y).mean() > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "loss": [
            StrOptions({"log_loss", "exponential"}),
            HasMethods("gradient_hessian"),
        ],
        **BaseGradientBoosting._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        loss="log_loss",
        *,
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=31,
        max_depth=None,
        min_samples_leaf=20,
        l2_regularization=0.0,
        max_features=1.0,
        max_bins=255,
        categorical_features="from_dtype",
        monotonic_cst=None,
        interaction_cst=None,
        warm_start=False,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-07,
        verbose=0,
        random_state=None,
        class_weight=None,
        subsample=1.0,
        min_split_gain=0.0,
        l1_regularization=0.0,
    ):
        self.loss = loss
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.class_weight = class_weight
        self.subsample = subsample
        self.min_split_gain = min_split_gain
        self.l1_regularization = l1_regularization

    def _encode_target(self, y, *, reset):
        y = column_or_1d(y, warn=True)
        if not reset:
            # LabelEncoder would cut longer strings to the length of its own.
            unseen = sorted(set(y.tolist()) - set(self.classes_.tolist()))
            if unseen:
                raise ValueError(f"y contains previously unseen labels: {unseen}")
            return self._encoder_of_classes.transform(y).astype(np.float64)
        assert_all_finite(y, input_name="y", estimator_name=type(self).__name__)
        check_classification_targets(y)
        self._encoder_of_classes = LabelEncoder()
        encoded = self._encoder_of_classes.fit_transform(y)
        self.classes_ = self._encoder_of_classes.classes_
        n_classes = len(self.classes_)
        self.n_trees_per_iteration_ = 1 if n_classes <= 2 else n_classes
        return encoded.astype(np.float64)

    def _make_loss(self, loss):
        return classification_loss(loss, len(self.classes_), type(self).__name__)

    def _weigh(self, sample_weight, y):
        if self.class_weight is None:
            return sample_weight
        # Weights are given by class; y holds the places of classes.
        classes = self.classes_[y.astype(np.int64)]
        weights = compute_sample_weight(self.class_weight, classes)
        return weights if sample_weight is None else weights * sample_weight

    def decision_function(self, X):
        """Return the sums of the trees.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log odds of the second (half of them for the
            exponential loss), else the logits.
        """
        return self._decide(self._raw_predict(X))

    def staged_decision_function(self, X):
        """Return the sums of the trees after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The sums.
        """
        for raw in self._staged_raw_predict(X):
            yield self._decide(raw)

    def predict_proba(self, X):
        """Return probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._probabilities(self._raw_predict(X))

    def staged_predict_proba(self, X):
        """Return probabilities of the classes after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        for raw in self._staged_raw_predict(X):
            yield self._probabilities(raw)

    def predict(self, X):
        """Return the most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The classes.
        """
        return self._classify(self._raw_predict(X))

    def staged_predict(self, X):
        """Return the most probable class of each row after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        y : ndarray of shape (n_samples,)
            The classes.
        """
        for raw in self._staged_raw_predict(X):
            yield self._classify(raw)

    def _decide(self, raw):
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def _probabilities(self, raw):
        probabilities = self._make_loss(self._fitted_loss).probabilities(raw)
        # A single class is certain.
        return probabilities if len(self.classes_) > 1 else np.ones((len(raw), 1))

    def _classify(self, raw):
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(raw))
        if hasattr(self._fitted_loss, "inverse_link"):
            return self.classes_[np.argmax(self._probabilities(raw), axis=1)]
        if raw.shape[1] == 1:
            return self.classes_[(raw[:, 0] > 0).astype(np.int64)]
        return self.classes_[np.argmax(raw, axis=1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = self.loss != "exponential"
        return tags


class GradientBoostingRegressor(RegressorMixin, BaseGradientBoosting):
    """Gradient boosting of trees for regression.

    A drop-in for scikit-learn's ``HistGradientBoostingRegressor``, faster, and with
    what XGBoost and LightGBM have besides: drawn rows, an L1 penalty, a least gain of a
    split, losses of one's own.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson", \
            "gamma"} or object, default="squared_error"
        The loss. Trees of the Poisson and gamma losses add up to a logarithm. Leaves
        of the absolute, quantile and Huber's loss have the best value for their rows,
        for the first two a quantile of residuals.
        An object may be given instead: its method ``gradient_hessian(y, raw)``
        returns both derivatives by `raw`, the sum of the trees, and it may have
        ``initial_value(y, sample_weight)`` (else 0), ``loss(y, raw)``, the loss of each
        row (for early stopping), and ``inverse_link(raw)`` (else raw
        itself).
    quantile : float or None, default=None
        Of the quantile loss, between 0 and 1.
    learning_rate : float, default=0.1
        Factor of the values of all leaves, positive.
    max_iter : int, default=100
        The number of rounds. A round grows one tree, or one for each class where there
        are more than two.
    max_leaf_nodes : int or None, default=31
        Leaves of a tree at most, 2 or more.
    max_depth : int or None, default=None
        Splits on the way to a leaf at most.
    min_samples_leaf : int, default=20
        Rows of a leaf at least.
    l2_regularization : float, default=0.0
        Penalty on the squares of the values of leaves. Values that are searched for, as
        for the absolute loss, are not shrunk.
    max_features : float, default=1.0
        Share of the features, drawn anew, that each split chooses from.
    max_bins : int, default=255
        Bins of values a feature, 2 to 255. Missing values have one more.
    categorical_features : array-like of {bool, int, str} or "from_dtype" or None, \
            default="from_dtype"
        The columns of categories: a mask, indices or names. "from_dtype" are those of
        data frames that have the type. A split sends a set of categories left. Unknown
        categories are treated as missing values.
    monotonic_cst : array-like of int of shape (n_features,) or dict or None, \
            default=None
        1 where predictions must not fall with a feature, -1 where they must not rise,
        else 0; or a dict from names of features. With classes, for two of them: as to
        the probability of the second.
    interaction_cst : {"pairwise", "no_interactions"} or sequence of lists/tuples/sets \
            of int or None, default=None
        Sets of features that may be used together on the way to a leaf. Features in no
        set are a set.
    warm_start : bool, default=False
        Whether to go on from the last fit, with the same data, up to a larger
        `max_iter`.
    early_stopping : "auto" or bool, default="auto"
        Whether to stop when the score no longer improves. "auto" does so for more than
        10,000 rows.
    scoring : str or callable or None, default="loss"
        The score: one of scikit-learn's, a scorer, "loss" for the loss or None for
        the estimator's own.
    validation_fraction : int or float or None, default=0.1
        Rows, or their share, that are held out for early stopping. None scores the
        training rows.
    n_iter_no_change : int, default=10
        Rounds that have to pass without a better score.
    tol : float, default=1e-7
        By how much a score has to be better.
    verbose : int, default=0
        Whether to print how far a fit is.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are held out, and of rows and features that are drawn.
    subsample : float, default=1.0
        Share of the rows that each round draws, without replacement.
    min_split_gain : float, default=0.0
        A split is made if its gain is larger; XGBoost's gamma.
    l1_regularization : float, default=0.0
        Penalty on the magnitudes of the values of leaves. Values that are searched for,
        as for the absolute loss, are not shrunk.
    alpha : float, default=0.9
        The quantile of the absolute residuals at which Huber's loss becomes linear, as
        in scikit-learn's ``GradientBoostingRegressor``; between 0 and 1.

    Attributes
    ----------
    n_iter_ : int
        The number of rounds that were run.
    n_trees_per_iteration_ : int
        Trees of a round.
    do_early_stopping_ : bool
        Whether early stopping is on.
    train_score_ : ndarray of shape (n_rounds + 1,)
        Scores of the training rows after each round, the first before any; empty
        without early stopping.
    validation_score_ : ndarray of shape (n_rounds + 1,)
        The same for the rows that were held out; empty if there are none.
    is_categorical_ : ndarray of shape (n_features,) or None
        Which features are categories; None if none is.
    feature_importances_ : ndarray of shape (n_features,)
        How much the splits by each feature have gained, of all splits; sums to 1.
    split_importances_ : ndarray of shape (n_features,)
        How many splits there are by each feature.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where they are strings.

    See Also
    --------
    GradientBoostingClassifier : The same for classes.
    AdaBoostRegressor : Boosting by the weights of rows.
    sklearn.ensemble.HistGradientBoostingRegressor : The peer in scikit-learn.

    Notes
    -----
    Values are put into bins once, and all trees are grown from counts over the bins.
    Sums of gradients over bins are kept as integers, so that trees are the same for any
    number of threads. Values of leaves are computed from the gradients themselves. With
    more than 65,536 rows, or weights of which a few are more than a hundred times the
    mean, gradients are rounded up or down at random, which the seed decides; with more
    than 200,000 rows, the bins are those of as many that are drawn.

    How many threads work is decided by the amount of data; ``OMP_NUM_THREADS``,
    ``threadpoolctl`` and joblib limit it, and a fit in any thread but the main one has
    one. The first fit on a machine compiles the engine, which is kept in numba's cache.

    References
    ----------
    .. [1] J. Friedman, "Greedy function approximation: a gradient boosting machine",
       Annals of Statistics 29, 2001.
    .. [2] T. Chen and C. Guestrin, "XGBoost: a scalable tree boosting system", KDD,
       2016.
    .. [3] G. Ke et al., "LightGBM: a highly efficient gradient boosting decision tree",
       NeurIPS, 2017.
    .. [4] Y. Shi et al., "Quantized training of gradient boosting decision trees",
       NeurIPS, 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_dl.boosting import GradientBoostingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientBoostingRegressor(max_iter=50, random_state=0)
    >>> bool(cross_val_score(model, X, y).mean() > 0.3)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "loss": [
            StrOptions(
                {
                    "squared_error",
                    "absolute_error",
                    "huber",
                    "quantile",
                    "poisson",
                    "gamma",
                }
            ),
            HasMethods("gradient_hessian"),
        ],
        "quantile": [Interval(Real, 0, 1, closed="neither"), None],
        **BaseGradientBoosting._parameter_constraints,
        "alpha": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        loss="squared_error",
        *,
        quantile=None,
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=31,
        max_depth=None,
        min_samples_leaf=20,
        l2_regularization=0.0,
        max_features=1.0,
        max_bins=255,
        categorical_features="from_dtype",
        monotonic_cst=None,
        interaction_cst=None,
        warm_start=False,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-07,
        verbose=0,
        random_state=None,
        subsample=1.0,
        min_split_gain=0.0,
        l1_regularization=0.0,
        alpha=0.9,
    ):
        self.loss = loss
        self.quantile = quantile
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.subsample = subsample
        self.min_split_gain = min_split_gain
        self.l1_regularization = l1_regularization
        self.alpha = alpha

    def _encode_target(self, y, *, reset):
        y = check_array(
            y, dtype=np.float64, ensure_2d=False, input_name="y", estimator=self
        )
        y = column_or_1d(y, warn=True).astype(np.float64)
        name = type(self).__name__
        if self.loss == "gamma" and not np.all(y > 0):
            raise ValueError(f"loss='gamma' of {name} requires strictly positive y.")
        if self.loss == "poisson" and not (np.all(y >= 0) and y.sum() > 0):
            raise ValueError(
                f"loss='poisson' of {name} requires non-negative y and sum(y) > 0."
            )
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError(
                f"loss='quantile' of {name} needs the parameter quantile, a float "
                "between 0 and 1; got None."
            )
        self.n_trees_per_iteration_ = 1
        return y

    def _make_loss(self, loss):
        return regression_loss(loss, self.quantile, self.alpha, type(self).__name__)

    def predict(self, X):
        """Return the prediction of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The predictions.
        """
        raw = self._raw_predict(X)
        return self._make_loss(self._fitted_loss).respond(raw)

    def staged_predict(self, X):
        """Return the prediction of each row after each round.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        y : ndarray of shape (n_samples,)
            The predictions.
        """
        for raw in self._staged_raw_predict(X):
            yield self._make_loss(self._fitted_loss).respond(raw)
