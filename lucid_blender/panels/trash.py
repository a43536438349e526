"""The trash of the history: deleted jobs, until they are restored or old."""

import math
import time
from pathlib import Path

import bpy

from ..client import trash
from .rows import Rows, draw_job


class LUCID_UL_trash(Rows, bpy.types.UIList):
    """One line a deleted job: its picture, its prompt, the days that are left."""

    def draw_row(self, layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        entry = trash.deleted.find(item.key)
        row = layout.row(align=True)
        draw_job(row, item.name, entry)
        days = row.row()
        days.alignment = "RIGHT"
        days.active = False
        days.label(text=days_left(Path(item.key)))


class LUCID_PT_trash(bpy.types.Panel):
    bl_label = "Trash"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"
    bl_parent_id = "LUCID_PT_history"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(context.window_manager.lucid.trash) > 0

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.label(text=str(len(context.window_manager.lucid.trash)))

    def draw(self, context: bpy.types.Context) -> None:
        layout, lists = self.layout, context.window_manager.lucid
        layout.template_list("LUCID_UL_trash", "", lists, "trash", lists, "trash_index", rows=2, maxrows=6)
        row = layout.row(align=True)
        row.operator("lucid.restore_job", icon="LOOP_BACK").folder = ""
        row.operator("lucid.empty_trash", icon="TRASH")


def days_left(trashed: Path) -> str:
    """How long a deleted job is kept."""
    since = time.time() - (trash.deleted_at(trashed) or 0.0)
    return trash.counted(max(math.ceil(trash.DAYS_KEPT - since / 86400), 0), "day")
