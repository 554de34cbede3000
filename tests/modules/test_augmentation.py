"""Augmentation of batches, each change against a reference of other making."""

import numpy as np
import pytest
import scipy.ndimage as ndi
import torch
from scipy import stats

from sklearn_dl.modules import Augmentation, measure_images
from sklearn_dl.modules._image_moves import (
    flip_and_shift,
    interpolate,
    inverse_affine,
)

# The same fill in the words of scipy.
SCIPY_MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect"}
# One of each kind of change, and all of them together.
CHANGES = {
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "rotation": {"rotation": 30.0},
    "shift": {"shift": 0.3},
    "shear": {"shear": 20.0},
    "zoom": {"zoom": 0.3},
    "crop by pixels": {"crop": 2},
    "crop by share": {"crop": 0.5},
    "brightness": {"brightness": 0.3},
    "contrast": {"contrast": 0.3},
    "color_shift": {"color_shift": 0.2},
    "pca_color": {"pca_color": 0.3, "color_components": torch.diag(torch.ones(3))},
    "noise": {"noise": 0.1},
    "erasing": {"erasing": 1.0},
    "cutout": {"cutout": 0.5},
}
CHANGES["all"] = {
    key: value
    for name, change in CHANGES.items()
    if name != "crop by pixels"
    for key, value in change.items()
}
NOT_FOR_SIGNALS = {"vertical_flip": False, "rotation": 0, "shear": 0, "pca_color": 0}
SIGNAL_CHANGES = {
    name: change | NOT_FOR_SIGNALS
    for name, change in CHANGES.items()
    if name not in NOT_FOR_SIGNALS
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(*shape, dtype=torch.float64):
    return torch.rand(shape, generator=seeded(), dtype=dtype)


def maps_of(augmentation, n=400, size=41):
    """Read off the affine maps that were drawn: matrix, and offset from the centre.

    The images hold the coordinates of their own pixels.
    """
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    coordinates = torch.stack(torch.meshgrid(place, place, indexing="ij"))
    moved = augmentation(coordinates.expand(n, -1, -1, -1), seeded())
    middle = slice(size // 2 - 4, size // 2 + 5)
    points = coordinates[:, middle, middle].flatten(1)
    known = torch.cat([points, torch.ones(1, points.shape[1])]).T.numpy()
    values = moved[:, :, middle, middle].flatten(2).transpose(1, 2).numpy()
    solutions = [np.linalg.lstsq(known, value)[0] for value in values]
    # Coordinates are linear, and so is what was made of them: nothing from outside.
    np.testing.assert_allclose(known @ np.array(solutions), values, atol=1e-9)
    found = np.array(solutions).transpose(0, 2, 1)
    return found[:, :, :2], found[:, :, 2]


@pytest.mark.parametrize("fill", SCIPY_MODES)
@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-5, 6), (9, 20)], ids=str)
@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)], ids=str)
def test_flips_and_shifts_are_exact(fill, shift, signs):
    x = random_images(2, 3, 6, 7)
    moved = flip_and_shift(
        x, torch.tensor([signs] * 2), torch.tensor([shift] * 2), fill
    )
    axes = [axis for axis, sign in zip((2, 3), signs, strict=True) if sign < 0]
    flipped = np.flip(x.numpy(), axes)
    # Not scipy's shift, which interpolates whole pixels too: pad and cut.
    pads = [(0, 0), (0, 0), (20, 20), (20, 20)]
    mode = {"constant": "constant", "nearest": "edge", "reflect": "symmetric"}[fill]
    padded = np.pad(flipped, pads, mode=mode)
    row, column = 20 - shift[0], 20 - shift[1]
    expected = padded[:, :, row : row + 6, column : column + 7]
    np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize("fill", SCIPY_MODES)
