"""Which splats of an object an edit may change: by a point attribute, or by an object around them."""

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ..core.editing import InitialSplats
from ..core.errors import InvalidInput
from .pointcloud import read_splats

SURFACES = ("MESH", "CURVE", "SURFACE", "FONT", "META")
NUMBERS = {"BOOLEAN": bool, "INT": np.int32, "INT8": np.int32, "FLOAT": np.float32}
DIRECTIONS = ((0.577, 0.211, 0.789), (-0.31, 0.87, -0.384), (0.148, -0.642, 0.752))  # along no axis and no diagonal
STEP = 1e-5  # share of the enclosing object's size: a ray goes on this far behind a face that it has met
FACES_ON_A_RAY = 1000  # a ray that meets more is given up


def splats_to_edit(
    splats: bpy.types.Object | None,
    *,
    attribute: str | None,
    inside: bpy.types.Object | None,
    depsgraph: bpy.types.Depsgraph,
) -> InitialSplats:
    """The object's splats in its own coordinates. Only those may change that the attribute marks (a point attribute
    above 0.5, as point clouds have no vertex groups) and that are inside of the object, where these are given.

    Raises InvalidInput when that leaves none, or when attribute or object cannot say.
    """
    initial = InitialSplats.free(read_splats(splats))
    assert splats is not None
    if attribute:
        initial = initial.with_frozen(~marked(splats, attribute))
    if inside is not None:
        to_inside = np.array(inside.matrix_world.inverted_safe() @ splats.matrix_world)
        points = initial.cloud.positions @ to_inside[:3, :3].T + to_inside[:3, 3]
        initial = initial.with_frozen(~enclosed(points, inside, depsgraph))
    return initial


def marked(splats: bpy.types.Object, name: str) -> np.ndarray:
    """[N] where the point attribute is above 0.5."""
    attribute = splats.data.attributes.get(name)
    if (
        attribute is None
        or attribute.domain != "POINT"
        or attribute.data_type not in ("BOOLEAN", "INT", "INT8", "FLOAT")
    ):
        found = "no such attribute" if attribute is None else f"one of {attribute.data_type}"
        raise InvalidInput(
            f"{splats.name!r} has {found} called {name!r}; wanted a number or a yes and no for each point",
            advice="Make one with a Geometry Nodes modifier (Store Named Attribute) and apply it.",
        )
    values = np.empty(len(attribute.data), dtype=bool if attribute.data_type == "BOOLEAN" else np.float32)
    if attribute.data_type.startswith("INT"):
        values = np.empty(len(attribute.data), dtype=np.int32)
    attribute.data.foreach_get("value", values)
    return values > 0.5


def enclosed(points: np.ndarray, around: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> np.ndarray:
    """[N] whether points [N, 3], in the object's own coordinates, are inside of it: of an empty's cube or sphere, or of
    the closed surface of any other object, as most of three rays have it."""
    if around.type == "EMPTY":
        size = around.empty_display_size
        if around.empty_display_type == "SPHERE":
            return np.linalg.norm(points, axis=1) <= size
        return np.abs(points).max(axis=1) <= size
    if around.type not in SURFACES:
        raise InvalidInput(
            f"{around.name!r} is {around.type.lower()}, which encloses nothing", advice="Choose a mesh or an empty."
        )
    tree = BVHTree.FromObject(around, depsgraph)
    corners = np.array(around.bound_box)
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = ((points >= low) & (points <= high)).all(axis=1)
    step = STEP * max(float(np.linalg.norm(high - low)), 1e-12)
    rays = [Vector(direction).normalized() for direction in DIRECTIONS]
    for k in np.flatnonzero(inside):
        point = Vector(points[k].tolist())
        inside[k] = sum(_faces_met(tree, point, ray, step) % 2 for ray in rays) >= 2
    return inside


def _faces_met(tree: BVHTree, point: Vector, ray: Vector, step: float) -> int:
    for count in range(FACES_ON_A_RAY):
        met, _, _, _ = tree.ray_cast(point, ray)
        if met is None:
            return count
        point = met + step * ray
    return 0
