"""Losses with one value a row, so that each row can carry a weight.

Every loss is called with the network's raw output, the encoded target and an optional
weight a row, and returns ``sum(w * loss) / sum(w)``. ``link`` turns the raw output
into what the estimator predicts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "HuberError",
    "MultiTaskCrossEntropy",
    "PinballError",
    "PoissonDeviance",
    "SquaredError",
    "StandardizedSquaredError",
    "WeightedLoss",
    "weighted_mean",
]


def weighted_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """Average one value a row, with weights.

    Parameters
    ----------
    values : torch.Tensor of shape (n_rows,)
        The values.
    weight : torch.Tensor of shape (n_rows,), default=None
        Non-negative weights; None weighs all rows alike.

    Returns
    -------
    mean : torch.Tensor of shape ()
        ``sum(weight * values) / sum(weight)``, and 0 where all weights are 0.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import weighted_mean
    >>> weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0]))
    tensor(1.7500)
    """
    if weight is None:
        return values.mean()
    total = weight.sum()
    # A batch may hold nothing but rows of weight 0: it must not give 0 / 0.
    return (values * weight).sum() / torch.where(total > 0, total, 1.0)


def _above_zero(probability: Tensor) -> Tensor:
    """Keep away from 0, where a root has no slope."""
    return probability.clamp_min(torch.finfo(probability.dtype).eps)


class WeightedLoss(nn.Module):
    """Base class: a loss with one value a row, averaged with weights.

    Subclasses define ``rows``, and ``link`` where predictions are not raw outputs.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import WeightedLoss
    >>> class FourthPower(WeightedLoss):
    ...     def rows(self, output, target):
    ...         return ((output - target) ** 4).sum(dim=1)
    >>> FourthPower()(torch.tensor([[3.0], [1.0]]), torch.ones(2, 1))
    tensor(8.)
    """

    def forward(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Average the loss over a batch.

        Parameters
        ----------
        output : torch.Tensor of shape (n_rows, n_outputs)
            The network's raw outputs.
        target : torch.Tensor of shape (n_rows,) or (n_rows, n_targets)
            The encoded targets.
        weight : torch.Tensor of shape (n_rows,), default=None
            Non-negative weights; None weighs all rows alike.

        Returns
        -------
        loss : torch.Tensor of shape ()
            The weighted mean.
        """
        return weighted_mean(self.rows(output, target), weight)

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each row.

        Parameters
        ----------
        output : torch.Tensor of shape (n_rows, n_outputs)
            The network's raw outputs.
        target : torch.Tensor of shape (n_rows,) or (n_rows, n_targets)
            The encoded targets.

        Returns
        -------
        losses : torch.Tensor of shape (n_rows,)
            One loss a row.
        """
        raise NotImplementedError

    def link(self, output: Tensor) -> Tensor:
        """Turn raw outputs into predictions.

        Parameters
        ----------
        output : torch.Tensor of shape (n_rows, n_outputs)
            The network's raw outputs.

        Returns
        -------
        prediction : torch.Tensor of shape (n_rows, n_outputs)
            The predictions.
        """
        return output


class BinaryCrossEntropy(WeightedLoss):
    """Cross-entropy of independent yes-or-no outputs, summed over the outputs.

    One output is binary classification; several are multi-label classification.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Targets become ``t * (1 - s) + s / 2``.
    focal_gamma : float, default=0.0
        Each term is multiplied by ``(1 - p) ** focal_gamma``, where ``p`` is the
        probability given to the truth [1]_. 0 is plain cross-entropy.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollár, "Focal loss for dense
       object detection", ICCV 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import BinaryCrossEntropy
    >>> loss = BinaryCrossEntropy()
    >>> loss(torch.tensor([[0.0]]), torch.tensor([[1.0]]))
    tensor(0.6931)
    """

    def __init__(self, label_smoothing: float = 0.0, focal_gamma: float = 0.0):
        super().__init__()
        self.label_smoothing = label_smoothing
        self.focal_gamma = focal_gamma

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        smooth = self.label_smoothing
        soft = target * (1 - smooth) + smooth / 2 if smooth else target
        terms = F.binary_cross_entropy_with_logits(output, soft, reduction="none")
        if self.focal_gamma:
            wrong = torch.sigmoid(torch.where(target > 0.5, -output, output))
            terms = terms * _above_zero(wrong) ** self.focal_gamma
        return terms.sum(dim=1)

    def link(self, output: Tensor) -> Tensor:
        """Return the probability of each output."""
        return torch.sigmoid(output)


class CrossEntropy(WeightedLoss):
    """Softmax cross-entropy of one label out of several.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        The share of the target's mass that is spread evenly over all classes.
    focal_gamma : float, default=0.0
        Each row is multiplied by ``(1 - p) ** focal_gamma``, where ``p`` is the
        probability given to the true class. 0 is plain cross-entropy.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import CrossEntropy
    >>> probabilities = torch.tensor([[0.228, 0.619, 0.153]])
    >>> round(CrossEntropy()(probabilities.log(), torch.tensor([1])).item(), 3)
    0.48
    """

    def __init__(self, label_smoothing: float = 0.0, focal_gamma: float = 0.0):
        super().__init__()
        self.label_smoothing = label_smoothing
        self.focal_gamma = focal_gamma

    def forward(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return the weighted mean loss of a batch."""
        if weight is None and not self.focal_gamma:
            # One fused kernel; the general way takes three.
            return F.cross_entropy(output, target, label_smoothing=self.label_smoothing)
        return super().forward(output, target, weight)

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        values = F.cross_entropy(
            output, target, reduction="none", label_smoothing=self.label_smoothing
        )
        if self.focal_gamma:
            right = output.softmax(dim=1).gather(1, target[:, None]).squeeze(1)
            values = values * _above_zero(1 - right) ** self.focal_gamma
        return values

    def link(self, output: Tensor) -> Tensor:
        """Return the probability of each class."""
        return output.softmax(dim=1)


