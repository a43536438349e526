"""What can be done with splats that are there."""

import bpy

from ..client.job_state import state
from .text import filled


class LUCID_PT_splats(bpy.types.Panel):
    bl_label = "Splats"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"

    def draw(self, context: bpy.types.Context) -> None:
        layout, active = self.layout, context.active_object
        if active is not None and active.get("prompt"):
            column = layout.column(align=True)
            column.label(text=str(active["prompt"]), icon="OUTLINER_OB_POINTCLOUD")
            column.label(text=filled("Seed {seed}", seed=active["seed"]), icon="BLANK1")
            layout.operator("lucid.use_settings", text="Use Its Settings", icon="PRESET").folder = ""
        layout.operator("lucid.edit_splats", text="Edit with Prompt...", icon="GREASEPENCIL")
        layout.operator("lucid.splats_to_mesh", icon="OUTLINER_OB_MESH")
        if state.busy:
            layout.label(text="Both wait for the run to end", icon="INFO")
        row = layout.row(align=True)
        row.operator("lucid.import_splats", text="Import", icon="IMPORT")
        row.operator("lucid.export_splats", text="Export", icon="EXPORT")
