"""The user's presets, in the header of the sidebar's panel."""

import bpy
from bl_ui.utils import PresetPanel


class LUCID_PT_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Lucid Dreamer Presets"
    bl_space_type = "VIEW_3D"
    bl_region_type = "HEADER"
    bl_translation_context = "Lucid"
    preset_subdir = "lucid_dreamer"
    preset_operator = "script.execute_preset"
    preset_add_operator = "lucid.preset_add"
