"""Inside a windowed Blender: splats among meshes, rendered by Cycles and by EEVEE.

    blender --python tests/gui/render_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON --splats FILE.ply

Exit code 0 only when every engine's picture shows the prop: where it is, and not in the colours of what is around it.
Leaves cycles.png, eevee.png and render.json with the seconds that they took.
"""

import argparse
import importlib
import json
import math
import sys
import time
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler

sys.path.insert(0, str(Path(__file__).parent))
from window import PACKAGE, Steps, install, prepare_view, run, splats  # noqa: E402

SAMPLES = {"cycles": 12, "eevee": 16}  # a pixel; Cycles's picture is denoised where Blender can
AZIMUTH, ELEVATION = 25.0, 18.0  # degrees
MARGIN = 1.3  # of the picture, to the prop's reach
CHANGED = 0.1  # share of the pixels that the prop changes, at least


def main(options: argparse.Namespace) -> Steps:
    """The test, as pauses in seconds between its steps."""
    yield 1.0
    install(options)
    yield 1.0
    prepare_view()
    bpy.ops.lucid.import_splats(filepath=str(options.splats))
    (made,) = splats()
    surround(made)
    yield 1.0
    record = {"blender": bpy.app.version_string, "splats": len(made.data.points)}
    for engine in options.engines:
        path = options.output / f"{engine}.png"
        record[engine] = rendered(made, path, engine, options)
        yield 0.1
    (options.output / "render.json").write_text(json.dumps(record, indent=1))


def rendered(made: bpy.types.Object, path: Path, engine: str, options: argparse.Namespace) -> float:
    """The seconds that a picture took. Another without the prop, cheap and small, tells whether it shows."""
    render = importlib.import_module(f"{PACKAGE}.scene.rendering").render_splats
    given = {"engine": engine, "azimuth": AZIMUTH, "elevation": ELEVATION, "margin": MARGIN, "denoise": True}
    began = time.perf_counter()
    render(made, path, size=options.size, samples=options.samples or SAMPLES[engine], **given)
    took = time.perf_counter() - began
    print(f"{engine}: {took:.1f} s", flush=True)
    seen = pixels(path)
    empty, made.hide_render = path.with_name(f"{engine}-empty.png"), True
    render(made, empty, size=options.size, samples=1, **given)
    made.hide_render = False
    differs = np.abs(seen - pixels(empty))[..., :3].max(-1) > 0.2
    assert differs.mean() > CHANGED, f"{engine}: the prop changes {differs.mean():.1%} of the picture"
    return round(took, 1)


def surround(made: bpy.types.Object) -> None:
    """A warm floor under the prop, a cube behind it, a low sun and a blue sky."""
    read = importlib.import_module(f"{PACKAGE}.scene.pointcloud").read_splats
    low = float(np.quantile(read(made).positions[:, 2], 0.01))
    bpy.ops.mesh.primitive_plane_add(size=400, location=(0, 0, low))
    paint(bpy.context.object, (0.5, 0.36, 0.24))
    bpy.ops.mesh.primitive_cube_add(size=0.4, location=(0.5, 0.45, low + 0.2), rotation=(0, 0, 0.5))
    paint(bpy.context.object, (0.08, 0.3, 0.35))
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle = 3.0, 0.1
    sun.data.color = (1.0, 0.93, 0.82)
    sun.rotation_euler = Euler((math.radians(50), 0, math.radians(40)))
    bpy.context.scene.collection.objects.link(sun)
    bpy.context.scene.world = world = bpy.data.worlds.new("World")
    world.color = (0.2, 0.27, 0.4)  # without nodes before 5.0
    for node in world.node_tree.nodes if world.node_tree else ():
        if node.type == "BACKGROUND":
            node.inputs["Color"].default_value = (*world.color, 1.0)


def paint(thing: bpy.types.Object, color: tuple[float, float, float]) -> None:
    """A material of one linear colour."""
    material = bpy.data.materials.new(thing.name)
    if bpy.app.version < (5, 0, 0):  # always on from 5.0, and deprecated
        material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*color, 1.0)
    thing.data.materials.append(material)


def pixels(path: Path) -> np.ndarray:
    """[H, W, 4] of a picture, 0 to 1."""
    image = bpy.data.images.load(str(path))
    found = np.empty(image.size[0] * image.size[1] * 4, dtype=np.float32)
    image.pixels.foreach_get(found)
    return found.reshape(image.size[1], image.size[0], 4)


if __name__ == "__main__":
    run(
        main,
        __doc__,
        splats={"type": Path, "required": True},
        engines={"nargs": "+", "choices": SAMPLES, "default": list(SAMPLES)},
        size={"type": int, "default": 360},
        samples={"type": int, "help": "a pixel, of either engine"},
    )
