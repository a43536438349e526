"""The whole method on one page: generate() distils a frozen diffusion model into splats, or what else is chosen.

It reads like Algorithm 1 of LucidDreamer. Each line of it is one room of this package.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from ..core.cameras import Camera
from ..core.codec import from_plain, to_plain
from ..core.formats.ply import write_ply
from ..core.messages import Event, ExtractMesh, Finished, Generate, Progress, Snapshot, StopAndKeep
from ..core.options import Generation
from ..core.pictures import Picture
from . import choices, hub, pictures
from .control.pictures import MeshPictures
from .diffusion import Diffusion, load
from .job import Job
from .meshing.mesh_file import write_mesh
from .meshing.surface import extract
from .notices import machinery, notices
from .objectives.guidance import Condition, Distilled
from .pace import Pace
from .prompts import Backdrop, Prompter
from .recorder import Recorder, is_due
from .regularisers import disparity, total_variation
from .representations.contract import Pictures, Representation
from .representations.image import ImageCanvas
from .trigger_words import with_trigger_words
from .views import View, draw_views

logger = logging.getLogger(__name__)

PICTURE_SIZE = 256  # pixels a view of the turntable picture
PICTURE_GAP = 8  # pixels between them
SEEN_SIZE = 128  # pixels of the picture of what the network sees
PREVIEW_SIZE = 192  # pixels of the picture beside a checkpoint
PICTURE_BACKGROUND = 0.82  # sRGB grey, against which white and black props both show
Events = Generator[Event, StopAndKeep | None, None]
OBJECTIVE = "objective."  # begins the names of the objective's tensors in a checkpoint


def handle(request: Generate | ExtractMesh) -> Events:
    """Answer one request with events, the last of them Finished. Errors are raised, not yielded."""
    if isinstance(request, ExtractMesh):
        yield Progress(stage="Meshing", splats=len(request.splats))
        yield Finished(mesh=extract(request.splats, request.meshing, choices.make_rasterizer("auto")))
        return
    folder = Path(request.job_folder)
    if request.resume:
        job = Job.open(folder)
    else:
        job = Job.create(folder, request.generation, request.inputs)
    with job.running():
        yield from generate(job)


def generate(job: Job, model: Diffusion | None = None) -> Events:
    """Distil the job's prompt from its last checkpoint, or from the start, to the end.

    Closing the generator between two events leaves a checkpoint, from which another run goes on bit by bit. Sending
    StopAndKeep leaves one too, and delivers what is there.
    """
    generation = job.generation
    yield Progress(stage="Loading the model", steps=generation.iterations)
    yield from notices(generation)
    if model is None:
        yield from hub.fetch(generation, begun=job.begun)
    state = begin(job, model or load(generation.model, generation.controls))
    yield machinery(generation, state.model)
    pace = Pace(generation)
    try:
        yield from state.recorder.films_at(state.iteration)
        while state.iteration < generation.iterations:
            distilled = distil(state)
            state.recorder.record(state.iteration, state.representation.snapshot)
            enough = yield pace.progress(state.iteration, len(state.representation), float(distilled.gradient.norm()))
            if enough:
                break
            yield from state.recorder.films_at(state.iteration)
            if pace.snapshot_is_due():
                yield snapshot_of(state)
            if pace.checkpoint_is_due() or is_due(state.iteration, generation.outputs.checkpoint_every):
                save(state)
    except GeneratorExit:
        save(state)
        raise
    save(state)
    yield from deliver(state)


@dataclass
class State:
    """A run between two iterations."""

    job: Job
    generation: Generation
    model: Diffusion
    prompter: Prompter
    control: MeshPictures | None
    objective: choices.Objective
    representation: Representation
    recorder: Recorder
    generator: torch.Generator  # the only source of randomness, and so part of every checkpoint
    iteration: int = 0
    seconds: float = 0.0
    seen: Tensor | None = None  # [3, H, W]: the first of the pictures that the network saw last


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a run has spent so far; the part of a checkpoint that is not tensors."""

    iteration: int
    seconds: float
    evaluations: int
    control_evaluations: int = 0


