"""Renew the pictures of README and docs: `build.py pictures NAME ...` runs this with the backend's interpreter.

Each picture of docs/images/ has a function of its name here, which makes it by what a reader could type, and cuts and
arranges what comes. Without a name they are listed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lucid_blender.backend.choices import make_rasterizer
from lucid_blender.backend.control.pictures import MeshPictures
from lucid_blender.backend.control.triangles import look as look_at_mesh
from lucid_blender.backend.grammar import Scene
from lucid_blender.backend.initialisers.mesh_file import Frame, read_mesh
from lucid_blender.backend.job import Job
from lucid_blender.backend.pictures import Bytes, Draw, Floats, contact_sheet, read_picture, to_bytes
from lucid_blender.backend.run import PICTURE_BACKGROUND, PICTURE_GAP, PICTURE_SIZE, handle, turntable_of
from lucid_blender.backend.scores import renderer
from lucid_blender.core.cameras import Camera
from lucid_blender.core.formats.ply import read_ply
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.messages import Generate
from lucid_blender.core.options import BUILTIN, Control
from lucid_blender.core.presets import preset, with_iterations
from lucid_blender.core.splats import SplatCloud

IMAGES = ROOT / "docs" / "images"
RED, BLUE = "a red mushroom", "a blue mushroom"
LIGHTHOUSE = "a white lighthouse"
SIDES = (0, 2, 4, 6)  # front, right, back and left, of the eight views of a turntable
HALF_TURN = (0, 1, 2, 3)
OBJECTIVES = ("sds", "ism", "vdm")
SHIPPED_LORA = ROOT / "lucid_blender" / "backend" / "models" / "lora-dipped"
GALLERY = ROOT / "benchmarks" / "prompts" / "builtin.txt"
EIGHT = ROOT / "benchmarks" / "prompts" / "eight.txt"
KEPT = ("a green rocket", "a blue car", "a yellow chair", RED)  # in the history that is shown, the last in full
TABLE = Scene("table", "red", seed=3)  # proportions unlike the canonical ones, so that text alone cannot tell them
GOOD = ("--preset", "standard", "--iterations", "600")
GROWN = ("--preset", "standard", "--iterations", "400", "--prompt", LIGHTHOUSE)
VIEWPORT = (264, 84, 1024, 804)  # pixels of a screen of 1600 x 900: left, top, right, bottom
PREFERENCES = (168, 60, 628, 810)
RENDERED = (60, 25, 340, 345)  # of a picture of 360 x 360
PICTURE_HEIGHT = 192  # pixels, of pictures that are enlarged


@dataclass(frozen=True)
class Kitchen:
    """Where a picture is made, and how."""

    folder: Path  # for what comes on the way
    iterations: int | None  # of each run, instead of the picture's own
    blender: str | None  # the command that starts a windowed Blender
    further: Sequence[str]  # arguments for the tests in a window

    def python(self, *arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)

    def generate(self, name: str, prompt: str, *arguments: str, iterations: int | None = None) -> Path:
        """The folder of a job, run by the command line."""
        count = self.iterations or iterations
        length = ["--iterations", str(count)] if count else []
        folder = self.folder / name
        self.python("-m", "lucid_blender.backend", "generate", prompt, *arguments, *length, "--output", str(folder))
        return folder

    def window(self, test: str, *arguments: str) -> None:
        """One of the tests that take pictures of a window."""
        gui = ("tests/gui/run.py", "--only", test, "--blender", str(self.blender), "--output", str(self.folder))
        self.python(*gui, *arguments, *self.further)


# ---------------------------------------------------------------- the pictures


def control(kitchen: Kitchen) -> Bytes:
    """a table's depth, "a red table" without it and with it; two runs of 600 iterations"""
    generation = with_iterations(preset("standard", "a red table"), kitchen.iterations or 600)
    depth, mesh = Control(kind="depth", source=BUILTIN), TABLE.mesh()
    draw = MeshPictures(mesh, [depth], [PICTURE_SIZE])
    tiles = sides(turntable_of(lambda cameras: draw(cameras)[0].permute(0, 2, 3, 1).numpy(), generation), HALF_TURN)
    for name, controls in (("without", ()), ("with", (depth,))):
        folder, inputs = kitchen.folder / name, Inputs(control_mesh=mesh if controls else None)
        steered = replace(generation, controls=controls)
        for _ in handle(Generate(generation=steered, job_folder=str(folder), inputs=inputs)):
            pass
        tiles += sides(turntable_sheet(folder), HALF_TURN)
    return contact_sheet(tiles, len(HALF_TURN), 4)


def editing(kitchen: Kitchen) -> Bytes:
    """a red mushroom, made blue, and made blue by half; two runs of the draft preset and one of the standard one"""
    red = kitchen.generate("red", RED, "--preset", "draft")
    start = ("--initial-splats", str(red / "prop.ply"))
    blue = kitchen.generate("blue", BLUE, *start)
    box = ("--preset", "draft", "--edit-box", "0", "-2", "-2", "2", "2", "2")
    half = kitchen.generate("half", BLUE, *start, *box)
    tiles = [side for folder in (red, blue, half) for side in sides(turntable_sheet(folder))]
    return contact_sheet(tiles, len(SIDES), 8)


