"""Recurrent networks: their formulas, padding that changes nothing, cut gradients."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_dl.modules import RecurrentNetwork, SequenceBatch, SimplifiedGRU

CELLS = ("rnn", "gru", "simplified_gru", "lstm")
POOLINGS = ("last", "mean", "max", "attention", None)
TORCH = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn_steps(x, W, U, b, activation):
    a, states = np.zeros(U.shape[1]), []
    for x_t in x:
        a = activation(U @ a + W @ x_t + b[0] + b[1])
        states.append(a)
    return states


def gru_steps(x, W, U, b):
    (W_r, W_u, W_c), (U_r, U_u, U_c) = np.split(W, 3), np.split(U, 3)
    (b_r, b_u, b_c), (d_r, d_u, d_c) = np.split(b[0], 3), np.split(b[1], 3)
    a, states = np.zeros(U.shape[1]), []
    for x_t in x:
        relevance = sigmoid(W_r @ x_t + b_r + U_r @ a + d_r)
        keep = sigmoid(W_u @ x_t + b_u + U_u @ a + d_u)
        candidate = np.tanh(W_c @ x_t + b_c + relevance * (U_c @ a + d_c))
        a = (1 - keep) * candidate + keep * a
        states.append(a)
    return states


def simplified_gru_steps(x, W, U, b):
    (W_u, W_c), (U_u, U_c), (b_u, b_c) = (
        np.split(W, 2),
        np.split(U, 2),
        np.split(b[0], 2),
    )
    a, states = np.zeros(U.shape[1]), []
    for x_t in x:
        update = sigmoid(W_u @ x_t + U_u @ a + b_u)
        candidate = np.tanh(W_c @ x_t + U_c @ a + b_c)
        a = update * candidate + (1 - update) * a
        states.append(a)
    return states


def lstm_steps(x, W, U, b):
    (W_u, W_f, W_c, W_o), (U_u, U_f, U_c, U_o) = np.split(W, 4), np.split(U, 4)
    b_u, b_f, b_c, b_o = np.split(b[0] + b[1], 4)
    a = c = np.zeros(U.shape[1])
    states = []
    for x_t in x:
        update = sigmoid(W_u @ x_t + U_u @ a + b_u)
        forget = sigmoid(W_f @ x_t + U_f @ a + b_f)
        output = sigmoid(W_o @ x_t + U_o @ a + b_o)
        c = update * np.tanh(W_c @ x_t + U_c @ a + b_c) + forget * c
        a = output * np.tanh(c)
        states.append(a)
    return states


FORMULAS = {
    ("rnn", "tanh"): lambda *args: rnn_steps(*args, np.tanh),
    ("rnn", "relu"): lambda *args: rnn_steps(*args, lambda z: np.maximum(z, 0)),
    ("gru", "tanh"): gru_steps,
    ("simplified_gru", "tanh"): simplified_gru_steps,
    ("lstm", "tanh"): lstm_steps,
}


def random_network(*args, **options):
    """Return a network in float64 whose biases are not 0."""
    network = RecurrentNetwork(*args, **options).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "bias" in name:
                parameter.normal_()
    return network


def ragged_batch(lengths, n_features=3, seed=0):
    """Return sequences, behind whose ends are large numbers."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths), n_features)
    values = torch.randn(shape, dtype=torch.float64, generator=generator)
    lengths = torch.tensor(lengths)
    behind = torch.arange(shape[1]) >= lengths[:, None]
    values[behind] *= 1000
    return SequenceBatch(values, lengths)


def output_and_gradients(network, x):
    network.zero_grad()
    output = network(x)
    output.square().sum().backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    return output.detach(), gradients


