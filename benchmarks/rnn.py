"""Recurrent networks on real sequences, and seconds an epoch against peers.

    SKLEARN_DL_DATA=... python benchmarks/rnn.py [vowels sentiment tags speed]

vowels: JapaneseVowels, utterances of 7 to 29 steps, with a GRU: 95 % at least, beside
logistic regression and a support-vector machine on mean and deviation of each value.

sentiment: SST-2, whole sentences, with a bidirectional LSTM on vectors of words that it
learns from the training sentences alone, beside logistic regression on TF-IDF, for
which the part "dev" chooses features and penalty. That part chose the LSTM's
parameters too.

tags: the universal tags of the English Web Treebank with a tagger: 92 % at least,
beside the most frequent tag of each word.

speed: the same network, optimiser and batches for ours, skorch and a plain loop, in
turns in one process. The peers are given lists of tensors and pad each batch when its
turn comes, and their networks pack it. skorch takes its batches from torch's
DataLoader, which pads them by a collate function, and, as its documentation has it,
trains on a fifth less. The loop is also run without packing, for what that costs on a
CPU; then the opposite direction reads the padding first, and answers depend on the
other rows of a batch. Ours is given lists of arrays, or of lists for tokens. Prints
the median of seconds an epoch, each peer's as a multiple of ours, the share of right
answers on the test part, and whether the bars are reached: skorch at least 1.5 times
ours, ours at most 1.15 times the plain loop.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import skorch
import torch
from _data import sentiment_set, tagged_set, vowels_set
from _turns import in_turns
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch import NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import (
    pack_padded_sequence,
    pad_packed_sequence,
    pad_sequence,
)

from sklearn_dl.neural_network import RNNClassifier, RNNTagger

# -- real results ----------------------------------------------------------------------


def timed(fit):
    """Return what a function returns, and its seconds."""
    start = time.perf_counter()
    return fit(), time.perf_counter() - start


def show(name, scores, seconds, bar=None):
    """Print mean and deviation of scores over seeds, seconds, and whether it does."""
    line = f"  {name:44s} {np.mean(scores):.4f}"
    line += f" +- {np.std(scores):.4f}" if len(scores) > 1 else " " * 10
    line += f"  {seconds:7.2f} s"
    if bar is not None:
        line += "  reached" if np.mean(scores) >= bar else "  NOT REACHED"
    print(line, flush=True)


def show_seeds(name, make, train, test, n_seeds, bar=None):
    """Fit and score with several seeds."""
    fits = [timed(lambda k=k: make(k).fit(*train)) for k in range(n_seeds)]
    seconds = np.mean([second for _, second in fits])
    show(name, [model.score(*test) for model, _ in fits], seconds, bar)


def vowels(n_seeds):
    """Recognise nine speakers."""
    X_train, X_test, y_train, y_test = vowels_set()
    print("JapaneseVowels, accuracy on 370 utterances")

    def moments(X):
        return np.array([np.hstack([row.mean(0), row.std(0)]) for row in X])

    for name, model in (
        ("logistic regression on moments", LogisticRegression(max_iter=1000)),
        ("support-vector machine on moments", SVC(C=10)),
    ):
        pipe = make_pipeline(StandardScaler(), model)
        train, test = (moments(X_train), y_train), (moments(X_test), y_test)
        show_seeds(name, lambda _, pipe=pipe: pipe, train, test, 1)
    for name, parameters in {
        "RNNClassifier, defaults": {},
        "RNNClassifier, both directions, attention": {
            "bidirectional": True,
            "pooling": "attention",
            "dropout": 0.4,
            "learning_rate": "one_cycle",
            "max_iter": 50,
            "batch_size": 16,
        },
    }.items():
        show_seeds(
            name,
            lambda k, p=parameters: RNNClassifier("gru", random_state=k, **p),
            (X_train, y_train),
            (X_test, y_test),
            n_seeds,
            bar=0.95,
        )


def tfidf(sizes):
    """Return a search for logistic regression on TF-IDF; the second part validates."""
    pipe = make_pipeline(
        TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True),
        LogisticRegression(max_iter=1000),
    )
    return GridSearchCV(
        pipe,
        {
            "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
            "tfidfvectorizer__min_df": [1, 2],
            "logisticregression__C": [1, 3, 10, 30],
        },
        cv=PredefinedSplit(np.repeat([-1, 0], sizes)),
    )


def sentiment(n_seeds):
    """Tell good reviews from bad ones."""
    parts = sentiment_set()
    print(f"SST-2, accuracy on {len(parts['test'][0]):,} sentences")
    (X, y), (X_dev, y_dev) = parts["train"], parts["dev"]
    search = tfidf([len(X), len(X_dev)]).fit(X + X_dev, np.hstack([y, y_dev]))
    best = search.best_estimator_
    show_seeds(
        "TF-IDF and logistic regression", lambda _: best, (X, y), parts["test"], 1
    )
    for pooling in ("mean", "max", "attention"):
        show_seeds(
            f"RNNClassifier, bidirectional LSTM, {pooling}",
            lambda k, pooling=pooling: RNNClassifier(
                "lstm",
                bidirectional=True,
                pooling=pooling,
                dropout=0.5,
                tokenizer=str.split,
                embedding_dim=200,
                alpha=0.0,
                learning_rate="one_cycle",
                learning_rate_init=0.01,
                max_iter=4,
                random_state=k,
            ),
            (X, y),
            parts["test"],
            n_seeds,
        )


class FrequentTag:
    """The most frequent tag of each word, and of all words for an unknown one."""

    def fit(self, X, y):
        """Count."""
        counts, every = {}, Counter()
        for sentence, tags in zip(X, y, strict=True):
            every.update(tags)
            for word, tag in zip(sentence, tags, strict=True):
                counts.setdefault(word, Counter())[tag] += 1
        self.default_ = every.most_common(1)[0][0]
        self.tags_ = {word: seen.most_common(1)[0][0] for word, seen in counts.items()}
        return self

    def predict(self, X):
        """Look the words up."""
        return [[self.tags_.get(word, self.default_) for word in row] for row in X]

    def score(self, X, y):
        """Return the share of right tags."""
        return float(np.mean(np.hstack(self.predict(X)) == np.hstack(y)))


def tags(n_seeds):
    """Tag words, known and unknown ones."""
    parts = tagged_set()
    known = {word for sentence in parts["train"][0] for word in sentence}
    X, y = parts["test"]
    new = np.array([word not in known for sentence in X for word in sentence])
    print(f"English Web Treebank, {len(new):,} words, {new.mean():.1%} of them unknown")
    show_seeds("most frequent tag", lambda _: FrequentTag(), parts["train"], (X, y), 1)
    models = []

    def make(k):
        models.append(
            RNNTagger(
                "lstm",
                hidden_size=96,
                embedding_dim=96,
                min_count=3,
                dropout=0.4,
                alpha=0.0,
                learning_rate="one_cycle",
                learning_rate_init=0.01,
                max_iter=6,
                random_state=k,
            )
        )
        return models[-1]

    show_seeds("RNNTagger", make, parts["train"], (X, y), n_seeds, bar=0.92)
    right = [np.hstack(model.predict(X)) == np.hstack(y) for model in models]
    share = np.mean([answers[new].mean() for answers in right])
    print(f"  {'of the unknown words':44s} {share:.4f}")


# -- seconds an epoch ------------------------------------------------------------------


@dataclass
class Problem:
    """Encoded rows, and the network that learns from them.

    Rows are arrays of numbers of shape (n_steps, n_inputs), or of tokens. Targets are
    a number a row, or with ``pooling=None`` an array a row.
    """

    name: str
    train: tuple
    test: tuple
    cell: str
    pooling: str | None
    n_inputs: int | None = None
    n_tokens: int | None = None
    hidden_size: int = 64
    bidirectional: bool = True
    rate: float = 0.005
    batch_size: int = 64
    n_epochs: int = 1

    @property
    def n_outputs(self):
        """The number of classes."""
        return int(max(np.max(y) for y in self.train[1])) + 1


def encoded(sentences, vocabulary):
    """Return the numbers of words; 0 is that of unknown ones."""
    return [
        np.array([vocabulary.get(word, 0) for word in sentence])
        for sentence in sentences
    ]


def tokens(parts):
    """Return sentences of two parts as tokens, and how many tokens there are."""
    counts = Counter(word for sentence in parts["train"] for word in sentence)
    known = (word for word, count in counts.items() if count > 1)
    vocabulary = {word: k for k, word in enumerate(known, start=1)}
    coded = [encoded(parts[name], vocabulary) for name in ("train", "test")]
    return *coded, len(vocabulary) + 1


def vowels_problem():
    """Utterances, a GRU, one direction."""
    X_train, X_test, y_train, y_test = vowels_set()
    return Problem(
        "JapaneseVowels, GRU",
        (X_train, y_train.astype(np.int64) - 1),
        (X_test, y_test.astype(np.int64) - 1),
        cell="gru",
        pooling="last",
        n_inputs=12,
        bidirectional=False,
        n_epochs=20,
    )


def sentiment_problem():
    """Sentences, a bidirectional LSTM, one answer each."""
    parts = sentiment_set()
    words = {name: [text.split() for text in X] for name, (X, _) in parts.items()}
    train, test, n_tokens = tokens(words)
    return Problem(
        "SST-2, bidirectional LSTM",
        (train, parts["train"][1]),
        (test, parts["test"][1]),
        cell="lstm",
        pooling="mean",
        n_tokens=n_tokens,
        n_epochs=3,
    )


def tags_problem():
    """Sentences, a bidirectional LSTM, an answer a word."""
    parts = tagged_set()
    train, test, n_tokens = tokens({name: X for name, (X, _) in parts.items()})
    labels = np.unique(np.hstack(parts["train"][1]))
    codes = [
        [np.searchsorted(labels, row) for row in parts[name][1]]
        for name in ("train", "test")
    ]
    return Problem(
        "English Web Treebank, bidirectional LSTM",
        (train, codes[0]),
        (test, codes[1]),
        cell="lstm",
        pooling=None,
        n_tokens=n_tokens,
    )


class Net(nn.Module):
    """The network as one writes it by hand, on padded batches that it packs or not."""

    def __init__(self, problem, packs=True):
        super().__init__()
        self.packs = packs
        self.pooling = problem.pooling
        self.embedding = None
        n_inputs, size = problem.n_inputs, problem.hidden_size
        if problem.n_tokens is not None:
            self.embedding = nn.Embedding(problem.n_tokens, n_inputs := 64)
        layer = {"gru": nn.GRU, "lstm": nn.LSTM}[problem.cell]
        both = problem.bidirectional
        self.layer = layer(n_inputs, size, batch_first=True, bidirectional=both)
        self.head = nn.Linear((1 + both) * size, problem.n_outputs)

    def forward(self, values, lengths):
        """Return an output a row, or a step."""
        if self.embedding is not None:
            values = self.embedding(values)
        if self.packs:
            packed = pack_padded_sequence(values, lengths, True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.layer(packed)[0], batch_first=True)
        else:
            states, _ = self.layer(values)
        if self.pooling == "last":
            return self.head(states[torch.arange(len(states)), lengths - 1])
        valid = torch.arange(states.shape[1]) < lengths[:, None]
        if self.pooling == "mean":
            return self.head((states * valid[:, :, None]).sum(1) / lengths[:, None])
        return self.head(states[valid])


class Samples(torch.utils.data.Dataset):
    """Rows and targets, one by one."""

    def __init__(self, X, y):
        self.rows = [torch.as_tensor(row) for row in X]
        self.targets = [torch.as_tensor(target) for target in y]

    def __len__(self):
        """Return the number of rows."""
        return len(self.rows)

    def __getitem__(self, k):
        """Return a row and its target."""
        return self.rows[k], self.targets[k]


def collate(samples):
    """Pad the rows of a batch."""
    rows, targets = zip(*samples, strict=True)
    lengths = torch.tensor([len(row) for row in rows])
    join = torch.cat if targets[0].ndim else torch.stack
    batch = {"values": pad_sequence(rows, batch_first=True), "lengths": lengths}
    return batch, join(targets)


def fit_ours(problem):
    """Fit ours."""
    kind = RNNTagger if problem.pooling is None else RNNClassifier
    options = {} if problem.pooling is None else {"pooling": problem.pooling}
    return kind(
        problem.cell,
        hidden_size=problem.hidden_size,
        bidirectional=problem.bidirectional,
        input_type="values" if problem.n_tokens is None else "tokens",
        n_tokens=problem.n_tokens,
        alpha=0.0,
        batch_size=problem.batch_size,
        learning_rate_init=problem.rate,
        max_iter=problem.n_epochs,
        tol=0.0,
        n_iter_no_change=np.inf,
        device="cpu",
        random_state=0,
        **options,
    ).fit(*problem.train)


def fit_skorch(problem, samples):
    """Fit a NeuralNetClassifier as its documentation shows it: callbacks, split."""
    torch.manual_seed(0)
    # Sequences of targets have no strata.
    split = ValidSplit(5, stratified=problem.pooling is not None)
    net = NeuralNetClassifier(
        Net(problem),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=problem.rate,
        batch_size=problem.batch_size,
        max_epochs=problem.n_epochs,
        classes=np.arange(problem.n_outputs),
        train_split=split,
        iterator_train__shuffle=True,
        iterator_train__collate_fn=collate,
        iterator_valid__collate_fn=collate,
        verbose=0,
    )
    return net.fit(samples, None if problem.pooling is None else problem.train[1])


def fit_plain(problem, samples, packs=True):
    """Train with a loop as one writes it by hand; return the network."""
    torch.manual_seed(0)
    net = Net(problem, packs)
    optimizer = torch.optim.Adam(net.parameters(), lr=problem.rate, fused=True)
    for _ in range(problem.n_epochs):
        total = torch.zeros(())
        for rows in torch.randperm(len(samples)).split(problem.batch_size):
            batch, y = collate([samples[k] for k in rows.tolist()])
            optimizer.zero_grad()
            loss = F.cross_entropy(net(**batch), y)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        total.item()
    return net.eval()


def accuracy(model, problem):
    """Return the share of right answers on the test part."""
    if isinstance(model, RNNClassifier | RNNTagger):
        return model.score(*problem.test)
    net = model.module_.eval() if isinstance(model, NeuralNetClassifier) else model
    samples = Samples(*problem.test)
    right = []
    with torch.inference_mode():
        for rows in torch.arange(len(samples)).split(256):
            batch, y = collate([samples[k] for k in rows.tolist()])
            right.append(net(**batch).argmax(1) == y)
    return float(torch.cat(right).double().mean())


# How many times our seconds a peer's must be at least.
BARS = {"skorch as documented": 1.5, "plain loop": 1 / 1.15}


def compare(problem, repeats):
    """Run all in turns, and print seconds an epoch, ratios and quality."""
    samples = Samples(*problem.train)
    calls = {
        "sklearn_dl": lambda: fit_ours(problem),
        "skorch as documented": lambda: fit_skorch(problem, samples),
        "plain loop": lambda: fit_plain(problem, samples),
        "plain loop, not packed": lambda: fit_plain(problem, samples, packs=False),
    }
    seconds, models = in_turns(calls, repeats)
    print(f"{problem.name}, {len(samples):,} rows")
    for name, model in models.items():
        ratio, bar = seconds[name] / seconds["sklearn_dl"], BARS.get(name)
        line = f"  {name:24s} {seconds[name] / problem.n_epochs:8.3f} s  {ratio:5.2f}x"
        line += f"  accuracy {accuracy(model, problem):.4f}"
        if bar is not None:
            line += "  reached" if ratio >= bar else "  NOT REACHED"
        print(line, flush=True)


def speed(repeats):
    """Compare seconds an epoch on all problems."""
    for make in (vowels_problem, sentiment_problem, tags_problem):
        compare(make(), repeats)


def main():
    """Run what is asked for and print it."""
    parts = {"vowels": vowels, "sentiment": sentiment, "tags": tags, "speed": speed}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(parts))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"skorch {skorch.__version__}, torch {torch.__version__}, "
        f"{options.threads} threads"
    )
    for part in options.parts:
        parts[part](options.repeats if part == "speed" else options.seeds)


if __name__ == "__main__":
    main()
