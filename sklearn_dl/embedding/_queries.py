"""Neighbours of words, from nothing but their vectors."""

import numpy as np
from sklearn.utils.validation import check_is_fitted


def sorted_words(vocabulary):
    """Return the words by row: the word of row 0 first.

    Parameters
    ----------
    vocabulary : dict of str to int
        The rows of the words.

    Returns
    -------
    words : list of str
        The words.
    """
    return sorted(vocabulary, key=vocabulary.get)


def find_row(estimator, word):
    """Return the row of a word.

    Parameters
    ----------
    estimator : estimator
        It has a `vocabulary_`.

    word : str
        The word.

    Returns
    -------
    row : int
        The row of the word in `vectors_`.

    Raises
    ------
    TypeError
        If the word is no str.
    KeyError
        If the word is not known.
    """
    if not isinstance(word, str):
        raise TypeError(
            f"A word of {type(estimator).__name__} must be a str, got {word!r}."
        )
    try:
        return estimator.vocabulary_[word]
    except KeyError:
        raise KeyError(
            f"The word {word!r} is not in the vocabulary of {type(estimator).__name__}."
        ) from None


def find_rows(estimator, words, name):
    """Return the rows of a list of words.

    Parameters
    ----------
    estimator : estimator
        It has a `vocabulary_`.

    words : iterable of str
        The words.

    name : str
        The parameter that they come from, for messages.

    Returns
    -------
    rows : ndarray of shape (n_words,)
        The rows of the words in `vectors_`.

    Raises
    ------
    TypeError
        If `words` is a single str or no list, or a word is no str.
    KeyError
        If a word is not known.
    """
    if isinstance(words, str) or not np.iterable(words):
        raise TypeError(
            f"The {name!r} parameter of {type(estimator).__name__} must be a list of "
            f"words, got {words!r}."
        )
    return np.array([find_row(estimator, word) for word in words], dtype=np.intp)


def measure_norms(vectors):
    """Return the lengths of vectors, without a copy of them.

    Parameters
    ----------
    vectors : ndarray of shape (n_words, n_components)
        The vectors.

    Returns
    -------
    norms : ndarray of shape (n_words,)
        Their lengths; 1 for zero vectors, which are thus divided by it without harm.
    """
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    norms[norms == 0] = 1
    return norms


def normalize(vectors):
    """Return vectors of length 1; zero vectors stay.

    Parameters
    ----------
    vectors : ndarray of shape (n_words, n_components)
        The vectors.

    Returns
    -------
    units : ndarray of shape (n_words, n_components)
        A new array.
    """
    return vectors / measure_norms(vectors)[:, None]


def resolve(estimator, items, name):
    """Find the vectors that a query is made of.

    Parameters
    ----------
    estimator : estimator
        It has `vectors_` and a `vocabulary_`.

    items : str, ndarray, list of them or None
        A word or a vector, or several.

    name : str
        The parameter that they come from, for messages.

    Returns
    -------
    vectors : ndarray of shape (n_items, n_components)
        Vectors of length 1 for words; vectors as they were given.

    rows : list of int
        The rows of the words among the items.

    Raises
    ------
    TypeError
        If an item is neither a word nor numbers.
    ValueError
        If a vector is not as wide as those of the words.
    KeyError
        If a word is not known.
    """
    width = estimator.vectors_.shape[1]
    vectors, rows = [], []
    for item in _listed(estimator, items, name):
        if isinstance(item, str):
            rows.append(find_row(estimator, item))
            vectors.extend(normalize(estimator.vectors_[rows[-1:]]))
        else:
            vectors.append(_as_vector(estimator, item, name, width))
    return np.array(vectors, dtype=np.float64).reshape(-1, width), rows


def _listed(estimator, items, name):
    if items is None:
        return []
    is_vector = isinstance(items, np.ndarray) and items.ndim == 1
    if isinstance(items, str) or (is_vector and items.dtype.kind in "fiu"):
        return [items]
    if not np.iterable(items):
        raise TypeError(
            f"The {name!r} parameter of {type(estimator).__name__} must be a word, a "
            f"vector or a list of them, got {items!r}."
        )
    return list(items)


def _as_vector(estimator, item, name, width):
    vector = np.asarray(item)
    if vector.ndim == 0 or vector.dtype.kind not in "fiu":
        raise TypeError(
            f"The {name!r} parameter of {type(estimator).__name__} must hold words "
            f"(str) and vectors (arrays of numbers), got {item!r}."
        )
    if vector.shape != (width,):
        raise ValueError(
            f"A vector in the {name!r} parameter of {type(estimator).__name__} must "
            f"have the shape ({width},), got {vector.shape}."
        )
    return vector


def rank_words(estimator, query, excluded, n_words, restrict_vocabulary):
    """Find the words whose vectors point where a vector points.

    Parameters
    ----------
    estimator : estimator
        It has `vectors_` and a `vocabulary_`.

    query : ndarray of shape (n_components,)
        The vector.

    excluded : list of int
        Rows that are left out.

    n_words : int or None
        How many words; None for all.

    restrict_vocabulary : int or None
        How many rows are searched; None for all.

    Returns
    -------
    ranked : list of (str, float)
        Words with their cosine similarities, the most similar first.
    """
    vectors = estimator.vectors_[:restrict_vocabulary]
    length = np.linalg.norm(query)
    query = (query / length if length else query).astype(vectors.dtype)
    similarities = vectors @ query / measure_norms(vectors)
    candidates = np.delete(
        np.arange(len(vectors)), [row for row in excluded if row < len(vectors)]
    )
    if n_words is not None and n_words < len(candidates):
        best = np.argpartition(-similarities[candidates], n_words - 1)[:n_words]
        candidates = candidates[best]
    # Of equals the more frequent word comes first.
    candidates = candidates[np.lexsort((candidates, -similarities[candidates]))]
    words = sorted_words(estimator.vocabulary_)
    return [(words[row], float(similarities[row])) for row in candidates]


def find_embedding(estimator, owner):
    """Return what holds the word vectors inside of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        A fitted embedding; or a fitted pipeline or search with one at its end.

    owner : str
        Who asks, for messages.

    Returns
    -------
    embedding : estimator
        It has `vectors_` and a `vocabulary_`.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If there are no word vectors in it.
    """
    inside = estimator
    while not hasattr(inside, "vectors_") or not hasattr(inside, "vocabulary_"):
        check_is_fitted(inside)
        if hasattr(inside, "steps"):
            inside = inside.steps[-1][1]
        elif hasattr(inside, "best_estimator_"):
            inside = inside.best_estimator_
        else:
            raise TypeError(
                f"{owner} needs a fitted word embedding, or a pipeline or search with "
                f"one at its end; {type(estimator).__name__} leads to {inside!r}, "
                f"which has no vectors_ and vocabulary_."
            )
    return inside
