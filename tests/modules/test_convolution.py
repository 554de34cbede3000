"""Convolutions, poolings and units: the worked examples, formulas, and references."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sklearn_dl.modules import (
    ConvolutionalNetwork,
    ConvolutionUnit,
    GlobalPooling,
    ResidualBlock,
    SamePooling,
    SeparableConvolution,
    make_convolution,
    make_pooling,
    output_size,
)
from sklearn_dl.modules._convolution import (
    check_input_shape,
    fit_window,
    initialize_convolutions_,
    initialize_layer_,
    output_sizes,
    plan_strides,
)


def n_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def with_kernel(kernel, **options):
    """Return a convolution of one channel whose kernel is given."""
    kernel = torch.as_tensor(kernel, dtype=torch.float32)
    layer = make_convolution(kernel.ndim, 1, 1, kernel.shape, bias=False, **options)
    layer.weight.data = kernel[None, None]
    return layer


def image(values):
    return torch.as_tensor(values, dtype=torch.float32)[None, None]


def test_vertical_edges():
    x = [
        [3, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ]
    edges = with_kernel([[1, 0, -1]] * 3)(image(x))
    expected = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]
    assert edges[0, 0].tolist() == expected


def test_cross_through_rectifier_and_pooling():
    # Both diagonals of a 9x9 image, without the border.
    inside = np.arange(9) % 8 != 0
    x = np.full((9, 9), -1.0)
    x[np.eye(9, dtype=bool) & inside] = 1
    x[np.eye(9, dtype=bool)[::-1] & inside] = 1
    diagonal = np.where(np.eye(3), 1.0, -1.0) / 9
    maps = with_kernel(diagonal)(image(x))
    first_row = [0.78, -0.11, 0.11, 0.33, 0.56, -0.11, 0.33]
    np.testing.assert_allclose(maps[0, 0, 0].detach(), first_row, atol=0.005)
    pool = make_pooling("max", 2, 2, stride=2, ceil_mode=True)
    pooled = pool(torch.relu(maps))
    expected = [
        [1, 0.33, 0.56, 0.33],
        [0.33, 1, 0.33, 0.56],
        [0.56, 0.33, 1, 0.11],
        [0.33, 0.56, 0.11, 0.78],
    ]
    np.testing.assert_allclose(pooled[0, 0].detach(), expected, atol=0.005)


def test_transposed_convolution():
    kernel = [[1, 2], [2, 1]]
    convolution = with_kernel(kernel)
    there = convolution(image([[1, 2, 3], [6, 5, 3], [1, 4, 1]]))
    assert there[0, 0].tolist() == [[22, 21], [22, 20]]
    small = image([[1, 2], [2, 4]])
    back = F.conv_transpose2d(small, image(kernel))
    assert back[0, 0].tolist() == [[1, 4, 4], [4, 13, 10], [4, 10, 4]]
    # It is the transpose of the convolution as a linear map, and so its gradient.
    x = torch.zeros(1, 1, 3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(convolution(x), x, small)
    assert torch.equal(gradient, back)


def test_nine_filters_on_a_picture():
    layer = make_convolution(2, 3, 9, 11)
    assert layer(torch.zeros(1, 3, 36, 36)).shape == (1, 9, 26, 26)
    assert n_parameters(layer) == 3276


def test_weights_of_a_dense_layer_on_a_picture():
    assert n_parameters(nn.Linear(200 * 200 * 3, 300, device="meta")) == 36_000_300


@pytest.mark.parametrize("padding", ["valid", "same", "full", 0, 3])
def test_output_size_is_what_a_layer_returns(padding):
    for size in (9, 10, 17):
        for kernel_size in (1, 2, 5):
            for stride in (1, 2, 3, 7):
                for dilation in (1, 2):
                    layer = make_convolution(
                        1,
                        1,
                        1,
                        kernel_size,
                        stride=stride,
                        padding=padding,
                        dilation=dilation,
                    )
                    expected = layer(torch.zeros(1, 1, size)).shape[2]
                    given = output_size(size, kernel_size, stride, padding, dilation)
                    assert given == expected
                    if padding == "same":
                        assert given == math.ceil(size / stride)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_output_size_with_partial_windows(stride):
    for size in range(4, 12):
        for kernel_size, padding in ((2, 0), (2, 1), (3, 1), (4, 2)):
            pool = nn.MaxPool1d(kernel_size, stride, padding, ceil_mode=True)
            given = output_size(size, kernel_size, stride, padding, ceil_mode=True)
            assert given == pool(torch.zeros(1, 1, size)).shape[2]


def test_output_size_errors():
    with pytest.raises(ValueError, match=r"spans 5 .* at least 5, got size=4"):
        output_size(4, 3, dilation=2)
    with pytest.raises(ValueError, match=r"padding must be one of .*'half'"):
        output_size(4, 3, padding="half")
    with pytest.raises(ValueError, match="stride must have 2 values"):
        output_sizes((4, 4), 3, (1, 2, 3))


def test_same_padding_puts_the_odd_zero_at_the_end():
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    assert with_kernel([1, 1], padding="same")(x).tolist() == [[[3, 5, 7, 4]]]
    ones = with_kernel([1, 1, 1], padding="same", stride=2)
    assert ones(x).tolist() == [[[6, 7]]]
    # Five positions need a zero at both ends.
    longer = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]])
    assert ones(longer).tolist() == [[[3, 9, 9]]]


def test_same_padding_of_unequal_sides():
    layer = make_convolution(3, 2, 4, (1, 2, 3), stride=(2, 1, 2), padding="same")
    assert layer(torch.zeros(1, 2, 5, 6, 8)).shape == (1, 4, 3, 6, 4)


def test_full_padding_counts_every_overlap():
    x, kernel = np.random.default_rng(0).normal(size=(2, 7))
    full = with_kernel(kernel[:3], padding="full")(
        torch.as_tensor(x, dtype=torch.float32)[None, None]
    )
    reference = np.convolve(x, kernel[:3][::-1])
    np.testing.assert_allclose(full.detach().ravel(), reference, atol=1e-6)


def test_symmetric_padding_is_left_to_torch():
    layer = make_convolution(2, 1, 1, (3, 5), padding="same", dilation=(2, 1))
    assert type(layer) is nn.Conv2d
    assert layer.padding == (2, 2)


def test_convolution_errors():
    with pytest.raises(ValueError, match="n_dims must be 1, 2 or 3, got 4"):
        make_convolution(4, 1, 1, 3)
    with pytest.raises(ValueError, match=r"padding must be one of .* got 'none'"):
        make_convolution(2, 1, 1, 3, padding="none")
    with pytest.raises(ValueError, match="kernel_size must have 2 values"):
        make_convolution(2, 1, 1, (3, 3, 3))


def pooled_by_hand(x, kernel_size, stride, reduce):
    """Pool one side with "same" padding, leaving out what is not there."""
    n_out = math.ceil(len(x) / stride)
    total = max(0, (n_out - 1) * stride + kernel_size - len(x))
    starts = [k * stride - total // 2 for k in range(n_out)]
    return [reduce(x[max(0, s) : s + kernel_size]) for s in starts]


@pytest.mark.parametrize(("kind", "reduce"), [("max", np.max), ("average", np.mean)])
@pytest.mark.parametrize("kernel_size", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_pooling(kind, reduce, kernel_size, stride):
    x = np.random.default_rng(0).normal(size=8) - 5  # a 0 of the padding would show
    pool = make_pooling(kind, 1, kernel_size, stride=stride, padding="same")
    pooled = pool(torch.as_tensor(x)[None, None])
    expected = pooled_by_hand(x, kernel_size, stride, reduce)
    np.testing.assert_allclose(pooled.ravel(), expected)


@pytest.mark.parametrize("n_dims", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "average"])
def test_same_pooling_of_all_dimensions(n_dims, kind):
    pool = SamePooling(kind, (2,) * n_dims, (2,) * n_dims)
    pooled = pool(torch.full((1, 2, *[3] * n_dims), -2.0))
    assert torch.equal(pooled, torch.full((1, 2, *[2] * n_dims), -2.0))


def test_average_pooling_leaves_padding_out():
    pool = make_pooling("average", 1, 3, stride=1, padding=1)
    assert pool(torch.tensor([[[2.0, 4.0, 6.0]]])).tolist() == [[[3, 4, 5]]]


def test_pooling_of_single_positions_is_nothing():
    assert isinstance(make_pooling("max", 2, 1), nn.Identity)
    assert isinstance(make_pooling("max", 2, 1, stride=2), nn.MaxPool2d)


def test_pooling_errors():
    with pytest.raises(ValueError, match="kind must be 'max' or 'average'"):
        make_pooling("median", 1, 2)
    with pytest.raises(ValueError, match="at most half of its window, got padding=2"):
        make_pooling("max", 1, 3, padding=2)
    with pytest.raises(ValueError, match="must be 'valid', 'same' or a number"):
        make_pooling("max", 1, 3, padding="full")
    with pytest.raises(ValueError, match="kind must be 'average' or 'max'"):
        GlobalPooling("sum")


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_global_pooling(n_dims):
    x = torch.randn(2, 3, *[4] * n_dims)
    flat = x.flatten(2)
    torch.testing.assert_close(GlobalPooling()(x), flat.mean(2))
    torch.testing.assert_close(GlobalPooling("max")(x), flat.max(2).values)


def test_convolution_unit():
    unit = ConvolutionUnit(2, 3, 8, 3, stride=2, activation="relu6")
    convolution, norm, activation = unit
    assert convolution.bias is None
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(activation, nn.ReLU6)
    assert unit(torch.zeros(2, 3, 8, 8)).shape == (2, 8, 4, 4)
    assert len(ConvolutionUnit(1, 3, 8, (5,), activation=None)) == 2


def test_convolution_unit_pads_by_half_of_the_extent():
    assert ConvolutionUnit(1, 1, 1, 3, dilation=4)[0].padding == (4,)
    assert ConvolutionUnit(2, 1, 1, (1, 7), stride=2)[0].padding == (0, 3)


def test_separable_convolution():
    layer = SeparableConvolution(2, 16, 32, 3)
    assert n_parameters(layer) == 16 * 9 + 16 * 32
    # One channel of the input reaches the output by its own kernel alone.
    x = torch.zeros(1, 16, 5, 5)
    x[0, 4] = torch.randn(5, 5)
    depthwise, pointwise = layer
    alone = F.conv2d(x[:, 4:5], depthwise.weight[4:5], padding=1)
    expected = F.conv2d(alone, pointwise.weight[:, 4:5])
    torch.testing.assert_close(layer(x), expected)


def test_residual_block():
    x = torch.tensor([[-3.0, 2.0]])
    double = nn.Linear(2, 2, bias=False)
    double.weight.data = 2 * torch.eye(2)
    assert ResidualBlock(double)(x).tolist() == [[0, 6]]
    both = ResidualBlock(double, nn.Tanh(), activation="identity")(x)
    torch.testing.assert_close(both, 2 * x + x.tanh())


def test_network_is_head_of_features():
    network = ConvolutionalNetwork(
        nn.Sequential(nn.Conv2d(1, 2, 3), GlobalPooling()), nn.Linear(2, 5)
    )
    x = torch.randn(3, 1, 6, 6)
    features = network.forward_features(x)
    assert features.shape == (3, 2)
    assert torch.equal(network(x), network.head(features))


@pytest.mark.parametrize("groups", [1, 4, 64])
def test_initial_weights(groups):
    layer = make_convolution(2, 64, 256, 5, groups=groups)
    initialize_convolutions_(nn.Sequential(layer))
    expected = math.sqrt(2 * groups / (256 * 25))
    assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
    assert not layer.bias.any()


def test_initial_weights_of_other_layers_stay():
    dense = nn.Linear(3, 3)
    before = dense.weight.clone()
    initialize_convolutions_(nn.Sequential(dense))
    assert torch.equal(dense.weight, before)


@pytest.mark.parametrize("padding", ["valid", "same", "full", 1])
@pytest.mark.parametrize("size", [5, 6, 50])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2)])
def test_initial_weights_count_what_a_unit_sees(padding, size, stride, dilation):
    options = {"padding": padding, "stride": stride, "dilation": dilation}
    layer = make_convolution(1, 128, 128, 3, **options)
    initialize_layer_(layer, (size,))
    # With ones everywhere each output counts the values that are no padding.
    seen = with_kernel([1, 1, 1], **options)(torch.ones(1, 1, size)).mean().item()
    expected = math.sqrt(2 / (128 * seen))
    assert layer.weight.std().item() == pytest.approx(expected, rel=0.02)
    assert not layer.bias.any()


def test_initial_weights_keep_the_size_of_signals():
    layers = [make_convolution(2, 64, 64, 3, padding="same") for _ in range(8)]
    for layer in layers:
        initialize_layer_(layer, (2, 2))
    dense = nn.Linear(256, 512)
    initialize_layer_(dense)
    network = nn.Sequential(
        *[nn.Sequential(layer, nn.ReLU()) for layer in layers],
        *(nn.Flatten(), dense, nn.ReLU()),
    )
    size = network(torch.randn(200, 64, 2, 2)).square().mean()
    assert 0.3 < size.item() < 3


def test_plan_strides():
    assert plan_strides((32,), 2) == [(2,), (2,)]
    assert plan_strides((224, 97, 96, 4), 5) == [
        (2, 2, 1, 1),
        *[(2, 2, 2, 1)] * 4,
    ]
    assert plan_strides((8,), 3, smallest=1) == [(2,), (2,), (2,)]


def test_fit_window():
    assert fit_window((3, 2), 3, 2, 1) == ((3, 1), (2, 1), (1, 0))


@pytest.mark.parametrize("shape", [(3,), (3, 0), (1, 2, 3, 4, 5)])
def test_input_shape_errors(shape):
    with pytest.raises(ValueError, match="input_shape must be the number of channels"):
        check_input_shape(shape)
