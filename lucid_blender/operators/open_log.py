"""lucid.open_log: show the backend's log as a text in Blender."""

from pathlib import Path

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
        show_log(self, preferences.log_file(), NAME)
        return {"FINISHED"}


def show_log(operator: bpy.types.Operator, path: Path, name: str) -> None:
    """A file on the clipboard, and as a text of that name."""
    log = path.read_text("utf-8", errors="replace")
    text = bpy.data.texts.get(name) or bpy.data.texts.new(name)
    text.from_string(log)
    if not bpy.app.background:
        bpy.context.window_manager.clipboard = log
    operator.report({"INFO"}, f"The log is on the clipboard, and in the text {name!r}")
