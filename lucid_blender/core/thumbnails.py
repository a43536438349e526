"""A small picture of splats, where neither the backend nor a graphics card is at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .harmonics import basis
from .splats import FloatArray, SplatCloud
from .transforms import rotation_matrices

Floats = npt.NDArray[np.float64]

ELEVATION = math.radians(15)  # the camera looks from the front, -Y, a little down
MARGIN = 1.1  # of the picture, to the prop's reach
REACH = 0.99  # share of the splats that are within
SEEN_OPACITY = 0.05  # fainter splats do not count for the size
MOST = 200_000  # splats; of more those that cover most are drawn
SLABS = 32  # of depth: splats within one do not hide one another by order
LARGEST = 40  # pixels from a splat's centre that it may reach
PIXEL_BLUR = 0.3  # pixels^2 that every splat is widened by, as splat renderers do
PAIRS = 1 << 21  # of splat and pixel, at a time


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """Splats in pixels, N of them."""

    centres: Floats  # [N, 2] x to the right, y down
    conics: Floats  # [N, 3] a, b, c of the inverse covariance: a x^2 + 2 b x y + c y^2
    reaches: npt.NDArray[np.int64]  # [N] pixels: three standard deviations of the longer axis
    colors: Floats  # [N, 3]
    opacities: Floats  # [N]
    slabs: npt.NDArray[np.int64]  # [N] 0 is the nearest


def thumbnail(cloud: SplatCloud, size: int = 256) -> FloatArray:
    """[size, size, 4] sRGB and alpha, not premultiplied, the top row first: the splats from the front, from far away.

    Between slabs of depth the nearer covers the farther; within one the order makes no difference. So it is the exact
    picture where splats are small beside the prop.
    """
    if not len(cloud):
        return np.zeros((size, size, 4), np.float32)
    seen = _seen(cloud, size)
    density, color = np.zeros(SLABS * size * size), np.zeros((3, SLABS * size * size))
    for reach in np.unique(seen.reaches):
        group = np.flatnonzero(seen.reaches == reach)
        step = max(PAIRS // (2 * int(reach) + 2) ** 2, 1)
        for start in range(0, len(group), step):
            _deposit(seen, group[start : start + step], int(reach), size, density, color)
    weight = np.maximum(density, 1e-12)
    return _blended(1 - np.exp(-density).reshape(SLABS, size, size), (color / weight).T.reshape(SLABS, size, size, 3))


def _seen(cloud: SplatCloud, size: int) -> _Seen:
    sine, cosine = math.sin(ELEVATION), math.cos(ELEVATION)
    axes = np.array([[1, 0, 0], [0, sine, cosine], [0, cosine, -sine]])  # right, up, away
    flat = cloud.positions.astype(np.float64) @ axes.T
    counted = cloud.opacities >= min(SEEN_OPACITY, float(cloud.opacities.max()))
    low, high = np.quantile(flat[counted, :2], [1 - REACH, REACH], axis=0)
    widest = float(cloud.scales[counted].mean(dtype=np.float64)) * 2
    per_metre = size / (MARGIN * max(float((high - low).max()), widest) + 2 * widest)
    if len(cloud) > MOST:
        area = cloud.opacities * np.sort(cloud.scales, axis=1)[:, 1:].prod(axis=1)
        kept = np.sort(np.argpartition(area, -MOST)[-MOST:])
        cloud, flat = cloud.chosen(kept), flat[kept]
    roots = axes[:2] @ (rotation_matrices(cloud.rotations) * cloud.scales[:, None, :]) * per_metre
    covariances = roots @ roots.transpose(0, 2, 1) + PIXEL_BLUR * np.eye(2)
    a, b, c = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
    longest = (a + c) / 2 + np.hypot((a - c) / 2, b)
    colors = np.einsum("k,nkc->nc", basis(axes[2][None], cloud.sh_degree)[0], cloud.sh.astype(np.float64))
    order = np.empty(len(cloud), np.int64)
    order[np.argsort(flat[:, 2], kind="stable")] = np.arange(len(cloud))
    return _Seen(
        centres=(flat[:, :2] - (low + high) / 2) * per_metre * (1, -1) + size / 2,
        conics=np.stack([c, b, a], axis=1) / (a * c - b * b)[:, None],  # b's sign: y is down in pictures
        reaches=np.clip(np.ceil(3 * np.sqrt(longest)), 1, LARGEST).astype(np.int64),
        colors=np.maximum(0.5 + colors, 0),
        opacities=np.clip(cloud.opacities.astype(np.float64), 0, 0.999),
        slabs=order * SLABS // len(cloud),
    )


def _deposit(seen: _Seen, group: npt.NDArray[np.int64], reach: int, size: int, density: Floats, color: Floats) -> None:
    """Add the optical depth of some splats, and their colours times it, to the pixels of their slabs."""
    corner = np.floor(seen.centres[group]).astype(np.int64) - reach
    offsets = np.arange(2 * reach + 2)
    x, y = corner[:, 0, None, None] + offsets, corner[:, 1, None, None] + offsets[:, None]
    dx, dy = x + 0.5 - seen.centres[group, 0, None, None], y + 0.5 - seen.centres[group, 1, None, None]
    a, b, c = (seen.conics[group, k, None, None] for k in range(3))
    alpha = seen.opacities[group, None, None] * np.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy))
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size) & (alpha > 1 / 255)
    splat, _, _ = np.nonzero(inside)
    cells = ((seen.slabs[group, None, None] * size + y) * size + x)[inside]
    depth = -np.log1p(-alpha[inside])
    density += np.bincount(cells, depth, len(density))
    for channel in range(3):
        color[channel] += np.bincount(cells, depth * seen.colors[group, channel][splat], len(density))


def _blended(alpha: Floats, color: Floats) -> FloatArray:
    clear, total = np.ones(alpha.shape[1:]), np.zeros(color.shape[1:])
    for slab in range(len(alpha)):
        total += (clear * alpha[slab])[..., None] * color[slab]
        clear *= 1 - alpha[slab]
    covered = 1 - clear
    straight = total / np.maximum(covered, 1e-6)[..., None]
    return np.concatenate([np.clip(straight, 0, 1), covered[..., None]], axis=-1).astype(np.float32)
