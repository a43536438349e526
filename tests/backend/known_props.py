"""Splats that are a scene of the grammar, and the same spoilt in known ways."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from lucid_blender.backend import grammar
from lucid_blender.backend.quality.known import RADIUS
from lucid_blender.core.cameras import orbit
from lucid_blender.core.splats import SplatCloud

SIZE = 320  # pixels of the pictures that splats are taken from
SPACING = 0.008  # metres between splats
RADIUS_OF_SPLATS = 0.6 * SPACING
STEP = 1e-3  # metres, of the differences that normals are made from


@cache
def splats_of(scene: grammar.Scene) -> SplatCloud:
    """Small round splats where pixels of many views lie on the surface, in the colours of those pixels."""
    points, colors = [], []
    for elevation in (-40, 0, 30, 60):
        for azimuth in range(0, 360, 30):
            camera = orbit(
                radius=RADIUS, azimuth=azimuth, elevation=elevation, fov_y=grammar.FOV_Y, width=SIZE, height=SIZE
            )
            lens = (camera.fx, camera.fy, camera.cx, camera.cy, SIZE, SIZE)
            seen = grammar.render(scene, camera.viewmat, *lens, background=(1.0, 1.0, 1.0))
            v, u = np.nonzero(seen.alpha == 1)
            depth = seen.depth[v, u].astype(np.float64)
            local = np.stack([(u + 0.5 - camera.cx) / camera.fx, (v + 0.5 - camera.cy) / camera.fy, 1 + 0 * u], 1)
            points.append((depth[:, None] * local - camera.viewmat[:3, 3]) @ camera.viewmat[:3, :3])
            colors.append(seen.rgb[v, u])
    where, what = np.concatenate(points), np.concatenate(colors)
    _, first = np.unique(np.round(where / SPACING).astype(int), axis=0, return_index=True)
    inside = where[first] - RADIUS_OF_SPLATS * normals(scene, where[first])  # so that they end about at the surface
    return cloud_of(inside, what[first])


def normals(scene: grammar.Scene, points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """[N, 3] unit gradients of the scene's distance."""
    ahead, behind = (np.stack([scene.distance(points + s * STEP * e) for e in np.eye(3)], 1) for s in (1, -1))
    return (ahead - behind) / np.linalg.norm(ahead - behind, axis=1, keepdims=True).clip(1e-12)


def cloud_of(
    points: npt.NDArray[np.floating], colors: npt.NDArray[np.floating], radius: float = RADIUS_OF_SPLATS
) -> SplatCloud:
    """Round splats, nearly opaque."""
    count = len(points)
    return SplatCloud.from_colors(
        positions=points.astype(np.float32),
        scales=np.full((count, 3), radius, np.float32),
        rotations=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacities=np.full(count, 0.95, np.float32),
        colors=colors.astype(np.float32),
    )


def flat(cloud: SplatCloud) -> SplatCloud:
    """Pressed to a quarter of its depth, front to back."""
    return replace(cloud, positions=cloud.positions * np.float32([1, 0.25, 1]))


def two_faced(cloud: SplatCloud) -> SplatCloud:
    """The front half, and its mirror image for a back."""
    front = cloud.positions[:, 1] < 0
    both = np.concatenate([cloud.positions[front], cloud.positions[front] * np.float32([1, -1, 1])])
    return cloud_of(both, np.tile(cloud.base_colors[front], (2, 1)))


def blurred(cloud: SplatCloud) -> SplatCloud:
    """The colour of each splat spread over its neighbours within 8 cm; the shape stays."""
    tree = cKDTree(cloud.positions)
    near = tree.query_ball_point(cloud.positions, 0.08)
    colors = cloud.base_colors
    return cloud_of(cloud.positions, np.stack([colors[ids].mean(0) for ids in near]))


def noise(cloud: SplatCloud) -> SplatCloud:
    """As many splats, of random colours, anywhere in a ball."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(len(cloud), 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = 0.7 * directions * random.random((len(cloud), 1)) ** (1 / 3)
    return cloud_of(points, random.random((len(cloud), 3)), 0.03)
