"""From rows and a loss to trees: the engine as the estimators use it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklearn_dl._trees._binning import Bins, apply_bins, dense_blocks, fit_bins
from sklearn_dl._trees._boosting import NODE, Forest, Recipe, boost, make_sums
from sklearn_dl._trees._bundles import Bundles, count_codes, make_bundles
from sklearn_dl._trees._gradients import CONSTANT_HESSIAN, Target
from sklearn_dl._trees._grower import Limits, Problem, make_room, make_tree
from sklearn_dl._trees._histogram import choose_layout
from sklearn_dl._trees._predictor import (
    CATEGORICAL,
    PACKED,
    pack_nodes,
    predict_raw,
)
from sklearn_dl._trees._splitting import Penalties
from sklearn_dl._trees._threads import choose_n_threads, run_in_threads

# Sides of a split keep such a sum of Hessians, as in scikit-learn and LightGBM.
_MIN_HESSIAN = 1e-3
# From here on weights would be rounded to nothing beside the largest of them.
_MAX_SKEW = 100
# Work between two returns to Python, where Ctrl-C is seen: a few tenths of a second.
_MAX_WORK_A_CALL = 200_000_000
_MAX_ROUNDS_A_CALL = 100
# Memory of the trees of one call, bytes.
_MAX_MEMORY_A_CALL = 32_000_000


@dataclass
class TreeOptions:
    """How trees are grown.

    Attributes
    ----------
    learning_rate : float, default=0.1
        Factor of the values of leaves.
    max_leaf_nodes : int, default=None
        Leaves at most.
    max_depth : int, default=None
        Splits on the way to a leaf at most.
    min_samples_leaf : int, default=20
        Rows of a leaf at least.
    l1, l2 : float, default=0.0
        Penalties on the values of leaves.
    min_gain : float, default=0.0
        A split is made if its gain is larger.
    max_features : float, default=1.0
        Share of the features that a split chooses from.
    directions : ndarray of shape (n_features,), default=None
        Monotonic constraints: 1, -1 or 0.
    groups : ndarray of shape (n_groups, n_features), default=None
        Sets of features that may interact.
    subsample : float, default=1.0
        Share of the rows that a round draws.
    """

    learning_rate: float = 0.1
    max_leaf_nodes: int | None = None
    max_depth: int | None = None
    min_samples_leaf: int = 20
    l1: float = 0.0
    l2: float = 0.0
    min_gain: float = 0.0
    max_features: float = 1.0
    directions: np.ndarray | None = None
    groups: np.ndarray | None = None
    subsample: float = 1.0


@dataclass
class Trees:
    """Trees that have been grown, in flat arrays.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,), NODE
        All nodes, tree after tree. Children count from the start of their tree.
    packed : ndarray of shape (n_nodes,), PACKED
        The same, ready to predict.
    flags : ndarray of shape (n_nodes,), uint8
        What to do with missing values and categories.
    values : ndarray of shape (n_nodes,), float64
        The values of leaves.
    bits : ndarray of shape (n_nodes, 8) or (0, 8), uint32
        Categories that go left; empty if no feature is categorical.
    starts : ndarray of shape (n_trees + 1,), int64
        Where trees begin.
    depths : ndarray of shape (n_trees,), int64
        How deep they are.
    """

    nodes: np.ndarray
    packed: np.ndarray
    flags: np.ndarray
    values: np.ndarray
    bits: np.ndarray
    starts: np.ndarray
    depths: np.ndarray

    def __len__(self):
        return len(self.depths)

    def head(self, n_trees):
        """Return a copy of the first trees."""
        n_nodes = self.starts[n_trees]
        ends = {"starts": n_trees + 1, "depths": n_trees}
        return Trees(
            **{
                name: array[: ends.get(name, n_nodes)].copy()
                for name, array in vars(self).items()
            }
        )

    def add_to(self, out, X, first=0, last=None):
        """Add the values of some trees to a sum.

        Parameters
        ----------
        out : ndarray of shape (n_samples, n_outputs), float64
            Takes the sum; tree t adds to output ``t % n_outputs``.
        X : ndarray or sparse matrix of shape (n_samples, n_features), float64
            The rows.
        first, last : int, default=0, None
            The trees. None is the number of trees.
        """
        last = len(self) if last is None else last
        arrays = (
            self.packed, self.values, self.flags, self.bits, self.starts, self.depths
        )  # fmt: skip
        for row, block in dense_blocks(X):
            n_threads = choose_n_threads(len(block) * (last - first) // 8)
            part = out[row : row + len(block)]
            run_in_threads(predict_raw, n_threads, block, *arrays, first, last, part)


def no_trees():
    """Return an empty collection.

    Returns
    -------
    trees : Trees
        Of no tree.
    """
    return Trees(
        np.empty(0, dtype=NODE),
        np.empty(0, dtype=PACKED),
        np.empty(0, dtype=np.uint8),
        np.empty(0),
        np.empty((0, 8), dtype=np.uint32),
        np.zeros(1, dtype=np.int64),
        np.empty(0, dtype=np.int64),
    )


def join_trees(parts):
    """Return all trees of several collections, in order.

    Parameters
    ----------
    parts : list of Trees
        The collections.

    Returns
    -------
    trees : Trees
        The trees.
    """
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else no_trees()

    def join(name):
        return np.concatenate([getattr(part, name) for part in parts])

    sizes = [len(part.nodes) for part in parts]
    shift = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    packed, flags = join("packed"), join("flags")
    packed["child"] += shift.astype(np.int32)
    # The threshold of a set of categories is its row in the table.
    is_set = flags & CATEGORICAL != 0
    packed["threshold"][is_set] += shift[is_set]
    lengths = np.concatenate([np.diff(part.starts) for part in parts])
    return Trees(
        join("nodes"),
        packed,
        flags,
        join("values"),
        join("bits"),
        np.concatenate([[0], np.cumsum(lengths)]),
        join("depths"),
    )


class BinnedRows(NamedTuple):
    """Rows in bins, as all boosters with the same bins take them.

    Attributes
    ----------
    bins : Bins
        Where the bins are.
    codes : ndarray of shape (n_features, n_samples), uint8
        The bin of each value.
    n_bins : ndarray of shape (n_features,), int64
        Bins of a feature, that of missing values included where there are any.
    bundles : Bundles
        The columns that the features are kept in.
    """

    bins: Bins
    codes: np.ndarray
    n_bins: np.ndarray
    bundles: Bundles


def bin_rows(X, max_bins, n_categories, sample_weight, seed):
    """Put rows in bins.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features), float64
        The rows. NaN is a missing value.
    max_bins, n_categories, sample_weight, seed
        See :func:`~sklearn_dl._trees._binning.fit_bins`.

    Returns
    -------
    rows : BinnedRows
        The rows.
    """
    n_samples, n_features = X.shape
    n_threads = choose_n_threads(n_samples * n_features)
    bins = fit_bins(X, max_bins, n_categories, sample_weight, seed, n_threads)
    codes = apply_bins(X, bins, n_threads)
    counts = count_codes(codes)
    has_missing = counts[np.arange(n_features), bins.n_values] > 0
    n_bins = bins.n_values + has_missing
    return BinnedRows(bins, codes, n_bins, make_bundles(codes, n_bins, counts))


class Booster:
    """Gradient boosting of trees over rows that are binned once.

    Parameters
    ----------
    rows : BinnedRows
        The rows.
    y : ndarray of shape (n_samples,), float64
        The target; a class is its index.
    sample_weight : ndarray of shape (n_samples,) or None
        The weight of each row.
    raw : ndarray of shape (n_samples, n_outputs), float64
        Where the sum of the trees begins. It is copied.
    loss : LossCode
        The loss.
    parameter : float
        The quantile of the quantile loss or of Huber's.
    options : TreeOptions
        How trees are grown.
    seed : int
        For all that is drawn.

    Attributes
    ----------
    target : Target
        What is fitted, with the sums so far.
    bins : Bins
        Where the bins are.
    """

    def __init__(self, rows, y, sample_weight, raw, loss, parameter, options, seed):
        n_samples, n_outputs = raw.shape
        n_threads = choose_n_threads(rows.codes.size)
        self._n_threads = n_threads
        self.bins = rows.bins
        self._problem = _make_problem(rows, options)
        n_rows = max(1, int(options.subsample * n_samples))
        self._limits = _make_limits(options, n_rows)
        self._penalties = Penalties(
            float(options.l1),
            float(options.l2),
            float(options.min_gain),
            int(options.min_samples_leaf),
            _MIN_HESSIAN,
        )
        is_constant = loss in CONSTANT_HESSIAN and sample_weight is None
        is_skewed = sample_weight is not None and (
            sample_weight.max() > _MAX_SKEW * sample_weight.mean()
        )
        self._layout = choose_layout(n_rows, is_constant, is_skewed)
        self._recipe = Recipe(
            int(loss),
            float(parameter),
            float(options.learning_rate),
            n_rows,
            np.uint64(seed),
        )
        shape = (n_outputs, n_samples)
        self.target = Target(
            y,
            np.empty(0) if sample_weight is None else sample_weight,
            np.array(raw.T, dtype=np.float64, order="C"),
            np.zeros(shape),
            np.zeros((0, 0) if is_constant else shape),
        )
        self._sums = make_sums(n_samples, n_outputs, n_rows)
        self._tree = make_tree(self._limits.max_leaves, len(self._problem.groups))
        self._room = make_room(
            n_rows, self._problem, self._limits, options.min_samples_leaf, n_threads
        )

    @property
    def raw(self):
        """The sum of the trees so far, of shape (n_samples, n_outputs)."""
        return self.target.raw.T

    def n_rounds_a_call(self):
        """Return how many rounds to run before Python looks around.

        Returns
        -------
        n_rounds : int
            At least 1.
        """
        n_outputs, n_samples = self.target.raw.shape
        work = n_outputs * n_samples * max(len(self._problem.columns), 1)
        memory = n_outputs * (2 * self._limits.max_leaves) * NODE.itemsize
        return max(
            1,
            min(
                _MAX_ROUNDS_A_CALL,
                _MAX_WORK_A_CALL // work,
                _MAX_MEMORY_A_CALL // memory,
            ),
        )

    def run(self, first_round, n_rounds):
        """Run some rounds.

        Parameters
        ----------
        first_round : int
            The rounds before these.
        n_rounds : int
            How many rounds.

        Returns
        -------
        trees : Trees
            Their trees, round after round.

        Raises
        ------
        FloatingPointError
            If gradients are no longer finite.
        """
        n_trees = n_rounds * self.target.raw.shape[0]
        max_nodes = 2 * self._limits.max_leaves - 1
        n_bits = max_nodes if self._problem.is_categorical.any() else 0
        forest = Forest(
            np.empty((n_trees, max_nodes), dtype=NODE),
            np.zeros((n_trees, n_bits, 8), dtype=np.uint32),
            np.zeros(n_trees, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
        )
        run_in_threads(
            boost, self._n_threads, self._problem, self._limits, self._penalties,
            self._layout, self._recipe, self.target, self._tree, self._room,
            self._sums, forest, int(first_round), int(n_rounds),
        )  # fmt: skip
        if forest.status[0]:
            raise FloatingPointError("The gradients of the loss are not finite.")
        return self._collect(forest)

    def _collect(self, forest):
        """Return the trees without the space between them."""
        used = np.arange(forest.nodes.shape[1]) < forest.n_nodes[:, None]
        nodes = forest.nodes[used]
        bits = np.empty((0, 8), dtype=np.uint32)
        if self._problem.is_categorical.any():
            bits = forest.bits[used]
        starts = np.concatenate([[0], np.cumsum(forest.n_nodes)])
        packed, flags = pack_nodes(nodes, starts, self.bins)
        depths = np.maximum.reduceat(nodes["depth"], starts[:-1]).astype(np.int64)
        values = nodes["value"].copy()
        return Trees(nodes, packed, flags, values, bits, starts, depths)


def _make_problem(rows, options):
    bins, n_bins, n_features = rows.bins, rows.n_bins, len(rows.codes)
    directions, groups = options.directions, options.groups
    directions = np.zeros(n_features) if directions is None else directions
    if groups is None:
        groups = np.zeros((0, n_features))
    groups = np.ascontiguousarray(groups, dtype=bool)
    sets = [np.flatnonzero(group & (n_bins > 1)) for group in groups]
    return Problem(
        rows.codes,
        bins.n_values,
        n_bins,
        *rows.bundles,
        bins.is_categorical,
        np.ascontiguousarray(directions, dtype=np.int8),
        bins.is_categorical | (np.asarray(directions) != 0),
        groups,
        np.concatenate([np.empty(0, dtype=np.int64), *sets]),
        np.cumsum([0] + [len(members) for members in sets]),
    )


def _make_limits(options, n_rows):
    max_depth = 2**30 if options.max_depth is None else options.max_depth
    max_leaves = max(1, n_rows // options.min_samples_leaf)
    if max_depth < 31:
        max_leaves = min(max_leaves, 2**max_depth)
    is_best_first = options.max_leaf_nodes is not None
    if is_best_first:
        max_leaves = min(max_leaves, options.max_leaf_nodes)
    return Limits(
        int(max_leaves),
        is_best_first and options.max_leaf_nodes <= max_leaves,
        int(max_depth),
        float(options.max_features),
    )
