"""lucid.resume: continue the job in a folder from its last checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..client.job_state import state
from ..core import codec
from ..core.errors import InvalidInput, JobError, LucidError
from ..core.inputs import InputName, Inputs
from ..core.jobs import SETTINGS_FILE, upgraded
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
        return self._do(running.start_or_run)

    def _do(self, action: Callable[[Prop], None]) -> set[str]:
        try:
            request = resume_request(Path(bpy.path.abspath(self.directory)))
            action(Prop(request, mesh_beside=not bpy.app.background))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


_READ = ("generation", "state", "stopped_at", "artefacts", "inputs", "placement")


def resume_request(folder: Path) -> Generate:
    """The request that continues a job. Raises JobError when there is none in the folder."""
    saved = read_job(folder)
    inputs = Inputs(placement=saved.placement)
    return Generate(generation=saved.generation, job_folder=str(folder), inputs=inputs, resume=True)


@dataclass(frozen=True, kw_only=True)
class SavedJob:
    """What job.json tells Blender."""

    generation: Generation
    state: str = ""  # "finished", "cancelled", ...
    stopped_at: int = 0  # the step at which it was told to stop and keep what it had; 0: it was not
    artefacts: tuple[str, ...] = ()  # file names
    inputs: tuple[InputName, ...] = ()  # those that are files of the folder
    placement: tuple[float, ...] | None = None

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to resume."""
        return self.state == "finished" and not self.stopped_at


def read_job(folder: Path) -> SavedJob:
    """The job in a folder. Raises JobError when there is none."""
    path = folder / SETTINGS_FILE
    try:
        record = upgraded(codec.parse_json(path.read_bytes()))
        return codec.from_plain(SavedJob, {name: record[name] for name in _READ if name in record})
    except OSError as error:
        advice = f"Choose a folder that holds {SETTINGS_FILE}."
        raise JobError(f"There is no job in {folder}.", advice=advice) from error
    except (InvalidInput, TypeError) as error:
        raise JobError(f"{path} is not a job of this version: {error}", advice="Start a new run.") from error
