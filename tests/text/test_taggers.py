"""Taggers: the perceptron step by step, the hidden Markov model against brute force."""

import gzip
import itertools
import json
from collections import defaultdict

import joblib
import numpy as np
import pytest
import skops.io
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.utils import get_tags

from sklearn_dl.text import HMMTagger, PerceptronTagger

TAGGERS = [
    PerceptronTagger(random_state=0),
    HMMTagger(),
    HMMTagger(order=2, alpha=0.1, capitalization=False),
]
X = [["the", "dog", "barks"], ["A", "cat", "sleeps"], ["the", "Dane", "1st", "won"]]
Y = [["D", "N", "V"], ["D", "N", "V"], ["D", "N", "A", "V"]]


def corpus(n_sentences, seed=0, n_tags=4):
    """Words that each tag has of its own, and words that several tags share."""
    rng = np.random.default_rng(seed)
    after = rng.dirichlet(np.full(n_tags, 0.5), size=n_tags)
    rows, tags = [], []
    for _ in range(n_sentences):
        tag, row, labels = rng.integers(n_tags), [], []
        for _ in range(rng.integers(1, 9)):
            tag = rng.choice(n_tags, p=after[tag])
            letter = "abcd"[tag if rng.random() < 0.7 else rng.integers(n_tags)]
            word = letter * rng.integers(1, 4) + str(rng.integers(3))
            row.append(word.title() if rng.random() < 0.3 else word)
            labels.append("NVDP"[tag])
        rows.append(row)
        tags.append(labels)
    return rows, tags


def same(rows, others):
    assert len(rows) == len(others)
    return all(list(a) == list(b) for a, b in zip(rows, others, strict=True))


# -- both ------------------------------------------------------------------------------


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_a_row_of_tags_for_each_sentence(tagger):
    tagger = clone(tagger).fit(X, Y)
    predicted = tagger.predict([["the", "cat", "won"], [], ["Dane"]])
    assert isinstance(predicted, np.ndarray)
    assert predicted.dtype == object
    assert [row.tolist() for row in predicted] == [["D", "N", "V"], [], ["N"]]
    assert tagger.classes_.tolist() == ["A", "D", "N", "V"]
    assert tagger.score(X, Y) == 1.0
    assert not is_classifier(tagger)
    tags = get_tags(tagger)
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.target_tags.required


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_containers_of_all_kinds_give_the_same(tagger):
    rows, tags = corpus(60)
    expected = clone(tagger).fit(rows, tags).predict(rows)
    array = np.empty(len(rows), dtype=object)
    array[:] = [np.array(row) for row in rows]
    labels = np.empty(len(rows), dtype=object)
    labels[:] = [np.array(row) for row in tags]
    assert same(clone(tagger).fit(array, labels).predict(array), expected)
    tuples = tuple(map(tuple, rows))
    assert same(clone(tagger).fit(iter(tuples), tags).predict(iter(tuples)), expected)


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_whole_numbers_are_tags_too(tagger):
    rows, tags = corpus(60)
    numbers = [[10 * "NVDP".index(tag) for tag in row] for row in tags]
    tagger = clone(tagger).fit(rows, numbers)
    assert tagger.classes_.tolist() == [0, 10, 20, 30]
    assert tagger.predict(rows)[0].dtype == np.int64
    assert tagger.score(rows, numbers) > 0.6


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_a_single_tag_is_always_given(tagger):
    tagger = clone(tagger).fit([["one"]], [["X"]])
    assert [row.tolist() for row in tagger.predict([["two", "one"]])] == [["X", "X"]]


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_empty_sentences_teach_nothing(tagger):
    rows, tags = corpus(40)
    expected = clone(tagger).set_params(**_unshuffled(tagger)).fit(rows, tags)
    gaps = [row for pair in zip(rows, [[]] * 40, strict=True) for row in pair]
    labels = [row for pair in zip(tags, [[]] * 40, strict=True) for row in pair]
    other = clone(expected).fit(gaps, labels)
    assert same(other.predict(rows), expected.predict(rows))
    assert other.score(gaps, labels) == expected.score(rows, tags)


