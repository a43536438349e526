"""lucid.generate: from the prompt in the sidebar to a prop in the scene."""

import random
from pathlib import Path

import bpy

from .. import preferences
from ..core.errors import LucidError
from ..core.messages import Generate
from ..generations import to_request
from . import attending, running
from .chosen import is_idle
from .prop import Prop


class LUCID_OT_generate(bpy.types.Operator):
    bl_idname = "lucid.generate"
    bl_label = "Generate"
    bl_description = "Make a prop from the prompt; the splats grow in the viewport while you work on"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_idle(cls):
            return False
        if not context.scene.lucid.prompt.strip():
            cls.poll_message_set("Enter a prompt first, for example: a red mushroom")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        try:
            running.start(prepared(context, mesh_beside=True))
        except LucidError as error:
            return running.report(self, error)
        if context.scene.lucid.show_colors and preferences.new_display() == "POINTS":
            show_colors(context.space_data)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            running.run(prepared(context))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


def prepared(context: bpy.types.Context, *, mesh_beside: bool = False) -> Prop:
    """The run that the sidebar describes, in a new job folder."""
    return Prop(attending.in_new_folder(sidebar_request(context)), mesh_beside=mesh_beside)


def sidebar_request(context: bpy.types.Context) -> Generate:
    """What the sidebar describes; it gets its folder when it starts."""
    settings = context.scene.lucid
    if settings.randomise:
        settings.seed = random.randrange(2**31)
    return to_request(settings, folder=Path(), depsgraph=context.evaluated_depsgraph_get())


def show_colors(space: bpy.types.Space | None) -> None:
    """Material Preview, where the viewport is Solid: that one draws all points of an object in one colour."""
    if space is not None and space.type == "VIEW_3D" and space.shading.type == "SOLID":
        space.shading.type = "MATERIAL"
