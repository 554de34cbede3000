"""Networks that adapt: DANN and those that it is compared with."""

import pickle
from fnmatch import fnmatch

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from skorch.callbacks import Callback, Freezer
from torch.nn import functional as F

from sklearn_dl._skorch import PairedBatches
from sklearn_dl.domain_adaptation import (
    CDANClassifier,
    DANClassifier,
    DANNClassifier,
    DANNRegressor,
    DANNTransformer,
    DDCClassifier,
    DeepCORALClassifier,
    MCDClassifier,
)
from sklearn_dl.modules import mk_mmd
from sklearn_dl.neural_network import CNNClassifier, MLPClassifier, RNNClassifier

CLASSIFIERS = [
    CDANClassifier,
    DANClassifier,
    DANNClassifier,
    DDCClassifier,
    DeepCORALClassifier,
    MCDClassifier,
]
FAST = {"hidden_layer_sizes": (10,), "max_iter": 3, "random_state": 0}


@pytest.fixture
def shifted():
    """Two classes, and the same moved: rows, labels and domains."""
    X, y = make_blobs(120, centers=[[0, 0], [4, 4]], random_state=0)
    Xt, yt = make_blobs(60, centers=[[1.5, 1.5], [5.5, 5.5]], random_state=1)
    domain = np.repeat([0, -1], [120, 60])
    return np.vstack([X, Xt]), np.concatenate([y, yt]), domain


def hidden(y, domain):
    return np.where(domain < 0, -1, y)


# -- batches ---------------------------------------------------------------------------


def batches_of(groups, sizes):
    groups = np.asarray(groups)
    X = np.arange(len(groups), dtype=np.float64)[:, None]
    return PairedBatches(X, torch.zeros(len(X)), None, groups=groups, sizes=sizes)


def test_batches_hold_rows_of_every_group_and_begin_small_groups_again():
    batches = batches_of([0, 1, 0, 1, 0, 0, 0, 0], [2, 1])
    seen = [X[:, 0].tolist() for X, _, _ in batches.ordered()]
    assert seen == [[0, 2, 1], [4, 5, 3], [6, 7, 1]]
    assert (batches.n_batches, batches.n_drawn) == (3, 9)


def test_a_permutation_orders_each_group_by_itself():
    batches = batches_of([0, 1, 0, 1], [1, 1])
    order = np.array([3, 2, 1, 0])
    seen = [X[:, 0].tolist() for X, _, _ in batches.permuted(order)]
    assert seen == [[2, 3], [0, 1]]


def test_half_of_a_batch_is_target_and_small_sets_shrink_it(shifted):
    X, y, domain = shifted
    net = DANNClassifier(**FAST, batch_size=40).fit(X, y, domain).net_
    assert net.domains_.codes.tolist() == [0] * 20 + [1] * 20
    rows = np.r_[:50, 120:125]
    net = DANNClassifier(**FAST, batch_size=40).fit(X[rows], y[rows], domain[rows]).net_
    assert net.domains_.codes.tolist() == [0] * 20 + [1] * 5


def test_several_sources_and_targets_have_equal_shares(shifted):
    X, y, domain = shifted
    domain = domain.copy()
    domain[:60], domain[150:] = 3, -2
    model = DANNClassifier(**FAST, batch_size=40).fit(X, y, domain)
    assert model.domains_.tolist() == [-2, -1, 0, 3]
    # Sources by their numbers, then the targets -1 and -2.
    assert model.net_.domains_.codes.bincount().tolist() == [10] * 4
    head = model.net_.module_.domain_head
    assert head.dense[-1].out_features == 4


# -- the convention --------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_labels_of_the_target_are_never_used(cls, shifted):
    X, y, domain = shifted
    models = [
        cls(**FAST).fit(X, labels, sample_domain=domain)
        for labels in (y, hidden(y, domain), np.where(domain < 0, 1 - y, y))
    ]
    models.append(cls(**FAST).fit(X, hidden(y, domain)))
    expected = models[0].predict_proba(X)
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict_proba(X), expected)
        assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_target_rows_make_a_difference(cls, shifted):
    X, y, domain = shifted
    params = FAST | {"lambda_schedule": "constant"}
    adapted = cls(**params).fit(X, y, domain)
    source = domain >= 0
    plain = cls(**params).fit(X[source], y[source])
    assert abs(adapted.predict_proba(X) - plain.predict_proba(X)).max() > 1e-4
    assert adapted.history_[-1]["domain_loss"] > 0 or cls is MCDClassifier
    assert plain.history_[-1]["domain_loss"] == 0


