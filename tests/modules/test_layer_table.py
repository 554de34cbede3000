"""The table of layers: shapes, parameters, receptive fields, multiply-adds."""

import threading

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from sklearn_dl.modules import (
    ARCHITECTURES,
    GlobalPooling,
    ResidualBlock,
    SamePooling,
    layer_table,
    make_convolution,
)
from sklearn_dl.modules._residual_networks import SubsampledShortcut


def rows(network, input_shape):
    return {row.name: row for row in layer_table(network, input_shape)}


def last_field(network, input_shape):
    return layer_table(network, input_shape)[-1].receptive_field


def field_by_gradient(network, size):
    """Return how far apart lie the positions that the middle output depends on."""
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    x = torch.ones(1, 1, size, requires_grad=True)
    output = network(x)
    (gradient,) = torch.autograd.grad(output[0, :, output.shape[2] // 2].sum(), x)
    positions = gradient.ravel().nonzero()
    return int(positions.max() - positions.min()) + 1


@pytest.mark.parametrize(("n_layers", "expected"), [(2, 5), (3, 7)])
def test_field_of_3x3_convolutions(n_layers, expected):
    network = nn.Sequential(*[nn.Conv2d(1, 1, 3) for _ in range(n_layers)])
    assert last_field(network, (1, 28, 28)) == (expected, expected)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv1d(1, 1, 3, stride=2), nn.Conv1d(1, 1, 5)],
        [nn.Conv1d(1, 1, 3, dilation=4), nn.Conv1d(1, 1, 2, stride=3)],
        [nn.AvgPool1d(2), nn.Conv1d(1, 1, 3), nn.AvgPool1d(3, 2), nn.Conv1d(1, 1, 2)],
        [ResidualBlock(nn.Conv1d(1, 1, 5, padding=2)), nn.Conv1d(1, 1, 3)],
        [
            ResidualBlock(
                nn.Conv1d(1, 1, 3, stride=2, padding=1), SubsampledShortcut((2,), 0)
            ),
            nn.Conv1d(1, 1, 3),
        ],
        [make_convolution(1, 1, 1, 4, stride=2, padding="same"), nn.Conv1d(1, 1, 2)],
        [SamePooling("average", (3,), (2,)), nn.Conv1d(1, 1, 3)],
        [nn.AdaptiveAvgPool1d(20), nn.Conv1d(1, 1, 3)],
    ],
)
def test_field_is_what_the_gradient_reaches(layers):
    network = nn.Sequential(*layers)
    assert last_field(network, (1, 60)) == (field_by_gradient(network, 60),)


def test_field_of_joined_branches_is_the_largest():
    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.short = nn.Conv2d(1, 1, (1, 5), padding=(0, 2))
            self.long = nn.Conv2d(1, 1, (3, 1), padding=(1, 0))
            self.after = nn.Conv2d(2, 1, 2)

        def forward(self, x):
            return self.after(torch.cat([self.short(x), self.long(x)], dim=1))

    assert last_field(Joined(), (1, 9, 9)) == (4, 6)


def test_field_without_positions_is_the_input():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), GlobalPooling(), nn.Linear(2, 3))
    table = layer_table(network, (1, 8, 9))
    assert [row.receptive_field for row in table] == [(3, 3), (8, 9), (8, 9)]


def test_field_behind_a_gate_on_all_positions():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.conv(x * torch.sigmoid(x.mean((2, 3), keepdim=True)))

    assert last_field(Gated(), (1, 8, 9)) == (10, 11)


# Known values of the last convolution or pooling (Araujo et al., 2019, where a stride
# of a bottleneck is in its first convolution; here it is in the second).
@pytest.mark.parametrize(
    ("name", "expected"),
    [("alexnet", 195), ("vgg16", 212), ("resnet18", 435), ("resnet34", 899)],
)
def test_fields_of_known_networks(name, expected):
    with torch.device("meta"):
        network = ARCHITECTURES[name]((3, 224, 224), 1000)
    table = layer_table(network, (3, 224, 224))
    fields = [row.receptive_field for row in table if len(row.output_shape) == 3]
    assert fields[-1] == (expected, expected)


# Published multiply-adds, in units of 10^9.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alexnet", 0.714),
        ("vgg16", 15.470),
        ("resnet18", 1.814),
        ("resnet50", 4.089),
        ("resnet152", 11.514),
    ],
)
def test_multiply_adds_of_known_networks(name, expected):
    with torch.device("meta"):
        network = ARCHITECTURES[name]((3, 224, 224), 1000)
    table = layer_table(network, (3, 224, 224))
    assert table.multiply_adds / 1e9 == pytest.approx(expected, abs=0.0006)
    assert table.n_parameters == sum(p.numel() for p in network.parameters())


def test_shapes_parameters_and_multiply_adds():
    network = nn.Sequential(
        nn.Conv2d(3, 9, 11),
        nn.MaxPool2d(2),
        nn.Conv2d(9, 9, 3, groups=9, bias=False),
        nn.Flatten(),
        nn.Linear(9 * 11 * 11, 4),
    )
    table = layer_table(network, (3, 36, 36))
    assert [row.kind for row in table] == [
        *("Conv2d", "MaxPool2d", "Conv2d", "Flatten", "Linear")
    ]
    assert [row.output_shape for row in table] == [
        *((9, 26, 26), (9, 13, 13), (9, 11, 11), (1089,), (4,))
    ]
    assert [row.n_parameters for row in table] == [3276, 0, 81, 0, 4360]
    assert [row.multiply_adds for row in table] == [
        *(26 * 26 * 9 * 3 * 121, 0, 11 * 11 * 9 * 9, 0, 4356)
    ]


