"""Networks that learn features which look alike in two domains."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl.modules._adaptation_losses import (
    classifier_discrepancy,
    reverse_gradient,
)
from sklearn_dl.modules._dense import DenseNetwork
from sklearn_dl.modules._losses import weighted_mean
from sklearn_dl.modules._training_output import TrainingOutput

__all__ = [
    "AdaptationNetwork",
    "AdversarialNetwork",
    "BatchDomains",
    "ConditionalAdversarialNetwork",
    "DiscrepancyNetwork",
    "DistanceNetwork",
]

# The steepness of the strength's rise.
_RISE = 10.0
# Products of features and probabilities beyond this number are drawn at random.
_MOST_PRODUCTS = 4096


@dataclass(frozen=True)
class BatchDomains:
    """Where the rows of a batch are from, those of the source first.

    Parameters
    ----------
    n_source : int
        How many are from a source.
    codes : torch.Tensor of shape (n_rows,), dtype int64
        The number of each row's domain, from 0.
    weight : torch.Tensor of shape (n_rows,)
        Weights of the rows, by which sources and targets count alike.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import BatchDomains
    >>> weight = torch.tensor([2.0, 1.0, 1.0])
    >>> domains = BatchDomains(1, torch.tensor([0, 1, 1]), weight)
    >>> domains.weighted(torch.tensor([5.0, 3.0, 1.0])).weight
    tensor([2.0000, 1.5000, 0.5000])
    """

    n_source: int
    codes: Tensor
    weight: Tensor

    def weighted(self, weight: Tensor | None) -> "BatchDomains":
        """Return the same with further weights of the rows.

        Parameters
        ----------
        weight : torch.Tensor of shape (n_rows,) or None
            They multiply the others. Sources and targets go on counting alike.

        Returns
        -------
        domains : BatchDomains
            A copy, or this for None.
        """
        if weight is None:
            return self
        before, after = self.parts(self.weight), self.parts(self.weight * weight)
        return replace(self, weight=torch.cat([*map(_of_sum, after, before)]))

    def parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return what belongs to the rows of sources, and to those of targets.

        Parameters
        ----------
        rows : torch.Tensor of shape (n_rows, ...)
            Something for each row.

        Returns
        -------
        source, target : torch.Tensor
            Its two parts.
        """
        return rows[: self.n_source], rows[self.n_source :]


def _of_sum(weight: Tensor, other: Tensor) -> Tensor:
    """Return weights whose sum is that of others; zeros stay zeros."""
    total = weight.sum()
    return weight * (other.sum() / torch.where(total > 0, total, 1.0))


