"""The history: every job that was kept, its picture and its recipe, and what can be done with it."""

from datetime import datetime

import bpy

from ..client.history import AT_WORK, INTERRUPTED, Entry, history
from ..client.job_state import duration, state
from ..core import options
from ..option_properties import title
from .icons import icon_of
from .rows import Rows, draw_job
from .text import filled, wrapped

STATE_ICONS = {AT_WORK: "PLAY", INTERRUPTED: "PAUSE", "cancelled": "PAUSE", "failed": "ERROR"}
STATE_TEXTS = {
    AT_WORK: "At work",
    INTERRUPTED: "Interrupted: its program was closed",
    "cancelled": "Stopped before its end",
}
PICTURE_SCALE = 5.5  # units of the interface


class LUCID_UL_history(Rows, bpy.types.UIList):
    """One line a job: its picture, its prompt, how it stands."""

    def draw_row(self, layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        entry = history.find(item.key)
        row = layout.row(align=True)
        draw_job(row, item.name, entry)
        sign = "ERROR" if entry and entry.problem else STATE_ICONS.get(entry.state if entry else "")
        if sign:
            row.label(icon=sign)


class LUCID_PT_history(bpy.types.Panel):
    bl_label = "History"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"
    bl_parent_id = "LUCID_PT_generate"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, lists = self.layout, context.window_manager.lucid
        if not lists.history:
            wrapped(layout, context, "What you generate is kept here.", icon="TIME")
            draw_other(layout)
            return
        layout.template_list("LUCID_UL_history", "", lists, "history", lists, "history_index", rows=4, maxrows=8)
        if lists.history_index < len(lists.history):
            entry = history.find(lists.history[lists.history_index].key)
            if entry is not None:
                draw_entry(layout, context, entry)
        draw_other(layout)


def draw_other(layout: bpy.types.UILayout) -> None:
    """A job that lies somewhere else."""
    layout.operator("lucid.resume", text="Resume from Folder...", icon="FILE_FOLDER").directory = ""


def draw_entry(layout: bpy.types.UILayout, context: bpy.types.Context, entry: Entry) -> None:
    """A job in full."""
    folder = str(entry.folder)
    wrapped(layout, context, entry.title)
    if entry.problem:
        wrapped(layout, context, entry.problem, icon="ERROR")
        draw_files(layout.row(align=True), folder)
        return
    picture = icon_of(entry.picture)
    row = layout.row()
    if picture:
        row.template_icon(icon_value=picture, scale=PICTURE_SCALE)
    facts = row.column(align=True)
    facts.scale_y = 0.9
    for fact in facts_of(entry):
        facts.label(text=fact)
    if entry.state != "finished":
        text = entry.failure if entry.state == "failed" else STATE_TEXTS.get(entry.state, entry.state)
        wrapped(layout, context, text, icon=STATE_ICONS.get(entry.state, "INFO"))
    draw_verbs(layout, entry, folder)


def facts_of(entry: Entry) -> list[str]:
    made = datetime.fromtimestamp(entry.created)
    took = [filled("In {time}", time=duration(entry.seconds))] if entry.seconds else []
    if entry.stopped_at:
        steps = filled("{done} of {all} steps", done=entry.stopped_at, all=entry.iterations)
    else:
        steps = filled("{count} steps", count=entry.iterations)
    objective = getattr(options, entry.objective, None)
    named = f", {title(objective)}" if isinstance(objective, type) else ""
    return [filled("Seed {seed}", seed=entry.seed), f"{steps}{named}", *took, f"{made:%d %b %Y, %H:%M}"]


def draw_verbs(layout: bpy.types.UILayout, entry: Entry, folder: str) -> None:
    """What to do with a job. While another run is at work, new ones wait in the queue."""
    column = layout.column(align=True)
    row = column.row(align=True)
    if entry.has_result:
        row.operator("lucid.load_job", icon="OUTLINER_OB_POINTCLOUD").folder = folder
    if entry.resumable:
        again = row.row(align=True)
        again.enabled = not state.busy
        again.operator("lucid.continue_job", text="Resume", icon="PLAY").folder = folder
    elif entry.state != AT_WORK:
        row.operator("lucid.continue_job", text="Continue...", icon="PLAY").folder = folder
    row = column.row(align=True)
    for text, icon, new_seed in (("Regenerate", "FILE_REFRESH", False), ("Vary Seed", "MOD_NOISE", True)):
        verb = row.operator("lucid.regenerate", text=text, icon=icon)
        verb.folder, verb.new_seed = folder, new_seed
    row = column.row(align=True)
    row.operator("lucid.use_settings", icon="PRESET").folder = folder
    draw_files(row, folder, can_delete=entry.state != AT_WORK)


def draw_files(row: bpy.types.UILayout, folder: str, *, can_delete: bool = True) -> None:
    row.operator("wm.path_open", text="", icon="FILE_FOLDER").filepath = folder
    delete = row.row(align=True)
    delete.enabled = can_delete
    delete.operator("lucid.delete_job", text="", icon="TRASH").folder = folder
