"""LeNet-5, AlexNet, VGG, residual and signal networks, and the table of all names."""

import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sklearn_dl.modules import (
    ARCHITECTURES,
    ConvolutionalNetwork,
    make_convolutional,
)

# From volumes to single values.
SHAPES = [
    *((1, 1), (1, 2), (2, 96), (1, 8, 8), (3, 4, 4), (3, 1, 40), (1, 28, 28)),
    *((3, 32, 32), (1, 1, 1, 1), (2, 9, 10, 11)),
]
NAMES = [
    *("lenet5", "alexnet", "vgg11", "vgg13", "vgg16", "vgg19"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnet20", "resnet56", "plain20", "fcn", "inceptiontime"),
]
BRIEF = {"18", "20", "56"}  # layers of those that take a step at once


def on_meta(name, input_shape, n_outputs, **options):
    """Return a network without numbers."""
    with torch.device("meta"):
        return make_convolutional(name, input_shape, n_outputs, **options)


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def n_statistics(network):
    """Count the running means and variances of batch normalisation."""
    return sum(
        value.numel() for name, value in network.named_buffers() if "running_" in name
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alexnet", 61_100_840),
        ("vgg11", 132_863_336),
        ("vgg13", 133_047_848),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
    ],
)
def test_parameters_for_photographs(name, expected):
    assert n_parameters(on_meta(name, (3, 224, 224), 1000)) == expected


@pytest.mark.parametrize(
    ("name", "input_shape", "n_outputs", "expected"),
    [
        ("lenet5", (1, 32, 32), 10, 61_706),
        ("lenet5", (1, 28, 28), 10, 61_706),
        ("alexnet", (3, 227, 227), 1000, 61_100_840),
        # Published as 0.27 and 0.85 millions.
        ("resnet20", (3, 32, 32), 10, 269_722),
        ("plain20", (3, 32, 32), 10, 269_722),
        ("resnet56", (3, 32, 32), 10, 853_018),
        ("fcn", (1, 96), 2, 264_450),
        ("inceptiontime", (1, 96), 2, 420_450),
    ],
)
def test_parameters_for_small_inputs(name, input_shape, n_outputs, expected):
    assert n_parameters(on_meta(name, input_shape, n_outputs)) == expected


def test_the_other_count_of_resnet50():
    # With running statistics, and a bias in every convolution.
    network = on_meta("resnet50", (3, 224, 224), 1000)
    biases = sum(
        layer.out_channels
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d) and layer.bias is None
    )
    assert n_statistics(network) == 53_120
    assert biases == 26_560
    assert n_parameters(network) + n_statistics(network) + biases == 25_636_712


def published_resnet50_shapes():
    """Write down the shapes of published weights of ResNet-50 in their order."""
    norm = [(64,)] * 4 + [()]
    shapes = [(64, 3, 7, 7), *norm]
    n_in = 64
    for width, n_blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for k in range(n_blocks):
            norm, wide = [(width,)] * 4 + [()], [(4 * width,)] * 4 + [()]
            shapes += [(width, n_in, 1, 1), *norm, (width, width, 3, 3), *norm]
            shapes += [(4 * width, width, 1, 1), *wide]
            if k == 0:
                shapes += [(4 * width, n_in, 1, 1), *wide]
            n_in = 4 * width
    return [*shapes, (1000, 2048), (1000,)]


def test_order_of_the_weights_of_resnet50():
    network = on_meta("resnet50", (3, 224, 224), 1000)
    given = [tuple(value.shape) for value in network.state_dict().values()]
    assert given == published_resnet50_shapes()


def test_order_of_the_weights_of_vgg11():
    network = on_meta("vgg11", (3, 224, 224), 1000)
    given = [tuple(value.shape) for value in network.state_dict().values()]
    n_in, expected = 3, []
    for filters in (64, 128, 256, 256, 512, 512, 512, 512):
        expected += [(filters, n_in, 3, 3), (filters,)]
        n_in = filters
    expected += [
        (4096, 512 * 49),
        (4096,),
        (4096, 4096),
        (4096,),
        (1000, 4096),
        (1000,),
    ]
    assert given == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("input_shape", SHAPES, ids=str)
def test_every_shape_gives_outputs(name, input_shape):
    if name == "inceptiontime" and len(input_shape) > 2:
        with pytest.raises(ValueError, match="inceptiontime takes signals"):
            on_meta(name, input_shape, 3)
        return
    network = on_meta(name, input_shape, 3).eval()
    x = torch.empty(2, *input_shape, device="meta")
    features = network.forward_features(x)
    assert features.shape == (2, network.head.in_features)
    assert network(x).shape == (2, 3)


STEPS = [
    *((name, (2, 24)) for name in ("lenet5", "resnet20", "fcn", "inceptiontime")),
    *((name, (2, 9, 9)) for name in ("lenet5", "resnet20", "plain20", "fcn")),
    *((name, (2, 5, 6, 4)) for name in ("lenet5", "resnet20", "plain20")),
    ("resnet56", (2, 4, 4)),
    ("resnet18", (2, 4, 4)),
    *(
        pytest.param(name, (2, 4, 4), marks=pytest.mark.slow)
        for name in NAMES
        if name.startswith(("alex", "vgg", "resnet")) and name[-2:] not in BRIEF
    ),
]


