"""`blender --command lucid ...`: props without a window, from prompts and tables; renders; the doctor."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bpy

from . import api, preferences
from .client.installation import doctor_step
from .core.errors import InvalidInput, LucidError
from .core.formats.files import SUFFIXES, read_splats_file
from .core.formats.ply import write_ply
from .core.messages import Progress
from .core.option_names import value_of
from .core.presets import INITIALISERS, OBJECTIVES, PRESETS, REPRESENTATIONS
from .scene.pointcloud import create_splats
from .scene.rendering import SAMPLES, render_splats
from .scene.splat_objects import world_splats

NAME = "lucid"
_handle: object | None = None


def register() -> None:
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, run)


def unregister() -> None:
    global _handle
    if _handle is not None:
        bpy.utils.unregister_cli_command(_handle)
        _handle = None


def run(arguments: Sequence[str]) -> int:
    """What follows `blender --command lucid`; returns the exit code."""
    try:
        options = _parser().parse_args(arguments)
        code: int = options.run(options)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    except LucidError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.advice:
            print(f"       {error.advice}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"blender --command {NAME}", description="Props from prompts.")
    commands = parser.add_subparsers(required=True)

    def add(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        command.set_defaults(run=action)
        return command

    generate = add("generate", _generate, "make a prop from a prompt")
    generate.add_argument("prompt", help="what to make, for example 'a red mushroom'")
    _add_settings(generate)
    generate.add_argument("--seed", type=int)
    generate.add_argument("--negative", metavar="PROMPT", dest="negative_prompt")
    generate.add_argument("--output", metavar="FOLDER", dest="job_folder", help="the job's folder")
    generate.add_argument("--blend", metavar="FILE", type=Path, help="save a .blend with the prop")
    generate.add_argument("--export", metavar="FILE", type=Path, help="write the splats as .ply")
    generate.add_argument("--render", metavar="FILE", type=Path, help="render the splats as .png")
    _add_view(generate)
    batch = add("batch", _batch, "make the props of a CSV file, one a row; what is finished is skipped")
    batch.add_argument("file", type=Path, help="its columns are options, as in the user guide")
    _add_settings(batch)
    batch.add_argument("--output", metavar="FOLDER", help="of the jobs (default: the file's name)")
    batch.add_argument("--report", metavar="FILE", help="what became of each row (default: FILE-report.csv)")
    render = add("render", _render, "render a finished job or a splat file")
    render.add_argument("source", type=Path, help="a job's folder, or a .ply or .splat file")
    render.add_argument("picture", type=Path, help="the .png to write")
    _add_view(render)
    add("doctor", _doctor, "check the backend's environment, with advice")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=PRESETS)
    parser.add_argument("--config", metavar="FILE", help="a YAML file of LucidDreamer's authors")
    parser.add_argument("--model", help="'builtin' (the default), a hub id, a folder or a .safetensors file")
    parser.add_argument("--objective", choices=OBJECTIVES)
    parser.add_argument("--representation", choices=REPRESENTATIONS)
    parser.add_argument("--initialiser", choices=INITIALISERS)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--splats", type=int, help="at the start")
    parser.add_argument("--mesh", action="store_true", default=None, help="also draw a mesh around the splats")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="any option, as objective.delta_t=100"
    )


def _add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=SAMPLES, default="cycles", help="EEVEE needs a graphics card or a display")
    parser.add_argument("--size", type=int, default=512, help="pixels of the picture's side")
    grainless = ", ".join(f"{count} with {engine}" for engine, count in SAMPLES.items())
    parser.add_argument("--samples", type=int, help=f"a pixel; {grainless} when not given")
    parser.add_argument("--azimuth", type=float, default=30.0, help="degrees; 0 is the front, 90 the prop's left side")
    parser.add_argument("--elevation", type=float, default=15.0, help="degrees above the horizon")


_OF_RUNS = ("preset", "config", "model", "objective", "representation", "initialiser", "iterations", "splats", "mesh")


def _settings_of(options: argparse.Namespace, *more: str) -> dict[str, Any]:
    """What api.generate takes, as far as it is given."""
    given = {name: getattr(options, name) for name in (*_OF_RUNS, *more)}
    return {name: value for name, value in given.items() if value is not None}


def _by_name(options: argparse.Namespace) -> dict[str, object]:
    named: dict[str, object] = {}
    for setting in options.set:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InvalidInput(f"--set {setting} has no value", advice="Write --set NAME=VALUE.")
        named[name] = value_of(text)
    return named


def _generate(options: argparse.Namespace) -> int:
    _clear()
    settings = _settings_of(options, "seed", "negative_prompt", "job_folder")
    made = api.generate(options.prompt, options=_by_name(options), on_progress=_Lines().show, **settings)
    print(f"{made.job_folder}: {', '.join(made.artefacts)} in {made.seconds:.0f} s")
    if (options.export or options.render) and made.splats is None:
        raise InvalidInput("the result has no splats to export or render", advice="It is in the job's folder.")
    if options.export:
        write_ply(options.export, world_splats(made.splats))
    if options.render:
        _picture(options, made.splats, options.render)
    if options.blend:
        bpy.ops.wm.save_as_mainfile(filepath=str(options.blend.absolute()))
    return 0


def _batch(options: argparse.Namespace) -> int:
    _clear()
    results = api.generate_table(
        options.file,
        folder=options.output,
        report=options.report,
        options=_by_name(options),
        on_event=_Lines().hear,
        **_settings_of(options),
    )
    failed = [result for result in results if result.error is not None]
    for result in failed:
        print(f"failed: {result.prompt}: {result.error}", file=sys.stderr)
    print(f"{len(results) - len(failed)} of {len(results)} props are finished")
    return 1 if failed else 0


def _render(options: argparse.Namespace) -> int:
    _clear()
    source: Path = options.source
    if source.suffix.lower() in SUFFIXES:
        splats = create_splats(read_splats_file(source), source.stem)
        bpy.context.scene.collection.objects.link(splats)
    else:
        splats = api.open_job(source, on_progress=_Lines().show).splats
        if splats is None:
            raise InvalidInput(f"the job in {source} made no splats", advice="Choose another one.")
    _picture(options, splats, options.picture)
    return 0


def _doctor(_: argparse.Namespace) -> int:
    launch = preferences.launch()
    command = doctor_step(launch.python).command
    return subprocess.run(command, env=launch.environment(os.environ), check=False).returncode


def _picture(options: argparse.Namespace, splats: bpy.types.Object, path: Path) -> None:
    render_splats(
        splats,
        path,
        engine=options.engine,
        size=options.size,
        samples=options.samples or SAMPLES[options.engine],
        azimuth=options.azimuth,
        elevation=options.elevation,
    )
    print(f"rendered {path}")


def _clear() -> None:
    """Without the cube, the lamp and the camera that Blender starts with."""
    for found in list(bpy.data.objects):
        bpy.data.objects.remove(found)


class _Lines:
    """A line a stage, and one a tenth of its steps."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def hear(self, event: object) -> None:
        if isinstance(event, Progress):
            self.show(event)

    def show(self, progress: Progress) -> None:
        tenth = 10 * progress.step // progress.steps if progress.steps else 0
        if (progress.stage, tenth) != self._last:
            self._last = (progress.stage, tenth)
            steps = f", step {progress.step}/{progress.steps}" if progress.step else ""
            print(f"{progress.stage}{steps}", flush=True)
