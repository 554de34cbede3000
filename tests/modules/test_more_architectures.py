"""Inception, DenseNet, MobileNet and Xception."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from sklearn_dl.modules._convolution import GlobalPooling
from sklearn_dl.modules._densenet import (
    DenselyConnectedLayer,
    densenet121,
    densenet169,
    densenet201,
)
from sklearn_dl.modules._halving import halving_pooling
from sklearn_dl.modules._inception import (
    AuxiliaryClassifier,
    AuxiliaryNetwork,
    Branches,
    inception,
    inception_v3,
)
from sklearn_dl.modules._mobilenet import mobilenet, mobilenet_v2
from sklearn_dl.modules._xception import xception

NETWORKS = (
    inception,
    inception_v3,
    densenet121,
    densenet169,
    densenet201,
    mobilenet,
    mobilenet_v2,
    xception,
)
WITH_AUXILIARY = {inception: 2, inception_v3: 1}
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

# The three of DenseNet differ in nothing but the number of layers.
DISTINCT = [make for make in NETWORKS if make not in (densenet169, densenet201)]
distinct = pytest.mark.parametrize("make", DISTINCT, ids=lambda make: make.__name__)
ANY_DIMENSION = [make for make in DISTINCT if make is not inception_v3]
any_dimension = pytest.mark.parametrize("make", ANY_DIMENSION)
every = pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)


def on_meta(make, input_shape, n_outputs=1000):
    """Return a network whose weights need no memory."""
    with torch.device("meta"):
        return make(input_shape, n_outputs)


def n_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def n_statistics(module):
    """Count running means and variances; the counters of batches are no part of it."""
    return sum(buffer.numel() for buffer in module.buffers() if buffer.ndim)


def auxiliary_classifiers(network):
    return [m for m in network.modules() if isinstance(m, AuxiliaryClassifier)]


def last_sides(network, input_shape):
    """Return the side lengths of the last feature map."""
    seen = []
    pooling = [m for m in network.features.modules() if isinstance(m, GlobalPooling)]
    pooling[-1].register_forward_pre_hook(lambda _, x: seen.append(x[0].shape[2:]))
    network.eval()(torch.zeros(1, *input_shape, device="meta"))
    return tuple(seen[0])


@pytest.mark.parametrize(
    ("make", "size", "expected"),
    [
        # Learned parameters, as torchvision counts them.
        (inception_v3, 299, 27_161_264),
        (densenet121, 224, 7_978_856),
        (densenet169, 224, 14_149_480),
        (densenet201, 224, 20_013_928),
        (mobilenet, 224, 4_231_976),
        (mobilenet_v2, 224, 3_504_872),
        (xception, 299, 22_855_952),
        # torchvision's 13,004,888, and 16 more weights for each pair of channels in the
        # nine convolutions that are 5x5 here and 3x3 there.
        (inception, 224, 13_004_888 + 380_928),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_number_of_parameters(make, size, expected):
    assert n_parameters(on_meta(make, (3, size, size))) == expected


@pytest.mark.parametrize(
    ("make", "size", "expected"),
    [
        # Parameters and running statistics of batch normalisation, as Keras counts.
        (densenet121, 224, 8_062_504),
        (densenet169, 224, 14_307_880),
        (densenet201, 224, 20_242_984),
        (mobilenet, 224, 4_253_864),
        (mobilenet_v2, 224, 3_538_984),
        (xception, 299, 22_910_480),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_number_of_parameters_and_statistics(make, size, expected):
    network = on_meta(make, (3, size, size))
    assert n_parameters(network) + n_statistics(network) == expected


@pytest.mark.parametrize(
    ("make", "size", "expected"),
    [(inception, 224, 7_005_832), (inception_v3, 299, 23_834_568)],
)
def test_number_of_parameters_without_auxiliary_classifiers(make, size, expected):
    network = on_meta(make, (3, size, size))
    sides = sum(n_parameters(side) for side in auxiliary_classifiers(network))
    assert n_parameters(network) - sides == expected


def test_inception_is_the_paper_s_but_for_batch_norm():
    # With a bias for each filter, in place of the two parameters of batch
    # normalisation, it has the 13,378,280 parameters of the published GoogLeNet.
    network = on_meta(inception, (3, 224, 224))
    norms = [m for m in network.modules() if isinstance(m, BATCH_NORMS)]
    n_filters = sum(norm.num_features for norm in norms)
    assert n_parameters(network) - 2 * n_filters + n_filters == 13_378_280
    # 57 convolutions, and one in each of the two auxiliary classifiers.
    assert len(norms) == 57 + 2


@pytest.mark.parametrize(
    ("make", "size", "millions", "sides"),
    [
        (inception_v3, 299, 5713, (8, 8)),
        (densenet121, 224, 2834, (7, 7)),
        (densenet169, 224, 3360, (7, 7)),
        (densenet201, 224, 4291, (7, 7)),
        (mobilenet, 224, 569, (7, 7)),
        (mobilenet_v2, 224, 301, (7, 7)),
        (xception, 299, 8357, (10, 10)),
        (inception, 224, 1583, (7, 7)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_multiply_adds_and_last_feature_map(make, size, millions, sides):
    """Strides and paddings are where the papers have them: the work says so."""
    input_shape = (3, size, size)
    network = on_meta(make, input_shape)
    with FlopCounterMode(display=False) as counter:
        assert last_sides(network, input_shape) == sides
    assert round(counter.get_total_flops() / 2e6) == millions


@distinct
@pytest.mark.parametrize("side", [1, 3, 33, 140])
def test_any_size_will_do(make, side):
    # One side is small, the other is not: strides are left out side by side.
    input_shape = (2, side, 65)
    network = on_meta(make, input_shape, 5)
    outputs = network(torch.zeros(3, *input_shape, device="meta"))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    assert [output.shape for output in outputs] == [(3, 5)] * len(outputs)
    shortest, longest = last_sides(network, input_shape)
    assert shortest >= min(side, 3)
    assert longest >= 4


@distinct
def test_small_images_keep_their_positions(make):
    network = on_meta(make, (1, 28, 28), 10)
    assert last_sides(network, (1, 28, 28)) in [(4, 4), (3, 3)]


def train_one_step(make, input_shape):
    """Check that a step lowers the loss and that every parameter is part of it."""
    network = make(input_shape, 3)
    x, y = torch.randn(6, *input_shape), torch.tensor([0, 1, 2, 0, 1, 2])

    def loss():
        # The same units are dropped before and after the step.
        torch.manual_seed(1)
        outputs = network(x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return sum(F.cross_entropy(output, y) for output in outputs)

    first = loss()
    first.backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert all(gradient.any() for gradient in gradients)
    torch.optim.SGD(network.parameters(), lr=1e-5).step()
    assert loss() < first
    assert network.eval()(x).shape == (6, 3)


@every
def test_a_step_on_small_images(make):
    train_one_step(make, (1, 16, 16))


@any_dimension
def test_a_step_on_signals(make):
    train_one_step(make, (2, 40))


@pytest.mark.slow
@any_dimension
def test_a_step_on_volumes(make):
    train_one_step(make, (1, 6, 5, 4))


@pytest.mark.parametrize("input_shape", [(3, 299), (1, 16, 16, 16)])
def test_inception_v3_is_for_images(input_shape):
    with pytest.raises(
        ValueError, match=r"inception_v3.*\(n_channels, height, width\)"
    ):
        inception_v3(input_shape, 10)


@distinct
@pytest.mark.parametrize("input_shape", [(3,), (3, 0), (1, 2, 3, 4, 5)])
def test_bad_input_shape(make, input_shape):
    with pytest.raises(ValueError, match="input_shape must be"):
        make(input_shape, 10)


@distinct
def test_features_and_head(make):
    network = make((1, 8, 8), 3).eval()
    x = torch.randn(2, 1, 8, 8)
    features = network.forward_features(x)
    assert features.shape == (2, network.head.in_features)
    torch.testing.assert_close(network(x), network.head(features))
    assert list(network.children())[-1] is network.head


@distinct
def test_dropout(make):
    default = {
        inception: 0.4,
        inception_v3: 0.5,
        mobilenet: 0.001,
        mobilenet_v2: 0.2,
        xception: 0.5,
    }.get(make, 0.0)

    def rate(network):
        last = list(network.features.children())[-1]
        return last.p if isinstance(last, nn.Dropout) else 0.0

    with torch.device("meta"):
        assert rate(make((1, 8, 8), 3)) == default
        assert rate(make((1, 8, 8), 3, dropout=0.7)) == 0.7
        assert rate(make((1, 8, 8), 3, dropout=0.0)) == 0.0


# Auxiliary classifiers -------------------------------------------------------


@pytest.mark.parametrize("make", WITH_AUXILIARY)
def test_auxiliary_outputs_are_there_in_training_only(make):
    network = make((1, 16, 16), 4)
    x = torch.randn(2, 1, 16, 16)
    assert network.auxiliary_weight == 0.3
    output, *auxiliary = network(x)
    assert output.shape == (2, 4)
    assert [side.shape for side in auxiliary] == [(2, 4)] * WITH_AUXILIARY[make]
    assert network.forward_features(x).shape == (2, network.head.in_features)
    assert network.eval()(x).shape == (2, 4)


def test_an_auxiliary_classifier_sees_what_is_in_front_of_it():
    double = nn.Linear(1, 1, bias=False)
    nn.init.constant_(double.weight, 2.0)
    side = AuxiliaryClassifier(nn.Identity())
    network = AuxiliaryNetwork([double, side, double, side], double)
    outputs = network(torch.ones(1, 1))
    assert [output.item() for output in outputs] == [8.0, 2.0, 4.0]
    assert network.forward_features(torch.ones(1, 1)).item() == 4.0


def test_auxiliary_gradients_reach_only_what_is_in_front():
    network = inception((1, 16, 16), 2)
    first = network(torch.randn(3, 1, 16, 16))[1]
    first.sum().backward()
    reached = [
        any(p.grad is not None for p in m.parameters()) for m in network.features
    ]
    position = next(
        k for k, m in enumerate(network.features) if isinstance(m, AuxiliaryClassifier)
    )
    assert not any(reached[position + 1 :])
    assert all(
        p.grad is not None
        for m in network.features[: position + 1]
        for p in m.parameters()
    )


def test_auxiliary_classifiers_of_the_papers_at_their_sizes():
    v1 = auxiliary_classifiers(on_meta(inception, (3, 224, 224)))
    # 14 positions, windows of 5, steps of 3: 4 x 4 positions of 128 channels.
    assert [side[0].kernel_size for side in v1] == [(5, 5), (5, 5)]
    assert [side[0].stride for side in v1] == [(3, 3), (3, 3)]
    assert v1[0][3].in_features == 128 * 4 * 4
    (v3,) = auxiliary_classifiers(on_meta(inception_v3, (3, 299, 299)))
    # 17 positions are pooled to 5 and convolved to 1.
    assert v3(torch.zeros(2, 768, 17, 17, device="meta")).shape == (2, 1000)
    assert v3[:3](torch.zeros(2, 768, 17, 17, device="meta")).shape == (2, 768, 1, 1)


def test_order_of_the_modules_of_inception_v3():
    """Weights stand in the order of torchvision's, so that they match one by one."""
    shapes = [
        tuple(parameter.shape)
        for parameter in on_meta(inception_v3, (3, 299, 299)).parameters()
        if parameter.ndim > 1
    ]
    assert shapes[:5] == [
        (32, 3, 3, 3),
        (32, 32, 3, 3),
        (64, 32, 3, 3),
        (80, 64, 1, 1),
        (192, 80, 3, 3),
    ]
    start = shapes.index((128, 768, 1, 1), 60)  # the auxiliary classifier
    assert shapes[start : start + 5] == [
        (128, 768, 1, 1),
        (768, 128, 5, 5),
        (1000, 768),
        (192, 768, 1, 1),
        (320, 192, 3, 3),
    ]
    assert shapes[-10:] == [
        (320, 2048, 1, 1),
        (384, 2048, 1, 1),
        (384, 384, 1, 3),
        (384, 384, 3, 1),
        (448, 2048, 1, 1),
        (384, 448, 3, 3),
        (384, 384, 1, 3),
        (384, 384, 3, 1),
        (192, 2048, 1, 1),
        (1000, 2048),
    ]


