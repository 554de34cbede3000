"""Searches on more than one machine: joblib's backends of Dask and Ray."""

import os
import warnings

import joblib
import numpy as np
import pytest
from joblib.pool import PicklingPool
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.boosting import GradientBoostingClassifier
from sklearn_dl.model_selection import GridSearchCV
from sklearn_dl.neural_network import MLPClassifier

pytestmark = [
    pytest.mark.slow,
    # The clusters' own, on their way out.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

NETWORK = Pipeline(
    [
        ("scale", StandardScaler()),
        ("net", MLPClassifier((8,), learning_rate="cosine", max_iter=10)),
    ]
)
SEARCHES = {
    "networks": (
        NETWORK,
        {"net__alpha": np.logspace(-4, 0, 20), "net__random_state": [0]},
    ),
    "boosters": (
        GradientBoostingClassifier(random_state=0),
        {"max_iter": [5, 10, 20], "learning_rate": [0.1, 0.3]},
    ),
    "one by one": (LogisticRegression(max_iter=1000), {"C": [0.1, 1.0, 10.0]}),
}


def score_and_process(estimator, X, y):
    """Return the accuracy, and the process that it was computed in."""
    return {"accuracy": estimator.score(X, y), "process": os.getpid()}


@pytest.fixture(scope="module")
def dask_cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield {"backend": "dask", "client": client}


@pytest.fixture(scope="module")
def ray_cluster():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        # Ray puts a `print` of its own among the builtins, by which skorch takes its
        # own for a user's and prints what it should not.
        patch.setenv("RAY_TQDM_PATCH_PRINT", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        register_ray()
        bases = PicklingPool.__bases__
        yield {"backend": "ray"}
        ray.shutdown()
    # Ray makes its pool the parent of joblib's, by which joblib's backend
    # 'multiprocessing' would start Ray again.
    PicklingPool.__bases__ = bases


@pytest.mark.parametrize("cluster", ["dask_cluster", "ray_cluster"])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_cluster_finds_what_one_machine_finds(cluster, name, request):
    config = request.getfixturevalue(cluster)
    X, y = load_iris(return_X_y=True)
    estimator, grid = SEARCHES[name]
    options = {"scoring": score_and_process, "refit": "accuracy", "cv": 4}
    alone = SklearnGridSearchCV(estimator, grid, **options).fit(X, y)
    search = GridSearchCV(estimator, grid, n_jobs=2, **options)
    with joblib.parallel_config(**config):
        search.fit(X, y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_accuracy"],
        alone.cv_results_["mean_test_accuracy"],
        rtol=0,
        atol=1e-12,
    )
    assert search.best_index_ == alone.best_index_
    assert (search.joint_groups_[0]["how"] == "one by one") == (name == "one by one")
    columns = [key for key in search.cv_results_ if key.endswith("test_process")]
    processes = {
        process
        for key in columns
        if key.startswith("split")
        for process in search.cv_results_[key]
    }
    assert len(processes) == 2
    assert os.getpid() not in processes
