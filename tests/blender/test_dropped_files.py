"""What dropping a file into the viewport does, as Blender's file handlers call it."""

import struct
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from lucid_blender.core.formats.ply import read_ply, write_ply
from lucid_blender.core.options import Gaussians, Image
from lucid_blender.generations import fill_options, makes_picture, needs_mesh, to_request
from lucid_blender.operators.export_collection import LUCID_OT_export_collection
from lucid_blender.operators.import_splats import LUCID_FH_splats, LUCID_OT_import_splats
from lucid_blender.operators.use_picture import LUCID_FH_picture
from lucid_blender.scene.placement import point_under
from lucid_blender.scene.pointcloud import create_splats, read_splats

from .conftest import random_cloud

WIDTH, HEIGHT = 400, 300
NEAR = 2e-3  # metres: perspective matrices are float32, with the far end a kilometre away


def view_from(eye: Vector, target: Vector, *, orthographic: bool = False) -> SimpleNamespace:
    """A context with a viewport, its matrices made from a camera object by Blender."""
    data = bpy.data.cameras.new("view")
    data.type, data.ortho_scale = ("ORTHO" if orthographic else "PERSP"), 20
    data.clip_end = 1000
    camera = bpy.data.objects.new("view", data)
    camera.matrix_world = Matrix.Translation(eye) @ (target - eye).to_track_quat("-Z", "Y").to_matrix().to_4x4()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    projection = camera.calc_matrix_camera(depsgraph, x=WIDTH, y=HEIGHT)
    view = camera.matrix_world.inverted()
    return SimpleNamespace(
        region=SimpleNamespace(width=WIDTH, height=HEIGHT),
        region_data=SimpleNamespace(perspective_matrix=projection @ view, view_matrix=view),
        scene=bpy.context.scene,
        evaluated_depsgraph_get=lambda: depsgraph,
    )


def pixel_of(context: SimpleNamespace, point: Vector) -> tuple[float, float]:
    clip = context.region_data.perspective_matrix @ point.to_4d()
    return (clip.x / clip.w + 1) / 2 * WIDTH, (clip.y / clip.w + 1) / 2 * HEIGHT


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_pixel_is_the_ground_or_the_surface_under_it(orthographic: bool) -> None:
    context = view_from(Vector((6, -8, 5)), Vector((0, 0, 1)), orthographic=orthographic)
    on_ground = Vector((-1, 2, 0))
    assert (point_under(context, *pixel_of(context, on_ground)) - on_ground).length < NEAR
    bpy.ops.mesh.primitive_cube_add(size=2, location=(0, 0, 1))
    bpy.context.view_layer.update()
    on_lid = Vector((0.3, 0.2, 2))
    assert (point_under(context, *pixel_of(context, on_lid)) - on_lid).length < NEAR


@pytest.mark.parametrize("orthographic", [False, True])
def test_along_the_ground_the_cursor_says_how_far(orthographic: bool) -> None:
    bpy.context.scene.cursor.location = (3, 1, 0)
    context = view_from(Vector((0, -9, 0)), Vector((0, 0, 0)), orthographic=orthographic)
    wanted = Vector((-2, 1, 1.5 if orthographic else 0.5))  # as deep as the cursor
    assert (point_under(context, *pixel_of(context, wanted)) - wanted).length < NEAR


def test_without_a_viewport_things_come_to_the_origin() -> None:
    assert point_under(SimpleNamespace(region=None, region_data=None), 1, 2) == Vector((0, 0, 0))


def test_dropped_splats_of_both_kinds_are_imported_where_they_fall(tmp_path: Path) -> None:
    write_ply(tmp_path / "one.ply", random_cloud(5))
    (tmp_path / "two.splat").write_bytes(struct.pack("<6f8B", 1, 2, 3, 1, 1, 1, 255, 0, 0, 255, 255, 128, 128, 128) * 7)
    files = [{"name": "one.ply"}, {"name": "two.splat"}]
    assert bpy.ops.lucid.import_splats(directory=str(tmp_path), files=files, place=(1, 2, 3)) == {"FINISHED"}
    found = {one.name: one for one in bpy.data.objects}
    assert len(read_splats(found["one"])) == 5 and len(read_splats(found["two"])) == 7
    assert all(tuple(one.location) == (1, 2, 3) for one in found.values())


def test_a_drop_asks_for_no_file_and_takes_the_point_under_the_mouse() -> None:
    context = view_from(Vector((6, -8, 5)), Vector((0, 0, 1)))
    x, y = pixel_of(context, Vector((1, 1, 0)))
    dropped = SimpleNamespace(files=["a.ply"], directory="/tmp", place=None, execute=lambda context: {"FINISHED"})
    event = SimpleNamespace(mouse_region_x=x, mouse_region_y=y)
    assert LUCID_OT_import_splats.invoke(dropped, context, event) == {"FINISHED"}
    assert (dropped.place - Vector((1, 1, 0))).length < NEAR


