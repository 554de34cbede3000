"""What the multi-layer perceptrons have beyond scikit-learn's."""

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import skorch.callbacks
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from sklearn_dl.exceptions import CheckpointError, InterruptedFitWarning
from sklearn_dl.modules import ACTIVATIONS, WEIGHT_INITS
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:lbfgs failed to converge",
)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), (y - y.mean()) / y.std()


def weights_of(estimator):
    return [*estimator.coefs_, *estimator.intercepts_]


def assert_same(a, b):
    for left, right in zip(weights_of(a), weights_of(b), strict=True):
        np.testing.assert_array_equal(left, right)


# -- options that must each do what they are called


@pytest.mark.parametrize(
    ("solver", "rate"),
    [
        ("sgd", 0.1),
        ("adam", 0.01),
        ("adamw", 0.01),
        ("nadam", 0.01),
        ("rmsprop", 0.003),
        ("adagrad", 0.05),
        ("adadelta", 1.0),
    ],
)
def test_every_solver_learns(digits, solver, rate):
    X, y = digits
    clf = MLPClassifier(
        solver=solver,
        learning_rate_init=rate,
        # Adadelta's first steps are as long as the root of epsilon.
        epsilon=1e-4 if solver == "adadelta" else 1e-8,
        max_iter=15,
        random_state=0,
    )
    assert clf.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.88


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_learns(digits, activation):
    X, y = digits
    clf = MLPClassifier(
        activation=activation, learning_rate_init=0.01, max_iter=15, random_state=0
    )
    assert clf.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.85


@pytest.mark.parametrize("weight_init", WEIGHT_INITS)
def test_every_weight_init_learns(digits, weight_init):
    X, y = digits
    clf = MLPClassifier(
        weight_init=weight_init, learning_rate_init=0.01, max_iter=15, random_state=0
    )
    assert clf.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.85


def test_schedule_is_what_the_history_shows(cancer):
    X, y = cancer
    clf = MLPClassifier(
        solver="sgd",
        learning_rate="time",
        learning_rate_init=0.2,
        learning_rate_decay=1.0,
        max_iter=4,
    ).fit(X, y)
    rates = [row["learning_rate"] for row in clf.history_]
    assert rates == pytest.approx([0.1, 0.0667, 0.05, 0.04], abs=5e-5)


def test_rates_given_one_by_one_and_by_a_function(cancer):
    X, y = cancer
    listed = MLPClassifier(learning_rate=[0.1, 0.05], max_iter=3).fit(X, y)
    assert [row["learning_rate"] for row in listed.history_] == [0.1, 0.05, 0.05]
    computed = MLPClassifier(learning_rate=lambda e: 0.1 / e, max_iter=2).fit(X, y)
    assert [row["learning_rate"] for row in computed.history_] == [0.1, 0.05]


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog4"])
def test_planned_schedules_run_to_their_end(cancer, schedule, recwarn):
    X, y = cancer
    clf = MLPClassifier(
        learning_rate=schedule, max_iter=30, tol=10.0, n_iter_no_change=1
    ).fit(X, y)
    assert clf.n_iter_ == 30
    assert not recwarn.list


def test_no_hidden_layer_is_logistic_regression(cancer):
    X, y = cancer
    alpha = 5.0
    ours = MLPClassifier((), solver="lbfgs", alpha=alpha, tol=1e-8, max_iter=1000)
    theirs = LogisticRegression(C=1 / alpha, tol=1e-8, max_iter=1000)
    np.testing.assert_allclose(
        ours.fit(X, y).coefs_[0].ravel(), theirs.fit(X, y).coef_.ravel(), atol=1e-3
    )


def test_no_hidden_layer_is_softmax_regression(digits):
    X, y = digits
    alpha = 1.0
    ours = MLPClassifier((), solver="lbfgs", alpha=alpha, tol=1e-7, max_iter=2000)
    theirs = LogisticRegression(C=1 / alpha, tol=1e-8, max_iter=2000)
    np.testing.assert_allclose(
        ours.fit(X, y).predict_proba(X), theirs.fit(X, y).predict_proba(X), atol=2e-3
    )


def test_no_hidden_layer_is_ridge_regression(diabetes):
    X, y = diabetes
    ours = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=3.0, tol=1e-9)
    np.testing.assert_allclose(
        ours.set_params(max_iter=1000).fit(X, y).coefs_[0].ravel(),
        Ridge(alpha=3.0).fit(X, y).coef_,
        atol=1e-4,
    )


