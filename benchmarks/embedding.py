"""Embeddings of words beside gensim's: words a second, analogies, similarities.

    SKLEARN_DL_DATA=... python benchmarks/embedding.py
        [word2vec glove svd memory] [--epochs 5] [--repeats 1]

wiki40, 6.8 million words of Wikipedia, 100 dimensions, window 5, words from a count of
5 on, all defaults of word2vec.c otherwise. "word2vec": skip-gram with negative sampling
and with hierarchical softmax, and CBOW, ours and gensim's with two threads in turns in
one process, then ours with one. gensim is given lists of words, 1000 each, and these
are made before the clock runs; ours reads the text itself. (From a file gensim is
faster, but lets its learning rate fall by 1 / workers of what it should an epoch.)
"glove": pairs a second, beside what Stanford's C did on another machine of this kind:
10 iterations over 13 million pairs in 57 s with two threads. "svd": seconds and quality
of each weighting. "memory": the peak of a process that fits one of them.
"""

import argparse
import gzip
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import gensim
from _data import data_folder
from _turns import in_turns
from gensim.models import Word2Vec as GensimWord2Vec

from sklearn_dl.embedding import CooccurrenceSVD, GloVe, Word2Vec

N_THREADS = 2
# Stanford's C: pairs, iterations and seconds.
STANFORD = 13e6 * 10 / 57
MODES = {
    # Name: parameters of ours, of gensim's, the bar.
    "skip-gram, negative sampling": ({}, {"sg": 1, "negative": 5}, 6.0),
    "skip-gram, hierarchical softmax": (
        {"objective": "hierarchical-softmax"},
        {"sg": 1, "hs": 1, "negative": 0},
        3.0,
    ),
    "CBOW, negative sampling": ({"model": "cbow"}, {"sg": 0, "negative": 5}, 2.0),
}


def read_text():
    """Return the text, which is one document."""
    return gzip.decompress((data_folder() / "text/wiki40.txt.gz").read_bytes()).decode()


def sentences(text):
    """Return it as gensim likes it."""
    words = text.split()
    return [words[k : k + 1000] for k in range(0, len(words), 1000)]


def quality(embedding):
    """Return the share of right analogies, and two rank correlations."""
    folder = data_folder() / "text"
    return (
        embedding.evaluate_analogies(folder / "questions-words.txt.gz").accuracy,
        embedding.evaluate_similarity(folder / "wordsim353.tsv").spearman,
        embedding.evaluate_similarity(folder / "simlex999.txt").spearman,
    )


def fit_ours(params, epochs, n_threads, text):
    """Fit ours."""
    model = Word2Vec(max_iter=epochs, n_threads=n_threads, random_state=0, **params)
    return model.fit([text])


def fit_gensim(params, epochs, words):
    """Fit gensim's."""
    return GensimWord2Vec(
        words, vector_size=100, window=5, min_count=5, workers=N_THREADS, seed=1,
        epochs=epochs, **params,
    )  # fmt: skip


def compare_word2vec(text, epochs, repeats):
    """Print a line for each way to train, of ours and of gensim's."""
    words = sentences(text)
    n_words = epochs * sum(map(len, words)) / 1e6
    print(f"{epochs} epochs, gensim {gensim.__version__}\n")
    print(f"{'':32} {'':>16} {'M words/s':>9} {'analogies':>9} WordSim SimLex  ratio")
    for name, (ours, theirs, bar) in MODES.items():
        calls = {
            "ours, 2 threads": partial(fit_ours, ours, epochs, N_THREADS, text),
            "gensim, 2": partial(fit_gensim, theirs, epochs, words),
            "ours, 1 thread": partial(fit_ours, ours, epochs, 1, text),
        }
        seconds, models = in_turns(calls, repeats, warm_up=False)
        slowest = seconds["gensim, 2"]
        for key, model in models.items():
            own = (
                model if isinstance(model, Word2Vec) else Word2Vec.from_gensim(model.wv)
            )
            scores = quality(own)
            ratio = slowest / seconds[key]
            print(
                f"{name:32} {key:>16} {n_words / seconds[key]:9.2f} {scores[0]:9.3f} "
                f"{scores[1]:7.3f} {scores[2]:6.3f} {ratio:6.2f}"
            )
        reached = slowest / seconds["ours, 2 threads"] >= bar
        print(f"{'':32} {bar} times: {'reached' if reached else 'MISSED'}")


