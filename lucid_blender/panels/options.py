"""Every option, drawn from the fields of its dataclass."""

from collections.abc import Callable, Collection
from typing import Any

import bpy

from ..core.option_fields import OptionField, option_fields
from ..option_properties import chosen_member, group_of, kind_of, switch_of

Beside = Callable[[bpy.types.UILayout, type, Any], None]
# What the sidebar has elsewhere.
DRAWN_ABOVE = {
    "prompt",
    "negative_prompt",
    "seed",
    "mesh",
    "model.source",
    "model.allow_download",
    "model.loras",
    "objective.guidance_scale",
}


def draw_options(
    layout: bpy.types.UILayout,
    group: Any,
    cls: type,
    path: str = "",
    *,
    only: Collection[str] | None = None,
    beside: Beside | None = None,
) -> None:
    """Plain values in a column, dataclasses in panels of their own, closed at first; all of them, or ``only`` some.

    ``beside`` draws what else there is to say about an entry of a list.
    """
    fields = [field for field in option_fields(cls) if path + field.name not in DRAWN_ABOVE]
    fields = [field for field in fields if only is None or field.name in only]
    column = layout.column()
    for field in fields:
        if not field.members:
            _draw_plain(column, group, field)
    for field in fields:
        if field.is_list:
            _draw_list(layout, group, field, path, beside)
        elif field.members:
            _draw_nested(layout, group, field, path)


def _draw_plain(column: bpy.types.UILayout, group: Any, field: OptionField) -> None:
    if not field.optional:
        column.prop(group, field.name)
        return
    row = column.row(heading=field.label)
    row.prop(group, switch_of(field), text="")
    value = row.row()
    value.active = getattr(group, switch_of(field))
    value.prop(group, field.name, text="")


def _draw_nested(layout: bpy.types.UILayout, group: Any, field: OptionField, path: str) -> None:
    header, body = layout.panel(f"LUCID_{path}{field.name}", default_closed=True)
    header.label(text=field.label)
    if field.optional:
        header.prop(group, switch_of(field), text="")
    if body is None:
        return
    body.active = not field.optional or getattr(group, switch_of(field))
    if len(field.members) > 1:
        body.prop(group, kind_of(field), text="Kind")
    member = chosen_member(group, field)
    draw_options(body, getattr(group, group_of(field, member)), member, f"{path}{field.name}.")


def _draw_list(layout: bpy.types.UILayout, group: Any, field: OptionField, path: str, beside: Beside | None) -> None:
    header, body = layout.panel(f"LUCID_{path}{field.name}", default_closed=True)
    header.label(text=field.label)
    header.operator("lucid.option_add", text="", icon="ADD").path = path + field.name
    if body is None:
        return
    for index, item in enumerate(getattr(group, field.name)):
        box = body.box()
        remove = box.operator("lucid.option_remove", icon="X")
        remove.path, remove.index = path + field.name, index
        draw_options(box, item, field.members[0], f"{path}{field.name}.{index}.")
        if beside is not None:
            beside(box, field.members[0], item)