def test_l1_makes_weights_small_that_do_not_matter(cancer):
    X, y = cancer
    noise = np.random.default_rng(0).normal(size=(len(X), 20))
    X = np.hstack([X[:, :5], noise])
    options = {"hidden_layer_sizes": (), "max_iter": 400, "random_state": 0}
    options |= {"learning_rate_init": 0.01, "tol": 0.0, "learning_rate": "cosine"}
    l2 = MLPClassifier(alpha=5.0, l1_ratio=0.0, **options).fit(X, y).coefs_[0]
    l1 = MLPClassifier(alpha=5.0, l1_ratio=1.0, **options).fit(X, y).coefs_[0]
    assert (np.abs(l1[5:]) < 1e-3).mean() > 0.8
    assert (np.abs(l2[5:]) < 1e-3).mean() < 0.2


def test_class_weight_is_sample_weight(digits):
    X, y = digits
    y = (y == 3).astype(int)
    balanced = len(y) / (2 * np.bincount(y))
    a = MLPClassifier(class_weight="balanced", max_iter=5, random_state=0).fit(X, y)
    b = MLPClassifier(max_iter=5, random_state=0).fit(X, y, balanced[y])
    assert_same(a, b)
    c = MLPClassifier(class_weight={0: 2.0}, max_iter=5, random_state=0)
    d = MLPClassifier(max_iter=5, random_state=0)
    assert_same(c.fit(X, y, 1.0 + y), d.fit(X, y, np.where(y == 0, 2.0, 2.0)))


def test_max_grad_norm_bounds_the_step(cancer):
    X, y = cancer
    clf = MLPClassifier(
        solver="sgd",
        momentum=0.0,
        learning_rate_init=1.0,
        max_grad_norm=0.01,
        batch_size=len(X),
        max_iter=1,
        random_state=0,
    ).fit(X, y)
    start = MLPClassifier(
        solver="sgd",
        momentum=0.0,
        learning_rate_init=1e-12,
        batch_size=len(X),
        max_iter=1,
        random_state=0,
    ).fit(X, y)
    moved = np.concatenate(
        [
            (a - b).ravel()
            for a, b in zip(weights_of(clf), weights_of(start), strict=True)
        ]
    )
    assert np.linalg.norm(moved) == pytest.approx(0.01, rel=1e-3)


def test_moving_average_is_the_recursion(cancer):
    X, y = cancer
    options = {"batch_size": len(X), "random_state": 0, "learning_rate_init": 0.1}
    seen = [MLPClassifier(max_iter=n, **options).fit(X, y).coefs_[0] for n in (1, 2, 3)]
    average = seen[0]
    for weight in seen[1:]:
        average = 0.8 * average + 0.2 * weight
    clf = MLPClassifier(max_iter=3, ema_decay=0.8, **options).fit(X, y)
    np.testing.assert_allclose(clf.coefs_[0], average, atol=1e-12)


def test_dropout_a_layer(digits):
    X, y = digits
    clf = MLPClassifier((30, 20), dropout=(0.0, 0.5), max_iter=2).fit(X, y)
    kinds = [
        [type(m).__name__ for m in after.modules()] for after in clf.net_.module_.after
    ]
    assert kinds == [["ReLU"], ["Sequential", "ReLU", "Dropout"]]
    # At prediction nothing is dropped.
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(X))


def test_normalisations(digits):
    X, y = digits
    for option in ("batch_norm", "layer_norm"):
        clf = MLPClassifier(max_iter=10, random_state=0, **{option: True}).fit(X, y)
        assert clf.score(X, y) > 0.92
        # Batch statistics of the training are used, not those of the rows asked about.
        np.testing.assert_allclose(
            clf.predict_proba(X[:5]), clf.predict_proba(X)[:5], atol=1e-12
        )


def test_label_smoothing_makes_modest(digits):
    X, y = digits
    options = {"max_iter": 60, "random_state": 0}
    sure = MLPClassifier(**options).fit(X, y).predict_proba(X).max(axis=1)
    modest = MLPClassifier(label_smoothing=0.2, **options).fit(X, y)
    assert np.median(modest.predict_proba(X).max(axis=1)) < 0.92 < np.median(sure)


def test_focal_loss_with_a_small_gamma_on_rows_that_are_certain():
    X = np.array([[-100.0], [100.0]] * 20, dtype=np.float32)
    for y in ([0, 1] * 20, [0, 2] * 19 + [1, 2]):
        clf = MLPClassifier(loss="focal", focal_gamma=0.5, max_iter=50, random_state=0)
        assert clf.fit(X, y).score(X, y) > 0.9


