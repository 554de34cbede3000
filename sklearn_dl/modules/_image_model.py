"""A convolutional network behind what prepares the rows of a data set for it."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sklearn_dl.modules._layer_table import layer_table
from sklearn_dl.modules._training_output import TrainingOutput

__all__ = ["ImageModel"]

# Numbers that the largest layer may hold while rows are predicted.
_ACTIVATIONS_AT_ONCE = 2**24


class ImageModel(nn.Module):
    """A network on channels, and the way there from rows with channels at the end.

    Bytes are divided by 255. Each channel is centred and scaled. In training the rows
    are augmented before that.

    Parameters
    ----------
    network : torch.nn.Module
        Takes tensors of shape (n, channels, ...).
    shape : sequence of int
        Shape of a row: the spatial axes, then the channels. Rows may be flat.
    mean, scale : torch.Tensor of shape (channels,)
        What is subtracted from each channel, and what it is divided by then.
    augmentation : callable, default=None
        Takes the batch and a generator, or None for torch's own, and returns a batch
        of the same shape. It may have a method ``mix``, with the same arguments, which
        returns the batch, the partner of each row and the row's own share; and a
        method ``views``.
    n_views : int, default=1
        Outside of training, the outputs of so many views of each row are averaged.

    Attributes
    ----------
    multiply_adds : int
        What one row takes. Of a network that has no :func:`layer_table`: the number of
        its parameters.
    largest_output : int
        The size of the largest output of a layer, for one row. Of a network that has
        no table: the size it has where no layer has more positions than the row.
    n_rows_at_once : int
        How many rows go through the network together outside of training.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import ImageModel, lenet5
    >>> network = lenet5((1, 28, 28), 10)
    >>> model = ImageModel(network, (28, 28, 1), torch.zeros(1), torch.ones(1)).eval()
    >>> model(torch.zeros(5, 784, dtype=torch.uint8)).shape
    torch.Size([5, 10])
    """

    # Bytes are divided by 255 here.
    takes_integers = True

    def __init__(
        self,
        network: nn.Module,
        shape: Sequence[int],
        mean: Tensor,
        scale: Tensor,
        augmentation: Any = None,
        n_views: int = 1,
    ):
        super().__init__()
        self.network = network
        self.shape = tuple(shape)
        self.augmentation = augmentation
        self.n_views = n_views
        self.mean: Tensor
        self.scale: Tensor
        broadcast = (len(mean), *[1] * (len(self.shape) - 1))
        self.register_buffer("mean", mean.reshape(broadcast))
        self.register_buffer("scale", scale.reshape(broadcast))
        self.multiply_adds, self.largest_output = _cost(network, self.shape)
        most = _ACTIVATIONS_AT_ONCE // self.largest_output
        self.n_rows_at_once = min(max(most, 1), 1024)

    def forward(self, X: Tensor) -> Tensor | TrainingOutput:
        """Compute the raw outputs.

        Parameters
        ----------
        X : torch.Tensor of shape (n, ...)
            The rows, flat or with channels at the end.

        Returns
        -------
        output : torch.Tensor of shape (n, n_outputs) or TrainingOutput
            The raw outputs; in training with what the loss needs beside them.
        """
        images = self.as_images(X)
        if self.training:
            return self._training_output(images)
        if self.n_views == 1:
            output: Tensor = self.network(self.standardized(images))
            return output
        # The same views of the same rows, whoever has drawn numbers before.
        generator = torch.Generator(images.device).manual_seed(0)
        views = self.augmentation.views(images, self.n_views, generator)
        outputs = [self.network(self.standardized(view)) for view in views]
        return torch.stack(outputs).mean(dim=0)

    def _training_output(self, images: Tensor) -> TrainingOutput:
        partner: Tensor | None = None
        share: Tensor | float = 1.0
        if self.augmentation is not None:
            images = self.augmentation(images, None)
            if getattr(self.augmentation, "mixup", 0):
                images, partner, share = self.augmentation.mix(images, None)
        output = self.network(self.standardized(images))
        main, *auxiliary = output if isinstance(output, tuple) else (output,)
        weight = getattr(self.network, "auxiliary_weight", 0.0)
        return TrainingOutput(main, tuple(auxiliary), weight, partner, share)

    def as_images(self, X: Tensor) -> Tensor:
        """Return rows as floating numbers with channels at the front.

        Parameters
        ----------
        X : torch.Tensor of shape (n, ...)
            The rows, flat or with channels at the end.

        Returns
        -------
        images : torch.Tensor of shape (n, channels, ...)
            The same values; bytes are 255ths.
        """
        images = X.reshape(len(X), *self.shape).movedim(-1, 1)
        if X.dtype == torch.uint8:
            return images.to(self.mean.dtype).div_(255)
        return images

    def standardized(self, images: Tensor) -> Tensor:
        """Return channels of about mean 0 and variance 1.

        Parameters
        ----------
        images : torch.Tensor of shape (n, channels, ...)
            The rows.

        Returns
        -------
        standardized : torch.Tensor of shape (n, channels, ...)
            The rows, centred and scaled.
        """
        return (images - self.mean) / self.scale


def _cost(network: nn.Module, shape: Sequence[int]) -> tuple[int, int]:
    """Return the multiply-adds for one row, and the size of the largest output."""
    *spatial, n_channels = shape
    try:
        table = layer_table(network, (n_channels, *spatial))
    except ValueError:  # a network of the user's own need not have a table
        return _guessed_cost(network, shape)
    sizes = [math.prod(row.output_shape) for row in table]
    return table.multiply_adds, max(sizes, default=math.prod(shape))


def _guessed_cost(network: nn.Module, shape: Sequence[int]) -> tuple[int, int]:
    """Return what `_cost` does from the parameters alone."""
    # The parameters of a lazy layer may have no shape yet.
    known = [p for p in network.parameters() if not is_lazy(p)]
    n_positions = math.prod(shape[:-1])
    # Kernels of convolutions have more than two axes, outputs first.
    sizes = [p.shape[0] * (n_positions if p.ndim > 2 else 1) for p in known if p.ndim]
    return sum(p.numel() for p in known), max(math.prod(shape), *sizes, 0)
