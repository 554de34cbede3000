"""Stemmers, the lemmatizer and stop words: functions of a word."""

import builtins
import copy
import gzip
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline

from sklearn_dl.text import (
    Lemmatizer,
    PorterStemmer,
    SnowballStemmer,
    StopWordFilter,
    WordTokenizer,
)
from sklearn_dl.text._snowball_stemmer import stem_word

# The list of the course.
STEMS = {
    "caresses": "caress",
    "flies": "fli",
    "dies": "die",
    "mules": "mule",
    "denied": "deni",
    "died": "die",
    "agreed": "agre",
    "owned": "own",
    "humbled": "humbl",
    "sized": "size",
    "meeting": "meet",
    "stating": "state",
    "siezing": "siez",
    "itemization": "item",
    "sensational": "sensat",
    "traditional": "tradit",
    "reference": "refer",
    "plotted": "plot",
}
ALL = [
    PorterStemmer(),
    SnowballStemmer("german"),
    Lemmatizer("en"),
    StopWordFilter(["one", "two"]),
]


@pytest.mark.parametrize(("word", "stem"), STEMS.items())
def test_porter_gives_the_stems_of_the_course(word, stem):
    assert PorterStemmer()(word) == stem


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        # Examples of the paper, step by step.
        ("ponies", "poni"),
        ("caress", "caress"),
        ("feed", "feed"),
        ("plastered", "plaster"),
        ("bled", "bled"),
        ("sing", "sing"),
        ("conflated", "conflat"),
        ("hopping", "hop"),
        ("falling", "fall"),
        ("filing", "file"),
        ("sky", "sky"),
        ("relational", "relat"),
        ("vietnamization", "vietnam"),
        ("triplicate", "triplic"),
        ("hopefulness", "hope"),
        ("adjustment", "adjust"),
        ("adoption", "adopt"),
        ("probate", "probat"),
        ("rate", "rate"),
        ("controll", "control"),
        ("roll", "roll"),
        ("one", "on"),
        ("fly", "fly"),
        # Two letters that are left become one, whichever they are.
        ("trekking", "trek"),
        ("trekkings", "trek"),
        ("revved", "rev"),
        ("trekk", "trekk"),
        ("desiccating", "desicc"),
        # Words of two letters stay, words of four keep their e.
        ("as", "as"),
        ("is", "is"),
        ("ties", "tie"),
        ("tied", "tie"),
        ("", ""),
        ("Caresses", "caress"),
    ],
)
def test_porter_follows_the_paper(word, stem):
    assert PorterStemmer()(word) == stem


def is_an_exception(word):
    short = len(word) == 4 and word.endswith(("ies", "ied"))
    return short or len(word) <= 2


@pytest.mark.data
def test_porter_is_the_original_in_nltk_but_for_the_exceptions(data_dir):
    nltk = pytest.importorskip("nltk.stem.porter")
    reference = nltk.PorterStemmer(nltk.PorterStemmer.ORIGINAL_ALGORITHM)
    with gzip.open(data_dir / "text" / "wiki40.txt.gz", "rt", encoding="utf-8") as file:
        text = file.read(4_000_000).lower()
    words = [w for w in {*re.findall("[a-z]+", text)} if not is_an_exception(w)]
    assert len(words) > 30_000
    ours = PorterStemmer()
    assert {w: ours(w) for w in words} == {w: reference.stem(w) for w in words}


@pytest.mark.parametrize(
    ("language", "words", "stem"),
    [
        ("english", ["generously", "generous"], "generous"),
        ("german", ["Häuser", "häusern"], "haus"),
        ("french", ["continuellement", "continuelle"], "continuel"),
        ("spanish", ["torneos", "torneo"], "torne"),
        ("russian", ["вагоны", "вагонов"], "вагон"),
    ],
)
def test_snowball_knows_other_languages(language, words, stem):
    assert {SnowballStemmer(language)(word) for word in words} == {stem}


def test_stemmers_work_in_threads():
    stem_word.cache_clear()
    words = [
        f"{word}{k}ing" for k in range(200) for word in ("connect", "relat", "hop")
    ]
    expected = [*map(PorterStemmer(), words)]
    stem_word.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(PorterStemmer(), words)] == expected


