"""How far two domains are apart."""

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state

from sklearn_dl.domain_adaptation._importance import check_rows
from sklearn_dl.domain_adaptation._scorer_base import flatten_rows
from sklearn_dl.utils._sklearn import validate_params

__all__ = ["proxy_a_distance"]

# Strong to weak penalties, from which the domain classifier takes the best.
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
# Fewer rows leave no two of each domain in a half.
_N_ROWS_AT_LEAST = 4
_ROWS = ["array-like", "sparse matrix"]


@validate_params(
    {
        "X_source": _ROWS,
        "X_target": _ROWS,
        "Cs": ["array-like"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def proxy_a_distance(X_source, X_target, *, Cs=_PENALTIES, random_state=None):
    """Return how well a linear classifier tells source from target.

    It is 2 (1 - 2 e), where e is the error of the classifier on rows that it has not
    seen: 0 if the domains cannot be told apart, 2 if always.

    Parameters
    ----------
    X_source : {array-like, sparse matrix} of shape (n_source, ...)
        Rows of the source, or features of them. Arrays of more than two dimensions are
        flattened.

    X_target : {array-like, sparse matrix} of shape (n_target, ...)
        Rows of the target.

    Cs : sequence of float, default=(0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
        Inverse strengths of the penalty, of which cross-validation inside of the
        training half chooses one.

    random_state : int, RandomState instance or None, default=None
        Determines the halves.

    Returns
    -------
    distance : float
        The distance, from 0 to 2.

    Raises
    ------
    ValueError
        If there are less than four rows in a domain, if features differ in number or
        are no finite numbers, or if `Cs` are not above 0.

    See Also
    --------
    DomainDisplay : Draws features of both domains.

    Notes
    -----
    Both domains are halved at random; a logistic regression on scaled features learns
    from one half and is tested on the other, and the other way round. The error is the
    mean of those on source and target, and rows have weights accordingly, so that the
    sizes of the domains do not matter. An error above one half is chance and counts as
    one half.

    References
    ----------
    Ben-David, Blitzer, Crammer and Pereira, "Analysis of representations for domain
    adaptation", NIPS 2006. Glorot, Bordes and Bengio, "Domain adaptation for
    large-scale sentiment classification: a deep learning approach", ICML 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.domain_adaptation import proxy_a_distance
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> proxy_a_distance(X[:100], X[100:] + 20, random_state=0)
    2.0
    >>> proxy_a_distance(X[:100], X[100:], random_state=0) < 0.5
    True
    """
    X_source, X_target = check_rows(flatten_rows(X_source), flatten_rows(X_target))
    Cs = _check_penalties(Cs)
    n_source, n_target = X_source.shape[0], X_target.shape[0]
    if min(n_source, n_target) < _N_ROWS_AT_LEAST:
        raise ValueError(
            f"proxy_a_distance expects at least {_N_ROWS_AT_LEAST} rows of each "
            f"domain, got {n_source} of the source and {n_target} of the target."
        )
    stack = sparse.vstack if sparse.issparse(X_source) else np.vstack
    rows = stack([X_source, X_target])
    is_target = np.repeat([0, 1], [n_source, n_target])
    random_state = check_random_state(random_state)

    n_inner = min(3, n_source // 2, n_target // 2)
    search = GridSearchCV(
        make_pipeline(
            StandardScaler(with_mean=not sparse.issparse(rows)),
            LogisticRegression(class_weight="balanced", max_iter=1000),
        ),
        {"logisticregression__C": Cs},
        scoring="balanced_accuracy",
        cv=_split(n_inner, random_state),
    )
    guess = cross_val_predict(search, rows, is_target, cv=_split(2, random_state))
    wrong = guess != is_target
    error = (wrong[:n_source].mean() + wrong[n_source:].mean()) / 2
    return float(2 * (1 - 2 * min(error, 0.5)))


def _check_penalties(Cs):
    Cs = check_array(Cs, dtype=np.float64, ensure_2d=False, input_name="Cs")
    if Cs.ndim != 1 or (Cs <= 0).any():
        raise ValueError(
            f"The 'Cs' parameter of proxy_a_distance must be a sequence of numbers "
            f"above 0, got {Cs.tolist()}."
        )
    return Cs


def _split(n_parts, random_state):
    seed = random_state.randint(np.iinfo(np.int32).max)
    return StratifiedKFold(n_parts, shuffle=True, random_state=seed)
