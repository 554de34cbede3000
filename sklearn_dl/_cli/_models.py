"""The kinds of models that are compared, each a search around a pipeline."""

from typing import Any

import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl._cli._preparation import make_preparation
from sklearn_dl.model_selection import RandomizedSearchCV

# Above this one held-out part says as much about a candidate as three folds.
_MANY_ROWS = 10_000


def make_models(
    names: list[str],
    X: pd.DataFrame,
    y: pd.Series,
    *,
    task: str,
    n_candidates: int,
    seed: int,
    scoring: str,
) -> dict[str, RandomizedSearchCV]:
    """Build the searches to compare.

    Parameters
    ----------
    names : list of str
        Kinds of models.

    X : DataFrame
        Cleaned columns.

    y : Series
        The target.

    task : {"classification", "regression"}
        What the target is.

    n_candidates : int
        Parameters tried in each search.

    seed : int
        Seed of models and searches.

    scoring : str
        The metric that a search maximises.

    Returns
    -------
    models : dict of str to RandomizedSearchCV
        Searches by the name of the kind.
    """
    classification = task == "classification"
    target_type = "continuous"
    if classification:
        target_type = "binary" if y.nunique() == 2 else "multiclass"
    models = {}
    for name in names:
        model, kind, space = _KINDS[name](classification, seed, len(X))
        pipeline = Pipeline(
            [
                (
                    "prepare",
                    make_preparation(X, target_type=target_type, seed=seed, kind=kind),
                ),
                ("model", model),
            ]
        )
        models[name] = RandomizedSearchCV(
            pipeline,
            {f"model__{parameter}": values for parameter, values in space.items()},
            n_iter=n_candidates,
            cv=_inner_folds(classification, len(X), seed),
            scoring=scoring,
            random_state=seed,
        )
    return models


def _inner_folds(classification: bool, n_samples: int, seed: int) -> Any:
    if n_samples > _MANY_ROWS:
        splitter = StratifiedShuffleSplit if classification else ShuffleSplit
        return splitter(n_splits=1, test_size=0.2, random_state=seed)
    folds = StratifiedKFold if classification else KFold
    return folds(n_splits=3, shuffle=True, random_state=seed)


def _linear(classification: bool, seed: int, n_samples: int) -> tuple:
    if classification:
        model = LogisticRegression(max_iter=1000)
        return model, "scaled", {"C": loguniform(1e-3, 1e2)}
    return Ridge(), "scaled", {"alpha": loguniform(1e-2, 1e3)}


def _forest(classification: bool, seed: int, n_samples: int) -> tuple:
    forest = RandomForestClassifier if classification else RandomForestRegressor
    space = {"max_features": ["sqrt", 0.3, 0.6], "min_samples_leaf": randint(1, 6)}
    return forest(n_estimators=100, random_state=seed), "trees", space


def _boosting(classification: bool, seed: int, n_samples: int) -> tuple:
    if classification:
        boosting = HistGradientBoostingClassifier
    else:
        boosting = HistGradientBoostingRegressor
    space = {
        "learning_rate": loguniform(0.03, 0.3),
        "max_leaf_nodes": randint(4, 32),
        "l2_regularization": loguniform(1e-3, 10),
    }
    return boosting(random_state=seed), "native", space


def _network(classification: bool, seed: int, n_samples: int) -> tuple:
    from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

    network = MLPClassifier if classification else MLPRegressor
    # A held-out part costs small data dearly.
    model = network(early_stopping=n_samples >= 2000, random_state=seed)
    space = {
        "hidden_layer_sizes": [(32,), (100,), (64, 64)],
        "alpha": loguniform(1e-5, 1e-1),
        "learning_rate_init": loguniform(5e-4, 1e-2),
    }
    return _scale_target(model, space, classification)


def _tabular(classification: bool, seed: int, n_samples: int) -> tuple:
    from sklearn_dl.neural_network import TabularMLPClassifier, TabularMLPRegressor

    network = TabularMLPClassifier if classification else TabularMLPRegressor
    # A quarter of the default epochs: a search fits it dozens of times.
    model = network(max_iter=64, dtype="float32", random_state=seed)
    space = {
        "learning_rate_init": loguniform(0.01, 0.1),
        "dropout": [0.0, 0.05, 0.15],
        "hidden_layer_sizes": [(128, 128), (256, 256, 256)],
    }
    return model, "native", space


def _scale_target(model: Any, space: dict, classification: bool) -> tuple:
    """Let a network learn a target of any unit."""
    if classification:
        return model, "scaled", space
    wrapped = TransformedTargetRegressor(model, transformer=StandardScaler())
    space = {f"regressor__{name}": values for name, values in space.items()}
    return wrapped, "scaled", space


_KINDS = {
    "linear": _linear,
    "forest": _forest,
    "boosting": _boosting,
    "network": _network,
    "tabular": _tabular,
}
