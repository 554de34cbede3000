"""How far the features of two domains are apart: plain functions of tensors.

Rows can carry weights, which need not add up to 1.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

__all__ = [
    "classifier_discrepancy",
    "coral_distance",
    "mean_distance",
    "mk_mmd",
    "reverse_gradient",
]

# Bandwidths of the kernels, as multiples of the mean squared distance.
_BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, X: Tensor, strength: float) -> Tensor:
        ctx.strength = strength  # type: ignore[attr-defined]
        return X.view_as(X)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None  # type: ignore[attr-defined]


def reverse_gradient(X: Tensor, strength: float = 1.0) -> Tensor:
    """Return X as it is; its gradient is multiplied by ``-strength`` [1]_.

    Parameters
    ----------
    X : torch.Tensor
        Of any shape.
    strength : float, default=1.0
        Called lambda in the paper.

    Returns
    -------
    X : torch.Tensor
        The same values.

    References
    ----------
    .. [1] Y. Ganin et al., "Domain-adversarial training of neural networks", JMLR 17
       (59), 2016.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import reverse_gradient
    >>> X = torch.tensor([3.0], requires_grad=True)
    >>> (2 * reverse_gradient(X, 0.5)).sum().backward()
    >>> X.grad
    tensor([-1.])
    """
    reversed_: Tensor = _Reversal.apply(X, strength)  # type: ignore[no-untyped-call]
    return reversed_


def _shares(rows: Tensor, weight: Tensor | None) -> Tensor:
    """Return weights that add up to 1."""
    if weight is None:
        return rows.new_full((len(rows),), 1 / len(rows))
    total = weight.sum()
    return weight / torch.where(total > 0, total, 1.0)


def mean_distance(
    source: Tensor,
    target: Tensor,
    source_weight: Tensor | None = None,
    target_weight: Tensor | None = None,
) -> Tensor:
    """Return the distance of the means: the discrepancy with a linear kernel [1]_.

    Parameters
    ----------
    source, target : torch.Tensor of shape (n, n_features)
        Features of rows of the two domains.
    source_weight, target_weight : torch.Tensor of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    distance : torch.Tensor of shape ()
        The squared Euclidean distance.

    References
    ----------
    .. [1] E. Tzeng, J. Hoffman, N. Zhang, K. Saenko and T. Darrell, "Deep domain
       confusion: maximizing for domain invariance", arXiv 1412.3474, 2014.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import mean_distance
    >>> mean_distance(torch.zeros(3, 2), torch.ones(5, 2))
    tensor(2.)
    """
    means = _shares(source, source_weight) @ source
    return (means - _shares(target, target_weight) @ target).square().sum()


def mk_mmd(
    source: Tensor,
    target: Tensor,
    source_weight: Tensor | None = None,
    target_weight: Tensor | None = None,
) -> Tensor:
    """Return the squared maximum mean discrepancy with several kernels [1]_.

    The kernel is the mean of five Gaussian kernels. Their bandwidths are multiples, by
    powers of 2 from 1/4 to 4, of the mean squared distance between two rows, through
    which no gradient flows. All pairs of rows count, each row with itself too (the
    biased estimate, which is never negative).

    Parameters
    ----------
    source, target : torch.Tensor of shape (n, n_features)
        Features of rows of the two domains.
    source_weight, target_weight : torch.Tensor of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    discrepancy : torch.Tensor of shape ()
        Zero for equal domains.

    References
    ----------
    .. [1] M. Long, Y. Cao, J. Wang and M. I. Jordan, "Learning transferable features
       with deep adaptation networks", ICML 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import mk_mmd
    >>> rows = torch.tensor([[0.0], [1.0]])
    >>> mk_mmd(rows, rows).item()
    0.0
    >>> bool(mk_mmd(rows, rows + 1) < mk_mmd(rows, rows + 2))
    True
    """
    rows = torch.cat([source, target])
    # Far from 0 the distances would be differences of large numbers.
    rows = rows - rows.detach().mean(dim=0)
    # One vector with both domains: w' K w is the three means of the paper.
    signed = torch.cat(
        [_shares(source, source_weight), -_shares(target, target_weight)]
    )
    norms = rows.square().sum(dim=1)
    distances = (norms[:, None] + norms - 2 * rows @ rows.T).clamp_min(0)
    mean = distances.detach().mean()
    scale = torch.where(mean > 0, mean, 1.0)
    kernel = torch.stack(
        [torch.exp(-distances / (factor * scale)) for factor in _BANDWIDTHS]
    ).mean(dim=0)
    return signed @ kernel @ signed


def coral_distance(
    source: Tensor,
    target: Tensor,
    source_weight: Tensor | None = None,
    target_weight: Tensor | None = None,
) -> Tensor:
    """Return the distance of the covariances: ``|C_s - C_t|^2 / (4 d^2)`` [1]_.

    Parameters
    ----------
    source, target : torch.Tensor of shape (n, n_features)
        Features of rows of the two domains.
    source_weight, target_weight : torch.Tensor of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    distance : torch.Tensor of shape ()
        The squared Frobenius norm of the difference, divided by four times the square
        of the number of features.

    References
    ----------
    .. [1] B. Sun and K. Saenko, "Deep CORAL: correlation alignment for deep domain
       adaptation", ECCV 2016 workshops.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import coral_distance
    >>> rows = torch.tensor([[1.0], [-1.0]])
    >>> coral_distance(rows, 2 * rows)
    tensor(9.)
    """
    difference = _covariance(source, source_weight) - _covariance(target, target_weight)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def _covariance(rows: Tensor, weight: Tensor | None) -> Tensor:
    shares = _shares(rows, weight)
    centred = rows - shares @ rows
    # For equal weights this is 1 - 1 / n; a single row has no covariance.
    correction = (1 - shares.square().sum()).clamp_min(torch.finfo(rows.dtype).eps)
    return (centred * shares[:, None]).T @ centred / correction


def classifier_discrepancy(
    first: Tensor, second: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Return the mean absolute difference of the probabilities of two heads [1]_.

    Parameters
    ----------
    first, second : torch.Tensor of shape (n, n_outputs)
        Raw outputs: log odds where there is one, else those of a softmax.
    weight : torch.Tensor of shape (n,), default=None
        Weights of the rows.

    Returns
    -------
    discrepancy : torch.Tensor of shape ()
        Between 0 and 1.

    References
    ----------
    .. [1] K. Saito, K. Watanabe, Y. Ushiku and T. Harada, "Maximum classifier
       discrepancy for unsupervised domain adaptation", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import classifier_discrepancy
    >>> classifier_discrepancy(torch.tensor([[9.0]]), torch.tensor([[0.0]])).round(
    ...     decimals=2
    ... )
    tensor(0.5000)
    """
    if first.shape[1] == 1:
        apart = (first.sigmoid() - second.sigmoid()).abs()
    else:
        apart = (first.softmax(dim=1) - second.softmax(dim=1)).abs()
    return _shares(first, weight) @ apart.mean(dim=1)
