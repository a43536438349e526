"""The closed subpanels: what is chosen often, and below it their share of all options where these are switched on."""

from functools import partial

import bpy

from ..core.options import Control, DiffusionModel, Generation, TextualInversion
from ..core.wanted import Part, Wanted, is_of_the_hub
from ..generations import makes_picture, needs_mesh, preset_of, wanted_start
from .loras import draw_loras
from .model import draw_wanted
from .options import draw_options


class Section:
    """A subpanel. ``fields`` are its options among Generation's, ``model_fields`` among the model's."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lucid"
    bl_translation_context = "Lucid"
    bl_parent_id = "LUCID_PT_generate"
    bl_options = {"DEFAULT_CLOSED"}
    fields: frozenset[str] = frozenset()
    model_fields: frozenset[str] = frozenset()

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.lucid
        layout.use_property_split = True
        layout.use_property_decorate = False
        self.draw_basics(layout, context)
        if settings.customise:
            beside = partial(draw_beside, context)
            draw_options(layout, settings.options, Generation, only=self.fields, beside=beside)
            if self.model_fields:
                draw_options(
                    layout, settings.options.model, DiffusionModel, "model.", only=self.model_fields, beside=beside
                )
        else:
            row = layout.row()
            row.use_property_split = False
            row.prop(settings, "customise", text="Show All Options", icon="OPTIONS", toggle=True)

    def draw_basics(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        """What has a place of its own in the scene's settings."""


class LUCID_PT_shape(Section, bpy.types.Panel):
    bl_label = "Shape"
    fields = frozenset({"initialiser", "representation", "controls"})

    def draw_basics(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        settings = context.scene.lucid
        if not settings.customise and not makes_picture(settings):
            layout.prop(settings, "initialiser")
        start = wanted_start(settings)
        if start is not None:
            draw_wanted(layout, context, start)
        if needs_mesh(settings):
            layout.prop(settings, "initial_mesh")
        if not settings.customise and not makes_picture(settings):
            draw_switched(layout, settings, "set_splats", "splats", preset_splats(settings))
        if settings.initial_image is None:
            layout.operator("lucid.use_picture", text="Change a Picture...", icon="IMAGE_DATA")


class LUCID_PT_look(Section, bpy.types.Panel):
    bl_label = "Look"
    fields = frozenset({"null_prompt", "view_prompts", "objective", "timesteps", "regularisers"})
    model_fields = frozenset({"textual_inversions"})

    def draw_basics(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        settings = context.scene.lucid
        layout.prop(settings, "negative_prompt", placeholder="grey, blurry")
        if settings.customise:
            layout.prop(settings, "guidance_scale")
        else:
            layout.prop(settings, "objective")
            draw_switched(layout, settings, "set_guidance", "guidance_scale")
        draw_loras(layout, context)


class LUCID_PT_cameras(Section, bpy.types.Panel):
    bl_label = "Cameras"
    fields = frozenset({"views", "resolution", "cameras"})


class LUCID_PT_performance(Section, bpy.types.Panel):
    bl_label = "Performance"
    fields = frozenset({"iterations", "rasterizer", "snapshot_seconds", "checkpoint_seconds"})
    model_fields = frozenset({"revision", "prediction", "device", "precision"})

    def draw_basics(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        settings = context.scene.lucid
        if not settings.customise:
            draw_switched(layout, settings, "set_iterations", "iterations", str(preset_of(settings).iterations))


class LUCID_PT_output(Section, bpy.types.Panel):
    bl_label = "Output"
    fields = frozenset({"outputs"})

    def draw_basics(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        settings = context.scene.lucid
        layout.prop(settings, "make_mesh")
        layout.prop(settings, "show_colors")


def draw_beside(
    context: bpy.types.Context, layout: bpy.types.UILayout, kind: type, group: bpy.types.PropertyGroup
) -> None:
    """What the hub has to do with one of several: ControlNets and learned words are downloaded, too."""
    parts: dict[type, Part] = {Control: "controlnet", TextualInversion: "textual_inversion"}
    if kind in parts:
        wanted = Wanted(source=group.source.strip(), revision=getattr(group, "revision", ""), part=parts[kind])
        if is_of_the_hub(wanted.source, wanted.part):
            draw_wanted(layout, context, wanted)


def draw_switched(
    layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, switch: str, value: str, otherwise: str = ""
) -> None:
    """A value that counts where its switch is on; ``otherwise`` says what counts where it is off."""
    row = layout.row(heading=settings.bl_rna.properties[value].name)
    row.prop(settings, switch, text="")
    field = row.row()
    field.active = getattr(settings, switch)
    if otherwise and not field.active:
        field.label(text=otherwise)
    else:
        field.prop(settings, value, text="")


def preset_splats(settings: bpy.types.PropertyGroup) -> str:
    """How many splats the preset begins with, where the start does not decide it itself."""
    count = getattr(preset_of(settings).initialiser, "count", None)
    return "As many as it makes" if count is None else str(count)


CLASSES = (LUCID_PT_shape, LUCID_PT_look, LUCID_PT_cameras, LUCID_PT_performance, LUCID_PT_output)
