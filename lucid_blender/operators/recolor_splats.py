"""lucid.recolor_splats: another hue, saturation, tint and value."""

import math

import bpy
from bpy.props import FloatProperty, FloatVectorProperty

from ..core.colors import color_matrix
from ..core.errors import LucidError
from ..scene.splat_objects import recolor
from . import running
from .chosen import can_change, chosen_splats


class LUCID_OT_recolor_splats(bpy.types.Operator):
    bl_idname = "lucid.recolor_splats"
    bl_label = "Recolour Splats"
    bl_description = "Change the colours of the selected splats, from every direction alike"
    bl_options = {"REGISTER", "UNDO"}

    hue: FloatProperty(
        name="Hue",
        description="Turn about the circle of hues: 120 degrees make green of red",
        subtype="ANGLE",
        min=-math.pi,
        max=math.pi,
    )
    saturation: FloatProperty(
        name="Saturation", description="0 leaves greys as bright as the colours were", default=1, min=0, soft_max=2
    )
    tint: FloatVectorProperty(
        name="Tint",
        description="Multiply by this colour; white leaves colours as they are",
        subtype="COLOR_GAMMA",
        size=3,
        default=(1, 1, 1),
        min=0,
        max=1,
    )
    value: FloatProperty(name="Value", description="Brightness as a factor", default=1, min=0, soft_max=2)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_popup(self, event)

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        for name in ("hue", "saturation", "tint", "value"):
            self.layout.prop(self, name)

    def execute(self, context: bpy.types.Context) -> set[str]:
        matrix = color_matrix(hue=self.hue, saturation=self.saturation, value=self.value, tint=tuple(self.tint))
        try:
            for splats in chosen_splats(context):
                recolor(splats, matrix)
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}
