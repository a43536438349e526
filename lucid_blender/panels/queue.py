"""The queue: what waits for the run at work, in its order."""

import bpy

from ..client.job_state import state
from ..client.prompt_queue import prompt_queue
from .rows import Rows
from .text import wrapped


class LUCID_UL_queue(Rows, bpy.types.UIList):
    """One line a request."""

    def draw_row(self, layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        layout.label(text=f"{index + 1}.  {item.name}")


class LUCID_PT_queue(bpy.types.Panel):
    bl_label = "Queue"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"
    bl_parent_id = "LUCID_PT_generate"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        if prompt_queue.entries:
            self.layout.label(text=str(len(prompt_queue.entries)))

    def draw(self, context: bpy.types.Context) -> None:
        layout, lists = self.layout, context.window_manager.lucid
        if lists.queue:
            row = layout.row()
            row.template_list("LUCID_UL_queue", "", lists, "queue", lists, "queue_index", rows=3, maxrows=6)
            draw_order(row.column(align=True))
        if not state.busy:  # or else it is beside Pause and Cancel
            layout.operator("lucid.queue_add", icon="ADD")
        if prompt_queue.entries:
            draw_gate(layout, context)
        if prompt_queue.message:
            wrapped(layout, context, prompt_queue.message, icon="ERROR")


def draw_order(column: bpy.types.UILayout) -> None:
    """The buttons beside the list; -1 is its active line."""
    for direction in ("UP", "DOWN"):
        move = column.operator("lucid.queue_move", text="", icon=f"TRIA_{direction}")
        move.direction, move.index = direction, -1
    column.separator()
    column.operator("lucid.queue_remove", text="", icon="REMOVE").index = -1
    column.operator("lucid.queue_clear", text="", icon="TRASH")


def draw_gate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Whether the next starts by itself."""
    if prompt_queue.held:
        wrapped(layout, context, "The queue is held: nothing starts by itself.", icon="PAUSE")
        layout.operator("lucid.queue_start", icon="PLAY")
    else:
        layout.operator("lucid.queue_hold", icon="PAUSE")
