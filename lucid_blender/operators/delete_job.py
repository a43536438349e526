"""lucid.delete_job: a job of the history into the trash; lucid.restore_job, lucid.empty_trash: out of it."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from .. import preferences
from ..client import trash
from ..client.history import history
from ..core.errors import JobError
from ..core.models import in_words
from . import attending, running
from .of_a_job import OfAJob


class LUCID_OT_delete_job(OfAJob, bpy.types.Operator):
    bl_idname = "lucid.delete_job"
    bl_label = "Delete Job"
    bl_description = (
        f"Move the job with all its files to the trash below the list, from where it can be restored for "
        f"{trash.DAYS_KEPT} days. Objects in the scene stay"
    )
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        entry = history.find(str(self.path))
        try:
            delete(self.path)
        except JobError as error:
            return running.report(self, error)
        refresh()
        title = entry.title if entry else self.path.name
        self.report({"INFO"}, f"{title!r} is in the trash for {trash.DAYS_KEPT} days")
        return {"FINISHED"}


class LUCID_OT_restore_job(bpy.types.Operator):
    bl_idname = "lucid.restore_job"
    bl_label = "Restore"
    bl_description = "Take the job out of the trash, back into the history"
    bl_options = {"REGISTER"}

    folder: StringProperty(
        name="Folder", description="The job's folder in the trash. Empty: the list's active one", subtype="DIR_PATH"
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        lists = context.window_manager.lucid
        chosen = lists.trash[lists.trash_index].key if lists.trash_index < len(lists.trash) else ""
        try:
            if not (self.folder or chosen):
                raise JobError("The trash is empty.")
            found = trash.restore(Path(bpy.path.abspath(self.folder or chosen)))
        except JobError as error:
            return running.report(self, error)
        refresh()
        keys = [row.key for row in lists.history]
        if str(found) in keys:
            lists.history_index = keys.index(str(found))
        return {"FINISHED"}


class LUCID_OT_empty_trash(bpy.types.Operator):
    bl_idname = "lucid.empty_trash"
    bl_label = "Empty Trash"
    bl_description = "Delete all jobs in the trash for good. Objects in the scene stay"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(context.window_manager.lucid.trash) > 0

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        found = trash.jobs_in(preferences.jobs_folder())
        size = in_words(sum(trash.size_of(job) for job in found))
        message = f"{trash.counted(len(found), 'job')}, {size}, deleted for good. Objects in the scene stay."
        return context.window_manager.invoke_confirm(
            self, event, title="Empty the trash?", message=message, confirm_text="Empty Trash", icon="WARNING"
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            gone = trash.empty(preferences.jobs_folder())
        except JobError as error:
            return running.report(self, error)
        finally:
            refresh()
        self.report({"INFO"}, f"{trash.counted(gone, 'job')} deleted")
        return {"FINISHED"}


def delete(folder: Path) -> Path:
    """Move a job to the trash; where it is now. Raises JobError where it is none, or where a run is at work in it."""
    if folder == running.folder_at_work():
        raise JobError("A run is at work in this job.", advice="Cancel it first.")
    return trash.put(folder)


def refresh() -> None:
    attending.read_history()
    attending.show_lists()


CLASSES = (LUCID_OT_delete_job, LUCID_OT_restore_job, LUCID_OT_empty_trash)
