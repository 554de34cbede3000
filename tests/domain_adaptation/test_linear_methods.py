"""CORAL, subspace alignment, the geodesic flow kernel and transfer components."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import eig, null_space, sqrtm, subspace_angles
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_dl.domain_adaptation import (
    CORAL,
    DomainSelector,
    GeodesicFlowKernel,
    SubspaceAlignment,
    TransferComponentAnalysis,
)

TRANSFORMERS = [
    CORAL(),
    SubspaceAlignment(n_components=2),
    GeodesicFlowKernel(n_components=2),
    TransferComponentAnalysis(n_components=2),
    TransferComponentAnalysis(n_components=2, kernel="rbf"),
]
each = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)


def domains_of(n_source=50, n_target=40, n_features=5, seed=0):
    """Return rows of two domains that differ in means and covariances, mixed."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(2, n_features, n_features))
    X = rng.normal(size=(n_source + n_target, n_features))
    domains = rng.permutation(np.repeat([0, -1], [n_source, n_target]))
    X[domains >= 0] = X[domains >= 0] @ mixing[0] + 1
    X[domains < 0] = X[domains < 0] @ mixing[1] - 1
    return X, domains


def parts(X, domains):
    return X[domains >= 0], X[domains < 0]


# CORAL


@pytest.mark.parametrize("reg", [0.1, 1.0, 10.0])
def test_coral_is_the_formula_of_the_paper(reg):
    X, domains = domains_of()
    source, target = parts(X, domains)
    of_source, of_target = (
        np.cov(rows.T) + reg * np.eye(5) for rows in (source, target)
    )
    expected = source @ np.linalg.inv(sqrtm(of_source)) @ sqrtm(of_target)
    mapped = CORAL(reg=reg).fit_transform(X, sample_domain=domains)
    np.testing.assert_allclose(mapped[domains >= 0], expected.real)
    np.testing.assert_array_equal(mapped[domains < 0], target)


def test_coral_gives_the_source_the_covariance_of_the_target():
    X, domains = domains_of()
    mapped, target = parts(
        CORAL(reg=0).fit_transform(X, sample_domain=domains), domains
    )
    np.testing.assert_allclose(np.cov(mapped.T), np.cov(target.T))


def test_coral_without_a_penalty_takes_what_a_singular_source_has():
    X, domains = domains_of(4, 40)
    mapped, _ = parts(CORAL(reg=0).fit_transform(X, sample_domain=domains), domains)
    assert np.isfinite(mapped).all() and np.abs(mapped).max() < 100
    assert np.linalg.matrix_rank(np.cov(mapped.T)) == 3


def test_coral_of_one_feature_scales_it():
    X = np.array([[0.0], [2.0], [10.0], [16.0]])
    model = CORAL(reg=0).fit(X, sample_domain=[0, 0, -1, -1])
    np.testing.assert_allclose(model.mapping_, [[3.0]])


def test_coral_with_one_domain_is_the_identity():
    X, _ = domains_of()
    np.testing.assert_array_equal(CORAL().fit_transform(X), X)
    np.testing.assert_array_equal(CORAL().fit(X).transform(X, np.zeros(90)), X)


# Subspace alignment


@pytest.mark.parametrize("n_components", [1, 3, 5])
def test_subspace_alignment_is_the_formula_of_the_paper(n_components):
    X, domains = domains_of()
    source, target = (rows - rows.mean(axis=0) for rows in parts(X, domains))
    of_source, of_target = (
        np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :n_components]
        for rows in (source, target)
    )
    mapped = SubspaceAlignment(n_components).fit_transform(X, sample_domain=domains)
    assert mapped.shape == (90, n_components)
    signs = np.sign((target @ of_target * mapped[domains < 0]).sum(axis=0))
    np.testing.assert_allclose(mapped[domains < 0], target @ of_target * signs)
    expected = source @ of_source @ of_source.T @ of_target * signs
    np.testing.assert_allclose(mapped[domains >= 0], expected)


def test_subspace_alignment_of_one_domain_is_principal_component_analysis():
    X, _ = domains_of()
    expected = PCA(2, svd_solver="full").fit_transform(X)
    model = SubspaceAlignment(2).fit(X)
    np.testing.assert_allclose(model.transform(X), expected)
    np.testing.assert_allclose(model.transform(X, np.zeros(90)), expected)


