"""The private parts of scikit-learn that this library relies on.

They are imported here and nowhere else, so that one file says what can break when
scikit-learn changes inside.
"""

# Losses with their links and their best constants.
from sklearn._loss.loss import (
    AbsoluteError,
    ExponentialLoss,
    HalfBinomialLoss,
    HalfGammaLoss,
    HalfMultinomialLoss,
    HalfPoissonLoss,
    HalfSquaredError,
    HuberLoss,
    PinballLoss,
)

# The context of a public fit: parameters are validated once.
from sklearn.base import _fit_context as fit_context

# Seeds for all parts of a member of an ensemble, drawn in scikit-learn's order.
from sklearn.ensemble._base import _set_random_states as set_random_states

# Rows of an array, a sparse matrix, a data frame or a list.
from sklearn.utils._indexing import _safe_indexing as safe_indexing

# How many threads the environment, threadpoolctl and the cores of the process allow.
from sklearn.utils._openmp_helpers import (
    _openmp_effective_n_threads as openmp_effective_n_threads,
)

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

# Which columns are categories; which predictions must rise or fall with a feature.
from sklearn.utils.validation import (
    _check_categorical_features as check_categorical_features,
)

# Names of features that are handed to get_feature_names_out, checked.
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

# Fit parameters of a fold: what has a value a sample is indexed, the rest is passed on.
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import (
    _check_monotonic_cst as check_monotonic_cst,
)

# The weight of each row, checked.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "AbsoluteError",
    "ExponentialLoss",
    "HalfBinomialLoss",
    "HalfGammaLoss",
    "HalfMultinomialLoss",
    "HalfPoissonLoss",
    "HalfSquaredError",
    "HasMethods",
    "HuberLoss",
    "Interval",
    "Options",
    "PinballLoss",
    "StrOptions",
    "check_categorical_features",
    "check_feature_names_in",
    "check_matplotlib_support",
    "check_method_params",
    "check_monotonic_cst",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_context",
    "openmp_effective_n_threads",
    "safe_indexing",
    "safe_split",
    "set_random_states",
    "validate_params",
]
