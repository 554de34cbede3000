"""The tables that word2vec is trained with, and the threads that do it."""

import heapq
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sklearn_dl._numba._lanes import aligned
from sklearn_dl._numba._word2vec import (
    HIERARCHY,
    NEGATIVES,
    SENTENCE,
    SOFTMAX,
    train_words,
)

__all__ = ["Training", "alias_table", "huffman_paths", "subword_pieces"]

_OBJECTIVES = {
    "negative-sampling": NEGATIVES,
    "hierarchical-softmax": HIERARCHY,
    "softmax": SOFTMAX,
}
# Multiplications between two looks at whether the user has had enough.
_SLICE = 1 << 30


def alias_table(weights):
    """Prepare draws from a distribution in constant time.

    Parameters
    ----------
    weights : ndarray of shape (n_words,)
        Proportional to the probabilities.

    Returns
    -------
    shares : ndarray of shape (n_words,), float32
        With what probability a place that was drawn uniformly is kept.
    aliases : ndarray of shape (n_words,), int32
        What is drawn in its stead otherwise.

    References
    ----------
    .. [1] A. J. Walker, "An efficient method for generating discrete random variables
       with general distributions", ACM Transactions on Mathematical Software 3, 1977.
    """
    n_words = len(weights)
    heights = (weights * (n_words / weights.sum())).tolist()
    shares, aliases = np.ones(n_words, np.float32), np.arange(n_words, dtype=np.int32)
    low = [k for k, height in enumerate(heights) if height < 1]
    high = [k for k, height in enumerate(heights) if height >= 1]
    while low and high:
        small, large = low.pop(), high[-1]
        shares[small], aliases[small] = heights[small], large
        heights[large] -= 1 - heights[small]
        if heights[large] < 1:
            low.append(high.pop())
    return shares, aliases


def huffman_paths(counts):
    """Return the paths from the root of a Huffman tree to its words.

    Parameters
    ----------
    counts : ndarray of shape (n_words,)
        How frequent the words are; the more, the shorter their paths.

    Returns
    -------
    starts : ndarray of shape (n_words + 1,), int64
        Where the path of each word begins.
    nodes : ndarray, int32
        The inner nodes of all paths, of ``n_words - 1``; the root is the last one.
    bits : ndarray, float32
        1 where a path goes on to the less frequent side of a node, else 0.
    """
    n_words = len(counts)
    parents, sides = np.zeros(2 * n_words, np.int64), np.zeros(2 * n_words, np.float32)
    heap = [(count, k) for k, count in enumerate(counts.tolist())]
    heapq.heapify(heap)
    for node in range(n_words, 2 * n_words - 1):
        (rare, first), (frequent, second) = heapq.heappop(heap), heapq.heappop(heap)
        parents[[first, second]] = node
        sides[first] = 1
        heapq.heappush(heap, (rare + frequent, node))
    root = 2 * n_words - 2
    nodes, bits, starts = [], [], [0]
    for word in range(n_words):
        path = []
        at = word
        while at != root:
            path.append((parents[at] - n_words, sides[at]))
            at = parents[at]
        nodes += [node for node, _ in reversed(path)]
        bits += [bit for _, bit in reversed(path)]
        starts.append(len(nodes))
    return (
        np.array(starts, dtype=np.int64),
        np.array(nodes, dtype=np.int32),
        np.array(bits, dtype=np.float32),
    )


def subword_pieces(words, lengths, known=None):
    """Return the parts of words, runs of their letters between two brackets.

    Parameters
    ----------
    words : list of str
        The words.
    lengths : tuple of (int, int)
        Letters of the shortest and the longest parts, brackets included.
    known : dict of str to int, default=None
        Numbers of parts; all others are left out. None numbers all there are.

    Returns
    -------
    starts : ndarray of shape (n_words + 1,), int64
        Where each word begins in `pieces`.
    pieces : ndarray, int32
        The parts of each word.
    known : dict of str to int
        Their numbers.
    """
    learn = known is None
    known = {} if learn else known
    starts, pieces = [0], []
    for word in words:
        text = f"<{word}>"
        parts = (
            text[at : at + length]
            for length in range(lengths[0], lengths[1] + 1)
            for at in range(len(text) - length + 1)
        )
        if learn:
            pieces += [known.setdefault(part, len(known)) for part in parts]
        else:
            pieces += [known[part] for part in parts if part in known]
        starts.append(len(pieces))
    return np.array(starts, np.int64), np.array(pieces, np.int32), known