def test_log_probabilities_stay_finite(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=20, random_state=0).fit(X, y)
    np.testing.assert_allclose(
        clf.predict_log_proba(X), np.log(clf.predict_proba(X)), atol=1e-12
    )
    assert np.isfinite(clf.predict_log_proba(1e6 * X)).all()


def test_focal_loss_learns(digits):
    X, y = digits
    clf = MLPClassifier(loss="focal", focal_gamma=1.0, max_iter=30, random_state=0)
    assert clf.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.9


@pytest.mark.parametrize(
    ("loss", "statistic"),
    [
        ("squared_error", np.mean),
        ("absolute_error", np.median),
        ("poisson", np.mean),
        ("quantile", lambda y: np.quantile(y, 0.9)),
    ],
)
def test_a_constant_fit_by_each_loss_is_its_statistic(loss, statistic):
    rng = np.random.default_rng(0)
    y = rng.exponential(2.0, 2001)
    X = np.zeros((len(y), 1))
    reg = MLPRegressor(
        loss,
        (),
        quantile=0.9,
        learning_rate="cosine",
        learning_rate_init=0.05,
        batch_size=len(y),
        max_iter=1000,
        random_state=0,
    ).fit(X, y)
    assert reg.predict(X[:1])[0] == pytest.approx(statistic(y), rel=0.03)


def test_huber_withstands_outliers(diabetes):
    X, y = diabetes
    spoilt = y.copy()
    spoilt[::20] += 50
    options = {"max_iter": 200, "random_state": 0, "hidden_layer_sizes": ()}
    options |= {"learning_rate_init": 0.01, "learning_rate": "cosine"}
    huber = MLPRegressor("huber", huber_delta=0.5, **options).fit(X, spoilt)
    squared = MLPRegressor(**options).fit(X, spoilt)
    assert huber.score(X, y) > 0.4 > squared.score(X, y)


def test_multi_task(digits):
    X, y = digits
    Y = np.stack([y, y % 2, np.where(y > 4, 7, 5)], axis=1)
    clf = MLPClassifier(max_iter=40, random_state=0).fit(X[:1200], Y[:1200])
    assert [list(c) for c in clf.classes_] == [list(range(10)), [0, 1], [5, 7]]
    predicted = clf.predict(X[1200:])
    assert (predicted == Y[1200:]).mean(axis=0).min() > 0.85
    probabilities = clf.predict_proba(X[1200:])
    assert [p.shape[1] for p in probabilities] == [10, 2, 2]
    for part in probabilities:
        np.testing.assert_allclose(part.sum(axis=1), 1)
    assert len(clf.predict_log_proba(X[:3])) == 3
    assert clf.score(X[1200:], Y[1200:]) == pytest.approx(
        (predicted == Y[1200:]).mean()
    )
    search = GridSearchCV(MLPClassifier(random_state=0), {"max_iter": [1, 20]}, cv=2)
    assert search.fit(X[:400], Y[:400]).best_params_ == {"max_iter": 20}
    parts = MLPClassifier(random_state=0, learning_rate_init=0.01)
    for start in range(0, 1200, 300):
        part = slice(start, start + 300)
        parts.partial_fit(X[part], Y[part], classes=clf.classes_)
    assert parts.score(X[1200:], Y[1200:]) > 0.5


def test_tasks_with_labels_of_different_types(digits):
    X, y = digits
    Y = np.empty((len(y), 2), dtype=object)
    Y[:, 0], Y[:, 1] = y, np.where(y % 2, "odd", "even")
    clf = MLPClassifier(max_iter=20, random_state=0).fit(X, Y)
    assert set(clf.predict(X)[:, 1]) == {"odd", "even"}
    assert clf.score(X, Y) > 0.9


def test_multi_label(digits):
    X, y = digits
    Y = np.stack([y % 2 == 0, y > 4, y == 3], axis=1).astype(int)
    clf = MLPClassifier(max_iter=60, random_state=0).fit(X[:1200], Y[:1200])
    assert (clf.predict(X[1200:]) == Y[1200:]).mean() > 0.9
    stopped = MLPClassifier(early_stopping=True, max_iter=20, random_state=0).fit(X, Y)
    assert len(stopped.validation_scores_) == stopped.n_iter_


