"""Word vectors without a bias."""

from collections import Counter
from copy import deepcopy
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.embedding._queries import (
    find_embedding,
    find_rows,
    normalize,
    sorted_words,
)
from sklearn_dl.embedding._word_queries import WordQueriesMixin
from sklearn_dl.utils._sklearn import HasMethods, Interval, fit_context

__all__ = ["DebiasedEmbedding"]


class DebiasedEmbedding(
    WordQueriesMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Take a bias, such as that of gender, out of word vectors.

    Pairs of words that differ in nothing else define the direction of the bias.
    Neutral words lose their component along it, and the words of a pair become equal
    in all but it, and opposite in it. This is hard debiasing after [1]_.

    All vectors become of length 1, as the method asks for. It removes what lies along
    the direction; neutral words that shared a bias may still be neighbours [2]_.

    Parameters
    ----------
    embedding : estimator
        Learns word vectors from documents. It is cloned and fitted. Vectors that are
        there already are given as
        :class:`FrozenEstimator(embedding) <sklearn.frozen.FrozenEstimator>`.

    definitional_pairs : list of (str, str)
        Pairs, or larger groups, of words that define the bias, such as "she" and "he".

    n_directions : int, default=1
        The number of directions that the bias has.

    equalize_pairs : list of (str, str), default=None
        Pairs, or larger groups, of words that shall differ in the bias only. None is
        the `definitional_pairs`; an empty list is none.

    neutral_words : list of str, default=None
        The words that shall have no bias. None is all but those of pairs and the
        `specific_words`.

    specific_words : list of str, default=None
        Words that may have a bias by their meaning, such as "queen", if
        `neutral_words` is None. Unknown ones do no harm.

    strictness : float, default=1.0
        The exponent of direct bias: the larger it is, the less small biases count.

    Attributes
    ----------
    vectors_ : ndarray of shape (n_words, n_components)
        The vectors without the bias.

    vocabulary_ : dict of str to int
        The row of each word.

    word_counts_ : ndarray of shape (n_words,)
        How often each word occurs; only if `embedding` knows it.

    bias_direction_ : ndarray of shape (n_directions, n_components)
        Orthogonal vectors of length 1, the main direction first. The first words of
        the pairs are on its positive side, by and large.

    direct_bias_before_ : float
        The direct bias of the neutral words in the vectors that `embedding` learned.

    direct_bias_after_ : float
        The same in `vectors_`.

    neutral_words_ : list of str
        The words that have no bias any more.

    embedding_ : estimator
        A copy of the fitted `embedding` that has the new vectors.

    See Also
    --------
    sklearn.frozen.FrozenEstimator : Keeps a fitted estimator as it is.

    References
    ----------
    .. [1] T. Bolukbasi, K.-W. Chang, J. Zou, V. Saligrama and A. Kalai, "Man is to
       computer programmer as woman is to homemaker? Debiasing word embeddings",
       NeurIPS 2016.
    .. [2] H. Gonen and Y. Goldberg, "Lipstick on a pig: debiasing methods cover up
       systematic gender biases in word embeddings but do not remove them", NAACL 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn_dl.embedding import DebiasedEmbedding
    >>> embedding = CountVectorizer().fit(["doctor he nurse she"])
    >>> embedding.vectors_ = np.array([[4.0, 3], [1, 3], [4, -3], [1, -3]])
    >>> debiased = DebiasedEmbedding(
    ...     FrozenEstimator(embedding), definitional_pairs=[("she", "he")]
    ... ).fit()
    >>> debiased.neutral_words_
    ['doctor', 'nurse']
    >>> round(debiased.direct_bias_before_, 3), round(debiased.direct_bias_after_, 3)
    (0.6, 0.0)
    >>> round(debiased.similarity("doctor", "nurse"), 3)
    1.0
    """

    _parameter_constraints: dict = {
        "embedding": [HasMethods(["fit", "transform"])],
        "definitional_pairs": ["array-like"],
        "n_directions": [Interval(Integral, 1, None, closed="left")],
        "equalize_pairs": ["array-like", None],
        "neutral_words": ["array-like", None],
        "specific_words": ["array-like", None],
        "strictness": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        embedding,
        *,
        definitional_pairs,
        n_directions=1,
        equalize_pairs=None,
        neutral_words=None,
        specific_words=None,
        strictness=1.0,
    ):
        self.embedding = embedding
        self.definitional_pairs = definitional_pairs
        self.n_directions = n_directions
        self.equalize_pairs = equalize_pairs
        self.neutral_words = neutral_words
        self.specific_words = specific_words
        self.strictness = strictness

    # The embedding is validated by its own fit.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X=None, y=None):
        """Learn word vectors, and take the bias out of them.

        Parameters
        ----------
        X : iterable, default=None
            Documents for `embedding`. They are not needed if it is frozen.

        y : Ignored, default=None
            Passed on to `embedding`.

        Returns
        -------
        self : DebiasedEmbedding
            The fitted estimator.

        Raises
        ------
        KeyError
            If a word of a pair or of `neutral_words` is not known.
        ValueError
            If the pairs define less directions than there shall be, or parameters
            contradict one another.
        """
        fitted = clone(self.embedding).fit(X, y)
        if isinstance(fitted, FrozenEstimator):
            fitted = fitted.estimator
        learned = find_embedding(fitted, type(self).__name__)
        self.vocabulary_ = dict(learned.vocabulary_)
        vars(self).pop("word_counts_", None)
        if hasattr(learned, "word_counts_"):
            self.word_counts_ = learned.word_counts_.copy()
        vectors = normalize(learned.vectors_.astype(np.float64))
        defining = self._find_groups("definitional_pairs", self.definitional_pairs)
        self.bias_direction_ = self._find_direction(vectors, defining)
        equal, neutral = self._share_out(defining)
        self.direct_bias_before_ = self._measure(vectors[neutral])
        vectors[neutral] = normalize(self._without_bias(vectors[neutral]))
        for rows in equal:
            vectors[rows] = self._equalize(vectors[rows])
        words = sorted_words(self.vocabulary_)
        self.neutral_words_ = [words[row] for row in neutral]
        self.vectors_ = vectors.astype(learned.vectors_.dtype)
        self.direct_bias_after_ = self.direct_bias(self.neutral_words_)
        self.embedding_ = deepcopy(fitted)
        copied = find_embedding(self.embedding_, type(self).__name__)
        copied.vectors_ = self.vectors_
        if hasattr(copied, "subword_vectors_"):
            # Words that are made of parts are neutral ones.
            parts = self._without_bias(copied.subword_vectors_.astype(np.float64))
            copied.subword_vectors_ = parts.astype(self.vectors_.dtype)
        # Taken off each document, this would bring back what it has of the bias.
        common = getattr(copied, "common_component_", None)
        if common is not None:
            common = self._without_bias(common[None].astype(np.float64))
            copied.common_component_ = normalize(common)[0].astype(self.vectors_.dtype)
        return self

    def _find_groups(self, name, groups):
        """Return the rows of the words of each group."""
        found = []
        for group in groups:
            rows = find_rows(self, group, name)
            if len(set(rows.tolist())) < max(2, len(rows)):
                raise ValueError(
                    f"The {name!r} parameter of {type(self).__name__} must be a list "
                    f"of pairs of two words, got {group!r} in it."
                )
            found.append(rows)
        return found

    def _find_direction(self, vectors, groups):
        """Return the main directions of the differences within groups."""
        differences = [
            (vectors[rows] - vectors[rows].mean(axis=0)) / np.sqrt(len(rows))
            for rows in groups
        ]
        if not differences:
            raise ValueError(
                f"The 'definitional_pairs' parameter of {type(self).__name__} must "
                f"hold a pair of words at least, got {self.definitional_pairs!r}."
            )
        _, sizes, directions = np.linalg.svd(np.vstack(differences), False)
        n_found = int((sizes > sizes[0] * 1e-6).sum()) if sizes[0] > 1e-6 else 0
        if n_found < self.n_directions:
            raise ValueError(
                f"The 'n_directions' parameter of {type(self).__name__} must be at "
                f"most the number of directions in which the words of "
                f"'definitional_pairs' differ, {n_found}, got {self.n_directions}."
            )
        directions = directions[: self.n_directions]
        first = sum(difference[0] for difference in differences)
        return directions * np.where(directions @ first < 0, -1.0, 1.0)[:, None]

    def _share_out(self, defining):
        """Return the groups that become equal, and the rows that become neutral."""
        name, equal = type(self).__name__, defining
        if self.equalize_pairs is not None:
            equal = self._find_groups("equalize_pairs", self.equalize_pairs)
        in_groups = Counter(row for rows in equal for row in rows.tolist())
        twice = [row for row, count in in_groups.items() if count > 1]
        if twice:
            raise ValueError(
                f"A word can be equalised with one group only; "
                f"{sorted_words(self.vocabulary_)[twice[0]]!r} is in several of the "
                f"'equalize_pairs' of {name} (None takes the 'definitional_pairs')."
            )
        if self.neutral_words is None:
            kept = {row for rows in (*defining, *equal) for row in rows.tolist()}
            known = self.vocabulary_
            specific = () if self.specific_words is None else self.specific_words
            kept |= {known[word] for word in specific if word in known}
            neutral = [row for row in range(len(known)) if row not in kept]
            return equal, np.array(neutral, dtype=np.intp)
        neutral = np.unique(find_rows(self, self.neutral_words, "neutral_words"))
        both = [row for row in neutral.tolist() if row in in_groups]
        if both or self.specific_words is not None:
            raise ValueError(
                f"The 'neutral_words' parameter of {name} must be None where "
                f"'specific_words' is given, and have no word of an equalised pair; "
                f"got {self.specific_words!r} as 'specific_words', and "
                f"{[sorted_words(self.vocabulary_)[row] for row in both]} in pairs."
            )
        return equal, neutral

    def _bias(self, vectors):
        """Return the components of vectors along the bias."""
        return vectors @ self.bias_direction_.T @ self.bias_direction_

    def _without_bias(self, vectors):
        # What cancels leaves a rounding error, which would become a direction of its
        # own where nothing else is left.
        rest = vectors - self._bias(vectors)
        rest[np.linalg.norm(rest, axis=1) < 1e-6] = 0
        return rest

    def _equalize(self, vectors):
        """Return vectors of length 1 that are equal in all but the bias."""
        mean = vectors.mean(axis=0, keepdims=True)
        shared = mean - self._bias(mean)
        bias = normalize(self._bias(vectors - mean))
        return shared + np.sqrt(max(0.0, 1 - np.sum(shared**2))) * bias

    def _measure(self, units):
        """Return the direct bias of vectors of length 1."""
        if not len(units):
            return 0.0
        cosines = np.linalg.norm(units @ self.bias_direction_.T, axis=1)
        return float(np.mean(cosines**self.strictness))

    def direct_bias(self, words):
        """Measure how much of words lies along the bias.

        Parameters
        ----------
        words : list of str
            The words.

        Returns
        -------
        bias : float
            The mean size of the cosine of the angle between the word's vector in
            `vectors_` and the bias, to the power of `strictness`. Between 0 and 1.

        Raises
        ------
        KeyError
            If a word is not known.
        """
        check_is_fitted(self)
        rows = find_rows(self, words, "words")
        return self._measure(normalize(self.vectors_[rows].astype(np.float64)))

    def transform(self, X):
        """Return the vectors of documents, without the bias.

        Parameters
        ----------
        X : iterable
            Documents as `embedding` takes them.

        Returns
        -------
        X_new : ndarray of shape (n_documents, n_features_out)
            What `embedding` makes of them with the new vectors.
        """
        check_is_fitted(self)
        return self.embedding_.transform(X)

    @property
    def _n_features_out(self):
        # Documents may become something else than one vector each.
        inside = find_embedding(self.embedding_, type(self).__name__)
        return getattr(inside, "_n_features_out", self.vectors_.shape[1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = deepcopy(get_tags(self.embedding).input_tags)
        return tags
