"""SplatCloud <-> PointCloud objects whose attributes are those of Blender 5.3's native Gaussian splats.

position       FLOAT_VECTOR  metres
scale          FLOAT_VECTOR  standard deviations, metres
rotation       QUATERNION    wxyz
radiance:base  FLOAT4 (FLOAT_COLOR where that type does not exist yet): three DC SH coefficients, opacity
radiance:sh_k  FLOAT_VECTOR  the higher SH coefficients, k from 0
radius         FLOAT         for what draws points as spheres
"""

from typing import Any

import bpy
import numpy as np

from ..core.errors import InvalidInput
from ..core.splats import SplatCloud
from .material import splat_material
from .nodes import splat_nodes
from .tree import Tree

MODIFIER = "Lucid Splats"
IN_CACHE = 2048  # splats copied at a time
NATIVE_SPLATS = bpy.app.version >= (5, 3, 0)
_FIELD_OF_TYPE = {"FLOAT_COLOR": "color", "FLOAT_VECTOR": "vector", "FLOAT4": "vector"}  # all others: "value"


def create_splats(cloud: SplatCloud, name: str) -> bpy.types.Object:
    """A new object, linked to no collection, that holds the cloud and renders in Cycles and EEVEE."""
    splats = bpy.data.objects.new(name, splat_data(cloud, name))
    if not NATIVE_SPLATS:
        splats.data.materials.append(splat_material())
        splats.modifiers.new(MODIFIER, "NODES").node_group = splat_nodes()
    return splats


def update_splats(splats: bpy.types.Object, cloud: SplatCloud) -> None:
    """Replace what the object holds; its name, materials, modifiers and transform stay."""
    old = splats.data
    new = splat_data(cloud, old.name)
    for material in old.materials:
        new.materials.append(material)
    splats.data = new
    if old.users == 0:
        name = old.name
        bpy.data.pointclouds.remove(old)
        new.name = name


def splat_data(cloud: SplatCloud, name: str) -> bpy.types.PointCloud:
    """A new PointCloud data-block with the cloud's attributes."""
    radii = 1.5 * cloud.scales.mean(axis=1)
    data = _points(cloud.positions, radii, name)
    base = np.concatenate([cloud.sh[:, 0], cloud.opacities[:, None]], axis=1)
    _write(data, "position", "FLOAT_VECTOR", cloud.positions)
    _write(data, "radius", "FLOAT", radii)
    _write(data, "scale", "FLOAT_VECTOR", cloud.scales)
    _write(data, "rotation", "QUATERNION", cloud.rotations)
    _write(data, "radiance:base", _four_floats(), base)
    for k, coefficient in enumerate(_by_coefficient(cloud.sh)):
        _write(data, f"radiance:sh_{k}", "FLOAT_VECTOR", coefficient)
    if NATIVE_SPLATS and hasattr(data, "type"):
        data.type = "GAUSSIAN_SPLAT"
    return data


def is_splats(candidate: bpy.types.Object | None) -> bool:
    """True for an object that ``read_splats`` can read."""
    return (
        candidate is not None
        and candidate.type == "POINTCLOUD"
        and all(name in candidate.data.attributes for name in ("scale", "rotation", "radiance:base"))
    )


def read_splats(splats: bpy.types.Object | None) -> SplatCloud:
    """The cloud that an object holds, in the object's own coordinates.

    Raises InvalidInput when the object holds no splats, or values that no splat can have.
    """
    if splats is None or not is_splats(splats):
        found = "nothing" if splats is None else f"{splats.name!r}, which holds no splats"
        raise InvalidInput(f"found {found}; wanted a splat object", advice="Select an object made by Lucid Dreamer.")
    arrays = read_arrays(splats.data)
    base = arrays["base"]
    return SplatCloud(
        positions=arrays["positions"],
        scales=arrays["scales"],
        rotations=arrays["rotations"],
        opacities=np.clip(base[:, 3], 0, 1),
        sh=np.stack([base[:, :3], *arrays["higher"]], axis=1),
    )


