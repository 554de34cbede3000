"""The package as a whole: what it exports, what it loads, what it leaves alone."""

import ast
import inspect
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sklearn_dl
from sklearn_dl.utils.discovery import (
    all_displays,
    all_estimators,
    all_functions,
    public_modules,
)

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sklearn_dl"
MODULES = {module.__name__: module for module in public_modules()}
# Packages that may load torch. Each other one is named in the import contract.
NEURAL = {
    "__main__",
    "_cli",
    "_skorch",
    "domain_adaptation",
    "embedding",
    "inspection",
    "model_selection",
    "modules",
    "neural_network",
    "preprocessing",
    "testing",
}


def run_python(code):
    """Run code in a fresh interpreter and return what it writes, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def torch_free_modules():
    """Modules that the import contract keeps from torch."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    (contract,) = (c for c in contracts if "torch" in c.get("forbidden_modules", ()))
    return contract["source_modules"]


def test_importing_the_package_loads_nothing_else():
    loaded = run_python(
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "import sklearn_dl\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(new - set(sys.stdlib_module_names))))"
    )
    assert loaded == ["sklearn_dl"]


def test_torch_free_packages_load_no_torch():
    names = torch_free_modules()
    loaded = run_python(
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({'skorch', 'torch'} & set(sys.modules))))"
    )
    assert loaded == []


def test_import_contract_names_every_torch_free_package():
    floors = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    expected = {f"sklearn_dl.{name}" for name in floors - NEURAL - {"__init__"}}
    assert set(torch_free_modules()) == expected


def test_every_public_module_imports_without_the_optional_packages():
    imported = run_python(
        "import importlib, json, sys\n"
        "sys.modules.update(dict.fromkeys(['matplotlib', 'rich', 'skops', 'pytest']))\n"
        f"for name in {sorted(MODULES)!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted(n for n in sys.modules if n == 'matplotlib.pyplot')))"
    )
    assert imported == []


def test_subpackages_are_attributes():
    for name in set(sklearn_dl.__all__) - {"__version__"}:
        assert getattr(sklearn_dl, name) is MODULES[f"sklearn_dl.{name}"]
    assert dir(sklearn_dl) == sorted(sklearn_dl.__all__)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'sklearn_dl' has no attribute 'nothing'"):
        _ = sklearn_dl.nothing


@pytest.mark.parametrize("name", sorted(MODULES))
def test_all_is_true(name):
    module = MODULES[name]
    assert len(set(module.__all__)) == len(module.__all__)
    missing = [n for n in module.__all__ if not hasattr(module, n)]
    assert missing == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_all_is_complete(name):
    """What a module defines, or a package brings up from its files, is in `__all__`."""
    module = MODULES[name]
    is_package = hasattr(module, "__path__")
    home = f"{name}." if is_package else name
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and not inspect.ismodule(value)
        and (getattr(value, "__module__", None) or "").startswith(home)
    }
    submodules = {
        other.removeprefix(f"{name}.")
        for other in MODULES
        if other.rpartition(".")[0] == name
    }
    assert public | submodules <= set(module.__all__)


def test_a_public_name_stands_in_one_place():
    homes = {}
    for name, module in MODULES.items():
        for public in module.__all__:
            if not inspect.ismodule(getattr(module, public)):
                homes.setdefault(public, []).append(name)
    assert {key: value for key, value in homes.items() if len(value) > 1} == {}


def sklearn_imports(path):
    """Dotted names that a file imports from scikit-learn."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "sklearn")


def test_private_parts_of_sklearn_are_imported_in_one_file():
    private = {
        (str(path.relative_to(PACKAGE)), name)
        for path in PACKAGE.rglob("*.py")
        for name in sklearn_imports(path)
        if any(part.startswith("_") for part in name.split("."))
    }
    allowed = str(Path("utils", "_sklearn.py"))
    assert {entry for entry in private if entry[0] != allowed} == set()


def api_page():
    """Public names on the API page, with their modules."""
    module, entries, listing = "", [], False
    for line in (ROOT / "docs" / "api.rst").read_text().splitlines():
        word = line.strip()
        if word.startswith(".. currentmodule::"):
            module = word.split()[-1]
        elif word.startswith(".. autosummary::"):
            listing = True
        elif listing and line.startswith("   ") and word and word[0] != ":":
            entries.append(f"{module}.{word}")
        elif word and not line.startswith("   "):
            listing = False
    return entries


def test_api_page_lists_exactly_the_public_names():
    entries = api_page()
    public = {
        f"{name}.{key}"
        for name, module in MODULES.items()
        for key in module.__all__
        if key != "__version__" and not inspect.ismodule(getattr(module, key))
    }
    assert len(entries) == len(set(entries))
    assert set(entries) == public


def test_all_estimators_filters_by_type():
    everything = all_estimators()
    assert everything == sorted(everything, key=lambda item: item[0])
    classifiers = all_estimators("classifier")
    regressors = all_estimators(["regressor"])
    assert "MLPClassifier" in dict(classifiers)
    assert "MLPClassifier" not in dict(regressors)
    assert "MLPRegressor" in dict(regressors)
    both = all_estimators(("regressor", "classifier"))
    assert dict(both) == {**dict(classifiers), **dict(regressors)}
    assert all_estimators([]) == []


@pytest.mark.parametrize("bad", ["clasifier", ["classifier", "graph"]])
def test_all_estimators_refuses_an_unknown_type(bad):
    with pytest.raises(ValueError, match=r"'type_filter' .* all_estimators .* Got"):
        all_estimators(bad)


def test_displays_and_functions_are_found():
    assert "TrainingCurveDisplay" in dict(all_displays())
    functions = dict(all_functions())
    assert "all_estimators" in functions
    assert all(not name.startswith("_") for name in functions)
