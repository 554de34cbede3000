"""Every example of the gallery runs, without a window and without a warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.rglob("plot_*.py"))
RUNNER = (
    "import runpy, sys, warnings\n"
    "warnings.simplefilter('error')\n"
    # What pyplot says of a script that shows its figures without a window.
    "warnings.filterwarnings('ignore', message='FigureCanvasAgg is non-interactive')\n"
    "runpy.run_path(sys.argv[1], run_name='__main__')\n"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", SCRIPTS, ids=[str(path.relative_to(EXAMPLES)) for path in SCRIPTS]
)
def test_example_runs(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(script)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_example_stands_in_a_domain_with_a_header():
    assert SCRIPTS
    for script in SCRIPTS:
        assert script.parent.parent == EXAMPLES
        assert (script.parent / "GALLERY_HEADER.rst").is_file()