def test_subspace_alignment_chooses_as_many_components_as_the_flow_does():
    X, domains = domains_of(300, 200, 30)
    model = SubspaceAlignment().fit(X, sample_domain=domains)
    flow = GeodesicFlowKernel().fit(X, sample_domain=domains)
    assert model.n_components_ == flow.n_components_ < 30
    np.testing.assert_array_equal(model.disagreements_, flow.disagreements_)
    # With all components rows would only be turned, however the domains differ.
    source, _ = parts(X, domains)
    mapped, _ = parts(model.transform(X, domains), domains)
    assert np.linalg.norm(mapped) < 0.99 * np.linalg.norm(source - source.mean(axis=0))


def test_subspace_alignment_takes_no_more_components_than_both_domains_have():
    X, domains = domains_of(4, 40)
    assert SubspaceAlignment(3).fit(X, sample_domain=domains).n_components_ == 3
    with pytest.raises(ValueError, match="n_components of SubspaceAlignment"):
        SubspaceAlignment(4).fit(X, sample_domain=domains)


# Geodesic flow kernel


def flow(P, R, t):
    """The geodesic from the span of P to that of R, as in the paper, by complements."""
    complement = null_space(P.T)
    left, cosines, right = np.linalg.svd(P.T @ R)
    angles = np.arccos(np.clip(cosines, -1, 1))
    towards = -complement.T @ R @ right.T / np.sin(angles)
    return P @ left * np.cos(t * angles) - complement @ towards * np.sin(t * angles)


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_the_kernel_is_the_integral_along_the_flow(n_components):
    X, domains = domains_of(n_features=7)
    P, R = (
        PCA(n_components, svd_solver="full").fit(rows).components_.T
        for rows in parts(X, domains)
    )
    # The flow ends in the subspace of the target.
    np.testing.assert_allclose(subspace_angles(flow(P, R, 1.0), R), 0, atol=1e-6)
    expected, _ = quad_vec(lambda t: flow(P, R, t) @ flow(P, R, t).T, 0, 1)
    model = GeodesicFlowKernel(n_components).fit(X, sample_domain=domains)
    np.testing.assert_allclose(model.kernel_, expected, atol=1e-10)
    np.testing.assert_allclose(
        model.angles_, np.sort(subspace_angles(P, R)), atol=1e-10
    )


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-6, 1e-4, 1e-2, np.pi / 2])
def test_the_kernel_is_stable_for_small_and_large_angles(angle):
    rng = np.random.default_rng(0)
    # Along one direction of the plane, and along another that is at an angle to it.
    X = np.zeros((80, 3))
    X[:40, 0], X[40:, 0] = rng.normal(size=(2, 40))
    X[40:, 1] = X[40:, 0] * np.sin(angle)
    X[40:, 0] *= np.cos(angle)
    domains = np.repeat([0, -1], 40)
    kernel = GeodesicFlowKernel(1).fit(X, sample_domain=domains).kernel_
    expected, _ = quad_vec(
        lambda t: np.outer(*[[np.cos(t * angle), np.sin(t * angle), 0]] * 2), 0, 1
    )
    np.testing.assert_allclose(kernel, expected, rtol=0, atol=1e-12)


def test_rows_are_multiplied_with_the_root_of_the_kernel():
    X, domains = domains_of()
    model = GeodesicFlowKernel(2).fit(X, sample_domain=domains)
    np.testing.assert_allclose(model.mapping_, model.mapping_.T, atol=1e-12)
    np.testing.assert_allclose(
        model.mapping_ @ model.mapping_, model.kernel_, atol=1e-12
    )
    assert np.linalg.eigvalsh(model.mapping_).min() > -1e-12
    mapped = model.transform(X)
    np.testing.assert_allclose(mapped @ mapped.T, X @ model.kernel_ @ X.T, atol=1e-8)
    np.testing.assert_array_equal(model.transform(X, domains), mapped)


def test_the_kernel_of_one_domain_is_a_projection():
    X, _ = domains_of()
    basis = PCA(2, svd_solver="full").fit(X).components_
    model = GeodesicFlowKernel(2).fit(X)
    np.testing.assert_allclose(model.kernel_, basis.T @ basis, atol=1e-12)