@pytest.mark.parametrize(
    ("language", "word", "lemma"),
    [
        ("en", "mice", "mouse"),
        ("en", "were", "be"),
        ("de", "Häuser", "Haus"),
        ("es", "perros", "perro"),
        ("en", "", ""),
    ],
)
def test_lemmatizer(language, word, lemma):
    assert Lemmatizer(language)(word) == lemma


def test_stop_words_become_nothing():
    assert [*map(StopWordFilter(), ["the", "The", "cat"])] == ["", "", "cat"]
    assert [*map(StopWordFilter(["Katze"]), ["die", "katze"])] == ["die", ""]


@pytest.mark.parametrize("normalizer", ALL, ids=repr)
def test_normalizers_are_values(normalizer):
    for twin in (
        copy.deepcopy(normalizer),
        clone(normalizer, safe=False),
        pickle.loads(pickle.dumps(normalizer)),
    ):
        assert twin == normalizer
        assert hash(twin) == hash(normalizer)
        assert twin("flies") == normalizer("flies")
    assert eval(repr(normalizer), globals()) == normalizer
    assert len({*ALL, normalizer}) == len(ALL)


def test_normalizers_of_other_parameters_differ():
    assert SnowballStemmer("german") != SnowballStemmer("french")
    assert Lemmatizer("de") != Lemmatizer("en")
    assert StopWordFilter() != StopWordFilter(["the"])
    assert StopWordFilter() == StopWordFilter(ENGLISH_STOP_WORDS)
    assert StopWordFilter() != ENGLISH_STOP_WORDS
    assert repr(StopWordFilter()) == "StopWordFilter()"


@pytest.mark.parametrize("normalizer", ALL, ids=repr)
@pytest.mark.parametrize("word", [None, 1, b"flies", ["flies"], float("nan")], ids=repr)
def test_what_is_no_word_is_refused(normalizer, word):
    with pytest.raises(TypeError, match=f"{type(normalizer).__name__} expects a str"):
        normalizer(word)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SnowballStemmer("klingon"), ValueError, "among .*german.*'klingon'"),
        (lambda: SnowballStemmer(None), TypeError, "SnowballStemmer must be a string"),
        (lambda: Lemmatizer("klingon"), ValueError, "'language' .*'klingon'"),
        (lambda: Lemmatizer(7), TypeError, "Lemmatizer must be a string, got 7"),
        (lambda: StopWordFilter("german"), ValueError, "'english' or a list"),
        (lambda: StopWordFilter(3), TypeError, "'words' .* got 3"),
        (
            lambda: StopWordFilter(["a", None]),
            TypeError,
            "StopWordFilter expects a str",
        ),
    ],
)
def test_wrong_parameters_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("snowballstemmer", lambda: SnowballStemmer("german")),
        ("simplemma", lambda: Lemmatizer()),
    ],
)
def test_without_the_library_the_extra_is_named(monkeypatch, library, call):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == library:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'sklearn_dl\[text\]'"):
        call()


def test_normalizers_of_a_word_tokenizer_come_one_after_the_other():
    text = "The owners of these houses were meeting"
    both = [StopWordFilter(), PorterStemmer()]
    assert WordTokenizer(normalizer=both).split(text) == ["owner", "hous", "meet"]
    lemmas = WordTokenizer(normalizer=Lemmatizer()).split("mice were here")
    assert lemmas == ["mouse", "be", "here"]


def test_a_search_over_normalizers_in_a_vectorizer_of_scikit_learn():
    texts = ["connected flies", "connecting fly", "plotted", "plotting mules"] * 3
    y = [0, 0, 1, 1] * 3
    pipeline = Pipeline(
        [
            ("words", WordTokenizer()),
            ("counts", CountVectorizer(analyzer=list)),
            ("model", MultinomialNB()),
        ]
    )
    choices = [None, PorterStemmer(), [StopWordFilter(), SnowballStemmer()]]
    search = GridSearchCV(pipeline, {"words__normalizer": choices}, cv=2)
    search.fit(texts, y)
    assert search.cv_results_["param_words__normalizer"].tolist() == choices
    search.set_params(param_grid={"words__normalizer": choices[1:2]}).fit(texts, y)
    names = search.best_estimator_["counts"].get_feature_names_out()
    assert [*names] == ["connect", "fli", "fly", "mule", "plot"]
