"""The check of joint fits passes what is right and catches what is not."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl.base import JointFitMixin
from sklearn_dl.testing import check_joint_fit

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(30, 4))
y = X @ [1.0, 2.0, 0.0, -1.0]
CANDIDATES = [{"alpha": alpha} for alpha in (0.1, 1.0, -1.0, 10.0)]


class Ridge(JointFitMixin, RegressorMixin, BaseEstimator):
    """Does all that a joint fit should."""

    def __init__(self, alpha=1.0, name="ridge"):
        self.alpha = alpha
        self.name = name

    def fit(self, X, y):
        if self.alpha < 0:
            raise ValueError("alpha is negative")
        X = X.toarray() if sparse.issparse(X) else X
        gram = X.T @ X + np.diag([self.alpha] * X.shape[1]).astype(X.dtype)
        self.coef_ = np.linalg.solve(gram, X.T @ y)
        self.parts_ = [self.coef_[:2], self.coef_[2:]]
        self.n_steps_ = 1
        return self

    def predict(self, X):
        return X @ self.coef_

    def joint_fit_groups(self, candidates):
        return [list(range(len(candidates)))]

    def fit_candidates(self, candidates, X, y):
        for k, params in enumerate(candidates):
            try:
                yield k, clone(self).set_params(**params).fit(X, y)
            except ValueError as error:
                yield k, error


class NoGroups(Ridge):
    def joint_fit_groups(self, candidates):
        return []


class OutOfRange(Ridge):
    def joint_fit_groups(self, candidates):
        return [[0, len(candidates)]]


class TwiceInGroups(Ridge):
    def joint_fit_groups(self, candidates):
        return [[0, 1], [1, 2]]


class Broken(Ridge):
    """Spoils what it hands out."""

    def fit_candidates(self, candidates, X, y):
        for k, outcome in super().fit_candidates(candidates, X, y):
            if isinstance(outcome, Exception):
                yield k, outcome
            else:
                yield k, self._spoilt(outcome)

    def _spoilt(self, model):
        return model


class WrongFit(Broken):
    def _spoilt(self, model):
        model.coef_ = model.coef_ + 1e-9
        return model


class WrongPart(Broken):
    def _spoilt(self, model):
        model.parts_[1] = model.parts_[1] + 1
        return model


class MissingPart(Broken):
    def _spoilt(self, model):
        del model.parts_[1]
        return model


class WrongShape(Broken):
    def _spoilt(self, model):
        model.coef_ = model.coef_[:, None]
        return model


class WrongNumber(Broken):
    def _spoilt(self, model):
        model.n_steps_ = 2
        return model


class OneAttributeMore(Broken):
    def _spoilt(self, model):
        model.extra_ = np.ones(2)
        return model


class WrongPrediction(Broken):
    def _spoilt(self, model):
        model.predict = lambda X: X @ model.coef_ + 1
        return model


class WrongParameter(Broken):
    def _spoilt(self, model):
        return model.set_params(name="other")


class WrongType(Broken):
    def _spoilt(self, model):
        other = Ridge(model.alpha)
        other.coef_ = model.coef_
        return other


class NoFit(Broken):
    def _spoilt(self, model):
        return RuntimeError("not today")


class OtherError(Ridge):
    def fit_candidates(self, candidates, X, y):
        for k, outcome in super().fit_candidates(candidates, X, y):
            failed = isinstance(outcome, Exception)
            yield k, TypeError("alpha") if failed else outcome


class Missing(Ridge):
    def fit_candidates(self, candidates, X, y):
        yield from list(super().fit_candidates(candidates, X, y))[:-1]


class Twice(Ridge):
    def fit_candidates(self, candidates, X, y):
        yield from super().fit_candidates(candidates, X, y)
        yield from super().fit_candidates(candidates, X, y)


class Raises(Ridge):
    def fit_candidates(self, candidates, X, y):
        yield from list(super().fit_candidates(candidates, X, y))[:1]
        raise ValueError("alpha is negative")


class ChangesX(Ridge):
    def fit_candidates(self, candidates, X, y):
        yield from super().fit_candidates(candidates, X, y)
        X[0] = 0


class ChangesY(Ridge):
    def fit_candidates(self, candidates, X, y):
        yield from super().fit_candidates(candidates, X, y)
        y[0] = 0


class ChangesItself(Ridge):
    def fit_candidates(self, candidates, X, y):
        self.fit(X, y)
        yield from super().fit_candidates(candidates, X, y)


class ChangesAParameter(Ridge):
    def fit_candidates(self, candidates, X, y):
        for k, params in enumerate(candidates):
            self.set_params(**params)
            yield from ((k, o) for _, o in super().fit_candidates([params], X, y))


class Seeds(Ridge):
    def fit_candidates(self, candidates, X, y):
        np.random.seed(0)  # noqa: NPY002
        yield from super().fit_candidates(candidates, X, y)


class HarmedByALeaver(Ridge):
    """Leaves the global generator to whoever comes when nobody asks for the rest."""

    def fit_candidates(self, candidates, X, y):
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        yield from super().fit_candidates(candidates, X, y)
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_right_passes(dtype):
    check_joint_fit(Ridge(), CANDIDATES, X.astype(dtype), y.astype(dtype))


def test_sparse_rows():
    check_joint_fit(Ridge(), CANDIDATES, sparse.csr_array(X), y)


def test_a_pipeline_passes():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    candidates = [{"logisticregression__C": C} for C in (0.1, 1.0, -1.0)]
    weights = np.ones(len(X))
    check_joint_fit(
        pipeline,
        candidates,
        X,
        y > 0,
        fit_params={"logisticregression__sample_weight": weights},
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (NoGroups, "NoGroups joins none of the 4 candidates"),
        (OutOfRange, r"groups the candidates \[\[0, 4\]\], expected are positions"),
        (TwiceInGroups, "puts a candidate into two groups"),
        (WrongFit, r"coef_ of WrongFit with {'alpha': 0.1} differs by up to 1e-09"),
        (WrongPart, "parts_ of WrongPart .* differs by up to 1 "),
        (MissingPart, "parts_ of MissingPart .* has 1 parts"),
        (WrongShape, r"coef_ of WrongShape .* has shape \(4, 1\)"),
        (WrongNumber, "n_steps_ of WrongNumber .* differs in 1 of 1 values"),
        (OneAttributeMore, r"leaves the attributes \['coef_', 'extra_'"),
        (WrongPrediction, "predict of WrongPrediction .* differs by up to 1 "),
        (WrongParameter, "ends with other values of the parameters name"),
        (WrongType, "gives a fitted Ridge and not a fitted WrongType"),
        (NoFit, "ends with RuntimeError: not today, a single one with a fitted NoFit"),
        (OtherError, "ends with TypeError: alpha, a single one with ValueError"),
        (Missing, r"yields the candidates \[0, 1, 2\] of a joint fit"),
        (Twice, r"expected is each from 0 to 3 once"),
        (Raises, "Raises fails in a joint fit: ValueError: alpha is negative"),
        (ChangesX, "ChangesX changes X in a joint fit"),
        (ChangesY, "ChangesY changes y in a joint fit"),
        (ChangesItself, "ChangesItself is changed by a joint fit"),
        (ChangesAParameter, "ChangesAParameter is changed by a joint fit"),
        (Seeds, "Seeds changes numpy's global generator in a joint fit"),
        (HarmedByALeaver, "changes numpy's global generator in a joint fit"),
    ],
)
def test_what_is_wrong_is_caught(wrong, message):
    with pytest.raises(AssertionError, match=message):
        check_joint_fit(wrong(), CANDIDATES, X.copy(), y.copy())


def test_tolerances():
    check_joint_fit(WrongFit(), CANDIDATES, X, y, rtol=0, atol=1e-8)
    check_joint_fit(WrongFit(), CANDIDATES, X.astype(np.float32), y.astype(np.float32))
    with pytest.raises(AssertionError, match="allowed are rtol=1e-12 and atol=0"):
        check_joint_fit(WrongFit(), CANDIDATES, X, y, atol=0)


def test_an_estimator_that_joins_nothing():
    with pytest.raises(AssertionError, match="LogisticRegression joins none of the 2"):
        check_joint_fit(LogisticRegression(), [{"C": 1.0}, {"C": 2.0}], X, y > 0)
