"""A regressor that goes on from a trained network."""

from sklearn_dl.neural_network._fine_tuner_base import BaseFineTuner
from sklearn_dl.neural_network._fitting import (
    REGRESSION_CONSTRAINTS,
    FitsRegressor,
)

__all__ = ["FineTuningRegressor"]


class FineTuningRegressor(FitsRegressor, BaseFineTuner):
    """A regressor that goes on from a network trained on another task.

    The network keeps what it has learned, but for its output layer, in whose place
    comes a new one for the new targets. All of it trains, or a part, or the new layer
    alone: few rows leave most of the network frozen, many rows less.

    Read more in the :ref:`User Guide <transfer>`.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        What was learned before: a fitted neural estimator, a fitted
        :class:`~sklearn.pipeline.Pipeline` or search that ends in one, or a module
        with an output layer. It is not changed, and a clone of this estimator keeps
        it as it is. Rows are prepared as it prepares them; a module of your own is
        given the rows as they are.

    freeze : {'all', 'most', 'none'} or int, default='all'
        What does not train: 'all' but the new output layer; 'most', all but that and
        the last quarter of the blocks, rounded up; 'none'. A whole number is that of
        the blocks that train, counted from the output; 0 is 'all'. The blocks are in
        `blocks_`.

    learning_rate_factor : float, default=0.1
        The rate at which the network learns, as a share of that of the new output
        layer.

    unfreeze_every : int, default=None
        One more block trains every so many epochs, the next one towards the input.
        None leaves frozen what `freeze` says.

    output_layer : str, default=None
        Name of the network's output layer, a dense one. None is the last dense layer in
        what is called ``head``, ``fc`` or ``classifier``, or else the last in the
        network.

    dropout : float, default=0.0
        Probability with which an input of the new output layer is dropped in training.

    augment : ImageAugmenter, default=None
        Changes the rows in training, each time in another way; for networks of images.

    solver : {'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'adagrad', 'adadelta'}, \
            default='adam'
        How the weights are optimised.

    alpha : float, default=0.0001
        Strength of the penalty on the weights, divided by the number of rows of a
        batch (or the sum of their weights) when it is added to the loss. With
        ``solver='adamw'`` it is the decoupled weight decay, and not divided.

    batch_size : int or 'auto', default='auto'
        Rows in a batch; 'auto' is ``min(32, n_samples)``.

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
        Type that the network computes in. 'auto' is 'float32' for images and
        sequences; tables keep their type, float64 or float32, on a CPU.

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

    blocks_ : list of list of str
        Names of the modules of each block that is frozen or trained as a whole, from
        the input to the output.

    augmentation_ : callable or None
        What changes the rows in training.

    net_ : skorch.NeuralNet
        The net with its ``module_``, ``optimizer_`` and ``history``.

    history_ : list of dict
        Loss, scores, learning rate and seconds of each epoch.

    n_iter_ : int
        Number of epochs or, for 'lbfgs', iterations of the last fit.

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
    FineTuner : The same for classification.
    NetTransformer : The features that a network has learned, for any other estimator.
    load_pretrained : Networks with published weights.

    Notes
    -----
    What is frozen is in eval mode during the training too: batch normalisations keep
    their statistics, and dropout drops nothing. With ``freeze='all'`` the features in
    front of the new output layer do not change then. Without `augment` they are
    computed once, and an epoch takes next to no time.

    A block is a layer with weights, or a piece of several such as a residual block;
    normalisations, activations and dropout belong to the block before them.

    References
    ----------
    .. [1] J. Yosinski, J. Clune, Y. Bengio and H. Lipson, "How transferable are
       features in deep neural networks?", NeurIPS 2014.
    .. [2] J. Howard and S. Ruder, "Universal language model fine-tuning for text
       classification", ACL 2018: different rates, and gradual unfreezing.

    Examples
    --------
    A network that tells digits apart learns how much ink they have:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_dl.neural_network import FineTuningRegressor, MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, ink = X.astype(np.float32) / 16, X.mean(axis=1)
    >>> schedule = {"learning_rate": "one_cycle", "learning_rate_init": 0.01}
    >>> network = MLPClassifier((64, 32), max_iter=20, random_state=0, **schedule)
    >>> network = network.fit(X, y)
    >>> tuner = FineTuningRegressor(
    ...     network, freeze="none", max_iter=50, random_state=0, **schedule
    ... )
    >>> tuner.fit(X[:200], ink[:200]).score(X[200:], ink[200:]) > 0.8
    True
    """

    _parameter_constraints: dict = {
        **BaseFineTuner._parameter_constraints,
        **REGRESSION_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator,
        *,
        freeze="all",
        learning_rate_factor=0.1,
        unfreeze_every=None,
        output_layer=None,
        dropout=0.0,
        augment=None,
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
            estimator=estimator,
            freeze=freeze,
            learning_rate_factor=learning_rate_factor,
            unfreeze_every=unfreeze_every,
            output_layer=output_layer,
            dropout=dropout,
            augment=augment,
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
