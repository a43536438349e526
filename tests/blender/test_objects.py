"""Verbs on splat objects: what becomes of every splat, in world space."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix, Quaternion, Vector

from lucid_blender.core.colors import color_matrix
from lucid_blender.core.formats.ply import read_ply
from lucid_blender.core.harmonics import basis
from lucid_blender.core.splats import SplatCloud
from lucid_blender.operators.crop_splats import LUCID_OT_crop_splats
from lucid_blender.panels import menus
from lucid_blender.scene.pointcloud import create_splats, read_splats

from .conftest import random_cloud

TURN = Euler((0.3, -0.5, 1.2))
NEAR = 1e-5  # metres and colours: some roundings to float32
VERBS = ("apply_transform", "join_splats", "crop_splats", "recolor_splats")


def placed(cloud: SplatCloud, name: str = "splats", **transform: object) -> bpy.types.Object:
    splats = create_splats(cloud, name)
    for key, value in transform.items():
        setattr(splats, key, value)
    bpy.context.scene.collection.objects.link(splats)
    choose(splats)
    return splats


def choose(*found: bpy.types.Object) -> None:
    """Select these; the last is active."""
    bpy.context.view_layer.update()
    for other in bpy.context.view_layer.objects:
        other.select_set(False)
    for one in found:
        one.select_set(True)
        bpy.context.view_layer.objects.active = one
    bpy.context.view_layer.update()


def box(**transform: object) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=2)
    made = bpy.context.active_object
    for key, value in transform.items():
        setattr(made, key, value)
    bpy.context.view_layer.update()
    return made


def in_world(splats: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Positions [N, 3] and covariances [N, 3, 3], with Blender's own quaternions and matrices."""
    bpy.context.view_layer.update()
    cloud, world = read_splats(splats), np.array(splats.matrix_world)
    roots = [
        world[:3, :3] @ np.array(Quaternion(q).to_matrix()) * s
        for q, s in zip(cloud.rotations.tolist(), cloud.scales, strict=True)
    ]
    return cloud.positions @ world[:3, :3].T + world[:3, 3], np.array([root @ root.T for root in roots])


