"""lucid.choose_model_folder: find a model on the disk."""

import bpy
from bpy.props import BoolProperty, StringProperty


class LUCID_OT_choose_model_folder(bpy.types.Operator):
    bl_idname = "lucid.choose_model_folder"
    bl_label = "Choose Model"
    bl_description = "Choose the folder of a Stable Diffusion 1.x or 2.x in diffusers' layout"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.lucid
        settings.model, settings.model_source = "OTHER", self.directory
        return {"FINISHED"}
