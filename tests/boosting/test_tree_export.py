"""The text and the graph of a boosted tree say what the tree does."""

import re

import numpy as np
import pandas as pd
import pytest

from sklearn_dl.boosting import GradientBoostingClassifier, GradientBoostingRegressor

# So many decimals that a threshold, which may be the value of a row, can be read back.
EXACT = 25


def is_missing(value):
    return value is None or value != value


def holds(condition, row):
    """Return whether what the text says of a split is true of a row."""
    plain = condition.removesuffix(" or missing")
    name, sign, right = re.fullmatch(r"(.+?) (<=|>|in|not in|is) (.+)", plain).groups()
    value = row[name]
    if sign == "is":
        assert plain == condition
        return is_missing(value) == {"missing": True, "present": False}[right]
    if is_missing(value):
        return plain != condition
    if sign in ("in", "not in"):
        members = right.removeprefix("{").removesuffix("}").split(", ")
        return (str(value) in members) == (sign == "in")
    return (value <= float(right)) == (sign == "<=")


def follow_text(text, row):
    """Return the value of a row's leaf, as the text has it."""
    # A level is a list of branches: (condition, level), or a leaf's (None, value).
    root = []
    levels = [root]
    for line in text.splitlines():
        bars, content = line.rsplit("|--- ", 1)
        depth = bars.count("|   ")
        assert bars == "|   " * depth
        del levels[depth + 1 :]
        leaf = re.fullmatch(r"value: (\S+) \((\d+) rows\)", content)
        if leaf:
            levels[-1].append((None, float(leaf[1])))
        else:
            levels[-1].append((content, []))
            levels.append(levels[-1][-1][1])
    while True:
        chosen = [(c, below) for c, below in root if c is None or holds(c, row)]
        # Each row goes one way.
        assert len(chosen) == 1, (row, [c for c, _ in root])
        condition, root = chosen[0]
        if condition is None:
            return root


def read_graph(dot):
    """Return the labels of the nodes, and the child on each side of each."""
    head, style, *lines, end = dot.splitlines()
    assert (head, style, end) == ("digraph tree {", "node [shape=box];", "}")
    labels, children = {}, {}
    for line in lines:
        node = re.fullmatch(r'(\d+) \[label="(.*)"\];', line)
        if node:
            text = node[2].replace('\\"', '"')
            labels[int(node[1])] = dict(enumerate(text.split("\\n")))
            continue
        start, stop, side = re.fullmatch(
            r'(\d+) -> (\d+) \[label="(yes|no)"\];', line
        ).groups()
        children[int(start), side] = int(stop)
    return labels, children


def follow_graph(dot, row):
    """Return the value of a row's leaf, as the graph has it."""
    labels, children = read_graph(dot)
    node = 0
    while (node, "yes") in children:
        node = children[node, "yes" if holds(labels[node][0], row) else "no"]
    return float(labels[node][0].removeprefix("value = "))


def assert_says_what_it_does(model, frame, sums, output=0):
    """Compare the trees' text and graph with what they add up to, row by row.

    `sums` are those of all rounds, as `staged_*` has them.
    """
    steps = np.diff(np.array(sums), axis=0)
    for k, step in enumerate(steps, start=1):
        text = model.export_text(k, output, EXACT)
        dot = model.export_graphviz(k, output, EXACT)
        for row, value in zip(frame.to_dict("records"), step, strict=True):
            assert follow_text(text, row) == pytest.approx(value, abs=1e-9)
            assert follow_graph(dot, row) == pytest.approx(value, abs=1e-9)


def make_rows(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, 3))
    return X, 3 * X[:, 0] + np.sin(4 * X[:, 1]) * X[:, 2]


PARAMS = {
    "max_iter": 4,
    "max_leaf_nodes": 6,
    "early_stopping": False,
    "random_state": 0,
}


def fit_numbers():
    X, y = make_rows()
    return GradientBoostingRegressor(**PARAMS).fit(X, y)