def test_interpolation_is_that_of_scipy(fill):
    x = random_images(5, 2, 8, 11)
    matrix = torch.randn(5, 2, 2, generator=seeded(), dtype=torch.float64)
    offset = 4 * torch.randn(5, 2, generator=seeded(1), dtype=torch.float64)
    moved = interpolate(x, matrix, offset, fill)
    center = (np.array([8, 11]) - 1) / 2
    for k, channel in np.ndindex(5, 2):
        A, b = matrix[k].numpy(), offset[k].numpy()
        expected = ndi.affine_transform(
            x[k, channel].numpy(),
            A,
            center + b - A @ center,
            order=1,
            mode=SCIPY_MODES[fill],
        )
        np.testing.assert_allclose(moved[k, channel], expected, atol=1e-12)


def matrix_of(angle=0.0, slope=0.0, factor=1.0, n=1, dtype=torch.float64):
    values = {"angle": np.deg2rad(angle), "slope": slope, "factor": factor}
    tensors = {key: torch.full((n,), v, dtype=dtype) for key, v in values.items()}
    return inverse_affine(**tensors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [8, 9, 32])
@pytest.mark.parametrize("fill", SCIPY_MODES)
def test_quarter_turns_lose_nothing(fill, size, dtype):
    x = random_images(2, 3, size, size, dtype=dtype)
    for turns in (1, 2, 3, 4):
        matrix = matrix_of(angle=90.0 * turns, n=2, dtype=dtype)
        turned = interpolate(x, matrix, torch.zeros(2, 2, dtype=dtype), fill)
        expected = np.rot90(x.numpy(), turns, axes=(2, 3))
        bound = size * 2 * torch.finfo(dtype).eps
        np.testing.assert_allclose(turned, expected, atol=bound)


def test_rotation_is_that_of_scipy():
    x = random_images(1, 1, 12, 15)
    offset = torch.zeros(1, 2, dtype=torch.float64)
    turned = interpolate(x, matrix_of(angle=25.0), offset, "reflect")
    expected = ndi.rotate(x[0, 0].numpy(), 25, reshape=False, order=1, mode="reflect")
    np.testing.assert_allclose(turned[0, 0], expected, atol=1e-12)


def test_matrix_undoes_zoom_then_shear_then_rotation():
    cos, sin = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    # Row and column: counter-clockwise is from the right, (0, 1), to the top, (-1, 0).
    rotation = np.array([[cos, -sin], [sin, cos]])
    shear = np.array([[1, 0], [0.3, 1]])
    expected = np.linalg.inv(rotation @ shear @ (1.5 * np.eye(2)))
    np.testing.assert_allclose(matrix_of(20, 0.3, 1.5)[0], expected, atol=1e-15)


def test_flip_is_a_flip_of_half_the_rows():
    x = random_images(400, 3, 5, 4)
    moved = Augmentation(horizontal_flip=True)(x, seeded())
    mirrored = (moved == x.flip(3)).flatten(1).all(1)
    same = (moved == x).flatten(1).all(1)
    assert (mirrored ^ same).all()
    assert 160 < mirrored.sum() < 240


def test_both_flips_are_drawn_independently():
    x = random_images(400, 1, 4, 4)
    moved = Augmentation(horizontal_flip=True, vertical_flip=True)(x, seeded())
    counts = [
        int((moved == x.flip(axes)).flatten(1).all(1).sum())
        for axes in ([], [2], [3], [2, 3])
    ]
    assert sum(counts) == 400
    assert min(counts) > 60


@pytest.mark.parametrize("change", [{"shift": 0.1}, {"crop": 4}], ids=str)
def test_shifts_are_whole_pixels_in_all_directions(change):
    matrices, offsets = maps_of(Augmentation(**change))
    identity = np.broadcast_to(np.eye(2), (400, 2, 2))
    np.testing.assert_allclose(matrices, identity, atol=1e-12)
    np.testing.assert_allclose(offsets, np.rint(offsets), atol=1e-9)
    for axis in (0, 1):
        assert set(np.rint(offsets[:, axis])) == set(range(-4, 5))
    assert abs(np.corrcoef(offsets.T)[0, 1]) < 0.2


