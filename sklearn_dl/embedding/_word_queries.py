"""What can be asked of word vectors, whatever they come from."""

import os
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_dl.embedding._evaluation import evaluate_analogies, evaluate_similarity
from sklearn_dl.embedding._formats import (
    write_counts,
    write_vectors,
)
from sklearn_dl.embedding._queries import (
    find_rows,
    normalize,
    rank_words,
    resolve,
    sorted_words,
)
from sklearn_dl.utils._sklearn import Interval, validate_parameter_constraints

_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")
_CONSTRAINTS = {
    "n_words": [_AT_LEAST_ONE, None],
    "max_words": [_AT_LEAST_ONE, None],
    "restrict_vocabulary": [_AT_LEAST_ONE, None],
    "case_insensitive": ["boolean"],
    "binary": ["boolean"],
    "delimiter": [str],
    "encoding": [str],
    "unicode_errors": [str],
    "path": [str, os.PathLike],
    "vocabulary_path": [str, os.PathLike, None],
}


def check_arguments(owner, method, **parameters):
    """Check the arguments of a method against what their names stand for.

    Parameters
    ----------
    owner : type
        The class, for messages.

    method : str
        The name of the method, for messages.

    **parameters : dict
        The arguments by name.

    Raises
    ------
    ValueError
        If one of them is not as it must be.
    """
    constraints = {name: _CONSTRAINTS[name] for name in parameters}
    caller = f"{owner.__name__}.{method}"
    validate_parameter_constraints(constraints, parameters, caller_name=caller)


