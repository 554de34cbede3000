"""The compiled dense networks against torch, formulas and finite differences."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_dl._numba import _dense, _dense_layers
from sklearn_dl._skorch import Batches, Penalty
from sklearn_dl._skorch._dense_program import DenseProgram, make_setting
from sklearn_dl._skorch._optimizers import SGD, Adam
from sklearn_dl.modules import (
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    DenseNetwork,
    HuberError,
    PinballError,
    PoissonDeviance,
    SquaredError,
)

ACTIVATIONS = [kind.name.lower() for kind in _dense_layers.Activation]
CRITERIA = [
    CrossEntropy(),
    CrossEntropy(label_smoothing=0.2),
    BinaryCrossEntropy(),
    BinaryCrossEntropy(label_smoothing=0.2),
    SquaredError(),
    PoissonDeviance(),
    AbsoluteError(),
    HuberError(delta=0.4),
    PinballError(quantile=0.2),
]
GENERATOR = np.random.default_rng(0)
N_FEATURES, N_OUTPUTS = 4, 3
X = GENERATOR.normal(size=(7, N_FEATURES))
CODES = np.array([0, 1, 2, 2, 1, 0, 2])
LABELS = GENERATOR.integers(0, 2, (7, N_OUTPUTS)).astype(float)
WEIGHT = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 3.0, 0.25])


@pytest.fixture(autouse=True)
def seeded_generator():
    """Modules draw from torch's global generator: seed it and put it back."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def target_of(criterion, dtype=np.float64):
    if isinstance(criterion, CrossEntropy):
        return torch.from_numpy(CODES)
    return torch.from_numpy(LABELS.astype(dtype))


def rows(criterion, weight=None, dtype=np.float64, **options):
    target = target_of(criterion, dtype)
    kind = torch.float64 if dtype == np.float64 else torch.float32
    return Batches(X.astype(dtype), target, weight, dtype=kind, **options)


def program_of(network, criterion, optimizer=torch.optim.SGD, options=None, **more):
    setting = make_setting(
        network.activation, criterion, optimizer, options or {}, **more
    )
    layers = network.linear
    return DenseProgram(
        setting,
        [layers[0].in_features, *(layer.out_features for layer in layers)],
        network.dropout,
        [layer.weight.detach().numpy() for layer in layers],
        [layer.bias.detach().numpy() for layer in layers],
        layers[0].weight.detach().numpy().dtype,
    )


def run(program, batches, rates=1.0, order=None, seed=0):
    order = np.arange(len(batches)) if order is None else order
    rates = np.broadcast_to(np.asarray(rates, float), batches.n_batches).copy()
    seeds = np.array([seed], dtype=np.uint64)
    (loss,) = program.run_epochs(batches, order[None], rates[None], seeds)
    return loss


def gradient_by_step(program, batches, seed=0):
    """Return loss and gradient, read off a step of rate 1."""
    before = program.params.copy()
    loss = run(program, batches, seed=seed)
    return loss, before - program.params


def flat(network, of=lambda p: p):
    parts = [of(layer.weight) for layer in network.linear]
    parts += [of(layer.bias) for layer in network.linear]
    return torch.cat([part.detach().reshape(-1) for part in parts]).numpy()


def network_of(hidden, activation="tanh", dtype=torch.float64, **options):
    network = DenseNetwork(
        N_FEATURES, hidden, N_OUTPUTS, activation=activation, **options
    )
    return network.to(dtype)


# -- gradients