def test_layer_used_twice_has_its_parameters_once():
    layer = nn.Conv1d(2, 2, 3)
    table = layer_table(nn.Sequential(layer, nn.ReLU(), layer), (2, 9))
    assert [row.n_parameters for row in table] == [14, 0, 0]
    assert [row.multiply_adds for row in table] == [7 * 12, 0, 5 * 12]
    assert table[-1].receptive_field == (5,)


def test_layers_in_lists_are_counted_once():
    with torch.device("meta"):
        network = ARCHITECTURES["inceptiontime"]((1, 96), 2)
    table = layer_table(network, (1, 96))
    convolutions = [row for row in table if "Conv" in row.kind]
    counted = sum(row.n_parameters for row in convolutions) * 96
    assert table.multiply_adds == counted + 128 * 2
    assert "InceptionTimeModule" not in {row.kind for row in table}


def test_parameters_outside_of_layers_have_a_row():
    class Attended(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1, 1, 8))
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)
            return self.attention(x, x, x)[0]

    network = Attended()
    table = rows(network, (5, 8))
    assert table["attention"].n_parameters == 4 * (8 * 8 + 8)
    assert table["attention"].output_shape == (6, 8)
    assert table[""].n_parameters == 8


def test_recurrent_layer():
    (row,) = layer_table(nn.LSTM(4, 8, batch_first=True), (10, 4))
    assert row.output_shape == (10, 8)
    assert row.multiply_adds == 10 * 4 * 8 * (4 + 8)


def test_network_is_left_alone():
    network = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Dropout())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layer_table(network, (1, 9))
    assert network.training
    assert network[1].training
    assert not any(layer._forward_hooks for layer in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_text_has_totals():
    network = nn.Sequential(nn.Conv1d(1, 1000, 3), nn.Flatten())
    lines = str(layer_table(network, (1, 12))).splitlines()
    assert lines[0].split() == [
        *("layer", "kind", "output", "parameters", "sees", "multiply-adds")
    ]
    assert lines[2].split() == [
        "0",
        "Conv1d",
        "1000",
        "x",
        "10",
        "4,000",
        "3",
        "30,000",
    ]
    assert lines[-1].split() == ["total", "4,000", "30,000"]
    assert len({len(line) for line in lines}) == 1


def test_tables_while_other_threads_compute():
    network = ARCHITECTURES["lenet5"]((1, 28, 28), 10)
    alone = layer_table(network, (1, 28, 28))
    done = threading.Event()

    def compute():
        other = nn.Sequential(*[nn.Sequential(nn.Linear(9, 9)) for _ in range(9)])
        while not done.is_set():
            other(torch.zeros(1, 9))
            network(torch.zeros(1, 1, 28, 28))

    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        tables = [layer_table(network, (1, 28, 28)) for _ in range(20)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert all(table == alone for table in tables)


def test_table_in_inference_mode():
    network = nn.Sequential(nn.Conv1d(1, 2, 3), nn.LSTM(7, 4))
    expected = layer_table(network, (1, 9))
    with torch.inference_mode():
        assert layer_table(network, (1, 9)) == expected
    assert expected.multiply_adds == 7 * 6 + 2 * 4 * 4 * (7 + 4)


def test_parametrized_weights_belong_to_their_layer():
    network = nn.Sequential(weight_norm(nn.Conv1d(2, 4, 3, bias=False)), nn.ReLU())
    table = layer_table(network, (2, 9))
    assert [(row.name, row.kind) for row in table] == [("0", "Conv1d"), ("1", "ReLU")]
    assert [row.n_parameters for row in table] == [4 * 2 * 3 + 4, 0]
    assert table.multiply_adds == 7 * 4 * 2 * 3


def test_embedding_of_positions_sees_everything():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 4, 3)
            self.embedding = nn.Embedding(7, 4)

        def forward(self, x):
            return self.conv(x) + self.embedding(torch.arange(7)).T

    table = rows(Positions(), (1, 9))
    assert table["conv"].receptive_field == (3,)
    assert table["embedding"].receptive_field == (9,)
    assert table["embedding"].output_shape == (4,)


def test_layers_that_return_dictionaries_or_no_tensor():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)
            self.weight = nn.Parameter(torch.zeros(3))

        def forward(self, x):
            return {"size": 3, "scaled": self.linear(x) * self.weight}

    class Size(nn.Module):
        def forward(self, x):
            return len(x)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.named, self.size = Named(), Size()

        def forward(self, x):
            return self.named(x)["scaled"] / self.size(x)

    table = layer_table(Both(), (4,))
    assert [row.name for row in table] == ["named.linear", "named"]
    assert table[1].output_shape == (3,)
    assert table.n_parameters == 4 * 3 + 3 + 3


def test_signals_within_an_image_network_see_everything():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(2), nn.Conv1d(2, 2, 3))
    assert last_field(network, (1, 8, 9)) == (8, 9)


def test_network_that_asks_for_values_has_no_table():
    class Choice(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ValueError, match=r"layer_table cannot follow Choice on an .*4"):
        layer_table(Choice(), (4,))
    with pytest.raises(ValueError, match=r"Linear on .*\(5,\).*: RuntimeError: "):
        layer_table(nn.Linear(4, 3), (5,))
    with pytest.raises(ValueError, match=r"follow LazyLinear on"):
        layer_table(nn.LazyLinear(3), (5,))
