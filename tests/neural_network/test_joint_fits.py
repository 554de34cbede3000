"""Joint fits of multi-layer perceptrons end, bit by bit, where single fits do."""

import copy
import pickle
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
import skorch.callbacks
from sklearn.callback import ScoringMonitor
from torch import nn

from sklearn_dl.base import JointFitMixin
from sklearn_dl.modules import WEIGHT_INITS
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor
from sklearn_dl.testing import check_joint_fit
from tests.neural_network.joint_fits import (
    SIGNAL,
    TARGETS,
    WEIGHT,
    X,
    assert_joint_fits_are_single,
    assert_same_fit,
    joint,
    kind_of,
    mlp,
    single,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:lbfgs failed to converge",
    "ignore:.*It is clipped",
)

COMPILED = [
    {},
    *({"learning_rate_init": rate} for rate in (1e-4, 0.3)),
    *(
        {"learning_rate": kind, "warmup_epochs": warmup}
        for kind in ("time", "exponential", "sqrt", "step", "cosine", "one_cycle")
        for warmup in (0, 2)
    ),
    {"learning_rate": "coslog4"},
    {"learning_rate": [0.1, 0.01]},
    {"learning_rate": "step", "learning_rate_step": 2, "learning_rate_decay": 0.1},
    {"solver": "sgd"},
    {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 0.0, "alpha": 0.5, "l1_ratio": 0.3},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.5},
    {"solver": "adamw", "alpha": 0.5},
    {"solver": "adamw", "alpha": 0.5, "l1_ratio": 0.3},
    {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"alpha": 0.0},
    {"alpha": 1.0, "l1_ratio": 1.0},
    {"dropout": 0.3},
    {"hidden_layer_sizes": (6, 5), "dropout": (0.0, 0.5)},
    {"max_grad_norm": 0.01},
    {"random_state": 3},
    {"random_state": np.random.RandomState(4)},
    {"early_stopping": True},
    {"early_stopping": True, "validation_fraction": 0.4, "max_iter": 30, "tol": 0.1},
    {"early_stopping": True, "n_iter_no_change": 1, "dropout": 0.5, "max_iter": 30},
    {"early_stopping": True, "learning_rate": "one_cycle", "max_iter": 12},
    {"n_iter_no_change": 2, "tol": 0.5, "max_iter": 30},
    {"n_iter_no_change": np.inf},
    *({"weight_init": name} for name in sorted(WEIGHT_INITS)),
    {"max_iter": 1},
    *({"hidden_layer_sizes": sizes} for sizes in ((), 3, [40], (6, 5), (4, 4, 4))),
    *(
        {"activation": name, "solver": solver}
        for name in ("identity", "logistic", "tanh", "leaky_relu", "elu", "gelu")
        for solver in ("adam", "sgd")
    ),
    {"activation": "swish"},
    *({"batch_size": size} for size in (1, 7, 59, 1000, "auto")),
    *({"dtype": name, "dropout": 0.2} for name in ("float32", "float64")),
    {"shuffle": False},
]
COMPILED_LOSSES = {
    MLPClassifier: [
        {"label_smoothing": 0.2},
        {"loss": "log_loss", "label_smoothing": 0.1, "dtype": "float32"},
    ],
    MLPRegressor: [
        *({"loss": name} for name in ("squared_error", "absolute_error", "huber")),
        {"loss": "huber", "huber_delta": 0.1},
        {"loss": "quantile", "quantile": 0.9},
    ],
}
NOT_COMPILED = [
    {"solver": "lbfgs"},
    *({"solver": name} for name in ("nadam", "rmsprop", "adagrad", "adadelta")),
    {"activation": "prelu"},
    {"activation": "softplus", "dropout": 0.3},
    {"batch_norm": True, "dropout": 0.3},
    {"layer_norm": True},
    {"ema_decay": 0.9},
    {"mixed_precision": "bfloat16"},
    {"warm_start": True},
    {"callbacks": [skorch.callbacks.EpochTimer()]},
    {"module": lambda n_in, n_out: nn.Sequential(nn.Linear(n_in, n_out), nn.Dropout())},
]


# -- the same fits


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", [name for name in TARGETS if name != "multitask"])
def test_compiled_candidates(target, weighted):
    kind, y = kind_of(target), TARGETS[target]
    candidates = COMPILED[weighted :: 2 if weighted else 1] + COMPILED_LOSSES[kind]
    weights = {"sample_weight": WEIGHT} if weighted else {}
    outcomes = assert_joint_fits_are_single(mlp(kind), candidates, X, y, **weights)
    assert not [error for error in outcomes if isinstance(error, Exception)]


@pytest.mark.parametrize("target", ["binary", "multilabel", "multitask", "several"])
def test_candidates_that_are_not_compiled(target):
    kind, y = kind_of(target), TARGETS[target]
    candidates = [{}, *NOT_COMPILED, {"dropout": 0.3, "early_stopping": True}]
    if kind is MLPClassifier:
        candidates.insert(1, {"loss": "focal"})
    assert_joint_fits_are_single(mlp(kind), candidates, X, y)
    weights = {"sample_weight": WEIGHT}
    assert_joint_fits_are_single(mlp(kind), candidates[::4], X, y, **weights)


