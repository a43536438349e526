"""TriangleMesh <-> mesh objects, and the frame in which a prop is trained."""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ..core.errors import InvalidInput
from ..core.inputs import Inputs
from ..core.meshes import TriangleMesh
from .material import mesh_material
from .placement import numbers_of

COLOR = "Color"
TRAINING_RADIUS = 0.6  # metres: the bounding sphere of a mesh that a run starts from
SURFACES = frozenset({"MESH", "CURVE", "SURFACE", "FONT", "META"})  # the kinds of objects that have one


def create_mesh(mesh: TriangleMesh, name: str) -> bpy.types.Object:
    """A new object, linked to no collection: smooth, with the colours as an attribute and a material of its own that
    shows it, or the mean colour where viewports show one colour a material."""
    data = bpy.data.meshes.new(name)
    data.vertices.add(len(mesh.vertices))
    data.loops.add(mesh.triangles.size)
    # Through the attributes arrays are copied whole; through vertices and loops one element after the other.
    for attribute, field, values in (("position", "vector", mesh.vertices), (".corner_vert", "value", mesh.triangles)):
        if len(values):  # otherwise there is no such attribute
            data.attributes[attribute].data.foreach_set(field, values.ravel())
    data.polygons.add(len(mesh.triangles))
    data.polygons.foreach_set("loop_start", np.arange(0, mesh.triangles.size, 3, dtype=np.int32))
    data.update(calc_edges=True)
    data.shade_smooth()
    rgba = np.ones((len(mesh.vertices), 4), dtype=np.float32)
    rgba[:, :3] = linear_from_srgb(mesh.colors)
    colors = data.color_attributes.new(COLOR, "FLOAT_COLOR", "POINT")
    colors.data.foreach_set("color", rgba.ravel())
    data.color_attributes.active_color = colors
    data.materials.append(mesh_material(_mean_over_surface(mesh, rgba[:, :3])))
    return bpy.data.objects.new(name, data)


def has_surface(source: bpy.types.Object) -> bool:
    """Whether an object is of a kind that has one; it may still turn out to have no faces."""
    return source.type in SURFACES


def read_mesh(source: bpy.types.Object, depsgraph: bpy.types.Depsgraph, *, split_colors: bool = False) -> TriangleMesh:
    """An object as it is shown: modifiers applied, in world space, coloured by its attribute or else its materials.

    Colours of face corners are averaged where corners meet, unless ``split_colors`` gives each corner a vertex of its
    own: colours that are labels must not be mixed. Raises InvalidInput when the object has no surface.
    """
    shown = source.evaluated_get(depsgraph)
    try:
        data = shown.to_mesh()
    except RuntimeError as error:
        raise InvalidInput(f"{source.name!r} is {source.type.lower()}, which has no surface") from error
    try:
        data.calc_loop_triangles()
        triangles = np.empty(len(data.loop_triangles) * 3, dtype=np.int32)
        data.loop_triangles.foreach_get("vertices", triangles)
        if not triangles.size:
            raise InvalidInput(f"{source.name!r} has no faces", advice="Choose a mesh with at least one face.")
        vertices = np.empty(len(data.vertices) * 3, dtype=np.float32)
        data.vertices.foreach_get("co", vertices)
        world = np.array(source.matrix_world, dtype=np.float64)
        places, colors = vertices.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3], _colors(data, source)
        if not colors.at_corners:
            of_vertices = colors.linear
        elif split_colors:
            corners = np.empty_like(triangles)
            data.loop_triangles.foreach_get("loops", corners)
            places, of_vertices = places[triangles], colors.linear[corners]
            triangles = np.arange(len(triangles), dtype=np.int32)
        else:
            of_vertices = _mean_at_vertices(data, colors.linear)
        return TriangleMesh(
            vertices=places,
            triangles=_outwards(triangles.reshape(-1, 3), world),
            colors=srgb_from_linear(np.clip(of_vertices, 0, 1)),
        )
    finally:
        shown.to_mesh_clear()


def in_training_frame(mesh: TriangleMesh) -> tuple[TriangleMesh, Matrix]:
    """The mesh centred at the origin in a sphere of TRAINING_RADIUS, and the matrix from there back to the world."""
    centre = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    radius = float(np.linalg.norm(mesh.vertices - centre, axis=1).max())
    if radius <= 0:
        raise InvalidInput("the mesh has no size: all its vertices lie in one point")
    factor = TRAINING_RADIUS / radius
    normalised = TriangleMesh(vertices=(mesh.vertices - centre) * factor, triangles=mesh.triangles, colors=mesh.colors)
    return normalised, Matrix.Translation(centre.tolist()) @ Matrix.Scale(1 / factor, 4)


