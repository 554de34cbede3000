"""Texts as characters."""

from sklearn_dl.text._counting_tokenizer import BaseCountingTokenizer

__all__ = ["CharTokenizer"]


class CharTokenizer(BaseCountingTokenizer):
    """Cut texts into characters.

    Read more in the :ref:`User Guide <tokens>`.

    Parameters
    ----------
    lowercase : bool, default=False
        Whether texts are made lower case first.

    min_count : int, default=1
        Characters that are rarer than that in the training texts are unknown.

    max_features : int, default=None
        Number of characters that are known, the most frequent ones. None knows all.

    unknown_token : str, default="<UNK>"
        What stands for unknown characters. None drops them.

    unknown_share : float, default=0.0
        Share of the known characters that :meth:`fit_transform` makes unknown, so that
        a network learns what an unknown character is. Occurrences are drawn at random,
        those of rare characters rather than those of frequent ones; one of each
        character stays.

    random_state : int, RandomState instance, default=None
        Determines which characters `unknown_share` takes.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The known characters by falling count, behind `unknown_token`.

    See Also
    --------
    WordTokenizer : Cuts texts into words, and has more on the use with scikit-learn.
    BytePairTokenizer : Cuts texts into parts of words.
    SequenceEncoder : Makes numbers of tokens, for networks.

    Examples
    --------
    >>> from sklearn_dl.text import CharTokenizer
    >>> tokenizer = CharTokenizer().fit(["pug hug", "pun"])
    >>> tokens = tokenizer.transform(["hugs"])
    >>> tokens[0]
    ['h', 'u', 'g', '<UNK>']
    >>> tokenizer.inverse_transform(tokens)[0]
    'hug<UNK>'
    """

    def __init__(
        self,
        *,
        lowercase=False,
        min_count=1,
        max_features=None,
        unknown_token="<UNK>",
        unknown_share=0.0,
        random_state=None,
    ):
        self.lowercase = lowercase
        self.min_count = min_count
        self.max_features = max_features
        self.unknown_token = unknown_token
        self.unknown_share = unknown_share
        self.random_state = random_state

    def split(self, text):
        """Cut one text into tokens, whether they are known or not.

        This needs no fit. It is what a vectorizer of scikit-learn can take, which
        learns a vocabulary of its own.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        tokens : list of str
            Its tokens.
        """
        return self._split_one(text)

    def tokenize(self, text):
        """Cut one text into tokens, as a function for others.

        A fitted tokenizer can be called, too. But scikit-learn clones the parameters
        of its vectorizers, by which a tokenizer is no longer fitted; this method of a
        fitted one stays what it is.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        tokens : list of str
            Its tokens.
        """
        return self._tokenize_one(text)

    def _split(self, texts):
        return [list(text.lower() if self.lowercase else text) for text in texts]

    def _join(self, tokens):
        return "".join(tokens)
