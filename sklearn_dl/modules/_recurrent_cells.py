"""Recurrent layers of one direction, and their initial weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl.modules._initialization import initialize_

__all__ = ["CELLS", "SimplifiedGRU", "make_recurrent_layer"]

CELLS = ("rnn", "gru", "simplified_gru", "lstm")


class SimplifiedGRU(nn.Module):
    """A layer of gated recurrent units with an update gate, but no relevance gate.

    From the state ``a`` before and the input ``x`` a step computes::

        u  = sigmoid(W_u x + U_u a + b_u)
        c  = tanh(W_c x + U_c a + b_c)
        a' = u * c + (1 - u) * a

    It is called as :class:`torch.nn.GRU` with ``batch_first=True`` is. There the state
    is kept where the gate is 1, here where it is 0.

    Parameters
    ----------
    n_inputs : int
        Features of a step.
    hidden_size : int
        Number of units.

    Attributes
    ----------
    weight_ih_l0 : torch.nn.Parameter of shape (2 * hidden_size, n_inputs)
        W, that of the gate first.
    weight_hh_l0 : torch.nn.Parameter of shape (2 * hidden_size, hidden_size)
        U, likewise.
    bias_l0 : torch.nn.Parameter of shape (2 * hidden_size,)
        b, likewise.

    References
    ----------
    - K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
      statistical machine translation", EMNLP 2014: the unit with both gates.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import SimplifiedGRU
    >>> layer = SimplifiedGRU(3, 8)
    >>> states, last = layer(torch.zeros(5, 7, 3))
    >>> states.shape, last.shape
    (torch.Size([5, 7, 8]), torch.Size([1, 5, 8]))
    """

    def __init__(self, n_inputs: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(2 * hidden_size, n_inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.bias_l0 = nn.Parameter(torch.empty(2 * hidden_size))
        initialize_recurrent_(self, hidden_size)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Go through the steps.

        Parameters
        ----------
        x : torch.Tensor of shape (n, t, n_inputs)
            Sequences of one length.
        state : torch.Tensor of shape (1, n, hidden_size), default=None
            The states before the first step; None is 0.

        Returns
        -------
        states : torch.Tensor of shape (n, t, hidden_size)
            The state after each step.
        last : torch.Tensor of shape (1, n, hidden_size)
            The state after the last step.
        """
        # The inputs' share of all steps is one product; the loop has the states'.
        shares = F.linear(x, self.weight_ih_l0, self.bias_l0).unbind(1)
        a = x.new_zeros(len(x), self.hidden_size) if state is None else state[0]
        states = []
        for share in shares:
            both = torch.addmm(share, a, self.weight_hh_l0.T)
            update, candidate = both.to(a.dtype).chunk(2, 1)  # with autocast it is less
            a = torch.lerp(a, torch.tanh(candidate), torch.sigmoid(update))
            states.append(a)
        return torch.stack(states, dim=1), a[None]


def make_recurrent_layer(
    cell: str, n_inputs: int, hidden_size: int, activation: str
) -> nn.Module:
    """Return a layer that maps (n, t, n_inputs) to (n, t, hidden_size) and its state.

    Parameters
    ----------
    cell : {"rnn", "gru", "simplified_gru", "lstm"}
        What a step computes.
    n_inputs, hidden_size : int
        Features of a step; number of units.
    activation : {"tanh", "relu"}
        The activation of ``"rnn"``; the others have their own.
    """
    if cell == "simplified_gru":
        return SimplifiedGRU(n_inputs, hidden_size)
    options: dict[str, Any] = {"batch_first": True}
    if cell == "rnn":
        options["nonlinearity"] = activation
    classes = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
    layer = classes[cell](n_inputs, hidden_size, **options)
    initialize_recurrent_(layer, hidden_size)
    return layer


def initialize_recurrent_(layer: nn.Module, hidden_size: int) -> None:
    """Set the initial weights of a layer, in place and each gate's apart."""
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            continue
        scheme = "orthogonal" if name.startswith("weight_hh") else "glorot_uniform"
        for block in parameter.detach().split(hidden_size):
            initialize_(block, scheme)
    if isinstance(layer, nn.LSTM):
        # torch has two biases, of which the sum counts; the second block forgets.
        nn.init.ones_(layer.get_parameter("bias_ih_l0").detach().chunk(4)[1])
