import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_dl.embedding import PhraseDetector, Word2Vec

GENERATOR = np.random.default_rng(0)
# Words by chance, and a name of three words and one of two.
TEXTS = [
    " ".join(
        GENERATOR.choice(["a", "b", "c", "d", "new york times", "los angeles"], 15)
    )
    for _ in range(60)
]


def test_scores_are_those_of_the_formula():
    texts = ["a b a b c", "b a", "c a b"]
    detector = PhraseDetector(min_count=2, threshold=-9, discount=1.5).fit(texts)
    # There are ten words, four of them a, four b; "a b" three times, and "b a" twice.
    assert detector.phrases_ == [
        {("a", "b"): pytest.approx(1.5 * 10 / 16), ("b", "a"): pytest.approx(5 / 16)}
    ]
    detector.set_params(scoring="npmi", discount=None).fit(texts)
    score = np.log(0.3 / 0.16) / -np.log(0.3)
    assert detector.phrases_[0]["a", "b"] == pytest.approx(score)


def test_phrases_of_three_words_need_two_passes():
    detector = PhraseDetector(threshold=2.5)
    once = detector.fit_transform(TEXTS)
    assert "new_york" in once[0] or "york_times" in once[0]
    twice = detector.set_params(n_passes=2).fit_transform(TEXTS)
    words = {word for tokens in twice for word in tokens}
    assert words == {"a", "b", "c", "d", "new_york_times", "los_angeles"}
    assert len(detector.phrases_) == 2
    for text, tokens in zip(TEXTS, twice, strict=True):
        assert " ".join(tokens).replace("_", " ") == text
    for text, tokens in zip(TEXTS, detector.transform(TEXTS), strict=True):
        assert " ".join(tokens).replace("_", " ") == text
    assert list(detector.transform(["los angeles", "york new", ""])) == [
        ["los_angeles"], ["york", "new"], []]  # fmt: skip


def test_pairs_are_joined_from_the_left_and_within_documents():
    detector = PhraseDetector(min_count=1, threshold=0, discount=0)
    joined = detector.fit_transform(["a a a", "a", "a a a a", "b"])
    assert [" ".join(tokens) for tokens in joined] == ["a_a a", "a", "a_a a_a", "b"]
    assert set(detector.phrases_[0]) == {("a", "a")}


def test_lists_of_tokens_and_a_pipeline():
    tokens = [text.split() for text in TEXTS]
    detector = PhraseDetector(threshold=2.5, n_passes=2, analyzer="identity")
    pipeline = make_pipeline(detector, Word2Vec(4, analyzer="identity"))
    assert pipeline.fit_transform(tokens).shape == (60, 4)
    assert "new_york_times" in pipeline[1].vocabulary_
    assert clone(pipeline).get_params()["phrasedetector__threshold"] == 2.5


def test_nothing_to_join():
    for texts in ([], [""], ["a"], ["a b"]):
        detector = PhraseDetector().fit(texts)
        assert list(detector.transform(["a b", ""])) == [["a", "b"], []]
