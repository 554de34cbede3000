"""Targets of classifiers and regressors: encoding, weights, scores, predictions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from torch import Tensor
from torch.nn import functional as F

from sklearn_dl.utils._sklearn import check_partial_fit_first_call, check_sample_weight

__all__ = ["NeuralClassifierMixin", "NeuralRegressorMixin"]


def _as_column(y: Any) -> Any:
    """Turn a matrix of one column into a vector, with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def _columns(y: np.ndarray) -> list[np.ndarray]:
    """Return the columns of a target, each with a type of its own."""
    if y.ndim == 1:
        return [y]
    if y.dtype == object:
        return [np.array(column.tolist()) for column in y.T]
    return list(y.T)


def _are_alike(y: Any, predicted: np.ndarray) -> bool:
    """Return whether two arrays of labels need no checks before they are compared."""
    return (
        type(y) is np.ndarray
        and y.ndim == 1
        and y.shape == predicted.shape
        and len(y) > 0
        and y.dtype == predicted.dtype
        and y.dtype.kind in "biuU"
    )


class NeuralClassifierMixin(ClassifierMixin):
    """Binary, multi-class, multi-label and multi-task classification.

    A binary target has one raw output, a multi-label target one a label; a multi-class
    target one a class, and a multi-task target one a class of each task.
    """

    classes_: Any
    n_outputs_: int

    def _encode_target(self, y: Any, reset: bool) -> Tensor:
        y = self._dense_labels(y)
        for column in _columns(y):
            check_classification_targets(column)
        if reset and not self.__dict__.get("_announced_classes", False):
            self._set_classes(y)
        if self._task == "multilabel":
            self._require_outputs(y, len(self.classes_))
            return torch.from_numpy(np.array(y, dtype=np.float64))
        if self._task == "multitask":
            self._require_outputs(y, len(self.classes_))
            codes = [
                self._codes(column, classes)
                for column, classes in zip(_columns(y), self.classes_, strict=True)
            ]
            return torch.from_numpy(np.stack(codes, axis=1))
        if y.ndim != 1:
            self._require_outputs(y, 1)
        code = torch.from_numpy(self._codes(y, self.classes_))
        return code[:, None].double() if self._task == "binary" else code

    def _dense_labels(self, y: Any) -> Any:
        y = y.toarray() if issparse(y) else np.asarray(y)
        return _as_column(y)

    def _set_classes(self, y: np.ndarray) -> None:
        columns = _columns(y)
        numbers = all(column.dtype.kind in "biuf" for column in columns)
        stacked = np.stack(columns, axis=1) if numbers else y
        if y.ndim == 2 and numbers and type_of_target(stacked).startswith("multilabel"):
            self._task = "multilabel"
            self.classes_ = np.arange(y.shape[1])
            self.n_outputs_ = self._n_raw_outputs = y.shape[1]
        elif y.ndim == 2:
            self._set_tasks([np.unique(column) for column in columns])
        else:
            self.classes_ = np.unique(y)
            self._task = "multiclass" if len(self.classes_) > 2 else "binary"
            n_classes = len(self.classes_)
            self.n_outputs_ = self._n_raw_outputs = n_classes if n_classes > 2 else 1
        one_of_several = self._task in ("multiclass", "multitask")
        self.out_activation_ = "softmax" if one_of_several else "logistic"

    def _set_tasks(self, classes: list[np.ndarray]) -> None:
        self._task = "multitask"
        self.classes_ = classes
        self.n_outputs_ = len(classes)
        self._n_raw_outputs = sum(len(part) for part in classes)

    @contextmanager
    def _announced(self, y: Any, classes: Any) -> Iterator[None]:
        """Take the classes that the first call of ``partial_fit`` names."""
        several = isinstance(classes, (list, tuple)) and all(
            np.ndim(part) == 1 for part in classes
        )
        first = False
        if several and len(classes) and np.ndim(y) == 2:
            first = not hasattr(self, "classes_")
            if first:
                self._set_tasks([np.unique(part) for part in classes])
                self.out_activation_ = "softmax"
        elif getattr(self, "_task", None) == "multitask":
            pass
        elif check_partial_fit_first_call(self, classes):
            first = True
            multilabel = type_of_target(y).startswith("multilabel")
            self._set_classes(self._dense_labels(y if multilabel else classes))
        self._announced_classes = first
        try:
            yield
        except BaseException:
            # Nothing was learned of classes that only a failed call has named.
            if first:
                del self.classes_
            raise
        finally:
            del self._announced_classes

    def _require_outputs(self, y: np.ndarray, expected: int) -> None:
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if n_outputs != expected:
            raise ValueError(
                f"{type(self).__name__} was fitted on {expected} outputs before, "
                f"y has {n_outputs}."
            )

    def _codes(self, y: np.ndarray, classes: np.ndarray) -> np.ndarray:
        codes = np.searchsorted(classes, y)
        known = classes[np.minimum(codes, len(classes) - 1)] == y
        if not known.all():
            raise ValueError(
                f"{type(self).__name__} knows the classes {classes} from the first "
                f"fit, y has {np.unique(y[~known])} beside them."
            )
        return codes

    def _row_weights(self, X: Any, y: Any, sample_weight: Any) -> Any:
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, dtype=X.dtype, ensure_non_negative=True
            )
        class_weight = getattr(self, "class_weight", None)
        if class_weight is None:
            return sample_weight
        # Rows of weight 0 do not count, not in how frequent a class is either.
        rows = None
        if class_weight == "balanced" and sample_weight is not None:
            rows = np.flatnonzero(sample_weight)
        labels = self._dense_labels(y)
        weight = compute_sample_weight(class_weight, labels, indices=rows)
        if sample_weight is not None:
            weight = weight * sample_weight
        if not (weight >= 0).all() or not weight.any():
            raise ValueError(
                f"class_weight of {type(self).__name__} must leave no row a negative "
                f"weight and some row a positive one, got {class_weight!r}."
            )
        return weight

    def _strata(self, y: Any) -> Any:
        """Return what a validation part is stratified by; None for several outputs."""
        return self._dense_labels(y) if self._task in ("binary", "multiclass") else None

    def _validation_score(self, output: Tensor, y: Any, weight: Any) -> float:
        predicted = self._labels(self._trained.criterion_.link(output).cpu().numpy())
        y = self._dense_labels(y)
        if self._task == "multitask":
            return self._mean_accuracy(y, predicted, weight)
        # After every epoch: scikit-learn's function would check more than it computes.
        right = predicted == y
        right = right.all(axis=1) if right.ndim > 1 else right
        return float(np.average(right, weights=weight))

    def _mean_accuracy(self, y: Any, predicted: Any, weight: Any) -> float:
        """Return the mean of the tasks' accuracies."""
        scores = [
            accuracy_score(truth, guess, sample_weight=weight)
            for truth, guess in zip(_columns(y), _columns(predicted), strict=True)
        ]
        return float(np.mean(scores))

    def _labels(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the most probable labels."""
        if self._task == "multilabel":
            return (probabilities > 0.5).astype(int)
        if self._task == "multitask":
            parts = self._split_tasks(probabilities)
            labels = [
                classes[part.argmax(axis=1)]
                for part, classes in zip(parts, self.classes_, strict=True)
            ]
            if len({part.dtype.kind for part in labels}) > 1:
                labels = [part.astype(object) for part in labels]
            return np.stack(labels, axis=1)
        if self._task == "binary":
            codes = (probabilities[:, 0] > 0.5).astype(int)
            return self.classes_[np.minimum(codes, len(self.classes_) - 1)]
        return self.classes_[probabilities.argmax(axis=1)]

    def _split_tasks(self, probabilities: np.ndarray) -> list[np.ndarray]:
        ends = np.cumsum([len(classes) for classes in self.classes_])
        return np.split(probabilities, ends[:-1], axis=1)

    def _public_probabilities(self, probabilities: np.ndarray) -> Any:
        """Shape probabilities as scikit-learn has them, one column a class."""
        if self._task == "multitask":
            return self._split_tasks(probabilities)
        if self._task != "binary":
            return probabilities
        if len(self.classes_) == 1:
            return np.ones_like(probabilities)
        return np.hstack([1 - probabilities, probabilities])

    def predict(self, X: Any) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The labels.
        """
        return self._labels(self._prediction(X))

    def predict_proba(self, X: Any) -> Any:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), or list of such arrays
            The columns are in the order of ``classes_``. A multi-task target has a
            list with an array for each task.
        """
        return self._public_probabilities(self._prediction(X))

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithm of the probability of each class.

        Computed from the raw outputs, it is finite where the probability is too small
        for a floating number.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes), or list of such \
                arrays
            The logarithms, as ``predict_proba`` has the probabilities.
        """
        raw = self._raw_output(X)
        with torch.inference_mode():
            if self._task == "multilabel":
                return F.logsigmoid(raw).cpu().numpy()
            if self._task == "binary":
                if len(self.classes_) == 1:
                    return np.zeros(raw.shape, dtype=self._dtype)
                pair = torch.cat([-raw, raw], dim=1)
                return F.logsigmoid(pair).cpu().numpy()
            if self._task == "multiclass":
                return raw.log_softmax(dim=1).cpu().numpy()
            sizes = [len(classes) for classes in self.classes_]
            parts = raw.split(sizes, dim=1)
            return [part.log_softmax(dim=1).cpu().numpy() for part in parts]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, the mean over the tasks of a multi-task target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        accuracy : float
            The share that is predicted right; all labels of a row, where it has
            several labels.
        """
        predicted = self.predict(X)
        if sample_weight is None and _are_alike(y, predicted):
            # In a search, scikit-learn's checks would take longer than the prediction.
            return float(np.mean(y == predicted))
        if self._task != "multitask":
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        return self._mean_accuracy(np.asarray(y), predicted, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NeuralRegressorMixin(RegressorMixin):
    """Regression with one target or several."""

    n_outputs_: int

    def _encode_target(self, y: Any, reset: bool) -> Tensor:
        y = _as_column(np.asarray(y))
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if not reset and n_outputs != self.n_outputs_:
            raise ValueError(
                f"{type(self).__name__} was fitted on {self.n_outputs_} outputs "
                f"before, y has {n_outputs}."
            )
        self.n_outputs_ = self._n_raw_outputs = n_outputs
        return torch.from_numpy(y.reshape(-1, n_outputs).astype(np.float64))

    def _row_weights(self, X: Any, y: Any, sample_weight: Any) -> Any:
        if sample_weight is None:
            return None
        return check_sample_weight(
            sample_weight, X, dtype=X.dtype, ensure_non_negative=True
        )

    def _strata(self, y: Any) -> Any:
        """Return None: a continuous target has no strata."""

    def _validation_score(self, output: Tensor, y: Any, weight: Any) -> float:
        predicted = self._trained.criterion_.link(output).cpu().numpy()
        return float(r2_score(y, predicted, sample_weight=weight))

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        predicted = self._prediction(X)
        return predicted.ravel() if self.n_outputs_ == 1 else predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = False
        tags.target_tags.multi_output = True
        return tags
