"""lucid.stop_and_keep: end the run now, with what it has."""

import bpy

from ..client.job_state import state
from . import running


class LUCID_OT_stop_and_keep(bpy.types.Operator):
    bl_idname = "lucid.stop_and_keep"
    bl_label = "Stop and Keep"
    bl_description = "End the run now: what is there is the result. Resume can take it further later"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if state.phase in ("running", "paused") and state.unit == "steps" and state.step > 0 and not state.keeping:
            return True
        cls.poll_message_set("Nothing is there to keep before the first step")
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        running.stop_and_keep()
        return {"FINISHED"}
