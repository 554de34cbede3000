"""The worked examples of networks and losses, to the digits given in the books."""

import numpy as np
import pytest
import torch

from sklearn_dl.modules import (
    ACTIVATIONS,
    WEIGHT_INITS,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    DenseNetwork,
    HuberError,
    MultiTaskCrossEntropy,
    PinballError,
    PoissonDeviance,
    SquaredError,
    initialize_,
    make_activation,
)


@pytest.fixture
def two_layers():
    """Return the network, input and target of the backpropagation example."""
    network = DenseNetwork(2, [2], 2, activation="logistic").double()
    network.load_weights(
        [
            torch.tensor([[0.15, 0.20], [0.25, 0.30]]).T,
            torch.tensor([[0.40, 0.45], [0.50, 0.55]]).T,
        ],
        [torch.tensor([0.35, 0.35]), torch.tensor([0.60, 0.60])],
    )
    x = torch.tensor([[0.05, 0.10]], dtype=torch.float64)
    y = torch.tensor([[0.01, 0.99]], dtype=torch.float64)
    return network, x, y


def test_backpropagation_forward(two_layers):
    network, x, y = two_layers
    hidden = network.after[0](network.dense[0](x))
    np.testing.assert_allclose(hidden.detach(), [[0.59327, 0.59688]], atol=5e-6)
    output = torch.sigmoid(network(x))
    np.testing.assert_allclose(output.detach(), [[0.75137, 0.77293]], atol=1e-5)
    loss = 0.5 * (output - y).square().sum()
    assert loss.item() == pytest.approx(0.29837, abs=5e-6)


def test_backpropagation_step(two_layers):
    network, x, y = two_layers
    optimizer = torch.optim.SGD([d.weight for d in network.dense], lr=0.5)
    (0.5 * (torch.sigmoid(network(x)) - y).square().sum()).backward()
    optimizer.step()
    expected_1 = [[0.14978, 0.19956], [0.24975, 0.29950]]
    expected_2 = [[0.35892, 0.40867], [0.51130, 0.56137]]
    np.testing.assert_allclose(
        network.dense[0].weight.detach(), expected_1, atol=5.1e-6
    )
    np.testing.assert_allclose(
        network.dense[1].weight.detach(), expected_2, atol=5.1e-6
    )


def test_and_gate():
    network = DenseNetwork(2, [], 1)
    network.load_weights([torch.tensor([[20.0], [20.0]])], [torch.tensor([-30.0])])
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    answer = BinaryCrossEntropy().link(network(x)).ravel()
    np.testing.assert_allclose(answer.detach(), [0, 0, 0, 1], atol=1e-4)


def test_softmax():
    probabilities = CrossEntropy().link(torch.tensor([[5.0, 2.0, -1.0, 3.0]]))
    np.testing.assert_allclose(probabilities, [[0.842, 0.042, 0.002, 0.114]], atol=5e-4)


def test_cross_entropy_of_one_row():
    output = torch.tensor([[0.228, 0.619, 0.153]]).log()
    loss = CrossEntropy()(output, torch.tensor([1]))
    assert loss.item() == pytest.approx(0.4797, abs=6e-5)


def test_weighted_loss_is_the_weighted_mean():
    output = torch.tensor([[1.0], [2.0], [5.0]])
    target = torch.zeros(3, 1)
    weight = torch.tensor([1.0, 2.0, 0.0])
    expected = (1 * 0.5 + 2 * 2.0) / 3
    assert SquaredError()(output, target, weight).item() == pytest.approx(expected)


def test_weights_that_are_all_zero_give_no_nan():
    loss = SquaredError()(torch.ones(2, 1), torch.zeros(2, 1), torch.zeros(2))
    assert loss.item() == 0


