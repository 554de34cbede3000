"""Four arrays become three and come back as they were."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_dl.domain_adaptation import pack, unpack

X = np.arange(8.0).reshape(4, 2)
XT = 10 + np.arange(6.0).reshape(3, 2)
Y = np.array([0, 1, 2, 1])


def as_dense(rows):
    return rows.toarray() if sparse.issparse(rows) else np.asarray(rows)


def test_sources_come_first_with_domain_0_and_targets_after_with_minus_1():
    rows, y, domains = pack(X, Y, XT)
    np.testing.assert_array_equal(rows, np.vstack([X, XT]))
    assert y.tolist() == [0, 1, 2, 1, -1, -1, -1]
    assert y.dtype == Y.dtype
    assert domains.tolist() == [0, 0, 0, 0, -1, -1, -1]
    assert domains.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "mask"),
    [
        ([0, 1, 2, 1], -1),
        (np.array([0, 1, 2, 1], dtype=np.int32), -1),
        (np.array([0, 1, 2, 1], dtype=np.uint8), -1),
        ([True, False, True, True], -1),
        (["a", "b", "c", "b"], None),
        (np.array(["a", "b", "c", "b"], dtype=object), None),
    ],
)
def test_missing_labels_are_masked_as_labels_of_this_kind(labels, mask):
    _, y, _ = pack(X, labels, XT)
    assert y[:4].tolist() == np.asarray(labels).tolist()
    assert y[4:].tolist() == [mask] * 3
    assert y.dtype.kind == ("O" if mask is None else "i")


def test_numbers_to_be_predicted_are_masked_with_nan_and_keep_their_precision():
    _, y, _ = pack(X, np.array([-1.0, 0.5, 2.0, 1.0], dtype=np.float32), XT)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, [-1, 0.5, 2, 1, *[np.nan] * 3])


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        lambda rows: np.asarray(rows, dtype=np.float32),
        lambda rows: rows.reshape(-1, 2, 1),
        sparse.csr_matrix,
        sparse.csc_array,
        lambda rows: pd.DataFrame(rows, columns=["b", "a"]),
        lambda rows: rows.tolist(),
        lambda rows: [str(row) for row in rows],
        lambda rows: [row[: 1 + k] for k, row in enumerate(rows)],
    ],
    ids=["2d", "float32", "3d", "csr", "csc", "frame", "list", "texts", "ragged"],
)
@pytest.mark.parametrize("yt", [None, [2, -1, 0], [2, 1, 0]])
def test_the_way_back_is_exact(make, yt):
    source, target = make(X), make(XT)
    rows, y, domains = pack(source, Y, target, yt)
    assert type(rows) is type(source)
    back, labels, target_back, target_labels = unpack(rows, y, domains)
    for expected, found in ((source, back), (target, target_back)):
        assert type(found) is type(expected)
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found, expected)
        elif isinstance(expected, list):
            assert all(
                np.array_equal(a, b) for a, b in zip(found, expected, strict=True)
            )
        else:
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(as_dense(found), as_dense(expected))
    assert labels.tolist() == Y.tolist()
    if yt is None:
        assert target_labels is None
    else:
        assert target_labels.tolist() == yt


@pytest.mark.parametrize("make", [np.asarray, np.ndarray.tolist, sparse.csr_array])
def test_several_sources_and_targets_are_lists(make):
    sources, labels = [make(X), make(X[:2] + 1)], [Y, Y[:2]]
    targets = [make(XT), make(XT + 5)]
    for target_labels in (None, [None, [1, 1, 2]]):
        rows, y, domains = pack(sources, labels, targets, target_labels)
        assert domains.tolist() == [0] * 4 + [1] * 2 + [-1] * 3 + [-2] * 3
        back, y_back, targets_back, yt_back = unpack(rows, y, domains)
        for found, expected in zip(
            [*back, *targets_back], [*sources, *targets], strict=True
        ):
            np.testing.assert_array_equal(as_dense(found), as_dense(expected))
        assert [part.tolist() for part in y_back] == [part.tolist() for part in labels]
        assert yt_back[0] is None
        if target_labels is None:
            assert yt_back[1] is None
        else:
            assert yt_back[1].tolist() == [1, 1, 2]


def test_unpack_sorts_mixed_rows_into_their_domains():
    back, y, target, yt = unpack(
        [[1.0], [2.0], [3.0], [4.0]], ["a", None, "b", "b"], [3, -2, 0, -2]
    )
    assert back == [[[3.0]], [[1.0]]]
    assert [part.tolist() for part in y] == [["b"], ["a"]]
    assert target == [[2.0], [4.0]]
    assert yt.tolist() == [None, "b"]


def test_what_was_passed_is_not_changed():
    rows, labels, target = X.copy(), Y.copy(), XT.copy()
    packed, y, _ = pack(rows, labels, target)
    packed[:], y[:] = 99, 99
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, Y)
    np.testing.assert_array_equal(target, XT)


def test_a_class_minus_1_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"y\[2\]=.*-1.*encode the classes from 0"):
        pack(X, [1, 1, -1, 1], XT)
    with pytest.raises(ValueError, match="label for each row of a source"):
        pack(X, [1.0, np.nan, 2.0, 1.0], XT)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y[:3], XT), ValueError, "3 labels for the 4 rows of domain 0"),
        ((X, Y, XT, [0, 1]), ValueError, "2 labels for the 3 rows of domain -1"),
        ((X, Y, XT[:, :1]), ValueError, "one shape in all domains"),
        ((X, Y, XT[:0]), ValueError, r"rows in each domain, got \[4\].*\[0\]"),
        ((X, Y, sparse.csr_array(XT)), TypeError, "rows of one kind"),
        ((pd.DataFrame(X), Y, XT), TypeError, "rows of one kind"),
        (
            (sparse.csr_array(X), Y, sparse.csr_array(XT[:, :1])),
            ValueError,
            r"same number of features in all domains, got \[1, 2\]",
        ),
        (
            (pd.DataFrame(X), Y, pd.DataFrame(XT, columns=["a", "b"])),
            ValueError,
            "same columns in the same order",
        ),
        ((X, Y, XT, ["a", "b", "c"]), ValueError, "labels of one kind"),
        ((X, [Y, Y], XT), ValueError, "X to be a list with the rows of each source"),
        ((X, Y, [XT, XT], [0, 1, 2]), ValueError, "yt to be None or a list"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        pack(*arguments)


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        ([0, 0, 0, 0], "rows of a source .* and of a target"),
        ([-1, -1, -1, -1], "rows of a source .* and of a target"),
        ([0, -1], "one number for each of the 4 rows"),
        ([0, 0.5, -1, -1], "whole numbers"),
    ],
)
def test_unpack_refuses_domains_without_source_or_target(domains, message):
    with pytest.raises(ValueError, match=message):
        unpack(X, Y, domains)
    with pytest.raises(ValueError, match="label for each of the 4 rows"):
        unpack(X, Y[:2], [0, 0, -1, -1])


def test_unsigned_labels_that_would_become_negative_are_refused():
    labels = np.array([0, 1, 2**63 + 1, 1], dtype=np.uint64)
    with pytest.raises(ValueError, match=f"got {2**63 + 1}. Encode the classes"):
        pack(X, labels, XT)
    # The largest that fits stays what it is, and without a mask so does each.
    labels[2] = 2**63 - 1
    assert pack(X, labels, XT)[1].tolist() == [0, 1, 2**63 - 1, 1, -1, -1, -1]
    labels[2] = 2**63 + 1
    _, packed, _ = pack(X, labels, XT, labels[:3])
    assert packed.tolist() == [*labels.tolist(), *labels[:3].tolist()]
