"""lucid.cancel_installation: stop what is being installed or checked."""

import bpy

from ..client.installer import state
from . import installing


class LUCID_OT_cancel_installation(bpy.types.Operator):
    bl_idname = "lucid.cancel_installation"
    bl_label = "Cancel"
    bl_description = "Stop the installation. What is complete is kept; installing again goes on from there"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return state.phase == "running"

    def execute(self, context: bpy.types.Context) -> set[str]:
        installing.cancel()
        return {"FINISHED"}
