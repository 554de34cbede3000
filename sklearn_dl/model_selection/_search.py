"""The searches: scikit-learn's, with candidates fitted together where they can be."""

import numpy as np
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.model_selection import RandomizedSearchCV as SklearnRandomizedSearchCV

from sklearn_dl.model_selection._search_fit import CHECKPOINT_CONSTRAINTS, JointSearch
from sklearn_dl.utils._sklearn import HalvingGridSearchCV as SklearnHalvingGridSearchCV
from sklearn_dl.utils._sklearn import (
    HalvingRandomSearchCV as SklearnHalvingRandomSearchCV,
)

__all__ = [
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "RandomizedSearchCV",
]


class GridSearchCV(SklearnGridSearchCV, JointSearch):
    """Search over all combinations of parameters, fitted together where possible.

    A drop-in for :class:`sklearn.model_selection.GridSearchCV`, with the same
    parameters, the same candidates on the same folds, the same scores and the same
    winner. Candidates that share a training fold and that the estimator can fit
    together are fitted together, which is a matter of time only.

    Read more in the :ref:`User Guide <joint_fits>`.

    Parameters
    ----------
    estimator : estimator
        What is searched. It is cloned and not changed. It has a method `score`, or
        `scoring` is given.

    param_grid : dict of str to sequence, or list of such dicts
        The values to try of each parameter, in all combinations. With a list, the
        combinations of each dictionary.

    scoring : str, callable, list, tuple or dict, default=None
        What to measure on the held-out rows: a name that scikit-learn knows, a function
        ``scorer(estimator, X, y)`` which returns a number or a dictionary of numbers,
        or several of them. If None, the estimator's `score`.

    n_jobs : int, default=None
        Number of tasks at a time. A task is a part of the candidates of a fold, or one
        evaluation that cannot be joined. Where the joint fit leaves Python's lock, as
        networks and boosted trees do, tasks are threads and share the data; else they
        are what joblib uses. None means 1 unless in a :func:`joblib.parallel_config`
        context, -1 all processors.

    refit : bool, str or callable, default=True
        Whether to fit `best_estimator_` to all rows at the end. With several scores,
        the name of the one that decides. A function takes `cv_results_` and returns
        `best_index_`.

    cv : int, splitter or iterable, default=None
        How to split the rows: a number of folds (stratified for a classifier), a
        splitter, or an iterable of pairs of training and test rows. None means 5 folds.

    verbose : int, default=0
        Above 0 the number of fits is written, above 1 a line for each fit, above 2 its
        scores, above 9 a line for its beginning and its candidate.

    pre_dispatch : int or str, default="2*n_jobs"
        How many evaluations that cannot be joined are handed to the workers ahead.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, with a warning. With "raise" the search ends with
        the error.

    return_train_score : bool, default=False
        Whether to score the training rows too.

    checkpoint : str or path-like, default=None
        A file that results are written to as they come, for a search that may be
        interrupted. If it is there already, `fit` goes on from it and repeats no
        evaluation that was finished. It is removed when the search ends. Searches that
        run at the same time need files of their own.

    Attributes
    ----------
    cv_results_ : dict of str to array
        What was measured, one value a candidate, under scikit-learn's keys: `params`,
        `param_*`, `split*_test_*`, `mean_test_*`, `std_test_*`, `rank_test_*`, the same
        of training rows, and times. The time of a joint fit is divided evenly among its
        candidates.

    joint_groups_ : list of dict
        How the candidates were fitted: each entry has under "candidates" the places of
        some of them in `cv_results_` and under "how" what was shared, or "one by one".

    best_estimator_ : estimator
        The best candidate, fitted to all rows. Not with ``refit=False``.

    best_score_ : float
        The mean score of the best candidate on held-out rows. Not if
        `refit` is a function.

    best_params_ : dict
        The parameters of the best candidate.

    best_index_ : int
        The place of the best candidate in `cv_results_`.

    scorer_ : callable or dict of str to callable
        What measures, by name where there are several.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the fit to all rows took. Not with ``refit=False``.

    multimetric_ : bool
        Whether there are several scores.

    classes_ : ndarray of shape (n_classes,)
        The class labels of a classifier. Not with ``refit=False``.

    n_features_in_ : int
        Number of features seen in `fit`, if `best_estimator_` knows it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `best_estimator_` knows them.

    See Also
    --------
    RandomizedSearchCV : Search over candidates that are drawn.
    HalvingGridSearchCV : Search that gives the better candidates more resources.
    sklearn.model_selection.GridSearchCV : The search of scikit-learn.

    Notes
    -----
    What an estimator can fit together it says through
    :class:`~sklearn_dl.base.JointFitMixin`; in a pipeline also the steps in front are
    fitted once for all candidates of a task that leave them alone. All else runs as
    scikit-learn runs it, and so does everything without `y`, with callbacks of the
    estimator's own or such as look at fitted estimators, and with metadata that is
    routed to `fit` or to the scorer. Scores do not depend on the way that was taken,
    but for the rounding of networks. Callbacks of the search are told of each
    evaluation; the epochs and rounds inside a joint fit are not shown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.model_selection import GridSearchCV
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((16,), learning_rate="cosine", random_state=0)
    >>> grid = {"alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 1e-2]}
    >>> search = GridSearchCV(network, grid).fit(X, y)
    >>> search.best_params_["learning_rate_init"]
    0.01
    >>> sorted(k for group in search.joint_groups_ for k in group["candidates"])
    [0, 1, 2, 3]
    """

    _parameter_constraints: dict = {
        **SklearnGridSearchCV._parameter_constraints,
        **CHECKPOINT_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
    ):
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.checkpoint = checkpoint


