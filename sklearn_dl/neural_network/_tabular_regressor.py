"""A network with good defaults for tables: regression."""

import numpy as np
from sklearn.callback import with_callbacks

from sklearn_dl._skorch import NeuralRegressorMixin
from sklearn_dl.modules import StandardizedSquaredError
from sklearn_dl.neural_network._tabular_base import BaseTabularMLP
from sklearn_dl.utils._sklearn import fit_context

__all__ = ["TabularMLPRegressor"]


class TabularMLPRegressor(NeuralRegressorMixin, BaseTabularMLP):
    """Multi-layer perceptron with today's good defaults for tables.

    The recipe of RealMLP [1]_: robust scaling with smooth clipping, numbers embedded by
    learned cosines, categories by learned vectors, a learned scale for each column,
    three wide layers in NTK parametrisation, the last one beginning at 0, Adam on a
    rate that goes up and down four times, the best epoch kept. The target is
    standardised inside, and predictions stay within the range seen in training. Use it
    on raw columns: no scaler or one-hot encoder has to stand in front.

    Read more in the :ref:`User Guide <tabular_mlp>`.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(256, 256, 256)
        Number of units of each hidden layer.

    activation : str, default='mish'
        Activation of the hidden layers, as in :class:`MLPRegressor`.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'time', 'exponential', \
            'sqrt', 'step', 'cosine', 'one_cycle', 'coslog4'}, default='coslog4'
        Schedule of the learning rate, as in :class:`MLPRegressor`.

    learning_rate_init : float, default=0.07
        The highest learning rate.

    max_iter : int, default=256
        Number of epochs.

    batch_size : int, default=256
        Rows in a batch; all where there are fewer.

    beta_1 : float, default=0.9
        Decay of Adam's first moment.

    beta_2 : float, default=0.95
        Decay of Adam's second moment.

    weight_decay : float or 'auto', default='auto'
        Decoupled weight decay of the matrices, times the learning rate. 'auto' is 0
        where a part of the rows is held out and 2 where none is.

    dropout : float, default=0.0
        Probability with which a hidden unit is dropped in training.

    ema_decay : float or None, default=0.98
        Where a part of the rows is held out, decay of an exponential moving average of
        the weights, which takes their place on that part and when the training ends.
        None takes the weights as they are.

    embedding_size : int, default=4
        Numbers that stand for a numeric column: itself and a learned linear map of
        cosines of it. 1 leaves the columns as they are.

    n_frequencies : int, default=16
        Number of cosines of a numeric column.

    category_size : int, default=8
        Length of the learned vector that stands for a category.

    categorical_features : 'from_dtype', array-like of bool, int or str, default=\
            'from_dtype'
        Which columns hold categories: those of a DataFrame with a categorical, string
        or object type; a mask, indices or names; None for no column.

    early_stopping : bool or 'auto', default='auto'
        Whether a part of the rows is held out and the weights of the epoch with the
        lowest loss on it are kept. 'auto' does so from 2000 rows: what a part held out
        of less costs is more than it gains.

    validation_fraction : float, default=0.2
        Share of the rows that is held out.

    n_iter_no_change : int or inf, default=inf
        Epochs without a lower loss there after which the training ends. The default
        goes through the whole schedule.

    random_state : int, RandomState instance, default=None
        Determines initial weights, validation part, batches and dropout.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous fit.

    verbose : bool, default=False
        Whether the loss is written to stdout after each epoch.

    device : str, default='auto'
        Where the network lives: 'auto' (a GPU where there is one), 'cpu', 'cuda',
        'cuda:1', 'mps'. A network fitted on a GPU loads on a machine without one.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type that the network computes in. 'auto' keeps the type of X on a CPU and is
        float32 on a GPU. 'float32' takes about half the time of 'float64'.

    mixed_precision : {'bfloat16', 'float16'}, default=None
        Type of the matrix products in training, where it is not `dtype`.

    callbacks : list of skorch callbacks, default=None
        Told of the beginning and end of training, epochs and batches.

    checkpoint : str or path-like, default=None
        A folder in which the state of the fit is kept after every epoch, as in
        :class:`MLPRegressor`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    is_categorical_ : ndarray of bool of shape (`n_features_in_`,)
        Which columns hold categories.

    n_outputs_ : int
        Number of outputs.

    net_ : skorch.NeuralNet
        The net with its ``module_``, ``optimizer_`` and ``history``.

    history_ : list of dict
        Loss, scores, learning rate and seconds of each epoch.

    n_iter_ : int
        Number of epochs of the last fit.

    t_ : int
        Number of rows seen.

    loss_ : float
        The last training loss.

    loss_curve_ : list of float
        The training loss of each epoch.

    best_loss_ : float or None
        The lowest training loss; None where a part is held out.

    validation_scores_ : list of float or None
        The loss of each epoch on the part that is held out, times -1.

    best_validation_score_ : float or None
        The highest of them.

    See Also
    --------
    TabularMLPClassifier : The same for classification.
    MLPRegressor : A plain network, with scikit-learn's defaults.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024,
       arXiv 2407.04491.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_dl.neural_network import TabularMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> reg = TabularMLPRegressor(max_iter=20, random_state=0).fit(X_train, y_train)
    >>> reg.score(X_test, y_test) > 0.2
    True
    """

    _parameter_constraints: dict = {**BaseTabularMLP._parameter_constraints}

    def __init__(
        self,
        hidden_layer_sizes=(256, 256, 256),
        activation="mish",
        *,
        learning_rate="coslog4",
        learning_rate_init=0.07,
        max_iter=256,
        batch_size=256,
        beta_1=0.9,
        beta_2=0.95,
        weight_decay="auto",
        dropout=0.0,
        ema_decay=0.98,
        embedding_size=4,
        n_frequencies=16,
        category_size=8,
        categorical_features="from_dtype",
        early_stopping="auto",
        validation_fraction=0.2,
        n_iter_no_change=np.inf,
        random_state=None,
        warm_start=False,
        verbose=False,
        device="auto",
        dtype="auto",
        mixed_precision=None,
        callbacks=None,
        checkpoint=None,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            batch_size=batch_size,
            beta_1=beta_1,
            beta_2=beta_2,
            weight_decay=weight_decay,
            dropout=dropout,
            ema_decay=ema_decay,
            embedding_size=embedding_size,
            n_frequencies=n_frequencies,
            category_size=category_size,
            categorical_features=categorical_features,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            random_state=random_state,
            warm_start=warm_start,
            verbose=verbose,
            device=device,
            dtype=dtype,
            mixed_precision=mixed_precision,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            The training rows. Numbers may be missing (NaN).

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : TabularMLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not what is expected, or if the weights did
            not stay finite.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _learn_input(self, X, target, weight, reset):
        if reset:
            values = target.numpy()
            location = np.average(values, axis=0, weights=weight)
            variance = np.average((values - location) ** 2, axis=0, weights=weight)
            scale = np.sqrt(variance)
            self._target_range = {
                "location": location.tolist(),
                "scale": np.where(scale > 0, scale, 1.0).tolist(),
                "low": values.min(axis=0).tolist(),
                "high": values.max(axis=0).tolist(),
            }
        return super()._learn_input(X, target, weight, reset)

    def _make_criterion(self):
        return StandardizedSquaredError(**self._target_range)
