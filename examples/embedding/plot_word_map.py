"""
==============
A map of words
==============

A vector of a hundred numbers for each word, learned from nothing but the words around
it, and drawn in the plane: words that are used alike come to lie together.
"""

# %%
# A corpus that is at hand
# ========================
#
# The docstrings of NumPy, SciPy and scikit-learn are some megabytes of English about
# one field. The lines of code in them are left out, and what was written twice counts
# once.

import ast
import inspect
import re
from pathlib import Path

import numpy
import scipy
import sklearn


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


packages = {
    package.__name__: docstrings(package) for package in (numpy, scipy, sklearn)
}
texts = [text for of_package in packages.values() for text in of_package]
print(f"{len(texts):,} texts, {sum(map(len, texts)) / 1e6:.1f} million characters")

# %%
# Vectors
# =======
#
# Words are runs of letters here, so that the table of numbers in a docstring is no part
# of the vocabulary.

from sklearn_dl.embedding import Word2Vec

embedding = Word2Vec(
    100,
    min_count=20,
    max_iter=15,
    stop_words="english",
    token_pattern=r"[a-zA-Z]\w+",
    random_state=0,
).fit(texts)
print(f"{len(embedding.vocabulary_):,} words\n")
for word in ("gaussian", "column", "tree", "fast", "warning"):
    similar = [other for other, _ in embedding.most_similar(word, n_words=6)]
    print(f"{word:10}", ", ".join(similar))

# %%
# The map
# =======
#
# The most frequent words, by t-SNE, which keeps neighbours together. What is far apart
# on the map, and in which direction, means nothing. A colour says which of the packages
# uses a word most for its size. The vectors were not told of packages.

import matplotlib.pyplot as plt
from matplotlib.patches import Patch

from sklearn_dl.embedding import EmbeddingDisplay
from sklearn_dl.text import CountVectorizer

words = list(embedding.vocabulary_)[:180]
counter = CountVectorizer(vocabulary=words)
counts = counter.transform(map(" ".join, packages.values())).toarray()
user = (counts / counts.sum(axis=1, keepdims=True)).argmax(axis=0)
display = EmbeddingDisplay.from_estimator(
    embedding,
    words,
    method="tsne",
    random_state=0,
    text_kw={"fontsize": 8},
    scatter_kw={"color": [f"C{k}" for k in user], "s": 25},
)
display.ax_.legend([Patch(color=f"C{k}") for k in range(3)], packages)
plt.show()
