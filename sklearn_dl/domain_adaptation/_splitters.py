"""Folds of the target: all of the source trains, a part of the target tests."""

from abc import abstractmethod

import numpy as np
from sklearn.model_selection import (
    BaseCrossValidator,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from sklearn_dl.domain_adaptation._domains import (
    CLASS_OF_MINUS_ONE,
    DomainAwareMixin,
    check_domains,
    read_domains,
)
from sklearn_dl.utils._sklearn import num_samples

__all__ = ["TargetKFold", "TargetShuffleSplit"]


class _TargetSplitter(DomainAwareMixin, BaseCrossValidator):
    """What both splitters share: only target rows with a label are split."""

    # Domains may come as groups, for searches without metadata routing.
    __metadata_request__split = {"groups": True}

    def split(self, X, y=None, groups=None, sample_domain=None):
        """Generate indices of training and test rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of all domains.

        y : array-like of shape (n_samples,), default=None
            Labels. Target rows without one (-1 among integers, NaN among floating
            numbers, None among objects) are in no test set. Pass floats for a
            regression, where -1 is a number like another.

        groups : array-like of shape (n_samples,), default=None
            Another place for `sample_domain`, which scikit-learn's searches hand to
            splitters when metadata routing is off.

        sample_domain : array-like of shape (n_samples,), default=None
            Domains: 0 and above for sources, below 0 for targets.

        Yields
        ------
        train : ndarray
            Indices of all source rows, the target rows that do not test, and the
            target rows without a label.

        test : ndarray
            Indices of target rows with a label.

        Raises
        ------
        ValueError
            If no target row has a label, or if `groups` and `sample_domain` differ.
        """
        y, domains = self._read(X, y, groups, sample_domain)
        scored = np.flatnonzero(~domains.is_source & domains.is_labelled)
        if not len(scored):
            self._refuse(domains)
        always = domains.is_source | ~domains.is_labelled
        labels = y[scored]
        # Floating numbers are the targets of a regression.
        splitter = self._make_splitter(classes=labels.dtype.kind != "f")
        for train, test in splitter.split(scored, labels):
            trains = always.copy()
            trains[scored[train]] = True
            yield np.flatnonzero(trains), np.sort(scored[test])

    def get_n_splits(self, X=None, y=None, groups=None, sample_domain=None):
        """Return the number of splits.

        Parameters
        ----------
        X : object, default=None
            Ignored.

        y : object, default=None
            Ignored.

        groups : object, default=None
            Ignored.

        sample_domain : object, default=None
            Ignored.

        Returns
        -------
        n_splits : int
            The number of splits.
        """
        return self.n_splits

    @abstractmethod
    def _make_splitter(self, classes):
        """Return the splitter of scikit-learn for rows with a label."""

    def _read(self, X, y, groups, sample_domain):
        name, n_rows = type(self).__name__, num_samples(X)
        if groups is not None:
            groups = check_domains(name, groups, n_rows)
            if sample_domain is None:
                sample_domain = groups
            elif not np.array_equal(groups, sample_domain):
                raise ValueError(
                    f"groups and sample_domain of {name} must be the same if both are "
                    f"passed, as both are the domains of the rows."
                )
        numeric = y is not None and np.asarray(y).dtype.kind == "f"
        try:
            return read_domains(self, X, y, sample_domain, numeric=numeric)
        except ValueError as error:
            if CLASS_OF_MINUS_ONE not in str(error):
                raise
            # A splitter is not told what integers are for.
            raise ValueError(
                f"{error} If it is a number to be predicted, pass floating numbers."
            ) from None

    def _refuse(self, domains):
        name = type(self).__name__
        what = "a label in none of them" if domains.has_target else "no target row"
        raise ValueError(
            f"{name} expects target rows with a label, which it can test on, got "
            f"{what} (source rows have a domain of 0 and above, target rows one below "
            f"0; without metadata routing, pass the domains as groups too). For a "
            f"target without labels, use another splitter, such as "
            f"StratifiedKFold().split(X, sample_domain), with a scorer that needs "
            f"none: ImportanceWeightedScorer, PredictionEntropyScorer, "
            f"SoftNeighborhoodDensityScorer, DeepEmbeddedValidationScorer, "
            f"CircularValidationScorer or MixValScorer."
        )


class TargetKFold(_TargetSplitter):
    """K folds of the target; the source is in all training sets.

    Each fold of target rows with a label tests once, and trains otherwise. So the plain
    ``scoring="accuracy"`` of a search or cross-validation is accuracy on the target.
    Target rows without a label cannot be scored, and always train.

    Folds keep the shares of the classes, as :class:`sklearn.model_selection.
    StratifiedKFold` does; if labels are floating numbers, they are the targets of a
    regression, and folds are those of :class:`sklearn.model_selection.KFold`.

    Parameters
    ----------
    n_splits : int, default=5
        The number of folds, at least 2.

    shuffle : bool, default=False
        Whether to shuffle target rows (of a class) before they are split.

    random_state : int, RandomState instance or None, default=None
        Determines the folds if `shuffle` is True.

    See Also
    --------
    TargetShuffleSplit : Random parts of the target.

    Notes
    -----
    Domains come from ``sample_domain``, with metadata routing on, or from ``groups``:
    ``GridSearchCV(...).fit(X, y, groups=d, sample_domain=d)`` works with routing off.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import TargetKFold
    >>> X, y = np.zeros((8, 1)), [0, 1, 0, 1, 0, 1, -1, -1]
    >>> domains = [0, 0, -1, -1, -1, -1, -1, -1]
    >>> for train, test in TargetKFold(n_splits=2).split(X, y, domains):
    ...     print(train, test)
    [0 1 4 5 6 7] [2 3]
    [0 1 2 3 6 7] [4 5]
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        # As scikit-learn's splitters, it refuses wrong parameters at once.
        self._make_splitter(classes=False)

    def _make_splitter(self, classes):
        splitter = StratifiedKFold if classes else KFold
        return splitter(
            self.n_splits, shuffle=self.shuffle, random_state=self.random_state
        )


class TargetShuffleSplit(_TargetSplitter):
    """Random parts of the target test; the source is in all training sets.

    Target rows with a label are split at random; those that do not test train with all
    of the source. So the plain ``scoring="accuracy"`` of a search or cross-validation
    is accuracy on the target. Target rows without a label cannot be scored, and always
    train.

    Parts keep the shares of the classes, as :class:`sklearn.model_selection.
    StratifiedShuffleSplit` does; if labels are floating numbers, they are the targets
    of a regression, and parts are those of
    :class:`sklearn.model_selection.ShuffleSplit`.

    Parameters
    ----------
    n_splits : int, default=10
        The number of splits.

    test_size : float, int or None, default=None
        The share or number of the target rows with a label that test. None is what
        `train_size` leaves, or 0.1.

    train_size : float, int or None, default=None
        The share or number of the target rows with a label that train; what is neither
        in here nor in `test_size` is left out. None is what `test_size` leaves.

    random_state : int, RandomState instance or None, default=None
        Determines the splits.

    See Also
    --------
    TargetKFold : Each row with a label tests once.

    Notes
    -----
    Domains come from ``sample_domain``, with metadata routing on, or from ``groups``:
    ``GridSearchCV(...).fit(X, y, groups=d, sample_domain=d)`` works with routing off.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import TargetShuffleSplit
    >>> X, y = np.zeros((8, 1)), [0, 1, 0, 1, 0, 1, -1, -1]
    >>> domains = [0, 0, -1, -1, -1, -1, -1, -1]
    >>> splitter = TargetShuffleSplit(n_splits=3, test_size=0.5, random_state=0)
    >>> for train, test in splitter.split(X, y, domains):
    ...     print(len(train), len(test))
    6 2
    6 2
    6 2
    """

    def __init__(
        self, n_splits=10, *, test_size=None, train_size=None, random_state=None
    ):
        self.n_splits = n_splits
        self.test_size = test_size
        self.train_size = train_size
        self.random_state = random_state

    def _make_splitter(self, classes):
        splitter = StratifiedShuffleSplit if classes else ShuffleSplit
        return splitter(
            self.n_splits,
            test_size=self.test_size,
            train_size=self.train_size,
            random_state=self.random_state,
        )
