"""How near a mesh is to a scene's exact surface: chamfer distance and normal consistency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from ...core.meshes import TriangleMesh
from .. import grammar
from .pose import Pose

Array = npt.NDArray[np.float64]

SAMPLES = 40_000  # points on each surface: equal ones of 3 m^2 have a chamfer distance of about 5 mm
SEEDS = 0, 1  # of the points on the mesh and on the scene: the same each time, and never those of one another


@dataclass(frozen=True)
class Samples:
    """Points [N, 3] spread evenly over a surface, metres, and the unit normals [N, 3] there."""

    points: Array
    normals: Array


@dataclass(frozen=True)
class Nearness:
    """Two surfaces against each other."""

    chamfer: float  # metres: mean distance to the nearest point of the other, averaged over the two directions
    normal_consistency: float  # mean |cosine| between the normals of those pairs, 0.5 by chance, 1 at best


def nearness(mesh: TriangleMesh, scene: grammar.Scene, pose: Pose) -> Nearness | None:
    """The mesh against the scene, when it is moved as its silhouettes fit best; None for a mesh without any area."""
    turn = np.deg2rad(pose.yaw)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    found = samples(pose.scale * mesh.vertices.astype(np.float64) @ rotation.T, mesh.triangles)
    return None if found is None else compared(found, _truth(scene))


def compared(a: Samples, b: Samples) -> Nearness:
    """Chamfer distance, and normal consistency (Mescheder et al. 2019, Occupancy Networks, section 4)."""
    to_b, nearest_b = cKDTree(b.points).query(a.points)
    to_a, nearest_a = cKDTree(a.points).query(b.points)
    cosines_a = np.abs((a.normals * b.normals[nearest_b]).sum(1))
    cosines_b = np.abs((b.normals * a.normals[nearest_a]).sum(1))
    return Nearness(
        chamfer=float((to_b.mean() + to_a.mean()) / 2),
        normal_consistency=float((cosines_a.mean() + cosines_b.mean()) / 2),
    )


def samples(
    vertices: Array,  # [V, 3] metres
    triangles: npt.NDArray[np.integer],  # [T, 3]
    count: int = SAMPLES,
    *,
    seed: int = SEEDS[0],
) -> Samples | None:
    """Random points, as many on each part as its area is of the whole; None without any area."""
    corners = vertices[triangles]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(crosses, axis=1)
    if not areas.sum() > 0:
        return None
    random = np.random.default_rng(seed)
    chosen = random.choice(len(areas), count, p=areas / areas.sum())
    u, v = random.random((2, count, 1))
    root = np.sqrt(u)  # even over the triangle: 1 - sqrt(u), sqrt(u) (1 - v), sqrt(u) v
    points = np.concatenate([1 - root, root * (1 - v), root * v], axis=1)[:, None] @ corners[chosen]
    return Samples(points[:, 0], crosses[chosen] / areas[chosen, None])


@lru_cache(maxsize=32)
def _truth(scene: grammar.Scene) -> Samples:
    mesh = scene.mesh()
    found = samples(mesh.vertices.astype(np.float64), mesh.triangles, seed=SEEDS[1])
    assert found is not None, "a scene has a surface"
    return found