class WordQueriesMixin:
    """Queries, examinations and files of a fitted estimator with word vectors.

    It asks for two attributes of the estimator: `vectors_` (n_words, n_components) and
    `vocabulary_`, the row of each word, the most frequent first; and takes a third,
    `word_counts_` (n_words,), where there is one.
    """

    def similarity(self, word, other):
        """Return the cosine of the angle between two words.

        Parameters
        ----------
        word : str or ndarray of shape (n_components,)
            A word, or a vector.

        other : str or ndarray of shape (n_components,)
            Another.

        Returns
        -------
        similarity : float
            Between -1 and 1; 0 if one of the vectors is 0.

        Raises
        ------
        KeyError
            If a word is not known.
        """
        check_is_fitted(self)
        pair = []
        for name, item in (("word", word), ("other", other)):
            vectors, _ = resolve(self, item, name)
            if len(vectors) != 1:
                raise TypeError(
                    f"The {name!r} parameter of {type(self).__name__}.similarity must "
                    f"be one word or one vector, got {item!r}."
                )
            pair.append(normalize(vectors)[0])
        return float(pair[0] @ pair[1])

    def most_similar(
        self, positive=None, negative=None, n_words=10, *, restrict_vocabulary=None
    ):
        """Find the words that are most similar to some and least to others.

        The query is the sum of the positive vectors less the negative ones, those of
        words at length 1. This is 3CosAdd of [1]_, as gensim has it.

        Parameters
        ----------
        positive : str, ndarray or list of them, default=None
            Words or vectors. Vectors are taken at the length that they have.

        negative : str, ndarray or list of them, default=None
            Words or vectors.

        n_words : int, default=10
            How many words are returned. None is all of them.

        restrict_vocabulary : int, default=None
            Only so many words, the most frequent ones, are searched. None is all.

        Returns
        -------
        words : list of (str, float)
            Words and their cosines with the query, the most similar first. Words of
            the query are not among them.

        Raises
        ------
        KeyError
            If a word is not known.
        ValueError
            If neither a positive nor a negative word is given.

        References
        ----------
        .. [1] O. Levy and Y. Goldberg, "Linguistic regularities in sparse and explicit
           word representations", CoNLL 2014.
        """
        check_is_fitted(self)
        check_arguments(
            type(self),
            "most_similar",
            n_words=n_words,
            restrict_vocabulary=restrict_vocabulary,
        )
        wanted, wanted_rows = resolve(self, positive, "positive")
        unwanted, unwanted_rows = resolve(self, negative, "negative")
        if not len(wanted) and not len(unwanted):
            raise ValueError(
                f"The 'positive' or the 'negative' parameter of "
                f"{type(self).__name__}.most_similar must hold a word or a vector, got "
                f"{positive!r} and {negative!r}."
            )
        query = wanted.sum(axis=0) - unwanted.sum(axis=0)
        excluded = wanted_rows + unwanted_rows
        return rank_words(self, query, excluded, n_words, restrict_vocabulary)

    def analogy(self, a, b, c, n_words=1):
        """Answer the question what is to c as b is to a.

        Parameters
        ----------
        a : str
            A word, such as "man".

        b : str
            What belongs to it, such as "king".

        c : str
            Another word, such as "woman".

        n_words : int, default=1
            How many answers are returned. None is all words.

        Returns
        -------
        words : list of (str, float)
            Words and their cosines with b - a + c, the most similar first; none of the
            three is among them.

        Raises
        ------
        KeyError
            If a word is not known.
        """
        return self.most_similar([b, c], [a], n_words)

    def doesnt_match(self, words):
        """Find the word that does not go with the others.

        Parameters
        ----------
        words : list of str
            The words.

        Returns
        -------
        word : str
            The word that is least similar to the mean of all, each at length 1.

        Raises
        ------
        KeyError
            If a word is not known.
        ValueError
            If there are no words.
        """
        check_is_fitted(self)
        rows = find_rows(self, words, "words")
        if not len(rows):
            raise ValueError(
                f"The 'words' parameter of {type(self).__name__}.doesnt_match must "
                f"hold words, got {words!r}."
            )
        units = normalize(self.vectors_[rows])
        row = rows[np.argmin(units @ units.sum(axis=0))]
        return sorted_words(self.vocabulary_)[row]

    def evaluate_analogies(
        self, path, *, restrict_vocabulary=300000, case_insensitive=True
    ):
        """Answer the analogies in a file.

        Questions with a word that is not known are left out. The answer is never one
        of the three words of the question.

        Parameters
        ----------
        path : str or path-like
            A file in the format of `questions-words.txt` [1]_: lines of four words, in
            sections whose names stand in lines ': name' above. It may be compressed,
            if its name ends in ".gz".

        restrict_vocabulary : int, default=300000
            Only so many words, the most frequent ones, take part. None is all.

        case_insensitive : bool, default=True
            Whether capitals make no difference. Of several ways to write a word the
            most frequent one counts.

        Returns
        -------
        result : Bunch
            The `accuracy`, a share, 0 where no question could be asked; `n_correct`,
            `n_questions` and `n_unknown`, the number of questions left out; and
            `sections`, a dictionary with the same for each section.

        Raises
        ------
        ValueError
            If there is no question in the file.

        References
        ----------
        .. [1] T. Mikolov, K. Chen, G. Corrado and J. Dean, "Efficient estimation of
           word representations in vector space", arXiv 1301.3781.
        """
        check_is_fitted(self)
        check_arguments(
            type(self),
            "evaluate_analogies",
            path=path,
            restrict_vocabulary=restrict_vocabulary,
            case_insensitive=case_insensitive,
        )
        return evaluate_analogies(self, path, restrict_vocabulary, case_insensitive)

    def evaluate_similarity(
        self,
        path,
        *,
        delimiter="\t",
        restrict_vocabulary=300000,
        case_insensitive=True,
    ):
        r"""Compare similarities with what people said.

        Parameters
        ----------
        path : str or path-like
            A file of lines with two words and a number, such as WordSim-353 and
            SimLex-999. Other lines are skipped, and those that begin with "#". It may
            be compressed, if its name ends in ".gz".

        delimiter : str, default="\t"
            What stands between the words and the number.

        restrict_vocabulary : int, default=300000
            Only so many words, the most frequent ones, take part. None is all.

        case_insensitive : bool, default=True
            Whether capitals make no difference. Of several ways to write a word the
            most frequent one counts.

        Returns
        -------
        result : Bunch
            The correlations `pearson` and `spearman` between the numbers and the
            cosines; `n_pairs`, the number of pairs that they are over; and `unknown`,
            the share of pairs with a word that is not known.

        Raises
        ------
        ValueError
            If there are less than two pairs of known words.
        """
        check_is_fitted(self)
        check_arguments(
            type(self),
            "evaluate_similarity",
            path=path,
            delimiter=delimiter,
            restrict_vocabulary=restrict_vocabulary,
            case_insensitive=case_insensitive,
        )
        return evaluate_similarity(
            self, path, delimiter, restrict_vocabulary, case_insensitive
        )

    def to_word2vec_format(
        self, path, *, binary=False, vocabulary_path=None, encoding="utf8"
    ):
        """Write the vectors to a file of word2vec.

        Parameters
        ----------
        path : str or path-like
            The file. It is compressed if its name ends in ".gz".

        binary : bool, default=False
            Whether numbers are written as the bytes of float32, or in decimal.

        vocabulary_path : str or path-like, default=None
            A second file, for the counts of the words. None writes none.

        encoding : str, default="utf8"
            The encoding of the words.

        Raises
        ------
        ValueError
            If a word has a space or a newline, or if there are no counts to write.
        """
        check_is_fitted(self)
        check_arguments(
            type(self),
            "to_word2vec_format",
            path=path,
            binary=binary,
            vocabulary_path=vocabulary_path,
            encoding=encoding,
        )
        self._write(path, vocabulary_path, binary, encoding, header=True)

    def to_glove_format(self, path, *, vocabulary_path=None, encoding="utf8"):
        """Write the vectors to a text file of GloVe: as word2vec's, but no header.

        Parameters
        ----------
        path : str or path-like
            The file. It is compressed if its name ends in ".gz".

        vocabulary_path : str or path-like, default=None
            A second file, for the counts of the words. None writes none.

        encoding : str, default="utf8"
            The encoding of the words.

        Raises
        ------
        ValueError
            If a word has a newline or the first one a space, or if there are no counts
            to write.
        """
        check_is_fitted(self)
        check_arguments(
            type(self),
            "to_glove_format",
            path=path,
            vocabulary_path=vocabulary_path,
            encoding=encoding,
        )
        self._write(path, vocabulary_path, False, encoding, header=False)

    def _write(self, path, vocabulary_path, binary, encoding, *, header):
        words = sorted_words(self.vocabulary_)
        if vocabulary_path is not None:
            if not hasattr(self, "word_counts_"):
                raise ValueError(
                    f"{type(self).__name__} does not know how often its words occur, "
                    f"and so 'vocabulary_path' must be None, got {vocabulary_path!r}."
                )
            write_counts(vocabulary_path, words, self.word_counts_, encoding)
        vectors = self.vectors_
        write_vectors(
            path, words, vectors, binary=binary, header=header, encoding=encoding
        )

    def to_gensim(self):
        """Return the vectors as an object of gensim.

        Returns
        -------
        keyed_vectors : gensim.models.KeyedVectors
            Copies of the vectors, and the counts of the words where they are known.

        Raises
        ------
        ImportError
            If gensim is not installed.
        """
        check_is_fitted(self)
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise ImportError(
                f"{type(self).__name__}.to_gensim needs gensim: "
                f"pip install 'sklearn_dl[embedding]'."
            ) from error
        keyed_vectors = KeyedVectors(self.vectors_.shape[1], dtype=self.vectors_.dtype)
        keyed_vectors.add_vectors(sorted_words(self.vocabulary_), self.vectors_)
        if hasattr(self, "word_counts_"):
            keyed_vectors.expandos["count"] = self.word_counts_.astype(np.int64)
        return keyed_vectors
