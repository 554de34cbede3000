"""What the classifier and the regressor of gradient boosting share."""

import copy
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_dl._trees._ensemble import (
    Booster,
    TreeOptions,
    Trees,
    bin_rows,
    join_trees,
    no_trees,
)
from sklearn_dl.boosting._categories import categories_of, read_more_rows, read_rows
from sklearn_dl.boosting._losses import GivenLoss
from sklearn_dl.boosting._stages import StagesMixin
from sklearn_dl.boosting._tree_export import export_dot, export_text
from sklearn_dl.utils._equality import value_key
from sklearn_dl.utils._kernel import own
from sklearn_dl.utils._sklearn import (
    Interval,
    StrOptions,
    check_monotonic_cst,
    check_sample_weight,
    fit_context,
    safe_indexing,
)
from sklearn_dl.utils._tasks import RoundTasks

# Rows of the training set that a scorer sees after every round.
_MAX_ROWS_SCORED = 10_000
# From so many rows on early stopping is worth the rows that it holds out.
_MIN_ROWS_TO_STOP_EARLY = 10_000


class _Part:
    """Rows with targets and weights, and the sum of the trees for them.

    `given` and `rows` are the user's own rows and which of them these are, for scorers
    that want to see them.
    """

    def __init__(self, X, y, sample_weight, given, rows=None):
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self._given, self._rows = given, np.arange(X.shape[0]) if rows is None else rows
        self.raw = None

    def take(self, rows):
        """Return some of the rows."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return _Part(self.X[rows], self.y[rows], weight, self._given, self._rows[rows])

    def given_rows(self):
        """Return the rows as the user gave them."""
        return safe_indexing(self._given, self._rows)


class BaseGradientBoosting(StagesMixin, CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the estimators that boost trees by gradients."""

    _rounds = "max_iter"

    _parameter_constraints: ClassVar[dict] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_leaf_nodes": [Interval(Integral, 2, None, closed="left"), None],
        "max_depth": [Interval(Integral, 1, None, closed="left"), None],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "l2_regularization": [Interval(Real, 0, None, closed="left")],
        "max_features": [Interval(Real, 0, 1, closed="right")],
        "max_bins": [Interval(Integral, 2, 255, closed="both")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "monotonic_cst": ["array-like", dict, None],
        "interaction_cst": [
            list,
            tuple,
            StrOptions({"pairwise", "no_interactions"}),
            None,
        ],
        "warm_start": ["boolean"],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "scoring": [
            StrOptions(set(get_scorer_names()) | {"loss"}),
            callable,
            None,
        ],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "subsample": [Interval(Real, 0, 1, closed="right")],
        "min_split_gain": [Interval(Real, 0, None, closed="left")],
        "l1_regularization": [Interval(Real, 0, None, closed="left")],
    }

    @abstractmethod
    def _encode_target(self, y, *, reset):
        """Return y as float64; note classes."""

    @abstractmethod
    def _make_loss(self, loss):
        """Return the loss that the parameter of this name stands for."""

    def _weigh(self, sample_weight, y):
        """Return the weights of rows, those of classes included."""
        return sample_weight

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Boost trees.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows. NaN is a missing value.
        y : array-like of shape (n_samples,)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each row; none may be negative. Rows of weight 0 are left out.
        X_val : array-like of shape (n_val, n_features), default=None
            Rows by which training stops early, in place of a part of X. Without early
            stopping ("auto" has none for up to 10,000 rows) they are not used.
        y_val : array-like of shape (n_val,), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter does not go with another one or with the data, or if the loss
            is no longer finite.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @with_callbacks
    def _fit_sharing(self, shared, X, y, sample_weight=None, **fit_params):
        """Fit with bins that another candidate may have made."""
        return self._fit(X, y, sample_weight, shared=shared, **fit_params)

    def _fit(
        self,
        X,
        y,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        shared=None,
    ):
        continues = self.warm_start and hasattr(self, "_trees")
        if continues:
            state, meaning = vars(self).copy(), self._what_trees_mean()
        given_X, given_y = X, y
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        X, n_categories = read_rows(self, X)
        check_consistent_length(X, y)
        y = self._encode_target(y, reset=True)
        self._fitted_loss = self.loss
        loss = self._make_loss(self.loss)
        if continues:
            try:
                self._check_continues(meaning)
            except ValueError:
                # What was fitted stays as it was.
                vars(self).clear()
                vars(self).update(state)
                raise
        else:
            rng = check_random_state(self.random_state)
            self._seed = int(rng.randint(np.iinfo(np.int32).max))
        whole = self._weigh_rows(X, y, sample_weight, given_X)
        train, valid = self._split(whole, X_val, y_val, sample_weight_val)
        # Also where it is known: Huber's loss notes the unit of its means.
        n_outputs = self.n_trees_per_iteration_
        initial = loss.initial(train.y, train.sample_weight, n_outputs)
        if not continues:
            self._begin(initial)
        for part in (train, valid):
            if part is not None:
                part.raw = self._sum_trees(part.X)
        booster = Booster(
            self._bin_rows(train, train is not whole, n_categories, shared),
            train.y,
            train.sample_weight,
            train.raw,
            loss.code,
            loss.parameter,
            self._tree_options(),
            self._seed,
        )
        tasks = RoundTasks(self, given_X, given_y, self.max_iter)
        self._run(booster, loss, train, valid, tasks)
        tasks.end()
        return self

    def _bin_rows(self, train, is_part, n_categories, shared):
        """Return the rows in bins, which candidates with the same bins share."""
        shared = {} if shared is None else shared
        # What the bins depend on, besides the data: weights, rows that are held out.
        names = ["max_bins", "categorical_features", "class_weight"]
        if is_part:
            names.append("validation_fraction")
        key = [value_key(getattr(self, name, None)) for name in names]
        drawn = is_part or self.random_state is not None
        key = (is_part, self._seed if drawn else None, *key)
        if key not in shared:
            shared[key] = bin_rows(
                train.X, self.max_bins, n_categories, train.sample_weight, self._seed
            )
        return shared[key]

    def _weigh_rows(self, X, y, sample_weight, given):
        """Return the rows that have a weight, with that of their classes."""
        rows = np.arange(X.shape[0])
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X, "sample_weight")
            rows = np.flatnonzero(sample_weight > 0)
        if len(rows) < X.shape[0]:
            X, y, sample_weight = X[rows], y[rows], sample_weight[rows]
        return _Part(X, y, self._weigh(sample_weight, y), given, rows)

    def _split(self, whole, X_val, y_val, sample_weight_val):
        """Return the rows to train on, and those by which to stop or None."""
        self.do_early_stopping_ = (
            len(whole.y) > _MIN_ROWS_TO_STOP_EARLY
            if self.early_stopping == "auto"
            else bool(self.early_stopping)
        )
        if X_val is not None or y_val is not None:
            return whole, self._read_validation(X_val, y_val, sample_weight_val)
        if not self.do_early_stopping_ or self.validation_fraction is None:
            return whole, None
        train, valid = train_test_split(
            np.arange(len(whole.y)),
            test_size=self.validation_fraction,
            stratify=whole.y if hasattr(self, "classes_") else None,
            random_state=self._seed,
        )
        return whole.take(train), whole.take(valid)

    def _read_validation(self, X_val, y_val, sample_weight_val):
        """Return the rows that the user has held out."""
        name = type(self).__name__
        if X_val is None or y_val is None:
            raise ValueError(
                f"{name}.fit needs X_val and y_val together; "
                f"{'y_val' if y_val is None else 'X_val'} is missing."
            )
        if self.early_stopping is False:
            raise ValueError(
                f"X_val and y_val are passed to {name}.fit, but early_stopping=False. "
                "Set it to 'auto' or True."
            )
        X = read_more_rows(self, X_val)
        check_consistent_length(X, y_val)
        if sample_weight_val is not None:
            sample_weight_val = self._check_weights(
                sample_weight_val, X, "sample_weight_val"
            )
        try:
            y = self._encode_target(y_val, reset=False)
        except ValueError as error:
            raise ValueError(f"y_val of {name}.fit: {error}") from error
        return _Part(X, y, sample_weight_val, X_val)

    def _check_weights(self, sample_weight, X, name):
        """Return weights of which none is negative and some are not zero."""
        where = f"{name} of {type(self).__name__}.fit"
        try:
            sample_weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if not sample_weight.any():
            raise ValueError(f"{where} is zero for all rows.")
        return sample_weight

    def _begin(self, initial):
        """Forget an earlier fit; begin with a constant."""
        self._baseline = initial
        self._trees = vars(no_trees())
        self._fitted_scoring = self.scoring
        self.train_score_, self.validation_score_ = np.empty(0), np.empty(0)

    def _what_trees_mean(self):
        """Return what has to stay the same for the trees to keep their meaning."""
        meaning = {
            "the number of features": self.n_features_in_,
            "loss": self._fitted_loss,
            "the categories of features": categories_of(self),
        }
        if hasattr(self, "classes_"):
            meaning["the classes of y"] = self.classes_.tolist()
        return meaning

    def _check_continues(self, meaning):
        """Check what a warm start asks for; `meaning` is that of the trees so far."""
        name = type(self).__name__
        for what, now in self._what_trees_mean().items():
            if now != meaning[what]:
                raise ValueError(
                    f"{name} with warm_start=True goes on from its last fit, but "
                    f"{what} changed from {meaning[what]} to {now}. Fit a clone, or "
                    "set warm_start=False."
                )
        if self.max_iter < self.n_iter_:
            raise ValueError(
                f"max_iter={self.max_iter} of {name} must be larger than or equal to "
                f"n_iter_={self.n_iter_} when warm_start==True"
            )
        if self.scoring != self._fitted_scoring:
            # Scores of two kinds cannot be compared.
            self._fitted_scoring = self.scoring
            self.train_score_, self.validation_score_ = np.empty(0), np.empty(0)

    def _tree_options(self):
        """Translate the parameters, after checks against the data."""
        n_features = self.n_features_in_
        directions = check_monotonic_cst(self, self.monotonic_cst)
        if np.any(directions):
            if self.n_trees_per_iteration_ > 1:
                raise ValueError(
                    f"monotonic_cst of {type(self).__name__}: monotonic constraints "
                    "are not supported for multiclass classification."
                )
            if self.is_categorical_ is not None:
                both = np.flatnonzero((directions != 0) & self.is_categorical_)
                if len(both):
                    raise ValueError(
                        f"monotonic_cst of {type(self).__name__}: categorical features "
                        f"cannot have monotonic constraints, but {both.tolist()} do."
                    )
        return TreeOptions(
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            l1=self.l1_regularization,
            l2=self.l2_regularization,
            min_gain=self.min_split_gain,
            max_features=self.max_features,
            directions=directions,
            groups=self._interaction_groups(n_features),
            subsample=self.subsample,
        )

    def _interaction_groups(self, n_features):
        """Return which features are in each set of `interaction_cst`."""
        if self.interaction_cst is None:
            return None
        sets = self.interaction_cst
        if isinstance(sets, str):
            size = 1 if sets == "no_interactions" else 2
            sets = itertools.combinations(range(n_features), size)
        groups = []
        for members in sets:
            if not isinstance(members, Iterable):
                raise ValueError(
                    f"interaction_cst of {type(self).__name__}: Interaction constraints"
                    " must be a sequence of tuples or lists, got:"
                    f" {self.interaction_cst!r}."
                )
            group = np.zeros(n_features, dtype=bool)
            for member in members:
                if not (isinstance(member, Integral) and 0 <= member < n_features):
                    raise ValueError(
                        f"interaction_cst of {type(self).__name__}: Interaction "
                        "constraints must consist of integer indices in [0, n_features "
                        f"- 1] = [0, {n_features - 1}], specifying the position of "
                        f"features, got invalid indices: {members!r}"
                    )
                group[member] = True
            groups.append(group)
        # Features that no set names are a set of their own.
        rest = ~np.any(groups, axis=0) if groups else np.ones(n_features, dtype=bool)
        return np.array([*groups, rest] if rest.any() else groups)

    def _run(self, booster, loss, train, valid, tasks):
        """Run rounds until there are enough, or a callback or a score stops them."""
        stopping = _EarlyStopping(self, loss, train, valid)
        n_done = n_reported = self.n_iter_
        parts = [Trees(**self._trees)]
        by_one = tasks.are_watched or stopping.is_on or isinstance(loss, GivenLoss)
        stop = stopping.begin(booster, parts)
        while n_done < self.max_iter and not stop:
            n_rounds = 1 if by_one else booster.n_rounds_a_call()
            n_rounds = min(n_rounds, self.max_iter - n_done)
            tasks.begin_round()
            trees = self._boost(booster, loss, n_done, n_rounds)
            parts.append(trees)
            n_done += n_rounds
            stop = stopping.stops(booster, parts)
            if tasks.are_watched:
                # What callbacks see is an estimator that ends here.
                parts = [join_trees(parts)]
                self._trees = vars(parts[0])
            stop |= tasks.end_round()
            if self.verbose and (n_done - n_reported >= 10 or by_one):
                self._report(n_done)
                n_reported = n_done
        self._trees = vars(join_trees(parts))
        stopping.record()

    def _report(self, n_done):
        """Say how far the fit is."""
        line = f"[{type(self).__name__}] round {n_done} of {self.max_iter}"
        print(line)  # noqa: T201

    def _boost(self, booster, loss, first, n_rounds):
        if isinstance(loss, GivenLoss):
            loss.derive(booster.target)
        try:
            return booster.run(first, n_rounds)
        except FloatingPointError as error:
            raise ValueError(
                f"The gradients of loss={self.loss!r} of {type(self).__name__} are no "
                f"longer finite after round {first}. Scale y, or choose a smaller "
                f"learning_rate than {self.learning_rate}."
            ) from error

    def _sum_trees(self, X):
        """Return the sum of all trees, of shape (n_samples, n_outputs)."""
        raw = np.tile(self._baseline, (X.shape[0], 1))
        Trees(**self._trees).add_to(raw, X)
        return raw

    def _raw_predict(self, X):
        check_is_fitted(self)
        part = getattr(self, "_scored_part", None)
        if part is not None and part.X is X:
            return part.raw
        return self._sum_trees(read_more_rows(self, X))

    def _keep_rounds(self, n_rounds):
        n_rounds = min(n_rounds, self.n_iter_)
        trees = Trees(**self._trees)
        self._trees = vars(trees.head(n_rounds * len(self._baseline)))
        self.train_score_ = self.train_score_[: n_rounds + 1]
        self.validation_score_ = self.validation_score_[: n_rounds + 1]
        # A warm start asks whether they are still the same, which copies are not.
        self._fitted_loss, self._fitted_scoring = self.loss, self.scoring

    def _staged_raw_predict(self, X):
        check_is_fitted(self)
        X = read_more_rows(self, X)
        trees = Trees(**self._trees)
        raw = np.tile(self._baseline, (X.shape[0], 1))
        n_outputs = len(self._baseline)
        for first in range(0, len(trees), n_outputs):
            trees.add_to(raw, X, first, first + n_outputs)
            yield raw.copy()

    @property
    def n_iter_(self):
        """The number of rounds that were run."""
        check_is_fitted(self, "_baseline")
        return len(self._trees["depths"]) // len(self._baseline)

    @property
    def feature_importances_(self):
        """How much the splits by each feature have gained, of all splits; sums to 1."""
        total = self._add_up_splits("gain")
        return total / total.sum() if total.sum() > 0 else total

    @property
    def split_importances_(self):
        """How many splits there are by each feature."""
        return self._add_up_splits()

    def _add_up_splits(self, field=None):
        """Return the sum of a field of the splits by each feature, or their number."""
        check_is_fitted(self)
        nodes = self._trees["nodes"]
        splits = nodes[nodes["left"] >= 0]
        return np.bincount(
            splits["feature"],
            weights=None if field is None else splits[field],
            minlength=self.n_features_in_,
        )

    def export_text(self, iteration=0, output=0, decimals=2):
        """Describe a tree in words.

        Parameters
        ----------
        iteration : int, default=0
            The round; negative numbers count from the last.
        output : int, default=0
            Which tree of the round: the index of the class, where there are several.
        decimals : int, default=2
            Decimals of thresholds and values.

        Returns
        -------
        text : str
            A line for each branch and each leaf.
        """
        return export_text(self, self._place(iteration, output, decimals), decimals)

    def export_graphviz(self, iteration=0, output=0, decimals=2):
        """Describe a tree in the language of Graphviz.

        Parameters
        ----------
        iteration : int, default=0
            The round; negative numbers count from the last.
        output : int, default=0
            Which tree of the round: the index of the class, where there are several.
        decimals : int, default=2
            Decimals of thresholds and values.

        Returns
        -------
        dot : str
            A directed graph, for ``dot -Tsvg`` or ``graphviz.Source``.
        """
        return export_dot(self, self._place(iteration, output, decimals), decimals)

    def _place(self, iteration, output, decimals):
        """Return which of all trees that is."""
        check_is_fitted(self)
        n_outputs = len(self._baseline)
        if decimals < 0:
            raise ValueError(
                f"decimals={decimals} of {type(self).__name__}: expected is 0 or more."
            )
        for name, number, n in (
            ("iteration", iteration, self.n_iter_),
            ("output", output, n_outputs),
        ):
            if not (isinstance(number, Integral) and -n <= number < n):
                raise ValueError(
                    f"{name}={number!r} of {type(self).__name__}: expected is an int "
                    f"from {-n} to {n - 1}."
                )
        return (iteration % self.n_iter_) * n_outputs + output % n_outputs

    def __setstate__(self, state):
        super().__setstate__(state)
        if hasattr(self, "_trees"):
            # Arrays of a memory map are read-only.
            self._trees = {name: own(array) for name, array in self._trees.items()}

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_trees")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