@pytest.mark.parametrize(("name", "input_shape"), STEPS, ids=str)
def test_one_step_makes_the_loss_smaller(name, input_shape):
    network = make_convolutional(name, input_shape, 3, dropout=0.0)
    x, y = torch.randn(6, *input_shape), torch.arange(6) % 3
    before = F.cross_entropy(network(x), y)
    before.backward()
    slope = sum(parameter.grad.square().sum() for parameter in network.parameters())
    with torch.no_grad():
        # Deep networks are far from linear: a step that promises to take 5% away.
        for parameter in network.parameters():
            parameter -= 0.05 * before / slope * parameter.grad
        assert F.cross_entropy(network(x), y) < 0.98 * before


@pytest.mark.parametrize("name", ["resnet20", "resnet18"])
def test_every_weight_gets_a_gradient(name):
    network = make_convolutional(name, (1, 8, 8), 3)
    network(torch.randn(4, 1, 8, 8)).square().sum().backward()
    for parameter in network.parameters():
        assert parameter.grad.abs().sum() > 0


def test_plain_network_is_the_residual_one_without_shortcuts():
    residual, plain = (
        make_convolutional(name, (3, 8, 8), 4) for name in ("resnet20", "plain20")
    )
    values = residual.state_dict().values()
    plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)))
    x = torch.randn(2, 3, 8, 8)
    first = residual.features[0](x)
    block, plain_block = residual.features[1][0], plain.features[1][0]
    expected = torch.relu(block.residual(first))
    torch.testing.assert_close(plain_block(first), expected)
    assert not torch.allclose(block(first), expected)


def test_subsampled_shortcut():
    network = make_convolutional("resnet20", (3, 16, 16), 4)
    x = torch.randn(2, 16, 16, 16)
    short = network.features[2][0].shortcut(x)
    assert short.shape == (2, 32, 8, 8)
    assert torch.equal(short[:, :16], x[:, :, ::2, ::2])
    assert not short[:, 16:].any()


@pytest.mark.parametrize(
    ("side", "strides"),
    [(224, [2, 2, 2, 2, 2]), (64, [1, 2, 2, 2, 2]), (32, [1, 1, 2, 2, 2])],
)
def test_residual_network_drops_the_first_strides(side, strides):
    network = on_meta("resnet18", (3, side, side), 10)
    features = network.features
    pool = features[1].stride[0] if hasattr(features[1], "stride") else 1
    stages = [features[k][0].residual[0][0].stride[0] for k in (3, 4, 5)]
    assert [features[0][0].stride[0], pool, *stages] == strides


@pytest.mark.parametrize(
    ("name", "published"),
    [("lenet5", 0), ("alexnet", 0.5), ("vgg11", 0.5), ("resnet18", 0), ("fcn", 0)],
)
def test_dropout(name, published):
    def rates(dropout):
        network = on_meta(name, (1, 64), 2, dropout=dropout)
        return {m.p for m in network.modules() if isinstance(m, nn.Dropout)}

    assert rates(None) == ({published} if published else set())
    assert rates(0.25) == {0.25}
    assert rates(0.0) == set()


def test_inceptiontime_sees_mixtures_of_several_channels():
    one = make_convolutional("inceptiontime", (1, 9), 2).features[0].residual[0]
    two = make_convolutional("inceptiontime", (2, 9), 2).features[0].residual[0]
    assert [c.in_channels for c in one.convolutions] == [1, 1, 1]
    assert [c.in_channels for c in two.convolutions] == [32, 32, 32]
    assert [c.kernel_size for c in one.convolutions] == [(40,), (20,), (10,)]


def test_networks_can_be_pickled():
    for name in NAMES:
        network = on_meta(name, (1, 20), 2)
        again = pickle.loads(pickle.dumps(network))
        assert list(again.state_dict()) == list(network.state_dict())


def test_architectures_are_known_by_the_name_of_their_function():
    assert {*NAMES} <= {*ARCHITECTURES}
    for name, function in ARCHITECTURES.items():
        assert function.__name__ == name


def test_make_convolutional_takes_lists_and_functions():
    from_list = make_convolutional(["global_max_pool"], [3, 4, 4], 2, dropout=0.1)
    assert from_list.head.in_features == 3
    assert isinstance(from_list.features[-1], nn.Dropout)

    def own(input_shape, n_outputs):
        assert input_shape == (3, 4, 4)
        return ConvolutionalNetwork(nn.Flatten(), nn.Linear(48, n_outputs))

    assert make_convolutional(own, [3, 4, 4], 2).head.out_features == 2


@pytest.mark.parametrize(
    ("architecture", "dropout", "error", "message"),
    [
        (
            "lenet",
            None,
            ValueError,
            r"must be one of \['alexnet'.*'lenet'",
        ),
        (5, None, TypeError, "must be a name, a list of layers or a function, got 5"),
        (nn.Flatten, 0.1, ValueError, "dropout must be None where architecture is a f"),
        (
            lambda shape, n: None,
            None,
            TypeError,
            "must return a torch.nn.Module, got",
        ),
    ],
)
def test_make_convolutional_errors(architecture, dropout, error, message):
    with pytest.raises(error, match=message):
        make_convolutional(architecture, (1, 8, 8), 2, dropout=dropout)


@pytest.mark.parametrize("name", NAMES)
def test_input_shape_errors(name):
    with pytest.raises(ValueError, match="input_shape must be"):
        make_convolutional(name, (8,), 2)
