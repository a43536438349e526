"""Inside a windowed Blender: three prompts through the queue, and what the history shows of them.

    blender --python tests/gui/history_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON [--jobs FOLDER]

Exit code 0 only when the queue has worked itself off and the history shows it. With --jobs the history is that of the
folder, nothing runs, and history.png is the picture of the documentation.
"""

import argparse
import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    PACKAGE,
    SCALES,
    SETTLE,
    cut,
    install,
    open_panels,
    picture,
    prepare_view,
    run,
    scroll_to_end,
    show_tab,
    sidebar,
    until,
)

PROMPTS = ("a red mushroom", "a blue car", "a green cactus")


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


if __name__ == "__main__":
    run(
        main,
        __doc__,
        jobs={"type": Path, "help": "a jobs folder for the picture"},
        iterations={"type": int, "default": 25, "help": "of each prompt in the queue"},
        seconds={"type": float, "default": 600, "help": "for the queue"},
    )
