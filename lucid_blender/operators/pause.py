"""lucid.pause: hold the run, and let it go on."""

import bpy

from ..client.job_state import state
from . import running


class LUCID_OT_pause(bpy.types.Operator):
    bl_idname = "lucid.pause"
    bl_label = "Pause"
    bl_description = "Hold the run before its next step; press again to go on"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return state.phase in ("running", "paused")

    def execute(self, context: bpy.types.Context) -> set[str]:
        running.pause()
        return {"FINISHED"}