def assert_same(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("cell", "activation"), FORMULAS)
def test_a_cell_computes_its_formula(cell, activation):
    network = random_network(
        3, 2, cell=cell, hidden_size=4, activation=activation, pooling=None
    )
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    weights = {
        name: parameter.detach().numpy()
        for name, parameter in network.layers[0].onward.named_parameters()
    }
    biases = [weights[name] for name in weights if name.startswith("bias")]
    states = FORMULAS[cell, activation](
        x[0].numpy(), weights["weight_ih_l0"], weights["weight_hh_l0"], biases
    )
    head = network.head.weight.detach().numpy(), network.head.bias.detach().numpy()
    expected = np.array(states) @ head[0].T + head[1]
    np.testing.assert_allclose(network(x).detach(), expected, rtol=0, atol=1e-12)


def test_simplified_gru_is_a_gru_whose_relevance_gate_is_open():
    simple = SimplifiedGRU(3, 4).double()
    full = nn.GRU(3, 4, batch_first=True).double()
    with torch.no_grad():
        simple.bias_l0.normal_()
        # Sigmoid of 100 is 1. The other gate is that share of the state that stays.
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_l0"):
            update, candidate = getattr(simple, name).chunk(2)
            block = torch.cat([torch.zeros_like(update), -update, candidate])
            full.get_parameter(name.replace("bias_l0", "bias_ih_l0")).copy_(block)
        full.bias_ih_l0[:4] = 100
        full.bias_hh_l0.zero_()
    x = torch.randn(5, 7, 3, dtype=torch.float64)
    state = torch.randn(1, 5, 4, dtype=torch.float64)
    for actual, expected in zip(simple(x, state), full(x, state), strict=True):
        assert_same(actual, expected)


def torch_twin(network, cell, n_layers, bidirectional):
    """Return torch's own module for all layers, with the weights of a network."""
    twin = TORCH[cell](3, 4, n_layers, batch_first=True, bidirectional=bidirectional)
    twin = twin.double()
    with torch.no_grad():
        for k, layer in enumerate(network.layers):
            for direction, suffix in ((layer.onward, ""), (layer.opposite, "_reverse")):
                if direction is None:
                    continue
                for name, parameter in direction.named_parameters():
                    name = name.replace("_l0", f"_l{k}{suffix}")
                    twin.get_parameter(name).copy_(parameter)
    return twin


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", TORCH)
def test_deep_and_bidirectional_layers_agree_with_torch(cell, bidirectional):
    options = dict(cell=cell, hidden_size=4, n_layers=3, bidirectional=bidirectional)
    network = random_network(3, 2, pooling=None, **options)
    twin = torch_twin(network, cell, 3, bidirectional)
    batch = ragged_batch([4, 9, 1, 9, 6, 2, 5])

    packed = pack_padded_sequence(
        batch.values, batch.lengths, batch_first=True, enforce_sorted=False
    )
    states, last = twin(packed)
    states, _ = pad_packed_sequence(states, batch_first=True)
    valid = torch.arange(9) < batch.lengths[:, None]
    assert_same(network.forward_features(batch), states[valid])

    network.pooling = "last"
    last = last[0] if cell == "lstm" else last
    n_directions = 2 if bidirectional else 1
    expected = torch.cat(list(last[-n_directions:]), dim=1)
    assert_same(network.forward_features(batch), expected)
    whole = twin(batch.values)[0]
    expected = torch.cat([whole[:, -1, :4], whole[:, 0, 4:]], dim=1)
    assert_same(network.forward_features(batch.values), expected)


VARIANTS = [
    dict(cell=cell, pooling=pooling, bidirectional=bidirectional, truncation=truncation)
    for cell, pooling, bidirectional, truncation in itertools.product(
        CELLS, POOLINGS, (False, True), (None, 3)
    )
    if not (bidirectional and truncation)
]


@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda v: "-".join(map(str, v.values()))
)
def test_a_batch_gives_what_its_sequences_give_alone(variant):
    network = random_network(3, 2, hidden_size=4, n_layers=2, **variant)
    batch = ragged_batch([5, 11, 1, 8, 2, 11, 3])
    output, gradients = output_and_gradients(network, batch)

    rows = zip(batch.values, batch.lengths, strict=True)
    alone = [output_and_gradients(network, x[None, :length]) for x, length in rows]
    assert_same(output, torch.cat([row for row, _ in alone]))
    for k, gradient in enumerate(gradients):
        assert_same(gradient, sum(parts[k] for _, parts in alone))


