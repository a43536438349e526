"""The colours of a mesh as its splats look from outside: pictures from all around, laid on the vertices.

What lies behind the surface is not seen and does not count, however near it is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ...core.cameras import Camera, camera_at, look_at
from ...core.harmonics import spread_directions
from ...core.splats import SplatCloud
from ..rasterizers.contract import Rasterize

Array = npt.NDArray[np.float64]

VIEWS = 32
FOV = math.radians(30)
SLANT = 0.2  # cosine of the angle under which a surface is at least seen
COVERED = 0.5  # alpha of the least that is taken for the prop
ENOUGH = 0.1  # sum of the weights, one for each view from straight ahead


def seen_colors(
    cloud: SplatCloud,
    vertices: Array,  # [V, 3] metres
    normals: Array,  # [V, 3] of unit length, outwards
    rasterize: Rasterize,
    *,
    size: int,  # pixels a side of the pictures
    depth: float,  # metres that a vertex may lie behind what is seen
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """sRGB [V, 3] in [0, 1], the mean over the views by the squared cosine of the slant, and which vertices are seen.

    Colours are those of all directions together: highlights that move with the eye are not painted on.
    """
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle, radius = (low + high) / 2, max(float(np.linalg.norm(high - low)) / 2, 1e-9)
    # Props of any size stand before the cameras as one of radius 1: rasterizers draw nothing that is very near.
    splats = _Splats(
        positions=torch.from_numpy(((cloud.positions - middle) / radius).astype(np.float32)),
        rotations=torch.tensor(cloud.rotations),
        scales=torch.tensor(cloud.scales / np.float32(radius)),
        opacities=torch.tensor(cloud.opacities),
        colors=torch.tensor(np.clip(cloud.base_colors, 0, 1)),
    )
    places, behind = (vertices - middle) / radius, depth / radius
    total, weights = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    for camera in _cameras(size):
        colors, alphas, depths, here = _looked_up(splats, camera, places, rasterize)
        to_eye = camera.position - places
        cosines = (normals * to_eye).sum(1) / np.linalg.norm(to_eye, axis=1)
        seen = (cosines > SLANT) & (alphas > COVERED) & (here < depths + behind)
        weight = np.where(seen, cosines**2, 0)
        total += weight[:, None] * colors
        weights += weight
    found = weights > ENOUGH
    mean = total / np.maximum(weights, ENOUGH)[:, None]
    return np.clip(mean, 0, 1).astype(np.float32), found


class _Splats(NamedTuple):
    """What a rasterizer takes, in its order."""

    positions: Tensor  # [N, 3]
    rotations: Tensor  # [N, 4]
    scales: Tensor  # [N, 3]
    opacities: Tensor  # [N]
    colors: Tensor  # [N, 3]


def _cameras(size: int) -> list[Camera]:
    """From all around, each with all of the ball of radius 1 in its picture."""
    away, up = 1 / math.sin(FOV / 2), np.array([0, 0, 1.0])
    return [
        camera_at(look_at(away * direction, np.zeros(3), up), fov_y=FOV, width=size, height=size)
        for direction in spread_directions(VIEWS)
    ]


def _looked_up(
    splats: _Splats, camera: Camera, vertices: Array, rasterize: Rasterize
) -> tuple[Array, Array, Array, Array]:
    """At each vertex of the picture: colour [V, 3] sRGB, alpha [V], depth [V], and the vertex's own depth [V]."""
    at_camera = vertices @ camera.viewmat[:3, :3].T + camera.viewmat[:3, 3]
    here = at_camera[:, 2]
    pixels = at_camera[:, :2] / here[:, None] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    with torch.no_grad():
        drawn = rasterize(*splats, cameras=[camera], background=torch.zeros(3))
        layers = torch.cat([drawn.color[0], drawn.alpha[0, ..., None], drawn.depth[0, ..., None]], -1)
        places = torch.from_numpy((2 * pixels / [camera.width, camera.height] - 1).astype(np.float32))
        found = grid_sample(layers.permute(2, 0, 1)[None], places[None, None], align_corners=False)[0, :, 0].T
    values = found.double().numpy()
    alphas = values[:, 3]
    share = np.maximum(alphas, 1e-6)
    return values[:, :3] / share[:, None], alphas, values[:, 4] / share, here
