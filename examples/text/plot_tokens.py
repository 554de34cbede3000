"""
=========================
How to cut texts to words
=========================

A vocabulary is never complete: new texts have new words. What is lost by that depends
on what the tokens are: words, stems of words, parts of words, or characters.
"""

# %%
# The texts
# =========
#
# Python's own manual, as far as its interactive help has it. Half of the topics are
# read, the others are new.

from pydoc_data.topics import topics

from sklearn_dl.text import (
    BytePairTokenizer,
    Lemmatizer,
    PorterStemmer,
    StopWordFilter,
    WordTokenizer,
)

names = sorted(topics)
train = [topics[name] for name in names[::2]]
test = [topics[name] for name in names[1::2]]
print(f"{len(train)} topics to read, {len(test)} to test")
sentence = "The generators iterated lazily, yielding hashable mappings."

# %%
# One sentence, six times
# =======================
#
# A byte-pair tokenizer has seen no "lazily" and makes it of parts. "▁" is a blank,
# which belongs to the word behind it.

byte_pairs = BytePairTokenizer(vocab_size=2000).fit(train)
ways = {
    "words": WordTokenizer().split,
    "known words": WordTokenizer(min_count=5).fit(train).tokenize,
    "stems": WordTokenizer(normalizer=PorterStemmer()).split,
    "lemmas": WordTokenizer(normalizer=Lemmatizer()).split,
    "without stop words": WordTokenizer(normalizer=StopWordFilter()).split,
    "byte pairs": byte_pairs.tokenize,
}
for name, cut in ways.items():
    print(f"{name:19}", *cut(sentence))
print("\nthe last merges:", *map("+".join, byte_pairs.merges_[-5:]))

# %%
# What is unknown, and what it costs
# ==================================
#
# For vocabularies of several sizes: the share of the tokens of the other half that are
# unknown, and the number of tokens that a word becomes. A vocabulary of words leaves
# some unknown however large it is, since all that the first half has are in it. Stems
# are fewer, and so more of them are known. Byte pairs leave nothing unknown but a
# character that was never seen, and pay with more tokens, the more the smaller the
# vocabulary is.

import matplotlib.pyplot as plt

SIZES = [200, 500, 1000, 2000, 5000, 10_000]


def count(tokenizer):
    """Return the number of tokens of the other half, and how many are unknown."""
    rows = tokenizer.fit(train).transform(test)
    return sum(map(len, rows)), sum(row.count("<UNK>") for row in rows)


tokenizers = {
    "words": lambda size: WordTokenizer(max_features=size),
    "stems": lambda size: WordTokenizer(normalizer=PorterStemmer(), max_features=size),
    "byte pairs": lambda size: BytePairTokenizer(vocab_size=size, lowercase=True),
}
n_words = sum(map(len, map(WordTokenizer().split, test)))
_, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for name, make in tokenizers.items():
    counts = [count(make(size)) for size in SIZES]
    unknown = [n_unknown / n_tokens for n_tokens, n_unknown in counts]
    lengths = [n_tokens / n_words for n_tokens, _ in counts]
    print(f"{name:10} unknown:", *(f"{share:.4f}" for share in unknown))
    left.plot(SIZES, unknown, "o-", label=name)
    right.plot(SIZES, lengths, "o-", label=name)
for ax in (left, right):
    ax.set(xscale="log", xlabel="Size of the vocabulary", ylim=(0, None))
    ax.set_xticks(SIZES, SIZES)
    ax.minorticks_off()
left.set(ylabel="Share of unknown tokens")
right.set(ylabel="Tokens for each word or mark")
left.legend()
plt.show()
