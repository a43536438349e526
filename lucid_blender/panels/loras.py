"""The LoRAs of the section Look: a list, and below it the values of the active one."""

from pathlib import PurePath

import bpy

from ..core.wanted import Wanted, is_of_the_hub
from .model import draw_wanted
from .rows import Rows


class LUCID_UL_loras(Rows, bpy.types.UIList):
    """One line a LoRA: the end of its source, which tells them apart, and its strength."""

    def draw_row(self, layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        split = layout.split(factor=0.7)
        split.label(text=PurePath(item.source).name or "Not chosen", icon="NONE" if item.source.strip() else "ERROR")
        split.prop(item, "weight", text="", emboss=False)


def draw_loras(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The list with its buttons, and the active one."""
    settings = context.scene.lucid
    loras, index = settings.options.model.loras, settings.lora_index
    column = layout.column(align=True)
    column.use_property_split = False
    if not loras:
        column.operator("lucid.lora_add", icon="ADD")
        return
    column.label(text="LoRAs")
    row = column.row()
    row.template_list("LUCID_UL_loras", "", settings.options.model, "loras", settings, "lora_index", rows=2, maxrows=5)
    buttons = row.column(align=True)
    buttons.operator("lucid.lora_add", text="", icon="ADD")
    buttons.operator("lucid.lora_remove", text="", icon="REMOVE")
    if 0 <= index < len(loras):
        _draw_active(layout, context, loras[index])


def _draw_active(layout: bpy.types.UILayout, context: bpy.types.Context, lora: bpy.types.PropertyGroup) -> None:
    column = layout.column()
    row = column.row(align=True)
    row.prop(lora, "source", placeholder="file or owner/name")
    row.operator("lucid.choose_lora", text="", icon="FILE_FOLDER")
    wanted = Wanted(source=lora.source.strip(), part="lora")
    if is_of_the_hub(wanted.source, wanted.part):
        draw_wanted(column, context, wanted)
    column.prop(lora, "weight", text="Strength")
    column.prop(lora, "trigger", placeholder="words it was trained with")
    if lora.trigger.strip():
        column.prop(lora, "add_trigger", text="Add to Prompt")