class MultiTaskCrossEntropy(WeightedLoss):
    """Sum of the softmax cross-entropies of several tasks that share one network.

    Parameters
    ----------
    n_classes : sequence of int
        The number of classes of each task; the output has ``sum(n_classes)`` columns.
    label_smoothing : float, default=0.0
        As in :class:`CrossEntropy`.
    focal_gamma : float, default=0.0
        As in :class:`CrossEntropy`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import MultiTaskCrossEntropy
    >>> loss = MultiTaskCrossEntropy([2, 3])
    >>> loss(torch.zeros(1, 5), torch.tensor([[1, 2]]))
    tensor(1.7918)
    """

    def __init__(
        self,
        n_classes: Sequence[int],
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
    ):
        super().__init__()
        self.n_classes = list(n_classes)
        self.task_loss = CrossEntropy(label_smoothing, focal_gamma)

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        parts = output.split(self.n_classes, dim=1)
        losses = [
            self.task_loss.rows(part, target[:, k]) for k, part in enumerate(parts)
        ]
        return torch.stack(losses).sum(dim=0)

    def link(self, output: Tensor) -> Tensor:
        """Return the probability of each class, task beside task."""
        parts = output.split(self.n_classes, dim=1)
        return torch.cat([part.softmax(dim=1) for part in parts], dim=1)


class SquaredError(WeightedLoss):
    """Half the squared error, summed over the outputs.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import SquaredError
    >>> SquaredError()(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor(2.)
    """

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return 0.5 * (output - target).square().sum(dim=1)


class StandardizedSquaredError(WeightedLoss):
    """Half the squared error of a target with mean 0 and standard deviation 1.

    The prediction is in the target's own units, and within the range seen in training.

    Parameters
    ----------
    location, scale, low, high : sequence of float
        Mean, standard deviation, smallest and largest value of each output.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import StandardizedSquaredError
    >>> loss = StandardizedSquaredError([10.0], [2.0], [6.0], [14.0])
    >>> loss.link(torch.tensor([[0.5], [3.0]])).ravel().tolist()
    [11.0, 14.0]
    """

    def __init__(
        self,
        location: Sequence[float],
        scale: Sequence[float],
        low: Sequence[float],
        high: Sequence[float],
    ):
        super().__init__()
        # Not buffers: some devices have no float64 to keep them in.
        self.location, self.scale = list(location), list(scale)
        self.low, self.high = list(low), list(high)

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        location, scale = (
            output.new_tensor(self.location),
            output.new_tensor(self.scale),
        )
        return 0.5 * (output - (target - location) / scale).square().sum(dim=1)

    def link(self, output: Tensor) -> Tensor:
        """Return the prediction in the target's units."""
        location, scale = (
            output.new_tensor(self.location),
            output.new_tensor(self.scale),
        )
        low, high = output.new_tensor(self.low), output.new_tensor(self.high)
        return (output * scale + location).clamp(low, high)


class AbsoluteError(WeightedLoss):
    """The absolute error, summed over the outputs: the prediction is a median.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import AbsoluteError
    >>> AbsoluteError()(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor(2.)
    """

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        return (output - target).abs().sum(dim=1)


class HuberError(WeightedLoss):
    """Squared near zero, absolute further out, summed over the outputs.

    Parameters
    ----------
    delta : float, default=1.0
        The absolute error, in units of the target, at which the loss turns from
        ``e ** 2 / 2`` to ``delta * (e - delta / 2)``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import HuberError
    >>> HuberError(delta=1.0)(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor(1.5000)
    """

    def __init__(self, delta: float = 1.0):
        super().__init__()
        self.delta = delta

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        values = F.huber_loss(output, target, reduction="none", delta=self.delta)
        return values.sum(dim=1)


class PinballError(WeightedLoss):
    """The quantile loss, summed over the outputs: the prediction is a quantile.

    Parameters
    ----------
    quantile : float, default=0.5
        The quantile to predict, between 0 and 1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import PinballError
    >>> PinballError(quantile=0.9)(torch.tensor([[1.0]]), torch.tensor([[3.0]]))
    tensor(1.8000)
    """

    def __init__(self, quantile: float = 0.5):
        super().__init__()
        self.quantile = quantile

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        above = target - output
        values = torch.maximum(self.quantile * above, (self.quantile - 1) * above)
        return values.sum(dim=1)


class PoissonDeviance(WeightedLoss):
    """Half the Poisson deviance with a log link, summed over the outputs.

    The targets are counts or rates, not negative; the prediction is ``exp(output)``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import PoissonDeviance
    >>> PoissonDeviance()(torch.tensor([[0.0]]), torch.tensor([[1.0]]))
    tensor(0.)
    """

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        best = torch.special.xlogy(target, target) - target
        return (best - target * output + output.exp()).sum(dim=1)

    def link(self, output: Tensor) -> Tensor:
        """Return the expected counts."""
        return output.exp()
