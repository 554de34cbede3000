"""Weights of source rows that make their distribution that of the target."""

import warnings
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from scipy.optimize import brentq, minimize
from scipy.sparse.linalg import eigsh
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state

from sklearn_dl.utils._sklearn import HasMethods, Interval, validate_params

__all__ = ["check_rows", "discriminator_weights", "kliep_weights", "kmm_weights"]

# Widths that are tried, as factors of the inverse median of squared distances.
_FACTORS = np.logspace(-2, 2, 9)
# A kernel that is smaller than this everywhere in the source says nothing of it.
_SMALLEST = 1e-12
_WIDTH = [None, Interval(Real, 0, None, closed="neither")]
_ROWS = ["array-like", "sparse matrix"]


@validate_params(
    {
        "X_source": _ROWS,
        "X_target": _ROWS,
        "gamma": _WIDTH,
        "bound": [Interval(Real, 1, None, closed="left")],
        "eps": [None, Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def kmm_weights(
    X_source,
    X_target,
    *,
    gamma=None,
    bound=1000.0,
    eps=None,
    tol=1e-4,
    max_iter=10_000,
):
    r"""Weigh source rows by kernel mean matching.

    The weights bring the mean of the source, in the space of a Gaussian kernel, as
    close to the mean of the target as they can, after [1]_. With the kernel matrix K of
    the source and :math:`\kappa_i = \frac{n_s}{n_t} \sum_j k(x_i, x_j^t)` they minimise
    :math:`\frac12 w^T K w - \kappa^T w`.

    Parameters
    ----------
    X_source : {array-like, sparse matrix} of shape (n_source, n_features)
        The rows to weigh.

    X_target : {array-like, sparse matrix} of shape (n_target, n_features)
        Rows that are distributed as the weighted ones should be.

    gamma : float, default=None
        Of the kernel :math:`\exp(-\gamma \|x - z\|^2)`. None is the inverse of the
        median of squared distances between source and target rows.

    bound : float, default=1000.0
        The largest weight.

    eps : float, default=None
        How far the mean of the weights may be from 1. None is
        :math:`(\sqrt{n_s} - 1) / \sqrt{n_s}`, as in the paper.

    tol : float, default=1e-4
        The objective is at most this share above its minimum, which is proved by a
        bound on the difference.

    max_iter : int, default=10000
        Greatest number of gradient steps.

    Returns
    -------
    weights : ndarray of shape (n_source,)
        A weight for each row of the source, from 0 to `bound`.

    See Also
    --------
    kliep_weights : Chooses the width of the kernel by itself.
    ImportanceWeightedClassifier : Trains a classifier with the weights.

    Notes
    -----
    All pairs of source rows are held in memory. The quadratic program is solved by
    accelerated projected gradients; what stops them is the duality gap.

    References
    ----------
    .. [1] J. Huang, A. J. Smola, A. Gretton, K. M. Borgwardt and B. Schölkopf,
       "Correcting sample selection bias by unlabeled data", NeurIPS 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import kmm_weights
    >>> rng = np.random.default_rng(0)
    >>> X_source, X_target = rng.normal(0, 1, (200, 1)), rng.normal(1, 0.5, (200, 1))
    >>> weights = kmm_weights(X_source, X_target)
    >>> bool(abs(np.average(X_source[:, 0], weights=weights) - X_target.mean()) < 0.1)
    True
    """
    X_source, X_target = check_rows(X_source, X_target)
    n_rows = X_source.shape[0]
    between = euclidean_distances(X_source, X_target, squared=True)
    if gamma is None:
        gamma = _inverse_median(between)
    kappa = np.exp(-gamma * between).mean(axis=1) * n_rows
    K = np.exp(-gamma * euclidean_distances(X_source, squared=True))
    if eps is None:
        eps = 1 - 1 / np.sqrt(n_rows)
    limits = _Limits(bound, max(n_rows * (1 - eps), 0.0), n_rows * (1 + eps))
    return _solve(K, kappa, limits, tol, max_iter)


class _Limits:
    """Weights from 0 to a bound whose sum is in an interval."""

    def __init__(self, bound, least, most):
        self.bound = bound
        self.least = least
        self.most = most

    def nearest(self, w):
        """Return the nearest weights: all are shifted alike, and clipped."""
        clipped = np.clip(w, 0, self.bound)
        total = np.clip(clipped.sum(), self.least, self.most)
        if total == clipped.sum():
            return clipped
        shift = brentq(
            lambda shift: np.clip(w - shift, 0, self.bound).sum() - total,
            w.min() - self.bound,
            w.max(),
            xtol=1e-14,
        )
        return np.clip(w - shift, 0, self.bound)

    def lowest(self, slopes):
        """Return the smallest inner product with slopes that any weights have."""
        slopes = np.sort(slopes)
        total = self.bound * np.count_nonzero(slopes < 0)
        total = np.clip(total, self.least, self.most)
        before = self.bound * np.arange(len(slopes))
        return slopes @ np.clip(total - before, 0, self.bound)


def _solve(K, kappa, limits, tol, max_iter):
    """Minimise w'Kw/2 - kappa'w within limits, by gradients with momentum."""
    step = 1 / _largest_eigenvalue(K)
    w = ahead = limits.nearest(np.ones(len(K)))
    slopes = slopes_ahead = K @ w - kappa
    momentum = 1.0
    for _ in range(max_iter):
        # w'Kw/2 - kappa'w, without another product.
        objective = w @ (slopes - kappa) / 2
        if slopes @ w - limits.lowest(slopes) <= tol * abs(objective):
            return w
        new = limits.nearest(ahead - step * slopes_ahead)
        if slopes_ahead @ (new - w) > 0:
            # The momentum leads uphill: start anew from here.
            momentum, new = 1.0, limits.nearest(w - step * slopes)
        new_slopes = K @ new - kappa
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        beta = (momentum - 1) / next_momentum
        ahead = new + beta * (new - w)
        # Slopes are linear in the weights.
        slopes_ahead = new_slopes + beta * (new_slopes - slopes)
        w, slopes, momentum = new, new_slopes, next_momentum
    warnings.warn(
        f"kmm_weights did not converge to tol={tol} in max_iter={max_iter} steps.",
        ConvergenceWarning,
        stacklevel=4,
    )
    return w


def _largest_eigenvalue(K):
    """Return it, or a little more than it."""
    if len(K) < 3:
        return np.linalg.eigvalsh(K)[-1]
    start = np.ones(len(K))
    (value,) = eigsh(K, k=1, v0=start, tol=1e-3, return_eigenvectors=False)
    return 1.01 * value


@validate_params(
    {
        "X_source": _ROWS,
        "X_target": _ROWS,
        "gamma": _WIDTH,
        "n_centers": [Interval(Integral, 1, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def kliep_weights(
    X_source, X_target, *, gamma=None, n_centers=100, cv=5, random_state=None
):
    r"""Weigh source rows by the Kullback-Leibler importance estimation procedure.

    The ratio of the target's density to the source's is modelled as a sum of Gaussian
    kernels around target rows with factors that are not negative. The factors are those
    of the largest likelihood of the target, where the mean weight of the source is 1,
    after [1]_.

    Parameters
    ----------
    X_source : {array-like, sparse matrix} of shape (n_source, n_features)
        The rows to weigh.

    X_target : {array-like, sparse matrix} of shape (n_target, n_features)
        Rows that are distributed as the weighted ones should be.

    gamma : float, default=None
        Of the kernel :math:`\exp(-\gamma \|x - z\|^2)`. None chooses among nine values
        around the inverse of the median of squared distances: the one of the largest
        likelihood of target rows that were held out.

    n_centers : int, default=100
        Number of target rows, drawn at random, that kernels are put around.

    cv : int, default=5
        Number of folds by which `gamma` is chosen.

    random_state : int, RandomState instance, default=None
        Draws the centers and the folds.

    Returns
    -------
    weights : ndarray of shape (n_source,)
        A weight for each row of the source; their mean is 1.

    Raises
    ------
    ValueError
        If the kernels reach from no target row to any source row.

    See Also
    --------
    kmm_weights : Matches means in the space of a kernel.
    discriminator_weights : Needs no kernel.

    References
    ----------
    .. [1] M. Sugiyama, S. Nakajima, H. Kashima, P. von Bünau and M. Kawanabe, "Direct
       importance estimation with model selection and its application to covariate
       shift adaptation", NeurIPS 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import kliep_weights
    >>> rng = np.random.default_rng(0)
    >>> X_source, X_target = rng.normal(0, 1, (200, 1)), rng.normal(1, 0.5, (200, 1))
    >>> weights = kliep_weights(X_source, X_target, random_state=0)
    >>> bool(abs(np.average(X_source[:, 0], weights=weights) - X_target.mean()) < 0.1)
    True
    """
    X_source, X_target = check_rows(X_source, X_target)
    random_state = check_random_state(random_state)
    n_target = X_target.shape[0]
    n_centers = min(n_centers, n_target)
    centers = X_target[random_state.choice(n_target, n_centers, replace=False)]
    of_source = euclidean_distances(X_source, centers, squared=True)
    of_target = euclidean_distances(X_target, centers, squared=True)
    if gamma is None:
        folds = []
        if n_target > 1:
            folds = KFold(min(cv, n_target), shuffle=True, random_state=random_state)
            folds = list(folds.split(X_target))
        gamma = _best_gamma(of_source, of_target, folds)
    kernel, ratios = _kernels(of_source, of_target, gamma)
    if not kernel.size:
        raise ValueError(
            f"gamma of kliep_weights must be smaller: with {gamma} the kernels around "
            f"target rows are 0 at all source rows."
        )
    return kernel @ _likeliest(ratios)


def _kernels(of_source, of_target, gamma):
    """Return kernels from source and target to centers; the source's have mean 1.

    Centers that no source row is near can have no factor, and are left out.
    """
    kernel, ratios = np.exp(-gamma * of_source), np.exp(-gamma * of_target)
    means = kernel.mean(axis=0)
    near = means > _SMALLEST
    return kernel[:, near] / means[near], ratios[:, near] / means[near]


def _likeliest(ratios, tol=1e-12):
    """Return factors of sum 1 with the largest mean logarithm of ratios times factors.

    Without the constraint the sum is subtracted from that mean, and the best sum is 1.
    The search ends when a step gains less than the share `tol`.
    """
    # Rows that no kernel reaches are the same for all factors.
    ratios = ratios[ratios.any(axis=1)]
    tiny = np.finfo(np.float64).tiny

    def loss(factors):
        values = np.maximum(ratios @ factors, tiny)
        slopes = 1 - (1 / values) @ ratios / len(values)
        return factors.sum() - np.log(values).mean(), slopes

    n_factors = ratios.shape[1]
    factors = minimize(
        loss,
        np.full(n_factors, 1 / n_factors),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * n_factors,
        options={"maxiter": 5000, "maxfun": 10_000, "ftol": tol, "gtol": 1e-7},
    ).x
    return factors / factors.sum()


def _best_gamma(of_source, of_target, folds):
    """Return the width that gives target rows that were held out the largest weights.

    Without folds it is the inverse of the median.
    """
    gammas = _FACTORS * _inverse_median(of_source)
    scores = []
    for gamma in gammas if folds else []:
        _, ratios = _kernels(of_source, of_target, gamma)
        if not ratios.size:
            scores.append(-np.inf)
            continue
        fits = [(test, _likeliest(ratios[train], tol=1e-5)) for train, test in folds]
        logs = [
            np.log(np.maximum(ratios[test] @ factors, _SMALLEST))
            for test, factors in fits
        ]
        scores.append(np.concatenate(logs).mean())
    return gammas[np.argmax(scores)] if folds else gammas[len(gammas) // 2]


@validate_params(
    {
        "X_source": _ROWS,
        "X_target": _ROWS,
        "estimator": [None, HasMethods(["fit", "predict_proba"])],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def discriminator_weights(
    X_source, X_target, *, estimator=None, cv=5, random_state=None
):
    r"""Weigh source rows by the odds that they are of the target.

    A classifier learns to tell the domains apart. The density ratio is
    :math:`\frac{n_s}{n_t} \frac{p(t | x)}{p(s | x)}`, after [1]_. The probability of a
    row is that of a classifier that was not trained on it, so that the weights of a
    classifier that overfits are not extreme.

    Parameters
    ----------
    X_source : {array-like, sparse matrix} of shape (n_source, n_features)
        The rows to weigh.

    X_target : {array-like, sparse matrix} of shape (n_target, n_features)
        Rows that are distributed as the weighted ones should be.

    estimator : estimator, default=None
        A classifier with ``predict_proba``. None is a logistic regression on
        standardised features.

    cv : int, default=5
        Number of folds; no more than the rows of the smaller domain are used.

    random_state : int, RandomState instance, default=None
        Draws the folds.

    Returns
    -------
    weights : ndarray of shape (n_source,)
        A weight for each row of the source. Their mean is about 1.

    Raises
    ------
    ValueError
        If a domain has less than two rows.

    See Also
    --------
    kmm_weights : Matches means in the space of a kernel.
    kliep_weights : Models the ratio by kernels.

    References
    ----------
    .. [1] S. Bickel, M. Brückner and T. Scheffer, "Discriminative learning under
       covariate shift", Journal of Machine Learning Research 10, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import discriminator_weights
    >>> rng = np.random.default_rng(0)
    >>> X_source, X_target = rng.normal(0, 1, (200, 1)), rng.normal(1, 1, (200, 1))
    >>> weights = discriminator_weights(X_source, X_target, random_state=0)
    >>> bool(weights[X_source[:, 0] > 1].min() > weights[X_source[:, 0] < 0].max())
    True
    """
    X_source, X_target = check_rows(X_source, X_target)
    n_source, n_target = X_source.shape[0], X_target.shape[0]
    smaller = min(n_source, n_target)
    if smaller < 2:
        raise ValueError(
            f"discriminator_weights expects at least 2 rows of each domain, got "
            f"{n_source} of the source and {n_target} of the target."
        )
    stack = sp.vstack if sp.issparse(X_source) else np.vstack
    if estimator is None:
        scaler = StandardScaler(with_mean=not sp.issparse(X_source))
        estimator = make_pipeline(scaler, LogisticRegression(max_iter=1000))
    probabilities = cross_val_predict(
        clone(estimator),
        stack([X_source, X_target]),
        np.repeat([0, 1], [n_source, n_target]),
        cv=StratifiedKFold(min(cv, smaller), shuffle=True, random_state=random_state),
        method="predict_proba",
    )[:n_source]
    of_source = np.maximum(probabilities[:, 0], _SMALLEST)
    return probabilities[:, 1] / of_source * (n_source / n_target)


def check_rows(X_source, X_target):
    """Check rows of both domains.

    Parameters
    ----------
    X_source : {array-like, sparse matrix} of shape (n_source, n_features)
        Rows of the source.
    X_target : {array-like, sparse matrix} of shape (n_target, n_features)
        Rows of the target.

    Returns
    -------
    X_source : {ndarray, csr} of shape (n_source, n_features), dtype float64
        Rows of the source.
    X_target : {ndarray, csr} of shape (n_target, n_features), dtype float64
        Rows of the target, dense or sparse as those of the source.
    """
    X_source = check_array(
        X_source, accept_sparse="csr", dtype=np.float64, input_name="X_source"
    )
    X_target = check_array(
        X_target, accept_sparse="csr", dtype=np.float64, input_name="X_target"
    )
    if X_source.shape[1] != X_target.shape[1]:
        raise ValueError(
            f"X_target must have the {X_source.shape[1]} features of X_source, got "
            f"{X_target.shape[1]}."
        )
    if sp.issparse(X_source) != sp.issparse(X_target):
        X_source, X_target = sp.csr_array(X_source), sp.csr_array(X_target)
    return X_source, X_target


def _inverse_median(squared_distances):
    """Return 1 divided by the median, or 1 if that is 0."""
    median = np.median(squared_distances)
    return 1 / median if median > 0 else 1.0
