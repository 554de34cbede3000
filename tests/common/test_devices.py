"""A network that was fitted on a GPU can be read and used where there is none."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification

from sklearn_dl.neural_network import (
    CNNClassifier,
    MLPClassifier,
    MLPRegressor,
    RNNRegressor,
)

NETWORKS = [MLPClassifier, MLPRegressor, CNNClassifier, RNNRegressor]
# scikit-learn's networks warn where the last epoch is one too early.
EPOCHS = {MLPClassifier: 500, MLPRegressor: 500, CNNClassifier: 2, RNNRegressor: 2}


class FittedOnGPU:
    """Pickles an estimator as it would be if its network had been on a GPU."""

    def __init__(self, estimator):
        self.estimator = estimator

    def __reduce__(self):
        function, arguments, state = self.estimator.__reduce__()
        assert state["_device"] == "cpu"
        return function, arguments, {**state, "_device": "cuda"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_pickle_from_a_gpu_works_without_one(network, device):
    X, y = make_classification(random_state=0)
    fitted = network(max_iter=EPOCHS[network], random_state=0).fit(X, y)
    fitted.device = device
    loaded = pickle.loads(pickle.dumps(FittedOnGPU(fitted)))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    # It says what it was told, and does not pretend that a new fit would work.
    assert loaded.get_params()["device"] == device
    if device == "auto":
        loaded.partial_fit(X, y)
    else:
        with pytest.raises(ValueError, match=r"'device' parameter .* 'cuda'"):
            loaded.fit(X, y)


@pytest.mark.gpu
@pytest.mark.parametrize("network", NETWORKS)
def test_a_pickle_from_a_gpu_goes_on_there(network):
    X, y = make_classification(random_state=0)
    fitted = network(max_iter=EPOCHS[network], device="cuda", random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert next(loaded.net_.module_.parameters()).device.type == "cuda"
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
