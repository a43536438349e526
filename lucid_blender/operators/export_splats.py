"""lucid.export_splats: the active object's splats to a PLY file."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..core.errors import LucidError
from ..core.formats.ply import write_ply
from ..scene.pointcloud import read_splats
from ..scene.splat_objects import world_splats
from . import running
from .chosen import active_is_splats


class LUCID_OT_export_splats(bpy.types.Operator):
    bl_idname = "lucid.export_splats"
    bl_label = "Export Splats"
    bl_description = "Write the active object's splats to a PLY file for other programs"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})
    filter_glob: StringProperty(default="*.ply", options={"HIDDEN"})
    pad_to_degree_3: BoolProperty(
        name="Fill up to Degree 3",
        description="Write all 48 colour coefficients, the missing ones as 0: many viewers insist on them",
        default=True,
    )

    apply_transform: BoolProperty(
        name="Apply Transform",
        description="Write the splats as they stand in the world, instead of in the object's own coordinates",
        default=True,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_is_splats(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            self.filepath = f"{bpy.path.clean_name(context.active_object.name)}.ply"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".ply"))
        try:
            read = world_splats if self.apply_transform else read_splats
            cloud = read(context.active_object)
            write_ply(path, cloud, pad_to_degree_3=self.pad_to_degree_3)
        except LucidError as error:
            return running.report(self, error)
        except OSError as error:
            self.report({"ERROR"}, f"{path} cannot be written: {error.strerror}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {len(cloud)} splats to {path.name}")
        return {"FINISHED"}
