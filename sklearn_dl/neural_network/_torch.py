"""Any module, with any skorch net, as an estimator."""

from abc import ABC, abstractmethod
from contextlib import nullcontext

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch import NeuralNet, NeuralNetBinaryClassifier
from torch import nn

from sklearn_dl._skorch import (
    NeuralClassifierMixin,
    NeuralRegressorMixin,
    TaskPerEpoch,
    foreign_state,
    isolated_generators,
    load_foreign_state,
    resolve_device,
    resolve_dtype,
    set_sizes,
    torch_generator,
    training_context,
    weighted_rows,
)
from sklearn_dl.modules import DenseNetwork
from sklearn_dl.utils._sklearn import StrOptions, fit_context

__all__ = ["TorchClassifier", "TorchRegressor"]


class BaseTorch(CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the estimators around a skorch net of the user's own."""

    _parameter_constraints: dict = {
        "net": [NeuralNet, None],
        "random_state": ["random_state"],
        "dtype": [StrOptions({"auto", "float32", "float64"}), None],
    }

    @abstractmethod
    def __init__(self, net, random_state, dtype):
        self.net = net
        self.random_state = random_state
        self.dtype = dtype

    @abstractmethod
    def _default_criterion(self):
        """Return the criterion of the net that stands in for None."""

    def _validated(self, X, *y, reset):
        dtype = None if self.dtype is None else (np.float64, np.float32)
        options = {"dtype": dtype, "allow_nd": True, "reset": reset}
        if y:
            options |= {"y": y[0], "multi_output": True}
        return validate_data(self, X, **options)

    def _new_net(self, template, device=None):
        """Return a net that is ready to train; torch's generators are seeded."""
        net = clone(template) if template is not None else self._default_net()
        if device is not None:
            net.set_params(device=device)
        n_features = self._input_shape[-1]
        set_sizes(net, {"n_features": n_features, "n_outputs": self._n_raw_outputs})
        net.initialize()
        for name in net._modules:
            if self._dtype is not None:
                getattr(net, f"{name}_").to(getattr(torch, self._dtype))
        return net

    def _default_net(self):
        return NeuralNet(
            DenseNetwork,
            self._default_criterion(),
            module__hidden_layer_sizes=(100,),
            optimizer=torch.optim.Adam,
            lr=0.01,
            max_epochs=100,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        )

    def _fit(self, X, y, sample_weight, *, incremental):
        given = X, y
        warm = hasattr(self, "net_") and (
            incremental or (self.net is not None and self.net.warm_start)
        )
        X, y = self._validated(X, y, reset=not warm)
        target = self._encode_target(y, reset=not warm).numpy()
        weight = self._row_weights(X, y, sample_weight)
        if weight is not None and not weight.all():
            X, target, weight = (v[weight > 0] for v in (X, target, weight))
        random_state = check_random_state(self.random_state)
        generator = torch_generator(random_state)
        device = torch.device(getattr(self.net, "device", None) or "cpu")
        if not warm:
            self._input_shape = X.shape[1:]
            self._dtype = None
            if self.dtype is not None:
                dtype = resolve_dtype(self.dtype, X.dtype, device)
                self._dtype = str(dtype).removeprefix("torch.")
        with training_context(device, generator):
            if not warm:
                # The net as it is today: it may be changed after the fit.
                self._template = None if self.net is None else clone(self.net)
                self.net_ = self._new_net(self._template)
            target = self._shape_target(target)
            self._train(given, self._cast(X), target, weight, incremental)
        return self

    def _train(self, given, X, target, weight, incremental):
        net, (X_given, y_given) = self.net_, given
        if target.dtype.kind == "f":
            target = target.astype(self._dtype or "float32", copy=False)
        epochs = 1 if incremental else net.max_epochs
        context = self._init_callback_context(max_subtasks=epochs)
        context.call_on_fit_task_begin(estimator=self, X=X_given, y=y_given)
        own = []
        if hasattr(self, "_skl_callbacks"):
            own = [("task", TaskPerEpoch(self, context, X_given, y_given))]
        net.callbacks_ = [*net.callbacks_, *own]
        rows = X
        if weight is not None:
            weight = weight.astype(self._dtype or "float32", copy=False)
            rows = {"X": X, "sample_weight": weight}
        weighing = nullcontext() if weight is None else weighted_rows(net)
        net.stop_training_ = False
        net.notify("on_train_begin", X=rows, y=target)
        try:
            with weighing:
                for _epoch in range(epochs):
                    net.fit_loop(rows, target, epochs=1)
                    if net.stop_training_:
                        break
        except KeyboardInterrupt:
            # Ctrl-C, or how a callback of skorch asks for the end of the training.
            pass
        net.notify("on_train_end", X=rows, y=target)
        net.callbacks_ = [pair for pair in net.callbacks_ if pair not in own]
        context.call_on_fit_task_end(
            estimator=self, X=X_given, y=y_given, reconstruction_attributes=dict
        )

    def _cast(self, X):
        # Writable and contiguous, for torch takes no other memory.
        dtype = X.dtype if self._dtype is None else self._dtype
        return np.require(X, dtype, ["C", "W"])

    def _shape_target(self, target):
        return target

    def _outputs(self, X):
        """Return the net's outputs behind its nonlinearity."""
        check_is_fitted(self)
        X = self._cast(self._validated(X, reset=False))
        # torch's loader draws a seed whether it needs one or not.
        with isolated_generators(torch.device(self.net_.device or "cpu")):
            return np.asarray(self.net_.predict_proba(X))

    @property
    def history_(self):
        """Losses, scores and seconds, one dictionary an epoch."""
        return [
            {key: value for key, value in row.items() if key != "batches"}
            for row in self.net_.history
        ]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __getstate__(self):
        # As with the other networks: arrays in place of the net.
        state = dict(super().__getstate__())
        if "net_" in state:
            state["_net_state"] = foreign_state(state.pop("net_"))
        return state

    def __setstate__(self, state):
        state = dict(state)
        plain = state.pop("_net_state", None)
        super().__setstate__(state)
        if plain is None:
            return
        wanted = getattr(self._template, "device", None)
        device = resolve_device(str(wanted or "cpu"), strict=False)
        with training_context(device):
            self.net_ = self._new_net(self._template, wanted and str(device))
        load_foreign_state(self.net_, plain)


class TorchClassifier(NeuralClassifierMixin, BaseTorch):
    """A classifier around a skorch net with a module of the user's own.

    The net says everything about network and training; this class adds what
    scikit-learn expects around it: validation, labels of any type, weights of rows,
    seeds, and a state that pickles. Parameters of the net are tuned as ``net__lr``,
    those of its module as ``net__module__hidden``.

    Parameters
    ----------
    net : skorch.NeuralNet, default=None
        The net, not initialised; it is cloned in `fit`. Its criterion takes raw
        outputs, one a class, and class numbers, as
        :class:`torch.nn.CrossEntropyLoss` does, or is what
        :class:`skorch.NeuralNetClassifier` and
        :class:`skorch.NeuralNetBinaryClassifier` expect. A module that has arguments
        `n_features` or `n_outputs` is given them unless the net sets them. None is a
        network with one hidden layer of 100 units, trained with Adam.

    random_state : int, RandomState instance, default=None
        Determines all that torch draws during `fit`.

    dtype : {'auto', 'float32', 'float64'} or None, default='auto'
        Type of rows and parameters. 'auto' keeps float64 and float32 on a CPU and is
        float32 on a GPU. None leaves both as they are, as token numbers need it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    n_outputs_ : int
        Number of outputs.

    net_ : skorch.NeuralNet
        The trained net.

    history_ : list of dict
        What the net has noted of each epoch.

    See Also
    --------
    TorchRegressor : The same for regression.
    MLPClassifier : Takes a module as well, and trains it faster.

    Examples
    --------
    >>> import torch
    >>> from skorch import NeuralNet
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_dl.neural_network import TorchClassifier
    >>> class Net(torch.nn.Module):
    ...     def __init__(self, n_features, n_outputs, hidden=8):
    ...         super().__init__()
    ...         self.layers = torch.nn.Sequential(
    ...             torch.nn.Linear(n_features, hidden),
    ...             torch.nn.Tanh(),
    ...             torch.nn.Linear(hidden, n_outputs),
    ...         )
    ...
    ...     def forward(self, x):
    ...         return self.layers(x)
    >>> net = NeuralNet(
    ...     Net,
    ...     torch.nn.CrossEntropyLoss,
    ...     optimizer=torch.optim.Adam,
    ...     max_epochs=30,
    ...     train_split=None,
    ...     verbose=0,
    ... )
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> search = GridSearchCV(
    ...     TorchClassifier(net, random_state=0),
    ...     {"net__lr": [0.0001, 0.03], "net__module__hidden": [8]},
    ... )
    >>> search.fit(X, y).best_params_
    {'net__lr': 0.03, 'net__module__hidden': 8}
    """

    def __init__(self, net=None, *, random_state=None, dtype="auto"):
        super().__init__(net=net, random_state=random_state, dtype=dtype)

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The training rows.

        y : array-like of shape (n_samples,)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. The criterion must have the attribute
            ``reduction``, as those of torch have.

        Returns
        -------
        self : TorchClassifier
            The fitted estimator.

        Raises
        ------
        TypeError
            If the criterion cannot weigh rows.
        ValueError
            If the data is not what is expected.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go once through the given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The training rows.

        y : array-like of shape (n_samples,)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; the first call needs them.

        Returns
        -------
        self : TorchClassifier
            The fitted estimator.
        """
        with self._announced(y, classes):
            return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The labels.
        """
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        outputs = self._outputs(X)
        if len(self.classes_) == 1:
            return np.ones_like(outputs[:, :1])
        return outputs

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            The logarithm of ``predict_proba``; -inf where that is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _set_classes(self, y):
        super()._set_classes(y)
        if self._task not in ("binary", "multiclass"):
            raise ValueError(
                f"{type(self).__name__} takes a y of shape (n_samples,), got the shape "
                f"{y.shape}. Use MLPClassifier(module=...) for several outputs."
            )
        binary = isinstance(self.net, NeuralNetBinaryClassifier)
        self.n_outputs_ = 1
        # A softmax over one output would be constant.
        self._n_raw_outputs = 1 if binary else max(2, len(self.classes_))

    def _shape_target(self, target):
        binary = isinstance(self.net, NeuralNetBinaryClassifier)
        return target.ravel().astype(np.float64 if binary else np.int64)

    def _default_criterion(self):
        return nn.CrossEntropyLoss

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


class TorchRegressor(NeuralRegressorMixin, BaseTorch):
    """A regressor around a skorch net with a module of the user's own.

    The net says everything about network and training; this class adds what
    scikit-learn expects around it: validation, weights of rows, seeds, and a state that
    pickles. Parameters of the net are tuned as ``net__lr``, those of its module as
    ``net__module__hidden``.

    Parameters
    ----------
    net : skorch.NeuralNet, default=None
        The net, not initialised; it is cloned in `fit`. Outputs and targets have the
        shape (n_samples, n_outputs). A module that has arguments `n_features` or
        `n_outputs` is given them unless the net sets them. None is a network with one
        hidden layer of 100 units, trained with Adam.

    random_state : int, RandomState instance, default=None
        Determines all that torch draws during `fit`.

    dtype : {'auto', 'float32', 'float64'} or None, default='auto'
        Type of rows and parameters. 'auto' keeps float64 and float32 on a CPU and is
        float32 on a GPU. None leaves both as they are, as token numbers need it.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    n_outputs_ : int
        Number of outputs.

    net_ : skorch.NeuralNet
        The trained net.

    history_ : list of dict
        What the net has noted of each epoch.

    See Also
    --------
    TorchClassifier : The same for classification.
    MLPRegressor : Takes a module as well, and trains it faster.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn_dl.neural_network import TorchRegressor
    >>> X, y = make_regression(n_samples=100, n_features=4, random_state=0)
    >>> reg = TorchRegressor(random_state=0).fit(X, y / y.std())
    >>> reg.score(X, y / y.std()) > 0.9
    True
    """

    def __init__(self, net=None, *, random_state=None, dtype="auto"):
        super().__init__(net=net, random_state=random_state, dtype=dtype)

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. The criterion must have the attribute
            ``reduction``, as those of torch have.

        Returns
        -------
        self : TorchRegressor
            The fitted estimator.

        Raises
        ------
        TypeError
            If the criterion cannot weigh rows.
        ValueError
            If the data is not what is expected.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None):
        """Go once through the given rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : TorchRegressor
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Predict the targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        outputs = self._outputs(X)
        return outputs.ravel() if self.n_outputs_ == 1 else outputs

    def _default_criterion(self):
        return nn.MSELoss
