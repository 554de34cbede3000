"""What all tests share: markers that skip, and a watch over the global state."""

import builtins
import os
import sys
from pathlib import Path

import numpy as np
import pytest

DATA = os.environ.get("SKLEARN_DL_DATA", "")

# No test opens a window.
os.environ.setdefault("MPLBACKEND", "Agg")


def pytest_configure(config):
    """Drop compiled kernels that are older than a kernel they may call.

    numba compiles a function again when its own file changes, but not when that of a
    function it calls does.
    """
    if hasattr(config, "workerinput"):
        return
    package = Path(__file__).parents[1] / "sklearn_dl"
    for folder in ("_trees", "_numba"):
        newest = max(path.stat().st_mtime for path in (package / folder).glob("*.py"))
        for path in package.glob(f"{folder}/__pycache__/*.nb[ic]"):
            if path.stat().st_mtime < newest:
                path.unlink()


def pytest_runtest_setup(item):
    if item.get_closest_marker("data") and not Path(DATA or "/nowhere").is_dir():
        pytest.skip("needs the real data sets: set SKLEARN_DL_DATA to their folder")
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture
def data_dir():
    """Folder of the real data sets; the test that asks for it is marked `data`."""
    return Path(DATA)


def _global_state():
    """What the library could change outside itself and must not.

    numpy's seed is not among it: scikit-learn's estimators draw from it where a test
    leaves their ``random_state`` at None.
    """
    state = {"numpy's error handling": np.geterr(), "print": builtins.print}
    if torch := sys.modules.get("torch"):
        state |= {
            "torch's seed": torch.get_rng_state().numpy().tobytes(),
            "torch's threads": torch.get_num_threads(),
            "torch's default dtype": torch.get_default_dtype(),
            "torch's gradient mode": torch.is_grad_enabled(),
            "torch's determinism": torch.are_deterministic_algorithms_enabled(),
        }
    if matplotlib := sys.modules.get("matplotlib"):
        state["matplotlib's settings"] = matplotlib.rcParams.copy()
    return state


@pytest.fixture(autouse=True)
def global_state_as_found(request):
    """Fail a test that leaves global state other than it found it."""
    before = _global_state()
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
    after = _global_state()
    changed = [name for name, value in before.items() if after[name] != value]
    assert not changed, f"{request.node.name} changed {changed}"