def test_crop_has_places_of_equal_probability():
    offsets = maps_of(Augmentation(crop=1), n=3000)[1]
    _, counts = np.unique(np.rint(offsets), axis=0, return_counts=True)
    assert len(counts) == 9
    assert stats.chisquare(counts).pvalue > 1e-3


def test_rotation_stays_within_its_angle():
    matrices, offsets = maps_of(Augmentation(rotation=25.0))
    angles = np.rad2deg(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0]))
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    np.testing.assert_allclose(matrices[:, 0, 0], matrices[:, 1, 1])
    np.testing.assert_allclose(offsets, 0, atol=1e-9)
    assert stats.kstest(angles, stats.uniform(-25, 50).cdf).pvalue > 1e-3


def test_shear_leans_vertical_lines():
    matrices, _ = maps_of(Augmentation(shear=30.0))
    np.testing.assert_allclose(matrices[:, 0], np.tile([1.0, 0.0], (400, 1)), atol=1e-9)
    np.testing.assert_allclose(matrices[:, 1, 1], 1)
    angles = np.rad2deg(np.arctan(-matrices[:, 1, 0]))
    assert stats.kstest(angles, stats.uniform(-30, 60).cdf).pvalue > 1e-3


def test_zoom_makes_larger_and_smaller():
    matrices, _ = maps_of(Augmentation(zoom=0.5))
    factors = 1 / matrices[:, 0, 0]
    logs = np.log(factors) / np.log(1.5)
    assert stats.kstest(logs, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    np.testing.assert_allclose(matrices, np.eye(2) / factors[:, None, None], atol=1e-9)


def test_windows_lie_in_the_image():
    matrices, offsets = maps_of(Augmentation(crop=0.6))
    share = matrices[:, 0, 0]
    np.testing.assert_allclose(matrices, np.eye(2) * share[:, None, None], atol=1e-9)
    assert stats.kstest(share, stats.uniform(0.6, 0.4).cdf).pvalue > 1e-3
    reach = abs(offsets) + share[:, None] * 41 / 2
    assert reach.max() <= 41 / 2 + 1e-9
    assert reach.max() > 0.99 * 41 / 2


def test_moves_together_are_one_map():
    """Zoom, shear, rotate, shift and flip are composed, not interpolated twice."""
    moves = {"rotation": 20.0, "shear": 10.0, "zoom": 0.2, "shift": 0.05}
    matrices, offsets = maps_of(Augmentation(**moves, horizontal_flip=True))
    determinants = np.linalg.det(matrices)
    assert 120 < (determinants < 0).sum() < 280
    sizes = np.sqrt(abs(determinants))
    assert sizes.min() >= 1 / 1.2 - 1e-9
    assert sizes.max() <= 1.2 + 1e-9
    shifts = np.linalg.solve(matrices, -offsets[:, :, None])[:, :, 0]
    np.testing.assert_allclose(shifts, np.rint(shifts), atol=1e-8)


def test_brightness_scales_values():
    x = random_images(500, 2, 3, 3) + 0.1
    factors = Augmentation(brightness=0.3)(x, seeded()) / x
    np.testing.assert_allclose(
        factors, factors[:, :1, :1, :1].expand_as(factors), rtol=1e-12
    )
    sample = factors[:, 0, 0, 0]
    assert stats.kstest(sample, stats.uniform(0.7, 0.6).cdf).pvalue > 1e-3


def test_contrast_scales_differences_from_the_mean():
    x = random_images(500, 2, 3, 3)
    changed = Augmentation(contrast=0.4)(x, seeded())
    mean = x.mean((1, 2, 3), keepdim=True)
    factors = (changed - mean) / (x - mean)
    sample = factors[:, 0, 0, 0]
    np.testing.assert_allclose(
        changed, mean + sample[:, None, None, None] * (x - mean), rtol=1e-12
    )
    assert stats.kstest(sample, stats.uniform(0.6, 0.8).cdf).pvalue > 1e-3


def test_color_shift_moves_channels_apart():
    x = random_images(500, 3, 4, 4)
    moved = Augmentation(color_shift=0.1, value_range=(-1.0, 3.0))(x, seeded()) - x
    np.testing.assert_allclose(moved, moved[:, :, :1, :1].expand_as(moved), atol=1e-12)
    sample = moved[:, :, 0, 0].numpy()
    assert stats.kstest(sample.ravel(), stats.uniform(-0.4, 0.8).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(sample.T) - np.eye(3)).max() < 0.2


def test_pca_color_is_that_of_numpy():
    mixing = torch.tensor([[0.3, 0.2, 0.1], [0.0, 0.1, 0.1], [0.0, 0.0, 0.02]])
    colors = torch.randn(40, 6, 6, 3, generator=seeded()) @ mixing
    x = colors.movedim(-1, 1)
    _, components = measure_images(x)
    covariance = np.cov(colors.reshape(-1, 3).double().T, bias=True)
    np.testing.assert_allclose(components.T @ components, covariance, atol=1e-6)
    lengths = components.norm(dim=1)
    np.testing.assert_allclose(
        lengths**2, np.linalg.eigvalsh(covariance)[::-1], rtol=1e-4
    )
    np.testing.assert_allclose(
        components @ components.T, np.diag(lengths**2), atol=1e-6
    )

    augmentation = Augmentation(pca_color=0.1, color_components=components)
    moved = augmentation(x.repeat(50, 1, 1, 1), seeded()) - x.repeat(50, 1, 1, 1)
    np.testing.assert_allclose(moved, moved[:, :, :1, :1].expand_as(moved), atol=1e-6)
    amounts = np.linalg.solve(components.double().T, moved[:, :, 0, 0].double().T)
    for amount in amounts:
        assert stats.kstest(amount, stats.norm(0, 0.1).cdf).pvalue > 1e-3


def test_colors_of_bytes_and_of_few_rows_at_a_time(monkeypatch):
    x = torch.randint(256, (30, 3, 4, 5), generator=seeded(), dtype=torch.uint8)
    value_range, components = measure_images(x)
    assert value_range == (0.0, 255.0)
    monkeypatch.setattr("sklearn_dl.modules._augmentation._BLOCK_SIZE", 7 * 60)
    np.testing.assert_allclose(measure_images(x)[1], components, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(
        measure_images(x / 255)[1], components / 255, rtol=1e-4, atol=1e-5
    )


def test_measures_of_images():
    x = random_images(3, 2, 4, 4) * 6 - 2
    value_range, components = measure_images(x, colors=False)
    assert value_range == (x.min(), x.max())
    assert components is None


def test_noise_is_normal():
    x = random_images(20, 3, 10, 10)
    noise = Augmentation(noise=0.05, value_range=(0.0, 2.0))(x, seeded()) - x
    assert stats.kstest(noise.flatten(), stats.norm(0, 0.1).cdf).pvalue > 1e-3
    assert len(noise.unique()) == noise.numel()


def test_clip_keeps_values_in_their_range():
    x = random_images(20, 3, 10, 10)
    strong = {"noise": 1.0, "brightness": 0.9, "contrast": 0.9, "color_shift": 0.9}
    changed = Augmentation(**strong, clip=True)(x, seeded())
    assert (changed.min(), changed.max()) == (0, 1)
    free = Augmentation(**strong)(x, seeded())
    assert free.min() < -1
    np.testing.assert_array_equal(changed, free.clamp(0, 1))


def rectangles(mask):
    """Return heights and widths of the rectangles that masks (n, h, w) are."""
    rows, columns = mask.any(2), mask.any(1)
    assert (mask == (rows[:, :, None] & columns[:, None, :])).all()
    for sides in (rows, columns):
        # One stretch: it begins once.
        assert ((sides[:, 1:] & ~sides[:, :-1]).sum(1) + sides[:, 0] <= 1).all()
    return rows.sum(1), columns.sum(1)


def test_erasing_puts_random_values_in_a_rectangle():
    x = torch.full((600, 2, 20, 30), 5.0)
    erased = Augmentation(erasing=0.5, value_range=(-1.0, 1.0))(x, seeded())
    mask = (erased != 5).all(1)
    np.testing.assert_array_equal(mask, (erased != 5).any(1))
    heights, widths = rectangles(mask)
    chosen = heights > 0
    assert 240 < chosen.sum() < 360
    areas = (heights * widths)[chosen] / 600
    assert areas.min() < 0.04 < 0.35 < areas.max() < 0.43
    aspects = (heights / widths)[chosen & (heights > 5) & (widths > 5)]
    assert 0.25 < aspects.min() < 0.5 < 2 < aspects.max() < 4
    values = erased[erased != 5]
    assert (values.min(), values.max()) == pytest.approx((-1, 1), abs=0.01)
    assert abs(values.mean()) < 0.02
    # All places, up to the edges.
    assert mask.any(0).all()


def test_cutout_puts_the_mean_in_a_rectangle():
    x = random_images(600, 2, 8, 12)
    cut = Augmentation(cutout=0.5)(x, seeded())
    mask = (cut != x).any(1)
    heights, widths = rectangles(mask)
    # At most half of the sides, and a quarter of them where the centre is on the edge.
    assert set(heights.tolist()) == {2, 3, 4}
    assert set(widths.tolist()) == {3, 4, 5, 6}
    mean = x.mean((2, 3), keepdim=True).expand_as(x)
    places = mask[:, None].expand_as(x)
    np.testing.assert_array_equal(cut[places], mean[places])
    assert mask.any(0).all()


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 4.0, 50.0])
def test_mixup_draws_from_the_beta_distribution(alpha):
    augmentation, generator = Augmentation(mixup=alpha), seeded()
    x = torch.zeros(1, 1)
    shares = torch.stack([augmentation.mix(x, generator)[2] for _ in range(1500)])
    assert stats.kstest(shares.double(), stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    assert shares.min() >= 0
    assert shares.max() <= 1


def test_mixup_with_a_parameter_near_0_takes_the_one_or_the_other():
    augmentation, generator = Augmentation(mixup=1e-3), seeded()
    x = torch.zeros(1, 1)
    shares = torch.stack([augmentation.mix(x, generator)[2] for _ in range(300)])
    assert ((shares < 1e-3) | (shares > 1 - 1e-3)).double().mean() > 0.97
    assert 0.4 < shares.mean() < 0.6


def test_mixup_mixes_rows_with_their_partners():
    x = random_images(30, 3, 4, 4)
    mixed, partner, share = Augmentation(mixup=1.0).mix(x, seeded())
    assert share.shape == ()
    assert sorted(partner) == list(range(30))
    np.testing.assert_allclose(mixed, share * x + (1 - share) * x[partner], rtol=1e-12)


def test_views_of_a_crop_by_pixels():
    x = random_images(3, 2, 7, 9)
    views = Augmentation(crop=2, fill="constant", horizontal_flip=True).views(x, 10)
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), (2, 2), (2, 2)])
    corners = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    for k, (row, column) in enumerate(corners):
        crop = padded[:, :, row : row + 7, column : column + 9]
        np.testing.assert_array_equal(views[2 * k], crop)
        np.testing.assert_array_equal(views[2 * k + 1], crop[..., ::-1])


