"""What the networks for tables share."""

import os
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.utils.validation import check_consistent_length, validate_data

from sklearn_dl._skorch import (
    HORIZON_SCHEDULES,
    SCHEDULES,
    BaseNeural,
    Schedule,
    TrainingOptions,
    layer_sizes,
)
from sklearn_dl.modules import ACTIVATIONS, TabularNetwork
from sklearn_dl.neural_network._fitting import check_target
from sklearn_dl.neural_network._tabular_input import TableEncoder, categorical_columns
from sklearn_dl.utils._sklearn import Interval, Options, StrOptions

__all__ = ["BaseTabularMLP"]

# From this many rows on early_stopping="auto" holds out a part.
_ROWS_TO_HOLD_OUT = 2000

# What keeps a network from learning few rows by heart where no part is held out. Of 0,
# 0.1, 0.5, 1, 2 and 5 the best or next to it on breast_cancer, wine, diabetes and
# titanic; with a part held out 0 was the best on larger tables.
_DECAY_OF_FEW_ROWS = 2.0


class BaseTabularMLP(BaseNeural):
    """Base class of the networks for tables."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
        "embedding_size": [Interval(Integral, 1, None, closed="left")],
        "n_frequencies": [Interval(Integral, 1, None, closed="left")],
        "category_size": [Interval(Integral, 1, None, closed="left")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "device": [str],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
        "mixed_precision": [None, StrOptions({"bfloat16", "float16"})],
        "callbacks": [None, list, tuple],
        "checkpoint": [None, str, os.PathLike],
    }

    @abstractmethod
    def __init__(
        self,
        hidden_layer_sizes,
        activation,
        learning_rate,
        learning_rate_init,
        max_iter,
        batch_size,
        beta_1,
        beta_2,
        weight_decay,
        dropout,
        ema_decay,
        embedding_size,
        n_frequencies,
        category_size,
        categorical_features,
        early_stopping,
        validation_fraction,
        n_iter_no_change,
        random_state,
        warm_start,
        verbose,
        device,
        dtype,
        mixed_precision,
        callbacks,
        checkpoint,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.ema_decay = ema_decay
        self.embedding_size = embedding_size
        self.n_frequencies = n_frequencies
        self.category_size = category_size
        self.categorical_features = categorical_features
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.device = device
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def _check_fit_input(self, X, y, reset):
        if reset and isinstance(X, pd.DataFrame):
            self.is_categorical_ = self._find_categories(X)
            self._check_numbers(X)
        if self._is_table(X):
            validate_data(self, X, skip_check_array=True, reset=reset)
            y = check_target(self, y)
            check_consistent_length(X, y)
            return X, y
        frame = isinstance(X, pd.DataFrame)
        X, y = validate_data(
            self,
            X,
            y,
            dtype=(np.float64, np.float32),
            ensure_all_finite="allow-nan",
            multi_output=True,
            y_numeric=is_regressor(self),
            reset=reset,
        )
        if reset and not frame:
            self.is_categorical_ = self._find_categories(X)
        return X, y

    def _find_categories(self, X):
        name = type(self).__name__
        return categorical_columns(X, self.categorical_features, name)

    def _check_numbers(self, X):
        """Refuse columns that are neither numbers nor categories, by name."""
        for column, dtype in X.loc[:, ~self.is_categorical_].dtypes.items():
            if not pd.api.types.is_numeric_dtype(dtype):
                raise ValueError(
                    f"{type(self).__name__} expects columns of numbers or categories, "
                    f"the column {column!r} has the type {dtype}."
                )

    def _check_predict_input(self, X):
        if self._is_table(X):
            validate_data(self, X, skip_check_array=True, reset=False)
        else:
            X = validate_data(
                self,
                X,
                dtype=(np.float64, np.float32),
                ensure_all_finite="allow-nan",
                reset=False,
            )
        return self._encoder.transform(X)

    def _is_table(self, X):
        """Return whether columns have types of their own that must be kept."""
        return isinstance(X, pd.DataFrame) and not all(
            pd.api.types.is_numeric_dtype(dtype) for dtype in X.dtypes
        )

    def _learn_input(self, X, target, weight, reset):
        if reset:
            self._encoder = TableEncoder().fit(X, self.is_categorical_, weight)
        return self._encoder.transform(X)

    def _training_options(self, n_rows):
        layer_sizes(self.hidden_layer_sizes, type(self).__name__)
        holds_out = self.early_stopping
        if holds_out == "auto":
            holds_out = n_rows >= _ROWS_TO_HOLD_OUT
        n_train = int((1 - self.validation_fraction) * n_rows) if holds_out else n_rows
        decay = self.weight_decay
        if decay == "auto":
            decay = 0.0 if holds_out else _DECAY_OF_FEW_ROWS
        patience = self.n_iter_no_change
        if not holds_out and self.learning_rate in HORIZON_SCHEDULES:
            patience = np.inf
        return TrainingOptions(
            solver="adamw",
            solver_options={"betas": (self.beta_1, self.beta_2)},
            schedule=Schedule(
                self.learning_rate_init, self.learning_rate, n_epochs=self.max_iter
            ),
            max_epochs=self.max_iter,
            batch_size=max(1, min(self.batch_size, n_train)),
            tol=0.0,
            patience=patience,
            validation_fraction=self.validation_fraction if holds_out else 0.0,
            # The accuracy on few rows is too coarse to tell epochs apart.
            best_by_loss=True,
            adaptive=self.learning_rate == "adaptive",
            warn_unconverged=False,
            decoupled_decay=decay,
            # The last epochs of a short training are too few for an average.
            ema_decay=self.ema_decay if holds_out else None,
            mixed_precision=self.mixed_precision,
            callbacks=tuple(self.callbacks or ()),
            checkpoint=self.checkpoint,
            verbose=bool(self.verbose),
        )

    def _make_module(self, n_outputs):
        return TabularNetwork(
            self._encoder.n_numeric_,
            self._encoder.n_categories_,
            layer_sizes(self.hidden_layer_sizes, type(self).__name__),
            n_outputs,
            activation=self.activation,
            dropout=self.dropout,
            n_frequencies=self.n_frequencies,
            embedding_size=self.embedding_size,
            category_size=self.category_size,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags
