"""What can be done with splats that are there."""

import bpy


class LUCID_PT_splats(bpy.types.Panel):
    bl_label = "Splats"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, active = self.layout, context.active_object
        if active is not None and active.get("prompt"):
            column = layout.column(align=True)
            column.label(text=str(active["prompt"]), icon="OUTLINER_OB_POINTCLOUD")
            column.label(text=f"Seed {active['seed']}", icon="BLANK1")
        layout.operator("lucid.splats_to_mesh", icon="OUTLINER_OB_MESH")
        row = layout.row(align=True)
        row.operator("lucid.import_splats", text="Import", icon="IMPORT")
        row.operator("lucid.export_splats", text="Export", icon="EXPORT")