class RandomizedSearchCV(SklearnRandomizedSearchCV, JointSearch):
    """Search over parameters that are drawn, fitted together where possible.

    A drop-in for :class:`sklearn.model_selection.RandomizedSearchCV`, with the same
    parameters, the same candidates on the same folds, the same scores and the same
    winner. Candidates that share a training fold and that the estimator can fit
    together are fitted together, which is a matter of time only.

    Read more in the :ref:`User Guide <joint_fits>`.

    Parameters
    ----------
    estimator : estimator
        What is searched. It is cloned and not changed. It has a method `score`, or
        `scoring` is given.

    param_distributions : dict of str to distribution or list, or list of such dicts
        What to draw each parameter from: a list, or a distribution with a method
        ``rvs``, such as those of :mod:`scipy.stats`. With a list of dictionaries, one
        of them is drawn first.

    n_iter : int, default=10
        Number of candidates. Where there are fewer combinations of lists, all of them.

    scoring : str, callable, list, tuple or dict, default=None
        What to measure on the held-out rows: a name that scikit-learn knows, a function
        ``scorer(estimator, X, y)`` which returns a number or a dictionary of numbers,
        or several of them. If None, the estimator's `score`.

    n_jobs : int, default=None
        Number of tasks at a time. A task is a part of the candidates of a fold, or one
        evaluation that cannot be joined. Where the joint fit leaves Python's lock, as
        networks and boosted trees do, tasks are threads and share the data; else they
        are what joblib uses. None means 1 unless in a :func:`joblib.parallel_config`
        context, -1 all processors.

    refit : bool, str or callable, default=True
        Whether to fit `best_estimator_` to all rows at the end. With several scores,
        the name of the one that decides. A function takes `cv_results_` and returns
        `best_index_`.

    cv : int, splitter or iterable, default=None
        How to split the rows: a number of folds (stratified for a classifier), a
        splitter, or an iterable of pairs of training and test rows. None means 5 folds.

    verbose : int, default=0
        Above 0 the number of fits is written, above 1 a line for each fit, above 2 its
        scores, above 9 a line for its beginning and its candidate.

    pre_dispatch : int or str, default="2*n_jobs"
        How many evaluations that cannot be joined are handed to the workers ahead.

    random_state : int, RandomState instance or None, default=None
        Seed of the candidates.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, with a warning. With "raise" the search ends with
        the error.

    return_train_score : bool, default=False
        Whether to score the training rows too.

    checkpoint : str or path-like, default=None
        A file that results are written to as they come, for a search that may be
        interrupted. If it is there already, `fit` goes on from it and repeats no
        evaluation that was finished. It is removed when the search ends. Searches that
        run at the same time need files of their own. Candidates that are drawn are
        the same ones again only with a fixed `random_state`.

    Attributes
    ----------
    cv_results_ : dict of str to array
        What was measured, one value a candidate, under scikit-learn's keys: `params`,
        `param_*`, `split*_test_*`, `mean_test_*`, `std_test_*`, `rank_test_*`, the same
        of training rows, and times. The time of a joint fit is divided evenly among its
        candidates.

    joint_groups_ : list of dict
        How the candidates were fitted: each entry has under "candidates" the places of
        some of them in `cv_results_` and under "how" what was shared, or "one by one".

    best_estimator_ : estimator
        The best candidate, fitted to all rows. Not with ``refit=False``.

    best_score_ : float
        The mean score of the best candidate on held-out rows. Not if
        `refit` is a function.

    best_params_ : dict
        The parameters of the best candidate.

    best_index_ : int
        The place of the best candidate in `cv_results_`.

    scorer_ : callable or dict of str to callable
        What measures, by name where there are several.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the fit to all rows took. Not with ``refit=False``.

    multimetric_ : bool
        Whether there are several scores.

    classes_ : ndarray of shape (n_classes,)
        The class labels of a classifier. Not with ``refit=False``.

    n_features_in_ : int
        Number of features seen in `fit`, if `best_estimator_` knows it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `best_estimator_` knows them.

    See Also
    --------
    GridSearchCV : Search over all combinations.
    HalvingRandomSearchCV : The same, over candidates that are drawn.
    sklearn.model_selection.RandomizedSearchCV : The search of scikit-learn.

    Notes
    -----
    What an estimator can fit together it says through
    :class:`~sklearn_dl.base.JointFitMixin`; in a pipeline also the steps in front are
    fitted once for all candidates of a task that leave them alone. All else runs as
    scikit-learn runs it, and so does everything without `y`, with callbacks of the
    estimator's own or such as look at fitted estimators, and with metadata that is
    routed to `fit` or to the scorer. Scores do not depend on the way that was taken,
    but for the rounding of networks. Callbacks of the search are told of each
    evaluation; the epochs and rounds inside a joint fit are not shown.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.model_selection import RandomizedSearchCV
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((16,), learning_rate="cosine", random_state=0)
    >>> space = {"learning_rate_init": loguniform(1e-4, 1e-1)}
    >>> search = RandomizedSearchCV(network, space, n_iter=4, random_state=0)
    >>> search = search.fit(X, y)
    >>> bool(search.best_score_ > 0.8)
    True
    """

    _parameter_constraints: dict = {
        **SklearnRandomizedSearchCV._parameter_constraints,
        **CHECKPOINT_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.checkpoint = checkpoint


class HalvingGridSearchCV(SklearnHalvingGridSearchCV, JointSearch):
    """Successive halving of all combinations, fitted together where possible.

    All candidates begin with few resources, rows or a parameter such as the number of
    epochs; the better ones go on with more.

    A drop-in for :class:`sklearn.model_selection.HalvingGridSearchCV`, with the same
    parameters, the same candidates on the same folds, the same scores and the same
    winner. Candidates that share a training fold and that the estimator can fit
    together are fitted together, which is a matter of time only.

    Read more in the :ref:`User Guide <joint_fits>`.

    Parameters
    ----------
    estimator : estimator
        What is searched. It is cloned and not changed. It has a method `score`, or
        `scoring` is given.

    param_grid : dict of str to sequence, or list of such dicts
        The values to try of each parameter, in all combinations. With a list, the
        combinations of each dictionary.

    factor : int or float, default=3
        One candidate in so many goes on to the next iteration, with so many times the
        resources.

    resource : str, default="n_samples"
        What candidates get more of from iteration to iteration: rows, or a parameter of
        the estimator that is a positive integer.

    max_resources : int or "auto", default="auto"
        The most resources of a candidate. "auto" means all rows and needs
        ``resource="n_samples"``.

    min_resources : {"exhaust", "smallest"} or int, default="exhaust"
        The resources of a candidate in the first iteration. "smallest" means two rows a
        fold, and a class for a classifier, or 1 of a parameter. "exhaust" means as many
        as let the last iteration use the most.

    aggressive_elimination : bool, default=False
        Whether to repeat the first iteration, with the same resources, until so few
        candidates are left that the last one ends with less than `factor`.

    cv : int, splitter or iterable, default=5
        How to split the rows: a number of folds (stratified for a classifier), a
        splitter, or an iterable of pairs of training and test rows. None means 5 folds.
        The folds must be the same each time.

    scoring : str or callable, default=None
        What to measure on the held-out rows: a name that scikit-learn knows, or a
        function ``scorer(estimator, X, y)``. If None, the estimator's `score`.

    refit : bool or callable, default=True
        Whether to fit `best_estimator_` to all rows at the end. A function takes
        `cv_results_` and returns `best_index_`.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, with a warning. With "raise" the search ends with
        the error.

    return_train_score : bool, default=True
        Whether to score the training rows too.

    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are drawn for an iteration.

    n_jobs : int, default=None
        Number of tasks at a time. A task is a part of the candidates of a fold, or one
        evaluation that cannot be joined. Where the joint fit leaves Python's lock, as
        networks and boosted trees do, tasks are threads and share the data; else they
        are what joblib uses. None means 1 unless in a :func:`joblib.parallel_config`
        context, -1 all processors.

    verbose : int, default=0
        Above 0 the number of fits is written, above 1 a line for each fit, above 2 its
        scores, above 9 a line for its beginning and its candidate.

    checkpoint : str or path-like, default=None
        A file that results are written to as they come, for a search that may be
        interrupted. If it is there already, `fit` goes on from it and repeats no
        evaluation that was finished. It is removed when the search ends. Searches that
        run at the same time need files of their own.

    Attributes
    ----------
    cv_results_ : dict of str to array
        What was measured, one value a candidate, under scikit-learn's keys: `params`,
        `param_*`, `split*_test_*`, `mean_test_*`, `std_test_*`, `rank_test_*`, the same
        of training rows, times, `iter` and `n_resources`. The time of a joint fit is
        divided evenly among its candidates.

    joint_groups_ : list of dict
        How the candidates were fitted: each entry has under "candidates" the places of
        some of them in `cv_results_` and under "how" what was shared, or "one by one".

    best_estimator_ : estimator
        The best candidate, fitted to all rows. Not with ``refit=False``.

    best_score_ : float
        The mean score of the best candidate on held-out rows.

    best_params_ : dict
        The parameters of the best candidate.

    best_index_ : int
        The place of the best candidate in `cv_results_`.

    scorer_ : callable or dict of str to callable
        What measures, by name where there are several.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the fit to all rows took. Not with ``refit=False``.

    multimetric_ : bool
        Whether there are several scores.

    classes_ : ndarray of shape (n_classes,)
        The class labels of a classifier. Not with ``refit=False``.

    n_features_in_ : int
        Number of features seen in `fit`, if `best_estimator_` knows it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `best_estimator_` knows them.

    n_resources_ : list of int
        The resources of a candidate in each iteration.

    n_candidates_ : list of int
        Number of candidates in each iteration.

    n_remaining_candidates_ : int
        Number of candidates that are left after the last iteration.

    max_resources_, min_resources_ : int
        The most resources of a candidate, and those in the first iteration.

    n_iterations_ : int
        Number of iterations.

    n_possible_iterations_ : int
        Number of iterations that the resources allow.

    n_required_iterations_ : int
        Number of iterations after which fewer than `factor` candidates are left.

    See Also
    --------
    HalvingRandomSearchCV : The same, over candidates that are drawn.
    GridSearchCV : Search over all combinations.
    sklearn.model_selection.HalvingGridSearchCV : The search of scikit-learn.

    Notes
    -----
    What an estimator can fit together it says through
    :class:`~sklearn_dl.base.JointFitMixin`; in a pipeline also the steps in front are
    fitted once for all candidates of a task that leave them alone. All else runs as
    scikit-learn runs it, and so does everything without `y`, with callbacks of the
    estimator's own or such as look at fitted estimators, and with metadata that is
    routed to `fit` or to the scorer. Scores do not depend on the way that was taken,
    but for the rounding of networks. Callbacks of the search are told of each
    evaluation; the epochs and rounds inside a joint fit are not shown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.boosting import GradientBoostingClassifier
    >>> from sklearn_dl.model_selection import HalvingGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> booster = GradientBoostingClassifier(max_iter=10, random_state=0)
    >>> grid = {"learning_rate": [0.05, 0.1, 0.2, 0.4]}
    >>> search = HalvingGridSearchCV(booster, grid, cv=3, random_state=0).fit(X, y)
    >>> search.n_candidates_
    [4, 2]
    """

    _parameter_constraints: dict = {
        **SklearnHalvingGridSearchCV._parameter_constraints,
        **CHECKPOINT_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        factor=3,
        resource="n_samples",
        max_resources="auto",
        min_resources="exhaust",
        aggressive_elimination=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
        checkpoint=None,
    ):
        super().__init__(
            estimator,
            param_grid,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.checkpoint = checkpoint


class HalvingRandomSearchCV(SklearnHalvingRandomSearchCV, JointSearch):
    """Successive halving of candidates that are drawn, fitted together where possible.

    All candidates begin with few resources, rows or a parameter such as the number of
    epochs; the better ones go on with more.

    A drop-in for :class:`sklearn.model_selection.HalvingRandomSearchCV`, with the same
    parameters, the same candidates on the same folds, the same scores and the same
    winner. Candidates that share a training fold and that the estimator can fit
    together are fitted together, which is a matter of time only.

    Read more in the :ref:`User Guide <joint_fits>`.

    Parameters
    ----------
    estimator : estimator
        What is searched. It is cloned and not changed. It has a method `score`, or
        `scoring` is given.

    param_distributions : dict of str to distribution or list, or list of such dicts
        What to draw each parameter from: a list, or a distribution with a method
        ``rvs``, such as those of :mod:`scipy.stats`. With a list of dictionaries, one
        of them is drawn first.

    n_candidates : int or "exhaust", default="exhaust"
        Number of candidates of the first iteration. "exhaust" means as many as let the
        last iteration use the most resources.

    factor : int or float, default=3
        One candidate in so many goes on to the next iteration, with so many times the
        resources.

    resource : str, default="n_samples"
        What candidates get more of from iteration to iteration: rows, or a parameter of
        the estimator that is a positive integer.

    max_resources : int or "auto", default="auto"
        The most resources of a candidate. "auto" means all rows and needs
        ``resource="n_samples"``.

    min_resources : {"exhaust", "smallest"} or int, default="smallest"
        The resources of a candidate in the first iteration. "smallest" means two rows a
        fold, and a class for a classifier, or 1 of a parameter. "exhaust" means as many
        as let the last iteration use the most. Not with `n_candidates` "exhaust"
        too.

    aggressive_elimination : bool, default=False
        Whether to repeat the first iteration, with the same resources, until so few
        candidates are left that the last one ends with less than `factor`.

    cv : int, splitter or iterable, default=5
        How to split the rows: a number of folds (stratified for a classifier), a
        splitter, or an iterable of pairs of training and test rows. None means 5 folds.
        The folds must be the same each time.

    scoring : str or callable, default=None
        What to measure on the held-out rows: a name that scikit-learn knows, or a
        function ``scorer(estimator, X, y)``. If None, the estimator's `score`.

    refit : bool or callable, default=True
        Whether to fit `best_estimator_` to all rows at the end. A function takes
        `cv_results_` and returns `best_index_`.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, with a warning. With "raise" the search ends with
        the error.

    return_train_score : bool, default=True
        Whether to score the training rows too.

    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are drawn for an iteration and of the candidates.

    n_jobs : int, default=None
        Number of tasks at a time. A task is a part of the candidates of a fold, or one
        evaluation that cannot be joined. Where the joint fit leaves Python's lock, as
        networks and boosted trees do, tasks are threads and share the data; else they
        are what joblib uses. None means 1 unless in a :func:`joblib.parallel_config`
        context, -1 all processors.

    verbose : int, default=0
        Above 0 the number of fits is written, above 1 a line for each fit, above 2 its
        scores, above 9 a line for its beginning and its candidate.

    checkpoint : str or path-like, default=None
        A file that results are written to as they come, for a search that may be
        interrupted. If it is there already, `fit` goes on from it and repeats no
        evaluation that was finished. It is removed when the search ends. Searches that
        run at the same time need files of their own. Candidates that are drawn are
        the same ones again only with a fixed `random_state`.

    Attributes
    ----------
    cv_results_ : dict of str to array
        What was measured, one value a candidate, under scikit-learn's keys: `params`,
        `param_*`, `split*_test_*`, `mean_test_*`, `std_test_*`, `rank_test_*`, the same
        of training rows, times, `iter` and `n_resources`. The time of a joint fit is
        divided evenly among its candidates.

    joint_groups_ : list of dict
        How the candidates were fitted: each entry has under "candidates" the places of
        some of them in `cv_results_` and under "how" what was shared, or "one by one".

    best_estimator_ : estimator
        The best candidate, fitted to all rows. Not with ``refit=False``.

    best_score_ : float
        The mean score of the best candidate on held-out rows.

    best_params_ : dict
        The parameters of the best candidate.

    best_index_ : int
        The place of the best candidate in `cv_results_`.

    scorer_ : callable or dict of str to callable
        What measures, by name where there are several.

    n_splits_ : int
        Number of folds.

    refit_time_ : float
        Seconds that the fit to all rows took. Not with ``refit=False``.

    multimetric_ : bool
        Whether there are several scores.

    classes_ : ndarray of shape (n_classes,)
        The class labels of a classifier. Not with ``refit=False``.

    n_features_in_ : int
        Number of features seen in `fit`, if `best_estimator_` knows it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `best_estimator_` knows them.

    n_resources_ : list of int
        The resources of a candidate in each iteration.

    n_candidates_ : list of int
        Number of candidates in each iteration.

    n_remaining_candidates_ : int
        Number of candidates that are left after the last iteration.

    max_resources_, min_resources_ : int
        The most resources of a candidate, and those in the first iteration.

    n_iterations_ : int
        Number of iterations.

    n_possible_iterations_ : int
        Number of iterations that the resources allow.

    n_required_iterations_ : int
        Number of iterations after which fewer than `factor` candidates are left.

    See Also
    --------
    HalvingGridSearchCV : Search that gives the better candidates more resources.
    RandomizedSearchCV : Search over candidates that are drawn.
    sklearn.model_selection.HalvingRandomSearchCV : The search of scikit-learn.

    Notes
    -----
    What an estimator can fit together it says through
    :class:`~sklearn_dl.base.JointFitMixin`; in a pipeline also the steps in front are
    fitted once for all candidates of a task that leave them alone. All else runs as
    scikit-learn runs it, and so does everything without `y`, with callbacks of the
    estimator's own or such as look at fitted estimators, and with metadata that is
    routed to `fit` or to the scorer. Scores do not depend on the way that was taken,
    but for the rounding of networks. Callbacks of the search are told of each
    evaluation; the epochs and rounds inside a joint fit are not shown.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl.boosting import GradientBoostingClassifier
    >>> from sklearn_dl.model_selection import HalvingRandomSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> booster = GradientBoostingClassifier(random_state=0)
    >>> search = HalvingRandomSearchCV(
    ...     booster,
    ...     {"learning_rate": loguniform(0.01, 1.0)},
    ...     resource="max_iter",
    ...     max_resources=20,
    ...     min_resources=4,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> search.fit(X, y).n_resources_
    [4, 12]
    """

    _parameter_constraints: dict = {
        **SklearnHalvingRandomSearchCV._parameter_constraints,
        **CHECKPOINT_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_candidates="exhaust",
        factor=3,
        resource="n_samples",
        max_resources="auto",
        min_resources="smallest",
        aggressive_elimination=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
        checkpoint=None,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_candidates=n_candidates,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.checkpoint = checkpoint
