"""Named settings: Draft, Standard and Paper, for Stable Diffusion models and for the built-in one."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from .errors import InvalidInput
from .options import (
    BUILTIN,
    Densification,
    DiffusionModel,
    Gaussians,
    Generation,
    Ism,
    LearningRates,
    NamedViews,
    OrbitCameras,
    Regularisers,
    Sphere,
    Timesteps,
)

Preset = Literal["draft", "standard", "paper"]
PRESETS: tuple[Preset, ...] = get_args(Preset)


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
            return _shortened(replace(paper, resolution=256), iterations=1000, splats=20_000)
        case "standard":
            return _shortened(paper, iterations=2500, splats=50_000)
        case "paper":
            return paper


def _shortened(paper: Generation, *, iterations: int, splats: int) -> Generation:
    """The published schedule in fewer iterations: every interval shrinks by the same factor."""
    share = iterations / paper.iterations
    densification = Densification()
    return replace(
        paper,
        iterations=iterations,
        timesteps=replace(paper.timesteps, warmup_iterations=round(paper.timesteps.warmup_iterations * share)),
        initialiser=Sphere(count=splats),
        cameras=replace(paper.cameras, relax_every=round(paper.cameras.relax_every * share)),
        representation=replace(
            paper.representation, densification=replace(densification, stop=round(densification.stop * share))
        ),
    )


def _builtin(name: Preset, paper: Generation) -> Generation:
    """Settings for the built-in model, which sees 64 x 64 pixels, its own views, and no disparity maps."""
    iterations = {"draft": 150, "standard": 600, "paper": paper.iterations}[name]
    share = iterations / paper.iterations
    return replace(
        paper,
        iterations=iterations,
        resolution=64,
        view_prompts=NamedViews(),
        objective=Ism(delta_t=200, delta_t_start=None),
        timesteps=Timesteps(warmup_iterations=round(1500 * share)),
        initialiser=Sphere(count=2_000),
        cameras=OrbitCameras(
            radius=(3.4, 4.2), fov_y=(0.55, 0.55), relax_every=0, position_jitter=0, target_jitter=0, up_jitter=0
        ),
        regularisers=Regularisers(disparity_share=0, flip=0),
        representation=Gaussians(
            learning_rates=LearningRates(position=(1e-3, 1e-5), color=(2e-2, 5e-3), scale=(1e-2, 2e-3)),
            densification=Densification(start=50, stop=round(3000 * share), every=50, max_splats=20_000),
        ),
    )
