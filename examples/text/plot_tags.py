"""
=========================
What the context can tell
=========================

"Saw" is a tool or what eyes did; the words around it tell. A new word is known by its
ending. Three taggers are compared on a language that is made up, so that it is known
which words are hard.
"""

# %%
# A small language
# ================
#
# Nouns, verbs, adjectives and adverbs are random syllables, two out of three with an
# ending of their kind, as in English. Some words are nouns as well as verbs.

import numpy as np

ENDINGS = {
    "NOUN": ["tion", "ness", "er"],
    "VERB": ["izes", "ed", "ates"],
    "ADJ": ["ous", "ful", "ish"],
    "ADV": ["ly"],
}
SMALL = {
    "DET": ["the", "a", "this"],
    "PREP": ["of", "with", "on"],
    "PRON": ["she", "he", "it"],
}
SHAPES = [
    "DET NOUN VERB DET ADJ NOUN",
    "PRON VERB DET NOUN PREP DET NOUN",
    "DET ADJ NOUN PREP PRON VERB ADV",
    "PRON ADV VERB NOUN NOUN",
    "NOUN VERB PREP DET ADJ NOUN",
    "NOUN NOUN VERB NOUN ADV",
    "VERB NOUN PREP NOUN",
]
rng = np.random.default_rng(0)


def make_word(ending=""):
    """Return two or three random syllables and an ending."""
    syllables = rng.choice(list("bdfgklmnprstv"), 2), rng.choice(list("aeiou"), 2)
    return "".join(a + b for a, b in zip(*syllables, strict=True)) + ending


words = {
    tag: [make_word(str(rng.choice(endings)) * (k % 3 > 0)) for k in range(300)]
    for tag, endings in ENDINGS.items()
} | SMALL
both = [make_word() for _ in range(60)]


def make_sentence():
    """Return words and tags."""
    tags = rng.choice(SHAPES).split()
    sentence = [
        rng.choice(both)
        if tag in ("NOUN", "VERB") and rng.random() < 0.3
        else rng.choice(words[tag])
        for tag in tags
    ]
    return [str(word) for word in sentence], tags


sentences, tags = zip(*(make_sentence() for _ in range(3000)), strict=True)
print(*map("/".join, zip(sentences[0], tags[0], strict=True)))

# %%
# Three taggers
# =============
#
# The first one looks at no word but the one in question: a hidden Markov model whose
# tags are counted as if a sentence had one word. The other two read whole sentences.

from sklearn_dl.text import HMMTagger, PerceptronTagger

N_TEST = 1000
SIZES = [30, 100, 300, 1000, 2000]


def alone(rows):
    """Return each word, or tag, as a sentence of its own."""
    return [[item] for row in rows for item in row]


def tag_alone(X, y, X_test):
    return np.concatenate(HMMTagger().fit(alone(X), alone(y)).predict(alone(X_test)))


def tag_with(tagger):
    return lambda X, y, X_test: np.concatenate(tagger.fit(X, y).predict(X_test))


taggers = {
    "the word alone": tag_alone,
    "hidden Markov model": tag_with(HMMTagger()),
    "perceptron": tag_with(PerceptronTagger(random_state=0)),
}
test, wanted = sentences[-N_TEST:], np.concatenate(tags[-N_TEST:])
test_words = np.concatenate(test)

# %%
# Known, ambiguous and new words
# ==============================
#
# A word that has one tag is no problem once it was seen. Of the ambiguous ones, the
# word alone gets hardly more than half; the tags around tell the rest. New words have
# their endings, and those that have none the context.
#
# The hidden Markov model does best here, and no wonder: this is a language as it
# supposes, in which a word depends on its tag alone. On English the perceptron is
# ahead, since there one word says much of the next, whatever its tag.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 3, figsize=(10, 4.3), sharey=True, layout="constrained")
for name, tag in taggers.items():
    shares = []
    for size in SIZES:
        right = tag(sentences[:size], tags[:size], test) == wanted
        seen = np.isin(test_words, np.concatenate(sentences[:size]))
        ambiguous = np.isin(test_words, both)
        kinds = (seen & ~ambiguous, ambiguous, ~seen & ~ambiguous)
        shares.append([right[kind].mean() for kind in kinds])
    for ax, row in zip(axes, np.transpose(shares), strict=True):
        ax.plot(SIZES, row, "o-", label=name)
    print(f"{name:20}", *(f"{share:.3f}" for share in shares[-1]))
titles = ("one tag, seen before", "ambiguous", "never seen")
for ax, title in zip(axes, titles, strict=True):
    ax.set(title=title, xlabel="Training sentences", xscale="log")
    ax.set_xticks(SIZES, SIZES)
    ax.minorticks_off()
axes[0].set_ylabel("Share of right tags")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
