"""What would fail if Generate were pressed now, and what puts it right; words that the built-in model does not know."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy

from . import preferences
from .core.errors import InvalidInput
from .core.models import in_words, kind_of
from .core.options import BUILTIN, BuiltinPoints, Generation, MeshSurface, Sphere
from .core.wanted import all_wanted, find_wanted, the
from .generations import fill_options, makes_picture, needs_mesh, source_of, to_generation, wanted_model
from .properties import LucidSettings
from .scene.meshes import has_surface

MODEL_CARD = Path(__file__).parent / "backend" / "models" / "builtin" / "lucid.json"
WORD_LISTS = ("classes", "colors", "materials", "sizes", "settings", "backgrounds", "other_words", "synonyms")
LEAST_DISK = 500_000_000  # bytes; checkpoints, pictures and meshes of a run


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong, and the names in FIXES of what helps."""

    message: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fix:
    label: str
    description: str
    apply: Callable[[bpy.types.Context], None]


def problems(context: bpy.types.Context) -> list[Problem]:
    """What keeps the sidebar's settings from a run; an empty prompt is not among it."""
    settings = context.scene.lucid
    found = [*_model_problems(settings), *_lora_problems(settings), *_mesh_problems(context, settings)]
    if not found:
        found = [*_option_problems(settings)]
    return [*found, *_disk_problems()]


def _model_problems(settings: LucidSettings) -> Iterator[Problem]:
    source = source_of(settings)
    if not source:
        yield Problem(message="No model is named.", fixes=("BUILTIN",))
    elif kind_of(source) == "hub" and not bpy.app.online_access:
        if find_wanted(wanted_model(settings), preferences.models_folder()) is None:
            yield Problem(message="The model is not downloaded, and Blender is offline.", fixes=("BUILTIN",))
    elif kind_of(source) not in ("hub", "builtin") and not Path(source).exists():
        yield Problem(message=f"There is no model at {source}.", fixes=("BUILTIN",))


def _lora_problems(settings: LucidSettings) -> Iterator[Problem]:
    sources = [lora.source.strip() for lora in settings.options.model.loras]
    if not all(sources):
        yield Problem(message="A LoRA has no source. Choose its file, or enter its hub id.", fixes=("NO_EMPTY_LORAS",))
    for source in sources:
        if Path(source).is_absolute() and not Path(source).exists():
            yield Problem(message=f"There is no LoRA at {source}.")


def _mesh_problems(context: bpy.types.Context, settings: LucidSettings) -> Iterator[Problem]:
    if not needs_mesh(settings):
        return
    mesh, active = settings.initial_mesh, context.active_object
    if mesh is not None and has_surface(mesh):
        return
    seen_by_controls = settings.customise and len(settings.options.controls) > 0
    fixes = ("ACTIVE_MESH",) if active is not None and has_surface(active) else ()
    fixes += ("NO_CONTROLS",) if seen_by_controls else ()
    starts = settings.options.initialiser_kind == MeshSurface.__name__ if settings.customise else True
    fixes += ("BALL",) if starts else ()
    message = "No mesh is chosen" if mesh is None else f"{mesh.name} has no surface"
    purpose = "to start from" if starts else "for the ControlNets to see"
    yield Problem(message=f"{message}: one is wanted {purpose}.", fixes=fixes)


def _option_problems(settings: LucidSettings) -> Iterator[Problem]:
    try:
        generation = to_generation(settings, prompt=settings.prompt.strip() or "a prop")
        yield from _offline_problems(generation)
        yield from _points_problems(generation, settings.prompt)
    except InvalidInput as error:
        fixes = ("NO_MESH",) if settings.make_mesh and makes_picture(settings) else ()
        fixes += ("FROM_PRESET",) if settings.customise else ()
        yield Problem(message=f"{error.message}. {error.advice}".replace("..", ".").strip(), fixes=fixes)


def _offline_problems(generation: Generation) -> Iterator[Problem]:
    """What would have to be downloaded beside the model, which has been looked at."""
    if bpy.app.online_access:
        return
    for wanted in all_wanted(generation):
        if wanted.part != "model" and find_wanted(wanted, preferences.models_folder()) is None:
            what = the(wanted.part)
            message = f"{what[0].upper()}{what[1:]} {wanted.source} is not downloaded, and Blender is offline."
            yield Problem(message=message, fixes=("BALL",) if wanted.part == "shap_e" else ())


