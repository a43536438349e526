"""What viewports show of splats."""

import bpy


class LUCID_PT_viewport(bpy.types.Panel):
    bl_label = "Viewport"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"
    bl_parent_id = "LUCID_PT_generate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bpy.app.version < (5, 3, 0) and len(bpy.data.pointclouds) > 0  # from 5.3 on Blender draws splats itself

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.row().prop(context.scene.lucid, "display", expand=True)
