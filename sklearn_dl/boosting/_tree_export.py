"""A boosted tree as text, and as a graph."""

import numpy as np

from sklearn_dl.boosting._categories import categories_of


def _describe(model, tree):
    """Return the nodes of a tree, with thresholds, and names of features."""
    start, stop = model._trees["starts"][tree : tree + 2]
    nodes = model._trees["nodes"][start:stop]
    packed = model._trees["packed"][start:stop]
    bits = model._trees["bits"]
    bits = bits[start:stop] if len(bits) else None
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(model.n_features_in_)]
    return nodes, packed, bits, names


def _conditions(model, node, threshold, words, names, decimals):
    """Return what is true on the left and on the right of a split."""
    name = names[node["feature"]]
    if node["bin"] >= 0:
        if np.isinf(threshold):
            return f"{name} is present", f"{name} is missing"
        end = f"{threshold:.{decimals}f}"
        left, right = f"{name} <= {end}", f"{name} > {end}"
    else:
        categories = categories_of(model)[int(node["feature"])]
        is_left = np.unpackbits(words.view(np.uint8), bitorder="little")
        inside = ", ".join(
            str(value)
            for value, left in zip(categories, is_left[: len(categories)], strict=True)
            if left
        )
        left, right = f"{name} in {{{inside}}}", f"{name} not in {{{inside}}}"
    if node["missing_left"]:
        return f"{left} or missing", right
    return left, f"{right} or missing"


def export_text(model, tree, decimals):
    """Describe a tree in words.

    Parameters
    ----------
    model : BaseGradientBoosting
        A fitted estimator.
    tree : int
        Which of all its trees.
    decimals : int
        Decimals of thresholds and values.

    Returns
    -------
    text : str
        A line for each branch and each leaf.
    """
    nodes, packed, bits, names = _describe(model, tree)
    lines = []
    todo = [(0, 0, None)]
    while todo:
        place, depth, condition = todo.pop()
        node = nodes[place]
        if condition is not None:
            lines.append("|   " * (depth - 1) + f"|--- {condition}")
        if node["left"] < 0:
            value = f"{node['value']:.{decimals}f}"
            lines.append("|   " * depth + f"|--- value: {value} ({node['count']} rows)")
            continue
        left, right = _conditions(
            model, node, packed[place]["threshold"],
            None if bits is None else bits[place], names, decimals,
        )  # fmt: skip
        todo.append((node["left"] + 1, depth + 1, right))
        todo.append((node["left"], depth + 1, left))
    return "\n".join(lines)


def export_dot(model, tree, decimals):
    """Describe a tree in the language of Graphviz.

    Parameters
    ----------
    model : BaseGradientBoosting
        A fitted estimator.
    tree : int
        Which of all its trees.
    decimals : int
        Decimals of thresholds and values.

    Returns
    -------
    dot : str
        A directed graph.
    """
    nodes, packed, bits, names = _describe(model, tree)
    lines = ["digraph tree {", "node [shape=box];"]
    for place, node in enumerate(nodes):
        if node["left"] < 0:
            label = f"value = {node['value']:.{decimals}f}"
        else:
            label, _ = _conditions(
                model, node, packed[place]["threshold"],
                None if bits is None else bits[place], names, decimals,
            )  # fmt: skip
            label += f"\ngain = {node['gain']:.{decimals}f}"
            for child, side in ((node["left"], "yes"), (node["left"] + 1, "no")):
                lines.append(f'{place} -> {child} [label="{side}"];')
        label += f"\nrows = {node['count']}"
        escaped = label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append(f'{place} [label="{escaped}"];')
    return "\n".join([*lines, "}"])
