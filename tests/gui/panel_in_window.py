"""Inside a windowed Blender: the sidebar's panel, short, with its sections open, and with something to put right.

    blender --python tests/gui/panel_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON

Exit code 0 only when everything was drawn without an error and the check of the settings is quick.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    GENERATE_BUTTON,
    PACKAGE,
    PROMPT_LABEL,
    SCALES,
    SETTLE,
    click,
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

PRESETS_ICON = (9.35, 0.63)  # in units of the interface from the upper left corner of the tab
LORA = "owner/clay-style"  # of no hub, so that something is wrong to the end
CHECK_MILLISECONDS = 20.0  # of a redraw, for the check of all options, on the slow machine of the tests


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    yield SETTLE
    install(options)
    yield SETTLE
    prepare_view()
    yield SETTLE
    settings = bpy.context.scene.lucid
    settings.prompt = "a red mushroom"
    yield from show_tab()
    region = sidebar()[1]
    state = importlib.import_module(f"{PACKAGE}.client.job_state").state
    yield from click(region, PROMPT_LABEL)  # the first press only wakes the window
    yield from click(region, GENERATE_BUTTON)
    pressed = yield from until(lambda: state.phase != "idle")
    if not pressed:
        picture(options.output / "wrong-generate.png")
    assert pressed, "Generate is somewhere else"
    bpy.ops.lucid.cancel()
    yield from until(lambda: not state.busy)
    for scale in SCALES:
        bpy.context.preferences.view.ui_scale = scale
        yield 2 * SETTLE
        picture(options.output / f"panel-{scale:.0f}.png")
    bpy.context.preferences.view.ui_scale = 1.0
    yield SETTLE
    bpy.ops.mesh.primitive_cube_add()
    settings.initialiser = "MESH"
    fill_look(settings)
    sections = [f"LUCID_PT_{name}" for name in ("shape", "look", "cameras", "performance", "output")]
    open_panels(*sections)
    yield 3 * SETTLE
    picture(options.output / "panel-sections.png")
    bpy.ops.lucid.fix_setting(fix="ACTIVE_MESH")
    settings.customise = True
    yield 2 * SETTLE
    picture(options.output / "panel-options.png")
    scroll_to_end(*sidebar())
    yield 2 * SETTLE
    picture(options.output / "panel-options-end.png")
    check = importlib.import_module(f"{PACKAGE}.settings_check").problems
    began = time.perf_counter()
    for _ in range(10):
        (found,) = check(bpy.context)
        assert LORA in found.message, found
    milliseconds = 100 * (time.perf_counter() - began)
    open_panels()
    yield 2 * SETTLE
    yield from click(sidebar()[1], PRESETS_ICON)
    yield SETTLE
    picture(options.output / "panel-presets.png")
    record = {"blender": bpy.app.version_string, "check": round(milliseconds, 2)}
    (options.output / "panel.json").write_text(json.dumps(record, indent=1))
    print(record, flush=True)
    assert milliseconds < CHECK_MILLISECONDS, record


def fill_look(settings: bpy.types.PropertyGroup) -> None:
    """A look with everything that the section has."""
    settings.negative_prompt, settings.guidance_scale = "grey, blurry", 9.5
    for source, weight, trigger in (("builtin:dipped", 1.0, ""), (LORA, 0.6, "in clay style")):
        bpy.ops.lucid.lora_add()
        lora = settings.options.model.loras[settings.lora_index]
        lora.source, lora.weight, lora.trigger = source, weight, trigger


if __name__ == "__main__":
    run(main, __doc__)