def test_the_kernel_of_whole_spaces_is_the_identity():
    X, domains = domains_of()
    kernel = GeodesicFlowKernel(5).fit(X, sample_domain=domains).kernel_
    np.testing.assert_allclose(kernel, np.eye(5), atol=1e-10)


def test_the_number_of_components_is_chosen_by_the_disagreement_of_subspaces():
    X, domains = domains_of(300, 200, 30)
    model = GeodesicFlowKernel().fit(X, sample_domain=domains)
    source, target = parts(X, domains)

    def largest_angle(one, other, d):
        bases = (PCA(d, svd_solver="full").fit(Z).components_.T for Z in (one, other))
        return subspace_angles(*bases)[0]

    measures = [
        (np.sin(largest_angle(source, X, d)) + np.sin(largest_angle(target, X, d))) / 2
        for d in range(1, 16)
    ]
    reached = np.flatnonzero(np.array(measures) >= 0.99)
    expected = reached[0] + 1 if len(reached) else 15
    assert 1 <= model.n_components_ == expected
    np.testing.assert_allclose(model.disagreements_, measures[:expected])
    assert GeodesicFlowKernel(2).fit(X).disagreements_ is None


def test_disagreements_of_many_dimensions_are_those_of_few():
    # Above some size the largest angle is found by iterations.
    rng = np.random.default_rng(0)
    source = rng.normal(size=(200, 180)) * np.linspace(2, 1, 180)
    target = source + 1e-3 * rng.normal(size=source.shape)
    both = np.vstack([source, target])
    model = GeodesicFlowKernel().fit(both, sample_domain=np.repeat([0, -1], 200))
    assert model.n_components_ == 90
    bases = [
        PCA(90, svd_solver="full").fit(Z).components_ for Z in (source, target, both)
    ]
    for d in (61, 75, 90):
        sines = [
            np.sin(subspace_angles(basis[:d].T, bases[2][:d].T)[0])
            for basis in bases[:2]
        ]
        assert model.disagreements_[d - 1] == pytest.approx(np.mean(sines), rel=1e-6)


def test_the_time_to_choose_a_dimension_does_not_explode(monkeypatch):
    # Each dimension costs no decomposition where there are many.
    sizes = []
    module = "sklearn_dl.domain_adaptation._subspaces.svd"

    def counted(matrix, **params):
        sizes.append(len(matrix))
        return np.linalg.svd(matrix, **params)

    monkeypatch.setattr(module, counted)
    X = np.random.default_rng(0).normal(size=(220, 200))
    assert GeodesicFlowKernel().fit(X).n_components_ == 100
    assert 0 < max(sizes) <= 60


@pytest.mark.parametrize("constant", [0, 1])
@pytest.mark.parametrize("transformer", TRANSFORMERS[1:3], ids=repr)
def test_a_domain_of_rows_all_alike_makes_no_noise(transformer, constant):
    X, domains = domains_of()
    X[domains == -constant] = 0.5
    mapped = clone(transformer).fit_transform(X, sample_domain=domains)
    assert np.isfinite(mapped).all()


# Transfer component analysis


def transfer_components(K, domains, mu, n_components):
    """W of the paper, from matrices that are written out."""
    e = np.where(domains >= 0, 1 / (domains >= 0).sum(), -1 / (domains < 0).sum())
    L, H = np.outer(e, e), np.eye(len(K)) - 1 / len(K)
    values, vectors = eig(K @ H @ K, K @ L @ K + mu * np.eye(len(K)))
    order = np.argsort(-values.real)[:n_components]
    W = vectors[:, order].real
    # The paper's constraint up to the number of rows: components of variance 1.
    W *= np.sqrt(len(K) / np.einsum("ij,ik,kj->j", W, K @ H @ K, W))
    return values.real[order], W


