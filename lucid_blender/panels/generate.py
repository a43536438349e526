"""The sidebar tab "Lucid": a prompt, a button, and what is going on."""

import bpy

from .. import installation_view
from ..client.installer import state as at_installing
from ..client.job_state import state
from ..core.errors import BackendError
from ..generations import makes_picture
from ..preferences import LucidPreferences, find_backend, installation_folder, show_inset
from ..settings_check import FIXES, known_words, problems, unknown_words
from .icons import icon_of_seen
from .model import draw_model
from .presets import LUCID_PT_presets
from .text import filled, wrapped

SEEN_SCALE = 4.0  # units of the interface
PIXELS_PER_BAR = 11.0  # of the interface font at its default size


class LUCID_PT_generate(bpy.types.Panel):
    bl_label = "Lucid Dreamer"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        LUCID_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.lucid
        draw_backend(layout, context)
        draw_prompt(layout, context)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        draw_preset(column, settings)
        row = column.row(align=True)
        row.prop(settings, "seed")
        row.prop(settings, "randomise", text="", icon="FILE_REFRESH")
        if makes_picture(settings):
            column.template_ID(settings, "initial_image", open="image.open", text="Picture")
        draw_model(column, context)
        if state.busy:
            draw_progress(layout, context)
        else:
            draw_problems(layout, context)
            row = layout.row()
            row.scale_y = 1.6
            row.operator("lucid.generate", icon="SHADERFX")
            draw_end(layout, context)
        for notice in state.notices[-2:]:
            wrapped(layout, context, notice, icon="INFO")


def draw_preset(column: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """The preset, and whether all options are used in its place."""
    row = column.row(align=True)
    row.prop(settings, "preset")
    if settings.customise:
        row.operator("lucid.fill_options", text="", icon="LOOP_BACK")
    row.prop(settings, "customise", text="", icon="OPTIONS")


def draw_problems(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What would fail, and what helps."""
    for problem in problems(context):
        box = layout.box()
        wrapped(box, context, problem.message, icon="ERROR")
        column = box.column(align=True) if problem.fixes else box  # an empty one would take room
        for fix in problem.fixes:
            column.operator("lucid.fix_setting", text=FIXES[fix].label).fix = fix


def draw_backend(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What is missing, and how to get it."""
    try:
        find_backend()
        message = ""
    except BackendError as error:
        message = f"{error.message} {error.advice}"
    if message or at_installing.busy:
        box = layout.box()
        if message and not at_installing.busy:
            wrapped(box, context, message, icon="ERROR")
        installation_view.draw(box, installation_folder(), lambda text, icon: wrapped(box, context, text, icon=icon))
        box.operator(
            "preferences.addon_show", text="Preferences", icon="PREFERENCES"
        ).module = LucidPreferences.bl_idname


def draw_prompt(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The prompt, and words that the built-in model does not know."""
    settings = context.scene.lucid
    column = layout.column(align=True)
    column.label(text="Prompt")
    row = column.row(align=True)
    row.scale_y = 1.2
    row.prop(settings, "prompt", text="", placeholder="a red mushroom")
    if settings.model == "BUILTIN" and known_words():
        row.operator("lucid.choose_prop", text="", icon="VIEWZOOM")
    unknown = unknown_words(settings)
    if unknown:
        text = filled(
            "The built-in model does not know {words}. The magnifier lists what it knows.", words=", ".join(unknown)
        )
        wrapped(layout, context, text, icon="ERROR")


def draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The bar, the numbers, what computes them, and what can be done."""
    column = layout.column(align=True)
    column.label(text=state.title, icon="SHADERFX")
    if state.unit == "bytes":
        column.label(text=filled(state.stage), icon="IMPORT")
    column.progress(factor=state.factor, type="BAR", text=state.line(filled))
    if state.splats:
        column.label(text=filled("{count} splats", count=f"{state.splats:,}".replace(",", " ")))
    if len(state.gradients.points) > 1:
        column.label(text=filled("Gradient  {curve}", curve=state.gradients.bars(room_for_bars(context))))
    if state.seen is not None and not show_inset():
        row = layout.row()
        row.template_icon(icon_value=icon_of_seen(state.seen), scale=SEEN_SCALE)
        wrapped(row, context, "Seen last\nby the model")
    if state.rasterizer:
        column = layout.column(align=True)
        column.active = False
        program = state.rasterizer.partition(";")[0]  # what it needs is for `doctor` to say
        by = filled("Network on {device}. Splats by {program}.", device=state.network, program=program)
        wrapped(column, context, by, icon="NONE")
    column = layout.column(align=True)
    row = column.row(align=True)
    row.scale_y = 1.3
    paused = state.phase == "paused"
    row.operator("lucid.pause", text="Continue" if paused else "Pause", icon="PLAY" if paused else "PAUSE")
    row.operator("lucid.cancel", icon="CANCEL")
    column.operator("lucid.stop_and_keep", icon="CHECKMARK")
    layout.operator("lucid.queue_add", icon="ADD")


def room_for_bars(context: bpy.types.Context) -> int:
    """How many bars of a curve fit beside its name."""
    width = context.region.width / context.preferences.system.ui_scale
    return max(int(width / PIXELS_PER_BAR) - 10, 8)


def draw_end(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """How the last run ended, with advice and what can be done about it."""
    if not state.message:
        return
    icon = {"finished": "CHECKMARK", "cancelled": "INFO", "failed": "ERROR"}.get(state.phase, "NONE")
    box = layout.box()
    box.alert = state.phase == "failed"
    wrapped(box, context, state.message, icon=icon)
    box.alert = False
    if state.advice:
        wrapped(box, context, state.advice, icon="BLANK1")
    if state.job_folder:
        box.operator("lucid.resume", icon="PLAY").directory = state.job_folder
    if state.phase == "failed":
        box.operator("lucid.open_log", icon="TEXT")