@pytest.mark.parametrize("loss", ["poisson", "squared_error"])
@pytest.mark.parametrize("sign", [1, -1])
def test_each_candidate_checks_targets_for_its_own_loss(loss, sign):
    candidates = [{}, {"loss": "poisson"}, {"loss": "squared_error"}, {"loss": "huber"}]
    y = sign * TARGETS["regression"]
    assert_joint_fits_are_single(mlp(MLPRegressor, loss=loss), candidates, X, y)


@pytest.mark.parametrize("target", ["binary", "multiclass"])
def test_class_weights(target):
    y = TARGETS[target]
    first, *rest = np.unique(y)
    candidates = [
        {"class_weight": weight}
        for weight in (None, "balanced", {first: 3.0}, {first: 0.0}, {rest[0]: -1.0})
    ]
    candidates += [params | {"early_stopping": True} for params in candidates]
    for weights in ({}, {"sample_weight": WEIGHT}):
        assert_joint_fits_are_single(mlp(MLPClassifier), candidates, X, y, **weights)


@pytest.mark.parametrize("dtype", [np.float32, ">f8", int])
@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_rows_of_other_types(target, dtype):
    rows = np.asfortranarray((3 * X).astype(dtype))
    rows.setflags(write=False)
    candidates = [
        {},
        {"solver": "sgd", "dropout": 0.4},
        {"dtype": "float32", "early_stopping": True},
        {"dtype": "float64", "weight_init": "auto", "activation": "gelu"},
    ]
    assert_joint_fits_are_single(
        mlp(kind_of(target)), candidates, rows, TARGETS[target]
    )


@pytest.mark.parametrize("target", ["multiclass", "multilabel", "regression"])
def test_sparse_rows(target):
    kind = kind_of(target)
    candidates = [{}, {"dropout": 0.3}, {"solver": "sgd"}, {"batch_norm": True}]
    rows = sp.csr_array(X * (X > 0))
    assert_joint_fits_are_single(mlp(kind), candidates, rows, TARGETS[target])


def test_data_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[*"abcde"])
    y = pd.Series(TARGETS["binary"])
    (outcome,) = assert_joint_fits_are_single(mlp(MLPClassifier), [{}], frame, y)
    assert outcome.feature_names_in_.tolist() == [*"abcde"]


@pytest.mark.parametrize("target", ["binary", "multiclass", "multitask", "several"])
def test_the_check_of_joint_fits(target):
    est, y = mlp(kind_of(target)), TARGETS[target]
    assert isinstance(est, JointFitMixin)
    candidates = [COMPILED[k] for k in range(0, len(COMPILED), 7)]
    check_joint_fit(est, [*candidates, {"alpha": -1.0}, {}], X, y)
    check_joint_fit(
        est, candidates, X.astype(np.float32), y, fit_params={"sample_weight": WEIGHT}
    )


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_groups_are_what_is_compiled(kind):
    invalid = [{"alpha": -1}, {"hidden_layer_sizes": -3}, {"nonsense": 1}]
    invalid += [{"dropout": (0.1, 0.2)}, {"device": "toaster"}, {"module": 3}]
    yes, no = COMPILED + COMPILED_LOSSES[kind], NOT_COMPILED + invalid
    assert mlp(kind).joint_fit_groups(yes) == [[k] for k in range(len(yes))]
    assert mlp(kind).joint_fit_groups(no) == []
    assert mlp(kind).joint_fit_groups([no[0], {}, no[1], {}]) == [[1], [3]]
    normalised = mlp(kind, batch_norm=True)
    assert normalised.joint_fit_groups([{}, {"batch_norm": False}]) == [[1]]
    watched = mlp(kind).set_callbacks(ScoringMonitor(scoring="neg_max_error"))
    assert watched.joint_fit_groups([{}]) == []


class Negates(MLPRegressor):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, -y, sample_weight)


def test_a_subclass_with_a_fit_of_its_own():
    assert mlp(Negates).joint_fit_groups([{}]) == []
    assert_joint_fits_are_single(mlp(Negates), [{}], X, TARGETS["regression"])


def test_early_stopping_on_a_plateau_chooses_the_same_epoch():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(13, 120, 5)).astype(np.float32)
    est = mlp(
        MLPRegressor,
        hidden_layer_sizes=20,
        learning_rate="exponential",
        learning_rate_decay=0.5,
        max_iter=60,
        tol=0.0,
        early_stopping=True,
    )
    for part in rows:
        y = part[:, 0] + generator.normal(size=120).astype(np.float32)
        assert_joint_fits_are_single(est, [{}], part, y)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_warnings_are_those_of_single_fits(kind):
    y = TARGETS["binary" if kind is MLPClassifier else "regression"]
    candidates = [{}, {"batch_size": 1000}, {"max_iter": 200, "tol": 1.0}]
    with pytest.warns() as ours:
        joint(mlp(kind), candidates, X, y)
    with pytest.warns() as theirs:
        for params in candidates:
            single(mlp(kind), params, X, y)
    assert [(w.category, str(w.message)) for w in ours] == [
        (w.category, str(w.message)) for w in theirs
    ]
    assert len(ours) == 3