@pytest.mark.parametrize("mu", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_transfer_components_are_the_formula_of_the_paper(kernel, mu):
    X, domains = domains_of()
    new = X[:7] + 0.5
    model = TransferComponentAnalysis(3, kernel=kernel, gamma=0.05, mu=mu)
    mapped = model.fit_transform(X, sample_domain=domains)

    def inner(Z):
        return Z @ X.T if kernel == "linear" else rbf_kernel(Z, X, gamma=0.05)

    values, W = transfer_components(inner(X), domains, mu, 3)
    np.testing.assert_allclose(model.eigenvalues_, values)
    signs = np.sign((inner(X) @ W * mapped).sum(axis=0))
    np.testing.assert_allclose(mapped, inner(X) @ W * signs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        model.transform(new), inner(new) @ W * signs, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(mapped.var(axis=0), 1)


def test_few_of_many_components_are_the_first_of_all():
    # Above some size they are found by iterations, not at once.
    X, domains = domains_of(150, 150)
    few = TransferComponentAnalysis(3, kernel="rbf")
    many = TransferComponentAnalysis(60, kernel="rbf")
    np.testing.assert_allclose(
        few.fit_transform(X, sample_domain=domains),
        many.fit_transform(X, sample_domain=domains)[:, :3],
        atol=1e-6,
    )


def test_a_small_mu_brings_the_means_together():
    X, domains = domains_of()
    gaps = []
    for mu in (1e-4, 1e6):
        model = TransferComponentAnalysis(2, mu=mu)
        source, target = parts(model.fit_transform(X, sample_domain=domains), domains)
        gaps.append(np.linalg.norm(source.mean(axis=0) - target.mean(axis=0)))
    assert gaps[0] < 1e-3 < 0.1 < gaps[1]


def test_transfer_components_of_one_domain_are_scaled_principal_components():
    X, _ = domains_of()
    mapped = TransferComponentAnalysis(2).fit_transform(X - X.mean(axis=0))
    expected = PCA(2, svd_solver="full", whiten=True).fit_transform(X)
    expected *= np.sqrt(90 / 89)
    signs = np.sign((mapped * expected).sum(axis=0))
    np.testing.assert_allclose(mapped, expected * signs)


def test_there_are_no_more_transfer_components_than_directions():
    X, domains = domains_of(n_features=3)
    X = np.hstack([X, X])
    model = TransferComponentAnalysis().fit(X, sample_domain=domains)
    assert model.n_components_ == 3 == model.transform(X).shape[1]
    assert len(model.get_feature_names_out()) == 3


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_rows_that_are_all_alike_have_no_transfer_component(kernel, value):
    X, domains = np.full((10, 3), value), np.repeat([0, -1], 5)
    model = TransferComponentAnalysis(kernel=kernel)
    with pytest.raises(ValueError, match="TransferComponentAnalysis expects rows that"):
        model.fit(X, sample_domain=domains)


def test_small_variations_of_large_numbers_are_transfer_components():
    X, domains = domains_of(n_features=3)
    plain = TransferComponentAnalysis().fit(X, sample_domain=domains)
    small = TransferComponentAnalysis(mu=1e-12).fit(X * 1e-3, sample_domain=domains)
    np.testing.assert_allclose(small.eigenvalues_, plain.eigenvalues_)
    far = TransferComponentAnalysis().fit(X * 1e-2 + 1e2, sample_domain=domains)
    assert far.n_components_ == plain.n_components_ == 3


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_the_order_of_the_rows_turns_no_transfer_component_round(kernel):
    X, domains = domains_of()
    model = TransferComponentAnalysis(5, kernel=kernel, gamma=0.05)
    expected = model.fit_transform(X, sample_domain=domains)
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(len(X))
        mapped = model.fit_transform(X[order], sample_domain=domains[order])
        np.testing.assert_allclose(mapped, expected[order], atol=1e-6)


# All of them


@each
def test_domains_come_from_the_labels_or_from_sample_domain(transformer):
    X, domains = domains_of()
    expected = clone(transformer).fit_transform(X, sample_domain=domains)
    numbered = np.where(domains < 0, -3, np.arange(90) % 2)
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=90)
    strings = np.array(["a", "b", "c"], dtype=object)[labels]
    for y in (
        np.where(domains < 0, -1, labels),
        np.where(domains < 0, np.nan, labels),
        np.where(domains < 0, None, strings),
    ):
        given = y.copy()
        np.testing.assert_array_equal(clone(transformer).fit_transform(X, y), expected)
        np.testing.assert_array_equal(y, given)
    mapped = clone(transformer).fit_transform(X, labels, sample_domain=numbered)
    np.testing.assert_array_equal(mapped, expected)


@each
def test_fit_transform_maps_each_row_as_what_it_is(transformer):
    X, domains = domains_of()
    mapped = clone(transformer).fit_transform(X, sample_domain=domains)
    fitted = clone(transformer).fit(X, sample_domain=domains)
    np.testing.assert_allclose(fitted.transform(X, domains), mapped, atol=1e-12)
    target = domains < 0
    np.testing.assert_allclose(fitted.transform(X)[target], mapped[target], atol=1e-12)
    np.testing.assert_allclose(
        fitted.transform(X[:9], domains[:9]), mapped[:9], atol=1e-12
    )


@each
def test_single_precision_stays_and_is_close_to_double(transformer):
    X, domains = domains_of()
    double = clone(transformer).fit_transform(X, sample_domain=domains)
    single = clone(transformer).fit_transform(
        X.astype(np.float32), sample_domain=domains
    )
    assert double.dtype == np.float64 and single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=0, atol=1e-3)