class AdaptationNetwork(nn.Module):
    """A body that makes features, and a head that predicts from them.

    This class has no more than that, and learns from the source alone. Its subclasses
    add what makes the domains alike.

    Parameters
    ----------
    body : torch.nn.Module
        Takes rows and returns features of shape (n, n_features).
    n_features : int
        The number of features.
    n_outputs : int
        The number of raw outputs.
    label_layer_sizes : sequence of int, default=()
        Hidden units of the head.
    activation : str, default="relu"
        Of hidden layers, see :func:`make_activation`.
    max_lambda : float, default=1.0
        The strength of the adaptation at the end of the training.
    progressive : bool, default=True
        Whether the strength rises from 0: ``2 / (1 + exp(-10 p)) - 1`` with the
        progress ``p``, times `max_lambda`.

    Attributes
    ----------
    body, label_head : torch.nn.Module
        The two parts; ``body`` is the layer whose output are the features.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import AdaptationNetwork
    >>> network = AdaptationNetwork(nn.Linear(4, 8), 8, 3)
    >>> network(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    >>> [round(network.strength(p), 3) for p in (0.0, 0.1, 1.0)]
    [0.0, 0.462, 1.0]
    """

    def __init__(
        self,
        body: nn.Module,
        n_features: int,
        n_outputs: int,
        *,
        label_layer_sizes: Sequence[int] = (),
        activation: str = "relu",
        max_lambda: float = 1.0,
        progressive: bool = True,
    ):
        super().__init__()
        self.body = body
        self.n_features = n_features
        self.max_lambda = max_lambda
        self.progressive = progressive
        # Networks of images divide bytes by 255.
        self.takes_integers = getattr(body, "takes_integers", False)
        self.label_head = DenseNetwork(
            n_features, label_layer_sizes, n_outputs, activation=activation
        )

    def features(self, X: Any) -> Tensor:
        """Return the features, of shape (n, n_features).

        Parameters
        ----------
        X : torch.Tensor or SequenceBatch
            The rows, as the body takes them.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features)
            What the heads see.
        """
        features = self.body(X)
        if isinstance(features, TrainingOutput):
            features = features.output
        flat: Tensor = features.flatten(1)
        return flat

    def outputs(self, features: Tensor) -> list[Tensor]:
        """Return the raw outputs of each head that predicts labels.

        Parameters
        ----------
        features : torch.Tensor of shape (n, n_features)
            The features.

        Returns
        -------
        outputs : list of torch.Tensor of shape (n, n_outputs)
            One a head.
        """
        return [self.label_head(features)]

    def forward(self, X: Any) -> Tensor:
        """Return the raw outputs, of shape (n, n_outputs); the mean of several heads.

        Parameters
        ----------
        X : torch.Tensor or SequenceBatch
            The rows, as the body takes them.

        Returns
        -------
        output : torch.Tensor of shape (n, n_outputs)
            The raw outputs.
        """
        outputs = self.outputs(self.features(X))
        return outputs[0] if len(outputs) == 1 else torch.stack(outputs).mean(dim=0)

    def strength(self, progress: float) -> float:
        """Return the strength of the adaptation.

        Parameters
        ----------
        progress : float
            The share of the training that is over.

        Returns
        -------
        strength : float
            Called lambda in the papers.
        """
        if not self.progressive:
            return self.max_lambda
        return self.max_lambda * (2 / (1 + math.exp(-_RISE * progress)) - 1)

    def adaptation_loss(
        self, features: Tensor, output: Tensor, domains: BatchDomains, strength: float
    ) -> Tensor | None:
        """Return what is added to the loss of the labels; None for nothing.

        Parameters
        ----------
        features : torch.Tensor of shape (n, n_features)
            The features of the rows of a batch.
        output : torch.Tensor of shape (n, n_outputs)
            Their raw outputs.
        domains : BatchDomains
            Where they are from.
        strength : float
            Of the adaptation.

        Returns
        -------
        loss : torch.Tensor of shape () or None
            The loss.
        """
        return None

    def player_parts(self) -> dict[str, list[nn.Module]]:
        """Return the parts that take turns of their own after the common step.

        Returns
        -------
        parts : dict of str to list of torch.nn.Module
            By name; empty where there is no more than the common step.
        """
        return {}

    def player_turns(self) -> list[tuple[str, str]]:
        """Return what comes after the common step, at each batch.

        Returns
        -------
        turns : list of tuple of str
            The name of a loss and the name of the part that takes a step.
        """
        return []