@settings(deadline=None, max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=9),
    order=st.randoms(use_true_random=False),
    more=st.integers(0, 3),
    cell=st.sampled_from(CELLS),
    pooling=st.sampled_from(POOLINGS[:-1]),
)
def test_order_and_padding_change_nothing(lengths, order, more, cell, pooling):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = random_network(
            3, 2, hidden_size=3, cell=cell, pooling=pooling, bidirectional=True
        )
    batch = ragged_batch(lengths)
    rows = order.sample(range(len(lengths)), len(lengths))
    longer = nn.functional.pad(batch.values, (0, 0, 0, more), value=7.0)
    other = SequenceBatch(longer[rows], batch.lengths[rows])
    output, gradients = output_and_gradients(network, batch)
    output_2, gradients_2 = output_and_gradients(network, other)
    assert_same(output_2, output[rows])
    assert_same(gradients_2, gradients)


def test_what_stands_behind_the_end_gets_no_gradient():
    batch = ragged_batch([2, 5, 3])
    values = batch.values.clone().requires_grad_()
    network = random_network(3, 1, bidirectional=True, pooling="attention", n_layers=2)
    network(SequenceBatch(values, batch.lengths)).sum().backward()
    valid = torch.arange(5) < batch.lengths[:, None]
    assert (values.grad[~valid] == 0).all()
    assert (values.grad[valid] != 0).all()


@pytest.mark.parametrize("pooling", POOLINGS[1:-1])
def test_pooling(pooling):
    network = random_network(3, 2, hidden_size=4, pooling=pooling)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    states = network.layers[0].onward(x)[0]
    expected = {"mean": states.mean(1), "max": states.amax(1)}
    if pooling == "attention":
        dense, _, v = network.score
        scores = torch.tanh(states @ dense.weight.T + dense.bias) @ v.weight[0]
        share = scores.exp() / scores.exp().sum(1, keepdim=True)
        expected["attention"] = torch.einsum("nt,ntc->nc", share, states)
    assert_same(network.forward_features(x), expected[pooling])