@pytest.mark.parametrize("hidden", [[], [6], [6, 5]], ids=len)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: type(c).__name__)
def test_gradient_is_autograds(criterion, activation, hidden):
    network = network_of(hidden, activation)
    for weight in (None, WEIGHT):
        tensor = None if weight is None else torch.from_numpy(weight)
        network.zero_grad()
        expected = criterion(network(torch.from_numpy(X)), target_of(criterion), tensor)
        expected.backward()
        gradient = flat(network, lambda p: p.grad)
        loss, actual = gradient_by_step(
            program_of(network, criterion), rows(criterion, weight)
        )
        assert loss == pytest.approx(expected.item(), rel=1e-13)
        np.testing.assert_allclose(actual, gradient, rtol=1e-12, atol=1e-14)
        single = program_of(network_of(hidden, activation, torch.float32), criterion)
        single.params[:] = flat(network)
        loss, actual = gradient_by_step(single, rows(criterion, weight, np.float32))
        assert actual.dtype == np.float32
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        np.testing.assert_allclose(actual, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_and_slopes_over_the_whole_range(activation, dtype):
    module = network_of([1], activation).after[0]
    z = np.concatenate([np.linspace(-40, 40, 999), [0.0, -0.0, 1e-30, 700, -700]])
    z = np.concatenate([z, [1e4, -1e4, 1e30, -1e30]]).astype(dtype)
    x = torch.from_numpy(z).double().requires_grad_()
    expected = module(x)
    expected.sum().backward()
    outputs, slope = z[:, None].copy(), np.empty((len(z), 1), dtype)
    _dense_layers.activate(
        int(_dense_layers.Activation[activation.upper()]),
        outputs,
        np.zeros(1, dtype),
        slope,
    )
    close = {"rtol": 4 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    np.testing.assert_allclose(outputs[:, 0], expected.detach().numpy(), **close)
    # At 0 itself the slope of a kink is anybody's.
    smooth = z != 0
    np.testing.assert_allclose(slope[smooth, 0], x.grad.numpy()[smooth], **close)


def test_the_exponential_function():
    x = np.concatenate([np.linspace(-708, 709, 20_001), [0.0, 1e-300, -1e-17, 1.0]])
    actual = np.array([_dense_layers.exp(value) for value in x])
    np.testing.assert_allclose(actual, np.exp(x), rtol=2 * np.finfo(float).eps)
    assert _dense_layers.exp(0.0) == 1.0
    narrow = np.linspace(-80, 80, 999, dtype=np.float32)
    actual = np.array([_dense_layers.exp(value) for value in narrow])
    np.testing.assert_allclose(actual, np.exp(narrow.astype(float)), rtol=1e-15)
    for low in (-708.5, -1e4, -1e300, -np.inf):
        assert 0 <= _dense_layers.exp(low) < 1e-307
    for high in (709.5, 1e4, 1e300, np.inf):
        assert np.exp(708.9) < _dense_layers.exp(high)
    assert math.isnan(_dense_layers.exp(math.nan))


@pytest.mark.parametrize(
    "activation",
    ACTIVATIONS,
)
def test_nan_is_not_hidden_by_an_activation(activation):
    outputs, slope = np.array([[math.nan]]), np.zeros((1, 1))
    _dense_layers.activate(
        int(_dense_layers.Activation[activation.upper()]), outputs, np.zeros(1), slope
    )
    assert math.isnan(outputs[0, 0])


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: type(c).__name__)
def test_nan_is_not_hidden_by_a_loss(criterion):
    for place in range(N_OUTPUTS):
        program = program_of(network_of([]), criterion)
        program.views(program.params)[0][1][place] = math.nan
        assert math.isnan(run(program, rows(criterion)))


@pytest.mark.parametrize("scale", [1e3, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", [CrossEntropy, BinaryCrossEntropy])
def test_huge_outputs_give_no_nan_in_a_cross_entropy(kind, smoothing, dtype, scale):
    criterion = kind(label_smoothing=smoothing)
    network = network_of([])
    with torch.no_grad():
        network.linear[0].weight.mul_(scale)
    expected = criterion(network(torch.from_numpy(X)), target_of(criterion))
    expected.backward()
    if dtype == np.float32:
        network.float()
    program = program_of(network, criterion)
    # The first velocity is the gradient; a step would be lost in such large weights.
    loss = run(program, rows(criterion, dtype=dtype))
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    gradient = flat(network, lambda p: p.grad)
    np.testing.assert_allclose(program.first, gradient, rtol=1e-4, atol=1e-6)


# -- batches


def torch_epochs(network, criterion, optimizer, batches, orders, rates, **more):
    """Train with autograd; return the mean loss of each epoch."""
    penalty, norm = more.get("penalty"), more.get("max_grad_norm")
    losses = []
    for order, epoch_rates in zip(orders, rates, strict=True):
        total = 0.0
        for (x, y, weight), rate in zip(
            batches.permuted(order), epoch_rates, strict=True
        ):
            optimizer.zero_grad()
            loss = criterion(network(x), y, weight)
            if penalty is not None:
                n = len(x) if weight is None else weight.sum()
                for layer in network.linear:
                    w, share = layer.weight, penalty.l1_ratio
                    squares = (1 - share) / 2 * w.square().sum()
                    loss = loss + penalty.alpha / n * (share * w.abs().sum() + squares)
            loss.backward()
            if norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), norm)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            total += loss.item() * len(x)
        losses.append(total / len(batches))
    return losses


def assert_trains_like_torch(
    network, criterion, optimizer, options, batches, n_epochs=4, **more
):
    generator = np.random.RandomState(3)
    orders = [generator.permutation(len(batches)) for _ in range(n_epochs)]
    shape = n_epochs, batches.n_batches
    rates = np.linspace(0.11, 0.02, math.prod(shape)).reshape(shape)
    program = program_of(network, criterion, optimizer, options, **more)
    decay = more.get("decay", 0.0)
    groups = [
        {"params": [layer.weight for layer in network.linear]},
        {"params": [layer.bias for layer in network.linear]},
    ]
    if decay:
        groups[0]["weight_decay"], groups[1]["weight_decay"] = decay, 0.0
    reference = optimizer(groups, lr=0.1, **options)
    expected = torch_epochs(
        network, criterion, reference, batches, orders, rates, **more
    )
    pairs = zip(orders, rates, strict=True)
    actual = [run(program, batches, rate, order) for order, rate in pairs]
    np.testing.assert_allclose(actual, expected, rtol=1e-11)
    np.testing.assert_allclose(program.params, flat(network), rtol=1e-10, atol=1e-12)
    assert program.n_steps == math.prod(shape)
    assert program.last_rate == rates[-1, -1]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("batch_size", "smallest", "lengths"),
    [(3, 1, [3, 3, 1]), (3, 2, [3, 4]), (1, 1, [1] * 7), (7, 1, [7]), (5, 1, [5, 2])],
)
def test_batches_of_unequal_length(batch_size, smallest, lengths, weighted):
    criterion = CrossEntropy()
    weight = WEIGHT + 0.1 if weighted else None
    batches = rows(criterion, weight, batch_size=batch_size, smallest=smallest)
    assert np.diff(batches.starts).tolist() == lengths
    assert_trains_like_torch(
        network_of([6, 5]), criterion, torch.optim.SGD, {"momentum": 0.9}, batches
    )


