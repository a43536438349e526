"""Presets of the user: Blender's own files, written and read by Blender's own operators."""

from pathlib import Path

import bpy
import pytest

import lucid_blender
from lucid_blender.core.options import Vdm
from lucid_blender.generations import to_generation
from lucid_blender.operators.preset_add import FOLDER, MENU
from lucid_blender.properties import LucidSettings
from lucid_blender.settings_check import problems

BUNDLED = sorted((Path(lucid_blender.__file__).parent / "presets" / FOLDER).glob("*.py"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the presets: none of the tests touches the user's."""
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind, *, path="", create=False: made(tmp_path / path))
    monkeypatch.setattr(bpy.utils, "preset_paths", lambda subdir: [str(tmp_path / "presets" / subdir)])
    return tmp_path / "presets" / FOLDER


def made(path: Path) -> str:
    path.mkdir(parents=True, exist_ok=True)
    return str(path)


@pytest.fixture(autouse=True)
def menu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called as it was, after a test: Blender puts the chosen preset's name in its place."""
    shown = getattr(bpy.types, MENU)
    monkeypatch.setattr(shown, "bl_label", shown.bl_label)


@pytest.fixture
def settings() -> LucidSettings:
    found = bpy.context.scene.lucid
    found.prompt, found.seed = "a red mug", 7
    return found


def load(path: Path) -> None:
    assert bpy.ops.script.execute_preset(filepath=str(path), menu_idname=MENU) == {"FINISHED"}


def test_a_preset_brings_the_settings_back_and_leaves_prompt_and_seed(settings: LucidSettings, folder: Path) -> None:
    settings.preset, settings.objective, settings.make_mesh = "draft", "VDM", True
    settings.set_iterations, settings.iterations = True, 77
    settings.negative_prompt = 'grey, "plain"'
    before = to_generation(settings)
    bpy.ops.lucid.preset_add(name="My Look")
    for name in ("preset", "objective", "make_mesh", "set_iterations", "iterations", "negative_prompt"):
        settings.property_unset(name)
    settings.prompt, settings.seed = "a blue car", 8
    load(folder / "My_Look.py")
    assert (settings.prompt, settings.seed) == ("a blue car", 8)
    settings.prompt, settings.seed = "a red mug", 7
    assert to_generation(settings) == before


@pytest.mark.parametrize("customise_before", [False, True])
def test_a_preset_brings_guidance_and_loras_back_or_takes_them_away(
    settings: LucidSettings, folder: Path, customise_before: bool
) -> None:
    bpy.ops.lucid.preset_add(name="plain")
    without = to_generation(settings)
    settings.objective, settings.guidance_scale = "VDM", 9.25
    lora = settings.options.model.loras.add()
    lora.source, lora.weight, lora.trigger = "hat.safetensors", 0.4, "a hat"
    before = to_generation(settings)
    assert before.model.loras and before != without
    bpy.ops.lucid.preset_add(name="look")
    settings.options.model.loras.clear()
    settings.set_guidance, settings.customise = False, customise_before
    settings.objective = "ISM"
    load(folder / "look.py")
    assert to_generation(settings) == before
    load(folder / "plain.py")
    assert to_generation(settings) == without


def test_a_preset_with_all_options_brings_each_of_them_back(settings: LucidSettings, folder: Path) -> None:
    settings.preset, settings.objective = "draft", "VDM"
    settings.customise = True
    settings.options.objective_vdm.learning_rate = 0.00016
    settings.options.cameras.fov_y = (0.5, 0.7)
    settings.options.model.loras.add().source = "hat.safetensors"
    before = to_generation(settings)
    bpy.ops.lucid.preset_add(name="all")
    settings.property_unset("options")
    settings.customise = settings.options_filled = False
    load(folder / "all.py")
    after = to_generation(settings)
    assert isinstance(after.objective, Vdm) and after == before


def test_a_preset_without_all_options_switches_them_off_and_keeps_them(settings: LucidSettings, folder: Path) -> None:
    bpy.ops.lucid.preset_add(name="plain")
    settings.customise = True
    settings.options.views = 9
    load(folder / "plain.py")
    assert not settings.customise and settings.options.views == 9


def test_presets_are_removed_by_name_and_never_overwritten(settings: LucidSettings, folder: Path) -> None:
    bpy.ops.lucid.preset_add(name="one")
    content = (folder / "one.py").read_text()
    settings.make_mesh = True
    assert bpy.ops.lucid.preset_add(name="one") == {"CANCELLED"}
    assert (folder / "one.py").read_text() == content
    bpy.ops.lucid.preset_add(name="one", remove_name=True)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_preset_that_comes_with_the_extension_is_found_and_leaves_nothing_to_put_right(
    settings: LucidSettings, path: Path
) -> None:
    assert str(path.parent) in bpy.utils.preset_paths(FOLDER)
    settings.customise = settings.set_iterations = settings.set_guidance = True
    settings.options.model.loras.add()
    load(path)
    assert problems(bpy.context) == [] and to_generation(settings).prompt == "a red mug"
    assert not settings.customise and not settings.set_iterations and not settings.set_guidance
    assert to_generation(settings).model.loras == ()


def test_the_extension_s_presets_go_with_it() -> None:
    lucid_blender.unregister()
    assert str(BUNDLED[0].parent) not in bpy.utils.preset_paths(FOLDER)
    lucid_blender.register()
