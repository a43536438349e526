"""From a prompt to a prop without a window: `build.py demo` runs this with Blender as the bpy wheel.

It does what an artist does in Blender: the add-on is registered, its script interface makes the prop with the backend
in its own process, and the scene is saved and exported.
"""

import argparse
import shutil
import sys
import time
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

FROM_JOB = {"prop.ply": "splats.ply", "turntable.png": "turntable.png", "job.json": "job.json"}
PICTURE_SIZE = 384  # pixels


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
    camera = bpy.data.cameras.new("Picture")
    view = orbit(radius=3.8, azimuth=30, elevation=20, fov_y=0.55, width=PICTURE_SIZE, height=PICTURE_SIZE)
    camera.angle = 0.55
    camera_object = bpy.data.objects.new("Picture", camera)
    camera_object.matrix_world = view.blender_matrix_world.T  # Blender reads columns
    sun = bpy.data.objects.new("Picture", bpy.data.lights.new("Picture", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.6, 0.2, 0.5)
    scene.collection.objects.link(camera_object)
    scene.collection.objects.link(sun)
    scene.camera = camera_object
    scene.world = bpy.data.worlds.new("Picture")
    scene.world.color = (0.5, 0.5, 0.5)
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", 16, False
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = PICTURE_SIZE
    scene.render.film_transparent = False
    scene.render.filepath = str(path)
    scene.render.image_settings.file_format = "PNG"
    bpy.ops.render.render(write_still=True, scene=scene.name)
    bpy.data.objects.remove(camera_object)
    bpy.data.objects.remove(sun)
    bpy.data.scenes.remove(scene)
