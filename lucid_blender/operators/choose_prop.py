"""lucid.choose_prop: pick one of the props that the built-in model knows."""

import bpy
from bpy.props import EnumProperty

from ..settings_check import known_words

_items: list[tuple[str, str, str]] = []  # Blender keeps no reference to what an items function returns


def _known_props(operator: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    _items[:] = [(name, name, f"Write a prompt for a {name}") for name in known_words().get("classes", ())]
    return _items


class LUCID_OT_choose_prop(bpy.types.Operator):
    bl_idname = "lucid.choose_prop"
    bl_label = "Known Props"
    bl_description = "Choose one of the props that the built-in model knows; the prompt's colour is kept"
    bl_options = {"REGISTER", "UNDO"}
    bl_property = "prop"

    prop: EnumProperty(name="Prop", items=_known_props)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(known_words().get("classes"))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.lucid
        words = settings.prompt.lower().split()
        color = next((color for color in known_words()["colors"] if color in words), "red")
        article = "an" if color[0] in "aeiou" else "a"
        settings.prompt = f"{article} {color} {self.prop}"
        return {"FINISHED"}