@each
def test_rows_stay_as_given_and_outputs_are_new_arrays(transformer):
    X, domains = domains_of()
    given = X.copy()
    mapped = clone(transformer).fit(X, sample_domain=domains).transform(X)
    mapped[:] = 0
    np.testing.assert_array_equal(X, given)


@each
def test_outputs_have_names(transformer):
    X, domains = domains_of()
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = clone(transformer).set_output(transform="pandas")
    mapped = model.fit_transform(frame, sample_domain=domains)
    prefix = type(model).__name__.lower()
    expected = {5: list("abcde"), 2: [f"{prefix}0", f"{prefix}1"]}[mapped.shape[1]]
    assert list(mapped.columns) == expected


@each
def test_a_pickle_maps_the_same(transformer):
    X, domains = domains_of()
    model = clone(transformer).fit(X, sample_domain=domains)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        loaded.transform(X, domains), model.transform(X, domains)
    )


@each
@pytest.mark.parametrize("routing", [False, True])
def test_a_search_passes_the_domains(transformer, routing):
    X, domains = domains_of()
    y = (X[:, 0] > X[:, 1]).astype(int)
    selector = DomainSelector(LogisticRegression())
    pipeline = make_pipeline(clone(transformer), selector)
    search = GridSearchCV(
        pipeline, {"domainselector__estimator__C": [0.1, 10.0]}, cv=3
    ).set_params(error_score="raise")
    named = {
        f"{pipeline.steps[0][0]}__sample_domain": domains,
        "domainselector__sample_domain": domains,
    }
    given = {"sample_domain": domains} if routing else named
    with config_context(enable_metadata_routing=routing):
        search.fit(X, y, **given)
    best = clone(pipeline).set_params(**search.best_params_).fit(X, y, **named)
    np.testing.assert_allclose(search.predict_proba(X), best.predict_proba(X))
    by_hand = clone(transformer)
    mapped = by_hand.fit_transform(X, sample_domain=domains)[domains >= 0]
    alone = clone(best[-1].estimator).fit(mapped, y[domains >= 0])
    np.testing.assert_allclose(
        best.predict_proba(X), alone.predict_proba(by_hand.transform(X))
    )


@each
@pytest.mark.parametrize(
    ("sample_domain", "match"),
    [
        (np.zeros(90), "2 rows of the target, got 0"),
        (-np.ones(90), "2 rows of the source, got 0"),
        (np.arange(90) - 1, "2 rows of the target, got 1"),
        (np.zeros(89), "90 rows of X"),
        (np.full(90, 0.5), "whole numbers"),
        (np.full(90, "s"), "whole numbers"),
        (np.where(np.arange(90) == 7, np.uint64(2**63), np.uint64(0)), "in row 7"),
        (np.where(np.arange(90) == 7, 1e20, -1.0), r"got 1e\+20 in row 7"),
        (np.where(np.arange(90) == 7, np.nan, -1.0), "got nan in row 7"),
        ([*[0] * 7, "a", *[-1] * 82], "got '0' in row 0"),
        ([0, 2**63, *[-1] * 88], r"got 9.*e\+18 in row 1"),
        (np.array([0, 2**63, *[-1] * 88], object), f"got {2**63} in row 1"),
        ([0, 2**70, *[-1] * 88], f"got {2**70} in row 1"),
        ([0, None, *[-1] * 88], "got None in row 1"),
        (np.array([0, True, *[-1] * 88], dtype=object), "got True in row 1"),
        (np.array([0, np.float64("inf"), *[-1] * 88], dtype=object), "got .*inf"),
    ],
)
def test_domains_that_make_no_sense_are_refused(transformer, sample_domain, match):
    X, _ = domains_of()
    with pytest.raises(ValueError, match=match):
        clone(transformer).fit(X, sample_domain=sample_domain)


