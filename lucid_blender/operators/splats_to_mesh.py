"""lucid.splats_to_mesh: a coloured mesh around the active object's splats."""

from collections.abc import Callable

import bpy
from bpy.props import IntProperty

from ..client.job_state import state
from ..core.errors import LucidError
from ..core.messages import ExtractMesh
from ..core.options import Meshing
from ..scene.pointcloud import is_splats, read_splats
from . import running
from .prop import MeshOfSplats

_DEFAULTS = Meshing()


class LUCID_OT_splats_to_mesh(bpy.types.Operator):
    bl_idname = "lucid.splats_to_mesh"
    bl_label = "Mesh from Splats"
    bl_description = "Draw a coloured mesh around the splats of the active object"
    bl_options = {"REGISTER"}

    resolution: IntProperty(
        name="Resolution",
        description="Density samples along the longest side",
        default=_DEFAULTS.resolution,
        min=16,
        max=512,
    )
    triangles: IntProperty(
        name="Triangles", description="The mesh is simplified to about as many", default=_DEFAULTS.triangles, min=100
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if state.busy:
            cls.poll_message_set("Lucid Dreamer is already at work")
            return False
        if not is_splats(context.active_object):
            cls.poll_message_set("The active object holds no splats")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        return self._do(context, running.start)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._do(context, running.run)

    def _do(self, context: bpy.types.Context, action: Callable[[MeshOfSplats], None]) -> set[str]:
        source = context.active_object
        try:
            meshing = Meshing(resolution=self.resolution, triangles=self.triangles)
            action(MeshOfSplats(ExtractMesh(splats=read_splats(source), meshing=meshing), source))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}
