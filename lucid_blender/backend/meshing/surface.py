"""A closed, coloured mesh around splats: density, solid, blur, marching cubes, smoothing, decimation, colours."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.ndimage
import scipy.sparse
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from ...core.errors import InvalidInput
from ...core.meshes import TriangleMesh
from ...core.options import Meshing
from ...core.splats import SplatCloud
from ..rasterizers.contract import Rasterize
from .decimation import Points, Triangles, decimated
from .density import MIN_OPACITY, Grid, Mask, density_grid
from .seen_colors import seen_colors

log = logging.getLogger(__name__)

HOLE = 0.04  # of the longest side: radius of the largest holes in a wall that are closed
PIT = 1 / 64  # of the longest side: half the width of the crevices that are filled
CRUMB = 0.005  # pieces with less than this share of the largest one's volume are never kept
BLUR = 1.25  # samples: standard deviation of what takes the single splats out of the wall
BUMP = 2  # samples: parts that the blur takes away and that stand out farther are no unevenness of a wall
SMOOTHING_STEPS = 10
SHRINK, GROW = 0.5, -0.53  # Taubin's lambda and mu
PIXELS = 2  # a sample, of the pictures that colour the vertices
BEHIND = 3.0  # samples that a vertex may lie behind the splats that colour it
BARE = 0.05  # density below which a vertex takes the colour of the nearest splat


def extract(cloud: SplatCloud, options: Meshing, rasterize: Rasterize) -> TriangleMesh:
    """The outer surface of ``cloud``, where the density is ``options.density``; watertight, without inner walls.

    Its colours are those that ``rasterize`` draws; where nobody can see, those of the splats around. Raises
    InvalidInput when there are no splats or the density nowhere reaches the threshold.
    """
    grid = density_grid(cloud, options.resolution)

    def colors_at(vertices: Points, triangles: Triangles) -> npt.NDArray[np.float32]:
        places, normals = grid.origin + grid.step * vertices, vertex_normals(vertices, triangles)
        size, depth = PIXELS * options.resolution, BEHIND * grid.step
        colors, seen = seen_colors(cloud, places, normals, rasterize, size=size, depth=depth)
        colors[~seen] = _colors(grid, vertices[~seen], cloud)
        return colors

    return surface_of(grid, options.density, options, colors_at)


def surface_of(
    grid: Grid,
    level: float,
    options: Meshing,
    colors_at: Callable[[Points, Triangles], npt.NDArray[np.float32]],  # vertices [V, 3] in samples -> sRGB [V, 3]
) -> TriangleMesh:
    """The outer surface of any density, where it is ``level``; ``options.density`` is not looked at.

    Raises InvalidInput when the density nowhere reaches the level.
    """
    peak = float(grid.density.max())
    if peak <= level:
        raise InvalidInput(
            f"the density reaches {peak:.3g} at most; the surface is drawn at {level:g}",
            advice=f"Lower the density that the surface is drawn at below {peak:.2g}, or let the run go on for longer.",
        )
    solid = largest_pieces(without_pits(filled(grid.density > level)), options.components)
    vertices, triangles = _marching_cubes(_field(grid.density, solid, level), level)
    vertices = smoothed(vertices, triangles)
    vertices, triangles = decimated(vertices, triangles, options.triangles)
    mesh = TriangleMesh(
        vertices=(grid.origin + grid.step * vertices).astype(np.float32),
        triangles=triangles.astype(np.int32),
        colors=colors_at(vertices, triangles),
    )
    log.info("mesh of %s triangles, density up to %.2f", len(mesh.triangles), peak)
    return mesh


def filled(wall: Mask) -> Mask:
    """``wall`` [X, Y, Z] and what it encloses, also where the wall has holes up to 8 % of the longest side wide.

    The room of a ball too large for the holes, where that cannot come in from outside, is solid; so crevices of the
    outer surface stay open.
    """
    radius = max(2, round(HOLE * max(wall.shape)))
    border = radius + 2  # the ball starts from a corner
    padded = np.pad(wall, border)
    free = ~_grown(padded, radius)  # where the ball's centre may be
    inside = _closed(~free) & free
    solid = padded
    if inside.any():
        solid = solid | _grown(inside, radius)
    return np.asarray(_closed(solid)[(slice(border, -border),) * 3])


def without_pits(solid: Mask) -> Mask:
    """``solid`` [X, Y, Z] without crevices up to 3 % of the longest side wide, such as those between two splats."""
    radius = max(1, round(PIT * max(solid.shape)))
    padded = np.pad(solid, radius + 1)
    free = _grown(~_grown(padded, radius), radius)
    return np.asarray(_closed(~free)[(slice(radius + 1, -radius - 1),) * 3])


def _closed(mask: Mask) -> Mask:
    """The mask with all that cannot be reached from its first corner."""
    labels, _ = scipy.ndimage.label(~mask)
    return np.asarray(labels != labels[0, 0, 0])


def _grown(mask: Mask, radius: int) -> Mask:
    """The samples within ``radius`` of the mask, by steps in turn to 6 and to 26 neighbours, which is nearly a ball."""
    for step in range(radius):
        grown = mask.copy()
        for axis in range(3):
            source = np.moveaxis(mask if step % 2 == 0 else grown.copy(), axis, 0)
            target = np.moveaxis(grown, axis, 0)
            target[1:] |= source[:-1]
            target[:-1] |= source[1:]
        mask = grown
    return mask


def largest_pieces(solid: Mask, components: int) -> Mask:
    """The ``components`` connected pieces of solid [X, Y, Z] with the largest volumes, crumbs left out."""
    labels, _ = scipy.ndimage.label(solid)
    volumes = np.bincount(labels.ravel())
    volumes[0] = 0
    order = np.argsort(-volumes, kind="stable")[:components]
    keep = np.zeros(len(volumes), dtype=bool)
    keep[order] = volumes[order] >= max(CRUMB * volumes.max(), 1)
    return np.asarray(keep[labels])


def _field(density: npt.NDArray[np.float32], solid: Mask, level: float) -> npt.NDArray[np.float32]:
    """The density, raised above ``level`` inside the solid and kept below it outside, blurred.

    It ends at twice the level, as far above as air is below, so that the blur leaves a flat wall where it is. Sheets
    and rods that are too thin for the blur stay as they were.
    """
    inside = np.where(density > level, np.minimum(density, 2 * level), 2 * level)
    outside = np.where(density > level, 0, density)
    field = np.where(solid, inside, outside).astype(np.float32)
    blurred = np.asarray(scipy.ndimage.gaussian_filter(field, BLUR, truncate=3))
    lost = solid & (blurred <= level)
    gone = lost & ~_grown(blurred > level, BUMP)
    return np.where(lost & _grown(gone, BUMP), field, blurred)


def _marching_cubes(field: npt.NDArray[np.float32], level: float) -> tuple[Points, Triangles]:
    """Vertices [V, 3] in samples and triangles [T, 3], counter-clockwise seen from outside (Lewiner et al. 2003)."""
    vertices, triangles, _, _ = marching_cubes(field, level, gradient_direction="ascent", allow_degenerate=False)
    vertices, triangles = vertices.astype(np.float64), triangles.astype(np.int64)
    if signed_volume(vertices, triangles) < 0:
        triangles = triangles[:, ::-1]
    return vertices, triangles


def signed_volume(vertices: Points, triangles: Triangles) -> float:
    """Volume enclosed by the triangles, positive when they are counter-clockwise seen from outside."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def vertex_normals(vertices: Points, triangles: Triangles) -> Points:
    """[V, 3] of unit length: the mean over the triangles around, by their areas."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normals, of_triangles = np.zeros_like(vertices), np.cross(b - a, c - a)
    for corner in triangles.T:
        np.add.at(normals, corner, of_triangles)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def smoothed(vertices: Points, triangles: Triangles) -> Points:
    """The vertices after Taubin's smoothing (1995, section 3), which takes out the grid's steps, not the volume."""
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    size = (len(vertices), len(vertices))
    adjacency = scipy.sparse.csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=size)
    adjacency.data[:] = 1
    average = scipy.sparse.diags(1 / np.maximum(adjacency.sum(axis=1).A1, 1)) @ adjacency
    for _ in range(SMOOTHING_STEPS):
        for factor in (SHRINK, GROW):
            vertices = vertices + factor * (average @ vertices - vertices)
    return vertices


def _colors(grid: Grid, vertices: Points, cloud: SplatCloud) -> npt.NDArray[np.float32]:
    """[V, 3] sRGB in [0, 1] of the splats around each vertex (in samples), weighted by their density there."""
    density = scipy.ndimage.map_coordinates(grid.density, vertices.T, order=1)
    channels = [scipy.ndimage.map_coordinates(grid.color[..., k], vertices.T, order=1) for k in range(3)]
    colors = np.stack(channels, axis=1) / np.maximum(density, 1e-6)[:, None]
    bare = np.flatnonzero(density < BARE)
    if len(bare):
        visible = np.flatnonzero(cloud.opacities >= MIN_OPACITY)
        _, nearest = cKDTree(cloud.positions[visible]).query(grid.origin + grid.step * vertices[bare])
        colors[bare] = cloud.base_colors[visible[nearest]]
    return np.asarray(np.clip(colors, 0, 1), dtype=np.float32)
