"""lucid.export_collection: all splats of a collection to one PLY file; what Collection > Exporters calls."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..core.errors import InvalidInput, LucidError
from ..core.formats.ply import write_ply
from ..core.splats import SplatCloud
from ..scene.pointcloud import is_splats
from ..scene.splat_objects import world_splats
from . import running


class LUCID_OT_export_collection(bpy.types.Operator):
    bl_idname = "lucid.export_collection"
    bl_label = "Export Splats of a Collection"
    bl_description = "Write all splats of a collection, as they stand in the world, to one PLY file"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", subtype="FILE_PATH")
    check_existing: BoolProperty(default=True, options={"HIDDEN"})
    filter_glob: StringProperty(default="*.ply", options={"HIDDEN"})
    collection: StringProperty(name="Collection", description="Empty: the active one", options={"HIDDEN"})
    pad_to_degree_3: BoolProperty(
        name="Fill up to Degree 3",
        description="Write all 48 colour coefficients, the missing ones as 0: many viewers insist on them",
        default=True,
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".ply"))
        try:
            found = [splats for splats in self._source(context).all_objects if is_splats(splats)]
            if not found:
                raise InvalidInput("the collection has no splats", advice="Choose one that has some.")
            cloud = SplatCloud.joined([world_splats(splats) for splats in found])
            write_ply(path, cloud, pad_to_degree_3=self.pad_to_degree_3)
        except LucidError as error:
            return running.report(self, error)
        self.report({"INFO"}, f"Wrote {len(cloud)} splats of {len(found)} objects to {path.name}")
        return {"FINISHED"}

    def _source(self, context: bpy.types.Context) -> bpy.types.Collection:
        if not self.collection:
            return context.collection
        found = bpy.data.collections.get(self.collection)
        if found is None:
            raise InvalidInput(f"there is no collection {self.collection!r}", advice="Choose one of this file.")
        return found
