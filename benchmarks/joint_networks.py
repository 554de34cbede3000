"""Convolutional and recurrent networks, one by one and as one batched program.

    python benchmarks/joint_networks.py

Eight networks of one shape take a step each on the same batch: one after the other, and
as one program whose weights are stacked (``torch.func.vmap`` of the gradient). Dense
networks join in the searches because compiled loops gain much; these would have to gain
here. Prints the time of one after the other as a multiple of the stacked program's.
"""

import copy

import torch
from _turns import in_turns
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from sklearn_dl.modules import RecurrentNetwork, build_layers, lenet5

N_NETWORKS = 8
SIGNAL_LAYERS = [
    {"layer": "conv", "filters": 16, "kernel_size": 5},
    {"layer": "conv", "filters": 16, "kernel_size": 5, "stride": 2},
    "global_average_pool",
]


def one_by_one(networks, X, y):
    """Return a function that lets each network take a step."""
    solvers = [torch.optim.Adam(net.parameters(), fused=True) for net in networks]

    def step():
        for network, solver in zip(networks, solvers, strict=True):
            solver.zero_grad()
            cross_entropy(network(X), y).backward()
            solver.step()

    return step


def stacked(networks, X, y):
    """Return a function that lets all networks take a step together."""
    weights, buffers = stack_module_state(networks)
    shell = copy.deepcopy(networks[0]).to("meta")

    def loss(own, own_buffers):
        return cross_entropy(functional_call(shell, (own, own_buffers), (X,)), y)

    gradients = vmap(grad(loss))
    weights = {name: value.detach() for name, value in weights.items()}
    solver = torch.optim.Adam(weights.values(), fused=True)

    def step():
        for name, gradient in gradients(weights, buffers).items():
            weights[name].grad = gradient
        solver.step()

    return step


def problems():
    """Yield name, function that makes a network, shape of X and number of classes."""
    for n_rows in (32, 64, 200):
        shape = (n_rows, 1, 8, 8)
        yield f"LeNet-5, 8x8, batch {n_rows}", lambda: lenet5((1, 8, 8), 10), shape
    yield "LeNet-5, 28x28, batch 64", lambda: lenet5((1, 28, 28), 10), (64, 1, 28, 28)
    yield (
        "two convolutions, 64 steps, batch 64",
        lambda: build_layers(SIGNAL_LAYERS, (1, 64), 10),
        (64, 1, 64),
    )
    yield (
        "GRU of 32, 20 steps, batch 64",
        lambda: RecurrentNetwork(2, 10, hidden_size=32),
        (64, 20, 2),
    )


def main():
    """Print the ratios."""
    torch.manual_seed(0)
    # As in a search, where each core has a fit of its own.
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {N_NETWORKS} networks, one thread")
    for name, make, shape in problems():
        X, y = torch.randn(shape), torch.randint(10, shape[:1])
        networks = [make() for _ in range(N_NETWORKS)]
        calls = {
            "single": one_by_one(copy.deepcopy(networks), X, y),
            "stacked": stacked(networks, X, y),
        }
        seconds, _ = in_turns(calls, repeats=25)
        ratio = seconds["single"] / seconds["stacked"]
        print(f"{name:<40} {1e3 * seconds['stacked']:8.1f} ms {ratio:6.2f}")


if __name__ == "__main__":
    main()
