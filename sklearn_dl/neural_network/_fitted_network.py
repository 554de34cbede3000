"""The trained network in what a user hands over: its rows, its module, its making."""

from copy import deepcopy

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._skorch import BaseNeural, limited_threads
from sklearn_dl._skorch._data import as_input
from sklearn_dl.modules import ImageModel
from sklearn_dl.neural_network._image_input import check_images
from sklearn_dl.neural_network._torch import BaseTorch
from sklearn_dl.utils._input_names import copy_input_names

# How much goes through networks at once that say nothing of their size: rows, and the
# numbers that they hold.
_ROWS_AT_ONCE = 256
_NUMBERS_AT_ONCE = 2**20

__all__ = [
    "EstimatorSource",
    "ModuleSource",
    "batches_through",
    "check_rows",
    "clone_with_network",
    "steps_in_front",
    "unwrap_network",
]


def unwrap_network(estimator, caller):
    """Return the steps in front of a fitted network, and the network.

    Parameters
    ----------
    estimator : estimator
        A neural estimator, a pipeline that ends in one, a search or a frozen estimator
        that has one. Nothing is copied.
    caller : str
        Who asks, for errors.

    Returns
    -------
    front : list of estimator
        What transforms the rows first.
    network : BaseNeural or BaseTorch
        The network.

    Raises
    ------
    TypeError
        If there is no network in it.
    NotFittedError
        If it is not fitted.
    """
    front, network = [], estimator
    while not isinstance(network, (BaseNeural, BaseTorch)):
        if isinstance(network, FrozenEstimator):
            network = network.estimator
        elif isinstance(network, Pipeline):
            if len(network.steps) > 1:
                front.append(network[:-1])
            network = network.steps[-1][1]
        elif hasattr(network, "best_estimator_"):
            network = network.best_estimator_
        else:
            raise TypeError(
                f"The 'estimator' parameter of {caller} must be a neural estimator of "
                f"sklearn_dl, or a Pipeline or search that ends in one, got "
                f"{estimator!r}."
            )
    try:
        check_is_fitted(network)
    except NotFittedError as error:
        raise NotFittedError(
            f"The 'estimator' parameter of {caller} must be fitted: it is what was "
            f"learned before. Got {estimator!r}, which is not. A clone of it is not "
            f"fitted either; a FrozenEstimator stays it."
        ) from error
    return front, network


def steps_in_front(front, X):
    """Return rows as the network in a pipeline gets them."""
    for steps in front:
        X = steps.transform(X)
    return X


def check_rows(network, X):
    """Return rows, validated as the network's own predictions validate them."""
    if isinstance(network, BaseNeural):
        return network._check_predict_input(X)
    return network._cast(network._validated(X, reset=False))


def batches_through(function, network, rows):
    """Yield numbers of rows and what a function of tensors makes of them.

    Gradients and threads are as the caller has them while it looks at a value.

    Parameters
    ----------
    function : callable
        Takes a batch as the network takes it.
    network : BaseNeural or BaseTorch
        Says how many rows go at once, and what for a tensor they are.
    rows : ndarray, Sequences or sparse array of shape (n_rows, ...)
        Rows that are validated.
    """
    size, cost = _size_and_cost(network)
    dtype = getattr(torch, network._dtype or str(rows.dtype))
    device = torch.device(next(network.net_.module_.parameters()).device)
    cost *= min(size, rows.shape[0]) / 3
    for start in range(0, rows.shape[0], size):
        part = rows[start : start + size]
        with torch.no_grad(), limited_threads(device, cost):
            value = function(as_input(part, dtype, device))
        yield part.shape[0], value


def _size_and_cost(network):
    """Return how many rows go through a network at once, and what a row costs."""
    if isinstance(network, BaseNeural):
        return network._rows_at_once(), network._batch_cost(1)
    weights = network.net_.module_.parameters()
    return _ROWS_AT_ONCE, 3.0 * sum(weight.numel() for weight in weights)


