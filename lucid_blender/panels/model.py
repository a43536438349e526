"""The model: which, whether it is there, how much is to be downloaded, and what binds its use."""

from pathlib import Path

import bpy

from ..client.job_state import state
from ..core.models import in_words, kind_of, known
from ..core.wanted import Wanted, find_wanted
from ..generations import wanted_model
from ..preferences import models_folder
from .text import filled, wrapped

HUB = "https://huggingface.co"


def draw_model(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The choice, and below it what there is to know about one that is not built in."""
    settings = context.scene.lucid
    layout.prop(settings, "model")
    if settings.model == "OTHER":
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(settings, "model_source", text="", placeholder="owner/name, file or folder")
        row.operator("lucid.choose_model", text="", icon="FILE_FOLDER")
    wanted = wanted_model(settings)
    if wanted.source and kind_of(wanted.source) == "hub":
        draw_wanted(layout, context, wanted)
    elif kind_of(wanted.source) in ("folder", "file") and wanted.source and not Path(wanted.source).exists():
        text = f"There is no such {kind_of(wanted.source)}, and no hub has such an id."
        wrapped(layout, context, text, icon="ERROR")


def draw_wanted(layout: bpy.types.UILayout, context: bpy.types.Context, wanted: Wanted) -> None:
    """What there is to know about a thing of the hub, and buttons to get it."""
    column = layout.column(align=True)
    column.use_property_split = False
    _draw_state(column, context, wanted)
    _draw_license(column, wanted)


def _draw_state(column: bpy.types.UILayout, context: bpy.types.Context, wanted: Wanted) -> None:
    """Whether it is in the cache, or what can be done about it."""
    if find_wanted(wanted, models_folder()) is not None:
        column.label(text="Downloaded", icon="CHECKMARK")
        return
    model, found = known(wanted.source), state.found_models.get(wanted.source)
    size = found.missing if found else model.size if model else 0
    row = column.row(align=True)
    if not size:
        _ask(row.operator("lucid.look_up_model", icon="VIEWZOOM"), wanted)
    text = filled("Download {size}", size=in_words(size)) if size else "Download"
    _ask(row.operator("lucid.download_model", text=text, icon="IMPORT"), wanted)
    if not bpy.app.online_access:
        text = "Blender is offline. Allow Online Access in Preferences > System > Network."
        wrapped(column, context, text, icon="INFO")
    if found and found.gated:
        text = "Its owner wants an agreement first: accept it on the model's page, make an access token of type Read, "
        wrapped(column, context, text + "and enter it in the preferences of Lucid Dreamer.", icon="LOCKED")
        column.operator("wm.url_open", text="Model's Page", icon="URL").url = f"{HUB}/{found.id}"


def _ask(button: bpy.types.OperatorProperties, wanted: Wanted) -> None:
    button.source, button.revision, button.part = wanted.source, wanted.revision, wanted.part.upper()


def _draw_license(column: bpy.types.UILayout, wanted: Wanted) -> None:
    """What binds the use of it and of what it makes; a click shows the text."""
    model, found = known(wanted.source), state.found_models.get(wanted.source)
    if model is None and found is None:
        return
    name = model.license if model else found.license
    page = model.license_page if model else found.license_page
    short = name.removeprefix("CreativeML ")  # as wide as the panel is
    text = filled("Licence: {name}", name=short) if name else filled("No Licence Named")
    button = column.operator("wm.url_open", text=text, icon="TEXT")
    button.url = page if page.startswith("https://") else f"{HUB}/{wanted.id}"
