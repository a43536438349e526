"""The trash of the history: deleted jobs, until they are restored or old."""

import math
import time
from pathlib import Path

import bpy

from ..client import trash
from .icons import icon_of


class LUCID_UL_trash(bpy.types.UIList):
    """One line a deleted job: its picture, its prompt, the days that are left."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: object,
        item: bpy.types.PropertyGroup,
        icon: int,
        active_data: object,
        active_property: str,
        index: int,
    ) -> None:
        entry = trash.deleted.find(item.key)
        picture = icon_of(entry.picture) if entry else 0
        row = layout.row(align=True)
        if picture:
            row.label(text=item.name, icon_value=picture)
        else:
            row.label(text=item.name, icon="IMAGE_DATA")
        days = row.row()
        days.alignment = "RIGHT"
        days.active = False
        days.label(text=days_left(Path(item.key)))


class LUCID_PT_trash(bpy.types.Panel):
    bl_label = "Trash"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
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
    days = max(math.ceil(trash.DAYS_KEPT - since / 86400), 0)
    return "1 day" if days == 1 else f"{days} days"
