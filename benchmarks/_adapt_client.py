"""Asks adapt, in its own environment, for fits."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from _adapt_worker import save_arrays


class Adapt:
    """adapt in its own environment, or nothing.

    Parameters
    ----------
    python : str or None
        The python of that environment.
    """

    def __init__(self, python):
        self.python = python
        self.folder = tempfile.TemporaryDirectory()
        self.process = None

    def fit(self, task, method, base, **params):
        """Return the seconds of a fit, and predictions for the rows of the test."""
        if self.process is None:
            worker = Path(__file__).with_name("_adapt_worker.py")
            self.process = subprocess.Popen(
                [self.python, str(worker)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        path = str(Path(self.folder.name) / "task.npz")
        save_arrays(path, {name: task[name] for name in ("Xs", "ys", "Xt", "yt", "Xe")})
        request = {"data": path, "method": method, "base": base, "params": params}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        return answer["seconds"], np.load(answer["predictions"])

    def close(self):
        """End it."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
        self.folder.cleanup()
