"""Kernels of taggers: the averaged perceptron, and the Viterbi algorithm.

Words and tags are numbers, and sentences lie one behind the other: sentence s has the
words ``starts[s]`` to ``starts[s + 1]``.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl.utils._kernel import inner_kernel, kernel

__all__ = [
    "Features",
    "suffix_scores",
    "tag_greedily",
    "train_epoch",
    "viterbi_bigram",
    "viterbi_trigram",
]

# Features beside those of words: 1 that is always there and 4 of the tags before.
_N_OTHERS = 5


class Features(NamedTuple):
    """What a perceptron looks at, and where the weights of it are.

    Attributes
    ----------
    traits : ndarray of shape (n_words, n_traits), int32
        What is to be known of each word: its form, endings and so on, as numbers. Word
        0 stands for all places outside of a sentence. Trait 0 is the word's form. -1
        is a value that training had not seen.
    templates : ndarray of shape (n_templates, 2), int64
        A trait and the place of the word that it is taken from, relative to the one
        that is tagged.
    offsets : ndarray of shape (n_templates + 4,), int64
        The number of the first feature of each template, then of each kind of history:
        the tag before, the one before that, both, and the tag before with the form.
        Feature 0 is always there.
    rows : ndarray of shape (n_features,), int32
        The row of weights of each feature, -1 for those that have none.
    """

    traits: np.ndarray
    templates: np.ndarray
    offsets: np.ndarray
    rows: np.ndarray


@inner_kernel
def _collect(features, words, here, first, last, before, two_before, n_tags, found):
    """Write the features of a word into `found` and return how many there are."""
    templates, offsets = features.templates, features.offsets
    found[0] = 0
    n = 1
    for k in range(len(templates)):
        place = here + templates[k, 1]
        word = words[place] if first <= place < last else 0
        value = features.traits[word, templates[k, 0]]
        if value >= 0:
            found[n] = offsets[k] + value
            n += 1
    k = len(templates)
    found[n] = offsets[k] + before
    found[n + 1] = offsets[k + 1] + two_before
    found[n + 2] = offsets[k + 2] + before * (n_tags + 1) + two_before
    n += 3
    form = features.traits[words[here], 0]
    if form >= 0:
        found[n] = offsets[k + 3] + form * (n_tags + 1) + before
        n += 1
    return n


@inner_kernel
def _best_tag(rows, found, weights, scores):
    """Return the tag with the highest score, the first one of several."""
    scores[:] = 0
    for feature in found:
        row = rows[feature]
        if row >= 0:
            for tag in range(len(scores)):
                scores[tag] += weights[row, tag]
    best = 0
    for tag in range(1, len(scores)):
        if scores[tag] > scores[best]:
            best = tag
    return best


@inner_kernel
def _longer(array, n_rows, n_new):
    if n_rows + n_new <= len(array):
        return array
    longer = np.zeros((2 * len(array) + n_new, array.shape[1]), array.dtype)
    longer[:n_rows] = array[:n_rows]
    return longer


@kernel
def train_epoch(
    features,
    order,
    starts,
    words,
    tags,
    sentence_weight,
    known,
    weights,
    late,
    progress,
):
    """Train a perceptron on all sentences once.

    The average of the weights after each step is ``weights - late / n_steps``.

    Parameters
    ----------
    features : Features
        `rows` is written to: features have a row from the first mistake on.
    order : ndarray of shape (n_sentences,), int64
        The order of the sentences.
    starts : ndarray of shape (n_sentences + 1,), int64
    words, tags : ndarray of shape (n_places,), int32
    sentence_weight : ndarray of shape (n_sentences,), float64
        What changes of the weights are multiplied by.
    known : ndarray of shape (n_words,), int32
        The tag of words that have but one, else -1.
    weights : ndarray of shape (n_allocated, n_tags), float32
    late : ndarray of shape (n_allocated, n_tags), float64
        The sum of changes, each times the number of steps before it.
    progress : tuple of int
        The number of rows in use, and that of steps.

    Returns
    -------
    weights, late : ndarray
        The same, or longer ones.
    n_rows, n_steps, n_wrong : int
        Progress, and how many words were tagged wrong.
    """
    n_tags = weights.shape[1]
    n_rows, n_steps = progress
    n_wrong = 0
    found = np.empty(len(features.templates) + _N_OTHERS, np.int64)
    scores = np.empty(n_tags, weights.dtype)
    for sentence in order:
        first, last = starts[sentence], starts[sentence + 1]
        change = sentence_weight[sentence]
        before = two_before = n_tags
        for here in range(first, last):
            guess, right = known[words[here]], tags[here]
            if guess < 0:
                n = _collect(
                    features,
                    words,
                    here,
                    first,
                    last,
                    before,
                    two_before,
                    n_tags,
                    found,
                )
                guess = _best_tag(features.rows, found[:n], weights, scores)
                if guess != right:
                    weights = _longer(weights, n_rows, n)
                    late = _longer(late, n_rows, n)
                    for feature in found[:n]:
                        row = features.rows[feature]
                        if row < 0:
                            row = n_rows
                            features.rows[feature] = row
                            n_rows += 1
                        weights[row, right] += change
                        weights[row, guess] -= change
                        late[row, right] += n_steps * change
                        late[row, guess] -= n_steps * change
                n_steps += 1
            n_wrong += guess != right
            two_before, before = before, guess
    return weights, late, n_rows, n_steps, n_wrong


@kernel
def tag_greedily(features, starts, words, known, weights, tags):
    """Write the tags of sentences, from left to right.

    Parameters
    ----------
    features : Features
    starts : ndarray of shape (n_sentences + 1,), int64
    words : ndarray of shape (n_places,), int32
    known : ndarray of shape (n_words,), int32
        The tag of words that have but one, else -1.
    weights : ndarray of shape (n_rows, n_tags), float32
    tags : ndarray of shape (n_places,), int32
        Where the tags are written to.
    """
    n_tags = weights.shape[1]
    found = np.empty(len(features.templates) + _N_OTHERS, np.int64)
    scores = np.empty(n_tags, weights.dtype)
    for sentence in range(len(starts) - 1):
        first, last = starts[sentence], starts[sentence + 1]
        before = two_before = n_tags
        for here in range(first, last):
            tag = known[words[here]]
            if tag < 0:
                n = _collect(
                    features,
                    words,
                    here,
                    first,
                    last,
                    before,
                    two_before,
                    n_tags,
                    found,
                )
                tag = _best_tag(features.rows, found[:n], weights, scores)
            tags[here] = tag
            two_before, before = before, tag


@kernel
def suffix_scores(chains, starts, indptr, states, counts, prior, theta, scores):
    """Write the logarithms of P(state | suffix) / P(state) of unknown words.

    The shares of the states among words with a suffix are smoothed by those with the
    next shorter one (Brants 2000).

    Parameters
    ----------
    chains : ndarray of int32
        The numbers of the known suffixes of each word, the shortest one first.
    starts : ndarray of shape (n_words + 1,), int64
        Where the chain of each word begins.
    indptr, states, counts : ndarray
        How often each state was seen with each suffix, as a CSR matrix.
    prior : ndarray of shape (n_words, n_states), float64
        The shares of the states without a suffix.
    theta : float
        The weight of shorter suffixes.
    scores : ndarray of shape (n_words, n_states), float64
        Where the logarithms are written to.
    """
    share = np.empty(prior.shape[1])
    for word in range(len(starts) - 1):
        share[:] = prior[word]
        for link in range(starts[word], starts[word + 1]):
            first, last = indptr[chains[link]], indptr[chains[link] + 1]
            total = counts[first:last].sum()
            share *= theta / (1 + theta)
            for k in range(first, last):
                share[states[k]] += counts[k] / total / (1 + theta)
        for state in range(len(share)):
            scores[word, state] = np.log(share[state] / prior[word, state])


@kernel
def viterbi_bigram(starts, words, indptr, states, emissions, transitions, path):
    """Write the most probable states of sentences, each of which depends on the last.

    Parameters
    ----------
    starts : ndarray of shape (n_sentences + 1,), int64
    words : ndarray of shape (n_places,), int32
    indptr, states, emissions : ndarray
        The states that each word can have, with logarithms of probabilities of the
        word, as a CSR matrix.
    transitions : ndarray of shape (n_states + 1, n_states + 1), float64
        Logarithms of the probabilities of a state (second axis) after another. The
        last one stands for both ends of a sentence.
    path : ndarray of shape (n_places,), int32
        Where the states are written to.
    """
    end = len(transitions) - 1
    score, new = np.empty(end + 1), np.empty(end + 1)
    for sentence in range(len(starts) - 1):
        first, last = starts[sentence], starts[sentence + 1]
        back = np.empty((last - first, end), np.int32)
        before = np.full(1, end, states.dtype)
        score[0] = 0.0
        for here in range(first, last):
            entries = slice(indptr[words[here]], indptr[words[here] + 1])
            current = states[entries]
            pointers = back[here - first]
            new[: len(current)] = -np.inf
            pointers[: len(current)] = 0
            for u in range(len(before)):
                for v in range(len(current)):
                    total = score[u] + transitions[before[u], current[v]]
                    if total > new[v]:
                        new[v] = total
                        pointers[v] = u
            for v in range(len(current)):
                score[v] = new[v] + emissions[entries][v]
            before = current
        best = 0
        for v in range(1, len(before)):
            if (
                score[v] + transitions[before[v], end]
                > score[best] + transitions[before[best], end]
            ):
                best = v
        for here in range(last - 1, first - 1, -1):
            path[here] = states[indptr[words[here]] + best]
            best = back[here - first, best]


@kernel
def viterbi_trigram(starts, words, indptr, states, emissions, transitions, path):
    """Write the most probable states of sentences, which depend on the last two.

    Parameters
    ----------
    starts : ndarray of shape (n_sentences + 1,), int64
    words : ndarray of shape (n_places,), int32
    indptr, states, emissions : ndarray
        The states that each word can have, with logarithms of probabilities of the
        word, as a CSR matrix.
    transitions : ndarray of shape (n_states + 1, n_states + 1, n_states + 1), float64
        Logarithms of the probabilities of a state (last axis) after two others. The
        last one stands for both ends of a sentence.
    path : ndarray of shape (n_places,), int32
        Where the states are written to.
    """
    end = len(transitions) - 1
    boundary = np.full(1, end, states.dtype)
    score, new = np.empty((end + 1, end + 1)), np.empty((end + 1, end + 1))
    back = np.empty(1024, np.int32)
    for sentence in range(len(starts) - 1):
        first, last = starts[sentence], starts[sentence + 1]
        if first == last:
            continue
        pairs = _pair_offsets(words[first:last], indptr)
        if pairs[-1] > len(back):
            back = np.empty(2 * pairs[-1], np.int32)
        two_before = before = boundary
        score[0, 0] = 0.0
        for here in range(first, last):
            entries = slice(indptr[words[here]], indptr[words[here] + 1])
            current = states[entries]
            pointers = back[pairs[here - first] : pairs[here - first + 1]]
            _step(score, new, pointers, two_before, before, current, transitions)
            for u in range(len(before)):
                for v in range(len(current)):
                    new[u, v] += emissions[entries][v]
            score, new = new, score
            two_before, before = before, current
        u, v = _best_end(score, two_before, before, transitions)
        for here in range(last - 1, first - 1, -1):
            low = indptr[words[here]]
            path[here] = states[low + v]
            n_here = indptr[words[here] + 1] - low
            u, v = back[pairs[here - first] + u * n_here + v], u


@inner_kernel
def _pair_offsets(words, indptr):
    """Return where the pointers of each word begin: one for each pair of states."""
    offsets = np.zeros(len(words) + 1, np.int64)
    n_before = 1
    for place, word in enumerate(words):
        n_here = indptr[word + 1] - indptr[word]
        offsets[place + 1] = offsets[place] + n_before * n_here
        n_before = n_here
    return offsets


@inner_kernel
def _step(score, new, pointers, two_before, before, current, transitions):
    """Write the best scores of pairs (before, current), and where they come from."""
    n_here = len(current)
    pointers[:] = 0
    for u in range(len(before)):
        best = new[u]
        best[:n_here] = -np.inf
        origin = pointers[u * n_here : (u + 1) * n_here]
        for w in range(len(two_before)):
            base = score[w, u]
            row = transitions[two_before[w], before[u]]
            for v in range(n_here):
                total = base + row[current[v]]
                if total > best[v]:
                    best[v] = total
                    origin[v] = w


@inner_kernel
def _best_end(score, before, current, transitions):
    """Return the best pair of states at the end of a sentence."""
    end = len(transitions) - 1
    best = -np.inf
    best_u = best_v = 0
    for u in range(len(before)):
        for v in range(len(current)):
            total = score[u, v] + transitions[before[u], current[v], end]
            if total > best:
                best = total
                best_u, best_v = u, v
    return best_u, best_v
