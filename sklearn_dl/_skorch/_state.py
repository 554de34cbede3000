"""The state of a net as plain data, for pickles and for checkpoints."""

import os
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from torch import Tensor

from sklearn_dl._skorch._callbacks import Convergence, OwnCallback
from sklearn_dl.exceptions import CheckpointError

__all__ = [
    "CheckpointFile",
    "arrays_to_tensors",
    "load_net_state",
    "net_state",
    "tensors_to_arrays",
]


def tensors_to_arrays(value: Any) -> Any:
    """Replace the tensors in nested dictionaries, lists and tuples by arrays."""
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    return _map_nested(tensors_to_arrays, value)


def arrays_to_tensors(value: Any) -> Any:
    """Replace the arrays in nested dictionaries, lists and tuples by tensors."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value))
    return _map_nested(arrays_to_tensors, value)


def _map_nested(function: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: function(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(function(item) for item in value)
    return value


def net_state(net: Any) -> dict[str, Any]:
    """Return weights, optimiser and progress of a net, tensors left as they are."""
    return {
        "module": dict(net.module_.state_dict()),
        "optimizer": net.optimizer_.state_dict(),
        "average": None if net.average_ is None else dict(net.average_.state_dict()),
        "scaler": net.scaler_.state_dict(),
        "n_epochs": net.n_epochs_,
        "n_seen": net.n_seen_,
        "rate_scale": net.rate_scale_,
        "stop_training": net.stop_training_,
        "history": [
            {key: value for key, value in row.items() if key != "batches"}
            for row in net.history
        ],
    }


def load_net_state(net: Any, state: dict[str, Any]) -> None:
    """Put an initialised net where :func:`net_state` found its twin."""
    net.module_.load_state_dict(state["module"])
    net.optimizer_.load_state_dict(state["optimizer"])
    net.start_average()
    if state["average"] is not None:
        net.average_.load_state_dict(state["average"])
    net.scaler_.load_state_dict(state["scaler"])
    net.n_epochs_ = state["n_epochs"]
    net.n_seen_ = state["n_seen"]
    net.rate_scale_ = state["rate_scale"]
    net.stop_training_ = state["stop_training"]
    net.history.clear()
    for row in state["history"]:
        net.history.new_epoch()
        for key, value in row.items():
            net.history.record(key, value)
            if f"{key}_best" in row:
                lowest = net.lowest_losses_.get(key, value)
                net.lowest_losses_[key] = min(value, lowest)


class CheckpointFile(OwnCallback):
    """Keep the state of a fit in a file that survives a kill, and go on from it.

    Parameters
    ----------
    folder : str or path
        Where the file is kept. Its name is a hash of `identity`, so that fits with
        other parameters or other data have files of their own.
    identity : object
        What makes this fit the same fit: class, parameters and data.
    convergence : Convergence
        The callback whose state belongs to the fit.
    random_state : numpy.random.RandomState
        The generator of the fit; it is put back to where it was.
    """

    def __init__(
        self,
        folder: Any,
        identity: Any,
        convergence: Convergence,
        random_state: np.random.RandomState,
    ):
        try:
            name = joblib.hash(identity)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise CheckpointError(
                f"The 'checkpoint' parameter needs all other parameters to be ones "
                f"that pickle, for the file is named after them: {error}"
            ) from error
        self.path = Path(folder) / f"{name}.pt"
        self.convergence = convergence
        self.random_state = random_state

    def resume(self, net: Any) -> None:
        """Load the state, where there is a file.

        Raises
        ------
        CheckpointError
            If the file cannot be read.
        """
        if not self.path.exists():
            return
        try:
            state = torch.load(self.path, map_location=net.device, weights_only=True)
            # Generators take their state from the CPU.
            torch.set_rng_state(state["torch"].cpu())
            for device, device_state in enumerate(state["cuda"]):
                torch.cuda.set_rng_state(device_state.cpu(), device)
            keys = state["numpy"]["keys"].cpu().numpy().astype(np.uint32)
            self.random_state.set_state(("MT19937", keys, *state["numpy"]["rest"]))
            load_net_state(net, state["net"])
            if state["order"] is not None:
                net.order_ = state["order"].cpu().numpy()
            self.convergence.load_state(state["convergence"])
        except Exception as error:
            raise CheckpointError(
                f"The checkpoint {self.path} cannot be read: {error!r}. Delete the "
                f"file to start this fit from the beginning."
            ) from error

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Write the state to a new file and move it to its place."""
        numpy_state: Any = self.random_state.get_state(legacy=True)
        _, keys, *rest = numpy_state
        cuda = torch.device(net.device).type == "cuda"
        state = {
            "net": net_state(net),
            "order": None if net.order_ is None else torch.from_numpy(net.order_),
            "convergence": self.convergence.state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if cuda else [],
            "numpy": {
                "keys": torch.from_numpy(keys.astype(np.int64)),
                "rest": rest,
            },
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(f".{os.getpid()}.new")
        with new.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)

    def on_train_end(self, net: Any, **_: Any) -> None:
        """Remove the file of a fit that came to its end."""
        if not net.interrupted_:
            self.path.unlink(missing_ok=True)