@pytest.mark.parametrize("labels", ["abc", [True, False], [10.5, -1.0, 3.0]])
def test_labels_of_any_type(labels):
    classes = np.array(list(labels))
    if classes.dtype.kind == "f":
        classes = np.round(classes)
    X = np.arange(30.0)[:, None] / 30
    y = classes[np.arange(30) * len(classes) // 30]
    clf = MLPClassifier((20,), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    assert clf.predict(X).dtype == y.dtype
    assert clf.score(X, y) > 0.9
    assert list(clf.classes_) == sorted(set(y.tolist()))


def test_early_stopping_stratifies_and_restores_the_best(digits):
    X, y = digits
    clf = MLPClassifier(
        early_stopping=True,
        learning_rate_init=0.03,
        n_iter_no_change=4,
        max_iter=60,
        random_state=0,
    ).fit(X, y)
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    rows = clf.history_
    assert [row["valid_score"] for row in rows] == clf.validation_scores_
    assert all(np.isfinite(row["valid_loss"]) for row in rows)
    best = int(np.argmax(clf.validation_scores_)) + 1
    # As many epochs with the same batches, and nothing after them.
    short = MLPClassifier(
        early_stopping=True, learning_rate_init=0.03, max_iter=best, random_state=0
    ).fit(X, y)
    assert_same(clf, short)


def test_early_stopping_on_imbalanced_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.repeat([0, 1, 2], [280, 10, 10])
    clf = MLPClassifier(early_stopping=True, validation_fraction=0.2, random_state=0)
    assert clf.fit(X, y).best_validation_score_ > 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(cancer, dtype):
    X, y = cancer
    clf = MLPClassifier(max_iter=2, random_state=0).fit(X.astype(dtype), y)
    assert {w.dtype for w in weights_of(clf)} == {np.dtype(dtype)}
    assert clf.predict_proba(X.astype(dtype)).dtype == dtype


def test_dtype_can_be_set(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=2, dtype="float32").fit(X, y)
    assert clf.coefs_[0].dtype == np.float32


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision(digits, precision):
    X, y = digits
    X = X.astype(np.float32)
    clf = MLPClassifier(
        mixed_precision=precision, max_iter=20, learning_rate_init=0.01, random_state=0
    ).fit(X, y)
    assert clf.coefs_[0].dtype == np.float32
    assert clf.score(X, y) > 0.95
    stopped = clf.set_params(early_stopping=True, ema_decay=0.5, max_grad_norm=1.0)
    assert stopped.fit(X, y).best_validation_score_ > 0.9


# -- a module and callbacks of the user's own


class Residual(torch.nn.Module):
    """Two layers and a way around the first."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.inner = torch.nn.Linear(n_features, n_features)
        self.outer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.outer(x + torch.relu(self.inner(x)))


def test_module_of_ones_own(digits):
    X, y = digits
    clf = MLPClassifier(
        module=Residual, max_iter=20, learning_rate_init=0.01, random_state=0
    ).fit(X[:1000], y[:1000])
    assert clf.score(X[1000:], y[1000:]) > 0.9
    assert isinstance(clf.net_.module_, Residual)
    with pytest.raises(AttributeError, match="only without a module"):
        _ = clf.coefs_
    again = MLPClassifier(
        module=Residual, max_iter=20, learning_rate_init=0.01, random_state=0
    ).fit(X[:1000], y[:1000])
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


class Recorder(skorch.callbacks.Callback):
    """Count what a net says."""

    def initialize(self):
        self.heard = []
        return self

    def on_train_begin(self, net, **kwargs):
        self.heard.append("train_begin")

    def on_epoch_end(self, net, **kwargs):
        self.heard.append("epoch_end")

    def on_batch_end(self, net, batch, training, loss, y_pred):
        assert training and np.isfinite(loss.item())
        assert len(batch[0]) == len(batch[1]) == len(y_pred)
        self.heard.append("batch_end")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        assert all(p.grad is not None for _, p in named_parameters)
        self.heard.append("grad_computed")

    def on_train_end(self, net, **kwargs):
        self.heard.append("train_end")


def test_skorch_callbacks_hear_everything(cancer):
    X, y = cancer
    recorder = Recorder()
    quiet = MLPClassifier(max_iter=2, random_state=0).fit(X, y)
    clf = MLPClassifier(max_iter=2, random_state=0, callbacks=[recorder]).fit(X, y)
    epoch = ["grad_computed", "batch_end"] * 3 + ["epoch_end"]
    assert recorder.heard == ["train_begin", *epoch, *epoch, "train_end"]
    # Who listens to batches needs autograd's way, which rounds differently.
    for heard, unheard in zip(weights_of(clf), weights_of(quiet), strict=True):
        np.testing.assert_allclose(heard, unheard, atol=1e-12)


def test_skorch_callbacks_act(cancer):
    X, y = cancer
    stop = skorch.callbacks.EarlyStopping(monitor="train_loss", patience=3, threshold=9)
    stop.sink = lambda *args: None
    clf = MLPClassifier(max_iter=50, callbacks=[stop], random_state=0).fit(X, y)
    assert clf.n_iter_ < 10
    scheduler = skorch.callbacks.LRScheduler(
        torch.optim.lr_scheduler.StepLR, step_size=1
    )
    clf = MLPClassifier(max_iter=3, callbacks=[scheduler], random_state=0).fit(X, y)
    assert clf.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-6)


def test_skorch_callbacks_that_score_and_save(tmp_path, cancer):
    X, y = cancer
    scoring = skorch.callbacks.EpochScoring("accuracy", lower_is_better=False, name="a")
    checkpoint = skorch.callbacks.Checkpoint(dirname=tmp_path, sink=lambda *args: None)
    clf = MLPClassifier(
        early_stopping=True, max_iter=5, callbacks=[scoring, checkpoint], random_state=0
    ).fit(X, y)
    assert [row["a"] for row in clf.net_.history] == pytest.approx(
        clf.validation_scores_
    )
    assert (tmp_path / "params.pt").exists()


def test_a_frozen_layer_stays_where_it_is(cancer):
    X, y = cancer
    freezer = skorch.callbacks.Freezer("dense.0*")
    clf = MLPClassifier(max_iter=3, alpha=0.0, callbacks=[freezer], random_state=0)
    start = MLPClassifier(max_iter=1, learning_rate_init=1e-30, random_state=0)
    clf.fit(X, y)
    start.fit(X, y)
    np.testing.assert_allclose(clf.coefs_[0], start.coefs_[0], atol=1e-15)
    assert np.abs(clf.coefs_[1] - start.coefs_[1]).max() > 1e-3


def test_the_net_is_a_skorch_net(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    before = clf.score(X, y)
    clf.net_.set_params(max_epochs=10)
    clf.net_.partial_fit(X, y)
    clf.net_.module_.eval()
    assert clf.score(X, y) > before
    np.testing.assert_array_equal(clf.net_.predict(X).ravel(), clf.predict(X))


def test_a_module_with_outputs_that_do_not_fit(cancer):
    X, y = cancer
    reg = MLPRegressor(module=lambda n_features, n: torch.nn.Linear(n_features, 7))
    with pytest.raises(ValueError, match=r"'module' .*\(2, 1\), got \(2, 7\)"):
        reg.fit(X, y)


@pytest.mark.parametrize("callback", [3, "EarlyStopping"])
def test_callbacks_that_are_none(cancer, callback):
    X, y = cancer
    with pytest.raises(TypeError, match="'callbacks' parameter of MLPClassifier"):
        MLPClassifier(callbacks=[callback]).fit(X, y)


def test_scoring_monitor_of_scikit_learn(cancer):
    from sklearn.callback import ScoringMonitor

    X, y = cancer
    labels = np.array(["benign", "malign"])[y]
    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(max_iter=4, random_state=0).set_callbacks(monitor)
    score = clf.fit(X, labels).score(X, labels)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == 4
    assert epochs[0]["accuracy"] < epochs[-1]["accuracy"] == score


class Broken(skorch.callbacks.Callback):
    """Fail in the second epoch."""

    def on_epoch_end(self, net, **kwargs):
        if net.n_epochs_ == 2:
            raise KeyError("broken")


def test_a_fit_that_fails_leaves_nothing_half_done(cancer):
    from sklearn.exceptions import NotFittedError

    X, y = cancer
    clf = MLPClassifier(callbacks=[Broken()], dropout=0.5, random_state=0)
    with pytest.raises(KeyError, match="broken"):
        clf.fit(X, y)
    with pytest.raises(NotFittedError):
        clf.predict(X)
    clf = MLPClassifier(dropout=0.5, random_state=0).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="NaN"):
        clf.partial_fit(X * np.nan, y)
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(X))


def test_classes_of_a_failed_first_call_are_forgotten(digits):
    X, y = digits
    clf = MLPClassifier(max_iter=1, random_state=0)
    with pytest.raises(ValueError, match="NaN"):
        clf.partial_fit(X * np.nan, y, classes=[0, 1])
    assert list(clf.fit(X, y).classes_) == list(range(10))


# -- interruption, checkpoints


class Interrupt(skorch.callbacks.Callback):
    """Press Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_begin(self, net, **kwargs):
        if net.n_epochs_ == self.epoch:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_leaves_a_fitted_estimator(digits, early_stopping):
    X, y = digits
    clf = MLPClassifier(
        callbacks=[Interrupt(5)], early_stopping=early_stopping, random_state=0
    )
    with pytest.warns(InterruptedFitWarning, match="interrupted after 5 epochs"):
        clf.fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 5
    assert clf.score(X, y) > 0.7
    if early_stopping:
        whole = MLPClassifier(early_stopping=True, max_iter=5, random_state=0)
        for left, right in zip(
            weights_of(clf), weights_of(whole.fit(X, y)), strict=True
        ):
            # Who hears of each batch keeps the epoch from being compiled.
            np.testing.assert_allclose(left, right, rtol=0, atol=1e-13)


FIT_WITH_CHECKPOINT = """
    import os, signal, sys, warnings
    import numpy as np
    import skorch.callbacks
    from sklearn.datasets import load_digits
    from sklearn_dl.neural_network import MLPClassifier

    class Kill(skorch.callbacks.Callback):
        def on_batch_begin(self, net, **kwargs):
            if sys.argv[2] == "kill" and net.n_epochs_ == 7:
                os.kill(os.getpid(), signal.SIGKILL)

        def on_train_end(self, net, **kwargs):
            if sys.argv[2] == "kill at the end":
                os.kill(os.getpid(), signal.SIGKILL)

    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    options = dict(eval(sys.argv[3]))
    clf = MLPClassifier(
        random_state=0, checkpoint=sys.argv[1] or None,
        callbacks=[Kill()], **({"max_iter": 15} | options)
    ).fit(X / 16, y)
    weights = [w.numpy().ravel() for w in clf.net_.module_.state_dict().values()]
    print(clf.n_iter_, len(clf.loss_curve_), np.concatenate(weights).tobytes().hex())
"""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dropout": 0.3, "solver": "sgd", "learning_rate": "cosine"},
        {"early_stopping": True, "ema_decay": 0.9, "batch_norm": True},
        {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 100},
    ],
    ids=str,
)
def test_killed_fit_goes_on_and_ends_in_the_same_weights(tmp_path, options):
    def run(folder, how):
        script = textwrap.dedent(FIT_WITH_CHECKPOINT)
        command = [sys.executable, "-c", script, str(folder), how, repr(options)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False
        )

    undisturbed = run("", "")
    assert undisturbed.returncode == 0, undisturbed.stderr
    when = "kill at the end" if "n_iter_no_change" in options else "kill"
    assert run(tmp_path, when).returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*.pt"))) == 1
    resumed = run(tmp_path, "")
    assert resumed.stdout == undisturbed.stdout, resumed.stderr
    assert not list(tmp_path.iterdir())


