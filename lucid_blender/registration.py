"""What Blender is told about, in one order, and taken back in the reverse."""

import bpy

from . import operators, panels, preferences, properties
from .operators import attending, installing, running
from .panels import icons
from .viewport import drawer

CLASSES = (*preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.lucid = bpy.props.PointerProperty(type=properties.LucidSettings)
    bpy.types.TOPBAR_MT_file_import.append(_draw_import)
    bpy.types.TOPBAR_MT_file_export.append(_draw_export)
    bpy.types.WindowManager.lucid = bpy.props.PointerProperty(type=properties.LucidLists)
    drawer.start()
    attending.start()


def unregister() -> None:
    attending.stop()
    installing.stop()
    running.stop()
    drawer.stop()
    icons.free()
    bpy.types.TOPBAR_MT_file_export.remove(_draw_export)
    bpy.types.TOPBAR_MT_file_import.remove(_draw_import)
    del bpy.types.WindowManager.lucid
    del bpy.types.Scene.lucid
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)


def _draw_import(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("lucid.import_splats", text="Gaussian Splats (.ply)")


def _draw_export(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("lucid.export_splats", text="Gaussian Splats (.ply)")