def distil(state: State) -> Distilled:
    """One iteration of Algorithm 1."""
    generation, generator = state.generation, state.generator
    started = time.perf_counter()
    state.iteration += 1
    views = draw_views(
        generation.cameras, state.iteration, count=generation.views, size=generation.resolution, generator=generator
    )
    backdrop = state.prompter.backdrop(generator)
    latents, regularisation, mirrored = look(state, views, backdrop)
    condition = condition_of(state, views, backdrop, mirrored)
    distilled = state.objective(latents, condition, state.iteration, generator)
    torch.autograd.backward((latents, regularisation), (distilled.gradient, None))
    state.representation.step(state.iteration)
    state.representation.after_step(state.iteration, generator)
    state.seconds += time.perf_counter() - started
    return distilled


def look(state: State, views: list[View], backdrop: Backdrop) -> tuple[Tensor, Tensor, bool]:
    """The views as latents [V, C, h, w] and the scalar beside the objective, with their gradients; whether mirrored."""
    representation, generator = state.representation, state.generator
    latents = representation.latents(len(views))
    if latents is not None:
        return latents, representation.regularisation(state.generation.regularisers), False
    rendered = representation.render([view.camera for view in views], backdrop.color, generator)
    disparities = disparity_of(rendered, [view.camera.fx / view.camera.width for view in views])
    seen, mirrored = what_the_network_sees(state, rendered.color.permute(0, 3, 1, 2), disparities)
    state.seen = seen[0].detach()
    return state.model.encode(seen, generator), regularisation_of(state, rendered, disparities), mirrored


def condition_of(state: State, views: list[View], backdrop: Backdrop, mirrored: bool) -> Condition:
    """The texts for the views, and what the ControlNets see from their cameras: mirrored where the pictures are."""
    condition = state.prompter.condition(views, backdrop)
    if state.control is None:
        return condition
    return replace(condition, control=state.control([view.camera for view in views], mirrored=mirrored))


def disparity_of(rendered: Pictures, focals: list[float]) -> Tensor:
    """[V, 1, H, W] normalised disparity maps; focal lengths in picture widths."""
    maps = [
        disparity(depth, 1 - alpha, focal)
        for depth, alpha, focal in zip(rendered.depth, rendered.alpha, focals, strict=True)
    ]
    return torch.stack(maps)[:, None]


def what_the_network_sees(state: State, images: Tensor, disparities: Tensor) -> tuple[Tensor, bool]:
    """[V, 3, H, W]: pictures, or on some iterations their disparity; and whether they are mirrored."""
    options = state.generation.regularisers
    uniform = torch.rand(2, generator=state.generator)
    as_disparity = state.iteration < options.disparity_iterations or uniform[0] < options.disparity_share
    seen = disparities.expand(-1, 3, -1, -1) if as_disparity else images
    mirrored = bool(uniform[1] < options.flip)
    return seen.flip(-1) if mirrored else seen, mirrored


def regularisation_of(state: State, rendered: Pictures, disparities: Tensor) -> Tensor:
    """Scalar: total variation of pictures and disparities, and the representation's own terms."""
    options = state.generation.regularisers
    loss = state.representation.regularisation(options)
    if options.tv_image:
        loss = loss + options.tv_image * total_variation(rendered.color.permute(0, 3, 1, 2))
    if options.tv_disparity:
        loss = loss + options.tv_disparity * total_variation(disparities)
    return loss


def begin(job: Job, model: Diffusion) -> State:
    """A run at its start, or where its last checkpoint left it."""
    generation = job.generation
    generator = torch.Generator().manual_seed(generation.seed)
    checkpoint = job.load_checkpoint()
    representation = choices.make_representation(
        generation, model, generator, inputs=job.inputs, goes_on=bool(checkpoint)
    )
    state = State(
        job=job,
        generation=generation,
        model=model,
        prompter=Prompter(with_trigger_words(generation), model.embed),
        control=choices.make_control(generation, job.inputs.control_mesh or job.inputs.mesh, model),
        objective=choices.make_objective(generation, model, generator),
        representation=representation,
        recorder=Recorder(job, representation.render),
        generator=generator,
    )
    model.evaluations = model.control_evaluations = 0
    if checkpoint is not None:
        tensors, values = checkpoint
        generator.set_state(tensors.pop("generator"))
        state.representation.load_state(tensors)
        state.objective.load_state(within(tensors, OBJECTIVE))
        costs = from_plain(Costs, values)
        state.iteration, state.seconds = costs.iteration, costs.seconds
        model.evaluations, model.control_evaluations = costs.evaluations, costs.control_evaluations
        logger.info("going on from step %d", state.iteration)
    return state


