"""What becomes of the estimators of a joint fit, also in threads."""

import copy
import io
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_dl.modules import WEIGHT_INITS
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor
from tests.neural_network.joint_fits import (
    TARGETS,
    X,
    assert_equal,
    assert_same_fit,
    both_ways,
    joint,
    kind_of,
    mlp,
    single,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:lbfgs failed to converge",
    "ignore:.*It is clipped",
)

# -- what becomes of the outcome

LATER = [
    {"solver": "adam", "dropout": 0.3},
    {"solver": "sgd"},
    {"solver": "sgd", "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.5},
    {"solver": "adamw", "alpha": 0.1, "dtype": "float32"},
    {"hidden_layer_sizes": (6, 5), "weight_init": sorted(WEIGHT_INITS)[0]},
]


def through_joblib(est):
    file = io.BytesIO()
    joblib.dump(est, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "copied",
    [
        lambda est: est,
        lambda est: pickle.loads(pickle.dumps(est)),
        through_joblib,
        copy.copy,
        copy.deepcopy,
    ],
    ids=["itself", "pickle", "joblib", "copy", "deepcopy"],
)
@pytest.mark.parametrize("target", ["multiclass", "several"])
@pytest.mark.parametrize("params", LATER)
def test_outcomes_can_be_trained_on(params, target, copied):
    y = TARGETS[target]
    ours, theirs = both_ways(params, target)
    ours = copied(ours)
    assert_same_fit(ours, theirs, X)
    for est in (ours, theirs):
        est.partial_fit(X, y).partial_fit(X[::2], y[::2])
    assert_same_fit(ours, theirs, X)
    for est in (ours, theirs):
        est.set_params(warm_start=True, max_iter=3).fit(X, y)
    assert_same_fit(ours, theirs, X)
    for est in (ours, theirs):
        est.set_params(warm_start=False).fit(X, y)
    assert_same_fit(ours, theirs, X)


@pytest.mark.parametrize("params", LATER)
def test_training_goes_on_at_once(params):
    """Nobody has asked for ``net_`` before."""
    for goes_on in ("partial_fit", "fit"):
        ours, theirs = both_ways(params, "regression")
        for est in (ours, theirs):
            est.set_params(warm_start=True)
            getattr(est, goes_on)(X, TARGETS["regression"])
        assert_same_fit(ours, theirs, X)


def test_a_clone_is_not_fitted():
    ours, _ = both_ways({"alpha": 0.5}, "binary")
    twin = clone(ours)
    assert not hasattr(twin, "n_iter_") and twin.alpha == 0.5
    with pytest.raises(AttributeError):
        _ = twin.net_
    assert_same_fit(twin.fit(X, TARGETS["binary"]), ours, X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_refused_fit_leaves_the_earlier_one(method):
    """Nobody has asked for ``net_`` before."""
    ours, theirs = both_ways({}, "regression")
    for est in (ours, theirs):
        with pytest.raises(ValueError, match="NaN"):
            getattr(est, method)(np.full_like(X, np.nan), TARGETS["regression"])
    assert_same_fit(ours, theirs, X)


def test_parameters_set_after_the_fit_do_not_change_it():
    ours, theirs = both_ways({"early_stopping": True}, "multiclass")
    for est in (ours, theirs):
        est.set_params(hidden_layer_sizes=(9, 9), activation="tanh", solver="lbfgs")
        est.set_params(dtype="float32", loss="focal", batch_norm=True)
    assert_same_fit(ours, theirs, X)


def test_the_history_goes_on():
    ours, _ = both_ways({}, "regression")
    assert ours.net_.history[-1]["train_loss"] == ours.loss_
    assert [row["learning_rate"] for row in ours.history_] == [0.02] * 6
    assert all(row["dur"] > 0 for row in ours.history_)
    ours.partial_fit(X, TARGETS["regression"])
    assert len(ours.history_) == 7
    assert ours.net_.lowest_losses_["train_loss"] == min(ours.loss_curve_)


def test_the_history_numbers_the_epochs():
    ours, theirs = both_ways({}, "regression")
    assert [row["epoch"] for row in theirs.history_] == [1, 2, 3, 4, 5, 6]
    assert [row["epoch"] for row in ours.history_] == [1, 2, 3, 4, 5, 6]


# -- threads and global state


@pytest.fixture
def two_threads():
    """Give torch and BLAS two threads each, so that a change can be seen."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(n_threads)


def global_state():
    blas = [
        lib["num_threads"] for lib in threadpool_info() if "blas" in lib["user_api"]
    ]
    return (
        blas,
        torch.get_default_dtype(),
        torch.get_rng_state().numpy().tobytes(),
        torch.is_grad_enabled(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
    )


JOBS = [
    {"dropout": 0.4},
    {"solver": "sgd", "early_stopping": True},
    {"batch_norm": True, "dropout": 0.4},
    {"weight_init": sorted(WEIGHT_INITS)[0], "dtype": "float32"},
    {"activation": "prelu", "dropout": 0.2},
    {"solver": "sgd", "learning_rate_init": 1e30},
    {"alpha": -1},
    {"solver": "lbfgs"},
]


@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_fits_in_threads_are_fits_alone(target, two_threads):
    est, y = mlp(kind_of(target)), TARGETS[target]
    before, n_threads = global_state(), torch.get_num_threads()

    def work(k):
        """Fit the jobs together or one by one, each worker in another order."""
        inside = torch.get_num_threads()
        order = np.roll(np.arange(len(JOBS)), k)
        jobs = [JOBS[j] for j in order]
        if k % 2:
            outcomes = [single(est, params, X, y) for params in jobs]
        else:
            outcomes = joint(est, jobs, X, y)
        assert torch.get_num_threads() == inside
        return dict(zip(order.tolist(), outcomes, strict=True))

    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(work, range(8)))
    assert global_state() == before
    assert torch.get_num_threads() == n_threads
    alone = [single(est, params, X, y) for params in JOBS]
    for outcomes in rounds:
        for j, expected in enumerate(alone):
            assert_same_fit(outcomes[j], expected, X)


def test_predictions_in_threads(two_threads):
    outcomes = joint(mlp(MLPClassifier), LATER, X, TARGETS["multiclass"])
    before, n_threads = global_state(), torch.get_num_threads()
    expected = [copy.deepcopy(outcome).predict(X) for outcome in outcomes]
    with ThreadPoolExecutor(4) as pool:
        actual = list(pool.map(lambda est: est.predict(X), outcomes * 4))
    assert_equal(actual, expected * 4)
    assert global_state() == before
    assert torch.get_num_threads() == n_threads


def test_the_net_is_made_once():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        candidates = [{"random_state": seed, "max_iter": 1} for seed in range(40)]
        outcomes = joint(mlp(MLPRegressor), candidates, X, TARGETS["regression"])
        barrier = threading.Barrier(4)

        def copied(est):
            barrier.wait()
            return pickle.loads(pickle.dumps(est)).predict(X)

        with ThreadPoolExecutor(4) as pool:
            for est in outcomes:
                expected = est.predict(X)
                for actual in list(pool.map(copied, [est] * 4)):
                    np.testing.assert_allclose(actual, expected)
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("params", JOBS)
def test_global_state_is_left_as_found(params, two_threads):
    torch.set_default_dtype(torch.float64)
    try:
        before, n_threads = global_state(), torch.get_num_threads()
        fits = mlp(MLPRegressor).fit_candidates([params] * 2, X, TARGETS["several"])
        outcomes = []
        for _, outcome in fits:
            # Also while the caller holds the generator.
            assert global_state() == before
            assert torch.get_num_threads() == n_threads
            outcomes.append(outcome)
        if not isinstance(outcomes[0], Exception):
            outcomes[0].predict(X)
            pickle.dumps(outcomes[0])
        assert global_state() == before
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_default_dtype(torch.float32)
