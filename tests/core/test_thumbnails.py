"""Thumbnails, held against one Gaussian by its formula and against blending one splat after another."""

from __future__ import annotations

import numpy as np

from lucid_blender.core.splats import SplatCloud
from lucid_blender.core.thumbnails import ELEVATION, PIXEL_BLUR, thumbnail

SIZE = 64


def cloud(
    positions: list[tuple[float, ...]], colors: list[tuple[float, ...]], opacity: float, scale: float
) -> SplatCloud:
    count = len(positions)
    return SplatCloud.from_colors(
        positions=np.array(positions),
        scales=np.full((count, 3), scale),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
        opacities=np.full(count, opacity),
        colors=np.array(colors),
    )


def test_one_round_splat_is_a_round_gaussian_in_the_middle() -> None:
    made = thumbnail(cloud([(3, 2, 1)], [(0.8, 0.4, 0.2)], opacity=0.9, scale=0.1), SIZE)
    pixels = np.arange(SIZE) + 0.5 - SIZE / 2
    squared = pixels[:, None] ** 2 + pixels**2
    sigma = SIZE / (1.1 * 2 + 2 * 2)  # the picture is MARGIN times two sigma, and two on either side, wide
    wanted = 0.9 * np.exp(-0.5 * squared / (sigma**2 + PIXEL_BLUR))
    inside = wanted > 0.02  # fainter parts are cut off at 1 / 255
    np.testing.assert_allclose(made[..., 3][inside], wanted[inside], atol=1e-3)
    np.testing.assert_allclose(made[inside][:, :3], np.tile([0.8, 0.4, 0.2], (inside.sum(), 1)), atol=1e-3)
    assert not made[0, 0].any()


def test_a_long_splat_that_rises_to_the_right_does_so_in_the_picture() -> None:
    half = np.pi / 8  # of a turn by -45 degrees about Y, which takes X to the upper right
    long = SplatCloud.from_colors(
        positions=np.zeros((1, 3)),
        scales=np.array([[0.3, 0.02, 0.02]]),
        rotations=np.array([[np.cos(half), 0, -np.sin(half), 0]]),
        opacities=np.array([0.9]),
        colors=np.ones((1, 3)),
    )
    alpha, middle = thumbnail(long, SIZE)[..., 3], SIZE // 2
    assert alpha[middle - 9, middle + 8] > 0.5 > 0.01 > alpha[middle + 8, middle + 8]
    assert alpha[middle + 8, middle - 9] > 0.5 > 0.01 > alpha[middle - 9, middle - 9]


def test_up_is_up_right_is_right_and_the_front_hides_the_back() -> None:
    places = [(-1, 0, 0), (1, 0, 0), (0, 0, 1), (0, 0, -1), (0, -1, 0), (0, 1, 0)]
    colors = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)]
    made = thumbnail(cloud(places, colors, opacity=0.999, scale=0.12), SIZE)
    middle = SIZE // 2
    reach = next(k for k in range(SIZE) if made[middle, k, 3] > 0.9)

    def strongest(rows: slice, columns: slice) -> list[int]:
        part = made[rows, columns].reshape(-1, 4)
        return part[part[:, 3].argmax()][:3].round().astype(int).tolist()

    assert strongest(slice(middle - 2, middle + 2), slice(0, middle // 2)) == [1, 0, 0] and reach < middle // 2
    assert strongest(slice(middle - 2, middle + 2), slice(SIZE - middle // 2, SIZE)) == [0, 1, 0]
    assert strongest(slice(0, middle // 2), slice(middle - 2, middle + 2)) == [0, 0, 1]
    assert strongest(slice(SIZE - middle // 2, SIZE), slice(middle - 2, middle + 2)) == [1, 1, 0]
    lower, upper = made[middle + 1 : SIZE - middle // 2, middle], made[middle // 2 : middle, middle]
    assert (lower[:, :3].round() == (1, 0, 1)).all(axis=1).any()  # seen from above, the front is lower
    assert (upper[:, :3].round() == (0, 1, 1)).all(axis=1).any()
    assert ELEVATION > 0


def test_many_splats_look_as_if_blended_one_after_another() -> None:
    rng = np.random.default_rng(4)
    places, colors = rng.uniform(-1, 1, (3000, 3)), rng.uniform(0, 1, (3000, 3))
    places[:, 2] = 0  # a sheet along the view's depth; the rest is the same along each ray
    many = cloud([tuple(p) for p in places], [tuple(c) for c in colors], opacity=0.6, scale=0.03)
    made = thumbnail(many, SIZE)
    reference = one_after_another(many, made)
    covered = made[..., 3] > 0.05
    premultiplied = made[..., :3] * made[..., 3:]
    np.testing.assert_allclose(made[..., 3], reference[..., 3], atol=0.01)
    assert np.abs(premultiplied - reference[..., :3])[covered].mean() < 0.03  # order within a slab is lost


def one_after_another(many: SplatCloud, made: np.ndarray) -> np.ndarray:
    """Premultiplied colours and alpha, blended back to front splat by splat."""
    sine, cosine = np.sin(ELEVATION), np.cos(ELEVATION)
    x, z = many.positions[:, 0], many.positions @ np.array([0, sine, cosine])
    depth = many.positions @ np.array([0, cosine, -sine])
    flat = np.stack([x, z], axis=1).astype(np.float64)
    low, high = np.quantile(flat, [0.01, 0.99], axis=0)
    widest = 2 * 0.03
    per_metre = SIZE / (1.1 * (high - low).max() + 2 * widest)
    centres = (flat - (low + high) / 2) * per_metre
    pixels = np.arange(SIZE) + 0.5 - SIZE / 2
    variance = (0.03 * per_metre) ** 2 + PIXEL_BLUR
    result = np.zeros((SIZE, SIZE, 4))
    for k in np.argsort(-depth):
        squared = (pixels - centres[k, 0]) ** 2 + (-pixels[:, None] - centres[k, 1]) ** 2
        alpha = 0.6 * np.exp(-0.5 * squared / variance)
        alpha[alpha < 1 / 255] = 0
        result *= 1 - alpha[..., None]
        result[..., :3] += alpha[..., None] * many.base_colors[k]
        result[..., 3] += alpha
    return result


def test_no_splats_are_a_clear_picture() -> None:
    assert not thumbnail(SplatCloud.empty(), SIZE).any()
