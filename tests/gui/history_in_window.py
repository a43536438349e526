"""Inside a windowed Blender: three prompts through the queue, and what the history shows of them.

    blender --python tests/gui/history_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON [--jobs FOLDER]

Exit code 0 only when the queue has worked itself off and the history shows it. With --jobs the history is that of the
folder, nothing runs, and history.png is the picture of the documentation.
"""

import argparse
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from generate_in_window import PACKAGE, drive, install, picture, prepare_view, sidebar, until  # noqa: E402

PROMPTS = ("a red mushroom", "a blue car", "a green cactus")
SETTLE = 1.5  # seconds
SCALES = (1.0, 2.0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--jobs", type=Path, help="a jobs folder for the picture")
    parser.add_argument("--iterations", type=int, default=25, help="of each prompt in the queue")
    parser.add_argument("--seconds", type=float, default=600, help="for the queue")
    return parser.parse_known_args(sys.argv[sys.argv.index("--") + 1 :])[0]


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    yield SETTLE
    install(options)
    yield SETTLE
    jobs = options.jobs or options.output / "jobs"
    if not options.jobs:
        shutil.rmtree(jobs, ignore_errors=True)
    bpy.context.preferences.addons[PACKAGE].preferences.jobs_folder = str(jobs.absolute())
    open_panels("LUCID_PT_history", *(() if options.jobs else ("LUCID_PT_queue",)))
    prepare_view()
    yield SETTLE
    yield from show_tab()
    if not options.jobs:
        yield from work_off(options)
    lists = bpy.context.window_manager.lucid
    seen = yield from until(lambda: len(lists.history) > 0)
    assert seen, "the history is empty"
    found: dict[str, Any] = {"blender": bpy.app.version_string, "history": [row.name for row in lists.history]}
    for scale in SCALES:
        bpy.context.preferences.view.ui_scale = scale
        yield 2 * SETTLE
        area, region = sidebar()
        scroll_to_end(area, region)
        yield 2 * SETTLE
        picture(options.output / f"history-{scale:.0f}.png")
        if scale == 1:
            cut(options.output / "history.png", region)
    (options.output / "history.json").write_text(json.dumps(found, indent=1))
    print(found, flush=True)
    if not options.jobs:
        assert sorted(found["history"]) == sorted(PROMPTS), found
        yield from through_the_trash(options, lists)


def work_off(options: argparse.Namespace) -> Iterator[float]:
    """Three prompts into the queue; wait until nothing is left."""
    state = importlib.import_module(f"{PACKAGE}.client.job_state").state
    lists, settings = bpy.context.window_manager.lucid, bpy.context.scene.lucid
    settings.preset, settings.set_iterations, settings.iterations = "draft", True, options.iterations
    for prompt in PROMPTS:
        settings.prompt = prompt
        bpy.ops.lucid.queue_add()
    begun = yield from until(lambda: state.busy and state.step > 3, 240)
    assert begun, f"the queue does not start: {state}"
    yield SETTLE
    picture(options.output / "queue.png")
    done = yield from until(lambda: not state.busy and not lists.queue, options.seconds)
    assert done, f"the queue does not end: {state}"
    yield 2 * SETTLE


def through_the_trash(options: argparse.Namespace, lists: bpy.types.PropertyGroup) -> Iterator[float]:
    """Delete two, look, restore one."""
    bpy.context.preferences.view.ui_scale = 1.0
    open_panels("LUCID_PT_history", "LUCID_PT_trash")
    for _ in range(2):
        bpy.ops.lucid.delete_job(folder=lists.history[0].key)
    yield 2 * SETTLE
    scroll_to_end(*sidebar())
    yield 2 * SETTLE
    picture(options.output / "trash.png")
    gone = [row.name for row in lists.trash]
    bpy.ops.lucid.restore_job()
    assert len(lists.history) == 2 and [row.name for row in lists.trash] == gone[1:], gone


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


if __name__ == "__main__":
    bpy.context.preferences.view.show_splash = False
    given = arguments()
    given.output.mkdir(parents=True, exist_ok=True)
    drive(main(given))
