"""Entries in Blender's menus: Object > Lucid, Add > Splats, File > Import and Export."""

import bpy


class LUCID_MT_object(bpy.types.Menu):
    bl_idname = "LUCID_MT_object"
    bl_label = "Lucid"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_REGION_WIN"
        layout.operator("lucid.apply_transform", text="Apply Transform")
        layout.operator("lucid.join_splats", text="Join")
        layout.operator("lucid.crop_splats", text="Crop")
        layout.operator("lucid.recolor_splats", text="Recolour")
        layout.separator()
        layout.operator("lucid.edit_splats", text="Edit with Prompt...")
        layout.operator("lucid.splats_to_mesh")
        layout.separator()
        layout.operator("lucid.mark_asset", text="Mark as Asset...")
        layout.operator("lucid.export_splats", text="Export...")


def draw_object(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu("LUCID_MT_object")


def draw_add(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.operator("lucid.import_splats", text="Splats...", icon="OUTLINER_OB_POINTCLOUD").at_cursor = True


def draw_import(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("lucid.import_splats", text="Gaussian Splats (.ply, .splat)")


def draw_export(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("lucid.export_splats", text="Gaussian Splats (.ply)")


def append() -> None:
    """Put the entries into the menus."""
    for menu, draw in _entries():
        menu.append(draw)


def remove() -> None:
    """The reverse of ``append``."""
    for menu, draw in reversed(_entries()):
        menu.remove(draw)


def _entries() -> list[tuple[type, object]]:
    types = bpy.types
    return [
        (types.TOPBAR_MT_file_import, draw_import),
        (types.TOPBAR_MT_file_export, draw_export),
        (types.VIEW3D_MT_object, draw_object),
        (types.VIEW3D_MT_add, draw_add),
    ]
