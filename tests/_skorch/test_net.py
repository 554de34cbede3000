"""The net under the estimators: gradients written out, turns, batches, data."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from sklearn_dl._skorch import (
    Batches,
    Penalty,
    Schedule,
    TensorNet,
    Turn,
    as_tensor,
    limited_threads,
    resolve_device,
)
from sklearn_dl._skorch._dense_pass import DensePass
from sklearn_dl.modules import (
    BinaryCrossEntropy,
    CrossEntropy,
    DenseNetwork,
    PoissonDeviance,
    SquaredError,
)


@pytest.fixture(autouse=True)
def seeded_generator():
    """Modules draw from torch's global generator: seed it and put it back."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden", [[], [7], [7, 5]])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "criterion",
    [CrossEntropy(), BinaryCrossEntropy(), SquaredError(), PoissonDeviance()],
    ids=lambda c: type(c).__name__,
)
def test_gradient_written_out_is_autograds(criterion, activation, hidden, weighted):
    network = DenseNetwork(4, hidden, 3, activation=activation).double()
    x = torch.randn(6, 4, dtype=torch.float64)
    target = torch.randint(0, 2, (6, 3)).double()
    if isinstance(criterion, CrossEntropy):
        target = torch.tensor([0, 1, 2, 2, 1, 0])
    weight = torch.tensor([1.0, 0.5, 0.0, 2.0, 1.0, 3.0]).double() if weighted else None
    expected = criterion(network(x), target, weight)
    gradients = torch.autograd.grad(expected, list(network.parameters()))
    assert DensePass.covers(network, criterion)
    loss = DensePass(network, criterion)((x, target, weight))
    torch.testing.assert_close(loss, expected)
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_what_is_not_written_out_is_left_to_autograd():
    plain = DenseNetwork(4, [3], 2)
    covers = DensePass.covers
    assert covers(plain, CrossEntropy())
    assert not covers(plain, CrossEntropy(label_smoothing=0.1))
    assert not covers(plain, BinaryCrossEntropy(focal_gamma=2.0))
    assert not covers(DenseNetwork(4, [3], 2, activation="gelu"), CrossEntropy())
    assert not covers(DenseNetwork(4, [3], 2, dropout=0.1), CrossEntropy())
    assert not covers(DenseNetwork(4, [3], 2, batch_norm=True), CrossEntropy())
    assert not covers(nn.Linear(4, 2), CrossEntropy())
    plain.dense[0].register_forward_hook(lambda *args: None)
    assert not covers(plain, CrossEntropy())
    frozen = DenseNetwork(4, [3], 2)
    frozen.dense[0].requires_grad_(False)
    assert not covers(frozen, CrossEntropy())


def test_penalty_is_what_its_gradient_is_of():
    weight = torch.tensor([[1.0, -2.0], [0.5, 0.0]], requires_grad=True)
    penalty = Penalty(alpha=0.6, l1_ratio=0.25)
    by_hand = 0.6 / 3 * (0.25 * weight.abs().sum() + 0.75 * weight.square().sum() / 2)
    (expected,) = torch.autograd.grad(by_hand, weight)
    weight.grad = torch.zeros(2, 2)
    value = penalty.add_gradient([weight], 3)
    torch.testing.assert_close(value, by_hand.detach())
    torch.testing.assert_close(weight.grad, expected)


class Adversaries(TensorNet):
    """A generator of one number against a discriminator, each with its optimiser."""

    def initialize_module(self):
        super().initialize_module()
        self.generator_ = nn.Linear(1, 1)
        return self

    def initialize_optimizer(self, triggered_directly=None):
        super().initialize_optimizer()
        parameters = self.generator_.parameters()
        self.generator_optimizer_ = torch.optim.SGD(parameters, lr=0.05)
        return self

    def turns(self):
        return [
            Turn(self.optimizer_, self.discriminator_loss, "discriminator_loss"),
            Turn(self.generator_optimizer_, self.generator_loss, "generator_loss"),
        ]

    def fakes(self, batch):
        return self.generator_(torch.ones(len(batch[0]), 1))

    def discriminator_loss(self, batch):
        real = self.module_(batch[0]).mean()
        return self.module_(self.fakes(batch).detach()).mean() - real

    def generator_loss(self, batch):
        return -self.module_(self.fakes(batch)).mean()


