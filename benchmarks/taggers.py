"""Taggers of words: words per second and accuracy, beside nltk's.

    SKLEARN_DL_DATA=... python benchmarks/taggers.py [universal penn] [--repeats 3]

The English Web Treebank of Universal Dependencies, with its universal tags and with
those of the Penn Treebank, in one thread. `PerceptronTagger` against nltk's, which is
trained on the same sentences for as many epochs; `HMMTagger` against nltk's TnT, with
capitals. All are trained, and all tag the test part, in turns in one process. nltk's
hidden Markov model, which takes minutes for the whole part, tags its first sentences.
Prints the medians of words a second, each peer's as a ratio, the share of right tags,
and whether the bars are reached: 5 times the peer's speed, and no more than .002 below
its accuracy.
"""

import argparse
import gzip
import random
from functools import partial

import nltk
from _data import data_folder
from _turns import in_turns
from nltk.probability import LidstoneProbDist
from nltk.tag.hmm import HiddenMarkovModelTrainer
from nltk.tag.perceptron import PerceptronTagger as NltkPerceptron
from nltk.tag.tnt import TnT

from sklearn_dl.text import HMMTagger, PerceptronTagger

COLUMNS = {"universal": 1, "penn": 2}
N_EPOCHS = 5
# Sentences of the test part for nltk's hidden Markov model.
N_FOR_HMM = 100
SPEED, ACCURACY = 5.0, 0.002


def tagged(name, column):
    """Return the sentences of a part of the treebank and their tags."""
    path = data_folder() / f"ud_english_ewt_pos/{name}.tsv.gz"
    blocks = gzip.decompress(path.read_bytes()).decode().strip().split("\n\n")
    rows = [[line.split("\t") for line in block.split("\n")] for block in blocks]
    return [[[cells[k] for cells in row] for row in rows] for k in (0, column)]


def train_nltk_perceptron(pairs):
    """Train nltk's perceptron, which shuffles by Python's own generator."""
    random.seed(0)
    tagger = NltkPerceptron(load=False)
    tagger.train(pairs, nr_iter=N_EPOCHS)
    return tagger


def train_nltk_tnt(pairs):
    """Train nltk's TnT."""
    tagger = TnT(C=True)
    tagger.train(pairs)
    return tagger


def train_nltk_hmm(pairs):
    """Train nltk's hidden Markov model, with a tenth added to each count."""
    return HiddenMarkovModelTrainer().train_supervised(
        pairs,
        # One more outcome: words that were never seen.
        estimator=lambda counts, bins: LidstoneProbDist(counts, 0.1, bins + 1),
    )


def tag_one_by_one(tagger, X):
    """Return the tags that a tagger of nltk gives."""
    return [[tag for _, tag in tagger.tag(row)] for row in X]


def accuracy(predicted, y):
    """Return the share of right tags."""
    rows = zip(predicted, y, strict=True)
    right = [a == b for row in rows for a, b in zip(*row, strict=True)]
    return sum(right) / len(right)


def n_words(X):
    """Return the number of words of all sentences."""
    return sum(map(len, X))


def compare(ours, theirs, train, test, repeats):
    """Train and tag in turns, and print words a second, ratios and accuracy."""
    pairs = [list(zip(*row, strict=True)) for row in zip(*train, strict=True)]
    peer, train_peer = theirs
    training = {
        "sklearn_dl": partial(ours.fit, *train),
        peer: partial(train_peer, pairs),
    }
    fit_seconds, models = in_turns(training, repeats)
    tagging = {
        "sklearn_dl": partial(ours.predict, test[0]),
        peer: partial(tag_one_by_one, models[peer], test[0]),
    }
    seconds, tags = in_turns(tagging, repeats)
    print(f"  {ours}")
    for name in tagging:
        fit_speed = n_words(train[0]) / fit_seconds[name]
        speed = n_words(test[0]) / seconds[name]
        print(
            f"    {name:18s} training {fit_speed:10,.0f} words/s, tagging "
            f"{speed:10,.0f} words/s, accuracy {accuracy(tags[name], test[1]):.4f}"
        )
    ratios = [s[peer] / s["sklearn_dl"] for s in (fit_seconds, seconds)]
    gain = accuracy(tags["sklearn_dl"], test[1]) - accuracy(tags[peer], test[1])
    reached = min(ratios) >= SPEED and gain >= -ACCURACY
    print(
        f"    training {ratios[0]:.1f}x, tagging {ratios[1]:.1f}x, accuracy "
        f"{gain:+.4f}: {'reached' if reached else 'NOT REACHED'}",
        flush=True,
    )


def main():
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tags", nargs="*", default=list(COLUMNS))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"nltk {nltk.__version__}, one thread")
    for name in options.tags:
        train, test = (tagged(part, COLUMNS[name]) for part in ("train", "test"))
        few = [part[:N_FOR_HMM] for part in test]
        print(f"{name} tags, {n_words(train[0]):,} words, {n_words(test[0]):,} to tag")
        perceptron = PerceptronTagger(max_iter=N_EPOCHS, random_state=0)
        peer = ("nltk's perceptron", train_nltk_perceptron)
        compare(perceptron, peer, train, test, options.repeats)
        compare(HMMTagger(), ("nltk's TnT", train_nltk_tnt), train, test, 5)
        compare(HMMTagger(order=2), ("nltk's HMM", train_nltk_hmm), train, few, 1)


if __name__ == "__main__":
    main()