def result_of(job: Job, model: Diffusion) -> Representation:
    """What a finished run left, as its last checkpoint has it: to be looked at from other cameras."""
    return begin(job, model).representation


def save(state: State) -> None:
    """Write a checkpoint, atomically, and what it looks like."""
    tensors = state.representation.state() | {"generator": state.generator.get_state()}
    tensors |= {OBJECTIVE + name: tensor for name, tensor in state.objective.state().items()}
    costs = Costs(
        iteration=state.iteration,
        seconds=state.seconds,
        evaluations=state.model.evaluations,
        control_evaluations=state.model.control_evaluations,
    )
    state.job.save_checkpoint(tensors, to_plain(costs))
    state.job.save_preview(lambda path: pictures.save_png(path, preview_of(state)))
    if is_due(state.iteration, state.generation.outputs.checkpoint_every):
        state.job.keep_checkpoint(state.iteration)


def within(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def snapshot_of(state: State) -> Snapshot:
    """What is optimised, as it is now, for whoever watches."""
    match state.representation:
        case ImageCanvas() as canvas:
            pixels = pictures.to_bytes(canvas.picture().permute(1, 2, 0).numpy())
            return Snapshot(step=state.iteration, picture=Picture(pixels=pixels))
        case prop:
            return Snapshot(step=state.iteration, splats=prop.snapshot(), seen=seen_by(state))


def seen_by(state: State) -> Picture | None:
    """What the network saw last, small enough to be shown beside the splats."""
    if state.seen is None:
        return None
    small = state.seen[None]
    if max(small.shape[-2:]) > SEEN_SIZE:
        small = interpolate(small, (SEEN_SIZE, SEEN_SIZE), mode="area")
    return Picture(pixels=pictures.to_bytes(small[0].permute(1, 2, 0).cpu().numpy()))


def deliver(state: State) -> Iterator[Event]:
    """Write the artefacts and report the end."""
    job, generation, cloud = state.job, state.generation, state.representation.snapshot()
    if cloud is not None:
        job.write_artefact("prop.ply", partial(write_ply, cloud=cloud))
        job.write_artefact("turntable.png", lambda path: pictures.save_png(path, turntable_picture(state)))
    for name, picture in state.representation.pictures().items():
        job.write_artefact(name, partial(pictures.save_png, image=picture))
    yield from state.recorder.deliver()
    mesh = None
    if generation.mesh is not None:
        yield Progress(
            stage="Meshing", step=state.iteration, steps=generation.iterations, splats=len(state.representation)
        )
        mesh = state.representation.mesh(generation.mesh)
        job.write_artefact("mesh.ply", partial(write_mesh, mesh=mesh))
    job.finish(
        stopped_at=state.iteration if state.iteration < generation.iterations else 0,
        seconds=state.seconds,
        network_evaluations=state.model.evaluations,
        control_evaluations=state.model.control_evaluations,
    )
    yield Finished(
        splats=cloud,
        mesh=mesh,
        job_folder=str(job.folder),
        artefacts=job.record.artefacts,
        seconds=state.seconds,
        network_evaluations=state.model.evaluations,
        control_evaluations=state.model.control_evaluations,
    )


def preview_of(state: State) -> pictures.Bytes:
    """The picture, or the prop from the front."""
    return turntable_of(drawer(state.representation), state.generation, count=1, size=PREVIEW_SIZE, gap=0)


def turntable_picture(state: State) -> pictures.Bytes:
    """Eight views around the prop in one picture."""
    return turntable_of(drawer(state.representation), state.generation)


def drawer(representation: Representation) -> pictures.Draw:
    """Its pictures on the grey of turntables."""
    background = torch.full((3,), PICTURE_BACKGROUND)

    @torch.no_grad()
    def draw(views: list[Camera]) -> NDArray[np.float32]:
        pixels: NDArray[np.float32] = representation.render(views, background).color.cpu().numpy()
        return pixels

    return draw


def turntable_of(
    draw: pictures.Draw, generation: Generation, *, count: int = 8, size: int | None = None, gap: int = PICTURE_GAP
) -> pictures.Bytes:
    """Whatever can be drawn, from the sides that a run's turntable picture shows, the front first."""
    cameras = generation.cameras
    return pictures.turntable_sheet(
        draw,
        count=count,
        size=size or PICTURE_SIZE,
        gap=gap,
        radius=sum(cameras.radius) / 2,
        fov_y=sum(cameras.fov_y) / 2,
    )
