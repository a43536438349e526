"""lucid.install_backend: make, continue or update the backend's environment."""

import bpy

from .. import preferences
from ..client.installation import installed_python, update
from ..client.installer import state
from ..core.errors import LucidError
from . import installing
from .running import report


class LUCID_OT_install_backend(bpy.types.Operator):
    bl_idname = "lucid.install_backend"
    bl_label = "Install Backend"
    bl_description = (
        "Download and install what generates props, torch and diffusers, into an environment of its own in the "
        "extension's user folder. An interrupted installation is continued, a complete one is updated"
    )
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not state.busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            installing.require_no_run()
            plan = preferences.installation_plan()
            if plan.folder and installed_python(plan.folder):
                plan = update(plan)
            installing.start(plan)
        except LucidError as error:
            return report(self, error)
        return {"FINISHED"}