def test_a_single_row():
    criterion = SquaredError()
    batches = Batches(X[:1], torch.from_numpy(LABELS[:1]), dtype=torch.float64)
    assert_trains_like_torch(
        network_of([6]), criterion, torch.optim.SGD, {"momentum": 0.5}, batches
    )


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: type(c).__name__)
def test_a_batch_of_weight_0_changes_nothing(criterion):
    weight = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 1.0])
    batches = rows(criterion, weight, batch_size=3)
    network = network_of([6])
    program = program_of(network, criterion)
    loss = run(program, batches, [0.5, 0.0, 0.0])
    np.testing.assert_array_equal(program.params, flat(network))
    assert math.isfinite(loss)
    rest = Batches(
        X[3:], target_of(criterion)[3:], weight[3:], batch_size=3, dtype=torch.float64
    )
    other = program_of(network, criterion)
    assert run(other, rest, [0.5, 0.3]) * 4 == pytest.approx(
        run(program, batches, [0.5, 0.5, 0.3]) * 7, rel=1e-13
    )
    np.testing.assert_array_equal(program.params, other.params)


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: type(c).__name__)
def test_the_data_stay_as_they_are(criterion):
    batches = rows(criterion, WEIGHT.copy(), batch_size=3)
    arrays = batches.arrays()
    before = [array.copy() for array in arrays]
    order = np.arange(len(X))[::-1].copy()
    program = program_of(network_of([6], dropout=0.2), criterion)
    run(program, batches, 0.1, order)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert order.tolist() == [*range(6, -1, -1)]


