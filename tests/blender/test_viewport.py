"""The splat drawer: sorting, packing, views, what is visible, and its pictures, drawn without a window."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import bpy
import gpu
import numpy as np
import pytest
from mathutils import Euler, Matrix, Quaternion

from lucid_blender import preferences, registration
from lucid_blender.core.cameras import OPENCV_FROM_BLENDER_CAMERA, orbit
from lucid_blender.core.splats import SplatCloud
from lucid_blender.scene.display import MODIFIER, display_of, give_back, set_display
from lucid_blender.scene.pointcloud import create_splats, read_arrays, update_splats
from lucid_blender.scene.rendering import set_splat_render
from lucid_blender.viewport import drawer, layer, shaders
from lucid_blender.viewport.clouds import ORDERS, Cloud, Clouds, upload
from lucid_blender.viewport.depth_sort import CODES, SLABS, TAIL_CODES, back_to_front, slabs
from lucid_blender.viewport.packing import WIDTH, Packed, pack
from lucid_blender.viewport.view import MARGIN, Rectangle, View
from lucid_blender.viewport.visible import drawn_splats

from .conftest import random_cloud

SIZE = (72, 56)  # pixels, width and height
NEAR, FAR = 0.05, 50.0
FOCAL = 60.0  # pixels


# ---------------------------------------------------------------- sorting


def test_splats_are_ordered_from_back_to_front() -> None:
    positions = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    direction = np.array([0.6, 0.0, 0.8])
    order, depths = back_to_front(positions, direction)
    assert sorted(order) == list(range(5000))
    assert depths == pytest.approx((positions @ direction)[order], abs=1e-5)
    step = np.ptp(depths) / (CODES - 2 * TAIL_CODES)
    assert np.diff(depths).max() < 2 * step


def test_a_few_splats_far_away_leave_the_others_in_order() -> None:
    positions = np.random.default_rng(1).normal(size=(5000, 3)).astype(np.float32)
    positions[:3] *= 1e6
    order, depths = back_to_front(positions, np.array([1.0, 0, 0]))
    near = np.abs(depths) < 100
    assert np.diff(depths[near]).max() < 1e-2  # metres; one code of 65 536 over all would be thirty


@pytest.mark.parametrize("positions", [np.zeros((0, 3)), np.zeros((7, 3)), np.full((4, 3), np.nan)])
def test_what_has_no_order_keeps_its_own(positions: np.ndarray) -> None:
    order, depths = back_to_front(positions.astype(np.float32), np.array([0, 0, 1.0]))
    assert list(order) == list(range(len(positions))) and len(depths) == len(positions)


def test_one_cloud_is_drawn_in_one_piece() -> None:
    assert slabs([np.array([3.0, 2, 2, 1])]) == [(0, 0, 4)]
    assert slabs([]) == slabs([np.empty(0)]) == []


def test_of_clouds_apart_the_farther_comes_first() -> None:
    near, far = np.array([2.0, 1.5, 1]), np.array([9.0, 8])
    assert slabs([near, far]) == [(1, 0, 2), (0, 0, 3)]


def test_clouds_that_share_a_depth_are_drawn_as_one() -> None:
    rng = np.random.default_rng(2)
    clouds = [np.sort(rng.uniform(low, low + 4, 300))[::-1] for low in (0, 1, 2.5)]
    drawn = [(k, i) for k, first, count in slabs(clouds) for i in range(first, first + count)]
    assert sorted(drawn) == [(k, i) for k in range(3) for i in range(300)]
    depths = np.array([clouds[k][i] for k, i in drawn])
    behind = np.maximum.accumulate(depths[::-1])[::-1]  # the farthest of what is still to come
    assert (behind - depths).max() < 1.5 / SLABS  # metres: one slab, of stretches that are 1.5 m at most


# ---------------------------------------------------------------- packing


@pytest.mark.parametrize(("coefficients", "texels"), [(1, 0), (4, 3), (9, 6), (16, 12)])
def test_texels_hold_the_attributes(coefficients: int, texels: int) -> None:
    cloud = random_cloud(WIDTH + 5, coefficients=coefficients)  # more than one row
    packed = packed_of(cloud)
    wanted = (cloud.positions, cloud.scales, cloud.rotations, np.c_[cloud.sh[:, 0], cloud.opacities])
    for values, texture in zip(wanted, packed.splats, strict=True):
        assert len(texture) == 2 * WIDTH and texture.dtype == np.float32
        assert np.array_equal(texture[: len(cloud), : values.shape[1]], values)
    if not texels:
        assert packed.harmonics is None
        return
    rows = packed.harmonics.ravel()[: len(cloud) * texels * 4].reshape(len(cloud), -1)
    assert np.array_equal(rows[:, : 3 * (coefficients - 1)], cloud.sh[:, 1:].reshape(len(cloud), -1))


def test_the_box_around_a_cloud_holds_what_its_splats_cover() -> None:
    cloud = random_cloud(50)
    corners = packed_of(cloud).corners
    assert (corners.min(axis=0) <= (cloud.positions - 3 * cloud.scales.max(axis=1)[:, None]).min(axis=0)).all()
    assert (corners.max(axis=0) >= (cloud.positions + 3 * cloud.scales.max(axis=1)[:, None]).max(axis=0)).all()


# ---------------------------------------------------------------- views


def test_depth_and_eye_of_a_view_are_those_of_its_camera() -> None:
    view, world = a_view(), np.array(Matrix.LocRotScale((1, 2, 3), Euler((0.3, 0.4, 0.5)), (1, 2, 0.5)))
    camera = np.linalg.inv(view.from_world)
    point = np.array([0.3, -0.2, 0.7])
    in_world = (world @ np.append(point, 1))[:3]
    forward = view.forward(world)
    assert forward[:3] @ point + forward[3] == pytest.approx(-camera[:3, 2] @ (in_world - camera[:3, 3]))
    eye = view.eye(world)
    assert eye[3] == 1 and (world @ eye)[:3] == pytest.approx(camera[:3, 3])


def test_an_orthographic_view_looks_along_one_direction() -> None:
    view, world = a_view(orthographic=True), np.array(Matrix.LocRotScale((1, 2, 3), Euler((0.3, 0.4, 0.5)), (2, 2, 2)))
    eye = view.eye(world)
    assert eye[3] == 0 and world[:3, :3] @ eye[:3] / 2 == pytest.approx(-np.linalg.inv(view.from_world)[:3, 2])


def test_the_rectangle_holds_a_box_and_no_more() -> None:
    view, box = a_view(), packed_of(ball()).corners
    part = view.rectangle([(box, np.eye(4))])
    clip = np.c_[box, np.ones(8)] @ view.to_clip(np.eye(4)).T
    pixels = (clip[:, :2] / clip[:, 3:] + 1) / 2 * SIZE
    assert part.x == max(int(pixels[:, 0].min()) - MARGIN, 0)
    assert part.y + part.height == min(int(np.ceil(pixels[:, 1].max())) + MARGIN, SIZE[1])


def test_what_is_behind_or_beside_the_view_has_no_pixels() -> None:
    view, box = a_view(), packed_of(ball()).corners
    away = np.linalg.inv(view.from_world)
    for place in ((0, 0, 5), (40, 0, -5)):
        assert view.rectangle([(box, away @ np.array(Matrix.Translation(place)))]) is None
    around = view.rectangle([(box, away)])  # the camera is inside
    assert (around.width, around.height) == SIZE


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_the_picture_is_the_backends(graphics: None, tmp_path: Path, coefficients: int) -> None:
    python = os.environ.get(preferences.PYTHON_VARIABLE)
    if not python:
        pytest.skip(f"{preferences.PYTHON_VARIABLE} names no interpreter with torch")
    cloud = small_cloud(400, coefficients=coefficients)
    camera = orbit(radius=3, azimuth=40, elevation=25, fov_y=2 * np.arctan(SIZE[1] / 2 / FOCAL), width=72, height=56)
    names = ("positions", "rotations", "scales", "opacities", "sh")
    given, made = tmp_path / "given.npz", tmp_path / "made.npy"
    arrays = {name: getattr(cloud, name) for name in names}
    np.savez(given, viewmat=camera.viewmat, focal=FOCAL, size=SIZE[::-1], **arrays)
    subprocess.run([python, Path(__file__).with_name("reference_picture.py"), given, made], check=True)
    difference = picture_of([cloud], a_view(OPENCV_FROM_BLENDER_CAMERA @ camera.viewmat)) - np.load(made)
    # The drawer sees a splat as far as it covers 1/255, the rasterizers to the end of the tile where three standard
    # deviations end, there at most 0.011; half floats and 65 536 depths do less. 50 dB is a mean error of 0.003.
    assert -10 * np.log10((difference**2).mean()) > 50
    assert np.abs(difference).max() < 0.03


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("shift", [0.0, 0.4])
@pytest.mark.parametrize("scale", [(1, 1, 1), (0.5, 1.0, 2.0)])
def test_a_splat_covers_the_projection_of_its_gaussian(
    graphics: None, orthographic: bool, shift: float, scale: tuple[float, float, float]
) -> None:
    cloud = SplatCloud.from_colors(
        positions=np.array([[0.1, 0.05, -0.1]]),
        scales=np.array([[0.25, 0.05, 0.12]]),
        rotations=np.array([[0.8, 0.3, 0.4, 0.2]]),
        opacities=np.array([0.9]),
        colors=np.array([[0.2, 0.6, 0.9]]),
    )
    world = np.array(Matrix.LocRotScale((0.2, 0.1, 0.1), Euler((0.5, 0.2, 0.9)), scale))
    view = a_view(orthographic=orthographic, shift=shift)
    drawn = picture_of([cloud], view, worlds=[world])
    wanted = projected_alpha(cloud, world, view)
    assert np.abs(drawn[..., 3] - wanted).max() < 0.005  # what is below 1/255 is cut off; half floats
    y, x = np.unravel_index(wanted.argmax(), wanted.shape)
    assert drawn[y, x, :3] / drawn[y, x, 3] == pytest.approx([0.2, 0.6, 0.9], abs=0.002)


@pytest.mark.parametrize("orthographic", [False, True])
def test_colours_follow_the_direction_in_the_clouds_own_axes(graphics: None, orthographic: bool) -> None:
    cloud, view = small_cloud(200, coefficients=16), a_view(orthographic=orthographic)
    turned = np.array(Matrix.LocRotScale((0.3, -0.2, 0.1), Euler((0.4, 1.0, -0.7)), (1, 1, 1)))
    beside = View(
        from_world=view.from_world @ np.linalg.inv(turned),
        projection=view.projection,
        width=view.width,
        height=view.height,
    )
    alone = picture_of([cloud], view)
    error = np.abs(picture_of([cloud], beside, worlds=[turned]) - alone)
    assert error.mean() < 1e-3 and np.quantile(error, 0.999) < 0.02  # two splats of one depth may change places
    names = ("positions", "scales", "rotations", "opacities")
    plain = SplatCloud(**{name: getattr(cloud, name) for name in names}, sh=cloud.sh[:, :1])
    assert np.abs(picture_of([plain], view) - alone).max() > 0.1


def test_an_orthographic_view_sees_all_splats_along_one_direction(graphics: None) -> None:
    cloud, view = small_cloud(200, coefficients=4), a_view(orthographic=True)
    x, y, z = -np.linalg.inv(view.from_world)[:3, 2]
    first = np.sqrt(3 / (4 * np.pi)) * (-y * cloud.sh[:, 1] + z * cloud.sh[:, 2] - x * cloud.sh[:, 3])
    names = ("positions", "scales", "rotations", "opacities")
    baked = SplatCloud(
        **{name: getattr(cloud, name) for name in names}, sh=cloud.sh[:, :1] + first[:, None] / 0.28209479177387814
    )
    assert picture_of([cloud], view) == pytest.approx(picture_of([baked], view), abs=5e-3)  # half floats


def test_a_part_of_the_view_is_cut_out_of_the_whole(graphics: None) -> None:
    cloud, view, part = small_cloud(200), a_view(), Rectangle(x=20, y=10, width=31, height=25)
    whole = picture_of([cloud], view)[::-1]
    wanted = whole[part.y : part.y + part.height, part.x : part.x + part.width]
    assert picture_of([cloud], view, part=part)[::-1] == pytest.approx(wanted, abs=2e-3)  # of interpolation


def test_two_clouds_are_blended_as_one(graphics: None) -> None:
    whole, view = small_cloud(300), a_view()
    together = picture_of([whole], view)
    apart = picture_of([part_of(whole, np.arange(0, 300, 2)), part_of(whole, np.arange(1, 300, 2))], view)
    one_after_the_other = picture_of([part_of(whole, np.r_[0:300:2, 1:300:2])], view)
    assert one_after_the_other == pytest.approx(together, abs=2e-3)
    error = np.abs(apart - together)
    assert error.mean() < 0.003 and error.max() < 0.2  # only neighbours within one of 64 slabs change places


def test_the_scene_hides_what_is_behind_it(graphics: None) -> None:
    view = a_view()
    clip = view.to_clip(np.eye(4)) @ (0, 0, 0, 1)
    between = clip[2] / clip[3] / 2 + 0.5
    for depth, seen in ((between - 1e-3, False), (between + 1e-3, True)):
        values = np.full(SIZE[0] * SIZE[1], depth, np.float32)
        buffer = gpu.types.Buffer("FLOAT", values.size, values)
        assert (picture_of([ball()], view, depth=buffer)[..., 3].max() > 0.5) == seen


def test_behind_the_camera_and_invisible_splats_draw_nothing(graphics: None) -> None:
    view = a_view()
    behind = np.linalg.inv(view.from_world) @ np.array(Matrix.Translation((0, 0, 0.3)))
    assert not picture_of([ball()], view, worlds=[behind]).any()
    assert not picture_of([ball(opacity=0.003)], view).any()


def test_a_layer_lies_over_the_background_as_in_display_space(graphics: None) -> None:
    background = np.array([0.25, 0.3, 0.2])
    for color in ((0.8, 0.3, 0.1), (0.0, 0.0, 0.0), (0.1, 0.9, 0.15)):
        view, whole = a_view(), Rectangle(x=0, y=0, width=SIZE[0], height=SIZE[1])
        placed = [layer.Placed(cloud=upload(packed_of(ball(opacity=0.8, color=color))), world=np.eye(4))]
        drawn = layer.draw_layer(placed, view, whole, None)
        overlays = gpu.types.GPUTexture(SIZE, format="RGBA32F")
        buffer = gpu.types.GPUFrameBuffer(color_slots=[overlays])
        with buffer.bind():
            buffer.clear(color=(0.0, 0.0, 0.0, 0.0))
            layer.lay_over(drawn, view, whole, background)
        splats, over = pixels(drawn), pixels(overlays)
        shown = ((1 - over[..., 3:]) * background**shaders.GAMMA + over[..., :3]) ** (1 / shaders.GAMMA)
        assert splats[..., 3].max() > 0.7
        assert shown == pytest.approx(splats[..., :3] + (1 - splats[..., 3:]) * background, abs=2e-3)


# ---------------------------------------------------------------- clouds on the graphics card


def test_a_cloud_is_read_again_only_when_it_has_changed(graphics: None) -> None:
    splats, clouds = linked(random_cloud(20)), Clouds()
    first = clouds.get(splats.data)
    assert clouds.get(splats.data) is first
    clouds.changed(splats.data.session_uid)
    again = clouds.get(splats.data)
    assert again is not first and clouds.get(splats.data) is again
    update_splats(splats, random_cloud(30, seed=1))
    assert len(clouds.get(splats.data).packed) == 30
    clouds.keep({data.session_uid for data in bpy.data.pointclouds})
    assert len(clouds) == 1


def test_blender_tells_which_clouds_have_changed() -> None:
    splats, other = linked(random_cloud(5)), linked(random_cloud(5, seed=1))
    bpy.context.view_layer.update()
    drawer._clouds.clear()
    bpy.app.handlers.depsgraph_update_post.append(drawer._on_update)
    try:
        other.location.x = 3
        bpy.context.view_layer.update()
        assert not drawer._clouds._changed
        splats.data.attributes["scale"].data[0].vector = (1, 1, 1)
        splats.data.update_tag()
        bpy.context.view_layer.update()
        assert drawer._clouds._changed == {splats.data.session_uid}
    finally:
        bpy.app.handlers.depsgraph_update_post.remove(drawer._on_update)
        drawer._clouds.clear()


def test_an_order_is_kept_until_the_view_turns(graphics: None) -> None:
    cloud = upload(packed_of(random_cloud(50)))
    first = cloud.order(np.array([0, 0, 2.0]))
    assert cloud.order(np.array([0.001, 0, 1])) is first
    others = [cloud.order(np.array([np.cos(a), np.sin(a), 0])) for a in np.linspace(0, 3, ORDERS - 1)]
    assert cloud.order(np.array([0, 0, 1.0])) is first and cloud.order(others[0].direction) is others[0]
    cloud.order(np.array([0, 0.5, 0.5]))
    assert len(cloud.orders) == ORDERS and others[1] not in cloud.orders


# ---------------------------------------------------------------- what is shown


def test_the_display_changes_the_viewport_and_not_the_render(tmp_path: Path) -> None:
    splats = linked(ball())
    pictures = {}
    for display in ("POINTS", "SPLATS", "BOUNDS"):
        set_display(splats, display)
        assert display_of(splats) == display
        pictures[display] = rendered(tmp_path)
    assert pictures["POINTS"].max() > 0.1
    for display in ("SPLATS", "BOUNDS"):
        assert np.array_equal(pictures[display], pictures["POINTS"])


def test_the_viewport_has_corners_or_edges_in_place_of_the_points() -> None:
    splats = linked(random_cloud(100))
    for display, vertices, edges in (("SPLATS", 8, 0), ("BOUNDS", 8, 12)):
        set_display(splats, display)
        shown = [found.object.data for found in bpy.context.evaluated_depsgraph_get().object_instances]
        (mesh,) = [data for data in shown if isinstance(data, bpy.types.Mesh)]
        assert (len(mesh.vertices), len(mesh.edges), len(mesh.polygons)) == (vertices, edges, 0)
    set_display(splats, "POINTS")
    assert MODIFIER not in splats.modifiers


@pytest.mark.parametrize("display", ["SPLATS", "BOUNDS"])
def test_the_box_that_is_shown_is_around_the_splats_with_their_reach(display: str) -> None:
    cloud = random_cloud(20)
    splats = linked(cloud)
    set_display(splats, display)
    shown = [found.object.data for found in bpy.context.evaluated_depsgraph_get().object_instances]
    (mesh,) = [data for data in shown if isinstance(data, bpy.types.Mesh)]
    corners = np.array([vertex.co for vertex in mesh.vertices])
    reach = 1.5 * cloud.scales.mean(axis=1, keepdims=True)
    assert corners.min(axis=0) == pytest.approx((cloud.positions - reach).min(axis=0), abs=1e-5)
    assert corners.max(axis=0) == pytest.approx((cloud.positions + reach).max(axis=0), abs=1e-5)


def test_a_display_is_copied_with_the_object_and_shared_by_all() -> None:
    splats, other = linked(random_cloud(3)), linked(random_cloud(3, seed=1))
    set_display(splats, "SPLATS")
    set_display(other, "SPLATS")
    assert display_of(splats.copy()) == "SPLATS"
    assert splats.modifiers[MODIFIER].node_group == other.modifiers[MODIFIER].node_group


def test_the_choice_is_about_the_selected_splats_or_all() -> None:
    one, other = linked(random_cloud(3)), linked(random_cloud(3, seed=1))
    bpy.context.scene.lucid.display = "SPLATS"
    assert (display_of(one), display_of(other)) == ("SPLATS", "SPLATS")
    other.select_set(True)
    bpy.context.scene.lucid.display = "BOUNDS"
    assert (display_of(one), display_of(other)) == ("SPLATS", "BOUNDS")
    assert bpy.context.scene.lucid.display == "BOUNDS"


def test_imported_splats_are_drawn(tmp_path: Path) -> None:
    linked(random_cloud(10)).select_set(True)
    bpy.context.view_layer.objects.active = bpy.data.objects["splats"]
    bpy.ops.lucid.export_splats(filepath=str(tmp_path / "some.ply"))
    bpy.ops.lucid.import_splats(filepath=str(tmp_path / "some.ply"))
    assert display_of(bpy.data.objects["some"]) == "SPLATS"


def test_points_stand_in_where_nobody_draws() -> None:
    splats = linked(random_cloud(3))
    set_display(splats, "SPLATS")
    give_back(bpy.data.objects, drawn=False)
    assert not splats.modifiers[MODIFIER].show_viewport and display_of(splats) == "SPLATS"
    give_back(bpy.data.objects, drawn=True)
    assert splats.modifiers[MODIFIER].show_viewport


def test_a_viewport_draws_what_it_shows() -> None:
    layer_, space = bpy.context.view_layer, a_viewport()
    splats, points, cube = linked(random_cloud(3)), linked(random_cloud(3, seed=1)), bpy.data.objects.new("cube", None)
    bpy.context.scene.collection.objects.link(cube)
    set_display(splats, "SPLATS")
    collection = bpy.data.collections.new("collection")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(splats)
    bpy.context.scene.collection.objects.unlink(splats)
    splats.matrix_world = Matrix.Translation((1, 2, 3))
    layer_.update()

    def drawn() -> list[bpy.types.PointCloud]:
        layer_.update()
        return [data for data, _ in drawn_splats(layer_, space)]

    ((data, world),) = drawn_splats(layer_, space)
    assert data == splats.data and np.array_equal(world, np.array(splats.matrix_world)) and data != points.data
    for owner, name, off, on in (
        (splats, "hide_viewport", True, False),
        (space, "show_object_viewport_pointcloud", False, True),
        (collection, "hide_viewport", True, False),
        (layer_.layer_collection.children[0], "exclude", True, False),
    ):
        setattr(owner, name, off)
        assert not drawn(), name
        setattr(owner, name, on)
        assert drawn() == [splats.data], name
    splats.hide_set(True)
    assert not drawn()


def test_instances_of_a_collection_are_drawn_where_they_stand() -> None:
    splats = create_splats(random_cloud(3), "splats")
    set_display(splats, "SPLATS")
    library = bpy.data.collections.new("library")
    library.objects.link(splats)
    library.instance_offset = (0, 0, 1)
    empty = bpy.data.objects.new("instance", None)
    empty.instance_type, empty.instance_collection = "COLLECTION", library
    empty.location, empty.scale = (1, 2, 3), (2, 2, 2)
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.update()
    ((data, world),) = drawn_splats(bpy.context.view_layer, a_viewport())
    assert data == splats.data
    assert world @ (0, 0, 1, 1) == pytest.approx([1, 2, 3, 1])


# ---------------------------------------------------------------- coming and going


def test_without_a_window_nothing_is_registered() -> None:
    names = ("depsgraph_update_post", "undo_post", "redo_post", "load_post")
    before = [list(getattr(bpy.app.handlers, name)) for name in names]
    drawer.start()
    assert drawer._handle is None
    assert [list(getattr(bpy.app.handlers, name)) for name in names] == before


def test_what_is_registered_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("depsgraph_update_post", "undo_post", "redo_post", "load_post")
    before = [list(getattr(bpy.app.handlers, name)) for name in names]
    monkeypatch.setattr(drawer.bpy, "app", WithWindow())
    drawer.start()
    drawer.start()
    assert [len(getattr(bpy.app.handlers, name)) for name in names] == [len(found) + 1 for found in before]
    assert bpy.app.timers.is_registered(drawer._take_over)
    registration.drawer.stop()
    assert not bpy.app.timers.is_registered(drawer._take_over)
    assert [list(getattr(bpy.app.handlers, name)) for name in names] == before and drawer._handle is None


def test_what_cannot_be_drawn_is_said_and_shown_as_points(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no such shader")

    splats = linked(random_cloud(3))
    set_display(splats, "SPLATS")
    monkeypatch.setattr(drawer, "draw_into", refuse)
    monkeypatch.setattr(drawer.bpy, "app", WithWindow())
    drawer.start()
    try:
        drawer._draw()
        assert "no such shader" in caplog.text
        assert bpy.app.timers.is_registered(drawer.stop)
        drawer.stop()
        assert not splats.modifiers[MODIFIER].show_viewport
    finally:
        drawer.stop()
        if bpy.app.timers.is_registered(drawer.stop):
            bpy.app.timers.unregister(drawer.stop)


class WithWindow:
    """bpy.app as it is with a window."""

    background = False
    handlers = bpy.app.handlers
    timers = bpy.app.timers
    translations = bpy.app.translations


# ---------------------------------------------------------------- what the tests look at


def linked(cloud: SplatCloud) -> bpy.types.Object:
    splats = create_splats(cloud, "splats")
    bpy.context.scene.collection.objects.link(splats)
    return splats


def small_cloud(count: int, *, coefficients: int = 1) -> SplatCloud:
    rng = np.random.default_rng(5)
    return SplatCloud(
        positions=rng.normal(size=(count, 3)) * 0.35,
        scales=rng.uniform(0.01, 0.15, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(size=(count, coefficients, 3)) * np.append(1.0, np.full(coefficients - 1, 0.3))[:, None],
    )


def ball(*, opacity: float = 1.0, color: Sequence[float] = (0.8, 0.3, 0.1)) -> SplatCloud:
    return SplatCloud.from_colors(
        positions=np.zeros((1, 3)),
        scales=np.full((1, 3), 0.2),
        rotations=np.array([[1.0, 0, 0, 0]]),
        opacities=np.array([opacity]),
        colors=np.array([color]),
    )


def part_of(cloud: SplatCloud, which: np.ndarray) -> SplatCloud:
    names = ("positions", "scales", "rotations", "opacities", "sh")
    return SplatCloud(**{name: getattr(cloud, name)[which] for name in names})


def packed_of(cloud: SplatCloud) -> Packed:
    splats = create_splats(cloud, "to pack")
    return pack(**read_arrays(splats.data))


def a_view(from_world: np.ndarray | None = None, *, orthographic: bool = False, shift: float = 0.0) -> View:
    """From 3 m away, FOCAL pixels a metre at 1 m distance; ``shift`` moves the picture by so many half widths."""
    if from_world is None:
        camera = orbit(radius=3, azimuth=40, elevation=25, fov_y=1.0, width=SIZE[0], height=SIZE[1])
        from_world = OPENCV_FROM_BLENDER_CAMERA @ camera.viewmat
    a, b = 2 * FOCAL / SIZE[0], 2 * FOCAL / SIZE[1]
    depth = [-(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)]
    projection = np.array([[a, 0, shift, 0], [0, b, 0, 0], [0, 0, *depth], [0, 0, -1, 0]])
    if orthographic:
        depth = [-2 / (FAR - NEAR), -(FAR + NEAR) / (FAR - NEAR)]
        projection = np.array([[a / 3, 0, 0, -shift], [0, b / 3, 0, 0], [0, 0, *depth], [0, 0, 0, 1]])
    return View(from_world=from_world, projection=projection, width=SIZE[0], height=SIZE[1])


def picture_of(
    clouds: Sequence[SplatCloud],
    view: View,
    *,
    worlds: Sequence[np.ndarray] | None = None,
    part: Rectangle | None = None,
    depth: gpu.types.Buffer | None = None,
) -> np.ndarray:
    """[H, W, 4] premultiplied display colours, rows from the top."""
    part = part or Rectangle(x=0, y=0, width=view.width, height=view.height)
    on_card: list[Cloud] = [upload(packed_of(cloud)) for cloud in clouds]
    places = worlds or [np.eye(4)] * len(clouds)
    placed = [layer.Placed(cloud=cloud, world=world) for cloud, world in zip(on_card, places, strict=True)]
    return pixels(layer.draw_layer(placed, view, part, depth))[::-1]


def pixels(texture: gpu.types.GPUTexture) -> np.ndarray:
    """[H, W, 4], rows from the bottom."""
    buffer = texture.read()
    buffer.dimensions = texture.width * texture.height * 4  # numpy misreads those of more dimensions
    return np.array(buffer, dtype=np.float32).reshape(texture.height, texture.width, 4)


def projected_alpha(cloud: SplatCloud, world: np.ndarray, view: View) -> np.ndarray:
    """[H, W] rows from the top: the Gaussian pushed through the slope of the projection, found by differences."""

    def on_screen(point: np.ndarray) -> np.ndarray:
        clip = view.projection @ view.from_world @ np.append(point, 1.0)
        return (clip[:2] / clip[3] + 1) / 2 * SIZE

    centre = world[:3, :3] @ cloud.positions[0] + world[:3, 3]
    half = world[:3, :3] @ np.array(Quaternion(cloud.rotations[0]).to_matrix()) @ np.diag(cloud.scales[0])
    step = 1e-4
    slope = np.stack([(on_screen(centre + d) - on_screen(centre - d)) / (2 * step) for d in step * np.eye(3)], axis=1)
    covariance = slope @ half @ half.T @ slope.T + 0.3 * np.eye(2)
    columns, rows = np.meshgrid(np.arange(SIZE[0]) + 0.5, SIZE[1] - 0.5 - np.arange(SIZE[1]))
    offset = np.stack([columns, rows], axis=-1) - on_screen(centre)
    distance = np.einsum("...i,ij,...j", offset, np.linalg.inv(covariance), offset)
    return np.minimum(cloud.opacities[0] * np.exp(-0.5 * distance), 0.99)


def rendered(folder: Path) -> np.ndarray:
    scene = bpy.context.scene
    set_splat_render(scene, samples=2)
    scene.render.resolution_x = scene.render.resolution_y = 16
    if scene.camera is None:
        scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        scene.collection.objects.link(scene.camera)
        scene.camera.location = (0, 0, 3)
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.filepath = str(folder / "picture.exr")
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(scene.render.filepath)
    values = np.empty(16 * 16 * 4, np.float32)
    picture.pixels.foreach_get(values)
    bpy.data.images.remove(picture)
    return values.reshape(16, 16, 4)[..., :3]


def a_viewport() -> bpy.types.SpaceView3D:
    areas = [area for screen in bpy.data.screens for area in screen.areas if area.type == "VIEW_3D"]
    return areas[0].spaces.active
