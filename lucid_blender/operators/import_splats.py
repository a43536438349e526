"""lucid.import_splats: Gaussian splats from files, also by dropping them into the viewport."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatVectorProperty, StringProperty

from .. import preferences
from ..core.errors import LucidError
from ..core.formats.files import SUFFIXES, read_splats_file
from ..scene.display import set_display
from ..scene.placement import point_under
from ..scene.pointcloud import create_splats
from . import running
from .prop import select


class LUCID_OT_import_splats(bpy.types.Operator):
    bl_idname = "lucid.import_splats"
    bl_label = "Import Splats"
    bl_description = "Import Gaussian splats from .ply files in the layout of 3D Gaussian Splatting, or .splat files"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"})
    at_cursor: BoolProperty(
        name="At 3D Cursor",
        description="Put the object's origin at the 3D cursor instead of the world's origin",
        options={"SKIP_SAVE"},
    )
    place: FloatVectorProperty(
        name="Place", description="Of the object's origin", subtype="TRANSLATION", options={"HIDDEN", "SKIP_SAVE"}
    )
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.files and self.directory:  # dropped into the viewport
            self.place = point_under(context, event.mouse_region_x, event.mouse_region_y)
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        names = [entry.name for entry in self.files if entry.name]
        paths = [Path(self.directory, name) for name in names] or [Path(bpy.path.abspath(self.filepath))]
        made = []
        for path in paths:
            try:
                splats = create_splats(read_splats_file(path), path.stem)
            except LucidError as error:
                return running.report(self, error)
            set_display(splats, preferences.new_display())
            splats.location = context.scene.cursor.location if self.at_cursor else self.place
            context.collection.objects.link(splats)
            made.append(splats)
        select(made)
        self.report({"INFO"}, f"Imported {sum(len(splats.data.points) for splats in made)} splats")
        return {"FINISHED"}


class LUCID_FH_splats(bpy.types.FileHandler):
    bl_idname = "LUCID_FH_splats"
    bl_label = "Gaussian Splats"
    bl_import_operator = "lucid.import_splats"
    bl_export_operator = "lucid.export_collection"  # Collection Properties > Exporters
    bl_file_extensions = ";".join(SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"
