"""lucid.resume: continue the job in a folder from its last checkpoint."""

from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..client.job_state import state
from ..core import codec
from ..core.errors import InvalidInput, JobError, LucidError
from ..core.jobs import SETTINGS_FILE
from ..core.messages import Generate
from ..core.options import Generation
from . import running
from .prop import Prop


class LUCID_OT_resume(bpy.types.Operator):
    bl_idname = "lucid.resume"
    bl_label = "Resume"
    bl_description = "Continue a run that was stopped, from its last checkpoint"
    bl_options = {"REGISTER"}

    directory: StringProperty(name="Job Folder", description="The folder of the job", subtype="DIR_PATH")
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not state.busy

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        if not self.directory:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return self._do(running.start)

    def execute(self, context: bpy.types.Context) -> set[str]:
        # The file browser of a window calls execute, too: there nothing may block.
        return self._do(running.run if bpy.app.background else running.start)

    def _do(self, action: Callable[[Prop], None]) -> set[str]:
        try:
            request = resume_request(Path(bpy.path.abspath(self.directory)))
            action(Prop(request, mesh_beside=not bpy.app.background))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


def resume_request(folder: Path) -> Generate:
    """The request that continues a job. Raises JobError when there is none in the folder."""
    return Generate(generation=read_job(folder)[0], job_folder=str(folder), resume=True)


def read_job(folder: Path) -> tuple[Generation, str, tuple[str, ...]]:
    """A job's options, its state ("finished", "cancelled", ...) and the names of its artefacts."""
    path = folder / SETTINGS_FILE
    try:
        record = codec.parse_json(path.read_bytes())
        generation = codec.from_plain(Generation, record["generation"])
        return generation, str(record.get("state", "")), tuple(map(str, record.get("artefacts", ())))
    except OSError as error:
        advice = f"Choose a folder that holds {SETTINGS_FILE}."
        raise JobError(f"There is no job in {folder}.", advice=advice) from error
    except (InvalidInput, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{path} is not a job of this version: {error}", advice="Start a new run.") from error
