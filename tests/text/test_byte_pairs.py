"""Byte pairs: the worked example, round trips, files."""

import builtins
import json
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_dl.text import BytePairTokenizer

tokenizers = pytest.importorskip("tokenizers")

COUNTS = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
TEXTS = [
    "I'm a  cat, mat  \n\t and naïve é ü x ",
    "the theme of the themes, 1234 and 123",
    "日本語 हिन्दी 🙂",
    "",
]


def pairs_by_hand(counts, n_merges):
    """Merge as the paper does."""
    words = {tuple(word): count for word, count in counts.items()}
    order = {letter: k for k, letter in enumerate(sorted({*"".join(counts)}))}
    merges = []
    for _ in range(n_merges):
        seen = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                seen[pair] += count
        best = min(seen, key=lambda p: (-seen[p], order[p[0]], order[p[1]]))
        merges.append(best)
        order["".join(best)] = len(order)
        merged = {}
        for word, count in words.items():
            parts = []
            for part in word:
                if parts and (parts[-1], part) == best:
                    parts[-1] += part
                else:
                    parts.append(part)
            merged[tuple(parts)] = merged.get(tuple(parts), 0) + count
        words = merged
    return merges


def test_the_worked_example():
    tokenizer = BytePairTokenizer(vocab_size=10, unknown_token=None).fit(COUNTS)
    assert tokenizer.merges_ == [("u", "g"), ("u", "n"), ("h", "ug")]
    tokens = [*"bghnpsu", "ug", "un", "hug"]
    assert tokenizer.vocabulary_ == {token: k for k, token in enumerate(tokens)}
    for word, parts in {
        "hug": ["hug"],
        "hugs": ["hug", "s"],
        "pug": ["p", "ug"],
        "bun": ["b", "un"],
        "mug": ["ug"],
    }.items():
        assert tokenizer(word) == parts


def test_the_worked_example_with_unknown_letters():
    tokenizer = BytePairTokenizer(vocab_size=11).fit(COUNTS)
    assert list(tokenizer.vocabulary_) == ["<UNK>", *"bghnpsu", "ug", "un", "hug"]
    assert tokenizer("mug") == ["<UNK>", "ug"]
    # No word had a blank in front, and nothing is known of blanks.
    assert tokenizer("hug pug") == ["hug", "p", "ug"]


def test_counts_are_those_of_texts():
    texts = [word for word, count in COUNTS.items() for _ in range(count)]
    from_texts = BytePairTokenizer(vocab_size=12).fit(texts)
    assert from_texts.merges_ == BytePairTokenizer(vocab_size=11).fit(COUNTS).merges_
    text = "the cat and the hat, and the dog and the cats "
    words = Counter(re.findall(r" ?\w+| ?[^\w\s]+|\s+", text))
    one = BytePairTokenizer(min_frequency=1).fit([text])
    other = BytePairTokenizer(min_frequency=1).fit(words)
    assert one.vocabulary_ == other.vocabulary_
    assert one.merges_ == other.merges_
    assert one.tokenize(text) == other.tokenize(text)


def test_merges_are_those_of_the_paper():
    counts = Counter(" ".join(TEXTS[1:2] * 2 + ["there they then hugs thug"]).split())
    letters = {*"".join(counts)}
    words = {word: n for word, n in counts.items() if word.isalpha()}
    letters = {*"".join(words)}
    size = len(letters) + 12
    tokenizer = BytePairTokenizer(vocab_size=size, unknown_token=None, min_frequency=1)
    assert tokenizer.fit(words).merges_ == pairs_by_hand(words, 12)


def test_ties_do_not_depend_on_the_order_of_the_words():
    words = {f"{a}{b}{c}": 3 for a in "abcd" for b in "efgh" for c in "ijkl"}
    one = BytePairTokenizer(vocab_size=40).fit(words)
    other = BytePairTokenizer(vocab_size=40).fit(dict(reversed(words.items())))
    assert one.tokenizer_json_ == other.tokenizer_json_
    assert one.merges_ == pairs_by_hand(words, len(one.merges_))


def test_rare_pairs_are_not_merged():
    tokenizer = BytePairTokenizer(min_frequency=15).fit(COUNTS)
    assert tokenizer.merges_ == [("u", "g"), ("u", "n"), ("h", "ug")]
    assert BytePairTokenizer(min_frequency=17).fit(COUNTS).merges_ == [("u", "g")]


def test_all_characters_are_known_however_small_the_vocabulary():
    tokenizer = BytePairTokenizer(vocab_size=2).fit(COUNTS)
    assert list(tokenizer.vocabulary_) == ["<UNK>", *"bghnpsu"]


