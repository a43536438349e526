"""Editing the splats of an object, with a backend that answers at once."""

import json
from collections.abc import Callable
from math import radians
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix, Vector

from lucid_blender import api
from lucid_blender.client.job_state import state
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.splats import SplatCloud
from lucid_blender.panels.splats import LUCID_PT_splats
from lucid_blender.scene.editing import splats_to_edit
from lucid_blender.scene.pointcloud import create_splats, read_splats

from .conftest import random_cloud

PLACE = Matrix.LocRotScale(Vector((4, -2, 1)), Euler((0.2, 0.4, radians(70))), Vector((3, 3, 3)))


def placed(cloud: SplatCloud) -> bpy.types.Object:
    splats = create_splats(cloud, "original")
    splats.matrix_world = PLACE
    bpy.context.scene.collection.objects.link(splats)
    bpy.context.view_layer.objects.active = splats
    bpy.context.view_layer.update()
    return splats


def frozen(splats: bpy.types.Object, **by: object) -> np.ndarray:
    wanted = {"attribute": None, "inside": None} | by
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return splats_to_edit(splats, depsgraph=depsgraph, **wanted).frozen.astype(bool)


def in_world(splats: bpy.types.Object) -> np.ndarray:
    world = np.array(splats.matrix_world)
    return read_splats(splats).positions @ world[:3, :3].T + world[:3, 3]


def test_without_restriction_all_splats_may_change_and_come_in_the_objects_coordinates() -> None:
    cloud = random_cloud(40)
    initial = splats_to_edit(
        placed(cloud), attribute=None, inside=None, depsgraph=bpy.context.evaluated_depsgraph_get()
    )
    assert initial.cloud.equals(cloud) and not initial.frozen.any()


@pytest.mark.parametrize("kind", ["BOOLEAN", "FLOAT", "INT", "INT8"])
def test_a_point_attribute_says_what_may_change(kind: str) -> None:
    splats = placed(random_cloud(40))
    values = np.arange(40) % 3 == 0
    attribute = splats.data.attributes.new("Selection", kind, "POINT")
    attribute.data.foreach_set(
        "value", values.astype(bool if kind == "BOOLEAN" else np.float32 if kind == "FLOAT" else np.int32)
    )
    assert np.array_equal(frozen(splats, attribute="Selection"), ~values)


@pytest.mark.parametrize("name", ["missing", "scale"])
def test_an_attribute_that_cannot_say_is_refused_with_advice(name: str) -> None:
    with pytest.raises(InvalidInput, match=name) as caught:
        frozen(placed(random_cloud(5)), attribute=name)
    assert caught.value.advice


def test_a_turned_and_scaled_box_encloses_what_is_between_its_faces() -> None:
    splats = placed(random_cloud(300))
    bpy.ops.mesh.primitive_cube_add(location=(3, -1, 2), rotation=(0.3, 0.5, 0.7))
    box = bpy.context.active_object
    box.scale = (5.0, 4.0, 6.0)
    bpy.context.view_layer.update()
    local = in_world(splats) - np.array(box.location)
    local = local @ np.array(box.rotation_euler.to_matrix()) / np.array(box.scale)
    outside = (np.abs(local) > 1).any(axis=1)
    assert 20 < outside.sum() < 280
    assert np.array_equal(frozen(splats, inside=box), outside)


def test_a_mesh_with_a_hole_through_it_encloses_what_is_in_its_body() -> None:
    splats = placed(random_cloud(300))
    bpy.ops.mesh.primitive_torus_add(
        location=splats.location, major_radius=3.0, minor_radius=1.5, major_segments=96, minor_segments=96
    )
    local = in_world(splats) - np.array(splats.location)
    from_ring = np.hypot(np.hypot(local[:, 0], local[:, 1]) - 3.0, local[:, 2])
    sure = np.abs(from_ring - 1.5) > 0.01  # the mesh is not quite round
    assert 20 < (from_ring < 1.5).sum() < 280
    assert np.array_equal(frozen(splats, inside=bpy.context.active_object)[sure], (from_ring > 1.5)[sure])


def test_an_empty_encloses_its_cube() -> None:
    splats = placed(random_cloud(300))
    bpy.ops.object.empty_add(type="CUBE", radius=2.5, location=splats.location)
    outside = (np.abs(in_world(splats) - np.array(splats.location)) > 2.5).any(axis=1)
    assert np.array_equal(frozen(splats, inside=bpy.context.active_object), outside)


