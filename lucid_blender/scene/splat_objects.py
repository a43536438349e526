"""What is done to splat objects: their transform applied, several joined, a part cut away, colours changed.

Every change makes point data of the object's own: linked duplicates keep theirs. Point attributes that are not the
splats', such as selections, stay with their points.
"""

from collections.abc import Iterable, Sequence

import bpy
import numpy as np
from mathutils import Matrix

from ..core.colors import recolored
from ..core.errors import InvalidInput
from ..core.splats import SplatCloud
from ..core.transforms import transformed
from .editing import SURFACES, enclosed
from .pointcloud import read_splats, update_splats

UNIFORM = 1e-5  # relative; a scale of three float32 that a user would call the same
BOXES = (*SURFACES, "CURVES", "LATTICE", "POINTCLOUD", "VOLUME")  # what has a bounding box; empties have other bounds
WIDTHS = {
    **dict.fromkeys(("BOOLEAN", "INT", "INT8", "FLOAT"), (1, "value")),
    "FLOAT2": (2, "vector"),
    "FLOAT_VECTOR": (3, "vector"),
    "FLOAT_COLOR": (4, "color"),
    "BYTE_COLOR": (4, "color"),
    "QUATERNION": (4, "value"),
}
ARRAYS = {"BOOLEAN": bool, "INT": np.int32, "INT8": np.int32}  # all others: float32
Extras = dict[str, tuple[str, np.ndarray]]


def world_splats(splats: bpy.types.Object | None) -> SplatCloud:
    """The object's splats as they stand in the world."""
    cloud = read_splats(splats)
    return transformed(cloud, np.array(splats.matrix_world)) if splats is not None else cloud


def apply_transform(splats: bpy.types.Object, *, location: bool, rotation: bool, scale: bool) -> None:
    """Move these parts of the object's own transform into its splats; they and the object's children stay in place.

    Raises InvalidInput when a part cannot be taken alone, or the scale is 0.
    """
    own = splats.matrix_basis.copy()
    where, turn, size = own.decompose()
    if rotation and not scale and max(size) - min(size) > UNIFORM * max(map(abs, size)):
        raise InvalidInput(
            f"{splats.name!r} has a different scale along each axis, which a rotation cannot leave behind",
            advice="Apply the scale, too.",
        )
    kept = Matrix.LocRotScale(None if location else where, None if rotation else turn, None if scale else size)
    if abs(kept.determinant()) == 0:
        raise InvalidInput(f"{splats.name!r} has a scale of 0", advice="Give it another scale.")
    moved = kept.inverted() @ own
    _replace(splats, transformed(read_splats(splats), np.array(moved)), _extras(splats.data))
    splats.matrix_basis = kept
    for child in splats.children:
        child.matrix_parent_inverse = moved @ child.matrix_parent_inverse


def join(active: bpy.types.Object, others: Sequence[bpy.types.Object]) -> None:
    """Take the splats of the others into the active object, where they stand, and remove the others from the file.
    Their children become the active object's."""
    to_active = np.linalg.inv(np.array(active.matrix_world, dtype=np.float64))
    clouds, extras = [read_splats(active)], [_extras(active.data)]
    for other in others:
        clouds.append(transformed(read_splats(other), to_active @ np.array(other.matrix_world)))
        extras.append(_extras(other.data))
    _replace(active, SplatCloud.joined(clouds), _joined_extras(extras, [len(cloud) for cloud in clouds]))
    for other in others:
        for child in other.children:
            world = child.matrix_world.copy()
            child.parent = active
            child.matrix_world = world
        data = other.data
        bpy.data.objects.remove(other)
        if data.users == 0:
            bpy.data.pointclouds.remove(data)


def crop(
    splats: bpy.types.Object,
    box: bpy.types.Object,
    *,
    surface: bool,
    keep_inside: bool,
    depsgraph: bpy.types.Depsgraph,
) -> int:
    """Remove the splats whose centres are outside of the box object's bounding box, turned and scaled as it is, or of
    its closed surface; or those that are inside. How many went. Raises InvalidInput when none would stay."""
    cloud = read_splats(splats)
    to_box = np.linalg.inv(np.array(box.matrix_world, dtype=np.float64)) @ np.array(splats.matrix_world)
    points = cloud.positions @ to_box[:3, :3].T + to_box[:3, 3]
    if surface or box.type not in BOXES:
        inside = enclosed(points, box, depsgraph)
    else:
        corners = np.array(box.evaluated_get(depsgraph).bound_box)
        low, high = corners.min(axis=0), corners.max(axis=0)
        inside = ((points >= low) & (points <= high)).all(axis=1)
    stays = inside if keep_inside else ~inside
    if not stays.any():
        raise InvalidInput(
            f"no splat of {splats.name!r} would be left",
            advice=f"All are {'outside' if keep_inside else 'inside'} of {box.name!r}: move it, or switch the side.",
        )
    removed = int(len(stays) - stays.sum())
    if removed:
        extras = {name: (kind, values[stays]) for name, (kind, values) in _extras(splats.data).items()}
        _replace(splats, cloud.chosen(stays), extras)
    return removed


def recolor(splats: bpy.types.Object, matrix: np.ndarray) -> None:
    """Multiply the colours, seen from any direction, by a matrix [3, 3] for sRGB values."""
    _replace(splats, recolored(read_splats(splats), matrix), _extras(splats.data))


def _replace(splats: bpy.types.Object, cloud: SplatCloud, extras: Extras) -> None:
    update_splats(splats, cloud)
    for name, (kind, values) in extras.items():
        attribute = splats.data.attributes.new(name, kind, "POINT")
        attribute.data.foreach_set(WIDTHS[kind][1], values.ravel())


def _extras(data: bpy.types.PointCloud) -> Extras:
    """The point attributes that are not the splats': type, and values [N, width]."""
    found: Extras = {}
    for attribute in data.attributes:
        known = attribute.name in ("position", "radius", "scale", "rotation") or attribute.name.startswith("radiance:")
        if known or attribute.name.startswith(".") or attribute.data_type not in WIDTHS:
            continue
        width, field = WIDTHS[attribute.data_type]
        values = np.empty(len(attribute.data) * width, dtype=ARRAYS.get(attribute.data_type, np.float32))
        attribute.data.foreach_get(field, values)
        found[attribute.name] = (attribute.data_type, values.reshape(-1, width))
    return found


def _joined_extras(parts: Iterable[Extras], counts: Sequence[int]) -> Extras:
    """One after the other, 0 where an object lacks an attribute or has it of another type."""
    parts = list(parts)
    whole: Extras = {}
    for name, (kind, values) in {name: entry for part in reversed(parts) for name, entry in part.items()}.items():
        pieces = []
        for part, count in zip(parts, counts, strict=True):
            own = part.get(name)
            none = np.zeros((count, values.shape[1]), values.dtype)
            pieces.append(own[1] if own is not None and own[0] == kind else none)
        whole[name] = (kind, np.concatenate(pieces))
    return whole
