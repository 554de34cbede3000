"""L-BFGS over all rows at once, by scipy."""

from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from sklearn_dl._skorch._data import Batches
from sklearn_dl.utils._sklearn import check_optimize_result

__all__ = ["fit_lbfgs"]


def fit_lbfgs(
    net: Any, batches: Batches, *, max_iter: int, max_fun: int, tol: float
) -> int:
    """Minimise the penalised loss over all rows, as scikit-learn's networks do.

    Each iteration is an epoch to the callbacks and in the history.

    Parameters
    ----------
    net : TensorNet
        An initialised net; its network is trained in place.
    batches : Batches
        The training rows.
    max_iter, max_fun : int
        Greatest number of iterations and of evaluations of the loss.
    tol : float
        Stop when no entry of the projected gradient is larger.

    Returns
    -------
    n_iter : int
        The number of iterations.
    """
    parameters = [p for p in net.module_.parameters() if p.requires_grad]
    everything = batches.everything()
    weight = everything[2]
    n = float(len(batches) if weight is None else weight.sum().item())
    net.module_.train()

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        vector_to_parameters(torch.from_numpy(flat).to(parameters[0]), parameters)
        net.module_.zero_grad(set_to_none=True)
        loss = net.training_loss(everything)
        loss.backward()
        penalty = 0.0
        if net.penalty is not None:
            matrices = (p for p in parameters if p.ndim > 1)
            penalty = net.penalty.add_gradient(matrices, n)
        gradient = parameters_to_vector([p.grad for p in parameters])
        return (loss.detach() + penalty).item(), gradient.double().cpu().numpy()

    def after_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        # scipy asks for this argument's name.
        data = {"dataset_train": batches, "dataset_valid": None}
        net.notify("on_epoch_begin", **data)
        net.record_loss("train_loss", float(intermediate_result.fun))
        net.n_epochs_ += 1
        net.n_seen_ += len(batches)
        net.end_epoch(data)
        if net.stop_training_:
            raise StopIteration

    start = parameters_to_vector(parameters).detach().double().cpu().numpy()
    options: dict[str, Any] = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    try:
        result = scipy.optimize.minimize(
            loss_and_gradient,
            start,
            method="L-BFGS-B",
            jac=True,
            options=options,
            callback=after_iteration,
        )
    except KeyboardInterrupt:
        net.interrupted_ = True
        return net.n_epochs_
    vector_to_parameters(torch.from_numpy(result.x).to(parameters[0]), parameters)
    if net.stop_training_:
        return int(result.nit)
    return int(check_optimize_result("lbfgs", result, max_iter))
