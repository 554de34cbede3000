"""Targets of classifiers and regressors: encoding, weights, scores, predictions."""

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

from sklearn_dl.utils._sklearn import check_partial_fit_first_call, check_sample_weight

__all__ = ["NeuralClassifierMixin", "NeuralRegressorMixin"]


def _as_column(y: Any) -> Any:
    """Turn a matrix of one column into a vector, with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


class NeuralClassifierMixin(ClassifierMixin):
    """Binary, multi-class, multi-label and multi-task classification.

    A binary target has one raw output, a multi-label target one a label; a multi-class
    target one a class, and a multi-task target one a class of each task.
    """

    classes_: Any
    n_outputs_: int

    def _encode_target(self, y: Any, reset: bool) -> Tensor:
        y = self._dense_labels(y)
        check_classification_targets(y)
        if reset and not hasattr(self, "_announced_classes"):
            self._set_classes(y)
        self.__dict__.pop("_announced_classes", None)
        if self._task == "multilabel":
            self._require_outputs(y, len(self.classes_))
            return torch.from_numpy(np.asarray(y, dtype=np.float64))
        if self._task == "multitask":
            self._require_outputs(y, len(self.classes_))
            codes = [
                self._codes(column, classes)
                for column, classes in zip(y.T, self.classes_, strict=True)
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
        kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            self._task = "multilabel"
            self.classes_ = np.arange(y.shape[1])
            self.n_outputs_ = self._n_raw_outputs = y.shape[1]
        elif y.ndim == 2:
            self._task = "multitask"
            self.classes_ = [np.unique(column) for column in y.T]
            self.n_outputs_ = y.shape[1]
            self._n_raw_outputs = sum(len(classes) for classes in self.classes_)
        else:
            self.classes_ = np.unique(y)
            self._task = "multiclass" if len(self.classes_) > 2 else "binary"
            n_classes = len(self.classes_)
            self.n_outputs_ = self._n_raw_outputs = n_classes if n_classes > 2 else 1
        one_of_several = self._task in ("multiclass", "multitask")
        self.out_activation_ = "softmax" if one_of_several else "logistic"

    def _announce_classes(self, y: Any, classes: Any) -> None:
        """Take the classes that the first call of ``partial_fit`` names."""
        if check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._set_classes(self._dense_labels(y if multilabel else classes))
            self._announced_classes = True

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
        by_class = compute_sample_weight(class_weight, self._dense_labels(y))
        return by_class if sample_weight is None else by_class * sample_weight

    def _strata(self, y: Any) -> Any:
        """Return what a validation part is stratified by; None for several outputs."""
        return self._dense_labels(y) if self._task in ("binary", "multiclass") else None

    def _validation_score(self, output: Tensor, y: Any, weight: Any) -> float:
        y = self._dense_labels(y)
        predicted = self._labels(self.net_.criterion_.link(output).cpu().numpy())
        if self._task == "multitask":
            scores = [
                accuracy_score(y[:, k], predicted[:, k], sample_weight=weight)
                for k in range(y.shape[1])
            ]
            return float(np.mean(scores))
        return float(accuracy_score(y, predicted, sample_weight=weight))

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
        predicted = self.net_.criterion_.link(output).cpu().numpy()
        return float(r2_score(y, predicted, sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = False
        tags.target_tags.multi_output = True
        return tags
