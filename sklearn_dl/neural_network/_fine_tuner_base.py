"""What fine-tuning for classification and regression shares."""

from abc import abstractmethod
from copy import deepcopy
from dataclasses import replace
from numbers import Integral, Real

import torch
from sklearn.utils import get_tags
from sklearn.utils.validation import check_consistent_length
from torch import nn

from sklearn_dl._skorch import NETWORK_CONSTRAINTS, BaseNeural, StepTraining
from sklearn_dl._skorch._callbacks import OwnCallback
from sklearn_dl._skorch._data import as_input
from sklearn_dl.modules import ImageModel
from sklearn_dl.modules._transfer import (
    TunedNetwork,
    find_output_layer,
    inner_path,
)
from sklearn_dl.neural_network._fitted_network import (
    EstimatorSource,
    ModuleSource,
    batches_through,
    clone_with_network,
    unwrap_network,
)
from sklearn_dl.neural_network._fitting import check_target
from sklearn_dl.neural_network._image_input import fit_augmenter
from sklearn_dl.utils._sklearn import HasMethods, Interval, StrOptions

__all__ = ["BaseFineTuner"]


class _Unfreezing(OwnCallback):
    """Let one more block train, every so many epochs.

    Parameters
    ----------
    start : callable
        Takes the network, returns how many blocks train in the first epoch.
    every : int
        Epochs from one block to the next.
    """

    def __init__(self, start, every):
        self.start = start
        self.every = every

    def on_epoch_begin(self, net, **_):
        """Say how many blocks train in this epoch."""
        module = net.module_
        n_trained = self.start(module) + net.n_epochs_ // self.every
        module.train_blocks(min(n_trained, len(module.blocks)))


