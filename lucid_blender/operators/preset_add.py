"""lucid.preset_add: the sidebar's settings as a preset of the user, or one preset less."""

import bpy
from bl_operators.presets import AddPresetBase

FOLDER = "lucid_dreamer"  # below the user's scripts/presets
MENU = "LUCID_PT_presets"
# Not the prompt, the seed and what is in the scene: a preset is how props are made, not which.
BASICS = (
    "negative_prompt",
    "preset",
    "model",
    "model_source",
    "initialiser",
    "objective",
    "set_guidance",
    "make_mesh",
    "set_iterations",
    "iterations",
    "set_splats",
    "splats",
)


class LUCID_OT_preset_add(AddPresetBase, bpy.types.Operator):
    bl_idname = "lucid.preset_add"
    bl_label = "Add Settings Preset"
    bl_description = "Save the settings of the sidebar, all options included, for other files; or remove such a preset"
    preset_menu = MENU
    preset_subdir = FOLDER
    preset_defines = ("settings = bpy.context.scene.lucid",)

    @property
    def preset_values(self) -> list[str]:
        """In the order in which they are set. The switch of all options comes when they are complete; or else before
        the guidance, which it says the place of."""
        settings, basics = bpy.context.scene.lucid, [f"settings.{name}" for name in BASICS]
        if settings.customise:
            return [*basics, "settings.options", "settings.options_filled", "settings.customise"]
        guidance = ["settings.guidance_scale"] if settings.set_guidance else []
        return ["settings.customise", *basics, *guidance, "settings.options.model.loras"]