def named(X):
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])


# -- what trees say --------------------------------------------------------------------


def test_a_stump_in_words():
    # 30 rows on each side of 0.5: means 1 and 5 around the constant 3, of which a
    # learning rate of 0.5 takes half.
    X = np.repeat([[0.0], [1.0]], 30, axis=0)
    model = GradientBoostingRegressor(learning_rate=0.5, max_iter=1)
    model.fit(X, 1 + 4 * X[:, 0])
    assert model.export_text() == (
        "|--- x0 <= 0.50\n"
        "|   |--- value: -1.00 (30 rows)\n"
        "|--- x0 > 0.50 or missing\n"
        "|   |--- value: 1.00 (30 rows)"
    )
    labels, children = read_graph(model.export_graphviz(decimals=1))
    assert children == {(0, "yes"): 1, (0, "no"): 2}
    assert list(labels[0].values())[::2] == ["x0 <= 0.5", "rows = 60"]
    assert list(labels[1].values()) == ["value = -1.0", "rows = 30"]
    assert list(labels[2].values()) == ["value = 1.0", "rows = 30"]


def test_numbers():
    X, y = make_rows()
    model = GradientBoostingRegressor(**PARAMS).fit(X, y)
    new = np.random.default_rng(1).uniform(-1, 1, size=(40, 3))
    # Training has seen no missing values; the text says where they go nevertheless.
    new[::5, 0] = new[::7, 1] = new[::3, 2] = np.nan
    sums = list(model.staged_predict(new))
    assert_says_what_it_does(model, named(new), sums)


def test_missing_values_that_go_either_way():
    X, y = make_rows()
    X[::4, 0] = X[1::4, 1] = np.nan
    # Those of column 0 belong to the large values, those of column 1 to the small.
    y[::4] += 4
    y[1::4] -= 4
    model = GradientBoostingRegressor(**PARAMS).fit(X, y)
    texts = "\n".join(model.export_text(k) for k in range(4))
    assert re.search(r"x0 > \S+ or missing", texts)
    assert re.search(r"x1 <= \S+ or missing", texts)
    sums = list(model.staged_predict(X[:60]))
    assert_says_what_it_does(model, named(X[:60]), sums)


def test_a_split_between_what_is_there_and_what_is_missing():
    X, _ = make_rows()
    X[::2, 1] = np.nan
    y = np.isnan(X[:, 1]) * 6.0
    model = GradientBoostingRegressor(**PARAMS).fit(X, y)
    lines = model.export_text().splitlines()
    assert lines[0] == "|--- x1 is present"
    assert [line for line in lines if line.startswith("|--- ")][1:] == [
        "|--- x1 is missing"
    ]
    labels, _ = read_graph(model.export_graphviz())
    assert labels[0][0] == "x1 is present"
    sums = list(model.staged_predict(X[:40]))
    assert_says_what_it_does(model, named(X[:40]), sums)


def make_colours(seed=0):
    """Rows of which the colour matters most; a fifth have none."""
    rng = np.random.default_rng(seed)
    colours = np.array(["blue", "green", "red", "teal", None], dtype=object)
    code = rng.integers(5, size=300)
    frame = pd.DataFrame(
        {
            "size": rng.uniform(-1, 1, size=300),
            "colour": pd.Categorical(colours[code]),
        }
    )
    return frame, np.array([0.0, 5.0, 1.0, 6.0, 8.0])[code] + frame["size"].to_numpy()


