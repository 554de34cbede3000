"""How a network learns, and whether it can."""

from sklearn_dl.inspection._gradients import check_gradients
from sklearn_dl.inspection._overfit import overfit_small_batch
from sklearn_dl.inspection._training_curve import TrainingCurveDisplay

__all__ = ["TrainingCurveDisplay", "check_gradients", "overfit_small_batch"]
