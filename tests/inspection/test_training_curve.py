"""The picture shows the history, whatever the network stands in."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.inspection import TrainingCurveDisplay
from sklearn_dl.model_selection import LearningRateRange
from sklearn_dl.neural_network import MLPClassifier, MLPRegressor

plt = pytest.importorskip("matplotlib.pyplot")

X, y = make_classification(200, random_state=0)
PLAIN = MLPClassifier(max_iter=6, learning_rate="cosine", random_state=0)


@pytest.fixture(scope="module")
def stopped():
    return MLPClassifier(
        max_iter=100,
        early_stopping=True,
        validation_fraction=0.2,
        learning_rate_init=0.03,
        random_state=0,
    ).fit(X, y)


def test_losses_on_the_left_scores_on_the_right_best_epoch_marked(stopped):
    display = TrainingCurveDisplay.from_estimator(stopped)
    assert list(display.lines_) == ["train_loss", "valid_loss", "valid_score"]
    for name, line in display.lines_.items():
        expected = [epoch[name] for epoch in stopped.history_]
        np.testing.assert_array_equal(line.get_ydata(), expected)
        np.testing.assert_array_equal(line.get_xdata(), 1 + np.arange(len(expected)))
        right = name == "valid_score"
        assert line.axes is (display.score_ax_ if right else display.ax_)
    scores = stopped.validation_scores_
    assert display.best_epoch == 1 + scores.index(max(scores))
    assert display.best_epoch < stopped.n_iter_
    assert list(display.best_epoch_line_.get_xdata()) == [display.best_epoch] * 2
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_ylabel() == "Loss"
    assert display.score_ax_.get_ylabel() == "Validation score"
    texts = [text.get_text() for text in display.score_ax_.get_legend().get_texts()]
    assert texts == [
        "training loss",
        "validation loss",
        "validation score",
        f"best epoch: {display.best_epoch}",
    ]


def test_without_validation_there_is_one_curve_and_no_mark():
    display = TrainingCurveDisplay.from_estimator(clone(PLAIN).fit(X, y))
    assert list(display.lines_) == ["train_loss"]
    assert display.score_ax_ is display.best_epoch_line_ is display.best_epoch is None


def test_lbfgs_has_a_curve():
    network = MLPClassifier(solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(network)
    assert len(display.lines_["train_loss"].get_xdata()) == network.n_iter_


def test_metrics_are_chosen(stopped):
    display = TrainingCurveDisplay.from_estimator(
        stopped, metrics=["learning_rate", "train_loss"]
    )
    assert list(display.lines_) == ["learning_rate", "train_loss"]
    assert display.score_ax_.get_ylabel() == "Learning rate"
    alone = TrainingCurveDisplay.from_estimator(stopped, metrics=["valid_score"])
    assert alone.score_ax_ is alone.ax_
    assert alone.ax_.get_ylabel() == "Validation score"
    with pytest.raises(ValueError, match=r"'metrics'.*'train_loss'.*got \['auc'\]"):
        TrainingCurveDisplay.from_estimator(stopped, metrics=["auc"])
    with pytest.raises(ValueError, match=r"got \[\]"):
        TrainingCurveDisplay.from_estimator(stopped, metrics=[])
    with pytest.raises(TypeError, match="list of names, got 'train_loss'"):
        TrainingCurveDisplay.from_estimator(stopped, metrics="train_loss")


def test_axes_and_style_are_taken(stopped):
    _, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator(
        stopped, ax=ax, line_kw={"linewidth": 5}
    )
    assert display.ax_ is ax
    assert {line.get_linewidth() for line in display.lines_.values()} == {5}
    again = display.plot()
    assert again is display
    assert again.ax_ is not ax


def test_a_value_that_some_epochs_lack_leaves_a_gap():
    history = [{"train_loss": 1.0}, {"train_loss": 0.5, "valid_score": 0.9}]
    display = TrainingCurveDisplay(history).plot()
    np.testing.assert_array_equal(
        display.lines_["valid_score"].get_ydata(), [np.nan, 0.9]
    )
    assert display.best_epoch == 2


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), PLAIN),
        GridSearchCV(make_pipeline(StandardScaler(), PLAIN), {}, cv=2),
        make_pipeline(StandardScaler(), GridSearchCV(PLAIN, {}, cv=2)),
        LearningRateRange(PLAIN),
        TransformedTargetRegressor(
            MLPRegressor(max_iter=6, learning_rate="cosine", random_state=0)
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_network_is_found_inside(model):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(model)
    display = TrainingCurveDisplay.from_estimator(model.fit(X, y))
    assert len(display.lines_["train_loss"].get_xdata()) == 6


def test_what_has_no_curve():
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(MLPClassifier())
    model = make_pipeline(LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="Pipeline leads to LogisticRegression"):
        TrainingCurveDisplay.from_estimator(model)


def test_a_network_without_epochs_has_no_curve():
    class Untrained:
        history_ = []

    with pytest.raises(ValueError, match="history_ of Untrained has no epochs"):
        TrainingCurveDisplay.from_estimator(Untrained())
