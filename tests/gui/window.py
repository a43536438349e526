"""What all windowed tests do: their arguments, mouse and keyboard, pictures of the window, a test as steps of a timer.

Pictures need ImageMagick's `import`; mouse and keyboard need `xdotool`.
"""

import argparse
import importlib
import math
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import bpy
from mathutils import Euler

PACKAGE = "bl_ext.user_default.lucid_dreamer"
SETTLE = 1.5  # seconds
SCALES = (1.0, 2.0)  # of the interface
# Where things are in the tab, in units of the interface (22 pixels) from its upper left corner.
PROMPT_LABEL = (4.0, 2.0)
PROMPT_FIELD = (4.0, 3.05)
GENERATE_BUTTON = (4.0, 7.6)

Steps = Iterator[float]  # pauses in seconds between steps


def run(main: Callable[[argparse.Namespace], Steps], text: str, **more: dict[str, Any]) -> None:
    """Do a test from a timer and end Blender with what it came to. ``more`` are arguments beside those of all tests."""
    bpy.context.preferences.view.show_splash = False  # before the window is drawn for the first time
    options = arguments(text, **more)
    options.output.mkdir(parents=True, exist_ok=True)
    drive(main(options))


def arguments(text: str, **more: dict[str, Any]) -> argparse.Namespace:
    """Those behind "--"; what other tests know is let through."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("output", type=Path)
    parser.add_argument("--zip", type=Path, required=True, help="the extension, as `build.py zip` makes it")
    parser.add_argument("--backend", required=True, help="the backend's interpreter")
    for name, settings in more.items():
        parser.add_argument(f"--{name}", **settings)
    return parser.parse_known_args(sys.argv[sys.argv.index("--") + 1 :])[0]


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


def show_tab() -> Iterator[float]:
    """Our tab, once the sidebar has been drawn: until then it forgets which one was asked for."""
    for _ in range(4):
        region = sidebar()[1]
        region.active_panel_category = "Lucid"
        region.tag_redraw()
        yield SETTLE


def open_panels(*names: str) -> None:
    """Register the subpanels once more, these open."""
    classes = importlib.import_module(f"{PACKAGE}.panels").CLASSES
    children = [cls for cls in classes if getattr(cls, "bl_parent_id", "")]
    for cls in reversed(children):
        bpy.utils.unregister_class(cls)
    called: dict[str, str] = {}
    for cls in children:
        if hasattr(cls, "bl_options"):
            cls.bl_options = set() if cls.__name__ in names else {"DEFAULT_CLOSED"}
            cls.bl_idname = cls.__name__ + ("_open" if cls.__name__ in names else "")  # or Blender knows how it was
            called[cls.__name__] = cls.bl_idname
        parent = cls.bl_parent_id.removesuffix("_open")
        cls.bl_parent_id = called.get(parent, cls.bl_parent_id)
        bpy.utils.register_class(cls)


def scroll_to_end(area: bpy.types.Area, region: bpy.types.Region) -> None:
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=area, region=region):
        for _ in range(60):
            bpy.ops.view2d.scroll_down()


def cut(path: Path, region: bpy.types.Region) -> None:
    """A picture of a region alone."""
    window = bpy.context.window_manager.windows[0]
    top = window.height - region.y - region.height
    place = f"{region.width}x{region.height}+{region.x}+{top}"
    subprocess.run(["import", "-window", "root", "-crop", place, "+repage", str(path)], check=True)