def test_without_strength_the_body_learns_from_the_source_alone(shifted):
    X, y, domain = shifted
    params = FAST | {"max_lambda": 0.0, "alpha": 0.0, "batch_size": 400}
    first = DANNClassifier(**params).fit(X, y, domain)
    moved = np.where((domain < 0)[:, None], X + 100, X)
    second = DANNClassifier(**params).fit(moved, y, domain)
    np.testing.assert_allclose(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"], dtype=object),
        np.array([0.0, 1.0]),
        np.array([3, 7]),
    ],
    ids=["objects", "floats", "integers"],
)
def test_masks_of_any_type_of_label(labels, shifted):
    X, y, domain = shifted
    named = labels[y]
    masked = named.copy()
    masked[domain < 0] = {"O": None, "f": np.nan, "i": -1}[named.dtype.kind]
    given = masked.copy()
    model = DANNClassifier(**FAST).fit(X, masked)
    assert model.classes_.tolist() == labels.tolist()
    assert set(model.predict(X)) <= set(labels)
    assert model.predict_proba(X).shape == (len(X), 2)
    assert pd.Series(given).equals(pd.Series(masked))


def test_predictions_of_all_rows_whatever_their_domain(shifted):
    X, y, domain = shifted
    model = DANNClassifier(**FAST).fit(X, y, domain)
    for method in ("predict", "predict_proba", "predict_log_proba", "predict_features"):
        given = getattr(model, method)(X, sample_domain=domain)
        np.testing.assert_array_equal(given, getattr(model, method)(X))
        assert len(given) == len(X)
    assert model.score(X, y, sample_domain=domain) == model.score(X, y)


def test_weights_of_zero_are_rows_that_are_not_there(shifted):
    X, y, domain = shifted
    params = FAST | {"batch_size": 400}
    weight = np.ones(len(X))
    out = np.r_[:10, 120:125]
    weight[out] = 0
    kept = np.delete(np.arange(len(X)), out)
    weighted = DANNClassifier(**params).fit(X, y, domain, sample_weight=weight)
    without = DANNClassifier(**params).fit(X[kept], y[kept], domain[kept])
    np.testing.assert_allclose(
        weighted.predict_proba(X), without.predict_proba(X), atol=1e-6
    )


class Listener(Callback):
    """Who listens to batches is told outputs, which autograd's way has."""

    def on_batch_end(self, net, **_):
        assert net.output_ is not None


@pytest.mark.parametrize("n_domains", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (DANNClassifier, {}),
        (DANNClassifier, {"activation": "tanh", "label_layer_sizes": (5,)}),
        (DANNClassifier, {"hidden_layer_sizes": (), "domain_layer_sizes": ()}),
        (DANNRegressor, {"activation": "logistic"}),
    ],
)
def test_gradients_that_are_written_out_are_those_of_autograd(
    cls, params, weighted, n_domains, shifted
):
    X, y, domain = shifted
    if n_domains == 3:
        y, domain = y + (np.arange(len(y)) % 2), domain - (np.arange(len(y)) % 2)
        domain[:120] = 0
        y[120:] = -1
    target = y.astype(float) if cls is DANNRegressor else y
    weight = np.linspace(0.1, 2, len(X)) if weighted else None
    params = FAST | {"lambda_schedule": "constant", "batch_size": 50} | params
    written = cls(**params).fit(X, target, domain, weight)
    autograd = cls(**params, callbacks=[Listener()]).fit(X, target, domain, weight)
    for expected, got in zip(
        autograd.net_.module_.parameters(),
        written.net_.module_.parameters(),
        strict=True,
    ):
        torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-9)
    for name in ("label_loss", "domain_loss"):
        assert written.history_[-1][name] == pytest.approx(autograd.history_[-1][name])


