"""The compiled training of a net: what it covers, and that torch can take turns."""

import pickle

import numpy as np
import pytest
import skorch.callbacks
import torch
from torch import nn
from torch.nn.utils import parametrizations

from sklearn_dl._skorch import Batches, Penalty, Schedule, TensorNet
from sklearn_dl._skorch._dense_program import NetProgram
from sklearn_dl._skorch._optimizers import SGD, Adam
from sklearn_dl.modules import (
    BinaryCrossEntropy,
    CrossEntropy,
    DenseNetwork,
    MultiTaskCrossEntropy,
    SquaredError,
    StandardizedSquaredError,
)
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(50, 4))
TARGETS = X @ GENERATOR.normal(size=(4, 2)) + np.sin(3 * X[:, :2])
CLASSES = np.digitize(TARGETS[:, 0], [-0.5, 0.5])


@pytest.fixture(autouse=True)
def seeded_generator():
    """Modules draw from torch's global generator: seed it and put it back."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Listener(skorch.callbacks.Callback):
    """Hears of every batch, for which torch has to compute it."""

    def on_batch_end(self, net, **_):
        pass


@pytest.fixture
def compiled(monkeypatch):
    """Collect the seeds of the epochs that are compiled."""
    seeds, run_epochs = [], NetProgram.run_epochs

    def noted(self, batches, orders, rates, given):
        seeds.extend(given.tolist())
        return run_epochs(self, batches, orders, rates, given)

    monkeypatch.setattr(NetProgram, "run_epochs", noted)
    return seeds


# -- what is compiled


def net_of(module=None, criterion=None, **options):
    options = {
        "schedule": Schedule(0.1),
        "optimizer": torch.optim.SGD,
        "random_state": np.random.RandomState(0),
    } | options
    module = module or (lambda: DenseNetwork(4, [5], 2))
    return TensorNet(module, criterion or SquaredError(), **options).initialize()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"module": lambda: DenseNetwork(4, [], 2)},
        {"module": lambda: DenseNetwork(4, [5, 6], 2, dropout=[0.1, 0.0])},
        {"criterion": CrossEntropy(label_smoothing=0.1)},
        {"criterion": BinaryCrossEntropy()},
        {"optimizer": SGD, "optimizer__momentum": 0.9, "optimizer__nesterov": True},
        {"optimizer": Adam, "optimizer__fused": True},
        {"optimizer": torch.optim.AdamW, "decoupled_decay": 0.1},
        {"optimizer": torch.optim.AdamW, "optimizer__weight_decay": 0.0},
        {"penalty": Penalty(0.1, 0.5), "max_grad_norm": 1.0, "dtype": torch.float64},
    ],
)
def test_compiled(options):
    assert isinstance(NetProgram.of(net_of(**options)), NetProgram)


class OwnNetwork(DenseNetwork):
    def forward(self, x):
        return super().forward(x) + 1


class OwnLoss(SquaredError):
    pass


@pytest.mark.parametrize(
    "options",
    [
        {"module": lambda: DenseNetwork(4, [5], 2, batch_norm=True)},
        {"module": lambda: DenseNetwork(4, [5], 2, layer_norm=True)},
        {"module": lambda: nn.Linear(4, 2)},
        {"module": lambda: OwnNetwork(4, [5], 2)},
        *(
            {"module": lambda name=name: DenseNetwork(4, [5], 2, activation=name)}
            for name in ("prelu", "selu", "celu", "relu6", "mish", "softplus")
        ),
        {"criterion": OwnLoss()},
        {"criterion": nn.MSELoss()},
        {"criterion": CrossEntropy(focal_gamma=2.0)},
        {"criterion": BinaryCrossEntropy(focal_gamma=2.0)},
        {"criterion": MultiTaskCrossEntropy([1, 1])},
        {"criterion": StandardizedSquaredError([0], [1], [0], [1])},
        {"optimizer": torch.optim.Adam},
        {"optimizer": torch.optim.NAdam},
        {"optimizer": torch.optim.RMSprop},
        {"optimizer": torch.optim.Adagrad},
        {"optimizer": torch.optim.Adadelta},
        {"optimizer": torch.optim.SGD, "optimizer__maximize": True},
        {"optimizer__momentum": 0.9, "optimizer__dampening": 0.1},
        {"optimizer": torch.optim.SGD, "optimizer__weight_decay": 0.1},
        {"optimizer": Adam, "optimizer__weight_decay": 0.1},
        {"optimizer": Adam, "optimizer__amsgrad": True},
        {"optimizer": torch.optim.AdamW, "optimizer__weight_decay": 0.1},
        {"optimizer": torch.optim.AdamW, "optimizer__amsgrad": True},
        {"ema_decay": 0.9},
        {"mixed_precision": "bfloat16"},
        {"device": "meta"},
    ],
)
def test_not_compiled(options):
    assert NetProgram.of(net_of(**options)) is None


def freeze(net):
    net.module_.dense[0].bias.requires_grad_(False)


def set_one_rate(net):
    net.optimizer_.param_groups[1]["lr"] = 0.01


def forget_the_biases(net):
    del net.optimizer_.param_groups[1]


def change_the_activation(net):
    net.module_.after[0] = nn.Tanh()


@pytest.mark.parametrize(
    "meddle",
    [
        freeze,
        lambda net: net.module_.register_forward_hook(print),
        lambda net: net.module_.dense[1].register_forward_pre_hook(print),
        lambda net: net.module_.after[0].register_full_backward_hook(print),
        lambda net: net.module_.dense[0].weight.register_hook(torch.sign),
        lambda net: net.module_.after[0].register_full_backward_pre_hook(print),
        lambda net: net.module_.dense[0].weight.register_post_accumulate_grad_hook(
            print
        ),
        lambda net: net.optimizer_.register_step_pre_hook(print),
        lambda net: net.optimizer_.register_step_post_hook(print),
        lambda net: parametrizations.weight_norm(net.module_.dense[0]),
        change_the_activation,
        set_one_rate,
        forget_the_biases,
    ],
)
def test_not_compiled_once_somebody_has_meddled(meddle):
    net = net_of(optimizer=torch.optim.AdamW, decoupled_decay=0.1)
    meddle(net)
    assert NetProgram.of(net) is None


def test_somebody_meddles_between_two_epochs(compiled):
    class Freezes(skorch.callbacks.Callback):
        def on_epoch_begin(self, net, **_):
            if net.n_epochs_ == 2:
                freeze(net)

    est = MLPRegressor(
        hidden_layer_sizes=4, max_iter=5, random_state=0, callbacks=[Freezes()]
    )
    est.fit(X, TARGETS)
    assert len(compiled) == 2
    moment = est.net_.optimizer_.state_dict()["state"][1]["step"]
    assert moment.item() == 2


@pytest.mark.parametrize(
    ("hook", "n_compiled"),
    [
        ("on_train_begin", 3),
        ("on_epoch_begin", 3),
        ("on_epoch_end", 3),
        ("on_batch_begin", 0),
        ("on_batch_end", 0),
        ("on_grad_computed", 0),
    ],
)
def test_who_listens_hears(compiled, hook, n_compiled):
    heard = []

    class Hears(skorch.callbacks.Callback):
        pass

    setattr(Hears, hook, lambda self, net, **_: heard.append(net.n_epochs_))
    est = MLPRegressor(
        hidden_layer_sizes=4, max_iter=3, random_state=0, callbacks=[Hears()]
    )
    est.fit(X, TARGETS)
    assert heard == ([0] if hook == "on_train_begin" else heard) and heard
    assert len(compiled) == n_compiled


def test_a_callback_sets_the_rate(compiled):
    class Halves(skorch.callbacks.Callback):
        def on_epoch_end(self, net, **_):
            for group in net.optimizer_.param_groups:
                group["lr"] /= 2

    def fitted(*callbacks):
        est = MLPRegressor(
            hidden_layer_sizes=4,
            max_iter=4,
            random_state=0,
            solver="sgd",
            dtype="float64",
        )
        return est.set_params(callbacks=[*callbacks]).fit(X, TARGETS)

    halved = fitted(Halves())
    assert len(compiled) == 4
    assert_close(halved, fitted(Halves(), Listener()))
    assert halved.loss_curve_ != fitted().loss_curve_


def test_epochs_and_fits_drop_by_seeds_of_their_own(compiled):
    est = MLPRegressor(
        hidden_layer_sizes=4, dropout=0.3, max_iter=4, random_state=0
    ).fit(X, TARGETS)
    assert len(set(compiled)) == 4
    first = [*compiled]
    est.fit(X, TARGETS)
    assert compiled == first * 2
    est.set_params(random_state=1).fit(X, TARGETS)
    assert len(set(compiled)) == 8
    del compiled[:]
    est = MLPRegressor(hidden_layer_sizes=4, dropout=0.3, random_state=0)
    for _ in range(3):
        est.partial_fit(X, TARGETS)
    assert len(set(compiled)) == 3


# -- torch and compiled code take turns

FITS = {
    "sgd": {"solver": "sgd", "nesterovs_momentum": False},
    "plain": {"solver": "sgd", "momentum": 0.0},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.01},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "n_iter_no_change": 1,
        "tol": 0.1,
    },
    "warmup": {"solver": "sgd", "learning_rate": "adaptive", "warmup_epochs": 3},
    "adam": {"solver": "adam"},
    "adam-eps": {"solver": "adam", "epsilon": 1e-2, "beta_1": 0.5},
    "adamw": {"solver": "adamw", "alpha": 0.1, "l1_ratio": 0.3},
    "time": {"solver": "adam", "learning_rate": "time", "max_grad_norm": 0.1},
}


def regressor(name, **options):
    options = {
        "hidden_layer_sizes": (6, 5),
        "batch_size": 16,
        "learning_rate_init": 0.02,
        "alpha": 0.01,
        "random_state": 0,
        "max_iter": 6,
    } | FITS[name]
    return MLPRegressor(**options)


def in_torch(est):
    return est.set_params(callbacks=[Listener()])


def assert_close(one, other):
    """Compare weights, losses and the whole state of the optimiser."""
    for name in ("coefs_", "intercepts_", "loss_curve_"):
        pairs = zip(getattr(one, name), getattr(other, name), strict=True)
        for left, right in pairs:
            np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-10)
    assert one.n_iter_ == other.n_iter_
    assert one.net_.rate_scale_ == other.net_.rate_scale_
    left, right = (est.net_.optimizer_.state_dict() for est in (one, other))
    assert left["state"].keys() == right["state"].keys()
    for k, state in right["state"].items():
        kept = {name: v for name, v in state.items() if v is not None}
        assert {n for n, v in left["state"][k].items() if v is not None} == kept.keys()
        for name, value in kept.items():
            assert left["state"][k][name].dtype == value.dtype
            np.testing.assert_allclose(
                left["state"][k][name], value, rtol=1e-10, atol=1e-10
            )
    for ours, theirs in zip(left["param_groups"], right["param_groups"], strict=True):
        assert ours.keys() == theirs.keys()
        # Adam sets "eps" in each step, to "epsilon" over what the step's number says.
        derived = "eps" if "epsilon" in theirs else None
        for option, value in theirs.items():
            if option == derived:
                continue
            assert ours[option] == pytest.approx(value), option


@pytest.mark.parametrize("name", FITS)
def test_state_of_the_optimizer_is_torchs(name, compiled):
    ours = regressor(name).fit(X, TARGETS)
    assert len(compiled) == ours.n_iter_
    theirs = in_torch(regressor(name)).fit(X, TARGETS)
    assert len(compiled) == ours.n_iter_
    assert_close(ours, theirs)


@pytest.mark.parametrize("ways", ["ccttcc", "ttcctt", "ctctct", "tctctc", "cccccc"])
@pytest.mark.parametrize("name", FITS)
def test_either_goes_on_where_the_other_is(name, ways, compiled):
    expected, est = in_torch(regressor(name)), regressor(name)
    for way in ways:
        expected.partial_fit(X, TARGETS)
        est = pickle.loads(pickle.dumps(est))
        est.set_params(callbacks=None)
        (in_torch(est) if way == "t" else est).partial_fit(X, TARGETS)
    assert len(compiled) == ways.count("c")
    assert_close(est, expected)


@pytest.mark.parametrize("name", FITS)
def test_partial_fit_after_fit(name):
    ours = regressor(name).fit(X, TARGETS).partial_fit(X, TARGETS)
    theirs = in_torch(regressor(name)).fit(X, TARGETS).partial_fit(X, TARGETS)
    assert_close(ours, theirs)
    mixed = in_torch(regressor(name).fit(X, TARGETS)).partial_fit(X, TARGETS)
    assert_close(mixed, theirs)


@pytest.mark.filterwarnings("ignore:.*It is clipped")
def test_partial_fits_of_other_rows(compiled):
    ours = MLPClassifier((6,), batch_size=8, random_state=0)
    theirs = in_torch(MLPClassifier((6,), batch_size=8, random_state=0))
    for part in np.array_split(np.arange(50), [3, 30, 31]):
        weight = part % 3 + 0.5
        for est in (ours, theirs):
            est.partial_fit(X[part], CLASSES[part], weight, classes=[0, 1, 2])
    assert len(compiled) == 4
    assert_close(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))


@pytest.mark.parametrize("name", FITS)
def test_warm_start(name, compiled):
    ours = regressor(name).set_params(warm_start=True, max_iter=3)
    theirs = in_torch(regressor(name).set_params(warm_start=True, max_iter=3))
    for est in (ours, theirs):
        est.fit(X, TARGETS).fit(X, TARGETS)
    assert len(compiled) >= 4
    assert_close(ours, theirs)
    assert_close(
        in_torch(regressor(name)).fit(X, TARGETS), regressor(name).fit(X, TARGETS)
    )


def test_parameters_set_between_two_partial_fits():
    def fitted(est):
        est.partial_fit(X, TARGETS)
        est.set_params(alpha=1.0, max_grad_norm=0.5).partial_fit(X, TARGETS)
        return est

    assert_close(fitted(regressor("sgd")), fitted(in_torch(regressor("sgd"))))


def test_early_stopping_restores_the_same_weights(compiled):
    options = {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 3}
    ours = regressor("adam").set_params(**options).fit(X, TARGETS)
    theirs = in_torch(regressor("adam").set_params(**options)).fit(X, TARGETS)
    assert ours.n_iter_ < 40 and len(compiled) == ours.n_iter_
    assert_close(ours, theirs)
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)


# -- checkpoints


class Dies(skorch.callbacks.Callback):
    def on_epoch_end(self, net, **_):
        if net.n_epochs_ == 4:
            raise RuntimeError("power cut")


@pytest.mark.parametrize("name", FITS)
def test_a_resumed_fit_drops_the_same_units(name, tmp_path, compiled):
    whole = regressor(name).set_params(dropout=[0.4, 0.2]).fit(X, TARGETS)
    est = regressor(name).set_params(dropout=[0.4, 0.2], checkpoint=tmp_path)
    with pytest.raises(RuntimeError, match="power cut"):
        est.set_params(callbacks=[Dies()]).fit(X, TARGETS)
    assert [*tmp_path.iterdir()]
    del compiled[:]
    est.set_params(callbacks=None).fit(X, TARGETS)
    assert len(compiled) == whole.n_iter_ - 3
    assert not [*tmp_path.iterdir()]
    for one, other in zip(est.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert est.loss_curve_ == whole.loss_curve_
    assert_close(est, whole)


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("first", ["compiled", "torch"])
def test_a_fit_is_resumed_the_other_way(name, first, tmp_path):
    whole = regressor(name).fit(X, TARGETS)
    listener = [] if first == "compiled" else [Listener()]
    est = regressor(name).set_params(checkpoint=tmp_path)
    with pytest.raises(RuntimeError, match="power cut"):
        est.set_params(callbacks=[Dies(), *listener]).fit(X, TARGETS)
    est.set_params(callbacks=[] if listener else [Listener()]).fit(X, TARGETS)
    assert_close(est, whole)


# -- memory


def test_tensors_are_views_of_the_programs_arrays():
    net = net_of(optimizer=Adam, dtype=torch.float64)
    before = [p.detach().clone() for p in net.module_.parameters()]
    program = NetProgram.of(net)
    for p, start in zip(net.module_.parameters(), before, strict=True):
        assert torch.equal(p, start)
        assert np.shares_memory(p.detach().numpy(), program.params)
        assert np.shares_memory(
            net.optimizer_.state[p]["exp_avg"].numpy(), program.first
        )
    net.seed_ = 0
    net.fit_loop(Batches(X, torch.from_numpy(TARGETS), dtype=torch.float64), epochs=2)
    for p, start in zip(net.module_.parameters(), before, strict=True):
        assert not torch.equal(p, start)


@pytest.mark.parametrize("pickled", [False, True])
def test_a_net_is_trained_without_its_estimator(pickled):
    net = net_of()
    if pickled:
        est = MLPRegressor(hidden_layer_sizes=4, max_iter=3).fit(X, TARGETS)
        net = pickle.loads(pickle.dumps(est)).net_
    net.fit_loop(Batches(X, torch.from_numpy(TARGETS), dtype=net.dtype), epochs=2)
