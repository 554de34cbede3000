"""
=======================================
Methods of adaptation on the same folds
=======================================

:func:`~sklearn_dl.model_selection.compare_models` runs them all on one task: nothing
but the source or the target, transformers in front of a linear model, weights of source
rows, and networks.
"""

# %%
# The task
# ========
#
# Digits of two scanners: each pixel of the second has a gain and an offset of its own.
# Of the first, the source, there are 700 images with labels. Of the second, the target,
# most images have no label. From the others each split draws 50 that may be learned
# from, and 300 to test. Methods without labels of the target look at the images only;
# "target only", "both" and TrAdaBoost use the 50 labels.

import matplotlib.pyplot as plt
import numpy as np
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_dl.domain_adaptation import (
    CORAL,
    CDANClassifier,
    DANClassifier,
    DANNClassifier,
    DDCClassifier,
    DeepCORALClassifier,
    DomainSelector,
    GeodesicFlowKernel,
    ImportanceWeightedClassifier,
    MCDClassifier,
    SubspaceAlignment,
    TargetShuffleSplit,
    TrAdaBoostClassifier,
    TransferComponentAnalysis,
)
from sklearn_dl.model_selection import compare_models

rng = np.random.default_rng(0)
X, y = load_digits(return_X_y=True)
X = X / 16
is_target = rng.permutation(len(X)) >= 700
X[is_target] *= rng.uniform(0.5, 1.5, size=64)
X[is_target] += rng.uniform(0, 0.5, size=64)
sample_domain = np.where(is_target, -1, 0)
y[rng.permutation(np.flatnonzero(is_target))[:600]] = -1

# %%
# The methods
# ===========
#
# Transformers stand in a pipeline, and a
# :class:`~sklearn_dl.domain_adaptation.DomainSelector` trains the linear model on the
# source rows that come out of them. All networks have the same body and the same
# training; "network" is DANN without its adversary. Nothing has been tuned, but for the
# strength of DDC: with the default of 1 the features of the target shrink to a point.

linear = LogisticRegression(max_iter=1000)
on_source = DomainSelector(linear)
network = {
    "hidden_layer_sizes": (100, 50),
    "batch_size": 64,
    "learning_rate_init": 0.05,
    "max_iter": 40,
    "random_state": 0,
}
models = {
    "source only": on_source,
    "target only": DomainSelector(linear, train_on="target"),
    "both": DomainSelector(linear, train_on="both"),
    "importance weights": ImportanceWeightedClassifier(linear, random_state=0),
    "CORAL": make_pipeline(CORAL(reg=0.1), on_source),
    "subspace alignment": make_pipeline(SubspaceAlignment(20), on_source),
    "TCA": make_pipeline(TransferComponentAnalysis(20), on_source),
    "GFK": make_pipeline(GeodesicFlowKernel(20), on_source),
    "TrAdaBoost": TrAdaBoostClassifier(linear, n_estimators=20),
    "network": DANNClassifier(**network, max_lambda=0),
    "DDC": DDCClassifier(**network, max_lambda=0.1),
    "Deep CORAL": DeepCORALClassifier(**network),
    "DAN": DANClassifier(**network),
    "DANN": DANNClassifier(**network),
    "CDAN": CDANClassifier(**network),
    "MCD": MCDClassifier(**network),
}

# %%
# The table
# =========
#
# With metadata routing on, the domains reach whatever asks for them: the splitter, the
# estimators, and the steps of the pipelines. The plain accuracy is that on the target,
# as only target rows are tested.

with config_context(enable_metadata_routing=True):
    comparison = compare_models(
        models,
        X,
        y,
        cv=TargetShuffleSplit(3, train_size=50, test_size=300, random_state=0),
        scoring="accuracy",
        params={"sample_domain": sample_domain},
    )
summary = comparison.summary()
summary[["rank", "mean", "std", "fit_time"]].round(3)

# %%
# On another task the order is another, and so it may be with another seed: the folds of
# DANN are far apart, as those of adversaries often are. A method that makes the means
# or the covariances of the domains alike is at its best where these are what differs;
# where the classes have other shares in the target, making the domains alike does harm.
# What has to be beaten is always there: the source, the target, and both.

comparison.plot()
plt.show()
