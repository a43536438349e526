"""lucid.fix_setting: put right what the settings check has found."""

import bpy
from bpy.props import EnumProperty

from ..core.errors import LucidError
from ..settings_check import FIXES
from . import running


class LUCID_OT_fix_setting(bpy.types.Operator):
    bl_idname = "lucid.fix_setting"
    bl_label = "Fix Setting"
    bl_options = {"REGISTER", "UNDO"}

    fix: EnumProperty(name="Fix", items=[(name, fix.label, fix.description) for name, fix in FIXES.items()])

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return FIXES[properties.fix].description

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            FIXES[self.fix].apply(context)
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}
