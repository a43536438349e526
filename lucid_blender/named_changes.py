"""A preset with changes by name, as the sidebar and scripts make them."""

from dataclasses import fields, replace
from typing import Any

import bpy

from .core.errors import InvalidInput
from .core.options import Consistent3d, DiffusionModel, Generation, Initialiser, Objective
from .core.presets import editing, initialiser, objective, preset, with_iterations, with_representation


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
    """Fields of Generation by name; also splats, a count, and guidance, the objective's scale. Objective, initialiser
    and representation also by their short names, then with what suits the model and the other settings.

    Raises InvalidInput, which lists the names, for one that does not exist.
    """
    known = {field.name for field in fields(Generation)}
    unknown = sorted(set(changes) - known - {"splats", "guidance"})
    if unknown:
        names = ", ".join(sorted(known | {"splats", "guidance"}))
        raise InvalidInput(f"there is no setting {unknown[0]!r}", advice=f"The settings are {names}.")
    splats, guidance = changes.pop("splats", None), changes.pop("guidance", None)
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
    if guidance is not None:
        generation = replace(generation, objective=guided(generation.objective, guidance))
    return generation


def guided(chosen: Objective, scale: float) -> Objective:
    """The objective with another guidance scale; one that anneals ends at the same share of it."""
    if isinstance(chosen, Consistent3d) and chosen.guidance_scale_end is not None and chosen.guidance_scale > 0:
        end = chosen.guidance_scale_end * scale / chosen.guidance_scale
        return replace(chosen, guidance_scale=scale, guidance_scale_end=end)
    return replace(chosen, guidance_scale=scale)


def _with_count(start: Initialiser, splats: int) -> Initialiser:
    if "count" not in {field.name for field in fields(start)}:
        raise InvalidInput(f"{type(start).__name__} decides itself how many splats there are", advice="Leave it out.")
    return replace(start, count=splats)
