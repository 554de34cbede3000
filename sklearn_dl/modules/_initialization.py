"""Initial weights by name."""

import torch
from torch import Tensor, nn

__all__ = ["WEIGHT_INITS", "initialize_"]

WEIGHT_INITS = (
    "small_normal",
    "small_uniform",
    "xavier_normal",
    "xavier_uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "orthogonal",
)


def initialize_(
    weight: Tensor, scheme: str, generator: torch.Generator | None = None
) -> Tensor:
    """Fill `weight` with random values, in place.

    Parameters
    ----------
    weight : torch.Tensor of shape (n_out, n_in, ...)
        The weight of a dense or convolutional layer.
    scheme : str
        The standard deviation of the values, and their distribution:
        ``small`` 0.01; ``xavier`` sqrt(1 / n_in); ``glorot``
        sqrt(2 / (n_in + n_out)); ``he`` sqrt(2 / n_in); each ``_normal`` or
        ``_uniform``. ``orthogonal`` gives orthonormal rows or columns.
    generator : torch.Generator, default=None
        Where the random numbers come from; None is torch's global generator.

    Returns
    -------
    weight : torch.Tensor
        The same tensor.

    Raises
    ------
    ValueError
        If there is no such scheme.

    References
    ----------
    - X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
      feedforward neural networks", AISTATS 2010.
    - K. He, X. Zhang, S. Ren and J. Sun, "Delving deep into rectifiers", ICCV 2015.
    - A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear
      dynamics of learning in deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import initialize_
    >>> weight = initialize_(
    ...     torch.empty(400, 200), "he_normal", torch.Generator().manual_seed(0)
    ... )
    >>> round(weight.std().item(), 2)
    0.1
    """
    kind, _, shape = scheme.partition("_")
    if scheme == "orthogonal":
        return nn.init.orthogonal_(weight, generator=generator)
    if scheme not in WEIGHT_INITS:
        raise ValueError(f"scheme must be one of {WEIGHT_INITS}, got {scheme!r}.")
    n_out, n_in = weight.shape[:2]
    receptive = weight[0, 0].numel()
    n_out, n_in = n_out * receptive, n_in * receptive
    std = {
        "small": 0.01,
        "xavier": n_in**-0.5,
        "glorot": (2 / (n_in + n_out)) ** 0.5,
        "he": (2 / n_in) ** 0.5,
    }[kind]
    if shape == "normal":
        return nn.init.normal_(weight, 0.0, std, generator=generator)
    bound = 3**0.5 * std
    return nn.init.uniform_(weight, -bound, bound, generator=generator)
