"""lucid.use_settings: the sidebar as it was when a job, or the active object, was made."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ..core import codec
from ..core.errors import InvalidInput, LucidError
from ..core.jobs import upgraded
from ..core.options import Generation
from ..generations import use_generation
from . import running
from .resume import read_job


class LUCID_OT_use_settings(bpy.types.Operator):
    bl_idname = "lucid.use_settings"
    bl_label = "Use Settings"
    bl_description = "Fill the sidebar with the prompt, the seed and all options that this was made with"
    bl_options = {"REGISTER", "UNDO"}

    folder: StringProperty(
        name="Job Folder", description="The folder of the job. Empty: the active object's settings", subtype="DIR_PATH"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            if self.folder:
                generation = read_job(Path(bpy.path.abspath(self.folder))).generation
            else:
                generation = recipe_of(context.active_object)
            use_generation(context.scene.lucid, generation)
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


def recipe_of(made: bpy.types.ID | None) -> Generation:
    """The options that an object or an image carries. Raises InvalidInput when there are none that can be read."""
    settings = made.get("settings") if made is not None else None
    if not isinstance(settings, str):
        raise InvalidInput("The active object carries no settings.", advice="Choose one that Lucid Dreamer has made.")
    record = upgraded({"generation": codec.parse_json(settings)})
    plain = record["generation"] if isinstance(record, dict) else None
    found: Generation = codec.from_plain(Generation, plain)
    return found
