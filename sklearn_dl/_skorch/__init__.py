"""The one bridge between an estimator and a skorch net."""

from sklearn_dl._skorch._adaptation_net import AdaptationNet
from sklearn_dl._skorch._callbacks import Convergence, TaskPerEpoch
from sklearn_dl._skorch._data import Batches
from sklearn_dl._skorch._estimator import BaseNeural
from sklearn_dl._skorch._foreign import (
    foreign_state,
    load_foreign_state,
    set_sizes,
    weighted_rows,
)
from sklearn_dl._skorch._joint import BaseDense
from sklearn_dl._skorch._net import Penalty, TensorNet, Turn
from sklearn_dl._skorch._optimizers import SOLVERS, optimizer_options
from sklearn_dl._skorch._options import TrainingOptions
from sklearn_dl._skorch._paired_batches import PairedBatches
from sklearn_dl._skorch._runtime import (
    isolated_generators,
    limited_threads,
    resolve_device,
    resolve_dtype,
    torch_generator,
    training_context,
)
from sklearn_dl._skorch._schedules import HORIZON_SCHEDULES, SCHEDULES, Schedule
from sklearn_dl._skorch._sequences import Sequences
from sklearn_dl._skorch._sizes import layer_sizes
from sklearn_dl._skorch._step_training import (
    NETWORK_CONSTRAINTS,
    TRAINING_CONSTRAINTS,
    StepTraining,
)
from sklearn_dl._skorch._targets import NeuralClassifierMixin, NeuralRegressorMixin
from sklearn_dl._skorch._tensors import as_tensor

__all__ = [
    "HORIZON_SCHEDULES",
    "NETWORK_CONSTRAINTS",
    "SCHEDULES",
    "SOLVERS",
    "TRAINING_CONSTRAINTS",
    "AdaptationNet",
    "BaseDense",
    "BaseNeural",
    "Batches",
    "Convergence",
    "NeuralClassifierMixin",
    "NeuralRegressorMixin",
    "PairedBatches",
    "Penalty",
    "Schedule",
    "Sequences",
    "StepTraining",
    "TaskPerEpoch",
    "TensorNet",
    "TrainingOptions",
    "Turn",
    "as_tensor",
    "foreign_state",
    "isolated_generators",
    "layer_sizes",
    "limited_threads",
    "load_foreign_state",
    "optimizer_options",
    "resolve_device",
    "resolve_dtype",
    "set_sizes",
    "torch_generator",
    "training_context",
    "weighted_rows",
]