def test_letters_digits_and_marks_do_not_mix():
    text = "ab12!? " * 20
    tokens = {*BytePairTokenizer().fit([text]).vocabulary_} - {"<UNK>"}
    assert {"▁ab", "12", "!?"} <= tokens
    kinds = re.compile("▁?[ab]*|▁?[12]*|▁?[!?]*")
    assert [token for token in tokens if not kinds.fullmatch(token)] == []


@pytest.mark.parametrize("byte_level", [True, False])
def test_known_characters_come_back(byte_level):
    tokenizer = BytePairTokenizer(vocab_size=400, byte_level=byte_level).fit(TEXTS)
    texts = [*TEXTS, "   the 日\n\n cat", " "]
    tokens = tokenizer.transform(texts)
    assert tokenizer.inverse_transform(tokens).tolist() == texts


@given(st.text())
@example("é")
@example("<s>é é<s>\n <s> ")
@example("▁a Ġa <UNK>")
@example("\x00\u200d\U0010ffff")
def test_bytes_give_every_text_back(text):
    tokenizer = byte_tokenizer()
    (tokens,) = tokenizer.transform([text])
    assert {*tokens} <= {*tokenizer.vocabulary_}
    assert tokenizer.inverse_transform([tokens]).tolist() == [text]


def byte_tokenizer(cache={}):  # noqa: B006
    if not cache:
        tokenizer = BytePairTokenizer(
            vocab_size=300, byte_level=True, special_tokens=["<s>", "é"]
        )
        cache["fitted"] = tokenizer.fit(TEXTS)
    return cache["fitted"]


def test_bytes_have_all_their_tokens():
    tokenizer = BytePairTokenizer(vocab_size=256, byte_level=True).fit(["a"])
    assert len(tokenizer.vocabulary_) == 256
    assert "<UNK>" not in tokenizer.vocabulary_
    assert tokenizer("é") == ["Ã", "©"]


def test_special_tokens_are_never_cut():
    tokenizer = BytePairTokenizer(special_tokens=["<s>", "</s>"]).fit(["a b a b"])
    assert list(tokenizer.vocabulary_)[:3] == ["<UNK>", "<s>", "</s>"]
    tokens = tokenizer("<s>a b</s>")
    assert tokens == ["<s>", "a", "▁b", "</s>"]
    assert tokenizer.inverse_transform([tokens]).tolist() == ["<s>a b</s>"]


def test_lower_case():
    tokenizer = BytePairTokenizer(lowercase=True, min_frequency=1).fit(["ÄB äb"])
    assert tokenizer("Äb") == ["äb"]
    assert tokenizer("A ÄB") == ["<UNK>", "▁äb"]
    assert BytePairTokenizer(lowercase=True).fit({"AB": 2})("Ab") == ["ab"]


def test_a_clone_is_another_tokenizer():
    one, other = (BytePairTokenizer().fit([text] * 9) for text in ("ab ab", "cd cd"))
    assert (one("ab cd")[0], other("ab cd")[-1]) == ("ab", "▁cd")
    with pytest.raises(NotFittedError):
        clone(one).transform(["ab"])


def test_a_refit_forgets():
    tokenizer = BytePairTokenizer().fit(["ab ab"])
    assert tokenizer.fit(["cd cd"] * 9).tokenize("ab cd")[-1] == "▁cd"
    assert "a" not in tokenizer.vocabulary_


# -- files of Hugging Face -------------------------------------------------------------


@pytest.mark.parametrize("byte_level", [True, False])
def test_files_go_to_and_fro(tmp_path, byte_level):
    ours = BytePairTokenizer(
        vocab_size=300, byte_level=byte_level, lowercase=True, special_tokens=["<s>"]
    ).fit(TEXTS)
    path = tmp_path / "tokenizer.json"
    path.write_text(ours.tokenizer_json_, encoding="utf-8")
    theirs = tokenizers.Tokenizer.from_file(str(path))
    assert [theirs.encode(text).tokens for text in TEXTS] == [*map(ours, TEXTS)]
    assert theirs.get_vocab() == ours.vocabulary_

    again = BytePairTokenizer.from_file(path)
    assert again.merges_ == ours.merges_
    assert again.vocabulary_ == ours.vocabulary_
    assert [*map(again, TEXTS)] == [*map(ours, TEXTS)]
    tokens = ours.transform(TEXTS)
    texts = ours.inverse_transform(tokens).tolist()
    assert again.inverse_transform(tokens).tolist() == texts
    assert again.get_params() == {
        **ours.get_params(),
        "vocab_size": len(ours.vocabulary_),
        "unknown_token": None if byte_level else "<UNK>",
        "special_tokens": ("<s>",),
    }
    assert clone(again).fit(TEXTS).merges_ == ours.merges_


