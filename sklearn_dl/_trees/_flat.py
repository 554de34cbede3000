"""The trees of an ensemble in flat arrays, and what they predict."""

import numpy as np

from sklearn_dl.utils._kernel import kernel, own

__all__ = [
    "FlatTrees",
    "StepTables",
    "WeakTree",
    "heaviest_classes",
    "join_trees",
    "trees_of_stumps",
    "weighted_medians",
]


class WeakTree:
    """One tree of an ensemble.

    Parameters
    ----------
    feature : ndarray of shape (n_nodes,)
        The feature that a node splits; -1 in a leaf. Node 0 is the root.
    threshold : ndarray of shape (n_nodes,)
        Rows with values up to it go to the left child.
    missing_go_to_left : ndarray of shape (n_nodes,)
        Whether rows with missing values go to the left child.
    children_left, children_right : ndarray of shape (n_nodes,)
        Numbers of the children; -1 in a leaf.
    value : ndarray of shape (n_nodes, n_values)
        The share of each class, or the mean of the target, in the training rows of a
        node.
    impurity : ndarray of shape (n_nodes,)
        Their impurity.
    weighted_n_node_samples : ndarray of shape (n_nodes,)
        Their weight.
    n_features : int
        Number of features.
    classes : ndarray of shape (n_classes,), default=None
        The class labels, of a classifier.
    """

    def __init__(
        self,
        feature,
        threshold,
        missing_go_to_left,
        children_left,
        children_right,
        value,
        impurity,
        weighted_n_node_samples,
        n_features,
        classes=None,
    ):
        self.feature = feature
        self.threshold = threshold
        self.missing_go_to_left = missing_go_to_left
        self.children_left = children_left
        self.children_right = children_right
        self.value = value
        self.impurity = impurity
        self.weighted_n_node_samples = weighted_n_node_samples
        self.n_features = n_features
        self.classes = classes

    def __repr__(self):
        if self.feature[0] < 0:
            return "WeakTree(no split)"
        return (
            f"WeakTree(feature={self.feature[0]}, threshold={self.threshold[0]:.6g}, "
            f"n_leaves={self.n_leaves})"
        )

    @property
    def n_leaves(self):
        """Number of leaves."""
        return int((self.feature < 0).sum())

    @property
    def feature_importances_(self):
        """The share of each feature in the decrease of impurity."""
        alone = FlatTrees(
            np.array([0, len(self.feature)]),
            self.feature,
            self.threshold,
            self.missing_go_to_left,
            self.children_left,
            self.children_right,
            self.value,
            self.impurity,
            self.weighted_n_node_samples,
        )
        return alone.importances(self.n_features)[0]

    def apply(self, X):
        """Return the leaf of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        leaves : ndarray of shape (n_samples,)
            Numbers of nodes.
        """
        X = own(np.ascontiguousarray(X, dtype=np.float32))
        leaves = np.empty(len(X), dtype=np.int64)
        _find_leaves(
            X,
            own(self.feature),
            own(self.threshold),
            own(self.missing_go_to_left),
            own(self.children_left),
            own(self.children_right),
            0,
            leaves,
        )
        return leaves

    def predict(self, X):
        """Predict the class, or the value, of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The predictions.
        """
        if self.classes is None:
            return self.value[self.apply(X), 0]
        return self.classes[heaviest_classes(self.value)[self.apply(X)]]

    def predict_proba(self, X):
        """Predict the share of each class in the leaf of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            The shares.
        """
        return self.value[self.apply(X)]


# What a collection of trees says of each node.
_NODE_FIELDS = (
    "feature", "threshold", "missing_left", "left", "right", "value", "impurity",
    "weight",
)  # fmt: skip