def blueprint_of(network):
    """Return a network's estimator without its weights.

    It can make the network's module anew and validate rows, and stays as it is when
    the estimator is fitted again.
    """
    # A joint fit leaves its net to be made when it is asked for.
    _ = network.net_
    twin = type(network).__new__(type(network))
    state = vars(network) | getattr(network, "_fitted_params", {})
    own = ("net_", "_skl_callbacks")
    twin.__dict__.update({name: state[name] for name in state if name not in own})
    for name in {"callbacks", "checkpoint"} & state.keys():
        setattr(twin, name, None)
    return twin


def clone_with_network(estimator):
    """Clone an estimator but for its parameter `estimator`, which the clone shares."""
    twin = type(estimator).__new__(type(estimator))
    frozen = {"estimator": FrozenEstimator(estimator.estimator)}
    twin.__dict__.update(vars(estimator) | frozen)
    copy = BaseEstimator.__sklearn_clone__(twin)
    copy.estimator = estimator.estimator
    return copy


class EstimatorSource:
    """What a fitted neural estimator knows beside its weights.

    Later changes of the estimator do not reach it.

    Parameters
    ----------
    estimator : estimator
        See :func:`unwrap_network`.
    caller : str
        Who asks, for errors.

    Attributes
    ----------
    front : list of estimator
        What transforms the rows first.
    network : estimator
        It validates rows and makes the network's module.
    n_rows_at_once : int
        How many rows go through the network together outside of training.
    row_cost : float
        Multiply-adds of a row in training.
    """

    def __init__(self, estimator, caller):
        front, network = unwrap_network(estimator, caller)
        # A pipeline that is fitted again fits the same steps.
        self.front = deepcopy(front)
        self.n_rows_at_once, self.row_cost = _size_and_cost(network)
        self.network = blueprint_of(network)

    def rows(self, owner, X, reset):
        """Return rows as the network takes them."""
        if reset:
            copy_input_names(self.front[0] if self.front else self.network, owner)
        return check_rows(self.network, steps_in_front(self.front, X))

    def auto_dtype(self, X):
        """Return the type in which the network computes with validated rows."""
        if isinstance(self.network, BaseNeural):
            return self.network._auto_dtype(X)
        return X.dtype

    def make_module(self):
        """Make the network, with weights that mean nothing."""
        if isinstance(self.network, BaseNeural):
            return self.network._make_module(self.network._n_raw_outputs)
        return self.network._new_net(self.network._template).module_

    @property
    def image_shape(self):
        """Shape of the images that rows are, channels at the end; None for others."""
        if hasattr(self.network, "_source"):
            return self.network._source.image_shape
        return getattr(self.network, "input_shape_", None)


class ModuleSource:
    """A module of the user's own, to go on from.

    Parameters
    ----------
    module : torch.nn.Module
        It is copied.

    Attributes
    ----------
    module : torch.nn.Module
        The copy.
    n_rows_at_once, row_cost
        As those of :class:`EstimatorSource`, known when it has seen rows.
    """

    def __init__(self, module):
        self.module = deepcopy(module)

    def rows(self, owner, X, reset):
        """Return rows as the network takes them."""
        keeps_bytes = self.image_shape is not None
        X = check_images(owner, X, reset, keeps_bytes=keeps_bytes)
        if reset:
            shape = X.shape[1:]
            size = int(np.prod(shape))
            self.n_rows_at_once = int(np.clip(_NUMBERS_AT_ONCE // size, 1, 8192))
            # As if each weight were used at each place.
            n_weights = sum(weight.numel() for weight in self.module.parameters())
            self.row_cost = 3.0 * n_weights * int(np.prod(shape[1:]))
        return X

    def auto_dtype(self, X):
        """Return the type in which the network computes with validated rows."""
        return X.dtype if X.ndim == 2 else np.dtype(np.float32)

    def make_module(self):
        """Return a copy of the network."""
        return deepcopy(self.module)

    @property
    def image_shape(self):
        """Shape of the images that rows are, channels at the end; None for others."""
        return self.module.shape if isinstance(self.module, ImageModel) else None
