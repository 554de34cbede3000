"""Gradient boosters of equal settings: ours and the peers."""

from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import ensemble
from xgboost import XGBClassifier, XGBRegressor

from sklearn_dl import boosting

OURS, LIGHTGBM, XGBOOST = "sklearn_dl", "LightGBM", "XGBoost"
HIST, EXACT = "HistGradientBoosting", "GradientBoosting"
# What a bar of "the fastest of the three" speaks of.
PEERS = (LIGHTGBM, HIST, XGBOOST)

TREES, LEAVES, RATE, MIN_ROWS, BINS = 100, 31, 0.1, 20, 255

# The leaves of a tree, as each library calls them.
LEAVES_NAMES = {
    OURS: "max_leaf_nodes",
    LIGHTGBM: "num_leaves",
    HIST: "max_leaf_nodes",
    XGBOOST: "max_leaves",
}


def _histogram(package, prefix, regression):
    """Ours or scikit-learn's: the parameters have the same names."""
    kind = "Regressor" if regression else "Classifier"
    return getattr(package, f"{prefix}{kind}")(
        learning_rate=RATE,
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=MIN_ROWS,
        l2_regularization=0.0,
        max_bins=BINS,
        early_stopping=False,
        random_state=0,
    )


def _lightgbm(regression, n_threads):
    # What remains different: the Hessian of ten classes is 10/9 as large, and
    # categories have a smoothing of their own.
    model = LGBMRegressor if regression else LGBMClassifier
    return model(
        learning_rate=RATE,
        n_estimators=TREES,
        num_leaves=LEAVES,
        max_depth=-1,
        min_child_samples=MIN_ROWS,
        # scikit-learn's minimum of the Hessians, which is not a parameter there.
        min_child_weight=1e-3,
        reg_lambda=0.0,
        max_bin=BINS,
        # The default puts three values in one bin, where all others keep them apart.
        min_data_in_bin=1,
        n_jobs=n_threads,
        verbosity=-1,
        random_state=0,
    )


def _xgboost(regression, n_threads):
    # There is no minimum of rows. For the squared error the sum of the Hessians is
    # their number; for log loss it is the sum of p (1 - p), at most a quarter of the
    # rows, and the default of 1 is as near as one comes.
    model = XGBRegressor if regression else XGBClassifier
    return model(
        learning_rate=RATE,
        n_estimators=TREES,
        tree_method="hist",
        grow_policy="lossguide",
        max_leaves=LEAVES,
        max_depth=0,
        min_child_weight=MIN_ROWS if regression else 1,
        reg_lambda=0.0,
        max_bin=BINS,
        n_jobs=n_threads,
        enable_categorical=True,
        verbosity=0,
        random_state=0,
    )


def _exact(regression):
    kind = "Regressor" if regression else "Classifier"
    return getattr(ensemble, f"GradientBoosting{kind}")(
        learning_rate=RATE,
        n_estimators=TREES,
        max_leaf_nodes=LEAVES,
        max_depth=None,
        min_samples_leaf=MIN_ROWS,
        random_state=0,
    )


def make_boosters(regression, n_threads, exact=False):
    """Return {name: estimator}; `exact` adds scikit-learn's booster without bins.

    Ours and scikit-learn's take their number of threads from the environment.
    """
    boosters = {
        OURS: _histogram(boosting, "GradientBoosting", regression),
        LIGHTGBM: _lightgbm(regression, n_threads),
        HIST: _histogram(ensemble, "HistGradientBoosting", regression),
        XGBOOST: _xgboost(regression, n_threads),
    }
    if exact:
        boosters[EXACT] = _exact(regression)
    return boosters
