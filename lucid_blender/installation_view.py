"""How the backend's installation looks, in the preferences and in the sidebar."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import bpy

from .client import installation
from .client.installer import state

Say = Callable[[str, str], None]  # shows a text with an icon
FINDING = 66  # characters a line, which the window of the preferences has room for


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
    text, icon = _next(folder)
    row = layout.row()
    row.scale_y = 1.3
    row.operator("lucid.install_backend", text=text, icon=icon)
    row = layout.row(align=True)
    row.operator("lucid.check_backend", text="Check", icon="CHECKMARK")
    row.operator("lucid.remove_backend", text="Remove", icon="TRASH")
    draw_end(layout, say)


def _next(folder: Path) -> tuple[str, str]:
    """What Install Backend would do now: its text and icon."""
    if installation.installed_python(folder):
        return "Update Backend", "FILE_REFRESH"
    if installation.is_interrupted(folder):
        return "Continue Installation", "PLAY"
    return "Install Backend", "IMPORT"


def draw_progress(layout: bpy.types.UILayout, say: Say) -> None:
    layout.progress(factor=state.factor, type="BAR", text=state.line)
    if state.last:
        say(state.last, "BLANK1")
    layout.operator("lucid.cancel_installation", icon="CANCEL")


def draw_end(layout: bpy.types.UILayout, say: Say) -> None:
    """How the last one ended."""
    if not state.message:
        return
    icon = {"finished": "CHECKMARK", "failed": "ERROR"}.get(state.phase, "INFO")
    say(f"{state.title}: {state.message}", icon)
    if state.advice:
        say(state.advice, "BLANK1")
    layout.operator("lucid.copy_install_log", icon="TEXT")


def draw_findings(layout: bpy.types.UILayout) -> None:
    """What the doctor said last, name and finding side by side."""
    if state.phase != "finished":
        return
    column = layout.column(align=True)
    for line in list(state.lines):
        name, _, finding = line.partition("  ")
        for number, part in enumerate(textwrap.wrap(finding.strip(), FINDING)):
            row = column.split(factor=0.25)
            row.label(text="" if number else name)
            row.label(text=part, icon="ERROR" if part.startswith("MISSING") else "NONE")
