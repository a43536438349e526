"""lucid.check_backend: ask the backend what it offers, and what it lacks."""

import bpy

from .. import preferences
from ..client.installation import check_plan
from ..client.installer import state
from ..core.errors import LucidError
from . import installing
from .running import report


class LUCID_OT_check_backend(bpy.types.Operator):
    bl_idname = "lucid.check_backend"
    bl_label = "Check Backend"
    bl_description = "Show the backend's versions, device, rasterizer, models and disk, with advice on what is missing"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not state.busy

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            models = ("HF_HUB_CACHE", str(preferences.models_folder()))
            installing.start(check_plan(preferences.find_backend(), (models,)))
        except LucidError as error:
            return report(self, error)
        return {"FINISHED"}