@pytest.mark.parametrize("pooling", ["last", None])
@pytest.mark.parametrize("cell", CELLS)
def test_truncation_changes_gradients_alone(cell, pooling):
    network = random_network(3, 2, cell=cell, pooling=pooling, n_layers=2)
    batch = ragged_batch([10, 7, 10, 3, 5])
    output, gradients = output_and_gradients(network, batch)
    network.truncation = 4
    truncated, truncated_gradients = output_and_gradients(network, batch)
    assert_same(truncated, output)
    name = [name for name, _ in network.named_parameters()].index(
        "layers.0.onward.weight_hh_l0"
    )
    assert not torch.allclose(truncated_gradients[name], gradients[name])
    network.truncation = 10
    assert_same(output_and_gradients(network, batch)[1], gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_no_gradient_flows_over_a_cut(cell):
    network = random_network(3, 2, cell=cell, n_layers=2, truncation=4)
    batch = ragged_batch([10, 8, 3])
    values = batch.values.clone().requires_grad_()
    network(SequenceBatch(values, batch.lengths)).sum().backward()
    # The last step of the rows is behind the second cut, the first cut, and no cut.
    has_gradient = (values.grad != 0).all(2)
    none = (values.grad == 0).all(2)
    steps = torch.arange(10)
    for row, (start, stop) in enumerate([(8, 10), (4, 8), (0, 3)]):
        inside = (steps >= start) & (steps < stop)
        assert has_gradient[row, inside].all()
        assert none[row, ~inside].all()


def test_truncated_gradient_is_that_of_the_chunks():
    network = random_network(3, 1, cell="lstm", pooling=None, truncation=4)
    x = torch.randn(2, 10, 3, dtype=torch.float64)
    _, gradients = output_and_gradients(network, x)
    network.zero_grad()
    state = None
    for chunk in x.split(4, dim=1):
        states, state = network.layers[0].onward(chunk, state)
        state = tuple(part.detach() for part in state)
        network.head(states).square().sum().backward()
    assert_same(gradients, [p.grad for p in network.parameters()])


def test_given_vectors_are_copied():
    given = np.random.default_rng(0).normal(size=(6, 3))
    given.flags.writeable = False
    tensor = torch.tensor(given, dtype=torch.float32)
    before = tensor.clone()
    tokens = SequenceBatch(torch.tensor([[1, 2, 3], [5, 0, 0]]), torch.tensor([3, 1]))
    for vectors in (given, tensor):
        network = RecurrentNetwork(None, 2, n_tokens=6, embeddings=vectors)
        np.testing.assert_array_equal(network.embedding.weight.detach(), before)
        optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
        network(tokens).square().sum().backward()
        optimizer.step()
        changed = (network.embedding.weight != before).any(1)
        # Token 0 stands in the padding alone, token 4 nowhere.
        assert changed.tolist() == [False, True, True, True, False, True]
    assert torch.equal(tensor, before)


@pytest.mark.parametrize("vectors", [None, np.ones((6, 3))])
def test_frozen_vectors_are_not_learned(vectors):
    network = RecurrentNetwork(
        None, 2, n_tokens=6, embeddings=vectors, freeze_embeddings=True
    )
    network(torch.tensor([[1, 2, 3]])).sum().backward()
    assert network.embedding.weight.grad is None
    assert network.head.weight.grad is not None


def test_tokens_are_looked_up():
    network = random_network(None, 2, n_tokens=9, embedding_dim=3, hidden_size=4)
    twin = random_network(3, 2, hidden_size=4)
    twin.load_state_dict(
        {k: v for k, v in network.state_dict().items() if "embedding" not in k}
    )
    tokens = torch.tensor([[8, 0, 1, 0], [2, 0, 0, 0], [3, 3, 0, 0]])
    lengths = torch.tensor([4, 1, 2])
    vectors = network.embedding.weight[tokens]
    output = network(SequenceBatch(tokens, lengths))
    assert_same(output, twin(SequenceBatch(vectors, lengths)))


@pytest.mark.parametrize(
    ("cell", "gate", "bias"),
    [("lstm", 1, 1.0), ("gru", 1, 0.0), ("simplified_gru", 0, 0.0), ("rnn", 0, 0.0)],
)
def test_initial_weights(cell, gate, bias):
    n_inputs, size = 5, 16
    network = RecurrentNetwork(
        n_inputs, 2, cell=cell, hidden_size=size, bidirectional=True, n_layers=2
    )
    for layer in network.layers:
        for direction in (layer.onward, layer.opposite):
            biases = (w for name, w in direction.named_parameters() if "bias" in name)
            total = sum(biases).detach().reshape(-1, size)
            expected = torch.zeros_like(total)
            expected[gate] = bias
            assert (total == expected).all()
            for block in direction.weight_hh_l0.split(size):
                torch.testing.assert_close(block @ block.T, torch.eye(size))
    glorot = (6 / (n_inputs + size)) ** 0.5
    largest = network.layers[0].onward.weight_ih_l0.abs().max().item()
    assert 0.94 * glorot < largest <= glorot


def test_vectors_of_tokens_begin_small():
    network = RecurrentNetwork(None, 2, n_tokens=500, embedding_dim=20)
    assert abs(network.embedding.weight.std().item() - 0.1) < 0.005


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_is_on_the_way_up(cell):
    x = torch.randn(4, 6, 3)
    one = RecurrentNetwork(3, 2, cell=cell, dropout=0.9)
    assert torch.equal(one.forward_features(x), one.forward_features(x))
    assert not torch.equal(one(x), one(x))
    two = RecurrentNetwork(3, 2, cell=cell, dropout=0.9, n_layers=2)
    assert not torch.equal(two.forward_features(x), two.forward_features(x))
    two.eval()
    assert torch.equal(two(x), two(x))
    assert torch.equal(two(x), two.head(two.forward_features(x)))


def test_dropout_of_the_vectors_of_tokens():
    network = RecurrentNetwork(None, 2, n_tokens=9, dropout=0.5)
    tokens = torch.tensor([[8, 0, 1, 0]])
    first, second = (network.forward_features(tokens) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("cell", CELLS)
def test_single_precision_agrees_with_double(cell):
    """torch computes an LSTM of the one and the other by different libraries."""
    options = dict(cell=cell, n_layers=2, bidirectional=True, pooling="mean")
    double = random_network(3, 2, **options)
    single = RecurrentNetwork(3, 2, **options)
    single.load_state_dict(double.state_dict())
    batch = ragged_batch([9, 2, 3, 9, 5, 1])
    expected, gradients = output_and_gradients(double, batch)
    batch = SequenceBatch(batch.values.float(), batch.lengths)
    output, gradients_2 = output_and_gradients(single, batch)
    torch.testing.assert_close(output.double(), expected, rtol=1e-5, atol=1e-5)
    for gradient, gradient_2 in zip(gradients, gradients_2, strict=True):
        assert (gradient - gradient_2).norm() <= 1e-5 * gradient.norm()


@pytest.mark.parametrize("cell", CELLS)
def test_half_precision(cell):
    network = RecurrentNetwork(3, 2, cell=cell, n_layers=2, bidirectional=True)
    batch = ragged_batch([9, 2, 3, 9, 5, 1])
    batch = SequenceBatch(batch.values.float(), batch.lengths)
    exact, gradients = output_and_gradients(network, batch)
    with torch.autocast("cpu", torch.bfloat16):
        output, rounded = output_and_gradients(network, batch)
    torch.testing.assert_close(output.float(), exact, atol=0.03, rtol=0)
    for gradient, gradient_2 in zip(gradients, rounded, strict=True):
        assert (gradient - gradient_2).norm() <= 0.1 * gradient.norm()


@pytest.mark.parametrize("cell", CELLS)
def test_a_network_learns_what_came_first(cell):
    x = torch.randn(64, 12, 1)
    y = (x[:, 0, 0] > 0).float()
    network = RecurrentNetwork(1, 1, cell=cell, hidden_size=16)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(network(x)[:, 0], y)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
    assert ((network(x)[:, 0] > 0) == y).float().mean() > 0.9


@pytest.mark.parametrize(
    ("n_inputs", "options", "message"),
    [
        (3, dict(cell="GRU"), r"cell of RecurrentNetwork must be one of .* got 'GRU'"),
        (3, dict(pooling="sum"), r"pooling of RecurrentNetwork must be one of"),
        (3, dict(activation="gelu"), r"activation of RecurrentNetwork must be one of"),
        (3, dict(truncation=0), r"truncation .* at least 1, got 0"),
        (3, dict(truncation=5, bidirectional=True), r"bidirectional=True.* got 5"),
        (None, {}, r"n_inputs=None without n_tokens or embeddings"),
        (3, dict(n_tokens=5), r"n_inputs=3 and n_tokens or embeddings"),
        (None, dict(embeddings=[1.0]), r"\(n_tokens, embedding_dim\), got \(1,\)"),
        (
            None,
            dict(n_tokens=3, embeddings=[[1.0]]),
            r"\(3, embedding_dim\), got \(1, 1\)",
        ),
    ],
)
def test_wrong_options(n_inputs, options, message):
    with pytest.raises(ValueError, match=message):
        RecurrentNetwork(n_inputs, 2, **options)


@pytest.mark.parametrize("lengths", [[2, 0], [5, 2]])
def test_wrong_lengths(lengths):
    batch = SequenceBatch(torch.zeros(2, 4, 3), torch.tensor(lengths))
    with pytest.raises(ValueError, match=r"sequences of 1 to 4 steps, got lengths"):
        RecurrentNetwork(3, 1)(batch)