def read_arrays(data: bpy.types.PointCloud) -> dict[str, Any]:
    """Attributes of splats as they are, unchecked, float32: positions [N, 3], scales [N, 3], rotations [N, 4], base
    [N, 4] and higher, a list of [N, 3] for each coefficient above the constant."""
    base = _read(data, "radiance:base", 4)
    higher = []
    while f"radiance:sh_{len(higher)}" in data.attributes:
        higher.append(_read(data, f"radiance:sh_{len(higher)}", 3))
    return {
        "positions": _read(data, "position", 3) if len(base) else np.empty((0, 3), np.float32),
        "scales": _read(data, "scale", 3),
        "rotations": _read(data, "rotation", 4),
        "base": base,
        "higher": higher,
    }


def _by_coefficient(sh: np.ndarray) -> np.ndarray:
    """[K - 1, N, 3] the coefficients above the constant one, of [N, K, 3]; by blocks of rows that stay in the
    processor's cache."""
    apart = np.empty((sh.shape[1] - 1, len(sh), 3), np.float32)
    for start in range(0, len(sh) if len(apart) else 0, IN_CACHE):
        rows = slice(start, start + IN_CACHE)
        apart[:, rows] = sh[rows, 1:].transpose(1, 0, 2)
    return apart


def _four_floats() -> str:
    types = bpy.types.Attribute.bl_rna.properties["data_type"].enum_items
    return "FLOAT4" if "FLOAT4" in types else "FLOAT_COLOR"


def _write(data: bpy.types.PointCloud, name: str, kind: str, values: np.ndarray) -> None:
    attribute = data.attributes.get(name) or data.attributes.new(name, kind, "POINT")
    field = _FIELD_OF_TYPE.get(kind, "value")
    if len(values):
        attribute.data.foreach_set(field, np.ascontiguousarray(values, dtype=np.float32).ravel())


def _read(data: bpy.types.PointCloud, name: str, width: int) -> np.ndarray:
    attribute = data.attributes[name]
    values = np.empty(len(attribute.data) * width, dtype=np.float32)
    field = _FIELD_OF_TYPE.get(attribute.data_type, "value")
    try:
        attribute.data.foreach_get(field, values)
    except (AttributeError, RuntimeError, TypeError) as error:
        raise InvalidInput(f"attribute {name!r} is {attribute.data_type}, which no splat has") from error
    return values.reshape(-1, width)


def _points(positions: np.ndarray, radii: np.ndarray, name: str) -> bpy.types.PointCloud:
    """A PointCloud of as many points. Before PointCloud.resize, Geometry Nodes is what can make one."""
    data, count = bpy.data.pointclouds.new(name), len(positions)
    if count == 0:
        return data
    if hasattr(data, "resize"):
        data.resize(count)
        return data
    tree = bpy.data.node_groups.new("lucid points", "GeometryNodeTree")
    scene = bpy.data.scenes.new("lucid points")
    maker = bpy.data.objects.new("lucid points", data)
    try:
        tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
        _fill_box(Tree(tree), positions, radii)
        maker.modifiers.new("points", "NODES").node_group = tree
        scene.collection.objects.link(maker)
        scene.view_layers[0].update()
        made = maker.evaluated_get(scene.view_layers[0].depsgraph).data.copy()
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(maker)
        bpy.data.pointclouds.remove(data)
        bpy.data.node_groups.remove(tree)
    made.name = name
    return made


def _fill_box(tree: Tree, positions: np.ndarray, radii: np.ndarray) -> None:
    """As many points in the same box: a copy keeps the box that Blender has found, whatever its points become."""
    radius = radii.min()
    low = (positions - radii[:, None]).min(axis=0) + radius
    high = (positions + radii[:, None]).max(axis=0) - radius
    share = tree.math("MINIMUM", tree.add("GeometryNodeInputIndex").outputs[0], 1.0)  # the first low, all others high
    place = tree.vector("ADD", tuple(low.tolist()), tree.scaled(tuple((high - low).tolist()), share))
    inputs = {"Count": len(positions), "Position": place, "Radius": float(radius)}
    points = tree.add("GeometryNodePoints", inputs=inputs).outputs[0]
    tree.link(points, tree.add("NodeGroupOutput").inputs[0])