# -- penalties, norms, solvers


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
def test_penalties(l1_ratio, weighted):
    criterion = CrossEntropy()
    batches = rows(criterion, WEIGHT + 0.1 if weighted else None, batch_size=3)
    assert_trains_like_torch(
        network_of([6, 5]),
        criterion,
        torch.optim.SGD,
        {"momentum": 0.9},
        batches,
        penalty=Penalty(0.3, l1_ratio),
    )


@pytest.mark.parametrize("norm", [1e-3, 0.3, 1e3])
def test_gradients_are_scaled_down(norm):
    criterion = SquaredError()
    assert_trains_like_torch(
        network_of([6]),
        criterion,
        torch.optim.SGD,
        {},
        rows(criterion, batch_size=3),
        penalty=Penalty(0.3),
        max_grad_norm=norm,
    )


@pytest.mark.parametrize(
    ("optimizer", "options", "decay"),
    [
        (torch.optim.SGD, {}, 0.0),
        (torch.optim.SGD, {"momentum": 0.8}, 0.0),
        (torch.optim.SGD, {"momentum": 0.8, "nesterov": True}, 0.0),
        (SGD, {"momentum": 0.8}, 0.0),
        (SGD, {"momentum": 0.8, "nesterov": True}, 0.0),
        (Adam, {"betas": (0.9, 0.99), "eps": 1e-8}, 0.0),
        (Adam, {"betas": (0.8, 0.999), "eps": 0.1}, 0.0),
        (Adam, {"betas": (0.0, 0.9), "eps": 1e-3}, 0.0),
        (Adam, {"betas": (0.5, 0.0), "eps": 0.1}, 0.0),
        (torch.optim.AdamW, {"betas": (0.9, 0.99), "eps": 1e-8}, 0.0),
        (torch.optim.AdamW, {"betas": (0.9, 0.99), "eps": 0.1}, 0.3),
        (torch.optim.AdamW, {"betas": (0.0, 0.0), "eps": 1e-2}, 0.3),
    ],
)
def test_solvers_step_as_torchs(optimizer, options, decay):
    if optimizer is torch.optim.AdamW:
        options = options | {"weight_decay": 0.0}
    criterion = SquaredError()
    assert_trains_like_torch(
        network_of([6]),
        criterion,
        optimizer,
        options,
        rows(criterion, batch_size=3),
        n_epochs=8,
        decay=decay,
    )


def linear_gradient(params, index):
    weight, bias = params[:-N_OUTPUTS].reshape(N_OUTPUTS, -1), params[-N_OUTPUTS:]
    error = (X[index] @ weight.T + bias - LABELS[index]) / len(index)
    return np.concatenate([(error.T @ X[index]).ravel(), error.sum(axis=0)])


@pytest.mark.parametrize("nesterov", [False, True])
def test_velocity_of_scikit_learn(nesterov):
    options = {"momentum": 0.9, "nesterov": nesterov}
    program = program_of(network_of([]), SquaredError(), SGD, options)
    params = program.params.copy()
    rates = np.array([0.3, 0.1, 0.01, 0.2])
    velocity = np.zeros_like(params)
    for part, rate in zip(np.split(np.arange(4), 4), rates, strict=True):
        step = rate * linear_gradient(params, part)
        velocity = 0.9 * velocity - step
        params += 0.9 * velocity - step if nesterov else velocity
    batches = Batches(
        X[:4], torch.from_numpy(LABELS[:4]), batch_size=1, dtype=torch.float64
    )
    run(program, batches, rates)
    np.testing.assert_allclose(program.params, params, rtol=1e-12)


