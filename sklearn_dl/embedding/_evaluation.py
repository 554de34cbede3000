"""Analogies and similarities that people have written down, as examinations."""

import gzip
import os

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.utils import Bunch

from sklearn_dl.embedding._queries import measure_norms, normalize, sorted_words

# Similarities that are kept at once: 16 MiB of them.
_BLOCK_SIZE = 2**22


def open_text(path):
    """Open a text file, compressed if its name ends in ".gz".

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    file : file
        It gives str.
    """
    opener = gzip.open if os.fspath(path).endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8")


class Questions:
    """The words that an examination may ask for, and how they are written.

    Parameters
    ----------
    vocabulary : dict of str to int
        The rows of the words.

    restrict_vocabulary : int or None
        How many rows take part.

    case_insensitive : bool
        Whether all words are put in capitals.

    Attributes
    ----------
    rows : dict of str to int
        The row of each word as it is asked for. Of several ways to write it the first
        row, the most frequent, counts.

    first_rows : ndarray of shape (n_rows,)
        For each row the first one that is the same word.
    """

    def __init__(self, vocabulary, restrict_vocabulary, case_insensitive):
        self._case_insensitive = case_insensitive
        self.rows = {}
        words = sorted_words(vocabulary)[:restrict_vocabulary]
        self.first_rows = np.array(
            [self.rows.setdefault(self.fold(word), k) for k, word in enumerate(words)]
        )

    def fold(self, word):
        """Write a word as it is asked for.

        Parameters
        ----------
        word : str
            The word.

        Returns
        -------
        word : str
            The same, perhaps in capitals.
        """
        return word.upper() if self._case_insensitive else word


def evaluate_analogies(estimator, path, restrict_vocabulary, case_insensitive):
    """Answer the questions of a file.

    Parameters
    ----------
    estimator : estimator
        It has `vectors_` and a `vocabulary_`.

    path : str or path-like
        The file.

    restrict_vocabulary : int or None
        How many rows take part.

    case_insensitive : bool
        Whether all words are put in capitals.

    Returns
    -------
    result : Bunch
        Shares and counts, and the same for each section.
    """
    words = Questions(estimator.vocabulary_, restrict_vocabulary, case_insensitive)
    sections = _read_analogies(path)
    known, n_asked = {}, {}
    for name, lines in sections.items():
        rows = [[words.rows.get(words.fold(word)) for word in line] for line in lines]
        known[name] = [line for line in rows if None not in line]
        n_asked[name] = len(lines)
    questions = np.array(
        [line for lines in known.values() for line in lines], dtype=np.intp
    ).reshape(-1, 4)
    vectors = estimator.vectors_[: len(words.first_rows)]
    right = _answer(vectors, questions[:, :3], words.first_rows) == questions[:, 3]
    ends = np.cumsum([len(lines) for lines in known.values()])
    parts = dict(zip(known, np.split(right, ends[:-1]), strict=True))
    return Bunch(
        **_summarize(right, sum(n_asked.values())),
        sections={name: _summarize(parts[name], n_asked[name]) for name in parts},
    )


def _read_analogies(path):
    """Return the questions of each section, as lists of four words."""
    sections, current = {}, None
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if line.startswith(":"):
                current = sections.setdefault(line.lstrip(": ").strip(), [])
            elif len(words) == 4 and current is None:
                raise ValueError(
                    f"Questions must follow the name of a section, ': name'; line "
                    f"{number} of {path} comes before any."
                )
            elif len(words) == 4:
                current.append(words)
    if not any(sections.values()):
        raise ValueError(
            f"{path} has no questions. Expected lines of four words, below lines "
            f"': name' of sections."
        )
    return sections


def _answer(vectors, questions, first_rows):
    """Return the row of the answer to each question a : b = c : ?, -1 if there is none.

    No answer is one of the three words, however it is written.
    """
    answers = np.full(len(questions), -1)
    inverse_norms = 1 / measure_norms(vectors)
    n_rows = max(1, _BLOCK_SIZE // len(vectors))
    for start in range(0, len(questions), n_rows):
        asked = questions[start : start + n_rows]
        a, b, c = (normalize(vectors[column]) for column in asked.T)
        similarities = (b + c - a) @ vectors.T
        similarities *= inverse_norms
        similarities[np.arange(len(asked))[:, None], asked] = -np.inf
        open_ = np.arange(len(asked))
        while len(open_):
            # All rows at first, and then the few whose answer was one of the words.
            rest = similarities if len(open_) == len(asked) else similarities[open_]
            best = rest.argmax(axis=1)
            found = first_rows[best]
            is_asked = (found[:, None] == asked[open_]).any(axis=1)
            is_left = rest[np.arange(len(rest)), best] > -np.inf
            done = is_left & ~is_asked
            answers[start + open_[done]] = found[done]
            again = is_left & is_asked
            similarities[open_[again], best[again]] = -np.inf
            open_ = open_[again]
    return answers


def _summarize(right, n_asked):
    return Bunch(
        accuracy=float(right.mean()) if len(right) else 0.0,
        n_correct=int(right.sum()),
        n_questions=len(right),
        n_unknown=n_asked - len(right),
    )


def evaluate_similarity(
    estimator, path, delimiter, restrict_vocabulary, case_insensitive
):
    """Compare similarities with those of a file.

    Parameters
    ----------
    estimator : estimator
        It has `vectors_` and a `vocabulary_`.

    path : str or path-like
        The file.

    delimiter : str
        What stands between the columns.

    restrict_vocabulary : int or None
        How many rows take part.

    case_insensitive : bool
        Whether all words are put in capitals.

    Returns
    -------
    result : Bunch
        Correlations and counts.
    """
    words = Questions(estimator.vocabulary_, restrict_vocabulary, case_insensitive)
    pairs, judgements, n_unknown = [], [], 0
    for one, other, judgement in _read_pairs(path, delimiter):
        pair = [words.rows.get(words.fold(word)) for word in (one, other)]
        if None in pair:
            n_unknown += 1
        else:
            pairs.append(pair)
            judgements.append(judgement)
    if len(pairs) < 2:
        raise ValueError(
            f"A correlation needs two pairs of known words; {path} has "
            f"{len(pairs) + n_unknown} lines 'word{delimiter}word{delimiter}number', "
            f"and {type(estimator).__name__} knows both words of {len(pairs)}."
        )
    left, right = (normalize(estimator.vectors_[rows]) for rows in np.transpose(pairs))
    similarities = np.einsum("ij,ij->i", left, right)
    return Bunch(
        pearson=float(pearsonr(judgements, similarities).statistic),
        spearman=float(spearmanr(judgements, similarities).statistic),
        n_pairs=len(pairs),
        unknown=n_unknown / (n_unknown + len(pairs)),
    )


def _read_pairs(path, delimiter):
    """Yield pairs of words with their judgements; other lines are comments."""
    with open_text(path) as file:
        for line in file:
            fields = [field.strip() for field in line.split(delimiter)]
            if line.startswith("#") or len(fields) != 3:
                continue
            try:
                judgement = float(fields[2])
            except ValueError:
                continue
            yield fields[0], fields[1], judgement
