"""The lines of lists."""

import bpy

from ..client.history import Entry
from .icons import icon_of


class Rows:
    """A UIList whose lines are about their items alone."""

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
        self.draw_row(layout, item, index)

    def draw_row(self, layout: bpy.types.UILayout, item: bpy.types.PropertyGroup, index: int) -> None:
        raise NotImplementedError


def draw_job(row: bpy.types.UILayout, name: str, entry: Entry | None) -> None:
    """A job's picture and prompt."""
    picture = icon_of(entry.picture) if entry else 0
    if picture:
        row.label(text=name, icon_value=picture)
    else:
        row.label(text=name, icon="IMAGE_DATA")
