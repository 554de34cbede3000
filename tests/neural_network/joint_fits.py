"""Rows, single fits and joint fits, and how two fits are compared bit by bit."""

import numpy as np
import torch
from sklearn.base import clone

from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 5))
SIGNAL = X @ GENERATOR.normal(size=(5, 3)) + np.sin(2 * X[:, :3])
WEIGHT = GENERATOR.integers(0, 4, 60) * 0.7
TARGETS = {
    "binary": np.where(SIGNAL[:, 0] > 0, "yes", "no"),
    "multiclass": np.digitize(SIGNAL[:, 0], [-1.0, 1.0]) * 10,
    "multilabel": (SIGNAL > 0).astype(int),
    "multitask": np.digitize(SIGNAL[:, :2], [-1.0, 1.0]),
    "one class": np.zeros(60, dtype=int),
    "regression": np.abs(SIGNAL[:, 0]),
    "several": np.abs(SIGNAL),
}


def mlp(kind, **options):
    shared = {
        "hidden_layer_sizes": (6,),
        "max_iter": 6,
        "batch_size": 16,
        "learning_rate_init": 0.02,
        "random_state": 0,
        "device": "cpu",
    }
    return kind(**shared | options)


def kind_of(target):
    return MLPRegressor if target in ("regression", "several") else MLPClassifier


def single(est, params, X, y, **fit_params):
    try:
        model = clone(est).set_params(**clone(params, safe=False))
        return model.fit(X, y, **fit_params)
    except Exception as error:
        return error


def joint(est, candidates, X, y, **fit_params):
    pairs = list(est.fit_candidates(candidates, X, y, **fit_params))
    assert [k for k, _ in pairs] == [*range(len(candidates))]
    return [outcome for _, outcome in pairs]


def learned(est):
    """Return what a fit leaves, without what the clock says."""
    names = [name for name in vars(est) if name[-1] == "_" and name != "net_"]
    state = {name: getattr(est, name) for name in names}
    skipped = "dur", "epoch"
    rows = [{k: row[k] for k in row if k not in skipped} for row in est.history_]
    return state | {"history": rows}


def weights_and_moments(est):
    tensors = [*est.net_.module_.state_dict().values()]
    for state in est.net_.optimizer_.state_dict()["state"].values():
        tensors += [value for value in state.values() if value is not None]
    return tensors


def outputs(est, X):
    names = ("predict", "predict_proba", "predict_log_proba")
    return [getattr(est, name)(X) for name in names if hasattr(est, name)]


def assert_equal(one, other, **close):
    """Compare nested lists, arrays and numbers, bit by bit or closely."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_equal(value, other[key], **close)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_equal(left, right, **close)
    elif isinstance(one, (np.ndarray, torch.Tensor)):
        assert one.dtype == other.dtype
        if close and np.asarray(one).dtype.kind == "f":
            np.testing.assert_allclose(one, other, **close)
        else:
            np.testing.assert_array_equal(one, other)
    elif close and isinstance(one, float):
        np.testing.assert_allclose(one, other, **close)
    else:
        assert one == other or one != one


def assert_same_fit(actual, expected, X):
    """Raise unless two fits are the same; predictions may be computed otherwise."""
    if isinstance(actual, Exception) or isinstance(expected, Exception):
        assert type(actual) is type(expected), (actual, expected)
        assert str(actual) == str(expected)
        return
    last = 1e-5 if expected._dtype == "float32" else 1e-12
    assert_equal(outputs(actual, X), outputs(expected, X), rtol=last, atol=last)
    # So may the outputs on the validation rows.
    assert_equal(learned(actual), learned(expected), rtol=last, atol=last)
    for name in ("loss_curve_", "n_iter_", "t_", "loss_", "best_loss_"):
        assert_equal(getattr(actual, name), getattr(expected, name))
    if isinstance(expected, MLPClassifier):
        assert_equal(actual.validation_scores_, expected.validation_scores_)
    if expected.module is None:
        assert_equal(actual.coefs_, expected.coefs_)
        assert_equal(actual.intercepts_, expected.intercepts_)
    assert_equal(weights_and_moments(actual), weights_and_moments(expected))
    assert_equal(outputs(actual, X), outputs(expected, X))


def assert_joint_fits_are_single(est, candidates, X, y, **fit_params):
    outcomes = joint(est, candidates, X, y, **fit_params)
    for params, outcome in zip(candidates, outcomes, strict=True):
        try:
            assert_same_fit(outcome, single(est, params, X, y, **fit_params), X)
        except AssertionError as error:
            error.add_note(f"candidate {params}")
            raise
    return outcomes


def both_ways(params, target, **more):
    est, y = mlp(kind_of(target), **more), TARGETS[target]
    (outcome,) = joint(est, [params], X, y)
    return outcome, single(est, params, X, y)