def test_views_of_a_crop_by_share_are_the_corners():
    x = random_images(2, 1, 8, 8)
    views = Augmentation(crop=0.5).views(x, 5)
    np.testing.assert_array_equal(views[0], x)
    # Windows of 6 x 6 pixels, enlarged.
    for view, row, column in zip(views[1:], (0, 0, 2, 2), (0, 2, 0, 2), strict=True):
        window = x[:, :, row : row + 6, column : column + 6]
        inner = torch.nn.functional.interpolate(
            window, size=(8, 8), mode="bilinear", align_corners=False
        )
        np.testing.assert_allclose(view[:, :, 1:-1, 1:-1], inner[:, :, 1:-1, 1:-1])


def test_views_without_a_crop_take_the_shift():
    x = random_images(2, 1, 10, 10)
    views = Augmentation(shift=0.2, vertical_flip=True).views(x, 4)
    np.testing.assert_array_equal(views[0], x)
    np.testing.assert_array_equal(views[1], x.flip(2))
    np.testing.assert_array_equal(views[2][:, :, 2:, 2:], x[:, :, :-2, :-2])
    np.testing.assert_array_equal(views[3], views[2].flip(2))


def test_views_of_signals_are_their_ends():
    x = random_images(2, 3, 10)
    views = Augmentation(crop=3, fill="constant").views(x, 3)
    np.testing.assert_array_equal(views[1][..., 3:], x[..., :-3])
    np.testing.assert_array_equal(views[2][..., :-3], x[..., 3:])


