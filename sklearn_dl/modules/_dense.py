"""The multi-layer perceptron as a module."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklearn_dl.modules._activations import make_activation

__all__ = ["DenseNetwork"]


class DenseNetwork(nn.Module):
    """Dense layers with an activation between them: ``W2 g(W1 x + b1) + b2``.

    A hidden layer is, in this order: dense, normalisation, activation, dropout.

    Parameters
    ----------
    n_features : int
        Number of inputs.
    hidden_layer_sizes : sequence of int
        Number of units of each hidden layer; empty for a linear model.
    n_outputs : int
        Number of outputs; they are raw, without activation.
    activation : str, default="relu"
        Name of the activation of the hidden layers, see :func:`make_activation`.
    dropout : float or sequence of float, default=0.0
        Probability to drop a hidden unit during training, one for all hidden layers
        or one a layer. What stays is scaled up (inverted dropout).
    batch_norm : bool, default=False
        Batch normalisation before each activation. Its shift takes the place of the
        dense layer's bias.
    layer_norm : bool, default=False
        Layer normalisation before each activation.

    Attributes
    ----------
    dense : torch.nn.ModuleList
        The dense layers in order, the last gives the outputs.
    activation : str
        As given.
    dropout : list of float
        The rate of each hidden layer.
    normalised : bool
        Whether a layer is normalised.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import DenseNetwork
    >>> network = DenseNetwork(4, [8, 8], 3)
    >>> network(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        n_features: int,
        hidden_layer_sizes: Sequence[int],
        n_outputs: int,
        *,
        activation: str = "relu",
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool = False,
        layer_norm: bool = False,
    ):
        super().__init__()
        sizes = [n_features, *hidden_layer_sizes, n_outputs]
        n_hidden = len(sizes) - 2
        rates = [dropout] * n_hidden if isinstance(dropout, (int, float)) else dropout
        self.activation = activation
        self.dropout = [float(rate) for rate in rates]
        self.normalised = batch_norm or layer_norm
        self.dense = nn.ModuleList()
        self.after = nn.ModuleList()
        for k in range(n_hidden):
            self.dense.append(nn.Linear(sizes[k], sizes[k + 1], bias=not batch_norm))
            steps: list[nn.Module] = []
            if batch_norm:
                steps.append(nn.BatchNorm1d(sizes[k + 1]))
            if layer_norm:
                steps.append(nn.LayerNorm(sizes[k + 1]))
            steps.append(make_activation(activation))
            if rates[k]:
                steps.append(nn.Dropout(rates[k]))
            self.after.append(steps[0] if len(steps) == 1 else nn.Sequential(*steps))
        self.dense.append(nn.Linear(sizes[-2], n_outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the raw outputs.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_features)
            The inputs.

        Returns
        -------
        output : torch.Tensor of shape (n_rows, n_outputs)
            The raw outputs.
        """
        for dense, after in zip(self.dense, self.after, strict=False):
            x = after(dense(x))  # (n_rows, n_units)
        return self.dense[-1](x)

    @torch.no_grad()
    def load_weights(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        """Set the weights and biases of the dense layers.

        Parameters
        ----------
        weights : sequence of torch.Tensor of shape (n_in, n_out)
            One weight a dense layer, laid out as scikit-learn's ``coefs_``.
        biases : sequence of torch.Tensor of shape (n_out,)
            One bias a dense layer; ignored where batch normalisation replaces it.
        """
        for dense, weight, bias in zip(self.linear, weights, biases, strict=True):
            dense.weight.copy_(weight.T)
            if dense.bias is not None:
                dense.bias.copy_(bias)

    @property
    def linear(self) -> list[nn.Linear]:
        """The dense layers in order, as a list."""
        return [layer for layer in self.dense if isinstance(layer, nn.Linear)]
