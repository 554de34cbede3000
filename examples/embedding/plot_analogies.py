"""
===================
Relations as arrows
===================

What is to ``column`` as ``rows`` is to ``row``? If a relation between words is the same
difference of vectors for every pair, the answer is arithmetic, and a picture of it is
parallel arrows.
"""

# %%
# Vectors of the words of docstrings
# ==================================
#
# The texts are the docstrings of NumPy, SciPy and scikit-learn, without their lines of
# code.

import ast
import inspect
import re
from pathlib import Path

import numpy
import scipy
import sklearn

from sklearn_dl.embedding import Word2Vec


def docstrings(package):
    """Return the texts of the docstrings of a package, without code."""
    functions = filter(callable, vars(package).values())
    texts = {inspect.getdoc(function) for function in functions}
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        if "tests" not in path.parts:
            nodes = ast.walk(ast.parse(path.read_bytes()))
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
            texts.update(
                ast.get_docstring(node)
                for node in nodes
                if isinstance(node, documented)
            )
    texts = sorted(text for text in texts if isinstance(text, str))
    return [re.sub(r"(?m)^ *(>>>|\.\.\. ).*", "", text) for text in texts]


texts = [text for package in (numpy, scipy, sklearn) for text in docstrings(package)]
embedding = Word2Vec(
    100,
    n_negatives=15,
    min_count=5,
    subsample=1e-4,
    max_iter=30,
    stop_words="english",
    token_pattern=r"[a-zA-Z]\w+",
    random_state=0,
).fit(texts)

# %%
# Four relations
# ==============
#
# Each relation has a few pairs. A question is made of two of them: the first three
# words are given, the fourth is to be found among all words of the vocabulary.

relations = {
    "singular, plural": "row rows column columns sample samples feature features "
    "label labels matrix matrices vector vectors value values point points axis axes",
    "ignoring NaN": "mean nanmean std nanstd var nanvar median nanmedian "
    "percentile nanpercentile",
    "where it is": "min argmin max argmax sort argsort partition argpartition",
    "and back": "fft ifft rfft irfft dct idct sin arcsin cos arccos cdf ppf sf isf",
}
pairs = {
    name: [
        pair
        for pair in zip(words.split()[::2], words.split()[1::2], strict=True)
        if set(pair) <= set(embedding.vocabulary_)
    ]
    for name, words in relations.items()
}


def ranks(embedding, pairs):
    """Ask all questions of a relation; return the rank of each right answer."""
    found = []
    for a, b in pairs:
        for c, d in pairs:
            if a != c:
                answers = embedding.analogy(a, b, c, n_words=None)
                found.append([word for word, _ in answers].index(d) + 1)
    return found


print(f"{len(embedding.vocabulary_):,} words to choose from")
for name, of_relation in pairs.items():
    found = ranks(embedding, of_relation)
    first, third = (sum(rank <= limit for rank in found) for limit in (1, 3))
    print(
        f"{name:17} {len(found):3} questions: answered {first}, "
        f"answer among the first three {third}"
    )

# %%
# Thousands of words could be wrong, and one is right. From a corpus of this size some
# of the questions are answered, and for more of them the answer is among the first
# three. What comes before it is related, but in another way.

for a, b, c in (
    ("row", "rows", "column"),
    ("cdf", "ppf", "sf"),
    ("fft", "ifft", "rfft"),
    ("min", "argmin", "max"),
):
    answers = embedding.analogy(a, b, c, n_words=3)
    print(f"{b} - {a} + {c}:", *(f"{word} ({cosine:.2f})" for word, cosine in answers))

# %%
# The arrows
# ==========
#
# The two directions in which the words of a relation differ most. Where the arrows are
# parallel, the relation is one difference, as it nearly is with NaN. With plurals, the
# two directions are what the words are about, and the arrows are short.

import matplotlib.pyplot as plt

from sklearn_dl.embedding import EmbeddingDisplay

_, axes = plt.subplots(2, 2, figsize=(11, 9), layout="constrained")
for ax, (name, of_relation) in zip(axes.flat, pairs.items(), strict=True):
    EmbeddingDisplay.from_estimator(embedding, arrows=of_relation, ax=ax)
    ax.set_title(name)
plt.show()
