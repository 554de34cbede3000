"""
=========================================
TF-IDF or word vectors: how many labels?
=========================================

A linear classifier can read a document as TF-IDF, a weight for each word, or as the
mean of the vectors of its words. Which is better depends on how many documents have
labels, and on how long they are.
"""

# %%
# Which module is it from?
# ========================
#
# The documents are the docstrings of SciPy and scikit-learn. The label is the module,
# of those with most of them. Once the whole docstring is to be classified, and once
# only its first paragraph.

import ast
import re
from collections import Counter
from pathlib import Path

import numpy as np
import scipy
import sklearn


def docstrings(package):
    """Return {text: module} for the docstrings of a package, without code."""
    modules, root = {}, Path(package.__file__).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        others = {"tests", "externals", "_lib"}.intersection(parts)
        if len(parts) > 1 and not others:
            nodes = ast.walk(ast.parse(path.read_bytes()))
            documented = (ast.ClassDef, ast.FunctionDef)
            for node in nodes:
                text = isinstance(node, documented) and ast.get_docstring(node)
                if text:
                    text = re.sub(r"(?m)^ *(>>>|\.\.\. ).*", "", text)
                    modules[text] = f"{package.__name__}.{parts[0]}"
    return modules


modules = docstrings(scipy) | docstrings(sklearn)
largest = [module for module, _ in Counter(modules.values()).most_common(12)]
texts = [text for text, module in modules.items() if module in largest]
y = np.array([modules[text] for text in texts])
print(f"{len(texts):,} documents of", ", ".join(largest))

# %%
# Five pipelines
# ==============
#
# The vectors are learned from the whole docstrings of the training part, without
# labels: these are texts that one has anyway. They are learned once, and frozen. Behind
# them, the same classifier sees the mean of the vectors of a text, after centring and
# scaling, or the mean by SIF, in which frequent words count less. The last pipeline
# learns vectors from the labelled documents only, to compare.

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Normalizer, StandardScaler

from sklearn_dl.embedding import Word2Vec
from sklearn_dl.text import TfidfVectorizer

train, test = train_test_split(
    np.arange(len(y)), test_size=0.4, stratify=y, random_state=0
)
corpus = [texts[k] for k in train]
word2vec = Word2Vec(100, max_iter=15, min_count=3, random_state=0)
mean = FrozenEstimator(word2vec.fit(corpus))
sif = FrozenEstimator(clone(word2vec).set_params(output="sif").fit(corpus))
tfidf = TfidfVectorizer(sublinear_tf=True)


def classify(*steps, C):
    """Return a pipeline with a logistic regression at its end."""
    return make_pipeline(*steps, LogisticRegression(C=C, max_iter=1000))


dense = make_pipeline(mean, StandardScaler(), Normalizer())
models = {
    "TF-IDF": classify(tfidf, C=30),
    "word vectors": classify(mean, StandardScaler(), C=0.05),
    "word vectors, SIF": classify(sif, StandardScaler(), C=0.05),
    "TF-IDF and word vectors": classify(make_union(tfidf, dense), C=30),
    "vectors of labelled texts only": classify(
        clone(word2vec), StandardScaler(), C=0.05
    ),
}

# %%
# The curves
# ==========
#
# With few labels, most words of a test document have not been seen with one; the
# vectors know from the other texts what these words are like. With many labels, a
# weight for each word says more than one for each of a hundred directions, the sooner
# the longer the documents are. Both together are never far from the better one. Vectors
# of the labelled texts alone come last until these are as many as the others.

import matplotlib.pyplot as plt

SIZES = [25, 50, 100, 200, 400, 800, len(train)]
N_DRAWS = 2


def accuracy(model, documents, size):
    """Return the mean accuracy over some draws of the labelled documents."""
    scores = []
    for seed in range(N_DRAWS):
        labelled = np.random.default_rng(seed).permutation(train)[:size]
        model.fit(documents[labelled], y[labelled])
        scores.append(model.score(documents[test], y[test]))
    return np.mean(scores)


whole = np.array(texts, dtype=object)
first = np.array([text.split("\n\n")[0] for text in texts], dtype=object)
fig, axes = plt.subplots(1, 2, figsize=(10, 5.5), sharey=True, layout="constrained")
for ax, (title, documents) in zip(
    axes,
    {"First paragraphs": first, "Whole docstrings": whole}.items(),
    strict=True,
):
    print(f"{title:30}", *(f"{size:5}" for size in SIZES))
    for name, model in models.items():
        scores = [accuracy(model, documents, size) for size in SIZES]
        print(f"{name:30}", *(f"{score:.3f}" for score in scores))
        style = "--" if "only" in name else "-"
        ax.plot(SIZES, scores, style, marker="o", ms=4, label=name)
    ax.set(title=title, xlabel="Labelled documents", xscale="log")
    ax.set_xticks(SIZES, SIZES)
    ax.minorticks_off()
axes[0].set_ylabel(f"Accuracy on {len(test):,} other documents")
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
