"""Inside a windowed Blender: splats in the viewport, looked at pixel by pixel and measured with a stopwatch.

    blender --python tests/gui/viewport_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON [--splats FILE.ply]

Exit code 0 only when every pixel is what it should be. Times are printed and written to viewport.json; none decides.
With --splats there is a picture viewport.png of that file beside an ordinary mesh, the one in the documentation.
"""

import argparse
import importlib
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import gpu
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Euler, Vector

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    PACKAGE,
    install,
    picture,
    prepare_view,
    run,
    sidebar,
    view_area,
)

COLOR = np.array([0.8, 0.3, 0.1])  # display colour of the splats that are looked at
LEVELS = 3  # of 255: two roundings and the dithering of Material Preview
ROUNDS = 5
SETTLE = 1.5  # seconds
PARTS = ("colors", "views", "visibility", "life", "inset", "stopwatch")


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    yield 1.0
    install(options)
    yield 1.0
    prepare_view()
    yield SETTLE
    record: dict[str, Any] = {"blender": bpy.app.version_string}
    errors = listen()
    if options.splats:
        yield from documentation(options)
    wrong = []
    for part in (globals()[name] for name in options.parts):
        try:
            yield from part(record, options.output)
        except AssertionError as error:  # the other parts have something to say, too
            wrong.append(f"{part.__name__}: {error}")
            print(wrong[-1], flush=True)
            picture(options.output / f"wrong-{part.__name__}.png")
        prepare_view()
        plain()
        yield SETTLE
    (options.output / "viewport.json").write_text(json.dumps(record, indent=1))
    print(json.dumps(record, indent=1), flush=True)
    assert not wrong and not errors, [*wrong, *errors]


def listen() -> list[str]:
    """What the drawer reports from now on."""
    import logging

    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, entry: logging.LogRecord) -> None:
            found.append(self.format(entry))

    logging.getLogger(f"{PACKAGE}.viewport").addHandler(Listener(logging.WARNING))
    return found


# ---------------------------------------------------------------- what it looks like


def documentation(options: argparse.Namespace) -> Iterator[float]:
    bpy.ops.lucid.import_splats(filepath=str(options.splats))
    prop = bpy.context.active_object
    prop.rotation_euler.z = 0.3
    prop.select_set(False)
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=(0.75, 0.1, -0.3))
    bpy.ops.mesh.primitive_torus_add(location=(0, 0, -0.1), major_radius=0.75, minor_radius=0.05)
    bpy.ops.object.select_all(action="DESELECT")
    _, region = sidebar()
    region.active_panel_category = "Lucid"
    yield 3 * SETTLE
    picture(options.output / "viewport.png")
    clear()
    view_area().spaces.active.show_region_ui = False
    yield SETTLE


def colors(record: dict[str, Any], folder: Path) -> Iterator[float]:
    """Opaque and half-transparent splats over an empty viewport, and behind and before a mesh."""
    space = view_area().spaces.active
    plain()
    yield SETTLE
    empty = look((0, 0, 0))
    record["background"] = [round(float(channel), 3) for channel in empty]
    splats = ball(opacity=0.5)
    yield SETTLE
    expect("half of a splat", look((0, 0, 0)), 0.5 * COLOR + 0.5 * empty)
    clear()
    ball(opacity=0.5, color=np.zeros(3))
    yield SETTLE
    expect("half of a black splat", look((0, 0, 0)), 0.5 * empty)
    clear()
    splats = ball()
    for shading in ("SOLID", "WIREFRAME", "MATERIAL"):
        space.shading.type = shading
        yield SETTLE if shading != "MATERIAL" else 20.0  # EEVEE compiles its shaders
        expect(f"a splat in {shading}", look((0, 0, 0)), solid(empty))
    space.shading.type = "SOLID"
    bpy.ops.mesh.primitive_cube_add(size=0.3, location=toward_viewer(0.8))
    yield SETTLE
    assert np.abs(look((0, 0, 0)) - solid(empty)).max() > 0.1, "a mesh in front of a splat does not hide it"
    bpy.context.object.location = -toward_viewer(0.8)
    yield SETTLE
    expect("a splat before a mesh", look((0, 0, 0)), solid(empty))
    splats.location = toward_viewer(-1.6)
    yield SETTLE
    assert np.abs(look((0, 0, 0)) - solid(empty)).max() > 0.1, "a mesh does not hide a splat that went behind it"
    clear()


