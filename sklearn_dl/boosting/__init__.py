"""Boosted ensembles, and the detection of objects by them."""

from sklearn_dl.boosting._adaboost import AdaBoostClassifier
from sklearn_dl.boosting._adaboost_regressor import AdaBoostRegressor
from sklearn_dl.boosting._cascade import CascadeClassifier
from sklearn_dl.boosting._gradient_boosting import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn_dl.boosting._haar import HaarFeatures

__all__ = [
    "AdaBoostClassifier",
    "AdaBoostRegressor",
    "CascadeClassifier",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HaarFeatures",
]
