"""What is at work, in Blender's status bar."""

import bpy

from ..client.installer import state as at_installing
from ..client.job_state import state


def draw_status(header: bpy.types.Header, context: bpy.types.Context) -> None:
    """Appended to the status bar: how far it is, and a way to stop it."""
    at_work = state if state.busy else at_installing
    if not at_work.busy:
        return
    row = header.layout.row(align=True)
    bar = row.row(align=True)
    bar.ui_units_x = 14
    bar.progress(factor=at_work.factor, type="BAR", text=at_work.line)
    row.operator("lucid.cancel" if state.busy else "lucid.cancel_installation", text="", icon="X")