class FlatTrees:
    """The trees of an ensemble, their nodes one behind the other.

    Parameters
    ----------
    starts : ndarray of shape (n_trees + 1,), dtype int64
        The number of the first node of each tree, and of all nodes.
    feature, threshold, missing_left, left, right, value, impurity, weight : ndarray
        As those of :class:`~sklearn_dl._trees._weighted.WeightedTree`. Children are
        numbers within the tree.
    """

    def __init__(
        self,
        starts,
        feature,
        threshold,
        missing_left,
        left,
        right,
        value,
        impurity,
        weight,
    ):
        self.starts = starts
        self.feature = feature
        self.threshold = threshold
        self.missing_left = missing_left
        self.left = left
        self.right = right
        self.value = value
        self.impurity = impurity
        self.weight = weight
        # The class that each node votes for.
        self.voted = heaviest_classes(value)

    def __len__(self):
        return len(self.starts) - 1

    def head(self, n_trees):
        """Return a copy of the first trees."""
        n_nodes = self.starts[n_trees]
        return FlatTrees(
            self.starts[: n_trees + 1].copy(),
            *(getattr(self, name)[:n_nodes].copy() for name in _NODE_FIELDS),
        )

    def tree(self, t, n_features, classes=None):
        """Return one tree.

        Parameters
        ----------
        t : int
            The number of the tree.
        n_features : int
            Number of features.
        classes : ndarray of shape (n_classes,), default=None
            The class labels, of a classifier.

        Returns
        -------
        tree : WeakTree
            The tree. Its arrays are views.
        """
        part = slice(self.starts[t], self.starts[t + 1])
        return WeakTree(
            feature=self.feature[part],
            threshold=self.threshold[part],
            missing_go_to_left=self.missing_left[part],
            children_left=self.left[part],
            children_right=self.right[part],
            value=self.value[part],
            impurity=self.impurity[part],
            weighted_n_node_samples=self.weight[part],
            n_features=n_features,
            classes=classes,
        )

    def importances(self, n_features):
        """Return the share of each feature in the decrease of impurity of each tree.

        Parameters
        ----------
        n_features : int
            Number of features.

        Returns
        -------
        importances : ndarray of shape (n_trees, n_features)
            Rows that add up to 1, or zeros of a tree without a split.
        """
        tree = np.repeat(np.arange(len(self)), np.diff(self.starts))
        split = np.flatnonzero(self.feature >= 0)
        start = self.starts[tree[split]]
        mass = self.weight * self.impurity
        decrease = mass[split] - mass[start + self.left[split]]
        decrease -= mass[start + self.right[split]]
        importances = np.bincount(
            tree[split] * n_features + self.feature[split],
            weights=np.maximum(decrease, 0.0),
            minlength=len(self) * n_features,
        ).reshape(len(self), n_features)
        total = importances.sum(axis=1, keepdims=True)
        # Less than that is a rounding error.
        least = 1e-14 * self.weight[self.starts[:-1], None]
        return np.where(total > least, importances / np.maximum(total, least), 0.0)

    def add_votes(self, X, weights, votes, first, last):
        """Add the votes of some trees.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), dtype float32
            The rows, in C order.
        weights : ndarray of shape (n_trees,), dtype float64
            The weight of each tree.
        votes : ndarray of shape (n_rows, n_classes), dtype float64
            To each row the weight of a tree is added at the class that it predicts.
        first, last : int
            The trees from `first` up to before `last`.
        """
        leaves = np.empty(len(X), dtype=np.int64)
        for t in range(first, last):
            self._leaves(X, t, leaves)
            _add_vote(own(self.voted), self.starts[t], leaves, weights[t], votes)

    def values(self, X, first=0, last=None):
        """Return the value that each of some trees predicts for each row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), dtype float32
            The rows, in C order.
        first, last : int, default=0 and None
            The trees from `first` up to before `last`; None is all that follow.

        Returns
        -------
        values : ndarray of shape (n_rows, last - first)
            The predictions of each row one beside the other.
        """
        last = len(self) if last is None else last
        values = np.empty((len(X), last - first))
        leaves = np.empty(len(X), dtype=np.int64)
        for t in range(first, last):
            self._leaves(X, t, leaves)
            values[:, t - first] = self.value[self.starts[t] + leaves, 0]
        return values

    def _leaves(self, X, t, leaves):
        """Write down the leaf of each row in one tree."""
        _find_leaves(
            X,
            own(self.feature),
            own(self.threshold),
            own(self.missing_left),
            own(self.left),
            own(self.right),
            self.starts[t],
            leaves,
        )


def join_trees(trees):
    """Put the arrays of trees one behind the other.

    Parameters
    ----------
    trees : list of WeightedTree
        At least one tree.

    Returns
    -------
    joined : FlatTrees
        All of them.
    """
    sizes = [len(tree.feature) for tree in trees]
    return FlatTrees(
        np.concatenate([[0], np.cumsum(sizes)]),
        *(
            np.concatenate([getattr(tree, name) for tree in trees])
            for name in _NODE_FIELDS
        ),
    )


def trees_of_stumps(stumps, criterion):
    """Return stumps as trees of three nodes, or of one where there was no split.

    Parameters
    ----------
    stumps : Stumps
        The stumps.
    criterion : {"gini", "error"}
        How impurity is measured.

    Returns
    -------
    trees : FlatTrees
        The same as trees.
    """
    n_stumps = len(stumps.feature)
    # Root, left and right of each stump.
    sums = np.stack([stumps.left + stumps.right, stumps.left, stumps.right], axis=1)
    weight = sums.sum(axis=2)
    value = sums / np.maximum(weight, np.finfo(np.float64).tiny)[:, :, None]
    if criterion == "gini":
        impurity = 1 - (value**2).sum(axis=2)
    else:
        impurity = 1 - value.max(axis=2)
    feature = np.full((n_stumps, 3), -1, dtype=np.int64)
    feature[:, 0] = stumps.feature
    threshold = np.zeros((n_stumps, 3))
    threshold[:, 0] = stumps.threshold
    missing_left = np.zeros((n_stumps, 3), dtype=np.bool_)
    missing_left[:, 0] = stumps.missing_left
    kept = np.ones((n_stumps, 3), dtype=np.bool_)
    kept[:, 1:] = stumps.feature[:, None] >= 0
    child = np.where(feature >= 0, 1, -1)
    return FlatTrees(
        np.concatenate([[0], np.cumsum(kept.sum(axis=1))]),
        feature[kept],
        threshold[kept],
        missing_left[kept],
        child[kept],
        np.where(child > 0, 2, -1)[kept],
        value[kept],
        np.maximum(impurity, 0.0)[kept],
        weight[kept],
    )


