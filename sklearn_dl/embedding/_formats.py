"""Files of word vectors: those of word2vec, text and binary, and those of GloVe."""

import gzip
import os
import warnings
from contextlib import contextmanager
from itertools import chain, islice

import numpy as np

# Lines of text that are parsed at once, and bytes of a binary file.
_BLOCK_LINES = 4096
_BLOCK_BYTES = 2**22


@contextmanager
def open_vectors(path, mode):
    """Open a file of bytes, compressed if its name ends in ".gz".

    Parameters
    ----------
    path : str or path-like
        The file.

    mode : {"rb", "wb"}
        Whether it is read or written.

    Yields
    ------
    file : file
        It takes or gives bytes.
    """
    opener = gzip.open if os.fspath(path).endswith(".gz") else open
    with opener(path, mode) as file:
        try:
            yield file
        except EOFError:
            raise ValueError(f"{path} is cut off within its compressed data.") from None


# -- reading ---------------------------------------------------------------------------


def read_word2vec(path, *, binary, encoding, unicode_errors, max_words):
    """Read a file of word2vec.

    Parameters
    ----------
    path : str or path-like
        The file.

    binary : bool
        Whether it is one in the binary format.

    encoding : str
        That of the words.

    unicode_errors : str
        What becomes of words in another encoding.

    max_words : int or None
        How many words are read; None for all.

    Returns
    -------
    words : list of str
        The words.

    vectors : ndarray of shape (n_words, n_components)
        Their vectors, float32.
    """
    with open_vectors(path, "rb") as file:
        n_words, width = _read_header(file, path)
        n_read = n_words if max_words is None else min(n_words, max_words)
        vectors = _allocate(n_read, width, path)
        fill = _fill_from_binary if binary else _fill_from_text
        words, rest = fill(file, vectors, path)
    expected = f"{n_words} vectors of width {width} that its header announces"
    question = f"Is it not the {'binary' if binary else 'text'} format?"
    if len(words) < n_read:
        raise ValueError(
            f"{path} ends after {len(words)} whole vectors of the {expected}. "
            f"{question}"
        )
    if n_read == n_words and rest.strip():
        raise ValueError(f"{path} goes on after the {expected}. {question}")
    return _decode(words, encoding, unicode_errors, path), vectors


def _read_header(file, path):
    line = file.readline(200)
    try:
        n_words, width = map(int, line.split())
    except ValueError:
        n_words = width = 0
    if n_words < 1 or width < 1:
        raise ValueError(
            f"Line 1 of a file of word2vec must have the number of words and the width "
            f"of the vectors; {path} begins with {line[:60]!r}. Files of GloVe have no "
            f"such line: see from_glove_format."
        )
    return n_words, width


def _allocate(n_words, width, path):
    # Memory that is not written to costs nothing where a file is shorter than it says.
    try:
        return np.empty((n_words, width), np.float32)
    except (MemoryError, ValueError):
        raise ValueError(
            f"The header of {path} announces {n_words} vectors of width {width}, more "
            f"than the memory holds."
        ) from None


def _fill_from_text(file, vectors, path):
    """Read lines 'word number number ...'.

    Returns the words, and some of the bytes behind the last vector.
    """
    words, (n_words, width) = [], vectors.shape
    while lines := list(islice(file, min(_BLOCK_LINES, n_words - len(words)))):
        parts = [line.rstrip().partition(b" ")[::2] for line in lines]
        parsed, values = _parse(parts, width, path, len(words) + 2)
        vectors[len(words) : len(words) + len(parsed)] = values
        words.extend(parsed)
    return words, file.read(_BLOCK_LINES)


