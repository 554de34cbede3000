"""Histograms of gradients: three sums in one integer.

A histogram bin holds the sum of the gradients, the sum of the Hessians and the count
of its rows. Gradients and Hessians are rounded to integers, and the three fields are
packed in one int64, the gradient uppermost::

    | gradient (signed) | Hessian | count |

so that one addition adds all three, and sums do not depend on the order of the rows nor
on the number of threads. The fields are as wide as the number of rows allows, and the
sum over all rows still fits. The value of a leaf is not taken from these sums: it is
computed from the gradients themselves.
"""

from typing import NamedTuple

import numpy as np

from sklearn_dl.utils._kernel import kernel, lean_kernel

# Above so many rows a gradient has few levels, and is rounded up or down at random.
_MAX_ROWS_TO_NEAREST = 1 << 16
# Rows whose gradients are added first; the same blocks, whatever the number of threads.
ROWS_A_BLOCK = 4096


class Layout(NamedTuple):
    """The fields of a packed sum.

    Attributes
    ----------
    count_bits, hessian_bits, gradient_bits : int
        How wide each field is. A constant Hessian needs no bits: it is the count.
    is_dithered : bool
        Whether gradients are rounded up or down at random.
    """

    count_bits: int
    hessian_bits: int
    gradient_bits: int
    is_dithered: bool


def choose_layout(n_samples, is_hessian_constant, is_skewed=False):
    """Return the layout for so many rows.

    Parameters
    ----------
    n_samples : int
        Rows that are added at most.
    is_hessian_constant : bool
        Whether the Hessian of every row is 1.
    is_skewed : bool, default=False
        Whether a few rows have so large weights that the others would be rounded to
        nothing.

    Returns
    -------
    layout : Layout
        The widths of the fields.
    """
    count_bits = int(n_samples).bit_length()
    rest = 64 - count_bits
    hessian_bits = 0 if is_hessian_constant else rest // 2 - 1
    return Layout(
        count_bits,
        hessian_bits,
        # At most 2**30, so that a sum of gradients is an int32 in the scan.
        min(rest - hessian_bits, 31),
        bool(is_skewed or n_samples > _MAX_ROWS_TO_NEAREST),
    )


@lean_kernel
def count_of(packed, layout):
    """Return the count of rows in a packed sum.

    Parameters
    ----------
    packed : int
        The sum.
    layout : Layout
        Its fields.

    Returns
    -------
    count : int
        The number of rows.
    """
    return packed & ((1 << layout.count_bits) - 1)


@kernel
def choose_scale(total, n_bits):
    """Return the largest power of two by which values may be multiplied.

    Parameters
    ----------
    total : float
        The sum of their magnitudes.
    n_bits : int
        The width of the field.

    Returns
    -------
    scale : float
        Rounded to integers after this, their sum fits. A power of two, so that it does
        not follow the last digits of the total.
    """
    if not total > 0 or n_bits == 0:
        return 1.0
    # Rounding adds at most a half for each row: the one bit of headroom holds that.
    exponent = np.floor(np.log2(2.0 ** (n_bits - 2) / total))
    return 2.0 ** min(max(exponent, -1000.0), 1000.0)


@kernel
def mix(number):
    """Return 64 well mixed bits of a number (the finaliser of splitmix64).

    Parameters
    ----------
    number : uint64
        Any number: a seed, a row, a round.

    Returns
    -------
    bits : uint64
        Pseudo-random bits.
    """
    z = np.uint64(number) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def uniform(number):
    """Return a pseudo-random number in [0, 1) that follows from another number.

    Parameters
    ----------
    number : uint64
        Any number: a seed, a row, a round.

    Returns
    -------
    u : float
        The pseudo-random number.
    """
    return np.float64(np.int64(mix(number) >> np.uint64(11))) * 2.0**-53


@kernel
def pack(rows, gradients, hessians, scales, layout, seed, packed):
    """Round and pack the gradients and Hessians of some rows.

    Parameters
    ----------
    rows : ndarray of shape (m,), int32
        The rows.
    gradients, hessians : ndarray of shape (n_samples,), float64
        Their values; `hessians` is empty if they are constant.
    scales : tuple of two floats
        By which gradients and Hessians are multiplied.
    layout : Layout
        The fields.
    seed : uint64
        For rounding up or down at random.
    packed : ndarray of shape (m,), int64
        Takes the result.
    """
    g_scale, h_scale = scales
    g_shift = layout.count_bits + layout.hessian_bits
    for i in range(rows.size):
        row = np.uint32(rows[i])
        g_up = h_up = 0.5
        if layout.is_dithered:
            bits = mix(np.uint64(seed) ^ np.uint64(row))
            g_up = np.float64(np.int64(bits >> np.uint64(32))) * 2.0**-32
            h_up = np.float64(np.int64(bits & np.uint64(0xFFFFFFFF))) * 2.0**-32
        g = np.int64(np.floor(gradients[row] * g_scale + g_up))
        packed[i] = (g << g_shift) + 1
        if layout.hessian_bits:
            h = np.int64(np.floor(hessians[row] * h_scale + h_up))
            packed[i] += h << layout.count_bits


@lean_kernel
def build(columns, first, last, rows, packed, offsets, histogram):
    """Add the packed gradients of a node to the bins of some columns.

    Parameters
    ----------
    columns : ndarray of shape (n_columns, n_samples), uint8
        The bin of each value.
    first, last : int
        The columns. Four are handled in a pass, so that rows are read once for four.
    rows : ndarray of shape (m,), int32
        The rows of the node.
    packed : ndarray of shape (m,), int64
        Their gradients.
    offsets : ndarray of shape (n_columns + 1,), int64
        Where the bins of a column begin.
    histogram : ndarray of shape (n_bins,), int64
        Takes the sums.
    """
    histogram[offsets[first] : offsets[last]] = 0
    k = first
    while k + 4 <= last:
        c0, c1, c2, c3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
        h0 = histogram[offsets[k] : offsets[k + 1]]
        h1 = histogram[offsets[k + 1] : offsets[k + 2]]
        h2 = histogram[offsets[k + 2] : offsets[k + 3]]
        h3 = histogram[offsets[k + 3] : offsets[k + 4]]
        for i in range(rows.size):
            row = np.uint32(rows[i])
            value = packed[i]
            h0[c0[row]] += value
            h1[c1[row]] += value
            h2[c2[row]] += value
            h3[c3[row]] += value
        k += 4
    while k < last:
        column = columns[k]
        bins = histogram[offsets[k] : offsets[k + 1]]
        for i in range(rows.size):
            bins[column[np.uint32(rows[i])]] += packed[i]
        k += 1
