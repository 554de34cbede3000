"""The range test finds a rate that trains, and leaves all else alone."""

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from skorch.callbacks import Callback
from torch import nn

from sklearn_dl.model_selection import LearningRateRange
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

X, y = make_classification(300, 10, n_informative=5, random_state=0)


def network(**params):
    """A network that trains for a fixed number of epochs, without a warning."""
    options = {"learning_rate": "cosine", "max_iter": 10, "random_state": 0}
    return MLPClassifier(**{**options, **params})


def digits():
    data, target = load_digits(return_X_y=True)
    return scale(data), target


def diabetes():
    data, target = load_diabetes(return_X_y=True)
    return scale(data), scale(target)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("load", "estimator", "margin"),
    [
        (digits, MLPClassifier((50, 50, 50), max_iter=15), 0.1),
        (digits, MLPClassifier(solver="sgd", batch_size=32, max_iter=15), 0.1),
        (diabetes, MLPRegressor(solver="sgd", max_iter=40), 0.1),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_suggested_rate_beats_one_a_hundred_times_lower_or_higher(
    load, estimator, margin, seed
):
    X_train, X_test, y_train, y_test = train_test_split(*load(), random_state=0)
    estimator = clone(estimator).set_params(random_state=seed)
    model = LearningRateRange(estimator).fit(X_train, y_train)
    score = model.score(X_test, y_test)
    for factor in (0.01, 100):
        rate = factor * model.suggested_rate_
        other = clone(estimator).set_params(learning_rate_init=rate)
        try:
            other_score = other.fit(X_train, y_train).score(X_test, y_test)
        except ValueError as error:
            assert "non-finite weights" in str(error)
        else:
            assert score > other_score + margin


def test_rates_are_geometric_and_the_average_is_the_corrected_one():
    test = LearningRateRange(network(), min_rate=1e-5, max_rate=1e-1, n_steps=41)
    test.fit(X, y)
    np.testing.assert_allclose(test.rates_, 10 ** np.linspace(-5, -1, 41))
    assert test.losses_.shape == test.smoothed_losses_.shape == (41,)
    average, beta = 0.0, 0.9
    for t, loss in enumerate(test.losses_, start=1):
        average = beta * average + (1 - beta) * loss
        expected = average / (1 - beta**t)
        assert test.smoothed_losses_[t - 1] == pytest.approx(expected)
    # Rates and losses are averaged alike: what is linear in the logarithm stays so.
    lag = np.log10(test.rates_[-1] / test.smoothed_rates_[-1]) * 10
    assert lag == pytest.approx(0.9 / 0.1, abs=0.8)


def test_the_first_loss_is_that_of_the_initial_network():
    estimator = network(alpha=1.0, batch_size=len(X))
    test = LearningRateRange(estimator, refit=False).fit(X, y)
    one_step = clone(estimator).partial_fit(X, y, classes=[0, 1])
    assert test.losses_[0] == pytest.approx(one_step.loss_)


def test_it_ends_where_the_loss_diverges():
    regressor = MLPRegressor(solver="sgd", learning_rate="cosine", random_state=0)
    test = LearningRateRange(regressor, refit=False).fit(*diabetes())
    assert len(test.rates_) == len(test.losses_) < 100
    assert np.isfinite(test.losses_).all()
    early = LearningRateRange(regressor, refit=False, divergence_factor=0.1)
    assert len(early.fit(*diabetes()).rates_) < len(test.rates_)
    assert early.suggested_rate_ < test.rates_[-1]


def test_training_uses_the_suggested_rate_and_leaves_the_estimator_alone():
    estimator = network(learning_rate_init=0.5)
    params = estimator.get_params()
    model = LearningRateRange(estimator).fit(X, y)
    assert estimator.get_params() == params
    assert not hasattr(estimator, "net_")
    by_hand = clone(estimator).set_params(learning_rate_init=model.suggested_rate_)
    np.testing.assert_array_equal(
        model.predict_proba(X), by_hand.fit(X, y).predict_proba(X)
    )
    assert model.score(X, y) == by_hand.score(X, y)
    np.testing.assert_array_equal(model.classes_, by_hand.classes_)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.losses_, model.losses_)
    assert again.suggested_rate_ == model.suggested_rate_


def test_rules():
    tests = {
        rule: LearningRateRange(network(), rule=rule, refit=False).fit(X, y)
        for rule in ("steepest", "middle", "minimum")
    }
    rates = {rule: test.suggested_rate_ for rule, test in tests.items()}
    test = tests["middle"]
    lowest = test.smoothed_rates_[test.smoothed_losses_.argmin()]
    assert rates["minimum"] == pytest.approx(lowest / 10)
    assert rates["middle"] == pytest.approx(np.sqrt(rates["steepest"] * lowest))
    assert rates["steepest"] < lowest
    # The steepest step is where the loss falls, neither on the plateau nor behind.
    step = np.flatnonzero(test.smoothed_rates_ == rates["steepest"])[0]
    fallen = test.smoothed_losses_[0] - test.smoothed_losses_
    assert 0.05 < fallen[step] / fallen.max() < 0.95


