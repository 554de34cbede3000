"""Random changes to training images, a whole batch at a time."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_dl.modules._image_moves import (
    FILLS,
    flip_and_shift,
    inside,
    interpolate,
    inverse_affine,
)

__all__ = ["Augmentation", "measure_images"]

# Random erasing as published: the share of an image's area, and height over width.
_ERASED_AREA = (0.02, 0.4)
_ERASED_ASPECT = 0.3
# Values of images that are looked at at once.
_BLOCK_SIZE = 2**24


class _Draws:
    """Random numbers for a batch: float32 whatever its type, so that they agree.

    Parameters
    ----------
    x : torch.Tensor of shape (n_rows, ...)
        The batch.
    generator : torch.Generator or None
        Where they come from; None for the global one.
    shared : bool, default=False
        Whether all rows get the same.
    """

    def __init__(
        self, x: Tensor, generator: torch.Generator | None, shared: bool = False
    ):
        self.dtype = x.dtype
        self.options: dict[str, Any] = {
            "generator": generator,
            "device": x.device,
            "dtype": torch.float32,
        }
        self.shared = shared

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Draw numbers of a shape, whose first axis are the rows."""
        own = (1, *shape[1:]) if self.shared and shape else shape
        drawn = torch.rand(own, **self.options).mul_(high - low).add_(low)
        return drawn.to(self.dtype).expand(shape)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, other ones for each row."""
        return torch.randn(shape, **self.options).to(self.dtype)


class Augmentation(nn.Module):
    """Random changes to images that leave their targets as they are.

    Every row of a batch gets random numbers of its own. A row is flipped, rotated,
    shifted, sheared, zoomed and cropped in one step, then its values are changed, then
    parts of it are erased. Signals take what makes sense without a second dimension.
    In eval mode nothing is changed.

    Read more in the :ref:`User Guide <augmentation>`.

    Parameters
    ----------
    horizontal_flip : bool, default=False
        Whether half of the rows, drawn at random, are mirrored: left becomes right.
        A signal runs backwards.
    vertical_flip : bool, default=False
        Whether half of the rows are turned upside down. Not for signals.
    rotation : float, default=0.0
        Largest angle in degrees, to both sides. Not for signals.
    shift : float, default=0.0
        Largest shift to all sides, as a share of height and width. Shifts are whole
        pixels.
    shear : float, default=0.0
        Largest angle, in degrees, by which vertical lines lean to either side. Not for
        signals.
    zoom : float, default=0.0
        Rows become larger by a factor between 1 / (1 + zoom) and 1 + zoom, drawn
        uniformly on a logarithmic scale.
    crop : int or float, default=None
        A whole number is that of the pixels that are added on each side before a crop
        of the old size is taken at random. Between 0 and 1 it is the smallest share of
        the sides that a window has, which is put at a random place and enlarged to
        the old size.
    brightness : float, default=0.0
        Values are multiplied by a factor between 1 - brightness and 1 + brightness.
    contrast : float, default=0.0
        Differences from the row's mean are multiplied by a factor between
        1 - contrast and 1 + contrast.
    color_shift : float, default=0.0
        Each channel is shifted by up to this share of the range of values.
    pca_color : float, default=0.0
        Standard deviation of shifts along the principal components of the colours, in
        units of the standard deviation along each, after [1]_.
    noise : float, default=0.0
        Standard deviation of normal noise, as a share of the range of values.
    erasing : float, default=0.0
        Probability that a row loses a rectangle of random size and place to random
        values, after [2]_.
    cutout : float, default=0.0
        Sides of a rectangle that takes the row's mean, as a share of height and width.
        Its centre is any pixel, so that part of it may lie outside. After [3]_.
    mixup : float, default=0.0
        Both parameters of the beta distribution that :meth:`mix` draws from, after
        [4]_. It is for the training loop, which mixes the losses; `forward` leaves it
        alone.
    fill : {"constant", "nearest", "reflect"}, default="nearest"
        What moves in from outside: 0, the nearest pixel, or the mirror image.
    value_range : sequence of two float, default=(0.0, 1.0)
        Smallest and largest value of an image.
    clip : bool, default=False
        Whether values are kept in `value_range`.
    color_components : torch.Tensor of shape (n_channels, n_channels), default=None
        The principal components of the training images' colours, one a row, each as
        long as the standard deviation along it. Needed by `pca_color`.

    See Also
    --------
    sklearn_dl.preprocessing.ImageAugmenter : The same as a transformer of arrays.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with
       deep convolutional neural networks", NeurIPS 2012.
    .. [2] Z. Zhong, L. Zheng, G. Kang, S. Li and Y. Yang, "Random erasing data
       augmentation", AAAI 2020.
    .. [3] T. DeVries and G. Taylor, "Improved regularization of convolutional neural
       networks with cutout", arXiv 1708.04552.
    .. [4] H. Zhang, M. Cisse, Y. Dauphin and D. Lopez-Paz, "mixup: beyond empirical
       risk minimization", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import Augmentation
    >>> augmentation = Augmentation(horizontal_flip=True)
    >>> image = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    >>> batch = image.repeat(4, 1, 1, 1)
    >>> augmentation(batch, torch.Generator().manual_seed(0)).reshape(4, 3)
    tensor([[3., 2., 1.],
            [1., 2., 3.],
            [3., 2., 1.],
            [3., 2., 1.]])
    """

    value_range: tuple[float, float]
    color_components: Tensor | None

    def __init__(
        self,
        *,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rotation: float = 0.0,
        shift: float = 0.0,
        shear: float = 0.0,
        zoom: float = 0.0,
        crop: float | None = None,
        brightness: float = 0.0,
        contrast: float = 0.0,
        color_shift: float = 0.0,
        pca_color: float = 0.0,
        noise: float = 0.0,
        erasing: float = 0.0,
        cutout: float = 0.0,
        mixup: float = 0.0,
        fill: str = "nearest",
        value_range: Sequence[float] = (0.0, 1.0),
        clip: bool = False,
        color_components: Tensor | None = None,
    ):
        super().__init__()
        if fill not in FILLS:
            raise ValueError(
                f"fill of Augmentation must be one of {sorted(FILLS)}, got {fill!r}."
            )
        if pca_color and color_components is None:
            raise ValueError(
                f"pca_color of Augmentation needs color_components, which "
                f"measure_images finds, got pca_color={pca_color!r} without."
            )
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rotation = rotation
        self.shift = shift
        self.shear = shear
        self.zoom = zoom
        self.crop = crop
        # Pixels to add on each side, or the smallest share of the sides.
        self._padding = int(crop) if isinstance(crop, Integral) else 0
        self._window = float(crop) if crop and not self._padding else 1.0
        self.brightness = brightness
        self.contrast = contrast
        self.color_shift = color_shift
        self.pca_color = pca_color
        self.noise = noise
        self.erasing = erasing
        self.cutout = cutout
        self.mixup = mixup
        self.fill = fill
        self.value_range = (float(value_range[0]), float(value_range[1]))
        self.clip = clip
        self.register_buffer("color_components", color_components)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Change a batch.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_channels, height, width) or \
                (n_rows, n_channels, length)
            Images or signals, of a floating type. They stay as they are.
        generator : torch.Generator, default=None
            Where the random numbers come from, on the device of `x`. None takes the
            global one.

        Returns
        -------
        changed : torch.Tensor of the shape of `x`
            The batch, changed; `x` itself where there is nothing to change.

        Raises
        ------
        ValueError
            If `x` is neither images nor signals, or signals are to be changed in ways
            that they cannot be.
        """
        self.check_shape(x.shape[1:])
        if not self.training:
            return x
        images = _as_images(x)
        draws = _Draws(x, generator)
        changed = self._move(images, draws)
        changed = self._recolor(changed, draws)
        changed = self._erase(changed, draws)
        if changed is images:
            return x
        if images.is_contiguous(memory_format=torch.channels_last):
            changed = changed.contiguous(memory_format=torch.channels_last)
        return changed.reshape(x.shape)

    def check_shape(
        self, input_shape: Sequence[int], name: str = "Augmentation"
    ) -> None:
        """Check that inputs of a shape can be changed.

        Parameters
        ----------
        input_shape : sequence of int
            Shape of a row: (n_channels, height, width) or (n_channels, length).
        name : str, default="Augmentation"
            Whose parameters they are, for errors.

        Raises
        ------
        ValueError
            If they cannot.
        """
        shape = tuple(input_shape)
        if len(shape) not in (2, 3):
            raise ValueError(
                f"{name} takes images of shape (n_channels, height, width) and "
                f"signals of shape (n_channels, length), got {shape}."
            )
        if len(shape) == 2:
            for parameter in ("vertical_flip", "rotation", "shear", "pca_color"):
                value = getattr(self, parameter)
                if value:
                    raise ValueError(
                        f"{parameter} of {name} means nothing for signals and must be "
                        f"{type(value)()!r} for rows of shape {shape}, got {value!r}."
                    )
        sides = [side for side in shape[1:] if side > 1]
        if any(side <= self._padding for side in sides):
            raise ValueError(
                f"crop of {name} must be less than the sides of the images, which have "
                f"the shape {shape}, got {self.crop!r}."
            )
        colors = self.color_components
        if self.pca_color and colors is not None and len(colors) != shape[0]:
            raise ValueError(
                f"pca_color of {name} knows the colours of images with {len(colors)} "
                f"channels, the images of shape {shape} have {shape[0]}."
            )

    @property
    def _jumps(self) -> bool:
        """Whether rows move by whole pixels."""
        flips = self.horizontal_flip or self.vertical_flip
        return bool(flips or self.shift or self._padding)

    @property
    def _bends(self) -> bool:
        """Whether rows move to where there are no pixels."""
        return bool(self.rotation or self.shear or self.zoom or self._window < 1)

    def _move(self, x: Tensor, draws: _Draws) -> Tensor:
        """Flip, rotate, shift, shear, zoom and crop."""
        if not (self._jumps or self._bends):
            return x
        signs, shifts = self._draw_signs(x, draws), self._draw_shifts(x, draws)
        if not self._bends:
            return flip_and_shift(x, signs, shifts, self.fill)
        n = len(x)
        matrix = inverse_affine(
            angle=torch.deg2rad(draws.uniform(-self.rotation, self.rotation, n)),
            slope=torch.deg2rad(draws.uniform(-self.shear, self.shear, n)).tan(),
            factor=draws.uniform(-1, 1, n).mul(math.log1p(self.zoom)).exp(),
        )
        matrix = signs[:, :, None] * matrix
        origin = -shifts  # (n, 2): row and column, from the centre
        scale = torch.ones_like(matrix[:, :1, :1])
        if self._window < 1:
            share = draws.uniform(self._window, 1, n)[:, None]
            # The window may go as far from the centre as it still lies in the image.
            slack = (1 - share) / 2 * _movable(x)
            origin = origin + draws.uniform(-1, 1, n, 2) * slack
            scale = share[:, :, None]
        offset = (matrix * origin[:, None, :]).sum(-1)
        return interpolate(x, matrix * scale, offset, self.fill)

    def _draw_signs(self, x: Tensor, draws: _Draws) -> Tensor:
        """Draw -1 where rows, or columns, are to be mirrored, else 1: (n, 2)."""
        signs = torch.ones(len(x), 2, device=x.device, dtype=x.dtype)
        for axis, flips in enumerate((self.vertical_flip, self.horizontal_flip)):
            if flips:
                signs[:, axis].masked_fill_(draws.uniform(0, 1, len(x)) < 0.5, -1)
        return signs

    def _draw_shifts(self, x: Tensor, draws: _Draws) -> Tensor:
        """Draw by how many whole pixels to shift, down and to the right: (n, 2)."""
        shifts = torch.zeros(len(x), 2, device=x.device, dtype=x.dtype)
        movable = _movable(x)
        if self.shift:
            drawn = draws.uniform(-1, 1, len(x), 2) * (self.shift * movable)
            shifts = shifts + drawn.round()
        if self._padding:
            # Each of the 2 padding + 1 places has the same probability.
            drawn = draws.uniform(-0.5, 0.5, len(x), 2) * (2 * self._padding + 1)
            shifts = shifts + torch.where(movable > 0, drawn.round(), 0)
        return shifts

    def _recolor(self, x: Tensor, draws: _Draws) -> Tensor:
        """Change contrast, brightness and colours, and add noise."""
        n, n_channels = x.shape[:2]
        span = self.value_range[1] - self.value_range[0]
        changed = x
        if self.contrast:
            factor = 1 + draws.uniform(-self.contrast, self.contrast, n, 1, 1, 1)
            changed = torch.lerp(changed.mean((1, 2, 3), keepdim=True), changed, factor)
        if self.brightness:
            bright = draws.uniform(-self.brightness, self.brightness, n, 1, 1, 1)
            changed = changed * (1 + bright)
        if self.color_shift:
            moved = draws.uniform(-1, 1, n, n_channels, 1, 1)
            changed = changed + self.color_shift * span * moved
        if self.pca_color and self.color_components is not None:
            drawn = self.pca_color * draws.normal(n, n_channels, 1)
            # (n, n_components, 1) times (n_components, n_channels)
            moved = (drawn * self.color_components.to(x)).sum(1)
            changed = changed + moved[:, :, None, None]
        if self.noise:
            # In place: fresh memory takes longer than the sum.
            changed = draws.normal(*x.shape).mul_(self.noise * span).add_(changed)
        if self.clip and changed is not x:
            changed = changed.clamp_(*self.value_range)
        return changed

    def _erase(self, x: Tensor, draws: _Draws) -> Tensor:
        """Put random values, or the mean, in rectangles."""
        if self.erasing:
            chosen = draws.uniform(0, 1, len(x)) < self.erasing
            start, size = self._draw_rectangles(x, draws)
            values = draws.uniform(*self.value_range, *x.shape)
            mask = inside(x, start, size) & chosen[:, None, None, None]
            x = torch.where(mask, values, x)
        if self.cutout:
            sides = x.new_tensor(x.shape[2:])
            size = (self.cutout * sides).round().clamp(min=1)
            center = (draws.uniform(0, 1, len(x), 2) * sides).floor()
            start = center - (size / 2).floor()
            mean = x.mean((2, 3), keepdim=True)
            x = torch.where(inside(x, start, size.expand_as(start)), mean, x)
        return x

    def _draw_rectangles(self, x: Tensor, draws: _Draws) -> tuple[Tensor, Tensor]:
        """Draw the first row and column, and the height and width: (n, 2) each."""
        n, _, height, width = x.shape
        area = draws.uniform(*_ERASED_AREA, n) * (height * width)
        limit = -math.log(_ERASED_ASPECT)
        aspect = draws.uniform(-limit, limit, n).exp()
        rows = (area * aspect).sqrt().round().clamp(1, height)
        columns = (area / rows).round().clamp(1, width)
        size = torch.stack([rows, columns], dim=1)
        places = x.new_tensor([height, width]) - size + 1
        start = (draws.uniform(0, 1, n, 2) * places).floor()
        return start, size

    def mix(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix each row of a batch with another one.

        The loss of a mixed row is ``share * loss(y) + (1 - share) * loss(y[partner])``.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, ...)
            The batch.
        generator : torch.Generator, default=None
            Where the random numbers come from, on the device of `x`.

        Returns
        -------
        mixed : torch.Tensor of the shape of `x`
            ``share * x + (1 - share) * x[partner]``.
        partner : torch.Tensor of shape (n_rows,), int64
            Which row each is mixed with.
        share : torch.Tensor of shape ()
            The share of the row itself, one for the batch, drawn from the beta
            distribution with both parameters `mixup`.
        """
        partner = torch.randperm(len(x), generator=generator, device=x.device)
        share = _draw_beta(self.mixup, _Draws(x, generator))
        return torch.lerp(x[partner], x, share), partner, share

    def views(
        self, x: Tensor, n_views: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return several versions of each row, to average predictions over.

        All rows are moved in the same way, so that a prediction does not depend on
        the rest of the batch, and their values stay. The first view is the row itself,
        mirrored ones follow where a flip is on. Then come the crops in the four
        corners, as far from the centre as `crop`, or without it `shift`, goes, each
        followed by its mirror images; where `crop` is a share, the crops are as large
        as the mean of the smallest window and the whole. Signals have two ends in
        place of four corners. Further views are drawn at random.

        Parameters
        ----------
        x : torch.Tensor of shape (n_rows, n_channels, height, width) or \
                (n_rows, n_channels, length)
            Images or signals.
        n_views : int
            How many.
        generator : torch.Generator, default=None
            Where the random numbers come from, on the device of `x`.

        Returns
        -------
        views : torch.Tensor of shape (n_views, n_rows, ...)
            The views.

        Raises
        ------
        ValueError
            If all views would be the same.
        """
        self.check_shape(x.shape[1:])
        if n_views > 1 and not (self._jumps or self._bends):
            raise ValueError(
                f"n_views must be 1 for an augmentation that moves nothing: without "
                f"flips, rotation, shift, shear, zoom and crop all views are the "
                f"same, got {n_views}."
            )
        images = _as_images(x)
        views = [self._view(images, *known) for known in self._known_views(images)]
        draws = _Draws(images, generator, shared=True)
        views += [self._move(images, draws) for _ in range(len(views), n_views)]
        return torch.stack(views[:n_views]).reshape(n_views, *x.shape)

    def _known_views(self, x: Tensor) -> list[tuple[list[int], list[float]]]:
        """List the views without chance, as signs and steps from the centre."""
        sides = [side if side > 1 else 0 for side in x.shape[2:]]
        reach = [float(round(self.shift * side)) for side in sides]
        if self._padding:
            reach = [float(min(self._padding, side)) for side in sides]
        elif self._window < 1:
            reach = [(1 - self._window) / 4 * side for side in sides]
        mirrors = [[1, 1]]
        if self.horizontal_flip:
            mirrors += [[1, -1]]
        if self.vertical_flip:
            mirrors += [[-1, sign] for _, sign in mirrors]
        views = [
            (mirror, [row * reach[0], column * reach[1]])
            for row, column in [(0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]
            for mirror in mirrors
        ]
        # Corners are one where an axis does not move.
        return [view for k, view in enumerate(views) if view not in views[:k]]

    def _view(self, x: Tensor, mirror: Sequence[int], step: Sequence[float]) -> Tensor:
        """Crop at a step from the centre, then mirror."""
        signs = x.new_tensor(mirror).expand(len(x), 2)
        center = x.new_tensor(step).expand(len(x), 2)
        if self._window == 1 or not any(step):
            return flip_and_shift(x, signs, -signs * center, self.fill)
        matrix = torch.diag_embed(signs * ((1 + self._window) / 2))
        return interpolate(x, matrix, center, self.fill)


def _as_images(x: Tensor) -> Tensor:
    """Return signals as images one pixel high."""
    return x[:, :, None] if x.ndim == 3 else x


def _movable(x: Tensor) -> Tensor:
    """Return height and width, 0 for one pixel: that does not go anywhere."""
    sides = [side if side > 1 else 0 for side in x.shape[2:]]
    return torch.tensor(sides, device=x.device, dtype=x.dtype)


def _draw_beta(alpha: float, draws: _Draws) -> Tensor:
    """Draw from the beta distribution with both parameters `alpha`, without rejection.

    Bailey's polar method, which draws t from Student's distribution with 2 alpha
    degrees of freedom, and ``beta = (1 + t / sqrt(2 alpha + t^2)) / 2``.
    """
    u = draws.uniform(0, 1) ** (1 / alpha)
    cosine = torch.cos(2 * math.pi * draws.uniform(0, 1))
    # t^2 = 2 alpha (1 - u) cosine^2 / u, multiplied by u against overflow.
    return (1 + (1 - u).sqrt() * cosine / (u + (1 - u) * cosine**2).sqrt()) / 2


def measure_images(
    images: Tensor, *, colors: bool = True
) -> tuple[tuple[float, float], Tensor | None]:
    """Return what augmentation has to know of the training images.

    Parameters
    ----------
    images : torch.Tensor of shape (n_rows, n_channels, ...)
        The images, of a floating type or uint8.
    colors : bool, default=True
        Whether the principal components of the colours are wanted.

    Returns
    -------
    value_range : tuple of two float
        Smallest and largest value; 0 and 255 for uint8.
    color_components : torch.Tensor of shape (n_channels, n_channels) or None
        The principal components of the pixels' colours, one a row, by falling
        variance, each as long as the standard deviation along it.

    Examples
    --------
    >>> import torch
    >>> from sklearn_dl.modules import measure_images
    >>> grey = torch.tensor([[[0.0, 2.0]]]).expand(1, 3, 2)
    >>> value_range, components = measure_images(grey)
    >>> value_range, (components[0] * 100).round()
    ((0.0, 2.0), tensor([100., 100., 100.]))
    """
    if images.dtype == torch.uint8:
        value_range = (0.0, 255.0)
    else:
        low, high = images.aminmax()
        value_range = (float(low), float(high))
    return value_range, _color_components(images) if colors else None


def _color_components(images: Tensor) -> Tensor:
    n_rows, n_channels = images.shape[:2]
    n_pixels = images[:, 0].numel()
    blocks = images.split(max(1, _BLOCK_SIZE * n_rows // images.numel()))
    mean = torch.zeros(n_channels, dtype=torch.float64)
    for block in blocks:
        mean += _colors(block).sum(1).cpu() / n_pixels
    covariance = torch.zeros(n_channels, n_channels, dtype=torch.float64)
    for block in blocks:
        centered = _colors(block) - mean.to(images.device, torch.float32)[:, None]
        covariance += (centered @ centered.T).cpu() / n_pixels
    variances, vectors = torch.linalg.eigh(covariance)
    components = (vectors * variances.clamp(min=0).sqrt()).T.flip(0)
    # Either sign is right: the largest part of each is positive.
    largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
    return torch.where(largest < 0, -components, components).float()


def _colors(images: Tensor) -> Tensor:
    """Return the pixels as columns: (n_channels, n_pixels)."""
    return images.transpose(0, 1).flatten(1).float()
