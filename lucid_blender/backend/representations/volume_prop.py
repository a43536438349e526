"""A density field as what Blender takes: splats, and a mesh."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...core.meshes import TriangleMesh
from ...core.options import Meshing
from ...core.splats import SplatCloud
from ..meshing.density import PADDING, Grid
from ..meshing.surface import surface_of

Field = Callable[[Tensor], tuple[Tensor, Tensor]]  # points [P, 3] -> density [P] in 1 / metre, sRGB colour [P, 3]

FOOTPRINT = 1 / math.sqrt(2 * math.pi)
"""Standard deviation of a cell's splat, x the cell: then its area, 2 pi s^2, is that of the cell's face."""

MIN_OPACITY = 0.005  # cells that cover less give no splat; a rasterizer would drop it, too
HIDDEN = 0.99  # a cell between six that cover more than this cannot be seen


def splats(field: Field, radius: float, resolution: int) -> SplatCloud:
    """One round splat in each cell of the ball's cube that covers something and can be seen.

    Its opacity is what a cell's width of the density takes from a ray, 1 - exp(-density width).
    """
    width = 2 * radius / resolution
    points = _lattice(np.full(3, -radius + width / 2), width, (resolution,) * 3)
    density, color = field(torch.from_numpy(points))
    opacity = -np.expm1(-density.numpy().astype(np.float64) * width).reshape((resolution,) * 3)
    kept = ((opacity >= MIN_OPACITY) & ~_enclosed(opacity > HIDDEN)).ravel()
    count = int(kept.sum())
    return SplatCloud.from_colors(
        positions=points[kept],
        scales=np.full((count, 3), FOOTPRINT * width, dtype=np.float32),
        rotations=np.tile(np.array([1, 0, 0, 0], dtype=np.float32), (count, 1)),
        opacities=opacity.ravel()[kept].astype(np.float32),
        colors=color.numpy()[kept],
    )


def mesh(field: Field, radius: float, level: float, options: Meshing) -> TriangleMesh:
    """The surface where the density is ``level``, in the colours of the field there.

    Raises InvalidInput when the density nowhere reaches it.
    """
    step = 2 * radius / (options.resolution - 1)
    side = options.resolution + 2 * PADDING
    origin = np.full(3, -radius - PADDING * step)
    points = _lattice(origin, step, (side,) * 3)
    density, color = field(torch.from_numpy(points))
    values = density.numpy().reshape((side,) * 3)
    grid = Grid(
        origin=origin, step=step, density=values, color=values[..., None] * color.numpy().reshape(side, side, side, 3)
    )

    return surface_of(
        grid, level, options, lambda vertices, _: field(torch.from_numpy(origin + step * vertices))[1].numpy()
    )


def _lattice(origin: npt.NDArray[np.float64], step: float, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """[X Y Z, 3] points origin + step (i, j, k)."""
    places = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3)
    return np.asarray(origin + step * places, dtype=np.float32)


def _enclosed(full: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The cells whose six neighbours are all full; none on the border."""
    padded = np.pad(full, 1)
    inner = np.ones_like(full)
    for axis in range(3):
        for shift in (-1, 1):
            inner &= np.roll(padded, shift, axis)[1:-1, 1:-1, 1:-1]
    return inner
