"""Multi-layer perceptron for classification."""

from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if

from sklearn_dl.neural_network._fitting import (
    CLASSIFICATION_CONSTRAINTS,
    ClassificationLosses,
)
from sklearn_dl.neural_network._mlp_base import BaseMLP
from sklearn_dl.utils._sklearn import fit_context

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassificationLosses, BaseMLP):
    """Multi-layer perceptron classifier.

    A drop-in for :class:`sklearn.neural_network.MLPClassifier` on torch: all of its
    parameters with the same meaning, and more. With the same `random_state` and only
    scikit-learn's parameters it gives the same network, up to rounding; the page
    :ref:`from_scikit_learn` names the exceptions.

    Read more in the :ref:`User Guide <mlp>`.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer. Empty, ``()``, leaves no hidden layer:
        the model is a logistic or
        softmax regression.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'prelu', \
            'relu6', 'elu', 'celu', 'selu', 'gelu', 'swish', 'mish', 'softplus', \
            'softsign', 'hardswish'}, default='relu'
        Activation function of the hidden layers.

    solver : {'lbfgs', 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'adagrad', \
            'adadelta'}, default='adam'
        How the weights are optimised. 'lbfgs' looks at all rows at once and suits
        small data; the others step from batch to batch.

    alpha : float, default=0.0001
        Strength of the penalty on the weights, divided by the number of rows of a
        batch (or the sum of their weights) when it is added to the loss. With
        ``solver='adamw'`` it is the decoupled weight decay, and not divided.

    l1_ratio : float, default=0.0
        Share of the absolute values in the penalty: 0 is L2, 1 is L1, between is the
        elastic net ``alpha * (l1_ratio * |w|_1 + (1 - l1_ratio) * |w|_2^2 / 2)``.

    batch_size : int or 'auto', default='auto'
        Rows in a batch; 'auto' is ``min(200, n_samples)``.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'time', 'exponential', \
            'sqrt', 'step', 'cosine', 'one_cycle', 'coslog4'}, callable or \
            array-like, default='constant'
        Schedule of the learning rate ``a``, which begins at ``learning_rate_init``
        (a0). Epochs e count from 1, d is ``learning_rate_decay``.

        - 'constant': a0.
        - 'invscaling': a0 / (rows seen before this epoch + 1) ** power_t.
        - 'adaptive': divided by 5 whenever the training would stop for lack of
          improvement, down to 1e-6.
        - 'time': a0 / (1 + d * e), d is 0.1 unless given.
        - 'exponential': a0 * d ** e, d is 0.95 unless given.
        - 'sqrt': a0 * d / sqrt(e), d is 1 unless given.
        - 'step': a0 * d ** floor((e - 1) / learning_rate_step), d is 0.5 unless
          given.
        - 'cosine', 'one_cycle', 'coslog4': half a cosine wave down to 0; up from
          a0 / 25 during the first 30 % and down to nearly 0; four waves of growing
          length. They are planned for ``max_iter`` epochs, which are run in full
          unless ``early_stopping`` ends them.
        - a function of the epoch that returns the rate, or the rates themselves, one
          an epoch; the last one holds from there on.

        As in scikit-learn, 'invscaling' and 'adaptive' are constant with
        ``solver='adam'``.

    learning_rate_init : float, default=0.001
        The learning rate that the schedule begins with. 'adadelta' wants about 1.

    power_t : float, default=0.5
        Exponent of 'invscaling'.

    learning_rate_decay : float, default=None
        The d of the schedule; None takes the value named there.

    learning_rate_step : int, default=10
        Epochs between two steps of 'step'.

    warmup_epochs : float, default=0
        The learning rate rises linearly from 0 over this many epochs.

    max_iter : int, default=200
        Greatest number of epochs, or of iterations of 'lbfgs'.

    shuffle : bool, default=True
        Whether the rows are permuted in every epoch.

    random_state : int, RandomState instance, default=None
        Determines initial weights, validation part, batches and dropout. The same
        int gives the same network, and with scikit-learn's parameters the network
        that scikit-learn gives, up to rounding.

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
        it (the accuracy) no longer improves, and the weights of the best epoch are
        restored. The part is stratified by class for a single target.

    validation_fraction : float, default=0.1
        Share of the rows that is held out.

    beta_1 : float, default=0.9
        Decay of the first moment in 'adam', 'adamw' and 'nadam'.

    beta_2 : float, default=0.999
        Decay of the second moment in 'adam', 'adamw' and 'nadam'.

    epsilon : float, default=1e-8
        Added to denominators, by all solvers but 'sgd' and 'lbfgs'.

    rho : float, default=0.9
        Decay of the mean square in 'rmsprop' and 'adadelta'.

    n_iter_no_change : int or inf, default=10
        Epochs without improvement before the training stops.

    max_fun : int, default=15000
        Greatest number of evaluations of the loss by 'lbfgs'.

    loss : {'log_loss', 'focal'}, default='log_loss'
        Cross-entropy, or focal loss, which gives less weight to rows that are
        classified well already.

    focal_gamma : float, default=2.0
        Exponent of the focal loss; 0 is the cross-entropy.

    label_smoothing : float, default=0.0
        Share of the target's mass that is spread evenly over all classes.

    class_weight : dict, list of dicts or 'balanced', default=None
        Weights of the classes, which multiply `sample_weight`. 'balanced' is inverse
        to their frequencies.

    weight_init : {'auto', 'small_normal', 'small_uniform', 'xavier_normal', \
            'xavier_uniform', 'glorot_normal', 'glorot_uniform', 'he_normal', \
            'he_uniform', 'orthogonal'}, default='auto'
        Initial weights. 'auto' draws what scikit-learn draws: uniform, within
        ``sqrt(6 / (n_in + n_out))``, or ``sqrt(2 / (n_in + n_out))`` for logistic
        units. The others have standard deviation 0.01 (small), ``sqrt(1 / n_in)``
        (xavier), ``sqrt(2 / (n_in + n_out))`` (glorot) or ``sqrt(2 / n_in)`` (he) and
        biases of 0.

    dropout : float or array-like of float, default=0.0
        Probability with which a hidden unit is dropped in training: one for all
        hidden layers or one a layer.

    batch_norm : bool, default=False
        Whether batch normalisation precedes each activation.

    layer_norm : bool, default=False
        Whether layer normalisation precedes each activation.

    max_grad_norm : float, default=None
        The gradient is scaled down to this Euclidean norm.

    ema_decay : float, default=None
        Decay of an exponential moving average of the weights, which replaces the
        weights when the training ends and is what the validation part scores.

    device : str, default='auto'
        Where the network lives: 'auto' (a GPU where there is one), 'cpu', 'cuda',
        'cuda:1', 'mps'. A network fitted on a GPU loads on a machine without one.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type that the network computes in. 'auto' keeps the type of X on a CPU,
        float64 or float32, and is float32 on a GPU.

    mixed_precision : {'bfloat16', 'float16'}, default=None
        Type of the matrix products in training, where it is not `dtype`.

    module : callable, default=None
        A class of :class:`torch.nn.Module` or a function that is called with
        ``n_features`` and ``n_outputs`` and returns the network, which gives raw
        outputs. It replaces the hidden layers and their parameters.

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
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        The class labels, of each output where there are several.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    n_outputs_ : int
        Number of outputs.

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

    coefs_ : list of ndarray of shape (n_in, n_out)
        The weights of each dense layer.

    intercepts_ : list of ndarray of shape (n_out,)
        The biases of each dense layer.

    n_layers_ : int
        Number of layers, with the input.

    out_activation_ : str
        Name of the activation at the output.

    See Also
    --------
    MLPRegressor : The same for regression.
    TabularMLPClassifier : A network with good defaults for tables.
    TorchClassifier : Any module with any skorch net.

    Notes
    -----
    Targets may be binary, multi-class, multi-label (an indicator matrix) or multi-task
    (a matrix of class labels); the losses of several outputs are added up.

    References
    ----------
    - I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016,
      chapters 6 to 8.
    - D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_dl.neural_network import MLPClassifier
    >>> X, y = make_classification(n_samples=100, random_state=1)
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     X, y, stratify=y, random_state=1
    ... )
    >>> clf = MLPClassifier(learning_rate="cosine", random_state=1)
    >>> clf.fit(X_train, y_train).score(X_test, y_test)
    0.84
    """

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        **CLASSIFICATION_CONSTRAINTS,
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        learning_rate_decay=None,
        learning_rate_step=10,
        warmup_epochs=0,
        max_iter=200,
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
        epsilon=1e-8,
        rho=0.9,
        n_iter_no_change=10,
        max_fun=15000,
        loss="log_loss",
        focal_gamma=2.0,
        label_smoothing=0.0,
        class_weight=None,
        weight_init="auto",
        dropout=0.0,
        batch_norm=False,
        layer_norm=False,
        max_grad_norm=None,
        ema_decay=None,
        device="auto",
        dtype="auto",
        mixed_precision=None,
        module=None,
        callbacks=None,
        checkpoint=None,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            l1_ratio=l1_ratio,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            learning_rate_decay=learning_rate_decay,
            learning_rate_step=learning_rate_step,
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
            epsilon=epsilon,
            rho=rho,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            weight_init=weight_init,
            dropout=dropout,
            batch_norm=batch_norm,
            layer_norm=layer_norm,
            max_grad_norm=max_grad_norm,
            ema_decay=ema_decay,
            device=device,
            dtype=dtype,
            mixed_precision=mixed_precision,
            module=module,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows. Sparse rows become dense batch by batch.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : MLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not what is expected, or if the weights did
            not stay finite.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._has_partial_fit())
    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go once through the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        classes : array-like of shape (n_classes,) or list of such, default=None
            All classes that will ever come; the first call needs them. A multi-task
            target needs a list with those of each task.

        Returns
        -------
        self : MLPClassifier
            The fitted estimator.
        """
        with self._announced(y, classes):
            return self._fit(X, y, sample_weight, incremental=True)
