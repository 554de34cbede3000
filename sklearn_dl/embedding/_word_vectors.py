"""Word vectors that come from files or from gensim."""

import numpy as np

from sklearn_dl.embedding._formats import (
    read_counts,
    read_glove,
    read_word2vec,
    unique_words,
)
from sklearn_dl.embedding._word_queries import WordQueriesMixin, check_arguments


class WordVectorsMixin(WordQueriesMixin):
    """Queries, examinations and files of an estimator with word vectors.

    The estimator can be constructed without arguments. Those that are made of a file
    have their parameters' defaults, but for `n_components`, the width in the file.
    """

    @classmethod
    def from_word2vec_format(
        cls,
        path,
        *,
        binary=False,
        vocabulary_path=None,
        max_words=None,
        encoding="utf8",
        unicode_errors="strict",
    ):
        """Make a fitted estimator of a file of word2vec.

        It is what word2vec.c, gensim and fastText write.

        Parameters
        ----------
        path : str or path-like
            The file. It may be compressed, if its name ends in ".gz".

        binary : bool, default=False
            Whether it is in the binary format.

        vocabulary_path : str or path-like, default=None
            A second file, with the counts of the words, lines 'word count'. None
            leaves them unknown.

        max_words : int, default=None
            Only so many words are read. None is all.

        encoding : str, default="utf8"
            The encoding of the words.

        unicode_errors : {"strict", "replace", "ignore"}, default="strict"
            What becomes of words in another encoding: see :meth:`bytes.decode`.
            word2vec.c cuts long words, which may split a letter.

        Returns
        -------
        estimator : estimator
            It is fitted: it has `vectors_`, `vocabulary_` and, with a
            `vocabulary_path`, `word_counts_`.

        Raises
        ------
        ValueError
            If the file is cut off, or is not what its header says.
        """
        check_arguments(
            cls,
            "from_word2vec_format",
            path=path,
            binary=binary,
            vocabulary_path=vocabulary_path,
            max_words=max_words,
            encoding=encoding,
            unicode_errors=unicode_errors,
        )
        words, vectors = read_word2vec(
            path,
            binary=binary,
            encoding=encoding,
            unicode_errors=unicode_errors,
            max_words=max_words,
        )
        return cls._from_file(
            path, words, vectors, vocabulary_path, encoding, unicode_errors
        )

    @classmethod
    def from_glove_format(
        cls,
        path,
        *,
        vocabulary_path=None,
        max_words=None,
        encoding="utf8",
        unicode_errors="strict",
    ):
        """Make a fitted estimator of a text file of GloVe.

        The first line tells the width of the vectors: the numbers behind its first
        word. In the other lines words may have spaces.

        Parameters
        ----------
        path : str or path-like
            The file. It may be compressed, if its name ends in ".gz".

        vocabulary_path : str or path-like, default=None
            A second file, with the counts of the words, lines 'word count'. None
            leaves them unknown.

        max_words : int, default=None
            Only so many words are read. None is all.

        encoding : str, default="utf8"
            The encoding of the words.

        unicode_errors : {"strict", "replace", "ignore"}, default="strict"
            What becomes of words in another encoding: see :meth:`bytes.decode`.

        Returns
        -------
        estimator : estimator
            It is fitted: it has `vectors_`, `vocabulary_` and, with a
            `vocabulary_path`, `word_counts_`.

        Raises
        ------
        ValueError
            If a line does not have as many numbers as the first one.
        """
        check_arguments(
            cls,
            "from_glove_format",
            path=path,
            vocabulary_path=vocabulary_path,
            max_words=max_words,
            encoding=encoding,
            unicode_errors=unicode_errors,
        )
        words, vectors = read_glove(
            path,
            encoding=encoding,
            unicode_errors=unicode_errors,
            max_words=max_words,
        )
        return cls._from_file(
            path, words, vectors, vocabulary_path, encoding, unicode_errors
        )

    @classmethod
    def _from_file(
        cls, path, words, vectors, vocabulary_path, encoding, unicode_errors
    ):
        words, vectors = unique_words(words, vectors, path)
        counts = None
        if vocabulary_path is not None:
            counts = read_counts(vocabulary_path, words, encoding, unicode_errors)
        return cls._from_words(words, vectors, counts)

    @classmethod
    def from_gensim(cls, keyed_vectors):
        """Make a fitted estimator of vectors of gensim.

        Parameters
        ----------
        keyed_vectors : gensim.models.KeyedVectors
            The vectors: `model.wv` of a model.

        Returns
        -------
        estimator : estimator
            It is fitted: it has copies of the vectors as `vectors_`, `vocabulary_` and,
            if gensim has counts, `word_counts_`. Where gensim has read the vectors
            from a file without counts, it has numbered the words from the last one up.

        Raises
        ------
        TypeError
            If it is anything else, or its keys are not words.
        """
        words = getattr(keyed_vectors, "index_to_key", None)
        if words is None:
            raise TypeError(
                f"The 'keyed_vectors' parameter of {cls.__name__}.from_gensim must be "
                f"gensim.models.KeyedVectors, such as model.wv, got {keyed_vectors!r}."
            )
        wrong = [word for word in words if not isinstance(word, str)]
        if wrong or not words:
            raise TypeError(
                f"The 'keyed_vectors' parameter of {cls.__name__}.from_gensim must "
                f"have words (str) as keys, got "
                f"{f'{wrong[0]!r} among them' if wrong else 'none'}."
            )
        counts = getattr(keyed_vectors, "expandos", {}).get("count")
        return cls._from_words(
            words,
            np.array(keyed_vectors.vectors, dtype=np.float32),
            None if counts is None else np.array(counts, dtype=np.int64),
        )

    @classmethod
    def _from_words(cls, words, vectors, counts):
        estimator = cls()
        if "n_components" in estimator.get_params(deep=False):
            estimator.set_params(n_components=vectors.shape[1])
        estimator.vectors_ = vectors
        estimator.vocabulary_ = {word: row for row, word in enumerate(words)}
        if counts is not None:
            estimator.word_counts_ = counts
        return estimator
