"""Inside a windowed Blender: install the extension, type a prompt, press Generate, and take pictures on the way.

    blender --python tests/gui/generate_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON

Exit code 0 only when splats appeared in the viewport and the run finished. Pictures need ImageMagick's `import`;
mouse and keyboard need `xdotool`: without it the operator is called, and result.json says so.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    GENERATE_BUTTON,
    PACKAGE,
    PROMPT_FIELD,
    PROMPT_LABEL,
    click,
    hover,
    install,
    picture,
    prepare_view,
    run,
    sidebar,
    splats,
    type_into,
    until,
)

SECONDS_TO_SETTLE = 1.0


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
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


def watch(state: object, options: argparse.Namespace) -> Generator[float, None, int]:
    """Wait for the end; pictures early and on the way. Returns how often the splats changed in the viewport."""
    deadline = time.monotonic() + options.seconds
    moments = [("early", 0.1), ("middle", 0.4)]  # names, and shares of the steps; some presets reset opacities at half
    seen, last = 0, None
    while state.busy:
        if time.monotonic() > deadline:
            raise AssertionError(f"not finished after {options.seconds:.0f} s: {state.line()}")
        shown = [found.data.as_pointer() for found in splats()]
        if shown and shown != last:
            seen, last = seen + 1, shown
            if moments and state.step >= state.steps * moments[0][1]:
                yield 1.5
                picture(options.output / f"{moments.pop(0)[0]}.png")
        yield 0.2
    return seen


if __name__ == "__main__":
    run(
        main,
        __doc__,
        prompt={"default": "a red mushroom"},
        preset={"default": "draft"},
        iterations={"type": int, "default": 150},
        seconds={"type": float, "default": 1200, "help": "to finish in"},
    )
