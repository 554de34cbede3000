"""What the convolutional networks for classification and regression share."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted
from torch.nn.parameter import UninitializedParameter

from sklearn_dl._skorch import NETWORK_CONSTRAINTS, BaseNeural, StepTraining
from sklearn_dl.modules import (
    ARCHITECTURES,
    ImageModel,
    layer_table,
    make_convolutional,
)
from sklearn_dl.neural_network._image_input import (
    channel_statistics,
    check_images,
    fit_augmenter,
    row_layout,
)
from sklearn_dl.utils._sklearn import HasMethods, Interval, Options, StrOptions

__all__ = ["BaseCNN"]

# What these read are signals of several channels, where others see images.
_SIGNAL_ARCHITECTURES = ("fcn", "inceptiontime")


class BaseCNN(StepTraining, BaseNeural):
    """Base class of the convolutional networks."""

    _parameter_constraints: dict = {
        "architecture": [StrOptions(set(ARCHITECTURES)), list, tuple, callable],
        "input_shape": [None, "array-like"],
        "n_dims": [StrOptions({"auto"}), Options(Integral, {1, 2, 3})],
        "standardize": ["boolean"],
        "augment": [None, HasMethods(["fit", "make_augmentation"])],
        "n_views": [Interval(Integral, 1, None, closed="left")],
        "dropout": [None, Interval(Real, 0, 1, closed="left")],
        **NETWORK_CONSTRAINTS,
    }
    _module_parameter = "architecture"
    # A row costs so much that larger batches would not be faster.
    _auto_batch_size = 64

    @abstractmethod
    def __init__(
        self,
        architecture,
        input_shape,
        n_dims,
        standardize,
        augment,
        n_views,
        dropout,
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
        self.architecture = architecture
        self.input_shape = input_shape
        self.n_dims = n_dims
        self.standardize = standardize
        self.augment = augment
        self.n_views = n_views
        self.dropout = dropout
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
        if self.n_views > 1 and self.augment is None:
            raise ValueError(
                f"n_views={self.n_views} of {type(self).__name__} needs an 'augment' "
                f"that draws the views, got None."
            )

    def _check_fit_input(self, X, y, reset):
        options = {"multi_output": True, "y_numeric": is_regressor(self)}
        X, y = check_images(self, X, reset, y=y, **options)
        if reset:
            n_dims = None if self.n_dims == "auto" else self.n_dims
            named = isinstance(self.architecture, str)
            if n_dims is None and named and self.architecture in _SIGNAL_ARCHITECTURES:
                n_dims = 1
            name = type(self).__name__
            layout = row_layout(name, X.shape[1:], self.input_shape, n_dims)
            self.input_shape_ = layout
        return X, y

    def _check_predict_input(self, X):
        return check_images(self, X, reset=False)

    def _auto_dtype(self, X):
        # Convolutions in float64 take much longer. A table keeps its type, as anywhere.
        is_table = X.ndim == 2 and self.input_shape is None
        return X.dtype if is_table else np.dtype(np.float32)

    def _learn_input(self, X, target, weight, reset):
        if reset:
            n_channels = self.input_shape_[-1]
            self._mean, self._scale = np.zeros(n_channels), np.ones(n_channels)
            if self.standardize:
                statistics = channel_statistics(X, n_channels, weight)
                self._mean, self._scale = statistics
        if reset or self.warm_start:
            # It is no part of what has been learned.
            self.augmenter_ = None
            if self.augment is not None:
                self.augmenter_ = fit_augmenter(self.augment, X, self.input_shape_)
        return X

    @property
    def _channels_first(self):
        *spatial, n_channels = self.input_shape_
        return (n_channels, *spatial)

    def _make_module(self, n_outputs):
        network = make_convolutional(
            self.architecture, self._channels_first, n_outputs, dropout=self.dropout
        )
        if any(isinstance(p, UninitializedParameter) for p in network.parameters()):
            raise ValueError(
                f"The 'architecture' parameter of {type(self).__name__} must make a "
                f"network whose layers have weights, got lazy layers without them."
            )
        if len(self.input_shape_) == 3:
            # Convolutions of images are faster that way, on CPUs and GPUs.
            network = network.to(memory_format=torch.channels_last)
        augmentation = None
        if self.augmenter_ is not None:
            augmentation = self.augmenter_.make_augmentation(self._channels_first)
            if self.n_views > 1:
                # Refuses an augmenter that has no views, before the training.
                augmentation.views(torch.zeros(1, *self._channels_first), self.n_views)
        return ImageModel(
            network,
            self.input_shape_,
            torch.tensor(self._mean),
            torch.tensor(self._scale),
            augmentation,
            self.n_views,
        )

    def _rows_at_once(self):
        return self.net_.module_.n_rows_at_once

    def _batch_cost(self, n_rows):
        return 3.0 * n_rows * self.net_.module_.multiply_adds

    def summary(self):
        """Describe the fitted network layer by layer.

        Returns
        -------
        table : pandas.DataFrame
            A row a layer, with the columns `kind`, `output_shape`, `n_parameters`,
            `receptive_field` (the pixels of the input that one output sees, a number an
            axis) and `multiply_adds` (for one row of X).
        """
        check_is_fitted(self)
        table = layer_table(self.net_.module_.network, self._channels_first)
        return pd.DataFrame(table).set_index("name")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = True
        return tags
