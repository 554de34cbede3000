"""skada's DANN as it is meant, for benchmarks/domain_adaptation.py.

Its own head for the domains ends in a softmax over one unit, whose gradient is zero: it
is given one that ends in a sigmoid. Importing skada turns metadata routing on for
everybody; it is turned off again.
"""

import numpy as np
import sklearn
import torch
from torch import nn


class Network(nn.Module):
    """The body and the head of the labels that all peers have."""

    def __init__(self, n_hidden=10):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(2, n_hidden), nn.Tanh())
        self.output = nn.Linear(n_hidden, 2)

    def forward(self, X, sample_weight=None):
        """Return the raw outputs."""
        return self.output(self.features(X))


class Domains(nn.Module):
    """The head of the domains, behind a gradient that is reversed."""

    def __init__(self, n_hidden=10, n_units=100):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_hidden, n_units), nn.ReLU(), nn.Linear(n_units, 1), nn.Sigmoid()
        )

    def forward(self, X, sample_weight=None):
        """Return the probability of the source."""
        from skada.deep.modules import GradientReversalLayer

        return self.layers(GradientReversalLayer.apply(X, 1.0)).squeeze()


def fit_skada(X, y, domain, n_epochs, batch_size, rate):
    """Fit skada's DANN; return what predicts labels for rows of the target."""
    routing = sklearn.get_config()["enable_metadata_routing"]
    from skada.deep import DANN

    sklearn.set_config(enable_metadata_routing=True)
    try:
        torch.manual_seed(0)
        net = DANN(
            Network(),
            layer_name="features",
            domain_classifier=Domains(),
            optimizer=torch.optim.SGD,
            optimizer__momentum=0.9,
            lr=rate,
            batch_size=batch_size,
            max_epochs=n_epochs,
            train_split=None,
            verbose=0,
        )
        # Domains of targets are negative there too; their labels are masked.
        net.fit(
            X.astype(np.float32),
            np.where(domain < 0, -1, y),
            sample_domain=np.where(domain < 0, -2, 1),
        )

        def predict(rows):
            rows = np.asarray(rows, np.float32)
            return net.predict(rows, sample_domain=np.full(len(rows), -2))

    finally:
        sklearn.set_config(enable_metadata_routing=routing)
    return predict
