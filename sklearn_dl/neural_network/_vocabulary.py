"""Words as numbers, also those that no training text had."""

import re
from collections import Counter

import numpy as np

__all__ = ["as_words", "encode_words", "learn_vocabulary"]

# Words, numbers and single marks, in lower case.
_WORD = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


def as_words(text):
    """Cut a text into words, numbers and marks, in lower case.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    words : list of str
        Its tokens.
    """
    return _WORD.findall(text.lower())


def _looks(word):
    """Return what an unknown word looks like, from the closest look to the farthest."""
    first = "A" if word[:1].isupper() else "a"
    digit = "0" if any(letter.isdigit() for letter in word) else ""
    mark = "-" if not word.isalnum() else ""
    shape = f"\0{first}{digit}{mark}"
    lower = word.lower()
    return [f"{shape}~{lower[-n:]}" for n in (3, 2, 1)] + [shape]


def _learn_looks(rare, min_count):
    """Return looks that so many rare words have, the closest ones that are frequent.

    Words with a look that is kept teach no farther look what it means.
    """
    kept = []
    for level in range(4):
        seen = Counter()
        for word, count in rare.items():
            seen[_looks(word)[level]] += count
        frequent = sorted(look for look, count in seen.items() if count >= min_count)
        kept += frequent
        known = set(frequent)
        rare = {w: n for w, n in rare.items() if _looks(w)[level] not in known}
    return kept


def learn_vocabulary(texts, min_count, max_words, signatures):
    """Give numbers to the words of tokenised texts.

    Parameters
    ----------
    texts : list of list of str
        The texts.
    min_count : int
        Words that are rarer than that are unknown.
    max_words : int or None
        Of the others, so many are known, the most frequent ones.
    signatures : bool
        Whether unknown words are told apart by capitals, digits, marks and their last
        letters [1]_; the rare words of the texts teach what these mean.

    Returns
    -------
    vocabulary : dict of str to int
        Numbers from 1; 0 is that of all words that are not in it.

    References
    ----------
    .. [1] S. Petrov and D. Klein, "Improved inference for unlexicalized parsing",
       NAACL 2007.
    """
    counts = Counter(word for text in texts for word in text)
    # Alphabetical where counts are equal, whatever order the texts had.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    known = [word for word, count in ranked if count >= min_count]
    vocabulary = {word: k for k, word in enumerate(known[:max_words], start=1)}
    if signatures:
        rare = {word: count for word, count in ranked if word not in vocabulary}
        for look in _learn_looks(rare, min_count):
            vocabulary[look] = len(vocabulary) + 1
    return vocabulary


def encode_words(text, vocabulary, signatures):
    """Return the numbers of the words of a text, as int64; see `learn_vocabulary`."""

    def number(word):
        if word in vocabulary:
            return vocabulary[word]
        looks = _looks(word) if signatures else ()
        return next((vocabulary[look] for look in looks if look in vocabulary), 0)

    return np.array([number(word) for word in text], dtype=np.int64)