# -- candidates that fail


FAILING = [
    {"alpha": -1},
    {"hidden_layer_sizes": -3},
    {"hidden_layer_sizes": (4, 0)},
    {"solver": "sgd", "learning_rate_init": 1e30},
    {"nonsense": 1},
    {"dropout": (0.1, 0.2)},
    {"learning_rate": []},
    {"early_stopping": True, "validation_fraction": 0},
    {"early_stopping": True, "validation_fraction": 0.01},
    {"device": "toaster"},
    {"solver": "lbfgs", "dropout": 0.3},
    {"batch_norm": True, "solver": "sgd", "learning_rate_init": 1e38},
    {"learning_rate": lambda epoch: 1 / (epoch - 3)},
]


@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_a_failure_is_its_own_candidates(target):
    # The first epoch's weights may be finite, and stay the best.
    diverges = {"solver": "sgd", "learning_rate_init": 1e30, "early_stopping": True}
    candidates = [{}, *FAILING, diverges, {"dropout": 0.5}]
    first, *errors, _, last = assert_joint_fits_are_single(
        mlp(kind_of(target)), candidates, X, TARGETS[target]
    )
    assert first.n_iter_ == last.n_iter_ == 6
    assert all(isinstance(error, Exception) for error in errors)


@pytest.mark.parametrize(
    ("rows", "y", "weights"),
    [
        (np.where(X > 2, np.nan, X), TARGETS["binary"], {}),
        (X[:-1], TARGETS["binary"], {}),
        (X, SIGNAL[:, 0], {}),
        (X.tolist()[0], TARGETS["binary"], {}),
        (X, TARGETS["binary"], {"sample_weight": -WEIGHT}),
        (X, TARGETS["binary"], {"sample_weight": WEIGHT[:-1]}),
        (X, TARGETS["binary"], {"sample_weight": 0 * WEIGHT}),
    ],
)
def test_bad_data_fail_every_candidate(rows, y, weights):
    outcomes = assert_joint_fits_are_single(
        mlp(MLPClassifier), [{}, {"alpha": 1.0}], rows, y, **weights
    )
    assert all(isinstance(outcome, ValueError) for outcome in outcomes)


def test_no_candidates():
    assert list(mlp(MLPClassifier).fit_candidates([], X, TARGETS["binary"])) == []
    assert mlp(MLPClassifier).joint_fit_groups([]) == []


def test_an_interruption_goes_through():
    def interrupts(epoch):
        raise KeyboardInterrupt

    candidates = [{}, {"learning_rate": interrupts}, {}]
    fits = mlp(MLPClassifier).fit_candidates(candidates, X, TARGETS["binary"])
    next(fits)
    with pytest.raises(KeyboardInterrupt):
        next(fits)


# -- what was given stays


@pytest.mark.parametrize("target", ["binary", "multilabel", "several"])
def test_what_is_given_stays(target):
    est = mlp(kind_of(target), random_state=np.random.RandomState(5))
    generator = np.random.RandomState(4)
    candidates = [{"random_state": generator}, {"dropout": 0.5}, {"alpha": -1}]
    given = X.copy(), TARGETS[target].copy(), WEIGHT.copy()
    before = copy.deepcopy((vars(est), candidates, given))
    fits = est.fit_candidates(candidates, given[0], given[1], sample_weight=given[2])
    outcomes = [outcome for _, outcome in fits]
    after = vars(est), candidates, given
    assert pickle.dumps(after) == pickle.dumps(before)
    assert outcomes[0].random_state is not generator
    assert outcomes[1].random_state is not est.random_state
    # Not one of them holds on to the data or to another.
    assert not np.shares_memory(outcomes[0].coefs_[0], outcomes[1].coefs_[0])


def test_nothing_is_kept_of_what_was_handed_out():
    rows = X.copy()
    fits = mlp(MLPClassifier).fit_candidates([{}, {}], rows, TARGETS["binary"])
    first = weakref.ref(next(fits)[1])
    _, last = next(fits)
    assert first() is None
    data = weakref.ref(rows)
    del fits, rows
    assert data() is None
    assert last.n_iter_ == 6


def test_a_fit_that_is_abandoned():
    candidates, y = [{}, {"alpha": 1.0}, {"dropout": 0.5}], TARGETS["multiclass"]
    est = mlp(MLPClassifier)
    fits = est.fit_candidates(candidates, X, y)
    k, first = next(fits)
    fits.close()
    assert k == 0
    assert_same_fit(first, single(est, {}, X, y), X)
    del fits, first
    assert_joint_fits_are_single(est, candidates, X, y)
