"""What the recurrent networks share."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import is_regressor
from sklearn.utils.validation import check_consistent_length

from sklearn_dl._skorch import NETWORK_CONSTRAINTS, BaseNeural, Sequences, StepTraining
from sklearn_dl.modules import RecurrentNetwork, SequenceModel
from sklearn_dl.neural_network._fitting import check_target
from sklearn_dl.neural_network._image_input import channel_statistics
from sklearn_dl.neural_network._sequence_input import (
    as_rows,
    as_texts,
    check_tokens,
    check_values,
    kind_of_input,
    row_lengths,
)
from sklearn_dl.neural_network._vocabulary import (
    as_words,
    encode_words,
    learn_vocabulary,
)
from sklearn_dl.utils._sklearn import HasMethods, Interval, StrOptions

__all__ = ["BaseRNN"]

# Numbers that the states of all steps may hold while rows are predicted.
_STATES_AT_ONCE = 2**24


class BaseRNN(StepTraining, BaseNeural):
    """Base class of the recurrent networks."""

    _parameter_constraints: dict = {
        "cell": [StrOptions({"rnn", "gru", "simplified_gru", "lstm"})],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "bidirectional": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_type": [StrOptions({"auto", "values", "tokens", "text"})],
        "n_tokens": [None, Interval(Integral, 1, None, closed="left")],
        "standardize": ["boolean"],
        "tokenizer": [None, callable, StrOptions({"words", "characters"})],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "max_words": [None, Interval(Integral, 1, None, closed="left")],
        "unknown": [StrOptions({"single", "signature"})],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "embeddings": [None, "array-like", HasMethods(["__getitem__", "__contains__"])],
        "freeze_embeddings": ["boolean"],
        "truncation": [None, Interval(Integral, 1, None, closed="left")],
        **NETWORK_CONSTRAINTS,
    }
    # Sequences share little: more steps count for more than larger batches.
    _auto_batch_size = 64
    # What the network gives: an output a sequence.
    pooling: str | None = "last"

    @abstractmethod
    def __init__(
        self,
        cell,
        hidden_size,
        n_layers,
        bidirectional,
        dropout,
        input_type,
        n_tokens,
        standardize,
        tokenizer,
        min_count,
        max_words,
        unknown,
        embedding_dim,
        embeddings,
        freeze_embeddings,
        truncation,
        solver,
        alpha,
        batch_size,
        learning_rate,
        learning_rate_init,
        warmup_epochs,
        max_iter,
        shuffle,
        random_state,
        tol,
        verbose,
        warm_start,
        momentum,
        nesterovs_momentum,
        early_stopping,
        validation_fraction,
        beta_1,
        beta_2,
        n_iter_no_change,
        max_grad_norm,
        ema_decay,
        device,
        dtype,
        mixed_precision,
        callbacks,
        checkpoint,
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.input_type = input_type
        self.n_tokens = n_tokens
        self.standardize = standardize
        self.tokenizer = tokenizer
        self.min_count = min_count
        self.max_words = max_words
        self.unknown = unknown
        self.embedding_dim = embedding_dim
        self.embeddings = embeddings
        self.freeze_embeddings = freeze_embeddings
        self.truncation = truncation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.warmup_epochs = warmup_epochs
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.n_iter_no_change = n_iter_no_change
        self.max_grad_norm = max_grad_norm
        self.ema_decay = ema_decay
        self.device = device
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def _check_parameters(self):
        super()._check_parameters()
        if self.truncation is not None and self.bidirectional:
            raise ValueError(
                f"truncation={self.truncation} of {type(self).__name__} cannot be used "
                f"with bidirectional=True, whose states come from both ends."
            )

    def _check_fit_input(self, X, y, reset):
        X = as_rows(X)
        if reset:
            self._set_input_type(X)
        if self._input_type == "values":
            options = {"multi_output": True, "y_numeric": is_regressor(self)}
            return self._check_values(X, reset, y=y, **options)
        y = check_target(self, y)
        rows = self._check_symbols(X, reset)
        check_consistent_length(rows, y)
        return rows, y

    def _set_input_type(self, X):
        self._input_type = self.input_type
        if self.input_type == "auto":
            self._input_type = kind_of_input(X)
        self._n_channels = None
        # Of another kind of rows, perhaps.
        for learned in ("n_features_in_", "feature_names_in_", "vocabulary_"):
            vars(self).pop(learned, None)
        self._check_embeddings()

    def _check_embeddings(self):
        """Refuse vectors that are not those of the rows' kind."""
        given = self.embeddings
        if given is None:
            return
        kinds = {"tokens": "an array of vectors", "text": "a mapping from words"}
        array = isinstance(given, (list, tuple)) or hasattr(given, "shape")
        if self._input_type != ("tokens" if array else "text"):
            raise ValueError(
                f"embeddings of {type(self).__name__} must be "
                f"{kinds.get(self._input_type, 'None')} where X has "
                f"{self._input_type}, got {type(given).__name__}."
            )

    def _check_predict_input(self, X):
        return self._check_rows(as_rows(X), reset=False)

    def _check_rows(self, X, reset):
        if self._input_type == "values":
            return self._check_values(X, reset)
        return self._check_symbols(X, reset)

    def _check_values(self, X, reset, **kwargs):
        checked = check_values(self, X, reset, self._n_channels, **kwargs)
        rows = checked[0] if isinstance(checked, tuple) else checked
        values = rows.values if isinstance(rows, Sequences) else rows
        self._n_channels = values.shape[-1]
        return checked

    def _check_symbols(self, X, reset):
        """Return tokens, or the words of texts as such."""
        name = type(self).__name__
        if self._input_type == "tokens":
            if reset:
                given = self.embeddings is not None
                self._n_tokens = len(self.embeddings) if given else self.n_tokens
            rows = check_tokens(name, X, self._n_tokens)
            if self._n_tokens is None:
                self._n_tokens = int(rows.values.max()) + 1
            return rows
        texts = as_texts(name, X, self._tokenize)
        signatures = self.unknown == "signature"
        if reset:
            self.vocabulary_ = learn_vocabulary(
                texts, self.min_count, self.max_words, signatures
            )
            self._n_tokens = len(self.vocabulary_) + 1
            if not self.vocabulary_ and any(texts):
                raise ValueError(
                    f"{name} expects words that occur at least min_count="
                    f"{self.min_count} times, X has none of them."
                )
        if self.pooling is None and not all(texts):
            raise ValueError(
                f"{name} expects at least one word in each text, row "
                f"{texts.index([])} of X is empty."
            )
        # A text without words is one unknown word.
        return Sequences.of(
            encode_words(text or [""], self.vocabulary_, signatures) for text in texts
        )

    def _tokenize(self, text):
        if callable(self.tokenizer):
            return self.tokenizer(text)
        return list(text) if self.tokenizer == "characters" else as_words(text)

    def _auto_dtype(self, X):
        # An LSTM in float64 takes much longer. A table keeps its type, as anywhere.
        is_table = not isinstance(X, Sequences) and X.shape[2] == 1
        return X.dtype if is_table else np.dtype(np.float32)

    def _learn_input(self, X, target, weight, reset):
        self._longest = int(row_lengths(X).max())
        if reset and self._input_type == "values":
            n_channels = self._n_channels
            self._mean, self._scale = np.zeros(n_channels), np.ones(n_channels)
            if self.standardize:
                statistics = self._statistics(X, weight)
                self._mean, self._scale = statistics
        return X

    def _statistics(self, X, weight):
        """Return mean and scale of each channel."""
        if not isinstance(X, Sequences):
            return channel_statistics(X, self._n_channels, weight)
        steps = None if weight is None else np.repeat(weight, X.lengths)
        return channel_statistics(X.values[X.steps()], self._n_channels, steps)

    def _make_module(self, n_outputs):
        values = self._input_type == "values"
        network = RecurrentNetwork(
            self._n_channels if values else None,
            n_outputs,
            cell=self.cell,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            pooling=self.pooling,
            n_tokens=None if values else self._n_tokens,
            embedding_dim=None if values else self.embedding_dim,
            embeddings=None if values else self._given_embeddings(),
            freeze_embeddings=self.freeze_embeddings,
            truncation=self.truncation,
        )
        if not values:
            return network
        mean, scale = torch.tensor(self._mean), torch.tensor(self._scale)
        return SequenceModel(network, mean, scale)

    def _given_embeddings(self):
        """Return the vectors that the user has given, one a token."""
        given = self.embeddings
        if given is None:
            return None
        if self._input_type == "tokens":
            return torch.as_tensor(np.array(given, dtype=np.float64))
        known = [word for word in self.vocabulary_ if word in given]
        if not known:
            raise ValueError(
                f"embeddings of {type(self).__name__} must have vectors of words of "
                f"the training texts, got none of its {len(self.vocabulary_)} words."
            )
        sizes = {np.shape(given[word]) for word in known}
        if len(sizes) > 1 or len(next(iter(sizes))) != 1:
            raise ValueError(
                f"embeddings of {type(self).__name__} must be vectors of one length, "
                f"got the shapes {sorted(sizes)[:4]}."
            )
        vectors = np.array([given[word] for word in known], dtype=np.float64)
        # Other words begin anywhere among them.
        table = torch.randn(self._n_tokens, vectors.shape[1], dtype=torch.float64)
        table *= vectors.std()
        table[[self.vocabulary_[word] for word in known]] = torch.from_numpy(vectors)
        return table

    def _rows_at_once(self):
        return self._rows_of_length(self._longest)

    def _rows_of_length(self, longest):
        """Return how many rows of so many steps go through the network at once."""
        directions = 2 if self.bidirectional else 1
        states = int(longest) * self.hidden_size * directions
        return int(np.clip(_STATES_AT_ONCE // states, 1, 1024))

    def _output_of(self, X):
        # Rows of like lengths go together: none is padded to the longest of all.
        lengths = row_lengths(X)
        order = np.argsort(lengths, kind="stable")
        outputs = [None] * len(order)
        start = 0
        while start < len(order):
            longest = lengths[order[start : start + 1024]].max()
            rows = order[start : start + self._rows_of_length(longest)]
            output = super()._output_of(X[rows])
            sizes = lengths[rows] if self.pooling is None else np.ones_like(rows)
            for row, part in zip(rows, output.split(sizes.tolist()), strict=True):
                outputs[row] = part
            start += len(rows)
        return torch.cat(outputs)

    def _batch_cost(self, n_rows):
        # Vectors of tokens are looked up, not multiplied.
        parameters = self.net_.module_.named_parameters()
        n_weights = sum(w.numel() for name, w in parameters if "embedding" not in name)
        return 3.0 * n_weights * n_rows * self._longest

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags
