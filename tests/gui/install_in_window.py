"""Inside a windowed Blender: install the backend on a click, stop it, go on, check it, and take pictures on the way.

    blender --python tests/gui/install_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON [--arguments ...]

--backend is the Python that the environment is made from, --arguments what uv is told besides. Exit code 0 only when
the installed backend has passed its check.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    PACKAGE,
    install,
    picture,
    prepare_view,
    run,
    sidebar,
    until,
    view_area,
    xdotool,
)

SETTLE = 3.0  # seconds
LONGEST = 1500.0


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    xdotool("key", "Escape")  # the splash screen
    xdotool("mousemove", "200", "600")  # away from all that has a tooltip
    yield 1.0
    install(options)
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    preferences.backend_python, preferences.base_python = "", options.backend
    preferences.install_arguments = options.arguments
    bpy.context.preferences.system.use_online_access = True
    yield 1.0
    prepare_view()
    show_preferences()
    yield SETTLE
    sidebar()[1].active_panel_category = "Lucid"
    yield SETTLE
    picture(options.output / "install-none.png")

    state = importlib.import_module(f"{PACKAGE}.client.installer").state
    bpy.ops.lucid.install_backend()
    yield from until(lambda: state.step >= 1 and bool(state.lines), LONGEST)
    yield 1.0
    picture(options.output / "install-running.png")
    assert state.busy, (state.message, state.advice, list(state.lines)[-20:])
    bpy.ops.lucid.cancel_installation()
    yield from until(lambda: not state.busy, 60)
    yield SETTLE
    stopped = state.phase
    picture(options.output / "install-stopped.png")

    bpy.ops.lucid.install_backend()
    yield from until(lambda: not state.busy, LONGEST)
    installed = state.phase, state.message, state.advice
    assert installed[0] == "finished", (installed, list(state.lines)[-20:])
    preferences.base_python = preferences.install_arguments = ""  # this computer's own
    yield SETTLE
    picture(options.output / "preferences.png")
    bpy.ops.lucid.check_backend()
    yield from until(lambda: not state.busy, 120)
    checked = list(state.lines)
    bpy.context.preferences.view.ui_scale = 2.0
    yield SETTLE
    picture(options.output / "install-large.png")
    bpy.context.preferences.view.ui_scale = 1.0

    found = str(importlib.import_module(f"{PACKAGE}.preferences").find_backend())
    record = {"stopped": stopped, "installed": installed, "checked": checked, "backend": found}
    (options.output / "install.json").write_text(json.dumps(record, indent=1))
    print(json.dumps(record, indent=1), flush=True)
    assert stopped == "cancelled" and state.phase == "finished", record


def show_preferences() -> None:
    """The add-on's preferences beside the viewport."""
    area = view_area()
    with bpy.context.temp_override(area=area, region=next(r for r in area.regions if r.type == "WINDOW")):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.48)
    screen = bpy.context.window_manager.windows[0].screen
    left = min((area for area in screen.areas if area.type == "VIEW_3D"), key=lambda area: area.x)
    left.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Lucid"
    bpy.ops.preferences.addon_expand(module=PACKAGE)


if __name__ == "__main__":
    run(main, __doc__, arguments={"default": ""})
