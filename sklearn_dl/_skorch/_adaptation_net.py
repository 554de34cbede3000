"""A net that learns from labels of a source, and from rows of a target without any."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sklearn_dl._skorch._adversarial_pass import AdversarialPass
from sklearn_dl._skorch._data import Batch, Batches
from sklearn_dl._skorch._net import TensorNet, Turn
from sklearn_dl.modules import BatchDomains

__all__ = ["AdaptationNet"]


class AdaptationNet(TensorNet):
    """Trains an :class:`~sklearn_dl.modules.AdaptationNetwork`.

    Attributes
    ----------
    domains_ : BatchDomains or None
        Where the rows of each batch are from; None without a target.
    progress_ : float
        The share of the training that is over.
    """

    domains_: BatchDomains | None = None
    progress_ = 0.0

    def _set_rate(self, k: int, n_batches: int) -> None:
        super()._set_rate(k, n_batches)
        self.progress_ = (self.n_epochs_ + k / n_batches) / self.max_epochs

    def turns(self) -> list[Turn]:
        """Return what happens to each batch: the common turn, and the module's own."""
        backward = None if self.domains_ is None else self._written_out(self.domains_)
        turns = [Turn(self.optimizer_, self.training_loss, backward=backward)]
        if self.domains_ is not None:
            turns += [
                self._turn_of_player(name, part)
                for name, part in self.module_.player_turns()
            ]
        return turns

    def _written_out(self, domains: BatchDomains) -> Callable[[Batch], Tensor] | None:
        """Return what sets the gradients without autograd, for plain networks."""
        alone = self.mixed_precision is None and not self._listeners["on_batch_end"]
        if not alone or not AdversarialPass.covers(self.module_, self.criterion_):
            return None
        adversarial = AdversarialPass(self.module_, self.criterion_, domains)

        def backward(batch: Batch) -> Tensor:
            strength = self.module_.strength(self.progress_)

            def note(label_loss: Tensor, domain_loss: Tensor) -> None:
                self._note("label_loss", label_loss, batch)
                self._note("domain_loss", domain_loss, batch)

            return adversarial(batch, strength, note)

        return backward

    def _note(self, name: str, loss: Tensor, batch: Batch) -> None:
        self._totals[name].add_(loss.detach(), alpha=len(batch[0]))

    def _turn_of_player(self, name: str, part: str) -> Turn:
        """Return a turn at which one part of the module steps by a loss of its own.

        The optimiser is the common one: what it knows of the size of a gradient is
        what the loss of the labels has taught it, and a small loss makes small steps.
        """
        modules = self.module_.player_parts()[part]
        parameters = [p for module in modules for p in module.parameters()]

        def loss(batch: Batch) -> Tensor:
            X, _, weight = batch
            assert self.domains_ is not None
            value: Tensor = self.module_.player_loss(
                name,
                self.module_.features(X).to(self.dtype),
                self.domains_.weighted(weight),
                self._source_loss(batch),
                self.module_.strength(self.progress_),
            )
            return value

        def backward(batch: Batch) -> Tensor:
            # What has no gradient does not step.
            self.optimizer_.zero_grad(set_to_none=True)
            value = loss(batch)
            # A body may have no weights, and a user may freeze them.
            free = [p for p in parameters if p.requires_grad]
            if free:
                value.backward(inputs=free)
            return value.detach()

        # The common turn has the penalty.
        return Turn(self.optimizer_, loss, name, backward, penalised=False)

    def _source_loss(self, batch: Batch) -> Any:
        """Return the loss of raw outputs for the source rows of a batch."""
        _, y, weight = batch
        assert y is not None
        n_source = len(y) if self.domains_ is None else self.domains_.n_source
        weight = None if weight is None else weight[:n_source]

        def loss(outputs: Tensor) -> Tensor:
            value: Tensor = self.criterion_(outputs[:n_source], y[:n_source], weight)
            return value

        return loss

    def training_loss(self, batch: Batch) -> Tensor:
        """Return the loss of the labels and, with a target, that of the domains."""
        X, _, weight = batch
        source_loss = self._source_loss(batch)
        with self._autocast():
            features = self.module_.features(X)
            outputs = self.module_.outputs(features)
        features = features.to(self.dtype)
        outputs = [output.to(self.dtype) for output in outputs]
        self.output_ = outputs[0]
        loss: Tensor = torch.stack([source_loss(output) for output in outputs]).sum()
        self._note("label_loss", loss, batch)
        if self.domains_ is not None:
            domains = self.domains_.weighted(weight)
            strength = self.module_.strength(self.progress_)
            other = self.module_.adaptation_loss(
                features, outputs[0], domains, strength
            )
            if other is not None:
                self._note("domain_loss", other, batch)
                loss = loss + other
        return loss

    def _run_epoch(self, batches: Batches) -> None:
        zero = torch.zeros((), dtype=self.dtype, device=batches.device)
        self._totals = {"label_loss": zero, "domain_loss": zero.clone()}
        super()._run_epoch(batches)

    def end_of_rows(self, n_rows: int, losses: dict[str, float], rate: float) -> None:
        """Note that all rows of an epoch are through, and what the loss is made of."""
        own = {name: total.item() / n_rows for name, total in self._totals.items()}
        super().end_of_rows(n_rows, losses | own, rate)