class _EarlyStopping:
    """Scores the rounds, and stops when they no longer improve.

    Parameters
    ----------
    model : BaseGradientBoosting
        The estimator.
    loss : NamedLoss or GivenLoss
        Its loss.
    train : _Part
        The training rows.
    valid : _Part or None
        The rows that were held out.
    """

    def __init__(self, model, loss, train, valid):
        self.is_on = model.do_early_stopping_
        self._model, self._loss = model, loss
        self._train, self._valid = train, valid
        self._scores = {
            "train": list(model.train_score_),
            "valid": list(model.validation_score_),
        }
        self._scorer = None
        if self.is_on and model.scoring != "loss":
            self._scorer = check_scoring(model, model.scoring)
            self._rows = self._choose_rows(train)
            self._train = train.take(self._rows)

    def _choose_rows(self, train):
        """Return the training rows that a scorer sees."""
        rows = np.arange(len(train.y))
        if len(rows) > _MAX_ROWS_SCORED:
            rows, _ = train_test_split(
                rows,
                train_size=_MAX_ROWS_SCORED,
                stratify=train.y if hasattr(self._model, "classes_") else None,
                random_state=self._model._seed,
            )
        return rows

    def begin(self, booster, parts):
        """Score the sum that the fit begins with, unless that was done before."""
        if not self.is_on or self._scores["train"]:
            return False
        return self._score_all(booster, parts)

    def stops(self, booster, parts):
        """Score the sum of the trees; return whether the last rounds were in vain."""
        if not self.is_on:
            return False
        if self._valid is not None:
            parts[-1].add_to(self._valid.raw, self._valid.X)
        return self._score_all(booster, parts)

    def _score_all(self, booster, parts):
        self._train.raw = booster.raw
        if self._scorer is not None:
            self._train.raw = booster.raw[self._rows]
        for name, part in (("train", self._train), ("valid", self._valid)):
            if part is not None:
                self._scores[name].append(self._score(part, parts))
        scores = self._scores["train" if self._valid is None else "valid"]
        n = self._model.n_iter_no_change
        if len(scores) <= n:
            return False
        return not max(scores[-n:]) > scores[-n - 1] + self._model.tol

    def _score(self, part, parts):
        if self._scorer is None:
            return -self._loss.mean(part.y, part.raw, part.sample_weight)
        model = copy.copy(self._model)
        if callable(model.scoring):
            # Nobody knows what it does: it gets a model that ends here, and the rows
            # that the user gave.
            parts[:] = [join_trees(parts)]
            model._trees = vars(parts[0])
            X = part.given_rows()
        else:
            # scikit-learn's scorers predict these rows, whose sums are known.
            model._scored_part = part
            X = part.X
        y = model.classes_[part.y.astype(int)] if hasattr(model, "classes_") else part.y
        if part.sample_weight is None:
            return self._scorer(model, X, y)
        return self._scorer(model, X, y, sample_weight=part.sample_weight)

    def record(self):
        """Hand the scores to the model."""
        self._model.train_score_ = np.array(self._scores["train"])
        self._model.validation_score_ = np.array(self._scores["valid"])
