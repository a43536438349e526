"""Pictures of jobs as icons. Blender reads the files when it draws them."""

from pathlib import Path

import bpy.utils.previews

_icons: bpy.utils.previews.ImagePreviewCollection | None = None


def icon_of(picture: Path | None) -> int:
    """The icon of a picture as its file is now; 0 where there is none."""
    global _icons
    try:
        changed = picture.stat().st_mtime_ns if picture is not None else 0
    except OSError:
        changed = 0
    if not changed:
        return 0
    if _icons is None:
        _icons = bpy.utils.previews.new()
    name = f"{changed} {picture}"
    if name not in _icons:
        for old in [old for old in _icons if old.partition(" ")[2] == str(picture)]:
            del _icons[old]
        _icons.load(name, str(picture), "IMAGE")
    return _icons[name].icon_id


def free() -> None:
    global _icons
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
        _icons = None