@pytest.mark.parametrize("memory", [False, True])
def test_steps_in_front_are_fitted_once_and_kept(memory, tmp_path):
    steps = [("scale", StandardScaler()), ("network", network())]
    pipeline = Pipeline(steps, memory=str(tmp_path) if memory else None)
    data = 100 * X + 7
    model = LearningRateRange(pipeline).fit(data, y)
    bare = LearningRateRange(network()).fit(scale(data), y)
    np.testing.assert_allclose(model.losses_, bare.losses_)
    np.testing.assert_allclose(
        model.predict_proba(data), bare.predict_proba(scale(data))
    )
    assert model.best_estimator_.steps[0][1].mean_.shape == (10,)
    assert not hasattr(steps[0][1], "mean_")
    assert model.n_features_in_ == 10


def test_a_pipeline_of_nothing_but_a_network():
    model = LearningRateRange(make_pipeline(network())).fit(X, y)
    alone = LearningRateRange(network()).fit(X, y)
    assert model.suggested_rate_ == alone.suggested_rate_


def test_it_stands_in_a_pipeline_and_in_a_search():
    model = make_pipeline(StandardScaler(), LearningRateRange(network(max_iter=30)))
    grid = {"learningraterange__estimator__hidden_layer_sizes": [(3,), (30,)]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.8
    assert is_classifier(search)
    assert is_regressor(LearningRateRange(MLPRegressor()))


def test_without_refit_there_are_no_predictions():
    test = LearningRateRange(network(), refit=False).fit(X, y)
    assert test.n_features_in_ == 10
    assert not hasattr(test, "best_estimator_")
    with pytest.raises(AttributeError) as caught:
        test.predict(X)
    assert "refit=True" in str(caught.value.__cause__)
    assert not hasattr(LearningRateRange(MLPRegressor()), "predict_proba")


def test_a_loss_that_never_falls_keeps_the_rate_with_a_warning():
    test = LearningRateRange(network(learning_rate_init=0.03), max_rate=1e-6)
    with pytest.warns(ConvergenceWarning, match="1e-07 to 1e-06.*=0.03 is kept"):
        test.fit(X, y)
    assert test.suggested_rate_ == 0.03
    assert test.best_estimator_.learning_rate_init == 0.03


def test_few_steps_and_no_smoothing():
    test = LearningRateRange(network(), n_steps=20, min_rate=1e-5, smoothing=0.0)
    test.fit(X, y)
    np.testing.assert_allclose(test.smoothed_losses_, test.losses_)
    np.testing.assert_allclose(test.smoothed_rates_, test.rates_)
    assert 1e-4 < test.suggested_rate_ < 1


class CountEpochs(Callback):
    n_epochs = 0

    def on_epoch_end(self, net, **_):
        type(self).n_epochs += 1


def test_callbacks_and_checkpoints_belong_to_the_training(tmp_path):
    CountEpochs.n_epochs = 0
    estimator = network(callbacks=[CountEpochs()], checkpoint=tmp_path)
    model = LearningRateRange(estimator).fit(X, y)
    assert CountEpochs.n_epochs == model.best_estimator_.n_iter_ == 10
    plain = LearningRateRange(network()).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


class Interrupted(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        raise KeyboardInterrupt


def test_an_interruption_from_the_keyboard_is_not_the_end_of_the_test():
    with pytest.raises(KeyboardInterrupt):
        LearningRateRange(network(module=Interrupted)).fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "params", "error", "message"),
    [
        (LogisticRegression(), {}, TypeError, "neural estimator.*LogisticRegression"),
        (make_pipeline(StandardScaler()), {}, TypeError, "got StandardScaler"),
        (network(solver="lbfgs"), {}, ValueError, "'lbfgs' of MLPClassifier"),
        (network(learning_rate=[0.1]), {}, ValueError, "learning_rate of MLPClass"),
        (network(), {"min_rate": 1, "max_rate": 0.1}, ValueError, "below max_rate"),
        (network(), {"smoothing": 1.0}, ValueError, "'smoothing' parameter"),
    ],
)
def test_what_cannot_be_tested(estimator, params, error, message):
    with pytest.raises(error, match=message):
        LearningRateRange(estimator, **params).fit(X, y)


def test_threads_are_as_found_after_an_error():
    n_threads = torch.get_num_threads()
    with pytest.raises(ValueError, match=r"[Ss]ample.weight"):
        LearningRateRange(network()).fit(X, y, sample_weight=np.zeros(len(X)))
    assert torch.get_num_threads() == n_threads


def test_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    test = LearningRateRange(network(), refit=False)
    with pytest.raises(NotFittedError):
        test.plot()
    test.fit(X, y)
    ax = test.plot()
    raw, smoothed, mark = ax.lines
    assert ax.get_xscale() == "log"
    np.testing.assert_array_equal(raw.get_xdata(), test.rates_)
    np.testing.assert_array_equal(smoothed.get_ydata(), test.smoothed_losses_)
    assert list(mark.get_xdata()) == [test.suggested_rate_] * 2
    bottom, top = ax.get_ylim()
    assert bottom < test.losses_.min()
    assert top > np.median(test.smoothed_losses_)
    _, given = plt.subplots()
    assert test.plot(ax=given) is given
