"""What the networks that adapt to a target domain share."""

from abc import abstractmethod
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from sklearn_dl._skorch import (
    NETWORK_CONSTRAINTS,
    AdaptationNet,
    BaseNeural,
    PairedBatches,
    StepTraining,
    layer_sizes,
)
from sklearn_dl.domain_adaptation._domains import (
    DomainAwareMixin,
    check_domain_weights,
    check_domains,
    read_domains,
)
from sklearn_dl.modules import (
    ACTIVATIONS,
    AuxiliaryClassifier,
    BatchDomains,
    DenseNetwork,
    ImageModel,
)
from sklearn_dl.modules._transfer import find_output_layer
from sklearn_dl.utils._input_names import copy_input_names
from sklearn_dl.utils._sklearn import HasMethods, Interval, StrOptions, num_samples

__all__ = ["BaseDeepAdapter", "RowFacts"]

_TRAINING = (
    "solver",
    "alpha",
    "batch_size",
    "learning_rate_init",
    "momentum",
    "max_iter",
    "random_state",
    "max_grad_norm",
    "verbose",
    "device",
    "dtype",
    "callbacks",
)


class RowFacts(NamedTuple):
    """What a fit is told of each row beside its label.

    Parameters
    ----------
    sample_domain : array-like of shape (n_rows,) or None
        The domains.
    sample_weight : array-like of shape (n_rows,) or None
        The weights.
    """

    sample_domain: Any
    sample_weight: Any


