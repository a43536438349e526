"""Inside a windowed Blender: install the extension, type a prompt, press Generate, and take pictures on the way.

    blender --python tests/gui/generate_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON

Exit code 0 only when splats appeared in the viewport and the run finished. Pictures need ImageMagick's `import`;
mouse and keyboard need `xdotool`: without it the operator is called, and result.json says so.
"""

import argparse
import importlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import bpy
from mathutils import Euler

PACKAGE = "bl_ext.user_default.lucid_dreamer"
SECONDS_TO_SETTLE = 1.0
# Where things are in the tab, in units of the interface (22 pixels) from its upper left corner.
PROMPT_LABEL = (4.0, 2.0)
PROMPT_FIELD = (4.0, 3.05)
GENERATE_BUTTON = (4.0, 7.6)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--zip", type=Path, required=True, help="the extension, as `build.py zip` makes it")
    parser.add_argument("--backend", required=True, help="the backend's interpreter")
    parser.add_argument("--prompt", default="a red mushroom")
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=1200, help="to finish in")
    return parser.parse_args(sys.argv[sys.argv.index("--") + 1 :])


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    bpy.context.preferences.view.show_splash = False
    yield SECONDS_TO_SETTLE
    install(options)
    yield SECONDS_TO_SETTLE
    prepare_view()
    yield SECONDS_TO_SETTLE
    area, region = sidebar()
    region.active_panel_category = "Lucid"
    yield 3 * SECONDS_TO_SETTLE
    settings = bpy.context.scene.lucid
    settings.preset, settings.set_iterations, settings.iterations = options.preset, True, options.iterations
    yield from click(region, PROMPT_LABEL)  # the first press only wakes the window
    yield from hover(region, GENERATE_BUTTON)
    yield from type_into(region, PROMPT_FIELD, options.prompt)
    typed = yield from until(lambda: settings.prompt == options.prompt)
    settings.prompt = options.prompt
    region.tag_redraw()
    yield SECONDS_TO_SETTLE
    picture(options.output / "start.png")

    state = importlib.import_module(f"{PACKAGE}.client.job_state").state
    yield from click(region, GENERATE_BUTTON)
    pressed = yield from until(lambda: state.phase != "idle")
    if not pressed:
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
            bpy.ops.lucid.generate("INVOKE_DEFAULT")
    print(f"typed {typed}, pressed {pressed}", flush=True)
    seen = yield from watch(state, options)
    yield 15.0  # the viewport refines its picture
    picture(options.output / "end.png")
    record = {
        "blender": bpy.app.version_string,
        "typed": typed,
        "pressed": pressed,
        "phase": state.phase,
        "message": state.message,
        "advice": state.advice,
        "updates": seen,
        "splats": sum(len(found.data.points) for found in splats()),
    }
    (options.output / "result.json").write_text(json.dumps(record, indent=1))
    print(record, flush=True)
    if state.phase != "finished" or not record["splats"] or not seen:
        raise AssertionError(f"no splats appeared, or the run did not finish: {record}")


def until(condition: Callable[[], bool], seconds: float = 20) -> Generator[float, None, bool]:
    """Wait for what mouse and keyboard bring about: a window that is drawn in software takes its time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        yield 0.2
    return condition()


def install(options: argparse.Namespace) -> None:
    """The zip, as the user would: into the user's own repository, enabled."""
    bpy.ops.extensions.package_install_files(
        filepath=str(options.zip.absolute()), repo="user_default", enable_on_install=True
    )
    bpy.context.preferences.addons[PACKAGE].preferences.backend_python = options.backend


def prepare_view() -> None:
    """An empty scene seen from the front right, with the sidebar open."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    area = view_area()
    space = area.spaces.active
    space.show_region_ui = True
    space.region_3d.view_rotation = Euler((math.radians(72), 0, math.radians(25))).to_quaternion()
    space.region_3d.view_location = (0, 0, 0)
    space.region_3d.view_distance = 2.6


def watch(state: object, options: argparse.Namespace) -> Generator[float, None, int]:
    """Wait for the end; pictures early and half way. Returns how often the splats changed in the viewport."""
    deadline = time.monotonic() + options.seconds
    moments = [("early", 0.1), ("middle", 0.5)]  # names, and shares of the steps
    seen, last = 0, None
    while state.busy:
        if time.monotonic() > deadline:
            raise AssertionError(f"not finished after {options.seconds:.0f} s: {state.line}")
        shown = [found.data.as_pointer() for found in splats()]
        if shown and shown != last:
            seen, last = seen + 1, shown
            if moments and state.step >= state.steps * moments[0][1]:
                yield 1.5
                picture(options.output / f"{moments.pop(0)[0]}.png")
        yield 0.2
    return seen


def splats() -> list[bpy.types.Object]:
    return [found for found in bpy.data.objects if found.type == "POINTCLOUD"]


def view_area() -> bpy.types.Area:
    screen = bpy.context.window_manager.windows[0].screen
    return next(area for area in screen.areas if area.type == "VIEW_3D")


def sidebar() -> tuple[bpy.types.Area, bpy.types.Region]:
    area = view_area()
    return area, next(region for region in area.regions if region.type == "UI")


def place(region: bpy.types.Region, units: tuple[float, float]) -> dict[str, int]:
    """Pixels in the window of a place in the tab, wherever the tab is scrolled to."""
    unit = 22 * bpy.context.preferences.system.ui_scale
    x, y = region.view2d.view_to_region(units[0] * unit, -units[1] * unit, clip=False)
    return {"x": int(region.x + x), "y": int(region.y + y)}


def click(region: bpy.types.Region, units: tuple[float, float]) -> Iterator[float]:
    """A press of the left mouse button by xdotool, as if somebody sat there."""
    yield from hover(region, units)
    xdotool("mousedown", "1")
    yield 0.3
    xdotool("mouseup", "1")
    yield 1.0


def hover(region: bpy.types.Region, units: tuple[float, float]) -> Iterator[float]:
    """Move the mouse over a place, slowly: a button notices it only while it moves."""
    window, where = bpy.context.window_manager.windows[0], place(region, units)
    for step in range(-8, 1):
        xdotool("mousemove", str(where["x"] + step), str(window.height - where["y"]))
        yield 0.2
    yield 1.0


def type_into(region: bpy.types.Region, units: tuple[float, float], text: str) -> Iterator[float]:
    """Click into a text field, write, and end with Return."""
    yield from click(region, units)
    yield 2.0
    xdotool("type", "--delay", "60", text)
    yield 1.0
    xdotool("key", "Return")
    yield 1.0


def xdotool(*words: str) -> None:
    if shutil.which("xdotool"):
        subprocess.run(["xdotool", *words], check=True)


def picture(path: Path) -> None:
    """The whole screen: Blender's own screenshots are black under software drawing."""
    subprocess.run(["import", "-window", "root", str(path)], check=True)


def drive(steps: Iterator[float]) -> None:
    """Run the steps from a timer and end Blender with what they came to."""

    def step() -> float:
        try:
            return next(steps)
        except StopIteration:
            code = 0
        except BaseException:
            traceback.print_exc()
            code = 1
        bpy.ops.preferences.addon_disable(module=PACKAGE)  # ends the backend
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


if __name__ == "__main__":
    given = arguments()
    given.output.mkdir(parents=True, exist_ok=True)
    drive(main(given))