def test_checkpoints_of_other_fits_are_left_alone(tmp_path, cancer):
    X, y = cancer
    interrupted = MLPClassifier(
        callbacks=[Interrupt(3)], checkpoint=tmp_path, random_state=0
    )
    with pytest.warns(InterruptedFitWarning):
        interrupted.fit(X, y)
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1
    MLPClassifier(max_iter=2, checkpoint=tmp_path, random_state=1).fit(X, y)
    MLPClassifier(max_iter=2, checkpoint=tmp_path, random_state=0).fit(X[:300], y[:300])
    assert list(tmp_path.iterdir()) == kept


def test_a_checkpoint_of_what_does_not_pickle_is_refused(tmp_path, cancer):
    X, y = cancer
    clf = MLPClassifier(learning_rate=lambda epoch: 0.1, checkpoint=tmp_path)
    with pytest.raises(
        ValueError, match="MLPClassifier needs an int for 'random_state'"
    ):
        clf.fit(X, y)
    with pytest.raises(CheckpointError, match="'checkpoint' parameter needs all other"):
        clf.set_params(random_state=0).fit(X, y)


def test_a_broken_checkpoint_is_reported(tmp_path, cancer):
    X, y = cancer
    clf = MLPClassifier(callbacks=[Interrupt(2)], checkpoint=tmp_path, random_state=0)
    with pytest.warns(InterruptedFitWarning):
        clf.fit(X, y)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"cannot be read.*Delete the file"):
        clf.set_params(callbacks=None).fit(X, y)


