"""Props as assets: description, tags, catalog and picture, in this file or in one of a library."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import InvalidInput
from ..core.thumbnails import thumbnail
from .pictures import load_picture
from .pointcloud import is_splats, read_splats

PREVIEW_SIZE = 192  # pixels; as large as asset browsers show them, and drawn within a second
SMALL_WORDS = frozenset("a an and at by for from in of on or the to with photo picture dslr".split())
MODELS = {"builtin": "Built-in Model"}


@dataclass(frozen=True, kw_only=True)
class About:
    """What an asset says of itself. An empty catalog_id is none."""

    description: str = ""
    author: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    catalog_id: str = ""


def can_be_asset(candidate: bpy.types.Object | None) -> bool:
    """Splats, and what a run has made."""
    return candidate is not None and (is_splats(candidate) or "lucid_job" in candidate)


def tags_of(prop: bpy.types.Object) -> tuple[str, ...]:
    """The words of its prompt, what it is, and the model that made it."""
    words = [word for word in re.findall(r"[\w-]+", str(prop.get("prompt", "")).lower()) if len(word) > 1]
    kind = "Gaussian Splats" if is_splats(prop) else "Mesh"
    found = [word for word in words if word not in SMALL_WORDS]
    return tuple(dict.fromkeys([*found, kind, *_model_of(prop)]))


def mark(prop: bpy.types.Object, about: About, picture: Path | None) -> None:
    """Make an object an asset of this file. Its preview is drawn from the splats as they are; a mesh has the picture of
    its job, or what Blender draws in a window."""
    prop.asset_mark()
    data = prop.asset_data
    data.description, data.author, data.license = about.description, about.author, about.license
    for tag in about.tags:
        data.tags.new(tag, skip_if_exists=True)
    if about.catalog_id:
        data.catalog_id = about.catalog_id
    if is_splats(prop):
        _set_preview(prop, thumbnail(read_splats(prop), PREVIEW_SIZE))
    elif picture is not None:
        _set_preview(prop, _front_of(picture))
    elif not bpy.app.background:
        prop.asset_generate_preview()


def write_asset(prop: bpy.types.Object, about: About, picture: Path | None, folder: Path) -> Path:
    """A new .blend in a library's folder that holds the object, alone and without its parents, as an asset. The object
    of this file is left as it is."""
    if not folder.is_dir():
        raise InvalidInput(f"the folder {folder} is not there", advice="Correct the library's path in the preferences.")
    name, copy = prop.name, prop.copy()
    try:
        copy.parent = None
        copy.matrix_world = prop.matrix_world
        copy.location = (0, 0, 0)
        prop.name = f"{name[:50]} kept"
        copy.name = name
        mark(copy, about, picture)
        path = _free_path(folder, name)
        bpy.data.libraries.write(str(path), {copy}, fake_user=True, compress=True)
    except (OSError, RuntimeError) as error:
        raise InvalidInput(
            f"the asset cannot be written: {error}", advice="Check that the library's folder may be written to."
        ) from error
    finally:
        bpy.data.objects.remove(copy)
        prop.name = name
    return path


def _model_of(prop: bpy.types.Object) -> list[str]:
    try:
        source = str(json.loads(prop.get("settings", ""))["model"]["source"])
    except (ValueError, KeyError, TypeError):
        return []
    return [MODELS.get(source) or Path(source).name]


def _front_of(picture: Path) -> np.ndarray:
    """[H, W, 4], the top row first; of eight views around the prop, four in a row, the first."""
    image = load_picture(picture, picture.name)
    try:
        width, height = image.size
        values = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(values)
    finally:
        bpy.data.images.remove(image)
    rows = values.reshape(height, width, 4)[::-1]
    side = height // 2 if width > 1.5 * height else min(height, width)
    return rows[:side, :side]


def _set_preview(prop: bpy.types.Object, rows: np.ndarray) -> None:
    preview = prop.preview_ensure()
    preview.image_size = (rows.shape[1], rows.shape[0])
    preview.image_pixels_float.foreach_set(np.ascontiguousarray(rows[::-1]).ravel())


def _free_path(folder: Path, name: str) -> Path:
    stem = bpy.path.clean_name(name) or "prop"
    path, number = folder / f"{stem}.blend", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.blend", number + 1
    return path
