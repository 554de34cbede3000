"""What every transformer of texts does, whatever it makes of them."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from skops.io import dumps, get_untrusted_types, loads

from sklearn_dl.text import TfidfVectorizer
from tests.common.cases import construct_all, takes_texts

TEXTS = [
    "the cat sat on the mat",
    "the dog sat on the rug and the cat ran",
    "naïve café, 数字 漢字かな 😀 e\u0301",
    "a dog and a cat",
    "",
    "the mat is on the rug   \n",
]
MODELS = [estimator for estimator in construct_all() if takes_texts(estimator)]
each = pytest.mark.parametrize("estimator", MODELS, ids=str)


def seeded(estimator):
    estimator = clone(estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def as_lists(X):
    """Return what a transformer gives in a form that can be compared."""
    if sp.issparse(X):
        return X.toarray().tolist()
    return [row.tolist() if isinstance(row, np.ndarray) else list(row) for row in X]


def same(actual, expected, precise=True):
    if precise or not isinstance(expected, np.ndarray) or expected.dtype == object:
        assert as_lists(actual) == as_lists(expected)
    else:
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_there_are_some():
    assert {"CountVectorizer", "Word2Vec"} <= {type(e).__name__ for e in MODELS}


@each
def test_every_kind_of_collection_is_the_same(estimator):
    model = seeded(estimator)
    expected = model.fit_transform(list(TEXTS))
    array = np.array(TEXTS, dtype=object)
    collections = [
        tuple(TEXTS), array, np.array(TEXTS), pd.Series(TEXTS, index=range(5, 11)),
        pd.Series(TEXTS, dtype="string"), pd.Series(TEXTS, dtype="category"),
    ]  # fmt: skip
    for documents in collections:
        same(model.fit_transform(documents), expected)
        same(model.transform(documents), model.transform(TEXTS), precise=False)
    same(model.transform(text for text in TEXTS), model.transform(TEXTS))
    assert_array_equal(array, TEXTS)


@each
def test_arrow_columns(estimator):
    pytest.importorskip("pyarrow")
    model = seeded(estimator).fit(TEXTS)
    column = pd.Series(TEXTS, dtype="string[pyarrow]")
    same(model.transform(column), model.transform(TEXTS))


@each
def test_fit_again_and_fit_then_transform(estimator):
    model = seeded(estimator)
    first = model.fit_transform(TEXTS)
    same(model.fit_transform(TEXTS), first)
    # A share of the words is only made unknown while something is learned.
    same(seeded(estimator).fit(TEXTS).transform(TEXTS), first, precise=False)
    # Another corpus leaves nothing behind.
    model.fit(["the cat and the dog", "dog cat dog bird"])
    same(model.fit_transform(TEXTS), first)
    assert len(as_lists(first)) == len(TEXTS)


@each
def test_persistence(estimator):
    model = seeded(estimator).fit(TEXTS)
    expected = model.transform(TEXTS)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    skops = dumps(model)
    trusted = get_untrusted_types(data=skops)
    for again in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(file),
        loads(skops, trusted=trusted),
    ):
        same(again.transform(TEXTS), expected)


@each
def test_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        clone(estimator).transform(TEXTS)


@each
def test_single_strings_and_things_are_no_collections(estimator):
    model = seeded(estimator)
    with pytest.raises(ValueError, match="string object received"):
        model.fit("the cat and the dog")
    model.fit(TEXTS)
    with pytest.raises(ValueError, match="string object received"):
        model.transform("the cat")
    with pytest.raises((TypeError, ValueError)):
        model.fit(3)


@each
@pytest.mark.parametrize("wrong", [None, 3, float("nan"), pd.NA, b"\xff cat", ["a", 2]],
                         ids=str)  # fmt: skip
def test_documents_that_are_none(estimator, wrong):
    model = seeded(estimator).fit(TEXTS)
    for call in (seeded(estimator).fit, model.transform):
        with pytest.raises((TypeError, ValueError)):
            call([*TEXTS, wrong])


@each
def test_empty_documents_and_unknown_words(estimator):
    model = seeded(estimator).fit(TEXTS)
    for documents in (["", "", "  "], ["xyzzy qwfp", "\x00\x01", "\u017f"], ["cat"]):
        X = model.transform(documents)
        assert len(as_lists(X)) == len(documents)
        if sp.issparse(X) or X.dtype != object:
            assert np.isfinite(X.toarray() if sp.issparse(X) else X).all()
    if not isinstance(model, TfidfVectorizer):
        # scikit-learn's, of which ours is a drop-in, wants at least one.
        assert len(as_lists(model.transform([]))) == 0


@each
def test_rows_do_not_depend_on_other_rows(estimator):
    model = seeded(estimator).fit(TEXTS)
    X = as_lists(model.transform(TEXTS))
    parts = [as_lists(model.transform([text]))[0] for text in TEXTS]
    for row, part in zip(X, parts, strict=True):
        if isinstance(row[:1], list) and row and isinstance(row[0], float):
            np.testing.assert_allclose(part, row, atol=1e-5)
        else:
            assert part == row


@each
def test_a_very_long_document(estimator):
    documents = ["cat dog mat " * 20_000, *TEXTS, "x" * 100_000]
    X = seeded(estimator).fit(TEXTS).transform(documents)
    assert len(as_lists(X)) == len(documents)


@each
def test_nothing_to_learn_from(estimator):
    for documents in ([], ["", "  "]):
        model = seeded(estimator)
        try:
            model.fit(documents)
        except ValueError as error:
            assert str(error)
        else:
            assert len(as_lists(model.transform(TEXTS))) == len(TEXTS)


@each
def test_in_a_pipeline(estimator):
    pipeline = make_pipeline(seeded(estimator)).fit(TEXTS)
    same(pipeline.transform(TEXTS), seeded(estimator).fit(TEXTS).transform(TEXTS))
