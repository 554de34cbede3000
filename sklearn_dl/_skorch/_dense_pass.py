"""Backpropagation through a plain dense network, written out.

For the small batches of a multi-layer perceptron autograd's bookkeeping costs more than
the arithmetic. This does the arithmetic alone, into buffers that are made once.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sklearn_dl._skorch._data import Batch
from sklearn_dl.modules import (
    BinaryCrossEntropy,
    CrossEntropy,
    DenseNetwork,
    PoissonDeviance,
    SquaredError,
    WeightedLoss,
)

__all__ = ["DensePass"]

_aten = torch.ops.aten

# From an activation's output and the error behind it to the error before it.
_DERIVATIVES: dict[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.Identity: lambda error, output: error,
    nn.Sigmoid: lambda error, output: _aten.sigmoid_backward(error, output),
    nn.Tanh: lambda error, output: _aten.tanh_backward(error, output),
    nn.ReLU: lambda error, output: _aten.threshold_backward(error, output, 0),
}
# In place: the sums before the activation are not needed again.
_ACTIVATIONS: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Identity: lambda sums: sums,
    nn.Sigmoid: Tensor.sigmoid_,
    nn.Tanh: Tensor.tanh_,
    nn.ReLU: Tensor.relu_,
}


class DensePass:
    """Loss and gradients of a :class:`DenseNetwork` for one batch.

    Parameters
    ----------
    module : DenseNetwork
        The network.
    criterion : WeightedLoss
        A loss whose derivative by the raw output is "prediction minus target".
    """

    def __init__(self, module: DenseNetwork, criterion: WeightedLoss):
        self.criterion = criterion
        self.weights = [dense.weight for dense in module.linear]
        self.biases = [dense.bias for dense in module.linear]
        # What follows each layer; nothing follows one that gives raw outputs.
        raw = [nn.Identity] * (len(self.weights) - len(module.after))
        self.kinds = [*map(type, module.after), *raw]

    @classmethod
    def covers(cls, module: nn.Module, criterion: nn.Module) -> bool:
        """Return whether this network and this loss are among those written out."""
        if not cls.covers_network(module):
            return False
        if type(criterion) in (CrossEntropy, BinaryCrossEntropy):
            return not (criterion.label_smoothing or criterion.focal_gamma)
        return type(criterion) in (SquaredError, PoissonDeviance)

    @staticmethod
    def covers_network(module: nn.Module) -> bool:
        """Return whether this network is among those written out."""
        if type(module) is not DenseNetwork or not all(
            type(after) in _DERIVATIVES for after in module.after
        ):
            return False
        hooked = any(
            part._forward_hooks or part._forward_pre_hooks or part._backward_hooks
            for part in module.modules()
        )
        changed = not all(
            p.requires_grad and not p._backward_hooks for p in module.parameters()
        )
        return not (hooked or changed)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """Set the gradients of all parameters; return the loss."""
        x, target, weight = batch
        assert target is not None
        outputs = self.forward(x)
        loss, error = self.loss_and_error(outputs[-1], target, weight)
        self.backward(outputs, error)
        return loss

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the input and the output of each layer, (n_rows, n_units) each."""
        outputs = [x]
        layers = zip(self.weights, self.biases, self.kinds, strict=True)
        for weight, bias, kind in layers:
            sums = torch.addmm(bias, outputs[-1], weight.T)
            outputs.append(_ACTIVATIONS[kind](sums))
        return outputs

    def backward(
        self, outputs: list[Tensor], error: Tensor, to_input: bool = False
    ) -> Tensor:
        """Set the gradients of all parameters.

        Parameters
        ----------
        outputs : list of torch.Tensor
            What :meth:`forward` returned.
        error : torch.Tensor of shape (n_rows, n_outputs)
            The derivative of the loss by the last of them.
        to_input : bool, default=False
            Whether its derivative by the first of them is wanted.

        Returns
        -------
        error : torch.Tensor
            That derivative, or else one that means nothing.
        """
        for k in range(len(self.kinds) - 1, -1, -1):
            error = _DERIVATIVES[self.kinds[k]](error, outputs[k + 1])
            self._set_gradient(k, error, outputs[k])
            if k or to_input:
                error = torch.mm(error, self.weights[k])
        return error

    def _set_gradient(self, k: int, error: Tensor, inputs: Tensor) -> None:
        weight, bias = self.weights[k], self.biases[k]
        if weight.grad is None or bias.grad is None:
            weight.grad, bias.grad = torch.empty_like(weight), torch.empty_like(bias)
        torch.mm(error.T, inputs, out=weight.grad)
        torch.sum(error, 0, out=bias.grad)

    def loss_and_error(
        self, raw: Tensor, target: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss and its derivative by the raw outputs."""
        if type(self.criterion) is CrossEntropy:
            # One softmax for both, over columns: along rows it does not vectorise.
            log_p = raw.T.contiguous().log_softmax(dim=0)  # (n_classes, n_rows)
            index = target[None]
            rows = -log_p.gather(0, index).squeeze(0)
            minus_one = -torch.ones_like(rows)[None]
            error = log_p.exp_().scatter_add_(0, index, minus_one).T
        else:
            rows = self.criterion.rows(raw, target)
            error = self.criterion.link(raw) - target
        if weight is None:
            return rows.mean(), error.div_(len(rows))
        total = weight.sum()
        total = torch.where(total > 0, total, 1.0)
        return (rows * weight).sum() / total, error.mul_((weight / total)[:, None])
