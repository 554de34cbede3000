"""A dense network for tables: embedded inputs, learned scales, NTK parametrisation."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_dl.modules._activations import make_activation

__all__ = [
    "CategoryEmbedding",
    "LearnedScale",
    "NTKLinear",
    "PeriodicEmbedding",
    "TabularNetwork",
]


class NTKLinear(nn.Module):
    """A dense layer ``W x / sqrt(n_in) + b`` with standard normal W.

    The factor stands in the formula instead of in the initial weights, which makes one
    learning rate fit layers of all widths [1]_.

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs and outputs.
    zero : bool, default=False
        Whether the weights begin at 0.

    References
    ----------
    .. [1] A. Jacot, F. Gabriel and C. Hongler, "Neural tangent kernel: convergence and
       generalization in neural networks", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import NTKLinear
    >>> NTKLinear(3, 2, zero=True)(torch.ones(1, 3)).shape
    torch.Size([1, 2])
    """

    def __init__(self, n_in: int, n_out: int, *, zero: bool = False):
        super().__init__()
        weight = torch.zeros(n_out, n_in) if zero else torch.randn(n_out, n_in)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.factor = n_in**-0.5

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_in)
            The inputs.

        Returns
        -------
        mapped : torch.Tensor of shape (n_rows, n_out)
            The outputs.
        """
        return torch.addmm(self.bias, x, self.weight.T, alpha=self.factor)


class LearnedScale(nn.Module):
    """One learned factor a column, 1 at the beginning: a soft choice of features.

    Parameters
    ----------
    n_features : int
        Number of columns.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import LearnedScale
    >>> LearnedScale(2)(torch.tensor([[3.0, 4.0]])).tolist()
    [[3.0, 4.0]]
    """

    def __init__(self, n_features: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_features))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply column by column.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_features)
            The inputs.

        Returns
        -------
        scaled : torch.Tensor of shape (n_rows, n_features)
            The outputs.
        """
        return x * self.scale


class PeriodicEmbedding(nn.Module):
    """Each number becomes itself beside a linear map of cosines of it [1]_.

    The numbers x of a column become ``[x, V cos(2 pi (w x + b)) + c]``, all learned,
    apart for each column.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_frequencies : int, default=16
        Number of cosines a column.
    size : int, default=4
        Numbers that stand for one, itself among them.
    sigma : float, default=0.1
        Standard deviation of the initial frequencies w.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical
       features in tabular deep learning", NeurIPS 2022; the variant with bias, linear
       map and the number itself is RealMLP's, arXiv 2407.04491.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import PeriodicEmbedding
    >>> PeriodicEmbedding(2, size=4)(torch.zeros(5, 2)).shape
    torch.Size([5, 8])
    """

    def __init__(
        self,
        n_features: int,
        n_frequencies: int = 16,
        size: int = 4,
        sigma: float = 0.1,
    ):
        super().__init__()
        self.frequency = nn.Parameter(sigma * torch.randn(n_features, n_frequencies))
        self.phase = nn.Parameter(torch.rand(n_features, n_frequencies) - 0.5)
        bound = n_frequencies**-0.5
        shape = (n_features, n_frequencies, size - 1)
        self.weight = nn.Parameter(bound * (2 * torch.rand(shape) - 1))
        self.bias = nn.Parameter(bound * (2 * torch.rand(n_features, size - 1) - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Embed numbers.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_features)
            The numbers.

        Returns
        -------
        embedded : torch.Tensor of shape (n_rows, n_features * size)
            Column after column.
        """
        angle = x[:, :, None] * self.frequency + self.phase
        waves = torch.cos(2 * torch.pi * angle)  # (n_rows, n_features, n_frequencies)
        mapped = torch.bmm(waves.transpose(0, 1), self.weight).transpose(0, 1)
        embedded = torch.cat([x[:, :, None], mapped + self.bias], dim=2)
        return embedded.flatten(1)


