"""lucid.delete_job: a job of the history, with its files."""

import shutil
from pathlib import Path

import bpy

from ..core import job_lock
from ..core.errors import JobError
from ..core.jobs import SETTINGS_FILE
from . import attending, running
from .of_a_job import OfAJob


class LUCID_OT_delete_job(OfAJob, bpy.types.Operator):
    bl_idname = "lucid.delete_job"
    bl_label = "Delete Job"
    bl_description = "Delete the job's folder with all its files. Objects in the scene stay"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        files = [path for path in self.path.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        message = f"{len(files)} files, {size / 1e6:.1f} MB, are deleted for good. Objects in the scene stay."
        return context.window_manager.invoke_confirm(
            self, event, title="Delete this job?", message=message, confirm_text="Delete", icon="WARNING"
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = self.path
        try:
            delete(folder)
        except JobError as error:
            return running.report(self, error)
        attending.read_history()
        attending.show_lists()
        return {"FINISHED"}


def delete(folder: Path) -> None:
    """Remove a job's folder. Raises JobError when it is none, when a run is at work in it, or when files are in use."""
    if not (folder / SETTINGS_FILE).is_file() or folder.is_symlink():
        raise JobError(f"{folder} is not the folder of a job.", advice="Delete it by hand if you do not need it.")
    if folder == running.folder_at_work() or job_lock.is_held(folder):
        raise JobError("A run is at work in this job.", advice="Cancel it first.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise JobError(
            f"{error.filename} cannot be deleted: {error.strerror}", advice="Close the programs that use it."
        ) from error
