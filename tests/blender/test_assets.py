"""Props as assets of this file and of a library, read back by Blender."""

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from lucid_blender import preferences
from lucid_blender.core.asset_catalogs import FILE
from lucid_blender.core.thumbnails import thumbnail
from lucid_blender.scene.assets import PREVIEW_SIZE
from lucid_blender.scene.collections import describe
from lucid_blender.scene.pointcloud import create_splats, read_splats

from .conftest import random_cloud

SETTINGS = json.dumps({"model": {"source": "owner/some-model"}})


def prop(name: str = "mug") -> bpy.types.Object:
    splats = create_splats(random_cloud(200, coefficients=4), name)
    describe(splats, prompt="A photo of a Red mug", seed=3, settings=SETTINGS, job="20261121-mug")
    bpy.context.scene.collection.objects.link(splats)
    choose(splats)
    return splats


def choose(made: bpy.types.Object) -> None:
    bpy.context.view_layer.update()
    for other in bpy.context.view_layer.objects:
        other.select_set(False)
    made.select_set(True)
    bpy.context.view_layer.objects.active = made


def preview(made: bpy.types.Object) -> np.ndarray:
    """[H, W, 4] the top row first."""
    width, height = made.preview.image_size
    values = np.empty(width * height * 4, np.float32)
    made.preview.image_pixels_float.foreach_get(values)
    return values.reshape(height, width, 4)[::-1]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    bpy.context.preferences.filepaths.asset_libraries.new(name="Shelf", directory=str(folder))
    return folder


def assets_in(path: Path) -> list[bpy.types.Object]:
    with bpy.data.libraries.load(str(path), assets_only=True) as (there, here):
        here.objects = there.objects
    return list(here.objects)


def test_splats_are_marked_with_all_that_is_known_of_them() -> None:
    splats = prop()
    assert bpy.ops.lucid.mark_asset(author="Ada", license="CC0") == {"FINISHED"}
    data = splats.asset_data
    assert (data.description, data.author, data.license) == ("A photo of a Red mug", "Ada", "CC0")
    assert [tag.name for tag in data.tags] == ["red", "mug", "Gaussian Splats", "some-model"]
    made = preview(splats)
    assert made.shape == (PREVIEW_SIZE, PREVIEW_SIZE, 4)
    # A preview keeps bytes.
    np.testing.assert_allclose(made, thumbnail(read_splats(splats), PREVIEW_SIZE), atol=0.51 / 255)
    assert made[..., 3].max() > 0.5


def test_a_saved_file_gets_a_catalog_beside_it(tmp_path: Path) -> None:
    splats = prop()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.lucid.mark_asset(catalog="Props/Mugs", tags="one, two ,, one")
    text = (tmp_path / FILE).read_text("utf-8")
    assert f"{splats.asset_data.catalog_id}:Props/Mugs:Props-Mugs\n" in text
    assert [tag.name for tag in splats.asset_data.tags] == ["one", "two"]


def test_a_library_gets_a_file_and_the_scene_stays_as_it_is(library: Path) -> None:
    splats = prop()
    holder = bpy.data.objects.new("holder", None)
    bpy.context.scene.collection.objects.link(holder)
    splats.parent, splats.location = holder, (5, 0, 0)
    before, wanted = set(bpy.data.objects.keys()), read_splats(splats)
    for name in ("mug.blend", "mug-2.blend"):
        assert bpy.ops.lucid.mark_asset(library="Shelf", catalog="Props") == {"FINISHED"}
        assert (library / name).exists()
    assert set(bpy.data.objects.keys()) == before and splats.asset_data is None and splats.parent == holder
    (found,) = assets_in(library / "mug.blend")
    assert found != splats and read_splats(found).equals(wanted)
    assert found.parent is None and tuple(found.location) == (0, 0, 0)
    assert found.asset_data.description == "A photo of a Red mug" and found["prompt"] == "A photo of a Red mug"
    assert found.asset_data.catalog_id in (library / FILE).read_text("utf-8")
    assert preview(found)[..., 3].max() > 0.5
    assert "holder" not in [linked.name for linked in bpy.data.objects if linked.name not in before]


def test_a_mesh_has_the_picture_of_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "jobs" / "20261121-mug"
    folder.mkdir(parents=True)
    monkeypatch.setattr(preferences, "jobs_folder", lambda: tmp_path / "jobs")
    image = bpy.data.images.new("views", 8, 4)
    pixels = np.zeros((4, 8, 4), np.float32)
    pixels[..., 3] = 1
    pixels[2:, :2] = (1, 0, 0, 1)  # Blender's rows go up: the view at the top left is red
    image.pixels.foreach_set(pixels.ravel())
    image.filepath_raw, image.file_format = str(folder / "turntable.png"), "PNG"
    image.save()
    bpy.ops.mesh.primitive_cube_add()
    mesh = bpy.context.active_object
    assert not bpy.ops.lucid.mark_asset.poll()
    describe(mesh, prompt="a red mug", seed=3, settings="{}", job="20261121-mug")
    images = len(bpy.data.images)
    assert bpy.ops.lucid.mark_asset() == {"FINISHED"}
    made = preview(mesh)
    assert made.shape == (2, 2, 4) and np.allclose(made, (1, 0, 0, 1), atol=1 / 255)
    assert [tag.name for tag in mesh.asset_data.tags] == ["red", "mug", "Mesh"] and len(bpy.data.images) == images


def test_a_library_that_is_not_there_and_a_catalog_that_cannot_be_are_refused(library: Path) -> None:
    splats = prop()
    with pytest.raises(RuntimeError, match="cannot be a catalog"):
        bpy.ops.lucid.mark_asset(library="Shelf", catalog="a:b")
    library.rmdir()
    with pytest.raises(RuntimeError, match="is not there"):
        bpy.ops.lucid.mark_asset(library="Shelf")
    assert splats.asset_data is None