def _unshuffled(tagger):
    return {"shuffle": False} if isinstance(tagger, PerceptronTagger) else {}


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_a_sentence_of_weight_0_is_not_there(tagger):
    rows, tags = corpus(40)
    expected = clone(tagger).fit(rows, tags)
    others, labels = corpus(40, seed=1)
    labels = [["unseen"] * len(row) for row in labels]
    weight = np.repeat([1.0, 0.0], 40)
    tagger = clone(tagger).fit(rows + others, tags + labels, weight)
    assert tagger.classes_.tolist() == expected.classes_.tolist()
    assert same(tagger.predict(others), expected.predict(others))
    assert tagger.score(rows + others, tags + labels, weight) == tagger.score(
        rows, tags
    )


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_score_counts_words_not_sentences(tagger):
    tagger = clone(tagger).fit(X, Y)
    wrong = [["D", "N", "V"], ["D", "?", "V"], ["D", "N", "A", "?"]]
    assert tagger.score(X, wrong) == pytest.approx(8 / 10)
    assert tagger.score(X, wrong, [1, 2, 0]) == pytest.approx(7 / 9)
    with pytest.raises(ValueError, match="at least one word of a weight above 0"):
        tagger.score([[]], [[]])


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_searches_and_cross_validation_work(tagger):
    rows, tags = corpus(60)
    scores = cross_val_score(tagger, rows, tags, cv=3)
    assert np.all(scores > 0.5)
    predicted = cross_val_predict(tagger, rows, tags, cv=3)
    assert [len(row) for row in predicted] == [len(row) for row in rows]
    name, values = ("max_iter", [1, 3])
    if isinstance(tagger, HMMTagger):
        name, values = ("order", [2, 3])
    search = GridSearchCV(tagger, {name: values}, cv=3).fit(rows, tags)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert len(search.predict(rows)) == 60


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_fitted_taggers_survive_joblib_and_skops(tagger, tmp_path):
    rows, tags = corpus(60)
    tagger = clone(tagger).fit(rows, tags)
    others, _ = corpus(60, seed=1)
    expected = tagger.predict(others)
    joblib.dump(tagger, tmp_path / "tagger")
    assert same(joblib.load(tmp_path / "tagger").predict(others), expected)
    mapped = joblib.load(tmp_path / "tagger", mmap_mode="r")
    assert same(mapped.predict(others), expected)
    stored = skops.io.dumps(tagger)
    unknown = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("sklearn_dl.") for name in unknown)
    assert same(skops.io.loads(stored, trusted=unknown).predict(others), expected)


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_parameters_set_after_fit_change_nothing(tagger):
    rows, tags = corpus(60)
    tagger = clone(tagger).fit(rows, tags)
    others, _ = corpus(60, seed=1)
    expected = tagger.predict(others)
    changed = {"suffix_length": 1}
    if isinstance(tagger, HMMTagger):
        changed |= {"order": 5 - tagger.order, "capitalization": False}
    else:
        changed |= {"window": 0, "prefix_length": 1}
    assert same(tagger.set_params(**changed).predict(others), expected)


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_sentences_and_tags_stay_as_they_are(tagger):
    rows, tags = corpus(20)
    before = json.dumps([rows, tags])
    clone(tagger).fit(rows, tags).score(rows, tags)
    assert json.dumps([rows, tags]) == before


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
@pytest.mark.parametrize(
    ("rows", "tags", "error", "message"),
    [
        ([], [], ValueError, "at least one sentence, X is empty"),
        ([[], []], [[], []], ValueError, "at least one word"),
        ("the dog", ["DN"], ValueError, "Iterable over raw text documents expected"),
        (3, [["N"]], TypeError, "list of sentences, X is 3"),
        (["the dog"], [["D", "N"]], TypeError, "row 0 of X is 'the dog'"),
        ([["a"], None], [["D"], ["N"]], TypeError, "row 1 of X is None"),
        ([["a", None]], [["D", "N"]], TypeError, "word 1 of row 0 of X is None"),
        ([["a"], [b"b"]], [["D"], ["N"]], TypeError, "word 0 of row 1 of X is b'b'"),
        ([["a", 1.5]], [["D", "N"]], TypeError, "is 1.5, of type float"),
        ([["a"]], None, ValueError, "requires y to be passed"),
        ([["a"]], "D", TypeError, "y is 'D'"),
        ([["a"]], ["D"], TypeError, "row 0 of y is 'D'"),
        ([["a"]], [["D"], ["D"]], ValueError, "got 2 for 1 sentences"),
        ([["a"], ["b"]], [["D"], []], ValueError, "row 1 of y has 0"),
        ([["a", "b"]], [["D", None]], TypeError, "y has NoneType, str"),
        ([["a", "b"]], [["D", 1]], TypeError, "y has int, str"),
        ([["a"]], [[0.5]], TypeError, "y has float"),
    ],
)
def test_what_is_no_tagged_sentence_is_refused(tagger, rows, tags, error, message):
    with pytest.raises(error, match=message):
        clone(tagger).fit(rows, tags)


