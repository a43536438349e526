"""Pictures <-> Blender's images."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from lucid_blender.core.errors import FormatError, InvalidInput
from lucid_blender.core.messages import Finished, Generate, Snapshot
from lucid_blender.core.options import Generation
from lucid_blender.core.pictures import Picture
from lucid_blender.operators.prop import Prop
from lucid_blender.scene.pictures import load_picture, picture_of_file, read_picture, show_picture


def saved(folder: Path, *, alpha: float = 1.0) -> tuple[Path, np.ndarray]:
    """A PNG that Blender wrote, and its rows from the top."""
    rows = np.random.default_rng(0).integers(0, 256, (3, 5, 3))
    rgba = np.full((3, 5, 4), alpha, np.float32)
    rgba[..., :3] = rows / 255
    image = bpy.data.images.new("source", 5, 3, alpha=True)
    image.pixels.foreach_set(rgba[::-1].ravel())
    image.filepath_raw, image.file_format = str(folder / "a.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return folder / "a.png", rows


def test_an_image_is_read_from_the_top_with_its_own_bytes(tmp_path: Path) -> None:
    path, rows = saved(tmp_path)
    image = load_picture(path, "prop")
    assert image.name == "prop" and image.packed_file is not None
    assert (read_picture(image).pixels == rows).all()


def test_what_is_transparent_is_on_white(tmp_path: Path) -> None:
    path, rows = saved(tmp_path, alpha=0.5)
    # 8 bits of alpha, and of Blender's premultiplied colours.
    assert np.abs(picture_of_file(path).pixels - (rows / 2 + 127.5)).max() < 2.5


def test_a_picture_of_light_becomes_display_colours() -> None:
    image = bpy.data.images.new("light", 1, 1, float_buffer=True)
    image.pixels.foreach_set(np.array([0.2158605, 0.2158605, 1.0, 1.0], np.float32))
    assert read_picture(image).pixels[0, 0].tolist() == [128, 128, 255]  # 0.2159 is the light of 128


def test_no_picture_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises((FormatError, InvalidInput)):
        picture_of_file(tmp_path / "a.png")
    with pytest.raises(FormatError, match="cannot be read"):
        picture_of_file(tmp_path / "b.png")
    assert not bpy.data.images


def random_picture(height: int = 3, width: int = 5, *, seed: int = 0) -> Picture:
    return Picture(pixels=np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8))


def test_a_picture_is_shown_with_its_own_bytes_and_another_of_its_size_takes_its_place() -> None:
    first, second = random_picture(), random_picture(seed=1)
    image = show_picture(first, "prop")
    assert tuple(image.size) == (5, 3) and (read_picture(image).pixels == first.pixels).all()
    assert show_picture(second, "prop", image) == image and (read_picture(image).pixels == second.pixels).all()
    assert show_picture(random_picture(4, 4), "prop", image) != image


def test_a_picture_grows_in_one_image_and_stays_away_when_it_is_removed(tmp_path: Path) -> None:
    prop = Prop(Generate(generation=Generation(prompt="a red mug"), job_folder=str(tmp_path)))
    prop.show(Snapshot(step=1, picture=random_picture()))
    growing = prop.image
    prop.show(Snapshot(step=2, picture=random_picture(seed=1)))
    assert prop.image == growing and growing["prompt"] == "a red mug" and growing.packed_file is None
    bpy.data.images.remove(growing)
    prop.show(Snapshot(step=3, picture=random_picture(seed=2)))
    assert prop.image is None
    path, rows = saved(tmp_path)
    path.rename(tmp_path / "image.png")
    prop.deliver(Finished(job_folder=str(tmp_path), artefacts=("image.png",)))
    assert prop.image.packed_file is not None and (read_picture(prop.image).pixels == rows).all()
