"""Texts as parts of words that often stand together."""

import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain, groupby, repeat
from numbers import Integral
from pathlib import Path

from sklearn_dl.text._tokenizer_base import BaseTokenizer, read_texts
from sklearn_dl.utils._sklearn import Interval, fit_context

__all__ = ["BytePairTokenizer"]

# What stands for a blank, which belongs to the word behind it. Letters, digits and
# marks do not mix in a token.
_BLANK = "▁"
_PIECE = (
    rf"{_BLANK}?[\p{{L}}\p{{M}}]+|{_BLANK}?\p{{N}}+|"
    rf"{_BLANK}?[^\s{_BLANK}\p{{L}}\p{{M}}\p{{N}}]+|"
    rf"{_BLANK}+(?={_BLANK})|{_BLANK}|\s+"
)
_N_BYTES = 256


def _import_tokenizers():
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "BytePairTokenizer needs the library tokenizers: "
            "pip install 'sklearn_dl[text]'."
        ) from error
    return tokenizers


@lru_cache(maxsize=8)
def _load(tokenizer_json):
    """Return the live tokenizer, which no estimator holds: it cannot be saved."""
    return _import_tokenizers().Tokenizer.from_str(tokenizer_json)


class BytePairTokenizer(BaseTokenizer):
    """Cut texts into parts of words, by byte-pair encoding.

    Beginning with single characters, the two neighbours that occur together most often
    in words are merged to a new token, again and again [1]_. Frequent words end up as
    one token, rare words as several, and few or no words are unknown.

    Read more in the :ref:`User Guide <tokens>`.

    Parameters
    ----------
    vocab_size : int, default=10000
        Number of tokens: the characters, what is merged from them, `special_tokens`
        and `unknown_token`. There are fewer if no pair is frequent enough, and more
        if there are more characters than that.

    min_frequency : int, default=2
        Pairs that are rarer than that in the training texts are not merged.

    lowercase : bool, default=False
        Whether texts are made lower case first.

    byte_level : bool, default=False
        Whether bytes take the place of characters, after [2]_. No text is unknown
        then, and :meth:`inverse_transform` gives every text back as it was. All 256
        bytes are in the vocabulary; a blank is written as "Ġ" and other bytes that
        cannot be seen as other letters.

    unknown_token : str, default="<UNK>"
        What stands for unknown characters. None drops them. Without meaning for bytes.

    special_tokens : list of str, default=()
        Tokens that are never cut, such as "<s>", wherever they stand in a text.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The tokens: that for unknown characters, special ones, characters in their
        order, merged ones in the order of the merges.

    merges_ : list of tuple of str
        The pairs that were merged, in order.

    tokenizer_json_ : str
        All that was learned, as the file tokenizer.json of Hugging Face has it.

    See Also
    --------
    WordTokenizer : Cuts texts into words, and has more on the use with scikit-learn.
    CharTokenizer : Cuts texts into characters.
    SequenceEncoder : Makes numbers of tokens, for networks.

    Notes
    -----
    A blank is part of the word behind it, and written as "▁" in the tokens.
    :meth:`inverse_transform` makes blanks of these. In word counts without a blank,
    nothing is to be learned of blanks: spaces between words are then dropped.

    Of pairs that are equally frequent, the one that comes first in `vocabulary_` is
    merged first. The same texts always give the same tokens.

    References
    ----------
    .. [1] R. Sennrich, B. Haddow and A. Birch, "Neural machine translation of rare
       words with subword units", ACL 2016.
    .. [2] A. Radford, J. Wu, R. Child, D. Luan, D. Amodei and I. Sutskever, "Language
       models are unsupervised multitask learners", 2019.

    Examples
    --------
    >>> from sklearn_dl.text import BytePairTokenizer
    >>> counts = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
    >>> tokenizer = BytePairTokenizer(vocab_size=10, unknown_token=None).fit(counts)
    >>> tokenizer.merges_
    [('u', 'g'), ('u', 'n'), ('h', 'ug')]
    >>> list(tokenizer.vocabulary_)
    ['b', 'g', 'h', 'n', 'p', 's', 'u', 'ug', 'un', 'hug']
    >>> tokenizer.tokenize("hugs")
    ['hug', 's']
    """

    _parameter_constraints: dict = {
        "vocab_size": [Interval(Integral, 1, None, closed="left")],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "lowercase": ["boolean"],
        "byte_level": ["boolean"],
        "unknown_token": [str, None],
        "special_tokens": [list, tuple],
    }

    def __init__(
        self,
        *,
        vocab_size=10000,
        min_frequency=2,
        lowercase=False,
        byte_level=False,
        unknown_token="<UNK>",
        special_tokens=(),
    ):
        self.vocab_size = vocab_size
        self.min_frequency = min_frequency
        self.lowercase = lowercase
        self.byte_level = byte_level
        self.unknown_token = unknown_token
        self.special_tokens = special_tokens

    @classmethod
    def from_file(cls, path):
        """Read a fitted tokenizer from a file tokenizer.json of Hugging Face.

        To write such a file, write ``tokenizer_json_`` to it.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        tokenizer : BytePairTokenizer
            A fitted tokenizer. What the file says of padding, truncation and random
            drops of merges is left out. Its parameters are those that the file tells,
            for another fit; a clone of it is not fitted, like any clone.

        Raises
        ------
        ValueError
            If the file holds no byte-pair encoding.
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            state = json.loads(text)
            kind = state["model"].get("type", "BPE")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{cls.__name__}.from_file expects a tokenizer.json of Hugging Face, "
                f"{str(path)!r} is none: {error!r}."
            ) from error
        if kind != "BPE":
            raise ValueError(
                f"{cls.__name__}.from_file expects a model of type 'BPE', "
                f"{str(path)!r} has {kind!r}."
            )
        state["padding"] = state["truncation"] = state["model"]["dropout"] = None
        try:
            live = _import_tokenizers().Tokenizer.from_str(json.dumps(state))
        except Exception as error:  # the library knows no other kind
            raise ValueError(
                f"{cls.__name__}.from_file cannot read {str(path)!r}: {error}."
            ) from error
        tokenizer = cls()._keep(live)
        unknown = state["model"].get("unk_token")
        special = [token["content"] for token in state.get("added_tokens") or []]
        return tokenizer.set_params(
            vocab_size=len(tokenizer.vocabulary_),
            byte_level='"ByteLevel"' in json.dumps(state.get("pre_tokenizer")),
            lowercase='"Lowercase"' in json.dumps(state.get("normalizer")),
            unknown_token=unknown,
            special_tokens=tuple(token for token in special if token != unknown),
        )

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the tokens from texts or from counts of words.

        Parameters
        ----------
        X : iterable of str or mapping of str to int
            The texts, or words with how often they occur. A word with a blank in front
            is one that follows another.

        y : Ignored, default=None
            Ignored.

        Returns
        -------
        self : BytePairTokenizer
            The fitted tokenizer.

        Raises
        ------
        ValueError
            If there is nothing to learn from, or the parameters do not fit together.
        """
        counted = isinstance(X, Mapping)
        texts = self._repeat(X) if counted else read_texts(type(self).__name__, X)
        live = self._make(self._check_special_tokens(), texts, spaces=not counted)
        if not self.byte_level and _BLANK not in live.get_vocab():
            self._ignore_spaces(live)
        return self._keep(live)

    def _repeat(self, counts):
        """Return each word as often as it counts."""
        name = type(self).__name__
        for word, count in counts.items():
            if not isinstance(word, str):
                raise TypeError(
                    f"{name} expects counts of words, X has the key {word!r:.60} of "
                    f"type {type(word).__name__}."
                )
            if not isinstance(count, Integral) or count < 0:
                raise ValueError(
                    f"{name} expects counts that are whole numbers from 0 on, X has "
                    f"{count!r:.60} for {word!r:.60}."
                )
        return chain.from_iterable(repeat(word, n) for word, n in counts.items())

    def _check_special_tokens(self):
        """Return all tokens that stand in front."""
        name, given = type(self).__name__, list(self.special_tokens)
        if not all(isinstance(token, str) and token for token in given):
            raise ValueError(
                f"special_tokens of {name} must be strings that are not empty, got "
                f"{self.special_tokens!r}."
            )
        if self.byte_level:
            least = _N_BYTES + len(set(given))
            if self.vocab_size < least:
                raise ValueError(
                    f"vocab_size of {name} must be at least {least} with byte_level="
                    f"True: all bytes and special tokens, got {self.vocab_size}."
                )
        elif self.unknown_token is not None:
            given = [self.unknown_token, *given]
        return list(dict.fromkeys(given))

    def _make(self, special, texts, spaces):
        """Return a trained tokenizer of the library."""
        library = _import_tokenizers()
        decoders, normalizers = library.decoders, library.normalizers
        splitters, steps = library.pre_tokenizers, []
        if self.lowercase:
            steps.append(normalizers.Lowercase())
        if self.byte_level:
            unknown, alphabet = None, splitters.ByteLevel.alphabet()
            splitter = splitters.ByteLevel(add_prefix_space=False)
            decoder = decoders.ByteLevel()
        else:
            unknown, alphabet = self.unknown_token, [_BLANK] if spaces else []
            steps.append(normalizers.Replace(" ", _BLANK))
            splitter = splitters.Split(library.Regex(_PIECE), "isolated")
            decoder = decoders.Sequence(
                [decoders.Replace(_BLANK, " "), decoders.Fuse()]
            )
        live = library.Tokenizer(library.models.BPE(unk_token=unknown))
        live.normalizer = normalizers.Sequence(steps)
        live.pre_tokenizer, live.decoder = splitter, decoder
        trainer = library.trainers.BpeTrainer(
            vocab_size=self.vocab_size,
            min_frequency=self.min_frequency,
            special_tokens=special,
            initial_alphabet=alphabet,
            show_progress=False,
        )
        live.train_from_iterator(texts, trainer)
        n_given = len(special) + len(alphabet)
        if not self.byte_level and len(live.get_vocab()) <= n_given:
            raise ValueError(f"{type(self).__name__} expects words, X has none.")
        return live

    def _ignore_spaces(self, live):
        """Let words stand alone: the training words had no blanks."""
        library = _import_tokenizers()
        splitters, normalizers = library.pre_tokenizers, library.normalizers
        live.normalizer = normalizers.Sequence(
            [normalizers.Lowercase()] if self.lowercase else []
        )
        live.pre_tokenizer = splitters.Sequence(
            [splitters.WhitespaceSplit(), live.pre_tokenizer]
        )

    def _keep(self, live):
        """Keep what was learned as data."""
        self.tokenizer_json_ = live.to_str()
        model = json.loads(self.tokenizer_json_)["model"]
        self.merges_ = [tuple(pair) for pair in model["merges"]]
        ranked = sorted(live.get_vocab().items(), key=lambda item: item[1])
        self.vocabulary_ = dict(ranked)
        return self

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

    def _tokenize(self, texts):
        for position, text in enumerate(texts):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise ValueError(
                    f"{type(self).__name__} expects texts that have an encoding, text "
                    f"{position} has half of a surrogate pair: {text!r:.80}."
                ) from None
        encodings = _load(self.tokenizer_json_).encode_batch(
            texts, add_special_tokens=False
        )
        return [encoding.tokens for encoding in encodings]

    def _join(self, tokens):
        live = _load(self.tokenizer_json_)
        if live.decoder is None:
            return " ".join(tokens)
        if not self.byte_level:
            return live.decoder.decode(tokens)
        # The letters of special tokens do not stand for bytes.
        special = {token.content for token in live.get_added_tokens_decoder().values()}
        return "".join(
            "".join(run) if is_special else live.decoder.decode([*run])
            for is_special, run in groupby(tokens, special.__contains__)
        )
