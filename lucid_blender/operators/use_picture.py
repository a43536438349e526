"""lucid.use_picture: a picture file to be changed after the prompt, also by dropping it into the viewport."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..core.errors import LucidError
from ..core.options import Image
from ..scene.pictures import load_picture
from . import running

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tga", ".tif", ".tiff", ".exr", ".hdr")


class LUCID_OT_use_picture(bpy.types.Operator):
    bl_idname = "lucid.use_picture"
    bl_label = "Change a Picture with Prompt"
    bl_description = "Choose a picture file that Generate will change after the prompt; the result is a picture, too"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{ending}" for ending in ENDINGS), options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:  # dropped into the viewport
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path, settings = Path(bpy.path.abspath(self.filepath)), context.scene.lucid
        try:
            settings.initial_image = load_picture(path, path.name)
        except LucidError as error:
            return running.report(self, error)
        if settings.customise:
            settings.options.representation_kind = Image.__name__
        text = "Generate changes it after the prompt" if settings.prompt.strip() else "Now say what it should become"
        self.report({"INFO"}, f"{path.name}: {text}")
        return {"FINISHED"}


class LUCID_FH_picture(bpy.types.FileHandler):
    bl_idname = "LUCID_FH_picture"
    bl_label = "Change Picture with Prompt"
    bl_import_operator = "lucid.use_picture"
    bl_file_extensions = ";".join(ENDINGS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"