def gallery(kitchen: Kitchen) -> Bytes:
    """sixteen props from their front left; as many runs of the standard preset, a minute each"""
    prompts = [line for line in GALLERY.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    made = [kitchen.generate(prompt.replace(" ", "-"), prompt, "--preset", "standard") for prompt in prompts]
    return contact_sheet([halved(sides(turntable_sheet(folder), (1,))[0]) for folder in made], 8, 4)


def growing(kitchen: Kitchen) -> Bytes:
    """the viewport at three moments of a run; minutes, in a window: --blender COMMAND"""
    kitchen.window("generate", *GROWN)
    left, top, right, bottom = VIEWPORT
    moments = [read_picture(kitchen.folder / f"{name}.png").pixels for name in ("early", "middle", "end")]
    return contact_sheet([halved(pixels[top:bottom, left:right]) for pixels in moments], len(moments), 4)


def history(kitchen: Kitchen) -> Path:
    """the sidebar's history of four props; minutes, in a window: --blender COMMAND"""
    for prompt in KEPT:
        kitchen.generate(f"history/{prompt.replace(' ', '-')}", prompt, "--preset", "draft")
    kitchen.window("history", "--jobs", str(kitchen.folder / "history"))
    return kitchen.folder / "history.png"


def lora(kitchen: Kitchen) -> Path:
    """two props without and with the LoRA and its word; four runs of the draft preset"""
    picture = kitchen.folder / "lora.png"
    kitchen.python("-m", "prior.evaluate_lora", "--folder", str(SHIPPED_LORA), "--runs", str(picture))
    return picture


def nerf(kitchen: Kitchen) -> Bytes:
    """a field, its splats and its mesh, by SDS and by ISM; two runs of 300 iterations that take minutes"""
    tiles: list[Floats] = []
    for name in ("sds", "ism"):
        folder = kitchen.generate(name, RED, "--representation", "nerf", "--objective", name, "--mesh", iterations=300)
        generation = Job.open(folder).record.generation
        drawn = [
            turntable_sheet(folder),
            turntable_of(splats_drawer(read_ply(folder / "prop.ply")), generation),
            turntable_of(mesh_drawer(read_mesh(folder / "mesh.ply", Frame(np.zeros(3), 1.0))), generation),
        ]
        tiles += [halved(view) for sheet in drawn for view in sides(sheet, SIDES[:2])]
    return contact_sheet(tiles, len(tiles) // 2, 4)


def objectives(kitchen: Kitchen) -> Path:
    """eight prompts: the scene and three objectives, each from two sides; 24 runs of the draft preset"""
    length = ["--set", f"iterations={kitchen.iterations}"] if kitchen.iterations else []
    kitchen.python(
        *("-m", "lucid_blender.backend", "bench", "objectives", "--preset", "draft", "--output", str(kitchen.folder)),
        *("--prompts", str(EIGHT), "--objectives", *OBJECTIVES, *length),
    )
    return kitchen.folder / "sheet.png"


def pictures(kitchen: Kitchen) -> Bytes:
    """images by SDS, edited, by ISM and on pixels; four runs of seconds each"""
    image, grey_start = ("--representation", "image"), ("--set", "representation.deviation=0")
    rate = ("--set", "representation.learning_rate=[1e-2, 1e-3]")
    red = kitchen.generate("red", RED, *image, "--objective", "sds", iterations=300)
    start = ("--initial-image", str(red / "image.png"))
    pixels = ("--set", "representation.space=pixels")
    made = [
        red,
        kitchen.generate("blue", BLUE, *image, "--objective", "sds", *start, iterations=600),
        kitchen.generate("ism", RED, *image, "--objective", "ism", *rate, *grey_start, iterations=600),
        kitchen.generate("pixels", RED, *image, "--objective", "sds", *pixels, *grey_start, iterations=300),
    ]
    return contact_sheet([enlarged(read_picture(folder / "image.png").pixels) for folder in made], len(made), 4)


def preferences(kitchen: Kitchen) -> Bytes:
    """the add-on's preferences after an installation; minutes, in a window: --blender COMMAND"""
    kitchen.window("install")
    left, top, right, bottom = PREFERENCES
    return read_picture(kitchen.folder / "preferences.png").pixels[top:bottom, left:right]


def prior_samples(kitchen: Kitchen) -> Path:
    """samples of the built-in model: each class twice; a minute"""
    picture = kitchen.folder / "samples.png"
    kitchen.python("-m", "prior.evaluate", "--no-vae", "--count", "1", "--scales", "4", "--grid", str(picture))
    return picture


def renders(kitchen: Kitchen) -> Bytes:
    """a prop among meshes, by Cycles and by EEVEE; minutes, in a window: --blender COMMAND"""
    made = kitchen.generate("lighthouse", LIGHTHOUSE, "--preset", "standard")
    kitchen.window("render", "--splats", str(made / "prop.ply"))
    left, top, right, bottom = RENDERED
    tiles = [read_picture(kitchen.folder / f"{engine}.png").pixels for engine in ("cycles", "eevee")]
    return contact_sheet([pixels[top:bottom, left:right] for pixels in tiles], len(tiles), 4)


def turntable(kitchen: Kitchen) -> Path:
    """the demo's prop from eight sides; minutes"""
    kitchen.python("build.py", "demo", RED, "--output", str(kitchen.folder))
    return kitchen.folder / "turntable.png"


def viewport(kitchen: Kitchen) -> Path:
    """splats in a viewport beside a mesh; minutes, in a window: --blender COMMAND"""
    red = kitchen.generate("red", RED)
    kitchen.window("viewport", "--splats", str(red / "prop.ply"))
    return kitchen.folder / "viewport.png"


def window(kitchen: Kitchen) -> Path:
    """Blender's window after a run; minutes, in a window: --blender COMMAND"""
    kitchen.window("generate", *GOOD)
    return kitchen.folder / "end.png"


PICTURES: dict[str, Callable[[Kitchen], Bytes | Path]] = {
    "control": control,
    "editing": editing,
    "gallery": gallery,
    "growing": growing,
    "history": history,
    "lora": lora,
    "nerf": nerf,
    "objectives": objectives,
    "pictures": pictures,
    "preferences": preferences,
    "prior-samples": prior_samples,
    "renders": renders,
    "turntable": turntable,
    "viewport": viewport,
    "window": window,
}
WINDOWED = ("growing", "history", "preferences", "renders", "viewport", "window")


# ---------------------------------------------------------------- what they are cut and drawn with


def turntable_sheet(job: Path) -> Bytes:
    return read_picture(job / "turntable.png").pixels


def sides(sheet: Bytes, views: Sequence[int] = SIDES) -> list[Bytes]:
    """Some of the eight views of a turntable, two rows of four."""
    step = PICTURE_SIZE + PICTURE_GAP
    corners = [(PICTURE_GAP + k // 4 * step, PICTURE_GAP + k % 4 * step) for k in views]
    return [sheet[top : top + PICTURE_SIZE, left : left + PICTURE_SIZE] for top, left in corners]


def enlarged(pixels: Bytes) -> Bytes:
    """Every pixel as a square, so that the model's own show."""
    times = max(PICTURE_HEIGHT // len(pixels), 1)
    return pixels.repeat(times, 0).repeat(times, 1)


def halved(view: Bytes) -> Bytes:
    height, width = len(view) // 2, view.shape[1] // 2
    return to_bytes(view.reshape(height, 2, width, 2, 3).mean((1, 3)) / 255)


def splats_drawer(cloud: SplatCloud) -> Draw:
    draw = renderer(cloud, make_rasterizer("auto"))
    return lambda cameras: draw(cameras, torch.full((3,), PICTURE_BACKGROUND)).color.numpy()


def mesh_drawer(mesh: TriangleMesh) -> Draw:
    """The vertex colours without light."""

    def one(camera: Camera) -> Floats:
        seen = look_at_mesh(mesh, camera)
        picture = np.full((*seen.triangle.shape, 3), PICTURE_BACKGROUND, np.float32)
        corners = mesh.colors[mesh.triangles[seen.triangle[seen.covered]]]
        picture[seen.covered] = np.einsum("pk,pkc->pc", seen.weights[seen.covered], corners)
        return picture

    return lambda cameras: np.stack([one(camera) for camera in cameras])


# ---------------------------------------------------------------- command line


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build.py pictures", description="Renew pictures of README and docs.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="without one, the pictures are listed")
    parser.add_argument("--output", metavar="DIR", type=Path, default=IMAGES)
    parser.add_argument(
        "--iterations", type=int, help="of each run instead of its own, to try how pictures are arranged"
    )
    parser.add_argument(
        "--blender",
        metavar="COMMAND",
        help="starts a windowed Blender, for pictures of windows; further arguments go to tests/gui/run.py",
    )
    options, further = parser.parse_known_args(arguments)
    if unknown := sorted(set(options.names) - PICTURES.keys()):
        parser.error(f"there is no picture {', '.join(unknown)}; choose from {', '.join(PICTURES)}")
    if further and not options.blender:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    if not options.blender and any(name in WINDOWED for name in options.names):
        parser.error(f"{' and '.join(WINDOWED)} are taken of a window: give --blender, as `build.py test --gui` has it")
    for name in options.names:
        with tempfile.TemporaryDirectory(prefix=f"lucid-{name}-") as folder:
            made = PICTURES[name](Kitchen(Path(folder), options.iterations, options.blender, further))
            save(made, options.output / f"{name}.png")
    if not options.names:
        print(*(f"{name + '.png':20}{make.__doc__}" for name, make in PICTURES.items()), sep="\n")
    return 0


def save(made: Bytes | Path, target: Path) -> None:
    pixels = read_picture(made).pixels if isinstance(made, Path) else made
    partial = target.with_suffix(".partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(partial, format="PNG", optimize=True)
    partial.replace(target)
    height, width, _ = pixels.shape
    print(f"{target}: {width} x {height} pixels, {target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
