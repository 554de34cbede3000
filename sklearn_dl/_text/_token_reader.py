"""Documents as numbers of words."""

from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from sklearn_dl._text._alphabet import runs_of
from sklearn_dl._text._documents import batches_of_texts, check_documents, token_list
from sklearn_dl._text._word_table import WordTable

__all__ = ["ANALYSIS", "Corpus", "read_documents"]

# The parameters that say what the words of a document are, as CountVectorizer has them.
ANALYSIS = (
    "analyzer",
    "tokenizer",
    "preprocessor",
    "token_pattern",
    "stop_words",
    "lowercase",
    "strip_accents",
)


@dataclass(frozen=True)
class Corpus:
    """Documents as numbers.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        The words of the documents, one behind the other; -1 for unknown ones.
    stops : ndarray of shape (n_documents,), int64
        Where each document ends.
    words : list of str
        The words, in the order of their numbers.
    shared : dict, optional
        What was made of the documents and may be of use for a fit with other
        parameters, by what it depends on.
    """

    tokens: np.ndarray
    stops: np.ndarray
    words: list
    shared: dict = field(default_factory=dict)

    def known(self):
        """Return the documents without the words that are not known."""
        kept = self.tokens >= 0
        if kept.all():
            return self
        before = np.cumsum(kept)
        stops = np.where(self.stops > 0, before[self.stops - 1], 0)
        return Corpus(self.tokens[kept], stops, self.words, self.shared)


def read_documents(estimator, documents, known=(), learn=True):
    """Turn documents into numbers of words.

    Parameters
    ----------
    estimator : estimator
        Has the parameters in `ANALYSIS`.
    documents : iterable of str, or of lists of tokens with ``analyzer="identity"``
        The documents.
    known : list of str, default=()
        Words that have the first numbers.
    learn : bool, default=True
        Whether other words are numbered, too.

    Returns
    -------
    corpus : Corpus
        The documents.

    Raises
    ------
    TypeError
        If the documents are not of the kind that is expected.
    ValueError
        If they are a single string.
    """
    name = type(estimator).__name__
    check_documents(documents, name)
    if hasattr(documents, "columns"):
        raise TypeError(
            f"{name} takes a column of texts, got {type(documents).__name__} with the "
            f"columns {list(documents.columns)!r}: give it one of them."
        )
    params = {key: getattr(estimator, key) for key in ANALYSIS}
    if estimator.analyzer == "identity":
        stop_words = CountVectorizer(stop_words=estimator.stop_words).get_stop_words()
        terms = (token_list(document, name) for document in documents)
        if stop_words:
            terms = ([t for t in tokens if t not in stop_words] for tokens in terms)
        return _look_up(terms, known, learn)
    vectorizer = CountVectorizer(**params)
    # Checks what goes into it, and warns of stop words that do not fit.
    analyze = vectorizer.build_analyzer()
    if callable(estimator.analyzer):
        return _look_up(map(analyze, documents), known, learn)
    runs = None
    if estimator.analyzer == "word" and estimator.tokenizer is None:
        runs = runs_of(estimator.token_pattern)
    preprocess = vectorizer.build_preprocessor()
    batches = batches_of_texts(documents, vectorizer.decode, preprocess, name)
    first = next(batches, [])
    if runs is not None and sum(map(len, first)) >= len(known):
        return _scan(
            chain([first], batches), runs, vectorizer.get_stop_words(), known, learn
        )
    # A callable of the user's; or to enter what is known would be most of the work.
    vectorizer.preprocessor = str
    terms = map(vectorizer.build_analyzer(), chain(first, chain.from_iterable(batches)))
    return _look_up(terms, known, learn)


def _scan(batches, runs, stop_words, known, learn):
    table = WordTable(skipped=[w for w in stop_words or () if isinstance(w, str)])
    table.add(known)
    # Stop words are never found, but have a vector if they are in a vocabulary.
    words = table.words()
    numbers = dict(zip(known, range(len(known)), strict=True))
    places = np.array([numbers[word] for word in words], dtype=np.int32)
    parts = [table.scan(texts, runs, learn) for texts in batches]
    tokens, stops = _joined(parts)
    new = table.words()[len(words) :]
    if len(words) != len(known):
        places = np.concatenate([places, len(known) + np.arange(len(new))])
        tokens = np.where(tokens < 0, -1, places.astype(np.int32)[tokens])
    return Corpus(tokens, stops, [*known, *new])


def _look_up(documents, known, learn):
    numbers = dict(zip(known, range(len(known)), strict=True))
    parts = []
    for terms in documents:
        if learn:
            found = [numbers.setdefault(term, len(numbers)) for term in terms]
        else:
            found = [numbers.get(term, -1) for term in terms]
        parts.append((np.array(found, dtype=np.int32), np.array([len(found)])))
    return Corpus(*_joined(parts), list(numbers))


def _joined(parts):
    """Put numbers of words and ends of documents one behind the other."""
    if not parts:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    sizes = np.cumsum([0] + [len(tokens) for tokens, _ in parts])
    stops = [stops + size for (_, stops), size in zip(parts, sizes, strict=False)]
    return np.concatenate([tokens for tokens, _ in parts]), np.concatenate(stops)