def test_further_views_are_drawn_once_for_all_rows():
    x = random_images(6, 2, 9, 9)
    augmentation = Augmentation(rotation=40.0, horizontal_flip=True, noise=0.5)
    views = augmentation.views(x, 5, seeded())
    np.testing.assert_array_equal(views[1], x.flip(3))
    for k in range(2, 5):
        assert not (views[:k] == views[k]).flatten(1).all(1).any()
    # A row's views do not depend on those beside it.
    alone = augmentation.views(x[2:3], 5, seeded())
    np.testing.assert_allclose(alone[:, 0], views[:, 2], atol=1e-12)


def test_views_that_would_all_be_the_same():
    with pytest.raises(ValueError, match=r"n_views must be 1 .* got 3"):
        Augmentation(noise=1.0).views(torch.zeros(1, 1, 4, 4), 3)
    x = random_images(1, 1, 4, 4)
    np.testing.assert_array_equal(Augmentation(noise=1.0).views(x, 1)[0], x)


@pytest.mark.parametrize("name", CHANGES)
def test_rows_get_numbers_of_their_own_from_the_seed(name):
    x = random_images(1, 3, 12, 12).repeat(8, 1, 1, 1)
    before = x.clone()
    augmentation = Augmentation(**CHANGES[name])
    state = torch.get_rng_state()
    changed = augmentation(x, seeded())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(augmentation(x, seeded()), changed)
    assert not torch.equal(augmentation(x, seeded(1)), changed)
    assert len(changed.unique(dim=0)) > 2
    assert torch.equal(x, before)
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    single = augmentation(x.float(), seeded())
    assert single.dtype == torch.float32
    # The same changes in another type: they are not drawn in it.
    np.testing.assert_allclose(single, changed, atol=1e-4)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("shape", [(1, 3, 5, 9), (7, 3, 1, 6), (2, 3, 4, 1)], ids=str)