# Their parts -----------------------------------------------------------------


def test_branches_are_put_side_by_side():
    x = torch.randn(2, 3, 5, 5)
    output = Branches([nn.Identity(), nn.ReLU()])(x)
    torch.testing.assert_close(output, torch.cat([x, x.clamp(min=0)], dim=1))


def test_a_densely_connected_layer_keeps_what_it_is_given():
    x = torch.randn(2, 5, 4, 4)
    output = DenselyConnectedLayer(2, 5)(x)
    assert output.shape == (2, 37, 4, 4)
    assert torch.equal(output[:, :5], x)


def test_halving_pooling():
    x = torch.arange(20.0).reshape(1, 1, 5, 4)
    expected = F.max_pool2d(x, (3, 1), (2, 1), (1, 0))
    torch.testing.assert_close(halving_pooling((2, 1))(x), expected)
    torch.testing.assert_close(halving_pooling((1, 1))(x), x)
    expected = F.max_pool2d(x, 3, 2)
    torch.testing.assert_close(halving_pooling((2, 2), (0, 0))(x), expected)


def test_inverted_residuals_add_their_input_where_the_shapes_agree():
    network = mobilenet_v2((1, 224, 224), 2)
    added = [m for m in network.modules() if type(m).__name__ == "ResidualBlock"]
    # Of 17 blocks, all but the first of each of the seven groups.
    assert len(added) == 17 - 7
    # No activation behind the sum: linear bottlenecks have negative values too.
    block = added[0].eval()
    x = -torch.ones(1, 24, 4, 4)
    torch.testing.assert_close(block(x), x + block.residual(x))
    assert (block(x) < 0).any()


def test_separable_convolutions_of_xception():
    network = on_meta(xception, (3, 299, 299))
    depthwise = [
        m
        for m in network.modules()
        if isinstance(m, nn.Conv2d) and m.groups == m.in_channels
    ]
    assert len(depthwise) == 34
    assert {m.groups for m in depthwise} == {64, 128, 256, 728, 1024, 1536}