def test_an_object_without_volume_or_with_nothing_inside_is_refused() -> None:
    splats = placed(random_cloud(20))
    bpy.ops.object.light_add()
    with pytest.raises(InvalidInput, match="encloses nothing"):
        frozen(splats, inside=bpy.context.active_object)
    bpy.ops.mesh.primitive_cube_add(location=(500, 0, 0))
    with pytest.raises(InvalidInput, match="all 20 splats are frozen"):
        frozen(splats, inside=bpy.context.active_object)


@pytest.mark.usefixtures("fake_backend")
def test_an_edit_lands_where_the_original_was_and_hides_it() -> None:
    cloud = random_cloud(60)
    original = placed(cloud)
    bpy.ops.object.empty_add(type="CUBE", radius=2.5, location=original.location)
    around = bpy.context.active_object
    kept = frozen(original, inside=around)
    result = api.edit(original, "a blue mushroom", inside=around, preset="draft", seed=3)
    made = result.splats
    assert result.done and made is not None and made != original
    assert np.allclose(np.array(made.matrix_world), np.array(PLACE), atol=1e-6)
    assert original.hide_viewport and original.hide_render and not made.hide_viewport
    found = read_splats(made)
    assert np.array_equal(found.positions, cloud.positions)
    assert np.array_equal(found.sh[kept], cloud.sh[kept]) and not found.sh[~kept].any()
    settings = json.loads(made["settings"])
    assert made["prompt"] == "a blue mushroom" and settings["initialiser"]["kind"] == "FromSplats"
    assert settings["iterations"] == 300 and settings["seed"] == 3  # the draft's


@pytest.mark.usefixtures("fake_backend")
def test_overrides_pass_through_and_the_original_can_stay_visible() -> None:
    original = placed(random_cloud(10))
    made = api.edit(original, "a cat", preset="draft", iterations=4, objective="ISM", hide_original=False).splats
    assert made is not None and not original.hide_viewport
    settings = json.loads(made["settings"])
    assert settings["iterations"] == 4 and settings["objective"]["kind"] == "Ism"


@pytest.mark.usefixtures("fake_backend")
def test_an_edit_runs_beside_the_user(monkeypatch: pytest.MonkeyPatch, pump: Callable[[], None]) -> None:
    monkeypatch.setattr(api, "require_window", lambda: None)
    original = placed(random_cloud(10))
    result = api.edit(original, "a cat", preset="draft", iterations=3, wait=False)
    assert not result.done
    pump()
    assert result.done and result.splats is not None and len(read_splats(result.splats)) == 10


@pytest.mark.usefixtures("fake_backend")
def test_the_operator_edits_the_active_object() -> None:
    original = placed(random_cloud(30))
    attribute = original.data.attributes.new("cap", "BOOLEAN", "POINT")
    attribute.data.foreach_set("value", np.arange(30) < 10)
    bpy.context.scene.lucid.preset = "draft"
    assert bpy.ops.lucid.edit_splats(prompt="a blue mushroom", attribute="cap") == {"FINISHED"}
    made = bpy.context.active_object
    assert made != original and made["prompt"] == "a blue mushroom"
    found = read_splats(made)
    assert not found.sh[:10].any() and found.sh[10:].all()


def test_the_operator_needs_splats_and_says_when_the_object_around_is_missing() -> None:
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.lucid.edit_splats.poll()
    placed(random_cloud(5))
    with pytest.raises(RuntimeError, match="There is no object 'Box'"):
        bpy.ops.lucid.edit_splats(prompt="a cat", inside="Box")


class Layout:
    """Stands for a UILayout: notes operators and texts."""

    def __init__(self, drawn: list[str]) -> None:
        self.drawn = drawn

    def operator(self, name: str, **_: object) -> None:
        self.drawn.append(name)

    def label(self, *, text: str, **_: object) -> None:
        self.drawn.append(text)

    def row(self, **_: object) -> "Layout":
        return self

    column = row


def test_the_sidebar_offers_the_edit_and_says_why_it_must_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    placed(random_cloud(5))
    panel, drawn = SimpleNamespace(layout=Layout([])), []
    panel.layout.drawn = drawn
    LUCID_PT_splats.draw(panel, bpy.context)
    assert "lucid.edit_splats" in drawn and not any("wait" in one for one in drawn)
    assert bpy.ops.lucid.edit_splats.poll()
    monkeypatch.setattr(state, "phase", "running")
    drawn.clear()
    LUCID_PT_splats.draw(panel, bpy.context)
    assert "lucid.edit_splats" in drawn and any("wait" in one for one in drawn)
    assert not bpy.ops.lucid.edit_splats.poll()
