"""lucid.lora_add, lucid.lora_remove and lucid.choose_lora: the LoRAs of the sidebar's section Look."""

from pathlib import Path

import bpy
from bpy.props import StringProperty


class LUCID_OT_lora_add(bpy.types.Operator):
    bl_idname = "lucid.lora_add"
    bl_label = "Add LoRA"
    bl_description = "Add a small file that gives the model a style or a thing that it does not know by itself"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.lucid
        settings.options.model.loras.add()
        settings.lora_index = len(settings.options.model.loras) - 1
        return {"FINISHED"}


class _ActiveLora:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.lucid
        return 0 <= settings.lora_index < len(settings.options.model.loras)


class LUCID_OT_lora_remove(_ActiveLora, bpy.types.Operator):
    bl_idname = "lucid.lora_remove"
    bl_label = "Remove LoRA"
    bl_description = "Take the LoRA out of the list; its file stays"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.lucid
        loras = settings.options.model.loras
        loras.remove(settings.lora_index)
        settings.lora_index = max(min(settings.lora_index, len(loras) - 1), 0)
        return {"FINISHED"}


class LUCID_OT_choose_lora(_ActiveLora, bpy.types.Operator):
    bl_idname = "lucid.choose_lora"
    bl_label = "Choose LoRA"
    bl_description = "Find the LoRA's .safetensors file on the disk"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.lucid
        chosen = Path(bpy.path.abspath(self.filepath))
        # Where no file was clicked, the browser gives its folder and what the name field has.
        settings.options.model.loras[settings.lora_index].source = str(chosen if chosen.exists() else chosen.parent)
        return {"FINISHED"}


CLASSES = (LUCID_OT_lora_add, LUCID_OT_lora_remove, LUCID_OT_choose_lora)
