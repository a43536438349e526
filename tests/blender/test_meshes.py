"""Meshes in and out: geometry, colours, the training frame."""

import bpy
import numpy as np
import pytest

from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.scene.meshes import (
    create_mesh,
    in_frame_of,
    in_training_frame,
    linear_from_srgb,
    read_mesh,
    srgb_from_linear,
)

TETRAHEDRON = TriangleMesh(
    vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    triangles=np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
    colors=np.array([[1, 0, 0], [0, 0.5, 0], [0.1, 0.2, 0.8], [0.03, 0.5, 1]]),
)


def read(source: bpy.types.Object) -> TriangleMesh:
    return read_mesh(source, bpy.context.evaluated_depsgraph_get())


def linked(mesh: TriangleMesh) -> bpy.types.Object:
    made = create_mesh(mesh, "mesh")
    bpy.context.scene.collection.objects.link(made)
    return made


def test_a_mesh_comes_back_as_it_went_in() -> None:
    back = read(linked(TETRAHEDRON))
    assert np.array_equal(back.vertices, TETRAHEDRON.vertices)
    assert np.array_equal(np.sort(back.triangles, axis=1), np.sort(TETRAHEDRON.triangles, axis=1))
    assert back.colors == pytest.approx(TETRAHEDRON.colors, abs=1e-6)  # to linear and back, in float32


def test_an_object_and_its_mesh_have_the_name_that_is_given() -> None:
    made = create_mesh(TETRAHEDRON, "a red mug mesh")
    assert (made.name, made.data.name) == ("a red mug mesh", "a red mug mesh")


def test_the_colour_attribute_is_linear_and_shown_by_the_material() -> None:
    made = linked(TETRAHEDRON)
    attribute = made.data.color_attributes.active_color
    assert tuple(attribute.data[1].color)[:3] == pytest.approx((0, 0.214, 0), abs=1e-3)
    nodes = made.data.materials[0].node_tree.nodes
    assert any(node.type == "VERTEX_COLOR" and node.layer_name == attribute.name for node in nodes)


def test_in_solid_a_mesh_has_the_mean_of_its_colours_and_no_other_mesh_changes() -> None:
    squares = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [8, 0, 0], [5, 1, 0]])  # areas 1/2 and 3/2
    red, white = (1.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    both = TriangleMesh(
        vertices=squares, triangles=np.array([[0, 1, 2], [3, 4, 5]]), colors=np.array(3 * [red] + 3 * [white])
    )
    first, second = linked(both), linked(TETRAHEDRON)
    assert tuple(first.data.materials[0].diffuse_color) == pytest.approx((1, 0.75, 0.75, 1))
    assert first.data.materials[0] != second.data.materials[0]
    flat = TriangleMesh(vertices=np.zeros((2, 3)), triangles=np.empty((0, 3)), colors=np.array([red, white]))
    assert tuple(linked(flat).data.materials[0].diffuse_color) == pytest.approx((1, 0.5, 0.5, 1))


def test_modifiers_and_transforms_are_applied() -> None:
    made = linked(TETRAHEDRON)
    made.location, made.scale = (5, 0, 0), (2, 2, 2)
    made.modifiers.new("more", "SUBSURF").levels = 1
    back = read(made)
    assert len(back.triangles) > len(TETRAHEDRON.triangles)
    assert back.vertices[:, 0].min() >= 5 - 1e-5


def test_a_mirrored_object_keeps_its_outside() -> None:
    made = linked(TETRAHEDRON)
    made.scale = (-1, 1, 1)
    back = read(made)
    centre = back.vertices.mean(axis=0)
    a, b, c = (back.vertices[back.triangles[:, k]] for k in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a - centre) > 0).all()


def test_colours_come_from_the_material_when_there_is_no_attribute() -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.active_object
    material = bpy.data.materials.new("red")
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.5, 0, 0, 1)
    cube.data.materials.append(material)
    assert read(cube).colors[0] == pytest.approx((0.7354, 0, 0), abs=1e-3)


def test_corner_colours_are_averaged_at_vertices() -> None:
    made = linked(TETRAHEDRON)
    made.data.color_attributes.remove(made.data.color_attributes["Color"])
    attribute = made.data.color_attributes.new("Corner", "FLOAT_COLOR", "CORNER")
    values = np.zeros((12, 4), np.float32)
    values[:, 0] = 1
    attribute.data.foreach_set("color", values.ravel())
    made.data.color_attributes.active_color = attribute
    assert read(made).colors == pytest.approx(np.tile([1, 0, 0], (4, 1)))


def test_corner_colours_stay_apart_when_they_are_labels() -> None:
    made = linked(TETRAHEDRON)
    made.data.color_attributes.remove(made.data.color_attributes["Color"])
    attribute = made.data.color_attributes.new("Corner", "BYTE_COLOR", "CORNER")
    labels = np.repeat([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.25, 0]], 3, axis=0)  # sRGB, one a face
    for value, rgb in zip(attribute.data, labels, strict=True):
        value.color_srgb = (*rgb, 1)
    made.data.color_attributes.active_color = attribute
    made.scale = (-1, 1, 1)  # turned inside out, and back
    back = read_mesh(made, bpy.context.evaluated_depsgraph_get(), split_colors=True)
    of_faces = back.colors[back.triangles]
    assert of_faces == pytest.approx(np.repeat(labels.reshape(4, 3, 3)[:, :1], 3, axis=1), abs=1 / 255)  # bytes
    assert read(made).vertices[read(made).triangles] == pytest.approx(back.vertices[back.triangles])


def test_a_second_mesh_keeps_its_place_in_the_frame_of_the_first() -> None:
    mesh = read(linked(TETRAHEDRON))
    normalised, placement = in_training_frame(mesh)
    moved = TriangleMesh(vertices=mesh.vertices + [0, 0, 1], triangles=mesh.triangles, colors=mesh.colors)
    factor = np.ptp(normalised.vertices[:, 0]) / np.ptp(mesh.vertices[:, 0])
    assert in_frame_of(placement, moved).vertices == pytest.approx(normalised.vertices + [0, 0, factor], abs=1e-6)


def test_the_training_frame_is_a_ball_about_the_origin_and_leads_back() -> None:
    mesh = read(linked(TETRAHEDRON))
    normalised, placement = in_training_frame(mesh)
    assert np.linalg.norm(normalised.vertices, axis=1).max() == pytest.approx(0.6)
    matrix = np.array(placement)
    assert normalised.vertices @ matrix[:3, :3].T + matrix[:3, 3] == pytest.approx(mesh.vertices, abs=1e-6)


@pytest.mark.parametrize("kind", ["empty", "bare"])
def test_an_object_without_faces_is_refused(kind: str) -> None:
    data = None if kind == "empty" else bpy.data.meshes.new("bare")
    thing = bpy.data.objects.new("thing", data)
    bpy.context.scene.collection.objects.link(thing)
    with pytest.raises(InvalidInput, match="thing"):
        read(thing)


def test_srgb_there_and_back() -> None:
    values = np.linspace(0, 1, 101)
    assert srgb_from_linear(linear_from_srgb(values)) == pytest.approx(values, abs=1e-6)
