"""lucid.regenerate and lucid.continue_job: a job of the history once more, or further on."""

import random
from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import BoolProperty, IntProperty

from ..client.job_state import state
from ..core import job_inputs
from ..core.editing import InitialSplats
from ..core.errors import InvalidInput, JobError, LucidError
from ..core.formats.ply import read_ply
from ..core.inputs import Inputs
from ..core.jobs import PICTURE_FILE
from ..core.messages import Generate
from ..core.options import Gaussians
from ..core.presets import editing, with_iterations
from ..scene.pictures import picture_of_file
from . import attending, running
from .load_job import SPLATS_FILE
from .of_a_job import OfAJob
from .prop import Prop
from .resume import SavedJob, read_job, resume_request


class LUCID_OT_regenerate(OfAJob, bpy.types.Operator):
    bl_idname = "lucid.regenerate"
    bl_label = "Regenerate"
    bl_options = {"REGISTER"}

    new_seed: BoolProperty(name="New Seed", description="Draw another seed: another prop of the same kind")

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.new_seed:
            return "Run the job again with another seed, as a new job: another prop of the same kind"
        return "Run the job again with the same settings and inputs, as a new job"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            request = request_again(self.path)
            if self.new_seed:
                generation = replace(request.generation, seed=random.randrange(2**31))
                request = replace(request, generation=generation)
            attending.begin_or_queue(self, request)
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


class LUCID_OT_continue_job(OfAJob, bpy.types.Operator):
    bl_idname = "lucid.continue_job"
    bl_label = "Continue"
    bl_options = {"REGISTER"}

    iterations: IntProperty(name="Iterations", description="Steps of the optimisation", default=500, min=1)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return (
            "Continue for more iterations. A job that was stopped goes on from its checkpoint; one that is finished, "
            "as a new job that starts from its splats or its picture"
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        try:
            saved = read_job(self.path)
        except LucidError as error:
            return running.report(self, error)
        if not saved.complete:
            return self.execute(context)
        self.iterations = max(saved.generation.iterations // 2, 1)
        return context.window_manager.invoke_props_dialog(self, confirm_text="Continue")

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = self.path
        try:
            saved = read_job(folder)
            if not saved.complete:
                self._resume(folder)
            else:
                attending.begin_or_queue(self, request_further(folder, saved, self.iterations))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "iterations")

    def _resume(self, folder: Path) -> None:
        if state.busy:
            raise InvalidInput("Another run is at work.", advice="A job that was stopped can go on when it has ended.")
        running.start_or_run(Prop(resume_request(folder), mesh_beside=not bpy.app.background))


def request_again(folder: Path) -> Generate:
    """The request that made a job, without a folder. Raises JobError when the job or one of its inputs is lost."""
    saved = read_job(folder)
    return Generate(generation=saved.generation, job_folder="", inputs=inputs_of(folder, saved))


def request_further(folder: Path, saved: SavedJob, iterations: int) -> Generate:
    """A request that starts where a finished job ended: from its splats, unless it made a picture.

    The optimiser starts anew, and the schedules are those of an edit with as many iterations.
    """
    inputs = inputs_of(folder, saved)
    if PICTURE_FILE in saved.artefacts:
        generation = with_iterations(saved.generation, iterations)
        return Generate(
            generation=generation,
            job_folder="",
            inputs=replace(inputs, image=picture_of_file(folder / PICTURE_FILE)),
        )
    if SPLATS_FILE not in saved.artefacts or not isinstance(saved.generation.representation, Gaussians):
        raise JobError("This job ended without splats to go on from.", advice="Regenerate it with more iterations.")
    initial = InitialSplats.free(read_ply(folder / SPLATS_FILE))
    frozen = inputs.splats.frozen if inputs.splats is not None else None
    if frozen is not None and len(frozen) == len(initial.cloud):
        initial = replace(initial, frozen=frozen)
    elif frozen is not None and frozen.any():
        raise JobError("This job changed a part of its splats only.", advice="Edit its result with the prompt again.")
    return Generate(
        generation=with_iterations(editing(saved.generation), iterations),
        job_folder="",
        inputs=replace(inputs, mesh=None, control_mesh=inputs.control_mesh or inputs.mesh, splats=initial),
    )


def inputs_of(folder: Path, saved: SavedJob) -> Inputs:
    """What came beside the options of a job."""
    return job_inputs.read(folder, saved.inputs, saved.placement, picture_of_file)
