"""Conditional domain-adversarial network."""

from numbers import Integral

from sklearn_dl._skorch import layer_sizes
from sklearn_dl.domain_adaptation._deep_base import BaseDeepAdapter
from sklearn_dl.domain_adaptation._deep_targets import AdaptedClassifierMixin
from sklearn_dl.modules import ConditionalAdversarialNetwork
from sklearn_dl.utils._sklearn import Interval

__all__ = ["CDANClassifier"]


class CDANClassifier(AdaptedClassifierMixin, BaseDeepAdapter):
    """Conditional domain-adversarial network for classification.

    As :class:`DANNClassifier`, but the head that tells the domains apart sees the
    products of all features with all predicted probabilities, so that the classes are
    aligned one by one. Of more than 4096 products it sees 1024 random combinations.

    Read more in the :ref:`User Guide <domain_adaptation>`.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of the hidden layers of the body, the last of which are the features.
        Empty, ``()``, leaves the rows themselves as features.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'prelu', \
            'relu6', 'elu', 'celu', 'selu', 'gelu', 'swish', 'mish', 'softplus', \
            'softsign', 'hardswish'}, default='relu'
        Activation function of the hidden layers.

    dropout : float, default=0.0
        Probability with which a hidden unit of the body is dropped in training.

    batch_norm : bool, default=False
        Whether batch normalisation precedes each activation of the body. Its statistics
        are those of both domains together.

    body : estimator, default=None
        A neural estimator whose network, without its output layer, is the body: a
        :class:`~sklearn_dl.neural_network.CNNClassifier` for images, a
        :class:`~sklearn_dl.neural_network.RNNClassifier` for sequences and texts. It
        says what rows may be. The network begins anew: what the estimator has learned
        is not used, nor are its parameters of training. `hidden_layer_sizes`,
        `dropout` and `batch_norm` do not count then.

    label_layer_sizes : int or array-like of int, default=()
        Units of hidden layers between the features and the prediction.

    domain_layer_sizes : int or array-like of int, default=(100,)
        Units of the hidden layers that tell the domains apart.

    max_lambda : float, default=1.0
        Greatest strength of the adaptation: what the gradient of the domains' loss is
        multiplied by, with its sign reversed, on its way into the body.

    lambda_schedule : {'progressive', 'constant'}, default='progressive'
        Whether the strength rises from 0, as ``2 / (1 + exp(-10 p)) - 1`` with the
        share p of the training that is over, or is `max_lambda` all the time.

    entropy_conditioning : bool, default=True
        Whether rows that are predicted with certainty count more in the loss of the
        domains, by the factor ``1 + exp(-entropy)``. Its gradient is reversed as well:
        rows become more certain.

    solver : {'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'adagrad', \
            'adadelta'}, default='sgd'
        How the weights are optimised.

    alpha : float, default=0.0001
        Strength of the penalty on the weights, divided by the number of rows of a
        batch (or the sum of their weights) when it is added to the loss. With
        ``solver='adamw'`` it is the decoupled weight decay, and not divided.

    batch_size : int or 'auto', default='auto'
        Rows in a batch, half of them source and half target; 'auto' is 128. A domain
        with fewer rows makes its half smaller. Within a half, all domains have the same
        share.

    learning_rate : {'annealed', 'constant', 'cosine', 'one_cycle'} or callable, \
            default='annealed'
        Schedule of the learning rate. 'annealed' is ``learning_rate_init / (1 + 10 p)
        ** 0.75`` with the share p of the training that is over; the others are those of
        :class:`~sklearn_dl.neural_network.MLPClassifier`.

    learning_rate_init : float, default=0.01
        The learning rate that the schedule begins with.

    momentum : float, default=0.9
        Momentum of 'sgd'.

    max_iter : int, default=100
        Number of epochs. One goes once through the larger domain and begins the smaller
        one again as often as it has to.

    random_state : int, RandomState instance, default=None
        Determines initial weights, batches and dropout. The same int gives the same
        network.

    max_grad_norm : float, default=None
        The gradient is scaled down to this Euclidean norm.

    verbose : bool, default=False
        Whether the loss is written to stdout after each epoch.

    device : str, default='auto'
        Where the network lives: 'auto' (a GPU where there is one), 'cpu', 'cuda',
        'cuda:1', 'mps'. A network fitted on a GPU loads on a machine without one.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type that the network computes in. 'auto' keeps the type of X on a CPU,
        float64 or float32, and is float32 on a GPU.

    callbacks : list of skorch callbacks, default=None
        Told of the beginning and end of training, epochs and batches. For progress
        bars and the like see also ``set_callbacks``, which takes scikit-learn's.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels of the source.

    domains_ : ndarray of shape (n_domains,)
        The numbers of the domains, sources 0 and above, targets below.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    net_ : skorch.NeuralNet
        The net. Its ``module_`` has the parts ``body``, ``label_head`` and
        ``domain_head``.

    history_ : list of dict
        Losses, learning rate and seconds of each epoch: ``label_loss`` is that of the
        source's labels, ``domain_loss`` that of the adaptation.

    n_iter_ : int
        Number of epochs.

    loss_ : float
        The last training loss.

    loss_curve_ : list of float
        The training loss of each epoch.

    out_activation_ : str
        Name of the activation at the output.

    See Also
    --------
    DANNClassifier : The domain head sees the features alone.
    MCDClassifier : Two heads that look for rows on which they differ.

    References
    ----------
    - M. Long, Z. Cao, J. Wang and M. I. Jordan, "Conditional adversarial domain
      adaptation", NeurIPS 2018.

    Examples
    --------
    Two classes, and the same moved; of the latter no
    label is known:

    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn_dl.domain_adaptation import CDANClassifier
    >>> X, y = make_blobs(100, centers=[[0, 0], [4, 4]], random_state=0)
    >>> Xt, yt = make_blobs(100, centers=[[1.5, 1.5], [5.5, 5.5]], random_state=50)
    >>> params = {"activation": "tanh", "learning_rate_init": 0.05, "max_iter": 60}
    >>> model = CDANClassifier((10,), **params, random_state=0)
    >>> bool(model.fit(X, y).score(Xt, yt) < 0.7)
    True
    >>> model.fit(np.vstack([X, Xt]), np.concatenate([y, np.full(100, -1)]))
    CDANClassifier(...)
    >>> bool(model.score(Xt, yt) > 0.8)
    True
    """

    _parameter_constraints: dict = {
        **BaseDeepAdapter._parameter_constraints,
        "domain_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "entropy_conditioning": ["boolean"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        activation="relu",
        dropout=0.0,
        batch_norm=False,
        body=None,
        label_layer_sizes=(),
        domain_layer_sizes=(100,),
        max_lambda=1.0,
        lambda_schedule="progressive",
        entropy_conditioning=True,
        solver="sgd",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="annealed",
        learning_rate_init=0.01,
        momentum=0.9,
        max_iter=100,
        random_state=None,
        max_grad_norm=None,
        verbose=False,
        device="auto",
        dtype="auto",
        callbacks=None,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
            batch_norm=batch_norm,
            body=body,
            label_layer_sizes=label_layer_sizes,
            max_lambda=max_lambda,
            lambda_schedule=lambda_schedule,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            momentum=momentum,
            max_iter=max_iter,
            random_state=random_state,
            max_grad_norm=max_grad_norm,
            verbose=verbose,
            device=device,
            dtype=dtype,
            callbacks=callbacks,
        )
        self.domain_layer_sizes = domain_layer_sizes
        self.entropy_conditioning = entropy_conditioning

    def _make_adapter(self, body, n_features, n_outputs, **options):
        name = type(self).__name__
        return ConditionalAdversarialNetwork(
            body,
            n_features,
            n_outputs,
            n_domains=len(self.domains_),
            domain_layer_sizes=layer_sizes(
                self.domain_layer_sizes, name, "domain_layer_sizes"
            ),
            entropy_conditioning=self.entropy_conditioning,
            **options,
        )
