"""What the user chooses, and to_request(): the only place where a UI value becomes an option."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from . import option_properties, preferences
from .core.errors import InvalidInput
from .core.messages import Generate
from .core.model_files import cached_ids
from .core.models import KNOWN
from .core.option_fields import summary
from .core.options import (
    BUILTIN,
    DiffusionModel,
    Generation,
    Image,
    Initialiser,
    Meshing,
    MeshSurface,
    NoViews,
    Regularisers,
    Sphere,
)
from .core.presets import (
    OBJECTIVES,
    PRESETS,
    editing,
    initialiser,
    objective,
    preset,
    with_iterations,
    with_representation,
)
from .option_properties import OptionsGroup, fill, read, title
from .preferences import DISPLAY_ITEMS
from .scene.display import DISPLAYS, display_of, set_display, splat_objects
from .scene.meshes import meshes_of_request
from .scene.pictures import read_picture

_PRESET_TEXTS = {
    "draft": "A first look: few steps and few splats",
    "standard": "A prop to use",
    "paper": "As many steps as the LucidDreamer paper takes",
}
_OBJECTIVE_ITEMS = [
    (name.upper(), title(cls), summary(cls))
    for name, cls in ((name, type(objective(name, DiffusionModel()))) for name in OBJECTIVES)
]


_MODEL_ITEMS = [
    ("BUILTIN", "Built-in", "Small, quick and offline; knows fifty props in ten colours and six materials", "NONE", 0),
    *((known.key, known.short, f"{known.name}. {known.text}", "NONE", at) for at, known in enumerate(KNOWN, 2)),
    ("OTHER", "Other", "Any Stable Diffusion 1.x or 2.x: one of the hub by its id, a file or a folder", "NONE", 1),
]


def _cached_ids(settings: "LucidSettings", context: bpy.types.Context, text: str) -> list[str]:
    """What may be meant: models that are in the cache, and others may be typed."""
    return [id for id in cached_ids(preferences.models_folder()) if text.lower() in id.lower()]


def _fill_once(settings: "LucidSettings", context: bpy.types.Context) -> None:
    if settings.customise and not settings.options_filled:
        fill_options(settings)


def shown_splats(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The splat objects that the choice of display is about: the selected ones, or else all of the scene."""
    found = splat_objects(scene.objects)
    return [splats for splats in found if splats.select_get()] or found


def _get_display(settings: "LucidSettings") -> int:
    found = shown_splats(settings.id_data)
    return DISPLAYS.index(display_of(found[0])) if found else 0


def _set_display(settings: "LucidSettings", value: int) -> None:
    for splats in shown_splats(settings.id_data):
        set_display(splats, DISPLAYS[value])


