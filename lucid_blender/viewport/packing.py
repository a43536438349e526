"""Splats as the texels that the shader reads: what their attributes hold, in rows that a texture can have.

Four textures of one texel a splat: position x, y, z; scale x, y, z; rotation w, x, y, z; three constant coefficients
and opacity. A fifth where there are spherical harmonics of degree 1, 2 or 3: the coefficients above the constant one
after the other, red, green, blue, in three, six or twelve texels a splat.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH = 8192  # texels in a row of any texture; every Blender can draw twice as many
HEIGHT = 16384
HARMONIC_TEXELS = (0, 3, 6, 12)  # a splat, by degree
IN_CACHE = 4096  # splats copied at a time
REACH = 3.33  # standard deviations at which an opaque splat falls below 1 / 255


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What goes to the graphics card, each [texels, 4] float32, and what sorting and clipping need of it."""

    splats: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    harmonics: np.ndarray | None  # None at degree 0
    degree: int
    positions: np.ndarray  # [N, 3] float32, metres
    corners: np.ndarray  # [8, 3] of a box around the splats with their extent

    def __len__(self) -> int:
        return len(self.positions)


def pack(
    *,
    positions: np.ndarray,  # [N, 3]
    scales: np.ndarray,  # [N, 3]
    rotations: np.ndarray,  # [N, 4] of any length
    base: np.ndarray,  # [N, 4] constant coefficients and opacity
    higher: Sequence[np.ndarray],  # [N, 3] each: the coefficients above, as many as there are
) -> Packed:
    """Attributes, float32, as texels. Of more splats than fit, 16 million, the last are left out; of harmonics that do
    not fit the highest degrees."""
    capacity = WIDTH * HEIGHT
    count = min(len(positions), 1 << 24)  # as far as float32, which orders come in, counts
    degree = max(d for d in range(4) if (d + 1) ** 2 - 1 <= len(higher) and count * HARMONIC_TEXELS[d] <= capacity)
    return Packed(
        splats=tuple(_texels([values[:count]], count) for values in (positions, scales, rotations, base)),
        harmonics=_texels([values[:count] for values in higher[: (degree + 1) ** 2 - 1]], count) if degree else None,
        degree=degree,
        positions=np.ascontiguousarray(positions[:count]),
        corners=corners(positions, scales),
    )


def in_rows(values: np.ndarray) -> np.ndarray:
    """[texels] float32 with the values first: whole rows of a texture of one channel."""
    whole = np.empty(max(-(-len(values) // WIDTH), 1) * WIDTH, np.float32)
    whole[: len(values)] = values
    return whole


def corners(positions: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """[8, 3] of the box around splats and their extent; all zeros where there are none."""
    if not len(positions):
        return np.zeros((8, 3), np.float32)
    reach = REACH * float(scales.max())
    columns = [positions[:, axis] for axis in range(3)]  # along an axis of length 3 numpy is thirty times slower
    low = np.array([column.min() for column in columns]) - reach
    high = np.array([column.max() for column in columns]) + reach
    choose = np.array([[k & 1, k >> 1 & 1, k >> 2 & 1] for k in range(8)], dtype=bool)
    return np.where(choose, high, low)


def _texels(columns: Sequence[np.ndarray], count: int) -> np.ndarray:
    """The columns of each splat side by side in whole texels, in whole rows of the texture; what is left over is 0."""
    width = sum(column.shape[1] for column in columns)
    each = -(-width // 4)
    texels = np.zeros((max(-(-count * each // WIDTH), 1) * WIDTH, 4), np.float32)
    splats = texels[: count * each].reshape(count, 4 * each)
    for start in range(0, count, IN_CACHE):
        rows = slice(start, start + IN_CACHE)
        channel = 0
        for column in columns:
            for axis in range(column.shape[1]):
                splats[rows, channel] = column[rows, axis]
                channel += 1
    return texels
