"""What a network returns in training, where that is more than its output."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

__all__ = ["TrainingOutput"]

Criterion = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class TrainingOutput:
    """Outputs of a network in training, and how they make a loss.

    Parameters
    ----------
    output : torch.Tensor of shape (n, n_outputs)
        The raw outputs.
    auxiliary : tuple of torch.Tensor of shape (n, n_outputs), default=()
        Those of auxiliary classifiers [1]_.
    auxiliary_weight : float, default=0.0
        What their losses are multiplied with.
    partner : torch.Tensor of shape (n,), default=None
        The row that each row was mixed with [2]_; None without mixup.
    share : float or torch.Tensor of shape (), default=1.0
        The share of the row itself.

    References
    ----------
    .. [1] C. Szegedy et al., "Going deeper with convolutions", CVPR 2015.
    .. [2] H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz, "mixup: beyond empirical
       risk minimization", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import SquaredError, TrainingOutput
    >>> output = TrainingOutput(torch.ones(2, 1), (torch.zeros(2, 1),), 0.3)
    >>> output.loss(SquaredError(), torch.zeros(2, 1), None)
    tensor(0.5000)
    """

    output: Tensor
    auxiliary: tuple[Tensor, ...] = ()
    auxiliary_weight: float = 0.0
    partner: Tensor | None = None
    share: Tensor | float = 1.0

    def to(self, dtype: torch.dtype) -> "TrainingOutput":
        """Return the outputs in another type.

        Parameters
        ----------
        dtype : torch.dtype
            The type.

        Returns
        -------
        output : TrainingOutput
            The same, with outputs of that type.
        """
        auxiliary = tuple(output.to(dtype) for output in self.auxiliary)
        return replace(self, output=self.output.to(dtype), auxiliary=auxiliary)

    def loss(self, criterion: Criterion, y: Tensor, weight: Tensor | None) -> Tensor:
        """Return the loss of all outputs.

        Parameters
        ----------
        criterion : callable
            The loss of one output, a function of output, target and weight.
        y : torch.Tensor of shape (n, ...)
            The targets of the rows, before they were mixed.
        weight : torch.Tensor of shape (n,) or None
            Their weights.

        Returns
        -------
        loss : torch.Tensor of shape ()
            The sum of the losses, each with its weight.
        """
        targets: list[tuple[Tensor | float, Tensor, Tensor | None]]
        targets = [(self.share, y, weight)]
        if self.partner is not None:
            others = None if weight is None else weight[self.partner]
            targets.append((1 - self.share, y[self.partner], others))
        outputs = [(1.0, self.output)]
        outputs += [(self.auxiliary_weight, output) for output in self.auxiliary]
        losses = [
            scale * share * criterion(output, target, target_weight)
            for scale, output in outputs
            for share, target, target_weight in targets
        ]
        return torch.stack(losses).sum()
