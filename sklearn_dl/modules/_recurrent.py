"""Recurrent networks."""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_dl.modules._recurrent_cells import CELLS, make_recurrent_layer
from sklearn_dl.modules._recurrent_steps import Steps
from sklearn_dl.modules._sequence_batch import SequenceBatch

__all__ = ["RecurrentNetwork"]

POOLINGS = ("last", "mean", "max", "attention", None)


class RecurrentNetwork(nn.Module):
    """Recurrent layers, a pooling over time and a linear layer.

    Sequences may have different lengths. What stands behind the end of one has no
    influence on any output or gradient, nor have the other sequences of a batch and
    their order, but for the rounding of numbers.

    Parameters
    ----------
    n_inputs : int or None
        Features of a step; None for tokens.
    n_outputs : int
        Number of outputs; they are raw, without activation.
    cell : {"rnn", "gru", "simplified_gru", "lstm"}, default="gru"
        What a step computes: :class:`torch.nn.RNN`, :class:`torch.nn.GRU` [1]_,
        :class:`SimplifiedGRU` or :class:`torch.nn.LSTM` [2]_. In torch's GRU the
        relevance (or reset) gate multiplies ``W a + b``, in the paper the state ``a``
        before the product. On a CPU, with float32, LSTM is the fastest of those with
        gates.
    hidden_size : int, default=64
        Number of units of a layer and direction.
    n_layers : int, default=1
        Number of layers. Each takes the states of the one before as its inputs.
    bidirectional : bool, default=False
        Whether each layer has as many units again that go through the sequence from
        its end to its beginning [3]_. Then the states of both stand side by side.
    dropout : float, default=0.0
        Probability to drop a value on the way up during training: of the vectors of
        tokens, of states between two layers, and of what the last layer takes [7]_.
    pooling : {"last", "mean", "max", "attention"} or None, default="last"
        What becomes of the states of the last layer. ``"last"`` takes that after the
        last step, and for the opposite direction that after the first. ``"mean"`` and
        ``"max"`` are over all steps. ``"attention"`` is their mean with the weights
        ``softmax(v . tanh(W a + b))`` [4]_. None has an output for each step.
    n_tokens : int, default=None
        For sequences of tokens: how many there are. A step is a number from 0 to
        ``n_tokens - 1``, for which a learned vector stands.
    embedding_dim : int, default=None
        Length of those vectors; None takes ``hidden_size``. Given vectors have theirs.
    embeddings : array-like of shape (n_tokens, embedding_dim), default=None
        The vectors to begin with. They are copied. None draws normal ones with a
        standard deviation of 0.1.
    freeze_embeddings : bool, default=False
        Whether the vectors are not learned.
    truncation : int, default=None
        Truncated back-propagation through time [5]_: the gradient does not flow from a
        step to the one before at each ``truncation``-th step. The outputs are the same.
        None goes back to the beginning.
    activation : {"tanh", "relu"}, default="tanh"
        The activation of the cell ``"rnn"``; the others have their own.

    Attributes
    ----------
    embedding : torch.nn.Embedding or None
        The vectors of the tokens.
    layers : torch.nn.ModuleList
        The layers; each has the attribute ``onward``, a layer of torch or a
        :class:`SimplifiedGRU`, and ``opposite``, another one or None.
    head : torch.nn.Linear
        The last layer.

    Raises
    ------
    ValueError
        If there is no such `cell`, `pooling` or `activation`; if neither or both of
        `n_inputs` and tokens are given; if `embeddings` have another shape; or if
        `truncation` is not positive or comes with `bidirectional`.

    See Also
    --------
    SequenceBatch : Sequences of different lengths.

    Notes
    -----
    Input weights begin as Glorot's uniform ones, recurrent weights orthogonal, each
    gate's apart. Biases begin at 0, but at 1 for the forget gate of an LSTM [6]_. The
    state before the first step is 0.

    References
    ----------
    .. [1] K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
       statistical machine translation", EMNLP 2014.
    .. [2] S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
       Computation 9(8), 1997; F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to
       forget", Neural Computation 12(10), 2000.
    .. [3] M. Schuster and K. K. Paliwal, "Bidirectional recurrent neural networks",
       IEEE Transactions on Signal Processing 45(11), 1997.
    .. [4] Z. Yang et al., "Hierarchical attention networks for document
       classification", NAACL 2016.
    .. [5] R. J. Williams and J. Peng, "An efficient gradient-based algorithm for
       on-line training of recurrent network trajectories", Neural Computation 2(4),
       1990.
    .. [6] R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of
       recurrent network architectures", ICML 2015.
    .. [7] W. Zaremba, I. Sutskever and O. Vinyals, "Recurrent neural network
       regularization", arXiv:1409.2329, 2014.

    Examples
    --------
    Sequences of three features a step, of one length and of different lengths:

    >>> import torch
    >>> from sklearn_dl.modules import RecurrentNetwork, SequenceBatch
    >>> network = RecurrentNetwork(3, 2, cell="lstm", bidirectional=True)
    >>> x = torch.zeros(5, 7, 3)
    >>> network(x).shape
    torch.Size([5, 2])
    >>> network(SequenceBatch(x, torch.tensor([7, 4, 1, 2, 6]))).shape
    torch.Size([5, 2])

    An output for each step of sequences of tokens:

    >>> tagger = RecurrentNetwork(None, 2, n_tokens=100, pooling=None)
    >>> tokens = SequenceBatch(
    ...     torch.tensor([[8, 3, 5], [1, 0, 0]]), torch.tensor([3, 1])
    ... )
    >>> tagger(tokens).shape
    torch.Size([4, 2])
    """

    # Numbers of tokens are no numbers to calculate with.
    takes_integers = True

    def __init__(
        self,
        n_inputs: int | None,
        n_outputs: int,
        *,
        cell: str = "gru",
        hidden_size: int = 64,
        n_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        pooling: str | None = "last",
        n_tokens: int | None = None,
        embedding_dim: int | None = None,
        embeddings: Any = None,
        freeze_embeddings: bool = False,
        truncation: int | None = None,
        activation: str = "tanh",
    ):
        super().__init__()
        _check_choice("cell", cell, CELLS)
        _check_choice("pooling", pooling, POOLINGS)
        _check_choice("activation", activation, ("tanh", "relu"))
        _check_truncation(truncation, bidirectional)
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.truncation = truncation
        self.embedding: nn.Embedding | None = None
        if embeddings is not None:
            self.embedding = _given_embedding(n_tokens, embeddings)
        elif n_tokens is not None:
            self.embedding = nn.Embedding(n_tokens, embedding_dim or hidden_size)
            # What is drawn at random is soon outweighed by what is learned.
            nn.init.normal_(self.embedding.weight, std=0.1)
        if self.embedding is not None:
            self.embedding.requires_grad_(not freeze_embeddings)
        width = _n_features(n_inputs, self.embedding)
        self.layers = nn.ModuleList()
        for _ in range(n_layers):
            directions = [
                make_recurrent_layer(cell, width, hidden_size, activation)
                for _ in range(2 if bidirectional else 1)
            ]
            self.layers.append(_Layer(*directions))
            width = len(directions) * hidden_size
        self.dropout = nn.Dropout(dropout)
        if pooling == "attention":
            self.score = nn.Sequential(
                nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False)
            )
        self.head = nn.Linear(width, n_outputs)

    def forward(self, x: Tensor | SequenceBatch) -> Tensor:
        """Compute the raw outputs.

        Parameters
        ----------
        x : torch.Tensor of shape (n, t, n_inputs) or (n, t), or SequenceBatch
            The sequences, of numbers or of tokens; a tensor has them of one length.

        Returns
        -------
        output : torch.Tensor of shape (n, n_outputs) or (sum of lengths, n_outputs)
            An output a sequence; without pooling an output a step, those of one
            sequence behind those of the other.

        Raises
        ------
        ValueError
            If a sequence has no step, or more than there are values.
        """
        output: Tensor = self.head(self.dropout(self.forward_features(x)))
        return output

    def forward_features(self, x: Tensor | SequenceBatch) -> Tensor:
        """Compute what the last layer takes.

        Parameters
        ----------
        x : torch.Tensor of shape (n, t, n_inputs) or (n, t), or SequenceBatch
            The sequences, of numbers or of tokens.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features) or (sum of lengths, n_features)
            The pooled states; without pooling the states of all steps.

        Raises
        ------
        ValueError
            If a sequence has no step, or more than there are values.
        """
        values, lengths = _values_and_lengths(x)
        steps = Steps(lengths, values.device, self.truncation)
        values = steps.sort(values)
        if self.embedding is not None:
            values = self.dropout(self.embedding(values))  # (n, t, n_inputs)
        for k, layer in enumerate(self.layers):
            values = layer(self.dropout(values) if k else values, steps)
        if self.pooling is None:
            return steps.flat(values)
        return steps.unsort(self._pool(values, steps))

    def _pool(self, states: Tensor, steps: Steps) -> Tensor:
        """Return one vector a sequence: (n, t, c) becomes (n, c)."""
        if self.pooling == "last":
            last = steps.last(states)
            if not self.bidirectional:
                return last
            half = states.shape[2] // 2
            return torch.cat([last[:, :half], states[:, 0, half:]], dim=1)
        if self.pooling == "max":
            return steps.fill(states, -torch.inf).amax(1)
        if self.pooling == "mean":
            return steps.fill(states, 0.0).sum(1) / steps.lengths[:, None]
        scores = steps.fill(self.score(states), -torch.inf)  # (n, t, 1)
        return (scores.softmax(1) * states).sum(1)