class CategoryEmbedding(nn.Module):
    """A learned vector for each category of each column.

    Parameters
    ----------
    n_categories : sequence of int
        Categories of each column. The codes of column k are 0 for what is unknown,
        whose vector is 0 and stays it, and 1 to ``n_categories[k]``.
    size : int, default=8
        Length of the vectors.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import CategoryEmbedding
    >>> CategoryEmbedding([3], size=2)(torch.tensor([[0.0]])).tolist()
    [[0.0, 0.0]]
    """

    starts: Tensor

    def __init__(self, n_categories: Sequence[int], size: int = 8):
        super().__init__()
        counts = torch.tensor([n + 1 for n in n_categories])
        starts = counts.cumsum(0) - counts
        self.register_buffer("starts", starts)
        self.table = nn.Parameter(torch.randn(int(counts.sum()), size))
        with torch.no_grad():
            self.table[starts] = 0.0

    def forward(self, codes: Tensor) -> Tensor:
        """Embed categories.

        Parameters
        ----------
        codes : torch.Tensor of shape (n_rows, n_columns)
            The codes, of any type that holds them.

        Returns
        -------
        embedded : torch.Tensor of shape (n_rows, n_columns * size)
            Column after column.
        """
        return F.embedding(codes.long() + self.starts, self.table).flatten(1)


class TabularNetwork(nn.Module):
    """The network of RealMLP [1]_: embeddings, learned scales, NTK dense layers.

    Parameters
    ----------
    n_numeric : int
        Number of numeric columns; they come first.
    n_categories : sequence of int
        Categories of each of the columns behind them, which hold codes.
    hidden_layer_sizes : sequence of int
        Number of units of each hidden layer.
    n_outputs : int
        Number of outputs; they are raw.
    activation : str, default="selu"
        Name of the activation, see :func:`make_activation`.
    dropout : float, default=0.0
        Probability to drop a hidden unit during training.
    n_frequencies : int, default=16
        See :class:`PeriodicEmbedding`.
    embedding_size : int, default=4
        Numbers that stand for a numeric column; 1 leaves the columns as they are.
    category_size : int, default=8
        See :class:`CategoryEmbedding`.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024,
       arXiv 2407.04491.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import TabularNetwork
    >>> network = TabularNetwork(3, [5], [16, 16], 2)
    >>> network(torch.tensor([[0.1, -1.0, 2.0, 4.0]])).shape
    torch.Size([1, 2])
    """

    def __init__(
        self,
        n_numeric: int,
        n_categories: Sequence[int],
        hidden_layer_sizes: Sequence[int],
        n_outputs: int,
        *,
        activation: str = "selu",
        dropout: float = 0.0,
        n_frequencies: int = 16,
        embedding_size: int = 4,
        category_size: int = 8,
    ):
        super().__init__()
        self.n_numeric = n_numeric
        self.numbers: nn.Module = nn.Identity()
        width = n_numeric
        if n_numeric and embedding_size > 1:
            self.numbers = PeriodicEmbedding(n_numeric, n_frequencies, embedding_size)
            width *= embedding_size
        self.categories = None
        if n_categories:
            self.categories = CategoryEmbedding(n_categories, category_size)
            width += len(n_categories) * category_size
        layers: list[nn.Module] = [LearnedScale(width)]
        for n_units in hidden_layer_sizes:
            layers += [NTKLinear(width, n_units), make_activation(activation)]
            if dropout:
                layers.append(nn.Dropout(dropout))
            width = n_units
        layers.append(NTKLinear(width, n_outputs, zero=True))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the raw outputs.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_numeric + n_categorical)
            Numbers, then codes.

        Returns
        -------
        output : torch.Tensor of shape (n_rows, n_outputs)
            The raw outputs.
        """
        embedded = self.numbers(x[:, : self.n_numeric])
        if self.categories is not None:
            codes = self.categories(x[:, self.n_numeric :])
            embedded = torch.cat([embedded, codes], dim=1)
        return self.layers(embedded)

    def rate_factors(self) -> dict[str, float]:
        """Return the factors by which parameters learn faster or slower.

        Returns
        -------
        factors : dict
            From the names of parameters to factors of the learning rate; those that
            are not named have 1.
        """
        factors = {}
        for name, _ in self.named_parameters():
            if name.endswith(".scale"):
                factors[name] = 6.0
            elif name.startswith("numbers.") or name.endswith(".bias"):
                factors[name] = 0.1
        return factors
