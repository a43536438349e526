"""What the sidebar's settings stand for, and back: the only place where a UI value becomes an option."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from .core.errors import InvalidInput
from .core.messages import Generate
from .core.models import KNOWN
from .core.option_fields import option_fields
from .core.options import (
    BUILTIN,
    DiffusionModel,
    Gaussians,
    Generation,
    Image,
    Lora,
    Meshing,
    MeshSurface,
    NoViews,
    Objective,
    Regularisers,
    ShapE,
    Sphere,
)
from .core.presets import editing, objective, preset
from .core.wanted import Wanted, is_of_the_hub
from .named_changes import make_generation, model_named
from .option_properties import OptionsGroup, chosen_member, fill, group_of, read, rounded
from .scene.meshes import meshes_of_request
from .scene.pictures import read_picture

Settings = bpy.types.PropertyGroup  # properties.LucidSettings, which is made of what stands here


def to_request(settings: Settings, *, folder: Path, depsgraph: bpy.types.Depsgraph) -> Generate:
    """The request. Raises InvalidInput, with advice, for what cannot be used."""
    generation = to_generation(settings)
    starts, mesh = isinstance(generation.initialiser, MeshSurface), settings.initial_mesh
    if mesh is None and needs_mesh(settings):
        raise InvalidInput("No mesh is chosen.", advice="Choose one under Mesh, or another start and no ControlNet.")
    inputs = meshes_of_request(mesh if starts else None, mesh if generation.controls else None, depsgraph)
    if settings.initial_image is not None and makes_picture(settings):
        inputs = replace(inputs, image=read_picture(settings.initial_image))
    return Generate(generation=generation, job_folder=str(folder), inputs=inputs)


def needs_mesh(settings: Settings) -> bool:
    """Whether the run starts from a mesh or shows one to ControlNets."""
    flat = makes_picture(settings)
    if not settings.customise:
        return settings.initialiser == "MESH" and not flat
    return (settings.options.initialiser_kind == MeshSurface.__name__ and not flat) or len(
        settings.options.controls
    ) > 0


def makes_picture(settings: Settings) -> bool:
    """Whether the result is a picture instead of a prop."""
    if settings.customise:
        return settings.options.representation_kind == Image.__name__
    return settings.initial_image is not None


def fill_options(settings: Settings) -> None:
    """Copy what the preset and the choices beside it stand for into the options."""
    fill(settings.options, to_generation(settings, prompt=settings.prompt or "a prop", customise=False))
    settings.options_filled = True


def use_generation(settings: Settings, generation: Generation) -> None:
    """Fill the sidebar from a recipe: its options are used in the preset's place.

    Raises InvalidInput for a seed that is too large for a field of the sidebar.
    """
    if generation.seed >= 2**31:
        raise InvalidInput(
            f"The seed {generation.seed} does not fit into the sidebar.",
            advice="Regenerate keeps it; or vary the seed.",
        )
    settings.prompt, settings.negative_prompt = generation.prompt, generation.negative_prompt
    settings.seed, settings.randomise = generation.seed, False
    settings.make_mesh = generation.mesh is not None
    keys = {BUILTIN: "BUILTIN", **{model.id: model.key for model in KNOWN}}
    settings.model = keys.get(generation.model.source, "OTHER")
    if settings.model == "OTHER":
        settings.model_source = generation.model.source
    fill(settings.options, generation)
    settings.options_filled = True
    settings.customise = True


def to_generation(
    settings: Settings, *, prompt: str | None = None, edits: bool = False, customise: bool | None = None
) -> Generation:
    """The options that the settings stand for, or what they become for changing splats that are there.

    ``customise`` says whether the list of all options is used, where that is not the user's to say.
    """
    source = source_of(settings)
    if not source:
        raise InvalidInput(
            "No model is named.", advice="Enter a hub id, a file or a folder, or take the built-in model."
        )
    basics: dict[str, Any] = {
        "seed": settings.seed,
        "negative_prompt": settings.negative_prompt,
        "mesh": Meshing() if settings.make_mesh else None,
    }
    text, model = settings.prompt if prompt is None else prompt, model_named(source)
    if settings.customise if customise is None else customise:
        online = {"source": source, "allow_download": model.allow_download}
        basics["model"] = read(settings.options.model, DiffusionModel, **online)
        kind = settings.options.representation_kind
        if kind != Gaussians.__name__:
            basics["initialiser"] = Sphere()  # only splats have another start
        if kind == Image.__name__:
            basics |= _of_an_image(settings.options)
        generation: Generation = read(settings.options, Generation, prompt=text, **basics)
        return editing(generation) if edits else generation
    overrides: dict[str, Any] = {}
    if settings.set_iterations:
        overrides["iterations"] = settings.iterations
    if settings.initial_image is not None and not edits:
        overrides["representation"] = "image"
    elif not edits:
        overrides |= _start_of(settings)
    if settings.objective != "PRESET":
        overrides["objective"] = settings.objective
    if settings.set_guidance:
        overrides["guidance"] = rounded(_holder_of_guidance(settings, customise=False).guidance_scale)
    model = replace(model, loras=tuple(read(lora, Lora) for lora in settings.options.model.loras))
    return make_generation(text, edits=edits, preset_name=settings.preset, model=model, **basics, **overrides)


def preset_of(settings: Settings) -> Generation:
    """The preset for the model and the start that are chosen, without what is set beside it."""
    model = model_named(source_of(settings) or BUILTIN)
    start = {} if makes_picture(settings) or settings.initialiser == "PRESET" else {"initialiser": settings.initialiser}
    return make_generation("a prop", preset_name=settings.preset, model=model, **start)


def _start_of(settings: Settings) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if settings.initialiser != "PRESET":
        chosen["initialiser"] = settings.initialiser
    if settings.set_splats:
        chosen["splats"] = settings.splats
    return chosen


def _of_an_image(options: OptionsGroup) -> dict[str, Any]:
    """What a picture asks of options that say nothing about it: it has no views and no depth."""
    regularisers = read(options.regularisers, Regularisers)
    return {
        "view_prompts": NoViews(),
        "regularisers": replace(regularisers, disparity_share=0, flip=0, tv_disparity=0),
    }


def source_of(settings: Settings) -> str:
    """The source of the model that is chosen; empty where none is named."""
    if settings.model == "BUILTIN":
        return BUILTIN
    if settings.model == "OTHER":
        text = settings.model_source.strip()
        return bpy.path.abspath(text) if text.startswith("//") else text
    return next(model.id for model in KNOWN if model.key == settings.model)


def wanted_model(settings: Settings) -> Wanted:
    """The model that is chosen, as the hub is asked for it; its source is empty where none is named."""
    return Wanted(source=source_of(settings), revision=revision_of(settings), allow_download=bpy.app.online_access)


def wanted_start(settings: Settings) -> Wanted | None:
    """Shap-E, where the run starts from it and its source is on the hub."""
    if makes_picture(settings):
        return None
    chosen, kind = settings.options.initialiser_shape, settings.options.initialiser_kind
    if settings.customise and kind == ShapE.__name__:
        found = Wanted(source=chosen.source.strip(), revision=chosen.revision, part="shap_e")
    elif not settings.customise and settings.initialiser == "SHAP-E":
        found = Wanted(source=ShapE().source, part="shap_e")
    else:
        return None
    return found if is_of_the_hub(found.source, found.part) else None


def revision_of(settings: Settings) -> str:
    """The revision of the model that is chosen, which only the list of all options has."""
    return settings.options.model.revision if settings.customise else ""


# ---------------------------------------------------------------- guidance
# Its one place is the objective's group among all options. The sidebar shows it whether or not these are shown.


def guidance_of(settings: Settings) -> float:
    """The guidance scale that a run would have."""
    if settings.customise or settings.set_guidance:
        return float(_holder_of_guidance(settings, customise=settings.customise).guidance_scale)
    return _plain_objective(settings).guidance_scale


def set_guidance(settings: Settings, scale: float) -> None:
    """Enter it: from now on it counts in the place of the preset's."""
    if not settings.customise and not settings.set_guidance:
        settings.set_guidance = True
    _holder_of_guidance(settings, customise=settings.customise).guidance_scale = scale


def begin_guidance(settings: Settings) -> None:
    """Start from what suits the objective, where it has not been entered for this one: they differ by factors."""
    chosen = _plain_objective(settings)
    kind = type(chosen).__name__
    if settings.set_guidance and not settings.customise and settings.guidance_kind != kind:
        settings.guidance_kind = kind
        _holder_of_guidance(settings, customise=False).guidance_scale = chosen.guidance_scale


def _holder_of_guidance(settings: Settings, *, customise: bool) -> Any:
    """The group of the objective that a run would have."""
    field = next(field for field in option_fields(Generation) if field.name == "objective")
    if customise:
        return getattr(settings.options, group_of(field, chosen_member(settings.options, field)))
    return getattr(settings.options, group_of(field, type(_plain_objective(settings))))


def _plain_objective(settings: Settings) -> Objective:
    """Without regard to the list of all options: the preset's, or the one chosen beside it."""
    model = DiffusionModel(source=source_of(settings) or BUILTIN)
    if settings.objective == "PRESET":
        return preset(settings.preset, "a prop", model=model).objective
    return objective(settings.objective.lower(), model)