@pytest.mark.parametrize(
    ("criterion", "target"),
    [
        (BinaryCrossEntropy(), torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])),
        (BinaryCrossEntropy(focal_gamma=2.0), torch.tensor([[0.0], [1.0], [1.0]])),
        (CrossEntropy(), torch.tensor([0, 2, 1])),
        (CrossEntropy(label_smoothing=0.1), torch.tensor([0, 2, 1])),
        (CrossEntropy(focal_gamma=1.5), torch.tensor([0, 2, 1])),
        (MultiTaskCrossEntropy([2, 3]), torch.tensor([[0, 2], [1, 1], [1, 0]])),
        (SquaredError(), torch.tensor([[0.0], [3.0], [-1.0]])),
        (AbsoluteError(), torch.tensor([[0.0], [3.0], [-1.0]])),
        (HuberError(0.7), torch.tensor([[0.0], [3.0], [-1.0]])),
        (PinballError(0.2), torch.tensor([[0.0], [3.0], [-1.0]])),
        (PoissonDeviance(), torch.tensor([[0.0], [3.0], [1.0]])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_weight_of_two_is_a_row_twice(criterion, target):
    n_outputs = {CrossEntropy: 3, MultiTaskCrossEntropy: 5}.get(
        type(criterion), target.shape[-1]
    )
    output = torch.randn(3, n_outputs, generator=torch.Generator().manual_seed(0))
    twice = [0, 1, 1, 2]
    weighted = criterion(output, target, torch.tensor([1.0, 2.0, 1.0]))
    repeated = criterion(output[twice], target[twice])
    torch.testing.assert_close(weighted, repeated)


def test_focal_loss_is_cross_entropy_where_gamma_is_zero_and_less_elsewhere():
    output, target = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0])
    plain = CrossEntropy()(output, target).item()
    p = output.softmax(1)[0, 0].item()
    focal = CrossEntropy(focal_gamma=2.0)(output, target).item()
    assert focal == pytest.approx((1 - p) ** 2 * plain, rel=1e-5)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation(name):
    x = torch.linspace(-2, 2, 5)
    formulas = {
        "identity": x,
        "logistic": 1 / (1 + torch.exp(-x)),
        "tanh": torch.tanh(x),
        "relu": x.clamp(min=0),
        "leaky_relu": torch.where(x > 0, x, 0.01 * x),
        "prelu": torch.where(x > 0, x, 0.25 * x),
        "relu6": x.clamp(0, 6),
        "elu": torch.where(x > 0, x, torch.exp(x) - 1),
        "celu": torch.where(x > 0, x, torch.exp(x) - 1),
        "selu": 1.0507009873554805
        * torch.where(x > 0, x, 1.6732632423543772 * (torch.exp(x) - 1)),
        "gelu": 0.5 * x * (1 + torch.erf(x / 2**0.5)),
        "swish": x / (1 + torch.exp(-x)),
        "mish": x * torch.tanh(torch.log(1 + torch.exp(x))),
        "softplus": torch.log(1 + torch.exp(x)),
        "softsign": x / (1 + x.abs()),
        "hardswish": x * (x + 3).clamp(0, 6) / 6,
    }
    torch.testing.assert_close(make_activation(name)(x).detach(), formulas[name])


@pytest.mark.parametrize("scheme", WEIGHT_INITS)
def test_initial_weights(scheme):
    n_out, n_in = 300, 500
    generator = torch.Generator().manual_seed(0)
    weight = initialize_(torch.empty(n_out, n_in), scheme, generator)
    if scheme == "orthogonal":
        torch.testing.assert_close(
            weight @ weight.T, torch.eye(n_out), atol=1e-4, rtol=0
        )
        return
    std = {
        "small": 0.01,
        "xavier": (1 / n_in) ** 0.5,
        "glorot": (2 / (n_in + n_out)) ** 0.5,
        "he": (2 / n_in) ** 0.5,
    }[scheme.partition("_")[0]]
    assert weight.std().item() == pytest.approx(std, rel=0.01)
    assert abs(weight.mean().item()) < 0.01 * std
    # A uniform distribution ends at sqrt(3) standard deviations, a normal one does not.
    assert (weight.abs().max() > 2 * std) == scheme.endswith("normal")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"name must be one of .*got 'sin'"):
        make_activation("sin")
    with pytest.raises(ValueError, match=r"scheme must be one of .*got 'zero'"):
        initialize_(torch.empty(2, 2), "zero")
    with pytest.raises(ValueError, match="got 'he_'"):
        initialize_(torch.empty(2, 2), "he_")


def test_batch_norm_replaces_the_bias():
    network = DenseNetwork(3, [4], 1, batch_norm=True)
    assert network.dense[0].bias is None
    assert network.dense[1].bias is not None


def test_dropout_is_inverted_and_off_in_evaluation():
    network = DenseNetwork(1, [10_000], 1, activation="identity", dropout=0.25)
    network.load_weights(
        [torch.ones(1, 10_000), torch.full((10_000, 1), 1e-4)],
        [torch.zeros(10_000), torch.zeros(1)],
    )
    x = torch.ones(1, 1)
    assert network.eval()(x).item() == pytest.approx(1, rel=1e-4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert network.train()(x).item() == pytest.approx(1, rel=0.03)
        hidden = network.after[0](network.dense[0](x))
    assert (hidden == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