def _fill_from_binary(file, vectors, path):
    """Read words, each with a space and the bytes of its numbers behind it.

    word2vec.c ends each vector with a newline, gensim does not. Returns the words, and
    some of the bytes behind the last vector.
    """
    words, (n_words, width) = [], vectors.shape
    size, rest = 4 * width, b""
    while chunk := file.read(max(_BLOCK_BYTES, size)):
        rest += chunk
        start = 0
        while len(words) < n_words:
            end = rest.find(b" ", start) + 1
            if not end or end + size > len(rest):
                break
            vectors[len(words)] = np.frombuffer(rest, "<f4", width, end)
            words.append(rest[start : end - 1].lstrip(b"\n"))
            start = end + size
        rest = rest[start:]
        if len(words) == n_words and rest.strip():
            break
    return words, rest


def read_glove(path, *, encoding, unicode_errors, max_words):
    """Read a text file of GloVe.

    Parameters
    ----------
    path : str or path-like
        The file.

    encoding : str
        That of the words.

    unicode_errors : str
        What becomes of words in another encoding.

    max_words : int or None
        How many words are read; None for all.

    Returns
    -------
    words : list of str
        The words.

    vectors : ndarray of shape (n_words, n_components)
        Their vectors, float32.
    """
    words, blocks = [], []
    with open_vectors(path, "rb") as file:
        first = list(islice(file, 2))
        width = _glove_width(first, path)
        lines = islice(chain(first, file), max_words)
        while block := list(islice(lines, _BLOCK_LINES)):
            parts = [_split_from_right(line.rstrip(), width) for line in block]
            parsed, values = _parse(parts, width, path, len(words) + 1)
            words.extend(parsed)
            blocks.append(values)
    return _decode(words, encoding, unicode_errors, path), np.concatenate(blocks)


def _glove_width(lines, path):
    """Count the numbers at the end of the first line, without its first word."""
    fields = [line.split() for line in lines]
    width = 0
    for field in reversed(fields[0][1:] if fields else []):
        if not _is_number(field):
            break
        width += 1
    if not width:
        raise ValueError(
            f"Each line of a file of GloVe must have a word and numbers; {path} begins "
            f"with {b''.join(lines)[:60]!r}."
        )
    looks_like_a_header = len(fields[0]) == 2 and all(map(bytes.isdigit, fields[0]))
    if looks_like_a_header and len(fields) == 2 and len(fields[1]) != 2:
        raise ValueError(
            f"{path} begins with {lines[0]!r}, a header that files of GloVe do not "
            f"have: see from_word2vec_format."
        )
    return width


def _is_number(field):
    try:
        float(field)
    except ValueError:
        return False
    return True


def _split_from_right(line, width):
    """Split a line into its word, which may have spaces, and its numbers."""
    word, _, numbers = line.partition(b" ")
    if numbers.count(b" ") >= width:
        word, *values = line.rsplit(b" ", width)
        numbers = b" ".join(values)
    return word, numbers


def _parse(parts, width, path, first_number):
    """Return the words and the vectors of lines that are split in two."""
    words, numbers = zip(*parts, strict=True)
    for k, text in enumerate(numbers):
        if text.count(b" ") != width - 1 or not text:
            _refuse(words[k], text, width, path, first_number + k)
    values = _numbers(b" ".join(numbers))
    if len(values) != len(words) * width:
        for k, text in enumerate(numbers):
            if len(_numbers(text)) != width:
                _refuse(words[k], text, width, path, first_number + k)
    return words, values.reshape(len(words), width)


def _numbers(text):
    """Return the numbers in a text; none at all where one cannot be read."""
    with warnings.catch_warnings():
        # numpy before 2.3 only warns of what is no number.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except (DeprecationWarning, ValueError):
            return np.empty(0, np.float32)


def _refuse(word, text, width, path, number):
    raise ValueError(
        f"Line {number} of {path} must have a word and {width} numbers; the word "
        f"{word[:40]!r} is followed by {text[:60]!r}, of {len(text.split())} parts. Is "
        f"the file cut off, or in another format?"
    )


def _decode(words, encoding, unicode_errors, path):
    decoded = []
    for word in words:
        try:
            decoded.append(word.decode(encoding, unicode_errors))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Word {len(decoded) + 1} of {path}, {word[:40]!r}, is not encoded in "
                f"{encoding!r}: {error.reason}. Is the file in another format? "
                f"unicode_errors='replace' takes such words."
            ) from None
    return decoded