def seen_in_world(splats: bpy.types.Object) -> np.ndarray:
    """[N, D, 3] display colours along directions of the world, for objects without a stretch."""
    directions = np.random.default_rng(1).normal(size=(12, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    cloud = read_splats(splats)
    own = directions @ np.array(splats.matrix_world.to_quaternion().to_matrix())
    return 0.5 + np.einsum("dk,nkc->ndc", basis(own, cloud.sh_degree), cloud.sh)


def assert_same(found: tuple[np.ndarray, np.ndarray], wanted: tuple[np.ndarray, np.ndarray]) -> None:
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=NEAR * max(1, np.abs(b).max()))


def test_applied_transforms_leave_every_splat_where_it_stands_and_as_it_looks() -> None:
    splats = placed(random_cloud(40, coefficients=16), location=(1, 2, 3), rotation_euler=TURN, scale=(2, 2, 2))
    before, colors = in_world(splats), seen_in_world(splats)
    assert bpy.ops.lucid.apply_transform() == {"FINISHED"}
    assert splats.matrix_world == Matrix.Identity(4)
    assert_same(in_world(splats), before)
    np.testing.assert_allclose(seen_in_world(splats), colors, atol=10 * NEAR)


@pytest.mark.parametrize("parts", [{"scale": True}, {"scale": True, "rotation": True}, {"location": True}, {}])
def test_parts_of_an_uneven_transform_leave_the_rest(parts: dict[str, bool]) -> None:
    splats = placed(random_cloud(20), location=(1, 2, 3), rotation_euler=TURN, scale=(2, -1, 0.5))
    before = in_world(splats)
    chosen = {"location": False, "rotation": False, "scale": False} | parts
    bpy.ops.lucid.apply_transform(**chosen)
    assert_same(in_world(splats), before)
    location, rotation, scale = splats.matrix_basis.decompose()
    assert (location.length < NEAR) == chosen["location"]
    assert (rotation.angle < 1e-3) == chosen["rotation"]
    assert ((Vector((1, 1, 1)) - scale).length < NEAR) == chosen["scale"]


def test_a_rotation_alone_is_refused_where_it_would_leave_a_shear() -> None:
    splats = placed(random_cloud(3), rotation_euler=TURN, scale=(2, 1, 1))
    before = read_splats(splats)
    with pytest.raises(RuntimeError, match="Apply the scale, too"):
        bpy.ops.lucid.apply_transform(scale=False)
    assert read_splats(splats).equals(before)
    splats.scale = (1, 0, 1)
    with pytest.raises(RuntimeError, match="scale is 0|scale of 0"):
        bpy.ops.lucid.apply_transform()


def test_children_and_parents_stay_where_they_are() -> None:
    above, below = box(location=(5, 0, 0), rotation_euler=(0, 0, 1)), box(location=(0, 4, 0))
    splats = placed(random_cloud(10), location=(1, 2, 3), rotation_euler=TURN)
    splats.parent, below.parent = above, splats
    bpy.context.view_layer.update()
    before, child = in_world(splats), below.matrix_world.copy()
    bpy.ops.lucid.apply_transform()
    assert_same(in_world(splats), before)
    assert splats.matrix_basis == Matrix.Identity(4)
    np.testing.assert_allclose(np.array(below.matrix_world), np.array(child), atol=NEAR)


def test_a_linked_duplicate_keeps_its_own_splats() -> None:
    splats = placed(random_cloud(10), location=(1, 0, 0))
    twin = splats.copy()
    bpy.context.scene.collection.objects.link(twin)
    before = read_splats(twin)
    choose(splats)
    bpy.ops.lucid.apply_transform()
    assert twin.data != splats.data and read_splats(twin).equals(before)


def test_joined_splats_stand_where_they_stood_in_one_object() -> None:
    first = placed(random_cloud(10, coefficients=9, seed=1), "first", location=(3, 0, 0), rotation_euler=TURN)
    second = placed(random_cloud(20, seed=2), "second", rotation_euler=(1, 0, 0), scale=(2, 1, 0.5))
    active = placed(random_cloud(30, coefficients=4, seed=3), "active", location=(0, 1, 0), scale=(2, 2, 2))
    wanted = [np.concatenate(parts) for parts in zip(*map(in_world, (active, first, second)), strict=True)]
    colors = [seen_in_world(active), seen_in_world(first)]
    active["prompt"] = "a mug"
    choose(first, second, active)
    assert bpy.ops.lucid.join_splats() == {"FINISHED"}
    assert [found.name for found in bpy.data.objects] == ["active"] and len(bpy.data.pointclouds) == 1
    assert_same(in_world(active), tuple(wanted))
    assert read_splats(active).sh_degree == 2 and active["prompt"] == "a mug"
    np.testing.assert_allclose(seen_in_world(active)[:40], np.concatenate(colors), atol=10 * NEAR)


def test_point_attributes_of_the_user_stay_with_their_points() -> None:
    first, active = placed(random_cloud(4, seed=1), "first"), placed(random_cloud(6, seed=2), "active")
    marks = first.data.attributes.new("mark", "INT", "POINT")
    marks.data.foreach_set("value", np.arange(4, dtype=np.int32))
    choose(first, active)
    bpy.ops.lucid.join_splats()
    found = np.empty(10, np.int32)
    active.data.attributes["mark"].data.foreach_get("value", found)
    assert found.tolist() == [0] * 6 + [0, 1, 2, 3]


def test_duplicates_are_splats_of_their_own() -> None:
    splats = placed(random_cloud(12, coefficients=4), location=(1, 0, 0))
    bpy.ops.object.duplicate()
    twin = bpy.context.active_object
    assert twin != splats and twin.data != splats.data and read_splats(twin).equals(read_splats(splats))
    assert [modifier.name for modifier in twin.modifiers] == [modifier.name for modifier in splats.modifiers]
    bpy.ops.lucid.recolor_splats(value=0.5)
    assert not read_splats(twin).equals(read_splats(splats))


@pytest.mark.parametrize("keep", ["INSIDE", "OUTSIDE"])
def test_cropping_by_a_turned_box_keeps_one_side_of_its_faces(keep: str) -> None:
    splats = placed(random_cloud(300, coefficients=4), location=(1, -1, 0), rotation_euler=TURN, scale=(2, 3, 2))
    around = box(location=(0.5, 0, 0.5), rotation_euler=(0.4, 0.2, 0.9), scale=(2, 1.5, 3))
    marks = splats.data.attributes.new("mark", "INT", "POINT")
    marks.data.foreach_set("value", np.arange(300, dtype=np.int32))
    places, whole = in_world(splats)[0], read_splats(splats)
    local = (places - np.array(around.location)) @ np.array(around.rotation_euler.to_matrix()) / np.array(around.scale)
    inside = (np.abs(local) <= 1).all(axis=1)
    assert 30 < inside.sum() < 270
    choose(around, splats)
    assert bpy.ops.lucid.crop_splats(keep=keep) == {"FINISHED"}
    stays = inside if keep == "INSIDE" else ~inside
    assert read_splats(splats).equals(whole.chosen(stays))
    kept = np.empty(int(stays.sum()), np.int32)
    splats.data.attributes["mark"].data.foreach_get("value", kept)
    assert np.array_equal(kept, np.flatnonzero(stays))


def test_a_surface_and_its_bounding_box_crop_differently() -> None:
    cloud = random_cloud(400)
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=64)
    ball = bpy.context.active_object
    distance = np.linalg.norm(cloud.positions, axis=1)
    in_box = (np.abs(cloud.positions) <= 1).all(axis=1)
    for shape, wanted in (("BOX", in_box), ("SURFACE", distance < 1)):
        splats = placed(cloud)
        bpy.ops.lucid.crop_splats(box=ball.name, shape=shape)
        sure = np.abs(distance - 1) > 0.01  # the sphere has flat faces
        if shape == "BOX":
            assert len(read_splats(splats)) == wanted.sum()
        else:
            assert abs(len(read_splats(splats)) - (wanted & sure).sum()) <= (~sure).sum()
        bpy.data.objects.remove(splats)


