"""lucid.cancel: stop the run."""

import bpy

from ..client.job_state import state
from . import running


class LUCID_OT_cancel(bpy.types.Operator):
    bl_idname = "lucid.cancel"
    bl_label = "Cancel"
    bl_description = "Stop the run. What has grown so far stays in the scene, and Resume can continue it"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return state.busy and state.phase != "stopping"

    def execute(self, context: bpy.types.Context) -> set[str]:
        running.cancel()
        return {"FINISHED"}
