"""What Blender is told about, in one order, and taken back in the reverse."""

from pathlib import Path

import bpy

from . import command, operators, panels, preferences, properties, translations
from .operators import attending, installing, running
from .panels import icons, menus, status
from .viewport import drawer, inset

PACKAGE = str(Path(__file__).parent)  # its presets/ is searched
CLASSES = (*preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.lucid = bpy.props.PointerProperty(type=properties.LucidSettings)
    bpy.types.WindowManager.lucid = bpy.props.PointerProperty(type=attending.LucidLists)
    bpy.utils.register_preset_path(PACKAGE)
    translations.register()
    menus.append()
    command.register()
    bpy.types.STATUSBAR_HT_header.append(status.draw_status)
    drawer.start()
    inset.start(running.seen)
    attending.start()


def unregister() -> None:
    attending.stop()
    installing.stop()
    running.stop()
    inset.stop()
    drawer.stop()
    icons.free()
    bpy.types.STATUSBAR_HT_header.remove(status.draw_status)
    del bpy.types.WindowManager.lucid
    command.unregister()
    menus.remove()
    translations.unregister()
    bpy.utils.unregister_preset_path(PACKAGE)
    del bpy.types.Scene.lucid
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