def trained_by_hand(model, X, y, n_epochs):
    """Train a network in a plain loop; yields its parameters.

    One batch holds all rows, half of them source. Momentum, schedule and strength are
    those of the paper.
    """
    network = model.net_.module_
    n = len(X) // 2
    X, y = torch.tensor(X), torch.tensor(y[:n])
    weight = torch.linspace(0.5, 1.5, 2 * n, dtype=torch.float64)
    shares = torch.cat([part / part.sum() / 2 for part in weight.split(n)])
    codes = torch.repeat_interleave(torch.tensor([0.0, 1.0]).double(), n)
    groups = {
        name: list(getattr(network, name).parameters())
        for name in ("body", "label_head", "domain_head", "other_head")
        if hasattr(network, name)
    }
    velocity = {p: torch.zeros_like(p) for part in groups.values() for p in part}

    def step(parameters, gradients, rate):
        for p, gradient in zip(parameters, gradients, strict=True):
            velocity[p] = 0.9 * velocity[p] + gradient
            p.data -= rate * velocity[p]

    def label_loss(output):
        losses = F.cross_entropy(output[:n], y, reduction="none")
        return (losses * weight[:n]).sum() / weight[:n].sum()

    def outputs():
        features = network.body(X)
        heads = [network.label_head, getattr(network, "other_head", None)]
        return features, [head(features) for head in heads if head is not None]

    for epoch in range(n_epochs):
        progress = epoch / n_epochs
        strength = 2 / (1 + np.exp(-10 * progress)) - 1
        rate = 0.1 / (1 + 10 * progress) ** 0.75
        features, outs = outputs()
        loss = sum(map(label_loss, outs))
        everything = [p for part in groups.values() for p in part]
        kind = type(model).__name__
        if kind == "DANClassifier":
            distance = mk_mmd(features[:n], features[n:], weight[:n], weight[n:])
            loss = loss + strength * distance
        if kind in ("DANNClassifier", "CDANClassifier"):
            seen, row_shares = features, shares
            if kind == "CDANClassifier":
                p = outs[0].softmax(1)
                certain = shares * (1 + torch.exp((p * p.log()).sum(1)))
                row_shares = torch.cat(
                    [s / s.detach().sum() / 2 for s in certain.split(n)]
                )
                seen = torch.einsum("nk,nf->nkf", p.detach(), features).flatten(1)
            logits = network.domain_head(seen)[:, 0]
            losses = F.binary_cross_entropy_with_logits(logits, codes, reduction="none")
            of_domains = (losses * row_shares).sum()
            gradients = []
            for name, part in groups.items():
                by_labels = torch.autograd.grad(
                    loss, part, retain_graph=True, allow_unused=True
                )
                by_domains = torch.autograd.grad(
                    of_domains, part, retain_graph=True, allow_unused=True
                )
                sign = 1.0 if name == "domain_head" else -strength
                gradients += [
                    (0 if a is None else a) + sign * (0 if b is None else b)
                    for a, b in zip(by_labels, by_domains, strict=True)
                ]
            step(everything, gradients, rate)
            continue
        step(everything, torch.autograd.grad(loss, everything), rate)
        if kind == "MCDClassifier":
            heads = groups["label_head"] + groups["other_head"]
            for turn in range(1 + model.n_body_steps):
                _, outs = outputs()
                apart = (outs[0].softmax(1) - outs[1].softmax(1)).abs().mean(1)[n:]
                apart = strength * (apart * weight[n:]).sum() / weight[n:].sum()
                part = groups["body"] if turn else heads
                value = apart if turn else sum(map(label_loss, outs)) - apart
                step(part, torch.autograd.grad(value, part), rate)
    return everything


@pytest.mark.parametrize(
    "cls", [DANNClassifier, CDANClassifier, DANClassifier, MCDClassifier]
)
def test_training_is_that_of_a_plain_loop(cls):
    X, y = make_blobs(64, centers=3, n_features=3, random_state=0)
    X = X / X.std() + np.where(np.arange(64) < 32, 0, 0.3)[:, None]
    y[:3] = 0, 1, 2
    masked = np.where(np.arange(64) < 32, y, -1)
    params = {"hidden_layer_sizes": (6,), "activation": "tanh", "batch_size": 64}
    params |= {"random_state": 0, "alpha": 0.0}
    weight = np.linspace(0.5, 1.5, 64)
    # So small a rate leaves the weights as they begin.
    by_hand = cls(**params, max_iter=1, learning_rate_init=1e-300)
    by_hand.fit(X, masked, sample_weight=weight)
    expected = trained_by_hand(by_hand, X, masked, n_epochs=6)
    model = cls(**params, max_iter=6, learning_rate_init=0.1)
    model.fit(X, masked, sample_weight=weight)
    got = list(model.net_.module_.parameters())
    names = [name for name, _ in by_hand.net_.module_.named_parameters()]
    order = {id(p): k for k, p in enumerate(by_hand.net_.module_.parameters())}
    for p in expected:
        k = order[id(p)]
        torch.testing.assert_close(got[k], p, rtol=1e-8, atol=1e-10, msg=names[k])