def test_shapes_and_layouts(name, shape):
    change = CHANGES[name]
    x = random_images(*shape)
    changed = Augmentation(**change)(x, seeded())
    assert changed.shape == x.shape
    assert changed.isfinite().all()
    channels_last = x.contiguous(memory_format=torch.channels_last)
    other = Augmentation(**change)(channels_last, seeded())
    assert other.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(other, changed, atol=1e-12)


@pytest.mark.parametrize("name", SIGNAL_CHANGES)
def test_signals_are_images_one_pixel_high(name):
    x = random_images(6, 3, 20)
    augmentation = Augmentation(**SIGNAL_CHANGES[name])
    changed = augmentation(x, seeded())
    assert changed.shape == x.shape
    assert not torch.equal(changed, x)
    images = augmentation(x[:, :, None], seeded())
    np.testing.assert_array_equal(changed, images[:, :, 0])


def test_a_signal_loses_a_stretch_of_the_same_share():
    x = torch.full((300, 2, 100), 5.0)
    shares = (Augmentation(erasing=1.0)(x, seeded()) != 5).double().mean((1, 2))
    assert 0.02 <= shares.min() < 0.05
    assert 0.35 < shares.max() <= 0.4
    x = random_images(300, 1, 100)
    shares = (Augmentation(cutout=0.3)(x, seeded()) != x).double().mean((1, 2))
    assert 0.14 < shares.min() < shares.max() == 0.3