def test_networks_take_turns():
    net = Adversaries(
        lambda: nn.Linear(1, 1),
        nn.Identity(),
        optimizer=torch.optim.SGD,
        schedule=Schedule(0.05),
        random_state=np.random.RandomState(0),
        max_epochs=2,
    ).initialize()
    start = {name: p.clone() for name, p in net.generator_.named_parameters()}
    d_start = net.module_.weight.clone()
    rows = Batches(np.full((40, 1), 3.0, dtype=np.float32), batch_size=10)
    net.fit_loop(rows)
    assert set(net.history[-1]) >= {"discriminator_loss", "generator_loss"}
    # The discriminator of this pair moves by the difference of the means, and the
    # generator where the discriminator points to.
    assert not torch.equal(net.module_.weight, d_start)
    moved = net.generator_.bias - start["bias"]
    assert moved.abs().item() > 1e-3
    first = Adversaries(
        lambda: nn.Linear(1, 1),
        nn.Identity(),
        optimizer=torch.optim.SGD,
        schedule=Schedule(0.05),
        max_epochs=1,
    ).initialize()
    discriminator, generator = first.module_, first.generator_
    w, fake = discriminator.weight.item(), generator(torch.ones(1, 1)).item()
    bias = generator.bias.item()
    first.fit_loop(Batches(np.full((10, 1), 3.0, dtype=np.float32), batch_size=10))
    w_after = w + 0.05 * (3.0 - fake)
    assert discriminator.weight.item() == pytest.approx(w_after, rel=1e-5)
    assert generator.bias.item() == pytest.approx(bias + 0.05 * w_after, rel=1e-5)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_batches_cover_every_row_once(kind):
    X = np.arange(44.0).reshape(11, 4)
    y = torch.arange(11)
    weight = np.arange(11.0)
    batches = Batches(kind(X), y, weight, batch_size=4, dtype=torch.float64)
    assert len(batches) == 11 and batches.n_batches == 3
    order = np.random.RandomState(0).permutation(11)
    for epoch, expected in (
        (batches.ordered(), range(11)),
        (batches.permuted(order), order),
    ):
        parts = list(epoch)
        assert [len(part[0]) for part in parts] == [4, 4, 3]
        seen = torch.cat([part[1] for part in parts])
        assert seen.tolist() == list(expected)
        np.testing.assert_array_equal(torch.cat([p[0] for p in parts]), X[seen])
        np.testing.assert_array_equal(torch.cat([p[2] for p in parts]), weight[seen])


def test_a_last_batch_that_is_too_small_joins_the_one_before():
    rows = Batches(np.zeros((9, 1)), batch_size=4, smallest=2)
    assert [len(X) for X, _, _ in rows.ordered()] == [4, 5]
    assert [len(X) for X, _, _ in Batches(np.zeros((1, 1)), smallest=2).ordered()] == [
        1
    ]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.arange(12.0).reshape(3, 4)[::-1, ::-1],
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(12.0).reshape(3, 4).astype(">f8"),
        np.arange(12).reshape(3, 4),
        np.broadcast_to(np.arange(4.0), (3, 4)),
    ],
    ids=["plain", "reversed", "fortran", "big-endian", "integers", "read-only"],
)
def test_any_array_becomes_a_tensor(array):
    before = array.copy()
    tensor = as_tensor(array, torch.float64)
    np.testing.assert_array_equal(tensor, before)
    np.testing.assert_array_equal(array, before)


def test_plain_arrays_are_not_copied():
    array = np.zeros((3, 4), dtype=np.float32)
    assert as_tensor(array, torch.float32).data_ptr() == array.ctypes.data


def test_threads_are_put_back_even_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), limited_threads(torch.device("cpu"), 1.0):
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_a_device_that_is_not_there():
    with pytest.raises(ValueError, match=r"'device' parameter .*got 'toaster'"):
        resolve_device("toaster")
    assert resolve_device("cuda:99", strict=False) == torch.device("cpu")
