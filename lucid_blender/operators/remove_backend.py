"""lucid.remove_backend: delete the environment that Install Backend has made."""

import bpy

from .. import preferences
from ..client.installation import remove
from ..client.installer import InstallState, state
from ..core.errors import LucidError
from . import installing
from .running import report


class LUCID_OT_remove_backend(bpy.types.Operator):
    bl_idname = "lucid.remove_backend"
    bl_label = "Remove Backend"
    bl_description = "Delete the installed environment and its downloads from the disk. Jobs and models are kept"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not state.busy and any(preferences.installation_folder().iterdir())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            installing.require_no_run()
            remove(preferences.installation_folder())
        except LucidError as error:
            return report(self, error)
        vars(state).update(vars(InstallState()))
        self.report({"INFO"}, "The backend's environment is removed")
        return {"FINISHED"}
