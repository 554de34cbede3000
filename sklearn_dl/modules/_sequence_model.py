"""A recurrent network behind what prepares the rows of a data set for it."""

from dataclasses import replace

from torch import Tensor, nn

from sklearn_dl.modules._sequence_batch import SequenceBatch

__all__ = ["SequenceModel"]


class SequenceModel(nn.Module):
    """A network on steps whose values are centred and scaled.

    Parameters
    ----------
    network : torch.nn.Module
        Takes tensors of shape (n, t, c), or a :class:`SequenceBatch`.
    mean, scale : torch.Tensor of shape (c,)
        What is subtracted from each value of a step, and what it is divided by then.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import RecurrentNetwork, SequenceModel
    >>> network = RecurrentNetwork(3, 1)
    >>> model = SequenceModel(network, torch.zeros(3), torch.ones(3))
    >>> model(torch.zeros(5, 7, 3)).shape
    torch.Size([5, 1])
    """

    def __init__(self, network: nn.Module, mean: Tensor, scale: Tensor):
        super().__init__()
        self.network = network
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, X: Tensor | SequenceBatch) -> Tensor:
        """Compute the raw outputs.

        Parameters
        ----------
        X : torch.Tensor of shape (n, t, c) or SequenceBatch
            The sequences.

        Returns
        -------
        output : torch.Tensor of shape (n, n_outputs)
            What the network makes of them.
        """
        if isinstance(X, SequenceBatch):
            X = replace(X, values=(X.values - self.mean) / self.scale)
        else:
            X = (X - self.mean) / self.scale
        output: Tensor = self.network(X)
        return output