@pytest.mark.parametrize("shape", [(4, 3, 6, 6), (4, 3, 6)], ids=str)
def test_without_strength_nothing_is_done(shape):
    x = random_images(*shape)
    generator = seeded()
    assert Augmentation(fill="constant", mixup=0.3)(x, generator) is x
    assert torch.equal(generator.get_state(), seeded().get_state())


def test_nothing_is_done_in_eval_mode():
    x = random_images(4, 3, 6, 6)
    network = torch.nn.Sequential(Augmentation(**CHANGES["all"]))
    with torch.random.fork_rng():
        assert not torch.equal(network(x), x)
    assert network.eval()(x) is x


@pytest.mark.parametrize("shape", [(2, 1, 4, 4, 4), (2, 4)], ids=str)
def test_neither_images_nor_signals(shape):
    with pytest.raises(ValueError, match=rf"height, width.*length.*got \({shape[1]}"):
        Augmentation()(torch.zeros(shape))


@pytest.mark.parametrize(
    "change",
    [
        {"vertical_flip": True},
        {"rotation": 5.0},
        {"shear": 5.0},
        {"pca_color": 0.1, "color_components": torch.eye(1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_signals_cannot(change):
    name, value = next(iter(change.items()))
    message = f"{name} of Augmentation means nothing for signals .* got {value!r}"
    with pytest.raises(ValueError, match=message):
        Augmentation(**change)(torch.zeros(2, 1, 8))


def test_other_bad_parameters():
    with pytest.raises(ValueError, match=r"fill of Augmentation .* got 'wrap'"):
        Augmentation(fill="wrap")
    with pytest.raises(ValueError, match="pca_color of Augmentation needs color_comp"):
        Augmentation(pca_color=0.1)
    with pytest.raises(ValueError, match=r"crop of Augmentation .* \(1, 9, 4\), got 4"):
        Augmentation(crop=4)(torch.zeros(1, 1, 9, 4))
    augmentation = Augmentation(pca_color=0.1, color_components=torch.eye(3))
    with pytest.raises(ValueError, match=r"3 channels, .* \(1, 4, 4\) have 1"):
        augmentation(torch.zeros(1, 1, 4, 4))


@pytest.mark.gpu
@pytest.mark.parametrize("name", CHANGES)
def test_on_a_gpu(name):
    x = random_images(50, 3, 12, 12, dtype=torch.float32).cuda()
    augmentation = Augmentation(**CHANGES[name]).cuda()
    changed, again = (
        augmentation(x, torch.Generator("cuda").manual_seed(0)) for _ in range(2)
    )
    assert changed.device == x.device
    assert torch.equal(changed, again)
    assert not torch.equal(changed, x)


@pytest.mark.gpu
@pytest.mark.parametrize("fill", SCIPY_MODES)
def test_moves_on_a_gpu_are_those_on_the_cpu(fill):
    x = random_images(5, 2, 64, 48, dtype=torch.float32)
    matrix = torch.randn(5, 2, 2, generator=seeded())
    offset = 4 * torch.randn(5, 2, generator=seeded(1))
    expected = interpolate(x, matrix, offset, fill)
    moved = interpolate(x.cuda(), matrix.cuda(), offset.cuda(), fill)
    np.testing.assert_allclose(moved.cpu(), expected, atol=1e-4)