class _Layer(nn.Module):
    """A recurrent layer of one or of both directions."""

    def __init__(self, onward: nn.Module, opposite: nn.Module | None = None):
        super().__init__()
        self.onward = onward
        self.opposite = opposite

    def forward(self, values: Tensor, steps: Steps) -> Tensor:
        """Return the states (n, t, hidden_size), those of two directions joined."""
        states = steps.run(self.onward, values)
        if self.opposite is None:
            return states
        mirrored = steps.run(self.opposite, steps.mirror(values))
        return torch.cat([states, steps.mirror(mirrored)], dim=2)


def _check_choice(parameter: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ValueError(
            f"{parameter} of RecurrentNetwork must be one of {choices}, got {value!r}."
        )


def _check_truncation(truncation: int | None, bidirectional: bool) -> None:
    if truncation is None:
        return
    if truncation < 1:
        raise ValueError(
            "truncation of RecurrentNetwork must be None or at least 1, got "
            f"{truncation}."
        )
    if bidirectional:
        raise ValueError(
            "truncation of RecurrentNetwork must be None with bidirectional=True, "
            f"where each step needs all others, got {truncation}."
        )


def _given_embedding(n_tokens: int | None, given: Any) -> nn.Embedding:
    """Return a layer with a copy of the given vectors."""
    vectors = given if isinstance(given, Tensor) else torch.tensor(given)
    vectors = vectors.detach().to(torch.get_default_dtype(), copy=True)
    if vectors.ndim != 2 or n_tokens not in (None, len(vectors)):
        expected = f"({n_tokens or 'n_tokens'}, embedding_dim)"
        raise ValueError(
            f"embeddings of RecurrentNetwork must have the shape {expected}, got "
            f"{tuple(vectors.shape)}."
        )
    return nn.Embedding.from_pretrained(vectors)


def _n_features(n_inputs: int | None, embedding: nn.Embedding | None) -> int:
    """Return how many features a step of the first layer has."""
    if embedding is None and n_inputs is not None:
        return n_inputs
    if embedding is not None and n_inputs is None:
        return embedding.embedding_dim
    raise ValueError(
        "RecurrentNetwork expects n_inputs for sequences of numbers, or else n_tokens "
        f"or embeddings for tokens, got n_inputs={n_inputs} "
        f"{'without' if embedding is None else 'and'} n_tokens or embeddings."
    )


def _values_and_lengths(x: Tensor | SequenceBatch) -> tuple[Tensor, Tensor]:
    if isinstance(x, Tensor):
        values, lengths = x, torch.full((len(x),), x.shape[1])
    else:
        values, lengths = x.values, x.lengths
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < 1 or longest > values.shape[1]:
        raise ValueError(
            f"RecurrentNetwork expects sequences of 1 to {values.shape[1]} steps, got "
            f"lengths from {shortest} to {longest}."
        )
    return values, lengths