@pytest.mark.parametrize("tagger", TAGGERS, ids=str)
def test_weights_are_checked_and_a_fit_is_needed(tagger):
    with pytest.raises(ValueError, match="Negative values"):
        clone(tagger).fit(X, Y, [1, -1, 1])
    with pytest.raises(ValueError, match="sample_weight"):
        clone(tagger).fit(X, Y, [1, 1])
    with pytest.raises(NotFittedError):
        clone(tagger).predict(X)
    with pytest.raises(ValueError, match="empty"):
        clone(tagger).fit(X, Y).predict([])


@pytest.mark.parametrize(
    ("tagger", "name"),
    [
        (PerceptronTagger(max_iter=0), "max_iter"),
        (PerceptronTagger(window=-1), "window"),
        (PerceptronTagger(dictionary_share=0.5), "dictionary_share"),
        (PerceptronTagger(dictionary_min_count=0), "dictionary_min_count"),
        (HMMTagger(order=4), "order"),
        (HMMTagger(alpha=-1.0), "alpha"),
        (HMMTagger(suffix_length=-1), "suffix_length"),
        (HMMTagger(suffix_smoothing=-1.0), "suffix_smoothing"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(tagger, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of"):
        tagger.fit(X, Y)


# -- the perceptron --------------------------------------------------------------------


class PlainPerceptron:
    """The same algorithm with dictionaries of strings, as one writes it by hand."""

    def __init__(self, window, suffixes, prefixes, known):
        self.window, self.suffixes, self.prefixes = window, suffixes, prefixes
        self.known = known
        self.weights = defaultdict(float)
        self.sums = defaultdict(float)

    def features(self, row, k, before, two_before):
        def look(place, function):
            return function(row[place]) if 0 <= place < len(row) else None

        def form(word):
            return "".join("0" if c in "0123456789" else c for c in word.lower())

        def shape(word):
            kinds = []
            for c in word:
                kind = "0" if c.isdigit() else "A" if c.isupper() else "a"
                kind = kind if c.isalnum() else c
                if kind not in kinds:
                    kinds.append(kind)
            return "".join(kinds)

        found = {("always",), ("t-1", before), ("t-2", two_before)}
        found |= {("t-1 t-2", before, two_before), ("t-1 w", before, form(row[k]))}
        for d in range(-self.window, self.window + 1):
            found.add(("form", d, look(k + d, form)))
        found |= {("end", n, row[k][-n:]) for n in range(1, self.suffixes + 1)}
        found |= {("start", n, row[k][:n]) for n in range(1, self.prefixes + 1)}
        found.add(("shape", 0, look(k, shape)))
        for d in (-1, 1) if self.window else ():
            found.add(("end", d, "near", look(k + d, lambda word: form(word)[-3:])))
            found.add(("shape", d, look(k + d, shape)))
        return found

    def run(self, rows, tags, classes, n_epochs):
        n_steps, self.curve = 0, []
        for _ in range(n_epochs):
            wrong = 0
            for row, labels in zip(rows, tags, strict=True):
                before = two_before = None
                for k, word in enumerate(row):
                    guess = self.known.get(word)
                    if guess is None:
                        found = self.features(row, k, before, two_before)
                        guess = self.best(found, classes, self.weights)
                        if guess != labels[k]:
                            for feature in found:
                                self.weights[feature, labels[k]] += 1
                                self.weights[feature, guess] -= 1
                                self.sums[feature, labels[k]] -= n_steps
                                self.sums[feature, guess] += n_steps
                        n_steps += 1
                    wrong += guess != labels[k]
                    two_before, before = before, guess
            self.curve.append(wrong / sum(map(len, rows)))
        self.average = {
            key: weight + self.sums[key] / n_steps
            for key, weight in self.weights.items()
        }

    @staticmethod
    def best(found, classes, weights):
        scores = [sum(weights.get((f, tag), 0) for f in found) for tag in classes]
        return classes[int(np.argmax(scores))]

    def predict(self, row, classes):
        tags = []
        for k, word in enumerate(row):
            before = [None, None, *tags]
            found = self.features(row, k, before[-1], before[-2])
            tags.append(self.known.get(word) or self.best(found, classes, self.average))
        return tags


@pytest.mark.parametrize(
    ("window", "suffixes", "prefixes"), [(2, 5, 4), (1, 2, 0), (0, 0, 1)]
)
def test_perceptron_learns_as_one_written_by_hand(window, suffixes, prefixes):
    rows, tags = corpus(60)
    rows[3][0] = "x-1.5Y"
    tagger = PerceptronTagger(
        window=window,
        suffix_length=suffixes,
        prefix_length=prefixes,
        dictionary_min_count=6,
        dictionary_share=0.8,
        shuffle=False,
        max_iter=4,
    ).fit(rows, tags)
    assert tagger.dictionary_
    plain = PlainPerceptron(window, suffixes, prefixes, tagger.dictionary_)
    plain.run(rows, tags, tagger.classes_.tolist(), 4)
    assert tagger.error_curve_ == plain.curve
    # The same weights, feature by feature, in another order.
    table = defaultdict(lambda: [0.0] * 4)
    for (feature, tag), weight in plain.average.items():
        table[feature][tagger.classes_.tolist().index(tag)] = weight
    expected = np.array(sorted(table.values()), np.float32)
    assert tagger.weights_.shape == expected.shape
    np.testing.assert_allclose(
        np.sort(tagger.weights_, axis=0), np.sort(expected, axis=0), atol=1e-5
    )
    others, _ = corpus(60, seed=1)
    predicted = tagger.predict(others)
    by_hand = [plain.predict(row, tagger.classes_.tolist()) for row in others]
    right = np.concatenate(predicted) == np.concatenate(by_hand)
    # Sums in another order may decide a tie.
    assert right.mean() > 0.98


def test_perceptron_looks_up_words_that_have_one_tag():
    rows = [["the", "bat"], ["the", "bat"], ["the", "bat"], ["a", "bat"]]
    tags = [["D", "N"], ["D", "V"], ["D", "N"], ["D", "N"]]
    options = {"dictionary_min_count": 3, "random_state": 0}
    assert PerceptronTagger(**options).fit(rows, tags).dictionary_ == {"the": "D"}
    share = PerceptronTagger(**options, dictionary_share=0.75)
    assert share.fit(rows, tags).dictionary_ == {"the": "D", "bat": "N"}
    weight = [1, 1, 1, 3]
    weighted = PerceptronTagger(**options).fit(rows, tags, weight)
    assert weighted.dictionary_ == {"the": "D", "a": "D"}
    nothing = PerceptronTagger(dictionary_min_count=None).fit(rows, tags)
    assert nothing.dictionary_ == {}
    everything = PerceptronTagger(dictionary_min_count=1, dictionary_share=0.6)
    everything.fit(rows, tags)
    assert everything.weights_.shape == (0, 3)
    assert everything.predict([["a", "bat"]])[0].tolist() == ["D", "N"]


def test_perceptron_takes_its_order_from_the_seed_alone():
    rows, tags = corpus(80)
    first = PerceptronTagger(random_state=3).fit(rows, tags)
    again = PerceptronTagger(random_state=3).fit(rows, tags)
    np.testing.assert_array_equal(first.weights_, again.weights_)
    other = PerceptronTagger(random_state=4).fit(rows, tags)
    assert first.error_curve_ != other.error_curve_


def test_perceptron_multiplies_changes_by_weights():
    rows, tags = corpus(40)
    options = {"shuffle": False, "dictionary_min_count": None}
    one = PerceptronTagger(**options).fit(rows, tags)
    two = PerceptronTagger(**options).fit(rows, tags, np.full(40, 2.0))
    np.testing.assert_allclose(two.weights_, 2 * one.weights_, rtol=1e-6)


# -- the hidden Markov model -----------------------------------------------------------


def log_probability(tagger, row, states):
    """Return the logarithm of the probability of words and states together."""
    outside = len(tagger.states_)
    order = tagger.transmat_.ndim
    emissions = tagger.emissionprob_.toarray()
    path = [outside] * (order - 1) + list(states) + [outside]
    with np.errstate(divide="ignore"):
        total = sum(
            np.log(tagger.transmat_[tuple(path[k : k + order])])
            for k in range(len(row) + 1)
        )
        words = [tagger.vocabulary_[word] for word in row]
        return total + np.log(emissions[list(states), words]).sum()


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("alpha", [None, 0.5])
@pytest.mark.parametrize("capitalization", [False, True])
def test_viterbi_finds_the_best_of_all_sequences(order, alpha, capitalization):
    rows, tags = corpus(40)
    tagger = HMMTagger(order=order, alpha=alpha, capitalization=capitalization)
    tagger.fit(rows, tags)
    n_ways = 0
    for row in [["a0", "B1", "dd0", "c0", "a1"], *rows[:20]]:
        if len(row) > 5 or not set(row) <= set(tagger.vocabulary_):
            continue
        emissions = tagger.emissionprob_[:, [tagger.vocabulary_[w] for w in row]]
        possible = [np.flatnonzero(column) for column in emissions.toarray().T]
        paths = list(itertools.product(*possible))
        n_ways += len(paths)
        best = max(log_probability(tagger, row, path) for path in paths)
        labels = tagger.predict([row])[0]
        assert best == pytest.approx(
            max(
                log_probability(tagger, row, path)
                for path in paths
                if same([tagger.classes_[tagger.states_[list(path), 0]]], [labels])
            )
        )
    assert n_ways > 100


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.5])
def test_probabilities_sum_to_one(order, alpha):
    tagger = HMMTagger(order=order, alpha=alpha).fit(*corpus(20))
    n_states = len(tagger.states_)
    assert tagger.transmat_.shape == (n_states + 1,) * order
    np.testing.assert_allclose(tagger.transmat_.sum(axis=-1), 1)
    np.testing.assert_allclose(tagger.emissionprob_.sum(axis=1), 1)
    before = (-1,) * (order - 1)
    np.testing.assert_array_equal(tagger.startprob_, tagger.transmat_[before][:-1])


def test_hmm_counts_what_it_saw():
    rows = [["a", "b"], ["a", "a"], ["b"]]
    tags = [["N", "V"], ["N", "N"], ["V"]]
    tagger = HMMTagger(order=2, alpha=0.0, capitalization=False).fit(rows, tags)
    assert tagger.states_.tolist() == [[0, 0], [1, 0]]
    # After N: V, N and an end; after V: two ends; at the beginning: N, N, V.
    expected = [[1 / 3, 1 / 3, 1 / 3], [0, 0, 1], [2 / 3, 1 / 3, 0]]
    np.testing.assert_allclose(tagger.transmat_, expected)
    np.testing.assert_allclose(tagger.emissionprob_.toarray(), [[1, 0], [0, 1]])
    assert sparse.issparse(tagger.emissionprob_)
    added = HMMTagger(order=2, alpha=1.0, capitalization=False).fit(rows, tags)
    np.testing.assert_allclose(added.transmat_[1], [1 / 5, 1 / 5, 3 / 5])


@pytest.mark.parametrize("options", [{}, {"order": 2, "alpha": 0.1}])
def test_a_weight_of_2_is_two_sentences(options):
    rows, tags = corpus(30)
    weight = np.tile([1.0, 2.0], 15)
    weighted = HMMTagger(**options).fit(rows, tags, weight)
    repeated = HMMTagger(**options).fit(rows + rows[1::2], tags + tags[1::2])
    np.testing.assert_allclose(weighted.transmat_, repeated.transmat_)
    others, _ = corpus(60, seed=1)
    assert same(weighted.predict(others), repeated.predict(others))


def test_unknown_words_are_judged_by_their_last_letters():
    rows = [["run", "walking"], ["eat", "talking"], ["go", "quickly"], ["sit", "badly"]]
    tags = [["V", "G"], ["V", "G"], ["V", "R"], ["V", "R"]]
    tagger = HMMTagger().fit(rows, tags)
    predicted = tagger.predict([["run", "jumping"], ["run", "sadly"]])
    assert [row.tolist() for row in predicted] == [["V", "G"], ["V", "R"]]
    # Frequent words say nothing of unknown ones.
    frequent = HMMTagger(max_suffix_count=0).fit(rows, tags)
    assert (
        len(set(map(tuple, frequent.predict([["run", "xing"], ["run", "xly"]])))) == 1
    )


def test_suffixes_are_smoothed_as_brants_does_it():
    rows = [["aing", "bing", "cly"], ["dng"]]
    tags = [["G", "N", "R"], ["N"]]
    tagger = HMMTagger(capitalization=False, suffix_smoothing=None, suffix_length=2)
    tagger.fit(rows, tags)
    share = np.array([1 / 4, 2 / 4, 1 / 4])
    theta = share.std(ddof=1)
    expected = share
    for counts in ([1, 2, 1], [1, 2, 0], [1, 2, 0]):
        maximum_likelihood = np.array(counts) / np.sum(counts)
        expected = (maximum_likelihood + theta * expected) / (1 + theta)
    np.testing.assert_allclose(np.exp(tagger._judge(["xng"])[0]), expected / share)


def test_capitals_tell_names_from_other_words():
    rows = [["Anna", "sings"], ["Berta", "reads"], ["she", "runs"], ["he", "eats"]] * 2
    tags = [["NAME", "V"], ["NAME", "V"], ["P", "V"], ["P", "V"]] * 2
    tagger = HMMTagger().fit(rows, tags)
    predicted = tagger.predict([["Clara", "sings"], ["clara", "sings"]])
    assert predicted[0].tolist() == ["NAME", "V"]
    assert predicted[1].tolist() == ["P", "V"]
    # No capital was seen: such words may have any tag.
    small = HMMTagger().fit([["she", "runs"]], [["P", "V"]])
    assert small.predict([["She", "runs"]])[0].tolist() == ["P", "V"]


def test_probabilities_and_tags_are_those_of_nltks_tnt():
    tnt = pytest.importorskip("nltk.tag.tnt")
    rows, tags = corpus(3000)
    pairs = [list(zip(*pair, strict=True)) for pair in zip(rows, tags, strict=True)]
    theirs = tnt.TnT(N=10**300)
    theirs.train(pairs)
    ours = HMMTagger(capitalization=False).fit(rows, tags)
    weights = [theirs._lambda1, theirs._lambda2, theirs._lambda3]
    np.testing.assert_allclose(ours.interpolation_, weights)
    assert ours.interpolation_.min() > 0
    # After pairs that were never seen, theirs are no probabilities.
    assert len(theirs._tag_trigrams.conditions()) == 4**2 + 4 + 1
    others = [row for row in corpus(200, seed=1)[0] if set(row) <= {*ours.vocabulary_}]
    assert len(others) > 100
    expected = [[tag for _, tag in theirs.tag(row)] for row in others]
    assert same(ours.predict(others), expected)


def test_tags_are_those_of_nltks_hidden_markov_model():
    hmm = pytest.importorskip("nltk.tag.hmm")
    from nltk.probability import DictionaryConditionalProbDist, DictionaryProbDist

    rows, tags = corpus(100)
    ours = HMMTagger(order=2, alpha=0.1, capitalization=False).fit(rows, tags)
    states = [*ours.classes_.tolist(), "end"]
    words = [*ours.vocabulary_, "</s>"]
    emissions = np.zeros((len(states), len(words)))
    emissions[:-1, :-1] = ours.emissionprob_.toarray()
    emissions[-1, -1] = 1

    def distribution(names, values):
        return DictionaryProbDist(dict(zip(names, values, strict=True)))

    def conditional(names, table):
        rows = (distribution(names, row) for row in table)
        return DictionaryConditionalProbDist(dict(zip(states, rows, strict=True)))

    theirs = hmm.HiddenMarkovModelTagger(
        words,
        states,
        conditional(states, ours.transmat_),
        conditional(words, emissions),
        distribution(states, ours.transmat_[-1]),
    )
    others = [row for row in corpus(60, seed=1)[0] if set(row) <= {*ours.vocabulary_}]
    assert len(others) > 30
    expected = [theirs.best_path_simple([*row, "</s>"])[:-1] for row in others]
    assert same(ours.predict(others), expected)


# -- real sentences --------------------------------------------------------------------


def treebank(folder, name, column):
    text = gzip.decompress((folder / f"ud_english_ewt_pos/{name}.tsv.gz").read_bytes())
    blocks = text.decode().strip().split("\n\n")
    table = [[line.split("\t") for line in block.split("\n")] for block in blocks]
    return [[[cell[k] for cell in row] for row in table] for k in (0, column)]


@pytest.mark.data
@pytest.mark.parametrize("column", [1, 2], ids=["universal", "penn"])
def test_tags_of_the_english_web_treebank(data_dir, column):
    train, test = (treebank(data_dir, name, column) for name in ("train", "test"))
    perceptron = PerceptronTagger(random_state=0).fit(*train)
    # nltk's tagger: .940 and .934 after the same number of epochs.
    assert perceptron.score(*test) > 0.938
    # nltk's TnT, with capitals: .926 and .927.
    assert HMMTagger().fit(*train).score(*test) > 0.926
