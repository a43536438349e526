"""lucid.load_job: the result of a finished job, from its files into the scene."""

from pathlib import Path

import bpy

from ..core.errors import JobError, LucidError
from ..core.formats.ply import read_ply
from ..core.jobs import PICTURE_FILE
from ..core.meshes import TriangleMesh
from ..core.messages import Finished
from ..scene.meshes import read_mesh
from . import running
from .of_a_job import OfAJob
from .prop import Prop
from .resume import SavedJob, read_job, resume_request

SPLATS_FILE, MESH_FILE = "prop.ply", "mesh.ply"


class LUCID_OT_load_job(OfAJob, bpy.types.Operator):
    bl_idname = "lucid.load_job"
    bl_label = "Add to Scene"
    bl_description = "Put the result into the scene; where it is already there, it becomes again as the run left it"
    bl_options = {"REGISTER"}  # delivering pushes a step of its own

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = self.path
        try:
            saved = read_job(folder)
            if not has_result(saved):
                raise JobError("This job has no result yet.", advice="Continue it to its end.")
            load_result(folder, saved, mesh_beside=not bpy.app.background)
        except LucidError as error:
            return running.report(self, error)
        except OSError as error:
            return running.report(self, JobError(f"The result cannot be read: {error.strerror}"))
        return {"FINISHED"}


def has_result(saved: SavedJob) -> bool:
    return saved.state == "finished" and not {SPLATS_FILE, PICTURE_FILE}.isdisjoint(saved.artefacts)


def load_result(folder: Path, saved: SavedJob, *, mesh_beside: bool = False) -> Prop:
    """The prop or the picture of a finished job, delivered from its files."""
    prop = Prop(resume_request(folder), mesh_beside=mesh_beside)
    splats = read_ply(folder / SPLATS_FILE) if SPLATS_FILE in saved.artefacts else None
    mesh = _mesh_of(folder) if MESH_FILE in saved.artefacts else None
    prop.deliver(Finished(splats=splats, mesh=mesh, job_folder=str(folder), artefacts=saved.artefacts))
    return prop


def _mesh_of(folder: Path) -> TriangleMesh:
    bpy.ops.wm.ply_import(filepath=str(folder / MESH_FILE), import_colors="SRGB", forward_axis="Y", up_axis="Z")
    imported = bpy.context.active_object
    try:
        return read_mesh(imported, bpy.context.evaluated_depsgraph_get())
    finally:
        data = imported.data
        bpy.data.objects.remove(imported)
        bpy.data.meshes.remove(data)
