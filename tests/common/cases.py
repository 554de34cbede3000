"""How the common tests construct the public estimators."""

from copy import deepcopy

import torch
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import get_tags
from torch import nn

from sklearn_dl._skorch import isolated_generators
from sklearn_dl.domain_adaptation import DANNClassifier, DANNRegressor
from sklearn_dl.embedding import Word2Vec
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor
from sklearn_dl.utils.discovery import all_estimators


class Trained(nn.Sequential):
    """A network for rows of any number of features, as if it had been trained.

    Its state is arrays: skops takes no tensors, and pickles of tensors are never the
    same twice, by which the checks would see a parameter that was changed.
    """

    def __init__(self):
        with isolated_generators(torch.device("cpu"), torch.Generator().manual_seed(0)):
            super().__init__(
                nn.Unflatten(1, (1, -1)),
                nn.Conv1d(1, 8, 3, padding=1),
                nn.Tanh(),
                nn.AdaptiveAvgPool1d(8),
                nn.Flatten(),
                nn.Linear(64, 16),
                nn.Tanh(),
                nn.Linear(16, 2),
            )

    def __getstate__(self):
        return {name: value.numpy() for name, value in self.state_dict().items()}

    def __setstate__(self, state):
        self.__init__()
        self.load_state_dict({n: torch.tensor(array) for n, array in state.items()})

    def __deepcopy__(self, memo):
        copy = Trained.__new__(Trained)
        copy.__dict__ = deepcopy(self.__dict__, memo)
        return copy


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
# Convolutional networks, for rows that are signals of a few values, in few epochs.
CONVOLUTIONS = [
    {"learning_rate_init": 0.01, "max_iter": 40},
    {
        "architecture": [
            {"layer": "conv", "filters": 8, "kernel_size": 3, "activation": "tanh"},
            "flatten",
            {"layer": "dense", "units": 16},
        ],
        "solver": "adamw",
        "learning_rate": "cosine",
        "learning_rate_init": 0.02,
        "standardize": False,
        "max_iter": 40,
    },
    {
        "architecture": [
            {"layer": "conv", "filters": 16, "kernel_size": 3, "batch_norm": True},
            "flatten",
        ],
        "early_stopping": True,
        "validation_fraction": 0.4,
        "learning_rate_init": 0.03,
        "max_iter": 40,
    },
]
# Recurrent networks, for rows that are sequences of a few numbers.
RECURRENCES = [
    {"learning_rate_init": 0.01, "max_iter": 40},
    {
        "cell": "lstm",
        "bidirectional": True,
        "pooling": "attention",
        "hidden_size": 16,
        "learning_rate_init": 0.01,
        "max_iter": 40,
    },
    {
        "cell": "rnn",
        "pooling": "max",
        "n_layers": 2,
        "truncation": 3,
        "early_stopping": True,
        "validation_fraction": 0.4,
        "learning_rate_init": 0.02,
        "max_iter": 40,
    },
]
# Networks that adapt. Without a target, as here, they are plain networks.
ADAPTERS = [{"learning_rate_init": 0.05}]
# Boosting of regression with old data; without any, as here, it is AdaBoost.
TRANSFERS = [
    {"bootstrap": False},
    {},
    {"loss": "square", "max_depth": 1, "max_bins": 16},
]
# Ways to boost trees that differ in the same.
BOOSTERS = [
    {},
    {"early_stopping": True, "validation_fraction": 0.4, "max_iter": 10},
    {"subsample": 0.5, "max_features": 0.5, "min_samples_leaf": 2, "max_iter": 10},
    {
        "max_leaf_nodes": 4,
        "max_bins": 16,
        "min_samples_leaf": 1,
        "l1_regularization": 0.01,
        "l2_regularization": 0.1,
        "min_split_gain": 1e-3,
        "max_iter": 10,
    },
]
# Ways to go on from a trained network.
TUNERS = [
    {"estimator": Trained(), "learning_rate_init": 0.02},
    {"estimator": Trained(), "learning_rate_init": 0.02, "freeze": "none"},
    {
        "estimator": Trained(),
        "learning_rate_init": 0.02,
        "learning_rate": "cosine",
        "unfreeze_every": 10,
        "max_iter": 40,
    },
]
# Halving over rows does not suit problems of ten of them.
OVER_EPOCHS = {
    "resource": "max_iter",
    "min_resources": 10,
    "max_resources": 20,
    "factor": 2,
    "cv": 2,
    "error_score": "raise",
}
# Estimators that are not listed here are constructed without arguments.
ARGUMENTS = {
    "AdaBoostClassifier": [
        {},
        {"max_depth": 2, "max_bins": 16, "class_weight": "balanced"},
        {"criterion": "error", "n_estimators": 20},
        {"n_iter_no_change": 5, "validation_fraction": 0.4, "store_weights": True},
        {"estimator": GaussianNB(), "learning_rate": 0.5, "n_estimators": 5},
    ],
    "AdaBoostRegressor": [
        # Without draws, rows of weight 2 are two rows.
        {"bootstrap": False},
        {},
        {"loss": "square", "max_depth": 1, "max_bins": 16},
        {"n_iter_no_change": 5, "validation_fraction": 0.4, "store_weights": True},
        {"estimator": Ridge(), "loss": "exponential", "n_estimators": 5},
    ],
    "CDANClassifier": ADAPTERS,
    "CORAL": [{}, {"reg": 0.0}],
    # Rows of any number of pixels are images one pixel high. Two pixels have no more
    # than a sign when they are standardised.
    "CNNClassifier": CONVOLUTIONS,
    "CNNRegressor": CONVOLUTIONS,
    "CascadeClassifier": [{"input_shape": (1, -1), "normalize": False}],
    "CooccurrenceSVD": [{"n_components": 3, "min_count": 1}],
    "DANClassifier": ADAPTERS,
    "DANNClassifier": [
        *ADAPTERS,
        {
            "body": MLPClassifier((16,), activation="tanh"),
            "solver": "adam",
            "learning_rate": "cosine",
            "max_grad_norm": 1.0,
        },
        {"batch_norm": True, "dropout": 0.1, "learning_rate_init": 0.02},
    ],
    "DANNTransformer": [
        {},
        {"estimator": DANNRegressor((8,), max_iter=20, random_state=0)},
        {"estimator": DANNClassifier((8,), max_iter=20), "random_state": 0},
    ],
    "DDCClassifier": ADAPTERS,
    "DebiasedEmbedding": [
        {
            "embedding": Word2Vec(4, min_count=1, max_iter=1, random_state=0),
            "definitional_pairs": [("cat", "dog")],
        },
    ],
    "DeepCORALClassifier": ADAPTERS,
    "DomainSelector": [
        {"estimator": LogisticRegression()},
        {"estimator": Ridge(), "train_on": "target"},
        {"estimator": LogisticRegression(), "train_on": "both"},
    ],
    "FineTuner": TUNERS,
    "FineTuningRegressor": TUNERS,
    "GeodesicFlowKernel": [{}, {"n_components": 1}],
    "GloVe": [{"n_components": 4, "min_count": 1, "max_iter": 2}],
    "GradientBoostingClassifier": [
        *BOOSTERS,
        {"max_depth": 2, "min_samples_leaf": 1, "max_iter": 10},
    ],
    "GradientBoostingRegressor": [
        *BOOSTERS,
        {"loss": "absolute_error", "min_samples_leaf": 1, "max_iter": 10},
        {"loss": "huber", "min_samples_leaf": 1, "max_iter": 10},
        {"loss": "quantile", "quantile": 0.4, "min_samples_leaf": 1, "max_iter": 10},
    ],
    # One that joins, and one that does not. Searches say of themselves that they
    # refuse what is not a number, and so their estimators are such as do.
    "GridSearchCV": [
        {
            "estimator": MLPRegressor(random_state=0),
            "param_grid": {"learning_rate_init": [1e-3, 1e-2], "alpha": [0.0, 0.1]},
            "error_score": "raise",
        },
        {
            "estimator": BayesianRidge(),
            "param_grid": {"lambda_init": [0.1, 1.0]},
            "cv": 2,
            "error_score": "raise",
        },
    ],
    "HaarFeatures": [{"input_shape": (1, -1)}],
    "HalvingGridSearchCV": [
        {
            "estimator": MLPRegressor(random_state=0),
            "param_grid": {"learning_rate_init": [1e-3, 1e-2]},
            **OVER_EPOCHS,
        },
    ],
    "HalvingRandomSearchCV": [
        {
            "estimator": MLPRegressor(random_state=0),
            "param_distributions": {"learning_rate_init": [1e-3, 1e-2]},
            "n_candidates": 2,
            **OVER_EPOCHS,
        },
    ],
    "ImportanceWeightedClassifier": [{"estimator": LogisticRegression()}],
    "ImportanceWeightedRegressor": [{"estimator": Ridge(), "method": "kmm"}],
    "LearningRateRange": [
        {"estimator": MLPClassifier(random_state=0)},
        {"estimator": MLPRegressor(random_state=0)},
    ],
    "MCDClassifier": ADAPTERS,
    "MLPClassifier": NETWORKS,
    "MLPRegressor": NETWORKS,
    "NetTransformer": [
        {"estimator": MLPClassifier(random_state=0)},
        {
            "estimator": MLPRegressor(hidden_layer_sizes=(8, 4), random_state=0),
            "layer": "dense.0",
        },
    ],
    "NeuralLanguageEmbedding": [{"n_components": 4, "min_count": 1, "max_iter": 2}],
    "OneHotWords": [{"min_count": 1}],
    "RNNClassifier": RECURRENCES,
    # The last state knows the places of the numbers best, which these problems are of.
    "RNNRegressor": [{**case, "pooling": "last"} for case in RECURRENCES],
    "RandomizedSearchCV": [
        {
            "estimator": MLPRegressor(random_state=0),
            "param_distributions": {"learning_rate_init": [1e-3, 1e-2]},
            "n_iter": 2,
            "cv": 2,
            "error_score": "raise",
        },
    ],
    "SubspaceAlignment": [{}, {"n_components": 1}],
    # As many epochs as the defaults take minutes.
    "TabularMLPClassifier": [{"max_iter": 40}],
    "TabularMLPRegressor": [{"max_iter": 40}],
    "TrAdaBoostClassifier": [
        {},
        {"max_depth": 3, "criterion": "error"},
        {
            "estimator": GaussianNB(),
            "init": "uniform",
            "dynamic": False,
            "n_estimators": 5,
        },
    ],
    "TrAdaBoostRegressor": TRANSFERS,
    "TransferComponentAnalysis": [
        {},
        {"n_components": 2, "kernel": "rbf", "gamma": 0.1},
    ],
    "TwoStageTrAdaBoostRegressor": TRANSFERS,
    "Word2Vec": [
        {"n_components": 4, "min_count": 1},
        {"n_components": 4, "min_count": 1, "unknown": "subwords", "output": "sif"},
        {"n_components": 4, "min_count": 1, "output": "sequence", "max_length": 5},
    ],
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


def takes_tables(estimator):
    """Return whether the checks of scikit-learn have data for an estimator.

    They have no texts, and no sequences of labels, which are a tagger's targets.
    """
    return get_tags(estimator).input_tags.two_d_array


def takes_texts(estimator):
    """Return whether rows are texts, and not sentences to be tagged."""
    is_transformer = hasattr(estimator, "fit_transform")
    return is_transformer and get_tags(estimator).input_tags.string


def construct_brief():
    """Return those that the checks have data for, with fits that are short."""
    estimators = list(filter(takes_tables, construct_all()))
    for estimator in estimators:
        epochs = [name for name in estimator.get_params() if name.endswith("max_iter")]
        estimator.set_params(**dict.fromkeys(epochs, _FEW_EPOCHS))
        if type(estimator).__name__.startswith("TabularMLP"):
            # Steps as long as the defaults make rounding errors grow beyond the digits
            # that the checks ask for.
            estimator.set_params(learning_rate_init=0.01)
    return estimators
