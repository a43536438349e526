"""lucid.open_log: show the backend's log as a text in Blender."""

import bpy

from .. import preferences

NAME = "Lucid Dreamer log"


class LUCID_OT_open_log(bpy.types.Operator):
    bl_idname = "lucid.open_log"
    bl_label = "Copy Log"
    bl_description = "Copy the backend's log to the clipboard, and keep it as a text in this file"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return preferences.log_file().is_file()

    def execute(self, context: bpy.types.Context) -> set[str]:
        log = preferences.log_file().read_text("utf-8", errors="replace")
        text = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
        text.from_string(log)
        if not bpy.app.background:
            context.window_manager.clipboard = log
        self.report({"INFO"}, f"The log is on the clipboard, and in the text {NAME!r}")
        return {"FINISHED"}