def in_frame_of(placement: Matrix, mesh: TriangleMesh) -> TriangleMesh:
    """A mesh of the world in the training frame of another one: both stay where they are to each other."""
    inverse = np.linalg.inv(np.array(placement, dtype=np.float64))
    vertices = mesh.vertices @ inverse[:3, :3].T + inverse[:3, 3]
    return TriangleMesh(vertices=vertices, triangles=mesh.triangles, colors=mesh.colors)


def meshes_of_request(
    start: bpy.types.Object | None, control: bpy.types.Object | None, depsgraph: bpy.types.Depsgraph
) -> Inputs:
    """The surface to start from, the one that ControlNets see, and the way from their common frame to the world."""
    initial, seen, placement = None, None, None
    if start is not None:
        initial, placement = in_training_frame(read_mesh(start, depsgraph))
    if control is not None:
        seen = read_mesh(control, depsgraph, split_colors=True)
        if placement is None:
            seen, placement = in_training_frame(seen)
        else:
            seen = in_frame_of(placement, seen)
    return Inputs(mesh=initial, control_mesh=seen, placement=None if placement is None else numbers_of(placement))


def linear_from_srgb(srgb: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1; any shape."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: np.ndarray) -> np.ndarray:
    """The inverse of ``linear_from_srgb``."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def _mean_over_surface(mesh: TriangleMesh, of_vertices: np.ndarray) -> list[float]:
    """The mean [C] of values [V, C] over the triangles' area; over the vertices where there is none."""
    a, b, c = (mesh.vertices[mesh.triangles[:, k]] for k in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    weights = np.bincount(mesh.triangles.ravel(), np.repeat(areas, 3), len(of_vertices))
    return np.average(of_vertices, axis=0, weights=weights if weights.any() else None).tolist()


def _outwards(triangles: np.ndarray, world: np.ndarray) -> np.ndarray:
    """A mirrored object turns its triangles inside out; turn them back."""
    return triangles[:, ::-1] if np.linalg.det(world[:3, :3]) < 0 else triangles


@dataclass(frozen=True)
class _Colors:
    linear: np.ndarray  # [V, 3] of the vertices, or [L, 3] of the face corners
    at_corners: bool


def _colors(data: bpy.types.Mesh, source: bpy.types.Object) -> _Colors:
    attribute = data.color_attributes.active_color or next(iter(data.color_attributes), None)
    if attribute is None:
        return _Colors(_material_colors(data, source), at_corners=True)
    rgba = np.empty(len(attribute.data) * 4, dtype=np.float32)
    attribute.data.foreach_get("color", rgba)
    return _Colors(rgba.reshape(-1, 4)[:, :3], at_corners=attribute.domain == "CORNER")


def _material_colors(data: bpy.types.Mesh, source: bpy.types.Object) -> np.ndarray:
    """[L, 3] linear."""
    palette = [_base_color(slot.material) for slot in source.material_slots] or [_base_color(None)]
    of_face = np.empty(len(data.polygons), dtype=np.int32)
    data.polygons.foreach_get("material_index", of_face)
    lengths = np.empty(len(data.polygons), dtype=np.int32)
    data.polygons.foreach_get("loop_total", lengths)
    colors = np.array(palette, dtype=np.float32)[np.clip(of_face, 0, len(palette) - 1)]
    return np.repeat(colors, lengths, axis=0)


def _base_color(material: bpy.types.Material | None) -> tuple[float, float, float]:
    if material is None:
        return (0.8, 0.8, 0.8)
    for node in material.node_tree.nodes if material.node_tree else ():
        if node.type == "BSDF_PRINCIPLED" and not node.inputs["Base Color"].is_linked:
            return tuple(node.inputs["Base Color"].default_value[:3])
    return tuple(material.diffuse_color[:3])


def _mean_at_vertices(data: bpy.types.Mesh, of_loops: np.ndarray) -> np.ndarray:
    """Colours at face corners, averaged at each vertex."""
    corners = np.empty(len(data.loops), dtype=np.int32)
    data.loops.foreach_get("vertex_index", corners)
    count = np.maximum(np.bincount(corners, minlength=len(data.vertices)), 1)
    sums = [np.bincount(corners, weights=of_loops[:, k], minlength=len(data.vertices)) for k in range(3)]
    return np.stack(sums, axis=1) / count[:, None]
