"""What a network has learned, as features for any other estimator."""

from copy import deepcopy

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_dl._skorch import Sequences
from sklearn_dl.modules._transfer import LayerProbe, find_output_layer, inner_path
from sklearn_dl.neural_network._fitted_network import (
    batches_through,
    check_rows,
    clone_with_network,
    steps_in_front,
    unwrap_network,
)
from sklearn_dl.utils._input_names import copy_input_names
from sklearn_dl.utils._sklearn import HasMethods, fit_context

__all__ = ["NetTransformer"]


class NetTransformer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    MetaEstimatorMixin,
    BaseEstimator,
):
    """The activations of a layer of a network, as features.

    A network that was trained on one task has learned features that serve others: a
    linear model on them needs few rows. Layers near the input have general features,
    layers near the output those of the network's own task [1]_.

    Read more in the :ref:`User Guide <transfer>`.

    Parameters
    ----------
    estimator : estimator
        A neural estimator, or a :class:`~sklearn.pipeline.Pipeline` or search that ends
        in one. A clone of it is fitted, unless it is in a
        :class:`~sklearn.frozen.FrozenEstimator`.

    layer : str, default=None
        Dotted name of a layer of the network; a wrong one brings an error with all
        names. None is what the output layer takes.

    prefit : bool, default=False
        Whether `estimator` is fitted and taken as it is. Clones keep it then.

    Attributes
    ----------
    estimator_ : estimator
        The fitted network.

    layer_ : str
        The layer whose activations are taken; the output layer, for what that takes.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    FineTuner : Trains the network itself for another task.

    Notes
    -----
    Activations are those of predictions: nothing is dropped, and batch normalisations
    use the statistics of the training. They are laid out in one row each. A layer that
    is used several times in one pass counts as it is used first, and of several outputs
    the first is taken. The network is not changed.

    References
    ----------
    .. [1] J. Yosinski, J. Clune, Y. Bengio and H. Lipson, "How transferable are
       features in deep neural networks?", NeurIPS 2014.

    Examples
    --------
    A network that knows the digits from 0 to 4, and a linear model for the others:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_dl.neural_network import MLPClassifier, NetTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> X, known = X.astype(np.float32) / 16, y < 5
    >>> network = MLPClassifier(
    ...     (64, 32), learning_rate="one_cycle", max_iter=30, random_state=0
    ... )
    >>> network = network.fit(X[known], y[known])
    >>> features = NetTransformer(network, layer="dense.0", prefit=True)
    >>> model = make_pipeline(features, LogisticRegression(max_iter=1000))
    >>> model = model.fit(X[~known][:200], y[~known][:200])
    >>> model.score(X[~known][200:], y[~known][200:]) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"])],
        "layer": [None, str],
        "prefit": ["boolean"],
    }

    def __init__(self, estimator, *, layer=None, prefit=False):
        self.estimator = estimator
        self.layer = layer
        self.prefit = prefit

    # The network's parameters are validated by the network.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the network, unless it is fitted, and find the layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or list
            The training rows, of any kind that `estimator` takes.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets; a fitted network needs none.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for the network.

        Returns
        -------
        self : NetTransformer
            The fitted transformer.

        Raises
        ------
        TypeError
            If `estimator` is no neural estimator.
        ValueError
            If the network has no such layer, or it has no row of activations for each
            row of X.
        """
        self.estimator_ = self.estimator
        if not self.prefit:
            self._fit_network(X, y, sample_weight)
        front, network = unwrap_network(self.estimator_, type(self).__name__)
        copy_input_names(front[0] if front else network, self)
        self._takes_input = self.layer is None
        self.layer_ = self._find_layer(network.net_.module_)
        row = self._rows(X)[:1]
        self._n_features_out = self._activations(row).shape[1]
        return self

    def _fit_network(self, X, y, sample_weight):
        self.estimator_ = clone(self.estimator)
        weights = {}
        if sample_weight is not None:
            pipeline = isinstance(self.estimator_, Pipeline)
            step = f"{self.estimator_.steps[-1][0]}__" if pipeline else ""
            weights = {f"{step}sample_weight": sample_weight}
        try:
            self.estimator_.fit(X, y, **weights)
        except ValueError as error:
            if y is not None:
                raise
            raise ValueError(
                f"{type(self).__name__} fits a clone of its 'estimator', which needs "
                f"y; prefit=True takes a fitted network as it is. {error}"
            ) from error

    def _find_layer(self, module):
        prefix = inner_path(module)
        if self.layer is None:
            return find_output_layer(module).removeprefix(prefix)
        names = [
            name.removeprefix(prefix)
            for name, _ in module.named_modules()
            if len(name) > len(prefix) and name.startswith(prefix)
        ]
        if self.layer not in names:
            raise ValueError(
                f"The 'layer' parameter of {type(self).__name__} must name a layer of "
                f"the network, got {self.layer!r}. It has {', '.join(names)}."
            )
        return self.layer

    def transform(self, X):
        """Compute the activations.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...) or list
            The rows, of any kind that `estimator` takes.

        Returns
        -------
        activations : ndarray of shape (n_samples, n_activations)
            One row each, in the network's type.
        """
        check_is_fitted(self)
        return self._activations(self._rows(X))

    def _rows(self, X):
        front, network = unwrap_network(self.estimator_, type(self).__name__)
        return check_rows(network, steps_in_front(front, X))

    def _activations(self, rows):
        self._refuse_ragged_steps(rows)
        _, network = unwrap_network(self.estimator_, type(self).__name__)
        module = network.net_.module_.eval()
        name = f"{inner_path(module)}{self.layer_}"
        probe = LayerProbe(module, name, of_input=self._takes_input)
        parts = []
        for n_rows, value in batches_through(probe, network, rows):
            value = value[0] if isinstance(value, (tuple, list)) else value
            fits = isinstance(value, Tensor) and value.shape[:1] == (n_rows,)
            if not fits or (parts and value[0].numel() != parts[0].shape[1]):
                shape = getattr(value, "shape", type(value).__name__)
                raise ValueError(
                    f"{type(self).__name__} needs a layer with as many activations for "
                    f"each row. The activations of {self.layer_!r} for {n_rows} rows "
                    f"are {shape}."
                )
            parts.append(value.flatten(1).cpu().numpy())
        return np.concatenate(parts)

    def _refuse_ragged_steps(self, rows):
        """Refuse the steps of sequences of different lengths, which are no table."""
        if not isinstance(rows, Sequences) or self._takes_input:
            return
        if rows.lengths.min() < rows.lengths.max():
            raise ValueError(
                f"The 'layer' parameter of {type(self).__name__} must be None for "
                f"sequences of different lengths, of which other layers have different "
                f"numbers of activations; got {self.layer_!r}."
            )

    def __sklearn_clone__(self):
        # A clone of a fitted network would be an unfitted one.
        return clone_with_network(self) if self.prefit else super().__sklearn_clone__()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        fitted = self.prefit or isinstance(self.estimator, FrozenEstimator)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.target_tags.required = inner.target_tags.required and not fitted
        return tags
