"""Networks from lists that describe their layers."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_dl.modules import ACTIVATIONS, SeparableConvolution, build_layers
from sklearn_dl.modules._layer_list import LAYERS


def shapes(network, input_shape):
    """Return the shape of what comes out of each layer of the list."""
    x = torch.zeros(2, *input_shape)
    sizes = []
    for layer in network.eval().features:
        x = layer(x)
        sizes.append(tuple(x.shape[1:]))
    return sizes


def test_every_layer_in_one_network():
    network = build_layers(
        [
            {
                "layer": "conv",
                "filters": 8,
                "kernel_size": (3, 5),
                "stride": (2, 1),
                "padding": "valid",
                "dilation": 2,
                "batch_norm": True,
                "activation": "elu",
            },
            {"layer": "separable_conv", "filters": 6, "padding": "full"},
            {"layer": "max_pool", "kernel_size": 3, "stride": 2, "ceil_mode": True},
            "batch_norm",
            "tanh",
            {"layer": "average_pool", "padding": "same"},
            {"layer": "dropout", "rate": 0.25},
            "flatten",
            {"layer": "dense", "units": 5, "batch_norm": True, "activation": None},
            "batch_norm",
        ],
        (3, 20, 21),
        4,
    )
    assert shapes(network, (3, 20, 21)) == [
        *((8, 8, 13), (6, 10, 15), (6, 5, 7), (6, 5, 7), (6, 5, 7), (6, 3, 4)),
        *((6, 3, 4), (72,), (5,), (5,)),
    ]
    convolution, norm, activation = network.features[0]
    assert convolution.bias is None
    assert convolution.dilation == (2, 2)
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(activation, nn.ELU)
    assert isinstance(network.features[1][0], SeparableConvolution)
    assert network.features[6].p == 0.25
    assert [type(m) for m in network.features[8]] == [nn.Linear, nn.BatchNorm1d]
    assert network.features[8][0].bias is None
    assert (network.head.in_features, network.head.out_features) == (5, 4)


def test_defaults_keep_the_sides():
    (layer,) = build_layers([{"layer": "conv", "filters": 4}], (1, 9), 2).features[:1]
    convolution, activation = layer
    assert convolution.kernel_size == (3,)
    assert convolution.padding == (1,)
    assert convolution.bias is not None
    assert isinstance(activation, nn.ReLU)


@pytest.mark.parametrize("spatial", [(12,), (12, 9), (12, 9, 6)])
def test_all_dimensions(spatial):
    layers = [
        {"layer": "conv", "filters": 4, "batch_norm": True},
        "max_pool",
        {"layer": "separable_conv", "filters": 4, "stride": 2},
        "global_max_pool",
    ]
    network = build_layers(layers, (2, *spatial), 3)
    assert network(torch.zeros(5, 2, *spatial)).shape == (5, 3)


def test_head_flattens_what_has_positions():
    network = build_layers([{"layer": "conv", "filters": 2}], (1, 4, 4), 3)
    assert network.head.in_features == 32
    assert network(torch.zeros(2, 1, 4, 4)).shape == (2, 3)
    assert build_layers(["global_average_pool"], (7, 4, 4), 3).head.in_features == 7
    assert build_layers([], (7, 4), 3)(torch.zeros(2, 7, 4)).shape == (2, 3)


def test_dense_layers_flatten():
    network = build_layers([{"layer": "dense", "units": 6}], (2, 5), 3)
    assert shapes(network, (2, 5)) == [(6,)]


def test_dropout_stands_before_the_head():
    network = build_layers(["global_average_pool"], (7, 4, 4), 3, dropout=0.3)
    assert network.features[-1].p == 0.3


def test_residual_adds_its_input():
    network = build_layers(
        [{"layer": "residual", "layers": ["tanh"], "activation": None}], (1, 3), 2
    )
    x = torch.randn(2, 1, 3)
    torch.testing.assert_close(network.features[0](x), x + x.tanh())


@pytest.mark.parametrize("side", [8, 9])
def test_residual_projects_other_shapes(side):
    inside = [
        {"layer": "conv", "filters": 6, "stride": 2},
        {"layer": "conv", "filters": 6, "activation": None},
    ]
    network = build_layers([{"layer": "residual", "layers": inside}], (3, side, 5), 2)
    shortcut = network.features[0].shortcut
    assert shortcut.kernel_size == (1, 1)
    assert shortcut.stride == (2, 2)
    assert shapes(network, (3, side, 5)) == [
        (6, -(-side // 2), 3),
        (18 * -(-side // 2),),
    ]


def test_residual_of_dense_layers():
    block = {"layer": "residual", "layers": [{"layer": "dense", "units": 4}]}
    network = build_layers(["flatten", block, block], (3, 2), 2)
    assert isinstance(network.features[1].shortcut, nn.Linear)
    assert isinstance(network.features[2].shortcut, nn.Identity)


def test_residual_in_a_residual():
    inner = {"layer": "residual", "layers": [{"layer": "conv", "filters": 3}]}
    outer = {"layer": "residual", "layers": [inner, "relu"]}
    network = build_layers([outer], (2, 6), 2)
    assert shapes(network, (2, 6)) == [(3, 6), (18,)]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_by_name(name):
    network = build_layers([name], (1, 3), 2)
    assert type(network.features[0]) is ACTIVATIONS[name]


def test_description_is_not_changed():
    description = {"layer": "conv", "filters": 4}
    layers = [description, {"layer": "residual", "layers": [description]}]
    build_layers(layers, (1, 5), 2)
    assert layers == [
        {"layer": "conv", "filters": 4},
        {"layer": "residual", "layers": [{"layer": "conv", "filters": 4}]},
    ]


def test_numbers_of_numpy():
    layer = {"layer": "conv", "filters": np.int64(4), "kernel_size": np.int64(5)}
    dropout = {"layer": "dropout", "rate": np.float64(0.5)}
    network = build_layers([layer, dropout], (1, 5), 2)
    assert network.features[0][0].kernel_size == (5,)


CONV = {"layer": "conv", "filters": 4}
POOL = {"layer": "max_pool", "kernel_size": 4}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("conv", "architecture must be a list of descriptions of layers, got 'conv'"),
        (CONV, "architecture must be a list of descriptions"),
        (None, "architecture must be a list of descriptions"),
        ([CONV, 3], "architecture[1] must be the name of a layer or a dict with the"),
        ([{"filters": 3}], "architecture[0] must be the name of a layer or a dict"),
        (["convolution"], "architecture[0]: 'layer' must be one of ['average_pool',"),
        ([{"layer": ["conv"]}], "'layer' must be one of"),
        (
            ["conv"],
            "architecture[0] ('conv'): the option 'filters' is missing; it",
        ),
        (
            [CONV, {**CONV, "kernel": 3}],
            "architecture[1] ('conv'): there is no option 'kernel'; its options are "
            "['filters', 'kernel_size',",
        ),
        (
            [{"layer": "flatten", "units": 3}],
            "architecture[0] ('flatten'): there is no option 'units'; it has no",
        ),
        (
            [{**CONV, "filters": 0}],
            "('conv'): 'filters' must be an int of at least 1, got 0",
        ),
        ([{**CONV, "filters": True}], "'filters' must be an int of at least 1, got Tr"),
        ([{**CONV, "filters": 2.5}], "'filters' must be an int of at least 1, got 2.5"),
        (
            [{**CONV, "kernel_size": "3"}],
            "'kernel_size' must be an int of at least 1",
        ),
        ([{**CONV, "stride": (1, 0)}], "or one for each side, got (1, 0)"),
        ([{**CONV, "stride": (1, 1, 1)}], "stride must have 2 values, got (1, 1, 1)"),
        ([{**CONV, "padding": "half"}], "'padding' must be one of ('valid', 'same', "),
        (
            [{**CONV, "padding": -1}],
            "at least 0, or one for each side, got -1",
        ),
        (
            [{**CONV, "activation": "step"}],
            "'activation' must be None or one of [",
        ),
        ([{**CONV, "batch_norm": 1}], "'batch_norm' must be True or False, got 1"),
        (
            [{**CONV, "groups": 3}],
            "architecture[0] ('conv') does not fit its input",
        ),
        (
            [{"layer": "dropout", "rate": 1}],
            "'rate' must be a number of at least 0",
        ),
        (
            [{**POOL, "padding": "full"}],
            "padding of a pooling must be 'valid', 'same' or a number",
        ),
        ([{**POOL, "padding": 3}], "padding of a pooling must be at most half"),
        (
            [CONV, POOL, POOL],
            "architecture[2] ('max_pool') does not fit its input of shape (4, 2, 2), "
            "channels first: a kernel that spans 4 positions needs a side of at least "
            "4, got size=2",
        ),
        (
            [{**CONV, "kernel_size": 9, "padding": "valid"}],
            "architecture[0] ('conv') does not fit its input of shape (1, 8, 8)",
        ),
        (
            ["flatten", CONV],
            "architecture[1] ('conv') needs an input with channels and sides, but the "
            "layers before it return a vector of 64 values",
        ),
        (
            [{"layer": "residual", "layers": [CONV, "pool"]}],
            "architecture[0] ('residual')['layers'][1]: 'layer' must be one of",
        ),
        (
            [{"layer": "residual", "layers": "relu"}],
            "architecture[0] ('residual')['layers'] must be a list of descriptions",
        ),
        (
            [{"layer": "residual", "layers": ["flatten"]}],
            "its layers return the shape (64,), which cannot be added to the input",
        ),
        (
            [{"layer": "residual", "layers": [{**CONV, "padding": "valid"}]}],
            "no stride of a shortcut turns 8 positions into 6",
        ),
        (
            [{"layer": "residual", "layers": [{**CONV, "padding": "full"}]}],
            "no stride of a shortcut turns 8 positions into 10",
        ),
    ],
)
def test_errors_say_where_and_what(layers, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        build_layers(layers, (1, 8, 8), 2)


def test_input_shape_error():
    with pytest.raises(ValueError, match="input_shape must be the number of channels"):
        build_layers([CONV], (8,), 2)


def test_docstring_names_all_layers():
    table = build_layers.__doc__
    for name in set(LAYERS) - set(ACTIVATIONS):
        assert f"``{name}``" in table
        for option in LAYERS[name].options:
            assert re.search(rf"\b{option}\b", table)