def test_domains_may_be_whole_numbers_of_any_type():
    X, domains = domains_of()
    expected = CORAL().fit_transform(X, sample_domain=domains)
    for passed in (
        domains.astype(object),
        domains.astype(np.float16),
        domains.astype(float).astype(object),
        np.where(domains < 0, -(2**63), 2**63 - 1),
        pd.Series(domains, dtype="Int64"),
    ):
        found = CORAL().fit_transform(X, sample_domain=passed)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("transformer", "name"),
    [
        (CORAL(reg=-1.0), "reg"),
        (SubspaceAlignment(0), "n_components"),
        (GeodesicFlowKernel("all"), "n_components"),
        (GeodesicFlowKernel(6), "n_components"),
        (TransferComponentAnalysis(0), "n_components"),
        (TransferComponentAnalysis(kernel="poly"), "kernel"),
        (TransferComponentAnalysis(gamma=0.0), "gamma"),
        (TransferComponentAnalysis(mu=0.0), "mu"),
    ],
)
def test_bad_parameters_are_named(transformer, name):
    X, domains = domains_of()
    with pytest.raises(ValueError, match=name):
        transformer.fit(X, sample_domain=domains)


@each
def test_transform_needs_a_fit_and_the_same_features(transformer):
    X, domains = domains_of()
    model = clone(transformer)
    with pytest.raises(NotFittedError):
        model.transform(X)
    model.fit(X, sample_domain=domains)
    with pytest.raises(ValueError, match="features"):
        model.transform(X[:, :4])
    with pytest.raises(ValueError, match="90 rows"):
        model.transform(X, sample_domain=[0])


@pytest.mark.parametrize(
    "transformer", [SubspaceAlignment(1), GeodesicFlowKernel(1)], ids=repr
)
def test_a_signal_that_was_turned_away_is_found_again(transformer):
    """Classes differ along one direction, which is another in each domain."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    signal = np.where(y == 1, 4.0, -4.0) + rng.normal(size=400)
    X = rng.normal(size=(400, 20))
    turn = np.where(np.arange(400) < 200, 0.0, 1.45)
    X[:, 0] = signal * np.cos(turn)
    X[:, 1] += signal * np.sin(turn)
    y_masked = np.where(np.arange(400) < 200, y, -1)
    nearest = DomainSelector(KNeighborsClassifier(1))
    before = nearest.fit(X, y_masked).score(X[200:], y[200:])
    pipeline = make_pipeline(transformer, nearest).fit(X, y_masked)
    assert before < 0.85
    assert pipeline.score(X[200:], y[200:]) > 0.95


def test_coral_undoes_a_mixing_of_features():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=2000)
    X = np.stack([2.0 * y - 1, rng.normal(size=2000)], axis=1)
    X[:, 0] += rng.normal(scale=0.1, size=2000)
    X[1000:] = X[1000:] @ [[2.0, 1.8], [1.8, 2.0]]
    y_masked = np.where(np.arange(2000) < 1000, y, -1)
    alone = DomainSelector(LogisticRegression())
    before = alone.fit(X, y_masked).score(X[1000:], y[1000:])
    pipeline = make_pipeline(CORAL(reg=0), alone).fit(X, y_masked)
    assert before < 0.9
    assert pipeline.score(X[1000:], y[1000:]) > 0.97


def test_transfer_components_leave_out_what_moved():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    X = rng.normal(size=(400, 2))
    X[:, 0] += np.where(y == 1, 3, -3)
    X[200:, 1] += 100
    y_masked = np.where(np.arange(400) < 200, y, -1)
    nearest = DomainSelector(KNeighborsClassifier(1))
    before = nearest.fit(X, y_masked).score(X[200:], y[200:])
    tca = TransferComponentAnalysis(1)
    pipeline = make_pipeline(tca, nearest).fit(X, y_masked)
    assert before < 0.9
    assert pipeline.score(X[200:], y[200:]) > 0.97
