"""Rows drawn by their weights, as scikit-learn's AdaBoost.R2 draws them."""

import numpy as np

from sklearn_dl.utils._kernel import kernel

__all__ = ["count_draws", "draw_uniforms"]


def draw_uniforms(random_state, n_rounds, n_rows):
    """Return the numbers by which rows are drawn in some rounds.

    Parameters
    ----------
    random_state : RandomState
        Where they come from.
    n_rounds : int
        Number of rounds.
    n_rows : int
        How many rows each round draws.

    Returns
    -------
    uniforms : ndarray of shape (n_rounds, n_rows)
        Between 0 and 1.
    """
    uniforms = np.empty((n_rounds, n_rows))
    for k in range(n_rounds):
        # The seed that scikit-learn's tree would get: the draws are the same.
        random_state.randint(np.iinfo(np.int32).max)
        uniforms[k] = random_state.random_sample(n_rows)
    return uniforms


@kernel
def count_draws(weights, uniforms):
    """Draw rows with replacement, as ``RandomState.choice`` does.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,), dtype float64
        Non-negative weights of the rows.
    uniforms : ndarray of shape (n_draws,), dtype float64
        Numbers between 0 and 1, one a draw.

    Returns
    -------
    counts : ndarray of shape (n_rows,), dtype float64
        How often each row was drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl._trees._bootstrap import count_draws
    >>> count_draws(np.array([0.5, 0.0, 0.5]), np.array([0.1, 0.5, 0.7]))
    array([1., 0., 2.])
    """
    n_rows = len(weights)
    ends = np.cumsum(weights)
    ends /= ends[-1]
    # Where the search begins, for equal parts of the numbers.
    guesses = np.empty(n_rows + 1, dtype=np.int64)
    row = 0
    for part in range(n_rows + 1):
        while row < n_rows - 1 and ends[row] * n_rows <= part:
            row += 1
        guesses[part] = row
    counts = np.zeros(n_rows)
    for uniform in uniforms:
        row = guesses[int(uniform * n_rows)]
        # Products are rounded: it may be the one before.
        while row > 0 and ends[row - 1] > uniform:
            row -= 1
        while ends[row] <= uniform:
            row += 1
        counts[row] += 1.0
    return counts
