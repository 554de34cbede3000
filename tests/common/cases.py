"""How the common tests construct the public estimators."""

from sklearn_dl.neural_network import MLPClassifier, MLPRegressor
from sklearn_dl.utils.discovery import all_estimators

# Ways to train a network that differ in what happens to rows, weights and state. The
# rates and sizes suit the problems of scikit-learn's checks, some of which have ten
# rows, or targets in the hundreds.
NETWORKS = [
    {},
    {"solver": "lbfgs", "max_iter": 20},
    {
        "solver": "sgd",
        "learning_rate_init": 0.01,
        "learning_rate": "step",
        "max_grad_norm": 10.0,
    },
    {"early_stopping": True, "validation_fraction": 0.4},
    {"activation": "mish", "weight_init": "he_normal", "layer_norm": True},
    {"batch_norm": True},
    {"solver": "adamw", "ema_decay": 0.9, "l1_ratio": 0.5},
    {
        "hidden_layer_sizes": (),
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.05,
        "dtype": "float64",
    },
]
# Estimators that are not listed here are constructed without arguments.
ARGUMENTS = {
    "LearningRateRange": [
        {"estimator": MLPClassifier(random_state=0)},
        {"estimator": MLPRegressor(random_state=0)},
    ],
    "MLPClassifier": NETWORKS,
    "MLPRegressor": NETWORKS,
    # As many epochs as the defaults take minutes.
    "TabularMLPClassifier": [{"max_iter": 40}],
    "TabularMLPRegressor": [{"max_iter": 40}],
}

# Enough to learn something of the problem of our own checks.
_FEW_EPOCHS = 20


def construct_all():
    """Return all public estimators, each in all its configurations."""
    return [
        cls(**arguments)
        for name, cls in all_estimators()
        for arguments in ARGUMENTS.get(name, [{}])
    ]


def construct_brief():
    """Return the same, with fits that are short."""
    estimators = construct_all()
    for estimator in estimators:
        epochs = [name for name in estimator.get_params() if name.endswith("max_iter")]
        estimator.set_params(**dict.fromkeys(epochs, _FEW_EPOCHS))
        if type(estimator).__name__.startswith("TabularMLP"):
            # Steps as long as the defaults make rounding errors grow beyond the digits
            # that the checks ask for.
            estimator.set_params(learning_rate_init=0.01)
    return estimators