def unique_words(words, vectors, path):
    """Leave out words that came before, with a warning.

    Parameters
    ----------
    words : list of str
        Words of a file.

    vectors : ndarray of shape (n_words, n_components)
        Their vectors.

    path : str or path-like
        The file, for the message.

    Returns
    -------
    words : list of str
        Each word once.

    vectors : ndarray of shape (n_words, n_components)
        The first vector of each.
    """
    first_rows = {}
    for row, word in enumerate(words):
        first_rows.setdefault(word, row)
    if len(first_rows) == len(words):
        return words, vectors
    twice = next(w for row, w in enumerate(words) if first_rows[w] != row)
    warnings.warn(
        f"{path} has {len(words) - len(first_rows)} words that came before, such as "
        f"{twice!r}. The first vector of each word is taken.",
        stacklevel=4,
    )
    return list(first_rows), vectors[list(first_rows.values())]


def read_counts(path, words, encoding, unicode_errors):
    """Read the counts of words from a file of lines 'word count'.

    Parameters
    ----------
    path : str or path-like
        The file.

    words : list of str
        The words whose counts are wanted.

    encoding : str
        That of the words.

    unicode_errors : str
        What becomes of words in another encoding.

    Returns
    -------
    counts : ndarray of shape (n_words,)
        The counts, int64.
    """
    counts = {}
    with open_vectors(path, "rb") as file:
        for number, line in enumerate(file, 1):
            word, _, count = line.rstrip().rpartition(b" ")
            if not count.isdigit():
                raise ValueError(
                    f"Line {number} of {path} must have a word and its count, got "
                    f"{line[:60]!r}."
                )
            counts.setdefault(word.decode(encoding, unicode_errors), int(count))
    missing = [word for word in words if word not in counts]
    if missing:
        raise ValueError(
            f"{path} must have the counts of all words with vectors; it lacks "
            f"{len(missing)} of {len(words)}, such as {missing[0]!r}."
        )
    return np.array([counts[word] for word in words], dtype=np.int64)


# -- writing ---------------------------------------------------------------------------


def write_vectors(path, words, vectors, *, binary, header, encoding):
    """Write words and vectors.

    Parameters
    ----------
    path : str or path-like
        The file.

    words : list of str
        The words.

    vectors : ndarray of shape (n_words, n_components)
        Their vectors.

    binary : bool
        Whether vectors are bytes, or numbers in decimal.

    header : bool
        Whether the first line has the number of words and the width, as it does in
        files of word2vec. Without it, as in those of GloVe, words may have spaces.

    encoding : str
        That of the words.
    """
    names = [word.encode(encoding) for word in words]
    # Without a header the first line tells the width.
    for name in names if header else names[:1]:
        _check_word(name, path, b" \n")
    for name in names:
        _check_word(name, path, b"\n")
    with open_vectors(path, "wb") as file:
        if header:
            file.write(b"%d %d\n" % vectors.shape)
        for name, vector in zip(names, vectors, strict=True):
            if binary:
                values = vector.astype("<f4").tobytes()
            else:
                # The shortest decimals that give the same float32 again.
                values = " ".join(map(str, vector)).encode()
            file.write(b"%b %b\n" % (name, values))


def _check_word(name, path, forbidden):
    if not name or any(byte in forbidden for byte in name):
        raise ValueError(
            f"A word must not be empty nor have a newline or, but in a file of GloVe "
            f"behind the first line, a space, to be written to {path}; got {name!r}."
        )


def write_counts(path, words, counts, encoding):
    """Write lines 'word count'.

    Parameters
    ----------
    path : str or path-like
        The file.

    words : list of str
        The words.

    counts : ndarray of shape (n_words,)
        Their counts.

    encoding : str
        That of the words.
    """
    with open_vectors(path, "wb") as file:
        for word, count in zip(words, counts.tolist(), strict=True):
            file.write(f"{word} {count}\n".encode(encoding))