def views(record: dict[str, Any], folder: Path) -> Iterator[float]:
    """The splat is where Blender's own projection has its object's origin, in every kind of view."""
    area = view_area()
    space, region = area.spaces.active, window_regions()[0]
    splats = ball(size=0.1)
    splats.location, splats.rotation_euler, splats.scale = (0.3, 0.1, 0.2), (0.4, 0.2, 1.0), (1.0, 2.0, 0.7)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (2.0, -3.0, 1.5), Euler((math.radians(68), 0, math.radians(34)))
    camera.data.shift_x = 0.1
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    for perspective in ("PERSP", "ORTHO", "CAMERA"):
        space.region_3d.view_perspective = perspective
        yield SETTLE
        assert close(look(splats.location), COLOR), f"no splat in {perspective}: {look(splats.location)}"
    space.region_3d.view_perspective = "PERSP"
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.screen.region_quadview()
    yield 2 * SETTLE
    for number, quarter in enumerate(window_regions()):
        seen = look(splats.location, quarter)
        assert close(seen, COLOR), f"no splat in quarter {number} of the quad view: {seen}"
    with bpy.context.temp_override(window=window(), area=area, region=window_regions()[0]):
        bpy.ops.screen.region_quadview()
    yield SETTLE
    clear()


def visibility(record: dict[str, Any], folder: Path) -> Iterator[float]:
    """Each way to hide an object hides its splats, and only as long as it lasts."""
    splats, layer = ball(), bpy.context.view_layer
    collection = bpy.data.collections.new("of splats")
    bpy.context.scene.collection.children.link(collection)
    bpy.context.scene.collection.objects.unlink(splats)
    collection.objects.link(splats)
    other = bpy.data.objects.new("other", None)
    other.location.z = -5.0
    bpy.context.scene.collection.objects.link(other)

    def local_view() -> None:
        layer.objects.active = other
        other.select_set(True)
        with bpy.context.temp_override(window=window(), area=view_area(), region=window_regions()[0]):
            bpy.ops.view3d.localview(frame_selected=False)

    switches: dict[str, Callable[[bool], None]] = {
        "the eye": splats.hide_set,
        "hide_viewport": lambda off: setattr(splats, "hide_viewport", off),
        "its collection": lambda off: setattr(layer.layer_collection.children[-1], "exclude", off),
        "local view": lambda off: local_view(),
        "display": lambda off: setattr(bpy.context.scene.lucid, "display", "BOUNDS" if off else "SPLATS"),
        "kinds of objects": lambda off: setattr(view_area().spaces.active, "show_object_viewport_pointcloud", not off),
    }
    for name, switch in switches.items():
        for hidden in (True, False):
            switch(hidden)
            yield SETTLE
            seen = close(look((0, 0, 0)), COLOR)
            assert seen != hidden, f"{name}: the splat is {'seen' if seen else 'not seen'} with hidden={hidden}"
    clear()
    bpy.data.collections.remove(collection)


def life(record: dict[str, Any], folder: Path) -> Iterator[float]:
    """Other values, undo, redo, deletion, disabling and enabling."""
    drawer = importlib.import_module(f"{PACKAGE}.viewport.drawer")
    scene = importlib.import_module(f"{PACKAGE}.scene.pointcloud")
    splats = ball()
    undo_push("ball")
    yield SETTLE
    green = np.array([0.1, 0.7, 0.2])
    scene.update_splats(splats, cloud_of(1, color=green, size=0.3))
    yield SETTLE
    assert close(look((0, 0, 0)), green), "a new snapshot is not seen"
    undo_push("green")
    for operator, color in ((bpy.ops.ed.undo, COLOR), (bpy.ops.ed.redo, green)):
        with bpy.context.temp_override(window=window()):
            operator()
        yield SETTLE
        assert close(look((0, 0, 0)), color), f"after {operator.idname()} the splat is {look((0, 0, 0))}"
    base = bpy.data.objects["ball"].data.attributes["radiance:base"]
    values = np.append((COLOR - 0.5) / 0.28209479177387814, 1.0).astype(np.float32)
    base.data.foreach_set("vector" if base.data_type == "FLOAT4" else "color", values)
    bpy.data.objects["ball"].data.update_tag()
    yield SETTLE
    assert close(look((0, 0, 0)), COLOR), "an edited attribute is not seen"
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    yield SETTLE
    assert not close(look((0, 0, 0)), COLOR) and not len(drawer._clouds), "something is drawn by a disabled extension"
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    for _ in range(3):  # the drawer takes over from a timer, which comes after this one
        yield SETTLE
    drawer = importlib.import_module(f"{PACKAGE}.viewport.drawer")
    assert close(look((0, 0, 0)), COLOR), "after enabling it again nothing is drawn"
    bpy.data.objects.remove(bpy.data.objects["ball"])
    for data in list(bpy.data.pointclouds):
        bpy.data.pointclouds.remove(data)
    yield SETTLE
    assert not close(look((0, 0, 0)), COLOR) and not len(drawer._clouds), "deleted splats are kept"


def inset(record: dict[str, Any], folder: Path) -> Iterator[float]:
    """The picture that the model saw last: in its colours, beside the sidebar, at both scales, and only when wanted."""
    state = importlib.import_module(f"{PACKAGE}.client.job_state").state
    drawn = importlib.import_module(f"{PACKAGE}.viewport.inset")
    preferences, space = bpy.context.preferences, view_area().spaces.active
    wanted, color = preferences.addons[PACKAGE].preferences, np.array([200, 100, 50], np.uint8)
    pixels = np.tile(color, (64, 64, 1))
    state.seen = importlib.import_module(f"{PACKAGE}.core.pictures").Picture(pixels=pixels)
    state.phase = "running"

    def seen() -> np.ndarray:
        region = window_regions()[0]
        free = drawn.free_part(region, view_area().regions)
        card = drawn.card_in(free, 1.0, preferences.system.ui_scale)
        card = drawn.beside_gizmos(card, free, preferences.system.ui_scale) if space.show_gizmo else card
        return pixel(region, card.x + card.width / 2, card.y + 0.6 * card.height)

    for scale in (1.0, 2.0):
        preferences.view.ui_scale = scale
        for beside in (False, True):
            space.show_region_ui = beside
            yield 2 * SETTLE
            expect(f"what the model saw, at scale {scale}, sidebar {beside}", seen(), color / 255)
        picture(folder / f"inset-{scale:.0f}.png")
    preferences.view.ui_scale, space.show_region_ui = 1.0, False
    yield SETTLE
    for name, owner in (("show_overlays", space.overlay), ("show_inset", wanted)):
        setattr(owner, name, False)
        yield SETTLE
        assert not close(seen(), color / 255), f"it is drawn without {name}"
        setattr(owner, name, True)
    yield SETTLE
    expect("what the model saw, again", seen(), color / 255)
    state.phase, state.seen = "idle", None
    drawn.redraw()
    yield SETTLE
    assert not close(seen(), color / 255), "it stays when the run has ended"


# ---------------------------------------------------------------- what it costs


def stopwatch(record: dict[str, Any], folder: Path) -> Iterator[float]:
    """Milliseconds: redraws without splats, of a bare draw, and of the drawer; the processor's share; a snapshot."""
    scene = importlib.import_module(f"{PACKAGE}.scene.pointcloud")
    sort = importlib.import_module(f"{PACKAGE}.viewport.depth_sort")
    for count in (100_000, 1_000_000):
        cloud = random_cloud(count)
        began = time.perf_counter()
        made = show(cloud, "many")
        record[f"{count} to an object"] = milliseconds(began)
        yield 2 * SETTLE
        if count == 100_000:
            yield from in_turns(record, made)
        record[f"{count} drawn, still"] = redraw()
        record[f"{count} drawn, turning"] = redraw(turning=True)
        record[f"{count} sorted"] = sorting(sort, cloud)
        record[f"{count} sorted and uploaded"] = in_draw(made, orders)
        record[f"{count} read and uploaded"] = in_draw(made, uploads)
        if count == 100_000:
            record["snapshot of 100000"] = min(snapshot(scene, made, random_cloud(count, seed=k)) for k in range(5))
            yield SETTLE
            record["upload of the snapshot"] = in_draw(made, uploads)
        clear()
        yield SETTLE


def in_turns(record: dict[str, Any], made: bpy.types.Object) -> Iterator[float]:
    """The viewport with the object hidden, so with a bare draw of the same Gaussians, and with the drawer, one after
    the other, again and again: how fast the machine is changes by a third within minutes. After each change the first
    redraws do not count; they take up to twice as long."""
    empty, least, drawn = [], [], []
    bare = bare_draw(made)
    for _ in range(ROUNDS):
        made.hide_viewport = True
        yield SETTLE
        redraw()
        empty.append(redraw())
        handle = bpy.types.SpaceView3D.draw_handler_add(bare, (), "WINDOW", "POST_VIEW")
        redraw()
        least.append(redraw())
        bpy.types.SpaceView3D.draw_handler_remove(handle, "WINDOW")
        made.hide_viewport = False
        yield SETTLE
        redraw()
        drawn.append(redraw(turning=True))
    ratios = sorted(a / b for a, b in zip(drawn, least, strict=True))
    record["empty viewport"] = statistics.median(empty)
    record["empty viewport and bare draw of 100000"] = statistics.median(least)
    record["100000 drawn, turning, by the empty viewport and the bare draw"] = round(statistics.median(ratios), 2)
    record["the least and the most of it"] = [round(ratios[0], 2), round(ratios[-1], 2)]


