"""Pictures of jobs as icons. Blender reads the files when it draws them."""

from pathlib import Path

import bpy.utils.previews

from ..core.pictures import Picture

_icons: bpy.utils.previews.ImagePreviewCollection | None = None
_seen: Picture | None = None  # the one that is the icon SEEN
SEEN = "seen"


def icon_of(picture: Path | None) -> int:
    """The icon of a picture as its file is now; 0 where there is none."""
    try:
        changed = picture.stat().st_mtime_ns if picture is not None else 0
    except OSError:
        changed = 0
    if not changed:
        return 0
    icons, name = _collection(), f"{changed} {picture}"
    if name not in icons:
        for old in [old for old in icons if old.partition(" ")[2] == str(picture)]:
            del icons[old]
        icons.load(name, str(picture), "IMAGE")
    return icons[name].icon_id


def icon_of_seen(picture: Picture) -> int:
    """The icon of a picture in memory: the newest takes the place of the one before."""
    global _seen
    icons = _collection()
    if SEEN not in icons or _seen is not picture:
        if SEEN in icons:
            del icons[SEEN]
        preview = icons.new(SEEN)
        height, width, _ = picture.pixels.shape
        preview.image_size = (width, height)
        preview.image_pixels_float.foreach_set(picture.rgba)
        _seen = picture
    return icons[SEEN].icon_id


def _collection() -> bpy.utils.previews.ImagePreviewCollection:
    global _icons
    if _icons is None:
        _icons = bpy.utils.previews.new()
    return _icons


def free() -> None:
    global _icons, _seen
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = _seen = None
