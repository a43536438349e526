"""lucid.splats_to_mesh: a coloured mesh around the active object's splats."""

from collections.abc import Callable

import bpy
from bpy.props import IntProperty

from ..core.errors import LucidError
from ..core.messages import ExtractMesh
from ..core.options import Meshing
from ..scene.pointcloud import read_splats
from . import running
from .chosen import active_is_splats, is_idle
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
        return is_idle(cls) and active_is_splats(cls, context)

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