def test_small_weights_of_the_source_leave_the_domains_alike(shifted):
    X, y, domain = shifted
    params = FAST | {"batch_size": 400, "max_lambda": 0.0, "alpha": 0.0}
    weight = np.where(domain < 0, 1.0, 1e-3)
    plain = DANNClassifier(**params).fit(X, y, domain)
    weighted = DANNClassifier(**params).fit(X, y, domain, weight)
    for name in ("label_loss", "domain_loss"):
        expected = plain.history_[-1][name]
        assert weighted.history_[-1][name] == pytest.approx(expected)


def test_parameters_that_are_set_after_a_fit_change_no_prediction(shifted):
    X, y, domain = shifted
    dense = DANNClassifier(**FAST).fit(X, y, domain)
    expected = dense.predict_proba(X)
    dense.set_params(body=CNNClassifier())
    np.testing.assert_array_equal(dense.predict_proba(X), expected)
    other = DANNClassifier(body=MLPClassifier((4,)), **FAST).fit(X, y, domain)
    expected = other.predict_features(X)
    other.set_params(body=None)
    np.testing.assert_array_equal(other.predict_features(X), expected)
    assert other.fit(X, y, domain).body_ is None


@pytest.mark.parametrize("frozen", ["body.*", "label_head.*", "*head.*"])
def test_frozen_parts_do_not_step(frozen, shifted):
    X, y, domain = shifted
    model = MCDClassifier(**FAST, callbacks=[Freezer(frozen)]).fit(X, y, domain)
    start = MCDClassifier(**FAST | {"max_iter": 1}, learning_rate_init=1e-300)
    before = dict(start.fit(X, y, domain).net_.module_.named_parameters())
    for name, p in model.net_.module_.named_parameters():
        is_frozen = fnmatch(name, frozen)
        assert torch.equal(p, before[name]) == is_frozen, name


def test_discrepancy_without_hidden_layers(shifted):
    X, y, domain = shifted
    model = MCDClassifier((), max_iter=2, random_state=0).fit(X, y, domain)
    assert model.predict(X).shape == y.shape


def test_numbers_among_objects_are_numbers(shifted):
    X, y, domain = shifted
    masked = y.astype(object)
    masked[domain < 0] = None
    model = DANNClassifier(**FAST).fit(X, masked)
    assert model.classes_.tolist() == [0, 1]
    assert model.classes_.dtype.kind == "i"


def test_classes_of_another_type_in_the_target_are_refused(shifted):
    X, y, domain = shifted
    labels = np.array(["a", "b"], dtype=object)[y]
    labels[-1] = 3
    with pytest.raises(TypeError, match=r"labels of one type .* got \['int', 'str'\]"):
        DANNClassifier(**FAST).fit(X, labels, domain)


def test_tags_of_the_transformer_draw_no_numbers(shifted):
    X, y, domain = shifted
    features = []
    for n_looks in (0, 2):
        random_state = np.random.RandomState(0)
        model = DANNTransformer(DANNClassifier(**FAST), random_state=random_state)
        for _ in range(n_looks):
            get_tags(model)
        features.append(model.fit_transform(X, y, domain))
    np.testing.assert_array_equal(*features)


# -- what they learn -------------------------------------------------------------------


@pytest.mark.parametrize("cls", [c for c in CLASSIFIERS if c is not MCDClassifier])
def test_adaptation_is_better_than_the_source_alone(cls, shifted):
    X, y, domain = shifted
    params = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.05}
    params |= {"activation": "tanh", "random_state": 0, "max_iter": 60}
    source, target = domain >= 0, domain < 0
    plain = cls(**params).fit(X[source], y[source])
    adapted = cls(**params).fit(X, hidden(y, domain))
    before, after = (m.score(X[target], y[target]) for m in (plain, adapted))
    assert after > before + 0.1


