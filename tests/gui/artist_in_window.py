"""Inside a windowed Blender: from an empty Blender to a prop in a saved file, as an artist goes, with a picture a step.

    blender --python tests/gui/artist_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON [--install ARGUMENTS]

The extension is installed from the zip; with --install the backend is, too, made from the Python of --backend by uv
with these arguments. Prompt and button are typed and pressed, the rest is called as its buttons call it. While the
prop grows the view is turned, the run is paused and goes on. Exit code 0 only when every step came to what it should
and nothing was logged as an error. Written down is how long each tick kept the window waiting; no time decides.
"""

import argparse
import importlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
from mathutils import Quaternion

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    GENERATE_BUTTON,
    PACKAGE,
    PROMPT_FIELD,
    PROMPT_LABEL,
    click,
    install,
    picture,
    prepare_view,
    run,
    sidebar,
    splats,
    type_into,
    until,
    view_area,
    xdotool,
)

SETTLE = 2.0  # seconds
LONGEST = 1500.0
PROMPT = "a red mushroom"


class Errors(logging.Handler):
    """What is logged as an error, from now on."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


class Steps:
    """Names the steps, and takes a picture at the end of each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.done = folder, []

    def end(self, name: str) -> None:
        self.done.append(name)
        picture(self.folder / f"artist-{len(self.done):02}-{name}.png")
        print(f"{name}: done", flush=True)


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    steps, errors = Steps(options.output), Errors()
    logging.getLogger().addHandler(errors)
    xdotool("key", "Escape")  # the splash screen
    yield SETTLE
    install(options)
    yield SETTLE
    prepare_view()
    yield SETTLE
    sidebar()[1].active_panel_category = "Lucid"
    yield SETTLE
    steps.end("extension")
    if options.install is not None:
        yield from install_backend(options)
        steps.end("backend")
    ticks = timed("operators.running", "tick")
    yield from generate(options, steps)
    yield from mesh(steps)
    yield from asset(steps)
    yield from keep(options, steps)
    record = {
        "blender": bpy.app.version_string,
        "steps": steps.done,
        "longest_ticks_ms": [[round(1000 * seconds, 1) for seconds in tick] for tick in sorted(ticks)[-10:]],
        "errors": errors.found,
    }
    (options.output / "artist.json").write_text(json.dumps(record, indent=1))
    print(json.dumps(record, indent=1), flush=True)
    assert not errors.found, errors.found


def install_backend(options: argparse.Namespace) -> Iterator[float]:
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    preferences.backend_python, preferences.base_python = "", options.backend
    preferences.install_arguments = options.install
    bpy.context.preferences.system.use_online_access = True
    state = importlib.import_module(f"{PACKAGE}.client.installer").state
    bpy.ops.lucid.install_backend()
    yield from until(lambda: not state.busy, LONGEST)
    assert state.phase == "finished", (state.message, state.advice)
    yield SETTLE


def generate(options: argparse.Namespace, steps: Steps) -> Iterator[float]:
    """Preset, prompt, button; the view is turned while the prop grows; pause and go on; the end."""
    state = importlib.import_module(f"{PACKAGE}.client.job_state").state
    settings, region = bpy.context.scene.lucid, sidebar()[1]
    settings.preset, settings.set_iterations, settings.iterations = "draft", True, options.iterations
    yield from click(region, PROMPT_LABEL)  # the first press only wakes the window
    yield from type_into(region, PROMPT_FIELD, PROMPT)
    assert (yield from until(lambda: settings.prompt == PROMPT)), f"typed {settings.prompt!r}"
    steps.end("prompt")
    yield from click(region, GENERATE_BUTTON)
    assert (yield from until(lambda: state.phase != "idle")), "Generate was pressed, and nothing began"
    yield from turning(lambda: bool(splats()) and state.step >= state.steps // 4)
    yield SETTLE
    steps.end("growing")
    bpy.ops.lucid.pause()
    assert state.phase == "paused"
    yield SETTLE
    held = state.step
    yield 5.0
    assert state.step <= held + 1, "a paused run went on"
    steps.end("paused")
    bpy.ops.lucid.pause()
    yield from turning(lambda: not state.busy)
    assert state.phase == "finished", (state.message, state.advice)
    yield 5.0  # the viewport refines its picture
    steps.end("finished")


def turning(end: Callable[[], bool]) -> Iterator[float]:
    """Orbit, a degree and a half at a time, until the end."""
    through = view_area().spaces.active.region_3d
    deadline = time.monotonic() + LONGEST
    while not end():
        assert time.monotonic() < deadline
        through.view_rotation = Quaternion((0, 0, 1), 0.026) @ through.view_rotation
        yield 0.2


def mesh(steps: Steps) -> Iterator[float]:
    state = importlib.import_module(f"{PACKAGE}.client.job_state").state
    (made,) = splats()
    bpy.context.view_layer.objects.active = made
    with in_view():
        bpy.ops.lucid.splats_to_mesh("INVOKE_DEFAULT")
    yield from until(lambda: not state.busy, LONGEST)
    assert state.phase == "finished", (state.message, state.advice)
    found = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    assert len(found) == 1 and len(found[0].data.polygons) > 100
    made.hide_set(True)
    yield SETTLE
    steps.end("mesh")
    made.hide_set(False)


def asset(steps: Steps) -> Iterator[float]:
    (made,) = splats()
    bpy.ops.object.select_all(action="DESELECT")
    made.select_set(True)
    bpy.context.view_layer.objects.active = made
    with in_view():
        bpy.ops.lucid.mark_asset()
    assert made.asset_data is not None and "mushroom" in made.asset_data.tags
    yield SETTLE
    steps.end("asset")


def keep(options: argparse.Namespace, steps: Steps) -> Iterator[float]:
    """Save, begin another file, open it again: the prop is there with its recipe, and the history knows it."""
    path = str(options.output / "artist.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True)
    yield SETTLE
    assert not splats()
    bpy.ops.wm.open_mainfile(filepath=path)
    yield SETTLE
    (made,) = splats()
    assert made.asset_data is not None
    assert made["prompt"] == PROMPT and json.loads(made["settings"])["prompt"] == PROMPT
    history = bpy.context.window_manager.lucid.history
    assert (yield from until(lambda: [row.name for row in history] == [PROMPT])), [row.name for row in history]
    yield SETTLE
    steps.end("reopened")


def in_view() -> bpy.types.bpy_struct:
    area = view_area()
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region)


def timed(module: str, name: str) -> list[tuple[float, float]]:
    """What a timer's function takes each time, from the next time that it is registered: seconds of the main thread's
    processor, and on the clock, which counts those who share the processor, too."""
    found: list[tuple[float, float]] = []
    owner = importlib.import_module(f"{PACKAGE}.{module}")
    function = getattr(owner, name)

    def measured() -> float | None:
        began, before = time.perf_counter(), time.thread_time()
        try:
            return function()
        finally:
            found.append((time.thread_time() - before, time.perf_counter() - began))

    setattr(owner, name, measured)
    return found


if __name__ == "__main__":
    run(
        main,
        __doc__,
        install={"help": "arguments for uv; without it --backend is a backend already"},
        iterations={"type": int, "default": 150},
    )