def test_a_file_that_holds_no_splats_is_named(tmp_path: Path) -> None:
    (tmp_path / "cut.splat").write_bytes(bytes(33))
    with pytest.raises(RuntimeError, match="cut.splat: 33 bytes"):
        bpy.ops.lucid.import_splats(filepath=str(tmp_path / "cut.splat"))


def picture_file(folder: Path) -> Path:
    image = bpy.data.images.new("made", 4, 2)
    image.pixels.foreach_set(np.tile(np.array([1, 0.5, 0, 1], np.float32), 8))
    image.filepath_raw, image.file_format = str(folder / "made.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return folder / "made.png"


def test_a_dropped_picture_is_what_generate_changes(tmp_path: Path) -> None:
    settings = bpy.context.scene.lucid
    settings.prompt, settings.initialiser, settings.set_splats = "a blue mug", "MESH", True
    assert needs_mesh(settings) and not makes_picture(settings)
    assert bpy.ops.lucid.use_picture(filepath=str(picture_file(tmp_path))) == {"FINISHED"}
    assert not needs_mesh(settings) and makes_picture(settings)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    request = to_request(settings, folder=tmp_path, depsgraph=depsgraph)
    assert isinstance(request.generation.representation, Image) and request.inputs.mesh is None
    assert request.inputs.image.pixels.shape == (2, 4, 3)
    assert np.abs(request.inputs.image.pixels.astype(int) - (255, 128, 0)).max() <= 1
    settings.initial_image, settings.initialiser = None, "PRESET"
    request = to_request(settings, folder=tmp_path, depsgraph=depsgraph)
    assert isinstance(request.generation.representation, Gaussians) and request.inputs.image is None


def test_a_dropped_picture_chooses_the_representation_among_all_options(tmp_path: Path) -> None:
    settings = bpy.context.scene.lucid
    settings.prompt = "a blue mug"
    fill_options(settings)
    settings.customise = True
    bpy.ops.lucid.use_picture(filepath=str(picture_file(tmp_path)))
    depsgraph = bpy.context.evaluated_depsgraph_get()
    request = to_request(settings, folder=tmp_path, depsgraph=depsgraph)
    assert isinstance(request.generation.representation, Image) and request.inputs.image is not None
    settings.options.representation_kind = "Gaussians"
    assert to_request(settings, folder=tmp_path, depsgraph=depsgraph).inputs.image is None


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(RuntimeError, match="text.png"):
        bpy.ops.lucid.use_picture(filepath=str(tmp_path / "text.png"))
    assert bpy.context.scene.lucid.initial_image is None and not bpy.data.images


def test_handlers_are_registered_with_verbs_that_exist_and_for_viewports_only() -> None:
    viewport = SimpleNamespace(area=SimpleNamespace(type="VIEW_3D"))
    elsewhere = SimpleNamespace(area=SimpleNamespace(type="TEXT_EDITOR"))
    for handler in (LUCID_FH_splats, LUCID_FH_picture):
        assert handler.is_registered
        module, verb = handler.bl_import_operator.split(".")
        properties = getattr(getattr(bpy.ops, module), verb).get_rna_type().properties
        assert "filepath" in properties or {"directory", "files"} <= set(properties.keys())
        assert handler.poll_drop(viewport) and not handler.poll_drop(elsewhere)
    assert ".splat" in LUCID_FH_splats.bl_file_extensions and ".ply" in LUCID_FH_splats.bl_file_extensions


def test_a_collections_exporter_writes_all_its_splats_where_they_stand(tmp_path: Path) -> None:
    collection = bpy.data.collections.new("props")
    bpy.context.scene.collection.children.link(collection)
    clouds = [random_cloud(4, seed=1), random_cloud(6, coefficients=4, seed=2)]
    for cloud, x in zip(clouds, (1, -1), strict=True):
        splats = create_splats(cloud, "splats")
        splats.location.x = x
        collection.objects.link(splats)
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children["props"]
    assert bpy.ops.collection.exporter_add(name="LUCID_FH_splats") == {"FINISHED"}
    exporter = collection.exporters[0]
    exporter.export_properties.filepath = str(tmp_path / "props.ply")
    assert bpy.ops.collection.exporter_export(index=0) == {"FINISHED"}
    found = read_ply(tmp_path / "props.ply")
    wanted = np.concatenate([clouds[0].positions + (1, 0, 0), clouds[1].positions - (1, 0, 0)])
    np.testing.assert_allclose(found.positions, wanted, atol=1e-6)
    assert LUCID_OT_export_collection.bl_rna.identifier == "LUCID_OT_export_collection"


def test_a_collection_without_splats_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="has no splats"):
        bpy.ops.lucid.export_collection(filepath=str(tmp_path / "none.ply"))
    with pytest.raises(RuntimeError, match="no collection 'gone'"):
        bpy.ops.lucid.export_collection(filepath=str(tmp_path / "none.ply"), collection="gone")