def test_regression_leaves_out_what_gives_the_domain_away():
    params = {"hidden_layer_sizes": (10,), "activation": "tanh"}
    params |= {"learning_rate_init": 0.01}
    scores = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=200)
        X = np.column_stack([y, y]) + 0.3 * rng.normal(size=(200, 2))
        # One of two good features is moved in the target.
        X[100:, 1] += 3
        masked = np.concatenate([y[:100], np.full(100, np.nan)])
        plain = DANNRegressor(**params, random_state=seed).fit(X[:100], y[:100])
        adapted = DANNRegressor(**params, random_state=seed).fit(X, masked)
        scores.append([m.score(X[100:], y[100:]) for m in (plain, adapted)])
    before, after = np.mean(scores, axis=0)
    assert after > before + 0.2


def test_losses_are_in_the_history(shifted):
    X, y, domain = shifted
    history = DANNClassifier(**FAST).fit(X, y, domain).history_
    for row in history:
        total = row["label_loss"] + row["domain_loss"]
        assert row["train_loss"] == pytest.approx(total, rel=0.05)
    rates = [row["learning_rate"] for row in history]
    assert rates[0] > rates[1] > rates[2]
    assert rates[-1] == pytest.approx(
        0.01 / (1 + 10 * (2 / 3 + 2 / 9)) ** 0.75, rel=0.2
    )


def test_steps_of_the_discrepancy_are_in_the_history(shifted):
    X, y, domain = shifted
    row = MCDClassifier(**FAST, n_body_steps=2).fit(X, y, domain).history_[-1]
    assert {"heads_loss", "body_loss", "body_loss_2"} <= set(row)
    assert "body_loss_3" not in row


# -- bodies ----------------------------------------------------------------------------


def test_a_convolutional_body():
    X, y = load_digits(return_X_y=True)
    images = X[:300].reshape(-1, 8, 8)
    masked = np.where(np.arange(300) < 200, y[:300], -1)
    layers = [{"layer": "conv", "filters": 4, "kernel_size": 3}, "flatten"]
    body = CNNClassifier(layers)
    model = DANNClassifier(body=body, max_iter=2, random_state=0).fit(images, masked)
    assert model.predict(images).shape == (300,)
    assert model.predict_features(images).shape == (300, 4 * 8 * 8)
    assert not hasattr(body, "net_")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_proba(images), model.predict_proba(images)
    )


def test_a_recurrent_body_reads_sequences_of_any_length():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(2, 6, 40)]
    y = np.where(np.arange(40) < 20, np.arange(40) % 2, -1)
    body = RNNClassifier(hidden_size=6)
    model = DANNClassifier(body=body, max_iter=2, random_state=0).fit(X, y)
    assert model.predict_features(X).shape == (40, 6)
    alone = model.predict_proba(X[3:4])
    np.testing.assert_allclose(alone, model.predict_proba(X)[3:4], atol=1e-5)


def test_a_recurrent_body_reads_texts():
    texts = ["a good film", "a bad film", "good", "bad"] * 5 + ["good dinner"] * 4
    y = np.array([1, 0, 1, 0] * 5 + [-1] * 4)
    model = DANNClassifier(body=RNNClassifier(), max_iter=2, random_state=0)
    assert model.fit(texts, y).predict(["good", "dinner"]).shape == (2,)


def test_a_dense_body_of_another_estimator(shifted):
    X, y, domain = shifted
    body = MLPClassifier((8, 4), layer_norm=True)
    model = DANNClassifier(body=body, **FAST).fit(X, y, domain)
    assert model.predict_features(X).shape == (len(X), 4)


def test_no_hidden_layer_leaves_the_rows_as_features(shifted):
    X, y, domain = shifted
    model = DANNClassifier((), max_iter=2, random_state=0).fit(X, y, domain)
    np.testing.assert_array_equal(model.predict_features(X), X)