class DistanceNetwork(AdaptationNetwork):
    """Adds a distance between the features of the two domains to the loss.

    Parameters
    ----------
    *args
        As for :class:`AdaptationNetwork`.
    distance : callable
        Takes features of the source and of the target, and the weights of their rows:
        :func:`mean_distance`, :func:`mk_mmd` or :func:`coral_distance`.
    **kwargs
        As for :class:`AdaptationNetwork`.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import BatchDomains, DistanceNetwork, mean_distance
    >>> network = DistanceNetwork(nn.Identity(), 1, 1, distance=mean_distance)
    >>> features = torch.tensor([[0.0], [2.0]])
    >>> domains = BatchDomains(1, torch.tensor([0, 1]), torch.ones(2))
    >>> network.adaptation_loss(features, features, domains, 0.5)
    tensor(2.)
    """

    def __init__(self, *args: Any, distance: Callable[..., Tensor], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.distance = distance

    def adaptation_loss(
        self, features: Tensor, output: Tensor, domains: BatchDomains, strength: float
    ) -> Tensor | None:
        """Return the distance, times the strength."""
        weights = domains.parts(domains.weight)
        return strength * self.distance(*domains.parts(features), *weights)


class AdversarialNetwork(AdaptationNetwork):
    """Adds a head that learns to tell the domains apart, against the body's will [1]_.

    Parameters
    ----------
    body : torch.nn.Module
        As for :class:`AdaptationNetwork`.
    n_features : int
        As for :class:`AdaptationNetwork`.
    n_outputs : int
        As for :class:`AdaptationNetwork`.
    n_domains : int, default=2
        How many there are.
    domain_layer_sizes : sequence of int, default=(100,)
        Hidden units of the head that tells the domains apart.
    **kwargs
        As for :class:`AdaptationNetwork`.

    Attributes
    ----------
    domain_head : torch.nn.Module
        Gives one logit for two domains, and else one for each.

    References
    ----------
    .. [1] Y. Ganin et al., "Domain-adversarial training of neural networks", JMLR 17
       (59), 2016.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import AdversarialNetwork
    >>> network = AdversarialNetwork(nn.Identity(), 4, 3, domain_layer_sizes=(8,))
    >>> network.domain_head(torch.zeros(5, 4)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        body: nn.Module,
        n_features: int,
        n_outputs: int,
        *,
        n_domains: int = 2,
        domain_layer_sizes: Sequence[int] = (100,),
        **kwargs: Any,
    ):
        super().__init__(body, n_features, n_outputs, **kwargs)
        self.domain_head = DenseNetwork(
            self._n_seen(n_outputs),
            domain_layer_sizes,
            1 if n_domains == 2 else n_domains,
            activation=kwargs.get("activation", "relu"),
        )

    def _n_seen(self, n_outputs: int) -> int:
        """Return how many numbers the head sees that tells the domains apart."""
        return self.n_features

    def adaptation_loss(
        self, features: Tensor, output: Tensor, domains: BatchDomains, strength: float
    ) -> Tensor | None:
        """Return the loss of the domains; its gradient is reversed for the body."""
        return self._domain_loss(
            reverse_gradient(features, strength), domains.codes, domains.weight
        )

    def _domain_loss(
        self, seen: Tensor, codes: Tensor, weight: Tensor, factor: Tensor | float = 1.0
    ) -> Tensor:
        logits = self.domain_head(seen).to(weight.dtype)
        if logits.shape[1] == 1:
            losses = F.binary_cross_entropy_with_logits(
                logits[:, 0], codes.to(logits.dtype), reduction="none"
            )
        else:
            losses = F.cross_entropy(logits, codes, reduction="none")
        return weighted_mean(losses * factor, weight)


class ConditionalAdversarialNetwork(AdversarialNetwork):
    """Its domain head sees products of features and predicted probabilities [1]_.

    Where there are more than 4096 products, it sees 1024 products of random
    projections of both.

    Parameters
    ----------
    body : torch.nn.Module
        As for :class:`AdversarialNetwork`.
    n_features : int
        As for :class:`AdversarialNetwork`.
    n_outputs : int
        As for :class:`AdversarialNetwork`.
    entropy_conditioning : bool, default=True
        Whether rows that are predicted with certainty count more: their weight is
        multiplied by ``1 + exp(-entropy)``, whose gradient is reversed as well.
    **kwargs
        As for :class:`AdversarialNetwork`.

    References
    ----------
    .. [1] M. Long, Z. Cao, J. Wang and M. I. Jordan, "Conditional adversarial domain
       adaptation", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import ConditionalAdversarialNetwork
    >>> network = ConditionalAdversarialNetwork(nn.Identity(), 4, 3)
    >>> network.domain_head(torch.zeros(5, 12)).shape
    torch.Size([5, 1])
    """

    n_projections = 1024

    def __init__(
        self,
        body: nn.Module,
        n_features: int,
        n_outputs: int,
        *,
        entropy_conditioning: bool = True,
        **kwargs: Any,
    ):
        super().__init__(body, n_features, n_outputs, **kwargs)
        self.entropy_conditioning = entropy_conditioning
        n_classes = max(n_outputs, 2)
        self.of_features: Tensor | None
        self.of_classes: Tensor | None
        drawn = self.n_features * n_classes > _MOST_PRODUCTS
        for name, n in (("features", self.n_features), ("classes", n_classes)):
            projection = torch.randn(n, self.n_projections) if drawn else None
            self.register_buffer(f"of_{name}", projection)

    def _n_seen(self, n_outputs: int) -> int:
        n_products = self.n_features * max(n_outputs, 2)
        return n_products if n_products <= _MOST_PRODUCTS else self.n_projections

    def adaptation_loss(
        self, features: Tensor, output: Tensor, domains: BatchDomains, strength: float
    ) -> Tensor | None:
        """Return the loss of the domains; its gradient is reversed for the body."""
        logits = output
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        log_probabilities = logits.log_softmax(dim=1)
        probabilities = log_probabilities.exp()
        # The probabilities only say what to compare: no gradient flows through them.
        seen = self._products(
            reverse_gradient(features, strength), probabilities.detach()
        )
        if not self.entropy_conditioning:
            return self._domain_loss(seen, domains.codes, domains.weight)
        # But through the weights it does, reversed too: rows become more certain.
        entropy = -(probabilities * log_probabilities).sum(dim=1)
        certainty = 1 + torch.exp(-reverse_gradient(entropy, strength))
        known = certainty.detach()
        weight = domains.weighted(known).weight
        return self._domain_loss(seen, domains.codes, weight, certainty / known)

    def _products(self, features: Tensor, probabilities: Tensor) -> Tensor:
        if self.of_features is None or self.of_classes is None:
            return (probabilities[:, :, None] * features[:, None, :]).flatten(1)
        projected = (features @ self.of_features) * (probabilities @ self.of_classes)
        return projected / math.sqrt(self.n_projections)


class DiscrepancyNetwork(AdaptationNetwork):
    """Two heads that look for target rows on which they differ [1]_.

    At each batch all parts learn the labels of the source. Then the heads step towards
    disagreement on the target, and the body steps away from it, several times.

    Parameters
    ----------
    body : torch.nn.Module
        As for :class:`AdaptationNetwork`.
    n_features : int
        As for :class:`AdaptationNetwork`.
    n_outputs : int
        As for :class:`AdaptationNetwork`.
    n_body_steps : int, default=4
        Steps of the body at each batch.
    **kwargs
        As for :class:`AdaptationNetwork`.

    Attributes
    ----------
    other_head : torch.nn.Module
        The second head.

    References
    ----------
    .. [1] K. Saito, K. Watanabe, Y. Ushiku and T. Harada, "Maximum classifier
       discrepancy for unsupervised domain adaptation", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sklearn_dl.modules import DiscrepancyNetwork
    >>> network = DiscrepancyNetwork(nn.Identity(), 4, 3, n_body_steps=2)
    >>> network.player_turns()
    [('heads_loss', 'heads'), ('body_loss', 'body'), ('body_loss_2', 'body')]
    """

    def __init__(
        self,
        body: nn.Module,
        n_features: int,
        n_outputs: int,
        *,
        n_body_steps: int = 4,
        **kwargs: Any,
    ):
        super().__init__(body, n_features, n_outputs, **kwargs)
        self.n_body_steps = n_body_steps
        self.other_head = DenseNetwork(
            n_features,
            kwargs.get("label_layer_sizes", ()),
            n_outputs,
            activation=kwargs.get("activation", "relu"),
        )

    def outputs(self, features: Tensor) -> list[Tensor]:
        """Return the raw outputs of both heads."""
        return [self.label_head(features), self.other_head(features)]

    def player_parts(self) -> dict[str, list[nn.Module]]:
        """Return the heads and the body, which play against one another."""
        return {"heads": [self.label_head, self.other_head], "body": [self.body]}

    def player_turns(self) -> list[tuple[str, str]]:
        """Return one turn of the heads, and those of the body."""
        later = [(f"body_loss_{k + 1}", "body") for k in range(1, self.n_body_steps)]
        return [("heads_loss", "heads"), ("body_loss", "body"), *later]

    def player_loss(
        self,
        name: str,
        features: Tensor,
        domains: BatchDomains,
        source_loss: Callable[[Tensor], Tensor],
        strength: float,
    ) -> Tensor:
        """Return the loss of a turn.

        Parameters
        ----------
        name : str
            Of the turn.
        features : torch.Tensor of shape (n, n_features)
            The features of the rows of a batch.
        domains : BatchDomains
            Where they are from.
        source_loss : callable
            Takes raw outputs, returns the loss of the source's labels.
        strength : float
            Of the adaptation.

        Returns
        -------
        loss : torch.Tensor of shape ()
            The heads' is the loss of the labels less the discrepancy on the target;
            the body's is that discrepancy. Both have the discrepancy times `strength`.
        """
        first, second = self.outputs(features)
        _, weight = domains.parts(domains.weight)
        apart = classifier_discrepancy(
            domains.parts(first)[1], domains.parts(second)[1], weight
        )
        if name != "heads_loss":
            return strength * apart
        return source_loss(first) + source_loss(second) - strength * apart