def heaviest_classes(value):
    """Return the class of each node, the first of those equal but for rounding.

    Parameters
    ----------
    value : ndarray of shape (n_nodes, n_classes)
        The share of each class.

    Returns
    -------
    classes : ndarray of shape (n_nodes,), dtype int64
        Numbers of classes.
    """
    return np.argmax(value >= value.max(axis=1, keepdims=True) - 1e-12, axis=1)


class StepTables:
    """The votes of stumps as step functions, one for each feature that they split.

    All stumps of a feature together are a step function of it: one binary search a row
    and feature finds all their votes.

    Parameters
    ----------
    trees : FlatTrees
        Trees of one or three nodes.
    weights : ndarray of shape (n_trees,), dtype float64
        Their weights.
    """

    def __init__(self, trees, weights):
        roots, n_classes = trees.starts[:-1], trees.value.shape[1]
        split = trees.feature[roots]
        order = np.lexsort([trees.threshold[roots], split])
        order = order[np.searchsorted(split[order], 0) :]
        root = roots[order]
        self.base = np.bincount(
            trees.voted[roots[split < 0]],
            weights=weights[split < 0],
            minlength=n_classes,
        )
        self.feature, first = np.unique(split[order], return_index=True)
        self.starts = np.append(first, len(order)).astype(np.int64)
        self.threshold = trees.threshold[root]
        self.votes = np.zeros((len(order) + 2 * len(self.feature), n_classes))
        if len(order):
            _fill_steps(
                self.starts,
                trees.voted[root + 1],
                trees.voted[root + 2],
                trees.missing_left[root],
                weights[order],
                self.votes,
            )

    def __call__(self, X):
        """Return the votes for each row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), dtype float32
            The rows, in C order.

        Returns
        -------
        votes : ndarray of shape (n_rows, n_classes)
            The weight of the stumps that vote for each class.
        """
        votes = np.empty((len(X), len(self.base)))
        _look_up(
            X,
            own(self.base),
            own(self.feature),
            own(self.starts),
            own(self.threshold),
            own(self.votes),
            votes,
        )
        return votes


@kernel
def _fill_steps(starts, left, right, missing_left, weights, votes):
    """Add up the votes for each step of each feature.

    Sums from both ends, not differences: what nobody votes for stays at 0.
    """
    for u in range(len(starts) - 1):
        # Behind the steps of a feature stand one more and that of missing values.
        shift = 2 * u
        missing = starts[u + 1] + shift + 1
        for t in range(starts[u], starts[u + 1]):
            votes[t + shift + 1] = votes[t + shift]
            votes[t + shift + 1, right[t]] += weights[t]
            votes[missing, left[t] if missing_left[t] else right[t]] += weights[t]
        ahead = np.zeros(votes.shape[1])
        for t in range(starts[u + 1] - 1, starts[u] - 1, -1):
            ahead[left[t]] += weights[t]
            votes[t + shift] += ahead


@kernel
def _find_leaves(X, feature, threshold, missing_left, left, right, start, leaves):
    """Write down the leaf of each row in the tree whose nodes begin at a number."""
    for i in range(len(X)):
        node = start
        while feature[node] >= 0:
            value = X[i, feature[node]]
            if np.isnan(value):
                goes_left = missing_left[node]
            else:
                goes_left = value <= threshold[node]
            node = start + (left[node] if goes_left else right[node])
        leaves[i] = node - start


@kernel
def _add_vote(voted, start, leaves, weight, votes):
    """Add the weight of a tree at the class of each row's leaf."""
    for i in range(len(leaves)):
        votes[i, voted[start + leaves[i]]] += weight


@kernel
def _look_up(X, base, feature, starts, threshold, steps, votes):
    """Add up the steps of all features."""
    for i in range(len(X)):
        votes[i] = base
        for u in range(len(feature)):
            value = X[i, feature[u]]
            start, end = starts[u], starts[u + 1]
            step = end + 2 * u + 1
            if not np.isnan(value):
                low, high = start, end
                while low < high:
                    middle = (low + high) // 2
                    if threshold[middle] < value:
                        low = middle + 1
                    else:
                        high = middle
                step = low + 2 * u
            for k in range(votes.shape[1]):
                votes[i, k] += steps[step, k]


@kernel
def weighted_medians(values, weights, n_values):
    """Return the weighted median of the first values of each row.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns), dtype float64
        The values, in C order.
    weights : ndarray of shape (n_columns,), dtype float64
        The weight of each column.
    n_values : int
        How many columns count.

    Returns
    -------
    medians : ndarray of shape (n_rows,)
        The lowest value of which, with all lower ones, have half of the weight.
    """
    medians = np.empty(len(values))
    half = weights[:n_values].sum() / 2
    for i in range(len(values)):
        order = np.argsort(values[i, :n_values])
        passed = 0.0
        medians[i] = values[i, order[n_values - 1]]
        for j in order:
            passed += weights[j]
            if passed >= half:
                medians[i] = values[i, j]
                break
    return medians