def _points_problems(generation: Generation, prompt: str) -> Iterator[Problem]:
    """Built-in points for a prop that they do not know; of the built-in model's own prompts the panel says so."""
    start, known = generation.initialiser, known_words().get("classes", [])
    if not isinstance(start, BuiltinPoints) or generation.model.source == BUILTIN or not known:
        return
    text = start.prompt.strip() or prompt.strip()
    if text and not any(re.search(rf"\b{re.escape(name)}\b", text.lower()) for name in known):
        yield Problem(message=f"The built-in points know no prop in {text!r}.", fixes=("BALL",))


def _disk_problems() -> Iterator[Problem]:
    folder = preferences.jobs_folder()
    try:
        free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    except (OSError, StopIteration):
        return
    if free < LEAST_DISK:
        yield Problem(message=f"The disk of the jobs folder has only {in_words(free)} left.")


# ---------------------------------------------------------------- what helps


def _take_builtin(context: bpy.types.Context) -> None:
    context.scene.lucid.model = "BUILTIN"


def _take_active(context: bpy.types.Context) -> None:
    context.scene.lucid.initial_mesh = context.active_object


def _start_from_ball(context: bpy.types.Context) -> None:
    settings = context.scene.lucid
    settings.initialiser, settings.options.initialiser_kind = "SPHERE", Sphere.__name__


def _drop_empty_loras(context: bpy.types.Context) -> None:
    loras = context.scene.lucid.options.model.loras
    for index in reversed(range(len(loras))):
        if not loras[index].source.strip():
            loras.remove(index)


def _drop_controls(context: bpy.types.Context) -> None:
    context.scene.lucid.options.controls.clear()


def _drop_mesh(context: bpy.types.Context) -> None:
    context.scene.lucid.make_mesh = False


FIXES: Mapping[str, Fix] = {
    "BUILTIN": Fix(label="Use Built-in Model", description="Choose the model that needs no files", apply=_take_builtin),
    "ACTIVE_MESH": Fix(label="Use Active Object", description="Take the active object's surface", apply=_take_active),
    "BALL": Fix(label="Start from a Ball", description="Start from grey splats", apply=_start_from_ball),
    "NO_CONTROLS": Fix(label="No ControlNets", description="Remove all ControlNets", apply=_drop_controls),
    "NO_EMPTY_LORAS": Fix(
        label="Remove It", description="Take LoRAs without a source out of the list", apply=_drop_empty_loras
    ),
    "NO_MESH": Fix(label="Make No Mesh", description="A picture has no surface", apply=_drop_mesh),
    "FROM_PRESET": Fix(
        label="Take All from Preset",
        description="Set every option to what the preset stands for",
        apply=lambda context: fill_options(context.scene.lucid),
    ),
}


# ---------------------------------------------------------------- what the built-in model knows


def known_words() -> dict[str, list[str]]:
    """The built-in model's words, in the lists of its card: WORD_LISTS and accents; empty where it is not there."""
    try:
        return _read_card(MODEL_CARD, MODEL_CARD.stat().st_mtime)
    except OSError:
        return {}


def unknown_words(settings: LucidSettings) -> list[str]:
    """Words of the prompt that the built-in model was never shown; none when another model is chosen."""
    card = known_words()
    if settings.model != "BUILTIN" or not card:
        return []
    known = {word for words in card.values() for entry in words for word in re.findall(r"\w+", entry.lower())}
    return [word for word in re.findall(r"\w+", settings.prompt.lower()) if word not in known]


@lru_cache(maxsize=1)
def _read_card(path: Path, changed: float) -> dict[str, list[str]]:
    try:
        card = json.loads(path.read_text("utf-8"))
        accents = {"accents": [str(word) for word in card.get("accents", {}).values()]}
        return {name: [str(word) for word in card.get(name, ())] for name in WORD_LISTS} | accents
    except (ValueError, AttributeError, TypeError):
        return {}