# -- state


def test_history_is_ready_for_a_data_frame(cancer):
    import pandas as pd

    X, y = cancer
    clf = MLPClassifier(max_iter=3, early_stopping=True, random_state=0).fit(X, y)
    frame = pd.DataFrame(clf.history_)
    expected = {"epoch", "train_loss", "valid_loss", "valid_score", "learning_rate"}
    assert expected <= set(frame) and len(frame) == 3
    assert list(frame["epoch"]) == [1, 2, 3]


def test_partial_fit_goes_on_after_a_pickle(cancer):
    import pickle

    X, y = cancer
    straight = MLPClassifier(random_state=0)
    copied = MLPClassifier(random_state=0)
    for _ in range(3):
        straight.partial_fit(X, y, classes=[0, 1])
        copied.partial_fit(X, y, classes=[0, 1])
        copied = pickle.loads(pickle.dumps(copied))
    assert_same(straight, copied)


def test_estimator_from_a_gpu_predicts_without_one(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=2, random_state=0).fit(X, y)
    state = clf.__getstate__()
    state["_device"] = "cuda:3"
    elsewhere = MLPClassifier.__new__(MLPClassifier)
    elsewhere.__setstate__(state)
    if torch.cuda.device_count() < 4:
        assert elsewhere._device == "cpu"
    np.testing.assert_allclose(elsewhere.predict_proba(X), clf.predict_proba(X))


