"""
======================
Taking out a prejudice
======================

Vectors of words learn what the texts say, prejudices included. Here the texts are made,
and so it is known what they say: some occupations are more often "he", some "she", and
the occupations have nothing to do with it otherwise.
"""

# %%
# Sentences with a bias
# =====================
#
# Each occupation has a field, such as medicine, from which words come that belong to
# it, and a share of sentences in which it is a woman's. Kings and queens, brothers and
# sisters are what they are.

import numpy as np

FIELDS = {
    "medicine": "patient ward drug clinic fever",
    "building": "wall brick roof timber cement",
    "kitchen": "oven soup flour recipe spice",
    "office": "letter contract meeting file desk",
}
# The share of women, and the field.
OCCUPATIONS = {
    "surgeon": (0.1, "medicine"),
    "nurse": (0.9, "medicine"),
    "pharmacist": (0.5, "medicine"),
    "mason": (0.1, "building"),
    "decorator": (0.9, "building"),
    "painter": (0.5, "building"),
    "chef": (0.1, "kitchen"),
    "baker": (0.9, "kitchen"),
    "waiter": (0.5, "kitchen"),
    "manager": (0.1, "office"),
    "secretary": (0.9, "office"),
    "clerk": (0.5, "office"),
}
PRONOUNS = {"woman": ("she", "her"), "man": ("he", "his")}
RELATIVES = {
    "woman": ["woman", "mother", "sister", "queen"],
    "man": ["man", "father", "brother", "king"],
}


def sentence(rng):
    """Return a sentence about somebody with an occupation, or without one."""
    if rng.random() < 0.3:
        gender = rng.choice(["woman", "man"])
        subject, things = rng.choice(RELATIVES[gender]), ["child", "throne"]
    else:
        subject = rng.choice(list(OCCUPATIONS))
        share, field = OCCUPATIONS[subject]
        gender = "woman" if rng.random() < share else "man"
        things = rng.choice(FIELDS[field].split(), size=2)
    pronoun, possessive = PRONOUNS[gender]
    return (
        f"the {subject} said that {pronoun} left the {things[0]} "
        f"with {possessive} {things[1]}"
    )


rng = np.random.default_rng(0)
sentences = [sentence(rng) for _ in range(6000)]
print(*sentences[:3], sep="\n")

# %%
# Before and after
# ================
#
# Pairs of words that differ in nothing but gender define its direction. Words that have
# a gender by their meaning are named, and keep it. All others become neutral.

from sklearn_dl.embedding import DebiasedEmbedding, Word2Vec

embedding = Word2Vec(
    20, window=8, subsample=0, learning_rate_init=0.05, max_iter=10, random_state=0
)
debiased = DebiasedEmbedding(
    embedding,
    definitional_pairs=list(zip(*RELATIVES.values(), strict=True)),
    specific_words=["she", "her", "he", "his"],
).fit(sentences)
print(f"direct bias before: {debiased.direct_bias_before_:.3f}")
print(f"direct bias after:  {debiased.direct_bias_after_:.3f}")

# %%
# The cosine with the direction of gender, before and after. Before, it follows the
# shares of the sentences. Pairs keep their difference, and become exactly opposite.

import matplotlib.pyplot as plt
from sklearn.preprocessing import normalize

biased = embedding.fit(sentences)
words = sorted(OCCUPATIONS, key=lambda word: OCCUPATIONS[word][0])
shown = ["king", "father", *words, "mother", "queen"]


def gender(model):
    """Return the component of the shown words along the bias."""
    rows = [model.vocabulary_[word] for word in shown]
    return normalize(model.vectors_[rows]) @ debiased.bias_direction_[0]


before, after = gender(biased), gender(debiased)
colors = [
    f"C{list(FIELDS).index(OCCUPATIONS[word][1])}" if word in OCCUPATIONS else "0.5"
    for word in shown
]
_, axes = plt.subplots(1, 2, figsize=(9, 5), sharey=True, layout="constrained")
for ax, values, title in zip(
    axes, (before, after), ("Word2Vec", "DebiasedEmbedding"), strict=True
):
    ax.barh(shown, values, color=colors)
    ax.axvline(0, color="0.3", lw=0.8)
    ax.set(title=title, xlabel="Cosine with the direction of gender", xlim=(-0.6, 0.6))
plt.show()

# %%
# What is left
# ============
#
# The two main directions of the occupations, in the colours of their fields. Before,
# gender is one of them, from left to right. After, the fields are all there is.
#
# So clean a result comes from clean texts: here pronouns alone carry the bias, and it
# has one direction. In real texts it has many traces, and words that shared a prejudice
# stay neighbours of one another without that direction. A model that is built on
# debiased vectors has to be examined nevertheless.

from sklearn_dl.embedding import EmbeddingDisplay

colors = [f"C{list(FIELDS).index(OCCUPATIONS[word][1])}" for word in words]
_, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for ax, model in zip(axes, (biased, debiased), strict=True):
    EmbeddingDisplay.from_estimator(
        model, words, ax=ax, scatter_kw={"c": colors, "s": 40}
    )
    ax.set_title(type(model).__name__)
plt.show()
