"""Backpropagation through a plain domain-adversarial network, written out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sklearn_dl._skorch._data import Batch
from sklearn_dl._skorch._dense_pass import DensePass
from sklearn_dl.modules import (
    AdversarialNetwork,
    BatchDomains,
    BinaryCrossEntropy,
    CrossEntropy,
    WeightedLoss,
)

__all__ = ["AdversarialPass"]


class AdversarialPass:
    """Losses and gradients of an :class:`AdversarialNetwork` of dense layers.

    See :class:`DensePass` for why it is written out.

    Parameters
    ----------
    module : AdversarialNetwork
        The network.
    criterion : WeightedLoss
        The loss of the labels.
    domains : BatchDomains
        Where the rows of each batch are from.
    """

    def __init__(
        self,
        module: AdversarialNetwork,
        criterion: WeightedLoss,
        domains: BatchDomains,
    ):
        several = module.domain_head.linear[-1].out_features > 1
        of_domains = CrossEntropy() if several else BinaryCrossEntropy()
        self.domains = domains
        self.codes = domains.codes
        if not several:
            self.codes = domains.codes[:, None].to(domains.weight.dtype)
        self.body = DensePass(module.body, criterion)  # type: ignore[arg-type]
        self.label_head = DensePass(module.label_head, criterion)
        self.domain_head = DensePass(module.domain_head, of_domains)

    @staticmethod
    def covers(module: nn.Module, criterion: nn.Module) -> bool:
        """Return whether this network and this loss are among those written out."""
        return (
            type(module) is AdversarialNetwork
            and DensePass.covers_network(module.body)
            and DensePass.covers_network(module.domain_head)
            and DensePass.covers(module.label_head, criterion)
        )

    @torch.no_grad()
    def __call__(
        self, batch: Batch, strength: float, note: Callable[[Tensor, Tensor], None]
    ) -> Tensor:
        """Set the gradients of all parameters.

        Parameters
        ----------
        batch : tuple
            Rows, targets and weights, source first.
        strength : float
            Of the adaptation.
        note : callable
            Is told the loss of the labels and that of the domains.

        Returns
        -------
        loss : torch.Tensor of shape ()
            Their sum.
        """
        X, y, weight = batch
        assert y is not None
        n = self.domains.n_source
        layers = self.body.forward(X)
        features = layers[-1]
        seen = self.label_head.forward(features[:n])
        of_source = None if weight is None else weight[:n]
        label_loss, error = self.label_head.loss_and_error(seen[-1], y[:n], of_source)
        by_labels = self.label_head.backward(seen, error, to_input=True)
        seen = self.domain_head.forward(features)
        domain_weight = self.domains.weighted(weight).weight
        domain_loss, error = self.domain_head.loss_and_error(
            seen[-1], self.codes, domain_weight
        )
        error = self.domain_head.backward(seen, error, to_input=True)
        # Here the gradient is reversed.
        error.mul_(-strength)[:n].add_(by_labels)
        self.body.backward(layers, error)
        note(label_loss, domain_loss)
        return label_loss + domain_loss
