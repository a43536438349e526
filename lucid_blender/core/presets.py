"""Named settings: Draft, Standard and Paper, for Stable Diffusion models and for the built-in one."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from .errors import InvalidInput
from .options import (
    BUILTIN,
    Box,
    BuiltinPoints,
    Consistent3d,
    Csd,
    Densification,
    DiffusionModel,
    FromSplats,
    Gaussians,
    Generation,
    HashGrid,
    Image,
    Initialiser,
    Ism,
    LearningRates,
    MeshSurface,
    MultiStep,
    NamedViews,
    Nerf,
    NerfRates,
    Nfsd,
    NoViews,
    Objective,
    OrbitCameras,
    Outputs,
    PointE,
    Regularisers,
    Representation,
    Sds,
    ShapE,
    Sphere,
    Timesteps,
    Vdm,
    Vsd,
)

Preset = Literal["draft", "standard", "paper"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
ObjectiveName = Literal["consistent3d", "csd", "ism", "multistep", "nfsd", "sds", "vdm", "vsd"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)
InitialiserName = Literal["box", "builtin", "mesh", "point-e", "shap-e", "sphere", "splats"]
INITIALISERS: tuple[InitialiserName, ...] = get_args(InitialiserName)
RepresentationName = Literal["gaussians", "image", "nerf"]
REPRESENTATIONS: tuple[RepresentationName, ...] = get_args(RepresentationName)
BUILTIN_GUIDANCE = 5.0  # samples keep their colours better than at the published 7.5: docs/prior.md has the figures
POINTS_SCALE = 0.63  # of the built-in points, for the cameras that all other models have: 0.6 metres
BUILTIN_NERF = Nerf(  # as fine as 128 x 128 pixels show
    grid=HashGrid(levels=5, features=4, coarsest=8, finest=128),
    hidden=32,
    samples=64,
    learning_rates=NerfRates(tables=(3e-2, 3e-3), network=(1e-2, 1e-3)),
)


def preset(name: Preset, prompt: str, *, model: DiffusionModel | None = None) -> Generation:
    """The settings called ``name`` for a prompt and a model (the built-in one if none is given)."""
    if name not in PRESETS:
        raise InvalidInput(f"there is no preset {name!r}; choose {', '.join(PRESETS)}")
    model = model or DiffusionModel()
    paper = Generation(prompt=prompt, model=model)
    if model.source == BUILTIN:
        return _builtin(name, paper)
    match name:
        case "draft":
            return with_iterations(replace(paper, resolution=256, initialiser=Sphere(count=20_000)), 1000)
        case "standard":
            return with_iterations(replace(paper, initialiser=Sphere(count=50_000)), 2500)
        case "paper":
            return paper


def objective(name: str, model: DiffusionModel) -> Objective:
    """The objective called ``name`` with what suits the model: published numbers, or the built-in model's own."""
    published: dict[str, Objective] = {
        "consistent3d": Consistent3d(),
        "csd": Csd(),
        "ism": Ism(),
        "multistep": MultiStep(),
        "nfsd": Nfsd(),
        "sds": Sds(),
        "vdm": Vdm(),
        "vsd": Vsd(),
    }
    if name not in published:
        raise InvalidInput(f"there is no objective {name!r}; choose one of {', '.join(OBJECTIVES)}")
    return _objective_for_builtin(published[name]) if model.source == BUILTIN else published[name]


def _objective_for_builtin(published: Objective) -> Objective:
    suited = replace(published, guidance_scale=BUILTIN_GUIDANCE)
    match suited:
        case Ism():
            return replace(suited, delta_t=200, delta_t_start=None)
        case Consistent3d():
            return replace(suited, guidance_scale_end=None)
        case _:
            return suited