def foreign_file(path, **model):
    """Write a file as others make them."""
    live = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[U]", **model))
    live.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.BpeTrainer(
        special_tokens=["[U]", "[CLS]"], show_progress=False, end_of_word_suffix="</w>"
    )
    live.train_from_iterator(["hug pug hugs"] * 3, trainer)
    live.decoder = tokenizers.decoders.BPEDecoder()
    live.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 1)]
    )
    live.enable_padding(length=9)
    live.enable_truncation(2)
    live.save(str(path))
    return live


def test_a_foreign_file_cuts_texts_and_no_more(tmp_path):
    foreign_file(tmp_path / "t.json", dropout=0.5)
    tokenizer = BytePairTokenizer.from_file(str(tmp_path / "t.json"))
    for _ in range(5):
        assert tokenizer("hugs pug hug!") == ["hugs</w>", "pug</w>", "hug</w>", "[U]"]
    texts = tokenizer.inverse_transform([["hugs</w>", "pug</w>"]])
    assert texts.tolist() == ["hugs pug"]
    assert tokenizer.unknown_token == "[U]"
    assert tokenizer.special_tokens == ("[CLS]",)


def test_a_file_without_a_decoder_puts_blanks(tmp_path):
    live = foreign_file(tmp_path / "t.json")
    state = json.loads(live.to_str())
    state["decoder"] = None
    (tmp_path / "t.json").write_text(json.dumps(state))
    tokenizer = BytePairTokenizer.from_file(tmp_path / "t.json")
    assert tokenizer.inverse_transform([["a", "b"]]).tolist() == ["a b"]


def test_files_that_are_none_are_refused(tmp_path):
    path = tmp_path / "t.json"
    for content in ("no json", "{}", "[]", '{"model": 3}', '{"model": {}}'):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"BytePairTokenizer.from_file .*t\.json"):
            BytePairTokenizer.from_file(path)
    live = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a"))
    live.save(str(path))
    with pytest.raises(ValueError, match=r"type 'BPE', '.*t\.json' has 'WordLevel'"):
        BytePairTokenizer.from_file(path)
    with pytest.raises(FileNotFoundError):
        BytePairTokenizer.from_file(tmp_path / "nowhere.json")


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"vocab_size": 0}, "'vocab_size' parameter"),
        ({"min_frequency": 0}, "'min_frequency' parameter"),
        ({"byte_level": "yes"}, "'byte_level' parameter"),
        ({"special_tokens": "<s>"}, "'special_tokens' parameter"),
        ({"special_tokens": ["<s>", ""]}, "special_tokens of BytePairTokenizer"),
        ({"special_tokens": [3]}, "special_tokens of BytePairTokenizer"),
        (
            {"vocab_size": 257, "byte_level": True, "special_tokens": ["<a>", "<b>"]},
            "vocab_size of BytePairTokenizer must be at least 258 .* got 257",
        ),
    ],
)
def test_wrong_parameters_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(**params).fit(TEXTS)


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        ({}, ValueError, "BytePairTokenizer expects words, X has none"),
        ({"a": 0}, ValueError, "BytePairTokenizer expects words, X has none"),
        ({"a": -1}, ValueError, "whole numbers from 0 on, X has -1 for 'a'"),
        ({"a": 1.5}, ValueError, "whole numbers from 0 on, X has 1.5 for 'a'"),
        ({3: 1}, TypeError, "X has the key 3 of type int"),
        (["", "  "], ValueError, "BytePairTokenizer expects words, X has none"),
        ([], ValueError, "BytePairTokenizer expects words, X has none"),
    ],
)
def test_what_has_no_words_is_refused(counts, error, message):
    with pytest.raises(error, match=message):
        BytePairTokenizer().fit(counts)


def test_without_the_library_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "tokenizers":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'sklearn_dl\[text\]'"):
        BytePairTokenizer().fit(COUNTS)


def test_half_of_a_surrogate_pair_is_named():
    tokenizer = BytePairTokenizer(vocab_size=50).fit(["the cat sat"])
    with pytest.raises(ValueError, match="text 1 has half of a surrogate pair"):
        tokenizer.transform(["a", "\ud800 b"])
