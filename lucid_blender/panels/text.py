"""Text in a panel that is as wide as the user made it."""

import textwrap

import bpy

from ..client.job_state import with_values

PIXELS_PER_CHARACTER = 7.0  # of the interface font at its default size


def filled(text: str, **values: object) -> str:
    """The text in the user's language, with the values where it has their names."""
    return with_values(bpy.app.translations.pgettext_iface(text), **values)


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, *, icon: str = "NONE") -> None:
    """Labels, one a line; the first carries the icon."""
    scale = context.preferences.system.ui_scale
    width = context.region.width if context.region else 300
    characters = max(int(width / scale / PIXELS_PER_CHARACTER) - 7, 16)
    column = layout.column(align=True)
    column.scale_y = 0.8
    lines = [line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, characters)]
    for number, line in enumerate(lines):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon)