def compare_glove(text):
    """Print pairs a second and quality."""
    pairs = CooccurrenceSVD(2, window=10, weighting="harmonic").fit([text])
    n_pairs = pairs.cooccurrences_.nnz
    del pairs
    seconds = {}
    for n_iter in (1, 11, 25):
        start = time.perf_counter()
        model = GloVe(max_iter=n_iter, n_threads=N_THREADS, random_state=0).fit([text])
        seconds[n_iter] = time.perf_counter() - start
        print(f"\nGloVe, {n_iter} iterations: {seconds[n_iter]:.1f} s, "
              "{:.3f} {:.3f} {:.3f}".format(*quality(model)), end="")  # fmt: skip
    rate = n_pairs * 10 / (seconds[11] - seconds[1])
    print(
        f"\n{n_pairs / 1e6:.1f} M pairs, {rate / 1e6:.1f} M of them a second, "
        f"{rate / STANFORD:.2f} times Stanford's figure"
    )


def compare_svd(text):
    """Print seconds and quality of each way to weight the counts.

    At the end of each line are the analogies among the 30,000 most frequent words,
    which is what the scripts of word2vec.c ask for.
    """
    print()
    questions = data_folder() / "text/questions-words.txt.gz"
    for params in (
        {},
        {"n_components": 200, "n_threads": N_THREADS},
        {"n_threads": N_THREADS},
        {"scaling": "ppmi"},
        {"scaling": "pmi"},
        {"scaling": "log"},
        {"scaling": "count"},
        {"scaling": "count", "max_count": 100, "stop_words": "english"},
    ):
        start = time.perf_counter()
        model = CooccurrenceSVD(random_state=0, **params).fit([text])
        seconds = time.perf_counter() - start
        scores = " ".join(f"{score:.3f}" for score in quality(model))
        frequent = model.evaluate_analogies(questions, restrict_vocabulary=30_000)
        print(
            f"SVD {params!s:70} {seconds:5.1f} s, {scores}, {frequent.accuracy:.3f}",
            flush=True,
        )


def compare_memory():
    """Print the peaks of processes that fit one thing."""
    print()
    for name in ("nothing", "Word2Vec", "gensim", "GloVe", "CooccurrenceSVD"):
        out = subprocess.run(
            [sys.executable, __file__, "--peak-of", name],
            check=True,
            capture_output=True,
            text=True,
        )
        print(f"peak of memory, {name}: {out.stdout.strip()} MiB")


def print_peak(name):
    """Fit one thing and print the peak of this process."""
    text = read_text()
    if name == "Word2Vec":
        fit_ours({}, 1, N_THREADS, text)
    elif name == "gensim":
        fit_gensim(MODES["skip-gram, negative sampling"][1], 1, sentences(text))
    elif name == "GloVe":
        GloVe(max_iter=1, n_threads=N_THREADS).fit([text])
    elif name == "CooccurrenceSVD":
        CooccurrenceSVD().fit([text])
    # Not getrusage's peak: that begins with the one of the process that started this.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) // 1024)


def main():
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", nargs="*", default=["word2vec", "glove", "svd", "memory"]
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--peak-of")
    arguments = parser.parse_args()
    if arguments.peak_of:
        print_peak(arguments.peak_of)
        return
    text = read_text()
    # What numba compiles is kept on disk; the first process that runs it all waits.
    Word2Vec(16, max_iter=1, n_threads=N_THREADS).fit([text[:100_000]])
    if "word2vec" in arguments.what:
        compare_word2vec(text, arguments.epochs, arguments.repeats)
    if "glove" in arguments.what:
        compare_glove(text)
    if "svd" in arguments.what:
        compare_svd(text)
    if "memory" in arguments.what:
        compare_memory()


if __name__ == "__main__":
    main()
