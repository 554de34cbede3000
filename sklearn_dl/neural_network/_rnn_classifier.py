"""Recurrent network for classification."""

from sklearn_dl.neural_network._fitting import (
    CLASSIFICATION_CONSTRAINTS,
    FitsClassifier,
)
from sklearn_dl.neural_network._rnn_base import BaseRNN
from sklearn_dl.utils._sklearn import StrOptions

__all__ = ["RNNClassifier"]


class RNNClassifier(FitsClassifier, BaseRNN):
    """Recurrent network for classification of sequences.

    Takes arrays of shape (n_samples, n_steps, n_channels) or (n_samples, n_steps),
    lists of arrays of different lengths, lists of whole numbers (tokens), or texts.
    What is padded in a batch has no influence: a sequence has the same prediction,
    up to rounding, in whatever company.

    Read more in the :ref:`User Guide <recurrent>`.

    Parameters
    ----------
    cell : {'rnn', 'gru', 'simplified_gru', 'lstm'}, default='gru'
        What a layer consists of; the formulas are in the :ref:`User Guide
        <recurrent>`.

    hidden_size : int, default=64
        Number of units of each layer and direction.

    n_layers : int, default=1
        Number of recurrent layers, each of which reads the states of the one before.

    bidirectional : bool, default=False
        Whether a second network reads the sequence from its end.

    pooling : {'last', 'mean', 'max', 'attention'}, default='last'
        What of the states goes to the output layer: the last one (of each direction),
        their mean or largest values, or a mean with learned weights.

    dropout : float, default=0.0
        Probability with which a value is dropped in training: of the vectors of tokens,
        of states between layers and of what goes to the output layer.

    input_type : {'auto', 'values', 'tokens', 'text'}, default='auto'
        What the steps of a sequence are: numbers, whole numbers that stand for
        something, or words. 'auto' takes strings and lists of strings for text, ragged
        lists of whole numbers for tokens and all else for values.

    n_tokens : int, default=None
        Number of tokens, which count from 0. None takes the vectors of `embeddings`,
        or else those up to the largest one of the first rows.

    standardize : bool, default=True
        Whether each value of a step is centred and scaled to variance 1, by mean and
        variance over the steps of the training rows.

    tokenizer : {'words', 'characters'} or callable, default=None
        What turns a string into a list of strings; None is 'words': words, numbers and
        marks in lower case. Texts that are lists of words are left as they are.

    min_count : int, default=2
        Words that the training texts have less often are unknown words.

    max_words : int, default=None
        Number of words that are known at most, the most frequent ones.

    unknown : {'single', 'signature'}, default='single'
        Whether all unknown words are one, or are told apart by capitals, digits, marks
        and their last letters.

    embedding_dim : int, default=64
        Size of the vector that stands for a token or word.

    embeddings : array-like of shape (n_tokens, embedding_dim) or mapping, \
            default=None
        Vectors to begin with: one for each token or, for texts, a mapping from words
        to vectors, such as gensim's ``KeyedVectors``. None draws them.

    freeze_embeddings : bool, default=False
        Whether the vectors stay as they are.

    truncation : int, default=None
        Gradients do not go back across every so many steps (truncated
        back-propagation through time); None lets them go back to the beginning.

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

    learning_rate_init : float, default=0.005
        The learning rate that the schedule begins with.

    warmup_epochs : float, default=0
        The learning rate rises linearly from 0 over this many epochs.

    max_iter : int, default=100
        Greatest number of epochs.

    shuffle : bool, default=True
        Whether the rows are permuted in every epoch.

    random_state : int, RandomState instance, default=None
        Determines initial weights, validation part, batches and dropout. The same int
        gives the same network.

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

    n_iter_no_change : int or inf, default=10
        Epochs without improvement before the training stops.

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
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        The class labels, of each output where there are several.

    n_features_in_ : int
        Number of features seen in `fit`, for arrays.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    n_outputs_ : int
        Number of outputs.

    vocabulary_ : dict of str to int
        The number of each known word, for texts, and of each signature; 0 is that of
        all other words.

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
    RNNRegressor : The same for regression.
    RNNTagger : A label for each step.
    CNNClassifier : Convolutional networks for images and signals.

    Notes
    -----
    Targets may be binary, multi-class, multi-label (an indicator matrix) or multi-task
    (a matrix of class labels); the losses of several outputs are added up.

    References
    ----------
    - S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation
      9(8), 1997.
    - K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
      statistical machine translation", EMNLP 2014.
    - I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016,
      chapter 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.neural_network import RNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=n) for n in rng.integers(5, 15, size=200)]
    >>> y = ["up" if x.sum() > 0 else "down" for x in X]
    >>> clf = RNNClassifier(max_iter=30, random_state=0)
    >>> clf.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "pooling": [StrOptions({"last", "mean", "max", "attention"})],
        **CLASSIFICATION_CONSTRAINTS,
    }

    def __init__(
        self,
        cell="gru",
        hidden_size=64,
        *,
        n_layers=1,
        bidirectional=False,
        pooling="last",
        dropout=0.0,
        input_type="auto",
        n_tokens=None,
        standardize=True,
        tokenizer=None,
        min_count=2,
        max_words=None,
        unknown="single",
        embedding_dim=64,
        embeddings=None,
        freeze_embeddings=False,
        truncation=None,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.005,
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
        loss="log_loss",
        focal_gamma=2.0,
        label_smoothing=0.0,
        class_weight=None,
        max_grad_norm=None,
        ema_decay=None,
        device="auto",
        dtype="auto",
        mixed_precision=None,
        callbacks=None,
        checkpoint=None,
    ):
        super().__init__(
            cell=cell,
            hidden_size=hidden_size,
            n_layers=n_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            input_type=input_type,
            n_tokens=n_tokens,
            standardize=standardize,
            tokenizer=tokenizer,
            min_count=min_count,
            max_words=max_words,
            unknown=unknown,
            embedding_dim=embedding_dim,
            embeddings=embeddings,
            freeze_embeddings=freeze_embeddings,
            truncation=truncation,
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
        self.pooling = pooling
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