class Training:
    """What one fit of word2vec needs, whichever documents it sees.

    Parameters
    ----------
    embedding : Word2Vec
        Has the parameters.
    counts : ndarray of shape (n_words,)
        How frequent the words are.
    starts, pieces : ndarray
        The input rows that the words are the means of, see `subword_pieces`.
    inputs, outputs : ndarray
        The tables, see `aligned`.
    seed : int
        Of all that is drawn.
    """

    def __init__(self, embedding, counts, starts, pieces, inputs, outputs, seed):
        self.inputs, self.outputs = inputs, outputs
        self._embedding = embedding
        self._seed = seed
        self._pieces = starts, pieces
        self._objective = _OBJECTIVES[embedding.objective]
        n_words = len(counts)
        counts = counts.astype(np.float64)
        self._table = np.ones(1, np.float32), np.zeros(1, np.int32)
        self._paths = np.zeros(1, np.int64), np.zeros(1, np.int32), self._table[0]
        self._n_outputs = n_words
        if self._objective == NEGATIVES:
            # Words that were never seen are drawn as if they had been, once.
            weights = np.maximum(counts, 1) ** embedding.negative_exponent
            self._table = alias_table(weights)
            self._n_outputs = embedding.n_negatives + 1
        elif self._objective == HIERARCHY:
            self._paths = huffman_paths(counts)
            self._n_outputs = max(1, int(np.diff(self._paths[0]).max()))
        self._keep = np.ones(n_words, np.float32)
        if embedding.subsample and counts.any():
            # As in word2vec.c, not in the article: the square root and the ratio.
            ratios = embedding.subsample * counts.sum() / np.maximum(counts, 1)
            self._keep = np.minimum(1, np.sqrt(ratios) + ratios).astype(np.float32)

    def run_epoch(self, corpus, epoch, rates, n_threads):
        """Train on all documents once.

        Parameters
        ----------
        corpus : Corpus
            The documents.
        epoch : int
            How many there were before.
        rates : tuple of (float, float)
            Learning rate at the beginning and at the end.
        n_threads : int
            Each has as many tokens; they share the tables and do not wait for one
            another [1]_.

        References
        ----------
        .. [1] F. Niu, B. Recht, C. Ré and S. J. Wright, "Hogwild!: a lock-free
           approach to parallelizing stochastic gradient descent", NIPS 2011.
        """
        bounds = np.linspace(0, len(corpus.tokens), n_threads + 1).astype(np.int64)
        seeds = np.random.SeedSequence([self._seed, epoch]).spawn(n_threads)
        self._stopped = False
        parts = [
            (corpus, int(first), int(stop), rates, seed)
            for first, stop, seed in zip(bounds[:-1], bounds[1:], seeds, strict=True)
        ]
        if n_threads == 1:
            self._run(*parts[0])
            return
        with ThreadPoolExecutor(n_threads) as pool:
            try:
                for future in [pool.submit(self._run, *part) for part in parts]:
                    future.result()
            except BaseException:
                # Such as an interrupt from the keyboard: the others need not go on.
                self._stopped = True
                raise

    def _run(self, corpus, first, stop, rates, seed):
        """Train on a part of the tokens, in slices."""
        embedding = self._embedding
        # Wider ones see no more, and are not multiplied in 64 bits.
        window = min(embedding.window, 2**31)
        document = int(np.searchsorted(corpus.stops, first, side="right"))
        (random,) = seed.generate_state(1, np.uint64)
        state = np.array([first, document, random], dtype=np.uint64)
        fall = (rates[0] - rates[1]) / max(stop - first, 1)
        starts, pieces = self._pieces
        longest = int(np.diff(starts).max(initial=1))
        width, n_outputs = self.inputs.shape[1], self._n_outputs
        n_tokens = max(100, _SLICE // (width * n_outputs * 6))
        # No word has more neighbours than its sentence has words.
        n_around = int(np.diff(corpus.stops, prepend=0).max(initial=1))
        n_around = min(2 * window, n_around, SENTENCE)
        room = (
            np.empty(SENTENCE, np.int32),
            np.empty(n_around * longest, np.int32),
            np.empty(n_around + 1, np.int64),
            np.empty((2, n_outputs), np.int32),
            aligned(2, n_outputs),
            aligned(n_around, width),
            aligned(n_outputs, width),
            # See `train_words` for the three.
            aligned(n_around, n_outputs + 3),
            np.arange(n_around, dtype=np.int32),
        )
        while state[0] < stop and not self._stopped:
            rate = rates[0] - fall * (int(state[0]) - first)
            train_words(
                corpus.tokens,
                min(stop, int(state[0]) + n_tokens),
                corpus.stops,
                self._keep,
                starts,
                pieces,
                self.inputs,
                self.outputs,
                embedding.model == "cbow",
                self._objective,
                embedding.n_negatives,
                *self._table,
                *self._paths,
                window,
                embedding.dynamic_window,
                np.array([rate, fall], dtype=np.float32),
                state,
                *room,
            )
