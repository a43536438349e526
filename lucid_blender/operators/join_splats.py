"""lucid.join_splats: the selected splat objects as one."""

import bpy

from ..core.errors import LucidError
from ..scene.pointcloud import is_splats
from ..scene.splat_objects import join
from . import running
from .chosen import can_change, chosen_splats


class LUCID_OT_join_splats(bpy.types.Operator):
    bl_idname = "lucid.join_splats"
    bl_label = "Join Splats"
    bl_description = "Put the splats of the selected objects into the active one, where they stand"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not can_change(cls, context):
            return False
        active = context.active_object
        if not is_splats(active) or not active.select_get() or len(chosen_splats(context)) < 2:
            cls.poll_message_set("Select two splat objects or more; the active one takes the others in")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        *others, active = chosen_splats(context)
        try:
            join(active, others)
        except LucidError as error:
            return running.report(self, error)
        self.report({"INFO"}, f"{active.name} has {len(active.data.points)} splats")
        return {"FINISHED"}
