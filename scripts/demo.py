"""From a prompt to a prop without a window: `build.py demo` runs this with Blender as the bpy wheel.

It does what an artist does in Blender: the add-on is registered, its script interface makes the prop with the backend
in its own process, and the scene is saved and exported.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bpy

import lucid_blender
from lucid_blender import api
from lucid_blender.core.cameras import orbit
from lucid_blender.core.errors import LucidError
from lucid_blender.core.messages import Event, Notice, Progress
from lucid_blender.core.options import BUILTIN
from lucid_blender.core.presets import PRESETS
from lucid_blender.scene.rendering import set_splat_render

FROM_JOB = ("prop.ply", "turntable.png", "job.json")
PICTURE_SIZE = 384  # pixels
FOV = 0.55  # radians


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build.py demo", description="Make a prop from a prompt.")
    parser.add_argument("prompt", metavar="PROMPT", help='for example "a red mushroom"')
    parser.add_argument("--negative", default="", metavar="PROMPT", help="what the prop should not look like")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=PRESETS, default="standard")
    parser.add_argument("--model", default=BUILTIN, help="builtin, a Stable Diffusion hub id or a local folder")
    parser.add_argument("--output", type=Path, default=ROOT / "demo", metavar="DIR")
    return parser.parse_args()


class ProgressLine:
    """The latest progress on one line of a terminal; in a pipe a line every five seconds."""

    def __init__(self) -> None:
        self.on_terminal = sys.stdout.isatty()
        self.shown, self.stage = 0.0, ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.line(f"note: {event.message}", end="\n")
        elif isinstance(event, Progress):
            period = 0.2 if self.on_terminal else 5.0
            now = time.monotonic()
            if now - self.shown >= period or event.stage != self.stage:
                self.shown, self.stage = now, event.stage
                self.line(described(event), end="" if self.on_terminal else "\n")

    def line(self, text: str, *, end: str) -> None:
        if self.on_terminal:
            text = "\r" + text.ljust(shutil.get_terminal_size().columns - 1)
        print(text, end=end, flush=True)


def described(progress: Progress) -> str:
    parts = [progress.stage]
    if progress.steps:
        parts.append(f"step {progress.step}/{progress.steps}")
    if progress.splats:
        parts.append(f"{progress.splats} splats")
    if progress.seconds_left >= 0:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return ", ".join(parts)


def make(options: argparse.Namespace) -> None:
    """The prop in a new scene, and its files in the output folder."""
    started = time.monotonic()
    line = ProgressLine()
    line(Progress(stage="Starting the backend"))
    with tempfile.TemporaryDirectory(prefix="lucid-") as folder:
        prop = api.generate(
            options.prompt,
            preset=options.preset,
            seed=options.seed,
            negative_prompt=options.negative,
            model=options.model,
            mesh=True,
            job_folder=folder,
            on_event=line,
        )
        options.output.mkdir(parents=True, exist_ok=True)
        for name in FROM_JOB:
            shutil.copyfile(Path(folder) / name, options.output / name)
    line(Progress(stage="Saving the scene and a picture of the mesh"))
    if prop.splats is None or prop.mesh is None:
        raise LucidError("the run ended without splats or without a mesh")
    with quiet():
        export_mesh(prop.mesh, options.output / "prop.glb")
        picture_mesh(prop.mesh, options.output / "mesh.png")
        save_scene(prop.splats, prop.mesh, options.output / "prop.blend")
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    line.line(f"{options.prompt}: done in {minutes}:{seconds:02d}", end="\n")
    print(f"in {options.output}: prop.blend prop.glb prop.ply turntable.png mesh.png job.json")


@contextmanager
def quiet() -> Iterator[None]:
    """Blender writes its own progress to the process's output; an exception still tells what went wrong."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def export_mesh(mesh: bpy.types.Object, path: Path) -> None:
    """The mesh with its vertex colours as binary glTF."""
    bpy.context.view_layer.update()
    for other in bpy.context.view_layer.objects:
        other.select_set(other == mesh)
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True, export_vertex_color="ACTIVE", export_apply=True)


def picture_mesh(mesh: bpy.types.Object, path: Path) -> None:
    """One small Cycles picture of the mesh alone, from a scene that is thrown away."""
    scene = bpy.data.scenes.new("Picture")
    scene.collection.objects.link(mesh)
    prepare_render(scene, samples=16)
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    bpy.ops.outliner.orphans_purge(do_recursive=True)


def save_scene(splats: bpy.types.Object, mesh: bpy.types.Object, path: Path) -> None:
    """Splats and mesh side by side, ready to render."""
    scene = bpy.context.scene
    mesh.location.x += 1.1 * splats.dimensions.x
    prepare_render(scene, samples=16)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)


def prepare_render(scene: bpy.types.Scene, *, samples: int) -> None:
    """Grey surroundings, a sun, and a camera that sees a prop at the origin from its front and right."""
    view = orbit(radius=3.8, azimuth=30, elevation=20, fov_y=FOV, width=PICTURE_SIZE, height=PICTURE_SIZE)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.angle = FOV
    camera.matrix_world = view.blender_matrix_world.T  # assigned column by column
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.6, 0.2, 0.5)
    scene.collection.objects.link(camera)
    scene.collection.objects.link(sun)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.5, 0.5, 0.5)
    set_splat_render(scene, samples=samples)
    scene.render.resolution_x = scene.render.resolution_y = PICTURE_SIZE


def main() -> int:
    options = arguments()
    options.output = options.output.absolute()
    logging.getLogger("lucid_blender").setLevel(logging.ERROR)  # the progress line is the log
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if options.model != BUILTIN:  # whoever names a model of a hub wants it fetched
        bpy.context.preferences.system.use_online_access = True
    lucid_blender.register()
    try:
        make(options)
    except LucidError as error:
        print(f"\nerror: {error.message}", error.advice, sep="\n", flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return 130
    finally:
        lucid_blender.unregister()  # a class left registered hangs Blender 4.5 at exit
    return 0


if __name__ == "__main__":
    sys.exit(main())
