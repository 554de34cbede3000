"""Vectors of words by which a network predicts the next word."""

from numbers import Integral, Real

import numpy as np
from scipy.special import softmax
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.embedding._base import BaseWordEmbedding
from sklearn_dl.utils._sklearn import Interval
from sklearn_dl.utils._tasks import RoundTasks

__all__ = ["NeuralLanguageEmbedding"]


class NeuralLanguageEmbedding(BaseWordEmbedding):
    r"""Learn vectors of words with which a network predicts the next word.

    The vectors of the last words, side by side, are the input x of a network with one
    hidden layer [1]_,

    .. math:: p(w) = \mathrm{softmax}(U \tanh(H x + d) + b)_w,

    that is trained together with them. The sum over the vocabulary makes it slower than
    :class:`Word2Vec`; it suits small corpora.

    Read more in the :ref:`User Guide <embedding>`.

    Parameters
    ----------
    n_components : int, default=100
        Length of the vectors.

    context_size : int, default=4
        How many words predict the next one. Documents begin behind so many that are no
        words, and have a vector in common.

    hidden_layer_size : int, default=100
        Units of the hidden layer.

    learning_rate_init : float, default=0.003
        Learning rate of Adam.

    batch_size : int, default=256
        Words that are predicted at once.

    max_iter : int, default=5
        How many times the documents are gone through.

    device : str, default="auto"
        Where the network is trained: "auto" (a GPU where there is one), "cpu", "cuda",
        "cuda:1", "mps".

    analyzer : {"word", "char", "char_wb", "identity"} or callable, default="word"
        What a word is: what `token_pattern` finds in a text, a character, an element
        of a document that is a list of tokens, or what the callable makes of a
        document.

    tokenizer : callable, default=None
        Takes a text to its words in place of `token_pattern`.

    preprocessor : callable, default=None
        Takes a text to another in place of `strip_accents` and `lowercase`.

    token_pattern : str, default=r"(?u)\b\w+\b"
        Regular expression of a word.

    stop_words : {"english"} or list of str, default=None
        Words that are left out.

    lowercase : bool, default=True
        Whether texts are turned into lower case.

    strip_accents : {"ascii", "unicode"} or callable, default=None
        Whether accents are removed; "ascii" drops all other characters too.

    min_count : int, default=5
        Rarer words have no vector.

    max_features : int, default=None
        Of the others only so many have one, the most frequent ones.

    vocabulary : iterable of str or dict of str to int, default=None
        The words that have vectors, in their order or with their numbers. None learns
        them.

    unknown : {"skip", "token"}, default="skip"
        What becomes of words without a vector, in `fit` as in `transform`: they are
        left out, or are all the same word ``<UNK>``.

    output : {"mean", "sum", "max", "tfidf", "sif", "sequence"}, default="mean"
        What `transform` makes of the vectors of the words of a document: their mean,
        sum or largest values; their mean weighted by inverse document frequencies, or
        by smooth inverse frequencies and without the component that all documents have
        in common [SIF]_; or none of that, but the numbers of the words, from 1, with 0
        behind the last one, for a network and `embedding_matrix_`.

    sif_smoothing : float, default=1e-3
        With ``output="sif"``, words of that probability have half the weight.

    max_length : int, default=None
        With ``output="sequence"``, words that are kept of a document. None is the
        length of the longest one in `fit`.

    random_state : int, RandomState instance or None, default=None
        Draws the first weights, and the order of the words that are predicted.

    Attributes
    ----------
    vectors_ : ndarray of shape (n_words, n_components), float32
        The vectors of the words.

    start_vector_ : ndarray of shape (n_components,), float32
        The vector of what comes before a document.

    coefs_ : list of ndarray
        The weights: of shape (context_size * n_components, hidden_layer_size), the
        oldest word first, and (hidden_layer_size, n_words).

    intercepts_ : list of ndarray
        The biases of the hidden layer and of the words.

    loss_curve_ : list of float
        The mean negative logarithm of the probability of the next word in the course of
        each epoch.

    vocabulary_ : dict of str to int
        The row of each word, the most frequent one first.

    word_counts_ : ndarray of shape (n_words,)
        How often each word was there.

    idf_ : ndarray of shape (n_words,)
        Inverse document frequencies, as
        :class:`~sklearn_dl.text.TfidfTransformer` has them.

    common_component_ : ndarray of shape (n_components,)
        What all documents have in common, with ``output="sif"``.

    max_length_ : int
        Words of the longest document.

    n_iter_ : int
        How many times the documents were gone through.

    See Also
    --------
    Word2Vec : Vectors that predict neighbours.

    References
    ----------
    .. [1] Y. Bengio, R. Ducharme, P. Vincent and C. Jauvin, "A neural probabilistic
       language model", Journal of Machine Learning Research 3, 2003.
    .. [SIF] S. Arora, Y. Liang and T. Ma, "A simple but tough-to-beat baseline for
       sentence embeddings", ICLR 2017.

    Examples
    --------
    >>> from sklearn_dl.embedding import NeuralLanguageEmbedding
    >>> documents = ["the cat sat on the mat", "the dog sat on the rug"] * 50
    >>> embedding = NeuralLanguageEmbedding(
    ...     8, context_size=2, batch_size=16, random_state=0
    ... ).fit(documents)
    >>> probabilities = embedding.predict_next(["sat", "on"])
    >>> list(embedding.vocabulary_)[probabilities.argmax()]
    'the'
    """

    _parameter_constraints: dict = {
        **BaseWordEmbedding._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "context_size": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=100,
        *,
        context_size=4,
        hidden_layer_size=100,
        learning_rate_init=0.003,
        batch_size=256,
        max_iter=5,
        device="auto",
        analyzer="word",
        tokenizer=None,
        preprocessor=None,
        token_pattern=r"(?u)\b\w+\b",
        stop_words=None,
        lowercase=True,
        strip_accents=None,
        min_count=5,
        max_features=None,
        vocabulary=None,
        unknown="skip",
        output="mean",
        sif_smoothing=1e-3,
        max_length=None,
        random_state=None,
    ):
        self.n_components = n_components
        self.context_size = context_size
        self.hidden_layer_size = hidden_layer_size
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.device = device
        self.analyzer = analyzer
        self.tokenizer = tokenizer
        self.preprocessor = preprocessor
        self.token_pattern = token_pattern
        self.stop_words = stop_words
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.min_count = min_count
        self.max_features = max_features
        self.vocabulary = vocabulary
        self.unknown = unknown
        self.output = output
        self.sif_smoothing = sif_smoothing
        self.max_length = max_length
        self.random_state = random_state

    def predict_next(self, words):
        """Return how probable each word is as the next one.

        Parameters
        ----------
        words : list of str
            The words before it, of which the last `context_size` are looked at. Fewer
            are the beginning of a document.

        Returns
        -------
        probabilities : ndarray of shape (n_words,)
            One for each word, in the order of `vocabulary_`.

        Raises
        ------
        KeyError
            If a word has no vector.
        TypeError
            If a single string is given.
        """
        check_is_fitted(self)
        if isinstance(words, str):
            raise TypeError(
                f"The 'words' parameter of {type(self).__name__}.predict_next must be "
                f"a list of words, got the string {words!r}."
            )
        self._learned("coefs_", "to predict words")
        rows = [self.vectors_[self._row(word)] for word in words]
        size = len(self.coefs_[0]) // len(self.start_vector_)
        x = np.concatenate([*[self.start_vector_] * size, *rows])[
            -len(self.coefs_[0]) :
        ]
        hidden = np.tanh(x @ self.coefs_[0] + self.intercepts_[0])
        return softmax(hidden @ self.coefs_[1] + self.intercepts_[1])

    # -- training ----------------------------------------------------------------------

    def _train(self, corpus, n_words, watch):
        # torch takes a second to import.
        import torch
        from torch.nn.functional import cross_entropy

        from sklearn_dl._skorch import (
            limited_threads,
            resolve_device,
            torch_generator,
            training_context,
        )

        device = resolve_device(self.device)
        generator = torch_generator(check_random_state(self.random_state))
        tokens, places = _padded(corpus, self.context_size, n_words)
        tasks = RoundTasks(self, *watch, self.max_iter, name="epoch")
        self.loss_curve_ = []
        with (
            training_context(device, generator),
            limited_threads(device, self._batch_cost(n_words)),
        ):
            tokens = torch.from_numpy(tokens).to(device)
            places = torch.from_numpy(places)
            network = self._build(n_words).to(device)
            optimizer = torch.optim.Adam(network.parameters(), self.learning_rate_init)
            before = torch.arange(-self.context_size, 0, device=device)
            for _ in range(self.max_iter):
                tasks.begin_round()
                order = places[torch.randperm(len(places), generator=generator)]
                total = torch.zeros((), device=device)
                for batch in order.to(device).split(self.batch_size):
                    scores = network(tokens[batch[:, None] + before])
                    loss = cross_entropy(scores, tokens[batch])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    total += loss.detach() * len(batch)
                self._record(network, float(total) / max(len(places), 1))
                if tasks.end_round():
                    break
        tasks.end()

    def _batch_cost(self, n_words):
        """Return the multiply-adds of a batch."""
        n_inputs = self.context_size * self.n_components
        return 3 * self.batch_size * self.hidden_layer_size * (n_inputs + n_words)

    def _build(self, n_words):
        """Return the network; the last row of its table is what precedes documents."""
        from torch import nn

        n_inputs = self.context_size * self.n_components
        table = nn.Embedding(n_words + 1, self.n_components)
        # At torch's scale of 1 words would stay about where they are drawn.
        nn.init.normal_(table.weight, std=0.1)
        return nn.Sequential(
            table,
            nn.Flatten(),
            nn.Linear(n_inputs, self.hidden_layer_size),
            nn.Tanh(),
            nn.Linear(self.hidden_layer_size, n_words),
        )

    def _record(self, network, loss):
        if not np.isfinite(loss):
            raise ValueError(
                f"The training of {type(self).__name__} has diverged. The "
                f"'learning_rate_init' parameter must be smaller than "
                f"{self.learning_rate_init}."
            )
        table, *layers = (
            value.detach().cpu().numpy().copy() for value in network.parameters()
        )
        self.vectors_, self.start_vector_ = table[:-1], table[-1]
        self.coefs_ = [weights.T for weights in layers[::2]]
        self.intercepts_ = layers[1::2]
        self.loss_curve_.append(loss)
        self.n_iter_ = len(self.loss_curve_)


def _padded(corpus, context_size, start):
    """Return all tokens with starts in front of each document, and their places."""
    beginnings = np.concatenate([[0], corpus.stops])[:-1]
    tokens = corpus.tokens.astype(np.int64)
    tokens = np.insert(tokens, np.repeat(beginnings, context_size), start)
    return tokens, np.flatnonzero(tokens != start)
