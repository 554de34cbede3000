"""What the multi-layer perceptrons for classification and regression share."""

from abc import abstractmethod
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch

from sklearn_dl._skorch import (
    SOLVERS,
    TRAINING_CONSTRAINTS,
    BaseDense,
    StepTraining,
    layer_sizes,
)
from sklearn_dl.modules import ACTIVATIONS, WEIGHT_INITS, DenseNetwork, initialize_
from sklearn_dl.utils._sklearn import Interval, StrOptions

__all__ = ["BaseMLP"]


class BaseMLP(StepTraining, BaseDense):
    """Base class of the multi-layer perceptrons."""

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"lbfgs", *SOLVERS})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "weight_init": [StrOptions({"auto", *WEIGHT_INITS})],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "batch_norm": ["boolean"],
        "layer_norm": ["boolean"],
        "module": [None, callable],
    }
    _warns_unconverged = True

    @abstractmethod
    def __init__(
        self,
        hidden_layer_sizes,
        activation,
        solver,
        alpha,
        l1_ratio,
        batch_size,
        learning_rate,
        learning_rate_init,
        power_t,
        learning_rate_decay,
        learning_rate_step,
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
        epsilon,
        rho,
        n_iter_no_change,
        max_fun,
        weight_init,
        dropout,
        batch_norm,
        layer_norm,
        max_grad_norm,
        ema_decay,
        device,
        dtype,
        mixed_precision,
        module,
        callbacks,
        checkpoint,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.learning_rate_decay = learning_rate_decay
        self.learning_rate_step = learning_rate_step
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
        self.epsilon = epsilon
        self.rho = rho
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.weight_init = weight_init
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.layer_norm = layer_norm
        self.max_grad_norm = max_grad_norm
        self.ema_decay = ema_decay
        self.device = device
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.module = module
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def _check_parameters(self):
        """Check what one parameter's constraints cannot say."""
        name = type(self).__name__
        sizes = layer_sizes(self.hidden_layer_sizes, name)
        dropout = self.dropout
        if np.iterable(dropout):
            if len(dropout) != len(sizes):
                raise ValueError(
                    f"dropout of {name} must be a number or have one value for each "
                    f"of the {len(sizes)} hidden layers, got {dropout!r}."
                )
            if not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in dropout):
                raise ValueError(
                    f"dropout of {name} must be in [0, 1), got {dropout!r}."
                )
        super()._check_parameters()
        if self.solver == "lbfgs":
            self._check_lbfgs()

    def _check_lbfgs(self):
        """Refuse what means nothing to a solver without batches and epochs."""
        without = {
            "dropout": np.any(self.dropout),
            "max_grad_norm": self.max_grad_norm is not None,
            "ema_decay": self.ema_decay is not None,
            "mixed_precision": self.mixed_precision is not None,
            "checkpoint": self.checkpoint is not None,
        }
        for parameter, given in without.items():
            if given:
                raise ValueError(
                    f"{parameter} of {type(self).__name__} cannot be used with "
                    f"solver='lbfgs', got {getattr(self, parameter)!r}."
                )

    def _training_options(self, n_rows):
        options = super()._training_options(n_rows)
        if self.solver != "lbfgs":
            return options
        # It looks at all rows, however many a part would leave.
        return replace(options, max_fun=self.max_fun, validation_fraction=0.0)

    def _make_module(self, n_outputs):
        if self.module is not None:
            return self.module(self.n_features_in_, n_outputs)
        hidden, dropout = self._dense_network()
        return DenseNetwork(
            self.n_features_in_,
            hidden,
            n_outputs,
            activation=self.activation,
            dropout=dropout,
            batch_norm=self.batch_norm,
            layer_norm=self.layer_norm,
        )

    def _dense_network(self):
        """Return units and dropout of the hidden layers."""
        hidden = layer_sizes(self.hidden_layer_sizes, type(self).__name__)
        dropout = self.dropout
        rates = dropout if np.iterable(dropout) else [dropout] * len(hidden)
        return list(hidden), [float(rate) for rate in rates]

    def _initialize_module(self, module, random_state, seed):
        if isinstance(module, DenseNetwork):
            sizes = [module.dense[0].in_features]
            sizes += [dense.out_features for dense in module.dense]
            weights, biases = self._draw_parameters(sizes, random_state, seed)
            module.load_weights(
                [torch.from_numpy(weight.T) for weight in weights],
                [torch.from_numpy(bias) for bias in biases],
            )

    def _draw_parameters(self, sizes, random_state, seed):
        """Draw initial weights (n_out, n_in) and biases (n_out,) of each layer."""
        shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        if self.weight_init != "auto":
            generator = torch.Generator().manual_seed(seed)
            # Drawn in one type, so that it is the same network in any.
            drawn = [torch.empty(shape, dtype=torch.float32) for shape in shapes]
            for weight in drawn:
                initialize_(weight, self.weight_init, generator)
            biases = [np.zeros(n_out) for n_out, _ in shapes]
            return [weight.numpy() for weight in drawn], biases
        # The numbers that scikit-learn draws, in its order.
        weights, biases = [], []
        for n_out, n_in in shapes:
            factor = 2.0 if self.activation == "logistic" else 6.0
            bound = np.sqrt(factor / (n_in + n_out))
            weights.append(random_state.uniform(-bound, bound, (n_in, n_out)).T)
            biases.append(random_state.uniform(-bound, bound, n_out))
        return weights, biases

    def _dense_layers(self):
        module = self.net_.module_
        if not isinstance(module, DenseNetwork):
            raise AttributeError(
                f"{type(self).__name__} has coefs_ and intercepts_ only without a "
                f"module of the user's own."
            )
        return module.dense

    @property
    def coefs_(self):
        """The weights of each dense layer."""
        layers = self._dense_layers()
        return [layer.weight.detach().T.cpu().numpy() for layer in layers]

    @property
    def intercepts_(self):
        """The biases of each dense layer; 0 where batch normalisation shifts."""
        return [
            np.zeros(len(layer.weight))
            if layer.bias is None
            else layer.bias.detach().cpu().numpy()
            for layer in self._dense_layers()
        ]

    @property
    def n_layers_(self):
        """The number of layers, with the input."""
        return len(self._dense_layers()) + 1

    def _has_partial_fit(self):
        if self.solver == "lbfgs":
            raise AttributeError(
                f"{type(self).__name__} has no partial_fit with solver='lbfgs'."
            )
        return super()._has_partial_fit()