def test_state_holds_no_tensors(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=2, ema_decay=0.5).fit(X, y)

    def walk(value):
        assert not isinstance(value, torch.Tensor)
        children = value.values() if isinstance(value, dict) else value
        if isinstance(value, (dict, list, tuple)):
            for child in children:
                walk(child)

    walk(clf.__getstate__())


@pytest.mark.gpu
def test_gpu_and_cpu_agree(digits):
    X, y = digits
    X = X.astype(np.float32)
    cpu = MLPClassifier(max_iter=3, device="cpu", random_state=0).fit(X, y)
    gpu = MLPClassifier(max_iter=3, device="cuda", random_state=0).fit(X, y)
    np.testing.assert_allclose(cpu.predict_proba(X), gpu.predict_proba(X), atol=1e-3)
    import pickle

    assert pickle.loads(pickle.dumps(gpu))._device.startswith("cuda")


def test_probabilities_beat_chance_in_log_loss(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=30, random_state=0).fit(X[:400], y[:400])
    assert log_loss(y[400:], clf.predict_proba(X[400:])) < 0.3


# -- bad input


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": (10, 0)}, r"hidden_layer_sizes of MLPClassifier .*0"),
        ({"hidden_layer_sizes": (10.7,)}, r"hidden_layer_sizes of MLPClassifier .*10"),
        ({"hidden_layer_sizes": [[9, 5]]}, r"hidden_layer_sizes of MLPClassifier .*9"),
        ({"dropout": ["a"]}, r"dropout of MLPClassifier must be in .*'a'"),
        ({"learning_rate": ["a"]}, r"learning_rate of MLPClassifier.*'a'"),
        (
            {"solver": "lbfgs", "dropout": 0.1},
            r"dropout .*with solver='lbfgs'",
        ),
        ({"solver": "lbfgs", "ema_decay": 0.9}, r"ema_decay .*with solver='lbfgs'"),
        (
            {"early_stopping": True, "validation_fraction": 0},
            r"validation_fraction of MLPClassifier must be positive",
        ),
        ({"class_weight": {0: -1.0}}, r"class_weight of MLPClassifier must leave"),
        ({"dropout": (0.1, 0.2)}, r"dropout of MLPClassifier .*each of the 1 hidden"),
        ({"dropout": [1.0]}, r"dropout of MLPClassifier must be in \[0, 1\), got"),
        ({"dropout": -0.1}, r"'dropout' parameter of MLPClassifier"),
        ({"learning_rate": []}, r"learning_rate of MLPClassifier.*at least one rate"),
        ({"learning_rate": [0.1, -1]}, r"learning_rate of MLPClassifier.*positive"),
        ({"learning_rate": "linear"}, r"'learning_rate' parameter of MLPClassifier"),
        ({"solver": "adamm"}, r"'solver' parameter of MLPClassifier"),
        ({"activation": "sin"}, r"'activation' parameter of MLPClassifier"),
        ({"device": "gpu"}, r"'device' parameter must be 'auto' or the name of"),
        ({"l1_ratio": 1.5}, r"'l1_ratio' parameter of MLPClassifier"),
        ({"label_smoothing": 1.0}, r"'label_smoothing' parameter of MLPClassifier"),
        ({"mixed_precision": "int8"}, r"'mixed_precision' parameter of MLPClassifier"),
        (
            {"early_stopping": True, "validation_fraction": 0.001},
            r"MLPClassifier with early_stopping=True cannot hold out .*too small",
        ),
    ],
    ids=str,
)
def test_bad_parameters(cancer, parameters, message):
    X, y = cancer
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**parameters).fit(X, y)