def test_a_crop_that_leaves_nothing_or_lacks_a_box_is_refused() -> None:
    far = box(location=(500, 0, 0))
    splats = placed(random_cloud(5))
    with pytest.raises(RuntimeError, match="no splat of 'splats' would be left"):
        bpy.ops.lucid.crop_splats(box=far.name)
    with pytest.raises(RuntimeError, match="No object is chosen"):
        bpy.ops.lucid.crop_splats()
    with pytest.raises(RuntimeError, match="There is no object 'Box'"):
        bpy.ops.lucid.crop_splats(box="Box")
    bpy.ops.object.light_add()
    lamp = bpy.context.active_object
    choose(splats)
    with pytest.raises(RuntimeError, match="encloses nothing"):
        bpy.ops.lucid.crop_splats(box=lamp.name)
    assert len(read_splats(splats)) == 5


def test_recolouring_maps_the_colour_seen_from_every_side() -> None:
    splats = placed(random_cloud(30, coefficients=16))
    before = seen_in_world(splats)
    assert bpy.ops.lucid.recolor_splats(hue=1.0, saturation=0.5, tint=(1, 0.5, 0.25), value=1.5) == {"FINISHED"}
    matrix = color_matrix(hue=1.0, saturation=0.5, tint=(1, 0.5, 0.25), value=1.5)
    np.testing.assert_allclose(seen_in_world(splats), before @ matrix.T, atol=10 * NEAR)


