"""Images moved about: whole pixels exactly, anything else by interpolation."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

__all__ = ["FILLS", "flip_and_shift", "inside", "interpolate", "inverse_affine"]

# What lies outside an image, and torch's name for it.
FILLS = {"constant": "zeros", "nearest": "border", "reflect": "reflection"}


def flip_and_shift(x: Tensor, signs: Tensor, shifts: Tensor, fill: str) -> Tensor:
    """Flip each image of a batch, then shift it by whole pixels.

    Parameters
    ----------
    x : torch.Tensor of shape (n, n_channels, height, width)
        The images.
    signs : torch.Tensor of shape (n, 2)
        -1 where the order of the rows, or of the columns, is to be reversed, else 1.
    shifts : torch.Tensor of shape (n, 2)
        By how many pixels to move down, and to the right.
    fill : str
        One of :data:`FILLS`.

    Returns
    -------
    moved : torch.Tensor of shape (n, n_channels, height, width)
        Values of `x`, bit by bit, and 0 where a constant fills.
    """
    _, n_channels, height, width = x.shape
    rows, rows_inside = _sources(height, signs[:, 0], shifts[:, 0], fill)
    columns, columns_inside = _sources(width, signs[:, 1], shifts[:, 1], fill)
    index = rows[:, :, None] * width + columns[:, None, :]  # (n, height, width)
    index = index.flatten(1)[:, None].expand(-1, n_channels, -1)
    moved = x.flatten(2).gather(2, index).unflatten(2, (height, width))
    if fill != "constant":
        return moved
    known = rows_inside[:, :, None] & columns_inside[:, None, :]
    return torch.where(known[:, None], moved, 0)


def _sources(
    size: int, sign: Tensor, shift: Tensor, fill: str
) -> tuple[Tensor, Tensor]:
    """Return where the pixels along an axis come from, and whether that is inside."""
    sign, shift = sign.long()[:, None], shift.long()[:, None]
    # Twice the distance from the centre is whole, whether size is even or odd.
    twice = 2 * torch.arange(size, device=sign.device) - (size - 1)
    source = (sign * (twice - 2 * shift) + (size - 1)) // 2  # (n, size)
    known = (source >= 0) & (source < size)
    if fill == "reflect":
        source = source % (2 * size)
        source = torch.minimum(source, 2 * size - 1 - source)
    return source.clamp(0, size - 1), known


def inverse_affine(*, angle: Tensor, slope: Tensor, factor: Tensor) -> Tensor:
    """Return the matrices that undo: enlarge, lean, rotate, in this order.

    Parameters
    ----------
    angle : torch.Tensor of shape (n,)
        By how much to rotate counter-clockwise, in radians.
    slope : torch.Tensor of shape (n,)
        By how many pixels a row is pushed to the right, for each row that it lies
        below the centre.
    factor : torch.Tensor of shape (n,)
        By how much to enlarge.

    Returns
    -------
    matrix : torch.Tensor of shape (n, 2, 2)
        Takes a pixel of the result, row and column from the centre, to the point of the
        image that it comes from.
    """
    cos, sin = angle.cos(), angle.sin()
    back = torch.stack(
        [cos, sin, -sin - slope * cos, cos - slope * sin], dim=1
    )  # rotation undone, then the slope
    return back.unflatten(1, (2, 2)) / factor[:, None, None]


def interpolate(x: Tensor, matrix: Tensor, offset: Tensor, fill: str) -> Tensor:
    """Take each pixel from where an affine map says, bilinear between pixels.

    Parameters
    ----------
    x : torch.Tensor of shape (n, n_channels, height, width)
        The images.
    matrix : torch.Tensor of shape (n, 2, 2)
        Pixel p of a result is the image's value at ``matrix @ p + offset``, all of them
        row and column from the centre.
    offset : torch.Tensor of shape (n, 2)
        See `matrix`.
    fill : str
        One of :data:`FILLS`.

    Returns
    -------
    moved : torch.Tensor of shape (n, n_channels, height, width)
        The results.
    """
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device, dtype=x.dtype) - (height - 1) / 2
    columns = torch.arange(width, device=x.device, dtype=x.dtype) - (width - 1) / 2
    # Columns first, in units of half the size. Sums and products, not a matrix product:
    # that may be rounded to few digits on a GPU.
    unit = torch.tensor([2 / width, 2 / height], device=x.device, dtype=x.dtype)
    matrix, offset = matrix.flip(1) * unit[:, None], offset.flip(1) * unit
    by_row = matrix[:, :, 0, None] * rows + offset[:, :, None]  # (n, 2, height)
    by_column = matrix[:, :, 1, None] * columns  # (n, 2, width)
    points = by_row[:, :, :, None] + by_column[:, :, None, :]
    return grid_sample(
        x,
        points.permute(0, 2, 3, 1),
        mode="bilinear",
        padding_mode=FILLS[fill],
        align_corners=False,
    )


def inside(x: Tensor, start: Tensor, size: Tensor) -> Tensor:
    """Return which pixels lie in a rectangle.

    Parameters
    ----------
    x : torch.Tensor of shape (n, n_channels, height, width)
        The images.
    start, size : torch.Tensor of shape (n, 2)
        First row and column, and height and width. What lies outside is cut off.

    Returns
    -------
    mask : torch.Tensor of shape (n, 1, height, width), bool
        True inside.
    """
    masks = []
    for axis, length in enumerate(x.shape[2:]):
        place = torch.arange(length, device=x.device)
        first, count = start[:, axis, None], size[:, axis, None]
        masks.append((place >= first) & (place < first + count))
    return (masks[0][:, :, None] & masks[1][:, None, :])[:, None]
