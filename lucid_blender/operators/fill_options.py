"""lucid.fill_options: take every option from the preset again."""

import bpy

from ..core.errors import LucidError
from ..generations import fill_options
from . import running


class LUCID_OT_fill_options(bpy.types.Operator):
    bl_idname = "lucid.fill_options"
    bl_label = "Take All from Preset"
    bl_description = "Set every option to what the preset, the model and the choices beside them stand for"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            fill_options(context.scene.lucid)
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}
