"""Checks that any estimator can be put through.

They go beyond those of :mod:`sklearn.utils.estimator_checks`: what is learned survives
pickle, joblib and skops, comes back bit by bit from a seed, does not depend on how the
input lies in memory, and works inside scikit-learn's meta-estimators.
"""

from sklearn_dl.testing._callbacks import check_callbacks
from sklearn_dl.testing._composition import check_meta_estimators
from sklearn_dl.testing._inputs import (
    check_input_unchanged_and_layouts,
    check_set_output_pandas,
)
from sklearn_dl.testing._joint_fit import check_joint_fit
from sklearn_dl.testing._persistence import (
    check_clone,
    check_joblib,
    check_pickle,
    check_skops,
)
from sklearn_dl.testing._reproducibility import check_global_state, check_reproducible
from sklearn_dl.testing._routing import check_metadata_routing
from sklearn_dl.testing._suite import all_checks, check_estimator

__all__ = [
    "all_checks",
    "check_callbacks",
    "check_clone",
    "check_estimator",
    "check_global_state",
    "check_input_unchanged_and_layouts",
    "check_joblib",
    "check_joint_fit",
    "check_meta_estimators",
    "check_metadata_routing",
    "check_pickle",
    "check_reproducible",
    "check_set_output_pandas",
    "check_skops",
]