class LucidSettings(bpy.types.PropertyGroup):
    """The choices in the sidebar; they are saved with the scene."""

    prompt: StringProperty(name="Prompt", description="What to make, for example: a red mushroom")
    negative_prompt: StringProperty(name="Negative", description="What the prop should not look like")
    preset: EnumProperty(
        name="Preset",
        items=[(name, name.capitalize(), _PRESET_TEXTS[name]) for name in PRESETS],
        default="standard",
    )
    seed: IntProperty(
        name="Seed",
        description="The same seed and settings give the same prop",
        default=Generation.__dataclass_fields__["seed"].default,
        min=0,
    )
    randomise: BoolProperty(name="New Seed Each Time", description="Draw a new seed when Generate is pressed")
    initialiser: EnumProperty(
        name="Start From",
        items=[
            ("SPHERE", "Ball", "A ball of grey splats"),
            ("BOX", "Box", "A box of grey splats"),
            ("MESH", "Mesh", "The surface and the colours of a mesh in the scene; the prop takes its place and size"),
            ("POINT-E", "Point-E", "Points that OpenAI's Point-E makes from the prompt; needs its package"),
            ("SHAP-E", "Shap-E", "A surface that OpenAI's Shap-E makes from the prompt; downloads its weights"),
        ],
    )
    initial_mesh: PointerProperty(  # without poll=, which makes the bpy wheel of 4.2 crash when Python ends
        name="Mesh",
        description="The object with a surface that gives the prop its first shape, or that ControlNets see",
        type=bpy.types.Object,
    )
    initial_image: PointerProperty(
        name="Picture",
        description="A picture to change after the prompt; the result is a picture, too. Empty: a prop is made",
        type=bpy.types.Image,
    )
    model: EnumProperty(name="Model", description="The network that judges the pictures", items=_MODEL_ITEMS)
    model_source: StringProperty(
        name="Other Model",
        description="A Stable Diffusion 1.x or 2.x: a hub id such as owner/name, a single .safetensors file, or a "
        "folder in diffusers' layout",
        search=_cached_ids,
        search_options={"SUGGESTION"},
    )
    display: EnumProperty(
        name="Display",
        description="What viewports show of the selected splats, or of all in the scene when none are selected",
        items=DISPLAY_ITEMS,
        get=_get_display,
        set=_set_display,
    )
    make_mesh: BoolProperty(name="Also Make a Mesh", description="Draw a coloured mesh around the splats at the end")
    show_colors: BoolProperty(
        name="Show Colours",
        description="Where new splats are shown as points, as the preferences say, switch this viewport from Solid, in "
        "which they are grey, to Material Preview",
        default=True,
    )
    set_iterations: BoolProperty(name="Set Iterations", description="Instead of as many as the preset has")
    iterations: IntProperty(
        name="Iterations",
        description="Steps of the optimisation. More sharpen the prop and take longer; few leave it a blur",
        default=500,
        min=1,
        soft_min=50,
        soft_max=5000,
    )
    set_splats: BoolProperty(name="Set Splats", description="Instead of as many as the preset has")
    splats: IntProperty(
        name="Splats",
        description="Splats at the start; they multiply where detail is wanted. More begin finer and are slower",
        default=5000,
        min=1,
        soft_min=500,
        soft_max=100_000,
        max=5_000_000,
    )
    objective: EnumProperty(
        name="Objective",
        description="How the network's opinion becomes a change: this decides sharpness, saturation and time",
        items=[("PRESET", "From Preset", "What suits the model"), *_OBJECTIVE_ITEMS],
    )
    customise: BoolProperty(
        name="All Options",
        description="Show every option, at first as the preset has it, and use them in the preset's place",
        update=_fill_once,
    )
    options_filled: BoolProperty(options={"HIDDEN"})
    options: PointerProperty(type=OptionsGroup)


def to_request(settings: LucidSettings, *, folder: Path, depsgraph: bpy.types.Depsgraph) -> Generate:
    """The request. Raises InvalidInput, with advice, for what cannot be used."""
    generation = to_generation(settings)
    starts, mesh = isinstance(generation.initialiser, MeshSurface), settings.initial_mesh
    if mesh is None and needs_mesh(settings):
        raise InvalidInput("No mesh is chosen.", advice="Choose one under Mesh, or another start and no ControlNet.")
    inputs = meshes_of_request(mesh if starts else None, mesh if generation.controls else None, depsgraph)
    if settings.initial_image is not None and makes_picture(settings):
        inputs = replace(inputs, image=read_picture(settings.initial_image))
    return Generate(generation=generation, job_folder=str(folder), inputs=inputs)


def needs_mesh(settings: LucidSettings) -> bool:
    """Whether the run starts from a mesh or shows one to ControlNets."""
    flat = makes_picture(settings)
    if not settings.customise:
        return settings.initialiser == "MESH" and not flat
    return (settings.options.initialiser_kind == MeshSurface.__name__ and not flat) or len(
        settings.options.controls
    ) > 0


