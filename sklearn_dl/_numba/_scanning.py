"""Words of UTF-8 texts as numbers: one pass over the bytes and a hash table.

A table of words is four arrays. ``slots`` holds numbers of words, -1 where it is empty,
at the place that the hash of a word points to or in the next free one. Word ``k`` is
``letters[ends[k - 1]:ends[k]]`` and has the hash ``hashes[k]``. The kernels make no
arrays: one that has no room for a word returns, and goes on after it was given more.
"""

import numpy as np

from sklearn_dl.utils._kernel import lean_inner_kernel, lean_kernel

__all__ = ["scan", "spread"]

# Offset and prime of the 64-bit Fowler-Noll-Vo hash.
_OFFSET = np.uint64(14695981039346656037)
_PRIME = np.uint64(1099511628211)
_HALF = np.uint64(32)
_ONE = np.uint64(1)

# What a kernel was doing: where in the text, which text, words found, words known.
AT, ROW, N_TOKENS, N_WORDS = range(4)


@lean_kernel
def spread(slots, hashes, n_words):
    """Enter words into empty slots.

    Parameters
    ----------
    slots : ndarray of shape (n_slots,), int32
        All -1, a power of two of them, more than words. Receives the numbers.
    hashes : ndarray of shape (>= n_words,), uint64
        The hashes of the words.
    n_words : int
        How many there are.
    """
    mask = np.uint64(slots.shape[0] - 1)
    for word in range(n_words):
        place = (hashes[word] ^ (hashes[word] >> _HALF)) & mask
        while slots[place] >= 0:
            place = (place + _ONE) & mask
        slots[place] = word


@lean_inner_kernel
def _place(text, start, stop, value, slots, hashes, ends, letters):
    """Return the slot of a word, or the empty one where it belongs."""
    mask = np.uint64(slots.shape[0] - 1)
    place = (value ^ (value >> _HALF)) & mask
    while True:
        word = slots[place]
        if word < 0:
            return place
        if hashes[word] == value:
            first = ends[word - 1] if word > 0 else 0
            if ends[word] - first == stop - start:
                k = 0
                while k < stop - start and letters[first + k] == text[start + k]:
                    k += 1
                if k == stop - start:
                    return place
        place = (place + _ONE) & mask


@lean_inner_kernel
def _decode(text, at):
    """Return the number of bytes of a character beyond ASCII, and its code point."""
    byte = np.int64(text[at])
    second = np.int64(text[at + 1]) & 63
    if byte < 224:
        return 2, (byte & 31) << 6 | second
    third = np.int64(text[at + 2]) & 63
    if byte < 240:
        return 3, (byte & 15) << 12 | second << 6 | third
    fourth = np.int64(text[at + 3]) & 63
    return 4, (byte & 7) << 18 | second << 12 | third << 6 | fourth


@lean_kernel
def scan(
    text,
    stops,
    alphabet,
    min_length,
    n_skipped,
    learn,
    slots,
    hashes,
    ends,
    letters,
    state,
    words,
    tokens,
):
    """Find the words of texts, their runs of characters of an alphabet, as numbers.

    Parameters
    ----------
    text : ndarray of shape (n_bytes,), uint8
        The texts one behind the other, in UTF-8.
    stops : ndarray of shape (n_texts,), int64
        Where each text ends.
    alphabet : ndarray of shape (128,) or (1114112,), bool
        Which characters words are made of. The short one will do where all bytes are
        below 128.
    min_length : int
        Shorter runs, in characters, are no words; at least 1.
    n_skipped : int
        The first so many words of the table are left out of the result.
    learn : bool
        Whether words that are not in the table are added to it; else their number is
        -1.
    slots, hashes, ends, letters : ndarray
        A table of words, see the description of the module.
    state : ndarray of shape (4,), int64
        The place in the text, the current text, words found so far, words in the
        table. All but the last are 0 at first.
    words : ndarray of shape (n_bytes // 2 + n_texts,), int32
        Receives the numbers, from 0 for the first word that is not skipped. For a
        `min_length` of 1 there must be ``n_bytes``.
    tokens : ndarray of shape (n_texts,), int64
        Receives where each text ends in `words`.

    Returns
    -------
    done : bool
        If not, the table has no room for a word.
    """
    at, row, n_tokens, n_words = state[AT], state[ROW], state[N_TOKENS], state[N_WORDS]
    done = True
    while done and row < stops.shape[0]:
        stop = stops[row]
        while at < stop:
            first = at
            length = 0
            value = _OFFSET
            while at < stop:
                byte = text[at]
                if byte < 128:
                    if not alphabet[byte]:
                        break
                    value = (value ^ np.uint64(byte)) * _PRIME
                    at += 1
                else:
                    size, point = _decode(text, at)
                    if not alphabet[point]:
                        break
                    for k in range(at, at + size):
                        value = (value ^ np.uint64(text[k])) * _PRIME
                    at += size
                length += 1
            if length >= min_length:
                place = _place(text, first, at, value, slots, hashes, ends, letters)
                word = slots[place]
                if word < 0 and learn:
                    begin = ends[n_words - 1] if n_words > 0 else 0
                    end = begin + at - first
                    if 2 * n_words >= slots.shape[0] or end > letters.shape[0]:
                        at = first
                        done = False
                        break
                    word = n_words
                    for k in range(at - first):
                        letters[begin + k] = text[first + k]
                    slots[place], hashes[word], ends[word] = word, value, end
                    n_words += 1
                if word < 0 or word >= n_skipped:
                    words[n_tokens] = word - n_skipped if word >= 0 else -1
                    n_tokens += 1
            # The character that ended the run.
            if at < stop:
                at += 1 if text[at] < 128 else _decode(text, at)[0]
        if done:
            tokens[row] = n_tokens
            row += 1
    state[AT], state[ROW], state[N_TOKENS], state[N_WORDS] = at, row, n_tokens, n_words
    return done
