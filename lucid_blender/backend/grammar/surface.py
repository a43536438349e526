"""The exact surface of a scene as triangles: where its signed distance is zero."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from .parts import Array

Colors = NDArray[np.float32]


def zero_level(
    distance: Callable[[Array], Array],  # points [N, 3] metres -> [N], negative inside
    reach: float,  # metres: the surface lies in the cube from -reach to reach
    resolution: int,  # samples a side
) -> tuple[Array, NDArray[np.int64]]:
    """Vertices [V, 3] and triangles [T, 3], counter-clockwise seen from outside (Lewiner et al. 2003)."""
    axis = np.linspace(-reach, reach, resolution)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    field = distance(points).reshape((resolution,) * 3)
    step = axis[1] - axis[0]
    vertices, triangles, _, _ = marching_cubes(field, 0.0, gradient_direction="ascent", allow_degenerate=False)
    return vertices * step - reach, triangles[:, ::-1].astype(np.int64)


def to_srgb(linear: Array) -> Colors:
    """Linear light to sRGB display values in [0, 1]."""
    c = np.clip(linear, 0.0, 1.0)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055).astype(np.float32)