def makes_picture(settings: LucidSettings) -> bool:
    """Whether the result is a picture instead of a prop."""
    if settings.customise:
        return settings.options.representation_kind == Image.__name__
    return settings.initial_image is not None


def fill_options(settings: LucidSettings) -> None:
    """Copy what the preset and the choices beside it stand for into the options."""
    fill(settings.options, to_generation(settings, prompt=settings.prompt or "a prop", customise=False))
    settings.options_filled = True


def use_generation(settings: LucidSettings, generation: Generation) -> None:
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
    settings: LucidSettings, *, prompt: str | None = None, edits: bool = False, customise: bool | None = None
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
        if settings.options.representation_kind == Image.__name__:
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
    return make_generation(text, edits=edits, preset_name=settings.preset, model=model, **basics, **overrides)


def _start_of(settings: LucidSettings) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if settings.initialiser != "SPHERE":
        chosen["initialiser"] = settings.initialiser
    if settings.set_splats:
        chosen["splats"] = settings.splats
    return chosen


def _of_an_image(options: OptionsGroup) -> dict[str, Any]:
    """What a picture asks of options that say nothing about it: it has no views, no depth and no first shape."""
    regularisers = read(options.regularisers, Regularisers)
    return {
        "view_prompts": NoViews(),
        "regularisers": replace(regularisers, disparity_share=0, flip=0, tv_disparity=0),
        "initialiser": Sphere(),
    }


def source_of(settings: LucidSettings) -> str:
    """The source of the model that is chosen; empty where none is named."""
    if settings.model == "BUILTIN":
        return BUILTIN
    if settings.model == "OTHER":
        text = settings.model_source.strip()
        return bpy.path.abspath(text) if text.startswith("//") else text
    return next(model.id for model in KNOWN if model.key == settings.model)


def revision_of(settings: LucidSettings) -> str:
    """The revision of the model that is chosen, which only the list of all options has."""
    return settings.options.model.revision if settings.customise else ""


def model_named(source: str) -> DiffusionModel:
    """A model that is downloaded only where Blender may go online."""
    return DiffusionModel(source=source, allow_download=bpy.app.online_access)


def make_generation(
    prompt: str, *, preset_name: str, model: DiffusionModel, edits: bool = False, **changes: Any
) -> Generation:
    """A preset, or what it becomes for an edit, with changes, as ``changed`` takes them."""
    generation = preset(preset_name, prompt, model=model)
    return changed(editing(generation) if edits else generation, **changes)


def changed(generation: Generation, **changes: Any) -> Generation:
    """Fields of Generation by name; also splats, a count; objective, initialiser and representation also by their short
    names, then with what suits the model and the other settings.

    Raises InvalidInput, which lists the names, for one that does not exist.
    """
    known = {field.name for field in fields(Generation)}
    unknown = sorted(set(changes) - known - {"splats"})
    if unknown:
        names = ", ".join(sorted(known | {"splats"}))
        raise InvalidInput(f"there is no setting {unknown[0]!r}", advice=f"The settings are {names}.")
    splats = changes.pop("splats", None)
    if "representation" in changes:
        generation = with_representation(generation, changes.pop("representation"))
    if isinstance(changes.get("objective"), str):
        changes["objective"] = objective(changes["objective"].lower(), generation.model)
    if "iterations" in changes:
        generation = with_iterations(generation, changes.pop("iterations"))
    if isinstance(changes.get("initialiser"), str):
        changes["initialiser"] = initialiser(changes["initialiser"].lower(), generation)
    generation = replace(generation, **changes)
    if splats is not None:
        generation = replace(generation, initialiser=_with_count(generation.initialiser, splats))
    return generation


def _with_count(start: Initialiser, splats: int) -> Initialiser:
    if "count" not in {field.name for field in fields(start)}:
        raise InvalidInput(f"{type(start).__name__} decides itself how many splats there are", advice="Leave it out.")
    return replace(start, count=splats)


CLASSES = (*option_properties.CLASSES, LucidSettings)
