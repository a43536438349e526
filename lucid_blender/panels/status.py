"""What is at work, in Blender's status bar."""

import bpy

from ..client.installer import state as at_installing
from ..client.job_state import state
from .text import filled


def draw_status(header: bpy.types.Header, context: bpy.types.Context) -> None:
    """Appended to the status bar: how far it is, and a way to stop it."""
    if not (state.busy or at_installing.busy):
        return
    factor, line = (state.factor, state.line(filled)) if state.busy else (at_installing.factor, at_installing.line)
    row = header.layout.row(align=True)
    bar = row.row(align=True)
    bar.ui_units_x = 14
    bar.progress(factor=factor, type="BAR", text=line)
    row.operator("lucid.cancel" if state.busy else "lucid.cancel_installation", text="", icon="X")
