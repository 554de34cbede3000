"""The private parts of scikit-learn that this library relies on.

They are imported here and nowhere else, so that one file says what can break when
scikit-learn changes inside.
"""

# The context of a public fit: parameters are validated once.
from sklearn.base import _fit_context as fit_context

# Rows of an array, a sparse matrix, a data frame or a list.
from sklearn.utils._indexing import _safe_indexing as safe_indexing

# One sentence for whoever draws without matplotlib.
from sklearn.utils._optional_dependencies import check_matplotlib_support

# The constraints of parameters, as data; the decorator checks those of a function.
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_params,
)

# Rows of X and y for a fold; knows precomputed kernels, pandas and sparse input.
from sklearn.utils.metaestimators import _safe_split as safe_split

# The classes that the first call of partial_fit has to name.
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call as check_partial_fit_first_call,
)

# The warning of an L-BFGS that did not converge.
from sklearn.utils.optimize import _check_optimize_result as check_optimize_result

# Fit parameters of a fold: what has a value a sample is indexed, the rest is passed on.
from sklearn.utils.validation import _check_method_params as check_method_params

# The weight of each row, checked.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "check_matplotlib_support",
    "check_method_params",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_context",
    "safe_indexing",
    "safe_split",
    "validate_params",
]
