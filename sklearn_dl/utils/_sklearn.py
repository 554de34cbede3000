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

# What a scoring becomes: the estimator's own score, or several scores at once.
# Scorers of a metric know nothing of an estimator but its predictions.
from sklearn.metrics._scorer import _MultimetricScorer as MultimetricScorer
from sklearn.metrics._scorer import _PassthroughScorer as PassthroughScorer
from sklearn.metrics._scorer import _Scorer as Scorer

# What the searches have in common. The halving ones are taken from their own module:
# the switch that makes them public changes `sklearn.model_selection` for everyone.
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._search_successive_halving import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
)

# One candidate on one fold, and what becomes of the results.
from sklearn.model_selection._validation import (
    _aggregate_score_dicts as aggregate_score_dicts,
)
from sklearn.model_selection._validation import _fit_and_score as fit_and_score
from sklearn.model_selection._validation import (
    _insert_error_scores as insert_error_scores,
)
from sklearn.model_selection._validation import (
    _normalize_score_results as normalize_score_results,
)
from sklearn.model_selection._validation import _score as score_estimator
from sklearn.model_selection._validation import (
    _warn_or_raise_about_fit_failures as warn_or_raise_about_fit_failures,
)

# How a pipeline fits and applies one of its steps.
from sklearn.pipeline import _fit_transform_one as fit_transform_one

# Rows of an array, a sparse matrix, a data frame or a list.
from sklearn.utils._indexing import _safe_indexing as safe_indexing

# What asks for metadata without being an estimator.
from sklearn.utils._metadata_requests import _MetadataRequester as MetadataRequester

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
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
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

# The number of rows of an array, a sparse matrix, a data frame or a list.
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "AbsoluteError",
    "BaseSearchCV",
    "ExponentialLoss",
    "HalfBinomialLoss",
    "HalfGammaLoss",
    "HalfMultinomialLoss",
    "HalfPoissonLoss",
    "HalfSquaredError",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "HasMethods",
    "HuberLoss",
    "Interval",
    "InvalidParameterError",
    "MetadataRequester",
    "MultimetricScorer",
    "Options",
    "PassthroughScorer",
    "PinballLoss",
    "Scorer",
    "StrOptions",
    "aggregate_score_dicts",
    "check_categorical_features",
    "check_feature_names_in",
    "check_matplotlib_support",
    "check_method_params",
    "check_monotonic_cst",
    "check_optimize_result",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_and_score",
    "fit_context",
    "fit_transform_one",
    "insert_error_scores",
    "normalize_score_results",
    "num_samples",
    "openmp_effective_n_threads",
    "safe_indexing",
    "safe_split",
    "score_estimator",
    "set_random_states",
    "validate_parameter_constraints",
    "validate_params",
    "warn_or_raise_about_fit_failures",
]
