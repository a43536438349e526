"""Inside a windowed Blender: menus, dialogs, redo panels, dropped files and preferences, a picture of each.

    blender --python tests/gui/dialogs_in_window.py -- OUTPUT_DIR --zip ZIP --backend PYTHON

Nothing is generated: the splats come from a file. Exit code 0 only when each operator did what it should and nothing
was logged as an error.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from window import (  # noqa: E402
    PACKAGE,
    SCALES,
    SETTLE,
    install,
    open_panels,
    picture,
    prepare_view,
    run,
    show_tab,
    splats,
    view_area,
    xdotool,
)

MENUS = ("LUCID_MT_object", "VIEW3D_MT_add", "TOPBAR_MT_file_import", "TOPBAR_MT_file_export")
SPLATS = 2000


def main(options: argparse.Namespace) -> Iterator[float]:
    """The test, as pauses in seconds between its steps."""
    yield SETTLE
    install(options)
    yield SETTLE
    prepare_view()
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"  # a window of its own stays black here
    yield SETTLE
    file = options.output / "ball.ply"
    write_ball(file)
    yield from dropped(options, file)
    yield from show_tab()
    for menu in MENUS:
        yield from shown(options, menu.lower(), lambda menu=menu: bpy.ops.wm.call_menu(name=menu))
    yield from in_german(options)
    yield from on_selection(options)
    for name in ("import_splats", "export_splats"):
        yield from in_browser(options, name)
    yield from preferences(options)
    record = {"blender": bpy.app.version_string, "splats": [len(found.data.points) for found in splats()]}
    (options.output / "dialogs.json").write_text(json.dumps(record, indent=1))
    print(record, flush=True)


def write_ball(path: Path) -> None:
    """A ball of splats in the colours of their directions."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(SPLATS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    package = importlib.import_module(f"{PACKAGE}.core.splats")
    cloud = package.SplatCloud(
        positions=0.5 * directions,
        scales=np.full((SPLATS, 3), 0.03),
        rotations=np.tile([1.0, 0, 0, 0], (SPLATS, 1)),
        opacities=np.full(SPLATS, 0.9),
        sh=(directions[:, None] * 0.9).astype(np.float32),
    )
    importlib.import_module(f"{PACKAGE}.core.formats.ply").write_ply(path, cloud)


def dropped(options: argparse.Namespace, file: Path) -> Iterator[float]:
    """What dropping does: a menu where two handlers want the file, and the import at the mouse."""
    entry = {"directory": f"{file.parent}/", "files": [{"name": file.name}]}
    yield from shown(options, "dropped-menu", lambda: bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", **entry))
    in_view(lambda: bpy.ops.lucid.import_splats("INVOKE_DEFAULT", True, **entry))
    yield SETTLE
    (ball,) = splats()
    assert ball.location.length < 10, ball.location
    ball.location = (0, 0, 0)
    yield SETTLE
    picture(options.output / "dropped.png")


def in_german(options: argparse.Namespace) -> Iterator[float]:
    """The sidebar in another language, where this Blender has it."""
    view = bpy.context.preferences.view
    before = view.language
    german = next((name for name in bpy.app.translations.locales if name in ("de_DE", "de")), "")
    if not german:
        return
    view.language, view.use_translate_interface = german, True
    open_panels("LUCID_PT_shape", "LUCID_PT_look")
    yield 3 * SETTLE
    picture(options.output / "german.png")
    said = bpy.app.translations.pgettext_iface("Generate", "Operator")
    view.language = before
    open_panels()
    yield SETTLE
    assert said == "Erzeugen", said


def on_selection(options: argparse.Namespace) -> Iterator[float]:
    """What Object > Lucid does, with its dialogs and what can be adjusted afterwards."""
    for name in ("edit_splats", "mark_asset", "crop_splats", "recolor_splats"):
        operator = getattr(bpy.ops.lucid, name)
        yield from shown(options, name, lambda operator=operator: operator("INVOKE_DEFAULT"))
    (ball,) = splats()
    before = len(ball.data.points)
    bpy.ops.mesh.primitive_cube_add(size=0.8, location=(0.4, 0, 0))
    box = bpy.context.active_object
    box.display_type = "WIRE"
    ball.select_set(True)
    bpy.context.view_layer.objects.active = ball
    in_view(lambda: bpy.ops.lucid.crop_splats("INVOKE_DEFAULT", True))
    yield SETTLE
    assert 0 < len(ball.data.points) < before
    box.select_set(False)
    in_view(lambda: bpy.ops.object.duplicate())
    in_view(lambda: bpy.ops.lucid.recolor_splats("EXEC_DEFAULT", True, hue=2.0))
    yield from shown(options, "recolor-redo", lambda: bpy.ops.screen.redo_last("INVOKE_DEFAULT"))
    for found in splats():
        found.select_set(True)
    assert len(splats()) == 2
    in_view(lambda: bpy.ops.lucid.join_splats("EXEC_DEFAULT", True))
    assert len(splats()) == 1
    yield SETTLE
    picture(options.output / "joined.png")


def in_browser(options: argparse.Namespace, name: str) -> Iterator[float]:
    """A file dialog with the operator's options at its side."""
    operator = getattr(bpy.ops.lucid, name)
    in_view(lambda: operator("INVOKE_DEFAULT"))
    yield 3 * SETTLE
    picture(options.output / f"{name}.png")
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "FILE_BROWSER":
                with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
                    bpy.ops.file.cancel()
                yield SETTLE
                return
    raise AssertionError(f"{name} opened no file browser")


def preferences(options: argparse.Namespace) -> Iterator[float]:
    """The extension's preferences in the place of the viewport."""
    area = view_area()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Lucid"
    bpy.ops.preferences.addon_expand(module=PACKAGE)
    for scale in SCALES:
        bpy.context.preferences.view.ui_scale = scale
        yield 2 * SETTLE
        picture(options.output / f"preferences-{scale:.0f}.png")
    bpy.context.preferences.view.ui_scale = 1.0


def shown(options: argparse.Namespace, name: str, show: Callable[[], object]) -> Iterator[float]:
    """A menu or a dialog, until Escape."""
    xdotool("mousemove", "420", "330")
    yield 0.5
    in_view(show)
    yield SETTLE
    picture(options.output / f"{name}.png")
    xdotool("key", "Escape")
    yield SETTLE


def in_view(do: Callable[[], object]) -> None:
    """Do it as if the mouse were over the viewport."""
    window, area = bpy.context.window_manager.windows[0], view_area()
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        do()


if __name__ == "__main__":
    run(main, __doc__)
