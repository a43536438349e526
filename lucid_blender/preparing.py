"""From what a script says to the run that it means."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from . import preferences
from .client.published_config import read_config
from .core import codec, tables
from .core.errors import InvalidInput
from .core.jobs import SETTINGS_FILE
from .core.messages import Generate, Notice
from .core.option_names import with_options
from .core.options import BUILTIN, DiffusionModel, Generation, Meshing
from .named_changes import changed, make_generation, model_named
from .operators.prop import Prop
from .operators.resume import resume_request
from .runs import OnEvent, Result
from .scene.meshes import meshes_of_request
from .scene.pictures import picture_of_file, read_picture


def settings_of(
    prompt: str, preset: str, config: str | Path | None, model: str | DiffusionModel | None, on_event: OnEvent | None
) -> Generation:
    """A preset's, or a file's, for the prompt and the model."""
    named = model_named(model) if isinstance(model, str) else model
    if config is None:
        return make_generation(prompt, preset_name=preset or "standard", model=named or model_named(BUILTIN))
    if preset:
        raise InvalidInput("a preset and a configuration were given", advice="Leave one of them out.")
    published = read_config(preferences.launch(), Path(config), prompt=prompt)
    if on_event is not None:
        for message in published.notices:
            on_event(Notice(message=message))
    from_file = replace(published.generation.model, allow_download=bpy.app.online_access)
    return replace(published.generation, model=named or from_file)


def prop_of(
    prompt: str = "",
    *,
    preset: str = "",
    config: str | Path | None = None,
    seed: int | None = None,
    negative_prompt: str | None = None,
    model: str | DiffusionModel | None = None,
    mesh: bool = False,
    options: Mapping[str, object] | None = None,
    on_event: OnEvent | None = None,
    **others: Any,
) -> Prop:
    """What ``generate`` would run."""
    chosen = {"seed": seed, "negative_prompt": negative_prompt, "mesh": Meshing() if mesh else None}
    named = {name: value for name, value in chosen.items() if value is not None}
    generation = settings_of(prompt, preset, config, model, on_event)
    return prop_with(generation, options=options or {}, **named, **others)


def in_table_folder(prop: Prop, home: Path) -> Prop:
    """The same in the folder of its prompt and settings, from where it goes on if it has been begun."""
    generation = prop.request.generation
    digest = hashlib.sha256(codec.dumps(generation).encode()).hexdigest()[:8]
    folder = home / f"{preferences.slug_of(generation.prompt)}-{digest}"
    if (folder / SETTINGS_FILE).exists():
        return Prop(resume_request(folder))
    return Prop(replace(prop.request, job_folder=str(folder)))


def outcome_of(row: tables.Row, result: Result, before: bool) -> tables.Outcome:
    ended = "finished before" if before else "finished" if result.error is None else "failed"
    error = f"{result.error.message} {result.error.advice}".strip() if result.error else ""
    named = result.done and result.job_folder != Path()
    return tables.Outcome(
        line=row.line,
        prompt=row.prompt,
        state=ended if result.done else "waiting",
        seconds=result.seconds,
        job_folder=str(result.job_folder) if named else "",
        error=error,
    )


def prop_with(
    generation: Generation,
    *,
    start_from: bpy.types.Object | None = None,
    control_mesh: bpy.types.Object | None = None,
    initial_image: bpy.types.Image | str | Path | None = None,
    job_folder: str | Path | None = None,
    options: Mapping[str, object] | None = None,
    **settings: Any,
) -> Prop:
    if start_from is not None:
        settings.setdefault("initialiser", "mesh")
    # Where ControlNets see the surface that the run starts from, they still need its colours unmixed.
    shown = control_mesh or (start_from if settings.get("controls") else None)
    inputs = meshes_of_request(start_from, shown, bpy.context.evaluated_depsgraph_get())
    if initial_image is not None:
        named = not isinstance(initial_image, bpy.types.Image)
        picture = picture_of_file(Path(initial_image)) if named else read_picture(initial_image)
        inputs = replace(inputs, image=picture)
        settings.setdefault("representation", "image")
    generation = with_options(changed(generation, **settings), options or {})
    folder = Path(job_folder).absolute() if job_folder else preferences.new_job_folder(generation.prompt)
    return Prop(Generate(generation=generation, job_folder=str(folder), inputs=inputs))