def test_all_selected_splats_are_changed_or_else_the_active_ones() -> None:
    first, second = placed(random_cloud(3), "first"), placed(random_cloud(3), "second")
    other = box()
    choose(first, second, other)
    bpy.ops.lucid.recolor_splats(value=0)
    for splats in (first, second):
        np.testing.assert_allclose(read_splats(splats).base_colors, 0, atol=NEAR)
    third = placed(random_cloud(3), "third")
    third.select_set(False)
    bpy.ops.lucid.recolor_splats(value=0)
    np.testing.assert_allclose(read_splats(third).base_colors, 0, atol=NEAR)


def test_an_export_has_the_transform_applied_unless_it_should_not(tmp_path: Path) -> None:
    splats = placed(random_cloud(20, coefficients=4), location=(1, 2, 3), rotation_euler=TURN, scale=(1, 2, 3))
    bpy.ops.lucid.export_splats(filepath=str(tmp_path / "own.ply"), apply_transform=False, pad_to_degree_3=False)
    bpy.ops.lucid.export_splats(filepath=str(tmp_path / "world.ply"), pad_to_degree_3=False)
    own, world = read_ply(tmp_path / "own.ply"), read_ply(tmp_path / "world.ply")
    np.testing.assert_array_equal(own.positions, read_splats(splats).positions)
    wanted = in_world(splats)
    assert_same(in_world(placed(world, "again")), wanted)


def test_verbs_need_splats_and_can_be_undone_and_searched() -> None:
    box()
    for name in VERBS:
        assert not getattr(bpy.ops.lucid, name).poll(), name
        operator = getattr(bpy.types, f"LUCID_OT_{name}")
        assert operator.bl_options >= {"REGISTER", "UNDO"} and "INTERNAL" not in operator.bl_options
        assert operator.bl_label and operator.bl_description
    placed(random_cloud(3))
    assert bpy.ops.lucid.apply_transform.poll() and not bpy.ops.lucid.join_splats.poll()


class Layout:
    """Stands for a UILayout: notes what is drawn, and hands out properties to set."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def operator(self, name: str, **_: object) -> "Layout":
        module, verb = name.split(".")
        getattr(getattr(bpy.ops, module), verb).get_rna_type()  # raises for one that does not exist
        self.drawn.append(name)
        return self

    def menu(self, name: str, **_: object) -> None:
        assert hasattr(bpy.types, name)
        self.drawn.append(name)

    def separator(self) -> None:
        """Nothing to note."""


def test_the_menus_offer_the_verbs() -> None:
    menu = type("Menu", (), {"layout": Layout()})()
    menus.LUCID_MT_object.draw(menu, bpy.context)
    assert {f"lucid.{name}" for name in VERBS} < set(menu.layout.drawn)
    menus.draw_object(menu, bpy.context)
    menus.draw_add(menu, bpy.context)
    assert "LUCID_MT_object" in menu.layout.drawn and menu.layout.at_cursor is True


def test_the_one_selected_object_without_splats_is_the_box() -> None:
    around, splats = box(), placed(random_cloud(200))
    choose(around, splats)
    inside = (np.abs(read_splats(splats).positions) <= 1).all(axis=1).sum()
    bpy.ops.lucid.crop_splats()
    assert len(read_splats(splats)) == inside
    assert LUCID_OT_crop_splats.poll(bpy.context)


def test_splats_from_the_add_menu_come_to_the_cursor(tmp_path: Path) -> None:
    placed(random_cloud(4))
    bpy.ops.lucid.export_splats(filepath=str(tmp_path / "four.ply"))
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.ops.lucid.import_splats(filepath=str(tmp_path / "four.ply"), at_cursor=True)
    assert tuple(bpy.context.active_object.location) == (1, 2, 3)