def initialiser(name: str, generation: Generation) -> Initialiser:
    """The initialiser called ``name`` with as many splats as the settings start with, where it can have them."""
    count = getattr(generation.initialiser, "count", Sphere().count)
    match name:
        case "sphere":
            return Sphere(count=count)
        case "box":
            return Box(count=count)
        case "mesh":
            return MeshSurface(count=count)
        case "builtin":
            own = generation.model.source == BUILTIN
            return BuiltinPoints(count=count, scale=1.0 if own else POINTS_SCALE)
        case "splats":
            return FromSplats()
        case "point-e":
            return PointE(copies=max(count // 5000, 1))  # as released
        case "shap-e":
            return ShapE(count=min(count, ShapE().count))
        case _:
            raise InvalidInput(f"there is no initialiser {name!r}; choose {', '.join(INITIALISERS)}")


def editing(generation: Generation) -> Generation:
    """The same settings for splats that are there already: no splat made transparent on the way, and no first phase at
    high timesteps, which would dissolve the shape before it is made anew. Half the iterations are enough, but for the
    built-in model, whose presets start from a shape as well and are no longer than that needs."""
    if generation.model.source != BUILTIN:
        generation = with_iterations(generation, max(generation.iterations // 2, 1))
    representation = generation.representation
    if isinstance(representation, Gaussians) and representation.densification is not None:
        densification = replace(representation.densification, opacity_reset_every=0)
        representation = replace(representation, densification=densification)
    return replace(
        generation,
        initialiser=FromSplats(),
        timesteps=replace(generation.timesteps, high_at_start=generation.timesteps.high),
        representation=representation,
    )


def with_representation(generation: Generation, choice: str | Representation) -> Generation:
    """The same settings for a representation, and what it asks of the others. By its short name it comes with what
    suits the model."""
    builtin = generation.model.source == BUILTIN
    match choice:
        case Gaussians():
            return replace(generation, representation=choice)
        case Nerf():
            return replace(generation, representation=choice, initialiser=Sphere())
        case "gaussians":
            return generation  # what every preset has
        case "nerf":
            return with_representation(generation, BUILTIN_NERF if builtin else Nerf())
        case "image" | Image():
            return replace(
                generation,
                representation=choice if isinstance(choice, Image) else Image(),
                views=1,
                view_prompts=NoViews(),
                initialiser=Sphere(),
                regularisers=replace(generation.regularisers, disparity_share=0, flip=0, tv_disparity=0),
            )
        case _:
            raise InvalidInput(f"there is no representation {choice!r}; choose {' or '.join(REPRESENTATIONS)}")


def with_iterations(generation: Generation, iterations: int) -> Generation:
    """The same schedule in another number of iterations: warm-up, relaxation, density control and outputs keep shares.

    The intervals of density control stay as they are, so that gradients are averaged over as many pictures.
    """
    share = iterations / generation.iterations
    representation = generation.representation
    if isinstance(representation, Gaussians) and representation.densification is not None:
        stop = round(representation.densification.stop * share)
        representation = replace(representation, densification=replace(representation.densification, stop=stop))
    orbit = generation.outputs.orbit_video
    if orbit is not None:
        orbit = replace(orbit, every=_scaled(orbit.every, share))
    warmup = round(generation.timesteps.warmup_iterations * share)
    return replace(
        generation,
        iterations=iterations,
        timesteps=replace(generation.timesteps, warmup_iterations=warmup),
        cameras=replace(
            generation.cameras,
            relax_start=round(generation.cameras.relax_start * share),
            relax_every=round(generation.cameras.relax_every * share),
        ),
        representation=representation,
        outputs=replace(
            generation.outputs,
            orbit_video=orbit,
            ply_every=_scaled(generation.outputs.ply_every, share),
            checkpoint_every=_scaled(generation.outputs.checkpoint_every, share),
        ),
    )


def _scaled(every: int, share: float) -> int:
    """An interval in another number of iterations; 0, which is never, stays 0."""
    return max(round(every * share), 1) if every else 0


def _builtin(name: Preset, paper: Generation) -> Generation:
    """Settings for the built-in model, which sees 128 x 128 pixels, its own views, and no disparity maps.

    Opacities are not reset: thin parts of the start do not come back from that (docs/experiments.md).
    """
    iterations = {"draft": 300, "standard": 600, "paper": paper.iterations}[name]
    share = iterations / paper.iterations
    return replace(
        paper,
        iterations=iterations,
        views=paper.views if name == "paper" else 2,  # twice as many steps for the same time: docs/experiments.md
        resolution=128,
        view_prompts=NamedViews(),
        objective=objective("sds", paper.model),
        timesteps=Timesteps(high=0.8, high_at_start=0.8, warmup_iterations=0),  # the start has its shape
        initialiser=BuiltinPoints(count=2_000, opacity=0.7),
        cameras=OrbitCameras(
            radius=(3.4, 4.2), fov_y=(0.55, 0.55), relax_every=0, position_jitter=0, target_jitter=0, up_jitter=0
        ),
        regularisers=Regularisers(disparity_share=0, flip=0, scale=0),
        outputs=Outputs(size=256),
        representation=Gaussians(
            learning_rates=LearningRates(position=(5e-4, 1e-5), color=(2e-2, 5e-3), scale=(1e-2, 2e-3)),
            densification=Densification(
                start=50, stop=round(3000 * share), every=50, opacity_reset_every=0, max_splats=6_000
            ),
        ),
    )
