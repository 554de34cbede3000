"""cross_validate and cross_val_score end as scikit-learn's own do."""

import inspect
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import sklearn.model_selection
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_dl.model_selection
from sklearn_dl.boosting import GradientBoostingClassifier
from sklearn_dl.model_selection import _validation, cross_val_score, cross_validate
from sklearn_dl.neural_network import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = make_classification(
    n_samples=150, n_features=8, n_informative=5, n_classes=3, random_state=0
)
rng = np.random.default_rng(0)
GROUPS = rng.integers(6, size=len(y))
WEIGHTS = rng.uniform(0.1, 2.0, size=len(y))
NETWORK = MLPClassifier((8,), max_iter=8, random_state=0)
BOOSTER = GradientBoostingClassifier(max_iter=3, max_leaf_nodes=4, random_state=0)
PIPELINE = make_pipeline(StandardScaler(), NETWORK)


def two_scores(estimator, X, y):
    right = estimator.predict(X) == y
    return {"right": float(right.mean()), "first": float(right[0])}


CASES = {
    "network": (NETWORK, {}),
    "booster": (BOOSTER, {"n_jobs": 2}),
    "pipeline": (PIPELINE, {"return_train_score": True, "n_jobs": 2}),
    "not joined": (LogisticRegression(), {"return_train_score": True}),
    "groups": (NETWORK, {"cv": GroupKFold(3), "groups": GROUPS}),
    "weights": (NETWORK, {"params": {"sample_weight": WEIGHTS}}),
    "several scores": (NETWORK, {"scoring": ["accuracy", "f1_macro"]}),
    "function": (NETWORK, {"scoring": two_scores, "return_train_score": True}),
    "indices": (BOOSTER, {"return_indices": True, "cv": PredefinedSplit(GROUPS)}),
    "iterable": (BOOSTER, {"cv": KFold(4).split(X)}),
}


def both(estimator, X=X, y=y, **options):
    if inspect.isgenerator(options.get("cv")):
        options["cv"] = [*options["cv"]]
    return [
        module.cross_validate(estimator, X, y, **options)
        for module in (sklearn_dl.model_selection, sklearn.model_selection)
    ]


def assert_same(ours, theirs):
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        if name.endswith("_time"):
            assert ours[name].shape == values.shape
        elif name == "indices":
            for part in ("train", "test"):
                for one, another in zip(ours[name][part], values[part], strict=True):
                    np.testing.assert_array_equal(one, another)
        elif name != "estimator":
            np.testing.assert_allclose(ours[name], values, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_same_as_scikit_learn(name):
    estimator, options = CASES[name]
    assert_same(*both(estimator, **options))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, list])
def test_kinds_of_rows(kind):
    assert_same(*both(BOOSTER, kind(X) if kind is not list else X.tolist()))


def test_labels_that_are_strings():
    labels = np.array(["one", "two", "three"])[y]
    assert_same(*both(NETWORK, y=labels, scoring="roc_auc_ovr"))


@pytest.mark.parametrize("estimator", [NETWORK, PIPELINE])
def test_the_estimators_of_the_folds(estimator):
    ours, theirs = both(estimator, return_estimator=True)
    assert_same(ours, theirs)
    for one, another in zip(ours["estimator"], theirs["estimator"], strict=True):
        np.testing.assert_allclose(
            one.predict_proba(X), another.predict_proba(X), rtol=1e-4, atol=1e-6
        )


def test_scores_alone():
    for scoring in (None, "f1_macro", make_scorer(accuracy_score)):
        options = {"scoring": scoring, "cv": 4, "n_jobs": 2}
        np.testing.assert_allclose(
            cross_val_score(NETWORK, X, y, **options),
            sklearn.model_selection.cross_val_score(NETWORK, X, y, **options),
        )


def test_scores_alone_are_single_numbers():
    with pytest.raises(ValueError, match="must return a number"):
        cross_val_score(NETWORK, X, y, scoring=two_scores, error_score="raise")


class TestWays:
    @pytest.fixture
    def fitted(self, monkeypatch):
        """Say for each call whether scikit-learn's own function was taken."""
        calls = []

        def own(*args, **kwargs):
            calls.append(args)
            return sklearn.model_selection.cross_validate(*args, **kwargs)

        monkeypatch.setattr(_validation, "sklearn_cross_validate", own)
        return calls

    @pytest.mark.parametrize("estimator", [NETWORK, PIPELINE])
    def test_networks_go_on_threads(self, estimator, fitted):
        cross_validate(estimator, X, y, cv=3)
        assert not fitted

    def test_others_do_not(self, fitted):
        cross_validate(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
        cross_validate(KMeans(2, n_init=1, random_state=0), X)
        assert len(fitted) == 2

    def test_routing(self, fitted):
        network = sklearn.clone(NETWORK)
        with sklearn.config_context(enable_metadata_routing=True):
            network.set_fit_request(sample_weight=True)
            network.set_score_request(sample_weight=True)
            assert_same(*both(network, params={"sample_weight": WEIGHTS}))
            assert len(fitted) == 1
            assert_same(*both(network))
            assert len(fitted) == 1
            with pytest.raises(ValueError, match="`groups` can only be passed if"):
                cross_validate(network, X, y, groups=GROUPS)


class TestFailures:
    BAD = MLPClassifier(alpha=-1.0)

    def test_raise(self):
        with pytest.raises(ValueError, match="'alpha' parameter of"):
            cross_validate(self.BAD, X, y, error_score="raise")

    def test_all_fail(self):
        with pytest.raises(ValueError, match="All the 5 fits failed"):
            cross_validate(self.BAD, X, y)

    @pytest.mark.parametrize("scoring", [None, two_scores, ["accuracy", "f1_macro"]])
    def test_one_fold_fails(self, scoring):
        # The fold that trains on the last row has a weight that is refused.
        cv = [(np.arange(100), np.arange(100, 150)), (np.arange(50, 150), range(50))]
        weights = np.append(WEIGHTS[:-1], np.nan)
        options = {"cv": cv, "scoring": scoring, "error_score": -3.0}
        options |= {"params": {"sample_weight": weights}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", FitFailedWarning)
            with pytest.raises(FitFailedWarning, match="1 fits failed out of a total"):
                cross_validate(NETWORK, X, y, **options)
            warnings.simplefilter("ignore")
            assert_same(*both(NETWORK, return_train_score=True, **options))

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match="'scoring' parameter of cross_validate"):
            cross_validate(NETWORK, X, y, scoring=3)
        with pytest.raises(ValueError, match="'cv' parameter of cross_val_score"):
            cross_val_score(NETWORK, X, y, cv="three")
        with pytest.raises(TypeError, match="class"):
            cross_validate(MLPClassifier, X, y)


@pytest.mark.parametrize("name", ["cross_validate", "cross_val_score"])
def test_the_signature_is_scikit_learns(name):
    ours, theirs = (
        inspect.signature(getattr(module, name))
        for module in (sklearn_dl.model_selection, sklearn.model_selection)
    )
    assert str(ours) == str(theirs)


def test_verbose(capsys):
    with joblib.parallel_config("threading"):
        for module in (sklearn_dl.model_selection, sklearn.model_selection):
            module.cross_validate(BOOSTER, X, y, cv=2, verbose=2)
    written = capsys.readouterr().out.splitlines()
    lines = [line.split("total")[0] for line in written if line.startswith("[CV")]
    assert len(lines) == 4
    assert set(lines) == {lines[0]}