def test_bodies_are_searched_like_other_parameters(shifted):
    X, y, _ = shifted
    model = DANNClassifier(body=MLPClassifier(), max_iter=2, random_state=0)
    grid = {"body__hidden_layer_sizes": [(4,), (8,)]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    width = search.best_estimator_.predict_features(X).shape[1]
    assert (width,) == search.best_params_["body__hidden_layer_sizes"]


# -- bad input -------------------------------------------------------------------------


def fit_errors():
    X, y, domain = np.zeros((4, 1)), np.array([0, 1, 0, 1]), np.array([0, 0, -1, -1])
    ids = [0, 0, 0, 0]
    yield X, y, ids, None, "target domain, got none: sample_domain"
    yield X, y, [-1] * 4, None, "rows of a source domain, got none"
    yield X, [0, -1, -1, -1], domain, None, r"y\[1\]=.*-1.*LabelEncoder"
    yield X, [0, 1, 2, 1], domain, None, r"each class of the target .* got \[2\]"
    yield X, y, [0, 0, -1], None, "one number for each of the 4 rows"
    yield X, y, [0, 0.5, -1, -1], None, "whole numbers"
    yield X, y, domain, [1, -1, 1, 1], "Negative values in data passed to"
    yield X, y, domain, [1, 1, 0, 0], "positive for some of the target rows"
    yield X, y, domain, [0, 0, 1, 1], "positive for some of the source rows"
    yield X, y[:3], domain, None, "inconsistent numbers of samples"
    yield X, None, domain, None, "requires y to be passed"


@pytest.mark.parametrize(("X", "y", "domain", "weight", "message"), [*fit_errors()])
def test_bad_input_is_refused_by_name(X, y, domain, weight, message):
    with pytest.raises(ValueError, match=message):
        DANNClassifier(**FAST).fit(X, y, domain, weight)


def test_bodies_that_are_none_are_refused(shifted):
    X, y, domain = shifted
    with pytest.raises(TypeError, match="'body' parameter of DANNClassifier"):
        DANNClassifier(body=LogisticRegression()).fit(X, y, domain)


def test_sizes_of_heads_are_checked(shifted):
    X, y, domain = shifted
    with pytest.raises(ValueError, match="domain_layer_sizes of DANNClassifier"):
        DANNClassifier(domain_layer_sizes=(0,)).fit(X, y, domain)
    with pytest.raises(ValueError, match="label_layer_sizes of DANNRegressor"):
        DANNRegressor(label_layer_sizes=(2.5,)).fit(X, y, domain)


# -- pipelines, searches, features -----------------------------------------------------


def test_pipeline_in_a_search_without_and_with_routing(shifted):
    X, y, domain = shifted
    pipe = make_pipeline(StandardScaler(), DANNClassifier(**FAST))
    grid = {"dannclassifier__max_lambda": [0.1, 1.0]}
    # Every second row, so that both folds have both domains.
    folds = [(np.arange(k, 180, 2), np.arange(1 - k, 180, 2)) for k in (0, 1)]
    search = GridSearchCV(pipe, grid, cv=folds, error_score="raise")
    search.fit(X, y, dannclassifier__sample_domain=domain)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(search).fit(X, y, sample_domain=domain)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(search.cv_results_[key], routed.cv_results_[key])


def test_sparse_rows_and_single_precision(shifted):
    X, y, domain = shifted
    dense = DANNClassifier(**FAST).fit(X, y, domain).predict_proba(X)
    sparse = DANNClassifier(**FAST).fit(csr_array(X), y, domain)
    np.testing.assert_allclose(sparse.predict_proba(csr_array(X)), dense, atol=1e-6)
    single = DANNClassifier(**FAST).fit(X.astype(np.float32), y, domain)
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_features_for_another_estimator(shifted):
    X, y, domain = shifted
    network = DANNClassifier(**FAST)
    transformer = DANNTransformer(network).fit(X, y, domain)
    expected = clone(network).fit(X, y, domain).predict_features(X)
    np.testing.assert_array_equal(transformer.transform(X), expected)
    np.testing.assert_array_equal(
        DANNTransformer(network).fit_transform(X, y, domain), expected
    )
    assert transformer.get_feature_names_out()[0] == "danntransformer0"


def test_the_kind_of_target_says_what_learns_the_features(shifted):
    X, y, domain = shifted
    short = DANNTransformer(random_state=0)
    short.fit(X[:10], np.linspace(0, 1.5, 10))
    assert isinstance(short.estimator_, DANNRegressor)
    short.fit(X, hidden(y, domain))
    assert isinstance(short.estimator_, DANNClassifier)


def test_the_seed_of_the_transformer_is_that_of_its_network(shifted):
    X, y, domain = shifted
    network = DANNClassifier((5,), max_iter=2)
    first, second = (
        DANNTransformer(network, random_state=3).fit_transform(X, y, domain)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.gpu
def test_fitted_on_a_gpu_it_loads_without_one(shifted):
    X, y, domain = shifted
    model = DANNClassifier(**FAST, device="cuda").fit(X, y, domain)
    expected = model.predict_proba(X)
    state = pickle.dumps(model)
    again = pickle.loads(state)
    again.net_.module_.to("cpu")
    again._device = "cpu"
    np.testing.assert_allclose(again.predict_proba(X), expected, atol=1e-5)
