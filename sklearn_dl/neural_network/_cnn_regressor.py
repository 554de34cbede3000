"""Convolutional network for regression."""

from sklearn_dl.neural_network._cnn_base import BaseCNN
from sklearn_dl.neural_network._fitting import REGRESSION_CONSTRAINTS, FitsRegressor

__all__ = ["CNNRegressor"]


class CNNRegressor(FitsRegressor, BaseCNN):
    """Convolutional network for regression.

    Takes images of shape (n_samples, h, w) or (n_samples, h, w, c), signals
    (n_samples, t) or (n_samples, t, c), volumes, or flat rows with `input_shape`; bytes
    or floating numbers. So scalers and pipelines of scikit-learn can stand in front.

    Read more in the :ref:`User Guide <convolutional>`.

    Parameters
    ----------
    architecture : str, list or callable, default='lenet5'
        The network: a name of the table in the :ref:`User Guide <convolutional>`, such
        as 'resnet20' or 'vgg16' for images and 'inceptiontime' for signals; a list of
        descriptions of layers, such as ``[{"layer": "conv", "filters": 32,
        "kernel_size": 3}, "flatten"]``, to which the output layer is added; or
        a function of ``input_shape`` (channels first) and ``n_outputs`` that returns a
        :class:`torch.nn.Module`, which gives raw outputs.

    input_shape : tuple of int, default=None
        Shape of a row, where X has flat rows: ``(28, 28)`` or ``(32, 32, 3)``. None
        takes the shape of the rows of X; a flat row is a signal then.

    n_dims : {1, 2, 3} or 'auto', default='auto'
        Number of spatial axes: 1 for signals, 2 for images, 3 for volumes. A row may
        have one more axis, the last one, for channels. 'auto' takes a row of shape
        (a,) for a signal, (a, b) for an image of one channel (for a signal of b
        channels with 'inceptiontime' and 'fcn'), (a, b, c) for an image of c channels
        and (a, b, c, d) for a volume of d channels.

    standardize : bool, default=True
        Whether each channel is centred and scaled to variance 1, by mean and variance
        of the training rows. Bytes are divided by 255 in any case.

    augment : ImageAugmenter, default=None
        Changes the rows in training, each time in another way.

    n_views : int, default=1
        Number of views of a row, drawn by `augment`, whose raw outputs are averaged
        in predictions.

    dropout : float, default=None
        Probability with which a unit in front of the output layer is dropped in
        training; None is what the architecture's authors chose, and 0 for a list of
        layers, which may have such layers anywhere. A function makes its own.

    solver : {'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'adagrad', 'adadelta'}, \
            default='adam'
        How the weights are optimised.

    alpha : float, default=0.0001
        Strength of the penalty on the weights, divided by the number of rows of a
        batch (or the sum of their weights) when it is added to the loss. With
        ``solver='adamw'`` it is the decoupled weight decay, and not divided.

    batch_size : int or 'auto', default='auto'
        Rows in a batch; 'auto' is ``min(64, n_samples)``.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'time', 'exponential', \
            'sqrt', 'step', 'cosine', 'one_cycle', 'coslog4'}, callable or \
            array-like, default='constant'
        Schedule of the learning rate, as in :class:`MLPClassifier`. 'cosine',
        'one_cycle' and 'coslog4' are planned for `max_iter` epochs, which are run in
        full unless `early_stopping` ends them.

    learning_rate_init : float, default=0.001
        The learning rate that the schedule begins with.

    warmup_epochs : float, default=0
        The learning rate rises linearly from 0 over this many epochs.

    max_iter : int, default=100
        Greatest number of epochs.

    shuffle : bool, default=True
        Whether the rows are permuted in every epoch.

    random_state : int, RandomState instance, default=None
        Determines initial weights, validation part, batches, dropout and
        augmentation. The same int gives the same network.

    tol : float, default=1e-4
        Training stops when loss or score has not improved by `tol` in more than
        `n_iter_no_change` epochs.

    verbose : bool, default=False
        Whether the loss is written to stdout after each epoch.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous fit.

    momentum : float, default=0.9
        Momentum of 'sgd'.

    nesterovs_momentum : bool, default=True
        Whether the momentum of 'sgd' is Nesterov's.

    early_stopping : bool, default=False
        Whether a part of the rows is held out, the training stops when the score on
        it (R^2) no longer improves, and the weights of the best epoch are
        restored.

    validation_fraction : float, default=0.1
        Share of the rows that is held out.

    beta_1 : float, default=0.9
        Decay of the first moment in 'adam', 'adamw' and 'nadam'.

    beta_2 : float, default=0.999
        Decay of the second moment in 'adam', 'adamw' and 'nadam'.

    n_iter_no_change : int or inf, default=10
        Epochs without improvement before the training stops.

    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}, \
            default='squared_error'
        Half the squared error; the absolute error; squared up to `huber_delta` and
        linear beyond; the pinball loss of `quantile`; half the Poisson deviance, with
        an exponential output, for ``y >= 0``.

    huber_delta : float, default=1.0
        The error, in units of y, from which the Huber loss is linear.

    quantile : float, default=0.5
        The quantile that ``loss='quantile'`` predicts.

    max_grad_norm : float, default=None
        The gradient is scaled down to this Euclidean norm.

    ema_decay : float, default=None
        Decay of an exponential moving average of the weights, which replaces the
        weights when the training ends and is what the validation part scores.

    device : str, default='auto'
        Where the network lives: 'auto' (a GPU where there is one), 'cpu', 'cuda',
        'cuda:1', 'mps'. A network fitted on a GPU loads on a machine without one.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type that the network computes in. 'auto' is 'float32', which is much faster,
        but for a table, an X of shape (n_samples, n_steps) and float64, on a CPU.

    mixed_precision : {'bfloat16', 'float16'}, default=None
        Type of the matrix products in training, where it is not `dtype`.

    callbacks : list of skorch callbacks, default=None
        Told of the beginning and end of training, epochs and batches. For progress
        bars and the like see also ``set_callbacks``, which takes scikit-learn's.

    checkpoint : str or path-like, default=None
        A folder in which the state of the fit is kept after every epoch. A fit that
        was killed goes on from there when it is started again with the same
        parameters and data, and ends in the same weights. The file is named after
        parameters and data and removed when the fit is complete.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    n_outputs_ : int
        Number of outputs.

    input_shape_ : tuple of int
        Shape of a row, with channels at the end.

    augmenter_ : ImageAugmenter or None
        The fitted `augment`.

    net_ : skorch.NeuralNet
        The net with its ``module_``, ``optimizer_`` and ``history``.

    history_ : list of dict
        Loss, scores, learning rate and seconds of each epoch.

    n_iter_ : int
        Number of epochs of the last fit.

    t_ : int
        Number of rows seen.

    loss_ : float
        The last training loss, penalty included.

    loss_curve_ : list of float
        The training loss of each epoch.

    best_loss_ : float or None
        The lowest training loss; None with ``early_stopping=True``.

    validation_scores_ : list of float or None
        The score of each epoch on the validation part.

    best_validation_score_ : float or None
        The highest of them.

    out_activation_ : str
        Name of the activation at the output.

    See Also
    --------
    CNNClassifier : The same for classification.
    RNNRegressor : Recurrent networks for sequences.
    TorchRegressor : Any module with any skorch net.

    Notes
    -----
    Targets with several columns are predicted together. The target is not scaled: use
    :class:`~sklearn.compose.TransformedTargetRegressor` where its scale is far from 1.
    Bytes stay bytes in memory and become numbers batch by batch.

    References
    ----------
    - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
      document recognition", Proceedings of the IEEE 86(11), 1998.
    - I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016,
      chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.neural_network import CNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> frequency = rng.uniform(1, 5, size=200)
    >>> t = np.linspace(0, 1, 64)
    >>> X = np.sin(2 * np.pi * frequency[:, None] * t)
    >>> reg = CNNRegressor(learning_rate_init=0.01, max_iter=30, random_state=0)
    >>> reg.fit(X[:150], frequency[:150]).score(X[150:], frequency[150:]) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseCNN._parameter_constraints,
        **REGRESSION_CONSTRAINTS,
    }

    def __init__(
        self,
        architecture="lenet5",
        *,
        input_shape=None,
        n_dims="auto",
        standardize=True,
        augment=None,
        n_views=1,
        dropout=None,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        warmup_epochs=0,
        max_iter=100,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        n_iter_no_change=10,
        loss="squared_error",
        huber_delta=1.0,
        quantile=0.5,
        max_grad_norm=None,
        ema_decay=None,
        device="auto",
        dtype="auto",
        mixed_precision=None,
        callbacks=None,
        checkpoint=None,
    ):
        super().__init__(
            architecture=architecture,
            input_shape=input_shape,
            n_dims=n_dims,
            standardize=standardize,
            augment=augment,
            n_views=n_views,
            dropout=dropout,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            warmup_epochs=warmup_epochs,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            n_iter_no_change=n_iter_no_change,
            max_grad_norm=max_grad_norm,
            ema_decay=ema_decay,
            device=device,
            dtype=dtype,
            mixed_precision=mixed_precision,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