def test_bad_data(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=2, random_state=0)
    with pytest.raises(ValueError, match="at least one non-zero"):
        clf.fit(X, y, np.zeros(len(y)))
    with pytest.raises(ValueError, match=r"Negative values .*sample_weight"):
        clf.fit(X, y, -np.ones(len(y)))
    with pytest.raises(ValueError, match="non-finite weights"):
        with np.errstate(all="ignore"):
            MLPRegressor(solver="sgd", learning_rate_init=1e6, max_iter=30).fit(
                1e5 * X, y
            )
    with pytest.raises(ValueError, match=r"expects y >= 0, the smallest .* -1"):
        MLPRegressor("poisson").fit(X, y - 1.0)
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as raised:
        MLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1])
    assert "early_stopping=True" in str(raised.value.__cause__)
    assert not hasattr(MLPClassifier(ema_decay=0.9), "partial_fit")


def test_a_single_row_left_over_joins_the_batch_before_it(cancer):
    X, y = cancer
    clf = MLPClassifier(batch_norm=True, batch_size=100, max_iter=2).fit(
        X[:201], y[:201]
    )
    assert clf.t_ == 2 * 201
    with pytest.raises(ValueError, match="at least 2 rows, got 1 sample"):
        MLPClassifier(batch_norm=True).fit(X[:1], y[:1])


@pytest.mark.parametrize("option", ["batch_norm", "early_stopping", "shuffle"])
def test_rows_of_weight_zero_are_not_there(digits, option):
    X, y = digits
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    X_spoilt = np.where(weight[:, None] > 0, X, 1e3)
    options = {option: True, "max_iter": 3, "random_state": 0}
    a = MLPClassifier(**options).fit(X_spoilt, y, weight)
    b = MLPClassifier(**options).fit(X[weight > 0], y[weight > 0], weight[weight > 0])
    assert_same(a, b)


def test_parameters_set_after_the_fit_do_not_spoil_the_pickle(cancer):
    import pickle

    X, y = cancer
    clf = MLPClassifier(max_iter=2, random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    clf.set_params(hidden_layer_sizes=(3, 3), dropout=7, activation="tanh")
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert again.dropout == 7


@pytest.mark.parametrize("weight_init", ["auto", "he_normal"])
def test_initial_weights_do_not_depend_on_the_dtype(digits, weight_init):
    X, y = digits
    options = {"weight_init": weight_init, "max_iter": 1, "random_state": 0}
    single = MLPClassifier(**options).fit(X.astype(np.float32), y)
    double = MLPClassifier(**options).fit(X, y)
    np.testing.assert_allclose(single.coefs_[0], double.coefs_[0], atol=1e-4)


def test_fit_does_not_depend_on_the_users_torch_settings(digits):
    X, y = digits
    options = {"dropout": 0.2, "weight_init": "he_normal", "max_iter": 2}
    expected = MLPClassifier(random_state=0, **options).fit(X, y)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            clf = MLPClassifier(random_state=0, **options).fit(X, y)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_same(clf, expected)
    clf.partial_fit(X, y)


def test_classes_must_be_known_in_later_fits(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=1, random_state=0).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"knows the classes \[0 1\].*has \[2\]"):
        clf.partial_fit(X[:9], np.full(9, 2))
    warm = MLPClassifier(max_iter=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="expects the network of the previous fit"):
        warm.set_params(hidden_layer_sizes=(7,)).fit(X, y)


def test_a_batch_size_that_is_too_large_is_clipped_with_a_warning(cancer):
    X, y = cancer
    clipped = "batch_size=1000 with 569 training rows"
    with pytest.warns(UserWarning, match=clipped) as warned:
        clf = MLPClassifier(batch_size=1000, max_iter=2, random_state=0).fit(X, y)
    # Both warnings point at the line that called fit.
    assert {warning.filename for warning in warned} == {__file__}
    assert_same(
        clf, MLPClassifier(batch_size=569, max_iter=2, random_state=0).fit(X, y)
    )


def test_one_row_predicts(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    assert clf.predict(X[:1]).shape == (1,)
    assert clf.predict_proba(X[:1]).shape == (1, 2)


def test_many_rows_predict_in_parts(cancer):
    X, y = cancer
    clf = MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    many = np.tile(X, (40, 1))
    np.testing.assert_allclose(
        clf.predict_proba(many), np.tile(clf.predict_proba(X), (40, 1)), atol=1e-12
    )


def test_verbose_writes_each_epoch(cancer, capsys):
    X, y = cancer
    MLPClassifier(max_iter=2, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("Iteration 1, loss = ")
    assert lines[1].startswith("Validation score: ")


def test_the_net_itself_takes_whole_numbers():
    X = np.random.default_rng(0).integers(0, 9, size=(40, 3))
    y = X[:, 0] > 4
    clf = MLPClassifier(max_iter=500, random_state=0).fit(X, y)
    np.testing.assert_array_equal(clf.net_.predict(X).ravel(), clf.predict(X))