class BaseFineTuner(StepTraining, BaseNeural):
    """Base class of the estimators that go on from a trained network."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), nn.Module],
        "freeze": [
            StrOptions({"all", "most", "none"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "learning_rate_factor": [Interval(Real, 0, None, closed="neither")],
        "unfreeze_every": [None, Interval(Integral, 1, None, closed="left")],
        "output_layer": [None, str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "augment": [None, HasMethods(["fit", "make_augmentation"])],
        **NETWORK_CONSTRAINTS,
    }

    # A new task often has few rows.
    _auto_batch_size = 32

    @abstractmethod
    def __init__(
        self,
        estimator,
        freeze,
        learning_rate_factor,
        unfreeze_every,
        output_layer,
        dropout,
        augment,
        solver,
        alpha,
        batch_size,
        learning_rate,
        learning_rate_init,
        warmup_epochs,
        max_iter,
        shuffle,
        random_state,
        tol,
        verbose,
        warm_start,
        momentum,
        nesterovs_momentum,
        early_stopping,
        validation_fraction,
        beta_1,
        beta_2,
        n_iter_no_change,
        max_grad_norm,
        ema_decay,
        device,
        dtype,
        mixed_precision,
        callbacks,
        checkpoint,
    ):
        self.estimator = estimator
        self.freeze = freeze
        self.learning_rate_factor = learning_rate_factor
        self.unfreeze_every = unfreeze_every
        self.output_layer = output_layer
        self.dropout = dropout
        self.augment = augment
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.warmup_epochs = warmup_epochs
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.n_iter_no_change = n_iter_no_change
        self.max_grad_norm = max_grad_norm
        self.ema_decay = ema_decay
        self.device = device
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def _check_parameters(self):
        super()._check_parameters()
        if self.unfreeze_every is not None and self.freeze == "none":
            raise ValueError(
                f"unfreeze_every={self.unfreeze_every} of {type(self).__name__} needs "
                f"blocks that are frozen, got freeze='none'."
            )

    def _check_fit_input(self, X, y, reset):
        if reset:
            given = self.estimator
            if isinstance(given, nn.Module):
                self._source = ModuleSource(given)
            else:
                self._source = EstimatorSource(given, type(self).__name__)
        rows = self._source.rows(self, X, reset)
        y = check_target(self, y)
        check_consistent_length(rows, y)
        return rows, y

    def _check_predict_input(self, X):
        return self._source.rows(self, X, reset=False)

    def _auto_dtype(self, X):
        return self._source.auto_dtype(X)

    def _learn_input(self, X, target, weight, reset):
        if reset:
            self.augmentation_ = None
            if self.augment is not None:
                self.augmentation_ = self._fit_augmentation(X)
        return X

    def _fit_augmentation(self, X):
        shape = self._source.image_shape
        if shape is None:
            raise ValueError(
                f"augment of {type(self).__name__} needs a network of images, the "
                f"'estimator' parameter is {self.estimator!r}."
            )
        augmenter = fit_augmenter(self.augment, X, shape)
        *spatial, n_channels = shape
        return augmenter.make_augmentation((n_channels, *spatial))

    # -- the network -------------------------------------------------------------------

    def _make_module(self, n_outputs):
        model = self._source.make_module()
        for part in model.modules():
            if isinstance(part, ImageModel):
                part.augmentation, part.n_views = self.augmentation_, 1
        network = TunedNetwork(
            model,
            self._output_layer_of(model),
            n_outputs,
            dropout=self.dropout,
            body_rate=self.learning_rate_factor,
        )
        self.blocks_ = network.blocks
        # What is frozen at first has its place in the optimiser if it trains later.
        if self.unfreeze_every is None:
            network.train_blocks(self._n_trained(network))
        return network

    def _output_layer_of(self, model):
        if self.output_layer is None:
            return find_output_layer(model)
        name = f"{inner_path(model)}{self.output_layer}"
        known = dict(model.named_modules())
        if getattr(getattr(known.get(name), "weight", None), "ndim", 0) != 2:
            dense = [n for n, part in known.items() if isinstance(part, nn.Linear)]
            raise ValueError(
                f"output_layer of {type(self).__name__} must name a dense layer of the "
                f"network, got {self.output_layer!r}. It has "
                f"{[n.removeprefix(inner_path(model)) for n in dense]}."
            )
        return name

    def _n_trained(self, network):
        """Return how many blocks train in the first epoch."""
        n_blocks = len(network.blocks)
        if isinstance(self.freeze, str):
            return {"all": 0, "most": -(-n_blocks // 4), "none": n_blocks}[self.freeze]
        if self.freeze > n_blocks:
            raise ValueError(
                f"freeze of {type(self).__name__} must be at most {n_blocks}, for the "
                f"network has no more blocks, got {self.freeze}."
            )
        return int(self.freeze)

    def _initialize_module(self, module, random_state, seed):
        if isinstance(self.estimator, nn.Module):
            return
        _, network = unwrap_network(self.estimator, type(self).__name__)
        old, new = network.net_.module_.state_dict(), module.model.state_dict()
        module.model.load_state_dict(
            {
                name: value
                for name, value in old.items()
                # An augmentation has learned from images of the old task.
                if name in new
                and not name.startswith(f"{module.output_layer}.")
                and "augmentation" not in name.split(".")
            },
            strict=False,
        )

    def _training_options(self, n_rows):
        options = super()._training_options(n_rows)
        if self.unfreeze_every is None:
            return options
        # Made before the network, and again where a pickle is read.
        unfreezing = _Unfreezing(self._n_trained, self.unfreeze_every)
        return replace(options, callbacks=(unfreezing, *options.callbacks))

    def _identity(self, X, y, weight):
        name, params, *rest = super()._identity(X, y, weight)
        # Its weights are among the rest; a pickle of a module is never the same twice.
        return name, {n: v for n, v in params.items() if n != "estimator"}, *rest

    # -- features ----------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, *, incremental):
        try:
            return super()._fit(X, y, sample_weight, incremental=incremental)
        finally:
            if "net_" in vars(self):
                self.net_.module_.takes_features = False

    def _split(self, X, y, target, weight, options):
        network = self.net_.module_
        self._check_outputs_of_head(X)
        frozen = self.unfreeze_every is None and network.n_trained == 0
        if frozen and network.blocks and self.augmentation_ is None:
            # What does not change is computed once.
            X = torch.cat([part.cpu() for part in self._features(X)]).numpy()
            network.takes_features = True
        return super()._split(X, y, target, weight, options)

    def _features(self, X):
        """Yield what the output layer takes for rows that are validated."""
        network = self.net_.module_.eval()
        for _, features in batches_through(network.features, self, X):
            yield features

    def _check_outputs_of_head(self, X):
        """Refuse a network that does more behind its output layer, or another thing."""
        name, rows = type(self).__name__, X[:2]
        network = self.net_.module_
        try:
            (features,) = self._features(rows)
            with torch.no_grad():
                expected = network.head(features)
                part = as_input(rows, features.dtype, self._device)
                output = network(part)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"The network of {name}, with a new output layer in place of "
                f"{network.output_layer!r}, does not take rows of shape "
                f"{rows.shape[1:]}: {error}. Another layer is named by the "
                f"'output_layer' parameter."
            ) from error
        if output.shape != (rows.shape[0], self._n_raw_outputs):
            raise ValueError(
                f"{name} needs a network with one output a row, for {rows.shape[0]} "
                f"rows it gives the shape {tuple(output.shape)}."
            )
        if not torch.allclose(output, expected, atol=1e-4, rtol=1e-3, equal_nan=True):
            raise ValueError(
                f"{name} needs a network whose outputs are those of its output layer "
                f"{network.output_layer!r}, without softmax or other layers behind it. "
                f"Another layer is named by the 'output_layer' parameter."
            )

    def _smallest_batch(self, n_rows):
        features = self.net_.module_.takes_features
        return 1 if features else super()._smallest_batch(n_rows)

    def _rows_at_once(self):
        return self._source.n_rows_at_once

    def _batch_cost(self, n_rows):
        network = self.net_.module_
        if network.takes_features:
            return 3.0 * n_rows * sum(w.numel() for w in network.head.parameters())
        return self._source.row_cost * n_rows

    def __sklearn_clone__(self):
        # The network that was learned before is what this is about: a clone of it would
        # have learned nothing.
        return clone_with_network(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if isinstance(self.estimator, nn.Module):
            tags.input_tags.sparse = False
            tags.input_tags.three_d_array = True
        else:
            tags.input_tags = deepcopy(get_tags(self.estimator).input_tags)
        return tags
