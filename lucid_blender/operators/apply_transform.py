"""lucid.apply_transform: the location, rotation and scale of splat objects into their splats."""

import bpy
from bpy.props import BoolProperty

from ..core.errors import LucidError
from ..scene.splat_objects import apply_transform
from . import running
from .chosen import can_change, chosen_splats


class LUCID_OT_apply_transform(bpy.types.Operator):
    bl_idname = "lucid.apply_transform"
    bl_label = "Apply Transform to Splats"
    bl_description = (
        "Move the transform of the selected objects into their splats, with their shapes and the colours that "
        "depend on the view"
    )
    bl_options = {"REGISTER", "UNDO"}

    location: BoolProperty(
        name="Location", description="Move the splats and put the origin at the parent's", default=True
    )
    rotation: BoolProperty(name="Rotation", description="Turn the splats and their colours", default=True)
    scale: BoolProperty(
        name="Scale", description="Scale the splats; a different scale along each axis reshapes them", default=True
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            for splats in chosen_splats(context):
                apply_transform(splats, location=self.location, rotation=self.rotation, scale=self.scale)
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}