class BaseDeepAdapter(DomainAwareMixin, StepTraining, BaseNeural):
    """Base class of the networks that adapt to a target domain."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "body": [None, HasMethods(["fit", "predict"])],
        "label_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_lambda": [Interval(Real, 0, None, closed="left")],
        "lambda_schedule": [StrOptions({"progressive", "constant"})],
        "learning_rate": [
            StrOptions({"annealed", "constant", "cosine", "one_cycle"}),
            callable,
        ],
        **{name: NETWORK_CONSTRAINTS[name] for name in _TRAINING},
    }
    _net_type = AdaptationNet
    # Of the paper: half of it source, half of it target.
    _auto_batch_size = 128
    # A training has one length: losses that play against one another have no lowest.
    warmup_epochs = 0
    shuffle = True
    tol = 0.0
    warm_start = False
    nesterovs_momentum = False
    early_stopping = False
    validation_fraction = 0.0
    beta_1 = 0.9
    beta_2 = 0.999
    n_iter_no_change = np.inf
    ema_decay = None
    mixed_precision = None
    checkpoint = None

    @abstractmethod
    def __init__(
        self,
        hidden_layer_sizes,
        activation,
        dropout,
        batch_norm,
        body,
        label_layer_sizes,
        max_lambda,
        lambda_schedule,
        solver,
        alpha,
        batch_size,
        learning_rate,
        learning_rate_init,
        momentum,
        max_iter,
        random_state,
        max_grad_norm,
        verbose,
        device,
        dtype,
        callbacks,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.body = body
        self.label_layer_sizes = label_layer_sizes
        self.max_lambda = max_lambda
        self.lambda_schedule = lambda_schedule
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.max_iter = max_iter
        self.random_state = random_state
        self.max_grad_norm = max_grad_norm
        self.verbose = verbose
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks

    @abstractmethod
    def _make_adapter(self, body, n_features, n_outputs, **options):
        """Make the network from its body, with what all of them take as options."""

    # -- rows --------------------------------------------------------------------------

    def _plan(self, X, y, sample_weight, incremental):
        """Plan a training; `sample_weight` are :class:`RowFacts`."""
        sample_domain, sample_weight = sample_weight
        labels, domains = read_domains(
            self, X, y, sample_domain, numeric=is_regressor(self)
        )
        self._check_target(labels, domains, sample_domain)
        rows = self._check_rows(X, reset=True)
        used = {"source": domains.is_source, "target": ~domains.is_source}
        weight = check_domain_weights(self, X, sample_weight, used)
        source = domains.is_source
        # Labels of the target are not looked at from here on.
        encoded = self._encode_target(labels[source], reset=True)
        target = encoded.new_zeros((len(source), *encoded.shape[1:]))
        target[torch.from_numpy(source)] = encoded
        self.domains_ = np.unique(domains.ids[weight > 0])
        weight = None if sample_weight is None else weight
        planned = rows, domains.ids, target, weight
        return self._plan_rows((X, y), planned, True, incremental, lean=False)

    def _check_target(self, labels, domains, sample_domain):
        """Refuse a target without rows, or with classes that the source has not."""
        name = type(self).__name__
        if sample_domain is not None and not domains.has_target:
            raise ValueError(
                f"{name} expects rows of a target domain, got none: sample_domain is "
                f"0 or above for all rows. Target rows have a domain below 0; they "
                f"need no label. Without sample_domain and without rows that lack a "
                f"label, {name} is a network without adaptation."
            )
        if is_regressor(self):
            return
        of_target = labels[domains.is_labelled & ~domains.is_source]
        unknown = ~pd.Series(of_target).isin(labels[domains.is_source]).to_numpy()
        if unknown.any():
            raise ValueError(
                f"{name} expects each class of the target among those of the source, "
                f"got {pd.unique(of_target[unknown])} in the target alone. Leave out "
                f"the rows of these classes, or add rows of them to the source."
            )

    def _check_rows(self, X, reset):
        """Validate rows as the body takes them."""
        if reset:
            self.body_ = None if self.body is None else self._new_body()
        if self.body_ is None:
            return validate_data(
                self,
                X,
                accept_sparse=["csr", "csc"],
                dtype=(np.float64, np.float32),
                reset=reset,
            )
        if not reset:
            return self.body_._check_predict_input(X)
        rows, _ = self.body_._check_fit_input(X, np.zeros(num_samples(X)), reset=True)
        copy_input_names(self.body_, self)
        return rows

    def _new_body(self):
        """Return a clone of the estimator whose network is the body."""
        if not isinstance(self.body, BaseNeural) or not hasattr(
            self.body, "_check_fit_input"
        ):
            raise TypeError(
                f"The 'body' parameter of {type(self).__name__} must be None or a "
                f"neural estimator of sklearn_dl with one prediction a row, such as "
                f"CNNClassifier or RNNClassifier, got {self.body!r}."
            )
        return clone(self.body)

    def _check_predict_input(self, X):
        return self._check_rows(X, reset=False)

    def _auto_dtype(self, X):
        return X.dtype if self.body_ is None else self.body_._auto_dtype(X)

    def _learn_input(self, X, target, weight, reset):
        if self.body_ is None:
            return X
        return self.body_._learn_input(X, target, weight, reset)

    def _row_weights(self, X, y, sample_weight):
        # They have been checked with the domains.
        return sample_weight

    def _split(self, X, y, target, weight, options):
        """Return the batches; y are the domains."""
        device, dtype = self._device, getattr(torch, self._dtype)
        # Sources first, and of each kind in the order of their numbers.
        ids = np.unique(y)
        ids = np.concatenate([ids[ids >= 0], ids[ids < 0][::-1]])
        groups = np.argmax(y[:, None] == ids, axis=1)
        n_sources = int((ids >= 0).sum())
        counts = np.bincount(groups)
        sizes = self._group_sizes(counts, n_sources, self._batch_size_of(options))
        batches = PairedBatches(
            X,
            target.to(dtype) if target.is_floating_point() else target,
            weight,
            groups=groups,
            sizes=sizes,
            dtype=dtype,
            device=device,
        )
        # Refuses a batch of one row where batches are normalised.
        self._smallest_batch(batches.batch_size)
        if n_sources < len(ids):
            self.net_.domains_ = _batch_domains(sizes, n_sources, dtype, device)
        return batches, None, None

    def _batch_size_of(self, options):
        auto = options.batch_size == "auto"
        return self._auto_batch_size if auto else int(options.batch_size)

    @staticmethod
    def _group_sizes(counts, n_sources, batch_size):
        """Return the rows of each domain in a batch: half source, half target."""
        n_targets = len(counts) - n_sources
        half = batch_size if n_targets == 0 else -(-batch_size // 2)
        shares = [half // n_sources] * n_sources
        if n_targets:
            shares += [(batch_size - half) // n_targets] * n_targets
        return [
            min(max(share, 1), int(n)) for share, n in zip(shares, counts, strict=True)
        ]

    # -- the network -------------------------------------------------------------------

    def _make_module(self, n_outputs):
        body, n_features = self._make_body()
        name = type(self).__name__
        return self._make_adapter(
            body,
            n_features,
            n_outputs,
            label_layer_sizes=layer_sizes(
                self.label_layer_sizes, name, "label_layer_sizes"
            ),
            activation=self.activation,
            max_lambda=self.max_lambda,
            progressive=self.lambda_schedule == "progressive",
        )

    def _make_body(self):
        """Return the body and the number of its features."""
        if self.body_ is None:
            sizes = layer_sizes(self.hidden_layer_sizes, type(self).__name__)
            body = DenseNetwork(
                self.n_features_in_,
                sizes,
                1,
                activation=self.activation,
                dropout=self.dropout,
                batch_norm=self.batch_norm,
            )
            body.dense[-1] = nn.Identity()
            return body, sizes[-1] if sizes else self.n_features_in_
        model = self.body_._make_module(2)
        for name, part in list(model.named_modules()):
            if isinstance(part, AuxiliaryClassifier):
                model.set_submodule(name, nn.Identity())
        output_layer = find_output_layer(model)
        n_features = model.get_submodule(output_layer).weight.shape[1]
        model.set_submodule(output_layer, nn.Identity())
        return model, n_features

    def _rows_at_once(self):
        if self.body_ is None:
            return super()._rows_at_once()
        body = self.net_.module_.body
        if isinstance(body, ImageModel):
            return body.n_rows_at_once
        return self.body_._rows_at_once()

    def _batch_cost(self, n_rows):
        if self.body_ is None:
            return super()._batch_cost(n_rows)
        known = getattr(self.net_.module_.body, "multiply_adds", None)
        steps = getattr(self.body_, "_longest", 1)
        weights = sum(w.numel() for w in self.net_.module_.parameters())
        return 3.0 * n_rows * (weights * steps if known is None else known)

    # -- predictions -------------------------------------------------------------------

    def _check_given_domains(self, X, sample_domain):
        """Check domains of rows to predict, which change no prediction."""
        if sample_domain is not None:
            check_domains(type(self).__name__, sample_domain, num_samples(X))

    def predict_features(self, X, sample_domain=None):
        """Compute the features that the heads see.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows; with a `body`, as it takes them.

        sample_domain : array-like of shape (n_samples,), default=None
            The domains of the rows. The features do not depend on them.

        Returns
        -------
        features : ndarray of shape (n_samples, n_hidden)
            The outputs of ``net_.module_.body``.
        """
        check_is_fitted(self)
        self._check_given_domains(X, sample_domain)
        X = self._check_predict_input(X)
        return self._through(self.net_.module_.features, X).cpu().numpy()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.body is not None:
            tags.input_tags = deepcopy(get_tags(self.body).input_tags)
        return tags


def _batch_domains(sizes, n_sources, dtype, device):
    """Return where the rows of a batch are from; all batches are alike."""
    n_targets = len(sizes) - n_sources
    codes = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    # The sources together count as much as the targets together.
    shares = [1 / (n_sources * n) for n in sizes[:n_sources]]
    shares += [1 / (n_targets * n) for n in sizes[n_sources:]]
    weight = torch.tensor(shares, dtype=dtype)[codes]
    return BatchDomains(sum(sizes[:n_sources]), codes.to(device), weight.to(device))