@pytest.mark.parametrize("missing_is_large", [True, False])
def test_categories_have_their_names(missing_is_large):
    frame, y = make_colours()
    lost = frame["colour"].isna().to_numpy()
    if not missing_is_large:
        y[lost] -= 16
    model = GradientBoostingRegressor(**PARAMS).fit(frame, y)
    texts = [model.export_text(k) for k in range(4)]
    assert "colour in {" in texts[0]
    sets = re.findall(r"\{(.*?)\}", "\n".join(texts))
    members = {name for members in sets for name in members.split(", ") if name}
    assert members <= {"blue", "green", "red", "teal"}
    # Missing is named once a split, on the side that it goes to.
    for text in texts:
        n_branches = len(re.findall(r"\|--- (?!value)", text))
        assert text.count("or missing") == n_branches / 2
    sums = list(model.staged_predict(frame[:60]))
    assert_says_what_it_does(model, frame[:60], sums)


def test_unknown_categories_are_where_the_text_has_missing_ones():
    frame, y = make_colours()
    model = GradientBoostingRegressor(**PARAMS).fit(frame, y)
    unknown = frame[:20].assign(colour=pd.Categorical(["black"] * 20))
    sums = list(model.staged_predict(unknown))
    missing = unknown.assign(colour=None)
    assert_says_what_it_does(model, missing, sums)


def test_categories_of_an_array_are_its_numbers():
    rng = np.random.default_rng(0)
    X = rng.choice([10.0, 20.0, 30.0, np.nan], size=(300, 2))
    y = np.select([X[:, 1] == 20, X[:, 1] == 30], [5.0, 1.0], 0.0)
    model = GradientBoostingRegressor(categorical_features=[1], **PARAMS).fit(X, y)
    first = model.export_text().splitlines()[0]
    assert "nan" not in first
    # 20 is apart from the others, which are nearer to one another.
    assert re.search(r"x1 in \{(10\.0, 30\.0|20\.0)\}", first)


@pytest.mark.parametrize("output", [0, 1, 2])
def test_each_class_has_a_tree(output):
    X, y = make_rows()
    y = np.digitize(y, np.quantile(y, [0.3, 0.7]))
    model = GradientBoostingClassifier(**PARAMS).fit(X, y)
    sums = [raw[:40, output] for raw in model.staged_decision_function(X)]
    assert_says_what_it_does(model, named(X[:40]), sums, output)
    assert model.export_text(2, output) == model.export_text(2, output - 3)


# -- how they are asked for ------------------------------------------------------------


@pytest.mark.parametrize("method", ["export_text", "export_graphviz"])
def test_negative_rounds_count_from_the_last(method):
    export = getattr(fit_numbers(), method)
    assert len({export(k) for k in range(4)}) == 4
    for k in range(4):
        assert export(k - 4) == export(k)
    assert export() == export(0)


@pytest.mark.parametrize("method", ["export_text", "export_graphviz"])
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"iteration": 4}, r"iteration=4 of GradientBoostingRegressor.* -4 to 3"),
        ({"iteration": -5}, r"iteration=-5 of GradientBoostingRegressor.* -4 to 3"),
        ({"iteration": 0.5}, r"iteration=0\.5 of GradientBoostingRegressor.* int"),
        ({"output": 1}, r"output=1 of GradientBoostingRegressor.* -1 to 0"),
        ({"decimals": -1}, r"decimals=-1 of GradientBoostingRegressor"),
    ],
    ids=str,
)
def test_trees_that_are_not_there_are_refused(method, params, message):
    with pytest.raises(ValueError, match=message):
        getattr(fit_numbers(), method)(**params)


def test_decimals():
    model = fit_numbers()
    for decimals in (0, 3):
        numbers = re.findall(
            r"(?:<=|>|value:) (\S+)", model.export_text(0, 0, decimals)
        )
        assert numbers
        assert {len(n.partition(".")[2]) for n in numbers} == {decimals}


def test_quotes_in_names_do_not_end_a_label():
    X, y = make_rows()
    frame = pd.DataFrame(X, columns=['the "size"', "b", "c"])
    dot = GradientBoostingRegressor(**PARAMS).fit(frame, y).export_graphviz()
    assert re.search(r'label="the \\"size\\" <= ', dot)
    labels, _ = read_graph(dot)
    assert labels[0][0].startswith('the "size" <= ')
