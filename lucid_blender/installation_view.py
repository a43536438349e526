"""How the backend's installation looks, in the preferences and in the sidebar."""

from collections.abc import Callable
from pathlib import Path

import bpy

from .client import installation
from .client.installer import InstallState, state

Say = Callable[[str, str], None]  # shows a text with an icon


def labels(layout: bpy.types.UILayout) -> Say:
    """Texts as they are, a label a line: for regions that are wide."""

    def say(text: str, icon: str) -> None:
        column = layout.column(align=True)
        for number, line in enumerate(text.splitlines()):
            column.label(text=line, icon="BLANK1" if number else icon)

    return say


def draw(layout: bpy.types.UILayout, folder: Path, say: Say) -> None:
    """What can be done about the backend, or how far it is."""
    if state.busy:
        draw_progress(layout, say)
        return
    row = layout.row(align=True)
    row.scale_y = 1.3
    if installation.installed_python(folder):
        row.operator("lucid.install_backend", text="Update Backend", icon="FILE_REFRESH")
        row.operator("lucid.remove_backend", text="Remove", icon="TRASH")
    elif installation.is_interrupted(folder):
        row.operator("lucid.install_backend", text="Continue Installation", icon="PLAY")
        row.operator("lucid.remove_backend", text="Remove", icon="TRASH")
    else:
        row.operator("lucid.install_backend", icon="IMPORT")
    row.operator("lucid.check_backend", text="Check", icon="CHECKMARK")
    draw_end(layout, say, state)


def draw_progress(layout: bpy.types.UILayout, say: Say) -> None:
    layout.progress(factor=state.factor, type="BAR", text=state.line)
    if state.last:
        say(state.last, "BLANK1")
    layout.operator("lucid.cancel_installation", icon="CANCEL")


def draw_end(layout: bpy.types.UILayout, say: Say, ended: InstallState) -> None:
    """How the last one ended; the doctor's lines stand below it."""
    if not ended.message:
        return
    icon = {"finished": "CHECKMARK", "failed": "ERROR"}.get(ended.phase, "INFO")
    say(f"{ended.title}: {ended.message}", icon)
    if ended.advice:
        say(ended.advice, "BLANK1")
    if ended.phase == "finished":
        say("\n".join(list(ended.lines)), "BLANK1")
    layout.operator("lucid.copy_install_log", icon="TEXT")
