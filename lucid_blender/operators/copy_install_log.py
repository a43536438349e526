"""lucid.copy_install_log: the installation's log, for a report."""

import bpy

from .. import preferences
from .open_log import show_log


class LUCID_OT_copy_install_log(bpy.types.Operator):
    bl_idname = "lucid.copy_install_log"
    bl_label = "Copy Installation Log"
    bl_description = "Copy the log of the last installation or check to the clipboard, and keep it as a text"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return preferences.installation_log().is_file()

    def execute(self, context: bpy.types.Context) -> set[str]:
        show_log(self, preferences.installation_log(), "Lucid Dreamer installation log")
        return {"FINISHED"}