def redraw(*, turning: bool = False, times: int = 7) -> float:
    """Of the viewport's region, until it is on the screen: the median, in processor time of all threads. Drawn in
    software that is what a redraw takes on a core of its own, whatever else the core has to do."""
    through = view_area().spaces.active.region_3d
    taken = []
    for _ in range(times):
        if turning:
            through.view_rotation = through.view_rotation @ Euler((0, 0.03, 0)).to_quaternion()
            through.update()
        with bpy.context.temp_override(window=window(), area=view_area(), region=window_regions()[0]):
            began = time.process_time()
            bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
            taken.append(round(1e3 * (time.process_time() - began), 2))
    return sorted(taken)[times // 2]


def bare_draw(made: bpy.types.Object) -> Callable[[], None]:
    """Draws the same Gaussians, projected and sorted beforehand, straight into the viewport."""
    kept: dict[str, Any] = {}
    names = importlib.import_module(f"{PACKAGE}.viewport.layer")
    drawer = importlib.import_module(f"{PACKAGE}.viewport.drawer")

    def draw() -> None:
        if not kept:
            kept.update(prepared_gaussians(made, drawer, names))
        with names.blending("ALPHA_PREMULT", "LESS_EQUAL"):
            kept["shader"].bind()
            kept["batch"].draw(kept["shader"])

    return draw


def prepared_gaussians(made: bpy.types.Object, drawer: Any, names: Any) -> dict[str, Any]:
    """A shader that only fades, and triangles in clip space: round, of the splats' mean size on the screen."""
    view = drawer.view_of(bpy.context.region, bpy.context.region_data)
    arrays = importlib.import_module(f"{PACKAGE}.scene.pointcloud").read_arrays(made.data)
    world = np.array(made.matrix_world)
    points = np.append(arrays["positions"], np.ones((len(arrays["positions"]), 1)), axis=1)
    clip = points @ view.to_clip(world).T
    order = np.argsort(-clip[:, 3])
    clip, scales, base = clip[order], arrays["scales"][order], arrays["base"][order]
    reach = np.sqrt(np.maximum(2 * np.log(np.maximum(255 * base[:, 3], 1)), 0))
    sigma = np.exp(np.log(scales).mean(axis=1)) * view.projection[1, 1] * view.height / 2 / clip[:, 3]
    size = reach * np.sqrt(sigma**2 + 0.3)
    corners = np.array([[-(3**0.5), -1.0], [3**0.5, -1.0], [0.0, 2.0]])
    offset = corners[None] * size[:, None, None] * 2 / np.array([view.width, view.height])
    middle = clip[:, None, :3] / clip[:, None, 3:]
    places = np.concatenate([middle[..., :2] + offset, np.repeat(middle[..., 2:], 3, axis=1)], axis=-1)
    spots = corners[None] * reach[:, None, None]
    paint = np.repeat(np.append(0.5 + 0.282 * base[:, :3], base[:, 3:], axis=1)[:, None], 3, axis=1)
    between = gpu.types.GPUStageInterfaceInfo("bare_gaussians")
    between.smooth("VEC2", "fading")
    between.flat("VEC4", "paint")
    info = gpu.types.GPUShaderCreateInfo()
    layout = gpu.types.GPUVertFormat()
    vertices = None
    for slot, (name, values) in enumerate({"place": places, "spot": spots, "color": paint}.items()):
        info.vertex_in(slot, f"VEC{values.shape[-1]}", name)
        layout.attr_add(id=name, comp_type="F32", len=values.shape[-1], fetch_mode="FLOAT")
    vertices = gpu.types.GPUVertBuf(layout, 3 * len(places))
    for name, values in {"place": places, "spot": spots, "color": paint}.items():
        flat = np.ascontiguousarray(values.reshape(-1, values.shape[-1]), np.float32)
        vertices.attr_fill(name, flat)
    info.vertex_out(between)
    info.fragment_out(0, "VEC4", "fragColor")
    info.vertex_source("void main() { fading = spot; paint = color; gl_Position = vec4(place, 1.0); }")
    info.fragment_source(
        "void main() { float a = paint.a * exp(-0.5 * dot(fading, fading)); fragColor = vec4(paint.rgb * a, a); }"
    )
    return {"shader": gpu.shader.create_from_info(info), "batch": gpu.types.GPUBatch(type="TRIS", buf=vertices)}


def in_draw(made: bpy.types.Object, measure: Callable[[bpy.types.Object], float]) -> float:
    """A measurement where the graphics context is: in a redraw, which need not show the object."""
    found: list[float] = []
    made.hide_viewport = True
    handle = bpy.types.SpaceView3D.draw_handler_add(lambda: found.append(measure(made)), (), "WINDOW", "POST_VIEW")
    redraw(times=5)
    bpy.types.SpaceView3D.draw_handler_remove(handle, "WINDOW")
    made.hide_viewport = False
    return round(1e3 * min(found), 2)


def orders(made: bpy.types.Object) -> float:
    drawer = importlib.import_module(f"{PACKAGE}.viewport.drawer")
    cloud = drawer._clouds.get(made.data)
    return timed(lambda: cloud.order(np.random.default_rng().normal(size=3)))


def uploads(made: bpy.types.Object) -> float:
    clouds = importlib.import_module(f"{PACKAGE}.viewport.clouds")
    return timed(lambda: clouds.Clouds().get(made.data))


def sorting(sort: Any, cloud: Any) -> float:
    return round(1e3 * min(timed(lambda: sort.back_to_front(cloud.positions, np.ones(3))) for _ in range(5)), 2)


def snapshot(scene: Any, made: bpy.types.Object, cloud: Any) -> float:
    """What a new snapshot takes of the main thread before the redraw, in its processor's time."""
    began = time.thread_time()
    scene.update_splats(made, cloud)
    bpy.context.view_layer.update()
    return round(1e3 * (time.thread_time() - began), 2)


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def milliseconds(began: float) -> float:
    return round(1e3 * (time.perf_counter() - began), 2)


# ---------------------------------------------------------------- splats, and looking at them


def ball(*, opacity: float = 1.0, color: np.ndarray = COLOR, size: float = 0.3) -> bpy.types.Object:
    return show(cloud_of(opacity, color=color, size=size), "ball")


def cloud_of(opacity: float, *, color: np.ndarray, size: float) -> Any:
    splats = importlib.import_module(f"{PACKAGE}.core.splats")
    return splats.SplatCloud.from_colors(
        positions=np.zeros((1, 3)),
        scales=np.full((1, 3), size),
        rotations=np.array([[1.0, 0, 0, 0]]),
        opacities=np.array([opacity]),
        colors=color[None],
    )


def random_cloud(count: int, *, seed: int = 0) -> Any:
    """A ball of small splats, about as large on the screen as those of a prop."""
    rng, splats = np.random.default_rng(seed), importlib.import_module(f"{PACKAGE}.core.splats")
    return splats.SplatCloud.from_colors(
        positions=0.25 * rng.normal(size=(count, 3)),
        scales=rng.uniform(0.002, 0.008, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0.1, 1, count),
        colors=rng.uniform(0, 1, (count, 3)),
    )


def show(cloud: Any, name: str) -> bpy.types.Object:
    made = importlib.import_module(f"{PACKAGE}.scene.pointcloud").create_splats(cloud, name)
    importlib.import_module(f"{PACKAGE}.scene.display").set_display(made, "SPLATS")
    bpy.context.scene.collection.objects.link(made)
    return made


def plain() -> None:
    """Nothing in the viewport but its background and objects."""
    space = view_area().spaces.active
    space.show_region_ui = space.show_gizmo = False
    for name in ("show_floor", "show_axis_x", "show_axis_y", "show_cursor", "show_text", "show_relationship_lines"):
        setattr(space.overlay, name, False)


def clear() -> None:
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    for data in list(bpy.data.pointclouds):
        bpy.data.pointclouds.remove(data)


def solid(behind: np.ndarray) -> np.ndarray:
    """No splat covers more than 0.99."""
    return 0.99 * COLOR + 0.01 * behind


def toward_viewer(distance: float) -> Vector:
    through = view_area().spaces.active.region_3d
    return through.view_rotation @ Vector((0, 0, distance))


def look(place: Any, region: bpy.types.Region | None = None) -> np.ndarray:
    """[3] the display colour on the screen of a place in the world."""
    region = region or window_regions()[0]
    x, y = location_3d_to_region_2d(region, region.data, Vector(place))
    return pixel(region, x, y)


def pixel(region: bpy.types.Region, x: float, y: float) -> np.ndarray:
    """[3] the display colour on the screen of a place in a region."""
    screen = screenshot()
    row, column = screen.shape[0] - 1 - int(region.y + y), int(region.x + x)
    return screen[row, column] / 255


def screenshot() -> np.ndarray:
    """[H, W, 3] the whole screen, after a redraw of its window."""
    with bpy.context.temp_override(window=window()):
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    raw = subprocess.run(["import", "-window", "root", "-depth", "8", "ppm:-"], check=True, capture_output=True).stdout
    _, size, _, rest = raw.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(rest, np.uint8, width * height * 3).reshape(height, width, 3)


def expect(what: str, seen: np.ndarray, wanted: np.ndarray) -> None:
    print(f"{what}: {np.rint(255 * seen)}, wanted {np.rint(255 * wanted)}", flush=True)
    assert np.abs(seen - wanted).max() <= LEVELS / 255, f"{what} is {255 * seen}, wanted {255 * wanted}"


def close(seen: np.ndarray, color: np.ndarray) -> bool:
    """Told from the background and from other things; seams and edges change a colour somewhat."""
    return bool(np.abs(seen - color).max() < 0.08)


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def window_regions() -> list[bpy.types.Region]:
    return [region for region in view_area().regions if region.type == "WINDOW"]


def undo_push(message: str) -> None:
    with bpy.context.temp_override(window=window()):
        bpy.ops.ed.undo_push(message=message)


if __name__ == "__main__":
    splats = {"type": Path, "help": "a splat file for the picture"}
    run(main, __doc__, splats=splats, parts={"nargs": "+", "choices": PARTS, "default": PARTS})