def test_adam_adds_epsilon_where_scikit_learn_does():
    options = {"betas": (0.9, 0.99), "eps": 0.5}
    program = program_of(network_of([]), SquaredError(), Adam, options)
    params = program.params.copy()
    first, second = np.zeros_like(params), np.zeros_like(params)
    for t in range(1, 6):
        gradient = linear_gradient(params, np.arange(7))
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        rate = 0.1 * np.sqrt(1 - 0.99**t) / (1 - 0.9**t)
        params -= rate * first / (np.sqrt(second) + 0.5)
        run(program, rows(SquaredError()), 0.1)
    np.testing.assert_allclose(program.params, params, rtol=1e-12)


# -- dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropped_share_and_scale(dtype, rate):
    outputs, slope = np.ones((200, 500), dtype), np.full((200, 500), 3, dtype)
    _dense.drop(outputs, slope, rate, np.uint64(5))
    assert set(np.unique(outputs)) == {dtype(0), dtype(1 / (1 - rate))}
    # Five standard deviations of the share of 100,000.
    assert (outputs == 0).mean() == pytest.approx(rate, abs=5 * 0.5 / 316)
    by_row, by_unit = (outputs == 0).mean(axis=1), (outputs == 0).mean(axis=0)
    assert abs(by_row - rate).max() < 5 * 0.5 / np.sqrt(500)
    assert abs(by_unit - rate).max() < 5 * 0.5 / np.sqrt(200)
    np.testing.assert_array_equal(slope, 3 * outputs)


def test_a_seed_is_a_mask():
    def mask(seed):
        outputs = np.ones((100, 100))
        _dense.drop(outputs, outputs.copy(), 0.5, np.uint64(seed))
        return outputs == 0

    np.testing.assert_array_equal(mask(7), mask(7))
    for other in (8, 2**63, 2**64 - 1):
        assert (mask(7) == mask(other)).mean() == pytest.approx(0.5, abs=0.025)


def masks_of(rates, seed, n_hidden=1):
    """Return the mask of the last hidden layer for the batch whose rate is not 0."""
    network = DenseNetwork(1, [2000] * n_hidden, 1, activation="identity", dropout=0.5)
    program = program_of(network.double(), SquaredError())
    program.params[:] = 0
    for _, bias in program.views(program.params)[:-1]:
        bias[:] = 1
    batches = Batches(
        np.zeros((len(rates), 1)),
        torch.ones(len(rates), 1).double(),
        batch_size=1,
        dtype=torch.float64,
    )
    run(program, batches, rates, seed=seed)
    return program.views(program.params)[-1][0].ravel() == 0


def test_layers_batches_and_seeds_have_masks_of_their_own():
    masks = [
        masks_of([1.0, 0.0, 0.0], seed=1),
        masks_of([0.0, 1.0, 0.0], seed=1),
        masks_of([0.0, 0.0, 1.0], seed=1),
        masks_of([1.0, 0.0, 0.0], seed=2),
        masks_of([1.0, 0.0, 0.0], seed=1, n_hidden=2),
    ]
    np.testing.assert_array_equal(masks[0], masks_of([1.0], seed=1))
    for k, mask in enumerate(masks):
        assert mask.mean() == pytest.approx(0.5, abs=0.06)
        for other in masks[:k]:
            assert (mask == other).mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("dropout", [[0.3, 0.0], [0.0, 0.5], [0.4, 0.2]])
def test_what_is_dropped_forwards_is_dropped_backwards(dropout):
    program = program_of(network_of([6, 5], dropout=dropout), CrossEntropy())
    batches, seed = rows(CrossEntropy()), 11
    start = program.params.copy()
    _, gradient = gradient_by_step(program, batches, seed)
    differences = np.empty_like(start)
    for k in range(start.size):
        ends = []
        for move in (1e-6, -1e-6):
            program.params[:] = start
            program.params[k] += move
            ends.append(run(program, batches, 0.0, seed=seed))
        differences[k] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(gradient, differences, atol=1e-8)
