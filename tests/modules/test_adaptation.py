"""Distances of domains, the reversal of gradients, and networks that adapt."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sklearn_dl.modules import (
    AdaptationNetwork,
    AdversarialNetwork,
    BatchDomains,
    ConditionalAdversarialNetwork,
    DiscrepancyNetwork,
    DistanceNetwork,
    classifier_discrepancy,
    coral_distance,
    mean_distance,
    mk_mmd,
    reverse_gradient,
)

DISTANCES = [mean_distance, mk_mmd, coral_distance]


def rows(n, n_features=3, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n, n_features, generator=generator, dtype=torch.float64)
    return drawn + shift


def test_the_reversed_gradient_is_the_gradient_times_minus_lambda():
    X = rows(4).requires_grad_()
    forward = reverse_gradient(X, 0.3)
    forward.pow(2).sum().backward()
    torch.testing.assert_close(forward, X.detach(), rtol=0, atol=0)
    torch.testing.assert_close(X.grad, -0.3 * 2 * X.detach())


def test_strength_of_the_adaptation_is_that_of_the_paper():
    network = AdaptationNetwork(nn.Identity(), 1, 1, max_lambda=2.0)
    expected = [2 * (2 / (1 + np.exp(-10 * p)) - 1) for p in (0, 0.25, 0.5, 1)]
    assert [network.strength(p) for p in (0, 0.25, 0.5, 1)] == pytest.approx(expected)
    constant = AdaptationNetwork(nn.Identity(), 1, 1, max_lambda=2, progressive=False)
    assert constant.strength(0.0) == 2


def test_mean_distance_by_hand():
    source, target = torch.tensor([[0.0, 2.0], [2.0, 0.0]]), torch.tensor([[4.0, 1.0]])
    assert mean_distance(source, target).item() == 9


def test_coral_distance_is_that_of_numpy_covariances():
    source, target = rows(20), 2 * rows(30, seed=1)
    difference = np.cov(source.numpy().T) - np.cov(target.numpy().T)
    expected = (difference**2).sum() / (4 * 3**2)
    assert coral_distance(source, target).item() == pytest.approx(expected)


def test_mk_mmd_is_the_mean_over_five_kernels():
    source, target = rows(6), rows(4, shift=1.0, seed=1)
    both = np.vstack([source, target])
    squares = ((both[:, None] - both) ** 2).sum(axis=2)
    expected = 0.0
    for factor in (0.25, 0.5, 1, 2, 4):
        kernel = np.exp(-squares / (factor * squares.mean()))
        expected += kernel[:6, :6].mean() + kernel[6:, 6:].mean()
        expected -= 2 * kernel[:6, 6:].mean()
    assert mk_mmd(source, target).item() == pytest.approx(expected / 5)


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_domains_have_no_distance_and_far_ones_more(distance):
    source = rows(20)
    assert distance(source, source).item() == pytest.approx(0, abs=1e-12)
    near, far = 1.5 * source + 0.5, 4 * source + 3
    assert 0 < distance(source, near) < distance(source, far)


@pytest.mark.parametrize("distance", [mean_distance, mk_mmd])
def test_a_row_of_weight_two_is_two_rows(distance):
    source, target = rows(5), rows(4, shift=1.0, seed=1)
    weight = torch.tensor([2.0, 1, 0, 1, 1], dtype=torch.float64)
    repeated = source[[0, 0, 1, 3, 4]]
    got = distance(source, target, weight, None)
    if distance is mean_distance:
        torch.testing.assert_close(got, distance(repeated, target))
    else:
        # The bandwidth is that of the pairs there are, whatever their weight.
        scaled = distance(source, target, 3 * weight, None)
        torch.testing.assert_close(got, scaled)


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_have_gradients_of_their_values(distance):
    source, target = rows(5).requires_grad_(), rows(4, shift=1.0, seed=1)
    if distance is mk_mmd:
        # No gradient flows through the bandwidth: a small step makes it smaller.
        (gradient,) = torch.autograd.grad(distance(source, target), source)
        closer = source.detach() - 0.01 * gradient / gradient.norm()
        assert distance(closer, target) < distance(source, target)
    else:
        assert torch.autograd.gradcheck(lambda s: distance(s, target), source)


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_single_row_has_a_finite_distance(distance):
    assert distance(rows(1), rows(1, seed=1)).isfinite()


def test_discrepancy_is_the_mean_difference_of_probabilities():
    first, second = rows(6), rows(6, seed=1)
    expected = (first.softmax(1) - second.softmax(1)).abs().mean()
    torch.testing.assert_close(classifier_discrepancy(first, second), expected)
    one = classifier_discrepancy(first[:, :1], second[:, :1])
    expected = (first[:, 0].sigmoid() - second[:, 0].sigmoid()).abs().mean()
    torch.testing.assert_close(one, expected)


def domains_of(n_source, n_target, dtype=torch.float64):
    codes = torch.tensor([0] * n_source + [1] * n_target)
    shares = [1 / n_source] * n_source + [1 / n_target] * n_target
    return BatchDomains(n_source, codes, torch.tensor(shares, dtype=dtype))


def test_domain_loss_weighs_both_domains_alike():
    network = AdversarialNetwork(nn.Identity(), 3, 1, domain_layer_sizes=()).double()
    features = rows(10)
    loss = network.adaptation_loss(features, features, domains_of(8, 2), 1.0)
    logits = network.domain_head(features)[:, 0]
    of_source = torch.nn.functional.softplus(logits[:8]).mean()
    of_target = torch.nn.functional.softplus(-logits[8:]).mean()
    torch.testing.assert_close(loss, (of_source + of_target) / 2)


def test_lambda_acts_on_the_features_alone():
    network = AdversarialNetwork(nn.Identity(), 3, 1).double()
    gradients = []
    for strength in (0.0, 1.0):
        features = rows(6).requires_grad_()
        network.zero_grad()
        network.adaptation_loss(
            features, features, domains_of(3, 3), strength
        ).backward()
        head = torch.cat([p.grad.flatten() for p in network.domain_head.parameters()])
        gradients.append((features.grad, head))
    assert not gradients[0][0].any() and gradients[1][0].any()
    torch.testing.assert_close(gradients[0][1], gradients[1][1])


def test_conditional_network_sees_products_of_features_and_probabilities():
    network = ConditionalAdversarialNetwork(nn.Identity(), 3, 4).double()
    features, output = rows(5), rows(5, 4, seed=1)
    products = network._products(features, output.softmax(1))
    expected = torch.einsum("nk,nf->nkf", output.softmax(1), features).flatten(1)
    torch.testing.assert_close(products, expected)


def test_many_products_are_drawn_at_random_with_the_right_mean():
    # The inner product of two random maps is, on average, that of the products.
    torch.manual_seed(0)
    network = ConditionalAdversarialNetwork(nn.Identity(), 600, 10).double()
    assert network.domain_head.dense[0].in_features == network.n_projections
    features, share = rows(2, 600), rows(2, 10, seed=1).softmax(1)
    first, _ = network._products(features, share)
    exact = (features[0] @ features[0]) * (share[0] @ share[0])
    assert (first @ first).item() == pytest.approx(exact.item(), rel=0.2)


def test_certain_rows_count_more_and_domains_still_alike():
    network = ConditionalAdversarialNetwork(nn.Identity(), 2, 2).double()
    seen = []
    network._domain_loss = lambda _seen, _codes, weight, _: seen.append(weight)
    output = torch.tensor([[0.0, 0], [9, -9], [0, 0], [0, 0]], dtype=torch.float64)
    network.adaptation_loss(rows(4, 2), output, domains_of(2, 2), 1.0)
    uncertain, certain = seen[0][:2]
    assert certain / uncertain == pytest.approx(2 / 1.5, rel=1e-3)
    assert seen[0][:2].sum() == pytest.approx(seen[0][2:].sum())


def test_rows_become_more_certain_where_the_domains_can_be_told_apart():
    # As in the authors' code: through the weights flows a reversed gradient.
    network = ConditionalAdversarialNetwork(nn.Identity(), 3, 4).double()
    features, output = rows(6), rows(6, 4, seed=1).requires_grad_()
    network.adaptation_loss(features, output, domains_of(3, 3), 0.5).backward()
    reversed_gradient, output.grad = output.grad, None

    share = output.softmax(1)
    certainty = 1 + torch.exp((share * share.log()).sum(1))
    seen = network._products(features, share.detach())
    logits = network.domain_head(seen)[:, 0]
    losses = F.binary_cross_entropy_with_logits(
        logits, domains_of(3, 3).codes.to(logits.dtype), reduction="none"
    ).detach()
    mass = certainty.detach()
    loss = sum(
        (certainty[part] * losses[part]).sum() / mass[part].sum() / 2
        for part in (slice(3), slice(3, 6))
    )
    loss.backward()
    torch.testing.assert_close(reversed_gradient, -0.5 * output.grad)

    network.entropy_conditioning = False
    output.grad = None
    loss = network.adaptation_loss(
        features.requires_grad_(), output, domains_of(3, 3), 0.5
    )
    loss.backward()
    assert output.grad is None


def test_players_of_the_discrepancy_want_the_opposite():
    network = DiscrepancyNetwork(nn.Identity(), 3, 4).double()
    domains = domains_of(3, 3)
    losses = {
        name: network.player_loss(name, rows(6), domains, lambda _: 0.0, 1.0)
        for name in ("heads_loss", "body_loss")
    }
    assert losses["body_loss"] > 0
    torch.testing.assert_close(losses["heads_loss"], -losses["body_loss"])


def test_predictions_are_the_mean_of_both_heads():
    network = DiscrepancyNetwork(nn.Identity(), 3, 4).double()
    first, second = network.outputs(rows(5))
    torch.testing.assert_close(network(rows(5)), (first + second) / 2)


def test_distance_is_multiplied_by_the_strength():
    network = DistanceNetwork(nn.Identity(), 3, 1, distance=mean_distance)
    features, domains = rows(6), domains_of(3, 3)
    one = network.adaptation_loss(features, features, domains, 1.0)
    half = network.adaptation_loss(features, features, domains, 0.5)
    torch.testing.assert_close(half, one / 2)


def test_mk_mmd_far_from_zero_is_the_same():
    source, target = rows(20).float(), rows(20, shift=1.0, seed=1).float()
    near, far = mk_mmd(source, target), mk_mmd(source + 1e4, target + 1e4)
    torch.testing.assert_close(far, near, rtol=0.02, atol=0)


def test_networks_take_their_arguments_by_name():
    for cls in (AdversarialNetwork, ConditionalAdversarialNetwork, DiscrepancyNetwork):
        network = cls(body=nn.Identity(), n_features=4, n_outputs=2)
        assert network(torch.zeros(3, 4)).shape == (3, 2)
