"""Recurrent network that labels each step of a sequence."""

from numbers import Real

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_dl._skorch import Sequences
from sklearn_dl.modules import CrossEntropy
from sklearn_dl.neural_network._rnn_base import BaseRNN
from sklearn_dl.neural_network._sequence_input import (
    as_rows,
    check_labels,
    object_array,
    row_lengths,
)
from sklearn_dl.utils._sklearn import Interval, check_sample_weight, fit_context

__all__ = ["RNNTagger"]


class RNNTagger(BaseRNN):
    """Recurrent network that labels each step of a sequence.

    Many to many, of equal length: each word of a sentence or each step of a series has
    a label. Rows are what :class:`RNNClassifier` takes, targets are lists of labels.
    Predictions are arrays of arrays, one a row. As targets of that kind are none that
    scikit-learn knows, this is no classifier for it, but searches and cross-validation
    work, with the share of right labels as the score.

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

    bidirectional : bool, default=True
        Whether a second network reads the sequence from its end.

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
        marks in lower case. Texts are rather lists of words here, which are left as
        they are, for each has a label.

    min_count : int, default=2
        Words that the training texts have less often are unknown words.

    max_words : int, default=None
        Number of words that are known at most, the most frequent ones.

    unknown : {'single', 'signature'}, default='signature'
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
        Strength of the penalty on the weights, divided by the number of steps of a
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
        it (the share of right labels) no longer improves, and the weights of the best
        epoch are restored.

    validation_fraction : float, default=0.1
        Share of the rows that is held out.

    beta_1 : float, default=0.9
        Decay of the first moment in 'adam', 'adamw' and 'nadam'.

    beta_2 : float, default=0.999
        Decay of the second moment in 'adam', 'adamw' and 'nadam'.

    n_iter_no_change : int or inf, default=10
        Epochs without improvement before the training stops.

    label_smoothing : float, default=0.0
        Share of the target's mass that is spread evenly over all classes.

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
    classes_ : ndarray of shape (n_classes,)
        The labels.

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

    See Also
    --------
    RNNClassifier : A label for each sequence.

    Notes
    -----
    Searches and cross-validation take :meth:`score`, the share of right labels, where
    ``scoring`` is None. Scorers by name, such as ``"accuracy"``, expect a label a row
    and refuse sequences of labels.

    References
    ----------
    - A. Graves and J. Schmidhuber, "Framewise phoneme classification with bidirectional
      LSTM and other neural network architectures", Neural Networks 18, 2005.

    Examples
    --------
    >>> from sklearn_dl.neural_network import RNNTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps"], ["the", "cat", "barks"]]
    >>> y = [["DET", "NOUN", "VERB"]] * 3
    >>> tagger = RNNTagger(min_count=1, max_iter=30, random_state=0).fit(X, y)
    >>> tagger.predict([["a", "dog", "sleeps"], ["the", "cat"]])
    array([array(['DET', 'NOUN', 'VERB'], dtype='<U4'),
           array(['DET', 'NOUN'], dtype='<U4')], dtype=object)
    """

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }
    # An output a step.
    pooling = None

    def __init__(
        self,
        cell="gru",
        hidden_size=64,
        *,
        n_layers=1,
        bidirectional=True,
        dropout=0.0,
        input_type="auto",
        n_tokens=None,
        standardize=True,
        tokenizer=None,
        min_count=2,
        max_words=None,
        unknown="signature",
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
        label_smoothing=0.0,
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
        self.label_smoothing = label_smoothing

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, ...) or list
            The training rows.

        y : list of array-like of shape (n_steps,)
            The labels of the steps of each row.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : RNNTagger
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
        X : array-like of shape (n_samples, n_steps, ...) or list
            The training rows.

        y : list of array-like of shape (n_steps,)
            The labels of the steps of each row.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Without it they are those of the first
            call.

        Returns
        -------
        self : RNNTagger
            The fitted estimator.
        """
        if classes is not None and not self.__sklearn_is_fitted__():
            self._announced = np.unique(classes)
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        finally:
            vars(self).pop("_announced", None)

    def predict(self, X):
        """Predict the label of each step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, ...) or list
            The rows, as `fit` takes them.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            An array of labels for each row.
        """
        probabilities = self.predict_proba(X)
        return object_array(self.classes_[row.argmax(axis=1)] for row in probabilities)

    def predict_proba(self, X):
        """Predict the probability of each label, for each step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, ...) or list
            The rows, as `fit` takes them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples,)
            An array of shape (n_steps, n_classes) for each row.
        """
        check_is_fitted(self)
        rows = self._check_predict_input(X)
        steps = self._output_of(rows).softmax(dim=1).cpu().numpy()
        ends = np.cumsum(row_lengths(rows))
        return object_array(np.split(steps, ends[:-1]))

    def score(self, X, y, sample_weight=None):
        """Return the share of steps whose label is right.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps, ...) or list
            The rows.

        y : list of array-like of shape (n_steps,)
            The labels of the steps of each row.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        accuracy : float
            The share of right labels.
        """
        predicted = self.predict(X)
        labels = check_labels(type(self).__name__, y, [len(row) for row in predicted])
        right = np.concatenate(predicted) == np.concatenate(labels)
        weight = None
        if sample_weight is not None:
            weight = np.repeat(sample_weight, [len(row) for row in predicted])
        return float(np.average(right, weights=weight))

    def _check_fit_input(self, X, y, reset):
        X = as_rows(X)
        if reset:
            self._set_input_type(X)
        rows = self._check_rows(X, reset)
        return rows, check_labels(type(self).__name__, y, row_lengths(rows))

    def _encode_target(self, y, reset):
        labels = np.concatenate(y)
        if reset:
            self.classes_ = vars(self).get("_announced", np.unique(labels))
            self._n_raw_outputs = len(self.classes_)
        codes = np.searchsorted(self.classes_, labels)
        known = self.classes_[np.minimum(codes, len(self.classes_) - 1)] == labels
        if not known.all():
            raise ValueError(
                f"{type(self).__name__} knows the labels {self.classes_}, y has "
                f"{np.unique(labels[~known])} beside them."
            )
        ends = np.cumsum([len(row) for row in y])
        return Sequences.of(np.split(codes, ends[:-1]))

    def _row_weights(self, X, y, sample_weight):
        if sample_weight is None:
            return None
        return check_sample_weight(
            sample_weight, X, dtype=X.dtype, ensure_non_negative=True
        )

    def _strata(self, y):
        """Return None: sequences of labels have no strata."""

    def _validation_score(self, output, y, weight):
        predicted = self.classes_[output.argmax(dim=1).cpu().numpy()]
        if weight is not None:
            weight = np.repeat(weight, [len(row) for row in y])
        return float(np.average(predicted == np.concatenate(y), weights=weight))

    def _make_criterion(self):
        return CrossEntropy(label_smoothing=self.label_smoothing)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Rows are sequences, and targets are: no check of scikit-learn has such data.
        tags.input_tags.two_d_array = False
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        return tags
