"""Token patterns that are runs of characters of one kind."""

import re
from functools import cache

import numpy as np

__all__ = ["Runs", "runs_of"]

_N_CHARACTERS = 0x110000
# Characters of words, at least one, two or n of them: whole runs with or without
# boundaries around. And whatever is not blank.
_WORDS = re.compile(r"(?:\(\?u\))?(\\b)?(?:\\w\\w\+|\\w\+|\\w\{(\d+),\})(\\b)?")
_NO_BLANKS = re.compile(r"(?:\(\?u\))?(?:\\S\+|\[\^\\s\]\+)")


class Runs:
    """Tokens that are the longest runs of certain characters.

    Parameters
    ----------
    kind : {"word", "solid", "not blank", "any"}
        Letters, digits and the underscore; all but white space; all but the blank; or
        all characters.
    min_length : int
        Shorter runs are no tokens.
    """

    def __init__(self, kind, min_length):
        self.kind = kind
        self.min_length = min_length

    def alphabet(self, ascii_only):
        """Return which characters belong to tokens.

        Parameters
        ----------
        ascii_only : bool
            Whether the first 128 will do.

        Returns
        -------
        alphabet : ndarray of shape (128,) or (1114112,), bool
            By code point.
        """
        return _alphabet(self.kind, 128 if ascii_only else _N_CHARACTERS)


@cache
def _alphabet(kind, size):
    # What the classes \w and \S of regular expressions are made of.
    if kind == "word":
        letters = (chr(point).isalnum() or point == 95 for point in range(size))
    elif kind == "not blank":
        letters = (point != 32 for point in range(size))
    elif kind == "solid":
        letters = (not chr(point).isspace() for point in range(size))
    else:
        letters = (True for _ in range(size))
    return np.fromiter(letters, dtype=bool, count=size)


def runs_of(token_pattern):
    r"""Return the runs that a regular expression matches, if it is that simple.

    Parameters
    ----------
    token_pattern : str
        A regular expression, like ``r"(?u)\b\w\w+\b"``.

    Returns
    -------
    runs : Runs or None
        None where the expression may match something else.

    Examples
    --------
    >>> from sklearn_dl._text._alphabet import runs_of
    >>> runs_of(r"(?u)\b\w\w+\b").min_length
    2
    >>> runs_of(r"[a-z]+") is None
    True
    """
    if _NO_BLANKS.fullmatch(token_pattern):
        return Runs("solid", 1)
    match = _WORDS.fullmatch(token_pattern)
    if match is None:
        return None
    if match[2] is not None:
        # `\w{0,}` matches nothing at all, too.
        return Runs("word", int(match[2])) if int(match[2]) > 0 else None
    return Runs("word", 2 if r"\w\w+" in token_pattern else 1)
