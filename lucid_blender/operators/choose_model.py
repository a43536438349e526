"""lucid.choose_model: find a model on the disk."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty


class LUCID_OT_choose_model(bpy.types.Operator):
    bl_idname = "lucid.choose_model"
    bl_label = "Choose Model"
    bl_description = (
        "Choose a Stable Diffusion 1.x or 2.x: a single .safetensors file, or a folder in diffusers' layout"
    )
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = Path(bpy.path.abspath(self.filepath))
        settings = context.scene.lucid
        # Where no file was clicked, the browser gives its folder and what the name field has.
        settings.model_source = str(chosen if chosen.exists() else chosen.parent)
        settings.model = "OTHER"
        return {"FINISHED"}
