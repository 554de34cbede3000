"""A classifier or regressor that is trained on the rows of one domain, or of both."""

import numpy as np
from sklearn.base import BaseEstimator, is_regressor

from sklearn_dl.domain_adaptation._domains import check_domain_weights, read_domains
from sklearn_dl.domain_adaptation._meta_base import DomainMetaMixin
from sklearn_dl.utils._sklearn import HasMethods, StrOptions, fit_context

__all__ = ["DomainSelector"]


class DomainSelector(DomainMetaMixin, BaseEstimator):
    """Train on the labelled rows of the source, of the target, or of both.

    On its own it is what adaptation has to beat: source only, target only, and both
    pooled. At the end of a pipeline, behind a transformer for domains, it trains any
    classifier or regressor on the rows that have labels.

    Parameters
    ----------
    estimator : estimator
        A classifier or a regressor. It is cloned and not changed.

    train_on : {'source', 'target', 'both'}, default='source'
        Which rows `estimator` is trained on. Rows without a label never are.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.

    classes_ : ndarray of shape (n_classes,)
        The class labels of a classifier, those of the rows that it was trained on.

    n_features_in_ : int
        Number of features seen in `fit`, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the estimator tells.

    See Also
    --------
    CORAL : A transformer for domains.
    ImportanceWeightedClassifier : Trains on source rows by their weights.

    Examples
    --------
    Rows of the target have no label, which is -1 among integers:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_dl.domain_adaptation import CORAL, DomainSelector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> X[100:] = X[100:] @ [[1, 3], [0, 1]]
    >>> y_masked = np.where(np.arange(200) < 100, y, -1)
    >>> model = make_pipeline(CORAL(reg=0), DomainSelector(LogisticRegression()))
    >>> model.fit(X, y_masked).score(X[100:], y[100:]) > 0.6
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "train_on": [StrOptions({"source", "target", "both"})],
    }

    def __init__(self, estimator, *, train_on="source"):
        self.estimator = estimator
        self.train_on = train_on

    # The estimator validates its own parameters.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Fit a clone of the estimator on the rows that are asked for.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows, of any kind that `estimator` takes.

        y : array-like of shape (n_samples,)
            Labels or targets. Rows of the target without one have -1 (integers of a
            classification), NaN (floats) or None (objects).

        sample_domain : array-like of shape (n_samples,), default=None
            The domain of each row: 0 and above are sources, below are targets. With
            None the rows without a label are the target. Without such rows, too, all
            are used, whatever `train_on` says.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Those of rows that are left out have no
            say.

        Returns
        -------
        self : DomainSelector
            The fitted estimator.

        Raises
        ------
        ValueError
            If no row with a label is left, or if weights are given and `estimator`
            takes none.
        """
        y, domains = read_domains(
            self, X, y, sample_domain, numeric=is_regressor(self.estimator)
        )
        chosen = domains.is_labelled
        one_domain = sample_domain is None and not domains.has_target
        if self.train_on == "source":
            chosen = domains.is_source
        elif self.train_on == "target" and not one_domain:
            chosen = chosen & ~domains.is_source
        if not chosen.any():
            raise ValueError(
                f"{type(self).__name__} with train_on='target' expects rows of the "
                f"target with a label, got none. Targets have a sample_domain below "
                f"0. Without labels of the target, train on the source: "
                f"train_on='source'."
            )
        if sample_weight is not None:
            sample_weight = check_domain_weights(
                self, X, sample_weight, {"training": chosen}
            )
        self._fit_on(X, y, np.flatnonzero(chosen), sample_weight)
        return self
