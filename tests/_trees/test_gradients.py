"""Gradients against scikit-learn's losses, leaf values against numpy."""

import numpy as np
import pytest

from sklearn_dl._trees._gradients import (
    LossCode,
    Target,
    derive,
    exp,
    quantile_of,
    search_value,
)
from sklearn_dl.utils._sklearn import (
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

N = 1000


def make_target(y, raw, weight=None):
    return Target(
        y,
        np.empty(0) if weight is None else weight,
        np.ascontiguousarray(np.atleast_2d(raw.T)),
        np.zeros((1 if raw.ndim == 1 else raw.shape[1], len(y))),
        np.zeros((1 if raw.ndim == 1 else raw.shape[1], len(y))),
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("code", "parameter", "reference", "n_classes"),
    [
        (LossCode.SQUARED, 0.0, HalfSquaredError(), 0),
        (LossCode.ABSOLUTE, 0.0, AbsoluteError(), 0),
        (LossCode.HUBER, 0.7, HuberLoss(delta=0.7), 0),
        (LossCode.QUANTILE, 0.3, PinballLoss(quantile=0.3), 0),
        (LossCode.POISSON, 0.0, HalfPoissonLoss(), 0),
        (LossCode.GAMMA, 0.0, HalfGammaLoss(), 0),
        (LossCode.LOGISTIC, 0.0, HalfBinomialLoss(), 2),
        (LossCode.EXPONENTIAL, 0.0, ExponentialLoss(), 2),
        (LossCode.SOFTMAX, 0.0, HalfMultinomialLoss(n_classes=4), 4),
    ],
)
def test_derivatives_are_those_of_scikit_learn(
    code, parameter, reference, n_classes, weighted
):
    rng = np.random.default_rng(0)
    y = (
        rng.integers(0, n_classes, N).astype(float)
        if n_classes
        else rng.gamma(2, size=N)
    )
    raw = rng.normal(size=(N, n_classes) if n_classes > 2 else N) * 3
    weight = rng.random(N) if weighted else None
    g, h = reference.gradient_hessian(y, np.ascontiguousarray(raw), weight)
    target = make_target(y, raw, weight)
    derive(int(code), parameter, target, 0, N)
    np.testing.assert_allclose(target.gradients.T.reshape(g.shape), g, atol=1e-12)
    if code == LossCode.HUBER:
        # The engine searches for the values of leaves: rows count alike.
        h = np.ones(N) if weight is None else weight
    np.testing.assert_allclose(
        target.hessians.T.reshape(raw.shape) * np.ones(raw.shape),
        h * np.ones(raw.shape),
        atol=1e-12,
    )


def test_the_power_of_e_is_exact_to_a_few_units():
    x = np.linspace(-700, 700, 10_001)
    np.testing.assert_allclose([exp(value) for value in x], np.exp(x), rtol=5e-16)
    assert exp(-1e9) >= 0
    assert np.isfinite(exp(1e9))


@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 101])
def test_a_quantile_is_numpys(n, q):
    values = np.random.default_rng(n).normal(size=n).round(1)
    expected = np.quantile(values, q, method="averaged_inverted_cdf")
    assert quantile_of(values.copy(), np.empty(0), q) == pytest.approx(expected)
    weights = np.full(n, 0.3)
    assert quantile_of(values.copy(), weights, q) == pytest.approx(expected)


def test_weights_of_a_quantile_are_repetitions():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.normal(size=8).round(1)
        weight = rng.integers(0, 4, size=8)
        weight[0] += 1
        repeated = np.repeat(values, weight)
        for q in (0.1, 0.5, 0.75):
            expected = quantile_of(repeated.copy(), np.empty(0), q)
            assert quantile_of(values.copy(), weight.astype(float), q) == expected


def test_hubers_leaf_is_one_step_from_the_median():
    y = np.array([0.0, 1.0, 2.0, 50.0, -3.0])
    target = make_target(y, np.zeros(5))
    rows = np.arange(5, dtype=np.int32)
    # Median 1; residuals to it, cut at 2: -1 0 1 2 -2, of mean 0.
    assert search_value(int(LossCode.HUBER), 2.0, target, rows) == 1.0
    assert search_value(int(LossCode.HUBER), 3.0, target, rows) == 1.0
    assert search_value(int(LossCode.HUBER), 100.0, target, rows) == y.mean()
